"""Keys of highlights: from an id of the source, or from the words and those around them.

All that Anki has depends on them (docs/reference/keys.md): the rules are frozen.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from string import ascii_letters, digits

from msgspec.structs import replace

from ankiforge.model import Highlight, HighlightKey, Side, h16
from ankiforge.model.hints import chosen_in
from ankiforge.text.fold import for_finding

CONTEXT = 80
"""The number of characters of plain text before and after that are folded for an
anchor."""
KEPT = 24
"""The number of folded characters of context in an anchor."""

Triple = tuple[str, str, str]
"""(exact, before, after), folded."""


def triple(exact: str, before: str, after: str) -> Triple:
    """Return the folded text and context for an anchor.

    `before` and `after` may be too long.
    """
    folded_before = for_finding(before[-CONTEXT:])
    folded_after = for_finding(after[:CONTEXT])
    return for_finding(exact), folded_before[-KEPT:], folded_after[:KEPT]


def triple_of(highlight: Highlight) -> Triple:
    """Return the triple of one highlight."""
    around = (highlight.prefix, highlight.suffix)
    before, after = highlight.anchor_around or around
    return triple(highlight.anchor_text or highlight.exact, before, after)


def side_of(highlight: Highlight) -> Side:
    """Return the words of a highlight, with its sides folded."""
    _, before, after = triple_of(highlight)
    return Side(highlight.exact, before, after)


def anchor_key(highlight: Highlight, nth: int) -> HighlightKey:
    """Return the key made from the anchor.

    Args:
        highlight: the highlight.
        nth: which of equal triples it is, in document order, from 1.
    """
    anchor = h16(*triple_of(highlight), str(nth))
    return HighlightKey(f"{highlight.namespace}/{anchor}")


def own_key(highlight: Highlight) -> HighlightKey:
    """Return the key made from the source's own id. "" if there is none."""
    if not highlight.own:
        return HighlightKey("")
    return HighlightKey(f"{highlight.namespace}/{highlight.own}")


def numbered(highlights: Iterable[Highlight]) -> Iterator[Highlight]:
    """Yield the highlights of one note or page, with `nth` counting equal triples."""
    counts: Counter[tuple[Triple, bool]] = Counter()
    for highlight in highlights:
        # one that was chosen counts in no mark's occurrence
        anchor = triple_of(highlight), bool(chosen_in(highlight.hints))
        counts[anchor] += 1
        yield replace(highlight, nth=counts[anchor])


# --- parts of keys --------------------------------------------------------------------

_PLAIN = frozenset((ascii_letters + digits + ".-~").encode())


def percent(part: str) -> str:
    """Return part of a key in ASCII: NFC, all but letters, digits and `.-~` percent-encoded."""
    raw = unicodedata.normalize("NFC", part).encode("utf-8", "surrogatepass")
    parts = []
    for byte in raw:
        parts.append(chr(byte) if byte in _PLAIN else f"%{byte:02X}")
    return "".join(parts)
