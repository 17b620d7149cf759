"""Decisions on two cards that resemble one another: one from now on, or no duplicates at all."""

from __future__ import annotations

from dataclasses import dataclass

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.deciding.pairs import NOTE, PAIRED
from ankiforge.model import Card, Guid, Standing, Verdict
from ankiforge.review.actions import Choice, Done, beside, change, refuse_stale
from ankiforge.review.picking import accept_one


@dataclass(frozen=True, slots=True)
class Merged:
    """Which card stayed, and which one it took the place of."""

    stays: Guid
    went: Guid


def merge(ledger: Ledger, one: Card, other: Card) -> Merged:
    """Make one card of two, as one action.

    The card with more answers in Anki stays, else the one that was shipped first, else the one
    that was made first. It serves the other's passages as well; the other is retired.

    Raises:
        UsageError: it is one card, or both are of one open choice.
        RefusedError: one of them is no card any more, or was changed meanwhile.
    """
    if one.guid == other.guid:
        raise UsageError(f"{one.guid} cannot be merged into itself", hint="name two cards")
    with ledger.unit():
        for card in (one, other):
            refuse_stale(ledger, card)
            _refuse_gone(card)
        stays, goes = in_rank(ledger, one, other)
        gone = (goes, *beside(ledger, goes))
        if stays.guid in [card.guid for card in gone]:
            hint = f"ankiforge pick {stays.to_choose[0].id}"
            raise UsageError(f"{one.guid} and {other.guid} are one choice", hint=hint)
        action = ledger.writer.new_action()
        after = {"standing": Standing.SUPERSEDED.value, "standing_why": stays.guid}
        for card in gone:
            change(ledger, card, "retire", after, action, {}, card.leading, reason="merged")
        _serve(ledger, stays, goes, action)
    return Merged(stays.guid, goes.guid)


def in_rank(ledger: Ledger, one: Card, other: Card) -> tuple[Card, Card]:
    """The card that stays if they are merged, and the one that goes."""
    stays, goes = sorted((one, other), key=lambda card: _rank(ledger, card))
    return stays, goes


def _refuse_gone(card: Card) -> None:
    if card.verdict is Verdict.REJECTED or card.standing is not Standing.LIVE:
        state = card.verdict if card.verdict is Verdict.REJECTED else card.standing
        raise RefusedError(f"{card.guid} is {state}", hint=f"ankiforge restore {card.guid}")


def _rank(ledger: Ledger, card: Card) -> tuple[int, str, str, str]:
    """Sorts first the card that stays."""
    reviews = ledger.views.reviews_of(card.guid)
    shipped = [at for _, _, _, at in ledger.packages.history(card.guid)]
    never = "~"
    return (
        -reviews,
        min(shipped, default=never),
        ledger.duplicates.drafted_at(card.guid),
        card.guid,
    )


def _serve(ledger: Ledger, stays: Card, goes: Card, action: str) -> None:
    """The card that stays has the passages of the other as further sources.

    Also if it is of the same passage: what was merged is not drawn of it again.
    """
    answers = [one.draft.answer for one in (goes.leading, *goes.to_choose)]
    for highlight in (goes.highlight, *goes.also):
        ledger.cards.pairs.link(stays.guid, highlight.key)
        extra = {"key": highlight.key, "card": goes.guid, "answer": answers[0]}
        more = {"answers": list(dict.fromkeys(answers))} if goes.to_choose else {}
        ledger.decisions.change(stays.guid, "merge", {}, action=action, extra=extra | more)


def distinct(ledger: Ledger, card: Card, twins: tuple[str, ...]) -> tuple[Done, ...]:
    """Remember for ever that a card and its twins are no duplicates, as one action.

    Args:
        ledger: where it is remembered.
        card: one of each pair.
        twins: the others: guids, or `nid:` and Anki's id of a note that is not ours.
    """
    with ledger.unit():
        action = ledger.writer.new_action()
        for twin in twins:
            _part(ledger, card, twin, action)
    return (Done(card.guid),)


def keep_both(ledger: Ledger, card: Card, twin: str) -> tuple[Done, ...]:
    """Let through whichever of a pair waits, and remember that they are no duplicates.

    One action; refused as a whole if one of them may not be let through.
    """
    waiting = [one for one in (card, *_card_named(ledger, twin)) if one.verdict is Verdict.PENDING]
    with ledger.unit():
        action = ledger.writer.new_action()
        for one in waiting:
            refuse_stale(ledger, one)
        _part(ledger, card, twin, action)
        for one in waiting:
            accept_one(ledger, Choice(ledger.cards.get(one.guid)), action)
    return tuple(Done(one.guid) for one in waiting or (card,))


def _card_named(ledger: Ledger, twin: str) -> tuple[Card, ...]:
    return () if twin.startswith(NOTE) else (ledger.cards.get(twin),)


def _part(ledger: Ledger, card: Card, twin: str, action: str) -> None:
    if frozenset((card.guid, twin)) not in ledger.cards.pairs.apart((card.guid,)):
        extra = {"twin": twin}
        ledger.decisions.change(card.guid, "not-duplicate", {}, action=action, extra=extra)


def twins_of(card: Card) -> tuple[str, ...]:
    """The cards and notes that findings about a card call alike, the likest first."""
    shown = (card.leading, *(one for one in card.open if one != card.leading))
    named = [one.twin for c in shown for one in c.findings if one.check in PAIRED and one.twin]
    return tuple(dict.fromkeys(twin.partition(".")[0] for twin in named))


def note_named(ledger: Ledger, word: str) -> str:
    """The note of others that `nid:…` names; "" if `word` is no such name.

    Raises:
        UsageError: no such note was seen in Anki.
    """
    if not word.startswith(NOTE):
        return ""
    number = word.removeprefix(NOTE)
    if not number.isascii() or not number.isdigit() or ledger.foreign.find(int(number)) is None:
        raise UsageError(
            f"no note {word} was seen in Anki",
            hint="ankiforge show names the notes that a card resembles",
        )
    return f"{NOTE}{int(number)}"
