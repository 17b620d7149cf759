"""Which cards fail in Anki: from its cards, flags, tags and log.

A card is listed if a person asked for it, if Anki calls it a leech, or if it was forgotten at
least three times within thirty days, lately. That a card fails does not prove that it is
badly made: on a real log there was something to mend in two of three.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from statistics import median
from typing import NamedTuple

import msgspec

from ankiforge.anki.collection import AnkiDatabase, View, numbers, texts
from ankiforge.model import CardId, NoteId, Strings, Value

WINDOW = 30
"""Failures within so many days count together."""
LATELY = 90
"""Failures before so many days are forgiven."""
ENOUGH = 3
"""So many failures within a window list a card."""
WISHES = ("marked", "repair")
"""The tags by which a person asks for a card."""
_RED = 1
_FORGOTTEN = 1
_ANSWERS_SHOWN = 12
# Cards that were asked more often are compared with one another.
_MOST_DAYS = 12
_CARDS = f"""
select {numbers("c.id", "c.nid", "c.lapses", "c.queue = -1", "c.flags & 7")},
  {texts("n.tags")}
from cards c join notes n on n.id = c.nid
"""
_LOG = f"""
select {numbers("id", "cid", "ease", "lastIvl", "time", "type = 1")}
from revlog where ease between 1 and 4 and type in (0, 1, 2, 3) order by id
"""
_DAY = 86400
# The year 2100, in seconds since 1970. A damaged log may name any time.
_LATEST = 4_102_444_800
_TABLES_SINCE = 18
_CONFIG = f"select {texts('key')}, val from config"


class _Calendar(NamedTuple):
    """Days as a collection counts them: a day begins some hours after midnight."""

    rollover: timedelta
    zone: timezone
    """The time zone of now."""
    first: date
    """The day on which the collection was made."""
    today: int
    """The number of days since then."""

    def day(self, milliseconds: int) -> int:
        """Return how many days after today a time is; before today it is negative."""
        seconds = min(max(milliseconds / 1000, _DAY), _LATEST)
        moment = datetime.fromtimestamp(seconds, self.zone) - self.rollover
        return moment.toordinal() - self.first.toordinal() - self.today


def _calendar_of(database: AnkiDatabase, now: datetime) -> _Calendar:
    """Return how a collection counts its days (rslib/src/scheduler/timing.rs).

    One in the form of an old Anki counts as is usual.
    """
    settings: dict[str, object] = {}
    if not database.legacy and database.schema >= _TABLES_SINCE:
        settings = dict(database.rows(_CONFIG))
    rollover = _setting(settings, "rollover", 4)
    minutes_west = max(-1439, min(_setting(settings, "creationOffset", 0), 1439))
    zone_then = timezone(timedelta(minutes=-minutes_west))
    try:
        first = datetime.fromtimestamp(database.created, zone_then).date()
    except (ValueError, OverflowError, OSError):
        first = date(1970, 1, 1)
    shift = timedelta(hours=max(0, min(rollover, 23)))
    offset = now.utcoffset() or UTC.utcoffset(now)
    today = (now - shift).toordinal() - first.toordinal()
    return _Calendar(shift, timezone(offset), first, today)


def _setting(settings: dict[str, object], name: str, default: int) -> int:
    """Return a setting of a collection, or the default if it is missing or unreadable."""
    value = settings.get(name)
    if not isinstance(value, bytes):
        return default
    try:
        number = msgspec.json.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return default
    return number if isinstance(number, int) and abs(number) < 10_000 else default


class FirstAnswer(NamedTuple):
    """The first answer to a card on a day."""

    day: int
    """0 is today; days before are negative."""
    button: int
    """1 Again … 4 Easy."""
    interval: int
    """Before the answer, in days."""
    tested: bool
    """Whether the card was in review, not in learning."""

    @property
    def failed(self) -> bool:
        """Whether a card in review was forgotten."""
        return self.tested and self.button == _FORGOTTEN


class CardHistory(Value):
    """A card of a collection, with its history there."""

    card: CardId
    """Its id in Anki."""
    note: NoteId
    answers: tuple[FirstAnswer, ...] = ()
    asked: int = 0
    """The number of all answers."""
    seconds: float = 0.0
    """That all answers took."""
    lately: float = 0.0
    """That those of the last thirty days took."""
    lapses: int = 0
    suspended: bool = False
    flagged: bool = False
    """Whether it has the red flag."""
    tags: Strings = ()
    """In lower case."""

    @property
    def in_one_line(self) -> str:
        """The answers: `✗` forgotten, `·` remembered, with the days before them."""
        signs = []
        for answer in self.answers[-_ANSWERS_SHOWN:]:
            sign = "✗" if answer.button == _FORGOTTEN else "·"
            signs.append(f"{answer.interval}d{sign}" if answer.tested else sign)
        if len(self.answers) > _ANSWERS_SHOWN:
            signs.insert(0, "…")
        return " ".join(signs)

    @property
    def wishes(self) -> Strings:
        """How a person asked for it."""
        flag = ("red flag",) if self.flagged else ()
        return (*flag, *(f"tagged {tag}" for tag in WISHES if tag in self.tags))

    def failures_in_window(self, since: int) -> int:
        """Return the most failures within a window of days, of those after a day."""
        days = [each.day for each in self.answers if each.failed and each.day > since]
        counts = [sum(first <= day <= first + WINDOW for day in days) for first in days]
        return max(counts, default=0)


class FailingCard(Value):
    """A card that fails."""

    history: CardHistory
    why: Strings
    """What lists it, a person's wish first."""
    cost: float
    """The seconds that it cost beyond a usual card that was asked on as many days."""


