"""The search index: a file beside the ledger that may be deleted at any time.

It holds the words of documents, highlights and cards (FTS5), the names of works, each in one
spelling, and titles for a search that forgives mistakes. The ledger numbers what is changed
(`touched`); each search first reads what was changed since the index read last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ankiforge.config import private
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.looks.indexing import REF, ROWS, add, empty, forget, make
from ankiforge.ledger.looks.spelling import respelt
from ankiforge.text.looseness import chunks
from ankiforge.text.worknames import Name

SEARCH = "search.db"
"""The file's name, beside the ledger."""
_VERSION = 2
"""Of what is indexed, and how: an index of another one is made anew."""
_PATIENCE = 5.0
_AT_ONCE = 500
_MOST_HITS = 300
_MOST_WORDS = 32
_ALIKE = 50
"""Titles that are compared in part, which takes long."""
_COMMON = 1_500
"""So many hits are not ranked."""
_FREQUENT = 2_000
"""A word in so many entries is looked for only where the others are."""
_FEW = 20

Found = TypeVar("Found")
_WEIGHTS = "10.0, 6.0, 3.0, 2.0, 2.0"


@dataclass(frozen=True, slots=True)
class Hit:
    """A document, highlight or card that holds the words."""

    what: str
    ref: str
    """The key, or a card's guid."""
    document: str
    score: float
    """The higher, the better."""


