"""The order in which a person is asked: the shelf, and the ten of each document, row by row.

A draft is written `document place sureness`; drafts are given the best first, as `overview.order` has them.
"""

import pytest

from ankiforge.ledger.overview import Place
from ankiforge.review.sittings import Pile, as_asked, shelved


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
def test_a_document_takes_eight_seconds_a_draft(count, minutes):
    drafts = tuple(place(f"a {n} 1") for n in range(count))
    assert Pile(97, "a", drafts).minutes == minutes
