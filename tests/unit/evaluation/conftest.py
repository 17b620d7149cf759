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
        forge.settings(settings)
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
