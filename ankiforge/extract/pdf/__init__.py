"""PDFs in a folder: the passages a person marked, and the notes they wrote.

    sources:
      - pdf: {name: papers, path: ~/Papers}

Worker processes (`worker`) read the files, because PDFs may crash or hang the libraries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from ankiforge.extract import SourceSettings
from ankiforge.extract.folder import File, FileSource
from ankiforge.extract.pdf.messages import MOST_PICTURES, Area, Box, Failed, Read, Request
from ankiforge.extract.pdf.worker import SECONDS, PdfWorker, absolute
from ankiforge.model import (
    Extracted,
    Memory,
    NoMemory,
    Picture,
    Problem,
    Sighting,
    Source,
    Strings,
    h16,
)
from ankiforge.text.passages import numbered

NO_MARKS = (
    "no annotations in this file",
    "printing to PDF turns marks into part of the page: save or export the file with its annotations instead",
)


class Settings(SourceSettings, kw_only=True):
    """The keys of a `pdf:` source; for the patterns see `files.matcher`."""

    include: Strings = ("**/*.pdf",)
    exclude: Strings = ()


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: Strings = (),
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
class PdfSource(FileSource):
    """Reads the annotated PDFs of a folder."""

    memory: Memory = NoMemory()  # noqa: RUF009 - it holds nothing
    jobs: int = 1
    executor: str = ""
    seconds: float = SECONDS

    kind = "pdf"
    by_several = True
    tells_of_named = True

    @contextmanager
    def reading(self, files: list[File]) -> Iterator[PdfWorker]:
        """Start to read these files."""
        with PdfWorker(self.seconds, self.memory, self.jobs, self.executor) as worker:
            worker.prefetch(Request(absolute(one.at)) for one in files)
            yield worker
            complete = self.folder.end().complete and len(files) == self.folder.count.total
            worker.store(complete=complete)

    def contents(
        self, file: File, reader: PdfWorker, picture: Callable[[str], str]
    ) -> Iterator[Sighting]:
        """Yield what was read, and what is to be told of it."""
        where, read = file.path, reader.read(file.at)
        if isinstance(read, Failed):
            yield Problem(where, read.what, read.hint)
            return
        read, pictures = with_pictures(reader, file.at, read)
        if read.marks:
            path = PurePosixPath(where)
            document = replace(
                read.document,
                source=self.folder.name,
                title=read.document.title or path.stem,
                path=where,
                identifiers=(*read.document.identifiers, ("file", path.name)),
            )
            me = ("", *self.me) if self.me else {one.author for one in read.marks}
            marks = [
                replace(one, document=document, namespace=document.key, instructs=one.author in me)
                for one in read.marks
            ]
            # in reading order; equal anchors are numbered page by page
            pages = groupby(marks, key=lambda one: one.block)
            highlights = tuple(one for _, some in pages for one in numbered(some))
            yield Extracted(document, highlights, self.folder.container, read.pages, pictures)
        yield from (Problem(where, what, hint) for what, hint in read.problems)
        yield from (Problem(where, what, hint, notice=True) for what, hint in read.notices)
        if not (read.marks or read.problems or read.notices) and file.named:
            yield Problem(where, *NO_MARKS, notice=True)


def identify(path: Path) -> Extracted | Problem:
    """Return the document of a file without its highlights, or the reason why it failed."""
    with PdfWorker() as worker:
        read = worker.read(path, named=True)
    if isinstance(read, Failed):
        return Problem(str(path), read.what, read.hint)
    return Extracted(read.document, (), pages=read.pages)


# --- figures and drawings -------------------------------------------------------------------


def with_pictures(worker: PdfWorker, path: Path, read: Read) -> tuple[Read, tuple[Picture, ...]]:
    """Cut out marked figures and drawings; return the marks with picture names, and the pictures.

    A mark whose picture cannot be cut gets no name. If cutting failed this time, the mark keeps
    its name: the picture may exist from an earlier run. The failure is added to the problems.
    """
    if not read.areas:
        return (read, ())
    marks, problems = list(read.marks), list(read.problems)
    areas = {at: Area(int(marks[at].block), box) for at, box in read.areas[:MOST_PICTURES]}
    cut, failed = worker.cut(path, tuple(areas.values()))
    pictures = {}
    for (at, area), data in zip(areas.items(), cut, strict=True):
        name = picture_name(read, at, area.box)
        if data:
            pictures[name] = Picture(name, data)
        if data or failed:
            marks[at] = replace(marks[at], markdown=(f"![]({name})",))
    if failed is not None:
        what = f"its figures and drawings cannot all be cut out: {failed.what}"
        hint = "its text was read; to get the pictures, print those pages to a new PDF"
        problems.append((what, hint))
    if left := len(read.areas) - len(areas):
        what = f"only the first {MOST_PICTURES} figures and drawings were cut out, {left} were not"
        read = replace(read, notices=(*read.notices, (what, "remove those you do not need")))
    read = replace(read, marks=tuple(marks), problems=tuple(problems))
    return (read, tuple(pictures.values()))


def picture_name(read: Read, at: int, box: Box) -> str:
    """Return a name made from the place, so that rendering it differently is not new content."""
    mark, document = read.marks[at], read.document.key.removeprefix("pdf:")
    tenths = (str(round(10 * edge)) for edge in box)
    return f"cut/{h16('cut', document, mark.block, *tenths, mark.kind)}.png"
