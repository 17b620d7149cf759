"""Markup of a block: its plain text, from which keys are made, and its Markdown, row by row."""

import pytest

from ankiforge.extract.markdown.inline_parser import (
    parse_inline,
    render_blocks,
)
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths

MEDIA = (".png", ".mp3")
CONTEXT = InlineContext(
    find_media_path=lambda path: path if path.endswith(MEDIA) else "",
    link_labels={
        "REF": {"href": "https://r.org", "title": ""},
        "PIC": {"href": "p.png", "title": ""},
    },
)
# (source, plain text, Markdown of a side, and as a cloze text if that is not the same)
MARKUP = [
    ('a  b\tc ', 'a b c', 'a b c'),
    (' a', 'a', 'a'),
    ('a\nb', 'a b', 'a b'),
    ('a  \nb', 'a b', 'a  \nb'),
    ('a\\\nb', 'a b', 'a  \nb'),
    ('a\\', 'a\\', 'a'),
    ('a\n  b', 'a b', 'a b'),
    ('*a* **b** _c_ ~~d~~ ***e***', 'a b c d e', '*a* **b** _c_ ~~d~~ ***e***'),
    ('a*b*c', 'abc', 'a*b*c'),
    ('a * b', 'a * b', 'a * b'),
    ('a ** b ** c', 'a ** b ** c', 'a \\*\\* b \\*\\* c'),
    ('2 ** 3', '2 ** 3', '2 \\*\\* 3'),
    ('a_b_c', 'a_b_c', 'a_b_c'),
    ('_a', '_a', '\\_a'),
    ('*a', '*a', '\\*a'),
    ('~~a', '~~a', '\\~~a'),
    ('snake_case_x', 'snake_case_x', 'snake_case_x'),
    ('\\*a\\*', '*a*', '\\*a\\*'),
    ('a\\b', 'a\\b', 'a\\b'),
    ('&amp; &lt; &copy; &x', '& < © &x', '& \\< © &x'),
    ('&amp;lt;', '&lt;', '\\&lt;'),
    ('<b>a</b> <i>b</i> <u>c</u> <s>d</s> <del>e</del>', 'a b c d e', '<b>a</b> <i>b</i> <u>c</u> <s>d</s> <s>e</s>'),
    ('<b>a', 'a', 'a'),
    ('a</b>', 'a', 'a'),
    ('<x>a</x> a<b c>d', '<x>a</x> a<b c>d', '\\<x>a\\</x> a\\<b c>d'),
    ('<span>a</span><br>b', 'a b', 'a  \nb'),
    ('a<br/>b', 'a b', 'a  \nb'),
    ('<p>a</p><p>b</p>', 'a b', 'a  \nb'),
    ('<div>a</div>', 'a', 'a'),
    ('<!-- x -->', '<!-- x -->', '<!-- x -->'),
    ('<sup>2</sup> H<sub>2</sub>O x<sup>q r</sup>', '² H₂O xq r', '² H₂O x<sup>q r</sup>'),
    ('<ruby>東<rt>とう</rt></ruby>', '東(とう)', '東(とう)'),
    ('{東京|とう|きょう}', '東京(とうきょう)', '東京(とうきょう)'),
    ('[東]{とう}', '東(とう)', '東(とう)'),
    ('`a*b` ``c`d``', '`a*b` ``c`d``', '`a*b` ``c`d``'),
    ('`a', '`a', '`a'),
    ('$x*y*$ $5 and $6', '$x*y*$ $5 and $6', '$x*y*$ $5 and $6'),
    ('$$x$$', '$$x$$', '$$x$$'),
    ('a ==== b', 'a ==== b', 'a ==== b'),
    ('==a== b', 'a b', 'a b'),
    ('＝＝a＝＝', 'a', 'a'),
    ('a==b', 'a==b', 'a==b'),
    ('a==b or c==d', 'a==b or c==d', 'a==b or c==d'),
    ('== a ==', '== a ==', '== a =='),
    ('==a\nb==', 'a b', 'a b'),
    ('==a', '==a', '==a'),
    ('<mark>a</mark>', 'a', 'a'),
    ("<mark style='background: #FFF3A3A6;'>a</mark>", 'a', 'a'),
    ("<mark class='hltr-red'>a</mark>", 'a', 'a'),
    ('<span style="background-color: rgb(1,2,300)">a</span>', 'a', 'a'),
    ('<mark>a', 'a', 'a'),
    ('{{c1::a}} {{c2::b::h}}', 'a b', 'a b', '{{c1::a}} {{c2::b::h}}'),
    ('{{c1,2::a}}', 'a', 'a', '{{c1,2::a}}'),
    ('{{1::a}}', 'a', 'a', '{{c1::a}}'),
    ('{{cloze a}}', 'a', 'a', '{{c1::a}}'),
    ('{{a}}', '{{a}}', '{{a}}'),
    ('{{c1::a {{c2::b}} }}', 'a b', 'a b', '{{c1::a {{c2::b}}}}'),
    ('{{c1::a', '{{c1::a', '{{c1::a'),
    ('a}}', 'a}}', 'a}}'),
    ('{{c1::{x}}}', '{x}', '{x}', '{{c1::{x}}}'),
    ('{{c1::{x}', '{{c1::{x}', '{{c1::{x}'),
    ('{{c1::a}b}}', 'a}b', 'a}b', '{{c1::a}b}}'),
    ('{{C1::a}}', 'a', 'a', '{{c1::a}}'),
    ('{{c1:a}}', 'a', 'a', '{{c1::a}}'),
    ('{{c1：：a}}', 'a', 'a', '{{c1::a}}'),
    ('{{c1:: a }}b', 'a b', 'a b', '{{c1::a}} b'),
    ('{{c3::a}} {{::b}}', 'a {{::b}}', 'a {{::b}}', '{{c3::a}} {{::b}}'),
    ('{{c1::*a*}}', 'a', '*a*', '{{c1::*a*}}'),
    ('*{{c1::a}} b*', 'a b', '*a b*', '*{{c1::a}} b*'),
    ('#tag a #b', 'a', 'a'),
    ('a #tag b', 'a #tag b', 'a #tag b'),
    ('#1 a', '#1 a', '#1 a'),
    ('a#b', 'a#b', 'a#b'),
    ('#a/b-c d', 'd', 'd'),
    ('[a](https://x.org)', 'a', '[a](https://x.org)'),
    ('[a](b.md)', 'a', 'a'),
    ('[a](<b c>)', 'a', 'a'),
    ('[a](b.mp3)', 'a', 'a ![](b.mp3)'),
    ('[[N]]', 'N', 'N'),
    ('[[N|x]]', 'x', 'x'),
    ('[[N#H]]', 'N > H', 'N > H'),
    ('[[N#^id]]', 'N', 'N'),
    ('[[#H]]', 'H', 'H'),
    ('[[a.mp3]]', 'a.mp3', 'a.mp3 ![](a.mp3)'),
    ('![[p.png]]', '', '![](p.png)'),
    ('![[p.png|100]]', '', '![|100](p.png)'),
    ('![[p.png|alt|100]]', '', '![|100](p.png)'),
    ('![[n.md]]', '', '![](n.md)'),
    ('![[x.png|a b]] c', 'c', '![](x.png) c'),
    ('![alt](p.png)', '', '![alt](p.png)'),
    ('![](p.png)', '', '![](p.png)'),
    ("![a|30](p.png 't')", '', '![a|30](p.png)'),
    ('![300x200](p.png)', '', '![|300](p.png)'),
    ('![a](https://x/y.png)', '', '![a](https://x/y.png)'),
    ('![a](p.png){width=50%}', '', '![a](p.png)'),
    ('![no][none]', '![no][none]', '![no][none]'),
    ('[a][REF]', 'a', '[a](https://r.org)'),
    ('[sound:a.mp3]', '[sound:a.mp3]', '![](a.mp3)'),
    ('[sound:b.x]', '[sound:b.x]', '\\[sound:b.x]'),
    ("<img src='p.png' alt='x' width=30>", '', '![x|30](p.png)'),
    ("<img src='https://x/a b.png'>", '', '![](https://x/a%20b.png)'),
    ('<audio src=a.mp3></audio>', '', '![](a.mp3)'),
    ('<img>', '', ''),
    ('<https://x.org>', 'https://x.org', '<https://x.org>'),
    ('https://x.org/a_b*c*. d', 'https://x.org/a_b*c*. d', 'https://x.org/a_b\\*c\\*. d'),
    ('ab://x', 'ab://x', 'ab://x'),
    ('x://', 'x://', 'x://'),
    ('://x', '://x', '://x'),
    ('<% tp.file %>', '<% tp.file %>', '\\<% tp.file %>'),
    ('a[^1] b[^n]', 'a b', 'a b'),
    ('[^1]: text', 'text', 'text'),
    ('| a', '| a', '| a'),
    ('a | b', 'a | b', 'a | b'),
    ('\ufdd0', '', ''),
    ('\ufdd2', '', ''),
    ('a %% b', 'a %% b', 'a %% b'),
    ('`a\nb`', '`a b`', '`a b`'),
    ('a\n\n', 'a', 'a'),
    ('[a]', '[a]', '[a]'),
    ('[a] (b)', '[a] (b)', '[a] (b)'),
    ('a \\[b\\]', 'a [b]', 'a \\[b\\]'),
    ('<svg><path/></svg>a', 'a', 'a'),
    ('a\xa0b', 'a b', 'a b'),
    ('##a', '##a', '##a'),
    ('1. a', '1. a', '1\\. a', '1. a'),
    ('- a', '- a', '\\- a', '- a'),
    ('> a', '> a', '\\> a', '> a'),
    ('+ a', '+ a', '\\+ a', '+ a'),
    ('a - b', 'a - b', 'a - b'),
]  # fmt: skip


