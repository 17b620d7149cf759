"""A source: one class that knows its files, its settings, and how to open them; and its scan.

A new source is a subclass of `SourceType`, mostly of `FileSource` (`folder`) or
`ExportSource` (`exports`), and one line in `registry`, or a plug-in:
`docs/internals/plug-ins.md` shows one.

A command that only asks which source a file belongs to imports the classes of all sources. So a
module with such a class imports what reads the files (`pypdf`, SQLite, …) in the
functions that need it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from msgspec.structs import replace

from ankiforge.errors import BugError, ItemError, PlugInError, one_item
from ankiforge.extract.files import open_regular, unreadable
from ankiforge.model import (
    Extracted,
    Highlight,
    Known,
    Memory,
    NoMemory,
    Problem,
    Sighting,
    Source,
    Strings,
    Value,
)
from ankiforge.plugins import named
from ankiforge.text.decoding import encoding_of
from ankiforge.text.keys import anchor_key, numbered, own_key

# The number of bytes read to recognise a file.
_HEAD_BYTES = 65_536


class SourceSettings(Value, forbid_unknown_fields=True, kw_only=True):
    """The keys in `ankiforge.yaml` that all sources have."""

    path: str
    name: str = ""


# --- recognising files ------------------------------------------------------------------


class Confidence(IntEnum):
    """How sure a source is that it reads a file. The surest source reads it."""

    NO = 0
    POSSIBLE = 1
    """Any text may be one: it is read by this source if no other one wants it."""
    ENDING = 2
    """Its ending says so, whatever is in it."""
    CONTENT = 3
    """Its content says so."""


class Recognition(NamedTuple):
    """The answer of a source to a file."""

    confidence: Confidence
    why_not: str = ""
    """Why it is not read although its ending suggests it, for the person who named it.

    "" if nobody would expect it to be read.
    """


NOT_MINE = Recognition(Confidence.NO)


class Candidate:
    """A file that some source may read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ending = path.suffix.casefold()
        """Its ending with the dot, in lower case."""

    @cached_property
    def head(self) -> str:
        """The beginning of the file with LF line ends; "" if it cannot be read."""
        raw, _ = self._opened
        text = raw.decode(encoding_of(raw), "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")

    @property
    def failure(self) -> ItemError | None:
        """Why it cannot be read, None if it can."""
        _, failure = self._opened
        return failure

    @cached_property
    def _opened(self) -> tuple[bytes, ItemError | None]:
        """The first bytes of the file, and why it cannot be read."""
        try:
            with open(self.path, "rb", opener=open_regular) as file:
                return file.read(_HEAD_BYTES), None
        except OSError as error:
            return b"", unreadable(error)


# --- opening a source -------------------------------------------------------------------


class Opening(Value):
    """All that a source may need to know when it is opened. Most need the first three."""

    name: str
    """The source's name, which may be part of keys."""
    root: Path
    """The vault, folder, or data folder."""
    settings: Any
    """An instance of the class's `Settings`."""
    only: tuple[Path, ...] = ()
    """Files and folders below root to read; () = everything. With it, scans are never complete."""
    me: Strings = ()
    """Whose marks count in a shared library; () = the library's owner."""
    memory: Memory = NoMemory()
    """A cache of results of earlier runs."""
    offline: bool = False
    """Whether other machines must not be contacted."""
    jobs: int = 1
    """The number of files to read at a time."""
    executor: str = ""
    """The address of a Dask cluster that may read files; "" = this machine reads them."""
    workspace: Path | None = None
    """The folder of the workspace, links resolved: its files may come from somebody else.

    None for the user's default workspace, which has no settings of its own.
    """


