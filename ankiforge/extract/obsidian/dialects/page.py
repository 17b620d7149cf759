"""A note as the dialects read it, and what they say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ankiforge.extract.obsidian.blocks import Blocks, Part, cut
from ankiforge.extract.obsidian.covers import GONE, Covered
from ankiforge.extract.obsidian.regions import BLOCK_ID
from ankiforge.extract.obsidian.rich import rich
from ankiforge.extract.obsidian.tokens import masked, read
from ankiforge.model import Form, Span

_COMMENTED = f"{GONE} \t"
_CONTAINERS = re.compile(
    r"[ \t]*(?:>[ \t]?)*[ \t]*(?:\[![^\[\]]+\][+-]?[ \t]*)?"
    r"(?:(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?)?(?:#{1,6}[ \t]+)?"
)
_QUOTED = re.compile(r"[ \t]*>(?:[ \t]*>)*[ \t]?")
_CALLOUT = re.compile(r"\A\[![^\[\]]+\][+-]?[ \t]*")
HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+\S")
FOOTNOTE = re.compile(r"[ ]{0,3}\[\^[^\[\]\s]+\]:")
RULE = re.compile(r"[ ]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
SCHEDULE = re.compile(r"[ \t]*>[ \t]*\[!sr\b", re.IGNORECASE)
"""The callout in which a scheduler keeps its data."""
_BLOCK = re.compile(r"[ ]{0,3}(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)[ \t]+\S")
"""A line that is an item, a heading or a quote."""
_COMMENTS = re.compile(r"<!--.*?-->|%%.*?%%")
_ID = re.compile(r"<!--[ \t]*ID:[ \t]*(\d{1,19})\b")
BARE_ID = re.compile(r"[ \t]*ID:[ \t]*(\d{10,19})[ \t]*$")
NUMBERED_BLOCK = re.compile(r"(?:^|[ \t])\^(\d{13})[ \t]*$")
"""The block id that is the id of a note in Anki."""

WHOLE_LINE = (0, 1_000_000)
"""The columns of a card beside which nothing else stands."""


@dataclass(frozen=True, slots=True)
class Written:
    """One card, as a dialect reads it."""

    first: int
    last: int
    """[first, last) lines it takes."""
    form: Form
    sides: tuple[str, ...]
    """In our Markdown: (front, back) or (text,); one more is what is shown with the answer."""
    whole: str
    """The source of all it says, as it stands in the note."""
    ends: tuple[str, str] = ("", "")
    """The sources of its beginning and its end, where there are signs of the tool between."""
    two_way: bool = False
    tags: tuple[str, ...] = ()
    id: str = ""
    """Of the note in Anki that the tool made of it."""
    columns: Span = WHOLE_LINE
    """Of its line, where others may stand beside it."""


class Dialect(Protocol):
    """How one tool writes cards."""

    signs: str
    """A pattern: without it a note holds no card of this tool."""

    def cards(self, page: Page) -> Iterator[Written]:
        """The cards of a note, in any order; where they overlap, the first one counts."""
        ...

    def ours(self, page: Page) -> frozenset[str]:
        """The forms of ours that this tool has, too."""
        ...

    def reads_highlights(self, page: Page) -> bool:
        """Whether what `==x==` means in this note is for this tool to say."""
        ...


@dataclass(frozen=True)
class Page:
    """One note: its lines without comments, and what stands in them."""

    path: str
    text: str
    """As it is written, comments and all."""
    covered: Covered
    blocks: Blocks
    head_tags: tuple[str, ...] = ()
    note_id: str = ""
    """Of the note in Anki that the whole file is, as its head says."""

    # --- lines ------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Without comments and without the head."""
        return tuple(self.covered.text.split("\n"))

    @cached_property
    def raw(self) -> tuple[str, ...]:
        """The same lines as they are written."""
        return tuple(self.text.split("\n"))

    @cached_property
    def tags(self) -> frozenset[str]:
        """Of the whole note and of all that stands in it."""
        inside = (tag for block in self.blocks.blocks for tag in block.tags)
        return frozenset((*self.head_tags, *self.blocks.tags, *inside))

    @cached_property
    def fence_at(self) -> dict[int, Span]:
        """Of each line of a fence, the fence."""
        return {line: fence for fence in self.covered.fences for line in range(*fence)}

    @cached_property
    def code(self) -> frozenset[int]:
        """The lines that are code."""
        found = (b.lines for b in self.blocks.blocks if b.part is Part.CODE)
        return frozenset(self.fence_at) | {line for span in found for line in range(*span)}

    @cached_property
    def cells(self) -> frozenset[int]:
        """The lines of tables."""
        found = (b.lines for b in self.blocks.blocks if b.part is Part.CELL)
        return frozenset(line for span in found for line in range(*span))

    @cached_property
    def regions(self) -> dict[int, Span]:
        """Of each line of a card of ours over several lines, all of its lines."""
        found = (b.region for b in self.blocks.blocks if b.region is not None)
        return {line: (r.first, r.last) for r in found for line in range(r.first, r.last)}

    def blank(self, at: int) -> bool:
        """Whether nothing stands in a line."""
        return not self.lines[at].strip()

    def comment(self, at: int) -> bool:
        """Whether a line holds a comment and nothing else."""
        line = self.lines[at]
        return GONE in line and not line.strip(_COMMENTED)

    def source(self, first: int, last: int) -> str:
        """The lines [first, last), comments and ids of notes in Anki left out."""
        lines = ((at, self.lines[at]) for at in range(first, last) if not self.comment(at))
        return "\n".join(
            line if at in self.code else NUMBERED_BLOCK.sub("", line) for at, line in lines
        )

    def body(self, first: int, last: int) -> str:
        """The same without the signs of the quote it lies in, of one line without any such signs.

        Nor is there the block id at its end.
        """
        lines = self.source(first, last).split("\n")
        if len(lines) == 1:
            return without_id(content(lines[0]))
        if all(_QUOTED.match(line) for line in lines if line.strip()):
            lines = [_CALLOUT.sub("", _QUOTED.sub("", line)) for line in lines]
        return without_id("\n".join(lines))

    def paragraphs(self) -> Iterator[Span]:
        """Lines that stand together; an empty line, a comment, code, a heading or a footnote ends them."""
        first = -1
        for at in range(len(self.lines) + 1):
            ends = at == len(self.lines) or at in self.code or self.blank(at) or self.comment(at)
            heading = not ends and HEADING.match(self.lines[at]) is not None
            note = not ends and FOOTNOTE.match(self.lines[at]) is not None
            if first >= 0 and (ends or heading or note):
                yield first, at
                first = -1
            if heading:
                yield at, at + 1
            elif not ends and first < 0:
                first = at

    # --- words ------------------------------------------------------------------------------

    def side(self, source: str) -> str:
        """The Markdown of one side of a card."""
        source = without_id(source).strip("\n")
        plainly = "\n" not in source and not _BLOCK.match(source)
        inline = read(source, self.blocks.around) if plainly else None
        if inline is None or not inline.plain:
            return rich(source, self.blocks.around)
        return inline.markdown(0, len(inline.plain))[0]

    def plain(self, source: str) -> str:
        """The plain text of a part of the note, as the note's own has it."""
        covered = Covered(without_id(source), self.blocks.around.held, "", ())
        blocks = cut(covered, self.blocks.around, with_cards=False).blocks
        return "\n".join(block.plain for block in blocks)

    def mask(self, source: str) -> str:
        """Letter for letter, with `tokens.MASK` where no sign counts."""
        return masked(source, self.blocks.around)

    def tags_in(self, *sources: str) -> tuple[str, ...]:
        """The `#tags` that stand in sources."""
        found = (read(source, self.blocks.around).tags() for source in sources)
        return tuple(dict.fromkeys(tag for tags in found for tag in tags))

    @cached_property
    def ids(self) -> dict[int, str]:
        """Of each line with one, the id of a note in Anki."""
        return {
            at: found
            for at, line in enumerate(self.lines)
            if (GONE in line or "^" in line) and at not in self.code and (found := self._id(at))
        }

    def _id(self, at: int) -> str:
        comment = _ID.search(self.raw[at]) if GONE in self.lines[at] else None
        found = comment or NUMBERED_BLOCK.search(self.lines[at])
        return found[1] if found else ""

    def id_at(self, first: int, last: int) -> str:
        """The note in Anki whose id a tool left in these lines, or in a comment right below."""
        if not self.ids:
            return ""
        after = [last] if last < len(self.lines) and self.comment(last) else []
        found = (self.ids[at] for at in (*range(first, last), *after) if at in self.ids)
        return next(found, "")

    def is_id(self, at: int) -> bool:
        """Whether nothing stands in a line but an id."""
        return at < len(self.lines) and NUMBERED_BLOCK.fullmatch(self.lines[at]) is not None

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """The lines with `::`, by their plain text."""
        found: dict[str, list[int]] = {}
        for at, line in enumerate(self.lines):
            if "::" in line:
                plain = read(without_id(content(line)), self.blocks.around).plain
                found.setdefault(plain, []).append(at)
        return found

    def id_within(self, at: int, columns: Span) -> str:
        """The same of a part of a line, where several cards may stand."""
        if GONE not in self.lines[at]:
            return ""
        covers = re.finditer(f"{GONE}+", self.lines[at])
        for cover, comment in zip(covers, _COMMENTS.findall(self.raw[at]), strict=False):
            found = _ID.match(comment)
            if found and columns[0] <= cover.start() < columns[1]:
                return found[1]
        return ""


def without_id(source: str) -> str:
    """The source without the block id it ends with."""
    found = BLOCK_ID.search(source)
    return source[: found.start()] if found else source


def content(line: str) -> str:
    """A line without the signs of quotes, items and headings before it."""
    found = _CONTAINERS.match(line)
    return line[found.end() :] if found else line
