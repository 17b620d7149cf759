"""Record decisions, and update the pending drafts about the same sentences.

A decision is recorded as two events: the decision itself, and a `fact` event with the sentences
that it decides. It removes drafts of its own passage (`DecisionChanges.removed_draft_ids`), and
drafts about the same sentences in other passages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from ankiforge.ledger import facts, foreign_history
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_changes import DecisionChanges, compute_draft_updates
from ankiforge.ledger.events import PROPOSAL_KEY, USER, Event, is_hand_written_decision
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import highlights, pending_drafts, sentences
from ankiforge.ledger.tables.snapshots import load_snapshots


def record_decision(store: Store, changes: DecisionChanges) -> Event:
    """Record a decision with all its changes, and return its event as recorded."""
    snapshot, event = changes.snapshot, changes.event
    recorded_event = record_event(store, event)
    store.record_event(
        "fact", event.key, event.by, {"of": recorded_event.id, **changes.fact_body}
    )
    is_own = is_hand_written_decision(event) or bool(event.body.get(PROPOSAL_KEY))
    sentences.store_decided_sentences(store, event.key, changes.sentences, own=is_own)
    if event.by == USER:  # keep the removed drafts for `undo`
        pending_drafts.move_to_decided(store, changes.removed_draft_ids, recorded_event)
    else:
        pending_drafts.delete_drafts(store, changes.removed_draft_ids)
    pending_drafts.update_revised_cards(store, changes.revision_targets)
    if changes.has_undrafted_fact:
        highlights.schedule_rules(store, snapshot.passage.keys)
    decided_names = facts.hash_long_sentences(changes.sentences)
    update_pending_drafts(
        store, deciding={name: {snapshot.passage.key} for name in decided_names}
    )
    return recorded_event


def record_event(store: Store, event: Event) -> Event:
    """Record an event that `decision_changes` built, and return it as recorded."""
    return store.record_event(event.what, event.key, event.by, event.body)


def redraft_foreign_decisions(store: Store, events: Sequence[Event]) -> None:
    """Draft passages again that were decided on another device, and drop their obsolete drafts.

    Args:
        store: the store.
        events: the new events of other devices.
    """
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different", "retire")
    with store.transaction():
        decided_on = sorted({event.key for event in events if event.what in decisions})
        for key in decided_on:
            highlights.schedule_drafting(store, store.get_keys(key))
            if key.startswith("tool:"):
                foreign_history.schedule_drafting(store, key)
        # a passage that can't be updated now is updated when it is drafted
        store.apply_in_savepoints(
            decided_on, lambda keys: update_after_decisions(store, keys)
        )


def update_after_decisions(store: Store, keys: Iterable[str]) -> None:
    """Update the pending drafts after decisions were added or undone.

    Args:
        store: the store.
        keys: the keys of the passages with such decisions. Other passages that have a sentence
            decided in one of them are updated, too.
    """
    passage_keys = [store.get_first_key(key) for key in keys]
    deciding_passages: dict[str, set[str]] = defaultdict(set)
    for event in store.load_events(store.get_all_keys(passage_keys)):
        if event.what == "fact":
            for name in facts.hash_long_sentences(event.body["sentences"]):
                deciding_passages[name].add(store.get_first_key(event.key))
    update_pending_drafts(store, passage_keys, deciding_passages)


def update_pending_drafts(
    store: Store,
    passages: Iterable[str] = (),
    deciding: Mapping[str, set[str]] = {},
) -> None:
    """Drop the drafts that decisions on other passages, or an undo, have made obsolete.

    If a fact that is offered has no draft, the drafting rules are run again on its passage.

    Args:
        store: the store.
        passages: the keys of the passages to update.
        deciding: for each decided sentence, by its hash, the passages in which it was decided.
            Other passages that have the sentence are updated, too.
    """
    passage_keys = dict.fromkeys(passages)
    for passage_key, names in sentences.find_passages_containing(store, deciding).items():
        # skip sentences that were decided only in the passage itself
        if any(deciding[name] - {passage_key} for name in names):
            passage_keys[passage_key] = None
    for batch in iter_batches(passage_keys):
        snapshots = load_snapshots(store, store.get_passages(batch))
        changes = [
            compute_draft_updates(snapshot, store.device_id) for snapshot in snapshots
        ]
        pending_drafts.delete_drafts(
            store, [id for change in changes for id in change.removed_draft_ids]
        )
        pending_drafts.update_revised_cards(
            store, [asks for change in changes for asks in change.revision_targets]
        )
        keys_to_redraft = [
            change.snapshot.passage.keys
            for change in changes
            if change.has_undrafted_fact
        ]
        highlights.schedule_rules(store, chain.from_iterable(keys_to_redraft))
