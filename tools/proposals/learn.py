"""Learn which sentences make a card that is kept, and which of their words are hidden.

    python tools/proposals/learn.py [--cross | --gap] FILE

It needs numpy, scipy and scikit-learn, which ankiforge does not. FILE has a sentence a line:
its `id`, `source`, `lang`, `title`, `heading`, the `passage` with it, the sentence `s`, and what strict readers said:

- `verdict` (`y` kept, `m` kept once it is mended, `g` no good words to hide, `n` thrown away) and the `words` to hide, best
  first, of one who saw the sentence;
- `second`, the verdict of one who saw also `gaps`, stretches of its words, each with a mark: `[start, end, mark]`. 3 is a gap
  to keep, 2 a whole unit that one would not choose, 1 a trivial one, 0 a wrong span.

A line may lack one of the two. `labels.jsonl` has 22,948 sentences of 192 sources, whose texts are not free; they are told by their
hashes. `passages-dev.jsonl` is added: plain facts of textbooks, which people rarely mark, count as kept, three times each.

It writes `gap_weights.txt`, `sureness.txt` and `sureness_words.txt`. `--cross` writes nothing: it learns without a sixth of
the sources and tells how well these are judged.

`--gap` learns how much the score of the first gap counts beside the sentence, and tells what each floor would
lead to; the floor itself is set by blind ratings (`ankiforge/model/cards.py`). FILE has then
sentences of sources from which nothing else was learned: `title`, `kind`, the `passage`, its `sentence`, what a strict
reader said of it (`good`: good, edit or throw) and the gaps that this reader would `keep` among those that were tried
(`gaps`). What `labels.jsonl` knows is left out. It writes three numbers of `sureness.txt`, which the learning of the weights
leaves as they are.
"""

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from reading import highlight_of_sentence, same_words
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ankiforge.draft.propose import draft_of, judged
from ankiforge.draft.propose.excerpts import SHORT_MARK
from ankiforge.draft.propose.features import (
    BEST_GAP,
    DATA,
    STEM,
    features_of,
    features_of_text,
    weights,
)
from ankiforge.draft.propose.ranking import MOST, RankedSentence, is_same, score
from ankiforge.draft.propose.refused import Reason, stems
from ankiforge.language.lexicon import LANGUAGES, language, language_of
from ankiforge.language.tokens import Kind, tokens
from ankiforge.model import Card
from ankiforge.text.cloze import cloze_answers

HERE = Path(__file__).parent
LEAST_OFFERS = 40
"""Offers of which a share is taken."""
OF_GAP = ("gap", "gap_middle")
BY_HAND = ("plain", "chinese")
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
SHRINK_SURENESS = 0.4
LEAST = 4
"""Uses of a feature or beginning of a word, at least."""


