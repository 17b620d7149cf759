"""Numbers of gaps: each names a card in Anki, and stays with its words.

A number that was ever shipped for other words is not free, or their reviews would go to
another fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ankiforge.model import Numbers
from ankiforge.text.cloze import Gap, gaps, numbers, reveal
from ankiforge.text.fold import for_comparing

Sides = tuple[list[str], list[str]]
"""The words before and after a gap."""

# The number of unchanged words on one side that identify the position of a gap.
_WORDS_AROUND = 3
# Answers at least this similar (rapidfuzz ratio, 0 to 100) keep their number.
_MIN_SIMILARITY = 75
# The part of the letters of the shorter text that stand in the other in the same order, from
# which both are one text in which other words were marked, or more or fewer of its sentences.
_SAME_TEXT = 0.85
# With more gaps left than this, only equal answers are matched.
_MAX_COMPARED = 200


class _ComparedGap(NamedTuple):
    """A gap with its answer as it is compared."""

    words: str
    gap: Gap


def keep_numbers(
    old: str,
    new: str,
    used: Numbers = (),
    earlier: Sequence[str] = (),
) -> str:
    """Return `new` with the numbers that its answers have in `old`.

    Equal answers are matched first, then similar ones, then those in the same position.
    The number of a removed gap is given only to a gap with the same answer as in one of
    the `earlier` texts, newest first; any other new gap gets a number above all ever
    used. If a text was translated or rewritten as a whole, so that no gap is left, its first
    gap keeps the number 1.

    Args:
        old: the text of the card.
        new: its next text.
        used: further numbers that were ever shipped.
        earlier: earlier texts of the card, the newest first.
    """
    from rapidfuzz.distance import LCSseq

    answers = [_ComparedGap(for_comparing(gap.answer), gap) for gap in gaps(new)]
    kept = _matched_numbers(old, new, answers)
    removed = []
    for text in earlier:
        for gap in gaps(text):
            removed.append((for_comparing(gap.answer), gap.numbers))

    # a text that was translated, or rewritten as a whole
    if not kept and answers and 1 in numbers(old):
        before = for_comparing(reveal(old))
        after = for_comparing(reveal(new))
        shorter = min(len(before), len(after))
        same = LCSseq.similarity(before, after)
        removed_answers = {answer for answer, _ in removed}
        now = [each.words for each in answers]
        if same < _SAME_TEXT * shorter and removed_answers.isdisjoint(now):
            kept[answers[0].gap.start] = (1,)

    # new gaps: their earlier numbers, else numbers never used
    taken: set[int] = set().union(*kept.values())
    highest = max((*numbers(old), *used, 0))
    for _, earlier_numbers in removed:
        highest = max((highest, *earlier_numbers))
    for words, gap in answers:
        if gap.start in kept:
            continue
        chosen: Numbers = ()
        for answer, earlier_numbers in removed:
            if answer == words and taken.isdisjoint(earlier_numbers):
                chosen = earlier_numbers
                break
        if not chosen:
            highest += 1
            chosen = (highest,)
        kept[gap.start] = chosen
        taken.update(chosen)

    for _, gap in reversed(answers):
        if kept[gap.start] != gap.numbers:
            marks = ",".join(map(str, kept[gap.start]))
            new = f"{new[: gap.start]}{{{{c{marks}::{new[gap.body :]}"
    return new


def _matched_numbers(
    old_text: str,
    new_text: str,
    answers: Sequence[_ComparedGap],
) -> dict[int, Numbers]:
    """Return, by their starts in the new text, the numbers of the gaps found in the old."""
    from rapidfuzz import fuzz

    def equal(before: _ComparedGap, after: _ComparedGap) -> bool:
        return before.words == after.words

    def similar(before: _ComparedGap, after: _ComparedGap) -> bool:
        return fuzz.ratio(before.words, after.words) >= _MIN_SIMILARITY

    def in_same_place(before: _ComparedGap, after: _ComparedGap) -> bool:
        around_before = _around(old_text, before.gap)
        around_after = _around(new_text, after.gap)
        if around_before == around_after:
            return True
        sides = zip(around_before, around_after, strict=True)
        return any(old_side and old_side == new_side for old_side, new_side in sides)

    unmatched = [_ComparedGap(for_comparing(gap.answer), gap) for gap in gaps(old_text)]
    kept: dict[int, Numbers] = {}
    steps: tuple[Callable[[_ComparedGap, _ComparedGap], bool], ...] = (
        equal,
        similar,
        in_same_place,
    )
    for alike in steps:
        for after in answers:
            if after.gap.start in kept:
                continue
            match = next((before for before in unmatched if alike(before, after)), None)
            if match is not None:
                kept[after.gap.start] = match.gap.numbers
                unmatched.remove(match)
        if len(unmatched) > _MAX_COMPARED:
            break
    return kept


def _around(markdown: str, gap: Gap) -> Sides:
    """Return the words before and after a gap. Another gap counts as one word."""
    sides = []
    for side in (markdown[: gap.start], markdown[gap.end :]):
        words = for_comparing(re.sub(r"\{\{c[\d,]+::.*?\}\}", " … ", side))
        sides.append(words.split())
    before, after = sides
    return before[-_WORDS_AROUND:], after[:_WORDS_AROUND]
