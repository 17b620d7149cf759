"""Passages that other programs keep in notes.

Readwise, KOReader, Kindle and reading lists put them under a heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.model import Span
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.markdown.blocks import Block

_ABOUT = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements)\b"
_SECTION = regex(rf"(?i){_ABOUT}")
_PLACE = (
    r"(?:locations?|loc\.?|pages?|position|pos\.?|seite|página|emplacement)"
    r"\s{0,9}:?\s{0,9}(?P<label>[\divxlc]+(?:[-–]\d+)?)"
)
# `Highlight (yellow) - Page 42 · Location 2000`: what stands before the place.
_MARK = r"(?:highlight|markierung|surlignement)\b.{0,80}?"
SIGN = regex(
    rf"(?im)^[ \t>]*+(?:#++[ \t]++.*(?:{_ABOUT}|{_PLACE})"
    rf"|[*_]*{_MARK}(?:location|loc|page|seite|position|pos)\b[^\n]{{1,20}}$)"
)
"""A heading above such passages."""
WHOLE = regex(r"(?ms)^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)")
"""The headings of a note that a program wrote about a book, and a passage."""
_PLACED = (
    rf"(?i)\s{{0,9}}+[—–-]?+\s{{0,9}}+[(\[]?+\s{{0,9}}+"
    rf"(?:{_PLACE}|view highlight|highlight link|[⤴↗🔗]\ufe0f?)\s{{0,9}}[)\]]?"
    r"(?:\s++#[\w/-]++)*+"
)
_END = regex(rf"{_PLACED}\s*+\Z")
# A place at the end of a line, with the reader's note in the next one.
_END_OF_LINE = regex(rf"{_PLACED}(?:\s\^(?P<id>[A-Za-z0-9-]+))?(?=\s)")
_AT_PLACE = regex(rf"(?i)(?:{_MARK})?{_PLACE}(?:\s*[@|(].*)?\Z")
_LINE_AT_PLACE = regex(
    rf"(?i)(?:(?:highlight|markierung|surlignement|note|notiz)\b.{{0,80}}?{_PLACE})\Z"
)
_FEWEST_WORDS = 4
"""Words of a heading that is a passage."""
_NOTE_AT_PLACE = regex(rf"(?i)(?:note|notiz)\b.{{0,80}}?{_PLACE}\s*\Z")
_NOTE = regex(r"(?is)(?:my\s+)?notes?\s*:\s*(?P<words>.+)\Z")
_TAGS = regex(r"(?i)tags?\s*:")


class KeptPassage(NamedTuple):
    """One passage."""

    end: int
    """Where its text ends in the plain text of its block."""
    label: str
    """The page or location, "" if unknown."""
    comment: str = ""


def kept(blocks: Sequence[Block]) -> dict[int, KeptPassage]:
    """Return the passages that other programs keep in a note, by the index of their block.

    Under a heading such as “Highlights”, a paragraph, list item or quote is a passage if
    it ends with its place in the book (`(Location 64)`, `— location: 64`, `(View
    Highlight)`), or if that stands alone below it; where the note has a heading “Metadata”,
    any list item and quote is. No item within another one is. And text right below a heading
    that is a place (`Page 5 @ 21 May 2024`, `Highlight (yellow) - Location 64`) is a passage.

    The reader's note begins with `Note:`, stands in the lines right below the place, or
    below a heading `Note - Location 64`.
    """
    from ankiforge.extract.markdown.blocks import BlockKind

    reader = _Reader(blocks)
    for index, block in enumerate(blocks):
        if block.part is BlockKind.HEADING:
            reader.above = block.plain
            if not _NOTE_AT_PLACE.match(block.plain):
                reader.last = -1
        elif block.part in (BlockKind.TEXT, BlockKind.ITEM, BlockKind.TITLE):
            if _LINE_AT_PLACE.match(block.plain):
                reader.above = (
                    block.plain
                )  # it is written as a quote, and means a heading
            elif reader.above:
                reader.read(index, block)
    return reader.passages


class _Reader:
    """Reads the passages of a note, and the notes about them."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        from ankiforge.extract.markdown.blocks import BlockKind

        self._blocks = blocks
        self._is_title = BlockKind.TITLE
        self._has_metadata = False
        self._items: set[tuple[Span, ...]] = set()
        """The paths of the list items."""
        for block in blocks:
            if block.part is BlockKind.HEADING and block.plain.casefold() == "metadata":
                self._has_metadata = True
            if block.part is BlockKind.ITEM:
                self._items.add(block.path)
        self.passages: dict[int, KeptPassage] = {}
        self.last = -1
        """The passage that a note below is about; -1 = none."""
        self.above = ""
        """The heading above, or a line that means one; "" = none."""
        self._below = -1
        """The block right below the last passage and its place, if that was named."""

    def read(self, index: int, block: Block) -> None:
        """Read a block below a heading: a passage, its place, a note about it, or neither."""
        at_place = _AT_PLACE.match(self.above)
        if _NOTE_AT_PLACE.match(self.above):
            self._comment(block.plain)
            return
        is_among_highlights = any(
            _SECTION.search(above.plain) for above in block.headings
        )
        is_metadata = self.above.casefold() == "metadata"
        if not at_place and (not is_among_highlights or is_metadata):
            return

        # a note about the passage above
        note = _NOTE.match(block.plain)
        if self.last >= 0 and (note or _TAGS.match(block.plain)):
            self._comment(note["words"] if note else "")
            return
        # its place, which may end a line before the last one: the next lines are a note
        end = _END.search(block.plain)
        below = ""
        for line_end in _END_OF_LINE.finditer(block.plain) if not end else ():
            if block.inline.breaks(line_end.end() + 1):
                end = line_end
                below = block.plain[line_end.end() :].strip()
                # an id there counts as if it stood at the end of its block
                block.id = block.id or line_end["id"] or ""
                break
        if end and end.start() == 0:
            self._place_of_block_above(index, block, end["label"] or "")
            self._comment(below)
            return
        if self._is_note_below(index, block, names_place=end is not None):
            self._comment(block.plain)
            return

        # a passage
        if not (at_place or self._is_passage(block, names_place=end is not None)):
            return
        label = (end["label"] if end else "") or (at_place["label"] if at_place else "")
        passage_end = end.start() if end else len(block.plain)
        self.passages[index] = KeptPassage(passage_end, label or "")
        self.last = index
        self._below = index + 1 if end else -1
        self._comment(below)

    def _is_passage(self, block: Block, *, names_place: bool) -> bool:
        """Return whether a block among highlights is a passage."""
        if block.path[:-1] in self._items:
            return False
        is_item = block.path or (block.quotes and block.part is not self._is_title)
        return names_place or (self._has_metadata and bool(is_item))

    def _place_of_block_above(self, index: int, block: Block, label: str) -> None:
        """Make a passage of the paragraph above a place that stands alone."""
        above = self._blocks[index - 1] if index else block
        is_heading = block.headings[-1:] == (above,)
        is_text = above.headings == block.headings
        if is_heading and not _SECTION.search(above.plain):
            is_text = len(above.plain.split()) >= _FEWEST_WORDS
        if index - 1 in self.passages:
            passage = self.passages[index - 1]
            self.passages[index - 1] = passage._replace(label=passage.label or label)
        elif is_text and above.rules == block.rules and above.is_text:
            self.passages[index - 1] = KeptPassage(len(above.plain), label)
        else:
            return
        self.last = index - 1
        self._below = index + 1

    def _is_note_below(self, index: int, block: Block, *, names_place: bool) -> bool:
        """Return whether a block is the note in the lines right below a place."""
        if index != self._below or names_place:
            return False
        passage = self._blocks[self.last]
        is_beside = (block.rules, block.quotes, block.path) == (
            passage.rules,
            passage.quotes,
            passage.path,
        )
        following = self._blocks[index + 1 : index + 2]
        return is_beside and not any(_END.match(below.plain) for below in following)

    def _comment(self, words: str) -> None:
        """Add to the note about the last passage."""
        if self.last >= 0 and words:
            passage = self.passages[self.last]
            comments = filter(None, (passage.comment, words))
            self.passages[self.last] = passage._replace(comment="\n".join(comments))
