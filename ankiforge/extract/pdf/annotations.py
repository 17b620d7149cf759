"""The annotations of a file, replies merged; and the pictures of what they frame or draw.

Programs write arbitrary values into PDFs: a value of the wrong type counts as missing. A picture is
upright as the page is read, whatever its /Rotate, CropBox or UserUnit. It shows what is printed and
what people drew, pasted or typed on the page. Frames and colours that only mark something, and the
icons of comments, are left out.
"""

from __future__ import annotations

import html
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from ctypes import POINTER, byref, c_int, c_uint, cast, create_string_buffer
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from msgspec import structs
from pypdfium2 import PdfBitmap, PdfDocument, PdfPage

from ankiforge.extract.pdf.chars import FAULTS
from ankiforge.extract.pdf.clean import clean, one_line
from ankiforge.extract.pdf.messages import Area, Box
from ankiforge.model import HighlightKind, Value
from ankiforge.text import regex

ON_TEXT = {
    "Highlight": HighlightKind.HIGHLIGHT,
    "Underline": HighlightKind.UNDERLINE,
    "Squiggly": HighlightKind.UNDERLINE,
    "StrikeOut": HighlightKind.STRIKE,
}
KINDS = {
    **ON_TEXT,
    **dict.fromkeys(("Text", "FreeText", "Caret"), HighlightKind.NOTE),
    **dict.fromkeys(("Square", "Circle", "Polygon"), HighlightKind.IMAGE),
    "Ink": HighlightKind.INK,
}
"""PDF 32000-1 §12.5.6; links, popups and widgets are not marks."""
DRAWINGS = frozenset({"Line", "PolyLine", "Stamp", "FileAttachment", "Redact", "Sound"})
"""Notes if somebody added text to them, otherwise only drawings."""
MARGIN = 8.0
"""Points around a pen drawing, to show what a ring or a stroke was drawn at."""
HIDDEN = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW

Reference = tuple[int, int]
"""Page and number on it."""


class Annotation(Value):
    """One annotation, with its replies in the comment."""

    page: int
    kind: HighlightKind
    box: Box | None
    points: tuple[float, ...]
    """/QuadPoints"""
    contents: str
    comment: str
    """Contents and replies."""
    author: str
    colour: str
    name: str
    """/NM"""
    zotero: str
    created: datetime
    modified: datetime
    reference: Reference
    parent: Reference | None
    grouped: bool
    """Whether it is part of its parent (/RT /Group), not a reply to it."""
    hidden: bool
    state: bool
    """Whether it is a state set in Acrobat (accepted, completed …), which only links others."""

    @property
    def on_text(self) -> bool:
        """Whether it marks text."""
        return self.kind in ON_TEXT.values()

    @property
    def area(self) -> Box | None:
        """The area to show in its picture, None if it has no picture."""
        if self.box and self.kind is HighlightKind.INK:
            left, bottom, right, top = self.box
            return (left - MARGIN, bottom - MARGIN, right + MARGIN, top + MARGIN)
        return self.box if self.kind is HighlightKind.IMAGE else None


def read_annotations(pages: Iterable[PdfPage | None]) -> tuple[list[Annotation], int]:
    """Return the annotations of a file, and how many it hides: often they were deleted.

    They are in the order of the file, replies merged. Their appearances are removed in memory.
    """
    found = [one for at, page in enumerate(pages) if page for one in _of_page(at, page)]
    hidden = sum(one.hidden and not one.state and one.parent is None for one in found)
    return _threaded(found), hidden


_WEAK = regex(r"(?i)fitz-|annot-|highlight-|id|zotero-|\d+$")


def strong_names(annotations: Iterable[Annotation]) -> set[str]:
    """Return the /NM values that identify a mark: long, unique, not counted up per session."""
    counts = Counter(one.name for one in annotations)
    once = (name for name, count in counts.items() if count == 1)
    return {name for name in once if len(name) >= 12 and not _WEAK.match(name)}


# --- one annotation -------------------------------------------------------------------------

_ZOTERO_NAME = regex(r"Zotero-([A-Z0-9]{8})$")
_ZOTERO_KEY = regex(r"\(?([A-Z0-9]{8})\)?$")


def _of_page(number: int, page: PdfPage) -> Iterator[Annotation]:
    """Yield the marks among the annotations of a page."""
    for at in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with _annotation_at(page, at) as entry:
            if entry and (mark := _annotation(page, entry, (number, at))):
                yield mark


