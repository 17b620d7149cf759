"""Builds the samples into a folder: a vault, annotated PDFs, a Zotero data folder.

    python -m tests.makers.build FOLDER

What is there already is left as it is.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.makers.library import write_library
from tests.makers.papers import write_papers

VAULT = Path(__file__).parent / "vault"


def copy_vault(folder: Path) -> None:
    """Copy the notes to where a person may edit them."""
    shutil.copytree(VAULT, folder)


PARTS = {"vault": copy_vault, "papers": write_papers, "zotero": write_library}


def build(target: Path) -> None:
    """Make the missing parts; each appears whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    for name, make in PARTS.items():
        if not (target / name).exists():
            part = target / f".{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            part.rename(target / name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.makers.build FOLDER")
    build(Path(sys.argv[1]))
