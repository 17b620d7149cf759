"""Files: walking folders, patterns, decoding, fingerprints, and the cache of parsed documents.

A file is as it was if its stamp says so, as version control does it. A stamp that is too fresh
proves nothing: a file written twice within one tick of its file system's clock has one stamp for
two texts.
"""

from __future__ import annotations

import errno
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

import ankiforge
from ankiforge.errors import ItemError
from ankiforge.model import WENT_AWAY, Memory, Problem, h16

LARGEST = 2_000_000
"""Bytes of a text, if the source says nothing else."""
READ_AGAIN = "renamed or deleted? the next run reads what is there"
RE_SAVE = "re-save it as UTF-8"
PICTURE = re.compile(r".*\.(?:png|jpe?g|gif|svg|webp|avif|bmp)$", re.IGNORECASE)
"""What texts show."""

# --- stamps ---------------------------------------------------------------------------------

Stamp = tuple[int, int, int, int]
"""Modified (ns), changed (ns; a program may set the first back, not this), size, inode."""

TICK_NS = 100_000_000
"""No clock of a file system that has fractions of a second is coarser."""
COARSE_NS = 2_000_000_000
"""FAT counts in steps of two seconds."""
DAY_NS = 86_400_000_000_000
AHEAD = 60.0
"""Seconds by which the clock of another machine may be ahead."""


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def proves(stamp: Stamp, now_ns: int | None = None) -> bool:
    """Return whether any later change will show: the stamp lies a tick before now.

    Or so far ahead that no clock of a file system gave it: the next change gives another.
    """
    now = time.time_ns() if now_ns is None else now_ns
    if max(stamp[0], stamp[1]) + COARSE_NS < now:
        return True  # most of many
    return all(
        at + (TICK_NS if at % 1_000_000_000 else COARSE_NS) < now or at > now + DAY_NS
        for at in stamp[:2]
    )


def changed_at(stamp: Stamp, now: float) -> float:
    """Return when it was last written to, or put in its place, as a time of the wall clock.

    A time to come is no time: a clock that was wrong gave it. 0 if both are.
    """
    return max((at / 1e9 for at in stamp[:2] if at / 1e9 <= now + AHEAD), default=0.0)


class Look(NamedTuple):
    """The notes of a vault as they are now; cheap to have."""

    notes: Mapping[str, tuple[str, Stamp]]
    """Where each is, and its stamp, by their paths below the root (`/`, NFC)."""
    rest: str
    """Differs once anything else does that a scan may show."""
    complete: bool
    """Nothing was out of reach."""


@cache
def program() -> str:
    """Return what changes with any change of this program or of the libraries beside it."""
    libraries = Path(msgspec.__file__).parents[1].stat().st_mtime_ns
    return h16(repr(sorted(_modules(str(Path(ankiforge.__file__).parent)))), str(libraries))


def _modules(folder: str) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.endswith(".py"):
                yield entry.path, stamp_of(entry.stat())
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from _modules(entry.path)


# --- walking --------------------------------------------------------------------------------


@dataclass(slots=True)
class Count:
    """How far a scan is; for a display, which may look at any time."""

    done: int = 0
    total: int = 0
    """0 = that is not known."""


