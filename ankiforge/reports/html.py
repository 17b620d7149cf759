"""Reports as HTML pages that need no network, no script and no other file.

The templates in `templates/` escape every value. Text with bidirectional controls is isolated, and
characters that are invalid in HTML are removed. The functions ending in `_plot` compute positions,
and `templates/parts.html` draws them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ankiforge import __version__
from ankiforge.errors import UsageError
from ankiforge.reports.export import write
from ankiforge.text import display
from ankiforge.text.fold import isolated

if TYPE_CHECKING:
    from jinja2 import Environment

_GENERATOR = b'<meta name="generator" content="ankiforge '
_HEAD_BYTES = 1_000
"""The generator is in these first bytes of a page."""
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def render(template: str, **values: Any) -> str:
    """Render a template of this package."""
    return environment().get_template(template).render(version=__version__, **values)


@cache
def environment() -> Environment:
    """Return the environment of the templates, with the functions that they use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ankiforge.reports"),
        autoescape=True,
        finalize=_as_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (year_plot, shares_plot, bars_plot, display.counted, display.dollars, display.duration,
                     display.number, display.percent):  # fmt: skip
        environment.globals[function.__name__] = function
    return environment


def _as_text(value: object) -> object:
    if isinstance(value, Markup):
        return value
    text = str(value)
    return text if text.isascii() and text.isprintable() else _UNFIT.sub("", isolated(text))


def share_cell(share: float | None, digits: int = 0, after: str = "") -> dict[str, Any]:
    """Return a table cell that shows a share (0 to 1) in per cent, next to a small bar."""
    return {"share": share, "digits": digits, "after": after}


# --- the file -------------------------------------------------------------------------------


def write_page(path: Path, page: str, *, force: bool = False) -> None:
    """Write a page completely or not at all.

    Raises:
        UsageError: another file is in the way and `force` is not set, or it cannot be written.
    """
    check_place(path, force=force)
    try:
        write(path, [page])
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def check_place(path: Path, *, force: bool = False) -> None:
    """Check, before any other work, that a page may be written to a path.

    Raises:
        UsageError: the path is a folder, has no parent folder, or is a file of another program.
    """
    hint = "name a file: --html report.html"
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint=hint)
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder", hint=hint)
    if path.exists() and not force and not _is_page(path):
        what = f"{path}: is not an ankiforge report; it was left unchanged"
        raise UsageError(what, hint="use another name, or --force to replace it")


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _GENERATOR in file.read(_HEAD_BYTES)
    except OSError:
        return False


# --- plots ----------------------------------------------------------------------------------

_LEFT, _TOP, _RIGHT, _FLOOR = 40, 10, 372, 140
"""The area inside the axes of a plot of shares or bars."""
_LEVELS = 4


