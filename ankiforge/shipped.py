"""Finds `prompts/`, `decks/`, `evaluation/`: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(kind: str) -> Path:
    """The folder of texts that come with the program: "prompts", "decks" or "evaluation"."""
    inside = Path(str(files("ankiforge") / kind))
    return inside if inside.is_dir() else Path(__file__).parents[1] / kind
