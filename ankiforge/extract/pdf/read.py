"""Reads one file: pypdf gives the annotations, PDFium the letters under them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from msgspec.structs import replace
from pypdf import PdfReader
from pypdfium2 import PdfDocument, PdfTextPage  # type: ignore[import-untyped]
from rapidfuzz import fuzz

from ankiforge.extract.pdf.annotations import (
    MOST,
    ON_TEXT,
    Annotation,
    Annotations,
    read_annotations,
    strong_names,
)
from ankiforge.extract.pdf.around import around
from ankiforge.extract.pdf.chars import page_chars, upright_text
from ankiforge.extract.pdf.faults import FAULTS, failure
from ankiforge.extract.pdf.headings import Headings, PrintedLine, printed_lines
from ankiforge.extract.pdf.identity import document_id, place_name
from ankiforge.extract.pdf.opening import Unlocked, unlocked
from ankiforge.extract.pdf.pagetext import PageText
from ankiforge.extract.pdf.passages import Box, Passages, quads
from ankiforge.extract.pdf.protocol import (
    REPAIR,
    Failed,
    Mark,
    Passage,
    Quote,
    Read,
    Surroundings,
    Work,
)
from ankiforge.extract.pdf.repair import is_whole
from ankiforge.extract.pdf.running import Running
from ankiforge.extract.pdf.spelling import Spelling, one_line, unswapped
from ankiforge.extract.pdf.threads import threaded
from ankiforge.extract.pdf.work import read_work
from ankiforge.model import Span, h16
from ankiforge.text.anchors import without_bullets
from ankiforge.text.fold import canonical, fold, same
from ankiforge.text.quotes import locate

REPEATS = 90
"""A comment that is so similar (of 100) to the marked text only repeats it."""
LETTER = (0.0, 0.0, 612.0, 792.0)
MOST_NAMED = 20
"""Pages a problem names."""
OPEN_PAGES = 64
"""Pages that PDFium holds in memory at a time."""
NEAR = 200
"""Characters after the beginning of its box, beside twice its length, in which a quote stands."""
CHAR_PAGES = 4
"""Pages whose letters are held in memory at a time."""


def read_pdf(path: Path, passwords: Iterable[str] = (), *, named: bool = False) -> Read | Failed:
    """Read the marks of a file, or say why not; never raises for what is in the file.

    `named`: what it is, though nothing be marked in it.
    """
    try:
        return _read(unlocked(path, passwords), named=named)
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def find_passages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find what stands around quotes in a file, or say why not; never raises for what is in it."""
    try:
        return _find(unlocked(path, ()), quotes)
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def _read(file: Unlocked | Failed, *, named: bool) -> Read | Failed:
    if isinstance(file, Failed):
        return file
    annotations = read_annotations(file.reader)
    if file.is_repaired:
        annotations = _of_whole_pages(file, annotations)
    found, notices = threaded(annotations.found), tuple(_notices(file))
    if not (named or found or annotations.damaged or annotations.crowded):
        return Read(hidden=annotations.hidden, notices=notices)
    with closing(file.document()) as document:
        read = _File(file.reader, document).read(annotations._replace(found=found))
    return replace(read, notices=notices)


def _of_whole_pages(file: Unlocked, annotations: Annotations) -> Annotations:
    """Only those that are complete, on pages whose text is: others would say less than is marked."""
    marked = sorted({one.page for one in annotations.found})
    pages, cut = file.reader.pages, file.cut_object
    broken = {page for page in marked if not is_whole(pages[page], cut)}
    lost = [
        one
        for one in annotations.found
        if one.page in broken or (one.reference is not None and one.reference[0] == cut)
    ]
    return annotations._replace(
        found=[one for one in annotations.found if one not in lost],
        damaged=tuple(sorted({*annotations.damaged, *(one.page for one in lost)})),
    )


def _notices(file: Unlocked) -> Iterator[tuple[str, str]]:
    hint = "fetch it again, or open it in a PDF reader and save a copy"
    pages = len(file.reader.pages)
    if file.is_repaired:
        count = "1 page" if pages == 1 else f"{pages} pages"
        yield (f"damaged: read with a tolerant reader; {count}", hint)
    elif file.is_cut:
        yield ("its end is missing: marks may be missing, too", hint)


def _find(file: Unlocked | Failed, quotes: Iterable[Quote]) -> Surroundings | Failed:
    if isinstance(file, Failed):
        return file
    with closing(file.document()) as document:
        found = _File(file.reader, document)
        return Surroundings(tuple(map(found.passage, quotes)))


@dataclass(frozen=True, slots=True)
class _Found:
    """An annotation and the text it lies on, ready to be told."""

    annotation: Annotation
    segments: list[list[int]]
    at: int
    """The place on the page at which it is read."""


