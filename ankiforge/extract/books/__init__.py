"""Highlights in e-books: what the sources for KOReader, Kobo, calibre and Apple Books share.

These programs store highlights apart from the text of the book. If the book is on this computer,
the processes that also read PDFs read the sentence around each highlight from it. The keys of the
highlights don't depend on the book.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.extract.base import SourceSettings
from ankiforge.extract.file_source import DirectorySource, FileListing
from ankiforge.extract.files import remove_unknown_authors, title_from_file_name
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Strings,
    Value,
    hash16,
)
from ankiforge.text import regex
from ankiforge.text.comment_questions import has_question_mark
from ankiforge.text.keys import number_highlights, percent_encode
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import remove_note_numbers
from ankiforge.text.private import find_private_tag

if TYPE_CHECKING:  # loaded when a book is read
    from ankiforge.extract.pdf.messages import StoredQuote
    from ankiforge.extract.pdf.worker import PdfWorkerPool

_MAX_FILES = 200_000
"""The maximum number of files to list in directories of books."""
BOOK_SUFFIXES = (".epub", ".kepub", ".pdf", ".html", ".htm", ".xhtml")
"""The suffixes of books whose text can be read."""


class BookSettings(SourceSettings, kw_only=True):
    """The settings of sources whose highlights are stored separately from the books."""

    books: Strings = ()
    """Further directories that contain books."""


class BookHighlight(Value):
    """A highlight in a book, as stored by the reading app."""

    text: str
    """The highlighted text, or "" for a note without any."""
    id: str = ""
    """The reading program's id for the highlight, or ""."""
    comment: str = ""
    kind: HighlightKind = HighlightKind.HIGHLIGHT
    page: int = -1
    """The index of the page in a PDF or of the file in an EPUB's spine, counted from 0, or -1
    if unknown."""
    file: str = ""
    """The name of the file in the EPUB, or "" if unknown."""
    css_selector: str = ""
    """The CSS selector of the element in `file` where the highlight begins, or "" if unknown."""
    offset: int = 0
    """The offset, in the element that `css_selector` selects, where the highlight begins."""
    page_label: str = ""
    heading: str = ""
    colour: str = ""
    created: str = ""
    modified: str = ""

    def normalize(self) -> BookHighlight:
        """Collapse whitespace in the highlight and remove empty lines.

        A highlight without text becomes a note (`HighlightKind.NOTE`).
        """
        lines = [" ".join(line.split()) for line in self.text.splitlines()]
        text = "\n".join(filter(None, lines))
        kind = self.kind if text else HighlightKind.NOTE
        return replace(self, text=text, kind=kind, comment=self.comment.strip())

    def to_quote(self) -> StoredQuote:
        """Convert the highlight to a quote to look up in the text of the book."""
        from ankiforge.extract.pdf.messages import StoredQuote

        return StoredQuote(
            page=self.page,
            text=self.text,
            asks=has_question_mark(self.comment),
            file=self.file,
            css_selector=self.css_selector,
            offset=self.offset,
        )


class Book(Value):
    """A book with highlights."""

    title: str
    authors: Strings = ()
    identifiers: tuple[Pair, ...] = ()
    file: str = ""
    """The path of the book on the device, with `/` separators, or "" if unknown."""
    path: str = ""
    """The path of the file that contains the highlights of only this book, or ""."""
    subjects: Strings = ()
    """The subjects and tags of the book in its catalogue."""

    @property
    def display_name(self) -> str:
        """The book's title, falling back to its file name."""
        return self.title or PurePosixPath(self.file).name.partition(".")[0]


# --- the files of books -----------------------------------------------------------------


class BookDirectories:
    """An index of the books in a set of directories, by file name."""

    def __init__(self, root: Path, further_folders: Iterable[Path]) -> None:
        """Index the books next to the highlights (`root`) and in `further_folders`."""
        folder = root.parent if root.is_file() else root
        if folder.suffix == ".sdr" or folder.name.startswith("."):
            folder = folder.parent  # the folder of the book, or the device
        self._folders = tuple(dict.fromkeys([folder, *further_folders]))

    def find_book(self, file: str) -> Path | None:
        """Find our copy of the book whose path on a device is `file`, or return None.

        The name may differ in punctuation or contain `.kepub`. If several books match, the same
        suffix wins, then the most parent directories in common.
        """
        device_path = PurePosixPath(file)
        best: Path | None = None
        best_rank = (False, -1)
        for path in self._paths_by_name.get(_normalize_name(device_path.name), ()):
            if path.is_symlink():  # a link may lead out of the workspace
                continue
            common_folders = 0
            for name, device_folder in zip(
                path.parts[-2::-1], device_path.parts[-2::-1], strict=False
            ):
                if name.casefold() != device_folder.casefold():
                    break
                common_folders += 1
            has_same_suffix = path.suffix.casefold() == device_path.suffix.casefold()
            rank = (has_same_suffix, common_folders)
            if rank > best_rank:
                best = path
                best_rank = rank
        return best

    @cached_property
    def _paths_by_name(self) -> dict[str, list[Path]]:
        paths_by_name: dict[str, list[Path]] = {}
        count = 0
        for folder in self._folders:
            for directory, subfolders, names in os.walk(folder):
                subfolders[:] = sorted(
                    name for name in subfolders if not name.startswith(".")
                )
                count += len(names)
                if count > _MAX_FILES:
                    return paths_by_name
                for name in sorted(names):
                    if name.casefold().endswith(BOOK_SUFFIXES):
                        path = Path(directory, name)
                        paths_by_name.setdefault(_normalize_name(name), []).append(path)
        return paths_by_name


