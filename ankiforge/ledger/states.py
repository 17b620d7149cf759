"""The state axes: the effect of each event on each state. `docs/states.md` shows the same tables.

A missing cell changes nothing. `REFUSED` is reported to the user and changes nothing. Words in brackets
are conditions, explained in the document. `set_by` returns what stores an outcome: the fold of events
(`events.fold`), the presence of highlights (`ingest`, `presence`), a view of Anki, or a build.
"""

from __future__ import annotations

from enum import StrEnum

from ankiforge.errors import RefusedError
from ankiforge.model import AnkiState, CandidateState, Presence, Standing, Verdict

REFUSED = "refused"
BEFORE = "as before"
"""The state before the event that is undone."""


class Event(StrEnum):
    """The events that can happen to a highlight and its cards."""

    # by a source
    NEW = "new"
    SAME = "same"
    EDITED = "edited"
    SPLIT = "split"
    GONE = "gone"
    BACK = "back"
    SKIP = "skip"
    UNSKIP = "unskip"
    # by a drafter
    DRAFT = "draft"
    NONE = "none"
    ERROR = "error"
    REDRAFT = "redraft"
    # by a person
    ACCEPT = "accept"
    REJECT = "reject"
    EDIT = "edit"
    UNDO = "undo"
    PICK = "pick"
    RESTORE = "restore"
    MERGE = "merge"
    PERSON_SKIP = "person skip"
    UNION = "union"
    NOT_DUPLICATE = "not-duplicate"
    CONFIRM_DELETIONS = "confirm-deletions"
    RESOLVE = "resolve"
    # by a view of Anki
    VIEW_SAME = "view same"
    VIEW_EDITED = "view edited"
    VIEW_RETAGGED = "view retagged"
    VIEW_MOVED = "view moved"
    VIEW_TYPE_CHANGED = "view type changed"
    VIEW_ABSENT = "view absent"
    VIEW_BACK = "view back"
    # by shipping, or by recovering cards from Anki
    BUILD = "build"
    PUSH = "push"
    RECOVER = "recover"


Row = dict[Event, str]

_FOUND: Row = {Event.SAME: "present", Event.EDITED: "present", Event.SPLIT: "present",
               Event.BACK: "present", Event.SKIP: "ignored",
               Event.PERSON_SKIP: "ignored"}  # fmt: skip

PRESENCE: dict[str, Row] = {
    Presence.PRESENT: {
        Event.GONE: "missing-once",
        Event.SKIP: "ignored",
        Event.PERSON_SKIP: "ignored",
    },
    Presence.MISSING_ONCE: {**_FOUND, Event.GONE: "gone [5 s later]"},
    Presence.GONE: _FOUND,
    Presence.IGNORED: {
        Event.GONE: "missing-once",
        Event.UNSKIP: "present",
        Event.UNDO: "present [of a person's skip]",
    },
}

CANDIDATE: dict[str, Row] = {
    CandidateState.OPEN: {
        Event.ACCEPT: "picked",
        Event.PICK: "picked [this one] · passed [another]",
        Event.REJECT: "passed [named]",
        Event.EDIT: "passed",
        Event.REDRAFT: "open [the same text] · passed",
        Event.EDITED: "open [the same text] · passed [drafted again]",
    },
    CandidateState.PICKED: {
        Event.ACCEPT: "passed [a revision replaces it]",
        Event.PICK: "passed [another of its note type]",
        Event.EDIT: "passed [the person's text is picked]",
        Event.EDITED: "passed [a correction of what no person worded, or pending]",
        Event.UNDO: BEFORE,
    },
    CandidateState.PASSED: {
        Event.ACCEPT: "picked [named]",
        Event.PICK: "picked [this one]",
        Event.RESTORE: "open [its card was superseded by an alternative]",
        Event.UNDO: BEFORE,
    },
}

VERDICT: dict[str, Row] = {
    Verdict.PENDING: {
        Event.DRAFT: "accepted [clean, policy] · pending",
        Event.EDITED: "accepted [clean, policy] · pending",
        Event.ACCEPT: "accepted [not blocked, or forced]",
        Event.PICK: "accepted [not blocked, or forced]",
        Event.REJECT: "rejected",
        Event.RESTORE: "refused [live]",
        Event.UNDO: BEFORE,
        Event.RECOVER: "accepted [in Anki, never shipped from here]",
    },
    Verdict.ACCEPTED: {
        Event.REJECT: "rejected",
        Event.PICK: "pending [another alternative] · accepted",
        Event.RESTORE: "refused [live]",
        Event.UNDO: BEFORE,
    },
    Verdict.REJECTED: {
        Event.ACCEPT: REFUSED,
        Event.PICK: REFUSED,
        Event.EDIT: REFUSED,
        Event.RESTORE: "pending",
        Event.UNDO: BEFORE,
    },
}

_SUPERSEDED = "superseded (by the picked one)"
_REPLACED = "retired (redrafted) [one drafted to replace it]"

