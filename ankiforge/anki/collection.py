"""Read an Anki collection or export without changing it.

    with open_view(path) as view:
        for note in view.notes(): ...

A live collection is copied and never opened in place. Exports are unpacked. The copy lies
in a temporary folder that is deleted when the view is closed. Decks and note types are in
tables or, in older ones, JSON. The file may be malicious, so its size, tables and values
are checked.
"""

from __future__ import annotations

import html
import json
import shutil
import sqlite3
import stat
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from heapq import merge
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec

from ankiforge.anki.notetypes import (
    OUR_FAMILIES,
    fields_shown,
    our_note_type,
    parse_identity,
)
from ankiforge.anki.profiles import (
    COLLECTION,
    LOG_SUFFIXES,
    resolved,
    state_of,
)
from ankiforge.errors import ItemError
from ankiforge.model import (
    CARD_PREFIX,
    CardId,
    DeckId,
    Fields,
    ForeignNote,
    Guid,
    Json,
    NoteId,
    NoteInAnki,
    NoteTypeId,
    SeenReview,
    SeenTemplate,
    SeenType,
    Texts,
    Value,
    ViewKind,
)
from ankiforge.text import regex

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


class AnkiDatabase:
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
) -> Iterator[AnkiDatabase]:
    """Open a copy, which SQLite may modify. `name` is used in error messages."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        # SQLite wants the collation of their indexes; no query here compares names
        connection.create_collation(
            "unicase", lambda left, right: (left > right) - (left < right)
        )
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.executescript(
            "pragma temp_store = memory; pragma trusted_schema = off;"
        )
        yield AnkiDatabase(connection, name, adopted)


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


def deck_names(database: AnkiDatabase) -> dict[DeckId, str]:
    """Return the name of every deck by id, its parts joined by `::`."""
    if database.legacy:
        decks = database.column("decks", dict[DeckId, Json])
        return {id: str(deck.get("name", "")) for id, deck in decks.items()}
    rows = database.rows(f"select {numbers('id')}, {texts('name')} from decks")
    return {id: name.replace("\x1f", "::") for id, name in rows}


def note_types(
    database: AnkiDatabase, wanted: Iterable[NoteTypeId]
) -> tuple[SeenType, ...]:
    """Return the existing note types among the wanted ids, ascending by id."""
    types: list[SeenType] = []
    if database.legacy:
        models = database.column("models", dict[NoteTypeId, _Type])
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


def _tag_of(tag: int | None) -> int:
    return -1 if tag is None else tag


def _configured(database: AnkiDatabase, query: str, type_id: int) -> Iterator[Row]:
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


# --- a collection, read from a copy ----------------------------------------------------

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError, ZstdFile
else:
    from backports.zstd import ZstdError, ZstdFile


# --- copying a collection ---------------------------------------------------------------

# Anki writes to a log next to the file (`-wal`). Its locks would be broken by SQLite in
# another process, or block it. So the live file is never opened but copied: first the
# log, then the main file, and both again if either changed during the copy.
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.25
# Two changes within this time may leave the same modification time.
_TICK_SECONDS = 0.02


def _copy_collection(path: Path, target: Path) -> None:
    """Copy a collection and its logs. Raise ItemError if it never stops changing."""
    source = resolved(path)
    for _ in range(_ATTEMPTS):
        before = state_of(source)
        # a further change might leave the modification times as they are
        now = time.time()
        ages = [now - modified_ns / 1e9 for _, modified_ns, _ in filter(None, before)]
        changed_just_now = any(0 <= age < _TICK_SECONDS for age in ages)
        if not changed_just_now:
            for suffix in (*LOG_SUFFIXES, ""):
                copy = target.with_name(target.name + suffix)
                copy.unlink(missing_ok=True)
                try:
                    shutil.copyfile(source.with_name(source.name + suffix), copy)
                except FileNotFoundError:
                    if not suffix:
                        raise
            if state_of(source) == before:
                return
        time.sleep(_PAUSE_SECONDS)
    raise ItemError(
        f"{path}: keeps changing while it is copied",
        hint="wait until Anki is idle, or close it",
    )


# --- unpacking an export ----------------------------------------------------------------

# The database file by the version in `meta`. A newer export also contains an older file
# as a decoy.
_MEMBERS = {3: "collection.anki21b", 2: "collection.anki21", 1: "collection.anki2"}
_CHUNK_BYTES = 1 << 20
_MAX_DATABASE = 8 << 30
_MAX_SMALL_DATABASE = 64 << 20
# A database of text compresses to about a tenth. A hundredfold expansion is a zip bomb.
_MAX_RATIO = 100
_EXPORT_AGAIN = "export it from Anki once more"
# What `zipfile` raises for a file that is broken, encrypted or packed in a way it does
# not know.
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
    ZstdError,
)


def _unpack(path: Path, target: Path) -> None:
    """Write the database of an `.apkg` or `.colpkg` to `target`."""
    try:
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(path))
            names = set(archive.namelist())
            # old exports have no `meta`
            version = 0
            if "meta" in names and archive.getinfo("meta").file_size <= _CHUNK_BYTES:
                with suppress(ValueError):
                    version = number_of(read_message(archive.read("meta")), 1)
            if version > max(_MEMBERS):
                raise ItemError(
                    f"{path}: exported by a newer Anki than this version supports",
                    hint="update ankiforge, or tick “Support older Anki versions” when"
                    " exporting",
                )
            newest = next((name for name in _MEMBERS.values() if name in names), "")
            if not newest or _MEMBERS.get(version, newest) not in names:
                message = f"{path}: it contains no Anki collection"
                raise ItemError(message, hint=_EXPORT_AGAIN)

            # copy the database, up to a limit
            member = archive.getinfo(newest)
            likely_most = _MAX_SMALL_DATABASE + _MAX_RATIO * member.compress_size
            limit = min(_MAX_DATABASE, likely_most)
            source = stack.enter_context(archive.open(member))
            if newest == _MEMBERS[3]:
                source = stack.enter_context(cast(IO[bytes], ZstdFile(source)))
            file = stack.enter_context(target.open("wb"))
            while piece := source.read(_CHUNK_BYTES):
                if file.tell() + len(piece) > limit:
                    message = f"{path}: is larger than {limit >> 20} MiB when unpacked"
                    raise ItemError(message, hint=_EXPORT_AGAIN)
                file.write(piece)
    except _BROKEN_ZIP as error:
        message = f"{path}: this export of Anki is broken or cut off ({error})"
        raise ItemError(message, hint=_EXPORT_AGAIN) from error


# --- the view ---------------------------------------------------------------------------

# The home deck, also of a card that is in a filtered deck.
_HOME = "iif(c.odid, c.odid, c.did)"
_NOTES = f"""
select o.nid, {texts("iif(o.place = '', n.guid, o.place)")},
  {numbers("n.mod", "n.mid")}, {texts("n.tags", "n.flds")}
