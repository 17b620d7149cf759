"""The files of the journal: one for each machine, a JSON line per event.

The folder may be shared, by a program that synchronises it or by version control. So
lines arrive late, twice or torn, and files are replaced. A line that cannot be read is
skipped and counted; a last line without its end is read later.

What must stay true: no machine writes into the file of another.
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

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import LedgerError
from ankiforge.ledger import events
from ankiforge.ledger.events import Event, RepairNote, Text, Wording
from ankiforge.model import Adopted, MappedType, Pair, Strings, Texts, Value, h16
from ankiforge.text import regex

ENDING = ".jsonl"
LARGEST_BYTES = 1 << 30
"""The largest file of a journal that is read: the decisions of many decades."""
LINE_BYTES = 32 << 20
"""The longest line that is read. A passage has at most the length of a note."""
TAIL_BYTES = 4096
"""Before the place up to which a file was read: they show whether it is still the same
file."""

decode_event = msgspec.json.Decoder(Event).decode


class ReadUpTo(Value):
    """How far a file of the journal was read."""

    size: int
    tail: str
    """A hash of the bytes before `size`: another one means that the file was replaced."""
    unreadable: int = 0
    """Lines that could not be read."""


class NewLines(NamedTuple):
    """The new lines of a file of the journal."""

    events: list[Event]
    unreadable: int
    """Lines of the whole file that cannot be read, with a torn last one."""
    was_replaced: bool
    """Whether the file is another one than before, which may lack some lines."""
    read_up_to: ReadUpTo | None
    """None if nothing is new."""


class JournalFiles:
    """The folder of the journal, and the file in it that is this machine's own."""

    def __init__(self, folder: OwnPath, machine: str) -> None:
        self._folder = folder
        self.own = folder / f"{machine}{ENDING}"

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        return [path.name for path in self._folder.listed(ENDING)]

    def is_read(self, name: str, before: ReadUpTo | None) -> bool:
        """Return whether a file was read to its end, and is the same."""
        if before is None:
            return False
        try:
            with (self._folder / name).open(max_bytes=LARGEST_BYTES) as file:
                is_longer = file.seek(0, os.SEEK_END) > before.size
                return not is_longer and _tail(file, before.size) == before.tail
        except OSError:
            return False

    def read_new(self, name: str, before: ReadUpTo | None) -> NewLines:
        """Read on in a file from where it was read before, or all of it if it was replaced.

        Raises:
            LedgerError: it cannot be read.
        """
        path = self._folder / name
        try:
            with path.open(max_bytes=LARGEST_BYTES) as file:
                is_same = before is not None and _tail(file, before.size) == before.tail
                start = before.size if before and is_same else 0
                unreadable = before.unreadable if before and is_same else 0
                events = []
                end = start
                file.seek(start)
                for size, line in _whole_lines(file):
                    end += size
                    event = _sound_event(line)
                    if event is not None:
                        events.append(event)
                    elif line.strip():
                        unreadable += 1
                file.seek(end)
                is_torn = bool(file.read(LINE_BYTES).strip())
                read_up_to = None
                if end > start or not is_same:
                    read_up_to = ReadUpTo(end, _tail(file, end), unreadable)
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror}"
            hint = "allow reading, or restore the file"
            raise LedgerError(message, hint=hint) from error
        return NewLines(
            events,
            unreadable=unreadable + is_torn,
            was_replaced=before is not None and not is_same,
            read_up_to=read_up_to,
        )

    def ids(self) -> set[str]:
        """Return the ids of the events of all files."""
        ids = set()
        for path in self._folder.listed(ENDING):
            with path.open(max_bytes=LARGEST_BYTES) as file:
                for _, line in _whole_lines(file):
                    event = _sound_event(line)
                    if event is not None:
                        ids.add(event.id)
        return ids

    def append(self, events: Iterable[Event]) -> tuple[int, int]:
        """Append lines to the own file durably, or not at all.

        Return its size before and after.

        Raises:
            LedgerError: it cannot be written.
        """
        encoded = [msgspec.json.encode(event) + b"\n" for event in events]
        lines = b"".join(encoded)
        try:
            with self.own.open(os.O_RDWR | os.O_CREAT | os.O_APPEND) as file:
                size = file.seek(0, os.SEEK_END)
                if size:
                    # a torn last line is ended first, so that it damages no other
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
            message = f"{self.own}: the decision was not recorded: {reason}"
            hint = "free space there, or allow writing, and try again"
            raise LedgerError(message, hint=hint) from error
        return size, size + len(lines)

    def take_back(self, before: int, after: int) -> None:
        """Take the last lines out of the own file, unless more were appended since.

        Args:
            before: its size without them.
            after: its size with them.
        """
        with suppress(OSError), self.own.open(os.O_RDWR) as file:
            if file.seek(0, os.SEEK_END) == after:
                os.ftruncate(file.fileno(), before)
                os.fsync(file.fileno())

    def own_read_up_to(self, size: int, unreadable: int) -> ReadUpTo:
        """Return the mark for an own file read up to a size, in bytes."""
        with self.own.open() as file:
            return ReadUpTo(size, _tail(file, size), unreadable)


