"""Notes of cards, as a first package holds them: for tests."""

from __future__ import annotations

from collections.abc import Mapping

from ankiforge.anki.notes import SafeContext, deck_name, tag_names
from ankiforge.anki.notetypes import cards_of, our_note_type
from ankiforge.anki.plan import CardFiles, layout_of, our_fields
from ankiforge.check import safe_context
from ankiforge.model import Card, Media, Note, Problem, Strings

Pictures = Mapping[str, Media | Problem]


def field_html(
    card: Card,
    tags: Strings,
    safe_context: SafeContext = safe_context,
    pictures: Pictures | None = None,
) -> Strings:
    """All fields of a card's note, in the order of our note type."""
    layout = layout_of(card, None, {}, {})
    ours = our_fields(card, tags, CardFiles(pictures or {}), layout, safe_context)
    return layout.filled(ours.fields)


def note_for(card: Card, deck: str, mod: int, pictures: Pictures | None = None) -> Note:
    """The note of a card, ready to be written."""
    tags = tag_names(card.tags)
    fields = field_html(card, tags, pictures=pictures)
    text = "".join(fields)
    shown = {}
    for picture in (pictures or {}).values():
        if isinstance(picture, Media) and f'src="{picture.name}"' in text:
            shown[picture.name] = picture
    note_type = our_note_type(card.family)
    return Note(
        guid=card.guid,
        type=note_type,
        deck=deck_name(deck),
        fields=fields,
        tags=tags,
        mod=mod,
        ordinals=cards_of(note_type, fields, None),
        media=tuple(shown[name] for name in sorted(shown)),
    )
