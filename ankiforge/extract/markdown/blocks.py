"""Split a note into blocks: headings, paragraphs, list items, table cells, code and cards.

The blocks are in reading order, so their joined texts are the plain text of the note.
markdown-it-py determines where each block begins and ends. A block parses its part of the
source only when needed, because most blocks contain no highlight.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt, rules_block

from ankiforge.extract.markdown.block_cards import (
    BlockCard,
    find_card_lines,
    parse_block_card,
    parse_list_card,
)
from ankiforge.extract.markdown.hand_written import (
    CardSides,
    CardSyntax,
    find_card_sides,
)
from ankiforge.extract.markdown.inline import InlineText
from ankiforge.extract.markdown.inline_parser import parse_inline, render_blocks
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    HiddenRemark,
    MaskedSource,
    restore_placeholders,
)
from ankiforge.extract.markdown.syntaxes import LIST_MARKERS
from ankiforge.model import Pair, Span, Strings
from ankiforge.text import contains_any, regex
from ankiforge.text.private import has_private_tag

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token


# The characters that a link to a heading replaces by spaces.
_SPECIAL_IN_HEADING_LINKS = regex(r"[#^|\[\]:%\\\s]+")


class BlockKind(Enum):
    """The kinds of Markdown elements that are read as blocks."""

    TEXT = auto()
    HEADING = auto()
    ITEM = auto()
    """The first paragraph of a list item."""
    CELL = auto()
    CODE = auto()
    TITLE = auto()
    """The title of a callout."""
    CARD = auto()
    """A hand-written multi-line card."""


@dataclass(eq=False, slots=True)
class ListItem:
    """A list item of one or more blocks. Compared by identity."""

    list_number: int
    """The number of the list within the note, counted from 1."""
    first_block: Block | None = None
    """The item's first paragraph, or None if the item has none."""


@dataclass(eq=False, slots=True)
class BlockQuote:
    """A block quote or callout of one or more blocks. Compared by identity.

    A callout is a block quote that begins with a type in brackets, e.g. `[!note]`.
    """

    body: str
    """The source without quote markers and callout title."""
    callout_type: str = ""
    """The type as written in the brackets, such as `note` or `PDF|yellow`, or "" for a plain block
    quote."""
    title_block: Block | None = None
    """The callout's title, or None for a plain block quote."""


@dataclass(eq=False, slots=True)
class Table:
    """A table. Compared by identity."""

    rows: list[Row] = field(default_factory=list)
    """The header row, followed by all others."""

    @property
    def label_sources(self) -> list[str]:
        """The sources of the cells in the first column that have text, except in the header row."""
        return [row.sources[0] for row in self.rows[1:] if row.blocks[0]]


@dataclass(eq=False, slots=True)
class Row:
    """A row of a table. Compared by identity."""

    table: Table
    sources: list[str] = field(default_factory=list)
    """The sources of all cells."""
    blocks: list[Block | None] = field(default_factory=list)
    """The blocks of all cells, with None for an empty cell."""

    @property
    def is_header(self) -> bool:
        """Whether this is the first row of its table."""
        return self is self.table.rows[0]

    def find_headers(self, column: int) -> tuple[Block, ...]:
        """Return the first cell of this row and the first cell of a column, if they have text."""
        if self.is_header:
            return ()
        headers = [self.table.rows[0].blocks[column]]
        if column > 0:
            headers.insert(0, self.blocks[0])
        return tuple([header for header in headers if header])


