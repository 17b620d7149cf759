"""The fields of a card: both drafters shape their cards here."""

from __future__ import annotations

from ankiforge.model import CardKind, Fields


def sided(kind: CardKind, front: str, back: str) -> Fields:
    """The content fields of a card with two sides."""
    reverse = (("Reverse", "y"),) if kind is CardKind.TWO_WAY else ()
    return (("Front", front), ("Back", back), *reverse)
