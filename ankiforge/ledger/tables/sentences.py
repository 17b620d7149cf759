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

from ankiforge.ledger.store import JSON_VALUES, Store, to_json


def load_best_sentence_hashes(store: Store) -> dict[str, str]:
    """Load the hash of the most useful undecided sentence of each highlight, keyed by highlight.

    A sentence of which only a model's draft was rejected is undecided.
    """
    rows = store.fetch_rows(
        "SELECT key, name, max(worth) FROM sentence s WHERE worth IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM decided_sentence d WHERE d.name = s.name AND d.kind != 'draft')"
        " GROUP BY key"
    )
    return {row["key"]: row["name"] for row in rows}


def filter_current_sentences(store: Store, sentence_hashes: Iterable[str]) -> set[str]:
    """Return those of the given sentences that a highlight in any source still contains.

    Only long sentences are found.
    """
    hash_list = list(sentence_hashes)
    if not hash_list:
        return set()
    names = store.fetch_column(
        "SELECT DISTINCT s.name FROM sentence s"
        " JOIN highlight h ON h.key = s.key AND h.state = 'present'"
        f" WHERE s.name IN {JSON_VALUES}",
        to_json(hash_list),
    )
    return set(names)


def find_passages_with_sentences(
    store: Store, sentence_hashes: Iterable[str]
) -> dict[str, set[str]]:
    """Find the passages that contained any of the given sentences when they were last read.

    Returns:
        The hashes of the sentences that were found, grouped by the key of the passage.
    """
    hash_list = list(sentence_hashes)
    hashes_by_passage: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT key, name FROM sentence WHERE name IN {JSON_VALUES} ORDER BY key"
    for row in store.fetch_rows(query, to_json(hash_list)) if hash_list else ():
        hashes_by_passage[store.get_first_key(row["key"])].add(row["name"])
    return hashes_by_passage


def find_deciding_passages(
    store: Store, sentence_hashes: Iterable[str], *, include_all_kinds: bool = False
) -> dict[str, set[str]]:
    """Find the passages in which sentences were decided, grouped by the hash of the sentence.

    Passages in which only a hand-written draft or a proposal was decided are left out, unless
    `include_all_kinds` is True.
    """
    hash_list = list(sentence_hashes)
    passages_by_hash: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT * FROM decided_sentence WHERE name IN {JSON_VALUES}"
    for row in store.fetch_rows(query, to_json(hash_list)) if hash_list else ():
        if include_all_kinds or row["kind"] != "own":
            passages_by_hash[row["name"]].add(row["passage"])
    return passages_by_hash
