"""Find text in a note that resembles a highlight or card but was skipped.

Each line outside the blocks of highlights on which `syntaxes.LOOKALIKE` matches is one entry.
Cards of other tools are recognised by what the tool writes next to them, such as the id of a note
in Anki. The command `list --no-card --all` shows all of these.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import groupby

from ankiforge.extract.markdown import KindsToRead
from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.placeholders import MATHS_CONTINUATION, MATHS_DELIMITER
from ankiforge.extract.markdown.surroundings import PlacedHighlight
from ankiforge.extract.markdown.syntaxes import (
    FORM_BY_KEY,
    LOOKALIKE,
    TOOL_FORMS,
    NoteSyntax,
    may_contain_cards_of_other_tools,
)
from ankiforge.model import CARD_IN_HEADING, CODE_AND_MATHS, SkippedText
from ankiforge.text import regex
from ankiforge.text.normalize import split_at_literal_spans

_TOOL_SIGNS = [(tool, regex(tool.sign)) for tool in TOOL_FORMS]
_CODE_REASON = "marks and cards are not read in code and maths"
_HIDDEN_REASON = (
    "it is in a comment, a field, the front matter, a template or the URL of a link"
)
# The properties that Logseq itself writes below a block.
_LOGSEQ_OWN_PROPERTY = regex(r"[ \t]*(?:id|collapsed|ls-type|logseq\.[\w.-]+)::")
_HEADING_REASON = "a heading cannot be a card: write it on a line of text, or in a list"


def is_note_of_other_tool(text: str) -> bool:
    """Return whether a note belongs entirely to another tool, so that none of it is read."""
    if not may_contain_cards_of_other_tools(text):
        return False
    return any(tool.covers_note and sign.search(text) for tool, sign in _TOOL_SIGNS)


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
    selected = {"marks": kinds.marks, "cards": kinds.cards}

    def find_lookalike(text: str) -> NoteSyntax | None:
        for match in LOOKALIKE.finditer(text):
            form = FORM_BY_KEY[str(match.lastgroup)]
            if form.value in selected[form.setting]:
                return form
        return None

    read_blocks = {
        block for placed in highlights for block in placed.get_blocks(note.blocks)
    }
    read_lines = _get_lines(read_blocks)
    ends = {block.lines[1] for block in read_blocks}
    yield from find_cards_of_other_tools(text, read_lines | ends)
    blocks_of = BlockKind.CODE, BlockKind.HEADING
    code, headings = [
        _get_lines(block for block in note.blocks if block.kind is kind)
        for kind in blocks_of
    ]
    masked_lines = note.source.split("\n")
    code_lines: list[int] = []
    for number, line in enumerate(text.split("\n")):
        if number in read_lines or not find_lookalike(line):
            continue
        if _LOGSEQ_OWN_PROPERTY.match(line):
            continue
        masked = masked_lines[number]
        parts = split_at_literal_spans(line)
        visible = "".join(
            before + (literal if kind == "escape" else "")
            for before, literal, kind in parts
        )
        form = find_lookalike(visible)
        is_maths = MATHS_DELIMITER in masked or MATHS_CONTINUATION in masked
        if form is None or is_maths or number in code:
            code_lines.append(number)
            continue
        name, reason = form.name, form.reason
        if form.key == "line" and number in headings:
            name, reason = CARD_IN_HEADING, _HEADING_REASON
        elif not find_lookalike(masked):
            reason = _HIDDEN_REASON
            if form.key == "html":
                continue  # the label that a template writes above a quote
        yield SkippedText(name, f"line {number + 1}", reason)
    if code_lines:
        yield SkippedText(CODE_AND_MATHS, _format_line_numbers(code_lines), _CODE_REASON)


def _get_lines(blocks: Iterable[Block]) -> set[int]:
    return {line for block in blocks for line in range(*block.lines)}


def find_cards_of_other_tools(
    text: str, read_lines: Container[int] = ()
) -> Iterator[SkippedText]:
    """Yield an entry for each card in another tool's format that didn't become a highlight.

    `read_lines` are the lines of all highlights, and the line below each of them, on which tools
    write their ids.
    """
    if not may_contain_cards_of_other_tools(text):
        return
    padded = f"\n{text}"
    for tool, sign in _TOOL_SIGNS:
        if not any(part in padded for part in tool.literals):
            continue
        for match in sign.finditer(text):
            first = text.count("\n", 0, match.start())
            lines = range(first, first + match[0].count("\n") + 1)
            if not any(number in read_lines for number in lines):
                yield SkippedText(tool.name, f"line {first + 1}", tool.reason)


def _format_line_numbers(numbers: Iterable[int]) -> str:
    """Format zero-based line numbers for display, counting from 1, e.g. `lines 1-3, 7`."""
    distinct = sorted({number + 1 for number in numbers})
    spans = []
    # consecutive numbers have the same difference to their index
    for _, pairs in groupby(enumerate(distinct), lambda pair: pair[1] - pair[0]):
        run = [str(number) for _, number in pairs]
        spans.append(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return f"{'line' if len(distinct) == 1 else 'lines'} {', '.join(spans)}"
