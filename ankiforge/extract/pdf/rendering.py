"""Render pages, and cut figures and drawings out of them.

Pictures are upright regardless of the page's /Rotate, CropBox or UserUnit. They include the page
content and anything that users drew, pasted or typed on the page, but not comment icons or
highlights, because the caller draws the highlights itself. On a whole page, a highlight is located
by its text, or by its box if the text isn't found, as on a scan.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from ctypes import byref, c_int
from enum import Enum
from itertools import groupby, islice
from operator import attrgetter
from statistics import median, median_high

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfBitmap, PdfDocument, PdfPage, PdfTextPage

from ankiforge.extract.cleaning import to_one_line
from ankiforge.extract.pdf.annotations import open_annotation
from ankiforge.extract.pdf.blocks import CAPTION
from ankiforge.extract.pdf.boxes import Box, is_point_in_box, join_boxes
from ankiforge.extract.pdf.chars import Line, PrintedChar
from ankiforge.extract.pdf.cleaning import Spelling
from ankiforge.extract.pdf.figure_text import find_figure_labels
from ankiforge.extract.pdf.letters import load_upright_text, read_chars
from ankiforge.extract.pdf.messages import (
    Area,
    CutOut,
    DrawPage,
    DrawPageReply,
    MeasurePagesReply,
    PageHighlight,
    RelativeBox,
)
from ankiforge.extract.pdf.metadata import compute_document_id
from ankiforge.extract.pdf.page_text import PDF_ERRORS, PageText
from ankiforge.model import FigureLabel, Span, Value, hash16
from ankiforge.text import regex
from ankiforge.text.located import fold_alphanumerics_with_offsets, locate_text
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.occlusion import TABLE_FRAME, TEXT_FRAME

_MAX_RESOLUTION = 200 / 72
"""The preferred resolution of pictures, in pixels per point."""
MAX_SIDE_PIXELS = 1600
"""The maximum length of a picture's longer side, in pixels."""
_MAX_PICTURE_BYTES = 1_500_000
"""The maximum size of a picture. A larger one is redrawn with fewer pixels."""
_SHRINK_FACTOR = 0.7
MIN_SIDE_POINTS = 2.0
"""The minimum width and height of an area, in points."""
_MAX_COORDINATE = 100_000.0
"""Coordinates are clamped to this distance from the origin, in points."""
POSITION_SIDE_PIXELS = 2.0**20
"""The length of the page's longer side when label positions are computed, in pixels."""
MAX_PAGE_SIDE_PIXELS = 2**24
"""The maximum length of the page's longer side when an area is drawn, in pixels."""

_MAX_DRAWN_OBJECTS = 5000
"""The maximum number of page objects to check when looking for a drawing."""
_MAX_LINE_WIDTH = 3.0
_MIN_LINES = 3
"""The minimum number of lines in a table. A single line may be a rule."""
_MAX_CAPTION_DISTANCE = 40.0
"""The maximum distance between a caption and the upper or lower edge of its frame, in points."""
_MAX_CAPTION_RUNS = 2000
"""The maximum number of runs of text to check when looking for a caption."""
_TABLE_CAPTION = regex(r"(?i)tab|табл|表")

_CONTENT_KINDS = ("FREETEXT", "INK", "LINE", "POLYLINE", "STAMP")
CONTENT_SUBTYPES = frozenset(
    getattr(pdfium_c, f"FPDF_ANNOT_{kind}") for kind in _CONTENT_KINDS
)
"""The annotation subtypes that are rendered, because they add content to the page."""


def cut_out_area(document: PdfDocument, area: Area) -> CutOut:
    """Render an area of a page as a picture, and find the labels in the picture.

    If the area is empty or can't be rendered, the data of the picture is b"".
    """
    try:
        with closing(document[area.page]) as page:
            hide_markup(page)
            data = _draw_area(page, area.box)
            if not data:
                return CutOut(b"")
            with closing(page.get_textpage()) as text_page:
                page_text = normalize_for_lookup(text_page.get_text_range())
                caption = _find_caption(text_page, area.box)
            figure = _hash_figure(page, page_text, area.box)
            kind = _find_frame_kind(page, area.box, caption)
            labels = _read_labels(page, area.box)
            return CutOut(data, kind.value + figure, labels, caption or "")
    except PDF_ERRORS:
        return CutOut(b"")


