"""Base class of source types, which recognise files and open sources for scanning.

A new source type is a subclass of `SourceType`, usually of `TextFileSource` (in `file_source`) or
`ExportSource` (in `exports`). Add it to `registry`, or distribute it as a plug-in: see
`examples/plugin/README.md`.

Even a command that only checks which source a file belongs to imports the classes of all sources,
so their modules import `pypdf`, SQLite and the like inside functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, ClassVar

from msgspec.structs import replace

from ankiforge.errors import BugError, ItemError, PlugInError, wrap_unexpected_errors
from ankiforge.extract.files import build_read_error, open_regular_file
from ankiforge.model import (
    DocumentLookup,
    EmptySourceCache,
    ExtractedDocument,
    Highlight,
    Problem,
    Sighting,
    Source,
    SourceCache,
    Strings,
    Value,
)
from ankiforge.plugins import wrap_plugin_errors
from ankiforge.text.decoding import detect_encoding
from ankiforge.text.keys import build_anchor_key, build_source_id_key, number_highlights

# The number of bytes to read from a file to determine its source type.
_HEAD_BYTES = 65_536


class SourceSettings(Value, forbid_unknown_fields=True, kw_only=True):
    """The `ankiforge.yaml` settings common to all sources."""

    path: str
    name: str = ""


# --- recognising files ------------------------------------------------------------------


class Confidence(IntEnum):
    """How confident a source type is that it should read a file. The most confident type wins."""

    NO = 0
    POSSIBLE = 1
    """The file could be any kind of text, so this type reads it only if no other type does."""
    SUFFIX = 2
    """The file was recognised by its suffix, regardless of its content."""
    CONTENT = 3
    """The file was recognised by its content."""


class Candidate:
    """A file whose source type is to be determined, with the beginning of its content."""

    def __init__(self, path: Path) -> None:
        self.path = path
        name = path.name
        if name.casefold().endswith((".srt.txt", ".vtt.txt")):
            name = path.stem  # captions that were saved as text
        self.suffix = PurePath(name).suffix.casefold()
        """The suffix, with the dot and in lower case."""

    @cached_property
    def head(self) -> str:
        """The start of the file with LF line endings, or "" if it can't be read."""
        raw, _ = self._head_and_error
        text = raw.decode(detect_encoding(raw), "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")

    @property
    def read_error(self) -> ItemError | None:
        """The error from reading the file, if any."""
        _, failure = self._head_and_error
        return failure

    @cached_property
    def _head_and_error(self) -> tuple[bytes, ItemError | None]:
        try:
            with open(self.path, "rb", opener=open_regular_file) as file:
                return file.read(_HEAD_BYTES), None
        except OSError as error:
            return b"", build_read_error(error)


# --- opening a source -------------------------------------------------------------------


class SourceOpenParameters(Value):
    """The parameters for opening a source. Most sources need only the first three."""

    name: str
    """The name of the source, which may be part of its highlights' keys."""
    root: Path
    """The vault, directory, data directory or file to read."""
    settings: Any
    """The settings of the source, an instance of its `Settings` class."""
    only: tuple[Path, ...] = ()
    """The files and directories below the root to read, or () for all. A scan of only some of
    them never counts as complete.
    """
    me: Strings = ()
    """The people whose marks count in a shared library, or () for its owner."""
    cache: SourceCache = EmptySourceCache()
    """Caches results between runs."""
    offline: bool = False
    """Whether network access is forbidden."""
    jobs: int = 1
    """The number of files to read in parallel."""
    executor: str = ""
    """The address of the Dask cluster that reads the files, or "" to read them on this computer."""
    workspace: Path | None = None
    """The resolved path of the workspace directory, whose files may come from someone else.

    None for the user's default workspace, which has no settings of its own.
    """


