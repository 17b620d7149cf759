"""The map of the tests: which of them run which line of the program, and how long they take.

`make map` records it by `tools/recording.py`, `make map T=tests/check` a part of it anew; `quick` and
`mutants` read it. It is one SQLite file that git ignores. With it is the text of each module as it was
recorded: a line of today is found again in it, however many lines were moved since.
"""

import ast
import re
import sqlite3
import sys
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection
from contextlib import closing, suppress
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
MAP = ROOT / ".quick" / "map.db"
RAW = MAP.with_name("raw")
SLOWER = 2
"""A test takes so many times as long while it is recorded."""
TABLES = """
CREATE TABLE test (id INTEGER PRIMARY KEY, name TEXT, seconds REAL, breadth INTEGER);
CREATE TABLE module (path TEXT PRIMARY KEY, text BLOB);
CREATE TABLE line (path TEXT, line INTEGER, tests INTEGER, PRIMARY KEY (path, line));
CREATE TABLE tests (id INTEGER PRIMARY KEY, ids BLOB);
"""


class Test(NamedTuple):
    """One test, as it was recorded."""

    name: str
    seconds: float
    breadth: int
    """How many lines of the program it runs."""

    @property
    def file(self) -> str:
        return self.name.partition("::")[0]


class Map:
    """What was recorded."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        rows = self._database.execute("SELECT id, name, seconds, breadth FROM test")
        self._tests = {number: Test(*rest) for number, *rest in rows}

    @cached_property
    def texts(self) -> dict[str, str]:
        """The modules as they were recorded."""
        rows = self._database.execute("SELECT path, text FROM module")
        return {path: zlib.decompress(text).decode() for path, text in rows}

    def below(self, names: str) -> set[Test]:
        """Return the tests of some files and folders."""
        starts = tuple(f"{name}{end}" for name in names.split() for end in ("/", "::"))
        return {test for test in self._tests.values() if test.name.startswith(starts)}

    def rows_beside(self, names: set[str]) -> set[str]:
        """Return the names of the other rows of the tables of some tests."""
        tables = {name.partition("[")[0] for name in names}
        every = {test.name for test in self._tests.values()}
        return {name for name in every - names if name.partition("[")[0] in tables}

    def ways(self, path: str, lines: set[int]) -> dict[Test, frozenset[int]]:
        """Return which of some lines of a module, as it was recorded, each test runs."""
        query = "SELECT line, ids FROM line JOIN tests ON tests.id = tests WHERE path = ?"
        ways: dict[int, set[int]] = defaultdict(set)
        for line, ids in self._database.execute(query, (path,)):
            if line in lines:
                for number in array("H", zlib.decompress(ids)):
                    ways[number].add(line)
        return {self._tests[number]: frozenset(way) for number, way in ways.items()}

    def naming(self, name: str) -> set[Test]:
        """Return the tests that run a line in which a name stands."""
        word = re.compile(rf"\b{name}\b")
        found: set[Test] = set()
        for path, text in self.texts.items():
            lines = enumerate(text.splitlines(), 1)
            places = {
                place for place, line in lines if name in line and word.search(line)
            }
            if places:
                found.update(self.ways(path, places))
        return found

    def then(self, path: str, text: str, lines: set[int]) -> set[int]:
        """Return where lines of a text of today stand in the module as it was recorded."""
        places = same_lines(text, self.texts.get(path, ""))
        return {places[line] for line in lines if line in places}

    def besides(
        self, names: Collection[str], texts: dict[str, str]
    ) -> tuple[dict[str, float], "Lines"]:
        """Return the seconds of the other tests, and which lines of today's modules they run."""
        others = {
            number: test for number, test in self._tests.items() if test.name not in names
        }
        places = {
            path: same_lines(text, texts[path])
            for path, text in self.texts.items()
            if path in texts
        }
        lines: Lines = defaultdict(set)
        query = "SELECT path, line, ids FROM line JOIN tests ON tests.id = tests"
        for path, line, ids in self._database.execute(query):
            if place := places.get(path, {}).get(line):
                numbers = array("H", zlib.decompress(ids))
                lines[path, place].update(others[n].name for n in numbers if n in others)
        return {test.name: test.seconds for test in others.values()}, lines


Lines = dict[tuple[str, int], set[str]]
"""By module and line: the tests that run it."""


def same_lines(text: str, other: str) -> dict[int, int]:
    """Return where the lines of a text stand in another one, if they do."""
    matcher = SequenceMatcher(None, text.splitlines(), other.splitlines(), autojunk=False)
    return {
        start + number: place + number
        for start, place, size in matcher.get_matching_blocks()
        for number in range(1, size + 1)
    }


def gather(raw: Path) -> tuple[dict[str, float], Lines]:
    """Return what the processes of the tests recorded: how long each takes, and who runs what."""
    from coverage.numbits import numbits_to_nums

    seconds: dict[str, float] = defaultdict(float)
    for told in (raw / "seconds").read_text("utf-8").splitlines():
        taken, _, name = told.partition("\t")
        seconds[ast.literal_eval(name)] += float(taken) / SLOWER
    query = (
        "SELECT path, context, numbits FROM line_bits JOIN file ON file.id = file_id"
        " JOIN context ON context.id = context_id WHERE context != ''"
    )
    lines: Lines = defaultdict(set)
    for path in raw.glob("lines.*"):
        # a process that was killed while it wrote leaves a damaged file
        with closing(sqlite3.connect(path)) as database, suppress(sqlite3.DatabaseError):
            for file, context, numbits in database.execute(query):
                # a process that a test starts has its step, too: "… (call)"
                name = context if context in seconds else context.rpartition(" ")[0]
                module = Path(file).relative_to(ROOT).as_posix()
                for line in numbits_to_nums(numbits):
                    lines[module, line].add(sys.intern(name))
    return seconds, lines


def write(
    target: Path, texts: dict[str, str], seconds: dict[str, float], lines: Lines
) -> None:
    """Write a map of modules and tests."""
    breadth = Counter(name for names in lines.values() for name in names)
    numbers = {name: number for number, name in enumerate(sorted(seconds))}
    target.parent.mkdir(exist_ok=True)
    new = target.with_suffix(".new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(new)) as database, database:
        database.executescript(TABLES)
        for name, number in numbers.items():
            row = (number, name, seconds[name], breadth[name])
            database.execute("INSERT INTO test VALUES (?, ?, ?, ?)", row)
        for path, text in texts.items():
            row = (path, zlib.compress(text.encode()))
            database.execute("INSERT INTO module VALUES (?, ?)", row)
        sets: dict[frozenset[str], int] = {}  # many lines are run by the same tests
        for (path, line), names in sorted(lines.items()):
            row = (path, line, sets.setdefault(frozenset(names), len(sets)))
            database.execute("INSERT INTO line VALUES (?, ?, ?)", row)
        for tests, number in sets.items():
            ids = array("H", sorted(numbers[name] for name in tests if name in numbers))
            row = (number, zlib.compress(ids.tobytes()))
            database.execute("INSERT INTO tests VALUES (?, ?)", row)
    new.replace(target)


if __name__ == "__main__":
    modules = sorted((ROOT / "ankiforge").rglob("*.py"))
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in modules
    }
    seconds, lines = gather(RAW)
    if (
        sys.argv[1:] and MAP.is_file()
    ):  # only some tests were recorded: the map keeps the others
        others, their_lines = Map(MAP).besides(seconds, texts)
        seconds |= others
        for where, names in their_lines.items():
            lines[where] |= names
    write(MAP, texts, seconds, lines)