class SourceType(ABC):
    """One kind of source.

    The class says what the kind is; `open` returns a reader of some files, for which most
    classes make an instance of themselves.
    """

    # --- its name and settings

    kind: ClassVar[str]
    """Its name in `ankiforge.yaml`."""
    distribution: ClassVar[str] = ""
    """The plug-in that it comes from, set when it is loaded. "" for our own sources."""
    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    """Its keys there."""
    instead_of_path: ClassVar[Strings] = ()
    """Keys of the settings with which `path` may be left out."""

    # --- its files

    endings: ClassVar[Strings] = ()
    """The endings of the files that it may recognise, with the dot, in lower case."""
    uses: ClassVar[Strings] = ()
    """The endings of further files that it looks into, such as books for the words around marks."""
    marker: ClassVar[str] = ""
    """The file that makes a folder a library of this kind, which is read as a whole."""
    is_export: ClassVar[bool] = False
    """Whether its files are exported from an account, under any name and to any folder."""
    is_whole: ClassVar[bool] = False
    """Whether what is missing in its files is gone. An export may have only a part."""
    is_unambiguous: ClassVar[bool] = True
    """Whether a file that it recognises is nothing else. A note may be of several kinds."""
    keeps_inner: ClassVar[bool] = False
    """Whether a folder that was read as a source stays one when a folder around it is read."""

    # --- its words

    example: ClassVar[str] = ""
    """An entry for the settings that `ankiforge init` writes, with a comment on what it reads.

    "" if it is only named there.
    """
    options_shown: ClassVar[Strings] = ()
    """Further keys that `ankiforge init` shows, as comments, for a source that it found."""

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether this source reads a file, by its ending if no subclass looks further.

        This is called for very many files. Only `endings` are asked about.
        """
        if candidate.ending in cls.endings:
            return Recognition(Confidence.ENDING)
        return NOT_MINE

    @classmethod
    @abstractmethod
    def open(cls, opening: Opening) -> Source:
        """Return a reader of the files at a root.

        Raises:
            ConfigError: the settings are invalid. If one key is the reason, the message begins
                with its name and a colon.
        """

    @classmethod
    def reads_single_files(cls) -> bool:
        """Return whether it reads files one by one, and not a library as a whole."""
        return bool(cls.endings) and not cls.marker


# --- scanning -------------------------------------------------------------------------


@dataclass(slots=True)
class Count:
    """The progress of a scan. A display may read it at any time."""

    done: int = 0
    total: int = 0
    """0 if unknown."""
    on_step: Callable[[], None] = lambda: None
    """Is called after each document."""

    def step(self) -> None:
        """Count a document as done."""
        self.done += 1
        self.on_step()


def count_of(source: Source) -> Count:
    """Return the progress of a scan of this source. Zeros if the source does not count."""
    count = getattr(source, "count", None)
    if count is None:
        count = getattr(getattr(source, "folder", None), "count", None)
    return count if isinstance(count, Count) else Count()


def scanned(source: Source, known: Known | None) -> Iterator[Sighting]:
    """Scan a source. Without `known`, everything is read."""
    name = ""
    for place in (source, getattr(source, "folder", None)):
        name = name or getattr(place, "name", "")
    plug_in = getattr(source, "distribution", "")
    sightings = source.scan(known)
    if plug_in and hasattr(source, "folder"):
        sightings = _under_its_name(source, sightings)
    return of_one(name or type(source).__name__, sightings, plug_in)


def _under_its_name(source: Any, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield the sightings of a plug-in, whose documents have to name its folder.

    Under another name they would count as gone with the next run of another path.

    Raises:
        TypeError: a document or highlight has another name.
    """
    for sighting in sightings:
        if isinstance(sighting, Extracted):
            names = [("Document.source", sighting.document.source, "name")]
            names.append(("Extracted.container", sighting.container, "container"))
            for highlight in sighting.highlights:
                names.append(("Highlight.namespace", highlight.namespace, "namespace"))
            for attribute, given, its_name in names:
                if given != getattr(source.folder, its_name):
                    message = f"{attribute} is {given!r}, not that of self.folder"
                    raise TypeError(message)
        yield sighting


def of_one(
    where: str, sightings: Iterable[Sighting], plug_in: str = ""
) -> Iterator[Sighting]:
    """Yield the sightings of one document, or the problem that this program fails on it.

    `plug_in`: the one that makes them, if any, which is then said to fail.
    """
    try:
        with one_item(), named(plug_in):
            yield from sightings
    except (BugError, PlugInError) as error:
        yield Problem(where, error.message, error.hint)


def keyed(extracted: Extracted) -> Iterator[Highlight]:
    """Yield the highlights of a document with the keys that a first run would issue."""
    for highlight in numbered(extracted.highlights):
        key = own_key(highlight) or anchor_key(highlight, highlight.nth)
        yield replace(highlight, key=key)
