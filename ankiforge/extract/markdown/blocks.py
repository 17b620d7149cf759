"""A note cut into blocks, in reading order: the basis of its plain text.

markdown-it-py finds where blocks begin and end; their texts are slices of the source, and are parsed
when somebody asks for them: most blocks of a note hold no mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ankiforge.extract.markdown.block_cards import Written, signs_of, written_card
from ankiforge.extract.markdown.cards import CardSides, Syntax, inline_card
from ankiforge.extract.markdown.inline import Inline, read, rich
from ankiforge.extract.markdown.source import COMMENT, PREFIX, Source, restored
from ankiforge.extract.markdown.tokens import Context
from ankiforge.model import Span, Strings
from ankiforge.text import regex

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock


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


@dataclass(eq=False)
class Block:
    """One block of a note, with its place among headings, lists and quotes."""

    part: Part
    source: str
    context: Context
    syntax: Syntax
    lines: Span
    """[first, last) lines of the note it was read from; the cells of a row share them."""
    id: str = ""
    is_line: bool = False
    """Whether it may be a card on one line."""
    card: Written | None = None
    """The source of a card over several lines."""
    headings: tuple[Block, ...] = ()
    """The headings above."""
    heads: tuple[Block, ...] = ()
    """Of a table cell: the first cell of its row and the header of its column."""
    root: int = 0
    """The number of the top-level block that contains it."""
    rules: int = 0
    """The number of rules (`---`) above it."""
    path: tuple[Span, ...] = ()
    """The list items that contain it, outermost first: (number of the list, of the item)."""
    quotes: tuple[int, ...] = ()
    """The numbers of the block quotes that contain it, outermost first."""
    callout: int = 0
    """The number of the outermost callout that contains it, 0 = none."""
    style: str = ""
    """The type of the innermost callout, as in its brackets: `note`, `PDF|yellow`."""
    titles: tuple[Block, ...] = ()
    """The titles of the callouts that contain it."""
    private: bool = False
    """Whether it must stay on this machine; set by `private.mark_private`."""

    @property
    def is_text(self) -> bool:
        """Whether it may contain marks: code and cards over several lines do not."""
        return self.part not in (Part.CODE, Part.CARD)

    @cached_property
    def inline(self) -> Inline:
        """Its parsed text, empty if it is none."""
        return read(self.source, self.context) if self.is_text else Inline([])

    @cached_property
    def plain(self) -> str:
        """Its plain text, never empty."""
        if self.card is None:
            return self.inline.plain if self.is_text else self.source
        sign = f"\n{self.card.sign}\n" if self.card.sign in self.syntax.block else "\n"
        return sign.join(one.plain_text() for one in self._cut_sides).strip()

    @cached_property
    def _cut_sides(self) -> tuple[Blocks, ...]:
        sides = map(Source, (self.card.front, self.card.back) if self.card else ())
        context = self._side_context
        return tuple(parse_blocks(one, context, self.syntax, with_cards=False) for one in sides)

    @property
    def _side_context(self) -> Context:
        """What the sides of the card may refer to, and what is a gap in them."""
        inner = self.syntax.inner
        if inner and self.card and self.card.declared:
            return self.context._replace(gaps=inner)
        return self.context

    @cached_property
    def sides(self) -> CardSides | None:
        """The sides of a `front::back` line."""
        may_be = self.is_line and any(sign in self.source for sign in self.syntax.line)
        return inline_card(self.inline, self.syntax) if may_be else None

    @cached_property
    def sided(self) -> Strings:
        """The sides of a card over several lines in our Markdown; one side is a cloze."""
        if self.card is None:
            return ()
        sides = self.card.front, self.card.back
        context = self._side_context
        written = [rich(side, context, gaps=self.card.cloze) for side in sides]
        return tuple(written[:1] if self.card.cloze and not written[1] else written)

    @cached_property
    def tags(self) -> Strings:
        """Its `#tags`."""
        own = [*self.inline.tags, *(self.card.tags if self.card else ())]
        for side in self._cut_sides:
            own += side.tags
            for block in side.blocks:
                own += block.tags
        return tuple(dict.fromkeys(own))


@dataclass(frozen=True)
class Blocks:
    """The blocks of a note."""

    blocks: tuple[Block, ...]
    tags: Strings
    """The `#tags` of the note: those in blocks without other text."""
    bodies: Mapping[int, str]
    """The source of each block quote, of a callout without its title, by number."""
    context: Context
    """What the text of its blocks may refer to."""

    def plain_text(self) -> str:
        """Return the plain text."""
        return "".join(self.gap(at) + block.plain for at, block in enumerate(self.blocks))

    def gap(self, at: int) -> str:
        """Return what stands between a block and the one before it; cells of a row are one line."""
        if not at:
            return ""
        before, block = self.blocks[at - 1], self.blocks[at]
        in_row = block.part is before.part is Part.CELL and block.lines == before.lines
        return " | " if in_row else "\n"

    def around(self, first: int, start: int, last: int, end: int, length: int) -> tuple[str, str]:
        """Return the plain text before an offset of a block, and behind an offset of a block."""
        before = self.blocks[first].plain[:start]
        while len(before) < length and first:
            before = self.blocks[first - 1].plain + self.gap(first) + before
            first -= 1
        after = self.blocks[last].plain[end:]
        while len(after) < length and last + 1 < len(self.blocks):
            last += 1
            after += self.gap(last) + self.blocks[last].plain
        return before[-length:], after[:length]


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


BLOCK_ID = regex(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{COMMENT}]*\Z")
"""`^id` at the end of a block."""
_CALLOUT = regex(r"\A\[!([^\[\]\n]+)\][+-]?[ \t]*([^\n]*)(?:\n|\Z)")
_BOX = regex(r"\A\[[^\[\]\n]\][ \t]+")
_VERBATIM = regex(r"(?i)\s*<(?:script|style|pre|textarea|svg|!|\?)")
_TAGS = regex(r"(?is)<(script|style)\b.*?</\1\s*>|<[^<>]*>")


@dataclass(slots=True)
class _Quote:
    """An open block quote, which may be a callout."""

    number: int
    style: str = ""
    title: Block | None = None


def parse_blocks(
    source: Source,
    context: Context,
    syntax: Syntax,
    *,
    with_cards: bool = True,
    written: Mapping[int, Written] = {},
) -> Blocks:
    """Cut a prepared note into blocks.

    Args:
        source: the note, with placeholders.
        context: what its text may refer to; its maths and link labels are taken from the note.
        syntax: how cards are written in it.
        with_cards: whether to read cards over several lines; not inside such a card.
        written: cards that are known already, by the line at which they begin.
    """
    text, signs = source.text, list[int]()
    if with_cards:
        references = source.references
        context = context._replace(maths=source.maths, references=references, gaps=syntax.gaps)
        signs = sorted({*signs_of(text, syntax), *written})
    blocks, tags, bodies = list[Block](), list[str](), dict[int, str]()
    # where the walk is: what is open, and the lines of the token that was read last
    headings, heads, row = list[tuple[int, Block]](), list[Block | None](), list[Block | None]()
    lists, quotes = list[tuple[int, int]](), list[_Quote]()
    lists_seen = quotes_seen = root = rules = 0
    lines = (0, 0)

    def is_card(line: str) -> bool:
        may_be = any(sign in line for sign in syntax.line)
        return may_be and inline_card(read(line, context), syntax) is not None

    def block_of(part: Part, words: str, lines: Span, *, is_line: bool = False) -> Block:
        block = Block(part, words, context, syntax, lines, is_line=is_line)
        block.headings = tuple([heading for _, heading in headings])
        block.root, block.rules, block.path = root, rules, tuple(lists)
        for one in quotes:
            block.quotes += (one.number,)
            block.callout = block.callout or (one.number if one.title else 0)
            block.style = one.style or block.style
            block.titles += (one.title,) if one.title else ()
        return block

    def add(part: Part, words: str, lines: Span, *, is_line: bool = True) -> Block | None:
        """Add a block of text, if it has any. A lone id belongs to the block above."""
        named = BLOCK_ID.search(words) if "^" in words else None
        words = words[: named.start()] if named else words
        block = block_of(part, words, lines, is_line=is_line)
        block.id = named[1] if named else ""
        # text that begins with a letter is never empty: it need not be parsed to know
        if words[:1].isalnum() or (words and block.plain):
            blocks.append(block)
            return block
        tags.extend(block.tags if words else ())
        for above in reversed(blocks) if named else ():
            if above.root != blocks[-1].root:  # of the whole top-level block above
                break
            above.id = above.id or block.id
        return None

    def paragraph(words: str, opener: str) -> None:
        """Add a paragraph; a line in it that is a card becomes a block of its own."""
        part = Part.ITEM if opener == "list_item_open" else Part.TEXT
        words = _BOX.sub("", words) if part is Part.ITEM else words
        head = _CALLOUT.match(words) if opener == "blockquote_open" else None
        if head:  # it begins a callout: `[!type] title`
            quote, words = quotes[-1], words[head.end() :]
            quote.style = head[1]
            add(Part.TITLE, head[2], lines, is_line=False)
            quote.title = block_of(Part.TITLE, head[2], lines)
            bodies[quote.number] = bodies[quote.number].partition("\n")[2]
        first, said = lines[0] + bool(head), words.split("\n")
        cards = [at for at, line in enumerate(said) if is_card(line)] if said[1:] else []
        before = 0
        for at in (*cards, len(said)):
            rest = "\n".join(said[before:at])
            add(part, rest, (first + before, first + at), is_line=at == before + 1)
            if at < len(said):
                add(part, said[at], (first + at, first + at + 1))
            before = at + 1

    rows = text.split("\n")
    env = {"signs": signs, "syntax": syntax, "is_card": is_card, "written": written}
    tokens = _parser(COMMENT in text, bool(signs)).parse(text, env)
    for at, token in enumerate(tokens):
        root += token.level == 0 and token.nesting >= 0
        if token.map:
            lines = (token.map[0], token.map[1])
        match token.type:
            case "inline":
                opener = tokens[at - 1]
                if opener.type == "paragraph_open":
                    paragraph(token.content, tokens[at - 2].type if at > 1 else "")
                elif opener.type == "heading_open":
                    level = int(opener.tag[1:])
                    headings = [above for above in headings if above[0] < level]
                    if block := add(Part.HEADING, token.content, lines, is_line=False):
                        headings.append((level, block))
                elif opener.type == "th_open":
                    heads.append(add(Part.CELL, token.content, lines, is_line=False))
                else:
                    row.append(add(Part.CELL, token.content, lines, is_line=False))
                    if block := row[-1]:
                        above = (*row[:1][: len(row) - 1], *heads[len(row) - 1 :][:1])
                        block.heads = tuple([head for head in above if head])
            case "thead_open":
                heads = []
            case "tr_open":
                row = []
            case "fence" | "code_block" | "html_block":
                words = token.content
                if token.type == "html_block" and not _VERBATIM.match(words):
                    paragraph(words.strip(), tokens[at - 1].type if at else "")
                    continue
                words = _TAGS.sub("", words) if token.type == "html_block" else words
                words = restored(words.strip("\n"), context.maths)
                if words.strip():
                    blocks.append(block_of(Part.CODE, words, lines))
            case "card":
                card: Written = token.meta["card"]
                named = BLOCK_ID.search(card.back)
                block = block_of(Part.CARD, "", lines)
                block.id = named[1] if named else ""
                block.card = card._replace(back=card.back[: named.start()]) if named else card
                blocks.append(block)
            case "bullet_list_open" | "ordered_list_open":
                lists_seen += 1
                lists.append((lists_seen, 0))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "list_item_open":
                lists[-1] = (lists[-1][0], lists[-1][1] + 1)
            case "blockquote_open":
                quotes_seen += 1
                quotes.append(_Quote(quotes_seen))
                sign = re.compile(rf"^{PREFIX}>[ ]?(?:[ \t]*>[ ]?){{0,{len(quotes) - 1}}}")
                body = (sign.sub("", line, count=1) for line in rows[slice(*lines)])
                bodies[quotes_seen] = "\n".join(body)
            case "blockquote_close":
                quotes.pop()
            case "hr":
                rules += 1
    return Blocks(tuple(blocks), tuple(dict.fromkeys(tags)), bodies, context)