@dataclass(eq=False)
class Block:
    """A block of a note, with the headings, lists and quotes that enclose it."""

    kind: BlockKind
    source: str
    context: InlineContext
    syntax: CardSyntax
    lines: Span
    """The range of lines in the note, as [first, end). All cells of a table row have the same
    range."""
    number: int = 0
    """The block's number within the note, counted from 1."""
    id: str = ""
    """The id for links, written as `^id` at the end of the block, or ""."""
    may_be_line_card: bool = False
    """Whether the block is a single line, so that it may be a card such as `front::back`."""
    block_card: BlockCard | None = None
    """The parsed card if the kind is `CARD`, or None."""
    headings: tuple[Block, ...] = ()
    """The headings above the block, outermost first."""
    headers: tuple[Block, ...] = ()
    """For a table cell, the first cell of the row and the first cell of the column, as far as they
    have text."""
    row: Row | None = None
    """The table row of a cell, or None outside tables."""
    column: int = 0
    """For a table cell, the number of cells to the left."""
    top_level_number: int = 0
    """The number of the enclosing top-level block, counted from 1."""
    rule_count: int = 0
    """The number of horizontal rules (`---`) above the block."""
    items: tuple[ListItem, ...] = ()
    """The enclosing list items, outermost first."""
    quotes: tuple[BlockQuote, ...] = ()
    """The enclosing block quotes, outermost first."""
    deck: str = ""
    """The deck named by the nearest deck tag above, or ""."""
    tags_above: Strings = ()
    """All tags in the same block as the nearest deck tag above."""
    is_private: bool = False
    """Whether the text must not leave this computer. Set by `mark_private_blocks`."""

    @property
    def url_fragment(self) -> str:
        """The URL fragment that links to the block.

        This is `#^` and the id of the block. Without an id, it is `#` and the nearest heading above
        or, if there is no heading, "".
        """
        if self.id:
            return f"#^{self.id}"
        if not self.headings:
            return ""
        heading = _SPECIAL_IN_HEADING_LINKS.sub(" ", self.headings[-1].plain_text)
        return f"#{heading.strip()}"

    @property
    def callouts(self) -> Sequence[BlockQuote]:
        """The callouts around the block, outermost first. A title isn't inside its own callout."""
        quotes = self.quotes
        if self.kind is BlockKind.TITLE:
            quotes = quotes[:-1]
        return [quote for quote in quotes if quote.title_block]

    @property
    def callout_type(self) -> str:
        """The type of the innermost callout around the block, or ""."""
        for quote in reversed(self.quotes):
            if quote.callout_type:
                return quote.callout_type
        return ""

    @property
    def empty_cells_after(self) -> str:
        """The plain text for the empty cells at the end of a table row, with a dash for each.

        It is only meaningful for the last cell with text in its row. Outside tables, it is "".
        """
        if self.row is None:
            return ""
        return " | –" * (len(self.row.sources) - self.column - 1)

    @property
    def is_header_cell(self) -> bool:
        """Whether the block is a cell in the first row of a table."""
        return self.row is not None and self.row.is_header

    def is_in_row_of(self, other: Block) -> bool:
        """Return whether two blocks are cells of the same table row."""
        return self.row is not None and self.row is other.row

    @property
    def can_contain_highlights(self) -> bool:
        """Whether the block may contain highlights, unlike code and multi-line cards."""
        return self.kind not in (BlockKind.CODE, BlockKind.CARD)

    @property
    def is_declared_card(self) -> bool:
        """Whether the block's own markup or the settings of a plug-in declare it a card."""
        if self.block_card and self.block_card.is_declared:
            return True
        return self.syntax.is_declared

    @cached_property
    def inline_text(self) -> InlineText:
        """The parsed text of the block, which is empty for code and `CARD` blocks."""
        if not self.can_contain_highlights:
            return InlineText([])
        return parse_inline(self.source, self.context)

    @cached_property
    def plain_text(self) -> str:
        """The plain text of the block.

        It is only empty if the block consists of pictures that are highlighted or blanked out.
        """
        if self.kind is BlockKind.CODE:
            return self.source
        if self.block_card is None:
            return self.inline_text.plain
        sides = [side.get_plain_text() for side in self._side_blocks]
        if self.block_card.labels:
            labelled = zip(self.block_card.labels, sides, strict=True)
            return "\n".join(f"{label}: {side}" for label, side in labelled)
        separator = "\n"
        if self.block_card.form_description in self.syntax.block_separators:
            separator = f"\n{self.block_card.form_description}\n"
        return separator.join(sides).strip()

    @property
    def is_visible(self) -> bool:
        """Whether the block has text, or a picture that is highlighted or blanked out."""
        if self.source[:1].isalnum():
            return True  # no need to parse the block
        inline = self.inline_text
        return bool(inline.plain or inline.marked_pictures or inline.gaps_with_content)

    @cached_property
    def _side_blocks(self) -> tuple[NoteBlocks, ...]:
        if self.block_card is None:
            return ()
        sides = (self.block_card.front, self.block_card.back)
        context = self._side_context
        return tuple([_BlockParser(each, context, self.syntax).parse() for each in sides])

    @property
    def _side_context(self) -> InlineContext:
        """The context for parsing the sides of a multi-line card.

        A card of Obsidian_to_Anki may use another cloze syntax than the rest of the note.
        """
        markers = self.syntax.field_cloze_markers
        card = self.block_card
        if markers is not None and card and card.is_declared and card.is_cloze:
            return self.context._replace(cloze_markers=markers)
        return self.context

    @cached_property
    def card_sides(self) -> CardSides | None:
        """The sides of a one-line card such as `front::back`, or None if the block isn't one."""
        if not self.may_be_line_card:
            return None
        if not has_separator(self.source, self.syntax):
            return None
        return find_card_sides(self.inline_text, self.syntax)

    @cached_property
    def card_markdown(self) -> Strings:
        """The sides of a `CARD` block as normalized Markdown, or () for other blocks.

        A cloze card with nothing on the back has only one side.
        """
        if self.block_card is None:
            return ()
        context = self._side_context
        is_cloze = self.block_card.is_cloze
        render = partial(
            render_blocks, context=context, keep_clozes=is_cloze, keep_links=True
        )
        front, back = render(self.block_card.front), render(self.block_card.back)
        if is_cloze and not back:
            return (front,)
        return (front, back)

    @property
    def footnotes(self) -> list[str]:
        """The footnotes referenced in the block. See `InlineText.find_footnotes`."""
        names = self.inline_text.find_footnotes(0, len(self.plain_text))
        for side in self._side_blocks:
            for block in side.blocks:
                names += block.footnotes
        return names

    @cached_property
    def tags(self) -> Strings:
        """The distinct tags in the block, without `#`, including those of the sides of a card."""
        tags = list(self.inline_text.tags)
        if self.block_card:
            tags.extend(self.block_card.tags)
        for side in self._side_blocks:
            tags.extend(side.tags)
            for block in side.blocks:
                tags.extend(block.tags)
        return tuple(dict.fromkeys(tags))


