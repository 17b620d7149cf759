"""What the dialects may be told in the configuration.

Two of the tools keep settings of their own; theirs have the names here that they have there.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Style = Literal["question", "flashcard", "ruled", "table", "inline", "curly", "highlight"]
"""`Q:`/`A:`; `#flashcard`; `---`; a table of one column; `x::y`; `{x}`; `==x==`."""
STYLES: tuple[Style, ...] = get_args(Style)


class OsrSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
               rename="camel"):  # fmt: skip
    """The plugin's own settings, under the names they have in its `data.json`."""

    single_line_card_separator: str = "::"
    single_line_reversed_card_separator: str = ":::"
    multiline_card_separator: str = "?"
    multiline_reversed_card_separator: str = "??"
    multiline_card_end_marker: str = ""
    """The line that ends a card over several lines; "" = an empty line does."""
    cloze_patterns: tuple[str, ...] = (
        "==[123;;]answer[;;hint]==",
        "**[123;;]answer[;;hint]**",
        "{{[123;;]answer[;;hint]}}",
    )
    flashcard_tags: tuple[str, ...] = ()
    """Only notes with one of these tags hold cards; none = every note."""

    def __post_init__(self) -> None:
        for pattern in self.cloze_patterns:
            if "answer" not in pattern:
                what = f"{pattern!r} has no word 'answer', as in ==[123;;]answer[;;hint]=="
                raise ValueError(f"the cloze pattern {what}")


class O2aSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which of the styles that the plugin has to be taught the vault uses."""

    styles: tuple[Style, ...] = STYLES


class FlashcardsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
               rename="camel"):  # fmt: skip
    """The plugin's own settings, under the names they have in its `data.json`."""

    flashcards_tag: str = "card"
    inline_separator: str = "::"
    inline_separator_reverse: str = ":::"
    inline_id: bool = msgspec.field(default=False, name="inlineID")
    """Where the plugin writes its ids; they are found in either place, whatever is said."""


class YankiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the tool's notes lie."""

    folders: tuple[str, ...] = ()
    """Folders whose files are cards; none = every file that looks like one."""
