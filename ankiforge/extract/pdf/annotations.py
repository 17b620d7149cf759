"""The annotations of a file, replies merged, and marks that are drawn into its pages instead.

Programs write arbitrary values into PDFs: a value of the wrong type counts as missing.
"""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from colorsys import rgb_to_hsv
from contextlib import contextmanager, suppress
from ctypes import POINTER, byref, c_float, c_int, c_uint, cast, create_string_buffer
from datetime import UTC, datetime
from math import isfinite
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from msgspec import structs
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.cleaning import clean, one_line
from ankiforge.extract.pdf.messages import Box
from ankiforge.model import HighlightKind, Hint, LeftOut, Value, hints
from ankiforge.text import regex
from ankiforge.text.asking import asks, is_alike, reply_lines

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
_DRAWINGS = frozenset({"Line", "PolyLine", "Stamp", "FileAttachment", "Redact", "Sound"})
"""Notes if somebody added text to them, otherwise only drawings."""
_NOT_BY_A_READER = frozenset({"", "Link", "Popup", "Widget"})
"""Parts of the document, and the window of a comment, which is an annotation of its own."""
_MARGIN = 8.0
"""Points around a pen drawing, to show what a ring or a stroke was drawn at."""
HIDDEN = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW

_LEAST_NAME = 12
"""Characters of a /NM that identifies a mark, at least."""

Reference = tuple[int, int]
"""Page and number on it."""


_INSTRUCTS = regex(r"(?i)\s*(?:[cq]:|\?|skip\b)")


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
    """Whether it is a state set in Acrobat (accepted, completed …), which only links
    others."""

    @property
    def on_text(self) -> bool:
        """Whether it marks text."""
        return self.kind in ON_TEXT.values()

    @property
    def area(self) -> Box | None:
        """The area to show in its picture, None if it has no picture."""
        if self.box and self.kind is HighlightKind.INK:
            left, bottom, right, top = self.box
            return (left - _MARGIN, bottom - _MARGIN, right + _MARGIN, top + _MARGIN)
        return self.box if self.kind is HighlightKind.IMAGE else None

    def comment_on(self, exact: str) -> str:
        """Return the comment, unless it only repeats the marked words and is no instruction."""
        if not exact or _INSTRUCTS.match(self.comment):
            return self.comment
        if asks(self.comment) and not asks(exact):
            return self.comment
        return "" if is_alike(self.comment, exact) else self.comment

    def hints(self, names: Collection[str]) -> Iterator[Hint]:
        """Yield further hints to its identity: its key of Zotero, a strong name, page and box."""
        if self.zotero:
            yield hints.zotero_annotation(self.zotero)
        if self.name and self.name in names:
            yield hints.pdf_annotation(self.name)
        if self.box:
            yield hints.position(self.page, self.box)


class Annotations(NamedTuple):
    """The annotations of a file."""

    marks: list[Annotation]
    """In the order of the file, replies merged."""
    hidden: int
    """How many the file hides: often they were deleted."""
    left_out: tuple[LeftOut, ...]


_HIDDEN = "the file hides it: often it was deleted"
_STATE = (
    "it is a state that was set in Acrobat, such as Accepted, and says nothing itself"
)


def read_annotations(pages: Iterable[PdfPage | None]) -> Annotations:
    """Return the annotations of a file. Their appearances are removed in memory."""
    annotations: list[Annotation] = []
    left_out: list[LeftOut] = []
    for number, page in enumerate(pages):
        if not page:
            continue
        for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
            with annotation_at(page, index) as entry:
                mark = _annotation(page, entry, (number, index)) if entry else None
            if isinstance(mark, LeftOut):
                left_out.append(mark)
            elif mark:
                annotations.append(mark)
    hidden = 0
    for annotation in annotations:
        if annotation.hidden and not annotation.state and annotation.parent is None:
            hidden += 1
        if annotation.hidden or annotation.state:
            reason = _STATE if annotation.state else _HIDDEN
            place = f"page {annotation.page + 1}"
            left_out.append(LeftOut(annotation.kind.value, place, reason))
    return Annotations(_threaded(annotations), hidden, tuple(left_out))


