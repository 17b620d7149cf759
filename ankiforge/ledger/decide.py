"""Record and undo decisions, made by the user or by the policy that accepts drafts automatically.

Each function loads a snapshot of the passage, plans the decision (`decision_plans`) and
records it (`decision_recording`). All events of a decision belong to one action.

Which drafts wait is computed again after a decision (`waiting`), and also after an undo. An undo
either reverts everything or is refused with a reason. It is recorded as an event, but can't
itself be undone by the user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import (
    Callable,
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.errors import BugError, RefusedError
from ankiforge.ledger import (
    cards,
    chosen_passages,
    decision_recording,
    draft_groups,
    draft_recording,
    foreign_history,
    sentence_decisions,
)
from ankiforge.ledger.anki_changes import DELETED_REASON
from ankiforge.ledger.anki_views import schedule_reexport, was_deleted_while_not_live
from ankiforge.ledger.cards import HistoryEntry
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_plans import (
    NoteRepair,
    NoteTakeover,
    build_deck_and_tags_event,
    build_different_passages_event,
    build_edit_event,
    build_repair_event,
    build_revise_event,
    plan_accept,
    plan_reject,
    plan_retirement,
    plan_revision,
    plan_skip,
    plan_takeover,
)
from ankiforge.ledger.draft_completion import (
    compute_draft_id,
    find_most_similar_gap,
    iter_undone_drafts,
    select_gap,
)
from ankiforge.ledger.events import (
    DRAFTING_UNDONE_REASON,
    NON_DECISION_KINDS,
    POLICY,
    USER,
    Event,
    Passage,
    hash_question_and_answer,
)
from ankiforge.ledger.snapshots import (
    DraftingState,
    HighlightSnapshot,
    PassageSnapshot,
    find_distinctive_sentences,
)
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import highlights, pending_drafts
from ankiforge.ledger.tables.snapshots import (
    load_highlight_snapshots,
    load_snapshot,
    load_snapshots,
)
from ankiforge.ledger.undo import (
    REWORDING_KINDS,
    build_restoring_edit,
    find_last_decision,
    find_last_user_decision,
    refuse_if_later_change,
    select_events_to_undo,
    should_reopen_conflict,
)
from ankiforge.ledger.waiting import find_resolving_event
from ankiforge.model import (
    AGENT_DRAFTER,
    PROPOSAL_DRAFTER,
    Card,
    CardContent,
    CardKind,
    Draft,
    Fields,
    Guid,
    Highlight,
    NoteId,
    Pair,
    Proposal,
    Severity,
    StoredDraft,
    Strings,
    Texts,
    Value,
    Verdict,
    hash16,
    is_card_id,
    is_draft_id,
    is_highlight_key,
)
from ankiforge.text import occlusion

_RECENT_HINT = "ankiforge list --view recent shows what can be"


# --- loading a passage ------------------------------------------------------------------


class NotPendingError(RefusedError):
    """Raised for a draft that is no longer pending because a decision has resolved it."""


class DraftBatches:
    """Loads pending drafts and their passages in batches, to decide on many in one transaction.

    A passage is reloaded if it has several keys, or if a decision made in the meantime has changed
    the passage or was about one of its sentences.
    """

    def __init__(self, store: Store, ids: Iterable[str]) -> None:
        """Initialize the loader. `ids` are the drafts in the order of the decisions on them."""
        self._store = store
        self._batches = iter_batches(ids)
        self._batch: Sequence[str] = ()
        self._keys: dict[str, str] = {}
        self._snapshots: dict[str, PassageSnapshot] = {}
        self._repeated: set[str] | None = None

    def is_duplicated(self, content_hash: str) -> bool:
        """Return whether a card or another draft of the current batch has this content hash."""
        if self._repeated is None:
            self._repeated = pending_drafts.find_repeated_content_hashes(
                self._store, self._batch
            )
        return content_hash in self._repeated

    def load_snapshot(self, id: str) -> PassageSnapshot | None:
        """Return the snapshot of a draft's passage, or None if the draft isn't pending."""
        store = self._store
        if id not in self._batch:
            self._batch = next((batch for batch in self._batches if id in batch), [id])
            self._keys = pending_drafts.load_draft_keys(store, self._batch)
            passages = store.get_passages(list(self._keys.values()))
            snapshots = zip(self._keys, load_snapshots(store, passages), strict=True)
            self._snapshots = dict(snapshots)
            self._repeated = None
        if id not in self._keys:
            return None
        passage = store.get_passage(self._keys[id])
        snapshot = self._snapshots[id]
        if passage is snapshot.passage and len(passage.keys) == 1:
            sentences = find_distinctive_sentences(passage, snapshot.sentences)
            if store.decided_hashes.isdisjoint(
                map(sentence_decisions.hash_sentence, sentences)
            ):
                return snapshot
        return load_snapshot(store, passage)


def load_draft(
    store: Store, draft_id: str, batches: DraftBatches | None = None
) -> tuple[PassageSnapshot, StoredDraft]:
    """Load a pending draft and the snapshot of its passage.

    `batches` is the loader to use when loading many drafts, or None.

    Raises:
        NotPendingError: The draft is no longer pending.
        RefusedError: A question about the passage is open; see `refuse_if_question_open`.
    """
    batches = batches or DraftBatches(store, [draft_id])
    snapshot = batches.load_snapshot(draft_id)
    if snapshot is not None:
        passage = snapshot.passage
        for draft in snapshot.pending_drafts:
            if draft.id == draft_id:
                refuse_if_question_open(store, passage, draft.key)
                return snapshot, draft
    raise NotPendingError(
        f"{draft_id} is no longer waiting",
        hint="ankiforge list shows what waits",
    )


def load_card_or_draft(
    store: Store, id: str
) -> tuple[PassageSnapshot, StoredDraft | Card]:
    """Load a card or pending draft by its id, and the snapshot of its passage.

    Raises:
        RefusedError: There is no such card or draft, or it is still unanswered whether the
            draft's passage is the missing passage of a card.
    """
    if is_draft_id(id):
        return load_draft(store, id)
    card, passage = cards.load_card_and_passage(store, id)
    return load_snapshot(store, passage), card


def refuse_if_question_open(store: Store, passage: Passage, key: str) -> None:
    """Raise an error if the user is still being asked which passage a decision belongs to.

    The question is whether `passage` is the missing passage of a card. `key` is the key that the
    message names.

    Raises:
        RefusedError: The question is open.
    """
    if draft_groups.find_possible_matches_to_ask(store, passage):
        raise RefusedError(
            f"{key}: first answer whether this is the missing passage of a card",
            hint="ankiforge list --view questions",
        )


class UndoResult(Value):
    """The decisions that an undo has reverted."""

    id: str
    """The id of the action that the decisions belonged to."""
    entries: tuple[HistoryEntry, ...]
    """The last of these decisions for each card or draft."""
    drafts: tuple[Draft, ...] | None = None
    """If a drafting by a model or chat was reverted, the drafts that were removed."""
    rewording_count: int = 0
    """How many of these drafts would have been the new text of a card."""
    drafted_count: int = 0
    """If a drafting by a model or chat was reverted, how many highlights were sent."""


def undo_decision(store: Store, target: str = "") -> UndoResult:
    """Undo a decision or a drafting.

    What is undone depends on `target`:

    - the id of an action or event: that decision
    - the GUID of a card, the key of a highlight or the id of a decided draft: the last decision
      about that card, highlight or draft
    - the id of a pending draft by an agent: the drafting, i.e. the draft is deleted
    - "": the user's last decision, or the last drafting by a model or chat if that is later

    Raises:
        RefusedError: There is no such decision, or a later change of the same field depends
            on it.
    """
    if pending_drafts.load_draft_keys(store, [target]):
        return _drop_draft_of_agent(store, target)
    drafting = None if target else _find_drafting_to_undo(store)
    if drafting:
        return _undo_drafting(store, drafting["id"])
    with store.action():
        events = _find_events_to_undo(store, target)
        entries = _summarize_decisions(store, events)
        refuse_if_later_change(events, _iter_active_rewordings(store, events))
        for event in reversed(events):
            store.record_undo(event)
            _apply_undo_effects(store, event)
        _restore_pending_drafts(store, events)
        return UndoResult(events[0].undo_id, entries)


def _restore_pending_drafts(store: Store, events: Sequence[Event]) -> None:
    """Let the drafts of undone events wait again, or schedule their drafting if they are lost."""
    keys = dict.fromkeys(event.key for event in events)
    drafters_by_passage: dict[str, set[str]] = defaultdict(set)
    for draft in decision_recording.update_after_decisions(store, keys):
        passage_key = store.get_first_key(draft.key)
        drafters_by_passage[passage_key].add(draft.origin.drafter)
    keys_without_drafts = set[str]()
    for event in events:
        drafters = drafters_by_passage[store.get_first_key(event.key)]
        if not _is_draft_back(event, drafters):
            keys_without_drafts.add(event.key)
    keys_to_draft = store.get_all_keys(keys_without_drafts)
    highlights.schedule_redrafting_by_rules(store, keys_to_draft)


def _iter_active_rewordings(store: Store, events: Iterable[Event]) -> Iterator[Event]:
    """Yield the active changes of text in the passages in which one of the events is such one."""
    keys = [event.key for event in events if event.kind in REWORDING_KINDS]
    query = (
        f"SELECT id, line FROM standing WHERE key IN {JSON_VALUES}"
        f" AND what IN {JSON_VALUES}"
    )
    all_keys = to_json(store.get_all_keys(keys))
    return store.iter_events(query, all_keys, to_json(REWORDING_KINDS))


def _is_draft_back(event: Event, drafters: Collection[str]) -> bool:
    """Return whether the draft of an undone event is among the waiting drafts by these drafters.

    If the event accepted a draft, only one of the same drafter counts: after a loss of the
    database, the draft of a model doesn't wait, and has to be restored from the journal.
    """
    accepted_drafter: str | None = None
    if event.kind == "accept":
        accepted_drafter = event.body["draft"].get("drafter")
    if accepted_drafter is None:
        return bool(drafters)
    return accepted_drafter in drafters


def count_decisions_to_undo(store: Store, target: str) -> int:
    """Return how many decisions `undo_decision` would revert, or 0 if it would be refused.

    Drafts that nobody decided on don't count.
    """
    if not target and _find_drafting_to_undo(store):
        return 0
    with suppress(RefusedError):
        return len(_summarize_decisions(store, _find_events_to_undo(store, target)))
    return 0


def _drop_draft_of_agent(store: Store, draft_id: str) -> UndoResult:
    with store.transaction():
        _, draft = load_draft(store, draft_id)
        if draft.origin.drafter != AGENT_DRAFTER:
            message = f"nothing about {draft_id} can be undone"
            raise RefusedError(message, hint=_RECENT_HINT)
        pending_drafts.delete_drafts(store, [draft_id])
        store.execute("UPDATE highlight SET modelled = '' WHERE key = ?", draft.key)
    return UndoResult(draft_id, (), (draft,), int(bool(draft.revised_guid)))


def _find_last_drafting(store: Store) -> Row | None:
    """Return the row of the last drafting by a model or chat that can be undone, or None.

    A drafting can be undone if it added or replaced any drafts, or if its highlight still has the
    same content.
    """
    return store.fetch_first_row(
        "SELECT g.id, g.number, g.rowid FROM drafting g JOIN highlight h ON h.key = g.key"
        " WHERE g.has_drafts OR h.content = g.content ORDER BY g.rowid DESC LIMIT 1"
    )


def _find_drafting_to_undo(store: Store) -> Row | None:
    """Return the last drafting by a model or chat, or None if the user has decided since."""
    drafting = _find_last_drafting(store)
    last_event = find_last_user_decision(_iter_active_user_decisions(store))
    if drafting and last_event and last_event.number > drafting["number"]:
        return None
    return drafting


class LastAction(NamedTuple):
    """What had last been recorded at some time. Stored in the database as a list."""

    event_number: int
    """The number of the last event, or 0 if there was none."""
    drafting_row: int
    """The row id of the last drafting by a model or chat, or 0 if there was none."""


def find_last_action(store: Store) -> LastAction:
    """Return what was last recorded, to be passed to `is_last_action` later."""
    return LastAction(
        store.fetch_value("SELECT coalesce(max(n), 0) FROM event"),
        store.fetch_value("SELECT coalesce(max(rowid), 0) FROM drafting"),
    )


def is_last_action(store: Store, action: LastAction) -> bool:
    """Return whether nothing that can be undone has happened since `action`."""
    last_event = find_last_user_decision(_iter_active_user_decisions(store))
    if last_event is not None and last_event.number > action.event_number:
        return False
    last_drafting = _find_last_drafting(store)
    return last_drafting is None or last_drafting["rowid"] <= action.drafting_row


def _undo_drafting(store: Store, id: str) -> UndoResult:
    with store.transaction():
        keys = _restore_drafting_states(store, id)
        deleted_rows = pending_drafts.undo_batch(store, id)
        draft_ids = {row["id"] for row in deleted_rows}
        drafts = tuple(pending_drafts.decode_draft(row["body"]) for row in deleted_rows)
        rewording_count = sum(bool(row["revises"]) for row in deleted_rows)
        decision_recording.update_waiting(store, keys)
        for snapshot in load_highlight_snapshots(store, keys).values():
            _record_drafting_undone(store, snapshot, draft_ids)
    return UndoResult(
        id, (), drafts, rewording_count=rewording_count, drafted_count=len(keys)
    )


def _record_drafting_undone(
    store: Store, snapshot: HighlightSnapshot, draft_ids: Container[str]
) -> None:
    """Record that the drafts with these ids are gone, of those whose acceptance was undone before.

    Otherwise, the next drafting would restore them from the journal (`iter_undone_drafts`).
    """
    last_accepts = {}
    events = store.load_events(snapshot.passage.keys)
    for event in sorted(events, key=attrgetter("order")):
        if event.kind == "accept":
            last_accepts[event.body["guid"]] = event
    for card, draft in iter_undone_drafts(snapshot):
        if compute_draft_id(draft) in draft_ids and card.guid in last_accepts:
            store.record_undo(last_accepts[card.guid], DRAFTING_UNDONE_REASON)


def _restore_drafting_states(store: Store, drafting_id: str) -> list[str]:
    """Restore what had been found about highlights before a drafting, and forget the drafting.

    A highlight whose content has changed since keeps what was found about its new content.

    Returns:
        The keys of all highlights that the drafting changed.
    """
    rows = store.fetch_rows(
        "DELETE FROM drafting WHERE id = ? RETURNING key, content, before", drafting_id
    )
    states = {}
    for row in rows:
        highlight_row = highlights.find_highlight_row(store, row["key"])
        if highlight_row is not None and highlight_row["content"] == row["content"]:
            states[row["key"]] = msgspec.json.decode(row["before"], type=DraftingState)
    pending_drafts.save_drafting_states(store, states)
    return [row["key"] for row in rows]


def find_decided_draft_ids(store: Store, prefix: str) -> list[str]:
    """Find the ids of decided drafts that begin with `prefix`.

    A rejected draft is also found by the GUID that its card would have had.
    """
    query = (
        "SELECT DISTINCT id FROM made WHERE substr(id, 1, length(?1)) = ?1"
        " AND dropped = '' AND id NOT IN (SELECT id FROM draft)"
    )
    ids = dict.fromkeys(store.fetch_column(query, prefix))
    for event in _iter_active_rejections(store):
        guid = event.body.get("guid", "")
        if guid.startswith(prefix):
            ids[guid] = None
    return list(ids)


def _summarize_decisions(
    store: Store, events: Iterable[Event]
) -> tuple[HistoryEntry, ...]:
    """Build a history entry for each card or draft, from the last event about it.

    Events about an entire passage are left out if there are events about its cards or drafts.
    """
    last_events: dict[tuple[str, str], Event] = {}
    for event in events:
        last_events[event.key, _get_subject(event)] = event
    keys_with_subject = {key for key, subject in last_events if subject}
    entries = []
    for (key, subject), event in last_events.items():
        if subject or key not in keys_with_subject:
            entries.append(cards.load_history_entry(store, event))
    return tuple(entries)


def _get_subject(event: Event) -> str:
    """Return what an event decides on within its passage, or "" for the entire passage.

    This is the GUID of a card or, without one, the hash of a rejected text. A choice of a passage,
    which has neither, is a subject of its own.
    """
    if event.kind == "mark":
        return event.id
    subject: str = event.body.get("guid") or event.body.get("content", "")
    return subject


def can_undo(store: Store, action_id: str) -> bool:
    """Return whether an action can be undone, which means that it has recorded any event.

    For example, the answer to whether a source's missing documents were deleted isn't recorded
    as an event.
    """
    return any(cards.iter_action_events(store, action_id))


def _find_events_to_undo(store: Store, target: str) -> list[Event]:
    """Find the events to undo for a `target` of `undo_decision`, oldest first.

    Raises:
        RefusedError: There is no such decision.
    """
    if not target:
        last_event = find_last_user_decision(_iter_active_user_decisions(store))
        if last_event is None:
            raise _make_nothing_to_undo_error(store)
        return _select_action_of_event(store, last_event)
    resolving_event = _find_resolving_event(store, target)
    if resolving_event is not None:
        guid = resolving_event.body.get("guid", "")
        if not guid:  # the decision was about another card
            return [resolving_event]
        return _find_events_about(store, target, resolving_event.key, guid)
    if is_card_id(target):
        key = _find_key_of_card(store, target)
        return _find_events_about(store, target, key, target)
    if is_highlight_key(target):
        return _find_events_about(store, target, target)
    # the id of an action or event
    last_event = next(_iter_active_decisions_of_action(store, target), None)
    if last_event is None:
        raise _make_cannot_undo_error(target)
    return _select_action_of_event(store, last_event)


def _make_nothing_to_undo_error(store: Store) -> RefusedError:
    if not pending_drafts.load_draft_ids(store, "llm"):
        return RefusedError("nothing to undo", hint=_RECENT_HINT)
    return RefusedError(
        "nothing to undo: these drafts are older than the database, which was rebuilt",
        hint="ankiforge reject --all --filter drafter:llm",
    )


def _make_cannot_undo_error(target: str) -> RefusedError:
    return RefusedError(f"nothing about {target} can be undone", hint=_RECENT_HINT)


def _find_key_of_card(store: Store, guid: str) -> str:
    """Return a key of the passage of a card, or of a rejected draft's card.

    Raises:
        RefusedError: No card has this GUID, or would have had it.
    """
    try:
        _, passage = cards.load_card_and_passage(store, guid)
    except RefusedError:
        for rejection in _iter_active_rejections(store):
            if rejection.body.get("guid") == guid:
                return rejection.key
        raise
    return passage.key


def _find_events_about(
    store: Store, target: str, key: str, guid: str = ""
) -> list[Event]:
    """Find the events of the last decision about a passage or a card of it, oldest first.

    Args:
        store: The store.
        target: What the user wants to undo, for the error message.
        key: A key of the passage.
        guid: The GUID of the card, or "" for the passage.

    Raises:
        RefusedError: There is no such decision.
    """
    keys = store.get_keys(key)
    query = (
        f"SELECT id, line FROM standing WHERE key IN {JSON_VALUES}"
        f" AND what NOT IN {JSON_VALUES}"
    )
    events = store.iter_events(query, to_json(keys), to_json(NON_DECISION_KINDS))
    last_event = find_last_decision(events, guid)
    if last_event is None:
        raise _make_cannot_undo_error(target)
    return _select_action_of_event(store, last_event, keys, guid)


def _select_action_of_event(
    store: Store, last_event: Event, keys: Strings = (), guid: str = ""
) -> list[Event]:
    """Select the events to undo together with an event; see `undo.select_events_to_undo`."""
    action_events: Iterable[Event] = ()
    if last_event.action_id:
        action_events = _iter_active_decisions_of_action(store, last_event.action_id)
    return select_events_to_undo(last_event, action_events, keys, guid)


def _find_resolving_event(store: Store, draft_id: str) -> Event | None:
    """Find the decision because of which a draft no longer waits."""
    query = "SELECT key FROM made WHERE id = ? AND id NOT IN (SELECT id FROM draft)"
    row = store.fetch_first_row(query, draft_id)
    if row is None:
        return None
    snapshot = load_snapshot(store, store.get_passage(row["key"]))
    [made] = [draft for draft in snapshot.made if draft.id == draft_id]
    event_id = find_resolving_event(snapshot, made)
    query = "SELECT id, line FROM standing WHERE id = ?"
    return next(store.iter_events(query, event_id), None)


def _iter_active_decisions_of_action(store: Store, id: str) -> Iterator[Event]:
    """Yield the decisions of an action that haven't been undone.

    An action consists of all decisions made by one command or key press. `id` may also be the id
    of a single decision.
    """
    query = (
        "SELECT id, line FROM standing WHERE ((act = ?1 AND act != '') OR id = ?1)"
        f" AND what NOT IN {JSON_VALUES}"
    )
    return store.iter_events(query, id, to_json(NON_DECISION_KINDS))


def _iter_active_rejections(store: Store) -> Iterator[Event]:
    """Yield all rejections that haven't been undone, newest first."""
    query = "SELECT id, line FROM standing WHERE what = 'reject' ORDER BY n DESC"
    return store.iter_events(query)