def _hash_figure(page: PdfPage, page_text: str, box: Box) -> str:
    """Return a hash of a figure, which changes if its page or its frame changes.

    The edges of the frame are rounded to a tenth of a point.
    """
    edges = [str(round(10 * edge)) for edge in box]
    return hash16(compute_document_id([page_text], [page]), *edges)


def _find_caption(text_page: PdfTextPage, box: Box) -> str | None:
    """Return the name of the figure in a box, such as `Table 1`, or None if no caption is near it.

    Of several captions in or near the box, the closest to its upper or lower edge is returned.
    """
    left, bottom, right, top = box
    best_name = None
    best_distance = _MAX_CAPTION_DISTANCE
    for index in range(min(text_page.count_rects(), _MAX_CAPTION_RUNS)):
        run_left, run_bottom, run_right, run_top = text_page.get_rect(index)
        if run_right < left or run_left > right:
            continue
        distance = min(abs(run_bottom - top), abs(run_top - bottom))
        if distance >= best_distance:
            continue
        text = text_page.get_text_bounded(run_left, run_bottom, run_right, run_top)
        match = CAPTION.match(to_one_line(text))
        if match is not None:
            best_name = match[0].removesuffix(match["end"] or "")
            best_distance = distance
    return best_name


class _FrameKind(Enum):
    """What a frame contains. The values are the prefixes of the figure's hash."""

    TEXT = TEXT_FRAME
    TABLE = TABLE_FRAME
    DRAWING = ""


def _find_frame_kind(page: PdfPage, box: Box, caption: str | None) -> _FrameKind:
    """Return what a box contains, by the objects in it, and by its caption if it has one."""
    kind = _classify_frame(page, box)
    if kind is _FrameKind.DRAWING and caption is not None:
        if _TABLE_CAPTION.match(caption):
            return _FrameKind.TABLE
    return kind


def _classify_frame(page: PdfPage, box: Box) -> _FrameKind:
    """Return what a box contains: a picture or shape, at least three lines, or only text."""
    left, bottom, right, top = box
    line_count = 0
    for drawn in islice(page.get_objects(max_depth=1), _MAX_DRAWN_OBJECTS):
        drawn_left, drawn_bottom, drawn_right, drawn_top = drawn.get_bounds()
        width = min(drawn_right, right) - max(drawn_left, left)
        height = min(drawn_top, top) - max(drawn_bottom, bottom)
        if drawn.type == pdfium_c.FPDF_PAGEOBJ_TEXT or width < 0 or height < 0:
            continue
        if drawn.type != pdfium_c.FPDF_PAGEOBJ_PATH:
            return _FrameKind.DRAWING
        if width >= right - left and height >= top - bottom:  # it is the background
            continue
        if min(width, height) >= _MAX_LINE_WIDTH:
            return _FrameKind.DRAWING
        line_count += 1
    if line_count >= _MIN_LINES:
        return _FrameKind.TABLE
    return _FrameKind.TEXT


def _read_labels(page: PdfPage, box: Box) -> tuple[FigureLabel, ...]:
    """Return the labels in an area from top to bottom. Positions are relative to the area."""
    resolution = POSITION_SIDE_PIXELS / max(page.get_size())
    cutout = _compute_pixel_area(page, box, resolution)
    labels = []
    for detected_label in find_figure_labels(page, box):
        label_cutout = _compute_pixel_area(page, detected_label.box, resolution)
        label = FigureLabel(
            detected_label.text,
            left=round((label_cutout.left - cutout.left) / cutout.width, 4),
            top=round((label_cutout.top - cutout.top) / cutout.height, 4),
            width=round(label_cutout.width / cutout.width, 4),
            height=round(label_cutout.height / cutout.height, 4),
        )
        if label.width and label.height:
            labels.append(label)
    return tuple(sorted(labels, key=lambda label: (round(label.top, 2), label.left)))


def hide_markup(page: PdfPage) -> None:
    """Hide annotations that only mark up a page, such as highlights. The file isn't modified."""
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with open_annotation(page, index) as annotation:
            if not annotation:
                continue
            if pdfium_c.FPDFAnnot_GetSubtype(annotation) not in CONTENT_SUBTYPES:
                flags = pdfium_c.FPDFAnnot_GetFlags(annotation)
                flags |= pdfium_c.FPDF_ANNOT_FLAG_HIDDEN
                pdfium_c.FPDFAnnot_SetFlags(annotation, flags)


