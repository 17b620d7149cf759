"""What `render` writes comes back as Markdown that says the same."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ankiforge.anki.notetypes import normalize_html
from ankiforge.anki.render import field_to_markdown, render_field
from tests.examples import examples

WRITTEN = [
    "Retrieval strengthens memory.",
    "two *kinds* of **strong** words, ~~struck~~ and ==marked==",
    "a * b, snake_case, 2 < 3 & 4 > 1, [brackets], `code`, C++ and #tag, cost $5",
    "inline $a_b < c$ and display $$\\sum_i x_i$$",
    "H<sub>2</sub>O, 10<sup>*n*</sup>, <u>under</u>, a<b>(b)</b>c and <i>$x$</i>y",
    "one\ntwo\n\nthree",
    "- one\n- two\n   - inner\n- three",
    "3. three\n4. four",
    "> quoted\n\nafter",
    "> one\n>\n> two\n>\n> - three",
    "> one\n>\n> ```bash\n> ls\n>\n> cd x\n> ```\n\nafter",
    "```\nif a < b:\n    x::y\n```\n\nafter",
    "```python\nif a < b:\n    return {}\n```\n\nafter",
    "see [the paper](https://example.org/a_(b)?q=1&r=2)",
    "# Head\n\ntext",
    "std::vector and {{braces}} and }} and [sound:x] and [latex]",
    "\\- no list\n\n1\\. nor this\n\n\\--- nor a rule",
    "a\n\n---\n\nb",
    "| a | b |\n|---|:---:|\n| 1 | *2* |\n| 3 | 4 |\n\nafter",
    "back\\\\slash and \\(not math\\)",
]
CLOZES = [
    "The {{c1::mitochondrion}} makes {{c2::ATP::a molecule}}.",
    "{{c1::$\\frac{a}{\\sqrt{b}}$}} and {{c2::std::vector}} and {{c1::a {{c3::b}} c}}",
    "{{c1::*strong* `code::x`}} is {{c2::==marked==}}",
]


@pytest.mark.parametrize("markdown", [*WRITTEN, *CLOZES])
def test_a_field_comes_back_and_renders_the_same(markdown):
    cloze = markdown in CLOZES
    html = render_field(markdown, cloze=cloze)
    assert normalize_html(
        render_field(field_to_markdown(html), cloze=cloze)
    ) == normalize_html(html)


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<div>one</div><div>two</div>", "one\n\ntwo"),
        ("a&nbsp;b<br>c", "a\u00a0b\nc"),
        ('<span style="color: red">red</span> <u>line</u>', "red <u>line</u>"),
        ("H<sub>2</sub>O is <b>(wet)</b>er</u>", "H<sub>2</sub>O is <b>(wet)</b>er"),
        ("<b>bold</b> <i>it</i>", "**bold** *it*"),
        ("R&D", "R&D"),
        ("one</blockquote>two", "onetwo"),
        ("one</a> <a href='https://a.org'>two</a></a>", "one [two](https://a.org)"),
        ("", ""),
    ],
)
def test_of_what_people_paste_the_text_stays(html, markdown):
    assert field_to_markdown(html) == markdown


@examples(60)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60))
def test_any_text_at_all_comes_back(text):
    assume(any(map(str.isalnum, text)))
    html = render_field(text)
    words = field_to_markdown(html)
    assert normalize_html(render_field(words)) == normalize_html(html)
