"""How well `ankiforge stats --minutes` keeps a person's minutes, and foresees them.

    python -m benchmarks.minutes                      200 learners in a fast simulator
    python -m benchmarks.minutes --anki --learners 20    20 of them in the real Anki
    python -m benchmarks.minutes --anki --first 9 --learners 11    those after the first nine
    python -m benchmarks.minutes --anki --sm2 --learners 6    without FSRS
    python -m benchmarks.minutes --size 20000         how long a large collection takes
    python -m benchmarks.minutes --picture docs/pictures/minutes.svg

A learner has a memory of FSRS whose parameters the program does not know, answers what is
due each day, and sets Anki's limit of new cards each week to what the program says. Each is
drawn from a seed: 10 to 60 minutes a day, 5 to 80 marks a day that become cards, a desired
retention of 85, 90 or 95 %, a backlog of 3,000 cards or none, holidays of two weeks.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing import Pool
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import fsrs_rs_python

from ankiforge.anki.forecast import FsrsMemory, intake
from ankiforge.anki.studies import (
    CardDay,
    NewCards,
    Preset,
    StudiedCard,
    Studies,
    answers_of,
    histories_of,
)

DAYS = 365
WEEK = 7
MONTH = 30
HORIZON = 56
DEFAULT = tuple(fsrs_rs_python.DEFAULT_PARAMETERS)

# --- learners ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Learner:
    seed: int
    minutes: int
    marks: int
    retention: float
    backlog: int
    memory: tuple[float, ...]
    """The parameters of the learner's memory."""
    preset: tuple[float, ...]
    """The parameters in Anki."""
    seconds: float
    """What one answer takes."""
    holidays: tuple[int, ...]
    """The days on which two weeks without Anki begin."""
    reviews_per_day: int
    fsrs: bool = True
    """Whether the collection uses FSRS; the real Anki alone can do without."""

    def is_away(self, day: int) -> bool:
        return any(start <= day < start + 14 for start in self.holidays)


def learner(seed: int) -> Learner:
    random = Random(seed)
    memory = list(DEFAULT)
    for at in range(4):
        memory[at] *= random.lognormvariate(0, 0.3)
    memory[:4] = sorted(memory[:4])
    memory[8] += random.gauss(0, 0.12)
    is_optimised = random.random() < 0.5
    minutes = random.choice((10, 15, 20, 30, 45, 60))
    return Learner(
        seed=seed,
        minutes=minutes,
        marks=round(math.exp(random.uniform(math.log(5), math.log(80)))),
        retention=random.choice((0.85, 0.9, 0.95)),
        backlog=random.choice((0, 0, 3000)),
        memory=tuple(memory),
        preset=tuple(memory) if is_optimised else DEFAULT,
        seconds=random.uniform(5, 12),
        holidays=tuple(sorted(random.sample(range(60, 340), random.choice((0, 1, 2))))),
        reviews_per_day=200 if minutes <= 20 else 9999,
    )


