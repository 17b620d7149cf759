"""Highlights that other programs keep in notes: Readwise, KOReader, Kindle and reading lists.

Two rules read them all. Under a heading such as “Highlights”, a paragraph, list item or quote is a
passage if it ends with its place in the book (`(Location 64)`, `— location: 64`, `(View Highlight)`);
where a heading “Metadata” stands in the note, any list item and quote is. And text right below a heading that is a place (`Page 5 @ 21 May 2024`) is a passage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.model import Span

_SECTION = re.compile(
    r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements)\b", re.I
)
_PLACE = r"(?:locations?|loc\.?|pages?|position|pos\.?|seite|página|emplacement)\s*:?\s*(?P<label>[\divxlc]+(?:[-–]\d+)?)"
_END = re.compile(
    rf"\s*[—–-]?\s*[(\[]?\s*(?:{_PLACE}|view highlight|highlight link|[⤴↗🔗]\ufe0f?)\s*[)\]]?"
    r"(?:\s+#[\w/-]+)*\s*\Z",
    re.IGNORECASE,
)
_HEADING = re.compile(rf"{_PLACE}(?:\s*[@|(].*)?\Z", re.IGNORECASE)
_NOTE = re.compile(r"(?:my\s+)?notes?\s*:\s*(?P<words>.+)\Z", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"tags?\s*:", re.IGNORECASE)


class Kept(NamedTuple):
    """One passage."""

    span: Span
    """In the plain text of its block."""
    label: str
    """The page or location, "" if unknown."""
    comment: str = ""
    covers: tuple[int, ...] = ()
    """The indices of the blocks with the reader's notes on it."""


def kept(blocks: Sequence[Block]) -> dict[int, Kept]:
    """Return the passages of a note, by the index of their block."""
    found: dict[int, Kept] = {}
    last = -1
    told = any(one.part is Part.HEADING and one.plain.casefold() == "metadata" for one in blocks)
    for at, block in enumerate(blocks):
        if block.part in (Part.HEADING, Part.CODE, Part.CELL, Part.CARD) or not block.headings:
            last = -1 if block.part is Part.HEADING else last
            continue
        note = _NOTE.match(block.plain)
        if last >= 0 and (note or _TAGS.match(block.plain)):
            one, words = found[last], note["words"] if note else ""
            comment = "\n".join(filter(None, (one.comment, words)))
            found[last] = one._replace(comment=comment, covers=(*one.covers, at))
            continue
        place = _HEADING.match(block.headings[-1])
        if not place and not any(_SECTION.search(heading) for heading in block.headings):
            continue
        end = _END.search(block.plain)
        alone = told and (block.part is Part.ITEM or block.quotes) and block.part is not Part.TITLE
        if place or ((alone or (end and end.start() > 0)) and len(block.path) < 2):
            label = (end and end["label"]) or (place and place["label"]) or ""
            found[at] = Kept((0, end.start() if end else len(block.plain)), label)
            last = at
    return found
