"""Decisions of a person or of the policy: each is an event that `undo.py` takes back.

A decision adds events in one `action`, and takes its drafts away with `put_away`: `undo`
needs both.

`tests/ledger/test_decisions.py` takes back each kind of decision by each name that
`undo` takes; further ones are in `tests/golden/histories` (`decisions.yaml`,
`machines.yaml`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import cards, drafts, proposals, waiting
from ankiforge.ledger.events import (
    PERSON,
    POLICY,
    Wording,
    content_of,
    guid_of,
)
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.offers import same_offer
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.views import send_again, was_deleted_unnoticed
from ankiforge.model import (
    PROPOSE,
    Adopted,
    Guid,
    Json,
    Pair,
    Proposal,
    Severity,
    Texts,
    Value,
    Verdict,
    Waiting,
    is_card_id,
    is_draft_id,
)
from ankiforge.text import occlusion

FLOOD = 300
"""The number of cards that policy accepts in one run, at most; the rest waits."""


# --- accepting --------------------------------------------------------------------------


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
    """Accept, by policy, drafts that need no person and that the settings accept."""
    accepted: list[Guid] = []
    with store.transaction():
        waiting.drop_resolved(store)
        for draft, wording in waiting.each_waiting(store, "d.drafter != ?", PROPOSE):
            if len(accepted) == FLOOD:
                break
            changes_a_card = draft.revises or draft.replaces
            if draft.remarks or changes_a_card or not draft.proposal.clean:
                continue
            if not allows(draft):
                continue
            new_card = NewCard(
                key=draft.highlight.key,
                proposal=draft.proposal,
                wording=wording,
                by=POLICY,
                draft=draft.id,
            )
            accepted.append(make_card(store, new_card))
    return accepted


def accept(
    store: Store,
    id: str,
    *,
    gap: int = 1,
    masks: str = "",
    forced: bool = False,
) -> Guid:
    """Accept a draft; a revision gives its card the new words.

    Args:
        store: the store.
        id: the draft.
        gap: the number of the gap of a proposal.
        masks: the masks of a figure; "" = as they were read.
        forced: the person overrules a check that blocks.

    Raises:
        RefusedError: a check blocks it, its passage is in doubt, it is a card already, or
            it has no such gap.
    """
    if is_card_id(id):
        state, _ = cards.state_of(store, id)
        told = state.verdict.value
        if state.verdict is Verdict.LIVE:
            told = "accepted already"
        hint = f"ankiforge undo {id} takes that back"
        raise RefusedError(f"{id} is {told}", hint=hint)
    with store.action():
        draft_row = waiting.waiting_row(store, id)
        proposal, wording = _with_gap(draft_row, gap)
        # Anki takes no figure without a mask, whatever a person says
        shown = wording.fields.get(occlusion.FIELD)
        hides_nothing = shown is not None and not occlusion.parse(shown).shown
        if masks:
            wording = _with_masks(wording, masks)
        elif proposal.blocked and (hides_nothing or not forced):
            hint = f"ankiforge edit {id}, or accept --force {id}"
            if hides_nothing:
                hint = "draw what it hides on the page (ankiforge review), or reject it"
            for finding in proposal.findings:
                if finding.severity is Severity.BLOCK:
                    raise RefusedError(f"{id}: {finding.message}", hint=hint)
        passage = store.passage(draft_row["key"])
        if not draft_row["revises"]:
            for equal in waiting.equal_cards(store, passage, wording.content):
                if equal["live"]:
                    body = {"old": equal["passage"]}
                    store.add("different", passage.key, PERSON, body)
        return _accept_as(store, draft_row, proposal, wording, forced=forced)


def _accept_as(
    store: Store,
    draft_row: Row,
    proposal: Proposal,
    wording: Wording,
    *,
    forced: bool,
) -> Guid:
    """Make a card of a draft with these words, or give them to the card that it revises."""
    passage = store.passage(draft_row["key"])
    if draft_row["revises"]:
        guid = Guid(draft_row["revises"])
        body = {"guid": guid, "draft": msgspec.to_builtins(wording)}
        event = store.add("revise", passage.key, PERSON, body)
        waiting.put_away(store, draft_row["id"], event)
        return guid
    new_card = NewCard(
        key=draft_row["key"],
        proposal=proposal,
        wording=wording,
        draft=draft_row["id"],
        forced=forced,
    )
    return make_card(store, new_card)


def _with_gap(draft_row: Row, gap: int) -> tuple[Proposal, Wording]:
    """Return a draft and its words, with one of its gaps."""
    proposal = drafts.decode_proposal(draft_row["body"])
    wording = drafts.stored_wording(draft_row, proposal.draft)
    draft = proposals.with_gap(proposal.draft, gap)
    if draft is proposal.draft:
        return proposal, wording
    return (
        replace(proposal, draft=draft),
        replace(wording, fields=drafts.wording_of(draft, own=False).fields),
    )


def _with_masks(wording: Wording, masks: str) -> Wording:
    """Return the words of a figure with the masks that a person wants.

    Raises:
        RefusedError: none is left, or it is not a figure.
    """
    if wording.kind != "occlusion":
        raise RefusedError("only a figure has masks", hint="ankiforge show ID")
    if not occlusion.parse(masks).shown:
        raise RefusedError("no mask is left", hint="draw one, or reject the figure")
    return replace(wording, fields={**wording.fields, occlusion.FIELD: masks})


def set_masks(store: Store, guid: str, masks: str) -> None:
    """Give the card of a figure the masks that a person wants."""
    with store.action():
        state, passage = cards.state_of(store, guid)
        wording = _with_masks(state.wording, masks)
        if wording == state.wording:
            return
        body = {"guid": guid, "draft": msgspec.to_builtins(wording)}
        store.add("revise", passage.key, PERSON, body)


def make_card(store: Store, new_card: NewCard) -> Guid:
    """Make a card, and drop its draft and the drafts that it settles."""
    passage = store.passage(new_card.key)
    guid = guid_of(passage.key, new_card.wording)
    is_of_person = new_card.by == PERSON
    body: Json = {"guid": guid, "draft": msgspec.to_builtins(new_card.wording)}
    if new_card.proposal.deck:
        body["deck"] = new_card.proposal.deck
    if new_card.forced:
        body["forced"] = True

    # the drafts that this card settles, and their words, which are not offered again
    draft_rows = proposals.rows_of(store, passage)
    accepted_row = next((row for row in draft_rows if row["id"] == new_card.draft), None)
    settled: list[Row] = []
    if accepted_row is not None:
        if accepted_row["replaces"]:
            body["instead"] = accepted_row["replaces"]
        for row in draft_rows:
            if row["id"] != new_card.draft and same_offer(row, accepted_row):
                settled.append(row)
    passed = [row["content"] for row in settled]
    settled_proposals, their_gaps = proposals.settled_by(
        draft_rows, new_card.proposal.draft, new_card.draft
    )
    settled += settled_proposals
    passed += their_gaps
    if passed:
        body["passed"] = passed

    event = store.add("accept", passage.key, new_card.by, body)
    if is_of_person and was_deleted_unnoticed(store, guid):
        send_again(store, passage.key, guid)
    put_away = [new_card.draft]
    put_away += [row["id"] for row in settled]
    for draft_id in put_away:
        if is_of_person:
            waiting.put_away(store, draft_id, event)
        else:
            store.write("DELETE FROM draft WHERE id = ?", draft_id)
    return Guid(guid)


def make(store: Store, highlight_key: str, proposal: Proposal) -> Guid:
    """Make a card that a person wrote for a passage."""
    with store.action():
        cards.highlight_row(store, highlight_key)
        waiting.refuse_doubtful(store, highlight_key)
        wording = drafts.wording_of(proposal.draft, own=False)
        return make_card(
            store,
            NewCard(key=highlight_key, proposal=proposal, wording=wording),
        )


def edit(
    store: Store,
    id: str,
    fields: Texts,
    *,
    over: Mapping[str, Pair] = {},
    forced: bool = False,
) -> Guid:
    """Change fields of a card, or accept a draft in other words.

    They are the person's from now on.

    Args:
        store: the store.
        id: of the card or draft.
        fields: the new Markdown by name.
        over: of the fields that a person changed in Anki and has in view: the hash of
            their HTML there, and their Markdown. The new words replace them there.
        forced: overrule a check.
    """
    with store.action():
        guid = id
        if is_draft_id(id):  # the checks judge the person's words, not those of the draft
            draft_row = waiting.waiting_row(store, id)
            draft = drafts.decode_proposal(draft_row["body"]).draft
            nearest = proposals.nearest_gap(
                draft, fields.get("Text", draft.field("Text"))
            )
            proposal, wording = _with_gap(draft_row, nearest)
            guid = _accept_as(store, draft_row, proposal, wording, forced=forced)
        state, passage = cards.state_of(store, guid)
        before = state.wording.fields
        changed = {}
        for field, text in fields.items():
            if field in over or text != before.get(field, ""):
                changed[field] = text
        if changed:
            body: Json = {"guid": guid, "fields": changed}
            if over:
                body["over"] = over
            if state.wording.kind != "cloze" and "Reverse" in fields:
                body["kind"] = "two-way" if fields["Reverse"] else "basic"
            store.add("edit", passage.key, PERSON, body)
    return Guid(guid)


# --- taking over from other tools -------------------------------------------------------


class Taken(Value):
    """A card or schedule of another tool for one passage."""

    id: str
    """The draft, or the guid of a card that exists."""
    note: Adopted | None = None
    text: str = ""
    """The note's text with clozes in Markdown: the card keeps its numbers."""
    deck: str = ""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """As in `Card`."""


