"""Slots: which of a highlight's cards is which, for ever."""

from __future__ import annotations

import sqlite3

from ankiforge.domain import Draft, Family, Guid, HighlightKey, guid_for
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.revisions import ALIKE, likeness
from ankiforge.ledger.writing import Writer
from ankiforge.text.fold import same


class Slots:
    """Numbers from 1 within a highlight and a family, never given to another answer."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def slot_for(self, key: HighlightKey, family: Family, draft: Draft, only: bool) -> int:
        """The slot the journal gave to this answer, else the next one; never one of another."""
        taken = self._numbers("SELECT slot FROM card WHERE key = ? AND family = ?", key, family)
        rows = self._db.execute(
            "SELECT slot, quote, answer FROM slot WHERE key = ? AND family = ? ORDER BY slot",
            (key, family),
        ).fetchall()
        free = [row for row in rows if row["slot"] not in taken]
        for row in free:
            if same(row["answer"], draft.answer):
                return int(row["slot"])
        only = only and len(free) == 1 and draft.by_hand
        for row in free:
            slot = int(row["slot"])
            if self._continues(guid_for(key, family, slot), row, draft, only):
                self.give(key, family, slot, draft)
                return slot
        slot = max([*taken, *(int(row["slot"]) for row in rows), 0]) + 1
        self.give(key, family, slot, draft)
        return slot

    def _continues(self, guid: Guid, row: sqlite3.Row, draft: Draft, only: bool) -> bool:
        """Whether a draft revises a card of which only the journal is left.

        One that is like it, or, of a card its author wrote, the `only` one there is. Not a
        rejected one: a rejection holds for its own answer only.
        """
        rejected = any(decided.what == "reject" for decided in self._decisions.of(guid))
        alike = only or likeness(row["answer"], row["quote"], draft) >= ALIKE
        return alike and not rejected

    def give(self, key: HighlightKey, family: Family, slot: int, draft: Draft) -> None:
        """Remember, for ever, which answer a slot stands for."""
        self._db.execute(
            "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?)",
            (key, family, slot, draft.quote, draft.answer),
        )
        body = {"family": family, "slot": slot, "quote": draft.quote, "answer": draft.answer}
        self._writer.note("slot", key, body, once=(key, family, str(slot), draft.answer))

    def _numbers(self, sql: str, *parameters: str) -> set[int]:
        return {int(row[0]) for row in self._db.execute(sql, parameters).fetchall()}
