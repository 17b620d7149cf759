"""A note cut into blocks, in reading order: the basis of its plain text.

markdown-it-py finds where blocks begin and end; their texts are slices of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ankiforge.extract.markdown.cards import (
    BLOCK_ID,
    Region,
    Sides,
    inline_card,
    regions,
    structure,
)
from ankiforge.extract.markdown.inline import NO_CONTEXT, Context, Inline, read
from ankiforge.extract.markdown.source import CARD, COMMENT, CONTINUED, Source, restored
from ankiforge.model import Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
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
    region: Region | None = None
    """The lines of a multi-line card."""
    sided: tuple[str, str] = ("", "")
    """The two sides of a multi-line card in our Markdown."""
    tags: tuple[str, ...] = ()
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
    lines: Span = (0, 0)
    """[first, last) lines of the note it was read from; other blocks may share them."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of a note."""

    blocks: tuple[Block, ...]
    tags: tuple[str, ...]
    """The `#tags` of the note: those in properties and in blocks without other text."""
    callouts: tuple[str, ...]
    """The Markdown of the body of each outermost callout."""
    context: Context = NO_CONTEXT
    """What the text of its blocks may refer to."""

    @cached_property
    def plain(self) -> str:
        """The plain text, from which prefix, suffix and anchors are made."""
        return "\n".join([block.plain for block in self.blocks])


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    return parser.enable("table").disable(["inline", "reference", "text_join"])


_REFERENCE = re.compile(
    r"^[ ]{0,3}\[(?!\^|!)([^\[\]\n]+)\]:[ \t]*(\S+)[ \t]*(?:\"[^\"\n]*\")?[ \t]*$", re.M
)


def cut(source: Source, context: Context, *, with_cards: bool = True) -> Blocks:
    """Cut a prepared note (its front matter blanked) into blocks.

    Args:
        source: the note.
        context: what its text may refer to; maths and references are filled in here.
        with_cards: whether to read multi-line cards; not inside such a card.
    """
    text = source.text
    found = regions(text, source.fences) if with_cards else []
    defined = _REFERENCE.finditer(text) if "]:" in text else ()
    references = {match[1].casefold(): match[2].strip("<>") for match in defined}
    context = context._replace(maths=source.maths, references=references)
    cutter = _Cutter(text.split("\n"), context, found, with_footnotes=with_cards)
    for token in _parser().parse(structure(text, found)):
        cutter.take(token)
        while cutter.footnotes:
            cutter.part(Part.TEXT, cutter.footnotes.pop(0), cards=False)
    tags = tuple(dict.fromkeys(cutter.tags))
    return Blocks(tuple(cutter.blocks), tags, tuple(cutter.callouts), context)