class SourceType(ABC):
    """Base class of all source types.

    `open` returns the source that is scanned, usually an instance of the same class.
    """

    # --- name and settings

    kind: ClassVar[str]
    """The name of the source type in `ankiforge.yaml`."""
    distribution: ClassVar[str] = ""
    """The name of the plug-in's distribution, set when it is loaded, or "" for built-in sources."""
    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    """The class of the source's settings."""
    path_alternatives: ClassVar[Strings] = ()
    """The settings that can replace `path`."""

    # --- files

    suffixes: ClassVar[Strings] = ()
    """The suffixes of files that this type may recognise, with the dot and in lower case."""
    used_suffixes: ClassVar[Strings] = ()
    """The suffixes of other files that the source uses, such as books to look up context in."""
    marker_file: ClassVar[str] = ""
    """The name of a file that marks its directory as a library, which is read as a whole."""
    is_export: ClassVar[bool] = False
    """Whether the source reads files exported from an account, which may have any name and be in
    any directory.
    """
    has_complete_files: ClassVar[bool] = False
    """Whether each file always has all highlights, so that a missing highlight must have been
    deleted.
    """
    is_unambiguous: ClassVar[bool] = True
    """Whether a recognised file can't be of another type. False for Markdown files, for example."""
    keeps_inner_sources: ClassVar[bool] = False
    """Whether a directory that was read as a source stays a source of its own when its parent
    directory is read.
    """

    # --- help

    example: ClassVar[str] = ""
    """The entry that `ankiforge init` writes into the settings, with a comment on what it reads.

    "" to list only the name of the source type.
    """
    options_shown: ClassVar[Strings] = ()
    """Further settings that `ankiforge init` adds, commented out, to a source that it found."""

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Return how certain this type is that it can read a file.

        By default, the suffix decides. This is called for every file with one of the `suffixes`, so
        it should be fast.
        """
        if candidate.suffix in cls.suffixes:
            return Confidence.SUFFIX
        return Confidence.NO

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return the reason why a file can't be read, although users may expect it to be.

        Returns "" if no user would expect this type to read the file.
        """
        return ""

    @classmethod
    @abstractmethod
    def open(cls, opening: SourceOpenParameters) -> Source:
        """Open a source.

        Raises:
            ConfigError: The settings are invalid. If a single key is to blame, the message begins
                with that key and a colon.
        """

    @classmethod
    def reads_single_files(cls) -> bool:
        """Return whether this type reads single files, rather than a library as a whole."""
        return bool(cls.suffixes) and not cls.marker_file


# --- scanning -------------------------------------------------------------------------


@dataclass(slots=True)
class ScanProgress:
    """The progress of a scan, which another thread may read at any time to display it."""

    done: int = 0
    total: int = 0
    """The number of documents to read, or 0 if it is unknown."""
    on_step: Callable[[], None] = lambda: None
    """Callback that is called after each document."""

    def count_document(self) -> None:
        """Count a document as done."""
        self.done += 1
        self.on_step()


def get_scan_progress(source: Source) -> ScanProgress:
    """Return the scan progress of a source, which stays at zero if the source reports none."""
    listing = getattr(source, "listing", None)
    progress = getattr(source, "progress", None) or getattr(listing, "progress", None)
    if isinstance(progress, ScanProgress):
        return progress
    return ScanProgress()


def get_source_name(source: Source) -> str:
    """Return the name of a source in the settings, or "" if it has none."""
    listing = getattr(source, "listing", None)
    return str(getattr(source, "name", None) or getattr(listing, "name", ""))


def scan_source(source: Source, known: DocumentLookup | None) -> Iterator[Sighting]:
    """Scan a source. If it raises an unexpected exception, end the scan with a `Problem`.

    `known` looks up the documents read in earlier runs. If it is None, every document is read
    again, even if it hasn't changed.
    """
    location = get_source_name(source) or type(source).__name__
    distribution = getattr(source, "distribution", "")
    return convert_errors_to_problems(location, source.scan(known), distribution)


def convert_errors_to_problems(
    location: str, sightings: Iterable[Sighting], plug_in: str = ""
) -> Iterator[Sighting]:
    """Yield scan results. If an unexpected exception is raised, end with a problem about it.

    Args:
        location: The document or source that the problem is about, as shown to the user.
        sightings: The scan results: documents, problems and ends of scans.
        plug_in: The distribution name of the plug-in that the source belongs to, or "".
    """
    try:
        with wrap_unexpected_errors(), wrap_plugin_errors(plug_in):
            yield from sightings
    except (BugError, PlugInError) as error:
        yield Problem(location, error.message, error.hint)


def assign_initial_keys(extracted: ExtractedDocument) -> Iterator[Highlight]:
    """Yield the highlights of a document, with the keys that they would get in a new workspace."""
    for highlight in number_highlights(extracted.highlights):
        key = build_source_id_key(highlight) or build_anchor_key(
            highlight, highlight.occurrence
        )
        yield replace(highlight, key=key)
