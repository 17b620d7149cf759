"""Decisions of a person or of the policy: each is an event, and can be undone (`undo.py`).

A decision adds events in one `action`, and takes its drafts away with `put_away`: `undo` needs both.

`tests/unit/ledger/test_decisions.py` takes back each kind of decision by each name that `undo` takes;
further ones are in `tests/golden/histories` (`decisions.yaml`, `machines.yaml`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import cards, drafts, waiting
from ankiforge.ledger.events import PERSON, POLICY, Passage, Wording, content_of, guid_of
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.views import AGAIN, graves_of
from ankiforge.model import (
    UNREVIEWED,
    Adopted,
    Guid,
    Json,
    Proposal,
    Severity,
    Texts,
    Value,
    Waiting,
)

FLOOD = 300
"""Policy accepts at most so many cards in one run; the rest waits."""


# --- accepting ------------------------------------------------------------------------------------


class NewCard(Value):
    """The words that become a card, and who accepted them."""

    key: str
    """The highlight."""
    proposal: Proposal
    wording: Wording
    by: str = PERSON
    draft: str = ""
    """The id of the draft; "" if a person wrote the card."""
    forced: bool = False
    """Whether a check blocks it that the person overruled."""


def accept_clean(store: Store, allows: Callable[[Waiting], bool]) -> list[Guid]:
    """Accept, by policy, drafts that need no person. `allows` tells what the settings accept."""
    accepted: list[Guid] = []
    with store.transaction():
        waiting.drop_resolved(store)
        for draft, wording in waiting.each_waiting(store):
            if len(accepted) == FLOOD:
                break
            changes_a_card = draft.revises or draft.replaces
            if draft.remarks or changes_a_card or not draft.proposal.clean:
                continue
            if not allows(draft):
                continue
            if wording.drafter == "llm":
                wording = replace(wording, tags=(*wording.tags, UNREVIEWED))
            new = NewCard(
                key=draft.highlight.key,
                proposal=draft.proposal,
                wording=wording,
                by=POLICY,
                draft=draft.id,
            )
            accepted.append(make_card(store, new))
    return accepted


def accept(store: Store, id: str, *, forced: bool = False) -> Guid:
    """Accept a draft; a revision gives its card the new words.

    Raises:
        RefusedError: a check blocks it, its passage is in doubt, or it is a card already.
    """
    if id.startswith("af"):
        state, _ = cards.state_of(store, id)
        raise RefusedError(f"{id} is {state.verdict}", hint=f"ankiforge undo {id}")
    with store.action():
        row = waiting.draft_row(store, id)
        proposal = drafts.decode_proposal(row["body"])
        wording = drafts.wording_in(row)
        if proposal.blocked and not forced:
            _refuse_blocked(id, proposal)
        passage = store.passage(row["key"])
        if row["revises"]:
            return _accept_revision(store, row, passage, wording)
        for equal in waiting.equal_cards(store, passage, row["content"]):
            if equal["live"]:
                store.add("different", passage.key, PERSON, {"old": equal["passage"]})
        new = NewCard(key=row["key"], proposal=proposal, wording=wording, draft=id, forced=forced)
        return make_card(store, new)


def _refuse_blocked(id: str, proposal: Proposal) -> None:
    """Raise for a draft that a check blocks, with what the first such check found."""
    findings = proposal.findings
    blocking = next(finding for finding in findings if finding.severity is Severity.BLOCK)
    raise RefusedError(
        f"{id}: {blocking.message}", hint=f"ankiforge edit {id}, or accept --force {id}"
    )


def _accept_revision(store: Store, row: Row, passage: Passage, wording: Wording) -> Guid:
    """Give a card the words of the draft that revises it."""
    guid = Guid(row["revises"])
    body = {"guid": guid, "draft": msgspec.to_builtins(wording)}
    event = store.add("revise", passage.key, PERSON, body)
    waiting.put_away(store, row["id"], event)
    return guid


def make_card(store: Store, new: NewCard) -> Guid:
    """Make a card, and drop the draft that it is made of with its alternatives."""
    passage = store.passage(new.key)
    guid = guid_of(passage.key, new.wording)
    body: Json = {"guid": guid, "draft": msgspec.to_builtins(new.wording)}
    if new.proposal.deck:
        body["deck"] = new.proposal.deck
    if new.forced:
        body["forced"] = True
    if new.by == PERSON and waiting.was_buried(passage, new.wording, graves_of(store)):
        body[AGAIN] = True
    rows = store.rows("SELECT * FROM draft WHERE key = ?", new.key)
    row = next((row for row in rows if row["id"] == new.draft), None)
    alternatives: list[Row] = []
    if row is not None:
        if row["replaces"]:
            body["instead"] = row["replaces"]
        alternatives = [other for other in rows if _is_alternative(other, new)]
    if alternatives:
        body["passed"] = [other["content"] for other in alternatives]
    event = store.add("accept", passage.key, new.by, body)
    for id in (new.draft, *(other["id"] for other in alternatives)):
        if new.by == PERSON:
            waiting.put_away(store, id, event)
        else:
            store.write("DELETE FROM draft WHERE id = ?", id)
    return Guid(guid)


def _is_alternative(row: Row, new: NewCard) -> bool:
    """Return whether a draft is of the same fact: a reply numbers the facts that its drafts are about."""
    accepted = new.proposal.draft
    if row["id"] == new.draft or not accepted.origin.request:
        return False
    other = drafts.decode_proposal(row["body"]).draft
    return other.origin == accepted.origin and other.intent == accepted.intent


def make(store: Store, key: str, proposal: Proposal) -> Guid:
    """Make a card that a person wrote for a passage."""
    with store.action():
        cards.highlight_row(store, key)
        waiting.refuse_doubtful(store, key)
        wording = drafts.wording_of(proposal.draft, own=False)
        return make_card(store, NewCard(key=key, proposal=proposal, wording=wording))


def edit(store: Store, id: str, fields: Texts, *, forced: bool = False) -> Guid:
    """Change fields of a card, or accept a draft in other words. They are the person's from now on."""
    with store.action():
        guid = _accept_as_it_is(store, id, forced=forced) if id.startswith("dr") else id
        state, passage = cards.state_of(store, guid)
        before = state.wording.fields
        changed = {name: text for name, text in fields.items() if before.get(name, "") != text}
        if changed:
            body: Json = {"guid": guid, "fields": changed}
            if state.wording.kind != "cloze" and "Reverse" in fields:
                body["kind"] = "two-way" if fields["Reverse"] else "basic"
            store.add("edit", passage.key, PERSON, body)
    return Guid(guid)


