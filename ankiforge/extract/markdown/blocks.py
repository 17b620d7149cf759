"""A note cut into blocks, in reading order: the basis of its plain text.

markdown-it-py finds where blocks begin and end. Their texts are slices of the source,
parsed when somebody asks for them: most blocks of a note hold no mark.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ankiforge.extract.markdown.hand_written import (
    CardSides,
    Syntax,
    Written,
    card_of_list,
    inline_card,
    signs_of,
    written_card,
)
from ankiforge.extract.markdown.inline import Inline, read, rich
from ankiforge.extract.markdown.placeholders import (
    COMMENT,
    PREFIX,
    PreparedSource,
    restored,
)
from ankiforge.extract.markdown.signs import InlineContext
from ankiforge.model import Pair, Span, Strings
from ankiforge.text import regex
from ankiforge.text.private import is_tagged

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token


# Characters that links to headings replace by blanks.
_NOT_IN_LINKS = regex(r"[#^|\[\]:%\\\s]+")


class BlockKind(Enum):
    """The kind of a block."""

    TEXT = auto()
    HEADING = auto()
    ITEM = auto()
    """The first paragraph of a list item."""
    CELL = auto()
    CODE = auto()
    TITLE = auto()
    """The title of a callout."""
    CARD = auto()
    """A card over several lines."""


@dataclass(eq=False, slots=True)
class ListItem:
    """An item of a list."""

    list: int
    """The number of its list in the note."""
    first: Block | None = None
    """Its first paragraph, if it has any."""


@dataclass(eq=False, slots=True)
class BlockQuote:
    """A block quote, which may be a callout."""

    body: str
    """Its source without its signs; of a callout, without the title."""
    style: str = ""
    """The type of the callout, as in its brackets: `note`, `PDF|yellow`."""
    title: Block | None = None
    """The title of the callout; None if it is none."""


@dataclass(eq=False)
class Block:
    """One block of a note, with its place among headings, lists and quotes."""

    part: BlockKind
    source: str
    context: InlineContext
    syntax: Syntax
    lines: Span
    """[first, last) lines of the note it was read from; the cells of a row share them."""
    number: int = 0
    """Its place in the note, counted from 1."""
    id: str = ""
    is_line: bool = False
    """Whether it may be a card on one line."""
    card: Written | None = None
    """The source of a card over several lines."""
    headings: tuple[Block, ...] = ()
    """The headings above."""
    heads: tuple[Block, ...] = ()
    """Of a table cell: the first cell of its row and the header of its column."""
    row: Sequence[str] = ()
    """Of a table cell: the sources of the cells of its row."""
    header: Sequence[str] = ()
    """Of a table cell: the sources of the first row."""
    column: int = 0
    """Of a table cell: how many cells are before it in its row."""
    root: int = 0
    """The number of the top-level block that contains it."""
    rules: int = 0
    """The number of rules (`---`) above it."""
    items: tuple[ListItem, ...] = ()
    """The list items that contain it, outermost first."""
    quotes: tuple[BlockQuote, ...] = ()
    """The block quotes that contain it, outermost first."""
    deck: str = ""
    """The deck that the last line of tags above names; "" if there is none."""
    tags_above: Strings = ()
    """The tags of that line."""
    private: bool = False
    """Whether it must stay on this machine; set by `mark_private`, and from the start
    if it is under such a heading of an earlier part of its document."""

    @property
    def anchor(self) -> str:
        """Its place in a link to the note: its id, else the heading above."""
        if self.id:
            return f"#^{self.id}"
        if not self.headings:
            return ""
        heading = _NOT_IN_LINKS.sub(" ", self.headings[-1].plain)
        return f"#{heading.strip()}"

    @property
    def callouts(self) -> Sequence[BlockQuote]:
        """The callouts that contain it, outermost first; a title is not in its own."""
        outer = self.quotes[:-1] if self.part is BlockKind.TITLE else self.quotes
        return [quote for quote in outer if quote.title]

    @property
    def style(self) -> str:
        """The type of the innermost callout."""
        return next((quote.style for quote in reversed(self.quotes) if quote.style), "")

    @property
    def is_text(self) -> bool:
        """Whether it may contain marks: code and cards over several lines do not."""
        return self.part not in (BlockKind.CODE, BlockKind.CARD)

    @property
    def is_declared(self) -> bool:
        """Whether the settings, or its own words, say that it is a card."""
        return self.syntax.declared or (self.card is not None and self.card.declared)

    @cached_property
    def inline(self) -> Inline:
        """Its parsed text, empty if it is none."""
        return read(self.source, self.context) if self.is_text else Inline([])

    @cached_property
    def plain(self) -> str:
        """Its plain text, empty only if a picture is alone in a mark or gap there."""
        if self.card is None:
            return self.inline.plain if self.is_text else self.source
        sides = [side.plain_text() for side in self._parsed_sides]
        if self.card.labels:
            labelled = zip(self.card.labels, sides, strict=True)
            return "\n".join(f"{label}: {side}" for label, side in labelled)
        between = "\n"
        if self.card.sign in self.syntax.block:
            between = f"\n{self.card.sign}\n"
        return between.join(sides).strip()

    @property
    def shows_something(self) -> bool:
        """Whether it has words, or a picture that is marked or hidden."""
        if self.source[:1].isalnum():
            return True  # no need to parse it
        inline = self.inline
        return bool(inline.plain or inline.marked_pictures or inline.hidden_pictures)

    @cached_property
    def _parsed_sides(self) -> tuple[Blocks, ...]:
        """The blocks of each side of a card over several lines."""
        if self.card is None:
            return ()
        sides = []
        for side in (self.card.front, self.card.back):
            parser = _BlockParser(side, self._side_context, self.syntax)
            sides.append(parser.parse())
        return tuple(sides)

    @property
    def _side_context(self) -> InlineContext:
        """The context of the sides of the card, with the gaps in them."""
        gaps_inside = self.syntax.inner
        if gaps_inside and self.card and self.card.declared:
            return self.context._replace(gaps=gaps_inside)
        return self.context

    @cached_property
    def sides(self) -> CardSides | None:
        """The sides of a `front::back` line."""
        if not self.is_line:
            return None
        if not may_be_card(self.source, self.syntax):
            return None
        return inline_card(self.inline, self.syntax)

    @cached_property
    def card_markdown(self) -> Strings:
        """The sides of a card over several lines in our Markdown; one side is a cloze."""
        if self.card is None:
            return ()
        context = self._side_context
        is_cloze = self.card.cloze
        front = rich(self.card.front, context, gaps=is_cloze, links=True)
        back = rich(self.card.back, context, gaps=is_cloze, links=True)
        return (front,) if is_cloze and not back else (front, back)

    @property
    def footnotes(self) -> list[str]:
        """The footnotes in it; see `Inline.footnotes`."""
        names = self.inline.footnotes(0, len(self.plain))
        for side in self._parsed_sides:
            for block in side.blocks:
                names += block.footnotes
        return names

    @cached_property
    def tags(self) -> Strings:
        """Its `#tags`."""
        tags = list(self.inline.tags)
        if self.card:
            tags.extend(self.card.tags)
        for side in self._parsed_sides:
            tags.extend(side.tags)
            for block in side.blocks:
                tags.extend(block.tags)
        return tuple(dict.fromkeys(tags))


Headings = tuple[tuple[int, Block], ...]
"""The headings above a place: the level of each, and its block; the innermost last."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of a note."""

    blocks: tuple[Block, ...]
    tags: Strings
    """The `#tags` of the note: those in blocks without other text."""
    context: InlineContext
    """The maths and link labels to which the text of its blocks may refer."""
    headings: Headings = ()
    """The headings above its end."""
    source: str = ""
    """Its text, with placeholders."""

    def plain_text(self) -> str:
        """Return the plain text."""
        return self.text_of(self.blocks)

    def text_of(self, blocks: Sequence[Block]) -> str:
        """Return the plain text of blocks that follow one another."""
        parts = []
        for block in blocks:
            parts.append(self.gap_above(block))
            parts.append(block.plain)
        return "".join(parts[1:])

    def above(self, block: Block) -> Block | None:
        """Return the block before another one, if any."""
        return self.blocks[block.number - 2] if block.number > 1 else None

    def below(self, block: Block) -> Block | None:
        """Return the block after another one, if any."""
        return self.blocks[block.number] if block.number < len(self.blocks) else None

    def up_to(self, first: Block, last: Block) -> Sequence[Block]:
        """Return the blocks from one to another, with both."""
        return self.blocks[first.number - 1 : last.number]

    def gap_above(self, block: Block) -> str:
        """Return the text between a block and the one before it.

        The cells of a row are one line.
        """
        above = self.above(block)
        if above is None:
            return ""
        are_cells = block.part is BlockKind.CELL and above.part is BlockKind.CELL
        return " | " if are_cells and block.lines == above.lines else "\n"

    def around(
        self, first: Block, start: int, last: Block, end: int, length: int
    ) -> Pair:
        """Return the plain text around a passage.

        Args:
            first: its first block.
            start: where it starts in the plain text of that.
            last: its last block.
            end: where it ends in the plain text of that.
            length: the number of characters wanted on each side.

        Returns:
            The text before it, and the text after it.
        """
        before = first.plain[:start]
        while len(before) < length and (above := self.above(first)):
            before = above.plain + self.gap_above(first) + before
            first = above
        after = last.plain[end:]
        while len(after) < length and (below := self.below(last)):
            after += self.gap_above(below) + below.plain
            last = below
        return before[-length:], after[:length]


