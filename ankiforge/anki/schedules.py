"""Convert the schedule of a card in another tool to the columns of Anki's table of cards."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from enum import IntEnum

from ankiforge.anki.package import DAY_ZERO
from ankiforge.model import CardRow, LocalCard, Numbers
from ankiforge.model.hints import CardSchedule


class CardState(IntEnum):
    """The state of a card that isn't new, as a number in Anki and in FSRS."""

    LEARNING = 1
    REVIEW = 2
    RELEARNING = 3


def build_schedules(card: LocalCard, ordinals: Numbers) -> dict[int, CardRow]:
    """Build the scheduling of each card of a new note that was studied elsewhere, by ordinal.

    An adopted note keeps the schedule that it has in Anki.
    """
    rows: dict[int, CardRow] = {}
    if card.note.adopted:
        return rows
    for ordinal, schedule in zip(ordinals, card.note.schedule, strict=False):
        if schedule.due:
            rows[ordinal] = _build_card_row(schedule)
    return rows


def _build_card_row(schedule: CardSchedule) -> CardRow:
    if not schedule.stability:
        return _build_row_without_fsrs(schedule)
    if schedule.state == CardState.REVIEW:
        return _build_review_row(schedule)
    return _build_learning_row(schedule)


def _build_row_without_fsrs(schedule: CardSchedule) -> CardRow:
    """Build the row of a card in review whose number of reviews isn't known."""
    return CardRow(
        type=CardState.REVIEW.value,
        queue=CardState.REVIEW.value,
        due=_count_days(date.fromisoformat(schedule.due)),
        ivl=schedule.interval,
        factor=10 * schedule.ease,
        reps=1,
    )


def _build_review_row(schedule: CardSchedule) -> CardRow:
    """Build the row of a card that is due on a day."""
    due_time = datetime.fromisoformat(schedule.due).astimezone()
    # days begin at 4 a.m., like `DAY_ZERO`
    due_day = (due_time - timedelta(hours=DAY_ZERO.hour)).date()
    return CardRow(
        type=CardState.REVIEW.value,
        queue=CardState.REVIEW.value,
        due=_count_days(due_day),
        ivl=schedule.interval,
        factor=10 * schedule.ease,
        reps=schedule.reviews,
        lapses=schedule.lapses,
        data=_format_memory_state(schedule),
    )


def _build_learning_row(schedule: CardSchedule) -> CardRow:
    """Build the row of a card that is due at a time, and has one step left.

    Only a card that is learned again has an interval and an ease already.
    """
    is_relearning = schedule.state == CardState.RELEARNING
    return CardRow(
        type=schedule.state,
        queue=CardState.LEARNING.value,
        due=int(datetime.fromisoformat(schedule.due).timestamp()),
        ivl=schedule.interval if is_relearning else 0,
        factor=10 * schedule.ease if is_relearning else 0,
        reps=schedule.reviews,
        lapses=schedule.lapses,
        left=1,
        data=_format_memory_state(schedule),
    )


def _count_days(day: date) -> int:
    """Return the number of a day in Anki, which counts from the creation of the collection."""
    return (day - DAY_ZERO.date()).days


def _format_memory_state(schedule: CardSchedule) -> str:
    """Format the memory state of FSRS as Anki stores it.

    This was checked against a card that was answered in Anki with its default ease.
    """
    memory = {
        "s": round(schedule.stability, 4),
        "d": round(schedule.difficulty, 3),
        "lrt": int(datetime.fromisoformat(schedule.last_review).timestamp()),
    }
    return json.dumps(memory, separators=(",", ":"))
