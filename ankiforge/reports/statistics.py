"""The fates of highlights, and how their cards fare in Anki, by source, document and drafter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain

import msgspec

from ankiforge.ledger import WITHOUT, Ledger, cards, overview, views
from ankiforge.model import Document, Json, Strings
from ankiforge.reports.cards import FATES, Text
from ankiforge.text import counted, percent, table

# The type of an answer to a card in review, in Anki's log.
_ANSWER = 1
_READ_HEADS = ("highlights", "cards", "waiting", "no card", "reviews", "retention")
_DRAFTER_HEADS = ("notes", "reviews", "retention", "leeches")


class Group(msgspec.Struct):
    """The cards of one source, document or drafter in Anki."""

    name: str
    notes: int = 0
    reviews: int = 0
    tested: int = 0
    """Answers to cards in review."""
    remembered: int = 0
    leeches: int = 0
    retention: float | None = None
    """The share of remembered answers (0 to 1); None without any."""


class ReadGroup(Group):
    """The highlights of a source or document, and their cards in Anki."""

    highlights: int = 0
    cards: int = 0
    """Accepted cards, in Anki or not."""
    waiting: int = 0
    """Highlights with a draft that waits or that a check blocks."""
    no_card: int = 0
    """Highlights with neither a card nor a draft, and that nobody left out."""


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


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    whole = Group("all")
    sources: dict[str, ReadGroup] = {}
    documents: dict[str, ReadGroup] = {}
    drafters: dict[str, Group] = {}

    def groups_of(document: Document) -> list[ReadGroup]:
        source, title = document.source, document.title
        return [
            sources.setdefault(source, ReadGroup(source)),
            documents.setdefault(title, ReadGroup(title)),
        ]

    # the highlights and cards of each source and document
    for outcome in overview.fates(ledger):
        for read_group in groups_of(outcome.highlight.document):
            read_group.highlights += 1
            read_group.waiting += outcome.fate in ("waiting", "blocked")
            read_group.no_card += outcome.fate in WITHOUT
    groups_of_card: dict[str, list[Group]] = {}
    for card in cards.cards_of(ledger):
        read_groups = groups_of(card.highlight.document)
        for read_group in read_groups:
            read_group.cards += card.live
        name = card.origin.model or card.origin.drafter.partition(":")[0]
        drafter = drafters.setdefault(name, Group(name))
        groups_of_card[card.guid] = [whole, *read_groups, drafter]

    # their notes and reviews
    for note in views.notes(ledger):
        for group in groups_of_card.get(note.guid, ()):
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
        for group in groups_of_card.get(review.guid, ()):
            group.reviews += 1
            if review.type == _ANSWER:
                group.tested += 1
                group.remembered += review.ease > 1
    by: dict[str, list[Group]] = {
        "source": [*sources.values()],
        "document": [*documents.values()],
        "drafter": [*drafters.values()],
    }
    for groups in by.values():
        groups.sort(key=_rank)
    for group in (whole, *chain(*by.values())):
        if group.tested:
            group.retention = group.remembered / group.tested

    # how far the highlights came
    counts = overview.counts(ledger)
    fates = {}
    for name, count in counts["fates"].most_common():
        if count and name in FATES:
            fates[name] = count
    funnel: Json = {
        "highlights": sum(fates.values()),
        "fates": fates,
        "drafts": counts["waiting"]["new"] + counts["waiting"]["revisions"],
        "accepted": counts["cards"]["accepted"],
        "in_anki": whole.notes,
        "reviewed": len(reviewed),
    }
    made = Counter[date]()
    for moment in overview.accepted_since(ledger, ""):
        made[datetime.fromisoformat(moment).astimezone().date()] += 1
    return Statistics(now.date(), funnel, whole, by, days, made)


def _rank(group: Group) -> tuple[int, int, int, str]:
    highlights = group.highlights if isinstance(group, ReadGroup) else 0
    return -group.reviews, -group.notes, -highlights, group.name


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