@lru_cache(maxsize=4)
def _markdown_parser(with_comments: bool, with_cards: bool) -> MarkdownIt:
    """Return a parser that finds blocks, also of these kinds, and nothing inside them."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    rules = parser.block.ruler
    first_rule = "code"
    if with_cards:
        rules.before(first_rule, "card", written_card, {"alt": ["paragraph"]})
        rules.before("card", "card in a list", card_of_list, {"alt": ["list"]})
        first_rule = "card in a list"
    if with_comments:
        interrupts = ["paragraph", "blockquote", "list", "table"]
        rules.before(first_rule, "comment", _comment_line, {"alt": interrupts})
    disabled = ["normalize", "inline", "reference", "text_join"]
    return parser.enable("table").disable(disabled)


def _comment_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Skip a line that contains only a comment; a block rule of markdown-it."""
    first = state.bMarks[start] + state.tShift[start]
    line = state.src[first : state.eMarks[start]]
    if COMMENT not in line or line.strip(f"{COMMENT} \t"):
        return False
    if not silent:
        state.line = start + 1
    return True


def parse_blocks(
    source: PreparedSource,
    context: InlineContext,
    syntax: Syntax,
    *,
    written: Mapping[int, Written] = {},
    above: Headings = (),
) -> Blocks:
    """Cut a prepared note into blocks.

    Args:
        source: the note, with placeholders.
        context: what its text may refer to; the note gives its maths and link labels.
        syntax: how cards are written in it.
        written: cards that are known already, by the line at which they begin.
        above: the headings above the note, if it continues another one.
    """
    of_note = context._replace(
        maths=source.maths,
        references=source.references,
        gaps=syntax.gaps,
    )
    parser = _BlockParser(source.text, of_note, syntax, above)
    card_lines = sorted({*signs_of(source.text, syntax), *written})
    return parser.parse(card_lines, written)


