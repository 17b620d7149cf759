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


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("way", WAYS)
def test_no_command_runs_until_a_folder_outside_is_confirmed(forge, outside, way):
    settings(forge, WAYS[way](forge, outside))
    for command in ("run", "build", "push", "doctor"):
        said = forge(command, code=2)
        assert f"ankiforge init --trust {forge.folder}" in said.stdout + said.stderr
        assert (
            f"packages would be written to {outside.resolve()}"
            in said.stdout + said.stderr
        )
    assert packages(outside) == packages(forge.folder) == []

    forge.ok("init", "--trust")
    forge.ok("run")
    assert packages(outside) == ["ankiforge.apkg"]


@pytest.mark.usefixtures("takes_marks")
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
    assert "--trust" in forge("run", code=2).stderr
    assert packages(outside.parent / "other") == []
