"""The fields of a card, and what they hide: both drafters shape their cards here."""

from __future__ import annotations

from ankiforge.domain import CardKind, Fields
from ankiforge.text import cloze
from ankiforge.text.markdown import plain


def sided(kind: CardKind, front: str, back: str) -> Fields:
    """The content fields of a card with two sides."""
    reverse = (("Reverse", "y"),) if kind is CardKind.TWO_WAY else ()
    return (("Front", front), ("Back", back), *reverse)


def hidden(text: str) -> str:
    """What a cloze text hides, as plain text, the gaps joined by ` · `."""
    return " · ".join(plain(gap.answer) for gap in cloze.gaps(text))
