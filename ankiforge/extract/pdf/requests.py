"""Reply to requests about a PDF: its annotations, its text, the context of quotes, pictures.

A worker process calls `process_pdf_request` for each request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, cached_property, lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from msgspec import structs

from ankiforge.extract.cleaning import clean_text, to_one_line
from ankiforge.extract.files import (
    MISSING_FILE_HINT,
    Stamp,
    open_regular_file,
    read_stamp,
)
from ankiforge.extract.passage_context import (
    CrossesTable,
    PassageContext,
    find_passage_context,
    find_sides,
)
from ankiforge.extract.pdf.annotations import (
    TEXT_MARK_KINDS,
    Annotation,
    find_identifying_names,
    format_date,
    read_annotations,
)
from ankiforge.extract.pdf.blocks import ITEM_LABEL
from ankiforge.extract.pdf.chars import PrintedChar
from ankiforge.extract.pdf.cleaning import (
    CLUSTER_LETTER,
    Spelling,
    find_first_word,
    find_last_word,
    strip_footnote_number,
)
from ankiforge.extract.pdf.letters import (
    CharReader,
    load_upright_text,
    read_chars,
)
from ankiforge.extract.pdf.margins import MAX_RUNNING_LINE_CHARS, RunningHeaders
from ankiforge.extract.pdf.mark_text import (
    MarkTextFinder,
    build_quads,
    extend_to_words,
)
from ankiforge.extract.pdf.messages import (
    REPAIR_HINT,
    Box,
    CutAreas,
    CutAreasReply,
    DrawPage,
    Failure,
    FindContextsReply,
    MeasurePages,
    QuoteContext,
    ReadMarks,
    ReadMarksReply,
    ReadPages,
    ReadPagesReply,
    Reply,
    Request,
    StoredQuote,
)
from ankiforge.extract.pdf.metadata import (
    compute_document_id,
    format_headings,
    is_printed_on,
    read_outline,
    read_work,
)
from ankiforge.extract.pdf.page_text import (
    PDF_ERRORS,
    PageText,
    Segments,
)
from ankiforge.extract.pdf.titles import PrintedLine, read_printed_lines
from ankiforge.model import (
    VANISHED,
    Document,
    DocumentKey,
    Highlight,
    Pair,
    Span,
    Value,
    hash16,
)
from ankiforge.text import comment_questions, format_count, format_truncated_list, regex
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import join_bullets
from ankiforge.text.raised_figures import copy_raised_figures

# --- problems with a file -------------------------------------------------------------

_LOCKED = Failure(
    "it is locked with a password",
    "open it in a PDF reader and save a copy without a password",
)
_NOT_A_PDF = Failure(
    "it is not a PDF", "download it again, or leave it out with `exclude`"
)
EMPTY_FILE = Failure("the file is empty", "download it again")
DAMAGED_FILE = Failure("it is damaged, or protected in an unknown way", REPAIR_HINT)
HIDDEN_MARKS_HINT = (
    "PDF programs hide deleted marks; make them visible there to include them"
)
_OUT_OF_MEMORY = Failure(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)
TRUNCATED_NOTICE = (
    "its end is missing; marks may be missing too",
    "download it again, or open it in a PDF reader and save a copy",
)
_UNRELIABLE_TEXT = "its text layer differs from what the page shows"
_UNRELIABLE_TEXT_HINT = (
    "export it again from the program that wrote it, or add a text layer (OCR)"
)
HEADER_SEARCH_BYTES = 65_536
"""The number of bytes at the start of a file in which to look for `%PDF-`. PDFium accepts up to
1,024 bytes of junk before this header, and pypdf accepts more.
"""
_TAIL_BYTES = 2048
"""The number of bytes at the end of a file in which to look for a PDF's end marker."""
_MAX_OPEN_PAGES = 64
"""The maximum number of pages that PDFium keeps in memory at once."""
QUOTE_SEARCH_CHARS = 200
"""The number of characters, in addition to twice the length of a quote, to search after the start
of the quote's box.
"""
_MAX_PAGES_WITH_CHARS = 4
"""The maximum number of pages whose characters are kept in memory at once."""
# Matches the text of a cover page that a publisher put before a paper.
_PUBLISHER_COVER = regex(
    r"We are IntechOpen|Elsevier has created a COVID-19 resource centre"
)


