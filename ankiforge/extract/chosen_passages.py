"""Add the passages chosen by the user or a chat to the highlights that are marked in a document.

Chosen passages are found by their text in the result of `FileSource.read_whole_text`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.extract.passage_context import StructuredText, find_passage_context
from ankiforge.model import (
    DocumentText,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Paragraph,
    PassageChoice,
    Problem,
    QuoteReading,
    Sighting,
    Span,
    Strings,
    UnmarkedDocument,
    hints,
)
from ankiforge.text.cloze import escape_markdown
from ankiforge.text.keys import build_reading
from ankiforge.text.located import (
    DocumentLetters,
    PassageMatch,
    relocate_passage,
)
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.private import PRIVATE_TAG


class _PageOfParagraphs(StructuredText):
    """The text in which a chosen passage is, with the paragraphs of its document."""

    def __init__(self, whole_text: DocumentText, located: PassageMatch) -> None:
        super().__init__(located.text)
        self._whole_text = whole_text
        self._page = located.page

    def find_heading(self, offset: int) -> str:
        """Return the headings of the paragraph at an offset."""
        for paragraph in self.find_paragraphs((offset, offset + 1)):
            return paragraph.heading
        return ""

    def find_paragraphs(self, span: Span) -> tuple[Paragraph, ...]:
        """Return the paragraphs that a passage is in."""
        start, end = span
        paragraphs = self._whole_text.paragraphs
        starts = [(paragraph.page, paragraph.start) for paragraph in paragraphs]
        first = max(bisect_right(starts, (self._page, start)) - 1, 0)
        last = bisect_right(starts, (self._page, end - 1))
        return paragraphs[first:last]


def build_highlight(whole_text: DocumentText, located: PassageMatch) -> Highlight:
    """Build a highlight for a chosen passage, as if the user had marked it in the document."""
    page = _PageOfParagraphs(whole_text, located)
    context = find_passage_context(page, located.span, located.quote)
    paragraphs = page.find_paragraphs(located.span)
    first_paragraph = next(iter(paragraphs), Paragraph(located.page, 0, 0))
    return Highlight(
        whole_text.document,
        whole_text.namespace,
        HighlightKind.HIGHLIGHT,
        exact=located.quote,
        prefix=context.prefix,
        suffix=context.suffix,
        sentence=context.sentence,
        markdown=_render_markup(whole_text, located),
        surrounding_text=context.surrounding_text,
        page_label=first_paragraph.page_label or whole_text.get_page_label(located.page),
        heading=context.heading,
        uri=first_paragraph.uri,
        tags=_collect_tags(paragraphs),
        block_id=first_paragraph.block_id or str(located.page),
        skip_reason=_find_skip_reason(whole_text, paragraphs),
    )


def _find_skip_reason(
    whole_text: DocumentText, paragraphs: Sequence[Paragraph]
) -> str | None:
    if whole_text.skip_reason is not None:
        return whole_text.skip_reason
    for paragraph in paragraphs:
        if paragraph.skip_reason is not None:
            return paragraph.skip_reason
    return None


def _collect_tags(paragraphs: Sequence[Paragraph]) -> Strings:
    tags: list[str] = []
    for paragraph in paragraphs:
        tags += paragraph.tags
    if any(paragraph.is_private for paragraph in paragraphs):
        tags.append(PRIVATE_TAG)
    return tuple(dict.fromkeys(tags))


def _render_markup(whole_text: DocumentText, located: PassageMatch) -> Strings:
    """Render a passage as Markdown, or return () if it has no markup."""
    if whole_text.render_markdown is None:
        return ()
    markdown = whole_text.render_markdown(*located.span)
    if markdown in ("", escape_markdown(located.quote)):
        return ()
    return (markdown,)


# --- adding them to the marks of a document ---------------------------------------------


class _LocatedHighlight(NamedTuple):
    position: int
    """The approximate index of the first letter in the document."""
    highlight: Highlight


def add_chosen_passages(
    sightings: Iterable[Sighting],
    whole_text: DocumentText,
    chosen: Iterable[PassageChoice],
    container: str,
) -> list[Sighting]:
    """Add the chosen passages to the highlights in the scan results of a file.

    A passage is skipped if its text isn't found, or if the document already has a highlight with
    the same text and context. If the file has no highlights of its own, a document is created.

    Args:
        sightings: The scan results of the file: at most one document, and problems.
        whole_text: The whole text of the document.
        chosen: The passages chosen in this document, or in a missing document that may have
            been renamed to this one.
        container: The container of the document, as in `ExtractedDocument`.

    Returns:
        The document, if there is one, followed by the problems.
    """
    document: ExtractedDocument | UnmarkedDocument | None = None
    others: list[Sighting] = []
    for sighting in sightings:
        if isinstance(sighting, ExtractedDocument | UnmarkedDocument):
            document = sighting
        else:
            others.append(sighting)

    letters = DocumentLetters(whole_text.pages)
    marks: list[_LocatedHighlight] = []
    if isinstance(document, ExtractedDocument):
        marks = _locate_marks(document.highlights, letters)
    additions = _locate_chosen_passages(letters, whole_text, chosen, marks)
    if not additions:
        return others if document is None else [document, *others]
    in_order = sorted([*marks, *additions], key=attrgetter("position"))
    highlights = tuple(each.highlight for each in in_order)
    if isinstance(document, ExtractedDocument):
        return [replace(document, highlights=highlights), *others]
    extracted = _build_document(document, whole_text, highlights, container)
    # a notice, such as that the file has no marks, isn't true any more
    failures = [each for each in others if not _is_notice(each)]
    return [extracted, *failures]


def _is_notice(sighting: Sighting) -> bool:
    return isinstance(sighting, Problem) and sighting.is_notice


def _locate_marks(
    highlights: Iterable[Highlight], letters: DocumentLetters
) -> list[_LocatedHighlight]:
    """Locate the marks of a document, which are in reading order."""
    marks = []
    position = 0
    for highlight in highlights:
        text = normalize_for_lookup(highlight.exact)
        position = max(letters.text.find(text, position), position)
        marks.append(_LocatedHighlight(position, highlight))
    return marks


def _locate_chosen_passages(
    letters: DocumentLetters,
    whole_text: DocumentText,
    chosen: Iterable[PassageChoice],
    marks: Iterable[_LocatedHighlight],
) -> list[_LocatedHighlight]:
    """Build a highlight for each chosen passage that is found, once, and that isn't marked."""
    readings = [build_reading(mark.highlight) for mark in marks]
    additions = []
    found_places: set[tuple[int, int]] = set()
    for passage in chosen:
        located = _locate_passage(letters, whole_text, passage)
        if located is None:
            continue
        start, _ = located.span
        place = (located.page, start)
        if place in found_places:  # two choices of the same passage
            continue
        found_places.add(place)
        highlight = replace(
            build_highlight(whole_text, located),
            hints=(hints.make_choice_hint(passage.id),),
            created=passage.created,
        )
        reading = build_reading(highlight)
        if not any(_is_same_passage(reading, other) for other in readings):
            position = letters.get_letter_index(*place)
            additions.append(_LocatedHighlight(position, highlight))
    return additions


