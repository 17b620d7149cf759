"""What a page of an export says, once any reader of Markdown has drawn it."""

import re
from html import unescape

from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ankiforge.anki.render import render
from ankiforge.reports.export import item, shown

DRAWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PIECES = [
    "a",
    "b c",
    " ",
    "\n",
    *"*_<>[](){}=:#%~|-+1.&\\",
    " ==a== ",
    "::",
    " `x` ",
    "&lt;",
    "<b>",
]


def text_of(html: str) -> str:
    """All letters and signs that a reader sees."""
    return re.sub(r"\s+", "", unescape(re.sub(r"<[^<>]*>", "", html)))


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_a_page_says_what_the_card_says(markdown):
    assume(not re.search(r"^ {4}", markdown, re.MULTILINE))  # a card knows no indented code
    page = "\n".join(item("- ", shown(markdown)))
    assert text_of(DRAWN.render(page)) == text_of(render(markdown))


AROUND = st.sampled_from(["", " ", "a", "記", ".", "(", "`c`", "**d**", "\n"])
HIDDEN = st.sampled_from(
    ["x", "(y)", "「憶」", "**z**", "`c`", " q ", "a b.", "{{c2::n}} m", "l\nm"]
)


@given(st.lists(st.tuples(AROUND, HIDDEN), min_size=1, max_size=4), AROUND)
def test_what_a_cloze_hides_stands_on_the_page_without_its_signs(parts, end):
    markdown = "".join(f"{around}{{{{c1::{answer}}}}}" for around, answer in parts) + end
    drawn = DRAWN.render("\n".join(item("- ", shown(markdown, cloze=True))))
    told = re.sub(r"\{\{c\d::|\}\}", "", text_of(render(markdown, cloze=True)))
    assert text_of(drawn) == told
    assert "<strong>" in drawn or "<b>" in drawn