class Mind:
    """What a learner remembers of each card, and how the learner answers."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.random = Random(learner.seed + 1)
        preset = Preset(parameters=learner.memory, retention=0.9, longest=36500)
        self.memory = FsrsMemory(preset)
        self.cards: dict[int, Any] = {}
        self.last: dict[int, int] = {}

    def seconds(self, rating: int) -> float:
        slower = 1.5 if rating == 1 else 1.0
        mean = self.learner.seconds * slower
        return min(mean * self.random.lognormvariate(-0.18, 0.6), 60.0)

    def answer(self, card: int, day: int) -> int:
        """Answer a card: 1 (Again) to 4 (Easy)."""
        if card not in self.cards:
            self.cards[card] = self.memory.new_card()
            rating = self.random.choices((1, 2, 3, 4), (0.24, 0.09, 0.5, 0.17))[0]
            self.cards[card].step(rating)
            self.last[card] = day
            return rating
        since = day - self.last[card]
        state = self.cards[card]
        is_step = since == 0
        recall = 0.92 if is_step else state.recall(since)
        if self.random.random() >= recall:
            rating = 1
        elif is_step:
            rating = 3
        else:
            rating = self.random.choices((2, 3, 4), (0.2, 0.65, 0.15))[0]
        state.step(rating, since)
        self.last[card] = day
        return rating


# --- the fast simulator -----------------------------------------------------------------


@dataclass
class FastCard:
    number: int
    memory: Any
    due: int
    last: int
    interval: int


class FastWorld:
    """Anki's scheduler in a few lines: learning steps of 1 and 10 minutes, one of relearning."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.mind = Mind(learner)
        self.random = Random(learner.seed + 2)
        self.preset = Preset(
            parameters=() if learner.preset == DEFAULT else learner.preset,
            retention=learner.retention,
            reviews_per_day=learner.reviews_per_day,
        )
        self.memory = FsrsMemory(self.preset)
        self.cards: dict[int, FastCard] = {}
        self.due: dict[int, list[FastCard]] = {}
        self.new = 0
        self.next = 0
        self.log: dict[tuple[int, int], CardDay] = {}

    def add(self, count: int) -> None:
        self.new += count

    def waiting(self) -> int:
        return self.new

    def play(self, day: int, limit: int) -> float:
        due = self.due.pop(day, [])
        late = due[self.learner.reviews_per_day :]
        self.due.setdefault(day + 1, []).extend(late)
        seconds = 0.0
        for card in due[: self.learner.reviews_per_day]:
            seconds += self._review(card, day)
        for _ in range(min(limit, self.new)):
            self.new -= 1
            seconds += self._begin(day)
        return seconds

    def skip(self, day: int) -> None:
        self.due.setdefault(day + 1, []).extend(self.due.pop(day, []))

    def _begin(self, day: int) -> float:
        self.next += 1
        card = FastCard(self.next, self.memory.new_card(), 0, day, 1)
        rating = self.mind.answer(card.number, day)
        seconds = self.mind.seconds(rating)
        interval = card.memory.step(rating)
        more, interval = self._steps(
            card, day, {1: 2, 2: 2, 3: 1, 4: 0}[rating], 2, interval
        )
        self.log[day, card.number] = CardDay(rating, "new", True, 0, seconds + more)
        self._schedule(card, day, interval)
        return seconds + more

    def _steps(
        self, card: FastCard, day: int, left: int, steps: int, interval: int
    ) -> tuple[float, int]:
        seconds = 0.0
        while left:
            rating = self.mind.answer(card.number, day)
            seconds += self.mind.seconds(rating)
            interval = card.memory.step(rating)
            left = steps if rating == 1 else left - 1
        return seconds, interval

    def _review(self, card: FastCard, day: int) -> float:
        rating = self.mind.answer(card.number, day)
        seconds = self.mind.seconds(rating)
        if rating > 1:
            interval = card.memory.answer(rating, day - card.last)
        else:
            interval = card.memory.step(rating, day - card.last)
            more, interval = self._steps(card, day, 1, 1, interval)
            seconds += more
        self.log[day, card.number] = CardDay(rating, "review", True, 0, seconds)
        self._schedule(card, day, interval)
        return seconds

    def _schedule(self, card: FastCard, day: int, interval: int) -> None:
        card.last = day
        card.interval = self._balanced(day, interval)
        card.due = day + card.interval
        self.cards[card.number] = card
        self.due.setdefault(card.due, []).append(card)

    def _balanced(self, day: int, interval: int) -> int:
        """Anki's load balancer: the emptiest day near the interval is the likeliest."""
        if interval < 3:
            return interval
        delta = 1.0
        for start, end, share in ((2.5, 7.0, 0.15), (7.0, 20.0, 0.1), (20.0, 1e9, 0.05)):
            delta += share * max(min(interval, end) - start, 0.0)
        reach = round(delta)
        if interval > 90:
            return interval + self.random.randint(-reach, reach)
        choices = range(max(interval - reach, 2), interval + reach + 1)
        counts = [len(self.due.get(day + choice, ())) for choice in choices]
        weights = []
        for choice, count in zip(choices, counts, strict=True):
            weights.append((1 / max(count, 1)) ** 2.15 * (1 / choice) ** 3)
        return self.random.choices(choices, weights)[0]

    def studies(self, day: int) -> Studies:
        cards = []
        for card in self.cards.values():
            state = card.memory._state
            cards.append(
                StudiedCard(
                    preset=0,
                    due=card.due - day,
                    interval=card.interval,
                    since=day - card.last,
                    stability=state.stability,
                    difficulty=state.difficulty,
                    ease=0.0,
                )
            )
        return Studies(
            cards=tuple(cards),
            presets=(self.preset,),
            answers=answers_of(self.log),
            histories=histories_of(self.log),
            preset=0,
            reviews_per_day=self.learner.reviews_per_day,
            waiting=(NewCards("ankiforge", self.new, 20, False),),
            new_per_day=20,
        )