# --- one request ------------------------------------------------------------------------


def process_pdf_request(request: Request) -> Reply:
    """Return the reply to a request about a PDF, or a `Failure` if the file can't be read.

    Never raises an exception because of a file's content.
    """
    path = Path(request.path)
    try:
        if isinstance(request, ReadPages):
            pdf = _open_for_pages(path, read_stamp(path))
            if isinstance(pdf, Failure):
                return pdf
            return pdf.read_pages(request.first, request.number)
        opened = _open_document(path)
        if isinstance(opened, Failure):
            return opened
        document, notices = opened
        with closing(document):
            if isinstance(request, CutAreas | DrawPage | MeasurePages):
                return _render(document, request)
            pages = _FilePages(document)
            if isinstance(request, ReadMarks):
                return _read_marks(pages, path.stem, notices, request)
            with closing(_OpenPdf(pages, path.stem)) as open_pdf:
                passages = map(open_pdf.find_context, request.quotes)
                return FindContextsReply(tuple(passages))
    except MemoryError:
        return _OUT_OF_MEMORY
    except FileNotFoundError:
        return Failure(VANISHED, MISSING_FILE_HINT)
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        return Failure(message, "check the file's permissions")
    except PDF_ERRORS:
        return DAMAGED_FILE


def _render(
    document: pdfium.PdfDocument, request: CutAreas | DrawPage | MeasurePages
) -> Reply:
    # imported on demand, because most files are only read
    from ankiforge.extract.pdf import rendering

    match request:
        case CutAreas():
            pictures = [rendering.cut_out_area(document, area) for area in request.areas]
            return CutAreasReply(tuple(pictures))
        case DrawPage():
            return rendering.draw_page(document, request)
        case MeasurePages():
            return rendering.read_page_sizes(document)


@lru_cache(maxsize=1)
def _open_for_pages(path: Path, stamp: Stamp | None) -> _OpenPdf | Failure:
    """Open the file whose pages are being read.

    It stays open, because opening it takes as long as reading a sixth of its pages.
    """
    opened = _open_document(path)
    if isinstance(opened, Failure):
        return opened
    document, _ = opened
    return _OpenPdf(_FilePages(document), path.stem)


def _open_document(path: Path) -> tuple[pdfium.PdfDocument, list[Pair]] | Failure:
    """Open a PDF. The caller must close the document.

    PDFium itself repairs a damaged or missing cross-reference table.

    Returns:
        (document, notices about the file), or a `Failure` if the file can't be opened.
    """
    with open(path, "rb", opener=open_regular_file) as file:
        head = file.read(HEADER_SEARCH_BYTES)
        file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        tail = file.read()
    if b"%PDF-" not in head:
        return _NOT_A_PDF if head.strip(b"\x00 \r\n\t") else EMPTY_FILE
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        return _LOCKED if "password" in str(error).lower() else DAMAGED_FILE
    if not len(document):
        document.close()
        return DAMAGED_FILE
    if b"%%EOF" in tail or b"startxref" in tail:
        return document, []
    return document, [TRUNCATED_NOTICE]


def _read_marks(
    pages: _FilePages, name: str, notices: list[Pair], request: ReadMarks
) -> ReadMarksReply:
    annotations = read_annotations(pages.iter_pages())
    if annotations.hidden_count:
        message = f"{format_count(annotations.hidden_count, 'hidden mark')} left out"
        notices = [(message, HIDDEN_MARKS_HINT), *notices]
    reply = ReadMarksReply(
        notices=tuple(notices),
        is_whole=TRUNCATED_NOTICE not in notices,
        left_out=annotations.left_out,
    )
    if request.named or annotations.marks or pages.damaged:
        with closing(_OpenPdf(pages, name)) as open_pdf:
            return open_pdf.read_marks(annotations.marks, reply)
    return reply


# --- pages ------------------------------------------------------------------------------


