"""The cards and note ids of other tools in a note, and their place in its plain text.

Tools have card syntaxes of their own (the dialects of `obsidian`), and write the ids of the Anki
notes they made into the text. The plain text does not depend on the dialects: the cards they find
are located in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Blocks, Part, cut, rich, without_id
from ankiforge.extract.markdown.inline import masked, read
from ankiforge.extract.markdown.source import COMMENT, Source
from ankiforge.model import NOTE, Form, Span
from ankiforge.text import cloze
from ankiforge.text.markdown import plain

_CONTAINERS = re.compile(
    r"[ \t]*(?:>[ \t]?)*[ \t]*(?:\[![^\[\]]+\][+-]?[ \t]*)?"
    r"(?:(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?)?(?:#{1,6}[ \t]+)?"
)
_QUOTED = re.compile(r"[ \t]*>(?:[ \t]*>)*[ \t]?")
_CALLOUT = re.compile(r"\A\[![^\[\]]+\][+-]?[ \t]*")
HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+\S")
FOOTNOTE = re.compile(r"[ ]{0,3}\[\^[^\[\]\s]+\]:")
_BLOCK = re.compile(r"[ ]{0,3}(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)[ \t]+\S")
"""The start of a list item, a heading or a quote."""
ID = re.compile(r"<!--[ \t]*ID:[ \t]*(\d{1,19})\b")
NUMBERED_BLOCK = re.compile(r"(?:^|[ \t])\^(\d{13})[ \t]*$")
"""A block id that is the id of an Anki note."""
WHOLE_LINE = (0, 1_000_000)
"""The columns of a card that takes its lines as a whole."""


class ToolCard(NamedTuple):
    """One card, as read by a dialect."""

    first: int
    last: int
    """[first, last) lines of the note."""
    form: Form
    sides: tuple[str, ...]
    """In our Markdown: (front, back) or (text,); a further item is shown with the answer."""
    whole: str
    """The source of the whole card, as it stands in the note."""
    ends: tuple[str, str] = ("", "")
    """The sources of its start and its end, if signs of the tool stand between them."""
    two_way: bool = False
    tags: tuple[str, ...] = ()
    id: str = ""
    """The id of the Anki note that the tool made of it, "" if unknown."""
    columns: Span = WHOLE_LINE
    """[start, end) on its line, if other cards may stand beside it."""
    written: str = ""
    """How it is written, as in `Highlight`; "" = as its form says."""


class Dialect:
    """The card syntax of one tool."""

    signs: str
    """A regular expression; a note without a match has no cards of this tool."""

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards of a note, in any order; of overlapping ones the first counts."""
        raise NotImplementedError

    def own_forms(self, page: Page) -> frozenset[str]:
        """Return which of our own forms this tool has, too."""
        return frozenset()

    def defines_marks(self, page: Page) -> bool:
        """Return whether this tool defines what `==x==` means in this note; else it is a mark."""
        return False