_WEAK = regex(r"(?i)fitz-|annot-|highlight-|id|zotero-|\d+$")


def strong_names(annotations: Iterable[Annotation]) -> set[str]:
    """Return the /NM values that identify a mark: long, unique, no mere counters."""
    counts = Counter(annotation.name for annotation in annotations)
    strong = set()
    for name, count in counts.items():
        if count == 1 and len(name) >= _LEAST_NAME and not _WEAK.match(name):
            strong.add(name)
    return strong


# --- one annotation ---------------------------------------------------------------------

_ZOTERO_NAME = regex(r"Zotero-([A-Z0-9]{8})$")
_ZOTERO_KEY = regex(r"\(?([A-Z0-9]{8})\)?$")


@contextmanager
def annotation_at(page: PdfPage, index: int) -> Iterator[Any]:
    """Open the annotation with this index, None if there is none."""
    entry = pdfium_c.FPDFPage_GetAnnot(page, index)
    yield entry
    if entry:
        pdfium_c.FPDFPage_CloseAnnot(entry)


def _annotation(
    page: PdfPage,
    entry: Any,
    reference: Reference,
) -> Annotation | LeftOut | None:
    """Return an annotation of a page, None if it is a part of the document."""
    subtype = _text(entry, b"Subtype")
    kind = KINDS.get(subtype)
    page_number, _ = reference
    place = f"page {page_number + 1}"
    if subtype in _NOT_BY_A_READER:
        return None
    if kind is None and subtype not in _DRAWINGS:
        return LeftOut(subtype, place, "annotations of this kind are not read")
    contents = _contents(entry)
    if kind is None and not contents:
        reason = "it is a drawing or a file to which no words belong"
        if subtype == "Redact":
            reason = "it says what is to be made unreadable, and is not a mark"
        return LeftOut(subtype, place, reason)
    name = one_line(_text(entry, b"NM"))
    zotero_key = _ZOTERO_KEY.match(_text(entry, b"Zotero:Key"))
    if not zotero_key:
        zotero_key = _ZOTERO_NAME.match(name)
    return Annotation(
        page=page_number,
        kind=kind or HighlightKind.NOTE,
        box=_rectangle(entry),
        points=tuple(_corners(entry)) if subtype in ON_TEXT else (),
        contents=contents,
        comment=contents,
        author=one_line(_text(entry, b"T")),
        colour=_colour(entry),
        name=name,
        zotero=zotero_key[1] if zotero_key else "",
        created=moment(_text(entry, b"CreationDate")),
        modified=moment(_text(entry, b"M")),
        reference=reference,
        parent=_parent(page, entry, page_number),
        grouped=_text(entry, b"RT") == "Group",
        hidden=bool(pdfium_c.FPDFAnnot_GetFlags(entry) & HIDDEN),
        state=bool(pdfium_c.FPDFAnnot_HasKey(entry, b"StateModel")),
    )


# --- the entries of an annotation -------------------------------------------------------


def _contents(entry: Any) -> str:
    """Return the words of an annotation, or else those of its rich text (XHTML).

    Nothing to which that refers is fetched.
    """
    contents = clean(_text(entry, b"Contents")).strip()
    if contents:
        return contents
    rich = _UNSEEN.sub("", _text(entry, b"RC"))
    words = _TAG.sub(lambda tag: "\n" if tag["end"] else "", rich)
    return clean(html.unescape(words)).strip()


def _parent(page: PdfPage, entry: Any, page_number: int) -> Reference | None:
    """Return the annotation of its page that an annotation answers or belongs to."""
    linked = pdfium_c.FPDFAnnot_GetLinkedAnnot(entry, b"IRT")
    if not linked:
        return None
    index = pdfium_c.FPDFPage_GetAnnotIndex(page, linked)
    pdfium_c.FPDFPage_CloseAnnot(linked)
    return (page_number, index) if index >= 0 else None


