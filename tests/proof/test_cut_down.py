"""Random histories of `benchmarks.histories` that once went wrong, cut down to the steps they need."""

from __future__ import annotations

import pytest

from benchmarks.histories import Step, failure, in_this_process

ALONE = ("second",)
HISTORIES: dict[str, tuple[int, tuple[str, ...], list[Step]]] = {
    "ledger lost, note renamed, a letter of the answer changed": (
        7035, ALONE, [("lose_ledger", 0, 0), ("rename", 1, 27), ("number", 35, 53)],
    ),
    "cut and year corrected, ledger lost, the note renamed": (
        7210, ALONE,
        [("cut", 42, 32), ("year", 44, 58), ("lose_ledger", 0, 0), ("rename", 57, 47)],
    ),
    "split, cut and corrected around the loss of the ledger": (
        5233, ALONE,
        [
            ("split", 56, 46), ("cut", 6, 51), ("lose_ledger", 0, 0), ("year", 51, 29),
            ("drop", 14, 32),
        ],
    ),
    "ledger and journal lost, split and renamed, words that only Anki has were corrected": (
        5044, ALONE,
        [
            ("year", 1, 3), ("cut", 8, 52), ("split", 24, 0), ("rename", 32, 16),
            ("replace", 28, 23), ("lose_both", 53, 28),
        ],
    ),
    "the answer edited, and then the question, each by so little that the passage is the same": (
        5206, ALONE, [("number", 21, 41), ("run", 4, 42), ("year", 6, 11)],
    ),
    "a word replaced before the second machine reads it": (
        8044, (), [("typo", 49, 43), ("run", 31, 34)],
    ),
    "a mark of a PDF corrected before the second machine reads it": (
        8035, (), [("number", 44, 50), ("run", 56, 39)],
    ),
    "another name put in before the second machine reads it": (
        30062, (), [("name", 30, 47), ("run", 24, 39)],
    ),
    "moved before the second machine reads it, replaced before the first one does": (
        30028, (), [("cut", 22, 37), ("paste", 53, 50), ("run", 0, 19), ("replace", 37, 10)],
    ),
    "corrected before the second machine reads it, both files of the first one lost": (
        8011, (), [("year", 40, 46), ("run", 7, 49), ("lose_both", 11, 47)],
    ),
    "corrected and renamed before the second machine reads it": (
        40053, (), [("year", 45, 5), ("rename", 36, 33), ("run", 41, 49)],
    ),
    "words typed in Anki, which the second machine does not read": (
        8070, (),
        [
            ("unite", 8, 9), ("rename", 30, 15), ("lose_ledger", 36, 43), ("type", 52, 19),
            ("run", 12, 9),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_that_once_went_wrong(name: str) -> None:
    seed, without, steps = HISTORIES[name]
    with in_this_process():
        assert not failure(seed, steps, without)
