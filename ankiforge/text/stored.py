"""Text as Anki stores it."""

from __future__ import annotations

import re
import unicodedata

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))


def clean(text: str) -> str:
    """What Anki stores of a text: NFC, newlines as LF, no control or non-characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text))


def is_visible(text: str) -> bool:
    """Whether a plain text shows anything: more than blanks, controls and signs without width."""
    return any(unicodedata.category(letter) not in _UNSEEN for letter in clean(text))
