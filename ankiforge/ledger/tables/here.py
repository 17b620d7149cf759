"""Read passages as they are here, many at once, with all that rules need of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import cards, facts
from ankiforge.ledger.events import Passage
from ankiforge.ledger.here import Elsewhere, HighlightHere, PassageHere
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.tables.originals import Originals
from ankiforge.model import Card, Guid, Strings

_PRESENT = "sentence s JOIN highlight h ON h.key = s.key AND h.state = 'present'"
_decode_draft = msgspec.json.Decoder(Card).decode


# --- passages ---------------------------------------------------------------------------


def passage_here(store: Store, passage: Passage) -> PassageHere:
    """Return a passage as it is read here and now."""
    leading = cards.leading_row(store, passage)
    text = facts.text_of(decode_highlight(leading)) if leading else ""
    given = facts.sentences(text)
    return PassageHere(
        passage,
        text,
        waiting_of(store, passage.keys),
        elsewhere(store, passage, given),
    )


def highlights_here(
    store: Store, keys: Sequence[str], originals: Originals
) -> dict[str, HighlightHere]:
    """Return, by their keys, highlights that are drafted, with their passages."""
    wanted = encode(keys)
    query = f"SELECT * FROM highlight WHERE body != '' AND key IN {EACH}"
    rows = {row["key"]: row for row in store.rows(query, wanted)}
    store.load(rows)
    highlights = {key: decode_highlight(row) for key, row in rows.items()}
    passages = {key: store.passage(key) for key in rows}
    given = {
        key: facts.sentences(facts.text_of(highlight))
        for key, highlight in highlights.items()
    }
    pairs = [(passages[key], given[key]) for key in rows]
    there = dict(zip(rows, each_elsewhere(store, pairs), strict=True))
    waiting: dict[str, list[Card]] = defaultdict(list)
    all_keys = [each for passage in passages.values() for each in passage.keys]
    for draft in waiting_of(store, all_keys):
        waiting[draft.key].append(draft)

    undecided = {
        key: each for key, each in highlights.items() if not passages[key].decided
    }
    originals.read(undecided, rows)
    copies = {key: originals.of(highlight) for key, highlight in undecided.items()}
    issued = store.issued(key for key, found in copies.items() if found)
    return {
        key: HighlightHere(
            passages[key],
            facts.text_of(highlights[key]),
            tuple(draft for each in passages[key].keys for draft in waiting[each]),
            there[key],
            highlight=highlights[key],
            content=row["content"],
            is_declined=row["declined"] == row["content"],
            reason=row["reason"],
            worth=row["worth"],
            issued=issued.get(key, 0),
            copies=copies.get(key, ()),
            former_copies=originals.former(highlights[key]) if key in undecided else (),
        )
        for key, row in rows.items()
    }


# --- drafts that wait -------------------------------------------------------------------


def waiting_of(store: Store, keys: Sequence[str]) -> tuple[Card, ...]:
    """Return the drafts of highlights that wait, in their order."""
    query = f"SELECT * FROM offered WHERE key IN {EACH} ORDER BY key, position"
    return tuple(map(draft_of, store.rows(query, encode(keys))))


def draft_of(row: Row) -> Card:
    """Return the draft in a row of the view `offered`."""
    return replace(
        _decode_draft(row["body"]),
        id=row["id"],
        revises=Guid(row["revises"]) if row["revises"] else None,
        replaces=Guid(row["replaces"]) if row["replaces"] else None,
        offer=row["offer"],
        about=tuple(row["fact"].split()),
        near=row["near"],
    )


# --- sentences in other passages --------------------------------------------------------


def elsewhere(store: Store, passage: Passage, given: Strings) -> Elsewhere:
    """Return what other passages have to do with a passage that has these sentences now."""
    [there] = each_elsewhere(store, [(passage, given)])
    return there


def each_elsewhere(
    store: Store, passages: Sequence[tuple[Passage, Strings]]
) -> list[Elsewhere]:
    """Return what other passages have to do with each of these, which have such sentences now."""
    long_ones = []
    for passage, given in passages:
        had = set(given)
        for text in passage.texts:
            had.update(facts.sentences(text.exact))
        long_ones.append(set(filter(facts.is_long, had)))
    decided_in: dict[str, list[str]] = defaultdict(list)
    names = {facts.name_of(sentence) for had in long_ones for sentence in had}
    query = f"SELECT name, passage FROM decided_sentence WHERE name IN {EACH}"
    for row in store.rows(query, encode(list(names))):
        decided_in[row["name"]].append(row["passage"])
    store.load(key for keys in decided_in.values() for key in keys)

    found = []
    lost_by: list[set[str]] = []
    for (passage, given), had in zip(passages, long_ones, strict=True):
        decisions = []
        live: dict[str, Card] = {}
        keys = {key for each in had for key in decided_in.get(facts.name_of(each), ())}
        for other in map(store.passage, sorted(keys)):
            if other.key == passage.key or other.told_apart_from(passage):
                continue
            for decision in other.facts:
                shared = tuple(each for each in decision.sentences if each in had)
                if decision.of and shared:
                    decisions.append(replace(decision, sentences=shared))
            last = facts.of_cards(other.facts)
            for card in other.live:
                if not card.in_slot and card.id in last and last[card.id].about in had:
                    live[card.id] = card
        lost = {
            each for event in (*passage.facts, *decisions) for each in event.sentences
        }
        lost_by.append(lost.difference(given))
        found.append(Elsewhere(tuple(decisions), live))

    standing = _standing(store, {each for lost in lost_by for each in lost})
    return [
        replace(there, standing=frozenset(lost & standing)) if lost else there
        for there, lost in zip(found, lost_by, strict=True)
    ]


def _standing(store: Store, sentences: Iterable[str]) -> set[str]:
    """Return those of some sentences that stand in a passage that is here."""
    names = {facts.name_of(each): each for each in sentences}
    if not names:
        return set()
    query = f"SELECT DISTINCT s.name FROM {_PRESENT} WHERE s.name IN {EACH}"
    return {names[row["name"]] for row in store.rows(query, encode(list(names)))}
