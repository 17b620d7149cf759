"""The rules in SQL are documented, and the tables that they read are up to date."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ankiforge.ledger.database import SCHEMA, classify_table_reads
from ankiforge.ledger.store import Store

ACCEPTED = {
    "guid": "af1",
    "draft": {"kind": "basic", "fields": {"Front": "q", "Back": "a"}, "quote": "S."},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "a.db", tmp_path, "a")
    store.merge_journal()
    yield store
    store.close()


@pytest.mark.parametrize("name", re.findall(r"CREATE VIEW IF NOT EXISTS (\w+)", SCHEMA))
def test_each_view_has_its_rule_above_it(name: str):
    assert re.search(rf"\n--.*\nCREATE VIEW IF NOT EXISTS {name}\b", SCHEMA)


@pytest.mark.parametrize(
    ("statement", "stale"),
    [
        ("SELECT * FROM event", (True, False, False)),
        ("SELECT id FROM standing WHERE act != ''", (True, False, False)),
        ("SELECT * FROM card", (False, True, False)),
        (
            "SELECT 1 FROM highlight h LEFT JOIN passage p ON p.key = h.key",
            (False, True, False),
        ),
        ("SELECT * FROM readable", (False, False, True)),
        ("SELECT passage FROM draft WHERE card = 1", (False, False, True)),
    ],
)
def test_a_statement_reads_what_its_tables_and_views_read(statement, stale):
    assert classify_table_reads(statement) == stale


def test_a_card_is_in_the_tables_as_soon_as_they_are_read(store: Store):
    with store.transaction():
        store.record_event("accept", "p", "person", ACCEPTED)
        assert store.fetch_value("SELECT count(*) FROM event") == 1
        assert store.fetch_value("SELECT guid FROM card") == "af1"
        assert store.fetch_value("SELECT passage FROM card") == "p"
        assert "af1" in store.get_passage("p").cards


def test_many_events_are_folded_at_once(store: Store):
    ran: list[str] = []
    with store.transaction():
        for number in range(50):
            store.record_event("key", f"p{number}", "source", {"exact": "S."})
        store._db.set_trace_callback(ran.append)
        assert store.fetch_value("SELECT count(*) FROM passage") == 50
        store._db.set_trace_callback(None)
    assert sum(line.startswith("DELETE FROM passage") for line in ran) == 1
