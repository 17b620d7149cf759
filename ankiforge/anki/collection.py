"""Read an Anki collection or an exported file without changing it.

    with open_view(path) as view:
        for note in view.iter_notes(): ...

A collection is copied to a temporary directory first, and an export is unpacked there. Closing
the view deletes the directory. Files may come from anyone, so sizes, tables and values are checked.
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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar, cast

import msgspec
from msgspec.structs import replace

from ankiforge.anki.notetypes import (
    OUR_NOTE_TYPES,
    find_question_and_answer_fields,
    get_our_note_type,
    parse_identity,
)
from ankiforge.anki.profiles import (
    COLLECTION,
    LOG_SUFFIXES,
    Fingerprint,
    compute_fingerprint,
    resolve_symlinks,
)
from ankiforge.errors import ItemError
from ankiforge.model import (
    CARD_PREFIX,
    AnkiNote,
    AnkiNoteType,
    AnkiReadMethod,
    AnkiReview,
    AnkiTemplate,
    DeckId,
    Fields,
    ForeignNote,
    Guid,
    Json,
    NoteId,
    NoteIdentity,
    NoteTypeId,
    Strings,
    Texts,
    Value,
)
from ankiforge.text import regex

_T = TypeVar("_T")
Row = tuple[Any, ...]

_OLDEST_SCHEMA = 11
_NEWEST_SCHEMA = 18
# The first schema with tables for decks and note types. Earlier ones store them as JSON in `col`.
_SCHEMA_WITH_TABLES = 15
_REQUIRED_TABLES = frozenset(("col", "notes", "cards", "revlog", "graves"))
_TYPE_TABLES = frozenset(("decks", "notetypes", "fields", "templates"))
# The maximum size of a value in the database, in bytes.
_MAX_VALUE_BYTES = 100_000_000
OUR_GUID_GLOB = CARD_PREFIX + "[a-z2-7]" * 24
"""A GLOB pattern that matches the GUIDs of our notes. Unlike LIKE, GLOB is case-sensitive."""
# Errors that reading a damaged file raises. Even SQLite's error message may not be UTF-8.
_DAMAGE_ERRORS = (sqlite3.Error, OverflowError, UnicodeDecodeError)
_NO_COLLECTION_MESSAGE = "not an Anki collection"
_PREPARE_TABLES = """
create index if not exists ix_cards_nid on cards (nid);
create index if not exists ix_revlog_cid on revlog (cid);
create table temp.chosen (place text, nid integer, primary key (place, nid)) without rowid;
"""
_SELECT_ALL_NOTES = """
insert into temp.chosen select '', ifnull(cast(id as integer), 0) from notes;
"""
_SELECT_OUR_NOTES = f"""
insert into temp.chosen select guid, ifnull(cast(id as integer), 0) from notes
where guid glob '{OUR_GUID_GLOB}';
"""
_SELECT_ADOPTED_NOTES = """
insert or ignore into temp.chosen
select a.value, ifnull(cast(n.id as integer), 0)
from notes n join json_each(?) a on a.key = n.guid
"""
_INDEX_SELECTED_NOTES = "create index temp.chosen_nid on chosen (nid);"
# Finds tables, but not views, because querying a malicious view could take forever.
_TABLE_NAMES_QUERY = """
select name from sqlite_master where type = 'table' and sql like 'create table%'
"""


def cast_to_integers(*columns: str) -> str:
    """Build an SQL column list that casts each column to an integer and replaces null with 0.

    The cast is needed because older programs stored fractional numbers in Anki's tables.
    """
    return ", ".join(f"ifnull(cast({column} as integer), 0)" for column in columns)


def cast_to_text(*columns: str) -> str:
    """Build an SQL column list that casts each column to text and replaces null with ''."""
    return ", ".join(f"ifnull(cast({column} as text), '')" for column in columns)


class AnkiDatabase:
    """A connection to a copy of Anki's database.

    The constructor checks the schema and the integrity of the database, and lists the notes to
    read in the temporary table `temp.chosen`, as (place, nid). `place` is the GUID of our card,
    which is also the GUID of the note, except for notes adopted from other tools: `adopted` maps
    their GUIDs to those of our cards. If `adopted` is None, all notes are read, and `place` is ''.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        adopted: Texts | None,
    ) -> None:
        self._connection = connection
        self._name = name
        self.created, self.schema = self._read_version()
        self._check_schema()
        self._check_tables()
        self._select_notes(adopted)

    def _read_version(self) -> Row:
        """Return the collection's creation time (a Unix timestamp) and its schema version.

        Both are 0 if the table with this information is empty.
        """
        query = f"select {cast_to_integers('crt', 'ver')} from col limit 1"
        try:
            row: Row | None = self._connection.execute(query).fetchone()
        except _DAMAGE_ERRORS as error:
            # SQLite reports `no such table: col` or `no such column: crt`
            if "no such" in str(error):
                raise self.make_unusable_error(
                    _NO_COLLECTION_MESSAGE, str(error)
                ) from error
            raise self._make_damaged_error(error) from error
        return row or (0, 0)

    def _select_notes(self, adopted: Texts | None) -> None:
        """List the notes to read in `temp.chosen`."""
        select_notes = _SELECT_ALL_NOTES if adopted is None else _SELECT_OUR_NOTES
        try:
            self._connection.executescript(
                f"{_PREPARE_TABLES} {select_notes} {_INDEX_SELECTED_NOTES}"
            )
            if adopted:
                guids = msgspec.json.encode(adopted)
                self._connection.execute(_SELECT_ADOPTED_NOTES, (guids,))
        except _DAMAGE_ERRORS as error:
            raise self._make_damaged_error(error) from error

    def _check_schema(self) -> None:
        """Raise an error if the schema is too old or too new to be supported."""
        if self.schema < _OLDEST_SCHEMA:
            raise self.make_unusable_error(
                "not a collection of Anki 2.1 or later", "schema too old"
            )
        if self.schema > _NEWEST_SCHEMA:
            raise ItemError(
                f"{self._name}: made by a newer Anki than this version supports"
                f" (schema {self.schema})",
                hint="update ankiforge",
            )

    def _check_tables(self) -> None:
        """Raise an error if one of Anki's tables is missing or damaged."""
        tables = {table for (table,) in self.fetch_rows(_TABLE_NAMES_QUERY)}
        required = _REQUIRED_TABLES if self.is_legacy else _REQUIRED_TABLES | _TYPE_TABLES
        missing = required - tables
        if missing:
            raise self.make_unusable_error(
                _NO_COLLECTION_MESSAGE, f"no table {min(missing)}"
            )
        (check_result,) = self.fetch_first_row("pragma quick_check(1)")
        if check_result != "ok":
            raise self._make_damaged_error(check_result)

    @property
    def is_legacy(self) -> bool:
        """Whether the schema is older than 15, with decks and note types as JSON in `col`."""
        return int(self.schema) < _SCHEMA_WITH_TABLES

    def fetch_rows(self, statement: str, *values: object) -> Iterator[Row]:
        """Run a query and yield its rows.

        Raises:
            ItemError: The file is damaged.
        """
        try:
            for row in self._connection.execute(statement, values):  # noqa: UP028
                yield row  # `yield from` would close the cursor, maybe after the database
        except _DAMAGE_ERRORS as error:
            raise self._make_damaged_error(error) from error

    def fetch_first_row(self, statement: str, *values: object) -> Row:
        """Run a query and return its first row, or (None,) if it has none."""
        return next(self.fetch_rows(statement, *values), (None,))

    def decode_json_column(self, name: str, result_type: type[_T]) -> _T:
        """Decode a JSON column of the `col` table. An empty column is treated as {}.

        Raises:
            ItemError: The JSON cannot be decoded as `result_type`.
        """
        (text,) = self.fetch_first_row(f"select {cast_to_text(name)} from col")
        try:
            # not strict, because some programs wrote numbers as strings
            return msgspec.json.decode(text or "{}", type=result_type, strict=False)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self.make_unusable_error(
                f"its {name} cannot be read", str(error)
            ) from error

    def make_unusable_error(self, message: str, hint: str) -> ItemError:
        """Build the error to raise when the file can't be used."""
        return ItemError(
            f"{self._name}: {message} ({hint})",
            hint="name Anki's collection.anki2",
        )

    def _make_damaged_error(self, reason: object) -> ItemError:
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
    """Open a copy of Anki's database.

    SQLite may modify the copy.

    Args:
        copy: The path of the copy.
        name: The path of the original file, for error messages.
        adopted: As for `AnkiDatabase`.
    """
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        # SQLite needs Anki's collation to use its indexes, but our queries never rely on its order
        connection.create_collation(
            "unicase", lambda left, right: (left > right) - (left < right)
        )
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.executescript(
            "pragma temp_store = memory; pragma trusted_schema = off;"
        )
        yield AnkiDatabase(connection, name, adopted)


