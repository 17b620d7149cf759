"""Write `.apkg` files. The same notes give the same bytes.

The table schema and the JSON of decks and note types are genanki's. Its notes are not used: they
derive ids from the time, find clozes with a pattern that misses some, and check HTML with one that
takes minutes on a long field.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ankiforge.anki.cards import card_ordinals, is_blank
from ankiforge.anki.notes import deck_name
from ankiforge.anki.notetypes import DESIGN_MOD, note_type, ordinals_of, our_type
from ankiforge.anki.render import is_media_name
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
_SEPARATOR = "\x1f"

Types = Mapping[Family, SeenType]
"""Note types as a person has changed them in Anki."""


def write_package(path: Path, notes: Iterable[Note], types: Types | None = None) -> int:
    """Write the notes to an `.apkg`, replacing an existing file, and return their number.

    New cards are learnt in the order of the notes. The same notes in the same order give the same
    bytes (within one build of SQLite and zlib). `types` replace our note types. The notes of such a
    family have all its fields in `own`.

    Raises:
        RefusedError: two notes with the same guid, a note without a card, an empty first field.
        ItemError: the folder cannot be written or a picture cannot be read.
        In either case an existing file is left unchanged.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=_FOLDER_PREFIX, dir=path.parent) as name:
            folder = Path(name)
            _clear_leftovers(folder)
            with closing(sqlite3.connect(folder / _DATABASE, isolation_level=None)) as connection:
                rows = _Rows(connection, types or {})
                for note in notes:
                    rows.add(note)
                rows.finish()
            _zip(folder, rows.media)
            (folder / _PACKAGE).replace(path)
    except OSError as error:
        raise ItemError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="choose another place with -o, or make room there",
        ) from error
    return len(rows.guids)


_FOLDER_PREFIX = ".ankiforge-"
"""The prefix of the temporary folder in which a package is written."""
_STALE_SECONDS = 3600


def _clear_leftovers(beside: Path) -> None:
    """Remove stale folders of killed programs next to this one, unless they contain other files."""
    begun = beside.stat().st_mtime
    for folder in beside.parent.glob(f"{_FOLDER_PREFIX}????????"):
        with suppress(OSError):
            inside = list(folder.iterdir())
            ours = all(found.name in (_DATABASE, _PACKAGE) for found in inside)
            written = max(found.lstat().st_mtime for found in (folder, *inside))
            if ours and not folder.is_symlink() and begun - written > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


# --- the database ---------------------------------------------------------------------------

_PRAGMAS = (
    "pragma page_size=16384; pragma journal_mode=off; pragma synchronous=off;"
    " pragma cache_size=-65536;"
)
"""Safe, because the database is written once, in a temporary folder."""
_NOTE = "insert into notes values(?,?,?,?,-1,?,?,?,0,0,'')"
_CARD = "insert into cards values(?,?,?,?,?,-1,0,0,?,0,0,0,0,0,0,0,0,'')"
_NOTES_PER_INSERT = 1000
"""Notes per insert. Batching halves the time."""


class _Rows:
    """The database of a package, filled note by note."""

    def __init__(self, connection: sqlite3.Connection, types: Types) -> None:
        from genanki.apkg_col import APKG_COL
        from genanki.apkg_schema import APKG_SCHEMA

        tables, create, self.indexes = APKG_SCHEMA.partition("CREATE INDEX")
        self.indexes = create + self.indexes  # created at the end, which is many times faster
        connection.executescript(f"{_PRAGMAS} {tables} {APKG_COL}")
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
        self.media |= {media.name: media for media in note.media if is_media_name(media.name)}
        number, moves = self.note_ids.place(note.guid, note_id(note.guid))
        self._move("update notes set id = ? where id = ?", moves)
        self._move("update cards set nid = ? where nid = ?", moves)
        fields = _SEPARATOR.join(note.own or note.fields)
        type_id, tags = note_type(note.family).id, _tags(note.tags)
        self.note_rows.append(
            (number, note.guid, type_id, note.mod, tags, fields, note.fields[0])
        )  # fmt: skip

        deck = deck_name(note.deck)
        if deck not in self.decks:
            self.decks[deck] = named_id("deck", deck)
        for ordinal in ordinals:
            place = ordinal if note.family is Family.CLOZE else self.places[note.family][ordinal]
            wanted = card_id(note.guid, place)
            own, moves = self.card_ids.place(f"{note.guid} {place:03}", wanted)
            self._move("update cards set id = ? where id = ?", moves)
            self.card_rows.append((own, number, self.decks[deck], place, note.mod, len(self.guids)))
        if len(self.note_rows) >= _NOTES_PER_INSERT:
            self._flush()

    def _flush(self) -> None:
        self.cursor.executemany(_NOTE, self.note_rows)
        self.cursor.executemany(_CARD, self.card_rows)
        self.note_rows.clear()
        self.card_rows.clear()

    def _move(self, statement: str, moves: list[tuple[int, int]]) -> None:
        if moves:
            self._flush()
            self.cursor.executemany(statement, ((new, old) for old, new in moves))

    def finish(self) -> None:
        from genanki import Deck

        self._flush()
        (known,) = self.cursor.execute("select decks from col").fetchone()
        decks = json.loads(known)
        decks |= {str(number): Deck(number, name).to_json() for name, number in self.decks.items()}
        types = {
            str(self.types[family].id): _type_json(self.types[family], family)
            for family in self.families
        }
        written = (_json(decks), _json(types))
        self.cursor.execute("update col set decks = ?, models = ?", written)
        self.cursor.execute("commit")
        self.cursor.executescript(self.indexes)


