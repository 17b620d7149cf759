"""Minutes a day as text, plot and JSON: how many new cards fit, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

from ankiforge.model import Json, Pair
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


# --- the plot on the page ---------------------------------------------------------------

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


def forecast_svg(forecast: Forecast) -> str:
    """Return the picture of a forecast: with the limit that fits, and as it is."""
    names = (
        f"{forecast.new_per_day:,} new a day, set anew each week",
        f"{forecast.deck_new_per_day:,} new a day, as now",
    )
    return plot_svg(forecast.planned, forecast.as_it_is, forecast.minutes, names)


def plot_svg(
    planned: Sequence[float],
    as_it_is: Sequence[float],
    budget: int,
    names: Pair,
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
    for start in range(0, len(days), _WEEK):
        week = days[start : start + _WEEK]
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