@pytest.mark.parametrize("row", MARKUP, ids=[row[0] for row in MARKUP])
def test_markup_as_plain_text_and_as_markdown(row):
    source, plain, side, *cloze = row
    inline = parse_inline(source, CONTEXT)
    assert inline.plain == plain
    assert inline.render_range(0, len(plain), is_side=True)[0] == side
    assert inline.render_cloze() == (cloze[0] if cloze else side)
    # what opens is closed, and in the order of the text
    for index, token in enumerate(inline.tokens):
        assert token.index == index
    for enclosure in inline.enclosures:
        assert enclosure.opener.enclosure is enclosure.closer.enclosure is enclosure
        assert enclosure.closer.index > enclosure.opener.index


PHRASES = [
    ("==a== **b** {{c2::c}} <mark class='hltr-red'>d</mark>", ['== - a', 'bold - b', '{{ - c', 'mark red d']),
    ("<mark style='background: #FFF3A3A6;'>a</mark>", ['mark #fff3a3 a']),
    ('<span style="background-color: rgb(1, 2,300)">a</span>', ['mark #0102ff a']),
    ("<mark style='background:#abc'>a</mark>", ['mark #aabbcc a']),
    ("<mark style='background: red '>a</mark>", ['mark red a']),
    ('**a\nb** ==c\nd==', ['== - c d']),
    ('== ==a', []),
    ('a**b**', ['bold - b']),
    ('<b>a</b>', ['bold - a']),
    ('__a__', ['bold - a']),
    ('=={{c1::a}}== b', ['== - a', '{{ - a']),
    ('==a ==b== c==', ['== - b']),
    ('==a **b**==', ['== - a b', 'bold - b']),
]  # fmt: skip


