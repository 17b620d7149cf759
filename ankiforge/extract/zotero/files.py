"""Context and pictures of annotations, from files on this machine.

A library stores only the marked text. If a file is missing, locked, damaged or slow, only the text
around the mark is lost. For figures and drawings Zotero stores no text. It caches a picture of each
one that was displayed on this machine. Others are cut out of the PDF.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import chain, groupby
from math import isfinite
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile, ZipFile

import msgspec

from ankiforge.extract.files import blocks_of
from ankiforge.extract.pdf import MOST_PICTURES
from ankiforge.extract.pdf.worker import (
    HYPERTEXT,
    REPAIR,
    Area,
    Around,
    Box,
    Failed,
    Passage,
    PdfWorker,
    Quote,
    Surroundings,
    absolute,
)
from ankiforge.extract.zotero.database import FIGURES, Library, Mark
from ankiforge.model import Picture, h16
from ankiforge.text.fold import locate, same
from ankiforge.text.passages import paragraphs_around

STORAGE = "storage"
"""The folder of files next to the database, and the prefix of paths in it."""
BASE = "attachments"
"""The prefix of paths below the base folder for linked files."""
CACHE = "cache"
"""The folder next to the database with the pictures of annotations."""
LARGEST_PICTURE = 20_000_000
"""The maximum size in bytes. Zotero's own pictures are far smaller."""
_PNG = b"\x89PNG"


# --- positions: what Zotero keeps as JSON, whatever is wrong with it ------------------------


class _Page(msgspec.Struct, frozen=True):
    pageIndex: int | None = None
    """Missing in EPUBs and snapshots."""


class _Lines(msgspec.Struct, frozen=True):
    rects: tuple[Box, ...] = ()


class _Drawing(msgspec.Struct, frozen=True):
    paths: tuple[tuple[float, ...], ...] = ()
    """x, y, x, y … for each stroke of a pen."""
    width: float = 1.0


_Part = TypeVar("_Part", _Page, _Lines, _Drawing)


def _decoded(mark: Mark, part: type[_Part]) -> _Part:
    """Return a part of a mark's position. Empty if it cannot be parsed."""
    try:
        return msgspec.json.decode(mark.position, type=part)
    except (msgspec.MsgspecError, RecursionError):
        return part()


def page_index(mark: Mark) -> int | None:
    """Return the page of a mark, from 0. None if it has none."""
    page = _decoded(mark, _Page).pageIndex
    return page if page is not None and page >= 0 else None


def area_of(mark: Mark) -> Area | None:
    """Return the area of a figure or drawing. None if unknown."""
    page, pen = page_index(mark), _decoded(mark, _Drawing)
    strokes = tuple(one for one in pen.paths if len(one) > 1 and all(map(isfinite, one)))
    box = next(iter(_decoded(mark, _Lines).rects), None)
    if box is None and strokes and isfinite(pen.width):  # the drawing with a small margin
        across = list(chain.from_iterable(stroke[::2] for stroke in strokes))
        up = list(chain.from_iterable(stroke[1::2] for stroke in strokes))
        air = abs(pen.width) + 2
        box = (min(across) - air, min(up) - air, max(across) + air, max(up) + air)
    if page is None or box is None or not all(map(isfinite, box)):
        return None
    return Area(page, box, strokes, pen.width, mark.colour) if strokes else Area(page, box)


def _quote(mark: Mark) -> Quote | None:
    """Return the text to look for, if any. Only marks in PDFs have a page."""
    page = 0 if mark.attachment_path.lower().endswith(HYPERTEXT) else page_index(mark)
    if page is None or not mark.text.strip():
        return None
    box = next(iter(_decoded(mark, _Lines).rects), None)
    return Quote(page, mark.text, box, "?" in mark.comment)


# --- files ----------------------------------------------------------------------------------


class Shown(Passage, frozen=True):
    """The context of a mark that is a picture: the picture's name in our Markdown."""

    picture: str = ""


