"""The number of a gap is the identity of its card."""

import time

import pytest

from ankiforge.ledger.cards import keep_numbers


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
