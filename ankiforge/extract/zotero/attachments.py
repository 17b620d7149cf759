"""Context and pictures of annotations, from files on this machine.

A library stores only the marked text. If a file is missing, locked, damaged or slow, only
the text around the mark is lost. For figures and drawings Zotero stores no text: they are
cut out of the PDF. Of a PDF that is not there, Zotero may have cached a picture of each
one that was displayed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import groupby
from math import isfinite
from pathlib import Path

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.files import LARGEST_SETTINGS, read_file
from ankiforge.extract.pdf.messages import (
    HYPERTEXT,
    MOST_PICTURES,
    Area,
    Around,
    Box,
    CutOut,
    QuoteContext,
    QuotedWords,
)
from ankiforge.extract.pdf.worker import PdfWorker, absolute
from ankiforge.extract.zotero.database import Library, ZoteroMark
from ankiforge.extract.zotero.note_text import RichText
from ankiforge.model import Label, Picture, Texts, Value, h16
from ankiforge.text import regex
from ankiforge.text.asking import asks

_AIR = 4.0
"""Points around a drawing."""
_FIGURES = ("image", "ink")
"""The types of annotations that are pictures."""
_CUT_FOLDER = "cut/"
"""The folder of pictures that were cut out of PDFs, in the names of pictures."""
STORAGE = "storage"
"""The folder of files next to the database, and the prefix of paths in it."""


# --- positions: what Zotero keeps as JSON, whatever is wrong with it --------------------


class _PageOfPosition(Value):
    pageIndex: int | None = None
    """Missing in EPUBs and snapshots."""


class _Position(_PageOfPosition):
    rects: tuple[Box, ...] = ()
    paths: tuple[tuple[float, ...], ...] = ()
    """x, y, x, y … for each stroke of a pen."""


def _position(mark: ZoteroMark) -> _Position:
    """Return a mark's position.

    It is the page alone, or nothing, if the rest cannot be parsed.
    """
    raw = mark.item.annotation_position
    with suppress(msgspec.MsgspecError, RecursionError):
        return msgspec.json.decode(raw, type=_Position)
    with suppress(msgspec.MsgspecError, RecursionError):
        return _Position(msgspec.json.decode(raw, type=_PageOfPosition).pageIndex)
    return _Position()


def page_index(mark: ZoteroMark) -> int | None:
    """Return the page of a mark, from 0. None if it has none."""
    page = _position(mark).pageIndex
    if page is None or page < 0:
        return None
    return page


def _quotes(marks: Iterable[ZoteroMark]) -> dict[str, QuotedWords]:
    """Return the texts to look for, by the keys of the marks that have one."""
    quotes = {}
    for mark in marks:
        page = page_index(mark)
        if mark.file.path.lower().endswith(HYPERTEXT):
            page = -1  # Zotero does not say in which file of a book
        # only marks in PDFs have a page
        if page is None or not mark.item.annotation_text.strip():
            continue
        rects = _position(mark).rects
        quotes[mark.item.key] = QuotedWords(
            page=page,
            words=RichText(mark.item.annotation_text).plain,
            box=rects[0] if rects else None,
            asks=asks(mark.item.annotation_comment),
        )
    return quotes


def _areas(marks: Iterable[ZoteroMark]) -> dict[str, Area]:
    """Return the areas of figures and drawings to cut out, by the keys of their marks."""
    areas = {}
    for mark in marks:
        page = page_index(mark)
        position = _position(mark)
        boxes = list(position.rects[:1])
        # a drawing has its strokes (x, y, x, y, …), around which it gets a small margin
        xs: list[float] = []
        ys: list[float] = []
        for stroke in position.paths:
            xs += stroke[::2]
            ys += stroke[1::2]
        if xs and ys:
            boxes.append((min(xs) - _AIR, min(ys) - _AIR, max(xs) + _AIR, max(ys) + _AIR))
        if page is not None and boxes and all(map(isfinite, boxes[0])):
            areas[mark.item.key] = Area(page, boxes[0])
    return areas


# --- files ------------------------------------------------------------------------------


class Shown(QuoteContext):
    """The context of a mark that is a picture: the picture's name in our Markdown."""

    picture: str = ""
    figure: str = ""
    labels: tuple[Label, ...] = ()


