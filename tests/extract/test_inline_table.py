"""Signs of a block of Markdown, as rows."""

import pytest

from ankiforge.extract.markdown.inline_parser import parse_inline
from ankiforge.extract.markdown.markup import InlineContext


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
