"""Zotero's database on this machine, with what lies beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.database import Database, open_database
from ankiforge.extract.zotero.snapshot import snapshot

BETTER_BIBTEX = "better-bibtex.sqlite"
"""The database of an add-on for citation keys; a later version moves them into Zotero's own."""
_CITEKEYS = """
SELECT CAST(libraryID AS INTEGER), CAST(itemKey AS TEXT), CAST(citationKey AS TEXT)
FROM citationkey WHERE ifnull(citationKey, '') <> ''
"""


@contextmanager
def local_database(path: Path) -> Iterator[Database]:
    """A private copy of the database `path`, open.

    Raises:
        ItemError: it is not there, never holds still, is damaged, or no database of Zotero's.
    """
    with snapshot(path) as copy, open_database(copy) as database:
        yield replace(database, citekeys=_citekeys(path.with_name(BETTER_BIBTEX)))


def _citekeys(path: Path) -> dict[tuple[int, str], str]:
    """Citation keys by library and item; none where the add-on is not, or cannot be read."""
    if not path.is_file():
        return {}
    try:
        with snapshot(path) as copy, closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            rows = connection.execute(_CITEKEYS).fetchall()
    except (ItemError, sqlite3.Error):
        return {}
    return {(library, item): citekey.strip() for library, item, citekey in rows}
