"""The table `highlight`, with every highlight that is or was in a source of this workspace.

A highlight is *current*, with the state `present`, if it was in its source in the last scan.
Otherwise it is *absent*, with one of these states: missing, gone (missing for good), unselected,
or known only from the journal. Its *folded text* consists of its letters and digits, so that
equal texts can be found.

A query for one of the absent states has two conditions, such as
`state != 'present' AND state = 'gone'`. The first looks redundant, but only with it does SQLite
use the small partial index `highlight_absent`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

import msgspec

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import LOOKED_UP_WORD, DraftingStatus, Highlight

decode_highlight = msgspec.json.Decoder(Highlight).decode
"""Decode the JSON in a `body` column, which is "" if the highlight wasn't read on this device."""


# --- by key -----------------------------------------------------------------------------


def find_highlight_row(store: Store, key: str) -> Row | None:
    """Load the row of a highlight, current or absent, or None if the key is unknown."""
    return store.fetch_first_row("SELECT * FROM highlight WHERE key = ?", key)


def load_highlight_rows(store: Store, keys: Sequence[str]) -> list[Row]:
    """Load the rows of highlights, current or absent, in the order of `keys`.

    Unknown keys are skipped.
    """
    query = f"SELECT * FROM highlight WHERE key IN {JSON_VALUES}"
    rows = {row["key"]: row for row in store.fetch_rows(query, to_json(keys))}
    return [rows[key] for key in keys if key in rows]


def find_looked_up_words(store: Store, keys: Iterable[str]) -> set[str]:
    """Return those of the given keys that belong to words looked up in a dictionary."""
    query = f"SELECT key FROM highlight WHERE key IN {JSON_VALUES} AND instr(body, ?)"
    return set(store.fetch_column(query, to_json([*keys]), LOOKED_UP_WORD))


def load_current_highlight_rows(store: Store, keys: Iterable[str]) -> list[Row]:
    """Load the rows of highlights that are still in their source. Other keys are skipped."""
    query = f"SELECT * FROM highlight WHERE state = 'present' AND key IN {JSON_VALUES}"
    return store.fetch_rows(query, to_json(list(keys)))


# --- by document or source --------------------------------------------------------------


def load_current_highlights(store: Store, container: str, path: str) -> list[Row]:
    """Load the rows of the highlights that are still in a document, in reading order.

    `path` is the path of the document within its container, or its library key. The
    additional column `waits` is true if the highlight has a pending draft.
    """
    return store.fetch_rows(
        "SELECT h.*, EXISTS (SELECT 1 FROM draft d WHERE d.key = h.key) AS waits"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.container = ? AND d.place = ? AND h.state = 'present' ORDER BY h.position",
        container,
        path,
    )


class DocumentPlace(NamedTuple):
    """Where a document is."""

    source: str
    """The name of its source in the settings."""
    path: str
    """Its path in the source, or its key."""


def load_document_places(store: Store) -> dict[int, DocumentPlace]:
    """Return the place of each document, keyed by row id."""
    rows = store.fetch_rows("SELECT id, source, place FROM document")
    return {row["id"]: DocumentPlace(row["source"], row["place"]) for row in rows}


def list_documents_without_highlights(store: Store) -> list[Row]:
    """List the container and path (`place`) of each document without a highlight."""
    return store.fetch_rows(
        "SELECT container, place FROM document d"
        " WHERE state = 'present' AND NOT EXISTS (SELECT 1"
        "  FROM highlight h WHERE h.document = d.id AND h.state = 'present')"
        " ORDER BY container, place"
    )


def count_documents_with_highlights(store: Store) -> list[Row]:
    """Count the documents of each container, with and without highlights.

    Returns:
        Rows with `container`, `source`, `marked` (the number of documents with highlights) and
        `total` (the number of all documents).
    """
    return store.fetch_rows(
        "SELECT container, max(source) AS source, sum(is_marked) AS marked, count(*) AS total"
        " FROM (SELECT d.container, d.source, EXISTS (SELECT 1 FROM highlight h"
        "  WHERE h.document = d.id AND h.state = 'present') AS is_marked"
        "  FROM document d WHERE d.state = 'present') GROUP BY container"
    )


# --- by text ----------------------------------------------------------------------------


def load_current_highlights_by_text(
    store: Store, folded_texts: Iterable[str]
) -> list[Row]:
    """Load the highlights with one of these folded texts that are still in their source.

    The additional column `place` is the path of the document within its container.
    """
    return store.fetch_rows(
        "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
        f" WHERE h.state = 'present' AND h.folded IN {JSON_VALUES}",
        to_json(list(folded_texts)),
    )


class PrimaryCopy(NamedTuple):
    """The highlight from which the cards of all its copies are drafted."""

    passage_key: str
    """The oldest key of its passage."""
    title: str
    """The title of its document."""


