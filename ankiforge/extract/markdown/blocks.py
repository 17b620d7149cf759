"""A note cut into blocks, in reading order: the basis of its plain text.

markdown-it-py finds where blocks begin and end; their texts are slices of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

from ankiforge.extract.markdown.cards import SEPARATOR, Sides, inline_card, multiline_card
from ankiforge.extract.markdown.inline import Inline, read
from ankiforge.extract.markdown.source import COMMENT, Source, restored
from ankiforge.extract.markdown.tokens import NO_CONTEXT, Context, Kind
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
    """A multi-line card."""


@dataclass(slots=True, eq=False)
class Block:
    """One block of a note, with its place among headings, lists and quotes."""

    part: Part
    plain: str
    """Its plain text, never empty."""
    inline: Inline | None = None
    """None for code and multi-line cards, which contain no marks."""
    id: str = ""
    """The block id, without `^`."""
    sides: Sides | None = None
    """The sides of a `front::back` line."""
    sided: tuple[str, ...] = ()
    """The two sides of a multi-line card in our Markdown."""
    two_way: bool = False
    """Whether this multi-line card is asked both ways."""
    tags: tuple[str, ...] = ()
    start: int = 0
    """Its offset in the plain text of the note."""
    lines: Span = (0, 0)
    """[first, last) lines of the note it was read from; the cells of a row share them."""
    headings: tuple[str, ...] = ()
    """The headings above, as plain text."""
    heads: tuple[str, ...] = ()
    """Of a table cell: the first cell of its row and the header of its column, as plain text."""
    root: int = 0
    """The number of the top-level block that contains it."""
    callout: int = -1
    """The number of the outermost callout that contains it, -1 = none."""
    path: tuple[Span, ...] = ()
    """The list items that contain it, outermost first: (number of the list, number of the item)."""
    quotes: tuple[int, ...] = ()
    """The numbers of the block quotes that contain it, outermost first."""
    style: str = ""
    """The type of the innermost callout, as in its brackets: `note`, `PDF|yellow`."""
    rules: int = 0
    """The number of rules (`---`) above it."""

    def span(self, first: int, last: int) -> Span:
        """Return the part of its plain text that stands in the lines [first, last) of the note."""
        start, end = 0, len(self.plain)
        if self.inline is None or self.part is Part.CELL:
            return start, end
        line = self.lines[0]
        for at, token in enumerate(self.inline.tokens):
            if token.kind is Kind.BREAK and token.note != "br":
                line += 1
                start = self.inline.starts[at + 1] if line == first else start
                end = self.inline.starts[at] if line == last else end
        return start, end


@dataclass(frozen=True)
class Blocks:
    """The blocks of a note."""

    blocks: tuple[Block, ...]
    plain: str
    """The plain text, from which prefix, suffix and anchors are made."""
    tags: tuple[str, ...]
    """The `#tags` of the note: those in blocks without other text."""
    callouts: tuple[str, ...]
    """The Markdown of the body of each outermost callout."""
    context: Context = NO_CONTEXT
    """What the text of its blocks may refer to."""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    rules, within = parser.block.ruler, ["paragraph", "blockquote", "list", "table"]
    rules.before("code", "card", multiline_card, {"alt": ["paragraph"]})
    rules.before("card", "comment", _comment_line, {"alt": within})
    return parser.enable("table").disable(["inline", "reference", "text_join"])


def _comment_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Skip a line that contains only a comment; a block rule."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if COMMENT not in line or line.strip(f"{COMMENT} \t"):
        return False
    if not silent:
        state.line = start + 1
    return True


def cut(source: Source, context: Context, *, with_cards: bool = True) -> Blocks:
    """Cut a prepared note into blocks.

    Args:
        source: the note, with placeholders.
        context: what its text may refer to; its maths and link labels are taken from the note.
        with_cards: whether to read multi-line cards and footnotes; not inside such a card.
    """
    text = source.text
    references = {**context.references, **dict(source.references)}
    context = context._replace(maths=source.maths, references=references)
    signs = SEPARATOR.finditer(text) if with_cards and "?" in text else ()
    env = {"separators": [text.count("\n", 0, sign.start()) for sign in signs]}
    cutter = _Cutter(text.split("\n"), context, with_footnotes=with_cards)
    for token in _parser().parse(text, env):
        cutter.take(token)
        while cutter.footnotes:
            cutter.at = (cutter.at[1], cutter.at[1])
            cutter.part(Part.TEXT, cutter.footnotes.pop(0), cards=False)
    plain: list[str] = []
    start, before = 0, None
    for block in cutter.blocks:
        if before:  # the cells of a row stand beside each other
            in_row = block.part is before.part is Part.CELL and block.lines == before.lines
            plain.append(" | " if in_row else "\n")
            start += len(plain[-1])
        block.start, before = start, block
        plain.append(block.plain)
        start += len(block.plain)
    tags = tuple(dict.fromkeys(cutter.tags))
    return Blocks(tuple(cutter.blocks), "".join(plain), tags, tuple(cutter.callouts), context)


BLOCK_ID = re.compile(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{COMMENT}]*\Z")
"""`^id` at the end of a block."""
_CALLOUT = re.compile(r"\A\[!([^\[\]\n]+)\][+-]?[ \t]*([^\n]*)(?:\n|\Z)")
_BOX = re.compile(r"\A\[[^\[\]\n]\][ \t]+")
_VERBATIM = re.compile(r"\s*<(?:script|style|pre|textarea|svg|!|\?)", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Cutter:
    """Collects the blocks of a note from the tokens of the block parser."""

    lines: list[str]
    context: Context
    with_footnotes: bool = True
    """Whether inline footnotes are blocks: not in the side of a card."""
    blocks: list[Block] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    callouts: list[str] = field(default_factory=list)
    footnotes: list[str] = field(default_factory=list)
    """The inline footnotes of the lines just read."""
    at: Span = (0, 0)
    """[first, last) of the lines just read."""
    root: int = 0
    rules: int = 0
    headings: list[tuple[int, str]] = field(default_factory=list)
    level: int = 0
    """The level of the open heading, 0 = none."""
    quotes: list[tuple[int, Span]] = field(default_factory=list)
    """(number, lines) of each open quote."""
    quote_count: int = 0
    is_first: str = ""
    """The container that has begun and is still empty: `quote` or `item`."""
    styles: dict[int, str] = field(default_factory=dict)
    """The type of each callout, by the number of its quote."""
    callout: tuple[int, int] = (-1, 0)
    """The number of the outermost open callout, and its depth among quotes."""
    silent_depth: int = 0
    """The depth of the quote that contains only a scheduler's data, 0 = none."""
    lists: list[list[int]] = field(default_factory=list)
    """[number of the list, number of the item] of each open list."""
    list_count: int = 0
    cell: bool = False
    column: int = 0
    column_heads: list[str] = field(default_factory=list)
    row_head: str = ""
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
                self.card(token)
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
                self.column, self.row_head = -1, ""
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
            block = self.part(Part.HEADING, content, cards=False)
            self.headings.append((level, block.plain if block else ""))
            return
        self.cell = False
        block = self.part(Part.CELL, content)
        words = block.plain if block else ""
        if self.in_head:
            self.column_heads.append(words)
            return
        if block:
            heads = (self.row_head, *self.column_heads[self.column : self.column + 1])
            block.heads = tuple([head for head in heads if head])
        self.row_head = self.row_head if self.column else words

    def code(self, content: str) -> None:
        """Read a block that contains no markup."""
        self.is_first = ""
        if content.strip() and not self.silent_depth:
            self.add(Block(Part.CODE, restored(content.strip("\n"), self.context.maths)))

    def card(self, token: Token) -> None:
        """Read a multi-line card."""
        self.is_first = ""
        if self.silent_depth:
            return
        back, name = token.meta["back"], BLOCK_ID.search(token.meta["back"])
        sides = (token.content, back[: name.start()] if name else back)
        front, answer = (
            cut(Source(side, self.context.maths), self.context, with_cards=False) for side in sides
        )
        plain = f"{front.plain}\n{token.markup}\n{answer.plain}".strip()
        sided = tuple([rich(side, self.context) for side in sides])
        block = Block(Part.CARD, plain, id=name[1] if name else "", sided=sided)
        block.tags = tuple(dict.fromkeys([*_all_tags(front), *_all_tags(answer)]))
        block.two_way = token.markup == "??"
        self.add(block)

    def paragraph(self, content: str) -> None:
        """Read a paragraph as one block; a line in it that is a card becomes a block of its own."""
        part = Part.ITEM if self.is_first == "item" else Part.TEXT
        content = self.without_callout(content) if self.is_first == "quote" else content
        self.is_first = ""
        content = _BOX.sub("", content) if part is Part.ITEM else content
        if "::" not in content or "\n" not in content:
            self.part(part, content, cards="\n" not in content)
            return
        waiting: list[str] = []
        (first, last), lines = self.at, content.split("\n")
        for at, line in enumerate([*lines, ""]):
            is_card = "::" in line and inline_card(read(line, self.context))
            if is_card or at == len(lines):
                self.at = (first + at - len(waiting), first + at)
                self.part(part, "\n".join(waiting), cards=len(waiting) == 1)
                waiting = []
                if is_card:
                    self.at = (first + at, first + at + 1)
                    self.part(part, line)
            else:
                waiting.append(line)
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
            body = (sign.sub("", line, count=1) for line in self.lines[first + 1 : last])
            self.callouts.append(rich("\n".join(body), self.context))
        self.part(Part.TITLE, head[2], cards=False)
        self.at = (self.at[0] + 1, self.at[1])
        return content[head.end() :]

    def part(self, part: Part, content: str, *, cards: bool = True) -> Block | None:
        """Add a block of text, None if it has none. A lone id belongs to the block above."""
        found = BLOCK_ID.search(content) if "^" in content else None
        content = content[: found.start()] if found else content
        inline = read(content, self.context)
        if self.with_footnotes:
            self.footnotes += inline.footnotes
        if not inline.plain or self.silent_depth:
            self.tags.extend(inline.tags)
            if found and not inline.plain:
                for block in reversed(self.blocks):  # of the whole top-level block above
                    if block.root != self.blocks[-1].root:
                        break
                    block.id = block.id or found[1]
            return None
        sides = inline_card(inline) if cards else None
        name = found[1] if found else ""
        return self.add(Block(part, inline.plain, inline, name, sides, tags=inline.tags))

    def add(self, block: Block) -> Block:
        """Add a block and record its place among headings, lists and quotes."""
        in_callout = block.part is not Part.TITLE or len(self.quotes) > self.callout[1]
        block.headings = tuple([name for _, name in self.headings if name])
        block.root = self.root
        block.callout = self.callout[0] if in_callout else -1
        block.path = tuple([(number, item) for number, item in self.lists])
        block.quotes = tuple([number for number, _ in self.quotes])
        styles = (self.styles.get(number) for number in reversed(block.quotes))
        block.style = next(filter(None, styles), "") or ""
        block.rules = self.rules
        block.lines = self.at
        self.blocks.append(block)
        return block