# --- decks and note types ---------------------------------------------------------------


class _FieldJson(msgspec.Struct):
    name: str
    ord: int = 0
    id: int | None = None
    tag: int | None = None


class _TemplateJson(msgspec.Struct):
    name: str
    qfmt: str
    afmt: str
    ord: int = 0
    id: int | None = None


class _NoteTypeJson(msgspec.Struct):
    name: str
    flds: list[_FieldJson]
    tmpls: list[_TemplateJson]
    css: str = ""
    type: int = 0
    mod: float = 0
    originalId: int | None = None
    originalStockKind: int | None = None


# The fields in `config` are numbered as in Anki's proto/anki/notetypes.proto. The numbers are used
# in `_iter_legacy_note_types`, `_read_fields` and `_read_templates`.
_NOTE_TYPE_QUERY = (
    f"select {cast_to_text('name')}, {cast_to_integers('mtime_secs')}, config from notetypes"
    " where id = ? order by id"
)
_DECKS_QUERY = f"select {cast_to_integers('id')}, {cast_to_text('name')} from decks"
_FIELDS_QUERY = (
    f"select {cast_to_text('name')}, config from fields where ntid = ? order by ord"
)
_TEMPLATES_QUERY = (
    f"select {cast_to_text('name')}, config from templates where ntid = ? order by ord"
)


