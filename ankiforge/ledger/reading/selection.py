"""Not selected: what is no longer read because of the settings, which is not gone.

While the settings of a source stay as they are, what disappears is gone. Only when they have
changed since its last complete scan, what is not found is looked for in its files by wider
settings: what stands there still is not selected. It stays so, with its cards as they are, until
it is read again or the settings change once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.passages.highlights import NOT_SELECTED, present, present_way
from ankiforge.ledger.writing import Writer
from ankiforge.model import Highlight, RunId, Scan
from ankiforge.text.anchors import text_of

Reread = Callable[[Collection[str], str], Iterable[Highlight]]
"""Reads files again by wider settings: their paths, and the settings of the last scan."""


class Selecting(NamedTuple):
    """How a container was read in this run."""

    settings: str
    reread: Reread


_SETTINGS = "settings:"


class Selection:
    """Tells what is not selected from what is missing, for the scans of one run."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer
        self._by: Mapping[str, Selecting] = {}
        self._still: dict[str, frozenset[tuple[str, str]]] = {}

    def begin(self, run: RunId, by: Mapping[str, Selecting]) -> None:
        """Look for what sightings of this run do not show, where settings have changed."""
        self._by = by
        self._still = {
            container: self._standing(run, container, one.reread)
            for container, one in by.items()
            if self._before(container) != one.settings
        }

    @property
    def reselected(self) -> Collection[str]:
        """The containers whose settings have changed since their last complete scan."""
        return self._still.keys()

    def missing(self, rows: list[sqlite3.Row], scan: Scan) -> list[sqlite3.Row]:
        """Return those of the unseen highlights that are missing; note those not selected."""
        return [row for row in rows if not self._is_unselected(row, scan)]

    def end(self, scans: Iterable[Scan]) -> int:
        """Remember the settings of complete scans; how many highlights these leave out."""
        count = 0
        for scan in scans:
            if scan.complete and scan.container in self._by:
                settings = self._by[scan.container].settings
                if self._before(scan.container) != settings:
                    self._writer.meta(f"{_SETTINGS}{scan.container}", settings)
            count += self._db.execute(
                "SELECT count(*) FROM highlight WHERE container = ? AND presence = 'present'"
                " AND presence_why = ?",
                (scan.container, NOT_SELECTED),
            ).fetchone()[0]
        self._still = {}
        return count

    def _before(self, container: str) -> str:
        return self._writer.recall(f"{_SETTINGS}{container}")

    def _standing(self, run: RunId, container: str, reread: Reread) -> frozenset[tuple[str, str]]:
        """(path, text) of what this run did not show, and its files hold nevertheless."""
        unseen = (
            "SELECT json_extract({0}.body, '$.document.path') AS path, {0}.text FROM {0}"
            " WHERE {0}.container = :container AND NOT {1} AND NOT EXISTS (SELECT 1 FROM scanned s"
            "  WHERE s.run = :run AND s.container = {0}.container AND s.path ="
            "  json_extract({0}.body, '$.document.path') AND s.text = {0}.text)"
        )
        here = f"{unseen.format('highlight', present('highlight'))} AND presence IN ('present', 'missing-once')"
        rows = self._db.execute(
            f"{here} UNION {unseen.format('way', present_way('way'))}",
            {"container": container, "run": run},
        ).fetchall()
        wanted = {(str(row["path"]), str(row["text"])) for row in rows if row["path"]}
        found: set[tuple[str, str]] = set()
        paths = sorted({path for path, _ in wanted})
        for highlight in reread(paths, self._before(container)) if paths else ():
            found.add((highlight.document.path, text_of(highlight)))
            if wanted <= found:
                break
        return frozenset(wanted & found)

    def _is_unselected(self, row: sqlite3.Row, scan: Scan) -> bool:
        marked = NOT_SELECTED in (row["presence_why"], row["missing_at"])
        if scan.container not in self._still:
            return marked
        stands = (row["path"], row["text"]) in self._still[scan.container]
        if row["presence"] == "way" and marked is not stands:
            self._db.execute(
                "UPDATE way SET missing_at = ? WHERE key = ? AND container = ? AND place = ?",
                (NOT_SELECTED if stands else "", row["key"], row["container"], row["place"]),
            )
        elif row["presence"] in ("present", "missing-once") and marked is not stands:
            self._db.execute(
                "UPDATE highlight SET presence_why = ?, presence = 'present', missing_at = ''"
                " WHERE key = ?",
                (NOT_SELECTED if stands else "", row["key"]),
            )
        return stands
