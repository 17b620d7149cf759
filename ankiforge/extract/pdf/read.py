"""Reading one file: pypdf gives the annotations, PDFium the text under them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from pypdf import PdfReader
from pypdfium2 import PdfDocument, PdfTextPage  # type: ignore[import-untyped]

from ankiforge.extract.pdf.annotations import (
    MOST,
    ON_TEXT,
    Annotation,
    Annotations,
    read_annotations,
    strong_names,
    threaded,
)
from ankiforge.extract.pdf.file import FAULTS, failure, is_whole, open_file
from ankiforge.extract.pdf.headings import Headings, PrintedLine, printed_lines, read_work
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
    Box,
    Failed,
    Mark,
    Passage,
    Quote,
    Read,
    Surroundings,
    Work,
)
from ankiforge.model import Span, h16
from ankiforge.text.anchors import paragraphs_around, without_bullets
from ankiforge.text.fold import canonical, fold, same

REPEATS = 90
"""Similarity (of 100) from which a comment only repeats the marked text."""
LETTER = (0.0, 0.0, 612.0, 792.0)
MOST_NAMED = 20
"""Pages named in one problem, at most."""
OPEN_PAGES = 64
"""Pages that PDFium keeps in memory at a time."""
NEAR = 200
"""Characters after the start of its box, beside twice its length, searched for a quote."""
CHAR_PAGES = 4
"""Pages whose characters are kept in memory at a time."""


def read_pdf(path: Path, passwords: Iterable[str] = (), *, named: bool = False) -> Read | Failed:
    """Read the marks of a file, or return why that failed; never raises for bad content.

    `named`: identify the work even if nothing is marked.
    """
    try:
        file = open_file(path, passwords)
        if isinstance(file, Failed):
            return file
        annotations = read_annotations(file.reader)
        hint = "fetch it again, or open it in a PDF reader and save a copy"
        notices: tuple[tuple[str, str], ...] = ()
        if file.is_repaired:
            # the text of an incomplete page would be incomplete, too
            pages, cut, kept = file.reader.pages, file.cut_object, []
            whole = {n: is_whole(pages[n], cut) for n in {one.page for one in annotations.found}}
            damaged = {*annotations.damaged}
            for one in annotations.found:
                if whole[one.page] and (one.reference is None or one.reference[0] != cut):
                    kept.append(one)
                else:
                    damaged.add(one.page)
            annotations = annotations._replace(found=kept, damaged=tuple(sorted(damaged)))
            count = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
            notices = ((f"damaged: read with a tolerant reader; {count}", hint),)
        elif file.is_cut:
            notices = (("its end is missing; marks may be missing too", hint),)
        found = threaded(annotations.found)
        if not (named or found or annotations.damaged or annotations.crowded):
            return Read(hidden=annotations.hidden, notices=notices)
        with closing(file.document()) as document:
            read = _Reading(file.reader, document).read(annotations._replace(found=found))
        return replace(read, notices=notices)
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def find_passages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find the context of quotes in a file, or return why that failed, like `read_pdf`."""
    try:
        file = open_file(path, ())
        if isinstance(file, Failed):
            return file
        with closing(file.document()) as document:
            reading = _Reading(file.reader, document)
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

    def __init__(self, reader: PdfReader, document: PdfDocument) -> None:
        self._reader = reader
        self._document = document
        self._open = lru_cache(maxsize=OPEN_PAGES)(self._open_page)
        self._damaged: list[int] = []
        self._texts = [self._page_text(number) for number in range(len(document))]
        self._folds = [fold(text) for text in self._texts]
        self._spelling = Spelling(self._texts)
        self._running = Running(self._texts)
        self._lines = cache(self._printed_lines)
        self._page = lru_cache(maxsize=CHAR_PAGES)(self._read_page)

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
            document=document_id(self._folds, self._reader.pages),
            pages=tuple((h16(page), len(page)) for page in self._folds),
            work=self._work,
            problems=tuple(self._problems(annotations, marks)),
            hidden=annotations.hidden,
        )

    def passage(self, quote: Quote) -> Passage:
        """Return the context of a quote, on its page or across the next page break."""
        from ankiforge.text.quotes import locate  # most files need none of it

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
            _nearby(text, span, body) if quote.asks else "",
        )

    @cached_property
    def _work(self) -> Work:
        first = self._texts[0] if self._texts else ""
        return read_work(self._reader, first, self._lines(0))

    @cached_property
    def _headings(self) -> Headings:
        return Headings(self._reader, self._lines, len(self._texts), self._work.title)

    # --- pages

    def _open_page(self, number: int) -> PdfTextPage:
        """Open a page; PDFium closes it when it leaves the cache, or with the document."""
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
        return _Page(number, text, self._running.body(number, text.text), Passages(text))

    @cached_property
    def _labels(self) -> list[str]:
        try:
            return [one_line(label) for label in self._reader.page_labels]
        except FAULTS:
            return []

    def _label(self, number: int) -> str:
        return (self._labels[number] if number < len(self._labels) else "") or str(number + 1)

    # --- marks

    def _mark(self, page: _Page, found: _Found, names: set[str]) -> Mark:
        annotation = found.annotation
        code = page.text.code(found.segments)
        exact = code or without_bullets(one_line(page.text.quote(found.segments)))
        prefix, suffix, sentence = _context(page, found)
        box, seen, nearby = annotation.box, page.text.seen, ""
        if "?" in annotation.comment and seen and found.segments:
            places = [at for segment in found.segments for at in segment]
            span = page.text.span(min(places), max(places))
            nearby = _nearby(page.text.text, span, page.body)
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
        if words := annotation.contents or annotation.name:
            return words
        try:
            box = self._reader.pages[page.number].mediabox
            media = (float(box.left), float(box.bottom), float(box.right), float(box.top))
        except FAULTS:
            media = LETTER  # the default of PDFium
        return place_name(
            h16(*self._folds[page.number : page.number + 1] or [""]), annotation.box, media
        )

    # --- problems

    def _problems(
        self, annotations: Annotations, marks: Sequence[Mark]
    ) -> Iterator[tuple[str, str]]:
        if annotations.damaged:
            pages = self._page_list(annotations.damaged)
            yield (f"annotations that cannot be read on pages: {pages}", REPAIR)
        if annotations.crowded:
            pages = self._page_list(annotations.crowded)
            what = f"only the first {MOST:,} marks were read on pages: {pages}"
            yield (what, "remove those you do not need")
        if self._damaged:
            yield (f"pages that cannot be read: {self._page_list(self._damaged)}", REPAIR)
        bare = [mark for mark in marks if mark.kind in ON_TEXT and not mark.exact]
        folds = dict(enumerate(self._folds))  # without pages that only pypdf finds
        scanned = {mark.page: mark.label for mark in bare if not folds.get(mark.page)}
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
        segments = page.passages.under(quads(annotation.points, annotation.box))
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


