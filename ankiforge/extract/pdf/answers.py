"""Answers about one file from PDFium: annotations, the text under and around them, pictures.

A file that PDFium refuses is mended in memory, and PDFium reads the copy, so that the text of
a page, and with it all keys, come from one reader (`benchmarks/broken_pdfs.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cache, cached_property, lru_cache, partial
from io import BytesIO
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from msgspec import structs

from ankiforge.extract.files import READ_AGAIN, open_regular, stamp_at
from ankiforge.extract.pdf.annotations import (
    DRAWN_INTO,
    MOST_PAGES,
    ON_TEXT,
    Annotation,
    has_drawn_marks,
    iso,
    read_annotations,
    strong_names,
)
from ankiforge.extract.pdf.blocks import LABEL
from ankiforge.extract.pdf.chars import PrintedChar
from ankiforge.extract.pdf.cleaning import (
    Spelling,
    clean,
    first_word,
    last_word,
    one_line,
    unswapped,
    without_note_number,
)
from ankiforge.extract.pdf.coverage import (
    TextUnderMarks,
    around,
    quads,
    whole_words,
)
from ankiforge.extract.pdf.drawing import cut_out, measured, view_page
from ankiforge.extract.pdf.margins import LONGEST_LINE, Running
from ankiforge.extract.pdf.messages import (
    REPAIR,
    Around,
    Box,
    Contexts,
    Cut,
    DrawPage,
    Failed,
    Measure,
    PagesRead,
    Pictures,
    Question,
    QuoteContext,
    QuotedWords,
    Read,
    ReadPages,
    Reply,
    Request,
)
from ankiforge.extract.pdf.metadata import (
    document_id,
    headings_above,
    outline_of,
    read_work,
)
from ankiforge.extract.pdf.page_text import (
    FAULTS,
    PageText,
    Segments,
    font_of,
    page_chars,
    upright_text,
)
from ankiforge.extract.pdf.titles import PrintedLine, printed_lines
from ankiforge.model import (
    DRAWN,
    WENT_AWAY,
    Document,
    DocumentKey,
    Highlight,
    LeftOut,
    Pair,
    Span,
    Value,
    h16,
)
from ankiforge.text import asking, counted, regex
from ankiforge.text.fold import for_finding, locate, same
from ankiforge.text.passages import paragraphs_around, without_bullets

# The root of a document, and how an object begins: `12 0 obj`.
_CATALOG = re.compile(rb"/Type\s*/Catalog\b")
_OBJECT = re.compile(rb"(\d{1,10})\s+(\d{1,5})\s+obj\b")
# How far the beginning of the root may be from its type, in bytes.
_FAR = 4_000
# More objects than any file has; PDFium counts them itself.
_SIZE = 10_000_000


def repaired(path: Path) -> Iterator[bytes]:
    """Yield copies of a damaged file, each of which PDFium may be able to read.

    1. with a new trailer, if the end of the file is missing or damaged;
    2. as pypdf writes it again: it is more lenient about references and lengths, and decrypts
       what has an empty password;
    3. both.

    Raises:
        MemoryError: it takes more memory than is allowed.
        OSError: the file cannot be read.
    """
    raw = path.read_bytes()

    # a trailer that names the root: the last one is the newest; not of an encrypted file
    with_trailer = b""
    catalogs = list(_CATALOG.finditer(raw))
    if catalogs and b"/Encrypt" not in raw:
        catalog_start = catalogs[-1].start()
        first = max(0, catalog_start - _FAR)
        objects = list(_OBJECT.finditer(raw, first, catalog_start))
        if objects:
            root = b"/Root %s %s R" % objects[-1].groups()
            trailer = b"\ntrailer\n<< %s /Size %d >>\n" % (root, _SIZE)
            with_trailer = raw + trailer + b"startxref\n0\n%%EOF\n"
    if with_trailer:
        yield with_trailer
    for copy in (raw, with_trailer):
        written = _written_anew(copy) if copy else b""
        if written:
            yield written


def _written_anew(raw: bytes) -> bytes:
    """Return a file as pypdf writes it, b"" if pypdf cannot read it.

    Raises:
        MemoryError: it takes more memory than is allowed.
    """
    from pypdf import PdfReader, PdfWriter

    copy = BytesIO()
    try:
        reader = PdfReader(BytesIO(raw), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return b""
        PdfWriter(clone_from=reader).write(copy)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - of a damaged file, it raises errors of many kinds
        return b""
    return copy.getvalue()


# --- what is wrong with a file --------------------------------------------------------

_LOCKED = Failed(
    "it is locked with a password",
    "open it in a PDF reader and save a copy without a password",
)
_NO_PDF = Failed("it is not a PDF", "download it again, or leave it out with `exclude`")
EMPTY = Failed("the file is empty", "download it again")
DAMAGED = Failed("it is damaged, or protected in an unknown way", REPAIR)
_PAGES_NAMED = 12
HIDDEN = "PDF programs hide deleted marks; make them visible there to include them"
_TOO_BIG = Failed(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)
CUT = (
    "its end is missing; marks may be missing too",
    "download it again, or open it in a PDF reader and save a copy",
)
REPAIRED = (
    "it is damaged; what could be read was read, and marks may be missing",
    "download it again, or open it in a PDF reader and save a copy",
)
_MISREAD = "its letters are not those that the page shows: the text layer is not reliable"
_MISREAD_HINT = "export it anew from the program that wrote it, or add a text layer (OCR)"
HEAD = 65_536
"""Bytes in which a PDF must begin. PDFium takes 1,024 bytes of junk before it, pypdf more."""
_TAIL = 2048
"""Bytes at the end that are searched for the end of a complete file."""
_OPEN_PAGES = 64
"""Pages that PDFium keeps in memory at a time."""
NEAR = 200
"""Characters after the start of its box, beside twice its length, searched for a
quote."""
_NO_BOX = (0.0, 0.0, 0.0, 0.0)
_CHAR_PAGES = 4
"""Pages whose characters are kept in memory at a time."""
# A first page that a publisher puts before a paper.
_IS_COVER = regex(r"We are IntechOpen|Elsevier has created a COVID-19 resource centre")


# --- one question -----------------------------------------------------------------------


def answer_from(question: Question) -> Reply:
    """Answer a question about a PDF, or return why that failed.

    Never raises for bad content.
    """
    path = Path(question.path)
    try:
        if isinstance(question, ReadPages):
            return _whole(question, path)
        opened = _open(path)
        if isinstance(opened, Failed):
            return opened
        document, notices = opened
        with closing(document):
            return _answer(question, document, notices)
    except MemoryError:
        return _TOO_BIG
    except FileNotFoundError:
        return Failed(WENT_AWAY, READ_AGAIN)
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        return Failed(message, "check the file's permissions")
    except FAULTS:
        return DAMAGED


_being_read: dict[str, tuple[ExitStack, _OpenPdf]] = {}
"""The file whose pages were asked for last, by its path and stamp; empty if all were."""


def _whole(question: ReadPages, path: Path) -> Reply:
    """Return the text of some pages of a file, which stays open until its last ones are asked for.

    To open it takes as long as to read a sixth of its pages.
    """
    name = f"{path} {stamp_at(path)}"
    if name not in _being_read:
        for before, _ in _being_read.values():
            before.close()
        _being_read.clear()
        opened = _open(path)
        if isinstance(opened, Failed):
            return opened
        document, _ = opened
        stack = ExitStack()
        stack.enter_context(closing(document))
        pdf = stack.enter_context(closing(_OpenPdf(_FilePages(document), path.stem)))
        _being_read[name] = stack, pdf
    stack, pdf = _being_read[name]
    read = pdf.whole(question.first, question.number)
    if question.first + question.number >= len(read.prints):
        stack.close()
        del _being_read[name]
    return read


def _open(path: Path) -> tuple[pdfium.PdfDocument, list[Pair]] | Failed:
    """Open a file, or return why that failed. The caller closes it.

    PDFium repairs files whose cross-reference table is damaged or missing; what it refuses,
    it gets from `repair` once more.

    Returns:
        The file, and the notices about it.
    """
    with open(path, "rb", opener=open_regular) as file:
        head = file.read(HEAD)
        file.seek(max(path.stat().st_size - _TAIL, 0))
        tail = file.read()
    if b"%PDF-" not in head:
        return _NO_PDF if head.strip(b"\x00 \r\n\t") else EMPTY
    failure = DAMAGED
    try:
        pdf = _with_pages(path)
        if b"%%EOF" in tail or b"startxref" in tail:
            return pdf, []
        return pdf, [CUT]
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            failure = _LOCKED
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
    question: Request | Around | Cut | DrawPage | Measure,
    document: pdfium.PdfDocument,
    notices: list[Pair],
) -> Reply:
    """Answer a question about an open file; `notices` are those about it so far."""
    if isinstance(question, Cut):
        return Pictures(tuple(cut_out(document, area) for area in question.areas))
    if isinstance(question, DrawPage):
        return view_page(document, question)
    if isinstance(question, Measure):
        return measured(document)
    pages = _FilePages(document)
    name = Path(question.path).stem
    if isinstance(question, Around):
        with closing(_OpenPdf(pages, name)) as reading:
            return Contexts(tuple(map(reading.passage, question.quotes)))
    return _read(pages, name, notices, even_without_marks=question.named)


def _read(
    pages: _FilePages, name: str, notices: list[Pair], *, even_without_marks: bool
) -> Read:
    """Return the marks of an open file, with its notices."""
    annotations = read_annotations(pages.opened())
    if annotations.hidden:
        message = f"{counted(annotations.hidden, 'hidden mark')} left out"
        notices = [(message, HIDDEN), *notices]
    read = Read(
        notices=tuple(notices),
        is_whole=CUT not in notices and REPAIRED not in notices,
        left_out=annotations.left_out,
    )
    if even_without_marks or annotations.marks or pages.damaged:
        with closing(_OpenPdf(pages, name)) as reading:
            read = reading.read(annotations.marks, read)
    if not annotations.marks and not annotations.hidden:
        left_out = list(read.left_out)
        for number in range(min(len(pages), MOST_PAGES)):
            if pages.tried(number, pages.has_drawn_marks, False):
                place = f"page {pages.label(number)}"
                left_out.append(LeftOut(DRAWN, place, DRAWN_INTO))
        read = structs.replace(read, left_out=tuple(left_out))
    if read.problems:  # they name the pages that are missing
        other_notices = tuple([notice for notice in read.notices if notice != REPAIRED])
        read = structs.replace(read, notices=other_notices)
    return read


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


class _FilePages:
    """The pages of one open file, any of which may be damaged."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self.document = document
        self.damaged: list[int] = []
        """Pages that cannot be opened."""
        # PDFium closes a page when it leaves the cache, or with the document
        keep_open = lru_cache(maxsize=_OPEN_PAGES)
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
        """Return the result of reading a page, or something else if it is damaged."""
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


