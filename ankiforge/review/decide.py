"""Every decision a person can make, for the command line and the review page alike.

A decision is in the ledger and its journal before the function returns. Cards decided together
share one action, which one undo takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ankiforge.anki.merge import MINE, SOURCE, Conflict, mark_of
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import (
    ANSWER_CHANGED,
    AT_ONCE,
    DISMISSIBLE,
    MOVED_FROM,
    NOTE,
    PREFERRED,
    SOURCE_GONE,
    letter_of,
    preference,
)
from ankiforge.ledger.consents import Choice, WrittenForm
from ankiforge.ledger.db import to_json
from ankiforge.ledger.events import DOUBTED, FOLLOWS, MADE, OVER, PERSON, Columns, Event
from ankiforge.ledger.placing import blocked_by
from ankiforge.ledger.problem_cards import REDRAFTED
from ankiforge.ledger.states import Event as StateEvent
from ankiforge.ledger.states import refuse
from ankiforge.model import (
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
    HighlightKey,
    Origin,
    Severity,
    Standing,
    Verdict,
    sides_of,
)
from ankiforge.text.fold import same
from ankiforge.text.markdown import cloze_answers, plain

Judge = Callable[[Draft, Highlight], tuple[Finding, ...]]
"""Runs the checks on a draft, as `check.check` does."""

_TAKEN_BACK = "taken back"
"""`standing_why` of a card made by hand whose making was undone."""


@dataclass(frozen=True, slots=True)
class Target:
    """The card of a decision, as it was shown, or one of its candidates."""

    card: Card
    letter: str = ""
    """The letter of the candidate that was named; "" if only the card was."""

    @property
    def candidate(self) -> Candidate:
        """The candidate that was named; else a waiting revision, else the leading candidate.

        A person's text that was not accepted yet takes precedence over a revision of it.
        """
        card = self.card
        if self.letter:
            return next(c for c in card.candidates if letter_of(c) == self.letter)
        revised = card.picked and card.open and not _is_pending_edit(card)
        return card.open[0] if revised else card.leading


@dataclass(frozen=True, slots=True)
class Result:
    """Whether one card of an action was changed."""

    guid: Guid
    refused: str = ""
    """Why the card was not changed; "" if it was."""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """The card that stays after a merge, and the card that was retired."""

    stays: Guid
    went: Guid


# --- accept, pick ---------------------------------------------------------------------------


def accept(ledger: Ledger, targets: Iterable[Target], *, force: bool = False) -> tuple[Result, ...]:
    """Accept cards; a waiting revision replaces the text of its card.

    Refused are rejected, retired and blocked cards (`force` overrules the check, which is recorded),
    and cards with several candidates, unless one of them is named.
    """
    named = tuple(targets)
    contested = _choices_named_twice(named)

    def decide(target: Target, action: str) -> None:
        picks = target.letter and (
            target.card.to_choose
            or target.candidate.state is CandidateState.PASSED
            or ledger.alternatives.was_superseded(target.card)
        )
        if picks:
            _pick(ledger, target, action, force, contested)
        else:
            _accept(ledger, target, action, force=force)

    return _decide_each(ledger, named, decide)


def pick(ledger: Ledger, targets: Iterable[Target], *, force: bool = False) -> tuple[Result, ...]:
    """Accept one of several alternatives; the others are passed over, and this is recorded.

    A candidate that was passed over before replaces the one that was picked. Two alternatives of
    one choice at once are refused.
    """
    named = tuple(targets)
    contested = _choices_named_twice(named)
    return _decide_each(
        ledger, named, lambda target, action: _pick(ledger, target, action, force, contested)
    )


def consent(ledger: Ledger, form: WrittenForm, choice: Choice) -> tuple[Result, ...]:
    """Decide on a form in which cards are written in a source, as one action.

    `ACCEPT` accepts the waiting cards, and lets the policy accept later ones. With `EACH`, a person
    decides on each card. `NEVER` makes no cards; waiting ones are retired, not rejected.
    """
    wanted = form.waiting if choice is Choice.ACCEPT else ()
    parts = (wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE))
    return _decide_each(
        ledger,
        [Target(card) for part in parts for card in ledger.cards.several(part)],
        lambda target, action: _accept(ledger, target, action),
        lambda action: ledger.consents.record(form, choice, action),
    )


def acceptable_in_bulk(card: Card) -> bool:
    """Return whether a card may be accepted unseen: pending, without warnings or a choice to make."""
    return card.undecided and card.picked is not None and not card.open and card.leading.clean


def _accept(ledger: Ledger, target: Target, action: str, *, force: bool = False) -> None:
    card = target.card
    refuse(card.standing, card.verdict, StateEvent.ACCEPT, card.guid)
    if len(card.to_choose) > 1:
        passable = [one for one in card.to_choose if not one.blocked]
        if passable != [target.candidate]:
            suggested = (passable or card.to_choose)[0].id
            what = f"{card.guid} has several candidates, {len(card.to_choose)} to choose from"
            raise RefusedError(what, hint=f"ankiforge pick {suggested}")
    what = "pick" if card.to_choose else "accept"
    keep = not target.letter and _is_pending_edit(card)
    _let_through(ledger, card, target.candidate, what, action, force, keep=keep)


def _pick(
    ledger: Ledger, target: Target, action: str, force: bool, contested: frozenset[str]
) -> None:
    card = target.card
    if target.letter and _choice_id(card) in contested:
        what = f"{target.candidate.id} is not the only candidate named for its card"
        raise RefusedError(what, hint="pick one of them")
    # a card that was superseded by an alternative may still be picked in its place
    standing = Standing.LIVE if ledger.alternatives.was_superseded(card) else card.standing
    refuse(standing, card.verdict, StateEvent.PICK, card.guid)
    _let_through(ledger, card, target.candidate, "pick", action, force)


def _choices_named_twice(targets: Iterable[Target]) -> frozenset[str]:
    """Return the ids of choices of which more than one candidate is named."""
    named: dict[str, set[str]] = {}
    for target in targets:
        named.setdefault(_choice_id(target.card), set()).add(target.candidate.id)
    return frozenset(choice for choice, candidates in named.items() if len(candidates) > 1)


def _choice_id(card: Card) -> str:
    return card.choice or card.guid


def _let_through(
    ledger: Ledger,
    card: Card,
    candidate: Candidate,
    what: str,
    action: str,
    force: bool,
    *,
    keep: bool = False,
) -> None:
    """Record an accept or a pick, with all its consequences.

    With `keep`, a revision of the card continues to wait.
    """
    # a check may be overruled, now or earlier, but never silently
    overruled = force or (card.forced and candidate == card.picked)
    if candidate.blocked and not overruled:
        why = "; ".join(f.message for f in candidate.findings if f.severity == "block")
        do = f"pick --force {candidate.id}" if what == "pick" else f"accept --force {card.guid}"
        hint = f"edit it, or overrule the check: ankiforge {do}"
        raise RefusedError(f"{card.guid} is blocked: {why}", hint=hint)

    after: Columns = {
        "verdict": Verdict.ACCEPTED.value,
        "accepted_by": AcceptedBy.PERSON.value,
        "forced": int(candidate.blocked),
        "reason": "",
    }
    replaced = ledger.queries.problem_cards.replaced_by(card.guid)
    if replaced or candidate != card.picked or candidate.draft.fields != card.fields:
        after |= {"fields": to_json(candidate.draft.fields), "kind": candidate.draft.kind.value}
        after["edited"] = int(candidate.draft.origin.drafter == PERSON)
        if candidate.draft.fields != card.fields:
            # highlights that were merged into the old words are drafted again
            ledger.decisions.unmerge_others(card.guid)
    preferred: dict[str, Any] = {PREFERRED: preference(candidate)}
    if what == "pick":
        preferred = _preference_over_others(ledger, card, candidate)
        after |= _only_live_card(card)

    states = {} if keep else _states_with(card, letter_of(candidate))
    others = ledger.alternatives.live_others(card) if what == "pick" else []
    _change(ledger, card, what, after, action, candidate, states, **preferred)
    left = tuple(one for one in candidate.findings if one not in (ANSWER_CHANGED, SOURCE_GONE))
    if left != candidate.findings:  # a person has seen it
        ledger.cards.set_findings(card.guid, letter_of(candidate), left)
        ledger.cards.refresh(card.guid)
    if others:
        ledger.alternatives.supersede(others, card.guid, action)

    # cards that kept failing, and that this one was drafted to replace, are retired
    retired: Columns = {"standing": Standing.RETIRED.value, "standing_why": REDRAFTED}
    for guid in replaced:
        ledger.decisions.change(guid, "retire", retired, action=action, extra={"card": card.guid})
    ledger.cards.keep_deck(card.guid)


def _is_pending_edit(card: Card) -> bool:
    """Return whether a person worded the card, but has not accepted it."""
    picked = card.picked if card.verdict is Verdict.PENDING else None
    return picked is not None and picked.draft.origin.drafter == PERSON


def _only_live_card(card: Card) -> Columns:
    """Return the change that makes this card the live one of a choice of both note types."""
    return {"standing": Standing.LIVE.value, "standing_why": ""} if card.choice else {}


def _preference_over_others(ledger: Ledger, card: Card, chosen: Candidate) -> dict[str, Any]:
    """Return the preferred candidate, and those over which it was preferred: open or picked so far."""
    over = [c for c in (*card.candidates, *card.beside) if c.state is CandidateState.OPEN]
    if chosen.state is CandidateState.PASSED:
        others = [one for one in ledger.alternatives.others(card) if one.standing is Standing.LIVE]
        over += [one.picked for one in (card, *others) if one.picked]
    passed_over = [preference(one) for one in dict.fromkeys(over) if one != chosen]
    last = ledger.alternatives.last_choosing(card)
    return {PREFERRED: preference(chosen), OVER: passed_over, FOLLOWS: last}


# --- reject, restore ------------------------------------------------------------------------


def reject(ledger: Ledger, targets: Iterable[Target], reason: str = "") -> tuple[Result, ...]:
    """Reject cards for good: the same answer is not offered again for their highlight.

    If a candidate is named, such as a revision, only that candidate is passed over.
    """

    def decide(target: Target, action: str) -> None:
        card = target.card
        if target.letter and (card.picked or len(card.to_choose) > 1):
            _pass_over(ledger, target, action, reason)
            return
        after: Columns = {"verdict": Verdict.REJECTED.value, "reason": reason}
        for one in (card, *_open_alternatives(ledger, card)):
            if (one.verdict, one.reason) != (Verdict.REJECTED, reason):
                more: dict[str, Any] = {"reason": reason}
                more |= {OVER: [preference(new) for new in one.open]} if one.revision else {}
                _change(ledger, one, "reject", after, action, one.leading, **more)

    return _decide_each(ledger, targets, decide)


def _pass_over(ledger: Ledger, target: Target, action: str, reason: str) -> None:
    """Reject one candidate; the next open one leads, or the card yields to its alternative."""
    card, candidate = target.card, target.candidate
    if candidate.state is not CandidateState.OPEN:
        what = f"{candidate.id} does not wait for a decision"
        raise RefusedError(what, hint=f"to reject the card: ankiforge reject {card.guid}")
    after: Columns = {}
    left = [one for one in card.open if one != candidate]
    if card.to_choose and left:
        lead = next((one for one in left if not one.blocked), left[0]).draft
        after = {"fields": to_json(lead.fields), "kind": lead.kind.value}
    elif card.to_choose:
        [other, *_] = _open_alternatives(ledger, card)
        after = {"standing": Standing.SUPERSEDED.value, "standing_why": other.guid}
    states = {target.letter: CandidateState.PASSED.value}
    more = {"reason": reason, OVER: [preference(candidate)]}
    _change(ledger, card, "reject", after, action, candidate, states, **more)


def restore(ledger: Ledger, targets: Iterable[Target]) -> tuple[Result, ...]:
    """Bring cards back: a rejected card is pending, a retired one live, a deleted one ships again.

    Alternatives that were rejected together are restored together. A card that was superseded by
    an alternative is live in addition to it from then on.
    """
    restored: set[Guid] = set()

    def decide(target: Target, action: str) -> None:
        card = target.card
        if card.guid in restored:  # together with an alternative
            return
        after: Columns = {}
        states: dict[str, str] = {}
        if card.verdict is Verdict.REJECTED:
            after |= {"verdict": Verdict.PENDING.value, "reason": ""}
        if card.standing is not Standing.LIVE:
            after |= {"standing": Standing.LIVE.value, "standing_why": ""}
            if ledger.alternatives.was_superseded(card):
                after["choice"] = ""
                if card.picked is None:
                    alone = len(card.candidates) == 1
                    state = CandidateState.PICKED if alone else CandidateState.OPEN
                    states = {letter_of(one): state.value for one in card.candidates}
        again = dict(after)  # applies to the alternatives as well
        if card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE):
            after |= {"anki": AnkiState.WRITTEN.value, "anki_why": ""}
        if not after:
            what = f"{card.guid} is not rejected, retired or missing in Anki"
            raise RefusedError(what, hint="there is nothing to restore")
        others: list[Card] = []
        if card.picked is None and "choice" not in after:
            others = ledger.alternatives.others(card)
        _change(ledger, card, "restore", after, action, target.candidate, states)
        why = (card.verdict, card.standing, card.standing_why)
        for one in others if again else ():
            if (one.verdict, one.standing, one.standing_why) == why:
                restored.add(one.guid)
                _change(ledger, one, "restore", again, action, one.leading)

    return _decide_each(ledger, targets, decide)


# --- deletions and conflicts in Anki -------------------------------------------------------


def confirm_deleted(ledger: Ledger, targets: Iterable[Target]) -> tuple[Result, ...]:
    """Confirm that cards missing in Anki were deleted there: they are not shipped again."""
    confirm = ledger.views.deletions.confirm_one
    return _decide_each(ledger, targets, lambda target, action: confirm(target.card.guid, action))


def resolve(
    ledger: Ledger,
    targets: Iterable[Target],
    conflicts: Mapping[Guid, tuple[Conflict, ...]],
    *,
    mine: bool,
    field: str = "",
) -> tuple[Result, ...]:
    """Decide whose text is kept in fields that were changed both in Anki and in the source.

    Args:
        ledger: where the decision is recorded.
        targets: the cards.
        conflicts: the current conflicts of each card.
        mine: keep the text in Anki, also after later changes of the source; otherwise the source's
            text replaces the one that is in Anki now.
        field: decide only this field; "" = all fields in conflict.
    """

    def decide(target: Target, action: str) -> None:
        card = target.card
        found = [c for c in conflicts.get(card.guid, ()) if not field or c.field == field]
        if not found:
            what = f"{card.guid} has no conflict" + (f" in {field}" if field else "")
            raise RefusedError(what, hint=f"ankiforge show {card.guid}")
        marks = {c.field: MINE if mine else f"{SOURCE} {mark_of(c.theirs)}" for c in found}
        resolved = to_json(dict(card.resolved) | marks)
        after: Columns = {"resolved": resolved, "anki": AnkiState.SEEN.value, "anki_why": ""}
        _change(ledger, card, "pin" if mine else "resolve", after, action, target.candidate)

    return _decide_each(ledger, targets, decide)


# --- edit -----------------------------------------------------------------------------------


def edit(
    ledger: Ledger,
    target: Target,
    fields: Fields,
    judge: Judge,
    over: Mapping[str, str] | None = None,
) -> Result:
    """Replace the text of a card with a person's; the verdict stays.

    Of several open alternatives, the edited one becomes the card.

    Args:
        ledger: where the decision is recorded.
        target: the card, and the candidate whose text was edited.
        fields: the new text.
        judge: the checks.
        over: the HTML in Anki, by field, that the new text replaces; without it, changes made
            there conflict with the new text.

    Raises:
        RefusedError: the card was rejected or retired, or has changed since; or it has several
            candidates and none is named.
    """
    refuse_edit(target)
    card = target.card
    with ledger.unit():
        _refuse_stale(ledger, card)
        chosen = _preference_over_others(ledger, card, target.candidate) if card.to_choose else {}
        draft = reworded(target.candidate.draft, fields)
        checked = Checked(draft, judge(draft, card.highlight))
        letter = ledger.cards.add_candidate(card.guid, checked, CandidateState.PASSED)
        after: Columns = {"fields": to_json(fields), "edited": 1, "forced": 0}
        if over:
            marks = {name: f"{SOURCE} {mark_of(text)}" for name, text in over.items()}
            after["resolved"] = to_json(dict(card.resolved) | marks)
        if draft.kind is not card.kind:
            after["kind"] = draft.kind.value
        if chosen:
            after |= _only_live_card(card)
        action = ledger.writer.new_action()
        others = ledger.alternatives.live_others(card) if chosen else []
        ledger.decisions.change(
            card.guid,
            "edit",
            after,
            action=action,
            candidates=_states_with(card, letter),
            extra={"answer": draft.answer, "letter": letter, **blocked_by(checked), **chosen},
        )
        ledger.alternatives.supersede(others, card.guid, action)
    return Result(card.guid)


def refuse_edit(target: Target) -> None:
    """Refuse an edit that could not be recorded, before a person types it.

    Raises:
        RefusedError: as `edit`, except for changes since.
    """
    card = target.card
    refuse(card.standing, card.verdict, StateEvent.EDIT, card.guid)
    if len(card.to_choose) > 1 and not target.letter:
        what = f"{card.guid} has several candidates, {len(card.to_choose)} to choose from"
        raise RefusedError(what, hint=f"say whose words: ankiforge edit {card.to_choose[0].id}")


def reworded(draft: Draft, fields: Fields) -> Draft:
    """Return a draft with a person's text instead of its own."""
    words = dict(fields)
    cloze = draft.kind is CardKind.CLOZE
    answer = cloze_answers(words.get("Text", "")) if cloze else plain(words.get("Back", ""))
    origin = Origin(PERSON)
    return replace(draft, fields=fields, answer=answer, by_hand=True, origin=origin, probe=None)


