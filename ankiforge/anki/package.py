"""Write packages (`.apkg` files) for Anki to import. The same notes always give the same bytes.

The schema of the tables and the JSON of decks and note types come from the library genanki. Its
class `Note` isn't used, because it derives ids from the time, misses some cloze deletions, and
takes minutes to check the HTML of a long field.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ankiforge.anki.notes import normalize_deck_name
from ankiforge.anki.notetypes import REQUIRED_OCCLUSION_FIELD_COUNT
from ankiforge.anki.render import (
    MAX_MEDIA_BYTES,
    hash_media,
    is_generated_media_name,
    parse_media_hash,
)
from ankiforge.config.files import open_regular
from ankiforge.errors import ItemError, RefusedError
from ankiforge.model import (
    AnkiNoteType,
    CardRow,
    Guid,
    Json,
    Media,
    Note,
    Problem,
    compute_card_id,
    compute_id_from_name,
    compute_note_id,
)

_DATABASE_NAME = "collection.anki2"
# The zip comment by which our packages are recognized. Anki's exports have no comment.
_ZIP_COMMENT = b"made by ankiforge"
_FIELD_SEPARATOR = "\x1f"
DAY_ZERO = datetime(2014, 9, 19, 4)
"""The day from which the due days of a package's review cards are counted."""


def write_package(path: Path, notes: Iterable[Note]) -> int:
    """Write notes to an `.apkg` file, and return the number of notes.

    Anki introduces new cards in the order of the notes. The same notes always produce the same
    file, at least with the same builds of SQLite and zlib.

    Raises:
        RefusedError: Two notes have the same GUID, or Anki would reject a note.
        ItemError: The file cannot be written, or an image cannot be read.
    """
    note_list = tuple(notes)
    guids = set[Guid]()
    for note in note_list:
        if note.guid in guids:
            raise RefusedError(
                f"two notes have the guid {note.guid}",
                hint="this is a fault of ankiforge: please report it with this line",
            )
        guids.add(note.guid)
        problem = find_note_problem(note)
        if problem:
            raise RefusedError(problem.message, hint=problem.hint)
    try:
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as tmpdir:
            database = Path(tmpdir) / _DATABASE_NAME
            with closing(sqlite3.connect(database, isolation_level=None)) as connection:
                _write_database(connection, note_list)
            _write_zip(
                path, database, [each for note in note_list for each in note.media]
            )
    except OSError as error:
        raise ItemError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="choose another path with -o, free space there, or allow writing",
        ) from error
    return len(note_list)


# --- the database -----------------------------------------------------------------------

# Turning off the journal is safe, because the database is written once, in a temporary directory.
_PRAGMAS = (
    "pragma page_size=16384; pragma journal_mode=off; pragma synchronous=off;"
    " pragma cache_size=-65536;"
)
_INSERT_NOTE = "insert into notes values(?,?,?,?,-1,?,?,?,0,0,'')"
_INSERT_CARD = "insert into cards values(?,?,?,?,?,-1,?,?,?,?,?,?,?,?,0,0,0,?)"
_NOTES_PER_BATCH = 1000
_DEFAULT_DECK_ID = 1


def _write_database(connection: sqlite3.Connection, notes: Sequence[Note]) -> None:
    """Create and fill the tables of a package's database.

    The indexes are created last, because that is many times faster.
    """
    from genanki.apkg_col import APKG_COL
    from genanki.apkg_schema import APKG_SCHEMA

    ids = _assign_ids(notes)
    tables, create, indexes = APKG_SCHEMA.partition("CREATE INDEX")
    connection.executescript(f"{_PRAGMAS} {tables} {APKG_COL}")
    connection.execute("begin")
    # write notes and cards in batches, whose size affects the bytes of the file
    for start in range(0, len(notes), _NOTES_PER_BATCH):
        _insert_notes(connection, notes, start, ids)
    _update_decks(connection, ids.deck_ids)
    _update_note_types(connection, notes)
    if any(note.states for note in notes):
        # due days count from this time, 4 a.m. local time
        connection.execute("update col set crt = ?", (int(DAY_ZERO.timestamp()),))
    connection.execute("commit")
    connection.executescript(create + indexes)


