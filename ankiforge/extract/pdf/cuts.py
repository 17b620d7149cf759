"""Figures and drawings a reader marked, as pictures with names that stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.protocol import Area, Failed, Mark, Read
from ankiforge.model import Picture, h16

MOST = 200
"""Pictures of one file."""


def with_pictures(
    worker: PdfWorker, path: Path, read: Read, passwords: tuple[str, ...]
) -> tuple[Read, tuple[Picture, ...]]:
    """The marks with the names of their pictures, and these, newly cut.

    A mark whose picture cannot be had has none. One whose picture could not be cut this time has
    the name: it may have been cut before. What went wrong is among the problems.
    """
    named = dict(_named(read))
    wanted = dict(list(named.items())[:MOST])
    if not wanted:
        return (read, ())
    cut, failed = worker.pictures(path, tuple(wanted.values()), passwords)
    pictures = tuple(Picture(name, data) for name, data in zip(wanted, cut, strict=True) if data)
    there = {picture.name for picture in pictures} | (wanted.keys() if failed else set())
    marks = tuple(_with_name(read, mark, there) for mark in read.marks)
    problems = (*read.problems, *_problems(failed, len(named) - len(wanted)))
    return (replace(read, marks=marks, problems=problems), pictures)


def _named(read: Read) -> Iterator[tuple[str, Area]]:
    for mark in read.marks:
        if mark.area is not None:
            yield picture_name(read.document, mark), Area(mark.page, mark.area)


def _with_name(read: Read, mark: Mark, there: set[str]) -> Mark:
    name = picture_name(read.document, mark) if mark.area is not None else ""
    return replace(mark, picture=name) if name in there else mark


def picture_name(document: str, mark: Mark) -> str:
    """Made of the place: the same picture drawn otherwise is no other content."""
    tenths = (str(round(10 * edge)) for edge in mark.area or ())
    return f"cut/{h16('cut', document, str(mark.page), *tenths, mark.kind)}.png"


def _problems(failed: Failed | None, left: int) -> Iterator[tuple[str, str]]:
    if failed is not None:
        what = f"its figures and drawings cannot all be cut out: {failed.what}"
        yield (what, "its text was read; for the pictures print those pages to a new PDF")
    if left:
        what = f"only the first {MOST} figures and drawings were cut out, {left} were not"
        yield (what, "remove those nobody needs")
