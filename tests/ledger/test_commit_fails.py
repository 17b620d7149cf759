"""A decision whose commit fails is in neither the journal nor the database."""

import sqlite3

import pytest

from ankiforge.ledger.cards import iter_cards
from tests.facts.vault import Vault

LINE = "What is a mutex?::A lock."


@pytest.fixture
def vault(tmp_path):
    """One card, and a table by which a commit can be made to fail."""
    made = Vault(tmp_path, "a", lambda text: 1.0)
    made.write_notes({"A": (LINE,)})
    database = made.ledger._db
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY)")
    database.execute(
        "CREATE TEMP TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
    )
    yield made
    made.close()


def test_the_lines_of_a_decision_that_is_not_committed_are_taken_back(vault):
    [card] = iter_cards(vault.ledger)
    [journal] = (path for path in vault.folder.rglob("*.jsonl") if path.stat().st_size)
    before = journal.read_bytes()
    with pytest.raises(sqlite3.IntegrityError), vault.ledger.transaction():
        vault.ledger.reject(card.guid)
        vault.ledger._db.execute("INSERT INTO child VALUES (1)")
    assert journal.read_bytes() == before
    assert [each.is_live for each in iter_cards(vault.ledger)] == [True]
    vault.ledger.reject(card.guid)
    assert journal.read_bytes().startswith(before)
    assert journal.read_bytes() != before
