"""Read an Anki collection or export without changing it.

    with open_view(path) as view:
        for note in view.notes(): ...

A live collection is copied and never opened in place. Exports are unpacked. The copy lies in a
temporary folder that is deleted when the view is closed. The file may be malicious, so its size,
tables and values are checked.
"""

from __future__ import annotations

import html
import json
import shutil
import stat
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, cast

from msgspec.structs import replace

from ankiforge.anki.database import (
    Database,
    deck_names,
    note_types,
    number_of,
    numbers,
    open_database,
    read_message,
    texts,
)
from ankiforge.anki.notetypes import note_type, parse_identity
from ankiforge.anki.profiles import COLLECTION, LOG_SUFFIXES, resolved, state_of
from ankiforge.errors import ItemError
from ankiforge.model import (
    Family,
    Fields,
    ForeignNote,
    Guid,
    SeenCard,
    SeenNote,
    SeenReview,
    SeenTemplate,
    SeenType,
    Value,
    ViewKind,
)
from ankiforge.text import regex
from ankiforge.text.tools import KEY_FIELDS, key_number

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError, ZstdFile
else:
    from backports.zstd import ZstdError, ZstdFile


# --- copying a collection -------------------------------------------------------------------

# Anki writes to a log next to the file (`-wal`). Its locks would be broken by SQLite in another
# process, or block it. So the live file is never opened but copied: first the log, then the main
# file, and both again if either changed during the copy.
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.25
# Two changes within this time may leave the same modification time.
_TICK_SECONDS = 0.02


def _copy_collection(path: Path, target: Path) -> None:
    """Copy a collection and its logs. Raise ItemError if it never stops changing."""
    source = resolved(path)
    for _ in range(_ATTEMPTS):
        before, now = state_of(source), time.time()
        if not any(part and 0 <= now - part[1] / 1e9 < _TICK_SECONDS for part in before):
            for end in (*LOG_SUFFIXES, ""):  # the main file last
                copy = target.with_name(target.name + end)
                copy.unlink(missing_ok=True)
                try:
                    shutil.copyfile(source.with_name(source.name + end), copy)
                except FileNotFoundError:
                    if not end:
                        raise
            if state_of(source) == before:
                return
        time.sleep(_PAUSE_SECONDS)
    raise ItemError(
        f"{path}: keeps changing while it is copied",
        hint="wait until Anki is idle, or close it",
    )


# --- unpacking an export --------------------------------------------------------------------

# The database file by the version in `meta`. A newer export also contains an older file as a decoy.
_MEMBERS = {3: "collection.anki21b", 2: "collection.anki21", 1: "collection.anki2"}
_CHUNK_BYTES = 1 << 20
_MAX_DATABASE = 8 << 30
_MAX_SMALL_DATABASE = 64 << 20
# A database of text compresses to about a tenth. A hundredfold expansion is a zip bomb.
_MAX_RATIO = 100
_EXPORT_AGAIN = "export it from Anki once more"
# What `zipfile` raises for a file that is broken, encrypted or packed in a way it does not know.
_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, ZstdError
)  # fmt: skip


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
                while piece := source.read(_CHUNK_BYTES):
                    if file.tell() + len(piece) > limit:
                        what = f"{path}: is larger than {limit >> 20} MiB when unpacked"
                        raise ItemError(what, hint=_EXPORT_AGAIN)
                    file.write(piece)
    except _BROKEN_ZIP as error:
        what = f"{path}: this export of Anki is broken or cut off ({error})"
        raise ItemError(what, hint=_EXPORT_AGAIN) from error


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the archive member that holds the database."""
    names, version = set(archive.namelist()), 0
    if "meta" in names and archive.getinfo("meta").file_size <= _CHUNK_BYTES:
        with suppress(ValueError):
            version = number_of(read_message(archive.read("meta")), 1)
    if version > max(_MEMBERS):
        raise ItemError(
            f"{path}: exported by a newer Anki than this version supports",
            hint="update ankiforge, or tick “Support older Anki versions” when exporting",
        )
    found = next((name for name in _MEMBERS.values() if name in names), "")
    if not found or _MEMBERS.get(version, found) not in names:
        raise ItemError(f"{path}: it contains no Anki collection", hint=_EXPORT_AGAIN)
    return archive.getinfo(found)


# --- the view -------------------------------------------------------------------------------

# The home deck, also of a card that is in a filtered deck.
_HOME = "iif(c.odid, c.odid, c.did)"
_NOTES = f"""
select o.nid, {texts("iif(o.place = '', n.guid, o.place)")}, {numbers("n.mod", "n.mid")}, {texts("n.tags", "n.flds")}
from temp.chosen o cross join notes n on n.id = o.nid
order by o.place, o.nid
"""
_CARDS = f"""
select o.nid, {numbers("c.id", "c.ord", _HOME, "c.reps", "c.lapses", "c.queue = -1")}
from temp.chosen o cross join cards c on c.nid = o.nid
order by o.place, o.nid, c.ord, c.id
"""
_REVIEWS = f"""
select r.id, o.place, {numbers("r.ease", "r.ivl", "r.time", "r.type")}
from revlog r cross join cards c on c.id = r.cid cross join temp.chosen o on o.nid = c.nid
where r.id > ?
order by r.id
"""
_FOREIGN_IDS = (
    f"select {numbers('id', 'mod')} from notes where id not in (select nid from temp.chosen)"
)
_FOREIGN_NOTES = f"""
select n.id, {numbers("n.mod", "n.mid")}, {texts("n.flds")},
  (select {_HOME} from cards c where c.nid = n.id order by c.ord limit 1)
