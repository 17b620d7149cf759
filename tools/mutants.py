"""Make small mistakes in the program, and count those that `make quick` finds: `make mutants`.

    python -m tools.mutants [--count 30] [--seed 7] ankiforge/ledger ankiforge/check …

Each mistake is made in a copy of the checkout, which itself is never touched, and meets the tests that
`make quick` would run, until the first fails. As many are drawn of each kind. What lives is printed as
a difference of three lines.
"""

import argparse
import ast
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from shutil import copy2
from typing import NamedTuple

from tools import quick
from tools.mistakes import mistaken, places
from tools.testmap import MAP, ROOT, Map
from tools.touching import ROW, choose


class Mutant(NamedTuple):
    """A mistake: a module with something else in one place."""

    path: str
    kind: str
    before: str
    now: str

    def __str__(self) -> str:
        lines = enumerate(
            zip(self.before.splitlines(), self.now.splitlines(), strict=False), 1
        )
        number, (old, new) = next(line for line in lines if line[1][0] != line[1][1])
        return f"{self.path}:{number} {self.kind}\n- {old.strip()}\n+ {new.strip()}"


class Result(NamedTuple):
    """What became of a mutant."""

    mutant: Mutant
    failed: list[str]
    ran: int
    touching: int


class Copy:
    """A copy of the checkout, in which one mutant at a time meets tests."""

    def __init__(self, recorded: Map, folder: Path) -> None:
        self.recorded = recorded
        self.folder = folder
        for name in quick.git("ls-files", "-co", "--exclude-standard").splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                copy2(ROOT / name, folder / name)

    def meet(self, mutant: Mutant, names: list[str]) -> list[str]:
        """Run tests on a mutant until the first fails; return it."""
        file = self.folder / mutant.path
        file.write_text(mutant.now, "utf-8")
        try:
            return self.failing(names, "-x")
        finally:
            file.write_text(mutant.before, "utf-8")

    def failing(self, names: Collection[str], *options: str) -> list[str]:
        """Run some tests; return those that fail."""
        return quick.failing(
            self.recorded, names, self.folder, "-p", "no:cacheprovider", *options
        )


def draw(package: str, count: int, seed: int) -> list[Mutant]:
    """Draw mutants of a package or module, as many of each kind."""
    paths = (
        [ROOT / package] if package.endswith(".py") else (ROOT / package).rglob("*.py")
    )
    by_kind = defaultdict(list)
    for path in sorted(paths):
        text = path.read_text("utf-8")
        for kind, node, other in places(ast.parse(text)):
            by_kind[kind].append((path.relative_to(ROOT).as_posix(), text, node, other))
    rng = random.Random(f"{seed} {package}")
    for found in by_kind.values():
        rng.shuffle(found)
    drawn: list[Mutant] = []
    while len(drawn) < count and any(by_kind.values()):
        for kind in sorted(kind for kind, found in by_kind.items() if found):
            path, text, node, other = by_kind[kind].pop()
            now = mistaken(text, node, other)
            try:
                compile(now, path, "exec")
            except SyntaxError:
                continue
            drawn.append(Mutant(path, kind, text, now))
    return drawn[:count]


def play(mutants: list[Mutant], recorded: Map, copies: SimpleQueue[Copy]) -> list[Result]:
    """Let each mutant meet its tests, as many at a time as there are copies."""
    red: set[str] = set()
    touching = {
        one: choose(recorded, {one.path: (one.before, one.now)})[0] for one in mutants
    }

    def played(mutant: Mutant) -> Result:
        tests = touching[mutant]
        taken = [test for test in quick.first(tests) if test.name not in red]
        taken.sort(key=lambda test: test.seconds > ROW)  # most die in a row of a table
        names = [test.name for test in taken]
        copy = copies.get()
        try:
            failed = copy.meet(mutant, names) if names else []
            print("." if failed else "!", end="", file=sys.stderr, flush=True)
            return Result(mutant, failed, len(names), len(tests))
        finally:
            copies.put(copy)

    def played_all(mutants: list[Mutant]) -> dict[Mutant, Result]:
        with ThreadPoolExecutor(copies.qsize()) as pool:
            return dict(zip(mutants, pool.map(played, mutants), strict=True))

    results = played_all(mutants)
    # a test that fails without the mutant, too, has found nothing: the mutant meets the others
    killers = {name for result in results.values() for name in result.failed}
    if tests := [name for name in killers if "::" in name]:
        copy = copies.get()
        red.update(copy.failing(tests))
        copies.put(copy)
    results |= played_all([one for one in mutants if red & {*results[one].failed}])
    return [
        result._replace(failed=[name for name in result.failed if name not in red])
        for result in results.values()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="+")
    parser.add_argument("--count", type=int, default=30, help="how many of each package")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    recorded = Map(MAP)
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(quick.PROCESSES):
            copies.put(Copy(recorded, Path(folder, str(number))))
        for package in given.packages:
            results = play(draw(package, given.count, given.seed), recorded, copies)
            living = [result for result in results if not result.failed]
            for result in living:
                print(f"{result.mutant}\n  ({result.ran} of {result.touching} tests)\n")
            print(
                f"{package}: {len(results) - len(living)} of {len(results)} die\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
