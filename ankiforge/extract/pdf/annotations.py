"""Read the annotations in a PDF, and merge each thread of replies into a single annotation.

Since programs write arbitrary values into PDFs, values of the wrong type are treated as missing.
"""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ctypes import POINTER, byref, c_uint, cast, create_string_buffer
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from msgspec import structs
from pypdfium2 import PdfPage

from ankiforge.extract.cleaning import clean_text, to_one_line
from ankiforge.extract.pdf.boxes import Box, grow_box, is_finite_box, join_boxes
from ankiforge.model import HighlightKind, Hint, SkippedText, Value, hints
from ankiforge.text import regex
from ankiforge.text.comment_questions import (
    format_reply,
    has_question_mark,
    is_nearly_same_text,
)

TEXT_MARK_KINDS = {
    "Highlight": HighlightKind.HIGHLIGHT,
    "Underline": HighlightKind.UNDERLINE,
    "Squiggly": HighlightKind.UNDERLINE,
    "StrikeOut": HighlightKind.STRIKE,
}
MARK_KINDS = {
    **TEXT_MARK_KINDS,
    **dict.fromkeys(("Text", "FreeText", "Caret"), HighlightKind.NOTE),
    **dict.fromkeys(("Square", "Circle", "Polygon"), HighlightKind.IMAGE),
    "Ink": HighlightKind.INK,
}
"""Maps each annotation subtype (PDF 32000-1 §12.5.6) to the kind of highlight it becomes."""
_DRAWINGS = frozenset({"Line", "PolyLine", "Stamp", "FileAttachment", "Redact", "Sound"})
"""Subtypes that are read as notes if they contain text, and skipped otherwise."""
_NOT_MARKS = frozenset({"", "Link", "Popup", "Widget"})
"""Subtypes that are ignored. Links and widgets are part of the document, and the text of a popup
belongs to another annotation.
"""
_INK_MARGIN = 8.0
"""The margin around a pen drawing, in points, so that its picture includes the text or figure that
the user circled or crossed out.
"""
HIDDEN_FLAGS = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW

_MIN_NAME_LENGTH = 12
"""The minimum length of a /NM value for it to identify a mark."""

AnnotationIndex = tuple[int, int]
"""(page number, index of the annotation on that page), both from 0."""


_INSTRUCTION = regex(r"(?i)\s*(?:[cq]:|\?|skip\b)")


class Annotation(Value):
    """An annotation in a PDF."""

    page: int
    """The page number, from 0."""
    kind: HighlightKind
    box: Box | None
    quad_points: tuple[float, ...]
    """The numbers in /QuadPoints: eight for each quadrilateral of marked text."""
    contents: str
    comment: str
    """The contents, followed by the replies once threads have been merged."""
    author: str
    colour: str
    name: str
    """The value of /NM, an identifier assigned by the program that created the annotation."""
    zotero_key: str | None
    """The key that Zotero gave the annotation when it exported it, or None."""
    created: datetime
    modified: datetime
    reference: AnnotationIndex
    parent: AnnotationIndex | None
    """The annotation that this one replies to or is grouped with, or None."""
    is_grouped: bool
    """Whether the annotation belongs to the same group as its parent (/RT /Group), rather than
    being a reply to it.
    """
    is_hidden: bool
    is_text_box: bool
    """Whether the user typed the text anywhere on the page (/FreeText)."""
    is_review_state: bool
    """Whether the annotation only sets a review state in Acrobat, such as Accepted or Completed.
    Such annotations are only kept to link replies to their root annotation.
    """

    @property
    def skip_reason(self) -> str | None:
        """The reason why this annotation is not treated as a mark, or None if it is one."""
        if self.is_review_state:
            return _STATE_REASON
        if self.is_hidden:
            return _HIDDEN_REASON
        return None

    @property
    def is_hidden_mark(self) -> bool:
        """Whether the file hides the annotation, and it is neither a reply nor in a group."""
        return self.skip_reason == _HIDDEN_REASON and self.parent is None

    @property
    def is_text_mark(self) -> bool:
        """Whether the annotation highlights, underlines or strikes out text."""
        return self.kind in TEXT_MARK_KINDS.values()

    @property
    def top_left(self) -> tuple[float, float]:
        """The left and the top edge of the box, or (0, 0) without a box."""
        if self.box is None:
            return 0.0, 0.0
        left, _, _, top = self.box
        return left, top

    @property
    def picture_area(self) -> Box | None:
        """The area of the page to cut out as a picture, or None if no picture is needed."""
        if self.kind is HighlightKind.IMAGE:
            return self.box
        if self.kind is HighlightKind.INK and self.box is not None:
            return grow_box(self.box, _INK_MARGIN)
        return None

    def get_distinct_comment(self, exact: str) -> str:
        """Return the comment, or "" if it merely repeats the highlighted text `exact`.

        An instruction such as `skip` is always returned. A question is, too, unless the highlighted
        text also contains a question.
        """
        if not exact or _INSTRUCTION.match(self.comment):
            return self.comment
        if has_question_mark(self.comment) and not has_question_mark(exact):
            return self.comment
        if is_nearly_same_text(self.comment, exact):
            return ""
        return self.comment

    def iter_identity_hints(self, identifying_names: Collection[str]) -> Iterator[Hint]:
        """Yield hints by which the annotation can be recognised after its text has changed.

        These are its key in Zotero, its name (/NM) if that is one of `identifying_names`, and its
        position.
        """
        if self.zotero_key is not None:
            yield hints.make_zotero_hint(self.zotero_key)
        if self.name in identifying_names:
            yield hints.make_pdf_name_hint(self.name)
        if self.box is not None:
            yield hints.make_position_hint(self.page, self.box)


