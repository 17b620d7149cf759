"""PDFs in a folder: the passages a person marked, and the notes they wrote.

    sources:
      - pdf: {name: papers, path: ~/Papers}

Worker processes (`worker`) read the files, because PDFs may crash or hang the libraries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from ankiforge.extract.base import Opening, SourceSettings
from ankiforge.extract.files import title_in_name
from ankiforge.extract.folder import File, FileSource, PictureAt
from ankiforge.model import (
    DRAWN,
    Document,
    Extracted,
    Highlight,
    Memory,
    NoMemory,
    Paragraph,
    Picture,
    Problem,
    Sighting,
    Strings,
    Unmarked,
    WholeText,
    h16,
)
from ankiforge.text.keys import numbered

if TYPE_CHECKING:  # loaded when a file is read
    from ankiforge.extract.pdf.messages import Area, Read
    from ankiforge.extract.pdf.worker import PdfWorker

_NO_MARKS = (
    "no annotations in this file",
    "printing to PDF turns marks into part of the page:"
    " save or export the file with its annotations instead",
)


class PdfSettings(SourceSettings, kw_only=True):
    """The keys of a `pdf:` source; for the patterns see `files.matcher`."""

    include: Strings = ("**/*.pdf",)
    exclude: Strings = ()


@dataclass(frozen=True)
class Pdf(FileSource):
    """Reads the annotated PDFs of a folder.

    `me` are the author names (/T) whose comments may be instructions, () = everybody's.
    """

    memory: Memory = NoMemory()  # noqa: RUF009 - it holds nothing
    """Caches what a file contains until it changes."""
    jobs: int = 1
    executor: str = ""
    seconds: float | None = None
    """The time limit for one file; None = the usual one."""

    kind = "pdf"
    Settings = PdfSettings
    endings = (".pdf",)
    keeps_inner = True
    example = (
        "- pdf: {name: papers, path: ~/Papers}         # a folder of PDFs with marks"
    )
    by_several = True
    tells_of_named = True

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """Return a reader of the PDFs below a root, a folder or one file."""
        return dataclasses.replace(
            super().open(opening),
            memory=opening.memory,
            jobs=opening.jobs,
            executor=opening.executor,
        )

    @contextmanager
    def reading(self, files: list[File]) -> Iterator[PdfWorker]:
        """Start to read these files."""
        from ankiforge.extract.pdf.messages import Request
        from ankiforge.extract.pdf.worker import SECONDS, PdfWorker, absolute

        seconds = SECONDS if self.seconds is None else self.seconds
        with PdfWorker(seconds, self.memory, self.jobs, self.executor) as worker:
            worker.prefetch(Request(absolute(file.at)) for file in files)
            yield worker
            worker.store(complete=self.are_all(files))

    def contents(
        self, file: File, reader: PdfWorker, picture: PictureAt
    ) -> Iterator[Sighting]:
        """Yield the document with its marks, and problems."""
        from ankiforge.extract.pdf.messages import Failed

        read = reader.read(file.at)
        if isinstance(read, Failed):
            yield Problem(file.path, read.what, read.hint)
            return
        read, pictures = with_pictures(reader, file.at, read)
        if read.marks:
            highlights = self._highlights(file, read)
            yield Extracted(
                highlights[0].document,
                highlights,
                self.folder.container,
                read.pages,
                pictures,
                is_whole=read.is_whole,
                left_out=read.left_out,
            )
        elif read.left_out:
            yield Unmarked(self.folder.container, file.path, "", left_out=read.left_out)
        for message, hint in read.problems:
            yield Problem(file.path, message, hint)
        for message, hint in read.notices:
            yield Problem(file.path, message, hint, notice=True)
        if read.marks or read.problems or read.notices or not file.named:
            return
        if not any(entry.kind == DRAWN for entry in read.left_out):
            yield Problem(file.path, *_NO_MARKS, notice=True)

    def whole(self, file: File, reader: PdfWorker) -> WholeText:
        """Return the text of all pages between running heads and feet."""
        labels: list[str] = []
        pages: list[str] = []
        paragraphs = []
        for read in reader.pages(file.at):
            labels += read.labels
            for lines in read.paragraphs:
                start = 0
                page = len(pages)
                for words, heading in lines:
                    end = start + len(words)
                    if words.strip():
                        paragraphs.append(
                            Paragraph(page, start, end, heading, block=str(page))
                        )
                    start = end + 1
                pages.append("\n".join(words for words, _ in lines))
        document = self._described(file, read.document)
        return WholeText(
            document,
            tuple(pages),
            tuple(paragraphs),
            namespace=document.key,
            labels=tuple(labels),
            prints=read.prints,
        )

    def _described(self, file: File, document: Document) -> Document:
        """Return the document of a file, as the source lists it."""
        path = PurePosixPath(file.path)
        return replace(
            document,
            source=self.folder.name,
            title=document.title or title_in_name(path.stem),
            path=file.path,
            identifiers=(*document.identifiers, ("file", path.name)),
        )

    def _highlights(self, file: File, read: Read) -> tuple[Highlight, ...]:
        """Return the highlights of a file in reading order; equal anchors are counted by page."""
        document = self._described(file, read.document)
        highlights: list[Highlight] = []
        for _, of_page in groupby(read.marks, key=lambda mark: mark.block):
            marks = []
            for mark in of_page:
                marks.append(
                    replace(
                        mark,
                        document=document,
                        namespace=document.key,
                        instructs=not self.me or mark.author in ("", *self.me),
                    )
                )
            highlights += numbered(marks)
        return tuple(highlights)


def identify(path: Path) -> Extracted | Problem:
    """Return the document of a file without its highlights, or the reason why it failed."""
    from ankiforge.extract.pdf.messages import Failed
    from ankiforge.extract.pdf.worker import PdfWorker

    with PdfWorker() as worker:
        read = worker.read(path, named=True)
    if isinstance(read, Failed):
        return Problem(str(path), read.what, read.hint)
    return Extracted(read.document, (), pages=read.pages)


# --- pictures -------------------------------------------------------------------------


def with_pictures(
    worker: PdfWorker, path: Path, read: Read
) -> tuple[Read, tuple[Picture, ...]]:
    """Cut out marked figures and drawings; return the marks with picture names, and the pictures.

    A mark whose picture cannot be cut gets no name. If cutting failed this time, the mark
    keeps its name: the picture may exist from an earlier run. The failure is added to the
    problems.
    """
    from ankiforge.extract.pdf.messages import MOST_PICTURES, Area

    if not read.areas:
        return read, ()
    areas_by_mark: dict[int, Area] = {}
    for index, box in read.areas[:MOST_PICTURES]:
        page = int(read.marks[index].block)
        areas_by_mark[index] = Area(page, box)
    cuttings, failed = worker.cut(path, tuple(areas_by_mark.values()))

    marks = list(read.marks)
    pictures: dict[str, Picture] = {}
    for index, cutting in zip(areas_by_mark, cuttings, strict=True):
        # made from the place, so that rendering it differently is not new content
        mark = marks[index]
        document = read.document.key.removeprefix("pdf:")
        tenths = [str(round(10 * edge)) for edge in areas_by_mark[index].box]
        name = f"cut/{h16('cut', document, mark.block, *tenths, mark.kind)}.png"
        if cutting.data:
            pictures[name] = Picture(name, cutting.data)
        if cutting.data or failed:
            marks[index] = replace(
                mark,
                markdown=(f"![]({name})",),
                figure=cutting.figure,
                labels=cutting.labels,
            )

    problems = list(read.problems)
    if failed is not None:
        message = f"its figures and drawings cannot all be cut out: {failed.what}"
        hint = "its text was read; to get the pictures, print those pages to a new PDF"
        problems.append((message, hint))
    notices = list(read.notices)
    not_cut = len(read.areas) - len(areas_by_mark)
    if not_cut:
        message = (
            f"only the first {MOST_PICTURES} figures and drawings were cut out,"
            f" {not_cut} were not"
        )
        notices.append((message, "remove those you do not need"))
    read = replace(
        read,
        marks=tuple(marks),
        problems=tuple(problems),
        notices=tuple(notices),
    )
    return read, tuple(pictures.values())
