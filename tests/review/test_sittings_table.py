"""The order in which a person is asked: the shelf, and the ten of each document, row by row.

A draft is written `document place sureness`; drafts are given the best first, as `overview.order` has them.
"""

import pytest

from ankiforge.ledger.overview import Place
from ankiforge.review.sittings import Sitting, as_asked, minutes_of, shelved


def place(written: str) -> Place:
    document, position, sureness = written.split()
    id = f"{document}{position}"
    return Place(id, id, ord(document), document, int(position), float(sureness))


def places(*written: str) -> list[Place]:
    return [place(each) for each in written]


TWELVE = [f"a {position} {1 - position / 100}" for position in range(12)]


@pytest.mark.parametrize(
    ("drafts", "shelf"),
    [
        ([], ""),
        (["a 1 .5"], "a"),
        (["a 1 .5", "b 1 .9"], "ba"),
        (["a 1 .5", "b 1 .9", "a 2 .5"], "ab"),
        (["b 1 .5", "a 1 .5"], "ba"),  # equals in the order in which they came
        (["b 1 0", "a 1 0"], "ba"),  # of a person's own words nobody is more or less sure
        # an eleventh draft makes a document no better
        ([*(f"a {n} .1" for n in range(12)), *(f"b {n} .11" for n in range(10))], "ba"),
    ],
)
def test_documents_stand_on_the_shelf_by_what_their_best_ten_are_worth(drafts, shelf):
    assert "".join(pile.title for pile in shelved(places(*drafts))) == shelf


@pytest.mark.parametrize(
    ("drafts", "later", "ten"),
    [
        (["a 3 .9", "a 1 .8", "a 2 .7"], "", "a1 a2 a3"),
        (["a 3 .9", "a 1 .8", "a 2 .7"], "a1", "a2 a3"),
        (["a 3 .9", "a 1 .8"], "a1 a3", "a1 a3"),  # nothing else is left
        (TWELVE[::-1], "", "a2 a3 a4 a5 a6 a7 a8 a9 a10 a11"),
        (TWELVE[::-1], "a11 a2", "a0 a1 a3 a4 a5 a6 a7 a8 a9 a10"),
    ],
)
def test_the_best_ten_come_in_reading_order(drafts, later, ten):
    [pile] = shelved(places(*drafts))
    assert " ".join(each.id for each in pile.ten(later.split())) == ten


def test_all_that_waits_is_asked_document_by_document_ten_by_ten():
    piles = shelved(places(*TWELVE[::-1], "b 1 .2"))
    rest = [f"a{n}" for n in (*range(2, 12), 0, 1)]
    assert [each.id for each in as_asked(piles)] == [*rest, "b1"]


@pytest.mark.parametrize(("count", "minutes"), [(1, 1), (8, 1), (20, 3), (75, 10)])
def test_a_decision_takes_eight_seconds(count, minutes):
    assert minutes_of(count) == minutes


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
        ("a b c", "", ("c", "leave", ""), "a b", "later"),
        ("a", "", ("a", "passage", ""), "", "none"),
        ("a", "", ("a", "accept", "a2"), "a2", "card"),
        ("a", "", ("b", "accept", ""), "a", "card"),  # it was none of these
        # ten is ten decisions: a further fact takes the place of the last
        ("a b c", "n n n n n n n", ("a", "accept", "a2"), "a2 b", "card"),
        ("a", "n n n n n n n n n", ("a", "accept", "a2"), "", "card"),
    ],
)
def test_a_decision_takes_its_item_out_of_the_ten(ids, results, decision, left, became):
    id, act, further = decision
    before = Sitting(tuple(ids.split()), tuple(results.split()), ("x",))
    after = before.decided(id, act, "y", further)
    assert (" ".join(after.ids), after.results[-1]) == (left, became)
    assert after.results[:-1] == before.results
    assert after.actions == ("x", "y")
    assert before.decided(id, act, "", further).actions == ("x",)


@pytest.mark.parametrize(
    ("ids", "id", "now", "left"),
    [
        ("a b c", "b", "b", "a b c"),
        ("a b c", "b", "b2", "a b2 c"),
        ("a b c", "b", "", "a c"),
        ("a b c", "d", "e", "a b c"),
    ],
)
def test_what_changed_meanwhile_stands_in_its_place(ids, id, now, left):
    assert " ".join(Sitting(tuple(ids.split())).changed(id, now).ids) == left


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
    sitting = Sitting(tuple(ids.split()), ("card",) * decided)
    new = next(each for each in "bc" if each not in ids and each in order)
    assert " ".join(sitting.joined(new, order.split()).ids) == joined
