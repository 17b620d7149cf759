"""A note cut into blocks, in reading order: the basis of its plain text.

markdown-it-py finds where blocks begin and end; their texts are slices of the source, and are parsed
when somebody asks for them: most blocks of a note hold no mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ankiforge.extract.markdown.cards import (
    Sides,
    Syntax,
    Written,
    inline_card,
    signs_of,
    written_card,
)
from ankiforge.extract.markdown.inline import Inline, read, rich
from ankiforge.extract.markdown.source import COMMENT, Source, restored
from ankiforge.extract.markdown.tokens import Context
from ankiforge.model import Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token


class Part(Enum):
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


PRIVATE = "no-llm"
"""The tag of what must not leave this machine."""


class Block:
    """One block of a note, with its place among headings, lists and quotes."""

    def __init__(
        self, part: Part, source: str, context: Context, *, id: str = "", is_line: bool = False
    ) -> None:
        """`is_line`: it may be a card on one line."""
        self.part, self.source, self.context = part, source, context
        self.id, self.is_line = id, is_line
        self.syntax = Syntax()
        self.card: Written | None = None
        """The source of a card over several lines."""
        self.lines: Span = (0, 0)
        """[first, last) lines of the note it was read from; the cells of a row share them."""
        self.headings: tuple[Block, ...] = ()
        """The headings above."""
        self.heads: tuple[Block, ...] = ()
        """Of a table cell: the first cell of its row and the header of its column."""
        self.root = 0
        """The number of the top-level block that contains it."""
        self.callout = -1
        """The number of the outermost callout that contains it, -1 = none."""
        self.path: tuple[Span, ...] = ()
        """The list items that contain it, outermost first: (number of the list, of the item)."""
        self.quotes: tuple[int, ...] = ()
        """The numbers of the block quotes that contain it, outermost first."""
        self.style = ""
        """The type of the innermost callout, as in its brackets: `note`, `PDF|yellow`."""
        self.rules = 0
        """The number of rules (`---`) above it."""
        self.titles: tuple[Block, ...] = ()
        """The titles of the callouts that contain it."""

    @cached_property
    def inline(self) -> Inline | None:
        """Its parsed text; None for code and cards over several lines, which contain no marks."""
        is_text = self.part not in (Part.CODE, Part.CARD)
        return read(self.source, self.context) if is_text else None

    @cached_property
    def plain(self) -> str:
        """Its plain text, never empty."""
        if self.inline is not None:
            return self.inline.plain
        if self.card is None:
            return self.source
        sign = f"\n{self.card.sign}\n" if self.card.sign in self.syntax.block else "\n"
        return sign.join(one.plain for one in self._cut_sides).strip()

    @cached_property
    def _cut_sides(self) -> tuple[Blocks, ...]:
        assert self.card is not None
        sides = map(Source, (self.card.front, self.card.back))
        return tuple(cut(one, self.context, self.syntax, with_cards=False) for one in sides)

    @cached_property
    def sides(self) -> Sides | None:
        """The sides of a `front::back` line."""
        may_be = self.is_line and any(sign in self.source for sign in self.syntax.line)
        return inline_card(self.inline, self.syntax) if may_be and self.inline else None

    @cached_property
    def sided(self) -> tuple[str, ...]:
        """The sides of a card over several lines in our Markdown; one side is a cloze."""
        if self.card is None:
            return ()
        sides = self.card.front, self.card.back
        written = [rich(side, self.context, gaps=self.card.cloze) for side in sides]
        return tuple(written[:1] if self.card.cloze and not written[1] else written)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Its `#tags`, and `no-llm` if a heading or a title above it has that tag."""
        own = self.inline.tags if self.inline else ()
        if self.card:
            own = (*self.card.tags, *(tag for side in self._cut_sides for tag in side.all_tags))
        covers = (tag.casefold() for one in (*self.headings, *self.titles) for tag in one.tags)
        private = (PRIVATE,) if any(tag == PRIVATE for tag in covers) else ()
        return tuple(dict.fromkeys((*own, *private)))


