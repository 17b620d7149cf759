"""Incremental ingest comes to what reading everything comes to, and writes nothing for what is as it was.

Histories of the golden corpus are played again: with a ledger that forgets before each run what it has read,
and with one more run at their end.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.golden import histories
from tests.golden.test_golden import HISTORIES, expected

PARTLY_CHANGED = (
    "a note that is split",
    "cut today and pasted two runs later",
    "paths within a vault",
    "two notes are joined",
    "a paper in Zotero and as a file",
    "a Zotero library",
)
EACH_SOURCE = (
    "plain first run and unchanged run",
    "pictures that move",
    "a note in another encoding for a while",
    "a PDF with marks",
    "a Zotero library",
    "a paper in Zotero and as a file",
    "exports of Kindle, Readwise and Hypothesis",
    "plain texts outside a vault",
    "a wiki of tiddlers",
)
OF_A_RUN = ("run", "scan")
"""Tables with a row for each run."""


def ledger_of(machine: histories.Machine) -> Path:
    return machine.state_folder / ".ankiforge" / "ledger.db"


class Forgetful(histories.Player):
    """Reads and takes in every document in every run."""

    def call(self, machine: histories.Machine, *words: str) -> Any:
        path = ledger_of(machine)
        if words[0] in ("run", "watch") and path.exists():
            with closing(sqlite3.connect(path)) as ledger, ledger:
                ledger.execute("UPDATE ingested SET fingerprint = '', digest = ''")
        return super().call(machine, *words)


@pytest.mark.parametrize("name", PARTLY_CHANGED)
def test_a_ledger_that_forgets_fingerprints_comes_to_the_same(
    name, tmp_path, forge_in, fake, monkeypatch
):
    monkeypatch.setattr(histories, "Player", Forgetful)
    came = json.loads(json.dumps(histories.play(HISTORIES[name], tmp_path, forge_in, fake)))
    assert came == expected(name)


def rows_of(path: Path) -> dict[str, set[str]]:
    """{table: its rows} of all that a ledger holds."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        names = [
            name
            for name, sql in ledger.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
            )
            if "VIRTUAL" not in sql and name not in OF_A_RUN
        ]
        return {name: {repr(row) for row in ledger.execute(f"SELECT * FROM {name}")} for name in names}  # fmt: skip


@pytest.mark.parametrize("name", EACH_SOURCE)
def test_a_run_on_unchanged_sources_writes_nothing(name, tmp_path, forge_in, fake, monkeypatch):
    played: list[histories.Player] = []

    class Kept(histories.Player):
        def play(self) -> list[dict[str, Any]]:
            played.append(self)
            return super().play()

    monkeypatch.setattr(histories, "Player", Kept)
    histories.play(HISTORIES[name], tmp_path, forge_in, fake)
    [player] = played
    machine = player.machine("laptop")
    player.call(machine, "run")
    files = [machine.state_folder / "journal.jsonl", *machine.desk.rglob("*.apkg")]
    before = rows_of(ledger_of(machine)), [path.read_bytes() for path in files]
    counts = player.call(machine, "run").data
    after = rows_of(ledger_of(machine)), [path.read_bytes() for path in files]
    assert after == before
    assert not any(counts["highlights"][name] for name in ("new", "changed", "gone"))
    assert not any(counts["notes"][name] for name in ("added", "updated"))
