"""Which sentences of an answer stand on the words of a passage, as a table."""

import pytest

from ankiforge.features.ask.answering import check_answer

PASSAGES = {
    "a": "The mitochondrion makes most of the ATP of a cell. It has two membranes, and a"
    " genome of 16,569 base pairs that comes from the mother.",
    "b": "In 1928 Alexander Fleming found penicillin in London. Its use may save many lives,"
    " and began in 1941.",
    "c": "Die Gezeiten entstehen, weil der Mond das Meer anzieht. Zweimal am Tag steigt es.",
    "d": "When the pupil widens, more light falls on the retina.",
}
QUESTION = "What did Fleming find, and what makes ATP?"
MAKES = "The mitochondrion makes most of the ATP"
FOUND = "Alexander Fleming found penicillin in London"
LIES = [
    # a number, a name, an acronym, a place from elsewhere
    ("Mitochondria make 38 ATP.", "a", MAKES),
    ("Its genome has 16,659 base pairs.", "a", "a genome of 16,569 base pairs"),
    ("Fleming found it in 1929.", "b", FOUND),
    ("There Fleming and Florey found it.", "b", FOUND),
    ("There Fleming found it in Oxford.", "b", FOUND),
    ("NADH is made with it.", "a", MAKES),
    # a quote from elsewhere, of another passage, or none
    ("Chloroplasts make it, too.", "a", "chloroplasts make the rest of the ATP"),
    ("Mitochondria make most of it.", "b", MAKES),
    ("Mitochondria make most of it.", "x", MAKES),
    ("Mitochondria make most of it.", "a", ""),
    ("Mitochondria make most of it.", "a", "the ATP"),
]


def dropped(says: str, passage: str, quote: str) -> str | None:
    given = {"says": says, "passage": passage, "quote": quote}
    [sentence] = check_answer([given], QUESTION, PASSAGES)
    return sentence.drop_reason


@pytest.mark.parametrize(("says", "passage", "quote"), LIES)
def test_a_planted_lie_is_dropped_and_says_why(says, passage, quote):
    assert dropped(says, passage, quote)


@pytest.mark.parametrize(
    "given",
    [{}, {"says": None}, {"says": 7, "passage": [], "quote": {}}, {"says": "x" * 99_999}],
)
def test_what_is_no_sentence_is_dropped(given):
    [sentence] = check_answer([given], QUESTION, PASSAGES)
    assert sentence.drop_reason
