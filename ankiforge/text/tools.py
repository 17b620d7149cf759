"""Other flashcard tools that keep cards in notes: their names and schedules."""

from __future__ import annotations

from datetime import date

TITLES = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "Obsidian_to_Anki",
    "flashcards": "flashcards-obsidian",
}
"""By the names of the dialects in the settings."""

Schedule = tuple[tuple[str, int, int], ...]
"""For each card of a note: when it is due (ISO 8601, "" = it was never reviewed), its
interval in days, and its ease in per cent."""

# The date of a card that was never reviewed.
_NEW = "2000-01-01"
_EASE = 250


def schedule_of(written: str) -> Schedule:
    """Return the schedule that obsidian-spaced-repetition wrote.

    () if no card was reviewed.

    `!2027-03-01,150,270` has the ease in per cent; `!fsrs,` has a time, and difficulty
    for ease.
    """
    cards = [_schedule_of_card(part.strip()) for part in written.split("!") if part]
    was_reviewed = any(due for due, _, _ in cards)
    return tuple(cards) if was_reviewed else ()


def _schedule_of_card(written: str) -> tuple[str, int, int]:
    """Return when a card is due, its interval and its ease; ("", 0, 0) if it is new."""
    values = written.removeprefix("fsrs,").split(",")
    try:
        due = date.fromisoformat(values[0][:10]).isoformat()
        interval = max(1, round(float(values[1])))
        ease = _EASE if written.startswith("fsrs,") else int(values[2])
    except (ValueError, IndexError):
        return "", 0, 0
    if due == _NEW:
        return "", 0, 0
    return due, interval, ease
