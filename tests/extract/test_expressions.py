"""Expressions of JavaScript: what they match in Python, and that none takes for ever."""

import pytest
import regex

from ankiforge.errors import ItemError
from ankiforge.extract.markdown.plugins import Searcher, translated

# (expression, text, what the first match holds in JavaScript)
SAME = [
    (r"^Q: ((?:[^\n][\n]?)+)\n+A: ((?:[^\n][\n]?)+)", "Q: a\nA: b\n", ("a", "b\n")),
    (r"((?:[^\n][\n]?)+) #fc ?\n*((?:\n(?:^.{1,3}$|^.{4}(?<!<!--).*))+)", "a #fc\nb\n<!--ID: 1-->", ("a", "\nb")),
    (r"^(.*[^\n:]{1}):{2}([^\n:]{1}.*)", "a::b", ("a", "b")),
    (r"(?<front>\w+) = (?<back>\w+)", "x = y", ("x", "y")),
    (r"([\s\S]+?)\/([^\]]+)", "a\n/b]", ("a\n", "b")),
    (r"(\w+)\s([\s\d]+)", "ö\u00a0a\u00a01 2", ("a", "1 2")),
    (r"(\d+)([[x]+)", "٣3[x", ("3", "[x")),
    (r"(a)\-\:\#(b)", "a-:#b", ("a", "b")),
    (r"(\S+)[\s]?(\})", "a }", ("a", "}")),
    (r"(?<=a+)(b)(c{e<=1})", "aabc{e<=1}", ("b", "c{e<=1}")),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "text", "groups"), SAME)
def test_an_expression_matches_as_in_javascript(expression, text, groups):
    found = regex.search(translated(expression), text, regex.MULTILINE | regex.ASCII)
    assert found is not None
    assert found.groups() == groups


@pytest.mark.parametrize(
    "expression",
    ["(a", "a{2,1}", "[b-a]", "x" * 2_001, "(" * 1_500, r"\k<none>", r"\e", "([^]+?)b"],
)
def test_an_expression_that_python_has_not_is_refused_with_a_reason(expression):
    with pytest.raises(ValueError, match=r"\w+"):
        translated(expression)


def test_an_expression_that_never_ends_is_given_up():
    searcher = Searcher(seconds=1)
    endless = translated(r"(a|aa)+$(b)")
    for tried in range(3):
        with pytest.raises(
            ItemError, match="X takes longer than 1 s, or too much memory, in it"
        ):
            searcher.find("X", [endless], "a" * 10_000_000 + "c")
        if tried < 2:  # other expressions go on
            [[match]] = searcher.find("Y", [translated("(b)(c)")], "abc")
            assert (match.span, match.groups) == ((1, 3), ("b", "c"))
    with pytest.raises(
        ItemError, match="X takes longer than 1 s, or too much memory, in 3 other"
    ):
        searcher.find("Y", [translated("(b)")], "abc")
    searcher.close()
    assert searcher.find("Y", [translated("(b)")], "bb")[0][1].span == (1, 2)
    searcher.close()


def test_a_scan_stops_searching_after_a_while_and_the_next_one_goes_on(monkeypatch):
    monkeypatch.setattr("ankiforge.extract.markdown.plugins.TOTAL", 0)
    searcher = Searcher()
    assert searcher.find("X", [translated("(b)")], "ab")[0][0].span == (1, 2)
    with pytest.raises(ItemError, match="expressions took more than 0 s in this run"):
        searcher.find("X", [translated("(b)")], "ab")
    searcher.close()
    assert searcher.find("X", [translated("(b)")], "ab")
    searcher.close()
