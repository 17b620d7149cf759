"""Which parts of a note must stay on this machine: what is under the tag `#no-llm`.

The tag is looked for in the source of the note, so that it counts in a comment, in code and in a
formula too. A block with the tag is private. So is everything under a heading, a callout's title or a
list item with it, and in a table's row or column whose head has it. If the tag stands in no block, or in
the front matter, the whole note is private.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.private import IN_ITS_NOTE, UNREADABLE, has_tag, names_tag

# Front matter, in YAML or TOML: up to the line that closes it, else up to the end of the note.
_FRONT_MATTER = regex(
    r"(?ms)\A\s*(?:---|\+\+\+)[ \t]*\n(?P<fields>.*?)(?:^(?:---|\+\+\+|\.\.\.)[ \t]*$|\Z)"
)
# Tags as Logseq and other programs write them outside front matter: `tags:: diary, no-llm`.
_LINE_OF_TAGS = regex(r"(?im)^[ \t>*+#-]*(?:file)?tags?[ \t]*(?:::?|=)[^\n]*")


def why_whole(text: str, problem: str) -> str:
    """Return why a whole note is private, judged by its front matter and lines of tags; "" if it is not.

    Args:
        text: the note as written.
        problem: what is wrong with its front matter, which may then hide the tag; "" if nothing is.
    """
    front_matter = _FRONT_MATTER.match(text)
    if front_matter and names_tag(front_matter["fields"]):
        return IN_ITS_NOTE
    for line in _LINE_OF_TAGS.finditer(text):
        if names_tag(line[0]):
            return IN_ITS_NOTE
    return UNREADABLE if problem else ""


def mark_private(blocks: Sequence[Block], body: str) -> bool:
    """Set `Block.private` of the blocks that are under the tag.

    Args:
        blocks: the blocks of the note.
        body: the source that they were read from, with the same lines.

    Returns:
        Whether the whole note is private, because the tag stands in no block.
    """
    tagged_lines = set[int]()
    for number, line in enumerate(body.split("\n")):
        if has_tag(line):
            tagged_lines.add(number)
    if not tagged_lines:
        return False

    # the tag may stand in a list item, whose other blocks it covers, or in no block
    outside = set(tagged_lines)
    items = set[tuple[Span, ...]]()
    for block in blocks:
        outside.difference_update(range(*block.lines))
        if block.part is Part.ITEM and _has_line(block, tagged_lines):
            items.add(block.path)

    for block in blocks:
        above = (*block.headings, *block.titles, *block.heads)
        under_item = any(block.path[:depth] in items for depth in range(1, len(block.path) + 1))
        if under_item or any(_has_line(one, tagged_lines) for one in (block, *above)):
            block.private = True
    return bool(outside)


def _has_line(block: Block, lines: set[int]) -> bool:
    """Return whether a block has one of some lines; a callout's title has only its first."""
    first, last = block.lines
    if block.part is Part.TITLE:
        last = first + 1
    return not lines.isdisjoint(range(first, last))
