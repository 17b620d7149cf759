"""Passages of which a person has said that no card is wanted."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.events import Event
from ankiforge.ledger.writing import PERSON, Writer
from ankiforge.model import HighlightKey

SKIP = "skip"
NOT_WANTED = "you want none"
"""Why such a passage is ignored."""


class Aside:
    """A skip is a decision about a passage: it holds while the source is read again and again."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def skip(self, keys: Iterable[HighlightKey], reason: str = "") -> None:
        """Set passages aside; one undo takes it back."""
        with self._writer.unit():
            action = self._writer.new_action()
            for key in dict.fromkeys(keys):
                self._writer.decide(SKIP, key, {"reason": reason}, by=PERSON, action=action)
                self._settle(key)

    def holds(self, key: HighlightKey) -> bool:
        """Whether a person has said so, and has not taken it back."""
        row = self._db.execute(
            "SELECT 1 FROM decision d WHERE d.subject = ? AND d.what = ? AND NOT EXISTS"
            " (SELECT 1 FROM decision u WHERE u.undoes = d.id)",
            (key, SKIP),
        ).fetchone()
        return row is not None

    def hear(self, decided: Event) -> None:
        """A skip came by the journal, or was taken back."""
        if decided.what == SKIP:
            self._settle(HighlightKey(decided.subject))

    def _settle(self, key: HighlightKey) -> None:
        if self.holds(key):
            self._decisions.retire(key, SKIP)
            self._db.execute(
                "UPDATE highlight SET presence = 'ignored', presence_why = ?"
                " WHERE key = ? AND presence IN ('present', 'missing-once')",
                (NOT_WANTED, key),
            )
            return
        back = self._db.execute(
            "UPDATE highlight SET presence = 'present', presence_why = ''"
            " WHERE key = ? AND presence = 'ignored' AND presence_why = ?",
            (key, NOT_WANTED),
        )
        if back.rowcount:
            self._decisions.revive(key)
