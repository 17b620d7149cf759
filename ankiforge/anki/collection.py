"""Read an Anki collection or export without changing it.

    with open_view(path) as view:
        for note in view.notes(): ...

A live collection is copied and never opened in place. Exports are unpacked. The copy lies
in a temporary folder that is deleted when the view is closed. The file may be malicious,
so its size, tables and values are checked.
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
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, cast

from ankiforge.anki.database import (
    Database,
    deck_names,
    note_types,
    number_of,
    numbers,
    open_database,
    other_note_types,
    read_message,
    texts,
)
from ankiforge.anki.notetypes import OUR_FAMILIES, our_note_type, parse_identity
from ankiforge.anki.profiles import (
    COLLECTION,
    LOG_SUFFIXES,
    resolved,
    state_of,
)
from ankiforge.anki.templates import fields_shown
from ankiforge.errors import ItemError
from ankiforge.model import (
    Fields,
    ForeignNote,
    Guid,
    NoteInAnki,
    SeenReview,
    SeenTemplate,
    SeenType,
    Value,
    ViewKind,
)
from ankiforge.text import regex

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
                    is_main_file = not suffix
                    if is_main_file:
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
            members = [name for name in _MEMBERS.values() if name in names]
            newest = members[0] if members else ""
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

    databases: tuple[Database, ...]
    """One; of a running Anki, one for each exported deck."""
    kind: ViewKind
    path: str
    """The file, or the address of that Anki."""
    profile: str
    types: tuple[SeenType, ...]
    """Our note types, and those of the notes that are shown."""
    decks: dict[int, str]
    """The names of all decks, by id; of a running Anki, those of the exported ones."""
    complete: bool
    """Whether it has the whole collection, or all our notes: absent ones are not in Anki."""

    @property
    def created(self) -> int:
        """When the collection was created, in seconds; 0 in an export of some decks."""
        times = {database.created for database in self.databases}
        is_known = self.kind is not ViewKind.APKG and len(times) == 1
        return times.pop() if is_known else 0

    @property
    def note_count(self) -> int:
        """The number of the notes that `notes` yields, or somewhat more."""
        count = "SELECT count(*) FROM temp.chosen"
        return sum(row[0] for each in self.databases for row in each.rows(count))

    def notes(self) -> Iterator[NoteInAnki]:
        """Yield the notes in `temp.chosen`: ours by guid, or everyone's by id.

        A card in a filtered deck is in the export of that deck only, so the cards of a
        note may come from several exports.
        """
        cards_of: dict[int, dict[int, list[Any]]] = {}
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
            identity = None
            for parsed in map(parse_identity, fields):
                if parsed and parsed.guid == guid:
                    identity = parsed
                    break
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
            yield from other_note_types(database, known)

    def reviews(self) -> Iterator[SeenReview]:
        """Yield the reviews of our notes' cards, by review id."""
        rows = merge(*(database.rows(_REVIEWS) for database in self.databases))
        last = 0
        for id, guid, *answer in rows:
            if id != last:  # a card may be in two exports
                yield SeenReview(id, Guid(guid), *answer)
            last = id

    def graves(self) -> frozenset[int] | None:
        """Return the ids of notes deleted since the last full sync; None of a running Anki."""
        if self.kind is ViewKind.CONNECT:  # AnkiConnect does not report them
            return None
        # cards and decks have graves of other types
        query = f"select {numbers('oid')} from graves where type = 1"
        return frozenset(id for (id,) in self.databases[0].rows(query))

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """Return the ids of foreign notes, and those notes whose mod is not the known one.

        Args:
            known: the mod of each note when it was read last, by id.

        Returns:
            None if the view does not contain the whole collection.
        """
        if self.kind in (ViewKind.APKG, ViewKind.CONNECT):
            return None
        mods: dict[int, int] = dict(self.databases[0].rows(_FOREIGN_IDS))
        changed = []
        for id, mod in mods.items():
            if known.get(id) != mod:
                changed.append(id)
        return frozenset(mods), self._foreign_notes(changed)

    def _foreign_notes(self, ids: list[int]) -> Iterator[ForeignNote]:
        """Yield these notes, which are not ours, with the text of their fields."""
        [database] = self.databases
        types: dict[int, SeenType | None] = {}
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
        is_live = kind is ViewKind.COLLECTION and path.name == COLLECTION
        ours = {our_note_type(family).id for family in OUR_FAMILIES}
        used_types = {id for (id,) in database.rows(_USED_TYPES)}
        yield View(
            databases=(database,),
            kind=kind,
            path=str(path),
            profile=path.resolve().parent.name if is_live else "",
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
    notes: frozenset[int],
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
        databases: list[Database] = []
        types: dict[int, SeenType] = {}
        decks: dict[int, str] = {}
        exported: set[int] = set()
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
    folded_names = [name.casefold() for name in note_type.names]
    html_of = dict(zip(folded_names, fields, strict=False))
    template = SeenTemplate("", None, "", "")
    if note_type.templates:
        template = note_type.templates[0]
    asked = map(str.casefold, fields_shown(template.question))
    shown = map(str.casefold, fields_shown(template.answer))
    front = [name for name in asked if name in html_of]
    if not front:
        front = list(html_of)[:1]
    order = (*front, *shown, *html_of)
    text_of = {}
    for name in order:
        text_of[name] = _plain_text(html_of.get(name, ""))
    question = ""
    for name in front:
        question = question or text_of[name]
    answer = ""
    for name, text in text_of.items():
        if name not in front and text != question:
            answer = answer or text
    if not question or not answer:
        return ()
    return (("Front", question), ("Back", answer))


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
