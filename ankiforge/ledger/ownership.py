"""Bind a database to one path on one computer.

Only `journal.jsonl` may be shared between computers. A database that was copied, or that a file service
synchronises, would give one revision number to two texts, so it is detected and refused.
"""

from __future__ import annotations

from pathlib import Path

from ankiforge.errors import LedgerError
from ankiforge.ledger.db import Connection
from ankiforge.ledger.journal import Writer

_HINT = (
    "copy journal.jsonl between computers, not .ankiforge/; to use this ledger and give up the"
    " other: ankiforge doctor --take-over"
)


class Ownership:
    """Stores the path of the ledger and the id of the home folder that uses it."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def claim(self, home: str, database: Path, *, first: bool) -> None:
        """Bind the ledger to this path and home folder, or check that it is bound to them.

        Args:
            home: the id of this user's home folder on this computer.
            database: the path of the ledger.
            first: the id was just created, so it cannot show whether the ledger was used from here.

        Raises:
            LedgerError: the ledger belongs to another computer, or is a copy of one that still exists.
        """
        owner, place = self._writer.recall("home"), self._writer.recall("place")
        if owner and owner != home and not (first and place == str(database)):
            what = f"{database}: this ledger is also used by another computer, or was copied"
            raise LedgerError(what, hint=_HINT)
        if place and place != str(database) and self._is_there(Path(place)):
            raise LedgerError(f"{database}: this is a copy of {place}", hint=_HINT)
        if (owner, place) != (home, str(database)):
            self._settle(home, database)

    def take_over(self, home: str, database: Path, identity: str) -> None:
        """Bind the ledger to this path in place of the old one."""
        with self._db.unit():
            epoch = int(self._writer.recall("epoch") or "1") + 1
            self._writer.meta("ledger_id", identity)
            self._writer.meta("epoch", str(epoch))
            self._writer.meta("home", home)
            self._writer.meta("place", str(database))
            # forget the folders of the other computer; names are assigned again on reading
            self._db.execute("DELETE FROM meta WHERE name GLOB 'root:*' OR name GLOB 'heard:*'")

    def _settle(self, home: str, database: Path) -> None:
        with self._db.unit():
            self._writer.meta("home", home)
            self._writer.meta("place", str(database))

    def _is_there(self, place: Path) -> bool:
        """Return whether the old path still has a ledger, of which this one is a copy."""
        try:
            return place.is_file()
        except OSError:
            return False
