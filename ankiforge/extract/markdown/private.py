"""Which parts of a note must stay on this machine: what is under the tag `#no-llm`.

The tag is looked for in the source of the note, so that it counts in a comment, in code and in a
formula too. A block with the tag is private. So is everything under a heading, a callout's title or a
list item with it, and in a table's row or column whose head has it. If the tag stands in no block, or in
the front matter, the whole note is private.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.private import IN_ITS_NOTE, UNREADABLE, has_tag, names_tag, without_tag

# Front matter, in YAML or TOML: up to the line that closes it, else up to the end of the note.
_FRONT_MATTER = regex(
    r"(?ms)\A\s*(?:---|\+\+\+)[ \t]*\n(?P<fields>.*?)(?:^(?:---|\+\+\+|\.\.\.)[ \t]*$|\Z)"
)
# Tags as Logseq and other programs write them outside front matter: `tags:: diary, no-llm`.
_LINE_OF_TAGS = regex(r"(?im)^[ \t>*+#-]*(?:file)?tags?[ \t]*(?:::?|=)[^\n]*")
# A line that begins with a comment of Obsidian or HTML, maybe in a quote or a list.
_COMMENT = regex(r"[ \t>*+-]*(?:%%|<!--)")


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
    lines = body.split("\n")
    tagged_lines = [number for number, line in enumerate(lines) if has_tag(line)]
    if not tagged_lines:
        return False
    blocks_at = defaultdict[int, list[Block]](list)
    for block in blocks:
        for number in range(*_own_lines(block)):
            blocks_at[number].append(block)

    tagged = set[Block]()
    is_whole = False
    for number in tagged_lines:
        having = [block for block in blocks_at[number] if not _says_only_the_tag(block)]
        if not having and _COMMENT.match(lines[number]):
            having = blocks_at[number - 1]  # a comment belongs to the block right above it
        tagged.update(having)
        is_whole = is_whole or not having

    # a heading or a title may be there as several objects with the same lines
    heads = {block.lines for block in tagged if block.part is not Part.TEXT}
    items = {block.path for block in tagged if block.part is Part.ITEM}
    for block in blocks:
        above = (*block.headings, *block.titles, *block.heads)
        under_head = any(head.lines in heads for head in above)
        under_item = any(block.path[:depth] in items for depth in range(1, len(block.path) + 1))
        if under_head or under_item or block in tagged:
            block.private = True
    return is_whole


def _says_only_the_tag(block: Block) -> bool:
    """Return whether a block has no words but the tag, which is then about the whole note."""
    return not any(map(str.isalnum, without_tag(block.plain)))


def _own_lines(block: Block) -> Span:
    """Return the lines of a block; of a callout's title, only its first."""
    first, last = block.lines
    return (first, first + 1) if block.part is Part.TITLE else (first, last)