def find_primary_copies(store: Store, keys: Iterable[str]) -> dict[str, PrimaryCopy]:
    """Find the primary copy of each highlight, keyed by highlight.

    Copies are highlights with the same text (column `alike`). The primary copy is the first copy
    that was decided on. If none was, it is the first copy that got a key. It may be the highlight
    itself. Skipped text is only a primary copy if it was decided on. A highlight without any such
    copy is left out.
    """
    alike_by_key = _load_alike_hashes(store, keys)
    candidates = _load_copies(store, set(alike_by_key.values()))
    primary_by_alike: dict[str, PrimaryCopy] = {}
    for row in sorted(candidates, key=_get_copy_sort_key):
        is_skipped = row["fate"] == DraftingStatus.LEFT_OUT or row["has_skip_reason"]
        if is_skipped and not row["decided"]:
            continue
        copy = PrimaryCopy(row["passage"], row["title"])
        primary_by_alike.setdefault(row["alike"], copy)
    primary_by_key = {}
    for key, alike in alike_by_key.items():
        if alike in primary_by_alike:
            primary_by_key[key] = primary_by_alike[alike]
    return primary_by_key


def _get_copy_sort_key(row: Row) -> tuple[bool, float]:
    """Return the sort key of copies: decided ones first, then in the order of their keys."""
    key_number = row["key_number"]
    return not row["decided"], inf if key_number is None else key_number


def _load_alike_hashes(store: Store, keys: Iterable[str]) -> dict[str, str]:
    """Load the hash that the copies of each highlight share. Those without one are skipped."""
    query = f"SELECT key, alike FROM highlight WHERE alike != '' AND key IN {JSON_VALUES}"
    rows = store.fetch_rows(query, to_json(list(keys)))
    return {row["key"]: row["alike"] for row in rows}


def _load_copies(store: Store, alike_hashes: Iterable[str]) -> list[Row]:
    """Load what decides which of the highlights with one of these hashes is the primary copy."""
    # the conditions are those of the index
    return store.fetch_rows(
        "SELECT h.alike, h.fate, coalesce(a.first, h.key) AS passage, d.title, p.decided,"
        " json_extract(h.body, '$.skip_reason') IS NOT NULL AS has_skip_reason,"
        " (SELECT min(n) FROM event WHERE event.key = h.key AND what = 'key') AS key_number"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " LEFT JOIN alias a ON a.key = h.key"
        " LEFT JOIN passage p ON p.key = coalesce(a.first, h.key)"
        f" WHERE h.state = 'present' AND h.alike != '' AND h.alike IN {JSON_VALUES}",
        to_json(list(alike_hashes)),
    )


# --- highlights to draft ----------------------------------------------------------------


def count_highlights_to_draft(store: Store) -> int:
    """Count the highlights that the rules have yet to draft, copies included."""
    count: int = store.fetch_value(
        "SELECT count(*) FROM highlight WHERE state = 'present' AND drafted != content"
    )
    return count


def load_usefulness(store: Store) -> list[Row]:
    """Load the key, document and usefulness (column `worth`) of each highlight in a source.

    If no usefulness is stored for a highlight because the rules drafted it, the highest
    confidence of its drafts is used instead.
    """
    return store.fetch_rows(
        "SELECT key, document, iif(worth, worth, (SELECT max(json_extract(body, '$.confidence'))"
        " FROM draft WHERE draft.key = highlight.key)) AS worth"
        " FROM highlight WHERE state = 'present'"
    )


# --- writing ----------------------------------------------------------------------------


def mark_unselected(store: Store, key: str) -> None:
    """Mark a highlight as unselected, because no setting or choice selects it any more."""
    store.execute("UPDATE highlight SET state = 'unselected' WHERE key = ?", key)


# --- scheduling drafting ----------------------------------------------------------------


def schedule_redrafting(store: Store, keys: Iterable[str]) -> None:
    """Schedule highlights for redrafting by both the rules and the model."""
    query = f"UPDATE highlight SET drafted = '', modelled = '' WHERE key IN {JSON_VALUES}"
    store.execute(query, to_json(list(keys)))


def schedule_redrafting_by_rules(store: Store, keys: Iterable[str]) -> None:
    """Schedule highlights for redrafting by the rules."""
    query = f"UPDATE highlight SET drafted = '' WHERE key IN {JSON_VALUES}"
    store.execute(query, to_json(list(keys)))


def schedule_redrafting_of_copies(store: Store, key: str) -> None:
    """Schedule the copies of a highlight for redrafting by the rules.

    A copy is another highlight that has or had the same text. After the highlight was edited,
    removed or restored, cards may have to be drafted from a different copy.
    """
    store.execute(
        "UPDATE highlight SET drafted = '' WHERE key != ?1"
        " AND (folded = (SELECT folded FROM highlight WHERE key = ?1)"
        " OR key IN (SELECT other.key FROM event mine JOIN event other USING (words)"
        "  WHERE mine.key = ?1 AND mine.words != ''))"
        " AND (fate = 'no_card' OR EXISTS (SELECT 1 FROM draft d WHERE d.key = highlight.key))",
        key,
    )
