"""Read from a collection what its coming reviews depend on.

The state of every card that was studied, how a person answered and how long that took,
and the options of decks. Only collections in Anki's current schema have all of it.

Tested by `tests/anki/test_minutes.py` and `test_stats.py`.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from statistics import median
from typing import NamedTuple

import msgspec

from ankiforge.anki.collection import (
    AnkiDatabase,
    Message,
    View,
    number_of,
    numbers,
    read_message,
    texts,
)
from ankiforge.errors import ItemError
from ankiforge.model import DeckId, Value
from ankiforge.model.seen import NewCards

# --- values -----------------------------------------------------------------------------


class Preset(Value):
    """The options of a deck that decide on its reviews."""

    parameters: tuple[float, ...] = ()
    """Of FSRS; () for the default ones."""
    fsrs: bool = True
    """Whether the collection uses FSRS; else its intervals are those of SM-2."""
    retention: float = 0.9
    """The desired retention, 0 to 1."""
    steps: int = 2
    """The number of learning steps."""
    relearns: bool = True
    """Whether a forgotten card is asked again on the same day."""
    longest: int = 36500
    """The longest interval in days."""
    new_per_day: int = 20
    reviews_per_day: int = 200


class StudiedCard(NamedTuple):
    """A card that was answered before, and is not suspended."""

    preset: int
    """The position of its options in `Studies.presets`."""
    due: int
    """The day on which it is due; 0 is today, and a negative day has passed."""
    interval: int
    """In days."""
    since: int
    """The number of days since it was answered last."""
    stability: float
    """Of FSRS; 0 if Anki has stored none."""
    difficulty: float
    ease: float
    """Of SM-2: 2.5 is usual; 0 under FSRS."""


class Answers(Value):
    """How a person answered; a value that the log does not show is a usual one."""

    first: tuple[float, float, float, float] = (0.24, 0.094, 0.495, 0.171)
    """The shares of Again, Hard, Good and Easy among first answers to new cards."""
    passed: tuple[float, float, float] = (0.224, 0.631, 0.145)
    """The shares of Hard, Good and Easy among answers to remembered cards."""
    days_of_cards: int = 0
    """The number of answers in the log, if those to one card on one day count once."""
    tested: int = 0
    """The number of them to cards in review."""
    remembered: int = 0
    """In how many of them the card was remembered."""
    seconds_new: float = 25.0
    """What a new card takes on its first day, with all its learning steps."""
    seconds_passed: float = 8.0
    """What a remembered card takes on a day."""
    seconds_failed: float = 16.0
    """What a forgotten card takes on a day, with all its learning steps."""


class History(NamedTuple):
    """The answers to a card since it was new."""

    preset: int
    """The position of its options in `Studies.presets`."""
    answers: tuple[tuple[int, int], ...]
    """(day, first answer on that day), oldest first."""


class Studies(Value):
    """All that the coming reviews of a collection depend on."""

    cards: tuple[StudiedCard, ...]
    presets: tuple[Preset, ...]
    answers: Answers
    histories: tuple[History, ...]
    """Of the cards that were begun within the log."""
    preset: int
    """The options of the deck in which most of our cards wait; a position in `presets`."""
    reviews_per_day: int = 9999
    """How many reviews the decks allow a day, all together."""
    waiting: tuple[NewCards, ...] = ()
    """Our new cards, by deck."""
    new_per_day: int = 0
    """How many new cards the top decks of our cards allow a day."""
    cards_per_note: float = 1.0
    """How many cards a note of ours has, on average."""
    others_new: int = 0
    """New cards of other notes that are not suspended."""
    others_per_day: float = 0.0
    """How many new cards of other notes were begun a day, in the last four weeks."""
    minutes_now: float = 0.0
    """What a day took, on average of the last four weeks."""


# --- reading ----------------------------------------------------------------------------

_DAY = 86400
# The year 2100, in seconds since 1970. A damaged log may name any time.
_LATEST = 4_102_444_800
_WEEKS_4 = 28
# The log is read backwards from today. So many answers say enough about a person's habits.
_MOST_ANSWERS = 60_000
_TABLES_SINCE = 18
# Anki's longest interval, a hundred years of days.
_LONGEST = 36500
ENOUGH_ANSWERS = 400
"""With fewer answers the usual times are used; those to one card on one day count once."""
# Times are cut at this multiple of the median: Anki counts a person who left the room.
_OUTLIER = 5
# A share is mixed with the usual one, which counts like this number of answers.
_PRIOR = 40
# So does a time.
_PRIOR_TIMES = 10

_DECKS = f"select {numbers('id')}, {texts('name')}, kind from decks"
_PRESETS = f"select {numbers('id')}, config from deck_config"
_CONFIG = f"select {texts('key')}, val from config"
_HOME = "iif(c.odid, c.odid, c.did)"
_CARDS = f"""
select {numbers(_HOME, "c.type", "iif(c.odid, c.odue, c.due)", "c.ivl", "c.factor")},
  {texts("c.data")}
