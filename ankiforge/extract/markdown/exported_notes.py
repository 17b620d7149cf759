"""Passages that other programs keep in notes.

Readwise, KOReader, Kindle and reading lists put them under a heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block, BlockKind, ListItem
from ankiforge.extract.markdown.patterns import (
    ABOUT,
    LINK,
    MARK,
    PLACE,
    REMARK_WORD,
    SYNCED_ITEM,
    WORDS_FOR_MARK,
    may_link_back,
)
from ankiforge.text import regex

_SECTION = regex(rf"(?i){ABOUT}")
# A heading above nothing but passages, which Glasp and WeRead write as quotes.
_SECTION_ALONE = regex(rf"(?i)\W*{ABOUT}(?: (?:&|and) (?:notes|annotations))?\W*\Z")
# WeRead's passages and thoughts, several in a quote: `📌 The words ^id`, `💭 a thought`, each with
# its time, `⏱ 2022-01-16`.
_PIN = "📌"
_PINNED = regex(
    rf"(?s)(?P<sign>[{_PIN}💭])\s*(?P<words>[^{_PIN}💭⏱]*?[^{_PIN}💭⏱\s-])"
    rf"[\s-]*(?:\^[\w-]+[\s-]*)?(?=[{_PIN}💭⏱]|\Z)"
)
_BOOK = regex(r"(?ms)^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)")
_PLACED = (
    rf"(?i)\s{{0,9}}+[—–-]?+\s{{0,9}}+[(\[]?+\s{{0,9}}+"
    rf"(?:{PLACE}|{LINK}|[⤴↗🔗]\ufe0f?)\s{{0,9}}[)\]]?"
    r"(?:\s++#[\w/-]++)*+"
)
_END = regex(rf"{_PLACED}\s*+\Z")
# A link back to a passage, behind it, whatever the reader's template calls it.
_BACK = regex(
    r"(?i)kindle:|https?://(?:[\w-]+\.)*(?:readwise\.io/(?:read|open|to_kindle)"
    r"|(?:omnivore\.app|glasp\.co|hyp\.is|hypothes\.is|instapaper\.com)/)"
)
_NAMED_BACK = regex(rf"(?i)(?:{LINK})\Z")
_BEFORE_LINK = regex(r"[\s—–(\[-]*\Z")
_BEHIND_LINK = regex(r"[\s)\]]*(?:\s#[\w/-]+|\s\^[\w-]+)*\s*\Z")
# A place at the end of a line, with the reader's note in the next one.
_END_OF_LINE = regex(rf"{_PLACED}(?:\s\^(?P<id>[A-Za-z0-9-]+))?(?=\s)")
_AT_PLACE = regex(rf"(?i)(?:{MARK})?{PLACE}(?:\s*[@|(].*)?\Z")
_LINE_AT_PLACE = regex(
    rf"(?i)(?:(?:highlight|markierung|surlignement|note|notiz)\b.{{0,80}}?{PLACE})\Z"
)
_FEWEST_WORDS = 4
"""Words of a heading that is a passage."""
_NOTE_AT_PLACE = regex(rf"(?i)(?:note|notiz)\b.{{0,80}}?{PLACE}\s*\Z")
_NOTE = regex(
    rf"(?is)(?:(?:my\s+)?(?:{REMARK_WORD})\s*[:：]|💭)\s*(?P<words>[^⏱]*[^⏱\s-])?"
)
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
    notes: dict[str, None] = field(default_factory=dict)
    """The reader's notes on it, in order."""

    @property
    def comment(self) -> str:
        """The reader's note; "" if there is none."""
        return "\n".join(self.notes)


def is_of_book(text: str) -> bool:
    """Return whether a program wrote a note on a book: it has such headings, and a passage."""
    return "# Metadata" in text and _BOOK.search(text) is not None


def kept(blocks: Sequence[Block], source: str) -> dict[Block, list[KeptPassage]]:
    """Return the passages that other programs keep in a note, in the order of their blocks.

    Passages stand below a heading such as “Highlights”. A paragraph, list item or quote there is
    one if it ends with its place in the book (`(Location 64)`, `— location: 64`, `(View
    Highlight)`), or if the place stands alone below it. So is any quote below a heading that says
    no more, and any list item or quote of a note with a heading “Metadata”. An item within another
    one is none, unless an item around it says when its passages were synced. Text right below
    a heading that is a place (`Page 5 @ 21 May 2024`, `Highlight (yellow) - Location 64`) is a
    passage, too. So is a paragraph or list item anywhere that ends with a link back to where it
    was marked: people edit the templates of such programs, and keep the link.

    The reader's note begins with `Note:`, stands in the lines right below the place, below a
    heading `Note - Location 64`, or between a passage and the next one: behind a rule, or in
    paragraphs.

    Args:
        blocks: the blocks of the note.
        source: the text that they were cut from.
    """
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
                if not _NOTE_AT_PLACE.match(block.plain):
                    reader.last = None
            elif SYNCED_ITEM.match(block.plain):
                reader.synced = block.items[-1] if block.items else None
            else:
                reader.read(block, before, below)
        before = block
    return reader.passages


