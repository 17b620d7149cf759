"""Find the passages that other programs have exported into a note.

Readwise, KOReader, Kindle and similar programs write the highlights of a book below a
heading, with their locations and the reader's notes. The passages themselves aren't marked, so
they are recognised only by these headings, by locations, and by links back to the source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block, BlockKind, ListItem
from ankiforge.extract.markdown.citations import Citation, to_openable_url
from ankiforge.extract.markdown.quotes import Quote, QuotePart
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
from ankiforge.text import contains_any, regex

_HIGHLIGHTS_HEADING = regex(rf"(?i){HIGHLIGHTS_WORD}")
# A heading above a section that contains only passages. Glasp writes them as block quotes.
_HIGHLIGHTS_ONLY_HEADING = regex(
    rf"(?i)\A\W*{HIGHLIGHTS_WORD}(?: (?:&|and) (?:notes|annotations))?\W*\Z"
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
# A field such as `— Group: #Public`, tags and a block id may follow the link.
_AFTER_LINK = regex(
    r"[\s)\]]*(?:[—–-]\s*[^\W\d_]{2,20}:[^\n]{0,80})?(?:\s#[\w/-]+|\s\^[\w-]+)*\s*\Z"
)
# A location at the end of a line, below which is the reader's note.
_LOCATION_AT_LINE_END = regex(rf"{_TRAILING_LOCATION}(?:\s\^[A-Za-z0-9-]+)?(?=\s)")
_LOCATION_HEADING = regex(rf"(?i)(?:{TEXT_BEFORE_LOCATION})?{LOCATION}(?:\s*[@|(].*)?\Z")
_LOCATION_LINE = regex(
    rf"(?i)(?:(?:highlight|markierung|surlignement|note|notiz)\b.{{0,80}}?{LOCATION})\Z"
)
_NOTE_HEADING = regex(rf"(?i)(?:note|notiz)\b.{{0,80}}?{LOCATION}\s*\Z")
_NOTE_LABEL = regex(rf"(?is)(?:my\s+)?(?:{REMARK_WORD})\s*[:：]\s*(?P<words>.*\S)?")
_TEXT_KINDS = (BlockKind.TEXT, BlockKind.ITEM, BlockKind.TITLE)
_TAGS_LABEL = regex(r"(?i)tags?\s*:")


@dataclass(slots=True)
class _Passage:
    """A passage that another program exported into a note, while its notes are collected."""

    block: Block
    end: int
    """The end of the passage in the plain text of `block`."""
    page_label: str | None
    note_blocks: list[Block] = field(default_factory=list)
    """Further blocks with the reader's notes, tags or the location. The passage is private if
    any of them is."""
    notes: dict[str, None] = field(default_factory=dict)
    """The reader's notes in order, as the keys of a dictionary."""

    @property
    def last_block(self) -> Block:
        """The block with the last note so far, or else the block of the passage."""
        return [self.block, *self.note_blocks][-1]

    def to_quote(self) -> Quote:
        """Return the passage as a quote, which has the links after the passage."""
        urls = []
        for (start, _), target in self.block.inline_text.link_targets:
            if start >= self.end:
                urls.append(to_openable_url(target, ""))
        citation = Citation(
            (self.end, len(self.block.plain_text)),
            links=tuple(filter(None, urls)),
            page_label=self.page_label,
        )
        part = QuotePart(self.block, 0, self.end)
        return Quote(
            (part,), citation, "\n".join(self.notes), extra_blocks=tuple(self.note_blocks)
        )


def find_exported_passages(blocks: Sequence[Block], source: str) -> dict[Block, Quote]:
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
    above: Block | None = None
    for block, below in zip(blocks, [*blocks[1:], None], strict=True):
        reader.read_block(block, above, below)
        above = block
    return {block: passage.to_quote() for block, passage in reader.passages.items()}


def _may_contain_passages(blocks: Sequence[Block], source: str) -> bool:
    folded = source.casefold()
    if may_contain_backlink(folded):
        return True
    # only with one of these words can a block serve as a heading for passages
    has_highlight_word = contains_any(folded, HIGHLIGHT_WORDS)
    # parse the headings in order, because pictures are recorded in the order of parsing
    for block in blocks:
        if block.kind is not BlockKind.HEADING and not has_highlight_word:
            continue
        if _HIGHLIGHTS_HEADING.search(block.plain_text):
            return True
        if _LOCATION_HEADING.match(block.plain_text):
            return True
    return False


class _Section:
    """The text between two headings, or between blocks that serve as such."""

    def __init__(self, heading: str) -> None:
        location = _LOCATION_HEADING.match(heading)
        self.is_metadata = heading.casefold() == "metadata"
        self.is_note = _NOTE_HEADING.match(heading) is not None
        """Whether the section is the reader's note on the passage above."""
        self.is_passage = location is not None
        """Whether the heading is a location, so that the section is a passage with notes."""
        self.page: str | None = None
        """The page in the heading, or None."""
        if location:
            self.page = location["label"]