def _tail(file: IO[bytes], size: int) -> str:
    """Return a hash of the bytes before `size`; "" if the file is shorter."""
    if file.seek(0, os.SEEK_END) < size:
        return ""
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read(min(size, TAIL_BYTES))
    return sha256(tail).hexdigest()[:16]


def _whole_lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines up to the last one that has its end, each with its size in bytes."""
    while data := file.readline(LINE_BYTES):
        size = len(data)
        is_too_long = size == LINE_BYTES
        while is_too_long and not data.endswith(b"\n"):
            data = file.readline(LINE_BYTES)
            size += len(data)
            if not data:
                return
        if not data.endswith(b"\n"):
            return
        yield size, b"too long" if is_too_long else data


def _sound_event(line: bytes) -> Event | None:
    """Return the event of a line; None if the line is damaged."""
    if is_too_deep(line):
        return None
    try:
        event = decode_event(line)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return event if is_sound(event) else None


# --- what the body of each kind of event holds ------------------------------------------

# `fold` takes bodies as they are; what is not of its shape is a damaged line. Unknown keys are
# let be: a newer version may have written them.

MOST_N = 1 << 62
"""Larger numbers leave no room for later events in SQLite's integers."""


class _Body(Text, kw_only=True):
    """All that bodies may hold: a key has one meaning, in whatever kind of event.

    Only the types are compared; values and defaults are never read.
    """

    exact: str = ""
    old: str = ""
    beside: bool = False
    event: str = ""
    # decisions on words
    guid: str = ""
    draft: Wording | UnsetType = UNSET
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
    note: Adopted | None = None
    schedule: tuple[tuple[str, int, int], ...] = ()
    fields: Texts = {}
    over: Mapping[str, Pair] = {}
    """By field, a person's words in Anki that these replace: hash of the HTML, and Markdown."""
    offered: Texts = {}
    """The other words of a field about which a person is asked again."""
    content: str = ""
    why: str = ""
    # answers
    choice: str = ""
    read: Strings = ()
    declined: Strings = ()
    off: Strings = ()
    field: str = ""
    theirs: str = ""
    ours: str = ""
    was: str = ""
    # packages
    mod: int = 0
    digest: str = ""
    numbers: Texts = {}
    hashes: Texts = {}
    type: MappedType | UnsetType = UNSET
    names: Texts = {}
    # passages that are chosen
    page: int = 0
    start: int = 0
    title: str = ""
    # repairs
    name: str = ""
    nid: int = 0
    new: tuple[RepairNote, ...] = ()


REQUIRED = {
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
    **dict.fromkeys(events.FORMER, ""),
}
"""By kind of event: the keys without which it means nothing. `fold` says what each does."""


_SOURCES = (events.__file__, __file__)
READER = h16(*[Path(module).read_text(encoding="utf-8") for module in _SOURCES])
"""Names the kinds and shapes of events that are known: by it, a version of the program reads
again what an older one could not read."""


def is_known(event: Event) -> bool:
    """Return whether this version of the program knows the kind of an event."""
    return event.what in REQUIRED


def is_sound(event: Event) -> bool:
    """Return whether an event has the shape that its kind needs.

    Of kinds that are not known, any shape is sound.
    """
    if not 0 <= event.n < MOST_N:
        return False
    if not is_known(event):
        return True
    try:
        msgspec.convert(event.body, _Body)
    except msgspec.ValidationError:
        return False
    return all(name in event.body for name in REQUIRED[event.what].split())


# --- nesting --------------------------------------------------------------------------


DEEPEST = 64
"""Levels of arrays and objects that are accepted. What the program writes has fewer than ten."""
# A string, closed or not, or one bracket.
_TOKEN = regex(rb'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]')


def is_too_deep(text: bytes) -> bool:
    """Return whether arrays and objects of a JSON text are nested in too many levels."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        char = token[0]
        if char in (b"[", b"{"):
            depth += 1
            if depth > DEEPEST:
                return True
        elif char in (b"]", b"}"):
            depth -= 1
    return False
