"""Add the surrounding text and further properties to each highlight of a note.

These include the text before and after, the headings and list items above, links, tags, and what
other flashcard tools wrote next to the highlight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from msgspec.structs import replace

from ankiforge.extract.markdown.blocks import Block, NoteBlocks
from ankiforge.extract.markdown.citations import to_openable_url
from ankiforge.extract.markdown.front_matter import FrontMatter
from ankiforge.extract.markdown.syntaxes import SYNCED_ITEM
from ankiforge.model import Highlight, HighlightKind, Hint, Span, Strings, hints
from ankiforge.text import regex, truncate
from ankiforge.text.comment_questions import has_question_mark
from ankiforge.text.keys import CONTEXT_CHARS
from ankiforge.text.passages import (
    MAX_ANSWER_CONTEXT_CHARS,
    MAX_SUBJECT_CONTEXT_CHARS,
    get_paragraphs_around,
)
from ankiforge.text.private import PRIVATE_TAG

# The maximum number of characters of a list item above a highlight. Longer items are truncated.
_MAX_ITEM_CHARS = 160
# The minimum number of words in a comment that is cut out of the surrounding text. A shorter
# comment may occur in that text by chance.
_MIN_COMMENT_WORDS = 3
_CUT_COMMENT = "[…]"


class PlacedHighlight(NamedTuple):
    """A highlight and its position in the note. The highlight has no surrounding text yet."""

    first_block: Block
    start: int
    """The start offset in the plain text of `first_block`."""
    last_block: Block
    end: int
    """The end offset in the plain text of `last_block`."""
    highlight: Highlight
    extra_blocks: tuple[Block, ...] = ()
    """Further blocks that belong to the highlight, such as comments and links."""

    @property
    def sort_key(self) -> Span:
        """A key that sorts highlights into reading order: (block number, start offset)."""
        return (self.first_block.number, self.start)

    def get_blocks(self, blocks: Sequence[Block]) -> tuple[Block, ...]:
        """Return the blocks that belong to the highlight. `blocks` are all blocks of the note."""
        first, last = self.first_block.number - 1, self.last_block.number
        return (*blocks[first:last], *self.extra_blocks)


class HighlightCompleter:
    """Adds the surrounding text and further properties to the highlights of a note."""

    def __init__(
        self,
        note: NoteBlocks,
        text: str,
        front_matter: FrontMatter,
        all_highlights: Sequence[PlacedHighlight],
    ) -> None:
        """Collect the data shared by all highlights of a note.

        Args:
            note: The blocks of the note.
            text: The note's source, with the front matter replaced by empty lines.
            front_matter: The front matter of the note.
            all_highlights: All highlights of the note.
        """
        self._note = note
        self._front_matter = front_matter
        self._lines = text.split("\n")
        self._counts_by_block = Counter(
            placed.highlight.block_id for placed in all_highlights
        )
        self._comments: list[str] = []
        """The comments to remove from the surrounding text."""
        for placed in all_highlights:
            comment = placed.highlight.comment
            if len(comment.split()) >= _MIN_COMMENT_WORDS:
                self._comments.append(comment)
        self._tool_data: dict[Span, _ToolData] = {}
        """Cache of `_read_tool_data`, keyed by range of lines."""

    def complete_highlight(self, placed_highlight: PlacedHighlight) -> Highlight:
        """Add the surrounding text, headings, links, tags and ids to a highlight."""
        highlight = placed_highlight.highlight
        block = placed_highlight.first_block
        surroundings = self._find_surroundings(placed_highlight)
        tool_data = self._find_tool_data(block)
        # a tool writes its data directly below a card, so the card ends there
        is_followed_by_data = bool(tool_data.schedule or tool_data.hints)
        tool_schedule = highlight.tool_schedule
        if highlight.kind is HighlightKind.CARD:
            tool_schedule = tool_data.schedule
        note_url = highlight.document.uri
        uri = note_url
        if note_url:
            uri += quote(block.url_fragment, safe="")
        return replace(
            highlight,
            source_id=self._find_own_id(placed_highlight),
            prefix=surroundings.before[-CONTEXT_CHARS:],
            suffix=surroundings.after[:CONTEXT_CHARS],
            surrounding_text=surroundings.paragraphs,
            heading=" › ".join([heading.plain_text for heading in block.headings]),
            parent_items=tuple(_iter_parent_items(block)),
            uri=uri,
            links=self._collect_links(placed_highlight),
            tags=self._collect_tags(placed_highlight),
            skip_reason=self._front_matter.skip_reason or highlight.skip_reason,
            created=self._front_matter.created,
            modified=self._front_matter.updated,
            tool_name=tool_data.tool,
            tool_schedule=tool_schedule,
            hints=highlight.hints + tool_data.hints,
            may_continue=highlight.may_continue and not is_followed_by_data,
        )

    def _find_own_id(self, placed_highlight: PlacedHighlight) -> str:
        """Return the id of the block if it identifies the highlight, or ""."""
        block = placed_highlight.first_block
        highlight_count = self._counts_by_block[placed_highlight.highlight.block_id]
        if block.id and highlight_count == 1:
            return hints.make_block_id(block.id)
        return ""

    def _collect_links(self, placed_highlight: PlacedHighlight) -> Strings:
        """Return the URLs of the highlight's own links, and then of those inside it."""
        highlight = placed_highlight.highlight
        first = placed_highlight.first_block
        last = placed_highlight.last_block
        urls = list(highlight.links)
        for block in self._note.get_block_range(first, last):
            for (start, end), target in block.inline_text.link_targets:
                if block is first and start < placed_highlight.start:
                    continue
                if block is last and end > placed_highlight.end:
                    continue
                urls.append(to_openable_url(target, highlight.document.uri))
        return tuple(filter(None, dict.fromkeys(urls)))

    def _collect_tags(self, placed_highlight: PlacedHighlight) -> Strings:
        """Return the highlight's tags, with the privacy tag if any of its blocks is private."""
        tags = placed_highlight.highlight.tags
        if PRIVATE_TAG in tags:
            return tags
        for block in placed_highlight.get_blocks(self._note.blocks):
            if block.is_private:
                return (*tags, PRIVATE_TAG)
        return tags

    def _find_tool_data(self, block: Block) -> _ToolData:
        # cached, because a block may contain thousands of highlights
        if block.lines not in self._tool_data:
            self._tool_data[block.lines] = _read_tool_data(self._lines, block.lines)
        return self._tool_data[block.lines]

    def _find_surroundings(self, placed_highlight: PlacedHighlight) -> _Surroundings:
        """Find the text around a highlight. Comments by the reader are replaced with `[…]`."""
        highlight = placed_highlight.highlight
        passage = (
            placed_highlight.first_block,
            placed_highlight.start,
            placed_highlight.last_block,
            placed_highlight.end,
        )
        if highlight.kind is HighlightKind.CARD:
            return _Surroundings(
                *self._note.get_surrounding_text(*passage, CONTEXT_CHARS)
            )
        may_ask = has_question_mark(highlight.comment)
        limit = MAX_SUBJECT_CONTEXT_CHARS
        if may_ask:
            limit = MAX_ANSWER_CONTEXT_CHARS
        # this is long enough for the paragraphs around the highlight, because a paragraph that
        # is truncated here is too long to be included anyway
        length = max(CONTEXT_CHARS, limit - len(highlight.exact) + 1)
        before, after = self._note.get_surrounding_text(*passage, length)
        text = f"{before}{highlight.exact}{after}"
        end = len(text) - len(after)
        paragraphs = get_paragraphs_around(text, len(before), end, for_question=may_ask)
        for comment in self._comments:
            paragraphs = paragraphs.replace(comment, _CUT_COMMENT)
        return _Surroundings(before, after, paragraphs)


