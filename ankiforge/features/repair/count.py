"""How many cards fail, as a line of a run and a row of the page tell it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.anki.profiles import signature
from ankiforge.ledger import Ledger
from ankiforge.ledger.decide import repaired
from ankiforge.model import NoteId, Value, h16
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.features.repair.failing import FailingCard


def one_of_each(cards: Iterable[FailingCard]) -> list[FailingCard]:
    """Return the first card of each note."""
    by_note: dict[NoteId, FailingCard] = {}
    for card in cards:
        by_note.setdefault(card.history.note, card)
    return list(by_note.values())


def tended_days(ledger: Ledger, now: datetime) -> dict[NoteId, int]:
    """Return how many days after today notes were repaired or left; before it is negative."""
    days = {}
    for note_id, at in repaired(ledger).items():
        then = datetime.fromisoformat(at).astimezone(now.tzinfo)
        days[note_id] = (then.date() - now.date()).days
    return days


class FailingCount(Value):
    """How many cards fail, for a line of a run."""

    state: str
    """Of the collection, and of the day."""
    cards: int = 0
    minutes: float = 0.0

    @property
    def line(self) -> str:
        """How many fail, and how long they took in the last thirty days; "" if none does."""
        if not self.cards:
            return ""
        minutes = round(self.minutes)
        spent = f" ({counted(minutes, 'minute')} lately)" if minutes else ""
        return (
            f"{counted(self.cards, 'card fails', 'cards fail')}{spent}: ankiforge repair"
        )


def count_failing(ledger: Ledger, path: Path, now: datetime) -> FailingCount:
    """Count the failing cards of a collection; read it only if something has changed.

    Raises:
        ItemError: it cannot be read.
    """
    tended = h16(repr(sorted(repaired(ledger).items())))
    state = f"{now.date()} {path} {signature(path)} {tended}"
    kept = ledger.get_value("failing", FailingCount)
    if kept is not None and kept.state == state:
        return kept
    from ankiforge.anki.collection import open_view
    from ankiforge.features.repair.failing import failing, histories

    with open_view(path) as view:
        every = histories(view, now)
    cards = one_of_each(failing(every, tended_days(ledger, now)))
    minutes = sum(card.history.lately for card in cards) / 60
    count = FailingCount(state, len(cards), minutes)
    ledger.set_value("failing", count)
    return count
