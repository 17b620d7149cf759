"""Play random histories of one passage and count what became of its facts.

    python -m tests.facts SEED COUNT [--json] [-v]

Each seed is one history: a passage of a note or of an export is edited in sixteen ways; a person accepts,
rejects, rewords, writes cards, retires, skips and undoes; half of them on two computers whose journals
meet later, a quarter with databases that are lost. An oracle that knows which sentence states which fact
counts what `tests.facts.history` explains.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.facts.history import VIOLATIONS, played, rates


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.facts", description="Random histories of facts.")  # fmt: skip
    asked.add_argument("first", type=int)
    asked.add_argument("count", type=int)
    asked.add_argument("--json", action="store_true", help="a line for each history, and one for all")  # fmt: skip
    asked.add_argument("-v", "--verbose", action="store_true", help="tell each step")
    given = asked.parse_args()
    total: Counter[str] = Counter()
    seeds = range(given.first, given.first + given.count)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for seed, report in zip(seeds, pool.map(played, seeds, chunksize=5), strict=True):
            total += report.count
            if given.json:
                told = {"seed": seed, **report.count, "wrong": report.failures}
                print(json.dumps(told, ensure_ascii=False), flush=True)
                continue
            if given.verbose:
                print(f"seed {seed}", *report.log, sep="\n")
            for failure in report.failures:
                if failure.split(":")[0] in VIOLATIONS:
                    print(f"seed {seed}: {failure}", flush=True)
    summary = {"histories": given.count, "edits": total["edits"], **rates(total)}
    print(json.dumps(summary, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
