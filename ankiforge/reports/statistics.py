"""The fates of highlights, and how their cards fare in Anki, by source, document and drafter.

Minutes a day as text and JSON: how many new cards fit, and what comes of it.

Tested by `tests/anki/test_minutes.py` and `tests/anki/test_stats.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain

import msgspec

from ankiforge.ledger import WITHOUT, Ledger, cards, overview, views
from ankiforge.model import Document, Json, Strings
from ankiforge.pipeline.intake import Forecast
from ankiforge.reports.cards import FATES, Text
from ankiforge.text import counted, percent, table

# The type of an answer to a card in review, in Anki's log.
_ANSWER = 1
_READ_HEADS = ("highlights", "cards", "waiting", "no card", "reviews", "retention")
_DRAFTER_HEADS = ("notes", "reviews", "retention", "leeches")


class Group(msgspec.Struct):
    """The cards of one source, document or drafter in Anki."""

    name: str
    notes: int = 0
    reviews: int = 0
    tested: int = 0
    """Answers to cards in review."""
    remembered: int = 0
    leeches: int = 0
    retention: float | None = None
    """The share of remembered answers (0 to 1); None without any."""


class ReadGroup(Group):
    """The highlights of a source or document, and their cards in Anki."""

    highlights: int = 0
    cards: int = 0
    """Accepted cards, in Anki or not."""
    waiting: int = 0
    """Highlights with a draft that waits or that a check blocks."""
    no_card: int = 0
    """Highlights with neither a card nor a draft, and that nobody left out."""


class Statistics(msgspec.Struct):
    """All figures, with the keys of `stats --json`."""

    today: date
    funnel: Json
    anki: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter, those with most reviews first."""
    days: Counter[date] = msgspec.field(default_factory=Counter)
    """Reviews by day."""
    made: Counter[date] = msgspec.field(default_factory=Counter)
    """Accepted cards by the day of their acceptance."""

    def as_json(self) -> Json:
        """Return the object of `stats --json`."""
        return {
            **msgspec.to_builtins(self),
            "days": _days_json(self.days),
            "made": _days_json(self.made),
        }


def _days_json(days: Mapping[date, int]) -> Json:
    return {day.isoformat(): count for day, count in sorted(days.items())}


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    whole = Group("all")
    sources: dict[str, ReadGroup] = {}
    documents: dict[str, ReadGroup] = {}
    drafters: dict[str, Group] = {}

    def groups_of(document: Document) -> list[ReadGroup]:
        source, title = document.source, document.title
        return [
            sources.setdefault(source, ReadGroup(source)),
            documents.setdefault(title, ReadGroup(title)),
        ]

    # the highlights and cards of each source and document
    for outcome in overview.fates(ledger):
        for read_group in groups_of(outcome.highlight.document):
            read_group.highlights += 1
            read_group.waiting += outcome.fate in ("waiting", "blocked")
            read_group.no_card += outcome.fate in WITHOUT
    groups_of_card: dict[str, list[Group]] = {}
    for card in cards.cards_of(ledger):
        read_groups = groups_of(card.highlight.document)
        for read_group in read_groups:
            read_group.cards += card.live
        name = card.origin.model or card.origin.drafter.partition(":")[0]
        drafter = drafters.setdefault(name, Group(name))
        groups_of_card[card.guid] = [whole, *read_groups, drafter]

    # their notes and reviews
    for note in views.notes(ledger):
        for group in groups_of_card.get(note.guid, ()):
            group.notes += 1
            group.leeches += note.leech
    days = Counter[date]()
    reviewed = set[str]()
    for review in views.reviews(ledger):
        # a person has rescheduled it by hand
        if review.ease == 0:
            continue
        days[datetime.fromtimestamp(review.id / 1000).date()] += 1
        reviewed.add(review.guid)
        for group in groups_of_card.get(review.guid, ()):
            group.reviews += 1
            if review.type == _ANSWER:
                group.tested += 1
                group.remembered += review.ease > 1
    by: dict[str, list[Group]] = {
        "source": [*sources.values()],
        "document": [*documents.values()],
        "drafter": [*drafters.values()],
    }
    for groups in by.values():
        groups.sort(key=_rank)
    for group in (whole, *chain(*by.values())):
        if group.tested:
            group.retention = group.remembered / group.tested

    # how far the highlights came
    counts = overview.counts(ledger)
    fates = {}
    for name, count in counts["fates"].most_common():
        if count and name in FATES:
            fates[name] = count
    funnel: Json = {
        "highlights": sum(fates.values()),
        "fates": fates,
        "drafts": counts["waiting"]["new"] + counts["waiting"]["revisions"],
        "accepted": counts["cards"]["accepted"],
        "in_anki": whole.notes,
        "reviewed": len(reviewed),
    }
    made = Counter[date]()
    for moment in overview.accepted_since(ledger, ""):
        made[datetime.fromisoformat(moment).astimezone().date()] += 1
    return Statistics(now.date(), funnel, whole, by, days, made)


