"""The open decisions, list by list, row by row."""

import pytest

from ankiforge.ledger.pending_items import (
    find_drafting_status,
    find_review_status,
    group_pending_items,
    has_open_sentence,
)
from ankiforge.ledger.questions import _make_id_and_kind
from ankiforge.model import MIN_CERTAIN_CONFIDENCE, UserQuestion, UserQuestionKind

SAME = UserQuestion("quS", UserQuestionKind.SAME, "?")
FORM = UserQuestion("quF", UserQuestionKind.FORM, "?")
CONFLICT = UserQuestion("quC", UserQuestionKind.CONFLICT, "?")


def offer(id: str, passage: str, changes: str = "", *, blocked: bool = False):
    row = {"id": id, "passage": passage, "changes": changes, "blocked": blocked}
    place = {"key": passage, "document": 1, "title": "", "place": 0, "usefulness": 1.0}
    return row | place


@pytest.mark.parametrize(
    ("offers", "new", "passages", "revisions", "blocked"),
    [
        ([], [], [], [], 0),
        ([offer("a", "p"), offer("b", "q")], ["a", "b"], ["p", "q"], [], 0),
        ([offer("b", "q"), offer("a", "p")], ["b", "a"], ["q", "p"], [], 0),
        ([offer("a", "p"), offer("b", "p")], ["a"], ["p"], [], 0),  # one of a passage
        ([offer("a", "p", "af1"), offer("b", "p")], ["b"], ["p"], ["a"], 0),
        ([offer("a", "p"), offer("b", "p", "af1")], ["a"], ["p"], ["b"], 0),
        ([offer("a", "p", "af1"), offer("b", "p", "af2")], [], [], ["a", "b"], 0),
        ([offer("a", "p", blocked=True), offer("b", "q")], ["a", "b"], ["p", "q"], [], 1),
        ([offer("a", "p"), offer("b", "p", blocked=True)], ["a"], ["p"], [], 0),
        ([offer("a", "p", "af1", blocked=True)], [], [], ["a"], 0),
    ],
)
def test_drafts_are_of_one_list(offers, new, passages, revisions, blocked):
    order = group_pending_items([], offers)
    assert (order.new_drafts, order.new_passages) == (new, passages)
    assert (order.revisions, order.blocked_count) == (revisions, blocked)
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
    "passage": "p",
    "carded": 0,
    "skipped": 0,
    "best": None,
    "fate": "",
    "done": 0,
    "undrafted": 0,
    "worth_left": 0.0,
}
WORTHY = {"worth_left": MIN_CERTAIN_CONFIDENCE}


@pytest.mark.parametrize(
    ("columns", "became", "stands", "is_offered"),
    [
        ({}, "no_card", "open", True),
        ({"undrafted": 1}, "undrafted", "open", True),
        ({"fate": "failed", "undrafted": 1}, "failed", "open", True),
        ({"fate": "no_card"}, "no_card", "open", True),
        ({"fate": "left_out"}, "left_out", "skipped", False),
        ({"done": 1, "undrafted": 1}, "decided", "skipped", False),
        ({"done": 1, "fate": "failed"}, "failed", "open", True),
        ({"best": 1, "done": 1, "fate": "failed"}, "waiting", "waiting", False),
        ({"best": 0}, "blocked", "waiting", False),
        ({"skipped": 1}, "left_out", "skipped", False),
        ({"skipped": 1, "best": 1}, "left_out", "waiting", False),
        ({"carded": 1}, "carded", "with_card", False),
        ({"carded": 1, **WORTHY}, "carded", "open", True),
        ({"carded": 1, "best": 1, **WORTHY}, "carded", "waiting", False),
        ({"carded": 1, "skipped": 1}, "carded", "with_card", False),
    ],
)
def test_what_became_of_a_passage(columns, became, stands, is_offered):
    mark = {**NEW, **columns}
    assert (find_drafting_status(mark), find_review_status(mark, ())) == (became, stands)
    assert find_review_status(mark, {"p"}) == "waiting"
    assert has_open_sentence(mark) is is_offered


def test_questions_of_two_kinds_about_the_same_cards_have_different_ids():
    ids = [_make_id_and_kind(kind, "af1", "af2")[0] for kind in UserQuestionKind]
    assert len({*ids}) == len(ids)
