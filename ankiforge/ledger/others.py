"""Notes in Anki that are not ours: what another tool made of a passage is no news to us."""

from __future__ import annotations

import msgspec

from ankiforge.domain import ELSEWHERE, HighlightKey
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.highlights import Highlights
from ankiforge.ledger.writing import Writer

_NAME = "anki:notes:"


class OtherNotes:
    """The ids of all notes that whole collections showed when they were looked at last."""

    def __init__(self, connection: Connection, writer: Writer, highlights: Highlights) -> None:
        self._db = connection
        self._writer = writer
        self._highlights = highlights
        self._known: frozenset[int] | None = None

    def knows(self, place: str) -> bool:
        """Whether the collection at this place was looked at."""
        return bool(self._writer.recall(f"{_NAME}{place}"))

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
