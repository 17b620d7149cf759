"""Base classes of sources that read the files of a directory.

`FileListing` lists the files. `DirectorySource` adds the settings that select files, and
`FileSource` reads them one by one, skipping files that are unchanged since the last run. The
sources in `markdown`, `pdf`, `books`, `exports` and `web` are subclasses.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import shlex
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from ankiforge.errors import ItemError, wrap_unexpected_errors
from ankiforge.extract import files as disk
from ankiforge.extract.base import ScanProgress, SourceOpenParameters, SourceType
from ankiforge.model import (
    DocumentLookup,
    DocumentText,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    LazyText,
    PassageChoice,
    Problem,
    ScanEnd,
    Sighting,
    Strings,
    UnchangedDocument,
    UnmarkedDocument,
    UnreadDocument,
    Value,
    hash16,
)
from ankiforge.plugins import wrap_plugin_errors
from ankiforge.text import regex
from ankiforge.text.cloze import find_image_paths
from ankiforge.text.decoding import decode_text
from ankiforge.text.keys import percent_encode


class File(Value):
    """A file of a source, with its path relative to the root of the source."""

    path: str
    """The path relative to the root, in NFC and with `/` separators. If the root is a file, its
    name.
    """
    disk_path: str
    """The path on disk, as a string."""
    is_named_by_user: bool
    """Whether the user named this file itself, rather than a directory that contains it."""
    stamp: disk.Stamp | None = None
    chosen: tuple[PassageChoice, ...] = ()
    """The passages that the user chose in this file, or in a missing file that it may replace."""

    @property
    def as_path(self) -> Path:
        """`disk_path` as a `Path`, created on demand because creating it is slow."""
        return Path(self.disk_path)

    def read_text(
        self, max_bytes: int = disk.MAX_TEXT_BYTES, *, repairs: bool = False
    ) -> str:
        """Read the text, with LF line endings and without a byte order mark.

        If `repairs` is true, text in Windows-1252 is accepted, and bytes that can't be decoded
        become U+FFFD.

        Raises:
            ItemError: The file is too large, isn't text, or is unreadable.
        """
        raw, _ = disk.read_file(self.disk_path, max_bytes)
        return decode_text(raw, repairs=repairs)


# Matches the names that synchronization programs give to conflicting copies of notes.
_CONFLICT_COPY = regex(
    r"(?i).*(?:\.sync-conflict-\d{8}-\d{6}[^/]*"
    r"|\([^()]*conflicted copy[^()]*\)|\.Conflict[^/]*)\.md$"
)


class FileListing(msgspec.Struct):
    """Lists the files of a source, which is a directory, parts of a directory or a single file.

    It also records whether all files could be listed, and holds the names under which the
    ledger stores the scan and the highlights' keys.
    """

    kind: str
    """The source type, which is part of `container` and `namespace`."""
    name: str
    root: Path
    only: tuple[Path, ...] = ()
    is_included: Callable[[str], bool] = bool
    """Predicate for whether a relative path belongs to the source. It isn't called for files named
    by the user.
    """
    settings_text: str = ""
    """The settings that affect the results, as text, to detect changes."""
    is_incomplete: bool = False
    """Whether a file or directory couldn't be read, so that missing documents may still exist."""
    progress: ScanProgress = msgspec.field(default_factory=ScanProgress)
    """The progress of the scan, updated by sources with many files."""
    read_counts: Counter[str] = msgspec.field(default_factory=Counter)
    """The number of files that the last scan tried to read, by suffix."""
    rejected_paths: list[str] = msgspec.field(default_factory=list)
    """The paths on disk of files that the last scan opened and found to be of another kind."""
    unread_counts: Counter[str] = msgspec.field(default_factory=Counter)
    """The number of files that the last scan couldn't read completely, by suffix."""
    phrase_counts: Counter[str] = msgspec.field(default_factory=Counter)
    """The number of "bold" and of "marked" phrases in the notes read by the last scan."""
    other_files: dict[str, str] | None = None
    """The paths of files that don't belong to the source, by exact and by casefolded path and name,
    or None if the source isn't a vault. In a vault, skipped symbolic links and conflict copies are
    reported as well.
    """
    unfollowed_links: list[Problem] = msgspec.field(default_factory=list)
    """A notice for each skipped link that may lead to a note, from the last listing."""

    @property
    def container(self) -> str:
        """The name of the vault or directory, as in `ScanEnd`, e.g. `obsidian:notes`."""
        return f"{self.kind}:{self.name}"

    @property
    def namespace(self) -> str:
        """The part of highlight keys before the slash."""
        return f"{self.kind}:{percent_encode(self.name)}"

    def list_files(self) -> Iterator[File | Problem | UnreadDocument]:
        """Yield the files in sorted order, and a problem for each directory that can't be listed.

        A file that iCloud has evicted from this computer yields an `UnreadDocument`. Hidden files
        and symbolic links are skipped, unless the user named them; links that may lead to a note
        are added to `unfollowed_links`.
        """
        self._forget_last_scan()
        if self.other_files is not None and self.only:
            # record all other files, because note links may lead anywhere in the vault
            for _ in self._list_directory(self.root):
                pass
        listed: list[File | Problem | UnreadDocument] = []
        first_by_path: dict[str, File | UnreadDocument] = {}
        reported: set[Problem] = set()
        for start in self.only or (self.root,):
            for entry in self._list_start(start):
                if not isinstance(entry, Problem) and entry.path not in first_by_path:
                    first_by_path[entry.path] = entry
                    listed.append(entry)
                    continue
                if isinstance(entry, Problem):
                    problem = entry
                elif _is_encoded_differently(first_by_path[entry.path], entry):
                    hint = "rename one of the two"
                    problem = Problem(entry.path, _SAME_NAME_MESSAGE, hint)
                else:  # several starts contain the file
                    continue
                if problem not in reported:
                    reported.add(problem)
                    listed.append(problem)
        yield from listed

    def _forget_last_scan(self) -> None:
        """Reset what is recorded during a scan."""
        self.is_incomplete = False
        self.rejected_paths.clear()
        self.unread_counts.clear()
        self.phrase_counts.clear()
        self.unfollowed_links.clear()

    def _list_start(self, start: Path) -> Iterator[File | Problem | UnreadDocument]:
        """Yield the files of a directory or file at which the listing starts."""
        if not start.is_file():
            yield from self._list_directory(start)
        elif self.other_files is not None and not start.is_relative_to(self.root):
            yield Problem(start.name, "it is outside the vault")
        else:  # the user named it
            path = disk.get_relative_path(start, self.root)
            yield File(
                path, str(start), is_named_by_user=True, stamp=disk.read_stamp(start)
            )

    def _list_directory(self, start: Path) -> Iterator[File | Problem | UnreadDocument]:
        """Yield the files under a directory, and a problem if a directory can't be listed."""
        errors: list[OSError] = []
        evicted_paths: list[str] = []
        root_prefix = os.path.join(self.root, "")  # noqa: PTH118 - called for very many files
        for entry in _walk_directory(start, errors):
            path = entry.name
            if entry.path.startswith(root_prefix):
                path = entry.path.removeprefix(root_prefix)
            # iCloud replaces `a.md` with the hidden file `.a.md.icloud` when it evicts the file
            evicted_name = disk.parse_icloud_placeholder(entry.name)
            if evicted_name is not None:
                evicted_path = path.removesuffix(entry.name) + evicted_name
                evicted_paths.append(disk.normalize_name(evicted_path))
            elif not disk.is_hidden(entry.name):
                listed = self._classify_entry(entry, disk.normalize_name(path))
                if listed is not None:
                    yield listed
        for path in evicted_paths:
            # a name without a suffix may be that of a directory
            has_suffix = "." in posixpath.basename(path)
            if not has_suffix or self.is_included(path):
                yield UnreadDocument(self.container, path)
        for error in errors:
            yield self._record_unlisted_directory(error)

    def _record_unlisted_directory(self, error: OSError) -> Problem:
        """Return the problem of a directory that can't be listed.

        If it isn't there, or is the root, the scan is marked as incomplete.
        """
        directory = Path(str(error.filename))
        label = str(directory)
        if directory != self.root:
            label = f"{disk.get_relative_path(directory, self.root)}/"
        if not directory.exists():
            message = "it is not there"
            self.is_incomplete = True
        elif isinstance(error, NotADirectoryError):
            message = "it is neither a regular file nor a folder"
        else:
            message = f"cannot be listed: {error.strerror or error}"
        if directory == self.root:
            self.is_incomplete = True
        hint = "check that the disk is mounted; if it moved, change its path in ankiforge.yaml"
        return Problem(label, message, hint)

    def _classify_entry(
        self, entry: os.DirEntry[str], path: str
    ) -> File | Problem | None:
        """Return a `File` or a problem for a directory entry, or None if it should be skipped."""
        if entry.is_symlink():
            if self.other_files is not None:
                self._record_unfollowed_link(entry.path, path)
            return None
        if self.is_included(path):
            if self.other_files is not None and _CONFLICT_COPY.match(path):
                message = "a conflict copy was left out"
                return Problem(path, message, "merge it, then delete it")
            if entry.is_file(follow_symlinks=False):
                stamp = disk.read_stamp(entry.path)
                return File(path, entry.path, is_named_by_user=False, stamp=stamp)
        if self.other_files is not None:
            _record_other_file(self.other_files, path)
        return None

    def _record_unfollowed_link(self, link_path: str, path: str) -> None:
        """Record a symbolic link if it may lead to a note outside the vault."""
        target = Path(os.path.realpath(link_path))
        # a link to a directory is recorded if the directory's notes would belong to the source
        note_path = f"{path}/a.md" if target.is_dir() else path
        if not self.is_included(note_path):
            return
        is_loop = target.is_symlink()
        # a note inside the vault is read at its own path
        leads_inside = target.exists() and target.is_relative_to(self.root.resolve())
        if is_loop or leads_inside:
            return
        if target.exists():
            hint = f"to read its target: ankiforge run {shlex.quote(str(target))}"
        else:
            hint = "it points nowhere: repair or delete it"
        message = "a link is not followed"
        self.unfollowed_links.append(
            Problem(path, message, hint, is_notice=True, is_reported_once=True)
        )

    def record_read_error(self, file: File, error: ItemError) -> Problem:
        """Record that a file can't be read, and return the problem to report.

        If the file no longer exists, the scan is marked as incomplete, because the file may
        have been moved to a directory that had already been listed.
        """
        self.is_incomplete |= isinstance(error.__cause__, FileNotFoundError)
        self.count_unread_file(file)
        return Problem(file.path, error.message, error.hint)

    def count_unread_file(self, file: File) -> None:
        """Count a file that couldn't be read completely, by its suffix."""
        self.unread_counts[Path(file.path).suffix.casefold()] += 1

    def fingerprint_files(
        self, entries: Iterable[File | Problem | UnreadDocument]
    ) -> str:
        """Return a hash that changes whenever a scan of these files could give other results.

        Returns "" if a change might go unnoticed, e.g. because a file was written just now.
        """
        stamps: list[tuple[str, disk.Stamp]] = []
        for entry in entries:
            if isinstance(entry, Problem) and entry.is_notice:
                continue
            if not isinstance(entry, File) or entry.stamp is None:
                return ""
            if not disk.is_stamp_reliable(entry.stamp):
                return ""
            stamps.append((entry.disk_path, entry.stamp))
        reader = (self.container, str(self.root), repr(self.only), self.settings_text)
        return hash16(disk.fingerprint_program(), *reader, repr(stamps))

    def build_scan_end(self) -> ScanEnd:
        """Return the `ScanEnd` to yield at the end of a scan, after all files have been listed.

        The scan counts as complete if it covered the whole source and missed no file.
        """
        return ScanEnd(
            self.name,
            self.container,
            complete=not self.only and not self.is_incomplete,
            directory=str(self.root),
        )


