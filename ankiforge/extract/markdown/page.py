"""The lines of a note, for the card syntaxes and the note ids of other tools.

The plain text does not depend on these tools: their cards are located in it by their lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Blocks, Part, cut, rich, without_id
from ankiforge.extract.markdown.inline import masked, read
from ankiforge.extract.markdown.source import COMMENT, Source
from ankiforge.model import NOTE, Form, Span

_CONTAINERS = re.compile(
    r"[ \t]*(?:>[ \t]?)*[ \t]*(?:\[![^\[\]]+\][+-]?[ \t]*)?"
    r"(?:(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?)?(?:#{1,6}[ \t]+)?"
)
QUOTED = re.compile(r"^[ \t]*>(?:[ \t]*>)*[ \t]?(?:\[![^\[\]]+\][+-]?[ \t]*)?", re.MULTILINE)
HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+\S")
FOOTNOTE = re.compile(r"[ ]{0,3}\[\^[^\[\]\s]+\]:")
_ID = re.compile(
    r"<!--[ \t]*ID:[ \t]*(\d{1,19})\b|(?:^|[ \t])\^(\d{13})[ \t]*$|^[ \t]*ID:[ \t]*(\d{10,19})[ \t]*$"
)
"""The id of the Anki note that a tool made, as a comment, a block id or a line."""
_ID_SIGN = re.compile(r"(?:^|[ \t])\^\d{13}[ \t]*$|^[ \t]*ID:[ \t]*\d{10,19}[ \t]*$")

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


class ToolCard(NamedTuple):
    """One card, as read by a dialect."""

    first: int
    last: int
    """[first, last) lines of the note."""
    form: Form
    sides: tuple[str, ...]
    """In our Markdown: (front, back) or (text,); a further item is shown with the answer."""
    written: str = ""
    """How it is written, as in `Highlight`."""
    two_way: bool = False
    tags: tuple[str, ...] = ()
    id: str = ""
    """The id of the Anki note that the tool made of it, "" if unknown."""
    words: str = ""
    """The source of its text, if it may be a part of its lines."""


class Dialect:
    """The card syntax of one tool."""

    signs: str
    """A regular expression; a note without a match has no cards of this tool."""

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards of a note, in any order; of overlapping ones the first counts."""
        raise NotImplementedError

    def defines_marks(self, page: Page) -> bool:
        """Return whether this tool defines what `==x==` means in this note; else it is a mark."""
        raise NotImplementedError


