"""What lies around the marks in files on this machine: the words around, and pictures.

A library holds the marked words alone. A file that is missing, locked, damaged or slow costs
nothing but the words around. Of figures and drawings a library holds nothing: Zotero keeps a
picture of each that its reader has shown on this machine; others are cut from the PDF.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import groupby
from pathlib import Path

import msgspec

from ankiforge.extract.pdf.worker import Area, Around, Passage, PdfWorker, Quote, absolute
from ankiforge.extract.workers import WorkerPool
from ankiforge.extract.zotero.asked import Asked
from ankiforge.extract.zotero.database import Library, Mark
from ankiforge.extract.zotero.marks import KINDS, PICTURES, Shown
from ankiforge.extract.zotero.positions import area_of, first_box, page_index
from ankiforge.extract.zotero.profile import linked_folder
from ankiforge.model import Memory, Picture, h16

STORAGE = "storage"
"""The folder of files beside the database, and what begins the path of one that lies there."""
BASE = "attachments"
"""What begins the path of a file below the folder that Zotero was told to link from."""
CACHE = "cache"
"""The folder beside the database with the pictures of marks."""
_LARGEST = 20_000_000
"""Bytes of a picture; Zotero's own are far smaller."""
_PNG = b"\x89PNG"
_LOOKED = "looked/"


class Files:
    """Zotero's data folder, with the files in it and those it links to."""

    def __init__(self, worker: PdfWorker, folder: Path | None, memory: Memory) -> None:
        """Without a `folder` nothing is found; `memory` keeps what files said."""
        self._worker = worker
        self._asked = Asked(worker, memory)
        self._folder = folder
        self._memory = memory
        self._looked: dict[str, set[str]] = defaultdict(set)

    @cached_property
    def _base(self) -> Path | None:
        """Where links begin that are told without their beginning."""
        return linked_folder(self._folder) if self._folder else None

    def foresee(self, pool: WorkerPool, library: Library, marks: Iterable[Mark]) -> None:
        """Have a pool start on the words around all these marks, which are asked for next."""
        self._worker.prefetch(pool, self._questions(library, marks))

    def _questions(self, library: Library, marks: Iterable[Mark]) -> Iterator[Around]:
        for _, group in groupby(marks, key=lambda mark: (mark.work_key, mark.attachment_key)):
            on_file = tuple(group)
            quotes = tuple(quote for mark in on_file for quote in _quotes(mark))
            file = self._file(library, on_file[0]) if quotes else None
            with suppress(OSError):
                if file and self._asked.is_new(library, on_file[0].attachment_key, file):
                    yield Around(absolute(file), quotes)

    def around(
        self, library: Library, marks: tuple[Mark, ...]
    ) -> tuple[dict[str, Passage], tuple[Picture, ...]]:
        """What stands around the marks of one work by their keys, and pictures called there.

        Each file is read once; the marks of one attachment stand together.
        """
        found: dict[str, Passage] = {}
        pictures: list[Picture] = []
        for _, group in groupby(marks, key=lambda mark: mark.attachment_key):
            on_file = tuple(group)
            file = self._file(library, on_file[0])
            if file is None:
                found |= self._shown(library, on_file)
            else:
                near, cut = self._told(library, on_file, file)
                found |= near
                pictures += cut
        return found, tuple(pictures)

    def looked(self, library: Library) -> frozenset[str]:
        """Return the files that were looked for, whether they were there or not."""
        return frozenset(self._looked[library.namespace])

    def settle(self, library: Library) -> None:
        """All marks of a library were asked for."""
        self._asked.settle(library)
        name = f"{_LOOKED}{library.namespace}"
        body = msgspec.json.encode(sorted(self._looked[library.namespace]))
        if body != (self._memory.recall(name) or b"[]"):
            self._memory.keep({name: body})

    def _shown(self, library: Library, marks: tuple[Mark, ...]) -> dict[str, Passage]:
        """Without their file: the pictures Zotero has of figures and drawings."""
        cached = {mark.key: self._cached(library, mark) for mark in marks if _is_figure(mark)}
        return {
            key: Shown(picture=path.relative_to(self._root).as_posix())
            for key, path in cached.items()
            if path is not None
        }

    def _told(
        self, library: Library, marks: tuple[Mark, ...], file: Path
    ) -> tuple[dict[str, Passage], list[Picture]]:
        """The words around marks; of each figure the picture Zotero has, else one that is cut.

        Zotero drops its own when a mark is moved or given another colour, till it is shown
        again; so one that could be cut is called alike, wherever it comes from.
        """
        figures = {
            mark: _content(self._cached(library, mark)) for mark in marks if _is_figure(mark)
        }
        areas = {
            mark: area
            for mark, cached in figures.items()
            if not cached and (area := area_of(mark.position, mark.colour))
        }
        quotes = {mark.key: quote for mark in marks for quote in _quotes(mark)}
        passages, cut = self._ask(library, marks[0], file, quotes, areas)
        named = {mark: _name(library, mark) for mark in figures}
        pictures = [Picture(named[mark], data) for mark, data in (figures | cut).items() if data]
        there = {picture.name for picture in pictures}
        shown = {mark.key: Shown(picture=name) for mark, name in named.items() if name in there}
        return passages | shown, pictures

    def _ask(
        self,
        library: Library,
        mark: Mark,
        file: Path,
        quotes: dict[str, Quote],
        areas: dict[Mark, Area],
    ) -> tuple[dict[str, Passage], dict[Mark, bytes]]:
        if not quotes and not areas:
            return {}, {}
        wanted = tuple(quotes.values()), tuple(areas.values())
        try:
            answer = self._asked.of(library, mark.attachment_key, file, *wanted)
        except OSError:
            return {}, {}
        passages = zip(quotes, answer.passages, strict=False)
        return dict(passages), dict(zip(areas, answer.pictures, strict=False))

    @property
    def _root(self) -> Path:
        return self._folder or Path()

    def _cached(self, library: Library, mark: Mark) -> Path | None:
        """The picture in Zotero's cache; none while Zotero has only begun to write it."""
        if self._folder is None or not (mark.key.isascii() and mark.key.isalnum()):
            return None
        path = self._folder / CACHE / library.address / f"{mark.key}.png"
        self._looked[library.namespace].add(str(path))
        try:
            return path if path.is_file() and path.stat().st_size > 0 else None
        except OSError:
            return None

    # --- files ------------------------------------------------------------------------------

    def _file(self, library: Library, mark: Mark) -> Path | None:
        """The file of an attachment; only one's own library may point outside of the data folder."""
        path = self._path(library, mark)
        if path is not None:
            self._looked[library.namespace].add(str(path))
        return path if path is not None and os.path.isfile(path) else None  # noqa: PTH113

    def _path(self, library: Library, mark: Mark) -> Path | None:
        scheme, _, name = mark.attachment_path.partition(":")
        if self._folder is None:
            return None
        if scheme == STORAGE:
            fit = _is_name(mark.attachment_key) and _is_name(name)
            return self._folder.joinpath(STORAGE, mark.attachment_key, name) if fit else None
        if library.group is not None:
            return None
        if scheme == BASE:
            inside = all(map(_is_name, name.split("/")))
            return self._base / name if self._base and inside else None
        path = Path(mark.attachment_path)
        return path if path.is_absolute() else None


