"""The table `made` with what drafters made, and `draft` with the drafts that wait.

`draft` is computed from `made` and from the decisions (`ledger.waiting`). Drafts with the same
offer are alternatives that the user decides on together. The module also writes the result of
drafting to the row of a highlight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.ledger.draft_changes import DraftingChanges
from ankiforge.ledger.events import hash_question_and_answer
from ankiforge.ledger.snapshots import DraftingState, PassageSnapshot
from ankiforge.ledger.store import (
    JSON_VALUES,
    Row,
    Store,
    join_card_fields,
    normalize_tag,
    to_json,
    to_list_column,
)
from ankiforge.ledger.waiting import Waiting, get_draft_answer
from ankiforge.model import (
    AGENT_DRAFTER,
    OTHER_NOTE_CHECK,
    OTHER_SCHEDULE_CHECK,
    PROPOSAL_DRAFTER,
    Draft,
    DraftingStatus,
    Finding,
    Guid,
    Json,
    Pair,
    StoredDraft,
)

decode_draft = msgspec.json.Decoder(Draft).decode
"""Decode the JSON in a `body` column to a `Draft`."""
_COMPARING_CHECKS = ("duplicate", "similar", "same_front")
"""The checks whose findings may name another card or draft."""

# --- in reading order -------------------------------------------------------------------


def sort_by_reading_order(store: Store, ids: Iterable[str]) -> list[str]:
    """Sort drafts into reading order, and drop those whose highlight is no longer in its source."""
    query = f"SELECT id FROM readable WHERE id IN {JSON_VALUES} ORDER BY document, place, position"
    return store.fetch_column(query, to_json(list(ids)))


def find_drafts_of_highlights(
    store: Store, keys: Iterable[str], *, new: bool = False
) -> list[str]:
    """Return the ids of the drafts of these highlights, in reading order.

    Highlights that are no longer in their source are skipped. If `new`, drafts that would revise
    a card are skipped as well.
    """
    return store.fetch_column(
        f"SELECT id FROM readable WHERE key IN {JSON_VALUES} AND (revises = '' OR NOT ?)"
        " ORDER BY document, place, position",
        to_json(list(keys)),
        new,
    )


def load_draft_ids(store: Store, drafter: str = "") -> list[str]:
    """Load the ids of all drafts whose highlight is still in its source, in reading order.

    If `drafter` is given, only the drafts of this drafter are included.
    """
    return store.fetch_column(
        "SELECT id FROM readable WHERE ?1 = '' OR drafter = ?1"
        " ORDER BY document, place, position",
        drafter,
    )


# --- lookups ----------------------------------------------------------------------------


def row_to_draft(row: Row) -> StoredDraft:
    """Convert a row of the table `draft` to a draft."""
    return StoredDraft(
        **asdict(decode_draft(row["body"])),
        id=row["id"],
        revised_guid=Guid(row["revises"]) if row["revises"] else None,
        replaced_guid=Guid(row["replaces"]) if row["replaces"] else None,
        offer_id=row["offer"],
        sentence_hashes=tuple(row["fact"].split()),
        similar_removed_sentence=row["near"],
        after_event_number=row["since"],
    )


def row_to_made_draft(row: Row) -> StoredDraft:
    """Convert a row of the table `made` to a draft."""
    return StoredDraft(
        **asdict(decode_draft(row["body"])),
        id=row["id"],
        offer_id="",
        sentence_hashes=tuple(row["fact"].split()),
        revised_guid=Guid(row["revises"]) if row["revises"] else None,
        replaced_guid=None,
        similar_removed_sentence="",
        after_event_number=row["since"],
        position=row["position"],
    )


def load_draft_rows(store: Store, ids: Iterable[str]) -> list[Row]:
    """Load the rows of the drafts with these ids."""
    return store.fetch_rows(
        f"SELECT * FROM draft WHERE id IN {JSON_VALUES}", to_json(list(ids))
    )


def load_draft_keys(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Load the key of each draft's highlight, keyed by draft id. Unknown ids are skipped."""
    query = f"SELECT id, key FROM draft WHERE id IN {JSON_VALUES}"
    return {row["id"]: row["key"] for row in store.fetch_rows(query, to_json(list(ids)))}


