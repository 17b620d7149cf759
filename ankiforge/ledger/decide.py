"""Record and undo decisions, made by the user or by the policy that accepts drafts automatically.

Each function loads a snapshot of the passage, plans the decision (`decision_plans`) and
records it (`decision_recording`). All events of a decision belong to one action.

A decision archives the pending drafts that it resolves, so that `undo_decision` can restore
them. An undo either reverts everything or is refused with a reason. It is recorded as an
event, but can't itself be undone by the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter

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
from ankiforge.ledger.anki_views import schedule_export_again, was_deleted_while_not_live
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
    plan_adopt,
    plan_reject,
    plan_retirement,
    plan_revision,
    plan_skip,
)
from ankiforge.ledger.draft_completion import (
    compute_draft_id,
    find_nearest_gap,
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
    hash_sides,
)
from ankiforge.ledger.snapshots import PassageSnapshot, find_distinctive_sentences
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
    """Raised for a draft that isn't pending any more, because a decision has resolved it."""


class DraftBatches:
    """Loads pending drafts with their passages, 200 at a time, to decide on all in one transaction.

    A passage is loaded again if it has several keys, or if a decision made in the meantime changed
    the passage or was about one of its sentences.
    """

    def __init__(self, store: Store, ids: Iterable[str]) -> None:
        """Initialize with the ids of the drafts, in the order in which they will be decided."""
        self._store = store
        self._batches = iter_batches(ids)
        self._batch: Sequence[str] = ()
        self._keys: dict[str, str] = {}
        self._snapshots: dict[str, PassageSnapshot] = {}
        self._repeated: set[str] | None = None

    def is_repeated(self, content: str) -> bool:
        """Return whether a card, or another draft of the current batch, has this content hash."""
        if self._repeated is None:
            self._repeated = pending_drafts.find_repeated_content_hashes(
                self._store, self._batch
            )
        return content in self._repeated

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
    """Load a pending draft with the snapshot of its passage.

    If `batches` is given, the draft is taken from it.

    Raises:
        NotPendingError: the draft isn't pending any more.
        RefusedError: a question about the passage is open; see `refuse_if_question_open`.
    """
    batches = batches or DraftBatches(store, [draft_id])
    snapshot = batches.load_snapshot(draft_id)
    if snapshot is not None:
        passage = snapshot.passage
        for draft in snapshot.pending_drafts:
            if draft.id == draft_id and not draft_groups.will_update_card(passage, draft):
                refuse_if_question_open(store, passage, draft.key)
                return snapshot, draft
    raise NotPendingError(
        f"{draft_id} is no longer waiting",
        hint="ankiforge list --view new shows what waits",
    )


def load_item(store: Store, id: str) -> tuple[PassageSnapshot, StoredDraft | Card]:
    """Load a card or pending draft by its id, with a snapshot of its passage.

    Raises:
        RefusedError: no such card or draft exists, or the user must first say whether the
            draft's passage is the missing passage of a card.
    """
    if is_draft_id(id):
        return load_draft(store, id)
    card, passage = cards.load_card_and_passage(store, id)
    return load_snapshot(store, passage), card


def refuse_if_question_open(store: Store, passage: Passage, key: str) -> None:
    """Raise an error if the user has yet to say whether `passage` is the missing one of a card.

    The answer determines which passage a decision belongs to. `key` is the key of the passage to
    name in the message.

    Raises:
        RefusedError: the question is open.
    """
    if draft_groups.find_possible_matches_to_ask(store, passage):
        raise RefusedError(
            f"{key}: first answer whether this is the missing passage of a card",
            hint="ankiforge list --view questions",
        )


class UndoResult(Value):
    """The decisions reverted by an undo."""

    id: str
    """The id of the action that the decisions belonged to."""
    entries: tuple[HistoryEntry, ...]
    """The last of these decisions for each card or draft."""
    draft_count: int | None = None
    """If a drafting by a model or chat was reverted, how many drafts were removed."""
    drafted_count: int = 0
    """If a drafting by a model or chat was reverted, how many highlights were sent."""


