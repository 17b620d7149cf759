"""Which parts of a note must stay on this machine: what is under the tag `#no-llm`.

The tag is looked for in the source of the note, so that it counts in a comment, in code and
in a formula too. A block with the tag is private. So is everything under a heading, a
callout's title or a list item with it, and in a table's row or column whose head has it. If
the tag is in no block, or in the front matter, the whole note is private.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.private import (
    has_tag,
    without_tag,
)

# A line that begins with a comment of Obsidian or HTML, maybe in a quote or a list.
_COMMENT = regex(r"[ \t>*+-]*(?:%%|<!--)")
# Where a footnote is named, and where it begins.
_FOOTNOTE = regex(r"\[\^([^\]\s]{1,200})\]")
_FOOTNOTE_TEXT = regex(r"[ \t]{0,3}\[\^([^\]\s]{1,200})\]:")
# The sign of a list item in plain text.
_ITEM = regex(r"(?i)(?:[^\w\s]{1,3}|\(?(?:\d{1,9}|[a-z]|[ivxlc]{1,6})[.)])(?:\s|$)")
# Before the words of a line: blanks, and signs of quotes.
_BEFORE = " \t\u3000\xa0>"


def mark_private(
    blocks: Sequence[Block],
    body: str,
    nested: Iterable[int] = (),
) -> bool:
    """Set `Block.private` of the blocks that are under the tag.

    Args:
        blocks: the blocks of the note.
        body: the source that they were read from, with the same lines.
        nested: the numbers of further lines that are under the tag.

    Returns:
        Whether the whole note is private, because the tag is in no block.
    """
    lines = body.split("\n")
    tagged_lines = [number for number, line in enumerate(lines) if has_tag(line)]
    if not tagged_lines:
        return False
    blocks_at_line = defaultdict[int, list[Block]](list)
    for block in blocks:
        for number in range(*_own_lines(block)):
            blocks_at_line[number].append(block)

    tagged = set[Block]()
    for number in lines_below_tagged(body).union(nested):
        tagged.update(blocks_at_line[number])
    is_whole_note = False
    for number in tagged_lines:
        # a block that says only the tag is about the note
        tagged_here = []
        for block in blocks_at_line[number]:
            if any(map(str.isalnum, without_tag(block.plain))):
                tagged_here.append(block)
        if not tagged_here and _COMMENT.match(lines[number]):
            # a comment belongs to the block right above it
            tagged_here = blocks_at_line[number - 1]
        tagged.update(tagged_here)
        if not tagged_here:
            is_whole_note = True
    # a heading or a title may be there as several objects with the same lines
    head_lines = {block.lines for block in tagged if block.part is not Part.TEXT}
    item_paths = {block.path for block in tagged if block.part is Part.ITEM}
    for block in blocks:
        heads = (*block.headings, *block.titles, *block.heads)
        is_under_head = any(head.lines in head_lines for head in heads)
        depths = range(1, len(block.path) + 1)
        is_under_item = any(block.path[:depth] in item_paths for depth in depths)
        if block in tagged or is_under_head or is_under_item:
            block.private = True
    # the footnotes of what is private
    notes = set[str]()
    for block in tagged:
        notes.update(_FOOTNOTE.findall("\n".join(lines[slice(*_own_lines(block))])))
    if notes:
        for number, line in enumerate(lines):
            definition = _FOOTNOTE_TEXT.match(line)
            if definition and definition[1] in notes:
                for block in blocks_at_line[number]:
                    block.private = True
    return is_whole_note


def lines_below_tagged(text: str) -> frozenset[int]:
    """Return the numbers of the lines that are indented more than a line, or item, with the tag.

    In plain text indentation has no other meaning, and Markdown does not know `a)` as a list.
    """
    below = set[int]()
    item_indent: int | None = None  # of the item that is read
    tagged_indent: int | None = None  # of what has the tag
    quotes = 0  # around what has the tag
    for number, line in enumerate(text.split("\n")):
        words = line.lstrip(_BEFORE)
        before = line[: len(line) - len(words)]
        if not words:
            item_indent = None
            continue
        indent = len(before.expandtabs(4))
        if tagged_indent is not None and (
            indent <= tagged_indent or before.count(">") != quotes
        ):
            tagged_indent = None
        if tagged_indent is not None:
            below.add(number)
        if _ITEM.match(words):
            item_indent = indent
        if tagged_indent is None and has_tag(line):
            tagged_indent = indent if item_indent is None else item_indent
            quotes = before.count(">")
    return frozenset(below)


def _own_lines(block: Block) -> Span:
    """Return the lines of a block; of a callout's title, only its first."""
    first, last = block.lines
    return (first, first + 1) if block.part is Part.TITLE else (first, last)