def _iter_active_user_decisions(store: Store) -> Iterator[Event]:
    """Yield the user's decisions on this device that haven't been undone, newest first."""
    query = (
        "SELECT id, line FROM standing WHERE by = 'person' AND machine = ?"
        f" AND what NOT IN {JSON_VALUES} ORDER BY n DESC"
    )
    return store.iter_events(query, store.device_id, to_json(NON_DECISION_KINDS))


def _apply_undo_effects(store: Store, event: Event) -> None:
    """Do what the undo of an event needs besides computing passages and waiting drafts again."""
    if should_reopen_conflict(event):
        card, _ = cards.load_card_and_passage(store, event.body["guid"])
        body = build_restoring_edit(event, card)
        if body:
            store.record_event("edit", event.key, POLICY, body)
    match event.kind:
        case "adopt":
            store.set_meta("anki state", "")  # read the notes again
        case "retire" | "reject":
            guid = event.body.get("guid", "")
            was_deleted = event.body.get("why") == DELETED_REASON
            if was_deleted or was_deleted_while_not_live(store, guid):
                schedule_reexport(store, event.key, guid)
        case "mark":
            chosen_passages.unselect_passage(store, event)
        case "decline":
            foreign_history.schedule_drafting_of_tool(store, event.key)
        case "form":
            _restore_left_out_highlights(store)


