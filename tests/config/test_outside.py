"""A workspace of strangers touches nothing before a person trusts it."""

import json
import os
import shutil
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

COMMANDS = (
    ("status",), ("list",), ("list", "--no-card"), ("search", "sleep"), ("run",),
    ("run", "--dry-run"), ("build",), ("push",), ("pull",), ("accept", "--all"), ("undo",),
    ("draft",), ("draft", "--drafter", "llm", "--estimate"), ("run", "--dry-run", "-v"), ("init",), ("init", "."),
    ("doctor",),
)  # fmt: skip
"""Whatever a person may try in a workspace that they have just been given."""


def begin(forge: Any, more: str) -> None:
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/a.md").write_text("Sleep has ==four stages== in a night.\n")
    forge.settings(
        "sources: [obsidian: {name: n, path: notes}]\n"
        f"anki: {{collection: none, connect: 'http://127.0.0.1:1'}}\n{more}",
        trust=False,
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


def test_nothing_runs_in_a_workspace_of_somebody_else_before_a_person_trusts_it(
    forge, outside
):
    begin(forge, f"journal: {outside}\noutput: {outside}\n")
    before = state(outside), state(forge.folder)
    for command in COMMANDS:
        told = forge(*command)
        assert told.exit_code == (0 if command[0] == "init" else 2), command
        assert f"init --trust {forge.folder}" in told.stdout + told.stderr, command
        assert (state(outside), state(forge.folder)) == before, command

    forge.ok("init", "--trust")
    forge.ok("run")
    assert len(list(outside.glob("*.jsonl"))) == 2
    assert (outside / "diary.txt").read_text() == "mine"
    assert not (forge.folder / "journal").exists()
    if os.name != "nt":
        assert outside.stat().st_mode & 0o777 == 0o700


def test_a_workspace_that_init_makes_or_that_moved_is_known(forge):
    forge.ok("init", "mine")
    forge.ok("-C", "mine", "status")
    (forge.folder / "mine").rename(forge.folder / "moved")
    assert "init --trust" in forge("-C", "moved", "status", code=2).stderr
    told = forge.ok("init", "--trust", "moved").stderr
    assert f"trusted {forge.folder / 'moved'}" in told
    assert "already exists" not in told
    assert "then: ankiforge run" in told
    forge.ok("-C", "moved", "status")


def test_what_lies_at_a_path_is_shown_without_trust_and_without_the_settings_servers(
    forge, outside
):
    """`extract` sends nothing: not even to the computers that the settings name."""
    page = Page((paragraph("Peat is dead moss."),), (mark("Peat is dead moss."),))
    for name in ("peat.pdf", "moss.pdf"):  # a single file is read on this computer anyway
        write_pdf(outside / name, [page])
    with socket.create_server(("127.0.0.1", 0)) as cluster:
        begin(forge, f"executor: tcp://127.0.0.1:{cluster.getsockname()[1]}\n")
        before = state(forge.folder)
        assert (
            forge.ok("run", "--dry-run", "-v", outside).stdout.count("Peat is dead") == 2
        )
        assert state(forge.folder) == before
        cluster.setblocking(False)
        with pytest.raises(BlockingIOError):
            cluster.accept()
    told = forge("run", "--dry-run", "-v", code=2).stderr
    assert f"init --trust {forge.folder}" in told
    assert "is new to ankiforge" in told
    assert "hint: if you wrote it yourself" in told


def test_a_workspace_of_somebody_else_is_asked_about_again_when_its_settings_changed(
    forge,
):
    begin(forge, "drafter: llm\n")
    forge.ok("init", "--trust")
    settings = forge.folder / "ankiforge.yaml"
    forge.ok("model", "off")
    assert "drafter: rules" in settings.read_text()
    forge.ok("status")
    settings.write_text(f"{settings.read_text()}output: elsewhere\n")
    told = forge("status", code=2).stderr
    assert "has another ankiforge.yaml than when you trusted it" in told
    forge.ok("init", "--trust")
    forge.ok("status")


@pytest.mark.parametrize("where", ["elsewhere", "a/b", "./journal"])
def test_a_journal_may_be_anywhere(forge, where):
    begin(forge, f"journal: {where}\n")
    (forge.folder / where).mkdir(parents=True, exist_ok=True)
    forge.ok("init", "--trust")
    forge.ok("run")
    assert list((forge.folder / where).glob("*.jsonl"))


# --- the ledger that came with it -------------------------------------------------------------------


def test_pictures_come_from_no_folder_that_only_a_foreign_ledger_names(
    forge, forge_in, outside, tmp_path
):
    begin(forge, "")
    (forge.folder / "notes/a.md").write_text("What is this?::a cat ![](cat.png)\n")
    (forge.folder / "notes/cat.png").write_bytes(b"\x89PNG of a cat")
    forge.ok("run", "--yes")
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

    given.ok("init", "--trust")
    told = given("build", "--full", "-o", "all.apkg").stderr

    assert "its source is not known on this computer" in told
    # Anki may have the picture, so the card waits for it
    assert not (given.folder / "all.apkg").exists()


# --- what the workspace remembers ------------------------------------------------------------------


def test_remembered_paths_that_lead_in_a_circle_are_no_traceback(forge):
    begin(forge, "")
    (forge.folder / ".ankiforge").mkdir()
    (forge.folder / "loop").symlink_to("loop")
    (forge.folder / ".ankiforge/sources.yaml").write_text(
        f"- {{path: {forge.folder / 'loop'}, kind: pdf, name: loop}}\n"
    )
    assert "this remembered source is missing" in forge.ok("run", "--yes").stderr


def test_agents_may_read_the_default_workspace_which_has_no_settings(forge):
    assert "agents may read" in forge.ok("mcp", "--trust", forge.home).stderr
