"""Which blocks of a note the tag `#no-llm` keeps on this computer, row by row."""

import pytest

from ankiforge.extract.markdown.blocks import parse_blocks
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.parsed_note import (
    extract_plain_text,
    extract_public_text,
    find_lines_below_private_tag,
    mark_private_blocks,
)
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths

# (note, texts of its private blocks, whether the whole note is private)
NOTES = [
    ('a #no-llm\n\nb', ['a'], False),
    ('a\n\n#no-llm\n\nb', [], True),
    ('# H #no-llm\na\n\n## I\nb\n\n# J\nc', ['H', 'a', 'I', 'b'], False),
    ('- a #no-llm\n  - b\n    - c\n- d', ['a', 'b', 'c'], False),
    ('- a\n  - b #no-llm\n- c', ['b'], False),
    ('> [!n] T #no-llm\n> a\n\nb', ['T', 'a'], False),
    ('> [!n] T\n> a #no-llm\n> b\n\nc', ['a #no-llm b'], False),
    ('| a | b |\n|---|---|\n| c #no-llm | d |\n| e | f |', ['c', 'd'], False),
    ('| a #no-llm | b |\n|---|---|\n| c | d |\n| e | f |', ['a', 'b', 'c', 'd', 'e', 'f'], False),
    ('| a | b |\n|---|---|\n| #no-llm | d |\n| e | f |', ['d'], False),
    ('| #no-llm | b |\n|---|---|\n| c | d |', ['b', 'c', 'd'], False),
    ('a %%#no-llm%%\n\nb', ['a'], False),
    ('a\n%% #no-llm %%\n\nb', ['a'], False),
    ('a\n\n%% #no-llm %%\n\nb', [], True),
    ('<!-- #no-llm -->\na', [], True),
    ('a[^1] #no-llm\n\nb[^2]\n\n[^1]: c\n\n[^2]: d', ['a', 'c'], False),
    ('```\n#no-llm\n```\n\na', [], True),
    ('```\nx #no-llm\n```\n\na', ['x #no-llm'], False),
    ('`#no-llm` a\n\nb', ['`#no-llm` a'], False),
    ('$#no-llm$ a', ['$#no-llm$ a'], False),
    ('key:: #no-llm\n\na', [], True),
    ('a\nb #no-llm\nc', ['a b #no-llm c'], False),
    ('a::b #no-llm\nc', ['a::b'], False),
    ('Q #no-llm\n?\nA\n\nb', ['Q\n?\nA'], False),
    ('1. a #no-llm\n\n   b\n2. c', ['a', 'b'], False),
    ('a) x #no-llm\n   y\nb', ['a) x #no-llm y b'], False),
    ('- a #no-llm\n\n  b\n\nc', ['a', 'b'], False),
    ('> a #no-llm\n> > b\n\nc', ['a'], False),
    ('# #no-llm\na', [], True),
    ('- #no-llm\n  - a\n- b', ['a'], True),
    ('- [ ] a [[no-llm]]\n\t- b', ['a no-llm', 'b'], False),
    ('b', [], False),
    ('# A\na\n# B #no-llm\nb\n# A\nc', ['B', 'b'], False),
    ('---\n\n#no-llm\n\na', [], True),
    ('a\n> b #no-llm\n\nc', ['b'], False),
    ('text #no-llm\n  more\nnext', ['text #no-llm more next'], False),
]  # fmt: skip


def find_private(text: str, nested_lines: tuple[int, ...] = ()) -> tuple[list[str], bool]:
    source = mask_comments_and_maths(text)
    blocks = parse_blocks(source, InlineContext(), CardSyntax()).blocks
    is_whole_note = mark_private_blocks(blocks, text, nested_lines)
    return [block.plain_text for block in blocks if block.is_private], is_whole_note


@pytest.mark.parametrize(("text", "private", "is_whole_note"), NOTES)
def test_what_the_tag_keeps_here(text, private, is_whole_note):
    assert find_private(text) == (private, is_whole_note)


def test_lines_that_were_indented_below_the_tag_are_private_if_there_is_one():
    assert find_private("a #no-llm\n\nb\n\nc", (2,)) == (["a", "b"], False)
    assert find_private("a\n\nb", (2,)) == ([], False)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a #no-llm\n  b\nc", [1]),
        ("- a\n  b #no-llm\n  c\n- d", [2]),
        ("- a #no-llm\n\n  b\n\nc", [2]),
        ("a) x #no-llm\n   y", [1]),
        ("  a #no-llm\n  b\n    c", []),
        ("> a #no-llm\n>   b\n  c", [1]),
        ("- a\n\n  x #no-llm\n    y\n  z", [3]),
        ("#no-llm\n\n  a", [2]),
        ("\ta #no-llm\n\t\tb\n    c", [1]),
        ("- x\n  - a #no-llm\n    b\n  - c", [2]),
        ("•  a #no-llm\n   b", [1]),
        ("x", []),
    ],
)
def test_the_lines_indented_below_the_tag(text, lines):
    assert sorted(find_lines_below_private_tag(text)) == lines


def test_the_plain_text_of_a_note():
    note = (
        "# H\n\na ==b==\n%% a comment of four words %%\n\n| c | |\n|---|---|\n| d | e |\n"
    )
    assert extract_plain_text(note) == "H\na b\nc | –\nd | e"
    front = "---\nabstract: One two three four\n---\n"
    assert extract_public_text(f"{front}{note}").endswith(
        "d | e\nOne two three four\na comment of four words"
    )