@dataclass(frozen=True)
class NoteBlocks:
    """All blocks of a note, in order."""

    blocks: tuple[Block, ...]
    tags: Strings
    """The tags that apply to the whole note: those in blocks without other text."""
    context: InlineContext
    """The context for parsing inline text, including the note's maths and link labels."""
    source: str = ""
    """The note's source, with placeholders for maths and comments."""
    remarks: Sequence[HiddenRemark] = ()
    """The comments that the reader wrote, such as `%%…%%`."""

    def get_plain_text(self) -> str:
        """Return the plain text of the whole note, with dashes for empty table cells at its end."""
        if not self.blocks:
            return ""
        return self.join_plain_text(self.blocks) + self.blocks[-1].empty_cells_after

    def join_plain_text(self, blocks: Sequence[Block]) -> str:
        """Join the plain text of consecutive blocks, separated as in the text of the whole note."""
        parts = []
        for block in blocks:
            parts.append(self.get_separator_above(block))
            parts.append(block.plain_text)
        return "".join(parts[1:])

    def find_previous(self, block: Block) -> Block | None:
        """Return the block before `block`, or None if `block` is the first."""
        if block.number == 1:
            return None
        return self.blocks[block.number - 2]

    def find_next(self, block: Block) -> Block | None:
        """Return the block after `block`, or None if `block` is the last."""
        if block.number == len(self.blocks):
            return None
        return self.blocks[block.number]

    def get_block_range(self, first: Block, last: Block) -> Sequence[Block]:
        """Return all blocks from `first` through `last`."""
        return self.blocks[first.number - 1 : last.number]

    def get_separator_above(self, block: Block) -> str:
        """Return the text that separates a block from the previous one in the note's plain text.

        This is " | " between cells of a table row, and otherwise a newline. Each empty cell becomes
        a dash: the row `| a |  | b |` is the text `a | – | b`.
        """
        above = self.find_previous(block)
        if above is None:
            return ""
        if block.is_in_row_of(above):
            empty_cells_between = block.column - above.column - 1
            return " | " + "– | " * empty_cells_between
        empty_cells_before = block.column  # 0 outside tables
        return above.empty_cells_after + "\n" + "– | " * empty_cells_before

    def get_surrounding_text(
        self, first: Block, start: int, last: Block, end: int, length: int
    ) -> Pair:
        """Return the plain text before a passage and the plain text after it.

        Args:
            first: The block where the passage starts.
            start: The offset of the start in the plain text of `first`.
            last: The block where the passage ends.
            end: The offset of the end in the plain text of `last`.
            length: The maximum number of characters on each side.
        """
        before = first.plain_text[:start]
        while len(before) < length and (above := self.find_previous(first)):
            before = above.plain_text + self.get_separator_above(first) + before
            first = above
        after = last.plain_text[end:]
        while len(after) < length and (below := self.find_next(last)):
            after += self.get_separator_above(below) + below.plain_text
            last = below
        return before[-length:], after[:length]


