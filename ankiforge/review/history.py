"""How a card that keeps failing in Anki has fared, in words for a person and for a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ankiforge.anki.unrender import words_in_anki
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import FEEDBACK
from ankiforge.model import Card, Guid, SeenCard, Standing, Verdict
from ankiforge.model.retention import Answers, Trouble

SPLIT = "make two or more simpler cards of it, each of which asks for one thing"
"""Asks a model for several cards in place of one."""
_BETTER = (
    "make a card in its place that lasts: ask for less at once, or from another side, with a cue in"
    " the question that tells it from what is alike"
)
_MOST_FOR_PERSON, _MOST_FOR_MODEL = 200, 1_000
"""Characters of one remark, or of one card's words."""
_INNER_QUOTES = {ord("«"): "‹", ord("»"): "›"}


@dataclass(frozen=True, slots=True)
class History:
    """What Anki has shown of one card."""

    troubles: tuple[Trouble, ...]
    """Why it needs work; () if it does not, or a person has dealt with it."""
    cards: tuple[SeenCard, ...]
    """The Anki cards of its note, as they were seen last."""
    answers: Answers
    remarks: tuple[str, ...]
    """What a person typed about it while studying, and has not dealt with."""

    @property
    def lapses(self) -> int:
        """How often it was forgotten after it was learnt, summed over all cards of the note."""
        return sum(one.lapses for one in self.cards)


def history_of(ledger: Ledger, card: Card) -> History:
    """Return what Anki has shown of a card."""
    seen = ledger.views.seen(card.guid)
    return History(
        ledger.queries.problem_cards.troubles(card.guid),
        seen.cards if seen else (),
        ledger.queries.problem_cards.answers(card.guid),
        tuple(one.message for one in card.leading.findings if one.check == FEEDBACK),
    )


# --- for a person ---------------------------------------------------------------------------


def reasons(history: History) -> Iterator[str]:
    """Yield why a card needs work, the most telling reason first."""
    for trouble in history.troubles:
        match trouble:
            case Trouble.REMARK:
                remarks = (_one_line(one, _MOST_FOR_PERSON) for one in history.remarks)
                yield f"you wrote “{'”, “'.join(remarks)}”"
            case Trouble.LEECH:
                yield "Anki calls it a leech"
            case Trouble.LAPSES:
                yield forgotten(history)
            case Trouble.DIFFICULT:
                hardest = max(one.difficulty or 0.0 for one in history.cards)
                yield f"difficult: {hardest:.1f} out of 10, and it still comes back after a few days"


def forgotten(history: History) -> str:
    """Return `forgotten 6 times in 14 answers`, or "" for a card that never lapsed."""
    lapses, answers = history.lapses, history.answers.given
    if not lapses:
        return ""
    times = {1: "once", 2: "twice"}.get(lapses, f"{lapses} times")
    return f"forgotten {times}" + (f" in {answers} answers" if answers else "")


def work_lines(ledger: Ledger, card: Card) -> Iterator[str]:
    """Yield lines for a terminal: why a card needs work, and which cards it is to replace."""
    if why := "; ".join(reasons(history_of(ledger, card))):
        yield f"work      {why}"
    for guid in ledger.queries.problem_cards.replaced_by(card.guid):
        yield f"instead   of {guid}, which is retired once this one is accepted"


# --- for a model ----------------------------------------------------------------------------


def replaceable(cards: Iterable[Card]) -> tuple[Card, ...]:
    """Return the cards that another card may replace: those accepted and live."""
    return tuple(
        card
        for card in cards
        if card.verdict is Verdict.ACCEPTED and card.standing is Standing.LIVE
    )


def remarks_for(
    ledger: Ledger, cards: Iterable[Card], words: str = "", *, split: bool = False
) -> tuple[tuple[Guid, str], ...]:
    """Return each card with the remark that asks a model to replace it."""
    return tuple((card.guid, remark_for(ledger, card, words, split=split)) for card in cards)


def remark_for(ledger: Ledger, card: Card, words: str = "", *, split: bool = False) -> str:
    """Return the remark that asks a model for another card in place of this one.

    Args:
        ledger: where the card's history is.
        card: the card that keeps failing.
        words: what a person wants of the new card.
        split: whether several cards are wanted.
    """
    history = history_of(ledger, card)
    asked = words.strip() or (SPLIT if split else _BETTER)
    if split and asked != SPLIT:
        asked = f"{SPLIT}; {asked}"
    fields = words_in_anki(card, ledger.views.seen(card.guid)) or card.fields
    sides = " / ".join(text for name, text in fields if text and name != "Reverse")
    parts = [
        f"this card of the passage is to be replaced: {_quoted(sides)}",
        forgotten(history) or "it is hard to remember",
    ]
    if history.remarks:
        parts.append(f"the learner wrote: {', '.join(map(_quoted, history.remarks))}")
    return f"{'; '.join((*parts, asked))}."


def remark_excluding(others: Iterable[str]) -> str:
    """Return the remark that asks a model for another card, to which these are no right answers."""
    named = ", ".join(map(_quoted, others))
    return (
        f"the question of this card has another right answer as well: {named}. Ask for the same fact in"
        " another shape: change the question and the answer, so that only one answer is right."
    )


def _quoted(text: str) -> str:
    """Quote text on one line so that nothing in it can end the quotation.

    A card's words may come from any document, a prompt injection included.
    """
    return f"«{_one_line(text.translate(_INNER_QUOTES), _MOST_FOR_MODEL)}»"


def _one_line(text: str, most: int) -> str:
    """Return text on one line, cut to `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