@pytest.mark.parametrize(("text", "phrases"), PHRASES)
def test_the_marked_phrases_of_a_text(text, phrases):
    inline = parse_inline(text, CONTEXT)
    assert phrases == [
        f"{phrase.mark_kind} {phrase.colour or '-'} {inline.plain[slice(*phrase.span)]}"
        for phrase in inline.marked_phrases
    ]


CLOZES = [
    ('==a== b', ['=='], '{{c1::a}} b'),
    ('**a** b', ['bold'], '{{c1::a}} b'),
    ('{a} b', ['{'], '{{c1::a}} b'),
    ('{{a}} b', ['{{'], '{{c1::a}} b'),
    ('{{a}} {{2;;b}} {{c;;h}}', ['{{'], '{{c1::a}} {{c2::b}} {{c2::c::h}}'),
    ('==1;;a;;h== ==b==', ['=='], '{{c1::a::h}} {{c1::b}}'),
    ('{2:a} {c3::b} {d}', ['{'], '{{c2::a}} {{c3::b}} {{c1::d}}'),
    ('{a {b}}', ['{'], '{{c1::a {b}}}'),
    ('{}', ['{'], '{}'),
    ('{a\nb}', ['{'], '{a b}'),
    ('==a\nb==', ['=='], 'a b'),
    ('==a {{c1::b}}==', ['=='], 'a {{c1::b}}'),
    ('{東京|とう|きょう}', ['{'], '{{c1::東京|とう|きょう}}'),
    ('{{a} b}', ['{{'], '{{a} b}'),
    ('{{{a}}}', ['{{', '{'], '{{{a}}}'),
    ('==ash;;a==', ['=='], '{{c1::a}}'),
    ('==a;;== b', ['=='], '{{c1::a;;}} b'),
    ('{a::b}', ['{'], '{{c1::a::b}}'),
    ('{{a::h}}', ['{{'], '{{c1::a::h}}'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "markers", "cloze"), CLOZES)
