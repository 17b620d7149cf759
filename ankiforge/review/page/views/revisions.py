"""Corrections that wait: the card as it stands, what would take its place, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ankiforge.model import Candidate, Card, Highlight
from ankiforge.review.page.decisions.redrafting import REDRAFT
from ankiforge.review.page.shown.faces import slot_of
from ankiforge.review.page.shown.items import Act, Item, stamp_of, title_of
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Row, changed, changed_fields, sides_html
from ankiforge.review.service import Service


@dataclass(frozen=True, slots=True)
class Revisions:
    """Accepted cards of which the source says something else by now, or that were redrafted."""

    name: str = "revisions"
    title: str = "Revisions"
    about: str = "Corrections of accepted cards: take the new one, or keep the old."
    empty: str = "No correction waits for you."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids."""
        return desk.ledger.queries.revisions()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card now and as proposed."""
        card = desk.card(identity)
        if card and card.picked and card.revision:
            return _item(desk, card, card.picked)
        return None


def _item(desk: Service, card: Card, now: Candidate) -> Item:
    past = desk.ledger.highlights.before(card.highlight.key)
    labels = _labels(card.open)
    rows = [row for one, label in labels for row in _differences(card, one, label)]
    proposed = (slot_of(desk, card, one, label or "proposed") for one, label in labels)
    return Item(
        card.guid,
        f"Correction of a {card.kind} card from {title_of(card)}",
        stamp_of(card, past),
        source=source_html(card.highlight, card.open[0].draft.quote),
        slots=(slot_of(desk, card, now, "now"), *proposed),
        body=sides_html([*rows, *_passage(past, card.highlight)]),
        acts=(*_acts(labels), Act("e", "Edit", ":edit"), REDRAFT),
        group=card.highlight.key,
        compared=True,
    )


def _passage(past: Highlight | None, now: Highlight) -> list[Row]:
    """What of the source has changed since, as far as it is known."""
    if past is None or past.exact == now.exact:
        return []
    return [changed("Passage", past.exact, now.exact)]


def _labels(proposed: tuple[Candidate, ...]) -> list[tuple[Candidate, str]]:
    """What is proposed, with numbers where it is more than one thing."""
    return [(one, str(at) if len(proposed) > 1 else "") for at, one in enumerate(proposed, 1)]


def _differences(card: Card, proposed: Candidate, label: str) -> list[Row]:
    rows = changed_fields(card.fields, proposed.draft.fields)
    return [replace(row, name=f"{row.name}, {label}") for row in rows] if label else rows


def _acts(labels: list[tuple[Candidate, str]]) -> tuple[Act, ...]:
    whole = (("slot", " ".join(one.id for one, _ in labels)),)
    kept = Act("x", "Keep the old one", "reject", whole)
    if len(labels) == 1:
        return (Act("a", "Take the new one", "accept", whole), kept)
    takes = (Act(label, f"Take {label}", "pick", (("slot", one.id),)) for one, label in labels[:9])
    return (*takes, kept)