def read_note_types(
    database: AnkiDatabase, type_ids: Iterable[NoteTypeId]
) -> tuple[AnkiNoteType, ...]:
    """Read the note types with the given ids, sorted by id. Unknown ids are skipped."""
    note_types = []
    for id, model in _iter_legacy_note_types(database, type_ids):
        templates = [
            AnkiTemplate(template.name, template.id, template.qfmt, template.afmt)
            for template in model.tmpls
        ]
        note_type = AnkiNoteType(
            id=id,
            name=model.name,
            mod=int(model.mod),
            cloze=model.type == 1,
            fields=tuple((field.name, field.id) for field in model.flds),
            templates=tuple(templates),
            css=model.css,
            original_id=model.originalId or 0,
            stock=model.originalStockKind or 0,
        )
        if note_type.stock:
            tags = [-1 if field.tag is None else field.tag for field in model.flds]
            note_type = replace(note_type, field_tags=tuple(tags))
        note_types.append(note_type)
    return tuple(note_types)


def _iter_legacy_note_types(
    database: AnkiDatabase, type_ids: Iterable[NoteTypeId]
) -> Iterator[tuple[NoteTypeId, _NoteTypeJson]]:
    """Yield the id and the note type for each given id that exists, sorted by id.

    The note types have the legacy JSON format, no matter which schema the database has.
    """
    if database.is_legacy:
        models = database.decode_json_column("models", dict[NoteTypeId, _NoteTypeJson])
        for id in sorted(models.keys() & set(type_ids)):
            models[id].flds.sort(key=attrgetter("ord"))
            models[id].tmpls.sort(key=attrgetter("ord"))
            yield id, models[id]
        return
    for id in sorted(type_ids):
        for name, mod, config in _read_configs(database, _NOTE_TYPE_QUERY, id):
            note_type = _NoteTypeJson(
                name,
                flds=_read_fields(database, id),
                tmpls=_read_templates(database, id),
                css=_get_text(config, 3),
                type=get_uint(config, 1),
                mod=mod,
                originalId=get_uint(config, 10),
                originalStockKind=get_uint(config, 9),
            )
            yield id, note_type


def _read_fields(database: AnkiDatabase, type_id: NoteTypeId) -> list[_FieldJson]:
    fields = []
    for name, config in _read_configs(database, _FIELDS_QUERY, type_id):
        field_id = _get_int64(config, 9)
        fields.append(_FieldJson(name, id=field_id, tag=_get_int64(config, 10)))
    return fields


def _read_templates(database: AnkiDatabase, type_id: NoteTypeId) -> list[_TemplateJson]:
    templates = []
    for name, config in _read_configs(database, _TEMPLATES_QUERY, type_id):
        template = _TemplateJson(
            name,
            qfmt=_get_text(config, 1),
            afmt=_get_text(config, 2),
            id=_get_int64(config, 8),
        )
        templates.append(template)
    return templates


