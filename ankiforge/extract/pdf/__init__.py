"""Source for a directory of PDFs: reads the annotations of each PDF as highlights and notes.

    sources:
      - pdf: {name: papers, path: ~/Papers}

PDFs are read in subprocesses (`worker`), because damaged files can crash or hang the libraries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.extract.base import SourceSettings
from ankiforge.extract.file_source import File, FileSource, FindPicture
from ankiforge.extract.files import title_from_file_name
from ankiforge.model import (
    Document,
    DocumentText,
    ExtractedDocument,
    Highlight,
    Paragraph,
    Picture,
    Problem,
    Sighting,
    Strings,
    UnmarkedDocument,
    hash16,
)
from ankiforge.text.keys import number_highlights

if TYPE_CHECKING:  # imported when a file is read
    from ankiforge.extract.pdf.messages import Area, ReadMarksReply
    from ankiforge.extract.pdf.worker import PdfWorkerPool

_NO_MARKS = (
    "no annotations in this file",
    "printing to PDF turns marks into part of the page:"
    " save or export the file with its annotations instead",
)


class PdfSettings(SourceSettings, kw_only=True):
    """Settings for a `pdf:` source.

    See `files.compile_patterns` for the pattern syntax.
    """

    include: Strings = ("**/*.pdf",)
    exclude: Strings = ()


@dataclass(frozen=True)
class PdfSource(FileSource):
    """Reads the annotated PDFs in a directory.

    A comment may contain instructions for drafting cards. If the setting `me` isn't empty, only
    comments by the authors (/T) that it lists, or without an author, count as instructions.
    """

    timeout: float | None = None
    """The timeout in seconds for each request to the worker, or None for the default."""

    kind = "pdf"
    Settings = PdfSettings
    suffixes = (".pdf",)
    keeps_inner_sources = True
    example = (
        "- pdf: {name: papers, path: ~/Papers}         # a folder of PDFs with marks"
    )
    has_several_authors = True
    rereads_named_files = True

    @contextmanager
    def open_reader(self, files: list[File]) -> Iterator[PdfWorkerPool]:
        """Start reading `files` in the background, and yield the pool of subprocesses that does so.

        The cache of the pool is saved on exit.
        """
        from ankiforge.extract.pdf.messages import ReadMarks
        from ankiforge.extract.pdf.worker import (
            REQUEST_TIMEOUT,
            PdfWorkerPool,
            get_absolute_path,
        )

        timeout = REQUEST_TIMEOUT if self.timeout is None else self.timeout
        opening = self.opening
        with PdfWorkerPool(
            timeout, opening.cache, opening.jobs, opening.executor
        ) as pool:
            pool.prefetch(ReadMarks(get_absolute_path(file.as_path)) for file in files)
            yield pool
            pool.save_cache(complete=self.covers_all_files(files))

    def extract_file(
        self, file: File, reader: PdfWorkerPool, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield a PDF's document, if it has any highlights, followed by any problems."""
        from ankiforge.extract.pdf.messages import Failure

        reply = reader.read_marks(file.as_path)
        if isinstance(reply, Failure):
            yield Problem(file.path, reply.what, reply.hint)
            return
        reply, pictures = cut_out_pictures(reader, file.as_path, reply)
        if reply.marks:
            highlights = self._build_highlights(file, reply)
            yield ExtractedDocument(
                highlights[0].document,
                highlights,
                self.listing.container,
                reply.pages,
                pictures,
                is_fully_read=reply.is_whole,
                skipped_texts=reply.left_out,
            )
        elif reply.left_out:
            yield UnmarkedDocument(
                self.listing.container, file.path, "", skipped_texts=reply.left_out
            )
        problems = list(_iter_problems(file.path, reply))
        yield from problems
        if file.is_named_by_user and not reply.marks and not problems:
            yield Problem(file.path, *_NO_MARKS, is_notice=True)

    def read_whole_text(self, file: File, reader: PdfWorkerPool) -> DocumentText:
        """Return the text of all pages, without page headers and footers."""
        labels: list[str] = []
        pages: list[str] = []
        paragraphs: list[Paragraph] = []
        for pages_read in reader.iter_pages(file.as_path):
            labels += pages_read.labels
            for lines in pages_read.paragraphs:
                paragraphs += _iter_paragraphs(len(pages), lines)
                pages.append("\n".join(text for text, _, _ in lines))
        document = self._complete_document(file, pages_read.document)
        return DocumentText(
            document,
            tuple(pages),
            tuple(paragraphs),
            namespace=document.key,
            page_labels=tuple(labels),
            page_hashes=pages_read.prints,
        )

    def _complete_document(self, file: File, document: Document) -> Document:
        path = PurePosixPath(file.path)
        return replace(
            document,
            source=self.listing.name,
            title=document.title or title_from_file_name(path.stem),
            path=file.path,
            identifiers=(*document.identifiers, ("file", path.name)),
        )

    def _build_highlights(
        self, file: File, reply: ReadMarksReply
    ) -> tuple[Highlight, ...]:
        document = self._complete_document(file, reply.document)
        highlights: list[Highlight] = []
        for _, page_marks in groupby(reply.marks, key=attrgetter("block_id")):
            marks = []
            for mark in page_marks:
                completed = replace(
                    mark,
                    document=document,
                    namespace=document.key,
                    comment_is_instruction=self._is_mine(mark),
                )
                marks.append(completed)
            highlights += number_highlights(marks)
        return tuple(highlights)

    def _is_mine(self, mark: Highlight) -> bool:
        """Return whether the user made a mark, according to the setting `me`."""
        me = self.opening.me
        return not me or mark.author in ("", *me)


