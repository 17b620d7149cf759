"""Learn which words of a sentence are hidden best: the weights of the proposals' gaps.

    python tools/proposals/learn_gaps.py [--cross] FILE …

Each FILE has passages with the words that readers would hide (`answers`). A candidate is
right if it is one of them, half right if it shares most of its words with one. The weights
are those of a conditional logistic regression: the right candidates of a sentence against
its others. `--cross` does not write them, but learns five times without a fifth of the
works, and says how well the others are answered.

Records may also have what readers refused as a gap (`wrong`). Where these are all that is
known, any other candidate is a little right.
"""

import math
import random
import sys
from pathlib import Path

from reading import highlight_of, passages_in, same_words

from ankiforge.draft.propose.excerpts import excerpts_of
from ankiforge.draft.propose.ranking import Sentence, is_same, score
from ankiforge.language.lexicon import language
from ankiforge.language.recognition import language_of

DATA = Path(__file__).parents[2] / "ankiforge" / "draft" / "propose" / "data"
ROUNDS = 250
RATE = 0.3
SHRINK = 0.1
# How right a candidate is of which nothing is known but that others are wrong.
REST = 0.25


def prepared(record):
    """Return the candidates of a passage: (features, how right they are, span, text)."""
    highlight = highlight_of(record)
    name = language_of(highlight.exact, highlight.nearby)
    rows = []
    for passage in excerpts_of(highlight, name):
        if passage.chosen:
            continue
        sentence = Sentence(passage.text, language(name), passage.mark)
        for span, features in sentence.candidates():
            words = passage.text[span[0] : span[1]]
            right = max(
                (same_words(words, answer, name) for answer in record["answers"]),
                default=0,
            )
            first = max(
                (same_words(words, answer, name) for answer in record["answers"][:1]),
                default=0,
            )
            value = 0.0
            is_refused = any(
                same_words(words, wrong, name) == 1 for wrong in record.get("wrong", ())
            )
            if is_refused:
                value = 0.0
            elif not record["answers"]:
                value = REST
            elif right >= 0.5:
                value = 0.4 + 0.4 * (right == 1) + 0.2 * (first == 1)
            rows.append((features, value, (passage.text, span), right))
    return rows


def learn(sets):
    """Return the weights by ascent with steps that become shorter for features seen often."""
    weights = {}
    squares = {}
    order = random.Random(5)
    for _ in range(ROUNDS):
        slopes = {}
        order.shuffle(sets)
        for rows in sets:
            scores = [score(features, weights) for features, *_ in rows]
            top = max(scores)
            odds = [math.exp(one - top) for one in scores]
            total = sum(odds)
            wanted = [one * row[1] for one, row in zip(odds, rows, strict=True)]
            right = sum(wanted)
            if right <= 0:
                continue
            for row, all_odds, right_odds in zip(rows, odds, wanted, strict=True):
                push = right_odds / right - all_odds / total
                if abs(push) < 1e-4:
                    continue
                for name, amount in row[0].items():
                    slopes[name] = slopes.get(name, 0.0) + push * amount
        for name, slope in slopes.items():
            slope -= SHRINK * len(sets) * weights.get(name, 0.0) / 10
            squares[name] = squares.get(name, 0.0) + slope * slope
            step = RATE * slope / math.sqrt(squares[name] + 1e-9)
            weights[name] = weights.get(name, 0.0) + step
    return weights


def weighed(pairs):
    """Return the candidates of passages, those of languages with fewer passages twice."""
    sets = []
    for record, rows in pairs:
        sets.append(rows)
        if record["language"] not in ("en", ""):
            sets.append(rows)
    return sets


def answered(rows, weights):
    """Return (first exact, first, among three) of one passage, each whether it is right."""
    ordered = sorted(rows, key=lambda row: -score(row[0], weights))
    chosen = []
    for row in ordered:
        text, span = row[2]
        if not any(
            text == other[2][0] and is_same(span, other[2][1]) for other in chosen
        ):
            chosen.append(row)
        if len(chosen) == 3:
            break
    rights = [row[3] for row in chosen] or [0]
    return rights[0] == 1, rights[0] >= 0.5, max(rights) >= 0.5


def main(arguments):
    records = passages_in(arguments)
    records = [record for record in records if record["answers"] or "wrong" in record]
    prepared_records = [(record, prepared(record)) for record in records]
    prepared_records = [pair for pair in prepared_records if pair[1]]
    works = sorted({record["work"] for record in records})
    random.Random(3).shuffle(works)
    totals = {}
    if "--cross" in arguments:
        for fold in range(5):
            held = set(works[fold::5])
            weights = learn(
                weighed(pair for pair in prepared_records if pair[0]["work"] not in held)
            )
            for record, rows in prepared_records:
                if record["work"] in held:
                    row = totals.setdefault(record["language"], [0, 0, 0, 0, 0])
                    result = answered(rows, weights)
                    row[0] += 1
                    for place, right in enumerate(result, start=1):
                        row[place] += right
                    row[4] += any(candidate[3] >= 0.5 for candidate in rows)
                    if "-v" in arguments and not result[1]:
                        ordered = sorted(rows, key=lambda row: -score(row[0], weights))
                        first = [text[a:b] for _, _, (text, (a, b)), _ in ordered[:4]]
                        print(
                            record["language"],
                            record["marked"][:200],
                            "|",
                            record["answers"],
                            "|",
                            first,
                        )
        for name, (count, exact, first, three, possible) in sorted(totals.items()):
            print(
                f"{name} {count:4} exact {exact / count:.0%} first {first / count:.0%} three {three / count:.0%} possible {possible / count:.0%}"
            )
        return
    weights = learn(weighed(prepared_records))
    lines = [
        "# The weights of what speaks for or against hiding words: learned by",
        "# tools/proposals/learn_gaps.py.",
    ]
    lines += [f"{name} {weight:.2f}" for name, weight in sorted(weights.items())]
    (DATA / "gap_weights.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
