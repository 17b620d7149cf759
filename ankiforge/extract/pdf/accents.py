"""Letters that TeX prints in two: a sign, and over or under it an accent of its own."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from ankiforge.extract.pdf.chars import Char

_COMBINING = {
    "´": "\u0301",
    "`": "\u0300",
    "¨": "\u0308",
    "ˆ": "\u0302",
    "˜": "\u0303",
    "¯": "\u0304",
    "˘": "\u0306",
    "˙": "\u0307",
    "˚": "\u030a",
    "˝": "\u030b",
    "ˇ": "\u030c",
    "¸": "\u0327",
    "˛": "\u0328",
}
_DOTLESS = {"ı": "i", "ȷ": "j"}
LEVEL = 0.6
"""An accent is as high as its letter but for so much of the height: capitals lift it."""


def accented(seen: Sequence[Char]) -> Iterator[tuple[int, int, str]]:
    """(place of an accent, place of its letter, both in one) on a page whose lines run across.

    The accent comes before its letter or after it, and its middle is within the letter's width.
    """
    taken: set[int] = set()
    for at in [at for at, char in enumerate(seen) if char.text in _COMBINING]:
        beside = [one for one in (at + 1, at - 1) if 0 <= one < len(seen) and one not in taken]
        for letter in sorted(beside, key=lambda one: abs(seen[one].x - seen[at].x)):
            whole = _whole(seen[at], seen[letter])
            if whole:
                taken.add(letter)
                yield (at, letter, whole)
                break


def _whole(accent: Char, letter: Char) -> str:
    """The letter with the accent, "" if they do not belong together."""
    within = letter.left <= accent.x <= letter.right
    level = abs(accent.y - letter.y) < LEVEL * max(accent.height, letter.height)
    if not (within and level and letter.text.isalpha()):
        return ""
    base = _DOTLESS.get(letter.text, letter.text)
    whole = unicodedata.normalize("NFC", base + _COMBINING[accent.text])
    return whole if len(whole) == 1 else ""
