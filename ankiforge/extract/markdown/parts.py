"""A document of several texts in Markdown: the cards of a canvas, the cells of a notebook.

Each part is cut into blocks by itself, so that a fence or a comment that one part leaves open
does not swallow the next one. Only its own text counts as what surrounds its highlights.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ankiforge.extract.markdown import (
    Note,
    NoteSource,
    document_of,
    parsed_note,
)
from ankiforge.extract.markdown.doubts import doubt_in
from ankiforge.extract.markdown.overlooked import may_be_overlooked
from ankiforge.model import (
    Document,
    Highlight,
    LeftOut,
    Sighting,
    hints,
)
from ankiforge.text import regex
from ankiforge.text.passages import numbered, percent
from ankiforge.text.private import names_tag

if TYPE_CHECKING:
    from ankiforge.extract.markdown.blocks import Block, Headings

# An id of a part that may be part of a key.
_ID = regex(r"[\x21-\x7e]{1,64}")
# The lines of a heading that is above another part, and not in that part.
_ELSEWHERE = (-1, -1)


class Part(NamedTuple):
    """One text of a document."""

    text: str
    """Markdown with LF line ends."""
    id: str = ""
    """Its id in the file; "" if it has none."""
    private: bool = False
    """Whether all of it must stay on this machine, whatever its text says."""


class Parts(NamedTuple):
    """All texts of a document, in reading order."""

    document: Document
    parts: Sequence[Part]
    marks: frozenset[str]
    """The kinds of marks to read."""
    apart: bool
    """Whether each part is a note of its own: its tags are about itself, and no heading of an
    earlier part is above it."""
    doubt: str = ""
    """What in the file looks like the tag, if that is in no part."""


def read_parts(
    source: NoteSource,
    parts: Parts,
    picture: Callable[[str], str],
) -> Iterator[Sighting]:
    """Yield a document of several texts, unless there is nothing to read in it.

    Args:
        source: the source that it is part of.
        parts: the texts, and what they have in common.
        picture: returns the path of a picture by its name in the text.
    """
    text = "\n\n".join([part.text for part in parts.parts])
    all_of_it = Note(text, parts.document, parts.marks)
    doubts = filter(None, (doubt_in(part.text) for part in parts.parts))
    doubt = parts.doubt or next(doubts, "")
    may_be_private = bool(names_tag(text) or parts.document.private or doubt)
    if not (source.may_hold(all_of_it) or may_be_private or may_be_overlooked(text)):
        return
    ids = Counter([part.id for part in parts.parts])
    document = parts.document  # what is known about it so far
    above: Headings = ()
    highlights: list[Highlight] = []
    left_out: list[LeftOut] = []
    blocks: list[Block] = []
    for number, part in enumerate(parts.parts):
        note = Note(part.text, document, parts.marks, above=above)
        parsed = parsed_note(note, picture, may_hold=True, may_be_private=True)
        assert parsed is not None
        if part.private or (parts.apart and parsed.why_private):
            for block in parsed.blocks.blocks:
                block.private = True
        blocks += parsed.blocks.blocks
        with_part = document_of(note, parsed)
        if parts.apart:
            document = replace(document, identifiers=with_part.identifiers)
        else:
            document = with_part
            above = tuple(
                (level, dataclasses.replace(heading, lines=_ELSEWHERE))
                for level, heading in parsed.blocks.headings
            )

        reader = source.reader_of(parsed, document, note.marks)
        in_part = reader.highlights(parsed.body, parsed.front)
        for each in reader.left_out(note.text, parsed.front.lines):
            place = f"part {number + 1}, {each.place}"
            left_out.append(replace(each, place=place))
        # the id of a part that holds one highlight is that of the highlight
        is_only_one = len(in_part) == 1 and ids[part.id] == 1
        own_id = ""
        if is_only_one and _ID.fullmatch(part.id):
            own_id = hints.block_id(percent(part.id))
        for highlight in in_part:
            tags = highlight.tags
            if parts.apart:
                tags = tuple(dict.fromkeys((*tags, *parsed.blocks.tags)))
            placed = replace(
                highlight,
                own=own_id or highlight.own,
                block=f"{number}.{highlight.block}",
                uri=document.uri,
                tags=tags,
            )
            highlights.append(placed)
    with_document = [replace(highlight, document=document) for highlight in highlights]
    yield from source.sightings(
        document, tuple(numbered(with_document)), blocks, text, tuple(left_out), doubt
    )
