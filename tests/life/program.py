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
from tests.conftest import Forge, Result
from tests.golden import clock
from tests.life.world import folded, words_of

SETTINGS = """\
sources:
  - obsidian: {{name: notes, path: {notes}}}
drafter: rules
accept: {{rules: clean}}
anki: {{collection: {collection}}}
"""
SAME_CARD = {"replaces", "moved_from", "duplicate", "same_highlight", "rejected_elsewhere"}
"""Findings with which a new draft is taken for another card, or for a new version of one."""
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

    @property
    def text(self) -> str:
        return words_of(self.fields)


@dataclass(frozen=True)
class Question:
    """What holds back a card or a correction until a person answers.

    `revision`: new words for a card; `same card?`: a draft that may be one of the cards `rivals`;
    `check`: a draft that waits for a check; `conflict`; `missing` in Anki.
    """

    kind: str
    id: str
    guid: str
    text: str
    """The folded words that wait."""
    rivals: tuple[str, ...] = ()


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
    forge: Forge = field(init=False)

    def __post_init__(self) -> None:
        self.forge = Forge(self.folder)
        where = self.collection or "none"
        settings = SETTINGS.format(notes=self.notes, collection=where)
        self.forge.settings(settings, trust=True)

    def call(self, *words: str, codes: Sequence[int] = (0,)) -> Result:
        self.ahead += TICK
        with clock.ahead(self.ahead):
            result = self.forge(*words, "--json")
        if result.exit_code not in codes:
            said = f"{' '.join(words)}: {result.exit_code} {result.stderr.strip()[-300:]}"
            raise FailedError(said)
        return result

    def decided(self, *words: str) -> bool:
        """Whether a decision was made, not refused."""
        return self.call(*words, codes=(0, 1, 2)).exit_code == 0

    # --- what a person sees

    def run(self) -> int:
        """Read, draft, write the package; return the number of notes written."""
        return int(self.call("run").data["notes"]["written"])

    @property
    def package(self) -> Path:
        return self.folder / "desk" / "ankiforge.apkg"

    def rows(self) -> list[dict[str, Any]]:
        found = self.call("list", "--all", codes=(0, 1)).lines
        return sorted(found, key=lambda row: str(row["guid"]))

    def cards(self) -> dict[str, Card]:
        """Return all cards and waiting drafts by guid."""
        return {row["guid"]: card_of(row) for row in self.rows()}

    def without_card(self) -> list[Bare]:
        found = self.call("list", "--no-card", codes=(0, 1)).lines
        bare = [one for one in found if one.get("fate") in ("no_card", "ignored")]
        return [Bare(one["key"], folded(one["exact"]), one["fate"] == "ignored") for one in bare]

    def questions(self) -> list[Question]:
        return [one for row in self.rows() for one in questions_of(row)]

    # --- what a person decides

    def accept(self, id: str) -> bool:
        return self.decided("accept", id)

    def reject(self, id: str) -> bool:
        return self.decided("reject", id)

    def edit(self, id: str, name: str, text: str) -> bool:
        return self.decided("edit", id, "--field", name, text)

    def undo(self, id: str) -> bool:
        return self.decided("undo", id)

    def skip(self, key: str) -> bool:
        return self.decided("reject", key)

    def make(self, key: str, text: str) -> bool:
        return self.decided("edit", key, "--field", "Text", text)

    def answer(self, question: Question, yes: bool, rival: str = "") -> bool:
        """Answer a question; `rival` is the card that a draft belongs to."""
        guid, id = question.guid, question.id
        if question.kind == "conflict":
            return self.decided("resolve", guid, "--source" if yes else "--mine")
        if question.kind == "missing":
            return yes or self.decided("restore", guid)
        if question.kind == "same card?" and yes:
            return self.decided("merge", guid, rival)
        if question.kind == "same card?":
            self.decided("distinct", guid)
            return self.decided("accept", "--force", guid)
        if question.kind == "revision" and yes:
            return self.decided("accept", guid)
        return self.decided("accept", "--force", id) if yes else self.decided("reject", id)

    # --- losses, and another computer

    def lose_database(self) -> None:
        """Delete the database; the journal is kept."""
        shutil.rmtree(self.folder / "desk" / ".ankiforge", ignore_errors=True)

    def journal(self) -> list[str]:
        path = self.folder / "desk" / "journal.jsonl"
        return path.read_text("utf-8").splitlines() if path.exists() else []


def share(machines: Sequence[Program]) -> None:
    """Bring the journals together, as a synced folder does."""
    lines = dict.fromkeys(line for one in machines for line in one.journal())
    for one in machines if lines else ():
        (one.folder / "desk" / "journal.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def card_of(row: dict[str, Any]) -> Card:
    here, verdict = row["standing"] == "live" and row["anki"] != "tombstone", row["verdict"]
    return Card(
        row["guid"],
        row["guid"],
        row["fields"],
        here and verdict == "accepted",
        here and verdict == "pending",
        verdict == "rejected",
    )


def questions_of(row: dict[str, Any]) -> Iterator[Question]:
    """Say what is asked about one line of `list`."""
    guid, live = row["guid"], row["standing"] == "live"
    if not live or row["verdict"] == "rejected":
        return
    text = words_of(row["fields"])
    if row["revision"]:
        new = row["revision"]
        yield Question("revision", new["draft"], guid, words_of(new["fields"]), (guid,))
    if "conflict" in row["anki_why"]:
        yield Question("conflict", guid, guid, text)
    if row["anki"] == "missing":
        yield Question("missing", guid, guid, text)
    if row["verdict"] == "pending":
        found = [one for one in row["findings"] if one["check"] in SAME_CARD]
        rivals = dict.fromkeys([*row["instead_of"], *(one["twin"] for one in found)])
        doubt = found or row["instead_of"]
        kind = "same card?" if doubt else "check"
        yield Question(kind, guid, guid, text, tuple(one for one in rivals if one.startswith("af")))


@contextmanager
def without_waits() -> Iterator[None]:
    """Take files and the collection as they are: nothing here is still being written."""
    with (
        patch.object(files, "QUIET_SECONDS", 0.0),
        patch.object(files, "EMPTY_SECONDS", 0.0),
        patch.object(collection, "_PAUSE_SECONDS", 0.02),
    ):
        yield


def plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:300]
