"""The figures for a terminal, of 80 columns or more."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ankiforge.reports.stats.counting import Statistics
from ankiforge.reports.stats.drawing import Drawing, Outcome
from ankiforge.reports.stats.groups import DIMENSIONS, FEW, Group
from ankiforge.reports.stats.hints import missing
from ankiforge.reports.summary import counted, dollars

WIDTH = 80
SHOWN = 10
"""Rows of a table; the rest is counted."""
LABELS = {
    "deck": "deck",
    "document": "document",
    "drafter": "drafter",
    "model": "model",
    "prompt": "prompt",
    "kind": "kind",
    "check": "finding",
}
"""What a table by each dimension calls its rows."""
SHARED = "shared equally by their cards"
"""How the cost of a reply is told where not all of its cards are counted."""
FEW_TOLD = f"* rests on fewer than {FEW} answers"


def told(
    found: Statistics, program: str, shown: int | None = SHOWN, width: int = WIDTH
) -> Iterator[tuple[str, bool]]:
    """(line, whether it is a heading); `shown`: rows of a table, None = all; `width`: of a table."""
    yield from _way(found)
    yield from _drafting(found, shown, width)
    yield from _answers(found)
    yield from _load(found)
    for name in DIMENSIONS:
        yield from _groups(name, found.groups[name], shown, width)
    if any(one.few and one.answers.tested for name in DIMENSIONS for one in found.groups[name]):
        yield FEW_TOLD, False
    hints = missing(found, program)
    if hints:
        yield "", False
        yield "Not known", True
        yield from ((f"  {hint}", False) for hint in hints)


def percent(share: float | None, few: bool = False) -> str:
    """`91 %`, `91 % *` where it may be chance, `–` where there is none."""
    return "–" if share is None else f"{share * 100:.0f} %{' *' if few else ''}"


def number(value: float | None, digits: int = 1) -> str:
    """With so many digits after the point; `–` where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def duration(seconds: float) -> str:
    """`42 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:,.1f} h"


def as_of(found: Statistics) -> str:
    """When Anki was last seen."""
    if found.look is None:
        return "Anki was never looked at"
    taken = datetime.fromisoformat(found.look.taken_at).astimezone()
    return f"Anki as it was on {taken:%Y-%m-%d %H:%M}"


def chosen(found: Statistics) -> str:
    """What is counted, "" if it is all."""
    choice = found.choice
    parts = [f"deck {choice.deck}"] if choice.deck else []
    parts += [choice.query] if choice.query else []
    parts += [f"since {choice.since}"] if choice.since else []
    return " · ".join(parts)


# --- parts ------------------------------------------------------------------------------------


def _way(found: Statistics) -> Iterator[tuple[str, bool]]:
    yield " · ".join(filter(None, ("From highlight to memory", chosen(found), as_of(found)))), True
    for what, many, _, share in found.way.steps:
        part = "" if share is None else f"{share * 100:5.0f} %"
        yield f"  {what:11}{many:9,}{part}", False


def _drafting(found: Statistics, shown: int | None, width: int) -> Iterator[tuple[str, bool]]:
    drawings = [one for one in found.drawings.sorted if one.cards or one.cost.requests]
    if not drawings:
        return
    yield "", False
    yield "What became of drafts", True
    heads = ("drafter", "cards", "accepted", "edited", "rejected", "waiting", "kept", "each")
    rows = [(drawer(one), *counts(one), percent(one.share), each(one)) for one in drawings[:shown]]
    yield from _lines(heads, rows, len(drawings), width)
    reasons = found.drawings.reasons
    if reasons:
        yield "  rejected because:", False
        for reason, many in reasons.most_common(shown):
            yield f"    {many:5,} {reason or '(no reason given)'}", False
    cost = found.drawings.cost
    if cost.requests:
        spent = "price unknown" if cost.usd is None else dollars(cost.usd)
        per = found.drawings.each_usd
        each_told = f", {dollars(per)} an accepted card" if per else ""
        tokens = f"{cost.tokens_in:,} tokens in, {cost.tokens_out:,} out"
        replies = "1 reply" if cost.requests == 1 else f"{cost.requests:,} replies"
        shared = f", {SHARED}" if found.choice.partly else ""
        yield f"  {replies}{shared}, {tokens}: {spent}{each_told}", False


def drawer(one: Drawing) -> str:
    """Who drew: drafter, model, prompt."""
    drawn = one.drawn
    return " ".join(filter(None, (drawn.drafter or "unknown", drawn.model, drawn.prompt)))


def counts(one: Drawing) -> tuple[str, ...]:
    """Cards, accepted, edited, rejected, waiting (those that are blocked, too)."""
    waiting = one.outcomes[Outcome.WAITING] + one.outcomes[Outcome.BLOCKED]
    numbers = (one.cards, one.accepted, one.edited, one.outcomes[Outcome.REJECTED], waiting)
    return tuple(f"{many:,}" for many in numbers)


def each(one: Drawing) -> str:
    """What an accepted card cost."""
    if not one.cost.requests:
        return ""
    return "?" if one.each_usd is None else dollars(one.each_usd)


def _answers(found: Statistics) -> Iterator[tuple[str, bool]]:
    total, answers = found.total, found.total.answers
    if not total.counts.cards and not answers.given:
        return
    yield "", False
    yield "In Anki", True
    cards = (
        f"{total.counts.new:,} new, {total.counts.learning:,} learning, {total.counts.young:,} young,"
        f" {total.counts.mature:,} mature; {total.counts.suspended:,} suspended"
    )
    yield f"  {counted(total.counts.cards, 'card')}: {cards}", False
    if answers.given:
        active = len(total.series.days) if total.series else 0
        yield (
            (
                f"  {counted(answers.given, 'answer')} on {counted(active, 'day')}"
                f" ({found.first} to {found.last}): {duration(answers.seconds)},"
                f" {number(answers.seconds_each)} s each"
            ),
            False,
        )
        yield f"  retention {retention(total)}", False
    yield f"  {', '.join(hardness(total))}", False


def retention(group: Group) -> str:
    """`91 % (young 88 % of 120, mature 94 % of 340)`."""
    answers = group.answers
    if answers.retention is None:
        return "– (no card was due after a day or more)"
    young = _part("young", answers.young_passed, answers.young)
    mature = _part("mature", answers.mature_passed, answers.mature)
    few = f", fewer than {FEW} answers" if group.few else ""
    return f"{percent(answers.retention)} ({', '.join(filter(None, (young, mature)))}{few})"


def _part(what: str, passed: int, count: int) -> str:
    return f"{what} {passed / count * 100:.0f} % of {count:,}" if count else ""


def hardness(group: Group) -> Iterator[str]:
    """Lapses, leeches, difficulty or ease, what is remembered now."""
    yield counted(group.counts.lapses, "lapse")
    yield "1 leech" if group.counts.leeches == 1 else f"{group.counts.leeches:,} leeches"
    if group.difficulty.value is not None:
        yield f"difficulty {number(group.difficulty.value)} of 10"
    if group.ease.value is not None:
        yield f"ease {group.ease.value * 100:.0f} %"
    if group.recall.value is not None:
        yield f"about {percent(group.recall.value)} remembered now"


def _load(found: Statistics) -> Iterator[tuple[str, bool]]:
    if not found.dated or not any(found.load):
        return
    yield "", False
    late = f", {found.overdue:,} of them overdue" if found.overdue else ""
    yield f"Due in {len(found.load)} days: {sum(found.load):,} cards{late}", True
    days = [found.days.today + timedelta(days=n) for n in range(7)]
    names = ["today", *(f"{day:%a}" for day in days[1:])]
    told = (f"{name} {many:,}" for name, many in zip(names, found.load, strict=False))
    yield f"  {' · '.join(told)}", False


def _groups(
    name: str, groups: Sequence[Group], shown: int | None, width: int
) -> Iterator[tuple[str, bool]]:
    known = [one for one in groups if one.known]
    if not known or (len(known) == 1 and name != "deck"):
        return
    yield "", False
    yield f"By {LABELS[name]}", True
    rows = [(one.label, *row_of(one)) for one in known[:shown]]
    yield from _lines((LABELS[name], *COLUMNS), rows, len(known), width)


COLUMNS = ("cards", "mature", "answers", "retention", "s each", "lapses", "leeches")
"""Of a table by deck, document and so on."""


def row_of(group: Group) -> tuple[str, ...]:
    """What stands in `COLUMNS`."""
    answers = group.answers
    return (
        f"{group.counts.cards:,}", f"{group.counts.mature:,}", f"{answers.given:,}",
        percent(answers.retention, group.few), number(answers.seconds_each),
        f"{group.counts.lapses:,}", f"{group.counts.leeches:,}",
    )  # fmt: skip


def _lines(
    heads: Sequence[str], rows: Sequence[Sequence[str]], count: int, width: int
) -> Iterator[tuple[str, bool]]:
    """A table, its first column as wide as there is room."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), width=width - 2)
    table.add_column(Text(heads[0]), ratio=1, no_wrap=True, overflow="ellipsis")
    for head in heads[1:]:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(" ".join(cell.split())) for cell in row))
    out = io.StringIO()
    Console(file=out, width=width - 2, color_system=None, legacy_windows=False).print(table)
    for line in out.getvalue().splitlines():
        yield f"  {line}".rstrip(), False
    if count > len(rows):
        yield f"  … and {count - len(rows):,} more: -v shows all", False
