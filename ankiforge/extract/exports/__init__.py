"""Sources that read what other programs export: Kindle, Readwise, Hypothesis, cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from msgspec.structs import replace

from ankiforge.errors import ItemError, one_item
from ankiforge.extract.base import Candidate, Confidence, of_one
from ankiforge.extract.discover import kind_of, why_not
from ankiforge.extract.folder import File, FolderSource
from ankiforge.model import (
    NO_EXPORT,
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    Known,
    LeftOut,
    Problem,
    Sighting,
    Strings,
    Unchanged,
    Unmarked,
    Unread,
    h16,
)
from ankiforge.plugins import named

DAMAGED = "\ufffd"
"""The sign in place of bytes that are no letters."""
MOST = 20
"""The number of malformed items that are reported per file."""
LARGEST_EXPORT = 64_000_000
"""The maximum size of an export in bytes: a heavy reader's has two MB after ten years."""

Named = tuple[str, Iterator[Sighting]]
"""The name of a document for people, and its sightings."""


class ExportSource(FolderSource):
    """A source that reads files exported from an account.

    A subclass defines `items`, the contents of a file, and `documents`, which makes
    documents of the items of all files.
    """

    is_export = True

    not_an_export: ClassVar[str]
    """The problem with another file that a person named."""
    hint: ClassVar[str]
    """Where a person gets an export."""
    rest: ClassVar[str]
    """The words for more than `MOST` malformed items: "12 more are not entries"."""

    largest: ClassVar[int] = LARGEST_EXPORT
    """The bytes of the largest file that is read."""

    def read(self, file: File) -> Iterator[Any]:
        """Yield the items of a file, and a problem for each malformed one.

        Raises:
            ItemError: the rest of the file cannot be read.
        """
        return self.items(file.path, file.text(self.largest, repairs=True))

    def items(self, path: str, text: str) -> Iterator[Any]:
        """Yield the items of a file, and a problem for each malformed one.

        Raises:
            ItemError: the rest of the file cannot be read.
        """
        raise NotImplementedError

    def documents(self, items: list[Any]) -> Iterator[Named]:
        """Yield the documents made of the items of all files."""
        raise NotImplementedError

    def document(self, key: Strings, title: str, **known: Any) -> Document:
        """Return a document whose key is made of `key`, with the other fields known of it."""
        namespace = self.folder.namespace
        document_key = DocumentKey(f"{namespace}/{h16(*key)}")
        return Document(
            document_key,
            self.folder.name,
            title or "Untitled",
            **known,
        )

    def extracted(
        self,
        document: Document,
        highlights: Iterable[Highlight],
    ) -> Iterator[Extracted]:
        """Yield a document with its highlights, unless there are none."""
        marked = tuple(highlights)
        if marked:
            yield Extracted(document, marked, self.folder.container)

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield problems, then the documents, a `Scan`, and the highlights that were left out.

        If no file has changed, none is read. Otherwise all are, because a document may be
        spread over several files and a file may contain several documents.
        """
        # find the exports
        folder = self.folder
        listed = [*folder.files()]
        exports: list[File] = []
        left_out: list[LeftOut] = []
        yield from self._sorted(listed, exports, left_out)

        # leave all out if they are as they were
        own_container = f"{self.kind} source {folder.name}"
        fingerprint = folder.stamp(listed) if known else ""
        if known:
            places = [(own_container, folder.name)]
            places += [(folder.container, path) for path in known.paths(folder.container)]
            if all(known.is_unchanged(*place, fingerprint) for place in places):
                for place in places:
                    yield Unchanged(*place)
                yield folder.end()
                return

        # read them; what they tell is told every time, so they are read every time
        for sighting in self._read(exports, left_out):
            if isinstance(sighting, Problem):
                fingerprint = ""
            if isinstance(sighting, Extracted):
                sighting = replace(sighting, fingerprint=fingerprint)
            yield sighting
        end = folder.end()
        yield end
        if left_out or (known and end.complete):
            yield Unmarked(
                own_container,
                folder.name,
                fingerprint,
                left_out=tuple(left_out),
                source=folder.name,
            )

    def _sorted(
        self,
        listed: Iterable[File | Problem | Unread],
        exports: list[File],
        left_out: list[LeftOut],
    ) -> Iterator[Sighting]:
        """Add the exports among listed files to `exports`, the newest last.

        What looks like an export and is none is added to `left_out`. There is a problem for
        each other file that the user named, or that looks like an export.
        """
        for file in listed:
            if not isinstance(file, File):
                # which documents an export has is not known before it is read
                if isinstance(file, Unread) or file.where.endswith("/"):
                    self.folder.missed = True
                yield file
                continue
            candidate = Candidate(file.at)
            is_ours = candidate.ending in self.endings
            if is_ours and self.recognise(candidate).confidence > Confidence.NO:
                exports.append(file)
            elif candidate.failure and not file.named:
                # it may be an export: what was read of it before is not gone
                self.folder.missed = True
                failure = candidate.failure
                yield Problem(file.path, failure.message, failure.hint)
            elif file.named or (candidate.ending == ".csv" and not kind_of(file.at)):
                yield self._not_mine(file)
            else:
                left_out += self._left_to_others(file, candidate.ending)
        self.folder.read = Counter(Path(file.path).suffix.casefold() for file in exports)
        exports.sort(key=lambda file: file.stamp[0] if file.stamp else 0)

    def _left_to_others(self, file: File, ending: str) -> Iterator[LeftOut]:
        """Let other sources read a file that is no export; yield it if none does."""
        if ending == ".txt":
            for walked in self.folder.walked.values():
                walked.refused.add(ending)
                walked.pass_file(file.at)
        elif not kind_of(file.at):
            yield LeftOut(f"{ending} {NO_EXPORT}", file.path, why_not(file.at))

    def _read(self, exports: list[File], left_out: list[LeftOut]) -> Iterator[Sighting]:
        """Yield problems, then the documents.

        What looks like a highlight and is none is added to `left_out`.
        """
        items: list[Any] = []
        for file in exports:
            for item in self._contents(file):
                if isinstance(item, Problem):
                    yield item
                elif isinstance(item, LeftOut):
                    place = ", ".join(filter(None, (file.path, item.place)))
                    left_out.append(replace(item, place=place))
                else:
                    items.append(item)
        for name, sightings in self.documents(items):
            yield from of_one(name, sightings)

    def _not_mine(self, file: File) -> Problem:
        """Return why a file is not read. An empty one may be about to be filled."""
        is_empty = file.stamp is not None and file.stamp[2] == 0
        if file.named and not is_empty:
            self.folder.missed = True
        message = self.not_an_export
        reason = why_not(file.at, [type(self)])
        if reason:
            message = f"{message}: {reason}"
        return Problem(
            file.path,
            message,
            self.hint,
            notice=is_empty or not file.named,
        )

    def _contents(self, file: File) -> Iterator[Any]:
        """Yield the items of a file, and its problems: of the malformed items, only the first.

        A malformed item may be a damaged known one, so the scan is then incomplete.
        """
        malformed = 0
        try:
            with one_item(), named(self.distribution):
                for item in self.read(file):
                    if isinstance(item, Problem):
                        malformed += 1
                        if malformed > MOST:
                            continue
                    yield item
        except ItemError as error:
            malformed += 1
            yield self.folder.problem(file, error)
        self.folder.missed |= malformed > 0
        if malformed > MOST:
            yield Problem(
                f"{file.path}: the rest",
                f"{malformed - MOST} more {self.rest}",
            )
