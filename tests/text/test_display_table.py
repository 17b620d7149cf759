"""Counts, lists, paths and differences as they are shown."""

import os
from pathlib import Path

import pytest

from ankiforge import text
from ankiforge.text.differences import diff_words, mark_differing_words

BOLD = text.mark_bold("x y")


@pytest.mark.parametrize(
    ("count", "words", "shown"),
    [
        (0, ("card",), "0 cards"),
        (1, ("card",), "1 card"),
        (1_200, ("card",), "1,200 cards"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_a_count_with_its_noun(count, words, shown):
    assert text.format_count(count, *words) == shown


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        ("", ""),
        ("a", "a"),
        ("abc", "a, b, c"),
        ("abcd", "a, b, c and 1 more"),
        ("abc" + "d" * 1_200, "a, b, c and 1,200 more"),
    ],
)
def test_of_a_long_list_the_first_are_named_and_the_others_counted(items, shown):
    assert text.format_truncated_list(list(items)) == shown


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


def test_bold_has_the_signs_of_its_place_and_columns_are_apart():
    assert text.render_bold_marks(BOLD, "<", ">") == "<x y>"
    assert text.join_columns("a", "", "b") == "a   b"


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
    ("long", "limit", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("ab cdef", 4, "ab…"), ("", 0, "")],
)
def test_what_is_too_long_ends_with_an_ellipsis(long, limit, shown):
    assert text.truncate(long, limit) == shown


@pytest.mark.skipif(os.name != "posix", reason="~ is of POSIX")
def test_a_path_is_shown_from_here_or_from_home(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "home/here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    shown = {
        here / "a b": "a b",
        here: "~/here",
        home / "other": "~/other",
        home: "~",
        tmp_path / "home2": str(tmp_path / "home2"),
        tmp_path: str(tmp_path),
    }
    assert {path: text.shorten_path(path) for path in shown} == shown
    assert text.shorten_path(str(Path(here, "x"))) == "x"


@pytest.mark.parametrize(
    ("note", "is_prompt"),
    [
        ('The list: <text h="1">words</text>', True),
        ("<highlight h=3>", True),
        ("<text> and <highlight>", False),
        ("", False),
    ],
)
def test_a_prompt_of_ours_is_known_by_its_elements(note, is_prompt):
    assert text.contains_chat_prompt(note) is is_prompt


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
