"""What is shown of notes of other tools before a person agrees to take them over."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ankiforge.model import Json
from ankiforge.pipeline.adopt.matches import Matches, Row
from ankiforge.text import shortened

ROWS_SHOWN = 3
"""The number of lines of each list, if not all are asked for."""
_WIDTH = 60
"""The number of characters of a text in a line."""

# What each list of `Matches` has.
_TITLES = {
    "by_id": "matched by id",
    "differing": "  of these, with other words in Anki",
    "by_words": "matched by equal words",
    "scheduled": "schedules",
    "in_anki": "in Anki already, with the schedule that they have there",
    "not_in_sources": "not in the sources",
    "not_in_anki": "not in Anki",
    "unclear": "unclear",
}
# The lists that a person should see.
_ROWS = ("differing", "in_anki", "not_in_sources", "not_in_anki", "unclear")
# The lists of which only the number matters.
_COUNTED = ("by_id", "by_words", "scheduled")


def as_text(matches: Matches, limit: int | None) -> Iterator[str]:
    """Yield the table, and up to `limit` lines of each list that a person should see."""
    if not any(getattr(matches, name) for name in _TITLES):
        yield "no notes or schedules of another tool were found"
        return
    for name, title in _TITLES.items():
        count = len(getattr(matches, name))
        yield f"{count:7,}  {title}"
    for name in _ROWS:
        rows: list[Row] = getattr(matches, name)
        if rows:
            yield f"{name.replace('_', ' ')}:"
        for row in rows[:limit]:
            texts = []
            for text in (row.source, row.anki):
                if text:
                    texts.append(shortened(text, _WIDTH))
            yield f"  {row.where}: {' → '.join(texts)}"
        if limit is not None and len(rows) > limit:
            yield f"  … and {len(rows) - limit:,} more (-v)"


def as_json(matches: Matches) -> Json:
    """Return the numbers and the lists."""
    data: Json = {}
    for name in _COUNTED:
        data[name] = len(getattr(matches, name))
    for name in _ROWS:
        data[name] = msgspec.to_builtins(getattr(matches, name))
    return data
