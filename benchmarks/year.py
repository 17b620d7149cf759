"""A year of notes on two computers with a real Anki: what went wrong, and what it cost.

    python -m benchmarks.year [REPOSITORY] [--seed N]

The weeks are those of `tests/life/year.py`, or of the year with the most weeks with a change in the
Git history of a vault. Wrong is what is twice in Anki, lost, made anew, offered or asked again though
it was decided, or differs between the computers. Seconds are processor time of all runs and of Anki.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.life.year import WEEKS, live, measure


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("repository", nargs="?", type=Path)
    asked.add_argument("--seed", type=int, default=1)
    said = asked.parse_args()
    weeks = measure(said.repository) if said.repository else WEEKS
    report = live(weeks, said.seed)
    del report["log"]
    wrong = report.pop("wrong")
    for name, count in report.items():
        print(f"{name:16}{count:>8}")
    print(f"{'wrong':16}{len(wrong):>8}")
    for kind, detail in wrong:
        print(f"  {kind}: {detail}")


if __name__ == "__main__":
    main()
