"""What `make quick` chooses, of a small map; and the mistakes that `make mutants` makes."""

import ast
import json
import subprocess
from functools import cache
from types import SimpleNamespace

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


class Told:
    """What pytest has of its configuration for a plugin."""

    hook = SimpleNamespace(pytest_deselected=lambda items: None)


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


def test_rows_of_tables_beside_the_package_come_first_whatever_way_they_go(tmp_path):
    rows = [f"tests/anki/test_sizes_table.py::test_size[{number}]" for number in range(3)]
    elsewhere = "tests/cli/test_sizes_table.py::test_size[0]"
    seconds = {WIDE: 0.1, SHRINK: 0.1, elsewhere: 0.01} | dict.fromkeys(rows, 0.01)
    write(tmp_path / "map.db", {PATH: MODULE}, seconds, {(PATH, 11): set(seconds)})
    after = MODULE.replace("return size - 1", "return size - 2")
    tests, _ = touching.choose(Map(tmp_path / "map.db"), {PATH: (MODULE, after)})
    assert [test.name for test in tests] == [*rows, SHRINK, elsewhere, WIDE]


def test_a_part_that_is_recorded_anew_leaves_the_other_tests_where_their_lines_are_now(
    recorded,
):
    moved = MODULE.replace("    return LIMIT\n", "    return 3\n").replace(
        "LIMIT =", "\nLIMIT ="
    )
    seconds, lines = recorded.besides({WIDE}, {PATH: moved, "ankiforge/new.py": ""})
    assert seconds == {NARROW: 0.1, SHRINK: 0.1}
    assert {place: names for place, names in lines.items() if names} == {
        (PATH, 6): {NARROW},
        (PATH, 12): {SHRINK},
    }


def test_what_no_test_runs_is_named(recorded):
    tests, untouched = touching.choose(recorded, {"prompts/cards.md": ("", "")})
    assert (tests, untouched) == ([], ["prompts/cards.md"])


def test_nothing_to_run_is_an_error(recorded, monkeypatch, capsys):
    monkeypatch.setattr(quick, "Map", lambda _: recorded)
    monkeypatch.setattr(quick, "changes", dict)
    assert quick.main() == 1
    assert "nothing changed" in capsys.readouterr().out


FEW = [0, 1]
"""Both parts of the files are run, one after the other."""


@pytest.mark.parametrize(
    ("options", "told", "run", "code", "said", "order"),
    [
        ([], [[], []], [["a"], ["b"]], 0, [], FEW),
        ([], [[], []], [[], []], 1, ["No test was run, so nothing is known: `make test` runs all."], FEW),
        ([], [[quick.NO_START], []], [[], ["b"]], 0, [], FEW),  # a file with slow tests only
        ([], [["a"], []], [["a"], ["b"]], 1, ["red: a"], FEW),
        ([], [["a"], ["b"]], [["a"], ["b"]], 1, ["red: a", "red: b"], FEW),
        ([], [[quick.NO_START], [quick.NO_START]], [[], []], 1, ["No test was run, so nothing is known: `make test` runs all."], FEW),
        ([], [["old"], []], [["old"], ["b"]], 0, ["red before: old"], FEW),
        ([], [["old", "a"], []], [["old", "a"], ["b"]], 1, ["red before: old", "red: a"], FEW),
        # with -x, the first part with a new failure is the last one
        (["-x"], [["a"]], [["a"]], 1, ["red: a"], [0]),
        (["--exitfirst"], [["a"]], [["a"]], 1, ["red: a"], [0]),
        (["-x"], [[], []], [["a"], ["b"]], 0, [], FEW),
        (["-x"], [["old"], ["a"]], [["old"], ["a"]], 1, ["red before: old", "red: a"], [0, 0]),
        (["-x"], [["old"], [], []], [["old"], ["a"], ["b"]], 0, ["red before: old"], [0, 0, 1]),
        # a file that cannot be collected, which nothing can leave out
        (["-x"], [["old"], ["old"], []], [["old"], ["a"], ["b"]], 0, ["red before: old"], [0, 0, 1]),
    ],
)  # fmt: skip
def test_without_a_map_few_files_are_collected_at_once_and_no_test_is_no_success(
    tmp_path, monkeypatch, capsys, options, told, run, code, said, order
):
    (tmp_path / ".quick").mkdir()
    files = [f"tests/test_{number}.py" for number in range(quick.FILES + 1)]
    parts = []
    left_out = []

    def run_choice(chosen, part, *_, **__):
        left_out.append(chosen["left out"])
        (tmp_path / ".quick" / "chosen.run").write_text("\n".join(run[len(parts)]))
        parts.append(part)
        return told[len(parts) - 1]

    monkeypatch.setattr(quick, "ROOT", tmp_path)
    monkeypatch.setattr(quick, "find_test_files", lambda *_: files)
    monkeypatch.setattr(quick, "run_choice", run_choice)
    monkeypatch.setattr(quick, "red_before", lambda _, names: {*names} & {"old"})
    monkeypatch.setattr("sys.argv", ["quick", *options])
    assert quick.run_without_map({"a.txt": ("", "a")}) == code
    assert capsys.readouterr().out.splitlines()[1:] == said
    both = [files[: quick.FILES], files[quick.FILES :]]
    assert parts == [both[number] for number in order]
    first_old = next((number for number, names in enumerate(told) if "old" in names), 9)
    for number, names in enumerate(left_out):
        assert names == (["old"] if number > first_old else [])


