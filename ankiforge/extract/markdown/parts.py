"""A document of several texts in Markdown: the cards of a canvas, the cells of a notebook.

Each part is cut into blocks by itself, so that a fence or a comment that one part leaves open
does not swallow the next one. Only its own text counts as what surrounds its highlights.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ankiforge.extract.markdown import (
    Note,
    NoteSource,
    Parsed,
    document_of,
    parsed_note,
    private_passages,
    public_text_of,
)
from ankiforge.extract.markdown.doubts import doubt_in
from ankiforge.extract.markdown.overlooked import may_be_overlooked
from ankiforge.model import (
    Document,
    Highlight,
    LateText,
    LeftOut,
    Sighting,
    Strings,
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
    reader = _PartsReader(source, parts, picture)
    for number, part in enumerate(parts.parts):
        reader.read(number, part)
    document = reader.document
    with_document = [
        replace(highlight, document=document) for highlight in reader.highlights
    ]
    blocks = reader.blocks
    yield from source.sightings(
        document,
        tuple(numbered(with_document)),
        text,
        private_passages(document, blocks, text),
        LateText(partial(public_text_of, document, blocks, text)),
        tuple(reader.left_out),
        doubt,
    )


class _PartsReader:
    """Reads the parts of one document, one after the other."""

    def __init__(
        self,
        source: NoteSource,
        whole: Parts,
        picture: Callable[[str], str],
    ) -> None:
        self._source = source
        self._whole = whole
        self._picture = picture
        self._ids = Counter([part.id for part in whole.parts])
        self._above: Headings = ()
        self.document = whole.document
        """What is known about the document so far."""
        self.highlights: list[Highlight] = []
        self.left_out: list[LeftOut] = []
        self.blocks: list[Block] = []

    def read(self, number: int, part: Part) -> None:
        """Read the next part, the one with this number."""
        note = Note(part.text, self.document, self._whole.marks, above=self._above)
        parsed = parsed_note(note, self._picture, may_hold=True, may_be_private=True)
        if parsed is None:
            return
        if part.private or (self._whole.apart and parsed.why_private):
            for block in parsed.blocks.blocks:
                block.private = True
        if self._whole.apart:
            highlights = self._read_apart(number, note, parsed)
        else:
            highlights = self._read_on(number, note, parsed)
        self.blocks += parsed.blocks.blocks
        own_id = self._own_id(part, highlights)
        for highlight in highlights:
            placed = replace(
                highlight,
                own=own_id or highlight.own,
                block=f"{number}.{highlight.block}",
                uri=self.document.uri,
            )
            self.highlights.append(placed)

    def _read_apart(self, number: int, note: Note, parsed: Parsed) -> list[Highlight]:
        """Return the highlights of a part that is a note of its own, with its tags."""
        cited = document_of(note, parsed).identifiers
        self.document = replace(self.document, identifiers=cited)
        highlights = self._highlights_in(number, note, parsed)
        tags = parsed.blocks.tags
        tagged = []
        for highlight in highlights:
            tagged.append(replace(highlight, tags=_united(highlight.tags, tags)))
        return tagged

    def _read_on(self, number: int, note: Note, parsed: Parsed) -> list[Highlight]:
        """Return the highlights of a part that continues the part before it."""
        self.document = document_of(note, parsed)
        above: list[tuple[int, Block]] = []
        for level, heading in parsed.blocks.headings:
            above.append((level, dataclasses.replace(heading, lines=_ELSEWHERE)))
        self._above = tuple(above)
        return self._highlights_in(number, note, parsed)

    def _highlights_in(self, number: int, note: Note, parsed: Parsed) -> list[Highlight]:
        """Return the highlights of a part, and note what is left out of it."""
        reader = self._source.reader_of(parsed, self.document, note.marks)
        highlights = reader.highlights(parsed.body, parsed.front)
        lines = parsed.front.lines
        for each in reader.left_out(note.text, lines, fields=parsed.reads_fields):
            place = f"part {number + 1}, {each.place}"
            self.left_out.append(replace(each, place=place))
        return list(highlights)

    def _own_id(self, part: Part, highlights: Sequence[Highlight]) -> str:
        """Return the id of a part that holds one highlight, "" if it cannot be part of a key."""
        is_only_one = len(highlights) == 1 and self._ids[part.id] == 1
        if is_only_one and _ID.fullmatch(part.id):
            return hints.block_id(percent(part.id))
        return ""


def _united(tags: Strings, more: Strings) -> Strings:
    return tuple(dict.fromkeys((*tags, *more)))
