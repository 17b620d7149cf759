"""The database of Anki, in every form in which it is stored: with tables or with JSON for decks and note types.

The file may be malicious, so its tables and values are checked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ankiforge.errors import ItemError
from ankiforge.model import Json, SeenTemplate, SeenType, Texts

_T = TypeVar("_T")
Row = tuple[Any, ...]

_OLDEST_SCHEMA, _NEWEST_SCHEMA = 11, 18
# The first schema that keeps decks and note types in tables. Earlier ones use JSON in `col`.
_SCHEMA_WITH_TABLES = 15
_TABLES = frozenset(("col", "notes", "cards", "revlog", "graves"))
_TYPE_TABLES = frozenset(("decks", "notetypes", "fields", "templates"))
# The maximum size of one value in bytes.
_MAX_VALUE = 100_000_000
OUR_GUIDS = "af" + "[a-z2-7]" * 24
"""Matches the guids of our notes. A GLOB, because GLOB is case-sensitive."""
# What a damaged file raises. Even SQLite's error message may not be UTF-8.
_DAMAGED = (sqlite3.Error, OverflowError, UnicodeDecodeError)
_SETUP = """
create index if not exists ix_cards_nid on cards (nid);
create index if not exists ix_revlog_cid on revlog (cid);
create table temp.chosen (place text, nid integer, primary key (place, nid)) without rowid;
insert into temp.chosen select {}, ifnull(cast(id as integer), 0) from notes where {};
create index temp.chosen_nid on chosen (nid);
"""
_ADOPTED = """
insert or ignore into temp.chosen
select a.value, ifnull(cast(n.id as integer), 0) from notes n join json_each(?) a on a.key = n.guid
"""
# Finds tables but not views: a view in place of a table could run for ever.
_PLAIN_TABLES = "select name from sqlite_master where type = 'table' and sql like 'create table%'"


def numbers(*columns: str) -> str:
    """Return integer columns. Anki's tables accept any type, and old programs left fractions."""
    return ", ".join(f"ifnull(cast({column} as integer), 0)" for column in columns)


def texts(*columns: str) -> str:
    """Return text columns."""
    return ", ".join(f"ifnull(cast({column} as text), '')" for column in columns)


class Database:
    """A copy of Anki's database.

    The table `temp.chosen` holds (place, nid) of the notes with our guids, whose place is the guid,
    and of those in `adopted` (guid in Anki: guid of our card); of None all notes, with the place ''.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, adopted: Texts | None) -> None:
        self._connection = connection
        self._name = name
        try:
            query = f"select {numbers('crt', 'ver')} from col limit 1"
            found: Row = connection.execute(query).fetchone() or (0, 0)
        except _DAMAGED as error:
            if "no such" in str(error):
                raise self.unusable("not a collection of Anki", str(error)) from error
            raise self._damaged(error) from error
        self.created, self.schema = found
        if self.schema < _OLDEST_SCHEMA:
            raise self.unusable("not a collection of Anki 2.1 or later", "schema too old")
        if self.schema > _NEWEST_SCHEMA:
            raise ItemError(
                f"{name}: made by a newer Anki than this version supports (schema {self.schema})",
                hint="update ankiforge",
            )
        known = {table for (table,) in self.rows(_PLAIN_TABLES)}
        if missing := (_TABLES if self.legacy else _TABLES | _TYPE_TABLES) - known:
            raise self.unusable("not a collection of Anki", f"no table {min(missing)}")
        if (state := self.first("pragma quick_check(1)")[0]) != "ok":
            raise self._damaged(state)
        try:
            chosen = ("''", "1") if adopted is None else ("guid", f"guid glob '{OUR_GUIDS}'")
            connection.executescript(_SETUP.format(*chosen))
            connection.execute(_ADOPTED, (msgspec.json.encode(adopted or {}),))
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
        """Return a column of `col` that holds a JSON object."""
        (text,) = self.first(f"select {texts(name)} from col")
        try:
            return msgspec.json.decode(text or "{}", type=shape, strict=False)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self.unusable(f"its {name} cannot be read", str(error)) from error

    def unusable(self, what: str, why: str) -> ItemError:
        """Return an error that names the file."""
        return ItemError(f"{self._name}: {what} ({why})", hint="name the collection.anki2 of Anki")

    def _damaged(self, why: object) -> ItemError:
        return ItemError(
            f"{self._name}: is damaged or incomplete ({why})",
            hint="run Tools › Check Database in Anki, then try again",
        )


@contextmanager
def open_database(copy: Path, name: str, adopted: Texts | None) -> Iterator[Database]:
    """Open a copy, which SQLite may modify. `name` is used in error messages."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        connection.create_collation("unicase", _unicase)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.executescript("pragma temp_store = memory; pragma trusted_schema = off;")
        yield Database(connection, name, adopted)


