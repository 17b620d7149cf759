"""Print the mean ratings of docstrings and names, by sheet, rater and program."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean

rows = [
    json.loads(line)
    for line in Path(__file__).with_name("ratings.jsonl").read_text("utf-8").splitlines()
]
groups = defaultdict(list)
for row in rows:
    groups[row["sheet"], row["rater"], row["program"]].append(row)
    if not row["program"].startswith(
        "ankiforge"
    ):  # an older edition of ours has its commit
        groups[row["sheet"], row["rater"], "others"].append(row)

for (sheet, rater, program), rated in sorted(groups.items()):
    means = (
        f"{field} {mean(row[field] for row in rated):.2f}"
        for field in ("natural", "useful", "name_rating")
    )
    print(
        f"sheet {sheet}, rater {rater}, {program:10} {len(rated):3}: {', '.join(means)}"
    )
