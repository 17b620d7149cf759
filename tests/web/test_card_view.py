"""The two sides of a card on the page: the question hides what the answer shows."""

import re

import pytest
from msgspec.structs import replace

from ankiforge.model import CardKind, Media
from ankiforge.web.card_view import (
    asked_words,
    book_html,
    card_view,
    line_of,
    links_of,
    parts_of,
)


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
    view = card_view(make_card(CardKind.CLOZE, Text=text), lambda *_: None)
    squeezed = text_of(view["front"]).replace(" .", ".")
    assert squeezed == front
    assert back in text_of(view["back"]).replace(" .", ".")


def test_a_question_is_asked_in_front_and_answered_behind(make_card):
    view = card_view(make_card(Front="What helps?", Back="Testing"), lambda *_: None)
    assert text_of(view["front"]) == "What helps?"
    assert text_of(view["back"]) == "What helps? Testing"
    assert view["title"] == "What helps?"


def test_formulas_of_a_line_stand_between_its_words():
    parts = parts_of("Energy $E$ is mass $m$ times $c^2$.")
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
        view = card_view(make_card(kind, **fields, Extra="by recall"), lambda *_: None)
        assert "recall" not in view["front"]
        assert text_of(view["back"]) == "What helps? Testing by recall"
        two_way = make_card(CardKind.TWO_WAY, Front="cão", Back="dog")
        assert card_view(two_way, lambda *_: None)["note"] == "Asked in both directions."


def test_a_sound_is_played_where_anki_plays_it(make_card):
    media = Media("af-0123456789abcdef.mp3", "/tmp/hola.mp3")
    card = make_card(CardKind.CLOZE, Text="{{c1::![](hola.mp3)}} is hola.")
    view = card_view(card, lambda *_: media)
    assert "<audio" not in view["front"]
    assert f'src="/picture/{media.name}"></audio>' in view["back"]


def test_a_table_or_a_formula_in_a_list_is_no_markup(make_card):
    table = "| a | b |\n|---|:-:|\n| the {{c1::left $x^2$}} cell | `c` |"
    view = card_view(make_card(CardKind.CLOZE, Text=table), lambda *_: None)
    shown = [words for words, _ in view["line"]]
    assert shown == ["a · b · the left ", "$x^2$", " cell · c"]
    assert [bool(formula) for _, formula in view["line"]] == [False, True, False]
    assert [words for words, _ in view["answer_line"]] == ["left ", "$x^2$"]
    assert view["title"] == "a · b · the left x^2 cell · c"


def test_context_that_begins_within_the_sentence_is_not_said_twice(make_card):
    sentence = "Spacing helps memory in the long run."
    card = make_card(CardKind.CLOZE, Text="The {{c1::b}}")
    highlight = replace(
        card.highlight, exact="helps memory", sentence=sentence, prefix="Spacing ",
        suffix=" in the long run. Cramming does not. ", nearby="", gaps=(), markdown=(),
    )  # fmt: skip
    shown = text_of(book_html("A book", [highlight]))
    assert f"{sentence} Cramming does not." in shown
    assert shown.count("Spacing") == 1


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
    assert asked_words(marked, quote) == asked


@pytest.mark.parametrize(
    ("around", "shown"),
    [
        ({"exact": "a | b"}, "<p><mark>a | b</mark></p>"),
        (
            {"exact": "a | b\nc | d"},
            "<table><tr><td><mark>a</mark></td><td><mark>b</mark></td></tr>"
            "<tr><td><mark>c</mark></td><td><mark>d</mark></td></tr></table>",
        ),
        # phrases are marked, and those that a cut passage has no more are not
        ({"exact": "one two", "gaps": ((4, 7),)}, "<p>one <mark>two</mark></p>"),
        (
            {"exact": "one two", "gaps": ((0, 3), (5, 9))},
            "<p><mark>one</mark> two</p>",
        ),
        ({"exact": "see `x` or $y$"}, "<p><mark>see </mark><mark><code>x</code></mark>"),
        ({"exact": "```py\nx = 1\n```"}, "<p><mark><code>x = 1</code></mark></p>"),
        # the rest of its paragraph, of which no other is shown
        (
            {
                "exact": "b",
                "sentence": "a b c.",
                "nearby": "zero\nfirst. a b c. last\nmore",
            },
            "<p>first. a <mark>b</mark> c. last</p>",
        ),
        # a row below the head of its table
        (
            {"exact": "x", "sentence": "head | tail\nx | y", "nearby": "head | tail"},
            "<table><tr><td>head</td><td>tail</td></tr><tr><td><mark>x</mark></td>",
        ),
        # what is around it is cut at a word, and the rest of its sentence not said twice
        (
            {
                "exact": "a",
                "sentence": "a b.",
                "suffix": " b. It is told again and again b",
            },
            "<p><mark>a</mark> b. It is told again and again …</p>",
        ),
        (
            {"exact": "a", "sentence": "a b c.", "suffix": " b"},
            "<p><mark>a</mark> b c.</p>",
        ),
        (
            {
                "exact": "a",
                "prefix": "other\nx | y\n",
                "suffix": "\nz | w\nthis | that\nno",
            },
            "<p>x | y</p><p><mark>a</mark></p><table><tr><td>z</td><td>w</td></tr>"
            "<tr><td>this</td><td>that</td></tr></table></blockquote>",
        ),
    ],
)
def test_the_passage_of_a_book_is_in_paragraphs_and_tables(make_card, around, shown):
    highlight = make_card(CardKind.CLOZE, Text="The {{c1::b}}").highlight
    bare = {"sentence": "", "prefix": "", "suffix": "", "nearby": "", "gaps": ()}
    passage = replace(highlight, namespace="vault:n", **{**bare, **around})
    quote = book_html("A book", [passage]).partition('<blockquote dir="auto">')[2]
    assert quote.startswith(shown)


@pytest.mark.parametrize(
    ("uri", "links"),
    [
        ("https://www.example.org/a%20b", "example.org/a b"),
        ("https://user@example.org/", "example.org/"),
        ("https://[broken/", "[broken/"),
        ("zotero://select/items/A", "Open in Zotero"),
        ("javascript:alert(1)", ""),
        (f"https://example.org/{'x' * 60}", f"example.org/{'x' * 36}…"),
    ],
)
def test_a_link_is_named_by_its_host_and_path(make_card, uri, links):
    highlight = make_card(CardKind.CLOZE, Text="The {{c1::b}}").highlight
    bare = replace(highlight.document, identifiers=(), uri="")
    shown = links_of(replace(highlight, document=bare, uri=uri, links=()))
    assert (
        ", ".join(re.sub("[\u2066-\u2069]", "", link["label"]) for link in shown) == links
    )


TABLE = "| Op | Cost |\n|---|---|\n| append | O(1) |"


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        (TABLE, "Op · Cost append · O(1)"),
        (TABLE.replace("O(1)", "{{c1::O(1)}}"), "append › Cost: O(1)"),
        (TABLE.replace("append", "{{c1::append}}"), "Op · Cost append · O(1)"),
    ],
)
def test_a_table_in_a_line_is_the_cell_that_is_asked(markdown, line):
    shown = " ".join("".join(words for words, _ in line_of(markdown)).split())
    assert shown.replace(" · append", " append") == line