# --- cards by hand, highlights without a card -------------------------------------------------


def make(ledger: Ledger, highlight: Highlight, fields: Fields, deck: str, judge: Judge) -> Guid:
    """Add an accepted card with a person's text to a highlight; no drafter changes it.

    Other cards of the highlight stay. One undo takes the card back.

    Raises:
        RefusedError: the highlight has a card with the same text, had one that was rejected, or has
            changed since; or a check blocks the text.
    """
    draft = manual_draft(highlight, fields)
    sides = sides_of(draft.fields)
    for card in live_cards(ledger, draft.highlight):
        if sides_of(card.fields) == sides:
            hint = f"ankiforge show {card.guid}"
            raise RefusedError(f"{card.guid} already has these words", hint=hint)
    former = _former_card(ledger, draft)
    if former and former.verdict is Verdict.REJECTED:
        hint = f"ankiforge restore {former.guid}"
        raise RefusedError(f"{highlight.key} had such a card, which was rejected", hint=hint)
    findings = judge(draft, highlight)
    if forbidden := [found.message for found in findings if found.severity is Severity.BLOCK]:
        raise RefusedError(f"not made: {'; '.join(forbidden)}", hint="change the words")

    checked = Checked(draft, findings, deck=deck)
    run = ledger.start_run("edit")
    with ledger.unit():
        if former:  # the same answer is the same note: reuse the card that was taken back
            ledger.cards.add_candidate(former.guid, checked, CandidateState.PICKED)
        guid = former.guid if former else ledger.placer.make(run, highlight, checked)
        if guid:
            _decide_made(ledger, guid, fields)
    ledger.finish_run(run)
    if not guid:
        raise RefusedError(f"{highlight.key} has changed in the meantime", hint="review it again")
    return guid


