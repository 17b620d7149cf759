"""Cards that a person makes of a passage that has none: drawn like drafts, but nobody's guess.

They are in the journal with all their words, since no drafter could draw them anew for a ledger
that was lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from ankiforge.domain import (
    CardKind,
    Draft,
    Drafted,
    Fields,
    Highlight,
    HighlightKey,
    Origin,
    Standing,
    Task,
    Verdict,
)
from ankiforge.ledger import Ledger
from ankiforge.text.markdown import cloze_answers, plain

PERSON = "person"
"""Who drew them."""
MADE = "made"
"""The key of a decision by which a card was made; under it stands what it was made of."""


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


def standing_on(ledger: Ledger, key: HighlightKey) -> str:
    """The guid of a card that a highlight has, "" if it has none; what a person left is none."""
    cards = ledger.cards.of_highlight(key)
    live = (
        card
        for card in cards
        if card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
    )
    return next((card.guid for card in live), "")


def again(ledger: Ledger) -> Iterator[Drafted]:
    """What the journal says was made by hand, and is not here: a ledger was lost, or is another's.

    Each takes up its place, and whatever was decided about it since, when it is recorded.
    """
    for body in ledger.decisions.made():
        highlight = ledger.highlights.get(HighlightKey(body["key"]))
        if highlight is not None:
            draft = _as_made(highlight, body[MADE])
            yield Drafted(Task(highlight.document, (highlight,)), (draft,))


def _as_made(highlight: Highlight, made: dict[str, Any]) -> Draft:
    """As it was made: the source may say something else by now."""
    draft = drawn(highlight, msgspec.convert(made["fields"], Fields))
    return replace(draft, quote=str(made["quote"]))
