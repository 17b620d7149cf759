"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

`vault` finds the notes and reads them with the functions of `markdown`. `dialects` reads the cards
of other tools with the functions of `grammar`. Nothing is written into a vault.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from ankiforge.extract import SourceSettings
from ankiforge.extract.markdown import CARDS as CARDS
from ankiforge.extract.markdown import TERM as TERM
from ankiforge.extract.markdown import HandWritten, Term
from ankiforge.extract.obsidian.vault import Vault
from ankiforge.model import Source

if TYPE_CHECKING:
    from ankiforge.extract.workers import WorkerPool

Mark = Literal["==", "mark", "bold", "callout"]
"""What may be read as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
OfTools = Literal["osr", "o2a", "flashcards"]
"""Dialects: obsidian-spaced-repetition, Obsidian_to_Anki, flashcards-obsidian."""
Style = Literal["question", "flashcard", "ruled", "table", "inline", "curly", "highlight"]
"""`Q:`/`A:`; `#flashcard`; `---`; a table of one column; `x::y`; `{x}`; `==x==`."""
MARKS: tuple[Mark, ...] = get_args(Mark)
DIALECTS: tuple[OfTools, ...] = get_args(OfTools)


class OsrSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
               rename="camel"):  # fmt: skip
    """The plugin's own settings, named as in its `data.json`."""

    single_line_card_separator: str = "::"
    single_line_reversed_card_separator: str = ":::"
    multiline_card_separator: str = "?"
    multiline_reversed_card_separator: str = "??"
    multiline_card_end_marker: str = ""
    """The line that ends a multi-line card; "" = an empty line."""
    cloze_patterns: tuple[str, ...] = (
        "==[123;;]answer[;;hint]==",
        "**[123;;]answer[;;hint]**",
        "{{[123;;]answer[;;hint]}}",
    )
    flashcard_tags: tuple[str, ...] = ()
    """Only notes with one of these tags contain cards; () = all notes."""

    def __post_init__(self) -> None:
        for pattern in self.cloze_patterns:
            if "answer" not in pattern:
                what = f"{pattern!r} has no word 'answer', as in ==[123;;]answer[;;hint]=="
                raise ValueError(f"the cloze pattern {what}")


class O2aSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The card styles in use, which users of the plugin define by regular expressions."""

    styles: tuple[Style, ...] = get_args(Style)


class FlashcardsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
               rename="camel"):  # fmt: skip
    """The plugin's own settings, named as in its `data.json`."""

    flashcards_tag: str = "card"
    inline_separator: str = "::"
    inline_separator_reverse: str = ":::"
    inline_id: bool = msgspec.field(default=False, name="inlineID")
    """Where the plugin writes its ids. Without effect: ids are found in both places."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: tuple[str, ...] = ("**/*.md",)
    """Glob patterns of notes; as in git, one without an inner slash matches at any depth."""
    exclude: tuple[str, ...] = ()
    """Glob patterns to leave out; one that ends in `/` is a folder with its content."""
    marks: tuple[Mark, ...] | None = None
    """None = `==` and `mark`, but not `==` in notes for which a dialect defines its meaning."""
    cards: tuple[HandWritten | Term | OfTools, ...] = CARDS
    osr: OsrSettings = OsrSettings()
    o2a: O2aSettings = O2aSettings()
    flashcards: FlashcardsSettings = FlashcardsSettings()
    glossary_headings: tuple[str, ...] = ()
    """Extra headings that mark a glossary section, beside glossary, definitions and terms."""


def open_source(
    name: str,
    root: Path,
    settings: Any,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    pool: WorkerPool | None = None,
) -> Source:
    """Return a reader of the vault at `root`; `me` is ignored, because a vault has one author."""
    return Vault(name, root, settings, only, pool)
