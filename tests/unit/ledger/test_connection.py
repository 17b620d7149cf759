"""Opening the database: what is made, and what is kept of an older one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ankiforge.errors import LedgerError
from ankiforge.ledger import open_ledger, readable_errors
from ankiforge.ledger.db import connect, schema_steps


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


def test_the_search_index_of_an_older_version_is_deleted_and_made_in_the_ledger(tmp_path):
    steps, ledger = schema_steps(), tmp_path / "ledger.db"
    with closing(sqlite3.connect(ledger)) as old:
        for number, sql in steps[:6]:
            old.executescript(f"{sql}\nPRAGMA user_version = {number};")
        old.execute(
            "INSERT INTO document (key, source, place, title, slug, body) VALUES"
            " ('d', 'obsidian', 'a.md', 'Cells', '', '{\"key\": \"d\", \"source\": \"obsidian\","
            ' "title": "Cells", "creators": ["Hooke"]}\')'
        )
        old.commit()
    for name in ("search.db", "search.db-wal", "search.db-shm"):
        (tmp_path / name).write_bytes(b"")

    with open_ledger(ledger, tmp_path / "journal.jsonl") as opened:
        assert not [name for name in files(tmp_path) if name.startswith("search.db")]
        assert [found.work.title for found in opened.search.find("hooke")] == ["Cells"]
    with closing(sqlite3.connect(ledger)) as upgraded:
        assert not upgraded.execute("SELECT 1 FROM sqlite_master WHERE name = 'touched'").fetchall()


def test_damage_of_another_file_is_not_taken_for_that_of_the_ledger(tmp_path):
    other = tmp_path / "other.sqlite"
    other.write_bytes(b"nothing" * 100)
    with (
        closing(sqlite3.connect(other)) as opened,
        pytest.raises(sqlite3.DatabaseError),
        readable_errors(),
    ):
        opened.execute("PRAGMA user_version")
    with pytest.raises(msgspec.DecodeError), readable_errors():
        msgspec.json.decode("{")
    with pytest.raises(LedgerError, match="damaged"):
        connect(other)
