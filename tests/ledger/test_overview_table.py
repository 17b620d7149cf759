"""The open decisions, list by list, row by row."""

import pytest

from ankiforge.ledger.overview import arranged
from ankiforge.model import Question, QuestionKind

SAME = Question("quS", QuestionKind.SAME, "?")
FORM = Question("quF", QuestionKind.FORM, "?")
CONFLICT = Question("quC", QuestionKind.CONFLICT, "?")


def offer(id: str, passage: str, changes: str = "", *, blocked: bool = False):
    return {"id": id, "passage": passage, "changes": changes, "blocked": blocked}


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
    order = arranged([], offers)
    assert (order.new, order.passages, order.held) == (new, passages, 0)
    assert (order.revisions, order.blocked) == (revisions, blocked)
    assert order.changed == revisions


@pytest.mark.parametrize(
    ("asked", "conflicts", "questions"),
    [
        ([SAME, CONFLICT, FORM], ["quC"], ["quS", "quF"]),
        ([CONFLICT], ["quC"], []),
        ([], [], []),
    ],
)
def test_a_conflict_is_a_change_and_no_question(asked, conflicts, questions):
    order = arranged(asked, [offer("a", "p", "af1")], held=3, without=["k"], version=7)
    assert (order.conflicts, order.questions) == (conflicts, questions)
    assert order.changed == [*conflicts, "a"]
    assert (order.held, order.without, order.version) == (3, ["k"], 7)
