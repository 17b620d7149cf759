"""How many cards of marks that are accepted at once a strict person keeps as they are.

    python -m benchmarks.marks

`marks.jsonl` has two sheets of 150 marks, each of five public vaults: the card, whether it was
accepted at once, and whether each of two blind raters would keep it unchanged, with the reason if
not. The first sheet was rated with the rules of then, and the rules of now were made after it. The
second was rated afterwards; nobody who wrote the rules had seen its vaults.
"""

from __future__ import annotations

import json
from pathlib import Path

ROWS = Path(__file__).with_name("marks.jsonl")


def main() -> None:
    """Print the shares for each sheet."""
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    for sheet in ("first", "second"):
        marks = [row for row in rows if row["sheet"] == sheet]
        accepted = [row for row in marks if row["accepted"]]
        kept = [row for row in marks if all(row["keep"])]
        both = [row for row in accepted if all(row["keep"])]
        agreed = sum(len(set(row["keep"])) == 1 for row in marks)
        print(f"{sheet} sheet: {len(marks)} marks, the raters agree on {agreed}")
        print(f"  accepted at once: {len(accepted)}, of these kept by both: {len(both)}")
        print(f"  kept by both: {len(kept)}, of these accepted at once: {len(both)}")


if __name__ == "__main__":
    main()
