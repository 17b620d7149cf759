"""Convert a ledger of the first version, in which columns were changed without events.

Old decisions become events without a change. The state of a card before the first of them is derived
from the recorded changes of its decisions. If the fold of its events differs from its columns, an
event `by: upgrade` records the difference, so that no card changes. Nothing is drafted, requested or
shipped again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ankiforge.ledger.cards import Cards, alternative
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.events import COLUMNS, UNDO, Columns, Event, Facts, State, fold, rank_of
from ankiforge.ledger.journal import Writer
from ankiforge.model import h16

_FLAG = "upgrade"
_NOT_FOLDED = ("anki", "anki_why", "deck", "choice")


def convert(connection: Connection, writer: Writer, cards: Cards) -> int:
    """Convert a ledger that this version opens for the first time, in one transaction.

    Returns:
        The number of cards that needed an event `by: upgrade`.
    """
    if writer.recall(_FLAG) != "events":
        return 0
    with writer.unit():
        _events(connection, writer)
        connection.execute("UPDATE candidate SET born = state")
        connection.execute("UPDATE card SET drafted_with = choice")
        guids = [row["guid"] for row in connection.execute("SELECT guid FROM card").fetchall()]
        for guid in guids:
            _base(connection, cards, guid)
        count = sum(_difference(connection, writer, cards, guid) for guid in guids)
        writer.meta(_FLAG, "")
    return count


def _events(connection: Connection, writer: Writer) -> None:
    """Set the sort key of each event, and whether this ledger recorded it."""
    ledger = writer.recall("ledger_id")
    rows = connection.execute(
        "SELECT id, at, by, what, undoes, subject, body, sequence FROM event"
    ).fetchall()
    letters: dict[str, dict[str, str]] = {}
    for row in rows:
        name = ("decision", ledger, str(row["sequence"]), row["at"], row["what"], row["subject"])
        here = h16(*name) == row["id"]
        connection.execute(
            "UPDATE event SET rank = ?, here = ? WHERE id = ?",
            (rank_of(0, row["at"], 0, row["by"], row["id"]), int(here), row["id"]),
        )
        body: dict[str, Any] = msgspec.json.decode(row["body"])
        if here and body.get("candidates"):
            if row["subject"] not in letters:
                letters[row["subject"]] = _words(connection, row["subject"])
            words = letters[row["subject"]]
            body["words"] = {one: words[one] for one in body["candidates"] if one in words}
            connection.execute("UPDATE event SET body = ? WHERE id = ?", (to_json(body), row["id"]))
    connection.execute(
        "UPDATE event SET undone = 1 WHERE id IN (SELECT u.undoes FROM event u"
        " WHERE u.undoes <> '' AND NOT EXISTS (SELECT 1 FROM event b WHERE b.undoes = u.id))"
    )
    writer.sort_received()


def _words(connection: Connection, guid: str) -> dict[str, str]:
    rows = connection.execute("SELECT letter, draft FROM candidate WHERE guid = ?", (guid,))
    return {row["letter"]: h16(*_draft(row["draft"])) for row in rows.fetchall()}


def _draft(stored: str) -> tuple[str, str]:
    from ankiforge.model import Draft

    one = alternative("", msgspec.json.decode(stored, type=Draft), "")
    return one.kind, one.fields


def _base(connection: Connection, cards: Cards, guid: str) -> None:
    """Derive the state of a card, its candidates and its note in Anki before any event."""
    row = connection.execute("SELECT * FROM card WHERE guid = ?", (guid,)).fetchone()
    events = [one for one in cards.events(guid) if one.here and one.what != UNDO]
    events.sort(key=lambda one: one.sequence)
    base: Columns = {}
    born: dict[str, str] = {}
    for event in reversed(events):
        base |= {n: v for n, v in event.body.get("before", {}).items() if n in COLUMNS}
        born |= event.body.get("candidates_before", {})
    for name in ("anki", "anki_why"):
        base.pop(name, None)
    for letter, state in born.items():
        connection.execute(
            "UPDATE candidate SET born = ? WHERE guid = ? AND letter = ?", (state, guid, letter)
        )
    own = {name: row[name] for name in COLUMNS if name not in _NOT_FOLDED}
    wanted = own | {name: value for name, value in base.items() if name in own}
    new = fold([Facts(row["guid"], cards.facts(guid)[0].alternatives, ())])[row["guid"]].columns
    stored = {name: value for name, value in wanted.items() if new[name] != value}
    connection.execute(
        "UPDATE card SET base = ? WHERE guid = ?", (to_json(stored) if stored else "", guid)
    )
    _observed(connection, row, events)


def _observed(connection: Connection, row: Any, events: list[Event]) -> None:
    """Store the last state in Anki as observed; decisions that led to it remain events."""
    state, why, after = row["anki"], row["anki_why"], None
    for event in reversed([one for one in events if "anki" in one.after and not one.undone]):
        if event.after["anki"] != state:
            break
        before = event.body.get("before", {})
        state, why = before.get("anki", "none"), before.get("anki_why", "")
        after = event.sequence - 1
    if after is None:
        [after] = connection.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()
    if (state, after) != ("none", 0):
        connection.execute(
            "INSERT INTO observed VALUES (?, ?, ?, ?)", (row["guid"], state, why, after)
        )


def _difference(connection: Connection, writer: Writer, cards: Cards, guid: str) -> bool:
    row = connection.execute("SELECT * FROM card WHERE guid = ?", (guid,)).fetchone()
    group = cards.facts(guid)
    [card] = [one for one in group if one.guid == guid]
    state = fold(group)[card.guid]
    after = {
        name: row[name]
        for name, value in state.columns.items()
        if row[name] != value and name not in ("anki", "anki_why", "deck")
    }
    letters = _letters(connection, guid, state)
    if not after and not letters:
        return False
    at = card.events[-1].at if card.events else writer.now()
    words = {one.letter: one.words for one in card.alternatives if one.letter in letters}
    body: dict[str, Any] = {"key": row["key"], "after": after}
    writer.upgrade(guid, at, body | ({"candidates": letters, "words": words} if letters else {}))
    return True


def _letters(connection: Connection, guid: str, state: State) -> dict[str, str]:
    """Return the states of candidates that differ from the fold."""
    rows = connection.execute("SELECT letter, state FROM candidate WHERE guid = ?", (guid,))
    return {
        row["letter"]: row["state"]
        for row in rows.fetchall()
        if state.letters.get(row["letter"]) != row["state"]
    }
