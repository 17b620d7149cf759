"""The files of the journal: one for each device, with one line of JSON per event.

The directory may be shared between devices, by a synchronization program or by version control. So
lines may arrive late, twice or torn, and files may be replaced. A line that can't be read is
skipped and counted. A last line without a newline is read later. A device writes only into its own
file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from ankiforge.config.files import open_regular
from ankiforge.errors import LedgerError
from ankiforge.ledger import events
from ankiforge.ledger.events import Event, PassageReading, RepairNote, StoredContent
from ankiforge.model import AdoptedNote, Pair, Strings, Texts, UserNoteType, Value, hash16

FILE_EXTENSION = ".jsonl"
MAX_FILE_BYTES = 1 << 30
"""The maximum size of a journal file, enough for the decisions of many decades."""
MAX_LINE_BYTES = 32 << 20
"""The maximum length of a line. The text of a passage in it is at most as long as a note."""
TAIL_BYTES = 4096
"""How many bytes before the read position are hashed, to detect that a file was replaced."""

decode_event = msgspec.json.Decoder(Event).decode


class ReadPosition(Value):
    """How far a journal file has been read."""

    size: int
    """The number of bytes read."""
    tail: str
    """A hash of the last bytes read, which differs if the file was replaced."""
    unreadable: int = 0
    """The number of unreadable lines up to this position."""


NOTHING_READ = ReadPosition(0, "")


class NewLines(NamedTuple):
    """The new lines read from a journal file."""

    events: list[Event]
    unreadable: int
    """The number of unreadable lines in the whole file, including a torn last line."""
    was_replaced: bool
    """Whether the file was replaced since it was last read, so that it may lack lines."""
    position: ReadPosition | None
    """The new read position, or None if there are no new lines."""


class AppendedSpan(NamedTuple):
    """Where lines were appended to a journal file."""

    old_size: int
    """The size of the file in bytes before the append."""
    new_size: int
    """The size of the file in bytes after the append."""


class JournalFiles:
    """Reads all files in the journal directory, and appends to the file of this device."""

    def __init__(self, directory: Path, device_id: str) -> None:
        self._directory = directory
        self.own_path = directory / f"{device_id}{FILE_EXTENSION}"

    def list_names(self) -> list[str]:
        """Return the sorted names of all journal files."""
        return sorted(path.name for path in self._directory.glob(f"*{FILE_EXTENSION}"))

    def is_fully_read(self, name: str, position: ReadPosition | None) -> bool:
        """Return whether a file was read to its end and hasn't changed since.

        `position` is the position up to which it was read, or None if it was never read.
        """
        if position is None:
            return False
        try:
            with open_regular(self._directory / name, max_bytes=MAX_FILE_BYTES) as file:
                is_longer = file.seek(0, os.SEEK_END) > position.size
                return not is_longer and _hash_tail(file, position.size) == position.tail
        except OSError:
            return False

    def read_new_lines(self, name: str, position: ReadPosition | None) -> NewLines:
        """Read the lines that were added to a file since it was last read.

        If the file was replaced, it is read from the start. `position` is the position up to which
        it was last read, or None if it was never read.

        Raises:
            LedgerError: The file can't be read.
        """
        path = self._directory / name
        try:
            with open_regular(path, max_bytes=MAX_FILE_BYTES) as file:
                was_replaced = (
                    position is not None
                    and _hash_tail(file, position.size) != position.tail
                )
                if position is None or was_replaced:
                    position = NOTHING_READ
                start = position.size
                unreadable = position.unreadable
                events = []
                end = start
                file.seek(start)
                for size, line in _iter_complete_lines(file):
                    end += size
                    event = _parse_event(line)
                    if event is not None:
                        events.append(event)
                    elif line.strip():
                        unreadable += 1
                file.seek(end)
                is_torn = bool(file.read(MAX_LINE_BYTES).strip())
                new_position = None
                if end > start or position is NOTHING_READ:
                    new_position = ReadPosition(end, _hash_tail(file, end), unreadable)
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror}"
            hint = "allow reading, or restore the file"
            raise LedgerError(message, hint=hint) from error
        return NewLines(
            events,
            unreadable=unreadable + is_torn,
            was_replaced=was_replaced,
            position=new_position,
        )

    def read_event_ids(self) -> set[str]:
        """Read all files, and return the ids of their events."""
        ids = set()
        for name in self.list_names():
            with open_regular(self._directory / name, max_bytes=MAX_FILE_BYTES) as file:
                for _, line in _iter_complete_lines(file):
                    event = _parse_event(line)
                    if event is not None:
                        ids.add(event.id)
        return ids

    def append(self, events: Iterable[Event]) -> AppendedSpan:
        """Append events to this device's file and flush it to disk. If that fails, none is added.

        Returns the appended span, which `undo_append` takes.

        Raises:
            LedgerError: The file can't be written.
        """
        encoded = [msgspec.json.encode(event) + b"\n" for event in events]
        lines = b"".join(encoded)
        try:
            with open_regular(
                self.own_path, os.O_RDWR | os.O_CREAT | os.O_APPEND
            ) as file:
                size = file.seek(0, os.SEEK_END)
                if size:
                    # end a torn last line first, so that it can't damage the next one
                    file.seek(size - 1)
                    if file.read(1) != b"\n":
                        lines = b"\n" + lines
                    file.seek(0, os.SEEK_END)
                try:
                    file.write(lines)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), size)
                    raise
        except OSError as error:
            reason = error.strerror or error
            message = f"{self.own_path}: the decision was not recorded: {reason}"
            hint = "free space there, or allow writing, and try again"
            raise LedgerError(message, hint=hint) from error
        return AppendedSpan(size, size + len(lines))

    def undo_append(self, old_size: int, new_size: int) -> None:
        """Undo an append by truncating this device's file, unless more has been appended since.

        `old_size` and `new_size` are the file sizes before and after the append.
        """
        with suppress(OSError), open_regular(self.own_path, os.O_RDWR) as file:
            if file.seek(0, os.SEEK_END) == new_size:
                os.ftruncate(file.fileno(), old_size)
                os.fsync(file.fileno())

    def compute_own_read_position(self, size: int, unreadable: int) -> ReadPosition:
        """Return the read position at byte `size` of this device's file."""
        with open_regular(self.own_path) as file:
            return ReadPosition(size, _hash_tail(file, size), unreadable)