# --- the real Anki ----------------------------------------------------------------------
# To be a day later, the collection is made a day older: `col.crt`, and the time of the last
# review in `cards.data`, from which FSRS counts. The log is moved where it is read.


class AnkiWorld:
    def __init__(self, learner: Learner, folder: Path) -> None:
        self.learner = learner
        self.mind = Mind(learner)
        self.path = folder / "collection.anki2"
        self.copy = folder / "copy.anki2"
        self.added = 0
        self.ends: list[tuple[int, int]] = []
        """The last id in the log at the end of each day, and the day."""
        self.col = self._opened()
        self._set_up()

    def _opened(self) -> Any:
        from anki.collection import Collection

        return Collection(str(self.path))

    def _set_up(self) -> None:
        col = self.col
        col.set_config("fsrs", self.learner.fsrs)
        col.set_config("rollover", (datetime.now().hour + 12) % 24)
        config = col.decks.config_dict_for_deck_id(1)
        config["desiredRetention"] = self.learner.retention
        if self.learner.preset != DEFAULT:
            config["fsrsParams6"] = list(self.learner.preset)
        config["rev"]["perDay"] = self.learner.reviews_per_day
        config["maxTaken"] = 60
        col.decks.update_config(config)
        # the collection is two days old, as its first day may not have begun by the clock
        col.db.execute("update col set crt = crt - 2 * 86400")
        col.close(downgrade=False)
        self.col = self._opened()

    def add(self, count: int) -> None:
        kind = self.col.models.by_name("Basic")
        requests = []
        from anki.collection import AddNoteRequest

        for _ in range(count):
            self.added += 1
            note = self.col.new_note(kind)
            note["Front"] = f"question {self.added}"
            note["Back"] = "answer"
            note.guid = _guid(self.added)
            requests.append(AddNoteRequest(note=note, deck_id=1))
        self.col.add_notes(requests)

    def waiting(self) -> int:
        return self.col.db.scalar("select count() from cards where type = 0")

    def play(self, day: int, limit: int) -> float:
        from anki.scheduler_pb2 import CardAnswer

        ratings = (CardAnswer.AGAIN, CardAnswer.HARD, CardAnswer.GOOD, CardAnswer.EASY)
        config = self.col.decks.config_dict_for_deck_id(1)
        if config["new"]["perDay"] != limit:
            config["new"]["perDay"] = limit
            self.col.decks.update_config(config)
        self.col.decks.set_current(1)
        seconds = 0.0
        while True:
            queued = self.col.sched.get_queued_cards(fetch_limit=1).cards
            if not queued:
                break
            [first] = queued
            card = self.col.get_card(first.card.id)
            card.start_timer()
            rating = self.mind.answer(card.id, day)
            taken = self.mind.seconds(rating)
            answer = self.col.sched.build_answer(
                card=card, states=first.states, rating=ratings[rating - 1]
            )
            answer.milliseconds_taken = round(taken * 1000)
            self.col.sched.answer_card(answer)
            seconds += taken
        self._end(day)
        return seconds

    def skip(self, day: int) -> None:
        self._end(day)

    def _end(self, day: int) -> None:
        """Go to the next day."""
        db = self.col.db
        self.ends.append((db.scalar("select ifnull(max(id), 0) from revlog"), day))
        db.execute("update col set crt = crt - 86400")
        db.execute(
            "update cards set data = json_set(data, '$.lrt', json_extract(data, '$.lrt') - 86400)"
            " where data like '%lrt%'"
        )
        self.col.close(downgrade=False)
        self.col = self._opened()

    def studies(self, day: int) -> Studies:
        from ankiforge.anki.collection import open_view
        from ankiforge.anki.studies import read_studies

        self.col.close(downgrade=False)
        shutil.copyfile(self.path, self.copy)
        with closing(sqlite3.connect(self.copy)) as database:
            after = 0
            for last, on in self.ends:
                shift = (day - on) * 86_400_000
                between = "where id > ? and id <= ?"
                database.execute(
                    f"update revlog set id = id - ? {between}", (shift, after, last)
                )
                after = max(after, last)
            database.commit()
        self.col = self._opened()
        with open_view(self.copy) as view:
            return read_studies(view, datetime.now().astimezone())

    def close(self) -> None:
        self.col.close()


