"""The highlights that sources have, or had.

What is not present is asked for with `state != 'present'`, too: SQLite then uses the index of these
few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ankiforge.ledger.draft_changes import SAME_WORDS
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import (
    FIGURE,
    PROPOSE,
    WORD_AND_TRANSLATION,
    DocumentId,
    Highlight,
    Json,
)

decode_highlight_body = msgspec.json.Decoder(Highlight).decode
"""Return the highlight that a column `body` holds."""


def decode_highlight(row: Row) -> Highlight:
    """Return the highlight of a row that was read on this machine."""
    return decode_highlight_body(row["body"])


# --- by their keys ----------------------------------------------------------------------


def with_key(store: Store, key: str) -> Row | None:
    """Return the highlight with a key, present or not; None if it was never heard of."""
    return store.row("SELECT * FROM highlight WHERE key = ?", key)


def of(store: Store, keys: Sequence[str]) -> list[Row]:
    """Return the highlights with some keys, present or not, in the order of the keys."""
    query = f"SELECT * FROM highlight WHERE key IN {EACH}"
    rows = {row["key"]: row for row in store.rows(query, encode(keys))}
    return [rows[key] for key in keys if key in rows]


def present(store: Store, keys: Iterable[str]) -> list[Row]:
    """Return the rows of the present highlights with these keys."""
    query = f"SELECT * FROM highlight WHERE state = 'present' AND key IN {EACH}"
    return store.rows(query, encode(list(keys)))


# --- of a document or a source ----------------------------------------------------------


def in_document(store: Store, document: DocumentId) -> list[Row]:
    """Return the highlights that a document has or had, in reading order."""
    query = "SELECT * FROM highlight WHERE document = ? ORDER BY position"
    return store.rows(query, document)


def texts_in(store: Store, document: DocumentId) -> frozenset[str]:
    """Return the folded texts of the highlights that a document has or had."""
    query = "SELECT folded FROM highlight WHERE document = ?"
    return frozenset(row["folded"] for row in store.rows(query, document))


def in_place(store: Store, container: str, place: str) -> list[Row]:
    """Return the present highlights of a document, in reading order; `waits`: it has a draft."""
    return store.rows(
        "SELECT h.*, EXISTS (SELECT 1 FROM draft d WHERE d.key = h.key) AS waits"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.container = ? AND d.place = ? AND h.state = 'present' ORDER BY h.position",
        container,
        place,
    )


def are_in(store: Store, container: str) -> bool:
    """Return whether a container has or had any highlight."""
    return bool(
        store.row(
            "SELECT 1 FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE d.container = ?",
            container,
        )
    )


def keys_in_source(store: Store, source: str) -> set[str]:
    """Return the keys of the highlights that a source has, or had till nothing selected them."""
    rows = store.rows(
        "SELECT h.key FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.source = ? AND h.state IN ('present', 'unselected')",
        source,
    )
    return {row["key"] for row in rows}


def copied(store: Store, source: str, containers: Iterable[str]) -> list[Row]:
    """Return the present highlights of a source: `key`, and `is_copied`.

    That is whether the same place in one of some containers has the same text.
    """
    return store.rows(
        "SELECT h.key, EXISTS (SELECT 1 FROM highlight o JOIN document e"
        "  ON e.id = o.document WHERE o.folded = h.folded AND o.state = 'present'"
        f"  AND e.place = d.place AND e.container IN {EACH}) AS is_copied"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE d.source = ? AND d.state = 'present' AND h.state = 'present'",
        encode(sorted(containers)),
        source,
    )


def number_of_passages(store: Store, containers: Iterable[str]) -> int:
    """Return how many passages are present in some containers."""
    number: int = store.value(
        "SELECT count(DISTINCT coalesce(a.first, h.key)) FROM highlight h"
        " JOIN document d ON d.id = h.document LEFT JOIN alias a ON a.key = h.key"
        f" WHERE h.state = 'present' AND d.container IN {EACH}",
        encode(sorted(containers)),
    )
    return number


def documents_with_any(store: Store) -> list[Row]:
    """Return `source` and `place` of the documents that have present highlights."""
    return store.rows(
        "SELECT DISTINCT d.source, d.place FROM document d"
        " JOIN highlight h ON h.document = d.id WHERE h.state = 'present'"
    )


# --- what is absent ---------------------------------------------------------------------


def absent(store: Store) -> list[Row]:
    """Return the highlights that are not present."""
    return store.rows("SELECT * FROM highlight WHERE state != 'present'")


def any_absent(store: Store) -> bool:
    """Return whether a highlight is not present."""
    return store.row("SELECT 1 FROM highlight WHERE state != 'present'") is not None


def number_unselected(store: Store) -> int:
    """Return the number of highlights that settings do not select."""
    number: int = store.value(
        "SELECT count(*) FROM highlight WHERE state != 'present' AND state = 'unselected'"
    )
    return number


def missing_in(store: Store, container: str) -> list[Row]:
    """Return the highlights of a container that were missing at the last scan; `place`: where."""
    return store.rows(
        "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'missing' AND d.container = ?",
        container,
    )


def unselected_and_copied(store: Store) -> list[Row]:
    """Return the unselected highlights whose words a document of the same place has now."""
    return store.rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'unselected' AND EXISTS"
        " (SELECT 1 FROM highlight o JOIN document e ON e.id = o.document"
        "  WHERE o.folded = h.folded AND o.state = 'present' AND e.place = d.place)"
    )


def heard_of_and_copied(store: Store) -> list[Row]:
    """Return the highlights known by the journal alone that have an equal, with their places."""
    return store.rows(
        "SELECT h.*, d.container, d.place"
        " FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'journal' AND EXISTS"
        " (SELECT 1 FROM highlight o WHERE o.folded = h.folded AND o.key != h.key)"
    )


# --- by their texts ---------------------------------------------------------------------


def present_with(store: Store, folds: Iterable[str]) -> list[Row]:
    """Return the present highlights with some folded texts."""
    query = f"SELECT * FROM highlight WHERE state = 'present' AND folded IN {EACH}"
    return store.rows(query, encode(list(folds)))


def present_at(store: Store, folded: str, container: str, place: str) -> list[Row]:
    """Return the present highlights of a document with a folded text."""
    return store.rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.folded = ? AND h.state = 'present' AND d.container = ? AND d.place = ?",
        folded,
        container,
        place,
    )


def stands_elsewhere(store: Store, folded: str, document: DocumentId) -> bool:
    """Return whether a highlight of another document has, or had, a folded text."""
    query = "SELECT 1 FROM highlight WHERE folded = ? AND document != ?"
    return store.row(query, folded, document) is not None


def equals_of(store: Store, folded: str, key: str) -> list[Row]:
    """Return the others with a text that are present, or that the journal knows; `place`: where."""
    return store.rows(
        "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.folded = ? AND h.state IN ('present', 'journal') AND h.key != ?",
        folded,
        key,
    )


def sharing_texts(store: Store, document: DocumentId) -> list[Row]:
    """Return `document` and `folded` of the highlights in documents that share a text with one.

    Of that document itself, also those that it has no longer.
    """
    return store.rows(
        "SELECT document, folded FROM highlight WHERE document IN"
        " (SELECT o.document FROM highlight o JOIN highlight m USING (folded)"
        " WHERE m.document = ?1) AND (state = 'present' OR document = ?1)",
        document,
    )


def present_among(
    store: Store, keys: Iterable[str], documents: Iterable[DocumentId]
) -> list[Row]:
    """Return the present highlights with some keys, or of some documents, in reading order."""
    return store.rows(
        "SELECT * FROM highlight WHERE state = 'present'"
        f" AND (key IN {EACH} OR document IN {EACH}) ORDER BY document, position",
        encode(sorted(keys)),
        encode(sorted(documents)),
    )


def with_part(store: Store, part_of_body: str) -> list[Row]:
    """Return the highlights whose JSON has a part."""
    return store.rows("SELECT * FROM highlight WHERE instr(body, ?)", part_of_body)


def with_colons(store: Store) -> list[Row]:
    """Return the present highlights that are cards of a line, as far as they have two colons."""
    return store.rows(
        "SELECT * FROM highlight"
        " WHERE state = 'present' AND kind = 'card' AND instr(body, '::')"
    )


def with_form_and_draft(store: Store) -> list[Row]:
    """Return the present highlights that may be of a form that is asked about, and have a draft."""
    return store.rows(
        "SELECT * FROM highlight WHERE state = 'present' AND (kind = 'card' OR instr(body, ?))"
        " AND key IN (SELECT key FROM draft)",
        WORD_AND_TRANSLATION,
    )


def with_form_and_no_card(store: Store) -> list[Row]:
    """Return the present highlights that may be of such a form, and were decided on: no cards."""
    return store.rows(
        "SELECT h.* FROM highlight h JOIN passage p ON p.key = h.key AND p.decided"
        " WHERE state = 'present' AND (kind = 'card' OR instr(h.body, ?))"
        " AND NOT EXISTS (SELECT 1 FROM card c WHERE c.passage = h.key AND c.live)",
        WORD_AND_TRANSLATION,
    )


# --- what is to be drafted --------------------------------------------------------------


def undrafted(store: Store) -> list[str]:
    """Return the keys of the highlights for the rules to draft, in the order of issue.

    The checks compare with earlier drafts: so a rebuild finds what was found. A key of which no
    event tells yet comes last.
    """
    rows = store.rows(
        "SELECT key FROM highlight WHERE state = 'present' AND drafted != content"
        " ORDER BY ifnull((SELECT min(n) FROM event"
        "  WHERE event.key = highlight.key AND what = 'key'), 9e18), document, position"
    )
    return [row["key"] for row in rows]


def unmodelled(store: Store) -> list[str]:
    """Return the keys of the highlights that no model drafted yet, in reading order."""
    rows = store.rows(
        "SELECT key FROM highlight WHERE state = 'present' AND modelled != content"
        " ORDER BY document, position"
    )
    return [row["key"] for row in rows]


def number_undrafted(store: Store) -> int:
    """Return how many highlights the rules have to draft, copies included."""
    number: int = store.value(
        "SELECT count(*) FROM highlight WHERE state = 'present' AND drafted != content"
    )
    return number


def worths_by_key(store: Store) -> dict[str, float]:
    """Return how likely a card of each present highlight is kept."""
    rows = store.rows("SELECT key, worth FROM highlight WHERE state = 'present'")
    return {row["key"]: row["worth"] for row in rows}


# --- one passage by several routes ------------------------------------------------------


def have_several_routes(store: Store) -> bool:
    """Return whether highlights were read by more than one route."""
    query = "SELECT min(route) != max(route) FROM highlight WHERE route != ''"
    return bool(store.value(query))


def named(store: Store, scheme: str, name: str) -> list[Row]:
    """Return `key` and `route` of the present highlights with a scheme, and a name in it.

    `_`, `%` and the backslash of both are to have a backslash before them.
    """
    return store.rows(
        r"SELECT key, route FROM highlight WHERE key LIKE ? ESCAPE '\' AND state = 'present'",
        f"{scheme}:%/{name}",
    )


def of_same_work(store: Store, row: Row) -> list[Row]:
    """Return the present highlights of another route with the text of one, in its work."""
    return store.rows(
        "SELECT DISTINCT h.* FROM identifier a JOIN identifier b ON a.name = b.name"
        " JOIN highlight h ON h.document = b.document"
        " WHERE a.document = ? AND h.folded = ? AND h.state = 'present' AND h.route != ?"
        " ORDER BY h.document, h.position",
        row["document"],
        row["folded"],
        row["route"],
    )


# --- what is written --------------------------------------------------------------------


def put(store: Store, rows: Sequence[Json]) -> None:
    """Write highlights; the columns that drafting fills stay as they are."""
    store.insert("highlight", rows, key="key")


def put_heard_of(
    store: Store, key: str, document: DocumentId, n: int, kind: str, folded: str
) -> None:
    """Write a highlight that only the journal knows, where it was read."""
    store.write(
        "INSERT INTO highlight (key, document, position, state, kind, folded)"
        " VALUES (?, ?, ?, 'journal', ?, ?) ON CONFLICT (key) DO UPDATE SET missed = 0,"
        " document = excluded.document, folded = excluded.folded, state = excluded.state",
        *(key, document, n, kind, folded),
    )


def put_state(store: Store, key: str, state: str, missed: float) -> None:
    """Note that a highlight is missing since a time, in seconds since 1970, or gone."""
    query = "UPDATE highlight SET state = ?, missed = ? WHERE key = ?"
    store.write(query, state, missed, key)


def leave_out(store: Store, key: str, reason: str) -> None:
    """Note that a person left a highlight out."""
    query = "UPDATE highlight SET fate = 'left_out', reason = ? WHERE key = ?"
    store.write(query, reason, key)


def unselect(store: Store, key: str) -> None:
    """Note that nothing selects a highlight any more."""
    store.write("UPDATE highlight SET state = 'unselected' WHERE key = ?", key)


def unselect_in(store: Store, document: DocumentId) -> list[str]:
    """Note that nothing selects a document any more; return the keys of its highlights."""
    rows = store.rows(
        "UPDATE highlight SET state = 'unselected'"
        " WHERE document = ? AND state = 'present' RETURNING key",
        document,
    )
    return [row["key"] for row in rows]


# --- what is to be drafted again --------------------------------------------------------


def draft_again(store: Store, keys: Iterable[str]) -> None:
    """Ask the rules and the model again for drafts of highlights."""
    query = f"UPDATE highlight SET drafted = '', modelled = '' WHERE key IN {EACH}"
    store.write(query, encode(list(keys)))


def ask_rules_again(store: Store, keys: Iterable[str]) -> None:
    """Ask the rules again for drafts of highlights."""
    query = f"UPDATE highlight SET drafted = '' WHERE key IN {EACH}"
    store.write(query, encode(list(keys)))


def ask_model_again(store: Store, key: str) -> None:
    """Ask the model again for drafts of a highlight."""
    store.write("UPDATE highlight SET modelled = '' WHERE key = ?", key)


def draft_copies_again(store: Store, key: str) -> None:
    """Ask the rules again for drafts of passages that have, or had, the words of a highlight.

    It changed, went or came back: so it may be their original no longer, or again.
    """
    store.write(
        "UPDATE highlight SET drafted = '' WHERE key != ?1"
        " AND (folded = (SELECT folded FROM highlight WHERE key = ?1)"
        " OR key IN (SELECT other.key FROM event mine JOIN event other USING (words)"
        "  WHERE mine.key = ?1 AND mine.words != ''))"
        " AND (reason GLOB ?2"
        " OR EXISTS (SELECT 1 FROM draft d WHERE d.key = highlight.key))",
        key,
        f"{SAME_WORDS}*",
    )


def draft_written_again(store: Store, part_of_body: str) -> None:
    """Ask the rules again for drafts of the present highlights whose JSON has a part."""
    query = "UPDATE highlight SET drafted = '' WHERE state = 'present' AND instr(body, ?)"
    store.write(query, part_of_body)


def draft_undecided_again(store: Store) -> None:
    """Ask the rules again where there is no draft, a model's, a proposal or a figure."""
    store.write(
        "UPDATE highlight SET drafted = '' WHERE fate = 'no_card' OR modelled != ''"
        " OR key IN (SELECT key FROM draft WHERE drafter IN (?, ?))",
        PROPOSE,
        FIGURE,
    )


def take_in_again(store: Store) -> None:
    """Ask the rules again for highlights left out, unless a draft of them waits again."""
    store.write("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")
    store.write(
        "UPDATE highlight SET fate = '', reason = ''"
        " WHERE fate = 'left_out' AND key IN (SELECT key FROM draft)"
    )