class _PackageIds(NamedTuple):
    """The ids in a package. Those of notes and cards are unique."""

    note_ids: Mapping[Guid, int]
    card_ids: Mapping[tuple[Guid, int], int]
    """The id of each card, by the GUID of its note and its ordinal."""
    deck_ids: Mapping[str, int]
    """The id of each deck, by its normalized name, in the order of the notes."""


def _assign_ids(notes: Iterable[Note]) -> _PackageIds:
    """Choose an id for each note, card and deck of a package."""
    preferred_note_ids = {}
    preferred_card_ids = {}
    deck_ids = {}
    for note in notes:
        preferred_note_ids[note.guid] = compute_note_id(note.guid)
        for ordinal in note.ordinals:
            preferred_card_ids[note.guid, ordinal] = compute_card_id(note.guid, ordinal)
        deck = normalize_deck_name(note.deck)
        if deck == "Default":
            deck_ids[deck] = _DEFAULT_DECK_ID
        elif deck not in deck_ids:
            deck_ids[deck] = compute_id_from_name("deck", deck)
    return _PackageIds(
        assign_unique_ids(preferred_note_ids),
        assign_unique_ids(preferred_card_ids),
        deck_ids,
    )


def _insert_notes(
    connection: sqlite3.Connection, notes: Sequence[Note], start: int, ids: _PackageIds
) -> None:
    """Insert a batch of notes and their cards. `start` is the index of the batch's first note."""
    note_rows = []
    card_rows = []
    batch = notes[start : start + _NOTES_PER_BATCH]
    for queue_position, note in enumerate(batch, start=start + 1):
        note_id = ids.note_ids[note.guid]
        deck_id = ids.deck_ids[normalize_deck_name(note.deck)]
        # Anki searches for a tag with a space on each side
        tags = f" {' '.join(note.tags)} " if note.tags else ""
        fields = _FIELD_SEPARATOR.join(note.fields)
        sort_field = ""  # Anki computes it when it imports the note
        note_rows.append(
            (note_id, note.guid, note.type.id, note.mod, tags, fields, sort_field)
        )
        # the column `due` of a new card holds its position in the queue
        new_card = CardRow(0, 0, queue_position, 0, 0, 0)
        for ordinal in note.ordinals:
            card_id = ids.card_ids[note.guid, ordinal]
            schedule = note.states.get(ordinal, new_card)
            card_rows.append((card_id, note_id, deck_id, ordinal, note.mod, *schedule))
    connection.executemany(_INSERT_NOTE, note_rows)
    connection.executemany(_INSERT_CARD, card_rows)


def _update_decks(connection: sqlite3.Connection, deck_ids: Mapping[str, int]) -> None:
    """Add decks to those that genanki wrote as JSON to the table `col`."""
    from genanki import Deck

    (genanki_decks,) = connection.execute("select decks from col").fetchone()
    decks = json.loads(genanki_decks)
    for name, deck_id in deck_ids.items():
        decks[str(deck_id)] = Deck(deck_id, name).to_json()
    connection.execute("update col set decks = ?", (_encode_json(decks),))


def _update_note_types(connection: sqlite3.Connection, notes: Iterable[Note]) -> None:
    """Write the note types of all notes as JSON to the table `col`."""
    types_by_id = {note.type.id: note.type for note in notes}
    models = {}
    for id, note_type in types_by_id.items():
        models[str(id)] = _note_type_to_json(note_type)
    connection.execute("update col set models = ?", (_encode_json(models),))


