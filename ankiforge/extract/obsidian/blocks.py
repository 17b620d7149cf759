"""A note cut into blocks, in reading order: the basis of its plain text.

markdown-it-py says where blocks begin and end; their words are slices of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ankiforge.extract.obsidian.block import Block, Blocks, Part
from ankiforge.extract.obsidian.cards import inline_card
from ankiforge.extract.obsidian.covers import CARD, REST, Covered, uncover
from ankiforge.extract.obsidian.pieces import Around
from ankiforge.extract.obsidian.properties import without_properties
from ankiforge.extract.obsidian.regions import BLOCK_ID, Region, regions, structure
from ankiforge.extract.obsidian.rich import rich
from ankiforge.extract.obsidian.tokens import read
from ankiforge.model import Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


__all__ = ["Block", "Blocks", "Part", "cut"]


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    return parser.enable("table").disable(["inline", "reference", "text_join"])


_REFERENCE = re.compile(
    r"^[ ]{0,3}\[(?!\^|!)([^\[\]\n]+)\]:[ \t]*(\S+)[ \t]*(?:\"[^\"\n]*\")?[ \t]*$", re.M
)


def cut(covered: Covered, around: Around, with_cards: bool = True) -> Blocks:
    """Cut a covered note (its front matter blanked) into blocks.

    Args:
        covered: the note.
        around: what its words may refer to; held maths and references are filled in here.
        with_cards: whether lines `?` make cards; not within such a card.
    """
    found = regions(covered.text, covered.fences) if with_cards else []
    references = {
        match[1].casefold(): match[2].strip("<>") for match in _REFERENCE.finditer(covered.text)
    }
    around = around._replace(held=covered.held, references=references)
    cutter = _Cutter(covered.text.split("\n"), around, found, with_asides=with_cards)
    for token in _parser().parse(structure(covered.text, found)):
        cutter.take(token)
    blocks = tuple(cutter.blocks)
    return Blocks(blocks, tuple(dict.fromkeys(cutter.tags)), tuple(cutter.callouts), around)


_HEAD = re.compile(r"\A\[!([^\[\]\n]+)\][+-]?[ \t]*([^\n]*)(?:\n|\Z)")
_BOX = re.compile(r"\A\[[^\[\]\n]\][ \t]+")
_CARD = re.compile(f"{CARD}(\\d+){CARD}[\\s{REST}]*")
_VERBATIM = re.compile(r"\s*<(?:script|style|pre|textarea|svg|!|\?)", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Cutter:
    """Walks over the parser's tokens; every `_on_…` is told of one kind."""

    lines: list[str]
    around: Around
    regions: list[Region]
    with_asides: bool = True
    """Whether footnotes written in a line are blocks: not in the side of a card."""
    blocks: list[Block] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    callouts: list[str] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    root: int = 0
    quotes: list[tuple[int, int]] = field(default_factory=list)
    """Lines of the open quotes."""
    quote_numbers: list[int] = field(default_factory=list)
    quote_count: int = 0
    styles: dict[int, str] = field(default_factory=dict)
    rules: int = 0
    callout: int = -1
    callout_depth: int = 0
    fresh_quote: bool = False
    """A quote has begun and nothing stood in it yet."""
    quiet_depth: int = 0
    """The depth of the quote that only holds a scheduler's data, 0 = none."""
    lists: list[list[int]] = field(default_factory=list)
    """Of the open lists: [number of the list, number of the item]."""
    list_count: int = 0
    fresh_item: bool = False
    level: int = 0
    """Of the open heading, 0 = none."""
    cell: bool = False
    column: int = 0
    column_heads: list[str] = field(default_factory=list)
    row_head: str = ""
    in_head: bool = False
    asides: list[str] = field(default_factory=list)
    """Footnotes written in the lines just read."""
    at: Span = (0, 0)
    """The lines just read."""

    def take(self, token: Token) -> None:
        """Read one token of the block parser."""
        if token.level == 0 and token.nesting >= 0:
            self.root += 1
        if token.map:
            self.at = (token.map[0], token.map[1])
        handler = getattr(self, f"_on_{token.type}", None)
        if handler:
            handler(token)
        while self.asides:
            self._part(Part.TEXT, self.asides.pop(0), cards=False)

    def _on_blockquote_open(self, token: Token) -> None:
        first, last = token.map or [0, 0]
        self.quotes.append((first, last))
        self.quote_count += 1
        self.quote_numbers.append(self.quote_count)
        self.fresh_quote = True

    def _on_blockquote_close(self, token: Token) -> None:
        if len(self.quotes) == self.callout_depth:
            self.callout, self.callout_depth = -1, 0
        if len(self.quotes) == self.quiet_depth:
            self.quiet_depth = 0
        self.quotes.pop()
        self.quote_numbers.pop()
        self.fresh_quote = False

    def _on_hr(self, token: Token) -> None:
        self.rules += 1

    def _on_bullet_list_open(self, token: Token) -> None:
        self.list_count += 1
        self.lists.append([self.list_count, 0])

    _on_ordered_list_open = _on_bullet_list_open

    def _on_bullet_list_close(self, token: Token) -> None:
        self.lists.pop()

    _on_ordered_list_close = _on_bullet_list_close

    def _on_list_item_open(self, token: Token) -> None:
        self.lists[-1][1] += 1
        self.fresh_item = True

    def _on_list_item_close(self, token: Token) -> None:
        self.fresh_item = False

    def _on_heading_open(self, token: Token) -> None:
        self.level = int(token.tag[1:])

    def _on_thead_open(self, token: Token) -> None:
        self.in_head, self.column_heads = True, []

    def _on_thead_close(self, token: Token) -> None:
        self.in_head = False

    def _on_tr_open(self, token: Token) -> None:
        self.column, self.row_head = -1, ""

    def _on_td_open(self, token: Token) -> None:
        self.cell = True
        self.column += 1

    _on_th_open = _on_td_open

    def _on_fence(self, token: Token) -> None:
        self._code(token.content)

    _on_code_block = _on_fence

    def _on_html_block(self, token: Token) -> None:
        if _VERBATIM.match(token.content):
            self._code(_TAGS.sub("", token.content))
        else:
            self._paragraph(token.content.strip())

    def _on_inline(self, token: Token) -> None:
        if self.level:
            self._heading(token.content)
        elif self.cell:
            self._cell(token.content)
            self.cell = self.fresh_item = self.fresh_quote = False
        else:
            self._paragraph(token.content)

    def _heading(self, content: str) -> None:
        level, self.level = self.level, 0
        self.fresh_item = self.fresh_quote = False
        self.headings = [above for above in self.headings if above[0] < level]
        block = self._part(Part.HEADING, self._without_properties(content), cards=False)
        self.headings.append((level, block.plain if block else ""))

    def _cell(self, content: str) -> None:
        block = self._part(Part.CELL, content)
        words = block.plain if block else ""
        if self.in_head:
            self.column_heads.append(words)
            return
        heads = (self.row_head, *self.column_heads[self.column : self.column + 1])
        if block:
            self.blocks[-1] = replace(block, heads=tuple(head for head in heads if head))
        self.row_head = self.row_head if self.column else words

    def _code(self, content: str) -> None:
        self.fresh_item = self.fresh_quote = False
        if content.strip() and not self.quiet_depth:
            self._add(Block(Part.CODE, uncover(content.strip("\n"), self.around.held)))

    def _paragraph(self, content: str) -> None:
        part = Part.ITEM if self.fresh_item else Part.TEXT
        content = self._without_head(content) if self.fresh_quote else content
        self.fresh_item = self.fresh_quote = False
        content = self._without_properties(_REFERENCE.sub("", content))
        if part is Part.ITEM:
            content = _BOX.sub("", content)
        at = 0
        for match in _CARD.finditer(content):
            self._lines(part, content[at : match.start()])
            self._card(self.regions[int(match[1])])
            at = match.end()
        self._lines(part, content[at:])

    def _without_head(self, content: str) -> str:
        """The paragraph without `[!type] title`, which begins a callout."""
        head = _HEAD.match(content)
        if head is None:
            return content
        self.styles[self.quote_numbers[-1]] = head[1]
        if head[1].partition("|")[0].strip().lower() == "sr":
            self.quiet_depth = self.quiet_depth or len(self.quotes)
        elif self.callout < 0:
            self.callout, self.callout_depth = len(self.callouts), len(self.quotes)
            self.callouts.append(rich(self._quoted(), self.around))
        self._part(Part.TITLE, head[2], cards=False)
        return content[head.end() :]

    def _without_properties(self, content: str) -> str:
        """The paragraph without the properties of Logseq; their tags are the note's."""
        content, properties = without_properties(content)
        if properties:
            self.tags.extend(read(properties, self.around).tags())
        return content

    def _quoted(self) -> str:
        """The lines of the innermost quote without its signs and its head."""
        depth = len(self.quotes)
        sign = re.compile(rf"[^>]*>[ ]?(?:[ \t]*>[ ]?){{0,{depth - 1}}}")
        first, last = self.quotes[-1]
        return "\n".join(sign.sub("", line, count=1) for line in self.lines[first + 1 : last])

    def _lines(self, part: Part, content: str) -> None:
        """One block, or several where a line is a card: then that line is one."""
        for run in _runs(content, self.around):
            self._part(part, run, cards="\n" not in run)

    def _part(self, part: Part, content: str, cards: bool = True) -> Block | None:
        """Add a block of words; None if there are none. A mere id belongs to what is above."""
        found = BLOCK_ID.search(content) if "^" in content else None
        content = content[: found.start()] if found else content
        inline = read(content, self.around)
        self.asides.extend(inline.asides() if self.with_asides else ())
        if not inline.plain or self.quiet_depth:
            self.tags.extend(inline.tags())
            if found and not inline.plain:
                self._name_above(found[1])
            return None
        sides = inline_card(inline) if cards else None
        name = found[1] if found else ""
        return self._add(
            Block(part, inline.plain, inline, id=name, sides=sides, tags=inline.tags())
        )

    def _card(self, region: Region) -> None:
        front, back = (self._side(text) for text in (region.front, region.back))
        tags = tuple(dict.fromkeys([*front.tags, *back.tags]))
        sign = "??" if region.two_way else "?"
        plain = f"{_plain(front)}\n{sign}\n{_plain(back)}".strip()
        sided = (rich(region.front, self.around), rich(region.back, self.around))
        card = region if all(sided) else None
        if not self.quiet_depth:
            self._add(Block(Part.CARD, plain, id=region.id, region=card, sided=sided, tags=tags))

    def _side(self, text: str) -> Blocks:
        return cut(Covered(text, self.around.held, "", ()), self.around, with_cards=False)

    def _add(self, block: Block) -> Block:
        place = self.lists[-1] if self.lists and block.part is Part.ITEM else (0, 0)
        block = Block(
            block.part,
            block.plain,
            block.inline,
            headings=tuple([name for _, name in self.headings if name]),
            id=block.id,
            root=self.root,
            item=(place[0], place[1]),
            callout=self.callout if block.part is not Part.TITLE or self._nested() else -1,
            sides=block.sides,
            region=block.region,
            sided=block.sided,
            tags=block.tags,
            heads=block.heads,
            path=tuple([(number, item) for number, item in self.lists]),
            quotes=tuple(self.quote_numbers),
            style=next(filter(None, map(self.styles.get, reversed(self.quote_numbers))), "") or "",
            rules=self.rules,
            lines=self.at,
        )
        self.blocks.append(block)
        return block

    def _nested(self) -> bool:
        return len(self.quotes) > self.callout_depth

    def _name_above(self, name: str) -> None:
        """Give an id that stands alone to the last block of the top level, all of it."""
        if not self.blocks:
            return
        last = self.blocks[-1]
        for at in range(len(self.blocks) - 1, -1, -1):
            if self.blocks[at].root != last.root:
                break
            if not self.blocks[at].id:
                self.blocks[at] = replace(self.blocks[at], id=name)


def _plain(side: Blocks) -> str:
    return "\n".join(block.plain for block in side.blocks)


def _runs(content: str, around: Around) -> Iterator[str]:
    """The paragraph, or its lines that are cards and what stands between them."""
    if "::" not in content or "\n" not in content:
        yield content
        return
    waiting: list[str] = []
    for line in content.split("\n"):
        if "::" in line and inline_card(read(line, around)):
            yield "\n".join(waiting)
            yield line
            waiting = []
        else:
            waiting.append(line)
    yield "\n".join(waiting)