_BLOCK_ID = regex(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{COMMENT}]*\Z")
"""`^id` at the end of a block."""
# The first line of a callout: `[!type] title`, folded with `-` or `+`.
_CALLOUT = regex(r"\A\[!(?P<type>[^\[\]\n]+)\][+-]?[ \t]*(?P<title>[^\n]*)(?:\n|\Z)")
# In a file of several books, KOReader writes the title of the next one right behind the last
# passage, `### Page 3 @ 24 September 2025` above it, and the author as a heading below.
_NEXT_TITLE = regex(r"(?<=\S)# (?P<title>[^#\n]+)\Z")
_AUTHOR = 5
# The check box of a task.
_BOX = regex(r"\A\[[^\[\]\n]\][ \t]+")
# Where an item of a list or a row of a table begins in HTML, outside of gaps.
_ITEM_OR_ROW = regex(r"(?is)(?=<(?:li|tr)\b)(?!(?:(?!\{\{|\n\n).){0,400}\}\})")
# The start of HTML whose content is not text of the note.
_VERBATIM = regex(r"(?i)\s*<(?:script|style|pre|textarea|svg|!|\?)")
_TAGS = regex(r"(?is)<(script|style)\b.*?</\1\s*>|<[^<>]*>")


def _without_id(words: str) -> tuple[str, str]:
    """Return the source of a block without the id at its end, and the id or ""."""
    block_id = _BLOCK_ID.search(words) if "^" in words else None
    if block_id is None:
        return words, ""
    return words[: block_id.start()], block_id[1]


