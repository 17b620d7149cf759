"""What becomes of HTML in a text: what is Markdown of it, what is dropped, what stays as it is."""

import re

import pytest

from ankiforge.text.elements import (
    RUBY_PATTERN,
    can_be_unicode_script,
    comment_to_markdown,
    html_to_markdown,
    ruby_to_text,
    to_unicode_script,
)

TEXTS = {
    "  plain & 5 < 6 ": "plain & 5 < 6",
    # emphasis and code, in any case and with attributes
    "<b>b</b> <STRONG>b</STRONG> <i>i</i> <em>i</em>": "**b** **b** *i* *i*",
    "<s>s</s> <del>s</del> <strike>s</strike> <code>c</code>": "~~s~~ ~~s~~ ~~s~~ `c`",
    "<B CLASS=x>b</B>": "**b**",
    # blocks are on lines of their own, and neighbouring edges make one line break
    "<p>one</p><p>two</p>": "one\ntwo",
    "<p>\n  one\n</p>\n\n<p>two</p>": "one\ntwo",
    "<div>a</div> b<br>c<br/>d": "a\nb\nc\nd",
    "one<br><br>two<hr>three": "one\ntwo\nthree",
    "<ul><li>a</li><li>b</li></ul>": "a\nb",
    "<table><tr><td>a</td> <td>b</td></tr><tr><th>c</th><th class='x'>d</th></tr></table>": "a | b\nc | d",
    # raised and lowered text, and readings above letters
    "10<sup>5</sup> H<sub>2</sub>O x<sup>q</sup> <SUP>th</SUP>": "10⁵ H₂O x<sup>q</sup> ᵗʰ",
    "<ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp></ruby>": "東(とう)",
    "<ruby>東<rt>とう<rt>きょう</ruby> <rb>x</rb><rtc>y</rtc>": "東(とう)(きょう) xy",
    # what is no text
    "a<script>x < y</script>b<style>p{}</style>c<svg><path d='1'/></svg>d": "abcd",
    "<script>never closed": "never closed",
    "<a href='x'>link</a> <span style='c'>s</span> <u>u</u> <img src=x>y": "link s u y",
    "a\x01b<b>c</b>": "ab**c**",
    # entities are decoded once, and what would be one or a tag then is escaped
    "a &amp; b &lt;b&gt; &amp;lt; &#65; &bogus;": "a & b \\<b> \\&lt; A \\&bogus;",
    # other tags are text; in code and maths nothing is HTML
    "vector<int> a<5 <unknown>x</unknown> <!-- note -->": "vector\\<int> a<5 \\<unknown>x\\</unknown> \\<!-- note -->",
    "`<b>` and $a<b$ and <b>x</b>": "`<b>` and $a<b$ and **x**",
}  # fmt: skip


@pytest.mark.parametrize(("text", "markdown"), TEXTS.items(), ids=list(TEXTS))
def test_a_text_with_html(text, markdown):
    assert html_to_markdown(text) == markdown


COMMENTS = {
    # tags that a person writes about are text
    "What does <meta> do?": "What does \\<meta> do?",
    "<code>x</code> <p>y</p>": "`x` \\<p>y\\</p>",
    "5 < 6 & <!-- x --> <?php": "5 < 6 & \\<!-- x --> \\<?php",
    "see <https://x.org/a>": "see \\<https://x.org/a>",
    "`<b>` and `</b>`": "`<b>` and `</b>`",
    # only emphasis that is closed is emphasis
    "<b>bold</b> and <i>open": "**bold** and \\<i>open",
    "</b> only": "\\</b> only",
    "<B>x</B> <sup>2</sup> <strike>y</strike>": "**x** ² ~~y~~",
    "a<br>b</br>": "a\nb",
    r"\(a^2\) <b>x</b>": "$a^2$ **x**",
}


@pytest.mark.parametrize(("comment", "markdown"), COMMENTS.items(), ids=list(COMMENTS))
def test_a_comment_with_tags(comment, markdown):
    assert comment_to_markdown(comment) == markdown


@pytest.mark.parametrize(
    ("text", "element", "in_unicode", "shown"),
    [
        ("5", "sup", True, "⁵"),
        ("n+1", "sup", True, "ⁿ⁺¹"),
        ("−1", "sup", True, "⁻¹"),
        ("ij", "sub", True, "ᵢⱼ"),
        ("b", "sup", True, "ᵇ"),
        ("b", "sub", False, "b"),
        ("q", "sup", False, "q"),
        ("1/2", "sup", False, "^(1/2)"),
        ("x2/3", "sub", False, "_(x2/3)"),
        ("[1/2]", "sup", False, "[1/2]"),  # a citation
    ],
)
def test_raised_and_lowered_text(text, element, in_unicode, shown):
    assert can_be_unicode_script(text, element) is in_unicode
    assert to_unicode_script(text, element) == shown


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("<rt>とう</rt>", "(とう)"),
        ("<RT>a</RT>", "(a)"),
        ("<rt>a", "(a)"),
        ("<rt> </rt>", ""),
        ("<rp>(</rp>", ""),
    ],
)
def test_a_reading_above_letters(tag, shown):
    match = re.match(RUBY_PATTERN, tag)
    assert match is not None
    assert match[0] == tag
    assert ruby_to_text(match) == shown
