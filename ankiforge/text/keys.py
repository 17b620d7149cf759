"""Build the keys of highlights, from an ID in the source or from the text and its context.

Keys connect all notes in Anki to highlights (tests/keys/keys.md), so the rules must not change.
The *anchor* of a highlight is its text and context, folded to letters and digits.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from string import ascii_letters, digits

from msgspec.structs import replace

from ankiforge.model import Highlight, HighlightKey, QuoteReading, hash16
from ankiforge.model.hints import find_choice_event_id
from ankiforge.text.normalize import normalize_for_lookup

CONTEXT_CHARS = 80
"""The number of plain-text characters on each side of a highlight that are folded for its anchor.
"""
ANCHOR_CONTEXT_CHARS = 24
"""The number of folded context characters on each side in an anchor."""

Anchor = tuple[str, str, str]
"""(text of the highlight, context before it, context after it), all folded."""


def build_anchor(exact: str, before: str, after: str) -> Anchor:
    """Build an anchor for a passage from its text and the text around it.

    Only the characters of `before` and `after` that are nearest to the passage are used.
    """
    folded_before = normalize_for_lookup(before[-CONTEXT_CHARS:])
    folded_after = normalize_for_lookup(after[:CONTEXT_CHARS])
    return (
        normalize_for_lookup(exact),
        folded_before[-ANCHOR_CONTEXT_CHARS:],
        folded_after[:ANCHOR_CONTEXT_CHARS],
    )


def get_anchor(highlight: Highlight) -> Anchor:
    """Build a highlight's anchor from its anchor text, or from its own text if it has none."""
    context = (highlight.prefix, highlight.suffix)
    before, after = highlight.anchor_context or context
    return build_anchor(highlight.anchor_text or highlight.exact, before, after)


def build_reading(highlight: Highlight) -> QuoteReading:
    """Return a highlight's current text together with the folded context in its anchor."""
    _, before, after = get_anchor(highlight)
    return QuoteReading(highlight.exact, before, after)


def build_anchor_key(highlight: Highlight, occurrence: int) -> HighlightKey:
    """Build a highlight's key from its anchor.

    `occurrence` distinguishes highlights with the same anchor. It counts from 1 in document order.
    """
    anchor = hash16(*get_anchor(highlight), str(occurrence))
    return HighlightKey(f"{highlight.namespace}/{anchor}")


def build_source_id_key(highlight: Highlight) -> HighlightKey:
    """Build a highlight's key from the ID in its source, or return "" if there is no ID."""
    if not highlight.source_id:
        return HighlightKey("")
    return HighlightKey(f"{highlight.namespace}/{highlight.source_id}")


def number_highlights(highlights: Iterable[Highlight]) -> Iterator[Highlight]:
    """Yield the highlights of a note or page, with `occurrence` set.

    It counts the highlights with the same anchor from 1. Passages chosen by the user are counted
    separately from highlights in the source.
    """
    counts: Counter[tuple[Anchor, bool]] = Counter()
    for highlight in highlights:
        # count chosen passages separately, so that they don't change the numbers of marks
        anchor = get_anchor(highlight), bool(find_choice_event_id(highlight.hints))
        counts[anchor] += 1
        yield replace(highlight, occurrence=counts[anchor])


# --- parts of keys --------------------------------------------------------------------

_UNRESERVED = frozenset((ascii_letters + digits + ".-~").encode())


def percent_encode(part: str) -> str:
    """Encode one part of a key as ASCII.

    Normalizes to NFC, then percent-encodes everything except ASCII letters, digits and `.-~`.
    """
    raw = unicodedata.normalize("NFC", part).encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in raw)