from temp.chosen o cross join notes n on n.id = o.nid
order by o.place, o.nid
"""
_CARDS = f"""
select o.nid, {numbers("c.id", "c.ord", _HOME, "c.reps", "c.lapses", "c.queue = -1")}
from temp.chosen o cross join cards c on c.nid = o.nid
order by o.place, o.nid, c.ord, c.id
"""
_REVIEWS = f"""
select r.id, o.place, {numbers("r.ease", "r.ivl", "r.type")}
from revlog r cross join cards c on c.id = r.cid cross join temp.chosen o on o.nid = c.nid
order by r.id
"""
_USED_TYPES = f"""
select distinct {numbers("n.mid")} from temp.chosen o join notes n on n.id = o.nid
"""
_FOREIGN_IDS = f"""
select {numbers("id", "mod")} from notes where id not in (select nid from temp.chosen)
"""
_FOREIGN_NOTES = f"""
select n.id, {numbers("n.mod", "n.mid")}, {texts("n.flds")},
  (select {_HOME} from cards c where c.nid = n.id order by c.ord limit 1)
from notes n where n.id in (select value from json_each(?))
"""


class View(Value):
    """An open collection or export, or the exports of a running Anki."""

    databases: tuple[AnkiDatabase, ...]
    """One; of a running Anki, one for each exported deck."""
    kind: ViewKind
    path: str
    """The file, or the address of that Anki."""
    profile: str
    types: tuple[SeenType, ...]
    """Our note types, and those of the notes that are shown."""
    decks: dict[DeckId, str]
    """The names of all decks, by id; of a running Anki, those of the exported ones."""
    complete: bool
    """Whether it has the whole collection, or all our notes: absent ones are not in Anki."""

    @property
    def created(self) -> int:
        """When the collection was created, in seconds; 0 in an export of some decks."""
        times = {database.created for database in self.databases}
        return times.pop() if (self.kind is not ViewKind.APKG and len(times) == 1) else 0

    def notes(self) -> Iterator[NoteInAnki]:
        """Yield the notes in `temp.chosen`: ours by guid, or everyone's by id.

        A card in a filtered deck is in the export of that deck only, so the cards of a
        note may come from several exports.
        """
        cards_of: dict[NoteId, dict[CardId, list[Any]]] = {}
        for database in self.databases:
            for id, *card in database.rows(_CARDS):
                cards_of.setdefault(id, {})[card[0]] = card
        rows = (database.rows(_NOTES) for database in self.databases)
        last = None
        for id, guid, mod, type_id, tags, text in merge(*rows, key=itemgetter(1, 0)):
            if last == (guid, id):
                continue
            last = (guid, id)
            # a person may have changed the type, so AnkiforgeId is in whatever field
            fields = tuple(text.split("\x1f"))
            parsed = filter(None, map(parse_identity, fields))
            identity = next((each for each in parsed if each.guid == guid), None)
            cards = sorted(cards_of.get(id, {}).values(), key=itemgetter(1, 0))
            yield NoteInAnki(
                guid=Guid(guid),
                id=id,
                mod=mod,
                fields=fields,
                tags=tuple(filter(None, tags.replace("\u3000", " ").split(" "))),
                deck=self.decks.get(cards[0][2], "") if cards else "",
                identity=identity,
                reviews=sum(reps for _, _, _, reps, _, _ in cards),
                lapses=sum(lapses for *_, lapses, _ in cards),
                suspended=bool(cards) and all(suspended for *_, suspended in cards),
                ordinals=tuple(ordinal for _, ordinal, *_ in cards),
                cards=tuple(card_id for card_id, *_ in cards),
                type_id=type_id,
            )

    def other_types(self) -> Iterator[SeenType]:
        """Yield all other note types, some more than once; one that cannot be read is left out."""
        known = [note_type.id for note_type in self.types]
        for database in self.databases:
            if database.legacy:
                ids = set(database.column("models", dict[NoteTypeId, Json]))
            else:
                rows = database.rows(f"select {numbers('id')} from notetypes")
                ids = {id for (id,) in rows}
            for id in sorted(ids.difference(known)):
                with suppress(ItemError):
                    yield from note_types(database, (id,))

    def reviews(self) -> Iterator[SeenReview]:
        """Yield the reviews of our notes' cards, by review id."""
        rows = merge(*(database.rows(_REVIEWS) for database in self.databases))
        last = 0
        for id, guid, *answer in rows:
            if id != last:  # a card may be in two exports
                yield SeenReview(id, Guid(guid), *answer)
            last = id

    def graves(self) -> frozenset[NoteId] | None:
        """Return the ids of notes deleted since the last full sync; None of a running Anki."""
        if self.kind is ViewKind.CONNECT:  # AnkiConnect does not report them
            return None
        # cards and decks have graves of other types
        query = f"select {numbers('oid')} from graves where type = 1"
        return frozenset(id for (id,) in self.databases[0].rows(query))

    def foreign(
        self, known: Mapping[NoteId, int]
    ) -> tuple[frozenset[NoteId], Iterator[ForeignNote]] | None:
        """Return the ids of foreign notes, and those notes whose mod is not the known one.

        Args:
            known: the mod of each note when it was read last, by id.

        Returns:
            None if the view does not contain the whole collection.
        """
        if self.kind in (ViewKind.APKG, ViewKind.CONNECT):
            return None
        mods: dict[NoteId, int] = dict(self.databases[0].rows(_FOREIGN_IDS))
        changed = []
        for id, mod in mods.items():
            if known.get(id) != mod:
                changed.append(id)
        return frozenset(mods), self._foreign_notes(changed)

    def _foreign_notes(self, ids: list[NoteId]) -> Iterator[ForeignNote]:
        """Yield these notes, which are not ours, with the text of their fields."""
        [database] = self.databases
        types: dict[NoteTypeId, SeenType | None] = {}
        rows = database.rows(_FOREIGN_NOTES, json.dumps(ids))
        for id, mod, type_id, text, deck_id in rows:
            if type_id not in types:
                types[type_id] = next(iter(note_types(database, (type_id,))), None)
            note_type = types[type_id]
            fields = text.split("\x1f")
            yield ForeignNote(
                id=id,
                mod=mod,
                deck=self.decks.get(deck_id or 0, ""),
                fields=_foreign_fields(note_type, fields) if note_type else (),
            )