class _PassageReader:
    """Collects the exported passages and the reader's notes from the blocks of a note."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._has_metadata = any(map(_is_metadata_heading, blocks))
        self.passages: dict[Block, _Passage] = {}
        """Maps each block that begins with a passage to this passage."""
        self._passage_items: set[ListItem] = set()
        self._section = _Section("")
        self._synced_item: ListItem | None = None
        """The list item above nested passages that states when they were synced, or None."""
        self._last_passage: _Passage | None = None
        """The passage to which the next note refers, or None."""
        self._has_location = False
        """Whether the last passage had a location. If so, a note may be directly below."""

    def read_block(self, block: Block, above: Block | None, below: Block | None) -> None:
        """Process the next block. `above` and `below` are the blocks next to it."""
        if block.kind is BlockKind.HEADING:
            self._enter_section(block.plain_text)
        elif block.kind not in _TEXT_KINDS:
            return
        elif _LOCATION_LINE.match(block.plain_text):
            # the heading of a passage may be written as an ordinary block
            self._enter_section(block.plain_text)
        elif SYNCED_ITEM.match(block.plain_text):
            self._synced_item = block.items[-1] if block.items else None
        elif self._section.is_note:
            self._add_note(block.plain_text, block)
        elif self._is_note_with_label(block):
            if self._is_in_passages(block) or self._is_linked_note(block, above):
                self._add_note(_get_labelled_note(block), block)
        elif self._is_in_passages(block) or _find_backlink(block) is not None:
            self._read_passage(block, above, below)

    def _enter_section(self, heading: str) -> None:
        self._section = _Section(heading)
        if not self._section.is_note:
            self._last_passage = None

    def _is_in_passages(self, block: Block) -> bool:
        """Return whether a block is in a section for passages."""
        return self._section.is_passage or self._is_in_highlights_section(block)

    def _is_note_with_label(self, block: Block) -> bool:
        """Return whether a block begins with a label such as `Note:`, and follows a passage."""
        if self._last_passage is None:
            return False
        text = block.plain_text
        return any(label.match(text) for label in (_NOTE_LABEL, _TAGS_LABEL))

    def _is_linked_note(self, block: Block, above: Block | None) -> bool:
        """Return whether a note outside sections for passages belongs to one that has a link."""
        if _find_backlink(block) is not None:
            return True
        return self._is_below_last_passage(block, above)

    def _is_below_last_passage(self, block: Block, above: Block | None) -> bool:
        passage = self._last_passage
        if passage is None:
            return False
        if passage.block.items and passage.block.items[-1] in block.items:
            return True
        return above is passage.last_block

    def _read_passage(
        self, block: Block, above: Block | None, below: Block | None
    ) -> None:
        """Read a block that may be a passage, a location below one, or a note on one."""
        location = _find_location(block)
        if location is None:
            if self._is_unlabelled_note(block, above, below):
                self._add_note(block.plain_text, block)
            elif self._is_passage(block):
                self._add_passage(block, len(block.plain_text), None)
                self._has_location = False
        elif location.is_alone:
            self._add_passage_above(block, above, location.label)
            self._add_note(location.below, block)
        elif self._is_passage_with_location(block):
            self._add_passage(block, location.start, location.label)
            self._has_location = True
            self._add_note(location.below, block)

    def _add_passage(self, block: Block, end: int, label: str | None) -> None:
        """Add a passage that begins with `block` and ends at offset `end`.

        Without a page label, the page comes from the heading above.
        """
        self._last_passage = _Passage(block, end, label or self._section.page)
        self.passages[block] = self._last_passage
        self._passage_items.update(block.items[-1:])

    def _is_in_synced_item(self, block: Block) -> bool:
        return self._synced_item in block.items[:-1]

    def _is_in_highlights_section(self, block: Block) -> bool:
        if self._is_in_synced_item(block):
            return True
        if self._section.is_metadata:
            return False
        return _is_below(block, _HIGHLIGHTS_HEADING)

    def _is_passage(self, block: Block) -> bool:
        """Return whether a block without a location is a passage because of its place.

        See `find_exported_passages` for these places.
        """
        if self._section.is_passage:
            return True
        if self._is_in_synced_item(block):
            return self._is_outermost_passage(block)
        if _is_nested_item(block):
            return False
        if block.quotes and block.kind is not BlockKind.TITLE:
            return self._has_metadata or _is_below(block, _HIGHLIGHTS_ONLY_HEADING)
        is_in_list = bool(block.items)
        return self._has_metadata and is_in_list

    def _is_passage_with_location(self, block: Block) -> bool:
        if self._section.is_passage:
            return True
        if self._is_in_synced_item(block):
            return self._is_outermost_passage(block)
        return not _is_nested_item(block)

    def _is_outermost_passage(self, block: Block) -> bool:
        """Return whether no passage is around a block, even below a heading in its list item."""
        return self._passage_items.isdisjoint(block.items[:-1])

    def _add_passage_above(
        self, block: Block, above: Block | None, label: str | None
    ) -> None:
        """Add the block above a location as a passage. If it already is one, set its page.

        `block` is the block with the location, `label` the page label in this block.
        """
        if above is None:
            return
        passage = self.passages.get(above)
        if passage:
            passage.page_label = passage.page_label or label
            self._last_passage = passage
            self._has_location = True
        elif above.can_contain_highlights and _get_section(above) == _get_section(block):
            self._add_passage(above, len(above.plain_text), label)
            self._has_location = True

    def _is_unlabelled_note(
        self, block: Block, above: Block | None, below: Block | None
    ) -> bool:
        """Return whether a block is a note on the last passage, directly below its location.

        It is a paragraph outside lists and quotes, or in the same list item as the passage.
        """
        last = self._last_passage
        if last is None or above is not last.last_block:
            return False
        if not self._has_location and not self._section.is_passage:
            return False
        if below and _LOCATION_AT_END.match(below.plain_text):
            return False  # it is a passage itself, whose location is the next block
        is_ordinary_paragraph = (
            block.kind is BlockKind.TEXT and _get_place(block) == _OUTSIDE_CONTAINERS
        )
        if is_ordinary_paragraph:
            return True
        return self._has_location and _get_place(block) == _get_place(last.block)

    def _add_note(self, text: str, block: Block) -> None:
        """Add a block with a note to the last passage. Ignore its text if empty or a duplicate."""
        if self._last_passage is None:
            return
        self._last_passage.note_blocks.append(block)
        if text.strip():
            self._last_passage.notes[text] = None


def _is_metadata_heading(block: Block) -> bool:
    return block.kind is BlockKind.HEADING and block.plain_text.casefold() == "metadata"


def _is_below(block: Block, heading_pattern: re.Pattern[str]) -> bool:
    """Return whether any heading above a block contains a match of a pattern."""
    titles = [heading.plain_text for heading in block.headings]
    return any(map(heading_pattern.search, titles))


def _is_nested_item(block: Block) -> bool:
    """Return whether a block is in an item of a list below the text of another item."""
    return len(block.items) > 1 and block.items[-2].first_block is not None


def _get_labelled_note(block: Block) -> str:
    """Return the text of a note after its label, without a location that is repeated there."""
    note = _NOTE_LABEL.match(block.plain_text)
    if note is None or note["words"] is None:
        return ""
    location = _find_location(block)
    if location and note.end() > location.start:
        return block.plain_text[note.start("words") : location.start]
    return note["words"]


_get_place = attrgetter("quotes", "items")
_OUTSIDE_CONTAINERS = ((), ())
_get_section = attrgetter("rule_count", "headings")


class _PassageLocation(NamedTuple):
    """The location of a passage in a block, such as `(Location 64)`."""

    start: int
    """The location's start offset in the plain text of the block."""
    label: str | None
    """The page label, or None if the location names no page."""
    below: str = ""
    """The text below the location, which is a note on the passage."""

    @property
    def is_alone(self) -> bool:
        """Whether no text is before the location, so that the passage is the block above."""
        return self.start == 0


