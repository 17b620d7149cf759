"""Read one file with PDFium: annotations, the text under and around them, pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import cache, cached_property, lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from msgspec import structs

from ankiforge.extract.files import READ_AGAIN, open_regular
from ankiforge.extract.pdf.annotations import (
    ON_TEXT,
    Annotation,
    iso,
    read_annotations,
    strong_names,
)
from ankiforge.extract.pdf.chars import FAULTS, page_chars, upright_text
from ankiforge.extract.pdf.clean import one_line, unswapped
from ankiforge.extract.pdf.drawn import DRAWN_INTO, MOST_PAGES, has_drawn_marks
from ankiforge.extract.pdf.identity import document_id
from ankiforge.extract.pdf.messages import (
    REPAIR,
    Around,
    Box,
    Cut,
    Failed,
    Passage,
    Pictures,
    Question,
    Quote,
    Read,
    Reply,
    Surroundings,
    View,
)
from ankiforge.extract.pdf.passages import Passages, Running, around, quads
from ankiforge.extract.pdf.pictures import cut_out
from ankiforge.extract.pdf.repair import repaired
from ankiforge.extract.pdf.spelling import Spelling
from ankiforge.extract.pdf.text import PageText
from ankiforge.extract.pdf.views import view_page
from ankiforge.extract.pdf.works import (
    PrintedLine,
    headings_above,
    outline_of,
    printed_lines,
    read_work,
)
from ankiforge.model import (
    DRAWN,
    WENT_AWAY,
    DocumentKey,
    Highlight,
    Hint,
    LeftOut,
    Pair,
    Span,
    Value,
    h16,
    hints,
)
from ankiforge.text import asking, regex
from ankiforge.text.fold import for_finding, locate, same
from ankiforge.text.passages import paragraphs_around, without_bullets

LOCKED = Failed(
    "it is locked with a password",
    "open it in a PDF reader and save a copy without a password",
)
NO_PDF = Failed("it is not a PDF", "leave it out with `exclude`, or fetch it again")
EMPTY = Failed("the file is empty", "fetch it again")
DAMAGED = Failed("it is damaged, or protected in an unknown way", REPAIR)
HIDDEN = "PDF programs hide deleted marks; make them visible there to include them"
TOO_BIG = Failed(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)
CUT = (
    "its end is missing; marks may be missing too",
    "fetch it again, or open it in a PDF reader and save a copy",
)
REPAIRED = (
    "it is damaged; what could be read was read, and marks may be missing",
    "fetch it again, or open it in a PDF reader and save a copy",
)
HEAD = 65_536
"""Bytes in which a PDF must begin. PDFium takes 1,024 bytes of junk before it, pypdf more."""
TAIL = 2048
"""Bytes at the end that are searched for the end of a complete file."""
OPEN_PAGES = 64
"""Pages that PDFium keeps in memory at a time."""
NEAR = 200
"""Characters after the start of its box, beside twice its length, searched for a
quote."""
CHAR_PAGES = 4
"""Pages whose characters are kept in memory at a time."""


# --- one question -----------------------------------------------------------------------


def answer_from(question: Question) -> Reply:
    """Answer a question about a PDF, or return why that failed.

    Never raises for bad content.
    """
    path = Path(question.path)
    try:
        opened = _open(path)
        if isinstance(opened, Failed):
            return opened
        document, notices = opened
        with closing(document):
            return _answer(question, document, notices)
    except MemoryError:
        return TOO_BIG
    except FileNotFoundError:
        return Failed(WENT_AWAY, READ_AGAIN)
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        return Failed(message, "check the file's permissions")
    except FAULTS:
        return DAMAGED


def _open(path: Path) -> tuple[pdfium.PdfDocument, list[Pair]] | Failed:
    """Open a file, or return why that failed. The caller closes it.

    PDFium repairs files whose cross-reference table is damaged or missing; what it refuses,
    it gets from `repair` once more.

    Returns:
        The file, and what to report of it.
    """
    with open(path, "rb", opener=open_regular) as file:
        head = file.read(HEAD)
    if b"%PDF-" not in head:
        return NO_PDF if head.strip(b"\x00 \r\n\t") else EMPTY
    failure = DAMAGED
    try:
        return _with_pages(path), [CUT] if _is_cut(path) else []
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            failure = LOCKED
    for copy in repaired(path):
        with suppress(pdfium.PdfiumError):
            return _with_pages(copy), [REPAIRED]
    return failure


def _with_pages(file: Path | bytes) -> pdfium.PdfDocument:
    """Open a file, or the content of one.

    Raises:
        PdfiumError: PDFium refuses it, or it has no page.
    """
    document = pdfium.PdfDocument(file)
    if not len(document):
        raise pdfium.PdfiumError("no pages")
    return document


def _answer(
    question: Question,
    document: pdfium.PdfDocument,
    notices: list[Pair],
) -> Reply:
    """Answer a question about an open file; `notices` is what to report of it."""
    if isinstance(question, Cut):
        return Pictures(tuple(cut_out(document, area) for area in question.areas))
    if isinstance(question, View):
        return view_page(document, question)
    pages = _Pages(document)
    if isinstance(question, Around):
        return Surroundings(_Reading(pages).passages(question.quotes))
    annotations = read_annotations(pages.opened())
    if annotations.hidden:
        message = f"hidden marks were left out: {annotations.hidden}"
        notices = [(message, HIDDEN), *notices]
    is_whole = CUT not in notices and REPAIRED not in notices
    read = Read(
        notices=tuple(notices),
        is_whole=is_whole,
        left_out=annotations.left_out,
    )
    if question.named or annotations.marks or pages.damaged:
        read = _Reading(pages).read(annotations.marks, read)
    if not annotations.marks and not annotations.hidden:
        drawn = tuple(_drawn_marks(pages))
        read = structs.replace(read, left_out=(*read.left_out, *drawn))
    if read.problems:  # they say what is missing
        other_notices = tuple([notice for notice in read.notices if notice != REPAIRED])
        read = structs.replace(read, notices=other_notices)
    return read


def _drawn_marks(pages: _Pages) -> Iterator[LeftOut]:
    """Yield that marks are drawn into a page, for each such page."""
    for number in range(min(len(pages), MOST_PAGES)):
        if pages.tried(number, pages.has_drawn_marks, False):
            yield LeftOut(DRAWN, f"page {pages.label(number)}", DRAWN_INTO)


def _is_cut(path: Path) -> bool:
    """Return whether the end of the file is missing."""
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(size - TAIL, 0))
        tail = file.read()
    return b"%%EOF" not in tail and b"startxref" not in tail


# --- pages ------------------------------------------------------------------------------


class _OpenPage:
    """A page of PDFium, and its text once that is needed."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self.page = page
        self._text: pdfium.PdfTextPage | None = None

    def text(self) -> pdfium.PdfTextPage:
        """Return its text, turned upright; this turns the page."""
        if self._text is None:
            self._text = upright_text(self.page)
        return self._text


