"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

The way: `files` finds the notes, `vault` reads them, `covers` takes comments out, `blocks`
cuts a note into blocks, `inline` reads a block's words, `cards` knows the hand-written
forms, `note` makes highlights. Nothing is ever written into a vault.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ankiforge.domain import Source
from ankiforge.errors import ConfigError
from ankiforge.extract import SourceSettings
from ankiforge.extract.obsidian.vault import Vault

MARKS = ("==", "mark", "bold", "callout")
"""What may count as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
CARDS = ("inline", "block", "cloze", "glossary")
"""`front::back`; front, `?`, back; `{{answer}}`; `Term: definition` in lists."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: tuple[str, ...] = ("**/*.md",)
    """Glob patterns of notes; one without a slash inside holds at any depth, as in git."""
    exclude: tuple[str, ...] = ()
    """Patterns of what to leave out; one that ends in `/` is a folder with all it holds."""
    marks: tuple[str, ...] = ("==", "mark")
    cards: tuple[str, ...] = CARDS
    glossary_headings: tuple[str, ...] = ()
    """Words that make a heading one of a glossary, beside glossary, definitions and terms."""


def open_source(
    name: str,
    root: Path,
    settings: Any,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
) -> Source:
    """Make a reader of the vault at `root`; `me` does not matter, a vault has one author.

    Raises:
        ConfigError: `marks` or `cards` holds a word that is not known.
    """
    _known("marks", settings.marks, MARKS)
    _known("cards", settings.cards, CARDS)
    return Vault(name, root, settings, only)


def _known(key: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    for word in given:
        if word not in known:
            raise ConfigError(f"{key}: unknown value {word!r}", hint=f"known: {', '.join(known)}")
