"""Letting cards through: one candidate, of a choice of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.choices import preference
from ankiforge.ledger.cards.values import PREFERRED, letter_of
from ankiforge.ledger.connection import to_json
from ankiforge.ledger.deciding.states import Event, refuse
from ankiforge.ledger.deciding.troubles import REDRAFTED
from ankiforge.ledger.events import FOLLOWS, OVER, Columns
from ankiforge.ledger.writing import PERSON
from ankiforge.model import (
    AcceptedBy,
    Candidate,
    CandidateState,
    Card,
    Guid,
    Standing,
    Verdict,
)
from ankiforge.review.actions import Choice, Done, change, each


def accept(ledger: Ledger, choices: Iterable[Choice], *, force: bool = False) -> tuple[Done, ...]:
    """Let cards through; a waiting revision takes its card's place.

    Refused: a rejected, retired or blocked card (`force` overrules a check, on record), and an
    open choice, which wants a pick: of one candidate that is named, this is one.
    """
    meant = tuple(choices)
    twice = _named_twice(meant)

    def decide(choice: Choice, action: str) -> None:
        if choice.letter and _chooses(ledger, choice):
            _pick(ledger, choice, action, force, twice)
        else:
            accept_one(ledger, choice, action, force=force)

    return each(ledger, meant, decide)


def _chooses(ledger: Ledger, choice: Choice) -> bool:
    """Whether to accept a named candidate is to pick it, of several or in place of another."""
    passed = choice.candidate.state is CandidateState.PASSED
    return bool(choice.card.to_choose) or passed or ledger.choices.gave_way(choice.card)


def accept_one(ledger: Ledger, choice: Choice, action: str, *, force: bool = False) -> None:
    """Let one card through, as part of an action.

    Raises:
        RefusedError: as `accept` says.
    """
    card = choice.card
    refuse(card.standing, card.verdict, Event.ACCEPT, card.guid)
    if len(card.to_choose) > 1:
        passable = [one for one in card.to_choose if not one.blocked]
        if passable != [choice.candidate]:
            named = (passable or card.to_choose)[0].id
            what = f"{card.guid} has several candidates, {len(card.to_choose)} to choose from"
            raise RefusedError(what, hint=f"ankiforge pick {named}")
    what = "pick" if card.to_choose else "accept"
    _let_through(ledger, card, choice.candidate, what, action, force)


def pick(ledger: Ledger, choices: Iterable[Choice], *, force: bool = False) -> tuple[Done, ...]:
    """Choose one candidate; it is accepted, the others are passed over and remembered.

    One that was passed over takes the place of the one that was picked. Refused: two of one
    choice at once.
    """
    meant = tuple(choices)
    twice = _named_twice(meant)
    return each(ledger, meant, lambda one, action: _pick(ledger, one, action, force, twice))


def in_bulk(card: Card) -> bool:
    """Whether it may be accepted among many: it waits, nothing is to choose, no check warns."""
    pending = card.verdict is Verdict.PENDING and card.standing is Standing.LIVE
    return pending and card.picked is not None and not card.open and card.leading.clean


def _named_twice(choices: tuple[Choice, ...]) -> frozenset[str]:
    """The choices of which more than one candidate is named."""
    named: dict[str, set[str]] = {}
    for choice in choices:
        named.setdefault(_choice_of(choice.card), set()).add(choice.candidate.id)
    return frozenset(one for one, candidates in named.items() if len(candidates) > 1)


def _choice_of(card: Card) -> str:
    return card.choice or card.guid


def _pick(ledger: Ledger, choice: Choice, action: str, force: bool, twice: frozenset[str]) -> None:
    card = choice.card
    if choice.letter and _choice_of(card) in twice:
        what = f"{choice.candidate.id} is not the only one named of its choice"
        raise RefusedError(what, hint="pick one of them")
    standing = Standing.LIVE if ledger.choices.gave_way(card) else card.standing
    refuse(standing, card.verdict, Event.PICK, card.guid)
    _let_through(ledger, card, choice.candidate, "pick", action, force)


def _let_through(
    ledger: Ledger, card: Card, candidate: Candidate, what: str, action: str, force: bool
) -> None:
    _refuse_blocked(card, candidate, what, force)
    after: Columns = {
        "verdict": Verdict.ACCEPTED.value,
        "accepted_by": AcceptedBy.PERSON.value,
        "forced": int(candidate.blocked),
        "reason": "",
    }
    fails = ledger.troubles.in_place_of(card.guid)
    if fails or candidate != card.picked or candidate.draft.fields != card.fields:
        after |= {"fields": to_json(candidate.draft.fields), "kind": candidate.draft.kind.value}
        after["edited"] = int(candidate.draft.origin.drafter == PERSON)
        if candidate.draft.fields != card.fields:
            ledger.decisions.part_others(card.guid)
    more = preferred(ledger, card, candidate) if what == "pick" else {}
    more = more or {PREFERRED: preference(candidate)}
    after |= only_this(card) if what == "pick" else {}
    others = ledger.choices.live_others(card) if what == "pick" else []
    change(ledger, card, what, after, action, _picked(card, candidate), candidate, **more)
    ledger.choices.give_way(others, card.guid, action)
    _retire(ledger, fails, card.guid, action)
    ledger.policy.settle_deck(card.guid)


def _retire(ledger: Ledger, fails: Iterable[Guid], taken: Guid, action: str) -> None:
    """The cards in whose place this one was drawn, as they kept failing, are none any more."""
    after: Columns = {"standing": Standing.RETIRED.value, "standing_why": REDRAFTED}
    for guid in fails:
        ledger.decisions.change(guid, "retire", after, action=action, extra={"card": taken})


def _refuse_blocked(card: Card, candidate: Candidate, what: str, force: bool) -> None:
    overruled = force or (card.forced and candidate == card.picked)
    if candidate.blocked and not overruled:
        why = "; ".join(f.message for f in candidate.findings if f.severity == "block")
        do = f"pick --force {candidate.id}" if what == "pick" else f"accept --force {card.guid}"
        hint = f"edit it, or overrule the check: ankiforge {do}"
        raise RefusedError(f"{card.guid} is blocked: {why}", hint=hint)


def only_this(card: Card) -> Columns:
    """Of a choice of both note types one card lives: this one, whatever was said before."""
    return {"standing": Standing.LIVE.value, "standing_why": ""} if card.choice else {}


def preferred(ledger: Ledger, card: Card, chosen: Candidate) -> dict[str, Any]:
    """What was preferred, and over what: the candidates that were open, or picked until now."""
    over = [c for c in (*card.candidates, *card.beside) if c.state is CandidateState.OPEN]
    if chosen.state is CandidateState.PASSED:
        others = [one for one in ledger.choices.others(card) if one.standing is Standing.LIVE]
        over += [one.picked for one in (card, *others) if one.picked]
    named = [preference(one) for one in dict.fromkeys(over) if one != chosen]
    last = ledger.choices.last_choosing(card)
    return {PREFERRED: preference(chosen), OVER: named, FOLLOWS: last}


def _picked(card: Card, chosen: Candidate) -> dict[str, str]:
    """The states after a candidate was chosen: it is the card, the others were passed over."""
    states = {
        letter_of(c): (CandidateState.PICKED if c == chosen else CandidateState.PASSED).value
        for c in card.candidates
    }
    now = {letter_of(c): c.state.value for c in card.candidates}
    return {letter: state for letter, state in states.items() if now[letter] != state}
