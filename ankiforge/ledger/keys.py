"""Issue keys after all sources of a run were read (docs/keys.md)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from rapidfuzz import fuzz

from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.highlights import decode_highlight, present, present_location
from ankiforge.ledger.journal import Writer
from ankiforge.model import Document, Highlight, HighlightKey, Route, RunId, h16
from ankiforge.text.anchors import anchor_key, own_key
from ankiforge.text.fold import canonical


def content_of(highlight: Highlight) -> str:
    """Return a hash of the content that drafts depend on; if it changes, a new draft is needed."""
    gaps = ",".join(f"{start}-{end}" for start, end in highlight.gaps)
    comment = highlight.comment if highlight.instructs else ""
    return h16(highlight.exact, gaps, comment, *highlight.markdown)


def bare(highlight: Highlight) -> Highlight:
    """Return a highlight with only the fields that the matching rules compare."""
    document = Document(highlight.document.key, highlight.document.source, "")
    return Highlight(
        document,
        highlight.namespace,
        highlight.kind,
        highlight.exact,
        own=highlight.own,
        hints=highlight.hints,
        nth=highlight.nth,
        anchor_text=highlight.anchor_text,
        anchor_around=highlight.anchor_around,
        form=highlight.form,
        prefix=highlight.prefix,
        suffix=highlight.suffix,
        markdown=highlight.markdown,
        heading=highlight.heading,
        block=highlight.block,
    )


def with_own_name(highlight: Highlight) -> Highlight:
    """Add to a Zotero annotation the hint by which a PDF refers to it."""
    if highlight.route is not Route.ZOTERO or not highlight.own:
        return highlight
    return replace(highlight, hints=(f"zotero:{highlight.own}", *highlight.hints))


def issued_body(
    highlight: Highlight, path: str, container: str, document: Mapping[str, Any] | sqlite3.Row
) -> dict[str, Any]:
    """Return the body of the journal line that maps a key to the content of its highlight.

    `document` has the slug and the title of its document.
    """
    return {
        "path": path,
        "exact": highlight.exact,
        "prefix": highlight.prefix,
        "suffix": highlight.suffix,
        "container": container,
        "document": highlight.document.key,
        "slug": document["slug"],
        "title": document["title"],
        "content": content_of(highlight),
        "highlight": msgspec.to_builtins(bare(highlight)),
    }


_ROUTES = tuple(Route)
LIKE = 75
"""The percentage of the shorter text that the longer one must contain to count as a quote."""


def _library(highlight: Highlight) -> str:
    """Return the Zotero library of an annotation, `user` or `group.<id>`; "" = unknown."""
    if highlight.route is Route.ZOTERO:
        return highlight.namespace.partition(":")[2]
    named = (hint for hint in highlight.hints[1:] if hint.startswith("zotero:") and "/" in hint)
    return next(named, "").partition(":")[2].partition("/")[0]


def _quotes(one: Highlight, other: Highlight) -> bool:
    """Return whether two highlights may have the same text, or one shortens the other as a quote.

    A link in a note is not sufficient, because it may refer to another annotation.
    """
    texts = (canonical(one.exact), canonical(other.exact))
    if Route.VAULT not in (one.route, other.route) or not all(texts):
        return True
    return fuzz.partial_ratio(*texts) >= LIKE


class KeyIssuer:
    """Issues keys, which never change."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer
        self._in_locations: tuple[str, frozenset[HighlightKey]] = ("", frozenset())
        self._libraries: tuple[str, frozenset[str]] = ("", frozenset())

    def by_own_id(self, run: RunId) -> None:
        """Match Zotero annotations by their own key, even if they belong to another item now."""
        self._db.execute(
            "UPDATE scanned SET key = own WHERE run = ? AND key = '' AND own GLOB 'zotero:*'"
            " AND EXISTS (SELECT 1 FROM highlight h WHERE h.key = scanned.own"
            f" AND NOT {present('h')})"
            " AND NOT EXISTS (SELECT 1 FROM scanned o WHERE o.run = scanned.run"
            " AND o.id <> scanned.id AND (o.own = scanned.own OR o.key = scanned.own))",
            (run,),
        )

    def by_hint(self, highlight: Highlight, row: sqlite3.Row) -> HighlightKey | str:
        """Return the key of the same Zotero annotation elsewhere, from the best source; "" if unknown.

        It must be the only highlight from that source, except for quotes in notes, where any one is used.
        Annotations of different Zotero libraries are never the same. `row` is the staged row.
        """
        for hint in highlight.hints:
            if hint.startswith("zotero:"):
                known = self._annotated(highlight, hint, row)
                best = min((one.route for one in known.values()), key=_ROUTES.index, default=None)
                keys = sorted(key for key, one in known.items() if one.route is best)
                if len(keys) == 1 or (keys and best is Route.VAULT):
                    return HighlightKey(keys[0])
        return ""

    def _annotated(self, highlight: Highlight, hint: str, row: sqlite3.Row) -> dict[str, Highlight]:
        """Return the highlights elsewhere that refer to this annotation, by key.

        If there is none, the one whose key is made from it: the annotation was made again in Zotero.
        """
        quoted = highlight.route is Route.VAULT
        rows = self._db.execute(
            "SELECT key, body FROM highlight WHERE json_extract(body, '$.hints[0]') = ?"
            " AND (container <> ? OR (? AND place <> ?))"
            " AND (key = ? OR ? OR key NOT GLOB 'zotero:*')",
            (
                hint, row["container"], int(quoted), row["place"],
                own_key(highlight), int(highlight.route is not Route.ZOTERO),
            ),
        ).fetchall()  # fmt: skip
        if not rows and highlight.route is not Route.ZOTERO:
            name = hint.removeprefix("zotero:")
            keys = [f"{library}/{name}" for library in self._libraries_of(row["run"])]
            rows = self._db.execute(
                "SELECT key, body FROM highlight WHERE key IN (SELECT value FROM json_each(?))",
                (to_json(keys),),
            ).fetchall()
        known = {one["key"]: decode_highlight(one["body"]) for one in rows}
        library = _library(highlight)
        return {
            key: one
            for key, one in known.items()
            if (_library(one) in ("", library) or not library) and _quotes(highlight, one)
        }

    def _libraries_of(self, run: RunId) -> frozenset[str]:
        """Return the namespaces of the Zotero libraries that had annotations before this run."""
        if self._libraries[0] != run:
            rows = self._db.execute(
                "SELECT DISTINCT substr(key, 1, instr(key, '/') - 1) FROM highlight"
                " WHERE key GLOB 'zotero:*'"
            ).fetchall()
            self._libraries = (run, frozenset(row[0] for row in rows))
        return self._libraries[1]

    def issue(self, run: RunId, highlight: Highlight, row: sqlite3.Row) -> HighlightKey | None:
        """Return the key of a new highlight; None if it is the same mark in another copy of the PDF.

        `row` is the staged row.
        """
        claimed, path = self.claimed(highlight, run), row["path"]
        if self._is_copy(run, claimed, path):
            return None
        key, n = claimed, 1
        while self._taken(key, run):
            parts = (path,) if n == 1 else (path, str(n))
            key, n = HighlightKey(f"{claimed}.{h16(*parts)}"), n + 1
        self.journal_issued(replace(highlight, key=key), row)
        return key

    def claimed(self, highlight: Highlight, run: RunId | None = None) -> HighlightKey:
        """Return the preferred key: made from the own id if that is unique, else from the anchor."""
        own = own_key(highlight)
        if own and (run is None or self._unique(run, highlight, own)):
            return own
        return anchor_key(highlight, highlight.nth)

    def _unique(self, run: RunId, highlight: Highlight, own: HighlightKey) -> bool:
        """Return whether no other highlight of this run or in an unchanged document has this own id."""
        row = self._db.execute(
            "SELECT count(*) FROM scanned WHERE run = ? AND own = ?", (run, own)
        ).fetchone()
        if row[0] > 1:
            return False
        rows = self._db.execute(
            "SELECT h.body FROM highlight h WHERE json_extract(h.body, '$.own') <> ''"
            f" AND json_extract(h.body, '$.own') = ? AND {present('h')}"
            " AND NOT EXISTS (SELECT 1 FROM location w WHERE w.key = h.key)"
            " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = ? AND s.container = h.container"
            "  AND s.place = h.place)",
            (highlight.own, run),
        ).fetchall()
        owned = (own_key(decode_highlight(row["body"])) for row in rows)
        return own not in owned and own not in self._own_keys_of_locations(run)

    def _own_keys_of_locations(self, run: RunId) -> frozenset[HighlightKey]:
        """Return the own ids, in unchanged documents, of highlights with several locations.

        Only the location that has the id counts, because a note may quote an annotation that is gone.
        """
        if self._in_locations[0] != run:
            rows = self._db.execute(
                "SELECT w.body FROM location w WHERE json_extract(w.body, '$.own') <> ''"
                f" AND {present_location('w')} AND NOT EXISTS (SELECT 1 FROM scanned s"
                "  WHERE s.run = ? AND s.container = w.container AND s.place = w.place)",
                (run,),
            ).fetchall()
            found = frozenset(own_key(decode_highlight(row["body"])) for row in rows)
            self._in_locations = (run, found)
        return self._in_locations[1]

    def _is_copy(self, run: RunId, key: HighlightKey, path: str) -> bool:
        """Return whether the mark is known from a copy of the PDF at another path.

        Equal marks on two pages of the same file are not copies.
        """
        if not key.startswith("pdf:"):
            return False
        row = self._db.execute(
            "SELECT json_extract(body, '$.document.path') AS path, run, EXISTS (SELECT 1"
            " FROM scanned s WHERE s.run = ? AND s.key = h.key AND s.path = ?) AS beside"
            " FROM highlight h WHERE key = ?",
            (run, path, key),
        ).fetchone()
        return row is not None and not row["beside"] and (row["run"] != run or row["path"] != path)

    def _taken(self, key: HighlightKey, run: RunId) -> bool:
        """Return whether a highlight has the key and is not gone; a gone one leaves it to an equal one.

        One that only the journal knows has it if it was matched in this run.
        """
        row = self._db.execute(
            "SELECT 1 FROM highlight WHERE key = ?1 AND run <> '' AND presence <> 'gone'"
            " UNION ALL SELECT 1 FROM scanned WHERE run = ?2 AND key = ?1",
            (key, run),
        )
        return row.fetchone() is not None

    def journal_issued(self, highlight: Highlight, row: Mapping[str, Any] | sqlite3.Row) -> None:
        """Write the journal line that maps a key to its content, after each change of the content."""
        document = self._db.execute(
            "SELECT slug, json_extract(body, '$.title') AS title FROM document WHERE key = ?",
            (highlight.document.key,),
        ).fetchone()
        body = issued_body(highlight, row["path"], row["container"], document)
        self._writer.note(
            "issued", highlight.key, body, once=(highlight.key, body["content"], self._writer.now())
        )
