"""What stands in the search index: the words, names and titles of what the ledger holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from ankiforge.ledger.looks.spelling import VOCABULARY
from ankiforge.model import Document
from ankiforge.text.cloze import words_of
from ankiforge.text.fold import loose, searched
from ankiforge.text.identifiers import Name, names_of

_TABLES = ("state", "entry", "words", "name", "title")
_SCHEMA = f"""
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, what TEXT NOT NULL, ref TEXT NOT NULL, document TEXT NOT NULL,
    UNIQUE (what, ref)
) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (
    title, people, passage, remark, card, prefix = '2 3',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
);
CREATE TABLE name (
    scheme TEXT NOT NULL, value TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (scheme, value, document)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_document ON entry (document);
CREATE INDEX name_document ON name (document);
CREATE VIRTUAL TABLE title USING fts5 (words, document UNINDEXED);
{VOCABULARY}
"""
_SIGN = "Reverse"
"""The field of a two-way card that says only that it is one."""

ROWS = {
    "document": "SELECT key AS ref, key AS document, body, (SELECT json_group_array(json_array("
    "scheme, value)) FROM identifier i WHERE i.document = d.key"
    " AND scheme IN ('file', 'attachment')) AS files FROM document d",
    "highlight": "SELECT key AS ref, document, body FROM highlight",
    "card": "SELECT c.guid AS ref, h.document, c.fields AS body FROM card c"
    " JOIN highlight h ON h.key = c.key",
}
REF = {"document": "key", "highlight": "key", "card": "c.guid"}


class _Passage(msgspec.Struct):
    """What is searched of a highlight."""

    exact: str = ""
    comment: str = ""
    tags: tuple[str, ...] = ()
    heading: str = ""
    author: str = ""


def make(index: sqlite3.Connection) -> None:
    """Make the tables anew, within a transaction."""
    for table in ("vocabulary", *_TABLES):
        index.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in filter(str.strip, _SCHEMA.split(";\n")):
        index.execute(statement)


def empty(index: sqlite3.Connection) -> None:
    """Take everything out."""
    for table in _TABLES:
        index.execute(f"DELETE FROM {table}")


def forget(index: sqlite3.Connection, what: str, refs: list[str]) -> None:
    """Take some documents, highlights or cards out."""
    marks = ", ".join("?" * len(refs))
    ids = index.execute(
        f"SELECT id FROM entry WHERE what = ? AND ref IN ({marks})", (what, *refs)
    ).fetchall()
    index.executemany("DELETE FROM words WHERE rowid = ?", ids)
    index.executemany("DELETE FROM entry WHERE id = ?", ids)
    if what == "document":
        index.execute(f"DELETE FROM name WHERE document IN ({marks})", refs)
        index.execute(f"DELETE FROM title WHERE document IN ({marks})", refs)


def add(index: sqlite3.Connection, what: str, rows: Iterable[sqlite3.Row]) -> None:
    """Take rows of the ledger in."""
    for row in rows:
        added = index.execute(
            "INSERT INTO entry (what, ref, document) VALUES (?, ?, ?)",
            (what, row["ref"], row["document"]),
        )
        words = tuple(map(searched, _words_of(index, what, row)))
        index.execute(
            "INSERT INTO words (rowid, title, people, passage, remark, card)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (added.lastrowid, *words),
        )


def _words_of(index: sqlite3.Connection, what: str, row: sqlite3.Row) -> Iterator[str]:
    """The five columns of what is searched."""
    if what == "document":
        document = msgspec.json.decode(row["body"], type=Document)
        files = msgspec.json.decode(row["files"], type=tuple[tuple[str, str], ...])
        _name(index, row["ref"], document, files)
        names = (name for scheme, name in files if scheme == "file")
        more = (document.path, *document.tags, *document.collections, *names)
        yield from (document.title, " ".join(document.creators), "", "\n".join(more), "")
    elif what == "highlight":
        one = msgspec.json.decode(row["body"], type=_Passage)
        remarks = (one.comment, one.heading, *one.tags)
        yield from ("", one.author, one.exact, "\n".join(remarks), "")
    else:
        fields = msgspec.json.decode(row["body"], type=list[tuple[str, str]])
        yield from (
            "",
            "",
            "",
            "",
            words_of("\n".join(words for name, words in fields if name != _SIGN)),
        )


def _name(index: sqlite3.Connection, key: str, document: Document, files: tuple[Name, ...]) -> None:
    told = (*document.identifiers, *files, *((("path", document.path),) if document.path else ()))
    index.executemany(
        "INSERT OR IGNORE INTO name VALUES (?, ?, ?)",
        ((*name, key) for name in names_of(told, document.uri)),
    )
    if title := loose(document.title):
        index.execute("INSERT INTO title (words, document) VALUES (?, ?)", (title, key))