class ZoteroFiles:
    """The files in Zotero's data folder, and those linked from it."""

    def __init__(
        self,
        worker: PdfWorker,
        folder: Path | None,
        reach: tuple[Path, ...] | None = None,
    ) -> None:
        """Without a `folder`, no files are found.

        `reach` are the only folders in which files are opened; None = wherever the
        library says.
        """
        self._worker = worker
        self._folder = folder
        self._reach = reach
        self.looked: set[str] = set()
        """The files that were looked for, whether they exist or not."""
        self.refused: set[str] = set()
        """The files outside of `reach`, which were not looked for."""
        self.missing: Counter[str] = Counter()
        """The number of marked texts in each file that is not here, by its path in Zotero."""

    def prefetch(self, library: Library, marks: Iterable[ZoteroMark]) -> None:
        """Start on the context of all these marks, which `around` will need next."""
        questions = []
        for on_file in _by_file(marks):
            quotes = tuple(_quotes(on_file).values())
            path = self._file(library, on_file[0]) if quotes else None
            if path:
                questions.append(Around(absolute(path), quotes))
        self._worker.prefetch(questions)

    def around(
        self,
        library: Library,
        marks: list[ZoteroMark],
    ) -> tuple[dict[str, QuoteContext], tuple[Picture, ...]]:
        """Return the context of the marks of a work by key, and the pictures in it.

        Each file is read once, because the marks of one attachment are consecutive. A
        figure is cut out of the PDF; if that is not there, its picture is the one that
        Zotero keeps.
        """
        passages: dict[str, QuoteContext] = {}
        pictures: list[Picture] = []
        for on_file in _by_file(marks):
            path = self._file(library, on_file[0])
            figures = [mark for mark in on_file if mark.item.annotation_type in _FIGURES]
            cut_outs: dict[str, CutOut] = {}
            if path is None:
                self._count_missing(library, on_file)
            else:
                quotes = _quotes(on_file)
                areas = _areas(figures)
                if quotes:
                    found, _ = self._worker.passages(path, tuple(quotes.values()))
                    passages |= zip(quotes, found, strict=True)
                if areas:
                    first_areas = tuple(areas.values())[:MOST_PICTURES]
                    images, _ = self._worker.cut(path, first_areas)
                    cut_outs = dict(zip(areas, images, strict=False))
            for mark in figures:
                key = mark.item.key
                cut_out = cut_outs.get(key, CutOut(b""))
                picture = Picture("", b"")
                # what a pen drew is in Zotero's picture, not in the file
                if mark.item.annotation_type == "ink" or not cut_out.data:
                    picture = Picture(self._cached_picture(library, key), b"")
                if not picture.name and cut_out.data:
                    digest = h16(library.namespace, key, cut_out.figure)
                    picture = Picture(f"{_CUT_FOLDER}{digest}.png", cut_out.data)
                    pictures.append(picture)
                if picture.name:
                    passages[key] = Shown(
                        picture=picture.name,
                        figure=cut_out.figure,
                        labels=cut_out.labels,
                    )
        return passages, tuple(pictures)

    def _count_missing(self, library: Library, on_file: list[ZoteroMark]) -> None:
        """Count the marked texts of a file that may be opened and is not there."""
        place = self._path(library, on_file[0])
        with_text = sum(bool(mark.item.annotation_text.strip()) for mark in on_file)
        if place and with_text and os.path.normpath(place) not in self.refused:
            self.missing[on_file[0].file.path] += with_text

    # --- where files are

    def _cached_picture(self, library: Library, key: str) -> str:
        """Return the picture in Zotero's cache, "" while the file is still empty."""
        if self._folder is None or not (key.isascii() and key.isalnum()):
            return ""
        name = f"cache/{library.address}/{key}.png"
        path = self._folder / name
        if not self._may_open(path):
            return ""
        self.looked.add(str(path))
        with suppress(OSError):
            if path.is_file() and path.stat().st_size > 0:
                return name
        return ""

    def _file(self, library: Library, mark: ZoteroMark) -> Path | None:
        """Return the attachment, if it exists."""
        path = self._path(library, mark)
        if path is None or not self._may_open(path):
            return None
        self.looked.add(str(path))
        return path if os.path.isfile(path) else None  # noqa: PTH113

    def _path(self, library: Library, mark: ZoteroMark) -> Path | None:
        """Return where an attachment should be.

        Only the own library may leave the data folder.
        """
        if self._folder is None:
            return None
        scheme, _, name = mark.file.path.partition(":")
        if scheme == STORAGE and _are_names([mark.file.key, name]):
            return self._folder.joinpath(STORAGE, mark.file.key, name)
        if library.group is not None:
            return None
        if scheme == "attachments" and self._base and _are_names(name.split("/")):
            return self._base / name
        if Path(mark.file.path).is_absolute():
            return Path(mark.file.path)
        return None

    def _may_open(self, path: Path) -> bool:
        """Return whether a file may be opened; remember it if not."""
        if is_in_reach(path, self._reach):
            return True
        self.refused.add(os.path.normpath(path))
        return False

    @cached_property
    def _base(self) -> Path | None:
        """The folder to which relative links refer."""
        return linked_folder(self._folder) if self._folder else None


