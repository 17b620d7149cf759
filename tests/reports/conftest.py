from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOTE = "Osmosis is what?::the passage of water\n\nSleep with dreams is called {{c1::paradoxical sleeping}} by its students.\n"


@pytest.fixture
def ours(forge: Any, tmp_path: Path) -> Path:
    """A package of the two cards of a vault, beside their workspace."""
    vault = tmp_path / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "A.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "-o", "ours.apkg")
    package: Path = forge.folder / "ours.apkg"
    return package


@pytest.fixture
def found() -> Callable[[Any], dict[str, set[str]]]:
    """check: the fronts of the notes it speaks of, of the lines of `repair FILE`."""

    def by_check(result: Any) -> dict[str, set[str]]:
        by: dict[str, set[str]] = {}
        for note in result.lines:
            for finding in note["findings"]:
                by.setdefault(finding["check"], set()).add(note["front"])
        return by

    return by_check
