"""Reading one file with PDFium: the annotations, the text under and around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from pypdfium2 import PdfDocument, PdfImage, PdfPage, PdfTextPage  # type: ignore[import-untyped]

from ankiforge.extract.pdf.annotations import (
    DEEPEST,
    MOST,
    ON_TEXT,
    Annotation,
    Annotations,
    read_annotations,
    strong_names,
    threaded,
)
from ankiforge.extract.pdf.file import FAULTS, failure, is_cut, open_file
from ankiforge.extract.pdf.headings import Headings, PrintedLine, printed_lines
from ankiforge.extract.pdf.passages import Passages, Running, around, quads
from ankiforge.extract.pdf.text import (
    PageText,
    Spelling,
    one_line,
    page_chars,
    unswapped,
    upright_text,
)
from ankiforge.extract.pdf.worker import (
    REPAIR,
    Failed,
    Mark,
    Passage,
    Quote,
    Read,
    Surroundings,
    Work,
)
from ankiforge.extract.pdf.works import read_work
from ankiforge.model import Span, h16
from ankiforge.text.fold import canonical, fold, same
from ankiforge.text.passages import paragraphs_around, without_bullets

REPEATS = 90
"""Similarity (of 100) from which a comment only repeats the marked text."""
MOST_NAMED = 20
"""Pages named in one problem, at most."""
OPEN_PAGES = 64
"""Pages that PDFium keeps in memory at a time."""
NEAR = 200
"""Characters after the start of its box, beside twice its length, searched for a quote."""
CHAR_PAGES = 4
"""Pages whose characters are kept in memory at a time."""
CUT = (
    "its end is missing; marks may be missing too",
    "fetch it again, or open it in a PDF reader and save a copy",
)


def read_pdf(path: Path, passwords: Iterable[str] = (), *, named: bool = False) -> Read | Failed:
    """Read the marks of a file, or return why that failed; never raises for bad content.

    `named`: identify the work even if nothing is marked.
    """
    try:
        document = open_file(path, passwords)
        if isinstance(document, Failed):
            return document
        notices = (CUT,) if is_cut(path) else ()
        with closing(document):
            reading = _Reading(document)
            annotations = read_annotations(reading.pages())
            found = threaded(annotations.found)
            if not (named or found or reading.damaged):
                return Read(hidden=annotations.hidden, notices=notices)
            read = reading.read(annotations._replace(found=found))
        return replace(read, notices=notices)
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def find_passages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find the context of quotes in a file, or return why that failed, like `read_pdf`."""
    try:
        document = open_file(path, ())
        if isinstance(document, Failed):
            return document
        with closing(document):
            reading = _Reading(document)
            return Surroundings(tuple(map(reading.passage, quotes)))
    except (*FAULTS, MemoryError) as error:
        return failure(error)


class _Page(NamedTuple):
    """A page with marks or quotes."""

    number: int
    text: PageText
    body: Span
    """The span of the text without running heads and feet."""
    passages: Passages


class _Found(NamedTuple):
    """An annotation and the text that it covers."""

    annotation: Annotation
    segments: list[list[int]]
    at: int
    """The place on the page by which it is sorted."""


