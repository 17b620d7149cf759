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


_WITHIN_WORDS = "and by for in of on or the to"
_WITHIN = frozenset(_WITHIN_WORDS.split())
"""state-of-the-art, end-to-end: words in the middle of a compound, and never parts of one."""
_FIRST_WORDS = (
    "self cross well long short high low real mixed large small full half open closed"
    " single double two three four five six eight zero first second third higher lower"
    " fine coarse near state data time"
)
_FIRST = frozenset(_FIRST_WORDS.split())
"""Words that begin compounds more often than they are the beginning of a longer word."""
_ENDING = re.compile(
    r"(?:ness|less|ment|fold|teen|een$|ish|ary|ly$|ing|ed$|en|er|est$|age|i[sz]|iti?[eyu]|land|way"
    r"|light|road|over|word|base|set|table|line|house|hand|wise|coming|ton|born|mente)"
)
"""What then follows in high-light, short-ening, real-istic, cross-over, time-table."""
_SECOND_WORDS = (
    "based oriented dependent driven specific related dimensional aware sized valued like"
    " shaped free independent induced mediated level"
)
_SECOND = frozenset(_SECOND_WORDS.split())
"""Words that end compounds, after a whole word."""
_PREFIXES_WORDS = "un in dis inter over under co re mis non pre de a be out up or as"
_PREFIXES = frozenset(_PREFIXES_WORDS.split())


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
        four); else a capital or digit after the break keeps the hyphen, and so do the words of
        which compounds are made; before other small letters it goes.
        """
        left, right = (word.replace("\u2010", "-") for word in (left, right))
        inner, outer = left.rpartition("-")[2].lower(), right.partition("-")[0].lower()
        whole = self._seen(left, right)
        if whole is None:
            whole = self._seen(inner, outer)
        if whole is None and "-" in left:
            known = self._counts[inner] and self._counts[outer]
            whole = True if known or inner in _WITHIN else None
        if whole is None and "-" in right:
            whole = True if outer in _WITHIN else None
        if whole is None:
            whole = right[0].isupper() or right[0].isdigit() or self._compound(inner, outer)
        return whole

    def _compound(self, left: str, right: str) -> bool:
        """Whether English writes these two with a hyphen, though the document never shows it."""
        if left in _FIRST:
            return len(right) > 2 and right != left and not _ENDING.match(right)
        return right in _SECOND and left not in _PREFIXES and bool(self._counts[left])

    def _seen(self, left: str, right: str) -> bool | None:
        joined = self._counts[f"{left}{right}".lower()]
        hyphened = self._counts[f"{left}-{right}".lower()]
        return None if not joined + hyphened else hyphened > joined


_LIGATURES = dict(
    zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
)
_SWAPPED_LETTERS = {chr(ord(letter) << 8): letter for letter in "fijlt"}
_SWAPPED = re.compile(
    "(?<=[A-Za-z])[{0}]{{2,3}}|[{0}]{{2,3}}(?=[A-Za-z])".format("".join(_SWAPPED_LETTERS))
)
CONTROLS = (*range(32), *range(127, 160))
_LETTERS: dict[int, str | None] = {
    **_LIGATURES,
    **dict.fromkeys((0x00A0, 0x2007, 0x202F), " "),
    **dict.fromkeys((0x00AD, 0x200B, 0xFEFF)),
    **{code: " " if chr(code).isspace() else None for code in CONTROLS if code != 10},
}


def unswapped(text: str) -> str:
    """The letters of ligatures whose two bytes Ghostscript 10.0 swapped; as long as before.

    It writes a\u6600\u6600airs for affairs: signs that stand beside no Latin letter in pairs else.
    """
    return _SWAPPED.sub(lambda found: "".join(_SWAPPED_LETTERS[one] for one in found[0]), text)


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