class _FilePages:
    def __init__(self, document: pdfium.PdfDocument) -> None:
        self.document = document
        self.damaged: list[int] = []
        """The numbers of the unreadable pages found so far."""
        # a page is closed when it is evicted from the cache, or when the document is closed
        keep_open = lru_cache(maxsize=_MAX_OPEN_PAGES)
        self._open_page = keep_open(document.__getitem__)
        self.load_text_page = keep_open(
            lambda number: load_upright_text(self._open_page(number))
        )
        """Returns the text page of a page, by number, after rotating the page upright.

        Raises one of the `PDF_ERRORS` if the page is damaged.
        """

    def __len__(self) -> int:
        return len(self.document)

    def iter_pages(self) -> Iterator[pdfium.PdfPage | None]:
        """Yield the pages in order, with None for pages that can't be opened."""
        for number in range(len(self)):
            yield self.read_or_default(number, self._open_page, None)

    def read_or_default(
        self,
        number: int,
        read: Callable[[int], Any],
        default: Any,
    ) -> Any:
        """Return `read(number)`. If the page is damaged, record this and return `default`."""
        try:
            return read(number)
        except PDF_ERRORS:
            if number not in self.damaged:
                self.damaged.append(number)
            return default

    def format_page_label(self, number: int) -> str:
        """Return the page label stored in the PDF or, if there is none, the page number from 1."""
        return to_one_line(self.document.get_page_label(number)) or str(number + 1)


class _MarkedPage(Value):
    number: int
    text: PageText
    body: Span
    """The span of the text without running headers and footers."""
    text_finder: MarkTextFinder


# --- marks and quotes -------------------------------------------------------------------


class _LocatedMark(Value):
    annotation: Annotation
    first_char: PrintedChar | None
    """The first covered character, falling back to the nearest one, or None if there is no text."""
    segments: Segments
    """The covered characters, which may begin or end within a word. The key is built from these."""
    span: Span
    """The span of the covered text, falling back to the nearest character."""
    word_segments: Segments
    """The covered characters, extended to whole words."""
    word_span: Span
    """The span of the whole words, falling back to the nearest character."""

    @property
    def sort_key(self) -> tuple[int, float, float]:
        """The key for sorting marks: by first character, from top to bottom, from left to right."""
        left, top = self.annotation.top_left
        return (self.first_char.visible_index if self.first_char else 0, -top, left)

    @property
    def style(self) -> tuple[str, str, str]:
        """What two marks have in common if the user made them in one go."""
        return self.annotation.kind, self.annotation.colour, self.annotation.author


class _LocatedQuote(NamedTuple):
    """A quote that was found on a page, or across the break to the next page."""

    text: str
    """The text of the page, or of both pages."""
    body: Span
    """The span of the text without running headers and footers, or all of it."""
    span: Span
    crosses_table: CrossesTable


_HYPHEN = "-"
_NO_CONTEXT = PassageContext("", "", None, "")


