"""Passages that other programs keep in notes.

Readwise, KOReader, Kindle and reading lists put them under a heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.markdown.blocks import Block, ListItem

_ABOUT = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements|高亮划线|划线评论)\b"
_SECTION = regex(rf"(?i){_ABOUT}")
# A heading above nothing but passages, which Glasp and WeRead write as quotes.
_SECTION_ALONE = regex(rf"(?i)\W*{_ABOUT}(?: (?:&|and) notes)?\W*\Z")
# WeRead's passages and thoughts, several in a quote: `📌 The words ^id`, `💭 a thought`, each with
# its time, `⏱ 2022-01-16`.
_PIN = "📌"
_PINNED = regex(
    rf"(?s)(?P<sign>[{_PIN}💭])\s*(?P<words>[^{_PIN}💭⏱]*?[^{_PIN}💭⏱\s-])"
    rf"[\s-]*(?:\^[\w-]+[\s-]*)?(?=[{_PIN}💭⏱]|\Z)"
)
_NUMBER = r"[\divxlc]+(?:[-–]\d+)?"
# Only a page has a label: a card does not cite locations of a Kindle.
_PLACE = (
    rf"(?:(?:locations?|loc\.?|position|pos\.?|emplacement)\s{{0,9}}:?\s{{0,9}}{_NUMBER}"
    rf"|(?:pages?|seite|página)\s{{0,9}}:?\s{{0,9}}(?P<label>{_NUMBER}))"
)
# `Highlight (yellow) - Page 42 · Location 2000`: what stands before the place.
_WORDS_FOR_MARK = ("highlight", "markierung", "surlignement")
_MARK = rf"(?:{'|'.join(_WORDS_FOR_MARK)})\b.{{0,80}}?"
# Readwise writes it into a page of Logseq, with the passages in the blocks below:
# `Highlights first synced by [[Readwise]] [[Mar 12th, 2023]]`.
_SYNCED = r"(?:new )?highlights (?:first synced by|added)\b"
SYNCED_ITEM = regex(rf"(?i)\W*{_SYNCED}")
"""An item above such passages, which says when they came."""
SIGN = regex(
    rf"(?im)^[ \t>]*+(?:#++[ \t]++.*(?:{_ABOUT}|{_PLACE})|[-*+][ \t]+{_SYNCED}"
    rf"|[*_]*{_MARK}(?:location|loc|page|seite|position|pos)\b[^\n]{{1,20}}$)"
)
"""A heading or item above such passages."""
_BOOK = regex(r"(?ms)^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)")
_LINK = r"view (?:highlight|tweet)|highlight link"
_PLACED = (
    rf"(?i)\s{{0,9}}+[—–-]?+\s{{0,9}}+[(\[]?+\s{{0,9}}+"
    rf"(?:{_PLACE}|{_LINK}|[⤴↗🔗]\ufe0f?)\s{{0,9}}[)\]]?"
    r"(?:\s++#[\w/-]++)*+"
)
_END = regex(rf"{_PLACED}\s*+\Z")
ENDS_WITH_LINK = regex(rf"(?i)\(\[(?:{_PLACE}|{_LINK})\]\([^()\s]*\)\)\s*\Z")
"""The source of a passage, or of its last lines, with a link to its place behind it."""
# A place at the end of a line, with the reader's note in the next one.
_END_OF_LINE = regex(rf"{_PLACED}(?:\s\^(?P<id>[A-Za-z0-9-]+))?(?=\s)")
_AT_PLACE = regex(rf"(?i)(?:{_MARK})?{_PLACE}(?:\s*[@|(].*)?\Z")
_LINE_AT_PLACE = regex(
    rf"(?i)(?:(?:highlight|markierung|surlignement|note|notiz)\b.{{0,80}}?{_PLACE})\Z"
)
_FEWEST_WORDS = 4
"""Words of a heading that is a passage."""
_NOTE_AT_PLACE = regex(rf"(?i)(?:note|notiz)\b.{{0,80}}?{_PLACE}\s*\Z")
_NOTE = regex(r"(?is)(?:(?:my\s+)?notes?\s*:|💭)\s*(?P<words>[^⏱]*[^⏱\s-])?")
_TAGS = regex(r"(?i)tags?\s*:|⏱")


@dataclass(slots=True)
class KeptPassage:
    """One passage."""

    block: Block
    start: int
    end: int
    """Where its text begins and ends in the plain text of its block."""
    about: list[Block]
    """The blocks with the reader's note, tags and place. If one is private, so is the passage."""
    label: str = ""
    """The page, "" if unknown."""
    comment: str = ""


