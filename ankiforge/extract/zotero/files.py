"""Context and pictures of annotations, from files on this machine.

A library stores only the marked text. If a file is missing, locked, damaged or slow, only the text
around the mark is lost. For figures and drawings Zotero stores no text: they are cut out of the PDF.
Of a PDF that is not there, Zotero may have cached a picture of each one that was displayed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from itertools import chain, groupby
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
    Passage,
    Quote,
)
from ankiforge.extract.pdf.worker import PdfWorker, absolute
from ankiforge.extract.zotero.items import Library, Mark
from ankiforge.model import Picture, Texts, Value, h16
from ankiforge.text import regex

AIR = 4.0
"""Points around a drawing."""
STORAGE = "storage"
"""The folder of files next to the database, and the prefix of paths in it."""


# --- positions: what Zotero keeps as JSON, whatever is wrong with it ------------------------


class _Page(Value):
    pageIndex: int | None = None
    """Missing in EPUBs and snapshots."""


class _Position(_Page):
    rects: tuple[Box, ...] = ()
    paths: tuple[tuple[float, ...], ...] = ()
    """x, y, x, y … for each stroke of a pen."""


def _position(mark: Mark) -> _Position:
    """Return a mark's position; its page alone, or nothing, if the rest cannot be parsed."""
    raw = mark.item.annotation_position
    with suppress(msgspec.MsgspecError, RecursionError):
        return msgspec.json.decode(raw, type=_Position)
    with suppress(msgspec.MsgspecError, RecursionError):
        return _Position(msgspec.json.decode(raw, type=_Page).pageIndex)
    return _Position()


def page_index(mark: Mark) -> int | None:
    """Return the page of a mark, from 0. None if it has none."""
    page = _position(mark).pageIndex
    return page if page is not None and page >= 0 else None


def _area(mark: Mark) -> Area | None:
    """Return the area of a figure or drawing. None if unknown."""
    page, pen = page_index(mark), _position(mark)
    box, strokes = next(iter(pen.rects), None), list(chain.from_iterable(pen.paths))
    if box is None and len(strokes) > 1:  # the drawing with a small margin
        across, up = strokes[::2], strokes[1::2]
        box = (min(across) - AIR, min(up) - AIR, max(across) + AIR, max(up) + AIR)
    if page is None or box is None or not all(map(isfinite, box)):
        return None
    return Area(page, box)


def _quote(mark: Mark) -> Quote | None:
    """Return the text to look for, if any. Only marks in PDFs have a page."""
    page = 0 if mark.file.path.lower().endswith(HYPERTEXT) else page_index(mark)
    if page is None or not mark.item.annotation_text.strip():
        return None
    box = next(iter(_position(mark).rects), None)
    return Quote(page, mark.item.annotation_text, box, "?" in mark.item.annotation_comment)


# --- files ----------------------------------------------------------------------------------


class Shown(Passage):
    """The context of a mark that is a picture: the picture's name in our Markdown."""

    picture: str = ""


