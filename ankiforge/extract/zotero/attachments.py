"""Read the context and pictures of Zotero annotations from local files.

Zotero only stores the annotated text. If a PDF is missing, encrypted, damaged or slow to read, only
the context is lost. Figures and drawings are cut out of the PDF; if it is missing, Zotero's cache
has a picture of each annotation that Zotero has displayed.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.files import MAX_SETTINGS_BYTES, read_file
from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.pdf.boxes import Box, grow_box, is_finite_box
from ankiforge.extract.pdf.messages import (
    HYPERTEXT_SUFFIXES,
    Area,
    CutOut,
    FindContexts,
    StoredQuote,
)
from ankiforge.extract.pdf.worker import PdfWorkerPool, get_absolute_path
from ankiforge.extract.zotero.database import Library, ZoteroAnnotation, ZoteroItem
from ankiforge.extract.zotero.note_text import RichText
from ankiforge.model import FigureLabel, Picture, Texts, Value, hash16
from ankiforge.text import regex
from ankiforge.text.comment_questions import has_question_mark

_MARGIN = 4.0
"""The margin around a pen drawing, in points."""
_PICTURE_TYPES = ("image", "ink")
"""The annotation types that need a picture."""
_CUT_FOLDER = "cut/"
"""The prefix in the names of pictures cut out of PDFs."""
STORAGE_DIRECTORY = "storage"
"""The directory of stored files, next to the database, and the prefix of their paths in it."""


# --- positions, which Zotero stores as JSON that may be malformed -----------------------


class _PagePosition(Value):
    pageIndex: int | None = None
    """The page index from 0, or None in an EPUB or a web snapshot."""


class _Position(_PagePosition):
    rects: tuple[Box, ...] = ()
    paths: tuple[tuple[float, ...], ...] = ()
    """The pen strokes of a drawing, each as x, y, x, y, …"""


def _parse_position(annotation: ZoteroAnnotation) -> _Position:
    """Parse an annotation's position.

    If it is malformed, fall back to just its page, or to an empty position.
    """
    raw = annotation.item.annotation_position
    with suppress(msgspec.MsgspecError, RecursionError):
        return msgspec.json.decode(raw, type=_Position)
    with suppress(msgspec.MsgspecError, RecursionError):
        return _Position(msgspec.json.decode(raw, type=_PagePosition).pageIndex)
    return _Position()


def get_page_index(annotation: ZoteroAnnotation) -> int | None:
    """Return the index (from 0) of an annotation's page, or None if it has no page."""
    page = _parse_position(annotation).pageIndex
    return None if page is None or page < 0 else page


def _find_quote_page(annotation: ZoteroAnnotation) -> int | None:
    """Return the page on which to look for an annotation's text, or None if it isn't looked up.

    The page is -1 in a book or web page, because Zotero doesn't say in which of its files it is.
    """
    if not annotation.item.annotation_text.strip():
        return None
    if annotation.file.path.lower().endswith(HYPERTEXT_SUFFIXES):
        return -1
    return get_page_index(annotation)


def _build_quotes(annotations: Iterable[ZoteroAnnotation]) -> dict[str, StoredQuote]:
    """Build the quotes to search for in a file, keyed by the keys of their annotations."""
    quotes = {}
    for annotation in annotations:
        page = _find_quote_page(annotation)
        if page is None:
            continue
        rects = _parse_position(annotation).rects
        quotes[annotation.item.key] = StoredQuote(
            page=page,
            text=RichText(annotation.item.annotation_text).plain,
            box=rects[0] if rects else None,
            asks=has_question_mark(annotation.item.annotation_comment),
        )
    return quotes


def _build_areas(annotations: Iterable[ZoteroAnnotation]) -> dict[str, Area]:
    """Build the areas to cut out of a PDF for figures and drawings, keyed by annotation key."""
    areas = {}
    for annotation in annotations:
        page = get_page_index(annotation)
        box = _find_picture_box(_parse_position(annotation))
        if page is not None and box is not None:
            areas[annotation.item.key] = Area(page, box)
    return areas


def _find_picture_box(position: _Position) -> Box | None:
    """Return the frame of a figure, or the box around the strokes of a drawing with a margin.

    Returns None if there is neither, or if its numbers are infinite.
    """
    if position.rects:
        box: Box | None = position.rects[0]
    else:
        box = _find_box_of_strokes(position.paths)
    if box is None or not is_finite_box(box):
        return None
    return box


def _find_box_of_strokes(strokes: Iterable[tuple[float, ...]]) -> Box | None:
    xs: list[float] = []
    ys: list[float] = []
    for stroke in strokes:  # x, y, x, y, …
        xs += stroke[::2]
        ys += stroke[1::2]
    if not xs or not ys:
        return None
    return grow_box((min(xs), min(ys), max(xs), max(ys)), _MARGIN)


# --- files ------------------------------------------------------------------------------


class PictureContext(PassageContext):
    """The context of a figure or drawing, including its picture."""

    picture: str = ""
    figure: str = ""
    labels: tuple[FigureLabel, ...] = ()
    caption: str = ""