def adopt_notes(store: Store, chosen: Iterable[Taken]) -> str:
    """Make cards of notes and schedules of other tools; return the id for `undo`."""
    with store.action() as action:
        for taken in chosen:
            if is_card_id(
                taken.id
            ):  # another tool's schedule; its words stay as they are
                _, passage = cards.state_of(store, taken.id)
                body: Json = {"guid": taken.id, "schedule": taken.schedule}
                store.add("adopt", passage.key, PERSON, body)
            else:
                _adopt_as_card(store, taken)
        store.set_setting("anki state", "")  # the notes are to be looked at again
    return action


def _adopt_as_card(store: Store, taken: Taken) -> None:
    """Make a card of a draft, with the history that another tool has of its passage."""
    draft_row = waiting.waiting_row(store, taken.id)
    wording = drafts.wording_in(draft_row)
    passage = store.passage(draft_row["key"])
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


# --- rejecting --------------------------------------------------------------------------


def reject(store: Store, id: str, why: str = "") -> None:
    """Reject a draft or a card. Its words are not offered again.

    With a proposal, all that is proposed for its passage is rejected. Of a revision only
    the words are: its card stays.
    """
    with store.action():
        draft_ids = [id]
        passed: list[str] = []
        if is_draft_id(id):
            draft_row = waiting.waiting_row(store, id)
            wording = drafts.wording_in(draft_row)
            passage = store.passage(draft_row["key"])
            guid = ""
            slot = ""
            if draft_row["drafter"] == PROPOSE:
                # no card is named: one that was accepted and taken back is not rejected
                draft_ids = []
                for row in proposals.rows_of(store, passage):
                    if row["drafter"] == PROPOSE:
                        draft_ids.append(row["id"])
                        proposal = drafts.decode_proposal(row["body"])
                        passed += proposals.contents(proposal.draft)
            elif not draft_row["revises"]:
                guid = guid_of(passage.key, wording)
                slot = wording.slot if wording.own else ""
        else:
            state, passage = cards.state_of(store, id)
            wording = state.wording
            guid = id
            slot = state.place if wording.own else ""
        fields = wording.fields
        body: Json = {"guid": guid, "content": content_of(fields)}
        if passed:
            body |= {"fields": fields, "passed": list(dict.fromkeys(passed))}
        else:
            body |= {"slot": slot, "fields": fields}
        if why:
            body["why"] = why
        event = store.add("reject", passage.key, PERSON, body)
        for draft_id in draft_ids:
            waiting.put_away(store, draft_id, event)


def skip(store: Store, highlight_key: str, why: str = "") -> None:
    """Draft nothing for a highlight any more."""
    with store.action():
        first = store.first(cards.highlight_row(store, highlight_key)["key"])
        waiting.refuse_doubtful(store, highlight_key)
        body = {"why": why} if why else {}
        event = store.add("skip", first, PERSON, body)
        keys = store.keys(first)
        marks = ", ".join("?" * len(keys))
        for draft_row in store.rows(
            f"SELECT id FROM draft WHERE key IN ({marks})",
            *keys,
        ):
            waiting.put_away(store, draft_row["id"], event)
