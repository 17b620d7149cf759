"""Find the lists of a note that are glossaries, whose lines have the form `Term: meaning`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.hand_written import DefinitionLine, parse_definition_lines
from ankiforge.extract.markdown.syntaxes import MIN_TERMS
from ankiforge.text import regex

_MIN_TERMS_BELOW_HEADING = 2
# The number at the end of a label that isn't a term, as in `Line 47` and `Day 3`.
_LABEL_NUMBER = regex(r"[\s\d–-]+\Z")


class GlossaryLines(NamedTuple):
    """The lines of a glossary that are in one block."""

    lines: list[DefinitionLine]
    is_below_heading: bool
    """Whether the heading of a glossary is directly above. Otherwise, only the user can say
    whether the list is a glossary."""


def find_glossaries(
    note: NoteBlocks, heading_names: Collection[str]
) -> dict[Block, GlossaryLines]:
    """Find the lists that look like glossaries, and return the lines of each of their blocks.

    A glossary has at least `MIN_TERMS` lines, or two below one of the headings of glossaries, and
    its terms differ by more than a number. It ends at the first line of another form.
    """
    glossaries: dict[Block, GlossaryLines] = {}
    for _, group in groupby(note.blocks, _get_list_key):
        blocks = list(group)
        colon_count = sum(map(_count_colons, blocks))
        if colon_count < _MIN_TERMS_BELOW_HEADING:
            continue
        is_below_heading = _is_below_heading(blocks[0], heading_names)
        min_terms = _MIN_TERMS_BELOW_HEADING if is_below_heading else MIN_TERMS
        if colon_count < min_terms:
            continue  # no need to parse the blocks
        lines_by_block = _read_definitions(blocks)
        terms = _collect_terms(lines_by_block)
        if len(terms) >= min_terms and len(set(terms)) == len(terms):
            for block, lines in lines_by_block.items():
                glossaries[block] = GlossaryLines(lines, is_below_heading)
    return glossaries


def _count_colons(block: Block) -> int:
    return block.source.count(":") + block.source.count("：")


def _get_list_key(block: Block) -> object:
    """Return a key for `groupby` that is the same for all blocks of a list.

    Adjacent paragraphs below the same heading count as a list if each contains a colon. A
    block without a colon forms a group by itself.
    """
    if not _count_colons(block):
        return block
    match block.kind:
        case BlockKind.ITEM:
            return block.headings, block.items[0].list_number
        case BlockKind.TEXT:
            return block.headings
    return block


def _read_definitions(blocks: Iterable[Block]) -> dict[Block, list[DefinitionLine]]:
    """Read the lines of a list, up to the first block with a line of another form."""
    lines_by_block = {}
    for block in blocks:
        is_item = block.kind is BlockKind.ITEM
        lines = parse_definition_lines(block.inline_text, is_item=is_item)
        if lines is None:
            break
        lines_by_block[block] = lines
    return lines_by_block


def _is_below_heading(block: Block, heading_names: Collection[str]) -> bool:
    if not block.headings:
        return False
    heading = block.headings[-1].plain_text
    return heading.strip(" :").casefold() in heading_names


def _collect_terms(lines_by_block: dict[Block, list[DefinitionLine]]) -> list[str]:
    """Return the terms in lower case, without numbers at their ends."""
    terms = []
    for block, lines in lines_by_block.items():
        for line in lines:
            term = block.plain_text[slice(*line.sides.front)]
            terms.append(_LABEL_NUMBER.sub("", term.casefold()))
    return terms
