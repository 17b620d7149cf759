"""The database of Anki in every form: decks and note types in tables, or as JSON.

The file may be malicious, so its tables and values are checked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ankiforge.errors import ItemError
from ankiforge.model import CARD_PREFIX, Json, SeenTemplate, SeenType, Texts

_T = TypeVar("_T")
Row = tuple[Any, ...]

_OLDEST_SCHEMA = 11
_NEWEST_SCHEMA = 18
# The first schema that keeps decks and note types in tables. Earlier ones use JSON in
# `col`.
_SCHEMA_WITH_TABLES = 15
_TABLES = frozenset(("col", "notes", "cards", "revlog", "graves"))
_TYPE_TABLES = frozenset(("decks", "notetypes", "fields", "templates"))
# The maximum size of one value in bytes.
_MAX_VALUE = 100_000_000
OUR_GUIDS = CARD_PREFIX + "[a-z2-7]" * 24
"""Matches the guids of our notes. A GLOB, because GLOB is case-sensitive."""
# What a damaged file raises. Even SQLite's error message may not be UTF-8.
_DAMAGED = (sqlite3.Error, OverflowError, UnicodeDecodeError)
_NO_COLLECTION = "not a collection of Anki"
_SETUP = """
create index if not exists ix_cards_nid on cards (nid);
create index if not exists ix_revlog_cid on revlog (cid);
create table temp.chosen (place text, nid integer, primary key (place, nid)) without rowid;
insert into temp.chosen select {}, ifnull(cast(id as integer), 0) from notes where {};
create index temp.chosen_nid on chosen (nid);
"""
_ADOPTED = """
insert or ignore into temp.chosen
select a.value, ifnull(cast(n.id as integer), 0)
from notes n join json_each(?) a on a.key = n.guid
"""
# Finds tables but not views: a view in place of a table could run for ever.
_PLAIN_TABLES = """
select name from sqlite_master where type = 'table' and sql like 'create table%'
"""


def numbers(*columns: str) -> str:
    """Return integer columns. Anki's tables accept any type, and old programs left fractions."""
    return ", ".join(f"ifnull(cast({column} as integer), 0)" for column in columns)


def texts(*columns: str) -> str:
    """Return text columns."""
    return ", ".join(f"ifnull(cast({column} as text), '')" for column in columns)


