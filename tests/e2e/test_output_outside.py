"""A workspace of strangers writes its packages nowhere but into itself before a person says so."""

from pathlib import Path
from typing import Any

import pytest


def settings(forge: Any, output: str, more: str = "") -> None:
    (forge.folder / "notes").mkdir(exist_ok=True)
    (forge.folder / "notes/a.md").write_text("Sleep has ==four stages== in a night.\n")
    forge.settings(
        f"sources: [obsidian: {{name: n, path: notes}}]\noutput: {output}\n"
        f"anki: {{collection: none, connect: 'http://127.0.0.1:1'}}\n{more}"
    )


@pytest.fixture
def outside(forge) -> Path:
    """A folder beside the workspace."""
    folder = forge.folder.parent / "outside"
    folder.mkdir()
    return folder


def packages(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.apkg"))


def link(forge: Any, outside: Path) -> str:
    (forge.folder / "out").symlink_to(outside)
    return "out"


WAYS = {
    "in full": lambda forge, outside: str(outside),
    "by the parent": lambda forge, outside: "../outside",
    "through the workspace": lambda forge, outside: "notes/../../outside",
    "by a link": link,
}


@pytest.mark.parametrize("way", WAYS)
def test_packages_stay_in_the_workspace_until_the_folder_is_confirmed(forge, outside, way):
    settings(forge, WAYS[way](forge, outside))
    for _ in range(2):  # the second run has nothing new
        ran = forge.ok("run")
        assert packages(outside) == []
        assert packages(forge.folder) == ["ankiforge.apkg"]
        assert f"ankiforge init --trust {forge.folder}" in ran.stderr
        assert f"output: {outside.resolve()} is outside this workspace" in ran.stderr
    [problem] = forge.json("run")["problems"]
    assert problem["notice"]
    assert "ankiforge init --trust" in problem["hint"]

    forge.ok("init", "--trust")
    ran = forge.ok("run")
    assert packages(outside) == ["ankiforge.apkg"]
    assert "--trust" not in ran.stderr


def test_every_command_that_writes_packages_stays_inside_and_says_so(forge, outside):
    settings(forge, "../outside")
    for command, code in (("run", 0), ("build", 0), ("push", 3)):
        (forge.folder / "notes/a.md").write_text(f"Sleep has ==stages== before {command}.\n")
        said = forge(*command.split(), code=code).stderr
        assert packages(outside) == [], command
        assert "is outside this workspace" in said, command
    assert packages(forge.folder)
    warned = [one for one in forge("doctor", "--json").lines if one["name"] == "trust"]
    assert [(one["state"], one["exit_code"]) for one in warned] == [("warn", 1)]


def test_the_command_line_is_a_persons_own_word(forge, outside):
    settings(forge, "../outside")
    said = forge.ok("run", "-o", outside / "mine.apkg").stderr
    assert "--trust" not in said
    assert packages(outside) == ["mine.apkg"]
    assert packages(forge.folder) == []


@pytest.mark.parametrize("output", [".", "packages", "packages/../packages"])
def test_a_folder_inside_needs_no_word(forge, output):
    (forge.folder / "packages").mkdir()
    settings(forge, output)
    assert "--trust" not in forge.ok("run").stderr
    assert packages(forge.folder / output) == ["ankiforge.apkg"]


def test_another_folder_needs_another_word(forge, outside):
    settings(forge, "../outside")
    forge.ok("init", "--trust")
    (outside.parent / "other").mkdir()
    settings(forge, "../other")
    assert "--trust" in forge.ok("run").stderr
    assert packages(outside.parent / "other") == []
    assert packages(forge.folder) == ["ankiforge.apkg"]
