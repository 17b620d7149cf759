"""Ingest: store what the sources of one run yield.

Unchanged documents are listed and otherwise ignored. The highlights of the others are staged (`add`)
and, when all sources have listed their documents, matched with the stored ones (`finish`): in place
first, then moved from elsewhere; only the rest get new keys. A key is issued once. A run that is
killed leaves staged rows, which the next one drops: it reads these documents again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ankiforge.ledger.cards import Cards
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.documents import (
    Documents,
    Listing,
    Roots,
    Works,
    places_of_documents,
    places_of_highlight,
    read_again,
)
from ankiforge.ledger.events import Event
from ankiforge.ledger.highlights import (
    NOT_SELECTED,
    RESEMBLED,
    decode_highlight,
    encode_highlight,
    place_of,
    present,
    present_location,
)
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.keys import KeyIssuer, content_of, with_own_name
from ankiforge.ledger.locations import CardMoves, Locations, private_elsewhere
from ankiforge.ledger.matching import (
    MAY_BE,
    Recognition,
    Renames,
    by_marks,
    renames,
    reworded_files,
)
from ankiforge.ledger.presence import NOT_WANTED, Missing, Selecting, Selection, Skips, is_about
from ankiforge.ledger.states import Event as SourceEvent
from ankiforge.ledger.states import presence_after
from ankiforge.model import (
    Extracted,
    Highlight,
    HighlightKey,
    Judge,
    Presence,
    Problem,
    Route,
    RunId,
    Scan,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.anchors import mark_of, own_key
from ankiforge.text.fold import canonical

GONE_AFTER_SECONDS = 5.0
"""A highlight counts as gone if two complete scans, at least this far apart, do not find it."""
TOGETHER = 50
"""The number of documents that are staged in one transaction."""

_ROUTES = tuple(Route)
NO_SETTINGS: Mapping[str, Selecting] = {}


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of an ingest; `seen` is the sum of new, changed and unchanged."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()
    unselected: int = 0
    """Highlights that the settings of their sources do not select; their cards are unchanged."""


class Ingest:
    """Stores the results of the sources of a run."""

    def __init__(
        self,
        connection: Connection,
        writer: Writer,
        decisions: Decisions,
        cards: Cards,
        pictures: Path,
    ) -> None:
        self._db = connection
        self.known = Listing(connection, pictures)
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self._documents = Documents(connection)
        self._roots = Roots(connection, writer)
        self._keys = KeyIssuer(connection, writer)
        self._recognising = Recognition(connection, self._keys)
        self.works = Works(connection, writer)
        self.skips = Skips(connection, writer, decisions)
        self.moves = CardMoves(connection, decisions, cards, self.works)
        self._locations = Locations(connection, self.works)
        self._selection = Selection(connection, writer)
        self._missing = Missing(
            connection,
            decisions,
            cards,
            self._locations,
            self.moves,
            self._selection,
            self._promote,
        )
        self._is_lost: Callable[[str, str], bool] = lambda container, path: False
        """Return whether a document, given by container and path, that this run did not list is gone."""
        self._recognised: dict[str, Renames] = {}
        """The renamed documents of this run by container."""
        self._resembling: dict[int, HighlightKey] = {}
        """The highlights known from the journal or Anki alone that new ones may be, by staged row."""
        self._run = RunId("")
        self._read: list[tuple[RunId, Extracted | Unmarked]] = []

    # --- reading ----------------------------------------------------------------------------

    def begin(self, run: RunId, salt: str = "") -> None:
        """Begin a run, deleting rows staged by a run that was killed.

        Documents that were ingested with another `salt` are ingested again.
        """
        self._run = run
        self._read.clear()
        self._documents.begin()
        self.known.begin(salt)
        left = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM scanned) OR EXISTS (SELECT 1 FROM scanned_document)"
        ).fetchone()[0]
        if left:
            with self._db.unit():
                self._forget_scanned()

    def _forget_scanned(self) -> None:
        self._db.execute("DELETE FROM scanned")
        self._db.execute("DELETE FROM scanned_document")

    def add(self, run: RunId, found: Extracted | Unmarked | Unchanged) -> None:
        """Stage one document with its highlights, unless it is unchanged."""
        if run != self._run:
            self.begin(run)
        if isinstance(found, Unchanged):
            self.known.skip(found)
            return
        same = (
            self.known.is_as_ingested(found)
            if isinstance(found, Extracted)
            else self.known.is_still_unmarked(found)
        )
        if not same:
            self._read.append((run, found))
        if len(self._read) >= TOGETHER:
            self._stage_read()

    def _stage_read(self) -> None:
        if self._read:
            with self._db.unit():
                for run, found in self._read:
                    self.known.stage(run, found)
                    if isinstance(found, Extracted):
                        self._stage(run, self._documents.record(replace(found, pictures=())))
            self._read.clear()
        self.known.write_listed()

    def _stage(self, run: RunId, extracted: Extracted) -> None:
        self._stage_rows(
            run,
            (
                _staged(number, extracted.container, highlight)
                for number, highlight in enumerate(extracted.highlights, start=1)
            ),
        )

    def _stage_rows(self, run: RunId, rows: Iterable[tuple[Any, ...]]) -> None:
        first = self._db.execute(
            "SELECT coalesce(max(id), 0) + 1 FROM scanned WHERE run = ?", (run,)
        ).fetchone()[0]
        self._db.executemany(
            "INSERT INTO scanned (run, id, container, place, path, position, route, own, mark,"
            " text, length, body, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((run, number, *row) for number, row in enumerate(rows, start=first)),
        )

    def _stage_again(self, run: RunId, grown: Iterable[str]) -> None:
        """Stage unchanged documents that may contain the highlights of changed ones.

        These are documents of the same works, notes that quote or refer to these, documents that refer
        to the same Zotero annotation, and unchanged files of a document with several files. This way,
        quotes stored earlier get the key of a new paper's highlight.
        """
        rows = self._db.execute(
            "SELECT DISTINCT json_extract(body, '$.document.key') AS document FROM scanned"
            " WHERE run = ? AND route <= 1",
            (run,),
        ).fetchall()
        papers = {*grown, *(str(row["document"]) for row in rows)}
        members = sorted({one for paper in papers for one in self.works.members(paper)})
        related = {*members, *(self.works.notes_about(members) if members else ())}
        places = {*places_of_documents(self._db, related)}
        places |= {
            (row["container"], row["place"])
            for row in self._db.execute(
                "SELECT DISTINCT h.container, h.place FROM scanned s, json_each(s.body, '$.hints') i"
                " JOIN highlight h ON json_extract(h.body, '$.hints[0]') = i.value"
                " WHERE s.run = ? AND i.value GLOB 'zotero:*'",
                (run,),
            ).fetchall()
        }
        places.update(self.known.changed_in_part(run))
        unchanged, unlisted = self.known.unread_among(run, places)
        for container, place in unchanged:
            self._stage_stored(run, container, place)
        # match documents that are not listed (only a PATH was read, or a disk is absent) later
        read_again(self._db, unlisted)

    def _stage_stored(self, run: RunId, container: str, place: str) -> None:
        found = self._db.execute(
            "SELECT h.key, h.position, h.body FROM highlight h WHERE h.container = :container"
            f" AND h.place = :place AND {present('h')}"
            " AND NOT EXISTS (SELECT 1 FROM location w WHERE w.key = h.key) UNION ALL"
            " SELECT w.key, w.position, w.body FROM location w WHERE w.container = :container"
            f" AND w.place = :place AND {present_location('w')} ORDER BY 2, 1",
            {"container": container, "place": place},
        ).fetchall()
        rows = (
            _staged(row["position"], container, decode_highlight(row["body"]), row["key"])
            for row in found
        )
        self._stage_rows(run, rows)
        self.known.stage_again(run, container, place)

    @property
    def has_missing(self) -> bool:
        """Whether a highlight is missing, so that the next complete scan may find that it is gone."""
        found = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM highlight WHERE presence = 'missing-once')"
            " OR EXISTS (SELECT 1 FROM location WHERE missing_at NOT IN ('', ?))",
            (NOT_SELECTED,),
        ).fetchone()
        return bool(found[0])

    def apply(self, event: Event) -> None:
        """Apply a union, skip, move or correction that came from a journal or was undone."""
        self.works.apply(event)
        self.skips.apply(event)
        self.moves.apply(event)
        self._read_again(event)

    def _read_again(self, event: Event) -> None:
        """Make the next run read the documents that an event is about."""
        if event.what == "union":
            for document in event.body.get("documents", ()):
                members = self.works.members(document)
                read_again(self._db, places_of_documents(self._db, members))
        elif event.what == "skip":
            read_again(self._db, places_of_highlight(self._db, event.subject))
        elif event.what == "move":
            for key in {event.body.get("from", ""), event.body.get("to", "")}:
                read_again(self._db, places_of_highlight(self._db, str(key)))

    # --- when all sources have listed their documents ----------------------------------------

    def finish(
        self,
        run: RunId,
        scans: Iterable[Scan],
        problems: Iterable[Problem],
        now: datetime,
        *,
        judge: Judge,
        selecting: Mapping[str, Selecting] = NO_SETTINGS,
        confirmed: int = 0,
    ) -> Ingested:
        """Match staged highlights, issue keys, and record missing highlights.

        Args:
            run: the run given to `begin`.
            scans: one scan for each container that was listed.
            problems: documents that could not be read; their highlights do not count as missing.
            now: the current time, for the interval between scans that do not find a highlight.
            judge: distinguishes corrections from other facts.
            selecting: by container, its settings, and how to read documents without them.
            confirmed: the number of missing documents that the user confirms to have deleted.
        """
        scans, problems = tuple(scans), tuple(problems)
        if run != self._run:
            self.begin(run)
        self._stage_read()
        self._selection.begin(run, selecting)
        self._recognising.judge = judge
        complete = {scan.container for scan in scans if scan.complete}

        def is_lost(container: str, path: str) -> bool:
            unread = any(is_about(path, problem.where) for problem in problems)
            stands = unread or self._selection.stands(container, path)
            return not stands and (container in complete or self._roots.lacks(container, path))

        self._is_lost = is_lost
        with self._writer.unit():
            self._record_scans(run, scans, now)
            self._documents.remember_copies()
            action = self._recognise(run, scans)
            counts = Counter(self._write_staged(run, sighting) for sighting in self._staged(run))
            unseen = [self._missing.unseen(scan, problems, confirmed) for scan in scans]
            rows = [found for found in unseen if not isinstance(found, Problem)]
            self.moves.follow(
                [row["key"] for found in rows for row in found],
                action,
                self._recognising.issued_twice,
                self._recognising.waits,
                judge,
            )
            missed = [
                presence
                for scan, found in zip(scans, unseen, strict=True)
                if scan.complete and not isinstance(found, Problem)
                for presence in self._missing.note(found, now, GONE_AFTER_SECONDS)
            ]
            unselected = self._selection.end(scans)
            self.known.end(run, scans)
            self._forget_scanned()
        self.known.scope(run)
        seen = self.known.in_scope(run)
        gone = sum(1 for found in missed if found is Presence.GONE)
        superseded = self.moves.notices()
        return Ingested(
            seen=seen,
            new=counts["new"],
            changed=counts["changed"],
            gone=gone,
            unchanged=seen - counts["new"] - counts["changed"],
            problems=(*(found for found in unseen if isinstance(found, Problem)), *superseded),
            unselected=unselected,
        )

    @property
    def copied(self) -> Collection[HighlightKey]:
        """The highlights that only Anki knew until `finish`, copied from the vault of another workspace."""
        return self._recognising.copied

    def unite_recovered(self) -> tuple[Problem, ...]:
        """Move cards that were recovered from Anki after `finish` to the other key of their highlight.

        Returns:
            A notice about the cards that were superseded.
        """
        recognising = self._recognising
        with self._writer.unit():
            self.moves.follow(
                (), "", recognising.issued_twice, recognising.waits, recognising.judge
            )
        return self.moves.notices()

    def _recognise(self, run: RunId, scans: tuple[Scan, ...]) -> str:
        """Match staged highlights and unite copies of works; return the action of the unions, or ""."""
        self.works.refresh()  # the journal may have unions of documents that are first read now
        for location in self._locations.separated():
            self._missing.forget_location(location)
            read_again(self._db, [(location["container"], location["place"])])
        self._recognised = self._renamed(scans)
        renamed = {
            (container, new): old
            for container, one in self._recognised.items()
            for old, new in one.found.items()
        }
        self._recognising.issued_twice.clear()
        taken = self._recognising.renamed(run, renamed)
        self._recognising.in_place(run, self._selection.reselected, taken)
        self._recognising.match_placeless(run)
        self._recognising.moved(run, scans)
        self._recognising.edited_elsewhere(run, scans)
        self._recognising.issued_elsewhere(run, scans, self._recognised)
        self._recognising.accepted_elsewhere(run)
        self._resembling = self._recognising.resembling(run)
        self._documents.follow_renames(run, renamed)
        action = self._writer.new_action()
        grown = self.works.unite(run, action)
        self._stage_again(run, grown)
        self._locations.begin()
        return action if grown else ""

    def _renamed(self, scans: tuple[Scan, ...]) -> dict[str, Renames]:
        """Return the renamed documents in each container."""
        found: dict[str, Renames] = {}
        for scan in scans:
            if scan.complete and scan.container.startswith("pdf:"):
                found[scan.container] = Renames(reworded_files(self._db, scan.container))
            elif not scan.container.startswith("pdf:"):
                one = renames(self._db, scan.container, partial(self._is_lost, scan.container))
                if scan.complete:
                    one.found = by_marks(self._db, scan.container, one.found, unread=True)
                found[scan.container] = one
        return found

    def _record_scans(self, run: RunId, scans: tuple[Scan, ...], now: datetime) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO scan VALUES (?, ?, ?, ?, ?)",
            ((run, s.container, s.source, int(s.complete), now.isoformat()) for s in scans),
        )

    # --- writing highlights -----------------------------------------------------------------

    def _staged(self, run: RunId) -> Iterator[sqlite3.Row]:
        ids = self._db.execute(
            "SELECT id FROM scanned WHERE run = ? ORDER BY route, container, id", (run,)
        ).fetchall()
        for (id,) in ids:  # one by one, because a first run stages a whole vault
            yield self._db.execute(
                "SELECT * FROM scanned WHERE run = ? AND id = ?", (run, id)
            ).fetchone()

    def _write_staged(self, run: RunId, row: sqlite3.Row) -> str:
        highlight = decode_highlight(row["body"])
        known = self._known(run, row, highlight)
        if not known:
            known = self._keys.issue(run, highlight, row) or self._keys.claimed(highlight)
            if not self._remembered(known):
                asked = self._may_be(run, row, highlight)
                self._insert(run, row, replace(highlight, key=HighlightKey(known)), asked)
                return "new"
        return self._update(run, row, replace(highlight, key=HighlightKey(known)))

    def _known(self, run: RunId, row: sqlite3.Row, highlight: Highlight) -> str:
        """Return the known key of a highlight, from here or another source; "" if it is new.

        If two keys were issued before they were recognised as one highlight, the key of the better source
        is used.
        """
        known = row["key"]
        quotes = highlight.route is Route.VAULT
        hinted = self._keys.by_hint(highlight, row) if quotes or not known else ""
        for elsewhere in (hinted, self._locations.equal(run, row, highlight)):
            if elsewhere and (not known or _rank(elsewhere) < _rank(known)):
                known = elsewhere
        if not known:
            known = self._locations.edited(run, row, highlight, self._recognising.edit) or ""
        if known and known != row["key"]:
            self._recognising.assign(run, row["id"], HighlightKey(known), row["asked"])
            twice = self._recognising.issued_twice
            if twice.get(HighlightKey(known)) == row["key"]:
                del twice[HighlightKey(known)]
                twice[HighlightKey(row["key"])] = HighlightKey(known)
        return str(known)

    def _remembered(self, key: str) -> bool:
        found = self._db.execute("SELECT 1 FROM highlight WHERE key = ?", (key,)).fetchone()
        return found is not None

    def _may_be(self, run: RunId, row: sqlite3.Row, highlight: Highlight) -> str:
        """Return the question to a person if a new highlight may be one that is gone; "" if not."""
        recognised = self._recognised.setdefault(row["container"], Renames())
        key = self._recognising.moved_from(run, row, highlight, recognised)
        if not key and (key := self._resembling.get(row["id"])):
            self._db.execute(
                "UPDATE highlight SET presence_why = ? WHERE key = ? AND container = ''",
                (RESEMBLED, key),
            )
        return f"{MAY_BE}{key}" if key else ""

    def _insert(self, run: RunId, row: sqlite3.Row, highlight: Highlight, asked: str) -> None:
        presence = Presence.IGNORED if highlight.skip else Presence.PRESENT
        self._db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text,"
            " content, body, presence, presence_why, run, asked, replaces)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                highlight.key,
                highlight.document.key,
                row["container"],
                row["place"],
                row["position"],
                row["mark"],
                row["text"],
                content_of(highlight),
                row["body"],
                presence,
                highlight.skip,
                run,
                asked,
                row["replaces"],
            ),
        )
        self.moves.touched(highlight)

    def _update(self, run: RunId, row: sqlite3.Row, highlight: Highlight) -> str:
        before = self._before(highlight.key)
        if not self._locations.add(run, row, highlight.key, before):
            counted = before["run"] == run or self._locations.stands_before(highlight.key, row)
            changed = self._update_secondary(run, highlight.key, before)
            if counted:
                return "also"
            return "changed" if changed else "unchanged"
        if before["run"] == run or self._stands_in_earlier_copy(row, before):
            return "also"  # the same mark in another copy
        return "changed" if self._write(run, row, highlight, before) else "unchanged"

    def _stands_in_earlier_copy(self, row: sqlite3.Row, before: sqlite3.Row) -> bool:
        """Return whether an unchanged copy of the document at an earlier path contains the highlight."""
        if (row["container"], row["place"]) != (before["container"], before["place"]):
            return False
        found = self._db.execute(
            "SELECT 1 FROM temp.listed WHERE container = ? AND place = ? AND run = ? AND path < ?"
            " AND path = json_extract(?, '$.document.path')",
            (row["container"], row["place"], before["run"], row["path"], before["body"]),
        ).fetchone()
        return found is not None

    def _before(self, key: str) -> sqlite3.Row:
        found: sqlite3.Row = self._db.execute(
            "SELECT document, container, place, content, body, presence, run FROM highlight"
            " WHERE key = ?",
            (key,),
        ).fetchone()
        return found

    def _update_secondary(self, run: RunId, key: HighlightKey, before: sqlite3.Row) -> bool:
        """Record that a highlight was found at a location that is not its primary one.

        Returns:
            Whether its content changed, as when other phrases are marked in it.
        """
        now = self._locations.refresh(key)
        content = content_of(now) if now else before["content"]
        self._db.execute(
            "UPDATE highlight SET run = ?, missing_at = '', presence = ?, content = ?,"
            " presence_why = replace(presence_why, ?, '') WHERE key = ?",
            (
                run, presence_after(Presence(before["presence"]), SourceEvent.SAME), content,
                NOT_SELECTED, key,
            ),
        )  # fmt: skip
        if now is None or content == before["content"]:
            return False
        self._keep_past(run, key, before)
        place = {"path": now.document.path, "container": before["container"]}
        self._keys.journal_issued(now, place)
        return True

    def _promote(self, location: sqlite3.Row) -> None:
        """Make another location of a highlight the primary one, because the old one is gone."""
        row = {name: location[name] for name in ("container", "place", "mark", "text", "body")}
        highlight = replace(decode_highlight(location["body"]), key=location["key"])
        more = {"position": location["position"], "asked": "", "replaces": ""}
        more["path"] = highlight.document.path
        self._write(RunId(location["run"]), row | more, highlight, self._before(location["key"]))

    def _write(
        self,
        run: RunId,
        row: Mapping[str, Any] | sqlite3.Row,
        highlight: Highlight,
        before: sqlite3.Row,
    ) -> bool:
        """Store the current content of a highlight; return whether it changed."""
        presence = self._presence(highlight, Presence(before["presence"]))
        ignored = NOT_WANTED if presence is Presence.IGNORED else ""
        body = self._locations.body(highlight.key, row["body"])
        highlight = replace(decode_highlight(body), key=highlight.key)
        content = content_of(highlight)
        changed = bool(content != before["content"])
        if changed:
            self._keep_past(run, highlight.key, before)
            self.moves.changed(highlight, decode_highlight(before["body"]), run, self._is_lost)
        elif row["place"] != before["place"] and private_elsewhere([before["body"]]):
            # a passage that was private at its old location stays private
            self._keep_past(run, highlight.key, before)
        self._db.execute(
            "UPDATE highlight SET document = ?, container = ?, place = ?, position = ?, mark = ?,"
            " text = ?, content = ?, body = ?, presence = ?, presence_why = ?, missing_at = '',"
            " run = ?, asked = CASE WHEN ? = '' THEN asked ELSE ? END,"
            " replaces = CASE WHEN ? = '' THEN replaces ELSE ? END WHERE key = ?",
            (
                highlight.document.key, row["container"], row["place"], row["position"], row["mark"],
                row["text"], content, body, presence,
                highlight.skip or ignored, run, row["asked"], row["asked"],
                row["replaces"], row["replaces"], highlight.key,
            ),
        )  # fmt: skip
        if changed:
            self._keys.journal_issued(highlight, row)
        return changed

    def _presence(self, highlight: Highlight, before: Presence) -> Presence:
        skips = bool(highlight.skip) or (
            before is not Presence.PRESENT and self.skips.holds(highlight.key)
        )
        after = presence_after(before, _event(before, skips=skips))
        if after is Presence.IGNORED and before is not Presence.IGNORED:
            self._decisions.retire(highlight.key, "skip")
        if after is Presence.PRESENT and before is not Presence.PRESENT:
            self._decisions.revive(highlight.key)
            self.moves.back(HighlightKey(highlight.key))
            self._cards.mark_present(highlight.key)
        return after

    def _keep_past(self, run: RunId, key: HighlightKey, before: sqlite3.Row) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO past_content VALUES (?, ?, ?, ?)",
            (key, before["content"], before["body"], run),
        )


def _staged(position: int, container: str, highlight: Highlight, key: str = "") -> tuple[Any, ...]:
    text = canonical(highlight.exact)
    return (
        container,
        place_of(highlight.document),
        highlight.document.path,
        position,
        _ROUTES.index(highlight.route),
        own_key(highlight),
        mark_of(highlight),
        h16(text, highlight.kind),
        len(text),
        encode_highlight(highlight if key else with_own_name(highlight)),
        key,
    )


def _event(before: Presence, *, skips: bool) -> SourceEvent:
    """Return the event for a highlight that was found again."""
    if skips:
        return SourceEvent.SKIP
    if before is Presence.IGNORED:
        return SourceEvent.UNSKIP
    return SourceEvent.BACK if before is Presence.GONE else SourceEvent.SAME


def _rank(key: str) -> tuple[int, str]:
    """Return a sort key that puts the key to keep first: of the better source, else the lesser key."""
    head = key.partition(":")[0]
    return (_ROUTES.index(Route(head)) if head in list(Route) else len(_ROUTES), key)
