"""Passages that other programs exported into a note, with pages and the reader's notes, row by row."""

import pytest

from ankiforge.extract.markdown.blocks import parse_blocks
from ankiforge.extract.markdown.exported_notes import find_exported_passages
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths

# (note, its passages: text, page, the reader's notes, number of blocks with notes or a location)
NOTES = [
    ('# Highlights\n\n- a (Location 64)\n- b — page 3\n- c', [('a', '', '', 1), ('b', '3', '', 1)]),
    ('# Highlights\n\na (View Highlight)\n\nb', [('a', '', 'b', 2)]),
    ('# Highlights\n\na\n\n(Location 3)\n\nb', [('a', '', 'b', 2)]),
    ('# Highlights\n\na\n\nPage 12\nmine', [('a', '12', 'mine', 1)]),
    ('# Highlights\n\n> a\n\nb', [('a', '', '', 0)]),
    ('# Highlights and more\n\n> a\n\nb (Page 4)', [('b', '4', '', 1)]),
    ('# Metadata\n- x\n# Highlights\n- a\n- b\n> c\n\nd', [('a', '', '', 0), ('b', '', '', 0), ('c', '', '', 0)]),
    ('# Page 5 @ 21 May 2024\n\na\n\n# Other\n\nb', [('a', '5', '', 0)]),
    ('### Highlight (yellow) - Page 4 · Location 64\na\n\n### Note - Location 65\nmine', [('a', '', 'mine', 1)]),
    ('Highlight (yellow) - Page 4\n\na\n\nNote - Page 4\n\nmine', [('a', '4', 'mine', 1)]),
    ('a [View Highlight](https://readwise.io/open/1)\n\nb', [('a', '', '', 1)]),
    ('- a ([Location 3](https://readwise.io/to_kindle?x))\n    - Note: mine\n    - Tags: x\n- b', [('a', '', 'mine', 3)]),
    ('a [x](kindle://book)\n\nNote: mine\n\nmore', [('a', '', 'mine', 2)]),
    ('- Highlights first synced by [[Readwise]]\n  - a\n    - Note: n\n  - b\n- c', [('a', '', 'n', 1), ('b', '', '', 0)]),
    ('- New highlights added at\n  - a\n    - b', [('a', '', '', 0)]),
    ('# Highlights\n\na (Location 3)\nmine ^x', [('a', '', 'mine', 1)]),
    ('# Highlights\n\na (Page 3) ^id\nmine', [('a', '3', 'mine', 1)]),
    ('# Highlights\n\na (Page 3)\n\n---\nmine', [('a', '3', 'mine', 2)]),
    ('# Highlights\n\na (Page 3)\n\nmine\n\nb (Page 4)', [('a', '3', 'mine', 2), ('b', '4', '', 1)]),
    ('# Highlights\n\na (Page 3)\n\nb\n\n(Page 4)', [('a', '3', '', 1), ('b', '4', '', 1)]),
    ('# Highlights\n\nNote: alone', []),
    ('# Highlights\n\n- a (Page 3)\n  - b', [('a', '3', '', 1)]),
    ('# Highlights\n\n- x\n  - a (Page 3)', []),
    ('# Metadata\n\na (Page 3)\n\n# Highlights\n\nb', []),
    ('x (Page 3)', []),
    ('# Highlights\n\na (Page 3)\n\nNote: m\n\nNote: m\n\nNote: n', [('a', '3', 'm\nn', 4)]),
    ('# Highlights\n\na (p. 3)', []),
    ('# Highlights\n\na (Seite 3)', [('a', '3', '', 1)]),
    ('# Highlights\n\na (Page iv) #tag', [('a', 'iv', '', 1)]),
    ('# Highlights\n\na ⤴', [('a', '', '', 1)]),
    ('# Highlights\n\n[link](https://x)\n\na (Page 3)', [('a', '3', '', 1)]),
    ('# Highlights\n\na (Page 3)\n\n[x](https://y)', [('a', '3', 'x', 2)]),
    ('# Page 5\n\na\n\n[x](https://y)\n\nb', [('a', '5', 'x\nb', 2)]),
    ('# Page 5\n\na\n\n---\n\nmine\n\nb', [('a', '5', 'mine\nb', 2)]),
    ('# Highlights\n\nNote: a (Location 3)\n\nb (Location 4)\n\nNote: mine (Location 4)', [('Note: a', '', '', 1), ('b', '', 'mine', 2)]),
    ('# Page 5\n> [!quote] T\n> a', [('T', '5', '', 0), ('a', '5', '', 0)]),
    ('# Highlights\n\na\n\nlocation: 64\nNote of mine\n\nb', [('a', '', 'Note of mine\nb', 2)]),
    ('[[x]] a [View Tweet](u)\n\nb [y](https://hyp.is/1) #t ^id', [('x a', '', '', 1), ('b', '', '', 1)]),
    ('- a — [On](https://hyp.is/1) — Group: #Public\n  - Annotation: mine\n- b — [On](https://hyp.is/2) — Group: My class', [('a', '', 'mine', 2), ('b', '', '', 1)]),
    ('- a [On](https://hyp.is/1) – and: what follows the link, if it is a sentence, ends no passage, because it is longer', []),
    ('# Highlights\n\n- a (Page 3)\n\n  mine\n- b (Page 4)', [('a', '3', 'mine', 2), ('b', '4', '', 1)]),
    ('# Highlights\n\n```\na\n```\n\n(Page 4)', []),
    ('# Metadata\n\nx\n\n# Highlights\n\n- a\n  - b\n- c', [('a', '', '', 0), ('c', '', '', 0)]),
    ('# Highlights\n\n- a\n  - b (Page 3)\n- c (Page 4)', [('c', '4', '', 1)]),
    ('# Highlights\n\na\n\n---\n\n(Page 4)', []),
    ('# Highlights\n\n(Page 4)', []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "passages"), NOTES)
def test_the_exported_passages_of_a_note(text, passages):
    source = mask_comments_and_maths(text)
    note = parse_blocks(source, InlineContext(), CardSyntax())
    found = find_exported_passages(note.blocks, note.source)
    assert passages == [
        (
            passage.parts[0].text,
            passage.citation.page_label or "",
            passage.comment,
            len(passage.extra_blocks),
        )
        for passage in found.values()
    ]
    assert [passage.parts[0].block for passage in found.values()] == list(found)