def _corners(entry: Any) -> Iterator[float]:
    """Yield the corners of all quads, eight numbers each."""
    quad = pdfium_c.FS_QUADPOINTSF()
    for number in range(pdfium_c.FPDFAnnot_CountAttachmentPoints(entry)):
        if pdfium_c.FPDFAnnot_GetAttachmentPoints(entry, number, byref(quad)):
            yield from (quad.x1, quad.y1, quad.x2, quad.y2)
            yield from (quad.x3, quad.y3, quad.x4, quad.y4)


def _rectangle(entry: Any) -> Box | None:
    """Return the rectangle, which may name any two opposite corners; None if it is none."""
    if not pdfium_c.FPDFAnnot_HasKey(entry, b"Rect"):
        return None
    rect = pdfium_c.FS_RECTF()
    pdfium_c.FPDFAnnot_GetRect(entry, byref(rect))
    left, right = sorted((rect.left, rect.right))
    bottom, top = sorted((rect.bottom, rect.top))
    box = (left, bottom, right, top)
    if not any(box) or not all(map(isfinite, box)):
        return None
    return box


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


def _colour(entry: Any) -> str:
    """Return `#rrggbb`, "" if there is no colour. PDFium rounds down.

    PDFium gives the colour only of an annotation without an appearance.
    """
    if not pdfium_c.FPDFAnnot_HasKey(entry, b"C"):
        return ""
    pdfium_c.FPDFAnnot_SetAP(entry, pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None)
    red = c_uint()
    green = c_uint()
    blue = c_uint()
    alpha = c_uint()
    pdfium_c.FPDFAnnot_GetColor(
        entry,
        pdfium_c.FPDFANNOT_COLORTYPE_Color,
        byref(red),
        byref(green),
        byref(blue),
        byref(alpha),
    )
    colour = f"#{red.value:02x}{green.value:02x}{blue.value:02x}"
    return colour if len(colour) == len("#rrggbb") else ""


_DATE = regex(
    r"(?a)(?:D:)?(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?"
    r"(?P<hour>\d\d)?(?P<minute>\d\d)?(?P<second>\d\d)?"
    r"(?:Z|(?P<sign>[+-])(?P<zone_hours>\d\d)'?(?P<zone_minutes>\d\d)?)?"
)
NEVER = datetime.min.replace(tzinfo=UTC)


def moment(date: str) -> datetime:
    """Parse a PDF date (§7.9.4) leniently, as UTC if it has no zone.

    `NEVER` if it is invalid.
    """
    match = _DATE.match(date.strip())
    if not match:
        return NEVER
    parts = match.groupdict(default="00")
    month = parts["month"].replace("00", "01")
    day = parts["day"].replace("00", "01")
    sign = match["sign"] or "+"
    with suppress(ValueError):
        return datetime.fromisoformat(
            f"{parts['year']}-{month}-{day}"
            f"T{parts['hour']}:{parts['minute']}:{parts['second']}"
            f"{sign}{parts['zone_hours']}:{parts['zone_minutes']}"
        )
    return NEVER


def iso(date: datetime) -> str:
    """Return a moment in ISO 8601, "" for `NEVER`."""
    return date.isoformat() if date > NEVER else ""


# --- threads ----------------------------------------------------------------------------