class _MarkedPage(Value):
    """A page with marks or quotes."""

    number: int
    text: PageText
    body: Span
    """The span of the text without running heads and feet."""
    passages: TextUnderMarks


# --- marks and quotes -------------------------------------------------------------------


class _LocatedMark(Value):
    """An annotation and the text that it covers."""

    annotation: Annotation
    segments: Segments
    begins: PrintedChar | None
    """Its first character, or the one beside it; None on a page without text."""
    span: Span
    """The span of the page's text that it covers, or else the character beside it."""
    words: Segments
    """The segments with the rest of the words in which they stop."""
    words_span: Span

    @property
    def order(self) -> tuple[int, float, float]:
        """The order of the annotations of a page: at one place, down and to the right."""
        left, _, _, top = self.annotation.box or _NO_BOX
        return (self.begins.place if self.begins else 0, -top, left)


_HYPHEN = "-"


class _OpenPdf:
    """One open file and the texts of its pages."""

    def __init__(self, pages: _FilePages, name: str) -> None:
        """Read the text of every page; `name` is that of the file."""

        def text_of(number: int) -> str:
            return unswapped(pages.text_page(number).get_text_range())

        def lines_of(number: int) -> list[PrintedLine]:
            lines = printed_lines(pages.text_page(number), self._texts[number])
            mended = self._spelling.mended
            return [structs.replace(line, text=mended(line.text)) for line in lines]

        self._pages = pages
        self._chars_of = lambda number: page_chars(pages.text_page(number))
        self._kept: dict[int, _MarkedPage] = {}
        """The last pages whose characters were read."""
        self._lines = cache(lambda number: pages.tried(number, lines_of, []))
        self._texts = [pages.tried(number, text_of, "") for number in range(len(pages))]
        self._spelling = Spelling(self._texts)
        self._running = Running(self._texts)
        first = int(len(pages) > 1 and _IS_COVER.search(self._texts[0]) is not None)
        self._work = read_work(
            pages.document,
            self._spelling.mended(self._texts[first]),
            self._lines(first),
            name,
        )
        self._outline = list(outline_of(pages.document))

    def close(self) -> None:
        """Let go of the pages."""
        for page in self._kept.values():
            page.text.close()

    def _page(self, number: int) -> _MarkedPage:
        """Return a page with its characters."""
        page = self._kept.pop(number, None)
        if page is None:
            chars = self._pages.tried(number, self._chars_of, [])
            font = partial(font_of, self._pages.text_page(number)) if chars else str
            text = PageText(chars, self._spelling, font)
            body = self._running.body(number, text.text)
            page = _MarkedPage(number, text, body, TextUnderMarks(text))
        self._kept[number] = page
        if len(self._kept) > _CHAR_PAGES:
            self._kept.pop(next(iter(self._kept))).text.close()
        return page

    @cached_property
    def _folds(self) -> list[str]:
        return [for_finding(text) for text in self._texts]

    def _heading(self, page: int, char_number: int, top: float) -> str:
        """Return the headings of the outline above a place on a page."""
        if not self._outline:
            return ""
        lines = self._lines(page)
        return headings_above(self._outline, lines, page, char_number, top)

    def _named(self, numbers: Sequence[int]) -> str:
        """Return pages by their labels for a message: the first twelve, and how many more."""
        labels = [self._pages.label(number) for number in numbers[:_PAGES_NAMED]]
        more = len(numbers) - len(labels)
        pages = f"page{'s' if len(numbers) > 1 else ''} {', '.join(labels)}"
        return f"{pages} and {more:,} more" if more else pages

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
        before: tuple[_MarkedPage, _LocatedMark] | None = None
        for number in sorted(annotations_by_page):
            page = self._page(number)
            located_on_page = []
            for annotation in annotations_by_page[number]:
                located_on_page.append(_locate(page, annotation))
            located_on_page.sort(key=attrgetter("order"))
            for located in located_on_page:
                mark = self._mark(page, located, names)
                if before and _goes_on(*before, page, located):
                    marks[-1] = self._joined(marks[-1], mark)
                    before = None
                    continue
                if located.annotation.area:
                    areas.append((len(marks), located.annotation.area))
                marks.append(mark)
                before = (page, located)

        return structs.replace(
            read,
            document=self._document(),
            marks=tuple(marks),
            areas=tuple(areas),
            pages=self._prints(),
            problems=tuple(self._problems(marks)),
            notices=(*read.notices, *_notices(marks)),
            is_whole=read.is_whole and not self._pages.damaged,
        )

    def _document(self) -> Document:
        """Return the work with the key of the file."""
        id = document_id(self._folds, self._pages.opened())
        return structs.replace(self._work, key=DocumentKey(f"pdf:{id}"))

    def _prints(self) -> tuple[tuple[str, int], ...]:
        """Return a fingerprint of each page."""
        return tuple((h16(page_text), len(page_text)) for page_text in self._folds)

    def _problems(self, marks: Sequence[Highlight]) -> Iterator[Pair]:
        """Yield the pages that cannot be read, and those without text under a mark."""
        if self._pages.damaged:
            yield (f"{self._named(self._pages.damaged)} cannot be read", REPAIR)
        scanned = set()
        for mark in marks:
            number = int(mark.block)
            lacks_text = mark.kind in ON_TEXT.values() and not mark.exact
            if lacks_text and not self._folds[number]:
                scanned.add(number)
        if scanned:
            has = "has" if len(scanned) == 1 else "have"
            message = f"{self._named(sorted(scanned))} {has} marks but no text, as a scan"
            yield (message, "add a text layer (OCR); the marks will then be read")

    def _mark(
        self,
        page: _MarkedPage,
        located: _LocatedMark,
        names: set[str],
    ) -> Highlight:
        """Return the highlight of an annotation, with its context on the page.

        `names` are the /NM values that identify a mark.
        """
        annotation = located.annotation
        _, _, _, top = annotation.box or _NO_BOX
        char_number = located.begins.number if located.begins else 0

        # its words, whole ones, without the letter of an item and the number of a note
        code = page.text.code(located.segments)
        printed = code or without_bullets(one_line(page.text.quote(located.segments)))
        exact = printed
        if not code and located.words != located.segments:
            exact = without_bullets(one_line(page.text.quote(located.words)))
        if located.begins in page.text.list_items:
            exact = LABEL.sub("", exact, count=1).strip() or exact
        exact = exact if code else without_note_number(exact)

        # its context: what is no mark on text has only the sentence beside it, and a mark on
        # text that covers none has nothing
        prefix = suffix = sentence = nearby = ""
        anchor_around: Pair | None = None
        if located.segments:
            text = page.text.text
            asks = asking.asks(annotation.comment)
            prefix, suffix, sentence = around(
                text,
                located.words_span,
                page.body,
                crosses_table=page.text.crosses_table,
            )
            if located.words_span != located.span:
                before, after, _ = around(text, located.span, page.body)
                anchor_around = (before, after)
            nearby = _nearby(text, located.words_span, page.body, asks=asks)
        elif located.begins and not annotation.on_text:
            _, _, sentence = around(
                page.text.text,
                located.span,
                page.body,
                crosses_table=page.text.crosses_table,
            )
        sentence = without_note_number(sentence)
        if code or sentence in (exact, printed):
            sentence = ""
        return Highlight(
            document=self._work,
            namespace="",
            kind=annotation.kind,
            exact=exact,
            anchor_text=self._anchor(page, annotation, exact, printed),
            anchor_around=anchor_around,
            hints=tuple(annotation.hints(names)),
            prefix=prefix,
            suffix=suffix,
            sentence=sentence,
            nearby=nearby,
            comment=annotation.comment_on(exact),
            colour=annotation.colour,
            author=annotation.author,
            created=iso(annotation.created),
            modified=iso(annotation.modified),
            page_label=self._pages.label(page.number),
            heading=self._heading(page.number, char_number, top),
            block=str(page.number),
            skip=_MISREAD if page.text.is_misread(located.segments) else "",
        )

    def _anchor(
        self, page: _MarkedPage, annotation: Annotation, exact: str, printed: str
    ) -> str:
        """Return the text that identifies a mark instead of its words, "" if they do.

        Without any it is its contents, its name or its place.
        """
        if exact:
            return "" if exact == printed else printed
        edges = "x".join(str(round(edge)) for edge in annotation.box or ())
        place = f"{h16(self._folds[page.number])}x{edges}"
        return annotation.contents or annotation.name or place

    def _joined(self, first: Highlight, second: Highlight) -> Highlight:
        """Return two marks as one: programs cannot mark over the end of a page.

        Its key is that of the first one.
        """
        words = first.exact
        word = last_word(words.rstrip(_HYPHEN))
        if not words.endswith(_HYPHEN):
            words += " "
        elif not self._spelling.keeps_hyphen(word, first_word(second.exact)):
            words = words.removesuffix(_HYPHEN)
        comments = filter(None, (first.comment, second.comment))
        sentence = f"{first.sentence} {second.sentence}" if second.sentence else ""
        return structs.replace(
            first,
            exact=words + second.exact,
            anchor_text=first.anchor_text or first.exact,
            anchor_around=first.anchor_around or (first.prefix, first.suffix),
            suffix=second.suffix,
            sentence=sentence,
            nearby="\n".join(filter(None, (first.nearby, second.nearby))),
            comment="\n".join(comments),
            skip=first.skip or second.skip,
        )

    # --- the whole text

    def whole(self, first: int, number: int) -> PagesRead:
        """Return the lines of some pages between running heads and feet."""
        labels = []
        pages = []
        for page_number in range(first, min(first + number, len(self._texts))):
            page = self._page(page_number)
            place, end = page.body
            paragraphs = []
            for line in page.text.text[place:end].split("\n"):
                heading = ""
                if self._outline and page.text.chars:
                    char = page.text.char_at(place)
                    heading = self._heading(page_number, char.number, char.top)
                paragraphs.append((clean(line), heading))
                place += len(line) + 1
            labels.append(self._pages.label(page_number))
            pages.append(tuple(paragraphs))
        document = self._document()
        return PagesRead(document, self._prints(), tuple(labels), tuple(pages))

    # --- quotes

    def passage(self, quote: QuotedWords) -> QuoteContext:
        """Return the context of a quote, which may have numbers of lines among its words."""
        if not 0 <= quote.page < len(self._texts):
            return QuoteContext()
        context = self._passage(quote)
        numbers = self._page(quote.page).text.line_numbers
        if not numbers or context != QuoteContext():
            return context
        words = " ".join(word for word in quote.words.split() if word not in numbers)
        context = self._passage(structs.replace(quote, words=words))
        if context == QuoteContext():
            return context
        return structs.replace(context, words=words)

    def _passage(self, quote: QuotedWords) -> QuoteContext:
        """Return the context of a quote, on its page or across the next page break."""
        page = self._page(quote.page)
        text = page.text.text
        body: Span | None = page.body

        # after the start of its box, if its words occur in several places; else anywhere
        start = 0
        crosses_table = page.text.crosses_table
        if quote.box:
            left, bottom, _, top = quote.box
            nearest = page.passages.nearest(left, (bottom + top) / 2)
            if nearest and nearest.previous:
                start = nearest.previous.start
        span = locate(quote.words, text[start : start + 2 * len(quote.words) + NEAR])
        if span is not None:
            span = (start + span[0], start + span[1])
        else:
            span = locate(quote.words, text)
        if span is None:
            # on this page and the next one, as if there were no break
            following = ""
            if quote.page + 1 < len(self._texts):
                following = self._page(quote.page + 1).text.text
            text_before = text[:-1] if text.endswith("-") else f"{text} "
            text = text_before + following if following else ""
            body = None
            span = locate(quote.words, text)
            if span is None or span[0] >= len(page.text.text):
                return QuoteContext()  # it begins on the next page
        prefix, suffix, sentence = around(text, span, crosses_table=crosses_table)
        char = page.text.char_at(span[0])
        return QuoteContext(
            prefix=prefix,
            suffix=suffix,
            sentence="" if same(sentence, quote.words) else sentence,
            heading=self._heading(page.number, char.number, char.top),
            nearby=_nearby(text, span, body, asks=quote.asks),
        )


