"""What travels between the program and the process that reads its PDFs: one JSON value a line."""

from __future__ import annotations

import os

import msgspec
from msgspec.structs import replace

from ankiforge.model import HighlightKind


class Request(msgspec.Struct, frozen=True, tag="read"):
    """Please read this file."""

    path: bytes
    """As the file system spells it."""
    passwords: tuple[str, ...] = ()


class Name(msgspec.Struct, frozen=True, tag="name"):
    """Please read this file, and tell what it is though nothing be marked in it."""

    path: bytes
    passwords: tuple[str, ...] = ()


class Quote(msgspec.Struct, frozen=True):
    """Words that another program says stand in a file."""

    page: int
    """On which they begin, from 0."""
    words: str
    box: tuple[float, float, float, float] | None = None
    """left, bottom, right, top of their first line, in points, if it is known."""


class Around(msgspec.Struct, frozen=True, tag="passages"):
    """Please say what stands around these quotes in this file."""

    path: bytes
    quotes: tuple[Quote, ...]


class Area(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a page that is wanted as a picture."""

    page: int
    """From 0."""
    box: tuple[float, float, float, float]
    """left, bottom, right, top in points, in the space of /Rect."""
    strokes: tuple[tuple[float, ...], ...] = ()
    """Lines to be drawn on it that the file itself does not have: x, y, x, y … of each."""
    width: float = 1.0
    """Of the strokes, in points."""
    colour: str = "#000000"
    """Of the strokes, `#rrggbb`."""


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """Please cut these pictures from this file."""

    path: bytes
    areas: tuple[Area, ...]
    passwords: tuple[str, ...] = ()


class Sheet(msgspec.Struct, frozen=True, tag="sheet", omit_defaults=True):
    """Please draw this page, and say where on it a mark lies."""

    path: bytes
    page: int
    """From 0."""
    words: str = ""
    """What the mark lies on."""
    before: str = ""
    """What stands before them."""
    comment: str = ""
    names: tuple[str, ...] = ()
    """Of the mark: `nm:…`, `zotero:…`."""
    passwords: tuple[str, ...] = ()


Question = Request | Name | Around | Cut | Sheet


def absolute(question: Question) -> Question:
    """The same, whatever folder the process works in: it may be older than the asker's present one."""
    return replace(question, path=os.path.abspath(question.path))  # noqa: PTH100 - a path in bytes


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """One annotation, with the text it lies on."""

    page: int
    """From 0."""
    label: str
    """What the document calls the page."""
    kind: HighlightKind
    exact: str = ""
    stand_in: str = ""
    """What names a mark without text."""
    prefix: str = ""
    suffix: str = ""
    beside: tuple[str, str] | None = None
    """What stands before and after on the page, running heads and feet too, if that is other."""
    sentence: str = ""
    formerly: tuple[str, str] | None = None
    """`exact` and `sentence` as versions up to eaf6667 read them, if one is other."""
    heading: str = ""
    comment: str = ""
    colour: str = ""
    author: str = ""
    name: str = ""
    """/NM if it can tell this mark from all others, else ""."""
    zotero: str = ""
    """The key Zotero gave it."""
    created: str = ""
    modified: str = ""
    """ISO 8601, "" where the file does not tell."""
    area: tuple[float, float, float, float] | None = None
    """What the picture of it shows: left, bottom, right, top in points."""
    picture: str = ""
    """The name of that picture, once it is cut."""


class Work(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file says about itself."""

    title: str = ""
    creators: tuple[str, ...] = ()
    issued: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()


class Read(msgspec.Struct, frozen=True, tag="read", omit_defaults=True):
    """A file that could be read; one without marks has nothing else either."""

    marks: tuple[Mark, ...] = ()
    """In reading order."""
    document: str = ""
    """16 hex digits that stay the same when the file is saved by another program."""
    pages: tuple[tuple[str, int], ...] = ()
    """(h16 of the fold, folded length) of every page."""
    work: Work = Work()
    problems: tuple[tuple[str, str], ...] = ()
    """(what, hint) of what was left out."""
    hidden: int = 0
    """Marks that the file itself hides; they are left out."""
    notices: tuple[tuple[str, str], ...] = ()
    """(what, hint) of what is told, though nothing failed."""


class Passage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands around a quote, as in a `Mark`; nothing where it was not found."""

    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    sentence_formerly: str | None = None
    """As versions up to eaf6667 cut it, if that is other."""
    heading: str = ""


class Surroundings(msgspec.Struct, frozen=True, tag="passages"):
    """The answer to `Around`: one passage for each quote, in their order."""

    passages: tuple[Passage, ...]


class Pictures(msgspec.Struct, frozen=True, tag="cut"):
    """The answer to `Cut`: a PNG for each area, in their order; nothing of one off its page."""

    pictures: tuple[bytes, ...]


class Drawn(msgspec.Struct, frozen=True, tag="sheet"):
    """The answer to `Sheet`."""

    picture: bytes
    """PNG"""
    width: int
    height: int
    boxes: tuple[tuple[int, int, int, int], ...]
    """left, top, right, bottom of each line of the mark, in dots; () where it was not found."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A file that could not be read."""

    what: str
    hint: str


Reply = Read | Surroundings | Pictures | Drawn | Failed
REPAIR = "open it in a PDF reader and save a copy"