class _BlockParser:
    """Walks over the tokens of a note and collects its blocks.

    Its state is where the walk is: what is open, and how much was passed.
    """

    def __init__(
        self,
        text: str,
        context: InlineContext,
        syntax: Syntax,
        above: Headings = (),
    ) -> None:
        """Stand before the first token of a text."""
        self._text = text
        self._source_lines = text.split("\n")
        self._context = context
        self._syntax = syntax

        self._blocks: list[Block] = []
        self._note_tags: list[str] = []
        """The `#tags` of blocks that have no other text."""
        self._deck = syntax.deck
        """As `Block.deck`."""
        self._tags_above: Strings = ()
        """As `Block.tags_above`."""

        self._lines: Span = (0, 0)
        """Of the token that was read last."""
        self._headings = list(above)
        """(level, block) of the headings above."""
        self._header_cells: list[Block | None] = []
        """Of the open table; None stands for an empty cell."""
        self._row_cells: list[Block | None] = []
        self._header_sources: list[str] = []
        self._row_sources: list[str] = []
        self._open_items: list[ListItem] = []
        """The item that is read of each open list, outermost first."""
        self._open_quotes: list[BlockQuote] = []
        """Outermost first."""
        self._list_count = 0
        self._rule_count = 0
        self._top_level_count = 0

    def parse(
        self,
        card_lines: Sequence[int] = (),
        written: Mapping[int, Written] = {},
    ) -> Blocks:
        """Return the blocks of the text.

        Args:
            card_lines: the lines that may make a card over several lines.
            written: as in `parse_blocks`.
        """
        environment = {
            "signs": card_lines,
            "syntax": self._syntax,
            "is_card": self._is_card_line,
            "written": written,
        }
        parser = _markdown_parser(COMMENT in self._text, bool(card_lines))
        tokens = parser.parse(self._text, environment)
        for index, token in enumerate(tokens):
            if token.level == 0 and token.nesting >= 0:
                self._top_level_count += 1
            if token.map:
                self._lines = (token.map[0], token.map[1])
            self._read(tokens, index)
        for number, block in enumerate(self._blocks, 1):
            block.number = number
        return Blocks(
            blocks=tuple(self._blocks),
            tags=tuple(dict.fromkeys(self._note_tags)),
            context=self._context,
            headings=tuple(self._headings),
            source=self._text,
        )

    def _is_card_line(self, line: str) -> bool:
        """Return whether a line is a card such as `front::back`."""
        if not may_be_card(line, self._syntax):
            return False
        return inline_card(read(line, self._context), self._syntax) is not None

    def _read(self, tokens: Sequence[Token], index: int) -> None:
        """Add the block of a token, or note that it opens or closes one."""
        token = tokens[index]
        before = tokens[index - 1].type if index else ""
        match token.type:
            case "inline" if before == "paragraph_open":
                container = tokens[index - 2].type if index > 1 else ""
                self._add_paragraph(token.content, container)
            case "inline" if before == "heading_open":
                level = int(tokens[index - 1].tag.removeprefix("h"))
                self._add_heading(token.content, level)
            case "inline" if before == "th_open":
                self._header_sources = self._row_sources
                self._header_cells.append(self._add_cell(token.content))
            case "inline":
                self._add_cell(token.content)
            case "fence" | "code_block":
                self._add_code(token.content)
            case "html_block":
                self._add_html(token.content, before)
            case "card":
                written: Written = token.meta["card"]
                card = self._new_block(BlockKind.CARD, "", self._lines)
                back, card.id = _without_id(written.back)
                card.card = written._replace(back=back)
                self._blocks.append(card)
            case _:
                self._pass(token.type)

    def _pass(self, kind: str) -> None:
        """Pass a token that opens or closes a list, an item or a quote, or that is a rule."""
        match kind:
            case "thead_open":
                self._header_cells = []
            case "tr_open":
                self._row_cells = []
                self._row_sources = []
            case "bullet_list_open" | "ordered_list_open":
                self._list_count += 1
                self._open_items.append(ListItem(self._list_count))
            case "bullet_list_close" | "ordered_list_close":
                self._open_items.pop()
            case "list_item_open":
                self._open_items[-1] = ListItem(self._open_items[-1].list)
            case "blockquote_open":
                # its source without its signs, and without those of the quotes around it
                around = len(self._open_quotes)
                signs = re.compile(rf"^{PREFIX}>[ ]?(?:[ \t]*>[ ]?){{0,{around}}}")
                lines = self._source_lines[slice(*self._lines)]
                body = [signs.sub("", line, count=1) for line in lines]
                self._open_quotes.append(BlockQuote("\n".join(body)))
            case "blockquote_close":
                self._open_quotes.pop()
            case "hr":
                self._rule_count += 1

    # --- one method for each kind of block --------------------------------------------

    def _add_heading(self, words: str, level: int) -> None:
        """Add a heading; those of its level and below end, but one in an item ends none outside."""
        is_inside = bool(self._open_items)
        last = self._blocks[-1] if self._blocks else None
        if (
            level == _AUTHOR
            and last
            and last.headings
            and last.lines[1] == self._lines[0]
        ):
            title = _NEXT_TITLE.search(last.source)
            if title and " @ " in last.headings[-1].source:
                passage = last.source[: title.start()]
                self._blocks[-1] = dataclasses.replace(last, source=passage)
                self._add_heading(title["title"], 1)
        self._headings = [
            (above_level, above)
            for above_level, above in self._headings
            if above_level < level or (is_inside and not above.items)
        ]
        block = self._add(BlockKind.HEADING, words, self._lines)
        if block:
            self._headings.append((level, block))

    def _add_html(self, source: str, container: str) -> None:
        """Add a block of HTML; with gaps in it, each item and row of it, which makes a card."""
        if _VERBATIM.match(source):
            self._add_code(_TAGS.sub("", source))
            return
        parts = _ITEM_OR_ROW.split(source) if "{{" in source else [source]
        first_line, last_line = self._lines
        for part in parts:
            self._lines = (first_line, last_line)
            self._add_paragraph(part.strip(), container)
            first_line += part.count("\n")

    def _add_cell(self, words: str) -> Block | None:
        """Add a cell of a table; its heads are the first cell of its row and its column's."""
        block = self._add(BlockKind.CELL, words, self._lines)
        column = len(self._row_sources)
        self._row_cells.append(block)
        self._row_sources.append(words)
        if block is None:
            return None
        # the further cells of the row are still to come
        block.row = self._row_sources
        block.header = self._header_sources
        block.column = column
        if block.row is block.header:
            return block
        heads: list[Block | None] = []
        if column > 0:
            heads.append(self._row_cells[0])
        if column < len(self._header_cells):
            heads.append(self._header_cells[column])
        block.heads = tuple([head for head in heads if head])
        return block

    def _add_paragraph(self, words: str, container: str) -> None:
        """Add a paragraph; a line in it that is a card becomes a block of its own.

        Args:
            words: its source.
            container: the type of the token that opened what it begins.
        """
        part = BlockKind.TEXT
        if container == "list_item_open":
            part = BlockKind.ITEM
            words = _BOX.sub("", words)
        first_line = self._lines[0]
        if container == "blockquote_open":
            callout = _CALLOUT.match(words)
            if callout:
                # the innermost block quote is a callout
                quote = self._open_quotes[-1]
                quote.style = callout["type"]
                self._add(BlockKind.TITLE, callout["title"], self._lines)
                quote.title = self._new_block(
                    BlockKind.TITLE, callout["title"], self._lines
                )
                _, _, quote.body = quote.body.partition("\n")
                words = words[callout.end() :]
                first_line += 1

        # no line that begins inside braces is a card, such as below `{{c1::prophase,`
        lines = words.split("\n")
        start = 0
        is_in_gap = False
        for number, line in enumerate(lines):
            if len(lines) > 1 and not is_in_gap and self._is_card_line(line):
                self._add_lines(part, lines, start, number, first_line)
                self._add_lines(part, lines, number, number + 1, first_line)
                start = number + 1
            opener = line.rfind("{{")
            closer = line.rfind("}}")
            if opener != closer:
                is_in_gap = opener > closer
        self._add_lines(part, lines, start, len(lines), first_line)

    def _add_lines(
        self,
        part: BlockKind,
        lines: Sequence[str],
        start: int,
        end: int,
        first_line: int,
    ) -> None:
        """Add the lines [start, end) of a paragraph that begins at a line of the note."""
        words = "\n".join(lines[start:end])
        lines_in_note = (first_line + start, first_line + end)
        self._add(part, words, lines_in_note, is_line=end == start + 1)

    def _add_code(self, words: str) -> None:
        words = restored(words.strip("\n"), self._context.maths)
        if words.strip():
            block = self._new_block(BlockKind.CODE, words, self._lines)
            self._blocks.append(block)

    # --- blocks at the place of the walk ----------------------------------------------

    def _add(
        self,
        part: BlockKind,
        words: str,
        lines: Span,
        *,
        is_line: bool = False,
    ) -> Block | None:
        """Add a block of text or of a marked picture; else give its id and its tags to others.

        A lone id belongs to the whole top-level block above, and lone tags to the note.
        """
        words, block_id = _without_id(words)
        block = self._new_block(part, words, lines, is_line=is_line)
        block.id = block_id
        if block.shows_something:
            self._blocks.append(block)
            if part is BlockKind.ITEM and self._open_items[-1].first is None:
                self._open_items[-1].first = block
            return block
        self._give_tags(block)
        if block_id:
            for above in reversed(self._blocks):
                if above.root != self._blocks[-1].root:
                    break
                above.id = above.id or block_id
        return None

    def _give_tags(self, block: Block) -> None:
        """Give the tags of a block without other text to the cards below it, or to the note."""
        deck = self._syntax.deck_of(block.tags)
        if deck:
            self._deck = deck
            self._tags_above = block.tags
            return
        # the tag of privacy in a cell is about its row
        is_cell = block.part is BlockKind.CELL
        for tag in block.tags:
            if not (is_cell and is_tagged((tag,))):
                self._note_tags.append(tag)

    def _new_block(
        self,
        part: BlockKind,
        words: str,
        lines: Span,
        *,
        is_line: bool = False,
    ) -> Block:
        """Return a block at the place where the walk is."""
        return Block(
            part=part,
            source=words,
            context=self._context,
            syntax=self._syntax,
            lines=lines,
            is_line=is_line,
            headings=tuple([heading for _, heading in self._headings]),
            root=self._top_level_count,
            rules=self._rule_count,
            items=tuple(self._open_items),
            quotes=tuple(self._open_quotes),
            deck=self._deck,
            tags_above=self._tags_above,
            private=any(heading.private for _, heading in self._headings),
        )


def may_be_card(line: str, syntax: Syntax) -> bool:
    """Return whether a line has a sign that may separate the sides of a card."""
    return "：：" in line or any(sign in line for sign in syntax.line)
