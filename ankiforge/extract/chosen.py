"""Passages that a chat, or a person on the page, chose in documents without marking them.

The reader of a document takes them as further marks: `FileSource.whole` says what they are in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ankiforge.model import (
    Chosen,
    Extracted,
    Highlight,
    HighlightKind,
    Paragraph,
    Problem,
    Side,
    Sighting,
    Unmarked,
    WholeText,
    hints,
)
from ankiforge.text.fold import for_finding, same
from ankiforge.text.keys import CONTEXT, side_of
from ankiforge.text.located import Letters, Located, find_again
from ankiforge.text.passages import paragraphs_around
from ankiforge.text.private import TAG


def highlight_at(whole: WholeText, located: Located) -> Highlight:
    """Return a stretch of a document as the highlight that a mark on it would be."""
    from ankiforge.extract.pdf.coverage import around

    prefix, suffix, sentence = around(located.text, located.span)
    over = _paragraphs_at(whole, located)
    first = over[0] if over else Paragraph(located.page, 0, 0)
    tags = [tag for paragraph in over for tag in paragraph.tags]
    if any(paragraph.private for paragraph in over):
        tags.append(TAG)
    return Highlight(
        whole.document,
        whole.namespace,
        HighlightKind.HIGHLIGHT,
        exact=located.words,
        prefix=prefix[-CONTEXT:],
        suffix=suffix[:CONTEXT],
        sentence="" if same(sentence, located.words) else sentence,
        nearby=paragraphs_around(located.text, *located.span, asks=False),
        page_label=whole.label(located.page),
        heading=first.heading,
        uri=first.uri,
        tags=tuple(dict.fromkeys(tags)),
        block=first.block or str(located.page),
        skip=whole.skip,
    )


def _paragraphs_at(whole: WholeText, located: Located) -> Sequence[Paragraph]:
    """Return the paragraphs of its first page that a stretch is in."""
    start, end = located.span
    starts = [(each.page, each.start) for each in whole.paragraphs]
    first = max(bisect_right(starts, (located.page, start)) - 1, 0)
    last = bisect_right(starts, (located.page, end - 1))
    return whole.paragraphs[first:last]


def with_chosen(
    sightings: Iterable[Sighting],
    whole: WholeText,
    chosen: Iterable[Chosen],
    container: str,
) -> list[Sighting]:
    """Return the sightings of a document with the passages that were chosen in it.

    What its reader marked in the same words is that mark.

    Args:
        sightings: what was read of the document.
        whole: its text.
        chosen: what was chosen in it, or in one that is gone.
        container: as in `Extracted`.
    """
    letters = Letters(whole.pages)
    rest: list[Sighting] = []
    document: Extracted | Unmarked | None = None
    for sighting in sightings:
        if isinstance(sighting, Extracted | Unmarked):
            document = sighting
        else:
            rest.append(sighting)

    # the marks, by where they are, about
    placed: list[tuple[int, Highlight]] = []
    place = 0
    for mark in document.highlights if document else ():
        place = max(letters.text.find(for_finding(mark.exact), place), place)
        placed.append((place, mark))
    own = [side_of(mark) for _, mark in placed]

    known = set[tuple[int, int]]()
    for passage in chosen:
        here = passage.page if passage.page < len(whole.pages) else 0
        near = letters.index(here, passage.start) if whole.pages else 0
        located = find_again(letters, passage.readings, near)
        if located is None or (located.page, located.span[0]) in known:
            continue
        known.add((located.page, located.span[0]))
        highlight = replace(
            highlight_at(whole, located),
            hints=(hints.chosen_by(passage.id),),
            created=passage.created,
        )
        side = side_of(highlight)
        if any(_is_same(side, other) for other in own):
            continue
        placed.append((letters.index(located.page, located.span[0]), highlight))
    if len(placed) == len(own):
        return [document, *rest] if document else rest
    placed.sort(key=lambda each: each[0])
    highlights = tuple(highlight for _, highlight in placed)
    if isinstance(document, Extracted):
        return [replace(document, highlights=highlights), *rest]
    without = document or Unmarked(container, whole.document.path, "")
    read = Extracted(
        whole.document,
        highlights,
        container,
        whole.prints,
        sketch=whole.sketch,
        private=without.private,
        private_names=without.private_names,
        public_text=without.public_text,
        left_out=without.left_out,
    )
    problems = [each for each in rest if not isinstance(each, Problem) or not each.notice]
    return [read, *problems]


def _is_same(chosen: Side, own: Side) -> bool:
    """Return whether a mark has the words of a chosen passage, and one of its sides."""
    if for_finding(chosen.exact) != for_finding(own.exact):
        return False
    has_sides = bool(own.before or own.after)
    return not has_sides or chosen.before == own.before or chosen.after == own.after
