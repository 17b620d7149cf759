"""Print how two strict raters judged cards of documents that nobody marked.

python -m benchmarks.choose.measure
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
QUESTIONS = {
    "worth it": lambda rating: rating["worth"],
    "ready": lambda rating: rating["card"] == "ready",
    "natural": lambda rating: rating["natural"],
    "true": lambda rating: rating["true"],
}


def rows(name: str) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def main() -> None:
    """Print the share of each rater, by who made the cards, of each sheet."""
    for sheet in ("", "fresh_"):
        made_by = {card["id"]: card["by"] for card in rows(f"{sheet}cards.jsonl")}
        ratings = rows(f"{sheet}ratings.jsonl")
        for by in ("choose", "naive"):
            of_both = [each for each in ratings if made_by[each["id"]] == by]
            shares = []
            for question, holds in QUESTIONS.items():
                of_raters = []
                for rater in (1, 2):
                    judged = [
                        bool(holds(each)) for each in of_both if each["rater"] == rater
                    ]
                    of_raters.append(f"{sum(judged) / len(judged):.0%}")
                shares.append(f"{question} {', '.join(of_raters)}")
            print(f"{sheet}{by:7} {len(judged):3} cards: {'; '.join(shares)}")


if __name__ == "__main__":
    main()
