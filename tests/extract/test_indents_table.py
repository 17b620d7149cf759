"""Where the items of a list stand: one that is indented too far is one, as editors show it."""

import pytest

from ankiforge.extract.markdown.blocks import parse_blocks
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # behind its sign: so many blanks that its words would be code
        ("-    four\n-     five", ["1 four", "1 five"]),
        ("12.     five", ["1 five"]),
        ("> -     five", ["1 five"]),
        ("-\t\ttwo tabs\n-\tone tab", ["1 two tabs", "1 one tab"]),
        # before its sign: it is an item of the one above
        ("- a\n        - b\n- c", ["1 a", "2 b", "1 c"]),
        ("- a\n\t\t- b\n\t\t- c\n\t- d", ["1 a", "2 b", "2 c", "2 d"]),
        ("- a\n\n        - b", ["1 a", "2 b"]),
        ("1. a\n\t1. b\n\t\t- c\n\t\t\t- d\n\t\t- e", ["1 a", "2 b", "3 c", "4 d", "3 e"]),
        # as in Logseq, below a heading; and below words
        ("# Head\n\t- a\n\t- b\n\t\t- c", ["0 Head", "1 a", "1 b", "2 c"]),
        ("words\n    - a\n    - b", ["0 words", "1 a", "1 b"]),
        # a comment without indent does not end the list
        ("- a\n%% mine %%\n\t- b", ["1 a", "2 b"]),
        ("- a\nid:: 1\ncollapsed:: true\n\t- b", ["1 a", "2 b"]),
        # four blanks make code of words that are no item, outside of lists
        ("words\n\n    code ==x==\n\n      more\n\nwords", ["0 words", "0 code ==x==\n\n  more", "0 words"]),
        ("words\n    of the same", ["0 words of the same"]),
        ("- a\n\n        words", ["1 a", "1 words"]),
        ("```\n-     code\n```", ["0 -     code"]),
    ],
)  # fmt: skip
def test_an_item_stands_where_it_counts_as_one(written, read):
    blocks = parse_blocks(
        mask_comments_and_maths(written), InlineContext(), CardSyntax()
    ).blocks
    assert [f"{len(block.items)} {block.plain_text}" for block in blocks] == read
