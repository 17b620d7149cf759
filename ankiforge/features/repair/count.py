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

    day: str
    """The day of the count, and a hash of the repairs until then."""
    collection: str
    """The path of the collection, and its state."""
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


def counted_today(ledger: Ledger) -> FailingCount | None:
    """Return the count of today; None if there is none, or something was repaired after it."""
    count = ledger.get_value("failing", FailingCount)
    return count if count is not None and count.day == _day(ledger, _now()) else None


def count_failing(ledger: Ledger, path: Path) -> None:
    """Count the failing cards of a collection; read it only if something has changed.

    Raises:
        ItemError: it cannot be read.
    """
    collection = f"{path} {signature(path)}"
    kept = counted_today(ledger)
    if kept is not None and kept.collection == collection:
        return
    from ankiforge.anki.collection import open_view
    from ankiforge.features.repair.failing import failing, histories

    now = _now()
    with open_view(path) as view:
        every = histories(view, now)
    cards = one_of_each(failing(every, tended_days(ledger, now)))
    minutes = sum(card.history.lately for card in cards) / 60
    day = _day(ledger, now)
    ledger.set_value("failing", FailingCount(day, collection, len(cards), minutes))


def _now() -> datetime:
    return datetime.now().astimezone()


def _day(ledger: Ledger, now: datetime) -> str:
    """Return what a count of today has as its `day`."""
    return f"{now.date()} {h16(repr(sorted(repaired(ledger).items())))}"
