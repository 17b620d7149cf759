"""What the journal brings back: lost lines, lost databases, machines that ran apart."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Lines = list[bytes]
NOTE = "What is A?::alpha one\n\nWhat is B?::beta two\n\nThe lens ==bends== light onto the retina.\n"
LOST: dict[str, Callable[[Lines], Lines] | None] = {
    "the file": None,
    "some lines": lambda lines: lines[:3] + lines[6:],
    "half a line": lambda lines: [*lines[:5], lines[5][:40] + b"\n", *lines[6:]],
    "their order": lambda lines: lines[::-1],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_journal_that_lost_lines_is_completed_and_rebuilds_a_lost_database(
    forge, vault, lost
):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    forge.ok("reject", id_of(forge, "alpha"))
    forge.ok("edit", id_of(forge, "beta"), "--field", "Back", "a beta of mine")
    forge.ok("reject", id_of(forge, "lens"))
    forge.ok("undo")
    before, [journal] = decided(forge), list((forge.home / "journal").glob("*.jsonl"))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lost(lines))) if lost else journal.unlink()

    told = forge.ok("status").stderr
    came = forge.ok("run", vault, "--json")
    if sorted(lines) != sorted(lost(lines) if lost else []):
        assert "missing: the next run writes them again" in told
        assert "written again" in came.stderr
    assert set(lines) <= set(journal.read_bytes().splitlines(keepends=True))
    assert decided(forge) == before
    shutil.rmtree(forge.home / ".ankiforge")
    forge("run", vault)
    assert decided(forge) == before


def test_a_draft_that_another_computer_rejected_waits_no_more(
    forge, forge_in, tmp_path, vault
):
    (vault / "a.md").write_text(
        "Die Schleuse ==Pleidelsheim== liegt bei ==km 150== am Neckar.\n"
    )
    other = forge_in(tmp_path / "other")
    for one in (forge, other):
        text = f"sources: [{{obsidian: {{path: {vault}}}}}]\naccept: {{rules: review}}\n"
        one.settings(text, trust=True)
        one.ok("run")
    shared = other.folder / "journal"
    shutil.copytree(forge.folder / "journal", shared, dirs_exist_ok=True)
    other.ok("run")
    other.ok("reject", id_of(other, "Schleuse"))
    shutil.copytree(shared, forge.folder / "journal", dirs_exist_ok=True)

    assert forge.ok("run", "--json").data["state"]["highlights"]["waiting"] == 0
    assert "rejected by you" in forge.ok("list", "--no-card", "--all").stdout


def id_of(forge, word: str) -> str:
    [id] = [card["id"] for card in forge.cards() if word in str(card["fields"])]
    return id


def decided(forge) -> dict[str, tuple]:
    """{id: what was decided about the card, and its words}."""
    names = ("verdict", "accepted_by", "fields", "findings")
    return {card["id"]: tuple(card[name] for name in names) for card in forge.cards()}


def test_every_command_that_reads_the_journal_says_that_its_last_line_is_torn(
    forge, tmp_path: Path
):
    notes = tmp_path / "notes"
    (notes / ".obsidian").mkdir(parents=True)
    (notes / "A.md").write_text("What is osmosis?::Movement of water\n", "utf-8")
    forge.ok("run", notes)
    [file] = (forge.home / "journal").glob("*.jsonl")
    with file.open("ab") as journal:
        journal.write(b'{"n":99,"machine":"one","wh')
    for command in (
        "run --dry-run", "status", "list", "list --json", "doctor", "search osmosis", "build",
        "draft", "draft export ask.md", "undo", "run",
        "list",  # `run` has ended the line, and it is still no line
    ):  # fmt: skip
        said = forge(*command.split())
        assert (said.stdout + said.stderr).count("read, and was skipped") == 1, command
