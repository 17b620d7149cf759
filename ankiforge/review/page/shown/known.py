"""What is known of a card in Anki, in words."""

from __future__ import annotations

from datetime import UTC, datetime

from ankiforge.model import AnkiState, Card, Guid, Seen
from ankiforge.review.page.shown.sides import Fact
from ankiforge.review.service import Service


def studied(desk: Service, card: Card) -> str:
    """How it fares there; or that it never was there."""
    seen = desk.ledger.views.seen(card.guid)
    if seen is None:
        return "written for Anki, not seen there yet" if _written(card) else "not in Anki"
    there = "" if card.anki.there else "not there now"
    return " · ".join(part for part in (there, seen.deck, *_counts(desk, card.guid, seen)) if part)


def _written(card: Card) -> bool:
    return card.anki is AnkiState.WRITTEN


def _counts(desk: Service, guid: Guid, seen: Seen) -> tuple[str, ...]:
    longest = max((one.interval for one in seen.cards), default=0)
    suspended = sum(one.suspended for one in seen.cards)
    return (
        many(desk.ledger.views.reviews_of(guid), "review"),
        f"interval of {many(longest, 'day')}" if longest > 0 else "",
        f"{many(suspended, 'card')} suspended" if suspended else "",
    )


def many(number: int, what: str) -> str:
    """`3 cards`, `1 card`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def when(moment: str | float) -> str:
    """A time as a person reads it, from ISO text or seconds; "" if it is none."""
    if isinstance(moment, float):
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
    try:
        return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return moment


def seen_last(seen: Seen | None) -> Fact:
    """When it was there for the last time, as far as it was looked."""
    return ("Last seen there", when(seen.taken_at) if seen else "")