def _may_be_kept(blocks: Sequence[Block], source: str) -> bool:
    """Return whether any heading, or line that means one, may be above such passages."""
    folded = source.casefold()
    if may_link_back(folded):
        return True
    # without one of these words, no line means a heading that could have passages below it
    names_mark = any(word in folded for word in WORDS_FOR_MARK)
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
        note = _NOTE.match(block.plain)
        is_about_last = bool(self.last and (note or _TAGS.match(block.plain)))
        if self._page is None and not self._is_among_highlights(block):
            # a passage that stands anywhere, or what is said right below it
            if _link_back(block) is None and not (
                is_about_last and self._is_below_last(block, before)
            ):
                return
        if _PIN in block.plain:
            self._read_pinned(block)
        elif is_about_last:
            words = (note and note["words"]) or ""
            place = _place_in(block)
            if note and place and note.end() > place.start:  # it is told once more
                words = block.plain[note.start("words") : place.start]
            self._comment(words, block)
        else:
            self._read_passage(block, before, below)

    def _is_below_last(self, block: Block, before: Block | None) -> bool:
        """Return whether a block is in the item of the last passage, or right below it."""
        if self.last is None:
            return False
        about = self.last.block
        if about.items and about.items[-1] in block.items:
            return True
        return before in (about, *self.last.about[-1:])

    def _read_passage(
        self, block: Block, before: Block | None, below: Block | None
    ) -> None:
        """Read a passage with its place, a place alone, or a note right below one."""
        place = _place_in(block)
        if place is None:
            if self._page is not None and _is_link_alone(block):
                self._comment("", block)
            elif self._is_note(block, before, below):
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
        is_quote = bool(block.quotes) and block.part is not BlockKind.TITLE
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

    def _is_note(self, block: Block, before: Block | None, below: Block | None) -> bool:
        """Return whether a block below the last passage is the note about it.

        It is right below the place, or in paragraphs between the passage and the next one.
        """
        if self.last is None or (below and _END.match(below.plain)):
            return False
        about = self.last.block
        if before is self._place and (block.rules, block.quotes, block.items) == (
            about.rules,
            about.quotes,
            about.items,
        ):
            return True
        if self._page is not None and block.rules > about.rules:
            return True
        if block.items or block.quotes or block.part is BlockKind.TITLE:
            return False
        if self._page is not None:
            return True
        return self._place is not None and before in (about, *self.last.about[-1:])

    def _comment(self, words: str, block: Block) -> None:
        """Add the words of a block to the note about the last passage, unless it has them."""
        if self.last is None:
            return
        self.last.about.append(block)
        if words.strip():
            self.last.notes[words] = None


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
    link = _link_back(block)
    if link is not None:
        return _Place(link, "")
    for end in _END_OF_LINE.finditer(block.plain):
        if block.inline.breaks(end.end() + 1):
            # an id there counts as if it stood at the end of its block
            block.id = block.id or end["id"] or ""
            below = block.plain[end.end() :].strip()
            return _Place(end.start(), end["label"] or "", below)
    return None


def _link_back(block: Block) -> int | None:
    """Return where the link back to a passage begins in the plain text of its block, if any."""
    if not block.inline.targets:
        return None
    (start, end), address = block.inline.targets[-1]
    name = block.plain[start:end]
    if not (_BACK.match(address) or _NAMED_BACK.match(name)):
        return None
    if not _BEHIND_LINK.match(block.plain, end):
        return None
    before = _BEFORE_LINK.search(block.plain[:start])
    return before.start() if before else start


def _is_link_alone(block: Block) -> bool:
    """Return whether a block says no more than the name of a link."""
    if not block.inline.targets:
        return False
    (start, end), _ = block.inline.targets[-1]
    return not (block.plain[:start] + block.plain[end:]).strip()


def _may_be_passage(above: Block, place: Block) -> bool:
    """Return whether the block above a place that stands alone is the passage marked there."""
    if above.rules != place.rules or not above.is_text:
        return False
    if place.headings[-1:] == (above,) and not _SECTION.search(above.plain):
        return len(above.plain.split()) >= _FEWEST_WORDS
    return above.headings == place.headings