def _read_configs(database: AnkiDatabase, query: str, type_id: int) -> Iterator[Row]:
    """Query the rows of a note type, and decode their last column as a protobuf message.

    Raises:
        ItemError: The message cannot be decoded.
    """
    for *columns, config in database.fetch_rows(query, type_id):
        data = config if isinstance(config, bytes) else b"\x00"
        try:
            yield *columns, parse_protobuf(data)
        except ValueError as error:
            raise database.make_unusable_error(
                "a note type cannot be read", str(error)
            ) from error


# --- Protocol Buffers -------------------------------------------------------------------

ProtobufFields = dict[int, int | bytes]
_VARINT = 0
_FIXED_64 = 1
_BYTES = 2
_FIXED_32 = 5


def parse_protobuf(data: bytes) -> ProtobufFields:
    """Parse a Protocol Buffers message into a dictionary keyed by field number.

    Varints become unsigned integers; strings and nested messages stay bytes. If a field is
    repeated, the last value wins. See https://protobuf.dev/programming-guides/encoding/.

    Raises:
        ValueError: The data is truncated or is not a message.
    """
    fields: ProtobufFields = {}
    position = 0
    while position < len(data):
        tag, position = _parse_varint(data, position)
        number = tag >> 3
        wire_type = tag & 7
        if wire_type not in (_VARINT, _FIXED_64, _BYTES, _FIXED_32) or number == 0:
            raise ValueError(f"unknown field {number} of type {wire_type}")
        if wire_type == _VARINT:
            fields[number], position = _parse_varint(data, position)
            continue
        length = 8 if wire_type == _FIXED_64 else 4
        if wire_type == _BYTES:
            length, position = _parse_varint(data, position)
        if length > len(data) - position:
            raise ValueError("cut off")
        fields[number] = data[position : position + length]
        position += length
    return fields


def _parse_varint(data: bytes, start: int) -> tuple[int, int]:
    value = 0
    for byte_number, byte in enumerate(data[start : start + 10]):
        value |= (byte & 0x7F) << (7 * byte_number)
        if byte < 0x80:
            return value & (2**64 - 1), start + byte_number + 1
    raise ValueError("an unterminated number")


def get_uint(message: ProtobufFields, field_number: int) -> int:
    """Return an unsigned integer field of a message, or 0 if the message lacks the field."""
    value = message.get(field_number)
    return value if isinstance(value, int) else 0


def _get_int64(message: ProtobufFields, field_number: int) -> int | None:
    value = message.get(field_number)
    if not isinstance(value, int):
        return None
    return value - 2**64 if value >= 2**63 else value


def _get_text(message: ProtobufFields, field_number: int) -> str:
    value = message.get(field_number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError, ZstdFile
else:
    from backports.zstd import ZstdError, ZstdFile


# --- copying a collection ---------------------------------------------------------------

# The live file is never opened with SQLite, because a second process would break Anki's locks or
# wait for them. Instead, the log next to the file (`-wal`) is copied first and then the file
# itself, and both are copied again if either has changed in the meantime.
_MAX_ATTEMPTS = 10
_PAUSE_SECONDS = 0.25
# Two changes within this time may leave the same modification time.
_TICK_SECONDS = 0.02


def _copy_collection(path: Path, target: Path) -> None:
    """Copy a collection and its SQLite logs, and start again if they change while being copied.

    Raises:
        ItemError: The collection kept changing while it was copied.
    """
    source = resolve_symlinks(path)
    for _ in range(_MAX_ATTEMPTS):
        before = compute_fingerprint(source)
        if not _has_just_changed(before):
            _copy_with_logs(source, target)
            if compute_fingerprint(source) == before:
                return
        time.sleep(_PAUSE_SECONDS)
    raise ItemError(
        f"{path}: kept changing while it was copied",
        hint="wait until Anki is idle, or close it",
    )


def _has_just_changed(fingerprint: Fingerprint) -> bool:
    """Return whether a file changed so recently that a further change may go unnoticed."""
    now = time.time()
    for file_stamp in fingerprint:
        if file_stamp is None:
            continue
        _, modified_ns, _ = file_stamp
        if 0 <= now - modified_ns / 1e9 < _TICK_SECONDS:
            return True
    return False


def _copy_with_logs(source: Path, target: Path) -> None:
    """Copy a collection and those of its logs that exist, the logs first."""
    for suffix in (*LOG_SUFFIXES, ""):
        copy = target.with_name(target.name + suffix)
        copy.unlink(missing_ok=True)
        is_log = suffix != ""
        try:
            shutil.copyfile(source.with_name(source.name + suffix), copy)
        except FileNotFoundError:
            if not is_log:
                raise


# --- unpacking an export ----------------------------------------------------------------

# The name of the database file by the version in the file `meta`, newest first. Newer exports also
# contain a dummy file with an older name.
_COMPRESSED_DATABASE_NAME = "collection.anki21b"
_DATABASE_NAMES = {
    3: _COMPRESSED_DATABASE_NAME,
    2: "collection.anki21",
    1: "collection.anki2",
}
_CHUNK_BYTES = 1 << 20
_MAX_DATABASE_BYTES = 8 << 30
_MAX_SMALL_DATABASE_BYTES = 64 << 20
# A database of text is about ten times as large when unpacked, so a hundred times is a zip bomb.
_MAX_EXPANSION = 100
_EXPORT_AGAIN_HINT = "export it from Anki once more"
# Errors that `zipfile` raises for a broken, encrypted or unsupported file.
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
    ZstdError,
)