class Database:
    """A copy of Anki's database.

    The table `temp.chosen` holds (place, nid) of the notes that are read. The place is
    the guid of a note of ours, and the guid of our card for a note in `adopted` (guid in
    Anki: guid of our card). If `adopted` is None, all notes are read, with the place ''.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        adopted: Texts | None,
    ) -> None:
        self._connection = connection
        self._name = name
        # when the collection was created, in seconds, and the number of its schema
        query = f"select {numbers('crt', 'ver')} from col limit 1"
        try:
            row: Row | None = connection.execute(query).fetchone()
        except _DAMAGED as error:
            if "no such" in str(error):
                raise self.unusable(_NO_COLLECTION, str(error)) from error
            raise self._damaged(error) from error
        self.created, self.schema = row or (0, 0)
        if self.schema < _OLDEST_SCHEMA:
            raise self.unusable("not a collection of Anki 2.1 or later", "schema too old")
        if self.schema > _NEWEST_SCHEMA:
            raise ItemError(
                f"{name}: made by a newer Anki than this version supports"
                f" (schema {self.schema})",
                hint="update ankiforge",
            )

        # Anki's tables, undamaged
        present = {table for (table,) in self.rows(_PLAIN_TABLES)}
        needed = _TABLES if self.legacy else _TABLES | _TYPE_TABLES
        missing = needed - present
        if missing:
            raise self.unusable(_NO_COLLECTION, f"no table {min(missing)}")
        (state,) = self.first("pragma quick_check(1)")
        if state != "ok":
            raise self._damaged(state)

        # choose the notes
        place = "guid"
        condition = f"guid glob '{OUR_GUIDS}'"
        if adopted is None:
            place = "''"
            condition = "1"
        try:
            connection.executescript(_SETUP.format(place, condition))
            encoded = msgspec.json.encode(adopted or {})
            connection.execute(_ADOPTED, (encoded,))
        except _DAMAGED as error:
            raise self._damaged(error) from error

    @property
    def legacy(self) -> bool:
        """Whether decks and note types are stored as JSON in `col`."""
        return int(self.schema) < _SCHEMA_WITH_TABLES

    def rows(self, statement: str, *values: object) -> Iterator[Row]:
        """Yield the rows of a query. Raise ItemError if the file is damaged."""
        try:
            for row in self._connection.execute(statement, values):  # noqa: UP028
                yield row  # `yield from` would close the cursor, maybe after the database
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def first(self, statement: str, *values: object) -> Row:
        """Return the first row of a query, or (None,) if there is none."""
        return next(self.rows(statement, *values), (None,))

    def column(self, name: str, shape: type[_T]) -> _T:
        """Return the JSON object in a column of `col`; an empty column counts as {}.

        Raises:
            ItemError: it is not of this shape.
        """
        (text,) = self.first(f"select {texts(name)} from col")
        try:
            # not strict: some programs have written numbers as texts
            return msgspec.json.decode(text or "{}", type=shape, strict=False)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self.unusable(f"its {name} cannot be read", str(error)) from error

    def unusable(self, message: str, hint: str) -> ItemError:
        """Return an error that names the file."""
        return ItemError(
            f"{self._name}: {message} ({hint})",
            hint="name the collection.anki2 of Anki",
        )

    def _damaged(self, reason: object) -> ItemError:
        return ItemError(
            f"{self._name}: is damaged or incomplete ({reason})",
            hint="run Tools › Check Database in Anki, then try again",
        )


@contextmanager
def open_database(
    copy: Path,
    name: str,
    adopted: Texts | None,
) -> Iterator[Database]:
    """Open a copy, which SQLite may modify. `name` is used in error messages."""

    def unicase(left: str, right: str) -> int:
        """Compare names as Anki's `unicase` collation does."""
        folded_left = left.casefold()
        folded_right = right.casefold()
        return (folded_left > folded_right) - (folded_left < folded_right)

    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        connection.create_collation("unicase", unicase)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.executescript(
            "pragma temp_store = memory; pragma trusted_schema = off;"
        )
        yield Database(connection, name, adopted)


# --- decks and note types ---------------------------------------------------------------


class _Field(msgspec.Struct):
    name: str
    ord: int = 0
    id: int | None = None
    tag: int | None = None


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
    originalId: int | None = None
    originalStockKind: int | None = None


# The numbers of fields in `config` are those of Anki's proto/anki/notetypes.proto.
_NOTE_TYPE = (
    f"select {texts('name')}, {numbers('mtime_secs')}, config from notetypes"
    " where id = ? order by id"
)
_FIELDS = f"select {texts('name')}, config from fields where ntid = ? order by ord"
_TEMPLATES = f"select {texts('name')}, config from templates where ntid = ? order by ord"


def deck_names(database: Database) -> dict[int, str]:
    """Return the name of every deck by id, its parts joined by `::`."""
    if database.legacy:
        decks = database.column("decks", dict[int, Json])
        return {id: str(deck.get("name", "")) for id, deck in decks.items()}
    rows = database.rows(f"select {numbers('id')}, {texts('name')} from decks")
    return {id: name.replace("\x1f", "::") for id, name in rows}


