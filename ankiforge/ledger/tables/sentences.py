"""Long sentences: which highlights contain them, and in which passages they were decided on.

highlights read on this device ──▶ `sentence`        decisions ──▶ `decided_sentence`

A decision on a long sentence (see `sentence_decisions.is_distinctive_sentence`) applies to
every passage that contains the sentence. Its card belongs to the passage that contains the
sentence now (see the view `placed`). The *name* of a sentence is a hash of its text. Both
tables can be recomputed from the sources and the journal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.sentence_decisions import hash_distinctive_sentences
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.model import Highlight


def store_sentences(store: Store, highlights: Iterable[Highlight]) -> None:
    """Record which long sentences each of these highlights contains."""
    names_by_key = []
    rows = []
    for highlight in highlights:
        names = hash_distinctive_sentences(
            sentence_decisions.split_sentences(
                sentence_decisions.get_sentence_text(highlight)
            )
        )
        names_by_key.append((highlight.key, to_json(names)))
        rows += [(name, highlight.key) for name in names]
    delete_query = f"DELETE FROM sentence WHERE key = ? AND name NOT IN {JSON_VALUES}"
    store.execute_all(delete_query, names_by_key)
    store.execute_all("INSERT OR IGNORE INTO sentence (name, key) VALUES (?, ?)", rows)


def load_best_sentence_hashes(store: Store) -> dict[str, str]:
    """Map each highlight's key to the name of its most useful undecided sentence."""
    rows = store.fetch_rows(
        "SELECT key, name, max(worth) FROM sentence s WHERE worth IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM decided_sentence d WHERE d.name = s.name) GROUP BY key"
    )
    return {row["key"]: row["name"] for row in rows}


def filter_present_sentences(store: Store, names: Iterable[str]) -> set[str]:
    """Return the hashes (`names`) of the long sentences that a present highlight contains."""
    name_list = list(names)
    if not name_list:
        return set()
    rows = store.fetch_rows(
        "SELECT DISTINCT s.name FROM sentence s"
        " JOIN highlight h ON h.key = s.key AND h.state = 'present'"
        f" WHERE s.name IN {JSON_VALUES}",
        to_json(name_list),
    )
    return {row["name"] for row in rows}


def find_passages_containing(store: Store, names: Iterable[str]) -> dict[str, set[str]]:
    """Find the passages that contain one of these sentences, or contained it when last read.

    Returns:
        The hashes of the sentences found, grouped by passage key.
    """
    name_list = list(names)
    names_by_passage: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT key, name FROM sentence WHERE name IN {JSON_VALUES} ORDER BY key"
    for row in store.fetch_rows(query, to_json(name_list)) if name_list else ():
        names_by_passage[store.get_first_key(row["key"])].add(row["name"])
    return names_by_passage


def find_deciding_passages(
    store: Store, names: Iterable[str], *, own: bool = False
) -> dict[str, set[str]]:
    """Return the passages in which each sentence was decided on, keyed by sentence hash.

    Passages in which only a hand-written draft or a proposal was decided on are included if
    `own`.
    """
    name_list = list(names)
    passages_by_name: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT * FROM decided_sentence WHERE name IN {JSON_VALUES}"
    for row in store.fetch_rows(query, to_json(name_list)) if name_list else ():
        if own or row["kind"] != "own":
            passages_by_name[row["name"]].add(row["passage"])
    return passages_by_name
