"""EPUB: the highlights that calibre's viewer keeps in the book itself.

    sources:
      - epub: {path: ~/Books}

They are in the book's `META-INF/calibre_bookmarks.txt`. The other programs that show EPUBs
keep their marks elsewhere.
"""

from __future__ import annotations

import binascii
import posixpath
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence, Recognition, SourceSettings
from ankiforge.extract.books import (
    Book,
    BookFileSource,
    Mark,
    document_of,
    extracted,
    in_reading_order,
    isbns_of,
)
from ankiforge.extract.books.calibre import listed_marks
from ankiforge.extract.files import open_regular, unreadable
from ankiforge.extract.folder import File
from ankiforge.model import Problem, Sighting, Strings

if TYPE_CHECKING:  # loaded when a book is read
    from ankiforge.extract.pdf.worker import PdfWorker

_ANNOTATIONS = "META-INF/calibre_bookmarks.txt"
_CONTAINER = "META-INF/container.xml"
_MAGIC = b"encoding=json+base64:"
LARGEST = 16_000_000
"""The maximum size in bytes of a file in a book that is read here."""
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
class Epub(BookFileSource):
    """The books of a folder with highlights inside. `me` does not matter."""

    kind = "epub"
    Settings = EpubSettings
    endings = (".epub",)
    noun = "an EPUB"

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

    def contents(
        self,
        file: File,
        reader: PdfWorker,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield a book with the highlights inside, and a problem for each that cannot be read."""
        raw = b""
        book = Book("")
        try:
            with (
                open(file.place, "rb", opener=open_regular) as opened,
                ZipFile(opened) as zip,
            ):
                if _ANNOTATIONS in zip.namelist():
                    raw = _member(zip, _ANNOTATIONS)
                    book = Book("", file=file.path, path=file.path)
                    with suppress(ElementTree.ParseError, KeyError):
                        book = _read_metadata(zip, file.path)
        except OSError as error:
            raise unreadable(error) from error
        except _UNREADABLE as error:
            message = f"the book cannot be read: {error}"
            raise ItemError(
                message, hint="open it in calibre's editor and save it"
            ) from error

        # the list of its highlights; calibre's older form has bookmarks alone
        listed: tuple[msgspec.Raw, ...] = ()
        if raw.startswith(_MAGIC):
            encoded = raw.removeprefix(_MAGIC).translate(None, b"\r\n ")
            try:
                decoded = b64decode(encoded, validate=True)
                listed = msgspec.json.decode(decoded, type=tuple[msgspec.Raw, ...])
            except (binascii.Error, ValueError, RecursionError) as error:
                message = f"the highlights in the book cannot be read: {error}"
                raise ItemError(
                    message, hint="open it in calibre's viewer, which writes them again"
                ) from error
        marks: list[Mark] = []
        for found in listed_marks(listed, file.path):
            if isinstance(found, Problem):
                yield found
            else:
                _, mark = found
                marks.append(mark)
        folder = self.folder
        document = document_of(book, folder.namespace, folder.name)
        ordered = in_reading_order(marks)
        yield from extracted(document, folder, ordered, file.at, reader)


def _member(book: ZipFile, name: str) -> bytes:
    """Return a file in a book.

    Raises:
        ValueError: it is too large.
    """
    if book.getinfo(name).file_size > LARGEST:
        raise ValueError(f"{name} is larger than {LARGEST // 1_000_000} MB")
    return book.read(name)


def _read_metadata(book: ZipFile, path: str) -> Book:
    """Return the book with title, authors and ISBN of its metadata."""
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
    isbns = isbns_of(entries.get("identifier", ()))
    return Book(
        title=titles[0],
        authors=tuple(filter(None, entries.get("creator", ()))),
        identifiers=isbns[:1],
        file=path,
        path=path,
        subjects=tuple(entries.get("subject", ())),
    )
