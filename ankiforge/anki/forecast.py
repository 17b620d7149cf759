"""Foresee the minutes that reviews take, and how many new cards fit into them. Pure functions.

The load of a day has two parts: that of the cards already there, which no limit of new cards
changes, and that of the new ones, which all have the same expected cost on the days after they
are begun. So the lives of cards are drawn once, and every plan is a sum:

    load[day] = there[day] + Σ begun[earlier] · cost[day - earlier]

A life is drawn with FSRS (fsrs-rs, the library in Anki itself) or, if the collection does not
use it, with the intervals of SM-2 and the share of cards that the person remembers. The
seed is fixed: the same collection gives the same forecast.

Tested by `tests/anki/test_minutes.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING

from ankiforge.anki.studies import Answers, Preset, StudiedCard, Studies
from ankiforge.model import Value

if TYPE_CHECKING:
    from fsrs_rs_python import MemoryState

DAYS = 365
"""How far a forecast reaches."""
WEEK = 7
"""After how many days a new plan is made."""
AHEAD = 28
"""The number of days that have to fit into the minutes that a person gives."""
TOLERANCE = 1.15
"""The part of the minutes below which nineteen of twenty days stay."""
_NEW_LIVES = 1000
"""The number of lives that the cost of a new card is the mean of."""
_LIVES = 3000
"""A smaller collection is drawn several times, so that chance plays no great part."""
_MOST_TIMES = 40
_MOST_LIVES = 6000
"""Of a larger collection every second (or third, or further) card by due day stands for all."""
_MOST_NEW = 9999
"""The largest number of new cards a day that Anki takes."""

# --- how one card is remembered and scheduled -------------------------------------------

# The standard normal value that 19 of 20 stay below.
_NINETEEN_OF_TWENTY = 1.645
# The times of answers scatter: the mean square of a time by the square of its mean.
_SCATTER = 1.3
# The number of reviews from which the log says what a person remembers.
_PRIOR = 100


class FsrsMemory:
    """The memory of FSRS with the options of some decks."""

    def __init__(self, preset: Preset, odds: float = 1.0) -> None:
        """Take the options, and the factor by which the odds are better than FSRS says."""
        import fsrs_rs_python

        parameters = fsrs_rs_python.check_and_fill_parameters(list(preset.parameters))
        self.preset = preset
        self.odds = odds
        self.model = fsrs_rs_python.FSRS(parameters)
        self.decay = -min(max(parameters[20], 0.1), 0.8)  # what FSRS itself allows
        self.factor = math.pow(0.9, 1 / self.decay) - 1
        self._state = fsrs_rs_python.MemoryState

    def new_card(self) -> FsrsCard:
        """Return a card that was never answered."""
        return FsrsCard(self, None, 0)

    def card(self, studied: StudiedCard) -> FsrsCard:
        """Return a card that was studied before, also one from the time before FSRS."""
        if studied.stability:
            state = self._state(studied.stability, studied.difficulty)
            return FsrsCard(self, state, studied.interval)
        ease = studied.ease if studied.ease >= _LEAST_EASE else _USUAL_EASE
        state = self.model.memory_state_from_sm2(ease, float(studied.interval), 0.9)
        return FsrsCard(self, state, studied.interval)


class FsrsCard:
    """One card in the memory of FSRS."""

    def __init__(
        self, memory: FsrsMemory, state: MemoryState | None, interval: int
    ) -> None:
        self._memory = memory
        self._state = state
        self._interval = interval

    def recall(self, since: int) -> float:
        """Return the probability that it is remembered some days after the last answer."""
        assert self._state is not None
        memory = self._memory
        share = math.pow(1 + memory.factor * since / self._state.stability, memory.decay)
        odds = memory.odds * share / (1 - share + 1e-9)
        return odds / (1 + odds)

    def begin(self, rating: int) -> int:
        """Answer a new card: 1 (Again) to 4 (Easy). Return the first interval in days."""
        self.step(rating)
        steps = self._memory.preset.steps
        left = {1: steps, 2: steps, 3: steps - 1, 4: 0}[rating]
        for _ in range(left):
            self.step(3)
        return self._interval

    def answer(self, rating: int, since: int) -> int:
        """Answer a card some days after the last answer. Return the next interval in days."""
        if rating == 1 or not since:
            self.step(rating, since)
            if rating == 1 and self._memory.preset.relearns:
                self.step(3)  # it is asked again after some minutes, and remembered then
            return self._interval

        # the intervals of the buttons differ by a day at least, and one that grows, grows by
        # a day (rslib/src/scheduler/states/review.rs)
        preset = self._memory.preset
        states = self._memory.model.next_states(self._state, preset.retention, since)
        last = self._interval
        interval = 0
        for answered in (states.hard, states.good, states.easy)[: rating - 1]:
            wanted = round(answered.interval)
            least = last + 1 if wanted > last else 1
            interval = max(wanted, least, interval + 1)
            self._state = answered.memory
        self._interval = min(interval, preset.longest)
        return self._interval

    def step(self, rating: int, since: int = 0) -> int:
        """Answer one learning step. Return the interval in days if it was the last one."""
        preset = self._memory.preset
        states = self._memory.model.next_states(self._state, preset.retention, since)
        answered = (states.again, states.hard, states.good, states.easy)[rating - 1]
        self._state = answered.memory
        self._interval = min(max(round(answered.interval), 1), preset.longest)
        return self._interval


_USUAL_EASE = 2.5
_LEAST_EASE = 1.3
# The forgetting curve of FSRS 6 with its usual parameters.
_DECAY = -0.1542


class Sm2Memory:
    """The intervals of SM-2, with Anki's usual options."""

    def __init__(self, preset: Preset, answers: Answers) -> None:
        self.preset = preset
        remembered = _mixed(answers.remembered, answers.tested, 0.9)
        self.factor = math.pow(remembered, 1 / _DECAY) - 1

    def new_card(self) -> Sm2Card:
        """Return a card that was never answered."""
        return Sm2Card(self, 1, _USUAL_EASE)

    def card(self, studied: StudiedCard) -> Sm2Card:
        """Return a card that was studied before."""
        ease = studied.ease if studied.ease >= _LEAST_EASE else _USUAL_EASE
        return Sm2Card(self, studied.interval, ease)


