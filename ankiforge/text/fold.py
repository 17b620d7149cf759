"""Normal forms of text: folded for keys, canonical for comparison, clean for Anki.

Keys and anchors are made from `fold` and `canonical` (docs/reference/keys.md).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ankiforge.text import regex

_NOT_LETTERS = regex(r"[\W_]+")
_BLANKS = regex(r"\s+")
# White space other than a single space, which needs no replacement.
_UNEVEN = regex(r" \s+|[^\S ]\s*")
_TYPOGRAPHY = (
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | {"\u00ad": ""}
)
_TYPOGRAPHIC = regex(f"[{''.join(_TYPOGRAPHY)}]")


def fold(text: str) -> str:
    r"""Return only letters and digits, casefolded. For keys and for finding candidates.

    NFKC, casefold, delete `[\W_]+`. If nothing is left, NFC without white space.
    This turns C++ into C, so use `same` to compare texts.
    """
    letters = _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())
    return letters or _BLANKS.sub("", unicodedata.normalize("NFC", text))


def document_tag(title: str) -> str:
    """Return the tag of a document's notes, from its title.

    "" if that has no letter or digit.
    """
    signs = [sign for sign in fold(title) if sign.isalnum()]
    slug = "".join(signs)[:40]
    return f"ankiforge::doc::{slug}" if slug else ""


def canonical(text: str) -> str:
    """Return the form that `same` compares: case, white space and typography unified."""
    return unstripped(text).strip()


def unstripped(text: str) -> str:
    """Return the canonical form, with white space at either end kept as one space."""
    if text.isascii():  # neither typography nor other forms of a letter
        return _UNEVEN.sub(" ", text.lower())
    text = unicodedata.normalize("NFKC", _typewritten(text))
    return _UNEVEN.sub(" ", _typewritten(text.casefold()))


def _typewritten(text: str) -> str:
    """Return a text with plain quotes and dashes, and without soft hyphens."""
    return _TYPOGRAPHIC.sub(lambda sign: _TYPOGRAPHY[sign[0]], text)


def same(a: str, b: str) -> bool:
    """Return whether texts are the same in their canonical form.

    They may differ in case, white space, soft hyphens, quotes and dashes.
    """
    return canonical(a) == canonical(b)


_letter = lru_cache(maxsize=4096)(unstripped)


@lru_cache(maxsize=64)
def _mapped(text: str) -> tuple[str, Sequence[int]]:
    """Return the canonical form of a text, and the offset of each of its characters."""
    if text.isascii() and not _UNEVEN.search(text):
        # each character is one in the canonical form
        return text.lower(), range(len(text))
    letters = list[str]()
    origins = list[int]()
    for start, cluster in _clusters(text):
        for letter in _letter(cluster):
            if letter == " " and letters and letters[-1] == " ":
                continue
            letters.append(letter)
            origins.append(start)
    return "".join(letters), tuple(origins)


def _clusters(text: str) -> list[tuple[int, str]]:
    """Return base characters with their combining marks, because NFKC may join them.

    Each has its offset before it.
    """
    clusters = list[tuple[int, str]]()
    for offset, letter in enumerate(text):
        if clusters and unicodedata.combining(letter):
            start, before = clusters[-1]
            clusters[-1] = (start, before + letter)
        else:
            clusters.append((offset, letter))
    return clusters


def locate(quote: str, source: str, near: int = 0) -> tuple[int, int] | None:
    """Return the position of `quote` in `source`, as [start, end) in code points.

    Texts match as with `same`: only case, white space, soft hyphens, quotes and dashes
    are ignored. Of several places it is the one that begins nearest to `near`, by default
    the first. None if there is no match.
    """
    needle = canonical(quote)
    if not needle:
        return None
    haystack, origins = _mapped(source)
    position = haystack.find(needle)
    if position < 0:
        return None
    later = position
    while near > origins[later]:
        later = haystack.find(needle, later + 1)
        if later < 0:
            break
        if abs(origins[later] - near) < abs(origins[position] - near):
            position = later
    start = origins[position]
    end = origins[position + len(needle) - 1] + 1
    # what belongs to the last character: combining marks and soft hyphens
    while end < len(source):
        following = source[end]
        if not unicodedata.combining(following) and following != "\u00ad":
            break
        end += 1
    return start, end


# --- as Anki stores it, as a terminal and a page show it ------------------------------

_UNWANTED = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidirectional controls, as the inside of a character class."""
_BIDI = regex(f"[{BIDI_CONTROLS}]")
_FIRST_STRONG_ISOLATE = "\u2068"
_POP_ISOLATE = "\u2069"
# All that a POP DIRECTIONAL ISOLATE closes.
_ISOLATES = frozenset("\u2066\u2067\u2068")
# Paragraph separators, which end every bidirectional run.
_PARAGRAPH = regex("([\n\r\x1c-\x1e\x85\u2029]+)")


def clean(text: str) -> str:
    """Return a text as Anki stores it: NFC, LF, no controls or noncharacters."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text))


def is_visible(text: str) -> bool:
    """Return whether a plain text has any visible character."""
    if text.isascii() and text.isprintable():
        return bool(text.strip())
    letters = clean(text)
    return any(unicodedata.category(letter) not in _INVISIBLE for letter in letters)


def isolated(text: str) -> str:
    """Isolate a text whose bidirectional controls would reorder its surroundings.

    Each paragraph with such a control is put between FIRST STRONG ISOLATE and POP
    DIRECTIONAL ISOLATE. Unmatched POP DIRECTIONAL ISOLATEs are removed.
    """
    if not _BIDI.search(text):
        return text
    return "".join(map(_isolated_paragraph, _PARAGRAPH.split(text)))


def _isolated_paragraph(paragraph: str) -> str:
    """Put a paragraph with bidirectional controls into an isolate; close others."""
    if not _BIDI.search(paragraph):
        return paragraph
    depth = 0
    parts_kept = list[str]()
    for sign in paragraph:
        if sign in _ISOLATES:
            depth += 1
        elif sign == _POP_ISOLATE:
            if not depth:
                continue
            depth -= 1
        parts_kept.append(sign)
    inside = "".join(parts_kept)
    return _FIRST_STRONG_ISOLATE + inside + _POP_ISOLATE * (depth + 1)
