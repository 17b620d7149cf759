"""Passages that other programs keep in notes.

Readwise, KOReader, Kindle and reading lists put them under a heading, HiNote into callouts.
"""

from __future__ import annotations

import re
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
SIGN = regex(rf"(?im)^[ \t>]*#+[ \t]+.*(?:{_ABOUT}|{_PLACE})|^> \[!quote\] hinote$")
"""A heading above such passages, or a callout of HiNote."""
WHOLE = regex(r"(?ms)^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)")
"""The headings of a note that a program wrote about a book, and a passage."""
_END = regex(
    rf"(?i)\s{{0,9}}[—–-]?\s{{0,9}}[(\[]?\s{{0,9}}"
    rf"(?:{_PLACE}|view highlight|highlight link|[⤴↗🔗]\ufe0f?)\s{{0,9}}[)\]]?"
    r"(?:\s+#[\w/-]+)*\s*\Z"
)
_AT_PLACE = regex(rf"(?i){_PLACE}(?:\s*[@|(].*)?\Z")
_NOTE = regex(r"(?is)(?:my\s+)?notes?\s*:\s*(?P<words>.+)\Z")
_TAGS = regex(r"(?i)tags?\s*:")
# The title of a callout of HiNote, and what one contains besides the passage: the note that it
# was taken from, and when a comment was written.
_HINOTE = "hinote"
_FROM = regex(r"From: \[\[")
_DATE = regex(r"\s{0,9}\d{4}[-/.]\d\d?[-/.]\d\d?[ T,]*\d\d?:\d\d(?::\d\d)?\s*\Z")


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
    Highlight)`); where the note has a heading “Metadata”, any list item and quote
    is. No item within another one is. And text right below a heading that is a place
    (`Page 5 @ 21 May 2024`) is a passage. So is text in a callout of HiNote
    (`> [!quote] HiNote`); the callouts within it are comments.
    """
    from ankiforge.extract.markdown.blocks import Part

    note = _Note(blocks)
    passages = _of_hinote(blocks)
    last = -1  # the passage that a comment below is about
    for index, block in enumerate(blocks):
        if block.part is Part.HEADING:
            last = -1
        if index in passages or not note.may_be_passage(block):
            continue
        above = note.headings_above(block)
        place = _AT_PLACE.match(above[-1])
        if not place and not _is_among_highlights(above):
            continue
        comment = _NOTE.match(block.plain)
        is_about_passage = comment or _TAGS.match(block.plain)
        if is_about_passage and last >= 0:
            if comment:
                passages[last] = _with_comment(passages[last], comment["words"])
            continue
        end = _END.search(block.plain)
        if not place and not note.is_passage(block, end):
            continue
        label = ""
        if end and end["label"]:
            label = end["label"]
        elif place:
            label = place["label"]
        length = end.start() if end else len(block.plain)
        passages[index] = Kept(length, label)
        last = index
    return passages


def _of_hinote(blocks: Sequence[Block]) -> dict[int, Kept]:
    """Return the passages in callouts of HiNote, by the index of their block."""
    from ankiforge.extract.markdown.blocks import Part

    passages: dict[int, Kept] = {}
    last: dict[
        int, int
    ] = {}  # the passage that a comment is about, by the number of the callout
    for index, block in enumerate(blocks):
        if not block.titles or block.part not in (Part.TEXT, Part.ITEM):
            continue
        if block.titles[0].plain.strip().casefold() != _HINOTE:
            continue
        is_comment = len(block.titles) > 1
        if not is_comment and not _FROM.match(block.source):
            passages[index] = Kept(len(block.plain), "")
            last[block.callout] = index
        elif is_comment and block.callout in last:
            passage = last[block.callout]
            comment = _DATE.sub("", block.plain)
            passages[passage] = _with_comment(passages[passage], comment)
    return passages


class _Note:
    """The blocks of a note, and what is known about all of them."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        from ankiforge.extract.markdown.blocks import Part

        self._parts = Part
        words: list[str] = []
        self._items: set[tuple[Span, ...]] = set()  # the paths of the list items
        for block in blocks:
            if block.part is Part.HEADING:
                words.append(block.plain.casefold())
            elif block.part is Part.ITEM:
                self._items.add(block.path)
        self._has_metadata = "metadata" in words

    def headings_above(self, block: Block) -> list[str]:
        """Return the words of the headings above a block, the innermost last."""
        return [heading.plain for heading in block.headings]

    def may_be_passage(self, block: Block) -> bool:
        """Return whether a block is text below a heading."""
        parts = self._parts
        other = (parts.HEADING, parts.CODE, parts.CELL, parts.CARD)
        return bool(block.headings) and block.part not in other

    def is_passage(self, block: Block, end: re.Match[str] | None) -> bool:
        """Return whether a block under a heading “Highlights” is a passage.

        `end` is its place in the book, if it names one.
        """
        is_inside_item = block.path[:-1] in self._items
        if is_inside_item:
            return False
        if end and end.start() > 0:
            return True
        is_item = block.part is self._parts.ITEM or bool(block.quotes)
        return self._has_metadata and is_item and block.part is not self._parts.TITLE


def _is_among_highlights(above: list[str]) -> bool:
    """Return whether the headings above a block say that there are passages below."""
    is_in_section = any(_SECTION.search(heading) for heading in above)
    return is_in_section and above[-1].casefold() != "metadata"


def _with_comment(passage: Kept, comment: str) -> Kept:
    """Return a passage with one more comment below it."""
    comments = [passage.comment, comment] if passage.comment else [comment]
    return passage._replace(comment="\n".join(comments))
