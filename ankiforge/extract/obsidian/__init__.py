"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

`vault` finds the notes and reads them with the functions of `markdown`. `dialects` reads the cards
of other tools with the functions of `grammar`, as `plugins` finds them set up. Nothing is written
into a vault.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from ankiforge.extract import SourceSettings
from ankiforge.extract.markdown import CARDS as CARDS
from ankiforge.extract.markdown import TERM as TERM
from ankiforge.extract.markdown import HandWritten, Term
from ankiforge.extract.obsidian.vault import Vault
from ankiforge.model import Source

Mark = Literal["==", "mark", "bold", "callout"]
"""What may be read as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
OfTools = Literal["osr", "o2a", "flashcards"]
"""Dialects: obsidian-spaced-repetition, Obsidian_to_Anki, flashcards-obsidian."""
MARKS: tuple[Mark, ...] = get_args(Mark)
DIALECTS: tuple[OfTools, ...] = get_args(OfTools)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: tuple[str, ...] = ("**/*.md",)
    """Glob patterns of notes; as in git, one without an inner slash matches at any depth."""
    exclude: tuple[str, ...] = ()
    """Glob patterns to leave out; one that ends in `/` is a folder with its content."""
    marks: tuple[Mark, ...] | None = None
    """None = `==` and `mark`, but not `==` in notes for which a dialect defines its meaning."""
    cards: tuple[HandWritten | Term | OfTools, ...] = CARDS
    glossary_headings: tuple[str, ...] = ()
    """Extra headings that mark a glossary section, beside glossary, definitions and terms."""


def open_source(
    name: str,
    root: Path,
    settings: Any,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    jobs: int = 1,
) -> Source:
    """Return a reader of the vault at `root`; `me` is ignored, because a vault has one author."""
    return Vault(name, root, settings, only, jobs)