from notes n where n.id in (select value from json_each(?))
"""


class CollectionView(Value):
    """An open collection or export."""

    database: Database
    kind: ViewKind
    path: str
    profile: str
    types: tuple[SeenType, ...]
    decks: dict[int, str]

    @property
    def complete(self) -> bool:
        """Whether the view contains the whole collection, so that absent notes are not in Anki."""
        return self.kind is not ViewKind.APKG

    @property
    def created(self) -> int:
        """When the collection was created, in seconds; 0 in an export of some decks."""
        return self.database.created if self.complete else 0

    def notes(self) -> Iterator[SeenNote]:
        """Yield the notes with our guids, by guid; of a view of everyone's notes all, by id."""
        groups = groupby(self.database.rows(_CARDS), key=itemgetter(0))
        of, rows = next(groups, (None, iter(())))
        for id, guid, mod, kind, tags, text in self.database.rows(_NOTES):
            cards: tuple[SeenCard, ...] = ()
            if of == id:
                cards = tuple(
                    SeenCard(card, at, self.decks.get(deck, ""), reps, lapses, bool(suspended))
                    for _, card, at, deck, reps, lapses, suspended in rows
                )
                of, rows = next(groups, (None, iter(())))
            fields = tuple(text.split("\x1f"))
            # any field: a person may have changed the note's type in Anki
            found = (parse_identity(field) for field in fields)
            identity = next((parsed for parsed in found if parsed and parsed.guid == guid), None)
            words = tuple(filter(None, tags.replace("\u3000", " ").split(" ")))
            yield SeenNote(Guid(guid), id, mod, kind, words, fields, cards, identity)

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """Yield the reviews of our notes' cards, by review id."""
        for id, guid, *rest in self.database.rows(_REVIEWS, after):
            yield SeenReview(id, Guid(guid), *rest)

    def graves(self) -> frozenset[int]:
        """Return the ids of notes deleted since the last full sync."""
        # cards and decks have graves of other types
        query = f"select {numbers('oid')} from graves where type = 1"
        return frozenset(id for (id,) in self.database.rows(query))

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """Return the ids of foreign notes, and those notes whose mod changed. None if partial."""
        if not self.complete:
            return None
        mods: dict[int, int] = dict(self.database.rows(_FOREIGN_IDS))
        changed = [id for id, mod in mods.items() if known.get(id) != mod]
        return frozenset(mods), self._foreign_notes(changed)

    def _foreign_notes(self, ids: list[int]) -> Iterator[ForeignNote]:
        types = {}
        for id, mod, kind, text, deck in self.database.rows(_FOREIGN_NOTES, json.dumps(ids)):
            if kind not in types:
                types[kind] = next(iter(note_types(self.database, (kind,))), None)
            fields = text.split("\x1f")
            words = _foreign_fields(types[kind], fields)
            other_id = _other_id(types[kind], fields)
            yield ForeignNote(id, mod, self.decks.get(deck or 0, ""), words, other_id)


