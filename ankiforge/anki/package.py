"""The `.apkg`: notes in, one file out, the same bytes for the same notes.

The tables, and the JSON of decks and note types, are genanki's. Its notes are not used: they
take the time for an id, look for clozes by a pattern that misses some, and for bad HTML by one
that takes minutes on a long field.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from ankiforge.anki.cards import card_ordinals, is_blank
from ankiforge.anki.ids import Ids, Move
from ankiforge.anki.media import is_media_name
from ankiforge.anki.names import deck_name
from ankiforge.anki.notetypes import DESIGN_MOD, note_type
from ankiforge.anki.theirs import ordinals_of, our_type
from ankiforge.errors import ItemError, RefusedError
from ankiforge.model import (
    Family,
    Guid,
    Media,
    Note,
    Problem,
    SeenType,
    card_id,
    named_id,
    note_id,
)

_DATABASE = "collection.anki2"
_PACKAGE = "package"
_NEWER_DATABASES = ("collection.anki21", "collection.anki21b")
_MAX_DATABASE = 4_000_000_000
"""Bytes of a database that is unpacked to be read."""
_QUICKEST = 1
"""Of zlib: a tenth of the size at a third of the time of its default."""
_SEPARATOR = "\x1f"
_DEFAULT_DECK = 1
_QUICK = (
    "pragma page_size=16384; pragma journal_mode=off; pragma synchronous=off;"
    " pragma cache_size=-65536;"
)
"""Nothing to lose: the database is written once, aside. The cache is in KiB; of large pages fewer
are split."""
_NOTE = "insert into notes values(?,?,?,?,-1,?,?,?,0,0,'')"
_CARD = "insert into cards values(?,?,?,?,?,-1,0,0,?,0,0,0,0,0,0,0,0,'')"
_AT_A_TIME = 1000
"""Notes that are gathered before they are inserted."""


Types = Mapping[Family, SeenType]
"""Note types as a person has changed them in Anki."""


def write_package(path: Path, notes: Iterable[Note], types: Types | None = None) -> int:
    """Write the notes to an `.apkg`, in place of what is there; how many they were.

    New cards are learnt in the order of the notes. The same notes in the same order give the
    same bytes (within one build of SQLite and zlib). `types` stand in for ours; the notes of
    such a family bring all its fields in `own`.

    Raises:
        RefusedError: two notes of one guid, a note without a card, an empty first field.
        ItemError: the folder cannot be written, a picture cannot be read.
        Either way the file that was there is untouched.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=_ASIDE, dir=path.parent) as folder:
            _clear_leftovers(Path(folder))
            count = _write(Path(folder), notes, types or {})
            (Path(folder) / _PACKAGE).replace(path)
    except OSError as error:
        raise ItemError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="choose another place with -o, or make room there",
        ) from error
    return count


_ASIDE = ".ankiforge-"
"""How the folder in which a package is made begins."""
_MADE_IN = 3600
"""Seconds; a folder in which nothing was written for longer is of a program that was killed."""


def _clear_leftovers(beside: Path) -> None:
    """Remove what killed programs left beside the folder of this one; what resists stays."""
    begun = beside.stat().st_mtime
    for folder in beside.parent.glob(f"{_ASIDE}????????"):
        with suppress(OSError):
            if not folder.is_symlink() and begun - _last_written(folder) > _MADE_IN:
                shutil.rmtree(folder, ignore_errors=True)


def _last_written(folder: Path) -> float:
    """When, in seconds since 1970; infinity if other things lie there than we put."""
    inside = list(folder.iterdir())
    if any(found.name not in (_DATABASE, _PACKAGE) for found in inside):
        return math.inf
    return max(found.lstat().st_mtime for found in (folder, *inside))


def _write(folder: Path, notes: Iterable[Note], types: Types) -> int:
    with closing(sqlite3.connect(folder / _DATABASE, isolation_level=None)) as connection:
        rows = _Rows(connection, types)
        for note in notes:
            rows.add(note)
        rows.finish()
    with (folder / _PACKAGE).open("wb") as file:
        _zip(file, folder / _DATABASE, rows.media)
        file.flush()
        os.fsync(file.fileno())
    return len(rows.guids)