class Sm2Card:
    """One card with an interval of SM-2."""

    def __init__(self, memory: Sm2Memory, interval: int, ease: float) -> None:
        self._memory = memory
        self._interval = interval
        self._ease = ease

    def recall(self, since: int) -> float:
        """Return the probability that it is remembered: that of the person when it is due."""
        return math.pow(1 + self._memory.factor * since / self._interval, _DECAY)

    def begin(self, rating: int) -> int:
        """Answer a new card: 1 (Again) to 4 (Easy). Return the first interval in days."""
        self._interval = 4 if rating == 4 else 1
        return self._interval

    def answer(self, rating: int, since: int) -> int:
        """Answer a card some days after the last answer. Return the next interval in days."""
        days_late = max(since - self._interval, 0)
        after_again = 1.0
        after_hard = self._interval * 1.2
        after_good = (self._interval + days_late / 2) * self._ease
        after_good = max(after_good, after_hard + 1)
        after_easy = (self._interval + days_late) * self._ease * 1.3
        after_easy = max(after_easy, after_good + 1)
        interval = (after_again, after_hard, after_good, after_easy)[rating - 1]

        change_of_ease = (-0.2, -0.15, 0.0, 0.15)[rating - 1]
        self._ease = max(self._ease + change_of_ease, _LEAST_EASE)
        self._interval = min(max(round(interval), 1), self._memory.preset.longest)
        return self._interval


_Memory = FsrsMemory | Sm2Memory
_Card = FsrsCard | Sm2Card


def _memory(preset: Preset, answers: Answers, odds: float) -> _Memory:
    return FsrsMemory(preset, odds) if preset.fsrs else Sm2Memory(preset, answers)


# --- how well a person remembers --------------------------------------------------------

# How many reviews are looked at: more say nothing new.
_REVIEWS_TESTED = 3000


def odds_of_remembering(studies: Studies) -> float:
    """Return by which factor the odds of remembering are better than FSRS says.

    The histories of the log are played again, and what FSRS expects of each review is compared
    with the answer. Parameters that were never fitted to the person may be far off.
    """
    expected = 0.0
    remembered = 0
    tested = 0
    memories = [FsrsMemory(preset) for preset in studies.presets]
    every = max(
        sum(len(history.answers) for history in studies.histories) // _REVIEWS_TESTED, 1
    )
    for history in studies.histories[::every]:
        card = memories[history.preset].new_card()
        (last, first), *reviews = history.answers
        card.begin(first)
        for day, rating in reviews:
            expected += card.recall(day - last)
            remembered += rating > 1
            tested += 1
            card.answer(rating, day - last)
            last = day
    if not tested:
        return 1.0
    mean = min(max(expected / tested, 0.5), 0.99)
    share = _mixed(remembered, tested, mean)
    odds = share / (1 - share) / (mean / (1 - mean))
    return min(max(odds, 0.25), 4.0)


def _mixed(remembered: int, tested: int, expected: float) -> float:
    """Return the share that a person remembers; few reviews are mixed with the expected share."""
    share = (remembered + expected * _PRIOR) / (tested + _PRIOR)
    return min(max(share, 0.5), 0.99)


# --- the lives of cards -----------------------------------------------------------------


