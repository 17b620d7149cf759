"""Locate the data folders of the distribution."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(kind: str) -> Path:
    """Return the folder of shipped texts: `kind` is "prompts", "decks" or "evaluation".

    A wheel holds them inside the package, a checkout beside it.
    """
    package = Path(str(files("ankiforge")))
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind
