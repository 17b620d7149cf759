"""Cutting pictures from pages: the figures a reader marked, and what a reader drew.

A picture is upright as the page is read, whatever its /Rotate, CropBox or UserUnit. It shows what
is printed and what people drew, pasted or typed on the page. Frames and colours that only mark
something, and the icons of comments, are left out.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from ctypes import byref, c_int
from itertools import groupby
from pathlib import Path
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfBitmap, PdfDocument, PdfPage

from ankiforge.extract.pdf.file import FAULTS, failure, open_file
from ankiforge.extract.pdf.worker import Area, Box, Failed, Pictures

RESOLUTION = 200 / 72
"""Pixels per point."""
LONGEST = 1600
"""Pixels of the longer side, at most."""
MOST_BYTES = 1_500_000
"""A larger picture is rendered again with fewer pixels."""
FEWER = 0.7
SMALLEST = 2.0
"""Points; a lower or narrower area shows nothing."""
FARTHEST = 100_000.0
"""Points from the origin; no useful page reaches so far."""
LARGEST = 2**24
"""Pixels of the longer side of the whole page, of which only a part is rendered."""
NEAR = 0.1
"""Points; edges that are closer count as the same."""
_COLOUR = re.compile(r"#?[0-9a-fA-F]{6}")

CONTENT = frozenset(
    (
        pdfium_c.FPDF_ANNOT_FREETEXT,
        pdfium_c.FPDF_ANNOT_INK,
        pdfium_c.FPDF_ANNOT_LINE,
        pdfium_c.FPDF_ANNOT_POLYLINE,
        pdfium_c.FPDF_ANNOT_STAMP,
    )
)
"""Annotations that show something themselves; all others only refer to the page."""
AREAS = frozenset(
    (pdfium_c.FPDF_ANNOT_SQUARE, pdfium_c.FPDF_ANNOT_CIRCLE, pdfium_c.FPDF_ANNOT_POLYGON)
)
"""Frames around something; a frame around nothing is itself the drawing."""


def cut_pictures(
    path: Path, areas: Iterable[Area], passwords: Iterable[str] = ()
) -> Pictures | Failed:
    """Cut areas from the pages of a file; never raises for bad content."""
    try:
        document = open_file(path, passwords)
        if isinstance(document, Failed):
            return document
        with closing(document):
            pages = groupby(areas, key=lambda area: area.page)
            cut = (_cut(document, page, tuple(some)) for page, some in pages)
            return Pictures(tuple(picture for pictures in cut for picture in pictures))
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def _cut(document: PdfDocument, number: int, areas: tuple[Area, ...]) -> list[bytes]:
    """Return the pictures of a page; b"" for an area outside of it, or that cannot be drawn.

    Where nothing else is visible, the mark itself is the drawing.
    """
    try:
        with closing(document[number]) as page:
            hidden = _hide_marks(page)
            return [_drawn(page, area) or _with_frame(page, area, hidden) for area in areas]
    except FAULTS:
        return [b""] * len(areas)


# --- what is shown --------------------------------------------------------------------------


def _hide_marks(page: PdfPage) -> dict[int, int]:
    """Hide annotations that only mark something, in memory; return index → original flags."""
    hidden = {}
    for number in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with _annotation_at(page, number) as one:
            flags = pdfium_c.FPDFAnnot_GetFlags(one) if one else pdfium_c.FPDF_ANNOT_FLAG_HIDDEN
            is_mark = pdfium_c.FPDFAnnot_GetSubtype(one) not in CONTENT if one else False
            if is_mark and not flags & pdfium_c.FPDF_ANNOT_FLAG_HIDDEN:
                hidden[number] = flags
                pdfium_c.FPDFAnnot_SetFlags(one, flags | pdfium_c.FPDF_ANNOT_FLAG_HIDDEN)
    return hidden


def _with_frame(page: PdfPage, area: Area, hidden: dict[int, int]) -> bytes:
    """Return the picture of an area in which nothing but its frame is visible."""
    rect = pdfium_c.FS_RECTF()
    for number, flags in hidden.items():
        with _annotation_at(page, number) as one:
            if pdfium_c.FPDFAnnot_GetSubtype(one) not in AREAS:
                continue
            pdfium_c.FPDFAnnot_GetRect(one, byref(rect))
            edges = (rect.left, rect.bottom, rect.right, rect.top)
            if all(abs(a - b) < NEAR for a, b in zip(edges, area.box, strict=True)):
                pdfium_c.FPDFAnnot_SetFlags(one, flags)
                picture = _drawn(page, area, of_one_colour=True)
                pdfium_c.FPDFAnnot_SetFlags(one, flags | pdfium_c.FPDF_ANNOT_FLAG_HIDDEN)
                return picture
    return _drawn(page, area, of_one_colour=True)


@contextmanager
def _annotation_at(page: PdfPage, number: int) -> Iterator[Any]:
    """Open the annotation with this index, None if there is none."""
    one = pdfium_c.FPDFPage_GetAnnot(page, number)
    yield one
    if one:
        pdfium_c.FPDFPage_CloseAnnot(one)


# --- drawing --------------------------------------------------------------------------------


def _drawn(page: PdfPage, area: Area, *, of_one_colour: bool = False) -> bytes:
    """Return the picture of an area, with its additional strokes."""
    try:
        strokes = [_stroke(page, points, area) for points in area.strokes if len(points) > 1]
        try:
            return _small_enough(page, area.box, of_one_colour=of_one_colour)
        finally:
            for stroke in strokes:
                pdfium_c.FPDFPage_RemoveObject(page, stroke)
                pdfium_c.FPDFPageObj_Destroy(stroke)
    except FAULTS:
        return b""


def _stroke(page: PdfPage, points: tuple[float, ...], area: Area) -> Any:
    """Draw a line on the page, in memory; a dot if it has only one point."""
    places = list(zip(points[::2], points[1::2], strict=False))
    path = pdfium_c.FPDFPageObj_CreateNewPath(*places[0])
    for x, y in places[1:] or places:
        pdfium_c.FPDFPath_LineTo(path, x, y)
    colour = area.colour.removeprefix("#") if _COLOUR.fullmatch(area.colour) else "000000"
    pdfium_c.FPDFPageObj_SetStrokeColor(path, *bytes.fromhex(colour), 255)
    pdfium_c.FPDFPageObj_SetStrokeWidth(path, area.width)
    pdfium_c.FPDFPageObj_SetLineCap(path, pdfium_c.FPDF_LINECAP_ROUND)
    pdfium_c.FPDFPageObj_SetLineJoin(path, pdfium_c.FPDF_LINEJOIN_ROUND)
    pdfium_c.FPDFPath_SetDrawMode(path, pdfium_c.FPDF_FILLMODE_NONE, True)
    pdfium_c.FPDFPage_InsertObject(page, path)
    return path


def _small_enough(page: PdfPage, box: Box, *, of_one_colour: bool = False) -> bytes:
    """Return the picture, with fewer pixels if it would be too large.

    Return b"" if nothing is visible: only one colour, or only white if `of_one_colour`.
    """
    inside = tuple(min(max(edge, -FARTHEST), FARTHEST) for edge in box)
    dots = min(RESOLUTION, LARGEST / max(page.get_size()))
    while True:
        left, top, right, bottom = seen_edges(page, inside, _size(page, dots))
        width, height = right - left, bottom - top
        if min(width, height) < max(1.0, SMALLEST * dots - 1):
            return b""
        longest = max(width, height)
        if longest <= LONGEST:
            drawn = _dots(page, (left, top, width, height), dots)
            bare = b"\xff\xff\xff" if of_one_colour else drawn[:3]
            if drawn == bare * (width * height):
                return b""
            if len(picture := png(width, height, drawn)) <= MOST_BYTES:
                return picture
        dots *= FEWER if longest <= LONGEST else (LONGEST - 1) / longest


def seen_edges(
    page: PdfPage, box: tuple[float, ...], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return the visible part of a box on the upright page: left, top, right, bottom in pixels."""
    across, down = size
    x, y = c_int(), c_int()
    xs, ys = [], []
    for corner in ((box[0], box[1]), (box[2], box[3])):
        pdfium_c.FPDF_PageToDevice(page, 0, 0, across, down, 0, *corner, byref(x), byref(y))
        xs.append(min(max(x.value, 0), across))
        ys.append(min(max(y.value, 0), down))
    return (min(xs), min(ys), max(xs), max(ys))


