"""All the figures of a workspace at one moment."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from ankiforge.anki.notes import deck_name
from ankiforge.ledger import Ledger
from ankiforge.ledger.looks.figures import CardRow, LastLook
from ankiforge.model import Calendar, Fate, Guid, Standing, Verdict
from ankiforge.recall import is_mature
from ankiforge.reports.stats.days import Days
from ankiforge.reports.stats.drawing import Drawings, Prices, Served
from ankiforge.reports.stats.groups import DIMENSIONS, Group, Sums

AHEAD = 30
"""Days of the forecast, today among them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cards and answers are counted."""

    deck: str = ""
    """This deck and those below it, as `deck_name` writes it."""
    query: str = ""
    cards: frozenset[Guid] | None = None
    """Those that the query matches; None = all."""
    since: date | None = None
    """Answers, drafts and replies from this day on; None = all."""

    @property
    def partly(self) -> bool:
        """Whether some cards are left out."""
        return bool(self.deck) or self.cards is not None

    def holds(self, row: CardRow) -> bool:
        """Whether a card is counted."""
        return self.matches(row) and self.within(row.deck)

    def matches(self, row: CardRow) -> bool:
        """Whether the query means a card."""
        return self.cards is None or row.guid in self.cards

    def within(self, name: str) -> bool:
        """Whether a deck is the one that is meant, or below it."""
        deck, wanted = deck_name(name).casefold() if name else "", self.deck.casefold()
        return not wanted or deck == wanted or deck.startswith(f"{wanted}::")


@dataclass(slots=True)
class Way:
    """How far highlights have come."""

    highlights: int | None = None
    """None if only some cards are counted."""
    fates: Counter[Fate] = field(default_factory=Counter)
    drafts: int = 0
    accepted: int = 0
    """Of the drafts; they and the following stand, none is retired."""
    in_anki: int = 0
    """Of those accepted."""
    mature: int = 0
    """Of those in Anki: all cards of the note come back after three weeks or later."""

    @property
    def steps(self) -> Iterator[tuple[str, int, str, float | None]]:
        """(what, how many, the step before, share of it); of one highlight many drafts may come."""
        before, many_before = "", 0
        for what, many in (
            ("highlights", self.highlights),
            ("drafts", self.drafts),
            ("accepted", self.accepted),
            ("in Anki", self.in_anki),
            ("mature", self.mature),
        ):
            if many is not None:
                share = many / many_before if many_before and what != "drafts" else None
                yield what, many, before, share
                before, many_before = what, many

    def add(self, row: CardRow) -> None:
        """Take a card in."""
        self.drafts += 1
        if row.verdict is not Verdict.ACCEPTED or row.standing is not Standing.LIVE:
            return
        self.accepted += 1
        if row.anki.there:
            self.in_anki += 1
            self.mature += bool(row.cards) and all(map(is_mature, row.cards))


@dataclass(slots=True)
class Statistics:
    """What there is to tell."""

    choice: Choice
    days: Days
    look: LastLook | None
    """None if Anki was never seen."""
    dated: bool
    """Whether it is known on which days cards come."""
    way: Way
    drawings: Drawings
    total: Group
    groups: dict[str, list[Group]]
    """By dimension, those with most answers first."""
    first: date | None = None
    """The day of the first answer counted."""
    last: date | None = None

    @property
    def load(self) -> list[int]:
        """Cards that come today (those overdue, too), tomorrow, and so on."""
        return load_of(self.total)

    @property
    def overdue(self) -> int:
        """Cards that should have come before today."""
        series = self.total.series
        return sum(many for day, many in series.load.items() if day < 0) if series else 0


def load_of(group: Group) -> list[int]:
    """Cards that come today (those overdue, too), tomorrow, and so on."""
    load = group.series.load if group.series else Counter[int]()
    return [sum(n for day, n in load.items() if day <= 0), *(load[n] for n in range(1, AHEAD))]


def statistics(ledger: Ledger, choice: Choice, prices: Prices) -> Statistics:
    """Count what the ledger knows."""
    searched = gc.isenabled()
    gc.disable()  # of a million small values none is in a circle; to look for one takes as long again
    try:
        return _statistics(ledger, choice, prices)
    finally:
        if searched:
            gc.enable()


def _statistics(ledger: Ledger, choice: Choice, prices: Prices) -> Statistics:
    figures = ledger.figures
    calendar = figures.calendar()
    days = Days(calendar or Calendar(0), ledger.clock().timestamp())
    since = days.begin(choice.since) if choice.since else 0.0
    since_text = datetime.fromtimestamp(since, UTC).isoformat() if choice.since else ""
    way, drawings, sums = Way(), Drawings(), Sums(days, calendar is not None)
    served = Served()
    for row in figures.cards():
        held = choice.holds(row)
        served.add(row, held=held)
        if choice.matches(row):
            sums.add_card(row, choice.within)
        if held and not row.behind:
            way.add(row)
            if row.drafted_at >= since_text:
                drawings.add(row)
    if not choice.partly:
        funnel = ledger.funnel.funnel()
        way.highlights, way.fates = funnel.seen, funnel.fates
    paid = figures.paid(since_text, served.shares if choice.partly else None)
    drawings.pay(paid, figures.replies(), prices)
    sums.add_answers(figures.answers(), int(since * 1000))
    sums.close()
    return _told(Statistics(
        choice, days, figures.last_look(), calendar is not None, way, drawings, sums.total,
        {name: _sorted(sums.groups[name].values()) for name in DIMENSIONS},
    ))  # fmt: skip


def _sorted(groups: Iterable[Group]) -> list[Group]:
    return sorted(
        groups,
        key=lambda one: (-one.answers.given, -one.counts.cards, one.label.casefold(), one.name),
    )


def _told(found: Statistics) -> Statistics:
    days = found.total.series.days if found.total.series else None
    if days:
        found.first, found.last = min(days), max(days)
    return found
