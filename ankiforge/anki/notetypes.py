"""The two note types. Their ids, fields and templates are fixed for ever.

Anki updates a note only if its note type looks exactly as it knows it, so no field and no
template is ever added, removed or moved; a spare field can be renamed, because every one has
an id. Templates and CSS are files in `design/`, and change with a new version and a higher mod.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ankiforge.model import Family, h16, named_id

TEMPLATE_VERSIONS = ((1, 1_400_000_000), (2, 1_400_000_001))
"""(version of `design/`, the mod Anki compares), a line for each that was ever shipped."""
DESIGN_MOD = TEMPLATE_VERSIONS[-1][1]
EARLIER_DESIGNS = frozenset(("2af638554a813b2e", "175102863477f571"))
"""`design_hash` of the note types as earlier versions had them, so as nobody changed them."""

_FIELD_IDS = {
    Family.BASIC: {
        "Front": 1407267147801,
        "Back": 1407267147802,
        "Reverse": 1407267147803,
        "Extra": 1407267147804,
        "Source": 1407267147805,
        "Citation": 1407267147806,
        "Links": 1407267147807,
        "AnkiforgeId": 1407267147808,
        "Feedback": 1407267147809,
        "Spare1": 1407267147810,
        "Spare2": 1407267147811,
        "Spare3": 1407267147812,
    },
    Family.CLOZE: {
        "Text": 1505806687601,
        "Extra": 1505806687602,
        "Source": 1505806687603,
        "Citation": 1505806687604,
        "Links": 1505806687605,
        "AnkiforgeId": 1505806687606,
        "Feedback": 1505806687607,
        "Spare1": 1505806687608,
        "Spare2": 1505806687609,
        "Spare3": 1505806687610,
    },
}
_TEMPLATE_IDS = {
    Family.BASIC: {"Card 1": 1407267147901, "Card 2": 1407267147902},
    Family.CLOZE: {"Cloze": 1505806687701},
}
_NAMES = {Family.BASIC: "ankiforge Basic", Family.CLOZE: "ankiforge Cloze"}


@dataclass(frozen=True, slots=True)
class Template:
    """One card of a note type: the HTML of its two sides, with Anki's `{{Field}}` holes."""

    name: str
    id: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class NoteType:
    """What Anki calls a note type."""

    family: Family
    name: str
    id: int
    fields: tuple[str, ...]
    """Their names, in order."""
    field_ids: tuple[int, ...]
    templates: tuple[Template, ...]


def style() -> str:
    """The CSS of both note types."""
    return _design("style.css")


@cache
def note_type(family: Family) -> NoteType:
    """The note type of a family."""
    templates = tuple(
        Template(name, number, *_sides(family, name))
        for name, number in _TEMPLATE_IDS[family].items()
    )
    name = _NAMES[family]
    fields = _FIELD_IDS[family]
    return NoteType(
        family,
        name,
        named_id("notetype", name),
        tuple(fields),
        tuple(fields.values()),
        templates,
    )


def design_hash(css: str, templates: Iterable[tuple[str, str, str]]) -> str:
    """Of what a note type looks like: its CSS, and (name, question, answer) of its templates."""
    return h16(css.strip(), *(part.strip() for template in templates for part in template))


def _sides(family: Family, name: str) -> tuple[str, str]:
    stem = f"{family.value}-{name.lower().replace(' ', '-')}"
    return _design(f"{stem}-question.html"), _design(f"{stem}-answer.html")


@cache
def _design(name: str) -> str:
    return (files("ankiforge.anki") / "design" / name).read_text(encoding="utf-8").strip()
