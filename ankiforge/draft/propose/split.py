"""The sentences of a passage, even where a footnote or an abbreviation hides their end.

`text.sentences` is frozen, because keys depend on it. What it misses in exports of books is
found here.
"""

from __future__ import annotations

from functools import lru_cache

from ankiforge.language.lexicon import Language
from ankiforge.language.tokens import is_verb, tokens
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.sentences import sentences, trimmed

# `decision.21 But`: the number of a footnote comes between two sentences.
_FOOTNOTE = regex(
    r"(?<=[^\W\d_A-ZÀ-Þ]{4})[.!?][”\"’»)]*\d{1,3}(?=\s+[“\"‘«(¿¡]*[A-ZÀ-ÞА-ЯЁ])"
    r"|(?<=[^\d.,]\d{4})\.\d{1,2}(?=\s+[“\"‘«(¿¡]*[A-ZÀ-ÞА-ЯЁ])"
    r"|(?<=[^\W\d_]{2})[.!?][”\"’»)]*\[\d{1,3}\](?=\s)"
)
# `in 570 C.E. Mecca was`, `at 9 a.m. The train`: an abbreviation that may end a sentence.
_ABBREVIATION = regex(
    r"(?<=\d )(?:B\.C\.E\.|C\.E\.|B\.C\.|A\.D\.|a\.m\.|p\.m\.|v\. ?Chr\.|n\. ?Chr\.)"
    r"(?=\s+[“\"‘«(]*[A-ZÀ-Þ])"
)
# What each match of these two has: few texts have it.
_MAY_END_WITHIN = regex(r"[.!?][”\"’»)]*[\d\[]|\d \w\.")


# The beginning and the end of a text are looked for one after the other.
@lru_cache(maxsize=64)
def sentences_in(text: str, language: Language) -> tuple[Span, ...]:
    """Return the spans of the sentences of a text, without white space around them."""
    plain_spans = sentences(text)
    if _MAY_END_WITHIN.search(text) is None:
        return tuple(plain_spans)
    spans: list[Span] = []
    for start, end in plain_spans:
        begin = start
        for stop in _stops(text, start, end, language):
            spans.append(trimmed(text, begin, stop))
            begin = stop
        spans.append(trimmed(text, begin, end))
    return tuple(spans)


def _stops(text: str, start: int, end: int, language: Language) -> list[int]:
    """Return where further sentences end within what was taken for one."""
    stops = [match.end() for match in _FOOTNOTE.finditer(text, start, end)]
    begin = start
    for match in _ABBREVIATION.finditer(text, start, end):
        # In `In 44 B.C. Caesar was killed`, the verb is still to come.
        before = tokens(text[begin : match.start()], language)
        if any(is_verb(token, language) for token in before):
            stops.append(match.end())
            begin = match.end()
    return sorted(stop for stop in stops if stop < end)
