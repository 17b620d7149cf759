"""Find the cards that fail in Anki, by their flags, tags and review log.

A card is listed if the user asked for it, if Anki tagged it as a leech, or if it was recently
forgotten at least three times within thirty days. Not every failing card is badly made: in a real
review log, two thirds of the failing cards needed a repair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from ankiforge.anki.collection import (
    AnkiContents,
    AnkiDatabase,
    cast_to_integers,
    cast_to_text,
)
from ankiforge.model import CardId, NoteId, Strings, Value

WINDOW_DAYS = 30
"""The length of the window in which failures are counted together, in days."""
FORGIVEN_AFTER_DAYS = 90
"""The age from which failures are ignored, in days."""
MIN_FAILURES = 3
"""The minimum number of failures within the window for a card to be listed."""
WISH_TAGS = ("marked", "repair")
"""The tags with which the user asks for a card to be listed."""
_RED_FLAG = 1
_AGAIN_BUTTON = 1
_MAX_ANSWERS_SHOWN = 12
_CARDS_SQL = f"""
select {cast_to_integers("c.id", "c.nid", "c.lapses", "c.queue = -1", "c.flags & 7")},
  {cast_to_text("n.tags")}
from cards c join notes n on n.id = c.nid
"""
_LOG_SQL = f"""
select {cast_to_integers("id", "cid", "ease", "lastIvl", "time", "type = 1")}
from revlog where ease between 1 and 4 and type in (0, 1, 2, 3) order by id
"""
_SECONDS_PER_DAY = 86400
# The year 2100 as a Unix time, the upper limit for times in a damaged review log.
_MAX_UNIX_TIME = 4_102_444_800
_DAY_START = timedelta(hours=4)


def _compute_relative_day(milliseconds: int, now: datetime) -> int:
    """Convert a Unix time in milliseconds to a day relative to today, negative for past days.

    A day begins at 4 a.m., as by default in Anki.
    """
    unix_time = min(max(milliseconds / 1000, _SECONDS_PER_DAY), _MAX_UNIX_TIME)
    moment = datetime.fromtimestamp(unix_time, now.tzinfo)
    return (moment - _DAY_START).toordinal() - (now - _DAY_START).toordinal()


class FirstAnswer(NamedTuple):
    """The user's first answer to a card on a given day."""

    day: int
    """The day relative to today, which is 0. Past days are negative."""
    button: int
    """The button that the user pressed, from 1 (Again) to 4 (Easy)."""
    interval: int
    """The interval of the card before the answer, in days."""
    in_review: bool
    """Whether the card was in the review state and not in learning."""

    @property
    def is_failure(self) -> bool:
        """Whether the user had forgotten a card that was in the review state."""
        return self.in_review and self.button == _AGAIN_BUTTON


class CardHistory(Value):
    """An Anki card with its review history."""

    card_id: CardId
    """The id of the card in Anki."""
    note_id: NoteId
    answers: tuple[FirstAnswer, ...] = ()
    """The first answer on each day, oldest first."""
    answer_count: int = 0
    """The number of all answers, including those after the first on a day."""
    total_seconds: float = 0.0
    """The total time spent on all answers, in seconds."""
    recent_seconds: float = 0.0
    """The time spent on the answers of the last thirty days, in seconds."""
    lapses: int = 0
    is_suspended: bool = False
    is_flagged: bool = False
    """Whether the card has the red flag."""
    tags: Strings = ()
    """The tags of the note, in lower case."""

    @property
    def summary(self) -> str:
        """The latest answers as text, e.g. `· 3d· 8d✗` (`✗` forgotten, `·` remembered).

        The number is the card's interval before the answer, in days. It is omitted for answers in
        learning.
        """
        symbols = []
        for answer in self.answers[-_MAX_ANSWERS_SHOWN:]:
            symbol = "·"
            if answer.button == _AGAIN_BUTTON:
                symbol = "✗"
            if answer.in_review:
                symbol = f"{answer.interval}d{symbol}"
            symbols.append(symbol)
        if len(self.answers) > _MAX_ANSWERS_SHOWN:
            symbols.insert(0, "…")
        return " ".join(symbols)

    @property
    def repair_requests(self) -> Strings:
        """The red flag and the tags with which the user has asked for a repair, as text."""
        requests = []
        if self.is_flagged:
            requests.append("you flagged this card red in Anki")
        requests += [f"tagged {tag}" for tag in WISH_TAGS if tag in self.tags]
        return tuple(requests)

    def count_max_failures(self, since: int) -> int:
        """Return the maximum number of failures within any thirty days after the day `since`.

        `since` is relative to today, so past days are negative.
        """
        failures = filter(attrgetter("is_failure"), self.answers)
        days = [failure.day for failure in failures if failure.day > since]
        max_count = 0
        for first_day in days:
            window = range(first_day, first_day + WINDOW_DAYS + 1)
            max_count = max(max_count, sum(day in window for day in days))
        return max_count