def _unicase(left: str, right: str) -> int:
    """Compare names as Anki's `unicase` collation does."""
    one, other = left.casefold(), right.casefold()
    return (one > other) - (one < other)


# --- decks and note types -------------------------------------------------------------------


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


def deck_names(database: Database) -> dict[int, str]:
    """Return the name of every deck by id, its parts joined by `::`."""
    if database.legacy:
        decks = database.column("decks", dict[int, Json])
        return {id: str(deck.get("name", "")) for id, deck in decks.items()}
    rows = database.rows(f"select {numbers('id')}, {texts('name')} from decks")
    return {id: name.replace("\x1f", "::") for id, name in rows}


def note_types(database: Database, wanted: Iterable[int]) -> tuple[SeenType, ...]:
    """Return the existing note types among the wanted ids, ascending by id."""
    if not database.legacy:
        return tuple(seen for id in sorted(wanted) for seen in _from_tables(database, id))
    found = database.column("models", dict[int, _Type])
    return tuple(_from_json(id, found[id]) for id in sorted(wanted) if id in found)


def _from_json(id: int, kind: _Type) -> SeenType:
    fields = sorted(kind.flds, key=lambda field: field.ord)
    templates = sorted(kind.tmpls, key=lambda template: template.ord)
    return SeenType(
        id, kind.name, int(kind.mod), kind.type == 1,
        tuple((field.name, field.id) for field in fields),
        tuple(SeenTemplate(one.name, one.id, one.qfmt, one.afmt) for one in templates),
        kind.css,
    )  # fmt: skip


def _from_tables(database: Database, id: int) -> Iterator[SeenType]:
    """Yield the note type with this id, if any.

    The field numbers are those of `proto/anki/notetypes.proto`.
    """

    def read(table: str, *columns: str) -> Iterator[Row]:
        """Yield the columns and the decoded `config` of the rows that belong to this note type."""
        key, order = ("id", "id") if table == "notetypes" else ("ntid", "ord")
        query = f"select {', '.join(columns)}, config from {table} where {key} = ? order by {order}"
        for *values, config in database.rows(query, id):
            try:
                yield *values, read_message(config if isinstance(config, bytes) else b"\x00")
            except ValueError as error:
                raise database.unusable("a note type cannot be read", str(error)) from error

    for name, mod, settings in read("notetypes", texts("name"), numbers("mtime_secs")):
        fields = tuple((field, _id(part, 9)) for field, part in read("fields", texts("name")))
        templates = tuple(
            SeenTemplate(template, _id(part, 8), _text(part, 1), _text(part, 2))
            for template, part in read("templates", texts("name"))
        )
        is_cloze = number_of(settings, 1) == 1
        yield SeenType(id, name, mod, is_cloze, fields, templates, _text(settings, 3))


Message = dict[int, int | bytes]


def read_message(data: bytes) -> Message:
    """Return the fields of a Protocol Buffers message by number.

    Of a repeated field the last value is returned. Numbers are unsigned varints. Strings and nested
    messages are returned as bytes (https://protobuf.dev/programming-guides/encoding/).

    Raises:
        ValueError: the data is truncated or not a message.
    """
    fields: Message = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            fields[number], at = _varint(data, at)
        elif kind in (1, 2, 5):
            length, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
            if length > len(data) - at:
                raise ValueError("cut off")
            fields[number] = data[at : at + length]
            at += length
        if kind not in (0, 1, 2, 5) or number == 0:
            raise ValueError(f"unknown field {number} of type {kind}")
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & (2**64 - 1), at + place + 1
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
