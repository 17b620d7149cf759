"""Small plots as SVG, for a page of `html`: a year of days, a line, bars.

Strings of markup, drawn without a library. Every one says in words what it shows (title and
description), and tells values apart by lightness or shape, never by hue alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from itertools import groupby

from ankiforge.text.fold import isolated

STYLE = """\
.plot { display: block; }
.plot text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
.plot .axis { fill: none; stroke: var(--line); stroke-width: 1; }
.plot .goal { fill: none; stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 3; }
.plot .bar { fill: var(--level-3); }
.plot .line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.plot .line-1 { stroke: var(--second); stroke-dasharray: 6 3; }
.plot .dot { fill: var(--accent); stroke: var(--accent); stroke-width: 1.5; }
.plot .dot-1 { fill: var(--second); stroke: var(--second); }
.plot .few { fill: var(--paper); }
.plot .level-0 { fill: var(--level-0); }
.plot .level-1 { fill: var(--level-1); }
.plot .level-2 { fill: var(--level-2); }
.plot .level-3 { fill: var(--level-3); }
.plot .level-4 { fill: var(--level-4); }
.plot .squares { fill: none; stroke-width: 10; }
.plot .squares.level-0 { stroke: var(--level-0); }
.plot .squares.level-1 { stroke: var(--level-1); }
.plot .squares.level-2 { stroke: var(--level-2); }
.plot .squares.level-3 { stroke: var(--level-3); }
.plot .squares.level-4 { stroke: var(--level-4); }
"""
"""Of the classes used here; the colours are the page's."""

