"""What a view showed: the values the ledger keeps of it, and how it stores them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ankiforge.ledger.connection import to_json
from ankiforge.model import Arranged, Guid, SeenCard, SeenNote, SeenReview

CALENDAR = "anki:calendar"
"""Under which name it is kept how the collection counts days."""
FRESH_SECONDS = 2
"""A note changed this shortly before the view may have changed again."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The collection the ledger belongs to."""

    path: str
    profile: str
    created: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A note as the newest view showed it."""

    guid: Guid
    mod: int
    type_id: int
    """0 if its note type is none of ours."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """In the order of our note type."""
    content: str
    """What its AnkiforgeId says: which of our revisions it carries."""
    deck: str
    cards: tuple[SeenCard, ...]
    own: tuple[str, ...]
    """All fields in the order of the type in Anki, where that has others than ours; else ()."""
    taken_at: float
    named: int = 0
    """The mod its AnkiforgeId says; 0 = none."""

    @property
    def scheduler_tags(self) -> tuple[str, ...]:
        """`marked` and `leech`, which the import of a file would take away."""
        return tuple(tag for tag in self.tags if tag.casefold() in ("marked", "leech"))


@dataclass(slots=True)
class Taken:
    """What taking in a view came to."""

    refused: str = ""
    """Why nothing in it is news; "" if it was taken in."""
    hint: str = ""
    seen: int = 0
    """Notes of ours it holds."""
    first: int = 0
    """Of them never seen before."""
    back: int = 0
    """Missing or deleted ones that are there again."""
    missing: int = 0
    """All that are missing now, and wait for a word or another look."""
    deleted: int = 0
    """Newly known to be deleted there."""
    held_back: bool = False
    """Too many are missing at once to believe that a person deleted them."""
    reviews: int = 0
    feedback: int = 0
    recovered: int = 0
    """Cards that were taken over, as no card here stood for them."""
    bound: bool = False
    """The ledger was bound to this collection now."""


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
