"""Reading one file with PDFium: the annotations, the text under and around them, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, lru_cache
from hashlib import sha256
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from msgspec import structs

from ankiforge.extract.files import READ_AGAIN, open_regular
from ankiforge.extract.pdf import messages, works
from ankiforge.extract.pdf.annotations import (
    ON_TEXT,
    Annotation,
    cut_picture,
    iso,
    read_annotations,
    strong_names,
)
from ankiforge.extract.pdf.chars import FAULTS, page_chars, upright_text
from ankiforge.extract.pdf.clean import one_line, unswapped
from ankiforge.extract.pdf.passages import Passages, Running, around, quads
from ankiforge.extract.pdf.spelling import Spelling
from ankiforge.extract.pdf.text import PageText
from ankiforge.model import WENT_AWAY, DocumentKey, Highlight, Pair, Span, Value, h16, hints
from ankiforge.text import regex
from ankiforge.text.fold import canonical, fold, locate, same
from ankiforge.text.passages import paragraphs_around, without_bullets

LOCKED = messages.Failed(
    "it is locked with a password", "open it in a PDF reader and save a copy without a password"
)
NO_PDF = messages.Failed("it is not a PDF", "leave it out with `exclude`, or fetch it again")
EMPTY = messages.Failed("the file is empty", "fetch it again")
HIDDEN = "PDF programs hide deleted marks; make them visible there to include them"
TOO_BIG = messages.Failed(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)
CUT = (
    "its end is missing; marks may be missing too",
    "fetch it again, or open it in a PDF reader and save a copy",
)
HEAD = 1024
"""Bytes of junk before a PDF that PDFium accepts."""
TAIL = 2048
"""Bytes at the end that are searched for the end of a complete file."""
REPEATS = 90
"""Similarity (of 100) from which a comment only repeats the marked text."""
OPEN_PAGES = 64
"""Pages that PDFium keeps in memory at a time."""
NEAR = 200
"""Characters after the start of its box, beside twice its length, searched for a quote."""
CHAR_PAGES = 4
"""Pages whose characters are kept in memory at a time."""


def answer_from(question: messages.Question) -> messages.Reply:
    """Answer a question about a PDF, or return why that failed; never raises for bad content."""
    path = Path(question.path)
    try:
        document = _open(path)
        if isinstance(document, messages.Failed):
            return document
        with closing(document):
            if isinstance(question, messages.Cut):
                return messages.Pictures(
                    tuple(cut_picture(document, one) for one in question.areas)
                )
            reading = _Reading(document)
            if isinstance(question, messages.Around):
                return messages.Surroundings(reading.passages(question.quotes))
            found, hidden = read_annotations(reading.pages())
            told = ((f"hidden marks were left out: {hidden}", HIDDEN),) if hidden else ()
            read = messages.Read(notices=(*told, CUT) if _is_cut(path) else told)
            return reading.read(found, read) if question.named or found or reading.damaged else read
    except MemoryError:
        return TOO_BIG
    except FileNotFoundError:
        return messages.Failed(WENT_AWAY, READ_AGAIN)
    except OSError as error:
        what = f"it cannot be read: {error.strerror or error}"
        return messages.Failed(what, "check the file's permissions")
    except FAULTS:
        return messages.Failed("it is damaged, or protected in an unknown way", messages.REPAIR)


def _open(path: Path) -> pdfium.PdfDocument | messages.Failed:
    """Open a file, or return why that failed. The caller closes it.

    PDFium repairs files whose cross-reference table is damaged or missing.
    """
    with open(path, "rb", opener=open_regular) as file:
        head = file.read(HEAD)
    if b"%PDF-" not in head:
        return NO_PDF if head.strip(b"\x00 \r\n\t") else EMPTY
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            return LOCKED
        raise
    if not len(document):
        raise pdfium.PdfiumError("no pages")
    return document


def _is_cut(path: Path) -> bool:
    """Return whether the end of the file is missing."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        tail = file.read()
    return b"%%EOF" not in tail and b"startxref" not in tail


class _Page(Value):
    """A page with marks or quotes."""

    number: int
    text: PageText
    body: Span
    """The span of the text without running heads and feet."""
    passages: Passages


class _Found(Value):
    """An annotation and the text that it covers."""

    order: tuple[int, float, float]
    """The place on the page, and where that is."""
    annotation: Annotation
    segments: list[list[int]]
    span: Span
    """What it covers of the text of the page, or else the character beside it."""


