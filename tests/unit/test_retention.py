"""How well a card is known, by the curve of FSRS; which cards keep failing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.model import Guid, SeenCard, SeenReview
from ankiforge.model.retention import DAY, Answers, Trouble, is_mature, retrievability, troubles

NEW = SeenCard(1, 0, "Deck", 0, 0, 0, 0, 0, 0, 0, 0)
KNOWN = replace(NEW, queue=2, type=2, interval=30, reps=6, stability=30.0, difficulty=5.0)


def test_nine_in_ten_are_known_once_the_stability_has_passed():
    for card in (KNOWN, replace(KNOWN, decay=0.154), replace(KNOWN, stability=None)):
        assert retrievability(card, 0, 0) == 1
        assert retrievability(card, 0, 30 * DAY) == pytest.approx(0.9)


def test_the_curve_is_that_of_fsrs_4_5():
    """R = (1 + 19/81 · t/S) ** -0.5, as its authors write it."""
    assert retrievability(KNOWN, 0, 90 * DAY) == pytest.approx((1 + 19 / 81 * 3) ** -0.5)


def test_of_a_card_that_was_never_learnt_nothing_is_said():
    assert retrievability(NEW, 0, DAY) is None


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers, st.integers(-(10**9), 10**9), st.floats(0, 1e12))
def test_no_card_however_broken_is_known_by_more_than_all_or_less_than_nothing(
    stability, decay, interval, now
):
    card = replace(KNOWN, stability=stability, decay=decay, interval=interval)
    known = retrievability(card, 0, now)
    assert known is None or 0 <= known <= 1


def answer(ease: int, last: int, kind: int = 1, factor: int = 2500) -> SeenReview:
    return SeenReview(1, Guid("af" + "a" * 24), 0, ease, 1, last, factor, 5_000, kind)


def test_answers_are_counted_as_anki_counts_true_retention():
    sums = Answers()
    for one in (
        answer(3, 30),
        answer(1, 30),
        answer(4, 3),
        answer(1, 0, kind=0),  # learning
        answer(1, 30, kind=3, factor=0),  # crammed
        answer(0, 30, kind=4),  # set by hand
    ):
        sums.add(one)
    assert (sums.given, sums.seconds, sums.seconds_each) == (5, 25.0, 5.0)
    assert (sums.mature, sums.mature_passed, sums.young, sums.young_passed) == (2, 1, 1, 1)
    assert sums.retention == pytest.approx(2 / 3)
    assert (Answers().retention, Answers().seconds_each) == (None, None)


@pytest.mark.parametrize(
    ("card", "tags", "remark", "found"),
    [
        (KNOWN, (), False, ()),
        (KNOWN, ("Leech",), False, (Trouble.LEECH,)),
        (replace(KNOWN, lapses=4), (), True, (Trouble.REMARK, Trouble.LAPSES)),
        (replace(KNOWN, difficulty=9.5, reps=9, interval=3), (), False, (Trouble.DIFFICULT,)),
        (replace(KNOWN, difficulty=9.5, reps=9), (), False, ()),
        (replace(KNOWN, difficulty=9.5, reps=3, interval=3), (), False, ()),
    ],
)
def test_what_keeps_failing_needs_work(card, tags, remark, found):
    assert troubles(tags, (NEW, card), remark=remark) == found


def test_a_card_is_mature_after_three_weeks_unless_it_is_learnt_anew():
    assert is_mature(KNOWN)
    assert not is_mature(replace(KNOWN, interval=20))
    assert not is_mature(replace(KNOWN, type=3))