class _Page:
    """One page that has marks."""

    def __init__(self, number: int, text: PageText, body: Span) -> None:
        self.number = number
        self.text = text
        self._body = body
        self._passages = Passages(text)

    def find(self, annotation: Annotation) -> _Found:
        segments: list[list[int]] = []
        if annotation.kind in ON_TEXT:
            segments = self._passages.under(quads(annotation.points, annotation.box))
        return _Found(annotation, segments, self._place(annotation, segments))

    def _place(self, annotation: Annotation, segments: list[list[int]]) -> int:
        if segments:
            return min(segment[0] for segment in segments)
        left, _, _, top = annotation.box or (0.0, 0.0, 0.0, 0.0)
        return self._passages.nearest(left, top) or 0

    def context(self, found: _Found, *, whole: bool = False) -> tuple[str, str, str]:
        """(prefix, suffix, sentence) of a mark on text; of others the sentence beside them.

        `whole`: with running heads and feet, as versions up to eaf6667 read it.
        """
        if not self.text.seen:
            return ("", "", "")
        places = [at for segment in found.segments for at in segment] or [found.at]
        span = self.text.span(min(places), max(places))
        context = around(self.text.text, span, None if whole else self._body, frozen=whole)
        if found.segments:
            return context
        return ("", "", context[2] if found.annotation.kind not in ON_TEXT else "")

    def place_of(self, quote: Quote) -> Span | None:
        """Where a quote stands in the text; if in several places, where its box lies."""
        text, start = self.text.text, self._offset(quote.box)
        span = locate(quote.words, text[start : start + 2 * len(quote.words) + NEAR])
        return (start + span[0], start + span[1]) if span else locate(quote.words, text)

    def _offset(self, box: Box | None) -> int:
        """Where in the text the line in a box begins, one character early; 0 if nobody knows."""
        at = self._passages.nearest(box[0], (box[1] + box[3]) / 2) if box else None
        return self.text.span(at - 1, at)[0] if at else 0