@dataclass(frozen=True)
class Page:
    """The lines and blocks of one note."""

    path: str
    text: str
    """The note as written, with comments."""
    source: Source
    blocks: Blocks
    head_tags: tuple[str, ...] = ()

    # --- lines ------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> list[str]:
        """The lines without comments and front matter."""
        return self.source.text.split("\n")

    @cached_property
    def raw(self) -> list[str]:
        """The lines as written."""
        return self.text.split("\n")

    @cached_property
    def tags(self) -> frozenset[str]:
        """The tags of the front matter, the note and its blocks."""
        inside = (tag for block in self.blocks.blocks for tag in block.tags)
        return frozenset((*self.head_tags, *self.blocks.tags, *inside))

    @cached_property
    def fence_at(self) -> dict[int, Span]:
        """The fence of each line in a fence, as [first, last) lines."""
        return {line: fence for fence in self.source.fences for line in range(*fence)}

    @cached_property
    def code(self) -> frozenset[int]:
        """The lines of code."""
        return frozenset(self.fence_at) | self._lines_of(Part.CODE)

    @cached_property
    def cells(self) -> frozenset[int]:
        """The lines of tables."""
        return self._lines_of(Part.CELL)

    def _lines_of(self, part: Part) -> frozenset[int]:
        found = (block.lines for block in self.blocks.blocks if block.part is part)
        return frozenset(line for span in found for line in range(*span))

    @cached_property
    def regions(self) -> dict[int, Span]:
        """The card of each line in one of our multi-line cards, as [first, last) lines."""
        found = (block.region for block in self.blocks.blocks if block.region is not None)
        return {line: (r.first, r.last) for r in found for line in range(r.first, r.last)}

    def is_blank(self, at: int) -> bool:
        """Return whether a line is empty."""
        return not self.lines[at].strip()

    def is_comment(self, at: int) -> bool:
        """Return whether a line contains only a comment."""
        line = self.lines[at]
        return COMMENT in line and not line.strip(f"{COMMENT} \t")

    def is_id(self, at: int) -> bool:
        """Return whether a line contains only the id of an Anki note."""
        return at < len(self.lines) and NUMBERED_BLOCK.fullmatch(self.lines[at]) is not None

    def lines_between(self, first: int, last: int) -> str:
        """Return the lines [first, last) without comments and ids of Anki notes."""
        lines = ((at, self.lines[at]) for at in range(first, last) if not self.is_comment(at))
        return "\n".join(
            line if at in self.code else NUMBERED_BLOCK.sub("", line) for at, line in lines
        )

    def body(self, first: int, last: int) -> str:
        """Return the lines [first, last) without quote signs and without the block id at the end.

        A single line also loses the signs of its list item, heading or callout.
        """
        lines = self.lines_between(first, last).split("\n")
        if len(lines) == 1:
            return without_id(content(lines[0]))
        if all(_QUOTED.match(line) for line in lines if line.strip()):
            lines = [_CALLOUT.sub("", _QUOTED.sub("", line)) for line in lines]
        return without_id("\n".join(lines))

    @cached_property
    def paragraphs(self) -> list[Span]:
        """Spans of lines that end at a blank line, a comment, code, a heading or a footnote."""
        found: list[Span] = []
        first = -1
        for at in range(len(self.lines) + 1):
            end = (
                at == len(self.lines) or at in self.code or self.is_blank(at) or self.is_comment(at)
            )
            heading = not end and HEADING.match(self.lines[at]) is not None
            footnote = not end and FOOTNOTE.match(self.lines[at]) is not None
            if first >= 0 and (end or heading or footnote):
                found.append((first, at))
                first = -1
            if heading:
                found.append((at, at + 1))
            elif not end and first < 0:
                first = at
        return found

    # --- words ------------------------------------------------------------------------------

    def side(self, source: str) -> str:
        """Return the Markdown of one side of a card, given its source."""
        source = without_id(source).strip("\n")
        if "\n" not in source and not _BLOCK.match(source):
            inline = read(source, self.blocks.context)
            if inline.plain:
                return inline.markdown(0, len(inline.plain))[0]
        return rich(source, self.blocks.context)

    def plain(self, source: str) -> str:
        """Return the plain text of a source, made like the note's own."""
        part = Source(without_id(source), self.blocks.context.maths)
        return cut(part, self.blocks.context, with_cards=False).plain

    def mask(self, source: str) -> str:
        """Return a source with `inline.MASK` for each character that cannot be markup."""
        return masked(source, self.blocks.context)

    def tags_in(self, *sources: str) -> tuple[str, ...]:
        """Return the `#tags` in some sources."""
        found = (read(source, self.blocks.context).tags for source in sources)
        return tuple(dict.fromkeys(tag for tags in found for tag in tags))

    # --- ids of Anki notes ------------------------------------------------------------------

    @cached_property
    def ids(self) -> dict[int, str]:
        """The ids of Anki notes, by line."""
        found: dict[int, str] = {}
        for at, line in enumerate(self.lines):
            comment = ID.search(self.raw[at]) if COMMENT in line else None
            named = comment or (NUMBERED_BLOCK.search(line) if "^" in line else None)
            if named and at not in self.code:
                found[at] = named[1]
        return found

    def id_at(self, first: int, last: int) -> str:
        """Return the id that a tool wrote into these lines or a comment right below, else ""."""
        if not self.ids:
            return ""
        after = [last] if last < len(self.lines) and self.is_comment(last) else []
        return next((self.ids[at] for at in (*range(first, last), *after) if at in self.ids), "")

    def id_of_block(self, at: int) -> str:
        """Return the id of a block's Anki note; of a line in a paragraph, only its own."""
        if not self.ids:
            return ""
        block = self.blocks.blocks[at]
        first, last = block.lines
        if block.region is not None:
            first, last = block.region.first, block.region.last
        elif block.sides is not None and last - first > 1:
            of_line = (line for line in self._cards_at.get(block.plain, ()) if first <= line < last)
            first = next(of_line, first)
            last = first + 1 + self.is_id(first + 1)
        return self.id_at(first, last)

    @cached_property
    def _cards_at(self) -> dict[str, list[int]]:
        """The lines that contain `::`, by their plain text."""
        found: dict[str, list[int]] = {}
        for at, line in enumerate(self.lines):
            if "::" in line:
                words = read(without_id(content(line)), self.blocks.context).plain
                found.setdefault(words, []).append(at)
        return found


