"""Reads one file: pypdf gives the annotations, PDFium the letters under them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from io import BytesIO
from pathlib import Path

from pypdf import PdfReader
from pypdfium2 import PdfDocument, PdfTextPage  # type: ignore[import-untyped]
from rapidfuzz import fuzz

from ankiforge.domain import h16
from ankiforge.extract.pdf.annotations import (
    MOST,
    ON_TEXT,
    Annotation,
    Annotations,
    read_annotations,
    strong_names,
)
from ankiforge.extract.pdf.chars import page_chars, upright_text
from ankiforge.extract.pdf.faults import EMPTY, FAULTS, LOCKED, NO_PDF, failure
from ankiforge.extract.pdf.headings import Headings, PrintedLine, printed_lines
from ankiforge.extract.pdf.identity import document_id, place_name
from ankiforge.extract.pdf.pagetext import PageText
from ankiforge.extract.pdf.passages import Box, Passages, quads
from ankiforge.extract.pdf.protocol import REPAIR, Mark, Read, Reply
from ankiforge.extract.pdf.spelling import Spelling, flowing, one_line
from ankiforge.extract.pdf.work import read_work
from ankiforge.text.anchors import CONTEXT
from ankiforge.text.fold import canonical, fold
from ankiforge.text.sentences import sentence_around

HEAD = 65_536
"""How many bytes of junk may stand before the PDF (PDFium itself bears 1,024)."""
REPEATS = 90
"""A comment that is so similar (of 100) to the marked text only repeats it."""
LETTER = (0.0, 0.0, 612.0, 792.0)
LONGEST = 600
"""Characters around a mark; a sentence with more is a table or list that lacks full stops."""
MOST_NAMED = 20
"""Pages a problem names."""
OPEN_PAGES = 64
"""Pages that PDFium holds in memory at a time."""
REACH = 300
"""Characters of page text from which the 80 of the context are cut, once they are clean."""


def read_pdf(path: Path, passwords: Iterable[str] = ()) -> Reply:
    """Read the marks of a file, or say why not; never raises for what is in the file."""
    try:
        return _read(path.read_bytes(), passwords)
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def _read(raw: bytes, passwords: Iterable[str]) -> Reply:
    start = raw.find(b"%PDF-", 0, HEAD)
    if start < 0:
        return NO_PDF if raw.strip(b"\x00 \r\n\t") else EMPTY
    data = raw[start:]
    reader = PdfReader(BytesIO(data))
    password = _unlock(reader, passwords)
    if password is None:
        return LOCKED
    annotations = read_annotations(reader)
    if not any(annotations):
        return Read()
    with closing(PdfDocument(data, password=password or None)) as document:
        return _File(reader, document).read(annotations)


def _unlock(reader: PdfReader, passwords: Iterable[str]) -> str | None:
    """The password that opens the file, "" if it needs none, None if none of them does."""
    if not reader.is_encrypted:
        return ""
    return next((word for word in ("", *passwords) if reader.decrypt(word)), None)


@dataclass(frozen=True, slots=True)
class _Found:
    """An annotation and the text it lies on, ready to be told."""

    annotation: Annotation
    segments: list[list[int]]
    at: int
    """The place on the page at which it is read."""


class _Page:
    """One page that has marks."""

    def __init__(self, number: int, text: PageText, fold_hash: str, media: Box) -> None:
        self.number = number
        self.text = text
        self.fold_hash = fold_hash
        self.media = media
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

    def context(self, found: _Found) -> tuple[str, str, str]:
        """(prefix, suffix, sentence) of a mark on text; of others the sentence beside them."""
        if not self.text.seen:
            return ("", "", "")
        places = [at for segment in found.segments for at in segment] or [found.at]
        start, end = self.text.span(min(places), max(places))
        sentence = self._sentence(start, end)
        if not found.segments:
            return ("", "", sentence if found.annotation.kind not in ON_TEXT else "")
        whole = self.text.text
        prefix = flowing(whole[max(start - REACH, 0) : start])[-CONTEXT:]
        return (prefix, flowing(whole[end : end + REACH])[:CONTEXT], sentence)

    def _sentence(self, start: int, end: int) -> str:
        """The sentences around, not beyond the block they stand in."""
        text = self.text.text
        first = max(text.rfind("\n", 0, start) + 1, start - 2 * LONGEST)
        last = text.find("\n", end, end + 2 * LONGEST)
        block = text[first : last if last >= 0 else end + 2 * LONGEST]
        left, right = sentence_around(block, start - first, end - first)
        longest = LONGEST + end - start
        return one_line(block[left:right]) if right - left <= longest else ""


class _File:
    """One open file."""

    def __init__(self, reader: PdfReader, document: PdfDocument) -> None:
        self._reader = reader
        self._document = document
        self._open = lru_cache(maxsize=OPEN_PAGES)(self._open_page)
        self._damaged: list[int] = []
        self._texts = [self._page_text(number) for number in range(len(document))]
        self._folds = [fold(text) for text in self._texts]
        self._spelling = Spelling(self._texts)
        self._lines = cache(self._printed_lines)

    def read(self, annotations: Annotations) -> Read:
        """All there is to say about the file."""
        first = self._texts[0] if self._texts else ""
        work = read_work(self._reader, first, self._lines(0))
        self._headings = Headings(self._reader, self._lines, len(self._texts), work.title)
        self._names = strong_names(annotations.found)
        marks = tuple(self._marks(annotations.found))
        return Read(
            marks=marks,
            document=document_id(self._folds, self._reader.pages),
            pages=tuple((h16(page), len(page)) for page in self._folds),
            work=work,
            problems=(*self._left_out(annotations), *self._problems(marks)),
        )

    # --- pages ------------------------------------------------------------------------------

    def _open_page(self, number: int) -> PdfTextPage:
        """PDFium closes it when it leaves the cache, or with the document."""
        return upright_text(self._document[number])

    def _page_text(self, number: int) -> str:
        try:
            text: str = self._open(number).get_text_range()
        except FAULTS:
            self._damaged.append(number)
            return ""
        return text

    def _printed_lines(self, number: int) -> list[PrintedLine]:
        try:
            return printed_lines(self._open(number), self._texts[number])
        except FAULTS:
            return []

    def _page(self, number: int) -> _Page:
        try:
            chars = page_chars(self._open(number))
        except FAULTS:
            chars = []
        text = PageText(chars, self._spelling)
        return _Page(number, text, h16(self._fold(number)), self._media(number))

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
        exact = one_line(page.text.quote(found.segments))
        prefix, suffix, sentence = page.context(found)
        return Mark(
            page=page.number,
            label=self._label(page.number),
            kind=annotation.kind,
            exact=exact,
            stand_in="" if exact else self._stand_in(page, annotation),
            prefix=prefix,
            suffix=suffix,
            sentence="" if sentence == exact else sentence,
            heading=self._heading(page, found),
            comment="" if _repeats(annotation.comment, exact) else annotation.comment,
            colour=annotation.colour,
            author=annotation.author,
            name=annotation.name if annotation.name in self._names else "",
            zotero=annotation.zotero,
        )

    def _stand_in(self, page: _Page, annotation: Annotation) -> str:
        words = annotation.contents or annotation.name
        return words or place_name(page.fold_hash, annotation.box, page.media)

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
