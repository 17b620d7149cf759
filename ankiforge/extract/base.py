"""Base class of source types, each of which recognises files and opens a source to scan.

A new source type is a subclass of `SourceType`, usually of `FileSource` (in `file_source`) or
`ExportSource` (in `exports`). It also needs a line in `registry`, or it is a plug-in: see
`docs/internals/plug-ins.md`.

A command that only checks which source a file belongs to imports the classes of all sources. A
module with such a class therefore imports `pypdf`, SQLite and the like only in the functions that
need them.
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

from ankiforge.errors import BugError, ItemError, PlugInError, wrap_unexpected_errors
from ankiforge.extract.files import build_read_error, open_regular_file
from ankiforge.model import (
    EmptySourceCache,
    ExtractedDocument,
    Highlight,
    KnownDocuments,
    Problem,
    Sighting,
    Source,
    SourceCache,
    Strings,
    Value,
)
from ankiforge.plugins import wrap_plugin_errors
from ankiforge.text.decoding import detect_encoding
from ankiforge.text.keys import make_anchor_key, make_own_key, number_highlights

# The number of bytes that are read from a file to recognise it.
_HEAD_BYTES = 65_536


class SourceSettings(Value, forbid_unknown_fields=True, kw_only=True):
    """The keys in `ankiforge.yaml` that all sources have in common."""

    path: str
    name: str = ""


# --- recognising files ------------------------------------------------------------------


class Confidence(IntEnum):
    """How confident a source type is that it should read a file.

    The most confident one reads it.
    """

    NO = 0
    POSSIBLE = 1
    """The file may be any text, so this source reads it only if no other source does."""
    SUFFIX = 2
    """The file was recognised by its suffix, whatever its content."""
    CONTENT = 3
    """The file was recognised by its content."""


class Recognition(NamedTuple):
    """How confident a source type is that it should read a file, or why it doesn't."""

    confidence: Confidence
    rejection_reason: str = ""
    """Why a file isn't read although its suffix suggests it, to be told to a user who named the
    file.

    "" if nobody would expect the source to read it.
    """


NOT_MINE = Recognition(Confidence.NO)


class Candidate:
    """A file that a source may read, with the beginning of its content."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suffix = path.suffix.casefold()
        """The suffix of the file with its dot, in lower case."""

    @cached_property
    def head(self) -> str:
        """The beginning of the file with LF line ends, or "" if the file can't be read."""
        raw, _ = self._head_and_error
        text = raw.decode(detect_encoding(raw), "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")

    @property
    def read_error(self) -> ItemError | None:
        """Why the file can't be read, or None if it can."""
        _, failure = self._head_and_error
        return failure

    @cached_property
    def _head_and_error(self) -> tuple[bytes, ItemError | None]:
        """The first bytes of the file, and the error if it can't be read."""
        try:
            with open(self.path, "rb", opener=open_regular_file) as file:
                return file.read(_HEAD_BYTES), None
        except OSError as error:
            return b"", build_read_error(error)


# --- opening a source -------------------------------------------------------------------


class Opening(Value):
    """What a source may need to know when it is opened. Most sources only need the first three."""

    name: str
    """The name of the source, which may be part of the keys of its highlights."""
    root: Path
    """The vault, directory or data directory to read."""
    settings: Any
    """The settings of the source, an instance of its class's `Settings`."""
    only: tuple[Path, ...] = ()
    """The files and directories below the root to read, or () to read all. If there are any, a scan
    is never complete.
    """
    me: Strings = ()
    """The people whose marks count in a shared library, or () for its owner."""
    cache: SourceCache = EmptySourceCache()
    """A cache of the results of earlier runs."""
    offline: bool = False
    """Whether network access is forbidden."""
    jobs: int = 1
    """The number of files to read at the same time."""
    executor: str = ""
    """The address of a Dask cluster that reads the files, or "" to read them on this computer."""
    workspace: Path | None = None
    """The workspace directory with its links resolved, whose files may come from somebody else.

    None for the user's default workspace, which has no settings of its own.
    """


