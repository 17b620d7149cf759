"""Convert highlights, and readings in the journal, to the types that `match` compares."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.events import Reading
from ankiforge.ledger.match import FoldedReading, Mark
from ankiforge.model import Highlight, HighlightKind, Pair, hints
from ankiforge.text.keys import get_anchor
from ankiforge.text.normalize import normalize_for_lookup


def to_mark(highlight: Highlight, document: int = 0) -> Mark:
    """Prepare a highlight for matching.

    `document` is the row id of the highlight's document, or 0 if unknown.
    """
    text, before, after = get_anchor(highlight)
    names, labels = split_ids((highlight.own, *highlight.hints))
    reading = FoldedReading(text, before, after, _compute_sides(highlight))
    return Mark(highlight, (reading,), names, labels, document)


def split_ids(ids: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Split a highlight's ids into names and labels.

    Names move with the highlight. Labels belong to a location (see `hints.is_location_only`).
    """
    names = set()
    labels = set()
    for id in ids:
        if hints.is_location_only(id):
            labels.add(id)
        elif id:
            names.add(id)
    return frozenset(names), frozenset(labels)


def _compute_sides(highlight: Highlight) -> Pair | None:
    if highlight.kind is HighlightKind.CARD and len(highlight.markdown) > 1:
        return normalize_for_lookup(highlight.markdown[0]), normalize_for_lookup(
            highlight.markdown[1]
        )
    if not highlight.gaps:
        return None
    text = highlight.exact
    gap_texts = []
    rest_texts = []
    rest_start = 0
    for start, end in highlight.gaps:
        gap_texts.append(normalize_for_lookup(text[start:end]))
        rest_texts.append(text[rest_start:start])
        rest_start = end
    rest_texts.append(text[rest_start:])
    return " ".join(gap_texts), normalize_for_lookup(" ".join(rest_texts))


def to_folded_reading(text: Reading) -> FoldedReading:
    """Convert a journal reading to a folded reading, which then has no sides."""
    return FoldedReading(normalize_for_lookup(text.exact), text.before, text.after)