def _restore_left_out_highlights(store: Store) -> None:
    """Schedule the highlights that an undone answer about line patterns left out for drafting."""
    made_keys = store.fetch_column("SELECT DISTINCT key FROM made")
    decision_recording.update_waiting(store, made_keys)
    store.execute("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")
    # those with a waiting draft aren't left out any more
    store.execute(
        "UPDATE highlight SET fate = '', reason = ''"
        " WHERE fate = 'left_out' AND key IN (SELECT key FROM draft)"
    )


# --- decisions --------------------------------------------------------------------------


class PolicyProgress(Value):
    """The progress of `accept_clean_drafts`, and the result of its last batch."""

    done: int
    """The number of drafts considered so far."""
    total: int
    """The number of drafts to consider."""
    guids: tuple[Guid, ...] = ()
    """The created cards."""
    failed: tuple[tuple[Highlight, BugError], ...] = ()
    """The highlights whose draft could not be accepted, each with the error."""


def accept_clean_drafts(
    store: Store, is_allowed: Callable[[Draft], bool]
) -> Iterator[PolicyProgress]:
    """Accept all drafts without warnings that the settings allow to be accepted automatically.

    If accepting a draft fails, the draft stays pending and the other drafts are still accepted.
    Each batch is a transaction, so completed batches are kept after an interruption.

    `is_allowed` takes a draft without warnings, and returns whether the settings allow it to be
    accepted.

    Yields:
        The result of each batch.
    """
    with store.transaction():
        draft_recording.drop_declined_findings(store)
        # filter first, because thousands of other drafts may be pending
        allowed_ids = []
        for draft_row in store.fetch_rows(
            "SELECT id, body FROM draft WHERE severity IN ('', 'info') AND drafter != ?",
            PROPOSAL_DRAFTER,
        ):
            if is_allowed(pending_drafts.decode_draft(draft_row["body"])):
                allowed_ids.append(draft_row["id"])
        ordered_ids = pending_drafts.sort_by_reading_order(store, allowed_ids)
    done_count = 0
    for batch in iter_batches(ordered_ids):
        guids, failed = _accept_batch(store, batch)
        done_count += len(batch)
        yield PolicyProgress(done_count, len(ordered_ids), guids, failed)