def _guid(number: int) -> str:
    """The guid of a note of ours."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    signs = []
    for _ in range(24):
        signs.append(letters[number % 32])
        number //= 32
    return "af" + "".join(signs)


# --- a year -----------------------------------------------------------------------------


@dataclass
class Year:
    """What came of a learner's year."""

    learner: Learner
    real: bool
    seconds: list[float | None] = field(default_factory=list)
    """Of each day; None on holiday."""
    waited: list[bool] = field(default_factory=list)
    """Whether cards waited at the end of the day."""
    limits: list[int] = field(default_factory=list)
    forecasts: list[tuple[int, float]] = field(default_factory=list)
    """(day, the minutes foreseen for the thirty days from it)"""
    planning: float = 0.0
    """Seconds that one plan took, at most."""

    def later(self) -> list[float]:
        """The minutes of the days after the first month, without holidays."""
        return [seconds / 60 for seconds in self.seconds[MONTH:] if seconds is not None]

    def high(self) -> float:
        """The 95th percentile of a day, by the budget."""
        ordered = sorted(self.later())
        return ordered[math.ceil(0.95 * len(ordered)) - 1] / self.learner.minutes

    def used(self) -> float | None:
        """The share of the budget that was used while cards waited, after the first month."""
        minutes = []
        for seconds, waited in zip(
            self.seconds[MONTH:], self.waited[MONTH:], strict=True
        ):
            if seconds is not None and waited:
                minutes.append(seconds / 60)
        return (
            statistics.fmean(minutes) / self.learner.minutes
            if len(minutes) >= MONTH
            else None
        )

    def errors(self) -> Iterator[tuple[int, float]]:
        """Yield (day, error) of each forecast of thirty days that no holiday is in."""
        for day, foreseen in self.forecasts:
            days = self.seconds[day : day + MONTH]
            if len(days) < MONTH or None in days:
                continue
            actual = sum(seconds or 0.0 for seconds in days) / 60
            yield day, (foreseen - actual) / actual if actual else 0.0


def live(number: int, *, real: bool = False, fsrs: bool = True, days: int = DAYS) -> Year:
    """Play a year of a learner."""
    one = replace(learner(number), fsrs=fsrs)
    if not real:
        return _live(one, FastWorld(one), days)
    with TemporaryDirectory(prefix="minutes-") as folder:
        world = AnkiWorld(one, Path(folder))
        try:
            return _live(one, world, days, real=True)
        finally:
            world.close()


