"""Decide which drafts of a passage stay pending, as a pure function of its decisions.

A draft is *settled* if a decision on its passage, or on its sentence in another passage, leaves
nothing to decide about it. A settled draft is put away under the event that settles it, so undoing
that event makes the draft pending again. Any decision on a sentence settles its offline drafts. A
draft by a model is about a sentence and an answer, so a decision on a card with another answer
doesn't settle it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.ledger import facts
from ankiforge.ledger.draft_completion import is_known_text, should_offer
from ankiforge.ledger.events import FactDecision, hash_answer
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.snapshots import PassageSnapshot
from ankiforge.model import CardKind, Draft, Guid, Pair, StoredDraft, Strings, Value


class NewPendingDraft(Value):
    """A draft about to become pending, with the additional fields of `StoredDraft`."""

    draft: Draft
    id: str
    position: int
    """The position of the draft among the new drafts of its highlight."""
    about: Strings
    """The hashes of the sentences that the draft is about."""
    revises: Guid | None
    replaces: Guid | None
    near: str = ""
    since: int = 0


class RevisionTarget(Value):
    """A pending draft with the card or decided sentence that it is now compared with."""

    draft: StoredDraft
    revises: Guid | None
    """The card that the draft would revise, or None."""
    near: str
    """A similar decided sentence that was removed, or ""."""


class Change(Value):
    """A set of changes to a passage's pending drafts, for `pending_drafts.apply_changes`."""

    put: tuple[NewPendingDraft, ...] = ()
    """The drafts that become pending."""
    drop: Strings = ()
    """The ids of the drafts that are deleted because their source changed."""
    settle: tuple[Pair, ...] = ()
    """The drafts that are put away, as (id of the draft, id of the event that settles it)."""
    move: tuple[StoredDraft, ...] = ()
    """The drafts that are now about another sentence (`StoredDraft.about`)."""
    ask: tuple[RevisionTarget, ...] = ()
    """The drafts that now ask about another card or another decided sentence."""
    redraft: Strings = ()
    """The keys of a passage with an offered fact that has no draft."""


def settle_drafts(
    snapshot: PassageSnapshot,
    device_id: str,
    *,
    event_id: str = "",
    chosen: Collection[str] = (),
    current_facts: Sequence[Fact] | None = None,
) -> Change:
    """Compute how a passage's decisions affect its pending drafts.

    Args:
        snapshot: the passage with its decisions.
        device_id: the id of this device.
        event_id: the id of the last decision, to which all settled drafts are attributed. If
            empty, each draft is attributed to the decision that settles it.
        chosen: the ids of the drafts that the last decision was about.
        current_facts: the facts of the passage. Computed if None.
    """
    if current_facts is None:
        current_facts = snapshot.compute_facts()
    offered_facts = facts.get_offered_facts(current_facts)
    settled = []
    dropped_ids = []
    moved = []
    asks = []
    kept = []
    for draft in snapshot.pending_drafts:
        if draft.id in chosen or is_settled(snapshot, draft, offered_facts, device_id):
            settling_id = event_id or find_settling_event(snapshot, draft)
            settled.append((draft.id, settling_id))
            continue
        if snapshot.text and draft.about and not draft.is_hand_written:
            if draft.about[0] not in snapshot.sentence_names:
                sentence = facts.find_draft_sentence(draft, snapshot.text)
                if not sentence:
                    dropped_ids.append(draft.id)
                    continue
                draft = replace(draft, about=(facts.hash_sentence(sentence),))
                moved.append(draft)
            fact = offered_facts.get(draft.about[0], Fact(""))
            target = (find_revised_card(snapshot, fact, draft.kind), fact.near)
            if target != (draft.revises, draft.near):
                asks.append(RevisionTarget(draft, *target))
        kept.append(draft)
    return Change(
        drop=tuple(dropped_ids),
        settle=tuple(settled),
        move=tuple(moved),
        ask=tuple(asks),
        redraft=snapshot.passage.keys if has_undrafted_facts(kept, current_facts) else (),
    )


def is_settled(
    snapshot: PassageSnapshot,
    draft: StoredDraft,
    offered_facts: Mapping[str, Fact],
    device_id: str,
) -> bool:
    """Return whether a pending draft needs no further decision.

    `offered_facts` holds the passage's undecided facts, keyed by the hash of their sentence.
    """
    passage = snapshot.passage
    if draft.is_hand_written:
        if draft.revises:
            return passage.skipped
        return not should_offer(passage, draft, device_id)
    [name] = draft.about or [""]
    if draft.is_proposed and snapshot.text:  # stored only as new text of a card
        fact = offered_facts.get(name)
        return fact is None or find_revised_card(snapshot, fact, draft.kind) is None
    if not draft.revises and is_known_text(passage, draft):
        return True
    is_offered = name in offered_facts
    return not is_offered and is_decided(snapshot, draft, name, since=draft.since)


def is_decided(
    snapshot: PassageSnapshot, draft: Draft, name: str, since: int = 0
) -> bool:
    """Return whether the user decided on a draft, or wants no more cards from its passage.

    Args:
        snapshot: the passage with its decisions.
        draft: a draft that isn't hand-written.
        name: the hash of the draft's sentence, or "" if unknown.
        since: ignore events up to and including this number.
    """
    passage = snapshot.passage
    was_closed = passage.closed
    if since:
        was_closed = passage.closed and any(
            decision.dropped and not decision.guid and not decision.answer
            for decision in passage.decisions
            if decision.n > since
        )
    return was_closed or any(
        settles_draft(decision, draft, name)
        for decision in snapshot.all_decisions
        if decision.n > since
    )


def settles_draft(decision: FactDecision, draft: Draft, name: str) -> bool:
    """Return whether a decision settles a draft that isn't hand-written.

    The decision may come from another passage. `name` is the hash of the draft's sentence.
    """
    if not decision.of or decision.of_proposal:
        return False
    if name not in map(facts.hash_sentence, decision.sentences):
        return False
    return draft.is_proposed or decision.answer == hash_answer(dict(draft.fields)) != ""


def find_settling_event(snapshot: PassageSnapshot, draft: StoredDraft) -> str:
    """Return the id of the last decision that settles a draft.

    If no decision matches its sentence and answer, fall back to the last decision on the
    passage, or "" if there is none.
    """
    last_id = ""
    for decision in reversed(snapshot.all_decisions):
        if draft.about and settles_draft(decision, draft, draft.about[0]):
            return decision.of
        last_id = last_id or decision.of
    return last_id


def has_undrafted_facts(
    pending: Iterable[StoredDraft], current_facts: Iterable[Fact]
) -> bool:
    """Return whether any offered fact lacks a pending draft."""
    drafted_names = {name for draft in pending for name in draft.about}
    return not drafted_names.issuperset(facts.get_offered_facts(current_facts))


def find_revised_card(
    snapshot: PassageSnapshot, fact: Fact, kind: CardKind
) -> Guid | None:
    """Return the GUID of the card that a draft about `fact` would revise, if any.

    A draft with a different note type can't revise the card, so it becomes a new one.
    """
    if not fact.card:
        return None
    return (
        Guid(fact.card) if kind.family is snapshot.find_card(fact.card).family else None
    )
