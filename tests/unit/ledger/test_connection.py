"""Opening the database: what is made, and what is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ankiforge.errors import LedgerError
from ankiforge.ledger import readable_errors
from ankiforge.ledger.db import connect


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_ledger_leaves_no_copies_beside_it(tmp_path):
    connect(tmp_path / "ledger.db").close()

    assert files(tmp_path) == ["ledger.db"]


def test_a_ledger_of_another_version_is_refused_and_made_again_from_its_journal(forge, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("Katze:::cat\n", encoding="utf-8")
    forge.ok("run", folder)
    before = forge.cards()
    database = forge.home / ".ankiforge" / "ledger.db"
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA user_version = 17")

    said = forge("list", code=4)
    assert "version 17" in said.stderr
    assert "move ledger.db aside" in said.stderr

    for path in database.parent.glob("ledger.db*"):
        path.unlink()
    forge.ok("run", folder)
    assert [card["guid"] for card in forge.cards()] == [card["guid"] for card in before]


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
