"""Run the tests that touch what changed since the last commit, for twenty seconds: `make quick`.

`tools/touching.py` chooses them by the map of the tests. They are as many as an idle machine runs in
that time: a busy one takes longer, and runs no fewer. Nothing to run is an error, as it would look like
a success. What fails is run again at the last commit: it may have been red before.

Before a map is recorded, `tools/importing.py` chooses files of tests by what they import. A few are
collected at once, the most specific first, so that their tests begin within seconds. The twenty seconds
begin with the first test, which is always run; no test begins after them.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tools.importing import find_changed_names, find_test_files
from tools.testmap import MAP, ROOT, Map, Test
from tools.touching import Texts, choose

SECONDS = 20
PROCESSES = 2
START = 5
"""Seconds before the first test; another file of tests takes `COLLECTING` more."""
COLLECTING = 0.2
FILES = 8
"""How many files of tests are collected at once if there is no map."""
NO_START = "it does not start"
PATIENCE = 300
"""Seconds: what takes longer, on a busy machine too, hangs."""


def git(*arguments: str) -> str:
    """Return what git says; "" if it fails, as for a file that it has not."""
    command = ["git", "-C", str(ROOT), "-c", "core.quotepath=off", *arguments]
    return subprocess.run(command, capture_output=True).stdout.decode(errors="replace")


def changes() -> Texts:
    """Return the text of each changed file at the last commit, and now."""
    paths = git("diff", "HEAD", "--name-only", "--no-renames")
    paths += git("ls-files", "--others", "--exclude-standard")
    texts = {}
    for path in paths.splitlines():
        file = ROOT / path
        now = file.read_text("utf-8", errors="replace") if file.is_file() else ""
        texts[path] = git("show", f"HEAD:{path}"), now
    return texts


def first(tests: list[Test], seconds: float = SECONDS) -> list[Test]:
    """Return the first of some tests, as many as all processes run in so many seconds."""
    left = PROCESSES * (seconds - START)
    taken: list[Test] = []
    files = set()
    for test in tests:
        left -= test.seconds + (0 if test.file in files else COLLECTING)
        if left < 0 and taken:
            break
        files.add(test.file)
        taken.append(test)
    return taken


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Keep the chosen tests in their order: this file is also a plugin of pytest.

    The rows that a chosen table has got since the map was recorded come first.
    """
    listed = _load_choice()
    if "files" in listed:
        items[:] = [item for item in items if item.nodeid not in listed["left out"]]
        _sort_by_file(items, listed["files"], {*listed["names"]})
        return
    places = {name: place for place, name in enumerate(listed["chosen"])}
    tables = {name.partition("[")[0] for name in places}
    other_rows = listed["other rows"]
    known = {*places, *(other_rows or ())}
    kept = []
    left_out = []
    for item in items:
        is_row = item.nodeid.partition("[")[0] in tables
        is_new = other_rows is not None and is_row and item.nodeid not in known
        (kept if is_new or item.nodeid in places else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = sorted(kept, key=lambda item: places.get(item.nodeid, -1))


def _load_choice() -> dict[str, Any]:
    choice: dict[str, Any] = json.loads(
        Path(os.environ["ANKIFORGE_QUICK"]).read_text("utf-8")
    )
    return choice


def _sort_by_file(items: list[pytest.Item], files: list[str], names: set[str]) -> None:
    """Sort tests: those that mention a changed name, then in the order of their files."""
    ranks = {file: rank for rank, file in enumerate(files)}

    def get_rank(item: pytest.Item) -> tuple[bool, int]:
        code = getattr(getattr(item, "function", None), "__code__", None)
        mentions = code is not None and not names.isdisjoint(code.co_names)
        return not mentions, ranks.get(item.nodeid.partition("::")[0], len(ranks))

    items.sort(key=get_rank)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Skip a test without a report if the time is over and there is no map."""
    is_over = monotonic() - _start_clock() > _load_choice().get("seconds", float("inf"))
    return True if is_over else None


@cache
def _start_clock() -> float:
    """Return when the first test began in this process."""
    return monotonic()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note(report)
    if report.when == "setup":
        _write_down(report, ".run")


def _note(report: pytest.CollectReport | pytest.TestReport) -> None:
    if report.failed:
        _write_down(report, ".failed")


def _write_down(report: pytest.CollectReport | pytest.TestReport, suffix: str) -> None:
    """Write down the name of a test, in the process that hears of all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with Path(os.environ["ANKIFORGE_QUICK"]).with_suffix(suffix).open("a") as file:
            print(json.dumps(report.nodeid), file=file)


def choice(recorded: Map | None, names: Collection[str]) -> dict[str, Any]:
    """Return what this plugin of pytest has to know of some tests.

    Without a map nothing is known of other rows, so only the named tests are run.
    """
    other_rows = sorted(recorded.rows_beside({*names})) if recorded else None
    return {"chosen": [*names], "other rows": other_rows}


def failing(
    recorded: Map | None,
    names: Collection[str],
    folder: Path,
    *options: str,
    quiet: bool = True,
) -> list[str]:
    """Run some tests in the checkout in a folder; return those that fail."""
    files = dict.fromkeys(name.partition("::")[0] for name in names)
    return run_choice(choice(recorded, names), files, folder, *options, quiet=quiet)


def run_choice(
    chosen: dict[str, Any],
    files: Collection[str],
    folder: Path,
    *options: str,
    quiet: bool = True,
) -> list[str]:
    """Run the chosen tests of some files in the checkout in a folder; return those that fail."""
    (folder / ".quick").mkdir(exist_ok=True)
    listed = folder / ".quick" / "chosen.json"
    failed = listed.with_suffix(".failed")
    failed.write_text("")
    listed.with_suffix(".run").write_text("")
    listed.write_text(json.dumps(chosen), "utf-8")
    environment = {"PYTHONPATH": str(folder), "ANKIFORGE_QUICK": str(listed)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tools.quick", *options]
    # a worker of xdist that calls this is none of this run
    own = {k: os.environ[k] for k in os.environ if not k.startswith("PYTEST_XDIST")}
    try:
        code = subprocess.run(
            [*command, *(name for name in files if (folder / name).is_file())],
            cwd=folder, env=own | environment, timeout=PATIENCE,
            stdin=subprocess.DEVNULL, capture_output=quiet,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        return ["it hangs"]
    told = [json.loads(line) for line in failed.read_text("utf-8").splitlines()]
    return [*dict.fromkeys(told)] or [NO_START] if code else []


def red_before(recorded: Map | None, names: Collection[str]) -> set[str]:
    """Return which of some tests fail at the last commit, too."""
    tests = [name for name in names if ".py" in name]
    if not tests:  # it hangs, or does not start: without a name pytest would collect all
        return set()
    command = ["git", "-C", str(ROOT), "archive", "HEAD"]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return {*failing(recorded, tests, Path(folder))} & {*tests}


def run_without_map(texts: Texts) -> int:
    """Run the tests that import what changed, the most specific first; return the exit code.

    With `-x`, a part with a new failure is the last one. A part that ended at tests that were red
    before is run again without them.
    """
    files = find_test_files(ROOT, texts)
    if not files:
        reason = "no test imports what changed" if texts else "nothing changed"
        print(f"Nothing was run: {reason} since the last commit. `make test` runs all.")
        return 1
    print(
        f"No map of the tests yet, so {len(files)} files are chosen by what they import."
        " `make map` makes the choice exact, in ten minutes."
    )
    names = sorted(find_changed_names(texts))
    options = ["-m", "not slow", "-n", str(PROCESSES), "--maxschedchunk", "1"]
    is_first_only = not {"-x", "--exitfirst"}.isdisjoint(sys.argv)
    failed: list[str] = []
    old: set[str] = set()
    count = 0
    left = float(SECONDS)
    while files and left > 0:
        part, files = files[:FILES], files[FILES:]
        left_out = [*old]
        chosen = {"files": part, "names": names, "seconds": left, "left out": left_out}
        begun = monotonic()
        told = run_choice(chosen, part, ROOT, *options, *sys.argv[1:], quiet=False)
        run = (ROOT / ".quick" / "chosen.run").read_text("utf-8").splitlines()
        left -= monotonic() - begun - (0 if count else START)
        count += len(run)
        if not run and told == [NO_START]:
            continue  # a file may have slow tests only
        failed += told
        old |= red_before(None, told)
        if is_first_only and {*failed} - old:
            break
        if is_first_only and not {*told} <= {*left_out}:
            files = [*part, *files]
    tell_failures(dict.fromkeys(failed), old)
    if not count:
        print("No test was run, so nothing is known: `make test` runs all.")
    return bool({*failed} - old) or not count


def tell_failures(failed: Collection[str], old: Collection[str]) -> None:
    """Print the tests that failed, and which of them were red before."""
    for name in failed:
        print(f"{'red before' if name in old else 'red'}: {name}")


def main() -> int:
    begun = monotonic()
    texts = changes()
    if not MAP.is_file():
        return run_without_map(texts)
    recorded = Map(MAP)
    tests, untouched = choose(recorded, texts)
    if not tests:
        reason = "no test touches what changed" if texts else "nothing changed"
        print(f"Nothing was run: {reason} since the last commit. `make test` runs all.")
        return 1
    taken = first(tests)
    options = ["-n", str(PROCESSES), "--dist", "worksteal", *sys.argv[1:]]
    failed = failing(recorded, [test.name for test in taken], ROOT, *options, quiet=False)
    rest = (
        f"; the other {len(tests) - len(taken)}: make test" if tests[len(taken) :] else ""
    )
    print(
        f"ran {len(taken)} of {len(tests)} tests that touch it, {monotonic() - begun:.0f} s{rest}"
    )
    if untouched:
        print(f"No test touches {', '.join(untouched)}.")
    old = red_before(recorded, failed) if failed else set()
    tell_failures(failed, old)
    return bool(untouched or {*failed} - old)


if __name__ == "__main__":
    sys.exit(main())