# --- drawing ----------------------------------------------------------------------------


class PixelArea(Value):
    """An area of a page at a given resolution, with all lengths in pixels."""

    page_width: int
    page_height: int
    left: int
    top: int
    width: int
    height: int

    @property
    def longest_side(self) -> int:
        """The larger of width and height."""
        return max(self.width, self.height)


def _draw_area(page: PdfPage, box: Box) -> bytes:
    """Render an area as a PNG, or return b"" if the area is tiny or entirely white.

    If the picture would have too many pixels or bytes, the resolution is reduced.
    """
    resolution = min(_MAX_RESOLUTION, MAX_PAGE_SIDE_PIXELS / max(page.get_size()))
    while True:
        cutout = _compute_pixel_area(page, box, resolution)
        min_side = max(1.0, MIN_SIDE_POINTS * resolution - 1)  # rounding may cost a pixel
        if min(cutout.width, cutout.height) < min_side:
            return b""
        if cutout.longest_side > MAX_SIDE_PIXELS:
            resolution *= (MAX_SIDE_PIXELS - 1) / cutout.longest_side
            continue
        rgb = render_pixels(page, cutout)
        is_white = rgb == b"\xff" * len(rgb)
        if is_white:
            return b""
        png_data = encode_png(cutout.width, cutout.height, rgb)
        if len(png_data) <= _MAX_PICTURE_BYTES:
            return png_data
        resolution *= _SHRINK_FACTOR


def _compute_pixel_area(page: PdfPage, box: Box, resolution: float) -> PixelArea:
    """Convert a box to pixels, and clip it to the upright page.

    `resolution` is in pixels per point.
    """
    width, height = page.get_size()
    page_width = max(1, round(width * resolution))
    page_height = max(1, round(height * resolution))
    clamped_box = [min(max(edge, -_MAX_COORDINATE), _MAX_COORDINATE) for edge in box]
    left, top, right, bottom = to_pixel_box(page, page_width, page_height, clamped_box)
    return PixelArea(page_width, page_height, left, top, right - left, bottom - top)


def to_pixel_box(
    page: PdfPage, page_width: int, page_height: int, box: Sequence[float]
) -> tuple[int, int, int, int]:
    """Convert a box from user space to pixels, and clip it to the page.

    Returns:
        (left, top, right, bottom)
    """
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


def render_pixels(page: PdfPage, cutout: PixelArea) -> bytes:
    """Render an area of a page on a white background and return its pixels as RGB bytes."""
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


def encode_png(
    width: int, height: int, pixels: bytes, *, grey: bool = False, level: int = 6
) -> bytes:
    """Encode an image as a PNG.

    Args:
        width: The width in pixels.
        height: The height in pixels.
        pixels: Three bytes per pixel (RGB), or one byte if `grey` is true.
        grey: Whether the image is greyscale.
        level: The zlib compression level.
    """
    row_length = width if grey else 3 * width
    rows = []
    for start in range(0, len(pixels), row_length):
        rows.append(b"\0")  # the filter type: none
        rows.append(pixels[start : start + row_length])
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if grey else 2, 0, 0, 0)
    body = zlib.compress(b"".join(rows), level)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _build_png_chunk(b"IHDR", header),
            _build_png_chunk(b"IDAT", body),
            _build_png_chunk(b"IEND", b""),
        )
    )


def _build_png_chunk(name: bytes, data: bytes) -> bytes:
    length = struct.pack(">I", len(data))
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return length + name + data + checksum


# --- whole pages ----------------------------------------------------------------------

_LETTER_SIZE = (612.0, 792.0)
"""The assumed width and height of a page that can't be opened, in points."""
_MAX_PAGE_PIXELS = 9_000_000
"""The maximum number of pixels in the picture of a whole page."""
_MAX_PAGE_BYTES = 4_000_000
"""The maximum size of such a picture. A larger one is redrawn with fewer pixels."""
_PAGE_SHRINK_FACTOR = 0.7
_PAGE_COMPRESSION_LEVEL = 2
"""The zlib compression level of PNGs, which is low because they are only sent to a local browser.
"""
MIN_PART_LETTERS = 12
"""The minimum number of letters of the beginning of a highlight that isn't found as a whole."""
_MAX_CHAR_HEIGHT = 1.3
"""The maximum height of a character, relative to the usual height, to count towards the height of
a line's box. The characters of symbol fonts can reach into other lines.
"""