class FailingCard(Value):
    """A failing card, with the reasons for listing it."""

    history: CardHistory
    reasons: Strings
    """The reasons why the card is listed, beginning with the user's own request."""


def read_histories(view: AnkiContents, now: datetime) -> tuple[CardHistory, ...]:
    """Read the review history of each card in a collection or export.

    Days are counted relative to `now`, which must have a time zone.

    Raises:
        ItemError: the collection is damaged.
    """
    history_by_card: dict[CardId, CardHistory] = {}
    database = view.database
    answers_by_card = _read_answers(database, now)
    for id, note, lapses, suspended, flag, tags in database.fetch_rows(_CARDS_SQL):
        answers = answers_by_card[id]
        history_by_card[id] = CardHistory(
            card_id=id,
            note_id=note,
            answers=tuple(answers.first_by_day.values()),
            answer_count=answers.count,
            total_seconds=answers.total_seconds,
            recent_seconds=answers.recent_seconds,
            lapses=lapses,
            is_suspended=bool(suspended),
            is_flagged=flag == _RED_FLAG,
            tags=tuple(tags.casefold().split()),
        )
    return tuple(history_by_card.values())


@dataclass
class _Answers:
    """What the review log says of a card so far."""

    first_by_day: dict[int, FirstAnswer] = field(default_factory=dict)
    count: int = 0
    total_seconds: float = 0.0
    recent_seconds: float = 0.0


def _read_answers(database: AnkiDatabase, now: datetime) -> defaultdict[CardId, _Answers]:
    """Read the review log, in which the answers to all cards are in the order of their times."""
    answers_by_card = defaultdict[CardId, _Answers](_Answers)
    for time, card_id, button, interval, milliseconds, tested in database.fetch_rows(
        _LOG_SQL
    ):
        day = _compute_relative_day(time, now)
        seconds = max(milliseconds, 0) / 1000
        answers = answers_by_card[card_id]
        answers.count += 1
        answers.total_seconds += seconds
        if day > -WINDOW_DAYS:
            answers.recent_seconds += seconds
        answer = FirstAnswer(day, button, max(interval, 0), in_review=bool(tested))
        answers.first_by_day.setdefault(day, answer)
    return answers_by_card


def find_failing_cards(
    all_histories: Iterable[CardHistory], last_repair_days: Mapping[NoteId, int]
) -> list[FailingCard]:
    """Find the failing cards, starting with those for which the user has asked for a repair.

    Both these and the other cards are sorted by total review time, longest first.

    Args:
        all_histories: the histories of all cards.
        last_repair_days: the day on which each note was last repaired or left unchanged,
            relative to today and keyed by note id. Failures up to that day are ignored. So are
            the user's requests and Anki's leech tag for thirty days after that day.
    """
    failing_cards = []
    for history in all_histories:
        reasons = _list_reasons(history, last_repair_days.get(history.note_id))
        if reasons:
            failing_cards.append(FailingCard(history, tuple(reasons)))
    return sorted(
        failing_cards,
        key=lambda card: (not card.history.repair_requests, -card.history.total_seconds),
    )


def _list_reasons(history: CardHistory, last_repair_day: int | None) -> list[str]:
    """Return the reasons why a card is failing, the user's own requests first."""
    reasons: list[str] = []
    if last_repair_day is None or last_repair_day <= -WINDOW_DAYS:
        reasons += history.repair_requests
        # Anki tags the note, but only a card that was forgotten can be the leech
        if "leech" in history.tags and history.lapses:
            reasons.append("leech, suspended" if history.is_suspended else "leech")
    forgiven_until = -FORGIVEN_AFTER_DAYS
    if last_repair_day is not None:
        forgiven_until = max(last_repair_day, forgiven_until)
    failures = history.count_max_failures(forgiven_until)
    if failures >= MIN_FAILURES and not history.is_suspended:
        reasons.append(f"forgotten {failures} times within {WINDOW_DAYS} days")
    return reasons
