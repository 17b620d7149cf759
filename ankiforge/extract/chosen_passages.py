"""Add the passages chosen by the user or a chat to the highlights that are marked in a document.

Chosen passages are found by their text in the result of `FileSource.read_whole_text`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

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
    Strings,
    UnmarkedDocument,
    hints,
)
from ankiforge.text.cloze import escape_markdown
from ankiforge.text.keys import CONTEXT_CHARS, build_reading
from ankiforge.text.located import (
    DocumentLetters,
    PassageMatch,
    relocate_passage,
)
from ankiforge.text.normalize import is_same_text, normalize_for_lookup
from ankiforge.text.passages import get_paragraphs_around
from ankiforge.text.private import PRIVATE_TAG


def build_highlight(whole_text: DocumentText, located: PassageMatch) -> Highlight:
    """Build a highlight for a chosen passage, as if the user had marked it in the document."""
    from ankiforge.extract.pdf.mark_text import get_passage_context

    prefix, suffix, sentence = get_passage_context(located.text, located.span)
    start, end = located.span
    starts = [(paragraph.page, paragraph.start) for paragraph in whole_text.paragraphs]
    first = max(bisect_right(starts, (located.page, start)) - 1, 0)
    last = bisect_right(starts, (located.page, end - 1))
    paragraphs = whole_text.paragraphs[first:last]
    first_paragraph = paragraphs[0] if paragraphs else Paragraph(located.page, 0, 0)
    markdown = _render_markup(whole_text, located)
    return Highlight(
        whole_text.document,
        whole_text.namespace,
        HighlightKind.HIGHLIGHT,
        exact=located.quote,
        prefix=prefix[-CONTEXT_CHARS:],
        suffix=suffix[:CONTEXT_CHARS],
        sentence="" if is_same_text(sentence, located.quote) else sentence,
        markdown=(markdown,) if markdown else (),
        surrounding_text=get_paragraphs_around(
            located.text, *located.span, for_question=False
        ),
        page_label=first_paragraph.page_label or whole_text.get_page_label(located.page),
        heading=first_paragraph.heading,
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
    reasons = (paragraph.skip_reason for paragraph in paragraphs)
    return next(filter(None, reasons), None)


def _collect_tags(paragraphs: Sequence[Paragraph]) -> Strings:
    tags = [tag for paragraph in paragraphs for tag in paragraph.tags]
    if any(paragraph.is_private for paragraph in paragraphs):
        tags.append(PRIVATE_TAG)
    return tuple(dict.fromkeys(tags))


def _render_markup(whole_text: DocumentText, located: PassageMatch) -> str:
    """Render a passage as Markdown, or return "" if it has no markup."""
    if not whole_text.render_markdown:
        return ""
    markdown = whole_text.render_markdown(*located.span)
    return "" if markdown == escape_markdown(located.quote) else markdown


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
    """
    letters = DocumentLetters(whole_text.pages)
    other_sightings: list[Sighting] = []
    document: ExtractedDocument | UnmarkedDocument | None = None
    for sighting in sightings:
        if isinstance(sighting, ExtractedDocument | UnmarkedDocument):
            document = sighting
        else:
            other_sightings.append(sighting)

    # the marks, with their approximate positions
    positioned: list[tuple[int, Highlight]] = []
    position = 0
    for mark in document.highlights if document else ():
        text = normalize_for_lookup(mark.exact)
        position = max(letters.text.find(text, position), position)
        positioned.append((position, mark))
    mark_sides = [build_reading(mark) for _, mark in positioned]

    chosen_positions = set[tuple[int, int]]()
    for passage in chosen:
        page = passage.page if passage.page < len(whole_text.pages) else 0
        expected_index = 0
        if whole_text.pages:
            expected_index = letters.get_letter_index(page, passage.start)
        located = relocate_passage(letters, passage.readings, expected_index)
        if located is None or (located.page, located.span[0]) in chosen_positions:
            continue
        chosen_positions.add((located.page, located.span[0]))
        highlight = replace(
            build_highlight(whole_text, located),
            hints=(hints.make_choice_hint(passage.id),),
            created=passage.created,
        )
        side = build_reading(highlight)
        if any(_is_same_passage(side, other) for other in mark_sides):
            continue
        index = letters.get_letter_index(located.page, located.span[0])
        positioned.append((index, highlight))
    if len(positioned) == len(mark_sides):
        return [document, *other_sightings] if document else other_sightings
    positioned.sort(key=lambda pair: pair[0])
    highlights = tuple(highlight for _, highlight in positioned)
    if isinstance(document, ExtractedDocument):
        return [replace(document, highlights=highlights), *other_sightings]
    private_texts = whole_text.list_private_texts()
    unmarked = document or UnmarkedDocument(
        container,
        whole_text.document.path,
        "",
        private_texts=tuple([each.text for each in private_texts if not each.is_name]),
        private_names=tuple([each.text for each in private_texts if each.is_name]),
    )
    extracted = ExtractedDocument(
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
    problems = [
        sighting
        for sighting in other_sightings
        if not isinstance(sighting, Problem) or not sighting.is_notice
    ]
    return [extracted, *problems]


def _is_same_passage(chosen: QuoteReading, mark: QuoteReading) -> bool:
    """Return whether a chosen passage and a highlight are the same passage.

    Their texts must be equal. Unless the highlight has no context, the text before or the text
    after must be equal, too.
    """
    if normalize_for_lookup(chosen.exact) != normalize_for_lookup(mark.exact):
        return False
    has_sides = bool(mark.before or mark.after)
    return not has_sides or chosen.before == mark.before or chosen.after == mark.after
