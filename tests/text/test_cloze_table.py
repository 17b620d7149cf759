"""Cloze deletions, and our Markdown as plain text and back, sign by sign."""

import pytest

from ankiforge.text.cloze import (
    add_clozes,
    escape_cloze_braces,
    escape_markdown,
    find_cloze_problems,
    find_clozes,
    find_image_paths,
    format_cloze,
    format_cloze_answers,
    parse_image_label,
    reveal_answers,
    split_around_clozes,
    split_at_clozes,
    text_to_markdown,
    to_plain_text,
    to_terminal_text,
)


@pytest.mark.parametrize(
    ("answer", "hint", "cloze"),
    [
        ("b", "", "{{c3::b}}"),
        ("b", "c d", "{{c3::b::c d}}"),
        # what would end the answer is escaped, except in code and maths
        ("a::b", "c::d", r"{{c3::a:\:b::c:\:d}}"),
        (":a:", "", r"{{c3::\:a\:}}"),
        ("a:b", "", "{{c3::a:b}}"),
        ("{x}", "", r"{{c3::\{x\}}}"),
        ("`a::b}}` $\\frac{a}{b}$", "", "{{c3::`a::b}}` $\\frac{a}{b}$}}"),
    ],
)
def test_a_cloze_deletion_is_written_so_that_it_is_read(answer, hint, cloze):
    assert format_cloze(3, answer, hint) == cloze
    [read] = find_clozes(cloze)
    assert (read.numbers, reveal_answers(cloze)) == ((3,), read.answer)


@pytest.mark.parametrize(
    ("text", "spans", "cloze"),
    [
        ("one two three", ((8, 13), (0, 3)), "{{c1::one}} two {{c2::three}}"),
        ("{{n}} a {{m}}", ((6, 7),), r"{\{n}\} {{c1::a}} {\{m}\}"),
        ("{{n}}", (), r"{\{n}\}"),
    ],
)
def test_spans_become_cloze_deletions(text, spans, cloze):
    assert add_clozes(text, spans) == cloze
    assert escape_cloze_braces("{{n}} `{{n}}` {n}") == r"{\{n}\} `{{n}}` {n}"


def test_all_that_is_known_of_nested_cloze_deletions():
    text = "x {{c2,7::a {{c1::b}}::h}} {{c3::y::h::i}}"
    clozes = find_clozes(text)
    assert [(c.numbers, c.answer, c.hint) for c in clozes] == [
        ((2, 7), "a {{c1::b}}", "h"),
        ((1,), "b", ""),
        ((3,), "y", "h::i"),
    ]
    for cloze in clozes:
        assert text[cloze.start : cloze.answer_start].startswith("{{c")
        assert text[cloze.answer_start :].startswith(cloze.answer)
        assert text[: cloze.end].endswith("}}")
    around = [
        (before, cloze and cloze.answer)
        for before, cloze in split_around_clozes(text, clozes)
    ]
    assert around == [("x ", "a {{c1::b}}"), (" ", "y"), ("", None)]


@pytest.mark.parametrize(("depth", "count"), [(20, 20), (21, 20), (22, 20)])
def test_what_is_nested_too_deeply_is_text(depth, count):
    assert len(find_clozes("{{c1::" * depth + "x" + "}}" * depth)) == count


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a", ["no cloze in the text"]),
        ("ab {{c1::b", ["a cloze opened at character 3 is never closed"]),
        ("{{c1::a}} {{c1::b", ["a cloze opened at character 10 is never closed"]),
        ("{{c1::}} {{c0::a}}", ["a cloze is empty", "cloze numbers go from 1 to 500"]),
        ("{{c1::\u200b}}", ["a cloze is empty"]),
        ("{{c1,501::a}}", ["cloze numbers go from 1 to 500"]),
        ("{{c1,500::a}}", []),
    ],
)
def test_the_problems_of_a_cloze_text(text, problems):
    assert list(find_cloze_problems(text)) == problems