def _normalize_name(file: str) -> str:
    stem = file.rpartition(".")[0] or file
    return normalize_for_lookup(stem.removesuffix(".kepub"))


# --- the document of a book -------------------------------------------------------------


def create_document(book: Book, namespace: str, source: str) -> Document:
    """Create the document for a book. Its key is specified in `docs/reference/keys.md`."""
    name = hash16(
        normalize_for_lookup(book.display_name),
        normalize_for_lookup(" ".join(book.authors)),
    )
    return Document(
        DocumentKey(f"{namespace}/{name}"),
        source,
        title_from_file_name(book.display_name) or "Untitled",
        path=book.path,
        creators=remove_unknown_authors(book.authors),
        identifiers=book.identifiers,
        tags=find_private_tag(book.subjects),
    )


def build_book_results(
    document: Document,
    folder: FileListing,
    marks: Iterable[BookHighlight],
    file: Path | None,
    worker: PdfWorkerPool,
) -> Iterator[ExtractedDocument | Problem]:
    """Yield the document for a book, after a notice if the text of the book can't be read.

    Nothing is yielded for a book without highlights.

    Args:
        document: metadata of the book.
        folder: the list of the source's files, with the names for keys.
        marks: the highlights in the book, in reading order.
        file: the local copy of the book, from which to read the text around highlights, or
            None.
        worker: reads the book in a subprocess.
    """
    from ankiforge.extract.pdf.messages import QuoteContext

    normalized_marks = [mark.normalize() for mark in marks]
    contexts: Sequence[QuoteContext] = [QuoteContext()] * len(normalized_marks)
    if file is not None and normalized_marks:
        contexts, failure = worker.find_contexts(
            file, [mark.to_quote() for mark in normalized_marks]
        )
        if failure:  # this is reported so that the next run tries again
            message = f"the text around its highlights is not read: {failure.what}"
            yield Problem(file.name, message, failure.hint, is_notice=True)
    pairs = list(zip(normalized_marks, contexts, strict=True))
    passages = remove_note_numbers(
        [context.displayed_text or mark.text for mark, context in pairs]
    )
    sentences = remove_note_numbers([context.sentence for context in contexts])
    highlights: list[Highlight] = []
    for (mark, context), passage, sentence in zip(
        pairs, passages, sentences, strict=True
    ):
        highlight = Highlight(
            document,
            folder.namespace,
            mark.kind,
            exact=passage,
            source_id=percent_encode(mark.id),
            # the text with note numbers, which the key is computed from
            anchor_text=""
            if passage and passage == mark.text
            else mark.text or mark.comment,
            sentence=sentence,
            surrounding_text=context.surrounding_text,
            comment=mark.comment,
            colour=mark.colour,
            created=mark.created,
            modified=mark.modified,
            page_label=mark.page_label,
            heading=mark.heading,
            block_id=mark.page_label or mark.file,
        )
        highlights.append(highlight)
    if highlights:
        yield ExtractedDocument(
            document, tuple(number_highlights(highlights)), folder.container
        )


# --- the sources ------------------------------------------------------------------------


class BookSource(DirectorySource):
    """Base class of sources that look up the sentences around highlights in the books."""

    @cached_property
    def books(self) -> BookDirectories:
        """The books next to the highlights and in the configured directories."""
        base = self.opening.workspace or Path()
        folders = [base / Path(folder).expanduser() for folder in self.settings.books]
        return BookDirectories(self.listing.root, folders)


# --- places in a book -------------------------------------------------------------------

_CFI_STEP = regex(r"/(\d+)(?:\[[^\]]*\])?")
_MAX_DEPTH = 60


def parse_cfi(path: str) -> tuple[str, int]:
    """Convert a position in an EPUB to the CSS selector of an element and an offset in its text.

    A position such as `/4/2/10/1:388` is a canonical fragment identifier (CFI). An even
    number stands for a child element, where 2 is the first one, and an odd number for the
    text between two of them.
    """
    numbers = [int(number) for number in _CFI_STEP.findall(path)[:_MAX_DEPTH]]
    children = [f":nth-child({number // 2})" for number in numbers if number % 2 == 0]
    offset = re.search(r":(\d{1,9})", path)
    return " > ".join(["html", *children]), int(offset[1]) if offset else 0


def sort_by_position(marks: list[BookHighlight]) -> list[BookHighlight]:
    """Sort highlights into reading order, by file, element and offset."""
    return sorted(
        marks,
        key=lambda mark: (
            mark.page,
            [int(number) for number in re.findall(r"\d+", mark.css_selector)],
            mark.offset,
        ),
    )


_ISBN = regex(r"(?i)(?:urn:)?(?:isbn:)?((?:97[89])?\d{9}[\dX])")


def parse_isbns(identifiers: Iterable[str]) -> tuple[Pair, ...]:
    """Extract the ISBNs from identifiers, allowing for an `isbn:` prefix and hyphens."""
    matches = [_ISBN.fullmatch(re.sub(r"[-\s]", "", text)) for text in identifiers]
    return tuple(("isbn", match[1]) for match in matches if match)