def find_repeated_content_hashes(store: Store, ids: Iterable[str]) -> set[str]:
    """Return the content hashes that several of these drafts share, or a draft and a card."""
    content_hashes = store.fetch_column(
        f"SELECT content FROM draft WHERE id IN {JSON_VALUES} GROUP BY content HAVING count(*) > 1"
        " OR EXISTS (SELECT 1 FROM card WHERE card.content = draft.content)"
        " OR EXISTS (SELECT 1 FROM card WHERE card.source = draft.content)",
        to_json(list(ids)),
    )
    return set(content_hashes)


def load_drafts_of_outdated_cards(store: Store) -> list[Row]:
    """Load the pending drafts of outdated cards that should be reworded by a model.

    These are the drafts that keep the text of their card (`keeps_text`), and the drafts with which
    the rules would reword a card of a model or chat.

    Returns:
        Rows with `id`, `key`, `revises` (the GUID of the card) and `keeps_text`.
    """
    return store.fetch_rows(
        "SELECT d.id, d.key, d.revises, json_extract(d.body, '$.keeps_text') AS keeps_text"
        " FROM draft d JOIN highlight h ON h.key = d.key AND h.state = 'present'"
        " JOIN card c ON c.guid = d.revises WHERE d.revises != ''"
        " AND (json_extract(d.body, '$.keeps_text')"
        "  OR (d.drafter = ? AND c.drafter = 'llm'))"
        " ORDER BY d.key, d.id",
        PROPOSAL_DRAFTER,
    )


def find_drafts_of_highlight(store: Store, key: str) -> list[str]:
    """Return the ids of a highlight's drafts, sorted by position."""
    query = "SELECT id FROM draft WHERE key = ? ORDER BY position, id"
    return store.fetch_column(query, key)


def find_revisions(store: Store, guids: Iterable[str]) -> list[str]:
    """Return the ids of the drafts that would revise one of these cards."""
    query = f"SELECT id FROM draft WHERE revises != '' AND revises IN {JSON_VALUES}"
    return store.fetch_column(query, to_json(list(guids)))


def load_drafts_with_duplicate_finding(store: Store) -> list[Row]:
    """Load the rows of the drafts with a finding that may name another card or draft."""
    rows = store.fetch_rows("SELECT * FROM draft WHERE findings != ''")
    return [
        row
        for row in rows
        if any(check in row["findings"] for check in _COMPARING_CHECKS)
    ]


def load_foreign_history_drafts(store: Store) -> list[Row]:
    """Load the rows of the drafts with a finding about a note or schedule in another tool.

    The columns include the `state` of the highlight and, as `highlight_body`, its JSON.
    """
    return store.fetch_rows(
        "SELECT d.id, d.key, d.body, d.revises, h.state, h.body AS highlight_body"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        " WHERE d.findings GLOB ? OR d.findings GLOB ?",
        f"*\n{OTHER_NOTE_CHECK}\n*",
        f"*\n{OTHER_SCHEDULE_CHECK}\n*",
    )


# --- writing ----------------------------------------------------------------------------


def set_findings(
    store: Store, id: str, draft: Draft, findings: Iterable[Finding]
) -> None:
    """Replace the findings of a stored draft, unless they haven't changed."""
    new_findings = tuple(findings)
    if new_findings == draft.findings:
        return
    severity, listed_findings = summarize_findings(new_findings)
    body = to_json(replace(draft, findings=new_findings))
    query = "UPDATE draft SET severity = ?, findings = ?, body = ? WHERE id = ?"
    store.execute(query, severity, listed_findings, body, id)
    update_made(store, id, findings=new_findings)


def update_made(store: Store, id: str, **values: object) -> None:
    """Change the deck or the findings of a draft as it was made."""
    body = store.fetch_value("SELECT body FROM made WHERE id = ? AND dropped = ''", id)
    if body:
        made = to_json(replace(decode_draft(body), **values))
        query = "UPDATE made SET body = ? WHERE id = ? AND dropped = ''"
        store.execute(query, made, id)


