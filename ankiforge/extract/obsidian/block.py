"""A block of a note: what the cutting of a note gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ankiforge.extract.obsidian.cards import Sides
from ankiforge.extract.obsidian.inline import Inline
from ankiforge.extract.obsidian.pieces import Around
from ankiforge.extract.obsidian.regions import Region
from ankiforge.extract.obsidian.tokens import NOTHING
from ankiforge.model import Span


class Part(Enum):
    """What a block is."""

    TEXT = auto()
    HEADING = auto()
    ITEM = auto()
    """The first paragraph of a list item."""
    CELL = auto()
    CODE = auto()
    TITLE = auto()
    """Of a callout."""
    CARD = auto()
    """A card over several lines."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block."""

    part: Part
    plain: str
    """Its plain text, never ""."""
    inline: Inline | None = None
    """None where no mark can be."""
    headings: tuple[str, ...] = ()
    """The headings above, as plain text."""
    id: str = ""
    """The block id, without `^`."""
    root: int = 0
    """Which block of the top level it lies in."""
    item: tuple[int, int] = (0, 0)
    """(number of the list, number of the item in it); (0, 0) outside lists."""
    callout: int = -1
    """Which callout it lies in (the outermost), -1 = none."""
    sides: Sides | None = None
    """Of a `front::back` line."""
    region: Region | None = None
    """Of a card over several lines."""
    sided: tuple[str, str] = ("", "")
    """Its two sides in our Markdown."""
    tags: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    """Of a cell: the first cell of its row and the head of its column, as plain text."""
    path: tuple[tuple[int, int], ...] = ()
    """The items it lies in, outermost first, as in `item`."""
    quotes: tuple[int, ...] = ()
    """The numbers of the block quotes it lies in, outermost first."""
    style: str = ""
    """What stands in the brackets of the innermost callout: `note`, `PDF|yellow`."""
    rules: int = 0
    """How many rules (`---`) stand above it."""
    lines: Span = (0, 0)
    """[first, last) lines of the note it was read from; it may share them with others."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """A note, cut."""

    blocks: tuple[Block, ...]
    tags: tuple[str, ...]
    """The `#tags` of the note: those that stand in blocks of their own."""
    callouts: tuple[str, ...]
    """The Markdown of each callout's body."""
    around: Around = NOTHING
    """What its words may refer to."""