_CALLOUT = re.compile(r"\A\[!([^\[\]\n]+)\][+-]?[ \t]*([^\n]*)(?:\n|\Z)")
_BOX = re.compile(r"\A\[[^\[\]\n]\][ \t]+")
_CARD = re.compile(f"{CARD}(\\d+){CARD}[\\s{CONTINUED}]*")
_VERBATIM = re.compile(r"\s*<(?:script|style|pre|textarea|svg|!|\?)", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Cutter:
    """Collects the blocks of a note from the tokens of the block parser."""

    lines: list[str]
    context: Context
    regions: list[Region]
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
    fresh_quote: bool = False
    """Whether a quote has begun and is still empty."""
    styles: dict[int, str] = field(default_factory=dict)
    callout: int = -1
    callout_depth: int = 0
    silent_depth: int = 0
    """The depth of the quote that contains only a scheduler's data, 0 = none."""
    lists: list[list[int]] = field(default_factory=list)
    """[number of the list, number of the item] of each open list."""
    list_count: int = 0
    fresh_item: bool = False
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
                self.fresh_item = True
            case "list_item_close":
                self.fresh_item = False
            case "blockquote_open":
                self.quote_count += 1
                self.quotes.append((self.quote_count, self.at if token.map else (0, 0)))
                self.fresh_quote = True
            case "blockquote_close":
                if len(self.quotes) == self.callout_depth:
                    self.callout, self.callout_depth = -1, 0
                if len(self.quotes) == self.silent_depth:
                    self.silent_depth = 0
                self.quotes.pop()
                self.fresh_quote = False
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
        self.fresh_item = self.fresh_quote = False
        if self.level:
            level, self.level = self.level, 0
            self.headings = [above for above in self.headings if above[0] < level]
            block = self.part(Part.HEADING, self.without_properties(content), cards=False)
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
        self.fresh_item = self.fresh_quote = False
        if content.strip() and not self.silent_depth:
            self.add(Block(Part.CODE, restored(content.strip("\n"), self.context.maths)))

    def paragraph(self, content: str) -> None:
        """Read a paragraph: blocks of text, and the multi-line cards in it."""
        part = Part.ITEM if self.fresh_item else Part.TEXT
        content = self.without_callout(content) if self.fresh_quote else content
        self.fresh_item = self.fresh_quote = False
        content = self.without_properties(
            _REFERENCE.sub("", content) if "]:" in content else content
        )
        if part is Part.ITEM:
            content = _BOX.sub("", content)
        at = 0
        for match in _CARD.finditer(content) if CARD in content else ():
            self.runs(part, content[at : match.start()])
            self.card(self.regions[int(match[1])])
            at = match.end()
        self.runs(part, content[at:])

    def without_callout(self, content: str) -> str:
        """Return the paragraph without `[!type] title`, and start the callout that this begins."""
        head = _CALLOUT.match(content)
        if head is None:
            return content
        depth, (number, (first, last)) = len(self.quotes), self.quotes[-1]
        self.styles[number] = head[1]
        if head[1].partition("|")[0].strip().lower() == "sr":
            self.silent_depth = self.silent_depth or depth
        elif self.callout < 0:
            self.callout, self.callout_depth = len(self.callouts), depth
            sign = re.compile(rf"[^>]*>[ ]?(?:[ \t]*>[ ]?){{0,{depth - 1}}}")
            body = (sign.sub("", line, count=1) for line in self.lines[first + 1 : last])
            self.callouts.append(rich("\n".join(body), self.context))
        self.part(Part.TITLE, head[2], cards=False)
        return content[head.end() :]

    def without_properties(self, content: str) -> str:
        """Return the paragraph without Logseq's properties; their tags become the note's."""
        content, properties = without_properties(content)
        if properties:
            self.tags.extend(read(properties, self.context).tags)
        return content

    def runs(self, part: Part, content: str) -> None:
        """Add a paragraph as one block; a line in it that is a card becomes a block of its own."""
        if "::" not in content or "\n" not in content:
            self.part(part, content, cards="\n" not in content)
            return
        waiting: list[str] = []
        for line in [*content.split("\n"), None]:
            if line is None or ("::" in line and inline_card(read(line, self.context))):
                self.part(part, "\n".join(waiting), cards=len(waiting) == 1)
                waiting = []
                if line is not None:
                    self.part(part, line)
            else:
                waiting.append(line)

    def part(self, part: Part, content: str, *, cards: bool = True) -> Block | None:
        """Add a block of text, None if it has none. A lone id belongs to the block above."""
        found = BLOCK_ID.search(content) if "^" in content else None
        content = content[: found.start()] if found else content
        inline = read(content, self.context)
        if self.with_footnotes:
            self.footnotes += inline.footnotes
        tags = inline.tags
        if not inline.plain or self.silent_depth:
            self.tags.extend(tags)
            if found and not inline.plain:
                for block in reversed(self.blocks):  # of the whole top-level block above
                    if block.root != self.blocks[-1].root:
                        break
                    block.id = block.id or found[1]
            return None
        sides = inline_card(inline) if cards else None
        name = found[1] if found else ""
        return self.add(Block(part, inline.plain, inline, name, sides, tags=tags))

    def card(self, region: Region) -> None:
        """Add a multi-line card."""
        sides = (region.front, region.back)
        front, back = (
            cut(Source(side, self.context.maths), self.context, with_cards=False) for side in sides
        )
        if self.silent_depth:
            return
        sign = "??" if region.two_way else "?"
        plain = f"{front.plain}\n{sign}\n{back.plain}".strip()
        sided = (rich(region.front, self.context), rich(region.back, self.context))
        tags = tuple(dict.fromkeys([*front.tags, *back.tags]))
        whole = region if all(sided) else None
        self.add(Block(Part.CARD, plain, id=region.id, region=whole, sided=sided, tags=tags))

    def add(self, block: Block) -> Block:
        """Add a block and record its place among headings, lists and quotes."""
        in_callout = block.part is not Part.TITLE or len(self.quotes) > self.callout_depth
        block.headings = tuple([name for _, name in self.headings if name])
        block.root = self.root
        block.callout = self.callout if in_callout else -1
        block.path = tuple([(number, item) for number, item in self.lists])
        block.quotes = tuple([number for number, _ in self.quotes])
        styles = (self.styles.get(number) for number in reversed(block.quotes))
        block.style = next(filter(None, styles), "") or ""
        block.rules = self.rules
        block.lines = self.at
        self.blocks.append(block)
        return block


# --- several blocks as one text -------------------------------------------------------------

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_OUTER_TAGS = re.compile(
    r"\A(?:#(?=[\w/-]*[^\W\d])[\w/-]+(?:\s+|\Z))+|(?:(?:\s+|\A)#(?=[\w/-]*[^\W\d])[\w/-]+)+\Z"
)
_COMMENT_LINE = re.compile(rf"^[ \t>]*{COMMENT}[{COMMENT} \t]*\n?", re.MULTILINE)
_ONE_BLANK = re.compile(r"(?<![ \t])[ \t]$", re.MULTILINE)
"""One blank at the end of a line; two would be a line break."""


def rich(text: str, context: Context, *, gaps: bool = False) -> str:
    """Return the Markdown of a card's side or a callout's body, without the signs of marks.

    Fences stay as they are. With `gaps`, clozes (all of them numbered) are kept, otherwise only
    their text.
    """
    parts: list[str] = []
    for is_fence, run in _runs(_COMMENT_LINE.sub("", text)):
        if is_fence:
            parts.append(restored(run, context.maths))
        else:
            words, _ = without_properties(run)
            inline = read(words, context._replace(verbatim=True))
            parts.append(_ONE_BLANK.sub("", inline.source(gaps=gaps)))
    return _OUTER_TAGS.sub("", "\n".join(parts).strip("\n")).strip()


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (whether it is a fence, text) of the fences of a text and the parts between them."""
    mark = ""
    run: list[str] = []
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if not mark and fence:
            if run:
                yield False, "\n".join(run)
            mark, run = fence[1], [line]
            continue
        run.append(line)
        if mark and fence and fence[1].startswith(mark) and not line.strip().strip(mark[0]):
            yield True, "\n".join(run)
            mark, run = "", []
    if run:
        yield bool(mark), "\n".join(run)


# --- properties of Logseq -------------------------------------------------------------------

_PROPERTY = re.compile(r"[ \t]*([A-Za-z][\w.?/-]*)::(?:[ \t].*)?$", re.ASCII)
_KNOWN = frozenset(
    "id collapsed tags alias title type public icon filters template heading"  # noqa: SIM905
    " exclude-from-graph-view created-at updated-at file-path custom-id".split()
)
_FAMILIES = ("card-", "hl-", "ls-", "logseq.", "query-", "template-", "background-")
"""`card-last-interval`, `hl-page`, `logseq.order-list-type` and so on."""


def without_properties(paragraph: str) -> tuple[str, str]:
    """Return a paragraph without Logseq's properties (`id:: 64f0…`), and the property lines.

    A line is a property if its key is one of Logseq's own. At the top of the paragraph, lines
    with any key that stand together with such a line are properties, too.
    """
    if "::" not in paragraph:
        return paragraph, ""
    lines = paragraph.split("\n")
    keys = [found[1] if (found := _PROPERTY.match(line)) else "" for line in lines]
    known = [key in _KNOWN or key.startswith(_FAMILIES) for key in keys]
    top = next((at for at, key in enumerate(keys) if not key), len(keys))
    top = top if any(known[:top]) else 0
    rest = [line for at, line in enumerate(lines) if at >= top and not known[at]]
    properties = [line for at, line in enumerate(lines) if at < top or known[at]]
    return "\n".join(rest), "\n".join(properties)


def without_id(source: str) -> str:
    """Return a source without the block id at its end."""
    found = BLOCK_ID.search(source)
    return source[: found.start()] if found else source
