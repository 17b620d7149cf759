"""Passages that Readwise, KOReader, Kindle and reading lists keep in notes, under a heading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.markdown.blocks import Block

_ABOUT = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements)\b"
_SECTION = regex(rf"(?i){_ABOUT}")
_PLACE = r"(?:locations?|loc\.?|pages?|position|pos\.?|seite|página|emplacement)\s*:?\s*(?P<label>[\divxlc]+(?:[-–]\d+)?)"
SIGN = regex(rf"(?im)^[ \t>]*#+[ \t]+.*(?:{_ABOUT}|{_PLACE})|^> \[!quote\] hinote$")
"""A heading above such passages, or a callout of HiNote."""
WHOLE = regex(
    r"(?ms)^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)|^> \[!quote\] HiNote$"
)
"""The headings of a note that a program wrote about a book, and a passage; or HiNote's."""
_END = regex(
    rf"(?i)\s*[—–-]?\s*[(\[]?\s*(?:{_PLACE}|view highlight|highlight link|[⤴↗🔗]\ufe0f?)\s*[)\]]?"
    r"(?:\s+#[\w/-]+)*\s*\Z"
)
_AT_PLACE = regex(rf"(?i){_PLACE}(?:\s*[@|(].*)?\Z")
_NOTE = regex(r"(?is)(?:my\s+)?notes?\s*:\s*(?P<words>.+)\Z")
_TAGS = regex(r"(?i)tags?\s*:")


class Kept(NamedTuple):
    """One passage."""

    end: int
    """Where its text ends in the plain text of its block."""
    label: str
    """The page or location, "" if unknown."""
    comment: str = ""


def kept(blocks: Sequence[Block]) -> dict[int, Kept]:
    """Return the passages that other programs keep in a note, by the index of their block.

    Under a heading such as “Highlights”, a paragraph, list item or quote is a passage if it ends
    with its place in the book (`(Location 64)`, `— location: 64`, `(View Highlight)`); where a
    heading “Metadata” stands in the note, any list item and quote is. No item within another one is.
    And text right below a heading that is a place (`Page 5 @ 21 May 2024`) is a passage.
    """
    from ankiforge.extract.markdown.blocks import Part

    headings = {id(one): one.plain for one in blocks if one.part is Part.HEADING}
    told = any(words.casefold() == "metadata" for words in headings.values())
    items = {one.path for one in blocks if one.part is Part.ITEM}
    found: dict[int, Kept] = {}
    last = -1
    for at, block in enumerate(blocks):
        if block.part in (Part.HEADING, Part.CODE, Part.CELL, Part.CARD) or not block.headings:
            last = -1 if block.part is Part.HEADING else last
            continue
        above = [headings[id(one)] for one in block.headings]
        place = _AT_PLACE.match(above[-1])
        about = not any(map(_SECTION.search, above)) or above[-1].casefold() == "metadata"
        if about and not place:
            continue
        note = _NOTE.match(block.plain)
        if last >= 0 and (note or _TAGS.match(block.plain)):
            comment = "\n".join(filter(None, (found[last].comment, note["words"] if note else "")))
            found[last] = found[last]._replace(comment=comment)
            continue
        end = _END.search(block.plain)
        alone = told and (block.part is Part.ITEM or block.quotes) and block.part is not Part.TITLE
        if place or ((alone or (end and end.start() > 0)) and block.path[:-1] not in items):
            label = (end and end["label"]) or (place and place["label"]) or ""
            found[at] = Kept(end.start() if end else len(block.plain), label)
            last = at
    return found
