"""Select the highlights to draft, and record their drafts.

To record drafts, the snapshots of the passages are loaded, `draft_changes` computes the
changes, and these are written. If the drafts of one highlight can't be recorded, the
highlight stays as it was, and the others are still recorded.

In the table `highlight`, the columns `drafted` and `modelled` hold a hash of the content that
the rules and the model drafted last. Setting a column to "" schedules the highlight for
redrafting.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.errors import BugError
from ankiforge.ledger import cards, decision_recording, foreign_history, line_patterns
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.draft_changes import (
    COPY_REASON_PREFIX,
    DraftingChanges,
    DraftingMode,
    compute_draft_changes,
)
from ankiforge.ledger.events import (
    Passage,
    hash_question_and_answer,
    reopens_passage,
)
from ankiforge.ledger.snapshots import HighlightSnapshot
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import Row, Store, to_json
from ankiforge.ledger.tables import duplicates, highlights, pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.pending_drafts import decode_draft
from ankiforge.ledger.tables.snapshots import load_highlight_snapshots
from ankiforge.model import (
    FIGURE_DRAFTER,
    PROPOSAL_DRAFTER,
    DocumentId,
    Draft,
    DraftingResult,
    DraftingStatus,
    Finding,
    Highlight,
    Json,
    SearchTerms,
    Strings,
    TextChange,
    Value,
    Verdict,
)

# --- selecting highlights ---------------------------------------------------------------


# In the order in which keys were issued, because checks compare each draft with earlier ones, and a
# rebuilt ledger should have the same findings.
_UNDRAFTED_QUERY = (
    "SELECT key FROM highlight WHERE state = 'present' AND drafted != content"
    " ORDER BY ifnull((SELECT min(n) FROM event"
    "  WHERE event.key = highlight.key AND what = 'key'), 9e18), document, position"
)
_UNMODELLED_QUERY = (
    "SELECT key FROM highlight WHERE state = 'present' AND modelled != content"
    " ORDER BY document, position"
)


def iter_highlights_to_draft(
    store: Store,
    *,
    by_model: bool = False,
    within: frozenset[DocumentId] | None = None,
    was_asked: Callable[[str], bool] | None = None,
) -> Iterator[Highlight]:
    """Yield the highlights that are new or have changed since they were last drafted.

    Args:
        store: The store.
        by_model: Whether to select highlights for a model instead of the rules. A model gets
            undecided highlights that no model has drafted yet, and highlights whose card may no
            longer fit their changed text.
        within: The documents whose highlights are yielded, or None for all documents.
        was_asked: Takes the key of a highlight, and returns whether a chat was asked about it.
            Such a highlight is yielded even if the user has decided on it since.
    """
    outdated_keys: set[str] = set()
    if by_model:
        column, query = "modelled", _UNMODELLED_QUERY
        rows = pending_drafts.load_drafts_of_outdated_cards(store)
        outdated_keys.update(row["key"] for row in rows)
    else:
        column, query = "drafted", _UNDRAFTED_QUERY
    keys = store.fetch_column(query)
    fields = line_patterns.FieldDetector(store)
    for batch in iter_batches(keys):
        store.preload_passages(batch)
        for row in highlights.load_highlight_rows(store, batch):
            if row["state"] != SourceState.PRESENT or row[column] == row["content"]:
                continue  # it was removed or drafted since the keys were loaded
            if within is not None and row["document"] not in within:
                continue
            passage = store.get_passage(row["key"])
            if by_model:
                is_wanted = _should_ask_model(
                    store, row, passage, was_asked, outdated_keys
                )
            else:
                is_wanted = _should_follow_passage(store, row["key"], passage)
            if not is_wanted:
                continue
            if not cards.is_leading_highlight(store, row["key"], passage.keys):
                continue
            highlight = decode_highlight(row["body"])
            if not passage.live_cards:
                reason = line_patterns.find_skip_reason(store, highlight, fields)
                if reason is not None:
                    highlight = replace(highlight, skip_reason=reason)
            yield highlight


def _should_follow_passage(store: Store, key: str, passage: Passage) -> bool:
    """Return whether the rules draft a passage again.

    The drafts of a model must follow the changed passage even if the passage is skipped.
    """
    if not passage.is_skipped or passage.live_cards:
        return True
    return bool(pending_drafts.find_drafts_of_highlight(store, key))


def iter_answered_highlights(
    store: Store, was_asked: Callable[[str], bool]
) -> Iterator[Highlight]:
    """Yield the highlights that a model or chat has drafted and that haven't changed since.

    `was_asked` takes the key of a highlight, and returns whether to yield it.
    """
    query = "SELECT key FROM highlight WHERE state = 'present' AND modelled = content"
    keys = store.fetch_column(query)
    for batch in iter_batches(filter(was_asked, keys)):
        for row in highlights.load_highlight_rows(store, batch):
            yield decode_highlight(row["body"])


def _should_ask_model(
    store: Store,
    highlight_row: Row,
    passage: Passage,
    was_asked: Callable[[str], bool] | None,
    outdated_keys: Collection[str],
) -> bool:
    """Return whether to send a highlight to a model, or to record a chat's reply about it.

    A highlight isn't sent if it is skipped, left out or a copy of another highlight. If it is
    already decided, it is only sent if the user is being asked whether its card still fits.
    `outdated_keys` are the keys of these highlights.
    """
    if passage.is_skipped and not passage.live_cards:
        return False
    key = highlight_row["key"]
    if highlight_row["fate"] == DraftingStatus.LEFT_OUT:
        return False
    if highlight_row["reason"].startswith(COPY_REASON_PREFIX):
        return False
    if was_asked is not None and was_asked(key):
        return True
    if not passage.needs_no_model:
        # don't ask again while a draft whose acceptance was undone is pending
        has_undone_card = any(
            card.verdict is Verdict.TAKEN_BACK and not reopens_passage(card)
            for card in passage.cards.values()
        )
        return not (
            has_undone_card and pending_drafts.find_drafts_of_highlight(store, key)
        )
    return key in outdated_keys


def schedule_redrafting(store: Store, version: str) -> None:
    """Schedule undecided passages for redrafting if the offline drafters have changed.

    `version` identifies the current offline drafters.
    """
    if store.get_meta("proposals") == version:
        return
    with store.transaction():
        store.set_meta("proposals", version)
        # these are without a card, drafted by a model, or have a proposal or figure as a draft
        store.execute(
            "UPDATE highlight SET drafted = '' WHERE fate = 'no_card' OR modelled != ''"
            " OR key IN (SELECT key FROM draft WHERE drafter IN (?, ?))",
            *(PROPOSAL_DRAFTER, FIGURE_DRAFTER),
        )


# --- recording drafts -------------------------------------------------------------------


class RecordedDrafts(Value):
    """The changed cards, the new drafts and the failures of `record_drafts`."""

    changes: tuple[TextChange, ...] = ()
    """The cards whose text changed, and those whose new text is held back."""
    new_draft_ids: Strings = ()
    """The ids of the drafts that would become new cards."""
    rewording_count: int = 0
    """The number of drafts that would be the new text of a card."""
    failed: tuple[tuple[Highlight, BugError], ...] = ()
    """The highlights whose drafts could not be recorded, each with the error."""


def record_drafts(
    store: Store,
    results: Sequence[DraftingResult],
    compute_terms: Callable[[Draft], SearchTerms],
    *,
    by_model: bool = False,
    keeps_pending: bool = False,
    drafting_id: str = "",
    passages: Mapping[str, HighlightSnapshot] | None = None,
) -> RecordedDrafts:
    """Record the drafts of highlights, or the reasons why there are none.

    Args:
        store: The store.
        results: The checked drafts of each highlight.
        compute_terms: Computes the search terms by which duplicates of a draft are found later.
        by_model: Whether a model created the drafts. If so, pending drafts by the rules are kept.
        keeps_pending: Whether to keep all pending drafts, because the user requested further ones.
        drafting_id: The id under which `undo` reverts all of these drafts, or "" if they can't be
            undone.
        passages: The snapshots of the highlights, keyed by highlight key, or None to load them.
    """
    mode = DraftingMode(
        store.device_id,
        is_model=by_model,
        keeps_pending=keeps_pending,
        after_event_number=store.find_last_event_number() if keeps_pending else 0,
    )
    recorder = _Recorder(store, results, mode, drafting_id, passages, compute_terms)
    with store.transaction():
        errors = store.apply_in_savepoints(list(recorder.result_by_key), recorder.record)
        messages = {key: error.message for key, error in errors.items()}
        pending_drafts.mark_failed(store, messages, by_model=by_model)
    return _summarize(recorder, errors)


class _Recorder:
    """Records the drafts of highlights in batches, and collects what has changed."""

    def __init__(
        self,
        store: Store,
        results: Iterable[DraftingResult],
        mode: DraftingMode,
        drafting_id: str,
        snapshots: Mapping[str, HighlightSnapshot] | None,
        compute_terms: Callable[[Draft], SearchTerms],
    ) -> None:
        self._store = store
        self._mode = mode
        self._drafting_id = drafting_id
        self._loaded_snapshots = snapshots
        self._compute_terms = compute_terms
        self.result_by_key: dict[str, DraftingResult] = {}
        for result in results:
            self.result_by_key[result.highlight.key] = result
        self.changes_by_key: dict[str, DraftingChanges] = {}
        """What was recorded of each highlight."""
        self.updated_cards_by_key: dict[str, list[TextChange]] = {}
        """The cards of each highlight that took the new text of their source."""

    def record(self, keys: Sequence[str]) -> None:
        """Record the drafts of some highlights.

        Cards take the new text of their source first, because this changes their passages.
        """
        snapshots = self._load_snapshots(keys)
        changes = self._compute_changes(keys, snapshots)
        updated_cards: dict[str, list[TextChange]] = {}
        for key, change in changes.items():
            if change.card_updates:
                updated_cards[key] = _update_cards_from_source(self._store, change)
        if updated_cards:
            snapshots = load_highlight_snapshots(self._store, keys)
            changes = self._compute_changes(keys, snapshots, has_updated_cards=True)
        _write_changes(self._store, list(changes.values()), self._mode, self._drafting_id)
        for key in keys:
            drafts = self.result_by_key[key].visible_drafts
            _store_search_terms(self._store, drafts, self._compute_terms)
        self.updated_cards_by_key.update(updated_cards)
        self.changes_by_key.update(changes)

    def _load_snapshots(self, keys: Sequence[str]) -> dict[str, HighlightSnapshot]:
        # a single key may be a retry after its batch failed, so it is loaded again
        if self._loaded_snapshots is None or len(keys) == 1:
            return load_highlight_snapshots(self._store, keys)
        return {key: self._loaded_snapshots[key] for key in keys}

    def _compute_changes(
        self,
        keys: Iterable[str],
        snapshots: Mapping[str, HighlightSnapshot],
        *,
        has_updated_cards: bool = False,
    ) -> dict[str, DraftingChanges]:
        changes = {}
        for key in keys:
            changes[key] = compute_draft_changes(
                snapshots[key],
                self.result_by_key[key],
                self._mode,
                has_updated_cards=has_updated_cards,
            )
        return changes


def _store_search_terms(
    store: Store,
    drafts: Iterable[Draft],
    compute_terms: Callable[[Draft], SearchTerms],
) -> None:
    """Store the search terms by which duplicates of drafts are found."""
    terms = []
    for draft in drafts:
        digest = f"{draft.kind}{hash_question_and_answer(draft.fields)}"
        terms.append((digest, compute_terms(draft)))
    duplicates.store_search_terms(store, terms)


def _summarize(recorder: _Recorder, errors: Mapping[str, BugError]) -> RecordedDrafts:
    """Summarize what was recorded, and what failed."""
    changed_cards: list[TextChange] = []
    new_draft_ids: list[str] = []
    rewording_count = 0
    for key, change in recorder.changes_by_key.items():
        changed_cards += recorder.updated_cards_by_key.get(key, ())
        changed_cards += change.held_changes
        for draft in change.new_waiting:
            if draft.revised_guid:
                rewording_count += 1
            else:
                new_draft_ids.append(draft.id)
    failures = []
    for key, error in errors.items():
        failures.append((recorder.result_by_key[key].highlight, error))
    return RecordedDrafts(
        tuple(changed_cards), tuple(new_draft_ids), rewording_count, tuple(failures)
    )


def _update_cards_from_source(store: Store, change: DraftingChanges) -> list[TextChange]:
    """Give the cards of a passage the new text of their source.

    Returns the changes that the user will see in Anki.
    """
    cards_before = change.snapshot.passage.cards
    guids = [
        decision_recording.record_decision(store, each).body["guid"]
        for each in change.card_updates
    ]
    cards_after = store.get_passage(change.snapshot.highlight.key).cards
    visible_changes = []
    for guid in guids:
        visible_change = cards.find_change_visible_in_anki(
            cards_after[guid], cards_before[guid]
        )
        if visible_change is not None:
            visible_changes.append(visible_change)
    return visible_changes


def make_drafting_id(store: Store) -> str:
    """Create an id for the next drafting by a model or chat."""
    last_id = store.fetch_value("SELECT id FROM drafting ORDER BY rowid DESC LIMIT 1")
    number = int(last_id.rpartition(".")[2]) if last_id else 0
    return f"drafting.{number + 1}"


def _store_drafting(
    store: Store, changes: Sequence[DraftingChanges], drafting_id: str
) -> None:
    """Store what a drafting changed, and what drafting had found before, for its undo."""
    rows: list[Json] = []
    for change in changes:
        if change.can_be_undone:
            row = {
                "id": drafting_id,
                "number": store.find_last_event_number(),
                "key": change.snapshot.highlight.key,
                "content": change.snapshot.content_hash,
                "has_drafts": bool(change.new_waiting or change.dropped_ids),
                "before": to_json(change.snapshot.drafting),
            }
            rows.append(row)
    store.insert("drafting", rows)


def _write_changes(
    store: Store,
    changes: Sequence[DraftingChanges],
    mode: DraftingMode,
    drafting_id: str,
) -> None:
    if drafting_id:
        _store_drafting(store, changes, drafting_id)
    pending_drafts.store_made(store, changes, drafting_id)
    pending_drafts.replace_waiting(
        store, [(change.snapshot, change.waiting) for change in changes]
    )
    pending_drafts.store_drafting_results(store, changes, by_model=mode.is_model)


# --- updating pending drafts ------------------------------------------------------------


def update_decks(store: Store, choose_deck: Callable[[Highlight], str]) -> None:
    """Move each pending draft to the deck that the settings now choose for its highlight."""
    with store.transaction():
        for row in store.fetch_rows(
            "SELECT d.id, d.deck, d.body, h.body AS highlight_body"
            " FROM draft d JOIN highlight h USING (key) WHERE h.body != ''"
        ):
            deck = choose_deck(decode_highlight(row["highlight_body"]))
            if deck != row["deck"]:
                body = to_json(replace(decode_draft(row["body"]), deck=deck))
                query = "UPDATE draft SET deck = ?, body = ? WHERE id = ?"
                store.execute(query, deck, body, row["id"])
                pending_drafts.update_made(store, row["id"], deck=deck)


def drop_declined_findings(store: Store) -> None:
    """Delete the findings about review histories in other tools that the user won't take over."""
    declined_tools = foreign_history.load_declined_tools(store)
    for draft_row in (
        pending_drafts.load_foreign_history_drafts(store) if declined_tools else ()
    ):
        draft = decode_draft(draft_row["body"])
        highlight = decode_highlight(draft_row["highlight_body"])
        kept_findings = []
        for finding in draft.findings:
            if not foreign_history.is_declined_finding(
                highlight, finding.check, declined_tools
            ):
                kept_findings.append(finding)
        pending_drafts.set_findings(store, draft_row["id"], draft, kept_findings)


def replace_findings(
    store: Store, check: str, findings: Mapping[str, Finding | None]
) -> None:
    """Replace the findings of a single check on pending drafts.

    `findings` maps the id of each draft to its new finding, or to None if the draft now passes
    the check.
    """
    with store.transaction():
        for draft_row in pending_drafts.load_draft_rows(store, findings):
            draft = decode_draft(draft_row["body"])
            kept_findings = [
                finding for finding in draft.findings if finding.check != check
            ]
            new_finding = findings[draft_row["id"]]
            if new_finding is not None:
                kept_findings.append(new_finding)
            pending_drafts.set_findings(store, draft_row["id"], draft, kept_findings)
