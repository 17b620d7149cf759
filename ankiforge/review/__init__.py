"""Decisions on cards: one function each, for the terminal and the page alike.

Each is in the ledger (and its journal) before the function returns; several cards decided at
once are one action, which one undo takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ankiforge.anki.merge import MINE, SOURCE, Conflict, mark_of
from ankiforge.domain import (
    AcceptedBy,
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    CardKind,
    Checked,
    Draft,
    Fields,
    Finding,
    Guid,
    Highlight,
    Origin,
    Standing,
    Verdict,
)
from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.ledger.connection import to_json
from ankiforge.ledger.decisions import Change, Decided
from ankiforge.ledger.states import Event, refuse
from ankiforge.text.markdown import cloze_answers, plain

Judge = Callable[[Draft, Highlight], tuple[Finding, ...]]
"""The checks, as `check.check` runs them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A card, and which of its candidates is meant ("" = the one that leads)."""

    card: Card
    letter: str = ""

    @property
    def candidate(self) -> Candidate:
        """The candidate that is meant: the named one, a waiting revision, or the leading one."""
        if self.letter:
            return next(c for c in self.card.candidates if letter_of(c) == self.letter)
        waiting = self.card.open
        return waiting[0] if self.card.picked and waiting else self.card.leading


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one card of an action."""

    guid: Guid
    refused: str = ""
    """Why nothing was changed, "" if it was."""
    hint: str = ""


def _each(
    ledger: Ledger, choices: Iterable[Choice], decide: Callable[[Choice, str], None]
) -> tuple[Done, ...]:
    """Decide one card after another, as one action; a refusal leaves the others standing."""
    once = {(choice.card.guid, choice.letter): choice for choice in choices}
    done = []
    with ledger.unit():
        action = ledger.writer.new_action()
        for choice in once.values():
            try:
                _refuse_stale(ledger, choice.card)
                decide(choice, action)
                done.append(Done(choice.card.guid))
            except RefusedError as error:
                done.append(Done(choice.card.guid, error.message, error.hint))
    return tuple(done)


def _refuse_stale(ledger: Ledger, card: Card) -> None:
    """A decision is about what was shown, not about what another program made of it."""
    if ledger.cards.get(card.guid) != card:
        raise RefusedError(f"{card.guid} was changed meanwhile", hint="look at it again")


# --- accept ---------------------------------------------------------------------------------


def accept(ledger: Ledger, choices: Iterable[Choice], *, force: bool = False) -> tuple[Done, ...]:
    """Let cards through; a waiting revision takes its card's place.

    Refused: a rejected, retired or blocked card (`force` overrules a check, on record), and an
    open choice, which wants a pick.
    """
    return _each(ledger, choices, lambda choice, action: _accept(ledger, choice, action, force))


def _accept(ledger: Ledger, choice: Choice, action: str, force: bool) -> None:
    card, candidate = choice.card, choice.candidate
    refuse(card.standing, card.verdict, Event.ACCEPT, card.guid)
    if card.picked is None and len(card.open) > 1 and not choice.letter:
        hint = f"ankiforge pick {card.open[0].id}"
        raise RefusedError(f"{card.guid} has several candidates", hint=hint)
    _let_through(ledger, card, candidate, "accept", action, force)


def pick(ledger: Ledger, choices: Iterable[Choice], *, force: bool = False) -> tuple[Done, ...]:
    """Choose one candidate; it is accepted, the others are passed over and remembered."""

    def decide(choice: Choice, action: str) -> None:
        refuse(choice.card.standing, choice.card.verdict, Event.PICK, choice.card.guid)
        _let_through(ledger, choice.card, choice.candidate, "pick", action, force)

    return _each(ledger, choices, decide)


def _let_through(
    ledger: Ledger, card: Card, candidate: Candidate, what: str, action: str, force: bool
) -> None:
    overruled = force or (card.forced and candidate == card.picked)
    if candidate.blocked and not overruled:
        why = "; ".join(f.message for f in candidate.findings if f.severity == "block")
        chosen = what == "pick" or (card.picked is None and len(card.open) > 1)
        do = f"pick --force {candidate.id}" if chosen else f"accept --force {card.guid}"
        hint = f"edit it, or overrule the check: ankiforge {do}"
        raise RefusedError(f"{card.guid} is blocked: {why}", hint=hint)
    after: Change = {
        "verdict": Verdict.ACCEPTED.value,
        "accepted_by": AcceptedBy.PERSON.value,
        "forced": int(candidate.blocked),
        "reason": "",
    }
    if candidate != card.picked:
        after |= {"fields": to_json(candidate.draft.fields), "kind": candidate.draft.kind.value}
        after["edited"] = 0
        if candidate.draft.fields != card.fields:
            ledger.decisions.part_others(card.guid)
    _change(ledger, card, what, after, action, _picked(card, candidate), candidate)
    ledger.policy.settle_deck(card.guid)


def _picked(card: Card, chosen: Candidate) -> dict[str, str]:
    """The states after a candidate was chosen: it is the card, the others were passed over."""
    states = {
        letter_of(c): (CandidateState.PICKED if c == chosen else CandidateState.PASSED).value
        for c in card.candidates
    }
    now = {letter_of(c): c.state.value for c in card.candidates}
    return {letter: state for letter, state in states.items() if now[letter] != state}


