"""The table `highlight`, with every highlight that a source of this workspace has or had.

A highlight is *present* if its source contained it at the last scan, and otherwise *absent*:
missing, gone, unselected, or known only from the journal. Its *folded text* consists of letters and
digits only, to find equal texts. Queries for absent highlights also contain `state != 'present'`,
because SQLite then uses the small index of these highlights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ankiforge.ledger.draft_changes import COPY_REASON_PREFIX
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import (
    FIGURE_DRAFTER,
    PROPOSAL_DRAFTER,
    WORD_AND_TRANSLATION,
    DocumentId,
    Highlight,
    Json,
)

decode_highlight_body = msgspec.json.Decoder(Highlight).decode
"""Decode the JSON in a `body` column to a `Highlight`."""


def decode_highlight(row: Row) -> Highlight:
    """Decode the highlight stored in a row. It must have been read on this device."""
    return decode_highlight_body(row["body"])


# --- by key -----------------------------------------------------------------------------


def load_row(store: Store, key: str) -> Row | None:
    """Load a highlight's row, even if it isn't present, or None if the key is unknown."""
    return store.fetch_first_row("SELECT * FROM highlight WHERE key = ?", key)


def load_rows(store: Store, keys: Sequence[str]) -> list[Row]:
    """Load the rows of highlights in the order of `keys`, even if they aren't present.

    Unknown keys are skipped.
    """
    query = f"SELECT * FROM highlight WHERE key IN {JSON_VALUES}"
    rows = {row["key"]: row for row in store.fetch_rows(query, to_json(keys))}
    return [rows[key] for key in keys if key in rows]


def load_present_rows(store: Store, keys: Iterable[str]) -> list[Row]:
    """Load the rows of highlights by key, skipping those that aren't present."""
    query = f"SELECT * FROM highlight WHERE state = 'present' AND key IN {JSON_VALUES}"
    return store.fetch_rows(query, to_json(list(keys)))


# --- by document or source --------------------------------------------------------------


def load_document_rows(store: Store, document: DocumentId) -> list[Row]:
    """Load the rows of all highlights that a document has or had, in reading order."""
    query = "SELECT * FROM highlight WHERE document = ? ORDER BY position"
    return store.fetch_rows(query, document)


def load_folded_texts(store: Store, document: DocumentId) -> frozenset[str]:
    """Load the folded texts of all highlights that a document has or had."""
    query = "SELECT folded FROM highlight WHERE document = ?"
    return frozenset(row["folded"] for row in store.fetch_rows(query, document))


def load_present_in_document(store: Store, container: str, place: str) -> list[Row]:
    """Load a document's present highlights, in reading order.

    `place` is the document's path or key within its container. An extra column, `waits`, is
    true if the highlight has a pending draft.
    """
    return store.fetch_rows(
        "SELECT h.*, EXISTS (SELECT 1 FROM draft d WHERE d.key = h.key) AS waits"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.container = ? AND d.place = ? AND h.state = 'present' ORDER BY h.position",
        container,
        place,
    )


def load_keys_of_source(store: Store, source: str) -> set[str]:
    """Return the keys of a source's present and unselected highlights."""
    rows = store.fetch_rows(
        "SELECT h.key FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.source = ? AND h.state IN ('present', 'unselected')",
        source,
    )
    return {row["key"] for row in rows}


def load_copied_flags(store: Store, source: str, containers: Iterable[str]) -> list[Row]:
    """Load `key` and `is_copied` for each present highlight of a source.

    A highlight counts as copied if a document at the same path or key in one of `containers`
    has a present highlight with the same folded text.
    """
    return store.fetch_rows(
        "SELECT h.key, EXISTS (SELECT 1 FROM highlight o JOIN document e"
        "  ON e.id = o.document WHERE o.folded = h.folded AND o.state = 'present'"
        f"  AND e.place = d.place AND e.container IN {JSON_VALUES}) AS is_copied"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.source = ? AND d.state = 'present' AND h.state = 'present'",
        to_json(sorted(containers)),
        source,
    )


def count_passages(store: Store, containers: Iterable[str]) -> int:
    """Count the distinct passages present in these containers."""
    count: int = store.fetch_value(
        "SELECT count(DISTINCT coalesce(a.first, h.key)) FROM highlight h"
        " JOIN document d ON d.id = h.document LEFT JOIN alias a ON a.key = h.key"
        f" WHERE h.state = 'present' AND d.container IN {JSON_VALUES}",
        to_json(sorted(containers)),
    )
    return count


