import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ankiforge.anki.notetypes import normalize_html

SAME = {
    "the colours of code": (
        '<code><span class="af-k">if</span> a</code>',
        "<code>if a</code>",
    ),
    "void tags": ("a<br/>b<hr />", "a<br>b<hr>"),
    "the case of tags": ("<B>a</B>", "<b>a</b>"),
    "the order of attributes": ("<i b=1 a='2'>x</i>", '<i a="2" b="1">x</i>'),
    "entities": ("&#123;&quot;&nbsp;&lt;", '{"\u00a0&lt;'),
    "composed letters": ("Zu\u0308rich", "Z\u00fcrich"),
    "composed letters across a break": ("u<wbr>\u0308", "\u00fc"),
    "line ends": ("a\r\nb\rc", "a\nb\nc"),
    "control characters": ("a\x00\x07b", "ab"),
    "what shows nothing": ("{<wbr>{<span></span>", "{{"),
    "breaks at the end": ("a<br> <br>\n", "a"),
    "a picture Anki renamed": (
        f'<img src="af-0123456789abcdef-{"0" * 40}.png">',
        '<img src="af-0123456789abcdef.png">',
    ),
    "comments": ("a<!-- x -->b", "ab"),
    "a long run of blanks and breaks": (
        "a" + " \n" * 200_000 + "b" + "<br> " * 50_000,
        "a" + " \n" * 200_000 + "b",
    ),
}
DIFFERENT = {
    "other words": ("a", "b"),
    "case": ("A", "a"),
    "a no-break space at the end": ("a", "a\u00a0"),
    "a break within": ("a<br>b", "ab"),
    "emphasis": ("<b>a</b>", "a"),
    "a span that says something": ('<span class="x"></span>', ""),
    "a tag and its text": ("<b>", "&lt;b&gt;"),
}


@pytest.mark.parametrize(
    ("pair", "same"),
    [
        *((one, True) for one in SAME.values()),
        *((one, False) for one in DIFFERENT.values()),
    ],
    ids=[*SAME, *DIFFERENT],
)
def test_what_a_reader_can_tell_apart_counts_and_an_editors_spelling_does_not(pair, same):
    one, other = map(normalize_html, pair)
    assert (one == other) is same


@pytest.mark.parametrize(
    ("html", "form"),
    [
        ('a "b" & <b>c</b>', 'a "b" &amp; <strong>c</strong>'),
        ("a &quot;b&quot; &lt;c&gt;", 'a "b" &lt;c&gt;'),
        ('<a href="b">c</a> "d"', '<a href="b">c</a> "d"'),
        ("<A HREF='b'>c</A>", '<a href="b">c</a>'),
        ('<code><span class="af-k">if</span></code>', "<code>if</code>"),
        ("<i>a</i><del>b</del><u>c</u>", "<em>a</em><s>b</s><u>c</u>"),
    ],
)
def test_the_form_whose_hash_is_kept_never_changes(html, form):
    assert normalize_html(html) == form


@given(st.text("ab<>&;'\"/=! \n\u0308\u00a0#x20-\r", max_size=40))
def test_any_text_has_a_normal_form_and_it_is_its_own(text):
    once = normalize_html(text)
    assert normalize_html(once) == once


WORDS = (
    "<b> </b> <i> <br> <br/> <p> </p> <div> </div> <span> </span> <script> </script> <style> <title>"
    " text & &amp; &#39; &notit &am p; &lt &nbsp; 1<2 < </ {{c1:: }} <wbr> é \u00a0 \x00 \r\n \" '"
)
TAGS = (
    '<a href="x?a=1&amp;b=&lt;">',
    "</a>",
    '<span style="color: red">',
    '<img b="" a="1" b="2">',
)
PIECES = (*WORDS.split(" "), *TAGS, " ")


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@example('<p>a &amp; b<br/>c</p><img b="" a="&quot;" b="2">')
def test_a_tag_means_the_same_in_capitals(text):
    """In small letters, as mostly, it is read in a quicker way."""
    in_capitals = re.sub(r"</?[a-z]+", lambda tag: tag[0].upper(), text)
    assert normalize_html(text) == normalize_html(in_capitals)