def undo_decision(store: Store, target: str = "") -> UndoResult:
    """Undo a decision, or drop drafts that nobody decided on.

    What is undone depends on `target`:

    - the id of an action or event: that decision
    - the GUID of a card, the key of a highlight or the id of a decided draft: the last decision
      about it
    - the id of a pending draft by an agent: the draft, which is dropped
    - "": the user's last decision, or the last drafting by a model or chat if that is later

    Raises:
        RefusedError: no such decision exists, or a later change of the same field depends
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
        reworded_keys = [event.key for event in events if event.kind in REWORDING_KINDS]
        keys_json = to_json(store.get_all_keys(reworded_keys))
        query = (
            f"SELECT id, line FROM standing WHERE key IN {JSON_VALUES}"
            f" AND what IN {JSON_VALUES}"
        )
        rewordings = store.iter_events(query, keys_json, to_json(REWORDING_KINDS))
        refuse_if_later_change(events, rewordings)
        for event in reversed(events):
            store.record_undo(event)
            _apply_undo_effects(store, event)
        # restore the drafts after the undo is recorded; otherwise the decision would resolve them
        event_ids = [event.id for event in events]
        restored_event_ids = decision_recording.restore_drafts(store, event_ids)
        keys_without_drafts = [
            event.key for event in events if event.id not in restored_event_ids
        ]
        highlights.schedule_redrafting_by_rules(
            store, store.get_all_keys(keys_without_drafts)
        )
        decision_recording.update_after_decisions(
            store, dict.fromkeys(event.key for event in events)
        )
        return UndoResult(events[0].undo_id, entries)


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
    return UndoResult(draft_id, ())


def _find_last_drafting(store: Store) -> Row | None:
    """Return the last drafting by a model or chat that can be undone, or None.

    A drafting can be undone if it changed any drafts, or if its highlight still has the same text.
    """
    return store.fetch_first_row(
        "SELECT g.id, g.number, g.rowid FROM drafting g LEFT JOIN highlight h"
        " ON h.key = g.key AND h.content = g.content WHERE h.key IS NOT NULL"
        " OR g.drafts != '[]' OR g.id IN (SELECT event FROM decided)"
        " ORDER BY g.rowid DESC LIMIT 1"
    )


def _find_drafting_to_undo(store: Store) -> Row | None:
    """Return the last drafting by a model or chat, or None if the user has decided since."""
    drafting = _find_last_drafting(store)
    last_event = find_last_user_decision(_iter_active_user_decisions(store))
    if drafting and last_event and last_event.number > drafting["number"]:
        return None
    return drafting


def find_last_action(store: Store) -> tuple[int, int]:
    """Return the number of the last event and the row id of the last drafting, each 0 if none."""
    number: int = store.fetch_value("SELECT coalesce(max(n), 0) FROM event")
    drafting: int = store.fetch_value("SELECT coalesce(max(rowid), 0) FROM drafting")
    return number, drafting


def is_last_action(store: Store, action: tuple[int, int]) -> bool:
    """Return whether no decision or drafting after `action` can be undone.

    `action` is an earlier result of `find_last_action`.
    """
    last_event = find_last_user_decision(_iter_active_user_decisions(store))
    last_drafting = _find_last_drafting(store)
    return not (
        (last_event and last_event.number > action[0])
        or (last_drafting and last_drafting["rowid"] > action[1])
    )


def _undo_drafting(store: Store, id: str) -> UndoResult:
    with store.transaction():
        rows = store.fetch_rows("SELECT key FROM drafting WHERE id = ?", id)
        keys = [row["key"] for row in rows]
        deleted_rows = store.fetch_rows(
            "DELETE FROM draft WHERE id IN (SELECT j.value FROM drafting g, json_each(g.drafts) j"
            " WHERE g.id = ?) RETURNING id",
            id,
        )
        draft_ids = {row["id"] for row in deleted_rows}
        store.execute(
            "UPDATE highlight SET modelled = g.modelled, declined = g.declined, worth = g.worth,"
            " reason = g.reason, fate = g.fate FROM drafting g"
            " WHERE g.id = ? AND g.key = highlight.key AND g.content = highlight.content",
            id,
        )
        store.execute("DELETE FROM drafting WHERE id = ?", id)
        decision_recording.restore_drafts(store, [id])
        passages = {store.get_first_key(key) for key in keys}
        decision_recording.update_pending_drafts(store, sorted(passages))
        # record that drafts whose acceptance was undone aren't pending any more; otherwise, the
        # next drafting would restore them from the journal
        for snapshot in load_highlight_snapshots(store, keys).values():
            last_accepts = {}
            events = store.load_events(snapshot.passage.keys)
            for event in sorted(events, key=attrgetter("order")):
                if event.kind == "accept":
                    last_accepts[event.body["guid"]] = event
            for card, draft in iter_undone_drafts(snapshot):
                if compute_draft_id(draft) in draft_ids and card.guid in last_accepts:
                    store.record_undo(last_accepts[card.guid], DRAFTING_UNDONE_REASON)
    return UndoResult(id, (), len(draft_ids), len(keys))


def find_decided_draft_ids(store: Store, prefix: str) -> list[str]:
    """Find the ids of decided drafts that begin with `prefix`.

    Includes the GUIDs that the cards of rejected drafts would have had.
    """
    guids = [event.body.get("guid", "") for event in _iter_active_rejections(store)]
    query = "SELECT DISTINCT id FROM decided WHERE substr(id, 1, length(?1)) = ?1"
    rows = store.fetch_rows(query, prefix)
    ids = [*(row["id"] for row in rows), *dict.fromkeys(guids)]
    return [id for id in ids if id.startswith(prefix)]


def _summarize_decisions(
    store: Store, events: Iterable[Event]
) -> tuple[HistoryEntry, ...]:
    """Build one history entry per card or draft, from the last event about it.

    An event about a whole passage gets an entry only if no other event is about that passage.
    """
    last_events: dict[tuple[str, str], Event] = {}
    for event in events:
        subject = event.body.get("guid") or event.body.get("content", "")
        if event.kind == "mark":
            subject = event.id
        last_events[event.key, subject] = event
    keys_with_subject = {key for key, subject in last_events if subject}
    entries = []
    for (key, subject), event in last_events.items():
        if subject or key not in keys_with_subject:
            entries.append(cards.load_history_entry(store, event))
    return tuple(entries)


def can_undo(store: Store, action: str) -> bool:
    """Return whether an action can be undone, i.e. whether it recorded any events.

    For example, the answer to whether a source's missing documents were deleted isn't recorded
    as an event.
    """
    return any(cards.iter_action_events(store, action))


def count_accepted_cards(store: Store, action: str) -> int:
    """Count the cards that an action created by accepting drafts."""
    return sum(
        event.kind == "accept" for event in cards.iter_action_events(store, action)
    )


def _find_events_to_undo(store: Store, target: str) -> list[Event]:
    """Find the events to undo for a `target` of `undo_decision`, oldest first.

    Raises:
        RefusedError: no such decision exists.
    """
    guid = ""
    keys: Strings = ()
    query = (
        "SELECT id, line FROM standing WHERE id IN (SELECT event FROM decided WHERE id = ?)"
        " ORDER BY n DESC LIMIT 1"
    )
    put_away_by = next(store.iter_events(query, target), None)
    if put_away_by is not None:
        guid = put_away_by.body.get("guid", "")
        if not guid:  # the decision was about another card
            return [put_away_by]
        keys = store.get_keys(put_away_by.key)
    elif is_card_id(target):
        guid = target
        try:
            keys = cards.load_card_and_passage(store, guid)[1].keys
        except (
            RefusedError
        ):  # it may be the GUID that a rejected draft's card would have had
            rejections = _iter_active_rejections(store)
            rejected = [each.key for each in rejections if each.body.get("guid") == guid]
            if not rejected:
                raise
            keys = store.get_keys(rejected[0])
    elif is_highlight_key(target):
        keys = store.get_keys(target)
    if keys:
        query = (
            f"SELECT id, line FROM standing WHERE key IN {JSON_VALUES}"
            f" AND what NOT IN {JSON_VALUES}"
        )
        events = store.iter_events(query, to_json(keys), to_json(NON_DECISION_KINDS))
        last_event = find_last_decision(events, guid)
    elif target:  # the id of an action or event
        last_event = next(_iter_active_decisions_of_action(store, target), None)
    else:
        last_event = find_last_user_decision(_iter_active_user_decisions(store))
    if last_event is None:
        about = f"nothing about {target} can be undone" if target else "nothing to undo"
        hint = _RECENT_HINT
        if not target and pending_drafts.load_draft_ids(store, "llm"):
            about += ": these drafts are older than the database, which was rebuilt"
            hint = "ankiforge reject --all --filter drafter:llm"
        raise RefusedError(about, hint=hint)
    action_events = (
        _iter_active_decisions_of_action(store, last_event.action_id)
        if last_event.action_id
        else ()
    )
    return select_events_to_undo(last_event, action_events, keys, guid)


def _iter_active_decisions_of_action(store: Store, id: str) -> Iterator[Event]:
    """Yield the decisions of an action that weren't undone.

    An action groups the decisions of one command or key press. `id` may also be the id of a
    single decision.
    """
    query = (
        "SELECT id, line FROM standing WHERE ((act = ?1 AND act != '') OR id = ?1)"
        f" AND what NOT IN {JSON_VALUES}"
    )
    return store.iter_events(query, id, to_json(NON_DECISION_KINDS))


def _iter_active_rejections(store: Store) -> Iterator[Event]:
    """Yield all rejections that weren't undone, newest first."""
    query = "SELECT id, line FROM standing WHERE what = 'reject' ORDER BY n DESC"
    return store.iter_events(query)


