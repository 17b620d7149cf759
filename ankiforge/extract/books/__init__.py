"""E-books and what people mark in them: KOReader, Kobo, calibre, Apple Books.

Such programs keep the marked words apart from the book. If the book is on this machine,
the sentence around each mark is read from it, by the processes that read PDFs. Keys do not
depend on it.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from ankiforge.extract.base import Opening, SourceSettings
from ankiforge.extract.files import Step, known_authors, title_in_name
from ankiforge.extract.folder import File, FileSource, Folder, FolderSource
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Memory,
    NoMemory,
    Pair,
    Problem,
    Strings,
    Value,
    h16,
)
from ankiforge.text import regex
from ankiforge.text.asking import asks
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import numbered, percent
from ankiforge.text.passages import without_note_numbers
from ankiforge.text.private import tag_among

if TYPE_CHECKING:  # loaded when a book is read
    from ankiforge.extract.pdf.messages import QuotedWords
    from ankiforge.extract.pdf.worker import PdfWorker

_MOST_FILES = 200_000
"""Files in the folders of books that are looked at, at most."""
ENDINGS = (".epub", ".kepub", ".pdf", ".html", ".htm", ".xhtml")
"""The endings of books whose text can be read."""


class BookSettings(SourceSettings, kw_only=True):
    """The keys of a source whose marks are kept apart from the books."""

    books: Strings = ()
    """Folders with the books, besides that of the marks."""


class BookMark(Value):
    """A mark in a book, as the program that shows the book keeps it."""

    text: str
    """The marked words; "" for a note without any."""
    own: str = ""
    """Its id, "" if it has none."""
    comment: str = ""
    kind: HighlightKind = HighlightKind.HIGHLIGHT
    page: int = -1
    """The page of a PDF, or the number of the file in an EPUB's list, from 0; -1 = not known."""
    file: str = ""
    """The file in the EPUB, "" if not known."""
    steps: tuple[Step, ...] = ()
    """The way to its element in that file."""
    offset: int = 0
    """Where in that element it begins."""
    page_label: str = ""
    heading: str = ""
    colour: str = ""
    created: str = ""
    modified: str = ""

    def tidied(self) -> BookMark:
        """Return the mark with one blank between words, and one line a paragraph."""
        lines = [" ".join(line.split()) for line in self.text.splitlines()]
        text = "\n".join(filter(None, lines))
        kind = self.kind if text else HighlightKind.NOTE
        return replace(self, text=text, kind=kind, comment=self.comment.strip())

    def anchor(self, exact: str) -> str:
        """Return the text from which its key is made; "" if that is the text of its highlight."""
        if not self.text:
            return self.comment
        return "" if exact == self.text else self.text

    def quoted(self) -> QuotedWords:
        """Return where its words are to be looked for in the book."""
        from ankiforge.extract.pdf.messages import QuotedWords

        return QuotedWords(
            page=self.page,
            words=self.text,
            asks=asks(self.comment),
            file=self.file,
            steps=self.steps,
            offset=self.offset,
        )


class Book(Value):
    """A book in which something is marked."""

    title: str
    authors: Strings = ()
    identifiers: tuple[Pair, ...] = ()
    file: str = ""
    """Where its file was on the device, with `/`; "" if not known."""
    path: str = ""
    """The path of the file with its marks, if that has those of no other book."""
    subjects: Strings = ()
    """The subjects in its catalogue, tags among them."""

    @property
    def name(self) -> str:
        """Its title, or the name of its file."""
        return self.title or PurePosixPath(self.file).name.partition(".")[0]


# --- the files of books -----------------------------------------------------------------


class Shelf:
    """The books in some folders, by the names of their files."""

    def __init__(self, root: Path, further: Iterable[Path]) -> None:
        """Take the books around the marks at a root, and those in further folders."""
        folder = root.parent if root.is_file() else root
        beside_books = folder.suffix == ".sdr"
        in_memory_of_device = folder.name.startswith(".")
        if beside_books or in_memory_of_device:
            folder = folder.parent
        self._folders = tuple(dict.fromkeys([folder, *further]))

    def find(self, file: str) -> Path | None:
        """Return the book whose path on a device was this; None if it is not here.

        Its name may have other punctuation, and `.kepub` in it. Of several such files, it is
        the one with the same ending, and then in folders with the same names.
        """
        wanted = PurePosixPath(file)
        best: Path | None = None
        best_rank = (False, -1)
        for path in self._by_name.get(_name_of(wanted.name), ()):
            if path.is_symlink():  # it may lead out of the workspace
                continue
            common_folders = 0
            folders = zip(
                reversed(path.parent.parts), reversed(wanted.parent.parts), strict=False
            )
            for name, wanted_name in folders:
                if name.casefold() != wanted_name.casefold():
                    break
                common_folders += 1
            rank = (path.suffix.casefold() == wanted.suffix.casefold(), common_folders)
            if rank > best_rank:
                best = path
                best_rank = rank
        return best

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """The books by the names of their files, folded and without endings."""
        paths_by_name: dict[str, list[Path]] = {}
        count = 0
        for folder in self._folders:
            for within, folders, names in os.walk(folder):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                count += len(names)
                if count > _MOST_FILES:
                    return paths_by_name
                for name in sorted(names):
                    if name.casefold().endswith(ENDINGS):
                        path = Path(within, name)
                        paths_by_name.setdefault(_name_of(name), []).append(path)
        return paths_by_name