def _iter_problems(path: str, reply: ReadMarksReply) -> Iterator[Problem]:
    for message, hint in reply.problems:
        yield Problem(path, message, hint)
    for message, hint in reply.notices:
        yield Problem(path, message, hint, is_notice=True)


def _iter_paragraphs(
    page_number: int, lines: Iterable[tuple[str, str, str | None]]
) -> Iterator[Paragraph]:
    """Yield the paragraphs of a page: its lines that have text.

    Each line has its text, its headings, and the reason for making no cards from it, if any.
    """
    start = 0
    for text, heading, skip_reason in lines:
        end = start + len(text)
        if text.strip():
            yield Paragraph(
                page_number,
                start,
                end,
                heading,
                block_id=str(page_number),
                skip_reason=skip_reason,
            )
        start = end + 1


def read_pdf_metadata(path: Path) -> ExtractedDocument | Problem:
    """Read the title, authors and identifiers of a PDF, but not its highlights.

    Returns a problem if the file can't be read.
    """
    from ankiforge.extract.pdf.messages import Failure
    from ankiforge.extract.pdf.worker import PdfWorkerPool

    with PdfWorkerPool() as worker:
        reply = worker.read_marks(path, always_identify=True)
    if isinstance(reply, Failure):
        return Problem(str(path), reply.what, reply.hint)
    return ExtractedDocument(reply.document, (), page_hashes=reply.pages)


# --- pictures -------------------------------------------------------------------------


def cut_out_pictures(
    worker: PdfWorkerPool, path: Path, reply: ReadMarksReply
) -> tuple[ReadMarksReply, tuple[Picture, ...]]:
    """Cut highlighted figures and drawings out of a PDF, and add their paths to the highlights.

    If a picture can't be cut out, its highlight stays as it is. But if the subprocess failed, the
    failure becomes a problem, and the highlight gets the path anyway, because the picture may
    exist from an earlier run.

    Returns:
        (reply with the completed highlights, pictures)
    """
    from ankiforge.extract.pdf.messages import Area
    from ankiforge.extract.pdf.worker import MAX_PICTURES

    if not reply.areas:
        return reply, ()
    marks = list(reply.marks)
    area_by_mark: dict[int, Area] = {}
    """The area of each highlight to cut out, by its index in `marks`."""
    for mark_index, box in reply.areas:
        page_number = int(marks[mark_index].block_id)
        area_by_mark[mark_index] = Area(page_number, box)
    cut_outs, failure = worker.cut_pictures(path, area_by_mark)
    pictures: dict[str, Picture] = {}
    for mark_index, cut_out in cut_outs.items():
        mark = marks[mark_index]
        name = _name_picture(reply.document, mark, area_by_mark[mark_index])
        if cut_out.data:
            pictures[name] = Picture(name, cut_out.data)
        if cut_out.data or failure is not None:
            marks[mark_index] = replace(
                mark,
                markdown=(f"![{cut_out.caption}]({name})",),
                figure_hash=cut_out.figure,
                figure_labels=cut_out.labels,
            )

    completed = replace(reply, marks=tuple(marks))
    if failure is not None:
        message = f"its figures and drawings cannot all be cut out: {failure.what}"
        hint = "its text was read; to get the pictures, print those pages to a new PDF"
        completed = replace(completed, problems=(*reply.problems, (message, hint)))
    skipped_count = len(area_by_mark) - len(cut_outs)
    if skipped_count:
        message = (
            f"only the first {MAX_PICTURES} figures and drawings were cut out,"
            f" {skipped_count} were not"
        )
        hint = "remove those you do not need"
        completed = replace(completed, notices=(*reply.notices, (message, hint)))
    return completed, tuple(pictures.values())


def _name_picture(document: Document, mark: Highlight, area: Area) -> str:
    """Return the name of a picture, which depends on its position and not on how it is rendered."""
    document_id = document.key.removeprefix("pdf:")
    edges = [str(round(10 * edge)) for edge in area.box]
    return f"cut/{hash16('cut', document_id, mark.block_id, *edges, mark.kind)}.png"