def _encode_json(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def assign_unique_ids(preferred_ids: Mapping[Any, int]) -> dict[Any, int]:
    """Assign each name its preferred id, or the next free id if that one is taken.

    Names are processed in sorted order, so the result doesn't depend on the order of
    `preferred_ids`. Clashes are rare: about one in thirty packages with 100,000 cards has one.
    """
    ids = {}
    taken = set()
    for name in sorted(preferred_ids):
        id = preferred_ids[name]
        while id in taken:
            id += 1
        taken.add(id)
        ids[name] = id
    return ids


def find_note_problem(note: Note) -> Problem | None:
    """Return why Anki would reject a note or make no card from it, or None if the note is fine."""
    where = f"deck {note.deck}"
    if _FIELD_SEPARATOR in "".join(note.fields):
        message = f"note {note.guid}: a field holds Anki's field separator (U+001F)"
        return Problem(where, message)
    field_count = len(note.type.fields)
    if len(note.fields) != field_count:
        message = f"note {note.guid}: {len(note.fields)} fields instead of {field_count}"
        return Problem(where, message)
    if not note.ordinals:
        message = f"note {note.guid} makes no card in the note type {note.type.name}"
        return Problem(where, message, "check its text, and the card templates in Anki")
    return None


@lru_cache(maxsize=32)  # a watcher or a page writes many packages with the same types
def _note_type_to_json(note_type: AnkiNoteType) -> Json:
    """Convert a note type to the JSON that the `col` table contains. Unknown ids are left out."""
    from genanki import Model

    def add_id(id: int | None, **entry: str) -> Json:
        return entry if id is None else {**entry, "id": id}

    fields = [add_id(id, name=name) for name, id in note_type.fields]
    templates = [
        add_id(
            template.id,
            name=template.name,
            qfmt=template.question,
            afmt=template.answer,
        )
        for template in note_type.templates
    ]
    model = Model(
        note_type.id,
        note_type.name,
        fields=fields,
        templates=templates,
        css=note_type.css,
        model_type=Model.CLOZE if note_type.cloze else Model.FRONT_BACK,
    )
    # the `mod` is the one in Anki, so that an import never changes the user's note type, whatever
    # the user's import options are
    model_json = dict(model.to_json(note_type.mod, _DEFAULT_DECK_ID))
    if note_type.stock:
        _mark_as_built_in(model_json, note_type)
    return model_json


def _mark_as_built_in(model_json: Json, note_type: AnkiNoteType) -> None:
    """Add the keys by which Anki's editor recognizes a built-in note type and its fields."""
    model_json["originalStockKind"] = note_type.stock
    for field, tag in zip(model_json["flds"], note_type.field_tags, strict=False):
        if tag >= 0:  # a field that the user added has the tag -1
            field["tag"] = tag
            field["preventDeletion"] = tag < REQUIRED_OCCLUSION_FIELD_COUNT


# --- the zip ----------------------------------------------------------------------------


def _write_zip(path: Path, database: Path, media: Iterable[Media]) -> None:
    """Pack the database and the media of all notes into a zip file without timestamps.

    Raises:
        ItemError: An image has changed since its name was computed.
    """
    by_name = {each.name: each for each in media if is_generated_media_name(each.name)}
    pictures = [by_name[name] for name in sorted(by_name)]
    # the package has each picture under its number, and the names in the file `media`
    name_by_number = {str(i): picture.name for i, picture in enumerate(pictures)}
    path.unlink(missing_ok=True)
    with (
        path.open("xb") as file,  # the mode `x` never follows a symbolic link
        # level 1 reduces the file to a tenth in a third of the default level's time
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
    ):
        with (
            database.open("rb") as source,
            package.open(_DATABASE_NAME, "w", force_zip64=True) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        package.writestr(_make_uncompressed_member("media"), json.dumps(name_by_number))
        for number, picture in zip(name_by_number, pictures, strict=True):
            package.writestr(_make_uncompressed_member(number), _read_picture(picture))
        package.comment = _ZIP_COMMENT
        package.close()  # writes the directory of the zip, which has to be synced, too
        file.flush()
        os.fsync(file.fileno())


def _read_picture(picture: Media) -> bytes:
    with open_regular(Path(picture.path), max_bytes=MAX_MEDIA_BYTES) as image:
        data = image.read()
    if hash_media(data) != parse_media_hash(picture):
        message = f"{picture.path}: changed while the package was made"
        raise ItemError(message, hint="run it again")
    return data


def _make_uncompressed_member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    return info


def is_our_package(path: Path) -> bool:
    """Return whether a package was written by ankiforge.

    Raises:
        OwnFileError: The path is not a regular file.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as package:
            return package.comment == _ZIP_COMMENT
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
