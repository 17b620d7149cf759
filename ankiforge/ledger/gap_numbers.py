"""Keep the number of each gap when a cloze text changes.

The number identifies a card in Anki. A number that was ever exported for a gap isn't used for
another one, because the reviews of the old gap would then count for the new one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
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
    """The normalized answer of the gap."""
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
    new_gaps = _list_compared_gaps(new)
    numbers_by_start = _match_numbers(old, new, new_gaps)
    earlier_gaps = []
    for text in earlier:
        earlier_gaps += _list_compared_gaps(text)

    # keep the number 1 in a text that was translated or rewritten
    if new_gaps and not numbers_by_start and 1 in find_cloze_numbers(old):
        earlier_answers = {gap.words for gap in earlier_gaps}
        has_earlier_answer = any(gap.words in earlier_answers for gap in new_gaps)
        if not has_earlier_answer and not _has_common_text(old, new):
            numbers_by_start[new_gaps[0].gap.start] = (1,)

    # give each new gap an earlier number of its answer, or else an unused number
    taken_numbers: set[int] = set().union(*numbers_by_start.values())
    highest = max((*find_cloze_numbers(old), *used, 0))
    for earlier_gap in earlier_gaps:
        highest = max((highest, *earlier_gap.gap.numbers))
    for new_gap in new_gaps:
        start = new_gap.gap.start
        if start in numbers_by_start:
            continue
        numbers = _find_earlier_numbers(new_gap, earlier_gaps, taken_numbers)
        if not numbers:
            highest += 1
            numbers = (highest,)
        numbers_by_start[start] = numbers
        taken_numbers.update(numbers)

    return _write_numbers(new, new_gaps, numbers_by_start)


def _find_earlier_numbers(
    new_gap: _ComparedGap,
    earlier_gaps: Iterable[_ComparedGap],
    taken_numbers: AbstractSet[int],
) -> Numbers | None:
    """Return the numbers of the first earlier gap with the same answer whose numbers are free."""
    for earlier_gap in earlier_gaps:
        numbers = earlier_gap.gap.numbers
        if earlier_gap.words == new_gap.words and taken_numbers.isdisjoint(numbers):
            return numbers
    return None


def _write_numbers(
    text: str, gaps: Sequence[_ComparedGap], numbers_by_start: Mapping[int, Numbers]
) -> str:
    """Write the numbers of gaps into a cloze text, such as `{{c2,3::` instead of `{{c1::`.

    `numbers_by_start` has the new numbers of each gap by its start. The last gap is written first,
    so that the starts of the others stay valid.
    """
    for _, gap in reversed(gaps):
        numbers = numbers_by_start[gap.start]
        if numbers != gap.numbers:
            opening = "{{c" + ",".join(map(str, numbers)) + "::"
            text = text[: gap.start] + opening + text[gap.answer_start :]
    return text


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
    """Match new gaps with old gaps by equal answers, then similar answers, then position.

    Each old gap is matched once. Returns the numbers of the matching old gap, keyed by the start
    of the new gap. New gaps without a match are left out.
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
            break  # after the equal answers
    return numbers_by_start


def _find_adjacent_words(markdown: str, gap: Cloze) -> Sides:
    """Return the nearest words before and after a gap, treating another gap as one word."""
    sides = []
    for side in (markdown[: gap.start], markdown[gap.end :]):
        words = normalize_for_comparison(re.sub(r"\{\{c[\d,]+::.*?\}\}", " … ", side))
        sides.append(words.split())
    before, after = sides
    return before[-_WORDS_AROUND:], after[:_WORDS_AROUND]
