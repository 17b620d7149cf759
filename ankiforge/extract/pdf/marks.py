"""Turn the annotations of a PDF into highlights, with the text that they cover and its context."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from msgspec import structs

from ankiforge.extract.cleaning import to_one_line
from ankiforge.extract.passage_context import PassageContext, find_sides
from ankiforge.extract.pdf.annotations import (
    TEXT_MARK_KINDS,
    Annotation,
    find_identifying_names,
    format_date,
)
from ankiforge.extract.pdf.blocks import ITEM_LABEL
from ankiforge.extract.pdf.boxes import Box
from ankiforge.extract.pdf.chars import PrintedChar
from ankiforge.extract.pdf.cleaning import strip_footnote_number
from ankiforge.extract.pdf.margins import MAX_RUNNING_LINE_CHARS
from ankiforge.extract.pdf.mark_text import build_quads, extend_to_words
from ankiforge.extract.pdf.messages import REPAIR_HINT, ReadMarksReply
from ankiforge.extract.pdf.open_pdf import (
    UNRELIABLE_TEXT,
    OpenPdf,
    PdfPage,
    find_context_in_pdf,
    join_lines,
)
from ankiforge.extract.pdf.page_text import Segments
from ankiforge.model import Highlight, Pair, Span, hash16
from ankiforge.text import comment_questions, format_count
from ankiforge.text.passages import join_bullets

_UNRELIABLE_TEXT_HINT = (
    "export it again from the program that wrote it, or add a text layer (OCR)"
)
_ENDS_OF_SENTENCE = ".!?。！？:;"


class CoveredText(NamedTuple):
    """The characters of a page that a mark covers, in reading order."""

    segments: Segments
    first_char: PrintedChar
    span: Span
    """The span from the first to the last character in the text of the page."""


class LocatedMark(NamedTuple):
    """An annotation on a page, with the text that it covers."""

    page: PdfPage
    annotation: Annotation
    covered: CoveredText | None
    """The covered text, which may begin or end within a word, or None if there is none. The key is
    built from this text.
    """
    words: CoveredText | None
    """The covered text, extended to whole words, or None if there is none."""
    first_char: PrintedChar | None
    """The first covered character, falling back to the nearest one, or None if the page has no
    text.
    """

    @property
    def sort_key(self) -> tuple[int, float, float]:
        """The key for sorting marks: by first character, from top to bottom, from left to right."""
        left, top = self.annotation.top_left
        index = 0 if self.first_char is None else self.first_char.visible_index
        return (index, -top, left)

    @property
    def style(self) -> tuple[str, str, str]:
        """What two marks have in common if the user made them in one go."""
        return self.annotation.kind, self.annotation.colour, self.annotation.author


# --- what a mark covers -----------------------------------------------------------------


def locate_mark(page: PdfPage, annotation: Annotation) -> LocatedMark:
    """Find the text that an annotation covers or, if it covers none, the nearest character."""
    covered = _find_covered_text(page, annotation)
    if covered is None:
        nearest = page.text_finder.find_nearest_char(*annotation.top_left)
        return LocatedMark(page, annotation, None, None, nearest)
    words = _build_covered_text(page, extend_to_words(covered.segments))
    return LocatedMark(page, annotation, covered, words, covered.first_char)


def _find_covered_text(page: PdfPage, annotation: Annotation) -> CoveredText | None:
    if not annotation.is_text_mark:
        return None
    # KOReader writes quads that cover nothing, so the box is tried next
    for quad_points in (annotation.quad_points, ()):
        quads = build_quads(quad_points, annotation.box)
        segments = page.text_finder.find_covered_text(quads)
        if segments:
            return _build_covered_text(page, segments)
    return None


def _build_covered_text(page: PdfPage, segments: Segments) -> CoveredText:
    chars = sorted(chain.from_iterable(segments), key=attrgetter("visible_index"))
    span = page.layout.get_char_span(chars[0], chars[-1])
    return CoveredText(segments, chars[0], span)


def _iter_located_marks(
    pdf: OpenPdf, annotations: Iterable[Annotation]
) -> Iterator[LocatedMark]:
    """Yield the marks in reading order."""
    annotations_by_page = defaultdict[int, list[Annotation]](list)
    for annotation in annotations:
        annotations_by_page[annotation.page].append(annotation)
    for page_number in sorted(annotations_by_page):
        page = pdf.get_page(page_number)
        marks = [locate_mark(page, each) for each in annotations_by_page[page_number]]
        yield from sorted(marks, key=attrgetter("sort_key"))


# --- all marks of a PDF -----------------------------------------------------------------


def read_marks(
    pdf: OpenPdf, annotations: Sequence[Annotation], reply: ReadMarksReply
) -> ReadMarksReply:
    """Complete `reply` with the document, its highlights in reading order and any problems."""
    identifying_names = find_identifying_names(annotations)
    marks: list[Highlight] = []
    areas: list[tuple[int, Box]] = []  # (index in `marks`, area to cut out)
    previous: LocatedMark | None = None
    for located in _iter_located_marks(pdf, annotations):
        mark = _build_highlight(pdf, located, identifying_names)
        if previous is not None and continues_on_next_page(previous, located):
            marks[-1] = _join_marks(pdf, marks[-1], mark)
            previous = None  # only two marks are joined
            continue
        if located.annotation.picture_area is not None:
            areas.append((len(marks), located.annotation.picture_area))
        marks.append(mark)
        previous = located
    return structs.replace(
        reply,
        document=pdf.build_document(),
        marks=tuple(marks),
        areas=tuple(areas),
        pages=pdf.fingerprint_pages(),
        problems=tuple(_find_problems(pdf, marks)),
        notices=(*reply.notices, *_find_notices(marks)),
        is_whole=reply.is_whole and not pdf.damaged_pages,
    )


def _find_problems(pdf: OpenPdf, marks: Sequence[Highlight]) -> Iterator[Pair]:
    """Yield a problem for damaged pages, and one for marked pages that have no text."""
    if pdf.damaged_pages:
        page_list = pdf.format_page_list(pdf.damaged_pages)
        yield (f"{page_list} cannot be read", REPAIR_HINT)
    scanned_pages = set()
    for mark in marks:
        page_number = int(mark.block_id)
        is_text_mark = mark.kind in TEXT_MARK_KINDS.values()
        if is_text_mark and not mark.exact and not pdf.folded_texts[page_number]:
            scanned_pages.add(page_number)
    if scanned_pages:
        verb = "has" if len(scanned_pages) == 1 else "have"
        page_list = pdf.format_page_list(sorted(scanned_pages))
        message = f"{page_list} {verb} marks but no text, like a scan"
        yield (message, "add a text layer by OCR, and the marks are read")


def _find_notices(marks: Sequence[Highlight]) -> Iterator[Pair]:
    """Yield a notice if the text of some marks is unreliable."""
    unreliable_count = sum(mark.skip_reason == UNRELIABLE_TEXT for mark in marks)
    if unreliable_count:
        message = (
            "the text layer of this file is not reliable:"
            f" {format_count(unreliable_count, 'mark')} without cards"
        )
        yield (message, _UNRELIABLE_TEXT_HINT)


# --- one highlight ----------------------------------------------------------------------


def _build_highlight(
    pdf: OpenPdf, located: LocatedMark, identifying_names: set[str]
) -> Highlight:
    """Build the highlight for an annotation from the text that it covers and the context."""
    page, annotation = located.page, located.annotation
    exact = _read_marked_words(located)
    covered_text = _read_covered_text(located)
    context = _find_mark_context(pdf, located, exact)
    sentence = strip_footnote_number(context.sentence)
    if sentence in (exact, covered_text):
        sentence = ""
    skip_reason = None
    if located.covered is not None:
        if page.layout.has_misread_letters(located.covered.segments):
            skip_reason = UNRELIABLE_TEXT
    return Highlight(
        document=pdf.work,
        namespace="",
        kind=annotation.kind,
        exact=exact,
        anchor_text=_choose_anchor_text(pdf, annotation, exact, covered_text),
        anchor_context=_find_anchor_context(located),
        hints=tuple(annotation.iter_identity_hints(identifying_names)),
        prefix=context.prefix,
        suffix=context.suffix,
        sentence=sentence,
        surrounding_text=context.surrounding_text,
        comment=annotation.get_distinct_comment(exact),
        colour=annotation.colour,
        author=annotation.author,
        created=format_date(annotation.created),
        modified=format_date(annotation.modified),
        page_label=pdf.format_page_label(page.number),
        heading=context.heading,
        block_id=str(page.number),
        skip_reason=skip_reason,
    )


def _read_covered_text(located: LocatedMark) -> str:
    """Return the text below a mark, which may begin or end within a word, or ""."""
    if located.covered is None:
        return ""
    text = located.page.layout.join_segments(located.covered.segments)
    return join_bullets(to_one_line(text))


def _read_marked_words(located: LocatedMark) -> str:
    """Return the whole words that are marked, without list labels and footnote numbers, or ""."""
    if located.words is None:
        return ""
    layout = located.page.layout
    exact = join_bullets(to_one_line(layout.join_segments(located.words.segments)))
    if located.first_char in layout.list_items:
        exact = ITEM_LABEL.sub("", exact, count=1).strip() or exact
    return strip_footnote_number(exact)


def _find_mark_context(pdf: OpenPdf, located: LocatedMark, exact: str) -> PassageContext:
    """Find the text around a mark. For a note beside the text, this is only the nearest sentence.

    Text boxes have no context, nor do text marks that cover no text.
    """
    page, annotation = located.page, located.annotation
    if located.words is not None:
        asks = comment_questions.has_question_mark(annotation.comment)
        return find_context_in_pdf(page, located.words.span, exact, for_question=asks)
    _, top = annotation.top_left
    nearest = located.first_char
    if nearest is None:
        return PassageContext(heading=pdf.find_headings(page.number, 0, top))
    heading = pdf.find_headings(page.number, nearest.char_index, top)
    if annotation.is_text_mark or annotation.is_text_box:
        return PassageContext(heading=heading)
    span = page.layout.get_char_span(nearest, nearest)
    context = find_context_in_pdf(page, span, exact, for_question=False)
    return PassageContext(sentence=context.sentence, heading=heading)


# --- the key of a mark ------------------------------------------------------------------


def _choose_anchor_text(
    pdf: OpenPdf, annotation: Annotation, exact: str, covered_text: str
) -> str:
    """Return the text that the key of a mark is built from, or "" if it is `exact`."""
    if exact:
        return "" if exact == covered_text else covered_text
    return annotation.contents or annotation.name or _format_place(pdf, annotation)


def _format_place(pdf: OpenPdf, annotation: Annotation) -> str:
    """Format the text of the page, as a hash, and the box of an annotation on it."""
    edges = "x".join(str(round(edge)) for edge in annotation.box or ())
    return f"{hash16(pdf.folded_texts[annotation.page])}x{edges}"


def _find_anchor_context(located: LocatedMark) -> Pair | None:
    """Return the text before and after a mark that begins or ends within a word.

    Returns None for other marks, whose key is built from the context that is shown.
    """
    covered, words = located.covered, located.words
    if covered is None or words is None or covered.span == words.span:
        return None
    return find_sides(located.page, covered.span)


# --- marks that continue on the next page -----------------------------------------------


def continues_on_next_page(mark: LocatedMark, next_mark: LocatedMark) -> bool:
    """Return whether two highlights on consecutive pages are parts of the same passage.

    Between each of them and the page break, there may be up to one line of other text, such as a
    header or footer that wasn't recognised.
    """
    if mark.covered is None or next_mark.covered is None:
        return False
    page, next_page = mark.page, next_mark.page
    if next_page.number != page.number + 1 or mark.style != next_mark.style:
        return False
    text_below = _find_text_below(page, mark.covered)
    text_above = _find_text_above(next_page, next_mark.covered)
    if not _is_at_most_a_line(text_below) or not _is_at_most_a_line(text_above):
        return False
    start, end = mark.covered.span
    marked_text = page.text[start:end].rstrip("”’\"')] ")
    next_start, next_end = next_mark.covered.span
    next_marked_text = next_page.text[next_start:next_end]
    ends_sentence = marked_text[-1:] in _ENDS_OF_SENTENCE
    if next_marked_text[:1].islower() and not ends_sentence:
        return True
    # a broken word is only joined if the marks are directly before and after the page break
    is_broken_word = marked_text.endswith("-")
    has_text_between = text_below != "" or text_above != ""
    return is_broken_word and not has_text_between


def _find_text_below(page: PdfPage, covered: CoveredText) -> str:
    """Return the text of a page after a mark, without headers and footers."""
    _, end = covered.span
    _, body_end = page.body
    return page.text[end:body_end].strip()


def _find_text_above(page: PdfPage, covered: CoveredText) -> str:
    """Return the text of a page before a mark, without headers and footers."""
    start, _ = covered.span
    body_start, _ = page.body
    return page.text[body_start:start].strip()


def _is_at_most_a_line(text: str) -> bool:
    return "\n" not in text and len(text) <= MAX_RUNNING_LINE_CHARS


def _join_marks(pdf: OpenPdf, first: Highlight, second: Highlight) -> Highlight:
    """Join two highlights on consecutive pages into one, which keeps the key of the first.

    PDF readers can't highlight across a page break, so users highlight the text before and
    after the break separately.
    """
    sentence = ""
    if second.sentence:
        sentence = f"{first.sentence} {second.sentence}"
    return structs.replace(
        first,
        exact=pdf.spelling.join_across_break(first.exact, second.exact),
        anchor_text=first.anchor_text or first.exact,
        anchor_context=first.anchor_context or (first.prefix, first.suffix),
        suffix=second.suffix,
        sentence=sentence,
        surrounding_text=join_lines(first.surrounding_text, second.surrounding_text),
        comment=join_lines(first.comment, second.comment),
        skip_reason=first.skip_reason or second.skip_reason,
    )
