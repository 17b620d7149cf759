"""Hand-written cards in a note: which lines are cards, and what their sides are, row by row."""

from typing import Any

import pytest

from ankiforge.extract.markdown.blocks import Block, parse_blocks
from ankiforge.extract.markdown.glossaries import find_glossaries
from ankiforge.extract.markdown.hand_written import (
    CardSyntax,
    parse_marked_definition,
)
from ankiforge.extract.markdown.inline_parser import parse_inline
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths
from ankiforge.extract.markdown.syntaxes import FieldKeywords

FLAGS = ("two_way", "is_cloze", "has_further_separators", "is_declared")


def show(block: Block) -> str:
    """All that is known of a card, or the plain text of another block."""
    card, sides, plain = block.block_card, block.card_sides, block.plain_text
    if card:
        known = [flag for flag in FLAGS if getattr(card, flag)]
        known += [f"#{tag.lstrip('#')}" for tag in card.tags]
        known += [f"^{block.id}"] if block.id else []
        written = f"{card.form_description}: {card.front!r} | {card.back!r}"
        return " ".join([written, *known])
    if sides:
        texts = f"{plain[slice(*sides.front)]!r} | {plain[slice(*sides.back)]!r}"
        written = f"{sides.form.name.lower()} {sides.separator}: {texts}"
        return f"{written} two_way" if sides.two_way else written
    return plain


def read(text: str, **syntax: Any) -> list[str]:
    source = mask_comments_and_maths(text, keep_field_cards="field_words" in syntax)
    blocks = parse_blocks(source, InlineContext(), CardSyntax(**syntax)).blocks
    return [show(block) for block in blocks]