class Files:
    """The files in Zotero's data folder, and those linked from it."""

    def __init__(
        self, worker: PdfWorker, folder: Path | None, reach: tuple[Path, ...] | None = None
    ) -> None:
        """Without a `folder`, no files are found.

        `reach` are the only folders in which files are opened; None = wherever the library says.
        """
        self._worker = worker
        self._folder = folder
        self._reach = reach
        self.looked: set[str] = set()
        """The files that were looked for, whether they exist or not."""
        self.refused: set[str] = set()
        """The files outside of `reach`, which were not looked for."""

    def prefetch(self, library: Library, marks: Iterable[Mark]) -> None:
        """Start on the context of all these marks, which `around` will need next."""
        questions = []
        for _, group in groupby(marks, key=lambda mark: mark.file.key):
            on_file = list(group)
            quotes = tuple(quote for mark in on_file if (quote := _quote(mark)))
            file = self._file(library, on_file[0]) if quotes else None
            if file:
                questions.append(Around(absolute(file), quotes))
        self._worker.prefetch(questions)

    def around(
        self, library: Library, marks: list[Mark]
    ) -> tuple[dict[str, Passage], tuple[Picture, ...]]:
        """Return the context of the marks of one work by key, and the pictures named in it.

        Each file is read once, because the marks of one attachment are consecutive. A figure is cut
        out of the PDF; if that is not there, its picture is the one that Zotero keeps.
        """
        found, pictures = dict[str, Passage](), list[Picture]()
        for _, group in groupby(marks, key=lambda mark: mark.file.key):
            on_file, cut = list(group), dict[str, bytes]()
            file = self._file(library, on_file[0])
            kinds = ("image", "ink")
            figures = [mark for mark in on_file if mark.item.annotation_type in kinds]
            if file:
                quotes = {mark.item.key: quote for mark in on_file if (quote := _quote(mark))}
                if quotes:
                    passages = self._worker.passages(file, tuple(quotes.values()))
                    found |= zip(quotes, passages, strict=False)
                areas = {mark.item.key: area for mark in figures if (area := _area(mark))}
                if areas:
                    images, _ = self._worker.cut(file, tuple(areas.values())[:MOST_PICTURES])
                    cut |= zip(areas, images, strict=False)
            for key, kind in ((one.item.key, one.item.annotation_type) for one in figures):
                # what a pen drew is in Zotero's picture, not in the file
                kept = kind == "ink" or not cut.get(key)
                name = self._cached_picture(library, key) if kept else ""
                if not name and cut.get(key):
                    name = f"cut/{h16(library.namespace, key)}.png"
                    pictures.append(Picture(name, cut[key]))
                if name:
                    found[key] = Shown(picture=name)
        return found, tuple(pictures)

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
            return name if path.is_file() and path.stat().st_size > 0 else ""
        return ""

    def _file(self, library: Library, mark: Mark) -> Path | None:
        """Return the attachment, if it exists. Only the own library may leave the data folder."""
        scheme, _, name = mark.file.path.partition(":")
        parts, path = name.split("/"), None
        if self._folder and scheme == STORAGE and _are_names([mark.file.key, name]):
            path = self._folder.joinpath(STORAGE, mark.file.key, name)
        elif self._folder is None or library.group is not None:
            return None
        elif scheme == "attachments" and self._base and _are_names(parts):
            path = self._base / name
        elif Path(mark.file.path).is_absolute():
            path = Path(mark.file.path)
        if path is None or not self._may_open(path):
            return None
        self.looked.add(str(path))
        return path if os.path.isfile(path) else None  # noqa: PTH113

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


def _are_names(parts: list[str]) -> bool:
    """Return whether these are plain file names that cannot lead elsewhere, on any system."""
    return all(one not in ("", ".", "..") and not {"/", "\\", ":"} & {*one} for one in parts)


# --- Zotero's own settings: where linked files begin ----------------------------------------

_HOMES = (
    ".zotero/zotero",
    ".var/app/org.zotero.Zotero/.zotero/zotero",
    "snap/zotero-snap/common/.zotero/zotero",
    "Library/Application Support/Zotero/Profiles",
    "AppData/Roaming/Zotero/Zotero/Profiles",
)
_PREF = regex(r'(?m)^user_pref\("extensions\.zotero\.(dataDir|baseAttachmentPath)", ("[^\n]*")\);$')


def is_in_reach(path: Path, reach: tuple[Path, ...] | None) -> bool:
    """Return whether a file lies in one of these folders, with and without its links; None = any.

    A path that leads out in plain words is not even looked at: on Windows that could send the
    person's password to another machine.
    """
    if reach is None:
        return True
    plain_path = Path(os.path.normpath(path))
    if not any(plain_path.is_relative_to(folder) for folder in reach):
        return False
    resolved = Path(os.path.realpath(plain_path))
    return any(resolved.is_relative_to(os.path.realpath(folder)) for folder in reach)


def linked_folder(data: Path) -> Path | None:
    """Return the base folder for linked files of this data folder. None if no profile names one."""
    base = (own_settings(data) or {}).get("baseAttachmentPath")
    return Path(base) if base else None


def own_settings(data: Path) -> Texts | None:
    """Return what this person's Zotero was told, if this is its data folder; None if it is not."""
    with suppress(RuntimeError):  # nobody's home
        for profile in (one for name in _HOMES for one in Path.home().glob(f"{name}/*/prefs.js")):
            with suppress(ItemError, OSError, ValueError):
                raw, _ = read_file(profile, LARGEST_SETTINGS)
                settings = _PREF.findall(raw.decode("utf-8", "replace"))
                told = {name: json.loads(value) for name, value in settings}
                if Path(told.get("dataDir", Path.home() / "Zotero")).samefile(data):
                    return told
    return None