class _Rows:
    """The database of a package, filled note by note."""

    def __init__(self, connection: sqlite3.Connection, types: Types) -> None:
        from genanki.apkg_col import APKG_COL
        from genanki.apkg_schema import APKG_SCHEMA

        tables, create, self.indexes = APKG_SCHEMA.partition("CREATE INDEX")
        self.indexes = create + self.indexes  # made at the end, many times faster
        connection.executescript(f"{_QUICK} {tables} {APKG_COL}")
        connection.execute("begin")
        self.cursor = connection.cursor()
        self.guids: set[Guid] = set()
        self.media: dict[str, Media] = {}
        self.families: set[Family] = set()
        self.types = {family: types.get(family) or our_type(family) for family in Family}
        self.places = {family: ordinals_of(self.types[family], family) or () for family in Family}
        self.decks: dict[str, int] = {}
        self.note_ids, self.card_ids = Ids(), Ids()
        self.note_rows: list[tuple[object, ...]] = []
        self.card_rows: list[tuple[object, ...]] = []

    def add(self, note: Note) -> None:
        ordinals = _ordinals(note)
        if note.guid in self.guids:
            raise RefusedError(
                f"two notes have the guid {note.guid}",
                hint="this is a fault of ankiforge: please report it with this line",
            )
        self.guids.add(note.guid)
        self.families.add(note.family)
        for media in filter(_is_safe, note.media):
            self.media[media.name] = media
        number = self._note(note)
        places = self.places[note.family]
        for ordinal in ordinals:
            place = ordinal if note.family is Family.CLOZE else places[ordinal]
            self._card(note, number, place)
        if len(self.note_rows) >= _AT_A_TIME:
            self._flush()

    def _note(self, note: Note) -> int:
        number, moves = self.note_ids.place(note.guid, note_id(note.guid))
        self._move("update notes set id = ? where id = ?", moves)
        self._move("update cards set nid = ? where nid = ?", moves)
        type_id = note_type(note.family).id
        fields = _SEPARATOR.join(note.own or note.fields)
        row = (number, note.guid, type_id, note.mod, _tags(note.tags), fields)
        self.note_rows.append((*row, note.fields[0]))
        return number

    def _card(self, note: Note, number: int, ordinal: int) -> None:
        name = f"{note.guid} {ordinal:03}"
        own, moves = self.card_ids.place(name, card_id(note.guid, ordinal))
        self._move("update cards set id = ? where id = ?", moves)
        row = (own, number, self._deck(deck_name(note.deck)), ordinal, note.mod, len(self.guids))
        self.card_rows.append(row)

    def _flush(self) -> None:
        """Insert what was gathered: many rows at once take half the time."""
        self.cursor.executemany(_NOTE, self.note_rows)
        self.cursor.executemany(_CARD, self.card_rows)
        self.note_rows.clear()
        self.card_rows.clear()

    def _move(self, statement: str, moves: list[Move]) -> None:
        if moves:
            self._flush()
        for old, new in moves:
            self.cursor.execute(statement, (new, old))

    def _deck(self, name: str) -> int:
        if name not in self.decks:
            self.decks[name] = named_id("deck", name)
        return self.decks[name]

    def finish(self) -> None:
        self._flush()
        (known,) = self.cursor.execute("select decks from col").fetchone()
        decks = json.loads(known) | {
            str(number): _deck_json(name, number) for name, number in self.decks.items()
        }
        types = {
            str(self.types[family].id): _type_json(self.types[family], family)
            for family in self.families
        }
        self.cursor.execute("update col set decks = ?, models = ?", (_json(decks), _json(types)))
        self.cursor.execute("commit")
        self.cursor.executescript(self.indexes)


def refusal(note: Note) -> tuple[Problem, ...]:
    """Why Anki would not take a note, or could make no card of it; () if it would."""
    try:
        _ordinals(note)
    except RefusedError as error:
        return (Problem(f"deck {note.deck}", error.message, error.hint),)
    return ()


def _ordinals(note: Note) -> tuple[int, ...]:
    """The ordinals of its cards, if it can be shipped at all."""
    names = note_type(note.family).fields
    if len(note.fields) != len(names):
        raise RefusedError(f"note {note.guid}: {len(note.fields)} fields instead of {len(names)}")
    if _SEPARATOR in "".join((*note.fields, *note.own)):
        raise RefusedError(f"note {note.guid}: a field holds Anki's field separator (U+001F)")
    if is_blank(note.fields[0]):
        raise RefusedError(f"note {note.guid}: {names[0]} is empty", hint="edit or reject the card")
    made = card_ordinals(note.family, note.fields)
    ordinals = tuple(ordinal for ordinal in made if ordinal not in note.without)
    if not ordinals:
        raise RefusedError(
            f"note {note.guid} makes no card", hint="its text needs a cloze such as {{c1::word}}"
        )
    return ordinals