from cards c where c.type != 0 and c.queue != -1
"""
_STUDIED_DECKS = f"select distinct {numbers(_HOME)} from cards c where c.type != 0"
_NEW = f"""
select {numbers(_HOME)}, c.nid in (select nid from temp.chosen), count(*)
from cards c where c.type = 0 and c.queue != -1 group by 1, 2
"""
_CARDS_PER_NOTE = """
select cast(count(*) as real) / count(distinct nid) from cards
where nid in (select nid from temp.chosen)
"""
_ANSWERS = f"""
select {numbers("r.id", "r.cid", "r.ease", "r.lastIvl", "r.time", "r.type")},
  {numbers("c.nid in (select nid from temp.chosen)", _HOME)}
from revlog r left join cards c on c.id = r.cid
where r.ease between 1 and 4 and r.type in (0, 1, 2) order by r.id desc limit {_MOST_ANSWERS}
"""


class _Deck(NamedTuple):
    """The options of one deck."""

    name: str
    preset: int
    """The id of its preset."""
    limit: int
    """New cards a day."""
    own_limit: bool
    """Whether the limit is the deck's, not its preset's."""
    own_retention: float
    """The desired retention, 0 to 1, that overrides the preset's; 0 if it has none."""

    @property
    def top(self) -> str:
        """The deck above all those above it, as it is compared."""
        return self.name.partition("::")[0].casefold()


class Calendar(NamedTuple):
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


def read_studies(view: View, now: datetime) -> Studies:
    """Read cards, presets and the log of a collection, on which its coming reviews depend.

    Args:
        view: the whole collection.
        now: the current time, with its time zone.

    Raises:
        ItemError: the collection is damaged, or in a form of Anki before 2.1.28.
    """
    [database] = view.databases
    if database.legacy or database.schema < _TABLES_SINCE:
        raise ItemError(
            f"{view.path}: its options cannot be read: it is in the form of an old Anki",
            hint="open it once in Anki 2.1.50 or later",
        )
    settings: dict[str, object] = dict(database.rows(_CONFIG))
    calendar = _calendar(database.created, settings, now)
    decks, presets = _decks_and_presets(
        database, fsrs=_setting(settings, "fsrs", False) is True
    )
    by_name = {deck.name.casefold(): deck for deck in decks.values()}
    position_of = _Presets(decks, presets)
    cards = tuple(_studied(database, position_of, calendar))

    # the reviews that the top decks of the studied cards allow a day
    top_decks: dict[str, _Deck] = {}
    for (deck_id,) in database.rows(_STUDIED_DECKS):
        deck = decks.get(deck_id)
        if deck is not None:
            top_decks[deck.top] = by_name.get(deck.top, deck)
    reviews_per_day = 0
    for deck in top_decks.values():
        reviews_per_day += presets.get(deck.preset, Preset()).reviews_per_day

    # new cards: ours by deck, and the number of those of other notes
    waiting = []
    others_new = 0
    for deck_id, is_ours, count in database.rows(_NEW):
        deck = decks.get(deck_id)
        if not is_ours or deck is None:
            others_new += count
        else:
            group = NewCards(deck.name, count, deck.limit, deck.own_limit)
            waiting.append(group)
    waiting.sort(key=lambda group: group.deck)
    (cards_per_note,) = database.first(_CARDS_PER_NOTE)
    largest = max(waiting, key=lambda group: group.waiting, default=None)
    preset_of_new = 0
    if largest is not None:
        ids = {deck.name: id for id, deck in decks.items()}
        preset_of_new = position_of.of_deck(ids[largest.deck])

    # how many of ours the top decks allow a day, if a person studies these
    allowed: dict[str, int] = {}
    for group in waiting:
        top_name = by_name[group.deck.casefold()].top
        allowed[top_name] = allowed.get(top_name, 0) + group.limit
    new_per_day = 0
    for top_name, limit in allowed.items():
        top_deck = by_name.get(top_name)
        new_per_day += min(limit, top_deck.limit) if top_deck else limit

    # the last four weeks before today, or since the log begins
    card_days = _card_days(database, position_of, calendar)
    oldest = min((day for day, _ in card_days), default=0)
    days = min(_WEEKS_4, max(-oldest, 1))
    seconds_lately = 0.0
    begun_lately = 0
    for (day, _), card_day in card_days.items():
        if -days <= day < 0:
            seconds_lately += card_day.seconds
            begun_lately += card_day.kind == "new" and not card_day.ours
    return Studies(
        cards=cards,
        presets=tuple(position_of.used),
        answers=answers_of(card_days),
        histories=histories_of(card_days),
        preset=preset_of_new,
        reviews_per_day=reviews_per_day,
        waiting=tuple(waiting),
        new_per_day=new_per_day,
        cards_per_note=cards_per_note or 1.0,
        others_new=others_new,
        others_per_day=begun_lately / days,
        minutes_now=seconds_lately / 60 / days,
    )


