"""Find the cards of a glossary, each of which is a line or list item `Term: meaning`."""

from __future__ import annotations

from collections.abc import Collection

from ankiforge.extract.markdown.blocks import Block, BlockKind, ListItem, NoteBlocks
from ankiforge.extract.markdown.hand_written import (
    Definition,
    parse_definition,
    parse_definition_lines,
)


def find_glossaries(
    note: NoteBlocks, heading_names: Collection[str]
) -> dict[Block, list[Definition]]:
    """Find the definitions directly below the headings of glossaries, by block.

    Text inside a list item with a term belongs to the meaning of this term.

    Args:
        note: The blocks of the note.
        heading_names: The casefolded headings of glossaries.
    """
    definitions: dict[Block, list[Definition]] = {}
    items_with_term: set[ListItem] = set()
    for block in note.blocks:
        if not _is_below_heading(block, heading_names):
            continue
        if not items_with_term.isdisjoint(block.items):
            continue
        if block.kind is BlockKind.TEXT:
            lines = parse_definition_lines(block.inline_text)
            if lines:
                definitions[block] = lines
        elif block.kind is BlockKind.ITEM:
            definition = parse_definition(block.inline_text)
            if definition:
                definitions[block] = [definition]
                items_with_term.add(block.items[-1])
    return definitions


def _is_below_heading(block: Block, heading_names: Collection[str]) -> bool:
    if not block.headings:
        return False
    heading = block.headings[-1].plain_text
    return heading.strip(" :").casefold() in heading_names
