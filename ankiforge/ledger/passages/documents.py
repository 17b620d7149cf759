"""Documents: keys issued once, remembered through renames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.passages.highlights import place_of, slug_of
from ankiforge.model import Document, DocumentKey, Extracted, Route, RunId


class Documents:
    """Gives a document the key it was issued, and remembers it."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def take_in(self, extracted: Extracted) -> Extracted:
        """Remember a document; returned with the key it has had since it was first seen."""
        document = self._issued(extracted.document)
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
        marks = tuple(replace(found, document=document) for found in extracted.highlights)
        return replace(extracted, document=document, highlights=marks)

    def _issued(self, document: Document) -> Document:
        """A note that was renamed keeps the key of its first path."""
        row = self._db.execute(
            "SELECT key FROM document WHERE source = ? AND place = ?",
            (document.source, place_of(document)),
        ).fetchone()
        return replace(document, key=DocumentKey(row["key"])) if row else self._unused(document)

    def _unused(self, document: Document) -> Document:
        """The first path of a renamed note may be that of another note now."""
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

    def follow_renames(self, run: RunId) -> None:
        """A new note that took over most highlights of one that is gone is that note."""
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
            " GROUP BY s.container, s.place, h.place, h.document"
            " HAVING moved * 2 >= all_here ORDER BY moved DESC",
            (run,),
        ).fetchall()
        followed: set[str] = set()
        for row in rows:
            if not followed & {f"new {row['new']}", f"old {row['document']}"}:
                followed |= {f"new {row['new']}", f"old {row['document']}"}
                self._rename(run, row["document"], row["container"], row["new"])

    def _rename(self, run: RunId, key: str, container: str, place: str) -> None:
        """Give the note at `place` the key it was issued under its old path."""
        new = self._db.execute(
            "SELECT json_extract(body, '$.document.key') FROM scanned INDEXED BY scanned_place"
            " WHERE run = ? AND container = ? AND place = ? LIMIT 1",
            (run, container, place),
        ).fetchone()[0]
        if new == key or self._in_use(new):
            return
        row = self._db.execute("SELECT title, body FROM document WHERE key = ?", (new,)).fetchone()
        body = replace(msgspec.json.decode(row["body"], type=Document), key=DocumentKey(key))
        self._db.execute(  # what it says of itself now it says under its old key
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
    """The files of a paper in Zotero, as links to them name them."""
    for found in extracted.highlights:
        if found.route is Route.ZOTERO and found.block:
            yield "attachment", f"{found.namespace.partition(':')[2]}/{found.block}"