STANDING: dict[str, Row] = {
    Standing.LIVE: {
        Event.SKIP: "retired (skip)",
        Event.PERSON_SKIP: "retired (skip)",
        Event.GONE: "retired (gone) [pending] · live",
        Event.EDITED: f"retired (rewritten) [written by hand, or pending for a comment, other kind] · {_SUPERSEDED} [not drafted again] · live",
        Event.SPLIT: "superseded (by the duplicate) [repeats another card there] · live",
        Event.MERGE: "superseded (by the duplicate)",
        Event.REDRAFT: f"{_SUPERSEDED} [not drafted again] · live",
        Event.ACCEPT: f"{_REPLACED} · {_SUPERSEDED} [another is named] · live",
        Event.PICK: f"{_REPLACED} · {_SUPERSEDED} [another] · live",
        Event.EDIT: f"{_SUPERSEDED} [another] · live",
        Event.REJECT: f"{_SUPERSEDED} [its last candidate is named] · live",
        Event.RESTORE: "refused [not rejected]",
    },
    Standing.RETIRED: {
        Event.SPLIT: "live [retired for gone]",
        Event.BACK: "live [retired for gone]",
        Event.UNSKIP: "live [retired for skip]",
        Event.RESTORE: "live",
        Event.UNDO: BEFORE,
        Event.ACCEPT: REFUSED,
        Event.PICK: REFUSED,
        Event.EDIT: REFUSED,
    },
    Standing.SUPERSEDED: {
        Event.EDITED: "live [of open alternatives, drafted again]",
        Event.REDRAFT: "live [of open alternatives, drafted again]",
        Event.RESTORE: "live",
        Event.UNDO: BEFORE,
        Event.ACCEPT: "live [superseded by an alternative, named] · refused",
        Event.PICK: "live [superseded by an alternative] · refused",
        Event.EDIT: REFUSED,
    },
}

_SEEN: Row = {Event.VIEW_SAME: "seen", Event.VIEW_EDITED: "seen", Event.VIEW_RETAGGED: "seen",
              Event.VIEW_MOVED: "seen", Event.VIEW_BACK: "seen", Event.RECOVER: "seen",
              Event.VIEW_TYPE_CHANGED: "held (note type)"}  # fmt: skip

_ABSENT = "written [bound anew] · tombstone [evidence of deletion{later}] · missing"
_COMPARED = "held [in conflict, or not to be changed now] · seen"

ANKI: dict[str, Row] = {
    AnkiState.NONE: {**_SEEN, Event.BUILD: "written", Event.PUSH: "written"},
    AnkiState.WRITTEN: {
        **_SEEN,
        Event.VIEW_ABSENT: "missing [evidence in packages] · written",
        Event.UNDO: BEFORE,
    },
    AnkiState.SEEN: {
        Event.VIEW_TYPE_CHANGED: "held (note type)",
        Event.VIEW_ABSENT: _ABSENT.format(later=""),
        Event.UNDO: BEFORE,
        Event.BUILD: _COMPARED,
        Event.PUSH: _COMPARED,
    },
    AnkiState.HELD: {
        **_SEEN,
        Event.RESOLVE: "seen",
        Event.VIEW_ABSENT: _ABSENT.format(later=""),
        Event.UNDO: BEFORE,
        Event.BUILD: _COMPARED,
        Event.PUSH: _COMPARED,
    },
    AnkiState.MISSING: {
        **_SEEN,
        Event.VIEW_ABSENT: _ABSENT.format(later=", or ≥ 10 minutes later"),
        Event.CONFIRM_DELETIONS: "tombstone",
        Event.RESTORE: "written",
        Event.UNDO: BEFORE,
    },
    AnkiState.TOMBSTONE: {**_SEEN, Event.RESTORE: "written", Event.UNDO: BEFORE},
}

AXES = {
    "highlight.presence": PRESENCE,
    "candidate": CANDIDATE,
    "card.verdict": VERDICT,
    "card.standing": STANDING,
    "card.anki": ANKI,
}


_ANKI_SET_BY = {
    **dict.fromkeys(_SEEN, "view · fold"),
    Event.VIEW_TYPE_CHANGED: "view",
    Event.VIEW_ABSENT: "view · fold",
    Event.BUILD: "build",
    Event.PUSH: "build",
}


def set_by(axis: str, event: Event) -> str:
    """Return what stores the outcome of an event: fold, presence, view or build; "·" = nothing."""
    if all(event not in row for row in AXES[axis].values()):
        return "·"
    if axis == "highlight.presence":
        return "presence"
    return _ANKI_SET_BY.get(event, "fold") if axis == "card.anki" else "fold"


def refuse(standing: Standing, verdict: Verdict, event: Event, what: str) -> None:
    """Check that an event is not refused in a state.

    Raises:
        RefusedError: the tables refuse the event; the hint says how to leave the state.
    """
    for row, state in ((VERDICT[verdict], verdict), (STANDING[standing], standing)):
        if REFUSED in row.get(event, "").split(" · "):
            raise RefusedError(f"{what} is {state}", hint=f"ankiforge restore {what}")


def presence_after(before: Presence, event: Event) -> Presence:
    """Return the presence of a highlight after an event of its source."""
    outcome = PRESENCE[before].get(event, before.value)
    return Presence(outcome.partition(" [")[0])
