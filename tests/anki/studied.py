"""Months of study, simulated with py-fsrs and written into a real collection as Anki writes them."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fsrs import Card, Rating, Scheduler, State

DAY = 86_400
DECAY = 0.1542
"""Of py-fsrs' own parameters."""


@dataclass
class Answer:
    """One line of the review log, as it was simulated."""

    at: datetime
    card: int
    ease: int
    interval: int
    last_interval: int
    kind: int
    seconds: float


@dataclass
class Study:
    """A reader who answers what is due, once a day."""

    rng: random.Random
    answers: list[Answer] = field(default_factory=list)

    def learn(self, number: int, begin: datetime, until: datetime) -> Card:
        """One card from its first answer on; a day is missed now and then."""
        scheduler = Scheduler(enable_fuzzing=False)
        card, at, last = Card(card_id=number), begin, 0
        while at <= until:
            ease = self._ease(scheduler, card, at)
            kind = {State.Learning: 0, State.Review: 1, State.Relearning: 2}[card.state]
            card, _ = scheduler.review_card(card, Rating(ease), at)
            interval = _interval(card, at)
            seconds = round(self.rng.uniform(2, 25), 3)
            self.answers.append(Answer(at, number, ease, interval, last, kind, seconds))
            last = interval
            assert card.due is not None
            late = timedelta(days=self.rng.choice((0, 0, 0, 1, 3))) if interval > 0 else timedelta()
            at = card.due + late + timedelta(milliseconds=self.rng.randrange(1, 900))
        return card

    def _ease(self, scheduler: Scheduler, card: Card, at: datetime) -> int:
        known = scheduler.get_card_retrievability(card, at) if card.stability else 0.6
        if self.rng.random() > known:
            return 1
        return self.rng.choice((2, 3, 3, 3, 3, 4))


def _interval(card: Card, at: datetime) -> int:
    """As Anki's log has it: days, or seconds below zero."""
    assert card.due is not None
    ahead = (card.due - at).total_seconds()
    return round(ahead / DAY) if card.state is State.Review else -round(ahead)


def write(col: Any, study: Study, cards: dict[int, Card], created: datetime) -> None:
    """Put the answers and what the cards are by now into a collection."""
    taken: set[int] = set()
    for one in study.answers:
        number = int(one.at.timestamp() * 1000)
        while number in taken:
            number += 1
        taken.add(number)
        col.db.execute(
            "insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, ?)",
            number, one.card, one.ease, one.interval, one.last_interval, 500,
            int(one.seconds * 1000), one.kind,
        )  # fmt: skip
    for number, card in cards.items():
        col.db.execute(
            "update cards set type = ?, queue = ?, due = ?, ivl = ?, factor = 500, reps = ?,"
            " lapses = ?, data = ? where id = ?",
            *_state(card, number, study.answers, created), number,
        )  # fmt: skip


def _state(card: Card, number: int, answers: list[Answer], created: datetime) -> Iterator[Any]:
    mine = [one for one in answers if one.card == number]
    review = card.state is State.Review
    assert card.due is not None
    yield {State.Learning: 1, State.Review: 2, State.Relearning: 3}[card.state]
    yield 2 if review else 1
    yield (card.due - created).days if review else int(card.due.timestamp())
    yield max((one.interval for one in mine[-1:] if one.interval > 0), default=1)
    yield len(mine)
    yield sum(one.ease == 1 and one.kind == 1 for one in mine)
    yield json.dumps({"s": card.stability, "d": card.difficulty, "decay": DECAY})


def started(days_ago: int, now: datetime) -> datetime:
    """Noon of a day, in UTC."""
    day = (now - timedelta(days=days_ago)).date()
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
