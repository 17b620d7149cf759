"""A workspace and its ledger, as decisions need them: deck rules, tags, checks, queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ankiforge import check
from ankiforge.app import check_limits
from ankiforge.check import DuplicateIndex
from ankiforge.config.deckfiles import DeckRule, load_decks
from ankiforge.config.workspace import Workspace
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.model import Card, Draft, Finding, Highlight, Standing, Verdict
from ankiforge.review.decide import Target
from ankiforge.review.query import Beside, Query, parse
from ankiforge.sync import tags_of


@dataclass(frozen=True)
class Service:
    """What the command line and the page ask about cards before a decision."""

    workspace: Workspace
    ledger: Ledger

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules of the deck files, read when they are first needed."""
        return load_decks(self.workspace.root, self.workspace.config.decks, self.ledger.generation)

    def tags(self, card: Card) -> tuple[str, ...]:
        """Return a card's tags, as a package has them."""
        return tags_of(self.ledger, card, self.decks)

    def troubles(self, card: Card) -> tuple[str, ...]:
        """Return why a card needs work: `leech`, `lapses`, `difficult`, `remark`; () if not."""
        return self.ledger.queries.problem_cards.troubles(card.guid)

    def judge(self, draft: Draft, highlight: Highlight) -> tuple[Finding, ...]:
        """Run the checks on a person's words, without the search for duplicates."""
        limits = check_limits(self.workspace.config)
        return check.check(draft, check.Context(highlight, DuplicateIndex(), limits=limits))

    def card(self, guid: str) -> Card | None:
        """Return the card of a guid from outside, None if there is none."""
        return next(self.ledger.cards.several([guid]), None)

    # --- the cards of a query ---------------------------------------------------------------

    def matching(self, query: str, *, everything: bool = True) -> Iterator[Card]:
        """Yield the cards that match; without `everything`, none that is rejected or retired."""
        for card in one_per_choice(self.all_matching(parse(query))):
            current = card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
            if everything or current:
                yield card

    def all_matching(self, wanted: Query) -> Iterator[Card]:
        """Yield every card that matches, including both cards of a choice of two note types."""
        return (card for card in self.ledger.cards.all() if self.matches(wanted, card))

    def matches(self, wanted: Query, card: Card) -> bool:
        """Whether a card matches a query."""
        run = self.ledger.cards.run_of(card.guid)
        return wanted.matches(card, Beside(run, self.tags, self.troubles))

    def targets(self, wanted: Query, card: Card) -> tuple[Target, ...]:
        """Return what a query means of a card that matches it.

        That is the card; or only its revision, if the card would not match without it; or some
        candidates of an open choice, if not all of them match on their own.
        """
        if card.revision and card.picked:
            unrevised = replace(card, candidates=(card.picked,))
            if not self.matches(wanted, unrevised):
                return (Target(card, letter_of(card.revision)),)
        if len(card.to_choose) < 2:
            return (Target(card),)
        found = []
        for one in card.to_choose:
            home = self.ledger.cards.get(one.id.partition(".")[0])
            alone = replace(
                home, candidates=(one,), beside=(), kind=one.draft.kind, fields=one.draft.fields
            )
            if self.matches(wanted, alone):
                found.append(Target(home, letter_of(one)))
        return tuple(found) if len(found) < len(card.to_choose) else (Target(card),)


def one_per_choice(cards: Iterable[Card]) -> Iterator[Card]:
    """Yield cards; of an open choice of two note types only the first, which stands for both."""
    seen: set[str] = set()
    for card in cards:
        if card.choice not in seen:
            seen |= {card.choice} if card.choice and card.to_choose else set()
            yield card