@pytest.mark.parametrize(
    ("markdown", "pairs", "shown"),
    [
        ("a {{c1::b}} c", [("a ", "b"), (" c", "")], "a [b] c"),
        ("{{c1::a}}{{c2::b}}", [("", "a"), ("", "b"), ("", "")], "[a][b]"),
        ("no", [("no", "")], "no"),
        ("{{c1::**b**::h}} {{c2::c {{c3::d}}}}", [("", "b"), (" ", "c d"), ("", "")], "[b] [c d]"),
        ("**a {{c1::b}} c**", [("a ", "b"), (" c", "")], "a [b] c"),
        ("{{c1::$x$}} $y$", [("", "x"), (" y", "")], "[$x$] $y$"),
        ("{{c1::}} x", [("", ""), (" x", "")], " x"),
    ],
)  # fmt: skip
def test_a_field_is_split_at_its_cloze_deletions(markdown, pairs, shown):
    assert split_at_clozes(markdown) == pairs
    assert to_terminal_text(markdown) == shown


def test_the_answers_of_a_field():
    assert format_cloze_answers("{{c1::**a**}} and {{c2::b {{c3::c}}}}") == "a · b c · c"
    assert to_terminal_text("a {{c1::b}}", "<", ">") == "a <b>"


PLAIN = {
    "***a*** __b__ _c_ ~~d~~ ==e==": "a b c d e",
    "**a *b* c**": "a b c",
    "b*c a_b_c 2 * 3": "b*c a_b_c 2 * 3",
    "<https://a.org/x> y": "https://a.org/x y",
    "a<br>b \\<br>": "a\nb <br>",
    "[a](b) ![c|300](x.png) ![d](y.png)": "a c d",
    "[a]\n(b)": "[a]\n(b)",
    "* a\n+ b\n> c": "a\nb\nc",
    "## a": "a",
    "####### a": "####### a",
    "``a`b``": "a`b",
    "```py\na\n```": "a",
    "<b>x</b> &amp;": "x &amp;",
    r"\*a\*": "*a*",
}


@pytest.mark.parametrize(("markdown", "plain"), PLAIN.items(), ids=list(PLAIN))
def test_the_plain_text_of_a_field(markdown, plain):
    assert to_plain_text(markdown) == plain


def test_formulas_keep_their_dollars_if_they_are_wanted():
    text = "{{c1::$a$::h}} $$b$$ `c` $5"
    assert to_plain_text(text) == "a b c $5"
    assert to_plain_text(text, keep_dollars=True) == "$a$ $$b$$ c $5"


ESCAPED = {
    "a*b _c a_b _d_": r"a\*b \_c a_b \_d\_",
    "1. a": r"1\. a",
    "12) b": r"12\) b",
    "x 1. a": "x 1. a",
    "# a": r"\# a",
    "#a -a +b": "#a -a +b",
    "  - a": r"  \- a",
    "+ a": r"\+ a",
    ">a": r"\>a",
    "==a=b": r"=\=a=b",
    "~~a~b": r"~\~a~b",
    "[a] ](": r"\[a] \](",
    "&amp; &#1; a & b": r"\&amp; \&#1; a & b",
    "a<b $5 `": r"a\<b \$5 \`",
    "{{a}} {b}": r"{\{a}\} {b}",
    "a::b c:d": r"a:\:b c:d",
    "---": r"\---",
    "===": r"\===",
    "| a | b": "| a | b",
    "\\*": r"\\\*",
    "\\a": "\\a",
    "\\\n": "\\\\\n",
}


@pytest.mark.parametrize(("text", "markdown"), ESCAPED.items(), ids=list(ESCAPED))
def test_what_would_be_markup_is_escaped(text, markdown):
    assert escape_markdown(text) == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (r"\(a^2\) and *b", r"$a^2$ and \*b"),
        (r"\[x=1\] y", "$$x=1$$ y"),
        ("a $`x_1`$ b", "a $x_1$ b"),
        ("a_b_", r"a_b\_"),
    ],
)
def test_plain_text_with_maths(text, markdown):
    assert text_to_markdown(text) == markdown


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        ("a|300", ("a", "300")),
        (r"a\|300", ("a", "300")),
        ("a|300x200", ("a", "300")),
        ("|30", ("", "30")),
        ("a|b", ("a|b", "")),
        ("a|12345", ("a|12345", "")),
    ],
)
def test_the_label_of_a_picture(label, parts):
    assert parse_image_label(label) == parts


def test_the_pictures_of_a_field_are_named_once():
    text = "![a](b.png) ![](<c.png>) ![x|30](b.png) ![q](e.png 't') [no](f.png)"
    assert find_image_paths(text) == ("b.png", "c.png", "e.png")
