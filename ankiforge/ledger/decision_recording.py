"""Record decisions, and update the pending drafts that they resolve.

A decision is recorded as two events: the decision itself, and a `fact` event with the decided
sentences. The drafts that the decision resolves, in its own passage and in others with the same
sentences, are archived under its event (see `draft_changes`), so that undoing the event restores
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ankiforge.ledger import foreign_history, line_patterns, sentence_decisions
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_plans import PlannedDecision
from ankiforge.ledger.draft_changes import (
    PendingDraftChanges,
    compute_pending_draft_changes,
)
from ankiforge.ledger.events import USER, Event, hash_question_and_answer
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables import highlights, pending_drafts, sentences
from ankiforge.ledger.tables.snapshots import load_snapshots


def record_decision(store: Store, decision: PlannedDecision) -> Event:
    """Record a decision, and update the pending drafts that it affects. Returns the event."""
    snapshot = decision.snapshot
    event = store.record_event(*decision.event)
    fact_body = {"of": event.id, **decision.fact_body}
    store.record_event("fact", event.key, event.author, fact_body)
    change = PendingDraftChanges(
        archived=tuple((id, event.id) for id in decision.chosen_draft_ids)
    )
    pending_drafts.apply_changes(store, [change])
    decided_hashes = sentence_decisions.hash_distinctive_sentences(
        decision.decided_sentences
    )
    store.decided_hashes.update((*decided_hashes, event.body.get("content", "")))
    if "draft" in event.body:
        store.decided_hashes.add(hash_question_and_answer(event.body["draft"]["fields"]))
    has_other_drafts = len(snapshot.pending_drafts) > len(decision.chosen_draft_ids)
    has_other_facts = len(snapshot.sentences) > len(decision.decided_sentences)
    update_pending_drafts(
        store,
        [snapshot.passage.key] if has_other_drafts or has_other_facts else [],
        deciding={
            sentence_hash: {snapshot.passage.key} for sentence_hash in decided_hashes
        },
        event_id=event.id,
    )
    return event


def redraft_after_remote_decisions(store: Store, events: Sequence[Event]) -> None:
    """Update the drafts of passages that were decided on another device.

    Resolved drafts are archived, and the rules are rerun on the passages in the next run. `events`
    are the new events from other devices. If the database was rebuilt, they are all events, and
    there is nothing to do because nothing has been drafted yet.
    """
    if not store.fetch_value("SELECT 1 FROM document WHERE state != 'journal' LIMIT 1"):
        return
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different", "retire")
    with store.transaction():
        decided_on = sorted(
            {
                event.key
                for event in events
                if event.kind in decisions
                or (event.kind == "revise" and event.author == USER)
            }
        )
        for key in decided_on:
            highlights.schedule_redrafting(store, store.get_keys(key))
            if key.startswith("tool:"):
                foreign_history.schedule_drafting_of_tool(store, key)
        line_patterns.schedule_redrafting(store, {event.key for event in events})
        undone = [event.body["event"] for event in events if event.kind == "undo"]
        restore_drafts(store, undone)
        # a passage that can't be updated now is updated when it is drafted
        store.apply_in_savepoints(
            decided_on, lambda keys: update_after_decisions(store, keys)
        )


def restore_drafts(store: Store, event_ids: Sequence[str]) -> set[str]:
    """Restore drafts that were resolved by events that have since been undone.

    A draft stays archived if another decision still resolves it.

    Returns:
        The ids of those events that had resolved any drafts.
    """
    ids = to_json(list(event_ids))
    rows = store.fetch_rows(f"SELECT * FROM decided WHERE event IN {JSON_VALUES}", ids)
    store.execute(
        "INSERT OR IGNORE INTO draft SELECT id, key, content, slot, position, fact, near, kind,"
        " deck, drafter, severity, revises, replaces, since, answer, findings, tags, words, body"
        f" FROM decided WHERE event IN {JSON_VALUES}",
        ids,
    )
    store.execute(f"DELETE FROM decided WHERE event IN {JSON_VALUES}", ids)
    keys = sorted({row["key"] for row in rows})
    update_pending_drafts(store, map(store.get_first_key, keys))
    return {row["event"] for row in rows}


def update_after_decisions(store: Store, keys: Iterable[str]) -> None:
    """Update pending drafts after decisions on these passages were recorded or undone.

    Other passages with a sentence that was decided there are updated as well.
    """
    passage_keys = [store.get_first_key(key) for key in keys]
    deciding_passages: dict[str, set[str]] = defaultdict(set)
    for event in store.load_events(store.get_all_keys(passage_keys)):
        if event.kind == "fact":
            for sentence_hash in sentence_decisions.hash_distinctive_sentences(
                event.body["sentences"]
            ):
                deciding_passages[sentence_hash].add(store.get_first_key(event.key))
    update_pending_drafts(store, passage_keys, deciding_passages)


def update_pending_drafts(
    store: Store,
    passages: Iterable[str] = (),
    deciding: Mapping[str, set[str]] = {},
    event_id: str = "",
) -> None:
    """Archive resolved drafts, and recompute which card each remaining draft would revise.

    If a sentence is offered but has no draft, the rules are rerun on its passage.

    Args:
        store: The store.
        passages: The keys of the passages to update.
        deciding: The passages in which each sentence was decided, keyed by sentence hash. All
            other passages with one of these sentences are updated as well.
        event_id: The event of the last decision, or "" if there may have been several.
    """
    passage_keys = dict.fromkeys(passages)
    for passage_key, hashes in sentences.find_passages_with_sentences(
        store, deciding
    ).items():
        # skip sentences that were decided only in the passage itself
        if any(deciding[sentence_hash] - {passage_key} for sentence_hash in hashes):
            passage_keys[passage_key] = None
    for batch in iter_batches(passage_keys):
        snapshots = load_snapshots(store, store.get_passages(batch))
        changes = [
            compute_pending_draft_changes(snapshot, store.device_id, event_id=event_id)
            for snapshot in snapshots
        ]
        pending_drafts.apply_changes(store, changes)