def _rank(group: Group) -> tuple[int, int, int, str]:
    highlights = group.highlights if isinstance(group, ReadGroup) else 0
    return -group.reviews, -group.notes, -highlights, group.name


def statistics_text(
    statistics: Statistics,
    limit: int | None,
    width: int,
) -> Text:
    """Yield the figures as lines; of each kind of group at most `limit`, None = all."""
    # from highlights to reviewed cards
    funnel = statistics.funnel
    fates = dict(funnel["fates"])
    steps = {
        "highlights": funnel["highlights"],
        "with a card": fates.pop("carded", 0),
        "cards": funnel["accepted"],
        "cards in Anki": funnel["in_anki"],
        "cards reviewed": funnel["reviewed"],
    }
    for name, number in steps.items():
        yield f"{name:<16}{number:>9,}"
    names = {**FATES, "no_card": "without a card"}
    others = [f"{number:,} {names[fate]}" for fate, number in fates.items()]
    if others:
        yield f"the other highlights: {', '.join(others)}"
    whole = statistics.anki
    if whole.reviews:
        leeches = counted(whole.leeches, "leech", "leeches")
        reviews = counted(whole.reviews, "review")
        yield f"{reviews}, retention {percent(whole.retention)}, {leeches}"

    for kind in ("source", "document"):
        rows = []
        for group in statistics.by[kind][:limit]:
            assert isinstance(group, ReadGroup)
            numbers = (group.highlights, group.cards, group.waiting, group.no_card)
            cells = [f"{number:,}" for number in (*numbers, group.reviews)]
            rows.append((group.name, *cells, percent(group.retention)))
        yield from _table((kind, *_READ_HEADS), rows, width)
    drafters = [group for group in statistics.by["drafter"] if group.reviews]
    rows = []
    for group in drafters[:limit]:
        cells = [f"{group.notes:,}", f"{group.reviews:,}"]
        rows.append((group.name, *cells, percent(group.retention), f"{group.leeches:,}"))
    yield from _table(("drafter", *_DRAFTER_HEADS), rows, width)


def _table(heads: Strings, rows: Sequence[Strings], width: int) -> Iterator[str]:
    """Yield an empty line and a table; nothing if it has no rows."""
    if rows:
        yield ""
        yield from table(heads, rows, width)


# --- minutes a day ------------------------------------------------------------------------

_WEEK = 7
_LIST_DAYS = 10
"""Up to this number of days, a time is given in days; beyond it, in weeks."""

# --- JSON -------------------------------------------------------------------------------


def intake_json(forecast: Forecast) -> Json:
    """Return the object `intake` of `stats --json`."""
    first = date.fromisoformat(forecast.first_day)
    days = []
    for number, planned in enumerate(forecast.planned):
        day: Json = {
            "day": (first + timedelta(days=number)).isoformat(),
            "minutes": planned,
            "minutes_as_it_is": forecast.as_it_is[number],
            "new": forecast.new[number],
        }
        days.append(day)
    return {
        "minutes": forecast.minutes,
        "new_per_day": forecast.new_per_day,
        "deck_new_per_day": forecast.deck_new_per_day,
        "waiting_in_anki": forecast.waiting_in_anki,
        "days": forecast.days or None,
        "minutes_now": forecast.minutes_now,
        "forecast": days,
    }


