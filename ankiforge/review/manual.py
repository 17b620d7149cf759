"""Cards that a person writes for a highlight."""

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
"""The drafter that such drafts name as their origin."""


def manual_draft(highlight: Highlight, fields: Fields) -> Draft:
    """Return a draft with a person's fields; its quote is the whole highlight."""
    words = dict(fields)
    if "Text" in words:
        kind, answer = CardKind.CLOZE, cloze_answers(words["Text"])
    else:
        kind = CardKind.TWO_WAY if words.get("Reverse") else CardKind.BASIC
        answer = plain(words.get("Back", ""))
    return Draft(
        highlight.key, kind, fields, highlight.exact, answer, 0, Origin(PERSON), by_hand=True
    )


def live_cards(ledger: Ledger, key: HighlightKey) -> tuple[Card, ...]:
    """Return the cards of a highlight that are neither retired nor rejected."""
    return tuple(
        card
        for card in ledger.cards.of_highlight(key)
        if card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
    )