def histories(view: View, now: datetime) -> tuple[CardHistory, ...]:
    """Read the cards of a collection or an export, with all their answers.

    Args:
        view: the collection.
        now: the current time, with its time zone.

    Raises:
        ItemError: it is damaged.
    """
    found: dict[CardId, CardHistory] = {}
    for database in view.databases:
        calendar = _calendar_of(database, now)
        answers: dict[CardId, list[FirstAnswer]] = defaultdict(list)
        asked = Counter[CardId]()
        seconds: dict[CardId, float] = defaultdict(float)
        lately: dict[CardId, float] = defaultdict(float)
        for id, card_id, ease, last, milliseconds, tested in database.rows(_LOG):
            day = calendar.day(id)
            taken = max(milliseconds, 0) / 1000
            asked[card_id] += 1
            seconds[card_id] += taken
            if day > -WINDOW:
                lately[card_id] += taken
            answered = answers[card_id]
            if not answered or answered[-1].day != day:
                answered.append(FirstAnswer(day, ease, max(last, 0), bool(tested)))
        for id, note, lapses, suspended, flag, tags in database.rows(_CARDS):
            found[id] = CardHistory(
                card=id,
                note=note,
                answers=tuple(answers[id]),
                asked=asked[id],
                seconds=seconds[id],
                lately=lately[id],
                lapses=lapses,
                suspended=bool(suspended),
                flagged=flag == _RED,
                tags=tuple(tags.casefold().split()),
            )
    return tuple(found.values())


def failing(
    every: Iterable[CardHistory], tended: Mapping[NoteId, int]
) -> list[FailingCard]:
    """Return the cards that fail: those that a person asked for first, then the most costly.

    Args:
        every: all cards.
        tended: by the id of a note, the day on which it was repaired or left as it is: what
            was before is forgiven, and so is a wish for thirty days.
    """
    every = list(every)
    by_days: dict[int, list[float]] = defaultdict(list)
    for history in every:
        if history.answers:
            by_days[min(len(history.answers), _MOST_DAYS)].append(history.seconds)
    usual = {days: median(times) for days, times in by_days.items()}

    found = []
    for history in every:
        day = tended.get(history.note)
        since = -LATELY if day is None else max(day, -LATELY)
        is_tended = day is not None and day > -WINDOW
        why = [] if is_tended else list(history.wishes)
        # the tag is the note's; the leech is the card of it that was forgotten
        if "leech" in history.tags and history.lapses and not is_tended:
            why.append("leech, suspended" if history.suspended else "leech")
        failures = history.failures_in_window(since)
        if failures >= ENOUGH and not history.suspended:
            why.append(f"forgotten {failures} times within {WINDOW} days")
        if why:
            usual_time = usual.get(min(len(history.answers), _MOST_DAYS), 0.0)
            found.append(FailingCard(history, tuple(why), history.seconds - usual_time))
    return sorted(found, key=lambda card: (not card.history.wishes, -card.cost))