def _annotation(page: PdfPage, entry: Any, reference: Reference) -> Annotation | None:
    subtype = _text(entry, b"Subtype")
    kind = KINDS.get(subtype)
    if kind is None and subtype not in DRAWINGS:
        return None
    contents = clean(_text(entry, b"Contents")).strip()
    contents = contents or clean(_plain(_text(entry, b"RC"))).strip()
    if kind is None and not contents:
        return None
    parent = None
    if linked := pdfium_c.FPDFAnnot_GetLinkedAnnot(entry, b"IRT"):  # of the same page
        at = pdfium_c.FPDFPage_GetAnnotIndex(page, linked)
        pdfium_c.FPDFPage_CloseAnnot(linked)
        parent = (reference[0], at) if at >= 0 else None
    name = one_line(_text(entry, b"NM"))
    zotero = _ZOTERO_KEY.match(_text(entry, b"Zotero:Key")) or _ZOTERO_NAME.match(name)
    return Annotation(
        page=reference[0],
        kind=kind or HighlightKind.NOTE,
        box=_box(entry),
        points=_points(entry) if subtype in ON_TEXT else (),
        contents=contents,
        comment=contents,
        author=one_line(_text(entry, b"T")),
        colour=_colour(entry),
        name=name,
        zotero=zotero[1] if zotero else "",
        created=moment(_text(entry, b"CreationDate")),
        modified=moment(_text(entry, b"M")),
        reference=reference,
        parent=parent,
        grouped=_text(entry, b"RT") == "Group",
        hidden=bool(pdfium_c.FPDFAnnot_GetFlags(entry) & HIDDEN),
        state=bool(pdfium_c.FPDFAnnot_HasKey(entry, b"StateModel")),
    )


# --- the entries of an annotation -----------------------------------------------------------


