"""The figures as a page: tables and plots, for each deck and document, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from ankiforge.model.retention import Answers
from ankiforge.reports import plots
from ankiforge.reports.html import (
    Column,
    Html,
    beside,
    element,
    facts,
    figure,
    folded,
    joined,
    note,
    page,
    section,
    table,
)
from ankiforge.reports.stats.counting import Statistics, load_of
from ankiforge.reports.stats.drawing import Outcome
from ankiforge.reports.stats.groups import DIMENSIONS, FEW, IN_TIME, Group
from ankiforge.reports.stats.hints import missing
from ankiforge.reports.stats.telling import (
    COLUMNS,
    LABELS,
    SHARED,
    as_of,
    chosen,
    drawer,
    duration,
    each,
    hardness,
    number,
    percent,
    row_of,
)
from ankiforge.reports.summary import counted, dollars

PLOTTED = 200
"""Decks, and documents, that have plots of their own; all others stand in the table."""
GOAL = 0.9
"""Where Anki aims unless told otherwise."""
_PLURAL = {"deck": "Decks", "document": "Documents", "drafter": "Drafters", "model": "Models",
           "prompt": "Prompts", "kind": "Kinds of cards", "check": "Findings"}  # fmt: skip


def as_page(found: Statistics, program: str) -> str:
    """The whole page."""
    below = " · ".join(filter(None, (chosen(found), as_of(found))))
    return page("Statistics of ankiforge", *_sections(found, program), below=below)


def _sections(found: Statistics, program: str) -> Iterator[Html]:
    hints = missing(found, program)
    if hints:
        yield section("Not known", element("ul", *(element("li", hint) for hint in hints)))
    yield _way(found)
    if found.total.answers.given:
        yield _answers(found)
    if found.total.counts.cards:
        yield _cards(found)
    if found.drawings.members:
        yield _drafting(found)
    for name in DIMENSIONS:
        known = [one for one in found.groups[name] if one.known]
        if len(known) > 1 or (known and name in IN_TIME):
            yield _groups(found, name, known)


# --- all of it --------------------------------------------------------------------------------


def _way(found: Statistics) -> Html:
    return section("From highlight to memory", facts(
        (what, f"{many:,}", "" if share is None else f"{percent(share)} of {before}")
        for what, many, before, share in found.way.steps
    ))  # fmt: skip


def _answers(found: Statistics) -> Html:
    total, answers = found.total, found.total.answers
    days = len(total.series.days) if total.series else 0
    large = facts([
        ("answers", f"{answers.given:,}", f"on {counted(days, 'day')} since {found.first}"),
        ("time", duration(answers.seconds), f"{number(answers.seconds_each)} s an answer"),
        ("retention", percent(answers.retention), _of_answers(answers.tested, total.few)),
        ("young cards", _share(answers.young_passed, answers.young), _of_answers(answers.young)),
        ("mature cards", _share(answers.mature_passed, answers.mature), _of_answers(answers.mature)),
    ])  # fmt: skip
    return section("Answers", large, *_in_time(found, total, "all"))


def _of_answers(count: int, few: bool = False) -> str:
    return f"of {counted(count, 'answer')}" + (": few" if few and count else "")


def _share(passed: int, count: int) -> str:
    return percent(passed / count if count else None)


def _in_time(found: Statistics, group: Group, name: str, *, hover: bool = True) -> Iterator[Html]:
    """The year, retention and load of a group."""
    series = group.series
    if series is None:
        return
    today = found.days.today
    if series.days:
        what = "Answers a day in the last year"
        year = plots.year(f"{name}-year", what, series.days, today, hover=hover)
        yield figure(year, what, wide=True)
    parts = [*_retention(series.months, name, today)]
    load = load_of(group)
    if any(load):
        bars = [(_day_name(today, n), many) for n, many in enumerate(load)]
        title = f"Cards due in the next {len(load)} days"
        parts.append(
            figure(
                plots.bars(f"{name}-load", title, bars, hover=hover), f"{title}; overdue ones today"
            )
        )
    if parts:
        yield beside(*parts)


def _day_name(today: date, ahead: int) -> str:
    if not ahead:
        return "today"
    day = today + timedelta(days=ahead)
    return f"{day.day} {day:%b}"


def _retention(months: dict[str, Answers], name: str, today: date) -> Iterator[Html]:
    """By month, over the last twelve."""
    labels = _last_months(today)
    shown = [months.get(label, Answers()) for label in labels]
    if not any(one.tested for one in shown):
        return
    young = [(one.young_passed, one.young) for one in shown]
    mature = [(one.mature_passed, one.mature) for one in shown]
    lines = [
        plots.Line(what, tuple(map(_point, labels, counts)))
        for what, counts in (("young cards", young), ("mature cards", mature))
        if any(count for _, count in counts)
    ]
    title = "Retention by month"
    names = [f"{date.fromisoformat(f'{label}-01'):%b}" for label in labels]
    plot = plots.shares(f"{name}-retention", title, names, lines, goal=GOAL)
    caption = f"{title}; hollow: fewer than {FEW} answers; dotted: {GOAL * 100:.0f}\u00a0%"
    yield figure(plot, f"{caption}; {lines[0].label} only" if len(lines) == 1 else caption)


def _point(month: str, counts: tuple[int, int]) -> plots.Point:
    passed, count = counts
    told = f"{month}: {_share(passed, count)} of {counted(count, 'answer')}"
    return plots.Point(passed / count if count else None, told, count < FEW)


def _last_months(today: date) -> list[str]:
    number_of = today.year * 12 + today.month - 1
    return [f"{n // 12}-{n % 12 + 1:02}" for n in range(number_of - 11, number_of + 1)]


def _cards(found: Statistics) -> Html:
    total = found.total
    late = f"{found.overdue:,} overdue" if found.dated else ""
    boxes = [
        ("new", f"{total.counts.new:,}", ""),
        ("learning", f"{total.counts.learning:,}", ""),
        ("young", f"{total.counts.young:,}", ""),
        ("mature", f"{total.counts.mature:,}", "three weeks or more"),
        ("suspended", f"{total.counts.suspended:,}", ""),
    ]
    if found.dated:
        boxes.append(("due today", f"{found.load[0]:,}", late))
    told = f"{counted(total.counts.cards, 'card')} of {counted(total.counts.notes, 'note')}; "
    return section("Cards in Anki", facts(boxes), note(told, ", ".join(hardness(total))))


# --- drafting ---------------------------------------------------------------------------------


def _drafting(found: Statistics) -> Html:
    drawings = [one for one in found.drawings.sorted if one.cards or one.cost.requests]
    heads = ["drafter", "cards", "accepted", "by policy", "edited", "rejected", "waiting",
             "blocked", "kept", "cost of each"]  # fmt: skip
    rows = []
    for one in drawings:
        numbers = (one.cards, one.accepted, one.by_policy, one.edited,
                   *(one.outcomes[w] for w in (Outcome.REJECTED, Outcome.WAITING, Outcome.BLOCKED)))  # fmt: skip
        cells = (*(f"{many:,}" for many in numbers), percent(one.share), each(one))
        rows.append((drawer(one), *cells))
    parts = [table("What became of drafts; kept: of those decided", _columns(heads), rows)]
    reasons = found.drawings.reasons
    if reasons:
        because = [(reason or "no reason given", f"{n:,}") for reason, n in reasons.most_common()]
        parts.append(table("Why cards were rejected", _columns(["reason", "cards"]), because))
    cost = found.drawings.cost
    if cost.requests:
        parts.append(note(_cost(found)))
    return section("Drafts", *parts)


def _cost(found: Statistics) -> str:
    cost, per = found.drawings.cost, found.drawings.each_usd
    spent = "price unknown" if cost.usd is None else f"{dollars(cost.usd)} at list prices"
    each_told = f", {dollars(per)} for each accepted card" if per else ""
    shared = f", {SHARED}" if found.choice.partly else ""
    return (
        f"{counted(cost.requests, 'request')} to models{shared}, {cost.tokens_in:,} tokens in,"
        f" {cost.tokens_out:,} out: {spent}{each_told}"
    )


def _columns(heads: Sequence[str]) -> list[Column]:
    return [Column(head, number=n > 0) for n, head in enumerate(heads)]


# --- by deck, document and more ---------------------------------------------------------------


def _groups(found: Statistics, name: str, groups: list[Group]) -> Html:
    heads = [LABELS[name], *COLUMNS, "suspended", "difficulty", "remembered"]
    rows = [_row(one) for one in groups]
    parts: list[Html] = [table(f"By {LABELS[name]}", _columns(heads), rows)]
    if any(one.few and one.answers.tested for one in groups):
        parts.append(note(f"* rests on fewer than {FEW} answers"))
    if name in IN_TIME:
        parts += [*_folded(found, name, groups)]
    return section(_PLURAL[name], *parts)


def _row(group: Group) -> tuple[object, ...]:
    cells = list(row_of(group))
    bar = Html(plots.share_bar(group.answers.retention))
    retention: object = (
        cells[3] if group.answers.retention is None else joined((bar, cells[3]), " ")
    )
    difficulty, recall = number(group.difficulty.value), percent(group.recall.value)
    more = (f"{group.counts.suspended:,}", difficulty, recall)
    return (group.label, *cells[:3], retention, *cells[4:], *more)


def _folded(found: Statistics, name: str, groups: list[Group]) -> Iterator[Html]:
    """Plots of each, unless there is but one: its plots are those of all."""
    if len(groups) == 1:
        return
    for n, one in enumerate(groups[:PLOTTED]):
        parts = list(_in_time(found, one, f"{name}-{n}", hover=False))
        if parts:
            summary = joined(
                (element("bdi", one.label), f": {counted(one.answers.given, 'answer')}")
            )
            yield folded(summary, *parts)
    if len(groups) > PLOTTED:
        yield note(f"Plots are drawn of the {PLOTTED} with most answers.")