class _Surroundings(NamedTuple):
    """The plain text around a highlight."""

    before: str
    after: str
    paragraphs: str = ""
    """The paragraphs around the highlight including itself, or "" for a card."""


def _iter_parent_items(block: Block) -> Iterator[str]:
    """Yield the text of each list item above a block, outermost first."""
    for item in block.items:
        first = item.first_block
        if first is None or first is block or SYNCED_ITEM.match(first.plain_text):
            continue
        yield truncate(first.plain_text, _MAX_ITEM_CHARS)


# --- what other tools wrote -----------------------------------------------------------

# The id of an Anki note, as written by the tool that created the note.
_ANKI_ID = regex(
    r"<!--[ \t]*ID:[ \t]*(?P<comment>\d{1,19})\b"
    r"|(?:^|[ \t])\^(?P<block_id>\d{13})[ \t]*$"
    r"|^[ \t]*ID:[ \t]*(?P<line>\d{10,19})[ \t]*$"
)
_SCHEDULE = regex(r"<!--SR:(.+?)-->")
# The possible starts of a line with such an id directly below a card.
_ID_LINE_STARTS = ("<!--", "^", "ID:")
# The start of a callout with a schedule.
_SCHEDULE_CALLOUT = "[!sr"


class _ToolData(NamedTuple):
    """Data that another flashcard tool wrote next to a highlight."""

    hints: tuple[Hint, ...] = ()
    """The id of the card's note in Anki, or ()."""
    tool: str = ""
    """The tool that wrote this id, or ""."""
    schedule: str = ""
    """The card's schedule as written by obsidian-spaced-repetition, or ""."""

    def add_id(self, line: str) -> _ToolData:
        """Return a copy with the id in a line that isn't code, unless there already is an id."""
        match = _ANKI_ID.search(line)
        if match is None or self.hints or line.rstrip("> \t").endswith("`"):
            return self
        tool = "o2a"
        if match["block_id"]:
            tool = "flashcards"
        anki_id = match[str(match.lastgroup)]
        return self._replace(hints=(hints.make_anki_note_hint(anki_id),), tool=tool)

    def add_schedule(self, line: str) -> _ToolData:
        """Return a copy with the schedule in a line, unless there already is one."""
        schedule = _SCHEDULE.search(line)
        if schedule is None or self.schedule:
            return self
        return self._replace(schedule=schedule[1])


def _read_tool_data(lines: Sequence[str], block_lines: Span) -> _ToolData:
    """Read what tools wrote on the lines of a block, and on the line below it.

    If that line begins a callout with a schedule, the next line counts, too.
    """
    first, end = block_lines
    tool_data = _ToolData()
    for line in lines[first:end]:
        tool_data = tool_data.add_id(line).add_schedule(line)
    for line in lines[end : end + 2]:
        content = line.strip("> \t")
        if content.startswith(_ID_LINE_STARTS):
            tool_data = tool_data.add_id(line)
        tool_data = tool_data.add_schedule(line)
        is_callout = content.startswith(_SCHEDULE_CALLOUT)
        if not is_callout:
            break
    return tool_data
