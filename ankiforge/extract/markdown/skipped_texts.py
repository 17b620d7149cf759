"""Find text in a note that resembles a highlight or card but was skipped.

Each line outside the blocks of highlights on which `syntaxes.LOOKALIKE` matches is one entry.
Cards of other tools are recognised by what the tool writes next to them, such as the id of a note
in Anki. The command `list --no-card --all` shows all of these.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from itertools import groupby

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


def find_skipped_texts(
    text: str,
    note: NoteBlocks,
    highlights: Iterable[PlacedHighlight],
    kinds: KindsToRead,
) -> Iterator[SkippedText]:
    """Yield text that resembles a highlight or card but became neither, with the reason.

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
    lines_below = {block.lines[1] for block in read_blocks}
    yield from find_unread_cards(text, read_lines | lines_below)

    selected = kinds.marks | kinds.cards
    code_blocks = [block for block in note.blocks if block.kind is BlockKind.CODE]
    headings = [block for block in note.blocks if block.kind is BlockKind.HEADING]
    lines_in_code_blocks = _get_lines(code_blocks)
    heading_lines = _get_lines(headings)
    lines_in_code: list[int] = []
    # the body of a note without text after its front matter has one line more
    lines = zip(text.split("\n"), note.source.split("\n"), strict=False)
    for number, (line, masked_line) in enumerate(lines):
        if number in read_lines or _LOGSEQ_OWN_PROPERTY.match(line):
            continue
        if _START_OF_BLOCK_MARKUP.match(line) and _is_hidden(masked_line):
            continue
        if _find_lookalike(line, selected) is None:
            continue
        form = _find_lookalike(_remove_code(line), selected)
        if form is None or number in lines_in_code_blocks or _has_maths(masked_line):
            lines_in_code.append(number)
        elif form.key == "line" and number in heading_lines:
            yield SkippedText(CARD_IN_HEADING, f"line {number + 1}", _HEADING_REASON)
        elif _find_lookalike(masked_line, selected) is not None:
            yield SkippedText(form.name, f"line {number + 1}", form.reason)
        elif (
            form.key != "html"
        ):  # the label that a template writes above a quote is hidden
            yield SkippedText(form.name, f"line {number + 1}", _HIDDEN_REASON)
    if lines_in_code:
        location = _format_line_numbers(lines_in_code)
        yield SkippedText(CODE_AND_MATHS, location, _CODE_REASON)


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


def find_unread_cards(
    text: str, read_lines: Container[int] = ()
) -> Iterator[SkippedText]:
    """Yield an entry for each card that isn't read, in a note that may be unparsed otherwise.

    These are cards in the formats of other tools, and lists of terms without the heading of a
    glossary.

    Args:
        text: The text of the note.
        read_lines: The lines of all highlights, and the line below each of them, on which tools
            write their ids.
    """
    for tool, sign in _TOOL_SIGNS:
        if not contains_any(f"\n{text}", tool.literals):
            continue
        for match in sign.finditer(text):
            lines = _get_lines_of_match(match)
            if not any(number in read_lines for number in lines):
                yield SkippedText(tool.name, f"line {lines[0] + 1}", tool.reason)
    for terms in TERM_LIST.finditer(text):
        lines = _get_lines_of_match(terms)
        if not any(number in read_lines for number in lines):
            yield SkippedText(_TERM_LIST_NAME, _format_line_numbers(lines), _TERM_REASON)


def _get_lines_of_match(match: re.Match[str]) -> range:
    first = match.string.count("\n", 0, match.start())
    return range(first, first + match[0].rstrip("\n").count("\n") + 1)


def _format_line_numbers(numbers: Iterable[int]) -> str:
    """Format zero-based line numbers for display, counting from 1, e.g. `lines 1-3, 7`."""
    distinct = sorted({number + 1 for number in numbers})
    spans = []
    # consecutive numbers have the same difference to their index
    for _, pairs in groupby(enumerate(distinct), lambda pair: pair[1] - pair[0]):
        run = [str(number) for _, number in pairs]
        spans.append(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return f"{'line' if len(distinct) == 1 else 'lines'} {', '.join(spans)}"