def load_documents_with_highlights(store: Store) -> list[Row]:
    """Load `source` and `place` of all documents with present highlights."""
    return store.fetch_rows(
        "SELECT DISTINCT d.source, d.place FROM document d"
        " JOIN highlight h ON h.document = d.id WHERE h.state = 'present'"
    )


def count_marked_documents(store: Store) -> list[Row]:
    """Count the documents, and those with present highlights, of each container and its source."""
    return store.fetch_rows(
        "SELECT container, max(source) AS source, sum(is_marked) AS marked, count(*) AS total"
        " FROM (SELECT d.container, d.source, EXISTS (SELECT 1 FROM highlight h"
        "  WHERE h.document = d.id AND h.state = 'present') AS is_marked"
        "  FROM document d WHERE d.state = 'present') GROUP BY container"
    )


# --- absent highlights ------------------------------------------------------------------


def load_absent_rows(store: Store, *, missing_only: bool) -> list[Row]:
    """Load the rows of all absent highlights, or only of those that are missing.

    The extra columns `container` and `place` locate the document.
    """
    return store.fetch_rows(
        "SELECT h.*, d.container, d.place"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND (h.state = 'missing' OR NOT ?)",
        missing_only,
    )


def has_absent_highlights(store: Store) -> bool:
    """Return whether there are any absent highlights."""
    return (
        store.fetch_first_row("SELECT 1 FROM highlight WHERE state != 'present'")
        is not None
    )


def count_unselected(store: Store) -> int:
    """Count the highlights that are no longer read because no setting selects them."""
    count: int = store.fetch_value(
        "SELECT count(*) FROM highlight WHERE state != 'present' AND state = 'unselected'"
    )
    return count


def load_unselected_copies(store: Store) -> list[Row]:
    """Load unselected highlights that have a present copy.

    A copy has the same folded text, in a document with the same path or key in any container.
    """
    return store.fetch_rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'unselected' AND EXISTS"
        " (SELECT 1 FROM highlight o JOIN document e ON e.id = o.document"
        "  WHERE o.folded = h.folded AND o.state = 'present' AND e.place = d.place)"
    )


def load_journal_only_copies(store: Store) -> list[Row]:
    """Load journal-only highlights that share their folded text with another highlight.

    The extra columns `container` and `place` locate the document.
    """
    return store.fetch_rows(
        "SELECT h.*, d.container, d.place"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'journal' AND EXISTS"
        " (SELECT 1 FROM highlight o WHERE o.folded = h.folded AND o.key != h.key)"
    )


# --- by text ----------------------------------------------------------------------------


def load_present_by_text(store: Store, folded_texts: Iterable[str]) -> list[Row]:
    """Load the present highlights that have one of these folded texts.

    An extra column, `place`, locates the document within its container.
    """
    return store.fetch_rows(
        "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
        f" WHERE h.state = 'present' AND h.folded IN {JSON_VALUES}",
        to_json(list(folded_texts)),
    )


def find_originals(store: Store, keys: Iterable[str]) -> dict[str, Row]:
    """Return the original of each highlight, keyed by the highlight's key.

    Among copies of a highlight, the original is the first one that was decided on, falling
    back to the first one that was given a key. It may be the highlight itself. Each row has
    the key of the original's `passage` and the `title` of its document.
    """
    store.recompute_passages()
    rows = store.fetch_rows(
        "SELECT h.alike, coalesce(a.first, h.key) AS passage, d.title,"
        " min(ifnull((SELECT min(n) FROM event WHERE event.key = h.key AND what = 'key'), 9e18)"
        "  - iif(coalesce(p.decided, 0), 1e18, 0))"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " LEFT JOIN alias a ON a.key = h.key"
        " LEFT JOIN passage p ON p.key = coalesce(a.first, h.key)"
        " WHERE h.state = 'present' AND h.alike != ''"
        f" AND h.alike IN (SELECT alike FROM highlight WHERE key IN {JSON_VALUES})"
        " AND (h.fate != 'left_out' AND ifnull(json_extract(h.body, '$.skip'), '') = ''"
        "  OR p.decided) GROUP BY h.alike",
        to_json(list(keys)),
    )
    originals_by_group = {row["alike"]: row for row in rows}
    query = f"SELECT key, alike FROM highlight WHERE key IN {JSON_VALUES}"
    return {
        row["key"]: originals_by_group[row["alike"]]
        for row in store.fetch_rows(query, to_json(list(keys)))
        if row["alike"] in originals_by_group
    }


def load_present_in_document_by_text(
    store: Store, folded: str, container: str, place: str
) -> list[Row]:
    """Load a document's present highlights that have this folded text."""
    return store.fetch_rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.folded = ? AND h.state = 'present' AND d.container = ? AND d.place = ?",
        folded,
        container,
        place,
    )