@dataclass(frozen=True)
class Blocks:
    """The blocks of a note."""

    blocks: tuple[Block, ...]
    tags: tuple[str, ...]
    """The `#tags` of the note: those in blocks without other text."""
    callouts: tuple[str, ...]
    """The source of the body of each outermost callout."""
    context: Context
    """What the text of its blocks may refer to."""

    @cached_property
    def plain(self) -> str:
        """The plain text, from which anchors are made."""
        return "".join(self.gap(at) + one.plain for at, one in enumerate(self.blocks))

    @property
    def public(self) -> str:
        """The same without what must not leave this machine."""
        return "".join(self.gap(at) + self.words(at, True) for at in range(len(self.blocks)))

    def words(self, at: int, public: bool) -> str:
        """Return the plain text of a block, `[…]` if it must not be `public`."""
        hidden = public and any(tag.casefold() == PRIVATE for tag in self.blocks[at].tags)
        return "[…]" if hidden else self.blocks[at].plain

    def gap(self, at: int) -> str:
        """Return what stands between a block and the one before it; cells of a row are one line."""
        if not at:
            return ""
        before, block = self.blocks[at - 1], self.blocks[at]
        in_row = block.part is before.part is Part.CELL and block.lines == before.lines
        return " | " if in_row else "\n"

    def before(self, at: int, offset: int, length: int, *, public: bool = False) -> str:
        """Return the plain text before an offset of a block."""
        text = self.blocks[at].plain[:offset]
        while len(text) < length and at:
            text = self.words(at - 1, public) + self.gap(at) + text
            at -= 1
        return text[max(0, len(text) - length) :]

    def after(self, at: int, offset: int, length: int, *, public: bool = False) -> str:
        """Return the plain text after an offset of a block."""
        text = self.blocks[at].plain[offset:]
        while len(text) < length and at + 1 < len(self.blocks):
            at += 1
            text += self.gap(at) + self.words(at, public)
        return text[:length]

    @property
    def all_tags(self) -> Iterable[str]:
        """The tags of the note and of its blocks."""
        return (*self.tags, *(tag for block in self.blocks for tag in block.tags))


