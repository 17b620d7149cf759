"""Works: which documents are one, as a paper in Zotero and its PDF are.

A union is a decision: it is journalled, can be taken back, and is not made again then. Papers
are united by identifiers they were given (not by what merely stands on a first page), and by
the text of their pages. A note about a paper is a document of its own.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from msgspec import json

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.events import Event
from ankiforge.ledger.writing import SOURCE, Writer
from ankiforge.model import RunId
from ankiforge.text.fold import fold

LONG_PAGE = 200
"""Folded characters from which a page tells a text."""
LONG_TITLE = 12
"""Folded characters in which two titles do not agree by chance."""
SURE = ("doi", "arxiv")
"""Identifiers of one work; chapters share an ISBN, papers the address of a journal."""
NAMING = ("doi", "arxiv", "citekey", "zotero")
"""Identifiers by which a note says which paper it is about."""
ALONE = ("url", "isbn", "pmid")
"""Identifiers by which a note is found, and that make no paper of another document its own."""
QUOTED = "quoted-"
"""Before those of papers it quotes with a link: the files and attachments of these, too."""

_PAPERS = ("zotero", "pdf")
_STORED = re.compile(r"(?:^|/)([A-Z0-9]{8})/[^/]+$")


def _kind(column: str) -> str:
    return f"substr({column}, 1, instr({column}, ':') - 1)"


class Works:
    """Unites documents, and knows which are one."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    # --- looking ----------------------------------------------------------------------------

    def of(self, document: str) -> str:
        """The key by which a work is known: that of its first document."""
        row = self._db.execute("SELECT work FROM document WHERE key = ?", (document,)).fetchone()
        return str(row["work"]) if row and row["work"] else document

    def members(self, document: str) -> list[str]:
        """All documents of its work, itself included."""
        work = self.of(document)
        rows = self._db.execute(
            "SELECT key FROM document WHERE key = ? OR work = ? ORDER BY key", (work, work)
        ).fetchall()
        return [row["key"] for row in rows]

    def spoken_of(self, note: str) -> list[str]:
        """All documents of the papers that a note's front matter names, or its quotes link to."""
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
        """Notes whose front matter names one of these papers, or whose quotes link to one."""
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
        """Unite what this run read with what is the same; the works that grew."""
        grown = []
        for one, other, why in list(self._found(run)):
            if self.of(one) != self.of(other) and not self._parted(one, other):
                grown.append(self._unite(one, other, why, action))
        return grown

    def _found(self, run: RunId) -> Iterator[tuple[str, str, str]]:
        """Pairs of documents that are one work, and how one knows."""
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
        """What stands on a first page counts if the title is the same, too."""
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
        """A PDF in the folder that Zotero keeps for an attachment is that attachment."""
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
        """Rows of a search among the papers that a run read."""
        read = (
            "WITH read AS MATERIALIZED (SELECT DISTINCT json_extract(body, '$.document.key')"
            " AS document FROM scanned WHERE run = ? AND route <= 1)"
        )
        return self._db.execute(f"{read} {sql} ORDER BY one, other", (run,)).fetchall()

    def _unite(self, one: str, other: str, why: str, action: str) -> str:
        """The work that was first seen takes in the other; its key."""
        first, second = sorted({self.of(one), self.of(other)}, key=self._age)
        body = {"key": "", "with": first, "why": why, "documents": [one, other]}
        self._writer.decide("union", second, body, by=SOURCE, action=action)
        self._db.execute(
            "UPDATE document SET work = ? WHERE key = ? OR work = ?", (first, second, second)
        )
        self._share_deck(first)
        return first

    def _age(self, document: str) -> tuple[str, bool, str]:
        """Sorts by when it was first seen; at the same time, Zotero's is the first."""
        row = self._db.execute("SELECT since FROM document WHERE key = ?", (document,)).fetchone()
        return (row["since"], not document.startswith("zotero:"), document)

    def _parted(self, one: str, other: str) -> bool:
        """Whether a person took a union of two documents back."""
        rows = self._db.execute(
            "SELECT d.body FROM decision u JOIN decision d ON d.id = u.undoes"
            " WHERE u.undoes <> '' AND d.what = 'union'"
        ).fetchall()
        pairs = (set(json.decode(row["body"])["documents"]) for row in rows)
        return any(pair == {one, other} for pair in pairs)

    # --- effects ----------------------------------------------------------------------------

    def hear(self, decided: Event) -> None:
        """A union came by the journal, or one was taken back."""
        if decided.what == "union":
            self.refresh()

    def refresh(self) -> None:
        """Derive from the unions that stand which documents are one; one deck for each."""
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
            "SELECT d.subject, json_extract(d.body, '$.with') AS first FROM decision d"
            " WHERE d.what = 'union' AND NOT EXISTS"
            " (SELECT 1 FROM decision u WHERE u.undoes = d.id) ORDER BY d.at, d.id"
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
