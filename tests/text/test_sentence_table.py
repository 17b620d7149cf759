"""Messages as sentences: rows."""

import pytest

from ankiforge.text import format_as_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the text has no DNA", "The text has no DNA."),
        ("Anki has it already", "Anki has it already."),
        (" is it in `Cells.md`?", "Is it in “Cells.md”?"),
        ("`a` and `b`", "“a” and “b”."),
        ("it is cut off…", "It is cut off…"),
        ("it is there. ", "It is there."),
        ("it is there!", "It is there!"),
        ("one of these:", "One of these:"),
    ],
)
def test_only_the_first_letter_of_a_sentence_changes(text, sentence):
    assert format_as_sentence(text) == sentence