def _notices(marks: Sequence[Highlight]) -> Iterator[Pair]:
    """Yield a notice with a hint if marks get no cards because the text layer is unreliable."""
    misread = [mark for mark in marks if mark.skip == _MISREAD]
    if misread:
        marked = counted(len(misread), "mark")
        message = f"the text layer of this file is not reliable: {marked} without cards"
        yield (message, _MISREAD_HINT)


def _locate(page: _MarkedPage, annotation: Annotation) -> _LocatedMark:
    """Find the text that an annotation covers, or the character beside it."""
    segments: Segments = []
    if annotation.on_text:
        segments = page.passages.under(quads(annotation.points, annotation.box))
        if not segments:  # KOReader writes quads that cover nothing
            segments = page.passages.under(quads((), annotation.box))
    if not segments:
        left, _, _, top = annotation.box or _NO_BOX
        nearest = page.passages.nearest(left, top)
        span = page.text.span(nearest, nearest) if nearest else (0, 0)
        return _LocatedMark(annotation, [], nearest, span, [], span)
    words = whole_words(segments)
    span = page.text.span(*_ends(segments))
    return _LocatedMark(
        annotation,
        segments,
        _ends(segments)[0],
        span,
        words,
        page.text.span(*_ends(words)),
    )


def _ends(segments: Segments) -> tuple[PrintedChar, PrintedChar]:
    """Return the first and the last character of a passage on its page."""
    chars = sorted(chain.from_iterable(segments), key=attrgetter("place"))
    return (chars[0], chars[-1])


