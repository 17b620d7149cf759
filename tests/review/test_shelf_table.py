"""The order in which a person is asked: the shelf, and the ten of each document, row by row.

A mark is written `document place worth`; marks are given the best first, as `sort_for_review` has
them.
"""

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.ledger import HighlightOutcome
from ankiforge.ledger.pending_items import (
    PassageLocation,
    WaitingCounts,
    split_suggestions,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    PendingDraft,
)
from ankiforge.review import AnyDecision, DecisionOutcome, Item
from ankiforge.review.batches import (
    DocumentItems,
    format_pending_counts,
    group_by_document,
    sort_for_review,
)
from ankiforge.review.sitting import Sitting, SittingKind
from tests.cards import made


def place(written: str) -> PassageLocation:
    document, position, worth = written.split()
    id = f"{document}{position}"
    return PassageLocation(id, id, ord(document), document, int(position), float(worth))


def places(*written: str) -> list[PassageLocation]:
    return [place(each) for each in written]


TWELVE = [f"a {position} {1 - position / 100}" for position in range(12)]


@pytest.mark.parametrize(
    ("waiting", "proposed", "shelf"),
    [
        ([], [], ""),
        (["a 1 .5"], [], "a"),
        (["a 1 .5", "b 1 .9", "a 2 .5"], [], "ab"),
        (["b 1 .5", "a 1 .9"], [], "ab"),
        ([], ["b 1 .9", "a 1 .8"], "ba"),
        ([], ["b 1 .9", "a 1 .8", "a 2 .8"], "ab"),
        ([], ["b 1 .8", "a 1 .7", "a 2 .7"], "ba"),  # less certain ones are not shown unasked
        (["a 1 0"], ["b 1 .9"], "ba"),  # what waits and is doubted is worth nothing
        (["a 1 1"], ["b 1 .9"], "ab"),
        (["a 1 0"], ["b 1 .9", "b 2 .8"], "ba"),
        # an eleventh makes a document no better
        ([], [*(f"b {n} .81" for n in range(10)), *(f"a {n} .8" for n in range(12))], "ba"),
        ([*(f"b {n} 1" for n in range(10))], [*(f"a {n} .99" for n in range(12))], "ba"),
    ],
)  # fmt: skip
def test_documents_stand_on_the_shelf_in_the_order_of_their_best_ten(
    waiting, proposed, shelf
):
    piles = group_by_document(places(*waiting), places(*proposed))
    assert "".join(pile.title for pile in piles) == shelf


def test_the_first_rows_are_different_works():
    worths = ((1, "Cells", 0.9), (2, "CELLS.", 0.8), (3, "Wars", 0.7), (4, "Cells", 0.6))
    marks = [
        PassageLocation(f"{n}", f"{n}", n, title, 0, worth) for n, title, worth in worths
    ]
    piles = group_by_document((), marks)
    assert [pile.document for pile in piles] == [1, 3, 2, 4]


@pytest.mark.parametrize(
    ("waiting", "proposed", "for_chat"),
    [
        ([], ["a 1 .49"], True),
        ([], ["a 1 .7", "a 2 .3"], True),
        ([], ["a 1 .8"], False),
        ([], ["a 1 .9", "a 2 .3", "a 3 .3"], True),
        ([], ["a 1 .9", "a 2 .9", "a 3 .3"], False),  # one more is no reason
        (["a 1 1"], ["a 2 .3", "a 3 .3"], True),
        ([*(f"a {n} 1" for n in range(10))], [*(f"a {n} .3" for n in range(90))], False),
        ([], [*(f"a {n} .8" for n in range(3)), *(f"a {n} .6" for n in range(9)),
              *(f"a {n} .3" for n in range(31))], True),
    ],
)  # fmt: skip
def test_a_chat_is_offered_where_fewer_than_ten_reach_the_floor(
    waiting, proposed, for_chat
):
    [pile] = group_by_document(places(*waiting), places(*proposed))
    assert pile.should_offer_chat is for_chat


def test_fiction_stands_last_on_the_shelf_whatever_its_sentences_promise():
    novel = [replace(mark, factuality=0.2) for mark in places("a 1 .9", "a 2 .9")]
    paper = [replace(mark, factuality=0.6) for mark in places("b 1 .8", "b 2 .8")]
    piles = group_by_document((), [*novel, *paper])
    assert "".join(pile.title for pile in piles) == "ba"


HIGHLIGHT = Highlight(
    Document(DocumentKey("d"), "", "d"),
    HighlightKind.HIGHLIGHT,
    "Words.",
    HighlightKey("v:v/p"),
)
DRAFT = made(PendingDraft, key=HIGHLIGHT.key, fields=(("Text", "{{c1::Words}}."),))