class _Reading:
    """One open file and the texts of its pages."""

    def __init__(self, document: PdfDocument) -> None:
        self._document = document
        self.damaged: list[int] = []
        """Pages that cannot be opened."""
        self._opened = lru_cache(maxsize=OPEN_PAGES)(self._open)
        self._lines = cache(self._printed_lines)
        self._page = lru_cache(maxsize=CHAR_PAGES)(self._read_page)

    @cached_property
    def _texts(self) -> list[str]:
        return [unswapped(self._page_text(number)) for number in range(len(self._document))]

    @cached_property
    def _folds(self) -> list[str]:
        return [fold(text) for text in self._texts]

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self._texts)

    @cached_property
    def _running(self) -> Running:
        return Running(self._texts)

    def read(self, annotations: Annotations) -> Read:
        """Return the marks and the work."""
        names = strong_names(annotations.found)
        marks = []
        for number in sorted({one.page for one in annotations.found}):
            page = self._page(number)
            found = [_locate(page, one) for one in annotations.found if one.page == number]
            marks += [self._mark(page, one, names) for one in sorted(found, key=_reading_order)]
        return Read(
            marks=tuple(marks),
            document=document_id(self._folds, self.pages()),
            pages=tuple((h16(page), len(page)) for page in self._folds),
            work=self._work,
            problems=tuple(self._problems(annotations, marks)),
            hidden=annotations.hidden,
        )

    def passage(self, quote: Quote) -> Passage:
        """Return the context of a quote, on its page or across the next page break."""
        from ankiforge.text.fold import locate  # most files need none of it

        if not 0 <= quote.page < len(self._texts):
            return Passage()
        page = self._page(quote.page)
        text, start = page.text.text, 0
        if quote.box:  # if the words stand in several places, take those in the box
            at = page.passages.nearest(quote.box[0], (quote.box[1] + quote.box[3]) / 2) or 0
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
            return Passage()
        prefix, suffix, sentence = around(text, span)
        char = page.text.seen[page.text.place(span[0])]
        body = page.body if text is page.text.text else None
        return Passage(
            prefix,
            suffix,
            "" if same(sentence, quote.words) else sentence,
            self._headings.above(page.number, char.place, char.top),
            _nearby(text, span, body, asks=quote.asks),
        )

    @cached_property
    def _work(self) -> Work:
        first = self._texts[0] if self._texts else ""
        return read_work(self._document, first, self._lines(0))

    @cached_property
    def _headings(self) -> Headings:
        return Headings(self._document, self._lines, len(self._texts), self._work.title)

    # --- pages

    def pages(self) -> Iterator[PdfPage | None]:
        """Yield every page, None for those that cannot be opened."""
        for number in range(len(self._document)):
            try:
                yield self._opened(number)[0]
            except FAULTS:
                self.damaged += [] if number in self.damaged else [number]
                yield None

    def _open(self, number: int) -> list[Any]:
        """Open a page; PDFium closes it when it leaves the cache, or with the document."""
        return [self._document[number]]

    def _text_page(self, number: int) -> PdfTextPage:
        opened = self._opened(number)
        if len(opened) == 1:
            opened.append(upright_text(opened[0]))
        return opened[1]

    def _page_text(self, number: int) -> str:
        try:
            text: str = self._text_page(number).get_text_range()
        except FAULTS:
            self.damaged += [] if number in self.damaged else [number]
            return ""
        return text

    def _printed_lines(self, number: int) -> list[PrintedLine]:
        try:
            return printed_lines(self._text_page(number), self._texts[number])
        except FAULTS:
            return []

    def _read_page(self, number: int) -> _Page:
        try:
            chars = page_chars(self._text_page(number))
        except FAULTS:
            chars = []
        text = PageText(chars, self._spelling)
        return _Page(number, text, self._running.body(number, text.text), Passages(text))

    def _label(self, number: int) -> str:
        return one_line(self._document.get_page_label(number)) or str(number + 1)

    # --- marks

    def _mark(self, page: _Page, found: _Found, names: set[str]) -> Mark:
        annotation = found.annotation
        code = page.text.code(found.segments)
        exact = code or without_bullets(one_line(page.text.quote(found.segments)))
        prefix, suffix, sentence = _context(page, found)
        box, seen, nearby = annotation.box, page.text.seen, ""
        if seen and found.segments:
            places = [at for segment in found.segments for at in segment]
            span = page.text.span(min(places), max(places))
            nearby = _nearby(page.text.text, span, page.body, asks="?" in annotation.comment)
        return Mark(
            page=page.number,
            label=self._label(page.number),
            kind=annotation.kind,
            exact=exact,
            stand_in="" if exact else self._stand_in(page, annotation),
            prefix=prefix,
            suffix=suffix,
            sentence="" if code or sentence == exact else sentence,
            heading=self._headings.above(
                page.number, seen[found.at].place if seen else 0, box[3] if box else 0.0
            ),
            nearby=nearby,
            comment="" if _repeats(annotation.comment, exact) else annotation.comment,
            colour=annotation.colour,
            author=annotation.author,
            name=annotation.name if annotation.name in names else "",
            zotero=annotation.zotero,
            at=" ".join(map(str, (page.number, *map(round, box)))) if box else "",
            created=annotation.created,
            modified=annotation.modified,
            area=annotation.area,
        )

    def _stand_in(self, page: _Page, annotation: Annotation) -> str:
        """Return what identifies a mark without text: its contents, its name, or its place."""
        place = "x".join(str(round(edge)) for edge in annotation.box or ())
        return annotation.contents or annotation.name or f"{h16(self._folds[page.number])}x{place}"

    # --- problems

    def _problems(
        self, annotations: Annotations, marks: Sequence[Mark]
    ) -> Iterator[tuple[str, str]]:
        if annotations.crowded:
            pages = self._page_list(annotations.crowded)
            what = f"only the first {MOST:,} marks were read on pages: {pages}"
            yield (what, "remove those you do not need")
        if self.damaged:
            yield (f"pages that cannot be read: {self._page_list(self.damaged)}", REPAIR)
        bare = [mark for mark in marks if mark.kind in ON_TEXT and not mark.exact]
        scanned = {mark.page: mark.label for mark in bare if not self._folds[mark.page]}
        if scanned:
            pages = ", ".join([*scanned.values()][:MOST_NAMED])
            what = f"marks on pages without text, such as scans: {pages}"
            yield (what, "add a text layer (OCR); the marks will then be read")

    def _page_list(self, pages: Sequence[int]) -> str:
        more = ", …" if len(pages) > MOST_NAMED else ""
        return ", ".join(map(self._label, pages[:MOST_NAMED])) + more


