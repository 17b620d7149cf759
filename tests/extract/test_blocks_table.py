"""The blocks of a note: what each is, and in which headings, lists and quotes it is, row by row."""

from typing import Any

import pytest

from ankiforge.extract.markdown.blocks import Block, NoteBlocks, parse_blocks
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths

# kind, lines and text; `#`: headings, `h:`: headers of a cell, `i`: number and first text of
# list items, `q:`: types of quotes, `^`: id, `r`: number of rules above
NOTES = [
    ('# A\na\n## B\nb\n### C\n# D\nd', ["HEADING 0-1 'A'", "TEXT 1-2 'a' #A", "HEADING 2-3 'B' #A", "TEXT 3-4 'b' #A #B", "HEADING 4-5 'C' #A #B", "HEADING 5-6 'D'", "TEXT 6-7 'd' #D"]),
    ('A\n===\na', ["HEADING 0-1 'A'", "TEXT 2-3 'a' #A"]),
    ('- a\n  - b\n\n    c\n- d\n\n1. e', ["ITEM 0-1 'a' i1:a", "ITEM 1-2 'b' i1:a i2:b", "TEXT 3-4 'c' i1:a i2:b", "ITEM 4-5 'd' i1:d", "ITEM 6-7 'e' i3:e"]),
    ('- # H\n  x\n\ny', ["HEADING 0-1 'H' i1:", "TEXT 1-2 'x' #H i1:", "TEXT 3-4 'y' #H"]),
    ('> a\n> > b\n> c\n\nd', ["TEXT 0-1 'a' q:", "TEXT 1-3 'b c' q: q:", "TEXT 4-5 'd'"]),
    ('> [!note] T\n> a\n\nb', ["TITLE 0-2 'T' q:note", "TEXT 1-2 'a' q:note", "TEXT 3-4 'b'"]),
    ('> [!note]- \n> a', ["TEXT 1-2 'a' q:note"]),
    ('> [!note]\n> a\n> b', ["TEXT 1-3 'a b' q:note"]),
    ('| a | b |\n|---|---|\n| c | |\n| | d |', ["CELL 0-1 'a'", "CELL 0-1 'b'", "CELL 2-3 'c' h:a", "CELL 3-4 'd' h:b"]),
    ('|a|\n|---|\n|b|', ["CELL 0-1 'a'", "CELL 2-3 'b' h:a"]),
    ('a ^id\n\nb', ["TEXT 0-1 'a' ^id", "TEXT 2-3 'b'"]),
    ('- a\n- b\n\n^x', ["ITEM 0-1 'a' i1:a ^x", "ITEM 1-2 'b' i1:b ^x"]),
    ('| a |\n|---|\n| b |\n\n^t', ["CELL 0-1 'a' ^t", "CELL 2-3 'b' h:a ^t"]),
    ('a\n\n---\n\nb\n***\nc', ["TEXT 0-1 'a'", "TEXT 4-5 'b' r1", "TEXT 6-7 'c' r2"]),
    ('```\nx\n\ny\n```', ["CODE 0-5 'x\\n\\ny'"]),
    ('    code\n\na', ["CODE 0-1 'code'", "TEXT 2-3 'a'"]),
    ('<div>\n<p>a</p>\n</div>', ["TEXT 0-3 'a'"]),
    ('<script>x</script>', []),
    ('- [ ] task\n- [x] done', ["ITEM 0-1 'task' i1:task", "ITEM 1-2 'done' i1:done"]),
    ('#tag\n\na', ["TEXT 2-3 'a'"]),
    ('a\nb::c\nd', ["TEXT 0-1 'a'", "TEXT 1-2 'b::c'", "TEXT 2-3 'd'"]),
    ('{{c1::a\nb::c}}\nd', ["TEXT 0-3 'a b d'"]),
    ('%% c %%\na', ["TEXT 1-2 'a'"]),
    ('a\n%% c %%\nb', ["TEXT 0-1 'a'", "TEXT 2-3 'b'"]),
    ('- a\n%% c %%\n  - b', ["ITEM 0-1 'a' i1:a", "ITEM 2-3 'b' i1:a i2:b"]),
    ('\n\na', ["TEXT 2-3 'a'"]),
    ('a  \nb', ["TEXT 0-2 'a b'"]),
    ('1) a\n2) b', ["ITEM 0-1 'a' i1:a", "ITEM 1-2 'b' i1:b"]),
    ('+ a\n* b', ["ITEM 0-1 'a' i1:a", "ITEM 1-2 'b' i2:b"]),
    ('![](x.png)', []),
    ('==![](x.png)==', ["TEXT 0-1 ''"]),
    ('a\n\n\n\nb', ["TEXT 0-1 'a'", "TEXT 4-5 'b'"]),
    ('$$\na\n\nb\n$$\nc', ["TEXT 0-6 '$$ a b $$ c'"]),
    ('[x]: http://y\n\na[x]', ["TEXT 2-3 'ax'"]),
    ('a\n- b', ["TEXT 0-1 'a'", "ITEM 1-2 'b' i1:b"]),
    ('a\n1. b\n2) c', ["TEXT 0-1 'a'", "ITEM 1-2 'b' i1:b", "ITEM 2-3 'c' i2:c"]),
    ('***', []),
    ('> - a\n>   - b', ["ITEM 0-1 'a' i1:a q:", "ITEM 1-2 'b' i1:a i2:b q:"]),
    ('\ta', ["CODE 0-1 'a'"]),
    ('- ', []),
    ('- \n  a', ["ITEM 1-2 'a' i1:a"]),
]  # fmt: skip


def parse(text: str, **syntax: Any) -> NoteBlocks:
    source = mask_comments_and_maths(text)
    return parse_blocks(source, InlineContext(), CardSyntax(**syntax))


def show(block: Block) -> str:
    items = [
        f"i{item.list_number}:{item.first_block.plain_text if item.first_block else ''}"
        for item in block.items
    ]
    around = [
        *(f"#{heading.plain_text}" for heading in block.headings),
        *(f"h:{header.plain_text}" for header in block.headers),
        *items,
        *(f"q:{quote.callout_type}" for quote in block.quotes),
        *([f"^{block.id}"] if block.id else ()),
        *([f"r{block.rule_count}"] if block.rule_count else ()),
    ]
    first, last = block.lines
    text = f"{block.kind.name} {first}-{last} {block.plain_text!r}"
    return " ".join([text, *around])


@pytest.mark.parametrize(("text", "blocks"), NOTES)
def test_the_blocks_of_a_note(text, blocks):
    note = parse(text)
    assert [show(block) for block in note.blocks] == blocks
    assert [block.number for block in note.blocks] == list(range(1, len(blocks) + 1))