class _OpenPdf:
    def __init__(self, pages: _FilePages, name: str) -> None:
        """Read the text of all pages.

        `name` is the file name without its suffix.
        """

        def read_text(number: int) -> str:
            text: str = pages.load_text_page(number).get_text_range()
            return text

        def read_lines(number: int) -> list[PrintedLine]:
            return read_printed_lines(pages.load_text_page(number), self._texts[number])

        self._pages = pages
        self._read_chars = lambda number: read_chars(pages.load_text_page(number))
        self._page_cache: dict[int, _MarkedPage] = {}
        """The most recently used pages by number, starting with the least recently used one."""
        self._get_lines = cache(
            lambda number: pages.read_or_default(number, read_lines, [])
        )
        self._texts = [
            pages.read_or_default(number, read_text, "") for number in range(len(pages))
        ]
        self._spelling = Spelling(self._texts)
        self._running_lines = RunningHeaders(self._texts)
        has_cover = len(pages) > 1 and _PUBLISHER_COVER.search(self._texts[0])
        work_page = 1 if has_cover else 0
        self._work = read_work(
            pages.document,
            self._texts[work_page],
            self._get_lines(work_page),
            name,
        )
        self._outline = [
            entry
            for entry in read_outline(pages.document)
            if is_printed_on(entry.title, self._folded_texts[entry.page])
        ]

    def close(self) -> None:
        """Break the cached pages' reference cycles, which would otherwise keep them in memory."""
        for page in self._page_cache.values():
            page.text.close()

    def _get_page(self, number: int) -> _MarkedPage:
        page = self._page_cache.pop(number, None) or self._read_page(number)
        self._page_cache[number] = page
        if len(self._page_cache) > _MAX_PAGES_WITH_CHARS:
            oldest_number = next(iter(self._page_cache))
            self._page_cache.pop(oldest_number).text.close()
        return page

    def _read_page(self, number: int) -> _MarkedPage:
        chars = self._pages.read_or_default(number, self._read_chars, [])
        if chars:
            letters = CharReader(self._pages.load_text_page(number))
            text = PageText(chars, self._spelling, letters.get_font)
        else:
            text = PageText([], self._spelling, str)
        body = self._running_lines.find_body_span(number, text.text)
        return _MarkedPage(number, text, body, MarkTextFinder(text))

    @cached_property
    def _folded_texts(self) -> list[str]:
        return [normalize_for_lookup(text) for text in self._texts]

    def _find_headings(self, page: int, char_index: int, top: float) -> str:
        if not self._outline:
            return ""
        lines = self._get_lines(page)
        return format_headings(self._outline, lines, page, char_index, top)

    def _format_page_list(self, page_numbers: Sequence[int]) -> str:
        labels = list(map(self._pages.format_page_label, page_numbers))
        return f"page{'s' if len(labels) > 1 else ''} {format_truncated_list(labels)}"

    # --- marks

    def read_marks(
        self, annotations: Sequence[Annotation], reply: ReadMarksReply
    ) -> ReadMarksReply:
        """Complete `reply` with the document, its highlights and any problems."""
        identifying_names = find_identifying_names(annotations)
        # collect the marks in text order, and the areas of those that need a picture
        marks: list[Highlight] = []
        areas: list[tuple[int, Box]] = []
        previous: tuple[_MarkedPage, _LocatedMark] | None = None
        for page, located in self._iter_located_marks(annotations):
            mark = self._build_highlight(page, located, identifying_names)
            if previous and _continues_on_next_page(*previous, page, located):
                marks[-1] = self._join_marks(marks[-1], mark)
                previous = None
                continue
            if located.annotation.picture_area:
                areas.append((len(marks), located.annotation.picture_area))
            marks.append(mark)
            previous = (page, located)

        notices = reply.notices
        unreliable_count = sum(mark.skip_reason == _UNRELIABLE_TEXT for mark in marks)
        if unreliable_count:
            message = (
                "the text layer of this file is not reliable:"
                f" {format_count(unreliable_count, 'mark')} without cards"
            )
            notices = (*notices, (message, _UNRELIABLE_TEXT_HINT))
        return structs.replace(
            reply,
            document=self._build_document(),
            marks=tuple(marks),
            areas=tuple(areas),
            pages=self._fingerprint_pages(),
            problems=tuple(self._find_problems(marks)),
            notices=notices,
            is_whole=reply.is_whole and not self._pages.damaged,
        )

    def _iter_located_marks(
        self, annotations: Iterable[Annotation]
    ) -> Iterator[tuple[_MarkedPage, _LocatedMark]]:
        """Find what each annotation covers, and yield the marks in reading order."""
        annotations_by_page = defaultdict[int, list[Annotation]](list)
        for annotation in annotations:
            annotations_by_page[annotation.page].append(annotation)
        for page_number in sorted(annotations_by_page):
            page = self._get_page(page_number)
            marks = [
                _locate_mark(page, each) for each in annotations_by_page[page_number]
            ]
            for mark in sorted(marks, key=attrgetter("sort_key")):
                yield page, mark

    def _build_document(self) -> Document:
        id = compute_document_id(self._folded_texts, self._pages.iter_pages())
        return structs.replace(self._work, key=DocumentKey(f"pdf:{id}"))

    def _fingerprint_pages(self) -> tuple[tuple[str, int], ...]:
        return tuple(
            (hash16(page_text), len(page_text)) for page_text in self._folded_texts
        )

    def _find_problems(self, marks: Sequence[Highlight]) -> Iterator[Pair]:
        """Yield a problem for damaged pages, and one for marked pages that have no text."""
        if self._pages.damaged:
            page_list = self._format_page_list(self._pages.damaged)
            yield (f"{page_list} cannot be read", REPAIR_HINT)
        scanned_pages = {
            int(mark.block_id)
            for mark in marks
            if mark.kind in TEXT_MARK_KINDS.values() and not mark.exact
            if not self._folded_texts[int(mark.block_id)]
        }
        if scanned_pages:
            verb = "has" if len(scanned_pages) == 1 else "have"
            page_list = self._format_page_list(sorted(scanned_pages))
            message = f"{page_list} {verb} marks but no text, like a scan"
            yield (message, "add a text layer by OCR, and the marks are read")

    def _build_highlight(
        self,
        page: _MarkedPage,
        located: _LocatedMark,
        identifying_names: set[str],
    ) -> Highlight:
        """Build the highlight for an annotation from the text that it covers and the context."""
        annotation = located.annotation
        _, top = annotation.top_left
        char_index = located.first_char.char_index if located.first_char else 0
        covered = join_bullets(to_one_line(page.text.join_segments(located.segments)))
        exact = _find_marked_words(page, located)
        context = _find_mark_context(page, located)
        sentence = strip_footnote_number(context.sentence or "")
        if sentence in (exact, covered):
            sentence = ""
        is_misread = page.text.has_misread_letters(located.segments)
        return Highlight(
            document=self._work,
            namespace="",
            kind=annotation.kind,
            exact=exact,
            anchor_text=self._choose_anchor_text(annotation, exact, covered),
            anchor_context=_find_anchor_context(page, located),
            hints=tuple(annotation.iter_identity_hints(identifying_names)),
            prefix=context.prefix,
            suffix=context.suffix,
            sentence=sentence,
            surrounding_text=context.nearby,
            comment=annotation.get_distinct_comment(exact),
            colour=annotation.colour,
            author=annotation.author,
            created=format_date(annotation.created),
            modified=format_date(annotation.modified),
            page_label=self._pages.format_page_label(page.number),
            heading=self._find_headings(page.number, char_index, top),
            block_id=str(page.number),
            skip_reason=_UNRELIABLE_TEXT if is_misread else None,
        )

    def _choose_anchor_text(
        self, annotation: Annotation, exact: str, covered: str
    ) -> str:
        """Return the text that the key of a mark is built from, or "" if it is `exact`.

        `covered` is the text below the mark, which may begin or end within a word.
        """
        if exact:
            return "" if exact == covered else covered
        return annotation.contents or annotation.name or self._format_place(annotation)

    def _format_place(self, annotation: Annotation) -> str:
        """Format the text of the page, as a hash, and the box of an annotation on it."""
        edges = "x".join(str(round(edge)) for edge in annotation.box or ())
        return f"{hash16(self._folded_texts[annotation.page])}x{edges}"

    def _join_marks(self, first: Highlight, second: Highlight) -> Highlight:
        """Join two highlights on consecutive pages into one, which keeps the key of the first.

        PDF readers can't highlight across a page break, so users highlight the text before and
        after the break separately.
        """
        sentence = f"{first.sentence} {second.sentence}" if second.sentence else ""
        return structs.replace(
            first,
            exact=self._join_across_break(first.exact, second.exact),
            anchor_text=first.anchor_text or first.exact,
            anchor_context=first.anchor_context or (first.prefix, first.suffix),
            suffix=second.suffix,
            sentence=sentence,
            surrounding_text=_join_lines(first.surrounding_text, second.surrounding_text),
            comment=_join_lines(first.comment, second.comment),
            skip_reason=first.skip_reason or second.skip_reason,
        )

    def _join_across_break(self, before: str, after: str) -> str:
        """Join the texts before and after a page break, and the word that the break divides."""
        if not before.endswith(_HYPHEN):
            return f"{before} {after}"
        last_word = find_last_word(before.rstrip(_HYPHEN))
        if self._spelling.should_keep_hyphen(last_word, find_first_word(after)):
            return before + after
        return before.removesuffix(_HYPHEN) + after

    # --- the text of pages

    def read_pages(self, first: int, count: int) -> ReadPagesReply:
        """Return the lines of `count` pages from index `first`, without headers and footers.

        If the document ends earlier, only its remaining pages are returned.
        """
        page_numbers = range(first, min(first + count, len(self._texts)))
        return ReadPagesReply(
            paragraphs=tuple(tuple(self._iter_lines(number)) for number in page_numbers),
            labels=tuple(map(self._pages.format_page_label, page_numbers)),
            document=self._build_document(),
            prints=self._fingerprint_pages(),
        )

    def _iter_lines(self, page_number: int) -> Iterator[tuple[str, str, str | None]]:
        """Yield the lines of a page, each with its headings and the reason to skip it, if any."""
        page = self._get_page(page_number)
        line_start, body_end = page.body
        lines = page.text.text[line_start:body_end].split("\n")
        is_misread = page.text.has_misread_lines(line_start, lines)
        for line in lines:
            heading = ""
            if self._outline and page.text.chars:
                char = page.text.find_char_at(line_start)
                heading = self._find_headings(page_number, char.char_index, char.top)
            is_unreliable = is_misread and CLUSTER_LETTER.search(line)
            yield clean_text(line), heading, _UNRELIABLE_TEXT if is_unreliable else None
            line_start += len(line) + 1

    # --- quotes

    def find_context(self, quote: StoredQuote) -> QuoteContext:
        """Find the context of a quote near its box or, failing that, anywhere on its page.

        If the page doesn't contain the whole quote, it may continue on the next page. If it isn't
        found, the context is empty.
        """
        if not 0 <= quote.page < len(self._texts):
            return QuoteContext()
        located = self._locate_on_page(quote) or self._locate_across_break(quote)
        if located is None:
            return QuoteContext()
        context = find_passage_context(
            located.text,
            located.span,
            located.body,
            for_question=quote.asks,
            crosses_table=located.crosses_table,
        )
        char = self._get_page(quote.page).text.find_char_at(located.span[0])
        start, end = located.span
        displayed = copy_raised_figures(quote.text, located.text[start:end])
        return QuoteContext(
            prefix=context.prefix,
            suffix=context.suffix,
            sentence=context.get_distinct_sentence(quote.text),
            heading=self._find_headings(quote.page, char.char_index, char.top),
            surrounding_text=_clean_lines(context.nearby),
            displayed_text="" if displayed == quote.text else displayed,
        )

    def _locate_on_page(self, quote: StoredQuote) -> _LocatedQuote | None:
        """Locate a quote in the text after the start of its box, or else on the whole page."""
        page = self._get_page(quote.page)
        text = page.text.text
        start = _find_box_start(page, quote.box) if quote.box else 0
        end = start + 2 * len(quote.text) + QUOTE_SEARCH_CHARS
        near_span = locate_text(quote.text, text[start:end])
        if near_span is not None:
            span = (start + near_span[0], start + near_span[1])
            return _LocatedQuote(text, page.body, span, page.text.crosses_table)
        page_span = locate_text(quote.text, text)
        if page_span is None:
            return None
        return _LocatedQuote(text, page.body, page_span, page.text.crosses_table)

    def _locate_across_break(self, quote: StoredQuote) -> _LocatedQuote | None:
        """Locate a quote that begins on its page and continues on the next one."""
        if quote.page + 1 == len(self._texts):
            return None
        page = self._get_page(quote.page).text
        page_text = page.text
        if page_text.endswith(_HYPHEN):
            text_before = page_text.removesuffix(_HYPHEN)
        else:
            text_before = f"{page_text} "
        text = text_before + self._get_page(quote.page + 1).text.text
        span = locate_text(quote.text, text)
        if span is None or span[0] >= len(page_text):
            return None  # it begins on the next page
        return _LocatedQuote(text, (0, len(text)), span, page.crosses_table)