_DAYS = ("Mon", "", "Wed", "", "Fri", "", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEVELS = 4


def _plot(name: str, title: str, told: str, size: tuple[int, int], inner: str, fixed: bool) -> str:
    """The frame. `name` is its id, once in a page; `fixed`: not made smaller on a phone."""
    width, height = size
    least = f"min-width:{width}px;" if fixed else ""
    style = f"{least}width:100%;max-width:{width * 1.4:.0f}px"
    return (
        f'<svg class="plot" role="img" viewBox="0 0 {width} {height}" style="{style}"'
        f' aria-labelledby="{escape(name)}-title {escape(name)}-told">'
        f'<title id="{escape(name)}-title">{escape(title)}</title>'
        f'<desc id="{escape(name)}-told">{escape(told)}</desc>{inner}</svg>'
    )


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


# --- a year of days -------------------------------------------------------------------------

_CELL, _GAP, _LEFT, _TOP = 10, 2, 30, 16


def year(
    name: str,
    title: str,
    counts: Mapping[date, int],
    until: date,
    *,
    unit: str = "answers",
    hover: bool = True,
) -> str:
    """The 53 weeks that end with `until`, a column a week and a row a weekday from Monday.

    Args:
        name: its id, once in a page.
        title: what it shows.
        counts: of each day; a day without one has 0.
        until: the last day shown.
        unit: what is counted.
        hover: whether each day tells its number to the mouse; it makes the plot ten times larger.
    """
    first = until - timedelta(days=until.weekday() + 52 * 7)
    days = [first + timedelta(days=n) for n in range((until - first).days + 1)]
    bounds = levels([counts.get(day, 0) for day in days])
    cells = [(day, counts.get(day, 0), _level(counts.get(day, 0), bounds)) for day in days]
    marks = "".join(_hovered(cells, first, unit) if hover else _squares(cells, first))
    rows = "".join(
        _text(_LEFT - 4, _TOP + row * (_CELL + _GAP) + 9, words, "end")
        for row, words in enumerate(_DAYS)
        if words
    )
    height = _TOP + 7 * (_CELL + _GAP) + 22
    size = (_LEFT + 53 * (_CELL + _GAP) + 8, height)
    inner = f"{''.join(_months(first, until))}{rows}{marks}{_legend(bounds, size[0], height - 12, unit)}"
    return _plot(name, title, _year_told(days, counts, unit), size, inner, fixed=True)


def levels(values: Sequence[int]) -> tuple[int, ...]:
    """From which number on a day has the next darker colour: quarters of the days that have any."""
    some = sorted(value for value in values if value > 0)
    bounds = [some[len(some) * n // _LEVELS] for n in range(_LEVELS)] if some else []
    return tuple(dict.fromkeys([1, *bounds[1:]] if bounds else ()))


def _level(value: int, bounds: Sequence[int]) -> int:
    reached = sum(value >= bound for bound in bounds)
    return reached if len(bounds) == _LEVELS or not reached else reached + _LEVELS - len(bounds)


def _place(day: date, first: date) -> tuple[int, int]:
    week, row = divmod((day - first).days, 7)
    return _LEFT + week * (_CELL + _GAP), _TOP + row * (_CELL + _GAP)


def _hovered(cells: list[tuple[date, int, int]], first: date, unit: str) -> Iterator[str]:
    for day, count, level in cells:
        x, y = _place(day, first)
        yield (
            f'<rect class="level-{level}" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="2">'
            f"<title>{day.isoformat()}: {count:,} {escape(unit)}</title></rect>"
        )


def _squares(cells: list[tuple[date, int, int]], first: date) -> Iterator[str]:
    """One path a level, each square a short line as wide as it is long."""
    for level in range(_LEVELS + 1):
        places = [_place(day, first) for day, _, its in cells if its == level]
        path = "".join(f"M{x + _CELL // 2} {y}v{_CELL}" for x, y in places)
        if path:
            yield f'<path class="squares level-{level}" d="{path}"/>'


def _months(first: date, until: date) -> Iterator[str]:
    """The name of each month over its first whole week."""
    weeks = [first + timedelta(days=7 * n) for n in range(53)]
    for (_, month), group in groupby(weeks, key=lambda day: (day.year, day.month)):
        begin = next(group)
        x, _ = _place(begin, first)
        if begin.day <= 7 and begin <= until - timedelta(days=7):
            yield _text(x, 11, _MONTHS[month - 1])


def _legend(bounds: Sequence[int], width: int, y: int, unit: str) -> str:
    """At the right end, which is in view on a phone, too."""
    if not bounds:
        return _text(width - 8, y + 9, f"no {unit}", "end")
    parts, x = [], width
    for lowest in (*reversed(bounds), 0):
        words = f"{lowest:,}+" if lowest else "0"
        x -= 26 + 7 * len(words)
        level = _level(lowest, bounds)
        parts.append(
            f'<rect class="level-{level}" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="2"/>'
            + _text(x + 14, y + 9, words)
        )
    return "".join(parts)


def _year_told(days: list[date], counts: Mapping[date, int], unit: str) -> str:
    given = [(counts.get(day, 0), day) for day in days]
    total, active = sum(count for count, _ in given), sum(count > 0 for count, _ in given)
    if not total:
        return f"No {unit} from {days[0]} to {days[-1]}."
    most, best = max(given)
    return (
        f"{total:,} {unit} on {active} of {len(days)} days from {days[0]} to {days[-1]};"
        f" most on {best}: {most:,}."
    )


# --- lines ----------------------------------------------------------------------------------

_WIDTH, _HEIGHT = 380, 170
_X, _Y, _RIGHT, _FLOOR = 40, 10, 372, 140
"""The field inside the axes."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a line."""

    value: float | None
    """A share from 0 to 1; None where there is none."""
    told: str = ""
    """What the mouse is told."""
    few: bool = False
    """Whether it rests on few numbers: it is drawn hollow."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the second is dashed and has squares for dots."""

    label: str
    points: tuple[Point, ...]


def shares(
    name: str,
    title: str,
    labels: Sequence[str],
    lines: Sequence[Line],
    *,
    goal: float | None = None,
) -> str:
    """Up to two lines of shares, in per cent; `labels` below, as many as there are points.

    `goal`: a dotted line to compare with.
    """
    values = [point.value for line in lines for point in line.points if point.value is not None]
    low = min(int(min([*values, goal or 1.0, 0.9]) * 10) / 10, 0.9)
    parts = [_share_axis(low), _labels(labels)]
    if goal is not None:
        y = _height(goal, low)
        parts.append(f'<path class="goal" d="M{_X} {y:.1f}H{_RIGHT}"/>')
    parts += [
        drawn for n, line in enumerate(lines[:2]) for drawn in _line(line, n, len(labels), low)
    ]
    if len(lines) > 1:
        parts += [_key(n, line.label) for n, line in enumerate(lines[:2])]
    told = "; ".join(_line_told(line, labels) for line in lines[:2]) or "No values."
    size = (_WIDTH, _HEIGHT + 14 * (len(lines) > 1))
    return _plot(name, title, told, size, "".join(parts), fixed=False)


def _height(share: float, low: float) -> float:
    return _FLOOR - (_FLOOR - _Y) * (share - low) / (1 - low)


def _share_axis(low: float) -> str:
    steps = [low, (low + 1) / 2, 1.0]
    lines = (f'<path class="axis" d="M{_X} {_height(s, low):.1f}H{_RIGHT}"/>' for s in steps)
    words = (_text(_X - 5, _height(s, low) + 4, f"{s * 100:.0f} %", "end") for s in steps)
    return "".join([*lines, *words])


def _at(n: int, count: int) -> float:
    """The middle of the n-th of `count` places."""
    return _X + (_RIGHT - _X) * (n + 0.5) / max(count, 1)


def _labels(labels: Sequence[str]) -> str:
    """As many as have room."""
    widest = max((len(label) for label in labels), default=1) * 6.5 + 8
    step = max(1, -(-round(widest * len(labels)) // (_RIGHT - _X)))
    return "".join(
        _text(_at(n, len(labels)), _FLOOR + 16, label, "middle")
        for n, label in enumerate(labels)
        if n % step == 0
    )


def _line(line: Line, number: int, count: int, low: float) -> Iterator[str]:
    """Unbroken stretches, then a dot a value."""
    places = [
        (_at(n, count), _height(point.value, low), point)
        for n, point in enumerate(line.points)
        if point.value is not None
    ]
    numbers = [n for n, point in enumerate(line.points) if point.value is not None]
    style = f"line line-{number}"
    stretches = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    for _, stretch in stretches:
        path = "L".join(f"{places[at][0]:.1f} {places[at][1]:.1f}" for at, _ in stretch)
        yield f'<path class="{style}" d="M{path}"/>'
    for x, y, point in places:
        yield _dot(x, y, number, point)


def _dot(x: float, y: float, number: int, point: Point) -> str:
    style = f"dot dot-{number}{' few' if point.few else ''}"
    said = f"<title>{escape(point.told)}</title>" if point.told else ""
    if number:
        return f'<rect class="{style}" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6">{said}</rect>'
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3.2">{said}</circle>'


def _key(number: int, label: str) -> str:
    x, y = _X + 130 * number, _HEIGHT + 6
    drawn = f'<path class="line line-{number}" d="M{x} {y}h26"/>'
    return drawn + _dot(x + 13, y, number, Point(0.0)) + _text(x + 32, y + 4, label)


def _line_told(line: Line, labels: Sequence[str]) -> str:
    told = (
        f"{label} {point.value * 100:.0f} %{' (few)' if point.few else ''}"
        for label, point in zip(labels, line.points, strict=False)
        if point.value is not None
    )
    return f"{line.label}: {', '.join(told) or 'no values'}"


# --- bars -----------------------------------------------------------------------------------


def bars(
    name: str,
    title: str,
    counts: Sequence[tuple[str, int]],
    *,
    unit: str = "cards",
    hover: bool = True,
) -> str:
    """A bar a (label, count), from the left; as many labels as have room.

    `hover`: whether each bar tells its number to the mouse; it makes the plot four times larger.
    """
    top = _round_up(max((count for _, count in counts), default=0))
    width = (_RIGHT - _X) / max(len(counts), 1)
    path, drawn = "", ""
    for n, (label, count) in enumerate(counts):
        x, high = _X + (n + 0.1) * width, (_FLOOR - _Y) * count / top
        if hover:
            drawn += (
                f'<rect class="bar" x="{x:.1f}" y="{_FLOOR - high:.1f}"'
                f' width="{width * 0.8:.1f}" height="{high:.1f}">'
                f"<title>{escape(isolated(label))}: {count:,} {escape(unit)}</title></rect>"
            )
        elif count:
            path += f"M{x:.1f} {_FLOOR}v-{high:.1f}h{width * 0.8:.1f}V{_FLOOR}z"
    drawn += f'<path class="bar" d="{path}"/>' if path else ""
    inner = f"{_count_axis(top)}{drawn}{_labels([label for label, _ in counts])}"
    total = sum(count for _, count in counts)
    told = f"{total:,} {unit}: " + ", ".join(f"{label} {count:,}" for label, count in counts)
    return _plot(name, title, told, (_WIDTH, _HEIGHT), inner, fixed=False)


def _round_up(most: int) -> int:
    """The end of the axis: an even number a person would write there."""
    step = 1
    while most > step * 10:
        step *= 10
    return next((n * step for n in (2, 4, 6, 8, 10) if n * step >= most), 10 * step)


def _count_axis(top: int) -> str:
    steps = [(0, _FLOOR), (top // 2, (_FLOOR + _Y) / 2), (top, _Y)]
    return "".join(
        f'<path class="axis" d="M{_X} {y:g}H{_RIGHT}"/>{_text(_X - 5, y + 4, f"{n:,}", "end")}'
        for n, y in steps
    )


def share_bar(share: float | None) -> str:
    """A share from 0 to 1 as a small bar for a cell; the number stands beside it, so it is mute."""
    filled = max(0.0, min(share or 0.0, 1.0)) * 60
    return (
        '<svg class="plot" viewBox="0 0 60 8" style="width:60px;display:inline-block" aria-hidden="true">'
        '<rect class="level-0" width="60" height="8" rx="2"/>'
        f'<rect class="bar" width="{filled:.1f}" height="8" rx="2"/></svg>'
    )