def manual_draft(highlight: Highlight, fields: Fields) -> Draft:
    """Return a draft with a person's fields; its quote is the whole highlight."""
    words = dict(fields)
    if "Text" in words:
        kind, answer = CardKind.CLOZE, cloze_answers(words["Text"])
    else:
        kind = CardKind.TWO_WAY if words.get("Reverse") else CardKind.BASIC
        answer = plain(words.get("Back", ""))
    return Draft(
        highlight.key, kind, fields, highlight.exact, answer, 0, Origin(PERSON), by_hand=True
    )


def live_cards(ledger: Ledger, key: HighlightKey) -> tuple[Card, ...]:
    """Return the cards of a highlight that are neither retired nor rejected."""
    return tuple(card for card in ledger.cards.of_highlight(key) if card.current)


def _former_card(ledger: Ledger, draft: Draft) -> Card | None:
    """Return the highlight's card with this answer that a person rejected or took back."""
    for card in ledger.cards.of_highlight(draft.highlight):
        gone = card.verdict is Verdict.REJECTED or card.standing_why == _TAKEN_BACK
        own = card.highlight.key == draft.highlight and card.family is draft.kind.family
        if gone and own and same(card.leading.draft.answer, draft.answer):
            return card
    return None


def _decide_made(ledger: Ledger, guid: Guid, fields: Fields) -> None:
    """Accept a card made by hand, so that undoing this decision retires it again."""
    card = ledger.cards.get(guid)
    draft = card.leading.draft
    passed = {
        letter_of(one): CandidateState.PASSED.value
        for one in card.candidates
        if one != card.leading
    }
    stands: Columns = {
        "verdict": Verdict.ACCEPTED.value, "standing": Standing.LIVE.value, "standing_why": "",
        "accepted_by": AcceptedBy.PERSON.value, "edited": 1, "fields": to_json(fields),
        "kind": draft.kind.value,
    }  # fmt: skip
    made = {"fields": fields, "quote": draft.quote}
    ledger.decisions.change(
        guid, "edit", stands, candidates=passed, extra={"answer": draft.answer, MADE: made}
    )
    ledger.cards.keep_deck(guid)


