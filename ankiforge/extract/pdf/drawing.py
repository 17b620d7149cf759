"""Pictures of figures and drawings, cut out of their pages.

A picture is upright as the page is read, whatever its /Rotate, CropBox or UserUnit. It
shows what is printed and what people drew, pasted or typed on the page. Frames and
colours that only mark something, and the icons of comments, are left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from contextlib import closing
from ctypes import byref, c_int

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfBitmap, PdfDocument, PdfPage

from ankiforge.extract.pdf.annotations import annotation_at
from ankiforge.extract.pdf.chars import FAULTS
from ankiforge.extract.pdf.cleaning import unswapped
from ankiforge.extract.pdf.lettering import find_labels
from ankiforge.extract.pdf.messages import Area, Box, CutOut
from ankiforge.extract.pdf.metadata import document_id
from ankiforge.model import Label, Value, h16
from ankiforge.text.fold import for_finding

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
FINE = 2.0**20
"""Pixels of the longer side of a page on which places are computed."""
LARGEST = 2**24
"""Pixels of the longer side of the whole page, of which only a part is rendered."""

_SHOWN = ("FREETEXT", "INK", "LINE", "POLYLINE", "STAMP")
CONTENT = frozenset(getattr(pdfium_c, f"FPDF_ANNOT_{kind}") for kind in _SHOWN)
"""Annotations that show something themselves; all others only refer to the page."""


def cut_out(document: PdfDocument, area: Area) -> CutOut:
    """Cut an area from its page, with its labels.

    It has no data if it cannot be drawn or shows nothing.
    """
    try:
        with closing(document[area.page]) as page:
            hide_marks(page)
            data = _drawn(page, area.box)
            if not data:
                return CutOut(b"")
            # its page and its frame show whether a figure has changed
            with closing(page.get_textpage()) as text_page:
                text = for_finding(unswapped(text_page.get_text_range()))
            edges = [str(round(10 * edge)) for edge in area.box]
            figure = h16(document_id([text], [page]), *edges)
            return CutOut(data, figure, _labels_of(page, area.box))
    except FAULTS:
        return CutOut(b"")


def _labels_of(page: PdfPage, box: Box) -> tuple[Label, ...]:
    """Return the labels in a part of a page, as its picture shows them, from the top."""
    resolution = FINE / max(page.get_size())
    cutout = _cutout(page, box, resolution)
    labels = []
    for found in find_labels(page, box):
        part = _cutout(page, found.box, resolution)
        left = (part.left - cutout.left) / cutout.width
        top = (part.top - cutout.top) / cutout.height
        width = part.width / cutout.width
        height = part.height / cutout.height
        label = Label(
            found.text,
            left=round(left, 4),
            top=round(top, 4),
            width=round(width, 4),
            height=round(height, 4),
        )
        if label.width and label.height:
            labels.append(label)
    return tuple(sorted(labels, key=lambda label: (round(label.top, 2), label.left)))


def hide_marks(page: PdfPage) -> None:
    """Hide annotations that only mark something, in memory."""
    for number in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with annotation_at(page, number) as annotation:
            if annotation and pdfium_c.FPDFAnnot_GetSubtype(annotation) not in CONTENT:
                flags = pdfium_c.FPDFAnnot_GetFlags(annotation)
                flags |= pdfium_c.FPDF_ANNOT_FLAG_HIDDEN
                pdfium_c.FPDFAnnot_SetFlags(annotation, flags)


# --- drawing ----------------------------------------------------------------------------


class Cutout(Value):
    """A part of a page that is drawn in a certain size; all numbers are pixels."""

    page_width: int
    page_height: int
    left: int
    top: int
    width: int
    height: int

    @property
    def longest(self) -> int:
        """The longer side."""
        return max(self.width, self.height)


def _drawn(page: PdfPage, box: Box) -> bytes:
    """Return the picture, with fewer pixels if it would be too large.

    Return b"" if nothing is visible.
    """
    resolution = min(RESOLUTION, LARGEST / max(page.get_size()))
    while True:
        cutout = _cutout(page, box, resolution)
        if min(cutout.width, cutout.height) < max(1.0, SMALLEST * resolution - 1):
            return b""
        if cutout.longest > LONGEST:
            resolution *= (LONGEST - 1) / cutout.longest
            continue
        drawn = pixels(page, cutout)
        is_white = drawn == b"\xff" * len(drawn)
        if is_white:
            return b""
        picture = png(cutout.width, cutout.height, drawn)
        if len(picture) <= MOST_BYTES:
            return picture
        resolution *= FEWER


def _cutout(page: PdfPage, box: Box, resolution: float) -> Cutout:
    """Return the visible part of a box on the upright page, in pixels."""
    width, height = page.get_size()
    page_width = max(1, round(width * resolution))
    page_height = max(1, round(height * resolution))
    near_box = [min(max(edge, -FARTHEST), FARTHEST) for edge in box]
    left, top, right, bottom = pixel_box(page, page_width, page_height, near_box)
    return Cutout(
        page_width=page_width,
        page_height=page_height,
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
    )


def pixel_box(
    page: PdfPage, page_width: int, page_height: int, box: Sequence[float]
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box in a picture of its page."""
    left, bottom, right, top = box
    x = c_int()
    y = c_int()
    xs = []
    ys = []
    for corner in ((left, bottom), (right, top)):
        pdfium_c.FPDF_PageToDevice(
            page, 0, 0, page_width, page_height, 0, *corner, byref(x), byref(y)
        )
        xs.append(min(max(x.value, 0), page_width))
        ys.append(min(max(y.value, 0), page_height))
    return (min(xs), min(ys), max(xs), max(ys))


def pixels(page: PdfPage, cutout: Cutout) -> bytes:
    """Draw a part of a page, and return the RGB bytes of its pixels."""
    bitmap = PdfBitmap.new_native(
        cutout.width, cutout.height, pdfium_c.FPDFBitmap_BGR, rev_byteorder=True
    )
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, cutout.width, cutout.height)
    flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
    pdfium_c.FPDF_RenderPageBitmap(
        bitmap,
        page,
        -cutout.left,
        -cutout.top,
        cutout.page_width,
        cutout.page_height,
        0,
        flags,
    )
    with closing(bitmap):
        return bytes(bitmap.buffer)


# --- the file format --------------------------------------------------------------------


def png(
    width: int, height: int, pixels: bytes, *, grey: bool = False, level: int = 6
) -> bytes:
    """Return a PNG made from RGB bytes, or from grey ones."""
    row_length = width if grey else 3 * width
    rows = []
    for start in range(0, len(pixels), row_length):
        rows.append(b"\0")  # no filter
        rows.append(pixels[start : start + row_length])
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if grey else 2, 0, 0, 0)
    body = zlib.compress(b"".join(rows), level)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", body),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG: its length, name, data, and the checksum of both."""
    length = struct.pack(">I", len(data))
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return length + name + data + checksum
