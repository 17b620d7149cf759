"""Anchors: keys of highlights to which their source gives no id. Frozen (docs/keys.md)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ankiforge.model import Highlight, HighlightKey, h16
from ankiforge.text.fold import fold
from ankiforge.text.sentences import boundaries

CONTEXT = 80
"""The number of characters of plain text before and after that are folded for an anchor."""
KEPT = 24
"""The number of folded characters of context in an anchor."""

NEARBY = 1_500
"""Characters of the paragraphs that may answer a reader's question."""
_PRIVATE = "#no-llm"
_BLANK = re.compile(r"\s")

Triple = tuple[str, str, str]


def paragraphs_around(text: str, start: int, end: int) -> str:
    """Return the paragraph of [start, end) and its neighbours, as many as fit; a paragraph is a line.

    A paragraph with `#no-llm` is masked. One that is too long is cut around the passage: between
    sentences or else words, with … there.
    """
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last = len(text) if last < 0 else last
    if last - first > NEARBY:
        spare = max((NEARBY - (end - start)) // 2 - len("… "), 0)
        low, high = max(first, start - spare), min(last, end + spare)
        if _PRIVATE in text[first:last].casefold():
            return ""
        lead, rest = text[low:start], text[end:high]
        if low > first:  # a sentence begins in the half that is farther away
            near = [at for at in boundaries(lead) if 2 * at <= len(lead)]
            near += [blank.start() for blank in _BLANK.finditer(lead)]
            lead = f"… {lead[near[0] if near else 0 :].lstrip()}"
        if high < last:
            near = [blank.start() for blank in _BLANK.finditer(rest)]
            near += [at for at in boundaries(rest) if 2 * at >= len(rest)]
            rest = f"{rest[: near[-1] if near else None].rstrip()} …"
        return f"{lead}{text[start:end]}{rest}"
    while True:
        before = text.rfind("\n", 0, first - 1) + 1 if first else first
        after = text.find("\n", last + 1) if last < len(text) else last
        after = len(text) if after < 0 else after
        if before < first and last - before <= NEARBY:
            first = before
        elif after > last and after - first <= NEARBY:
            last = after
        else:
            break
    lines = text[first:last].split("\n")
    return "\n".join("[…]" if _PRIVATE in line.casefold() else line for line in lines)


def triple(exact: str, before: str, after: str) -> Triple:
    """Return the folded text and context for an anchor. `before` and `after` may be too long."""
    return (fold(exact), fold(before[-CONTEXT:])[-KEPT:], fold(after[:CONTEXT])[:KEPT])


def anchor(exact: str, before: str, after: str, n: int = 1) -> str:
    """Return 16 hex digits. `n` counts equal triples in document order, from 1."""
    return h16(*triple(exact, before, after), str(n))


def triple_of(highlight: Highlight) -> Triple:
    """Return the triple of one highlight."""
    return triple(*_anchored(highlight))


def anchor_key(highlight: Highlight, nth: int) -> HighlightKey:
    """Return the key made from the anchor, for the nth of equal triples."""
    return HighlightKey(f"{highlight.namespace}/{anchor(*_anchored(highlight), nth)}")


def _anchored(highlight: Highlight) -> Triple:
    """Return text and context for the anchor."""
    before, after = highlight.anchor_around or (highlight.prefix, highlight.suffix)
    return (highlight.anchor_text or highlight.exact, before, after)


def own_key(highlight: Highlight) -> HighlightKey:
    """Return the key made from the source's own id. "" if there is none."""
    return HighlightKey(f"{highlight.namespace}/{highlight.own}" if highlight.own else "")


def numbered(highlights: Iterable[Highlight]) -> Iterator[Highlight]:
    """Yield the highlights of one note or page, with `nth` counting equal triples."""
    seen: Counter[Triple] = Counter()
    for highlight in highlights:
        mark = triple_of(highlight)
        seen[mark] += 1
        yield replace(highlight, nth=seen[mark])


AT_MOST = (32, CONTEXT)
"""The lengths at which sources cut off context (hypothes.is, all others)."""
_LONG_WORD = 24
"""Longer words at the edge are kept, because they may be text in a script without spaces."""


def from_a_word(before: str) -> str:
    """Return the text before a passage, without an incomplete first word."""
    if len(before) not in AT_MOST or before[0].isspace():
        return before
    cut = re.match(rf"\S{{1,{_LONG_WORD}}}\s+(?=\S)", before)
    return before[cut.end() :] if cut else before


def to_a_word(after: str) -> str:
    """Return the text after a passage, without an incomplete last word."""
    return from_a_word(after[::-1])[::-1]


_BULLET = re.compile(r"(?:(?P<end>\S)\s+|^\s*)[•‣◦▪●■⁃]\s+")


def without_bullets(exact: str) -> str:
    """Join the bulleted list items in a passage by `; `.

    The folded text stays the same, and so do anchors made from it.
    """
    items = len(_BULLET.findall(exact)) - bool(_BULLET.match(exact))
    return _BULLET.sub(_joined, exact) if items else exact


def _joined(bullet: re.Match[str]) -> str:
    end = bullet["end"] or ""
    return f"{end} " if end in tuple(".;:,!?…") else f"{end}; " if end else ""


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-~")


def percent(part: str) -> str:
    """Return part of a key in ASCII: NFC, with all but `A-Z a-z 0-9 . - ~` percent-encoded."""
    raw = unicodedata.normalize("NFC", part).encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
