"""Events, and the fold that derives the state of a card from them.

An event is one decision of a person, of policy, of a source, or of Anki. It records the outcome
(`after`), never a rule to be evaluated later. `fold` takes the facts about a group of cards (their
drafts, all events about them, their last state in Anki) and returns the state of each card. It is
pure, and depends only on the set of events: any permutation of a journal gives the same states.
`docs/states.md` has tables of the outcomes.

Order: each event has a number `n`, one above the greatest that its ledger had seen. Events are
ordered by n, time, depth (an undo or a later pick comes after the event it follows), author (policy <
source < Anki < person), and id.
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

UNDO = "undo"
REVISE = "revise"
REDRAFT = "redraft"
SUPERSEDE = "supersede"

MADE = "made"
"""The key, in the event by which a person made a card, for its original text."""
OVER = "over"
"""The key, in an event by which a person picked an alternative, for those passed over."""
FOLLOWS = "follows"
"""The key, in such an event, for the id of the earlier pick that it replaces."""
LAPSES = "lapses"
"""The key, in an event by which a person handled a problem card, for its number of lapses."""
TAKEN_BACK = "taken back"
"""The reason for retiring a card whose creation was undone."""

COPIED = "copied"
"""The key of a `recover` whose passage was copied from the vault of another workspace."""

CONSENT = "consent"
"""The event by which a person decides on a form of cards, and the key of its id in events that follow from it."""

CORRECTS = "corrects"
"""The key of a `revise` by which the source corrected an accepted card that nobody edited: who accepted it."""
DISPUTED = "disputed"
"""The key of such a `revise` if a person typed other words in Anki, so that it waits as a conflict."""
WAITS = "waits"
"""The key of a `supersede` if the staying card has other words than the passage, which wait there."""

DOUBTED = "doubted"
"""The reason why a card waits that may be a moved or a rejected one: no policy accepts it, on any machine."""

Columns = dict[str, Any]
"""The columns of a card by name, as stored; `fields` and `resolved` are JSON text."""

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
_BY = (POLICY, SOURCE, ANKI, PERSON)


@dataclass(frozen=True, slots=True)
class Event:
    """One decision, as stored in a line of the journal and a row of the ledger."""

    id: str
    at: str
    """ISO 8601, in UTC."""
    by: str
    what: str
    subject: str
    """A guid, or for `skip` and `union` the key of a highlight or document."""
    undoes: str
    """The id of the event that it undoes, or ""."""
    action: str
    """Identifies the events that are undone together."""
    body: dict[str, Any]
    rank: str = ""
    """The sort key; see the docstring of the module."""
    undone: bool = False
    here: bool = True
    """Whether this ledger recorded the event, not another one whose journal was merged."""
    sequence: int = 0
    """The order of arrival in this ledger."""

    @property
    def after(self) -> Columns:
        """The columns that the event sets."""
        return self.body.get("after", {})  # type: ignore[no-any-return]


def rank_of(turn: int, at: str, depth: int, by: str, identity: str) -> str:
    """Return the sort key of an event; `depth` is the length of the chain of events it follows."""
    place = _BY.index(by) if by in _BY else 0
    return f"{turn:012d} {at} {depth:04d} {place} {identity}"


def depth_of(rank: str) -> int:
    """Return the depth in a sort key."""
    return int(rank.split(" ")[2])


def followed_by(undoes: str, body: dict[str, Any]) -> str:
    """Return the id of the event that an event follows regardless of its time, or ""."""
    return undoes or str(body.get(FOLLOWS, ""))


def standing(history: Iterable[Event]) -> list[Event]:
    """Return the events that are not undone."""
    return [event for event in history if not event.undone]


def columns_set(history: Iterable[Event]) -> Columns:
    """Return the columns that the events about a card set, in order, without those undone."""
    now: Columns = {}
    for event in standing(history):
        now |= event.after
    return now


# --- the fold -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alternative:
    """The part of a draft on which the state of its card depends."""

    letter: str
    kind: str
    fields: str
    """JSON text, as in the card."""
    born: str
    """The state when it was stored."""
    blocked: bool = False
    words: str = ""
    """The hash by which events identify it, which is the same in every ledger."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the state of one card depends on."""

    guid: Guid
    alternatives: tuple[Alternative, ...]
    """Sorted by letter."""
    events: tuple[Event, ...]
    """All events about the card, including undone ones, in order."""
    base: Columns = field(default_factory=dict)
    """The columns in which the card differed from a new one when it was stored."""
    choice: str = ""
    """If there are alternatives of both note types, the guid of the first card; else ""."""
    seen: tuple[str, str] = ("none", "")
    """(`anki`, `anki_why`) as last seen or written, which no event records."""
    seen_after: int = 0
    """The `sequence` of the last event before `seen`, which overrides the state from earlier events."""