class Annotations(NamedTuple):
    """The annotations in a PDF, as returned by `read_annotations`."""

    marks: list[Annotation]
    """The marks in file order, with replies merged into them."""
    hidden_count: int
    """The number of hidden annotations, excluding replies. Many programs hide an annotation when
    the user deletes it.
    """
    left_out: tuple[SkippedText, ...]
    """The annotations that aren't read although they may look like marks, with the reasons."""


_HIDDEN_REASON = "the file hides it: often it was deleted"
_STATE_REASON = (
    "it is a review status set in Acrobat, such as Accepted, without text of its own"
)


def read_annotations(pages: Iterable[PdfPage | None]) -> Annotations:
    """Read all annotations in a PDF.

    `pages` contains None in place of an unreadable page. As a side effect, the appearance streams
    of coloured annotations are removed in memory, because PDFium only returns the colour of an
    annotation that has no appearance stream.
    """
    annotations: list[Annotation] = []
    left_out: list[SkippedText] = []
    for result in _iter_annotations(pages):
        if isinstance(result, SkippedText):
            left_out.append(result)
        else:
            annotations.append(result)
    for annotation in annotations:
        reason = annotation.skip_reason
        if reason is not None:
            page_name = f"page {annotation.page + 1}"
            left_out.append(SkippedText(annotation.kind.value, page_name, reason))
    hidden_count = sum(annotation.is_hidden_mark for annotation in annotations)
    marks = _merge_strokes(_merge_threads(annotations))
    return Annotations(marks, hidden_count, tuple(left_out))


def _iter_annotations(
    pages: Iterable[PdfPage | None],
) -> Iterator[Annotation | SkippedText]:
    """Yield the annotations on all pages, and the reason for each one that isn't read."""
    for page_number, page in enumerate(pages):
        if page is None:
            continue
        for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
            with open_annotation(page, index) as handle:
                if not handle:
                    continue
                result = _read_annotation(page, handle, (page_number, index))
            if result is not None:
                yield result


_WEAK_NAME = regex(r"(?i)fitz-|annot-|highlight-|id|zotero-|\d+$")


def find_identifying_names(annotations: Iterable[Annotation]) -> set[str]:
    """Return the names (/NM) that identify an annotation: long, unique, and not a mere counter."""
    counts = Counter(annotation.name for annotation in annotations)
    names = set()
    for name, count in counts.items():
        is_counter = _WEAK_NAME.match(name) is not None
        if count == 1 and len(name) >= _MIN_NAME_LENGTH and not is_counter:
            names.add(name)
    return names


# --- one annotation ---------------------------------------------------------------------

_ZOTERO_NAME = regex(r"Zotero-([A-Z0-9]{8})$")
_ZOTERO_KEY = regex(r"\(?([A-Z0-9]{8})\)?$")


@contextmanager
def open_annotation(page: PdfPage, index: int) -> Iterator[Any]:
    """Context manager that yields an annotation's handle, or None if PDFium can't open it."""
    handle = pdfium_c.FPDFPage_GetAnnot(page, index)
    yield handle
    if handle:
        pdfium_c.FPDFPage_CloseAnnot(handle)


