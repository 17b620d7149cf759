"""Split Chinese text, which has no spaces, into words.

Chooses the split with the highest product of word frequencies. On the test half of the GSD treebank
this matches the jieba library (F1 of .75 and .76), with a frequency table of 0.3 MB instead of 40
MB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ankiforge.language.lexicon import LanguageTables
from ankiforge.model import Span

_MAX_WORD_LENGTH = 8
# The natural logarithm of the frequency of an ideograph that isn't in the table.
_UNKNOWN_LOG_FREQUENCY = -18.5
# The natural logarithm of the frequency of a word whose Zipf frequency is 0.
_ZIPF_0_LOG_FREQUENCY = math.log(1e-9)


def split_ideographs(run: str, language: LanguageTables) -> Iterator[Span]:
    """Split a run of ideographs into words, yielding their spans in order.

    Picks the most likely split according to word frequencies, then joins transliterations.
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
    spans = []
    end = size
    while end:
        spans.append((word_starts[end], end))
        end = word_starts[end]
    spans.reverse()
    yield from _merge_transliterations(plain, spans, language)


def _merge_transliterations(
    plain: str, spans: list[Span], language: LanguageTables
) -> Iterator[Span]:
    first = 0
    while first < len(spans):
        last = first + 1
        while last < len(spans) and _is_transliteration(plain, spans[last], language):
            last += 1
        if last > first + 1 and _is_transliteration(plain, spans[first], language):
            yield spans[first][0], spans[last - 1][1]
        else:
            last = first + 1
            yield spans[first]
        first = last


def _is_transliteration(plain: str, span: Span, language: LanguageTables) -> bool:
    start, end = span
    return end == start + 1 and plain[start] in language.transliteration_characters
