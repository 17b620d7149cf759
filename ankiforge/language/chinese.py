"""The words of Chinese, which has no blanks: the likeliest way to read a run of ideographs.

Each word of the table has its frequency, and a run is cut so that the product of these is largest.
On the test half of the treebank GSD this finds words as well as jieba does (F1 .75 and .76), with
0.3 MB instead of 40.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ankiforge.language.lexicon import Language
from ankiforge.model import Span

_LONGEST = 8
# The logarithm of the frequency of an ideograph that is no word of the table.
_UNKNOWN = -18.5
# The logarithm of the frequency of a word with the Zipf frequency 0.
_ZIPF_0 = math.log(1e-9)


def words_of_run(run: str, language: Language) -> Iterator[Span]:
    """Yield the spans of the words of a run of ideographs."""
    plain = run.translate(language.simplified)
    size = len(plain)
    # by the end of a word: how likely the best reading up to there is, and where the word begins
    best = [0.0] + [-math.inf] * size
    begins = [0] * (size + 1)
    for start in range(size):
        for end in range(start + 1, min(size, start + _LONGEST) + 1):
            zipf = language.frequency(plain[start:end])
            if zipf is not None:
                likelihood = best[start] + _ZIPF_0 + zipf * math.log(10)
            elif end == start + 1:
                likelihood = best[start] + _UNKNOWN
            else:
                continue
            if likelihood > best[end]:
                best[end] = likelihood
                begins[end] = start
    spans = []
    end = size
    while end:
        spans.append((begins[end], end))
        end = begins[end]
    spans.reverse()
    yield from _with_names(plain, spans, language)


def _with_names(plain: str, spans: list[Span], language: Language) -> Iterator[Span]:
    """Yield words, where single ideographs that write the sound of a foreign name are one."""
    first = 0
    while first < len(spans):
        last = first + 1
        while last < len(spans) and _is_sound(plain, spans[last], language):
            last += 1
        if last > first + 1 and _is_sound(plain, spans[first], language):
            yield spans[first][0], spans[last - 1][1]
        else:
            last = first + 1
            yield spans[first]
        first = last


def _is_sound(plain: str, span: Span, language: Language) -> bool:
    start, end = span
    return end == start + 1 and plain[start] in language.sounds
