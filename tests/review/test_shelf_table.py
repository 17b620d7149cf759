"""The order in which a person is asked: the shelf, and the ten of each document, row by row.

A mark is written `document place worth`; marks are given the best first, as `sort_for_review` has
them.
"""

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.ledger.pending_items import (
    PassageLocation,
    WaitingCounts,
)
from ankiforge.review import AnyDecision, DecisionOutcome
from ankiforge.review.batches import (
    format_pending_counts,
    group_by_document,
)
from ankiforge.review.sitting import Sitting, SittingKind


def place(written: str) -> PassageLocation:
    document, position, worth = written.split()
    id = f"{document}{position}"
    return PassageLocation(id, id, ord(document), document, int(position), float(worth))


def places(*written: str) -> list[PassageLocation]:
    return [place(each) for each in written]


def test_fiction_stands_last_on_the_shelf_whatever_its_sentences_promise():
    novel = [replace(mark, factuality=0.2) for mark in places("a 1 .9", "a 2 .9")]
    paper = [replace(mark, factuality=0.6) for mark in places("b 1 .8", "b 2 .8")]
    piles = group_by_document((), [*novel, *paper])
    assert "".join(pile.title for pile in piles) == "ba"


@pytest.mark.parametrize(
    ("ids", "results", "decision", "left", "became"),
    [
        ("a b c", "", ("b", "accept", ""), "a c", "card"),
        (
            "a b c",
            "",
            ("b", "accept", "b2"),
            "a b2 c",
            "card",
        ),  # its next fact comes next
        ("a b c", "", ("b", "edit", "b2"), "a b2 c", "card"),
        ("a b c", "", ("b", "reject", "b2"), "a c", "none"),  # once it has a card
        ("a b c", "", ("c", "later", ""), "a b", "later"),
        ("a", "", ("a", "reject", ""), "", "none"),
        ("a", "", ("a", "accept", "a2"), "a2", "card"),
        ("a", "", ("b", "accept", ""), "a", "card"),  # it was none of these
        # ten is ten decisions: another fact takes the place of the last
        ("a b c", "n n n n n n n", ("a", "accept", "a2"), "a2 b", "card"),
        ("a", "n n n n n n n n n", ("a", "accept", "a2"), "", "card"),
    ],
)
def test_a_decision_takes_its_item_out_of_the_ten(ids, results, decision, left, became):
    id, act, further = decision
    decided = msgspec.convert({"act": act, "id": id}, AnyDecision)
    before = sitting_of(ids, tuple(results.split()), ("x",))
    after = before.record_decision(decided, DecisionOutcome(action="y"), further or None)
    assert (" ".join(after.ids), after.results[-1]) == (left, became)
    assert after.results[:-1] == before.results
    assert after.actions == ("x", "y")
    unrecorded = before.record_decision(decided, DecisionOutcome(), further or None)
    assert unrecorded.actions == ("x",)


def sitting_of(
    ids: str, results: tuple[str, ...] = (), actions: tuple[str, ...] = ()
) -> Sitting:
    return Sitting(SittingKind.DOCUMENT, "d", tuple(ids.split()), results, actions)


def test_an_item_that_still_waits_is_shown_again_and_decides_nothing():
    before = sitting_of("a b c")
    redrafted = msgspec.convert({"act": "others", "id": "b"}, AnyDecision)
    after = before.record_decision(redrafted, DecisionOutcome(is_pending=True), "b2")
    assert (after.ids, after.results) == (("a", "b2", "c"), ())


@pytest.mark.parametrize(
    ("ids", "id", "now", "left"),
    [
        ("a b c", "b", "b", "a b c"),
        ("a b c", "b", "b2", "a b2 c"),
        ("a b c", "b", None, "a c"),
        ("a b c", "d", "e", "a b c"),
    ],
)
def test_what_changed_meanwhile_stands_in_its_place(ids, id, now, left):
    assert " ".join(sitting_of(ids).replace_item(id, now).ids) == left


@pytest.mark.parametrize(
    ("ids", "decided", "order", "joined"),
    [
        ("a c", 0, "a b c", "a b c"),
        ("a c", 8, "a b c", "a b"),  # in the place of the last of the ten
        ("a b", 8, "a b c", "a c"),  # which is never the one that joins
        ("a", 9, "a c", "c"),
        ("", 9, "c", "c"),
    ],
)
def test_another_mark_joins_the_ten_in_reading_order(ids, decided, order, joined):
    sitting = sitting_of(ids, ("card",) * decided)
    new = next(each for each in "bc" if each not in ids and each in order)
    assert " ".join(sitting.add_item(new, order.split()).ids) == joined


@pytest.mark.parametrize(
    ("waiting", "told"),
    [
        ({}, None),
        ({"more": 9}, None),  # what is shown only on request doesn't wait
        ({"new": 1}, "1 new card waiting"),
        ({"new": 1200}, "1,200 new cards waiting"),
        ({"new": 12, "questions": 40}, "52 waiting: 12 new cards, 40 questions"),
        ({"changed": 1, "new": 7, "questions": 2}, "10 waiting: 7 new cards, 1 changed card, 2 questions"),
        ({"questions": 2, "changed": 1}, "3 waiting: 1 changed card, 2 questions"),
    ],
)  # fmt: skip
def test_what_waits_is_one_number_with_its_parts(waiting, told):
    parts = dict.fromkeys(("new", "changed", "questions", "more"), 0) | waiting
    total = parts["new"] + parts["changed"] + parts["questions"]
    counts = WaitingCounts(total=total, **parts)
    assert format_pending_counts(counts) == told
    where = format_pending_counts(counts, " in all sources")
    assert where == (told and told.replace(" waiting", " waiting in all sources"))