def read_page_sizes(document: PdfDocument) -> MeasurePagesReply:
    """Return the size and label of each page."""
    pages = []
    for number in range(len(document)):
        width, height = _LETTER_SIZE
        label = ""
        with suppress(*PDF_ERRORS):
            label = to_one_line(document.get_page_label(number))
            width, height = document.get_page_size(number)
        if not (width > 0 and height > 0):
            width, height = _LETTER_SIZE
        pages.append((width, height, label or str(number + 1)))
    return MeasurePagesReply(tuple(pages))


_SAMPLE_STEP = 3 * 997
"""The distance between the sampled green values of a page, in bytes."""
_MAX_DARK_LEVEL = 100
"""The upper bound of the median green value of a dark page."""


def draw_page(document: PdfDocument, request: DrawPage) -> DrawPageReply:
    """Render a whole page and locate its words and highlights.

    The reply is empty if the page doesn't exist or can't be rendered.
    """
    if not 0 <= request.page < len(document):
        return DrawPageReply()
    try:
        with closing(document[request.page]) as page:
            # this turns the page upright
            with closing(load_upright_text(page)) as text_page:
                chars = read_chars(text_page)
            hide_markup(page)
            with closing(PageText(chars, Spelling([]))) as text:
                return _draw_page(page, text, request)
    except PDF_ERRORS:
        return DrawPageReply()


class _PagePicture(Value):
    """A picture of a whole page, as PNG and as pixels."""

    png: bytes
    rgb: bytes
    width: int
    height: int

    def to_relative_box(self, page: PdfPage, box: Box) -> RelativeBox:
        """Convert a box to fractions of the picture's width and height."""
        left, top, right, bottom = to_pixel_box(page, self.width, self.height, box)
        return (
            left / self.width,
            top / self.height,
            right / self.width,
            bottom / self.height,
        )


def _draw_page(page: PdfPage, text: PageText, request: DrawPage) -> DrawPageReply:
    """Render an upright page, and locate its words and highlights in the picture.

    `text` is the text of the page.
    """
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return DrawPageReply()
    picture = _render_page(page, request.width)
    marks = []
    for mark in request.marks:
        boxes = _find_mark_boxes(text, mark)
        marks.append(tuple(picture.to_relative_box(page, box) for box in boxes))
    lines = []
    for line in text.lines:
        words = []
        for word, box in _find_words_with_boxes(text, line):
            words.append((to_one_line(word), picture.to_relative_box(page, box)))
        lines.append(tuple(words))
    return DrawPageReply(
        picture.png,
        picture.width,
        picture.height,
        tuple(marks),
        tuple(lines),
        is_dark=median(picture.rgb[1::_SAMPLE_STEP]) < _MAX_DARK_LEVEL,
    )


def _render_page(page: PdfPage, max_width: int) -> _PagePicture:
    """Render a whole page. A picture of too many pixels or bytes gets narrower than `max_width`."""
    width, height = page.get_size()
    scale = min(max_width / width, (_MAX_PAGE_PIXELS / (width * height)) ** 0.5)
    while True:
        page_width = max(1, round(width * scale))
        page_height = max(1, round(height * scale))
        whole_page = PixelArea(page_width, page_height, 0, 0, page_width, page_height)
        rgb = render_pixels(page, whole_page)
        png = _encode_page(page_width, page_height, rgb)
        if len(png) <= _MAX_PAGE_BYTES:
            return _PagePicture(png, rgb, page_width, page_height)
        scale *= _PAGE_SHRINK_FACTOR


def _encode_page(width: int, height: int, rgb: bytes) -> bytes:
    """Encode the picture of a page. Without colours, its data is a third as large."""
    level = _PAGE_COMPRESSION_LEVEL
    reds = rgb[::3]
    if reds == rgb[1::3] == rgb[2::3]:
        return encode_png(width, height, reds, grey=True, level=level)
    return encode_png(width, height, rgb, level=level)


def _find_mark_boxes(text: PageText, mark: PageHighlight) -> list[Box]:
    """Return a box for each line of a highlight, or its own box if its text isn't found."""
    span = _find_mark_span(text, mark)
    if span is not None:
        return list(_iter_line_boxes(text, span))
    if mark.box is not None:
        return [mark.box]
    return []


