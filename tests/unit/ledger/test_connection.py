"""Opening the database: what is made, and what is kept of an older one."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ankiforge.ledger.connection import connect, schema_steps


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_ledger_leaves_no_copies_beside_it(tmp_path):
    connect(tmp_path / "ledger.db").close()

    assert files(tmp_path) == ["ledger.db"]


def test_of_an_older_ledger_one_copy_is_kept_as_it_was(tmp_path):
    steps, ledger = schema_steps(), tmp_path / "ledger.db"
    with closing(sqlite3.connect(ledger)) as old:
        for number, sql in steps[:3]:
            old.executescript(f"{sql}\nPRAGMA user_version = {number};")

    connect(ledger).close()

    assert files(tmp_path) == ["ledger.db", "ledger.db.before-4"]
    versions = []
    for name in files(tmp_path):
        with closing(sqlite3.connect(tmp_path / name)) as opened:
            versions += opened.execute("PRAGMA user_version").fetchone()
    assert versions == [steps[-1][0], 3]
