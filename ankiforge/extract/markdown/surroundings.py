"""The surroundings of a highlight in a note: context, headings, links, ids of tools."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from msgspec.structs import replace

from ankiforge.extract.markdown.blocks import Block, Blocks
from ankiforge.extract.markdown.front_matter import FrontMatter
from ankiforge.extract.markdown.patterns import SYNCED_ITEM
from ankiforge.extract.markdown.quotes import address_of
from ankiforge.model import Highlight, HighlightKind, Hint, Span, Strings, hints
from ankiforge.text import regex, shortened
from ankiforge.text.asking import asks
from ankiforge.text.keys import CONTEXT
from ankiforge.text.passages import NEARBY, PARAGRAPH, paragraphs_around
from ankiforge.text.private import TAG

# Characters shown of one list item.
_LONGEST_ITEM = 160
# Words of a comment from which it is taken out of the text around; a shorter one may be
# words of that text.
_FEWEST_WORDS = 3
_CUT_COMMENT = "[…]"


class PlacedHighlight(NamedTuple):
    """A highlight whose surroundings are still to be added."""

    first: Block
    """Its first block."""
    start: int
    """Where it starts in the plain text of that."""
    last: Block
    """Its last block."""
    end: int
    """Where it ends in the plain text of that."""
    highlight: Highlight
    beside: tuple[Block, ...] = ()
    """Further blocks that belong to it: comments, links."""

    @property
    def place(self) -> Span:
        """Its place in its note, by which it is sorted."""
        return (self.first.number, self.start)


class Surroundings:
    """Completes the highlights of one note."""

    def __init__(
        self,
        note: Blocks,
        text: str,
        front: FrontMatter,
        all_placed: Sequence[PlacedHighlight],
    ) -> None:
        """Prepare for the highlights of a note.

        Args:
            note: its blocks.
            text: the note as written, without its front matter.
            front: what its front matter says.
            all_placed: all its highlights.
        """
        self._note = note
        self._front = front
        self._lines = text.split("\n")
        self._per_block = Counter(placed.highlight.block for placed in all_placed)
        self._comments: list[str] = []
        """The comments that say more than a few words."""
        for placed in all_placed:
            comment = placed.highlight.comment
            if len(comment.split()) >= _FEWEST_WORDS:
                self._comments.append(comment)
        self._tool_marks: dict[Span, _ToolMarks] = {}
        """By the lines of a block."""

    def added_to(self, placed: PlacedHighlight) -> Highlight:
        """Return a highlight with its surroundings."""
        highlight = placed.highlight
        block = placed.first
        before, after, nearby = self._text_around(placed)
        note_address = highlight.document.uri
        titles = [head.plain for head in (*block.headings, *block.heads)]
        links = (*highlight.links, *self._links_in(placed))
        # its own id, if its block holds nothing else
        own = ""
        if block.id and self._per_block[highlight.block] == 1:
            own = hints.block_id(block.id)
        # what other tools wrote; a block may hold thousands of highlights
        if block.lines not in self._tool_marks:
            marks = _read_tool_marks(self._lines, block.lines)
            self._tool_marks[block.lines] = marks
        tool_marks = self._tool_marks[block.lines]
        is_ended_by_tool = bool(tool_marks.schedule or tool_marks.hints)
        return replace(
            highlight,
            own=own,
            prefix=before[-CONTEXT:],
            suffix=after[:CONTEXT],
            nearby=nearby,
            heading=" › ".join(titles),
            above=_items_above(block),
            uri=note_address + quote(block.anchor, safe="") if note_address else "",
            links=tuple(filter(None, dict.fromkeys(links))),
            tags=self._tags_of(placed),
            skip=self._front.skip or highlight.skip,
            created=self._front.created,
            modified=self._front.updated,
            schedule=tool_marks.schedule if highlight.kind is HighlightKind.CARD else "",
            open_end=highlight.open_end and not is_ended_by_tool,
            tool=tool_marks.tool,
            hints=highlight.hints + tool_marks.hints,
        )

    def _tags_of(self, placed: PlacedHighlight) -> Strings:
        """Return the tags of a highlight, with that of privacy if any block of it is private."""
        tags = placed.highlight.tags
        blocks = (*self._note.up_to(placed.first, placed.last), *placed.beside)
        is_private = any(block.private for block in blocks)
        return (*tags, TAG) if is_private and TAG not in tags else tags

    def _text_around(self, placed: PlacedHighlight) -> tuple[str, str, str]:
        """Return the plain text before and after a highlight, and the paragraphs around a mark."""
        highlight = placed.highlight
        passage = (placed.first, placed.start, placed.last, placed.end)
        if highlight.kind is HighlightKind.CARD:
            return (*self._note.around(*passage, CONTEXT), "")
        # long enough for the paragraphs around: a neighbour that is cut off at this length is
        # too long to be taken
        may_ask = asks(highlight.comment)
        limit = NEARBY if may_ask else PARAGRAPH
        length = max(CONTEXT, limit - len(highlight.exact) + 1)
        before, after = self._note.around(*passage, length)
        whole = f"{before}{highlight.exact}{after}"
        end = len(whole) - len(after)
        nearby = paragraphs_around(whole, len(before), end, asks=may_ask)
        for comment in self._comments:
            nearby = nearby.replace(comment, _CUT_COMMENT)
        return before, after, nearby

    def _links_in(self, placed: PlacedHighlight) -> Iterator[str]:
        """Yield the addresses of the links in the text of a highlight."""
        for block in self._note.up_to(placed.first, placed.last):
            for (start, end), target in block.inline.targets:
                if block is placed.first and start < placed.start:
                    continue
                if block is placed.last and end > placed.end:
                    continue
                yield address_of(target, placed.highlight.document.uri)


def _items_above(block: Block) -> Strings:
    """Return the beginnings of the list items that a block stands in, outermost first."""
    items = []
    for item in block.items:
        if item.first and item.first is not block:
            if not SYNCED_ITEM.match(item.first.plain):
                items.append(shortened(item.first.plain, _LONGEST_ITEM))
    return tuple(items)


# --- what other tools wrote -----------------------------------------------------------

# The id of the Anki note that a tool made.
_ANKI_ID = regex(
    r"<!--[ \t]*ID:[ \t]*(?P<comment>\d{1,19})\b"
    r"|(?:^|[ \t])\^(?P<block_id>\d{13})[ \t]*$"
    r"|^[ \t]*ID:[ \t]*(?P<line>\d{10,19})[ \t]*$"
)
_SCHEDULE = regex(r"<!--SR:(.+?)-->")
# How a line with such an id begins, if it is below the card.
_BELOW_CARD = ("<!--", "^", "ID:")
# How the callout begins that holds a schedule.
_SCHEDULE_CALLOUT = "[!sr"


class _ToolMarks(NamedTuple):
    """The signs of other tools in a card or right below it."""

    hints: tuple[Hint, ...] = ()
    """The id of its note, if any."""
    tool: str = ""
    """The tool that wrote the id."""
    schedule: str = ""

    def with_id(self, written: re.Match[str] | None) -> _ToolMarks:
        """Add the id of a note, if there is none yet."""
        if written is None or self.hints:
            return self
        anki_id = written["comment"] or written["block_id"] or written["line"]
        tool = "flashcards" if written["block_id"] else "o2a"
        return self._replace(hints=(hints.anki_note(anki_id),), tool=tool)


def _read_tool_marks(lines: Sequence[str], block_lines: Span) -> _ToolMarks:
    """Return the signs of other tools in the lines of a card, or right below it."""
    first, end = block_lines
    marks = _ToolMarks()
    for number, line in enumerate(lines[first : end + 2], first):
        content = line.strip("> \t")
        may_hold_id = number < end or (number == end and content.startswith(_BELOW_CARD))
        if may_hold_id and not content.endswith("`"):  # it is code
            marks = marks.with_id(_ANKI_ID.search(line))
        scheduled = _SCHEDULE.search(line)
        if scheduled and not marks.schedule:
            marks = marks._replace(schedule=scheduled[1])
        if number >= end and not content.startswith(_SCHEDULE_CALLOUT):
            break
    return marks
