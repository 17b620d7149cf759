"""Which folder a source's name stands for on this machine."""

from __future__ import annotations

from pathlib import Path

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.writing import Writer


class Roots:
    """Names of sources are part of keys: a name is remembered with its folder."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def of(self, kind: str) -> dict[str, Path]:
        """name: root, of every source of this kind that was ever read here."""
        head = f"root:{kind}:"
        rows = self._db.execute(
            "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", (len(head), head)
        ).fetchall()
        return {row["name"][len(head) :]: Path(row["value"]) for row in rows}

    def name_of(self, kind: str, root: Path) -> str:
        """The name this folder was read under before, "" if it never was."""
        return next((name for name, known in self.of(kind).items() if known == root), "")

    def remember(self, kind: str, name: str, root: Path) -> None:
        """From now on the name stands for this folder."""
        if self.of(kind).get(name) != root:
            with self._db.unit():
                self._writer.meta(f"root:{kind}:{name}", str(root))

    def marks(self, container: str) -> frozenset[str]:
        """What tells the highlights of a container, as far as they were there last time."""
        rows = self._db.execute(
            "SELECT mark FROM highlight WHERE container = ? AND presence <> 'gone'", (container,)
        ).fetchall()
        return frozenset(str(row["mark"]) for row in rows)