def store_made(store: Store, changes: Sequence[DraftingChanges], batch: str = "") -> None:
    """Store the drafts that were made, in place of those that they replace.

    What a drafting with an id (`batch`) replaces is kept for its undo.
    """
    for change in changes:
        if batch:
            query = (
                "UPDATE OR REPLACE made SET dropped = ?"
                f" WHERE dropped = '' AND id IN {JSON_VALUES}"
            )
            store.execute(query, batch, to_json(change.dropped_ids))
        else:
            # a draft that was made again keeps its row
            dropped_ids = set(change.dropped_ids)
            dropped_ids -= {draft.id for draft in change.made}
            query = f"DELETE FROM made WHERE dropped = '' AND id IN {JSON_VALUES}"
            store.execute(query, to_json(sorted(dropped_ids)))
        for draft in change.made:
            _store_made_draft(store, draft, change.snapshot.highlight.key, batch)


def _store_made_draft(store: Store, draft: StoredDraft, key: str, batch: str) -> None:
    """Store a draft as it was made. A draft that was made before keeps its batch."""
    store.execute(
        "INSERT INTO made VALUES (?, ?, ?, ?, ?, ?, ?, '', ?) ON CONFLICT DO UPDATE SET"
        " position = excluded.position, fact = excluded.fact,"
        " revises = excluded.revises, since = excluded.since, body = excluded.body",
        *(draft.id, key, draft.position, " ".join(draft.sentence_hashes)),
        *(draft.revised_guid or "", draft.after_event_number, batch),
        to_json(draft.to_draft()),
    )


def undo_batch(store: Store, batch: str) -> list[Row]:
    """Delete the drafts that a drafting made, and bring back those that it replaced."""
    rows = store.fetch_rows(
        "DELETE FROM made WHERE batch = ? AND dropped = '' RETURNING id, revises, body",
        batch,
    )
    store.execute("UPDATE OR REPLACE made SET dropped = '' WHERE dropped = ?", batch)
    return rows


def replace_waiting(
    store: Store, changes: Sequence[tuple[PassageSnapshot, Waiting]]
) -> None:
    """Replace the waiting drafts of passages in the table `draft`."""
    keys: list[str] = []
    rows: list[Json] = []
    for snapshot, waiting in changes:
        store.log(_iter_log_lines(snapshot.pending_drafts, waiting.drafts))
        keys += snapshot.passage.keys
        for draft in waiting.drafts:
            rows.append(_to_row(draft, snapshot.passage.key))
    store.execute(f"DELETE FROM draft WHERE key IN {JSON_VALUES}", to_json(keys))
    store.insert("draft", rows, verb="INSERT OR REPLACE")


def _iter_log_lines(
    drafts_before: Iterable[StoredDraft], drafts: Iterable[StoredDraft]
) -> Iterator[str]:
    """Yield a line for each draft that has begun or ceased to wait."""
    old_ids = {draft.id for draft in drafts_before}
    new_ids = {draft.id for draft in drafts}
    for id in sorted(old_ids - new_ids):
        yield f"draft {id} no longer waits"
    for id in sorted(new_ids - old_ids):
        yield f"draft {id} waits"


def _to_row(draft: StoredDraft, passage_key: str) -> Json:
    severity, findings = summarize_findings(draft.findings)
    return {
        "id": draft.id,
        "key": draft.key,
        "passage": passage_key,
        "offer": draft.offer_id,
        "content": hash_question_and_answer(draft.fields),
        "slot": draft.stored_text_number,
        "position": draft.position,
        "kind": draft.kind.value,
        "deck": draft.deck,
        "drafter": draft.origin.drafter,
        "severity": severity,
        "fact": " ".join(draft.sentence_hashes),
        "near": draft.similar_removed_sentence,
        "revises": draft.revised_guid or "",
        "replaces": draft.replaced_guid or "",
        "since": draft.after_event_number,
        "answer": get_draft_answer(draft),
        "findings": findings,
        "tags": to_list_column(map(normalize_tag, draft.tags)),
        "words": join_card_fields(draft.fields),
        "body": to_json(draft.to_draft()),
    }


