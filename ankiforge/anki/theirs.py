"""Notes and note types as they stand in Anki, brought together with ours.

A person may add fields and templates to our note types, move them, rename them, and write CSS
of his own. Ids tell which is which; what he has is shipped as it is, for Anki skips notes whose
type looks otherwise, and makes a second type of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import replace

from ankiforge.anki.notetypes import EARLIER_DESIGNS, NoteType, design_hash, note_type, style
from ankiforge.model import Arranged, Family, SeenNote, SeenTemplate, SeenType

_TAG = re.compile(r"<[^>]*>")
_BREAK = re.compile(r"<(?:br|/div|/p)[^>]*>", re.IGNORECASE)


def arranged(note: SeenNote, types: Mapping[int, SeenType]) -> Arranged | None:
    """The note in the order of our type; None if its type is not ours or lacks a field."""
    seen, family = types.get(note.type_id), family_of(note.type_id)
    places = places_of(seen, family) if seen and family else None
    if seen is None or family is None or places is None or len(note.fields) <= max(places):
        return None
    fields = tuple(note.fields[place] for place in places)
    feedback = fields[note_type(family).fields.index("Feedback")]
    return Arranged(family, fields, _plain(feedback), is_exact(seen, family))


def family_of(type_id: int) -> Family | None:
    """Which of our note types has this id."""
    return next((family for family in Family if note_type(family).id == type_id), None)


def places_of(seen: SeenType, family: Family) -> tuple[int, ...] | None:
    """Where each of our fields stands there; None if one is gone."""
    ours = note_type(family)
    there = {number: at for at, (_, number) in enumerate(seen.fields) if number is not None}
    named = {name: at for at, (name, number) in enumerate(seen.fields) if number is None}
    pairs = zip(ours.fields, ours.field_ids, strict=True)
    found = [there.get(number, named.get(name)) for name, number in pairs]
    return None if None in found else tuple(at for at in found if at is not None)


def ordinals_of(seen: SeenType, family: Family) -> tuple[int, ...] | None:
    """Where each of our templates stands there; None if one is gone."""
    there = {
        one.id if one.id is not None else one.name: at for at, one in enumerate(seen.templates)
    }
    found = [there.get(one.id, there.get(one.name)) for one in note_type(family).templates]
    return None if None in found else tuple(at for at in found if at is not None)


def is_exact(seen: SeenType, family: Family) -> bool:
    """Whether it has our fields and templates in our order, and no others."""
    ours = note_type(family)
    return (
        len(seen.fields) == len(ours.fields)
        and len(seen.templates) == len(ours.templates)
        and places_of(seen, family) == tuple(range(len(ours.fields)))
        and ordinals_of(seen, family) == tuple(range(len(ours.templates)))
    )


def is_ours(seen: SeenType, family: Family) -> bool:
    """Whether a person changed nothing at all: fields, names, templates, CSS."""
    ours = note_type(family)
    names = tuple(name for name, _ in seen.fields)
    exact = is_exact(seen, family) and seen.name == ours.name and names == ours.fields
    return exact and seen.css.strip() == style().strip() and _same_templates(seen, ours)


def _is_earlier(seen: SeenType, family: Family) -> bool:
    """Whether it is ours as an earlier version shipped it, and a person changed nothing."""
    ours = note_type(family)
    names = tuple(name for name, _ in seen.fields)
    exact = is_exact(seen, family) and seen.name == ours.name and names == ours.fields
    templates = ((one.name, one.question, one.answer) for one in seen.templates)
    return exact and design_hash(seen.css, templates) in EARLIER_DESIGNS


def _same_templates(seen: SeenType, ours: NoteType) -> bool:
    theirs = [(one.name, one.question.strip(), one.answer.strip()) for one in seen.templates]
    return theirs == [(one.name, one.question, one.answer) for one in ours.templates]


def changed_types(types: Mapping[int, SeenType]) -> dict[Family, SeenType]:
    """The note types of ours that a person changed: they are shipped as he has them."""
    found = {family: types.get(note_type(family).id) for family in Family}
    return {
        family: one
        for family, one in found.items()
        if one and not is_ours(one, family) and not _is_earlier(one, family)
    }


def renewed_types(types: Mapping[int, SeenType]) -> dict[Family, SeenType]:
    """Ours, newer than the earlier version of them in Anki that nobody changed there.

    Anki takes a note type only if it is newer, and one that was pushed is as new as the push.
    """
    found = {family: types.get(note_type(family).id) for family in Family}
    return {
        family: replace(our_type(family), mod=one.mod + 1)
        for family, one in found.items()
        if one and _is_earlier(one, family)
    }


def usable(seen: SeenType, family: Family) -> bool:
    """Whether our notes still fit into it: every field and template of ours is there."""
    return places_of(seen, family) is not None and ordinals_of(seen, family) is not None


def in_his_order(
    seen: SeenType, family: Family, fields: tuple[str, ...], before: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Our fields where they stand in his note type, the others as he filled them.

    Args:
        seen: the note type in Anki.
        family: which of ours it is.
        fields: ours, in our order.
        before: all fields of the note as it stands there; () for a new one.
    """
    written = list(before) or [""] * len(seen.fields)
    for place, text in zip(places_of(seen, family) or (), fields, strict=True):
        written[place] = text
    return tuple(written)


def our_type(family: Family) -> SeenType:
    """Our note type in the same shape, as a package has it."""
    ours = note_type(family)
    templates = tuple(SeenTemplate(t.name, t.id, t.question, t.answer) for t in ours.templates)
    fields = tuple(zip(ours.fields, ours.field_ids, strict=True))
    return SeenType(ours.id, ours.name, 0, family is Family.CLOZE, fields, templates, style())


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).strip()
