"""Print the tables of `benchmarks/wording/README.md` from the ratings.

python -m benchmarks.wording.measure [highlights]
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
READY = ("alone", "true", "one", "atomic", "short", "target", "worth", "formed")
# Samples of the passages from which the 90 % interval is read.
_SAMPLES = 2000
Rows = list[dict[str, Any]]


def rows(folder: Path, name: str) -> Rows:
    """Return the lines of a file."""
    text = (folder / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def is_ready(rating: dict[str, Any]) -> bool:
    """Return whether a card could be used as it is, however it sounds."""
    return all(rating[criterion] for criterion in READY)


CRITERIA = {
    "ready": is_ready,
    "natural": lambda rating: bool(rating["natural"]),
    "both": lambda rating: is_ready(rating) and bool(rating["natural"]),
    "one": lambda rating: bool(rating["one"]),
    "true": lambda rating: bool(rating["true"]),
}


def percent(values: list[bool]) -> str:
    """Return the share of what is true."""
    return f"{100 * sum(values) / max(1, len(values)):.0f}"


def interval(by_passage: list[list[bool]]) -> str:
    """Return the 90 % interval of a share, by drawing passages again."""
    draw = random.Random(1)
    shares = []
    for _ in range(_SAMPLES):
        drawn = draw.choices(by_passage, k=len(by_passage))
        values = [value for values in drawn for value in values]
        shares.append(100 * sum(values) / len(values))
    shares.sort()
    low, high = shares[_SAMPLES // 20], shares[-_SAMPLES // 20]
    return f"{low:.0f}–{high:.0f}"


def main() -> None:
    """Print a line for each maker and criterion: each rater, all, the interval, not English."""
    folder = HERE / sys.argv[1] if sys.argv[1:] else HERE
    cards = {card["id"]: card for card in rows(folder, "cards.jsonl")}
    passages = {row["id"]: row for row in rows(folder, "passages.jsonl")}
    ratings = rows(folder, "ratings.jsonl")
    raters = sorted({rating["rater"] for rating in ratings})
    for maker in dict.fromkeys(sorted(card["maker"] for card in cards.values())):
        own = [rating for rating in ratings if cards[rating["card"]]["maker"] == maker]
        number = len({rating["card"] for rating in own})
        covered = {cards[rating["card"]]["passage"] for rating in own if is_ready(rating)}
        print(
            f"{maker}: {number} cards; {len(covered)} passages have one that a rater calls ready"
        )
        for name, holds in CRITERIA.items():
            of_raters = []
            by_passage: dict[str, list[bool]] = {}
            foreign = []
            for rating in own:
                passage = cards[rating["card"]]["passage"]
                by_passage.setdefault(passage, []).append(holds(rating))
                if passages[passage]["lang"] != "en":
                    foreign.append(holds(rating))
            for rater in raters:
                of_raters.append(percent([holds(r) for r in own if r["rater"] == rater]))
            every = [value for values in by_passage.values() for value in values]
            print(
                f"  {name:8} {', '.join(of_raters)}; all {percent(every)}"
                f" ({interval(list(by_passage.values()))}), not English {percent(foreign)}"
            )


if __name__ == "__main__":
    main()
