"""How the page shows the Markdown of a field, its differences and a card, without a browser."""

import pytest

from ankiforge.model import CardKind, Media
from ankiforge.web.card_view import (
    render_card,
    render_row,
)
from ankiforge.web.maths import split_at_formulas
from ankiforge.web.pieces import split_into_pieces


def em(sign: str, tag: str, *kids: object, close: str | None = None) -> dict:
    end = sign if close is None else close
    return {"open": sign, "close": end, "tag": tag, "kids": [*kids]}


def drawn(source: str, html: str = "", **more: object) -> dict:
    return {"source": source, "html": html or f"<{source}>", **more}


def gap(start: str, end: str, hint: str, *kids: object) -> dict:
    numbers = start.removeprefix("{{c").removesuffix("::")
    return {
        "open": start,
        "close": end,
        "numbers": numbers,
        "hint": hint,
        "kids": [*kids],
    }


TABLE = "| a | `b` |\n|---|---|\n| c | {{c1::d}} |"


@pytest.mark.parametrize(
    ("markdown", "pieces"),
    [
        ("", []),
        ("plain words", ["plain words"]),
        ("a *b* c", ["a ", em("*", "em", "b"), " c"]),
        ("a **b** c", ["a ", em("**", "strong", "b"), " c"]),
        ("***b***", [em("***", "strong", "b")]),
        ("_b_ __c__ ___d___", [em("_", "em", "b"), " ", em("__", "strong", "c"), " ", em("___", "strong", "d")]),
        ("~~b~~ ==c==", [em("~~", "s", "b"), " ", em("==", "mark", "c")]),
        ("*a **b***", [em("*", "em", "a ", em("**", "strong", "b"))]),
        ("**a*b**", [em("**", "strong", "a*b")]),
        # what only looks like it
        ("2 * 3 * 4", ["2 * 3 * 4"]),
        ("snake_case_name", ["snake_case_name"]),
        ("== b ==", ["== b =="]),
        ("x<sub>2</sub>", ["x", em("<sub>", "sub", "2", close="</sub>")]),
        ("x<div>2</div>", ["x<div>2</div>"]),
        ("[a *b*](c) d", [em("[", "u", "a ", em("*", "em", "b"), close="](c)"), " d"]),
        ("a \\* b", ["a ", em("\\", "span", "*", close=""), " b"]),
        # code, formulas, pictures and bullets are drawn
        ("`a*b*` $x_1$", [drawn("`a*b*`"), " ", drawn("$x_1$")]),
        ("![a](b) ![c `d`](e)", [drawn("![a](b)"), " ", drawn("![c `d`](e)")]),
        ("- a\n+ b", [drawn("- ", "• "), "a\n", drawn("+ ", "• "), "b"]),
        ("**a `b` c** `d`", [em("**", "strong", "a ", drawn("`b`"), " c"), " ", drawn("`d`")]),
        # gaps, in which all else may be
        ("{{c1::a}} b {{c2::c::hint}}", [gap("{{c1::", "}}", "", "a"), " b ", gap("{{c2::", "::hint}}", "hint", "c")]),
        ("{{c1::a **b** {{c2::c}}}} `d`", [gap("{{c1::", "}}", "", "a ", em("**", "strong", "b"), " ", gap("{{c2::", "}}", "", "c")), " ", drawn("`d`")]),
        ("**{{c1::`a`}}**", [em("**", "strong", gap("{{c1::", "}}", "", drawn("`a`")))]),
        (f"x\n\n{TABLE}", ["x\n\n", drawn(TABLE, kids=["| a | ", drawn("`b`"), " |\n|---|---|\n| c | ", gap("{{c1::", "}}", "", "d"), " |"])]),
        ("\ufdd0 *a*", ["\ufdd0 *a*"]),
    ],
)  # fmt: skip
def test_a_field_is_split_into_what_the_editor_shows(markdown, pieces):
    assert split_into_pieces(markdown, "<{}>".format, cloze=True) == pieces


# --- cards ----------------------------------------------------------------------------------

TWO = "{{c1::Sleep}} and {{c2::tests::what}} help."
SPAN = '<span class="cloze">{}</span>'