def _read_annotation(
    page: PdfPage,
    handle: Any,
    reference: AnnotationIndex,
) -> Annotation | SkippedText | None:
    """Read one annotation.

    Returns:
        The annotation, or a `SkippedText` with the reason for skipping it. None if it is part of
            the document itself, such as a link.
    """
    subtype = _read_string(handle, b"Subtype")
    if subtype in _NOT_MARKS:
        return None
    page_number, _ = reference
    contents = _read_contents(handle)
    if not _is_mark(subtype, contents):
        reason = _explain_skipped_subtype(subtype)
        return SkippedText(subtype, f"page {page_number + 1}", reason)
    name = to_one_line(_read_string(handle, b"NM"))
    quad_points: tuple[float, ...] = ()
    if subtype in TEXT_MARK_KINDS:
        quad_points = tuple(_iter_quad_points(handle))
    return Annotation(
        page=page_number,
        kind=MARK_KINDS.get(subtype, HighlightKind.NOTE),
        box=_read_rect(handle),
        quad_points=quad_points,
        contents=contents,
        comment=contents,
        author=to_one_line(_read_string(handle, b"T")),
        colour=_read_colour(handle),
        name=name,
        zotero_key=_find_zotero_key(handle, name),
        created=parse_date(_read_string(handle, b"CreationDate")),
        modified=parse_date(_read_string(handle, b"M")),
        reference=reference,
        parent=_find_parent(page, handle, page_number),
        is_grouped=_read_string(handle, b"RT") == "Group",
        is_hidden=bool(pdfium_c.FPDFAnnot_GetFlags(handle) & HIDDEN_FLAGS),
        is_text_box=subtype == "FreeText",
        is_review_state=bool(pdfium_c.FPDFAnnot_HasKey(handle, b"StateModel")),
    )


def _is_mark(subtype: str, contents: str) -> bool:
    """Return whether an annotation is read. A drawing is, if it has text."""
    if subtype in _DRAWINGS:
        return contents != ""
    return subtype in MARK_KINDS


def _explain_skipped_subtype(subtype: str) -> str:
    """Return why an annotation that isn't a mark, or a drawing without text, isn't read."""
    if subtype not in _DRAWINGS:
        return "annotations of this kind are not read"
    if subtype == "Redact":
        return "it is a redaction, not a mark"
    return "it is a drawing or an attached file, without text"


# --- the entries of an annotation -------------------------------------------------------


def _read_contents(handle: Any) -> str:
    """Return the text of an annotation: its plain text or, if it has none, that of its XHTML.

    External resources that the XHTML refers to are never fetched.
    """
    contents = clean_text(_read_string(handle, b"Contents")).strip()
    if contents:
        return contents
    rich_text = _INVISIBLE_ELEMENT.sub("", _read_string(handle, b"RC"))
    plain_text = _TAG.sub(lambda tag: "\n" if tag["end"] else "", rich_text)
    return clean_text(html.unescape(plain_text)).strip()


def _iter_quad_points(handle: Any) -> Iterator[float]:
    """Yield eight numbers for each quadrilateral of marked text."""
    quad = pdfium_c.FS_QUADPOINTSF()
    for index in range(pdfium_c.FPDFAnnot_CountAttachmentPoints(handle)):
        if pdfium_c.FPDFAnnot_GetAttachmentPoints(handle, index, byref(quad)):
            yield from (quad.x1, quad.y1, quad.x2, quad.y2)
            yield from (quad.x3, quad.y3, quad.x4, quad.y4)


def _find_zotero_key(handle: Any, name: str) -> str | None:
    """Return the key that Zotero gave an annotation that it exported, or None for any other one."""
    key = _ZOTERO_KEY.match(_read_string(handle, b"Zotero:Key"))
    key = key or _ZOTERO_NAME.match(name)
    return None if key is None else key[1]


def _find_parent(page: PdfPage, handle: Any, page_number: int) -> AnnotationIndex | None:
    """Return the annotation that this one replies to or is grouped with, or None."""
    parent_handle = pdfium_c.FPDFAnnot_GetLinkedAnnot(handle, b"IRT")
    if not parent_handle:
        return None
    index = pdfium_c.FPDFPage_GetAnnotIndex(page, parent_handle)
    pdfium_c.FPDFPage_CloseAnnot(parent_handle)
    if index < 0:
        return None
    return page_number, index


def _read_rect(handle: Any) -> Box | None:
    if not pdfium_c.FPDFAnnot_HasKey(handle, b"Rect"):
        return None
    rect = pdfium_c.FS_RECTF()
    pdfium_c.FPDFAnnot_GetRect(handle, byref(rect))
    left, right = sorted((rect.left, rect.right))
    bottom, top = sorted((rect.bottom, rect.top))
    box = (left, bottom, right, top)
    if not any(box) or not is_finite_box(box):
        return None
    return box


