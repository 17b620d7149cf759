"""Which cards the templates of a note type make, as Anki decides it.

The importer makes only the cards that are in a package, so the package must have those
that Anki would make. Source of the rules: `rslib/src/template.rs` (`template_is_empty`)
of Anki 26.9, `docs/reference/keys.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ankiforge.anki.notetypes import cloze_numbers, is_empty
from ankiforge.model import NoteInAnki, SeenType, Strings, Texts
from ankiforge.text import regex

# Templates that begin with this write `<% … %>` instead of `{{ … }}`.
_OTHER_SIGNS = "{{=<% %>=}}"
_TAG = regex(r"(?s)\{\{(.*?)\}\}|<!--.*?-->")
_OTHER_TAG = regex(r"(?s)<%(.*?)%>|<!--.*?-->")
# What Anki itself fills in. A note without tags has no `Tags`; `FrontSide` never counts.
_SPECIAL_FIELDS = ("Card", "CardFlag", "Deck", "Subdeck", "Type", "CardID")


def ordinals_in(note_type: SeenType, fields: Texts) -> tuple[int, ...]:
    """Return the ordinals (from 0) of the cards that a note of this type has, ascending.

    Args:
        note_type: the note type.
        fields: all fields of the note as HTML, by their names.
    """
    if note_type.cloze:
        numbers: set[int] = set()
        for text in fields.values():
            numbers.update(cloze_numbers(text))
        return tuple(number - 1 for number in sorted(numbers))
    filled = {name for name in _SPECIAL_FIELDS if name not in fields}
    for name, text in fields.items():
        if not is_empty(text):
            filled.add(name)
    ordinals = []
    for ordinal, template in enumerate(note_type.templates):
        # the question shows a field that is filled, in sections that are on
        sections: list[tuple[str, bool]] = []
        shows = False
        fits = True
        for tag in _tags(template.question):
            sign = tag[0] if len(tag) > 1 and tag[0] in "#^/" else ""
            field = tag[1:].lstrip() if sign else tag.rpartition(":")[2]
            if sign == "/":
                fits = fits and bool(sections) and sections[-1][0] == field
                sections = sections[:-1]
            elif sign:
                sections.append((field, (field in filled) == (sign == "#")))
            elif field in filled and all(is_on for _, is_on in sections):
                shows = True
        # one whose sections do not fit together makes no card
        if shows and fits and not sections:
            ordinals.append(ordinal)
    return tuple(ordinals)


def cards_of(
    note_type: SeenType,
    fields: Sequence[str],
    in_anki: NoteInAnki | None,
) -> tuple[int, ...]:
    """Return the ordinals of the cards that a note gets, without those that a person deleted.

    Args:
        note_type: the note type.
        fields: all fields of the note, in its order.
        in_anki: the note in Anki; None if it is not there.
    """
    names = note_type.names
    ordinals = ordinals_in(note_type, dict(zip(names, fields, strict=True)))
    if in_anki is None:
        return ordinals
    fields_there = dict(zip(names, in_anki.fields, strict=True))
    made_before = ordinals_in(note_type, fields_there)
    deleted = set(made_before).difference(in_anki.ordinals)
    return tuple(ordinal for ordinal in ordinals if ordinal not in deleted)


def shows_cloze(note_type: SeenType, field: str) -> bool:
    """Return whether the question of a cloze note type shows the gaps of a field."""
    for template in note_type.templates[:1]:
        for tag in _tags(template.question):
            filters = tag.split(":")[:-1]
            if tag.rpartition(":")[2] == field and "cloze" in filters:
                return True
    return False


def fields_shown(template: str, *, with_typed: bool = True) -> Strings:
    """Return the fields that a template shows, in order.

    `{{type:Back}}` on a question asks for the answer and does not show it: such a field is left
    out unless `with_typed`.
    """
    shown = []
    for tag in _tags(template):
        *filters, field = tag.split(":")
        is_section = tag[:1] in {"#", "^", "/"}
        if not is_section and (with_typed or "type" not in filters):
            shown.append(field.strip())
    return tuple(shown)


@lru_cache(maxsize=64)
def _tags(question: str) -> Strings:
    """Return the contents of each `{{…}}` in a template, in order."""
    pattern = _TAG
    if question.lstrip().startswith(_OTHER_SIGNS):
        question = question.lstrip().removeprefix(_OTHER_SIGNS)
        pattern = _OTHER_TAG
    tags = []
    for tag in pattern.finditer(question):
        if tag[1] is not None:
            tags.append(tag[1].lstrip("{").strip())
    return tuple(tags)