def note_types(database: Database, wanted: Iterable[int]) -> tuple[SeenType, ...]:
    """Return the existing note types among the wanted ids, ascending by id."""
    types: list[SeenType] = []
    if database.legacy:
        models = database.column("models", dict[int, _Type])
        for id in sorted(models.keys() & set(wanted)):
            kind = models[id]
            in_order = sorted(kind.flds, key=attrgetter("ord"))
            templates = []
            for read in sorted(kind.tmpls, key=attrgetter("ord")):
                template = SeenTemplate(read.name, read.id, read.qfmt, read.afmt)
                templates.append(template)
            numbers_of_fields = tuple(_tag_of(field.tag) for field in in_order)
            seen = SeenType(
                id=id,
                name=kind.name,
                mod=int(kind.mod),
                cloze=kind.type == 1,
                fields=tuple((field.name, field.id) for field in in_order),
                templates=tuple(templates),
                css=kind.css,
                origin=kind.originalId or 0,
                stock=kind.originalStockKind or 0,
                field_tags=numbers_of_fields if kind.originalStockKind else (),
            )
            types.append(seen)
        return tuple(types)
    for id in sorted(wanted):
        for name, mod, settings in _configured(database, _NOTE_TYPE, id):
            fields = list(_configured(database, _FIELDS, id))
            templates = []
            for template_name, config in _configured(database, _TEMPLATES, id):
                question = _text(config, 1)
                answer = _text(config, 2)
                template = SeenTemplate(template_name, _id(config, 8), question, answer)
                templates.append(template)
            stock = number_of(settings, 9)
            tags = tuple(_tag_of(_id(config, 10)) for _, config in fields)
            seen = SeenType(
                id=id,
                name=name,
                mod=mod,
                cloze=number_of(settings, 1) == 1,
                fields=tuple((field, _id(config, 9)) for field, config in fields),
                templates=tuple(templates),
                css=_text(settings, 3),
                origin=number_of(settings, 10),
                stock=stock,
                field_tags=tags if stock else (),
            )
            types.append(seen)
    return tuple(types)


def other_note_types(database: Database, read: Iterable[int]) -> Iterator[SeenType]:
    """Yield the note types with other ids, ascending. One that cannot be read is left out."""
    if database.legacy:
        ids = set(database.column("models", dict[int, Json]))
    else:
        rows = database.rows(f"select {numbers('id')} from notetypes")
        ids = {id for (id,) in rows}
    for id in sorted(ids.difference(read)):
        with suppress(ItemError):
            yield from note_types(database, (id,))


def _tag_of(tag: int | None) -> int:
    return -1 if tag is None else tag


def _configured(database: Database, query: str, type_id: int) -> Iterator[Row]:
    """Yield the rows of a query about a note type, with their last column, `config`, decoded."""
    for *values, config in database.rows(query, type_id):
        message = config if isinstance(config, bytes) else b"\x00"
        try:
            yield *values, read_message(message)
        except ValueError as error:
            raise database.unusable("a note type cannot be read", str(error)) from error


# --- Protocol Buffers -------------------------------------------------------------------

Message = dict[int, int | bytes]
_VARINT = 0
_FIXED_64 = 1
_BYTES = 2
_FIXED_32 = 5


def read_message(data: bytes) -> Message:
    """Return the fields of a Protocol Buffers message by number.

    Of a repeated field the last value is returned. Numbers are unsigned varints. Strings
    and nested messages are returned as bytes
    (https://protobuf.dev/programming-guides/encoding/).

    Raises:
        ValueError: the data is truncated or not a message.
    """
    fields: Message = {}
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number = tag >> 3
        wire_type = tag & 7
        if wire_type == _VARINT:
            fields[number], position = _varint(data, position)
        elif wire_type in (_FIXED_64, _BYTES, _FIXED_32):
            if wire_type == _BYTES:
                length, position = _varint(data, position)
            else:
                length = 8 if wire_type == _FIXED_64 else 4
            if length > len(data) - position:
                raise ValueError("cut off")
            fields[number] = data[position : position + length]
            position += length
        if wire_type not in (_VARINT, _FIXED_64, _BYTES, _FIXED_32) or number == 0:
            raise ValueError(f"unknown field {number} of type {wire_type}")
    return fields


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the number that begins at a position, and the position after it."""
    value = 0
    for byte_number, byte in enumerate(data[start : start + 10]):
        value |= (byte & 0x7F) << (7 * byte_number)
        if byte < 0x80:
            return value & (2**64 - 1), start + byte_number + 1
    raise ValueError("an unterminated number")


def number_of(message: Message, number: int) -> int:
    """Return a field as a number, 0 if it is absent."""
    value = message.get(number)
    return value if isinstance(value, int) else 0


def _id(message: Message, number: int) -> int | None:
    """Return a field as int64, or None if it is absent, which is different from zero."""
    value = message.get(number)
    if not isinstance(value, int):
        return None
    return value - 2**64 if value >= 2**63 else value


def _text(message: Message, number: int) -> str:
    value = message.get(number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
