"""Record decisions, and recompute which drafts wait.

A decision is recorded as two events: the decision itself, and a `fact` event with the decided
sentences. The waiting drafts of its passage, and of others with the same sentences, are then
computed again (see `waiting`); so are they after an undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ankiforge.ledger import foreign_history, line_patterns, sentence_decisions
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_plans import PlannedDecision
from ankiforge.ledger.events import USER, Event, hash_question_and_answer
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import highlights, pending_drafts, sentences
from ankiforge.ledger.tables.snapshots import load_snapshots
from ankiforge.ledger.waiting import compute_waiting
from ankiforge.model import StoredDraft


def record_decision(store: Store, decision: PlannedDecision) -> Event:
    """Record a decision, and recompute the drafts that it may concern. Returns the event."""
    event = store.record_event(*decision.event)
    fact_body = {"of": event.id, **decision.fact_body}
    store.record_event("fact", event.key, event.author, fact_body)
    decided_hashes = sentence_decisions.hash_distinctive_sentences(
        decision.decided_sentences
    )
    store.decided_hashes.update((*decided_hashes, event.body.get("content", "")))
    if "draft" in event.body:
        store.decided_hashes.add(hash_question_and_answer(event.body["draft"]["fields"]))
    passage_key = decision.snapshot.passage.key
    store.schedule_waiting_update((passage_key, event.key), decided_hashes)
    return event


def update_outdated_drafts(store: Store) -> None:
    """Recompute the waiting drafts that decisions of the running transaction may concern."""
    keys, sentence_hashes = store.take_outdated_drafts()
    if keys or sentence_hashes:
        update_waiting(store, sorted(keys), sentence_hashes)


def redraft_after_remote_decisions(store: Store, events: Sequence[Event]) -> None:
    """Recompute the drafts of passages that were decided on another device.

    The rules are rerun on the passages in the next run. `events` are the new events from other
    devices. If the database was rebuilt, they are all events, and there is nothing to do because
    nothing has been drafted yet.
    """
    if not store.fetch_value("SELECT 1 FROM document WHERE state != 'journal' LIMIT 1"):
        return

    def update(keys: Sequence[str]) -> None:
        update_after_decisions(store, keys)

    decided_keys = sorted({event.key for event in events if _is_decision(event)})
    with store.transaction():
        for key in decided_keys:
            highlights.schedule_redrafting(store, store.get_keys(key))
            if key.startswith("tool:"):  # a decision on another tool's notes
                foreign_history.schedule_drafting_of_tool(store, key)
        line_patterns.schedule_redrafting(store, {event.key for event in events})
        # a passage that can't be updated now is updated when it is drafted
        store.apply_in_savepoints(decided_keys, update)


def _is_decision(event: Event) -> bool:
    """Return whether an event may change which drafts of its passage wait."""
    if event.kind == "revise":
        return event.author == USER
    return event.kind in (
        "accept",
        "adopt",
        "reject",
        "skip",
        "undo",
        "different",
        "retire",
    )


def update_after_decisions(store: Store, keys: Iterable[str]) -> list[StoredDraft]:
    """Recompute the drafts of passages about which decisions were recorded or undone.

    Returns:
        The drafts that wait again, or for the first time.
    """
    passage_keys = [store.get_first_key(key) for key in keys]
    sentence_hashes: set[str] = set()
    for event in store.load_events(store.get_all_keys(passage_keys)):
        if event.kind == "fact":
            sentence_hashes.update(
                sentence_decisions.hash_distinctive_sentences(event.body["sentences"])
            )
    return update_waiting(store, passage_keys, sentence_hashes)


def update_waiting(
    store: Store, keys: Iterable[str], sentence_hashes: Iterable[str] = ()
) -> list[StoredDraft]:
    """Recompute the waiting drafts of these passages, and of those with one of the sentences.

    Returns:
        The drafts that wait again, or for the first time.
    """
    passage_keys = dict.fromkeys(map(store.get_first_key, keys))
    passage_keys |= dict.fromkeys(
        sentences.find_passages_with_sentences(store, sentence_hashes)
    )
    new_drafts: list[StoredDraft] = []
    for batch in iter_batches(passage_keys):
        changes = []
        for snapshot in load_snapshots(store, store.get_passages(batch)):
            waiting = compute_waiting(snapshot, store.device_id)
            changes.append((snapshot, waiting))
            waited_ids = {draft.id for draft in snapshot.pending_drafts}
            for draft in waiting.drafts:
                if draft.id not in waited_ids:
                    new_drafts.append(draft)
            if waiting.needs_rules:
                highlights.schedule_redrafting_by_rules(store, snapshot.passage.keys)
        pending_drafts.replace_waiting(store, changes)
    return new_drafts
