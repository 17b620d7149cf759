"""PDFs of a folder: the passages a person marked, and the notes they left.

    sources:
      - pdf: {name: papers, path: ~/Papers}

The files are read by a worker process (`worker`), as PDFs crash, hang and lie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
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
from ankiforge.extract.pdf.worker import (
    SECONDS,
    Area,
    Failed,
    Mark,
    PdfWorker,
    Read,
    Request,
    absolute,
)
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
"""Files that one message names."""
MOST_PICTURES = 200
"""Pictures cut out of one file."""
NO_MARKS = (
    "no annotations in this file",
    "a print to PDF draws marks into the pages: save or export it with its annotations instead",
)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a folder of PDFs in `ankiforge.yaml`; for the patterns see `files.matcher`."""

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

    `me` are the names (/T) whose comments may instruct, () = everybody's; `memory` caches what a
    file said until it changes; `pool` reads several at a time; `seconds` is the time that reading
    one file may take.
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
        with PdfWorker(self.seconds, self.memory) as worker:
            paths = tuple(self._files(missed))
            asks = known is not NOTHING_KNOWN
            prints = {path: self._fingerprint(path) if asks else "" for path in paths}
            listed = {relative(path, self.root): prints[path] for path in paths}
            unread = [path for path in paths if not self._is_unchanged(known, path, listed)]
            if self.pool is not None:
                passwords = self.settings.passwords
                requests = (Request(absolute(path), passwords) for path in unread)
                worker.prefetch(self.pool, requests)
            self.count.total, read = len(paths), frozenset(unread)
            for self.count.done, path in enumerate(paths):
                if path in read:
                    yield from self._file(worker, path, hidden, prints[path])
                else:
                    yield Unchanged(self.container, relative(path, self.root))
            complete = not self.only and all(map(is_loop, missed))
            worker.store(complete=complete and len(read) == len(paths))
        yield from (self._unlisted(error) for error in missed)
        if hidden:  # one message for all files: they were mostly deleted, and recur in every run
            more = f", and in {len(hidden) - MOST_NAMED} more" if len(hidden) > MOST_NAMED else ""
            named = f"{', '.join(hidden[:MOST_NAMED])}{more}"
            what = f"marks that the files hide were left out: {named}"
            hint = "programs hide what was deleted; show them there to have them"
            yield Problem(str(self.root), what, hint, notice=True)
        yield from local_fallback(str(self.root), worker.lost, "files")
        yield Scan(self.name, self.container, complete=complete)

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        return selection_of(msgspec.structs.replace(self.settings, passwords=()))

    def unselected(self, paths: Collection[str], before: str) -> Iterator[Highlight]:
        """Yield what some files hold, whether the settings leave them out or not."""
        below = (self.root if self.root.is_file() else self.root / path for path in paths)
        only = tuple(file for file in below if file.is_file())
        every = msgspec.structs.replace(self.settings, include=("**/*",), exclude=())
        some = replace(self, settings=every, only=only, memory=NoMemory(), pool=None)
        return highlights_of([some] if only else ())

    def _fingerprint(self, path: Path) -> str:
        """Return a hash of all that decides what a file says; "" if its stamp proves nothing."""
        try:
            stamp = stamp_of(path.stat())
        except OSError:
            return ""
        context = (program(), self.name, repr(self.settings), repr(sorted(self.me)))
        return h16(*context, repr(stamp)) if proves(stamp) else ""

    def _is_unchanged(self, known: Known, path: Path, listed: Mapping[str, str]) -> bool:
        """Return whether a file need not be read; a named one is, to report that it has no marks."""
        where = relative(path, self.root)
        return not self._is_named(path) and known.is_unchanged(
            self.container, where, listed[where], listed
        )

    def _is_named(self, path: Path) -> bool:
        return path in (self.root, *self.only)

    def stamp(self) -> str:
        """Return what changes whenever a scan may yield something else; "" if unknown."""
        missed: list[OSError] = []
        try:
            stamps = [(str(path), stamp_of(path.lstat())) for path in self._files(missed)]
        except OSError:  # it went away since the folder was listed
            return ""
        if not all(map(is_loop, missed)) or not all(proves(stamp) for _, stamp in stamps):
            return ""
        context = (self.settings, sorted(self.me), stamps)
        return h16(program(), self.name, str(self.root), repr(context))

    def _files(self, missed: list[OSError]) -> Iterator[Path]:
        included, excluded = matcher(self.settings.include), matcher(self.settings.exclude)
        seen: set[Path] = set()
        for start in self.only or (self.root,):
            for path in walk(start, missed.append):
                below = relative(path, self.root)
                fits = path == self.root or included(below)
                if path not in seen and fits and not excluded(below):
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
        """Yield what a file says; one with problems is read and reported in every run."""
        where = relative(path, self.root)
        read = worker.read(path, self.settings.passwords)
        if isinstance(read, Failed):
            yield Problem(where, read.what, read.hint)
            return
        read, pictures = with_pictures(worker, path, read, self.settings.passwords)
        hidden += [f"{read.hidden} in {where}"] if read.hidden else []
        if read.problems or read.notices or read.hidden:
            fingerprint = ""
        if fingerprint and not read.marks:
            yield Unmarked(self.container, where, fingerprint)
        if read.marks:
            document = _document(self.name, where, PurePosixPath(where), read)
            highlights = tuple(self._highlights(document, read.marks))
            yield Extracted(document, highlights, self.container, read.pages, pictures, fingerprint)
        yield from (Problem(where, what, hint) for what, hint in read.problems)
        yield from (Problem(where, what, hint, notice=True) for what, hint in read.notices)
        if not (read.marks or read.problems or read.notices) and self._is_named(path):
            yield Problem(where, *NO_MARKS, notice=True)

    def _highlights(self, document: Document, marks: tuple[Mark, ...]) -> Iterator[Highlight]:
        """Yield highlights in reading order; equal anchors are numbered per page."""
        for _, page in groupby(marks, key=lambda mark: mark.page):
            yield from numbered([self._highlight(document, mark) for mark in page])

    def _highlight(self, document: Document, mark: Mark) -> Highlight:
        hints = (
            (f"zotero:{mark.zotero}", mark.zotero),
            (f"nm:{mark.name}", mark.name),
            (f"at:{mark.at}", mark.at),
        )
        read = Highlight(
            document=document,
            namespace=document.key,
            kind=mark.kind,
            exact=mark.exact,
            anchor_text=mark.stand_in,
            hints=tuple(hint for hint, value in hints if value),
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


def _document(source: str, where: str, path: PurePosixPath, read: Read) -> Document:
    work = read.work
    return Document(
        key=DocumentKey(f"pdf:{read.document}"),
        source=source,
        title=work.title or path.stem,
        path=where,
        creators=work.creators,
        issued=work.issued,
        identifiers=(*work.identifiers, ("file", path.name)),
    )


def identify(path: Path, passwords: tuple[str, ...] = ()) -> Extracted | Problem:
    """Return the document of a file, marked or not, without its highlights; or why it failed.

    Its key is "" if all of its pages are empty: so are those of other files.
    """
    with PdfWorker() as worker:
        read = worker.read(path, passwords, named=True)
    if isinstance(read, Failed):
        return Problem(str(path), read.what, read.hint)
    document = _document("", path.name, PurePosixPath(path.name), read)
    empty = h16(*(sha256(b"").hexdigest() for _ in read.pages))
    key = DocumentKey("") if read.document == empty else document.key
    identifiers = read.work.identifiers  # a file that was named is no evidence of its name
    document = replace(document, key=key, identifiers=identifiers)
    return Extracted(document, (), pages=read.pages)


# --- figures and drawings -------------------------------------------------------------------


def with_pictures(
    worker: PdfWorker, path: Path, read: Read, passwords: tuple[str, ...]
) -> tuple[Read, tuple[Picture, ...]]:
    """Cut out marked figures and drawings; return the marks with picture names, and these.

    A mark whose picture cannot be cut has none. If cutting failed this time the mark keeps the
    name: the picture may have been cut before. What went wrong is among the problems.
    """
    named = {
        picture_name(read.document, mark): Area(mark.page, mark.area)
        for mark in read.marks
        if mark.area is not None
    }
    wanted = dict(list(named.items())[:MOST_PICTURES])
    if not wanted:
        return (read, ())
    cut, failed = worker.pictures(path, tuple(wanted.values()), passwords)
    pictures = tuple(Picture(name, data) for name, data in zip(wanted, cut, strict=True) if data)
    there = {picture.name for picture in pictures} | (wanted.keys() if failed else set())
    marks = []
    for mark in read.marks:
        name = picture_name(read.document, mark) if mark.area is not None else ""
        marks.append(msgspec.structs.replace(mark, picture=name) if name in there else mark)
    problems = list(read.problems)
    if failed is not None:
        what = f"its figures and drawings cannot all be cut out: {failed.what}"
        problems.append(
            (what, "its text was read; for the pictures print those pages to a new PDF")
        )
    if left := len(named) - len(wanted):
        what = f"only the first {MOST_PICTURES} figures and drawings were cut out, {left} were not"
        problems.append((what, "remove those nobody needs"))
    read = msgspec.structs.replace(read, marks=tuple(marks), problems=tuple(problems))
    return (read, pictures)


def picture_name(document: str, mark: Mark) -> str:
    """Return a name made of the place: the same picture rendered otherwise is no new content."""
    tenths = (str(round(10 * edge)) for edge in mark.area or ())
    return f"cut/{h16('cut', document, str(mark.page), *tenths, mark.kind)}.png"
