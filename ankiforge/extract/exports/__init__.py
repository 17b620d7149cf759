"""The base class of sources that read exports of other programs, such as Kindle and Readwise.

An `ExportSource` parses all files into items and then creates documents from the items. It reads
either all files or none, because a document may be spread over several files, and a file may
contain several documents.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from msgspec.structs import replace

from ankiforge.errors import ItemError, wrap_unexpected_errors
from ankiforge.extract.base import Candidate, convert_errors_to_problems
from ankiforge.extract.discover import explain_unread_file
from ankiforge.extract.file_source import DirectorySource, File
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentLookup,
    ExtractedDocument,
    Highlight,
    Problem,
    Sighting,
    SkippedText,
    Strings,
    UnchangedDocument,
    UnmarkedDocument,
    UnreadDocument,
    hash16,
)
from ankiforge.plugins import wrap_plugin_errors

REPLACEMENT_CHARACTER = "\ufffd"
"""Replaces bytes that can't be decoded."""
MAX_REPORTED_ITEMS = 20
"""The maximum number of malformed items per file that are reported one by one."""
MAX_EXPORT_BYTES = 64_000_000
"""The maximum size of an export. After ten years, a heavy reader's export has 2 MB."""

NamedSightings = tuple[str, Iterator[Sighting]]
"""(document name for messages, iterator over the document and its problems)"""