class SourceType(ABC):
    """The base class of all kinds of sources.

    A subclass describes one kind. Its method `open` returns a reader of some files, which for most
    subclasses is an instance of the subclass.
    """

    # --- name and settings

    kind: ClassVar[str]
    """The name of this kind of source in `ankiforge.yaml`."""
    distribution: ClassVar[str] = ""
    """The distribution of the plug-in, which is set when it is loaded, or "" for our own sources.
    """
    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    """The class of the source's settings, with its keys in `ankiforge.yaml`."""
    instead_of_path: ClassVar[Strings] = ()
    """The keys of settings that can be given in place of `path`."""

    # --- files

    endings: ClassVar[Strings] = ()
    """The suffixes of files that it may recognise, with the dot and in lower case."""
    uses: ClassVar[Strings] = ()
    """The suffixes of other files that it reads, such as books that have the context of marks."""
    marker: ClassVar[str] = ""
    """The name of a file whose directory is a library of this kind, which is read as a whole."""
    is_export: ClassVar[bool] = False
    """Whether its files are exported from an account. They may have any name, and be in any
    directory.
    """
    is_whole: ClassVar[bool] = False
    """Whether its files are always complete, so that a highlight missing in them must have been
    deleted.
    """
    is_unambiguous: ClassVar[bool] = True
    """Whether a file that it recognises can't be of another kind, as a Markdown file can."""
    keeps_inner: ClassVar[bool] = False
    """Whether a directory that was read as a source stays one if its parent directory is read."""

    # --- help

    example: ClassVar[str] = ""
    """An entry for the settings that `ankiforge init` writes, with a comment on what the source
    reads.

    "" if only the name of this kind is to be listed there.
    """
    options_shown: ClassVar[Strings] = ()
    """Further settings that `ankiforge init` shows, as comments, for a source that it found."""

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether this source type reads a file, which by default depends on its suffix.

        This method is called for very many files, all of which have one of the `endings`.
        """
        if candidate.suffix in cls.endings:
            return Recognition(Confidence.SUFFIX)
        return NOT_MINE

    @classmethod
    @abstractmethod
    def open(cls, opening: Opening) -> Source:
        """Return a reader of the files at a root.

        Raises:
            ConfigError: the settings are invalid. If a single key is the cause, the message begins
                with the key and a colon.
        """

    @classmethod
    def reads_single_files(cls) -> bool:
        """Return whether it reads files one by one, rather than a library as a whole."""
        return bool(cls.endings) and not cls.marker


# --- scanning -------------------------------------------------------------------------


@dataclass(slots=True)
class ScanProgress:
    """The progress of a scan, which a display may read at any time."""

    done: int = 0
    total: int = 0
    """The number of documents to be read, or 0 if it isn't known."""
    on_step: Callable[[], None] = lambda: None
    """Called after each document."""

    def count_document(self) -> None:
        """Count one more document as done."""
        self.done += 1
        self.on_step()


def get_scan_progress(source: Source) -> ScanProgress:
    """Return the progress of a source's scan, which stays at zero if the source doesn't count."""
    count = getattr(source, "progress", None)
    if count is None:
        count = getattr(getattr(source, "folder", None), "progress", None)
    return count if isinstance(count, ScanProgress) else ScanProgress()


def scan_source(source: Source, known: KnownDocuments | None) -> Iterator[Sighting]:
    """Scan a source, reading everything if `known` is None.

    An unexpected error is reported as a problem of the source.
    """
    name = ""
    for named_object in (source, getattr(source, "folder", None)):
        name = name or getattr(named_object, "name", "")
    distribution = getattr(source, "distribution", "")
    sightings = source.scan(known)
    if distribution and hasattr(source, "folder"):
        sightings = _check_names(source, sightings)
    return yield_and_report_errors(name or type(source).__name__, sightings, distribution)


def _check_names(source: Any, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield the sightings of a plug-in, after checking that they have the names of its `folder`.

    Under another name, they would count as removed in the next run for another path.

    Raises:
        TypeError: a document or highlight has another name.
    """
    for sighting in sightings:
        if isinstance(sighting, ExtractedDocument):
            names = [("Document.source", sighting.document.source, "name")]
            names.append(("ExtractedDocument.container", sighting.container, "container"))
            for highlight in sighting.highlights:
                names.append(("Highlight.namespace", highlight.namespace, "namespace"))
            for attribute, value, folder_attribute in names:
                if value != getattr(source.folder, folder_attribute):
                    message = f"{attribute} is {value!r}, not that of self.folder"
                    raise TypeError(message)
        yield sighting


def yield_and_report_errors(
    location: str, sightings: Iterable[Sighting], plug_in: str = ""
) -> Iterator[Sighting]:
    """Yield the sightings of a document, followed by a problem if the program fails on it.

    Args:
        location: the document, as named in the problem.
        sightings: the sightings of the document.
        plug_in: the distribution of the plug-in that yields them, to be blamed in the problem, or
            "".
    """
    try:
        with wrap_unexpected_errors(), wrap_plugin_errors(plug_in):
            yield from sightings
    except (BugError, PlugInError) as error:
        yield Problem(location, error.message, error.hint)


def assign_initial_keys(extracted: ExtractedDocument) -> Iterator[Highlight]:
    """Yield the highlights of a document with the keys that they would get in a first run."""
    for highlight in number_highlights(extracted.highlights):
        key = make_own_key(highlight) or make_anchor_key(highlight, highlight.nth)
        yield replace(highlight, key=key)
