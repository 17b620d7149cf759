"""Taking back what was decided: an action, or the last decision about each of some cards."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.events import Event
from ankiforge.model import Guid
from ankiforge.review.actions import Choice, Done, is_stale, refuse_stale


def undo(ledger: Ledger, what: str = "") -> list[Event]:
    """Take back one action: the given one, or the last of a person; what was taken back."""
    return ledger.decisions.undo(what)


def undo_about(
    ledger: Ledger, choices: Iterable[Choice]
) -> tuple[tuple[Done, ...], tuple[Event, ...]]:
    """Take back the last decision of a person about each card, as far as each still can be.

    What was decided of other cards in one go with it stands, but for its choice and its twin.

    Returns:
        What came of each card, and all that was taken back.
    """
    cards = {choice.card.guid: choice.card for choice in choices}
    done: dict[Guid, Done] = {}
    taken_back: dict[str, Event] = {}
    with ledger.unit():
        last = ledger.decisions.last_about(cards)
        stale = {guid for guid, card in cards.items() if is_stale(ledger, card)}
        for guid in (*last, *(guid for guid in cards if guid not in last)):
            try:
                if guid in stale:
                    refuse_stale(ledger, cards[guid])
                _take_back(ledger, guid, last.get(guid, ()), taken_back)
                done[guid] = Done(guid)
            except RefusedError as error:
                done[guid] = Done(guid, error.message, error.hint)
    return tuple(done[guid] for guid in cards), tuple(taken_back.values())


def _take_back(
    ledger: Ledger, guid: Guid, share: tuple[Event, ...], before: dict[str, Event]
) -> None:
    """Take back a card's share of an action, unless another of these cards had the same."""
    if not share:
        what = f"nothing you decided about {guid} is left to undo"
        raise RefusedError(what, hint=f"ankiforge trace {guid} shows what stands")
    if share[0].id not in before:
        ledger.decisions.take_back(list(share))
        before |= {decided.id: decided for decided in share}