class Page:
    """The lines and blocks of one note."""

    def __init__(
        self, text: str, source: Source, blocks: Blocks, head_tags: tuple[str, ...] = ()
    ) -> None:
        """`text` is the note as written, `source` without comments and front matter."""
        self.raw, self.lines = text.split("\n"), source.text.split("\n")
        self.blocks, self.source, self._head_tags = blocks, source, head_tags

    @cached_property
    def tags(self) -> frozenset[str]:
        """The tags of the front matter, the note and its blocks."""
        inside = (tag for block in self.blocks.blocks for tag in block.tags)
        return frozenset((*self._head_tags, *self.blocks.tags, *inside))

    @cached_property
    def code(self) -> frozenset[int]:
        """The lines of code."""
        fenced = (line for fence in self.source.fences for line in range(*fence))
        return frozenset(fenced) | self._lines_of(Part.CODE)

    @cached_property
    def cells(self) -> frozenset[int]:
        """The lines of tables."""
        return self._lines_of(Part.CELL)

    def _lines_of(self, part: Part) -> frozenset[int]:
        found = (block.lines for block in self.blocks.blocks if block.part is part)
        return frozenset(line for span in found for line in range(*span))

    def is_blank(self, first: int, last: int) -> bool:
        """Return whether the lines [first, last) are empty."""
        return not any(line.strip() for line in self.lines[first:last])

    def is_comment(self, at: int) -> bool:
        """Return whether a line contains only a comment."""
        line = self.lines[at]
        return COMMENT in line and not line.strip(f"{COMMENT} \t>")

    def text(self, first: int, last: int) -> str:
        """Return the lines [first, last) without comments and ids of Anki notes."""
        lines = ((at, self.lines[at]) for at in range(first, last) if not self.is_comment(at))
        bare = (line if at in self.code else _ID_SIGN.sub("", line) for at, line in lines)
        return "\n".join(bare).strip("\n")

    def body(self, first: int, last: int) -> str:
        """Return `text` without the signs of quotes, or of the one line."""
        text = without_id(self.text(first, last))
        if "\n" not in text:
            return content(text)
        quoted = all(QUOTED.match(line) for line in text.split("\n") if line.strip())
        return "\n".join(QUOTED.sub("", line) for line in text.split("\n")) if quoted else text

    @cached_property
    def paragraphs(self) -> list[Span]:
        """Spans of lines that end at a blank line, a comment, code, a heading or a footnote."""
        found: list[Span] = []
        first = -1
        for at in range(len(self.lines) + 1):
            end = at == len(self.lines) or at in self.code or self.is_blank(at, at + 1)
            end = end or self.is_comment(at)
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

    def side(self, source: str) -> str:
        """Return the Markdown of one side of a card, given its source."""
        return rich(without_id(source), self.blocks.context)

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
        rows = ((at, row) for at, row in enumerate(self.raw) if "ID:" in row or "^" in row)
        found = {at: _ID.search(row) for at, row in rows if at not in self.code}
        shown = {
            at: one
            for at, one in found.items()
            if one and (COMMENT in self.lines[at] or not one[1])
        }
        return {at: str(one[1] or one[2] or one[3]) for at, one in shown.items()}

    def hints(self, first: int, last: int) -> tuple[str, ...]:
        """Return the hint at the id that a tool wrote into these lines or alone right below."""
        lone = last < len(self.lines) and (
            self.is_comment(last) or _ID_SIGN.fullmatch(self.lines[last])
        )
        lines = range(first, last + bool(lone)) if self.ids else ()
        return tuple(f"{NOTE}{self.ids[at]}" for at in lines if at in self.ids)[:1]

    # --- the place of cards in the plain text -----------------------------------------------

    def placed(
        self, dialects: Iterable[Dialect], *, with_blocks: bool
    ) -> list[tuple[Span, int, ToolCard]]:
        """Return (span of the plain text, index of the first block, card) in reading order.

        `with_blocks`: our own multi-line cards take precedence over a card that is a part of one.
        """
        found: list[tuple[Span, int, ToolCard]] = []
        for card in (card for dialect in dialects for card in dialect.cards(self)):
            inside = [
                at
                for at, block in enumerate(self.blocks.blocks)
                if block.lines[0] < card.last and card.first < block.lines[1]
            ]
            if not inside:
                continue
            spans = [self.blocks.blocks[at].span(card.first, card.last) for at in inside]
            start = self.blocks.blocks[inside[0]].start + spans[0][0]
            end = self.blocks.blocks[inside[-1]].start + spans[-1][1]
            block = self.blocks.blocks[inside[0]]
            is_part = block.part is Part.CARD and block.lines != (card.first, card.last)
            if is_part and with_blocks:
                continue
            source = card.words or (self.text(card.first, card.last) if is_part else "")
            words = self._plain(source) if source else ""
            at = self.blocks.plain.find(words, start, end) if words else -1
            start, end = (at, at + len(words)) if at >= 0 else (start, end)
            text = self.blocks.plain[start:end]
            start, end = end - len(text.lstrip()), start + len(text.rstrip())
            if start < end and not any(low < end and start < high for (low, high), *_ in found):
                found.append(((start, end), inside[0], card))
        return sorted(found, key=lambda one: one[0])

    def _plain(self, source: str) -> str:
        """Return the plain text of a source, made like the note's own."""
        part = Source(without_id(source), self.source.maths)
        return cut(part, self.blocks.context).plain
