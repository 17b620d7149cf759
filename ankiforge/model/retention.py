"""Measures of how well cards are remembered, computed from their scheduling data in Anki.

Times are seconds since 1970, intervals are days, and shares are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ankiforge.model.cards import SeenCard, SeenReview

DAY = 86_400
MATURE_DAYS = 21
"""The interval from which a card is mature in Anki."""
FSRS_DECAY = 0.5
"""The exponent of the forgetting curve in FSRS 4.5 and 5. FSRS 6 stores its own in the collection."""
_LEAST_DECAY = 0.1
_AT_STABILITY = 0.9
"""The retrievability after as many days as the stability (FSRS)."""


def retrievability(card: SeenCard, answered_at: float, now: float) -> float | None:
    """Return the probability of recalling a card now, or None if it was never learnt.

    The result is the FSRS forgetting curve, `(1 + f·t/S) ** -decay`. Without FSRS, the interval
    replaces the stability, because Anki's intervals aim at about 90 % of cards being remembered.

    Args:
        card: the card as scheduled in Anki.
        answered_at: the time of the last answer.
        now: the current time.
    """
    stability = card.stability or (float(card.interval) if card.interval > 0 else 0.0)
    if stability <= 0 or not card.reps or card.type == 0:
        return None
    decay = min(max(card.decay or FSRS_DECAY, _LEAST_DECAY), 1.0)
    factor = _AT_STABILITY ** (-1 / decay) - 1
    days = max(0.0, now - answered_at) / DAY
    return float((1 + factor * days / stability) ** -decay)


def is_mature(card: SeenCard) -> bool:
    """Return whether a card has left learning and has an interval of three weeks or more."""
    return card.type == 2 and card.interval >= MATURE_DAYS


# --- answers --------------------------------------------------------------------------------


@dataclass(slots=True)
class Answers:
    """Totals of the answers in a review log."""

    given: int = 0
    """All answers except rescheduling by hand."""
    seconds: float = 0.0
    young: int = 0
    young_passed: int = 0
    """Passed answers of `young`: intervals from a day to three weeks ("true retention" in Anki)."""
    mature: int = 0
    mature_passed: int = 0
    """Passed answers of `mature`: intervals of three weeks or more."""

    def add(self, one: SeenReview) -> None:
        """Add an answer."""
        self.take(one.ease, one.last_interval, one.factor, one.duration, one.type)

    def take(self, ease: int, last_interval: int, factor: int, duration: int, kind: int) -> None:
        """Add an answer given as the numbers of a `SeenReview`, without creating an object."""
        if ease == 0:
            return
        self.given += 1
        self.seconds += duration / 1000
        if not _tests_memory(last_interval, factor, kind):
            return
        passed = int(ease > 1)
        if last_interval >= MATURE_DAYS:
            self.mature += 1
            self.mature_passed += passed
        else:
            self.young += 1
            self.young_passed += passed

    def plus(self, more: Answers) -> None:
        """Add the totals of `more`."""
        self.given += more.given
        self.seconds += more.seconds
        self.young += more.young
        self.young_passed += more.young_passed
        self.mature += more.mature
        self.mature_passed += more.mature_passed

    @property
    def tested(self) -> int:
        """The number of answers that count towards retention."""
        return self.young + self.mature

    @property
    def retention(self) -> float | None:
        """The share of passed answers among those that count; None if there are none."""
        passed = self.young_passed + self.mature_passed
        return passed / self.tested if self.tested else None

    @property
    def seconds_each(self) -> float | None:
        """The mean duration of an answer in seconds; None if there are none."""
        return self.seconds / self.given if self.given else None


def _tests_memory(last_interval: int, factor: int, kind: int) -> bool:
    """Return whether Anki counts an answer for true retention (rslib, stats/graphs/retention)."""
    crammed = kind == 3 and factor == 0
    a_day = kind == 1 or last_interval >= 1 or last_interval <= -DAY
    return a_day and not crammed


# --- cards that need work --------------------------------------------------------------------


class Trouble(StrEnum):
    """A reason why a note in Anki needs work; the order is that of display."""

    REMARK = "remark"
    """A person typed a remark into its Feedback field."""
    LEECH = "leech"
    """Anki tagged the note `leech`."""
    LAPSES = "lapses"
    """A card was forgotten repeatedly."""
    DIFFICULT = "difficult"
    """A card is difficult according to FSRS, and its interval is still short."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds from which a card counts as a problem."""

    lapses: int = 4
    """Half of Anki's default threshold for leeches."""
    difficulty: float = 9.0
    """FSRS difficulty, 1 to 10."""
    reps: int = 8
    """The minimum number of answers before a card counts as difficult."""


def troubles(
    tags: Iterable[str],
    cards: Iterable[SeenCard],
    *,
    remark: bool = False,
    limits: Limits = Limits(),
) -> tuple[Trouble, ...]:
    """Return the reasons why a note needs work; () if it does not.

    Args:
        tags: the tags of the note.
        cards: the cards of the note, as scheduled in Anki.
        remark: whether a person typed a remark into the Feedback field.
        limits: the thresholds.
    """
    seen, found = tuple(cards), list[Trouble]()
    if remark:
        found.append(Trouble.REMARK)
    if "leech" in (tag.casefold() for tag in tags):
        found.append(Trouble.LEECH)
    if any(card.lapses >= limits.lapses for card in seen):
        found.append(Trouble.LAPSES)
    if any(
        card.difficulty is not None
        and card.difficulty >= limits.difficulty
        and card.reps >= limits.reps
        and not is_mature(card)
        for card in seen
    ):
        found.append(Trouble.DIFFICULT)
    return tuple(found)
