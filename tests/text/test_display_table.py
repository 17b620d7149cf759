"""Counts, lists, paths and differences as they are shown."""

import pytest

from ankiforge import text
from ankiforge.text.differences import diff_words, mark_differing_words

BOLD = text.mark_bold("x y")


@pytest.mark.parametrize(
    ("format_value", "value", "shown"),
    [
        (text.format_counts, {"new": 3, "gone": 0, "old": 1_200}, "3 new, 1,200 old"),
        (text.format_counts, {"new": 0}, ""),
        (text.format_percent, 0, "0 %"),
        (text.format_percent, 1, "100 %"),
        (text.format_dollars, 0, "nothing"),
        (text.format_dollars, 0.0012, "$0.0012"),
        (text.format_dollars, 0.0999, "$0.0999"),
        (text.format_dollars, 0.1, "$0.10"),
        (text.format_dollars, 1234.5, "$1,234.50"),
        (text.to_one_line, " a\n\n b\tc ", "a b c"),
        (text.remove_bold_marks, f"a {BOLD}", "a x y"),
        (text.render_bold_marks, f"a {BOLD} c {BOLD}", "a **x y** c **x y**"),
        (text.find_bold_span, f"a {BOLD} {BOLD}", (2, 7)),
        (text.find_bold_span, "a", (0, 0)),
    ],
)
def test_a_value_is_shown(format_value, value, shown):
    assert format_value(value) == shown


@pytest.mark.parametrize(
    ("amount", "local", "shown"),
    [
        (None, True, "price unknown"),
        (None, False, "price unknown"),
        (0.0, True, "free (local)"),
        (0.0, False, "nothing"),
        (1.2, True, "$1.20"),
        (1.2, False, "$1.20"),
    ],
)
def test_what_a_model_costs(amount, local, shown):
    assert text.format_cost(amount, local=local) == shown


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("a b c", "a x c", ("a **b** c", "a **x** c")),
        ("a", "a b ", ("a", "a **b **")),
        ("a  b", "a b", ("a  **b**", "a **b**")),
        ("one two. three", "one two three", ("one **two.** three", "one **two** three")),
        ("same words", "same words", ("same words", "same words")),
        ("", "", ("", "")),
    ],
)
def test_the_words_in_which_two_texts_differ_are_bold(old, new, shown):
    marked = mark_differing_words(old, new)
    assert tuple(map(text.render_bold_marks, marked)) == shown


def test_the_words_of_two_texts_run_by_run():
    old_runs = [(False, ["a"]), (False, [" "]), (True, ["b", " c"]), (False, [" d"])]
    new_runs = [(False, ["a"]), (True, []), (False, [" d"])]
    assert diff_words("a b c d", "a d") == (old_runs, new_runs)
