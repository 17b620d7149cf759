"""How good the proposals are: the words they hide, and what they are made of.

    python tools/proposals/measure.py gaps FILE …
    python tools/proposals/measure.py worth FILE

`gaps`: passages with the words that readers would hide (`answers`); `benchmarks/blind` stands
for the English ones whose cards were called ready in two of three ratings. By language: how
often the first gap, and one of up to three, is one of these words after trimming, or shares
most of its words with one (F1 of .5 or more), with Wilson's intervals of 95 %. A passage
without a proposal counts as wrong.

`worth`: highlights with their text and labels (2 deserves a card, 1 perhaps, 0 does not): how
many of those that deserve a card are proposed, and how many of the proposed deserve one.
"""

import json
import math
import sys
import time
from collections import defaultdict
from pathlib import Path

from reading import highlight_of, marked_highlight, passages_in, same_words

from ankiforge.draft.propose import (
    ScoredSentence,
    draft_cloze,
    propose_drafts,
    score_sentences,
)
from ankiforge.draft.propose.features import load_sentence_weights
from ankiforge.model import Draft
from ankiforge.pipeline.models import find_blocking_messages
from ankiforge.text.cloze import format_cloze_answers

HALF = 0.5


def wilson(right, count):
    """Return the interval of a share of `count` with a confidence of 95 %."""
    if not count:
        return 0.0, 1.0
    z = 1.96
    share = right / count
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - spread) / scale, (middle + spread) / scale


def told(name, right, count):
    low, high = wilson(right, count)
    share = right / count if count else 0
    return f"{name} {share:4.0%} [{low:.0%}, {high:.0%}]"


def sentences(highlight):
    """Return the sentences of which a card can be made, the surest first."""
    found = [
        each for each in score_sentences(highlight) if isinstance(each, ScoredSentence)
    ]
    return sorted(found, key=lambda each: -each.confidence)


def gaps(paths, *, is_verbose):
    """Print by language how often the words to hide are those that readers chose."""
    rows = defaultdict(list)
    for record in passages_in(paths):
        if not record["answers"]:
            continue
        highlight = highlight_of(record)
        drafts = [
            draft_cloze(highlight, each, find_blocking_messages)
            for each in sentences(highlight)
        ]
        texts = next((draft.gaps for draft in drafts if isinstance(draft, Draft)), ())
        words = [format_cloze_answers(text) for text in texts]
        language = record["language"]
        likeness = [
            max(same_words(word, answer, language) for answer in record["answers"])
            for word in words
        ] or [0.0]
        rows[language].append(likeness)
        if is_verbose and likeness[0] < HALF:
            print(f"{language} {record['marked'][:200]} | {record['answers']} | {words}")
    rows["all"] = [row for some in list(rows.values()) for row in some]
    for language, found in sorted(rows.items()):
        count = len(found)
        parts = [
            told("first right", sum(row[0] == 1 for row in found), count),
            told("first half", sum(row[0] >= HALF for row in found), count),
            told("three right", sum(max(row) == 1 for row in found), count),
            told("three half", sum(max(row) >= HALF for row in found), count),
        ]
        print(f"{language:3} {count:4}  {'  '.join(parts)}")


def worth(paths, *, is_verbose):
    """Print how many of the deserving are proposed, and how many of the proposed deserve it."""
    [path] = paths
    rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    told_of = []
    for row in rows:
        highlight = marked_highlight(row)
        result = propose_drafts(highlight, find_blocking_messages)
        told_of.append((row, bool(result.drafts)))
        if is_verbose and bool(result.drafts) != (row["worth"] == 2):
            best = next(iter(sentences(highlight)), None)
            table = load_sentence_weights()
            weights = {}
            for name, amount in best.features.items() if best else ():
                weights[name] = table.get(name, 0.0) * amount
            strongest = sorted(weights, key=lambda name: -abs(weights[name]))[:5]
            why = ", ".join(f"{name} {weights[name]:+.1f}" for name in strongest)
            sure = best.confidence if best else 0.0
            print(f"{row['worth']} {sure:.2f} {row['text'][:160]} | {why}")
    languages = sorted({row["language"] for row in rows})
    for language in [*languages, "all"]:
        these = [pair for pair in told_of if language in (pair[0]["language"], "all")]
        proposed = [row["worth"] for row, is_proposed in these if is_proposed]
        parts = [f"{language:3} {len(these):4} of which proposed {len(proposed):4} "]
        for name, least in (("deserving", 2), ("deserving or perhaps", 1)):
            deserving = sum(row["worth"] >= least for row, _ in these)
            right = sum(label >= least for label in proposed)
            parts.append(told(f"{name}: proposed", right, deserving))
            parts.append(told("of proposed", right, len(proposed)))
        print("  ".join(parts))


def main(arguments):
    kind, *rest = arguments
    paths = [argument for argument in rest if not argument.startswith("-")]
    start = time.perf_counter()
    {"gaps": gaps, "worth": worth}[kind](paths, is_verbose="-v" in rest)
    print(f"{time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