def _all_tags(blocks: Blocks) -> Iterator[str]:
    yield from blocks.tags
    for block in blocks.blocks:
        yield from block.tags


# --- several blocks as one text -------------------------------------------------------------

_FENCE = re.compile(
    r"^[ \t]*(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*$(?:.*?^[ \t]*\1[`~]*[ \t]*$|.*\Z)", re.M | re.S
)
_OUTER_TAGS = re.compile(
    r"\A(?:#(?=[\w/-]*[^\W\d])[\w/-]+(?:\s+|\Z))+|(?:(?:\s+|\A)#(?=[\w/-]*[^\W\d])[\w/-]+)+\Z"
)
_COMMENTED = re.compile(rf"^[ \t>]*{COMMENT}[{COMMENT} \t]*\n?", re.MULTILINE)
_ONE_BLANK = re.compile(r"(?<![ \t])[ \t]$", re.MULTILINE)
"""One blank at the end of a line; two would be a line break."""


def rich(text: str, context: Context, *, gaps: bool = False) -> str:
    """Return the Markdown of a card's side or a callout's body, without the signs of marks.

    Fences stay as they are. With `gaps`, clozes (all of them numbered) are kept, otherwise only
    their text.
    """
    text, verbatim = _COMMENTED.sub("", text), context._replace(verbatim=True)
    parts: list[str] = []
    at = 0
    for start, end in [*(fence.span() for fence in _FENCE.finditer(text)), (len(text), len(text))]:
        words = read(text[at:start], verbatim).source(gaps=gaps)
        parts += [_ONE_BLANK.sub("", words), restored(text[start:end], context.maths)]
        at = end
    return _OUTER_TAGS.sub("", "".join(parts).strip("\n")).strip()


def without_id(source: str) -> str:
    """Return a source without the block id at its end."""
    found = BLOCK_ID.search(source)
    return source[: found.start()] if found else source