_LIST_MARKER = regex(r"(?:[-*+]|\d{1,9}[.)])[ \t]")


@lru_cache(maxsize=4)
def _get_markdown_parser(with_comments: bool, with_cards: bool) -> MarkdownIt:
    """Create a parser for blocks.

    At each line, it tries comments, then cards, then markdown-it's own blocks. `alt` names the
    blocks that a rule may interrupt.
    """
    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    rules = parser.block.ruler
    if with_comments:
        interrupted = ["paragraph", "blockquote", "list", "table"]
        rules.before("code", "comment", _skip_comment_line, {"alt": interrupted})
    if with_cards:
        rules.before("code", "card in a list", parse_list_card, {"alt": ["list"]})
        rules.before("code", "card", parse_block_card, {"alt": ["paragraph"]})
    rules.at("list", _parse_list, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("paragraph", _parse_paragraph)
    rules.before("fence", "indented", _parse_indented_code)
    disabled = ["normalize", "inline", "reference", "text_join", "code"]
    return parser.enable("table").disable(disabled)


def _parse_indented_code(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse code that is indented by four spaces (a markdown-it block rule).

    This replaces markdown-it's own rule to match how editors behave: list items may be
    indented by any amount, and there is no indented code in lists.
    """
    is_in_list = state.listIndent >= 0
    if is_in_list or not _is_indented_as_code(state, start):
        return False
    if _LIST_MARKER.match(state.src, state.bMarks[start] + state.tShift[start]):
        return False
    code_end = start  # empty lines belong to the code only if more code follows
    for line in range(start, end):
        if state.isEmpty(line):
            continue
        if not _is_indented_as_code(state, line):
            break
        code_end = line + 1
    state.line = code_end
    token = state.push("code_block", "code", 0)
    token.content = state.getLines(start, code_end, 4 + state.blkIndent, False)
    token.map = [start, code_end]
    return True


def _is_indented_as_code(state: StateBlock, line: int) -> bool:
    """Return whether a line is indented by four spaces more than its container."""
    return state.sCount[line] - state.blkIndent >= 4


def _parse_list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a list at any indentation, even if it interrupts the paragraph of a list item.

    This replaces markdown-it's own block rule.
    """
    outer_indent, state.listIndent = state.listIndent, -1
    is_list = rules_block.list_block(state, start, end, silent)
    state.listIndent = outer_indent
    return is_list


def _parse_paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a paragraph, allowing other blocks to interrupt it at any indentation.

    This replaces markdown-it's own block rule. As there, the paragraph may continue below `end`,
    because a line of a block quote or list item may lack its marker or indentation.
    """
    terminators = state.md.block.ruler.getRules("paragraph")
    outer_type, state.parentType = state.parentType, "paragraph"
    next_line = start + 1
    while next_line < state.lineMax and not state.isEmpty(next_line):
        # markdown-it has already checked a line that continues a block quote without
        # its marker, and marks it by a negative indent
        if state.sCount[next_line] >= 0:
            if any(rule(state, next_line, state.lineMax, True) for rule in terminators):
                break
        next_line += 1
    state.parentType = outer_type
    state.line = next_line
    state.push("paragraph_open", "p", 1).map = [start, next_line]
    token = state.push("inline", "", 0)
    token.content = state.getLines(start, next_line, state.blkIndent, False).strip()
    token.map = [start, next_line]
    state.push("paragraph_close", "p", -1)
    return True


def _skip_comment_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Skip a line with nothing but comments (a markdown-it block rule)."""
    first = state.bMarks[start] + state.tShift[start]
    line = state.src[first : state.eMarks[start]]
    if COMMENT_FILLER not in line or line.strip(f"{COMMENT_FILLER} \t"):
        return False
    if not silent:
        state.line = start + 1
    return True


def parse_blocks(
    source: MaskedSource, context: InlineContext, syntax: CardSyntax
) -> NoteBlocks:
    """Split a note into blocks.

    Args:
        source: The note as returned by `mask_comments_and_maths`.
        context: The context for parsing text. Its maths, link labels and cloze syntax are
            replaced by those of the note.
        syntax: The card syntaxes that may be used in the note.
    """
    note_context = context._replace(
        maths=source.maths,
        link_labels=source.link_labels,
        cloze_markers=syntax.cloze_markers,
    )
    parser = _BlockParser(source.text, note_context, syntax)
    note = parser.parse(find_card_lines(source.text, syntax))
    return dataclasses.replace(note, remarks=source.remarks)


_BLOCK_ID = regex(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{COMMENT_FILLER}]*\Z")
# The first line of a callout, `[!type] title`. After the brackets, `-` or `+` makes it
# foldable.
_CALLOUT = regex(r"\A\[!(?P<type>[^\[\]\n]+)\][+-]?[ \t]*(?P<title>[^\n]*)(?:\n|\Z)")
# The check box at the start of a task.
_TASK_BOX = regex(r"\A\[[^\[\]\n]\][ \t]+")
# The start of HTML whose content isn't part of the note's text.
_NON_TEXT_HTML = regex(r"(?i)\s*<(?:script|style|pre|textarea|svg|!|\?)")
_SCRIPTS_AND_TAGS = regex(r"(?is)<(script|style)\b.*?</\1\s*>|<[^<>]*>")


def _split_off_id(source: str) -> tuple[str, str]:
    """Return the source of a block without the id at its end, and the id or ""."""
    if "^" not in source:
        return source, ""
    block_id = _BLOCK_ID.search(source)
    if block_id is None:
        return source, ""
    return source[: block_id.start()], block_id[1]


class _BlockParser:
    """Converts markdown-it tokens to the blocks of a note.

    Keeps track of open containers, headings, tags and rules along the way.
    """

    def __init__(self, text: str, context: InlineContext, syntax: CardSyntax) -> None:
        self._text = text
        self._source_lines = text.split("\n")
        self._context = context
        self._syntax = syntax

        self._blocks: list[Block] = []
        self._note_tags: list[str] = []
        """The tags in blocks without other text."""

        # where the next token is
        self._lines: Span = (0, 0)
        """The line range of the last token that has one."""
        self._headings = list[tuple[int, Block]]()
        """The level and block of each open section's heading, outermost first."""
        self._table = Table()
        """The open table, or else the last one."""
        self._open_items: list[ListItem] = []
        """The current item of each open list, outermost first."""
        self._open_quotes: list[BlockQuote] = []
        """The open block quotes, outermost first."""
        self._list_count = 0
        self._rule_count = 0
        self._top_level_count = 0
        self._deck = syntax.default_deck
        """`Block.deck` of the next block."""
        self._tags_above: Strings = ()
        """`Block.tags_above` of the next block."""

    def parse(self, card_lines: Sequence[int] = ()) -> NoteBlocks:
        """Parse the text into blocks. `card_lines` come from `find_card_lines`."""
        environment = {  # for the rule `parse_block_card`
            "card_lines": card_lines,
            "syntax": self._syntax,
            "is_card": self._is_card_line,
        }
        parser = _get_markdown_parser(COMMENT_FILLER in self._text, bool(card_lines))
        tokens = parser.parse(self._text, environment)
        for index, token in enumerate(tokens):
            if token.level == 0 and token.nesting >= 0:
                self._top_level_count += 1
            if token.map:
                self._lines = (token.map[0], token.map[1])
            self._add_token(tokens, index)
        for number, block in enumerate(self._blocks, 1):
            block.number = number
        return NoteBlocks(
            blocks=tuple(self._blocks),
            tags=tuple(dict.fromkeys(self._note_tags)),
            context=self._context,
            source=self._text,
        )

    def _is_card_line(self, line: str) -> bool:
        if not has_separator(line, self._syntax):
            return False
        return (
            find_card_sides(parse_inline(line, self._context), self._syntax) is not None
        )

    def _add_token(self, tokens: Sequence[Token], index: int) -> None:
        """Add the block that a token holds, or enter or leave its container.

        What a token of type `inline` belongs to is known from the tokens before it.
        """
        token = tokens[index]
        previous_type = _get_type(tokens, index - 1)
        match token.type:
            case "inline" if previous_type == "paragraph_open":
                self._add_paragraph(token.content, _get_type(tokens, index - 2))
            case "inline" if previous_type == "heading_open":
                level = int(tokens[index - 1].tag.removeprefix("h"))
                self._add_heading(token.content, level)
            case "inline":
                self._add_cell(token.content)
            case "fence" | "code_block":
                self._add_code(token.content)
            case "html_block":
                self._add_html(token.content, previous_type)
            case "card":
                self._add_card(token.meta["card"])
            case "hr":
                self._rule_count += 1
            case _:
                self._track_container(token.type)

    def _track_container(self, token_type: str) -> None:
        """Enter or leave a table, list, list item or block quote."""
        match token_type:
            case "thead_open":
                self._table = Table()
            case "tr_open":
                self._table.rows.append(Row(self._table))
            case "bullet_list_open" | "ordered_list_open":
                self._list_count += 1
                self._open_items.append(ListItem(self._list_count))
            case "bullet_list_close" | "ordered_list_close":
                self._open_items.pop()
            case "list_item_open":
                self._open_items[-1] = ListItem(self._open_items[-1].list_number)
            case "blockquote_open":
                self._open_quotes.append(BlockQuote(self._read_quote_body()))
            case "blockquote_close":
                self._open_quotes.pop()

    def _read_quote_body(self) -> str:
        """Return the lines of the block quote that begins, without its quote markers.

        Those of the block quotes around it are removed, too: `> > text` becomes `text`.
        """
        outer_count = len(self._open_quotes)
        markers = re.compile(rf"^{LIST_MARKERS}>[ ]?(?:[ \t]*>[ ]?){{0,{outer_count}}}")
        lines = self._source_lines[slice(*self._lines)]
        return "\n".join([markers.sub("", line, count=1) for line in lines])

    # --- one method for each kind of block --------------------------------------------

    def _add_heading(self, source: str, level: int) -> None:
        """Add a heading, which ends all sections of the same or a deeper level.

        A heading inside a list item only ends sections that began inside a list item.
        """
        open_headings = []
        for above_level, above in self._headings:
            is_outside_list = bool(self._open_items) and not above.items
            if above_level < level or is_outside_list:
                open_headings.append((above_level, above))
        self._headings = open_headings
        block = self._add_text_block(BlockKind.HEADING, source, self._lines)
        if block:
            self._headings.append((level, block))

    def _add_html(self, source: str, previous_type: str) -> None:
        """Add a block of HTML, as code without its tags if browsers don't show it as text."""
        if _NON_TEXT_HTML.match(source):
            self._add_code(_SCRIPTS_AND_TAGS.sub("", source))
        else:
            self._add_paragraph(source.strip(), previous_type)

    def _add_cell(self, source: str) -> None:
        """Add the next cell of the open row, as a block if it isn't empty."""
        row = self._table.rows[-1]
        column = len(row.sources)
        block = self._add_text_block(BlockKind.CELL, source, self._lines)
        row.sources.append(source)
        row.blocks.append(block)
        if block:
            block.row = row
            block.column = column
            block.headers = row.find_headers(column)

    def _add_card(self, block_card: BlockCard) -> None:
        """Add a multi-line card. An id at the end of its back is that of the block."""
        block = self._create_block(BlockKind.CARD, "", self._lines)
        back, block.id = _split_off_id(block_card.back)
        block.block_card = block_card._replace(back=back)
        self._blocks.append(block)

    def _add_paragraph(self, source: str, previous_type: str) -> None:
        """Add a paragraph as a block, with a separate block for each line that is a card.

        Args:
            source: The source of the paragraph.
            previous_type: The type of the markdown-it token before the paragraph. For
                example, after `blockquote_open`, it is the first paragraph of a block quote.
        """
        kind = BlockKind.TEXT
        first_line = self._lines[0]  # in the note
        if previous_type == "list_item_open":
            kind = BlockKind.ITEM
            source = _TASK_BOX.sub("", source)
        elif previous_type == "blockquote_open":
            callout = _CALLOUT.match(source)
            if callout:
                self._add_callout_title(callout)
                source = source[callout.end() :]
                first_line += 1
        lines = source.split("\n")
        for start, end in self._split_at_card_lines(lines):
            part = "\n".join(lines[start:end])
            lines_in_note = (first_line + start, first_line + end)
            self._add_text_block(kind, part, lines_in_note, is_line=end == start + 1)

    def _add_callout_title(self, callout: re.Match[str]) -> None:
        """Add the title of a callout as a block, and turn the innermost block quote into it."""
        quote = self._open_quotes[-1]
        quote.callout_type = callout["type"]
        self._add_text_block(BlockKind.TITLE, callout["title"], self._lines)
        quote.title_block = self._create_block(
            BlockKind.TITLE, callout["title"], self._lines
        )
        _, _, quote.body = quote.body.partition("\n")

    def _split_at_card_lines(self, lines: Sequence[str]) -> list[Span]:
        """Return the ranges of lines between the cards of a paragraph, and that of each card.

        A range between cards may be empty. A line that begins inside braces isn't a card, such as
        one below `{{c1::prophase,`.
        """
        if len(lines) == 1:
            return [(0, 1)]
        spans: list[Span] = []
        text_start = 0
        is_in_gap = False
        for number, line in enumerate(lines):
            if not is_in_gap and self._is_card_line(line):
                spans.append((text_start, number))
                spans.append((number, number + 1))
                text_start = number + 1
            last_opener, last_closer = line.rfind("{{"), line.rfind("}}")
            if last_opener != last_closer:  # the line has braces
                is_in_gap = last_opener > last_closer
        spans.append((text_start, len(lines)))
        return spans

    def _add_code(self, source: str) -> None:
        source = restore_placeholders(source.strip("\n"), self._context.maths)
        if source.strip():
            block = self._create_block(BlockKind.CODE, source, self._lines)
            self._blocks.append(block)

    # --- blocks at the current position ------------------------------------------------

    def _add_text_block(
        self, kind: BlockKind, source: str, lines: Span, *, is_line: bool = False
    ) -> Block | None:
        """Add and return a block, or return None if the block is invisible.

        An invisible block has neither text nor a highlighted or blanked-out picture. Its tags and
        its id then apply to other blocks.
        """
        source, block_id = _split_off_id(source)
        block = self._create_block(kind, source, lines, is_line=is_line)
        block.id = block_id
        if not block.is_visible:
            self._apply_tags(block)
            if block_id:
                self._add_id_above(block_id)
            return None
        self._blocks.append(block)
        if kind is BlockKind.ITEM and self._open_items[-1].first_block is None:
            self._open_items[-1].first_block = block
        return block

    def _apply_tags(self, block: Block) -> None:
        """Apply the tags of an invisible block.

        If a tag names a deck, the tags are those of the cards below, and otherwise of the whole
        note. A privacy tag in a cell is an exception, because it applies only to its row.
        """
        deck = self._syntax.find_deck(block.tags)
        if deck:
            self._deck = deck
            self._tags_above = block.tags
        elif block.kind is BlockKind.CELL:
            self._note_tags += [tag for tag in block.tags if not has_private_tag((tag,))]
        else:
            self._note_tags += block.tags

    def _add_id_above(self, block_id: str) -> None:
        """Give an id to the last top-level block, i.e. to all its blocks that have none.

        Obsidian writes the id of a list, table or block quote into a paragraph below it.
        """
        for above in reversed(self._blocks):
            if above.top_level_number != self._blocks[-1].top_level_number:
                break
            if not above.id:
                above.id = block_id

    def _create_block(
        self, kind: BlockKind, source: str, lines: Span, *, is_line: bool = False
    ) -> Block:
        return Block(
            kind=kind,
            source=source,
            context=self._context,
            syntax=self._syntax,
            lines=lines,
            may_be_line_card=is_line,
            headings=tuple([heading for _, heading in self._headings]),
            top_level_number=self._top_level_count,
            rule_count=self._rule_count,
            items=tuple(self._open_items),
            quotes=tuple(self._open_quotes),
            deck=self._deck,
            tags_above=self._tags_above,
        )


def _get_type(tokens: Sequence[Token], index: int) -> str:
    """Return the type of a token, or "" before the first token."""
    if index < 0:
        return ""
    return tokens[index].type


def has_separator(line: str, syntax: CardSyntax) -> bool:
    """Return whether a line contains a card separator. A line without one can't be a card."""
    return contains_any(line, ("：：", *syntax.line_separators))