class _Pages:
    """The pages of one open file, any of which may be damaged."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self.document = document
        self.damaged: list[int] = []
        """Pages that cannot be opened."""
        # PDFium closes a page when it leaves the cache, or with the document
        keep_open = lru_cache(maxsize=OPEN_PAGES)
        self._open_page = keep_open(lambda number: _OpenPage(document[number]))

    def __len__(self) -> int:
        return len(self.document)

    def opened(self) -> Iterator[pdfium.PdfPage | None]:
        """Yield every page, None for those that cannot be opened."""
        for number in range(len(self)):
            yield self.tried(
                number,
                lambda number: self._open_page(number).page,
                None,
            )

    def tried(
        self,
        number: int,
        read: Callable[[int], Any],
        otherwise: Any,
    ) -> Any:
        """Return what is read from a page, or something else if it is damaged."""
        try:
            return read(number)
        except FAULTS:
            if number not in self.damaged:
                self.damaged.append(number)
            return otherwise

    def text_page(self, number: int) -> pdfium.PdfTextPage:
        """Return the text of a page, which may raise one of the `FAULTS`."""
        return self._open_page(number).text()

    def has_drawn_marks(self, number: int) -> bool:
        """Return whether marks are drawn into a page, which may raise one of the `FAULTS`."""
        with closing(self.document[number]) as page, closing(page.get_textpage()) as text:
            return has_drawn_marks(page, text)

    def label(self, number: int) -> str:
        """Return how a page is called in the file, otherwise its number from 1."""
        return one_line(self.document.get_page_label(number)) or str(number + 1)


class _Page(Value):
    """A page with marks or quotes."""

    number: int
    text: PageText
    body: Span
    """The span of the text without running heads and feet."""
    passages: Passages


# --- where the marks are -------------------------------------------------------------------


class _LocatedMark(Value):
    """An annotation and the text that it covers."""

    annotation: Annotation
    segments: list[list[int]]
    place: int
    """Where it begins, or the place of the character beside it."""
    span: Span
    """What it covers of the text of the page, or else the character beside it."""

    @property
    def order(self) -> tuple[int, float, float]:
        """What sorts the annotations of a page: at one place, down and to the right."""
        left, _, _, top = _box(self.annotation)
        return (self.place, -top, left)


def _box(annotation: Annotation) -> Box:
    return annotation.box or (0.0, 0.0, 0.0, 0.0)


class _Reading:
    """One open file and the texts of its pages."""

    def __init__(self, pages: _Pages) -> None:
        """Read the text of every page."""
        self._pages = pages
        self._lines = cache(lambda number: pages.tried(number, self._read_lines, []))
        self._page = lru_cache(maxsize=CHAR_PAGES)(self._read_page)
        numbers = range(len(pages))
        self._texts = [pages.tried(number, self._read_text, "") for number in numbers]
        self._spelling = Spelling(self._texts)
        self._running = Running(self._texts)
        self._work = read_work(pages.document, self._texts[0], self._lines(0))
        self._outline = list(outline_of(pages.document))

    @cached_property
    def _folds(self) -> list[str]:
        return [for_finding(text) for text in self._texts]

    # --- reading pages

    def _read_text(self, number: int) -> str:
        return unswapped(self._pages.text_page(number).get_text_range())

    def _read_lines(self, number: int) -> list[PrintedLine]:
        return printed_lines(self._pages.text_page(number), self._texts[number])

    def _read_page(self, number: int) -> _Page:
        chars = self._pages.tried(number, self._read_chars, [])
        text = PageText(chars, self._spelling)
        body = self._running.body(number, text.text)
        return _Page(number, text, body, Passages(text))

    def _read_chars(self, number: int) -> Any:
        return page_chars(self._pages.text_page(number))

    def _heading(self, page: int, char_number: int, top: float) -> str:
        """Return the headings of the outline above a place on a page."""
        if not self._outline:
            return ""
        return headings_above(
            self._outline,
            self._lines(page),
            page,
            char_number,
            top,
        )

    # --- marks

    def read(self, annotations: Sequence[Annotation], read: Read) -> Read:
        """Return `read` with the marks and the work."""
        names = strong_names(annotations)
        annotations_by_page: dict[int, list[Annotation]] = defaultdict(list)
        for annotation in annotations:
            annotations_by_page[annotation.page].append(annotation)

        # the marks in the order of the text, and the areas of those that are cut out
        marks: list[Highlight] = []
        areas: list[tuple[int, Box]] = []
        for number in sorted(annotations_by_page):
            page = self._page(number)
            located_on_page = []
            for annotation in annotations_by_page[number]:
                located_on_page.append(_locate(page, annotation))
            located_on_page.sort(key=attrgetter("order"))
            for located in located_on_page:
                if located.annotation.area:
                    areas.append((len(marks), located.annotation.area))
                marks.append(self._mark(page, located, names))

        id = document_id(self._folds, self._pages.opened())
        document = structs.replace(self._work, key=DocumentKey(f"pdf:{id}"))
        page_hashes = [(h16(page_text), len(page_text)) for page_text in self._folds]
        return structs.replace(
            read,
            document=document,
            marks=tuple(marks),
            areas=tuple(areas),
            pages=tuple(page_hashes),
            problems=tuple(self._problems(marks)),
            is_whole=read.is_whole and not self._pages.damaged,
        )

    def _mark(
        self,
        page: _Page,
        located: _LocatedMark,
        names: set[str],
    ) -> Highlight:
        """Return the highlight of an annotation, with its context on the page."""
        annotation = located.annotation
        code = page.text.code(located.segments)
        exact = code or without_bullets(one_line(page.text.quote(located.segments)))
        prefix, suffix, sentence = _context(page, located)
        if code or sentence == exact:
            sentence = ""
        nearby = ""
        if located.segments:
            asks = asking.asks(annotation.comment)
            nearby = _nearby(page.text.text, located.span, page.body, asks=asks)
        return Highlight(
            document=self._work,
            namespace="",
            kind=annotation.kind,
            exact=exact,
            anchor_text="" if exact else self._stand_in(page, annotation),
            hints=_hints(annotation, names),
            prefix=prefix,
            suffix=suffix,
            sentence=sentence,
            nearby=nearby,
            comment="" if _repeats(annotation.comment, exact) else annotation.comment,
            colour=annotation.colour,
            author=annotation.author,
            created=iso(annotation.created),
            modified=iso(annotation.modified),
            page_label=self._pages.label(page.number),
            heading=self._heading_of_mark(page, located),
            block=str(page.number),
        )

    def _heading_of_mark(self, page: _Page, located: _LocatedMark) -> str:
        chars = page.text.chars
        char_number = chars[located.place].number if chars else 0
        _, _, _, top = _box(located.annotation)
        return self._heading(page.number, char_number, top)

    def _stand_in(self, page: _Page, annotation: Annotation) -> str:
        """Return what identifies a mark without text: contents, name, or place."""
        if annotation.contents or annotation.name:
            return annotation.contents or annotation.name
        edges = [str(round(edge)) for edge in annotation.box or ()]
        place = "x".join(edges)
        return f"{h16(self._folds[page.number])}x{place}"

    def _problems(self, marks: Sequence[Highlight]) -> Iterator[Pair]:
        """Yield (what, hint) for what cannot be read of the file."""
        if self._pages.damaged:
            labels = self._labels(self._pages.damaged)
            yield (f"pages that cannot be read: {labels}", REPAIR)
        scanned = set()
        for mark in marks:
            number = int(mark.block)
            lacks_text = mark.kind in ON_TEXT.values() and not mark.exact
            if lacks_text and not self._folds[number]:
                scanned.add(number)
        if scanned:
            labels = self._labels(sorted(scanned))
            message = f"marks on pages without text, such as scans: {labels}"
            yield (message, "add a text layer (OCR); the marks will then be read")

    def _labels(self, numbers: Iterable[int]) -> str:
        return ", ".join(map(self._pages.label, numbers))

    # --- quotes

    def passages(self, quotes: Iterable[Quote]) -> tuple[Passage, ...]:
        """Return the context of each quote."""
        return tuple(map(self._passage, quotes))

    def _passage(self, quote: Quote) -> Passage:
        """Return the context of a quote, on its page or across the next page break."""
        if not 0 <= quote.page < len(self._texts):
            return Passage()
        page = self._page(quote.page)
        text = page.text.text
        body: Span | None = page.body
        span = _near_box(page, quote) or locate(quote.words, text)
        if span is None:
            text = self._with_next_page(page)
            body = None
            span = locate(quote.words, text)
            if span is None or span[0] >= len(page.text.text):
                return Passage()  # it begins on the next page
        prefix, suffix, sentence = around(text, span)
        char = page.text.chars[page.text.place(span[0])]
        return Passage(
            prefix=prefix,
            suffix=suffix,
            sentence="" if same(sentence, quote.words) else sentence,
            heading=self._heading(page.number, char.number, char.top),
            nearby=_nearby(text, span, body, asks=quote.asks),
        )

    def _with_next_page(self, page: _Page) -> str:
        """Return the text of a page and of the next one, as if there were no break.

        "" for none.
        """
        if page.number + 1 == len(self._texts):
            return ""
        text = page.text.text
        after = self._page(page.number + 1).text.text
        if text.endswith("-"):
            return text[:-1] + after
        return f"{text} {after}"


def _near_box(page: _Page, quote: Quote) -> Span | None:
    """Find a quote after the start of its box, if its words occur in several places."""
    text = page.text.text
    start = 0
    if quote.box:
        left, bottom, _, top = quote.box
        middle = (bottom + top) / 2
        place = page.passages.nearest(left, middle)
        if place:
            start, _ = page.text.span(place - 1, place)
    end = start + 2 * len(quote.words) + NEAR
    span = locate(quote.words, text[start:end])
    if span is None:
        return None
    first, last = span
    return start + first, start + last


# --- one mark ---------------------------------------------------------------------------


def _locate(page: _Page, annotation: Annotation) -> _LocatedMark:
    """Find the text that an annotation covers, or the character beside it."""
    segments: list[list[int]] = []
    if annotation.on_text:
        segments = page.passages.under(quads(annotation.points, annotation.box))
        if not segments:  # KOReader writes quads that cover nothing
            segments = page.passages.under(quads((), annotation.box))
    if segments:
        places = list(chain.from_iterable(segments))
        place = min(segment[0] for segment in segments)
    else:
        left, _, _, top = _box(annotation)
        place = page.passages.nearest(left, top)
        places = [place]
    span = (0, 0)
    if page.text.chars:
        span = page.text.span(min(places), max(places))
    return _LocatedMark(annotation, segments, place, span)


def _context(page: _Page, located: _LocatedMark) -> tuple[str, str, str]:
    """Return (prefix, suffix, sentence) of a mark.

    What is not a mark on text has only the sentence beside it, and a mark that covers no
    text nothing.
    """
    if not page.text.chars:
        return ("", "", "")
    prefix, suffix, sentence = around(page.text.text, located.span, page.body)
    if located.segments:
        return (prefix, suffix, sentence)
    return ("", "", "" if located.annotation.on_text else sentence)


def _hints(annotation: Annotation, names: set[str]) -> tuple[Hint, ...]:
    """Return what else may identify a mark: Zotero's key, a strong name, page and box."""
    known: list[Hint] = []
    if annotation.zotero:
        known.append(hints.zotero_annotation(annotation.zotero))
    if annotation.name and annotation.name in names:
        known.append(hints.pdf_annotation(annotation.name))
    if annotation.box:
        known.append(hints.position(annotation.page, annotation.box))
    return tuple(known)


def _nearby(text: str, span: Span, body: Span | None, *, asks: bool) -> str:
    """Return the paragraphs around a passage of a page, within `body`."""
    start, end = span
    first, last = body or (0, len(text))
    first = min(first, start)
    last = max(last, end)
    body_text = text[first:last]
    paragraphs = paragraphs_around(
        body_text,
        start - first,
        end - first,
        asks=asks,
    )
    lines = map(one_line, paragraphs.split("\n"))
    return "\n".join(filter(None, lines))


_INSTRUCTS = regex(r"(?i)\s*(?:[cq]:|\?|skip\b)")


def _repeats(comment: str, exact: str) -> bool:
    """Return whether a comment only repeats the marked text.

    An instruction never does.
    """
    asks_more = asking.asks(comment) and not asking.asks(exact)
    if asks_more or not exact or _INSTRUCTS.match(comment):
        return False
    return asking.is_alike(comment, exact)