def _by_file(marks: Iterable[ZoteroMark]) -> Iterator[list[ZoteroMark]]:
    """Yield the marks of each file, which follow one another."""
    for _, on_file in groupby(marks, key=lambda mark: mark.file.key):
        yield list(on_file)


def _are_names(parts: list[str]) -> bool:
    """Return whether these are plain file names, which lead nowhere on any system."""
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part:
            return False
    return True


# --- Zotero's own settings: where linked files begin ------------------------------------

_HOMES = (
    ".zotero/zotero",
    ".var/app/org.zotero.Zotero/.zotero/zotero",
    "snap/zotero-snap/common/.zotero/zotero",
    "Library/Application Support/Zotero/Profiles",
    "AppData/Roaming/Zotero/Zotero/Profiles",
)
_PREF = regex(
    r"(?m)^user_pref\("
    r'"extensions\.zotero\.(dataDir|baseAttachmentPath)", ("[^\n]*")\);$'
)


def is_in_reach(path: Path, reach: tuple[Path, ...] | None) -> bool:
    """Return whether a file is in one of these folders, with and without its links.

    None allows any folder.

    A path that leads out in plain words is not even looked at: on Windows that could send
    the person's password to another machine.
    """
    if reach is None:
        return True
    plain_path = Path(os.path.normpath(path))
    if not any(plain_path.is_relative_to(folder) for folder in reach):
        return False
    resolved = Path(os.path.realpath(plain_path))
    real_folders = [os.path.realpath(folder) for folder in reach]
    return any(resolved.is_relative_to(folder) for folder in real_folders)


def linked_folder(data: Path) -> Path | None:
    """Return the base folder for linked files of this data folder.

    None if no profile names one.
    """
    base = (own_settings(data) or {}).get("baseAttachmentPath")
    return Path(base) if base else None


def own_settings(data: Path) -> Texts | None:
    """Return the settings of this person's Zotero, if this is its data folder.

    None if it is not.
    """
    profiles: list[Path] = []
    with suppress(RuntimeError):  # nobody's home
        for name in _HOMES:
            profiles += Path.home().glob(f"{name}/*/prefs.js")
    for profile in profiles:
        with suppress(ItemError, OSError, ValueError):
            raw, _ = read_file(profile, LARGEST_SETTINGS)
            settings: dict[str, str] = {}
            for name, value in _PREF.findall(raw.decode("utf-8", "replace")):
                settings[name] = json.loads(value)
            folder = Path(settings.get("dataDir", Path.home() / "Zotero"))
            if folder.samefile(data):
                return settings
    return None