@contextmanager
def open_view(
    path: Path,
    adopted: Mapping[str, str] | None = {},
) -> Iterator[View]:
    """Open a collection or an export for reading.

    Args:
        path: a `collection.anki2`, an `.apkg` or a `.colpkg`. The view of a
            `collection.anki2` is named after its folder, the profile.
        adopted: notes of other tools that are ours now (their guids: those of our cards);
            None = all notes are shown, not only ours.

    Raises:
        ItemError: the file cannot be read.
    """
    with ExitStack() as stack:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise ItemError(f"{path}: not a file", hint=_EXPECTED)
            with path.open("rb") as file:
                start = file.read(16)
            kind = ViewKind.APKG
            if start == b"SQLite format 3\0":
                kind = ViewKind.COLLECTION
            elif not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                message = f"{path}: neither a collection nor an export of Anki"
                raise ItemError(message, hint=_EXPECTED)
            elif path.suffix.lower() == ".colpkg":
                kind = ViewKind.COLPKG
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ankiforge-"))
            copy = Path(folder) / COLLECTION
            if kind is ViewKind.COLLECTION:
                _copy_collection(path, copy)
            else:
                _unpack(path, copy)
        except OSError as error:
            hint = f"free space in {tempfile.gettempdir()}"
            message = f"{path}: cannot be copied: {error.strerror or error}"
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                if error.filename:
                    message = f"{path}: no such file"
                    hint = _EXPECTED
            elif isinstance(error, PermissionError):
                message = f"{path}: permission denied"
                hint = (
                    "let your user read it (macOS: Privacy & Security › Full Disk Access)"
                )
            raise ItemError(message, hint=hint) from error
        database = stack.enter_context(open_database(copy, str(path), adopted))
        profile = ""
        if kind is ViewKind.COLLECTION and path.name == COLLECTION:
            profile = path.resolve().parent.name
        ours = {our_note_type(family).id for family in OUR_FAMILIES}
        used_types = {id for (id,) in database.rows(_USED_TYPES)}
        yield View(
            databases=(database,),
            kind=kind,
            path=str(path),
            profile=profile,
            types=note_types(database, ours | used_types),
            decks=deck_names(database),
            complete=kind is not ViewKind.APKG,
        )


