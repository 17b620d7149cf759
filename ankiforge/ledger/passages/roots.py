"""Which folder a source's name stands for on this machine."""

from __future__ import annotations

from pathlib import Path

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.writing import Writer

_HEARD = "heard:"
_READ = "read:"


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

    def use(self, sources: frozenset[str]) -> None:
        """Note that the workspace reads these sources, each `kind:name`, and no others."""
        known = {row["name"]: row["value"] for row in self._db.execute(
            "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", (len(_READ), _READ)
        )}  # fmt: skip
        now = {f"{_READ}{one}": "yes" for one in sources}
        if changed := {**dict.fromkeys(known, "no"), **now}.items() - known.items():
            with self._writer.unit():
                for name, value in changed:
                    self._writer.meta(name, value)

    def dropped(self) -> frozenset[str]:
        """The sources, each `kind:name`, that the workspace once read and reads no more."""
        rows = self._db.execute(
            "SELECT name FROM meta WHERE substr(name, 1, ?) = ? AND value = 'no'",
            (len(_READ), _READ),
        ).fetchall()
        return frozenset(str(row["name"])[len(_READ) :] for row in rows)

    def is_dropped(self, key: str, dropped: frozenset[str]) -> bool:
        """Whether a highlight stands in sources only that were `dropped`."""
        rows = self._db.execute(
            "SELECT container FROM highlight WHERE key = :key"
            " UNION SELECT container FROM way WHERE key = :key",
            {"key": key},
        ).fetchall()
        return all(self._left(str(row["container"]), dropped) for row in rows)

    def _left(self, container: str, dropped: frozenset[str]) -> bool:
        kind, _, name = container.partition(":")
        if kind == "zotero":  # a container is a library there: it is read by any source
            rows = self._db.execute(
                "SELECT value FROM meta WHERE substr(name, 1, 12) = 'read:zotero:'"
            ).fetchall()
            return bool(rows) and all(row["value"] == "no" for row in rows)
        return f"{'obsidian' if kind == 'vault' else kind}:{name}" in dropped

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
