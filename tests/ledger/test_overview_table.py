"""The open decisions, list by list, row by row."""

import pytest

from ankiforge.ledger.passage_states import (
    ReviewStatus,
    row_to_state,
)
from ankiforge.model import MIN_CERTAIN_CONFIDENCE

NEW = {
    "key": "p",
    "passage": "p",
    "document": 1,
    "title": "",
    "position": 0,
    "worth": 0.0,
    "reason": "",
    "carded": 0,
    "skipped": 0,
    "best": None,
    "fate": "",
    "done": 0,
    "undrafted": 0,
    "decided": 0,
    "closed": 0,
    "has_decided_sentence": 0,
    "open_worth": None,
    "passage_keys": None,
    "route": "vault",
    "is_doubted": 0,
}
WORTHY = {"worth": MIN_CERTAIN_CONFIDENCE}


@pytest.mark.parametrize(
    ("columns", "became", "stands", "is_offered"),
    [
        ({}, "no_card", ReviewStatus.WITHOUT_CARD, True),
        (WORTHY, "no_card", ReviewStatus.SUGGESTED, True),
        ({"worth": 0.6}, "no_card", ReviewStatus.MORE, True),
        # where drafting failed, nothing is suggested
        ({"fate": "failed", **WORTHY}, "failed", ReviewStatus.WITHOUT_CARD, True),
        ({"undrafted": 1}, "undrafted", ReviewStatus.WITHOUT_CARD, True),
        ({"fate": "failed", "undrafted": 1}, "failed", ReviewStatus.WITHOUT_CARD, True),
        ({"fate": "no_card"}, "no_card", ReviewStatus.WITHOUT_CARD, True),
        ({"fate": "left_out"}, "left_out", ReviewStatus.SKIPPED, False),
        ({"done": 1, "undrafted": 1}, "decided", ReviewStatus.SKIPPED, False),
        ({"done": 1, "fate": "failed"}, "failed", ReviewStatus.WITHOUT_CARD, True),
        (
            {"best": 1, "done": 1, "fate": "failed"},
            "waiting",
            ReviewStatus.WAITING,
            False,
        ),
        ({"best": 0}, "blocked", ReviewStatus.WAITING, False),
        ({"skipped": 1}, "left_out", ReviewStatus.SKIPPED, False),
        ({"skipped": 1, "best": 1}, "left_out", ReviewStatus.WAITING, False),
        ({"carded": 1}, "carded", ReviewStatus.WITH_CARD, False),
        ({"carded": 1, **WORTHY}, "carded", ReviewStatus.SUGGESTED, True),
        ({"carded": 1, "best": 1, **WORTHY}, "carded", ReviewStatus.WAITING, False),
        ({"carded": 1, "skipped": 1}, "carded", ReviewStatus.WITH_CARD, False),
    ],
)
def test_what_became_of_a_passage(columns, became, stands, is_offered):
    state = row_to_state({**NEW, **columns})
    review_status = state.find_review_status(has_question=False)
    assert (state.status, review_status) == (became, stands)
    assert state.find_review_status(has_question=True) is ReviewStatus.WAITING
    assert state.has_open_sentence is is_offered


@pytest.mark.parametrize(
    ("columns", "remaining"),
    [
        ({"open_worth": 0.3}, 0.5),
        ({"decided": 1, "open_worth": 0.3}, 0.3),
        # a sentence that was decided in another passage
        ({"has_decided_sentence": 1, "open_worth": 0.2}, 0.2),
        # no sentence is left, or wanted
        ({"decided": 1}, -0.5),
        ({"decided": 1, "closed": 1, "open_worth": 0.3}, -0.5),
        # nothing is suggested
        ({"worth": 0.0, "decided": 1, "open_worth": 0.3}, 0.0),
        ({"worth": -2.0, "decided": 1}, -2.0),
    ],
)
def test_the_best_undecided_sentence_counts(columns, remaining):
    assert (
        row_to_state({**NEW, "worth": 0.5, **columns}).remaining_usefulness == remaining
    )