def test_what_a_plugin_reads_as_cloze_deletions(text, markers, cloze):
    context = CONTEXT._replace(cloze_markers=frozenset(markers))
    assert parse_inline(text, context).render_cloze() == cloze


# (source, offsets, Markdown, as a side of a card, and without bold)
RANGES = [
    ('a![](p.png) b', (0, 1), 'a', 'a![](p.png)', 'a'),
    ('a![](p.png) b', (1, 1), '![](p.png)', '![](p.png)', '![](p.png)'),
    ('a*b*c', (0, 1), 'a', 'a', 'a'),
    ('a *b*', (2, 2), '', '', ''),
    ('*a b* c', (0, 1), 'a', 'a', 'a'),
    ('*a b* c', (2, 5), 'b c', 'b c', 'b c'),
    ('**a** b', (0, 1), '**a**', '**a**', 'a'),
    ('a ![](p.png) b', (0, 1), 'a', 'a ![](p.png)', 'a'),
    ('a ![](p.png) b', (2, 3), '![](p.png) b', '![](p.png) b', '![](p.png) b'),
    ('![](p.png) a', (0, 1), '![](p.png) a', '![](p.png) a', '![](p.png) a'),
    ('a b c', (1, 3), 'b', 'b', 'b'),
    ('[a b](https://x) c', (0, 1), 'a', 'a', 'a'),
    ('[a b](https://x) c', (0, 3), 'a b', '[a b](https://x)', 'a b'),
    ('==a== b', (0, 3), 'a b', 'a b', 'a b'),
    ('#a# b', (0, 4), '\\# b', '\\# b', '\\# b'),
    ('a\nb c', (2, 5), 'b c', 'b c', 'b c'),
    ('`a b` c', (0, 3), '`a b`', '`a b`', '`a b`'),
    ('a 1. b', (2, 6), '1\\. b', '1\\. b', '1\\. b'),
    ('x `a` y', (0, 1), 'x', 'x', 'x'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "span", "markdown", "side", "plain"), RANGES)
def test_a_part_of_a_block_as_markdown(text, span, markdown, side, plain):
    inline = parse_inline(text, CONTEXT)
    assert inline.render_range(*span)[0] == markdown
    assert inline.render_range(*span, is_side=True)[0] == side
    assert inline.render_range(*span, keep_bold=False)[0] == plain


