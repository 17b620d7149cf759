"""Events and what they come to: the state of a card is a fold over the decisions about it.

An event is one decision: of a person, of policy, of a source, or of Anki. It records the outcome
that was set (`after`), never a rule to be evaluated again. `fold` takes what is known of a group
of cards (their drafts, all events about them, what Anki showed last) and returns the state of
each. It is pure, and depends on the set of events alone: any permutation of a journal gives the
same states. `docs/states.md` shows the outcomes as tables.

Order: each event has a number `n`, one above the greatest its ledger had seen. Older lines have
none and count as the greatest `n` among the lines whose time is not later than theirs. Events are
ordered by (n, time, an undo or a later pick after what it follows, policy < source < Anki <
person, id).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ankiforge.model import CandidateState, Guid, Standing, Verdict

PERSON = "person"
POLICY = "policy"
SOURCE = "source"
ANKI = "anki"
UPGRADE = "upgrade"
"""The differences between the columns of an older ledger and the fold of its decisions."""

UNDO = "undo"
REVISE = "revise"
REDRAFT = "redraft"
SUPERSEDE = "supersede"

MADE = "made"
"""In the event by which a person made a card by hand: the words it was made of."""
OVER = "over"
"""In an event by which a person chose among alternatives: what was passed over."""
FOLLOWS = "follows"
"""In such an event: the id of the choosing event that was known and is replaced."""
LAPSES = "lapses"
"""In an event by which a person dealt with a card that was in Anki: how often it had lapsed by then."""
TAKEN_BACK = "taken back"
"""Why a card is retired whose making was undone."""

Columns = dict[str, Any]
"""Columns of a card by name, as stored; `fields` and `resolved` are JSON text."""

COLUMNS = (
    "kind", "fields", "deck", "verdict", "reason", "standing", "standing_why", "accepted_by",
    "edited", "forced", "waits", "anki", "anki_why", "resolved", "choice",
)  # fmt: skip
"""The columns of a card that events may set."""
_ANKI = ("anki", "anki_why")
_NEW: Columns = {
    "deck": "", "verdict": "pending", "reason": "", "standing": "live", "standing_why": "",
    "accepted_by": "", "edited": 0, "forced": 0, "waits": "", "anki": "none", "anki_why": "",
    "resolved": "{}", "choice": "",
}  # fmt: skip
_UNMADE: Columns = {
    "verdict": "pending", "standing": "retired", "standing_why": TAKEN_BACK, "accepted_by": "",
    "edited": 0,
}  # fmt: skip
_BY = (POLICY, SOURCE, ANKI, PERSON, UPGRADE)


@dataclass(frozen=True, slots=True)
class Event:
    """One decision, as a line of the journal and a row of the ledger have it."""

    id: str
    at: str
    """ISO text in UTC."""
    by: str
    what: str
    subject: str
    """A guid; the key of a highlight or document for `skip` and `union`."""
    undoes: str
    """The id of the event that it takes back, or ""."""
    action: str
    """What one undo takes back together."""
    body: dict[str, Any]
    rank: str = ""
    """Sorts events; see the module."""
    undone: bool = False
    here: bool = True
    """Whether this ledger recorded it; else it came from a journal."""
    sequence: int = 0
    """In the order of arrival, here."""

    @property
    def after(self) -> Columns:
        """The columns that it set."""
        return self.body.get("after", {})  # type: ignore[no-any-return]


def rank_of(turn: int, at: str, depth: int, by: str, identity: str) -> str:
    """Return the sort key of an event; `depth` counts the events it follows one after another."""
    place = _BY.index(by) if by in _BY else 0
    return f"{turn:012d} {at} {depth:04d} {place} {identity}"


def depth_of(rank: str) -> int:
    """Return the depth in a sort key."""
    return int(rank.split(" ")[2])


def followed_by(undoes: str, body: dict[str, Any]) -> str:
    """Return the id of the event that an event follows whatever its time, or ""."""
    return undoes or str(body.get(FOLLOWS, ""))


def standing(history: Iterable[Event]) -> list[Event]:
    """Return the events that were not undone."""
    return [event for event in history if not event.undone]


# --- the fold -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alternative:
    """One draft of a card, as far as its state depends on it."""

    letter: str
    kind: str
    fields: str
    """JSON text, as in the card."""
    born: str
    """Its state when it was stored."""
    blocked: bool = False
    words: str = ""
    """The hash by which events name it; the same in every ledger."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the state of one card depends on."""

    guid: Guid
    alternatives: tuple[Alternative, ...]
    """In the order of their letters."""
    events: tuple[Event, ...]
    """All about this card, undone ones included, in order."""
    base: Columns = field(default_factory=dict)
    """Columns as they were when the card was stored, where they differ from a new card's."""
    choice: str = ""
    """The first of the alternative cards it was drafted with, by its guid; "" = it is alone."""
    seen: tuple[str, str] = ("none", "")
    """What was last seen or done in Anki, with no event of its own: `anki` and `anki_why`."""
    seen_after: int = 0
    """The last event (`sequence`) that had arrived by then; those before it are superseded."""


