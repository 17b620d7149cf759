"""PDFs in a folder: the passages a person marked, and the notes they wrote.

    sources:
      - pdf: {name: papers, path: ~/Papers}

Worker processes (`worker`) read the files, because PDFs may crash or hang the libraries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from ankiforge.extract import SourceSettings
from ankiforge.extract.files import of_one, program, proves, stamp_at
from ankiforge.extract.folder import File, FolderSource, selection_of
from ankiforge.extract.pdf.worker import (
    SECONDS,
    Area,
    Box,
    Failed,
    PdfWorker,
    Read,
    Request,
    absolute,
)
from ankiforge.model import (
    DocumentKey,
    Extracted,
    Known,
    Memory,
    NoMemory,
    Picture,
    Problem,
    Sighting,
    Source,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.passages import numbered

MOST_PICTURES = 200
"""Pictures cut out of one file, at most."""
NO_MARKS = (
    "no annotations in this file",
    "printing to PDF turns marks into part of the page: save or export the file with its annotations instead",
)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a `pdf:` source; for the patterns see `files.matcher`."""

    include: tuple[str, ...] = ("**/*.pdf",)
    exclude: tuple[str, ...] = ()


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    memory: Memory = NoMemory(),  # noqa: B008 - it holds nothing
    jobs: int = 1,
    executor: str = "",
    seconds: float = SECONDS,
) -> Source:
    """Return a reader of the PDFs below `root` (a folder or one file), see `extract.SourceModule`.

    `me` are the author names (/T) whose comments may be instructions, () = everybody's; `memory`
    caches what a file contains until it changes; `jobs` is how many files are read at a time;
    `executor` is the address of a Dask cluster that reads them; `seconds` is the time limit for one
    file.
    """
    source = PdfSource.open(name, root, settings, only, me)
    return dataclasses.replace(source, memory=memory, jobs=jobs, executor=executor, seconds=seconds)


@dataclass(frozen=True)
class PdfSource(FolderSource):
    """Reads the annotated PDFs of a folder."""

    memory: Memory = NoMemory()  # noqa: RUF009 - it holds nothing
    jobs: int = 1
    executor: str = ""
    seconds: float = SECONDS

    kind = "pdf"
    by_several = True

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield one document or `Problem` per file, and finally a `Scan`."""
        folder = self.folder
        with PdfWorker(self.seconds, self.memory, self.jobs, self.executor) as worker:
            listed = list(folder.files())
            files = [file for file in listed if isinstance(file, File)]
            prints = {file.path: self._fingerprint(file) if known else "" for file in files}
            # a file that the user named is always read, to report if it has no marks
            unread = frozenset(
                file
                for file in files
                if not (known and not file.named)
                or not known.is_unchanged(folder.container, file.path, prints[file.path])
            )
            worker.prefetch(Request(absolute(one.at)) for one in files if one in unread)
            folder.count.total = len(files)
            for folder.count.done, file in enumerate(files):
                if file in unread:
                    found = self._file(worker, file, prints[file.path])
                    yield from of_one(file.path, found)
                else:
                    yield Unchanged(folder.container, file.path)
            end = folder.end()
            worker.store(complete=end.complete and len(unread) == len(files))
        yield from (one for one in listed if isinstance(one, Problem))
        yield end

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        return selection_of(self.settings)

    def _fingerprint(self, file: File) -> str:
        """Return a hash of all that determines a file's content; "" if its stamp proves nothing."""
        stamp = stamp_at(file.at)
        context = (program(), self.folder.name, self.folder.context)
        return h16(*context, repr(stamp)) if stamp and proves(stamp) else ""

    def _file(self, worker: PdfWorker, file: File, fingerprint: str) -> Iterator[Sighting]:
        """Yield what was read; a file with problems is never `Unchanged`: each run reports them."""
        where = file.path
        read = worker.read(file.at)
        if isinstance(read, Failed):
            yield Problem(where, read.what, read.hint)
            return
        read, pictures = with_pictures(worker, file.at, read)
        if read.problems or read.notices:
            fingerprint = ""
        if fingerprint and not read.marks:
            yield Unmarked(self.folder.container, where, fingerprint)
        if read.marks:
            path = PurePosixPath(where)
            document = replace(
                read.document,
                source=self.folder.name,
                title=read.document.title or path.stem,
                path=where,
                identifiers=(*read.document.identifiers, ("file", path.name)),
            )
            key, me = (
                document.key,
                ("", *self.me) if self.me else {one.author for one in read.marks},
            )
            marks = [
                replace(one, document=document, namespace=key, instructs=one.author in me)
                for one in read.marks
            ]
            # in reading order; equal anchors are numbered page by page
            pages = groupby(marks, key=lambda one: one.block)
            highlights = tuple(one for _, some in pages for one in numbered(some))
            yield Extracted(
                document, highlights, self.folder.container, read.pages, pictures, fingerprint
            )
        yield from (Problem(where, what, hint) for what, hint in read.problems)
        yield from (Problem(where, what, hint, notice=True) for what, hint in read.notices)
        if not (read.marks or read.problems or read.notices) and file.named:
            yield Problem(where, *NO_MARKS, notice=True)


def identify(path: Path) -> Extracted | Problem:
    """Return the document of a file without its highlights, or the reason why it failed.

    The key is "" if all pages of the file are empty, as those of other files may be, too.
    """
    with PdfWorker() as worker:
        read = worker.read(path, named=True)
    if isinstance(read, Failed):
        return Problem(str(path), read.what, read.hint)
    empty = h16(*("" for _ in read.pages))
    key = "" if read.document.key == f"pdf:{empty}" else read.document.key
    return Extracted(replace(read.document, key=DocumentKey(key)), (), pages=read.pages)


# --- figures and drawings -------------------------------------------------------------------


def with_pictures(worker: PdfWorker, path: Path, read: Read) -> tuple[Read, tuple[Picture, ...]]:
    """Cut out marked figures and drawings; return the marks with picture names, and the pictures.

    A mark whose picture cannot be cut gets no name. If cutting failed this time, the mark keeps
    its name: the picture may exist from an earlier run. The failure is added to the problems.
    """
    named = {
        at: (picture_name(read, at, box), Area(int(read.marks[at].block), box))
        for at, box in read.areas[:MOST_PICTURES]
    }
    wanted = dict(named.values())
    if not wanted:
        return (read, ())
    cut, failed = worker.cut(path, tuple(wanted.values()))
    pictures = tuple(Picture(name, data) for name, data in zip(wanted, cut, strict=True) if data)
    kept = {picture.name for picture in pictures} | (wanted.keys() if failed else set())
    marks, problems = list(read.marks), list(read.problems)
    for at, (name, _) in named.items():
        if name in kept:
            marks[at] = replace(marks[at], markdown=(f"![]({name})",))
    if failed is not None:
        what = f"its figures and drawings cannot all be cut out: {failed.what}"
        hint = "its text was read; to get the pictures, print those pages to a new PDF"
        problems.append((what, hint))
    if left := len(read.areas) - len(named):
        what = f"only the first {MOST_PICTURES} figures and drawings were cut out, {left} were not"
        problems.append((what, "remove those you do not need"))
    read = replace(read, marks=tuple(marks), problems=tuple(problems))
    return (read, pictures)


def picture_name(read: Read, at: int, box: Box) -> str:
    """Return a name made from the place, so that rendering it differently is not new content."""
    mark, document = read.marks[at], read.document.key.removeprefix("pdf:")
    tenths = (str(round(10 * edge)) for edge in box)
    return f"cut/{h16('cut', document, mark.block, *tenths, mark.kind)}.png"
