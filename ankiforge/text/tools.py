"""Other flashcard tools that keep cards in notes: their names and schedules.

Tested by `tests/text/test_text.py` and `tests/pipeline/test_other_tools.py`.
"""

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
_NEVER = ("", 0, 0)
_EASE = 250


def schedule_of(written: str) -> Schedule:
    """Return the schedule that obsidian-spaced-repetition wrote.

    () if no card was reviewed.

    `!2027-03-01,150,270` has the ease in per cent; `!fsrs,` has a time, and difficulty
    for ease.
    """
    cards = []
    for part in filter(None, written.split("!")):
        card = part.strip()
        values = card.removeprefix("fsrs,").split(",")
        try:
            due = date.fromisoformat(values[0][:10]).isoformat()
            interval = max(1, round(float(values[1])))
            ease = _EASE if card.startswith("fsrs,") else int(values[2])
        except (ValueError, IndexError):
            cards.append(_NEVER)
        else:
            cards.append(_NEVER if due == _NEW else (due, interval, ease))
    return tuple(cards) if any(due for due, _, _ in cards) else ()
