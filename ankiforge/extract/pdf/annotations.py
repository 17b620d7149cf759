"""The annotations of a file as pypdf reads them: kinds, threads of replies, colours, dates."""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import isfinite
from typing import Any, Literal, NamedTuple

from pypdf import PageObject, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from ankiforge.domain import HighlightKind
from ankiforge.extract.pdf.faults import FAULTS
from ankiforge.extract.pdf.passages import Box
from ankiforge.extract.pdf.spelling import clean, one_line

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
    "/Ink": HighlightKind.INK,
}
"""PDF 32000-1 §12.5.6; links, popups and widgets are nobody's marks."""
DRAWINGS = frozenset({"/Line", "/PolyLine", "/Polygon", "/Stamp", "/FileAttachment"})
"""A remark if somebody wrote words to it, else only a drawing."""
ON_TEXT = frozenset({HighlightKind.HIGHLIGHT, HighlightKind.UNDERLINE, HighlightKind.STRIKE})

HIDDEN = 2 | 32
"""/F: Hidden, NoView (§12.5.3)."""
MOST = 20_000
"""Marks read per page."""

CIRCLE = -1
"""In the place of what a reply answers, while this is sought and where it goes in a circle."""

Reference = tuple[int, int]
"""Number and generation of an object."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation, its replies folded into the comment."""

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
    dated: datetime
    reference: Reference | None
    parent: Reference | None
    grouped: bool
    """Part of its parent (/RT /Group), not an answer to it."""


class Annotations(NamedTuple):
    """The marks of a file, and on which pages (from 0) some were left out."""

    found: list[Annotation]
    """All that are not hidden, in the order of the file."""
    damaged: tuple[int, ...]
    """Pages with annotations that cannot be read."""
    crowded: tuple[int, ...]
    """Pages with more than `MOST`."""


def read_annotations(reader: PdfReader) -> Annotations:
    """Read the annotations of every page."""
    found: list[Annotation] = []
    damaged: list[int] = []
    crowded: list[int] = []
    for number, page in enumerate(reader.pages):
        read = list(islice(_of_page(number, page), MOST + 1))
        found += [one for one in read[:MOST] if isinstance(one, Annotation)]
        damaged += [number] if None in read else []
        crowded += [number] if len(read) > MOST else []
    return Annotations(_threaded(found), tuple(damaged), tuple(crowded))


def strong_names(annotations: Iterable[Annotation]) -> set[str]:
    """The /NM that can tell a mark from all others: long, unique, not counted up per session."""
    counts = Counter(one.name for one in annotations)
    return {
        name
        for name, count in counts.items()
        if count == 1 and len(name) >= 12 and not _WEAK.match(name)
    }


_WEAK = re.compile(r"fitz-|annot-|highlight-|id|zotero-|\d+$", re.IGNORECASE)
_ZOTERO_NAME = re.compile(r"Zotero-([A-Z0-9]{8})$")
_ZOTERO_KEY = re.compile(r"\(?([A-Z0-9]{8})\)?$")


# --- one annotation -------------------------------------------------------------------------


def _of_page(number: int, page: PageObject) -> Iterator[Annotation | None]:
    """The marks of a page; None in the place of what cannot be read."""
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


def _reference(item: Any) -> Reference | None:
    return (item.idnum, item.generation) if isinstance(item, IndirectObject) else None


def _annotation(page: int, entry: DictionaryObject, item: Any) -> Annotation | Literal[False]:
    """The mark that an item of /Annots is or refers to; False if it is nobody's mark."""
    contents = clean(_text(entry, "/Contents") or _plain(_text(entry, "/RC"))).strip()
    kind = _kind(str(_get(entry, "/Subtype")), contents)
    flags = _get(entry, "/F")
    if kind is None or (isinstance(flags, int) and flags & HIDDEN) or "/StateModel" in entry:
        return False
    name = one_line(_text(entry, "/NM"))
    return Annotation(
        page=page,
        kind=kind,
        box=_box(_get(entry, "/Rect")),
        points=_numbers(_get(entry, "/QuadPoints")),
        contents=contents,
        comment=contents,
        author=one_line(_text(entry, "/T")),
        colour=_colour(_numbers(_get(entry, "/C"))),
        name=name,
        zotero=_zotero_key(_text(entry, "/Zotero:Key"), name),
        dated=moment(_text(entry, "/CreationDate") or _text(entry, "/M")),
        reference=_reference(item),
        parent=_reference(entry.raw_get("/IRT")) if "/IRT" in entry else None,
        grouped=_get(entry, "/RT") == "/Group",
    )


