"""Passages that Readwise, KOReader, Kindle and reading lists keep in notes, under a heading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.markdown.blocks import Block

_ABOUT = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements)\b"
_SECTION = regex(rf"(?i){_ABOUT}")
_PLACE = (
    r"(?:locations?|loc\.?|pages?|position|pos\.?|seite|página|emplacement)"
    r"\s*:?\s*(?P<label>[\divxlc]+(?:[-–]\d+)?)"
)
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

    Under a heading such as “Highlights”, a paragraph, list item or quote is a passage if
    it ends with its place in the book (`(Location 64)`, `— location: 64`, `(View
    Highlight)`); where a heading “Metadata” stands in the note, any list item and quote
    is. No item within another one is. And text right below a heading that is a place
    (`Page 5 @ 21 May 2024`) is a passage.
    """
    from ankiforge.extract.markdown.blocks import Part

    headings = {id(block): block.plain for block in blocks if block.part is Part.HEADING}
    has_metadata = any(words.casefold() == "metadata" for words in headings.values())
    items = {block.path for block in blocks if block.part is Part.ITEM}
    without_passage = (Part.HEADING, Part.CODE, Part.CELL, Part.CARD)
    passages: dict[int, Kept] = {}
    last = -1  # the passage that a note below is about
    for index, block in enumerate(blocks):
        if block.part is Part.HEADING:
            last = -1
        if block.part in without_passage or not block.headings:
            continue
        above = [headings[id(heading)] for heading in block.headings]
        place = _AT_PLACE.match(above[-1])
        if not place and not _is_among_highlights(above):
            continue
        note = _NOTE.match(block.plain)
        if last >= 0 and (note or _TAGS.match(block.plain)):
            if note:
                passages[last] = _with_comment(passages[last], note["words"])
            continue
        end = _END.search(block.plain)
        ends_with_place = end is not None and end.start() > 0
        is_item = block.part is Part.ITEM or bool(block.quotes)
        is_one_of_a_list = has_metadata and is_item and block.part is not Part.TITLE
        is_inside_item = block.path[:-1] in items
        if place or ((is_one_of_a_list or ends_with_place) and not is_inside_item):
            label = (end and end["label"]) or (place and place["label"]) or ""
            passages[index] = Kept(end.start() if end else len(block.plain), label)
            last = index
    return passages


def _is_among_highlights(above: list[str]) -> bool:
    """Return whether the headings above a block say that passages stand there."""
    return any(map(_SECTION.search, above)) and above[-1].casefold() != "metadata"


def _with_comment(passage: Kept, comment: str) -> Kept:
    """Return a passage with one more comment below it."""
    comments = [passage.comment, comment] if passage.comment else [comment]
    return passage._replace(comment="\n".join(comments))
