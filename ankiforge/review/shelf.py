"""The order in which a person is asked: document by document, ten at a time, as they read.

The page, the terminal, `status`, `list` and agents take it from here. Only the order; what
waits is `overview.order`. The page's script shows a `Sitting`, which the server holds. Proposals
are made only for a sitting, down the order by `worth`, until ten have one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter

from msgspec.structs import replace

from ankiforge.ledger import Ledger, overview
from ankiforge.ledger.offers import offers, several_offers
from ankiforge.ledger.overview import Place
from ankiforge.ledger.tables.highlights import with_key
from ankiforge.model import FLOOR, DocumentId, Strings, Value, Waiting
from ankiforge.pipeline.query import matching, parse
from ankiforge.review.items import Item
from ankiforge.text import counted
from ankiforge.text.fold import for_finding

TEN = 10
"""The decisions of a sitting."""
RESULTS = {
    **dict.fromkeys(("later", "leave"), "later"),
    **dict.fromkeys(("reject", "none", "passage", "suspend"), "none"),
}
"""The outcome of an item by the act of a person; by any other act, a card."""
WEAK = 0.5
"""The mean worth of the best ten of a document below which a chat is asked rather."""


def how_many(waiting: int, proposed: int) -> str:
    """Return how many decisions wait, and how many marks have a proposal; "" for nothing.

    Proposals are counted by `worth`: of ten that are made when they are shown, one may come to
    nothing.
    """
    waits = f"{waiting:,} waiting" if waiting else ""
    return " · ".join(
        filter(None, (waits, counted(proposed, "proposal") if proposed else ""))
    )


class Pile(Value):
    """A document in which drafts wait, or of whose marks something may be proposed."""

    document: int
    title: str
    places: tuple[Place, ...] = ()
    """The best fact of each of its marks that waits, the best first."""
    proposed: tuple[Place, ...] = ()
    """Its marks that probably have a proposal, those most worth a card first."""
    rest: tuple[Place, ...] = ()
    """Its other marks without a card."""

    @property
    def best(self) -> list[float]:
        """The worth of its best ten."""
        worths = [place.worth for place in (*self.places, *self.proposed)]
        return sorted(worths, reverse=True)[:TEN]

    @property
    def is_weak(self) -> bool:
        """Whether its best ten are mostly no good cards: a chat asks better."""
        best = self.best
        return not best or sum(best) < WEAK * len(best)

    def ten(
        self, item: Callable[[str], Item | None], later: Collection[str] = ()
    ) -> list[Item]:
        """Return the best ten drafts and proposals in reading order.

        Proposals are made here, down the order, until there are ten. What was put off is asked
        only when nothing else is left.

        Args:
            item: returns the item of an id; None if it no longer waits.
            later: the ids of what was put off.
        """
        places = [*self.places, *self.proposed]
        left = [place for place in places if place.id not in later] or places
        left.sort(key=lambda place: -place.worth)
        ten: list[tuple[int, Item]] = []
        for place in left:
            if len(ten) == TEN:
                break
            found = item(place.id)
            if found and found.offered:
                ten.append((place.position, found))
        ten.sort(key=itemgetter(0))
        return [found for _, found in ten]


class Sitting(Value):
    """At most ten items that a person decides on together, and the result of each decision."""

    ids: Strings
    """The ids that are left, in the order in which they are shown."""
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


def piles(
    ledger: Ledger, new: Iterable[str], without: Iterable[Place], beside: str = ""
) -> list[Pile]:
    """Return the documents with marks without a card, the best drafts and proposals first.

    Args:
        ledger: the ledger.
        new: the ids of the drafts, the best first (`Order.new`).
        without: the marks with a sentence that is open, the best first (`Order.without`).
        beside: the key of a highlight, of whose document alone it is.
    """
    marks = without
    if beside:
        mark = with_key(ledger, beside)
        marks = [
            place for place in without if mark and place.document == mark["document"]
        ]
    return shelved(overview.places(ledger, new, beside), marks)


def shelved(waiting: Iterable[Place], without: Iterable[Place] = ()) -> list[Pile]:
    """Return the documents of places, in the order of their best ten.

    Equal ones stand in the order of their best place; a work that is there twice, behind others.
    """
    documents = defaultdict[DocumentId, tuple[list[Place], ...]](lambda: ([], [], []))
    for place in waiting:
        documents[place.document][0].append(place)
    for place in without:
        documents[place.document][1 if place.worth >= FLOOR else 2].append(place)
    piles = []
    for document, places in documents.items():
        title = next(chain(*places)).title
        piles.append(Pile(document, title, *map(tuple, places)))
    piles.sort(key=lambda pile: sum(pile.best), reverse=True)
    seen = Counter[str]()
    ranks = []
    for pile in piles:
        name = for_finding(pile.title)
        ranks.append(seen[name])
        seen[name] += 1
    ranked = sorted(zip(ranks, piles, strict=True), key=lambda ranked: ranked[0])
    return [pile for _, pile in ranked]


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
    asked = as_asked(piles(ledger, order.new, ()))
    if not query:
        return [*(place.id for place in asked), *order.changed, *order.questions]
    matches = set(matching(ledger, query))
    # a passage is asked about if any of its drafts matches
    keys = set[str]()
    for offer in offers(ledger, [place.key for place in asked]):
        keys.update(draft.key for draft in offer if draft.id in matches)
    found = [each.id for each in asked if not keys.isdisjoint(ledger.keys(each.key))]
    return found + [id for id in order.changed if id in matches]


def documents_named(ledger: Ledger, query: str) -> list[Pile]:
    """Return the documents with proposals whose titles have the words of a query, best first.

    A query with fields names none: it is about cards and drafts.

    Raises:
        UsageError: the query cannot be read.
    """
    terms = parse(query)
    if not terms or any(term.field or term.negated for term in terms):
        return []
    words = [for_finding(term.value) for term in terms]
    named = []
    for pile in piles(ledger, (), overview.order(ledger).without):
        if not pile.proposed:
            continue
        title = for_finding(pile.title)
        if all(word in title for word in words):
            named.append(pile)
    return named


def proposed(
    ledger: Ledger, item: Callable[[str], Item | None], query: str = ""
) -> Iterator[list[Item]]:
    """Yield the best ten proposals of each document, document by document; then the next ten.

    With a query, only of the documents that it names.
    """
    found = piles(ledger, (), overview.order(ledger).without)
    if query:
        found = documents_named(ledger, query)
    while found:
        left = []
        for pile in found:
            ten = pile.ten(item)
            if not ten:
                continue
            yield ten
            seen = {each.id for each in ten}
            rest = tuple(place for place in pile.proposed if place.id not in seen)
            if rest:
                left.append(replace(pile, proposed=rest))
        found = left


def drafts(ledger: Ledger) -> Iterator[Waiting]:
    """Yield the drafts of new cards as a person is asked.

    The first fact of each passage comes before all further ones.
    """
    order = overview.order(ledger)
    asked = as_asked(piles(ledger, order.new, ()))
    firsts = offers(ledger, [place.id for place in asked])
    others = offers(ledger, several_offers(ledger, order.passages))
    told: set[str] = set()
    for offer in chain(firsts, others):
        for draft in offer:
            if draft.changes is None and draft.id not in told:
                told.add(draft.id)
                yield draft
