"""Learn which sentences make a card that is kept, and which of their words are hidden.

    python tools/proposals/learn.py [--cross] FILE

It needs numpy, scipy and scikit-learn, which ankiforge does not. FILE has a sentence a line:
its `id`, `source`, `lang`, `title`, `heading`, the `passage` with it, the sentence `s`, and what a strict reader said:
`verdict` (`y` kept, `m` kept once it is mended, `g` no good words to hide, `n` thrown away) and the `words` to hide, best
first. `labels.jsonl` has verdicts and words of 13,463 sentences of 160 sources, whose texts are not free; they are told by
their hashes. `passages-dev.jsonl` is added: clean textbook facts, which people rarely mark, count as kept, five times each.

It writes `gap_weights.txt`, `sureness.txt` and `sureness_words.txt`. `--cross` writes nothing: it learns without a sixth of
the sources and tells how well these are judged.
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

from ankiforge.draft.propose.ranking import MOST, Sentence, is_same
from ankiforge.draft.propose.refused import stems
from ankiforge.draft.propose.sureness import BEGINNING, DATA, features_of
from ankiforge.draft.propose.worth import features_of_text
from ankiforge.language.lexicon import LANGUAGES, language
from ankiforge.language.recognition import language_of
from ankiforge.language.tokens import Kind, tokens
from ankiforge.model import Document, DocumentKey, Highlight, HighlightKind

HERE = Path(__file__).parent
THRESHOLD = 0.27
# How right words are that share so much with those of the reader.
RIGHT = ((1.0, 1.0), (0.8, 0.6), (0.65, 0.15))
TARGETS = {"y": 1.0, "m": 0.35, "g": 0.35, "n": 0.0}
OPEN = "open:"
"""How the sources of clean facts begin."""
SHRINK_GAPS = 3.0
SHRINK_SURENESS = 0.4
LEAST = 4
"""Uses of a feature or beginning of a word, at least."""


def read(path):
    """Return the labelled sentences, and the clean facts."""
    rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    for line in (HERE / "passages-dev.jsonl").read_text("utf-8").splitlines():
        fact = json.loads(line)
        rows.append(
            {
                "source": OPEN + fact["work"],
                "title": fact["work"],
                "heading": fact.get("heading", ""),
                "passage": fact["marked"],
                "s": fact["marked"],
                "verdict": "y",
                "words": [],
            }
        )
    return rows


class Example:
    """A labelled sentence with the features that the product gives it."""

    def __init__(self, row):
        self.source = row["source"]
        self.target = TARGETS[row["verdict"]]
        self.is_thrown = row["verdict"] == "n"
        self.weight = 5.0 if self.source.startswith(OPEN) else 1.0
        text = row["s"]
        document = Document(DocumentKey("d"), source="s", title=row["title"])
        highlight = Highlight(
            document=document,
            namespace="other:o",
            kind=HighlightKind.HIGHLIGHT,
            exact=row["passage"],
            heading=row["heading"] or "",
        )
        self.language = language_of(row["passage"], "", row["title"])
        tables = language(self.language)
        self.words = [token for token in tokens(text, tables) if token.kind != Kind.SIGN]
        self.sentence_features = features_of_text(highlight, text)
        self.passage_features = features_of_text(highlight)
        self.is_part = len(row["passage"]) > len(text) + 10

        # its candidates, and how right each is
        shown = stems(
            token.folded for token in tokens(f"{row['title']} {row['heading']}", tables)
        )
        sentence = Sentence(text, tables, None, shown)
        self.candidates = []
        for places in sentence.places():
            start, end = sentence.span(places)
            shared = max(
                (
                    same_words(text[start:end], words, self.language)
                    for words in row["words"]
                ),
                default=0.0,
            )
            right = next((value for least, value in RIGHT if shared >= least), 0.0)
            self.candidates.append((sentence.features(places), right, (start, end)))

    def best(self, weights):
        """Return the scores of its gaps, best first, and how right each is."""
        scored = []
        for features, right, span in self.candidates:
            total = sum(
                weights.get(name, 0.0) * value for name, value in features.items()
            )
            scored.append((-total, span, right))
        scored.sort()
        chosen = []
        for minus, span, right in scored:
            if not any(is_same(span, other) for _, other, _ in chosen):
                chosen.append((-minus, span, right))
        return [(score, right) for score, _, right in chosen[:MOST]]

    def features(self, weights):
        """Return the features of its sureness, but those of its words."""
        scores = [score for score, _ in self.best(weights)] or [-3.0]
        return features_of(
            self.sentence_features,
            self.passage_features,
            self.words,
            scores,
            language="",
            is_part=self.is_part,
        )

    def beginnings(self):
        """Return how much each beginning of a word counts."""
        count = max(1, len(self.words)) ** 0.5
        total = Counter()
        for token in self.words:
            total[f"{self.language}:{token.folded[:BEGINNING]}"] += 1 / count
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
        if any(right for _, right, _ in example.candidates)
    ]
    matrix, names = columns(
        [features for example in used for features, *_ in example.candidates]
    )
    group = np.repeat(np.arange(len(used)), [len(example.candidates) for example in used])
    right = np.array([value for example in used for _, value, _ in example.candidates])

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


def learned_sureness(examples, gaps):
    """Return the weights of features, and of beginnings of words."""
    features, names = columns([example.features(gaps) for example in examples])
    words, beginnings = columns([example.beginnings() for example in examples])
    # words are shrunk more than the few features
    matrix = sparse.hstack([0.8 * features, 1.5 * words]).tocsr()
    targets = np.array([example.target for example in examples])
    weights = np.array([example.weight for example in examples])
    both = sparse.vstack([matrix, matrix])
    odds = np.concatenate([targets * weights, (1 - targets) * weights])
    answers = np.repeat([1, 0], len(examples))
    is_used = odds > 0
    model = LogisticRegression(C=SHRINK_SURENESS, max_iter=300, fit_intercept=False)
    model.fit(both[is_used], answers[is_used], sample_weight=odds[is_used])
    values = model.coef_[0]
    by_feature = dict(zip(names, 0.8 * values[: len(names)], strict=True))
    return by_feature, dict(zip(beginnings, 1.5 * values[len(names) :], strict=True))


def sure(example, gaps, by_feature, by_word):
    """Return the logarithm of the odds that a card of a sentence is kept."""
    total = 0.0
    for table, amounts in (
        (by_feature, example.features(gaps)),
        (by_word, example.beginnings()),
    ):
        total += sum(table.get(name, 0.0) * value for name, value in amounts.items())
    return total


def cross(examples):
    sources = sorted({example.source for example in examples})
    np.random.default_rng(3).shuffle(sources)
    judged = []
    gaps_right = []
    for fold in range(6):
        held = set(sources[fold::6])
        others = [example for example in examples if example.source not in held]
        gaps = learned_gaps(others)
        tables = learned_sureness(others, gaps)
        for example in examples:
            if example.source not in held or example.source.startswith(OPEN):
                continue
            judged.append(
                (sure(example, gaps, *tables), example.target == 1, example.is_thrown)
            )
            if any(right for _, right, _ in example.candidates):
                gaps_right.append([right >= 0.6 for _, right in example.best(gaps)])
    scores, kept, thrown = map(np.array, zip(*judged, strict=True))
    first = np.mean([row[0] for row in gaps_right])
    among = np.mean([any(row) for row in gaps_right])
    print(
        f"{len(gaps_right)} sentences: first gap right {first:.0%}, one of four {among:.0%}"
    )
    print(f"{len(judged)} sentences: AUC of kept {roc_auc_score(kept, scores):.3f}")
    order = np.argsort(-scores)
    for share in (0.025, 0.05, 0.1, 0.2, 0.4):
        some = order[: int(share * len(order))]
        print(
            f"  the surest {share:.1%}: kept {kept[some].mean():.0%}, thrown {thrown[some].mean():.0%}"
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

    weights = {**by_feature, "words": 1.0, "threshold": THRESHOLD}
    lines = [
        f"{name} {weight:.2f}\n"
        for name, weight in sorted(weights.items())
        if abs(weight) >= 0.005
    ]
    text = f"# The weights of how likely a card of a sentence is kept: {head}{''.join(lines)}"
    (DATA / "sureness.txt").write_text(text, "utf-8")

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


def main(arguments):
    [path] = [argument for argument in arguments if not argument.startswith("-")]
    examples = [Example(row) for row in read(path)]
    if "--cross" in arguments:
        cross(examples)
        return
    gaps = learned_gaps(examples)
    write(gaps, *learned_sureness(examples, gaps))


if __name__ == "__main__":
    main(sys.argv[1:])
