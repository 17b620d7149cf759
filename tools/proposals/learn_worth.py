"""Learn which highlights deserve a card: the weights of the proposals' worth.

    python tools/proposals/learn_worth.py [--cross] [-v] [--words=SCORES] FILE

FILE has highlights with their text and a label: 2 deserves a card, 1 perhaps, 0 does not.
The weights are those of a logistic regression, in which 1 counts for half of each. `--cross`
does not write them, but learns ten times without a tenth of the sources, and says how many
of those that deserve a card are proposed at each threshold, and how many of the proposed
deserve one.
SCORES, from `learn_words.py`, has the feature `words` of each highlight as learned without its
source; the table in the package would flatter it.
"""

import json
import math
import random
import sys
from pathlib import Path

from reading import marked_highlight

from ankiforge.draft.propose.worth import features_of_text

DATA = Path(__file__).parents[2] / "ankiforge" / "draft" / "propose" / "data"
ROUNDS = 400
RATE = 0.2
SHRINK = 0.012
TARGETS = {0: 0.02, 1: 0.5, 2: 0.98}
THRESHOLD = 0.29


def learn(examples, shrink=SHRINK):
    """Return the weights of features, and of what is `always` there."""
    weights = {"always": 0.0}
    squares = {}
    for _ in range(ROUNDS):
        slopes = {}
        for features, label in examples:
            push = TARGETS[label] - probability(features, weights)
            slopes["always"] = slopes.get("always", 0.0) + push
            for name, amount in features.items():
                slopes[name] = slopes.get(name, 0.0) + push * amount
        for name, slope in slopes.items():
            if name != "always":
                slope -= shrink * len(examples) * weights.get(name, 0.0)
            squares[name] = squares.get(name, 0.0) + slope * slope
            step = RATE * slope / math.sqrt(squares[name] + 1e-9)
            weights[name] = weights.get(name, 0.0) + step
    return weights


def probability(features, weights):
    total = weights["always"]
    for name, amount in features.items():
        total += weights.get(name, 0.0) * amount
    return 1 / (1 + math.exp(-total))


def report(judged):
    """Print recall and precision at thresholds; `judged` has (score, label)."""
    deserving = sum(label == 2 for _, label in judged)
    for threshold in (0.25, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 0.55, 0.6):
        proposed = [label for score, label in judged if score >= threshold]
        if not proposed:
            continue
        right = sum(label == 2 for label in proposed)
        perhaps = sum(label >= 1 for label in proposed)
        print(
            f"threshold {threshold:.2f}: {len(proposed) / len(judged):.0%} proposed, recall {right / deserving:.0%},"
            f" precision {right / len(proposed):.0%}, with perhaps {perhaps / len(proposed):.0%}"
        )


def main(arguments):
    [path] = [argument for argument in arguments if not argument.startswith("-")]
    scores = [argument[8:] for argument in arguments if argument.startswith("--words=")]
    by_words = json.loads(Path(scores[0]).read_text("utf-8")) if scores else {}
    records = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    examples = [
        (features_of_text(marked_highlight(record)), record["worth"])
        for record in records
    ]
    if by_words:
        for record, (features, _) in zip(records, examples, strict=True):
            features["words"] = by_words.get(record["id"], features.get("words", 0.0))
    if "--cross" in arguments:
        sources = sorted({record["source"].split()[0] for record in records})
        random.Random(3).shuffle(sources)
        judged = []
        for fold in range(10):
            held = set(sources[fold::10])
            pairs = list(zip(records, examples, strict=True))
            weights = learn(
                [pair[1] for pair in pairs if pair[0]["source"].split()[0] not in held]
            )
            for record, (features, label) in pairs:
                if record["source"].split()[0] in held:
                    judged.append(
                        (probability(features, weights), label, record, features, weights)
                    )
        report([row[:2] for row in judged])
        if "-v" in arguments:
            for score, label, record, features, weights in sorted(
                judged, key=lambda row: row[0]
            ):
                if (label == 2 and score < 0.42) or (label == 0 and score > 0.42):
                    top = sorted(
                        features,
                        key=lambda name: -abs(weights.get(name, 0) * features[name]),
                    )[:6]
                    print(
                        f"{score:.2f} {label} {record['language']} {record['why']} | {record['text'][:160]} | {' '.join(top)}"
                    )
        return
    weights = learn(examples)
    weights["threshold"] = THRESHOLD
    lines = [
        "# The weights of what speaks for or against a card: learned by",
        "# tools/proposals/learn_worth.py.",
    ]
    lines += [f"{name} {weight:.2f}" for name, weight in sorted(weights.items())]
    (DATA / "worth_weights.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
