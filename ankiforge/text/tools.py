"""Other flashcard tools whose cards stand in notes: their names, and the schedules that they write there."""

from __future__ import annotations

import re
from datetime import date

TITLES = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "Obsidian_to_Anki",
    "flashcards": "flashcards-obsidian",
    "yanki": "yanki",
    "ankiops": "AnkiOps",
}
"""By the names of the dialects and sources in the settings."""

KEY_FIELDS = ("AnkiOps Key",)
"""The fields in which tools keep an id of their own."""


def key_number(key: str) -> str:
    """Return a key of AnkiOps, 12 hexadecimal digits, as a number; "" if it is none."""
    return str(int(key, 16)) if re.fullmatch(r"[0-9a-f]{12}", key) else ""


Schedule = tuple[tuple[str, int, int], ...]
"""For each card of a note: when it is due (ISO 8601, "" = it was never reviewed), its interval in days,
and its ease in per cent."""

# The date of a card that was never reviewed.
_NEW = "2000-01-01"
_EASE = 250


def schedule_of(written: str) -> Schedule:
    """Return the schedule that obsidian-spaced-repetition wrote; () if no card was reviewed.

    `!2027-03-01,150,270` has the ease in per cent; `!fsrs,` has a time, and difficulty for ease.
    """
    found = []
    for part in filter(None, written.split("!")):
        values = part.strip().removeprefix("fsrs,").split(",")
        fsrs = part.strip().startswith("fsrs,")
        try:
            due = date.fromisoformat(values[0][:10]).isoformat()
            interval, ease = max(1, round(float(values[1]))), _EASE if fsrs else int(values[2])
        except (ValueError, IndexError):
            due, interval, ease = _NEW, 0, 0
        found.append(("", 0, 0) if due == _NEW else (due, interval, ease))
    return tuple(found) if any(due for due, *_ in found) else ()