def _accept_batch(
    store: Store, ids: Sequence[str]
) -> tuple[tuple[Guid, ...], tuple[tuple[Highlight, BugError], ...]]:
    """Accept drafts by policy, all at once or, if that fails, each in a savepoint of its own.

    Returns:
        The GUIDs of the created cards, and the highlights whose draft couldn't be accepted, each
        with the error.
    """
    guid_by_id: dict[str, Guid] = {}
    highlight_by_id: dict[str, Highlight] = {}

    def accept(ids: Sequence[str]) -> None:
        for id in ids:
            guid_by_id.pop(id, None)  # from a failed attempt, which was rolled back
        batches = DraftBatches(store, ids)
        for draft in draft_groups.iter_pending_drafts(store, ids):
            highlight_by_id[draft.id] = draft.highlight
            if draft.remarks or draft.target_guid:  # the user must decide
                continue
            if snapshot := batches.load_snapshot(draft.id):
                guid_by_id[draft.id] = make_card(store, snapshot, draft, by=POLICY)

    with store.transaction():
        errors = store.apply_in_savepoints(ids, accept)
    failed = []
    for id, error in errors.items():
        if id not in highlight_by_id:  # the draft can't even be loaded
            raise error
        failed.append((highlight_by_id[id], error))
    return tuple(guid_by_id.values()), tuple(failed)