def skip(ledger: Ledger, keys: Sequence[HighlightKey], reason: str = "") -> None:
    """Record that no card is wanted for these highlights; one undo takes it back.

    Raises:
        UsageError: no highlight has one of these keys; nothing is done.
        RefusedError: one of them has a card; nothing is done.
    """
    for key in keys:
        if ledger.highlights.get(key) is None:
            what = f"{key!r} is not the key of a highlight"
            raise UsageError(what, hint="ankiforge list --no-card shows their keys")
        if there := live_cards(ledger, key):
            raise RefusedError(f"{key} has a card", hint=f"ankiforge reject {there[0].guid}")
    ledger.ingest.skips.skip(keys, reason)


# --- duplicates -----------------------------------------------------------------------------


def merge(ledger: Ledger, one: Card, other: Card) -> Merged:
    """Merge two cards into one, as one action.

    The card with more answers in Anki stays, else the one that was shipped first, else the one
    that was made first. It takes over the other's highlights; the other is retired. If its own passage
    is gone or states another fact now, and the other's is present, it takes over the text as well.

    Raises:
        UsageError: both are the same card, or alternatives of one open choice.
        RefusedError: one of them was rejected or retired, or has changed since.
    """
    if one.guid == other.guid:
        raise UsageError(f"{one.guid} cannot be merged into itself", hint="name two cards")
    with ledger.unit():
        for card in (one, other):
            _refuse_stale(ledger, card)
            if not card.current:
                state = card.verdict if card.verdict is Verdict.REJECTED else card.standing
                hint = f"ankiforge restore {card.guid}"
                raise RefusedError(f"{card.guid} is {state}", hint=hint)
        stays, goes = merge_order(ledger, one, other)
        gone = (goes, *_open_alternatives(ledger, goes))
        if stays.guid in [card.guid for card in gone]:
            hint = f"ankiforge pick {stays.to_choose[0].id}"
            raise UsageError(f"{one.guid} and {other.guid} are one choice", hint=hint)
        action = ledger.writer.new_action()
        after = {"standing": Standing.SUPERSEDED.value, "standing_why": stays.guid}
        for card in gone:
            _change(ledger, card, "retire", after, action, card.leading, reason="merged")
        # link them even if both are of one highlight, so that the answer is not drafted again
        answers = [one.draft.answer for one in (goes.leading, *goes.to_choose)]
        for highlight in (goes.highlight, *goes.also):
            ledger.cards.pairs.link(stays.guid, highlight.key)
            extra: Columns = {"key": highlight.key, "card": goes.guid, "answer": answers[0]}
            if goes.to_choose:
                extra["answers"] = list(dict.fromkeys(answers))
            ledger.decisions.change(stays.guid, "merge", {}, action=action, extra=extra)
        if _is_outdated(ledger, stays) and not _is_outdated(ledger, goes):
            _take_words(ledger, stays, goes, action)
    return Merged(stays.guid, goes.guid)


