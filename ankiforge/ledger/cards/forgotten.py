"""Cards that a person let through or wrote, and of which only the journal is left.

A ledger that was lost draws its passages anew. A model may say something else by then, or nobody
is there to draw: what a person chose comes back in its own words all the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import json

from ankiforge.ledger.cards.slots import last_home
from ankiforge.ledger.cards.values import PREFERRED
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.events import MADE, Event, standing
from ankiforge.ledger.writing import PERSON
from ankiforge.model import (
    CardKind,
    Draft,
    Family,
    Fields,
    Guid,
    HighlightKey,
    Origin,
    Standing,
    Verdict,
    guid_for,
)

_SLOTS = (
    "SELECT s.* FROM slot s WHERE NOT EXISTS (SELECT 1 FROM card c WHERE c.key = s.key"
    " AND c.family = s.family AND c.slot = s.slot)"
)


class Forgotten(NamedTuple):
    """A card that is not here, as it stood."""

    key: HighlightKey
    """Of the highlight that it was drawn of first, which is in its guid."""
    slot: int
    home: HighlightKey
    """The highlight that it is of now."""
    draft: Draft


def forgotten(connection: Connection, decisions: Decisions, first: int = 0) -> Iterator[Forgotten]:
    """What a person let through or wrote, of passages that are read here, and has no card.

    Only in slots from `first` on.
    """
    sql = f"{_SLOTS} AND s.slot >= ? ORDER BY s.key, s.slot, s.family"
    for row in connection.execute(sql, (first,)).fetchall():
        guid = _guid_of(row)
        home = HighlightKey(last_home(connection, guid) or row["key"])
        draft = _stood(row, home, standing(decisions.of(guid)))
        if draft is not None and _is_read(connection, home):
            yield Forgotten(HighlightKey(row["key"]), int(row["slot"]), home, draft)


def without_card(connection: Connection, key: HighlightKey) -> Iterator[tuple[Guid, Family, str]]:
    """The slots of a highlight that have no card here: guid, note type, answer."""
    for row in connection.execute(f"{_SLOTS} AND s.key = ? ORDER BY s.slot", (key,)).fetchall():
        yield _guid_of(row), Family(row["family"]), str(row["answer"])


def _guid_of(row: sqlite3.Row) -> Guid:
    return guid_for(HighlightKey(row["key"]), Family(row["family"]), int(row["slot"]))


def _is_read(connection: Connection, key: HighlightKey) -> bool:
    found = connection.execute(
        "SELECT 1 FROM highlight WHERE key = ? AND run <> '' AND presence = 'present'", (key,)
    )
    return found.fetchone() is not None


def _stood(row: sqlite3.Row, home: HighlightKey, history: list[Event]) -> Draft | None:
    """The words of a live card, if a person wrote them or let them through.

    What he made by hand comes back whatever became of it: nothing else would ever draw it.
    """
    if made := [decided.body for decided in history if MADE in decided.body]:
        return _drawn(row, home, made[-1])
    now: dict[str, Any] = {}
    said: dict[str, Any] | None = None
    for decided in history:
        after = {} if decided.undoes else decided.body.get("after", {})
        now |= after
        if decided.by == PERSON and (PREFERRED in decided.body or "fields" in after):
            said = decided.body
    live = now.get("standing", Standing.LIVE) == Standing.LIVE
    wanted = now.get("verdict") == Verdict.ACCEPTED or now.get("edited")
    if said is None or not (live and wanted):
        return None
    return _drawn(row, home, said)


def _drawn(row: sqlite3.Row, home: HighlightKey, said: dict[str, Any]) -> Draft:
    chosen, after = said.get(PREFERRED, {}), said.get("after", {})
    stored = after.get("fields")
    fields = json.decode(stored, type=Fields) if stored else tuple(chosen["fields"].items())
    usual = CardKind.CLOZE if row["family"] == Family.CLOZE else CardKind.BASIC
    kind = CardKind(after.get("kind") or chosen.get("kind") or usual)
    by_hand = not chosen or bool(after.get("edited"))
    origin = Origin(PERSON) if by_hand else Origin(
        chosen["drafter"], chosen["model"], chosen["prompt"]
    )  # fmt: skip
    answer = str(said.get("answer") or row["answer"])
    quote = said.get(MADE, row)["quote"]
    return Draft(home, kind, fields, quote, answer, 0, origin, by_hand=by_hand)
