"""Which folder a source's name stands for on this machine."""

from __future__ import annotations

from pathlib import Path

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.writing import Writer

_HEARD = "heard:"


class Roots:
    """Names of sources are part of keys: a name is remembered with its folder."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def of(self, kind: str) -> dict[str, Path]:
        """name: root, of every source of this kind that was ever read here."""
        return self._all(f"root:{kind}:")

    def known(self, kind: str) -> dict[str, Path]:
        """The same, and what only the journal tells: read elsewhere, or by a ledger now lost."""
        return self._all(f"{_HEARD}{kind}:") | self.of(kind)

    def _all(self, head: str) -> dict[str, Path]:
        rows = self._db.execute(
            "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", (len(head), head)
        ).fetchall()
        return {row["name"][len(head) :]: Path(row["value"]) for row in rows}

    def name_of(self, kind: str, root: Path) -> str:
        """The name this folder was read under before, "" if it never was."""
        return next((name for name, known in self.known(kind).items() if known == root), "")

    def folder_of(self, kind: str, name: str) -> Path | None:
        """What a name stands for; a folder of another machine, not there here, is none."""
        heard = self.known(kind).get(name)
        return self.of(kind).get(name) or (heard if heard and heard.exists() else None)

    def remember(self, kind: str, name: str, root: Path) -> None:
        """From now on the name stands for this folder; a lost ledger learns it again."""
        if self.of(kind).get(name) == root:
            return
        with self._writer.unit():
            self._writer.meta(f"root:{kind}:{name}", str(root))
            once = (kind, name, str(root), self._writer.now())
            self._writer.note("bind", f"{kind}:{name}", {"root": str(root)}, once)

    def hear(self, source: str, root: str) -> None:
        """The journal says so."""
        self._writer.meta(_HEARD + source, root)

    def texts(self, container: str) -> frozenset[str]:
        """What the highlights of a container say, as far as they were read last time.

        A present one with a reason is one that the settings leave out.
        """
        rows = self._db.execute(
            "SELECT text FROM highlight WHERE container = ? AND presence <> 'gone'"
            " AND (presence = 'ignored' OR presence_why = '')",
            (container,),
        ).fetchall()
        return frozenset(str(row["text"]) for row in rows)
