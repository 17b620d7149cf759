"""Questions about PDFs, and their replies, as they pass between processes."""

from __future__ import annotations

from ankiforge.extract.files import Step
from ankiforge.model import Document, DocumentKey, Highlight, Label, LeftOut, Pair, Value

MOST_PICTURES = 200
"""Pictures cut out of one file, at most."""
HYPERTEXT = (".epub", ".xhtml", ".html", ".htm")
"""Endings of the other files in which Zotero marks text."""
REPAIR = "open it in a PDF reader and save a copy"

Box = tuple[float, float, float, float]
"""left, bottom, right, top in points, in the space of /Rect"""


# --- questions --------------------------------------------------------------------------


class Request(Value, tag="request"):
    """Read the marks of a file."""

    path: str
    named: bool = False
    """Whether to identify the work even if nothing is marked."""


class QuotedWords(Value):
    """Words that another program found in a file."""

    page: int
    """The page on which they begin, from 0; in a book, the number of the file in its list, -1
    if it is not known."""
    words: str
    box: Box | None = None
    """The box of their first line, if known."""
    asks: bool = False
    """Whether the paragraphs around are wanted, too."""
    file: str = ""
    """The file of a book in which they begin, or the end of its path; "" if not known."""
    steps: tuple[Step, ...] = ()
    """The way to the element in which they begin, from the root of that file; () if not known."""
    offset: int = 0
    """The number of characters before them in that element."""


class Around(Value, tag="around"):
    """Find the context of quotes."""

    path: str
    quotes: tuple[QuotedWords, ...]


class Area(Value):
    """A part of a page to cut out as a picture."""

    page: int
    """From 0."""
    box: Box


class Cut(Value, tag="cut"):
    """Cut pictures from a file."""

    path: str
    areas: tuple[Area, ...]


class Marked(Value):
    """The marks of a page."""

    words: str
    box: Box | None = None
    """Where the mark is, if known."""


class DrawPage(Value, tag="view"):
    """Draw a whole page, and find its words and those that are marked."""

    path: str
    page: int
    """From 0."""
    marks: tuple[Marked, ...] = ()
    width: int = 0
    """Of the picture, in pixels."""


class Measure(Value, tag="measure"):
    """Measure the pages of a file."""

    path: str


class ReadPages(Value, tag="pages"):
    """Read the whole text of some pages, as marks are found in it."""

    path: str
    first: int
    """From 0."""
    number: int


Question = Request | Around | Cut | DrawPage | Measure | ReadPages


# --- replies ----------------------------------------------------------------------------


class Read(Value, tag="read", omit_defaults=True):
    """The marks and the work of a file; without marks the other fields are empty."""

    document: Document = Document(DocumentKey(""), "", "")
    """Its key stays the same when another program saves the file; title "" if the file
    has none."""
    marks: tuple[Highlight, ...] = ()
    """In reading order, `block` the page from 0; without document and namespace."""
    areas: tuple[tuple[int, Box], ...] = ()
    """(index of a mark, the area that its picture shows)."""
    pages: tuple[tuple[str, int], ...] = ()
    """(h16 of the folded text, its length) of every page."""
    problems: tuple[Pair, ...] = ()
    """(what, hint) for what was left out."""
    notices: tuple[Pair, ...] = ()
    """(what, hint) for what to report though nothing failed."""
    left_out: tuple[LeftOut, ...] = ()
    """The drawings that look like a mark and are none."""
    is_whole: bool = True
    """Whether nothing is missing or damaged, so that it has all its marks."""


class QuoteContext(Value, omit_defaults=True):
    """The context of a quote, as in a `Highlight`; empty if it was not found."""

    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    heading: str = ""
    nearby: str = ""
    """The paragraphs around, if wanted."""
    words: str = ""
    """The quoted words, if those that were asked for have numbers of lines in them."""


class Contexts(Value, tag="passages"):
    """The reply to `Around`: one passage per quote, in order."""

    passages: tuple[QuoteContext, ...]


class CutOut(Value, omit_defaults=True):
    """A part of a page."""

    data: bytes
    """PNG; b"" for an area outside of its page."""
    figure: str = ""
    """A hash that changes only if the page does, or its frame."""
    labels: tuple[Label, ...] = ()
    """The labels in it, in reading order."""


class Pictures(Value, tag="figures"):
    """The reply to `Cut`: one part for each area, in order."""

    pictures: tuple[CutOut, ...]


Place = tuple[float, float, float, float]
"""left, top, right, bottom as parts of the width and height of a picture, 0 to 1"""


class DrawnPage(Value, tag="view"):
    """The reply to `DrawPage`."""

    picture: bytes = b""
    """A PNG; b"" if the page does not exist or cannot be drawn."""
    width: int = 0
    height: int = 0
    marks: tuple[tuple[Place, ...], ...] = ()
    """Where each mark is, one place per line; () if its words were not found."""
    lines: tuple[tuple[tuple[str, Place], ...], ...] = ()
    """The words of each line, in reading order."""
    is_dark: bool = False
    """Whether the most of it is dark, as slides often are."""


class Measured(Value, tag="measure"):
    """The reply to `Measure`."""

    pages: tuple[tuple[float, float, str], ...] = ()
    """The width, height and printed number of each page; lengths in points."""


class PagesRead(Value, tag="pages"):
    """The reply to `ReadPages`."""

    document: Document
    prints: tuple[tuple[str, int], ...]
    """As `Read.pages`: of all pages."""
    labels: tuple[str, ...]
    """The printed number of each of these pages."""
    paragraphs: tuple[tuple[Pair, ...], ...]
    """Of each page, its lines between running heads and feet, each with the headings above."""


class Failed(Value, tag="failed"):
    """A file that could not be read."""

    what: str
    hint: str


Reply = Read | Contexts | Pictures | DrawnPage | Measured | PagesRead | Failed
