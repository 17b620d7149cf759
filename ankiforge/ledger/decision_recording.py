"""Record decisions, and update the pending drafts that they resolve.

A decision is recorded as two events: the decision itself, and a `fact` event with the decided
sentences. The drafts that the decision resolves, in its own passage and in others with the same
sentences, are archived under its event (see `draft_changes`), so that undoing the event restores
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ankiforge.ledger import foreign_history, sentence_decisions
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_plans import PlannedDecision
from ankiforge.ledger.draft_changes import PendingDraftChanges, resolve_drafts
from ankiforge.ledger.events import USER, Event, hash_sides
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables import highlights, pending_drafts, sentences
from ankiforge.ledger.tables.snapshots import load_snapshots


def record_decision(store: Store, decision: PlannedDecision) -> Event:
    """Record a decision, update the drafts it affects, and return the recorded event."""
    snapshot = decision.snapshot
    event = record_event(store, decision.event)
    fact_body = {"of": event.id, **decision.fact_body}
    store.record_event("fact", event.key, event.author, fact_body)
    change = PendingDraftChanges(
        archived=tuple((id, event.id) for id in decision.chosen_draft_ids)
    )
    pending_drafts.apply_changes(store, [change])
    decided_names = sentence_decisions.hash_distinctive_sentences(
        decision.decided_sentences
    )
    store.decided_hashes.update((*decided_names, event.body.get("content", "")))
    if "draft" in event.body:
        store.decided_hashes.add(hash_sides(event.body["draft"]["fields"]))
    has_other_drafts = len(snapshot.pending_drafts) > len(decision.chosen_draft_ids)
    has_other_facts = len(snapshot.sentences) > len(decision.decided_sentences)
    update_pending_drafts(
        store,
        [snapshot.passage.key] if has_other_drafts or has_other_facts else [],
        deciding={name: {snapshot.passage.key} for name in decided_names},
        event_id=event.id,
    )
    return event


def record_event(store: Store, event: Event) -> Event:
    """Record an event built by `decision_plans`, and return the recorded event."""
    return store.record_event(event.kind, event.key, event.author, event.body)


def redraft_after_remote_decisions(store: Store, events: Sequence[Event]) -> None:
    """Rerun the rules on passages that were decided on another device.

    Their obsolete drafts are archived. `events` are the new events from other devices, or all
    events if the database was rebuilt. In that case there is nothing to do, because nothing was
    drafted yet.
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
        undone = [event.body["event"] for event in events if event.kind == "undo"]
        restore_drafts(store, undone)
        # a passage that can't be updated now is updated when it is drafted
        store.apply_in_savepoints(
            decided_on, lambda keys: update_after_decisions(store, keys)
        )


def restore_drafts(store: Store, event_ids: Sequence[str]) -> set[str]:
    """Restore the drafts that undone events had resolved, unless another decision resolves them.

    Returns:
        The ids of the events that had resolved any drafts.
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
    """Update pending drafts after a decision in one of these passages was recorded or undone.

    Other passages that share a decided sentence are updated, too.
    """
    passage_keys = [store.get_first_key(key) for key in keys]
    deciding_passages: dict[str, set[str]] = defaultdict(set)
    for event in store.load_events(store.get_all_keys(passage_keys)):
        if event.kind == "fact":
            for name in sentence_decisions.hash_distinctive_sentences(
                event.body["sentences"]
            ):
                deciding_passages[name].add(store.get_first_key(event.key))
    update_pending_drafts(store, passage_keys, deciding_passages)


def update_pending_drafts(
    store: Store,
    passages: Iterable[str] = (),
    deciding: Mapping[str, set[str]] = {},
    event_id: str = "",
) -> None:
    """Archive resolved drafts, and redetermine which card each remaining draft would revise.

    If a sentence is offered but has no draft, the rules are rerun on its passage.

    Args:
        store: the store.
        passages: the keys of the passages to update.
        deciding: the passages in which each sentence was decided, keyed by sentence hash.
            Every passage that contains one of the sentences is updated.
        event_id: the event of the last decision, or "" if there may have been several.
    """
    passage_keys = dict.fromkeys(passages)
    for passage_key, names in sentences.find_passages_containing(store, deciding).items():
        # skip sentences that were decided only in the passage itself
        if any(deciding[name] - {passage_key} for name in names):
            passage_keys[passage_key] = None
    for batch in iter_batches(passage_keys):
        snapshots = load_snapshots(store, store.get_passages(batch))
        changes = [
            resolve_drafts(snapshot, store.device_id, event_id=event_id)
            for snapshot in snapshots
        ]
        pending_drafts.apply_changes(store, changes)
