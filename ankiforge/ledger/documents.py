"""Documents: their keys, fingerprints, the works they are copies of, and the folders of sources."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from msgspec import json

from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.events import SOURCE, Event
from ankiforge.ledger.highlights import place_of, slug_of
from ankiforge.ledger.journal import Writer
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Route,
    RunId,
    Scan,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.fold import fold

Place = tuple[str, str]
"""The container and the place of a document."""


class Documents:
    """Stores documents under their issued keys."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._copies: list[tuple[str, Document]] = []
        """(container, document) of copies of documents that are also known at a later path."""

    def begin(self) -> None:
        """Discard the documents of an earlier run that failed."""
        self._copies.clear()

    def record(self, extracted: Extracted) -> Extracted:
        """Store a document, and return it with the key that was issued when it was first read."""
        document = self._issued(extracted.document)
        later = self._db.execute(
            "SELECT 1 FROM ingested WHERE container = ? AND place = ? AND path > ?",
            (extracted.container, place_of(document), path_of(extracted)),
        ).fetchone()
        if later:
            self._copies.append((extracted.container, document))
        else:
            self._remember(document)
        self._db.executemany(
            "INSERT OR IGNORE INTO identifier VALUES (?, ?, ?)",
            (
                (scheme, value, document.key)
                for scheme, value in (*document.identifiers, *_attachments(extracted))
            ),
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO page_fold VALUES (?, ?, ?, ?)",
            (
                (document.key, page, mark, length)
                for page, (mark, length) in enumerate(extracted.pages)
            ),
        )
        marks = tuple(
            found if found.document == document else replace(found, document=document)
            for found in extracted.highlights
        )
        return replace(extracted, document=document, highlights=marks)

    def remember_copies(self) -> None:
        """Store the title and identifiers of a copy if no later path of its document is listed.

        Of several copies, the one with the last path determines them, whether it was read or not. This
        must be called when all documents are listed.
        """
        for container, document in self._copies:
            later = self._db.execute(
                "SELECT 1 FROM temp.listed WHERE container = ? AND place = ? AND path > ?",
                (container, place_of(document), document.path),
            ).fetchone()
            if not later:
                self._remember(document)
        self._copies.clear()

    def _issued(self, document: Document) -> Document:
        """Return the document with its issued key, which a renamed note keeps from its first path."""
        row = self._db.execute(
            "SELECT key FROM document WHERE source = ? AND place = ?",
            (document.source, place_of(document)),
        ).fetchone()
        return replace(document, key=DocumentKey(row["key"])) if row else self._unused(document)

    def _unused(self, document: Document) -> Document:
        """Return the document with a free key, as a renamed note may have the key of this path."""
        row = self._db.execute(
            "SELECT place FROM document WHERE key = ?", (document.key,)
        ).fetchone()
        if row is None or row["place"] == place_of(document):
            return document
        return self._unused(replace(document, key=DocumentKey(f"{document.key}.2")))

    def _remember(self, document: Document) -> None:
        self._db.execute(
            "INSERT INTO document (key, source, place, title, slug, body, since)"
            " VALUES (?, ?, ?, ?, ?, ?, (SELECT printf('%09d', count(*)) FROM run))"
            " ON CONFLICT (key) DO UPDATE SET title = excluded.title, body = excluded.body,"
            " slug = CASE WHEN slug = '' THEN excluded.slug ELSE slug END",
            (
                document.key,
                document.source,
                place_of(document),
                document.title,
                slug_of(document),
                msgspec.json.encode(document).decode(),
            ),
        )

    def follow_renames(self, run: RunId, recognised: Mapping[Place, str]) -> None:
        """Give a new note the key of a note that is gone if most of its highlights come from that note.

        For notes `recognised` by their words, given with their old place, one highlight is enough.
        """
        rows = self._db.execute(
            "SELECT s.container, s.place AS new, h.place AS old, h.document, count(*) AS moved,"
            " (SELECT count(*) FROM scanned a WHERE a.run = s.run"
            "  AND a.container = s.container AND a.place = s.place) AS all_here"
            " FROM scanned s JOIN highlight h ON h.key = s.key"
            " WHERE s.run = ? AND s.container LIKE 'vault:%' AND h.place <> s.place"
            " AND h.container = s.container"
            " AND NOT EXISTS (SELECT 1 FROM scanned o WHERE o.run = s.run"
            "  AND o.container = s.container AND o.place = h.place)"
            " AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.container = h.container"
            "  AND l.place = h.place)"
            " GROUP BY s.container, s.place, h.place, h.document ORDER BY moved DESC",
            (run,),
        ).fetchall()
        rows = [
            row
            for row in rows
            if row["moved"] * 2 >= row["all_here"]
            or recognised.get((row["container"], row["new"])) == row["old"]
        ]
        followed: set[str] = set()
        for row in rows:
            if not followed & {f"new {row['new']}", f"old {row['document']}"}:
                followed |= {f"new {row['new']}", f"old {row['document']}"}
                self._rename(run, row["document"], row["container"], row["new"])

    def _rename(self, run: RunId, key: str, container: str, place: str) -> None:
        """Give the note at `place` the key that was issued for its old path."""
        new = self._db.execute(
            "SELECT json_extract(body, '$.document.key') FROM scanned INDEXED BY scanned_place"
            " WHERE run = ? AND container = ? AND place = ? LIMIT 1",
            (run, container, place),
        ).fetchone()[0]
        if new == key or self._in_use(new):
            return
        row = self._db.execute("SELECT title, body FROM document WHERE key = ?", (new,)).fetchone()
        body = replace(msgspec.json.decode(row["body"], type=Document), key=DocumentKey(key))
        self._db.execute(  # store the new metadata under the old key
            "INSERT OR IGNORE INTO identifier SELECT scheme, value, ? FROM identifier"
            " WHERE document = ?",
            (key, new),
        )
        self._db.execute("DELETE FROM identifier WHERE document = ?", (new,))
        self._db.execute("DELETE FROM document WHERE key = ?", (new,))
        self._db.execute(
            "UPDATE document SET place = ?, title = ?, body = ?,"
            " slug = CASE WHEN slug = '' THEN ? ELSE slug END WHERE key = ?",
            (
                place,
                row["title"],
                msgspec.json.encode(body).decode(),
                slug_of(body),
                key,
            ),
        )
        self._db.execute(
            "UPDATE scanned SET body = json_set(body, '$.document.key', ?)"
            " WHERE run = ? AND container = ? AND place = ?",
            (key, run, container, place),
        )

    def _in_use(self, key: str) -> bool:
        found = self._db.execute("SELECT 1 FROM highlight WHERE document = ? LIMIT 1", (key,))
        return found.fetchone() is not None


