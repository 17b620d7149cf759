"""What every decision is made of: the cards it is about, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.values import letter_of
from ankiforge.ledger.events import Columns
from ankiforge.model import Candidate, Card, Guid


@dataclass(frozen=True, slots=True)
class Choice:
    """A card, and which of its candidates is meant ("" = the one that leads)."""

    card: Card
    letter: str = ""

    @property
    def candidate(self) -> Candidate:
        """The candidate that is meant: the named one, a waiting revision, or the leading one."""
        if self.letter:
            return next(c for c in self.card.candidates if letter_of(c) == self.letter)
        waiting = self.card.open
        return waiting[0] if self.card.picked and waiting else self.card.leading


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one card of an action."""

    guid: Guid
    refused: str = ""
    """Why nothing was changed, "" if it was."""
    hint: str = ""


def each(
    ledger: Ledger, choices: Iterable[Choice], decide: Callable[[Choice, str], None]
) -> tuple[Done, ...]:
    """Decide one card after another, as one action; a refusal leaves the others standing."""
    once = {(choice.card.guid, choice.letter): choice for choice in choices}
    done = []
    with ledger.unit():
        action = ledger.writer.new_action()
        stale = {key for key, choice in once.items() if is_stale(ledger, choice.card)}
        for key, choice in once.items():
            try:
                if key in stale:
                    refuse_stale(ledger, choice.card)
                now = replace(choice, card=ledger.cards.get(choice.card.guid))
                decide(now, action)  # with what was decided before it in this action
                done.append(Done(choice.card.guid))
            except RefusedError as error:
                done.append(Done(choice.card.guid, error.message, error.hint))
    return tuple(done)


def is_stale(ledger: Ledger, card: Card) -> bool:
    """Whether a card is another by now than it was shown."""
    return ledger.cards.get(card.guid) != card


def refuse_stale(ledger: Ledger, card: Card) -> None:
    """A decision is about what was shown, not about what another program made of it."""
    if is_stale(ledger, card):
        raise RefusedError(f"{card.guid} was changed meanwhile", hint="look at it again")


def beside(ledger: Ledger, card: Card) -> list[Card]:
    """The other card of an open choice."""
    named = {one.id.partition(".")[0] for one in card.beside if card.to_choose}
    return [one for one in ledger.choices.others(card) if one.guid in named]


def change(
    ledger: Ledger,
    card: Card,
    what: str,
    after: Columns,
    action: str,
    states: dict[str, str],
    candidate: Candidate,
    **more: Any,
) -> None:
    """One decision on a card, with what it was about."""
    ledger.decisions.change(
        card.guid,
        what,
        after,
        action=action,
        candidates=states,
        extra={"answer": candidate.draft.answer, **more},
    )
