"""The generation of defaults a ledger goes by.

A changed default holds for new workspaces only, so each ledger stores the generation it was
created with: 1 = the defaults of the first version (a deck for each document; `Term: text` list
items are read), 2 = the defaults since. A ledger without an entry is older than generations.

The journal says so too, in a line before all others: a ledger that is rebuilt from it, or made
beside it on another machine, goes by the same defaults.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.journal import VERSION, Entry, Journal
from ankiforge.model import h16

FIRST, NEWEST = 1, 2
WHAT = "generation"
"""The `what` of the journal line, and the name of the ledger's entry."""


def settle(connection: Connection, journal: Journal) -> None:
    """Store the generation of a ledger that is being created, within a unit."""
    connection.execute(
        "INSERT OR IGNORE INTO meta VALUES (?, ?)", (WHAT, str(_of_journal(journal)))
    )


def of_ledger(connection: sqlite3.Connection) -> int:
    """Return the generation of defaults a ledger goes by."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (WHAT,)).fetchone()
    return int(row[0]) if row else FIRST


def at(database: Path, journal: Path) -> int:
    """Return the generation of a ledger that need not be open, or be there yet; change nothing."""
    if not database.exists():
        return _of_journal(Journal(journal))
    uri = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return of_ledger(connection)
    except sqlite3.Error:
        return FIRST


def first_line(connection: Connection, now: datetime) -> tuple[Entry, ...]:
    """Return the line that begins a new journal; journals of generation 1 have none."""
    generation = of_ledger(connection)
    if generation == FIRST:
        return ()
    return (
        Entry(
            v=VERSION, id=h16(WHAT, str(generation)), at=now.isoformat(timespec="seconds"), by="",
            what=WHAT, body={WHAT: generation},
        ),
    )  # fmt: skip


def _of_journal(journal: Journal) -> int:
    """Return the generation a journal was begun under, whatever the order of its lines.

    Two journals that were merged count as the older one.
    """
    oldest, found, lines = "", [], 0
    for line in journal.read():
        lines += 1
        if not isinstance(line, Entry):
            continue
        oldest = min(oldest or line.at, line.at or oldest)
        number = line.body.get(WHAT) if line.what == WHAT else None
        if isinstance(number, int):
            found.append((line.at, number))
    if not found:
        return FIRST if lines else NEWEST
    at, number = min(found)
    return number if at <= oldest else FIRST