def _is_outdated(ledger: Ledger, card: Card) -> bool:
    """Return whether the passage of a card is gone, or states another fact now."""
    gone = any(found == SOURCE_GONE for found in card.leading.findings)
    return gone or not ledger.highlights.is_present(card.highlight.key)


def _take_words(ledger: Ledger, stays: Card, goes: Card, action: str) -> None:
    """Move a card to the passage of another one, with the text of that card unless a person worded it."""
    if stays.family is not goes.family or goes.to_choose:
        return
    if stays.highlight.key != goes.highlight.key:
        move = {"from": stays.highlight.key, "to": goes.highlight.key}
        extra: Columns = {**move, "family": stays.family, "slot": stays.slot}
        ledger.decisions.change(stays.guid, "move", {}, action=action, extra=extra)
    if stays.edited:
        ledger.cards.mark_present(goes.highlight.key)
        return
    alone = tuple(found for found in goes.leading.findings if not found.twin)
    taken_over = [Checked(goes.leading.draft, alone)]
    [checked] = ledger.earlier.numbered(stays, taken_over, in_order=True)
    letter = ledger.cards.add_candidate(stays.guid, checked, CandidateState.PASSED)
    after: Columns = {
        "fields": to_json(checked.draft.fields), "kind": checked.draft.kind.value,
        "edited": int(goes.edited),
    }  # fmt: skip
    card = ledger.cards.get(stays.guid)
    taken = next(one for one in card.candidates if letter_of(one) == letter)
    states, preferred = _states_with(stays, letter), preference(taken)
    _change(ledger, card, "accept", after, action, taken, states, **{PREFERRED: preferred})


