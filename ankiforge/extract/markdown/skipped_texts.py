"""Find text in a note that resembles a highlight or card but was skipped.

A lookalike outside the blocks of highlights is one entry: a line on which `syntaxes.LOOKALIKE`
matches, or a card of another tool, which is recognised by what the tool writes next to it, such as
the id of a note in Anki. The command `list --no-card --all` shows all of these.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from ankiforge.extract.markdown import KindsToRead
from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
)
from ankiforge.extract.markdown.surroundings import PlacedHighlight
from ankiforge.extract.markdown.syntaxes import (
    FORM_BY_KEY,
    LOOKALIKE,
    TERM_LIST,
    TOOL_FORMS,
    NoteSyntax,
)
from ankiforge.model import CARD_IN_HEADING, CODE_AND_MATHS, SkippedText
from ankiforge.text import contains_any, regex
from ankiforge.text.normalize import split_at_literal_spans

_TOOL_SIGNS = [(tool, regex(tool.sign)) for tool in TOOL_FORMS]
_CODE_REASON = "marks and cards are not read in code and maths"
_HIDDEN_REASON = (
    "it is in a comment, a field, the front matter, a template or the URL of a link"
)
# The properties that Logseq itself writes below a block.
_LOGSEQ_OWN_PROPERTY = regex(r"[ \t]*(?:id|collapsed|ls-type|logseq\.[\w.-]+)::")
# The start of a line such as `::: {.callout-note}`, or with a shortcode of Hugo or Jekyll.
_START_OF_BLOCK_MARKUP = regex(r"[ \t>]*(?::{3}|\{\{[%<]|\{%)")
_TERM_LIST_NAME = "list of `Term: meaning`"
_TERM_REASON = (
    "its lines are cards only below a heading such as `Glossary` or `Definitions`"
)
_HEADING_REASON = "a heading cannot be a card: write it on a line of text, or in a list"


def is_note_of_other_tool(text: str) -> bool:
    """Return whether a note belongs entirely to another tool, so that none of it is read."""
    for tool, sign in _TOOL_SIGNS:
        if tool.covers_note and contains_any(f"\n{text}", tool.literals):
            if sign.search(text):
                return True
    return False


class _Lookalike(NamedTuple):
    """Lines that resemble a highlight or card, and the entry that says why they are neither."""

    lines: range
    """The numbers of the lines, counted from 0."""
    entry: SkippedText

    def is_among(self, lines: Container[int]) -> bool:
        """Return whether any of the lines is one of `lines`."""
        return any(number in lines for number in self.lines)


def find_skipped_texts(
    text: str,
    note: NoteBlocks,
    highlights: Iterable[PlacedHighlight],
    kinds: KindsToRead,
) -> Iterator[SkippedText]:
    """Yield text that resembles a highlight or card but became neither, with the reason.

    All lines in code or maths are a single entry.

    Args:
        text: The note including its front matter.
        note: The blocks of the note.
        highlights: The highlights of the note.
        kinds: The kinds of highlights and cards to read.
    """
    read_blocks: set[Block] = set()
    for placed in highlights:
        read_blocks.update(placed.get_blocks(note.blocks))
    read_lines = _get_lines(read_blocks)

    # cards in the formats of other tools, which write the id of a card below it
    lines_below = {block.lines[1] for block in read_blocks}
    for card in _iter_unread_cards(text):
        if not card.is_among(read_lines | lines_below):
            yield card.entry

    # lines with the signs of a mark or card
    code_lines: list[int] = []
    for lookalike in _iter_lookalike_lines(text, note, kinds.marks | kinds.cards):
        if lookalike.is_among(read_lines):
            continue
        if lookalike.entry.apparent_syntax == CODE_AND_MATHS:
            code_lines += lookalike.lines
        else:
            yield lookalike.entry
    if code_lines:
        location = _format_line_numbers(code_lines)
        yield SkippedText(CODE_AND_MATHS, location, _CODE_REASON)


def find_unread_cards(text: str) -> list[SkippedText]:
    """Find the cards that aren't read, in a note that is unparsed because it has no others.

    These are cards in the formats of other tools, and lists of terms without the heading of a
    glossary.
    """
    return [card.entry for card in _iter_unread_cards(text)]


# --- lines with the signs of a mark or card -------------------------------------------


def _iter_lookalike_lines(
    text: str, note: NoteBlocks, selected: Container[str]
) -> Iterator[_Lookalike]:
    """Yield each line of a note that resembles one of the selected syntaxes."""
    block_kinds: dict[int, BlockKind] = {}
    for block in note.blocks:
        if block.kind in (BlockKind.CODE, BlockKind.HEADING):
            block_kinds.update(dict.fromkeys(range(*block.lines), block.kind))
    # the body of a note without text after its front matter has one line more
    lines = zip(text.split("\n"), note.source.split("\n"), strict=False)
    for number, (line, masked_line) in enumerate(lines):
        if _find_lookalike(line, selected) is None:
            continue
        description = _describe_lookalike(
            line, masked_line, block_kinds.get(number), selected
        )
        if description:
            entry = SkippedText(
                description.syntax, f"line {number + 1}", description.reason
            )
            yield _Lookalike(range(number, number + 1), entry)


class _Description(NamedTuple):
    """What a line seems to be, and why it isn't read as such."""

    syntax: str
    reason: str


