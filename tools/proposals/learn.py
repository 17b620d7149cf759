"""Learn which sentences make a card that is kept, and which of their words are hidden.

    python tools/proposals/learn.py gaps|sentences [--cross] FILE

It needs numpy, scipy and scikit-learn, which ankiforge does not. FILE has a sentence a line:
its `source`, `title`, `heading`, the `passage` with it, the sentence `s`, and what strict readers said:

- `verdict` (`y` kept, `m` kept once it is mended, `g` no good words to hide, `n` thrown away) and the `words` to hide, best
  first, of one who saw the sentence;
- `second`, the verdict of one who saw also `gaps`, stretches of its words, each with a mark: `[start, end, mark]`. 3 is a gap
  to keep, 2 a whole unit that one would not choose, 1 a trivial one, 0 a wrong span.

A line may lack one of the two. `labels.jsonl` has 22,948 sentences of 192 sources, whose texts are not free; they are told by their
hashes. `passages-dev.jsonl` is added: plain facts of textbooks, which people rarely mark, count as kept, three times each.

`gaps` writes `gap_weights.txt`. `sentences` writes the mean of the weights in `confidence_weights.txt`, which were learned from other
sentences, and of what it learns from these: on cards of unseen sources the mean throws away less than either. `--cross` writes nothing: it learns without a sixth of the sources and tells how well
these are judged. The floor is set by blind ratings (`ankiforge/model/cards.py`).
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from reading import same_words
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ankiforge.draft.propose.excerpts import MAX_TERM_WORDS
from ankiforge.draft.propose.features import (
    DATA_DIRECTORY,
    extract_sentence_features,
    load_sentence_weights,
)
from ankiforge.draft.propose.ranking import (
    MAX_GAPS,
    GapRanker,
    compute_weighted_sum,
    is_same_gap,
)
from ankiforge.draft.propose.rejection import strip_ending
from ankiforge.language.detection import detect_language
from ankiforge.language.lexicon import load_language
from ankiforge.language.tokens import tokenize

HERE = Path(__file__).parent
# How right words are that share so much with those of the reader.
RIGHT = ((1.0, 1.0), (0.8, 0.6), (0.65, 0.15))
# How right a gap is by its mark.
RIGHT_BY_MARK = {3: 1.0, 2: 0.25, 1: 0.04, 0: 0.0}
KEEP = 3
"""The mark of a gap that is kept."""
TARGETS = {"y": 1.0, "m": 0.35, "g": 0.35, "n": 0.0}
CLEAN_WEIGHT = 3
"""How often a clean fact counts."""
SHRINK_GAPS = 3.0
SHRINK_SENTENCES = 0.3
OF_GAP = ("gap", "gap_middle")
"""How much the score of the gap counts beside the sentence: set by hand, on cards of sources from which no
gap was learned."""
EASE = 0.45
"""Added to the logarithm of the odds, so that as many marks reach the floor as when it was set."""
LEAST = 4
"""Uses of a feature, at least."""


def read(path):
    """Return the labelled sentences."""
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def clean_facts():
    """Return the facts of textbooks, each so often as it counts."""
    rows = []
    for fact in read(HERE / "passages-dev.jsonl"):
        text = fact["marked"]
        if len(text.split()) > MAX_TERM_WORDS:  # no term inside its sentence
            row = {
                "title": fact["work"],
                "heading": fact.get("heading", ""),
                "verdict": "y",
            }
            rows.append({"source": fact["work"], "passage": text, "s": text, **row})
    return CLEAN_WEIGHT * rows


class Example:
    """A labelled sentence with the features that the product gives it."""

    def __init__(self, row):
        self.source = row["source"]
        verdicts = [row[name] for name in ("verdict", "second") if name in row]
        self.verdict = verdicts[-1]
        self.target = sum(TARGETS[verdict] for verdict in verdicts) / len(verdicts)
        text = row["s"]
        tables = load_language(detect_language(row["passage"], "", row["title"]))
        words = tokenize(text, tables)
        shown = frozenset(
            strip_ending(token.folded)
            for token in tokenize(f"{row['title']} {row['heading']}", tables)
        )
        cues = tables.cues.find_cues([token.folded for token in words])
        self.features = extract_sentence_features(text, words, cues, tables)

        # its candidates, how right each is, and its mark; where gaps have marks, only these count
        sentence = GapRanker(text, tables, None, shown)
        marks = {(start, end): mark for start, end, mark in row.get("gaps", ())}
        self.candidates = []
        for candidate in sentence.find_token_runs():
            if sentence.is_unsuitable_gap(candidate):
                continue
            span = start, end = sentence.get_span(candidate)
            if marks and span not in marks:
                continue
            mark = marks.get(span)
            shared = max(
                (
                    same_words(text[start:end], hidden, tables.name)
                    for hidden in row.get("words", ())
                ),
                default=0.0,
            )
            right = next((value for least, value in RIGHT if shared >= least), 0.0)
            if mark is not None:
                right = RIGHT_BY_MARK[mark]
            features = sentence.extract_features(candidate)
            self.candidates.append((features, right, span, mark))

    def best(self, weights):
        """Return its gaps, best first, as places in its candidates."""
        scores = [
            compute_weighted_sum(features, weights) for features, *_ in self.candidates
        ]
        order = sorted(
            range(len(scores)),
            key=lambda place: (-scores[place], self.candidates[place][2]),
        )
        chosen = []
        for place in order:
            span = self.candidates[place][2]
            if not any(is_same_gap(span, self.candidates[other][2]) for other in chosen):
                chosen.append(place)
        return chosen[:MAX_GAPS]


def columns(rows):
    """Return a matrix (rows, features) and the names of its columns."""
    counts = Counter(name for row in rows for name in row)
    names = {}
    for name in sorted(counts):
        if counts[name] >= LEAST:
            names[name] = len(names)
    lines, places, values = [], [], []
    for line, row in enumerate(rows):
        for name, value in row.items():
            if name in names:
                lines.append(line)
                places.append(names[name])
                values.append(value)
    shape = (len(rows), len(names))
    return sparse.csr_matrix((values, (lines, places)), shape=shape), list(names)


def learned_gaps(examples):
    """Return the weights of a conditional logistic regression over the candidates of sentences."""
    used = [
        example
        for example in examples
        if any(right for _, right, *_ in example.candidates)
    ]
    matrix, names = columns(
        [features for example in used for features, *_ in example.candidates]
    )
    group = np.repeat(np.arange(len(used)), [len(example.candidates) for example in used])
    right = np.array([value for example in used for _, value, *_ in example.candidates])

    def loss(weights):
        scores = matrix @ weights
        top = np.full(len(used), -np.inf)
        np.maximum.at(top, group, scores)
        odds = np.exp(scores - top[group])
        total = np.bincount(group, odds)
        wanted = np.bincount(group, odds * right)
        slope = odds * right / wanted[group] - odds / total[group]
        value = np.log(total / wanted).sum() + 0.5 * SHRINK_GAPS * weights @ weights
        return value, SHRINK_GAPS * weights - matrix.T @ slope

    result = minimize(
        loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 120}
    )
    return dict(zip(names, map(float, result.x), strict=True))


def learned_sentences(examples):
    """Return the weights of the features of sentences."""
    matrix, names = columns([example.features for example in examples])
    targets = np.array([example.target for example in examples])
    both = sparse.vstack([matrix, matrix])
    odds = np.concatenate([targets, 1 - targets])
    answers = np.repeat([1, 0], len(examples))
    is_used = odds > 0
    model = LogisticRegression(C=SHRINK_SENTENCES, max_iter=1000, fit_intercept=False)
    model.fit(both[is_used], answers[is_used], sample_weight=odds[is_used])
    return dict(zip(names, map(float, model.coef_[0]), strict=True))


def parts_of(examples, count):
    """Return the examples in parts that share no source."""
    sources = sorted({example.source for example in examples})
    np.random.default_rng(3).shuffle(sources)
    part_of = {source: place % count for place, source in enumerate(sources)}
    parts = [[] for _ in range(count)]
    for example in examples:
        parts[part_of[example.source]].append(example)
    return parts


def cross(examples, clean):
    """Print how well sentences are judged whose sources nothing was learned from."""
    judged = []
    for part in parts_of(examples, 6):
        held = {example.source for example in part}
        others = [example for example in examples if example.source not in held]
        gaps = learned_gaps(others)
        table = learned_sentences([*others, *clean])
        for example in part:
            best = example.best(gaps)
            if best:
                total = compute_weighted_sum(example.features, table)
                judged.append((1 / (1 + np.exp(-total)), example, best))
    marks = [
        [example.candidates[place][3] for place in best]
        for _, example, best in judged
        if example.verdict == "y" and example.candidates[best[0]][3] is not None
    ]
    first = np.mean([row[0] == KEEP for row in marks])
    wrong = np.mean([row[0] == 0 for row in marks])
    among = np.mean([KEEP in row for row in marks])
    print(
        f"{len(marks)} sentences: first gap kept {first:.1%}, one of four {among:.1%}, first a wrong span {wrong:.1%}"
    )
    scores = np.array([one for one, *_ in judged])
    kept = np.array([example.verdict == "y" for _, example, _ in judged])
    thrown = np.array([example.verdict == "n" for _, example, _ in judged])
    print(f"{len(judged)} sentences: AUC of kept {roc_auc_score(kept, scores):.3f}")
    for least in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        some = scores >= least
        print(
            f"  from {least}: {some.mean():.0%} offered, {kept[some].sum() / kept.sum():.0%} of the kept;"
            f" of the offered {kept[some].mean():.0%} kept, {thrown[some].mean():.0%} thrown away"
        )
    # the surest of each source
    by_source = defaultdict(list)
    for one, example, best in judged:
        by_source[example.source].append((-one, id(example), example, best))
    for share in (0.03, 0.06, 0.12, 0.25):
        top = []
        for rows in by_source.values():
            top += sorted(rows)[: max(1, round(share * len(rows)))]
        verdicts = [row[2].verdict for row in top]
        marks = [
            [row[2].candidates[place][3] for place in row[3]]
            for row in top
            if row[2].candidates[row[3][0]][3] is not None
        ]
        print(
            f"  the surest {share:.0%} of each source, {len(top)}: kept {verdicts.count('y') / len(top):.0%},"
            f" thrown away {verdicts.count('n') / len(top):.0%}; a good first gap have"
            f" {np.mean([row[0] == KEEP for row in marks]):.0%}, one of four {np.mean([KEEP in row for row in marks]):.0%}"
        )


def write(file, by_name, least):
    """Write weights, but for those that are nearly nothing."""
    lines = [
        f"# Learned by tools/proposals/learn.py: {file.partition('_')[0]} weights.\n"
    ]
    for name, weight in sorted(by_name.items()):
        if abs(weight) >= least:
            lines.append(f"{name} {weight:.2f}\n")
    (DATA_DIRECTORY / file).write_text("".join(lines), "utf-8")


def main(arguments):
    what, *_, path = arguments
    examples = [Example(row) for row in read(path)]
    clean = [Example(row) for row in clean_facts()]
    if "--cross" in arguments:
        cross(examples, clean)
    elif what == "gaps":
        write("gap_weights.txt", learned_gaps(examples), 0.05)
    else:
        table = learned_sentences([*examples, *clean])
        table["always"] += EASE
        before = load_sentence_weights()
        mean = {name: before[name] for name in OF_GAP}
        for name in {*table, *before}.difference(OF_GAP):
            mean[name] = (table.get(name, 0.0) + before.get(name, 0.0)) / 2
        write("confidence_weights.txt", mean, 0.005)


if __name__ == "__main__":
    main(sys.argv[1:])
