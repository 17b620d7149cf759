"""The duplicate index, and the foreign notes in Anki.

The index contains the search terms of cards and foreign notes. `Duplicates.update` is called in every
transaction that changes the text, the verdict or the standing of a card, so a search never finds a card
that was rejected, retired or deleted. The search terms are made by `check.duplicates` only before the
next search, so that a person's decision does not have to wait for them.

The text of foreign notes is stored only on this machine, never in a journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from ankiforge.ledger.cards import NOTE
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.highlights import Highlights, decode_highlight
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.pairing import is_copy
from ankiforge.model import (
    ELSEWHERE,
    CardKind,
    Draft,
    Fields,
    ForeignNote,
    Guid,
    HighlightKey,
    IndexedCard,
    Origin,
    SearchTerms,
)

AT_ONCE = 500
"""The number of cards that are read with one query."""
_STANDS = "c.standing = 'live' AND c.verdict <> 'rejected'"
_INDEXED = (
    "SELECT d.place, d.id, coalesce(l.key, c.key, '') AS home, d.words, d.finders, d.exact"
    " FROM duplicate_card d LEFT JOIN card c ON c.guid = d.id"
    " LEFT JOIN card_highlight l ON l.guid = d.id AND l.role = 'origin'"
)
_NOTE = (
    "SELECT id, mod, deck, fields FROM foreign_note WHERE id = ?"
    " ORDER BY fields = '', place LIMIT 1"
)
_CHANGES = "duplicates:changes"
"""The name in `meta` of the number of changes to the index by all programs."""
_VERSION = "duplicates:version"
"""The name in `meta` of the version of the rules that made the search terms."""


class Duplicates:
    """The duplicate index of a ledger: a `check.duplicates.Store`."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer
        self._changes = -1
        """The last known number of changes; if it differs, another program has changed the index."""
        self._epoch = 0
        self._changed: list[str] = []
        """The ids changed here since the epoch began."""
        self._reading: dict[str, tuple[str, str]] = {}
        """(stored digest, digest when read) of each card whose search terms are being made."""

    # --- keeping up with cards --------------------------------------------------------------

    def update(self, guid: str) -> None:
        """Update the index for a card, within the caller's transaction.

        This is cheap if nothing changed. If the text of the card changed and findings of other cards
        refer to it, it is added to `reworded`.
        """
        row = self._db.execute(
            f"SELECT c.kind, c.fields, {_STANDS} AS stands, d.place, d.digest"
            " FROM card c LEFT JOIN duplicate_card d ON d.id = c.guid WHERE c.guid = ?",
            (guid,),
        ).fetchone()
        if row is not None:
            digest = _digest(row["kind"], row["fields"]) if row["stands"] else ""
            self._set(guid, digest, row["place"], row["digest"])

    def update_note(self, number: int) -> None:
        """Update the index for a foreign note."""
        id = f"{NOTE}{number}"
        note = self._db.execute(_NOTE, (number,)).fetchone()
        row = self._db.execute(
            "SELECT place, digest FROM duplicate_card WHERE id = ?", (id,)
        ).fetchone()
        digest = _digest("", note["fields"]) if note and note["fields"] else ""
        self._set(id, digest, *((row["place"], row["digest"]) if row else (None, None)))

    def _set(self, id: str, digest: str, place: int | None, before: str | None) -> None:
        """Store the digest of a card's text; "" removes the card from the index."""
        if digest == (before or "") and (digest or place is None):
            return
        if place is None:
            self._db.execute("INSERT INTO duplicate_card (id, digest) VALUES (?, ?)", (id, digest))
        else:
            self._remove_words(place)
            if digest:
                self._db.execute(
                    "UPDATE duplicate_card SET digest = ?, unread = 1, exact = x'', words = '',"
                    " finders = '' WHERE place = ?",
                    (digest, place),
                )
            else:
                self._db.execute("DELETE FROM duplicate_card WHERE place = ?", (place,))
        if digest:
            self._db.execute(
                "INSERT OR IGNORE INTO reworded SELECT ? WHERE EXISTS (SELECT 1 FROM finding"
                " WHERE json_extract(body, '$.twin') = ? AND json_extract(body, '$.twin') <> '')",
                (id, id),
            )
        self._count([id])

    def _remove_words(self, place: int) -> None:
        row = self._db.execute(
            "SELECT words, finders FROM duplicate_card WHERE place = ?", (place,)
        ).fetchone()
        self._db.executemany(
            "DELETE FROM duplicate_word WHERE word = ? AND place = ?",
            [(word, place) for word in (*row["words"].split(), *row["finders"].split())],
        )

    def _count(self, ids: Iterable[str]) -> None:
        """Count a change. If the count is rolled back, the next search reads everything again."""
        [now] = self._db.execute(
            "INSERT INTO meta VALUES (?, '1') ON CONFLICT (name) DO UPDATE"
            " SET value = CAST(value AS INTEGER) + 1 RETURNING value",
            (_CHANGES,),
        ).fetchone()
        if int(now) != self._changes + 1:
            self._epoch += 1
            self._changed = []
        self._changes = int(now)
        self._changed += ids

    # --- a store of `check.duplicates` ------------------------------------------------------

    def unread(self, version: str, most: int) -> list[tuple[str, Draft]]:
        """Return at most `most` cards whose search terms are missing or made by another version."""
        if self._writer.recall(_VERSION) != version:
            with self._writer.unit():
                self._db.execute("UPDATE duplicate_card SET unread = 1")
                self._writer.meta(_VERSION, version)
        rows = self._db.execute(
            "SELECT d.id, d.digest, c.kind, c.fields FROM duplicate_card d"
            " LEFT JOIN card c ON c.guid = d.id WHERE d.unread = 1 ORDER BY d.place LIMIT ?",
            (most,),
        ).fetchall()
        self._reading, drafts = {}, []
        for row in rows:
            kind, fields = row["kind"] or "", row["fields"]
            if not kind:
                note = self._db.execute(_NOTE, (int(row["id"].removeprefix(NOTE)),)).fetchone()
                fields = note["fields"]
            self._reading[row["id"]] = (row["digest"], _digest(kind, fields))
            drafts.append((row["id"], _draft(kind, fields)))
        return drafts

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `unread`, except if their text changed since."""
        with self._writer.unit():
            posted: list[tuple[str, int]] = []
            for id, found in terms:
                stored, read = self._reading[id]
                row = self._db.execute(
                    "SELECT place, words || finders AS posted FROM duplicate_card"
                    " WHERE id = ? AND digest = ?",
                    (id, stored),
                ).fetchone()
                if row is None:
                    continue
                place = row["place"]
                if row["posted"]:  # terms made by another version
                    self._remove_words(place)
                self._db.execute(
                    "UPDATE duplicate_card SET unread = 0, digest = ?, exact = ?, words = ?,"
                    " finders = ? WHERE place = ?",
                    (read, found.exact, " ".join(found.words), " ".join(found.finders), place),
                )
                posted += ((word, place) for word in (*found.words, *found.finders))
            self._db.executemany("INSERT OR IGNORE INTO duplicate_word VALUES (?, ?)", posted)
            self._count(id for id, _ in terms)

    def changed(self, since: Sequence[int]) -> tuple[tuple[int, ...], Sequence[str] | None]:
        """Return the current state, and the ids changed since another state; None = possibly all."""
        now = int(self._writer.recall(_CHANGES) or 0)
        if now != self._changes:  # another program changed it, or a transaction was rolled back
            self._epoch += 1
            self._changes, self._changed = now, []
        state = (self._epoch, len(self._changed))
        known = tuple(since[:1]) == state[:1]
        return state, list(dict.fromkeys(self._changed[since[1] :])) if known else None

    def holding(self, word: str, most: int) -> list[int]:
        """Return the rows of at most `most` cards that contain a word."""
        rows = self._db.execute(
            "SELECT place FROM duplicate_word WHERE word = ? ORDER BY place LIMIT ?", (word, most)
        )
        return [place for (place,) in rows]

    def cards(self, rows: Sequence[int]) -> Iterator[tuple[int, IndexedCard]]:
        """Yield (row, card) for those of these rows that still exist."""
        for start in range(0, len(rows), AT_ONCE):
            some = tuple(rows[start : start + AT_ONCE])
            marks = ", ".join("?" * len(some))
            found = self._db.execute(f"{_INDEXED} WHERE d.place IN ({marks})", some).fetchall()
            for row in found:
                yield row["place"], self._indexed(row)

    def card(self, id: str) -> tuple[int, IndexedCard] | None:
        """Return the row and the card with this id; None if it is not in the index."""
        row = self._db.execute(f"{_INDEXED} WHERE d.id = ?", (id,)).fetchone()
        return (row["place"], self._indexed(row)) if row else None

    def _indexed(self, row: sqlite3.Row) -> IndexedCard:
        terms = SearchTerms(
            tuple(row["words"].split()), tuple(row["finders"].split()), row["exact"]
        )
        return IndexedCard(row["id"], HighlightKey(row["home"]), self.where(row["id"]), terms)

    def equal(self, exact: bytes) -> list[tuple[str, HighlightKey]]:
        """Return (id, highlight) of our cards with this exact form, sorted by id."""
        rows = self._db.execute(
            f"{_INDEXED} WHERE d.exact = ? AND d.exact <> x'' AND c.guid IS NOT NULL ORDER BY d.id",
            (exact,),
        ).fetchall()
        return [(row["id"], HighlightKey(row["home"])) for row in rows]

    def draft(self, id: str) -> Draft | None:
        """Return the text of a card or a foreign note as a draft; None if it is not in use."""
        if id.startswith(NOTE):
            row = self._db.execute(_NOTE, (int(id.removeprefix(NOTE)),)).fetchone()
            return _draft("", row["fields"]) if row and row["fields"] else None
        row = self._db.execute(
            f"SELECT c.kind, c.fields FROM card c WHERE c.guid = ? AND {_STANDS}", (id,)
        ).fetchone()
        return _draft(row["kind"], row["fields"]) if row else None

    def may_be_same(self, id: str, highlight: HighlightKey) -> bool:
        """Return whether a card may belong to this highlight, because its own is gone, or a copy of it."""
        row = self._db.execute(
            "SELECT h.body, o.body AS other, h.presence IN ('missing-once', 'gone') AS gone"
            " FROM card_highlight l JOIN highlight h ON h.key = l.key JOIN highlight o ON o.key = ?"
            " WHERE l.guid = ? AND l.role = 'origin'",
            (highlight, id),
        ).fetchone()
        if row is None or row["gone"]:
            return row is not None
        # a copy may have been edited before it was read
        return is_copy(decode_highlight(row["body"]), decode_highlight(row["other"]))

    def where(self, id: str) -> str:
        """Return how findings introduce a quote of a foreign note; "" for a card."""
        if not id.startswith(NOTE):
            return ""
        row = self._db.execute(_NOTE, (int(id.removeprefix(NOTE)),)).fetchone()
        deck = row["deck"] if row else ""
        return f"a note in Anki, deck {deck}: " if deck else "a note in Anki: "

    # --- findings about another card --------------------------------------------------------

    def reworded(self) -> list[str]:
        """Return the cards and notes in findings whose text has changed since."""
        rows = self._db.execute("SELECT id FROM reworded ORDER BY id").fetchall()
        return [row["id"] for row in rows]

    def naming(self, id: str) -> list[tuple[Guid, str]]:
        """Return (guid, letter) of the candidates with a finding that refers to this card."""
        rows = self._db.execute(
            "SELECT DISTINCT guid, letter FROM finding WHERE json_extract(body, '$.twin') = ?"
            " AND json_extract(body, '$.twin') <> '' ORDER BY guid, letter",
            (id,),
        ).fetchall()
        return [(Guid(row["guid"]), row["letter"]) for row in rows]

    def rechecked(self, id: str) -> None:
        """Record that the findings that refer to a card are up to date."""
        self._db.execute("DELETE FROM reworded WHERE id = ?", (id,))

    def drafted_at(self, guid: Guid) -> str:
        """Return the time when a card was first drafted here, in ISO 8601; "" if unknown."""
        row = self._db.execute(
            "SELECT r.at FROM card c JOIN run r ON r.id = c.run WHERE c.guid = ?", (guid,)
        ).fetchone()
        return str(row["at"]) if row else ""


def _draft(kind: str, fields: str) -> Draft:
    """Return fields as a draft for comparison; the kind of a foreign note follows from its fields."""
    words = msgspec.json.decode(fields, type=Fields)
    is_basic = words and words[0][0] == "Front"
    meant = CardKind(kind) if kind else CardKind.BASIC if is_basic else CardKind.CLOZE
    return Draft(HighlightKey(""), meant, words, "", "", 0, Origin(""))


def _digest(kind: str, fields: str) -> str:
    words = f"{kind}\x1f{fields}".encode("utf-8", "surrogatepass")
    return blake2b(words, digest_size=8).hexdigest()


_NUMBERS = "anki:notes:"
_READ = "anki:words:"
"""The prefix of names in `meta` for the state of a collection whose notes were read."""


@dataclass(eq=False)
class ForeignNotes:
    """The foreign notes in Anki, as in the last complete views of collections.

    Passages from which another tool made a note are not drafted, and drafts are compared with the text
    of these notes.
    """

    _db: Connection
    _writer: Writer
    _highlights: Highlights
    _duplicates: Duplicates

    def __post_init__(self) -> None:
        self._known: frozenset[int] | None = None

    def knows(self, place: str) -> bool:
        """Return whether the notes of the collection at this path were read."""
        return all(self._writer.recall(f"{name}{place}") for name in (_NUMBERS, _READ))

    def holds(self, number: int) -> bool:
        """Return whether a collection that was read has a note with this id."""
        if self._known is None:
            rows = self._db.execute("SELECT value FROM meta WHERE name GLOB ?", (f"{_NUMBERS}*",))
            lists = [msgspec.json.decode(row["value"], type=list[int]) for row in rows]
            self._known = frozenset(one for numbers in lists for one in numbers)
        return number in self._known

    def remember(self, place: str, numbers: frozenset[int]) -> None:
        """Replace the stored ids of all notes of a collection.

        Passages that were left to a note of another tool become pending if that note is gone.
        """
        self._known = None
        with self._writer.unit():
            self._writer.meta(f"{_NUMBERS}{place}", to_json(sorted(numbers)))
        self.free()

    def free(self) -> None:
        """Make passages pending that were left to another tool's note if that no longer applies."""
        rows = self._db.execute(
            "SELECT key FROM highlight WHERE no_card GLOB ?", (f"{ELSEWHERE}*",)
        ).fetchall()
        left = [HighlightKey(row["key"]) for row in rows]
        freed = [(key,) for key in left if not self._is_elsewhere(key)]
        if freed:
            with self._writer.unit():
                self._db.executemany(
                    "UPDATE highlight SET drafted = '', no_card = '' WHERE key = ?", freed
                )

    def _is_elsewhere(self, key: HighlightKey) -> bool:
        highlight = self._highlights.get(key)
        return highlight is None or self.holds(highlight.other_note)

    # --- text -------------------------------------------------------------------------------

    def mods(self, place: str) -> dict[int, int]:
        """Return the mods of the notes of a collection, as last read, by id."""
        rows = self._db.execute("SELECT id, mod FROM foreign_note WHERE place = ?", (place,))
        return {row["id"]: row["mod"] for row in rows}

    def is_read(self, place: str, state: str) -> bool:
        """Return whether the notes were read when the collection had this state."""
        return bool(state) and self._writer.recall(f"{_READ}{place}") == state

    def read(
        self, place: str, state: str, present: frozenset[int], changed: Iterable[ForeignNote]
    ) -> None:
        """Store the text of changed notes, and delete notes that are gone.

        Args:
            place: the path of the collection.
            state: identifies the state of the collection; "" = unknown.
            present: the ids of all its foreign notes.
            changed: the notes that are new, or whose mod differs from `mods`.
        """
        with self._writer.unit():
            touched = [note for note in self.mods(place) if note not in present]
            self._db.executemany(
                "DELETE FROM foreign_note WHERE place = ? AND id = ?",
                [(place, note) for note in touched],
            )
            for note in changed:
                fields = to_json(note.fields) if note.fields else ""
                self._db.execute(
                    "INSERT OR REPLACE INTO foreign_note (place, id, mod, deck, fields)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (place, note.id, note.mod, note.deck, fields),
                )
                touched.append(note.id)
            for number in touched:
                self._duplicates.update_note(number)
            self._writer.meta(f"{_READ}{place}", state or "once")

    def find(self, number: int) -> ForeignNote | None:
        """Return a note by its id in Anki, or None."""
        row = self._db.execute(_NOTE, (number,)).fetchone()
        if row is None:
            return None
        fields = msgspec.json.decode(row["fields"], type=Fields) if row["fields"] else ()
        return ForeignNote(row["id"], row["mod"], row["deck"], fields)