LINES = [
    ('a::b', ["inline ::: 'a' | 'b'"]),
    ('a:::b', ["inline :::: 'a' | 'b' two_way"]),
    ('a :: b', ["inline ::: 'a' | 'b'"]),
    ('a::b::c', ['a::b::c']),
    ('a :: b :: c', ["inline_field ::: 'a' | 'b :: c'"]),
    ('a ::: b :: c', ["inline_field :::: 'a' | 'b :: c' two_way"]),
    ('a : : b', ['a : : b']),
    ('`a::b`', ['`a::b`']),
    ('$a::b$', ['$a::b$']),
    ('https://a::b', ['https://a::b']),
    ('{{a::b', ['{{a::b']),
    ('a::b}}', ['a::b}}']),
    ('{{c1::a}}::b', ["inline ::: 'a' | 'b'"]),
    ('[due:: x] a::b', ["inline ::: '[due:: x] a' | 'b'"]),
    ('::b', ['::b']),
    ('*a::b* c', ["inline ::: 'a' | 'b c'"]),
    ('a：：b', ["inline ::: 'a' | 'b'"]),
    ('![](x.png)::b', ["inline ::: '' | 'b'"]),
    ('a ==b::c== d', ['a b::c d']),
    ('Foo::bar()', ['Foo::bar()']),
    ('a::b\nc::d', ["inline ::: 'a' | 'b'", "inline ::: 'c' | 'd'"]),
    ('a::b\nnext', ["inline ::: 'a' | 'b'", 'next']),
    ('｛｛a::b｝｝ x::y', ["inline ::: '｛｛a::b｝｝ x' | 'y'"]),
]  # fmt: skip
BLOCKS = [
    ('Q?\n?\nA', ["?: 'Q?' | 'A'"]),
    ('Q?\n??\nA', ["??: 'Q?' | 'A' two_way"]),
    ('Q?\n？？\nA', ["？？: 'Q?' | 'A' two_way"]),
    ('Q?\n?\n\nA', ['Q? ?', 'A']),
    ('Q\n\n?\nA', ['Q', '? A']),
    ('# Q?\n?\nA', ["?: 'Q?' | 'A'"]),
    ('# Q?\n\n?\nA', ['Q?', '? A']),
    ('a\nb\n?\nc\nd\n\ne', ["?: 'a\\nb' | 'c\\nd'", 'e']),
    ('Q\n?\nA\n?\nB', ["?: 'Q' | 'A\\n?\\nB' has_further_separators"]),
    ('Q\n?\nA\n\nmore', ["?: 'Q' | 'A'", 'more']),
    ('Q\n?\nA\n\n# H', ["?: 'Q' | 'A'", 'H']),
    ('Q\n?\nA\n\n---\nx', ["?: 'Q' | 'A'", 'x']),
    ('Q\n?\nA\n\nB\n?\nC', ["?: 'Q' | 'A'", "?: 'B' | 'C'"]),
    ('Q\n?\nA\n\nx::y', ["?: 'Q' | 'A'", "inline ::: 'x' | 'y'"]),
    ('Q\n?\nA\n\n#tag', ["?: 'Q' | 'A'"]),
    ('- Q\n  ?\n  A\n- x', ["?: 'Q' | 'A'", 'x']),
    ('- Q\n  ?\n  A\n\n  more', ["?: 'Q' | 'A'", 'more']),
    ('> Q\n> ?\n> A\n\nx', ["?: 'Q' | 'A'", 'x']),
    ('> [!q] Q\n> ?\n> A', ["?: 'Q' | 'A'"]),
    ('Q\n?\n```\na\n\nb\n```', ["?: 'Q' | '```\\na\\n\\nb\\n```'"]),
    ('```\nQ\n?\nA\n```', ['Q\n?\nA']),
    ('?\nA', ['? A']),
    ('Q\n?', ['Q ?']),
    ('- a\n- b\n?\nA', ["?: '- a\\n- b' | 'A'"]),
    ('Q #tag\n?\nA', ["?: 'Q #tag' | 'A'"]),
    ('#tag #t2\nQ\n?\nA', ["?: '#tag #t2\\nQ' | 'A'"]),
    ('#tag\n?\nA', ["?: '#tag' | 'A'"]),
    ('x::y\n?\nA', ["?: 'x::y' | 'A'"]),
    ('Q\n?\nA ^id', ["?: 'Q' | 'A ' ^id"]),
    ('Q\n?\nA\n^id', ["?: 'Q' | 'A\\n' ^id"]),
    ('1. Q\n   ?\n   A', ["?: 'Q' | 'A'"]),
    ('Q \n? \nA', ["?: 'Q ' | 'A'"]),
    ('Q #card\nA', ["#card: 'Q' | 'A'"]),
    ('Q #card/reverse\nA', ["#card/reverse: 'Q' | 'A' two_way"]),
    ('Q #card-reverse\nA', ["#card-reverse: 'Q' | 'A' two_way"]),
    ('Q [[card]]\nA', ["#card: 'Q' | 'A'"]),
    ('Q #cards\nA', ['Q #cards A']),
    ('Q #card x\nA', ['Q #card x A']),
    ('#card Q\nA', ['Q A']),
    ('Q\nmore #card\nA', ["#card: 'Q\\nmore' | 'A'"]),
    ('Q #card\n\nA', ["#card: 'Q' | 'A'"]),
    ('Q #card', ['Q']),
    ('# Q #card\nA\n\nB\n\n# C', ["#card: 'Q' | 'A'", 'B', 'C']),
    ('## Q #card\n\nA\n\n### D\nE\n\n## F', ["#card: 'Q' | 'A'", 'D', 'E', 'F']),
    ('Q #card\nA\nP #card\nB', ["#card: 'Q' | 'A'", "#card: 'P' | 'B'"]),
    ('Q #card\nA\n^1234567890123\nx', ["#card: 'Q' | 'A\\n' ^1234567890123", 'x']),
    ('- Q #card\n  - A\n  - B\n- x', ["#card: 'Q' | '- A\\n- B'", 'x']),
    ('- #card Q\n\t- A', ["#card: 'Q' | '- A'"]),
    ('- Q #card\n  more\n  - A', ["#card: '- Q\\nmore' | '- A'"]),
    ('- Q #card\n  more', ["#card: 'Q' | 'more'"]),
    ('- Q #card\n  id:: x\n  - A\n    collapsed:: true', ["#card: 'Q' | '- A'"]),
    ('- Q #card\n  - P #card\n    - B', ['Q', "#card: 'P' | '- B'"]),
    ('Q {{x}} #card\nA', ['Q {{x}} #card A']),
    ('- Q #card\n-\n- x', ['Q', 'x']),
    ('Q: a\nA: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a\n\nA: b', ["Q: … A: …: 'a' | 'b'"]),
    ('**Q:** a\n**A:** b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q1: a\nA1: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Frage: a\nAntwort: b', ["Q: … A: …: 'a' | 'b'"]),
    ('F: a\nB: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a\nB: b', ['Q: a B: b']),
    ('F: a\nA: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a A: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a\nmore\nA: b\nmore\n\nx', ["Q: … A: …: 'a\\nmore' | 'b\\nmore'", 'x']),
    ('Q: a\n\nb\n\nA: c', ["Q: … A: …: 'a\\n\\nb' | 'c'"]),
    ('Q: a\nA: b\nQ: c\nA: d', ["Q: … A: …: 'a' | 'b'", "Q: … A: …: 'c' | 'd'"]),
    ('Q: a\nQ: b\nA: c', ['Q: a', "Q: … A: …: 'b' | 'c'"]),
    ('- Q: a\n  A: b\n- x', ["Q: … A: …: 'a' | 'b'", 'x']),
    ('- Q: a\n- A: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a\nA:\n\nb', ["Q: … A: …: 'a' | '\\nb'"]),
    ('Q: a\nA:', ['Q: a A:']),
    ('Q: a', ['Q: a']),
    ('Q：a\nA：b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a\n# H\nA: b', ['Q: a', 'H', 'A: b']),
    ('- Q: a\n  A: b ([View Highlight](https://x))', ["Q: … A: …: 'a' | 'b ([View Highlight](https://x))'"]),
    ('Q: a\nA: b\nC: d [e]', ["Q: … A: …: 'a' | 'b\\nC: d [e]'"]),
    ('C: a [b] c', ['C: a [b] c']),
    ('C: a [b](x) [c]', ['C: a b [c]']),
    ('C: a', ['C: a']),
    ('C: a {{c1::b}}', ['C: a b']),
    ('C: a\n[b]\n\nx', ['C: a [b]', 'x']),
    ('C: a [1] [b2]', ['C: a [1] [b2]']),
    ('C: a [b]\nQ: c\nA: d', ['C: a [b]', "Q: … A: …: 'c' | 'd'"]),
    ('B: x\nC: a [b]', ['B: x C: a [b]']),
    ('C: `[a]` [b] \\[c] ![d] [[e]]', ['C: `[a]` [b] [c] ![d] e']),
    ('Q\n\n?\n\nA', ['Q', '?', 'A']),
    ('Q\n?\nA\n\n> quoted', ["?: 'Q' | 'A'", 'quoted']),
    ('Q\n?\nA\n\nB: x\n\nQ: b\nA: c', ["?: 'Q' | 'A'", 'B: x', "Q: … A: …: 'b' | 'c'"]),
    ('Q\n?\n***\nA', ['Q ?', 'A']),
    ('~~~\nQ #card\n~~~\nA', ['Q #card', 'A']),
    ('Q #card\n- a\n- b', ["#card: 'Q' | '- a\\n- b'"]),
    ('a\n\nQ #card #t\nA', ['a', "#card: 'Q #t' | 'A'"]),
    ('Q #card\n```\na\n\nb\n```\nc', ["#card: 'Q' | '```\\na\\n\\nb\\n```\\nc'"]),
    ('- Q #card\n\n  A', ["#card: 'Q' | 'A'"]),
    ('Q: a\nA: b\n\n- more', ["Q: … A: …: 'a' | 'b'", 'more']),
    ('**Q: a**\n**A: b**', ["Q: … A: …: 'a**' | 'b**'"]),
    ('Question: a\nAnswer: b', ["Q: … A: …: 'a' | 'b'"]),
    ('Q: a\n\nA: b\n\nQ: c\n\nA: d', ["Q: … A: …: 'a' | 'b'", "Q: … A: …: 'c' | 'd'"]),
    ('1. Q: a\n   A: b', ["Q: … A: …: 'a' | 'b'"]),
    ('F: a\nB: b\nA: c', ["Q: … A: …: 'a' | 'b\\nA: c'"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "blocks"), [*LINES, *BLOCKS])
def test_the_cards_of_a_note(text, blocks):
    assert read(text) == blocks


FIELDS = [
    ('START\nBasic\na\nBack: b\nEND', ["START … END: 'a' | 'b' is_declared"]),
    ('START\nBasic\nFront: a\nBack: b\nc\nTags: x y\nEND', ["START … END: 'a' | 'b\\nc' is_declared #x #y"]),
    ('START\nBasic\nIn Java: a?\nBack: b\nEND', ["START … END: 'In Java: a?' | 'b' is_declared"]),
    ('START\nBasic\na\nNote: c\nBack: b\nEND', ["START … END: 'a\\nNote: c' | 'b' is_declared"]),
    ('START\nBasic\nVorderseite: a\nRückseite: b\nEND', ["START … END: 'a' | 'b' is_declared"]),
    ('START\nCloze\nText: a {b}\nBack Extra: c\nEND', ["START … END: 'a {b}' | 'c' is_cloze is_declared"]),
    ('START\nCloze\na {b}\nEND', ["START … END: 'a {b}' | '' is_cloze is_declared"]),
    ('START\nBasic (and reversed card)\na\nBack: b\nEND', ["START … END: 'a' | 'b' two_way is_declared"]),
    ('START\nBasic (optional reversed card)\na\nBack: b\nAdd Reverse: y\nEND', ["START … END: 'a' | 'b' two_way is_declared"]),
    ('START\nBasic\na\nEND', ['START Basic a END']),
    ('START\nBasic\na\nBack: b', ['START Basic a Back: b']),
    ('STARTI [Basic] a Back: b ENDI', ["STARTI: 'a' | 'b' is_declared"]),
    ('STARTI [Basic] a Back: b Tags: x y ENDI', ["STARTI: 'a' | 'b' is_declared #x #y"]),
    ('x\n\n- STARTI [Basic] a Back: b ENDI', ['x', 'STARTI [Basic] a Back: b ENDI']),
    ('START\nBasic\na\nBack: b\nID: 1234567890123\nEND', ["START … END: 'a' | 'b' is_declared"]),
    ('STARTI [Cloze] a {b} Extra: c <!--ID: 1--> ENDI', ["STARTI: 'a {b}' | 'c' is_cloze is_declared"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "blocks"), FIELDS)
def test_the_cards_of_obsidian_to_anki(text, blocks):
    assert read(text, field_words=FieldKeywords()) == blocks


SYNTAXES = [
    ('Q\n#sep\nA\n\nB\nEND\nx', {'block_separators': {'#sep': False}, 'answer_end_line': 'END'}, ["#sep: 'Q' | 'A\\n\\nB'", 'x']),
    ('a ;; b', {'line_separators': {';;': True}}, ["inline ;;: 'a' | 'b' two_way"]),
    ('a ;;; b ;; c', {'line_separators': {';;': True, ';;;': False}}, ["inline ;;;: 'a' | 'b ;; c'"]),
    ('a::b', {'line_separators': {':::': True}}, ['a::b']),
    ('Q: a\nA: b', {'reads_labels': False}, ['Q: a A: b']),
    ('Q #card\nA', {'reads_labels': False}, ['Q #card A']),
    ('std::vector', {'is_declared': True}, ["inline_field ::: 'std' | 'vector'"]),
    ('#flashcards/b/c\n\na::b', {'deck_tags': ('flashcards',)}, ["inline ::: 'a' | 'b'"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "syntax", "blocks"), SYNTAXES)
def test_what_the_settings_of_a_plugin_change(text, syntax, blocks):
    assert read(text, **syntax) == blocks


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("==Term: meaning==", ("Term", "meaning")),
        ("==a b c d e: x: y==", ("a b c d e", "x: y")),
        ("==Term：意味==", ("Term", "意味")),
        ("==Term – meaning==", ("Term", "meaning")),
        ("==Term - meaning==.", ("Term", "meaning.")),
        ("==a b c d e f: x==", None),
        ("==Term:meaning==", None),
        ("==: x==", None),
        ("==12: noon==", None),
        ("==T://a: b==", None),
        ("`Term: a` ==b==", None),
        ("==Term-meaning==", None),
        ("==Term: meaning== more", None),
        ("a ==Term: meaning==", None),
    ],
)
def test_a_definition(text, sides):
    inline = parse_inline(text, InlineContext())
    marks = [phrase.span for phrase in inline.marked_phrases]
    found = parse_marked_definition(inline, marks[0])
    plain = inline.plain
    assert (found and (plain[slice(*found.front)], plain[slice(*found.back)])) == sides


GLOSSARIES = [
    ("- a: b", ["a|b"]),
    ("- a: b\n- c\n- d: e", ["a|b", "d|e"]),
    ("- a: b\n- a: c", ["a|b", "a|c"]),
    ("- a: b\n  more", ["a|b more"]),
    ("- a b\n  c: d", ["a b c|d"]),
    ("- a: b\n  - c: d\n\n  e: f\n- g: h", ["a|b", "g|h"]),
    ("- a\n  - c: d", ["c|d"]),
    ("- a b c d e: f", ["a b c d e|f"]),
    ("- a b c d e f: g", []),
    ("- 12:30: b\n- x://y: b\n- 12: b", []),
    ("- a: 12", ["a|12"]),
    ("- a：b", ["a|b"]),
    ("- a:b", []),
    ("a: b", []),
    ("• a: b\n– c: d\ne: f", ["a|b", "c|d"]),
    ("**a**: b\n**c:** d e\nf", ["a|b", "c|d e"]),
    ("## Other\n- a: b", []),
]


@pytest.mark.parametrize(("text", "cards"), GLOSSARIES)
def test_the_definitions_below_the_heading_of_a_glossary(text, cards):
    source = mask_comments_and_maths(f"# My terms:\n\n{text}\n\n# End\n- a: b")
    note = parse_blocks(source, InlineContext(), CardSyntax())
    found = []
    for block, definitions in find_glossaries(note, {"my terms"}).items():
        for (start, end), sides in definitions:
            assert start <= sides.front[0] < sides.back[1] <= end
            front = block.plain_text[slice(*sides.front)]
            found.append(f"{front}|{block.plain_text[slice(*sides.back)]}")
    assert found == cards