def test_without_a_map_the_time_begins_with_the_first_test(tmp_path, monkeypatch):
    listed = tmp_path / "chosen.json"
    listed.write_text(json.dumps({"seconds": 20}))
    monkeypatch.setenv("ANKIFORGE_QUICK", str(listed))
    now = iter([1000.0, 1000.0, 1019.0, 1021.0])
    monkeypatch.setattr(quick, "monotonic", lambda: next(now))
    monkeypatch.setattr(quick, "_start_clock", cache(quick._start_clock.__wrapped__))
    assert [quick.pytest_runtest_protocol(None) for _ in range(3)] == [None, None, True]


def test_as_many_are_run_as_two_processes_can_in_the_time(recorded):
    tests = recorded.below("tests/anki") | recorded.below("tests/cli")
    assert len(quick.first(sorted(tests), quick.START + 0.3)) == 2
    assert len(quick.first(sorted(tests), quick.START)) == 1


def test_what_hangs_is_not_looked_for_at_the_last_commit(recorded):
    assert quick.red_before(recorded, ["it hangs"]) == set()


def test_new_rows_of_a_chosen_table_are_run_and_other_known_ones_are_not(
    tmp_path, monkeypatch
):
    table = "tests/anki/test_sizes_table.py::test_size"
    first, second = f"{table}[1]", f"{table}[2]"
    write(tmp_path / "map.db", {}, dict.fromkeys((first, second, WIDE), 0.1), {})
    recorded = Map(tmp_path / "map.db")
    listed = tmp_path / "chosen.json"
    listed.write_text(json.dumps(quick.choice(recorded, [second])), "utf-8")

    names = [first, second, f"{table}[3]", "tests/anki/test_sizes_table.py::test_new"]
    items = [SimpleNamespace(nodeid=name) for name in names]
    monkeypatch.setenv("ANKIFORGE_QUICK", str(listed))
    quick.pytest_collection_modifyitems(Told(), items)
    assert [item.nodeid for item in items] == [f"{table}[3]", second]
    # without a map, only what is named
    listed.write_text(json.dumps(quick.choice(None, [second])), "utf-8")
    items = [SimpleNamespace(nodeid=name) for name in names]
    quick.pytest_collection_modifyitems(Told(), items)
    assert [item.nodeid for item in items] == [second]
    # of the files of a part, what was red before is left out
    part = {"files": ["tests/anki/test_sizes_table.py"], "names": [], "left out": [first]}
    listed.write_text(json.dumps(part), "utf-8")
    items = [SimpleNamespace(nodeid=name) for name in names]
    quick.pytest_collection_modifyitems(Told(), items)
    assert [item.nodeid for item in items] == names[1:]


def test_files_take_turns_beside_the_ways_through_a_function(tmp_path):
    # three tests of one file are cheaper than the one of another, which comes before the third
    near = [f"tests/anki/test_sizes.py::test_{number}" for number in range(3)]
    seconds = dict.fromkeys(near, 0.1) | {WIDE: 0.3}
    write(tmp_path / "map.db", {PATH: MODULE}, seconds, {(PATH, 11): set(seconds)})
    after = MODULE.replace("return size - 1", "return size - 2")
    tests, _ = touching.choose(Map(tmp_path / "map.db"), {PATH: (MODULE, after)})
    assert [test.name for test in tests] == [near[0], near[1], WIDE, near[2]]


@pytest.mark.slow
def test_what_failed_at_the_last_commit_too_is_told_from_what_fails_since(
    recorded, tmp_path, monkeypatch
):
    root = tmp_path / "root"
    tests = root / "test_sums.py"
    root.mkdir()
    tests.write_text("def test_old(): assert 0\ndef test_new(): assert 1\n")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "One"]):
        subprocess.run([*git, *arguments], check=True)
    tests.write_text(tests.read_text().replace("assert 1", "assert 0"))
    monkeypatch.setattr(quick, "ROOT", root)
    names = ["test_sums.py::test_old", "test_sums.py::test_new"]
    assert quick.failing(recorded, names, root) == names
    assert quick.red_before(recorded, names) == {names[0]}
    assert quick.red_before(None, names) == {names[0]}
    tests.write_text("def test_old(: assert 0")
    assert quick.failing(recorded, names, root) == ["test_sums.py"]
    assert quick.failing(recorded, names[:1], root, "--no-such") == ["it does not start"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return a < b", {"return (a <= b)", "return None"}),
        ("if a and not b: go(a)", {"if (a): go(a)", "if (not b): go(a)", "if a and (b): go(a)", "if a and not b: pass"}),
        ("x = go(a, b, key=1)", {"x = (go(b, a, key=1))", "x = go(a, b, key=(2))"}),
        ("x = go(a, key=b)", {"x = (go(a))"}),
        ("x = f'{a < b}'", set()),
        # what changes nothing where all is right
        ("x = max(a, b)", set()),
        ("x = max(a, default=b)", {"x = (max(a))"}),
        ("x = zip(a, strict=True)", set()),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_made_in_its_place(line, expected):
    text = f"def f(a, b):\n    {line}\n"
    made = {mistaken(text, node, other) for _, node, other in places(ast.parse(text))}
    assert made == {f"def f(a, b):\n    {new}\n" for new in expected}