def _text(entry: Any, key: bytes) -> str:
    """Return the text of a string, a name or a stream; "" for other values."""
    length = pdfium_c.FPDFAnnot_GetStringValue(entry, key, None, 0)
    if length <= 2:
        return ""
    buffer = create_string_buffer(length)
    wide = cast(buffer, POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAnnot_GetStringValue(entry, key, wide, length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")


_TAG = regex(r"<(?P<end>/p|br\s*/?)?[^<>]*>")
_UNSEEN = regex(r"(?is)<(style|script|head)\b.*?</\1\s*>")


def _plain(rich: str) -> str:
    """Return the text of a rich comment (XHTML); nothing it refers to is fetched."""
    seen = _UNSEEN.sub("", rich)
    return html.unescape(_TAG.sub(lambda tag: "\n" if tag["end"] else "", seen))


def _points(entry: Any) -> tuple[float, ...]:
    """Return the corners of all quads, eight numbers each."""
    points = []
    quad = pdfium_c.FS_QUADPOINTSF()
    for at in range(pdfium_c.FPDFAnnot_CountAttachmentPoints(entry)):
        if pdfium_c.FPDFAnnot_GetAttachmentPoints(entry, at, byref(quad)):
            points += [quad.x1, quad.y1, quad.x2, quad.y2, quad.x3, quad.y3, quad.x4, quad.y4]
    return tuple(points)


def _box(entry: Any) -> Box | None:
    """Return /Rect, which may name any two opposite corners."""
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_HasKey(entry, b"Rect"):
        return None
    pdfium_c.FPDFAnnot_GetRect(entry, byref(rect))
    (left, right), (bottom, top) = sorted((rect.left, rect.right)), sorted((rect.bottom, rect.top))
    box = (left, bottom, right, top)
    return box if any(box) and all(map(isfinite, box)) else None


def _colour(entry: Any) -> str:
    """Return `#rrggbb`, "" if there is no colour. PDFium rounds down.

    PDFium tells the colour only of an annotation without an appearance.
    """
    if not pdfium_c.FPDFAnnot_HasKey(entry, b"C"):
        return ""
    pdfium_c.FPDFAnnot_SetAP(entry, pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None)
    levels = [c_uint() for _ in range(4)]
    kind = pdfium_c.FPDFANNOT_COLORTYPE_Color
    pdfium_c.FPDFAnnot_GetColor(entry, kind, *map(byref, levels))
    found = "#" + "".join(f"{level.value:02x}" for level in levels[:3])
    return found if len(found) == 7 else ""


_DATE = regex(r"(?a)(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?")
NEVER = datetime.min.replace(tzinfo=UTC)


def moment(date: str) -> datetime:
    """Parse a PDF date (§7.9.4) leniently, as UTC if it has no zone; `NEVER` if it is invalid."""
    found = _DATE.match(date.strip())
    if not found:
        return NEVER
    parts = [part or "00" for part in found.groups()]
    year, month, day = parts[0], parts[1].replace("00", "01"), parts[2].replace("00", "01")
    zone = f"{(found[7] or '+')}{parts[7]}:{parts[8]}"
    with suppress(ValueError):
        return datetime.fromisoformat(f"{year}-{month}-{day}T{':'.join(parts[3:6])}{zone}")
    return NEVER


def iso(found: datetime) -> str:
    """Return a moment in ISO 8601, "" for `NEVER`."""
    return found.isoformat() if found > NEVER else ""


# --- threads --------------------------------------------------------------------------------


def _threaded(found: list[Annotation]) -> list[Annotation]:
    """Merge replies into the annotation they answer, and groups into one, in file order.

    A thread that consists only of hidden annotations and states is left out.
    """
    by_reference = {one.reference: one for one in found}
    threads: dict[Reference, list[Annotation]] = defaultdict(list)
    for one in found:
        head, path = one, {one.reference}
        # a mark on text is never just a reply; of a circle each is its own thread
        while head.parent and (head.grouped or not head.on_text):
            above = by_reference.get(head.parent)
            if above is None or above.reference in path:
                break
            head = above
            path.add(head.reference)
        threads[head.reference] += [] if one.hidden or one.state else [one]
    return [_merged(spoken) for spoken in threads.values() if spoken]


def _merged(thread: list[Annotation]) -> Annotation:
    """Return the text mark of a group, with the comments of the whole thread sorted by time."""
    root = next((one for one in thread if one.parent is None), thread[0])
    others = [one for one in thread if one is not root]
    group = [root, *(one for one in others if one.grouped)]
    head = next((one for one in group if one.on_text), root)
    lines = own = [one.contents for one in group if one.contents]
    for one in sorted(others, key=lambda one: one.created if one.created > NEVER else one.modified):
        if one.contents and not one.grouped:
            author = f"{one.author}: " if one.author else ""
            lines = [*lines, f"— {author}{one.contents}"]
    return structs.replace(head, contents="\n".join(own), comment="\n".join(lines))


# --- pictures -------------------------------------------------------------------------------

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

_SHOWN = ("FREETEXT", "INK", "LINE", "POLYLINE", "STAMP")
CONTENT = frozenset(getattr(pdfium_c, f"FPDF_ANNOT_{kind}") for kind in _SHOWN)
"""Annotations that show something themselves; all others only refer to the page."""


def cut_picture(document: PdfDocument, area: Area) -> bytes:
    """Cut an area from its page; b"" if it cannot be drawn or shows nothing."""
    try:
        with closing(document[area.page]) as page:
            _hide_marks(page)
            return _small_enough(page, area.box)
    except FAULTS:
        return b""


# --- what is shown --------------------------------------------------------------------------


def _hide_marks(page: PdfPage) -> None:
    """Hide annotations that only mark something, in memory."""
    for number in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with _annotation_at(page, number) as one:
            if one and pdfium_c.FPDFAnnot_GetSubtype(one) not in CONTENT:
                flags = pdfium_c.FPDFAnnot_GetFlags(one) | pdfium_c.FPDF_ANNOT_FLAG_HIDDEN
                pdfium_c.FPDFAnnot_SetFlags(one, flags)


@contextmanager
def _annotation_at(page: PdfPage, number: int) -> Iterator[Any]:
    """Open the annotation with this index, None if there is none."""
    one = pdfium_c.FPDFPage_GetAnnot(page, number)
    yield one
    if one:
        pdfium_c.FPDFPage_CloseAnnot(one)


# --- drawing --------------------------------------------------------------------------------


def _small_enough(page: PdfPage, box: Box) -> bytes:
    """Return the picture, with fewer pixels if it would be too large.

    Return b"" if nothing is visible.
    """
    inside = tuple(min(max(edge, -FARTHEST), FARTHEST) for edge in box)
    dots = min(RESOLUTION, LARGEST / max(page.get_size()))
    while True:
        across, down = (max(1, round(side * dots)) for side in page.get_size())
        left, top, right, bottom = seen_edges(page, inside, (across, down))
        width, height = right - left, bottom - top
        if min(width, height) < max(1.0, SMALLEST * dots - 1):
            return b""
        longest = max(width, height)
        if longest <= LONGEST:
            drawn = _dots(page, (left, top, width, height), (across, down))
            if drawn == b"\xff" * len(drawn):
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


def _dots(page: PdfPage, place: tuple[int, int, int, int], size: tuple[int, int]) -> bytes:
    """Return the RGB bytes of the pixels in (left, top, width, height) of the page at this size."""
    left, top, width, height = place
    drawn = PdfBitmap.new_native(width, height, pdfium_c.FPDFBitmap_BGR, rev_byteorder=True)
    drawn.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
    pdfium_c.FPDF_RenderPageBitmap(drawn, page, -left, -top, *size, 0, flags)
    with closing(drawn):
        return bytes(drawn.buffer)


# --- the file format ------------------------------------------------------------------------


def png(width: int, height: int, dots: bytes) -> bytes:
    """Return a PNG made from RGB bytes."""
    rows = (b"\0" + dots[at : at + width * 3] for at in range(0, len(dots), width * 3))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    file = [b"\x89PNG\r\n\x1a\n"]
    for chunk in (b"IHDR" + head, b"IDAT" + zlib.compress(b"".join(rows), 6), b"IEND"):
        size, checksum = len(chunk) - 4, zlib.crc32(chunk)
        file += [struct.pack(">I", size), chunk, struct.pack(">I", checksum)]
    return b"".join(file)