def _goes_on(
    page: _MarkedPage, mark: _LocatedMark, next_page: _MarkedPage, following: _LocatedMark
) -> bool:
    """Return whether a mark at the foot of a page goes on in one at the head of the next.

    Between them may be a line of each page: its foot, its running head.
    """
    if next_page.number != page.number + 1 or not (mark.segments and following.segments):
        return False
    ours = mark.annotation
    theirs = following.annotation
    if (ours.kind, ours.colour, ours.author) != (
        theirs.kind,
        theirs.colour,
        theirs.author,
    ):
        return False
    start, end = mark.span
    next_start, next_end = following.span
    foot = page.text.text[end : page.body[1]].strip()
    head = next_page.text.text[next_page.body[0] : next_start].strip()
    if max(len(foot), len(head)) > LONGEST_LINE or "\n" in foot + head:
        return False
    words = page.text.text[start:end].rstrip("”’\"')] ")
    next_words = next_page.text.text[next_start:next_end]
    if words[-1:] not in ".!?。！？:;" and next_words[:1].islower():
        return True
    return not foot and not head and words.endswith(_HYPHEN)


def _nearby(text: str, span: Span, body: Span | None, *, asks: bool) -> str:
    """Return the paragraphs around a passage of a page, within `body`."""
    start, end = span
    first, last = body or (0, len(text))
    first = min(first, start)
    last = max(last, end)
    paragraphs = paragraphs_around(
        text[first:last],
        start - first,
        end - first,
        asks=asks,
    )
    lines = map(one_line, paragraphs.split("\n"))
    return "\n".join(filter(None, lines))
