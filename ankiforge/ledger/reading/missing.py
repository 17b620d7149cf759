"""Missing: what a complete scan did not find, once, then gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime

from ankiforge.ledger.cards.values import Cards
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.deciding.states import Event, presence_after
from ankiforge.ledger.passages.highlights import NOT_SELECTED, present, present_way
from ankiforge.ledger.reading.selection import Selection
from ankiforge.ledger.reading.ways import Ways
from ankiforge.model import HighlightKey, Presence, Problem, Scan

SUSPICIOUS = 5
"""A container that had as many highlights and yields none is not believed."""

_HIGHLIGHTS = (
    "SELECT h.key, h.presence, h.missing_at, '' AS way, h.place, h.container,"
    " json_extract(d.body, '$.path') AS path, h.text, h.presence_why"
    " FROM highlight h JOIN document d ON d.key = h.document"
    " WHERE h.container = :container AND h.presence <> 'gone'"
    f" AND NOT {present('h')} AND NOT EXISTS (SELECT 1 FROM way w WHERE w.key = h.key)"
)
_WAYS = (
    "SELECT w.key, 'way', w.missing_at, w.place, w.place, w.container,"
    " json_extract(w.body, '$.document.path'), w.text, ''"
    f" FROM way w WHERE w.container = :container AND NOT {present_way('w')}"
)
_HERE = "place IN (SELECT place FROM temp.listed WHERE container = :container)"
_UNSEEN = f"{_HIGHLIGHTS} UNION ALL {_WAYS}"
_UNSEEN_HERE = f"{_HIGHLIGHTS} AND h.{_HERE} UNION ALL {_WAYS} AND w.{_HERE}"


class Missing:
    """Notes what is no longer in the sources."""

    def __init__(
        self,
        connection: Connection,
        decisions: Decisions,
        cards: Cards,
        ways: Ways,
        selection: Selection,
        tell: Callable[[sqlite3.Row], None],
    ) -> None:
        """`tell` makes a way the one that tells the content of its highlight."""
        self._db = connection
        self._decisions = decisions
        self._cards = cards
        self._ways = ways
        self._selection = selection
        self._tell = tell

    def unseen(self, scan: Scan, problems: tuple[Problem, ...]) -> list[sqlite3.Row] | Problem:
        """What a scan looked for and did not find; of a partial one, where it looked.

        What the settings leave out now is not missing either. A problem if it cannot be believed. What could not be read is not missing.
        """
        where = {"container": scan.container}
        sql = _UNSEEN if scan.complete else _UNSEEN_HERE
        rows = self._selection.missing(self._db.execute(sql, where).fetchall(), scan)
        if rows and scan.complete and len(rows) >= SUSPICIOUS and not self._found(where):
            return Problem(
                scan.container,
                f"none of its {len(rows)} highlights was found",
                "is it mounted, and all there? nothing was counted as deleted",
            )
        unread = [problem.where for problem in problems]
        return [row for row in rows if not any(_is_about(row["path"], name) for name in unread)]

    def _found(self, where: dict[str, str]) -> bool:
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM temp.listed l CROSS JOIN highlight h"
            " ON h.container = l.container AND h.place = l.place AND h.run = l.run"
            " WHERE l.container = :container) OR EXISTS (SELECT 1 FROM temp.listed l CROSS JOIN way"
            " w ON w.container = l.container AND w.place = l.place AND w.run = l.run"
            " WHERE l.container = :container)",
            where,
        ).fetchone()
        return bool(row[0])

    def note(self, rows: list[sqlite3.Row], now: datetime, gone_after: float) -> Iterator[Presence]:
        """Once missing, then, `gone_after` seconds later, gone; what each became."""
        for row in rows:
            since = row["missing_at"].replace(NOT_SELECTED, "")
            waited = since and (now - datetime.fromisoformat(since)).total_seconds()
            over = bool(waited) and waited >= gone_after
            if row["presence"] == "way":
                self._way(row, since or now.isoformat(), over)
            else:
                yield self._highlight(row, since or now.isoformat(), over)

    def _highlight(self, row: sqlite3.Row, since: str, over: bool) -> Presence:
        before = Presence(row["presence"])
        presence = presence_after(before, Event.GONE)
        if presence is Presence.GONE and not over:
            presence = before
        self._db.execute(
            "UPDATE highlight SET presence = ?, missing_at = ? WHERE key = ?",
            (presence, since, row["key"]),
        )
        if presence is Presence.GONE:
            self._decisions.retire(HighlightKey(row["key"]), "gone")
            self._cards.mark_gone(HighlightKey(row["key"]))
        return presence

    def _way(self, row: sqlite3.Row, since: str, over: bool) -> None:
        """The highlight stays while another way is left; the next best tells its content."""
        if over:
            self.forget_way(row)
        else:
            self._db.execute(
                "UPDATE way SET missing_at = ? WHERE key = ? AND container = ? AND place = ?",
                (since, row["key"], row["container"], row["place"]),
            )

    def forget_way(self, row: sqlite3.Row) -> None:
        """A highlight is no longer reached this way."""
        best = self._ways.forget(row["key"], row["container"], row["place"])
        if best is not None:
            self._tell(best)
        self._ways.settle(row["key"])


def _is_about(path: str, where: str) -> bool:
    """Whether a problem is one of this very file."""
    return bool(path) and (where == path or where.endswith(f"/{path}"))
