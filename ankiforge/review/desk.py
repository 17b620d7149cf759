"""Where decisions are made: a workspace and its ledger, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ankiforge import check
from ankiforge.assembly import limits_of
from ankiforge.config.deckfiles import DeckRule, load_decks
from ankiforge.config.workspace import Workspace
from ankiforge.delivery.attached import tags_of
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.values import letter_of
from ankiforge.model import Candidate, Card, Draft, Finding, Highlight, Standing, Verdict
from ankiforge.review import Choice
from ankiforge.review.query import Beside, Query, parse


@dataclass(frozen=True)
class Desk:
    """A workspace at work."""

    workspace: Workspace
    ledger: Ledger

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """What the deck files say; read when it is first asked for."""
        return load_decks(self.workspace.root, self.workspace.config.decks, self.ledger.generation)

    def tags(self, card: Card) -> tuple[str, ...]:
        """A card's tags, as a package has them."""
        return tags_of(self.ledger, card, self.decks)

    def troubles(self, card: Card) -> tuple[str, ...]:
        """Why a card needs work: `leech`, `lapses`, `difficult`, `remark`; () if it does not."""
        return self.ledger.troubles.of(card.guid)

    def judge(self, draft: Draft, highlight: Highlight) -> tuple[Finding, ...]:
        """What the checks say of a person's words, duplicates left out."""
        limits = limits_of(self.workspace.config)
        return check.check(draft, check.Context(highlight, check.DuplicateIndex(), limits=limits))

    def card(self, guid: str) -> Card | None:
        """The card of this guid; None if there is none, for whoever asks may ask for anything."""
        return next(self.ledger.cards.several([guid]), None)

    # --- which cards a query means ----------------------------------------------------------

    def matching(self, query: str, *, everything: bool = True) -> Iterator[Card]:
        """The cards that a query matches; without `everything`, not the rejected and retired."""
        for card in once(self.all(parse(query))):
            current = card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
            if everything or current:
                yield card

    def all(self, wanted: Query) -> Iterator[Card]:
        """Every card that a query matches, both of a choice of both note types."""
        return (card for card in self.ledger.cards.all() if self.means(wanted, card))

    def means(self, wanted: Query, card: Card) -> bool:
        """Whether a query matches a card."""
        run = self.ledger.cards.run_of(card.guid)
        return wanted.matches(card, Beside(run, self.tags, self.troubles))

    def meant(self, wanted: Query, card: Card) -> tuple[Choice, ...]:
        """The card; or that of it which the query means alone: its correction, some candidates."""
        if card.revision and card.picked:
            settled = replace(card, candidates=(card.picked,))
            if not self.means(wanted, settled):
                return (Choice(card, letter_of(card.revision)),)
        if len(card.to_choose) > 1:
            return self._candidates(wanted, card)
        return (Choice(card),)

    def _candidates(self, wanted: Query, card: Card) -> tuple[Choice, ...]:
        """The candidates of an open choice that a query means, each looked at by itself."""
        found = tuple(
            Choice(home, letter_of(one))
            for one in card.to_choose
            if self.means(wanted, _only(one, home := self.ledger.cards.get(_card_of(one))))
        )
        return (Choice(card),) if len(found) == len(card.to_choose) else found


def _card_of(candidate: Candidate) -> str:
    return candidate.id.partition(".")[0]


def _only(candidate: Candidate, card: Card) -> Card:
    """The card that a choice would be with this candidate alone."""
    draft = candidate.draft
    return replace(card, candidates=(candidate,), beside=(), kind=draft.kind, fields=draft.fields)


def once(cards: Iterable[Card]) -> Iterator[Card]:
    """Of an open choice of both note types the first card: it stands for the other."""
    told: set[str] = set()
    for card in cards:
        if card.choice not in told:
            told |= {card.choice} if card.choice and card.to_choose else set()
            yield card
