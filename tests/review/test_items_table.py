"""Texts of items as sentences: rows."""

import pytest

from ankiforge.review.items import to_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the text has no DNA", "The text has no DNA."),
        ("Anki has it already", "Anki has it already."),
        (" is it in `Cells.md`?", "Is it in “Cells.md”?"),
        ("it is cut off…", "It is cut off…"),
    ],
)
def test_only_the_first_letter_of_a_sentence_changes(text, sentence):
    assert to_sentence(text) == sentence
