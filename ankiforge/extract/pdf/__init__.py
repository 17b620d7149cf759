"""PDFs of a folder: the passages a person marked, and the notes they left.

    sources:
      - pdf: {name: papers, path: ~/Papers}

The files are read by a worker process (`worker`), as PDFs crash, hang and lie.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path, PurePosixPath

import msgspec

from ankiforge.extract import SourceSettings
from ankiforge.extract.files import (
    Count,
    is_loop,
    looping,
    matcher,
    program,
    proves,
    relative,
    stamp_of,
    walk,
)
from ankiforge.extract.folder import highlights_of, selection_of
from ankiforge.extract.pdf.client import SECONDS, PdfWorker
from ankiforge.extract.pdf.cuts import with_pictures
from ankiforge.extract.pdf.protocol import Failed, Mark, Read, Request
from ankiforge.extract.pdf.remembering import RememberingWorker
from ankiforge.extract.workers import WorkerPool, local_fallback
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Form,
    Highlight,
    Known,
    Memory,
    NoMemory,
    NothingKnown,
    Picture,
    Problem,
    Scan,
    Sighting,
    Source,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.anchors import numbered

NOTHING_KNOWN = NothingKnown()
MOST_NAMED = 10
"""Files that are named in one sentence."""
NO_MARKS = (
    "no annotations in this file",
    "a print to PDF draws marks into the pages: save or export it with its annotations instead",
)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `ankiforge.yaml` may say about a folder of PDFs; for the patterns see `_folder.matcher`."""

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
    memory: Memory = NoMemory(),  # noqa: B008 - it holds nothing
    pool: WorkerPool | None = None,
    seconds: float = SECONDS,
) -> Source:
    """Make a reader of the PDFs below `root` (a folder or one file), see `extract.SourceModule`.

    `me` are the names (/T) whose comments may instruct, () = everybody's; `memory` keeps what a
    file said until it changes; `pool` reads several at a time; `seconds` is the time that reading one file may take.
    """
    return PdfSource(name, root, settings, only, frozenset(me), memory, pool, seconds)