class _FoundPicture(NamedTuple):
    """The picture of a figure or drawing."""

    annotation_key: str
    context: PictureContext
    to_save: Picture | None
    """The picture to save, or None if it is in Zotero's cache."""


class ZoteroFiles:
    """Reads the files in Zotero's data directory, and the files that its libraries link to."""

    def __init__(
        self,
        worker: PdfWorkerPool,
        data_directory: Path | None,
        allowed_directories: tuple[Path, ...] | None = None,
    ) -> None:
        """Store the parameters. No file is opened yet.

        Args:
            worker: The subprocesses that read the PDFs.
            data_directory: Zotero's data directory, or None if no files are available.
            allowed_directories: The directories in which files may be opened, or None for no
                restriction.
        """
        self._worker = worker
        self._data_directory = data_directory
        self._allowed_directories = allowed_directories
        self.dependencies: set[str] = set()
        """The paths that were looked up, including missing files."""
        self.refused_paths: set[str] = set()
        """The paths outside the allowed directories, which weren't looked up."""
        self.missing_counts: Counter[str] = Counter()
        """The number of annotations with text in each missing file, by its path in Zotero."""

    def prefetch(self, library: Library, annotations: Iterable[ZoteroAnnotation]) -> None:
        """Start to read the contexts of annotations that will be passed to `read_context` later."""
        requests = []
        for annotations_in_file in _group_by_file(annotations):
            quotes = tuple(_build_quotes(annotations_in_file).values())
            path = self._find_file(library, annotations_in_file[0]) if quotes else None
            if path:
                requests.append(FindContexts(get_absolute_path(path), quotes))
        self._worker.prefetch(requests)

    def read_context(
        self,
        library: Library,
        annotations: list[ZoteroAnnotation],
    ) -> tuple[dict[str, PassageContext], tuple[Picture, ...]]:
        """Return the contexts, keyed by annotation key, and the pictures that were cut out of PDFs.

        Each file is read once, so annotations in the same file must be adjacent. A picture that
        can't be cut out of the PDF is taken from Zotero's cache. For pen drawings, the cache comes
        first, because the PDF doesn't contain the strokes.
        """
        contexts: dict[str, PassageContext] = {}
        pictures: list[Picture] = []
        for annotations_in_file in _group_by_file(annotations):
            path = self._find_file(library, annotations_in_file[0])
            if path is None:
                self._count_missing(library, annotations_in_file)
            else:
                contexts |= self._find_quote_contexts(path, annotations_in_file)
            for found in self._find_pictures(library, path, annotations_in_file):
                contexts[found.annotation_key] = found.context
                if found.to_save is not None:
                    pictures.append(found.to_save)
        return contexts, tuple(pictures)

    def _count_missing(
        self, library: Library, annotations: list[ZoteroAnnotation]
    ) -> None:
        """Count the annotations with text in a file that isn't on this computer.

        Files that may not be opened are reported in another way.
        """
        path = self._find_path(library, annotations[0])
        if path is None or os.path.normpath(path) in self.refused_paths:
            return
        for annotation in annotations:
            if annotation.item.annotation_text.strip():
                self.missing_counts[annotation.file.path] += 1

    def _find_quote_contexts(
        self, path: Path, annotations: list[ZoteroAnnotation]
    ) -> dict[str, PassageContext]:
        quotes = _build_quotes(annotations)
        if not quotes:
            return {}
        contexts, _ = self._worker.find_contexts(path, tuple(quotes.values()))
        return dict(zip(quotes, contexts, strict=True))

    def _find_pictures(
        self, library: Library, path: Path | None, annotations: list[ZoteroAnnotation]
    ) -> Iterator[_FoundPicture]:
        """Yield the picture of each figure and drawing in a file that has one."""
        picture_annotations = [
            annotation
            for annotation in annotations
            if annotation.item.annotation_type in _PICTURE_TYPES
        ]
        cut_outs: dict[str, CutOut] = {}
        if path is not None:
            areas = _build_areas(picture_annotations)
            cut_outs, _ = self._worker.cut_pictures(path, areas)
        for annotation in picture_annotations:
            cut_out = cut_outs.get(annotation.item.key, CutOut(b""))
            found = self._choose_picture(library, annotation.item, cut_out)
            if found is not None:
                yield found

    def _choose_picture(
        self, library: Library, item: ZoteroItem, cut_out: CutOut
    ) -> _FoundPicture | None:
        """Choose between the picture that was cut out of a PDF and that in Zotero's cache."""
        context = PictureContext(
            figure=cut_out.figure, labels=cut_out.labels, caption=cut_out.caption
        )
        # the strokes of a pen drawing aren't in the PDF, only in Zotero's picture
        if item.annotation_type == "ink" or not cut_out.data:
            name = self._find_cached_picture(library, item.key)
            if name is not None:
                return _FoundPicture(item.key, replace(context, picture=name), None)
        if not cut_out.data:
            return None
        digest = hash16(library.namespace, item.key, cut_out.figure)
        name = f"{_CUT_FOLDER}{digest}.png"
        to_save = Picture(name, cut_out.data)
        return _FoundPicture(item.key, replace(context, picture=name), to_save)

    # --- paths of files

    def _find_cached_picture(self, library: Library, key: str) -> str | None:
        """Return the path of an annotation's picture in Zotero's cache, or None."""
        if self._data_directory is None or not key.isascii() or not key.isalnum():
            return None
        name = f"cache/{library.link_path}/{key}.png"
        path = self._data_directory / name
        if not self._check_allowed(path):
            return None
        self.dependencies.add(str(path))
        with suppress(OSError):
            if path.is_file() and path.stat().st_size > 0:
                return name
        return None

    def _find_file(self, library: Library, annotation: ZoteroAnnotation) -> Path | None:
        path = self._find_path(library, annotation)
        if path is None or not self._check_allowed(path):
            return None
        self.dependencies.add(str(path))
        return path if os.path.isfile(path) else None  # noqa: PTH113

    def _find_path(self, library: Library, annotation: ZoteroAnnotation) -> Path | None:
        """Return where an annotation's file should be, or None if it can't be on this computer.

        Only the user's own library may link to files outside the data directory.
        """
        if self._data_directory is None:
            return None
        scheme, _, name = annotation.file.path.partition(":")
        if scheme == STORAGE_DIRECTORY:
            if not _is_file_name(annotation.file.key) or not _is_file_name(name):
                return None
            return self._data_directory.joinpath(
                STORAGE_DIRECTORY, annotation.file.key, name
            )
        if library.group is not None:
            return None
        if scheme == "attachments" and all(map(_is_file_name, name.split("/"))):
            if self._linked_directory:
                return self._linked_directory / name
        path = Path(annotation.file.path)
        return path if path.is_absolute() else None

    def _check_allowed(self, path: Path) -> bool:
        is_allowed = is_in_directories(path, self._allowed_directories)
        if not is_allowed:
            self.refused_paths.add(os.path.normpath(path))
        return is_allowed

    @cached_property
    def _linked_directory(self) -> Path | None:
        if self._data_directory is None:
            return None
        return find_linked_directory(self._data_directory)