class Files:
    """The files in Zotero's data folder, and those linked from it."""

    def __init__(self, worker: PdfWorker, folder: Path | None) -> None:
        """Without a `folder`, no files are found."""
        self._worker = worker
        self._folder = folder
        self._looked_for: dict[str, set[str]] = defaultdict(set)

    def prefetch(self, library: Library, marks: Iterable[Mark]) -> None:
        """Start on the context of all these marks, which `around` will need next."""
        questions = []
        for _, group in groupby(marks, key=lambda mark: (mark.work_key, mark.attachment_key)):
            on_file = tuple(group)
            quotes = tuple(quote for mark in on_file if (quote := _quote(mark)))
            file = self._file(library, on_file[0]) if quotes else None
            if file:
                questions.append(Around(absolute(file), quotes))
        self._worker.prefetch(questions)

    def around(
        self, library: Library, marks: tuple[Mark, ...]
    ) -> tuple[dict[str, Passage], tuple[Picture, ...]]:
        """Return the context of the marks of one work by key, and the pictures named in it.

        Each file is read once, because the marks of one attachment are consecutive. For a figure,
        the picture is Zotero's or else cut out of the PDF. Zotero drops its own when a mark is
        moved or recoloured, until it is displayed again. So if the PDF exists, the picture has the
        same name wherever it comes from.
        """
        found: dict[str, Passage] = {}
        pictures: list[Picture] = []
        for _, group in groupby(marks, key=lambda mark: mark.attachment_key):
            on_file = tuple(group)
            figures = {
                mark: self._cached_picture(library, mark)
                for mark in on_file
                if mark.kind in FIGURES
            }
            file = self._file(library, on_file[0])
            if file is None:
                for mark, path in figures.items():
                    if path is not None and self._folder is not None:
                        name = path.relative_to(self._folder).as_posix()
                        found[mark.key] = Shown(picture=name)
                continue
            images = {mark: _picture_bytes(path) for mark, path in figures.items()}
            missing = (mark for mark, image in images.items() if not image)
            areas = {mark: area for mark in missing if (area := area_of(mark))}
            quotes = {mark.key: quote for mark in on_file if (quote := _quote(mark))}
            if quotes:
                found |= zip(
                    quotes, self._worker.passages(file, tuple(quotes.values())), strict=False
                )
            if areas:
                cut, _ = self._worker.cut(file, tuple(areas.values())[:MOST_PICTURES])
                images |= zip(areas, cut, strict=False)
            for mark, image in images.items():
                if image:
                    name = f"cut/{h16(library.namespace, mark.key)}.png"
                    pictures.append(Picture(name, image))
                    found[mark.key] = Shown(picture=name)
        return found, tuple(pictures)

    def looked(self, library: Library) -> frozenset[str]:
        """Return the files that were looked for, whether they exist or not."""
        return frozenset(self._looked_for[library.namespace])

    # --- where files are

    def _cached_picture(self, library: Library, mark: Mark) -> Path | None:
        """Return the picture in Zotero's cache. None while the file is still empty."""
        if self._folder is None or not (mark.key.isascii() and mark.key.isalnum()):
            return None
        path = self._folder / CACHE / library.address / f"{mark.key}.png"
        self._looked_for[library.namespace].add(str(path))
        try:
            return path if path.is_file() and path.stat().st_size > 0 else None
        except OSError:
            return None

    def _file(self, library: Library, mark: Mark) -> Path | None:
        """Return the attachment, if it exists. Only the own library may leave the data folder."""
        if self._folder is None:
            return None
        scheme, _, name = mark.attachment_path.partition(":")
        path: Path | None = None
        if scheme == STORAGE:
            if _is_name(mark.attachment_key) and _is_name(name):
                path = self._folder.joinpath(STORAGE, mark.attachment_key, name)
        elif library.group is not None:
            pass
        elif scheme == BASE:
            if self._base and all(map(_is_name, name.split("/"))):
                path = self._base / name
        elif Path(mark.attachment_path).is_absolute():
            path = Path(mark.attachment_path)
        if path is not None:
            self._looked_for[library.namespace].add(str(path))
        return path if path is not None and os.path.isfile(path) else None  # noqa: PTH113

    @cached_property
    def _base(self) -> Path | None:
        """The folder to which relative links refer."""
        return linked_folder(self._folder) if self._folder else None


