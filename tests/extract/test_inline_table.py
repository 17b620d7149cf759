"""Signs of a block of Markdown, as rows."""

import pytest

from ankiforge.extract.markdown.inline import parse_inline
from ankiforge.extract.markdown.markup import InlineContext


@pytest.mark.parametrize(
    ("text", "sign", "inside"),
    [
        ("*term:: meaning* of it", "::", True),
        ("of *term:: meaning*", "::", True),
        ("*term:: meaning*", "::", False),  # of all words
        ("term:: *meaning*", "::", False),
    ],
)
def test_emphasis_of_some_words_may_be_open_at_a_sign(text, sign, inside):
    block = parse_inline(text, InlineContext())
    assert block.has_emphasis_around(block.plain.index(sign)) is inside


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("**a {{c1::b *c}} d* e** f", "**a {{c1::b c}} d e** f"),
        ("**a {{c1::b** c}} d", "a {{c1::b c}} d"),
        ("**a {{c1::*b*}} c** d", "**a {{c1::*b*}} c** d"),
    ],
)
def test_emphasis_that_crosses_a_gap_is_dropped_and_that_around_it_stays(text, markdown):
    block = parse_inline(text, InlineContext())
    assert block.render_cloze() == markdown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("{東京|とう|きょう}は都です", "東京(とうきょう)は都です"),
        ("[東]{とう}は都です", "東(とう)は都です"),
        ("[東]^(とう)は都です", "東(とう)は都です"),
        ("<ruby>東<rt>とう</rt></ruby>は都です", "東(とう)は都です"),
        # what only looks alike
        ("{a|b}は都です", "{a|b}は都です"),
        ("[a]{b}は都です", "[a]{b}は都です"),
    ],
)
def test_a_reading_above_letters_is_in_brackets_behind_them(text, plain):
    assert parse_inline(text, InlineContext()).plain == plain