def merge_order(ledger: Ledger, one: Card, other: Card) -> tuple[Card, Card]:
    """Return the card that stays if two are merged, and the card that is retired."""

    def rank(card: Card) -> tuple[int, str, str, str]:
        reviews = ledger.views.reviews_of(card.guid)
        shipped = [at for _, _, _, at in ledger.packages.history(card.guid)]
        never = "~"
        return (
            -reviews,
            min(shipped, default=never),
            ledger.duplicates.drafted_at(card.guid),
            card.guid,
        )

    stays, goes = sorted((one, other), key=rank)
    return stays, goes


def distinct(ledger: Ledger, card: Card, duplicates: tuple[str, ...]) -> tuple[Result, ...]:
    """Record that a card is no duplicate of any of these, as one action.

    `duplicates` are guids, or `nid:` and the Anki id of a note that ankiforge did not make.
    """
    with ledger.unit():
        action = ledger.writer.new_action()
        for duplicate in duplicates:
            _mark_distinct(ledger, card, duplicate, action)
    return (Result(card.guid),)


def keep_both(ledger: Ledger, card: Card, duplicate: str) -> tuple[Result, ...]:
    """Accept the pending ones of two similar cards, and record that they are distinct, as one action.

    Raises:
        RefusedError: one of them may not be accepted; nothing is done.
    """
    pair = [card] if duplicate.startswith(NOTE) else [card, ledger.cards.get(duplicate)]
    pending = [one for one in pair if one.verdict is Verdict.PENDING]
    with ledger.unit():
        action = ledger.writer.new_action()
        for one in pending:
            _refuse_stale(ledger, one)
        _mark_distinct(ledger, card, duplicate, action)
        for one in pending:
            _accept(ledger, Target(ledger.cards.get(one.guid)), action)
    return tuple(Result(one.guid) for one in pending or (card,))


