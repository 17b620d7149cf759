"""EPUB: the highlights that calibre's viewer keeps in the book itself.

    sources:
      - epub: {path: ~/Books}

They are in the book's `META-INF/calibre_bookmarks.txt`. The other programs that show EPUBs
keep their marks elsewhere.
"""

from __future__ import annotations

import binascii
import dataclasses
import posixpath
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import (
    Candidate,
    Confidence,
    Opening,
    Recognition,
    SourceSettings,
)
from ankiforge.extract.books import Book, Mark, document_of, extracted
from ankiforge.extract.books.calibre import in_reading_order, listed_marks
from ankiforge.extract.files import open_regular, unreadable
from ankiforge.extract.folder import File, FileSource
from ankiforge.model import Memory, NoMemory, Pair, Problem, Sighting, Strings
from ankiforge.text import regex

if TYPE_CHECKING:  # loaded when a book is read
    from ankiforge.extract.pdf.worker import PdfWorker

_ANNOTATIONS = "META-INF/calibre_bookmarks.txt"
_CONTAINER = "META-INF/container.xml"
_MAGIC = b"encoding=json+base64:"
LARGEST = 16_000_000
"""The maximum size in bytes of a file in a book that is read here."""
_ISBN = regex(r"(?i)(?:urn:)?(?:isbn:)?((?:97[89])?\d{9}[\dX])")
_UNREADABLE = (
    BadZipFile,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
)


class EpubSettings(SourceSettings, kw_only=True):
    """The keys of an `epub:` source."""

    include: Strings = ("**/*.epub",)
    exclude: Strings = ()


@dataclass(frozen=True)
class Epub(FileSource):
    """The books of a folder with highlights inside. `me` does not matter."""

    memory: Memory = NoMemory()  # noqa: RUF009 - it holds nothing
    """Caches what a book has around the marks."""

    kind = "epub"
    Settings = EpubSettings
    endings = (".epub",)
    noun = "an EPUB"

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """Return a reader of the books below a root, a folder or one file."""
        return dataclasses.replace(super().open(opening), memory=opening.memory)

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a book has highlights inside; else where they may be."""
        with (
            suppress(OSError, *_UNREADABLE),
            open(candidate.path, "rb", opener=open_regular) as file,
            ZipFile(file) as book,
        ):
            if _ANNOTATIONS in book.namelist():
                return Recognition(Confidence.CONTENT)
        why_not = (
            "the book has no highlights inside; give what its reader keeps them in:"
            " KOReader's .sdr folder, KoboReader.sqlite, calibre's library, or Apple Books' folder"
        )
        return Recognition(Confidence.NO, why_not)

    @contextmanager
    def reading(self, files: list[File]) -> Iterator[PdfWorker]:
        """Return what reads the sentences around the marks."""
        from ankiforge.extract.pdf.worker import PdfWorker

        with PdfWorker(memory=self.memory) as worker:
            yield worker
            worker.store(complete=self.are_all(files))

    def contents(
        self,
        file: File,
        reader: PdfWorker,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield a book with the highlights inside, and a problem for each that cannot be read."""
        try:
            raw, book = _read(file)
        except OSError as error:
            raise unreadable(error) from error
        except _UNREADABLE as error:
            message = f"the book cannot be read: {error}"
            raise ItemError(
                message, hint="open it in calibre's editor and save it"
            ) from error
        marks: list[Mark] = []
        for listed in listed_marks(_listed(raw), file.path):
            if isinstance(listed, Problem):
                yield listed
                continue
            _, mark = listed
            marks.append(mark)
        folder = self.folder
        document = document_of(book, folder.namespace, folder.name)
        ordered = in_reading_order(marks)
        yield from extracted(document, folder, ordered, file.at, reader)


def _read(file: File) -> tuple[bytes, Book]:
    """Return the highlights of a book as they are kept in it, b"" if there are none, and its data.

    Raises:
        OSError, and what a broken ZIP raises: it cannot be read.
    """
    with open(file.place, "rb", opener=open_regular) as opened, ZipFile(opened) as book:
        if _ANNOTATIONS not in book.namelist():
            return b"", Book("")
        raw = _member(book, _ANNOTATIONS)
        described = Book("", file=file.path, path=file.path)
        with suppress(ElementTree.ParseError, KeyError):
            described = _read_metadata(book, file.path)
        return raw, described


def _member(book: ZipFile, name: str) -> bytes:
    """Return a file in a book.

    Raises:
        ValueError: it is too large.
    """
    if book.getinfo(name).file_size > LARGEST:
        raise ValueError(f"{name} is larger than {LARGEST // 1_000_000} MB")
    return book.read(name)


def _read_metadata(book: ZipFile, path: str) -> Book:
    """Return title, authors and ISBN, as the metadata of the book say."""
    container = ElementTree.fromstring(_member(book, _CONTAINER))
    root_file = container.find(".//{*}rootfile")
    name = "" if root_file is None else root_file.get("full-path", "")
    package = ElementTree.fromstring(_member(book, posixpath.normpath(name)))
    metadata = package.find("{*}metadata")
    entries: dict[str, list[str]] = {}
    if metadata is not None:
        for element in metadata:
            words = " ".join((element.text or "").split())
            tag = str(element.tag).rpartition("}")[2]
            entries.setdefault(tag, []).append(words)
    titles = entries.get("title") or [""]
    isbns: list[Pair] = []
    for identifier in entries.get("identifier", ()):
        isbn = _ISBN.fullmatch(identifier.replace("-", ""))
        if isbn:
            isbns.append(("isbn", isbn[1]))
    return Book(
        title=titles[0],
        authors=tuple(filter(None, entries.get("creator", ()))),
        identifiers=tuple(isbns[:1]),
        file=path,
        path=path,
        subjects=tuple(entries.get("subject", ())),
    )


def _listed(raw: bytes) -> tuple[msgspec.Raw, ...]:
    """Return the annotations in a list; () if it is of calibre's older form, with bookmarks alone.

    Raises:
        ItemError: it is damaged.
    """
    if not raw.startswith(_MAGIC):
        return ()
    try:
        listed = b64decode(
            raw.removeprefix(_MAGIC).translate(None, b"\r\n "),
            validate=True,
        )
        return msgspec.json.decode(listed, type=tuple[msgspec.Raw, ...])
    except (binascii.Error, ValueError, RecursionError) as error:
        message = f"the highlights in the book cannot be read: {error}"
        raise ItemError(
            message, hint="open it in calibre's viewer, which writes them again"
        ) from error