def _kind(subtype: str, contents: str) -> HighlightKind | None:
    if subtype in DRAWINGS and contents:
        return HighlightKind.NOTE
    return KINDS.get(subtype)


def _get(entry: DictionaryObject, key: str) -> Any:
    return entry[key].get_object() if key in entry else None


def _text(entry: DictionaryObject, key: str) -> str:
    value = _get(entry, key)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


_TAG = re.compile(r"<(?P<end>/p|br\s*/?)?[^<>]*>")


def _plain(rich: str) -> str:
    """The words of a rich text comment (XHTML); nothing it refers to is fetched."""
    return html.unescape(_TAG.sub(lambda tag: "\n" if tag["end"] else "", rich))


def _numbers(value: Any) -> tuple[float, ...]:
    """The numbers of an array; what is no number counts as infinite, to keep the places."""
    if not isinstance(value, list):
        return ()
    return tuple(_number(item) for item in value[: 8 * MOST])


def _number(item: Any) -> float:
    try:
        return float(item.get_object())
    except (AttributeError, TypeError, ValueError, OverflowError):
        return float("inf")


def _box(value: Any) -> Box | None:
    numbers = _numbers(value)
    if len(numbers) != 4 or not all(isfinite(number) for number in numbers):
        return None
    (left, right), (bottom, top) = sorted(numbers[0::2]), sorted(numbers[1::2])
    return (left, bottom, right, top)


def _colour(parts: tuple[float, ...]) -> str:
    """`#rrggbb` of grey, RGB or CMYK; "" of anything else."""
    if not all(isfinite(part) for part in parts):
        return ""
    levels = [min(max(part, 0.0), 1.0) for part in parts]
    if len(levels) == 4:
        levels = [(1 - ink) * (1 - levels[3]) for ink in levels[:3]]
    if len(levels) == 1:
        levels *= 3
    return (
        "#" + "".join(f"{round(level * 255):02x}" for level in levels) if len(levels) == 3 else ""
    )


def _zotero_key(key: str, name: str) -> str:
    found = _ZOTERO_KEY.match(key) or _ZOTERO_NAME.match(name)
    return found[1] if found else ""


_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?", re.ASCII
)
NEVER = datetime.min.replace(tzinfo=UTC)


def moment(date: str) -> datetime:
    """The moment of a PDF date (§7.9.4), leniently; the beginning of time if it is none."""
    found = _DATE.match(date.strip())
    if not found:
        return NEVER
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    away = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        local = datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=UTC)
        return local + away if found[7] == "-" else local - away
    except (ValueError, OverflowError):
        return NEVER


# --- threads --------------------------------------------------------------------------------


def _threaded(found: list[Annotation]) -> list[Annotation]:
    """Replies become part of what they answer; groups become one."""
    threads: dict[int, list[int]] = defaultdict(list)
    for at, head in enumerate(_heads(found)):
        threads[head].append(at)
    return [_merged([found[at] for at in members]) for members in threads.values()]


def _heads(found: list[Annotation]) -> list[int]:
    """What each answers in the end; itself if it answers nothing, or goes in a circle."""
    by_reference = {one.reference: at for at, one in enumerate(found) if one.reference}
    heads: dict[int, int] = {}
    for at in range(len(found)):
        path: list[int] = []
        step: int | None = at
        while step is not None and step not in heads:
            heads[step] = CIRCLE
            path.append(step)
            step = _parent(found[step], by_reference)
        if path:
            heads |= dict.fromkeys(path, path[-1] if step is None else heads[step])
    return [at if heads[at] == CIRCLE else heads[at] for at in range(len(found))]


def _parent(one: Annotation, by_reference: Mapping[Reference, int]) -> int | None:
    """A passage marked on its own is never a mere reply."""
    if one.parent is None or (one.kind in ON_TEXT and not one.grouped):
        return None
    return by_reference.get(one.parent)


def _merged(thread: list[Annotation]) -> Annotation:
    """One annotation of a thread: the passage of the group, the words of all in order of time."""
    root = next((one for one in thread if one.parent is None), thread[0])
    others = [one for one in thread if one is not root]
    group = [root, *(one for one in others if one.grouped)]
    head = next((one for one in group if one.kind in ON_TEXT), root)
    own = [one.contents for one in group if one.contents]
    replies = sorted(
        (one for one in others if one.contents and not one.grouped), key=lambda one: one.dated
    )
    said = [
        f"— {one.author}: {one.contents}" if one.author else f"— {one.contents}" for one in replies
    ]
    return replace(head, contents="\n".join(own), comment="\n".join([*own, *said]))