def _read_string(handle: Any, key: bytes) -> str:
    length = pdfium_c.FPDFAnnot_GetStringValue(handle, key, None, 0)
    if length <= 2:
        return ""
    buffer = create_string_buffer(length)
    wide_buffer = cast(buffer, POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAnnot_GetStringValue(handle, key, wide_buffer, length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")


_TAG = regex(r"<(?P<end>/p|br\s*/?)?[^<>]*>")
_INVISIBLE_ELEMENT = regex(r"(?is)<(style|script|head)\b.*?</\1\s*>")


_MAX_COLOUR_VALUE = 255


def _read_colour(handle: Any) -> str:
    """Return the colour of an annotation as `#rrggbb`, or "" if it has none.

    The appearance stream is removed in memory, because PDFium only returns the colour of an
    annotation that has none. Each component is rounded down.
    """
    if not pdfium_c.FPDFAnnot_HasKey(handle, b"C"):
        return ""
    pdfium_c.FPDFAnnot_SetAP(handle, pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None)
    red, green, blue, opacity = c_uint(), c_uint(), c_uint(), c_uint()
    pdfium_c.FPDFAnnot_GetColor(
        handle,
        pdfium_c.FPDFANNOT_COLORTYPE_Color,
        byref(red),
        byref(green),
        byref(blue),
        byref(opacity),
    )
    if max(red.value, green.value, blue.value) > _MAX_COLOUR_VALUE:
        return ""
    return f"#{red.value:02x}{green.value:02x}{blue.value:02x}"


_DATE = regex(
    r"(?a)(?:D:)?(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?"
    r"(?P<hour>\d\d)?(?P<minute>\d\d)?(?P<second>\d\d)?"
    r"(?:Z|(?P<sign>[+-])(?P<zone_hours>\d\d)'?(?P<zone_minutes>\d\d)?)?"
)
NEVER = datetime.min.replace(tzinfo=UTC)


def parse_date(date: str) -> datetime:
    """Parse a date in a PDF (PDF 32000-1 §7.9.4), or return `NEVER` if it is invalid.

    Missing parts are allowed. A date without a time zone is assumed to be in UTC.
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


def format_date(date: datetime) -> str:
    """Format a date in ISO 8601, or return "" for `NEVER`."""
    return date.isoformat() if date > NEVER else ""


# --- threads ----------------------------------------------------------------------------


def _merge_threads(annotations: list[Annotation]) -> list[Annotation]:
    """Merge each thread into one annotation, in the order of the first annotations in the file.

    A thread consists of a root annotation, the annotations grouped with it, and replies. It is
    dropped if it contains only hidden annotations and review states.
    """
    by_reference = {annotation.reference: annotation for annotation in annotations}
    threads: dict[AnnotationIndex, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        thread = threads[_find_thread_start(annotation, by_reference).reference]
        if annotation.skip_reason is None:
            thread.append(annotation)
    return [_merge_thread(thread) for thread in threads.values() if thread]


def _find_thread_start(
    annotation: Annotation, by_reference: Mapping[AnnotationIndex, Annotation]
) -> Annotation:
    """Return the first annotation of a thread, or the last one before a cycle of references.

    A text mark always starts a thread, unless it is part of a group.
    """
    start = annotation
    visited = {start.reference}
    while start.parent is not None and (start.is_grouped or not start.is_text_mark):
        parent = by_reference.get(start.parent)
        if parent is None or parent.reference in visited:
            break
        start = parent
        visited.add(start.reference)
    return start


def _merge_thread(thread: list[Annotation]) -> Annotation:
    """Merge a thread into its text mark or, if it has none, into its root annotation.

    The merged comment consists of the contents of the group, followed by the replies in
    chronological order.
    """
    root = next((each for each in thread if each.parent is None), thread[0])
    group = [root]
    replies = []
    for annotation in thread:
        if annotation is root:
            continue
        if annotation.is_grouped:
            group.append(annotation)
        else:
            replies.append(annotation)
    replies.sort(key=_get_date)

    group_texts = [annotation.contents for annotation in group if annotation.contents]
    reply_texts = [_format_reply_to(root, reply) for reply in replies if reply.contents]
    merged = next((each for each in group if each.is_text_mark), root)
    return structs.replace(
        merged,
        contents="\n".join(group_texts),
        comment="\n".join(group_texts + reply_texts),
    )


def _format_reply_to(root: Annotation, reply: Annotation) -> str:
    """Return the text of a reply, with its author if somebody else made the root annotation."""
    if reply.author == root.author:
        return reply.contents
    return format_reply(reply.author, reply.contents)


def _get_date(reply: Annotation) -> datetime:
    return reply.modified if reply.created == NEVER else reply.created


def _merge_strokes(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Merge the pen strokes on each page into one annotation, except strokes with a comment."""
    merged: list[Annotation] = []
    index_by_page: dict[int, int] = {}
    """The index of the strokes of each page in `merged`."""
    for annotation in annotations:
        box = annotation.box
        is_stroke = annotation.kind is HighlightKind.INK and not annotation.comment
        if not is_stroke or box is None:
            merged.append(annotation)
            continue
        index = index_by_page.get(annotation.page)
        if index is None:  # the first stroke of the page
            index_by_page[annotation.page] = len(merged)
            merged.append(annotation)
            continue
        strokes = merged[index]
        area = join_boxes([strokes.box or box, box])
        merged[index] = structs.replace(strokes, box=area)
    return merged