def item_of(without: str):
    """Return the item of an id; of one in `without`, no proposal can be made, or it waits no
    more."""
    asked = []

    def item(id: str) -> Item | None:
        asked.append(id)
        if id in without.split():
            return Item(id, outcome=HighlightOutcome(HIGHLIGHT, "no_card"))
        return Item(id, (DRAFT,))

    item.asked = asked
    return item


@pytest.mark.parametrize(
    ("waiting", "proposed", "later", "without", "ten"),
    [
        (["a 3 .9", "a 1 .8", "a 2 .7"], [], "", "", "a1 a2 a3"),
        (["a 3 .9", "a 1 .8", "a 2 .7"], [], "a1", "", "a2 a3"),
        (["a 3 .9", "a 1 .8"], [], "a1 a3", "", "a1 a3"),  # nothing else is left
        (TWELVE[::-1], [], "", "", "a0 a1 a2 a3 a4 a5 a6 a7 a8 a9"),
        # what waits is among the ten unless it is doubted; all in reading order
        (["a 30 1"], TWELVE, "", "", "a0 a1 a2 a3 a4 a5 a6 a7 a8 a30"),
        (["a 30 0"], TWELVE, "", "", "a0 a1 a2 a3 a4 a5 a6 a7 a8 a9"),
        ([], TWELVE, "", "", "a0 a1 a2 a3 a4 a5 a6 a7 a8 a9"),
        # where none can be made, or none is left, the next ones are tried
        ([], TWELVE, "", "a0 a4", "a1 a2 a3 a5 a6 a7 a8 a9 a10 a11"),
        ([], TWELVE[:3], "", "a0 a1 a2", ""),
        ([], TWELVE, "a0", "", "a1 a2 a3 a4 a5 a6 a7 a8 a9 a10"),
    ],
)
def test_the_best_ten_come_in_reading_order(waiting, proposed, later, without, ten):
    [pile] = group_by_document(places(*waiting), places(*proposed))
    found = pile.select_best_items(item_of(without), later.split())
    assert " ".join(each.id for each in found) == ten


def test_no_more_proposals_are_made_than_are_shown():
    pile = DocumentItems(
        1, "a", suggestions=tuple(places(*(f"a {n} .5" for n in range(100))))
    )
    item = item_of("a3")
    pile.select_best_items(item)
    assert len(item.asked) == 11


def test_all_that_waits_is_asked_document_by_document_ten_by_ten():
    piles = group_by_document(places(*TWELVE[::-1], "b 1 .2"))
    rest = [f"a{n}" for n in (*range(2, 12), 0, 1)]
    assert [each.id for each in sort_for_review(piles)] == [*rest, "b1"]


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


def test_a_document_of_which_nothing_is_proposed_is_the_last_and_for_a_chat():
    marks = places("a 1 .49", "b 1 .49", "b 2 .5", "b 3 .79", "b 4 .8")
    last, first = group_by_document((), marks)[::-1]
    groups = (first.suggestions, first.more, first.others)
    assert (first.title, *map(len, groups), first.remaining_count) == ("b", 1, 2, 1, 3)
    assert (last.title, last.suggestions, last.should_offer_chat) == ("a", (), True)


def test_of_marks_in_one_sentence_the_first_is_asked():
    marks = [
        replace(mark, sentence="s" if n < 2 else "")
        for n, mark in enumerate(places("a 1 .9", "a 2 .9", "a 3 .8", "a 4 .8", "a 5 .6"))
    ]
    [pile] = group_by_document((), marks)
    item = item_of("")
    assert (pile.waiting_count, len(pile.more), pile.others) == (3, 1, ())
    assert [each.id for each in pile.select_best_items(item)] == ["a1", "a3", "a4"]
    assert [each.id for each in pile.select_best_items(item, more=True)] == ["a5"]


@pytest.mark.parametrize(
    ("marks", "certain", "more", "others"),
    [
        ("x1 .9, y2 .8, z3 .6, w4 .3", "x1 y2", "z3", "w4"),
        ("x1 .9, x2 .85", "x1", "", ""),  # the same card waits already
        ("x1 .9, x2 .6", "x1", "", "x2"),
        ("x1 .6, x2 .9", "x2", "", "x1"),
        ("x1 .6, x2 .6", "", "x1", "x2"),
    ],
)
def test_a_sentence_of_several_marks_is_suggested_once(marks, certain, more, others):
    locations = []
    for mark in marks.split(", "):
        id, worth = mark.split()
        location = PassageLocation(id, id, 1, "", 0, float(worth), sentence=id[0])
        locations.append(location)
    found = split_suggestions(locations)
    groups = (found.certain, found.more, found.others)
    ids = [" ".join(each.id for each in group) for group in groups]
    assert ids == [certain, more, others]
