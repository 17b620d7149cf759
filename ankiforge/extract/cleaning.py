"""Clean text extracted from files: ligatures, control characters and whitespace."""

from __future__ import annotations

import unicodedata

from ankiforge.text import regex

_LIGATURES = {
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "st",
    "ﬆ": "st",
}
_LINE_FEED = 10
_CONTROL_CODES = (*range(32), *range(127, 160))
_CONTROLS = [chr(code) for code in _CONTROL_CODES if code != _LINE_FEED]
_LETTERS = str.maketrans(
    _LIGATURES
    | dict.fromkeys("\u00a0\u2007\u202f", " ")
    | dict.fromkeys("\u00ad\u200b\ufeff", "")
    | {control: " " if control.isspace() else "" for control in _CONTROLS}
)
_SPACES = regex(r"[^\S\n]+")
_AROUND_LINE_BREAK = regex(r" ?\n[ \n]*")


def clean_text(text: str) -> str:
    """Normalize text to NFC with single spaces, and remove control characters.

    Line breaks are kept, ligatures are split into letters, and a lone surrogate becomes U+FFFD.
    NFKC isn't used, because it would also change characters such as the ² in m².
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    return _SPACES.sub(" ", text.translate(_LETTERS))


def to_one_line(text: str) -> str:
    """Clean text, and replace all whitespace, including line breaks, with single spaces."""
    return " ".join(clean_text(text).split())


def clean_blocks(text: str) -> str:
    """Clean text that may span several blocks, and separate the blocks by single line breaks.

    Leading and trailing spaces are kept.
    """
    return _AROUND_LINE_BREAK.sub("\n", clean_text(text))