AS_FIELD = "word:: value"
"""How a line is written that may be a card or a mere field."""


def written_on_line(*, two_way: bool) -> str:
    """Return how a card on one line is written."""
    return "a ::: b" if two_way else "a :: b"


def between(sign: str) -> str:
    """Return how a card is written whose sides a line separates."""
    return f"{sign} between question and answer"


def content(line: str) -> str:
    """Return a line without the signs of quotes, list items and headings before its text."""
    found = _CONTAINERS.match(line)
    return line[found.end() :] if found else line


# --- the place of cards in the plain text ---------------------------------------------------


class PlacedCard(NamedTuple):
    """A card and its place in the note."""

    block: int
    """The index of its first block."""
    start: int
    """Offset in the plain text of the note."""
    exact: str
    card: ToolCard


@dataclass
class ToolCards:
    """The cards and note ids of other tools in a note."""

    page: Page | None = None
    cards: list[PlacedCard] = field(default_factory=list)
    own_forms: frozenset[str] = frozenset()
    """Our own forms that the tools have, too."""
    highlights: bool = False
    """Whether a tool defines what `==x==` means."""

    @cached_property
    def _furthest_ends(self) -> list[int]:
        """The greatest end of each card and those before it."""
        return list(accumulate((one.start + len(one.exact) for one in self.cards), max))

    def hint_of(self, placed: PlacedCard) -> tuple[str, ...]:
        """Return the hint at the Anki note that a tool made of a card.

        A card on a part of its line has only the id within its columns.
        """
        card = placed.card
        found = card.id
        if not found and self.page and card.columns == WHOLE_LINE:
            found = self.page.id_at(card.first, card.last)
        return (f"{NOTE}{found}",) if found else ()

    def hint_at(self, block: int) -> tuple[str, ...]:
        """Return the hint at the Anki note that a tool made of a block."""
        found = self.page.id_of_block(block) if self.page else ""
        return (f"{NOTE}{found}",) if found else ()

    def hold(self, start: int, spans: Sequence[Span]) -> bool:
        """Return whether a card overlaps one of these spans, which count from `start`."""
        for low, high in spans if self.cards else ():
            before = bisect_left(self.cards, start + high, key=lambda one: one.start)
            if before > 0 and self._furthest_ends[before - 1] > start + low:
                return True
        return False


def tool_cards(page: Page, dialects: tuple[Dialect, ...] = ()) -> ToolCards:
    """Return the cards that dialects find in a note; of overlapping ones the first counts."""
    used: dict[int, list[Span]] = {}
    found: list[ToolCard] = []
    for dialect in dialects:
        for card in dialect.cards(page):
            start, end = card.columns
            lines = range(card.first, card.last)
            if any(start < high and low < end for at in lines for low, high in used.get(at, ())):
                continue
            for at in lines:
                used.setdefault(at, []).append(card.columns)
            found.append(card)
    found.sort(key=lambda card: (card.first, card.columns))
    return ToolCards(
        page,
        sorted(_placed(page, found), key=lambda one: one.start),
        frozenset(form for dialect in dialects for form in dialect.own_forms(page)),
        any(dialect.defines_marks(page) for dialect in dialects),
    )


def _placed(page: Page, cards: list[ToolCard]) -> Iterator[PlacedCard]:
    if not cards:
        return
    blocks, text = page.blocks.blocks, page.blocks.plain
    starts = list(accumulate((len(block.plain) + 1 for block in blocks), initial=0))
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
            yield PlacedCard(block, start, text[start:end], card)


def _span(page: Page, card: ToolCard, text: str, ends: Span, free: int) -> Span:
    """Return the span of a card within `ends` (its blocks), from `free` on if possible."""
    whole = page.plain(card.whole)
    front, back = (page.plain(end) if end else "" for end in card.ends)
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


def hidden_words(markdown: str, exact: str) -> tuple[Span, ...]:
    """Return the spans of a cloze's answers in its plain text, as far as they are found."""
    found: list[Span] = []
    at = 0
    for gap in cloze.gaps(markdown):
        words = plain(gap.answer)
        start = exact.find(words, at) if words else -1
        if start >= 0:
            at = start + len(words)
            found.append((start, at))
    return tuple(found)
