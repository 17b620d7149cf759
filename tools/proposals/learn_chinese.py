"""Learn which words of Chinese speak for a card: those of articles, or of what readers mark.

    python tools/proposals/learn_chinese.py ARTICLES READERS

writes `draft/propose/data/words-zh.txt`. Both files have a sentence a line. No Chinese sentence was
labelled; sentences of an encyclopedia state facts, and most of what people mark in novels and books of
advice does not. Nouns and names are left out, so that no subject counts. Needs scikit-learn.
"""

import math
import sys
from collections import defaultdict
from pathlib import Path

from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from ankiforge.draft.propose.features import DATA_DIRECTORY
from ankiforge.language.lexicon import load_language
from ankiforge.language.tokens import TokenKind, tokenize

CHINESE = load_language("zh")
LEAST_USES = 8
SCALE = 0.5
LEAST = 0.3


def words(sentence):
    """Return the words of a sentence that are neither nouns nor names."""
    found = []
    for token in tokenize(sentence, CHINESE):
        known = CHINESE.get_frequency(token.folded) is not None
        if (
            token.kind != TokenKind.SIGN
            and known
            and CHINESE.look_up_word(token.folded)[0] not in "nN"
        ):
            found.append(token.folded)
    return found


def main(articles, readers):
    sentences = []
    labels = []
    for label, path in ((1, articles), (0, readers)):
        for line in Path(path).read_text("utf-8").splitlines():
            sentences.append(words(line))
            labels.append(label)
    counter = CountVectorizer(
        analyzer=lambda sentence: sentence, min_df=LEAST_USES, binary=True
    )
    counts = counter.fit_transform(sentences)
    lengths = [1 / math.sqrt(max(1, len(sentence))) for sentence in sentences]
    model = LogisticRegression(C=1, max_iter=500, class_weight="balanced")
    model.fit(diags(lengths) @ counts, labels)
    rows = defaultdict(list)
    for word, weight in zip(counter.get_feature_names_out(), model.coef_[0], strict=True):
        level = round(weight * SCALE, 1)
        if abs(level) >= LEAST:
            rows[level].append(word)
    lines = [
        "# Words of Chinese by how much they speak for a card: learned by",
        "# tools/proposals/learn_chinese.py.",
        "",
        "[words]",
    ]
    lines += [
        f"{level}: {' '.join(sorted(these))}" for level, these in sorted(rows.items())
    ]
    (DATA_DIRECTORY / "words-zh.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