def _group_by_file(
    annotations: Iterable[ZoteroAnnotation],
) -> Iterator[list[ZoteroAnnotation]]:
    """Group annotations by their file. Annotations in the same file must be adjacent."""
    for _, annotations_in_file in groupby(
        annotations, key=lambda annotation: annotation.file.key
    ):
        yield list(annotations_in_file)


def _is_file_name(name: str) -> bool:
    if name in ("", ".", ".."):
        return False
    return re.search(r"[/\\:]", name) is None


# --- Zotero's own settings, with the base directory of linked files ---------------------

_PROFILE_FOLDERS = (
    ".zotero/zotero",
    ".var/app/org.zotero.Zotero/.zotero/zotero",
    "snap/zotero-snap/common/.zotero/zotero",
    "Library/Application Support/Zotero/Profiles",
    "AppData/Roaming/Zotero/Zotero/Profiles",
)
_PREFERENCE = regex(
    r"(?m)^user_pref\("
    r'"extensions\.zotero\.(dataDir|baseAttachmentPath)", ("[^\n]*")\);$'
)


def is_in_directories(path: Path, allowed_directories: tuple[Path, ...] | None) -> bool:
    """Return whether a path is in an allowed directory, both before and after resolving links.

    A path in another directory isn't accessed, because resolving it on Windows could send the
    user's password to another computer. If `allowed_directories` is None, any path is allowed.
    """
    if allowed_directories is None:
        return True
    normalized_path = Path(os.path.normpath(path))
    if not any(normalized_path.is_relative_to(folder) for folder in allowed_directories):
        return False
    resolved_path = Path(os.path.realpath(normalized_path))
    real_folders = [os.path.realpath(folder) for folder in allowed_directories]
    return any(resolved_path.is_relative_to(folder) for folder in real_folders)


def find_linked_directory(data_directory: Path) -> Path | None:
    """Return the base directory of linked attachments, or None if no Zotero profile sets one."""
    preferences = read_preferences(data_directory)
    if not preferences or not preferences.get("baseAttachmentPath"):
        return None
    return Path(preferences["baseAttachmentPath"])


def read_preferences(data_directory: Path) -> Texts | None:
    """Read the preferences of the Zotero profile that uses this data directory.

    Returns None if there is no such profile.
    """
    for file in _list_preference_files():
        with suppress(ItemError, OSError, ValueError):
            preferences = _parse_preferences(file)
            folder = Path(preferences.get("dataDir", Path.home() / "Zotero"))
            if folder.samefile(data_directory):
                return preferences
    return None


def _list_preference_files() -> list[Path]:
    files: list[Path] = []
    with suppress(RuntimeError):  # there is no home directory
        for name in _PROFILE_FOLDERS:
            files += Path.home().glob(f"{name}/*/prefs.js")
    return files


def _parse_preferences(file: Path) -> Texts:
    raw, _ = read_file(file, MAX_SETTINGS_BYTES)
    preferences = {}
    for name, value in _PREFERENCE.findall(raw.decode("utf-8", "replace")):
        preferences[name] = json.loads(value)
    return preferences
