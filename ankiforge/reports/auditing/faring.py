"""How a note fares in Anki: whether it fails, lies about, or has cards that ask nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ankiforge.anki.cards import cloze_numbers
from ankiforge.anki.collection import AnyNote
from ankiforge.check.rule import Rule
from ankiforge.model import Finding, SeenCard, SeenType
from ankiforge.recall import DAY, Trouble, troubles
from ankiforge.reports.auditing import kinds
from ankiforge.reports.linting.templates import cloze_fields

LONG_DAYS = 180
"""So long nobody has touched what is called left, new or suspended for long."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When the deck was as it is looked at, and what was answered by then."""

    now: float
    """Seconds since 1970."""
    last: Mapping[int, float]
    """When a card was answered last, by its id."""

    def days(self, since: float) -> int:
        """Whole days since then; 0 if that is not known."""
        return max(0, int((self.now - since) / DAY)) if since > 0 else 0


def faring(note: AnyNote, moment: Moment, *, since: float, remark: str = "") -> Iterator[Finding]:
    """What the schedule of a note says.

    Args:
        note: with its cards.
        moment: of the look.
        since: when it came to Anki, seconds since 1970; 0 if that is not known.
        remark: what a person typed about it.
    """
    if remark:
        yield kinds.REMARK.found(f"“{remark}”")
    found = set(troubles(note.tags, note.cards))
    trouble = next((one for one in _FAILS if one in found), None)
    if trouble is not None:
        rule, tell = _FAILS[trouble]
        yield rule.found(tell(note))
    if not note.cards:
        return
    if all(card.suspended for card in note.cards):
        if trouble is None and (days := moment.days(note.touched)) >= LONG_DAYS:
            yield kinds.LONG_SUSPENDED.found(f"unchanged for {days} days")
    elif not any(card.reps for card in note.cards):
        if (days := moment.days(since)) >= LONG_DAYS:
            yield kinds.NEVER_STUDIED.found(f"not once in {days} days")
    elif (days := max(_overdue(card, moment) for card in note.cards)) >= LONG_DAYS:
        yield kinds.LEFT_LYING.found(f"due for {days} days")


def weight(note: AnyNote) -> int:
    """Of two notes with equal findings the one that was forgotten more often is the worse."""
    return sum(card.lapses for card in note.cards)


def _overdue(card: SeenCard, moment: Moment) -> int:
    """For how many days a card has been due; 0 if it is not, or nobody is to study it."""
    answered = moment.last.get(card.id, 0.0)
    if card.suspended or card.type != 2 or card.interval <= 0 or not answered:
        return 0
    return moment.days(answered + card.interval * DAY)


# --- in words -------------------------------------------------------------------------------


def _lapsed(note: AnyNote) -> str:
    worst = max(note.cards, key=lambda card: card.lapses, default=None)
    if worst is None or not worst.lapses:
        return "of its lapses nothing is told"
    times = "once" if worst.lapses == 1 else f"{worst.lapses} times"
    return f"forgotten {times} in {worst.reps} answers"


def _hard(note: AnyNote) -> str:
    worst = max(note.cards, key=lambda card: card.difficulty or 0.0)
    back = f", and back after {worst.interval} days" if worst.interval > 0 else ""
    return f"difficulty {worst.difficulty or 0:.1f} of 10 after {worst.reps} answers{back}"


_FAILS: Mapping[Trouble, tuple[Rule, Callable[[AnyNote], str]]] = {
    Trouble.LEECH: (kinds.LEECH, _lapsed),
    Trouble.LAPSES: (kinds.LAPSES, _lapsed),
    Trouble.DIFFICULT: (kinds.DIFFICULT, _hard),
}
"""The gravest first: one of them says enough."""


# --- cards that ask nothing -----------------------------------------------------------------


def empty_cards(note: AnyNote, kind: SeenType | None) -> Iterator[Finding]:
    """Cards of clozes that are not there any more, beside others that are.

    Of all other cards the checks say whether a side is empty.
    """
    if not note.ordinals:
        yield kinds.NO_CARDS.found()
    if kind is None or not kind.cloze or len(note.ordinals) < 2:
        return
    names = [name for name, _ in kind.fields]
    fields = dict(zip(names, note.fields, strict=False))
    shown = (text for one in kind.templates[:1] for text in cloze_fields(one.question, fields))
    there = {number for text in shown for number in cloze_numbers(text)}
    empty = [ordinal + 1 for ordinal in note.ordinals if ordinal + 1 not in there]
    if 0 < len(empty) < len(note.ordinals):
        yield kinds.EMPTY_CARD.found(f"cloze {', '.join(map(str, empty))}")