def _locate_passage(
    letters: DocumentLetters, whole_text: DocumentText, passage: PassageChoice
) -> PassageMatch | None:
    """Locate a chosen passage, near the place where it was before."""
    expected_index = 0
    if passage.page < len(whole_text.pages):
        expected_index = letters.get_letter_index(passage.page, passage.start)
    elif whole_text.pages:
        expected_index = letters.get_letter_index(0, passage.start)
    return relocate_passage(letters, passage.readings, expected_index)


def _build_document(
    unmarked: UnmarkedDocument | None,
    whole_text: DocumentText,
    highlights: tuple[Highlight, ...],
    container: str,
) -> ExtractedDocument:
    """Build the document of a file that has only chosen passages."""
    if unmarked is None:
        unmarked = _describe_unmarked(whole_text, container)
    return ExtractedDocument(
        whole_text.document,
        highlights,
        container,
        whole_text.page_hashes,
        text_hash=whole_text.text_hash,
        private_texts=unmarked.private_texts,
        private_names=unmarked.private_names,
        public_text=unmarked.public_text,
        skipped_texts=unmarked.skipped_texts,
    )


def _describe_unmarked(whole_text: DocumentText, container: str) -> UnmarkedDocument:
    texts: list[str] = []
    names: list[str] = []
    for private in whole_text.list_private_texts():
        if private.is_name:
            names.append(private.text)
        else:
            texts.append(private.text)
    return UnmarkedDocument(
        container,
        whole_text.document.path,
        "",
        private_texts=tuple(texts),
        private_names=tuple(names),
    )


def _is_same_passage(chosen: QuoteReading, mark: QuoteReading) -> bool:
    """Return whether a chosen passage and a highlight are the same passage.

    Their texts must be equal. Unless the highlight has no context, the text before or the text
    after must be equal, too.
    """
    if normalize_for_lookup(chosen.exact) != normalize_for_lookup(mark.exact):
        return False
    if not mark.before and not mark.after:
        return True
    return chosen.before == mark.before or chosen.after == mark.after
