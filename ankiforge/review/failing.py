"""What is known of a card that keeps failing in Anki, in words: for a person, and for a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ankiforge.anki.content import content_hash
from ankiforge.anki.unrender import unrender
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.values import FEEDBACK
from ankiforge.model import Card, Fields, Guid, Seen, SeenCard, Standing, Verdict
from ankiforge.recall import Answers, Trouble

SPLIT = "make two or more simpler cards of it, each of which asks for one thing"
"""What a model is asked for to make several cards of one."""
_SHOWN, _TOLD = 200, 1_000
"""Characters of a remark, or of a card, for a person and for a model."""
_SIGNS = {ord("«"): "‹", ord("»"): "›"}
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


def words_in_anki(card: Card, seen: Seen | None) -> Fields:
    """What a person has made of a card in Anki, as Markdown; () if it stands there as shipped."""
    if seen is None or not seen.type_id or not seen.content:
        return ()
    if content_hash(card.family, seen.fields) == seen.content:
        return ()
    kept = tuple(one for one in card.fields if one[0] == "Reverse")
    named = zip(card.family.content_fields, map(unrender, seen.fields), strict=False)
    return (*((name, text) for name, text in named if text and name != "Reverse"), *kept)


# --- for a person ---------------------------------------------------------------------------


def reasons(history: History) -> Iterator[str]:
    """Why it needs work, the plainest first."""
    for trouble in history.troubles:
        match trouble:
            case Trouble.REMARK:
                yield f"you wrote “{'”, “'.join(_short(one, _SHOWN) for one in history.remarks)}”"
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
    asks = words_in_anki(card, ledger.views.seen(card.guid)) or card.fields
    told = "; ".join(filter(None, (*_told(asks, history), both)))
    return f"{told}."


def _told(fields: Fields, history: History) -> Iterator[str]:
    sides = " / ".join(text for name, text in fields if text and name != "Reverse")
    yield f"this card of the passage is to be replaced: {_quoted(sides)}"
    yield forgotten(history) or "it is hard to remember"
    if history.remarks:
        yield f"the learner wrote: {', '.join(map(_quoted, history.remarks))}"


def _quoted(text: str) -> str:
    """In one line, from which nothing breaks out: a card's words may come from any document."""
    return f"«{_short(text.translate(_SIGNS), _TOLD)}»"


def _short(text: str, most: int) -> str:
    """In one line, of so many characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


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