# --- days and options -------------------------------------------------------------------


def _setting(settings: dict[str, object], name: str, default: object) -> object:
    """Return a setting of a collection, or the default if it is missing or unreadable."""
    value = settings.get(name)
    if not isinstance(value, bytes):
        return default
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return default


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) and abs(value) < 10_000 else default


def calendar_of(database: AnkiDatabase, now: datetime) -> Calendar:
    """Return how a collection counts its days; one in the form of an old Anki, as is usual."""
    settings: dict[str, object] = {}
    if not database.legacy and database.schema >= _TABLES_SINCE:
        settings = dict(database.rows(_CONFIG))
    return _calendar(database.created, settings, now)


def _calendar(
    created: int,
    settings: dict[str, object],
    now: datetime,
) -> Calendar:
    """Return how a collection counts its days (rslib/src/scheduler/timing.rs)."""
    rollover = _whole(_setting(settings, "rollover", 4), 4)
    west = _whole(_setting(settings, "creationOffset", 0), 0)
    minutes_west = max(-1439, min(west, 1439))
    zone_then = timezone(timedelta(minutes=-minutes_west))
    try:
        first = datetime.fromtimestamp(created, zone_then).date()
    except (ValueError, OverflowError, OSError):
        first = date(1970, 1, 1)
    shift = timedelta(hours=max(0, min(rollover, 23)))
    offset = now.utcoffset() or UTC.utcoffset(now)
    today = (now - shift).toordinal() - first.toordinal()
    return Calendar(shift, timezone(offset), first, today)


def _decks_and_presets(
    database: AnkiDatabase,
    *,
    fsrs: bool,
) -> tuple[dict[DeckId, _Deck], dict[int, Preset]]:
    """Return the decks and their options, each by id."""
    presets = {}
    for id, config in database.rows(_PRESETS):
        # the numbers of fields are those of Anki's proto/anki/deck_config.proto
        options = _message(database, config)
        parameters: tuple[float, ...] = ()
        for field in (6, 5, 3):
            parameters = parameters or _floats(options.get(field))
        if len(parameters) not in (17, 19, 21):  # of a version that is not known
            parameters = ()
        if not all(0 <= parameter <= 100 for parameter in parameters):
            parameters = ()
        presets[id] = Preset(
            parameters=parameters,
            fsrs=fsrs,
            retention=_within(_float(options.get(37), 0.9), 0.5, 0.99, 0.9),
            steps=len(_floats(options.get(1))),
            relearns=bool(_floats(options.get(2))),
            longest=min(number_of(options, 16), _LONGEST) or _LONGEST,
            new_per_day=number_of(options, 9),
            reviews_per_day=number_of(options, 10),
        )
    decks = {}
    # the numbers of fields are those of Anki's proto/anki/decks.proto
    for id, name, kind in database.rows(_DECKS):
        nested = _message(database, kind).get(1)
        normal = (
            _message(database, nested) if nested and isinstance(nested, bytes) else {}
        )
        preset_id = number_of(normal, 1) or 1
        preset = presets.get(preset_id, Preset(fsrs=fsrs))
        decks[id] = _Deck(
            name=name.replace("\x1f", "::"),
            preset=preset_id,
            limit=number_of(normal, 7) if 7 in normal else preset.new_per_day,
            own_limit=7 in normal,
            own_retention=_float(normal.get(10), 0.0),
        )
    return decks, presets


