"""Anki's note type Image Occlusion: found in a collection, or made where none was seen.

Anki knows it by `originalStockKind` in its settings, and its fields by a number, whatever
they are called: names are translated. So its editor of masks opens our notes. Ids differ
from collection to collection; a note is shipped in the type that its collection has. If no
collection was seen, the package brings one of the same make, with an id of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ankiforge.anki.notetypes import DESIGN_MOD, design
from ankiforge.model import MappedType, SeenTemplate, SeenType, named_id

STOCK_KIND = 6
"""`ORIGINAL_STOCK_KIND_IMAGE_OCCLUSION` in Anki's `notetypes.proto`."""
FIELDS = ("Occlusion", "Image", "Header", "Back Extra", "Comments")
"""What its fields are called in English; the place of each is its number."""
KEPT_FIELDS = 4
"""The first ones, without which there is no card; Anki does not let a person delete them."""
_NAME = "ankiforge Image Occlusion"
_FIRST_FIELD_ID = 1464821135201
_TEMPLATE_ID = 1464821135301


@cache
def our_type() -> SeenType:
    """Return the note type for packages that are made without a view of Anki."""
    ids = range(_FIRST_FIELD_ID, _FIRST_FIELD_ID + len(FIELDS))
    template = SeenTemplate(
        name="Image Occlusion",
        id=_TEMPLATE_ID,
        question=design("occlusion-question.html"),
        answer=design("occlusion-answer.html"),
    )
    return SeenType(
        id=named_id("notetype", _NAME),
        name=_NAME,
        mod=DESIGN_MOD,
        cloze=True,
        fields=tuple(zip(FIELDS, ids, strict=True)),
        templates=(template,),
        css=design("style.css") + "\n" + design("occlusion.css"),
        stock=STOCK_KIND,
        field_tags=tuple(range(len(FIELDS))),
    )


def with_ours(types: Mapping[int, SeenType]) -> dict[int, SeenType]:
    """Return the note types in Anki, and ours where it is not among them."""
    ours = our_type()
    return {ours.id: ours, **types}


def chosen(types: Mapping[int, SeenType]) -> MappedType:
    """Return the note type in which new figures are shipped, with the places of our fields.

    It is the one that a collection came with; a copy that a person made of it is left alone.
    """
    ours = our_type()

    kept = set(range(KEPT_FIELDS))
    usable = []
    for note_type in types.values():
        is_stock = note_type.stock == STOCK_KIND and note_type.cloze
        if is_stock and kept <= set(note_type.field_tags):
            is_copy = bool(note_type.origin)
            usable.append((is_copy, note_type.id != ours.id, note_type.id))
    best = types[min(usable)[-1]] if usable else ours

    # its fields are known by their tags, whatever they are called
    names: dict[str, str] = {}
    ids: dict[str, int] = {}
    for (name, id), tag in zip(best.fields, best.field_tags, strict=True):
        if 0 <= tag < KEPT_FIELDS:
            names[FIELDS[tag]] = name
            if id is not None:
                ids[FIELDS[tag]] = id
    return MappedType(best.id, best.name, names, ids)
