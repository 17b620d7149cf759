"""What became of highlights and drafts, what models cost, and how the cards fare in Anki."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from ankiforge.config import LlmSettings, is_loopback
from ankiforge.draft.budget import FREE, Price, known_price
from ankiforge.ledger import Ledger, Paid
from ankiforge.text.display import counted, dollars, percent, table

WEEKS = 26
"""The number of weeks that the heat map shows."""
_SHADES = " ░▒▓█"
_ANSWER = 1
"""The type of an answer to a card in review, in Anki's log."""
_FEW = 20
"""With fewer answers, a retention says little."""


@dataclass
class Group:
    """How the cards of one source, document or drafter fare in Anki."""

    name: str
    notes: int = 0
    reviews: int = 0
    tested: int = 0
    """Answers to cards in review."""
    remembered: int = 0
    lapses: int = 0
    leeches: int = 0
    suspended: int = 0
    seconds: float = 0.0

    @property
    def retention(self) -> float | None:
        """The share of remembered answers (0 to 1); None without any."""
        return self.remembered / self.tested if self.tested else None

    def as_json(self) -> dict[str, Any]:
        """Return the group as JSON."""
        names = "name notes reviews tested remembered lapses leeches suspended"
        found = {name: getattr(self, name) for name in names.split()}
        return {**found, "retention": self.retention, "seconds": round(self.seconds)}


