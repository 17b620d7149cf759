"""Cloze deletions, and our Markdown as plain text and back, sign by sign."""

import pytest

from ankiforge.text.cloze import (
    escape_markdown,
    find_cloze_problems,
    find_clozes,
    format_cloze,
    reveal_answers,
    text_to_markdown,
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
