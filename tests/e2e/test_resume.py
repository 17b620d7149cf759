"""Whatever interrupts a run, the next one ends where it would have ended; nothing is doubled."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

NOTES, EACH = 30, 5
MOMENTS = sorted(random.Random(2).sample(range(1, NOTES * EACH * 4), 4))
"""Lines of the journal after which a run is killed; a whole first run writes some 600."""


def fill(vault: Path) -> None:
    """Thirty notes of five cards each: questions, pairs, marked phrases."""
    (vault / ".obsidian").mkdir(parents=True)
    for number in range(NOTES):
        lines = [f"# Topic {number}"]
        lines += [f"What is item {number}.{n}?::thing {number}.{n}" for n in range(3)]
        lines += [f"word{number}:::Wort{number}"]
        lines += [f"Topic {number} was ==invented in {1800 + number}== by somebody else."]
        (vault / f"{number:02}.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def change(vault: Path) -> None:
    """What a reader does in a month: new cards, corrected ones, notes moved and thrown away."""
    for number in range(0, NOTES, 3):
        note = vault / f"{number:02}.md"
        words = note.read_text(encoding="utf-8").replace(f"thing {number}.1", f"stuff {number}.1")
        note.write_text(f"{words}\nA new question {number}?::new {number}\n", encoding="utf-8")
    (vault / "01.md").rename(vault / "renamed.md")
    (vault / "02.md").unlink()


def decide(forge) -> None:
    """A person rejects, edits, and takes one thing back."""
    guids = sorted(card["guid"] for card in forge.cards())
    forge.ok("reject", guids[0], guids[1], "--reason", "trivial")
    forge.ok("edit", guids[2], "--field", "Extra", "in my own words")
    forge.ok("reject", guids[3])
    forge.ok("undo")


def state(forge) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bytes]:
    """All that a reader could tell apart: cards, highlights without one, the package."""
    without = forge.ok("list", "--no-card", "--json").lines
    return forge.cards(), without, (forge.folder / "ankiforge.apkg").read_bytes()


def first_run(forge, vault: Path) -> None:
    fill(vault)


def later_run(forge, vault: Path) -> None:
    fill(vault)
    forge.ok("run", vault)
    decide(forge)
    change(vault)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, forge_in) -> dict[Any, Any]:
    """How each story ends if nothing happens."""
    ends = {}
    for story in (first_run, later_run):
        folder = tmp_path_factory.mktemp(story.__name__)
        forge, vault = forge_in(folder), folder / "notes"
        story(forge, vault)
        forge.ok("run", vault)
        ends[story] = state(forge)
    return ends


def kill_after(forge, vault: Path, lines: int) -> bool:
    """Start a run and kill it once it has written so many journal lines; whether it came so far."""
    journal = forge.home / "journal.jsonl"
    before = journal.read_bytes().count(b"\n") if journal.exists() else 0
    process = forge.started("run", vault)
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= before + lines:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="needs a signal that cannot be caught")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_first_run_is_gone_on_with(forge, tmp_path, undisturbed, moment) -> None:
    vault = tmp_path / "notes"
    first_run(forge, vault)

    assert kill_after(forge, vault, moment)
    forge.ok("run", vault)
    assert state(forge) == undisturbed[first_run]


@pytest.mark.skipif(os.name != "posix", reason="needs a signal that cannot be caught")
@pytest.mark.parametrize("moments", [(1, 1, 1), (12,), (25, 3)])
def test_a_killed_later_run_is_gone_on_with(forge, tmp_path, undisturbed, moments) -> None:
    vault = tmp_path / "notes"
    later_run(forge, vault)
    for moment in moments:
        kill_after(forge, vault, moment)
    forge.ok("run", vault)

    assert state(forge) == undisturbed[later_run]


def decided(card: dict[str, Any]) -> str:
    names = ("kind", "fields", "verdict", "standing", "deck", "highlight", "reason", "accepted_by")
    return str([card[name] for name in names])


def test_a_lost_ledger_keeps_the_cloze_number_of_a_mark_that_had_moved(forge, vault) -> None:
    note = vault / "a.md"
    note.write_text("Working memory holds about ==four chunks== at a time.\n")
    forge.ok("run", vault)
    note.write_text("Working memory holds about four chunks ==at a time==.\n")
    forge.ok("run", vault)
    [before] = forge.cards()
    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", vault)
    [after] = forge.cards()
    assert "{{c2::at a time}}" in before["fields"]["Text"]
    assert (after["guid"], after["fields"]) == (before["guid"], before["fields"])


def test_a_lost_ledger_gives_the_same_package_while_the_sources_stand(forge, tmp_path) -> None:
    vault = tmp_path / "notes"
    fill(vault)
    forge.ok("run", vault)
    decide(forge)
    forge.ok("run", vault)
    before = state(forge)
    shutil.rmtree(forge.home / ".ankiforge")
    (forge.folder / "ankiforge.apkg").unlink()
    forge.ok("run", vault)

    after = state(forge)
    assert [decided(card) for card in after[0]] == [decided(card) for card in before[0]]
    assert after[2] == before[2]


@pytest.mark.parametrize("cut", [1, 200])
def test_a_journal_line_cut_off_by_a_power_failure_costs_nothing(forge, tmp_path, cut) -> None:
    vault = tmp_path / "notes"
    fill(vault)
    forge.ok("run", vault)
    before = state(forge)
    journal = forge.home / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])

    forge("run", vault)
    forge.ok("run", vault)
    assert state(forge) == before


def test_a_file_that_a_killed_run_left_beside_its_package_is_in_nobodys_way(
    forge, tmp_path
) -> None:
    vault = tmp_path / "notes"
    fill(vault)
    (forge.folder / ".ankiforge.apkg.part").write_bytes(b"half a package")
    forge.ok("run", vault)

    assert not (forge.folder / ".ankiforge.apkg.part").exists()
