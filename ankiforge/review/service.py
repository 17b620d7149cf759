"""A workspace and its ledger, as decisions need them: deck rules, tags, checks, queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import msgspec

from ankiforge.config import AcceptPolicy
from ankiforge.config.deckfiles import Action, DeckRule, colour_name, deck_of, load_decks
from ankiforge.config.workspace import Workspace
from ankiforge.draft import likeliest, worth
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import AT_ONCE, letter_of
from ankiforge.ledger.consents import WrittenForm
from ankiforge.ledger.db import to_json
from ankiforge.ledger.highlights import decode_highlight
from ankiforge.ledger.queries import Queries
from ankiforge.model import Card, Document, Draft, Finding, Highlight
from ankiforge.review.decide import Target
from ankiforge.review.query import Query, parse
from ankiforge.sync import tags_of

FEWEST = 3
"""So many cards of one form must wait for consent to be asked for."""


@dataclass(frozen=True)
class Service:
    """What the command line and the page ask about cards before a decision."""

    workspace: Workspace
    ledger: Ledger
    _forms: dict[tuple[int, int], list[WrittenForm]] = field(default_factory=dict, repr=False)
    """By the version of the ledger, as a cache of `forms`."""

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules of the deck files, read when they are first needed."""
        return load_decks(self.workspace.root)

    def tags(self, card: Card) -> tuple[str, ...]:
        """Return a card's tags, as a package has them."""
        return tags_of(self.ledger, card, self.decks)

    def judge(self, draft: Draft, highlight: Highlight) -> tuple[Finding, ...]:
        """Run the checks on a person's words, without the search for duplicates.

        The checks are imported here: loading them takes as long as most other commands run.
        """
        from ankiforge import check

        return check.check(draft, check.Context(highlight, check.DuplicateIndex()))

    def forms(self) -> list[WrittenForm]:
        """Return the forms in which cards are written that wait, or about which a person decided."""
        version = self.ledger.queries.version()
        if version not in self._forms:
            lets_through = self.workspace.config.accept.rules is AcceptPolicy.CLEAN
            self._forms.clear()
            self._forms[version] = self.ledger.consents.forms(clean_too=not lets_through)
        return self._forms[version]

    def forms_to_ask(self) -> list[WrittenForm]:
        """Return the forms about which a person is asked: those with several cards that wait."""
        return [one for one in self.forms() if one.choice is None and len(one.waiting) >= FEWEST]

    def card(self, guid: str) -> Card | None:
        """Return the card of a guid from outside, None if there is none."""
        return next(self.ledger.cards.several([guid]), None)

    def likeliest(self, subjects: Sequence[str]) -> list[str]:
        """Return guids and keys of highlights, the likeliest to be worth a card first."""
        rules = [rule.colours for rule in self.decks]
        wished = {
            name: action.value
            for colours in rules
            for name in colours.__struct_fields__
            if (action := colours.of(name)) not in (Action.CARD, Action.SKIP)
        }
        marks = self.ledger.queries.marks(subjects)
        return list(
            likeliest(
                (worth(mark, wished.get(colour_name(mark.colour), "")), document, one)
                for one in subjects
                for document, mark in (marks[one],)
            )
        )

    # --- the cards of a query ---------------------------------------------------------------

    @cached_property
    def queries(self) -> Queries:
        """The queries of the ledger, which know the tags that deck files give."""

        @lru_cache(maxsize=65_536)
        def tags(document: str, highlight: str) -> str:
            read = decode_highlight(highlight)
            work = msgspec.json.decode(document, type=Document)
            return to_json(deck_of(self.decks, work, replace(read, document=work)).tags)

        self.ledger.queries.use_decks(tags)
        return self.ledger.queries

    def matching(self, query: str, *, everything: bool = True) -> Iterator[Card]:
        """Yield the cards that match; without `everything`, none that is rejected or retired."""
        for card in one_per_choice(self.all_matching(parse(query))):
            if everything or card.current:
                yield card

    def all_matching(self, wanted: Query) -> Iterator[Card]:
        """Return every card that matches, including both cards of a choice of two note types."""
        return self.cards(self.queries.matching(wanted.terms))

    def cards(self, guids: Sequence[str]) -> Iterator[Card]:
        """Yield the cards with these guids, in their order."""
        for start in range(0, len(guids), AT_ONCE):
            yield from self.ledger.cards.several(guids[start : start + AT_ONCE])

    def matches(self, wanted: Query, card: Card) -> bool:
        """Return whether a card matches a query."""
        return self.queries.matches(card.guid, wanted.terms)

    def targets(self, wanted: Query, card: Card) -> tuple[Target, ...]:
        """Return what a query means of a card that matches it.

        That is the card; or only its revision, if the card would not match without it; or some
        candidates of an open choice, if not all of them match on their own.
        """
        revised = card.revision and card.picked
        if revised and not self.queries.matches(card.guid, wanted.terms, letter_of(revised)):
            return (Target(card, letter_of(card.open[0])),)
        if len(card.to_choose) < 2:
            return (Target(card),)
        found = []
        for one in card.to_choose:
            guid = one.id.partition(".")[0]
            if self.queries.matches(guid, wanted.terms, letter_of(one)):
                found.append(Target(self.ledger.cards.get(guid), letter_of(one)))
        return tuple(found) if len(found) < len(card.to_choose) else (Target(card),)


def one_per_choice(cards: Iterable[Card]) -> Iterator[Card]:
    """Yield cards; of an open choice of two note types only the first, which stands for both."""
    seen: set[str] = set()
    for card in cards:
        if card.choice not in seen:
            seen |= {card.choice} if card.choice and card.to_choose else set()
            yield card
