"""Highlights and texts of the journal as matching sees them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.events import Text
from ankiforge.ledger.match import FoldedText, Mark
from ankiforge.model import Highlight, HighlightKind, Pair, hints
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import triple_of


def mark_of(highlight: Highlight, document: int = 0) -> Mark:
    """Return a highlight as matching sees it."""
    text, before, after = triple_of(highlight)
    names, labels = names_and_labels((highlight.own, *highlight.hints))
    reading = FoldedText(text, before, after, _sides(highlight))
    return Mark(highlight, (reading,), names, labels, document)


def names_and_labels(ids: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Divide the ids of a highlight into its own and labels (`hints.is_label`)."""
    names = set()
    labels = set()
    for id in ids:
        if hints.is_label(id):
            labels.add(id)
        elif id:
            names.add(id)
    return frozenset(names), frozenset(labels)


def _sides(highlight: Highlight) -> Pair | None:
    """Return both sides of a hand-written card, or gaps and rest of marked phrases."""
    if highlight.kind is HighlightKind.CARD and len(highlight.markdown) > 1:
        return for_finding(highlight.markdown[0]), for_finding(highlight.markdown[1])
    if not highlight.gaps:
        return None
    text = highlight.exact
    gaps = []
    rest = []
    rest_from = 0
    for start, end in highlight.gaps:
        gaps.append(for_finding(text[start:end]))
        rest.append(text[rest_from:start])
        rest_from = end
    rest.append(text[rest_from:])
    return " ".join(gaps), for_finding(" ".join(rest))


def reading_of(text: Text) -> FoldedText:
    """Return a text of the journal as matching sees it."""
    return FoldedText(for_finding(text.exact), text.before, text.after)