def _nearby(text: str, span: Span, body: Span | None) -> str:
    """Return the paragraphs around a passage of a page, without what is outside of `body`."""
    (start, end), (low, high) = span, body or (0, len(text))
    low, high = min(low, start), max(high, end)
    cut = paragraphs_around(text[low:high], start - low, end - low)
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
"""Folded characters; a document with fewer is identified by what its pages draw."""
PLAIN_FILTERS = frozenset({"/FlateDecode", "/LZWDecode", "/ASCII85Decode", "/ASCIIHexDecode"})
"""Programs change these filters when they save a file, but not the decoded data."""
MOST_DRAWN = 1000
"""Pictures and forms of a page that are examined, at most."""


def document_id(folds: Sequence[str], pages: Iterable[Any]) -> str:
    """Return 16 hex digits made from the folded texts of the pages, or from what they draw."""
    if sum(map(len, folds)) >= LITTLE_TEXT:
        return h16(*folds)
    digests: list[str] = []
    for page in pages:
        contents = _object(page, "/Contents")
        digests.append(_code_digest(contents if isinstance(contents, list) else [contents]))
        digests += sorted(_drawn(page))
    return h16(*digests)


def place_name(fold_hash: str, box: Box | None, media: Box) -> str:
    """Return a name for a rectangle, in tenths of its page's media box from the lower left."""
    if box is None:
        return f"{fold_hash}x"
    left, bottom, right, top = media
    across = (round(10 * (x - left) / max(right - left, 1.0)) for x in (box[0], box[2]))
    up = (round(10 * (y - bottom) / max(top - bottom, 1.0)) for y in (box[1], box[3]))
    tenths = (str(value) for pair in zip(across, up, strict=True) for value in pair)
    return f"{fold_hash}x{'x'.join(tenths)}"


def _drawn(page: Any) -> Iterator[str]:
    """Yield a digest of each picture and form that a page uses, also of forms within forms."""
    waiting = list(_named_objects(page))
    seen: set[int] = set()
    while waiting and len(seen) < MOST_DRAWN:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if _object(one, "/Subtype") == "/Image":
            yield sha256(_decoded(one)).hexdigest()
        elif _object(one, "/Subtype") == "/Form":
            yield _code_digest([one])
            waiting += _named_objects(one)


def _named_objects(user: Any) -> Iterator[Any]:
    """Yield the pictures and forms that a page or form names."""
    entries = _object(_object(user, "/Resources"), "/XObject")
    if isinstance(entries, dict):
        yield from (_object(entries, name) for name in entries)


def _code_digest(streams: Iterable[Any]) -> str:
    """Return a digest of drawing code, with white space collapsed: programs split it at will."""
    code = b"\n".join(_decoded(stream) for stream in streams)
    return sha256(b" ".join(code.split())).hexdigest()


def _object(entries: Any, key: str) -> Any:
    try:
        return entries[key].get_object()
    except FAULTS:
        return None


def _decoded(stream: Any) -> bytes:
    """Return the decoded bytes of a stream; the raw ones if it is a picture or damaged."""
    try:
        stream = stream.get_object()
        filters = _object(stream, "/Filter") or []
        names = {str(name) for name in (filters if isinstance(filters, list) else [filters])}
        return bytes(stream.get_data() if names <= PLAIN_FILTERS else stream._data)
    except FAULTS:
        return bytes(getattr(stream, "_data", b""))