def accept_draft(
    store: Store,
    id: str,
    *,
    gap: int = 1,
    masks: str = "",
    forced: bool = False,
    another: bool = False,
    batches: DraftBatches | None = None,
) -> Guid:
    """Accept a draft as a new card, or as the new text of the card that it revises.

    Args:
        store: The store.
        id: The id of the draft.
        gap: For a proposal, the number of the selected gap, counting from 1.
        masks: For a figure, the masks in the format of the card's field, or "" to keep the
            detected masks.
        forced: Whether to override a check that blocks the draft.
        another: Whether to create a new card even if the draft revises an existing one.
        batches: The loader to use when accepting many drafts, or None.

    Returns:
        The GUID of the card.

    Raises:
        RefusedError: A check blocks the draft, the draft is no longer pending, it has no such
            gap, or it is still unanswered whether its passage is the missing one of a card.
    """
    if is_card_id(id):
        return _accept_undone_card(store, id)
    with store.action():
        snapshot, draft = load_draft(store, id, batches)
        draft = select_gap(draft, gap)
        if masks:
            draft = replace(draft, fields=_replace_masks(draft, masks))
        else:
            _refuse_blocked(draft, forced=forced)
        if another or not draft.revised_guid:
            content_hash = hash_question_and_answer(draft.fields)
            may_have_equal = True
            if batches is not None and gap == 1 and not masks:  # the text is as stored
                may_have_equal = batches.is_duplicated(content_hash)
            if may_have_equal:
                _record_equal_cards_as_different(store, snapshot.passage, content_hash)
        return _accept_draft(store, snapshot, draft, forced=forced, another=another)


