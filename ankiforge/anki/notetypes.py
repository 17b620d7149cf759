"""Our two note types, and how they compare with what a person made of them in Anki.

Their ids, fields and templates are fixed for ever. Anki updates a note only if its note type has
exactly the fields and templates that Anki knows, so none is ever added, removed or moved. A spare
field can be renamed, because every field has an id. Templates and CSS are files in `design/`. They
change with a new version and a higher mod.

A person may add and move fields and templates of our note types. Such a type is shipped as it is in
Anki. Otherwise Anki would skip its notes, and create a second copy of the type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from ankiforge.model import (
    Arranged,
    Family,
    SeenNote,
    SeenTemplate,
    SeenType,
    named_id,
)

DESIGN_MOD = 1_400_000_001
"""The mod of the note types, which Anki compares; a changed design needs a higher one."""

_FIELDS = {
    Family.BASIC: (1407267147801, "Front Back Reverse Extra"),
    Family.CLOZE: (1505806687601, "Text Extra"),
}
"""(id of the first field, content fields). Ids are consecutive, including the fields of `_MACHINE`.
"""
_MACHINE = "Source Citation Links AnkiforgeId Feedback Spare1 Spare2 Spare3"
_TEMPLATE_IDS = {
    Family.BASIC: {"Card 1": 1407267147901, "Card 2": 1407267147902},
    Family.CLOZE: {"Cloze": 1505806687701},
}
_NAMES = {Family.BASIC: "ankiforge Basic", Family.CLOZE: "ankiforge Cloze"}


@cache
def note_type(family: Family) -> SeenType:
    """Return the note type of a family."""
    first, content = _FIELDS[family]
    names = (*content.split(), *_MACHINE.split())
    templates = []
    for name, id in _TEMPLATE_IDS[family].items():
        stem = f"{family.value}-{name.lower().replace(' ', '-')}"
        sides = _design(f"{stem}-question.html"), _design(f"{stem}-answer.html")
        templates.append(SeenTemplate(name, id, *sides))
    name = _NAMES[family]
    return SeenType(
        named_id("notetype", name), name, DESIGN_MOD, family is Family.CLOZE,
        tuple(zip(names, range(first, first + len(names)), strict=True)),
        tuple(templates), _design("style.css"),
    )  # fmt: skip


def _design(name: str) -> str:
    return (files("ankiforge.anki") / "design" / name).read_text(encoding="utf-8").strip()


# --- note types in Anki ---------------------------------------------------------------------


def family_of(type_id: int) -> Family | None:
    """Return the family whose note type has this id."""
    return next((family for family in Family if note_type(family).id == type_id), None)


def places_of(seen: SeenType, family: Family) -> tuple[int, ...] | None:
    """Return the position of each of our fields in a note type, or None if one is missing."""
    return _positions(note_type(family).fields, seen.fields)


def ordinals_of(seen: SeenType, family: Family) -> tuple[int, ...] | None:
    """Return the position of each of our templates in a note type, or None if one is missing."""
    return _positions(_templates(note_type(family)), _templates(seen))


def _templates(kind: SeenType) -> tuple[tuple[str, int | None], ...]:
    return tuple((template.name, template.id) for template in kind.templates)


def _positions(
    ours: Iterable[tuple[str, int | None]], theirs: Iterable[tuple[str, int | None]]
) -> tuple[int, ...] | None:
    """Find each (name, id) of ours among theirs by id, or by name where theirs has no id."""
    at: dict[int | str | None, int] = {
        name if id is None else id: place for place, (name, id) in enumerate(theirs)
    }
    found = [at.get(id, at.get(name)) for name, id in ours]
    return None if None in found else tuple(place for place in found if place is not None)


def usable(seen: SeenType, family: Family) -> bool:
    """Return whether a note type still has all our fields and templates."""
    return places_of(seen, family) is not None and ordinals_of(seen, family) is not None


def is_exact(seen: SeenType, family: Family) -> bool:
    """Return whether a note type has our fields and templates in our order, and no others."""
    return (places_of(seen, family), ordinals_of(seen, family)) == (
        tuple(range(len(seen.fields))),
        tuple(range(len(seen.templates))),
    )


def changed_types(types: Mapping[int, SeenType]) -> dict[Family, SeenType]:
    """Return our note types with other fields or templates. They are shipped as they are in Anki.

    A person's style and template texts need nothing: they are newer than ours, so Anki keeps them.
    """

    def named(kind: SeenType) -> tuple[object, ...]:
        return kind.names, *(template.name for template in kind.templates)

    found = ((family, types.get(note_type(family).id)) for family in Family)
    return {
        family: seen for family, seen in found if seen and named(seen) != named(note_type(family))
    }


# --- notes in Anki --------------------------------------------------------------------------


def arranged(note: SeenNote, types: Mapping[int, SeenType]) -> Arranged | None:
    """Return a note with its fields in our order. None if its type is not ours or lacks one."""
    seen, family = types.get(note.type_id), family_of(note.type_id)
    places = places_of(seen, family) if seen and family else None
    if seen is None or family is None or places is None or len(note.fields) <= max(places):
        return None
    fields = tuple(note.fields[place] for place in places)
    return Arranged(family, fields, is_exact(seen, family))


def in_order_of(
    seen: SeenType, family: Family, fields: tuple[str, ...], before: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return our fields at their positions in a changed note type, and its other fields unchanged.

    Args:
        seen: the note type in Anki.
        family: our note type that it derives from.
        fields: our fields, in our order.
        before: all fields of the note in Anki. () for a new note.
    """
    written = list(before) or [""] * len(seen.fields)
    for place, text in zip(places_of(seen, family) or (), fields, strict=True):
        written[place] = text
    return tuple(written)
