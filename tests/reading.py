"""What a source yielded, picked apart for tests."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ankiforge.model import Extracted, Highlight, Problem, Scan, Sighting


def documents(found: Iterable[Sighting]) -> list[Extracted]:
    return [one for one in found if isinstance(one, Extracted)]


def highlights(found: Iterable[Sighting]) -> list[Highlight]:
    return [mark for one in documents(found) for mark in one.highlights]


def texts(found: Iterable[Sighting]) -> list[str]:
    return [mark.exact for mark in highlights(found)]


def problems(found: Iterable[Sighting]) -> list[Problem]:
    return [one for one in found if isinstance(one, Problem)]


def only_problem(found: Iterable[Sighting]) -> Problem:
    [problem] = problems(found)
    return problem


def scans(found: Iterable[Sighting]) -> dict[str, bool]:
    """Container → whether its scan is complete."""
    return {one.container: one.complete for one in found if isinstance(one, Scan)}


def tell_osr(vault: Path, **settings: Any) -> Path:
    """Switch obsidian-spaced-repetition on in a vault, told to read all notes and all clozes."""
    marks = ("==", "=="), ("**", "**"), ("{{", "}}")
    patterns = [f"{start}[123;;]answer[;;hint]{end}" for start, end in marks]
    path = vault / ".obsidian" / "plugins" / "obsidian-spaced-repetition" / "data.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"flashcardTags": [], "clozePatterns": patterns, **settings}
    path.write_text(json.dumps({"settings": told}), encoding="utf-8")
    listed = vault / ".obsidian" / "community-plugins.json"
    listed.write_text('["obsidian-spaced-repetition"]', encoding="utf-8")
    return path
