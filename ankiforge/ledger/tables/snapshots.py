"""Load snapshots of passages, with everything that the rules use.

The rules are functions of snapshots (see `ledger.snapshots`) and don't query the database. As
a snapshot takes several queries, those of many passages are loaded at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import asdict, replace

from ankiforge.ledger import cards, line_patterns, sentence_decisions
from ankiforge.ledger.events import Passage
from ankiforge.ledger.snapshots import (
    HighlightSnapshot,
    PassageSnapshot,
    RelatedDecisions,
    find_distinctive_sentences,
)
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables import highlights, sentences
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.pending_drafts import decode_draft, row_to_draft
from ankiforge.model import Card, Guid, Highlight, StoredDraft, Strings

# --- passages ---------------------------------------------------------------------------


def load_snapshot(store: Store, passage: Passage) -> PassageSnapshot:
    """Load the snapshot of a single passage."""
    [snapshot] = load_snapshots(store, [passage])
    return snapshot


def load_snapshots(store: Store, passages: Sequence[Passage]) -> list[PassageSnapshot]:
    """Load the snapshots of several passages, in the same order."""
    keys = [key for passage in passages for key in passage.keys]
    rows_by_key = {
        row["key"]: row for row in highlights.load_current_highlight_rows(store, keys)
    }
    leading_highlights: list[Highlight | None] = []
    for passage in passages:
        present_rows = [rows_by_key[key] for key in passage.keys if key in rows_by_key]
        leading = cards.find_leading_row(present_rows, passage.keys)
        leading_highlights.append(decode_highlight(leading["body"]) if leading else None)
    texts = [
        sentence_decisions.get_sentence_text(each) if each else ""
        for each in leading_highlights
    ]
    sentence_lists = [sentence_decisions.split_sentences(text) for text in texts]
    related_decisions = load_related_decisions(
        store, list(zip(passages, sentence_lists, strict=True))
    )
    drafts_by_passage = _load_pending_drafts(store, passages)
    made_by_passage = load_made_drafts(store, passages)
    return [
        PassageSnapshot(
            passage,
            text,
            drafts_by_passage[passage.key],
            related,
            highlight.key if highlight else "",
            made_by_passage[passage.key],
            highlight,
            is_refused_line(store, passage, highlight),
        )
        for passage, text, related, highlight in zip(
            passages, texts, related_decisions, leading_highlights, strict=True
        )
    ]


def is_refused_line(store: Store, passage: Passage, highlight: Highlight | None) -> bool:
    """Return whether the user answered that lines like this highlight are no cards."""
    return (
        highlight is not None
        and not passage.live_cards
        and line_patterns.find_line_pattern_answer(store, highlight)
        == line_patterns.NEVER
    )


def load_highlight_snapshots(
    store: Store, keys: Sequence[str]
) -> dict[str, HighlightSnapshot]:
    """Load the snapshots of highlights that are about to be drafted, keyed by highlight key.

    Highlights that were never read on this device are skipped.
    """
    rows_by_key = {
        row["key"]: row
        for row in highlights.load_highlight_rows(store, keys)
        if row["body"]
    }
    highlights_read = {
        key: decode_highlight(row["body"]) for key, row in rows_by_key.items()
    }
    store.preload_passages(rows_by_key)
    passages = {key: store.get_passage(key) for key in rows_by_key}
    texts = {
        key: sentence_decisions.get_sentence_text(highlight)
        for key, highlight in highlights_read.items()
    }
    pairs = [
        (passages[key], sentence_decisions.split_sentences(texts[key]))
        for key in rows_by_key
    ]
    related_by_key = dict(
        zip(rows_by_key, load_related_decisions(store, pairs), strict=True)
    )
    drafts_by_passage = _load_pending_drafts(store, passages.values())
    made_by_passage = load_made_drafts(store, passages.values())

    undecided_keys = [
        key for key, passage in passages.items() if not passage.was_ever_decided
    ]
    titles = {}
    for key, original in highlights.find_primary_copies(store, undecided_keys).items():
        if original["passage"] != passages[key].key:
            titles[key] = original["title"]
    return {
        key: HighlightSnapshot(
            passages[key],
            texts[key],
            drafts_by_passage[passages[key].key],
            related_by_key[key],
            key,
            made=made_by_passage[passages[key].key],
            is_refused_line=is_refused_line(store, passages[key], highlights_read[key]),
            highlight=highlights_read[key],
            content_hash=row["content"],
            has_model_result=row["modelled"] == row["content"],
            is_declined=row["declined"] == row["content"],
            reason=row["reason"],
            usefulness=row["worth"],
            primary_copy_title=titles.get(key, ""),
        )
        for key, row in rows_by_key.items()
    }


# --- pending drafts ---------------------------------------------------------------------


def _load_pending_drafts(
    store: Store, passages: Iterable[Passage]
) -> Mapping[str, tuple[StoredDraft, ...]]:
    first_keys = {key: passage.key for passage in passages for key in passage.keys}
    drafts_by_passage: dict[str, list[StoredDraft]] = {
        key: [] for key in first_keys.values()
    }
    query = f"SELECT * FROM draft WHERE key IN {JSON_VALUES} ORDER BY key, position"
    for row in store.fetch_rows(query, to_json(list(first_keys))):
        drafts_by_passage[first_keys[row["key"]]].append(row_to_draft(row))
    return {key: tuple(drafts) for key, drafts in drafts_by_passage.items()}


def load_made_drafts(
    store: Store, passages: Iterable[Passage]
) -> Mapping[str, tuple[StoredDraft, ...]]:
    """Load the drafts that were made of passages, by the passage's oldest key."""
    first_keys = {key: passage.key for passage in passages for key in passage.keys}
    made: dict[str, list[StoredDraft]] = {key: [] for key in first_keys.values()}
    query = (
        f"SELECT * FROM made WHERE key IN {JSON_VALUES} AND dropped = ''"
        " ORDER BY key, position"
    )
    for row in store.fetch_rows(query, to_json(list(first_keys))):
        made[first_keys[row["key"]]].append(
            StoredDraft(
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
        )
    return {key: tuple(drafts) for key, drafts in made.items()}


# --- decisions and cards elsewhere ------------------------------------------------------


def load_related_decisions(
    store: Store, passages: Sequence[tuple[Passage, Strings]]
) -> list[RelatedDecisions]:
    """Load the related decisions and live cards of other passages, for each passage in order.

    A decision or card is related if it is about a long sentence that the passage contains or
    used to contain. Each item of `passages` is a pair of a passage and its current sentences.
    """
    sentence_sets = [
        find_distinctive_sentences(passage, current) for passage, current in passages
    ]
    names = {
        sentence_decisions.hash_sentence(sentence)
        for sentence_set in sentence_sets
        for sentence in sentence_set
    }
    passages_by_name = sentences.find_deciding_passages(
        store, names, include_all_kinds=True
    )
    store.preload_passages(key for keys in passages_by_name.values() for key in keys)

    results = []
    lost_sentence_sets: list[set[str]] = []
    for (passage, current), sentence_set in zip(passages, sentence_sets, strict=True):
        decisions = []
        live_cards: dict[str, Card] = {}
        keys = {
            key
            for sentence in sentence_set
            for key in passages_by_name.get(
                sentence_decisions.hash_sentence(sentence), ()
            )
        }
        for other in map(store.get_passage, sorted(keys)):
            if other.key == passage.key or other.is_distinct_from(passage):
                continue
            for decision in other.decisions:
                shared = tuple(
                    sentence
                    for sentence in decision.sentences
                    if sentence in sentence_set
                )
                if decision.event_id and shared:
                    decisions.append(replace(decision, sentences=shared))
            last_decisions = sentence_decisions.find_last_decision_by_card(
                other.decisions
            )
            for card in other.live_cards:
                if card.is_hand_written or card.guid not in last_decisions:
                    continue
                if last_decisions[card.guid].card_sentence in sentence_set:
                    live_cards[card.guid] = card
        decided_sentences = {
            sentence
            for any_decision in (*passage.decisions, *decisions)
            for sentence in any_decision.sentences
        }
        lost_sentence_sets.append(decided_sentences.difference(current))
        results.append(RelatedDecisions(tuple(decisions), live_cards))

    lost_by_name = {
        sentence_decisions.hash_sentence(sentence): sentence
        for lost in lost_sentence_sets
        for sentence in lost
    }
    present_names = sentences.filter_current_sentences(store, lost_by_name)
    present_sentences = {lost_by_name[name] for name in present_names}
    return [
        replace(result, present_sentences=frozenset(lost & present_sentences))
        if lost
        else result
        for result, lost in zip(results, lost_sentence_sets, strict=True)
    ]
