"""Which day a moment belongs to, and on which day a card comes."""

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest

from ankiforge.model import Calendar, SeenCard
from ankiforge.reports.days import Days


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """This machine's clock, somewhere else."""

    def set_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def card(**given: Any) -> SeenCard:
    usual = {"id": 1, "ordinal": 0, "deck": "", "queue": 2, "type": 2, "due": 0, "interval": 1,
             "factor": 0, "reps": 1, "lapses": 0, "flag": 0}  # fmt: skip
    return SeenCard(**{**usual, **given})


@pytest.mark.parametrize(
    ("rollover", "moment", "day"),
    [
        (4, "2026-11-21T03:59:59+01:00", "2026-11-20"),
        (4, "2026-11-21T04:00:00+01:00", "2026-11-21"),
        (0, "2026-11-21T00:00:00+01:00", "2026-11-21"),
        (23, "2026-11-21T22:59:00+01:00", "2026-11-20"),
        # the night in which clocks go back has 25 hours, the one in which they go ahead 23
        (4, "2026-10-25T03:59:00+01:00", "2026-10-24"),
        (4, "2026-10-25T04:00:00+01:00", "2026-10-25"),
        (4, "2026-03-29T03:59:00+02:00", "2026-03-28"),
        (4, "2026-03-29T04:00:00+02:00", "2026-03-29"),
    ],
)
def test_a_day_begins_at_the_hour_of_the_collection(zone, rollover, moment, day):
    zone("Europe/Berlin")
    assert Days(Calendar(0, rollover), 0).of(at(moment)) == date.fromisoformat(day)


def test_a_day_begins_where_its_first_moment_is(zone):
    zone("Asia/Kathmandu")  # three quarters of an hour beside the whole ones
    days = Days(Calendar(0), 0)
    begin = days.begin(date(2026, 11, 21))
    assert days.of(begin) == date(2026, 11, 21)
    assert days.of(begin - 1) == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("given", "ahead"),
    [
        ({"due": 10}, 0),
        ({"due": 7}, -3),
        ({"due": 12}, 2),
        ({"due": 10, "queue": 0, "type": 0}, None),
        ({"due": 10, "queue": -1}, None),
        ({"due": 10, "queue": -2}, None),
        ({"due": 12, "queue": -3}, 2),
        ({"due": int(at("2026-11-21T22:00:00+01:00")), "queue": 1, "type": 1}, 0),
        ({"due": int(at("2026-11-22T05:00:00+01:00")), "queue": 1, "type": 3}, 1),
        ({"due": 999_999_999}, 99_990),
        ({"due": -(2**40)}, -100_010),
    ],
)
def test_a_card_comes_on_the_day_it_is_due(zone, given, ahead):
    zone("Europe/Berlin")
    days = Days(Calendar(int(at("2026-11-11T04:00:00+01:00"))), at("2026-11-21T12:00:00+01:00"))
    assert days.due(card(**given)) == ahead


def test_a_time_that_no_calendar_has_is_far_away(zone):
    zone("Europe/Berlin")
    days = Days(Calendar(2**60), at("2026-11-21T12:00:00+01:00"))
    assert days.of(2**60).year >= 2999
    assert days.of(-(2**60)).year in (1969, 1970)
    late = days.due(card(due=2**60, queue=1, type=1))
    assert late is not None
    assert late > 300_000
    assert days.due(card(due=1)) is not None


def test_the_first_day_is_that_of_the_place_where_the_collection_was_made(zone):
    """Made on 10 November in New York (five hours west), looked at in Tokyo, where it was the 11th."""
    zone("Asia/Tokyo")
    made = int(at("2026-11-10T16:00:00-05:00"))
    now = at("2026-11-21T12:00:00+09:00")
    assert Days(Calendar(made, west=300), now).due(card(due=11)) == 0
    assert Days(Calendar(made), now).due(card(due=11)) == 1
