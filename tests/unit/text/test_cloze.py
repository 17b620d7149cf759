import time

import pytest

from ankiforge.ledger.cards import keep_numbers
from ankiforge.text.cloze import (
    escape_signs,
    gaps,
    make,
    numbers,
    problems,
    reveal,
    wrap,
)


def answers(markdown: str) -> list[str]:
    return [gap.answer for gap in gaps(markdown)]


# --- reading --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("no gap", []),
        ("a {{c1::b}} c", ["b"]),
        ("{{c1::b::hint}}", ["b"]),
        ("{{c1::b::hint::more}}", ["b"]),
        ("{{c1,3::b}}", ["b"]),
        ("{{c1::outer {{c2::inner}}}}", ["outer {{c2::inner}}", "inner"]),
        ("{{c1::f{x}{y}}}", ["f{x}{y}"]),
        (r"{{c1::\}\} and \:\:}}", [r"\}\} and \:\:"]),
        ("{{c1::$\\frac{a}{b}}}$ }}", ["$\\frac{a}{b}}}$ "]),
        ("{{c1::`}}`}}", ["`}}`"]),
        ("`{{c1::code}}` ${{c2::x}}$", []),
        (r"\{{c1::literal}}", []),
        ("{{c1::never closed", []),
        ("{{cx::no number}} {c1::one brace}", []),
        ("{{c1::a:b}}", ["a:b"]),
        ("{{c1::}}", [""]),
    ],
)
def test_a_gap_ends_where_its_braces_balance_outside_code_and_maths(markdown, expected):
    assert answers(markdown) == expected


def test_a_gap_knows_its_numbers_its_hint_and_its_place():
    text = "x {{c2,7::answer::hint}} y"
    [gap] = gaps(text)

    assert (gap.numbers, gap.hint) == ((2, 7), "hint")
    assert text[gap.start : gap.end] == "{{c2,7::answer::hint}}"
    assert text[gap.body :].startswith("answer")


def test_the_numbers_of_a_text_are_ascending_and_each_there_once():
    assert numbers("{{c3::a}} {{c1::b}} {{c3::c}} {{c2,9::d}}") == (1, 2, 3, 9)


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("nothing", "no cloze"),
        ("a {{c1::b", "never closed"),
        ("{{c1:: }}", "empty"),
        ("{{c0::a}}", "1 to 500"),
        ("{{c501::a}}", "1 to 500"),
        ("{{c99999999999999999999::a}}", "1 to 500"),
    ],
)
def test_what_is_malformed_is_named(markdown, words):
    assert any(words in problem for problem in problems(markdown))


def test_a_good_text_has_no_problem():
    assert list(problems("a {{c1::b::hint}} and {{c500::c {{c2::d}}}}")) == []


def test_revealing_replaces_nested_gaps_too():
    assert reveal("a {{c1::b {{c2::c::hint}} d}} e") == "a b c d e"


def test_a_thousand_braces_cost_no_time():
    start = time.process_time()
    for hostile in ("{{c1::" * 3000, "{{c1::a}}" * 2000, "}}" * 5000, "{{c1::$" * 2000):
        list(problems(hostile))
        reveal(hostile)
    assert time.process_time() - start < 5


# --- making ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", ["a", "f{x}", "std::vector", "ends in :", ": begins", "}}", "{{"]
)
def test_what_is_made_is_read_as_it_was_meant(answer):
    [gap] = gaps(make(1, answer, "a::hint}}"))

    assert reveal(make(1, answer)).replace("\\", "") == answer
    assert gap.hint.replace("\\", "") == "a::hint}}"


def test_wrapping_numbers_the_phrases_in_order():
    assert wrap("one two three", ((8, 13), (0, 3))) == "{{c1::one}} two {{c2::three}}"


def test_wrapping_takes_the_meaning_from_braces_around():
    wrapped = wrap("{{name}} is a word", ((12, 13),))

    assert answers(wrapped) == ["a"]
    assert wrapped.startswith(r"{\{name}\}")


def test_braces_in_code_need_no_escape():
    assert escape_signs("`{{a}}` {{b}}") == r"`{{a}}` {\{b}\}"


# --- numbers are identity -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("{{c1::a}} {{c2::b}}", "{{c1::b}} {{c2::a}}", "{{c2::b}} {{c1::a}}"),
        ("{{c1::a}} {{c2::b}}", "{{c1::b}}", "{{c2::b}}"),
        ("{{c1::a}} {{c2::b}}", "{{c1::z}} {{c2::a}}", "{{c3::z}} {{c1::a}}"),
        ("{{c1::mitochondria}}", "{{c1::mitochondrion}}", "{{c1::mitochondrion}}"),
        ("{{c4::a}}", "{{c1::a::hint}}", "{{c4::a::hint}}"),
        ("{{c1::out {{c2::in}}}}", "{{c1::in}}", "{{c2::in}}"),
        ("{{c1::“a”}}", '{{c9::"A"}}', '{{c1::"A"}}'),
        ("{{c01::a}}", "{{c01::a}}", "{{c01::a}}"),
        ("", "{{c7::a}}", "{{c1::a}}"),
    ],
)
def test_a_gap_keeps_the_number_of_its_answer(old, new, kept):
    assert keep_numbers(old, new) == kept


def test_a_new_gap_takes_a_number_that_no_revision_ever_had():
    assert keep_numbers("{{c1::a}}", "{{c1::a}} {{c2::new}}", (2, 5)) == "{{c1::a}} {{c6::new}}"


def test_a_gap_that_comes_back_takes_its_number_again():
    earlier = ("{{c1::liver}} {{c2::glycogen}}", "{{c3::fat}}")

    assert keep_numbers("{{c2::glycogen}}", "{{c1::liver}} {{c2::glycogen}}", (), earlier) == (
        "{{c1::liver}} {{c2::glycogen}}"
    )
    assert keep_numbers(
        "{{c1::large liver}}", "{{c1::large liver}} {{c2::liver}}", (), earlier
    ) == ("{{c1::large liver}} {{c4::liver}}")


def test_a_text_of_very_many_gaps_is_renumbered_in_no_time():
    old = "".join(f"{{{{c1::word {n}}}}} " for n in range(1500))
    start = time.process_time()
    keep_numbers(old, old.replace("word", "name"))
    assert time.process_time() - start < 5
