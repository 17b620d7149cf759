"""The annotations of a file as pypdf reads them: kinds, places, names, who says what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

from pypdf import PageObject, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from ankiforge.extract.pdf import entries
from ankiforge.extract.pdf.entries import get
from ankiforge.extract.pdf.faults import FAULTS
from ankiforge.extract.pdf.passages import Box
from ankiforge.extract.pdf.spelling import clean, one_line
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
"""PDF 32000-1 §12.5.6; links, popups and widgets are nobody's marks."""
DRAWINGS = frozenset({"/Line", "/PolyLine", "/Stamp", "/FileAttachment", "/Redact", "/Sound"})
"""A remark if somebody wrote words to it, else only a drawing."""
MARGIN = 8.0
"""Points around what was drawn by hand: a ring or a stroke is drawn at something."""
ON_TEXT = frozenset({HighlightKind.HIGHLIGHT, HighlightKind.UNDERLINE, HighlightKind.STRIKE})

HIDDEN = 2 | 32
"""/F: Hidden, NoView (§12.5.3)."""
MOST = 20_000
"""Marks read per page."""

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
    created: str
    modified: str
    """ISO 8601; "" where it is not told."""
    dated: datetime
    """For the order of a thread."""
    area: Box | None
    """What its picture shows; None if it is none."""
    reference: Reference | None
    parent: Reference | None
    grouped: bool
    """Part of its parent (/RT /Group), not an answer to it."""
    hidden: bool
    state: bool
    """Set in Acrobat (accepted, completed …); like what is hidden it says nothing."""

    @property
    def silent(self) -> bool:
        """Whether it is but a link between others in their thread."""
        return self.hidden or self.state


class Annotations(NamedTuple):
    """The marks of a file, and on which pages (from 0) some were left out."""

    found: list[Annotation]
    """In the order of the file."""
    damaged: tuple[int, ...]
    """Pages with annotations that cannot be read."""
    crowded: tuple[int, ...]
    """Pages with more than `MOST`."""
    hidden: int
    """How many were left out because the file hides them: often deleted ones."""


def read_annotations(reader: PdfReader) -> Annotations:
    """Read the annotations of every page, each by itself."""
    found: list[Annotation] = []
    damaged: list[int] = []
    crowded: list[int] = []
    for number, page in enumerate(reader.pages):
        read = list(islice(of_page(number, page), MOST + 1))
        found += [one for one in read[:MOST] if isinstance(one, Annotation)]
        damaged += [number] if None in read else []
        crowded += [number] if len(read) > MOST else []
    hidden = sum(one.hidden and not one.state and one.parent is None for one in found)
    return Annotations(found, tuple(damaged), tuple(crowded), hidden)


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


def of_page(number: int, page: PageObject) -> Iterator[Annotation | None]:
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
    contents = _words(entry)
    kind = _kind(entry, contents)
    if kind is None:
        return False
    flags, box = get(entry, "/F"), entries.box(get(entry, "/Rect"))
    created, modified = (entries.text(entry, key) for key in ("/CreationDate", "/M"))
    name = one_line(entries.text(entry, "/NM"))
    return Annotation(
        page=page,
        kind=kind,
        box=box,
        points=entries.numbers(get(entry, "/QuadPoints")),
        contents=contents,
        comment=contents,
        author=one_line(entries.text(entry, "/T")),
        colour=entries.colour(entries.numbers(get(entry, "/C"))),
        name=name,
        zotero=_zotero_key(entries.text(entry, "/Zotero:Key"), name),
        created=entries.iso(created),
        modified=entries.iso(modified),
        dated=entries.moment(created if entries.iso(created) else modified),
        area=_area(kind, box),
        reference=_reference(item),
        parent=_reference(entry.raw_get("/IRT")) if "/IRT" in entry else None,
        grouped=get(entry, "/RT") == "/Group",
        hidden=isinstance(flags, int) and bool(flags & HIDDEN),
        state="/StateModel" in entry,
    )


def _words(entry: DictionaryObject) -> str:
    """What somebody wrote to it, plain or else rich."""
    said = clean(entries.text(entry, "/Contents")).strip()
    return said or clean(entries.plain(entries.text(entry, "/RC"))).strip()


def _kind(entry: DictionaryObject, contents: str) -> HighlightKind | None:
    subtype = str(get(entry, "/Subtype"))
    if subtype == "/Stamp" and _shows_picture(entry):
        return HighlightKind.IMAGE
    if subtype in DRAWINGS and contents:
        return HighlightKind.NOTE
    return KINDS.get(subtype)


def _zotero_key(key: str, name: str) -> str:
    found = _ZOTERO_KEY.match(key) or _ZOTERO_NAME.match(name)
    return found[1] if found else ""


# --- pictures -------------------------------------------------------------------------------

DEEPEST = 4
"""Forms within forms that are searched for a picture."""
MOST_NAMED = 16
"""Pictures and forms that are looked at in each."""


def _area(kind: HighlightKind, box: Box | None) -> Box | None:
    """What to cut; of a mark that is no picture nothing."""
    if box is None or kind is HighlightKind.IMAGE:
        return box
    if kind is not HighlightKind.INK:
        return None
    return (box[0] - MARGIN, box[1] - MARGIN, box[2] + MARGIN, box[3] + MARGIN)


def _shows_picture(stamp: DictionaryObject) -> bool:
    """Whether a stamp is a pasted picture, not one of those that say `approved`."""
    try:
        look = _part(get(stamp, "/AP"), "/N")
        return look is not None and _holds_picture(look, DEEPEST)
    except FAULTS:
        return False


def _holds_picture(form: DictionaryObject, depth: int) -> bool:
    named = _part(_part(form, "/Resources"), "/XObject")
    shown = [_part(named, name) for name in islice(named or (), MOST_NAMED)]
    if any(one is not None and get(one, "/Subtype") == "/Image" for one in shown):
        return True
    return depth > 0 and any(one is not None and _holds_picture(one, depth - 1) for one in shown)


def _part(whole: Any, key: str) -> DictionaryObject | None:
    part = get(whole, key) if isinstance(whole, DictionaryObject) else None
    return part if isinstance(part, DictionaryObject) else None
