"""Reports as HTML pages that need no network, no script and no other file.

The templates in `templates/` escape every value; text with bidirectional controls is isolated, and
characters that no page may hold are left out. The functions ending in `_plot` compute positions;
`templates/parts.html` draws them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ankiforge import __version__
from ankiforge.errors import UsageError
from ankiforge.reports import text
from ankiforge.text.fold import isolated

_GENERATOR = b'<meta name="generator" content="ankiforge '
_HEAD_BYTES = 1_000
"""The generator is named within the first bytes of a page."""
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def render(template: str, **values: Any) -> str:
    """Return a page: a template of this package, filled in."""
    return environment().get_template(template).render(version=__version__, **values)


@cache
def environment() -> Environment:
    """Return the templates, with the functions that they use."""
    environment = Environment(
        loader=PackageLoader("ankiforge.reports"),
        autoescape=True,
        finalize=_as_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (year_plot, shares_plot, bars_plot, text.counted, text.dollars, text.duration,
                     text.number, text.percent):  # fmt: skip
        environment.globals[function.__name__] = function
    return environment


def _as_text(value: object) -> object:
    return value if isinstance(value, Markup) else _UNFIT.sub("", isolated(str(value)))


def markup(template: str, *values: object) -> Markup:
    """Fill `{}` in markup with values, escaped as in a template."""
    return Markup(template).format(*map(_as_text, values))


def share_bar(share: float | None, digits: int = 0) -> Markup:
    """Return a share from 0 to 1 in per cent, beside a small bar."""
    bar = (
        '<svg class="plot" viewBox="0 0 60 8" style="width:60px;display:inline-block" aria-hidden="true">'
        '<rect class="level-0" width="60" height="8" rx="2"/>'
        '<rect class="bar" width="{:.1f}" height="8" rx="2"/></svg> '
    )
    return Markup(bar).format((share or 0) * 60) + text.percent(share, digits)


# --- the file -------------------------------------------------------------------------------


def write_page(path: Path, page: str, *, force: bool = False) -> None:
    """Write a page whole or not at all.

    Raises:
        UsageError: another file is in the way and `force` is not set, or it cannot be written.
    """
    check_place(path, force=force)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(page, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def check_place(path: Path, *, force: bool = False) -> None:
    """Check, before any work is done, that a page may be written to a path.

    Raises:
        UsageError: it is a folder, in no folder, or a file that this program did not write.
    """
    hint = "name a file: --html report.html"
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint=hint)
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder", hint=hint)
    if path.exists() and not force and not _is_page(path):
        what = f"{path}: is no page of ankiforge; it is left as it is"
        raise UsageError(what, hint="another name, or --force to replace it")


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _GENERATOR in file.read(_HEAD_BYTES)
    except OSError:
        return False


# --- plots ----------------------------------------------------------------------------------

_LEFT, _TOP, _RIGHT, _FLOOR = 40, 10, 372, 140
"""The field inside the axes of a plot of shares or bars."""
_LEVELS = 4


def year_plot(counts: Mapping[date, int], until: date) -> dict[str, Any]:
    """Place the days of the 53 weeks that end with `until`: a column a week, Monday on top."""
    first = until - timedelta(days=until.weekday() + 52 * 7)
    days = [first + timedelta(days=n) for n in range((until - first).days + 1)]
    values = [counts.get(day, 0) for day in days]
    # a darker colour from each quarter of the days that have any
    some = sorted(filter(None, values))
    quarters = [some[len(some) * n // _LEVELS] for n in range(1, _LEVELS)] if some else []
    bounds = list(dict.fromkeys([1, *quarters])) if some else []

    def level(value: int) -> int:
        reached = sum(value >= bound for bound in bounds)
        return reached and reached + _LEVELS - len(bounds)

    squares = [
        (30 + n // 7 * 12, 16 + n % 7 * 12, day, value, level(value))
        for n, (day, value) in enumerate(zip(days, values, strict=True))
    ]
    legend, x = [], 674
    for lowest in [*reversed(bounds), 0] if bounds else []:
        label = f"{lowest:,}+" if lowest else "0"
        x -= 26 + 7 * len(label)
        legend.append((x, level(lowest), label))
    return {
        "days": days,
        "squares": squares,
        "paths": [
            (n, "".join(f"M{x + 5} {y}v10" for x, y, _, _, its in squares if its == n))
            for n in sorted({its for *_, its in squares})
        ],
        "months": [
            (x, f"{day:%b}")
            for x, y, day, *_ in squares
            if y == 16 and day.day <= 7 and day <= until - timedelta(days=7)
        ],
        "legend": legend,
        "total": sum(values),
        "active": len(some),
        "best": max(zip(values, days, strict=True)),
    }


Point = tuple[float | None, str, bool]
"""A share from 0 to 1 or None, its tooltip, and whether it rests on few numbers."""


def shares_plot(
    labels: Sequence[str], lines: Sequence[tuple[str, Sequence[Point]]], goal: float
) -> dict[str, Any]:
    """Place lines of shares, a point above each label, and a line at the goal."""
    values = [value for _, points in lines for value, *_ in points if value is not None]
    low = min(int(min([*values, goal, 0.9]) * 10) / 10, 0.9)

    def height(share: float) -> float:
        return _FLOOR - (_FLOOR - _TOP) * (share - low) / (1 - low)

    drawn = []
    for label, points in lines:
        path, dots, told, pen = "", [], [], "M"
        for (x, _), name, (value, words, few) in zip(
            _columns(len(labels)), labels, points, strict=True
        ):
            if value is not None:
                path += f"{pen}{x:.1f} {height(value):.1f}"
                dots.append((x, height(value), words, few))
                told.append(f"{name} {value * 100:.0f} %{' (few)' if few else ''}")
            pen = "M" if value is None else "L"
        drawn.append((label, path, dots, f"{label}: {', '.join(told) or 'no values'}"))
    return {
        "axis": [(height(step), text.percent(step)) for step in (low, (low + 1) / 2, 1.0)],
        "labels": list(_labels(labels)),
        "goal": height(goal),
        "lines": drawn,
    }


def bars_plot(counts: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Place a bar for each (label, count)."""
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
    """Return the middle of each of `count` columns, and where its bar begins."""
    width = (_RIGHT - _LEFT) / max(count, 1)
    return ((_LEFT + (n + 0.5) * width, _LEFT + (n + 0.1) * width) for n in range(count))


def _labels(labels: Sequence[str]) -> Iterator[tuple[float, str]]:
    """Return as many labels as have room, each with the middle of its column."""
    widest = max(map(len, labels), default=1) * 6.5 + 8
    step = max(1, -(-round(widest * len(labels)) // (_RIGHT - _LEFT)))
    for n, ((x, _), label) in enumerate(zip(_columns(len(labels)), labels, strict=True)):
        if n % step == 0:
            yield x, label
