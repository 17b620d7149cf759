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
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from ankiforge.anki.notes import deck_name
from ankiforge.anki.notetypes import DESIGN_MOD, card_ordinals, is_blank, note_type, ordinals_of
from ankiforge.anki.render import MAX_PICTURE_BYTES, is_media_name
from ankiforge.config.ownfiles import open_regular
from ankiforge.errors import ItemError, RefusedError
from ankiforge.model import (
    Family,
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

Types = Mapping[Family, SeenType]
"""Note types as a person has changed them in Anki."""


def write_package(path: Path, notes: Iterable[Note], types: Types | None = None) -> int:
    """Write the notes to an `.apkg`, and return their number.

    New cards are learnt in the order of the notes. The same notes in the same order give the same
    bytes (within one build of SQLite and zlib). `types` replace our note types. The notes of such a
    family have all its fields in `own`.

    Raises:
        RefusedError: two notes with the same guid, a note without a card, an empty first field.
        ItemError: the file cannot be written or a picture cannot be read.
    """
    written = tuple(notes)
    try:
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            database = Path(folder) / _DATABASE
            with closing(sqlite3.connect(database, isolation_level=None)) as connection:
                _write_database(connection, written, types or {})
            _zip(path, database, [one for note in written for one in note.media])
    except OSError as error:
        raise ItemError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="choose another path with -o, or free space there",
        ) from error
    return len(written)


# --- the database ---------------------------------------------------------------------------

# Safe, because the database is written once, in a temporary folder.
_PRAGMAS = (
    "pragma page_size=16384; pragma journal_mode=off; pragma synchronous=off;"
    " pragma cache_size=-65536;"
)
_NOTE = "insert into notes values(?,?,?,?,-1,?,?,?,0,0,'')"
_CARD = "insert into cards values(?,?,?,?,?,-1,?,?,?,?,?,?,0,0,0,0,0,'')"
_NOTES_PER_INSERT = 1000


def _write_database(connection: sqlite3.Connection, notes: Sequence[Note], types: Types) -> None:
    """Write the tables; the indexes come last, which is many times faster."""
    from genanki import Deck
    from genanki.apkg_col import APKG_COL
    from genanki.apkg_schema import APKG_SCHEMA

    tables, create, indexes = APKG_SCHEMA.partition("CREATE INDEX")
    connection.executescript(f"{_PRAGMAS} {tables} {APKG_COL}")
    connection.execute("begin")
    # the cards that each note makes, by the positions of their templates
    used = {family: types.get(family) or note_type(family) for family in Family}
    places = {family: ordinals_of(used[family], family) or () for family in Family}
    ordinals = {}
    for note in notes:
        if note.guid in ordinals:
            raise RefusedError(
                f"two notes have the guid {note.guid}",
                hint="this is a fault of ankiforge: please report it with this line",
            )
        made = _ordinals(note)
        own = note.family is Family.BASIC and not note.kind
        ordinals[note.guid] = [places[note.family][n] for n in made] if own else [*made]
    # ids, which must not clash within the package
    decks = {note.deck: deck_name(note.deck) for note in notes}
    deck_ids = {name: _deck_id(name) for name in decks.values()}
    note_ids = distinct_ids({guid: note_id(guid) for guid in ordinals})
    wanted: dict[tuple[str, int], int] = {
        (guid, at): card_id(guid, at) for guid, own in ordinals.items() for at in own
    }
    card_ids = distinct_ids(wanted)
    # the tables, whose layout in the file depends on the size of a batch
    numbered = list(enumerate(notes, start=1))
    for start in range(0, len(numbered), _NOTES_PER_INSERT):
        batch = numbered[start : start + _NOTES_PER_INSERT]
        connection.executemany(_NOTE, (
            (note_ids[note.guid], note.guid, (note.kind or used[note.family]).id, note.mod,
             f" {' '.join(note.tags)} " if note.tags else "",
             _SEPARATOR.join(note.own or note.fields), "")
            for _, note in batch
        ))  # fmt: skip
        connection.executemany(_CARD, (
            (card_ids[note.guid, at], note_ids[note.guid], deck_ids[decks[note.deck]], at, note.mod,
             *note.states.get(at, (0, 0, number, 0, 0, 0)))
            for number, note in batch
            for at in ordinals[note.guid]
        ))  # fmt: skip
    (known,) = connection.execute("select decks from col").fetchone()
    written = json.loads(known)
    written |= {str(id): Deck(id, name).to_json() for name, id in deck_ids.items()}
    kinds = {kind.id: kind for kind in (one.kind or used[one.family] for one in notes)}
    models = {str(id): _type_json(kind) for id, kind in kinds.items()}
    both = [json.dumps(one, sort_keys=True, ensure_ascii=False) for one in (written, models)]
    connection.execute("update col set decks = ?, models = ?", both)
    if any(note.states for note in notes):  # days begin at 4 o'clock here
        connection.execute("update col set crt = ?", (int(DAY_ZERO.timestamp()),))
    connection.execute("commit")
    connection.executescript(create + indexes)


