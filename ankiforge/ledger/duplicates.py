"""The duplicate index, and the notes in Anki that are not ours.

The index says by which words a card or a note is found. `Duplicates.update` is called by whatever
changes the words, the verdict or the standing of a card, in the same transaction, so a search never
names a card that was rejected, retired or deleted. Search terms are made from the words by
`check.duplicates`, before the next search: a decision of a person need not wait for it.

The words of notes that are not ours are kept on this machine alone: in no journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from ankiforge.ledger.cards import NOTE
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.highlights import Highlights
from ankiforge.ledger.journal import Writer
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
"""Cards that are read together."""
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
"""Meta: how often the index was changed, by whatever program."""
_VERSION = "duplicates:version"
"""Meta: the version of the rules by which the search terms were made."""


class Duplicates:
    """The duplicate index of a ledger: a `check.duplicates.Store`."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer
        self._changes = -1
        """The count of changes this object knows of; another count: another program wrote."""
        self._epoch = 0
        self._changed: list[str] = []
        """The ids changed here since the epoch began."""
        self._reading: dict[str, tuple[str, str]] = {}
        """The digest of each card whose search terms are being made, as stored and as read."""

    # --- keeping up with cards --------------------------------------------------------------

    def update(self, guid: str) -> None:
        """Bring the index up to what a card says by now, within the caller's transaction.

        Cheap where nothing changed. Findings of other cards that name this one are put in the
        queue of `reworded` if its words have changed.
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
        """Bring the index up to what a note that is not ours says by now."""
        id = f"{NOTE}{number}"
        note = self._db.execute(_NOTE, (number,)).fetchone()
        row = self._db.execute(
            "SELECT place, digest FROM duplicate_card WHERE id = ?", (id,)
        ).fetchone()
        digest = _digest("", note["fields"]) if note and note["fields"] else ""
        self._set(id, digest, *((row["place"], row["digest"]) if row else (None, None)))

    def _set(self, id: str, digest: str, place: int | None, before: str | None) -> None:
        """Note what a card says now; an empty digest: it is not to be found any more."""
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
        """Count one change. A count that is rolled back makes the next search read anew."""
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
        """Return cards whose search terms are not stored yet, or were made by another version."""
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
        """Store the search terms of what `unread` returned; not where the words changed since."""
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
                if row["posted"]:  # made by another version
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
        """Return the present state, and the ids changed since another; None = maybe all."""
        now = int(self._writer.recall(_CHANGES) or 0)
        if now != self._changes:  # another program wrote, or a transaction was rolled back
            self._epoch += 1
            self._changes, self._changed = now, []
        state = (self._epoch, len(self._changed))
        known = tuple(since[:1]) == state[:1]
        return state, list(dict.fromkeys(self._changed[since[1] :])) if known else None

    def holding(self, word: str, most: int) -> list[int]:
        """Return the rows of at most so many cards that hold a word."""
        rows = self._db.execute(
            "SELECT place FROM duplicate_word WHERE word = ? ORDER BY place LIMIT ?", (word, most)
        )
        return [place for (place,) in rows]

    def cards(self, rows: Sequence[int]) -> Iterator[tuple[int, IndexedCard]]:
        """Return the cards of these rows, those that are still there."""
        for start in range(0, len(rows), AT_ONCE):
            some = tuple(rows[start : start + AT_ONCE])
            marks = ", ".join("?" * len(some))
            found = self._db.execute(f"{_INDEXED} WHERE d.place IN ({marks})", some).fetchall()
            for row in found:
                yield row["place"], self._indexed(row)

    def card(self, id: str) -> tuple[int, IndexedCard] | None:
        """Return one card and its row, None if it is not to be found any more."""
        row = self._db.execute(f"{_INDEXED} WHERE d.id = ?", (id,)).fetchone()
        return (row["place"], self._indexed(row)) if row else None

    def _indexed(self, row: sqlite3.Row) -> IndexedCard:
        terms = SearchTerms(
            tuple(row["words"].split()), tuple(row["finders"].split()), row["exact"]
        )
        return IndexedCard(row["id"], HighlightKey(row["home"]), self.where(row["id"]), terms)

    def equal(self, exact: bytes) -> list[tuple[str, HighlightKey]]:
        """Return id and highlight of our cards of this exact form, by id."""
        rows = self._db.execute(
            f"{_INDEXED} WHERE d.exact = ? AND d.exact <> x'' AND c.guid IS NOT NULL ORDER BY d.id",
            (exact,),
        ).fetchall()
        return [(row["id"], HighlightKey(row["home"])) for row in rows]

    def draft(self, id: str) -> Draft | None:
        """Return what a card, or a note that is not ours, says; None if it is not in use."""
        if id.startswith(NOTE):
            row = self._db.execute(_NOTE, (int(id.removeprefix(NOTE)),)).fetchone()
            return _draft("", row["fields"]) if row and row["fields"] else None
        row = self._db.execute(
            f"SELECT c.kind, c.fields FROM card c WHERE c.guid = ? AND {_STANDS}", (id,)
        ).fetchone()
        return _draft(row["kind"], row["fields"]) if row else None

    def where(self, id: str) -> str:
        """Return what findings say before they quote a note that is not ours; "" of a card."""
        if not id.startswith(NOTE):
            return ""
        row = self._db.execute(_NOTE, (int(id.removeprefix(NOTE)),)).fetchone()
        deck = row["deck"] if row else ""
        return f"a note in Anki, deck {deck}: " if deck else "a note in Anki: "

    # --- findings that name a card ----------------------------------------------------------

    def reworded(self) -> list[str]:
        """Return the cards and notes that findings name and whose words have changed since."""
        rows = self._db.execute("SELECT id FROM reworded ORDER BY id").fetchall()
        return [row["id"] for row in rows]

    def naming(self, id: str) -> list[tuple[Guid, str]]:
        """Return (card, letter) of the candidates with a finding that names this card."""
        rows = self._db.execute(
            "SELECT DISTINCT guid, letter FROM finding WHERE json_extract(body, '$.twin') = ?"
            " AND json_extract(body, '$.twin') <> '' ORDER BY guid, letter",
            (id,),
        ).fetchall()
        return [(Guid(row["guid"]), row["letter"]) for row in rows]

    def rechecked(self, id: str) -> None:
        """Note that the findings that name a card are up to date."""
        self._db.execute("DELETE FROM reworded WHERE id = ?", (id,))

    def drafted_at(self, guid: Guid) -> str:
        """Return when a card was drafted first here, as ISO text."""
        row = self._db.execute(
            "SELECT r.at FROM card c JOIN run r ON r.id = c.run WHERE c.guid = ?", (guid,)
        ).fetchone()
        return str(row["at"]) if row else ""


def _draft(kind: str, fields: str) -> Draft:
    """Return words as a draft to compare; the kind of a note that is not ours follows its fields."""
    words = msgspec.json.decode(fields, type=Fields)
    is_basic = words and words[0][0] == "Front"
    meant = CardKind(kind) if kind else CardKind.BASIC if is_basic else CardKind.CLOZE
    return Draft(HighlightKey(""), meant, words, "", "", 0, Origin(""))


def _digest(kind: str, fields: str) -> str:
    words = f"{kind}\x1f{fields}".encode("utf-8", "surrogatepass")
    return blake2b(words, digest_size=8).hexdigest()


_NUMBERS = "anki:notes:"
_READ = "anki:words:"
"""Meta: the state of a collection whose notes were read."""


@dataclass(eq=False)
class ForeignNotes:
    """The notes that are not ours, as complete views of collections showed them last.

    What another tool made of a passage is not drafted here as well, and drafts are compared with
    the words of these notes.
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
        """Store the ids of all notes of a collection, in place of those stored before.

        A passage that was left to another tool, whose note is gone now, is drafted again.
        """
        self._known = None
        with self._writer.unit():
            self._writer.meta(f"{_NUMBERS}{place}", to_json(sorted(numbers)))
        self.free()

    def free(self) -> None:
        """Let a passage be drafted that is no longer another tool's, or whose note is gone."""
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

    # --- their words ------------------------------------------------------------------------

    def mods(self, place: str) -> dict[int, int]:
        """Return the notes of a collection that were read, each with the mod it had."""
        rows = self._db.execute("SELECT id, mod FROM foreign_note WHERE place = ?", (place,))
        return {row["id"]: row["mod"] for row in rows}

    def is_read(self, place: str, state: str) -> bool:
        """Return whether the notes were read when the collection was as it is now."""
        return bool(state) and self._writer.recall(f"{_READ}{place}") == state

    def read(
        self, place: str, state: str, there: frozenset[int], changed: Iterable[ForeignNote]
    ) -> None:
        """Store the words of notes that changed; forget notes that are gone.

        Args:
            place: the path of the collection.
            state: differs once the collection changes; "" = not known.
            there: the ids of all of its notes.
            changed: those that are new, or whose mod differs from `mods`.
        """
        with self._writer.unit():
            touched = [note for note in self.mods(place) if note not in there]
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
        """Return a note that was read, by Anki's id."""
        row = self._db.execute(_NOTE, (number,)).fetchone()
        if row is None:
            return None
        fields = msgspec.json.decode(row["fields"], type=Fields) if row["fields"] else ()
        return ForeignNote(row["id"], row["mod"], row["deck"], fields)
