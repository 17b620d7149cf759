"""Words of a search that stand nowhere, and those of the index that were meant."""

from __future__ import annotations

import sqlite3

VOCABULARY = "CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);"
"""Part of the search index: its words, each once."""
LEAST = 4
"""Letters from which a word may be misspelt."""
_LONG = 6
"""Letters from which two of them may be wrong."""
_MOST = 5
_LAST = "\U0010ffff"


def respelt(index: sqlite3.Connection, word: str) -> tuple[str, ...]:
    """The likest words that begin alike, at most five; () of a phrase, or if none is like it."""
    if len(word) < LEAST or not word.isalpha():
        return ()
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    rows = index.execute(
        "SELECT term FROM vocabulary WHERE term >= ? AND term < ?", (word[0], word[0] + _LAST)
    )
    wrong = 1 if len(word) < _LONG else 2
    terms = [row[0] for row in rows if abs(len(row[0]) - len(word)) <= wrong]
    found = extract(
        word, terms, scorer=OSA.distance, processor=None, score_cutoff=wrong, limit=_MOST
    )
    return tuple(term for term, *_ in found)
