"""What became of highlights, and how their cards fare in Anki, by source, document and drafter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

import msgspec

from ankiforge.ledger import WITHOUT, HighlightOutcome, Ledger, overview, views
from ankiforge.model import Card, Document, Json, Strings
from ankiforge.reports.cards import FATES, Text
from ankiforge.text import counted, percent, table

# The type of an answer to a card in review, in Anki's log.
_ANSWER = 1
_READ_HEADS = ("highlights", "cards", "waiting", "no card", "reviews", "retention")
_DRAFTER_HEADS = ("notes", "reviews", "retention", "leeches")


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


class ReadGroup(Group):
    """What became of the highlights of a source or document, and how their cards fare."""

    highlights: int = 0
    cards: int = 0
    """Accepted cards, in Anki or not."""
    waiting: int = 0
    """Highlights with a draft that waits or that a check blocks."""
    no_card: int = 0
    """Highlights with neither a card nor a draft, and that nobody left out."""

    def add_highlight(self, fate: str) -> None:
        """Count a highlight, and what became of it."""
        self.highlights += 1
        if fate in ("waiting", "blocked"):
            self.waiting += 1
        elif fate in WITHOUT:
            self.no_card += 1


class Statistics(msgspec.Struct):
    """All figures, with the keys of `stats --json`."""

    today: date
    funnel: Json
    anki: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter, those with most reviews first."""
    days: Counter[date] = msgspec.field(default_factory=Counter)
    """Reviews by day."""
    made: Counter[date] = msgspec.field(default_factory=Counter)
    """Accepted cards by the day of their acceptance."""

    def as_json(self) -> Json:
        """Return the object of `stats --json`."""
        return {
            **msgspec.to_builtins(self),
            "days": _days_json(self.days),
            "made": _days_json(self.made),
        }


def _days_json(days: Mapping[date, int]) -> Json:
    return {day.isoformat(): count for day, count in sorted(days.items())}


class _Groups:
    """The groups to which each card and each highlight belongs."""

    def __init__(self) -> None:
        self.whole = Group("all")
        self._sources: dict[str, ReadGroup] = {}
        self._documents: dict[str, ReadGroup] = {}
        self._drafters: dict[str, Group] = {}
        self._of_card: dict[str, list[Group]] = {}

    def add_highlights(self, outcomes: Iterable[HighlightOutcome]) -> None:
        """Count highlights in the groups of their documents."""
        for outcome in outcomes:
            for group in self._of_document(outcome.highlight.document):
                group.add_highlight(outcome.fate)

    def add_cards(self, cards: Iterable[Card]) -> None:
        """Count live cards, and remember the groups of each card."""
        for card in cards:
            read_groups = self._of_document(card.highlight.document)
            for group in read_groups:
                group.cards += card.live
            name = card.origin.model or card.origin.drafter.partition(":")[0]
            drafter = self._drafters.setdefault(name, Group(name))
            self._of_card[card.guid] = [self.whole, *read_groups, drafter]

    def of_card(self, guid: str) -> list[Group]:
        """Return the groups of a card; [] if it is not known."""
        return self._of_card.get(guid, [])

    def ranked(self) -> dict[str, list[Group]]:
        """Return the groups by kind, those with most reviews first."""
        return {
            "source": sorted(self._sources.values(), key=_rank),
            "document": sorted(self._documents.values(), key=_rank),
            "drafter": sorted(self._drafters.values(), key=_rank),
        }

    def _of_document(self, document: Document) -> list[ReadGroup]:
        source, title = document.source, document.title
        return [
            self._sources.setdefault(source, ReadGroup(source)),
            self._documents.setdefault(title, ReadGroup(title)),
        ]


def _rank(group: Group) -> tuple[int, int, int, str]:
    highlights = group.highlights if isinstance(group, ReadGroup) else 0
    return -group.reviews, -group.notes, -highlights, group.name


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    counts = ledger.counts()
    groups = _Groups()
    groups.add_highlights(ledger.fates())
    groups.add_cards(ledger.cards())
    for note in views.notes(ledger):
        for group in groups.of_card(note.guid):
            group.notes += 1
            group.leeches += note.leech
    days = Counter[date]()
    reviewed = set[str]()
    for review in views.reviews(ledger):
        was_rescheduled_by_hand = review.ease == 0
        if was_rescheduled_by_hand:
            continue
        days[datetime.fromtimestamp(review.id / 1000).date()] += 1
        reviewed.add(review.guid)
        for group in groups.of_card(review.guid):
            group.add_answer(review.type, review.ease)
    return Statistics(
        today=now.date(),
        funnel=_funnel(counts, in_anki=groups.whole.notes, reviewed=len(reviewed)),
        anki=groups.whole,
        by=groups.ranked(),
        days=days,
        made=_days_of_acceptance(ledger),
    )


def _days_of_acceptance(ledger: Ledger) -> Counter[date]:
    """Count the live cards by the day, in local time, on which they were accepted."""
    days = Counter[date]()
    for moment in overview.accepted_since(ledger, ""):
        days[datetime.fromisoformat(moment).astimezone().date()] += 1
    return days


def _funnel(
    counts: Mapping[str, Counter[str]],
    in_anki: int,
    reviewed: int,
) -> Json:
    """Return how many highlights became drafts, cards, notes in Anki, and were reviewed."""
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
        "reviewed": reviewed,
    }


def statistics_text(
    statistics: Statistics,
    limit: int | None,
    width: int,
) -> Text:
    """Yield the figures as lines; of each kind of group at most `limit`, None = all."""
    # from highlights to reviewed cards
    funnel = statistics.funnel
    fates = dict(funnel["fates"])
    steps = {
        "highlights": funnel["highlights"],
        "with a card": fates.pop("carded", 0),
        "cards": funnel["accepted"],
        "cards in Anki": funnel["in_anki"],
        "cards reviewed": funnel["reviewed"],
    }
    for name, number in steps.items():
        yield f"{name:<16}{number:>9,}"
    names = {**FATES, "no_card": "without a card"}
    others = [f"{number:,} {names[fate]}" for fate, number in fates.items()]
    if others:
        yield f"the other highlights: {', '.join(others)}"
    whole = statistics.anki
    if whole.reviews:
        leeches = counted(whole.leeches, "leech", "leeches")
        reviews = counted(whole.reviews, "review")
        yield f"{reviews}, retention {percent(whole.retention)}, {leeches}"

    for kind in ("source", "document"):
        rows = []
        for group in statistics.by[kind][:limit]:
            assert isinstance(group, ReadGroup)
            numbers = (group.highlights, group.cards, group.waiting, group.no_card)
            cells = [f"{number:,}" for number in (*numbers, group.reviews)]
            rows.append((group.name, *cells, percent(group.retention)))
        yield from _table((kind, *_READ_HEADS), rows, width)
    drafters = [group for group in statistics.by["drafter"] if group.reviews]
    rows = []
    for group in drafters[:limit]:
        cells = [f"{group.notes:,}", f"{group.reviews:,}"]
        rows.append((group.name, *cells, percent(group.retention), f"{group.leeches:,}"))
    yield from _table(("drafter", *_DRAFTER_HEADS), rows, width)


def _table(heads: Strings, rows: Sequence[Strings], width: int) -> Iterator[str]:
    """Yield an empty line and a table; nothing if it has no rows."""
    if rows:
        yield ""
        yield from table(heads, rows, width)