@pytest.mark.parametrize(
    ("number", "front", "back"),
    [
        (0, f"{SPAN.format('[…]')} and {SPAN.format('[what]')} help.", f"{SPAN.format('Sleep')} and {SPAN.format('tests')} help."),
        (1, f"{SPAN.format('[…]')} and tests help.", f"{SPAN.format('Sleep')} and tests help."),
        (2, f"Sleep and {SPAN.format('[what]')} help.", f"Sleep and {SPAN.format('tests')} help."),
    ],
)  # fmt: skip
def test_one_gap_of_a_card_or_all_are_hidden(make_card, number, front, back):
    card = make_card(CardKind.CLOZE, Text=TWO)
    view = render_card(card, lambda *_: None, cloze_number=number)
    assert view["front"] == f'<div class="af-text" dir="auto">{front}</div>'
    assert view["back"] == f'<div class="af-text" dir="auto">{back}</div>'
    assert view["question"] == back
    assert (view["answer"], view["note"]) == ("", "Makes 2 cards.")
    assert view["title"] == "Sleep and tests help."
    assert [field[:2] for field in view["fields"]] == [
        ["Text", "Text"],
        ["Extra", "Shown with the answer"],
    ]


def test_a_question_has_a_field_for_each_side(make_card):
    card = make_card(Front="What *helps*?", Back="Testing", Extra="by recall")
    view = render_card(card, lambda *_: None)
    question = '<div class="af-question" dir="auto">What <em>helps</em>?</div>'
    answer = '<div class="af-answer" dir="auto">Testing</div>'
    extra = '<div class="af-extra" dir="auto">by recall</div>'
    assert view["front"] == question
    assert view["back"] == f"{question}<hr>{answer}{extra}"
    assert (view["question"], view["answer"]) == ("What <em>helps</em>?", "Testing")
    assert view["fields"] == [
        ["Front", "Question", ["What ", em("*", "em", "helps"), "?"]],
        ["Back", "Answer", ["Testing"]],
        ["Extra", "Shown with the answer", ["by recall"]],
    ]
    assert (view["title"], view["note"]) == ("What helps?", "")
    assert view["context"].startswith('<div class="af-context" dir="auto">')
    row = render_row(card)
    assert row == {
        "id": card.id,
        "title": "What helps?",
        "question": "What <em>helps</em>?",
        "answer": "Testing",
        "state": card.state[:1].upper() + card.state[1:],
    }
    assert row["state"][0].isupper()


MASKS = "hide one\n1 .1 .2 .3 .4 Femur & tibia\n2 .5 .5 .1 .1"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_figure_has_its_picture_its_masks_and_its_labels(make_card, is_there):
    card = make_card(CardKind.OCCLUSION, Occlusion=MASKS, Image="![](bone.png)")
    media = Media("af-0123456789abcdef.png", "/tmp/bone.png") if is_there else None
    view = render_card(card, lambda *_: media)
    figure = view["figure"]
    assert figure["src"] == ("/picture/af-0123456789abcdef.png" if is_there else "")
    assert figure["alt"] == view["title"]
    assert (figure["hide"], [mask["label"] for mask in figure["masks"]]) == (
        "one",
        ["Femur & tibia", ""],
    )
    assert ('src="/picture/af-' in view["front"]) is is_there
    labels = '<hr><div class="af-answer" dir="auto">Femur &amp; tibia · (2)</div>'
    assert view["back"] == f"{view['front']}{labels}"
    assert (view["title"], view["question"]) == (
        "Figure, p. 250",
        "Figure, p. 250",
    )
    assert (view["fields"], view["answer"], view["note"], view["context"]) == (
        [],
        "",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("text", "formulas", "parts"),
    [
        ("a b", None, ["a b"]),
        ("", None, []),
        ("of `$x$` and $5", None, ["of `$x$` and $5"]),
        (r"of $\nocommand$ here", None, [r"of $\nocommand$ here"]),
        ("$$x$$ it", None, ["$$x$$", " it"]),
        ("a x_1 b", ((2, 5),), ["a ", "x_1", " b"]),
        ("a $x$ b", (), ["a $x$ b"]),
    ],
)
def test_a_text_is_split_at_its_formulas(text, formulas, parts):
    found = split_at_formulas(text, formulas)
    assert [part for part, _ in found] == parts
    has_formula = any(mathml.startswith("<math") for _, mathml in found)
    assert has_formula is (len(parts) > 1)
    if "$$" in text:
        assert 'display="block"' in found[0][1]
