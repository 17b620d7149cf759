"""Find the passages that other programs have exported into a note.

Readwise, KOReader, Kindle and similar programs write the highlights of a book below a
heading, with their locations and the reader's notes. The passages themselves aren't marked, so
they are recognised only by these headings, by locations, and by links back to the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block, BlockKind, ListItem
from ankiforge.extract.markdown.syntaxes import (
    BACKLINK_NAME,
    HIGHLIGHT_WORDS,
    HIGHLIGHTS_WORD,
    LOCATION,
    REMARK_WORD,
    SYNCED_ITEM,
    TEXT_BEFORE_LOCATION,
    may_contain_backlink,
)
from ankiforge.text import regex

_HIGHLIGHTS_HEADING = regex(rf"(?i){HIGHLIGHTS_WORD}")
# A heading above a section that contains only passages. Glasp writes them as block quotes.
_HIGHLIGHTS_ONLY_HEADING = regex(
    rf"(?i)\W*{HIGHLIGHTS_WORD}(?: (?:&|and) (?:notes|annotations))?\W*\Z"
)
_TRAILING_LOCATION = (
    rf"(?i)\s{{0,9}}+[—–-]?+\s{{0,9}}+[(\[]?+\s{{0,9}}+"
    rf"(?:{LOCATION}|{BACKLINK_NAME}|[⤴↗🔗]\ufe0f?)\s{{0,9}}[)\]]?"
    r"(?:\s++#[\w/-]++)*+"
)
_LOCATION_AT_END = regex(rf"{_TRAILING_LOCATION}\s*+\Z")
# The URL of a link that leads from a passage back to its source, whatever the link's name.
_BACKLINK_URL = regex(
    r"(?i)kindle:|https?://(?:[\w-]+\.)*(?:readwise\.io/(?:read|open|to_kindle)"
    r"|(?:omnivore\.app|glasp\.co|hyp\.is|hypothes\.is|instapaper\.com)/)"
)
_BACKLINK_NAME = regex(rf"(?i)(?:{BACKLINK_NAME})\Z")
_BEFORE_LINK = regex(r"[\s—–(\[-]*\Z")
_AFTER_LINK = regex(r"[\s)\]]*(?:\s#[\w/-]+|\s\^[\w-]+)*\s*\Z")
# A location at the end of a line, below which is the reader's note.
_LOCATION_AT_LINE_END = regex(rf"{_TRAILING_LOCATION}(?:\s\^[A-Za-z0-9-]+)?(?=\s)")
_LOCATION_HEADING = regex(rf"(?i)(?:{TEXT_BEFORE_LOCATION})?{LOCATION}(?:\s*[@|(].*)?\Z")
_LOCATION_LINE = regex(
    rf"(?i)(?:(?:highlight|markierung|surlignement|note|notiz)\b.{{0,80}}?{LOCATION})\Z"
)
_NOTE_HEADING = regex(rf"(?i)(?:note|notiz)\b.{{0,80}}?{LOCATION}\s*\Z")
_NOTE_LABEL = regex(rf"(?is)(?:my\s+)?(?:{REMARK_WORD})\s*[:：]\s*(?P<words>.*\S)?")
_TAGS_LABEL = regex(r"(?i)tags?\s*:")


@dataclass(slots=True)
class ExportedPassage:
    """A passage that another program exported into a note, with the reader's notes on it."""

    block: Block
    end: int
    """The end of the passage in the plain text of `block`."""
    note_blocks: list[Block]
    """Further blocks with the reader's notes, tags or the location. The passage is private if
    any of them is."""
    page_label: str = ""
    """The page label, or "" if unknown."""
    notes: dict[str, None] = field(default_factory=dict)
    """The reader's notes in order, as the keys of a dictionary."""

    @property
    def comment(self) -> str:
        """The reader's notes, one per line."""
        return "\n".join(self.notes)