def _iter_active_user_decisions(store: Store) -> Iterator[Event]:
    """Yield the user's decisions on this device that weren't undone, newest first."""
    query = (
        "SELECT id, line FROM standing WHERE by = 'person' AND machine = ?"
        f" AND what NOT IN {JSON_VALUES} ORDER BY n DESC"
    )
    return store.iter_events(query, store.device_id, to_json(NON_DECISION_KINDS))


def _apply_undo_effects(store: Store, event: Event) -> None:
    if event.kind == "adopt":
        store.set_meta("anki state", "")
    if should_reopen_conflict(event):
        card, _ = cards.load_card_and_passage(store, event.body["guid"])
        body = build_restoring_edit(event, card)
        if body:
            store.record_event("edit", event.key, POLICY, body)
    if event.kind in ("retire", "reject"):
        guid = event.body.get("guid", "")
        if event.body.get("why") == DELETED_REASON or was_deleted_while_not_live(
            store, guid
        ):
            schedule_export_again(store, event.key, guid)
    if event.kind == "mark":
        chosen_passages.unselect_passage(store, event)
    if event.kind == "decline":
        foreign_history.schedule_drafting_of_tool(store, event.key)
    if event.kind == "form":
        # draft the highlights that the answer left out; those with a draft aren't left out any more
        store.execute("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")
        store.execute(
            "UPDATE highlight SET fate = '', reason = ''"
            " WHERE fate = 'left_out' AND key IN (SELECT key FROM draft)"
        )


