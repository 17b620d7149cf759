"""Keep the number of each gap when a cloze text changes.

The number identifies a card in Anki. A number that was ever exported for a gap isn't used for
another one, because the reviews of the old gap would then count for the new one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ankiforge.model import Numbers
from ankiforge.text.cloze import Cloze, find_cloze_numbers, find_clozes, reveal_answers
from ankiforge.text.normalize import normalize_for_comparison

Sides = tuple[list[str], list[str]]
"""The nearest words before a gap, and the nearest words after it."""

# How many unchanged words on one side identify the position of a gap.
_WORDS_AROUND = 3
# The minimum similarity (rapidfuzz ratio, 0 to 100) at which an answer keeps its number.
_MIN_SIMILARITY = 75
# Two texts are versions of the same text, with gaps at other places, if a common subsequence of
# both has at least this fraction of the characters of the shorter text.
_MIN_COMMON_FRACTION = 0.85
# If more gaps than this are unmatched, only equal answers are matched, because comparing is slow.
_MAX_FUZZY_GAPS = 200


class _ComparedGap(NamedTuple):
    words: str
    gap: Cloze


def renumber_gaps(
    old: str, new: str, used: Numbers = (), earlier: Sequence[str] = ()
) -> str:
    """Renumber the gaps of the cloze text `new` so that each answer keeps its number.

    The gaps of `new` are matched with those of `old` by equal answers, then by similar answers,
    and then by position. An unmatched gap gets the number that its answer had in one of the
    `earlier` texts, or else a number higher than any number used before. If no gap matches because
    the text was translated or rewritten, the first gap gets the number 1.

    Args:
        old: The current text of the card.
        new: The next text of the card.
        used: Other numbers that were exported at some time.
        earlier: Earlier texts of the card, newest first.
    """
    compared_gaps = _list_compared_gaps(new)
    numbers_by_start = _match_numbers(old, new, compared_gaps)
    removed_gaps = []
    for text in earlier:
        for gap in find_clozes(text):
            removed_gaps.append((normalize_for_comparison(gap.answer), gap.numbers))

    # keep the number 1 in a text that was translated or rewritten
    if not numbers_by_start and compared_gaps and 1 in find_cloze_numbers(old):
        removed_answers = {answer for answer, _ in removed_gaps}
        has_earlier_answer = any(gap.words in removed_answers for gap in compared_gaps)
        if not has_earlier_answer and not _has_common_text(old, new):
            numbers_by_start[compared_gaps[0].gap.start] = (1,)

    # give each new gap an earlier number of its answer, or else an unused number
    taken_numbers: set[int] = set().union(*numbers_by_start.values())
    highest = max((*find_cloze_numbers(old), *used, 0))
    for _, earlier_numbers in removed_gaps:
        highest = max((highest, *earlier_numbers))
    for words, gap in compared_gaps:
        if gap.start in numbers_by_start:
            continue
        chosen_numbers: Numbers = ()
        for answer, earlier_numbers in removed_gaps:
            if answer == words and taken_numbers.isdisjoint(earlier_numbers):
                chosen_numbers = earlier_numbers
                break
        if not chosen_numbers:
            highest += 1
            chosen_numbers = (highest,)
        numbers_by_start[gap.start] = chosen_numbers
        taken_numbers.update(chosen_numbers)

    for _, gap in reversed(compared_gaps):
        if numbers_by_start[gap.start] != gap.numbers:
            marks = ",".join(map(str, numbers_by_start[gap.start]))
            new = f"{new[: gap.start]}{{{{c{marks}::{new[gap.answer_start :]}"
    return new


def _has_common_text(old: str, new: str) -> bool:
    """Return whether a large part of two cloze texts is the same, so that neither is a rewrite."""
    from rapidfuzz.distance import LCSseq

    old_text = normalize_for_comparison(reveal_answers(old))
    new_text = normalize_for_comparison(reveal_answers(new))
    shorter_length = min(len(old_text), len(new_text))
    common_length = LCSseq.similarity(old_text, new_text)
    return common_length >= _MIN_COMMON_FRACTION * shorter_length


def _list_compared_gaps(text: str) -> list[_ComparedGap]:
    """Return the gaps of a cloze text with their normalized answers."""
    gaps = []
    for gap in find_clozes(text):
        gaps.append(_ComparedGap(normalize_for_comparison(gap.answer), gap))
    return gaps


def _match_numbers(
    old_text: str, new_text: str, answers: Sequence[_ComparedGap]
) -> dict[int, Numbers]:
    """Match new gaps with old gaps.

    Returns the numbers of the matching old gap, keyed by the start of the new gap. New gaps
    without a match are left out.
    """
    from rapidfuzz import fuzz

    def has_equal_answer(old_gap: _ComparedGap, new_gap: _ComparedGap) -> bool:
        return old_gap.words == new_gap.words

    def has_similar_answer(old_gap: _ComparedGap, new_gap: _ComparedGap) -> bool:
        return fuzz.ratio(old_gap.words, new_gap.words) >= _MIN_SIMILARITY

    def has_same_position(old_gap: _ComparedGap, new_gap: _ComparedGap) -> bool:
        old_sides = _find_adjacent_words(old_text, old_gap.gap)
        new_sides = _find_adjacent_words(new_text, new_gap.gap)
        if old_sides == new_sides:
            return True
        sides = zip(old_sides, new_sides, strict=True)
        return any(old_side and old_side == new_side for old_side, new_side in sides)

    unmatched_gaps = _list_compared_gaps(old_text)
    numbers_by_start: dict[int, Numbers] = {}
    predicates: tuple[Callable[[_ComparedGap, _ComparedGap], bool], ...] = (
        has_equal_answer,
        has_similar_answer,
        has_same_position,
    )
    for matches in predicates:
        for new_gap in answers:
            if new_gap.gap.start in numbers_by_start:
                continue
            for old_gap in unmatched_gaps:
                if matches(old_gap, new_gap):
                    numbers_by_start[new_gap.gap.start] = old_gap.gap.numbers
                    unmatched_gaps.remove(old_gap)
                    break
        if len(unmatched_gaps) > _MAX_FUZZY_GAPS:
            break
    return numbers_by_start


def _find_adjacent_words(markdown: str, gap: Cloze) -> Sides:
    """Return the nearest words before and after a gap, treating another gap as one word."""
    sides = []
    for side in (markdown[: gap.start], markdown[gap.end :]):
        words = normalize_for_comparison(re.sub(r"\{\{c[\d,]+::.*?\}\}", " … ", side))
        sides.append(words.split())
    before, after = sides
    return before[-_WORDS_AROUND:], after[:_WORDS_AROUND]
