"""An audit as text for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ankiforge.reports.auditing.audit import Audit, Figures
from ankiforge.reports.auditing.kinds import advice
from ankiforge.reports.linting.findings import Linted, as_json
from ankiforge.reports.linting.telling import SHOWN, Tally, counted, groups, table


def told(audit: Audit, shown: int | None = SHOWN) -> Iterator[str]:
    """The figures, then the worst of each kind, then the counts. `shown`: notes of a kind; None = all."""
    tally = tallied(audit, shown)
    yield from _figures(audit.figures)
    if tally.counts:
        yield ""
        yield from groups(tally, advice)
        yield from table(tally)


def tallied(audit: Audit, shown: int | None) -> Tally:
    """The findings counted by kind, with the worst notes of each."""
    tally = Tally(shown=shown)
    for linted in audit.notes:
        tally.add(linted)
    tally.notes = audit.figures.notes
    return tally


def percent(share: float | None) -> str:
    """`87.2 %`, or a dash where nothing was counted."""
    return "–" if share is None else f"{100 * share:.1f} %"


def _figures(figures: Figures) -> Iterator[str]:
    ours = f", {figures.ours:,} of them ours" if figures.ours else ""
    yield f"{counted(figures.notes)}{ours}; {_cards(figures)} in {_decks(figures.deck_count)}"
    answers = figures.answers
    if answers.given:
        yield (
            f"{answers.given:,} answers; retention {percent(answers.retention)}"
            f" of what was due after a day or more"
        )
    else:
        yield "no answers: none was given, or it was exported without scheduling"
    yield (
        f"{counted(figures.leeches)} {'is a leech' if figures.leeches == 1 else 'are leeches'};"
        f" {counted(figures.found)} ({percent(figures.share)}) with findings"
    )
    for why, count in figures.unread.most_common():
        yield f"not read by the checks: {counted(count)} ({why})"


def _cards(figures: Figures) -> str:
    kinds = ((figures.new, "new"), (figures.suspended, "suspended"))
    parts = ", ".join(f"{count:,} {what}" for count, what in kinds if count)
    total = "1 card" if figures.cards == 1 else f"{figures.cards:,} cards"
    return f"{total} ({parts})" if parts else total


def _decks(count: int) -> str:
    return "1 deck" if count == 1 else f"{count:,} decks"


def line_json(linted: Linted, *, fields: bool = False) -> dict[str, Any]:
    """A line of `audit --json`: as of `lint`, and what to do about each finding."""
    line = as_json(linted, fields=fields)
    for finding in line["findings"]:
        finding["do"] = advice(finding["check"])
    return line
