"""Print how many of the cards that papers show unasked two raters keep: `python -m benchmarks.papers.measure`."""

import json
from collections import Counter, defaultdict
from pathlib import Path

PATH = Path(__file__).parent / "cards.jsonl"
RATERS = ("a", "b")


def count_verdicts() -> dict[tuple[str, str], Counter[str]]:
    """Count the verdicts of both raters by sheet and maker."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in PATH.read_text("utf-8").splitlines():
        card = json.loads(line)
        for maker in card["by"]:
            counts[card["sheet"], maker].update(card[rater] for rater in RATERS)
    return counts


if __name__ == "__main__":
    print("sheet   maker            cards  keep  another gap  edit  discard")
    for (sheet, maker), counts in count_verdicts().items():
        rated = counts.total()
        shares = [
            round(100 * counts[verdict] / rated)
            for verdict in ("keep", "gap", "edit", "discard")
        ]
        print(
            f"{sheet:7} {maker:15} {rated // len(RATERS):5}",
            *(f"{share:5} %" for share in shares),
        )
