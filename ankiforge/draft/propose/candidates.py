"""The words of a sentence that a gap may hide."""

from __future__ import annotations

import re

from ankiforge.draft.propose.words import small_words
from ankiforge.model import Span, Value
from ankiforge.text import regex

MOST_WORDS = 6
"""The words of a gap at most, unless the reader chose it."""

_TOKEN = regex(
    r"""(?x)
      (?P<shield>\$\$[^$]+\$\$|\$[^$\n]+\$|`+[^`\n]+`+|https?://\S+)
    | (?P<word>\d+(?:[.,:/]\d+)*(?:\s?[%°‰€£]C?)?
        |[^\W_]+(?:[-'’‐‑][^\W_]+)*['’]?)
    | (?P<sign>[^\w\s])
    """
)
# What may stand between two parts of a name or a term.
_JOINS = {
    "en": frozenset(("of",)),
    "fr": frozenset(("de", "du", "des", "d'", "d’")),
    "es": frozenset(("de", "del")),
    "it": frozenset(("di", "del", "della", "dei", "delle")),
    "pt": frozenset(("de", "do", "da", "dos", "das")),
}


class Candidate(Value):
    """Words that may be hidden."""

    start: int
    end: int
    words: tuple[str, ...]


def candidates(text: str, language: str) -> list[Candidate]:
    """Return the terms, names and numbers of a text, in order."""
    small = small_words().get(language, frozenset())
    joins = _JOINS.get(language, frozenset())
    found: list[Candidate] = []
    run: list[re.Match[str]] = []

    def finish() -> None:
        while run and run[-1][0].casefold() in small:
            run.pop()
        if run and len(run) <= MOST_WORDS:
            words = tuple(token[0] for token in run)
            found.append(Candidate(run[0].start(), run[-1].end(), words))
        run.clear()

    for token in _TOKEN.finditer(text):
        word = token[0].casefold()
        if token["sign"] or token["shield"]:
            finish()
        elif word in joins and run:
            run.append(token)
        elif word in small:
            finish()
        else:
            run.append(token)
    finish()
    return found


def inside(span: Span, outer: Span) -> bool:
    """Return whether a span is within another."""
    return outer[0] <= span[0] and span[1] <= outer[1]
