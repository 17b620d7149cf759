"""What a source yielded, picked apart for tests."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ankiforge.extract import registry
from ankiforge.extract.base import SourceOpenParameters
from ankiforge.model import ExtractedDocument, Highlight, Problem, ScanEnd, Sighting


def documents(found: Iterable[Sighting]) -> list[ExtractedDocument]:
    return [one for one in found if isinstance(one, ExtractedDocument)]


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
    return {one.container: one.complete for one in found if isinstance(one, ScanEnd)}


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


# --- opening sources ------------------------------------------------------------------------


def settings_of(kind: str, **values: Any) -> Any:
    """The settings of a source, with these keys."""
    return registry.load_source_type(kind).Settings(**values)


def opened(
    kind: str,
    root: Path,
    settings: Any = None,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    name: str = "",
    limits: Mapping[str, Any] = MappingProxyType({}),
    **more: Any,
) -> Any:
    """Open a source as a run does; `limits` are fields of it that no setting changes."""
    if settings is None:
        settings = settings_of(kind, path=str(root))
    opening = SourceOpenParameters(name or kind, root, settings, only, me, **more)
    source = registry.load_source_type(kind).open(opening)
    return dataclasses.replace(source, **limits) if limits else source
