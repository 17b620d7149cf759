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
SIGN = regex(rf"(?im)^[ \t>]*+#++[ \t]++.*(?:{_ABOUT}|{_PLACE})")
"""A heading above such passages."""
WHOLE = regex(r"(?ms)^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)")
"""The headings of a note that a program wrote about a book, and a passage."""
_END = regex(
    rf"(?i)\s{{0,9}}+[—–-]?+\s{{0,9}}+[(\[]?+\s{{0,9}}+"
    rf"(?:{_PLACE}|view highlight|highlight link|[⤴↗🔗]\ufe0f?)\s{{0,9}}[)\]]?"
    r"(?:\s++#[\w/-]++)*+\s*+\Z"
)
_AT_PLACE = regex(rf"(?i){_PLACE}(?:\s*[@|(].*)?\Z")
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
    Highlight)`); where the note has a heading “Metadata”, any list item and quote
    is. No item within another one is. And text right below a heading that is a place
    (`Page 5 @ 21 May 2024`) is a passage.
    """
    from ankiforge.extract.markdown.blocks import BlockKind

    has_metadata = False
    items: set[tuple[Span, ...]] = set()
    """The paths of the list items."""
    for block in blocks:
        if block.part is BlockKind.HEADING:
            has_metadata = has_metadata or block.plain.casefold() == "metadata"
        elif block.part is BlockKind.ITEM:
            items.add(block.path)

    passages: dict[int, KeptPassage] = {}
    last = -1  # the passage that a comment below is about
    for index, block in enumerate(blocks):
        if block.part is BlockKind.HEADING:
            last = -1
        is_text = block.part in (BlockKind.TEXT, BlockKind.ITEM, BlockKind.TITLE)
        if not is_text or not block.headings:
            continue
        above = [heading.plain for heading in block.headings]
        place = _AT_PLACE.match(above[-1])
        is_among_highlights = any(map(_SECTION.search, above))
        if not place and (not is_among_highlights or above[-1].casefold() == "metadata"):
            continue
        # a comment is about the passage above it
        comment = _NOTE.match(block.plain)
        if last >= 0 and (comment or _TAGS.match(block.plain)):
            if comment:
                comments = filter(None, (passages[last].comment, comment["words"]))
                passages[last] = passages[last]._replace(comment="\n".join(comments))
            continue
        end = _END.search(block.plain)
        if not place:
            names_place = end is not None and end.start() > 0
            is_item = block.part is BlockKind.ITEM or (
                block.quotes and block.part is not BlockKind.TITLE
            )
            is_inside_item = block.path[:-1] in items
            if is_inside_item or not (names_place or (has_metadata and is_item)):
                continue
        label = ""
        if end and end["label"]:
            label = end["label"]
        elif place:
            label = place["label"]
        passages[index] = KeptPassage(end.start() if end else len(block.plain), label)
        last = index
    return passages