@dataclass(slots=True)
class State:
    """What a card's events come to."""

    columns: Columns
    letters: dict[str, str]
    """The state of each alternative."""
    home: str = ""
    """The highlight to which it was moved; "" = it is where it was drafted."""
    lacks: Event | None = None
    """The event whose words are the card, if no stored alternative has them."""


def fold(group: Sequence[Facts]) -> dict[Guid, State]:
    """Return the state of each card of a group: a card alone, or all alternatives of one choice."""
    states = {card.guid: _fold_one(card) for card in group}
    if len(group) > 1:
        _settle_choice(group, states)
    return states


def _fold_one(card: Facts, ignored: frozenset[str] = frozenset()) -> State:
    state = State({**_NEW, **_first_words(card), "choice": card.choice, **card.base}, {})
    state.letters = {one.letter: one.born for one in card.alternatives}
    if any(_made_by(event) for event in card.events):
        state.columns |= _UNMADE
    judged = False
    for event in card.events:
        if event.what == UNDO or event.id in ignored:
            continue
        if not event.undone:
            _apply(event, card, state, judged=judged)
        judged |= event.by == PERSON and bool(event.after.get("verdict"))
    _lead_with_own_words(card, state)
    state.columns["anki"], state.columns["anki_why"] = _in_anki(card)
    return state


def _first_words(card: Facts) -> Columns:
    first = card.alternatives[0] if card.alternatives else None
    return {"kind": first.kind, "fields": first.fields} if first else {"kind": "", "fields": "[]"}


def _made_by(event: Event) -> bool:
    """Whether this event made the card: while it is undone there is none."""
    return MADE in event.body or (event.what == REDRAFT and "card" in event.body)


def _apply(event: Event, card: Facts, state: State, *, judged: bool) -> None:
    now = state.columns
    by_person = event.by in (PERSON, UPGRADE)
    if event.what == REVISE and not event.here:
        return  # another ledger's reading of the source
    if event.what == REVISE and "fields" in event.after and _is_persons(now):
        return  # a person's words stand
    if event.by == POLICY and event.what == "accept" and now["verdict"] != Verdict.PENDING:
        return  # policy accepts what waits, and nothing else
    after = {name: value for name, value in event.after.items() if name in COLUMNS}
    if judged and not by_person and not _was_restored(event, card):
        after.pop("verdict", None)  # a person outranks policy, whatever the times
        after.pop("accepted_by", None)
    now.update({name: value for name, value in after.items() if name not in _ANKI})
    if event.what == "move":
        state.home = event.body.get("to", "")
    for letter, said in event.body.get("candidates", {}).items():
        named = _letter(event, card, letter)
        if named:
            state.letters[named] = said


def _is_persons(now: Columns) -> bool:
    """Whether the words of a card are a person's, or were let through by one."""
    return bool(now["edited"]) or now["accepted_by"] == PERSON


def _was_restored(event: Event, card: Facts) -> bool:
    """Whether a card that a person restored was recovered from Anki."""
    said = [
        one for one in card.events
        if one.by == PERSON and one.after.get("verdict") and one.rank < event.rank
    ]  # fmt: skip
    restored = said and not said[-1].undone and said[-1].after["verdict"] == Verdict.PENDING
    return event.what == "recover" and bool(restored)


def _letter(event: Event, card: Facts, letter: str) -> str:
    """Return the letter that an alternative named by an event has here; "" if there is none.

    Letters are given anew where a card is drafted anew, so events of other ledgers name
    alternatives by the hash of their words, too. Older ones do not: then all letters must be here.
    """
    letters = {one.letter for one in card.alternatives}
    words = event.body.get("words", {}).get(letter, "")
    if event.here or not words:
        known = event.here or event.body["candidates"].keys() <= letters
        return letter if known and letter in letters else ""
    same = [one.letter for one in card.alternatives if one.words == words]
    return letter if letter in same else (same or [""])[-1]


def _in_anki(card: Facts) -> tuple[str, str]:
    state, why = card.seen
    for event in card.events:
        later = event.sequence > card.seen_after and event.what != UNDO and not event.undone
        if later and "anki" in event.after:
            state, why = event.after["anki"], event.after.get("anki_why", "")
    return state, why


# --- the words of a card --------------------------------------------------------------------


