"""Write `.apkg` files. The same notes give the same bytes.

The table schema and the JSON of decks and note types are genanki's. Its notes are not
used: they derive ids from the time, find clozes with a pattern that misses some, and
check HTML with one that takes minutes on a long field.
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
from pathlib import Path
from typing import Any

from ankiforge.anki.notes import deck_name
from ankiforge.anki.notetypes import KEPT_FIELDS
from ankiforge.anki.render import (
    MAX_PICTURE_BYTES,
    digest_in_name,
    is_media_name,
    picture_digest,
)
from ankiforge.config.ownfiles import open_regular
from ankiforge.errors import ItemError, RefusedError
from ankiforge.model import (
    Guid,
    Json,
    Media,
    Note,
    Problem,
    SeenType,
    card_id,
    named_id,
    note_id,
)

_DATABASE = "collection.anki2"
# The comment of the zip, by which a package is recognised. An export of Anki has none.
_OURS = b"made by ankiforge"
_SEPARATOR = "\x1f"
DAY_ZERO = datetime(2014, 9, 19, 4)
"""The day from which a package counts when cards are due."""


def write_package(path: Path, notes: Iterable[Note]) -> int:
    """Write the notes to an `.apkg`, and return their number.

    New cards are learnt in the order of the notes. The same notes in the same order give
    the same bytes (within one build of SQLite and zlib).

    Raises:
        RefusedError: two notes with the same guid, or one that Anki would reject.
        ItemError: the file cannot be written or a picture cannot be read.
    """
    written = tuple(notes)
    # what Anki would reject
    guids = set[Guid]()
    for note in written:
        if note.guid in guids:
            raise RefusedError(
                f"two notes have the guid {note.guid}",
                hint="this is a fault of ankiforge: please report it with this line",
            )
        guids.add(note.guid)
        problem = refusal(note)
        if problem:
            raise RefusedError(problem.what, hint=problem.hint)
    try:
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            database = Path(folder) / _DATABASE
            with closing(sqlite3.connect(database, isolation_level=None)) as connection:
                _write_database(connection, written)
            _zip(path, database, written)
    except OSError as error:
        raise ItemError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="choose another path with -o, free space there, or allow writing",
        ) from error
    return len(written)


# --- the database -----------------------------------------------------------------------

# Safe, because the database is written once, in a temporary folder.
_PRAGMAS = (
    "pragma page_size=16384; pragma journal_mode=off; pragma synchronous=off;"
    " pragma cache_size=-65536;"
)
_NOTE = "insert into notes values(?,?,?,?,-1,?,?,?,0,0,'')"
_CARD = "insert into cards values(?,?,?,?,?,-1,?,?,?,?,?,?,0,0,0,0,0,'')"
_NOTES_PER_INSERT = 1000


def _write_database(connection: sqlite3.Connection, notes: Sequence[Note]) -> None:
    """Write the tables; the indexes come last, which is many times faster."""
    from genanki import Deck
    from genanki.apkg_col import APKG_COL
    from genanki.apkg_schema import APKG_SCHEMA

    # ids, of which no two of a kind may clash within the package
    wanted_note_ids = {}
    wanted_card_ids = {}
    deck_ids = {}
    for note in notes:
        wanted_note_ids[note.guid] = note_id(note.guid)
        for ordinal in note.ordinals:
            wanted_card_ids[note.guid, ordinal] = card_id(note.guid, ordinal)
        deck = deck_name(note.deck)
        if deck not in deck_ids:
            deck_ids[deck] = 1 if deck == "Default" else named_id("deck", deck)
    note_ids = distinct_ids(wanted_note_ids)
    card_ids = distinct_ids(wanted_card_ids)

    # notes and cards, in batches on whose size the layout of the file depends
    tables, create, indexes = APKG_SCHEMA.partition("CREATE INDEX")
    connection.executescript(f"{_PRAGMAS} {tables} {APKG_COL}")
    connection.execute("begin")
    for start in range(0, len(notes), _NOTES_PER_INSERT):
        note_rows = []
        card_rows = []
        batch = notes[start : start + _NOTES_PER_INSERT]
        for number, note in enumerate(batch, start=start + 1):
            id = note_ids[note.guid]
            # Anki looks for a tag between blanks
            tags = f" {' '.join(note.tags)} " if note.tags else ""
            fields = _SEPARATOR.join(note.fields)
            row = (id, note.guid, note.type.id, note.mod, tags, fields, "")
            note_rows.append(row)
            deck_id = deck_ids[deck_name(note.deck)]
            # a new card is due at the number of its note
            new_card = (0, 0, number, 0, 0, 0)
            for ordinal in note.ordinals:
                state = note.states.get(ordinal, new_card)
                ids = (card_ids[note.guid, ordinal], id, deck_id)
                card_rows.append((*ids, ordinal, note.mod, *state))
        connection.executemany(_NOTE, note_rows)
        connection.executemany(_CARD, card_rows)

    # decks and note types, which the table `col` holds as JSON
    (genanki_decks,) = connection.execute("select decks from col").fetchone()
    decks = json.loads(genanki_decks)
    for name, id in deck_ids.items():
        decks[str(id)] = Deck(id, name).to_json()
    models = {}
    for note_type in {note.type.id: note.type for note in notes}.values():
        models[str(note_type.id)] = _type_json(note_type)
    written = (_json(decks), _json(models))
    connection.execute("update col set decks = ?, models = ?", written)
    if any(note.states for note in notes):  # days begin at 4 o'clock here
        connection.execute("update col set crt = ?", (int(DAY_ZERO.timestamp()),))
    connection.execute("commit")
    connection.executescript(create + indexes)


def _json(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def distinct_ids(wanted: Mapping[Any, int]) -> dict[Any, int]:
    """Return an id of its own for each name: the id that it wants, else the next free one.

    The first of the sorted names that want an id gets it, so the ids depend only on the
    set of names. Of packages with 100,000 cards, every thirtieth has two cards that want
    the same id.
    """
    given = {}
    taken = set()
    for name in sorted(wanted):
        id = wanted[name]
        while id in taken:
            id += 1
        taken.add(id)
        given[name] = id
    return given


def refusal(note: Note) -> Problem | None:
    """Return why Anki would reject a note, or make no card of it; None if it is fine."""
    where = f"deck {note.deck}"
    if _SEPARATOR in "".join(note.fields):
        what = f"note {note.guid}: a field holds Anki's field separator (U+001F)"
        return Problem(where, what)
    wanted = len(note.type.fields)
    if len(note.fields) != wanted:
        what = f"note {note.guid}: {len(note.fields)} fields instead of {wanted}"
        return Problem(where, what)
    if not note.ordinals:
        what = f"note {note.guid} makes no card in the note type {note.type.name}"
        return Problem(where, what, "look at its text, and at the card templates in Anki")
    return None


def _type_json(note_type: SeenType) -> Json:
    """Return a note type as `col` holds it. Fields and templates without an id get none."""
    from genanki import Model

    def numbered(id: int | None, **written: str) -> Json:
        return written if id is None else {**written, "id": id}

    fields = [numbered(id, name=name) for name, id in note_type.fields]
    templates = [
        numbered(
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
    # with the mod that Anki has, no import changes a type of a person's, whatever its options
    written = dict(model.to_json(note_type.mod, 1))  # of the default deck
    if note_type.stock:  # Anki's editor knows the type and its fields by these
        written["originalStockKind"] = note_type.stock
        for field, tag in zip(written["flds"], note_type.field_tags, strict=False):
            if tag >= 0:
                field["tag"] = tag
                field["preventDeletion"] = tag < KEPT_FIELDS
    return written


# --- the zip ----------------------------------------------------------------------------


def _zip(path: Path, database: Path, notes: Iterable[Note]) -> None:
    """Pack the database and the pictures, without the current time."""
    by_name: dict[str, Media] = {}
    for note in notes:
        for picture in note.media:
            if is_media_name(picture.name):
                by_name[picture.name] = picture
    pictures = [by_name[name] for name in sorted(by_name)]
    path.unlink(missing_ok=True)
    with (
        path.open("xb") as file,  # not through a link
        # level 1 compresses to a tenth of the size in a third of the default's time
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
    ):
        with (
            database.open("rb") as source,
            package.open(_DATABASE, "w", force_zip64=True) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        names = {str(number): picture.name for number, picture in enumerate(pictures)}
        package.writestr(_stored("media"), json.dumps(names))
        for number, picture in enumerate(pictures):
            with open_regular(Path(picture.path), max_bytes=MAX_PICTURE_BYTES) as image:
                data = image.read()
            if picture_digest(data) != digest_in_name(picture):
                message = f"{picture.path}: changed while the package was made"
                raise ItemError(message, hint="run it again")
            package.writestr(_stored(str(number)), data)
        package.comment = _OURS
        package.close()
        file.flush()
        os.fsync(file.fileno())


def _stored(name: str) -> zipfile.ZipInfo:
    """Return an uncompressed member, dated with the earliest date that a zip can have."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    return info


def is_ours(path: Path) -> bool:
    """Return whether a file is a package of ours.

    Raises:
        OwnFileError: it is a link, or no regular file.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as package:
            return package.comment == _OURS
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
