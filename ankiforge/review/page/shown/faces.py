"""A card as Anki will show it: the real renderer, the real note type."""

from __future__ import annotations

from dataclasses import replace

from ankiforge.anki.cards import card_ordinals, sides
from ankiforge.anki.notes import field_html
from ankiforge.model import Candidate, Card, Fields, Media
from ankiforge.review.page.shown.drawing import draw
from ankiforge.review.page.shown.items import Face, Slot, tone_of
from ankiforge.review.service import Service
from ankiforge.sync import pictures_of


def slot_of(desk: Service, card: Card, candidate: Candidate, label: str) -> Slot:
    """A candidate in its place, as the card it would be; its words can be edited."""
    shown = as_if(card, candidate)
    faces, pictures = faces_of(desk, shown)
    findings = candidate.findings
    return Slot(
        candidate.id,
        label,
        faces,
        head=draw("slot_head.html", candidate=candidate),
        foot=draw("slot_foot.html", findings=findings),
        fields=editable(shown),
        pictures=pictures,
        tone=tone_of(finding.severity for finding in findings),
    )


def as_if(card: Card, candidate: Candidate) -> Card:
    """The card, were this candidate it; a person's edit of it stays."""
    if candidate == card.picked:
        return card
    draft = candidate.draft
    return replace(card, kind=draft.kind, fields=draft.fields, candidates=(candidate,))


def editable(card: Card) -> Fields:
    """All its content fields that a person writes in, empty ones too."""
    words = dict(card.fields)
    names = (name for name in card.family.content_fields if name != "Reverse")
    return tuple((name, words.get(name, "")) for name in names)


def faces_of(desk: Service, card: Card) -> tuple[tuple[Face, ...], tuple[Media, ...]]:
    """(question, answer) of each card that Anki makes of a note, in order; and their pictures."""
    pictures, _ = pictures_of(desk.ledger, card)
    fields = field_html(card, pictures)
    ordinals = card_ordinals(card.family, fields)
    faces = tuple(sides(card.family, fields, ordinal) for ordinal in ordinals)
    return faces, tuple(pictures.values())