def _live(
    one: Learner, world: Any, days: int, *, real: bool = False, fixed: int | None = None
) -> Year:
    """Play days of a learner, who follows the program, or keeps a fixed limit."""
    year = Year(one, real)
    world.add(one.backlog)
    plan_on = 0
    limit = 0
    for day in range(days):
        if one.is_away(day):
            world.skip(day)
            year.seconds.append(None)
            year.waited.append(world.waiting() > 0)
            continue
        world.add(one.marks)
        if fixed is not None:
            limit = fixed
        elif day >= plan_on:
            begun = time.process_time()
            arrivals = (
                one.marks
                * sum(not one.is_away(past) for past in range(day - 28, day))
                / 28
            )
            if day < 28:
                arrivals = one.marks
            plan = intake(world.studies(day), one.minutes, arrivals, days=HORIZON)
            year.planning = max(year.planning, time.process_time() - begun)
            limit = plan.new_per_day
            year.forecasts.append((day, sum(plan.with_limit.seconds[:MONTH]) / 60))
            plan_on = day + WEEK
        year.seconds.append(world.play(day, limit))
        year.waited.append(world.waiting() > 0)
        year.limits.append(limit)
    return year


# --- with and without -------------------------------------------------------------------


def picture(path: Path) -> None:
    """Draw a year with and without the program: 20 minutes, 40 marks a day, Anki's usual limit."""
    one = replace(
        learner(1),
        minutes=20,
        marks=40,
        retention=0.9,
        backlog=3000,
        holidays=(),
        memory=DEFAULT,
    )
    one = replace(one, preset=DEFAULT, seconds=8.0, reviews_per_day=9999)
    with_program = _live(one, FastWorld(one), DAYS)
    without = _live(one, FastWorld(one), DAYS, fixed=20)
    lines = []
    for year in (with_program, without):
        lines.append([(seconds or 0.0) / 60 for seconds in year.seconds])
        print(f"{sum(lines[-1][-28:]) / 28:.1f} minutes a day in the last four weeks")
    names = (
        "20 minutes a day, the limit set each week",
        "20 new cards a day, Anki's default",
    )
    path.write_text(plot_svg(lines[0], lines[1], one.minutes, names), encoding="utf-8")


# --- the picture ------------------------------------------------------------------------

_WIDTH = 640
_HEIGHT = 260
_LEFT = 44
_TOP = 28
_BOTTOM = 34
_RIGHT = 12
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}"
    ".axis{stroke:#bbb}.budget{stroke:#888;stroke-dasharray:4 4}"
    ".plan{stroke:#1a7f4b;stroke-width:2.5;fill:none}.now{stroke:#c2571a;stroke-width:2;fill:none}"
    ".plan-text{fill:#1a7f4b}.now-text{fill:#c2571a}"
    "@media (prefers-color-scheme:dark){text{fill:#bbb}.axis{stroke:#555}"
    ".plan{stroke:#5fd19a}.now{stroke:#f0935a}.plan-text{fill:#5fd19a}.now-text{fill:#f0935a}}"
)