class Searching:
    """Finds by words, names and titles."""

    def __init__(self, connection: Connection, path: Path | None) -> None:
        """Search a ledger with the index at `path`; without a path it is made in memory."""
        self._db = connection
        self._path = path
        self._open: sqlite3.Connection | None = None

    # --- looking ----------------------------------------------------------------------------

    def named(self, names: Iterable[Name]) -> list[tuple[str, Name]]:
        """(document, the name it has) of those that have one of these names."""
        return self._ask(lambda index: list(_named(index, names)))

    def titles(self) -> list[tuple[str, str]]:
        """(document, its title in loose spelling) of all that have one."""
        return self._ask(lambda i: i.execute("SELECT document, words FROM title").fetchall())

    def titles_like(self, words: str) -> list[tuple[str, str]]:
        """The same of those that share most with these words, all in loose spelling."""
        asked = " OR ".join(_phrase(word, goes_on=False) for word in words.split()[:_MOST_WORDS])
        sql = "SELECT document, words FROM title WHERE title MATCH ? ORDER BY rank LIMIT ?"
        return self._ask(lambda i: i.execute(sql, (asked, _ALIKE)).fetchall()) if asked else []

    def with_words(self, query: str) -> list[Hit]:
        """What holds all these words, the best first; the last word may go on."""
        asked = [_phrase(words, goes_on=on) for words, on in chunks(query)]
        return self._ask(lambda index: _matching(index, asked)) if asked else []

    def across(self, query: str) -> list[Hit]:
        """Documents that hold all these words, each in any of their passages or cards."""
        asked = [_phrase(words, goes_on=on) for words, on in chunks(query)]
        return self._ask(lambda index: _across(index, asked)) if asked else []

    def misspelt(self, query: str) -> tuple[list[Hit], str]:
        """The same for words that stand nowhere, read as others that do; and what they are read as."""
        asked = [(words, _phrase(words, goes_on=on)) for words, on in chunks(query)]
        return self._ask(lambda index: _misspelt(index, asked))

    def _ask(self, question: Callable[[sqlite3.Connection], Found]) -> Found:
        """What the index answers; one that turns out to be damaged is made anew."""
        try:
            return question(self._fresh())
        except sqlite3.DatabaseError:
            self.close()
            self._delete()
            return question(self._fresh())

    # --- keeping fresh ----------------------------------------------------------------------

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _fresh(self) -> sqlite3.Connection:
        """The index, with all that was changed; a damaged one is made anew."""
        try:
            return self._caught_up()
        except sqlite3.DatabaseError as error:
            self.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
                sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR,
            ):  # fmt: skip
                self._delete()
            else:
                self._path = None  # no room, no right to write, in use: one in memory serves
            return self._caught_up()

    def _caught_up(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = _opened(self._path)
        index = self._open
        last = self._last()
        if self._state(index) == (*self._identity(), str(last)):
            return index
        index.execute("BEGIN IMMEDIATE")
        try:
            self._take_in(index, last)
            index.execute("COMMIT")
        except BaseException:
            if index.in_transaction:
                index.execute("ROLLBACK")
            raise
        return index

    def _take_in(self, index: sqlite3.Connection, last: int) -> None:
        identity, read = self._identity(), self._state(index)
        begun = read[:2] == identity[:2] and self._knows_run(read[2]) and read[3].isdecimal()
        if begun and int(read[3]) <= last:
            self._changed(index, int(read[3]), last)
        else:
            empty(index)
            for what in ROWS:
                add(index, what, self._db.execute(ROWS[what]))
        values = zip(("version", "ledger", "run", "read"), (*identity, str(last)), strict=True)
        index.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", values)

    def _changed(self, index: sqlite3.Connection, after: int, last: int) -> None:
        rows = self._db.execute(
            "SELECT what, id FROM touched WHERE n > ? AND n <= ? ORDER BY n", (after, last)
        ).fetchall()
        for what in ROWS:
            refs = [row["id"] for row in rows if row["what"] == what]
            for start in range(0, len(refs), _AT_ONCE):
                some = refs[start : start + _AT_ONCE]
                forget(index, what, some)
                marks = ", ".join("?" * len(some))
                sql = f"{ROWS[what]} WHERE {REF[what]} IN ({marks})"
                add(index, what, self._db.execute(sql, some))

    def _last(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(n), 0) FROM touched").fetchone()[0])

    def _identity(self) -> tuple[str, str, str]:
        """Of which ledger, and of which state of it: one that was restored counts anew."""
        row = self._db.execute("SELECT value FROM meta WHERE name = 'ledger_id'").fetchone()
        run = self._db.execute("SELECT id FROM run ORDER BY at DESC, id LIMIT 1").fetchone()
        return (str(_VERSION), str(row["value"]) if row else "", str(run["id"]) if run else "")

    def _knows_run(self, run: str) -> bool:
        found = self._db.execute("SELECT 1 FROM run WHERE id = ?", (run,)).fetchone()
        return found is not None or not run

    def _state(self, index: sqlite3.Connection) -> tuple[str, str, str, str]:
        kept = dict(index.execute("SELECT name, value FROM state").fetchall())
        version, ledger, run, read = (
            kept.get(name, "") for name in ("version", "ledger", "run", "read")
        )
        return version, ledger, run, read

    def _delete(self) -> None:
        with suppress(OSError):
            for end in ("", "-wal", "-shm", "-journal"):
                if self._path is not None:
                    self._path.with_name(f"{self._path.name}{end}").unlink(missing_ok=True)


def _named(index: sqlite3.Connection, names: Iterable[Name]) -> Iterator[tuple[str, Name]]:
    for scheme, value in names:
        rows = index.execute(
            "SELECT document FROM name WHERE scheme = ? AND value = ? ORDER BY document",
            (scheme, value),
        )
        yield from ((row[0], (scheme, value)) for row in rows)


def _matching(index: sqlite3.Connection, asked: list[str]) -> list[Hit]:
    """The best, if they are not so many that to rank them would take long; else some."""
    match = " AND ".join(asked)
    ranked = len(_some(index, match, _COMMON)) < _COMMON
    score = f"-bm25(words, {_WEIGHTS})" if ranked else "0.0"
    rows = index.execute(
        f"SELECT e.what, e.ref, e.document, f.score FROM (SELECT rowid AS id, {score} AS score"
        f" FROM words WHERE words MATCH ? {'ORDER BY score DESC' if ranked else ''} LIMIT ?) f"
        " JOIN entry e ON e.id = f.id",
        (match, _MOST_HITS),
    )
    return sorted((Hit(*row) for row in rows), key=lambda hit: (-hit.score, hit.ref))


def _some(index: sqlite3.Connection, match: str, most: int) -> list[tuple[int]]:
    sql = "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?"
    return index.execute(sql, (match, most)).fetchall()


def _across(index: sqlite3.Connection, asked: list[str]) -> list[Hit]:
    """By the rarer words; in the few works that hold those, the others are looked for."""
    found: set[str] | None = None
    frequent = []
    for phrase in asked:
        if len(_some(index, phrase, _FREQUENT)) == _FREQUENT:
            frequent.append(phrase)
            continue
        there = {
            row[0]
            for row in index.execute(
                "SELECT DISTINCT e.document FROM words w JOIN entry e ON e.id = w.rowid"
                " WHERE words MATCH ?",
                (phrase,),
            )
        }
        found = there if found is None else found & there
        if not found:
            return []
    works = sorted(found or ())[:_FEW]
    whole = [one for one in works if all(_holds(index, one, phrase) for phrase in frequent)]
    return [Hit("document", one, one, 0.0) for one in whole]


def _holds(index: sqlite3.Connection, document: str, phrase: str) -> bool:
    row = index.execute(
        "SELECT 1 FROM entry e JOIN words w ON w.rowid = e.id"
        " WHERE e.document = ? AND words MATCH ? LIMIT 1",
        (document, phrase),
    ).fetchone()
    return row is not None


def _misspelt(index: sqlite3.Connection, asked: list[tuple[str, str]]) -> tuple[list[Hit], str]:
    read: list[tuple[str, ...]] = []
    for words, phrase in asked:
        there = _some(index, phrase, 1)
        read.append(() if there else respelt(index, words))
        if not there and not read[-1]:
            return [], ""
    if not any(read):
        return [], ""
    match = [
        f"({' OR '.join(_phrase(one, goes_on=False) for one in others)})" if others else phrase
        for others, (_, phrase) in zip(read, asked, strict=True)
    ]
    told = " ".join(
        others[0] if others else words for others, (words, _) in zip(read, asked, strict=True)
    )
    return _matching(index, match) or _across(index, match), told


def _opened(path: Path | None) -> sqlite3.Connection:
    """The index, with its tables."""
    if path is not None:
        private.make_file(path)
    index = sqlite3.connect(
        path or ":memory:", isolation_level=None, timeout=_PATIENCE, check_same_thread=False
    )
    try:
        if path is not None:
            index.execute("PRAGMA journal_mode = WAL")
            index.execute("PRAGMA synchronous = OFF")  # what a power cut spoils is made anew
        index.execute("PRAGMA cache_size = -32000")
        if not _is_made(index):
            _make(index)
    except BaseException:
        index.close()
        raise
    return index


def _is_made(index: sqlite3.Connection) -> bool:
    return bool(index.execute("PRAGMA user_version").fetchone()[0] == _VERSION)


def _make(index: sqlite3.Connection) -> None:
    """The tables, in place of what another version made; unless another program is quicker."""
    index.execute("BEGIN IMMEDIATE")
    try:
        if not _is_made(index):
            make(index)
            index.execute(f"PRAGMA user_version = {_VERSION}")
        index.execute("COMMIT")
    except BaseException:
        if index.in_transaction:
            index.execute("ROLLBACK")
        raise


def _phrase(words: str, *, goes_on: bool) -> str:
    """In the language of FTS5: whatever stands in it is text."""
    quoted = words.replace('"', '""')
    return f'"{quoted}"' + (" *" if goes_on else "")