@contextmanager
def open_view(path: Path, adopted: Mapping[str, str] | None = {}) -> Iterator[CollectionView]:
    """Open a collection or an export for reading.

    Args:
        path: a `collection.anki2`, an `.apkg` or a `.colpkg`. The view of a `collection.anki2` is
            named after its folder, the profile.
        adopted: notes of other tools that are ours now (their guids: those of our cards); None = all
            notes are shown, not only ours.

    Raises:
        ItemError: the file cannot be read.
    """
    with ExitStack() as stack:
        try:
            kind = _kind_of(path)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ankiforge-"))
            copy = Path(folder) / COLLECTION
            (_copy_collection if kind is ViewKind.COLLECTION else _unpack)(path, copy)
        except OSError as error:
            raise _unreadable(path, error) from error
        database = stack.enter_context(open_database(copy, str(path), adopted))
        is_live = kind is ViewKind.COLLECTION and path.name == COLLECTION
        used = f"select distinct {numbers('n.mid')} from temp.chosen o join notes n on n.id = o.nid"
        types = {id for (id,) in database.rows(used)} | {note_type(one).id for one in Family}
        yield CollectionView(
            database, kind, str(path), path.resolve().parent.name if is_live else "",
            note_types(database, types), deck_names(database),
        )  # fmt: skip


class ConnectView(Value):
    """What a running Anki has of ours: exports of its decks as one view."""

    exports: Sequence[CollectionView]
    path: str
    """The address of that Anki."""
    profile: str
    complete: bool
    """Whether the exports contain all our notes."""

    @property
    def kind(self) -> ViewKind:
        """The kind of data that is read."""
        return ViewKind.CONNECT

    @property
    def created(self) -> int:
        """When the collection was created; 0 if there is no export."""
        found = {view.database.created for view in self.exports}
        return found.pop() if len(found) == 1 else 0

    @property
    def types(self) -> tuple[SeenType, ...]:
        """The note types of our notes."""
        return tuple({one.id: one for view in self.exports for one in view.types}.values())

    def notes(self) -> Iterator[SeenNote]:
        """Yield our notes, by guid. Cards in a filtered deck are in the export of that deck only."""
        found: dict[tuple[str, int], SeenNote] = {}
        for note in (note for view in self.exports for note in view.notes()):
            before = found.get((note.guid, note.id))
            if before:
                cards = {card.id: card for card in (*before.cards, *note.cards)}.values()
                note = replace(note, cards=tuple(sorted(cards, key=lambda card: card.ordinal)))
            found[note.guid, note.id] = note
        yield from (found[at] for at in sorted(found))

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """Yield the reviews of our notes' cards, by review id."""
        found = {one.id: one for view in self.exports for one in view.reviews(after)}
        yield from (found[id] for id in sorted(found))

    def graves(self) -> None:
        """Return None: AnkiConnect does not tell what was deleted."""

    def foreign(self, known: Mapping[int, int]) -> None:
        """Return None: the exports lack other decks."""


View = CollectionView | ConnectView


@contextmanager
def connect_view(
    exports: Sequence[Path],
    adopted: Mapping[str, str] = {},
    *,
    address: str,
    profile: str,
    notes: frozenset[int],
) -> Iterator[ConnectView]:
    """Open the exports of a running Anki as one view.

    Args:
        exports: `.apkg` files exported just now, with scheduling.
        address: the address of that Anki.
        profile: its open profile.
        adopted: as in `open_view`.
        notes: the ids of all our notes. The view is complete if the exports contain all of them.

    Raises:
        ItemError: one of the files cannot be read.
    """
    with ExitStack() as stack:
        views = [stack.enter_context(open_view(path, adopted)) for path in exports]
        rows = (view.database.rows(f"select {numbers('id')} from notes") for view in views)
        found = {id for some in rows for (id,) in some}
        yield ConnectView(views, address, profile, notes <= found)


_EXPECTED = "name the collection.anki2 of a profile, or an .apkg or .colpkg that Anki exported"


