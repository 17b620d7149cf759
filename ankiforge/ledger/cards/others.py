"""Notes in Anki that are not ours: what another tool made of a passage is no news to us.

Their words are kept for the duplicate search, on this machine alone: in no journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.deciding.pairs import NOTE
from ankiforge.ledger.passages.highlights import Highlights
from ankiforge.ledger.writing import Writer
from ankiforge.model import ELSEWHERE, Fields, ForeignNote, HighlightKey

_NAME = "anki:notes:"
_READ = "anki:words:"
"""Meta: the state of a collection whose notes were read."""


class OtherNotes:
    """The ids of all notes that whole collections showed when they were looked at last."""

    def __init__(self, connection: Connection, writer: Writer, highlights: Highlights) -> None:
        self._db = connection
        self._writer = writer
        self._highlights = highlights
        self._known: frozenset[int] | None = None

    def knows(self, place: str) -> bool:
        """Whether the collection at this place was looked at."""
        return all(self._writer.recall(f"{name}{place}") for name in (_NAME, _READ))

    def holds(self, number: int) -> bool:
        """Whether a note with this id stands in a collection that was looked at."""
        if self._known is None:
            rows = self._db.execute("SELECT value FROM meta WHERE name GLOB ?", (f"{_NAME}*",))
            lists = [msgspec.json.decode(row["value"], type=list[int]) for row in rows]
            self._known = frozenset(one for numbers in lists for one in numbers)
        return number in self._known

    def remember(self, place: str, numbers: frozenset[int]) -> None:
        """Take the place of what was known of a collection.

        A passage that was left to another tool, whose note is gone now, wants a draft again.
        """
        self._known = None
        with self._writer.unit():
            self._writer.meta(f"{_NAME}{place}", to_json(sorted(numbers)))
        self.free()

    def free(self) -> None:
        """Let a passage be drafted that is no longer another tool's, or whose note is gone."""
        freed = [key for key in self._left() if not self._has(key)]
        if freed:
            with self._writer.unit():
                self._db.executemany(
                    "UPDATE highlight SET drafted = '', no_card = '' WHERE key = ?",
                    ((key,) for key in freed),
                )

    def _has(self, key: HighlightKey) -> bool:
        highlight = self._highlights.get(key)
        return highlight is None or self.holds(highlight.other_note)

    def _left(self) -> list[HighlightKey]:
        rows = self._db.execute(
            "SELECT key FROM highlight WHERE no_card GLOB ?", (f"{ELSEWHERE}*",)
        ).fetchall()
        return [HighlightKey(row["key"]) for row in rows]

    # --- their words ------------------------------------------------------------------------

    def mods(self, place: str) -> dict[int, int]:
        """The notes of a collection that were read, each with the mod it had."""
        rows = self._db.execute("SELECT id, mod FROM foreign_note WHERE place = ?", (place,))
        return {row["id"]: row["mod"] for row in rows}

    def is_read(self, place: str, state: str) -> bool:
        """Whether the notes were read when the collection was as it is now."""
        return bool(state) and self._writer.recall(f"{_READ}{place}") == state

    def read(
        self, place: str, state: str, there: frozenset[int], changed: Iterable[ForeignNote]
    ) -> None:
        """Keep the words of what has changed; forget what is gone.

        Args:
            place: the collection.
            state: by which it is known whether it has changed since; "" = not to be known.
            there: the ids of all of its notes.
            changed: those that are new, or differ from what `mods` tells.
        """
        with self._writer.unit():
            known = self.mods(place)
            gone = [(place, note) for note in known if note not in there]
            self._db.executemany("DELETE FROM foreign_note WHERE place = ? AND id = ?", gone)
            self._db.executemany(
                "INSERT OR REPLACE INTO foreign_note (place, id, mod, deck, fields)"
                " VALUES (?, ?, ?, ?, ?)",
                (self._row(place, note, note.id in known) for note in changed),
            )
            self._writer.meta(f"{_READ}{place}", state or "once")

    def _row(self, place: str, note: ForeignNote, known: bool) -> tuple[str, int, int, str, str]:
        """What is stored of a note; if it was known and says something else, that is noted."""
        fields = to_json(note.fields) if note.fields else ""
        before = (
            known
            and self._db.execute(
                "SELECT fields FROM foreign_note WHERE place = ? AND id = ?", (place, note.id)
            ).fetchone()
        )
        if before and before["fields"] != fields:
            self._db.execute("INSERT OR IGNORE INTO reworded VALUES (?)", (f"{NOTE}{note.id}",))
        return (place, note.id, note.mod, note.deck, fields)

    def find(self, number: int) -> ForeignNote | None:
        """A note that was read, by Anki's id."""
        row = self._db.execute(
            "SELECT id, mod, deck, fields FROM foreign_note WHERE id = ? LIMIT 1", (number,)
        ).fetchone()
        if row is None:
            return None
        fields = msgspec.json.decode(row["fields"], type=Fields) if row["fields"] else ()
        return ForeignNote(row["id"], row["mod"], row["deck"], fields)

    def all(self) -> Iterator[ForeignNote]:
        """The notes that were read and have words; each id once."""
        last = None
        for row in self._db.execute(
            "SELECT id, mod, deck, fields FROM foreign_note WHERE fields <> '' ORDER BY id"
        ):
            if row["id"] != last:
                fields = msgspec.json.decode(row["fields"], type=Fields)
                yield ForeignNote(row["id"], row["mod"], row["deck"], fields)
            last = row["id"]