def load_rows_by_json_part(store: Store, part_of_body: str) -> list[Row]:
    """Load the highlights whose JSON contains the string `part_of_body`."""
    return store.fetch_rows("SELECT * FROM highlight WHERE instr(body, ?)", part_of_body)


def load_one_line_cards(store: Store) -> list[Row]:
    """Load the present hand-written cards whose JSON contains `::`.

    This includes all cards written as `question::answer`.
    """
    return store.fetch_rows(
        "SELECT * FROM highlight"
        " WHERE state = 'present' AND kind = 'card' AND instr(body, '::')"
    )


def load_drafted_of_uncertain_form(store: Store) -> list[Row]:
    """Load present, drafted highlights whose form the user may be asked about.

    These are hand-written cards, and words with a translation as their comment.
    """
    return store.fetch_rows(
        "SELECT * FROM highlight WHERE state = 'present' AND (kind = 'card' OR instr(body, ?))"
        " AND key IN (SELECT key FROM draft)",
        WORD_AND_TRANSLATION,
    )


# --- highlights to draft ----------------------------------------------------------------


def load_keys_to_draft(store: Store) -> list[str]:
    """Return the keys of highlights for the rules to draft, in the order they were issued.

    The order matters because checks compare each draft with earlier ones, and a rebuilt
    ledger should have the same findings. Keys that aren't in the journal yet come last.
    """
    rows = store.fetch_rows(
        "SELECT key FROM highlight WHERE state = 'present' AND drafted != content"
        " ORDER BY ifnull((SELECT min(n) FROM event"
        "  WHERE event.key = highlight.key AND what = 'key'), 9e18), document, position"
    )
    return [row["key"] for row in rows]


def load_keys_for_model(store: Store) -> list[str]:
    """Return the keys of highlights that a model has yet to draft, in reading order.

    This includes highlights whose content changed since a model drafted them.
    """
    rows = store.fetch_rows(
        "SELECT key FROM highlight WHERE state = 'present' AND modelled != content"
        " ORDER BY document, position"
    )
    return [row["key"] for row in rows]


def count_to_draft(store: Store) -> int:
    """Count the highlights for the rules to draft, including copies."""
    count: int = store.fetch_value(
        "SELECT count(*) FROM highlight WHERE state = 'present' AND drafted != content"
    )
    return count


def load_usefulness(store: Store) -> list[Row]:
    """Load `key`, `document` and usefulness (`worth`) of each present highlight."""
    return store.fetch_rows(
        "SELECT key, document, worth FROM highlight WHERE state = 'present'"
    )


def sum_usefulness_by_document(store: Store) -> list[Row]:
    """Sum the scores of each document's scored passages.

    The columns are `document`, the number of scored `passages`, and the `total` of their
    scores. Passages without a proposal are stored with their score minus one.
    """
    return store.fetch_rows(
        "SELECT document, count(*) AS passages, total(worth + (worth < 0)) AS total"
        " FROM highlight WHERE state = 'present' AND worth != 0 GROUP BY document"
    )


# --- passages read by several routes ----------------------------------------------------


def has_several_routes(store: Store) -> bool:
    """Return whether highlights were read by more than one route (kind of source)."""
    query = "SELECT min(route) != max(route) FROM highlight WHERE route != ''"
    return bool(store.fetch_value(query))


def load_present_by_key_name(store: Store, scheme: str, name: str) -> list[Row]:
    """Load `key` and `route` of the present highlights whose key matches a pattern.

    A key matches if it starts with `scheme` and ends with a slash and `name`. In both
    arguments, `_`, `%` and backslashes must be escaped with a backslash.
    """
    return store.fetch_rows(
        r"SELECT key, route FROM highlight WHERE key LIKE ? ESCAPE '\' AND state = 'present'",
        f"{scheme}:%/{name}",
    )


def load_same_work_rows(store: Store, row: Row) -> list[Row]:
    """Load present highlights with the same text in the same work, read by another route.

    They have the same folded text as `row`, and their documents share an identifier with its
    document.
    """
    return store.fetch_rows(
        "SELECT DISTINCT h.* FROM identifier a JOIN identifier b ON a.name = b.name"
        " JOIN highlight h ON h.document = b.document"
        " WHERE a.document = ? AND h.folded = ? AND h.state = 'present' AND h.route != ?"
        " ORDER BY h.document, h.position",
        row["document"],
        row["folded"],
        row["route"],
    )


# --- writing ----------------------------------------------------------------------------


