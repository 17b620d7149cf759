"""What `make quick` chooses, of a small map; and the mistakes that `make mutants` makes."""

import ast

import pytest

from tools import quick, touching
from tools.mistakes import mistaken, places
from tools.testmap import Map, write

MODULE = """\
LIMIT = 3


def grow(size):
    if size > LIMIT:
        return LIMIT
    return size + 1


def shrink(size):
    return size - 1
"""
PATH = "ankiforge/anki/sizes.py"
WIDE, NARROW = "tests/cli/test_run.py::test_all", "tests/anki/test_sizes.py::test_grow"
SHRINK = "tests/anki/test_sizes.py::test_shrink"
RUNS = {WIDE: [5, 7, 11, *range(100, 300)], NARROW: [5, 6], SHRINK: [11]}


@pytest.fixture
def recorded(tmp_path):
    lines = {}
    for name, numbers in RUNS.items():
        for number in numbers:
            lines.setdefault((PATH, number), set()).add(name)
    write(tmp_path / "map.db", {PATH: MODULE}, dict.fromkeys(RUNS, 0.1), lines)
    return Map(tmp_path / "map.db")


@pytest.mark.parametrize(
    ("old", "new", "before", "expected"),
    [
        ("return LIMIT", "return 0", MODULE, [NARROW, WIDE]),
        ("return size + 1", "return size + 2", MODULE, [WIDE, NARROW]),
        ("return size - 1", "return size - 2", MODULE, [SHRINK, WIDE]),
        ("LIMIT = 3", "LIMIT = 4", MODULE, [NARROW, WIDE]),
        (
            "    return size - 1",
            "    size += 1\n    return size - 1",
            MODULE,
            [SHRINK, WIDE],
        ),
        # what is recorded is found again in lines that were moved since
        ("return LIMIT", "return 0", f"# new\n\n{MODULE}", [NARROW, WIDE]),
        ("LIMIT = 3\n", "LIMIT = 3  # at most\n", MODULE, []),
    ],
)
def test_tests_of_a_changed_line_come_before_those_of_its_function(
    recorded, old, new, before, expected
):
    tests, untouched = touching.choose(
        recorded, {PATH: (before, before.replace(old, new))}
    )
    assert [test.name for test in tests] == expected
    assert untouched == []


def test_what_no_test_runs_is_named(recorded):
    tests, untouched = touching.choose(recorded, {"prompts/cards.md": ("", "")})
    assert (tests, untouched) == ([], ["prompts/cards.md"])


def test_nothing_to_run_is_an_error(recorded, monkeypatch, capsys):
    monkeypatch.setattr(quick, "Map", lambda _: recorded)
    monkeypatch.setattr(quick, "changes", dict)
    assert quick.main() == 1
    assert "nothing changed" in capsys.readouterr().out


def test_as_many_are_run_as_two_processes_can_in_the_time(recorded):
    tests = recorded.below("tests/anki") | recorded.below("tests/cli")
    assert len(quick.first(sorted(tests), quick.START + 0.3)) == 2
    assert len(quick.first(sorted(tests), quick.START)) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return a < b", {"return (a <= b)", "return None"}),
        ("if a and not b: go(a)", {"if (a): go(a)", "if (not b): go(a)", "if a and (b): go(a)", "if a and not b: pass"}),
        ("x = go(a, b, key=1)", {"x = (go(b, a, key=1))", "x = go(a, b, key=(2))"}),
        ("x = go(a, key=b)", {"x = (go(a))"}),
        ("x = f'{a < b}'", set()),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_made_in_its_place(line, expected):
    text = f"def f(a, b):\n    {line}\n"
    made = {mistaken(text, node, other) for _, node, other in places(ast.parse(text))}
    assert made == {f"def f(a, b):\n    {new}\n" for new in expected}
