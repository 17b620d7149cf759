"""What is known of a card that keeps failing in Anki, in words: for a person, and for a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ankiforge.domain import Card, Guid, SeenCard, Standing, Verdict
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import FEEDBACK
from ankiforge.recall import Answers, Trouble

SPLIT = "make two or more simpler cards of it, each of which asks for one thing"
"""What a model is asked for to make several cards of one."""
_BETTER = (
    "make a card in its place that lasts: ask for less at once, or from another side, with a cue in"
    " the question that tells it from what is alike"
)


@dataclass(frozen=True, slots=True)
class History:
    """How a card has fared."""

    troubles: tuple[Trouble, ...]
    """Why it needs work; () if it does not, or was dealt with."""
    cards: tuple[SeenCard, ...]
    """Of its note, as Anki showed them last."""
    answers: Answers
    remarks: tuple[str, ...]
    """What a person typed about it while studying, and has not dealt with."""

    @property
    def lapses(self) -> int:
        """How often it was forgotten after it was learnt, all cards of the note together."""
        return sum(one.lapses for one in self.cards)


def history_of(ledger: Ledger, card: Card) -> History:
    """What Anki has shown of a card."""
    seen = ledger.views.seen(card.guid)
    return History(
        ledger.troubles.of(card.guid),
        seen.cards if seen else (),
        ledger.troubles.answers(card.guid),
        tuple(one.message for one in card.leading.findings if one.check == FEEDBACK),
    )


# --- for a person ---------------------------------------------------------------------------


def reasons(history: History) -> Iterator[str]:
    """Why it needs work, the plainest first."""
    for trouble in history.troubles:
        match trouble:
            case Trouble.REMARK:
                yield f"you wrote “{'”, “'.join(history.remarks)}”"
            case Trouble.LEECH:
                yield "Anki calls it a leech"
            case Trouble.LAPSES:
                yield forgotten(history)
            case Trouble.DIFFICULT:
                hardest = max(one.difficulty or 0.0 for one in history.cards)
                yield f"difficult: {hardest:.1f} of 10, and it still comes back after few days"


def forgotten(history: History) -> str:
    """`forgotten 6 times in 14 answers`; "" if it never was."""
    if not history.lapses:
        return ""
    given = history.answers.given
    return f"forgotten {_times(history.lapses)}" + (f" in {given} answers" if given else "")


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def work_told(ledger: Ledger, card: Card) -> Iterator[str]:
    """Lines for a terminal: why a card needs work, and in whose place it was drawn."""
    if why := "; ".join(reasons(history_of(ledger, card))):
        yield f"work      {why}"
    for guid in ledger.troubles.in_place_of(card.guid):
        yield f"instead   of {guid}, which is retired once this one is accepted"


# --- for a model ----------------------------------------------------------------------------


def remark_for(ledger: Ledger, card: Card, words: str = "", *, split: bool = False) -> str:
    """What a model is told that is to draw another card in the place of one.

    Args:
        ledger: where its history is.
        card: the one that fails.
        words: what a person wants of the new one.
        split: whether several are wanted.
    """
    history = history_of(ledger, card)
    asked = words.strip() or (SPLIT if split else _BETTER)
    both = f"{SPLIT}; {asked}" if split and asked != SPLIT else asked
    told = "; ".join(filter(None, (*_told(card, history), both)))
    return f"{told}."


def _told(card: Card, history: History) -> Iterator[str]:
    sides = " / ".join(text for _, text in card.fields if text)
    yield f"this card of the passage is to be replaced: «{sides}»"
    yield forgotten(history) or "it is hard to remember"
    if history.remarks:
        yield f"the learner wrote: «{'», «'.join(history.remarks)}»"


def replaceable(cards: Iterable[Card]) -> tuple[Card, ...]:
    """Those that another card may take the place of: they stand, and a person or policy took them."""
    return tuple(
        card
        for card in cards
        if card.verdict is Verdict.ACCEPTED and card.standing is Standing.LIVE
    )


def instead_of(
    ledger: Ledger, cards: Iterable[Card], words: str = "", *, split: bool = False
) -> tuple[tuple[Guid, str], ...]:
    """Each card with what a model is told of it."""
    return tuple((card.guid, remark_for(ledger, card, words, split=split)) for card in cards)