# (source, Markdown, with cloze deletions, and with links)
BLOCKS = [
    ('a\n\nb', 'a\n\nb', 'a\n\nb', 'a\n\nb'),
    ('- a\n- ==b==', '- a\n- b', '- a\n- b', '- a\n- b'),
    ('a  b', 'a  b', 'a  b', 'a  b'),
    ('```\n==a==\n```\n==b==', '```\n==a==\n```\nb', '```\n==a==\n```\nb', '```\n==a==\n```\nb'),
    ('> [!note] A\n> b', '> A\n> b', '> A\n> b', '> A\n> b'),
    ('{{a}} {{c1::b}}', '{{a}} b', '{{a}} {{c1::b}}', '{{a}} b'),
    ('#tag a\nb #x', 'a\nb', 'a\nb', 'a\nb'),
    ('a b #tag', 'a b', 'a b', 'a b'),
    ('#tag', '', '', ''),
    ('a \nb  \nc', 'a\nb  \nc', 'a\nb  \nc', 'a\nb  \nc'),
    ('[a](https://x) b', 'a b', '[a](https://x) b', '[a](https://x) b'),
    ('%% x %%\na', 'a', 'a', 'a'),
    ('<p>a</p>b', 'a  \nb', 'a  \nb', 'a  \nb'),
    ('<br>a', 'a', 'a', 'a'),
    ('\\*<br>a\\*<p>b</p>', '\\*  \na\\*  \nb', '\\*  \na\\*  \nb', '\\*  \na\\*  \nb'),
    ('```\n{{c1::a}}\n```\n{{c1::b}}\n\n```\nc\n```', '```\n{{c1::a}}\n```\nb\n\n```\nc\n```', '```\n{{c1::a}}\n```\n{{c1::b}}\n\n```\nc\n```', '```\n{{c1::a}}\n```\nb\n\n```\nc\n```'),
    ('{{c1:: a }}\n\nb', 'a\n\nb', '{{c1::a}}\n\nb', 'a\n\nb'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "markdown", "cloze", "linked"), BLOCKS)
def test_several_blocks_as_markdown(text, markdown, cloze, linked):
    masked = mask_comments_and_maths(text)
    context = CONTEXT._replace(maths=masked.maths)
    assert render_blocks(masked.text, context) == markdown
    assert render_blocks(masked.text, context, keep_clozes=True) == cloze
    assert render_blocks(masked.text, context, keep_links=True) == linked


def test_links_tags_and_lines():
    text = "[a](x.md) [[N#H|b]] https://x.org <https://y.org> ![[n.md]]"
    inline = parse_inline(text, CONTEXT)
    targets = [
        (inline.plain[slice(*span)], target) for span, target in inline.link_targets
    ]
    assert targets == [
        ("a", "x.md"),
        ("b", "[[N#H]]"),
        ("https://x.org", "https://x.org"),
        ("https://y.org", "https://y.org"),
        ("", "[[n.md]]"),
    ]
    assert parse_inline("#a x #b-c y #d", CONTEXT).tags == ("a", "b-c", "d")
    inline = parse_inline("ab\ncd <br> e", CONTEXT)
    assert inline.find_lines() == [(0, 2), (3, 6), (6, 7)]
    assert [offset for offset in range(9) if inline.is_line_end(offset)] == [2, 3, 6, 7]


def test_pictures_and_bold_text():
    text = "==![a](p.png)== {{c1::![](p.png)}} ==x ![](p.png)== <mark class='x-red'>![b](p.png)</mark>"
    inline = parse_inline(text, CONTEXT)
    assert [tuple(picture) for picture in inline.marked_pictures] == [
        (0, "==", None, "![a](p.png)"),
        (1, "mark", "red", "![b](p.png)"),
    ]
    assert len(inline.gaps_with_content) == 1
    assert inline.clozes == []
    inline = parse_inline("a ![](p.png) b<p>c</p>", CONTEXT)
    assert [at for at in range(8) if inline.has_picture_or_edge_at(at)] == [2, 3, 5]
    inline = parse_inline("a **b c** d", CONTEXT)
    assert [
        span for span in ((2, 5), (2, 3), (0, 3), (2, 6)) if inline.is_bold(*span)
    ] == [(2, 5), (2, 3)]