def find_exported_passages(
    blocks: Sequence[Block], source: str
) -> dict[Block, ExportedPassage]:
    """Find the passages that other programs have exported into a note.

    Under a heading such as “Highlights”, these count as passages:

    - Text that ends with a location in a book, e.g. `(Location 64)`, `— location: 64` or
      `(View Highlight)`, or that is followed by a block with just a location.
    - Any quote, if the heading has no other words.
    - Any list item or quote, if the note has a “Metadata” heading.
    - Nested list items, but only if an outer item states when the passages were synced.

    Elsewhere, text right below a heading that is a location, e.g. `Page 5 @ 21 May 2024` or
    `Highlight (yellow) - Location 64`, is a passage. So is a paragraph or list item that ends
    with a link back to its source, since people keep that link when they customize a
    program's template.

    The reader's note on a passage begins with `Note:`, is on the lines right below the
    location, or comes under a heading such as `Note - Location 64`. It can also sit between
    two passages, either below a rule or as paragraphs.

    Args:
        blocks: The blocks of the note.
        source: The text that `blocks` were parsed from.

    Returns:
        The passages in order, keyed by the block that begins with them.
    """
    if not _may_contain_passages(blocks, source):
        return {}
    reader = _PassageReader(blocks)
    previous_block: Block | None = None
    for block, next_block in zip(blocks, [*blocks[1:], None], strict=False):
        is_text = block.kind in (BlockKind.TEXT, BlockKind.ITEM, BlockKind.TITLE)
        # the heading of a passage may be written as an ordinary block
        if block.kind is BlockKind.HEADING or (
            is_text and _LOCATION_LINE.match(block.plain_text)
        ):
            reader.enter_section(block.plain_text)
        elif is_text and SYNCED_ITEM.match(block.plain_text):
            reader.synced_item = block.items[-1] if block.items else None
        elif is_text:
            reader.read_block(block, previous_block, next_block)
        previous_block = block
    return reader.passages


def _may_contain_passages(blocks: Sequence[Block], source: str) -> bool:
    folded = source.casefold()
    if may_contain_backlink(folded):
        return True
    # only with one of these words can a block serve as a heading for passages
    has_highlight_word = any(word in folded for word in HIGHLIGHT_WORDS)
    # parse the headings in order, because pictures are recorded in the order of parsing
    for block in blocks:
        if has_highlight_word or block.kind is BlockKind.HEADING:
            if _HIGHLIGHTS_HEADING.search(block.plain_text):
                return True
            if _LOCATION_HEADING.match(block.plain_text):
                return True
    return False


