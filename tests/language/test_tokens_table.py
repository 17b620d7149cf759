"""The kinds of words: a row for what is a part of code or of a formula, and may not be hidden."""

import pytest

from ankiforge.language.lexicon import language
from ankiforge.language.tokens import Kind, tokens

ENGLISH = language("en")


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("the { set of cells } is open", "cells", Kind.UNSAFE),  # between braces
        ("the { set of cells } has walls", "walls", Kind.NOUN),  # behind them
        ("the { set { of } cells } has walls", "cells", Kind.UNSAFE),  # within one of two
        ("the \\alpha of cells", "alpha", Kind.UNSAFE),
        ("the x_cells of it", "x_cells", Kind.UNSAFE),
        ("the cells of it", "cells", Kind.NOUN),
        ("the `cells` of it", "`cells`", Kind.SHIELD),
        ("the $x$ of it", "$x$", Kind.SHIELD),
        ("the WHO of it", "WHO", Kind.NAME),
        ("the 42 of it", "42", Kind.NUMBER),
        ("the walls of it", "of", Kind.SMALL),
        ("the cell.", ".", Kind.SIGN),
    ],
)
def test_the_kind_of_a_word(text, word, kind):
    [found] = {token.kind for token in tokens(text, ENGLISH) if token.word == word}
    assert found == kind


@pytest.mark.parametrize(
    ("word", "word_class"),
    [
        ("membrane", "n"),
        ("separates", "v"),
        # by their endings
        ("glorbical", "a"),
        ("glorbly", "r"),
        ("glorbize", "v"),
        ("glorbes", "n"),
    ],
)
def test_the_class_of_a_word(word, word_class):
    assert ENGLISH.look_up(word)[0] == word_class