class _Player:
    """Draws the answers to cards at random."""

    def __init__(self, answers: Answers, seed: int) -> None:
        self._answers = answers
        self._random = Random(seed)
        hard, good, _ = answers.passed
        self._hard = hard
        self._good = hard + good

    def first_rating(self) -> int:
        """Draw the first answer to a new card."""
        drawn = self._random.random()
        for rating, share in enumerate(self._answers.first, start=1):
            drawn -= share
            if drawn < 0:
                return rating
        return 3

    def review(self, card: _Card, since: int) -> tuple[int, float]:
        """Draw an answer to a card. Return the days until the next one, and the seconds it took."""
        if self._random.random() >= card.recall(since):
            return self.scattered(card.answer(1, since)), self._answers.seconds_failed
        drawn = self._random.random()
        rating = 4
        if drawn < self._hard:
            rating = 2
        elif drawn < self._good:
            rating = 3
        return self.scattered(card.answer(rating, since)), self._answers.seconds_passed

    def scattered(self, interval: int) -> int:
        """Return an interval as Anki scatters it."""
        reach = _reach(interval)
        if not reach:
            return interval
        shift = int(self._random.random() * (2 * reach + 1)) - reach
        return max(interval + shift, 2)


@cache
def _reach(interval: int) -> int:
    """Return by how many days Anki may change an interval (rslib/src/scheduler/states/fuzz.rs)."""
    if interval < 3:
        return 0
    reach = 1.0
    for start, end, share in ((2.5, 7.0, 0.15), (7.0, 20.0, 0.1), (20.0, 1e9, 0.05)):
        reach += share * max(min(interval, end) - start, 0.0)
    return round(reach)


