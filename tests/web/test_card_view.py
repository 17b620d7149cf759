"""The two sides of a card on the page: the question hides what the answer shows."""

import re

import pytest
from msgspec.structs import replace

from ankiforge.model import CardKind, Media
from ankiforge.web.card_view import (
    find_card_quote,
    render_card,
    render_highlight_list,
)
from ankiforge.web.maths import split_at_formulas


def text_of(html: str) -> str:
    """What a reader sees of a side, without the line that names the source."""
    html = re.sub(r'<div class="af-context".*?</div>', "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize(
    ("text", "front", "back"),
    [
        (
            "The {{c1::spacing}} effect helps.",
            "The […] effect helps.",
            "The spacing effect helps.",
        ),
        ("It is {{c1::H2O::formula}}.", "It is [formula].", "It is H2O."),
        (
            "{{c1::Sleep}} and {{c1::tests}} help.",
            "[…] and […] help.",
            "Sleep and tests help.",
        ),
    ],
)
def test_a_cloze_hides_its_answer_and_keeps_the_words_around(
    make_card, text, front, back
):
    view = render_card(make_card(CardKind.CLOZE, Text=text), lambda *_: None)
    squeezed = text_of(view["front"]).replace(" .", ".")
    assert squeezed == front
    assert back in text_of(view["back"]).replace(" .", ".")


def test_a_question_is_asked_in_front_and_answered_behind(make_card):
    view = render_card(make_card(Front="What helps?", Back="Testing"), lambda *_: None)
    assert text_of(view["front"]) == "What helps?"
    assert text_of(view["back"]) == "What helps? Testing"
    assert view["title"] == "What helps?"


def test_formulas_of_a_line_stand_between_its_words():
    parts = split_at_formulas("Energy $E$ is mass $m$ times $c^2$.")
    assert [words for words, formula in parts if not formula] == [
        "Energy ",
        " is mass ",
        " times ",
        ".",
    ]
    assert [words for words, formula in parts if formula] == ["$E$", "$m$", "$c^2$"]


def test_an_extra_stands_below_the_answer_of_any_card(make_card):
    for kind, fields in (
        (CardKind.BASIC, {"Front": "What helps?", "Back": "Testing"}),
        (CardKind.CLOZE, {"Text": "What helps? {{c1::Testing}}"}),
    ):
        view = render_card(make_card(kind, **fields, Extra="by recall"), lambda *_: None)
        assert "recall" not in view["front"]
        assert text_of(view["back"]) == "What helps? Testing by recall"
        two_way = make_card(CardKind.TWO_WAY, Front="cão", Back="dog")
        assert (
            render_card(two_way, lambda *_: None)["note"] == "Asked in both directions."
        )


def test_a_sound_is_played_where_anki_plays_it(make_card):
    media = Media("af-0123456789abcdef.mp3", "/tmp/hola.mp3")
    card = make_card(CardKind.CLOZE, Text="{{c1::![](hola.mp3)}} is hola.")
    view = render_card(card, lambda *_: media)
    assert "<audio" not in view["front"]
    assert f'src="/picture/{media.name}"></audio>' in view["back"]


def test_a_list_shows_the_text_of_the_card_with_its_gap_marked(make_card):
    table = "| a | b |\n|---|:-:|\n| the {{c1::left $x^2$}} cell | `c` |"
    view = render_card(make_card(CardKind.CLOZE, Text=table), lambda *_: None)
    assert "<table" in view["question"]
    assert "<math" in view["question"].partition('class="cloze"')[2]
    assert view["answer"] == ""
    assert view["title"] == "a · b the left $x^2$ cell · c"


@pytest.mark.parametrize(
    ("quote", "asked"),
    [
        ("Testing helps.", "Testing helps."),
        ("testing HELPS", "Testing helps"),  # as it is marked
        ("Testing helps. So does sleep.", "Testing helps. So does sleep."),
        ("Cramming does not.", ""),  # beside the mark
        ("", ""),
    ],
)
def test_of_a_mark_the_words_are_asked_on_which_the_card_rests(make_card, quote, asked):
    highlight = make_card(CardKind.CLOZE, Text="The {{c1::b}}").highlight
    marked = replace(highlight, exact="Testing helps. So does sleep.", gaps=())
    assert find_card_quote(marked, quote) == asked


@pytest.mark.parametrize(
    ("passage", "shown"),
    [
        ({"exact": "a | b\nc"}, "<mark>a | b<br>c</mark>"),
        ({"exact": "b", "sentence": "a b c."}, "a <mark>b</mark> c."),
        ({"exact": "b", "sentence": "", "suffix": " and more"}, "<mark>b</mark></blockquote>"),
        ({"exact": "see `x` or $y$"}, "<mark>see <code>x</code> or <math"),
    ],
)  # fmt: skip
def test_a_mark_of_a_book_stands_in_its_sentence(make_card, passage, shown):
    highlight = make_card(CardKind.CLOZE, Text="The {{c1::b}}").highlight
    bare = {
        "sentence": "",
        "prefix": "",
        "suffix": "",
        "surrounding_text": "",
        "gaps": (),
    }
    mark = replace(highlight, namespace="vault:n", **{**bare, **passage})
    quote = render_highlight_list("A book", [mark]).partition('<blockquote dir="auto">')[
        2
    ]
    assert quote.startswith(shown)