def _attachments(extracted: Extracted) -> Iterator[tuple[str, str]]:
    """Yield the files of a Zotero item as ("attachment", "library/key"), as in links to them."""
    for found in extracted.highlights:
        if found.route is Route.ZOTERO and found.block:
            yield "attachment", f"{found.namespace.partition(':')[2]}/{found.block}"


_HEARD = "heard:"
_READ = "read:"


class Roots:
    """Stores the folders of sources by name, because names are part of keys."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def of(self, kind: str) -> dict[str, Path]:
        """Return the folders by name of all sources of this kind that were ever read here."""
        return self._all(f"root:{kind}:")

    def known(self, kind: str) -> dict[str, Path]:
        """Return the same, including sources known only from the journal."""
        return self._all(f"{_HEARD}{kind}:") | self.of(kind)

    def _all(self, head: str) -> dict[str, Path]:
        rows = self._db.execute(
            "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", (len(head), head)
        ).fetchall()
        return {row["name"][len(head) :]: Path(row["value"]) for row in rows}

    def name_of(self, kind: str, root: Path) -> str:
        """Return the name under which this folder was read before; "" if it was not."""
        return next((name for name, known in self.known(kind).items() if known == root), "")

    def folder_of(self, kind: str, name: str) -> Path | None:
        """Return the folder of a name; None if it does not exist on this machine."""
        heard = self.known(kind).get(name)
        return self.of(kind).get(name) or (heard if heard and heard.exists() else None)

    def lacks(self, container: str, path: str) -> bool:
        """Return whether the folder of a container exists, but a file in it does not."""
        kind, _, name = container.partition(":")
        root = self.of("obsidian" if kind == "vault" else kind).get(name)
        return root is not None and root.is_dir() and not (root / path).exists()

    def remember(self, kind: str, name: str, root: Path) -> None:
        """Store the folder of a name, also in the journal."""
        if self.of(kind).get(name) == root:
            return
        with self._writer.unit():
            self._writer.meta(f"root:{kind}:{name}", str(root))
            once = (kind, name, str(root), self._writer.now())
            self._writer.note("bind", f"{kind}:{name}", {"root": str(root)}, once)

    def use(self, sources: frozenset[str]) -> None:
        """Record that the workspace reads exactly these sources, given as `kind:name`."""
        known = {row["name"]: row["value"] for row in self._db.execute(
            "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", (len(_READ), _READ)
        )}  # fmt: skip
        now = {f"{_READ}{one}": "yes" for one in sources}
        if changed := {**dict.fromkeys(known, "no"), **now}.items() - known.items():
            with self._writer.unit():
                for name, value in changed:
                    self._writer.meta(name, value)

    def dropped(self) -> frozenset[str]:
        """Return the sources, as `kind:name`, that the workspace used to read but no longer does."""
        rows = self._db.execute(
            "SELECT name FROM meta WHERE substr(name, 1, ?) = ? AND value = 'no'",
            (len(_READ), _READ),
        ).fetchall()
        return frozenset(str(row["name"])[len(_READ) :] for row in rows)

    def is_dropped(self, key: str, dropped: frozenset[str]) -> bool:
        """Return whether all locations of a highlight are in `dropped` sources."""
        rows = self._db.execute(
            "SELECT container FROM highlight WHERE key = :key"
            " UNION SELECT container FROM location WHERE key = :key",
            {"key": key},
        ).fetchall()
        return all(self._left(str(row["container"]), dropped) for row in rows)

    def _left(self, container: str, dropped: frozenset[str]) -> bool:
        kind, _, name = container.partition(":")
        if kind == "zotero":  # its containers are libraries, which any Zotero source may read
            rows = self._db.execute(
                "SELECT value FROM meta WHERE substr(name, 1, 12) = 'read:zotero:'"
            ).fetchall()
            return bool(rows) and all(row["value"] == "no" for row in rows)
        return f"{'obsidian' if kind == 'vault' else kind}:{name}" in dropped

    def apply(self, source: str, root: str) -> None:
        """Store the folder of a source from a journal line."""
        self._writer.meta(_HEARD + source, root)


_IN_PARTS = "in parts"
"""The digest of a document that one file contains in several parts, which are ingested together; ""
until one run has read all parts."""


class _Row(NamedTuple):
    """The stored state of one document in one file."""

    place: str
    fingerprint: str
    depends: tuple[str, ...]
    digest: str
    run: str
    kept: bool
    """Whether its pictures exist."""
    beside: dict[str, tuple[str, str]]
    """(fingerprint, run) by path, for other files that contain highlights of the same document."""


def _read_together(row: _Row) -> bool:
    """Return whether all files with highlights of the document were last read by the same run."""
    return all(run == row.run for _, run in row.beside.values())


def path_of(extracted: Extracted) -> str:
    """Return the path by which a source lists a document."""
    return extracted.document.path or extracted.document.key


def digest_of(extracted: Extracted, salt: str) -> str:
    """Return a hash of everything that was read, and of `salt`, which represents the program."""
    bare = replace(extracted, fingerprint="", depends=(), pictures=(), sketch="")
    return h16(salt, msgspec.json.encode(bare).decode())


class Listing:
    """The documents that the sources of one run list, compared with those in the ledger.

    The fingerprint and the highlights of a document are written in one transaction, so a document whose
    ingest was interrupted has no fingerprint and counts as changed.
    """

    def __init__(self, connection: Connection, pictures: Path) -> None:
        """`pictures` is the folder of the pictures cut from pages."""
        self._db = connection
        self._pictures = pictures
        self._salt = ""
        self._known: dict[str, dict[str, list[_Row]]] = {}
        self._listed: dict[str, set[tuple[str, str]]] = {}
        self._to_list: list[tuple[str, str, str, str]] = []
        """Rows not yet written to `temp.listed`."""
        self._news: list[tuple[str, str, str, str, str]] = []
        self._sketches: list[tuple[str, str, str, str]] = []

    def begin(self, salt: str = "") -> None:
        """Discard the listing of an earlier run; with another `salt`, every document is changed."""
        self._salt = salt
        self._known.clear()
        self._listed.clear()
        self._to_list.clear()
        self._news.clear()
        self._sketches.clear()
        self._db.execute("DELETE FROM temp.listed")
        self._db.execute("DELETE FROM temp.in_scope")

    # --- queries of sources -----------------------------------------------------------------

    def is_unchanged(
        self,
        container: str,
        path: str,
        fingerprint: str,
        listed: Mapping[str, str] = MappingProxyType({}),
    ) -> bool:
        """Return whether a document was ingested with this fingerprint; always False for "".

        Copies of one document are only read together, because otherwise it is unknown which highlights
        are gone. `listed` contains the fingerprints of all documents by path.
        """
        rows = self._of(container).get(path, ())
        salted = self._salted(fingerprint)
        return bool(salted and rows) and all(
            row.fingerprint == salted
            and row.kept
            and all(
                (self._salted(listed.get(copy, "")), row.run) == known
                for copy, known in row.beside.items()
            )
            for row in rows
        )

    def depends(self, container: str, path: str) -> tuple[str, ...]:
        """Return `Extracted.depends` of the last reading of a document."""
        rows = self._of(container).get(path, ())
        if len(rows) == 1:
            return rows[0].depends
        return tuple(dict.fromkeys(one for row in rows for one in row.depends))

    def paths(self, container: str) -> tuple[str, ...] | None:
        """Return the documents of a container; None if one of them must be read again."""
        known = self._of(container)
        rows = [row for rows in known.values() for row in rows]
        if all(row.kept and row.digest and _read_together(row) for row in rows):
            return tuple(known)
        return None

    def _salted(self, fingerprint: str) -> str:
        return fingerprint and f"{fingerprint}.{self._salt}"

    def _of(self, container: str) -> dict[str, list[_Row]]:
        known = self._known.get(container)
        if known is None:
            known = self._known[container] = self._recalled(container)
        return known

    def _recalled(self, container: str) -> dict[str, list[_Row]]:
        rows = self._db.execute(
            "SELECT place, path, fingerprint, depends, digest, pictures, run FROM ingested"
            " WHERE container = ? ORDER BY path, place",
            (container,),
        ).fetchall()
        copies: dict[str, dict[str, tuple[str, str]]] = {}
        for row in rows:
            if row["place"]:
                copies.setdefault(row["place"], {})[row["path"]] = (row["fingerprint"], row["run"])
        known: dict[str, list[_Row]] = {}
        for row in rows:
            path, place = row["path"], row["place"]
            beside = copies.get(place, {})
            beside = {one: beside[one] for one in beside if one != path} if len(beside) > 1 else {}
            depends = () if row["depends"] == "[]" else tuple(msgspec.json.decode(row["depends"]))
            kept = self._has(row["pictures"])
            known.setdefault(path, []).append(
                _Row(place, row["fingerprint"], depends, row["digest"], row["run"], kept, beside)
            )
        return known

    def _has(self, pictures: str) -> bool:
        names: Iterable[str] = msgspec.json.decode(pictures)
        paths = [self._pictures / name for name in names]
        return all(path.is_file() and not path.is_symlink() for path in paths)

    # --- results of sources -----------------------------------------------------------------

    def skip(self, unchanged: Unchanged) -> None:
        """List a document that was not read."""
        for row in self._of(unchanged.container).get(unchanged.path, ()):
            self._list(unchanged.container, row.place, unchanged.path, row.run)

    def is_as_ingested(self, extracted: Extracted) -> bool:
        """Return whether a document has the same content as when it was ingested; if so, list it."""
        place, path = place_of(extracted.document), path_of(extracted)
        rows = self._of(extracted.container).get(path, ())
        row = next((row for row in rows if row.place == place), None)
        if row is None or row.beside or not row.kept or not row.digest:
            return False
        if row.digest != digest_of(extracted, self._salt):
            return False
        self._list(extracted.container, place, path, row.run)
        if extracted.sketch:
            self._sketches.append((extracted.container, place, path, extracted.sketch))
        self._note(extracted.container, place, path, row, extracted)
        return True

    def is_still_unmarked(self, unmarked: Unmarked) -> bool:
        """Return whether a document without highlights had none before; if so, list it."""
        rows = self._of(unmarked.container).get(unmarked.path, [])
        self._listed.setdefault(unmarked.container, set()).add((unmarked.path, ""))
        if [row.place for row in rows] != [""]:
            return False
        self._note(unmarked.container, "", unmarked.path, rows[0], unmarked)
        return True

    def _note(
        self, container: str, place: str, path: str, row: _Row, found: Extracted | Unmarked
    ) -> None:
        """Store the new fingerprint of a document whose content has not changed."""
        salted, depends = self._salted(found.fingerprint), found.depends
        if (salted, depends) != (row.fingerprint, row.depends):
            self._news.append((salted, to_json(depends), container, place, path))

    def _list(self, container: str, place: str, path: str, run: str) -> None:
        self._listed.setdefault(container, set()).add((path, place))
        if place:
            self._to_list.append((container, place, path, run))

    def write_listed(self) -> None:
        """Write the documents listed so far to `temp.listed`, which SQL conditions use."""
        self._db.executemany("INSERT OR IGNORE INTO temp.listed VALUES (?, ?, ?, ?)", self._to_list)
        self._to_list.clear()

    # --- staging ----------------------------------------------------------------------------

    def stage(self, run: RunId, extracted: Extracted | Unmarked) -> None:
        """Stage the fingerprint of a document to be ingested, within a unit."""
        container, digest, names, sketch = extracted.container, "-", "[]", ""
        if isinstance(extracted, Extracted):
            place, path = place_of(extracted.document), path_of(extracted)
            digest = digest_of(extracted, self._salt)
            names = to_json([picture.name for picture in extracted.pictures])
            sketch = extracted.sketch
            if (path, place) in self._listed.get(container, ()):
                digest = self._digest_in_parts(container, place, path)
        else:
            place, path = "", extracted.path
        self._list(container, place, path, run)
        salted = self._salted(extracted.fingerprint)
        self._db.execute(
            "INSERT OR REPLACE INTO scanned_document VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (container, place, path, salted, to_json(extracted.depends), digest, names, sketch),
        )

    def _digest_in_parts(self, container: str, place: str, path: str) -> str:
        """Return the digest for a document of which another part is already listed."""
        staged = self._db.execute(
            "SELECT 1 FROM scanned_document WHERE container = ? AND place = ? AND path = ?",
            (container, place, path),
        ).fetchone()
        return _IN_PARTS if staged else ""

    def changed_in_part(self, run: RunId) -> list[tuple[str, str]]:
        """Return the (container, place) of documents of which this run read only some files."""
        rows = self._db.execute(
            "SELECT DISTINCT s.container, s.place FROM scanned_document s JOIN temp.listed l"
            " ON l.container = s.container AND l.place = s.place AND l.path = s.path"
            " WHERE s.place <> '' AND l.run <> ?",
            (run,),
        ).fetchall()
        return [(row["container"], row["place"]) for row in rows]

    def stage_again(self, run: RunId, container: str, place: str) -> None:
        """Make this run ingest an unchanged document, within a unit."""
        self._db.execute(
            "INSERT OR IGNORE INTO scanned_document SELECT container, place, path, fingerprint,"
            " depends, digest, pictures, '' FROM ingested WHERE container = ? AND place = ?",
            (container, place),
        )
        self._db.execute(
            "UPDATE OR REPLACE temp.listed SET run = ? WHERE container = ? AND place = ?",
            (run, container, place),
        )

    def unread_among(
        self, run: RunId, places: Iterable[tuple[str, str]]
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return which (container, place) this run did not read, as (listed ones, unlisted ones)."""
        unchanged, unlisted = [], []
        for place in sorted(set(places)):
            rows = self._db.execute(
                "SELECT run FROM temp.listed WHERE container = ? AND place = ?", place
            ).fetchall()
            if not rows:
                unlisted.append(place)
            elif any(row["run"] != run for row in rows):
                unchanged.append(place)
        return unchanged, unlisted

    # --- storing ----------------------------------------------------------------------------

    def end(self, run: RunId, scans: Iterable[Scan]) -> None:
        """Store the ingested documents, and delete those that complete scans no longer list."""
        self._db.execute(  # documents that their files no longer contain
            "DELETE FROM ingested WHERE (container, path) IN (SELECT container, path"
            " FROM scanned_document) AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.container"
            " = ingested.container AND l.place = ingested.place AND l.path = ingested.path)"
        )
        self._db.execute(
            "INSERT OR REPLACE INTO ingested SELECT container, place, path, fingerprint, depends,"
            " digest, pictures, ? FROM scanned_document",
            (run,),
        )
        replaces = " ON CONFLICT DO UPDATE SET words = excluded.words WHERE words <> excluded.words"
        self._db.execute(
            "INSERT INTO sketch SELECT container, place, path, sketch FROM scanned_document"
            f" WHERE sketch <> ''{replaces}"
        )
        self._db.executemany(f"INSERT INTO sketch VALUES (?, ?, ?, ?){replaces}", self._sketches)
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
                self._db.executemany(  # keep sketches of documents with highlights: they may be renamed
                    "DELETE FROM sketch AS k WHERE container = ? AND path = ? AND place = ?"
                    " AND NOT EXISTS (SELECT 1 FROM highlight h WHERE h.container = k.container"
                    "  AND h.place = k.place) AND NOT EXISTS (SELECT 1 FROM location w"
                    "  WHERE w.container = k.container AND w.place = k.place)",
                    ((scan.container, *one) for one in sorted(gone)),
                )
        self._news.clear()
        self._sketches.clear()
        self._known.clear()

    def scope(self, run: RunId) -> None:
        """Store the keys of the highlights in the listed documents."""
        for table, more in (
            ("highlight", " AND NOT EXISTS (SELECT 1 FROM location w WHERE w.key = h.key)"),
            ("location", ""),
        ):
            self._db.execute(
                "INSERT OR IGNORE INTO temp.in_scope SELECT ?, h.key FROM temp.listed l CROSS JOIN"
                f" {table} h ON h.container = l.container AND h.place = l.place AND h.run = l.run"
                f"{more}",
                (run,),
            )

    def in_scope(self, run: RunId) -> int:
        """Return the number of highlights in the documents that this run lists."""
        found = self._db.execute("SELECT count(*) FROM temp.in_scope WHERE run = ?", (run,))
        return int(found.fetchone()[0])


