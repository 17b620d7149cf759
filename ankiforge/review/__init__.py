"""Decisions on cards: one function each, for the terminal and the page alike.

Each is in the ledger (and its journal) before the function returns; several cards decided at
once are one action, which one undo takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ankiforge.anki.merge import MINE, SOURCE, Conflict, mark_of
from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.choices import preference
from ankiforge.ledger.cards.remembering import blocked_by
from ankiforge.ledger.cards.values import letter_of
from ankiforge.ledger.connection import to_json
from ankiforge.ledger.deciding.states import Event, refuse
from ankiforge.ledger.events import OVER, Columns
from ankiforge.model import (
    AnkiState,
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
from ankiforge.review.actions import Choice, Done, beside, change, each, refuse_stale
from ankiforge.review.picking import accept, only_this, pick, preferred
from ankiforge.review.undoing import undo, undo_about
from ankiforge.text.markdown import cloze_answers, plain

__all__ = [
    "Choice",
    "Done",
    "Judge",
    "accept",
    "by_person",
    "confirm_deleted",
    "edit",
    "pick",
    "refuse_edit",
    "reject",
    "resolve",
    "restore",
    "undo",
    "undo_about",
]

Judge = Callable[[Draft, Highlight], tuple[Finding, ...]]
"""The checks, as `check.check` runs them."""


# --- reject, restore ------------------------------------------------------------------------


def reject(ledger: Ledger, choices: Iterable[Choice], reason: str = "") -> tuple[Done, ...]:
    """Turn cards down, for ever: the same answer is not offered again on that highlight.

    With a candidate named, only that candidate (a revision, say) is passed over.
    """

    def decide(choice: Choice, action: str) -> None:
        card = choice.card
        if choice.letter and (card.picked or len(card.to_choose) > 1):
            _pass_over(ledger, choice, action, reason)
            return
        after: Columns = {"verdict": Verdict.REJECTED.value, "reason": reason}
        for one in (card, *beside(ledger, card)):
            if (one.verdict, one.reason) != (Verdict.REJECTED, reason):
                change(ledger, one, "reject", after, action, {}, one.leading, reason=reason)

    return each(ledger, choices, decide)


def _pass_over(ledger: Ledger, choice: Choice, action: str, reason: str) -> None:
    """Turn one candidate down; what is left may lead, or be on the other card of its choice."""
    card, candidate = choice.card, choice.candidate
    if candidate.state is not CandidateState.OPEN:
        what = f"{candidate.id} does not wait for a decision"
        raise RefusedError(what, hint=f"to reject the card: ankiforge reject {card.guid}")
    states = {choice.letter: CandidateState.PASSED.value}
    after: Columns = {}
    left = [one for one in card.open if one != candidate]
    if card.to_choose and left:
        lead = next((one for one in left if not one.blocked), left[0]).draft
        after = {"fields": to_json(lead.fields), "kind": lead.kind.value}
    elif card.to_choose:
        [other, *_] = beside(ledger, card)
        after = {"standing": Standing.SUPERSEDED.value, "standing_why": other.guid}
    over = [preference(candidate)]
    change(ledger, card, "reject", after, action, states, candidate, reason=reason, **{OVER: over})


def restore(ledger: Ledger, choices: Iterable[Choice]) -> tuple[Done, ...]:
    """Bring back: a rejected card waits again, a retired one lives again, a deleted one ships.

    A choice that was rejected waits as a whole; a card that gave way to another of its choice
    lives beside that one from then on.
    """
    brought: set[Guid] = set()

    def decide(choice: Choice, action: str) -> None:
        card = choice.card
        if card.guid in brought:
            return
        after, states = _brought_back(ledger, card)
        if not after:
            what = f"{card.guid} is neither rejected nor retired nor missing in Anki"
            raise RefusedError(what, hint="there is nothing to bring back")
        others = [] if card.picked or after.get("choice") == "" else ledger.choices.others(card)
        change(ledger, card, "restore", after, action, states, choice.candidate)
        again = {name: value for name, value in after.items() if not name.startswith("anki")}
        for one in others:
            if again and _put_away(one) == _put_away(card):
                brought.add(one.guid)
                change(ledger, one, "restore", again, action, {}, one.leading)

    return each(ledger, choices, decide)


def _put_away(card: Card) -> tuple[Verdict, Standing, str]:
    """Why a card is none now."""
    return card.verdict, card.standing, card.standing_why


def _brought_back(ledger: Ledger, card: Card) -> tuple[Columns, dict[str, str]]:
    """The columns of a card that is brought back, and the states of its candidates."""
    after: Columns = {}
    states: dict[str, str] = {}
    if card.verdict is Verdict.REJECTED:
        after |= {"verdict": Verdict.PENDING.value, "reason": ""}
    if card.standing is not Standing.LIVE:
        after |= {"standing": Standing.LIVE.value, "standing_why": ""}
        if ledger.choices.gave_way(card):
            after["choice"] = ""
            alone = card.picked is None and len(card.candidates) == 1
            again = CandidateState.PICKED if alone else CandidateState.OPEN
            states = {} if card.picked else {letter_of(one): again.value for one in card.candidates}
    if card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE):
        after |= {"anki": AnkiState.WRITTEN.value, "anki_why": ""}
    return after, states


def confirm_deleted(ledger: Ledger, choices: Iterable[Choice]) -> tuple[Done, ...]:
    """Cards that are missing in Anki were deleted there on purpose: they are not shipped again."""
    bury = ledger.views.deletions.bury
    return each(ledger, choices, lambda choice, action: bury(choice.card.guid, action))


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
        after: Columns = {"resolved": resolved, "anki": AnkiState.SEEN.value, "anki_why": ""}
        change(ledger, card, "pin" if mine else "resolve", after, action, {}, choice.candidate)

    return each(ledger, choices, decide)


# --- edit -----------------------------------------------------------------------------------


def edit(
    ledger: Ledger,
    choice: Choice,
    fields: Fields,
    judge: Judge,
    over: Mapping[str, str] | None = None,
) -> Done:
    """Put a person's words in place; the verdict stays. Of a choice they are the card.

    `over`: what stands in Anki, HTML by field, if these words were made of that and are to take its
    place; else what a person changed there is in conflict with them.

    Raises:
        RefusedError: the card was rejected or retired, or has changed meanwhile; a choice is
            open and no candidate is named.
    """
    refuse_edit(choice)
    card = choice.card
    with ledger.unit():
        refuse_stale(ledger, card)
        chosen = preferred(ledger, card, choice.candidate) if card.to_choose else {}
        draft = by_person(choice.candidate.draft, fields)
        checked = Checked(draft, judge(draft, card.highlight))
        letter = ledger.cards.add_candidate(card.guid, checked, CandidateState.PASSED)
        states = {letter_of(c): CandidateState.PASSED.value for c in card.candidates
                  if c.state is not CandidateState.PASSED}  # fmt: skip
        after: Columns = {"fields": to_json(fields), "edited": 1, "forced": 0}
        if over:
            said = {name: f"{SOURCE} {mark_of(text)}" for name, text in over.items()}
            after["resolved"] = to_json(dict(card.resolved) | said)
        if draft.kind is not card.kind:
            after["kind"] = draft.kind.value
        states_and_mine = {**states, letter: CandidateState.PICKED.value}
        action = ledger.writer.new_action()
        others = ledger.choices.live_others(card) if chosen else []
        ledger.decisions.change(
            card.guid,
            "edit",
            after | (only_this(card) if chosen else {}),
            action=action,
            candidates=states_and_mine,
            extra={"answer": draft.answer, "letter": letter, **blocked_by(checked), **chosen},
        )
        ledger.choices.give_way(others, card.guid, action)
    return Done(card.guid)


def refuse_edit(choice: Choice) -> None:
    """Stop before words are asked for that could not be taken.

    Raises:
        RefusedError: as `edit` does.
    """
    card = choice.card
    refuse(card.standing, card.verdict, Event.EDIT, card.guid)
    if len(card.to_choose) > 1 and not choice.letter:
        what = f"{card.guid} has several candidates, {len(card.to_choose)} to choose from"
        raise RefusedError(what, hint=f"say whose words: ankiforge edit {card.to_choose[0].id}")


def by_person(draft: Draft, fields: Fields) -> Draft:
    """A draft in a person's words."""
    words = dict(fields)
    cloze = draft.kind is CardKind.CLOZE
    answer = cloze_answers(words.get("Text", "")) if cloze else plain(words.get("Back", ""))
    return replace(draft, fields=fields, answer=answer, by_hand=True, origin=Origin("person"))
