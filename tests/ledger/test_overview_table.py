"""The open decisions, list by list, row by row."""

import pytest

from ankiforge.ledger.passage_states import (
    ReviewStatus,
    row_to_state,
    select_leading_rows,
)
from ankiforge.ledger.pending_items import group_pending_items
from ankiforge.ledger.questions import _make_id_and_kind
from ankiforge.ledger.tables.offers import Offer
from ankiforge.model import MIN_CERTAIN_CONFIDENCE, UserQuestion, UserQuestionKind

SAME = UserQuestion("quS", UserQuestionKind.SAME, "?")
FORM = UserQuestion("quF", UserQuestionKind.FORM, "?")
CONFLICT = UserQuestion("quC", UserQuestionKind.CONFLICT, "?")


def offer(id: str, passage: str, changes: str | None = None, *, blocked: bool = False):
    return Offer(
        id=id, key=passage, passage_key=passage, changed_guid=changes, is_hand_written=False,
        worst_severity="block" if blocked else "", confidence=1.0, usefulness=1.0,
        is_passage_decided=False, document=1, title="", place=0, position=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offers", "new", "passages", "revisions", "offered"),
    [
        ([], [], [], [], []),
        ([offer("a", "p"), offer("b", "q")], ["a", "b"], ["p", "q"], [], ["a", "b"]),
        ([offer("b", "q"), offer("a", "p")], ["b", "a"], ["q", "p"], [], ["b", "a"]),
        (
            [offer("a", "p"), offer("b", "p")],
            ["a"],
            ["p"],
            [],
            ["a", "b"],
        ),  # one of a passage
        ([offer("a", "p", "af1"), offer("b", "p")], ["b"], ["p"], ["a"], ["b"]),
        ([offer("a", "p"), offer("b", "p", "af1")], ["a"], ["p"], ["b"], ["a"]),
        ([offer("a", "p", "af1"), offer("b", "p", "af2")], [], [], ["a", "b"], []),
        (
            [offer("a", "p", blocked=True), offer("b", "q")],
            ["a", "b"],
            ["p", "q"],
            [],
            ["a", "b"],
        ),
        ([offer("a", "p"), offer("b", "p", blocked=True)], ["a"], ["p"], [], ["a", "b"]),
        ([offer("a", "p", "af1", blocked=True)], [], [], ["a"], []),
    ],
)
def test_drafts_are_of_one_list(offers, new, passages, revisions, offered):
    order = group_pending_items([], offers)
    assert (order.new_drafts, order.new_passages) == (new, passages)
    assert (order.revisions, order.offered_drafts) == (revisions, offered)
    assert order.changed_cards == revisions


@pytest.mark.parametrize(
    ("asked", "conflicts", "questions"),
    [
        ([SAME, CONFLICT, FORM], ["quC"], ["quS", "quF"]),
        ([CONFLICT], ["quC"], []),
        ([], [], []),
    ],
)
def test_a_conflict_is_a_change_and_no_question(asked, conflicts, questions):
    order = group_pending_items(
        asked, [offer("a", "p", "af1")], uncarded=["k"], data_version=7
    )
    assert (order.conflicts, order.questions) == (conflicts, questions)
    assert order.changed_cards == [*conflicts, "a"]
    assert (order.without_card, order.data_version) == (["k"], 7)


def test_each_draft_of_a_passage_is_counted_and_a_change_is_none():
    offers = [offer("a", "p"), offer("b", "q"), offer("c", "p"), offer("d", "p", "af1")]
    drafts = group_pending_items([], offers).drafts
    assert [(each.id, each.draft_count) for each in drafts] == [("a", 2), ("b", 1)]


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


@pytest.mark.parametrize(
    ("routes", "doubted", "leading"),
    [
        ("p:vault", "", "p"),
        ("p:vault q:zotero", "", "q"),
        ("p:vault q:pdf r:other", "", "q"),
        ("p:other q:vault", "", "q"),
        ("q:vault p:vault", "", "p"),
        # without the passages about whose document the user is asked
        ("p:vault", "p", ""),
        ("p:vault q:zotero", "q", ""),
        ("p:vault q:zotero", "p", "q"),
    ],
)
def test_a_passage_takes_its_text_from_its_leading_highlight(routes, doubted, leading):
    rows = []
    for highlight in routes.split():
        key, route = highlight.split(":")
        row = {"key": key, "route": route, "is_doubted": key == doubted}
        rows.append({**NEW, "passage_keys": '["p","q","r"]', **row})
    other_row = {**NEW, "key": "x", "passage": "x"}
    keys = [row["key"] for row in select_leading_rows([*rows[:1], other_row, *rows[1:]])]
    assert sorted(keys) == [*leading, "x"]


def test_leading_highlights_keep_their_order():
    aliased = {**NEW, "passage_keys": '["p","q"]'}
    first = {**aliased, "key": "p", "route": "vault"}
    between = {**NEW, "key": "x", "passage": "x"}
    last = {**aliased, "key": "q", "route": "zotero"}
    assert select_leading_rows([first, between, last]) == [between, last]


def test_questions_of_two_kinds_about_the_same_cards_have_different_ids():
    ids = [_make_id_and_kind(kind, "af1", "af2")[0] for kind in UserQuestionKind]
    assert len({*ids}) == len(ids)
