import time

import pytest

from ankiforge.text.cloze import outside, shields
from ankiforge.text.markdown import literal, plain


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("**bold** *it* ~~gone~~ ==marked== _under_", "bold it gone marked under"),
        ("snake_case and 2 * 3 * 4", "snake_case and 2 * 3 * 4"),
        ("[text](http://x.org) ![alt](a.png)", "text alt"),
        ("`code *as is*` and $a_b * c$", "code *as is* and a_b * c"),
        ("$$\n\\frac{a}{b}\n$$", "\\frac{a}{b}"),
        ("```py\nx = {{c1::y}}\n```", "x = {{c1::y}}"),
        ("# Head\n> quote\n- item", "Head\nquote\nitem"),
        ("the {{c1::gap::hint}} is filled", "the gap is filled"),
        (r"\*literal\* \$5 \{{c1::no}}", "*literal* $5 {{c1::no}}"),
        ("a <b>tag</b> <!-- and a comment --> goes", "a tag  goes"),
        ("costs $5 and $6", "costs $5 and $6"),
        ("  around  ", "around"),
        ("\ue000 private \ue0010\ue001", "\ue000 private \ue0010\ue001"),
    ],
)
def test_plain_is_what_a_reader_sees(markdown, words):
    assert plain(markdown) == words


@pytest.mark.parametrize(
    "text",
    [
        "*", "**a**", "_a_", "snake_case", "`a`", "$x$ and $5", "<b>", "&amp;", "[a](b)", "![a](b)",
        "{{c1::a}}", "}}", "a::b", "==a==", "~~a~~", "# a", "- a", "1. a", "12) a", "> a", "a\n===",
        "|a|b|\n|-|-|", "\\", "\\*", "C++", "x < y > z", "a\\\nb", "---", "[^1]: x", "a  b",
    ],
)  # fmt: skip
def test_literal_text_reads_as_itself(text):
    assert plain(literal(text)) == text


def test_ordinary_words_need_no_escape():
    text = "Don't panic: 42% of it (really) is e.g. x_1 = 2, isn't it? Yes!"
    assert literal(text) == text


@pytest.mark.parametrize(
    ("markdown", "kinds"),
    [
        (r"\* `a` $b$ $$c$$", ["escape", "code", "math", "display"]),
        ("```\n`a`\n```", ["fence"]),
        ("``a ` b``", ["code"]),
        ("``` ` ```{{c1::x}}\n```\na\n```", ["code", "fence"]),
        ("$5 or $ 6 $", []),
        ("$5 and 10$", []),
        ("$5 and ==10$ more==", []),
        ("from $5 to about 10$, then $x$", ["math"]),
        ("$1,000 per year$", []),
        ("$5 cm$ $2 x$ $7 mod 3$", ["math"] * 3),
        ("$5 plus 6 = n$ $2 times 3_a$", ["math"] * 2),
        ("`open", []),
        (r"\`a\`", ["escape", "escape"]),
        (r"`a\`", ["code"]),
    ],
)
def test_a_shield_is_code_maths_or_an_escape(markdown, kinds):
    assert [kind for _, _, kind in shields(markdown)] == kinds


def test_what_lies_outside_is_changed_and_nothing_else():
    assert outside(r"a `a` \a $a$ a", str.upper) == r"A `a` \a $a$ A".replace(r"\a", r"\A")


def test_hostile_text_costs_no_time():
    start = time.process_time()
    for sign in (
        "`", "$", "*", "_", "[", "<", "==", "{{c1::", "\\", "```\n", "[](", "`` ` ", "$$ $",
    ):  # fmt: skip
        plain(sign * 4000)
        literal(sign * 4000)
    assert time.process_time() - start < 10
