"""What the answers given in Anki say of a card: how well it is known, and whether it keeps failing.

Pure functions over what a look at Anki showed; days and seconds, shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ankiforge.model import SeenCard, SeenReview

DAY = 86_400
MATURE_DAYS = 21
"""From this interval on Anki calls a card mature."""
FSRS_DECAY = 0.5
"""Of the forgetting curve where the collection names none: FSRS 4.5 and 5; 6 names its own."""
_LEAST_DECAY = 0.1
_AT_STABILITY = 0.9
"""FSRS: the chance to remember after as many days as the stability says."""


def retrievability(card: SeenCard, answered_at: float, now: float) -> float | None:
    """The chance to remember a card now; None while it was never learnt.

    With FSRS its forgetting curve, `(1 + f·t/S) ** -decay`; without it the same curve as if the
    interval were the stability, for Anki plans an interval so that about 90 % are remembered.

    Args:
        card: as Anki schedules it.
        answered_at: its last answer, seconds since 1970.
        now: seconds since 1970.
    """
    stability = card.stability or (float(card.interval) if card.interval > 0 else 0.0)
    if stability <= 0 or not card.reps or card.type == 0:
        return None
    decay = min(max(card.decay or FSRS_DECAY, _LEAST_DECAY), 1.0)
    factor = _AT_STABILITY ** (-1 / decay) - 1
    days = max(0.0, now - answered_at) / DAY
    return float((1 + factor * days / stability) ** -decay)


def is_mature(card: SeenCard) -> bool:
    """Whether it is out of learning, and comes back after three weeks or later."""
    return card.type == 2 and card.interval >= MATURE_DAYS


# --- answers --------------------------------------------------------------------------------


@dataclass(slots=True)
class Answers:
    """A sum over answers."""

    given: int = 0
    """All of them but those set by hand."""
    seconds: float = 0.0
    young: int = 0
    young_passed: int = 0
    """Of answers to cards that were due after a day or more ("true retention" in Anki)."""
    mature: int = 0
    mature_passed: int = 0
    """The same of cards whose interval was three weeks or more."""

    def add(self, one: SeenReview, times: int = 1) -> None:
        """Take one answer in; `times`: as many alike, `one` with the mean of their times."""
        self.take(one.ease, one.last_interval, one.factor, one.duration, one.type, times)

    def take(
        self, ease: int, last_interval: int, factor: int, duration: int, kind: int, times: int = 1
    ) -> None:
        """The same by its numbers, each as in `SeenReview`: for very many."""
        if ease == 0:
            return
        self.given += times
        self.seconds += duration * times / 1000
        if not _tests_memory(last_interval, factor, kind):
            return
        passed = times if ease > 1 else 0
        if last_interval >= MATURE_DAYS:
            self.mature += times
            self.mature_passed += passed
        else:
            self.young += times
            self.young_passed += passed

    def plus(self, more: Answers) -> None:
        """Take those of another sum in."""
        self.given += more.given
        self.seconds += more.seconds
        self.young += more.young
        self.young_passed += more.young_passed
        self.mature += more.mature
        self.mature_passed += more.mature_passed

    @property
    def tested(self) -> int:
        """Those that tell of retention."""
        return self.young + self.mature

    @property
    def retention(self) -> float | None:
        """The share remembered of all that were due after a day or more; None if there were none."""
        passed = self.young_passed + self.mature_passed
        return passed / self.tested if self.tested else None

    @property
    def seconds_each(self) -> float | None:
        """The mean time of an answer."""
        return self.seconds / self.given if self.given else None


def _tests_memory(last_interval: int, factor: int, kind: int) -> bool:
    """As Anki's table of true retention counts (rslib, stats/graphs/retention)."""
    crammed = kind == 3 and factor == 0
    a_day = kind == 1 or last_interval >= 1 or last_interval <= -DAY
    return a_day and not crammed


# --- cards that need work --------------------------------------------------------------------


class Trouble(StrEnum):
    """Why a note in Anki needs work, the plainest first."""

    REMARK = "remark"
    """A person typed a remark into its Feedback field."""
    LEECH = "leech"
    """Anki tagged it as one."""
    LAPSES = "lapses"
    """Forgotten again and again."""
    DIFFICULT = "difficult"
    """FSRS finds it hard, and it still comes back after few days."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a card fails too often."""

    lapses: int = 4
    """Half of what makes a leech: it need not get that far."""
    difficulty: float = 9.0
    """Of FSRS, 1 to 10."""
    reps: int = 8
    """A card is called difficult after so many answers at the earliest."""


def troubles(
    tags: Iterable[str],
    cards: Iterable[SeenCard],
    *,
    remark: bool = False,
    limits: Limits = Limits(),
) -> tuple[Trouble, ...]:
    """What is wrong with a note, the plainest first; () if it does well."""
    seen = tuple(cards)
    return tuple(_troubles(frozenset(tag.casefold() for tag in tags), seen, remark, limits))


def _troubles(
    tags: frozenset[str], cards: tuple[SeenCard, ...], remark: bool, limits: Limits
) -> Iterator[Trouble]:
    if remark:
        yield Trouble.REMARK
    if "leech" in tags:
        yield Trouble.LEECH
    if any(card.lapses >= limits.lapses for card in cards):
        yield Trouble.LAPSES
    if any(_is_difficult(card, limits) for card in cards):
        yield Trouble.DIFFICULT


def _is_difficult(card: SeenCard, limits: Limits) -> bool:
    hard = card.difficulty is not None and card.difficulty >= limits.difficulty
    return hard and card.reps >= limits.reps and not is_mature(card)