@lru_cache(maxsize=4)
def _parser(comments: bool, cards: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    rules, within = parser.block.ruler, ["paragraph", "blockquote", "list", "table"]
    if cards:
        rules.before("code", "card", written_card, {"alt": ["paragraph"]})
    if comments:
        rules.before("card" if cards else "code", "comment", _comment_line, {"alt": within})
    return parser.enable("table").disable(["inline", "reference", "text_join"])


def _comment_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Skip a line that contains only a comment; a block rule."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if COMMENT not in line or line.strip(f"{COMMENT} \t"):
        return False
    if not silent:
        state.line = start + 1
    return True


def cut(source: Source, context: Context, syntax: Syntax, *, with_cards: bool = True) -> Blocks:
    """Cut a prepared note into blocks.

    Args:
        source: the note, with placeholders.
        context: what its text may refer to; its maths and link labels are taken from the note.
        syntax: how cards are written in it.
        with_cards: whether to read cards over several lines and footnotes; not inside such a card.
    """
    text = source.text
    if with_cards:
        references = {**context.references, **dict(source.references)}
        gaps = syntax.gaps
        context = context._replace(maths=source.maths, references=references, gaps=gaps)
    signs = signs_of(text, syntax) if with_cards else []
    cutter = _Cutter(text.split("\n"), context, syntax)
    env = {"signs": signs, "syntax": syntax, "is_card": cutter.is_card}
    for token in _parser(COMMENT in text, bool(signs)).parse(text, env):
        cutter.take(token)
    tags = tuple(dict.fromkeys(cutter.tags))
    return Blocks(tuple(cutter.blocks), tags, tuple(cutter.callouts), context)


BLOCK_ID = re.compile(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{COMMENT}]*\Z")
"""`^id` at the end of a block."""
_CALLOUT = re.compile(r"\A\[!([^\[\]\n]+)\][+-]?[ \t]*([^\n]*)(?:\n|\Z)")
_BOX = re.compile(r"\A\[[^\[\]\n]\][ \t]+")
_VERBATIM = re.compile(r"\s*<(?:script|style|pre|textarea|svg|!|\?)", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Cutter:
    """Collects the blocks of a note from the tokens of the block parser."""

    note: list[str]
    """Its lines."""
    context: Context
    syntax: Syntax
    blocks: list[Block] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    callouts: list[str] = field(default_factory=list)
    at: Span = (0, 0)
    """[first, last) of the lines just read."""
    root: int = 0
    rules: int = 0
    headings: list[tuple[int, Block]] = field(default_factory=list)
    level: int = 0
    """The level of the open heading, 0 = none."""
    quotes: list[tuple[int, Span]] = field(default_factory=list)
    """(number, lines) of each open quote."""
    quote_count: int = 0
    is_first: str = ""
    """The container that has begun and is still empty: `quote` or `item`."""
    styles: dict[int, str] = field(default_factory=dict)
    """The type of each callout, by the number of its quote."""
    titles: dict[int, Block] = field(default_factory=dict)
    """The title of each callout, by the number of its quote."""
    callout: tuple[int, int] = (-1, 0)
    """The number of the outermost open callout, and its depth among quotes."""
    silent_depth: int = 0
    """The depth of the quote that contains only a scheduler's data, 0 = none."""
    lists: list[list[int]] = field(default_factory=list)
    """[number of the list, number of the item] of each open list."""
    list_count: int = 0
    cell: bool = False
    column: int = 0
    column_heads: list[Block | None] = field(default_factory=list)
    row_head: Block | None = None
    in_head: bool = False

    def take(self, token: Token) -> None:
        """Process one token of the block parser."""
        if token.level == 0 and token.nesting >= 0:
            self.root += 1
        if token.map:
            self.at = (token.map[0], token.map[1])
        match token.type:
            case "paragraph_open" | "paragraph_close":  # the most frequent tokens
                pass
            case "inline":
                self.words(token.content)
            case "heading_open":
                self.level = int(token.tag[1:])
            case "card":
                self.card(token.meta["card"])
            case "fence" | "code_block":
                self.code(token.content)
            case "html_block":
                if _VERBATIM.match(token.content):
                    self.code(_TAGS.sub("", token.content))
                else:
                    self.paragraph(token.content.strip())
            case "bullet_list_open" | "ordered_list_open":
                self.list_count += 1
                self.lists.append([self.list_count, 0])
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self.lists[-1][1] += 1
                self.is_first = "item"
            case "list_item_close":
                self.is_first = ""
            case "blockquote_open":
                self.quote_count += 1
                self.quotes.append((self.quote_count, self.at if token.map else (0, 0)))
                self.is_first = "quote"
            case "blockquote_close":
                depth = len(self.quotes)
                self.callout = (-1, 0) if depth == self.callout[1] else self.callout
                self.silent_depth = 0 if depth == self.silent_depth else self.silent_depth
                self.quotes.pop()
                self.is_first = ""
            case "hr":
                self.rules += 1
            case "thead_open":
                self.in_head, self.column_heads = True, []
            case "thead_close":
                self.in_head = False
            case "tr_open":
                self.column, self.row_head = -1, None
            case "td_open" | "th_open":
                self.cell = True
                self.column += 1

    def words(self, content: str) -> None:
        """Read the text of a heading, a cell or a paragraph."""
        if not (self.level or self.cell):
            self.paragraph(content)
            return
        self.is_first = ""
        if self.level:
            level, self.level = self.level, 0
            self.headings = [above for above in self.headings if above[0] < level]
            if block := self.part(Part.HEADING, content, cards=False):
                self.headings.append((level, block))
            return
        self.cell = False
        block = self.part(Part.CELL, content)
        if self.in_head:
            self.column_heads.append(block)
            return
        if block:
            heads = (self.row_head, *self.column_heads[self.column : self.column + 1])
            block.heads = tuple([head for head in heads if head])
        self.row_head = self.row_head if self.column else block

    def code(self, content: str) -> None:
        """Read a block that contains no markup."""
        self.is_first = ""
        if content.strip() and not self.silent_depth:
            words = restored(content.strip("\n"), self.context.maths)
            self.add(Block(Part.CODE, words, self.context))

    def card(self, found: Written) -> None:
        """Read a card over several lines."""
        self.is_first = ""
        if self.silent_depth:
            return
        name = BLOCK_ID.search(found.back)
        block = Block(Part.CARD, "", self.context, id=name[1] if name else "")
        block.card = found._replace(back=found.back[: name.start()]) if name else found
        self.add(block)

    def is_card(self, line: str) -> bool:
        """Return whether a line is a card by itself."""
        if not any(sign in line for sign in self.syntax.line):
            return False
        return inline_card(read(line, self.context), self.syntax) is not None

    def paragraph(self, content: str) -> None:
        """Read a paragraph as one block; a line in it that is a card becomes a block of its own."""
        part = Part.ITEM if self.is_first == "item" else Part.TEXT
        content = self.without_callout(content) if self.is_first == "quote" else content
        self.is_first = ""
        content = _BOX.sub("", content) if part is Part.ITEM else content
        (first, last), lines = self.at, content.split("\n")
        cards = [at for at, line in enumerate(lines) if self.is_card(line)] if lines[1:] else []
        before = 0
        for at in (*cards, len(lines)):
            self.at = (first + before, first + at)
            self.part(part, "\n".join(lines[before:at]), cards=at == before + 1)
            if at < len(lines):
                self.at = (first + at, first + at + 1)
                self.part(part, lines[at])
            before = at + 1
        self.at = (first, last)

    def without_callout(self, content: str) -> str:
        """Return the paragraph without `[!type] title`, and start the callout that this begins."""
        head = _CALLOUT.match(content)
        if head is None:
            return content
        depth, (number, (first, last)) = len(self.quotes), self.quotes[-1]
        self.styles[number] = head[1]
        if head[1].partition("|")[0].strip().lower() == "sr":
            self.silent_depth = self.silent_depth or depth
        elif self.callout[0] < 0:
            self.callout = (len(self.callouts), depth)
            sign = re.compile(rf"[^>]*>[ ]?(?:[ \t]*>[ ]?){{0,{depth - 1}}}")
            body = (sign.sub("", line, count=1) for line in self.note[first + 1 : last])
            self.callouts.append("\n".join(body))
        self.part(Part.TITLE, head[2], cards=False)
        self.titles[number] = Block(Part.TITLE, head[2], self.context)
        self.at = (self.at[0] + 1, self.at[1])
        return content[head.end() :]

    def part(self, part: Part, content: str, *, cards: bool = True) -> Block | None:
        """Add a block of text, None if it has none. A lone id belongs to the block above."""
        found = BLOCK_ID.search(content) if "^" in content else None
        content = content[: found.start()] if found else content
        block = Block(part, content, self.context, id=found[1] if found else "", is_line=cards)
        # text that begins with a letter is never empty: it need not be parsed to know
        has_words = content[:1].isalnum() or bool(content and block.plain)
        if has_words and not self.silent_depth:
            return self.add(block)
        self.tags.extend(block.tags if content else ())
        for above in reversed(self.blocks) if found and not has_words else ():
            if above.root != self.blocks[-1].root:  # of the whole top-level block above
                break
            above.id = above.id or block.id
        return None

    def add(self, block: Block) -> Block:
        """Add a block and record its place among headings, lists and quotes."""
        in_callout = block.part is not Part.TITLE or len(self.quotes) > self.callout[1]
        block.syntax = self.syntax
        block.headings = tuple([heading for _, heading in self.headings])
        block.root = self.root
        block.callout = self.callout[0] if in_callout else -1
        block.path = tuple([(number, item) for number, item in self.lists])
        if self.quotes:
            block.quotes = numbers = tuple([number for number, _ in self.quotes])
            styles = (self.styles.get(number) for number in reversed(numbers))
            block.style = next(filter(None, styles), "") or ""
            block.titles = tuple([self.titles[one] for one in numbers if one in self.titles])
        block.rules = self.rules
        block.lines = self.at
        self.blocks.append(block)
        return block