def entries(
    root: str | Path, unreadable: Callable[[OSError], None], *, last_first: bool = False
) -> Iterator[os.DirEntry[str]]:
    """Yield what lies below a folder, sorted, folder by folder.

    Folders are entered, not yielded; hidden ones and links are yielded, not entered.

    Args:
        root: a folder.
        unreadable: is called with the error of every folder that cannot be listed.
        last_first: enter the last one of several folders first.
    """
    waiting = [os.fspath(root)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listed:
                found = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            unreadable(error)
            continue
        folders: list[str] = []
        for entry in found:
            if not entry.name.startswith(".") and _is_folder(entry):
                folders.append(entry.path)
            else:
                yield entry
        waiting += folders if last_first else reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def walk(root: Path, unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield the files below a folder, or the file itself, sorted; no links, nothing hidden.

    Args:
        root: a folder or file.
        unreadable: is called with the error of every folder that cannot be listed, and of every
            link that leads round in a circle (see `is_loop`).
    """
    if root.is_file():
        yield root
        return
    for entry in entries(root, unreadable):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            if loop := loop_at(entry.path):
                unreadable(loop)
        elif os.path.isfile(entry.path):  # noqa: PTH113 - of many
            yield Path(entry.path)


def loop_at(path: str | Path) -> OSError | None:
    """Return what the system says of a link that leads round in a circle; None of any other."""
    try:
        os.stat(path)  # noqa: PTH116 - of many
    except OSError as error:
        return error if is_loop(error) else None
    return None


def is_loop(error: OSError) -> bool:
    """Return whether it is only a link that leads round in a circle: nothing is lost with it."""
    return error.errno == errno.ELOOP


def looping(where: str, error: OSError) -> Problem:
    """Return the notice about a link that leads round in a circle."""
    what = f"a link that leads to itself was left out: {error.strerror}"
    return Problem(where, what, "delete the link", notice=True)


def legible(name: str) -> str:
    """Return a name in NFC; what is no letter, in a name of long ago, as the sign for that."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def relative(path: Path, root: Path) -> str:
    """Return the path below root, `/` between its parts, NFC; of root itself its name."""
    inside = path != root and path.is_relative_to(root)
    return legible(path.relative_to(root).as_posix() if inside else path.name)


_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(patterns: Iterable[str], *, git: bool = False) -> Callable[[str], bool]:
    """Return a function that says whether a relative path fits one of these patterns.

    Case is ignored. `*` and `?` stay within a name, `**` spans folders; a pattern that ends in
    `/` is a folder with all it holds. With `git`, as in `.gitignore`, a pattern without a slash
    inside holds at any depth, and one that names a folder is all that is in it.
    """
    expressions = []
    for one in patterns:
        whole = f"{one}**" if one.endswith("/") else one
        ending = ""
        if git:
            whole = unicodedata.normalize("NFC", one).removeprefix("./").rstrip("/")
            whole = whole.removeprefix("/") if "/" in whole else f"**/{whole}"
            ending = "/.*" if one.endswith("/") else "(?:/.*)?"
        parts = (_MEANING.get(token, re.escape(token)) for token in _GLOB.findall(whole))
        expressions.append("".join(parts) + ending)
    # a line break in a name is no end of it
    fits = re.compile("|".join(expressions) or r"(?!)", re.IGNORECASE | re.DOTALL).fullmatch
    return lambda path: fits(path) is not None


# --- reading --------------------------------------------------------------------------------


def encoding_of(head: bytes) -> str:
    """Return how a file that begins so is encoded."""
    return "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def text_of(raw: bytes) -> str:
    """Decode text in UTF-8, or in UTF-16 that says so, its line ends LF.

    Raises:
        ItemError: it is neither.
    """
    if wide := _utf_16_without_mark(raw):
        raise ItemError(f"it looks like {wide} without a byte order mark", hint=RE_SAVE)
    try:
        text = raw.decode(encoding_of(raw))
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte {error.start} is {raw[error.start]:#04x}"
        raise ItemError(what, hint=RE_SAVE) from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


_HEAD = 4096
"""Bytes of a file by which its encoding is guessed."""
_LEAST_ZEROS = 6


def _utf_16_without_mark(raw: bytes) -> str:
    """Return the name of UTF-16 that does not say so: of Latin letters every other byte is zero."""
    head = raw[:_HEAD]
    if b"\x00" not in head or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ""
    first, second = head[::2].count(0), head[1::2].count(0)
    # blanks, digits and signs show in any script; a few zero bytes prove nothing
    if second > max(3 * first, _LEAST_ZEROS) and second * 12 >= len(head[1::2]):
        return "UTF-16 (little endian)"
    if first > max(3 * second, _LEAST_ZEROS) and first * 12 >= len(head[::2]):
        return "UTF-16 (big endian)"
    return ""


def unreadable(error: OSError) -> ItemError:
    """Return the error of a file that is out of reach."""
    if isinstance(error, FileNotFoundError):
        return ItemError(WENT_AWAY, hint=READ_AGAIN)
    return ItemError(f"cannot be read: {error.strerror or error}", hint="check its rights")


QUIET_SECONDS = 0.3
"""How long a note must have been left alone before it is read."""
EMPTY_SECONDS = 2.0
"""The same for an empty one: it may be about to be filled."""
TRIES = 10


def read_settled(path: str) -> tuple[str, Stamp]:
    """Return a note's text with LF line ends, and its stamp; wait while it is being written.

    A program that empties a file and writes it anew lets a reader see half of it; that the file
    was the same before and after the reading proves nothing then (measured: 74 of 100 such halves
    pass for whole). Only waiting until it has been left alone does.

    Raises:
        ItemError: it is too large, no text, never held still, or cannot be read.
    """
    for _ in range(TRIES):
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - of very many notes
                raw, found = file.read(LARGEST + 1), os.fstat(file.fileno())
        except OSError as error:
            raise unreadable(error) from error
        wait = _left_to_wait(found, time.time())
        if wait > 0:
            time.sleep(wait)
        elif len(raw) > LARGEST:
            hint = "split it, or leave it out with `exclude`"
            raise ItemError(f"the note is larger than {LARGEST // 1_000_000} MB", hint=hint)
        else:
            return text_of(raw), stamp_of(found)
    raise ItemError("it keeps changing", hint="run again later") from OSError()


def _left_to_wait(found: os.stat_result, now: float) -> float:
    """Return the seconds until it was left alone long enough; a time to come is no time."""
    quiet = QUIET_SECONDS if found.st_size else EMPTY_SECONDS
    left = found.st_mtime + quiet - now
    return left if 0 < left <= quiet else 0.0


# --- the cache of parsed documents ----------------------------------------------------------

_INDEX = "index"
_BODY = "file:"
UNSAVED, UNSAVED_BYTES = 50, 8_000_000
"""Parsed documents after which all are stored: a scan that is killed need not parse them again."""


class _Index(msgspec.Struct, frozen=True):
    """Which files were parsed, as they were then."""

    context: str = ""
    """All that decides what a file says besides its own bytes: settings, names, the program."""
    stamps: dict[str, Stamp] = {}


@dataclass(slots=True)
class ParseCache:
    """What files said when they were last parsed, for files that take long to parse.

    The ledger decides which documents are read again; without this a document that it does not
    know, or whose names in a library changed, would be parsed anew. A note is parsed in less time
    than it takes to store what it says.
    """

    memory: Memory
    index: _Index
    stale: frozenset[str] = frozenset()
    """Names of what was stored in another context."""
    new: dict[str, bytes] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """Those of this scan."""

    @classmethod
    def load(cls, memory: Memory, context: str) -> ParseCache:
        """Return what is known if nothing but the files has changed."""
        try:
            index = msgspec.json.decode(memory.recall(_INDEX) or b"{}", type=_Index)
        except msgspec.MsgspecError:
            index = _Index()
        if index.context == context:
            return cls(memory, index)
        return cls(memory, _Index(context), frozenset(index.stamps))

    def knows(self, name: str, stamp: Stamp) -> bool:
        """Return whether a file was parsed as it is; what it said may be lost all the same."""
        return self.index.stamps.get(name) == stamp

    def get(self, name: str, stamp: Stamp) -> bytes | None:
        """Return what a file said if it is as it was; None if it must be parsed."""
        body = self.memory.recall(_BODY + name) if self.knows(name, stamp) else None
        if body is not None:
            self.stamps[name] = stamp
        return body

    def put(self, name: str, stamp: Stamp, body: bytes) -> None:
        """Note what a file says; not of one so fresh that its stamp proves nothing."""
        if proves(stamp):
            self.stamps[name] = stamp
            self.new[_BODY + name] = body
            if len(self.new) >= UNSAVED or sum(map(len, self.new.values())) >= UNSAVED_BYTES:
                self.save(complete=False)

    def save(self, *, complete: bool) -> None:
        """Store it for the next scan; after a scan of a part, the rest stays as it was."""
        before = self.index.stamps
        stamps = self.stamps if complete else before | self.stamps
        if stamps == before and not self.new and not self.stale:
            return
        index = msgspec.json.encode(_Index(self.index.context, stamps))
        gone = (self.stale | before.keys()) - stamps.keys()
        self.memory.keep({**self.new, _INDEX: index}, sorted(_BODY + name for name in gone))
        self.new.clear()
