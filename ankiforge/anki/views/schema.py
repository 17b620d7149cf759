"""Decks and note types, in both ways Anki writes them.

Numbers of fields in its messages: `proto/anki/notetypes.proto`, checked by the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ankiforge.anki.views.database import Database, numbers, texts
from ankiforge.anki.views.wire import Message, WireError, read_message
from ankiforge.model import SeenTemplate, SeenType

_PART_OF_NAME = "\x1f"
_TYPE_KIND, _TYPE_CSS, _CLOZE = 1, 3, 1
_FIELD_ID = 9
_QUESTION, _ANSWER, _TEMPLATE_ID = 1, 2, 8

_DECKS = f"select {numbers('id')}, {texts('name')} from decks"
_TYPE_NAMES = f"select {numbers('id')}, {texts('name')} from notetypes"
_NOTE_TYPE = f"select {texts('name')}, {numbers('mtime_secs')}, config from notetypes where id = ?"
_FIELDS = f"select {texts('name')}, config from fields where ntid = ? order by ord"
_TEMPLATES = f"select {texts('name')}, config from templates where ntid = ? order by ord"


def deck_names(database: Database) -> dict[int, str]:
    """The name of every deck by its id, `::` between the parts."""
    if database.legacy:
        decks = _json(database, "decks", dict[int, _Deck])
        return {number: deck.name for number, deck in decks.items()}
    rows = database.rows(_DECKS)
    return {number: name.replace(_PART_OF_NAME, "::") for number, name in rows}


def type_names(database: Database) -> dict[int, str]:
    """The name of every note type by its id."""
    if database.legacy:
        return {number: kind.name for number, kind in _json(database, "models", _TYPES).items()}
    return dict(database.rows(_TYPE_NAMES))


def note_types(database: Database, wanted: frozenset[int]) -> tuple[SeenType, ...]:
    """Those of the wanted note types that are there, ascending by id."""
    read = _from_json if database.legacy else _from_tables
    return tuple(sorted(read(database, wanted), key=lambda kind: kind.id))


# --- schema 18: tables ----------------------------------------------------------------------


def _from_tables(database: Database, wanted: frozenset[int]) -> Iterator[SeenType]:
    for number in wanted:
        for name, mod, config in database.rows(_NOTE_TYPE, number):
            settings = _message(database, config)
            yield SeenType(
                number,
                name,
                mod,
                settings.unsigned(_TYPE_KIND) == _CLOZE,
                tuple(_fields(database, number)),
                tuple(_templates(database, number)),
                settings.text(_TYPE_CSS),
            )


def _fields(database: Database, number: int) -> Iterator[tuple[str, int | None]]:
    for name, config in database.rows(_FIELDS, number):
        yield name, _message(database, config).signed(_FIELD_ID)


def _templates(database: Database, number: int) -> Iterator[SeenTemplate]:
    for name, config in database.rows(_TEMPLATES, number):
        settings = _message(database, config)
        yield SeenTemplate(
            name,
            settings.signed(_TEMPLATE_ID),
            settings.text(_QUESTION),
            settings.text(_ANSWER),
        )


def _message(database: Database, config: object) -> Message:
    try:
        return read_message(config if isinstance(config, bytes) else b"\x00")
    except WireError as error:
        raise database.unusable("a note type cannot be read", str(error)) from error


# --- schema 11: JSON ------------------------------------------------------------------------


class _Deck(msgspec.Struct):
    name: str


class _Field(msgspec.Struct):
    name: str
    ord: int = 0
    id: int | None = None


class _Template(msgspec.Struct):
    name: str
    qfmt: str
    afmt: str
    ord: int = 0
    id: int | None = None


class _Type(msgspec.Struct):
    name: str
    flds: list[_Field]
    tmpls: list[_Template]
    css: str = ""
    type: int = 0
    mod: float = 0


_TYPES = dict[int, _Type]


def _from_json(database: Database, wanted: frozenset[int]) -> Iterator[SeenType]:
    for number, kind in _json(database, "models", _TYPES).items():
        if number in wanted:
            fields = sorted(kind.flds, key=lambda field: field.ord)
            templates = sorted(kind.tmpls, key=lambda template: template.ord)
            yield SeenType(
                number,
                kind.name,
                int(kind.mod),
                kind.type == _CLOZE,
                tuple((field.name, field.id) for field in fields),
                tuple(SeenTemplate(t.name, t.id, t.qfmt, t.afmt) for t in templates),
                kind.css,
            )


def _json(database: Database, column: str, shape: type[dict[int, Any]]) -> dict[int, Any]:
    (text,) = database.first(f"select {texts(column)} from col")
    try:
        found: dict[int, Any] = msgspec.json.decode(text or "{}", type=shape, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise database.unusable(f"its {column} cannot be read", str(error)) from error
    return found