_SAME_NAME_MESSAGE = (
    "left out: another file here has the same name, encoded differently (é as e and ´)"
)


def _is_encoded_differently(first: object, second: object) -> bool:
    """Return whether two entries with the same path, which is in NFC, are two files on disk."""
    if not isinstance(first, File) or not isinstance(second, File):
        return False
    return first.disk_path != second.disk_path


def _walk_directory(start: Path, errors: list[OSError]) -> Iterator[os.DirEntry[str]]:
    """Yield the files under a directory, in order.

    The error of each directory that can't be listed is appended to `errors`.
    """
    pending = [str(start)]
    while pending:
        directory = pending.pop()
        try:
            with os.scandir(directory) as iterator:
                entries = sorted(iterator, key=attrgetter("name"))
        except OSError as error:
            errors.append(error)
            continue
        subdirectories = []
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield entry
            elif not disk.is_hidden(entry.name):
                if not disk.is_skipped_directory(directory, entry.name):
                    subdirectories.append(entry.path)
        pending += reversed(subdirectories)


# --- sources ----------------------------------------------------------------------------


@dataclass(frozen=True)
class DirectorySource(SourceType):
    """Base class for sources that read the files in a directory."""

    listing: FileListing
    settings: Any
    opening: SourceOpenParameters

    has_several_authors: ClassVar[bool] = False
    """Whether files may contain marks by several people, so that the setting `me` matters."""

    @classmethod
    def open(cls, opening: SourceOpenParameters) -> Self:
        """Create a source for the files in the root directory.

        The files are selected by the settings `include` and `exclude` or, by default, by the
        suffixes in `suffixes`.
        """
        people = opening.me if cls.has_several_authors else ()
        listing = FileListing(
            cls.kind,
            opening.name,
            opening.root,
            opening.only,
            cls._make_file_filter(opening.settings),
            settings_text=repr((opening.settings, people)),
        )
        return cls(listing, opening.settings, opening)

    @classmethod
    def _make_file_filter(cls, settings: Any) -> Callable[[str], bool]:
        """Return the predicate for whether a relative path belongs to the source."""
        if not hasattr(settings, "include"):
            return lambda path: path.casefold().endswith(cls.suffixes)
        is_included = disk.compile_patterns(settings.include)
        is_excluded = disk.compile_patterns(getattr(settings, "exclude", ()))
        return lambda path: is_included(path) and not is_excluded(path)

    @abstractmethod
    def scan(self, known: DocumentLookup | None = None) -> Iterator[Sighting]:
        """Yield documents, problems and finally a `ScanEnd`. See `model.Source`."""


