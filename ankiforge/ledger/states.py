"""The state axes: what each event does to each state. `docs/states.md` shows the same tables.

A missing cell changes nothing. `REFUSED` is reported to the person and changes nothing. Words in
brackets are conditions, explained in the document.
"""

from __future__ import annotations

from enum import StrEnum

from ankiforge.errors import RefusedError
from ankiforge.model import AnkiState, CandidateState, Presence, Standing, Verdict

REFUSED = "refused"
BEFORE = "as before"
"""The state before the event that is undone."""


class Event(StrEnum):
    """Everything that can happen to a highlight and its cards."""

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
        Event.REDRAFT: "open [the same words] · passed",
        Event.EDITED: "open [the same words] · passed [drawn anew]",
    },
    CandidateState.PICKED: {
        Event.ACCEPT: "passed [a revision takes its place]",
        Event.PICK: "passed [another of its note type]",
        Event.EDIT: "passed [the person's is picked]",
        Event.EDITED: "passed [clean revision, or pending]",
        Event.UNDO: BEFORE,
    },
    CandidateState.PASSED: {
        Event.ACCEPT: "picked [named]",
        Event.PICK: "picked [this one]",
        Event.RESTORE: "open [its card gave way in its choice]",
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
        Event.PICK: "pending [another of its choice] · accepted",
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

_GAVE_WAY = "superseded (by the chosen one)"
_REPLACED = "retired (redrafted) [one drawn in its place]"

STANDING: dict[str, Row] = {
    Standing.LIVE: {
        Event.SKIP: "retired (skip)",
        Event.PERSON_SKIP: "retired (skip)",
        Event.GONE: "retired (gone) [pending] · live",
        Event.EDITED: f"retired (rewritten) [by hand, other kind] · {_GAVE_WAY} [not drawn] · live",
        Event.SPLIT: "superseded (by the twin) [says what another does there] · live",
        Event.MERGE: "superseded (by the twin)",
        Event.REDRAFT: f"{_GAVE_WAY} [not drawn] · live",
        Event.ACCEPT: f"{_REPLACED} · {_GAVE_WAY} [another is named] · live",
        Event.PICK: f"{_REPLACED} · {_GAVE_WAY} [another] · live",
        Event.EDIT: f"{_GAVE_WAY} [another] · live",
        Event.REJECT: f"{_GAVE_WAY} [its last candidate is named] · live",
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
        Event.EDITED: "live [of an open choice, drawn anew]",
        Event.REDRAFT: "live [of an open choice, drawn anew]",
        Event.RESTORE: "live",
        Event.UNDO: BEFORE,
        Event.ACCEPT: "live [gave way in its choice, named] · refused",
        Event.PICK: "live [gave way in its choice] · refused",
        Event.EDIT: REFUSED,
    },
}

_SEEN: Row = {Event.VIEW_SAME: "seen", Event.VIEW_EDITED: "seen", Event.VIEW_RETAGGED: "seen",
              Event.VIEW_MOVED: "seen", Event.VIEW_BACK: "seen", Event.RECOVER: "seen",
              Event.VIEW_TYPE_CHANGED: "held (note type)"}  # fmt: skip

_ABSENT = "written [bound anew] · tombstone [evidence of deletion{later}] · missing"
_WEIGHED = "held [in conflict, or not to be changed now] · seen"

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
        Event.BUILD: _WEIGHED,
        Event.PUSH: _WEIGHED,
    },
    AnkiState.HELD: {
        **_SEEN,
        Event.RESOLVE: "seen",
        Event.VIEW_ABSENT: _ABSENT.format(later=""),
        Event.UNDO: BEFORE,
        Event.BUILD: _WEIGHED,
        Event.PUSH: _WEIGHED,
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


def refuse(standing: Standing, verdict: Verdict, event: Event, what: str) -> None:
    """Refuse an event that the tables refuse.

    Raises:
        RefusedError: with the state, and how to leave it.
    """
    for row, state in ((VERDICT[verdict], verdict), (STANDING[standing], standing)):
        if REFUSED in row.get(event, "").split(" · "):
            raise RefusedError(f"{what} is {state}", hint=f"ankiforge restore {what}")


def presence_after(before: Presence, event: Event) -> Presence:
    """Return the presence of a highlight after an event of its source."""
    said = PRESENCE[before].get(event, before.value)
    return Presence(said.partition(" [")[0])
