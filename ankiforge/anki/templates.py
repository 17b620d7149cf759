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
    filled = _filled(fields)
    ordinals = []
    for ordinal, template in enumerate(note_type.templates):
        # the question shows a field that is filled; one whose sections do not fit together
        # makes no card
        shown, fits = _shown(template.question, filled)
        if fits and any(tag.rpartition(":")[2] in filled for tag in shown):
            ordinals.append(ordinal)
    return tuple(ordinals)


def _filled(fields: Texts) -> set[str]:
    """Return the names of the fields that are not empty for Anki."""
    filled = {name for name in _SPECIAL_FIELDS if name not in fields}
    for name, text in fields.items():
        if not is_empty(text):
            filled.add(name)
    return filled


def _shown(template: str, filled: set[str] | None) -> tuple[list[str], bool]:
    """Return the tags in sections that are on, and whether the sections fit together.

    Without `filled`, all sections are on.
    """
    shown = []
    sections: list[tuple[str, bool]] = []
    fits = True
    for tag in _tags(template):
        sign = tag[0] if len(tag) > 1 and tag[0] in "#^/" else ""
        field = tag[1:].lstrip()
        if sign == "/":
            fits = fits and bool(sections) and sections[-1][0] == field
            sections = sections[:-1]
        elif sign:
            is_on = filled is None or (field in filled) == (sign == "#")
            sections.append((field, is_on))
        elif all(is_on for _, is_on in sections):
            shown.append(tag)
    return shown, fits and not sections


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


def fields_shown(template: str) -> Strings:
    """Return the fields that a template shows, in order, with all its sections."""
    shown, _ = _shown(template, None)
    return tuple(tag.rpartition(":")[2].strip() for tag in shown)


_UNSEEN = regex(
    r"""(?xis)
    <(?P<name>\w+)\b[^<>]*(?:display:\s*none|\shidden\b)[^<>]*>  # in a simple element
    .*?
    </(?P=name)>
    """
)


def fields_seen(template: str, fields: Texts, *, of_question: bool) -> Strings:
    """Return the fields that a person sees on a side of a card, in order.

    Args:
        template: the template of the side.
        fields: all fields of the note as HTML, by their names.
        of_question: `{{type:Back}}` on a question asks for the answer, and `{{hint:Clue}}`
            is a button; neither shows the field.
    """
    unasked = {"type", "hint"} if of_question else set()
    shown, _ = _shown(_UNSEEN.sub("", template), _filled(fields))
    seen = []
    for tag in shown:
        *filters, field = tag.split(":")
        if unasked.isdisjoint(filters):
            seen.append(field.strip())
    return tuple(seen)


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
