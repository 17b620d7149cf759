"""What a history is played with: a clock, workspaces, and what their packages hold."""

import json
import sqlite3
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .source import Told


class Clock:
    """The wall's, a minute on after every step: people are slower than tests."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.sleep = time.sleep

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
    settled: set[tuple[str, str]] = field(default_factory=set)
    """Fields, with their notes, of which he said that his words in Anki stay."""
    read: dict[str, Told] = field(default_factory=dict)
    """Where each passage stood when it was last read, and what it said."""
    away: set[str] = field(default_factory=set)
    """Passages that were not there when it was last read."""
    tags: set[str] = field(default_factory=set)
    """The sources' tags when they were last read."""
    life: int = 0
    """Counts the ledgers it had."""
    losses: int = 0
    """Counts how often its database was lost, with the journal or without."""

    def __post_init__(self) -> None:
        self.settings("{}")

    def settings(self, anki: str) -> None:
        """Make its folder a workspace, with these settings of Anki."""
        self.root.joinpath("ankiforge.yaml").write_text(f"anki: {anki}\n", encoding="utf-8")

    @property
    def root(self) -> Path:
        return Path(self.forge.folder)

    @property
    def package(self) -> Path:
        return self.root / "ankiforge.apkg"

    @property
    def journal_path(self) -> Path:
        return self.root / "journal.jsonl"

    def journal(self) -> list[dict[str, Any]]:
        path = self.journal_path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def shipped(self) -> int:
        """How many revisions the journal tells of."""
        return sum(line["what"] == "shipped" for line in self.journal())

    def cards(self) -> list[dict[str, Any]]:
        return sorted(self.forge.cards(), key=lambda card: str(card["guid"]))


@dataclass
class Built:
    """When a note was first put into a package."""

    desk: Desk
    life: int
    there: frozenset[str]
    """What was in Anki then."""
    ages: dict[str, int]
    """Of each passage then."""
    losses: int


def is_open(card: dict[str, Any]) -> bool:
    """Whether it, or a correction of it, waits for a person."""
    return bool(card["verdict"] == "pending" or card["revision"])


def is_live(card: dict[str, Any]) -> bool:
    return str(card["standing"]) == "live"


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