def plot_svg(
    planned: Sequence[float],
    as_it_is: Sequence[float],
    budget: int,
    names: tuple[str, str],
) -> str:
    """Return a picture of the minutes of days, as means of weeks: with the plan, and as it is.

    Args:
        planned: the minutes of each day with the plan.
        as_it_is: the minutes of each day without it.
        budget: the minutes that the person gives a day.
        names: the names of the two lines.
    """
    name_of_plan, name_of_now = names
    weeks_of_plan = _weekly(planned)
    weeks_of_now = _weekly(as_it_is)

    # up to five grid lines, a round number of minutes apart
    most_minutes = max(*weeks_of_plan, *weeks_of_now, budget * 1.2)
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 960)
    grid_step = next((step for step in steps if step >= most_minutes / 4), steps[-1])
    highest = grid_step * math.ceil(most_minutes / grid_step)
    axes = []
    for minutes in range(0, highest + 1, grid_step):
        y = _y(minutes, highest)
        axes.append(_level_line("axis", y))
        axes.append(_text_at(_LEFT - 8, y + 4, str(minutes), anchor="end"))
    axes.append(_text_at(_x(0.0), _HEIGHT - 12, "now", anchor="middle"))
    for month in (3, 6, 9):
        label = f"{month} months"
        axes.append(_text_at(_x(month / 12), _HEIGHT - 12, label, anchor="middle"))
    axes.append(_text_at(_x(1.0), _HEIGHT - 12, "12 months", anchor="end"))

    plan_points = _points(weeks_of_plan, highest)
    now_points = _points(weeks_of_now, highest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="Minutes a day over a year: {name_of_plan}, and {name_of_now}">',
        f"<style>{_STYLE}</style>",
        *axes,
        _level_line("budget", _y(budget, highest)),
        f'<polyline class="plan" points="{plan_points}"/>',
        f'<polyline class="now" points="{now_points}"/>',
        _text_at(_LEFT - 8, 16, "min", anchor="end"),
        f'<text class="plan-text" x="{_LEFT}" y="16">{name_of_plan}</text>',
        f'<text class="now-text" x="{_WIDTH - _RIGHT}" y="16" text-anchor="end">'
        f"{name_of_now}</text>",
        "</svg>\n",
    ]
    return "\n".join(parts)


def _level_line(css: str, y: float) -> str:
    return f'<line class="{css}" x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>'


