"""How many plain facts of textbooks get a proposal, and how the first tens were rated.

    python -m benchmarks.plain_facts.measure [dev]

Each `*.txt` has sixty facts of one language, the same in all; rules were written with the first forty in
view (`dev`), the last twenty are for measuring only.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from ankiforge.draft.propose import propose_drafts
from ankiforge.model import Document, DocumentKey, Highlight, HighlightKey, HighlightKind
from ankiforge.pipeline.proposals import find_blocking_messages_for_gap

HERE = Path(__file__).parent
SEEN = 40


def is_proposed(fact):
    """Return whether a fact that is marked alone has a proposal."""
    highlight = Highlight(
        document=Document(DocumentKey("d"), source="s", title=""),
        namespace="kindle:d",
        kind=HighlightKind.HIGHLIGHT,
        exact=fact,
        key=HighlightKey("x"),
    )
    return bool(propose_drafts(highlight, find_blocking_messages_for_gap).drafts)


def main(part):
    for path in sorted(HERE.glob("*.txt")):
        facts = path.read_text("utf-8").splitlines()
        facts = facts[:SEEN] if part == "dev" else facts[SEEN:]
        print(path.stem, sum(map(is_proposed, facts)), "of", len(facts))
    ratings = defaultdict(Counter)
    for line in (HERE / "first_tens.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        script = (
            "Chinese" if row["source"].startswith(("Mingxin", "chinadiaosi")) else "Latin"
        )
        for maker in row["makers"]:
            ratings[maker, script][row["rating"]] += 1
    for key, counts in sorted(ratings.items()):
        print(*key, dict(counts))


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["held"]))