def _hash_tail(file: IO[bytes], size: int) -> str:
    """Hash the last bytes before offset `size`, or return "" if the file is too short."""
    if file.seek(0, os.SEEK_END) < size:
        return ""
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read(min(size, TAIL_BYTES))
    return sha256(tail).hexdigest()[:16]


def _iter_complete_lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line that ends with a newline, and its size in bytes.

    A line that is too long is replaced by invalid JSON.
    """
    while data := file.readline(MAX_LINE_BYTES):
        size = len(data)
        is_too_long = size == MAX_LINE_BYTES
        while is_too_long and not data.endswith(b"\n"):
            data = file.readline(MAX_LINE_BYTES)
            size += len(data)
            if not data:
                return
        if not data.endswith(b"\n"):
            return
        yield size, b"too long" if is_too_long else data


def _parse_event(line: bytes) -> Event | None:
    try:
        event = decode_event(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return event if is_valid_event(event) else None


# --- the bodies of events ---------------------------------------------------------------

# `replay_events` doesn't check the bodies of events, so a line whose body has the wrong shape
# counts as damaged. Unknown keys are ignored, because a newer version may have written them.

MAX_EVENT_NUMBER = 1 << 62
"""The limit for event numbers, which leaves room for later events in SQLite's integers."""


class _Body(PassageReading, kw_only=True):
    """The types of all keys that the body of an event may have, whatever the kind of event.

    It is only used to validate bodies. No instance of it is ever read.
    """

    exact: str = ""
    old: str = ""
    event: str = ""
    # decisions on text
    guid: str = ""
    draft: StoredContent | UnsetType = UNSET
    slot: str = ""
    deck: str = ""
    added: Strings = ()
    removed: Strings = ()
    tags: Strings = ()
    forced: bool = False
    passed: Strings = ()
    of: str = ""
    sentences: Strings = ()
    passage: Strings = ()
    proposal: bool = False
    instead: str = ""
    found: bool = False
    typed: Strings = ()
    note: AdoptedNote | None = None
    schedule: tuple[tuple[str, int, int], ...] = ()
    fields: Texts = {}
    over: Mapping[str, Pair] = {}
    """The user's text in Anki that the edit replaces, by field, as (hash of its HTML, Markdown)."""
    offered: Texts = {}
    """The other text of each field that the user is asked about again."""
    content: str = ""
    why: str = ""
    # answers
    choice: str = ""
    read: Strings = ()
    field: str = ""
    theirs: str = ""
    ours: str = ""
    was: str = ""
    # packages
    mod: int = 0
    digest: str = ""
    numbers: Texts = {}
    hashes: Texts = {}
    type: UserNoteType | UnsetType = UNSET
    names: Texts = {}
    # chosen passages
    page: int = 0
    start: int = 0
    title: str = ""
    # repairs
    name: str = ""
    nid: int = 0
    new: tuple[RepairNote, ...] = ()


REQUIRED_KEYS = {
    "key": "exact",
    "text": "exact",
    "accept": "guid draft",
    "adopt": "guid",
    "revise": "guid draft",
    "edit": "guid fields",
    "placed": "guid",
    "reject": "content",
    "retire": "guid",
    "skip": "",
    "fact": "of sentences passage",
    "form": "choice",
    "dialects": "read",
    "decline": "",
    "mark": "exact container place page start",
    "repair": "name nid",
    "undo": "event",
    "ask": "old",
    "same": "old",
    "different": "old",
    "resolve": "guid field choice theirs ours",
    "shipped": "guid mod digest",
    "pictures": "guid names",
    "seen": "guid",
    "unseen": "guid",
}
"""The keys that the body of each kind of event must have. `event_replay` defines the effects."""


_EVENT_MODULES = (events.__file__, __file__)
EVENT_FORMAT_HASH = hash16(
    *[Path(module).read_text(encoding="utf-8") for module in _EVENT_MODULES]
)
"""A hash of the modules that define events. When it changes, all files are reread, because the
program may now know lines that it could not read before."""


def is_known_event(event: Event) -> bool:
    """Return whether this version of the program knows an event's kind."""
    return event.kind in REQUIRED_KEYS


def is_valid_event(event: Event) -> bool:
    """Return whether the body of an event has the keys and types that its kind requires.

    An event of an unknown kind may have any body.
    """
    if not 0 <= event.number < MAX_EVENT_NUMBER:
        return False
    if not is_known_event(event):
        return True
    try:
        msgspec.convert(event.body, _Body)
    except msgspec.ValidationError:
        return False
    return all(name in event.body for name in REQUIRED_KEYS[event.kind].split())