def _find_box_start(page: _MarkedPage, box: Box) -> int:
    """Return the offset of the character before the start of the first line in a box."""
    left, bottom, _, top = box
    nearest = page.text_finder.find_nearest_char(left, (bottom + top) / 2)
    if nearest is None or nearest.previous is None:
        return 0
    return nearest.previous.text_offset


def _locate_mark(page: _MarkedPage, annotation: Annotation) -> _LocatedMark:
    """Find the text that an annotation covers or, if it covers none, the nearest character."""
    segments: Segments = []
    if annotation.is_text_mark:
        segments = page.text_finder.find_covered_text(
            build_quads(annotation.quad_points, annotation.box)
        )
        if not segments:  # KOReader writes quads that cover nothing
            segments = page.text_finder.find_covered_text(build_quads((), annotation.box))
    if not segments:
        left, top = annotation.top_left
        nearest = page.text_finder.find_nearest_char(left, top)
        span = page.text.get_char_span(nearest, nearest) if nearest else (0, 0)
        return _LocatedMark(annotation, nearest, [], span, [], span)
    first_char, span = _find_extent(page, segments)
    word_segments = extend_to_words(segments)
    _, word_span = _find_extent(page, word_segments)
    return _LocatedMark(annotation, first_char, segments, span, word_segments, word_span)