def _accept_undone_card(store: Store, guid: str) -> Guid:
    """Accept a card again whose acceptance was undone, because its draft may be gone by now.

    Raises:
        RefusedError: The acceptance of the card wasn't undone.
    """
    card, passage = cards.load_card_and_passage(store, guid)
    if card.verdict is not Verdict.TAKEN_BACK:
        raise _make_decided_error(store, guid)
    with store.action():
        return make_card(store, load_snapshot(store, passage), card)


def _record_equal_cards_as_different(
    store: Store, passage: Passage, content_hash: str
) -> None:
    """Record that the passages of live cards with the same text aren't this passage."""
    for row in draft_groups.find_equal_cards(store, passage, content_hash):
        if row["live"]:
            event = build_different_passages_event(passage.key, row["passage"])
            store.record_event(*event)


def _make_decided_error(store: Store, guid: str) -> RefusedError:
    card, _ = cards.load_card_and_passage(store, guid)
    status = "accepted already" if card.is_live else card.verdict.value
    hint = f"ankiforge undo {guid[:10]} undoes that"
    return RefusedError(f"{guid[:10]} is {status}", hint=hint)


def _refuse_blocked(draft: StoredDraft, *, forced: bool) -> None:
    """Raise `RefusedError` if a check blocks a draft and `forced` doesn't override the check.

    A figure without masks is refused in any case, because Anki rejects such a note.
    """
    hint = f"ankiforge edit {draft.id}   or: ankiforge accept --force {draft.id}"
    masks_field = draft.get_field(occlusion.OCCLUSION_FIELD)
    if masks_field and not occlusion.parse_masks(masks_field).active_masks:
        hint = "draw what it hides on the page (ankiforge review), or reject it"
    elif forced:
        return
    for finding in draft.findings:
        if finding.severity is Severity.BLOCK:
            raise RefusedError(f"{draft.id[:10]}: {finding.message}", hint=hint)