@dataclass(slots=True)
class State:
    """The state of a card, computed from its events."""

    columns: Columns
    letters: dict[str, str]
    """The state of each alternative."""
    home: str = ""
    """The highlight to which the card was moved; "" = the one from which it was drafted."""
    lacks: Event | None = None
    """The event that contains the text of the card, or corrects it, if no stored alternative has that text."""


def fold(group: Sequence[Facts]) -> dict[Guid, State]:
    """Return the state of each card of a group: a single card, or all alternatives of one choice."""
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
    doubted = state.columns["waits"] == DOUBTED and state.columns["verdict"] == Verdict.ACCEPTED
    if doubted and state.columns["accepted_by"] != PERSON:
        state.columns |= {"verdict": Verdict.PENDING.value, "accepted_by": ""}
        _lead_with_revision(card, state)
    if state.columns["verdict"] == Verdict.REJECTED:
        state.lacks = None  # it keeps the words that were rejected
    _lead_with_own_words(card, state)
    state.columns["anki"], state.columns["anki_why"] = _in_anki(card)
    return state


def _lead_with_revision(card: Facts, state: State) -> None:
    """Give a card that waits after all the words that waited as its revision, as a pending card has them."""
    waiting = [c for c in card.alternatives if state.letters[c.letter] == CandidateState.OPEN]
    if not waiting or state.columns["edited"]:
        return
    lead = next((one for one in waiting if not one.blocked), waiting[0])
    for letter in state.letters:
        state.letters[letter] = CandidateState.PASSED
    state.letters[lead.letter] = CandidateState.PICKED
    state.columns |= {"kind": lead.kind, "fields": lead.fields}


def _first_words(card: Facts) -> Columns:
    first = card.alternatives[0] if card.alternatives else None
    return {"kind": first.kind, "fields": first.fields} if first else {"kind": "", "fields": "[]"}


def _made_by(event: Event) -> bool:
    """Return whether an event created the card, so that undoing it removes the card."""
    return MADE in event.body or (event.what == REDRAFT and "card" in event.body)


def _apply(event: Event, card: Facts, state: State, *, judged: bool) -> None:
    now = state.columns
    waits = now["edited"] or (DISPUTED in event.body and not event.here)
    corrects = "" if waits else event.body.get(CORRECTS, "")
    rewords = event.what == REVISE and "fields" in event.after
    if rewords and corrects != PERSON and _is_persons(now, event, card):
        return  # keep a person's text
    if event.what == REVISE and not event.here and not (corrects and _is_drafted(event, card)):
        # of a card that was new there, the words before are not known
        before = event.body.get("before", {}).get("fields")
        if corrects and before in (now["fields"], event.after.get("fields")):
            state.lacks = state.lacks or event  # the last words but for those that wait here
        return  # another ledger's reading of the source
    if event.by == POLICY and event.what == "accept" and now["verdict"] != Verdict.PENDING:
        return  # policy accepts pending cards only
    after = {name: value for name, value in event.after.items() if name in COLUMNS}
    if judged and event.by != PERSON and not _was_restored(event, card):
        after.pop("verdict", None)  # a person's decision overrides policy, regardless of the times
        after.pop("accepted_by", None)
    now.update({name: value for name, value in after.items() if name not in _ANKI})
    if event.what == "move":
        state.home = event.body.get("to", "")
    if event.what == REVISE and not event.here:  # a correction that was drafted here, too
        for one in card.alternatives:
            if one.fields == after["fields"]:
                state.letters[one.letter] = CandidateState.PICKED
            elif state.letters[one.letter] == CandidateState.PICKED:
                state.letters[one.letter] = CandidateState.PASSED
    for letter, new_state in event.body.get("candidates", {}).items():
        named = _letter(event, card, letter)
        if named:
            state.letters[named] = new_state


def _is_drafted(event: Event, card: Facts) -> bool:
    """Return whether the text of an event was also drafted here."""
    return any(one.fields == event.after.get("fields") for one in card.alternatives)


def _is_persons(now: Columns, event: Event, card: Facts) -> bool:
    """Return whether a person wrote or accepted the text of a card before an event.

    One that a machine without the journal took over from Anki only seems to be accepted by a person.
    """
    by_person = now["accepted_by"] == PERSON and any(
        one.after.get("accepted_by") == PERSON and one.what != "recover" and not one.undone
        for one in card.events
        if one.rank < event.rank
    )
    return bool(now["edited"]) or by_person


def _was_restored(event: Event, card: Facts) -> bool:
    """Return whether a person restored a card that was recovered from Anki."""
    decided = [
        one for one in card.events
        if one.by == PERSON and one.after.get("verdict") and one.rank < event.rank
    ]  # fmt: skip
    restored = (
        decided and not decided[-1].undone and decided[-1].after["verdict"] == Verdict.PENDING
    )
    return event.what == "recover" and bool(restored)