# --- decisions --------------------------------------------------------------------------


class PolicyProgress(Value):
    """The progress of `accept_clean_drafts`, with the result of its last batch."""

    done: int
    """The number of drafts considered so far."""
    total: int
    """The number of drafts to consider."""
    guids: tuple[Guid, ...] = ()
    """The created cards."""
    failed: tuple[tuple[Highlight, BugError], ...] = ()
    """The highlights whose draft could not be accepted, each with the error."""


def accept_clean_drafts(
    store: Store, allows: Callable[[Draft], bool]
) -> Iterator[PolicyProgress]:
    """Accept the drafts without warnings that the settings allow the policy to accept.

    A draft whose acceptance fails stays pending, and the others are still accepted. Each
    batch is one transaction, so the batches before an interruption are kept.

    `allows` takes a draft without warnings, and returns whether the settings allow accepting
    it.

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
            if allows(pending_drafts.decode_draft(draft_row["body"])):
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
    """Accept drafts by policy, returning their cards and the failed drafts' errors."""
    guid_by_id: dict[str, Guid] = {}
    highlight_by_id: dict[str, Highlight] = {}

    def accept(ids: Sequence[str]) -> None:
        for id in ids:
            guid_by_id.pop(id, None)  # from a failed attempt, which was rolled back
        batches = DraftBatches(store, ids)
        for draft in draft_groups.iter_pending_drafts(store, ids):
            highlight_by_id[draft.id] = draft.highlight
            if draft.remarks or draft.changed_guid:  # the user must decide
                continue
            if snapshot := batches.load_snapshot(draft.id):
                guid_by_id[draft.id] = make_card(store, snapshot, draft, by=POLICY)

    with store.transaction():
        errors = store.apply_in_savepoints(ids, accept)
    failed = []
    for id, error in errors.items():
        if id not in highlight_by_id:  # the draft can't be loaded
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
        store: the store.
        id: the id of the draft.
        gap: for a proposal, the number of the selected gap, counting from 1.
        masks: for a figure, the masks in the format of the card's field, or "" to keep
            those detected.
        forced: whether to override a check that blocks the draft.
        another: whether to create a new card even if the draft revises an existing one.
        batches: the loader of drafts to use when accepting many, or None.

    Returns:
        The GUID of the card.

    Raises:
        RefusedError: a check blocks the draft, the draft isn't pending any more or has no such
            gap, or the user must first say whether its passage is the missing one of a card.
    """
    if is_card_id(id):
        card, passage = cards.load_card_and_passage(store, id)
        if card.verdict is Verdict.TAKEN_BACK:  # its draft may be gone with its mark
            with store.action():
                return make_card(store, load_snapshot(store, passage), card)
        raise _make_decided_error(store, id)
    with store.action():
        snapshot, draft = load_draft(store, id, batches)
        draft = select_gap(draft, gap)
        if masks:
            draft = replace(draft, fields=_replace_masks(draft, masks))
        else:
            _refuse_blocked(draft, forced=forced)
        content = hash_sides(draft.fields)
        is_as_drafted = gap == 1 and not masks
        may_have_equal = not (batches and is_as_drafted) or batches.is_repeated(content)
        if may_have_equal and (another or not draft.revised_guid):
            for equal_row in draft_groups.find_equal_cards(
                store, snapshot.passage, content
            ):
                if equal_row["live"]:
                    different_event = build_different_passages_event(
                        snapshot.passage.key, equal_row["passage"]
                    )
                    decision_recording.record_event(store, different_event)
        return _accept_draft(store, snapshot, draft, forced=forced, another=another)


def _make_decided_error(store: Store, guid: str) -> RefusedError:
    card, _ = cards.load_card_and_passage(store, guid)
    status = "accepted already" if card.is_live else card.verdict.value
    hint = f"ankiforge undo {guid[:10]} undoes that"
    return RefusedError(f"{guid[:10]} is {status}", hint=hint)


def _refuse_blocked(draft: StoredDraft, *, forced: bool) -> None:
    """Raise `RefusedError` if a check blocks a draft, unless `forced` overrides the check.

    A figure without masks can't be forced, because Anki rejects such a note.
    """
    hint = f"ankiforge edit {draft.id}, or accept --force {draft.id}"
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
    makes_another = another and not (draft.is_numbered_user_text or draft.keeps_text)
    if not draft.revised_guid or makes_another:
        return make_card(store, snapshot, draft, forced=forced)
    guid = draft.revised_guid
    card, passage = cards.load_card_and_passage(store, guid)
    decision_recording.record_decision(
        store, plan_revision(snapshot, draft, card, passage.key)
    )
    return guid


def _replace_masks(content: CardContent, masks: str) -> Fields:
    """Return the fields of a figure with its masks replaced, keeping picture and labels.

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
            decision_recording.record_event(
                store, build_revise_event(passage.key, card.guid, masked_card, USER)
            )


