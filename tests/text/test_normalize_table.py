"""The normal forms of a text, maths in it, and where its sentences are, row by row."""

import pytest

from ankiforge.text.normalize import (
    convert_to_dollar_math,
)
from ankiforge.text.sentences import (
    find_sentence_around,
)


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


# --- sentences ----------------------------------------------------------------------------------


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