def _letter(event: Event, card: Facts, letter: str) -> str:
    """Return the letter in this ledger of an alternative in an event; "" if there is none.

    A card that is drafted again gets new letters, so events of other ledgers also contain the hash of
    the alternatives' texts. For older events without hashes, all their letters must exist here.
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


# --- the text of a card ---------------------------------------------------------------------


def _lead_with_own_words(card: Facts, state: State) -> None:
    """Give the card the text that a person wrote or picked, regardless of the drafts made here."""
    own = [one for one in card.events if one.by == PERSON and "fields" in one.after]
    own = [one for one in own if one.what != UNDO]
    if not own:
        return
    now = state.columns
    decided = now["edited"] or now["verdict"] == Verdict.ACCEPTED
    lead = picked(card, state) if decided else leading(card, state)
    if lead is not None and lead.fields == now["fields"]:
        for one in card.alternatives:  # another draft may have been picked here in addition
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
    drafted = next((one for one in card.alternatives if one.fields == words), None)
    known = _known_words(card)
    for one in card.alternatives:
        passed = state.letters[one.letter] == CandidateState.PASSED or one.fields in known
        waits = drafted is None and not passed
        state.letters[one.letter] = CandidateState.OPEN if waits else CandidateState.PASSED
    if drafted:
        state.letters[drafted.letter] = CandidateState.PICKED
    else:
        matching = [one for one in own if one.after["fields"] == words and not one.undone]
        state.lacks = (matching or own)[-1]


def _known_words(card: Facts) -> set[str]:
    """Return the texts that a person wrote, and those that events have replaced, picked or passed over."""
    known: set[str] = set()
    for event in card.events:
        if event.by == PERSON and event.what != UNDO and "fields" in event.after:
            known.add(event.after["fields"])
        if event.what == "recover" and event.here and card.alternatives:
            known.add(card.alternatives[0].fields)  # what stood in Anki, not in the source
        if "answer" in event.body:
            known.add(event.body.get("before", {}).get("fields", ""))
        for one in (*event.body.get(OVER, ()), event.body.get("preferred")):
            if one:
                known.add(fields_json(one["fields"]))
    return known


def fields_json(fields: dict[str, str]) -> str:
    """Return fields by name as the JSON text that cards store."""
    return msgspec.json.encode(tuple(fields.items())).decode()


def picked(card: Facts, state: State) -> Alternative | None:
    """Return the picked alternative (the last if there are several), or None."""
    chosen = [c for c in card.alternatives if state.letters[c.letter] == CandidateState.PICKED]
    return chosen[-1] if chosen else None


def leading(card: Facts, state: State) -> Alternative | None:
    """Return the alternative to show: the picked one, else the first open one, preferably unblocked."""
    if one := picked(card, state):
        return one
    waiting = [c for c in card.alternatives if state.letters[c.letter] == CandidateState.OPEN]
    passable = [one for one in waiting if not one.blocked]
    return next(iter((*passable, *waiting, *card.alternatives)), None)


# --- remarks, and alternatives of both note types --------------------------------------------


def remarks(history: Sequence[Event]) -> list[str]:
    """Return the remarks that a person typed in Anki and has not handled since.

    A remark is handled by a later edit or acceptance of the card. `history` must be sorted.
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
    """Return the events, not undone, by which an alternative was picked, the latest last.

    An event that follows another is later than that one, regardless of the times.
    """
    found = [one for one in history if OVER in one.body and one.what != "reject" and not one.undone]
    known = {one.body.get(FOLLOWS, "") for one in found}
    return sorted(found, key=lambda one: (one.id not in known, one.rank))


def _settle_choice(group: Sequence[Facts], states: dict[Guid, State]) -> None:
    """Apply the last pick, possibly of several machines: it supersedes the other alternatives."""
    members = [card for card in group if states[card.guid].columns["choice"]]
    chosen_by = choosing(event for card in members for event in card.events)
    if not chosen_by:
        return
    winner = next(card for card in members if card.guid == chosen_by[-1].subject)
    others = [card for card in members if card.guid != winner.guid]
    siblings = {card.guid for card in others}
    now = states[winner.guid].columns
    if now["standing"] == Standing.SUPERSEDED and now["standing_why"] in siblings:
        superseded = frozenset(
            event.id for event in winner.events
            if event.what == SUPERSEDE and event.rank > chosen_by[-1].rank
        )  # fmt: skip
        states[winner.guid] = _fold_one(winner, superseded)
    for card in others:
        state = states[card.guid]
        now = state.columns
        if now["standing"] == Standing.LIVE and now["verdict"] != Verdict.REJECTED:
            now |= {
                "standing": Standing.SUPERSEDED.value, "standing_why": winner.guid,
                "verdict": Verdict.PENDING.value, "accepted_by": "",
            }  # fmt: skip
            for letter, candidate_state in state.letters.items():
                if candidate_state == CandidateState.OPEN:
                    state.letters[letter] = CandidateState.PASSED.value