def _unpack_export(path: Path, target: Path) -> None:
    """Extract the database of an `.apkg` or `.colpkg` file to `target`.

    Raises:
        ItemError: The file is broken, too large, or too new, or contains no database.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            database_name = _find_database_name(archive, path)
            member = archive.getinfo(database_name)
            plausible_size = (
                _MAX_SMALL_DATABASE_BYTES + _MAX_EXPANSION * member.compress_size
            )
            max_bytes = min(_MAX_DATABASE_BYTES, plausible_size)
            with ExitStack() as stack:
                source = stack.enter_context(archive.open(member))
                if database_name == _COMPRESSED_DATABASE_NAME:
                    source = stack.enter_context(cast(IO[bytes], ZstdFile(source)))
                file = stack.enter_context(target.open("wb"))
                while chunk := source.read(_CHUNK_BYTES):
                    if file.tell() + len(chunk) > max_bytes:
                        message = (
                            f"{path}: is larger than {max_bytes >> 20} MiB when unpacked"
                        )
                        raise ItemError(message, hint=_EXPORT_AGAIN_HINT)
                    file.write(chunk)
    except _BROKEN_ZIP as error:
        message = f"{path}: this export of Anki is broken or cut off ({error})"
        raise ItemError(message, hint=_EXPORT_AGAIN_HINT) from error


def _find_database_name(archive: zipfile.ZipFile, path: Path) -> str:
    """Return the name of the newest database file in an export.

    Raises:
        ItemError: The export is too new, or lacks the database of the version that it claims.
    """
    names = archive.namelist()
    version = _read_export_version(archive)
    if version is not None and version > max(_DATABASE_NAMES):
        raise ItemError(
            f"{path}: exported by a newer Anki than this version supports",
            hint="update ankiforge, or tick “Support older Anki versions” when exporting",
        )
    available = [name for name in _DATABASE_NAMES.values() if name in names]
    claimed_name = None if version is None else _DATABASE_NAMES.get(version)
    is_claimed_missing = claimed_name is not None and claimed_name not in available
    if not available or is_claimed_missing:
        message = f"{path}: it contains no Anki collection"
        raise ItemError(message, hint=_EXPORT_AGAIN_HINT)
    return available[0]


def _read_export_version(archive: zipfile.ZipFile) -> int | None:
    """Return the version in the file `meta`, or None if it is unknown, as for old exports."""
    if "meta" not in archive.namelist():
        return None
    if archive.getinfo("meta").file_size > _CHUNK_BYTES:
        return None
    try:
        return get_uint(parse_protobuf(archive.read("meta")), 1)
    except ValueError:
        return None


# --- the view ---------------------------------------------------------------------------

# The home deck of a card, which differs from its current deck while it is in a filtered deck.
_HOME_DECK = "iif(c.odid, c.odid, c.did)"
_NOTES_QUERY = f"""
select o.nid, {cast_to_text("iif(o.place = '', n.guid, o.place)")},
  {cast_to_integers("n.mod", "n.mid")}, {cast_to_text("n.tags", "n.flds")}
