"""Sentences in other passages: where they stand, and where they were decided.

    highlights that are here ──▶ `sentence`          decisions ──▶ `decided_sentence`

A long sentence (`facts.is_long`) that was decided anywhere is decided wherever it stands, and its
card is at home where it stands (the view `placed`). Nothing of it is recorded: both tables follow
from what is read, and from the journal. Where a passage had such a sentence once, its new words
may be new words of the card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ankiforge.ledger import facts
from ankiforge.ledger.events import Passage
from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.model import Highlight, Strings

_PRESENT = "sentence s JOIN highlight h ON h.key = s.key AND h.state = 'present'"


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


def names_of_long(sentences: Iterable[str]) -> list[str]:
    """Return the names of the long ones of some sentences."""
    return [facts.name_of(each) for each in sentences if facts.is_long(each)]


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
    rows = store.rows(f"SELECT s.key FROM {_PRESENT} WHERE s.name = ?", name)
    return [row["key"] for row in rows]


def passages_with(store: Store, sentences: Iterable[str]) -> list[str]:
    """Return the passages that have one of some sentences, or had it when they went."""
    query = f"SELECT DISTINCT key FROM sentence WHERE name IN {EACH} ORDER BY key"
    rows = store.rows(query, encode(names_of_long(sentences)))
    return list(dict.fromkeys(store.first(row["key"]) for row in rows))


def note_decided(store: Store, key: str, sentences: Strings, *, own: bool) -> None:
    """Note at once what was decided just now: the fold of thousands of decisions comes later."""
    rows = [(name, store.first(key), own) for name in names_of_long(sentences)]
    store.write_all("INSERT OR IGNORE INTO decided_sentence VALUES (?, ?, ?)", rows)


def are_decided_elsewhere(store: Store, passage: Passage, names: Sequence[str]) -> bool:
    """Return whether one of some sentences was decided in another passage, and in no own form.

    Copies of a form follow each its own passage. `names`: those of the sentences.
    """
    query = f"SELECT 1 FROM decided_sentence WHERE name IN {EACH} AND passage != ? AND NOT own"
    return bool(names) and store.row(query, encode(names), passage.key) is not None
