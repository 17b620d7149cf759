"""Notes of cards, as a first package holds them: for tests."""

from __future__ import annotations

from ankiforge.anki.notes import Pictures, deck_name, field_html, tag_names
from ankiforge.check import safe_context
from ankiforge.model import Card, Note


def note_for(card: Card, deck: str, mod: int, pictures: Pictures | None = None) -> Note:
    """The note of a card, ready to be written."""
    tags = tag_names(card.tags)
    fields = field_html(card, tags, safe_context, pictures)
    text = "".join(fields)
    shown = {
        one.name: one for one in (pictures or {}).values() if f'src="{one.name}"' in text
    }
    media = tuple(shown[name] for name in sorted(shown))
    return Note(card.guid, card.family, deck_name(deck), fields, tags, mod, media)
