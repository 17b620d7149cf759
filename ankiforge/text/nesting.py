"""How deep JSON is nested, before it is parsed.

A parser that recurses gives up at a depth that depends on the Python version and on what
called it, so a line that was read once could fail later. A limit of our own is the same
everywhere.
"""

from __future__ import annotations

from ankiforge.text import regex

DEEPEST = 64
"""Levels of arrays and objects that are accepted. What the program writes has fewer than ten."""
# A string, closed or not, or one bracket.
_TOKEN = regex(rb'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]')


def is_too_deep(text: bytes, deepest: int = DEEPEST) -> bool:
    """Return whether arrays and objects of a JSON text are nested in more than `deepest` levels."""
    if text.count(b"[") + text.count(b"{") <= deepest:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in (b"[", b"{"):
            depth += 1
            if depth > deepest:
                return True
        elif sign in (b"]", b"}"):
            depth -= 1
    return False