class Ids:
    """Assigns unique ids.

    If two names want the same id, the alphabetically later one takes the next free id. So the ids
    depend only on the set of names and not on their order (an ordered hash table: Amble and Knuth
    1974). Of packages with 100,000 cards, every thirtieth has such a collision.
    """

    def __init__(self) -> None:
        self._holders: dict[int, str] = {}

    def place(self, name: str, wanted: int) -> tuple[int, list[tuple[int, int]]]:
        """Return the id of `name`, and the (old id, new id) of displaced names in a safe order."""
        steps: list[tuple[int, int]] = []
        at = origin = wanted
        while (holder := self._holders.get(at)) is not None:
            if name < holder:
                self._holders[at] = name
                steps.append((origin, at))
                name, origin = holder, at
            at += 1
        self._holders[at] = name
        steps.append((origin, at))
        return steps[0][1], steps[:0:-1]


def refusal(note: Note) -> tuple[Problem, ...]:
    """Return why Anki would reject a note or generate no card from it. () if it is fine."""
    try:
        _ordinals(note)
    except RefusedError as error:
        return (Problem(f"deck {note.deck}", error.message, error.hint),)
    return ()


def _ordinals(note: Note) -> tuple[int, ...]:
    """Return the ordinals of a note's cards. Raise RefusedError if the note must not be shipped."""
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


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _type_json(kind: SeenType, family: Family) -> dict[str, Any]:
    from genanki import Model

    def with_id(written: dict[str, Any], number: int | None) -> dict[str, Any]:
        return written if number is None else {**written, "id": number}

    model = Model(
        kind.id,
        kind.name,
        fields=[with_id({"name": name}, number) for name, number in kind.fields],
        templates=[
            with_id({"name": one.name, "qfmt": one.question, "afmt": one.answer}, one.id)
            for one in kind.templates
        ],
        css=kind.css,
        model_type=Model.CLOZE if kind.cloze else Model.FRONT_BACK,
    )
    is_renewed = kind == replace(our_type(family), mod=kind.mod)
    mod = max(DESIGN_MOD, kind.mod) if is_renewed else DESIGN_MOD
    default_deck = 1
    written: dict[str, Any] = model.to_json(mod, default_deck)
    return written


@lru_cache(maxsize=4096)
def _tags(tags: tuple[str, ...]) -> str:
    """Return tags as in the table of notes, without those that contain white space."""
    words = (tag for tag in tags if tag and not any(s.isspace() or s < " " for s in tag))
    joined = " ".join(words)
    return f" {joined} " if joined else ""


# --- the zip --------------------------------------------------------------------------------


def _zip(folder: Path, media: dict[str, Media]) -> None:
    """Pack the database and the pictures, without the current time."""
    pictures = [media[name] for name in sorted(media)]
    names = {str(at): picture.name for at, picture in enumerate(pictures)}
    # level 1 compresses to a tenth of the size in a third of the default's time
    with (
        (folder / _PACKAGE).open("wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
    ):
        with (
            (folder / _DATABASE).open("rb") as source,
            package.open(_DATABASE, "w", force_zip64=True) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        package.writestr(_stored("media"), json.dumps(names))
        for at, picture in enumerate(pictures):
            data = Path(picture.path).read_bytes()
            if hashlib.sha256(data).hexdigest()[:16] != picture.name[3:19]:
                what = f"{picture.path}: changed while the package was made"
                raise ItemError(what, hint="run it again")
            package.writestr(_stored(str(at)), data)
        package.close()
        file.flush()
        os.fsync(file.fileno())


def _stored(name: str) -> zipfile.ZipInfo:
    """Return an uncompressed member, dated with the earliest date that a zip can have."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    return info


# --- recognising one ------------------------------------------------------------------------

_NEWER_DATABASES = {"collection.anki21", "collection.anki21b"}
_MAX_DATABASE = 4_000_000_000
"""The maximum size of a database that `is_ours` unpacks."""
_UNREADABLE = (OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def is_ours(path: Path) -> bool:
    """Return whether a file is a package of ours: only our note types, and not exported by Anki."""
    try:
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            with zipfile.ZipFile(path) as package:
                is_export = not _NEWER_DATABASES.isdisjoint(package.namelist())
                if is_export or package.getinfo(_DATABASE).file_size > _MAX_DATABASE:
                    return False
                database = package.extract(_DATABASE, folder)
            with closing(sqlite3.connect(database)) as connection:
                found = {row[0] for row in connection.execute("select distinct mid from notes")}
    except (*_UNREADABLE, sqlite3.Error):
        return False
    return found <= {note_type(family).id for family in Family}