@contextmanager
def connect_view(
    exports: Sequence[Path],
    adopted: Mapping[str, str] = {},
    *,
    address: str,
    profile: str,
    notes: frozenset[NoteId],
) -> Iterator[View]:
    """Open the exports of a running Anki as one view.

    Args:
        exports: `.apkg` files exported just now, with scheduling.
        address: the address of that Anki.
        profile: its open profile.
        adopted: as in `open_view`.
        notes: the ids of all our notes. The view is complete if the exports contain all
            of them.

    Raises:
        ItemError: one of the files cannot be read.
    """
    with ExitStack() as stack:
        databases: list[AnkiDatabase] = []
        types: dict[NoteTypeId, SeenType] = {}
        decks: dict[DeckId, str] = {}
        exported: set[NoteId] = set()
        for path in exports:
            view = stack.enter_context(open_view(path, adopted))
            databases += view.databases
            types |= {note_type.id: note_type for note_type in view.types}
            decks |= view.decks
            for (id,) in view.databases[0].rows(f"select {numbers('id')} from notes"):
                exported.add(id)
        yield View(
            databases=tuple(databases),
            kind=ViewKind.CONNECT,
            path=address,
            profile=profile,
            types=tuple(types.values()),
            decks=decks,
            complete=notes <= exported,
        )