class _PassageReader:
    """Collects the exported passages and the reader's notes from the blocks of a note."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._has_metadata = False
        for block in blocks:
            if (
                block.kind is BlockKind.HEADING
                and block.plain_text.casefold() == "metadata"
            ):
                self._has_metadata = True
        self.passages: dict[Block, ExportedPassage] = {}
        """Maps each block that begins with a passage to this passage."""
        self._passage_items: set[ListItem] = set()
        self._section_heading = ""
        """The heading of the current section, or the text of the block used as its heading. ""
        before the first section."""
        self._page: str | None = None
        """The page in the section's heading, "" if the heading has a location without a page, or
        None if it has no location."""
        self.synced_item: ListItem | None = None
        """The list item above nested passages that states when they were synced, or None."""
        self._last_passage: ExportedPassage | None = None
        """The passage to which the next note refers, or None."""
        self._has_location = False
        """Whether the last passage had a location. If so, a note may be directly below."""

    def enter_section(self, heading: str) -> None:
        """Begin a new section. `heading` is the text of a heading or of a block used as one."""
        self._section_heading = heading
        location = _LOCATION_HEADING.match(heading)
        self._page = None if location is None else location["label"] or ""
        if not _NOTE_HEADING.match(heading):
            self._last_passage = None

    def read_block(
        self, block: Block, previous_block: Block | None, next_block: Block | None
    ) -> None:
        """Process a block that may be a passage, a location or a note on a passage."""
        if _NOTE_HEADING.match(self._section_heading):
            self._add_note(block.plain_text, block)
            return
        note = _NOTE_LABEL.match(block.plain_text)
        about_last = self._last_passage and (note or _TAGS_LABEL.match(block.plain_text))
        if self._page is None and not self._is_in_highlights_section(block):
            # outside sections for passages, only those with a link back to their source,
            # and the notes directly below them, are read
            if _find_backlink(block) is None and not (
                about_last and self._is_below_last_passage(block, previous_block)
            ):
                return
        if about_last:
            text = (note and note["words"]) or ""
            location = _find_location(block)
            if note and location and note.end() > location.start:
                # leave out the location, which is repeated in the note
                text = block.plain_text[note.start("words") : location.start]
            self._add_note(text, block)
        else:
            self._read_passage(block, previous_block, next_block)

    def _is_below_last_passage(self, block: Block, previous_block: Block | None) -> bool:
        if self._last_passage is None:
            return False
        passage_block = self._last_passage.block
        if passage_block.items and passage_block.items[-1] in block.items:
            return True
        return previous_block in (passage_block, *self._last_passage.note_blocks[-1:])

    def _read_passage(
        self, block: Block, previous_block: Block | None, next_block: Block | None
    ) -> None:
        location = _find_location(block)
        if location is None:
            if self._is_note(block, previous_block, next_block):
                self._add_note(block.plain_text, block)
            elif self._page is not None or self._is_passage(block):
                self._add_passage(block, len(block.plain_text), "")
                self._has_location = False
        elif location.start == 0:
            self._add_passage_above(block, previous_block, location.label)
            self._add_note(location.below, block)
        elif self._page is not None or self._is_passage(block, has_location=True):
            self._add_passage(block, location.start, location.label)
            self._has_location = True
            self._add_note(location.below, block)

    def _add_passage(self, block: Block, end: int, label: str) -> None:
        """Add a passage that begins with `block` and ends at offset `end`.

        `label` is the page label. If it is "", the page comes from the heading above.
        """
        self._last_passage = ExportedPassage(block, end, [], label or self._page or "")
        self.passages[block] = self._last_passage
        self._passage_items.update(block.items[-1:])

    def _is_in_synced_item(self, block: Block) -> bool:
        return self.synced_item in block.items[:-1]

    def _is_in_highlights_section(self, block: Block) -> bool:
        if self._is_in_synced_item(block):
            return True
        if self._section_heading.casefold() == "metadata":
            return False
        titles = (heading.plain_text for heading in block.headings)
        return any(map(_HIGHLIGHTS_HEADING.search, titles))

    def _is_passage(self, block: Block, *, has_location: bool = False) -> bool:
        if self._is_in_synced_item(block):
            # it is a passage unless it is nested in one, even below a heading in the item
            return self._passage_items.isdisjoint(block.items[:-1])
        if len(block.items) > 1 and block.items[-2].first_block:
            return False
        is_quote = bool(block.quotes) and block.kind is not BlockKind.TITLE
        titles = (heading.plain_text for heading in block.headings)
        if is_quote and any(map(_HIGHLIGHTS_ONLY_HEADING.match, titles)):
            return True
        return has_location or (self._has_metadata and bool(block.items or is_quote))

    def _add_passage_above(
        self, block: Block, previous_block: Block | None, label: str
    ) -> None:
        """Add the block above a location as a passage. If it already is one, set its page.

        `block` is the block with the location. `label` is the page label in this block, or "".
        """
        if previous_block is None:
            return
        if previous_block in self.passages:
            self._last_passage = self.passages[previous_block]
            self._last_passage.page_label = self._last_passage.page_label or label
        elif previous_block.can_contain_highlights and (
            _get_section(previous_block) == _get_section(block)
        ):
            self._add_passage(previous_block, len(previous_block.plain_text), label)
        else:
            return
        self._has_location = True

    def _is_note(
        self, block: Block, previous_block: Block | None, next_block: Block | None
    ) -> bool:
        """Return whether a block is a note on the last passage, directly below its location."""
        last = self._last_passage
        if last is None or not (self._has_location or self._page is not None):
            return False
        if previous_block not in (last.block, *last.note_blocks[-1:]):
            return False
        if next_block and _LOCATION_AT_END.match(next_block.plain_text):
            return False
        if block.kind is BlockKind.TEXT and not (block.items or block.quotes):
            return True
        return self._has_location and _get_place(block) == _get_place(last.block)

    def _add_note(self, text: str, block: Block) -> None:
        """Add a block with a note to the last passage. Ignore its text if empty or a duplicate."""
        if self._last_passage is None:
            return
        self._last_passage.note_blocks.append(block)
        if text.strip():
            self._last_passage.notes[text] = None


_get_place = attrgetter("quotes", "items")
_get_section = attrgetter("rule_count", "headings")


class _PassageLocation(NamedTuple):
    start: int
    """The location's start offset in the plain text of the block."""
    label: str
    """The page label, or "" if none."""
    below: str = ""
    """The text below the location, which is a note on the passage."""


def _find_location(block: Block) -> _PassageLocation | None:
    location = _LOCATION_AT_END.search(block.plain_text)
    if location:
        return _PassageLocation(location.start(), location["label"] or "")
    link_start = _find_backlink(block)
    if link_start is not None:
        return _PassageLocation(link_start, "")
    for location in _LOCATION_AT_LINE_END.finditer(block.plain_text):
        if block.inline_text.is_line_end(location.end() + 1):
            below = block.plain_text[location.end() :].strip()
            return _PassageLocation(location.start(), location["label"] or "", below)
    return None


def _find_backlink(block: Block) -> int | None:
    """Return the start offset of a link back to the source, or None if there is no such link.

    The link must be at the end of the block. Brackets and dashes before it count as part of it.
    """
    if not block.inline_text.link_targets:
        return None
    (start, end), url = block.inline_text.link_targets[-1]
    name = block.plain_text[start:end]
    if not (_BACKLINK_URL.match(url) or _BACKLINK_NAME.match(name)):
        return None
    if not _AFTER_LINK.match(block.plain_text, end):
        return None
    prefix = _BEFORE_LINK.search(block.plain_text[:start])
    return prefix.start() if prefix else start
