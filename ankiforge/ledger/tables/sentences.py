"""Sentences in other passages: where they stand, and where they were decided.

    highlights that are here ──▶ `sentence`          decisions ──▶ `decided_sentence`

A long sentence (`facts.is_long`) that was decided anywhere is decided wherever it stands, and its
card is at home where it stands (the view `placed`). Nothing of it is recorded: both tables follow
from what is read, and from the journal. Where a passage had such a sentence once, its new words
may be new words of the card.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ankiforge.ledger import facts
from ankiforge.ledger.facts import names_of_long
from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.model import Highlight, Strings


def index(store: Store, highlights: Iterable[Highlight]) -> None:
    """Store which long sentences highlights have."""
    names_of = []
    rows = []
    for highlight in highlights:
        names = names_of_long(facts.sentences(facts.text_of(highlight)))
        names_of.append((highlight.key, encode(names)))
        rows += [(name, highlight.key) for name in names]
    gone = f"DELETE FROM sentence WHERE key = ? AND name NOT IN {EACH}"
    store.write_all(gone, names_of)
    store.write_all("INSERT OR IGNORE INTO sentence (name, key) VALUES (?, ?)", rows)


def judge(store: Store, worths: Iterable[tuple[str, Mapping[str, float]]]) -> None:
    """Store how likely a card of each sentence of highlights is kept, by key and by name."""
    forgotten = []
    rows = []
    for key, worth_by_name in worths:
        forgotten.append((key,))
        rows += [(worth, name, key) for name, worth in worth_by_name.items()]
    store.write_all("UPDATE sentence SET worth = NULL WHERE key = ?", forgotten)
    store.write_all("UPDATE sentence SET worth = ? WHERE name = ? AND key = ?", rows)


def places_of(store: Store, name: str) -> list[str]:
    """Return the keys of the highlights here that have a long sentence, by its name."""
    rows = store.rows(
        "SELECT s.key FROM sentence s JOIN highlight h ON h.key = s.key AND h.state = 'present'"
        " WHERE s.name = ?",
        name,
    )
    return [row["key"] for row in rows]


def standing(store: Store, names: Iterable[str]) -> set[str]:
    """Return the names, of these long sentences, that stand in a present highlight."""
    wanted = list(names)
    if not wanted:
        return set()
    rows = store.rows(
        "SELECT DISTINCT s.name FROM sentence s"
        " JOIN highlight h ON h.key = s.key AND h.state = 'present'"
        f" WHERE s.name IN {EACH}",
        encode(wanted),
    )
    return {row["name"] for row in rows}


def standing_in(store: Store, names: Iterable[str]) -> dict[str, set[str]]:
    """Return the passages that have some sentences, or had them when they went, with the names."""
    wanted = list(names)
    names_in: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT key, name FROM sentence WHERE name IN {EACH} ORDER BY key"
    for row in store.rows(query, encode(wanted)) if wanted else ():
        names_in[store.first(row["key"])].add(row["name"])
    return names_in


def note_decided(store: Store, key: str, sentences: Strings, *, own: bool) -> None:
    """Note the sentences decided just now at once: the fold of many decisions comes later."""
    rows = [(name, store.first(key), own) for name in names_of_long(sentences)]
    store.write_all("INSERT OR IGNORE INTO decided_sentence VALUES (?, ?, ?)", rows)


def deciding(
    store: Store, names: Iterable[str], *, own: bool = False
) -> dict[str, set[str]]:
    """Return by name the passages that decided sentences; with `own`, also by own forms alone."""
    wanted = list(names)
    passages: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT * FROM decided_sentence WHERE name IN {EACH}"
    for row in store.rows(query, encode(wanted)) if wanted else ():
        if own or not row["own"]:
            passages[row["name"]].add(row["passage"])
    return passages
