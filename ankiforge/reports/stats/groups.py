"""Sums over cards and the answers to them, by deck, document, drafter and more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import date

from ankiforge.ledger.queries import AnswerRow, CardRow, DraftedBy
from ankiforge.model import Guid, SeenCard
from ankiforge.model.retention import Answers, is_mature, retrievability
from ankiforge.reports.stats.days import Days

FEW = 20
"""A share that rests on fewer answers may be chance, and says so."""
DIMENSIONS = ("deck", "document", "drafter", "model", "prompt", "kind", "check")
"""By what cards are put together."""
IN_TIME = frozenset(("deck", "document"))
"""Of these the days and months are counted, too."""
NO_FINDING = "no finding"
Kinship = tuple[str, str, DraftedBy, str, tuple[str, ...]]
"""Deck, document, who drew it, kind, findings: what decides in which groups a card is."""


@dataclass(slots=True)
class Mean:
    """A mean over what has a value."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Take one in."""
        self.total += value
        self.count += 1

    def plus(self, more: Mean) -> None:
        """Take those of another in."""
        self.total += more.total
        self.count += more.count

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class Series:
    """What happened when."""

    days: Counter[date] = field(default_factory=Counter)
    """Answers of a day."""
    months: dict[str, Answers] = field(default_factory=lambda: defaultdict(Answers))
    """By `2026-11`."""
    load: Counter[int] = field(default_factory=Counter)
    """Cards that come in so many days; those overdue are negative."""

    def plus(self, more: Series) -> None:
        """Take those of another in."""
        self.days.update(more.days)
        self.load.update(more.load)
        for month, answers in more.months.items():
            self.months[month].plus(answers)


@dataclass(slots=True)
class Counts:
    """Of cards in Anki."""

    notes: int = 0
    cards: int = 0
    new: int = 0
    learning: int = 0
    young: int = 0
    mature: int = 0
    suspended: int = 0
    leeches: int = 0
    lapses: int = 0

    def plus(self, more: Counts) -> None:
        """Take those of another in."""
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(more, name))


_COUNTED = tuple(one.name for one in fields(Counts))


@dataclass(slots=True)
class Group:
    """Cards that have something in common, how they fare in Anki, and what was answered."""

    name: str
    """What tells it from others: a deck, the key of a document, a check."""
    label: str
    """What a person calls it."""
    series: Series | None = None
    counts: Counts = field(default_factory=Counts)
    difficulty: Mean = field(default_factory=Mean)
    """Of FSRS, 1 to 10."""
    ease: Mean = field(default_factory=Mean)
    """Without FSRS: by what the interval grows."""
    recall: Mean = field(default_factory=Mean)
    """The chance that a card is remembered now."""
    answers: Answers = field(default_factory=Answers)

    @property
    def few(self) -> bool:
        """Whether its retention rests on too few answers."""
        return self.answers.tested < FEW

    @property
    def known(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.counts.cards or self.answers.given)

    def plus(self, more: Group) -> None:
        """Take the cards and answers of another in."""
        self.counts.plus(more.counts)
        self.difficulty.plus(more.difficulty)
        self.ease.plus(more.ease)
        self.recall.plus(more.recall)
        self.answers.plus(more.answers)
        if self.series is not None and more.series is not None:
            self.series.plus(more.series)


@dataclass(slots=True)
class _Alike:
    """Cards that are in the same groups: they are added up once."""

    sums: Group
    series: Series
    groups: tuple[Group, ...]


@dataclass(slots=True)
class _Note:
    """A card of ours, and when each card that Anki makes of it was answered last."""

    row: CardRow
    alike: _Alike | None
    """Where its cards are counted; None: nowhere."""
    apart: dict[int, _Alike | None] = field(default_factory=dict)
    """The same of those that lie in another deck than the first, by ordinal."""
    last: dict[int, int] = field(default_factory=dict)
    """Milliseconds since 1970, by ordinal."""


