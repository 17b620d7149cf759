"""The questions about PDFs that are sent to worker processes, and the replies to them.

Both are sent as JSON. `worker` sends the questions, and `answers` answers them. Questions about
quotes may also be about EPUBs and web pages, which `hypertext` reads.
"""

from __future__ import annotations

from ankiforge.model import (
    Document,
    DocumentKey,
    FigureLabel,
    Highlight,
    Lookalike,
    Pair,
    Value,
)

MAX_PICTURES = 200
"""The maximum number of pictures that are cut out of one file."""
HYPERTEXT_SUFFIXES = (".epub", ".xhtml", ".html", ".htm")
"""The suffixes of the other files in which Zotero can mark text: EPUBs and web pages."""
REPAIR_HINT = "open it in a PDF reader and save a copy"

Box = tuple[float, float, float, float]
"""(left, bottom, right, top) in points, in the coordinate space of an annotation's /Rect."""


# --- questions --------------------------------------------------------------------------


class ReadMarks(Value, tag="request"):
    """A request to read the marks in a file, and to identify the work that it contains."""

    path: str
    named: bool = False
    """Whether to identify the work even if nothing in the file is marked."""


class ExternalQuote(Value):
    """A passage that another program has quoted from a file, such as a highlight in Zotero."""

    page: int
    """The page on which the quote begins, from 0, or -1 if unknown. In an EPUB, this is the index
    of the quote's file in the reading order.
    """
    words: str
    box: Box | None = None
    """The box around the first line of the quote, or None if unknown."""
    asks: bool = False
    """Whether the user's comment asks a question, so that more surrounding text is wanted."""
    file: str = ""
    """The path, or the end of the path, of the file in an EPUB in which the quote begins, or "" if
    unknown.
    """
    element: str = ""
    """The CSS selector of the element in which the quote begins, or "" if unknown."""
    offset: int = 0
    """The number of characters between the start of that element and the quote."""


class FindContexts(Value, tag="around"):
    """A request to find the context of each of these quotes in a file."""

    path: str
    quotes: tuple[ExternalQuote, ...]


class Area(Value):
    """A part of a page that is to be cut out as a picture."""

    page: int
    """The page number, from 0."""
    box: Box


class CutAreas(Value, tag="cut"):
    """A request to cut these areas out of a file as pictures."""

    path: str
    areas: tuple[Area, ...]


class PageMark(Value):
    """A mark that is to be located on the picture of a page."""

    words: str
    box: Box | None = None
    """The box around the mark, or None if unknown."""


class DrawPage(Value, tag="view"):
    """A request to draw a whole page, and to locate its words and the marks on it."""

    path: str
    page: int
    """The page number, from 0."""
    marks: tuple[PageMark, ...] = ()
    width: int = 0
    """The requested width of the picture in pixels."""


class MeasurePages(Value, tag="measure"):
    """A request for the size and the printed number of each page of a file."""

    path: str


class ReadPages(Value, tag="pages"):
    """A request to read the whole text of some consecutive pages."""

    path: str
    first: int
    """The number of the first page, from 0."""
    number: int
    """How many pages to read."""


Question = ReadMarks | FindContexts | CutAreas | DrawPage | MeasurePages | ReadPages


# --- replies ----------------------------------------------------------------------------


class ReadMarksReply(Value, tag="read", omit_defaults=True):
    """The reply to `ReadMarks`: the marks in a file, and the work that it contains.

    If nothing is marked and the question didn't ask for the work, `document` and `pages` are empty.
    """

    document: Document = Document(DocumentKey(""), "", "")
    """The work. Its key stays the same when another program saves the file, and its title is "" if
    the file has none.
    """
    marks: tuple[Highlight, ...] = ()
    """The marks in reading order. `block` is the page number, from 0. The document's key and source
    and the namespace are filled in later.
    """
    areas: tuple[tuple[int, Box], ...] = ()
    """(index of a mark, area to show in its picture) for each mark that needs a picture."""
    pages: tuple[tuple[str, int], ...] = ()
    """(`hash16` of the folded text, length of the folded text) for each page."""
    problems: tuple[Pair, ...] = ()
    """(message, hint) for each part of the file that couldn't be read."""
    notices: tuple[Pair, ...] = ()
    """(message, hint) for each fact that is worth reporting although nothing failed."""
    left_out: tuple[Lookalike, ...] = ()
    """The annotations that look like marks but aren't read as such."""
    is_whole: bool = True
    """Whether all marks could be read, because no part of the file is missing or damaged."""


class QuoteContext(Value, omit_defaults=True):
    """The context of a quote, as in a `Highlight`. It is empty if the quote was not found."""

    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    heading: str = ""
    nearby: str = ""
    """The paragraphs around the quote."""
    words: str = ""
    """The quoted words as the document shows them, without line numbers or the numbers of notes,
    or "" if they are those of the question."""


class FindContextsReply(Value, tag="passages"):
    """The reply to `FindContexts`: the context of each quote, in the order of the question."""

    passages: tuple[QuoteContext, ...]


class CutOut(Value, omit_defaults=True):
    """The picture of an area that was cut out of a page."""

    data: bytes
    """The picture as a PNG, or b"" if the area couldn't be drawn or shows nothing."""
    figure: str = ""
    """A hash that changes only if the page, or the frame that the user drew on it, has changed."""
    labels: tuple[FigureLabel, ...] = ()
    """The labels in the picture, in reading order."""


class CutAreasReply(Value, tag="figures"):
    """The reply to `CutAreas`: the picture of each area, in the order of the question."""

    pictures: tuple[CutOut, ...]


RelativeBox = tuple[float, float, float, float]
"""(left, top, right, bottom) as fractions of a picture's width and height, from 0 to 1."""


class DrawPageReply(Value, tag="view"):
    """The reply to `DrawPage`: a picture of the page, and the positions of its words and marks."""

    picture: bytes = b""
    """The picture as a PNG, or b"" if the page doesn't exist or can't be drawn."""
    width: int = 0
    height: int = 0
    marks: tuple[tuple[RelativeBox, ...], ...] = ()
    """The position of each mark, as a box per line, or () if the mark was not found."""
    lines: tuple[tuple[tuple[str, RelativeBox], ...], ...] = ()
    """The words of each line with their boxes, in reading order."""
    is_dark: bool = False
    """Whether most of the page is dark, as slides often are."""


class MeasurePagesReply(Value, tag="measure"):
    """The reply to `MeasurePages`: the size and the printed number of each page."""

    pages: tuple[tuple[float, float, str], ...] = ()
    """(width in points, height in points, printed number) of each page."""


class ReadPagesReply(Value, tag="pages"):
    """The reply to `ReadPages`: the text of the requested pages."""

    document: Document
    prints: tuple[tuple[str, int], ...]
    """As in `ReadMarksReply.pages`, for all pages of the file and not only the requested ones."""
    labels: tuple[str, ...]
    """The printed number of each requested page."""
    paragraphs: tuple[tuple[Pair, ...], ...]
    """(line, headings above it) for each line of each requested page, without running heads and
    feet.
    """


class Failure(Value, tag="failed"):
    """The reply to any question about a file that couldn't be read: why, and what to do."""

    what: str
    """Why the file couldn't be read, such as `it is not a PDF`."""
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
