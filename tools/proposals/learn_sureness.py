"""Learn how likely a strict person keeps a card of a sentence: the weights of `sureness`.

    python tools/proposals/learn_sureness.py [--cross] FOLDER

FOLDER has `passages.jsonl` with texts of highlights, `labels.jsonl` with the facts of each that
are worth a card, and `candidates.jsonl` with the gaps of these facts that a rater would keep.
The texts may not be copied here (see `worth.md`). A card counts as kept if its sentence states
a labelled fact that is not `bad`, and one of its gaps would be kept. `--cross` does not write
the weights, but learns on each half of the sources and prints the shares among the surest of
the other half.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from learn_worth import DATA, learn, probability
from reading import highlight_of, same_words

from ankiforge.draft.propose import Reason, judged
from ankiforge.pipeline.models import repair_hints
from ankiforge.text.cloze import cloze_answers

THRESHOLD = 0.25
SHRINK = 0.001
# A gap that shares so much with one that would be kept is as good.
_ALIKE = 0.8


def rows(folder, name):
    text = (Path(folder) / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def examples_in(folder):
    """Return (source, features, whether it deserves a card, whether one of its gaps is kept)."""
    labels = {label["id"]: label for label in rows(folder, "labels")}
    rated = {(row["id"], row["fact"]): row for row in rows(folder, "candidates")}
    examples = []
    for passage in rows(folder, "passages"):
        around = (passage.get("context") or "").replace("[MARK]", passage["text"])
        highlight = highlight_of(
            {
                "marked": passage["text"],
                "paragraph": around,
                "work": passage["title"],
                **passage,
            }
        )
        for result in judged(highlight, repair_hints()):
            if isinstance(result, Reason):
                continue
            draft, features = result
            features.pop("always")
            answers = _answers(draft.quote, labels[passage["id"]], rated)
            gaps = [cloze_answers(text) for text in draft.gaps]
            is_kept = any(
                same_words(gap, answer, passage["lang"]) >= _ALIKE
                for gap in gaps
                for answer in answers or ()
            )
            examples.append((passage["source"], features, answers is not None, is_kept))
    return examples


def _answers(sentence, label, rated):
    """Return the gaps that would be kept if a sentence states a labelled fact, else None."""
    letters = re.sub(r"[\W_]+", "", sentence).casefold()
    for number, fact in enumerate(label["facts"] if label["deserves"] else ()):
        fact_letters = re.sub(r"[\W_]+", "", fact["s"]).casefold()
        if fact_letters not in letters and letters not in fact_letters:
            continue
        row = rated.get((label["id"], number))
        if row is None:
            return fact["gaps"]
        spans = [row["candidates"][place] for place in row["ok"]]
        kept = [row["s"][start:end] for start, end in spans]
        return None if row["bad"] else [*fact["gaps"], *kept]
    return None


def learned(examples):
    labelled = [(features, 2 * is_kept) for _, features, _, is_kept in examples]
    return learn(labelled, SHRINK)


def main(arguments):
    [folder] = [argument for argument in arguments if not argument.startswith("-")]
    examples = examples_in(folder)
    if "--cross" not in arguments:
        weights = {**learned(examples), "threshold": THRESHOLD}
        lines = [
            "# The weights of how likely a card of a sentence is kept: learned by",
            "# tools/proposals/learn_sureness.py.",
            *(f"{name} {weight:.2f}" for name, weight in sorted(weights.items())),
        ]
        (DATA / "sureness.txt").write_text("\n".join(lines) + "\n", "utf-8")
        return

    sources = sorted({source for source, *_ in examples})
    scored = []
    for half in (0, 1):
        learned_on = set(sources[half::2])
        weights = learned([row for row in examples if row[0] in learned_on])
        for source, features, deserves, is_kept in examples:
            if source not in learned_on:
                sure = probability(features, weights)
                scored.append((sure, source, deserves, is_kept))
    scored.sort(reverse=True)
    for most in (60, 120, 200, 400):
        _report(f"the surest {most}", scored[:most])
    by_source = defaultdict(list)
    for row in scored:
        by_source[row[1]].append(row)
    large = [row for some in by_source.values() if len(some) >= 40 for row in some[:20]]
    _report("the surest twenty of each large source", large)
    for threshold in (0.0, 0.2, THRESHOLD, 0.3, 0.4, 0.5):
        _report(f"from {threshold}", [row for row in scored if row[0] >= threshold])


def _report(name, scored):
    deserving = sum(row[2] for row in scored) / len(scored)
    kept = sum(row[3] for row in scored) / len(scored)
    print(
        f"{name}: {len(scored)}, {deserving:.0%} deserve a card, {kept:.0%} with a gap that is kept"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