def summarize_findings(findings: Sequence[Finding]) -> Pair:
    """Compute the values of the columns `severity` and `findings` for a draft.

    Returns:
        The worst severity, or "" if there are no findings, and a list column with the names of
        all checks and severities.
    """
    checks = [finding.check for finding in findings]
    severities = [finding.severity.value for finding in findings]
    worst_severity = ""
    for severity in ("block", "warn", "info"):
        if severity in severities:
            worst_severity = severity
            break
    return worst_severity, to_list_column(dict.fromkeys((*checks, *severities)))


def delete_drafts(store: Store, ids: Iterable[str]) -> None:
    """Delete drafts as if they had never been made."""
    rows = [(id,) for id in ids]
    store.execute_all("DELETE FROM draft WHERE id = ?", rows)
    store.execute_all("DELETE FROM made WHERE id = ? AND dropped = ''", rows)


def delete_drafts_of_highlights(
    store: Store, keys: Iterable[str], *, repeatable: bool = False
) -> list[str]:
    """Delete the drafts of these highlights.

    If `repeatable`, only drafts that the rules can create again are deleted. The drafts of models,
    chats and agents stay, and are pending again as soon as their highlights reappear.

    Returns:
        The key of the highlight of each deleted draft.
    """
    rows = store.fetch_rows(
        f"DELETE FROM draft WHERE key IN {JSON_VALUES}"
        " AND NOT (? AND drafter IN ('llm', ?)) RETURNING id, key",
        to_json(list(keys)),
        repeatable,
        AGENT_DRAFTER,
    )
    delete_drafts(store, [row["id"] for row in rows])
    return [row["key"] for row in rows]


def store_drafting_results(
    store: Store, changes: Iterable[DraftingChanges], *, by_model: bool
) -> None:
    """Write what drafting has found to the rows of the highlights and of their sentences."""
    states: dict[str, DraftingState] = {}
    drafted_hashes: list[tuple[str, str]] = []
    for change in changes:
        key = change.snapshot.highlight.key
        if change.drafting is not None:
            states[key] = change.drafting
            drafted_hashes.append((change.drafted_hash, key))
        if change.usefulness_by_sentence is not None:
            _rate_sentences(store, key, change.usefulness_by_sentence)
    save_drafting_states(store, states)
    if not by_model:
        query = "UPDATE highlight SET drafted = ? WHERE key = ?"
        store.execute_all(query, drafted_hashes)


def save_drafting_states(store: Store, states: Mapping[str, DraftingState]) -> None:
    """Write what drafting has found to the rows of highlights. `states` is keyed by highlight."""
    rows = [{"key": key, **asdict(state)} for key, state in states.items()]
    store.execute_all(
        "UPDATE highlight SET modelled = :modelled_hash, declined = :declined_hash,"
        " worth = :usefulness, reason = :reason, fate = :status WHERE key = :key",
        rows,
    )


def _rate_sentences(
    store: Store, key: str, usefulness_by_sentence: Mapping[str, float]
) -> None:
    """Store how useful a card of each sentence of a highlight would be."""
    store.execute("UPDATE sentence SET worth = NULL WHERE key = ?", key)
    rows = [(worth, name, key) for name, worth in usefulness_by_sentence.items()]
    query = "UPDATE sentence SET worth = ? WHERE name = ? AND key = ?"
    store.execute_all(query, rows)


def mark_failed(store: Store, messages: Mapping[str, str], *, by_model: bool) -> None:
    """Record why the drafts of highlights couldn't be recorded, and schedule their redrafting.

    Args:
        store: The store.
        messages: The error message of each highlight, keyed by highlight key.
        by_model: Whether a model made the drafts, so that it is asked again.
    """
    query = "UPDATE highlight SET drafted = '', fate = ?, reason = ? WHERE key = ?"
    if by_model:
        query = "UPDATE highlight SET modelled = '', fate = ?, reason = ? WHERE key = ?"
    for key, message in messages.items():
        store.execute(query, DraftingStatus.FAILED, message, key)