def _find_location(block: Block) -> _PassageLocation | None:
    """Find the location at the end of a block, or of a line above a note, or return None."""
    location = _LOCATION_AT_END.search(block.plain_text)
    if location:
        return _PassageLocation(location.start(), location["label"])
    link_start = _find_backlink(block)
    if link_start is not None:
        return _PassageLocation(link_start, None)
    for location in _LOCATION_AT_LINE_END.finditer(block.plain_text):
        line_end = location.end() + 1
        if block.inline_text.is_line_end(line_end):
            below = block.plain_text[location.end() :].strip()
            return _PassageLocation(location.start(), location["label"], below)
    return None


def _find_backlink(block: Block) -> int | None:
    """Return the start offset of a link back to the source, or None if there is no such link.

    The link must be at the end of the block. Brackets and dashes before it count as part of it.
    """
    if not block.inline_text.link_targets:
        return None
    (start, end), url = block.inline_text.link_targets[-1]
    name = block.plain_text[start:end]
    if not _BACKLINK_URL.match(url) and not _BACKLINK_NAME.match(name):
        return None
    if not _AFTER_LINK.match(block.plain_text, end):
        return None
    prefix = _BEFORE_LINK.search(block.plain_text[:start])
    if prefix is None:
        return start
    return prefix.start()
