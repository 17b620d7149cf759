"""One journal written by two ledgers, laid together as git would lay it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

EARLY, LATE = "2020-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"
QUESTION = "What is the capital of France?::"


@pytest.fixture
def other(forge, forge_in, tmp_path: Path):
    """A second machine, with its own ledger and a copy of the journal so far."""

    def other():
        there = forge_in(tmp_path / "there")
        there.home.mkdir(parents=True)
        shutil.copy(forge.home / "journal.jsonl", there.home)
        return there

    return other


def lay_together(ours: Path, theirs: Path, at: str) -> None:
    """Append what only `theirs` has, as if it was decided at `at`."""
    known = set(ours.read_text().splitlines())
    new = [json.loads(line) for line in theirs.read_text().splitlines() if line not in known]
    with ours.open("a") as journal:
        journal.writelines(json.dumps(line | {"at": at}) + "\n" for line in new)


def test_a_rejection_made_elsewhere_holds_though_the_source_changed_here_since(
    forge, other, vault: Path
) -> None:
    note = vault / "a.md"
    note.write_text(f"{QUESTION}Lyon\n")
    forge.ok("run", vault)
    there = other()
    there.ok("run", vault)
    there.ok("reject", there.cards()[0]["guid"])
    note.write_text(f"{QUESTION}Paris\n")
    forge.ok("run", vault)
    lay_together(forge.home / "journal.jsonl", there.home / "journal.jsonl", EARLY)
    run = forge.json("run", vault)
    assert [card["verdict"] for card in forge.cards()] == ["rejected"]
    assert run["fates"]["carded"] == 0


@pytest.mark.parametrize("lost", [False, True])
def test_what_a_person_rejected_here_no_policy_accepts_elsewhere(
    forge, other, vault: Path, lost: bool
) -> None:
    (vault / "a.md").write_text("Working memory holds about ==four chunks== at a time.\n")
    forge.ok("run", vault, "--accept", "review")
    there = other()
    there.ok("run", vault)
    assert [card["accepted_by"] for card in there.cards()] == ["policy"]
    forge.ok("reject", forge.cards()[0]["guid"])
    lay_together(forge.home / "journal.jsonl", there.home / "journal.jsonl", LATE)
    if lost:
        shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", vault)
    assert [card["verdict"] for card in forge.cards()] == ["rejected"]