def _deck_id(name: str) -> int:
    """Return the id of a deck in the package, where Anki's own has 1."""
    return 1 if name == "Default" else named_id("deck", name)


def distinct_ids(wanted: Mapping[Any, int]) -> dict[Any, int]:
    """Return an id of its own for each name: the id that it wants, else the next free one.

    The first of the sorted names that want an id gets it, so the ids depend only on the set of
    names. Of packages with 100,000 cards, every thirtieth has two cards that want the same id.
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


def refusal(note: Note) -> tuple[Problem, ...]:
    """Return why Anki would reject a note or generate no card from it. () if it is fine."""
    try:
        _ordinals(note)
    except RefusedError as error:
        return (Problem(f"deck {note.deck}", error.message, error.hint),)
    return ()


def _ordinals(note: Note) -> tuple[int, ...]:
    """Return the ordinals of a note's cards. Raise RefusedError if the note must not be shipped."""
    if note.ordinals:
        return note.ordinals
    names = note_type(note.family).names
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


def _type_json(kind: SeenType) -> Json:
    from genanki import Model

    def numbered(id: int | None, **written: str) -> Json:
        return written if id is None else {**written, "id": id}

    model = Model(
        kind.id,
        kind.name,
        fields=[numbered(id, name=name) for name, id in kind.fields],
        templates=[
            numbered(one.id, name=one.name, qfmt=one.question, afmt=one.answer)
            for one in kind.templates
        ],
        css=kind.css,
        model_type=Model.CLOZE if kind.cloze else Model.FRONT_BACK,
    )
    return dict(model.to_json(DESIGN_MOD, 1))  # of the default deck


# --- the zip --------------------------------------------------------------------------------


def _zip(path: Path, database: Path, media: Iterable[Media]) -> None:
    """Pack the database and the pictures, without the current time."""
    shown = {one.name: one for one in media if is_media_name(one.name)}
    pictures = [shown[name] for name in sorted(shown)]
    names = {str(at): picture.name for at, picture in enumerate(pictures)}
    # level 1 compresses to a tenth of the size in a third of the default's time
    path.unlink(missing_ok=True)
    with (
        path.open("xb") as file,  # not through a link
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
    ):
        with (
            database.open("rb") as source,
            package.open(_DATABASE, "w", force_zip64=True) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        package.writestr(_stored("media"), json.dumps(names))
        for at, picture in enumerate(pictures):
            with open_regular(Path(picture.path), most=MAX_PICTURE_BYTES) as image:
                data = image.read()
            if hashlib.sha256(data).hexdigest()[:16] != picture.name[3:19]:
                what = f"{picture.path}: changed while the package was made"
                raise ItemError(what, hint="run it again")
            package.writestr(_stored(str(at)), data)
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