def read(path):
    """Return the labelled sentences."""
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def clean_facts():
    """Return the facts of textbooks, each so often as it counts."""
    rows = []
    for fact in read(HERE / "passages-dev.jsonl"):
        text = fact["marked"]
        if len(text.split()) > SHORT_MARK:  # no term inside its sentence
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
        passage = row["passage"]
        self.language = language_of(passage, "", row["title"])
        tables = language(self.language)
        words = tokens(text, tables)
        self.words = [token for token in words if token.kind != Kind.SIGN]
        self.sentence_features = features_of_text(text, words, tables)
        self.passage_features = features_of_text(passage, tokens(passage, tables), tables)
        self.is_part = len(passage) > len(text) + 10

        # its candidates, how right each is, and its mark; where gaps have marks, only these count
        shown = stems(
            token.folded for token in tokens(f"{row['title']} {row['heading']}", tables)
        )
        sentence = RankedSentence(text, tables, None, shown)
        marks = {(start, end): mark for start, end, mark in row.get("gaps", ())}
        self.candidates = []
        for candidate in sentence.candidates():
            span = start, end = sentence.span(candidate)
            if marks and span not in marks:
                continue
            mark = marks.get(span)
            shared = max(
                (
                    same_words(text[start:end], words, self.language)
                    for words in row.get("words", ())
                ),
                default=0.0,
            )
            right = next((value for least, value in RIGHT if shared >= least), 0.0)
            if mark is not None:
                right = RIGHT_BY_MARK[mark]
            self.candidates.append((sentence.features(candidate), right, span, mark))

    def best(self, weights):
        """Return its gaps, best first, as places in its candidates."""
        scores = [score(features, weights) for features, *_ in self.candidates]
        order = sorted(
            range(len(scores)),
            key=lambda place: (-scores[place], self.candidates[place][2]),
        )
        chosen = []
        for place in order:
            span = self.candidates[place][2]
            if not any(is_same(span, self.candidates[other][2]) for other in chosen):
                chosen.append(place)
        return chosen[:MOST]

    def features(self):
        """Return the features of its sureness, but those of its words."""
        return features_of(
            self.sentence_features,
            self.passage_features,
            self.words,
            language="",
            is_part=self.is_part,
        )

    def beginnings(self):
        """Return how much each beginning of a word counts."""
        count = max(1, len(self.words)) ** 0.5
        total = Counter()
        for token in self.words:
            total[f"{self.language}:{token.folded[:STEM]}"] += 1 / count
        return total


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


def learned_sureness(examples):
    """Return the weights of features, and of beginnings of words."""
    features, names = columns([example.features() for example in examples])
    words, beginnings = columns([example.beginnings() for example in examples])
    # words are shrunk more than the few features
    matrix = sparse.hstack([0.8 * features, 1.5 * words]).tocsr()
    targets = np.array([example.target for example in examples])
    both = sparse.vstack([matrix, matrix])
    odds = np.concatenate([targets, 1 - targets])
    answers = np.repeat([1, 0], len(examples))
    is_used = odds > 0
    model = LogisticRegression(C=SHRINK_SURENESS, max_iter=300, fit_intercept=False)
    model.fit(both[is_used], answers[is_used], sample_weight=odds[is_used])
    values = model.coef_[0]
    by_feature = dict(zip(names, 0.8 * values[: len(names)], strict=True))
    return by_feature, dict(zip(beginnings, 1.5 * values[len(names) :], strict=True))


def sure(example, by_feature, by_word):
    """Return how likely a card of a sentence is kept, from 0 to 1."""
    total = score(example.features(), by_feature)
    total += score(example.beginnings(), by_word)
    return 1 / (1 + np.exp(-total))


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
        tables = learned_sureness([*others, *clean])
        for example in part:
            best = example.best(gaps)
            if best:
                judged.append((sure(example, *tables), example, best))
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


def write(gaps, by_feature, by_word):
    head = "learned by\n# tools/proposals/learn.py.\n"
    lines = [
        f"{name} {weight:.2f}\n"
        for name, weight in sorted(gaps.items())
        if abs(weight) >= 0.05
    ]
    text = f"# The weights of what speaks for or against hiding words: {head}{''.join(lines)}"
    (DATA / "gap_weights.txt").write_text(text, "utf-8")

    of_gap = {name: weights()[name] for name in (*OF_GAP, *BY_HAND)}
    write_sureness({**by_feature, "words": 1.0, **of_gap})

    levels = defaultdict(lambda: defaultdict(list))
    for name, weight in by_word.items():
        language_name, _, word = name.partition(":")
        level = f"{weight:.1f}"
        is_written = float(level) and language_name in LANGUAGES and word.isalnum()
        if is_written:
            levels[language_name][level].append(word)
    text = (
        f"# Beginnings of words by language and by how much they speak for a card: {head}"
    )
    for language_name, by_level in sorted(levels.items()):
        text += f"\n[{language_name}]\n"
        for level in sorted(by_level, key=float):
            text += f"{level}: {' '.join(sorted(by_level[level]))}\n"
    (DATA / "sureness_words.txt").write_text(text, "utf-8")


