"""What a view showed: the values the ledger keeps of it, and how it stores them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ankiforge.ledger.connection import to_json
from ankiforge.model import Arranged, Guid, Seen, SeenCard, SeenNote, SeenReview

CALENDAR = "anki:calendar"
"""Under which name it is kept how the collection counts days."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The collection the ledger belongs to."""

    path: str
    profile: str
    created: int


def row_of(identity: str, note: SeenNote, arranged: Arranged | None) -> tuple[Any, ...]:
    """A row of the table `seen`."""
    fields = arranged.fields if arranged else note.fields
    beside: dict[str, Any] = {}
    if arranged and not arranged.exact:
        beside["fields"] = note.fields
    if arranged and arranged.feedback:
        beside["feedback"] = arranged.feedback
    return (
        identity,
        note.guid,
        note.mod,
        to_json(note.tags),
        to_json(fields),
        note.identity.content if note.identity else "",
        note.type_id if arranged else 0,
        note.cards[0].deck if note.cards else "",
        to_json(note.cards),
        to_json(beside) if beside else "",
        note.identity.mod if note.identity else 0,
    )


def review_row(one: SeenReview) -> tuple[Any, ...]:
    """A row of the table `review`."""
    return (one.id, one.guid, one.ordinal, one.ease, one.interval, one.duration,
            one.last_interval, one.factor, one.type)  # fmt: skip


def seen_of(row: Any) -> Seen:
    """The value of a row of `seen`, with the time of its view."""
    beside = msgspec.json.decode(row["own"]) if row["own"] else {}
    return Seen(
        Guid(row["guid"]),
        row["mod"],
        row["type_id"],
        msgspec.json.decode(row["tags"], type=tuple[str, ...]),
        msgspec.json.decode(row["fields"], type=tuple[str, ...]),
        row["content"],
        row["deck"],
        msgspec.json.decode(row["cards"], type=tuple[SeenCard, ...]),
        tuple(beside.get("fields", ())),
        datetime.fromisoformat(row["taken_at"]).timestamp(),
        row["named"],
    )
