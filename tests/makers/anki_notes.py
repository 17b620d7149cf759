"""Notes of cards, as a first package holds them: for tests."""

from __future__ import annotations

from collections.abc import Mapping

from ankiforge.anki.content import CardFiles, build_note_content
from ankiforge.anki.layout import find_field_layout
from ankiforge.anki.notes import ContextFilter, normalize_deck_name, normalize_tags
from ankiforge.anki.notetypes import get_our_note_type, select_card_ordinals
from ankiforge.check import remove_revealing_context
from ankiforge.model import Card, Media, Note, Problem, Strings

Pictures = Mapping[str, Media | Problem]


def field_html(
    card: Card,
    tags: Strings,
    filter_context: ContextFilter = remove_revealing_context,
    pictures: Pictures | None = None,
) -> Strings:
    """All fields of a card's note, in the order of our note type."""
    layout = find_field_layout(card, None, {}, {})
    ours = build_note_content(
        card, tags, CardFiles(pictures or {}), layout, filter_context
    )
    return layout.fill_fields(ours.fields)


def note_for(card: Card, deck: str, mod: int, pictures: Pictures | None = None) -> Note:
    """The note of a card, ready to be written."""
    tags = normalize_tags(card.tags)
    fields = field_html(card, tags, pictures=pictures)
    text = "".join(fields)
    shown = {}
    for picture in (pictures or {}).values():
        if isinstance(picture, Media) and f'src="{picture.name}"' in text:
            shown[picture.name] = picture
    note_type = get_our_note_type(card.note_type)
    return Note(
        guid=card.guid,
        type=note_type,
        deck=normalize_deck_name(deck),
        fields=fields,
        tags=tags,
        mod=mod,
        ordinals=select_card_ordinals(note_type, fields, None),
        media=tuple(shown[name] for name in sorted(shown)),
    )
