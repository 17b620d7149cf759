"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

The way: `files` finds the notes, `vault` reads them, `covers` takes comments out, `blocks`
cuts a note into blocks, `inline` reads a block's words, `cards` knows the hand-written
forms, `note` makes highlights. Nothing is ever written into a vault.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ankiforge.extract import SourceSettings
from ankiforge.extract.obsidian.dialects.settings import (
    FlashcardsSettings,
    O2aSettings,
    OsrSettings,
    YankiSettings,
)
from ankiforge.extract.obsidian.vault import Vault
from ankiforge.model import Memory, NoMemory, Source

if TYPE_CHECKING:
    from ankiforge.extract.workers import WorkerPool

Mark = Literal["==", "mark", "bold", "callout"]
"""What may count as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
HandWritten = Literal["inline", "block", "cloze", "glossary"]
"""`front::back`; front, `?`, back; `{{answer}}`; `Term: definition` in lists."""
Term = Literal["term", "-term"]
"""`Term: text` list items outside a glossary, which most people write as prose: only by wish."""
TERM: Term = "term"
OfTools = Literal["osr", "o2a", "flashcards", "yanki", "logseq", "remnote"]
"""The dialects: how obsidian-spaced-repetition, Obsidian_to_Anki and others write cards."""
NO_MEMORY = NoMemory()
MARKS: tuple[Mark, ...] = get_args(Mark)
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)
DIALECTS: tuple[OfTools, ...] = get_args(OfTools)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: tuple[str, ...] = ("**/*.md",)
    """Glob patterns of notes; one without a slash inside holds at any depth, as in git."""
    exclude: tuple[str, ...] = ()
    """Patterns of what to leave out; one that ends in `/` is a folder with all it holds."""
    marks: tuple[Mark, ...] | None = None
    """None = `==` and `mark`; without `==` where a dialect has a meaning of its own for it."""
    cards: tuple[HandWritten | Term | OfTools, ...] = CARDS
    """`-term` leaves those items out also where an older workspace would read them."""
    osr: OsrSettings = OsrSettings()
    o2a: O2aSettings = O2aSettings()
    flashcards: FlashcardsSettings = FlashcardsSettings()
    yanki: YankiSettings = YankiSettings()
    glossary_headings: tuple[str, ...] = ()
    """Words that make a heading one of a glossary, beside glossary, definitions and terms."""


def open_source(
    name: str,
    root: Path,
    settings: Any,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    memory: Memory = NO_MEMORY,
    pool: WorkerPool | None = None,
) -> Source:
    """Make a reader of the vault at `root`; `me` does not matter, a vault has one author."""
    return Vault(name, root, settings, only, memory, pool)
