"""What a history is played with: a clock, workspaces, and what their packages hold."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Told = tuple[str, str, str]
"""What a passage can be known by: its note, and its words; of cards both sides."""


class Clock:
    """The wall's, a minute on after every step: people are slower than tests."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)


@dataclass
class Desk:
    """One workspace: its program, and what a person said there."""

    forge: Any
    seen: set[str] = field(default_factory=set)
    """Notes that were in Anki at some look from here."""
    rejected: set[str] = field(default_factory=set)
    read: dict[str, Told] = field(default_factory=dict)
    """Where each passage stood when it was last read, and what it said."""
    life: int = 0
    """Counts the ledgers it had."""

    @property
    def package(self) -> Path:
        return Path(self.forge.folder / "ankiforge.apkg")


@dataclass
class Built:
    """When a note was first put into a package."""

    desk: Desk
    life: int
    there: frozenset[str]
    """What was in Anki then."""


def is_open(card: dict[str, Any]) -> bool:
    """Whether it, or a correction of it, waits for a person."""
    return bool(card["verdict"] == "pending" or card["revision"])


def is_live(card: dict[str, Any]) -> bool:
    return str(card["standing"]) == "live"


def shipped(desk: Desk) -> int:
    """How many revisions the journal tells of."""
    journal = desk.forge.home / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    return sum(json.loads(line)["what"] == "shipped" for line in lines)


def notes_in(package: Path) -> dict[str, tuple[int, list[str], str]]:
    """guid: (mod, tags, fields) of a package."""
    if not package.exists():
        return {}
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(package) as archive:
        inner = next(one for one in archive.namelist() if one.startswith("collection.anki2"))
        path = archive.extract(inner, name)
        database = sqlite3.connect(path)
        try:
            rows = database.execute("select guid, mod, tags, flds from notes").fetchall()
        finally:
            database.close()
    return {row[0]: (row[1], row[2].split(), row[3]) for row in rows}