@dataclass(slots=True)
class Sums:
    """Adds cards first, then answers in the order of the log."""

    days: Days
    dated: bool
    """Whether it is known on which days cards come."""
    total: Group = field(default_factory=lambda: Group("", "all", Series()))
    groups: dict[str, dict[str, Group]] = field(
        default_factory=lambda: {name: {} for name in DIMENSIONS}
    )
    _alike: dict[Kinship, _Alike] = field(default_factory=dict)
    _notes: dict[Guid, _Note] = field(default_factory=dict)

    def add_card(self, row: CardRow, within: Callable[[str], bool]) -> None:
        """Take a card in, as far as what Anki makes of it lies in decks that are meant."""
        note = _Note(row, self._kin(row, row.deck) if within(row.deck) else None)
        for card in row.cards:
            if card.deck != row.deck:
                alike = self._kin(row, card.deck) if within(card.deck) else None
                note.apart[card.ordinal] = alike
        if note.alike or any(note.apart.values()):
            self._notes[row.guid] = note

    def _kin(self, row: CardRow, deck: str) -> _Alike:
        kinship = (deck, row.document, row.drafted_by, row.kind, row.checks)
        alike = self._alike.get(kinship)
        if alike is None:
            groups = (self.total, *(self._group(*place) for place in _places(row, deck)))
            series = Series()
            alike = self._alike[kinship] = _Alike(Group("", "", series), series, groups)
        return alike

    def _group(self, dimension: str, name: str, label: str) -> Group:
        members = self.groups[dimension]
        if name not in members:
            members[name] = Group(name, label, Series() if dimension in IN_TIME else None)
        return members[name]

    def add_answers(self, answers: Iterable[AnswerRow], since: int) -> None:
        """Take all answers in; those before `since` (milliseconds) only tell when the last was."""
        note_of, day, month, next_day = self._notes.get, date.min, "", 0
        for number, guid, ordinal, ease, last_interval, factor, duration, kind in answers:
            note = note_of(guid)
            if note is None:
                continue
            note.last[ordinal] = number
            alike = note.apart.get(ordinal, note.alike)
            if number < since or alike is None:
                continue
            if number >= next_day:  # they come in the order of time
                day = self.days.of(number / 1000)
                month, next_day = f"{day.year}-{day.month:02}", self.days.end(day) * 1000
            series = alike.series
            series.days[day] += 1
            series.months[month].take(ease, last_interval, factor, duration, kind)

    def close(self) -> None:
        """All are in: add up what is known of each card now."""
        for note in self._notes.values():
            if note.row.cards and note.alike:
                note.alike.sums.counts.notes += 1
                note.alike.sums.counts.leeches += note.row.leech
            for card in note.row.cards:
                alike = note.apart.get(card.ordinal, note.alike)
                if alike:
                    _count_card(alike.sums, card)
                    self._count_time(card, alike, note.last.get(card.ordinal))
        for alike in self._alike.values():
            for answers in alike.series.months.values():
                alike.sums.answers.plus(answers)
            for group in alike.groups:
                group.plus(alike.sums)

    def _count_time(self, card: SeenCard, alike: _Alike, last: int | None) -> None:
        """When a card comes, and how likely it is remembered."""
        share = retrievability(card, last / 1000, self.days.now) if last else None
        if share is not None:
            alike.sums.recall.add(share)
        due = self.days.due(card) if self.dated else None
        if due is not None:
            alike.series.load[due] += 1


def _places(row: CardRow, deck: str) -> Iterator[tuple[str, str, str]]:
    """(dimension, name, label) of each group a card is in that lies in this deck."""
    yield "deck", deck, deck or "no deck yet"
    yield "document", row.document, row.title or row.document
    yield "drafter", row.drafted_by.drafter, row.drafted_by.drafter or "unknown"
    if row.drafted_by.model:
        yield "model", row.drafted_by.model, row.drafted_by.model
    if row.drafted_by.prompt:
        yield "prompt", row.drafted_by.prompt, row.drafted_by.prompt
    yield "kind", row.kind, row.kind
    for check in row.checks or (NO_FINDING,):
        yield "check", check, check


def _count_card(group: Group, card: SeenCard) -> None:
    counts = group.counts
    if card.difficulty is not None:
        group.difficulty.add(card.difficulty)
    elif card.factor and card.type in (2, 3):
        group.ease.add(card.factor / 1000)
    counts.cards += 1
    counts.lapses += card.lapses
    counts.suspended += card.suspended
    if card.type == 0:
        counts.new += 1
    elif card.type != 2:
        counts.learning += 1
    elif is_mature(card):
        counts.mature += 1
    else:
        counts.young += 1
