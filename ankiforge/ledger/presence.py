"""The presence of highlights: missing, gone, not selected by the settings, skipped by a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ankiforge.ledger.cards import Cards
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import PERSON, Event
from ankiforge.ledger.highlights import NOT_SELECTED, present, present_location
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.locations import CardMoves, Locations
from ankiforge.ledger.states import Event as SourceEvent
from ankiforge.ledger.states import presence_after
from ankiforge.model import Highlight, HighlightKey, Presence, Problem, RunId, Scan
from ankiforge.text.anchors import text_of

Reread = Callable[[Collection[str], str], Iterable[Highlight]]
"""Reads files again with wider settings, given their paths and the settings of the last scan."""


class Selecting(NamedTuple):
    """The settings with which a container was read in this run, and how to read it with wider ones."""

    settings: str
    reread: Reread


_SETTINGS = "settings:"


class Selection:
    """Distinguishes highlights that the settings do not select from missing ones, for one run."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer
        self._by: Mapping[str, Selecting] = {}
        self._still: dict[str, frozenset[tuple[str, str]]] = {}

    def begin(self, run: RunId, by: Mapping[str, Selecting]) -> None:
        """In containers whose settings changed, look for highlights that this run did not find."""
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

    def stands(self, container: str, path: str) -> bool:
        """Return whether a file that this run did not list due to its settings still has highlights."""
        return any(path == one for one, _ in self._still.get(container, ()))

    def missing(self, rows: list[sqlite3.Row], scan: Scan) -> list[sqlite3.Row]:
        """Return the unseen highlights that are missing; mark the others as not selected."""
        return [row for row in rows if not self._is_unselected(row, scan)]

    def end(self, scans: Iterable[Scan]) -> int:
        """Store the settings of complete scans; return the number of highlights not selected."""
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
        """Return (path, text) of highlights that this run did not find but that are still in files."""
        unseen = (
            "SELECT json_extract({0}.body, '$.document.path') AS path, {0}.text FROM {0}"
            " WHERE {0}.container = :container AND NOT {1}"
        )
        here = f"{unseen.format('highlight', present('highlight'))} AND presence IN ('present', 'missing-once')"
        rows = self._db.execute(
            f"{here} UNION {unseen.format('location', present_location('location'))}"
            " EXCEPT SELECT path, text FROM scanned WHERE run = :run AND container = :container",
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
        if row["presence"] == "location" and marked is not stands:
            self._db.execute(
                "UPDATE location SET missing_at = ? WHERE key = ? AND container = ? AND place = ?",
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
"""If a container that had this many highlights yields none, nothing counts as deleted."""
MANY = 20
"""If a container loses this many documents, and more than half, nothing counts as deleted."""

_HIGHLIGHTS = (
    "SELECT h.key, h.presence, h.missing_at, '' AS location, h.place, h.container,"
    " json_extract(d.body, '$.path') AS path, h.text, h.presence_why"
    " FROM highlight h JOIN document d ON d.key = h.document"
    " WHERE h.container = :container AND h.presence <> 'gone'"
    f" AND NOT {present_location('h')}"
    " AND NOT EXISTS (SELECT 1 FROM location w WHERE w.key = h.key)"
)
_LOCATIONS = (
    "SELECT w.key, 'location', w.missing_at, w.place, w.place, w.container,"
    " json_extract(w.body, '$.document.path'), w.text, ''"
    f" FROM location w WHERE w.container = :container AND NOT {present_location('w')}"
)
_HERE = "place IN (SELECT place FROM temp.listed WHERE container = :container)"
_UNSEEN = f"{_HIGHLIGHTS} UNION ALL {_LOCATIONS}"
_UNSEEN_HERE = f"{_HIGHLIGHTS} AND h.{_HERE} UNION ALL {_LOCATIONS} AND w.{_HERE}"


@dataclass(eq=False)
class Missing:
    """Records highlights that are no longer in the sources."""

    _db: Connection
    _decisions: Decisions
    _cards: Cards
    _locations: Locations
    _moves: CardMoves
    _selection: Selection
    _promote: Callable[[sqlite3.Row], None]
    """Makes a location the primary one of its highlight."""

    def unseen(
        self, scan: Scan, problems: tuple[Problem, ...], confirmed: int = 0
    ) -> list[sqlite3.Row] | Problem:
        """Return the highlights that a scan should have found but did not.

        For a partial scan, only highlights of listed documents count. Highlights that could not be read,
        or that the settings do not select, are not missing. If a scan finds none of many highlights, or
        more than half of many documents are gone, a problem is returned and nothing is missing, unless
        the user `confirmed` the number of these documents.
        """
        where = {"container": scan.container}
        sql = _UNSEEN if scan.complete else _UNSEEN_HERE
        rows = self._selection.missing(self._db.execute(sql, where).fetchall(), scan)
        if not rows:
            return []
        unread = [problem.where for problem in problems]
        read = [row for row in rows if not any(is_about(row["path"], name) for name in unread)]
        if not scan.complete:
            return read
        new = {row["place"] for row in rows if not row["missing_at"].replace(NOT_SELECTED, "")}
        gone = {row["place"] for row in read} & new & self._unlisted(where)
        documents, what = self._documents(where), ""
        if new and len(rows) >= SUSPICIOUS and not self._found(where):
            gone, what = new, f"none of its {len(rows)} highlights was found"
        elif len(gone) >= MANY and 2 * len(gone) > documents:
            what = f"{len(gone)} of its {documents} documents with highlights are gone"
        if not what or len(gone) == confirmed:
            return read
        kept = "is it mounted and complete? nothing was counted as deleted; if you deleted it"
        sure = f"ankiforge run --confirm-deletions {len(gone)}"
        return Problem(scan.container, what, f"{kept}: {sure}")

    def _unlisted(self, where: dict[str, str]) -> set[str]:
        """Return the places of documents with highlights that the scan did not list."""
        rows = self._db.execute(
            "SELECT h.place FROM highlight h WHERE h.container = :container"
            " UNION SELECT w.place FROM location w WHERE w.container = :container"
            " EXCEPT SELECT l.place FROM temp.listed l WHERE l.container = :container",
            where,
        )
        return {row["place"] for row in rows}

    def _documents(self, where: dict[str, str]) -> int:
        """Return the number of documents that had highlights until now."""
        row = self._db.execute(
            "SELECT count(*) FROM (SELECT place FROM highlight WHERE container = :container"
            " AND presence <> 'gone' UNION SELECT place FROM location WHERE container = :container)",
            where,
        ).fetchone()
        return int(row[0])

    def _found(self, where: dict[str, str]) -> bool:
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM temp.listed l CROSS JOIN highlight h"
            " ON h.container = l.container AND h.place = l.place AND h.run = l.run"
            " WHERE l.container = :container) OR EXISTS (SELECT 1 FROM temp.listed l CROSS JOIN location"
            " w ON w.container = l.container AND w.place = l.place AND w.run = l.run"
            " WHERE l.container = :container)",
            where,
        ).fetchone()
        return bool(row[0])

    def note(self, rows: list[sqlite3.Row], now: datetime, gone_after: float) -> Iterator[Presence]:
        """Mark highlights as missing, or `gone_after` seconds later as gone; yield their presence."""
        for row in rows:
            since = row["missing_at"].replace(NOT_SELECTED, "")
            waited = since and (now - datetime.fromisoformat(since)).total_seconds()
            over = bool(waited) and waited >= gone_after
            if row["presence"] == "location":
                self._location(row, since or now.isoformat(), over)
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
            self._moves.to_copy(HighlightKey(row["key"]))
            self._decisions.retire(HighlightKey(row["key"]), "gone")
            self._cards.mark_gone(HighlightKey(row["key"]))
        return presence

    def _location(self, row: sqlite3.Row, since: str, over: bool) -> None:
        """Mark a location as missing, or delete it if it is gone; the highlight keeps its others."""
        if over:
            self.forget_location(row)
        else:
            self._db.execute(
                "UPDATE location SET missing_at = ? WHERE key = ? AND container = ? AND place = ?",
                (since, row["key"], row["container"], row["place"]),
            )

    def forget_location(self, row: sqlite3.Row) -> None:
        """Delete a location of a highlight; if it was primary, the next best becomes primary."""
        best = self._locations.forget(row["key"], row["container"], row["place"])
        if best is not None:
            self._promote(best)
        self._locations.collapse(row["key"])


def is_about(path: str, where: str) -> bool:
    """Return whether a problem at `where` is about this file."""
    return bool(path) and (where == path or where.endswith(f"/{path}"))


SKIP = "skip"
NOT_WANTED = "you want none"
"""The reason why a highlight that a person skipped is ignored."""


class Skips:
    """Highlights that a person skipped, from which no cards are made."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def skip(self, keys: Iterable[HighlightKey], reason: str = "") -> None:
        """Skip highlights in one action."""
        with self._writer.unit():
            action = self._writer.new_action()
            for key in dict.fromkeys(keys):
                self._writer.decide(SKIP, key, {"reason": reason}, by=PERSON, action=action)
                self._refresh(key)

    def holds(self, key: HighlightKey) -> bool:
        """Return whether a person has skipped this highlight and not undone that."""
        row = self._db.execute(
            "SELECT 1 FROM event d WHERE d.subject = ? AND d.what = ? AND NOT d.undone",
            (key, SKIP),
        ).fetchone()
        return row is not None

    def apply(self, event: Event) -> None:
        """Apply a skip that came from a journal or was undone."""
        if event.what == SKIP:
            self._refresh(HighlightKey(event.subject))

    def _refresh(self, key: HighlightKey) -> None:
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
