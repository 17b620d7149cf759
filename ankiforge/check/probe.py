"""Findings of the answer probe: another right answer, a different one, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.check.reading import bare
from ankiforge.check.rules import Context, found
from ankiforge.check.words import (
    FUNCTION,
    NEGATORS,
    NUMBER_WORDS,
    alike,
    all_numbers,
    listed,
    stem,
    tokens,
)
from ankiforge.model import Draft, Finding

_OWNED = re.compile(r"(?<=\w)['’]s?\b")
_DIRECTIONS = listed("small_words", "directions")


def probed(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards to which a model that does not see the back gives a different answer, or several."""
    return answered(draft)


def answered(draft: Draft) -> Iterator[Finding]:
    """Yield the findings of the answer probe about a draft."""
    probe = draft.probe
    if probe is None or not probe.done:
        return
    if not probe.answer:
        yield found("probe_none")
    elif not probe.same:
        yield found("probe_differs", f"“{probe.answer}”")
    if probe.others:
        yield found("also_right", "; ".join(probe.others))


def same_answer(front: str, one: str, other: str) -> bool | None:
    """Return whether two answers to a question are the same; None if their words do not decide it.

    Negations, prepositions of direction and numbers count as content.
    """
    ours, theirs, asked = (_words(text) for text in (one, other, front))
    if not ours or not theirs:
        return bare(one).casefold().split() == bare(other).casefold().split() or None
    numbers = all_numbers(one), all_numbers(other)
    if numbers[0] and numbers[1] and not numbers[0] & numbers[1]:
        return False
    for kind in (NEGATORS, _DIRECTIONS):
        pair = ours & kind, theirs & kind
        if pair[0] != pair[1] and not (ours ^ theirs) - kind - asked:
            # the other words are the same; what is added must be in the question
            return None if kind is _DIRECTIONS and not all(pair) else False
    if _covered(ours - theirs, theirs | asked) and _covered(theirs - ours, ours | asked):
        return True
    return None


def _covered(words: frozenset[str], known: frozenset[str]) -> bool:
    return all(word in known or known & {stem(each) for each in alike(word)} for word in words)


def _words(text: str) -> frozenset[str]:
    """Return the stems of the content words of an answer, with number words as digits."""
    kept = NEGATORS | _DIRECTIONS
    plain = _OWNED.sub("", bare(text))
    words = (word for word in tokens(plain) if word in kept or word not in FUNCTION)
    return frozenset(
        word if word in kept else NUMBER_WORDS.get(word) or stem(word) for word in words
    )