def _mark_distinct(ledger: Ledger, card: Card, duplicate: str, action: str) -> None:
    if frozenset((card.guid, duplicate)) not in ledger.cards.pairs.not_duplicates((card.guid,)):
        moved = [one.twin for one in card.leading.findings if one.check == MOVED_FROM]
        answered = card.waits == DOUBTED and duplicate in moved
        after: Columns = {"waits": ""} if answered else {}
        extra = {"twin": duplicate}
        ledger.decisions.change(card.guid, "not-duplicate", after, action=action, extra=extra)


def duplicates_of(card: Card) -> tuple[str, ...]:
    """Return the cards and notes that a card's findings name, the most similar first."""
    shown = (card.leading, *(one for one in card.open if one != card.leading))
    named = [one.twin for c in shown for one in c.findings if one.check in DISMISSIBLE and one.twin]
    return tuple(dict.fromkeys(name.partition(".")[0] for name in named))


# --- undo -----------------------------------------------------------------------------------


def undo(ledger: Ledger, what: str = "") -> list[Event]:
    """Undo the given action, or the person's last one; return its decisions."""
    return ledger.decisions.undo(what)


def undo_about(
    ledger: Ledger, targets: Iterable[Target]
) -> tuple[tuple[Result, ...], tuple[Event, ...]]:
    """Undo a person's last decision about each card, where that is still possible.

    The decisions of the same action about other cards stay, except for alternatives and duplicates
    of the card.

    Returns:
        The result for each card, and all undone decisions.
    """
    cards = {target.card.guid: target.card for target in targets}
    results: dict[Guid, Result] = {}
    taken_back: dict[str, Event] = {}
    with ledger.unit():
        last = ledger.decisions.last_about(cards)
        changed = _changed_cards(ledger, list(cards.values()))
        # the latest first, so that none is refused because of one that is undone with it
        for guid in (*last, *(guid for guid in cards if guid not in last)):
            try:
                if guid in changed:
                    raise _changed_meanwhile(guid)
                if not (share := last.get(guid, ())):
                    what = f"there is no decision about {guid} left to undo"
                    raise RefusedError(what, hint=f"ankiforge show -v {guid} shows its decisions")
                if share[0].id not in taken_back:  # not undone with another of these cards yet
                    ledger.decisions.undo_events(list(share))
                    taken_back |= {decided.id: decided for decided in share}
                results[guid] = Result(guid)
            except RefusedError as error:
                results[guid] = Result(guid, error.message, error.hint)
    return tuple(results[guid] for guid in cards), tuple(taken_back.values())


