"""How the cards fare in Anki: reviews, retention and leeches, by source, document and drafter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from ankiforge.ledger import Ledger
from ankiforge.model import Card, Json, Strings
from ankiforge.reports.cards import FATES, Text
from ankiforge.text import counted, percent, table

WEEKS = 26
"""The number of weeks that the heat map shows."""
_SHADES = " ░▒▓█"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# The type of an answer to a card in review, in Anki's log.
_ANSWER = 1


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

    def add_answer(self, type: int, ease: int) -> None:
        """Count an answer: its type in Anki's log, and 1 (again) to 4 (easy)."""
        self.reviews += 1
        if type == _ANSWER:
            self.tested += 1
            self.remembered += ease > 1
        if self.tested:
            self.retention = self.remembered / self.tested


class Statistics(msgspec.Struct):
    """All figures, with the keys of `stats --json`."""

    today: date
    funnel: Json
    anki: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter, those with most reviews first."""
    days: Counter[date] = msgspec.field(default_factory=Counter)
    """Reviews by day."""

    def as_json(self) -> Json:
        """Return the object of `stats --json`."""
        days = {day.isoformat(): count for day, count in sorted(self.days.items())}
        return {**msgspec.to_builtins(self), "days": days}


class _Groups:
    """The groups to which each card belongs."""

    def __init__(self, cards: Iterable[Card]) -> None:
        self.whole = Group("all")
        self.by: dict[str, dict[str, Group]] = {
            "source": {},
            "document": {},
            "drafter": {},
        }
        self._of_card: dict[str, list[Group]] = {}
        for card in cards:
            self._of_card[card.guid] = [self.whole, *self._named_groups(card)]

    def of_card(self, guid: str) -> list[Group]:
        """Return the groups of a card; [] if it is not known."""
        return self._of_card.get(guid, [])

    def ranked(self) -> dict[str, list[Group]]:
        """Return the groups by kind, those with most reviews first."""
        ranked = {}
        for kind, groups in self.by.items():
            ranked[kind] = sorted(groups.values(), key=_rank)
        return ranked

    def _named_groups(self, card: Card) -> list[Group]:
        document = card.highlight.document
        names = {
            "source": document.source,
            "document": document.title,
            "drafter": card.origin.model or card.origin.drafter.partition(":")[0],
        }
        groups = []
        for kind, name in names.items():
            group = self.by[kind].setdefault(name, Group(name))
            groups.append(group)
        return groups


def _rank(group: Group) -> tuple[int, int, str]:
    return -group.reviews, -group.notes, group.name


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    counts = ledger.counts()
    groups = _Groups(ledger.cards())
    for note in ledger.notes():
        for group in groups.of_card(note.guid):
            group.notes += 1
            group.leeches += note.leech
    days = Counter[date]()
    for review in ledger.reviews():
        was_rescheduled_by_hand = review.ease == 0
        if was_rescheduled_by_hand:
            continue
        days[datetime.fromtimestamp(review.id / 1000).date()] += 1
        for group in groups.of_card(review.guid):
            group.add_answer(review.type, review.ease)
    funnel = _funnel(counts, in_anki=groups.whole.notes)
    return Statistics(now.date(), funnel, groups.whole, groups.ranked(), days)


def _funnel(counts: Mapping[str, Counter[str]], in_anki: int) -> Json:
    """Return how many highlights became drafts, cards, and notes in Anki."""
    fates = {}
    for name, count in counts["fates"].most_common():
        if count and name in FATES:
            fates[name] = count
    return {
        "highlights": sum(fates.values()),
        "fates": fates,
        "drafts": counts["waiting"]["new"] + counts["waiting"]["revisions"],
        "accepted": counts["cards"]["accepted"],
        "in_anki": in_anki,
    }


def stats_text(statistics: Statistics, most: int | None, width: int) -> Text:
    """Yield the figures as lines; of each kind of group at most `most`."""
    funnel = statistics.funnel
    yield " · ".join((
        counted(funnel["highlights"], "highlight"),
        f"{counted(funnel['drafts'], 'draft')} waiting",
        f"{counted(funnel['accepted'], 'card')} accepted",
        f"{funnel['in_anki']:,} in Anki",
    ))  # fmt: skip
    for fate, count in funnel["fates"].items():
        yield f"{count:8,} {FATES[fate]}"
    whole = statistics.anki
    if not whole.reviews:
        return
    yield ""
    leeches = counted(whole.leeches, "leech", "leeches")
    yield f"{counted(whole.reviews, 'review')}; {leeches}"
    for kind, groups in statistics.by.items():
        heads = (kind, "notes", "reviews", "remembered", "leeches")
        rows = [_row(group) for group in groups if group.reviews]
        yield ""
        yield from table(heads, rows[:most], width)
    yield ""
    yield from _heat_map(statistics.days, statistics.today)


def _row(group: Group) -> Strings:
    return (
        group.name,
        f"{group.notes:,}",
        f"{group.reviews:,}",
        percent(group.retention),
        f"{group.leeches:,}",
    )


def _heat_map(days: Mapping[date, int], today: date) -> Text:
    """Yield the reviews of the last weeks: a column for each week, a row for each weekday."""
    monday = today - timedelta(days=today.weekday())
    first = monday - timedelta(weeks=WEEKS - 1)
    shown = [count for day, count in days.items() if day >= first]
    most = max(shown, default=0)
    for weekday, name in enumerate(_WEEKDAYS):
        row = ""
        for week in range(WEEKS):
            day = first + timedelta(7 * week + weekday)
            row += _shade(days.get(day, 0), most)
        yield f"{name} {row}".rstrip()
    yield f"the last {WEEKS} weeks; {_SHADES[-1]} is up to {counted(most, 'review')} a day"


def _shade(count: int, most: int) -> str:
    """Return the sign for a number of reviews, where `most` gives the darkest one."""
    if not count:
        return _SHADES[0]
    return _SHADES[1 + (len(_SHADES) - 2) * count // most]