class ExportSource(DirectorySource):
    """Base class for sources that read files which were exported from an account.

    Subclasses implement `read_items`, which reads one file, and `build_documents`, which builds
    documents from the items of all files. For text files, `TextExportSource` is simpler.
    """

    is_export = True

    wrong_file_message: ClassVar[str]
    """The message for a file that the user named but that isn't an export."""
    export_hint: ClassVar[str]
    """How to get an export."""

    @abstractmethod
    def read_items(self, file: File) -> Iterator[Any]:
        """Yield the items of a file, and a problem for each malformed item.

        Raises:
            ItemError: The rest of the file cannot be read.
        """

    @abstractmethod
    def build_documents(self, items: list[Any]) -> Iterator[NamedSightings]:
        """Yield the name of each document, with an iterator over its scan results."""

    def create_document(self, key_parts: Strings, title: str, **fields: Any) -> Document:
        """Create a document whose key contains a hash of `key_parts`.

        `fields` are further fields of the document.
        """
        document_key = DocumentKey(f"{self.listing.namespace}/{hash16(*key_parts)}")
        return Document(document_key, self.listing.name, title or "Untitled", **fields)

    def iter_document(
        self,
        document: Document,
        highlights: Iterable[Highlight],
    ) -> Iterator[ExtractedDocument]:
        """Yield a document with its highlights, or nothing if it has no highlights."""
        if highlights := tuple(highlights):
            yield ExtractedDocument(document, highlights, self.listing.container)

    def scan(self, known: DocumentLookup | None = None) -> Iterator[Sighting]:
        """Yield the problems, the documents, a `ScanEnd`, and finally the skipped texts.

        If any file has changed, all files are read again, because a document may be spread over
        several files. The skipped texts are part of an `UnmarkedDocument`.
        """
        folder = self.listing
        listed_files = [*folder.list_files()]
        exports, problems = self._select_exports(listed_files)
        yield from problems

        own_container = f"{self.kind} source {folder.name}"
        fingerprint = ""
        if known:
            fingerprint = folder.fingerprint_files(listed_files)
            documents = self._list_known_documents(known, own_container)
            if _are_unchanged(documents, known, fingerprint):
                yield from documents
                yield folder.build_scan_end()
                return

        items: list[Any] = []
        skipped_texts: list[SkippedText] = []
        for item in self._read_exports(exports):
            if isinstance(item, Problem):
                fingerprint = ""  # so that the next scan reports the problem again
                yield item
            elif isinstance(item, SkippedText):
                skipped_texts.append(item)
            else:
                items.append(item)
        for name, sightings in self.build_documents(items):
            for sighting in convert_errors_to_problems(name, sightings):
                if isinstance(sighting, Problem):
                    fingerprint = ""
                if isinstance(sighting, ExtractedDocument):
                    sighting = replace(
                        sighting,
                        fingerprint=fingerprint,
                        # some of its highlights may be among the malformed items
                        is_fully_read=not folder.is_incomplete,
                    )
                yield sighting
        scan_end = folder.build_scan_end()
        yield scan_end
        if skipped_texts or (known and scan_end.complete):
            yield UnmarkedDocument(
                own_container,
                folder.name,
                fingerprint,
                skipped_texts=tuple(skipped_texts),
                source=folder.name,
            )

    def _list_known_documents(
        self, known: DocumentLookup, own_container: str
    ) -> list[UnchangedDocument]:
        """Return the documents that the last scan found, and the source's own."""
        documents = [UnchangedDocument(own_container, self.listing.name)]
        for path in known.list_paths(self.listing.container):
            documents.append(UnchangedDocument(self.listing.container, path))
        return documents

    def _select_exports(
        self, listed_files: Iterable[File | Problem | UnreadDocument]
    ) -> tuple[list[File], list[Sighting]]:
        """Return the exports, from oldest to newest, and the problems with other files.

        The scan is incomplete if a file may be an export that can't be read now, because the
        documents that were read from it before must not count as deleted.
        """
        exports: list[File] = []
        problems: list[Sighting] = []
        for file in listed_files:
            if not isinstance(file, File):
                # an export's documents are unknown until it is read
                is_directory = isinstance(file, Problem) and file.location.endswith("/")
                if isinstance(file, UnreadDocument) or is_directory:
                    self.listing.is_incomplete = True
                problems.append(file)
                continue
            candidate = Candidate(file.as_path)
            if candidate.suffix in self.suffixes and self.recognise(candidate):
                exports.append(file)
                continue
            problem = self._explain_other_file(file, candidate)
            if problem is None:
                self.listing.rejected_paths.append(file.disk_path)
                continue
            if not problem.is_notice:
                self.listing.is_incomplete = True
            problems.append(problem)
        suffixes = [Path(file.path).suffix.casefold() for file in exports]
        self.listing.read_counts = Counter(suffixes)
        exports.sort(key=_get_modification_time)
        return exports, problems

    def _explain_other_file(self, file: File, candidate: Candidate) -> Problem | None:
        """Return the problem with a file that isn't an export, or that can't be read.

        Returns None if another source may read the file.
        """
        if file.is_named_by_user:
            # an empty file may be filled later, so it is just a notice
            is_empty = file.stamp is not None and file.stamp[2] == 0
            reason = explain_unread_file(file.as_path, [type(self)])
            message = ": ".join(filter(None, (self.wrong_file_message, reason)))
            return Problem(file.path, message, self.export_hint, is_notice=is_empty)
        if candidate.read_error:
            error = candidate.read_error
            return Problem(file.path, error.message, error.hint)
        return None

    def _read_exports(self, exports: Iterable[File]) -> Iterator[Any]:
        """Yield the items of all exports, the problems, and the texts that look like highlights."""
        for file in exports:
            for item in self._read_items(file):
                if isinstance(item, SkippedText):
                    location = ", ".join(filter(None, (file.path, item.location)))
                    yield replace(item, location=location)
                else:
                    yield item

    def _read_items(self, file: File) -> Iterator[Any]:
        """Yield the items in a file, and problems for the first few malformed items.

        A malformed item makes the scan incomplete, because it may be a damaged item that was read
        before.
        """
        malformed_count = 0
        try:
            with wrap_unexpected_errors(), wrap_plugin_errors(self.distribution):
                for item in self.read_items(file):
                    if isinstance(item, Problem):
                        malformed_count += 1
                        if malformed_count > MAX_REPORTED_ITEMS:
                            continue
                    yield item
        except ItemError as error:
            # the rest of the file can't be read
            malformed_count += 1
            yield self.listing.record_read_error(file, error)
        if malformed_count:
            self.listing.is_incomplete = True
        if malformed_count > MAX_REPORTED_ITEMS:
            yield Problem(
                f"{file.path}: the rest",
                f"{malformed_count - MAX_REPORTED_ITEMS} more like these",
            )


def _are_unchanged(
    documents: Iterable[UnchangedDocument], known: DocumentLookup, fingerprint: str
) -> bool:
    """Return whether the last scan stored a fingerprint with all of these documents."""
    return all(
        known.is_unchanged(document.container, document.path, fingerprint)
        for document in documents
    )


def _get_modification_time(file: File) -> int:
    """Return when a file was last changed, in nanoseconds, or 0 if that is unknown."""
    if file.stamp is None:
        return 0
    return file.stamp[0]


class TextExportSource(ExportSource):
    """Base class for sources that read text files which were exported from an account."""

    @abstractmethod
    def parse_items(self, path: str, text: str) -> Iterator[Any]:
        """Yield the items of a file, and a problem for each malformed item.

        `text` is the content of the file. `path` is only used in problems.

        Raises:
            ItemError: The rest of the file cannot be read.
        """

    def read_items(self, file: File) -> Iterator[Any]:
        """Read a text file, and yield its items and problems."""
        return self.parse_items(file.path, file.read_text(MAX_EXPORT_BYTES, repairs=True))
