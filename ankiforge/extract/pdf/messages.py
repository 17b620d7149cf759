"""Requests about PDFs that are sent to worker processes, and the replies.

Both are encoded as JSON. `worker` sends the requests, and `requests` replies to them. A
request about quotes may also be about an EPUB or web page, which `hypertext` reads.
"""

from __future__ import annotations

from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.pdf.boxes import Box
from ankiforge.model import (
    Document,
    DocumentKey,
    FigureLabel,
    Highlight,
    Pair,
    SkippedText,
    Value,
)

HYPERTEXT_SUFFIXES = (".epub", ".xhtml", ".html", ".htm")
"""The suffixes of EPUBs and web pages, which Zotero can also annotate."""
REPAIR_HINT = "open it in a PDF reader and save a copy"


# --- requests --------------------------------------------------------------------------


class ReadMarks(Value, tag="request"):
    """A request to read the highlights in a PDF and identify the work."""

    path: str
    named: bool = False
    """Whether to identify the work even if the PDF has no marks."""


class StoredQuote(Value):
    """A passage of a file as stored by another program, such as a highlight in Zotero."""

    page: int
    """The page on which the quote starts, from 0, or -1 if it is unknown. In an EPUB, the index of
    the file in reading order.
    """
    text: str
    box: Box | None = None
    """The box around the first line of the quote, or None if it is unknown."""
    asks: bool = False
    """Whether the user's comment contains a question, which calls for more surrounding text."""
    file: str = ""
    """The path, or the end of the path, of the file in the EPUB in which the quote starts, or "" if
    it is unknown.
    """


class FindContexts(Value, tag="around"):
    """A request to find the context of each quote in a file."""

    path: str
    quotes: tuple[StoredQuote, ...]


class Area(Value):
    """A rectangular area of a page to cut out as a picture."""

    page: int
    """The page number, from 0."""
    box: Box


class CutAreas(Value, tag="cut"):
    """A request to cut areas out of a PDF as pictures."""

    path: str
    areas: tuple[Area, ...]


class PageHighlight(Value):
    """A highlight to locate in the picture of a page."""

    words: str
    box: Box | None = None
    """The box around the highlight, or None if it is unknown."""


class DrawPage(Value, tag="view"):
    """A request for a picture of a page, with the positions of words and highlights in it."""

    path: str
    page: int
    """The page number, from 0."""
    marks: tuple[PageHighlight, ...] = ()
    width: int = 0
    """The requested width of the picture in pixels."""


class MeasurePages(Value, tag="measure"):
    """A request for the size and label of each page."""

    path: str


class ReadPages(Value, tag="pages"):
    """A request for the full text of consecutive pages."""

    path: str
    first: int
    """The index of the first page, from 0."""
    number: int
    """The number of pages to read."""


Request = ReadMarks | FindContexts | CutAreas | DrawPage | MeasurePages | ReadPages


# --- replies ----------------------------------------------------------------------------


class ReadMarksReply(Value, tag="read", omit_defaults=True):
    """The highlights in a PDF, and the metadata of the work.

    Without highlights, `document` and `pages` may be empty, unless the request has `named`
    set.
    """

    document: Document = Document(DocumentKey(""), "", "")
    """The work. The key doesn't change when another program saves the file. The title is "" if it
    is unknown.
    """
    marks: tuple[Highlight, ...] = ()
    """The highlights in reading order, with the page number from 0 as `block_id`. The document and
    namespace are filled in later.
    """
    areas: tuple[tuple[int, Box], ...] = ()
    """(index of the mark, area to cut out) for each mark that needs a picture."""
    pages: tuple[tuple[str, int], ...] = ()
    """(`hash16` of the normalized text, length of that text) for each page."""
    problems: tuple[Pair, ...] = ()
    """(message, hint) for each part of the file that couldn't be read."""
    notices: tuple[Pair, ...] = ()
    """(message, hint) for anything else worth reporting."""
    left_out: tuple[SkippedText, ...] = ()
    """The annotations that look like marks but aren't read."""
    is_whole: bool = True
    """Whether all marks could be read, because no part of the file is missing or damaged."""


class FindContextsReply(Value, tag="passages"):
    """The contexts of the requested quotes, in order."""

    passages: tuple[PassageContext, ...]


class CutOut(Value, omit_defaults=True):
    """A picture cut out of a page."""

    data: bytes
    """The picture as a PNG, or b"" if the area is empty or can't be drawn."""
    figure: str = ""
    """A hash that changes only if the page, or the frame drawn by the user, changes."""
    labels: tuple[FigureLabel, ...] = ()
    """The labels in the picture, in reading order."""
    caption: str = ""
    """The beginning of the caption, such as `Table 1`, or "" if there is none."""


class CutAreasReply(Value, tag="figures"):
    """The pictures of the requested areas, in order."""

    pictures: tuple[CutOut, ...]


RelativeBox = tuple[float, float, float, float]
"""(left, top, right, bottom) as fractions of the picture's width and height, from 0 to 1."""


class DrawPageReply(Value, tag="view"):
    """A picture of a page, with the positions of its words and highlights."""

    picture: bytes = b""
    """The picture as a PNG, or b"" if the page doesn't exist or can't be drawn."""
    width: int = 0
    height: int = 0
    marks: tuple[tuple[RelativeBox, ...], ...] = ()
    """The position of each highlight, as one box per line. If the text wasn't found, the box from
    the request, or () if there was none.
    """
    lines: tuple[tuple[tuple[str, RelativeBox], ...], ...] = ()
    """The words of each line with their boxes, in reading order."""
    is_dark: bool = False
    """Whether most of the page is dark, as on many slides."""


class MeasurePagesReply(Value, tag="measure"):
    """The size and label of each page."""

    pages: tuple[tuple[float, float, str], ...] = ()
    """(width in points, height in points, page label) for each page."""


class ReadPagesReply(Value, tag="pages"):
    """The text of the requested pages."""

    document: Document
    prints: tuple[tuple[str, int], ...]
    """The same as `ReadMarksReply.pages`, for all pages of the file."""
    labels: tuple[str, ...]
    """The label of each requested page."""
    paragraphs: tuple[tuple[tuple[str, str, str | None], ...], ...]
    """For each requested page, (line, headings above it, reason to skip it) for each line. Running
    headers and footers are excluded. The reason is None if cards can be made from the line.
    """


class Failure(Value, tag="failed"):
    """The reply to any request about a file that couldn't be read."""

    what: str
    """The reason why the file couldn't be read, such as `it is not a PDF`."""
    hint: str


Reply = (
    ReadMarksReply
    | FindContextsReply
    | CutAreasReply
    | DrawPageReply
    | MeasurePagesReply
    | ReadPagesReply
    | Failure
)
