"""Which tests touch a change, the best first.

First come those that run the changed lines, as the map of the tests says, then those that run other
lines of the same function. A constant or a field is run by nothing: for it stand the lines that name
it. The rows of tables in the folder that mirrors the package cost next to nothing and come before all.
Otherwise tests take turns, the narrow and short ones first, which run few lines of the program and say
most exactly what is wrong: one of each way through the function before the second of any, and between
them one of each file, as who would notice is not always who is near. What is no program is followed by
a table.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from fnmatch import fnmatch
from itertools import zip_longest

from tools.testmap import Map, Test

FEW = 1000
"""The number of lines that a test is taken to run of which nothing is known."""
ROW = 0.05
"""Seconds that a row of a table takes, at most."""
ROWS = 8
"""Seconds that rows may take before tests take turns."""
FOLLOWED = {
    "ankiforge/anki/design/*": "tests/anki",
    "ankiforge/check/data/*": "tests/check",
    "ankiforge/*/data/*": "tests/language tests/draft tests/check",
    "ankiforge/web/static/*": "tests/web",
    "ankiforge/features/*/page.js": "tests/features",
    "ankiforge/extract/markdown/*": "tests/extract/test_texts.py tests/extract tests/sources",
    "ankiforge/extract/*": "tests/extract tests/sources",
    "ankiforge/*": "tests/{1}",
    "prompts/*": "tests/draft",
    "decks/*": "tests/config tests/anki/test_decks.py",
    "tests/draft/cases/*": "tests/draft/test_cases.py",
    "tests/extract/texts/*": "tests/extract/test_texts.py",
    "tests/extract/pdfs/*": "tests/extract/test_pdfs.py",
    "tests/*/*": "tests/{1}",
    "tests/*": "tests/cli",
    "*.md": "tests/test_docs.py",
    "*": "tests/test_house.py tests/test_release.py",
}
"""What no line of the program shows: the first pattern that a path has names its tests."""
ALWAYS = {"ankiforge/ledger/*": "tests/golden/test_journal.py"}
"""What is kept for ever is compared whole, however wide the tests are."""

Texts = dict[str, tuple[str, str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def changed_lines(before: str, now: str) -> set[int]:
    """Return the lines of `before` that are not in `now`, and those beside new ones."""
    matcher = SequenceMatcher(None, before.splitlines(), now.splitlines(), autojunk=False)
    lines: set[int] = set()
    for kind, start, end, _, _ in matcher.get_opcodes():
        if kind == "insert":
            lines |= {start, start + 1}
        elif kind != "equal":
            lines.update(range(start + 1, end + 1))
    return lines


def choose(recorded: Map, texts: Texts) -> tuple[list[Test], list[str]]:
    """Return the tests that touch changed files, the best first, and the files without any."""
    tiers = {path: list(_tiers(recorded, path, *both)) for path, both in texts.items()}
    best: dict[Test, None] = {}
    for pattern, names in ALWAYS.items():
        if any(fnmatch(path, pattern) for path in texts):
            best |= dict.fromkeys(recorded.below(names))
    for tier in zip_longest(*tiers.values(), fillvalue=()):
        best |= dict.fromkeys(_turns(tier))
    return list(best), [path for path, lists in tiers.items() if lists and not any(lists)]


def _tiers(recorded: Map, path: str, before: str, now: str) -> Iterator[list[Test]]:
    """Yield the tests that run the changed lines of a file, then those that run what is around."""
    folder = f"tests/{path.split('/')[1]}/" if "/" in path else "tests/"
    if not fnmatch(path, "ankiforge/*.py") or not before:
        names = path
        if not re.fullmatch(r"tests/(.*/)?test_\w+\.py", path):
            names = next(
                names for pattern, names in FOLLOWED.items() if fnmatch(path, pattern)
            )
        yield _in_turn(recorded.below(names.format(*path.split("/"))), folder)
        return
    if now and ast.dump(ast.parse(before)) == ast.dump(ast.parse(now)):
        return  # only comments
    lines = changed_lines(before, now)
    exact, around, names = set[int](), set[int](), set[str]()
    for statement, function in iter_statements(ast.parse(before)):
        head = _head(statement)
        if lines & head:
            exact |= head
            if function:
                around.update(range(function.lineno, (function.end_lineno or 0) + 1))
            else:
                names |= _names(statement)
    ways = recorded.ways(path, recorded.then(path, before, around | exact))
    changed = recorded.then(path, before, exact)
    yield _in_turn({test for test, way in ways.items() if way & changed}, folder, ways)
    yield _in_turn(ways, folder, ways)
    naming = set[Test]().union(*map(recorded.naming, names))
    yield _in_turn(naming, folder)
    if not ways and not naming:
        every = set(range(before.count("\n") + 2))
        yield _in_turn(recorded.ways(path, recorded.then(path, before, every)), folder)


def iter_statements(
    tree: ast.AST, function: Function | None = None
) -> Iterator[tuple[ast.stmt, Function | None]]:
    """Yield each statement with the outermost function that it is in, or is itself."""
    for node in ast.iter_child_nodes(tree):
        inside = function or (node if isinstance(node, Function) else None)
        if isinstance(node, ast.stmt):
            yield node, inside
        yield from iter_statements(node, inside)


def _head(statement: ast.stmt) -> set[int]:
    """Return the lines of a statement; of one that holds others those before the first."""
    last = statement.end_lineno or statement.lineno
    if body := getattr(statement, "body", None):
        last = max(statement.lineno, body[0].lineno - 1)
    return set(range(statement.lineno, last + 1))


def _names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement outside of functions defines."""
    if isinstance(statement, ast.ClassDef):
        return {statement.name}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _in_turn(
    tests: Iterable[Test], folder: str, ways: Mapping[Test, frozenset[int]] = {}
) -> list[Test]:
    """Return tests: rows of tables, then in turn the cheap ones, those that go rare ways first."""

    def price(test: Test) -> tuple[float, str]:
        price = (test.breadth or FEW) * (test.seconds + 0.05)
        return price if test.name.startswith(folder) else 5 * price, test.name

    rows = []
    left = ROWS
    others = []
    for test in sorted(tests, key=price):
        if test.name.startswith(folder) and test.seconds <= min(ROW, left):
            left -= test.seconds
            rows.append(test)
        else:
            others.append(test)
    by_way: dict[frozenset[int], list[Test]] = defaultdict(list)
    by_file: dict[str, list[Test]] = defaultdict(list)
    for test in others:
        by_way[ways.get(test, frozenset())].append(test)
        by_file[test.file].append(test)
    way_by_way = sorted((_by_function(way) for way in by_way.values()), key=len)
    file_by_file = _turns(map(_by_function, by_file.values()))
    turns = _turns([_turns(way_by_way), file_by_file])
    return list(dict.fromkeys(rows + turns))


def _by_function(tests: Iterable[Test]) -> list[Test]:
    """Return one case of each test function, then a second of each, and so on."""
    cases: dict[str, list[Test]] = defaultdict(list)
    for test in tests:
        cases[test.name.partition("[")[0]].append(test)
    return _turns(cases.values())


def _turns(lists: Iterable[Iterable[Test]]) -> list[Test]:
    """Return the first of each list, then the second of each, and so on."""
    return [test for one_each in zip_longest(*lists) for test in one_each if test]