@cache
def _year(until: date) -> tuple[list[date], list[tuple[int, int, str]]]:
    """Return the days of 53 weeks, and for each its position and the path of its square."""
    first = until - timedelta(days=until.weekday() + 52 * 7)
    count = (until - first).days + 1
    places = [(30 + n // 7 * 12, 16 + n % 7 * 12) for n in range(count)]
    return (
        [first + timedelta(days=n) for n in range(count)],
        [(x, y, f"M{x + 5} {y}v10") for x, y in places],
    )


def year_plot(counts: Mapping[date, int], until: date) -> dict[str, Any]:
    """Lay out the days of the 53 weeks that end with `until`, one column a week, Monday on top."""
    days, places = _year(until)
    values = [counts.get(day, 0) for day in days]
    # four levels of colour, bounded by the quartiles of the days with a count
    some = sorted(filter(None, values))
    quarters = [some[len(some) * n // _LEVELS] for n in range(1, _LEVELS)] if some else []
    bounds = list(dict.fromkeys([1, *quarters])) if some else []

    def level(value: int) -> int:
        reached = sum(value >= bound for bound in bounds)
        return reached and reached + _LEVELS - len(bounds)

    level_of = {value: level(value) for value in {0, *bounds, *values}}
    paths: dict[int, str] = dict.fromkeys(range(_LEVELS + 1), "")
    for value, (_, _, path) in zip(values, places, strict=True):
        paths[level_of[value]] += path
    legend, x = [], 674
    for lowest in [*reversed(bounds), 0] if bounds else []:
        label = f"{lowest:,}+" if lowest else "0"
        x -= 26 + 7 * len(label)
        legend.append((x, level_of[lowest], label))
    return {
        "days": days,
        "squares": [
            (x, y, day, value, level_of[value])
            for (x, y, _), day, value in zip(places, days, values, strict=True)
        ],
        "paths": [(its, path) for its, path in paths.items() if path],
        # above the first whole week of each month
        "months": [
            (30 + n // 7 * 12, f"{days[n]:%b}")
            for n in range(0, len(days) - 7, 7)
            if days[n].day <= 7
        ],
        "legend": legend,
        "total": sum(values),
        "active": len(some),
        "best": max(zip(values, days, strict=True)),
    }


Point = tuple[float | None, str, bool]
"""A share (0 to 1) or None, its tooltip, and whether it is based on few values."""


def shares_plot(
    labels: Sequence[str], lines: Sequence[tuple[str, Sequence[Point]]], goal: float
) -> dict[str, Any]:
    """Lay out lines of shares with a point above each label, and a horizontal line at the goal."""
    values = [value for _, points in lines for value, *_ in points if value is not None]
    low = min(int(min([*values, goal, 0.9]) * 10) / 10, 0.9)

    def height(share: float) -> float:
        return _FLOOR - (_FLOOR - _TOP) * (share - low) / (1 - low)

    placed = []
    for label, points in lines:
        path, dots, values_read, pen = "", [], [], "M"
        for (x, _), name, (value, words, few) in zip(
            _columns(len(labels)), labels, points, strict=True
        ):
            if value is not None:
                path += f"{pen}{x:.1f} {height(value):.1f}"
                dots.append((x, height(value), words, few))
                values_read.append(f"{name} {value * 100:.0f} %{' (few)' if few else ''}")
            pen = "M" if value is None else "L"
        placed.append((label, path, dots, f"{label}: {', '.join(values_read) or 'no values'}"))
    return {
        "axis": [(height(step), display.percent(step)) for step in (low, (low + 1) / 2, 1.0)],
        "labels": list(_labels(labels)),
        "goal": height(goal),
        "lines": placed,
    }


def bars_plot(counts: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Lay out a bar for each (label, count)."""
    most = max((count for _, count in counts), default=0)
    step = 1
    while most > step * 10:
        step *= 10
    top = next(n * step for n in (2, 4, 6, 8, 10) if n * step >= most)
    bars = [
        (left, (_FLOOR - _TOP) * count / top, label, count)
        for (_, left), (label, count) in zip(_columns(len(counts)), counts, strict=True)
    ]
    return {
        "axis": [(_FLOOR, "0"), ((_FLOOR + _TOP) / 2, f"{top // 2:,}"), (_TOP, f"{top:,}")],
        "labels": list(_labels([label for label, _ in counts])),
        "width": 0.8 * (_RIGHT - _LEFT) / max(len(counts), 1),
        "bars": bars,
        "total": sum(count for _, count in counts),
    }


def _columns(count: int) -> Iterator[tuple[float, float]]:
    """Yield the positions of `count` columns, as (centre, left edge of the bar)."""
    width = (_RIGHT - _LEFT) / max(count, 1)
    return ((_LEFT + (n + 0.5) * width, _LEFT + (n + 0.1) * width) for n in range(count))


def _labels(labels: Sequence[str]) -> Iterator[tuple[float, str]]:
    """Yield as many labels as fit, each with the centre of its column."""
    widest = max(map(len, labels), default=1) * 6.5 + 8
    step = max(1, -(-round(widest * len(labels)) // (_RIGHT - _LEFT)))
    for n, ((x, _), label) in enumerate(zip(_columns(len(labels)), labels, strict=True)):
        if n % step == 0:
            yield x, label
