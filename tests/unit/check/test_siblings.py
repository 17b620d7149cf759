"""Cards drawn together: one front must not show the other's answer; two ends of a fact may."""

from dataclasses import replace

import pytest

from ankiforge.check import Context, DuplicateIndex, Siblings, check
from ankiforge.model import HighlightKey


def leaks(cards, first, second):
    context = Context(
        cards.passage(first.quote),
        DuplicateIndex(),
        siblings=Siblings([("draft 0", first), ("draft 1", second)]),
    )
    return [found for found in check(first, context) if found.check == "sibling_leak"]


ASKED = ("What masks units while training?", "dropout")
TELLS = ("Why does dropout mask units while training?", "against coadaptation")


def test_a_front_that_holds_question_and_answer_of_another_gives_it_away(cards):
    first = cards.question(*ASKED)
    second = replace(cards.question(*TELLS), intent=1)

    (found,) = leaks(cards, first, second)

    assert "dropout" in found.message
    assert TELLS[0] in found.message
    assert leaks(cards, second, first) == []


def test_a_sibling_of_another_highlight_is_named(cards):
    elsewhere = replace(cards.question(*TELLS), highlight=HighlightKey("vault:notes/b"))

    assert leaks(cards, cards.question(*ASKED), elsewhere)[0].twin == "draft 1"


@pytest.mark.parametrize(
    "changes", [{"intent": 0}, {"intent": 1, "by_hand": True}], ids=["one choice", "by hand"]
)
def test_candidates_of_one_choice_and_cards_of_ones_own_are_spared(cards, changes):
    assert leaks(cards, cards.question(*ASKED), replace(cards.question(*TELLS), **changes)) == []


def test_two_gaps_of_one_sentence_may_show_each_other(cards):
    first = cards.cloze("{{c1::Dropout}} masks units while training.")
    second = replace(cards.cloze("Dropout masks {{c1::units}} while training."), intent=1)

    assert leaks(cards, first, second) == []
