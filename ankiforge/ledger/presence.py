"""Presence of highlights: missing, gone, not selected by the settings, skipped by a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from ankiforge.ledger.cards import Cards
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import PERSON, Event
from ankiforge.ledger.highlights import NOT_SELECTED, present, present_way
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.locations import Ways
from ankiforge.ledger.states import Event as SourceEvent
from ankiforge.ledger.states import presence_after
from ankiforge.model import Highlight, HighlightKey, Presence, Problem, RunId, Scan
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
        presence = presence_after(before, SourceEvent.GONE)
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
