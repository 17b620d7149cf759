"""The filter: a query as in `list`, and two looks of the page's own; and what may be chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ankiforge.check import GROUNDS
from ankiforge.config.deckfiles import colour_name
from ankiforge.model import Card, Highlight, Severity
from ankiforge.review import acceptable_in_bulk
from ankiforge.review.query import Beside, Query, Said, Term, parse, said_on
from ankiforge.text.fold import canonical, isolated

MOST = 12
"""Values of one facet that are offered; the most frequent ones."""
_DIGIT = re.compile(r"\d")
_GAP = re.compile(r"\{\{c\d+::")
"""The number of a gap is none of the card's words."""
_ALL = Query()
Tags = Callable[[Card], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Filed:
    """A card, or a passage that is none, with what a filter asks of it; made once, asked often."""

    highlight: Highlight
    cards: tuple[Card, ...] = ()
    """The one that is shown, and the other one of an open choice; () = a passage."""
    run: str = ""
    clean: bool = field(init=False)
    """Whether it may be accepted among many."""
    unverified: bool = field(init=False)
    """Whether a check doubts that the source says this."""
    numbers: bool = field(init=False)
    """Whether a digit stands in its words or in its evidence."""
    facets: tuple[tuple[str, ...], ...] = field(init=False)
    """Its values of each of `FACETS`."""
    _said: dict[str, Said] = field(init=False, default_factory=dict)

    def said(self, card: Card) -> Said:
        """All a reader sees of one of the cards; made when it is first asked for."""
        found = self._said.get(card.guid)
        if found is None:
            found = self._said[card.guid] = said_on(card)
        return found

    def __post_init__(self) -> None:
        known: dict[str, object] = {
            "clean": bool(self.cards) and acceptable_in_bulk(self.cards[0]),
            "unverified": any(map(_is_doubted, self.cards)),
            "numbers": any(_DIGIT.search(_GAP.sub("", text)) for text in self._texts()),
            "facets": tuple(tuple(set(filter(None, values(self)))) for _, _, values in FACETS),
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def _texts(self) -> Iterator[str]:
        """All words by which it is judged whether there are numbers."""
        if not self.cards:
            yield self.highlight.exact
        for card in self.cards:
            yield card.leading.draft.quote
            yield from (text for _, text in card.fields)


def _is_doubted(card: Card) -> bool:
    said = (finding for one in (card.leading, *card.open) for finding in one.findings)
    return any(one.check in GROUNDS and one.severity is not Severity.INFO for one in said)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is to be looked at of a view."""

    query: Query = _ALL
    unverified: bool = False
    numbers: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.query.terms) or self.unverified or self.numbers

    def keeps(self, filed: Filed, tags: Tags, troubles: Tags = lambda card: ()) -> bool:
        """Whether a card or a passage is meant; `tags` gives those of a card, `troubles` its own."""
        if (self.unverified and not filed.unverified) or (self.numbers and not filed.numbers):
            return False
        if not filed.cards:
            return self.query.matches_passage(filed.highlight)
        beside = Beside(filed.run, tags, troubles, filed.said)
        return any(self.query.matches(card, beside) for card in filed.cards)

    @property
    def of_cards(self) -> tuple[str, ...]:
        """What it asks that no passage without a card can fulfil."""
        fields = tuple(f"{term.field}:" for term in self.query.terms if term.only_of_cards)
        return (*fields, "unverified") if self.unverified else fields


def filter_of(asked: Mapping[str, str]) -> Filter:
    """The filter that the browser asks for.

    Raises:
        UsageError: the query cannot be read.
    """
    query = parse(asked.get("query", ""))
    return Filter(query, asked.get("unverified") == "yes", asked.get("numbers") == "yes")


def toggles_of(wanted: Filter, filed: Sequence[Filed]) -> list[dict[str, Any]]:
    """The looks that no query has, each with how many of these are left by it."""
    unverified = sum(one.unverified for one in filed)
    numbers = sum(one.numbers for one in filed)
    return [
        {
            "name": "unverified",
            "label": "Not verified in the source",
            "on": wanted.unverified,
            "count": unverified,
        },
        {"name": "numbers", "label": "With numbers", "on": wanted.numbers, "count": numbers},
    ]


# --- facets ---------------------------------------------------------------------------------


def _decks(filed: Filed) -> Iterable[str]:
    return (card.deck for card in filed.cards)


def _documents(filed: Filed) -> Iterable[str]:
    return (filed.highlight.document.title,)


def _colours(filed: Filed) -> Iterable[str]:
    return (colour_name(filed.highlight.colour),)


def _tags(filed: Filed) -> Iterable[str]:
    """The reader's own; those of deck files and of the document are the same for many."""
    own = (tag for card in filed.cards for tag in card.tags)
    read = (*own, *filed.highlight.document.tags, *filed.highlight.tags)
    return ("-".join(tag.removeprefix("#").split()) for tag in read)


def _kinds(filed: Filed) -> Iterable[str]:
    return (card.kind.value for card in filed.cards)


def _checks(filed: Filed) -> Iterable[str]:
    shown = (one for card in filed.cards for one in (card.leading, *card.open))
    return (finding.check for one in shown for finding in one.findings)


FACETS: tuple[tuple[str, str, Callable[[Filed], Iterable[str]]], ...] = (
    ("Deck", "deck", _decks),
    ("Document", "document", _documents),
    ("Colour", "colour", _colours),
    ("Tag", "tag", _tags),
    ("Kind", "kind", _kinds),
    ("Finding", "finding", _checks),
)
"""(title, field of the query, its values)."""


def facets_of(wanted: Filter, filed: Sequence[Filed]) -> list[dict[str, Any]]:
    """What these may be narrowed down by, and what they are narrowed down by already."""
    return [
        {
            "title": title,
            "values": _values(
                wanted.query, name, Counter(chain.from_iterable(one.facets[at] for one in filed))
            ),
        }
        for at, (title, name, _) in enumerate(FACETS)
    ]


def _values(query: Query, name: str, counts: Counter[str]) -> list[dict[str, Any]]:
    """Those that are on first, then the most frequent others."""
    on = [term for term in query.terms if term.field == name and not term.negated]
    taken = {canonical(term.value) for term in on}
    said = {canonical(value): number for value, number in counts.items()}
    asked = [
        _value(term.value, said.get(canonical(term.value)), _without(query, term), True)
        for term in on
    ]
    free = [one for one in counts.most_common(MOST + len(on)) if canonical(one[0]) not in taken]
    return asked + [
        _value(value, number, _with(query, Term(name, value)), False)
        for value, number in free[:MOST]
    ]


def _value(label: str, count: int | None, query: str, on: bool) -> dict[str, Any]:
    return {"label": isolated(label), "count": count, "query": query, "on": on}


def _with(query: Query, term: Term) -> str:
    return str(Query((*query.terms, term)))


def _without(query: Query, term: Term) -> str:
    return str(Query(tuple(one for one in query.terms if one != term)))