@dataclass(frozen=True, slots=True)
class PdfSource:
    """Reads the annotated PDFs of a folder, one after another."""

    name: str
    root: Path
    settings: Settings
    only: tuple[Path, ...]
    me: frozenset[str]
    memory: Memory
    pool: WorkerPool | None
    seconds: float
    count: Count = field(default_factory=Count, compare=False)

    @property
    def container(self) -> str:
        """The name of the folder in scans."""
        return f"pdf:{self.name}"

    def scan(self, known: Known = NOTHING_KNOWN) -> Iterator[Sighting]:
        """Yield one document per file, or a `Problem` if it cannot be read."""
        missed: list[OSError] = []
        hidden: list[str] = []
        with RememberingWorker(self.seconds, self.memory) as worker:
            paths = tuple(self._files(missed))
            asks = known is not NOTHING_KNOWN
            prints = {path: self._fingerprint(path) if asks else "" for path in paths}
            unread = [path for path in paths if not self._is_unchanged(known, path, prints[path])]
            if self.pool is not None:
                requests = (Request(os.fsencode(path), self.settings.passwords) for path in unread)
                worker.foresee(self.pool, requests)
            self.count.total, read = len(paths), frozenset(unread)
            for self.count.done, path in enumerate(paths):
                if path in read:
                    yield from self._file(worker, path, hidden, prints[path])
                else:
                    yield Unchanged(self.container, relative(path, self.root))
            complete = not self.only and all(map(is_loop, missed))
            worker.store(complete=complete and len(read) == len(paths))
        yield from (self._unlisted(error) for error in missed)
        yield from self._hidden(hidden)
        yield from local_fallback(str(self.root), worker.lost, "files")
        yield Scan(self.name, self.container, complete=complete)

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        return selection_of(msgspec.structs.replace(self.settings, passwords=()))

    def unselected(self, paths: Collection[str], before: str) -> Iterator[Highlight]:
        """What some files hold, whether the settings leave them out or not."""
        below = (self.root if self.root.is_file() else self.root / path for path in paths)
        only = tuple(file for file in below if file.is_file())
        every = msgspec.structs.replace(self.settings, include=("**/*",), exclude=())
        some = replace(self, settings=every, only=only, memory=NoMemory(), pool=None)
        return highlights_of([some] if only else ())

    def _fingerprint(self, path: Path) -> str:
        """Return what decides what a file says; "" if its stamp proves nothing."""
        try:
            stamp = stamp_of(path.stat())
        except OSError:
            return ""
        said_by = (program(), self.name, repr(self.settings), repr(sorted(self.me)))
        return h16(*said_by, repr(stamp)) if proves(stamp) else ""

    def _is_unchanged(self, known: Known, path: Path, fingerprint: str) -> bool:
        """Whether a file need not be read; of one that was named it is said if nothing is marked."""
        named = path in (self.root, *self.only)
        return not named and known.is_unchanged(
            self.container, relative(path, self.root), fingerprint
        )

    def stamp(self) -> str:
        """Changes whenever a scan may yield something else; "" if that cannot be told."""
        missed: list[OSError] = []
        try:
            stamps = [(str(path), stamp_of(path.lstat())) for path in self._files(missed)]
        except OSError:  # it went away since the folder was listed
            return ""
        if not all(map(is_loop, missed)) or not all(proves(stamp) for _, stamp in stamps):
            return ""
        return h16(
            program(), self.name, str(self.root), repr((self.settings, sorted(self.me), stamps))
        )

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
        if is_loop(error):
            return looping(relative(Path(str(error.filename)), self.root), error)
        where = str(error.filename or self.root)
        what = f"the folder cannot be read: {error.strerror or error}"
        return Problem(where, what, "check that it is there, and its permissions")

    def _file(
        self, worker: PdfWorker, path: Path, hidden: list[str], fingerprint: str
    ) -> Iterator[Sighting]:
        reply = worker.read(path, self.settings.passwords)
        pictures: tuple[Picture, ...] = ()
        if isinstance(reply, Read):
            reply, pictures = with_pictures(worker, path, reply, self.settings.passwords)
            hidden += [f"{reply.hidden} in {relative(path, self.root)}"] if reply.hidden else []
        yield from self._sightings(path, reply, pictures, fingerprint)

    def _hidden(self, hidden: list[str]) -> Iterator[Problem]:
        """One word for all files: what is hidden was mostly deleted, and is there in every run."""
        if hidden:
            more = f", and in {len(hidden) - MOST_NAMED} more" if len(hidden) > MOST_NAMED else ""
            what = (
                f"marks that the files hide were left out: {', '.join(hidden[:MOST_NAMED])}{more}"
            )
            hint = "programs hide what was deleted; show them there to have them"
            yield Problem(str(self.root), what, hint, notice=True)

    def _sightings(
        self, path: Path, reply: Read | Failed, pictures: tuple[Picture, ...], fingerprint: str
    ) -> Iterator[Sighting]:
        """Yield what a file says; one with problems is read, and they are told, in every run."""
        where = relative(path, self.root)
        if isinstance(reply, Failed):
            yield Problem(where, reply.what, reply.hint)
            return
        if reply.problems or reply.notices or reply.hidden:
            fingerprint = ""
        if fingerprint and not reply.marks:
            yield Unmarked(self.container, where, fingerprint)
        if reply.marks:
            document = self._document(path, reply)
            highlights = tuple(self._highlights(document, reply.marks))
            yield Extracted(
                document, highlights, self.container, reply.pages, pictures, fingerprint
            )
        yield from (Problem(where, what, hint) for what, hint in reply.problems)
        yield from (Problem(where, what, hint, notice=True) for what, hint in reply.notices)
        if not (reply.marks or reply.problems or reply.notices) and path in (self.root, *self.only):
            yield Problem(where, *NO_MARKS, notice=True)

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
        read = Highlight(
            document=document,
            namespace=document.key,
            kind=mark.kind,
            exact=mark.exact,
            anchor_text=mark.stand_in,
            hints=tuple(_hints(mark)),
            form=Form.MARK,
            prefix=mark.prefix,
            suffix=mark.suffix,
            anchor_around=mark.beside,
            sentence=mark.sentence,
            markdown=(f"![]({mark.picture})",) if mark.picture else (),
            comment=mark.comment,
            instructs=not self.me or not mark.author or mark.author in self.me,
            colour=mark.colour,
            author=mark.author,
            created=mark.created,
            modified=mark.modified,
            page_label=mark.label,
            heading=mark.heading,
            block=str(mark.page),
        )
        exact, sentence = mark.formerly or (mark.exact, mark.sentence)
        prefix, suffix = mark.beside or (mark.prefix, mark.suffix)
        was = replace(read, exact=exact, prefix=prefix, suffix=suffix, sentence=sentence)
        return read.formerly_as(was)


def _hints(mark: Mark) -> Iterator[str]:
    if mark.zotero:
        yield f"zotero:{mark.zotero}"
    if mark.name:
        yield f"nm:{mark.name}"
