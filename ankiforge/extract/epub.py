"""Read the pages and the metadata of EPUBs, and web pages as books with a single page."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

from ankiforge.errors import ItemError
from ankiforge.extract.files import build_read_error, open_regular_file, read_file
from ankiforge.extract.html_text import decode_html, iter_html_blocks, parse_page
from ankiforge.text.normalize import normalize_for_comparison

if TYPE_CHECKING:  # imported when the text is needed
    from bs4 import BeautifulSoup

MAX_BOOK_BYTES = 50_000_000
"""The maximum total size of a book's pages, in bytes."""
_MAX_PACKAGE_BYTES = 4_000_000
"""The maximum size of a book's package file, in bytes."""
PAGE_SUFFIXES = (".xhtml", ".html", ".htm")
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PROTECTED_HINT = (
    "give a copy without protection, or the highlights that its reading app exports"
)
_ZIP_ERRORS = (
    BadZipFile,
    ZlibError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
)


class Page:
    """A saved web page, or one HTML file of an EPUB."""

    def __init__(self, name: str, html: str) -> None:
        self.name = name
        self.html = html

    @cached_property
    def text(self) -> str:
        """The text of the page, with one block per line.

        Note references, ruby annotations and the like (see `html_text.remove_asides`) are
        included, because other programs quote them as well.
        """
        return "\n".join(text for _, text in iter_html_blocks(self.soup) if text)

    @cached_property
    def normalized_text(self) -> str:
        """The text to search for quotes, normalized for comparison."""
        return normalize_for_comparison(self.text)

    @cached_property
    def soup(self) -> BeautifulSoup:
        """The parsed page, without the elements that aren't displayed."""
        return parse_page(self.html)


class Epub:
    """An EPUB file, which is only opened when its content is needed."""

    def __init__(self, path: str | Path) -> None:
        self._path = path

    @cached_property
    def pages(self) -> list[Page]:
        """The pages in spine order, followed by any pages not in the spine.

        Raises:
            ItemError: The file is unreadable, damaged, too large or encrypted (DRM).
        """
        with self._open() as book:
            return [Page(name, _read_page(book, name)) for name in _list_pages(book)]

    @cached_property
    def metadata(self) -> dict[str, list[str]]:
        """The values of each Dublin Core element, such as `title`, or {} if there is no metadata.

        Raises:
            ItemError: The file is unreadable or damaged.
        """
        values_by_element: dict[str, list[str]] = {}
        with self._open() as book, suppress(ElementTree.ParseError, KeyError):
            _, package = _read_package(book)
            for element in package.iterfind("{*}metadata/*"):
                name = str(element.tag).rpartition("}")[2]
                text = " ".join((element.text or "").split())
                values_by_element.setdefault(name, []).append(text)
        return values_by_element

    @contextmanager
    def _open(self) -> Iterator[ZipFile]:
        try:
            with (
                open(self._path, "rb", opener=open_regular_file) as file,
                ZipFile(file) as book,
            ):
                yield book
        except OSError as error:
            raise build_read_error(error) from error
        except _ZIP_ERRORS as error:
            hint = "open it in calibre's editor and save it"
            raise ItemError(f"the book cannot be read: {error}", hint=hint) from error


def _list_pages(book: ZipFile) -> list[str]:
    """Return the names of the pages in spine order, followed by any pages not in the spine.

    Raises:
        ItemError: The book is encrypted (DRM).
        ValueError: The book is too large.
    """
    sizes = {file.filename: file.file_size for file in book.infolist()}
    spine: list[str] = []  # stays empty if the package file is damaged
    with suppress(ElementTree.ParseError, KeyError, ValueError):
        spine = list(_iter_spine(book))
    if not _find_encrypted_names(book).isdisjoint(spine):
        message = "the book is protected (DRM), so its text cannot be read"
        raise ItemError(message, hint=_PROTECTED_HINT)
    pages = [name for name in spine if name in sizes]
    for name in sizes:
        if name.lower().endswith(PAGE_SUFFIXES):
            pages.append(name)
    names = list(dict.fromkeys(pages))
    if sum(sizes[name] for name in names) > MAX_BOOK_BYTES:
        raise ValueError("it is too large")
    return names


def _find_encrypted_names(book: ZipFile) -> set[str]:
    names = set[str]()
    with suppress(ElementTree.ParseError, KeyError):
        encryption = ElementTree.fromstring(book.read(_ENCRYPTION))
        for reference in encryption.iterfind(".//{*}CipherReference"):
            names.add(unquote(reference.get("URI", "")))
    return names


def _read_page(book: ZipFile, name: str) -> str:
    raw = book.read(name)
    try:
        return decode_html(raw)
    except ItemError:
        return raw.decode("utf-8", "replace")


def read_web_page(path: str | Path) -> Page:
    """Read a page saved from the web.

    Raises:
        ItemError: The file is too large or unreadable, or its encoding is unknown.
    """
    raw, _ = read_file(path, MAX_BOOK_BYTES)
    return Page(Path(path).name, decode_html(raw))


def _read_package(book: ZipFile) -> tuple[str, ElementTree.Element]:
    """Parse an EPUB's package file, which holds its metadata, manifest and spine.

    Returns:
        (name of the package file, its root element)

    Raises:
        ParseError, KeyError, ValueError: The package file is missing, damaged or too large.
    """

    def parse(name: str) -> ElementTree.Element:
        if book.getinfo(name).file_size > _MAX_PACKAGE_BYTES:
            raise ValueError("the list of its files is too large")
        return ElementTree.fromstring(book.read(name))

    root_file = parse(_CONTAINER).find(".//{*}rootfile")
    name = "" if root_file is None else root_file.get("full-path", "")
    return name, parse(posixpath.normpath(name))


def _iter_spine(book: ZipFile) -> Iterator[str]:
    package_name, package = _read_package(book)
    directory = posixpath.dirname(package_name)
    names: dict[str, str] = {}
    for item in package.iterfind("{*}manifest/{*}item"):
        path = posixpath.join(directory, unquote(item.get("href", "")))
        if not item.get("media-type", "").startswith("image/"):
            names[item.get("id", "")] = posixpath.normpath(path)
    for item_reference in package.iterfind("{*}spine/{*}itemref"):
        name = names.get(item_reference.get("idref", ""))
        if name:
            yield name
