"""Faults of form, with what their finding quotes, in a draft of a program and in a card that the user wrote."""

import pytest

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from tests.check import cards

SAYS = {
    "empty_side": "one side is empty: ",
    "gap_is_all": "blanks out everything: ",
    "malformed": "the cloze would break in Anki: ",
    "maths": "a formula is not closed: ",
    "control_character": "contains a control character, often a broken `\\t` or `\\f`: ",
    "damaged_text": "contains damaged letters: ",
    "gap_cuts": "the answer begins or ends within a word or a number: ",
    "too_long": "too long to be a card: ",
}
BLOCK, WARN, INFO = "block", "warn", "info"


def find(card, **about):
    context = CheckContext(cards.passage(card.quote, **about), DuplicateIndex())
    return [
        (finding.check, str(finding.severity), finding.message.removeprefix(SAYS[finding.check]))
        for finding in check_draft(card, context)
        if finding.check in SAYS
    ]  # fmt: skip


def same(rule, severity, quoted):
    """A fault that is as bad in a card of the user."""
    return [(rule, severity, quoted)], [(rule, severity, quoted)]


def typed(rule, quoted, *others):
    """A fault that blocks a program's card, but that a user may have meant."""
    return [(rule, BLOCK, quoted), *others], [(rule, INFO, quoted), *others]


FINE = ([], [])
UNOPENED = "“{{{{x}}}}{}” begins no cloze"


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ("a", FINE),
        ("&nbsp;", same("empty_side", BLOCK, "Back")),
        ("`&nbsp;`", FINE),
        ("- - *", same("empty_side", BLOCK, "Back")),
        ("- -\n\n- x", FINE),
        ("![](a.png)", FINE),
        # clozes
        ("{{x}}", typed("malformed", UNOPENED.format(""))),
        ("{{x}} and then some more words", typed("malformed", UNOPENED.format(" and then some "[:15]))),
        (r"\{{x}}", FINE),
        ("`{{x}}`", FINE),
        ("${{x}}$", FINE),
        ("${{c1::x}}$ is", typed("malformed", "“{{c1::x}}$ is” begins no cloze")),
        ("`{{c1::x}}` is", FINE),
        # formulas
        (r"$\frac{a}{b$", same("maths", BLOCK, r"“$\frac{a}{b$”")),
        (r"$\frac{a}b}$", same("maths", BLOCK, r"“$\frac{a}b}$”")),
        ("$x} and {y$", same("maths", BLOCK, "“$x} and {y$”")),
        (r"$\{a\\}$", same("maths", BLOCK, r"“$\{a\\}$”")),
        (r"$\{a$", FINE),
        ("$$\n{a\n$$", same("maths", BLOCK, "“$$\n{a\n$$”")),
        (f"$x{'y' * 50}}}$", same("maths", BLOCK, f"“$x{'y' * 38}”")),
        ("`${a$`", FINE),
        ("so $x^2 is", same("maths", BLOCK, "“$x^2 is”")),
        ("so $a is\nx^2", FINE),
        ("so x^2$ is", same("maths", BLOCK, "“$ is”")),
        (f"so $x^2{'y' * 50}", same("maths", BLOCK, f"“$x^2{'y' * 26}”")),
        ("costs $5 and $6", FINE),
        ("$HOME is set = 1", FINE),
        ("`$x^2`", FINE),
        ("{{date now}}", typed("malformed", "“{{date now}}” begins no cloze")),
        # letters
        ("a\x0bb\x0c", typed("control_character", "U+000B in Back")),
        ("a\tb", ([("control_character", BLOCK, "U+0009 in Back")], [])),
        ("a\t\x0bb", typed("control_character", "U+000B in Back")),
        ("a\r\nb", FINE),
        ("a\rb", typed("control_character", "U+000D in Back")),
        ("MÃ¶nch", same("damaged_text", WARN, "“MÃ¶nch” in Back")),
        # the size
        ("a" * 7_996, ([("too_long", BLOCK, "8001 characters, more than 8000")], [("too_long", WARN, "8001 characters, more than 8000")])),
        ("a" * 7_995, FINE),
    ],
)  # fmt: skip
def test_a_side_of_a_card(back, expected):
    for is_by_hand, found in zip((False, True), expected, strict=True):
        card = cards.question("What?", back, is_card_in_source=is_by_hand)
        assert find(card) == found


NO_CLOZE = same("malformed", BLOCK, "no cloze in the text")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{c1::Water}} boils", FINE),
        ("{{c1::Water}}", same("gap_is_all", BLOCK, "c1")),
        ("{{c1::Water}}!", same("gap_is_all", BLOCK, "c1")),
        ("{{c1::Water::liquid}}", FINE),
        ("{{c1::Water:: }}", same("gap_is_all", BLOCK, "c1")),
        ("{{c1::Water}} {{c2::boils}}", FINE),
        ("{{c1::Water}} {{c1::boils}}", same("gap_is_all", BLOCK, "c1")),
        ("{{c2::Water {{c1::boils}}}}", same("gap_is_all", BLOCK, "c2")),
        ("![](a.png) {{c1::Water}}", FINE),
        ("a b", NO_CLOZE),
        ("${{c1::x}}$ is b", NO_CLOZE),
        ("{{c1::a b", same("malformed", BLOCK, "a cloze opened at character 0 is never closed")),
        ("{{x}} {{c1::a}} b", typed("malformed", UNOPENED.format(" {{c1::a}} b"))),
        ("`{{c1::x}}` is {{c1::b}}", FINE),
        ("a{{c1::b}}c d", same("gap_cuts", WARN, "“abc”")),
        ("so\na{{c1::b}} d", same("gap_cuts", WARN, "“ab”")),
        ("so {{c1::ab}}cdefghijklmnop", same("gap_cuts", WARN, "“abcdefghijkl”")),
        ("It is {{c1::3}}.5 m", same("gap_cuts", WARN, "“3.5”")),
        ("It is {{c1::3.5}} m", same("gap_cuts", WARN, "“3.5”")),
        ("It is {{c1::3.5 m}} and x{{c2::y}}", same("gap_cuts", WARN, "“xy”")),
        ("{{c1::a}} " * 64 + "b", FINE),
        ("{{c1::a}} " * 65 + "b", ([("too_long", BLOCK, "65 clozes of at most 64")], [("too_long", WARN, "65 clozes of at most 64")])),
    ],
)  # fmt: skip
def test_the_text_of_a_cloze(text, expected):
    for is_by_hand, found in zip((False, True), expected, strict=True):
        assert find(cards.cloze(text, is_card_in_source=is_by_hand)) == found


def test_both_sides_are_looked_at():
    assert find(cards.question("", " ")) == [
        ("empty_side", BLOCK, "Front"),
        ("empty_side", BLOCK, "Back"),
    ]
    assert [quoted for *_, quoted in find(cards.question("a\x01", "b\x02"))] == [
        "U+0001 in Front",
        "U+0002 in Back",
    ]
