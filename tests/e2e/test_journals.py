"""What the journal and Anki bring back: lost lines, old backups, machines that ran apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Lines = list[bytes]
NOTE = (
    "What is A?::alpha one\n\nWhat is B?::beta two\n\nThe lens ==bends== light onto the retina.\n"
)

LOST: dict[str, Callable[[Lines], Lines] | None] = {
    "the file": None,
    "every line": lambda lines: [],
    "the last lines": lambda lines: lines[:4],
    "the first lines": lambda lines: lines[-2:],
    "some lines": lambda lines: lines[:3] + lines[6:],
    "half a line": lambda lines: [*lines[:5], lines[5][:40] + b"\n", *lines[6:]],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_journal_that_lost_lines_is_completed_and_rebuilds_a_lost_ledger(
    forge, vault: Path, lost: Callable[[Lines], Lines] | None
) -> None:
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    alpha, beta, lens = (guid_of(forge, word) for word in ("alpha", "beta", "lens"))
    forge.ok("reject", alpha)
    forge.ok("edit", beta, "--field", "Back", "a beta of mine")
    forge.ok("reject", lens)
    forge.ok("undo")
    before, journal = decided(forge), forge.home / "journal.jsonl"
    left = b"".join(lost(journal.read_bytes().splitlines(keepends=True))) if lost else b""
    journal.write_bytes(left) if lost else journal.unlink()

    [notice] = [one for one in forge("run", vault, "--json").data["problems"] if one["notice"]]
    assert "written there again" in notice["what"]
    assert journal.read_bytes().startswith(left)
    assert not [one for one in forge("run", vault, "--json").data["problems"] if one["notice"]]
    shutil.rmtree(forge.home / ".ankiforge")
    forge("run", vault)
    assert decided(forge) == before


def guid_of(forge, word: str) -> str:
    [guid] = [card["guid"] for card in forge.cards() if word in str(card["fields"])]
    return guid


def decided(forge) -> dict[str, tuple]:
    """{guid: what was decided about the card, and its words}."""
    names = ("verdict", "standing", "accepted_by", "fields")
    return {card["guid"]: tuple(card[name] for name in names) for card in forge.cards()}


# --- old backups ----------------------------------------------------------------------------

LAKES = """\
What is the deepest lake of Africa?::Tanganyika

The Tanganyika basin holds ==19 thousand cubic kilometres== of water in an ordinary year.

The lake of Ladoga freezes over in the month of ==December== near its southern shore.
"""


@pytest.mark.parametrize("also_the_source", [False, True])
def test_an_old_backup_put_back_doubles_no_card_that_anki_shows(
    forge, anki, also_the_source: bool
) -> None:
    notes = with_anki(forge, anki)
    (notes / "Lakes.md").write_text(LAKES, encoding="utf-8")
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg")
    forge.ok("run")
    backup = forge.folder.with_name("backup")
    shutil.copytree(forge.folder, backup)
    (notes / "Lakes.md").rename(notes / "Great lakes.md")
    forge.ok("run")
    words = LAKES.replace("deepest", "most deep").replace("ordinary", "typical")
    (notes / "Great lakes.md").write_text(words, encoding="utf-8")
    forge.ok("run")
    assert anki.load(forge.folder / "ankiforge.apkg")["updated"] == 2
    for name in (".ankiforge", "notes") if also_the_source else (".ankiforge",):
        shutil.rmtree(forge.folder / name)
        shutil.copytree(backup / name, forge.folder / name)
    shutil.copy(backup / "journal.jsonl", forge.folder)

    for _ in range(2):
        came = forge.json("run")
        assert (came["highlights"]["seen"], came["notes"]["added"]) == (3, 0)
    assert len(forge.cards()) == 3
    shown = " ".join(anki.note(card["guid"]).joined_fields() for card in forge.cards())
    assert "most deep" in shown


def with_anki(forge, anki, name: str = "notes") -> Path:
    """Let a workspace read a vault of its own, and this collection; return the vault."""
    vault = forge.folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    (forge.folder / "ankiforge.yaml").write_text(
        f"sources: [{{obsidian: {{name: {name}, path: notes}}}}]\n"
        f"anki: {{collection: '{anki.col.path}'}}\n",
        encoding="utf-8",
    )
    return vault