def load_of_cards(studies: Studies, odds: float, days: int) -> list[float]:
    """Return the seconds that the cards that are there take on each of the coming days."""
    load = [0.0] * days
    if not studies.cards:
        return load
    # of a large collection, every n-th card stands for n
    cards = sorted(studies.cards, key=attrgetter("due"))
    every = math.ceil(len(cards) / _MOST_LIVES)
    cards = cards[every // 2 :: every]
    reviews_per_day = max(studies.reviews_per_day // every, 1)
    times = min(math.ceil(_LIVES / len(cards)), _MOST_TIMES)
    memories = [_memory(preset, studies.answers, odds) for preset in studies.presets]
    player = _Player(studies.answers, seed=1)
    for _ in range(times):
        # the cards that are due on each day, with the day on which each was answered last
        due: list[list[tuple[_Card, int]]] = [[] for _ in range(days)]
        for studied in cards:
            day = max(studied.due, 0)
            if day < days:
                card = memories[studied.preset].card(studied)
                due[day].append((card, -studied.since))
        for day, cards_today in enumerate(due):
            # what is beyond the limit of a day comes first on the next one
            left_over = cards_today[reviews_per_day:]
            if left_over and day + 1 < days:
                due[day + 1][:0] = left_over
            for card, last_day in cards_today[:reviews_per_day]:
                interval, seconds = player.review(card, day - last_day)
                load[day] += seconds
                if day + interval < days:
                    due[day + interval].append((card, day))
    return [seconds * every / times for seconds in load]


# --- plans ------------------------------------------------------------------------------


class Plan(Value):
    """The minutes and reviews that follow from a rule for new cards."""

    new: tuple[float, ...]
    """How many new cards of ours are begun on each day."""
    seconds: tuple[float, ...]
    """What each day takes."""
    days: int
    """The days until the cards that wait now are begun; 0 if none waits, or it takes longer than
    the forecast reaches."""


class Intake(Value):
    """How many new cards fit into a person's minutes."""

    minutes: float
    """What the person gives a day."""
    new_per_day: int
    waiting: int
    with_limit: Plan
    """What comes if the number is followed, and computed again each week."""
    as_it_is: Plan
    """What comes with the limits that the decks have now."""
    cost: tuple[float, ...]
    """What a new card takes on the day it is begun, and on each day after, in seconds."""


def target_of(minutes: float, answers: Answers) -> float:
    """Return how many seconds to plan a day, so that 19 of 20 days stay in the tolerance.

    Days differ by chance, and those with few cards differ more.
    """
    seconds = minutes * 60
    deviation = math.sqrt(_SCATTER * answers.seconds_passed / max(seconds, 1.0))
    return seconds * min(1.0, TOLERANCE / (1 + _NINETEEN_OF_TWENTY * deviation))


def intake(
    studies: Studies, minutes: float, arrivals: float = 0.0, days: int = DAYS
) -> Intake:
    """Return how many new cards fit into a person's minutes, with the forecast of each day.

    Args:
        studies: the collection.
        minutes: what the person gives a day.
        arrivals: how many new cards of ours come a day.
        days: how far to look; four weeks at least.
    """
    odds = odds_of_remembering(studies)
    there = load_of_cards(studies, odds, days)

    # the expected seconds of a new card on the day it is begun, and on each day after
    cost = [0.0] * days
    preset = studies.presets[studies.preset] if studies.presets else Preset()
    memory = _memory(preset, studies.answers, odds)
    player = _Player(studies.answers, seed=2)
    for _ in range(_NEW_LIVES):
        card = memory.new_card()
        cost[0] += studies.answers.seconds_new
        last = 0
        day = player.scattered(card.begin(player.first_rating()))
        while day < days:
            interval, seconds = player.review(card, day - last)
            cost[day] += seconds
            last = day
            day += interval
    cost = [seconds / _NEW_LIVES for seconds in cost]
    # cards of other notes are begun as they were
    left = float(studies.others_new)
    begun = []
    for _ in range(days):
        today = min(studies.others_per_day, left)
        left -= today
        begun.append(today)
    _add(there, begun, cost)
    waiting = sum(group.waiting for group in studies.waiting)
    target = target_of(minutes, studies.answers)

    def followed(rule: Callable[[Sequence[float]], int]) -> Plan:
        return plan(there, cost, waiting, arrivals, rule)

    new_per_day = fitting(there, cost, target)
    return Intake(
        minutes=minutes,
        new_per_day=new_per_day,
        waiting=waiting,
        with_limit=followed(lambda load: fitting(load, cost, target)),
        as_it_is=followed(lambda _: studies.new_per_day),
        cost=tuple(cost),
    )


def _add(
    load: list[float], begun: Iterable[float], cost: Sequence[float], start: int = 0
) -> None:
    """Add the cards that are begun on each day from `start` on to the load of days."""
    for day, count in enumerate(begun, start=start):
        if not count:
            continue
        for later in range(day, len(load)):
            load[later] += count * cost[later - day]


def fitting(load: Sequence[float], cost: Sequence[float], target: float) -> int:
    """Return how many new cards a day fit: each of the coming four weeks has to hold them.

    Args:
        load: the seconds that the coming days take without them.
        cost: the seconds that a new card takes on the day it is begun, and on each day after.
        target: the seconds a day.
    """
    highest = float(_MOST_NEW)
    of_one = 0.0
    weekly_load = 0.0
    weekly_cost = 0.0
    for day, seconds in enumerate(load[:AHEAD]):
        of_one += cost[day]
        weekly_load += seconds
        weekly_cost += of_one
        if day % WEEK == WEEK - 1:
            highest = min(highest, (target * WEEK - weekly_load) / max(weekly_cost, 1e-9))
            weekly_load = 0.0
            weekly_cost = 0.0
    return max(math.floor(highest), 0)


def plan(
    there: Sequence[float],
    cost: Sequence[float],
    waiting: int,
    arrivals: float,
    rule: Callable[[Sequence[float]], int],
) -> Plan:
    """Play a rule for new cards on the expected load.

    Args:
        there: the load of each day without new cards.
        cost: the seconds of a new card on the day it is begun, and on each day after.
        waiting: how many new cards wait.
        arrivals: how many come a day.
        rule: sets the limit of new cards anew each week, by the load from then on.
    """
    load = list(there)
    new: list[float] = []
    queue = float(waiting)
    begun = 0.0
    days = 0
    limit = 0
    for monday in range(0, len(load), WEEK):
        if len(load) - monday >= AHEAD:  # else too little is seen to plan again
            limit = rule(load[monday:])
        for day in range(monday, min(monday + WEEK, len(load))):
            queue += arrivals
            today = min(float(limit), queue)
            queue -= today
            begun += today
            new.append(today)
            if not days and 0 < waiting <= begun:
                days = day + 1
        _add(load, new[monday:], cost, start=monday)
    return Plan(tuple(new), tuple(load), days)


# --- cards that were just accepted ------------------------------------------------------


class Added(Value):
    """The reviews and seconds that new cards add to a day."""

    days: int
    """How long they are begun."""
    minutes: float
    """What they add a day in this time."""
    minutes_later: float
    """What they add a day in the four weeks after."""


def added(count: int, new_per_day: int, cost: Sequence[float]) -> Added:
    """Return the reviews and seconds that new cards add, if so many are begun each day."""
    if not count or not new_per_day:
        return Added(0, 0.0, 0.0)
    load = [0.0] * len(cost)
    days = min(math.ceil(count / new_per_day), len(cost) - AHEAD)
    begun = [count / days] * days
    _add(load, begun, cost)
    first = sum(load[:days]) / days / 60
    later = sum(load[days : days + AHEAD]) / AHEAD / 60
    return Added(days, first, later)