# --- the sentence -----------------------------------------------------------------------


def intake_line(forecast: Forecast, accepted: int) -> str:
    """Return how many new cards fit into the minutes, in one line.

    Args:
        forecast: the forecast.
        accepted: the number of cards that were accepted today.
    """
    from ankiforge.anki.forecast import added

    # the new cards for which there is room
    minutes = counted(forecast.minutes, "minute")
    new = forecast.new_per_day
    waiting = forecast.waiting_in_anki
    fit = f"{minutes} a day leave room for {counted(new, 'new card')} a day"
    last = "No card waits in Anki."
    if waiting:
        decks = {group.deck.partition("::")[0] for group in forecast.decks}
        allow = "your deck allows" if len(decks) == 1 else "your decks allow"
        fit += f" ({allow} {forecast.deck_new_per_day:,})"
        # for how long they last
        time = counted(forecast.days, "day") if forecast.days else "more than a year"
        last = f"{counted(waiting, 'card waits', 'cards wait')} in Anki: {time}."
    if not new:
        due = sum(forecast.planned[:_WEEK]) / _WEEK
        fit = f"{minutes} a day leave no room for new cards this week:"
        fit += f" what is due takes {round(due):,} a day"
    sentences = [f"{fit}.", last]

    # the minutes that the cards of today add
    cards = round(accepted * forecast.cards_per_note)
    if cards and new:
        adds = added(cards, new, forecast.cost)
        first = _minutes_text(adds.minutes)
        later = _minutes_text(adds.minutes_later)
        time = f"{round(adds.days / _WEEK)} weeks"
        if adds.days <= _LIST_DAYS:
            time = f"{adds.days} days"
        adding = f"{first} a day for {time}, then {later}"
        if first == later:
            adding = f"{first} a day"
        elif adds.days == 1:
            adding = f"{first} for one day, then {later} a day"
        sentences.append(f"What you accepted today adds {adding}.")
    return " ".join(sentences)


def _minutes_text(minutes: float) -> str:
    if minutes < 0.75:
        return "less than a minute"
    return counted(round(minutes), "minute")


# --- the months in the terminal ---------------------------------------------------------


def intake_text(forecast: Forecast, accepted: int) -> Text:
    """Yield the sentence, and the minutes of the coming year, month by month."""
    from ankiforge.anki.studies import ENOUGH_ANSWERS

    yield intake_line(forecast, accepted)
    yield f"in the last four weeks, Anki took {forecast.minutes_now:.0f} minutes a day"
    if forecast.answers_known < ENOUGH_ANSWERS:
        known = counted(forecast.answers_known, "answer")
        yield (
            f"typical times are assumed: Anki's log has {known}, and {ENOUGH_ANSWERS} are needed"
        )
    if not forecast.is_fsrs:
        yield "your collection does not use FSRS, so intervals are those of SM-2"

    # a row for each month: the minutes a day with this limit, and as it is
    with_limit = f"{forecast.new_per_day:,} new a day, set each week"
    as_now = f"{forecast.deck_new_per_day:,} new a day, as now"
    yield ""
    yield f"minutes   {with_limit}   {as_now}"
    first = date.fromisoformat(forecast.first_day)
    days_of: dict[str, list[tuple[float, float]]] = {}
    days = zip(forecast.planned, forecast.as_it_is, strict=True)
    for number, minutes in enumerate(days):
        month = (first + timedelta(days=number)).strftime("%b %Y")
        days_of.setdefault(month, []).append(minutes)
    for month, of_month in days_of.items():
        left, right = map(_mean_of, zip(*of_month, strict=True))
        yield f"{month}  {left:>{len(with_limit)}}   {right:>{len(as_now)}}"
    if forecast.waiting_in_anki and forecast.new_per_day != forecast.deck_new_per_day:
        yield ""
        yield "to set the limit in Anki: ankiforge push --new-a-day"


def _mean_of(minutes: Sequence[float]) -> str:
    """Return the mean of minutes a day; less than one, but not nothing, is `<1`."""
    mean = sum(minutes) / len(minutes)
    if 0 < mean < 0.5:
        return "<1"
    return f"{round(mean):,}"