def looked_for(memory: Memory) -> tuple[str, ...]:
    """The files that the last scan of each library looked for, whether they were there or not."""
    try:
        found = [
            path
            for body in memory.recall_all(_LOOKED).values()
            for path in msgspec.json.decode(body, type=list[str])
        ]
    except msgspec.MsgspecError:
        return ()
    return tuple(sorted(found))


def _is_figure(mark: Mark) -> bool:
    return KINDS.get(mark.kind) in PICTURES


def _name(library: Library, mark: Mark) -> str:
    return f"cut/{h16(library.namespace, mark.key)}.png"


def _content(picture: Path | None) -> bytes:
    """The bytes of a picture in the cache; none of what only a link puts there."""
    try:
        if picture is None or picture.is_symlink() or picture.stat().st_size > _LARGEST:
            return b""
        data = picture.read_bytes()
    except OSError:
        return b""
    return data if data.startswith(_PNG) else b""


def _quotes(mark: Mark) -> Iterator[Quote]:
    """The words to look for, if there are any; only marks in PDFs have a page."""
    page = page_index(mark.position)
    if page is not None and mark.text.strip():
        yield Quote(page, mark.text, first_box(mark.position))


def _is_name(part: str) -> bool:
    """Whether it names something in a folder and leads nowhere else, on any system."""
    return part not in ("", ".", "..") and not {"/", "\\", ":"} & {*part}