from temp.chosen o cross join notes n on n.id = o.nid
order by o.place, o.nid
"""
_CARDS_QUERY = f"""
select o.nid, {cast_to_integers("c.id", "c.ord", _HOME_DECK, "c.reps", "c.lapses", "c.queue = -1")}
from temp.chosen o cross join cards c on c.nid = o.nid
order by o.place, o.nid, c.ord, c.id
"""
_REVIEWS_QUERY = f"""
select r.id, o.place, {cast_to_integers("r.ease", "r.ivl", "r.type")}
from revlog r cross join cards c on c.id = r.cid cross join temp.chosen o on o.nid = c.nid
order by r.id
"""
_USED_TYPES_QUERY = f"""
select distinct {cast_to_integers("n.mid")} from temp.chosen o join notes n on n.id = o.nid
"""
_FOREIGN_MODS_QUERY = f"""
select {cast_to_integers("id", "mod")} from notes where id not in (select nid from temp.chosen)
"""
_FOREIGN_NOTES_QUERY = f"""
select n.id, {cast_to_integers("n.mod", "n.mid")}, {cast_to_text("n.flds")},
  (select {_HOME_DECK} from cards c where c.nid = n.id order by c.ord limit 1)
from notes n where n.id in (select value from json_each(?))
"""


class _CardInAnki(NamedTuple):
    """A row of `_CARDS_QUERY`, without the note's id."""

    id: int
    ordinal: int
    home_deck_id: DeckId
    reviews: int
    lapses: int
    is_suspended: int


def _split_tags(tags: str) -> Strings:
    """Split Anki's list of tags, which are separated by ASCII or ideographic spaces."""
    return tuple(filter(None, tags.replace("\u3000", " ").split(" ")))


def _find_identity(fields: Strings, guid: str) -> NoteIdentity | None:
    """Return the content of a note's AnkiforgeId, or None if no field has one with its GUID.

    Every field is looked at, because the user may have changed the note type.
    """
    for field in fields:
        identity = parse_identity(field)
        if identity and identity.guid == guid:
            return identity
    return None


class AnkiContents(Value):
    """Anki's notes, note types and decks, read from a collection or an export."""

    database: AnkiDatabase
    kind: AnkiReadMethod
    path: str
    profile: str
    """The name of the Anki profile, or "" if it is unknown."""
    note_types: tuple[AnkiNoteType, ...]
    """Our note types, and the note types of all notes that were read."""
    decks: dict[DeckId, str]
    is_complete: bool
    """Whether all our notes in Anki were read, so that a missing note must have been deleted."""

    @property
    def created_at(self) -> int:
        """The Unix time at which the collection was created, or 0 if unknown.

        Exported decks (`.apkg`) don't contain it.
        """
        return 0 if self.kind is AnkiReadMethod.APKG else self.database.created

    def iter_notes(self) -> Iterator[AnkiNote]:
        """Yield our notes, ordered by GUID; or all notes, ordered by id, if all were to be read."""
        cards_by_note: dict[NoteId, list[_CardInAnki]] = {}
        for id, *columns in self.database.fetch_rows(_CARDS_QUERY):
            cards_by_note.setdefault(id, []).append(_CardInAnki(*columns))
        for id, guid, mod, type_id, tags, joined_fields in self.database.fetch_rows(
            _NOTES_QUERY
        ):
            fields = tuple(joined_fields.split("\x1f"))
            cards = cards_by_note.get(id, [])
            deck = ""
            if cards:
                deck = self.decks.get(cards[0].home_deck_id, "")
            yield AnkiNote(
                guid=Guid(guid),
                id=id,
                mod=mod,
                fields=fields,
                tags=_split_tags(tags),
                deck=deck,
                identity=_find_identity(fields, guid),
                type_id=type_id,
                reviews=sum(card.reviews for card in cards),
                lapses=sum(card.lapses for card in cards),
                suspended=bool(cards) and all(card.is_suspended for card in cards),
                ordinals=tuple(card.ordinal for card in cards),
                cards=tuple(card.id for card in cards),
            )

    def iter_other_note_types(self) -> Iterator[AnkiNoteType]:
        """Yield all readable note types that aren't in `note_types`."""
        known_ids = [note_type.id for note_type in self.note_types]
        database = self.database
        if database.is_legacy:
            ids = set(database.decode_json_column("models", dict[NoteTypeId, Json]))
        else:
            rows = database.fetch_rows(f"select {cast_to_integers('id')} from notetypes")
            ids = {id for (id,) in rows}
        for id in sorted(ids.difference(known_ids)):
            with suppress(ItemError):
                yield from read_note_types(database, (id,))

    def iter_reviews(self) -> Iterator[AnkiReview]:
        """Yield the reviews of our cards, sorted by id, i.e. by the review time in milliseconds."""
        for id, guid, *review in self.database.fetch_rows(_REVIEWS_QUERY):
            yield AnkiReview(id, Guid(guid), *review)

    def find_deleted_note_ids(self) -> frozenset[NoteId]:
        """Return the ids of the notes deleted since the last full sync."""
        # type 1 stands for a note; cards and decks have other types
        query = f"select {cast_to_integers('oid')} from graves where type = 1"
        return frozenset(id for (id,) in self.database.fetch_rows(query))

    def find_foreign_notes(
        self, known_mods: Mapping[NoteId, int]
    ) -> tuple[frozenset[NoteId], Iterator[ForeignNote]] | None:
        """Find the notes in the collection that we neither created nor adopted.

        Args:
            known_mods: The modification time (`mod`) of each note when it was last read,
                keyed by note id.

        Returns:
            The ids of all these notes, and an iterator over those that are new or have
            changed. None if the whole collection was not read.
        """
        if self.kind is AnkiReadMethod.APKG:
            return None
        mods: dict[NoteId, int] = dict(self.database.fetch_rows(_FOREIGN_MODS_QUERY))
        changed_ids = [id for id, mod in mods.items() if known_mods.get(id) != mod]
        return frozenset(mods), self._read_foreign_notes(changed_ids)

    def _read_foreign_notes(self, ids: list[NoteId]) -> Iterator[ForeignNote]:
        """Yield notes that aren't ours, without fields if their note type is missing."""
        find_type = cache(self._find_note_type)
        rows = self.database.fetch_rows(_FOREIGN_NOTES_QUERY, json.dumps(ids))
        for id, mod, type_id, joined_fields, deck_id in rows:
            texts: Fields = ()
            note_type = find_type(type_id)
            if note_type is not None:
                texts = _extract_foreign_text(note_type, joined_fields.split("\x1f"))
            deck = ""
            if deck_id is not None:  # a note without cards is in no deck
                deck = self.decks.get(deck_id, "")
            yield ForeignNote(id=id, mod=mod, deck=deck, fields=texts)

    def _find_note_type(self, type_id: NoteTypeId) -> AnkiNoteType | None:
        for note_type in read_note_types(self.database, (type_id,)):
            return note_type
        return None


