"""What was shipped: revisions with their mod, and which package held which."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.writing import Writer
from ankiforge.model import AnkiState, Fields, Guid, RunId, h16, note_id


@dataclass(frozen=True, slots=True)
class Shipment:
    """One revision of a note, as a package holds it."""

    guid: Guid
    rev: int
    """From 1; 0 stands for "not recorded yet"."""
    mod: int
    fields: Fields
    """Markdown, as decided."""
    html: tuple[str, ...]
    """All fields in note type order, as in the package; () if only the journal remembers it."""
    tags: tuple[str, ...]
    """Ours; what a person has added in Anki stands in `package_tags`."""
    deck: str
    digest: str = ""
    first: bool = False
    """No package ever held the note before."""
    ours: tuple[str, ...] = ()
    """Our content fields before a person's words were merged in; () = as in `html`."""
    package_tags: tuple[str, ...] | None = None
    """The tags in the package; None = `tags`."""
    content: str = ""
    """The hash of our content fields: the sixth word of AnkiforgeId."""
    seen: bool = False
    """A view has shown it in Anki."""
    written_at: str = ""
    """ISO text in UTC."""

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags as the package has them."""
        return self.tags if self.package_tags is None else self.package_tags

    @property
    def known(self) -> bool:
        """Whether the very words are on record."""
        return bool(self.html)


def digest_of(fields: Fields, tags: Sequence[str]) -> str:
    """Equal for equal content and tags: what is left to compare with when the ledger is lost."""
    return h16(*(part for field in fields for part in field), "\x1e", *tags)


def next_mod(guid: Guid, last: Shipment | None, seen_mod: int = 0) -> int:
    """The compare-and-swap number of a changed note: no clock, never below what was shipped.

    The first shipping takes the second of the note's id; each change is one above the last
    shipping and what was seen in Anki, so that an edit nobody has seen is newer (docs/why.md).
    """
    return note_id(guid) // 1000 if last is None else 1 + max(last.mod, seen_mod)


class Packages:
    """The ledger's memory of packages."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def last(self, guid: Guid) -> Shipment | None:
        """The newest revision of a note that any package held."""
        row = self._db.execute(
            "SELECT * FROM shipped WHERE guid = ? ORDER BY rev DESC LIMIT 1", (guid,)
        ).fetchone()
        return _shipment(row) if row else None

    def revisions(self, guid: Guid) -> list[Shipment]:
        """All revisions of a note, oldest first."""
        rows = self._db.execute("SELECT * FROM shipped WHERE guid = ? ORDER BY rev", (guid,))
        return [_shipment(row) for row in rows.fetchall()]

    def waits(self, shipment: Shipment) -> bool:
        """Whether its package was surely not imported: others came with it, and none was seen."""
        if shipment.seen:
            return False
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM shipped o WHERE o.package = s.package"
            "  AND o.seen_at <> '' AND o.guid <> s.guid) AS there,"
            " EXISTS (SELECT 1 FROM shipped o WHERE o.package = s.package"
            "  AND o.seen_at = '' AND o.guid <> s.guid) AS others"
            " FROM shipped s WHERE s.guid = ? AND s.rev = ? AND s.package <> ''",
            (shipment.guid, shipment.rev),
        ).fetchone()
        return row is not None and bool(row["others"]) and not row["there"]

    def history(self, guid: Guid) -> list[tuple[int, int, str, str]]:
        """(rev, mod, package, when) of every revision that was shipped, oldest first."""
        rows = self._db.execute(
            "SELECT s.rev, s.mod, coalesce(p.path, ''), s.written_at FROM shipped s"
            " LEFT JOIN package p ON p.id = s.package WHERE s.guid = ? ORDER BY s.rev",
            (guid,),
        ).fetchall()
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def paths(self) -> list[str]:
        """Where packages were ever written to."""
        rows = self._db.execute("SELECT DISTINCT path FROM package ORDER BY path")
        return [str(row["path"]) for row in rows.fetchall()]

    def roster(self, path: str) -> frozenset[Guid]:
        """The notes that the newest package at this path holds."""
        return frozenset(self._held(path))

    def _held(self, path: str) -> dict[Guid, int]:
        """guid: revision, of the newest package at this path."""
        rows = self._db.execute(
            "SELECT guid, rev FROM roster WHERE package ="
            " (SELECT id FROM package WHERE path = ? ORDER BY written_at DESC, rowid DESC LIMIT 1)",
            (path,),
        ).fetchall()
        return {Guid(row["guid"]): int(row["rev"]) for row in rows}

    def cards_in_progress(
        self, files: Mapping[str, Iterable[str]], since: str, until: str
    ) -> frozenset[Guid]:
        """Return the cards whose words may still change: they were made, revised or typed just now.

        Without this a delivery would ship half a sentence that a person is still writing.

        Args:
            files: the paths of the files that were changed just now, by the name of their source.
            since: ISO text in UTC; what was drafted or revised since is in progress, too.
            until: the same; what is later was dated by a wrong clock and does not count.
        """
        found = self._db.execute(
            "SELECT c.guid FROM card c JOIN run r ON r.id = c.run"
            "  WHERE r.at BETWEEN :since AND :until"
            " UNION SELECT subject FROM decision WHERE what = 'revise'"
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
        """Record a package about to take its place.

        Before the file does, so that no revision number is ever used for two texts.
        """
        with self._writer.unit():
            now = self._writer.now()
            package = h16("package", run, path)
            held = {
                shipment.guid: shipment.rev or self._new_revision(shipment, package, now)
                for shipment in shipments
            }
            if held == self._held(path):
                return  # the very same package again
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
        self._db.execute(
            "UPDATE card SET anki = ? WHERE guid = ? AND anki = ?",
            (AnkiState.WRITTEN, shipment.guid, AnkiState.NONE),
        )
        return rev

    def settle(self, shipment: Shipment, tags: tuple[str, ...]) -> Shipment:
        """Say which tags of a revision that was taken over from Anki are ours: those of now."""
        digest = digest_of(shipment.fields, tags)
        self._db.execute(
            "UPDATE shipped SET tags = ?, digest = ? WHERE guid = ? AND rev = ? AND digest = ''",
            (to_json(tags), digest, shipment.guid, shipment.rev),
        )
        return replace(shipment, tags=tags, digest=digest)

    def keep(self, shipment: Shipment, rev: int, package: str, now: str) -> None:
        """Store one revision's row (also one that came by the journal, or from Anki)."""
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
