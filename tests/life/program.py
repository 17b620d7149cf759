"""The program as a person meets it: commands, `--json`, files. All that may differ between versions is here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ankiforge.anki import collection
from ankiforge.extract import files
from tests.conftest import Forge, Result, is_card_or_draft
from tests.golden import clock
from tests.life.world import folded, words_of

SETTINGS = """\
sources:
  - obsidian: {{name: notes, path: {notes}}}
drafter: rules
accept: {{rules: clean}}
anki: {{collection: {collection}}}
"""
TICK = 30.0


class FailedError(Exception):
    """The program refused or broke what must work."""


@dataclass(frozen=True)
class Card:
    """A card, or a draft that waits (`waits`)."""

    id: str
    """What decisions take."""
    guid: str
    fields: dict[str, str]
    live: bool
    """In use: accepted, and neither rejected, retired nor deleted in Anki."""
    waits: bool
    rejected: bool
    outdated: bool = field(default=False, compare=False)
    """Its source says something else now, of which no card could be made: it is told."""

    @property
    def text(self) -> str:
        return words_of(self.fields)


@dataclass(frozen=True)
class Question:
    """What holds back a card or a correction until a person answers.

    `revision`: new words for a card; `same`: a new passage may be the one of the cards `rivals`;
    `duplicate`: two cards are alike; `check`: a draft that waits for a person; `conflict`; `absent` in
    Anki; `emptied`: a source lists nothing; `form`: lines that may be cards.
    """

    kind: str
    id: str
    guid: str
    text: str
    """The folded words that wait."""
    rivals: tuple[str, ...] = ()
    was: str = ""
    """The folded words of a passage that it may be."""


@dataclass(frozen=True)
class Bare:
    """A highlight without a card or a draft."""

    key: str
    text: str
    skipped: bool


@dataclass
class Program:
    """One workspace on one computer."""

    folder: Path
    notes: Path
    collection: Path | None
    ahead: float = 7200.0
    proposals: bool = False
    """Whether cards are proposed of marked sentences."""
    forge: Forge = field(init=False)
    became: dict[str, str] = field(default_factory=dict)
    """{draft: the card that was made of it}."""
    listed: dict[tuple[str, ...], list[dict[str, Any]]] = field(default_factory=dict)
    """What `list` says, until something is done."""

    def __post_init__(self) -> None:
        self.forge = Forge(self.folder)
        self.forge.name_machine(self.folder.name)
        told = {"notes": self.notes, "collection": self.collection or "none"}
        self.forge.settings(SETTINGS.format(**told), trust=True, proposals=self.proposals)

    def call(self, *words: str, codes: Sequence[int] = (0,)) -> Result:
        self.ahead += TICK
        if words[0] != "list":
            self.listed.clear()
        with clock.ahead(self.ahead):
            result = self.forge(*words, "--json")
        if result.exit_code not in codes:
            said = f"{' '.join(words)}: {result.exit_code} {result.stderr.strip()[-300:]}"
            raise FailedError(said)
        return result

    def decided(self, *words: str) -> bool:
        """Whether a decision was made, not refused."""
        result = self.call(*words, codes=(0, 1, 2))
        for line in result.lines if result.exit_code == 0 else ():
            self.became[str(line["id"])] = str(line["guid"] or "")
        return result.exit_code == 0

    # --- what a person sees

    def run(self) -> int:
        """Read, draft, write the package; return the number of notes written."""
        outcome = self.call("run", codes=(0, 1))  # 1: a picture is not there
        return int(outcome.data["notes"]["written"])

    @property
    def package(self) -> Path:
        return self.folder / "desk" / "ankiforge.apkg"

    def rows(self) -> list[dict[str, Any]]:
        rows = filter(is_card_or_draft, self.shown("--all"))
        return sorted(rows, key=lambda row: str(row["id"]))

    def shown(self, *words: str) -> list[dict[str, Any]]:
        if words not in self.listed:
            self.listed[words] = self.call("list", *words, codes=(0, 1)).lines
        return self.listed[words]

    def cards(self) -> dict[str, Card]:
        """Return all cards and waiting drafts by id."""
        return {row["id"]: card_of(row) for row in self.rows() if not row["changes"]}

    def without_card(self) -> list[Bare]:
        found = self.shown("--no-card", "--all")
        bare = [one for one in found if one.get("fate") in ("no_card", "left_out")]
        return [
            Bare(one["key"], folded(one["exact"]), one["fate"] == "left_out")
            for one in bare
            if one["key"]
        ]

    def questions(self) -> list[Question]:
        rows = self.shown("--view", "questions")
        found = [*map(question_of, rows)]
        return [*found, *(one for row in self.rows() for one in waiting_of(row))]

    # --- what a person decides

    def reject(self, id: str) -> bool:
        return self.decided("reject", id)

    def edit(self, id: str, name: str, text: str) -> bool:
        return self.decided("edit", id, "--field", name, text)

    def undo(self, id: str) -> bool:
        return id.startswith("af") and self.decided("undo", id)

    def undo_last(self) -> bool:
        return self.decided("undo")

    def skip(self, key: str) -> bool:
        return self.decided("reject", key)

    def make(self, key: str, text: str) -> bool:
        return self.decided("edit", key, "--field", "Text", text)

    def answer(self, question: Question, yes: bool) -> bool:
        return self.decided("accept" if yes else "reject", question.id)

    # --- losses, and another computer

    def lose_database(self) -> None:
        """Delete the database; the journal is kept."""
        shutil.rmtree(self.folder / "desk" / ".ankiforge", ignore_errors=True)
        self.listed.clear()

    @property
    def journal(self) -> Path:
        return self.folder / "desk" / "journal"


def share(machines: Sequence[Program]) -> None:
    """Bring each machine's file of the journal to the others, as a synced folder does."""
    files = [path for one in machines for path in one.journal.glob("*.jsonl")]
    for one in machines:
        one.listed.clear()
        one.journal.mkdir(exist_ok=True)
        for path in files:
            copy = one.journal / path.name
            if not copy.exists() or copy.stat().st_size < path.stat().st_size:
                shutil.copy(path, copy)


def card_of(row: dict[str, Any]) -> Card:
    verdict, live = (
        row["verdict"],
        row["verdict"] == "accepted" and row["anki"] != "deleted",
    )
    outdated = "source_changed" in [one["check"] for one in row["findings"]]
    waits, rejected = verdict == "waiting", verdict == "rejected"
    return Card(row["id"], row["id"], row["fields"], live, waits, rejected, outdated)


def question_of(row: dict[str, Any]) -> Question:
    """Return an open question."""
    text, was, *_ = [*map(folded, row["examples"]), "", ""]
    guids = tuple(row["guids"])
    return Question(
        row["question"], row["id"], guids[0] if guids else "", text, guids, was
    )


def waiting_of(row: dict[str, Any]) -> Iterator[Question]:
    """Say what waits about one line of `list`."""
    if row["change"]:
        new = row["change"]
        yield Question(
            "revision", new["id"], row["id"], words_of(new["fields"]), (row["id"],)
        )
    if row["verdict"] == "waiting" and not row["changes"]:
        yield Question("check", row["id"], row["id"], words_of(row["fields"]))


@contextmanager
def without_waits() -> Iterator[None]:
    """Take files and the collection as they are: nothing here is still being written."""
    with (
        patch.object(files, "QUIET_SECONDS", 0.0),
        patch.object(files, "EMPTY_QUIET_SECONDS", 0.0),
        patch.object(collection, "_PAUSE_SECONDS", 0.02),
    ):
        yield


def plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:300]