_MAX_PICTURE_BYTES = 50 << 20
"""The maximum size of a picture to read, in bytes."""


FindPicture = Callable[[str], str]
"""Function that takes the target of an embedded picture and returns the picture's path, or "" if
the target isn't a picture.
"""


_NO_TEXT_MESSAGE = "passages cannot be chosen from such a file"


class FileSource(DirectorySource):
    """Base class of sources in which each file is a document.

    If the documents are text files, use `TextFileSource`.
    """

    rereads_named_files: ClassVar[bool] = False
    """Whether a file named by the user is read even if it is unchanged, to report on it again."""
    has_marks: ClassVar[bool] = True
    """Whether the files can contain highlights, rather than only passages chosen by the user."""

    @abstractmethod
    def extract_file(
        self, file: File, reader: Any, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield the documents and problems of a file.

        Args:
            file: The file to read.
            reader: The value that `open_reader` yields.
            find_picture: Looks up pictures that the file refers to.

        Raises:
            ItemError: The file can't be read.
        """

    def open_reader(self, files: list[File]) -> AbstractContextManager[Any]:
        """Return a context manager that yields a reader, such as a pool of subprocesses.

        All changed files are read with the same reader. By default, it is None.
        """
        return nullcontext()

    def read_whole_text(self, file: File, reader: Any) -> DocumentText:
        """Read the whole text of a file, so that passages can be located in it.

        Raises:
            ItemError: The file can't be read, or has no text.
        """
        raise ItemError(
            _NO_TEXT_MESSAGE, hint="name a PDF, a note, a text, a web page or an EPUB"
        )

    def iter_whole_texts(self) -> Iterator[tuple[Path, DocumentText] | Problem]:
        """Yield (path, whole text) for each file, or a problem if it can't be read."""
        for entry in self.listing.list_files():
            if isinstance(entry, Problem):
                yield entry
            elif isinstance(entry, File):
                try:
                    with (
                        wrap_unexpected_errors(),
                        wrap_plugin_errors(self.distribution),
                        self.open_reader([entry]) as reader,
                    ):
                        whole_text = self.read_whole_text(entry, reader)
                except ItemError as error:
                    yield self.listing.record_read_error(entry, error)
                else:
                    yield entry.as_path, whole_text

    def iter_notices(self) -> Iterator[Problem]:
        """Yield problems that concern the source rather than one of its files."""
        yield from ()

    def iter_skipped_directories(self) -> Iterator[UnmarkedDocument]:
        """Yield an `UnmarkedDocument` with the reasons for each directory with unread files."""
        yield from ()

    def covers_all_files(self, files: Sequence[File]) -> bool:
        """Return whether the scan is complete and `files` contains all files of the source."""
        if not self.listing.build_scan_end().complete:
            return False
        return len(files) == self.listing.progress.total

    def iter_first_scan_notices(self, files: Sequence[File]) -> Iterator[Problem]:
        """Yield notices that are shown only once, after the first scan of all files."""
        yield from ()

    def get_dependency_fingerprint(self, name: str, file: File) -> str:
        """Return a string that changes whenever a file that a document depends on changes.

        If the string has changed since the last run, the document is read again. For a picture,
        the string is the path. It is "" if there is nothing to depend on.
        """
        return find_media_path(name, file.path, self.listing)

    def read_public_text(self, file: File) -> str:
        """Return the public text of a file without highlights, or "" if it is unknown."""
        return ""

    @property
    def selection_settings_text(self) -> str:
        """The settings that determine which passages are selected, as text to compare with."""
        settings = msgspec.to_builtins(self.settings)
        selection = {key: settings[key] for key in settings.keys() - {"path", "name"}}
        return msgspec.json.encode(selection, order="sorted").decode()

    def scan(self, known: DocumentLookup | None = None) -> Iterator[Sighting]:
        """Yield problems, unchanged files, changed documents and finally a `ScanEnd`.

        A file is yielded as an `UnchangedDocument` if neither the file nor a picture in it
        has changed. Unchanged files and documents are each sorted by path.
        """
        listing = self.listing
        files: list[File] = []
        for entry in listing.list_files():
            if isinstance(entry, File):
                files.append(entry)
            else:
                yield entry
        yield from self.iter_notices()
        yield from self._scan_skipped_directories(known)
        files.sort(key=attrgetter("path"))
        listing.progress.total = len(files)

        is_unchanged = partial(self._is_unchanged, known)
        files = assign_chosen_passages(files, known, listing, is_unchanged)
        listing.read_counts = self._count_read_files(files)
        changed: list[File] = []
        for file in files:
            if is_unchanged(file):
                yield UnchangedDocument(listing.container, file.path)
            else:
                changed.append(file)
        listing.progress.done = len(files) - len(changed)
        is_first_scan = len(changed) == len(files)
        if known is not None and known.list_paths(listing.container):
            is_first_scan = False
        failure_count = yield from self._read_files(changed, known)
        if files and failure_count == len(files):
            listing.is_incomplete = True
        if is_first_scan:
            yield from listing.unfollowed_links
            yield from self.iter_first_scan_notices(files)
        yield listing.build_scan_end()

    def _read_files(
        self, files: list[File], known: DocumentLookup | None
    ) -> Generator[Sighting, None, int]:
        """Yield the scan results of changed files, and return how many couldn't be read."""
        failure_count = 0
        with self.open_reader(files) as reader:
            for file in files:
                try:
                    with wrap_unexpected_errors(), wrap_plugin_errors(self.distribution):
                        sightings = self._read_file(file, reader, known)
                except ItemError as error:
                    failure_count += 1
                    sightings = [self.listing.record_read_error(file, error)]
                yield from sightings
                self.listing.progress.count_document()
        return failure_count

    def _scan_skipped_directories(
        self, known: DocumentLookup | None
    ) -> Iterator[Sighting]:
        container = self.listing.container
        for skipped in self.iter_skipped_directories():
            if known and known.is_unchanged(container, skipped.path, skipped.fingerprint):
                yield UnchangedDocument(container, skipped.path)
            else:
                yield replace(skipped, source=self.listing.name)

    def _count_read_files(self, files: Iterable[File]) -> Counter[str]:
        """Count the files that are read for their marks or for chosen passages, by suffix."""
        counts: Counter[str] = Counter()
        for file in files:
            if self.has_marks or file.chosen:
                _, suffix = posixpath.splitext(file.path)
                counts[suffix.casefold()] += 1
        return counts

    def _is_unchanged(self, known: DocumentLookup | None, file: File) -> bool:
        """Return whether a file and its dependencies are unchanged since the last run."""
        if known is None or (self.rereads_named_files and file.is_named_by_user):
            return False
        container = self.listing.container
        dependencies = known.find_dependencies(container, file.path)
        if dependencies is None:
            return False
        fingerprint = self._compute_fingerprint(file, dependencies)
        return known.is_unchanged(container, file.path, fingerprint)

    def _read_file(
        self, file: File, reader: Any, known: DocumentLookup | None
    ) -> Sequence[Sighting]:
        """Read a file, and return its scan results, with the passages that the user chose in it.

        Documents get their fingerprint, their dependencies and the hashes of their figures. A file
        with problems gets no fingerprint, so that it is read and reported again in every run.
        """
        path_by_target: dict[str, str] = {}

        def find_picture(target: str) -> str:
            if target not in path_by_target:
                path_by_target[target] = self.get_dependency_fingerprint(target, file)
            return path_by_target[target]

        sightings = self._extract_highlights(file, reader, find_picture)
        dependencies = tuple(path_by_target)
        problems = [item for item in sightings if isinstance(item, Problem)]
        if not all(problem.is_notice for problem in problems):
            self.listing.count_unread_file(file)
        fingerprint = ""
        if known and not problems:
            fingerprint = self._compute_fingerprint(file, dependencies)
        if known and not sightings:
            return [self._make_unmarked_document(file, fingerprint, dependencies)]
        return [
            self._complete_sighting(sighting, fingerprint, dependencies)
            for sighting in sightings
        ]

    def _extract_highlights(
        self, file: File, reader: Any, find_picture: FindPicture
    ) -> Sequence[Sighting]:
        """Return the documents and problems of a file, with the passages that the user chose."""
        sightings = [*self.extract_file(file, reader, find_picture)]
        if not file.chosen:
            return sightings
        from ankiforge.extract.chosen_passages import add_chosen_passages

        whole_text = self.read_whole_text(file, reader)
        return add_chosen_passages(
            sightings, whole_text, file.chosen, self.listing.container
        )

    def _make_unmarked_document(
        self, file: File, fingerprint: str, dependencies: Strings
    ) -> UnmarkedDocument:
        """Return the scan result of a file without highlights. Its text is read on demand."""
        return UnmarkedDocument(
            self.listing.container,
            file.path,
            fingerprint,
            dependencies,
            public_text=LazyText(partial(self.read_public_text, file)),
        )

    def _complete_sighting(
        self, sighting: Sighting, fingerprint: str, dependencies: Strings
    ) -> Sighting:
        """Add to a document what the next run needs to find out whether it has changed."""
        if isinstance(sighting, ExtractedDocument):
            return replace(
                self._hash_figures(sighting),
                fingerprint=fingerprint,
                dependencies=dependencies,
            )
        if isinstance(sighting, UnmarkedDocument):
            return replace(
                sighting,
                source=self.listing.name,
                fingerprint=fingerprint,
                dependencies=dependencies,
            )
        return sighting

    def _hash_figures(self, document: ExtractedDocument) -> ExtractedDocument:
        """Add the hashes of highlighted pictures that don't have one."""
        highlights = []
        for highlight in document.highlights:
            if highlight.kind is HighlightKind.IMAGE and not highlight.figure_hash:
                highlight = replace(highlight, figure_hash=self._hash_figure(highlight))
            highlights.append(highlight)
        return replace(document, highlights=tuple(highlights))

    def _hash_figure(self, picture: Highlight) -> str:
        """Hash the file of a highlighted picture, or return "" if the source has no such file."""
        path = _find_picture_path(picture)
        if path is None or not _is_file_below(
            self.listing.root, posixpath.normpath(path)
        ):
            return ""
        with suppress(OSError, ItemError):
            stored_path = disk.find_path_on_disk(_find_directory(self.listing.root), path)
            data, _ = disk.read_file(stored_path, _MAX_PICTURE_BYTES)
            return hashlib.sha256(data).hexdigest()[:16]
        return ""

    @cached_property
    def _reader_fingerprint(self) -> str:
        """A hash that changes whenever the same file could give a different result."""
        return hash16(
            disk.fingerprint_program(),
            self.listing.name,
            os.path.realpath(self.listing.root),
            self.listing.settings_text,
        )

    def _compute_fingerprint(self, file: File, dependencies: Iterable[str]) -> str:
        """Return a string that changes whenever reading the file could give a different result.

        Returns "" if a change to the file might not change its timestamps.
        """
        if file.stamp is None or not disk.is_stamp_reliable(file.stamp):
            return ""
        fingerprint = f"{self._reader_fingerprint} {file.stamp} "
        other_parts = []
        picture_states = []
        for target in dependencies:
            picture_states.append((target, self.get_dependency_fingerprint(target, file)))
        if picture_states:
            other_parts.append(repr(picture_states))
        if file.chosen:
            other_parts.append(repr(file.chosen))
        if not other_parts:
            return fingerprint
        return fingerprint + hash16(*other_parts)


class TextFileSource(FileSource):
    """Base class of sources in which each text file is a document."""

    @abstractmethod
    def read_document(
        self, file: File, text: str, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield a file's document, if it has highlights, and any problems.

        Args:
            file: The file to read.
            text: The content of the file.
            find_picture: Looks up pictures that the text refers to.

        Raises:
            ItemError: The file can't be read.
        """

    def extract_file(
        self, file: File, reader: Any, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Read the text of a file, and yield its documents and problems."""
        text, _ = disk.read_when_unchanged(file.disk_path)
        return self.read_document(file, text, find_picture)


def assign_chosen_passages(
    files: Sequence[File],
    known: DocumentLookup | None,
    listing: FileListing,
    is_unchanged: Callable[[File], bool],
) -> list[File]:
    """Attach to each file the passages that the user chose in it.

    Passages of a missing or changed file may have moved to another file, so they are also
    attached to every new file, and to every known file with the same name.
    """
    if known is None:
        return list(files)
    choices = known.find_choices(listing.container)
    if not choices:
        return list(files)
    files = _assign_by_path(files, choices)

    # the paths of which the passages are certainly still there
    kept_paths = _find_unlisted_paths({choice.path for choice in choices}, files, listing)
    for file in files:
        if file.chosen and is_unchanged(file):
            kept_paths.add(file.path)
    moved = [choice for choice in choices if choice.path not in kept_paths]
    moved_names = {posixpath.basename(choice.path) for choice in moved}

    known_paths = set(known.list_paths(listing.container))
    assigned = []
    for file in files:
        is_new = file.path not in known_paths
        if is_new or posixpath.basename(file.path) in moved_names:
            chosen = tuple(dict.fromkeys((*file.chosen, *moved)))
            assigned.append(replace(file, chosen=chosen))
        else:
            assigned.append(file)
    return assigned


def _assign_by_path(
    files: Iterable[File], choices: Iterable[PassageChoice]
) -> list[File]:
    """Attach to each file the passages that the user chose in a file with its path."""
    choices_by_path = defaultdict[str, list[PassageChoice]](list)
    for choice in choices:
        choices_by_path[choice.path].append(choice)
    return [
        replace(file, chosen=tuple(choices_by_path.get(file.path, ()))) for file in files
    ]


def _find_unlisted_paths(
    paths: Iterable[str], files: Iterable[File], listing: FileListing
) -> set[str]:
    """Return those of the paths that exist although they couldn't be listed."""
    listed_paths = {file.path for file in files}
    directory = _find_directory(listing.root)
    unlisted_paths = set()
    for path in paths:
        if path not in listed_paths and (directory / path).exists():
            unlisted_paths.add(path)
    return unlisted_paths


# --- pictures ---------------------------------------------------------------------------


def find_media_path(target: str, note_path: str, listing: FileListing) -> str:
    """Find the picture, sound or video that a note refers to.

    Returns the path of the file relative to the root. If there is no such file, returns `target`.
    If `target` isn't the name of a media file, returns "".

    Args:
        target: The reference, as written in the note.
        note_path: The path of the note.
        listing: The file listing of the source.
    """
    if not disk.MEDIA_FILE_NAME.match(target):
        return ""
    target = disk.normalize_name(target)
    relative_to_note = posixpath.join(posixpath.dirname(note_path), target)
    places = (
        posixpath.normpath(relative_to_note),
        posixpath.normpath(target.lstrip("/")),  # relative to the root
    )
    if listing.other_files is None:
        for path in places:
            if _is_file_below(listing.root, path):
                return path
        return target
    # in a vault, a reference may consist of the name alone
    for path in (*places, target.rpartition("/")[2]):
        media_path = _find_other_file(listing.other_files, path)
        if media_path is not None:
            return media_path
    return target


def _record_other_file(paths_by_key: dict[str, str], path: str) -> None:
    """Record a file's path so that `_find_other_file` finds it by its path or name.

    Of several files with the same name, the first one is found.
    """
    for path_or_name in (path, path.rpartition("/")[2]):
        paths_by_key.setdefault(_make_exact_key(path_or_name), path)
        paths_by_key.setdefault(path_or_name.casefold(), path)


def _find_other_file(paths_by_key: dict[str, str], path_or_name: str) -> str | None:
    """Return the path of the file with a path or name, preferring one with the same case."""
    exact_key = _make_exact_key(path_or_name)
    if exact_key in paths_by_key:
        return paths_by_key[exact_key]
    return paths_by_key.get(path_or_name.casefold())


def _make_exact_key(path_or_name: str) -> str:
    """Return a key that can't be equal to a casefolded path or name."""
    return f"\0{path_or_name}"


def _find_directory(root: Path) -> Path:
    """Return the root of a source, or the directory of a root that is a file."""
    return root if root.is_dir() else root.parent


def _find_picture_path(picture: Highlight) -> str | None:
    """Return the path of a highlighted picture, or None if its Markdown has none."""
    for markdown in picture.markdown[:1]:
        for path in find_image_paths(markdown):
            return unquote(path) or None
    return None


def _is_file_below(root: Path, path: str) -> bool:
    if path.startswith(("/", "..")):
        return False
    try:
        return disk.find_path_on_disk(_find_directory(root), path).is_file()
    except (OSError, ValueError):
        return False


# --- settings and times -----------------------------------------------------------------


def select_card_syntaxes(
    entries: Iterable[str], default: Iterable[str]
) -> frozenset[str]:
    """Return the card syntaxes that the setting `cards` selects.

    An entry such as `-word` excludes a syntax. If all entries are exclusions, every syntax in
    `default` that they don't exclude is selected.
    """
    excluded: set[str] = set()
    selected: set[str] = set()
    for entry in entries:
        if entry.startswith("-"):
            excluded.add(entry[1:])
        else:
            selected.add(entry)
    if excluded and not selected:
        selected = set(default)
    return frozenset(selected - excluded)


def normalize_time(text: str) -> str:
    """Convert a timestamp to ISO 8601 with a time zone, or return "" if it is invalid.

    A time without a zone is assumed to be in UTC.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return time.replace(tzinfo=time.tzinfo or UTC).isoformat()
