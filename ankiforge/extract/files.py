"""Walk folders, match patterns, decode text, stamp files, and cache parsed documents.

A file with an unchanged stamp counts as unchanged, as in version control. A stamp that is too
recent proves nothing: two writes within one tick of the file system's clock have the same stamp.
"""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

import ankiforge
from ankiforge.errors import BugError, ItemError, ServiceError, UsageError, one_item
from ankiforge.model import WENT_AWAY, Memory, Problem, Sighting, h16

if TYPE_CHECKING:
    from concurrent.futures import Executor

LARGEST = 2_000_000
"""The default maximum size of a text file in bytes."""
READ_AGAIN = "renamed or deleted? the next run reads what is then there"
RE_SAVE = "re-save it as UTF-8"
PICTURE = re.compile(r".*\.(?:png|jpe?g|gif|svg|webp|avif|bmp)$", re.IGNORECASE)
"""Matches the pictures that notes show."""

# --- stamps ---------------------------------------------------------------------------------

Stamp = tuple[int, int, int, int]
"""mtime (ns), ctime (ns), size, inode. Programs can set back the mtime but not the ctime."""

TICK_NS = 100_000_000
"""The coarsest resolution of a file system that stores fractions of a second."""
COARSE_NS = 2_000_000_000
"""The resolution of FAT: two seconds."""
DAY_NS = 86_400_000_000_000


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def stamp_at(path: str | Path) -> Stamp | None:
    """Return the stamp of the file at a path, None if there is none or it cannot be reached."""
    try:
        return stamp_of(os.stat(path))  # noqa: PTH116 - of many
    except (OSError, ValueError):
        return None


def proves(stamp: Stamp, now_ns: int | None = None) -> bool:
    """Return whether every later change of the file will give another stamp.

    This is so if the stamp is at least a tick old, or if it is so far in the future that no clock
    gave it. Then the next change gives a different one.
    """
    now = time.time_ns() if now_ns is None else now_ns
    if max(stamp[0], stamp[1]) + COARSE_NS < now:
        return True  # a shortcut for most files
    return all(
        at + (TICK_NS if at % 1_000_000_000 else COARSE_NS) < now or at > now + DAY_NS
        for at in stamp[:2]
    )


@cache
def program() -> str:
    """Return a hash that changes with any change of this program or of its libraries."""
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
    """The progress of a scan. A display may read it at any time."""

    done: int = 0
    total: int = 0
    """0 if unknown."""


def entries(root: str | Path, unreadable: Callable[[OSError], None]) -> Iterator[os.DirEntry[str]]:
    """Yield the entries below a folder, sorted, folder by folder.

    Folders are entered instead of yielded. Hidden folders and links are yielded and not entered.
    `unreadable` is called with the error of each folder that cannot be listed.
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
            is_folder = False
            if not entry.name.startswith("."):
                with suppress(OSError):
                    is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder:
                folders.append(entry.path)
            else:
                yield entry
        waiting += reversed(folders)


def legible(name: str) -> str:
    """Return a file name in NFC. Undecodable bytes, as in old names, become U+FFFD."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def relative(path: Path, root: Path) -> str:
    """Return the path below root in NFC with `/` separators. Root itself gives its name."""
    inside = path != root and path.is_relative_to(root)
    return legible(path.relative_to(root).as_posix() if inside else path.name)


_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_GLOB_REGEX = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(patterns: Iterable[str], *, git: bool = False) -> Callable[[str], bool]:
    """Return a function that tells whether a relative path matches any of the patterns.

    Case is ignored. `*` and `?` match within a name, `**` across folders. A pattern that ends in
    `/` matches everything in that folder. With `git`, patterns work as in `.gitignore`: without an
    inner slash they match at any depth, and a pattern for a folder matches everything in it.
    """
    expressions = []
    for pattern in patterns:
        whole = f"{pattern}**" if pattern.endswith("/") else pattern
        ending = ""
        if git:
            whole = unicodedata.normalize("NFC", pattern).removeprefix("./").rstrip("/")
            whole = whole.removeprefix("/") if "/" in whole else f"**/{whole}"
            ending = "/.*" if pattern.endswith("/") else "(?:/.*)?"
        parts = (_GLOB_REGEX.get(token, re.escape(token)) for token in _GLOB.findall(whole))
        expressions.append("".join(parts) + ending)
    # DOTALL and fullmatch: names may contain line breaks
    fits = re.compile("|".join(expressions) or r"(?!)", re.IGNORECASE | re.DOTALL).fullmatch
    return lambda path: fits(path) is not None


