"""Cards that a person makes of a passage: drawn like drafts, but nobody's guess."""

from __future__ import annotations

from ankiforge.ledger import Ledger
from ankiforge.model import (
    Card,
    CardKind,
    Draft,
    Fields,
    Highlight,
    HighlightKey,
    Origin,
    Standing,
    Verdict,
)
from ankiforge.text.markdown import cloze_answers, plain

PERSON = "person"
"""Who drew them."""


def drawn(highlight: Highlight, fields: Fields) -> Draft:
    """A person's words as a draft; the whole passage is their evidence."""
    words = dict(fields)
    back = CardKind.TWO_WAY if words.get("Reverse") else CardKind.BASIC
    kind = CardKind.CLOZE if "Text" in words else back
    cloze = kind is CardKind.CLOZE
    answer = cloze_answers(words["Text"]) if cloze else plain(words.get("Back", ""))
    return Draft(
        highlight.key, kind, fields, highlight.exact, answer, 0, Origin(PERSON), by_hand=True
    )


def standing_on(ledger: Ledger, key: HighlightKey) -> tuple[Card, ...]:
    """The cards that a highlight has; what a person left is none."""
    return tuple(
        card
        for card in ledger.cards.of_highlight(key)
        if card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
    )
