"""The source of a card: all it may lean on, and the sentences that are to prove it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from ankiforge.check.lexical.normal import bare
from ankiforge.check.source.claims import Row, row
from ankiforge.model import Draft, Highlight
from ankiforge.text.fold import canonical
from ankiforge.text.quotes import locate
from ankiforge.text.sentences import sentences

_LONGEST = 6000
folded = lru_cache(maxsize=1024)(canonical)
"""The canonical form, remembered: the same passage is looked at by many checks."""


def said(highlight: Highlight) -> str:
    """The passage and what stands around it: all an answer may be taken from.

    The words below a picture stand in its Markdown alone.
    """
    seamless = highlight.prefix + highlight.exact + highlight.suffix
    captioned = (bare(shown) for shown in highlight.markdown if "![" in shown)
    return "\n".join((highlight.context, seamless, *captioned))


def about(highlight: Highlight) -> str:
    """What names the subject: a question may lean on it, an answer only as a name."""
    comment = highlight.comment if highlight.instructs else ""
    return "\n".join((naming(highlight), highlight.document.issued, comment))


def naming(highlight: Highlight) -> str:
    """Title and headings: what the passage is about may be named there alone."""
    return "\n".join((highlight.document.title, highlight.heading, *highlight.above))


def around(highlight: Highlight) -> str:
    """The passage in one run with its surroundings, each word once."""
    if highlight.sentence and locate(highlight.exact, highlight.sentence):
        return highlight.sentence
    return highlight.prefix + highlight.exact + highlight.suffix


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences that prove a card."""

    text: str
    row: Row
    clauses: tuple[str, ...]


def evidence(draft: Draft, highlight: Highlight) -> Evidence:
    """The whole sentences that the quote touches: a quote may leave a “not” out, they do not."""
    return _evidence(draft.quote, around(highlight)[:_LONGEST])


@lru_cache(maxsize=512)
def _evidence(quote: str, text: str) -> Evidence:
    span = locate(quote, text) if quote.strip() else None
    start, end = span or (0, len(text))
    touched = [one for one in sentences(text) if one[0] < end and one[1] > start]
    proof = text[touched[0][0] : touched[-1][1]] if touched else text
    return Evidence(proof, row(proof), _clauses(proof))


_SHIELD = re.compile(r"`[^`\n]{1,200}`|\$[^$\n]{1,200}\$|\([^()\n]{1,200}\)|(?<=\d)[.,](?=\d)")
_PART = re.compile(
    r"[;:,、，；。]|[.!?](?=\s)|\b(?:while|whereas|but|although|though|während|wohingegen|aber"
    r"|sondern|tandis que|mais|mientras|pero|sino)\b",
    re.IGNORECASE,
)
_AND = re.compile(r"\s(?:and|und|et|y)\s", re.IGNORECASE)


def _clauses(text: str) -> tuple[str, ...]:
    """The parts of a sentence between its signs; `and` parts only what has a number each."""
    hidden = _SHIELD.sub(lambda found: "\0" * len(found[0]), text)
    cuts = [0, *(match.start() for match in _PART.finditer(hidden)), len(text)]
    parts: list[str] = []
    for start, end in pairwise(cuts):
        parts += _at_and(text[start:end])
    return tuple(part for part in parts if re.search(r"\w", part))


def _at_and(part: str) -> list[str]:
    if len(part) > _LONG_PART:
        return [part]
    for match in _AND.finditer(part):
        left, right = part[: match.start()], part[match.end() :]
        if all(_has_own(side) for side in (left, right)) and not _range(left, right):
            return [left, *_at_and(right)]
    return [part]


_LONG_PART = 800
"""Characters of a part; what is longer is no sentence."""


def _has_own(side: str) -> bool:
    """Whether a side of an `and` has a number, or code, of its own."""
    return re.search(r"\d|`", side) is not None


def _range(left: str, right: str) -> bool:
    """`between 5 and 10`, `327 and 232 °C`."""
    return bool(re.search(r"\d\s*$", left) and re.match(r"\s*\d", right))
