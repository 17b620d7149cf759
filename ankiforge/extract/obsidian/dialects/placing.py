"""Where in a note's plain text a card of another tool stands, so that it can be told from others.

The plain text is the same whatever dialects are read: what they find lies in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from ankiforge.extract.obsidian.dialects.page import WHOLE_LINE, Dialect, Page, Written
from ankiforge.model import NOTE, Form, Highlight, HighlightKind, Span
from ankiforge.text import cloze
from ankiforge.text.markdown import plain


@dataclass(frozen=True, slots=True)
class Placed:
    """A card with its place."""

    block: int
    """The first of the blocks it lies in."""
    start: int
    """In the plain text of the note."""
    exact: str
    written: Written

    @property
    def end(self) -> int:
        """In the plain text of the note."""
        return self.start + len(self.exact)


@dataclass(frozen=True, slots=True)
class ByTools:
    """What other tools have to say of a note."""

    cards: tuple[Placed, ...] = ()
    reach: tuple[int, ...] = ()
    """How far each card and those before it reach."""
    ours: frozenset[str] = frozenset()
    """The forms of ours that are theirs, too."""
    highlights: bool = False
    """Whether `==x==` is theirs to read."""
    page: Page | None = None

    def note_of(self, placed: Placed) -> tuple[str, ...]:
        """The hint at the note that a tool made of one of its cards; of part of a line only its own."""
        card = placed.written
        found = card.id
        if not found and self.page and card.columns == WHOLE_LINE:
            found = self.page.id_at(card.first, card.last)
        return (f"{NOTE}{found}",) if found else ()

    def note_at(self, block: int) -> tuple[str, ...]:
        """The hint at the note that a tool made of what stands in a block."""
        if self.page is None:
            return ()
        found = _id_of_block(self.page, block)
        return (f"{NOTE}{found}",) if found else ()

    def clear_of(self, highlight: Highlight, start: int) -> bool:
        """Whether no card here says what a highlight of ours would say."""
        if highlight.kind is HighlightKind.CARD or not highlight.gaps:
            spans: tuple[Span, ...] = ((0, len(highlight.exact)),)
        else:
            spans = highlight.gaps
        return not any(self._taken(start + low, start + high) for low, high in spans)

    def _taken(self, low: int, high: int) -> bool:
        """Whether a card stands in this stretch of the plain text."""
        before = bisect_left(self.cards, high, key=lambda card: card.start)
        return before > 0 and self.reach[before - 1] > low

    def sure(self, highlight: Highlight) -> Highlight:
        """`word:: value` is no mere field where a tool takes each such line for a card."""
        if highlight.form not in (Form.INLINE, Form.INLINE_FIELD) or "inline" not in self.ours:
            return highlight
        several = highlight.form is Form.INLINE_FIELD and highlight.exact.count("::") > 1
        form = highlight.form if several else Form.INLINE
        return replace(highlight, form=form, declared=True)


NOTHING = ByTools()


def by_tools(page: Page, dialects: tuple[Dialect, ...]) -> ByTools:
    """What the dialects find in a note; no line is part of two cards."""
    used: dict[int, list[Span]] = {}
    found: list[Written] = []
    for dialect in dialects:
        for card in dialect.cards(page):
            if not _overlaps(card, used):
                for line in range(card.first, card.last):
                    used.setdefault(line, []).append(card.columns)
                found.append(card)
    placed = tuple(
        sorted(
            _placed(page, sorted(found, key=lambda card: (card.first, card.columns))),
            key=lambda card: card.start,
        )
    )
    reach = tuple(accumulate((card.end for card in placed), max))
    ours = frozenset(form for dialect in dialects for form in dialect.ours(page))
    highlights = any(dialect.reads_highlights(page) for dialect in dialects)
    return ByTools(placed, reach, ours, highlights, page)


def _overlaps(card: Written, used: dict[int, list[Span]]) -> bool:
    start, end = card.columns
    return any(
        start < high and low < end
        for line in range(card.first, card.last)
        for low, high in used.get(line, ())
    )


def _placed(page: Page, cards: list[Written]) -> Iterator[Placed]:
    blocks = page.blocks.blocks
    starts = list(accumulate((len(block.plain) + 1 for block in blocks), initial=0))
    text = "\n".join(block.plain for block in blocks)
    firsts = list(accumulate((block.lines[0] for block in blocks), max))
    lasts = list(accumulate((block.lines[1] for block in blocks), max))
    free = 0
    for card in cards:
        low, high = bisect_right(lasts, card.first), bisect_left(firsts, card.last)
        if low >= high:
            continue
        ends = starts[low], starts[high] - 1
        start, end = _span(page, card, text, ends, max(ends[0], min(free, ends[1])))
        if text[start:end].strip():
            free = end
            block = min(bisect_right(starts, start), len(blocks)) - 1
            yield Placed(block, start, text[start:end], card)


def _span(page: Page, card: Written, text: str, ends: Span, free: int) -> Span:
    """Where a card stands within the blocks it lies in, if it can be after what was found."""
    whole = page.plain(card.whole)
    front, back = (page.plain(end) for end in card.ends)
    for low in dict.fromkeys((free, ends[0])):
        start = text.find(whole, low, ends[1]) if whole else -1
        if start >= 0:
            return start, start + len(whole)
        start = text.find(front, low, ends[1]) if front else -1
        end = text.rfind(back, start, ends[1]) if start >= 0 and back else -1
        if end >= 0:
            return start, max(start + len(front), end + len(back))
    rest = text[slice(*ends)]
    return ends[1] - len(rest.lstrip()), ends[0] + len(rest.rstrip())


def gaps_of(placed: Placed) -> tuple[Span, ...]:
    """The hidden words in `exact`, as far as they stand there."""
    return found_gaps(placed.written.sides[0], placed.exact)


def found_gaps(markdown: str, exact: str) -> tuple[Span, ...]:
    """Where the hidden words of a cloze stand in plain text, as far as they do."""
    found: list[Span] = []
    at = 0
    for gap in cloze.gaps(markdown):
        words = plain(gap.answer)
        start = exact.find(words, at) if words else -1
        if start >= 0:
            found.append((start, start + len(words)))
            at = start + len(words)
    return tuple(found)


def _id_of_block(page: Page, at: int) -> str:
    """The note in Anki of what stands in a block: of one line of a paragraph only its own."""
    block = page.blocks.blocks[at]
    first, last = block.lines
    if not page.ids:
        return ""
    if block.region is not None:
        first, last = block.region.first, block.region.last
    elif block.sides is not None and last - first > 1:
        of_line = (line for line in page.places.get(block.plain, ()) if first <= line < last)
        first = next(of_line, first)
        last = first + 1 + page.is_id(first + 1)
    return page.id_at(first, last)
