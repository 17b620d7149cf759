"""Text of PDFs made fit for storage: ligatures, control characters, white space."""

from __future__ import annotations

import unicodedata

from ankiforge.text import regex

_SWAPPED_LETTERS = {chr(ord(letter) << 8): letter for letter in "fijlt"}
_SWAPPED_TABLE = str.maketrans(_SWAPPED_LETTERS)
_SWAPPED_SIGNS = "".join(_SWAPPED_LETTERS)
_SWAPPED = regex(
    f"(?<=[A-Za-z])[{_SWAPPED_SIGNS}]{{2,3}}"  # after a Latin letter
    f"|[{_SWAPPED_SIGNS}]{{2,3}}(?=[A-Za-z])"  # or before one
)
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
_AROUND_BREAK = regex(r" ?\n[ \n]*")


def unswapped(text: str) -> str:
    """Return the text with ligatures corrected whose two bytes Ghostscript 10.0 swapped.

    It writes a\u6600\u6600airs for affairs. Such characters never occur in pairs beside
    Latin letters otherwise. The length stays the same.
    """
    return _SWAPPED.sub(lambda run: run[0].translate(_SWAPPED_TABLE), text)


def clean(text: str) -> str:
    """Return text without control characters and surrogates, in NFC, single spaces.

    Line breaks stay. Ligatures become letters; NFKC would change too much ("m²").
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    return _SPACES.sub(" ", text.translate(_LETTERS))


def one_line(text: str) -> str:
    """Return the clean text on one line, stripped."""
    return " ".join(clean(text).split())


def flowing(text: str) -> str:
    """Return the clean text with line breaks only between blocks.

    Spaces at its ends stay.
    """
    return _AROUND_BREAK.sub("\n", clean(text))
