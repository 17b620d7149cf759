"""Chosen passages are found again in a document that changed: the rule of docs/reference/keys.md."""

import pytest

from ankiforge.model import QuoteReading
from ankiforge.text.keys import build_anchor
from ankiforge.text.located import DocumentLetters, relocate_passage

MOSS = "Moss has no roots."
FERN = "Ferns have roots, and their leaves unroll from the tip."
SALT = "Salt slows the yeast down."


def chosen(words: str, pages: list[str]) -> QuoteReading:
    """The words as they were chosen where they stand first."""
    text = next(page for page in pages if words in page)
    start = text.index(words)
    _, before, after = build_anchor(words, text[:start], text[start + len(words) :])
    return QuoteReading(words, before, after)


BEFORE = [f"On plants. {MOSS} {FERN} {SALT}"]
TWICE = [f"First. {SALT} Then {MOSS} Once more. {SALT} The end."]
ROWS = {
    "as it was": (BEFORE, BEFORE, FERN, FERN),
    "moved within the document": (
        BEFORE,
        [f"{SALT} {FERN} On plants. {MOSS}"],
        FERN,
        FERN,
    ),
    "another page": (BEFORE, ["New.", f"On plants. {MOSS} {FERN} {SALT}"], FERN, FERN),
    "other signs and breaks": (
        BEFORE,
        [
            f"On plants. {MOSS} Ferns have roots – and their\nleaves unroll from the tip. {SALT}"
        ],
        FERN,
        "Ferns have roots – and their leaves unroll from the tip.",
    ),
    "some words changed between the same sides": (
        BEFORE,
        [
            f"On plants. {MOSS} Ferns have true roots, and their leaves unroll from the tip. {SALT}"
        ],
        FERN,
        "Ferns have true roots, and their leaves unroll from the tip.",
    ),
    "some words changed, and a side": (
        BEFORE,
        [
            f"On plants. Ferns have true roots, and their leaves unroll from the tip. {SALT}"
        ],
        FERN,
        None,
    ),
    "other words between the same sides": (
        BEFORE,
        [f"On plants. {MOSS} Horsetails bear spores in cones at their stems. {SALT}"],
        FERN,
        None,
    ),
    "deleted": (BEFORE, [f"On plants. {MOSS} {SALT}"], FERN, None),
    "of two places, the one with both sides": (
        [f"First. {SALT} Then {MOSS}"],
        [f"Once more. {SALT} The end. First. {SALT} Then {MOSS}"],
        SALT,
        SALT,
    ),
    "two places, and no sides": (
        [f"First. {SALT} Then {MOSS}"],
        [f"Here. {SALT} The end. There. {SALT} And so on."],
        SALT,
        None,
    ),
    "over the page break": (
        ["On plants. Ferns have roots, and their leaves unroll from the tip. Salt."],
        ["On plants. Ferns have roots, and their", "leaves unroll from the tip. Salt."],
        FERN,
        FERN,
    ),
    "an empty document": (BEFORE, [""], FERN, None),
    "no page": (BEFORE, [], FERN, None),
}


@pytest.mark.parametrize(
    ("before", "now", "words", "found"), ROWS.values(), ids=list(ROWS)
)
def test_a_passage_is_found_again_or_gone(before, now, words, found):
    located = relocate_passage(DocumentLetters(now), [chosen(words, before)], 0)
    assert (located.quote if located else None) == found


def test_of_several_equal_places_the_nearest_is_it():
    same = f"Again. {SALT} And again. {MOSS} " * 3
    letters = DocumentLetters([same])
    places = list(letters.find_occurrences("saltslowstheyeastdown"))
    for place in places:
        located = relocate_passage(
            letters, [QuoteReading(SALT, "again", "and")], place + 3
        )
        assert located is not None
        assert located.letter_span[0] == place


def test_an_older_reading_finds_what_the_last_does_not():
    readings = [
        QuoteReading("Words that stand nowhere.", "", ""),
        QuoteReading(MOSS, "", ""),
    ]
    located = relocate_passage(DocumentLetters(BEFORE), readings, 0)
    assert located is not None
    assert located.quote == MOSS


def test_a_stretch_keeps_the_signs_at_its_ends():
    letters = DocumentLetters(["He said: “Moss has no roots.” Then he left."])
    located = relocate_passage(
        letters, [QuoteReading("“Moss has no roots.”", "hesaid", "then")], 0
    )
    assert located is not None
    assert located.quote == "“Moss has no roots.”"


@pytest.mark.parametrize(
    ("page", "offset", "letter"),
    [
        (0, 0, 0),
        (0, 1, 0),
        (0, 2, 1),
        (0, 4, 2),
        (1, 0, 2),
        (1, 2, 3),
        (1, 9, 4),
        (2, 0, 4),
    ],
)
def test_the_first_letter_at_or_behind_a_place(page, offset, letter):
    assert DocumentLetters([" a b", "c d", ""]).get_letter_index(page, offset) == letter
