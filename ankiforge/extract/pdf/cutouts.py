"""Pictures of marked figures and of drawings, cut out of PDFs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.extract.pdf.messages import MOST_PICTURES, Area, Read
from ankiforge.model import Picture, h16

if TYPE_CHECKING:
    from ankiforge.extract.pdf.worker import PdfWorker


def with_pictures(
    worker: PdfWorker, path: Path, read: Read
) -> tuple[Read, tuple[Picture, ...]]:
    """Cut out marked figures and drawings; return the marks with picture names, and the pictures.

    A mark whose picture cannot be cut gets no name. If cutting failed this time, the mark
    keeps its name: the picture may exist from an earlier run. The failure is added to the
    problems.
    """
    if not read.areas:
        return read, ()
    areas_by_mark: dict[int, Area] = {}
    for index, box in read.areas[:MOST_PICTURES]:
        page = int(read.marks[index].block)
        areas_by_mark[index] = Area(page, box)
    cuttings, failed = worker.cut(path, tuple(areas_by_mark.values()))

    marks = list(read.marks)
    pictures: dict[str, Picture] = {}
    for index, cutting in zip(areas_by_mark, cuttings, strict=True):
        # made from the place, so that rendering it differently is not new content
        mark = marks[index]
        document = read.document.key.removeprefix("pdf:")
        tenths = [str(round(10 * edge)) for edge in areas_by_mark[index].box]
        name = f"cut/{h16('cut', document, mark.block, *tenths, mark.kind)}.png"
        if cutting.data:
            pictures[name] = Picture(name, cutting.data)
        if cutting.data or failed:
            marks[index] = replace(
                mark,
                markdown=(f"![]({name})",),
                figure=cutting.figure,
                labels=cutting.labels,
            )

    problems = list(read.problems)
    if failed is not None:
        message = f"its figures and drawings cannot all be cut out: {failed.what}"
        hint = "its text was read; to get the pictures, print those pages to a new PDF"
        problems.append((message, hint))
    notices = list(read.notices)
    not_cut = len(read.areas) - len(areas_by_mark)
    if not_cut:
        message = (
            f"only the first {MOST_PICTURES} figures and drawings were cut out,"
            f" {not_cut} were not"
        )
        notices.append((message, "remove those you do not need"))
    read = replace(
        read,
        marks=tuple(marks),
        problems=tuple(problems),
        notices=tuple(notices),
    )
    return read, tuple(pictures.values())
