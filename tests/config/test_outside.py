"""A workspace of strangers touches nothing outside itself before a person says so."""

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

COMMANDS = (
    ("status",), ("list",), ("list", "--no-card"), ("search", "sleep"), ("run",),
    ("run", "--dry-run"), ("build",), ("push",), ("pull",), ("accept", "--all"), ("undo",),
    ("draft",), ("draft", "--drafter", "llm", "--estimate"), ("extract",), ("init",), ("init", "."),
    ("export", "all.jsonl"), ("doctor",),
)  # fmt: skip
"""Whatever a person may try in a workspace that they have just been given."""


def begin(forge: Any, more: str, anki: str = "none") -> None:
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/a.md").write_text("Sleep has ==four stages== in a night.\n")
    forge.settings(
        "sources: [obsidian: {name: n, path: notes}]\n"
        f"anki: {{collection: {anki}, connect: 'http://127.0.0.1:1'}}\n{more}"
    )


@pytest.fixture
def outside(forge) -> Path:
    """A folder beside the workspace that others may read."""
    folder = forge.folder.parent / "outside"
    folder.mkdir()
    (folder / "diary.txt").write_text("mine")
    (folder / "a.jsonl").write_text('{"n": 1}\n')
    folder.chmod(0o755)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with its mode, the time of its last change, and its bytes."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.stat()
        found[path.name] = (
            status.st_mode,
            status.st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
    return found


def link(forge: Any, outside: Path) -> str:
    (forge.folder / "shared").symlink_to(outside)
    return "shared"


def deep_link(forge: Any, outside: Path) -> str:
    (forge.folder / "a/b").mkdir(parents=True)
    (forge.folder / "a/b/up").symlink_to(outside.parent)
    return "a/b/up/outside"


WAYS = {
    "in full": lambda forge, outside: str(outside),
    "by the parent": lambda forge, outside: "../outside",
    "through the workspace": lambda forge, outside: "notes/../../outside",
    "by a link": link,
    "by a link at some depth": deep_link,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_journal_outside_is_left_alone_until_it_is_confirmed(forge, outside, way):
    begin(forge, f"journal: {WAYS[way](forge, outside)}\n")
    before = state(outside)
    for command in COMMANDS:
        told = forge(*command)
        assert told.exit_code == (0 if command[0] == "init" else 2), command
        said = told.stdout + told.stderr
        assert f"decisions and passages would be written to {outside}" in said, command
        assert f"init --trust {forge.folder}" in said, command
        assert state(outside) == before, command

    forge.ok("init", "--trust")
    forge.ok("run")
    assert len(list(outside.glob("*.jsonl"))) == 2
    assert (outside / "diary.txt").read_text() == "mine"
    assert not (forge.folder / "journal").exists()
    if os.name != "nt":
        assert outside.stat().st_mode & 0o777 == 0o700


def test_a_journal_outside_that_was_confirmed_is_asked_about_when_it_moves(
    forge, outside
):
    begin(forge, "journal: shared\n")
    other = forge.folder.parent / "other"
    other.mkdir()
    (forge.folder / "shared").symlink_to(outside)
    forge.ok("init", "--trust")
    forge.ok("run")
    (forge.folder / "shared").unlink()
    (forge.folder / "shared").symlink_to(other)
    assert f"would be written to {other}" in forge("status", code=2).stderr
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("where", ["elsewhere", "a/b", "./journal"])
def test_a_journal_inside_needs_no_word(forge, where):
    begin(forge, f"journal: {where}\n")
    (forge.folder / where).mkdir(parents=True)
    forge.ok("run")
    assert list((forge.folder / where).glob("*.jsonl"))


# --- Anki ------------------------------------------------------------------------------------------


@pytest.fixture
def collection(outside: Path) -> Path:
    """Somebody's collection, at a place where Anki has none."""
    path = outside / "collection.anki2"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE notes (id)")
    made.close()
    return path


@pytest.mark.parametrize("way", WAYS)
def test_a_collection_outside_is_not_read_until_it_is_confirmed(
    forge, outside, collection, way
):
    begin(forge, "", f"{WAYS[way](forge, outside)}/collection.anki2")
    before = state(outside)
    for command in COMMANDS:
        told = forge(*command)
        assert told.exit_code == (0 if command[0] == "init" else 2), command
        assert (
            f"{collection} would be read, which is outside" in told.stdout + told.stderr
        )
    assert state(outside) == before

    forge.ok("init", "--trust")
    said = forge("run").stderr
    assert f"{collection}" in said, "it is looked at now"


def test_a_collection_that_is_found_or_lies_inside_needs_no_word(forge, collection):
    begin(forge, "", "auto")
    forge.profile.joinpath("collection.anki2").write_bytes(collection.read_bytes())
    assert "--trust" not in forge("run").stderr
    collection.rename(forge.folder / "mine.anki2")
    forge.settings(
        forge.folder.joinpath("ankiforge.yaml").read_text().replace("auto", "mine.anki2")
    )
    assert "--trust" not in forge("run").stderr


# --- the ledger that came with it -------------------------------------------------------------------


def test_pictures_come_from_no_folder_that_only_a_foreign_ledger_names(
    forge, forge_in, outside, tmp_path
):
    begin(forge, "")
    (forge.folder / "notes/a.md").write_text("What is this?::a cat ![](cat.png)\n")
    (forge.folder / "notes/cat.png").write_bytes(b"\x89PNG of a cat")
    forge.ok("run")
    given = forge_in(tmp_path / "given")
    shutil.copytree(forge.folder, given.folder, dirs_exist_ok=True)
    (given.folder / "notes/cat.png").unlink()
    (outside / "cat.png").write_bytes(b"\x89PNG of somebody")
    with sqlite3.connect(given.folder / ".ankiforge/ledger.db") as ledger:
        changed = ledger.execute(
            "UPDATE meta SET value = ? WHERE name LIKE 'roots%'",
            (json.dumps({"obsidian:n": str(outside)}),),
        )
        assert changed.rowcount == 1
    ledger.close()

    told = given("build", "--full", "-o", "all.apkg").stderr

    assert "its source is not known on this machine" in told
    # Anki may have the picture, so the card waits for it
    assert not (given.folder / "all.apkg").exists()


# --- what the workspace remembers ------------------------------------------------------------------


def test_a_remembered_path_that_became_a_link_is_asked_about(forge, outside):
    begin(forge, "")
    (forge.folder / "more").mkdir()
    (forge.folder / "more/b.md").write_text(
        "The moon has ==one side== that we never see.\n"
    )
    forge.ok("run", "more")
    (forge.folder / "more/b.md").unlink()
    (forge.folder / "more").rmdir()
    (forge.folder / "more").symlink_to(outside)
    assert f"{outside} would be read" in forge("run", code=2).stderr


def test_remembered_paths_that_lead_in_a_circle_are_no_traceback(forge):
    begin(forge, "")
    (forge.folder / ".ankiforge").mkdir()
    (forge.folder / "loop").symlink_to("loop")
    (forge.folder / ".ankiforge/sources.yaml").write_text(
        f"- path: {forge.folder / 'loop'}\n"
    )
    assert "this remembered source is missing" in forge.ok("run").stderr


def test_agents_may_read_the_default_workspace_which_has_no_settings(forge):
    assert "agents may read" in forge.ok("mcp", "--trust", forge.home).stderr
