"""What the style of a card must say since Anki and MathJax have rules of their own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ankiforge.anki.notetypes import get_our_note_type, read_design_file
from ankiforge.model import NoteType

# Anki's reviewer and MathJax 3 say this of a card.
ANKI = """
body.nightMode { background-color: #2c2c2c; color: #fcfcfc; }
mjx-container[display] { display: block; }
"""
CARD = """<style>{anki}{style}</style><body class="card card1 nightMode"><div id="qa">
<p>a <mjx-container>x</mjx-container></p><mjx-container display="true">y</mjx-container>
<table><tr><td>z</td></tr></table></div></body>"""
GROUND = "selector => getComputedStyle(document.querySelector(selector)).backgroundColor"
TRANSPARENT = "rgba(0, 0, 0, 0)"
SCROLL = "selector => getComputedStyle(document.querySelector(selector)).overflowX"


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    """One page, which each test fills anew."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def shown(page: Any) -> Any:
    page.set_content(CARD.format(anki=ANKI, style=get_our_note_type(NoteType.BASIC).css))
    return page


def test_what_may_scroll_has_the_ground_of_its_card_at_night(shown):
    ground = shown.evaluate(GROUND, "body")
    assert ground != "rgb(44, 44, 44)"
    assert shown.evaluate(GROUND, "table") in (ground, TRANSPARENT)
    assert shown.evaluate(GROUND, "mjx-container[display]") in (ground, TRANSPARENT)


WIDTHS = """() => Object.fromEntries([...document.querySelectorAll("#qa *")].map(
    (element) => [element.id, element.getBoundingClientRect().width]))"""


def test_code_and_tables_use_the_window_and_text_does_not(page):
    page.set_viewport_size({"width": 1000, "height": 600})
    row = "<td>some words</td>" * 12
    page.set_content(
        f"<style>body {{ margin: 20px }}{get_our_note_type(NoteType.BASIC).css}</style>"
        '<body class="card"><div id="qa"><div id="answer" class="af-answer">Words'
        f'<pre id="code">{"code " * 200}</pre><table id="table"><tr>{row}</tr></table>'
        '<pre id="short">\tx</pre><ul><li id="item"><pre id="inner">'
        f"{'code ' * 200}</pre></li></ul></div></div></body>"
    )
    widths = page.evaluate(WIDTHS)
    assert widths["answer"] == widths["short"] == 672
    assert widths["code"] == widths["table"] == 816  # to the end of the window
    assert widths["inner"] == widths["item"] < 672
    tab = "getComputedStyle(document.querySelector('pre')).tabSize"
    assert page.evaluate(tab) == "4"
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 1000


def test_a_formula_in_a_line_is_left_on_its_line(shown):
    assert shown.evaluate(SCROLL, "mjx-container[display]") == "auto"
    assert shown.evaluate(SCROLL, "p mjx-container") == "visible"


PLACES = """() => Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => {
    const words = document.createRange();
    words.selectNodeContents(element);
    const { left, right, top } = words.getBoundingClientRect();
    return [element.id, { left: Math.round(left), right: Math.round(right), top: Math.round(top) }];
}))"""


def placed(page: Any, question: str, answer: str, width: int = 1000) -> Any:
    """Where the words of a card stand in a window."""
    page.set_viewport_size({"width": width, "height": 620})
    front, back = (
        read_design_file(f"basic-card-1-{side}.html") for side in ("question", "answer")
    )
    front = front.replace("{{Front}}", f'<span id="question">{question}</span>')
    front = front.replace("{{Citation}}", '<span id="place">Notes › Capitals</span>')
    back = back.replace("{{Back}}", f'<span id="back">{answer}</span>')
    shown = re.sub(r"\{\{[#^/].*?\}\}", "", back.replace("{{FrontSide}}", front))
    style = get_our_note_type(NoteType.BASIC).css
    page.set_content(
        f'<style>{style}</style><body class="card"><div id="qa">{shown}</div></body>'
    )
    return page.evaluate(PLACES)


@pytest.mark.parametrize(
    ("question", "answer", "side"),
    [
        ("What is the capital?", "Lima", "left"),
        ("What is the capital?", "باريس", "left"),
        ("מהי בירת ישראל?", "ירושלים", "right"),
        ("מהי בירת ישראל?", "Jerusalem", "right"),
    ],
)
def test_a_whole_card_stands_at_the_side_at_which_its_question_begins(
    page, question, answer, side
):
    places = placed(page, question, answer)
    assert len({places[part][side] for part in ("place", "question", "back")}) == 1


def test_a_short_card_is_a_third_of_the_way_down_on_a_desktop_and_at_the_top_of_a_phone(
    page,
):
    assert 150 < placed(page, "What?", "That")["question"]["top"] < 210
    assert placed(page, "What?", "That", width=390)["question"]["top"] < 80


def test_a_formula_of_its_own_line_stands_on_the_axis_of_the_text(page):
    """MathJax centres it."""
    formula = '<span id="formula">x</span>'
    centred = 'display="true" style="display: block; text-align: center"'
    places = placed(page, "Which?", f"<mjx-container {centred}>{formula}</mjx-container>")
    assert places["formula"]["left"] == places["question"]["left"]