# --- reject, restore ------------------------------------------------------------------------


def reject(ledger: Ledger, choices: Iterable[Choice], reason: str = "") -> tuple[Done, ...]:
    """Turn cards down, for ever: the same answer is not offered again on that highlight.

    With a candidate named, only that candidate (a revision, say) is passed over.
    """

    def decide(choice: Choice, action: str) -> None:
        card = choice.card
        if choice.letter and (card.picked or len(card.open) > 1):
            if choice.candidate.state is not CandidateState.OPEN:
                what = f"{choice.candidate.id} does not wait for a decision"
                raise RefusedError(what, hint=f"to reject the card: ankiforge reject {card.guid}")
            states = {choice.letter: CandidateState.PASSED.value}
            _change(ledger, card, "reject", {}, action, states, choice.candidate, reason=reason)
            return
        after: Change = {"verdict": Verdict.REJECTED.value, "reason": reason}
        _change(ledger, card, "reject", after, action, {}, choice.candidate)

    return _each(ledger, choices, decide)


def restore(ledger: Ledger, choices: Iterable[Choice]) -> tuple[Done, ...]:
    """Bring back: a rejected card waits again, a retired one lives again, a deleted one ships."""

    def decide(choice: Choice, action: str) -> None:
        card = choice.card
        after: Change = {}
        if card.verdict is Verdict.REJECTED:
            after |= {"verdict": Verdict.PENDING.value, "reason": ""}
        if card.standing is not Standing.LIVE:
            after |= {"standing": Standing.LIVE.value, "standing_why": ""}
        if card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE):
            after |= {"anki": AnkiState.WRITTEN.value, "anki_why": ""}
        if not after:
            what = f"{card.guid} is neither rejected nor retired nor missing in Anki"
            raise RefusedError(what, hint="there is nothing to bring back")
        _change(ledger, card, "restore", after, action, {}, choice.candidate)

    return _each(ledger, choices, decide)


# --- conflicts with Anki --------------------------------------------------------------------


def resolve(
    ledger: Ledger,
    choices: Iterable[Choice],
    conflicts: Mapping[Guid, tuple[Conflict, ...]],
    *,
    mine: bool,
    field: str = "",
) -> tuple[Done, ...]:
    """Say whose words are to stand where Anki and the source both changed a field.

    Args:
        ledger: where it is remembered.
        choices: the cards.
        conflicts: of each card, as they stand now.
        mine: what stands in Anki stays, now and after every change of the source; else the
            source's words take the place of those that stand there now.
        field: only this one.
    """

    def decide(choice: Choice, action: str) -> None:
        card = choice.card
        found = [c for c in conflicts.get(card.guid, ()) if not field or c.field == field]
        if not found:
            what = f"{card.guid} has no conflict" + (f" in {field}" if field else "")
            raise RefusedError(what, hint=f"ankiforge show {card.guid}")
        said = {c.field: MINE if mine else f"{SOURCE} {mark_of(c.theirs)}" for c in found}
        resolved = to_json(dict(card.resolved) | said)
        after: Change = {"resolved": resolved, "anki": AnkiState.SEEN.value, "anki_why": ""}
        _change(ledger, card, "pin" if mine else "resolve", after, action, {}, choice.candidate)

    return _each(ledger, choices, decide)


# --- edit -----------------------------------------------------------------------------------


def edit(ledger: Ledger, choice: Choice, fields: Fields, judge: Judge) -> Done:
    """Put a person's words in place; the verdict stays.

    Raises:
        RefusedError: the card was rejected or retired, or has changed meanwhile.
    """
    card = choice.card
    refuse(card.standing, card.verdict, Event.EDIT, card.guid)
    with ledger.unit():
        _refuse_stale(ledger, card)
        draft = _by_person(choice.candidate.draft, fields)
        checked = Checked(draft, judge(draft, card.highlight))
        letter = ledger.cards.add_candidate(card.guid, checked, CandidateState.PASSED)
        states = {letter_of(c): CandidateState.PASSED.value for c in card.candidates
                  if c.state is not CandidateState.PASSED}  # fmt: skip
        after: Change = {"fields": to_json(fields), "edited": 1, "forced": 0}
        states_and_mine = {**states, letter: CandidateState.PICKED.value}
        ledger.decisions.change(
            card.guid,
            "edit",
            after,
            candidates=states_and_mine,
            extra={"answer": draft.answer, "letter": letter},
        )
    return Done(card.guid)


def _by_person(draft: Draft, fields: Fields) -> Draft:
    words = dict(fields)
    cloze = draft.kind is CardKind.CLOZE
    answer = cloze_answers(words.get("Text", "")) if cloze else plain(words.get("Back", ""))
    return replace(draft, fields=fields, answer=answer, by_hand=True, origin=Origin("person"))


# --- undo -----------------------------------------------------------------------------------


def undo(ledger: Ledger, what: str = "") -> list[Decided]:
    """Take back one action: the given one, or the last of a person; what was taken back."""
    return ledger.decisions.undo(what)


def _change(
    ledger: Ledger,
    card: Card,
    what: str,
    after: Change,
    action: str,
    states: dict[str, str],
    candidate: Candidate,
    **more: str,
) -> None:
    ledger.decisions.change(
        card.guid,
        what,
        after,
        action=action,
        candidates=states,
        extra={"answer": candidate.draft.answer, **more},
    )
