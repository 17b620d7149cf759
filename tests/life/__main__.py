"""Play random histories of ordinary life and report what the program did.

    python -m tests.life FIRST COUNT [--anki] [--machines 1|2|stale] [--plugin] [--json] [-v]

Each seed is one history: notes that are edited, renamed, moved, cut, copied, deleted and restored; a
person who decides, undoes and answers truthfully; an Anki that imports each package, in which the person
edits, tags, studies and deletes (`--anki`: the real one); databases that are lost while the journal stays;
a second machine whose journal is shared always (`2`) or sometimes late (`stale`); with `--plugin`, notes in the forms of a
flash-card plug-in. Reported are notes
twice in Anki, decisions that were undone, notes made anew for a passage that only moved or was
reworded, machines that disagree, and the questions asked per 100 edits.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.life.history import lived
from tests.life.judge import REPORTED

APART = ("check", "conflict after an edit in Anki")
"""Not counted as questions: drafts that wait for a check, and what a person changed on both sides."""


def summed(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add the reports up."""
    total: dict[str, Any] = {"histories": len(reports)}
    for name in ("steps", "runs", "edits", *REPORTED):
        total[name] = sum(one[name] for one in reports)
    total["histories with a violation"] = sum(bool(one["wrong"]) for one in reports)
    for name in ("questions", "told"):
        total[name] = dict(sum((Counter(one[name]) for one in reports), Counter()))
    asked = sum(count for kind, count in total["questions"].items() if kind not in APART)
    total["questions per 100 edits"] = round(100 * asked / max(total["edits"], 1), 1)
    total["violations"] = dict(
        Counter(kind for one in reports for kind, _ in one["wrong"])
    )
    return total


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.life", description="Random histories of ordinary life.")  # fmt: skip
    asked.add_argument("first", type=int)
    asked.add_argument("count", type=int)
    asked.add_argument("--anki", action="store_true", help="the real Anki")
    asked.add_argument("--machines", choices=("1", "2", "stale"), default="1")
    asked.add_argument("--plugin", action="store_true", help="the forms of a flash-card plug-in")  # fmt: skip
    asked.add_argument("--json", action="store_true", help="a line for each history, and one for all")  # fmt: skip
    asked.add_argument("-v", "--verbose", action="store_true", help="tell each step")
    given = asked.parse_args()
    reports = []
    for seed in range(given.first, given.first + given.count):
        report = lived(seed, given.machines, anki=given.anki, plugin=given.plugin)
        log = report.pop("log")
        reports.append(report)
        if given.json:
            print(json.dumps(report, ensure_ascii=False), flush=True)
            continue
        if given.verbose:
            print("\n".join(log))
        counts = ", ".join(f"{report[name]} {name}" for name in REPORTED if report[name])
        print(f"seed {seed}: {report['edits']} edits, {counts or 'all well'}", flush=True)
        for kind, detail in report["wrong"]:
            print(f"  {kind}: {detail}", flush=True)
    total = summed(reports)
    print(json.dumps(total, ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