@dataclass
class Statistics:
    """All figures."""

    today: date
    fates: Counter[str]
    cards: Counter[str]
    drafts: Counter[str]
    drafting: dict[str, Counter[str]]
    """By drafter: cards accepted, rejected and edited, drafts that wait."""
    paid: list[Paid]
    cost: float | None
    """In dollars; None if a price is unknown."""
    whole: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter."""
    days: Counter[date] = field(default_factory=Counter)
    """Reviews by day."""


def prices_by(llm: LlmSettings, models: Iterable[str]) -> dict[str, Price]:
    """Return prices as used by a run: of the settings for their model, else as shipped."""
    found: dict[str, Price] = {}
    for model in models:
        ours = model == llm.model or model.startswith(f"{llm.model}-")
        if ours and llm.price_usd is not None:
            found[model] = Price(*llm.price_usd)
        elif price := known_price(model) or (FREE if ours and is_loopback(llm.base_url) else None):
            found[model] = price
    return found


def statistics(
    ledger: Ledger, paid: Iterable[Paid], prices: Mapping[str, Price], now: datetime
) -> Statistics:
    """Collect all figures.

    Args:
        ledger: the ledger.
        paid: what models used.
        prices: the price of each model, by name.
        now: the current time, in local time.
    """
    counts = ledger.counts()
    whole, days = Group("all"), Counter[date]()
    groups: dict[str, dict[str, Group]] = {"source": {}, "document": {}, "drafter": {}}
    drafting: dict[str, Counter[str]] = {}
    where = {}
    for card in ledger.cards():
        drafter = card.origin.model or card.origin.drafter.partition(":")[0] or "person"
        names = {
            "source": card.highlight.document.source,
            "document": card.highlight.document.title,
            "drafter": drafter,
        }
        where[card.guid] = [
            whole,
            *(groups[kind].setdefault(name, Group(name)) for kind, name in names.items()),
        ]
        verdict = "accepted" if card.live else card.verdict.value
        drafting.setdefault(drafter, Counter())[verdict] += 1
        drafting[drafter]["edited"] += bool(card.edited)
    for draft in ledger.waiting():
        origin = draft.draft.origin
        drafting.setdefault(origin.model or origin.drafter.partition(":")[0], Counter())[
            "waiting"
        ] += 1
    for note in ledger.notes():
        for group in where.get(note.guid, ()):
            group.notes += 1
            group.lapses += note.lapses
            group.leeches += any(tag.casefold() == "leech" for tag in note.tags)
            group.suspended += note.suspended
    for one in ledger.reviews():
        if not one.ease:
            continue
        days[datetime.fromtimestamp(one.id / 1000).date()] += 1
        for group in where.get(one.guid, ()):
            group.reviews += 1
            group.seconds += one.duration / 1000
            group.tested += one.type == _ANSWER
            group.remembered += one.type == _ANSWER and one.ease > 1
    paid = list(paid)
    costs = [
        prices[one.model].cost(one.tokens_in, one.tokens_out) if one.model in prices else None
        for one in paid
    ]
    cost = None if None in costs else sum(one for one in costs if one is not None)
    by = {
        kind: sorted(found.values(), key=lambda one: (-one.reviews, -one.notes, one.name))
        for kind, found in groups.items()
    }
    return Statistics(
        now.date(), counts["fates"], counts["cards"], counts["drafts"], drafting, paid, cost, whole, by, days
    )  # fmt: skip


def as_json(found: Statistics) -> dict[str, Any]:
    """Return the figures as JSON."""
    return {
        "today": found.today.isoformat(),
        "funnel": {
            "highlights": sum(found.fates.values()), "fates": dict(found.fates),
            "drafts": sum(found.drafts.values()), "accepted": found.cards["accepted"],
            "in_anki": found.whole.notes,
        },
        "drafting": [{"drafter": name, **dict(counts)} for name, counts in sorted(found.drafting.items())],
        "cost": {
            "requests": sum(one.requests for one in found.paid),
            "tokens_in": sum(one.tokens_in for one in found.paid),
            "tokens_out": sum(one.tokens_out for one in found.paid),
            "cost_usd": found.cost,
        },
        "anki": found.whole.as_json(),
        "by": {kind: [one.as_json() for one in groups] for kind, groups in found.by.items()},
        "days": {day.isoformat(): count for day, count in sorted(found.days.items())},
    }  # fmt: skip


def as_text(found: Statistics, most: int | None, width: int) -> Iterator[str]:
    """Yield the figures as lines; of each kind of group at most `most`."""
    highlights = sum(found.fates.values())
    yield f"{counted(highlights, 'highlight')} · {counted(found.cards['accepted'], 'card')} accepted · {found.whole.notes:,} in Anki"
    for fate, count in found.fates.most_common():
        yield f"{count:8,} {fate.replace('_', ' ')}"
    if found.drafting:
        yield ""
        heads = ("drafter", "accepted", "edited", "rejected", "waiting")
        rows = [
            (name, *(f"{counts[head]:,}" for head in heads[1:]))
            for name, counts in sorted(found.drafting.items())
        ]
        yield from table(heads, rows, width)
    if found.paid:
        cost = "price unknown" if found.cost is None else dollars(found.cost)
        yield f"{counted(sum(one.requests for one in found.paid), 'request')} to models: {cost}"
    if not found.whole.reviews:
        return
    yield ""
    yield _group_line(found.whole)
    for kind, groups in found.by.items():
        shown = [one for one in groups if one.reviews][:most]
        if len(groups) > 1 and shown:
            yield ""
            heads = (kind, "notes", "reviews", "remembered", "leeches")
            yield from table(heads, [_row(one) for one in shown], width)
    yield ""
    yield from heat_map(found.days, found.today)


def _row(group: Group) -> tuple[str, ...]:
    kept = percent(group.retention) + (" (few)" if 0 < group.tested < _FEW else "")
    return (group.name, f"{group.notes:,}", f"{group.reviews:,}", kept, f"{group.leeches:,}")


def _group_line(group: Group) -> str:
    minutes = counted(round(group.seconds / 60), "minute")
    kept = f", {percent(group.retention)} remembered" if group.tested else ""
    return f"{counted(group.reviews, 'review')} in {minutes}{kept}; {counted(group.leeches, 'leech', 'leeches')}, {group.suspended:,} suspended"


def heat_map(days: Mapping[date, int], today: date) -> Iterator[str]:
    """Yield the reviews of the last weeks as a grid: a column for each week, a row for each weekday."""
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    most = max((count for day, count in days.items() if day >= first), default=0)
    if not most:
        return
    for weekday in range(7):
        cells = []
        for week in range(WEEKS):
            day = first + timedelta(days=7 * week + weekday)
            count = days.get(day, 0)
            shade = 0 if not count else 1 + (len(_SHADES) - 2) * count // most
            cells.append(_SHADES[shade] if day <= today else " ")
        yield f"{['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday]} {''.join(cells)}"
    yield f"the last {WEEKS} weeks; {_SHADES[-1]} is up to {counted(most, 'review')} a day"
