"""Read what Anki has, without changing it.

    with open_view(path) as view:
        for note in view.notes(): ...

The live collection is copied, never opened; exports are unpacked. The copy lies in a folder of
its own, which is gone when the view is closed. Whoever made the file may have meant harm: its
size, its tables and its values are checked.
"""

from __future__ import annotations

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
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec

from ankiforge.anki.identity import parse_identity
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.package import write_package
from ankiforge.anki.unrender import foreign_fields
from ankiforge.errors import ItemError
from ankiforge.model import (
    Calendar,
    Family,
    ForeignNote,
    Guid,
    SeenCard,
    SeenNote,
    SeenReview,
    SeenTemplate,
    SeenType,
    ViewKind,
)

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError, ZstdFile
else:
    from backports.zstd import ZstdError, ZstdFile

_T = TypeVar("_T")
Row = tuple[Any, ...]

# --- where Anki keeps its collections -------------------------------------------------------

COLLECTION = "collection.anki2"
_MAX_ENTRIES = 2000
"""Entries of a folder that are looked into: it may be no folder of Anki's and hold very many."""


def collections(home: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the collection of every profile, links resolved, each once; () without Anki.

    Args:
        home: the user's home folder.
        environ: `ANKI_BASE`, `XDG_DATA_HOME`, `XDG_CONFIG_HOME` and `APPDATA` name other places.
    """
    bases = (
        environ.get("ANKI_BASE"),
        environ.get("XDG_DATA_HOME") or home / ".local" / "share",
        home / ".var" / "app" / "net.ankiweb.Anki" / "data",  # flatpak
        environ.get("XDG_CONFIG_HOME") or home / ".config",
        home / "Library" / "Application Support",  # macOS
        environ.get("APPDATA") or home / "AppData" / "Roaming",  # Windows
    )
    found: dict[Path, None] = {}
    for folder in (Path(base, name) for base in bases if base for name in ("", "Anki2")):
        entries: list[Path] = []
        with suppress(OSError, ValueError):
            entries = [one for one in sorted(folder.iterdir()) if one.name[0] != "."]
        for entry in entries[:_MAX_ENTRIES]:
            with suppress(OSError, ValueError):
                if (entry / COLLECTION).is_file():
                    found[(entry / COLLECTION).resolve()] = None
    return tuple(found)


# --- copying a collection -------------------------------------------------------------------

# Anki writes to a log beside the file (`-wal`) and holds locks that SQLite in another process
# would break or be stopped by, so the live file is never opened, only copied: the log first, then
# the main file, and again if either changed meanwhile.
_BESIDE = ("-wal", "-journal")
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.25
_TICK_SECONDS = 0.02
"""Two changes closer together may have the same time of change."""

_State = tuple[tuple[int, int, int] | None, ...]
"""(size, time of change in ns, inode) of the main file and those beside it; None: absent."""


def signature(path: Path) -> str:
    """Return a short text that differs once the collection (or export) has changed.

    Take it before the view it stands for: then a change in between is not overlooked.
    """
    try:
        parts = _state(_real(path))
    except OSError as error:
        return f"unreadable {error.errno}"
    return " ".join(".".join(map(str, part)) if part else "-" for part in parts)


def changed_at(path: Path) -> float:
    """Return when a collection or export was last written to, seconds since 1970."""
    return max((part[1] for part in _state(_real(path)) if part), default=0) / 1e9


def _real(path: Path) -> Path:
    """Return where a link leads: beside that file lies its log."""
    with suppress(RuntimeError):  # a link to itself, up to Python 3.12
        return path.resolve()
    return path


def _state(source: Path) -> _State:
    return tuple(_file_state(source.with_name(source.name + end)) for end in ("", *_BESIDE))


def _file_state(path: Path) -> tuple[int, int, int] | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            return found.st_size, found.st_mtime_ns, found.st_ino
    return None


def _copy_collection(path: Path, target: Path) -> None:
    """Copy a collection and what SQLite keeps beside it; ItemError if it changes all the time."""
    source = _real(path)
    for _ in range(_ATTEMPTS):
        before, now = _state(source), time.time()
        if not any(part and 0 <= now - part[1] / 1e9 < _TICK_SECONDS for part in before):
            for end in (*_BESIDE, ""):  # the main file last
                copy = target.with_name(target.name + end)
                copy.unlink(missing_ok=True)
                try:
                    shutil.copyfile(source.with_name(source.name + end), copy)
                except FileNotFoundError:
                    if not end:
                        raise
            if _state(source) == before:
                return
        time.sleep(_PAUSE_SECONDS)
    raise ItemError(
        f"{path}: keeps changing while it is copied",
        hint="wait until Anki has finished what it is doing, or close it",
    )


# --- unpacking an export --------------------------------------------------------------------

_MEMBERS = {3: "collection.anki21b", 2: "collection.anki21", 1: "collection.anki2"}
"""The database by the version in `meta`; a newer export holds an older one too, as a decoy."""
_PIECE = 1 << 20
_MAX_DATABASE = 8 << 30
_MAX_SMALL_DATABASE = 64 << 20
_MAX_RATIO = 100
"""A database of text is packed to a tenth; what swells a hundredfold is no collection."""
_EXPORT_AGAIN = "export it from Anki once more"
_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError, ZstdError
)  # fmt: skip
"""What `zipfile` raises on a file that is none; ValueError: names that are no UTF-8."""


def _unpack(path: Path, target: Path) -> None:
    """Write the database of an `.apkg` or `.colpkg` to `target`."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = _member(path, archive)
            limit = min(_MAX_DATABASE, _MAX_SMALL_DATABASE + _MAX_RATIO * member.compress_size)
            with ExitStack() as stack:
                source = stack.enter_context(archive.open(member))
                if member.filename == _MEMBERS[3]:
                    source = stack.enter_context(cast(IO[bytes], ZstdFile(source)))
                file = stack.enter_context(target.open("wb"))
                while piece := source.read(_PIECE):
                    if file.tell() + len(piece) > limit:
                        what = f"{path}: is larger than {limit >> 20} MiB when unpacked"
                        raise ItemError(what, hint=_EXPORT_AGAIN)
                    file.write(piece)
    except _BROKEN_ZIP as error:
        what = f"{path}: this export of Anki is broken or cut off ({error})"
        raise ItemError(what, hint=_EXPORT_AGAIN) from error


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the member that holds the database."""
    names, version = set(archive.namelist()), 0
    if "meta" in names:
        meta = archive.getinfo("meta")
        if not meta.flag_bits & 1 and meta.file_size <= _PIECE:
            with suppress(ValueError):
                version = _number(read_message(archive.read(meta)), 1)
    if version > max(_MEMBERS):
        raise ItemError(
            f"{path}: exported by a newer Anki than this version supports",
            hint="update ankiforge, or tick “Support older Anki versions” when exporting",
        )
    found = next((name for name in _MEMBERS.values() if name in names), "")
    if not found or _MEMBERS.get(version, found) not in names:
        raise ItemError(f"{path}: it contains no Anki collection", hint=_EXPORT_AGAIN)
    member = archive.getinfo(found)
    if member.flag_bits & 1:
        raise ItemError(f"{path}: is encrypted", hint="export it from Anki without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{found} is not packed as Anki does it")
    return member


# --- the database ---------------------------------------------------------------------------

_OLDEST_SCHEMA, _NEWEST_SCHEMA = 11, 18
_SCHEMA_WITH_TABLES = 15
"""From here on decks and note types have tables; before, JSON in `col`."""
_TABLES = frozenset(("col", "notes", "cards", "revlog", "graves"))
_TYPE_TABLES = frozenset(("decks", "notetypes", "fields", "templates"))
_MAX_VALUE = 100_000_000
"""Bytes of one value."""
_OURS = "af" + "[a-z2-7]" * 24
"""Guids of our making, as a GLOB (which tells small from capital letters)."""
_DAMAGED = (sqlite3.Error, OverflowError, UnicodeDecodeError)
"""What a damaged file raises; even the words of an error may be no UTF-8."""
_PREPARE = f"""
create index if not exists ix_cards_nid on cards (nid);
create index if not exists ix_revlog_cid on revlog (cid);
create table temp.ours (guid text, nid integer, primary key (guid, nid)) without rowid;
insert into temp.ours select guid, ifnull(cast(id as integer), 0) from notes where guid glob '{_OURS}';
create index temp.ours_nid on ours (nid);
"""
_PLAIN_TABLES = "select name from sqlite_master where type = 'table' and sql like 'create table%'"
"""A view in a table's place could keep us busy for ever."""


def _numbers(*columns: str) -> str:
    """Return columns to select: Anki's tables take anything, old programs left fractions."""
    return ", ".join(f"ifnull(cast({column} as integer), 0)" for column in columns)


def _texts(*columns: str) -> str:
    return ", ".join(f"ifnull(cast({column} as text), '')" for column in columns)


class Database:
    """A copy of Anki's database; `temp.ours` holds (guid, nid) of notes with a guid of our making."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        try:
            query = f"select {_numbers('crt', 'ver')} from col limit 1"
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
            connection.executescript(_PREPARE)
        except _DAMAGED as error:
            raise self._damaged(error) from error

    @property
    def legacy(self) -> bool:
        """Whether decks and note types are JSON in `col`."""
        return int(self.schema) < _SCHEMA_WITH_TABLES

    def rows(self, statement: str, *values: object) -> Iterator[Row]:
        """Yield the rows of a query; a fault of the file is an ItemError."""
        try:
            for row in self._connection.execute(statement, values):  # noqa: UP028
                yield row  # `yield from` would close the cursor, maybe after the database
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def first(self, statement: str, *values: object) -> Row:
        """Return the first row of a query; (None,) if there is none."""
        return next(self.rows(statement, *values), (None,))

    def column(self, name: str, shape: type[_T]) -> _T:
        """Return a column of `col` that holds a JSON object."""
        (text,) = self.first(f"select {_texts(name)} from col")
        try:
            return msgspec.json.decode(text or "{}", type=shape, strict=False)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self.unusable(f"its {name} cannot be read", str(error)) from error

    def add(self, other: Database) -> None:
        """Add the rows of another export of the same collection."""
        tables = {"notes": "ignore", "revlog": "ignore", "graves": "ignore", "cards": "replace"}
        tables["temp.ours"] = "ignore"
        if not self.legacy:
            tables |= dict.fromkeys(_TYPE_TABLES, "ignore")
        try:
            self._connection.execute("begin")
            for table, clash in tables.items():
                width = len(list(self.rows(f"pragma table_info({table.removeprefix('temp.')})")))
                insert = f"insert or {clash} into {table} values ({','.join('?' * width)})"
                self._connection.executemany(insert, other.rows(f"select * from {table}"))
            for name in ("decks", "models") if self.legacy else ():
                both = other.column(name, dict[str, Any]) | self.column(name, dict[str, Any])
                self._connection.execute(f"update col set {name} = ?", (json.dumps(both),))
            self._connection.execute("commit")
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def unusable(self, what: str, why: str) -> ItemError:
        """Return an error that names the file."""
        return ItemError(f"{self._name}: {what} ({why})", hint="name the collection.anki2 of Anki")

    def _damaged(self, why: object) -> ItemError:
        return ItemError(
            f"{self._name}: is damaged or incomplete ({why})",
            hint="run Tools › Check Database in Anki, then try again",
        )


@contextmanager
def _database(copy: Path, name: str) -> Iterator[Database]:
    """Open a copy, which may be changed; `name` stands in errors."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        connection.create_collation("unicase", _unicase)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.executescript("pragma temp_store = memory; pragma trusted_schema = off;")
        yield Database(connection, name)


def _unicase(left: str, right: str) -> int:
    """Compare names as Anki does."""
    one, other = left.casefold(), right.casefold()
    return (one > other) - (one < other)


# --- decks and note types -------------------------------------------------------------------


class _Named(msgspec.Struct):
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


def _deck_names(database: Database) -> dict[int, str]:
    """Return the name of every deck by its id, `::` between the parts."""
    if database.legacy:
        return {id: deck.name for id, deck in database.column("decks", dict[int, _Named]).items()}
    rows = database.rows(f"select {_numbers('id')}, {_texts('name')} from decks")
    return {id: name.replace("\x1f", "::") for id, name in rows}


def _type_names(database: Database) -> dict[int, str]:
    """Return the name of every note type by its id."""
    if database.legacy:
        return {id: kind.name for id, kind in database.column("models", dict[int, _Named]).items()}
    return dict(database.rows(f"select {_numbers('id')}, {_texts('name')} from notetypes"))


def _note_types(database: Database, wanted: Iterable[int]) -> tuple[SeenType, ...]:
    """Return those of the wanted note types that are there, ascending by id."""
    if not database.legacy:
        return tuple(one for id in sorted(wanted) for one in _from_tables(database, id))
    found = database.column("models", dict[int, _Type])
    return tuple(_from_json(id, found[id]) for id in sorted(wanted) if id in found)


def _from_json(id: int, kind: _Type) -> SeenType:
    fields = sorted(kind.flds, key=lambda one: one.ord)
    templates = sorted(kind.tmpls, key=lambda one: one.ord)
    return SeenType(
        id, kind.name, int(kind.mod), kind.type == 1,
        tuple((one.name, one.id) for one in fields),
        tuple(SeenTemplate(one.name, one.id, one.qfmt, one.afmt) for one in templates),
        kind.css,
    )  # fmt: skip


def _from_tables(database: Database, id: int) -> Iterator[SeenType]:
    """Yield the note type of an id; numbers of fields as in `proto/anki/notetypes.proto`."""

    def read(table: str, *columns: str) -> Iterator[Row]:
        """Yield columns and the decoded settings of the parts of this note type."""
        key, order = ("id", "id") if table == "notetypes" else ("ntid", "ord")
        query = f"select {', '.join(columns)}, config from {table} where {key} = ? order by {order}"
        for *values, config in database.rows(query, id):
            try:
                yield *values, read_message(config if isinstance(config, bytes) else b"\x00")
            except ValueError as error:
                raise database.unusable("a note type cannot be read", str(error)) from error

    for name, mod, settings in read("notetypes", _texts("name"), _numbers("mtime_secs")):
        fields = tuple((field, _id(part, 9)) for field, part in read("fields", _texts("name")))
        templates = tuple(
            SeenTemplate(template, _id(part, 8), _text(part, 1), _text(part, 2))
            for template, part in read("templates", _texts("name"))
        )
        is_cloze = _number(settings, 1) == 1
        yield SeenType(id, name, mod, is_cloze, fields, templates, _text(settings, 3))


Message = dict[int, int | bytes]


def read_message(data: bytes) -> Message:
    """Return the fields of a Protocol Buffers message by number, of repeated ones the last.

    Numbers are varints without sign; strings and messages within are bytes
    (https://protobuf.dev/programming-guides/encoding/).

    Raises:
        ValueError: it is cut off, or no message.
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


def _number(message: Message, number: int) -> int:
    value = message.get(number)
    return value if isinstance(value, int) else 0


def _id(message: Message, number: int) -> int | None:
    """Return an int64; None if absent: a written zero differs from none."""
    value = message.get(number)
    if not isinstance(value, int):
        return None
    return value - 2**64 if value >= 2**63 else value


def _text(message: Message, number: int) -> str:
    value = message.get(number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


# --- cards, reviews and the calendar --------------------------------------------------------

_HOME = "iif(c.odid, c.odid, c.did)"
"""Of a card in a filtered deck: the deck it goes back to."""
_CARD = (
    "c.id", "c.ord", _HOME, "c.queue", "c.type", "iif(c.odid and c.odue, c.odue, c.due)", "c.ivl",
    "c.factor", "c.reps", "c.lapses", "c.flags & 7",
)  # fmt: skip
_CARD_COLUMNS = f"{_numbers(*_CARD)}, {_texts('c.data')}"
_ANSWER_COLUMNS = _numbers("r.ease", "r.ivl", "r.lastIvl", "r.factor", "r.time", "r.type")


class _Memory(msgspec.Struct):
    """What FSRS knows of a card."""

    s: float | None = None
    d: float | None = None
    decay: float | None = None


_memory_decoder = msgspec.json.Decoder(_Memory)


def _seen_card(row: Row, decks: Mapping[int, str]) -> SeenCard:
    """Return the card of a row of `_CARD_COLUMNS`."""
    id, ordinal, deck, *schedule, data = row
    memory: Row = ()
    if '"s"' in data:
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            memory = msgspec.structs.astuple(_memory_decoder.decode(data))
    return SeenCard(id, ordinal, decks.get(deck, ""), *schedule, *memory)


def _with_cards(notes: Iterable[Row], cards: Iterable[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Pair notes with their cards, which come in the same order; both begin with the note id."""
    groups = groupby(cards, key=itemgetter(0))
    waiting = next(groups, None)
    for note in notes:
        if waiting and waiting[0] == note[0]:
            yield note, list(waiting[1])
            waiting = next(groups, None)
        else:
            yield note, []


# --- the view -------------------------------------------------------------------------------

_NOTES = f"""
select o.nid, o.guid, {_numbers("n.mod", "n.mid")}, {_texts("n.tags", "n.flds")}
from temp.ours o cross join notes n on n.id = o.nid
order by o.guid, o.nid
"""
_CARDS = f"""
select o.nid, {_CARD_COLUMNS}
from temp.ours o cross join cards c on c.nid = o.nid
order by o.guid, o.nid, c.ord, c.id
"""
_REVIEWS = f"""
select r.id, o.guid, {_numbers("c.ord")}, {_ANSWER_COLUMNS}
from revlog r cross join cards c on c.id = r.cid cross join temp.ours o on o.nid = c.nid
where r.id > ?
order by r.id
"""
_REVIEW_IDS = """
select r.id from revlog r cross join cards c on c.id = r.cid cross join temp.ours o on o.nid = c.nid
where r.id <= ?
"""
_ANSWERS_OF_DELETED = f"""
select {_numbers("r.cid", "r.id")}, {_ANSWER_COLUMNS}
from revlog r where r.cid in (select value from json_each(?))
and not exists (select 1 from cards c where c.id = r.cid)
"""
_FOREIGN_IDS = f"select {_numbers('id', 'mod')} from notes where guid not glob '{_OURS}'"
_FOREIGN_NOTES = f"""
select n.id, {_numbers("n.mod", "n.mid")}, {_texts("n.flds")},
  (select {_HOME} from cards c where c.nid = n.id order by c.ord limit 1)
from notes n where n.id in (select value from json_each(?))
"""


_PARTIAL = (ViewKind.APKG, ViewKind.CONNECT)


@dataclass(frozen=True)
class CollectionView:
    """An open collection, or exports of one; `model.View` says what each member means."""

    database: Database
    kind: ViewKind
    path: str
    profile: str
    complete: bool
    taken_at: float
    created: int
    newest_review: int
    types: tuple[SeenType, ...]
    decks: dict[int, str]

    @property
    def calendar(self) -> Calendar:
        """Return how the collection counts days; what cannot be read is as by default in Anki."""
        rollover = self._setting("rollover", range(24))
        west = self._setting("creationOffset", range(-1440, 1441))
        return Calendar(int(self.database.created), 4 if rollover is None else rollover, west)

    def _setting(self, name: str, allowed: range) -> int | None:
        value: object = None
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            if ("config",) in self.database.rows(_PLAIN_TABLES):
                query = f"select {_texts('val')} from config where key = ?"
                value = msgspec.json.decode(self.database.first(query, name)[0] or "null")
            else:
                (text,) = self.database.first(f"select {_texts('conf')} from col")
                value = msgspec.json.decode(text or "{}", type=dict[str, object]).get(name)
        return value if type(value) is int and value in allowed else None

    def notes(self) -> Iterator[SeenNote]:
        """Yield the notes with a guid of ours, by guid."""
        pairs = _with_cards(self.database.rows(_NOTES), self.database.rows(_CARDS))
        for (id, guid, mod, kind, tags, text), cards in pairs:
            fields = tuple(text.split("\x1f"))
            # in whichever field: a person may have given the note another note type
            found = (parse_identity(field) for field in fields)
            identity = next((one for one in found if one and one.guid == guid), None)
            words = tuple(filter(None, tags.replace("\u3000", " ").split(" ")))
            seen = tuple(_seen_card(row[1:], self.decks) for row in cards)
            yield SeenNote(Guid(guid), id, mod, kind, words, fields, seen, identity)

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """Yield the answers to cards of these notes, by id."""
        for id, guid, *rest in self.database.rows(_REVIEWS, after):
            yield SeenReview(id, Guid(guid), *rest)

    def review_ids(self, until: int) -> Iterator[int]:
        """Yield the ids of these answers up to one."""
        return (id for (id,) in self.database.rows(_REVIEW_IDS, until))

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        """Yield the answers to cards that were deleted."""
        for card, id, *rest in self.database.rows(_ANSWERS_OF_DELETED, json.dumps([*cards])):
            yield card, SeenReview(id, Guid(""), 0, *rest)

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        """Return those of the cards that have an answer."""
        query = "select distinct cid from revlog where cid in (select value from json_each(?))"
        return frozenset(id for (id,) in self.database.rows(query, json.dumps([*cards])))

    def graves(self) -> frozenset[int]:
        """Return the ids of deleted notes; cards and decks have graves, too."""
        query = f"select {_numbers('oid')} from graves where type = 1"
        return frozenset(id for (id,) in self.database.rows(query))

    def note_ids(self) -> frozenset[int] | None:
        """Return the ids of all notes; None of an export of some decks."""
        if self.kind in _PARTIAL:
            return None
        rows = self.database.rows(f"select {_numbers('id')} from notes")
        return frozenset(id for (id,) in rows)

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """Return the ids of notes that are not ours, and those whose mod changed; None if partial."""
        if self.kind in _PARTIAL:
            return None
        mods: dict[int, int] = dict(self.database.rows(_FOREIGN_IDS))
        changed = [id for id, mod in mods.items() if known.get(id) != mod]
        return frozenset(mods), self._foreign_notes(changed)

    def _foreign_notes(self, ids: list[int]) -> Iterator[ForeignNote]:
        types: dict[int, SeenType | None] = {}
        for id, mod, kind, text, deck in self.database.rows(_FOREIGN_NOTES, json.dumps(ids)):
            if kind not in types:
                types[kind] = next(iter(_note_types(self.database, (kind,))), None)
            words = foreign_fields(types[kind], text.split("\x1f"))
            yield ForeignNote(id, mod, self.decks.get(deck or 0, ""), words)


@contextmanager
def open_view(path: Path, *, live: bool | None = None) -> Iterator[CollectionView]:
    """Open a collection or an export for reading.

    Args:
        path: a `collection.anki2`, an `.apkg` or a `.colpkg`.
        live: whether a collection is the one a profile of Anki uses, then seen as it is now, and
            its folder names the profile; else as it was when last written to. By default, one
            that is called `collection.anki2` is live.

    Raises:
        ItemError: it cannot be read; says why.
    """
    with ExitStack() as stack:
        try:
            kind = _kind_of(path)
            written = changed_at(path)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ankiforge-"))
            copy = Path(folder) / COLLECTION
            is_collection = kind is ViewKind.COLLECTION
            (_copy_collection if is_collection else _unpack)(path, copy)
        except OSError as error:
            raise _unreadable(path, error) from error
        is_live = is_collection and (path.name == COLLECTION if live is None else live)
        yield _view(
            stack.enter_context(_database(copy, str(path))),
            kind,
            str(path),
            profile=path.resolve().parent.name if is_live else "",
            complete=kind is not ViewKind.APKG,
            taken_at=time.time() if is_live else min(written, time.time()),
        )


def _view(
    database: Database, kind: ViewKind, path: str, *, profile: str, complete: bool, taken_at: float
) -> CollectionView:
    ours = f"select distinct {_numbers('n.mid')} from temp.ours o join notes n on n.id = o.nid"
    types = {id for (id,) in database.rows(ours)} | {note_type(family).id for family in Family}
    (newest_review,) = database.first(f"select {_numbers('max(id)')} from revlog")
    return CollectionView(
        database, kind, path, profile, complete, taken_at,
        0 if kind is ViewKind.APKG else database.created,
        newest_review, _note_types(database, types), _deck_names(database),
    )  # fmt: skip


@contextmanager
def connect_view(
    exports: Sequence[Path], *, address: str, profile: str, notes: frozenset[int]
) -> Iterator[CollectionView]:
    """Open the exports of a running Anki as one view.

    Args:
        exports: `.apkg` files, made just now, with scheduling.
        address: of that Anki.
        profile: that it has open.
        notes: the ids of all notes of ours; the view is complete if the exports have every one.

    Raises:
        ItemError: one of them cannot be read; says why.
    """
    with ExitStack() as stack:
        is_empty = not exports
        if is_empty:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ankiforge-"))
            exports = [Path(folder) / "empty.apkg"]
            write_package(exports[0], ())
        first, *others = [stack.enter_context(open_view(path, live=False)) for path in exports]
        database = first.database
        for other in others:
            database.add(other.database)
        if is_empty or any(one.database.created != database.created for one in others):
            database.created = 0
        found = {id for (id,) in database.rows(f"select {_numbers('id')} from notes")}
        yield _view(
            database,
            ViewKind.CONNECT,
            address,
            profile=profile,
            complete=notes <= found,
            # a later export may lack what came meanwhile
            taken_at=min(one.taken_at for one in (first, *others)),
        )


_WANTED = "name the collection.anki2 of a profile, or an .apkg or .colpkg that Anki exported"


def _kind_of(path: Path) -> ViewKind:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ItemError(f"{path}: not a file", hint=_WANTED)
    with path.open("rb") as file:
        start = file.read(16)
    if start == b"SQLite format 3\0":
        return ViewKind.COLLECTION
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise ItemError(f"{path}: neither a collection nor an export of Anki", hint=_WANTED)
    return ViewKind.COLPKG if path.suffix.lower() == ".colpkg" else ViewKind.APKG


def _unreadable(path: Path, error: OSError) -> ItemError:
    if isinstance(error, FileNotFoundError | NotADirectoryError) and error.filename:
        return ItemError(f"{path}: no such file", hint=_WANTED)
    if isinstance(error, PermissionError):
        return ItemError(
            f"{path}: permission denied",
            hint="let your user read it (macOS: Privacy & Security › Full Disk Access)",
        )
    return ItemError(
        f"{path}: cannot be copied: {error.strerror or error}",
        hint=f"make room in {tempfile.gettempdir()}",
    )


# --- all notes, whoever made them -----------------------------------------------------------

_ALL_NOTES = f"""
select {_numbers("id")}, {_texts("guid")}, {_numbers("mid")}, {_texts("tags", "flds")}
from notes order by id
"""
_ALL_CARDS = f"""
select {_numbers("n.id")}, {_numbers("c.mod")}, {_CARD_COLUMNS}
from notes n cross join cards c on c.nid = n.id order by n.id, c.ord, c.id
"""
_ALL_ANSWERS = f"""
select {_numbers(_HOME, "r.ease", "r.lastIvl", "r.factor <> 0", "avg(r.time)", "r.type", "count(*)")}
from revlog r join cards c on c.id = r.cid group by 1, 2, 3, 4, 6
"""
_LAST_ANSWERS = f"select {_numbers('cid', 'max(id)')} from revlog where ease > 0 group by cid"


@dataclass(frozen=True, slots=True)
class AnyNote:
    """One note as it stands in Anki."""

    id: int
    guid: str
    type_id: int
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """As HTML, in the order of the note type."""
    deck: str
    """The home deck of its first card, `::` between the parts; "" if it has no card."""
    ordinals: tuple[int, ...]
    """Which cards it has, from 0."""
    cards: tuple[SeenCard, ...] = ()
    touched: int = 0
    """When one of its cards changed last, seconds since 1970."""


@dataclass(frozen=True)
class Everything:
    """All notes of an open collection or export; read while it is open, never kept."""

    view: CollectionView

    @cached_property
    def types(self) -> dict[int, SeenType]:
        """Return the note types that notes have, by id."""
        rows = self.view.database.rows(f"select distinct {_numbers('mid')} from notes")
        return {one.id: one for one in _note_types(self.view.database, {id for (id,) in rows})}

    @property
    def unused_types(self) -> tuple[str, ...]:
        """Return the names of note types that no note has."""
        names = _type_names(self.view.database).items()
        return tuple(sorted(name for id, name in names if id not in self.types))

    @property
    def count(self) -> int:
        """Return the number of notes."""
        return int(self.view.database.first("select count(*) from notes")[0])

    def notes(self) -> Iterator[AnyNote]:
        """Yield every note, ascending by id."""
        database = self.view.database
        pairs = _with_cards(database.rows(_ALL_NOTES), database.rows(_ALL_CARDS))
        for (id, guid, kind, tags, fields), rows in pairs:
            cards = tuple(_seen_card(row[2:], self.view.decks) for row in rows)
            yield AnyNote(
                id, guid, kind, tuple(tags.split()), tuple(fields.split("\x1f")),
                cards[0].deck if cards else "",
                tuple(dict.fromkeys(card.ordinal for card in cards)),
                cards,
                max((row[1] for row in rows), default=0),
            )  # fmt: skip

    def answers(self) -> Iterator[tuple[str, SeenReview, int]]:
        """Yield (home deck, answer, how many alike) of the cards that are there.

        Alike are answers that tell the same of memory; the answer has the mean of their times,
        and neither id nor guid.
        """
        for deck, ease, last, *rest, count in self.view.database.rows(_ALL_ANSWERS):
            one = SeenReview(0, Guid(""), 0, ease, 0, last, *rest)
            yield self.view.decks.get(deck, ""), one, count

    def last_answers(self) -> dict[int, float]:
        """Return when each card was answered last, seconds since 1970, by the card's id."""
        return {card: last / 1000 for card, last in self.view.database.rows(_LAST_ANSWERS)}


@contextmanager
def open_everything(path: Path) -> Iterator[Everything]:
    """Open a collection or an export to read all its notes, not only ours.

    Raises:
        ItemError: it cannot be read; says why.
    """
    with open_view(path) as view:
        yield Everything(view)