def _lead_with_own_words(card: Facts, state: State) -> None:
    """Let what a person wrote or chose be the card, whatever was drafted here."""
    own = [one for one in card.events if one.by == PERSON and "fields" in one.after]
    own = [one for one in own if one.what != UNDO]
    if not own:
        return
    now = state.columns
    decided = now["edited"] or now["verdict"] == Verdict.ACCEPTED
    lead = picked(card, state) if decided else leading(card, state)
    if lead is not None and lead.fields == now["fields"]:
        for one in card.alternatives:  # drafted here anew, beside the words that stand
            if one is not lead and state.letters[one.letter] == CandidateState.PICKED:
                known = one.fields in _known_words(card)
                state.letters[one.letter] = CandidateState.PASSED if known else CandidateState.OPEN
        return
    if decided:
        _pick_words(card, state, own)
        return
    alone = len(card.alternatives) == 1
    for one in card.alternatives:
        state.letters[one.letter] = CandidateState.PICKED if alone else CandidateState.OPEN
    lead = leading(card, state)
    if not alone and lead is not None:
        now["kind"], now["fields"] = lead.kind, lead.fields


def _pick_words(card: Facts, state: State, own: list[Event]) -> None:
    words = state.columns["fields"]
    drawn = next((one for one in card.alternatives if one.fields == words), None)
    known = _known_words(card)
    for one in card.alternatives:
        passed = state.letters[one.letter] == CandidateState.PASSED or one.fields in known
        waits = drawn is None and not passed
        state.letters[one.letter] = CandidateState.OPEN if waits else CandidateState.PASSED
    if drawn:
        state.letters[drawn.letter] = CandidateState.PICKED
    else:
        said = [one for one in own if one.after["fields"] == words and not one.undone]
        state.lacks = (said or own)[-1]


def _known_words(card: Facts) -> set[str]:
    """Return the words that events replaced by others, or passed over."""
    known: set[str] = set()
    for event in card.events:
        if "answer" in event.body:
            known.add(event.body.get("before", {}).get("fields", ""))
        for one in (*event.body.get(OVER, ()), event.body.get("preferred")):
            if one:
                known.add(fields_json(one["fields"]))
    return known


def fields_json(fields: dict[str, str]) -> str:
    """Return fields by name as the text that cards store."""
    return msgspec.json.encode(tuple(fields.items())).decode()


def picked(card: Facts, state: State) -> Alternative | None:
    """Return the alternative that is the card; the last if there are several."""
    chosen = [c for c in card.alternatives if state.letters[c.letter] == CandidateState.PICKED]
    return chosen[-1] if chosen else None


def leading(card: Facts, state: State) -> Alternative | None:
    """Return the alternative to show: the picked one, else the first open one, not blocked first."""
    if one := picked(card, state):
        return one
    waiting = [c for c in card.alternatives if state.letters[c.letter] == CandidateState.OPEN]
    passable = [one for one in waiting if not one.blocked]
    return next(iter((*passable, *waiting, *card.alternatives)), None)


# --- alternatives of both note types ---------------------------------------------------------


def remarks(history: Sequence[Event]) -> list[str]:
    """Return what a person typed about a card in Anki, and has not dealt with since.

    That is done by an edit; or by letting the card through, as it is or in other words, after it
    was seen there. `history` is in order.
    """
    found: list[str] = []
    for event in standing(history):
        if event.what == "feedback":
            found.append(event.body["text"])
        elif event.what == "edit" or (
            event.what in ("accept", "pick") and event.body.get(LAPSES) is not None
        ):
            found = []
    return found


def choosing(history: Iterable[Event]) -> list[Event]:
    """Return the standing events by which one of several alternatives was chosen, the last last.

    One that was made in view of another is later, whatever the times.
    """
    found = [one for one in history if OVER in one.body and one.what != "reject" and not one.undone]
    known = {one.body.get(FOLLOWS, "") for one in found}
    return sorted(found, key=lambda one: (one.id not in known, one.rank))


def _settle_choice(group: Sequence[Facts], states: dict[Guid, State]) -> None:
    """Where several machines chose, the last choice holds on each: the others give way to it."""
    members = [card for card in group if states[card.guid].columns["choice"]]
    chosen_by = choosing(event for card in members for event in card.events)
    if not chosen_by:
        return
    winner = next(card for card in members if card.guid == chosen_by[-1].subject)
    others = [card for card in members if card.guid != winner.guid]
    siblings = {card.guid for card in others}
    now = states[winner.guid].columns
    if now["standing"] == Standing.SUPERSEDED and now["standing_why"] in siblings:
        gave_way = frozenset(
            event.id for event in winner.events
            if event.what == SUPERSEDE and event.rank > chosen_by[-1].rank
        )  # fmt: skip
        states[winner.guid] = _fold_one(winner, gave_way)
    for card in others:
        state = states[card.guid]
        now = state.columns
        if now["standing"] == Standing.LIVE and now["verdict"] != Verdict.REJECTED:
            now |= {
                "standing": Standing.SUPERSEDED.value, "standing_why": winner.guid,
                "verdict": Verdict.PENDING.value, "accepted_by": "",
            }  # fmt: skip
            for letter, said in state.letters.items():
                if said == CandidateState.OPEN:
                    state.letters[letter] = CandidateState.PASSED.value
