"""Cards drawn together: the front of one must not show the answer of another.

Two that ask the same sentence from both ends are fair, as two gaps of one cloze are: each shows
what the other hides. So are the candidates of one choice: only one of them becomes a card.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.check.lexical.reading import authored, hidden_gaps, read, without
from ankiforge.check.lexical.words import content, stem
from ankiforge.check.rule import Bound, Rule
from ankiforge.model import CardKind, Draft, Family, Finding, Severity

SIBLING_LEAK = Rule(
    "sibling_leak",
    Severity.WARN,
    "another card of this batch shows the answer:",
    Bound(60, 30, 100, "%"),
)
RULES = (SIBLING_LEAK,)

_SHORTEST = 4
"""Characters from which an answer is looked for; numbers and acronyms from two."""
_AT_LEAST = 2
"""So many words of the question must stand there too: a name alone gives nothing away."""


@dataclass(frozen=True, slots=True)
class _View:
    """One way in which a draft is asked."""

    shown: str
    answers: tuple[str, ...]
    stems: frozenset[str]


class Siblings:
    """The drafts of a batch, found by the words that they show."""

    def __init__(self, drafts: Iterable[tuple[str, Draft]]) -> None:
        """`drafts`: each with its label."""
        self._drafts = [(label, draft) for label, draft in drafts if not authored(draft)]
        self._showing: dict[str, set[int]] | None = None

    def leaks(self, draft: Draft, share: float) -> Iterator[Finding]:
        """The first sibling that shows an answer of a draft with this share of its question."""
        for label, other, answer in self._telling(draft, share):
            shown = " ".join(read(other).asked.split())
            twin = label if other.highlight != draft.highlight else ""
            yield SIBLING_LEAK.found(f"“{answer[:40]}” in “{shown[:60]}”", twin=twin)
            return

    def _telling(self, draft: Draft, share: float) -> Iterator[tuple[str, Draft, str]]:
        """(label, sibling, answer) where a sibling's front holds an answer and the question."""
        for view in _views(draft):
            for answer in filter(_long_enough, view.answers):
                for at in sorted(self._near(answer)):
                    label, other = self._drafts[at]
                    if _apart(draft, other) and _tells(other, view, answer, share):
                        yield label, other, answer

    def _near(self, answer: str) -> set[int]:
        """Drafts that show each word of an answer."""
        if self._showing is None:
            self._showing = {}
            for at, (_, draft) in enumerate(self._drafts):
                for word in {word for view in _views(draft) for word in view.stems}:
                    self._showing.setdefault(word, set()).add(at)
        words = [stem(word) for word in content(answer)]
        places = [self._showing.get(word, set()) for word in words]
        return set.intersection(*places) if places else set()


@lru_cache(maxsize=256)
def _views(draft: Draft) -> tuple[_View, ...]:
    reading = read(draft)
    if draft.kind.family is Family.BASIC:
        pairs = [(reading.asked, reading.answers)]
        if draft.kind is CardKind.TWO_WAY:
            pairs.append((reading.answers[0], (reading.asked,)))
        return tuple(_view(shown, answers) for shown, answers in pairs)
    text, views = draft.field("Text"), []
    for number, hidden in hidden_gaps(draft):
        pairs_of = zip(reading.gaps, reading.answers, strict=True)
        answers = tuple(answer for gap, answer in pairs_of if number in gap.numbers)
        views.append(_view(without(text, hidden), answers))
    return tuple(views)


def _view(shown: str, answers: tuple[str, ...]) -> _View:
    return _View(shown, answers, frozenset(stem(word) for word in content(shown)))


def _long_enough(answer: str) -> bool:
    return len(answer) >= _SHORTEST or bool(re.fullmatch(r"\d{2,}|[A-Z]{2,}", answer.strip()))


def _apart(one: Draft, other: Draft) -> bool:
    """Whether they are neither the same nor candidates of one choice."""
    return one != other and (one.highlight, one.intent) != (other.highlight, other.intent)


def _tells(other: Draft, view: _View, answer: str, share: float) -> bool:
    """Whether a view of a sibling shows answer and question, and hides nothing shown in turn."""
    for theirs in _views(other):
        common = theirs.stems & view.stems
        enough = len(common) >= max(_AT_LEAST, share * len(view.stems))
        if enough and _holds(theirs.shown, answer):
            return not any(_holds(view.shown, hidden) for hidden in theirs.answers)
    return False


def _holds(text: str, words: str) -> bool:
    plain = words.strip(" .")
    return bool(plain) and (
        re.search(rf"(?<!\w){re.escape(plain)}(?:e?s)?(?!\w)", text, re.IGNORECASE) is not None
    )
