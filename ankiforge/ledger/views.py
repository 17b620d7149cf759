"""What is in Anki, as seen last, and what was shipped.

What must stay true:

- A note is deleted only with a grave, or if it was absent twice; else it is missing, which is asked.
- A view that is not complete concludes nothing from what it lacks.
- `seen.settled` means "nothing to write"; the triggers in `schema.sql` reset it when that may have changed.

Tested in the real Anki: `tests/anki` (`test_views.py`, `test_collections.py`, `test_lost_and_found.py`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote

import msgspec

from ankiforge.ledger import cards
from ankiforge.ledger.events import PERSON, POLICY, RETIRED_BEFORE, State, Wording
from ankiforge.ledger.store import Row, Store, encode
from ankiforge.model import (
    RETIRED,
    Card,
    Conflict,
    Guid,
    Json,
    Seen,
    SeenReview,
    Strings,
    Texts,
    may_be_ours,
    note_id,
)
from ankiforge.text import regex
from ankiforge.text.fold import fold

TWICE_SECONDS = 600.0
"""Without graves, a note is deleted if it is absent in two views so far apart."""
DELETED = "deleted in Anki"
AGAIN = "again"
"""In the body of `accept`: the note was deleted in Anki, and is made anew."""
_VAULT = regex(r"obsidian://open\?vault=([^&\"]+)")
_decode_seen = msgspec.json.Decoder(Seen).decode
_decode_all_seen = msgspec.json.Decoder(list[Seen]).decode


class Viewed(msgspec.Struct):
    """What a view of Anki changed here."""

    seen: int = 0
    first: list[Guid] = []
    """Seen for the first time on this machine."""
    deleted: list[Guid] = []
    returned: list[Guid] = []
    missing: list[Guid] = []
    """Absent without a grave: asked."""
    retired: list[Guid] = []
    """Live here, and tagged in Anki as dropped: the journal has lost the decision."""
    revived: list[Guid] = []
    """Deleted in Anki, and brought back by a package since; each is told once."""
    unknown: list[Seen] = []
    """Notes of ours that no event knows."""
    reviews: int = 0
    """The number of new reviews."""


def record_view(
    store: Store,
    notes: Iterable[Seen],
    *,
    complete: bool,
    graves: frozenset[int] | None,
    reviews: Iterable[SeenReview] = (),
) -> Viewed:
    """Take note of what is in Anki.

    Args:
        store: the store.
        notes: our notes.
        complete: whether the view has the whole collection, so that what it lacks is not there.
        graves: the ids of deleted notes; None if Anki cannot tell (AnkiConnect).
        reviews: the reviews of our notes' cards.
    """
    found = {note.guid: note for note in notes}
    viewed, now = Viewed(seen=len(found)), time.time()
    with store.transaction():
        ours = {row["guid"]: row for row in store.rows("SELECT guid, live, passage FROM card")}
        before = {row["guid"]: row for row in store.rows("SELECT guid, body, absent FROM seen")}
        for guid, note in found.items():
            if guid not in ours:
                viewed.unknown.append(note)
                continue
            if (
                not complete
                and guid in before
                and _decode_seen(before[guid]["body"]).mod > note.mod
            ):
                continue  # an export that lay about
            passage = store.passage(ours[guid]["passage"])
            state = passage.cards[guid]
            if store.machine not in state.seen_by:
                viewed.first.append(guid)
                store.add("seen", passage.key, POLICY, {"guid": guid})
            if state.why == DELETED and guid in before and before[guid]["absent"]:
                viewed.returned.append(guid)
                _unretire(store, guid, passage.key)
            _write_seen(store, note, before.get(guid))
            if note.retired and ours[guid]["live"] and not _knows_of_dropping(store, state):
                viewed.retired.append(guid)
                _retire(store, guid, RETIRED_BEFORE)
        if complete and graves is not None:
            there = [note for guid, note in found.items() if guid in ours]
            viewed.revived = _revived(store, there, graves, viewed.returned)
            store.set_meta("graves", encode(sorted(id for id in graves if may_be_ours(id))))
        for guid, row in before.items() if complete else ():
            if guid in found or guid not in ours:
                continue
            if row["absent"] and ours[guid]["live"] and _was_deleted(store, guid):
                store.write("DELETE FROM seen WHERE guid = ?", guid)
                continue  # its deletion was undone: it is shipped again
            since = row["absent"] or now
            note = _decode_seen(row["body"])
            buried = graves is not None and note.id in graves
            twice = graves is None and row["absent"] and now - since >= TWICE_SECONDS
            if ours[guid]["live"] and (buried or twice):
                viewed.deleted.append(guid)
                _retire(store, guid)
            elif ours[guid]["live"]:
                viewed.missing.append(guid)
            store.write("UPDATE seen SET absent = ?, settled = '' WHERE guid = ?", since, guid)
        dug = graves or frozenset()
        for guid, row in ours.items() if dug else ():
            never = row["live"] and guid not in found and guid not in before
            if not never or note_id(Guid(guid)) not in dug:
                continue
            if not _wanted_again(store, Guid(guid)):
                viewed.deleted.append(Guid(guid))
                _retire(store, guid)
        if complete:
            store.set_meta("app looked", datetime.now(UTC).isoformat(timespec="seconds"))
            store.set_meta("unknown", encode(viewed.unknown))
            _set_strangers(store, viewed.unknown)
        for one in reviews:
            values = (one.id, one.guid, one.ease, one.interval, one.duration, one.type)
            query = "INSERT OR IGNORE INTO review VALUES (?, ?, ?, ?, ?, ?)"
            viewed.reviews += store.write(query, *values)
    return viewed


def _write_seen(store: Store, note: Seen, before: Row | None) -> None:
    body = encode(note)
    if before is None or before["body"] != body or before["absent"]:
        store.write(
            "INSERT OR REPLACE INTO seen VALUES (?, 0, ?, ?, ?, ?, '', ?)",
            note.guid, note.reviews, note.lapses, note.leech, note.suspended, body,
        )  # fmt: skip


def _retire(store: Store, guid: str, why: str = DELETED) -> None:
    body = {"guid": guid, "why": why}
    store.add("retire", cards.state_of(store, guid)[1].key, PERSON, body)


def _knows_of_dropping(store: Store, state: State) -> bool:
    """Return whether the journal tells why a note has the tag of dropped cards, or had it.

    If it does not, the tag is all that is left of a decision: the journal is older, or its last line
    was torn.
    """
    if any(RETIRED in map(str.casefold, sent.tags) for sent in state.shipped):
        return True
    _, passage = cards.state_of(store, state.guid)
    return any(
        event.what in ("reject", "retire") and event.body.get("guid") == state.guid
        for event in store.events(passage.keys)
    )


def _revived(
    store: Store, notes: Iterable[Seen], graves: frozenset[int], returned: Collection[Guid]
) -> list[Guid]:
    """Return the notes that a person deleted in Anki, and that are there, if nobody told of them yet.

    Anki keeps the grave of a note that an import brings back; an undo of the deletion takes it away. What
    a person took back here is left out: its note was to come back.

    Args:
        store: the store.
        notes: our notes.
        graves: the ids of deleted notes.
        returned: the notes that count as deleted no longer, because they are there.
    """
    told = msgspec.json.decode(store.meta("revived", "[]"), type=list[str])
    back = [note.guid for note in notes if note.id in graves]
    store.set_meta("revived", encode(back))
    return [
        guid
        for guid in back
        if guid not in told and (guid in returned or not _wanted_again(store, guid))
    ]


def _wanted_again(store: Store, guid: Guid) -> bool:
    """Return whether a person who had deleted a note wants it back: by undo, or by a new acceptance."""
    return _was_deleted(store, guid) or _made_again(store, guid)


def graves_of(store: Store) -> frozenset[int]:
    """Return the ids of deleted notes in the newest view that may have been ours."""
    return frozenset(msgspec.json.decode(store.meta("graves", "[]"), type=list[int]))


def _made_again(store: Store, guid: str) -> bool:
    """Return whether a person accepted a card whose note in Anki was deleted before."""
    return any(
        event.what == "accept" and event.body["guid"] == guid and AGAIN in event.body
        for event in store.events(cards.state_of(store, guid)[1].keys)
    )


def _was_deleted(store: Store, guid: str) -> bool:
    """Return whether a person deleted a note in Anki before, whether or not that was undone."""
    return any(
        one.what == "retire" and one.body["guid"] == guid and one.body.get("why") == DELETED
        for one in store.events(cards.state_of(store, guid)[1].keys)
    )


def _unretire(store: Store, guid: str, key: str) -> None:
    ends = [one for one in store.events(store.keys(key)) if one.what == "retire"]
    ends = sorted((one for one in ends if one.body["guid"] == guid), key=lambda one: one.order)
    if ends:
        store.add("undo", ends[-1].key, PERSON, {"event": ends[-1].id})


def to_plan(store: Store, settings: str) -> Iterator[tuple[Card, Seen | None]]:
    """Yield the cards for which there may be something to write, each with its note in Anki.

    A card that was given to `settle` is left out until its passage, its note, the card, or what all
    notes are made with changes, which `settings` names; "" means "not settled" in the table.
    """
    chosen = (
        "card c LEFT JOIN seen s ON s.guid = c.guid"
        " WHERE iif(s.guid IS NULL, c.live, s.absent = 0 AND s.settled != ?)"
    )
    rows = store.rows(f"SELECT c.guid, s.body FROM {chosen}", settings)
    seen = {row["guid"]: _decode_seen(row["body"]) if row["body"] else None for row in rows}
    for card in cards.cards_of(store, f"guid IN (SELECT c.guid FROM {chosen})", settings):
        if card.guid in seen:
            yield card, seen[card.guid]


def notes(store: Store, guid: str = "") -> Iterator[Seen]:
    """Yield our notes as the newest view has them, or the one with this guid."""
    condition = "guid = ?" if guid else "? = ''"
    rows = store.rows(f"SELECT body FROM seen WHERE absent = 0 AND {condition}", guid)
    yield from (_decode_seen(row["body"]) for row in rows)


def settle(
    store: Store, guids: Iterable[Guid], settings: str, conflicts: Iterable[Conflict]
) -> None:
    """Record for which notes there is nothing to write, and which fields are in conflict."""
    with store.transaction():
        for guid in guids:
            store.write("UPDATE seen SET settled = ? WHERE guid = ?", settings, guid)
            store.write("DELETE FROM conflict WHERE guid = ?", guid)
        for one in conflicts:
            values = (one.guid, one.field, one.theirs, one.ours, one.words)
            store.write("INSERT OR REPLACE INTO conflict VALUES (?, ?, ?, ?, ?)", *values)


Shipment = tuple[Guid, int, Sequence[str], str, str, Texts, Texts]
"""(guid, mod, our tags, deck, digest, words by cloze number, hashes of another tool's fields)."""


def shipped(store: Store, sent: Iterable[Shipment]) -> int:
    """Record what a package contains, before it replaces the old one.

    Args:
        store: the store.
        sent: what is known of each note.

    Returns:
        The number of notes that no package contained before.
    """
    new = 0
    with store.transaction():
        for guid, mod, tags, deck, digest, numbers, hashes in sent:
            state, passage = cards.state_of(store, guid)
            last = state.shipped[-1] if state.shipped else None
            new += last is None and not state.seen_by
            if last and (last.mod, last.tags, last.digest) == (mod, tuple(tags), digest):
                continue
            body: Json = {"guid": guid, "mod": mod, "digest": digest}
            body |= {"tags": list(tags)} if tags else {}
            body |= {"deck": deck} if deck else {}
            body |= {"hashes": hashes} if hashes else {}
            fresh = {n: words for n, words in numbers.items() if state.numbers.get(n) != words}
            body |= {"numbers": fresh} if fresh else {}
            store.add("shipped", passage.key, POLICY, body)
    return new


def adopt(store: Store, notes: Iterable[tuple[Seen, Wording, str, Strings]]) -> list[Seen]:
    """Take over notes of ours that no event knows, if their passage is found word for word.

    For when both the journal and the database were lost.

    Args:
        store: the store.
        notes: each with its words in Markdown, its passage, and the fields that a person typed in Anki.

    Returns:
        The notes whose passage was not found.
    """
    left = []
    with store.transaction():
        for note, wording, passage, typed in notes:
            key = _key_of(store, note, passage)
            if not key:
                left.append(note)
                continue
            slot = note.identity.slot if note.identity else wording.place
            body = {
                "guid": note.guid, "draft": msgspec.to_builtins(wording), "slot": slot,
                "deck": note.deck,
            }  # fmt: skip
            body |= {"typed": list(typed)} if typed else {}
            store.add("accept", key, PERSON, body)
            store.add("seen", key, POLICY, {"guid": note.guid})
            if note.retired:
                store.add("retire", key, PERSON, {"guid": note.guid, "why": RETIRED_BEFORE})
            _write_seen(store, note, None)
            store.write("DELETE FROM draft WHERE key = ? AND content = ?", key, wording.content)
        _set_strangers(store, left)
    return left


def _set_strangers(store: Store, notes: Iterable[Seen]) -> None:
    """Store the documents of notes that no card here has: new drafts of them wait."""
    found = {in_vault(tag, "".join(note.fields)) for note in notes for tag in note.tags}
    store.set_meta("strangers", encode(sorted(found)))


def in_vault(tag: str, link: str) -> str:
    """Return the tag of a document with its vault, if a link (or HTML with one) names a vault.

    Two vaults may each have a note `Index.md`.
    """
    vault = _VAULT.search(link)
    return f"{tag} {unquote(vault[1])}" if vault else tag


def _key_of(store: Store, note: Seen, passage: str) -> str:
    """Return the key of the highlight with a note's passage: its own key, else the only one."""
    rows = store.rows(
        "SELECT key FROM highlight WHERE folded = ? AND state = 'present'", fold(passage)
    )
    keys = [row["key"] for row in rows]
    own = note.identity.key if note.identity else ""
    return own if own in keys else keys[0] if len(keys) == 1 else ""


def reviews(store: Store) -> Iterator[SeenReview]:
    """Yield the reviews of our cards that were seen."""
    query = "SELECT id, guid, ease, interval, duration, type FROM review"
    yield from (SeenReview(*row) for row in store.each(query))


def unknown(store: Store) -> Iterator[Seen]:
    """Yield the notes of ours in the newest view that no event knows."""
    for one in _decode_all_seen(store.meta("unknown", "[]")):
        if not store.row("SELECT 1 FROM card WHERE guid = ?", one.guid):
            yield one
