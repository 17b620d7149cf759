"""Shipped revisions with their mod, and the packages that contained them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ankiforge.ledger.cards import Cards
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.journal import Writer
from ankiforge.model import AnkiState, Fields, Guid, RunId, Shipment, h16


class Packages:
    """Records packages and the revisions they contain."""

    def __init__(self, connection: Connection, writer: Writer, cards: Cards) -> None:
        self._db = connection
        self._writer = writer
        self._cards = cards

    def last(self, guid: Guid) -> Shipment | None:
        """Return the newest shipped revision of a note; None if there is none."""
        row = self._db.execute(
            "SELECT * FROM shipped WHERE guid = ? ORDER BY rev DESC LIMIT 1", (guid,)
        ).fetchone()
        return _shipment(row) if row else None

    def revisions(self, guids: Sequence[Guid]) -> dict[Guid, tuple[Shipment, ...]]:
        """Return all revisions of these notes, oldest first, without notes that have none."""
        marks = ", ".join("?" * len(guids))
        found: dict[Guid, list[Shipment]] = {}
        for row in self._db.execute(
            f"SELECT * FROM shipped WHERE guid IN ({marks}) ORDER BY guid, rev", tuple(guids)
        ):
            found.setdefault(Guid(row["guid"]), []).append(_shipment(row))
        return {guid: tuple(revisions) for guid, revisions in found.items()}

    def not_imported(self, guids: Sequence[Guid]) -> dict[Guid, frozenset[int]]:
        """Return the revisions of these notes whose package was certainly not imported.

        A package was not imported if other notes were first shipped in it and none of them was
        seen in Anki. (The query finds other guids of a group by its minimum and maximum.)
        """
        marks = ", ".join("?" * len(guids))
        rows = self._db.execute(
            "WITH unseen AS (SELECT guid, rev, package FROM shipped"
            f"  WHERE guid IN ({marks}) AND seen_at = '' AND package <> ''),"
            " held AS (SELECT package, seen_at <> '' AS seen, min(guid) AS least,"
            "  max(guid) AS greatest FROM shipped"
            "  WHERE package IN (SELECT package FROM unseen) GROUP BY 1, 2)"
            " SELECT u.guid, u.rev FROM unseen u"
            " JOIN held o ON o.package = u.package AND NOT o.seen"
            "  AND (o.least <> u.guid OR o.greatest <> u.guid)"
            " LEFT JOIN held i ON i.package = u.package AND i.seen"
            "  AND (i.least <> u.guid OR i.greatest <> u.guid)"
            " WHERE i.package IS NULL",
            tuple(guids),
        ).fetchall()
        found: dict[Guid, set[int]] = {}
        for row in rows:
            found.setdefault(Guid(row["guid"]), set()).add(row["rev"])
        return {guid: frozenset(revs) for guid, revs in found.items()}

    def history(self, guid: Guid) -> list[tuple[int, int, str, str]]:
        """Return (rev, mod, package, time) of every shipped revision of a note, oldest first."""
        rows = self._db.execute(
            "SELECT s.rev, s.mod, coalesce(p.path, ''), s.written_at FROM shipped s"
            " LEFT JOIN package p ON p.id = s.package WHERE s.guid = ? ORDER BY s.rev",
            (guid,),
        ).fetchall()
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def paths(self) -> list[str]:
        """Return all paths to which packages were ever written."""
        rows = self._db.execute("SELECT DISTINCT path FROM package ORDER BY path")
        return [str(row["path"]) for row in rows.fetchall()]

    def roster(self, path: str) -> frozenset[Guid]:
        """Return the notes in the newest package at this path."""
        return frozenset(self._held(path))

    def _held(self, path: str) -> dict[Guid, int]:
        """Return the revision of each note in the newest package at this path."""
        rows = self._db.execute(
            "SELECT guid, rev FROM roster WHERE package ="
            " (SELECT id FROM package WHERE path = ? ORDER BY written_at DESC, rowid DESC LIMIT 1)",
            (path,),
        ).fetchall()
        return {Guid(row["guid"]): int(row["rev"]) for row in rows}

    def cards_in_progress(
        self, files: Mapping[str, Iterable[str]], since: str, until: str
    ) -> frozenset[Guid]:
        """Return the cards whose text may still change, because they or their files just changed.

        Without this, a delivery could ship half a sentence that a person is still writing.

        Args:
            files: the paths of the files that were just changed, by the name of their source.
            since: a time in ISO 8601, in UTC; cards drafted or revised since are in progress, too.
            until: the same; later times are ignored, because the clock was wrong.
        """
        found = self._db.execute(
            "SELECT c.guid FROM card c JOIN run r ON r.id = c.run"
            "  WHERE r.at BETWEEN :since AND :until"
            " UNION SELECT subject FROM event WHERE what = 'revise'"
            "  AND at BETWEEN :since AND :until"
            " UNION SELECT l.guid FROM json_each(:files) f"
            "  JOIN document d ON d.source = f.key JOIN highlight h ON h.document = d.key"
            "  JOIN card_highlight l ON l.key = h.key"
            "  WHERE json_extract(d.body, '$.path') IN (SELECT value FROM json_each(f.value))",
            {
                "since": since, "until": until,
                "files": to_json({name: sorted(paths) for name, paths in files.items() if paths}),
            },
        ).fetchall()  # fmt: skip
        return frozenset(Guid(row[0]) for row in found)

    def ship(self, run: RunId, path: str, shipments: Iterable[Shipment]) -> None:
        """Record a package.

        This must be called before the file replaces the old one, so that a crash never leads to one
        revision number for two texts.
        """
        with self._writer.unit():
            now = self._writer.now()
            package = h16("package", run, path)
            held = {
                shipment.guid: shipment.rev or self._new_revision(shipment, package, now)
                for shipment in shipments
            }
            self.mark_written(held)
            if held == self._held(path):
                return  # the package has not changed
            self._db.execute(
                "INSERT OR REPLACE INTO package (id, path, written_at, run) VALUES (?, ?, ?, ?)",
                (package, path, now, run),
            )
            self._db.execute("DELETE FROM roster WHERE package = ?", (package,))
            self._db.executemany(
                "INSERT INTO roster VALUES (?, ?, ?)",
                ((package, guid, rev) for guid, rev in held.items()),
            )

    def _new_revision(self, shipment: Shipment, package: str, now: str) -> int:
        last = self.last(shipment.guid)
        rev = last.rev + 1 if last else 1
        self.keep(shipment, rev, package, now)
        body = {"rev": rev, "mod": shipment.mod, "digest": shipment.digest,
                "deck": shipment.deck, "content": shipment.content,
                "tags": shipment.tags}  # fmt: skip
        once = (shipment.guid, str(rev), str(shipment.mod), shipment.digest)
        self._writer.note("shipped", shipment.guid, body, once)
        return rev

    def mark_written(self, guids: Iterable[Guid], *, first: bool = False) -> None:
        """Set cards to written, even if only the journal has their revisions.

        With `first`, before all events, as the journal may also have those of a later view.
        """
        rows = self._db.execute(
            "SELECT guid FROM card WHERE anki = 'none'"
            " AND guid IN (SELECT value FROM json_each(?))",
            (to_json(list(guids)),),
        ).fetchall()
        written = ((row["guid"], AnkiState.WRITTEN, "") for row in rows)
        self._cards.observe(written, first=first)

    def record_tags(self, shipment: Shipment) -> None:
        """Record our tags, and our words if they are known, of a revision that was taken over from Anki."""
        self._db.execute(
            "UPDATE shipped SET tags = ?, digest = ?, fields = ?, ours_html = ?"
            " WHERE guid = ? AND rev = ? AND digest = ''",
            (
                to_json(shipment.tags), shipment.digest, to_json(shipment.fields),
                to_json(shipment.ours) if shipment.ours else "", shipment.guid, shipment.rev,
            ),
        )  # fmt: skip

    def keep(self, shipment: Shipment, rev: int, package: str, now: str) -> None:
        """Store a revision, which may come from the journal or from Anki."""
        tags = shipment.package_tags
        self._db.execute(
            "INSERT OR IGNORE INTO shipped (guid, rev, mod, fields, fields_html, tags, deck,"
            " digest, package, written_at, ours_html, package_tags, content, seen_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                shipment.guid,
                rev,
                shipment.mod,
                to_json(shipment.fields),
                to_json(shipment.html),
                to_json(shipment.tags),
                shipment.deck,
                shipment.digest,
                package,
                now,
                to_json(shipment.ours) if shipment.ours else "",
                "" if tags is None else to_json(tags),
                shipment.content,
                now if shipment.seen else "",
            ),
        )


def _shipment(row: sqlite3.Row) -> Shipment:
    return Shipment(
        Guid(row["guid"]),
        row["rev"],
        row["mod"],
        msgspec.json.decode(row["fields"], type=Fields),
        _strings(row["fields_html"]),
        _strings(row["tags"]),
        row["deck"],
        row["digest"],
        ours=_strings(row["ours_html"] or "[]"),
        package_tags=_strings(row["package_tags"]) if row["package_tags"] else None,
        content=row["content"],
        seen=bool(row["seen_at"]),
        written_at=row["written_at"],
    )


def _strings(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text, type=list[str]))
