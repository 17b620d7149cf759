from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def server(forge: Any, fake: ModuleType) -> Iterator[Any]:
    """A model that draws one card a passage, and a workspace that names it."""
    with fake.LlmServer() as running:
        llm = json.dumps({"base_url": running.base_url, "model": "m", "candidates": 1})
        settings = f"llm: {llm}\nanki: {{collection: none}}\n"
        (forge.folder / "ankiforge.yaml").write_text(settings)
        yield running


@pytest.fixture
def passages(forge: Any) -> Callable[..., Path]:
    """Write a set: `passages({"exact": …, "deserves": …}, …)`."""

    def write(*lines: dict[str, Any]) -> Path:
        path: Path = forge.folder / "set.jsonl"
        document = {"key": "eval:book", "title": "A book"}
        made = [
            json.dumps({"key": f"eval:book/{at}", "document": document, **line})
            for at, line in enumerate(lines)
        ]
        path.write_text("\n".join(made) + "\n", encoding="utf-8")
        return path

    return write


NOTE = "Osmosis is what?::the passage of water\n\nREM stands for ==rapid eye movement== here.\n"


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
    """check: the fronts of the notes it speaks of, of the lines of `lint` or `audit`."""

    def by_check(result: Any) -> dict[str, set[str]]:
        by: dict[str, set[str]] = {}
        for note in result.lines:
            for finding in note["findings"]:
                by.setdefault(finding["check"], set()).add(note["front"])
        return by

    return by_check
