"""A report as one page, and its plots, read back from their marks."""

import xml.etree.ElementTree as ET
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.errors import UsageError
from ankiforge.reports.html import environment, share_cell, write_page

TODAY = date(2026, 11, 21)
"""A Saturday."""


def drawn(part: str, **values: Any) -> str:
    """A part of a page: `table("By deck", heads, rows)`."""
    return template(f'{{% import "parts.html" as parts %}}{{{{ parts.{part} }}}}').render(**values)


template = cache(environment().from_string)


def page(title: str, text: str = "words", below: str = "") -> str:
    source = '{% extends "page.html" %}{% block main %}<p title="{{ text }}">{{ text }}</p>{% endblock %}'
    return template(source).render(version="1", title=title, below=below, text=text)


class Read(HTMLParser):
    """The elements of a page, and those that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def cells(text: str) -> dict[str, Any]:
    link, below = {"anchor": text, "text": text}, {"text": text, "below": text}
    return {"a": link, "b": below, "c": {"ids": [text, text]}}


@given(st.text())
def test_text_is_never_markup(text):
    plain, whole = (
        Read(
            page(one, one, one or "below")
            + drawn("table(t, ['head'], [[t]])", t=one)
            + drawn("facts([(t, t, t)])", t=one)
            + drawn("bars('b', t, [(t, 1)], t)", t=one)
            + drawn("table(t, ['head'], [[a], [b], [c]])", t=one, **cells(one))
        )
        for one in ("words", text)
    )
    assert whole.open == []
    assert whole.tags == plain.tags


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[1mc\ud800d\u0085e\tf", "ab[1mcde\tf"),
        ("a \u202eb", "\u2068a \u202eb\u2069"),
        ('<b>"&', "&lt;b&gt;&#34;&amp;"),
    ],
    ids=["unfit", "bidi", "markup"],
)
def test_text_is_shown_as_it_is_and_reorders_nothing(text, shown):
    assert f'<p title="{shown}">{shown}</p>' in page("Report", text)


def test_a_table_says_what_its_rows_and_columns_are():
    made = drawn('table("By deck", ["deck", "#cards"], [["Reading", 3]])')
    assert "<caption>By deck</caption>" in made
    assert '<th scope="col">deck</th><th scope="col" class="number">cards</th>' in made
    assert '<th scope="row"><bdi>Reading</bdi></th><td class="number">3</td>' in made


def test_a_cell_may_be_a_share_beside_its_bar():
    made = drawn('table("By deck", ["#share"], [[one], [unknown]])', one=share_cell(0.5, 1, " *"), unknown=share_cell(None))  # fmt: skip
    assert 'width="30.0" height="8" rx="2"/></svg> 50.0 % *</th>' in made
    assert 'width="0.0" height="8" rx="2"/></svg> –</th>' in made


def test_a_page_needs_nothing_from_elsewhere():
    made = page("Report")
    assert "default-src 'none'" in made
    assert not {"script", "img", "iframe"} & set(Read(made).tags)
    assert "http" not in made.replace("http-equiv", "")


def test_only_pages_of_ours_are_replaced(tmp_path):
    path = tmp_path / "report.html"
    write_page(path, page("One"))
    write_page(path, page("Two"))
    assert "<title>Two</title>" in path.read_text()
    path.write_text("<!doctype html>\n<title>a letter of mine</title>" + "x" * 5_000)
    with pytest.raises(UsageError, match="not an ankiforge report"):
        write_page(path, page("Three"))
    assert "a letter of mine" in path.read_text()
    write_page(path, page("Three"), force=True)
    write_page(path, page("Four"))
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("place", [".", "nowhere/report.html"])
def test_a_page_is_a_file_in_a_folder_that_is_there(tmp_path, place):
    with pytest.raises(UsageError):
        write_page(tmp_path / place, page("One"))


# --- a year -----------------------------------------------------------------------------------


def year(counts: dict[date, int], hover: bool = True) -> ET.Element:
    values = {"counts": counts, "today": TODAY, "hover": hover}
    return ET.fromstring(drawn('year("y", "Answers", counts, today, hover=hover)', **values))


def rectangles(svg: ET.Element, style: str) -> list[ET.Element]:
    return [one for one in svg.iter("rect") if one.get("class", "").startswith(style)]


def squares(svg: ET.Element) -> dict[str, str]:
    """The level of each day, by its tooltip."""
    found = [(one.findtext("title"), one.get("class")) for one in rectangles(svg, "level-")]
    return {str(title): str(style) for title, style in found if title}


def test_a_year_has_each_day_once_and_ends_today():
    days = squares(year({TODAY: 3}))
    assert len(days) == 52 * 7 + 6
    assert next(iter(days)) == "2025-11-17: 0 answers"
    assert days["2026-11-21: 3 answers"] == "level-4"
    assert "2026-11-22: 0 answers" not in days


def test_more_answers_are_never_paler_than_fewer():
    counts = {TODAY - timedelta(days=n): n for n in range(100)}
    days = squares(year(counts))
    levels = [days[f"{day}: {n} answers"] for day, n in counts.items()]
    assert levels == sorted(levels)
    assert levels[0] == "level-0"
    assert set(levels) == {f"level-{n}" for n in range(5)}


def test_a_year_tells_its_sum_and_its_best_day_in_words():
    counts = {TODAY: 3, TODAY - timedelta(days=7): 1200, TODAY - timedelta(days=900): 9}
    words = year(counts, hover=False).findtext("desc") or ""
    assert "1,203 answers on 2 of 370 days" in words
    assert "most on 2026-11-14: 1,200" in words
    assert (year({}).findtext("desc") or "").startswith("No answers")


def test_without_hovering_a_year_is_much_smaller_and_says_the_same():
    counts = {TODAY - timedelta(days=n): n % 9 for n in range(300)}
    whole, bare = (year(counts, hover) for hover in (True, False))
    assert len(ET.tostring(bare)) < len(ET.tostring(whole)) / 3
    assert bare.findtext("desc") == whole.findtext("desc")
    dark = next(one for one in bare.iter("path") if one.get("class", "").endswith("level-4"))
    level = squares(whole).values()
    assert str(dark.get("d")).count("M") == sum(style == "level-4" for style in level)


# --- lines ------------------------------------------------------------------------------------


def shares(labels: str, *lines: Any) -> ET.Element:
    values = {"labels": list(labels), "lines": lines}
    return ET.fromstring(drawn('shares("r", "Retention", labels, lines, 0.9)', **values))


def test_a_line_is_broken_where_there_is_no_value_and_hollow_where_there_are_few():
    points = [(0.9, "", False), (0.8, "", False), (None, "", False), (1.0, "", True)]
    svg = shares("abcd", ("young", points))
    [path] = [one for one in svg.iter("path") if one.get("class") == "line line-0"]
    dots = [one.get("class") for one in svg.iter("circle")]
    assert [sign for sign in str(path.get("d")) if sign.isalpha()] == ["M", "L", "M"]
    assert dots == ["dot dot-0", "dot dot-0", "dot dot-0 few"]
    assert svg.findtext("desc") == "young: a 90 %, b 80 %, d 100 % (few)"


def test_two_lines_differ_in_shape():
    svg = shares("a", ("young", [(0.9, "", False)]), ("mature", [(0.8, "", False)]))
    assert len(list(svg.iter("circle"))) == 2  # one of them in the key
    assert len(rectangles(svg, "dot dot-1")) == 2


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=14))
def test_every_value_stands_inside_the_plot(values):
    svg = shares("abcdefghijklmn"[: len(values)], ("x", [(one, "", False) for one in values]))
    heights = [float(str(one.get("cy"))) for one in svg.iter("circle")]
    assert len(heights) == sum(value is not None for value in values)
    assert all(9.9 <= y <= 140.1 for y in heights)


# --- bars -------------------------------------------------------------------------------------


def bars(counts: list[tuple[str, int]], hover: bool = True) -> ET.Element:
    return ET.fromstring(
        drawn('bars("b", "Load", counts, hover=hover)', counts=counts, hover=hover)
    )


@given(st.lists(st.integers(0, 10**7), max_size=40))
def test_bars_are_as_high_as_what_they_count(counts):
    svg = bars([(str(n), count) for n, count in enumerate(counts)])
    heights = [float(str(one.get("height"))) for one in rectangles(svg, "bar")]
    most = max(counts, default=0)
    assert len(heights) == len(counts)
    assert all(height <= 130.0 for height in heights)
    if most:
        tallest = max(heights)
        assert tallest > 60  # at least half of the height is used
        for height, count in zip(heights, counts, strict=True):
            assert height == pytest.approx(tallest * count / most, abs=0.2)


def test_without_hovering_bars_are_much_smaller_and_say_the_same():
    counts = [(f"{n} Nov", n % 7) for n in range(30)]
    whole, bare = (bars(counts, hover) for hover in (True, False))
    assert len(ET.tostring(bare)) < len(ET.tostring(whole)) / 1.5
    assert bare.findtext("desc") == whole.findtext("desc")
    [path] = [one for one in bare.iter("path") if one.get("class") == "bar"]
    assert str(path.get("d")).count("M") == sum(count > 0 for _, count in counts)


def test_labels_never_overlap():
    svg = bars([(f"{n} November", n) for n in range(1, 31)])
    labels = [one for one in svg.iter("text") if "November" in (one.text or "")]
    places = [float(str(one.get("x"))) for one in labels]
    assert len(places) >= 3
    assert min(b - a for a, b in pairwise(places)) > 6.5 * len("30 November")
