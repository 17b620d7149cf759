"""A workspace with a few accepted cards, as rows of several tables start from."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace

NOTE = """\
# Organs

What pumps blood?::the heart

What filters blood?::the kidney

What breathes?::the lung

What digests?::the stomach

What thinks?::the brain

The ==liver== makes bile, and {{c1::insulin}} comes from the pancreas.
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
anki: {collection: none}
"""


@pytest.fixture(scope="module")
def desk(forge_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    forge = forge_in(tmp_path_factory.mktemp("organs"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Organs.md").write_text(NOTE, encoding="utf-8")
    forge.settings(SETTINGS)
    forge.ok("run")
    folder: Path = forge.folder
    return folder


@pytest.fixture
def workspace(desk: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the workspace, opened."""
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder)
    with Workspace(find_workspace(folder, folder, registry)) as opened:
        yield opened
