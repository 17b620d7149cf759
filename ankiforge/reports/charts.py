"""The figures of `stats`, drawn for a terminal: a funnel, tables, and a heat map of days.

With `Signs.plain`, every drawn sign is ASCII, for files, pipes, and terminals without colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from rich.text import Text

from ankiforge.model import Strings, Value
from ankiforge.reports.cards import FATES
from ankiforge.reports.statistics import Group, ReadGroup, Statistics
from ankiforge.text import counted, percent, table

WEEKS = 26
"""The number of weeks that the heat map shows."""
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BAR = 28
"""The width of the longest bar of the funnel, in columns."""
_READ_HEADS = ("highlights", "cards", "waiting", "no card", "reviews", "retention")
_DRAFTER_HEADS = ("notes", "reviews", "retention", "leeches")
_OTHERS = {"no_card": "without a card"}
_TO_ASCII = str.maketrans("▏▎▍▌▋▊▉█", "   #####")
"""The ASCII of the parts of a bar: what is less than half a column is left out."""


class Signs(Value):
    """What a chart is drawn with."""

    bar: str
    days: str
    """A sign for a day without anything, then from few to many."""
    styles: Strings
    """The rich style of each of `days`."""

    @classmethod
    def coloured(cls) -> Signs:
        """Return the signs for a terminal that has colours."""
        greens = ("color(22)", "color(28)", "color(34)", "color(46)")
        return cls("█", "·░▒▓█", ("dim", *greens))

    @classmethod
    def plain(cls) -> Signs:
        """Return ASCII signs, which need no colours."""
        return cls("#", ".:+*#", ("",) * 5)


def charts(
    statistics: Statistics,
    limit: int | None,
    width: int,
    signs: Signs,
) -> Iterator[Text]:
    """Yield the figures as lines; of each kind of group at most `limit`.

    Args:
        statistics: the figures.
        limit: the maximum number of sources, of documents, and of drafters; None = all.
        width: the columns of the terminal.
        signs: what the charts are drawn with.
    """
    yield from _funnel(statistics, signs)
    whole = statistics.anki
    if whole.reviews:
        leeches = counted(whole.leeches, "leech", "leeches")
        reviews = counted(whole.reviews, "review")
        retention = f"retention {percent(whole.retention)}"
        yield Text(f"{reviews}, {retention}, {leeches}")
    for kind in ("source", "document"):
        yield from _table(kind, _READ_HEADS, statistics.by[kind][:limit], width)
    drafters = [group for group in statistics.by["drafter"] if group.reviews]
    yield from _table("drafter", _DRAFTER_HEADS, drafters[:limit], width)
    days, noun = statistics.days, "review"
    if not days:
        days, noun = statistics.made, "accepted card"
    if days:
        yield Text()
        yield from _heat_map(days, statistics.today, noun, signs)


def in_ascii(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines whose bars are made of block characters, with `#` instead."""
    for line in lines:
        yield line.translate(_TO_ASCII).rstrip()


# --- the funnel -------------------------------------------------------------------------


def _funnel(statistics: Statistics, signs: Signs) -> Iterator[Text]:
    """Yield a bar for each step from highlights to reviewed cards, and where the rest is."""
    funnel = statistics.funnel
    fates = funnel["fates"]
    steps = {
        "highlights": funnel["highlights"],
        "with a card": fates.get("carded", 0),
        "cards": funnel["accepted"],
        "cards in Anki": funnel["in_anki"],
        "cards reviewed": funnel["reviewed"],
    }
    longest = max(steps.values())
    for name, number in steps.items():
        line = Text(f"{name:<16}{number:>9,}  ")
        columns = -(-number * _BAR // longest) if longest else 0
        line.append(signs.bar * columns, style=signs.styles[-1])
        line.rstrip()
        yield line
    others = []
    for fate, number in fates.items():
        if fate != "carded":
            others.append(f"{number:,} {_OTHERS.get(fate, FATES[fate])}")
    if others:
        yield Text(f"the other highlights: {', '.join(others)}")


# --- tables -----------------------------------------------------------------------------


def _table(
    kind: str,
    heads: Strings,
    groups: Sequence[Group],
    width: int,
) -> Iterator[Text]:
    """Yield an empty line and a table of groups; nothing if there are none."""
    if not groups:
        return
    yield Text()
    rows = [_cells(group) for group in groups]
    head, *lines = table((kind, *heads), rows, width)
    yield Text(head, style="bold")
    for line in lines:
        yield Text(line)


def _cells(group: Group) -> Strings:
    if isinstance(group, ReadGroup):
        numbers = (group.highlights, group.cards, group.waiting, group.no_card)
        counts = [f"{number:,}" for number in numbers]
        reviews = f"{group.reviews:,}"
        return (group.name, *counts, reviews, percent(group.retention))
    return (
        group.name,
        f"{group.notes:,}",
        f"{group.reviews:,}",
        percent(group.retention),
        f"{group.leeches:,}",
    )


# --- the heat map -----------------------------------------------------------------------


def _heat_map(
    days: Mapping[date, int],
    today: date,
    noun: str,
    signs: Signs,
) -> Iterator[Text]:
    """Yield the last weeks: two columns for each week, and a row for each weekday.

    Args:
        days: how many there were on a day.
        today: the last day that is shown.
        noun: what is counted, in the singular.
        signs: what the days are drawn with.
    """
    this_monday = today - timedelta(days=today.weekday())
    first_monday = this_monday - timedelta(weeks=WEEKS - 1)
    shown = [count for day, count in days.items() if first_monday <= day <= today]
    highest = max(shown, default=0)
    yield Text(_months(first_monday))
    for weekday, name in enumerate(_WEEKDAYS):
        line = Text(f"{name} ")
        for week in range(WEEKS):
            day = first_monday + timedelta(weeks=week, days=weekday)
            if day > today:
                break
            shade = _shade(days.get(day, 0), highest)
            line.append(f" {signs.days[shade]}", style=signs.styles[shade])
        yield line

    legend = Text("none ")
    for sign, style in zip(signs.days, signs.styles, strict=True):
        legend.append(f"{sign} ", style=style)
    legend.append(f"up to {counted(highest, noun)} a day")
    yield legend


def _shade(count: int, highest: int) -> int:
    """Return 0 for none, else 1 to 4: the quarter of `highest` in which a number lies."""
    return math.ceil(4 * count / highest) if count else 0


def _months(first: date) -> str:
    """Return the names of the months, each above the first week that begins in it."""
    line = "    "
    month = first.month
    for week in range(WEEKS):
        monday = first + timedelta(weeks=week)
        column = 5 + 2 * week
        if monday.month != month and len(line) <= column:
            line = f"{line:<{column}}{monday:%b}"
        month = monday.month
    return line