def _accept_as_it_is(store: Store, id: str, *, forced: bool) -> Guid:
    """Accept a draft whose words a person is about to change: the checks judge the person's words."""
    row = waiting.draft_row(store, id)
    if row["revises"]:
        return accept(store, id, forced=True)
    new = NewCard(
        key=row["key"],
        proposal=drafts.decode_proposal(row["body"]),
        wording=drafts.wording_in(row),
        draft=id,
        forced=forced,
    )
    return make_card(store, new)


# --- taking over from other tools -----------------------------------------------------------------


class Taken(Value):
    """What is taken over from another tool for one passage."""

    id: str
    """The draft, or the guid of a card that exists."""
    note: Adopted | None = None
    text: str = ""
    """The note's text with clozes in Markdown: the card keeps its numbers."""
    deck: str = ""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """As in `Card`."""


def adopt_notes(store: Store, chosen: Iterable[Taken]) -> str:
    """Make cards of the notes and schedules of other tools, and return the id for `undo`."""
    with store.action() as action:
        for taken in chosen:
            if taken.id.startswith("af"):
                _adopt_schedule(store, taken)
            else:
                _adopt_as_card(store, taken)
        store.set_meta("app anki state", "")  # the notes are to be looked at again
    return action.id


def _adopt_schedule(store: Store, taken: Taken) -> None:
    """Give a card another tool's schedule; its words stay as they are."""
    _, passage = cards.state_of(store, taken.id)
    body: Json = {"guid": taken.id, "schedule": taken.schedule}
    store.add("adopt", passage.key, PERSON, body)


def _adopt_as_card(store: Store, taken: Taken) -> None:
    """Make a card of a draft, with the history that another tool has of its passage."""
    row = waiting.draft_row(store, taken.id)
    wording = drafts.wording_in(row)
    passage = store.passage(row["key"])
    if taken.text:
        text = keep_numbers(taken.text, wording.fields.get("Text", ""))
        wording = replace(wording, fields={**wording.fields, "Text": text})
    guid = guid_of(passage.key, wording)
    body: Json = {"guid": guid, "draft": msgspec.to_builtins(wording)}
    if taken.deck:
        body["deck"] = taken.deck
    if taken.note:
        body["note"] = msgspec.to_builtins(taken.note)
    if taken.schedule:
        body["schedule"] = taken.schedule
    event = store.add("adopt", passage.key, PERSON, body)
    waiting.put_away(store, taken.id, event)


# --- rejecting ------------------------------------------------------------------------------------


def reject(store: Store, id: str, why: str = "") -> None:
    """Reject a draft or a card. Its words are not offered again."""
    with store.action():
        if id.startswith("dr"):
            key, body = _draft_as_rejected(store, id)
        else:
            key, body = _card_as_rejected(store, id)
        if why:
            body["why"] = why
        event = store.add("reject", key, PERSON, body)
        waiting.put_away(store, id, event)


def _draft_as_rejected(store: Store, id: str) -> tuple[str, Json]:
    """Return the key and the body of the event that rejects a draft.

    Of a revision only the words are rejected: its card stays.
    """
    row = waiting.draft_row(store, id)
    wording = drafts.wording_in(row)
    key = store.first(row["key"])
    guid = ""
    slot = ""
    if not row["revises"]:
        guid = guid_of(key, wording)
        slot = wording.slot if wording.own else ""
    return key, {
        "guid": guid,
        "content": wording.content,
        "slot": slot,
        "fields": wording.fields,
    }


def _card_as_rejected(store: Store, guid: str) -> tuple[str, Json]:
    """Return the key and the body of the event that rejects a card."""
    state, passage = cards.state_of(store, guid)
    fields = state.wording.fields
    return passage.key, {
        "guid": guid,
        "content": content_of(fields),
        "slot": state.place if state.wording.own else "",
        "fields": fields,
    }


def skip(store: Store, key: str, why: str = "") -> None:
    """Draft nothing for a highlight any more."""
    with store.action():
        first = store.first(cards.highlight_row(store, key)["key"])
        waiting.refuse_doubtful(store, key)
        event = store.add("skip", first, PERSON, {"why": why} if why else {})
        keys = store.keys(first)
        marks = ", ".join("?" * len(keys))
        for row in store.rows(f"SELECT id FROM draft WHERE key IN ({marks})", *keys):
            waiting.put_away(store, row["id"], event)