def _message(database: AnkiDatabase, value: object) -> Message:
    """Return a message of protobuf; anything but bytes counts as empty."""
    try:
        return read_message(value if isinstance(value, bytes) else b"\x00")
    except ValueError as error:
        raise database.unusable(
            "the options of a deck cannot be read",
            str(error),
        ) from error


def _floats(value: object) -> tuple[float, ...]:
    """Return a packed field of floats; () if it is absent or none."""
    if not isinstance(value, bytes) or len(value) % 4:
        return ()
    return tuple(number for (number,) in struct.iter_unpack("<f", value))


def _within(value: float, lowest: float, highest: float, default: float) -> float:
    """Return a number within limits; anything but a positive number is replaced."""
    return min(max(value, lowest), highest) if value > 0 else default


def _float(value: object, default: float) -> float:
    floats = _floats(value)
    return floats[0] if len(floats) == 1 else default


class _Presets:
    """The options that are in use, each at a position."""

    def __init__(self, decks: dict[DeckId, _Deck], presets: dict[int, Preset]) -> None:
        self._decks = decks
        self._presets = presets
        self._positions: dict[int, int] = {}
        self.used: list[Preset] = []

    def of_deck(self, deck_id: int) -> int:
        """Return the position of a deck's options."""
        if deck_id not in self._positions:
            deck = self._decks.get(deck_id)
            preset = Preset()
            if deck:
                preset = self._presets.get(deck.preset, preset)
            if deck and 0.5 <= deck.own_retention < 1:
                preset = msgspec.structs.replace(preset, retention=deck.own_retention)
            if preset not in self.used:
                self.used.append(preset)
            self._positions[deck_id] = self.used.index(preset)
        return self._positions[deck_id]


# --- cards ------------------------------------------------------------------------------


class _Data(msgspec.Struct):
    """The contents of `cards.data` in Anki: the memory state of FSRS, and the last review."""

    s: float | None = None
    d: float | None = None
    lrt: int | None = None


_NO_DATA = _Data()
_REVIEW = 2
# What an answer was, in Anki's log.
_LOGGED_LEARNING = 0
_LOGGED_REVIEW = 1
"""The type of a card that has left its learning steps."""


def _studied(
    database: AnkiDatabase,
    position_of: _Presets,
    calendar: Calendar,
) -> Iterator[StudiedCard]:
    """Yield the cards that were studied. One in learning is due today, or on its day."""
    decoder = msgspec.json.Decoder(_Data, strict=False)
    for deck_id, type, due, interval, factor, text in database.rows(_CARDS):
        data = _NO_DATA
        if text:
            try:
                data = decoder.decode(text)
            except (msgspec.MsgspecError, ValueError):
                data = _NO_DATA
        days = due - calendar.today
        if type != _REVIEW and due > 1_000_000_000:  # a time in seconds: learnt today
            days = 0
        interval = min(max(interval, 1), _LONGEST)
        days = min(max(days, -_LONGEST), _LONGEST)
        since = interval - days if type == _REVIEW else 1
        if data.lrt:
            since = -calendar.day(data.lrt * 1000)
        yield StudiedCard(
            preset=position_of.of_deck(deck_id),
            due=days,
            interval=interval,
            since=max(since, 0),
            stability=_within(data.s or 0.0, 0.001, _LONGEST, 0.0),
            difficulty=_within(data.d or 0.0, 1.0, 10.0, 5.0),
            ease=min(factor / 1000, 10.0),
        )


# --- the log ----------------------------------------------------------------------------