def _describe_lookalike(
    line: str, masked_line: str, kind: BlockKind | None, selected: Container[str]
) -> _Description | None:
    """Describe a line that resembles a mark or card, or return None if it is markup of a program.

    Args:
        line: The line as written in the note.
        masked_line: The line with placeholders for comments, fields and maths.
        kind: Whether the line is in a heading or code, or None for all other kinds of blocks.
        selected: The syntaxes that are read.
    """
    if _LOGSEQ_OWN_PROPERTY.match(line):
        return None
    if _START_OF_BLOCK_MARKUP.match(line) and _is_hidden(masked_line):
        return None
    form = _find_lookalike(_remove_code(line), selected)
    if form is None or kind is BlockKind.CODE or _has_maths(masked_line):
        return _Description(CODE_AND_MATHS, _CODE_REASON)
    if form.key == "line" and kind is BlockKind.HEADING:
        return _Description(CARD_IN_HEADING, _HEADING_REASON)
    if _find_lookalike(masked_line, selected):
        return _Description(form.name, form.reason)
    if form.key == "html":
        return None  # a template writes `<mark>Quote</mark>` above a quote
    return _Description(form.name, _HIDDEN_REASON)


def _is_hidden(masked_line: str) -> bool:
    """Return whether nothing of a line is shown."""
    return not masked_line.strip(f" \t>{COMMENT_FILLER}")


def _find_lookalike(text: str, selected: Container[str]) -> NoteSyntax | None:
    """Return the first of the selected syntaxes that a part of a line resembles, or None."""
    for match in LOOKALIKE.finditer(text):
        form = FORM_BY_KEY[str(match.lastgroup)]
        if form.value in selected:
            return form
    return None


def _remove_code(line: str) -> str:
    """Remove code, maths and URLs from a line, but not escaped characters."""
    parts = []
    for before, literal, kind in split_at_literal_spans(line):
        parts.append(before)
        if kind == "escape":
            parts.append(literal)
    return "".join(parts)


def _has_maths(masked_line: str) -> bool:
    return MATHS_DELIMITER in masked_line or MATHS_CONTINUATION in masked_line


def _get_lines(blocks: Iterable[Block]) -> set[int]:
    return {line for block in blocks for line in range(*block.lines)}


# --- cards that aren't read in any note -----------------------------------------------


def _iter_unread_cards(text: str) -> Iterator[_Lookalike]:
    for tool, sign in _TOOL_SIGNS:
        if not contains_any(f"\n{text}", tool.literals):
            continue
        for match in sign.finditer(text):
            lines = _get_lines_of_match(match)
            location = _format_line_numbers(lines[:1])
            yield _Lookalike(lines, SkippedText(tool.name, location, tool.reason))
    for terms in TERM_LIST.finditer(text):
        lines = _get_lines_of_match(terms)
        location = _format_line_numbers(lines)
        yield _Lookalike(lines, SkippedText(_TERM_LIST_NAME, location, _TERM_REASON))


def _get_lines_of_match(match: re.Match[str]) -> range:
    first = match.string.count("\n", 0, match.start())
    return range(first, first + match[0].rstrip("\n").count("\n") + 1)


def _format_line_numbers(numbers: Iterable[int]) -> str:
    """Format zero-based line numbers for display, counting from 1, e.g. `lines 1-3, 7`."""
    distinct = sorted({number + 1 for number in numbers})
    if len(distinct) == 1:
        return f"line {distinct[0]}"
    spans = []
    # consecutive numbers have the same difference to their index
    for _, pairs in groupby(enumerate(distinct), lambda pair: pair[1] - pair[0]):
        (_, first), *others = pairs
        if others:
            _, last = others[-1]
            spans.append(f"{first}-{last}")
        else:
            spans.append(str(first))
    return f"lines {', '.join(spans)}"
