"""A workspace in which drafts, a proposal, a passage without one and a card are decided on."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace

NOTE = """\
# Cells

==Osmosis is the diffusion of water through a semipermeable membrane.==

What is a ribosome?::a maker of proteins

What is a nucleus?::the home of the genes

==and so on, they said==

What is a cell?::a unit of life
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: review}
anki: {collection: none}
"""


@pytest.fixture(scope="module")
def desk(forge_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    forge = forge_in(tmp_path_factory.mktemp("cells"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(NOTE, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    [waiting] = forge.lists("new")
    [cell] = [row["id"] for row in waiting if "cell" in str(row["fields"])]
    forge.ok("accept", cell)
    folder: Path = forge.folder
    return folder


@pytest.fixture
def workspace(desk: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the workspace, opened."""
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder)
    with Workspace(find_workspace(folder, folder, registry)) as opened:
        yield opened
