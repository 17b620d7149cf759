"""The order in which a person is asked: document by document, ten at a time, as they read.

The page, the terminal, `status`, `list` and agents take it from here. Only the order; what
waits is `overview.order`. The page's script shows a `Sitting`, which the server holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from msgspec.structs import replace

from ankiforge.ledger import Ledger, overview
from ankiforge.ledger.desk import offers, several_offers
from ankiforge.ledger.overview import Place
from ankiforge.model import Card, DocumentId, Strings, Value
from ankiforge.pipeline.query import matching

TEN = 10
"""The decisions of a sitting."""
RESULTS = {
    **dict.fromkeys(("later", "leave"), "later"),
    **dict.fromkeys(("reject", "none", "passage", "suspend"), "none"),
}
"""What becomes of an item by what a person does; by anything else a card."""
SECONDS_EACH = 8
"""Seconds that a decision takes, about."""


class Pile(Value):
    """A document in which new drafts wait."""

    document: int
    title: str
    places: tuple[Place, ...]
    """The best fact of each of its marks that waits, the best first."""

    @property
    def worth(self) -> float:
        """How much its best ten deserve a card."""
        best = sorted((place.sureness for place in self.places), reverse=True)
        return sum(best[:TEN])

    def ten(self, later: Collection[str] = ()) -> list[Place]:
        """Return the best ten in reading order.

        What was put off, by the ids of its drafts, is asked only when nothing else is left.
        """
        best = [place for place in self.places if place.id not in later]
        best = best or [*self.places]
        return sorted(best[:TEN], key=lambda place: place.position)


class Sitting(Value):
    """At most ten items that a person decides on together, and the result of each decision."""

    ids: Strings
    """What is left, in the order in which it is shown."""
    results: Strings = ()
    """`card`, `none` or `later`, one for each decision."""
    actions: Strings = ()
    """The ids by which `undo` takes the decisions back."""
    key: str = ""
    """Of a highlight of the document; "" if it is one of a list."""
    list_id: str = ""

    def decided(self, id: str, act: str, action: str, further: str = "") -> Sitting:
        """Return the sitting after a decision.

        Once a mark has a card, a further fact of it comes next, in the place of the last of
        the ten.
        """
        result = RESULTS.get(act, "card")
        results = (*self.results, result)
        ids = self._with(id, further if result == "card" else "")[: TEN - len(results)]
        actions = (*self.actions, action) if action else self.actions
        return replace(self, ids=ids, results=results, actions=actions)

    def changed(self, id: str, now: str) -> Sitting:
        """Return the sitting with another item in an item's place; "" if nothing waits there."""
        return replace(self, ids=self._with(id, now))

    def joined(self, id: str, reading_order: Sequence[str]) -> Sitting:
        """Return the sitting with another item of the document in place of the last one."""
        ids = [each for each in reading_order if each == id or each in self.ids]
        if len(ids) + len(self.results) > TEN and len(ids) > 1:
            ids.remove(ids[-2] if ids[-1] == id else ids[-1])
        return replace(self, ids=tuple(ids))

    def _with(self, id: str, now: str) -> Strings:
        """Return the ids with another one, if there is one, in the place of an id."""
        if id not in self.ids:
            return self.ids
        at = self.ids.index(id)
        return (*self.ids[:at], *filter(None, [now]), *self.ids[at + 1 :])


def minutes_of(decisions: int) -> int:
    """Return how long some decisions take, about."""
    return max(round(SECONDS_EACH * decisions / 60), 1)


def shelf(ledger: Ledger, new: Iterable[str], beside: str = "") -> list[Pile]:
    """Return the documents of drafts that wait, the best first.

    Args:
        ledger: the ledger.
        new: the ids of the drafts, the best first (`Order.new`).
        beside: the key of a highlight, of whose document alone it is.
    """
    return shelved(overview.places(ledger, new, beside))


def shelved(places: Iterable[Place]) -> list[Pile]:
    """Return the documents of places, the best first; equals in the order of their best draft."""
    found: dict[DocumentId, list[Place]] = {}
    for place in places:
        found.setdefault(place.document, []).append(place)
    piles = []
    for document, of_document in found.items():
        piles.append(Pile(document, of_document[0].title, tuple(of_document)))
    return sorted(piles, key=lambda pile: pile.worth, reverse=True)


def as_asked(piles: Iterable[Pile]) -> list[Place]:
    """Return the drafts as a person is asked: document by document, ten by ten."""
    asked: list[Place] = []
    for pile in piles:
        left = pile.places
        while left:
            asked += sorted(left[:TEN], key=lambda place: place.position)
            left = left[TEN:]
    return asked


def queue(ledger: Ledger, query: str = "") -> list[str]:
    """Return the ids of the open decisions as a person is asked; with a query, those it matches.

    Raises:
        UsageError: the query cannot be read.
    """
    order = overview.order(ledger)
    asked = as_asked(shelf(ledger, order.new))
    if not query:
        return [*(place.id for place in asked), *order.changed, *order.questions]
    matches = set(matching(ledger, query))
    # a passage is asked about if any of its drafts matches
    keys = set[str]()
    for offer in offers(ledger, [place.key for place in asked]):
        keys.update(draft.key for draft in offer if draft.id in matches)
    found = [each.id for each in asked if not keys.isdisjoint(ledger.keys(each.key))]
    return found + [id for id in order.changed if id in matches]


def drafts(ledger: Ledger) -> Iterator[Card]:
    """Yield the drafts of new cards as a person is asked.

    The first fact of each passage comes before all further ones.
    """
    order = overview.order(ledger)
    asked = as_asked(shelf(ledger, order.new))
    firsts = offers(ledger, [place.id for place in asked])
    others = offers(ledger, several_offers(ledger, order.passages))
    told: set[str] = set()
    for offer in chain(firsts, others):
        for draft in offer:
            if draft.changes is None and draft.id not in told:
                told.add(draft.id)
                yield draft