def _picture_bytes(picture: Path | None) -> bytes:
    """Return the bytes of a cached picture. Symbolic links are not followed."""
    try:
        if picture is None or picture.is_symlink() or picture.stat().st_size > LARGEST_PICTURE:
            return b""
        data = picture.read_bytes()
    except OSError:
        return b""
    return data if data.startswith(_PNG) else b""


def _is_name(part: str) -> bool:
    """Return whether this is a plain file name that cannot lead elsewhere, on any system."""
    return part not in ("", ".", "..") and not {"/", "\\", ":"} & {*part}


# --- Zotero's own settings: where linked files begin ----------------------------------------

_HOMES = (
    ".zotero/zotero",
    ".var/app/org.zotero.Zotero/.zotero/zotero",
    "snap/zotero-snap/common/.zotero/zotero",
    "Library/Application Support/Zotero/Profiles",
)
_LARGEST_PREFS = 5_000_000
"""The maximum size of a preferences file in bytes."""
_PREF = re.compile(
    r'^user_pref\("extensions\.zotero\.(dataDir|baseAttachmentPath)", ("[^\n]*")\);$', re.MULTILINE
)


def linked_folder(data: Path) -> Path | None:
    """Return the base folder for linked files of this data folder. None if no profile names one."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    homes = [home / name for name in _HOMES]
    if windows := os.environ.get("APPDATA"):
        homes.append(Path(windows, "Zotero", "Zotero", "Profiles"))
    for path in (path for folder in homes for path in sorted(folder.glob("*/prefs.js"))):
        prefs: dict[str, str] = {}
        with suppress(OSError):
            small = path.stat().st_size < _LARGEST_PREFS
            for name, value in _PREF.findall(path.read_text("utf-8", "replace") if small else ""):
                with suppress(ValueError):
                    prefs[name] = json.loads(value)
        base = prefs.get("baseAttachmentPath", "")
        with suppress(OSError, ValueError):
            if base and Path(prefs.get("dataDir", home / "Zotero")).samefile(data):
                return Path(base)
    return None


# --- the text around quotes in EPUBs and snapshots of web pages ------------------------------

LARGEST_PAGE = 50_000_000
"""Bytes of one page, at most, and of all pages of a book that are read."""
PAGES = (".xhtml", ".html", ".htm")


def _pages(path: Path) -> Iterator[bytes]:
    if path.suffix.lower() in PAGES:
        with path.open("rb") as file:
            yield file.read(LARGEST_PAGE)
        return
    left = LARGEST_PAGE
    with ZipFile(path) as book:
        for one in book.infolist():
            if one.filename.lower().endswith(PAGES) and one.file_size <= left:
                left -= one.file_size
                yield book.read(one)


def find_in_pages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find the context of quotes in an EPUB or a web page; never raises for bad content."""
    texts = []
    try:
        for page in _pages(path):
            blocks = blocks_of(page.decode("utf-8", "replace"))
            texts.append("\n".join(words for _, words in blocks if words))
    except (OSError, BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        return Failed(f"it cannot be read: {error}", REPAIR)
    return Surroundings(tuple(_passage(texts, quote) for quote in quotes))


def _passage(texts: list[str], quote: Quote) -> Passage:
    from ankiforge.extract.pdf.passages import around as context  # with PDFium

    for text in texts:
        if span := locate(quote.words, text):
            prefix, suffix, sentence = context(text, span)
            return Passage(
                prefix,
                suffix,
                "" if same(sentence, quote.words) else sentence,
                nearby=paragraphs_around(text, *span, asks=quote.asks),
            )
    return Passage()