def _accept_draft(
    store: Store,
    snapshot: PassageSnapshot,
    draft: StoredDraft,
    *,
    forced: bool,
    another: bool,
) -> Guid:
    """Accept a draft as new text of the card that it revises, or else as a new card.

    `another` asks for a new card in any case. It has no effect on hand-written drafts, and on
    those with `keeps_text`, which have the text of their card.
    """
    can_be_another = not draft.is_hand_written and not draft.keeps_text
    if not draft.revised_guid or (another and can_be_another):
        return make_card(store, snapshot, draft, forced=forced)
    guid = draft.revised_guid
    card, passage = cards.load_card_and_passage(store, guid)
    decision_recording.record_decision(
        store, plan_revision(snapshot, draft, card, passage.key)
    )
    return guid


def _replace_masks(content: CardContent, masks: str) -> Fields:
    """Return the fields of a figure with new masks but the same picture and labels.

    Raises:
        RefusedError: `masks` has no active mask, or the card isn't a figure.
    """
    if content.kind is not CardKind.OCCLUSION:
        raise RefusedError(
            "only a figure has masks", hint="ankiforge edit rewords a card"
        )
    figure = occlusion.parse_masks(masks)
    if not figure.active_masks:
        raise RefusedError("a figure needs a mask", hint="draw one, or reject the figure")
    by_number = {mask.number: mask for mask in figure.masks}
    figure = replace(figure, masks=tuple(by_number.values()))
    figure = occlusion.copy_labels(figure, occlusion.get_masks(content.fields))
    return tuple(
        {
            **dict(content.fields),
            occlusion.OCCLUSION_FIELD: occlusion.format_masks(figure),
        }.items()
    )


def set_masks(store: Store, guid: str, masks: str) -> None:
    """Replace the masks of an image occlusion card.

    Raises:
        RefusedError: `masks` has no active mask, or the card isn't a figure.
    """
    with store.action():
        card, passage = cards.load_card_and_passage(store, guid)
        masked_card = replace(card, fields=_replace_masks(card, masks))
        if masked_card.fields != card.fields:
            event = build_revise_event(passage.key, card.guid, masked_card, USER)
            store.record_event(*event)


def make_card(
    store: Store,
    snapshot: PassageSnapshot,
    content: CardContent,
    *,
    by: str = USER,
    forced: bool = False,
) -> Guid:
    """Create a card from a draft or from the user's own text.

    `by` is `USER` or `POLICY`. `forced` records that the user has overridden a check that blocks
    the draft.
    """
    event = decision_recording.record_decision(
        store, plan_accept(snapshot, content, by, forced=forced)
    )
    guid = Guid(event.body["guid"])
    if by == USER and was_deleted_while_not_live(store, guid):
        schedule_reexport(store, snapshot.passage.key, guid)
    return guid


def make_card_without_draft(store: Store, content: CardContent) -> Guid:
    """Create a card from the user's own text or from a proposal, which has no stored draft."""
    with store.action():
        cards.load_highlight_row(store, content.key)
        snapshot = load_snapshot(store, store.get_passage(content.key))
        refuse_if_question_open(store, snapshot.passage, content.key)
        return make_card(store, snapshot, content)


def edit_item(
    store: Store,
    id: str,
    fields: Texts,
    *,
    over: Mapping[str, Pair] = {},
    forced: bool = False,
) -> Guid:
    """Edit a card, or accept a draft with edited fields. Returns the GUID of the card.

    Changes in the source no longer replace the edited fields.

    Args:
        store: The store.
        id: The GUID of the card or the id of the draft.
        fields: The new Markdown, keyed by field name.
        over: The text in Anki that the edit replaces, keyed by field name. Each text is a pair
            of the hash of its HTML and its Markdown.
        forced: Whether to record that the user overrode a check that blocks the draft.
    """
    with store.action():
        # an edit of an outdated card also answers whether the card still fits
        draft_id = _find_draft_about_outdated_card(store, id)
        if draft_id is None and is_draft_id(id):
            draft_id = id
        if (
            draft_id is not None
        ):  # checks don't block, because the draft's text is replaced
            snapshot, draft = load_draft(store, draft_id)
            text = fields.get("Text", draft.get_field("Text"))
            draft = select_gap(draft, find_most_similar_gap(draft, text))
            guid = _accept_draft(store, snapshot, draft, forced=forced, another=False)
        else:
            guid = Guid(id)
        card, passage = cards.load_card_and_passage(store, guid)
        event = build_edit_event(passage.key, guid, card, fields, over)
        if event is not None:
            store.record_event(*event)
    return guid


