"""Answers: what the review log of Anki holds of our cards is kept, whenever it comes to light.

A device may sync months late, a first look may be at a part of the collection only, a card may
be deleted after it was answered: nothing of the log is left out for that. Only what a person
undid in Anki was never answered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from ankiforge.ledger.collection.seen import review_row
from ankiforge.ledger.connection import Connection
from ankiforge.model import Guid, SeenCard, SeenReview, View, ViewKind, card_id

OVERLAP_MS = 180 * 86_400_000
"""Answers this much older than the newest known one are always read again."""
SESSION_MS = 86_400_000
"""What was answered longer ago than this before a look is not undone after it."""
_SIDES = (0, 1)
"""The cards a note has at the least, and as the other way round."""
_CARDS = msgspec.json.Decoder(tuple[SeenCard, ...])


def take_in_reviews(connection: Connection, view: View, identity: str) -> int:
    """Keep the answers that a view shows; how many are new.

    Args:
        connection: of the ledger.
        view: open.
        identity: under which its notes stand in `seen`; those of earlier views stand there still.
    """
    before = _count(connection)
    _put(connection, view.reviews(_from(connection, view)))
    gone = {card: (guid, side) for card, guid, side in _gone(connection, identity)}
    _put(connection, _answers_to(view, gone))
    new = _count(connection) - before
    _forget_undone(connection, view, identity)
    return new


def _count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM review").fetchone()[0])


def _put(connection: Connection, answers: Iterable[SeenReview]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO review (id, guid, ordinal, ease, interval, duration,"
        " last_interval, factor, type) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (review_row(one) for one in answers),
    )


def _from(connection: Connection, view: View) -> int:
    """After which answer is to be read: after the first, if one before the usual place is unknown."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM review").fetchone()[0]
    until = max(0, newest - OVERLAP_MS)
    rows = connection.execute("SELECT id FROM review WHERE id <= ?", (until,))
    known = {row[0] for row in rows}
    return until if known.issuperset(view.review_ids(until)) else 0


# --- cards that are no more -------------------------------------------------------------------


def _gone(connection: Connection, identity: str) -> Iterator[tuple[int, Guid, int]]:
    """(card id, guid, ordinal) of cards that were there, or may have been, and are not in a view."""
    rows = connection.execute(
        "SELECT o.guid, o.cards AS before, coalesce(n.cards, '[]') AS after FROM seen o"
        " LEFT JOIN seen n ON n.view = :view AND n.guid = o.guid"
        " WHERE o.view <> :view AND o.cards <> coalesce(n.cards, '[]')",
        {"view": identity},
    ).fetchall()
    for row in rows:
        there = {card.id for card in _CARDS.decode(row["after"])}
        for card in _CARDS.decode(row["before"]):
            if card.id not in there:
                yield card.id, Guid(row["guid"]), card.ordinal
    rows = connection.execute(
        "SELECT guid FROM card WHERE anki IN ('written', 'missing', 'tombstone')"
        " AND guid NOT IN (SELECT guid FROM seen)"
    ).fetchall()
    for row in rows:
        guid = Guid(row["guid"])
        yield from ((card_id(guid, side), guid, side) for side in _SIDES)


def _answers_to(view: View, gone: dict[int, tuple[Guid, int]]) -> Iterator[SeenReview]:
    for card, answer in view.answers_to(gone):
        guid, side = gone[card]
        yield replace(answer, guid=guid, ordinal=side)


# --- answers that were undone -----------------------------------------------------------------


def _forget_undone(connection: Connection, view: View, identity: str) -> None:
    """Of the answers of its last day, when this very collection was seen last, those it has no more."""
    if view.kind not in (ViewKind.COLLECTION, ViewKind.CONNECT) or not view.complete:
        return
    (seen_at,) = connection.execute(
        "SELECT max(taken_at) FROM view WHERE id <> ? AND kind = ? AND path = ?",
        (identity, view.kind, view.path),
    ).fetchone()
    until = int(datetime.fromisoformat(seen_at).timestamp() * 1000) if seen_at else 0
    rows = connection.execute(
        "SELECT r.id, r.ordinal, s.cards FROM review r JOIN seen s ON s.guid = r.guid"
        " AND s.view = ? WHERE r.id BETWEEN ? AND ?",
        (identity, until - SESSION_MS, until),
    ).fetchall()
    there = {one.id for one in view.reviews(until - SESSION_MS - 1)} if rows else set()
    undone = (row["id"] for row in rows if row["id"] not in there and _has(row))
    connection.executemany("DELETE FROM review WHERE id = ?", [(one,) for one in undone])


def _has(row: sqlite3.Row) -> bool:
    """Whether the card is there: of one that is deleted the log is read elsewhere."""
    return any(card.ordinal == row["ordinal"] for card in _CARDS.decode(row["cards"]))
