"""What became of highlights and drafts, and how the cards fare in Anki."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from ankiforge.ledger import Ledger
from ankiforge.reports.cards import FATES
from ankiforge.text import counted, percent, table

WEEKS = 26
"""The number of weeks that the heat map shows."""
_SHADES = " ░▒▓█"
_ANSWER = 1
"""The type of an answer to a card in review, in Anki's log."""


class Group(msgspec.Struct):
    """How the cards of one source, document or drafter fare in Anki."""

    name: str
    notes: int = 0
    reviews: int = 0
    tested: int = 0
    """Answers to cards in review."""
    remembered: int = 0
    leeches: int = 0
    retention: float | None = None
    """The share of remembered answers (0 to 1); None without any."""


class Statistics(msgspec.Struct):
    """All figures, with the keys of `stats --json`."""

    today: date
    funnel: dict[str, Any]
    anki: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter, those with most reviews first."""
    days: Counter[date] = msgspec.field(default_factory=Counter)
    """Reviews by day."""

    def as_json(self) -> dict[str, Any]:
        """Return the object of `stats --json`."""
        days = {day.isoformat(): count for day, count in sorted(self.days.items())}
        return {**msgspec.to_builtins(self), "days": days}


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    counts, whole, days = ledger.counts(), Group("all"), Counter[date]()
    groups: dict[str, dict[str, Group]] = {"source": {}, "document": {}, "drafter": {}}
    of_card: dict[str, list[Group]] = {}
    for card in ledger.cards():
        document, origin = card.highlight.document, card.origin
        names = {
            "source": document.source,
            "document": document.title,
            "drafter": origin.model or origin.drafter.partition(":")[0],
        }
        named = [groups[kind].setdefault(name, Group(name)) for kind, name in names.items()]
        of_card[card.guid] = [whole, *named]
    for note in ledger.notes():
        for group in of_card.get(note.guid, ()):
            group.notes += 1
            group.leeches += "leech" in map(str.casefold, note.tags)
    for one in ledger.reviews():
        if not one.ease:
            continue
        days[datetime.fromtimestamp(one.id / 1000).date()] += 1
        for group in of_card.get(one.guid, ()):
            group.reviews += 1
            group.tested += one.type == _ANSWER
            group.remembered += one.type == _ANSWER and one.ease > 1
            group.retention = group.remembered / group.tested if group.tested else None
    by = {
        kind: sorted(found.values(), key=lambda one: (-one.reviews, -one.notes, one.name))
        for kind, found in groups.items()
    }
    ranked = counts["fates"].most_common()
    fates = {name: count for name, count in ranked if count and name in FATES}
    funnel = {
        "highlights": sum(fates.values()),
        "fates": fates,
        "drafts": counts["drafts"].total(),
        "accepted": counts["cards"]["accepted"],
        "in_anki": whole.notes,
    }
    return Statistics(now.date(), funnel, whole, by, days)


def as_text(found: Statistics, most: int | None, width: int) -> Iterator[str]:
    """Yield the figures as lines; of each kind of group at most `most`."""
    funnel, whole = found.funnel, found.anki
    yield (
        f"{counted(funnel['highlights'], 'highlight')} · {counted(funnel['drafts'], 'draft')} waiting"
        f" · {counted(funnel['accepted'], 'card')} accepted · {funnel['in_anki']:,} in Anki"
    )
    for fate, count in funnel["fates"].items():
        yield f"{count:8,} {FATES[fate]}"
    if not whole.reviews:
        return
    leeches = counted(whole.leeches, "leech", "leeches")
    yield ""
    yield f"{counted(whole.reviews, 'review')}; {leeches}"
    for kind, groups in found.by.items():
        heads = (kind, "notes", "reviews", "remembered", "leeches")
        yield ""
        yield from table(heads, [_row(one) for one in groups if one.reviews][:most], width)
    yield ""
    yield from _heat_map(found.days, found.today)


def _row(group: Group) -> tuple[str, ...]:
    kept = percent(group.retention)
    return (group.name, f"{group.notes:,}", f"{group.reviews:,}", kept, f"{group.leeches:,}")


def _heat_map(days: Mapping[date, int], today: date) -> Iterator[str]:
    """Yield the reviews of the last weeks as a grid: a column for each week, a row for each weekday."""
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    most = max((count for day, count in days.items() if day >= first), default=0)
    for weekday, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        counts = [days.get(first + timedelta(7 * week + weekday), 0) for week in range(WEEKS)]
        shades = [count and 1 + (len(_SHADES) - 2) * count // most for count in counts]
        yield f"{name} {''.join(_SHADES[shade] for shade in shades)}".rstrip()
    yield f"the last {WEEKS} weeks; {_SHADES[-1]} is up to {counted(most, 'review')} a day"