def is_of_book(text: str) -> bool:
    """Return whether a note has the headings, and a passage, of what a program wrote on a book."""
    return "# Metadata" in text and _BOOK.search(text) is not None


def kept(blocks: Sequence[Block], source: str) -> dict[Block, list[KeptPassage]]:
    """Return the passages that other programs keep in a note, in the order of their blocks.

    Passages stand below a heading such as “Highlights”. A paragraph, list item or quote there is
    one if it ends with its place in the book (`(Location 64)`, `— location: 64`, `(View
    Highlight)`), or if the place stands alone below it. So is any quote below a heading that says
    no more, and any list item or quote of a note with a heading “Metadata”. An item within another
    one is none, unless an item around it says when its passages were synced. Text right below
    a heading that is a place (`Page 5 @ 21 May 2024`, `Highlight (yellow) - Location 64`) is a
    passage, too.

    The reader's note begins with `Note:`, stands in the lines right below the place, or
    below a heading `Note - Location 64`.

    Args:
        blocks: the blocks of the note.
        source: the text that they were cut from.
    """
    from ankiforge.extract.markdown.blocks import BlockKind

    if not _may_be_kept(blocks, source):
        return {}
    reader = _Reader(blocks)
    before: Block | None = None
    for block, below in zip(blocks, [*blocks[1:], None], strict=False):
        if block.part is BlockKind.HEADING:
            reader.enter(block.plain)
            if not _NOTE_AT_PLACE.match(block.plain):
                reader.last = None
        elif block.part in (BlockKind.TEXT, BlockKind.ITEM, BlockKind.TITLE):
            if _LINE_AT_PLACE.match(block.plain):
                reader.enter(block.plain)  # it is written as a quote
            elif SYNCED_ITEM.match(block.plain):
                reader.synced = block.items[-1] if block.items else None
            elif reader.above or reader.is_within_synced(block):
                reader.read(block, before, below)
        before = block
    return reader.passages


def _may_be_kept(blocks: Sequence[Block], source: str) -> bool:
    """Return whether any heading, or line that means one, may be above such passages."""
    from ankiforge.extract.markdown.blocks import BlockKind

    # without one of these words, no line means a heading that could have passages below it
    folded = source.casefold()
    names_mark = any(word in folded for word in _WORDS_FOR_MARK)
    headings: dict[Block, None] = {}  # in their order, in which a note names its pictures
    for block in blocks:
        headings.update(dict.fromkeys(block.headings))
        if names_mark or block.part is BlockKind.HEADING:
            headings[block] = None
    return any(
        _SECTION.search(heading.plain) or _AT_PLACE.match(heading.plain)
        for heading in headings
    )