class _Reading:
    """One open file and the texts of its pages."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self._document = document
        self.damaged: list[int] = []
        """Pages that cannot be opened."""
        # PDFium closes a page when it leaves the cache, or with the document
        self._opened = lru_cache(maxsize=OPEN_PAGES)(lambda number: [document[number]])
        self._lines = cache(lambda number: self._tried(number, self._printed, []))
        self._page = lru_cache(maxsize=CHAR_PAGES)(self._read_page)

    def _prepare(self) -> None:
        """Read the text of every page."""
        numbers = range(len(self._document))
        self._texts = [self._tried(number, self._page_text, "") for number in numbers]
        self._spelling = Spelling(self._texts)
        self._running = Running(self._texts)
        self._work = works.read_work(self._document, self._texts[0], self._lines(0))
        self._outline = list(works.outline_of(self._document))

    def read(self, annotations: Sequence[Annotation], read: messages.Read) -> messages.Read:
        """Return the marks and the work."""
        self._prepare()
        self._folds = [fold(text) for text in self._texts]
        names = strong_names(annotations)
        found, marks = list[_Found](), list[Highlight]()
        for number in sorted({one.page for one in annotations}):
            page = self._page(number)
            some = [_locate(page, one) for one in annotations if one.page == number]
            some.sort(key=attrgetter("order"))
            found += some
            marks += [self._mark(page, one, names) for one in some]
        areas = ((at, one.annotation.area) for at, one in enumerate(found))
        key = DocumentKey(f"pdf:{document_id(self._folds, self.pages())}")
        return structs.replace(
            read,
            document=structs.replace(self._work, key=key),
            marks=tuple(marks),
            areas=tuple((at, area) for at, area in areas if area),
            pages=tuple((h16(page), len(page)) for page in self._folds),
            problems=tuple(self._problems(marks)),
        )

    def passages(self, quotes: Iterable[messages.Quote]) -> tuple[messages.Passage, ...]:
        """Return the context of each quote."""
        self._prepare()
        return tuple(map(self._passage, quotes))

    def _passage(self, quote: messages.Quote) -> messages.Passage:
        """Return the context of a quote, on its page or across the next page break."""
        if not 0 <= quote.page < len(self._texts):
            return messages.Passage()
        page = self._page(quote.page)
        text, start = page.text.text, 0
        if quote.box:  # if the words stand in several places, take those in the box
            at = page.passages.nearest(quote.box[0], (quote.box[1] + quote.box[3]) / 2)
            start = page.text.span(at - 1, at)[0] if at else 0
        span = locate(quote.words, text[start : start + 2 * len(quote.words) + NEAR])
        span = (start + span[0], start + span[1]) if span else locate(quote.words, text)
        if span is None and quote.page + 1 < len(self._texts):
            after = self._page(quote.page + 1).text.text
            joined = text[:-1] + after if text.endswith("-") else f"{text} {after}"
            span = locate(quote.words, joined)
            span = span if span and span[0] < len(text) else None
            text = joined
        if span is None:
            return messages.Passage()
        prefix, suffix, sentence = around(text, span)
        char = page.text.chars[page.text.place(span[0])]
        return messages.Passage(
            prefix,
            suffix,
            "" if same(sentence, quote.words) else sentence,
            self._heading(page.number, char.number, char.top),
            _nearby(text, span, page.body if text is page.text.text else None, asks=quote.asks),
        )

    # --- pages

    def pages(self) -> Iterator[pdfium.PdfPage | None]:
        """Yield every page, None for those that cannot be opened."""
        for number in range(len(self._document)):
            yield self._tried(number, lambda number: self._opened(number)[0], None)

    def _tried(self, number: int, read: Callable[[int], Any], otherwise: Any) -> Any:
        """Return what is read from a page, or something else if it is damaged."""
        try:
            return read(number)
        except FAULTS:
            self.damaged += [] if number in self.damaged else [number]
            return otherwise

    def _text_page(self, number: int) -> pdfium.PdfTextPage:
        opened = self._opened(number)
        if len(opened) == 1:
            opened.append(upright_text(opened[0]))
        return opened[1]

    def _page_text(self, number: int) -> str:
        return unswapped(self._text_page(number).get_text_range())

    def _printed(self, number: int) -> list[works.PrintedLine]:
        return works.printed_lines(self._text_page(number), self._texts[number])

    def _read_page(self, number: int) -> _Page:
        chars = self._tried(number, lambda number: page_chars(self._text_page(number)), [])
        text = PageText(chars, self._spelling)
        return _Page(number, text, self._running.body(number, text.text), Passages(text))

    def _label(self, number: int) -> str:
        return one_line(self._document.get_page_label(number)) or str(number + 1)

    def _heading(self, page: int, index: int, top: float) -> str:
        lines = self._lines(page) if self._outline else []
        return works.headings_above(self._outline, lines, page, index, top)

    # --- marks

    def _mark(self, page: _Page, found: _Found, names: set[str]) -> Highlight:
        one, text, seen = found.annotation, page.text.text, page.text.chars
        code = page.text.code(found.segments)
        exact = code or without_bullets(one_line(page.text.quote(found.segments)))
        prefix, suffix, sentence = around(text, found.span, page.body) if seen else ("", "", "")
        if not found.segments:  # what is no mark on text has only the sentence beside it
            prefix, suffix, sentence = "", "", "" if one.on_text else sentence
        asks = "?" in one.comment
        top, place = one.box[3] if one.box else 0.0, seen[found.order[0]].number if seen else 0
        known = []
        if one.zotero:
            known.append(hints.zotero_annotation(one.zotero))
        if one.name and one.name in names:
            known.append(hints.pdf_annotation(one.name))
        if one.box:
            known.append(hints.position(page.number, one.box))
        return Highlight(
            document=self._work,
            namespace="",
            kind=one.kind,
            exact=exact,
            anchor_text="" if exact else self._stand_in(page, one),
            hints=tuple(known),
            prefix=prefix,
            suffix=suffix,
            sentence="" if code or sentence == exact else sentence,
            nearby=_nearby(text, found.span, page.body, asks=asks) if found.segments else "",
            comment="" if _repeats(one.comment, exact) else one.comment,
            colour=one.colour,
            author=one.author,
            created=iso(one.created),
            modified=iso(one.modified),
            page_label=self._label(page.number),
            heading=self._heading(page.number, place, top),
            block=str(page.number),
        )

    def _stand_in(self, page: _Page, annotation: Annotation) -> str:
        """Return what identifies a mark without text: its contents, its name, or its place."""
        place = "x".join(str(round(edge)) for edge in annotation.box or ())
        return annotation.contents or annotation.name or f"{h16(self._folds[page.number])}x{place}"

    def _problems(self, marks: Sequence[Highlight]) -> Iterator[Pair]:
        def listed(pages: Sequence[int]) -> str:
            return ", ".join(map(self._label, pages))

        if self.damaged:
            yield (f"pages that cannot be read: {listed(self.damaged)}", messages.REPAIR)
        bare = {int(one.block) for one in marks if one.kind in ON_TEXT.values() and not one.exact}
        if scanned := sorted(page for page in bare if not self._folds[page]):
            what = f"marks on pages without text, such as scans: {listed(scanned)}"
            yield (what, "add a text layer (OCR); the marks will then be read")


def _locate(page: _Page, annotation: Annotation) -> _Found:
    segments: list[list[int]] = []
    if annotation.on_text:
        for points in (annotation.points, ()):  # KOReader writes quads that cover nothing
            segments = segments or page.passages.under(quads(points, annotation.box))
    left, _, _, top = annotation.box or (0.0, 0.0, 0.0, 0.0)
    places = [at for some in segments for at in some] or [page.passages.nearest(left, top)]
    at = min((some[0] for some in segments), default=places[0])
    span = page.text.span(min(places), max(places)) if page.text.chars else (0, 0)
    return _Found((at, -top, left), annotation, segments, span)


def _nearby(text: str, span: Span, body: Span | None, *, asks: bool) -> str:
    """Return the paragraphs around a passage of a page, without what is outside of `body`."""
    (start, end), (low, high) = span, body or (0, len(text))
    low, high = min(low, start), max(high, end)
    cut = paragraphs_around(text[low:high], start - low, end - low, asks=asks)
    return "\n".join(filter(None, map(one_line, cut.split("\n"))))


_INSTRUCTS = regex(r"(?i)\s*(?:[cq]:|\?|skip\b)")


def _repeats(comment: str, exact: str) -> bool:
    """Return whether a comment only repeats the marked text; an instruction never does."""
    if _INSTRUCTS.match(comment) or not len(exact) / 2 < len(comment) < 2 * len(exact):
        return False
    from rapidfuzz import fuzz

    return fuzz.ratio(canonical(comment), canonical(exact)) > REPEATS


# --- identity of a document, see docs/keys.md -----------------------------------------------

LITTLE_TEXT = 200
"""Folded characters; a document with fewer is identified by what its pages draw, too."""
DEEPEST = 4
"""Levels of nested forms that are searched for pictures."""
MOST_DRAWN = 1000
"""Objects of a page that are examined, at most."""


def document_id(folds: Sequence[str], pages: Iterable[pdfium.PdfPage | None]) -> str:
    """Return 16 hex digits made from the folded texts of the pages, and from what they draw."""
    if sum(map(len, folds)) >= LITTLE_TEXT:
        return h16(*folds)
    return h16(*folds, *(one for page in pages if page for one in _drawn(page)))


def _drawn(page: pdfium.PdfPage) -> Iterator[str]:
    """Yield kind and place of what a page draws, in whole points, and a digest of each picture."""
    for one in islice(page.get_objects(max_depth=DEEPEST), MOST_DRAWN):
        yield " ".join(map(str, (one.type, *map(round, one.get_bounds()))))
        if isinstance(one, pdfium.PdfImage):
            yield sha256(one.get_data(decode_simple=True)).hexdigest()