# --- reading --------------------------------------------------------------------------------


def encoding_of(head: bytes) -> str:
    """Return the encoding of a file, judged by its first bytes."""
    return "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def text_of(raw: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark, and normalise line ends to LF.

    Raises:
        ItemError: the text is in another encoding.
    """
    try:
        text = raw.decode(encoding_of(raw))
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte {error.start} is {raw[error.start]:#04x}"
        raise ItemError(what, hint=RE_SAVE) from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def unreadable(error: OSError) -> ItemError:
    """Return the error for an unreadable file."""
    if isinstance(error, FileNotFoundError):
        return ItemError(WENT_AWAY, hint=READ_AGAIN)
    return ItemError(f"cannot be read: {error.strerror or error}", hint="check its permissions")


QUIET_SECONDS = 0.3
"""How long a note must have been unchanged before it is read."""
EMPTY_SECONDS = 2.0
"""The same for an empty note, which may be about to be filled."""
TRIES = 10


def read_settled(path: str) -> tuple[str, Stamp]:
    """Return a note's text with LF line ends, and its stamp. Wait while it is being written.

    A reader can see half of a file that a program empties and writes again. It does not help to
    compare the file before and after reading (measured: 74 of 100 such halves seem whole). Only
    waiting until the file has been unchanged for a while does.

    Raises:
        ItemError: it is too large, not text, never at rest, or unreadable.
    """
    for _ in range(TRIES):
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - of very many notes
                raw, found = file.read(LARGEST + 1), os.fstat(file.fileno())
        except OSError as error:
            raise unreadable(error) from error
        quiet = QUIET_SECONDS if found.st_size else EMPTY_SECONDS
        wait = found.st_mtime + quiet - time.time()
        if 0 < wait <= quiet:  # times in the future are ignored
            time.sleep(wait)
        elif len(raw) > LARGEST:
            hint = "split it, or leave it out with `exclude`"
            raise ItemError(f"the note is larger than {LARGEST // 1_000_000} MB", hint=hint)
        else:
            return text_of(raw), stamp_of(found)
    raise ItemError("it keeps changing", hint="run again later") from OSError()


# --- the cache of parsed documents ----------------------------------------------------------

_INDEX = "index"
_BODY = "file:"
UNSAVED, UNSAVED_BYTES = 50, 8_000_000
"""After this many new documents or bytes the cache is stored, so that a killed scan can resume."""


class _Index(msgspec.Struct, frozen=True):
    """The stamps of the parsed files."""

    context: str = ""
    """Everything else that determines the result: settings, names, the program."""
    stamps: dict[str, Stamp] = {}


@dataclass(slots=True)
class ParseCache:
    """A cache of parsed files, for formats that take long to parse.

    The ledger decides which documents are read again. This cache saves parsing a document that the
    ledger does not know, or whose names in a library changed. Notes are not cached: parsing one
    takes less time than storing the result.
    """

    memory: Memory
    index: _Index
    stale: frozenset[str] = frozenset()
    """Names of the files that were stored with another context."""
    new: dict[str, bytes] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """The stamps of this scan."""

    @classmethod
    def load(cls, memory: Memory, context: str) -> ParseCache:
        """Load the cache. It is empty if the context has changed."""
        index = _Index()
        with suppress(msgspec.MsgspecError):
            index = msgspec.json.decode(memory.recall(_INDEX) or b"{}", type=_Index)
        if index.context == context:
            return cls(memory, index)
        return cls(memory, _Index(context), frozenset(index.stamps))

    def knows(self, name: str, stamp: Stamp | None) -> bool:
        """Return whether the unchanged file was parsed. Its result may still be missing."""
        return stamp is not None and self.index.stamps.get(name) == stamp

    def get(self, name: str, stamp: Stamp) -> bytes | None:
        """Return the stored result for an unchanged file. None if it must be parsed."""
        body = self.memory.recall(_BODY + name) if self.knows(name, stamp) else None
        if body is not None:
            self.stamps[name] = stamp
        return body

    def put(self, name: str, stamp: Stamp, body: bytes) -> None:
        """Store a result, unless the stamp is too recent to prove anything."""
        if proves(stamp):
            self.stamps[name] = stamp
            self.new[_BODY + name] = body
            if len(self.new) >= UNSAVED or sum(map(len, self.new.values())) >= UNSAVED_BYTES:
                self.save(complete=False)

    def save(self, *, complete: bool) -> None:
        """Write the cache for the next scan. If this scan was partial, keep the other entries."""
        before = self.index.stamps
        stamps = self.stamps if complete else before | self.stamps
        if stamps == before and not self.new and not self.stale:
            return
        index = msgspec.json.encode(_Index(self.index.context, stamps))
        gone = (self.stale | before.keys()) - stamps.keys()
        self.memory.keep({**self.new, _INDEX: index}, sorted(_BODY + name for name in gone))
        self.new.clear()


def of_one(where: str, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield what one document contains, or the problem that this program fails on it."""
    try:
        with one_item():
            yield from sightings
    except BugError as error:
        yield Problem(where, error.message, error.hint)