def _detect_kind(path: Path) -> AnkiReadMethod:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ItemError(f"{path}: not a file", hint=_EXPECTED_FILE_HINT)
    with path.open("rb") as file:
        first_bytes = file.read(16)
    if first_bytes == b"SQLite format 3\0":
        return AnkiReadMethod.COLLECTION
    if not first_bytes.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        message = f"{path}: neither an Anki collection nor an Anki export"
        raise ItemError(message, hint=_EXPECTED_FILE_HINT)
    is_colpkg = path.suffix.lower() == ".colpkg"
    return AnkiReadMethod.COLPKG if is_colpkg else AnkiReadMethod.APKG


def _make_copy_error(path: Path, error: OSError) -> ItemError:
    is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    if is_missing and error.filename:
        return ItemError(f"{path}: no such file", hint=_EXPECTED_FILE_HINT)
    if isinstance(error, PermissionError):
        hint = "let your user read it (macOS: Privacy & Security › Full Disk Access)"
        return ItemError(f"{path}: permission denied", hint=hint)
    message = f"{path}: cannot be copied: {error.strerror or error}"
    return ItemError(message, hint=f"free space in {tempfile.gettempdir()}")


def _read_deck_names(database: AnkiDatabase) -> dict[DeckId, str]:
    if database.is_legacy:
        raw_decks = database.decode_json_column("decks", dict[DeckId, Json])
        return {id: str(deck.get("name", "")) for id, deck in raw_decks.items()}
    rows = database.fetch_rows(_DECKS_QUERY)
    return {id: deck.replace("\x1f", "::") for id, deck in rows}


def _get_profile_name(path: Path, kind: AnkiReadMethod) -> str:
    """Return the name of a collection's profile, i.e. of its directory, or "" if it is unknown."""
    if kind is AnkiReadMethod.COLLECTION and path.name == COLLECTION:
        return path.resolve().parent.name
    return ""


