"""Minutes a day as text and JSON: how many new cards fit, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from ankiforge.model import Json
from ankiforge.pipeline.intake import Forecast
from ankiforge.reports.cards import Text
from ankiforge.text import counted

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
    if not new:
        due = sum(forecast.planned[:_WEEK]) / _WEEK
        fit = (
            f"{minutes} a day leave no room for new cards this week:"
            f" what is due takes {round(due):,} a day."
        )
    else:
        fit = f"{minutes} a day leave room for {counted(new, 'new card')} a day"
        if waiting:
            decks = {group.deck.partition("::")[0] for group in forecast.decks}
            allow = "your deck allows" if len(decks) == 1 else "your decks allow"
            fit += f" ({allow} {forecast.deck_new_per_day:,})"
        fit += "."

    # for how long the cards in Anki last
    last = "No card waits in Anki."
    if waiting:
        wait = "waits" if waiting == 1 else "wait"
        time = counted(forecast.days, "day") if forecast.days else "more than a year"
        last = f"{counted(waiting, 'card')} {wait} in Anki: {time}."
    sentences = [fit, last]

    # the minutes that the cards of today add
    cards = round(accepted * forecast.cards_per_note)
    if cards and new:
        adds = added(cards, new, forecast.cost)
        first = _minutes_text(adds.minutes)
        later = _minutes_text(adds.minutes_later)
        weeks = round(adds.days / _WEEK)
        time = {2: "two weeks", 3: "three weeks", 4: "four weeks"}.get(
            weeks, f"{weeks} weeks"
        )
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
    days_of: dict[str, list[int]] = {}
    for number in range(len(forecast.planned)):
        month = (first + timedelta(days=number)).strftime("%b %Y")
        days_of.setdefault(month, []).append(number)
    for month, days in days_of.items():
        left = _mean_of(forecast.planned, days)
        right = _mean_of(forecast.as_it_is, days)
        yield f"{month}  {left:>{len(with_limit)}}   {right:>{len(as_now)}}"
    if forecast.waiting_in_anki and forecast.new_per_day != forecast.deck_new_per_day:
        yield ""
        yield "to set the limit in Anki: ankiforge push --new-a-day"


def _mean_of(minutes: Sequence[float], days: Sequence[int]) -> str:
    """Return the mean minutes of some days; less than one, but not nothing, is `<1`."""
    mean = sum(minutes[day] for day in days) / len(days)
    if 0 < mean < 0.5:
        return "<1"
    return f"{round(mean):,}"