def make_card(
    store: Store,
    snapshot: PassageSnapshot,
    content: CardContent,
    *,
    by: str = USER,
    forced: bool = False,
) -> Guid:
    """Create a card from a draft or the user's own text, and update the drafts it affects.

    `by` is `USER` or `POLICY`. `forced` records that the user overrode a check that blocks
    the draft.
    """
    event = decision_recording.record_decision(
        store, plan_accept(snapshot, content, by, forced=forced)
    )
    guid = Guid(event.body["guid"])
    if by == USER and was_deleted_while_not_live(store, guid):
        schedule_export_again(store, snapshot.passage.key, guid)
    return guid


def make_card_without_draft(store: Store, content: CardContent) -> Guid:
    """Create a card from text without a stored draft: the user's own text or a proposal."""
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
    """Edit a card, or accept a draft with edited fields, and return the card's GUID.

    The edited fields are then pinned, so changes in the source no longer replace them. `over`
    maps the name of each field whose text in Anki the edit replaces to that text, as (hash of
    the HTML, Markdown).
    """
    with store.action():
        for row in pending_drafts.load_drafts_of_outdated_cards(store):
            if row["keeps_text"] and row["revises"] == id:
                id = row["id"]  # the edit also answers whether the card still fits
        if is_draft_id(id):  # checks don't block, because the draft's text is replaced
            snapshot, draft = load_draft(store, id)
            text = fields.get("Text", draft.get_field("Text"))
            draft = select_gap(draft, find_nearest_gap(draft, text))
            guid = _accept_draft(store, snapshot, draft, forced=forced, another=False)
        else:
            guid = Guid(id)
        card, passage = cards.load_card_and_passage(store, guid)
        event = build_edit_event(passage.key, guid, card, fields, over)
        if event is not None:
            decision_recording.record_event(store, event)
    return guid