@contextmanager
def open_anki_contents(
    path: Path,
    adopted: Mapping[str, str] | None = {},
) -> Iterator[AnkiContents]:
    """Open a collection or an export for reading.

    Args:
        path: A `collection.anki2`, `.apkg` or `.colpkg` file. A `collection.anki2` lies in
            a directory named after its profile.
        adopted: Maps the GUIDs of notes adopted from other tools to the GUIDs of our cards.
            If None, all notes are read, not just ours.

    Raises:
        ItemError: The file cannot be read.
    """
    with ExitStack() as stack:
        try:
            kind = _detect_kind(path)
            tmpdir = stack.enter_context(tempfile.TemporaryDirectory(prefix="ankiforge-"))
            copy = Path(tmpdir) / COLLECTION
            if kind is AnkiReadMethod.COLLECTION:
                _copy_collection(path, copy)
            else:
                _unpack_export(path, copy)
        except OSError as error:
            raise _make_copy_error(path, error) from error
        database = stack.enter_context(open_database(copy, str(path), adopted))
        our_type_ids = {get_our_note_type(our_type).id for our_type in OUR_NOTE_TYPES}
        used_type_ids = {id for (id,) in database.fetch_rows(_USED_TYPES_QUERY)}
        yield AnkiContents(
            database=database,
            kind=kind,
            path=str(path),
            profile=_get_profile_name(path, kind),
            note_types=read_note_types(database, our_type_ids | used_type_ids),
            decks=_read_deck_names(database),
            is_complete=kind is not AnkiReadMethod.APKG,
        )


_EXPECTED_FILE_HINT = (
    "name the collection.anki2 of a profile, or an .apkg or .colpkg that Anki exported"
)


# --- notes that aren't ours -------------------------------------------------------------

# A longer side of a card is truncated to this many characters. Useful cards aren't longer.
_MAX_SIDE_CHARS = 2000
# Only this many characters of a field are parsed, because parsing broken markup takes quadratic
# time.
_MAX_FIELD_CHARS = 10_000
_INVISIBLE_MARKUP = regex(
    r"""(?isx)
    <(style|script)\b.*?(?:</\1\s*>|\Z)
    | \[sound:[^\]]*\]
    | \[latex\].*?(?:\[/latex\]|\Z)
    | \[\$\$?\].*?(?:\[/\$\$?\]|\Z)    # LaTeX in a line, or on its own
    | \[anki:[^\]]*\]                   # text to speech and other directives
    """
)
_BLOCK_TAG = regex(r"(?i)<(?:br|/?div|/?p|/?li|hr|/?tr)\b[^>]*>")
_TAG = regex(r"(?s)<!--.*?(?:-->|\Z)|<[^>]*>")
_EMBEDDED_PICTURE = regex(r"data:[^\s\"'<>]{100,}")
_TRUNCATED_TAG = regex(r"<[^<>]*\Z")


def _extract_foreign_text(note_type: AnkiNoteType, fields: list[str]) -> Fields:
    """Extract the plain text of a note made elsewhere: Front and Back, or Text for a cloze note.

    Images, sounds and rendered LaTeX are dropped, because they can't be compared as text.
    Returns () if one of the sides has no text left.
    """
    texts = dict(zip(note_type.field_names, map(_to_plain_text, fields), strict=False))
    question_fields, answer_field = find_question_and_answer_fields(note_type, (), texts)
    questions = [texts[name] for name in question_fields if texts.get(name)]
    if not questions:
        return ()
    question = questions[0]
    if note_type.cloze:
        # an occlusion's text is the coordinates of its masks
        is_occlusion = "image-occlusion:" in question
        return () if is_occlusion else (("Text", question),)
    answer = texts.get(answer_field) if answer_field else None
    if not answer or answer == question:
        return ()
    return (("Front", question), ("Back", answer))


def _to_plain_text(field: str) -> str:
    """Convert the HTML of a field to text in one line, e.g. `a<br><b>b</b>&amp;c` to `a b&c`."""
    if len(field) > _MAX_FIELD_CHARS:
        without_pictures = _EMBEDDED_PICTURE.sub("", field)
        # a tag that is cut off at the end would be read as text
        field = _TRUNCATED_TAG.sub("", without_pictures[:_MAX_FIELD_CHARS])
    if "<" in field or "[" in field:
        field = _INVISIBLE_MARKUP.sub(" ", field)
        field = _BLOCK_TAG.sub(" ", field)
        field = _TAG.sub("", field)
    if "&" in field:
        field = html.unescape(field)
    return " ".join(field.split())[:_MAX_SIDE_CHARS]