class _File:
    """One open file."""

    def __init__(self, reader: PdfReader, document: PdfDocument) -> None:
        self._reader = reader
        self._document = document
        self._open = lru_cache(maxsize=OPEN_PAGES)(self._open_page)
        self._damaged: list[int] = []
        self._texts = [self._page_text(number) for number in range(len(document))]
        self._spelling = Spelling(self._texts)
        self._running = Running(self._texts)
        self._lines = cache(self._printed_lines)
        self._page = lru_cache(maxsize=CHAR_PAGES)(self._read_page)

    def read(self, annotations: Annotations) -> Read:
        """All there is to say about the file."""
        self._names = strong_names(annotations.found)
        marks = tuple(self._marks(annotations.found))
        return Read(
            marks=marks,
            document=document_id(self._folds, self._reader.pages),
            pages=tuple((h16(page), len(page)) for page in self._folds),
            work=self._work,
            problems=(*self._left_out(annotations), *self._problems(marks)),
            hidden=annotations.hidden,
        )

    def passage(self, quote: Quote) -> Passage:
        """What stands around a quote, on its page or across the next page break."""
        if not 0 <= quote.page < len(self._texts):
            return Passage()
        page = self._page(quote.page)
        text, span = page.text.text, page.place_of(quote)
        if span is None:
            text, span = self._across(quote)
        if span is None:
            return Passage()
        prefix, suffix, sentence = around(text, span)
        formerly = around(text, span, frozen=True)[2]
        at = page.text.place(span[0])
        heading = self._headings.above(
            page.number, page.text.seen[at].place, page.text.seen[at].top
        )
        return Passage(
            prefix,
            suffix,
            "" if same(sentence, quote.words) else sentence,
            None if formerly == sentence else ("" if same(formerly, quote.words) else formerly),
            heading,
        )

    def _across(self, quote: Quote) -> tuple[str, Span | None]:
        """The text of a page and the one after it, and where in it a quote stands."""
        if quote.page + 1 == len(self._texts):
            return ("", None)
        first, second = (self._page(quote.page + more).text.text for more in (0, 1))
        text = first[:-1] + second if first.endswith("-") else f"{first} {second}"
        span = locate(quote.words, text)
        return (text, span if span and span[0] < len(first) else None)

    @cached_property
    def _work(self) -> Work:
        first = self._texts[0] if self._texts else ""
        return read_work(self._reader, first, self._lines(0))

    @cached_property
    def _headings(self) -> Headings:
        return Headings(self._reader, self._lines, len(self._texts), self._work.title)

    # --- pages ------------------------------------------------------------------------------

    @cached_property
    def _folds(self) -> list[str]:
        return [fold(text) for text in self._texts]

    def _open_page(self, number: int) -> PdfTextPage:
        """PDFium closes it when it leaves the cache, or with the document."""
        return upright_text(self._document[number])

    def _page_text(self, number: int) -> str:
        try:
            text: str = self._open(number).get_text_range()
        except FAULTS:
            self._damaged.append(number)
            return ""
        return unswapped(text)

    def _printed_lines(self, number: int) -> list[PrintedLine]:
        try:
            return printed_lines(self._open(number), self._texts[number])
        except FAULTS:
            return []

    def _read_page(self, number: int) -> _Page:
        try:
            chars = page_chars(self._open(number))
        except FAULTS:
            chars = []
        text = PageText(chars, self._spelling)
        return _Page(number, text, self._running.body(number, text.text))

    def _media(self, number: int) -> Box:
        """The media box of a page; US Letter, as in PDFium, where there is none of use."""
        try:
            box = self._reader.pages[number].mediabox
            return (float(box.left), float(box.bottom), float(box.right), float(box.top))
        except FAULTS:
            return LETTER

    def _fold(self, number: int) -> str:
        """The fold of a page, "" of one that only pypdf sees."""
        return self._folds[number] if number < len(self._folds) else ""

    @cached_property
    def _labels(self) -> list[str]:
        try:
            return [one_line(label) for label in self._reader.page_labels]
        except FAULTS:
            return []

    def _label(self, number: int) -> str:
        return (self._labels[number] if number < len(self._labels) else "") or str(number + 1)

    # --- marks ------------------------------------------------------------------------------

    def _marks(self, annotations: list[Annotation]) -> Iterator[Mark]:
        for number in sorted({one.page for one in annotations}):
            page = self._page(number)
            found = [page.find(one) for one in annotations if one.page == number]
            for one in sorted(found, key=_reading_order):
                yield self._mark(page, one)

    def _mark(self, page: _Page, found: _Found) -> Mark:
        annotation = found.annotation
        was = one_line(page.text.quote(found.segments))
        exact = without_bullets(was)
        prefix, suffix, sentence = page.context(found)
        *beside, sentence_was = page.context(found, whole=True)
        told = (exact, "" if sentence == exact else sentence)
        formerly = (was, "" if sentence_was == was else sentence_was)
        return Mark(
            page=page.number,
            label=self._label(page.number),
            kind=annotation.kind,
            exact=exact,
            stand_in="" if exact else self._stand_in(page, annotation),
            prefix=prefix,
            suffix=suffix,
            beside=None if beside == [prefix, suffix] else (beside[0], beside[1]),
            sentence=told[1],
            formerly=None if formerly == told else formerly,
            heading=self._heading(page, found),
            comment="" if _repeats(annotation.comment, exact) else annotation.comment,
            colour=annotation.colour,
            author=annotation.author,
            name=annotation.name if annotation.name in self._names else "",
            zotero=annotation.zotero,
            created=annotation.created,
            modified=annotation.modified,
            area=annotation.area,
        )

    def _stand_in(self, page: _Page, annotation: Annotation) -> str:
        words = annotation.contents or annotation.name
        if words:
            return words
        page_hash = h16(self._fold(page.number))
        return place_name(page_hash, annotation.box, self._media(page.number))

    def _heading(self, page: _Page, found: _Found) -> str:
        box = found.annotation.box
        seen = page.text.seen
        index = seen[found.at].place if seen else 0
        return self._headings.above(page.number, index, box[3] if box else 0.0)

    def _left_out(self, annotations: Annotations) -> Iterator[tuple[str, str]]:
        if annotations.damaged:
            yield (
                f"annotations that cannot be read on pages: {self._named(annotations.damaged)}",
                REPAIR,
            )
        if annotations.crowded:
            what = f"only the first {MOST:,} marks were read on pages:"
            yield (f"{what} {self._named(annotations.crowded)}", "remove those nobody needs")

    def _named(self, pages: Sequence[int]) -> str:
        more = ", …" if len(pages) > MOST_NAMED else ""
        return ", ".join(map(self._label, pages[:MOST_NAMED])) + more

    def _problems(self, marks: tuple[Mark, ...]) -> Iterator[tuple[str, str]]:
        if self._damaged:
            yield (f"pages that cannot be read: {self._named(self._damaged)}", REPAIR)
        bare = [mark for mark in marks if mark.kind in ON_TEXT and not mark.exact]
        scanned = {mark.page: mark.label for mark in bare if not self._fold(mark.page)}
        if scanned:
            pages = ", ".join([*scanned.values()][:MOST_NAMED])
            what = f"marks on pages without text, as scans are: {pages}"
            yield (what, "add a text layer (OCR); the marks will then be read")


def _reading_order(found: _Found) -> tuple[int, float, float]:
    left, _, _, top = found.annotation.box or (0.0, 0.0, 0.0, 0.0)
    return (found.at, -top, left)


_INSTRUCTS = re.compile(r"\s*(?:[cq]:|\?|skip\b)", re.IGNORECASE)


def _repeats(comment: str, exact: str) -> bool:
    """Whether a comment only says the marked words again; an instruction never does."""
    if _INSTRUCTS.match(comment):
        return False
    if not len(exact) / 2 < len(comment) < 2 * len(exact):
        return False
    return fuzz.ratio(canonical(comment), canonical(exact)) > REPEATS