def _find_extent(page: _MarkedPage, segments: Segments) -> tuple[PrintedChar, Span]:
    """Return the first of some characters in the text of the page, and the span of them all."""
    chars = sorted(chain.from_iterable(segments), key=attrgetter("visible_index"))
    return chars[0], page.text.get_char_span(chars[0], chars[-1])


def _find_marked_words(page: _MarkedPage, located: _LocatedMark) -> str:
    """Return the whole words that are marked, without list labels and footnote numbers."""
    words = page.text.join_segments(located.word_segments)
    exact = join_bullets(to_one_line(words))
    if located.first_char in page.text.list_items:
        exact = ITEM_LABEL.sub("", exact, count=1).strip() or exact
    return strip_footnote_number(exact)


def _find_anchor_context(page: _MarkedPage, located: _LocatedMark) -> Pair | None:
    """Return the text before and after a mark that begins or ends within a word.

    Returns None for other marks, whose key is built from the context that is shown.
    """
    if located.word_span == located.span:
        return None
    return find_sides(page.text.text, located.span, page.body)


def _continues_on_next_page(
    page: _MarkedPage, mark: _LocatedMark, next_page: _MarkedPage, next_mark: _LocatedMark
) -> bool:
    """Return whether two highlights on consecutive pages are parts of the same passage.

    Between each of them and the page break, there may be up to one line of other text, such as a
    header or footer that wasn't recognised.
    """
    if not mark.segments or not next_mark.segments:
        return False
    if next_page.number != page.number + 1 or mark.style != next_mark.style:
        return False
    start, end = mark.span
    next_start, next_end = next_mark.span
    text_below = page.text.text[end : page.body[1]].strip()
    text_above = next_page.text.text[next_page.body[0] : next_start].strip()
    for text in (text_below, text_above):
        if len(text) > MAX_RUNNING_LINE_CHARS or "\n" in text:
            return False
    mark_text = page.text.text[start:end].rstrip("”’\"')] ")
    next_mark_text = next_page.text.text[next_start:next_end]
    ends_sentence = mark_text[-1:] in ".!?。！？:;"
    if not ends_sentence and next_mark_text[:1].islower():
        return True
    return mark_text.endswith(_HYPHEN) and not text_below and not text_above


def _find_mark_context(page: _MarkedPage, located: _LocatedMark) -> PassageContext:
    """Find the text around a mark. For a note beside the text, this is only the nearest sentence.

    Text boxes have no context, nor do text marks that cover no text.
    """
    annotation = located.annotation
    is_note = not annotation.is_text_mark and not annotation.is_text_box
    if not located.segments and not (is_note and located.first_char):
        return _NO_CONTEXT
    context = find_passage_context(
        page.text.text,
        located.word_span,
        page.body,
        for_question=comment_questions.has_question_mark(annotation.comment),
        crosses_table=page.text.crosses_table,
    )
    if not located.segments:
        return structs.replace(_NO_CONTEXT, sentence=context.sentence)
    return structs.replace(context, nearby=_clean_lines(context.nearby))


def _clean_lines(text: str) -> str:
    return _join_lines(*map(to_one_line, text.split("\n")))


def _join_lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))
