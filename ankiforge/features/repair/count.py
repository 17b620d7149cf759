"""Count the cards that fail in Anki, for a line after a run and a row on the web page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.anki.profiles import compute_fingerprint_text
from ankiforge.ledger import Ledger
from ankiforge.ledger.decide import load_repair_times
from ankiforge.model import NoteId, Value, hash16
from ankiforge.text import format_count

if TYPE_CHECKING:
    from ankiforge.features.repair.failing import FailingCard


def select_first_card_per_note(cards: Iterable[FailingCard]) -> list[FailingCard]:
    """Select the first card of each note. The order of the cards is preserved."""
    by_note: dict[NoteId, FailingCard] = {}
    for card in cards:
        by_note.setdefault(card.history.note_id, card)
    return list(by_note.values())


def load_last_repair_days(ledger: Ledger, now: datetime) -> dict[NoteId, int]:
    """Return the day on which each note was last repaired or left unchanged, keyed by note id.

    Days are relative to today, so they are 0 or negative.
    """
    days = {}
    for note_id, at in load_repair_times(ledger).items():
        decision_time = datetime.fromisoformat(at).astimezone(now.tzinfo)
        days[note_id] = (decision_time.date() - now.date()).days
    return days


class FailingCount(Value):
    """The number of failing cards, cached in the ledger for one day."""

    day: str
    """The day of the count and a hash of all repairs so far. A later repair changes the hash and
    thus invalidates the count."""
    collection: str
    """The path and fingerprint of the collection that was read."""
    cards: int = 0
    minutes: float = 0.0
    """How many minutes the user spent on these cards in the last thirty days."""

    @property
    def line(self) -> str:
        """A line with the number of failing cards and the minutes spent on them, or ""."""
        if not self.cards:
            return ""
        cards = format_count(self.cards, "card fails", "cards fail")
        minutes = round(self.minutes)
        if minutes:
            cards = f"{cards} ({format_count(minutes, 'minute')} lately)"
        return f"{cards}: ankiforge repair"


def get_todays_count(ledger: Ledger) -> FailingCount | None:
    """Return today's count, or None if there is none or a card has been repaired since."""
    count = ledger.get_value("failing", FailingCount)
    if count is None or count.day != _make_day_key(ledger, _now()):
        return None
    return count


def count_failing(ledger: Ledger, path: Path) -> None:
    """Count the failing cards in the collection at `path`, and store the count in the ledger.

    Does nothing if neither the collection nor the repairs have changed since today's count.

    Raises:
        ItemError: the collection can't be read.
    """
    collection = f"{path} {compute_fingerprint_text(path)}"
    previous = get_todays_count(ledger)
    if previous is not None and previous.collection == collection:
        return
    from ankiforge.anki.collection import open_anki_contents
    from ankiforge.features.repair.failing import find_failing_cards, read_histories

    now = _now()
    with open_anki_contents(path) as view:
        all_histories = read_histories(view, now)
    cards = select_first_card_per_note(
        find_failing_cards(all_histories, load_last_repair_days(ledger, now))
    )
    minutes = sum(card.history.recent_seconds for card in cards) / 60
    day = _make_day_key(ledger, now)
    ledger.set_value("failing", FailingCount(day, collection, len(cards), minutes))


def _now() -> datetime:
    return datetime.now().astimezone()


def _make_day_key(ledger: Ledger, now: datetime) -> str:
    return f"{now.date()} {hash16(repr(sorted(load_repair_times(ledger).items())))}"