def _name_of(file: str) -> str:
    """Return the name of a book's file as it is compared."""
    stem = file.rpartition(".")[0] or file
    return for_finding(stem.removesuffix(".kepub"))


# --- the document of a book -------------------------------------------------------------


def document_of(book: Book, namespace: str, source: str) -> Document:
    """Return the document of a book, with the key that docs/reference/keys.md fixes."""
    name = h16(for_finding(book.name), for_finding(" ".join(book.authors)))
    return Document(
        DocumentKey(f"{namespace}/{name}"),
        source,
        title_in_name(book.name) or "Untitled",
        path=book.path,
        creators=known_authors(book.authors),
        identifiers=book.identifiers,
        tags=tag_among(book.subjects),
    )


def extracted(
    document: Document,
    folder: Folder,
    marks: Iterable[BookMark],
    file: Path | None,
    worker: PdfWorker,
) -> Iterator[Extracted | Problem]:
    """Yield a book with its marks, unless there are none, and why their context is not read.

    Args:
        document: the book.
        folder: the folder of the source.
        marks: in reading order.
        file: the book itself, from which the sentence around each mark is read; None if it
            is not here.
        worker: reads it.
    """
    from ankiforge.extract.pdf.messages import QuoteContext

    wanted = [mark.tidied() for mark in marks]
    contexts: Sequence[QuoteContext] = [QuoteContext()] * len(wanted)
    if file is not None and wanted:
        contexts, failed = worker.passages(file, [mark.quoted() for mark in wanted])
        if failed:  # reported, so that the next run tries again
            message = f"the words around its highlights are not read: {failed.what}"
            yield Problem(file.name, message, failed.hint, notice=True)
    words = without_note_numbers([mark.text for mark in wanted])
    sentences = without_note_numbers([around.sentence for around in contexts])
    highlights: list[Highlight] = []
    for mark, around, exact, sentence in zip(
        wanted, contexts, words, sentences, strict=True
    ):
        highlight = Highlight(
            document,
            folder.namespace,
            mark.kind,
            exact=exact,
            own=percent(mark.own),
            anchor_text=mark.anchor(exact),
            sentence=sentence,
            nearby=around.nearby,
            comment=mark.comment,
            colour=mark.colour,
            created=mark.created,
            modified=mark.modified,
            page_label=mark.page_label,
            heading=mark.heading,
            block=mark.page_label or mark.file,
        )
        highlights.append(highlight)
    if highlights:
        yield Extracted(document, tuple(numbered(highlights)), folder.container)


# --- the sources ------------------------------------------------------------------------


@dataclass(frozen=True)
class BookSource(FolderSource):
    """A source of marks in books, around which it reads the sentences."""

    memory: Memory = NoMemory()  # noqa: RUF009 - it holds nothing
    """Caches the sentences around the marks."""
    further: tuple[Path, ...] = ()
    """Folders with books, besides that of the marks."""

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """Return a reader of the files below a root: a folder, or one file."""
        base = opening.workspace or Path()
        folders = []
        for folder in getattr(opening.settings, "books", ()):
            folders.append(base / Path(folder).expanduser())
        return dataclasses.replace(
            super().open(opening),
            memory=opening.memory,
            further=tuple(folders),
        )

    @cached_property
    def shelf(self) -> Shelf:
        """The books: those in the folder of the marks, and where the settings say."""
        return Shelf(self.folder.root, self.further)


@dataclass(frozen=True)
class BookFileSource(BookSource, FileSource):
    """A source each of whose files has the marks of one book."""

    @contextmanager
    def reading(self, files: list[File]) -> Iterator[PdfWorker]:
        """Return the worker that reads the books of these files."""
        from ankiforge.extract.pdf.worker import PdfWorker

        with PdfWorker(memory=self.memory) as worker:
            yield worker
            worker.store(complete=self.are_all(files))


# --- places in a book -------------------------------------------------------------------

_CFI_STEP = regex(r"/(\d+)(?:\[[^\]]*\])?")


def cfi_steps(path: str) -> tuple[tuple[Step, ...], int]:
    """Return the way to an element, and the offset in it, of a path such as `/4/2/10/1:388`.

    Even numbers are elements (the first is 2), odd ones the texts between them, as in EPUB's
    canonical fragment identifiers.
    """
    steps: list[Step] = []
    for number in _CFI_STEP.findall(path):
        if int(number) % 2 == 0:
            steps.append(("*", int(number) // 2))
    offset = re.search(r":(\d{1,9})", path)
    return tuple(steps), int(offset[1]) if offset else 0


def in_reading_order(marks: list[BookMark]) -> list[BookMark]:
    """Return the marks of a book as it is read, by file, element and offset."""

    def place(mark: BookMark) -> tuple[int, tuple[int, ...], int]:
        numbers = tuple(number for _, number in mark.steps)
        return mark.page, numbers, mark.offset

    return sorted(marks, key=place)


_ISBN = regex(r"(?i)(?:urn:)?(?:isbn:)?((?:97[89])?\d{9}[\dX])")


def isbns_of(identifiers: Iterable[str]) -> tuple[Pair, ...]:
    """Return the ISBNs among identifiers, `isbn:…` or the number alone, with hyphens or without."""
    isbns: list[Pair] = []
    for identifier in identifiers:
        isbn = _ISBN.fullmatch(re.sub(r"[-\s]", "", identifier))
        if isbn:
            isbns.append(("isbn", isbn[1]))
    return tuple(isbns)
