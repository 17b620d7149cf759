"""Run the tests that touch what changed since the last commit, for twenty seconds: `make quick`.

`tools/touching.py` chooses them by the map of the tests. Nothing to run is an error, as it would
look like a success.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from tools.testmap import MAP, ROOT, Map, Test
from tools.touching import Texts, choose

SECONDS = 20
PROCESSES = 2
START = 5
"""Seconds before the first test; another file of tests takes `COLLECTING` more."""
COLLECTING = 0.2


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
    listed = json.loads(Path(os.environ["ANKIFORGE_QUICK"]).read_text("utf-8"))
    places = {name: place for place, name in enumerate(listed["chosen"])}
    tables = {name.partition("[")[0] for name in places}
    known = {*places, *listed["other rows"]}
    kept = []
    left_out = []
    for item in items:
        is_new = item.nodeid not in known and item.nodeid.partition("[")[0] in tables
        (kept if is_new or item.nodeid in places else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = sorted(kept, key=lambda item: places.get(item.nodeid, -1))


def command(recorded: Map, tests: list[Test], listed: Path, *options: str) -> list[str]:
    """Return the command that runs some tests, whose names are written into a file."""
    names = [test.name for test in tests]
    others = sorted(recorded.rows_beside({*names}))
    listed.write_text(json.dumps({"chosen": names, "other rows": others}), "utf-8")
    files = dict.fromkeys(test.file for test in tests)
    return [sys.executable, "-m", "pytest", "-q", "-p", "tools.quick", *options, *files]


def main() -> int:
    begun = monotonic()
    texts = changes()
    recorded = Map(MAP)
    tests, untouched = choose(recorded, texts)
    if not tests:
        reason = "no test touches what changed" if texts else "nothing changed"
        print(f"Nothing was run: {reason} since the last commit. `make test` runs all.")
        return 1
    taken = first(tests)
    listed = MAP.with_name("chosen.json")
    run = command(
        recorded,
        taken,
        listed,
        "-n",
        str(PROCESSES),
        "--dist",
        "worksteal",
        *sys.argv[1:],
    )
    environment = {**os.environ, "ANKIFORGE_QUICK": str(listed)}
    code = subprocess.call(run, cwd=ROOT, env=environment)
    rest = (
        f"; the other {len(tests) - len(taken)}: make test" if tests[len(taken) :] else ""
    )
    print(
        f"ran {len(taken)} of {len(tests)} tests that touch it, {monotonic() - begun:.0f} s{rest}"
    )
    if untouched:
        print(f"No test touches {', '.join(untouched)}.")
    return code or bool(untouched)


if __name__ == "__main__":
    sys.exit(main())