def write_sureness(by_name):
    lines = [
        f"{name} {weight:.2f}\n"
        for name, weight in sorted(by_name.items())
        if abs(weight) >= 0.005
    ]
    head = "learned by\n# tools/proposals/learn.py.\n"
    text = f"# The weights of how likely a card of a sentence is kept: {head}{''.join(lines)}"
    (DATA / "sureness.txt").write_text(text, "utf-8")


def offered(path):
    """Return (log odds of a sentence, score of its first gap, verdict) of the labelled sentences."""
    known = {row["sha256"] for row in read(HERE / "labels.jsonl")}
    rows = []
    for row in read(path):
        if hashlib.sha256(row["sentence"].encode()).hexdigest()[:16] in known:
            continue
        for sentence in judged(highlight_of_sentence(row)):
            if isinstance(sentence, Reason) or not same(
                sentence.excerpt.text, row["sentence"]
            ):
                continue
            draft = draft_of(highlight_of_sentence(row), sentence)
            if isinstance(draft, Card):
                log_odds = score(sentence.features, weights())
                with_gap = np.log(draft.sureness / (1 - draft.sureness))
                gap = (with_gap - log_odds) / weights()["gap"] + weights()["gap_middle"]
                rows.append((log_odds, gap, verdict_on(row, draft)))
    return [row for row in rows if row[2] != "unknown"]


def same(text, other):
    return (
        re.sub(r"[\W_]+", "", text).casefold() == re.sub(r"[\W_]+", "", other).casefold()
    )


def verdict_on(row, draft):
    """Return what the reader says of a draft: keep, gap (another one), edit, throw or unknown."""
    if row["good"] != "good":
        return row["good"]
    gaps = [cloze_answers(text) for text in draft.gaps]
    if not any(same(gaps[0], gap) for gap in row["gaps"]):
        return "unknown"
    kept = [any(same(gap, wanted) for wanted in row["keep"]) for gap in gaps]
    return "keep" if kept[0] else "gap" if any(kept) else "edit"


def learn_gap(path):
    """Learn the weight of the gap, write it, and print what each floor would lead to."""
    rows = offered(path)
    log_odds = np.array([row[0] for row in rows])
    gaps = np.array([row[1] for row in rows])
    middle = round(float(np.median(gaps)), 2)
    beside = np.minimum(gaps, BEST_GAP) - middle
    kept = np.array([row[2] == "keep" for row in rows])
    model = LogisticRegression(C=10.0).fit(np.column_stack([log_odds, beside]), kept)
    of_sentence, of_gap = model.coef_[0]
    weight = round(float(of_gap / of_sentence), 2)
    sure = 1 / (1 + np.exp(-(log_odds + weight * beside)))
    floors = []
    for least in np.arange(0.30, 0.95, 0.01):
        verdicts = [row[2] for row, one in zip(rows, sure, strict=True) if one >= least]
        count = len(verdicts)
        if count < LEAST_OFFERS:
            break
        keep, gap, thrown = (
            verdicts.count(name) / count for name in ("keep", "gap", "throw")
        )
        floors.append((round(float(least), 2), count, keep, keep + gap, thrown))
    for least, count, keep, any_kept, thrown in floors:
        print(
            f"from {least}: {count} of {len(rows)} proposed, kept {keep:.0%}, with another gap"
            f" {any_kept:.0%}, thrown away {thrown:.0%}"
        )
    print(f"weight of the gap {weight}, middle {middle}")
    write_sureness({**weights(), "gap": weight, "gap_middle": middle})


def main(arguments):
    [path] = [argument for argument in arguments if not argument.startswith("-")]
    if "--gap" in arguments:
        learn_gap(path)
        return
    examples = [Example(row) for row in read(path)]
    clean = [Example(row) for row in clean_facts()]
    if "--cross" in arguments:
        cross(examples, clean)
    else:
        write(learned_gaps(examples), *learned_sureness([*examples, *clean]))


if __name__ == "__main__":
    main(sys.argv[1:])
