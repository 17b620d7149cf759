"""The normal forms of a text, maths in it, and where its sentences are, row by row."""

import pytest

from ankiforge.text.normalize import (
    blank_out_code_and_urls,
    contains_text,
    convert_to_dollar_math,
    find_literal_spans,
    fold_alphanumerics,
    has_visible_text,
    is_same_text,
    normalize_for_comparison,
    normalize_for_lookup,
    normalize_for_search,
    normalize_keeping_outer_spaces,
    normalize_typography,
    remove_escapes,
    split_at_literal_spans,
)
from ankiforge.text.sentences import (
    find_sentence_around,
    find_sentence_spans,
    find_sentences_by_part,
    trim_span,
)


@pytest.mark.parametrize(
    ("change", "text", "result"),
    [
        (fold_alphanumerics, "A-b_1 ", "ab1"),
        (fold_alphanumerics, "Straße ² Ä！中文", "strasse2ä中文"),
        (normalize_for_lookup, "e\u0301", "é"),
        (normalize_for_lookup, "- -", "--"),
        (normalize_for_comparison, " A  b\n", "a b"),
        (normalize_for_comparison, "Ä  “B”\u00a0", 'ä "b"'),
        (normalize_for_comparison, "x\u00adY—ﬁ", "xy-fi"),
        (normalize_keeping_outer_spaces, " A  b\n", " a b "),
        (normalize_keeping_outer_spaces, "\u00a0Ä  B", " ä b"),
        (
            normalize_typography,
            "‘a’ “b” «c» –—− \u00ad\ufdd0x ′ ″",
            '\'a\' "b" "c" --- x \' "',
        ),
        (normalize_for_search, "A\0b x^{2} x^2", "a b x2 x2"),
        (blank_out_code_and_urls, "see https://x.org/a `b` or", "see     or"),
        (blank_out_code_and_urls, "$x$ $5 and $6 $y", "  $5 and $6 $y"),
        (blank_out_code_and_urls, "a `b\n` c", "a `b\n` c"),
        (remove_escapes, r"\*a\\ `\*` $\*$", "*a\\ `\\*` $\\*$"),
    ],
)
def test_a_text_in_its_normal_form(change, text, result):
    assert change(text) == result


@pytest.mark.parametrize(
    ("text", "is_visible"),
    [
        *((sign, True) for sign in ("a", "é", "–", "中", "\u0301")),
        *(
            (sign, False)
            for sign in ("", " ", "\n", "\u200b", "\u00ad", "\u3000", "\ufdd0", "\x07")
        ),
        ("\u200bé", True),
    ],
)
def test_a_text_can_be_seen(text, is_visible):
    assert has_visible_text(text) is is_visible


@pytest.mark.parametrize(
    ("text", "part", "is_in_it"),
    [
        ("An “Ä”  b", '"ä" B', True),
        ("abc", "", True),
        ("abc", "x", False),
        ("b", "abc", False),
    ],
)
def test_a_text_contains_another(text, part, is_in_it):
    assert contains_text(text, part) is is_in_it
    assert is_same_text(text, part) is False


@pytest.mark.parametrize(
    ("text", "converted"),
    [
        (r"\(a\)1 x", "$a1$ x"),
        (r"\[x_1\]", "$$x_1$$"),
        (r"\[a=b\]", "$$a=b$$"),
        ("\\( \\alpha\nb \\)", r"$\alpha b$"),
        ("\\[\na\n\\]", "$$ a $$"),
        ("\\begin{align}a\\\\b\\end{align}", "$$\\begin{align}a\\\\b\\end{align}$$"),
        ("\\begin{math}a\\end{math}", "$$a$$"),
        ("a $`x_1`$ b", "a $x_1$ b"),
        # brackets around words, code, our own maths, and what never ends
        (r"\(see below\) \[1\]", r"\(see below\) \[1\]"),
        (r"`\(a\)` $x$ \(b\)", r"`\(a\)` $x$ $b$"),
        (r"$$x$$ \(y\) a\\(b)", r"$$x$$ $y$ a\\(b)"),
        (r"\(a", r"\(a"),
        ("$`a`$1", "$`a`$1"),
    ],
)
def test_maths_in_other_notations(text, converted):
    assert convert_to_dollar_math(text) == converted


def test_the_text_between_formulas_is_changed():
    assert convert_to_dollar_math(r"a \(b\) c", str.upper) == "A $b$ C"
    assert convert_to_dollar_math("a", str.upper) == "A"


@pytest.mark.parametrize(
    ("markdown", "spans"),
    [
        ("a `b` c", [(2, 5, "code")]),
        ("~~~\na\n~~~\nb", [(0, 9, "fence")]),
        ("$$a$$ $b$", [(0, 5, "display"), (6, 9, "math")]),
        (r"\$a$", [(0, 2, "escape")]),
        ("```\na", []),
    ],
)
def test_where_markdown_is_literal(markdown, spans):
    assert find_literal_spans(markdown) == spans
    parts = list(split_at_literal_spans(markdown))
    assert "".join(text + literal for text, literal, _ in parts) == markdown
    assert [kind for *_, kind in parts] == [*(kind for *_, kind in spans), ""]


# --- sentences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("No", [["No"]]),
        ("One. Two\n- Three\n\nFour", [["One.", "Two"], ["Three"], ["Four"]]),
        ("a\n1) b\n(2) c", [["a"], ["b"], ["c"]]),
        ("Of two: • a. • b", [["Of two:"], ["a"], ["b"]]),
        ("a – b, 1-2", [["a – b, 1-2"]]),
        ("", [[]]),
    ],
)
def test_the_sentences_of_each_part(text, parts):
    found = find_sentences_by_part(text)
    assert [[text[slice(*span)].rstrip(".") for span in part] for part in found] == [
        [sentence.rstrip(".") for sentence in part] for part in parts
    ]


@pytest.mark.parametrize(
    ("span", "around"),
    [
        ((0, 2), (0, 4)),
        ((6, 7), (5, 9)),
        ((3, 6), (0, 9)),
        ((4, 4), (0, 4)),
        ((5, 5), (5, 9)),
        ((0, 5), (0, 4)),
        ((8, 16), (5, 16)),
        ((15, 99), (10, 16)),
    ],
)
def test_the_sentences_around_a_span(span, around):
    assert find_sentence_around("One. Two. Three.", *span) == around
    assert find_sentence_around("  ", *span) == span


def test_spans_without_spaces_around_them():
    assert find_sentence_spans(" a b ", [2]) == [(1, 2), (3, 4)]
    assert find_sentence_spans("") == []
    assert trim_span("xx a yy", 2, 5) == (3, 4)
    assert trim_span("   ", 0, 3) == (3, 3)