# --- HTML -----------------------------------------------------------------------------------

COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_TAG = re.compile(r"(</?[A-Za-z][^<>]*>|<![^<>]*>)")
_HIDDEN = re.compile(r"<(head|script|style|template)\b", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:address|article|aside|blockquote|body|br|d[dlt]|div|fig\w*|footer|h[1-6r]|header|li|main"
    r"|nav|[ou]l|p|pre|section|table|t[dhr])\b",
    re.IGNORECASE,
)


def blocks_of(html: str) -> Iterator[tuple[str, str]]:
    """Yield what a page shows block by block: the tag before it, and its words as one line."""
    before, words, hidden = "", list[str](), ""
    for at, token in enumerate(_TAG.split(COMMENT.sub("", html))):
        if at % 2 == 0:
            words += [] if hidden else [token]
        elif hidden:
            hidden = "" if token[2:].casefold().startswith(hidden) else hidden
        elif found := _HIDDEN.match(token):
            hidden = found[1].casefold()
        elif _BLOCK.match(token):
            yield before, " ".join(unescape("".join(words)).split())
            before, words = token, []
    yield before, " ".join(unescape("".join(words)).split())


# --- the optional cluster that reads files: the setting `executor` ----------------------------

CONNECT_SECONDS = 10.0
"""Seconds to wait for a scheduler, and for its first worker."""


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to the Dask cluster whose scheduler is at `address`, such as `tcp://host:8786`.

    Raises:
        UsageError: dask.distributed is not installed.
        ServiceError: no scheduler with a worker answers.
    """
    import socket  # this module is read at every start

    try:
        import distributed
    except ImportError as error:
        hint = "pip install 'ankiforge-cards[dask]'"
        raise UsageError("the setting executor needs dask.distributed", hint=hint) from error
    connect: Any = distributed.Client
    try:
        parts = urlsplit(address)  # a `Client` that cannot connect hangs and prints
        socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS).close()
        client = connect(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TypeError, ValueError) as error:
        hint = "start one: dask scheduler; and workers: dask worker ADDRESS"
        what = f"no Dask scheduler answers at {address} ({error})"
        raise ServiceError(what, hint=hint) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            hint = f"start one on each machine: dask worker {address}"
            what = f"the Dask scheduler at {address} has no workers"
            raise ServiceError(what, hint=hint) from error
        yield client.get_executor(pure=False)
