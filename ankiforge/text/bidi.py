"""Names that may hold bidirectional controls (U+202E and its like) and stand beside other text."""

from __future__ import annotations

import re

CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""All of them, as the inside of a character class."""
_ANY = re.compile(f"[{CONTROLS}]")
_ISOLATES = "\u2066\u2067\u2068"
_FIRST, _END = "\u2068", "\u2069"
_PARAGRAPH = re.compile("([\n\r\x1c-\x1e\x85\u2029]+)")
"""A paragraph ends all that was opened in it."""


def isolated(text: str) -> str:
    """The text such that it reorders nothing beside it; as it is where it holds no such control.

    It stands between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE, which close whatever it opens;
    what would close more than it opened is left out.
    """
    if not _ANY.search(text):
        return text
    return "".join(
        _isolated(part) if _ANY.search(part) else part for part in _PARAGRAPH.split(text)
    )


def _isolated(line: str) -> str:
    depth, kept = 0, []
    for sign in line:
        if sign == _END:
            if not depth:
                continue
            depth -= 1
        elif sign in _ISOLATES:
            depth += 1
        kept.append(sign)
    return f"{_FIRST}{''.join(kept)}{_END * (depth + 1)}"