class CardDay(msgspec.Struct):
    """The answers to one card on one day."""

    first: int
    """The first of them: 1 (Again) to 4 (Easy)."""
    kind: str
    """new, review, or learning."""
    ours: bool
    preset: int
    """The position of its options in `Studies.presets`; -1 if the card is no more."""
    seconds: float = 0.0


CardDays = Mapping[tuple[int, int], CardDay]
"""By day (0 is today, days before are negative) and card; oldest first."""


def _card_days(
    database: AnkiDatabase,
    position_of: _Presets,
    calendar: Calendar,
) -> CardDays:
    """Return the newest part of the review log."""
    rows = list(database.rows(_ANSWERS))
    rows.reverse()
    card_days: dict[tuple[int, int], CardDay] = {}
    for id, card_id, ease, last, milliseconds, type, ours, deck_id in rows:
        day = calendar.day(id)
        card_day = card_days.get((day, card_id))
        if card_day is None:
            kind = "learning"
            if type == _LOGGED_REVIEW:
                kind = "review"
            elif type == _LOGGED_LEARNING and last == 0:  # it had no interval before
                kind = "new"
            preset = position_of.of_deck(deck_id) if deck_id else -1
            card_day = CardDay(ease, kind, bool(ours), preset)
            card_days[day, card_id] = card_day
        card_day.seconds += max(milliseconds, 0) / 1000
    return card_days


def histories_of(card_days: CardDays) -> tuple[History, ...]:
    """Return the histories of the cards that were begun within the log."""
    days_of: dict[int, list[tuple[int, CardDay]]] = {}
    for (day, card_id), card_day in card_days.items():
        days_of.setdefault(card_id, []).append((day, card_day))
    histories = []
    for days in days_of.values():
        _, first = days[0]
        if first.kind == "new" and first.preset >= 0:
            answers = tuple((day, card_day.first) for day, card_day in days)
            histories.append(History(first.preset, answers))
    return tuple(histories)


def answers_of(card_days: CardDays) -> Answers:
    """Return how a person answers, and how long that takes."""
    by_kind: dict[str, list[CardDay]] = {"new": [], "review": [], "learning": []}
    for card_day in card_days.values():
        by_kind[card_day.kind].append(card_day)
    new = by_kind["new"]
    reviews = by_kind["review"]
    passed = [card_day for card_day in reviews if card_day.first > 1]
    failed = [card_day for card_day in reviews if card_day.first == 1]
    usual = Answers()
    again, hard, good, easy = _shares(new, (1, 2, 3, 4), usual.first)
    passed_hard, passed_good, passed_easy = _shares(
        passed,
        (2, 3, 4),
        usual.passed,
    )
    answers = Answers(
        first=(again, hard, good, easy),
        passed=(passed_hard, passed_good, passed_easy),
        days_of_cards=len(card_days),
        tested=len(reviews),
        remembered=len(passed),
    )
    if len(card_days) < ENOUGH_ANSWERS:
        return answers
    return msgspec.structs.replace(
        answers,
        seconds_new=_usual_time(new, usual.seconds_new),
        seconds_passed=_usual_time(passed, usual.seconds_passed),
        seconds_failed=_usual_time(failed, usual.seconds_failed),
    )


def _shares(
    card_days: Sequence[CardDay],
    buttons: Sequence[int],
    usual: Sequence[float],
) -> tuple[float, ...]:
    """Return how often each button was chosen; few answers are mixed with the usual shares."""
    counts = Counter(card_day.first for card_day in card_days)
    total = len(card_days) + _PRIOR
    shares = []
    for button, share in zip(buttons, usual, strict=True):
        count = counts[button] + _PRIOR * share
        shares.append(count / total)
    return tuple(shares)


def _usual_time(card_days: Iterable[CardDay], usual: float) -> float:
    """Return the mean of times, with those cut that are far above the median.

    A few are mixed with the usual time.
    """
    times = [card_day.seconds for card_day in card_days]
    if not times:
        return usual
    longest = max(_OUTLIER * median(times), 1.0)
    total = sum(min(seconds, longest) for seconds in times)
    return (total + _PRIOR_TIMES * usual) / (len(times) + _PRIOR_TIMES)
