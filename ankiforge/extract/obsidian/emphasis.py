"""Which `*`, `_` and `~~` are emphasis: the pairing rules of CommonMark, without nesting limits."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_FAR = 32
"""How many open signs of a kind are looked at for a partner; bounds the work."""


@dataclass(slots=True)
class Sign:
    """A run of one character that may open or close emphasis."""

    character: str
    token: int
    """The token of its first unused character; each character is a token."""
    length: int
    """How many are unused."""
    opens: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Emphasis: `length` sign tokens from `opener` on, and as many from `closer` on."""

    opener: int
    closer: int
    length: int


def sign(character: str, token: int, length: int, before: str, after: str) -> Sign:
    """Judge a run by the characters around it ("" = an end of the text)."""
    left = _flanks(after, before)
    right = _flanks(before, after)
    if character == "_":
        opens = left and (not right or _punctuation(before))
        closes = right and (not left or _punctuation(after))
    else:
        opens, closes = left, right
    return Sign(character, token, length, opens, closes)


def _flanks(inner: str, outer: str) -> bool:
    if not inner or inner.isspace():
        return False
    return not _punctuation(inner) or not outer or outer.isspace() or _punctuation(outer)


def _punctuation(character: str) -> bool:
    return character != "" and unicodedata.category(character)[0] in "PS"


def pairs(signs: list[Sign]) -> list[Pair]:
    """The emphasis of one block, in the order in which it closes."""
    found: list[Pair] = []
    open_signs: list[Sign] = []
    for closer in signs:
        while closer.closes and closer.length:
            opener = _opener(open_signs, closer)
            if opener is None:
                break
            length = _length(opener, closer)
            opener.length -= length
            found.append(Pair(opener.token + opener.length, closer.token, length))
            closer.token += length
            closer.length -= length
            while open_signs[-1] is not opener:
                open_signs.pop()
            if not opener.length:
                open_signs.pop()
        if closer.opens and closer.length:
            open_signs.append(closer)
    return found


def _length(opener: Sign, closer: Sign) -> int:
    return 2 if min(opener.length, closer.length) >= 2 else 1


def _opener(open_signs: list[Sign], closer: Sign) -> Sign | None:
    for opener in reversed(open_signs[-_FAR:]):
        if opener.character == closer.character and _may_pair(opener, closer):
            return opener
    return None


def _may_pair(opener: Sign, closer: Sign) -> bool:
    if closer.character == "~":
        return opener.length == closer.length == 2
    both = opener.closes or closer.opens
    total = opener.length + closer.length
    return not (both and total % 3 == 0 and opener.length % 3)