def _locate(page: _Page, annotation: Annotation) -> _Found:
    segments: list[list[int]] = []
    if annotation.kind in ON_TEXT:
        for points in (annotation.points, ()):  # KOReader writes quads that cover nothing
            segments = segments or page.passages.under(quads(points, annotation.box))
    if segments:
        return _Found(annotation, segments, min(segment[0] for segment in segments))
    left, _, _, top = annotation.box or (0.0, 0.0, 0.0, 0.0)
    return _Found(annotation, segments, page.passages.nearest(left, top) or 0)


def _reading_order(found: _Found) -> tuple[int, float, float]:
    left, _, _, top = found.annotation.box or (0.0, 0.0, 0.0, 0.0)
    return (found.at, -top, left)


def _context(page: _Page, found: _Found) -> tuple[str, str, str]:
    """Return (prefix, suffix, sentence) of a mark on text, for others only the sentence beside."""
    if not page.text.seen:
        return ("", "", "")
    places = [at for segment in found.segments for at in segment] or [found.at]
    span = page.text.span(min(places), max(places))
    context = around(page.text.text, span, page.body)
    if found.segments:
        return context
    return ("", "", context[2] if found.annotation.kind not in ON_TEXT else "")


def _nearby(text: str, span: Span, body: Span | None, *, asks: bool) -> str:
    """Return the paragraphs around a passage of a page, without what is outside of `body`."""
    (start, end), (low, high) = span, body or (0, len(text))
    low, high = min(low, start), max(high, end)
    cut = paragraphs_around(text[low:high], start - low, end - low, asks=asks)
    return "\n".join(filter(None, map(one_line, cut.split("\n"))))


_INSTRUCTS = re.compile(r"\s*(?:[cq]:|\?|skip\b)", re.IGNORECASE)


def _repeats(comment: str, exact: str) -> bool:
    """Return whether a comment only repeats the marked text; an instruction never does."""
    if _INSTRUCTS.match(comment) or not len(exact) / 2 < len(comment) < 2 * len(exact):
        return False
    from rapidfuzz import fuzz

    return fuzz.ratio(canonical(comment), canonical(exact)) > REPEATS


# --- identity of a document, see docs/keys.md -----------------------------------------------

LITTLE_TEXT = 200
"""Folded characters; a document with fewer is identified by what its pages draw, too."""
MOST_DRAWN = 1000
"""Objects of a page that are examined, at most."""


def document_id(folds: Sequence[str], pages: Iterable[PdfPage | None]) -> str:
    """Return 16 hex digits made from the folded texts of the pages, and from what they draw."""
    if sum(map(len, folds)) >= LITTLE_TEXT:
        return h16(*folds)
    return h16(*folds, *(one for page in pages if page for one in _drawn(page)))


def _drawn(page: PdfPage) -> Iterator[str]:
    """Yield kind and place of what a page draws, in whole points, and a digest of each picture."""
    for one in islice(page.get_objects(max_depth=DEEPEST), MOST_DRAWN):
        yield " ".join(map(str, (one.type, *map(round, one.get_bounds()))))
        if isinstance(one, PdfImage):
            yield sha256(one.get_data(decode_simple=True)).hexdigest()
