"""The plots of a report, read back from their marks."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.reports import plots
from ankiforge.reports.plots import Line, Point

TODAY = date(2026, 11, 21)
"""A Saturday."""


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def told(svg: str) -> str:
    return drawn(svg).findtext("desc") or ""


def rectangles(svg: str, style: str) -> list[ET.Element]:
    return [one for one in drawn(svg).iter("rect") if one.get("class", "").startswith(style)]


# --- a year -----------------------------------------------------------------------------------


def squares(svg: str) -> dict[str, str]:
    """Of each day its number and level, as the mouse is told."""
    found = [(one.findtext("title"), one.get("class")) for one in rectangles(svg, "level-")]
    return {str(title): str(style) for title, style in found if title}


def test_a_year_has_each_day_once_and_ends_today() -> None:
    days = squares(plots.year("y", "Answers", {TODAY: 3}, TODAY))
    assert len(days) == 52 * 7 + 6
    assert next(iter(days)) == "2025-11-17: 0 answers"
    assert days["2026-11-21: 3 answers"] == "level-4"
    assert "2026-11-22: 0 answers" not in days


def test_more_answers_are_never_paler_than_fewer() -> None:
    counts = {TODAY - timedelta(days=n): n for n in range(100)}
    days = squares(plots.year("y", "Answers", counts, TODAY))
    levels = [days[f"{day}: {n} answers"] for day, n in counts.items()]
    assert levels == sorted(levels)
    assert levels[0] == "level-0"
    assert set(levels) == {f"level-{n}" for n in range(5)}


def test_a_year_tells_its_sum_and_its_best_day_in_words() -> None:
    counts = {TODAY: 3, TODAY - timedelta(days=7): 1200, TODAY - timedelta(days=900): 9}
    words = told(plots.year("y", "Answers", counts, TODAY, hover=False))
    assert "1,203 answers on 2 of 370 days" in words
    assert "most on 2026-11-14: 1,200" in words
    assert told(plots.year("y", "Answers", {}, TODAY)).startswith("No answers")


def test_without_hovering_a_year_is_much_smaller_and_says_the_same() -> None:
    counts = {TODAY - timedelta(days=n): n % 9 for n in range(300)}
    whole, bare = (plots.year("y", "A", counts, TODAY, hover=hover) for hover in (True, False))
    assert len(bare) < len(whole) / 3
    assert told(bare) == told(whole)
    dark = next(one for one in drawn(bare).iter("path") if one.get("class", "").endswith("level-4"))
    level = squares(whole).values()
    assert str(dark.get("d")).count("M") == sum(style == "level-4" for style in level)


# --- lines ------------------------------------------------------------------------------------


def test_a_line_is_broken_where_there_is_no_value_and_hollow_where_there_are_few() -> None:
    points = (Point(0.9), Point(0.8), Point(None), Point(1.0, few=True))
    svg = plots.shares("r", "Retention", ["a", "b", "c", "d"], [Line("young", points)])
    paths = [one for one in drawn(svg).iter("path") if one.get("class") == "line line-0"]
    dots = [one.get("class") for one in drawn(svg).iter("circle")]
    assert len(paths) == 2
    assert dots == ["dot dot-0", "dot dot-0", "dot dot-0 few"]
    assert told(svg) == "young: a 90 %, b 80 %, d 100 % (few)"


def test_two_lines_differ_in_shape() -> None:
    lines = [Line("young", (Point(0.9),)), Line("mature", (Point(0.8),))]
    svg = plots.shares("r", "Retention", ["a"], lines)
    assert len(list(drawn(svg).iter("circle"))) == 2  # one of them in the key
    assert len(rectangles(svg, "dot dot-1")) == 2


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=14))
def test_every_value_stands_inside_the_plot(values: list[float | None]) -> None:
    labels = [str(n) for n in range(len(values))]
    svg = plots.shares("r", "R", labels, [Line("x", tuple(map(Point, values)))], goal=0.9)
    heights = [float(str(one.get("cy"))) for one in drawn(svg).iter("circle")]
    assert len(heights) == sum(value is not None for value in values)
    assert all(9.9 <= y <= 140.1 for y in heights)


# --- bars -------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**7), max_size=40))
def test_bars_are_as_high_as_what_they_count(counts: list[int]) -> None:
    svg = plots.bars("b", "Load", [(str(n), count) for n, count in enumerate(counts)])
    heights = [float(str(one.get("height"))) for one in rectangles(svg, "bar")]
    most = max(counts, default=0)
    assert len(heights) == len(counts)
    assert all(height <= 130.0 for height in heights)
    if most:
        tallest = max(heights)
        assert tallest > 60  # at least half of the height is used
        for height, count in zip(heights, counts, strict=True):
            assert height == pytest.approx(tallest * count / most, abs=0.2)


def test_without_hovering_bars_are_much_smaller_and_say_the_same() -> None:
    counts = [(f"{n} Nov", n % 7) for n in range(30)]
    whole, bare = (plots.bars("b", "Load", counts, hover=hover) for hover in (True, False))
    assert len(bare) < len(whole) / 1.5
    assert told(bare) == told(whole)
    [path] = [one for one in drawn(bare).iter("path") if one.get("class") == "bar"]
    assert str(path.get("d")).count("M") == sum(count > 0 for _, count in counts)


def test_labels_never_overlap() -> None:
    svg = plots.bars("b", "Load", [(f"{n} November", n) for n in range(1, 31)])
    labels = [one for one in drawn(svg).iter("text") if "November" in (one.text or "")]
    places = [float(str(one.get("x"))) for one in labels]
    assert len(places) >= 3
    assert min(b - a for a, b in pairwise(places)) > 6.5 * len("30 November")


def test_words_of_others_stay_words() -> None:
    svg = plots.bars('"><script>', "<b>", [("<i>&", 1)], unit="<u>")
    assert {one.tag for one in drawn(svg).iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "path",
        "text",
    }
    assert drawn(svg).findtext("title") == "<b>"
