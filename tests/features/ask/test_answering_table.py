"""Which sentences of an answer stand on the words of a passage, as a table."""

import random

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
TRUE = [
    ("Mitochondria make most of the ATP.", "a", MAKES),
    ("ATP is made by an organelle.", "a", "makes most of the ATP of a cell"),
    ("It is enclosed by two membranes.", "a", "It has two membranes"),
    ("Its genome has 16569 base pairs.", "a", "a genome of 16,569 base pairs"),
    (
        "Fleming found penicillin in 1928.",
        "b",
        "In 1928 Alexander Fleming found penicillin",
    ),
    ("It may save lives.", "b", "Its use may save many lives"),
    ("One organelle does it.", "a", MAKES),
    ("Der Mond zieht das Meer an.", "c", "weil der Mond das Meer anzieht"),
    ("The Moon makes the tides.", "c", "weil der Mond das Meer anzieht"),
    ("Light reaches the retina.", "d", "more light falls on the retina"),
]
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
# a false verb with the words of its quote is not noticed: so each is printed over its quote
UNNOTICED = [("When light falls, the pupil widens.", "d", "When the pupil widens")]


def dropped(says: str, passage: str, quote: str) -> str | None:
    given = {"says": says, "passage": passage, "quote": quote}
    [sentence] = check_answer([given], QUESTION, PASSAGES)
    return sentence.drop_reason


@pytest.mark.parametrize(("says", "passage", "quote"), [*TRUE, *UNNOTICED])
def test_what_the_quote_says_stays(says, passage, quote):
    assert dropped(says, passage, quote) is None


@pytest.mark.parametrize(("says", "passage", "quote"), LIES)
def test_a_planted_lie_is_dropped_and_says_why(says, passage, quote):
    assert dropped(says, passage, quote)


def test_every_sentence_that_is_shown_has_a_located_quote():
    dice = random.Random(7)
    shown = 0
    for _ in range(1_000):
        label = dice.choice(list(PASSAGES))
        words = PASSAGES[dice.choice(list(PASSAGES))].split()
        start = dice.randrange(len(words))
        quoted = words[start : start + dice.randrange(9)]
        if dice.random() < 0.3 and quoted:
            quoted[dice.randrange(len(quoted))] = dice.choice(words)
        given = {"says": "It is so.", "passage": label, "quote": " ".join(quoted)}
        for sentence in check_answer([given] * 5, QUESTION, PASSAGES):
            if not sentence.drop_reason:
                shown += 1
                assert sentence.quote in PASSAGES[sentence.passage_label]
    assert shown >= 200


@pytest.mark.parametrize(
    "given",
    [{}, {"says": None}, {"says": 7, "passage": [], "quote": {}}, {"says": "x" * 99_999}],
)
def test_what_is_no_sentence_is_dropped(given):
    [sentence] = check_answer([given], QUESTION, PASSAGES)
    assert sentence.drop_reason