def _kind_of(path: Path) -> ViewKind:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ItemError(f"{path}: not a file", hint=_EXPECTED)
    with path.open("rb") as file:
        start = file.read(16)
    if start == b"SQLite format 3\0":
        return ViewKind.COLLECTION
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise ItemError(f"{path}: neither a collection nor an export of Anki", hint=_EXPECTED)
    return ViewKind.COLPKG if path.suffix.lower() == ".colpkg" else ViewKind.APKG


def _unreadable(path: Path, error: OSError) -> ItemError:
    if isinstance(error, FileNotFoundError | NotADirectoryError) and error.filename:
        return ItemError(f"{path}: no such file", hint=_EXPECTED)
    if isinstance(error, PermissionError):
        hint = "let your user read it (macOS: Privacy & Security › Full Disk Access)"
        return ItemError(f"{path}: permission denied", hint=hint)
    hint = f"free space in {tempfile.gettempdir()}"
    return ItemError(f"{path}: cannot be copied: {error.strerror or error}", hint=hint)


# --- notes that are not ours ----------------------------------------------------------------

# The number of characters kept of a side. Useful cards are not longer.
_MAX_SIDE = 2000
# The number of characters read of a field. Broken markup takes quadratic time.
_MAX_FIELD = 10_000
_TEMPLATE_FIELD = regex(r"\{\{([^{}#^/]+)\}\}")
_NOT_TEXT = regex(
    r"(?is)<(style|script)\b.*?(?:</\1\s*>|\Z)|\[sound:[^\]]*\]|\[latex\].*?(?:\[/latex\]|\Z)"
    r"|\[\$\$?\].*?(?:\[/\$\$?\]|\Z)|\[anki:[^\]]*\]"
)
_BREAK = regex(r"(?i)<(?:br|/?div|/?p|/?li|hr|/?tr)\b[^>]*>")
_TAG = regex(r"(?s)<!--.*?(?:-->|\Z)|<[^>]*>")
_EMBEDDED_PICTURE = regex(r"data:[^\s\"'<>]{100,}")
_CUT_TAG = regex(r"<[^<>]*\Z")


def _other_id(kind: SeenType | None, fields: list[str]) -> str:
    """Return the id that the tool which made a note keeps in a field; "" if there is none."""
    named = dict(zip(kind.names, fields, strict=False)) if kind else {}
    keys = (key_number(_plain_text(named[name])) for name in KEY_FIELDS if name in named)
    return next(filter(None, keys), "")


def _foreign_fields(kind: SeenType | None, fields: list[str]) -> Fields:
    """Return the plain text of a note of any type as Front and Back, or Text. () without text.

    The first template decides which fields are the question and which the answer. Pictures, sounds
    and rendered LaTeX are left out, because they cannot be compared as text.
    """
    if kind is None:
        return ()
    if kind.cloze:
        text = next((field for field in fields if "{{c" in field), "")
        shown = "" if "image-occlusion:" in text else _plain_text(text)
        return (("Text", shown),) if shown else ()

    sides = dict(zip(map(str.casefold, kind.names), fields, strict=False))
    template = next(iter(kind.templates), SeenTemplate("", None, "", ""))
    front = [name for name in _named_in(template.question) if name in sides] or [*sides][:1]
    order = (*front, *_named_in(template.answer), *sides)
    texts = {name: _plain_text(sides.get(name, "")) for name in order}
    asked = next(filter(None, map(texts.get, front)), "")
    rest = (text for name, text in texts.items() if name not in front)
    answer = next((text for text in rest if text not in ("", asked)), "")
    return (("Front", asked), ("Back", answer)) if asked and answer else ()


def _named_in(template: str) -> list[str]:
    """Return the names of a template's fields, in order: `{{text:Front}}`, `{{type:Back}}`."""
    names = _TEMPLATE_FIELD.findall(template)
    return [name.rpartition(":")[2].strip().casefold() for name in names]


def _plain_text(field: str) -> str:
    if len(field) > _MAX_FIELD:
        field = _CUT_TAG.sub("", _EMBEDDED_PICTURE.sub("", field)[:_MAX_FIELD])
    if "<" in field or "[" in field:
        field = _TAG.sub("", _BREAK.sub(" ", _NOT_TEXT.sub(" ", field)))
    if "&" in field:
        field = html.unescape(field)
    return " ".join(field.split())[:_MAX_SIDE]
