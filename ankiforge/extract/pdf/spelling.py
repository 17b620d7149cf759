"""Spelling: which hyphens at line ends stay, and how letters are written down."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

_WORD = re.compile(r"\w+(?:[-\u2010]\w+)*")
_BROKEN = re.compile(r"(?<!\S)[^\s\x02\ufffe]*(?:[\x02\ufffe]|[\xad-](?=\s*[\r\n]))\s*\S*")
"""A word that a line end cuts: it is no witness of how it is spelt."""
_LAST_WORD = re.compile(r"[\w\u2010-]+$")
_FIRST_WORD = re.compile(r"[\w\u2010-]+")
WORD = 60
"""No word is longer than this many characters."""


def last_word(text: str) -> str:
    """The word, with its inner hyphens, at the end of a text."""
    found = _LAST_WORD.search(text[-WORD:])
    return found[0] if found else ""


def first_word(text: str) -> str:
    """The word, with its inner hyphens, at the beginning of a text."""
    found = _FIRST_WORD.match(text[:WORD])
    return found[0].rstrip("-\u2010") if found else ""


class Spelling:
    """How a document spells its words, learnt from all its pages when first asked."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._pages = pages

    @cached_property
    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for page in self._pages:
            words = _WORD.findall(_BROKEN.sub(" ", page).lower().replace("\u2010", "-"))
            counts.update(words)
            for word in words:
                parts = word.split("-")
                if len(parts) > 2:
                    pairs = pairwise(parts)
                    counts.update(f"{left}-{right}" for left, right in pairs)
        return counts

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Whether a line broken as left-, right spells `left-right` rather than `leftright`.

        The rest of the document decides, where it has the word in either form (three cases of
        four); else a capital or digit after the break keeps the hyphen, a small letter drops it.
        """
        left, right = (word.replace("\u2010", "-") for word in (left, right))
        whole = self._seen(left, right)
        if whole is None:
            whole = self._seen(left.rpartition("-")[2], right.partition("-")[0])
        if whole is None and "-" in left:
            inner, outer = left.rpartition("-")[2].lower(), right.partition("-")[0].lower()
            whole = True if self._counts[inner] and self._counts[outer] else None
        return whole if whole is not None else right[0].isupper() or right[0].isdigit()

    def _seen(self, left: str, right: str) -> bool | None:
        joined = self._counts[f"{left}{right}".lower()]
        hyphened = self._counts[f"{left}-{right}".lower()]
        return None if not joined + hyphened else hyphened > joined


_LIGATURES = dict(
    zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
)
CONTROLS = (*range(32), *range(127, 160))
_LETTERS: dict[int, str | None] = {
    **_LIGATURES,
    **dict.fromkeys((0x00A0, 0x2007, 0x202F), " "),
    **dict.fromkeys((0x00AD, 0x200B, 0xFEFF)),
    **{code: " " if chr(code).isspace() else None for code in CONTROLS if code != 10},
}
_BLANKS = re.compile(r"[^\S\n]+")
_AROUND_BREAK = re.compile(r" ?\n[ \n]*")


def clean(text: str) -> str:
    """Text fit to be stored: no control characters, no half surrogates, NFC, blanks collapsed.

    Line breaks stay. Ligatures become letters; NFKC would be too much ("m²").
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = unicodedata.normalize("NFC", whole.replace("\r\n", "\n").replace("\r", "\n"))
    return _BLANKS.sub(" ", whole.translate(_LETTERS))


def one_line(text: str) -> str:
    """The same, on one line and without blanks at the ends."""
    return " ".join(clean(text).split())


def flowing(text: str) -> str:
    """The same, a line break only between blocks; blanks at the ends stay."""
    return _AROUND_BREAK.sub("\n", clean(text))