def _size(page: PdfPage, dots: float) -> tuple[int, int]:
    width, height = page.get_size()
    return (max(1, round(width * dots)), max(1, round(height * dots)))


def _dots(page: PdfPage, place: tuple[int, int, int, int], dots: float) -> bytes:
    """Return the RGB bytes of the pixels in (left, top, width, height) of the page."""
    left, top, width, height = place
    drawn = PdfBitmap.new_native(width, height, pdfium_c.FPDFBitmap_BGR, rev_byteorder=True)
    drawn.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
    pdfium_c.FPDF_RenderPageBitmap(drawn, page, -left, -top, *_size(page, dots), 0, flags)
    try:
        return bytes(drawn.buffer)
    finally:
        drawn.close()


# --- the file format ------------------------------------------------------------------------


def png(width: int, height: int, dots: bytes) -> bytes:
    """Return a PNG made from RGB bytes; a grey one if all pixels are grey."""
    red, green, blue = (dots[at::3] for at in range(3))
    grey = red == green == blue
    dots, dot = (red, 1) if grey else (dots, 3)
    rows = (b"\0" + dots[at : at + width * dot] for at in range(0, len(dots), width * dot))
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if grey else 2, 0, 0, 0)
    file = [b"\x89PNG\r\n\x1a\n"]
    for chunk in (b"IHDR" + head, b"IDAT" + zlib.compress(b"".join(rows), 6), b"IEND"):
        size, checksum = len(chunk) - 4, zlib.crc32(chunk)
        file += [struct.pack(">I", size), chunk, struct.pack(">I", checksum)]
    return b"".join(file)
