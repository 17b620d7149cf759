"""The annotations of a file, read with pypdf, replies merged: kinds, places, authors.

Programs write arbitrary values into PDFs: a value of the wrong type counts as missing.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from math import isfinite
from typing import Any, Literal, NamedTuple

from pypdf import PageObject, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from ankiforge.extract.pdf.file import FAULTS
from ankiforge.extract.pdf.text import clean, one_line
from ankiforge.extract.pdf.worker import Box
from ankiforge.model import HighlightKind

KINDS: Mapping[str, HighlightKind] = {
    "/Highlight": HighlightKind.HIGHLIGHT,
    "/Underline": HighlightKind.UNDERLINE,
    "/Squiggly": HighlightKind.UNDERLINE,
    "/StrikeOut": HighlightKind.STRIKE,
    "/Text": HighlightKind.NOTE,
    "/FreeText": HighlightKind.NOTE,
    "/Caret": HighlightKind.NOTE,
    "/Square": HighlightKind.IMAGE,
    "/Circle": HighlightKind.IMAGE,
    "/Polygon": HighlightKind.IMAGE,
    "/Ink": HighlightKind.INK,
}
"""PDF 32000-1 §12.5.6; links, popups and widgets are not marks."""
DRAWINGS = frozenset({"/Line", "/PolyLine", "/Stamp", "/FileAttachment", "/Redact", "/Sound"})
"""Notes if somebody added text to them, otherwise only drawings."""
ON_TEXT = frozenset({HighlightKind.HIGHLIGHT, HighlightKind.UNDERLINE, HighlightKind.STRIKE})
MARGIN = 8.0
"""Points around a pen drawing, to show what a ring or a stroke was drawn at."""
HIDDEN = 2 | 32
"""/F: Hidden, NoView (§12.5.3)."""
MOST = 20_000
"""Marks read per page, at most."""
MOST_NUMBERS = 160_000
"""Numbers read from one array, at most."""
DEEPEST = 4
"""Levels of nested forms that are searched for a picture."""
MOST_FORMS = 16
"""Pictures and forms examined per level, at most."""

Reference = tuple[int, int]
"""Number and generation of an object."""


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
    reference: Reference | None
    parent: Reference | None
    grouped: bool
    """Whether it is part of its parent (/RT /Group), not a reply to it."""
    hidden: bool
    state: bool
    """Whether it is a state set in Acrobat (accepted, completed …), which only links others."""


class Annotations(NamedTuple):
    """The annotations of a file, and the pages (from 0) on which some were left out."""

    found: list[Annotation]
    """In the order of the file."""
    damaged: tuple[int, ...]
    """Pages with annotations that cannot be read."""
    crowded: tuple[int, ...]
    """Pages with more than `MOST` annotations."""
    hidden: int
    """The number left out because the file hides them: often they were deleted."""


def read_annotations(reader: PdfReader) -> Annotations:
    """Read the annotations of every page."""
    found: list[Annotation] = []
    damaged: list[int] = []
    crowded: list[int] = []
    for number, page in enumerate(reader.pages):
        read = list(islice(of_page(number, page), MOST + 1))
        found += [one for one in read[:MOST] if one is not None]
        damaged += [number] if None in read else []
        crowded += [number] if len(read) > MOST else []
    hidden = sum(one.hidden and not one.state and one.parent is None for one in found)
    return Annotations(found, tuple(damaged), tuple(crowded), hidden)


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


def of_page(number: int, page: PageObject) -> Iterator[Annotation | None]:
    """Yield the marks among the annotations of a page, None for each that cannot be read."""
    try:
        array = page["/Annots"].get_object() if "/Annots" in page else None
    except FAULTS:
        yield None
        return
    for item in array if isinstance(array, ArrayObject) else ():
        try:
            entry = item.get_object()
            mark = isinstance(entry, DictionaryObject) and _annotation(number, entry, item)
        except FAULTS:
            mark = None
        if mark is not False:
            yield mark


_ZOTERO_NAME = re.compile(r"Zotero-([A-Z0-9]{8})$")
_ZOTERO_KEY = re.compile(r"\(?([A-Z0-9]{8})\)?$")


def _annotation(page: int, entry: DictionaryObject, item: Any) -> Annotation | Literal[False]:
    """Return the mark for an item of /Annots or its target, False if it is not a mark."""
    contents = (
        clean(_text(entry, "/Contents")).strip() or clean(_plain(_text(entry, "/RC"))).strip()
    )
    subtype = str(_get(entry, "/Subtype"))
    pasted = False  # a stamp may be a pasted picture, or a text such as `approved`
    with suppress(*FAULTS):
        look = _part(_get(entry, "/AP"), "/N") if subtype == "/Stamp" else None
        pasted = look is not None and _holds_picture(look, DEEPEST)
    if pasted:
        kind: HighlightKind | None = HighlightKind.IMAGE
    elif subtype in DRAWINGS and contents:
        kind = HighlightKind.NOTE
    else:
        kind = KINDS.get(subtype)
    if kind is None:
        return False
    flags, box = _get(entry, "/F"), _box(_get(entry, "/Rect"))
    created, modified = moment(_text(entry, "/CreationDate")), moment(_text(entry, "/M"))
    name = one_line(_text(entry, "/NM"))
    zotero = _ZOTERO_KEY.match(_text(entry, "/Zotero:Key")) or _ZOTERO_NAME.match(name)
    area = box if kind in (HighlightKind.IMAGE, HighlightKind.INK) else None
    if area and kind is HighlightKind.INK:
        left, bottom, right, top = area
        area = (left - MARGIN, bottom - MARGIN, right + MARGIN, top + MARGIN)
    return Annotation(
        page=page,
        kind=kind,
        box=box,
        points=_numbers(_get(entry, "/QuadPoints")),
        contents=contents,
        comment=contents,
        author=one_line(_text(entry, "/T")),
        colour=_colour(_numbers(_get(entry, "/C"))),
        name=name,
        zotero=zotero[1] if zotero else "",
        created=_iso(created),
        modified=_iso(modified),
        dated=created if created > NEVER else modified,
        area=area,
        reference=_reference(item),
        parent=_reference(entry.raw_get("/IRT")) if "/IRT" in entry else None,
        grouped=_get(entry, "/RT") == "/Group",
        hidden=isinstance(flags, int) and bool(flags & HIDDEN),
        state="/StateModel" in entry,
    )


def _reference(item: Any) -> Reference | None:
    return (item.idnum, item.generation) if isinstance(item, IndirectObject) else None


def _holds_picture(form: DictionaryObject, depth: int) -> bool:
    named = _part(_part(form, "/Resources"), "/XObject")
    shown = [one for name in islice(named or (), MOST_FORMS) if (one := _part(named, name))]
    if any(_get(one, "/Subtype") == "/Image" for one in shown):
        return True
    return depth > 0 and any(_holds_picture(one, depth - 1) for one in shown)


def _part(whole: Any, key: str) -> DictionaryObject | None:
    part = _get(whole, key) if isinstance(whole, DictionaryObject) else None
    return part if isinstance(part, DictionaryObject) else None


# --- the entries of an annotation -----------------------------------------------------------


def _get(entry: DictionaryObject, key: str) -> Any:
    """Return the value of a key with references resolved, None if there is none."""
    return entry[key].get_object() if key in entry else None


def _text(entry: DictionaryObject, key: str) -> str:
    """Return a string, or the text of a stream (used for long comments); "" for other values."""
    value = _get(entry, key)
    if isinstance(value, StreamObject):
        value = value.get_data()
    if isinstance(value, bytes):
        wide = value[:2] in (b"\xfe\xff", b"\xff\xfe")
        return value.decode("utf-16" if wide else "latin-1", "replace")
    return value if isinstance(value, str) else ""


_TAG = re.compile(r"<(?P<end>/p|br\s*/?)?[^<>]*>")
_UNSEEN = re.compile(r"<(style|script|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


def _plain(rich: str) -> str:
    """Return the text of a rich comment (XHTML); nothing it refers to is fetched."""
    seen = _UNSEEN.sub("", rich)
    return html.unescape(_TAG.sub(lambda tag: "\n" if tag["end"] else "", seen))


def _numbers(value: Any) -> tuple[float, ...]:
    """Return the numbers of an array; other values become infinite, so that positions stay."""

    def number(item: Any) -> float:
        try:
            return float(item.get_object())
        except (AttributeError, TypeError, ValueError, OverflowError):
            return float("inf")

    return tuple(map(number, value[:MOST_NUMBERS])) if isinstance(value, list) else ()


def _box(value: Any) -> Box | None:
    """Return a rectangle from any two of its opposite corners."""
    edges = _numbers(value)
    if len(edges) != 4 or not all(map(isfinite, edges)):
        return None
    (left, right), (bottom, top) = sorted(edges[0::2]), sorted(edges[1::2])
    return (left, bottom, right, top)


def _colour(parts: tuple[float, ...]) -> str:
    """Return `#rrggbb` for grey, RGB or CMYK, "" for anything else."""
    if not all(map(isfinite, parts)):
        return ""
    levels = [min(max(part, 0.0), 1.0) for part in parts]
    if len(levels) == 4:
        levels = [(1 - ink) * (1 - levels[3]) for ink in levels[:3]]
    if len(levels) == 1:
        levels *= 3
    return (
        "#" + "".join(f"{round(level * 255):02x}" for level in levels) if len(levels) == 3 else ""
    )


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

_CYCLE = -1


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
    """Return the index of each annotation's thread: its first ancestor, or itself in a cycle."""
    by_reference = {one.reference: at for at, one in enumerate(found) if one.reference}
    heads: dict[int, int] = {}
    for at in range(len(found)):
        path: list[int] = []
        step: int | None = at
        while step is not None and step not in heads:
            heads[step] = _CYCLE
            path.append(step)
            one = found[step]
            alone = one.kind in ON_TEXT and not one.grouped  # a mark on text is never just a reply
            step = by_reference.get(one.parent) if one.parent and not alone else None
        if path:
            heads |= dict.fromkeys(path, path[-1] if step is None else heads[step])
    return [at if heads[at] == _CYCLE else heads[at] for at in range(len(found))]


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
