"""PDFs of a folder: the passages a person marked, and the notes they left.

    sources:
      - pdf: {name: papers, path: ~/Papers}

The files are read by a worker process (`worker`), as PDFs crash, hang and lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from ankiforge.domain import (
    Document,
    DocumentKey,
    Extracted,
    Form,
    Highlight,
    Problem,
    Scan,
    Sighting,
    Source,
)
from ankiforge.extract import SourceSettings
from ankiforge.extract.pdf.client import SECONDS, PdfWorker
from ankiforge.extract.pdf.files import matcher, relative, walk
from ankiforge.extract.pdf.protocol import Failed, Mark, Read
from ankiforge.text.anchors import numbered


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `ankiforge.yaml` may say about a folder of PDFs; for the patterns see `files.matcher`."""

    include: tuple[str, ...] = ("**/*.pdf",)
    exclude: tuple[str, ...] = ()
    passwords: tuple[str, ...] = ()
    """Tried in turn on every locked file."""


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    seconds: float = SECONDS,
) -> Source:
    """Make a reader of the PDFs below `root` (a folder or one file), see `extract.SourceModule`.

    `me` are the names (/T) whose comments may instruct, () = everybody's; `seconds` is the time
    that reading one file may take.
    """
    return PdfSource(name, root, settings, only, frozenset(me), seconds)


@dataclass(frozen=True, slots=True)
class PdfSource:
    """Reads the annotated PDFs of a folder, one after another."""

    name: str
    root: Path
    settings: Settings
    only: tuple[Path, ...]
    me: frozenset[str]
    seconds: float

    @property
    def container(self) -> str:
        """The name of the folder in scans."""
        return f"pdf:{self.name}"

    def scan(self) -> Iterator[Sighting]:
        """One `Extracted` per file with marks, a `Problem` per file that cannot be read."""
        missed: list[OSError] = []
        with PdfWorker(self.seconds) as worker:
            for path in self._files(missed):
                yield from self._sightings(path, worker.read(path, self.settings.passwords))
        yield from (self._unlisted(error) for error in missed)
        yield Scan(self.name, self.container, complete=not self.only and not missed)

    def _files(self, missed: list[OSError]) -> Iterator[Path]:
        included, excluded = matcher(self.settings.include), matcher(self.settings.exclude)
        seen: set[Path] = set()
        for start in self.only or (self.root,):
            for path in walk(start, missed.append):
                below = relative(path, self.root)
                alone = path == self.root
                if path not in seen and (alone or included(below)) and not excluded(below):
                    seen.add(path)
                    yield path

    def _unlisted(self, error: OSError) -> Problem:
        where = str(error.filename or self.root)
        what = f"the folder cannot be read: {error.strerror or error}"
        return Problem(where, what, "check that it is there, and its permissions")

    def _sightings(self, path: Path, reply: Read | Failed) -> Iterator[Sighting]:
        where = relative(path, self.root)
        if isinstance(reply, Failed):
            yield Problem(where, reply.what, reply.hint)
            return
        if reply.marks:
            document = self._document(path, reply)
            highlights = tuple(self._highlights(document, reply.marks))
            yield Extracted(document, highlights, self.container, reply.pages)
        yield from (Problem(where, what, hint) for what, hint in reply.problems)

    def _document(self, path: Path, read: Read) -> Document:
        where, work = relative(path, self.root), read.work
        return Document(
            key=DocumentKey(f"pdf:{read.document}"),
            source=self.name,
            title=work.title or PurePosixPath(where).stem,
            path=where,
            creators=work.creators,
            issued=work.issued,
            identifiers=(*work.identifiers, ("file", PurePosixPath(where).name)),
        )

    def _highlights(self, document: Document, marks: tuple[Mark, ...]) -> Iterator[Highlight]:
        """In reading order; equal anchors are counted per page."""
        for _, page in groupby(marks, key=lambda mark: mark.page):
            yield from numbered([self._highlight(document, mark) for mark in page])

    def _highlight(self, document: Document, mark: Mark) -> Highlight:
        return Highlight(
            document=document,
            namespace=document.key,
            kind=mark.kind,
            exact=mark.exact,
            anchor_text=mark.stand_in,
            hints=tuple(_hints(mark)),
            form=Form.MARK,
            prefix=mark.prefix,
            suffix=mark.suffix,
            sentence=mark.sentence,
            comment=mark.comment,
            instructs=not self.me or not mark.author or mark.author in self.me,
            colour=mark.colour,
            author=mark.author,
            page_label=mark.label,
            heading=mark.heading,
            block=str(mark.page),
        )


def _hints(mark: Mark) -> Iterator[str]:
    if mark.zotero:
        yield f"zotero:{mark.zotero}"
    if mark.name:
        yield f"nm:{mark.name}"