def set_deck_and_tags(
    store: Store,
    guid: Guid,
    *,
    deck: str = "",
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> None:
    """Add and remove tags of a card and, unless `deck` is "", move the card to another deck."""
    with store.action():
        _, passage = cards.load_card_and_passage(store, guid)
        decision_recording.record_event(
            store, build_deck_and_tags_event(passage.key, guid, deck, added, removed)
        )


# --- adopting notes of other tools ------------------------------------------------------


def adopt_notes(store: Store, chosen: Iterable[NoteTakeover]) -> str:
    """Take over notes and schedules from other tools, turning drafts into cards.

    Returns the id of the action, by which all of this can be undone.
    """
    with store.action() as action:
        for note in chosen:
            snapshot, item = load_item(store, note.id)
            decision_recording.record_decision(store, plan_adopt(snapshot, item, note))
        store.set_meta("anki state", "")  # read the notes again
    return action


# --- repairing ----------------------------------------------------------------------------


def record_repair(
    store: Store, name: str, nid: int, guid: str = "", change: NoteRepair | None = None
) -> None:
    """Record that the user repaired a note in Anki, or chose to leave it as it is.

    This doesn't change the text of our own cards; use `edit_item` for that.

    Args:
        store: the store.
        name: the name of the repair, or `cards.LEFT_AS_IS`.
        nid: the id of the note in Anki.
        guid: the GUID of our card, or of another tool's note in Anki.
        change: the new content of another tool's note, or None to leave it unchanged.
    """
    with store.action():
        key = f"anki/{hash16(guid)}"
        if is_card_id(guid):
            _, passage = cards.load_card_and_passage(store, guid)
            key = passage.key
        elif change is not None:
            store.set_meta("anki state", "")  # read the note again
        decision_recording.record_event(
            store, build_repair_event(key, name, nid, guid, change)
        )


def load_repair_times(store: Store) -> dict[NoteId, str]:
    """Return the time when each note was last repaired or left as it is, keyed by note id."""
    repairs = cards.iter_active_events(store, "repair")
    return {event.body["nid"]: event.time for event in repairs}


# --- rejecting --------------------------------------------------------------------------


def reject_item(store: Store, id: str, why: str = "") -> None:
    """Reject a card or draft, so that nothing more is offered for its sentence.

    If the draft would have revised a card, the card is kept. A draft with `keeps_text` asks whether
    the card still fits its passage, so rejecting the draft rejects the card.

    Raises:
        RefusedError: the card has already been rejected, so there would be nothing to undo.
    """
    with store.action():
        snapshot, item = load_item(store, id)
        if isinstance(item, Card) and item.verdict is Verdict.REJECTED:
            hint = f"ankiforge undo {id[:10]} undoes that"
            raise RefusedError(f"{id[:10]} is rejected already", hint=hint)
        planned = plan_reject(snapshot, item, why)
        if isinstance(item, StoredDraft) and item.keeps_text and item.revised_guid:
            card, passage = cards.load_card_and_passage(store, item.revised_guid)
            planned = plan_retirement(snapshot, item, card, passage.key, why)
        decision_recording.record_decision(store, planned)


def reject_proposal(store: Store, proposal: Proposal) -> None:
    """Reject a proposal, so that no other proposal is made for its sentence.

    A model may still draft a card for the sentence.
    """
    with store.action():
        snapshot = load_snapshot(store, store.get_passage(proposal.key))
        decision_recording.record_decision(store, plan_reject(snapshot, proposal))


def skip_highlight(store: Store, highlight_key: str, why: str = "") -> None:
    """Stop offering new cards for a highlight. Existing cards stay and can be revised."""
    with store.action():
        cards.load_highlight_row(store, highlight_key)
        snapshot = load_snapshot(store, store.get_passage(highlight_key))
        refuse_if_question_open(store, snapshot.passage, highlight_key)
        decision_recording.record_decision(store, plan_skip(snapshot, why))
