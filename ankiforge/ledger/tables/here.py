"""Read passages as they are here, many at once, with all that rules need of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.ledger import cards, facts
from ankiforge.ledger.events import Passage
from ankiforge.ledger.here import Elsewhere, HighlightHere, PassageHere, long_sentences
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import highlights, sentences
from ankiforge.ledger.tables import waiting as waiting_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.originals import Originals
from ankiforge.model import Card, StoredDraft, Strings

# --- passages ---------------------------------------------------------------------------


def passage_here(store: Store, passage: Passage) -> PassageHere:
    """Return a passage as it is read here and now."""
    [here] = passages_here(store, [passage])
    return here


def passages_here(store: Store, passages: Sequence[Passage]) -> list[PassageHere]:
    """Return passages as they are read here and now."""
    keys = [key for passage in passages for key in passage.keys]
    present = {row["key"]: row for row in highlights.present(store, keys)}
    texts = []
    for passage in passages:
        places = [present[key] for key in passage.keys if key in present]
        leading = cards.leading_of(places, passage)
        texts.append(facts.text_of(decode_highlight(leading)) if leading else "")
    given = map(facts.sentences, texts)
    there = each_elsewhere(store, list(zip(passages, given, strict=True)))
    waiting = _waiting_in(store, passages)
    return [
        PassageHere(passage, text, waiting[passage.key], elsewhere)
        for passage, text, elsewhere in zip(passages, texts, there, strict=True)
    ]


def highlights_here(
    store: Store, keys: Sequence[str], originals: Originals
) -> dict[str, HighlightHere]:
    """Return, by their keys, highlights that are drafted, with their passages."""
    rows = {row["key"]: row for row in highlights.of(store, keys) if row["body"]}
    read = {key: decode_highlight(row) for key, row in rows.items()}
    store.load(rows)
    passages = {key: store.passage(key) for key in rows}
    texts = {key: facts.text_of(highlight) for key, highlight in read.items()}
    pairs = [(passages[key], facts.sentences(texts[key])) for key in rows]
    there = dict(zip(rows, each_elsewhere(store, pairs), strict=True))
    waiting = _waiting_in(store, passages.values())

    undecided = {key: each for key, each in read.items() if not passages[key].decided}
    originals.read(undecided, rows)
    copies = {key: originals.of(highlight) for key, highlight in undecided.items()}
    issued = store.issued(key for key, found in copies.items() if found)
    return {
        key: HighlightHere(
            passages[key],
            texts[key],
            waiting[passages[key].key],
            there[key],
            highlight=read[key],
            content=row["content"],
            is_declined=row["declined"] == row["content"],
            reason=row["reason"],
            worth=row["worth"],
            issued=issued.get(key, 0),
            copies=copies.get(key, ()),
            former_copies=originals.former(read[key]) if key in undecided else (),
        )
        for key, row in rows.items()
    }


# --- drafts that wait -------------------------------------------------------------------


def _waiting_in(
    store: Store, passages: Iterable[Passage]
) -> Mapping[str, tuple[StoredDraft, ...]]:
    """Return the drafts that wait in passages, over all their keys, by the keys of passages."""
    keys = {key: passage.key for passage in passages for key in passage.keys}
    drafts: dict[str, list[StoredDraft]] = {first: [] for first in keys.values()}
    for row in waiting_drafts.offered_in(store, keys):
        drafts[keys[row["key"]]].append(waiting_drafts.draft_of(row))
    return {first: tuple(of_passage) for first, of_passage in drafts.items()}


# --- sentences in other passages --------------------------------------------------------


def each_elsewhere(
    store: Store, passages: Sequence[tuple[Passage, Strings]]
) -> list[Elsewhere]:
    """Return the decisions and cards elsewhere for each passage, given its sentences now."""
    long_ones = [long_sentences(passage, given) for passage, given in passages]
    names = {facts.name_of(sentence) for had in long_ones for sentence in had}
    decided_in = sentences.deciding(store, names, own=True)
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
            for decision in other.decisions:
                shared = tuple(each for each in decision.sentences if each in had)
                if decision.of and shared:
                    decisions.append(replace(decision, sentences=shared))
            last = facts.of_cards(other.decisions)
            for card in other.live:
                if card.in_slot or card.guid not in last:
                    continue
                if last[card.guid].about in had:
                    live[card.guid] = card
        lost = {
            each for event in (*passage.decisions, *decisions) for each in event.sentences
        }
        lost_by.append(lost.difference(given))
        found.append(Elsewhere(tuple(decisions), live))

    all_lost = {facts.name_of(each): each for lost in lost_by for each in lost}
    names_here = sentences.standing(store, all_lost)
    standing = {all_lost[name] for name in names_here}
    return [
        replace(there, standing=frozenset(lost & standing)) if lost else there
        for there, lost in zip(found, lost_by, strict=True)
    ]