def read_again(db: Connection, places: Iterable[tuple[str, str]]) -> None:
    """Make the next run read and ingest the documents at these (container, place)."""
    db.executemany(
        "UPDATE ingested SET fingerprint = '', digest = '' WHERE container = ? AND place = ?",
        places,
    )


def places_of_highlight(db: Connection, key: str) -> Iterator[tuple[str, str]]:
    """Yield the (container, place) of the documents that contain a highlight."""
    for row in db.execute(
        "SELECT container, place FROM highlight WHERE key = :key"
        " UNION SELECT container, place FROM location WHERE key = :key",
        {"key": key},
    ).fetchall():
        yield row["container"], row["place"]


def places_of_documents(db: Connection, documents: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the (container, place) of all highlights of documents; each call reads all locations once."""
    for row in db.execute(
        "WITH wanted AS (SELECT value FROM json_each(?))"
        " SELECT container, place FROM highlight WHERE document IN wanted UNION SELECT container, place"
        " FROM location WHERE json_extract(body, '$.document.key') IN wanted",
        (to_json(sorted(documents)),),
    ).fetchall():
        yield row["container"], row["place"]


LONG_PAGE = 200
"""The length, in folded characters, from which the text of a page identifies it."""
LONG_TITLE = 12
"""The length, in folded characters, from which equal titles are not a coincidence."""
SURE = ("doi", "arxiv")
"""Identifiers of a single work. Chapters may share an ISBN, and papers the URL of a journal."""
NAMING = ("doi", "arxiv", "citekey", "zotero")
"""Identifiers by which a note refers to the paper that it is about."""
QUOTED = "quoted-"
"""The prefix of identifiers of papers, and of their files, that a note quotes with a link."""

_PAPERS = ("zotero", "pdf")
_STORED = re.compile(r"(?:^|/)([A-Z0-9]{8})/[^/]+$")


def _kind(column: str) -> str:
    return f"substr({column}, 1, instr({column}, ':') - 1)"


class Works:
    """Unites documents that are copies of one work."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    # --- reading ----------------------------------------------------------------------------

    def of(self, document: str) -> str:
        """Return the key of a document's work, which is the key of its first document."""
        row = self._db.execute("SELECT work FROM document WHERE key = ?", (document,)).fetchone()
        return str(row["work"]) if row and row["work"] else document

    def members(self, document: str) -> list[str]:
        """Return all documents of a document's work, including itself."""
        work = self.of(document)
        rows = self._db.execute(
            "SELECT key FROM document WHERE key = ? OR work = ? ORDER BY key", (work, work)
        ).fetchall()
        return [row["key"] for row in rows]

    def papers_named_by(self, note: str) -> list[str]:
        """Return all documents of the papers in a note's front matter or in links of its quotes."""
        bare = f"substr(i.scheme, {len(QUOTED) + 1})"
        rows = self._db.execute(
            "SELECT DISTINCT o.document FROM identifier i JOIN identifier o ON o.value = i.value"
            f" AND o.scheme = CASE WHEN i.scheme GLOB '{QUOTED}*' THEN {bare} ELSE i.scheme END"
            f" WHERE i.document = ? AND (i.scheme IN {NAMING} OR i.scheme GLOB '{QUOTED}*')"
            f" AND {_kind('o.document')} IN {_PAPERS} ORDER BY o.document",
            (note,),
        ).fetchall()
        return sorted({one for row in rows for one in self.members(row["document"])})

    def notes_about(self, documents: list[str]) -> list[str]:
        """Return the notes with one of these papers in their front matter or in links of quotes."""
        marks = ", ".join("?" * len(documents))
        rows = self._db.execute(
            "SELECT DISTINCT o.document FROM identifier i JOIN identifier o ON o.value = i.value"
            f" AND o.scheme IN (i.scheme, '{QUOTED}' || i.scheme)"
            f" WHERE i.document IN ({marks}) AND i.scheme IN {(*NAMING, 'attachment', 'file')}"
            " AND o.document GLOB 'vault:*' ORDER BY o.document",
            documents,
        ).fetchall()
        return [row["document"] for row in rows]

    # --- uniting ----------------------------------------------------------------------------

    def unite(self, run: RunId, action: str) -> list[str]:
        """Unite the documents of a run with copies of the same work; return the changed works."""
        grown = []
        for one, other, why in list(self._found(run)):
            if self.of(one) != self.of(other) and not self._parted(one, other):
                grown.append(self._unite(one, other, why, action))
        return grown

    def _found(self, run: RunId) -> Iterator[tuple[str, str, str]]:
        """Yield pairs of documents of one work, with the reason."""
        yield from self._pairs(
            run,
            "SELECT i.document AS one, o.document AS other, i.scheme || ' ' || i.value AS why"
            " FROM read r JOIN identifier i ON i.document = r.document"
            " JOIN identifier o ON o.scheme = i.scheme AND o.value = i.value"
            f" WHERE i.scheme IN {SURE} AND o.document <> i.document"
            f" AND {_kind('o.document')} IN {_PAPERS}"
            f" AND 'pdf' IN ({_kind('i.document')}, {_kind('o.document')})",
        )
        yield from self._pairs(
            run,
            "SELECT a.document AS one, b.document AS other, 'equal pages' AS why"
            " FROM read r JOIN page_fold a ON a.document = r.document"
            " JOIN page_fold b ON b.fold = a.fold AND b.document <> a.document"
            f" WHERE a.length >= {LONG_PAGE} GROUP BY a.document, b.document"
            " HAVING count(DISTINCT a.fold) * 2 >= (SELECT min(n) FROM (SELECT count(*) AS n"
            f" FROM page_fold p WHERE p.length >= {LONG_PAGE}"
            " AND p.document IN (a.document, b.document) GROUP BY p.document))",
        )
        yield from self._by_hint(run)
        yield from self._by_folder(run)

    def _by_hint(self, run: RunId) -> Iterator[tuple[str, str, str]]:
        """Yield pairs with an identifier on the first page and the same title."""
        rows = self._pairs_of(
            run,
            "SELECT i.document AS one, o.document AS other, i.scheme || ' ' || i.value AS why,"
            " a.title AS title, b.title AS second FROM identifier i"
            " JOIN identifier o ON o.value = i.value AND o.document <> i.document"
            " AND o.scheme IN (i.scheme, replace(i.scheme, '-hint', ''))"
            " JOIN document a ON a.key = i.document JOIN document b ON b.key = o.document"
            " WHERE i.scheme IN ('doi-hint', 'arxiv-hint')"
            " AND (i.document IN (SELECT document FROM read)"
            f" OR o.document IN (SELECT document FROM read)) AND {_kind('o.document')} IN {_PAPERS}",
        )
        for row in rows:
            title = fold(row["title"])
            if len(title) >= LONG_TITLE and title == fold(row["second"]):
                yield row["one"], row["other"], f"{row['why']}, equal titles"

    def _by_folder(self, run: RunId) -> Iterator[tuple[str, str, str]]:
        """Yield pairs of a Zotero attachment and the PDF in the folder that Zotero keeps for it."""
        rows = self._db.execute(
            "SELECT DISTINCT json_extract(body, '$.document.key') AS document, path FROM scanned"
            " WHERE run = :run AND route = 1 UNION SELECT place, path FROM temp.listed"
            " WHERE container GLOB 'pdf:*' AND EXISTS (SELECT 1 FROM scanned WHERE run = :run"
            "  AND route = 0)",
            {"run": run},
        ).fetchall()
        stored = {
            row["document"]: found[1] for row in rows if (found := _STORED.search(row["path"]))
        }
        if not stored:
            return
        owners = self._db.execute(
            "SELECT json_extract(body, '$.block') AS block, document FROM highlight"
            " WHERE container GLOB 'zotero:*' UNION SELECT json_extract(body, '$.block'),"
            " json_extract(body, '$.document.key') FROM scanned WHERE run = ? AND route = 0",
            (run,),
        ).fetchall()
        works = {row["block"]: row["document"] for row in owners}
        for document, folder in sorted(stored.items()):
            if folder in works:
                yield document, works[folder], f"Zotero's attachment {folder}"

    def _pairs(self, run: RunId, sql: str) -> Iterator[tuple[str, str, str]]:
        for row in self._pairs_of(run, sql):
            yield row["one"], row["other"], row["why"]

    def _pairs_of(self, run: RunId, sql: str) -> list[sqlite3.Row]:
        """Return rows of a query over the papers that a run read."""
        read = (
            "WITH read AS MATERIALIZED (SELECT DISTINCT json_extract(body, '$.document.key')"
            " AS document FROM scanned WHERE run = ? AND route <= 1)"
        )
        return self._db.execute(f"{read} {sql} ORDER BY one, other", (run,)).fetchall()

    def _unite(self, one: str, other: str, why: str, action: str) -> str:
        """Unite two works under the key of the one seen first; return that key."""
        first, second = sorted({self.of(one), self.of(other)}, key=self._age)
        body = {"key": "", "with": first, "why": why, "documents": [one, other]}
        self._writer.decide("union", second, body, by=SOURCE, action=action)
        self._db.execute(
            "UPDATE document SET work = ? WHERE key = ? OR work = ?", (first, second, second)
        )
        self._share_deck(first)
        return first

    def _age(self, document: str) -> tuple[str, bool, str]:
        """Return a sort key: the time when a document was first seen, then Zotero first."""
        row = self._db.execute("SELECT since FROM document WHERE key = ?", (document,)).fetchone()
        return (row["since"], not document.startswith("zotero:"), document)

    def _parted(self, one: str, other: str) -> bool:
        """Return whether a person undid a union of two documents."""
        rows = self._db.execute(
            "SELECT d.body FROM event u JOIN event d ON d.id = u.undoes"
            " WHERE u.undoes <> '' AND d.what = 'union'"
        ).fetchall()
        pairs = (set(json.decode(row["body"])["documents"]) for row in rows)
        return any(pair == {one, other} for pair in pairs)

    # --- effects ----------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Apply a union that came from a journal or was undone."""
        if event.what == "union":
            self.refresh()

    def refresh(self) -> None:
        """Recompute the works and their decks from the unions that are not undone."""
        heads: dict[str, str] = {}
        for second, first in self._standing():
            head = _head(heads, first)
            if _head(heads, second) != head:
                heads[_head(heads, second)] = head
        self._db.execute("UPDATE document SET work = '' WHERE work <> ''")
        for document in heads:
            self._db.execute(
                "UPDATE document SET work = ? WHERE key = ?", (_head(heads, document), document)
            )
        for head in set(heads.values()):
            self._share_deck(_head(heads, head))

    def _standing(self) -> list[tuple[str, str]]:
        rows = self._db.execute(
            "SELECT d.subject, json_extract(d.body, '$.with') AS first FROM event d"
            " WHERE d.what = 'union' AND NOT d.undone ORDER BY d.rank"
        ).fetchall()
        return [(row["subject"], row["first"]) for row in rows]

    def _share_deck(self, head: str) -> None:
        self._db.execute(
            "UPDATE document SET deck = coalesce((SELECT d.deck FROM document d WHERE d.deck <> ''"
            " AND (d.key = :head OR d.work = :head) ORDER BY d.key <> :head, d.since, d.key"
            " LIMIT 1), '') WHERE deck = '' AND (key = :head OR work = :head)",
            {"head": head},
        )


def _head(heads: dict[str, str], document: str) -> str:
    while document in heads:
        document = heads[document]
    return document
