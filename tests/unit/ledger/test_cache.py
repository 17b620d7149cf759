"""What sources keep between runs: all of it or nothing, and never of consequence."""

import sqlite3
from pathlib import Path

import pytest

from ankiforge.ledger.cache import CacheFile


@pytest.fixture
def memories(tmp_path: Path) -> CacheFile:
    return CacheFile(tmp_path / "memory.db")


def test_what_is_kept_is_recalled_by_its_owner_alone(memories):
    memories.of("a").keep({"x": b"1", "y": b"2"})
    again = memories.of("a")
    assert [again.recall(name) for name in "xyz"] == [b"1", b"2", None]
    assert memories.of("b").recall("x") is None


def test_keeping_replaces_and_forgets(memories):
    own = memories.of("a")
    own.keep({"x": b"1", "y": b"2"})
    own.keep({"x": b"3"}, ["y"])
    assert [own.recall(name) for name in "xy"] == [b"3", None]


def test_a_memory_in_use_counts_as_empty_and_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("ankiforge.ledger.cache._PATIENCE", 0.0)
    own = CacheFile(tmp_path / "memory.db").of("a")
    own.keep({"x": b"1"})
    with sqlite3.connect(tmp_path / "memory.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        assert own.recall("x") is None
        own.keep({"x": b"2"})
    assert own.recall("x") == b"1"


def test_a_damaged_memory_is_begun_anew(memories, tmp_path):
    (tmp_path / "memory.db").write_bytes(b"not a database " * 200)
    own = memories.of("a")
    assert own.recall("x") is None
    own.keep({"x": b"1"})
    own.keep({"x": b"1"})
    assert own.recall("x") == b"1"


def test_a_read_only_one_recalls_and_keeps_nothing(memories, tmp_path):
    read_only = CacheFile(tmp_path / "memory.db", read_only=True).of("a")
    read_only.keep({"x": b"1"})
    assert not list(tmp_path.iterdir())
    memories.of("a").keep({"x": b"1"})
    assert read_only.recall("x") == b"1"