def _find_draft_about_outdated_card(store: Store, guid: str) -> str | None:
    """Return the id of the draft that asks whether a card still fits its passage, or None."""
    for row in pending_drafts.load_drafts_of_outdated_cards(store):
        if row["keeps_text"] and row["revises"] == guid:
            draft_id: str = row["id"]
            return draft_id
    return None


def set_deck_and_tags(
    store: Store,
    guid: Guid,
    *,
    deck: str = "",
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> None:
    """Add tags to a card, remove tags from it, and move it to another deck.

    If `deck` is "", the card stays in its deck.
    """
    with store.action():
        _, passage = cards.load_card_and_passage(store, guid)
        event = build_deck_and_tags_event(passage.key, guid, deck, added, removed)
        store.record_event(*event)


# --- adopting notes of other tools ------------------------------------------------------


def take_over_notes(store: Store, takeovers: Iterable[NoteTakeover]) -> str:
    """Take over notes and schedules from other tools. Drafts become cards.

    Returns the id of the action, which `undo_decision` accepts.
    """
    with store.action() as action:
        for takeover in takeovers:
            snapshot, item = load_card_or_draft(store, takeover.id)
            decision = plan_takeover(snapshot, item, takeover)
            decision_recording.record_decision(store, decision)
        store.set_meta("anki state", "")  # read the notes again
    return action


# --- repairing ----------------------------------------------------------------------------


def record_repair(
    store: Store,
    repair_name: str,
    note_id: int,
    guid: str = "",
    change: NoteRepair | None = None,
) -> None:
    """Record that the user repaired a note in Anki, or chose to leave it as it is.

    The text of our own cards isn't changed; use `edit_item` for that.

    Args:
        store: The store.
        repair_name: The name of the repair, or `cards.LEFT_AS_IS`.
        note_id: The id of the note in Anki.
        guid: The GUID of our card, or of another tool's note in Anki.
        change: The new content of another tool's note, or None to leave it unchanged.
    """
    with store.action():
        if is_card_id(guid):
            _, passage = cards.load_card_and_passage(store, guid)
            key = passage.key
        else:
            key = f"anki/{hash16(guid)}"
            if change is not None:
                store.set_meta("anki state", "")  # read the note again
        event = build_repair_event(key, repair_name, note_id, guid, change)
        store.record_event(*event)


def load_repair_times(store: Store) -> dict[NoteId, str]:
    """Load the times at which notes were last repaired or left as they are, keyed by note id."""
    repairs = cards.iter_active_events(store, "repair")
    return {event.body["nid"]: event.time for event in repairs}


# --- rejecting --------------------------------------------------------------------------


def reject_item(store: Store, id: str, why: str | None = None) -> None:
    """Reject a card or draft, so that nothing more is offered for its sentence.

    If the draft would have revised a card, the card is kept. The exception is a draft with
    `keeps_text`, which asks whether the card still fits its passage: its card is rejected.

    Raises:
        RefusedError: The card has already been rejected, so there would be nothing to undo.
    """
    with store.action():
        snapshot, item = load_card_or_draft(store, id)
        if isinstance(item, Card) and item.verdict is Verdict.REJECTED:
            hint = f"ankiforge undo {id[:10]} undoes that"
            raise RefusedError(f"{id[:10]} is rejected already", hint=hint)
        planned = plan_reject(snapshot, item, why)
        if isinstance(item, StoredDraft) and item.keeps_text and item.revised_guid:
            card, passage = cards.load_card_and_passage(store, item.revised_guid)
            planned = plan_retirement(snapshot, item, card, passage.key, why)
        decision_recording.record_decision(store, planned)


def reject_proposal(store: Store, proposal: Proposal) -> None:
    """Reject a proposal, so that no more proposals are made for its sentence.

    A model may still draft a card for the sentence.
    """
    with store.action():
        snapshot = load_snapshot(store, store.get_passage(proposal.key))
        decision_recording.record_decision(store, plan_reject(snapshot, proposal))


def skip_highlight(store: Store, highlight_key: str, why: str | None = None) -> None:
    """Stop offering new cards for a highlight. Its existing cards stay and can still be revised."""
    with store.action():
        cards.load_highlight_row(store, highlight_key)
        snapshot = load_snapshot(store, store.get_passage(highlight_key))
        refuse_if_question_open(store, snapshot.passage, highlight_key)
        decision_recording.record_decision(store, plan_skip(snapshot, why))
