"""The full-text index of the ledger, in the ledger's own database.

It contains the words of documents, highlights and cards (FTS5), the normalised names of works (DOI, file
name …), and titles for fuzzy comparison. The indexed text is computed in Python, so triggers only list
the changed rows in `search_pending`, and each search first indexes these. Tables and triggers are created
by the first search, so a workspace that is never searched has no cost, and again whenever `_VERSION`
changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from ankiforge.ledger.db import Connection, to_json
from ankiforge.model import Document
from ankiforge.text.cloze import words_of
from ankiforge.text.fold import chunks, loose, searched
from ankiforge.text.identifiers import Name, names_of

_VERSION = 3
"""Increase this when the tables or the indexed text change."""
_STATE = "search"
"""The name in `meta` of the version for which the index was created."""
_BATCH = 5_000
"""The number of rows indexed per transaction, so that other programs can write in between."""

_TABLES = {
    "search_pending": "TABLE search_pending (what TEXT NOT NULL, id TEXT NOT NULL,"
    " PRIMARY KEY (what, id)) STRICT, WITHOUT ROWID",
    "search_entry": "TABLE search_entry (id INTEGER PRIMARY KEY, what TEXT NOT NULL,"
    " ref TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (what, ref)) STRICT",
    "search_words": "VIRTUAL TABLE search_words USING fts5 (title, people, passage, remark, card,"
    " prefix = '2 3', tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")",
    "search_vocabulary": "VIRTUAL TABLE search_vocabulary USING fts5vocab (search_words, row)",
    "search_title": "VIRTUAL TABLE search_title USING fts5 (words, document UNINDEXED)",
    "search_name": "TABLE search_name (scheme TEXT NOT NULL, value TEXT NOT NULL,"
    " document TEXT NOT NULL, PRIMARY KEY (scheme, value, document)) STRICT, WITHOUT ROWID",
}
"""The rowids of `search_words` and `search_title` are ids of `search_entry`."""
_INDEXES = (
    "CREATE INDEX search_entry_document ON search_entry (document)",
    "CREATE INDEX search_name_document ON search_name (document)",
)
_TRIGGERS = {
    "search_new_document": ("INSERT ON document", "'document' AS what, new.key AS id"),
    "search_changed_document": (
        "UPDATE OF title, body ON document WHEN old.title <> new.title OR old.body <> new.body",
        "'document' AS what, new.key AS id",
    ),
    "search_deleted_document": ("DELETE ON document", "'document' AS what, old.key AS id"),
    "search_new_identifier": ("INSERT ON identifier", "'document' AS what, new.document AS id"),
    "search_deleted_identifier": ("DELETE ON identifier", "'document' AS what, old.document AS id"),
    "search_new_highlight": ("INSERT ON highlight", "'highlight' AS what, new.key AS id"),
    "search_changed_highlight": (
        "UPDATE OF body, document ON highlight"
        " WHEN old.body <> new.body OR old.document <> new.document",
        "'highlight' AS what, new.key AS id",
    ),
    "search_moved_highlight": (
        "UPDATE OF document ON highlight WHEN old.document <> new.document",
        "'card' AS what, guid AS id FROM card WHERE key = new.key",
    ),
    "search_deleted_highlight": ("DELETE ON highlight", "'highlight' AS what, old.key AS id"),
    "search_new_card": ("INSERT ON card", "'card' AS what, new.guid AS id"),
    "search_changed_card": (
        "UPDATE OF fields ON card WHEN old.fields <> new.fields",
        "'card' AS what, new.guid AS id",
    ),
    "search_deleted_card": ("DELETE ON card", "'card' AS what, old.guid AS id"),
}
"""When to index a row again: the event of the trigger, and (what, id) to list as pending."""
_SOURCES = {
    "document": "SELECT key AS ref, key AS document, body, (SELECT json_group_array(json_array("
    "scheme, value)) FROM identifier i WHERE i.document = d.key"
    " AND scheme IN ('file', 'attachment')) AS files FROM document d WHERE key IN {}",
    "highlight": "SELECT key AS ref, document, body FROM highlight WHERE key IN {}",
    "card": "SELECT c.guid AS ref, h.document, c.fields AS body FROM card c"
    " JOIN highlight h ON h.key = c.key WHERE c.guid IN {}",
}
_NAMED = "(SELECT value FROM json_each(?))"

_MOST_HITS = 300
_MOST_WORDS = 32
_MOST_TITLES = 50
"""The number of titles for partial comparison, which is slow."""
_MOST_RANKED = 1_500
"""The number of hits from which ranking would take too long."""
_FREQUENT = 2_000
"""A word in this many entries is searched only in the works that contain the other words."""
_FEW = 20
_WEIGHTS = "10.0, 6.0, 3.0, 2.0, 2.0"

_LEAST_MISSPELT = 4
"""The minimum length of a misspelt word; from a length of `_TWO_ERRORS`, two errors are allowed."""
_TWO_ERRORS = 6
_MOST_READINGS = 5
_LAST_LETTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Hit:
    """A document, highlight or card that contains the words of a query."""

    what: str
    """`document`, `highlight` or `card`."""
    ref: str
    """The key, or the guid of a card."""
    document: str
    score: float
    """Higher is better."""


class _Passage(msgspec.Struct):
    """The part of a highlight that is searched."""

    exact: str = ""
    comment: str = ""
    tags: tuple[str, ...] = ()
    heading: str = ""
    author: str = ""


class SearchIndex:
    """Finds documents, highlights and cards by words, names and titles; call `update` first."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # --- indexing ---------------------------------------------------------------------------

    def update(self) -> None:
        """Index the rows written since the last search; create the index if needed.

        Raises:
            LedgerError: the index must be updated, but the ledger cannot be written.
        """
        if not self._is_current():
            self._create()
        while self._db.execute("SELECT 1 FROM search_pending LIMIT 1").fetchone():
            self._index_batch()

    def _is_current(self) -> bool:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (_STATE,)).fetchone()
        return row is not None and row[0] == str(_VERSION)

    def _create(self) -> None:
        with self._db.unit():
            if self._is_current():  # created by another program in the meantime
                return
            for name in _TRIGGERS:
                self._db.execute(f"DROP TRIGGER IF EXISTS {name}")
            for name in reversed(_TABLES):
                self._db.execute(f"DROP TABLE IF EXISTS {name}")
            for definition in _TABLES.values():
                self._db.execute(f"CREATE {definition}")
            for statement in _INDEXES:
                self._db.execute(statement)
            for name, (event, listed) in _TRIGGERS.items():
                # not INSERT OR IGNORE, because the conflict clause of the statement that fires a
                # trigger overrides that of the trigger
                self._db.execute(
                    f"CREATE TRIGGER {name} AFTER {event} BEGIN"
                    f" INSERT INTO search_pending SELECT what, id FROM (SELECT {listed}) new_row"
                    " WHERE NOT EXISTS (SELECT 1 FROM search_pending p"
                    " WHERE (p.what, p.id) = (new_row.what, new_row.id)); END"
                )
            for what, table, key in (
                ("document", "document", "key"),
                ("highlight", "highlight", "key"),
                ("card", "card", "guid"),
            ):
                self._db.execute(f"INSERT INTO search_pending SELECT '{what}', {key} FROM {table}")
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_STATE, str(_VERSION)))

    def _index_batch(self) -> None:
        with self._db.unit():
            rows = self._db.execute(
                "SELECT what, id FROM search_pending LIMIT ?", (_BATCH,)
            ).fetchall()
            for what, source in _SOURCES.items():
                if ids := [row["id"] for row in rows if row["what"] == what]:
                    self._remove(what, to_json(ids))
                    found = self._db.execute(source.format(_NAMED), (to_json(ids),)).fetchall()
                    for row in found:
                        self._add(what, row)
            self._db.executemany(
                "DELETE FROM search_pending WHERE what = ? AND id = ?", map(tuple, rows)
            )

    def _remove(self, what: str, ids: str) -> None:
        rowids = self._db.execute(
            f"SELECT id FROM search_entry WHERE what = ? AND ref IN {_NAMED}", (what, ids)
        ).fetchall()
        tables = ["search_words", "search_entry"]
        if what == "document":
            tables.append("search_title")
            self._db.execute(f"DELETE FROM search_name WHERE document IN {_NAMED}", (ids,))
        for table in tables:
            self._db.executemany(f"DELETE FROM {table} WHERE rowid = ?", map(tuple, rowids))

    def _add(self, what: str, row: sqlite3.Row) -> None:
        entry = self._db.execute(
            "INSERT INTO search_entry (what, ref, document) VALUES (?, ?, ?)",
            (what, row["ref"], row["document"]),
        ).lastrowid
        title = people = passage = remark = card = ""
        if what == "document":
            document = msgspec.json.decode(row["body"], type=Document)
            files = msgspec.json.decode(row["files"], type=tuple[Name, ...])
            names = (name for scheme, name in files if scheme == "file")
            title, people = document.title, " ".join(document.creators)
            remark = "\n".join((document.path, *document.tags, *document.collections, *names))
            paths = (("path", document.path),) if document.path else ()
            self._db.executemany(
                "INSERT OR IGNORE INTO search_name VALUES (?, ?, ?)",
                [
                    (*name, row["ref"])
                    for name in names_of((*document.identifiers, *files, *paths), document.uri)
                ],
            )
            if words := loose(document.title):
                self._db.execute(
                    "INSERT INTO search_title (rowid, words, document) VALUES (?, ?, ?)",
                    (entry, words, row["ref"]),
                )
        elif what == "highlight":
            one = msgspec.json.decode(row["body"], type=_Passage)
            people, passage = one.author, one.exact
            remark = "\n".join((one.comment, one.heading, *one.tags))
        else:
            fields = msgspec.json.decode(row["body"], type=list[tuple[str, str]])
            # `Reverse` has no text; it only marks a card with two directions
            card = words_of("\n".join(text for name, text in fields if name != "Reverse"))
        self._db.execute(
            "INSERT INTO search_words (rowid, title, people, passage, remark, card)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (entry, *map(searched, (title, people, passage, remark, card))),
        )

    # --- names and titles -------------------------------------------------------------------

    def named(self, names: Iterable[Name]) -> Iterator[tuple[str, Name]]:
        """Yield (document, name) for the documents that have one of these names."""
        for scheme, value in names:
            rows = self._db.execute(
                "SELECT document FROM search_name WHERE scheme = ? AND value = ? ORDER BY document",
                (scheme, value),
            ).fetchall()
            yield from ((row[0], (scheme, value)) for row in rows)

    def titles(self) -> list[tuple[str, str]]:
        """Return (document, title normalised by `loose`) for all documents with a title."""
        rows = self._db.execute("SELECT document, words FROM search_title").fetchall()
        return [(row[0], row[1]) for row in rows]

    def titles_like(self, words: str) -> list[tuple[str, str]]:
        """Return the same for the documents whose titles share most words with these (loose) ones."""
        match = " OR ".join(_phrase(word) for word in words.split()[:_MOST_WORDS])
        if not match:
            return []
        rows = self._db.execute(
            "SELECT document, words FROM search_title WHERE search_title MATCH ?"
            " ORDER BY rank LIMIT ?",
            (match, _MOST_TITLES),
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    # --- words ------------------------------------------------------------------------------

    def with_words(self, query: str) -> list[Hit]:
        """Return the entries that contain all words of a query, else the works that do as a whole.

        The best hits come first. The last word may be the beginning of a word.
        """
        phrases = [_phrase(words, prefix=prefix) for words, prefix in chunks(query)]
        return self._in_one_entry(phrases) or self._in_one_work(phrases) if phrases else []

    def misspelt(self, query: str) -> tuple[list[Hit], str]:
        """Search again with unknown words replaced by similar known ones.

        Returns:
            The hits, and the corrected query; ([], "") if a word is not similar to any known one.
        """
        match, reading, replaced = [], [], False
        for words, prefix in chunks(query):
            phrase = _phrase(words, prefix=prefix)
            if self._rowids(phrase, 1):
                match.append(phrase)
                reading.append(words)
                continue
            others = self._similar_words(words)
            if not others:
                return [], ""
            replaced = True
            match.append(f"({' OR '.join(map(_phrase, others))})")
            reading.append(others[0])
        if not replaced:
            return [], ""
        return self._in_one_entry(match) or self._in_one_work(match), " ".join(reading)

    def _in_one_entry(self, phrases: list[str]) -> list[Hit]:
        """Return the entries that contain all phrases; unranked if there are too many."""
        match = " AND ".join(phrases)
        ranked = len(self._rowids(match, _MOST_RANKED)) < _MOST_RANKED
        score = f"-bm25(search_words, {_WEIGHTS})" if ranked else "0.0"
        rows = self._db.execute(
            f"SELECT e.what, e.ref, e.document, f.score FROM (SELECT rowid AS id, {score} AS score"
            " FROM search_words WHERE search_words MATCH ?"
            f" {'ORDER BY score DESC' if ranked else ''} LIMIT ?) f"
            " JOIN search_entry e ON e.id = f.id",
            (match, _MOST_HITS),
        ).fetchall()
        return sorted((Hit(*row) for row in rows), key=lambda hit: (-hit.score, hit.ref))

    def _in_one_work(self, phrases: list[str]) -> list[Hit]:
        """Find documents by the rarer words, then search the frequent words only in these."""
        found: set[str] | None = None
        frequent = []
        for phrase in phrases:
            if len(self._rowids(phrase, _FREQUENT)) == _FREQUENT:
                frequent.append(phrase)
                continue
            rows = self._db.execute(
                "SELECT DISTINCT e.document FROM search_words w"
                " JOIN search_entry e ON e.id = w.rowid WHERE search_words MATCH ?",
                (phrase,),
            ).fetchall()
            matching = {row[0] for row in rows}
            found = matching if found is None else found & matching
            if not found:
                return []
        documents = sorted(found or ())[:_FEW]
        for phrase in frequent:
            documents = [one for one in documents if self._holds(one, phrase)]
        return [Hit("document", one, one, 0.0) for one in documents]

    def _holds(self, document: str, phrase: str) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM search_entry e JOIN search_words w ON w.rowid = e.id"
            " WHERE e.document = ? AND search_words MATCH ? LIMIT 1",
            (document, phrase),
        ).fetchone()
        return row is not None

    def _rowids(self, match: str, most: int) -> list[sqlite3.Row]:
        sql = "SELECT rowid FROM search_words WHERE search_words MATCH ? LIMIT ?"
        return self._db.execute(sql, (match, most)).fetchall()

    def _similar_words(self, word: str) -> tuple[str, ...]:
        """Return the most similar indexed words with the same first letter; () for a phrase."""
        if len(word) < _LEAST_MISSPELT or not word.isalpha():
            return ()
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        errors = 1 if len(word) < _TWO_ERRORS else 2
        rows = self._db.execute(
            "SELECT term FROM search_vocabulary WHERE term >= ? AND term < ?",
            (word[0], word[0] + _LAST_LETTER),
        ).fetchall()
        terms = [row[0] for row in rows if abs(len(row[0]) - len(word)) <= errors]
        found = extract(
            word, terms, scorer=OSA.distance, processor=None, score_cutoff=errors,
            limit=_MOST_READINGS,
        )  # fmt: skip
        return tuple(term for term, *_ in found)


def _phrase(words: str, *, prefix: bool = False) -> str:
    """Quote words for FTS5, so that they contain no operators."""
    quoted = words.replace('"', '""')
    return f'"{quoted}"' + (" *" if prefix else "")