# --- the words --------------------------------------------------------------------------


def _find_words_with_boxes(text: PageText, line: Line) -> list[tuple[str, Box]]:
    """Return each word of a line that has text, with the box around its characters."""
    words = []
    for chars in _split_words(text, line):
        start, end = text.get_char_span(chars[0], chars[-1])
        if start < end:
            words.append((text.text[start:end], _compute_line_box(chars)))
    return words


def _split_words(text: PageText, line: Line) -> list[list[PrintedChar]]:
    """Return the characters of each word of a line. Between two words, `text` has a space."""
    words: list[list[PrintedChar]] = []
    previous_end = None
    for char in line.chars:
        start, end = text.get_char_span(char, char)
        if start != previous_end:
            words.append([])
        words[-1].append(char)
        previous_end = end
    return words


def _iter_line_boxes(text: PageText, span: Span) -> Iterator[Box]:
    """Yield one box per line around the text of a span."""
    start, end = span
    first = text.find_char_at(start)
    last = text.find_char_at(max(end - 1, start))
    marked_chars = text.chars[first.visible_index : last.visible_index + 1]
    for _, line_chars in groupby(marked_chars, attrgetter("line")):
        yield _compute_line_box(list(line_chars))


def _find_mark_span(text: PageText, mark: PageHighlight) -> Span | None:
    """Return the span of a highlight's text on a page, or None if the text isn't found.

    If other text interrupts the highlighted text, or if it continues on the next page, only its
    beginning is found. If the text occurs several times, the occurrence inside the box of the
    highlight is preferred.

    Only letters and digits are compared, because the hyphens at line ends depend on the whole
    document, and because PDFium splits characters beyond 16 bits. They are counted separately:
    `word_offsets` and `page_offsets` hold the offset of each letter in its text.
    """
    words = "".join(char for char in mark.words if char <= "\uffff")
    marked_letters, word_offsets = fold_alphanumerics_with_offsets(words)
    if not marked_letters:
        return locate_text(words, text.text)
    page_letters, page_offsets = fold_alphanumerics_with_offsets(text.text)
    length = _find_longest_beginning(marked_letters, page_letters)
    if length < min(MIN_PART_LETTERS, len(marked_letters)):
        return None

    def count_ends_in_box(first: int) -> int:
        last = first + length - 1
        chars = [text.find_char_at(page_offsets[letter]) for letter in (first, last)]
        return sum(_is_in_box(char, mark.box) for char in chars)

    occurrences = _iter_occurrences(marked_letters[:length], page_letters)
    first = max(occurrences, key=count_ends_in_box)
    start = page_offsets[first]
    end = page_offsets[first + length - 1] + 1

    # include the punctuation of the highlight, such as its full stop
    leading = words[: word_offsets[0]]
    if text.text[:start].endswith(leading):
        start -= len(leading)
    trailing = words[word_offsets[-1] + 1 :]
    is_whole = length == len(marked_letters)
    if is_whole and text.text.startswith(trailing, end):
        end += len(trailing)
    return start, end


def _iter_occurrences(part: str, text: str) -> Iterator[int]:
    """Yield each index in `text` at which `part` occurs. Occurrences may overlap."""
    index = text.find(part)
    while index >= 0:
        yield index
        index = text.find(part, index + 1)


def _is_in_box(char: PrintedChar, box: Box | None) -> bool:
    return box is not None and is_point_in_box(char.x, char.y, box)


def _find_longest_beginning(text: str, page: str) -> int:
    """Return the length of the longest beginning of a text that is on a page.

    If a beginning isn't on the page, no longer one is, so the lengths can be bisected.
    """

    def is_missing(length: int) -> bool:
        return text[:length] not in page

    lengths = range(1, len(text) + 1)
    return bisect_left(lengths, True, key=is_missing)


def _compute_line_box(chars: Sequence[PrintedChar]) -> Box:
    """Return the box around the characters of a line, without the height of very high ones."""
    max_height = _MAX_CHAR_HEIGHT * median_high([char.height for char in chars])
    left, _, right, _ = join_boxes(_get_box(char) for char in chars)
    usual_chars = [char for char in chars if char.height <= max_height]
    _, bottom, _, top = join_boxes(_get_box(char) for char in usual_chars)
    return (left, bottom, right, top)


def _get_box(char: PrintedChar) -> Box:
    return (char.left, char.bottom, char.right, char.top)