def _is_safe(media: Media) -> bool:
    return is_media_name(media.name)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _deck_json(name: str, number: int) -> dict[str, Any]:
    from genanki import Deck

    deck: dict[str, Any] = Deck(number, name).to_json()
    return deck


def _type_json(kind: SeenType, family: Family) -> dict[str, Any]:
    from genanki import Model

    model = Model(
        kind.id,
        kind.name,
        fields=[_with_id({"name": name}, number) for name, number in kind.fields],
        templates=[
            _with_id({"name": t.name, "qfmt": t.question, "afmt": t.answer}, t.id)
            for t in kind.templates
        ],
        css=kind.css,
        model_type=Model.CLOZE if kind.cloze else Model.FRONT_BACK,
    )
    is_renewed = kind == replace(our_type(family), mod=kind.mod)
    mod = max(DESIGN_MOD, kind.mod) if is_renewed else DESIGN_MOD
    written: dict[str, Any] = model.to_json(mod, _DEFAULT_DECK)
    return written


def _with_id(written: dict[str, Any], number: int | None) -> dict[str, Any]:
    return written if number is None else {**written, "id": number}


@lru_cache(maxsize=4096)
def _tags(tags: tuple[str, ...]) -> str:
    """Tags as the table of notes has them."""
    words = " ".join(filter(_is_one_word, tags))
    return f" {words} " if words else ""


def _is_one_word(tag: str) -> bool:
    return bool(tag) and not any(sign.isspace() or sign < " " for sign in tag)


# --- the zip --------------------------------------------------------------------------------


def _zip(file: BinaryIO, database: Path, media: dict[str, Media]) -> None:
    pictures = [media[name] for name in sorted(media)]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_QUICKEST) as package:
        with (
            database.open("rb") as source,
            package.open(_DATABASE, "w", force_zip64=True) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        names = {str(at): picture.name for at, picture in enumerate(pictures)}
        package.writestr(_member("media"), json.dumps(names))
        for at, picture in enumerate(pictures):
            package.writestr(_member(str(at)), _bytes(picture))


def _member(name: str) -> zipfile.ZipInfo:
    """A member that is stored as it is; its date is the first a zip can tell."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    return info


def _bytes(picture: Media) -> bytes:
    data = Path(picture.path).read_bytes()
    if hashlib.sha256(data).hexdigest()[:16] != picture.name[3:19]:
        raise ItemError(f"{picture.path}: changed while the package was made", hint="run it again")
    return data


# --- reading one back -----------------------------------------------------------------------


def is_ours(path: Path) -> bool:
    """Whether a file is a package like ours: only our note types, and not exported by Anki."""
    ours = {note_type(family).id for family in Family}
    try:
        with _opened(path) as connection:
            return {row[0] for row in connection.execute("select distinct mid from notes")} <= ours
    except ItemError:
        return False


def read_guids(path: Path) -> frozenset[Guid]:
    """The guids of the notes in a package of ours.

    Raises:
        ItemError: it cannot be read, or Anki made it.
    """
    with _opened(path) as connection:
        return frozenset(Guid(str(row[0])) for row in connection.execute("select guid from notes"))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            copy = Path(folder) / _DATABASE
            _unpack(path, copy)
            with closing(sqlite3.connect(copy)) as connection:
                yield connection
    except (OSError, zipfile.BadZipFile, zlib.error, sqlite3.Error, RuntimeError) as error:
        raise ItemError(f"{path}: not a readable package: {error}") from error


def _unpack(path: Path, copy: Path) -> None:
    with zipfile.ZipFile(path) as package:
        names = set(package.namelist())
        if _DATABASE not in names or names & set(_NEWER_DATABASES):
            raise ItemError(f"{path}: not a package of ankiforge")
        if package.getinfo(_DATABASE).file_size > _MAX_DATABASE:
            raise ItemError(f"{path}: larger than any deck of ankiforge")
        with package.open(_DATABASE) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