class _Reader:
    """Reads the passages of a note, and the notes about them."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        from ankiforge.extract.markdown.blocks import BlockKind

        self._is_title = BlockKind.TITLE
        self._has_metadata = False
        for block in blocks:
            if block.part is BlockKind.HEADING and block.plain.casefold() == "metadata":
                self._has_metadata = True
        self.passages: dict[Block, list[KeptPassage]] = {}
        self._taken: set[ListItem] = set()
        """The list items with passages."""
        self.above = ""
        """The heading above, or a line that means one; "" = none."""
        self._page: str | None = None
        """The page that the heading above is, "" for another place; None if it is none."""
        self.synced: ListItem | None = None
        """The item that says when the passages below it were synced."""
        self.last: KeptPassage | None = None
        """The passage that a note below is about."""
        self._pinned: dict[str, KeptPassage] = {}
        """WeRead's passages, by their words."""
        self._place: Block | None = None
        """The block that ends with the place of the last passage: right below stands its note."""

    def enter(self, heading: str) -> None:
        """Pass a heading, or a line that means one."""
        self.above = heading
        place = _AT_PLACE.match(heading)
        self._page = None if place is None else place["label"] or ""

    def read(self, block: Block, before: Block | None, below: Block | None) -> None:
        """Read a block below a heading: a passage, its place, a note about it, or neither."""
        if _NOTE_AT_PLACE.match(self.above):
            self._comment(block.plain, block)
            return
        if self._page is None and not self._is_among_highlights(block):
            return
        note = _NOTE.match(block.plain)
        if _PIN in block.plain:
            self._read_pinned(block)
        elif self.last and (note or _TAGS.match(block.plain)):
            self._comment((note and note["words"]) or "", block)
        else:
            self._read_passage(block, before, below)

    def _read_passage(
        self, block: Block, before: Block | None, below: Block | None
    ) -> None:
        """Read a passage with its place, a place alone, or a note right below one."""
        place = _place_in(block)
        if place is None:
            if before is self._place and self._is_note(block, below):
                self._comment(block.plain, block)
            elif self._page is not None or self._is_passage(block):
                self._add(block, len(block.plain), "")
                self._place = None
        elif place.start == 0:
            self._place_of(block, before, place.label)
            self._comment(place.below, block)
        elif self._page is not None or self._is_passage(block, names_place=True):
            self._add(block, place.start, place.label)
            self._place = block
            self._comment(place.below, block)

    def _add(self, block: Block, end: int, label: str) -> None:
        """Add the passage at the start of a block."""
        self.last = KeptPassage(block, 0, end, [], label or self._page or "")
        self.passages[block] = [self.last]
        self._taken.update(block.items[-1:])

    def _read_pinned(self, block: Block) -> None:
        """Read passages of WeRead, with the thoughts behind them; one told twice counts once."""
        if not self._is_passage(block):
            return
        for piece in _PINNED.finditer(block.plain):
            words = piece["words"]
            if piece["sign"] != _PIN:
                self._comment(words, block)
                continue
            self.last = self._pinned.get(words)
            if self.last is None:
                self.last = KeptPassage(block, *piece.span("words"), [])
                self._pinned[words] = self.last
                self.passages.setdefault(block, []).append(self.last)
                self._taken.update(block.items[-1:])

    def is_within_synced(self, block: Block) -> bool:
        """Return whether a block stands within the item that says when it was synced."""
        return self.synced in block.items[:-1]

    def _is_among_highlights(self, block: Block) -> bool:
        """Return whether a block stands below a heading such as “Highlights”."""
        if self.is_within_synced(block):
            return True
        if self.above.casefold() == "metadata":
            return False
        return any(_SECTION.search(heading.plain) for heading in block.headings)

    def _is_passage(self, block: Block, *, names_place: bool = False) -> bool:
        """Return whether a block among highlights is a passage."""
        if self.is_within_synced(block):  # also below a heading there
            return self._taken.isdisjoint(block.items[:-1])
        if len(block.items) > 1 and block.items[-2].first:
            return False
        is_quote = bool(block.quotes) and block.part is not self._is_title
        if is_quote and any(_SECTION_ALONE.match(each.plain) for each in block.headings):
            return True
        return names_place or (self._has_metadata and bool(block.items or is_quote))

    def _place_of(self, block: Block, above: Block | None, label: str) -> None:
        """Make a passage of the paragraph above a place that stands alone."""
        if above is None:
            return
        if above in self.passages:
            self.last = self.passages[above][-1]
            self.last.label = self.last.label or label
        elif _may_be_passage(above, block):
            self._add(above, len(above.plain), label)
        else:
            return
        self._place = block

    def _is_note(self, block: Block, below: Block | None) -> bool:
        """Return whether a block right below a place is the note about the passage there."""
        if self.last is None or (below and _END.match(below.plain)):
            return False
        about = self.last.block
        return (block.rules, block.quotes, block.items) == (
            about.rules,
            about.quotes,
            about.items,
        )

    def _comment(self, words: str, block: Block) -> None:
        """Add what a block says to the note about the last passage, if that does not say so."""
        if self.last is None:
            return
        self.last.about.append(block)
        if words and words not in self.last.comment.split("\n"):
            self.last.comment = "\n".join(filter(None, (self.last.comment, words)))


class _Place(NamedTuple):
    """The place in a book that a block names behind its passage."""

    start: int
    """Where it begins in the plain text of the block."""
    label: str
    """The page, "" if it names none."""
    below: str = ""
    """The lines of the block below it."""


def _place_in(block: Block) -> _Place | None:
    """Return the place at the end of a block, or of a line in it."""
    end = _END.search(block.plain)
    if end:
        return _Place(end.start(), end["label"] or "")
    for end in _END_OF_LINE.finditer(block.plain):
        if block.inline.breaks(end.end() + 1):
            # an id there counts as if it stood at the end of its block
            block.id = block.id or end["id"] or ""
            below = block.plain[end.end() :].strip()
            return _Place(end.start(), end["label"] or "", below)
    return None


def _may_be_passage(above: Block, place: Block) -> bool:
    """Return whether the block above a place that stands alone is the passage marked there."""
    if above.rules != place.rules or not above.is_text:
        return False
    if place.headings[-1:] == (above,) and not _SECTION.search(above.plain):
        return len(above.plain.split()) >= _FEWEST_WORDS
    return above.headings == place.headings