def store_highlights(store: Store, rows: Sequence[Json]) -> None:
    """Insert or update highlights, preserving the columns set by drafting."""
    store.insert("highlight", rows, key="key")


def store_journal_only(
    store: Store, key: str, document: DocumentId, position: int, kind: str, folded: str
) -> None:
    """Insert or update a highlight known only from the journal."""
    store.execute(
        "INSERT INTO highlight (key, document, position, state, kind, folded)"
        " VALUES (?, ?, ?, 'journal', ?, ?) ON CONFLICT (key) DO UPDATE SET missed = 0,"
        " document = excluded.document, folded = excluded.folded, state = excluded.state",
        *(key, document, position, kind, folded),
    )


def set_state(store: Store, key: str, state: str, missed_since: float) -> None:
    """Set a highlight's state and the Unix timestamp at which it first went missing."""
    query = "UPDATE highlight SET state = ?, missed = ? WHERE key = ?"
    store.execute(query, state, missed_since, key)


def record_left_out(store: Store, key: str, reason: str) -> None:
    """Record that the user left out a highlight, and the reason it has no card."""
    query = "UPDATE highlight SET fate = 'left_out', reason = ? WHERE key = ?"
    store.execute(query, reason, key)


def set_unselected(store: Store, key: str) -> None:
    """Mark a highlight as no longer selected by any setting or choice."""
    store.execute("UPDATE highlight SET state = 'unselected' WHERE key = ?", key)


def unselect_document(store: Store, document: DocumentId) -> list[str]:
    """Mark a document's present highlights as unselected and return their keys."""
    rows = store.fetch_rows(
        "UPDATE highlight SET state = 'unselected'"
        " WHERE document = ? AND state = 'present' RETURNING key",
        document,
    )
    return [row["key"] for row in rows]


# --- scheduling drafting ----------------------------------------------------------------


def schedule_drafting(store: Store, keys: Iterable[str]) -> None:
    """Schedule highlights for redrafting by both the rules and the model."""
    query = f"UPDATE highlight SET drafted = '', modelled = '' WHERE key IN {JSON_VALUES}"
    store.execute(query, to_json(list(keys)))


def schedule_rules(store: Store, keys: Iterable[str]) -> None:
    """Schedule highlights for redrafting by the rules."""
    query = f"UPDATE highlight SET drafted = '' WHERE key IN {JSON_VALUES}"
    store.execute(query, to_json(list(keys)))


def schedule_model(store: Store, key: str) -> None:
    """Schedule a highlight for redrafting by the model."""
    store.execute("UPDATE highlight SET modelled = '' WHERE key = ?", key)


def schedule_rules_for_copies(store: Store, key: str) -> None:
    """Schedule the copies of a highlight for redrafting by the rules.

    Copies are other highlights that have or had the same text. They may have a different
    original once the highlight changes, is removed or comes back.
    """
    store.execute(
        "UPDATE highlight SET drafted = '' WHERE key != ?1"
        " AND (folded = (SELECT folded FROM highlight WHERE key = ?1)"
        " OR key IN (SELECT other.key FROM event mine JOIN event other USING (words)"
        "  WHERE mine.key = ?1 AND mine.words != ''))"
        " AND (reason GLOB ?2"
        " OR EXISTS (SELECT 1 FROM draft d WHERE d.key = highlight.key))",
        key,
        f"{COPY_REASON_PREFIX}*",
    )


def schedule_rules_by_json_part(store: Store, part_of_body: str) -> None:
    """Schedule present highlights whose JSON contains a string for redrafting by the rules."""
    query = "UPDATE highlight SET drafted = '' WHERE state = 'present' AND instr(body, ?)"
    store.execute(query, part_of_body)


def schedule_rules_for_undecided(store: Store) -> None:
    """Schedule highlights that a new version's rules may draft differently.

    These are highlights without a card, those drafted by a model, and those with a proposal
    or a figure as a draft.
    """
    store.execute(
        "UPDATE highlight SET drafted = '' WHERE fate = 'no_card' OR modelled != ''"
        " OR key IN (SELECT key FROM draft WHERE drafter IN (?, ?))",
        PROPOSAL_DRAFTER,
        FIGURE_DRAFTER,
    )


def schedule_rules_for_left_out(store: Store) -> None:
    """Schedule highlights that the user left out for redrafting by the rules.

    Highlights with a draft no longer count as left out.
    """
    store.execute("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")
    store.execute(
        "UPDATE highlight SET fate = '', reason = ''"
        " WHERE fate = 'left_out' AND key IN (SELECT key FROM draft)"
    )