# --- shared by all --------------------------------------------------------------------------


def _decide_each(
    ledger: Ledger,
    targets: Iterable[Target],
    decide: Callable[[Target, str], None],
    begin: Callable[[str], None] = lambda action: None,
) -> tuple[Result, ...]:
    """Decide on cards one after another, as one action; a refusal does not affect the others."""
    once = {(target.card.guid, target.letter): target for target in targets}
    results = []
    with ledger.unit():
        action = ledger.writer.new_action()
        begin(action)
        changed = _changed_cards(ledger, [target.card for target in once.values()])
        decided = False
        for target in once.values():
            guid = target.card.guid
            try:
                if guid in changed:
                    raise _changed_meanwhile(guid)
                # an earlier decision of this action may have changed the card
                card = ledger.cards.get(guid) if decided else target.card
                decided = True
                decide(replace(target, card=card), action)
                results.append(Result(guid))
            except RefusedError as error:
                results.append(Result(guid, error.message, error.hint))
    return tuple(results)


def _changed_cards(ledger: Ledger, shown: Sequence[Card]) -> set[Guid]:
    """Return the guids of cards that have changed since they were shown."""
    changed: set[Guid] = set()
    for start in range(0, len(shown), AT_ONCE):
        part = shown[start : start + AT_ONCE]
        now = {card.guid: card for card in ledger.cards.several([card.guid for card in part])}
        changed |= {card.guid for card in part if now.get(card.guid) != card}
    return changed


def _refuse_stale(ledger: Ledger, card: Card) -> None:
    """Refuse a decision about a card that has changed since it was shown."""
    if ledger.cards.get(card.guid) != card:
        raise _changed_meanwhile(card.guid)


def _changed_meanwhile(guid: Guid) -> RefusedError:
    return RefusedError(f"{guid} has changed in the meantime", hint="review it again")


def _open_alternatives(ledger: Ledger, card: Card) -> list[Card]:
    """Return the other cards of a choice that is still open."""
    named = {one.id.partition(".")[0] for one in card.beside if card.to_choose}
    return [one for one in ledger.alternatives.others(card) if one.guid in named]


def _states_with(card: Card, picked: str) -> dict[str, str]:
    """Return the states that change if the candidate of this letter is picked, and all others passed over."""
    states = {letter_of(one): CandidateState.PASSED for one in card.candidates}
    states[picked] = CandidateState.PICKED
    before = {letter_of(one): one.state for one in card.candidates}
    return {name: state.value for name, state in states.items() if before.get(name) is not state}


def _change(
    ledger: Ledger,
    card: Card,
    what: str,
    after: Columns,
    action: str,
    candidate: Candidate,
    states: Mapping[str, str] | None = None,
    **more: Any,
) -> None:
    """Record one decision on a card, with the answer of the candidate it is about."""
    ledger.decisions.change(
        card.guid,
        what,
        after,
        action=action,
        candidates=dict(states or {}),
        extra={"answer": candidate.draft.answer, **more},
    )