def _threaded(annotations: list[Annotation]) -> list[Annotation]:
    """Merge replies into the annotation they answer, and groups into one, in file order.

    A thread that consists only of hidden annotations and states is left out.
    """
    by_reference = {annotation.reference: annotation for annotation in annotations}
    threads: dict[Reference, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        # The annotation with which its thread begins: a mark on text is never just a reply.
        # In a circle, each is its own thread.
        head = annotation
        path = {annotation.reference}
        while head.parent and (head.grouped or not head.on_text):
            above = by_reference.get(head.parent)
            if above is None or above.reference in path:
                break
            head = above
            path.add(head.reference)
        thread = threads[head.reference]
        if not annotation.hidden and not annotation.state:
            thread.append(annotation)
    return [_merged(thread) for thread in threads.values() if thread]


def _merged(thread: list[Annotation]) -> Annotation:
    """Return the text mark of a group, with all comments of the thread by time."""
    roots = (annotation for annotation in thread if annotation.parent is None)
    root = next(roots, thread[0])
    group = [root]
    replies = []
    for annotation in thread:
        if annotation is root:
            continue
        if annotation.grouped:
            group.append(annotation)
        else:
            replies.append(annotation)
    replies.sort(
        key=lambda reply: reply.modified if reply.created == NEVER else reply.created
    )
    on_text = (annotation for annotation in group if annotation.on_text)
    head = next(on_text, root)
    contents = [annotation.contents for annotation in group if annotation.contents]
    lines = list(contents)
    for reply in replies:
        words = reply.contents
        if words and reply.author != root.author:
            words = reply_lines(reply.author, words)
        lines.append(words)
    return structs.replace(
        head,
        contents="\n".join(contents),
        comment="\n".join(filter(None, lines)),
    )


# --- marks that are drawn into a page -------------------------------------------------


DRAWN_INTO = (
    "it is part of the page and no annotation, as “Print to PDF” makes it: save or export the file"
    " with its annotations instead"
)
"""Why such a mark is not read."""
MOST_PAGES = 50
"""The pages of a file that are looked at."""
_MOST_OBJECTS = 5_000
# In points: a line of text is no higher, and a mark no narrower.
_HIGHEST = 40.0
_NARROWEST = 8.0
# Letters under a mark, at least.
_LEAST_LETTERS = 2
# Hues of yellow, in parts of the circle of colours.
_YELLOW = (0.11, 0.19)
_LEAST_SATURATION = 0.25
_LEAST_VALUE = 0.8


def has_drawn_marks(page: PdfPage, text: PdfTextPage) -> bool:
    """Return whether a page has a filled box in the colour of a marker on a line of its text."""
    left = c_float()
    bottom = c_float()
    right = c_float()
    top = c_float()
    edges = (left, bottom, right, top)
    count = min(pdfium_c.FPDFPage_CountObjects(page), _MOST_OBJECTS)
    for index in range(count):
        drawn = pdfium_c.FPDFPage_GetObject(page, index)
        is_marker = _is_marker(drawn)
        # how most programs flatten an annotation
        if pdfium_c.FPDFPageObj_GetType(drawn) == pdfium_c.FPDF_PAGEOBJ_FORM:
            parts = min(pdfium_c.FPDFFormObj_CountObjects(drawn), _MOST_OBJECTS)
            is_marker = 0 < parts <= 3 and all(
                _is_marker(pdfium_c.FPDFFormObj_GetObject(drawn, part), drawn)
                for part in range(parts)
            )
        if not is_marker:
            continue
        if not pdfium_c.FPDFPageObj_GetBounds(drawn, *map(byref, edges)):
            continue
        if not 0 < top.value - bottom.value <= _HIGHEST:
            continue
        if right.value - left.value < _NARROWEST:
            continue
        letters = pdfium_c.FPDFText_GetBoundedText(
            text, left.value, top.value, right.value, bottom.value, None, 0
        )
        if letters >= _LEAST_LETTERS:
            return True
    return False


def _is_marker(drawn: Any, around: Any = None) -> bool:
    """Return whether a shape is filled in the colour of a marker: yellow, or transparent."""
    if pdfium_c.FPDFPageObj_GetType(drawn) != pdfium_c.FPDF_PAGEOBJ_PATH:
        return False
    fill = c_int()
    stroke = c_int()
    pdfium_c.FPDFPath_GetDrawMode(drawn, byref(fill), byref(stroke))
    red = c_uint()
    green = c_uint()
    blue = c_uint()
    alpha = c_uint()
    colour = (red, green, blue, alpha)
    if not (fill.value and pdfium_c.FPDFPageObj_GetFillColor(drawn, *map(byref, colour))):
        return False
    hue, saturation, value = rgb_to_hsv(
        red.value / 255, green.value / 255, blue.value / 255
    )
    first, last = _YELLOW
    if saturation < _LEAST_SATURATION or value < _LEAST_VALUE:
        return False
    if first <= hue <= last:
        return True
    return bool(pdfium_c.FPDFPageObj_HasTransparency(around or drawn))
