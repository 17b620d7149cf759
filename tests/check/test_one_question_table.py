"""Which differences make another card, and what a finding about a duplicate becomes when it changes."""

import pytest

from ankiforge.check.duplicates import are_duplicates, extract_sides, recheck_finding
from ankiforge.model import Finding, Severity
from tests.check import cards

STARS = (
    "What did the survey{} count with its new camera?|{} stars in the halo of the galaxy"
)
FIRST = "In {}, what did the survey count with its camera?|stars in the halo"
LAST = "What did the survey count with its camera in {}?|stars in the halo"
ORDER = "Which of the years 1066 and 1087 opened the reign?|in {} at the abbey beside the river"
PLAN = "What did the engineers of plan {} first build?|a bridge over the wide river"


def make_card(words):
    return cards.question(*words.split("|"))


@pytest.mark.parametrize(
    ("words", "other_words", "expected"),
    [
        pytest.param(FIRST.format(2017), LAST.format(2017), True, id="equal numbers"),
        pytest.param(FIRST.format(2017), LAST.format(2018), False, id="numbers of the questions, in other places"),
        pytest.param(STARS.format(" of 2017", "many"), STARS.format("", "many"), True, id="only one has a number"),
        pytest.param(STARS.format("", 400), STARS.format("", 500), False, id="numbers of the answers"),
        pytest.param(ORDER.format(1066), ORDER.format(1087), False, id="the same numbers, another in the answer"),
        pytest.param(ORDER.format(1066), ORDER.format("spring"), True, id="no number in one answer"),
        pytest.param("Which law of the USA taxes income?|the tax act", "Which law of the United States taxes income?|the tax act", True, id="a name and its acronym"),
        pytest.param("What did the engineers of plan A first build?|a bridge", "What did engineers with plan B build first?|a bridge", False, id="letters as labels"),
    ],
)  # fmt: skip
def test_another_number_or_label_makes_another_card(words, other_words, expected):
    sides, other_sides = (
        extract_sides(make_card(words)),
        extract_sides(make_card(other_words)),
    )
    assert are_duplicates(sides, other_sides) is expected
    assert are_duplicates(other_sides, sides) is expected


DUPLICATE = Finding("duplicate", Severity.WARN, "It asks the same.", duplicate="guid")
SAME_FRONT = Finding(
    "same_front", Severity.WARN, "The same question has another answer.", duplicate="guid"
)
PROOF = "What is the proof?|{}"


@pytest.mark.parametrize(
    ("finding", "words", "other_words", "check"),
    [
        pytest.param(DUPLICATE, PLAN.format("A"), PLAN.format("A"), "duplicate", id="still a duplicate"),
        pytest.param(DUPLICATE, PLAN.format("A"), PLAN.format("B"), None, id="no duplicate any more"),
        pytest.param(DUPLICATE, PLAN.format("A"), None, None, id="the other card is gone"),
        pytest.param(SAME_FRONT, PROOF.format("by cosets"), PROOF.format("by naturality"), "same_front", id="still another answer"),
        pytest.param(SAME_FRONT, PROOF.format("by cosets"), PROOF.format("by cosets"), None, id="now the same answer"),
        pytest.param(SAME_FRONT, PROOF.format("by cosets"), "What is the rule?|by naturality", None, id="now another question"),
    ],
)  # fmt: skip
def test_a_finding_is_looked_at_again(finding, words, other_words, check):
    other = make_card(other_words) if other_words else None
    updated = recheck_finding(make_card(words), finding, other)
    assert (updated and updated.check) == check
