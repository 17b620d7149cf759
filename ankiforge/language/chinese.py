"""Split Chinese text, which has no spaces, into words.

Chooses the split with the highest product of word frequencies. On the test half of the GSD treebank
this matches the jieba library (F1 of .75 and .76), with a frequency table of 0.3 MB instead of 40
MB.
"""

from __future__ import annotations

import math

from ankiforge.language.lexicon import LanguageTables
from ankiforge.model import Span

_MAX_WORD_LENGTH = 8
# The natural logarithm of the frequency of an ideograph that isn't in the table.
_UNKNOWN_LOG_FREQUENCY = -18.5
# The natural logarithm of the frequency of a word whose Zipf frequency is 0.
_ZIPF_0_LOG_FREQUENCY = math.log(1e-9)


def split_ideographs(run: str, language: LanguageTables) -> list[Span]:
    """Split a run of ideographs into words, and return their spans in order.

    Picks the most likely split according to word frequencies.
    """
    plain = run.translate(language.simplified_by_code)
    size = len(plain)
    # for each end offset: the log likelihood of the best split up to there, and the offset at
    # which its last word begins
    best_likelihood = [0.0] + [-math.inf] * size
    word_starts = [0] * (size + 1)
    for start in range(size):
        for end in range(start + 1, min(size, start + _MAX_WORD_LENGTH) + 1):
            zipf = language.get_frequency(plain[start:end])
            if zipf is not None:
                likelihood = (
                    best_likelihood[start] + _ZIPF_0_LOG_FREQUENCY + zipf * math.log(10)
                )
            elif end == start + 1:
                likelihood = best_likelihood[start] + _UNKNOWN_LOG_FREQUENCY
            else:
                continue
            if likelihood > best_likelihood[end]:
                best_likelihood[end] = likelihood
                word_starts[end] = start
    spans: list[Span] = []
    end = size
    while end:
        spans.append((word_starts[end], end))
        end = word_starts[end]
    return spans[::-1]
