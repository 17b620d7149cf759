"""What stands around the marks, from the PDFs they lie on, as far as these are on this machine.

A database holds the marked words alone. A file that is missing, locked, damaged or slow costs
nothing but the words around. Of figures and drawings it holds nothing: Zotero keeps a picture of
each that its reader has shown on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.protocol import Passage, Quote
from ankiforge.extract.zotero.database import Library, Mark
from ankiforge.extract.zotero.marks import KINDS, PICTURES, Shown, first_box, page_index

STORAGE = "storage"
"""The folder of files beside the database, and what begins the path of one that lies there."""
CACHE = "cache"
"""The folder beside the database with the pictures of marks."""


def passages(
    worker: PdfWorker, folder: Path, library: Library, marks: tuple[Mark, ...]
) -> dict[str, Passage]:
    """What stands around the marks of one work, by their keys; each file is read once.

    Of a figure or drawing: the picture Zotero has of it, if there is one.

    Args:
        worker: reads the files.
        folder: Zotero's data folder.
        library: which the work is in.
        marks: those of one attachment stand together.
    """
    found: dict[str, Passage] = dict(_pictures(folder, library, marks))
    for _, group in groupby(marks, key=lambda mark: mark.attachment_key):
        on_file = tuple(group)
        file = _file(folder, library, on_file[0])
        quotes = {mark.key: quote for mark in on_file if file for quote in _quotes(mark)}
        if file and quotes:
            told = worker.passages(file, tuple(quotes.values()))
            found |= zip(quotes, told, strict=False)
    return found


def _pictures(
    folder: Path, library: Library, marks: tuple[Mark, ...]
) -> Iterator[tuple[str, Shown]]:
    """The pictures in Zotero's cache; gone from there when a mark is moved, till it is shown again."""
    for mark in marks:
        path = f"{CACHE}/{library.address}/{mark.key}.png"
        fit = KINDS.get(mark.kind) in PICTURES and mark.key.isascii() and mark.key.isalnum()
        if fit and _has_bytes(folder / path):
            yield mark.key, Shown(picture=path)


def _has_bytes(path: Path) -> bool:
    """Not so of a picture that Zotero has only begun to write."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):
        return False


def _quotes(mark: Mark) -> Iterator[Quote]:
    """The words to look for, if there are any; only marks in PDFs have a page."""
    page = page_index(mark.position)
    if page is not None and mark.text.strip():
        yield Quote(page, mark.text, first_box(mark.position))


def _file(folder: Path, library: Library, mark: Mark) -> Path | None:
    """The file of an attachment; only one's own library may point outside of the data folder."""
    scheme, _, name = mark.attachment_path.partition(":")
    if scheme == STORAGE:
        path = folder.joinpath(STORAGE, mark.attachment_key, name)
        allowed = _is_name(mark.attachment_key) and _is_name(name)
    else:
        path = Path(mark.attachment_path)
        allowed = library.group is None and path.is_absolute()
    return path if allowed and os.path.isfile(path) else None  # noqa: PTH113


def _is_name(part: str) -> bool:
    """Whether it names something in a folder and leads nowhere else, on any system."""
    return part not in ("", ".", "..") and not {"/", "\\", ":"} & {*part}
