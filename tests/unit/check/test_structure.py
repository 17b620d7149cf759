"""What would break on the way to Anki, and what only looks so."""

import pytest


@pytest.mark.parametrize(
    "back",
    [
        "costs $5",
        "costs 5$ or $10",
        "the variable $PATH",
        "`$x^2`",
        "US$ 5 = 5 euros",
        r"a literal \$x^2 sign",
        "$x^2$ and $y^2$",
        "$$\\sum_i x_i$$",
        "$name is a word of PHP",
    ],
)
def test_a_dollar_that_begins_no_formula_is_no_open_formula(cards, back):
    assert "math_unbalanced" not in cards.named(cards.question("What is it then?", back))


@pytest.mark.parametrize("back", ["$x^2", "x^2$ is it", "$\\pi", "so $a + b is"])
def test_a_lone_dollar_beside_a_formula_is_an_open_formula(cards, back):
    assert cards.named(cards.question("What is it?", back))["math_unbalanced"] == "block"


@pytest.mark.parametrize("back", ["$5 and 10$", "from $5 to about 10$", "$1,000 per year$"])
def test_sums_of_money_between_dollars_are_no_formula(cards, back):
    found = cards.named(cards.question("What does it cost?", back))

    assert not {"math_unbalanced", "brace_unbalanced"} & set(found)


@pytest.mark.parametrize(
    "back",
    ["", " \n ", "\x1b", "\x00\x1f", "\x85", "\u200b", "\u00ad", "\ufeff \u2060", "&nbsp;"],
)
def test_a_side_that_shows_nothing_once_it_is_stored_blocks_also_by_hand(cards, back):
    draft = cards.question("What is it?", back, by_hand=True)

    assert cards.named(draft)["empty_side"] == "block"


@pytest.mark.parametrize(
    "back", ["0", "-", "$x$", "`&nbsp;`", "\u0301a", "\U0001fae8", "![](a.png)"]
)
def test_a_side_that_shows_one_sign_is_not_empty(cards, back):
    assert "empty_side" not in cards.named(cards.question("What is it?", back))


def test_a_gap_that_hides_only_a_control_character_is_empty(cards):
    found = cards.named(cards.cloze("Water {{c1::\x1b}} boils.", by_hand=True))

    assert found["malformed_cloze"] == "block"


@pytest.mark.parametrize(
    ("formula", "balanced"),
    [
        ("$\\{x\\}$", True),
        ("$\\frac{1}{2}$", True),
        ("$\\frac{1}{2$", False),
        ("$}{$", False),
        ("$\\\\{x}$", True),
    ],
)
def test_braces_of_a_formula_match_escaped_ones_apart(cards, formula, balanced):
    found = cards.named(cards.question("What is it?", formula))

    assert ("brace_unbalanced" not in found) is balanced


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("{{c1::A}} = {{c1::B}}", False),
        ("{{c1::A}} = {{c2::B}}", True),
        ("{{c1::A::which letter}}", True),
        ("{{c1::A}} ![](a.png)", True),
        ("{{c1::{{c2::A}}}}", False),
        ("$x$ is {{c1::A}}", True),
        ("**{{c1::A}}.**", False),
    ],
)
def test_something_is_left_to_ask_by(cards, text, left):
    assert ("gap_is_all" not in cards.named(cards.cloze(text))) is left


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("Water {{c1::boils}} in {{pots}}.", True),
        ("Water {{c1::boils}} in {{c2:pots}}.", True),
        ("Water {{c1::boils}} at $x={{c2::100}}$.", True),
        ("Water {{c1::boils}} in `{{pots}}`.", False),
        ("Water {{c1::boils}} in \\{\\{pots}}.", False),
        ("Water {{c1::boils}} at ${{x}}$.", False),
        ("Water {{c1::boils {{c2::hot}}}}.", False),
    ],
)
def test_braces_that_begin_no_cloze_are_told(cards, text, bad):
    assert ("bad_template" in cards.named(cards.cloze(text))) is bad


@pytest.mark.parametrize("sign", ["\x0c", "\x08", "\x7f", "\x85", "\ud800", "\t"])
def test_a_control_character_of_a_program_blocks(cards, sign):
    draft = cards.question("What is it?", f"an{sign}swer")

    assert cards.named(draft)["control_character"] == "block"


@pytest.mark.parametrize("text", ["one\ttwo", "one\r\ntwo", "one\ntwo"])
def test_tabs_and_line_ends_a_person_typed_are_fine(cards, text):
    draft = cards.question("What does it print?", text, by_hand=True)

    assert "control_character" not in cards.named(draft)
