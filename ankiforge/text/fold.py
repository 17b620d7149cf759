"""Two ways to call texts equal. Frozen: keys are made of `fold` (docs/keys.md)."""

from __future__ import annotations

import re
import unicodedata

_NOT_LETTERS = re.compile(r"[\W_]+")
_BLANKS = re.compile(r"\s+")
_SOFT_HYPHEN = "\u00ad"
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
)


def fold(text: str) -> str:
    r"""Letters and digits only, without case; for keys and the search for candidates.

    NFKC, casefold, delete `[\W_]+`; if nothing is left, NFC without white space.
    Takes C++ for C: use `same` to call texts equal.
    """
    letters = _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())
    return letters or _BLANKS.sub("", unicodedata.normalize("NFC", text))


def canonical(text: str) -> str:
    """The form under which `same` compares: typography unified, nothing else deleted."""
    return unstripped(text).strip()


def unstripped(text: str) -> str:
    """The canonical form with one blank left at each end where there is white space."""
    text = unicodedata.normalize("NFKC", text.replace(_SOFT_HYPHEN, "").translate(_TYPOGRAPHY))
    return _BLANKS.sub(" ", text.casefold().translate(_TYPOGRAPHY))


def same(a: str, b: str) -> bool:
    """Whether two texts are equal but for case, blanks, soft hyphens, quotes and dashes."""
    return canonical(a) == canonical(b)
