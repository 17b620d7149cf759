"""Fingerprints of documents: which documents of a source need not be read or taken in again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.passages.highlights import place_of
from ankiforge.model import Extracted, RunId, Scan, Unchanged, Unmarked, h16


class _Row(NamedTuple):
    """What the ledger knows of one document of one file."""

    place: str
    fingerprint: str
    depends: tuple[str, ...]
    digest: str
    run: str
    whole: bool
    """No other file holds highlights of the same place, and its pictures are kept."""


def path_of(extracted: Extracted) -> str:
    """Return what the listing of its source calls a document."""
    return extracted.document.path or extracted.document.key


def digest_of(extracted: Extracted, salt: str) -> str:
    """Return a hash of all that was read; `salt` stands for the program that takes it in."""
    bare = replace(extracted, fingerprint="", depends=(), pictures=())
    return h16(salt, msgspec.json.encode(bare).decode())


class Listing:
    """The documents that the sources of one run list, beside those that the ledger knows.

    The ledger alone decides what is unchanged: fingerprint and highlights are written in one
    transaction, so a document whose reading was not finished has no fingerprint.
    """

    def __init__(self, connection: Connection, pictures: Path) -> None:
        """`pictures` is the folder of the pictures that were cut from pages."""
        self._db = connection
        self._pictures = pictures
        self._salt = ""
        self._known: dict[str, dict[str, list[_Row]]] = {}
        self._listed: dict[str, set[tuple[str, str]]] = {}
        self._news: list[tuple[str, str, str, str, str]] = []

    def begin(self, salt: str = "") -> None:
        """Forget the listing of an earlier run; another `salt` makes every document new."""
        self._salt = salt
        self._known.clear()
        self._listed.clear()
        self._news.clear()
        self._db.execute("DELETE FROM temp.listed")
        self._db.execute("DELETE FROM temp.in_scope")

    # --- what sources ask -------------------------------------------------------------------

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document was taken in with this fingerprint; never for ""."""
        rows = self._of(container).get(path, ())
        salted = self._salted(fingerprint)
        return bool(salted and rows) and all(
            row.fingerprint == salted and row.whole for row in rows
        )

    def depends(self, container: str, path: str) -> tuple[str, ...]:
        """Return what reading the document depended on, as the source called it."""
        rows = self._of(container).get(path, ())
        return tuple(dict.fromkeys(one for row in rows for one in row.depends))

    def paths(self, container: str) -> tuple[str, ...] | None:
        """Return the documents of a container; None if one of them must be read again."""
        known = self._of(container)
        if all(row.whole and row.digest for rows in known.values() for row in rows):
            return tuple(known)
        return None

    def _salted(self, fingerprint: str) -> str:
        return fingerprint and f"{fingerprint}.{self._salt}"

    def _of(self, container: str) -> dict[str, list[_Row]]:
        if container not in self._known:
            self._known[container] = self._recalled(container)
        return self._known[container]

    def _recalled(self, container: str) -> dict[str, list[_Row]]:
        rows = self._db.execute(
            "SELECT place, path, fingerprint, depends, digest, pictures, run FROM ingested"
            " WHERE container = ? ORDER BY path, place",
            (container,),
        ).fetchall()
        places = Counter(row["place"] for row in rows if row["place"])
        known: dict[str, list[_Row]] = {}
        for row in rows:
            alone = places[row["place"]] <= 1 and self._has(row["pictures"])
            depends = () if row["depends"] == "[]" else tuple(msgspec.json.decode(row["depends"]))
            known.setdefault(row["path"], []).append(
                _Row(row["place"], row["fingerprint"], depends, row["digest"], row["run"], alone)
            )
        return known

    def _has(self, pictures: str) -> bool:
        names: Iterable[str] = () if pictures == "[]" else msgspec.json.decode(pictures)
        return all((self._pictures / name).is_file() for name in names)

    # --- what sources yield -----------------------------------------------------------------

    def skip(self, unchanged: Unchanged) -> None:
        """List a document that was not read."""
        for row in self._of(unchanged.container).get(unchanged.path, ()):
            self._list(unchanged.container, row.place, unchanged.path, row.run)

    def is_as_taken_in(self, extracted: Extracted) -> bool:
        """Return whether a document says what it said when it was taken in; it is listed then."""
        place, path = place_of(extracted.document), path_of(extracted)
        rows = self._of(extracted.container).get(path, ())
        row = next((row for row in rows if row.place == place), None)
        if row is None or not row.whole or not row.digest:
            return False
        if row.digest != digest_of(extracted, self._salt):
            return False
        self._list(extracted.container, place, path, row.run)
        self._note(extracted.container, place, path, row, extracted)
        return True

    def is_still_unmarked(self, unmarked: Unmarked) -> bool:
        """Return whether a document held no highlight before; it is listed then."""
        rows = self._of(unmarked.container).get(unmarked.path, [])
        self._listed.setdefault(unmarked.container, set()).add((unmarked.path, ""))
        if [row.place for row in rows] != [""]:
            return False
        self._note(unmarked.container, "", unmarked.path, rows[0], unmarked)
        return True

    def _note(
        self, container: str, place: str, path: str, row: _Row, found: Extracted | Unmarked
    ) -> None:
        """Remember a new fingerprint of what was read again and is as it was."""
        salted, depends = self._salted(found.fingerprint), found.depends
        if (salted, depends) != (row.fingerprint, row.depends):
            self._news.append((salted, to_json(depends), container, place, path))

    def _list(self, container: str, place: str, path: str, run: str) -> None:
        self._listed.setdefault(container, set()).add((path, place))
        if place:
            self._db.execute(
                "INSERT OR IGNORE INTO temp.listed VALUES (?, ?, ?, ?)",
                (container, place, path, run),
            )

    # --- staging ----------------------------------------------------------------------------

    def stage(self, run: RunId, extracted: Extracted | Unmarked) -> None:
        """Stage the fingerprint of a document that is to be taken in, within a unit."""
        container, digest, names = extracted.container, "-", "[]"
        if isinstance(extracted, Extracted):
            place, path = place_of(extracted.document), path_of(extracted)
            digest = digest_of(extracted, self._salt)
            names = to_json([picture.name for picture in extracted.pictures])
        else:
            place, path = "", extracted.path
        self._list(container, place, path, run)
        salted = self._salted(extracted.fingerprint)
        self._db.execute(
            "INSERT OR REPLACE INTO scanned_document VALUES (?, ?, ?, ?, ?, ?, ?)",
            (container, place, path, salted, to_json(extracted.depends), digest, names),
        )

    def stage_again(self, run: RunId, container: str, place: str) -> None:
        """Let an unchanged document be taken in by this run, within a unit."""
        self._db.execute(
            "INSERT OR REPLACE INTO scanned_document SELECT container, place, path, fingerprint,"
            " depends, digest, pictures FROM ingested WHERE container = ? AND place = ?",
            (container, place),
        )
        self._db.execute(
            "UPDATE OR REPLACE temp.listed SET run = ? WHERE container = ? AND place = ?",
            (run, container, place),
        )

    def unchanged_among(
        self, run: RunId, places: Iterable[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Return those of these (container, place) that are listed and were not read by this run."""
        return [
            (container, place)
            for container, place in sorted(set(places))
            if self._db.execute(
                "SELECT 1 FROM temp.listed WHERE container = ? AND place = ? AND run <> ?",
                (container, place, run),
            ).fetchone()
        ]

    # --- taking in --------------------------------------------------------------------------

    def end(self, run: RunId, scans: Iterable[Scan]) -> None:
        """Write down what was taken in; forget what complete scans do not list any more."""
        self._db.execute(  # what files held before, and hold no more
            "DELETE FROM ingested WHERE (container, path) IN (SELECT container, path"
            " FROM scanned_document) AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.container"
            " = ingested.container AND l.place = ingested.place AND l.path = ingested.path)"
        )
        self._db.execute(
            "INSERT OR REPLACE INTO ingested SELECT container, place, path, fingerprint, depends,"
            " digest, pictures, ? FROM scanned_document",
            (run,),
        )
        self._db.execute("DELETE FROM scanned_document")
        self._db.executemany(
            "UPDATE ingested SET fingerprint = ?, depends = ?"
            " WHERE container = ? AND place = ? AND path = ?",
            self._news,
        )
        for scan in scans:
            if scan.complete:
                known = self._of(scan.container)
                before = {(path, row.place) for path, rows in known.items() for row in rows}
                gone = before - self._listed.get(scan.container, set())
                self._db.executemany(
                    "DELETE FROM ingested WHERE container = ? AND path = ? AND place = ?",
                    ((scan.container, *one) for one in sorted(gone)),
                )
        self._news.clear()
        self._known.clear()

    def scope(self, run: RunId) -> None:
        """Note the highlights that stand in what is listed."""
        for table, more in (
            ("highlight", " AND NOT EXISTS (SELECT 1 FROM way w WHERE w.key = h.key)"),
            ("way", ""),
        ):
            self._db.execute(
                "INSERT OR IGNORE INTO temp.in_scope SELECT ?, h.key FROM temp.listed l CROSS JOIN"
                f" {table} h ON h.container = l.container AND h.place = l.place AND h.run = l.run"
                f"{more}",
                (run,),
            )

    def in_scope(self, run: RunId) -> int:
        """Return how many highlights stand in what this run lists."""
        found = self._db.execute("SELECT count(*) FROM temp.in_scope WHERE run = ?", (run,))
        return int(found.fetchone()[0])


def read_again(db: Connection, places: Iterable[tuple[str, str]]) -> None:
    """Let the documents at these (container, place) be read and taken in by the next run."""
    db.executemany(
        "UPDATE ingested SET fingerprint = '', digest = '' WHERE container = ? AND place = ?",
        places,
    )


def places_of_highlight(db: Connection, key: str) -> Iterator[tuple[str, str]]:
    """Return where a highlight was found, each as (container, place)."""
    for row in db.execute(
        "SELECT container, place FROM highlight WHERE key = :key"
        " UNION SELECT container, place FROM way WHERE key = :key",
        {"key": key},
    ).fetchall():
        yield row["container"], row["place"]


def places_of_document(db: Connection, document: str) -> Iterator[tuple[str, str]]:
    """Return where highlights of a document were found."""
    for row in db.execute(
        "SELECT container, place FROM highlight WHERE document = :key UNION SELECT container, place"
        " FROM way WHERE json_extract(body, '$.document.key') = :key",
        {"key": document},
    ).fetchall():
        yield row["container"], row["place"]