_EXPECTED = (
    "name the collection.anki2 of a profile, or an .apkg or .colpkg that Anki exported"
)


# --- notes that are not ours ------------------------------------------------------------

# The number of characters kept of a side. Useful cards are not longer.
_MAX_SIDE = 2000
# The number of characters read of a field. Broken markup takes quadratic time.
_MAX_FIELD = 10_000
_NOT_TEXT = regex(
    r"""(?isx)
    <(style|script)\b.*?(?:</\1\s*>|\Z)
    | \[sound:[^\]]*\]
    | \[latex\].*?(?:\[/latex\]|\Z)
    | \[\$\$?\].*?(?:\[/\$\$?\]|\Z)    # LaTeX in a line, or on its own
    | \[anki:[^\]]*\]                   # text to speech and other directives
    """
)
_BREAK = regex(r"(?i)<(?:br|/?div|/?p|/?li|hr|/?tr)\b[^>]*>")
_TAG = regex(r"(?s)<!--.*?(?:-->|\Z)|<[^>]*>")
_EMBEDDED_PICTURE = regex(r"data:[^\s\"'<>]{100,}")
_CUT_TAG = regex(r"<[^<>]*\Z")


def _foreign_fields(note_type: SeenType, fields: list[str]) -> Fields:
    """Return the plain text of a note of any type as Front and Back, or Text. () without text.

    Question and answer are the first texts that the sides of the first template show. Field
    names are compared without case. Without a template that names a field, the first field
    is the question. Pictures, sounds and rendered LaTeX are left out, because they cannot be
    compared as text.
    """
    if note_type.cloze:
        markup = next((field for field in fields if "{{c" in field), "")
        text = "" if "image-occlusion:" in markup else _plain_text(markup)
        return (("Text", text),) if text else ()
    html_of = dict(zip(map(str.casefold, note_type.names), fields, strict=False))
    [template, *_] = (*note_type.templates, SeenTemplate("", None, "", ""))
    asked = map(str.casefold, fields_shown(template.question))
    shown = map(str.casefold, fields_shown(template.answer))
    front = list(filter(html_of.__contains__, asked)) or list(html_of)[:1]
    texts = {}
    for name in (*front, *shown, *html_of):
        texts[name] = _plain_text(html_of.get(name, ""))
    question = next(filter(None, map(texts.get, front)), "")
    for name, text in texts.items():
        if question and name not in front and text not in ("", question):
            return (("Front", question), ("Back", text))
    return ()


def _plain_text(field: str) -> str:
    """Return the text that a field shows, in one line."""
    if len(field) > _MAX_FIELD:
        field = _CUT_TAG.sub("", _EMBEDDED_PICTURE.sub("", field)[:_MAX_FIELD])
    if "<" in field or "[" in field:
        field = _NOT_TEXT.sub(" ", field)
        field = _BREAK.sub(" ", field)
        field = _TAG.sub("", field)
    if "&" in field:
        field = html.unescape(field)
    return " ".join(field.split())[:_MAX_SIDE]
