"""What was read: sightings of a run, matched with what is known, then given keys.

A run stages every document it reads (`sight`), and when all sources were read settles the
whole (`settle`): matched in place, moved, and only then issued. Keys are issued once and
looked up ever after.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from ankiforge.domain import (
    Extracted,
    Highlight,
    HighlightKey,
    HighlightKind,
    Presence,
    Problem,
    Route,
    RunId,
    Scan,
    h16,
)
from ankiforge.ledger.cards import Cards
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.documents import Documents
from ankiforge.ledger.highlights import decode_highlight, place_of
from ankiforge.ledger.keys import KeyIssuer, at_home, content_of, with_own_name
from ankiforge.ledger.matching import in_place
from ankiforge.ledger.states import Event, presence_after
from ankiforge.ledger.writing import Writer
from ankiforge.text.anchors import mark_of, own_key
from ankiforge.text.fold import canonical

MOVED_LENGTH = 40
"""Equal text moves a key from note to note only from this length (canonical characters)."""
GONE_AFTER_SECONDS = 5.0
"""Two complete scans at least this far apart must miss a highlight before it is gone."""
SUSPICIOUS = 5
"""A container that had as many highlights and yields none is not believed."""

_ROUTES = tuple(Route)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run's reading came to; `seen` is the sum of new, changed and unchanged."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()


class Reading:
    """Takes what sources yield into the ledger."""

    def __init__(
        self, connection: Connection, writer: Writer, decisions: Decisions, cards: Cards
    ) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self._documents = Documents(connection)
        self._keys = KeyIssuer(connection, writer)

    # --- reading ----------------------------------------------------------------------------

    def begin(self) -> None:
        """Forget what a reading that died left half-done."""
        with self._db.unit():
            self._db.execute("DELETE FROM sighting")

    def sight(self, run: RunId, extracted: Extracted) -> None:
        """Stage one document with its highlights."""
        with self._db.unit():
            extracted = self._documents.take_in(extracted)
            first = self._db.execute(
                "SELECT coalesce(max(id), 0) + 1 FROM sighting WHERE run = ?", (run,)
            ).fetchone()[0]
            self._db.executemany(
                "INSERT INTO sighting (run, id, container, place, path, route, own, mark, text,"
                " length, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _staged(run, number, extracted, highlight)
                    for number, highlight in enumerate(extracted.highlights, start=first)
                ),
            )

    # --- settling ---------------------------------------------------------------------------

    def settle(
        self, run: RunId, scans: Iterable[Scan], problems: Iterable[Problem], now: datetime
    ) -> Settled:
        """Match, move, issue, and note what is missing: when all sources were read."""
        scans, problems = tuple(scans), tuple(problems)
        with self._writer.unit():
            self._record_scans(run, scans, now)
            self._match_in_place(run)
            self._match_moved(run, scans)
            self._documents.follow_renames(run)
            counts = Counter(self._take_in(run, sighting) for sighting in self._staged(run))
            missed = [found for scan in scans for found in self._miss(run, scan, problems, now)]
            self._db.execute("DELETE FROM sighting")
        gone = sum(1 for found in missed if found is Presence.GONE)
        return Settled(
            seen=counts["new"] + counts["changed"] + counts["unchanged"],
            new=counts["new"],
            changed=counts["changed"],
            gone=gone,
            unchanged=counts["unchanged"],
            problems=tuple(found for found in missed if isinstance(found, Problem)),
        )

    def _record_scans(self, run: RunId, scans: tuple[Scan, ...], now: datetime) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO scan VALUES (?, ?, ?, ?, ?)",
            ((run, s.container, s.source, int(s.complete), now.isoformat()) for s in scans),
        )

    def _match_in_place(self, run: RunId) -> None:
        groups = self._db.execute(
            "SELECT DISTINCT container, place, path FROM sighting WHERE run = ?"
            " ORDER BY route, container, place, path",
            (run,),
        ).fetchall()
        for container, place, path in groups:
            stored = self._stored(container, place)
            if not stored:
                continue
            staged = self._db.execute(
                # left alone, SQLite walks the whole run for the sake of the order
                "SELECT id, body FROM sighting INDEXED BY sighting_place"
                " WHERE run = ? AND container = ? AND place = ? AND path = ? ORDER BY id",
                (run, container, place, path),
            ).fetchall()
            found = [decode_highlight(row["body"]) for row in staged]
            for match in in_place(stored, found):
                self._assign(run, staged[match.found]["id"], match.key, match.asked)

    def _stored(self, container: str, place: str) -> list[Highlight]:
        rows = self._db.execute(
            "SELECT key, body FROM highlight WHERE container = ? AND place = ? ORDER BY position",
            (container, place),
        )
        return [replace(decode_highlight(row["body"]), key=row["key"]) for row in rows]

    def _assign(self, run: RunId, sighting: int, key: HighlightKey, asked: str = "") -> None:
        self._db.execute(
            "UPDATE sighting SET key = ?, asked = ? WHERE run = ? AND id = ?",
            (key, asked, run, sighting),
        )

    def _match_moved(self, run: RunId, scans: tuple[Scan, ...]) -> None:
        """What lost its old place and stands, equal, in a new one, keeps its key."""
        self._keys.by_own_id(run)
        lost = {row["key"]: row for scan in scans for row in self._lost(run, scan)}
        for column in ("mark", "text"):
            waiting = self._db.execute(
                f"SELECT id, {column} AS name, length, body FROM sighting"
                " WHERE run = ? AND key = '' ORDER BY id",
                (run,),
            ).fetchall()
            by_name = {row[column]: key for key, row in reversed(lost.items())}
            for row in waiting:
                key = by_name.get(row["name"], "")
                if key in lost and (column == "mark" or _long_enough(row)):
                    self._assign(run, row["id"], HighlightKey(key))
                    del lost[key]

    def _lost(self, run: RunId, scan: Scan) -> Iterator[sqlite3.Row]:
        """Known highlights of a container that no sighting of this run continues.

        Of a partial scan only those whose place was read.
        """
        yield from self._db.execute(
            "SELECT key, mark, text FROM highlight h WHERE container = ?"
            " AND NOT EXISTS (SELECT 1 FROM sighting s WHERE s.run = ? AND s.key = h.key)"
            " AND (? OR EXISTS (SELECT 1 FROM sighting s WHERE s.run = ?"
            " AND s.container = h.container AND s.place = h.place))"
            " ORDER BY place, position",
            (scan.container, run, int(scan.complete), run),
        ).fetchall()

    # --- taking in --------------------------------------------------------------------------

    def _staged(self, run: RunId) -> Iterator[sqlite3.Row]:
        yield from self._db.execute(
            "SELECT * FROM sighting WHERE run = ? ORDER BY route, container, id", (run,)
        ).fetchall()

    def _take_in(self, run: RunId, row: sqlite3.Row) -> str:
        highlight = decode_highlight(row["body"])
        known = row["key"] or self._keys.by_hint(highlight, row["container"])
        if known and not row["key"] and (also := self._found_elsewhere(run, known, highlight)):
            return also
        if not known:
            known = self._keys.issue(run, highlight, row) or self._keys.claimed(highlight)
            if not self._remembered(known):
                self._insert(run, row, replace(highlight, key=HighlightKey(known)))
                return "new"
        return self._update(run, row, replace(highlight, key=HighlightKey(known)))

    def _found_elsewhere(self, run: RunId, key: str, highlight: Highlight) -> str:
        """A mark that is kept by another route was seen again; that one tells its content.

        "" if it is this route's, or gone there: then this one keeps it from now on.
        """
        before = self._db.execute(
            "SELECT presence, run FROM highlight WHERE key = ?", (key,)
        ).fetchone()
        if at_home(key, highlight) or before["presence"] == Presence.GONE:
            return ""
        presence = presence_after(Presence(before["presence"]), Event.SAME)
        self._db.execute(
            "UPDATE highlight SET run = ?, missing_at = '', presence = ? WHERE key = ?",
            (run, presence, key),
        )
        return "also" if before["run"] == run else "unchanged"

    def _remembered(self, key: str) -> bool:
        found = self._db.execute("SELECT 1 FROM highlight WHERE key = ?", (key,)).fetchone()
        return found is not None

    def _insert(self, run: RunId, row: sqlite3.Row, highlight: Highlight) -> None:
        presence = Presence.IGNORED if highlight.skip else Presence.PRESENT
        self._db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text,"
            " content, body, presence, presence_why, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                highlight.key,
                highlight.document.key,
                row["container"],
                row["place"],
                row["id"],
                row["mark"],
                row["text"],
                content_of(highlight),
                row["body"],
                presence,
                highlight.skip,
                run,
            ),
        )

    def _update(self, run: RunId, row: sqlite3.Row, highlight: Highlight) -> str:
        before = self._db.execute(
            "SELECT document, content, body, presence, run FROM highlight WHERE key = ?",
            (highlight.key,),
        ).fetchone()
        if before["run"] == run:  # the same mark by a second route, or in a second copy
            return "also"
        presence = self._presence(highlight, Presence(before["presence"]))
        content = content_of(highlight)
        changed = content != before["content"]
        if changed:
            self._keep_past(run, highlight.key, before)
        self._db.execute(
            "UPDATE highlight SET document = ?, container = ?, place = ?, position = ?, mark = ?,"
            " text = ?, content = ?, body = ?, presence = ?, presence_why = ?, missing_at = '',"
            " run = ?, asked = CASE WHEN ? = '' THEN asked ELSE ? END WHERE key = ?",
            (
                highlight.document.key,
                row["container"],
                row["place"],
                row["id"],
                row["mark"],
                row["text"],
                content,
                row["body"],
                presence,
                highlight.skip,
                run,
                row["asked"],
                row["asked"],
                highlight.key,
            ),
        )
        if changed:
            self._keys.journal_issued(highlight, row)
        return "changed" if changed else "unchanged"

    def _presence(self, highlight: Highlight, before: Presence) -> Presence:
        after = presence_after(before, _event(highlight, before))
        if after is Presence.IGNORED and before is not Presence.IGNORED:
            self._decisions.retire(highlight.key, "skip")
        if after is Presence.PRESENT and before is not Presence.PRESENT:
            self._decisions.revive(highlight.key)
            self._cards.mark_back(highlight.key)
        return after

    def _keep_past(self, run: RunId, key: HighlightKey, before: sqlite3.Row) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO past_content VALUES (?, ?, ?, ?)",
            (key, before["content"], before["body"], run),
        )

    # --- missing ----------------------------------------------------------------------------

    def _miss(
        self, run: RunId, scan: Scan, problems: tuple[Problem, ...], now: datetime
    ) -> Iterator[Presence | Problem]:
        """Note what a complete scan did not find: once, then gone."""
        if not scan.complete:
            return
        rows = self._db.execute(
            "SELECT h.key, h.presence, h.missing_at, json_extract(d.body, '$.path') AS path"
            " FROM highlight h JOIN document d ON d.key = h.document"
            " WHERE h.container = ? AND h.run <> ? AND h.presence <> 'gone'",
            (scan.container, run),
        ).fetchall()
        seen = self._db.execute(
            "SELECT count(*) FROM highlight WHERE container = ? AND run = ?",
            (scan.container, run),
        ).fetchone()[0]
        if not seen and len(rows) >= SUSPICIOUS:
            yield Problem(
                scan.container,
                f"none of its {len(rows)} highlights was found",
                "is it mounted, and all there? nothing was counted as deleted",
            )
            return
        unread = [problem.where for problem in problems]
        for row in rows:
            if not any(_is_about(row["path"], where) for where in unread):
                yield self._missing(row, now)

    def _missing(self, row: sqlite3.Row, now: datetime) -> Presence:
        since = row["missing_at"]
        waited = since and (now - datetime.fromisoformat(since)).total_seconds()
        before = Presence(row["presence"])
        presence = presence_after(before, Event.GONE)
        if presence is Presence.GONE and not (waited and waited >= GONE_AFTER_SECONDS):
            presence = before
        self._db.execute(
            "UPDATE highlight SET presence = ?, missing_at = ? WHERE key = ?",
            (presence, since or now.isoformat(), row["key"]),
        )
        if presence is Presence.GONE:
            self._decisions.retire(HighlightKey(row["key"]), "gone")
            self._cards.mark_gone(HighlightKey(row["key"]))
        return presence


def _staged(run: RunId, number: int, extracted: Extracted, highlight: Highlight) -> tuple:  # type: ignore[type-arg]
    text = canonical(highlight.exact)
    return (
        run,
        number,
        extracted.container,
        place_of(extracted.document),
        extracted.document.path,
        _ROUTES.index(highlight.route),
        own_key(highlight),
        mark_of(highlight),
        h16(text, highlight.kind),
        len(text),
        msgspec.json.encode(with_own_name(highlight)).decode(),
    )


def _is_about(path: str, where: str) -> bool:
    """Whether a problem is one of this very file."""
    return bool(path) and (where == path or where.endswith(f"/{path}"))


def _event(highlight: Highlight, before: Presence) -> Event:
    """What finding a highlight again means."""
    if highlight.skip:
        return Event.SKIP
    if before is Presence.IGNORED:
        return Event.UNSKIP
    return Event.BACK if before is Presence.GONE else Event.SAME


def _long_enough(row: sqlite3.Row) -> bool:
    by_hand = decode_highlight(row["body"]).kind is HighlightKind.CARD
    return by_hand or row["length"] >= MOVED_LENGTH