def _text_at(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'


def _weekly(days: Sequence[float]) -> list[float]:
    weeks = []
    for start in range(0, len(days), WEEK):
        week = days[start : start + WEEK]
        weeks.append(sum(week) / len(week))
    return weeks


def _x(part_of_year: float) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return round(_LEFT + part_of_year * room, 1)


def _y(minutes: float, highest: float) -> float:
    room = _HEIGHT - _TOP - _BOTTOM
    return round(_HEIGHT - _BOTTOM - minutes / highest * room, 1)


def _points(line: Sequence[float], highest: float) -> str:
    points = []
    last = max(len(line) - 1, 1)
    for week, minutes in enumerate(line):
        points.append(f"{_x(week / last)},{_y(minutes, highest)}")
    return " ".join(points)


# --- a large collection -----------------------------------------------------------------


def size(cards: int) -> None:
    """Print how long `ankiforge stats --minutes 20` takes with so many studied cards."""
    random = Random(1)
    one = learner(1)
    with TemporaryDirectory(prefix="minutes-") as name:
        folder = Path(name)
        world = AnkiWorld(one, folder)
        world.add(cards + 500)
        ids = world.col.db.list("select id from cards order by id")[:cards]
        world.close()
        _study(world.path, ids, random)
        work = folder / "work"
        work.mkdir()
        settings = f"sources: []\nanki: {{collection: {world.path}}}\n"
        (work / "ankiforge.yaml").write_text(settings, encoding="utf-8")
        environment = {**os.environ, "ANKIFORGE_HOME": str(folder / "home")}
        program = [sys.executable, "-m", "ankiforge", "-C", str(work)]
        subprocess.run(
            [*program, "init", "--trust", str(work)],
            env=environment,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        before = os.times()
        begun = time.perf_counter()
        subprocess.run(
            [*program, "stats", "--minutes", "20"], env=environment, check=True
        )
        wall = time.perf_counter() - begun
        after = os.times()
        processor = after.children_user + after.children_system
        processor -= before.children_user + before.children_system
        print(f"{cards:,} cards: {wall:.1f} s, {processor:.1f} s of processor time")


def _study(path: Path, ids: list[int], random: Random) -> None:
    """Give cards a history of a year or two: a memory state, an interval, and eight answers each."""
    now = int(time.time() * 1000)
    cards = []
    answers = []
    for number, card in enumerate(ids):
        interval = max(round(random.lognormvariate(5, 1)), 1)
        due = random.randint(0, interval)
        data = json.dumps({"s": interval, "d": round(random.uniform(2, 9), 2)})
        cards.append((due, interval, data, card))
        day = random.randint(200, 700)
        for answer in range(8):
            at = now - day * 86_400_000 - number * 37 - answer
            rating = 3 if random.random() < 0.9 else 1
            last = int(1.8**answer) if answer else 0
            answers.append((at, card, rating, last * 2, last, 8000, int(answer > 0)))
            day -= 2 * last or 1
    with closing(sqlite3.connect(path)) as database:
        states = "type = 2, queue = 2, due = ?, ivl = ?, data = ?"
        database.executemany(f"update cards set {states} where id = ?", cards)
        row = "insert or ignore into revlog values (?, ?, -1, ?, ?, ?, 0, ?, ?)"
        database.executemany(row, answers)
        database.commit()


# --- the report -------------------------------------------------------------------------


def report(years: list[Year]) -> dict[str, Any]:
    highs = [year.high() for year in years]
    used = [share for year in years if (share := year.used()) is not None]
    errors = [abs(error) for year in years for _, error in year.errors()]
    after = [abs(error) for year in years for day, error in year.errors() if day >= MONTH]
    return {
        "learners": len(years),
        "95th percentile of a day by the budget": _spread(highs),
        "learners with at most 1.15": _share(high <= 1.15 for high in highs),
        "used while cards wait": _spread(used),
        "learners with at least 0.80": _share(share >= 0.8 for share in used),
        "forecasts": len(errors),
        "forecasts of 30 days within 15 %": _share(error <= 0.15 for error in errors),
        "the same, made after the first month": _share(error <= 0.15 for error in after),
        "slowest plan, seconds": round(max(year.planning for year in years), 2),
    }


def _share(values: Any) -> float:
    listed = list(values)
    return round(sum(listed) / max(len(listed), 1), 3)


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "least": round(ordered[0], 2),
        "median": round(ordered[len(ordered) // 2], 2),
        "most": round(ordered[-1], 2),
    }


def _one(task: tuple[int, bool, bool, int]) -> Year:
    number, real, fsrs, days = task
    return live(number, real=real, fsrs=fsrs, days=days)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--anki", action="store_true", help="play in the real Anki")
    parser.add_argument("--sm2", action="store_true", help="with --anki: without FSRS")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("-v", action="store_true", help="a line for each learner")
    parser.add_argument(
        "--size", type=int, help="time a collection of so many cards instead"
    )
    parser.add_argument(
        "--picture", type=Path, help="draw a year with and without instead"
    )
    chosen = parser.parse_args()
    if chosen.size:
        size(chosen.size)
        return
    if chosen.picture:
        picture(chosen.picture)
        return
    tasks = []
    for number in range(chosen.first, chosen.first + chosen.learners):
        tasks.append((number, chosen.anki, not chosen.sm2, chosen.days))
    years = []
    with Pool(chosen.processes) as pool:
        for year in pool.imap(_one, tasks):
            years.append(year)
            if chosen.v:
                one = year.learner
                print(
                    f"{one.seed:3} {one.minutes:2} min {one.marks:2} marks {one.retention:.2f}"
                    f" backlog {one.backlog:4} high {year.high():.2f} used {year.used()}"
                    f" mean {statistics.fmean(year.later()):.1f} limits {year.limits[::28]}",
                    [f"{error:+.2f}" for _, error in year.errors()][::6],
                    flush=True,
                )
    print(json.dumps(report(years), indent=1))


if __name__ == "__main__":
    main()
