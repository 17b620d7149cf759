"""The annotations of a file, replies merged: kinds, places, authors.

Programs write arbitrary values into PDFs: a value of the wrong type counts as missing.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ctypes import POINTER, byref, c_uint, cast, create_string_buffer
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage

from ankiforge.extract.pdf.text import clean, one_line
from ankiforge.extract.pdf.worker import Box
from ankiforge.model import HighlightKind

KINDS: Mapping[str, HighlightKind] = {
    "Highlight": HighlightKind.HIGHLIGHT,
    "Underline": HighlightKind.UNDERLINE,
    "Squiggly": HighlightKind.UNDERLINE,
    "StrikeOut": HighlightKind.STRIKE,
    "Text": HighlightKind.NOTE,
    "FreeText": HighlightKind.NOTE,
    "Caret": HighlightKind.NOTE,
    "Square": HighlightKind.IMAGE,
    "Circle": HighlightKind.IMAGE,
    "Polygon": HighlightKind.IMAGE,
    "Ink": HighlightKind.INK,
}
"""PDF 32000-1 §12.5.6; links, popups and widgets are not marks."""
DRAWINGS = frozenset({"Line", "PolyLine", "Stamp", "FileAttachment", "Redact", "Sound"})
"""Notes if somebody added text to them, otherwise only drawings."""
ON_TEXT = frozenset({HighlightKind.HIGHLIGHT, HighlightKind.UNDERLINE, HighlightKind.STRIKE})
MARGIN = 8.0
"""Points around a pen drawing, to show what a ring or a stroke was drawn at."""
HIDDEN = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
MOST = 20_000
"""Marks read per page, at most."""
DEEPEST = 4
"""Levels of nested forms that are searched for a picture."""

Reference = tuple[int, int]
"""Page and number on it."""


@dataclass(frozen=True, slots=True)
class Annotation:
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
    created: str
    modified: str
    """ISO 8601; "" if unknown."""
    dated: datetime
    """By which the replies of a thread are sorted."""
    area: Box | None
    """The area to show in its picture, None if it has no picture."""
    reference: Reference
    parent: Reference | None
    grouped: bool
    """Whether it is part of its parent (/RT /Group), not a reply to it."""
    hidden: bool
    state: bool
    """Whether it is a state set in Acrobat (accepted, completed …), which only links others."""


class Annotations(NamedTuple):
    """The annotations of a file."""

    found: list[Annotation]
    """In the order of the file."""
    crowded: tuple[int, ...]
    """Pages (from 0) with more than `MOST` annotations."""
    hidden: int
    """The number left out because the file hides them: often they were deleted."""


def read_annotations(pages: Iterable[PdfPage | None]) -> Annotations:
    """Read the annotations of every page. Their appearances are removed in memory."""
    found: list[Annotation] = []
    crowded: list[int] = []
    for number, page in enumerate(pages):
        marks = list(islice(of_page(number, page), MOST + 1)) if page else []
        found += marks[:MOST]
        crowded += [number] if len(marks) > MOST else []
    hidden = sum(one.hidden and not one.state and one.parent is None for one in found)
    return Annotations(found, tuple(crowded), hidden)


_WEAK = re.compile(r"fitz-|annot-|highlight-|id|zotero-|\d+$", re.IGNORECASE)


def strong_names(annotations: Iterable[Annotation]) -> set[str]:
    """Return the /NM values that identify a mark: long, unique, not counted up per session."""
    counts = Counter(one.name for one in annotations)
    return {
        name
        for name, count in counts.items()
        if count == 1 and len(name) >= 12 and not _WEAK.match(name)
    }


# --- one annotation -------------------------------------------------------------------------

_ZOTERO_NAME = re.compile(r"Zotero-([A-Z0-9]{8})$")
_ZOTERO_KEY = re.compile(r"\(?([A-Z0-9]{8})\)?$")


def of_page(number: int, page: PdfPage) -> Iterator[Annotation]:
    """Yield the marks among the annotations of a page."""
    for at in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        entry = pdfium_c.FPDFPage_GetAnnot(page, at)
        if entry:
            mark = _annotation(page, entry, (number, at))
            pdfium_c.FPDFPage_CloseAnnot(entry)
            if mark:
                yield mark


def _annotation(page: PdfPage, entry: Any, reference: Reference) -> Annotation | None:
    subtype = _text(entry, b"Subtype")
    kind = KINDS.get(subtype)
    if kind is None and subtype not in DRAWINGS:
        return None
    contents = clean(_text(entry, b"Contents")).strip()
    contents = contents or clean(_plain(_text(entry, b"RC"))).strip()
    if subtype in DRAWINGS:  # a stamp may be a pasted picture, or a text such as `approved`
        pasted = subtype == "Stamp" and _holds_picture(
            [
                pdfium_c.FPDFAnnot_GetObject(entry, at)
                for at in range(pdfium_c.FPDFAnnot_GetObjectCount(entry))
            ]
        )
        if not (pasted or contents):
            return None
        kind = HighlightKind.IMAGE if pasted else HighlightKind.NOTE
    assert kind is not None
    box = _box(entry)
    created, modified = moment(_text(entry, b"CreationDate")), moment(_text(entry, b"M"))
    name = one_line(_text(entry, b"NM"))
    zotero = _ZOTERO_KEY.match(_text(entry, b"Zotero:Key")) or _ZOTERO_NAME.match(name)
    area = box if kind in (HighlightKind.IMAGE, HighlightKind.INK) else None
    if area and kind is HighlightKind.INK:
        left, bottom, right, top = area
        area = (left - MARGIN, bottom - MARGIN, right + MARGIN, top + MARGIN)
    return Annotation(
        page=reference[0],
        kind=kind,
        box=box,
        points=_points(entry) if kind in ON_TEXT else (),
        contents=contents,
        comment=contents,
        author=one_line(_text(entry, b"T")),
        colour=_colour(entry),
        name=name,
        zotero=zotero[1] if zotero else "",
        created=_iso(created),
        modified=_iso(modified),
        dated=created if created > NEVER else modified,
        area=area,
        reference=reference,
        parent=_parent(page, entry, reference[0]),
        grouped=_text(entry, b"RT") == "Group",
        hidden=bool(pdfium_c.FPDFAnnot_GetFlags(entry) & HIDDEN),
        state=bool(pdfium_c.FPDFAnnot_HasKey(entry, b"StateModel")),
    )


def _parent(page: PdfPage, entry: Any, number: int) -> Reference | None:
    """Return the annotation on the same page that this one answers (/IRT)."""
    linked = pdfium_c.FPDFAnnot_GetLinkedAnnot(entry, b"IRT")
    if not linked:
        return None
    at = pdfium_c.FPDFPage_GetAnnotIndex(page, linked)
    pdfium_c.FPDFPage_CloseAnnot(linked)
    return (number, at) if at >= 0 else None


def _holds_picture(objects: list[Any], depth: int = DEEPEST) -> bool:
    kinds = [pdfium_c.FPDFPageObj_GetType(one) for one in objects]
    if pdfium_c.FPDF_PAGEOBJ_IMAGE in kinds:
        return True
    forms = [
        f for f, kind in zip(objects, kinds, strict=True) if kind == pdfium_c.FPDF_PAGEOBJ_FORM
    ]
    return depth > 0 and any(
        _holds_picture(
            [
                pdfium_c.FPDFFormObj_GetObject(form, at)
                for at in range(pdfium_c.FPDFFormObj_CountObjects(form))
            ],
            depth - 1,
        )
        for form in forms
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


_TAG = re.compile(r"<(?P<end>/p|br\s*/?)?[^<>]*>")
_UNSEEN = re.compile(r"<(style|script|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


def _plain(rich: str) -> str:
    """Return the text of a rich comment (XHTML); nothing it refers to is fetched."""
    seen = _UNSEEN.sub("", rich)
    return html.unescape(_TAG.sub(lambda tag: "\n" if tag["end"] else "", seen))


def _points(entry: Any) -> tuple[float, ...]:
    """Return the corners of all quads, eight numbers each."""
    points: list[float] = []
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


_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?", re.ASCII
)
NEVER = datetime.min.replace(tzinfo=UTC)


def moment(date: str) -> datetime:
    """Parse a PDF date (§7.9.4) leniently, as UTC if it has no zone; `NEVER` if it is invalid."""
    found = _DATE.match(date.strip())
    if not found:
        return NEVER
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    offset = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        zone = timezone(-offset if found[7] == "-" else offset) if offset else UTC
        local = datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=zone)
        local.astimezone(UTC)  # raises if UTC is out of range
    except (ValueError, OverflowError):
        return NEVER
    return local


def _iso(found: datetime) -> str:
    return found.isoformat() if found > NEVER else ""


# --- threads --------------------------------------------------------------------------------


def threaded(found: list[Annotation]) -> list[Annotation]:
    """Merge replies into the annotation they answer, and groups into one, in file order.

    A thread that consists only of hidden annotations and states is left out.
    """
    threads: dict[int, list[int]] = defaultdict(list)
    for at, head in enumerate(_heads(found)):
        threads[head].append(at)
    merged = []
    for members in threads.values():
        spoken = [one for at in members if not ((one := found[at]).hidden or one.state)]
        if spoken:
            merged.append(_merged(spoken))
    return merged


def _heads(found: list[Annotation]) -> list[int]:
    """Return the index of each annotation's thread: its first ancestor, or itself in a circle."""
    by_reference = {one.reference: at for at, one in enumerate(found)}
    heads: dict[int, int] = {}
    for at in range(len(found)):
        path, step, in_circle = {at: None}, at, False
        while step not in heads:
            one = found[step]
            alone = one.kind in ON_TEXT and not one.grouped  # a mark on text is never just a reply
            above = by_reference.get(one.parent) if one.parent and not alone else None
            if above is None or above in path:
                in_circle = above is not None
                break
            path[above] = None
            step = above
        heads |= {one: one if in_circle else heads.get(step, step) for one in path}
    return [heads[at] for at in range(len(found))]


def _merged(thread: list[Annotation]) -> Annotation:
    """Return the text mark of a group, with the comments of the whole thread sorted by time."""
    root = next((one for one in thread if one.parent is None), thread[0])
    others = [one for one in thread if one is not root]
    group = [root, *(one for one in others if one.grouped)]
    head = next((one for one in group if one.kind in ON_TEXT), root)
    lines = own = [one.contents for one in group if one.contents]
    for one in sorted(others, key=lambda one: one.dated):
        if one.contents and not one.grouped:
            author = f"{one.author}: " if one.author else ""
            lines = [*lines, f"— {author}{one.contents}"]
    return replace(head, contents="\n".join(own), comment="\n".join(lines))
