"""One look at all notes of a deck: the figures, and the notes with something about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ankiforge import check
from ankiforge.anki.collection import AnyNote, Everything
from ankiforge.model import Finding, Guid, Severity
from ankiforge.recall import Answers
from ankiforge.reports.auditing.belonging import (
    Books,
    belonging,
    is_left,
    name_of,
    remark,
    retired,
    unsettled,
)
from ankiforge.reports.auditing.faring import Moment, empty_cards, faring, weight
from ankiforge.reports.auditing.kinds import FAILS
from ankiforge.reports.linting.findings import Linted, Linter
from ankiforge.reports.linting.notes import Note, of_anki


@dataclass(slots=True)
class Figures:
    """What a deck holds, and how it fares."""

    notes: int = 0
    ours: int = 0
    cards: int = 0
    new: int = 0
    """Cards that Anki calls so: they are not being learnt, or were reset."""
    suspended: int = 0
    """Cards."""
    leeches: int = 0
    """Notes."""
    found: int = 0
    """Notes with a finding that is more than a hint."""
    decks: Counter[str] = field(default_factory=Counter)
    """Notes by the home deck of their first card."""
    found_in: Counter[str] = field(default_factory=Counter)
    """Of them those with such a finding."""
    lapses: Counter[int] = field(default_factory=Counter)
    """Cards that were answered, by how often they were forgotten."""
    unread: Counter[str] = field(default_factory=Counter)
    """Notes the checks cannot read, by why."""
    answers: Answers = field(default_factory=Answers)
    unused_types: tuple[str, ...] = ()
    """Note types without a note."""

    @property
    def deck_count(self) -> int:
        """Decks with notes."""
        return sum(1 for deck in self.decks if deck)

    @property
    def share(self) -> float:
        """Of notes with a finding, 0 to 1."""
        return self.found / self.notes if self.notes else 0.0

    def add(self, note: AnyNote, linted: Linted) -> None:
        """Take one note in."""
        self.notes += 1
        self.ours += linted.ours
        self.cards += len(note.cards)
        self.new += sum(card.type == 0 for card in note.cards)
        self.suspended += sum(card.suspended for card in note.cards)
        self.leeches += "leech" in (tag.casefold() for tag in note.tags)
        self.lapses.update(card.lapses for card in note.cards if card.reps)
        self.decks[note.deck] += 1
        if linted.note.unread:
            self.unread[linted.note.unread] += 1
        if any(one.severity is not Severity.INFO for one in linted.findings):
            self.found += 1
            self.found_in[note.deck] += 1


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of it."""

    figures: Figures
    notes: tuple[Linted, ...]
    """Those with findings, the worst first."""

    @property
    def errors(self) -> int:
        """Notes with something that breaks them."""
        return sum(one.worst is Severity.BLOCK for one in self.notes)


def audit(
    deck: Everything,
    limits: check.Limits,
    books: Books,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Audit:
    """Look at all notes.

    Args:
        deck: open.
        limits: of the checks.
        books: what the ledger says.
        within: whether a deck is to be told of; duplicates are looked for everywhere.
        step: told of the number of notes so far.

    Raises:
        ItemError: the file is damaged.
    """
    figures, found = Figures(unused_types=deck.unused_types), []
    for count, (note, linted) in enumerate(_looked(deck, limits, books), start=1):
        step(count)
        if within(note.deck):
            figures.add(note, linted)
            if linted.findings:
                found.append(linted)
    for name, answer, times in deck.answers():
        if within(name):
            figures.answers.add(answer, times)
    return Audit(figures, tuple(sorted(found, key=_goodness)))


def _goodness(linted: Linted) -> tuple[int, int, int, int]:
    order = list(Severity)
    worst = order.index(linted.worst or Severity.INFO)
    return (-worst, -linted.weight, -len(linted.findings), linted.note.id)


def _looked(
    deck: Everything, limits: check.Limits, books: Books
) -> Iterator[tuple[AnyNote, Linted]]:
    linter = Linter(limits)
    moment = Moment(deck.view.taken_at, deck.last_answers())
    names: dict[str, str] = {}
    for note in deck.notes():
        kind = deck.types.get(note.type_id)
        read = of_anki(note, kind)
        ours = read.identity is not None
        gone = retired(note, books, ours=ours)
        [linted] = linter.notes([_unread(read) if gone else read])
        name = names[f"note {note.id}"] = name_of(note, ours=ours)
        settled = unsettled(linted.findings, name, names, books)
        more = [] if gone else _in_anki(note, read, moment, books)
        findings = (
            *(one for one in settled if one.severity is not Severity.INFO),
            *belonging(note, read, books, complete=deck.view.complete),
            *more,
            *empty_cards(note, kind),
        )
        yield note, Linted(linted.note, findings, ours, weight(note))


def _unread(read: Note) -> Note:
    """Of what is no card any more nobody wants to know how it is worded, nor whom it resembles."""
    return replace(read, faces=(), broken=())


def _in_anki(note: AnyNote, read: Note, moment: Moment, books: Books) -> list[Finding]:
    if read.identity is None:
        since = note.id / 1000
    else:  # the ids of our notes are no times
        account = books.accounts.get(Guid(note.guid))
        since = account.written if account else 0.0
    found = faring(note, moment, since=since, remark=remark(read, books))
    left = is_left(note, books)
    return [one for one in found if not left or one.check not in FAILS]
