"""Load snapshots of passages, with everything that the rules use.

The rules are functions of snapshots (see `ledger.snapshots`) and don't query the database. As
a snapshot takes several queries, those of many passages are loaded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import chain

from msgspec.structs import asdict, replace

from ankiforge.ledger import cards, line_patterns, sentence_decisions
from ankiforge.ledger.events import Passage, SentenceDecision
from ankiforge.ledger.snapshots import (
    DraftingState,
    HighlightSnapshot,
    PassageSnapshot,
    RelatedDecisions,
    find_distinctive_sentences,
)
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import highlights, sentences
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.pending_drafts import row_to_draft, row_to_made_draft
from ankiforge.model import Card, DraftingStatus, Highlight, StoredDraft, Strings

# --- passages ---------------------------------------------------------------------------


def load_snapshot(store: Store, passage: Passage) -> PassageSnapshot:
    """Load the snapshot of a single passage."""
    [snapshot] = load_snapshots(store, [passage])
    return snapshot


def load_snapshots(store: Store, passages: Sequence[Passage]) -> list[PassageSnapshot]:
    """Load the snapshots of several passages, in the same order."""
    return _load_snapshots(store, passages, _load_leading_highlights(store, passages))


def load_highlight_snapshots(
    store: Store, keys: Sequence[str]
) -> dict[str, HighlightSnapshot]:
    """Load the snapshots of highlights that are about to be drafted, keyed by highlight key.

    The text is that of the highlight, even if another one leads its passage. Highlights that were
    never read on this device are skipped.
    """
    rows = [row for row in highlights.load_highlight_rows(store, keys) if row["body"]]
    store.preload_passages(row["key"] for row in rows)
    passages = [store.get_passage(row["key"]) for row in rows]
    highlights_read = [decode_highlight(row["body"]) for row in rows]
    copy_titles = _load_primary_copy_titles(store, rows, passages)
    passage_snapshots = _load_snapshots(store, passages, highlights_read)
    snapshots: dict[str, HighlightSnapshot] = {}
    for row, snapshot in zip(rows, passage_snapshots, strict=True):
        key = row["key"]
        snapshots[key] = HighlightSnapshot(
            **asdict(snapshot),
            content_hash=row["content"],
            drafting=_row_to_drafting_state(row),
            primary_copy_title=copy_titles.get(key),
        )
    return snapshots


def _load_snapshots(
    store: Store,
    passages: Sequence[Passage],
    leading_highlights: Sequence[Highlight | None],
) -> list[PassageSnapshot]:
    """Load the snapshots of passages, each with the text of the given highlight."""
    texts = list(map(_get_text, leading_highlights))
    sentence_lists = map(sentence_decisions.split_sentences, texts)
    related_decisions = load_related_decisions(
        store, list(zip(passages, sentence_lists, strict=True))
    )
    drafts_by_passage = _load_pending_drafts(store, passages)
    made_by_passage = load_made_drafts(store, passages)
    snapshots = []
    for passage, text, related, highlight in zip(
        passages, texts, related_decisions, leading_highlights, strict=True
    ):
        snapshot = PassageSnapshot(
            passage,
            text,
            pending_drafts=drafts_by_passage[passage.key],
            related=related,
            made=made_by_passage[passage.key],
            highlight=highlight,
            is_refused_line=is_refused_line(store, passage, highlight),
        )
        snapshots.append(snapshot)
    return snapshots


def _get_text(highlight: Highlight | None) -> str:
    """Return the text whose sentences are decided on, or "" without a highlight."""
    if highlight is None:
        return ""
    return sentence_decisions.get_sentence_text(highlight)


def _row_to_drafting_state(row: Row) -> DraftingState:
    return DraftingState(
        modelled_hash=row["modelled"],
        declined_hash=row["declined"],
        status=DraftingStatus(row["fate"]),
        reason=row["reason"],
        usefulness=row["worth"],
    )


def _load_leading_highlights(
    store: Store, passages: Iterable[Passage]
) -> list[Highlight | None]:
    """Load the highlight from which each passage takes its text, or None if it was removed."""
    keys: list[str] = []
    for passage in passages:
        keys += passage.keys
    rows = highlights.load_current_highlight_rows(store, keys)
    rows_by_key = {row["key"]: row for row in rows}
    leading_highlights: list[Highlight | None] = []
    for passage in passages:
        present_rows = [rows_by_key[key] for key in passage.keys if key in rows_by_key]
        leading_row = cards.find_leading_row(present_rows, passage.keys)
        if leading_row is None:
            leading_highlights.append(None)
        else:
            leading_highlights.append(decode_highlight(leading_row["body"]))
    return leading_highlights


def is_refused_line(store: Store, passage: Passage, highlight: Highlight | None) -> bool:
    """Return whether the user answered that lines like this highlight are no cards."""
    if highlight is None or passage.live_cards:
        return False
    answer = line_patterns.find_line_pattern_answer(store, highlight)
    return answer == line_patterns.NEVER


def _load_primary_copy_titles(
    store: Store, rows: Iterable[Row], passages: Iterable[Passage]
) -> dict[str, str]:
    """Load the title of the document with the primary copy of each undecided highlight.

    Highlights that aren't copies are skipped.
    """
    passage_by_key: dict[str, Passage] = {}
    for row, passage in zip(rows, passages, strict=True):
        if not passage.was_ever_decided:
            passage_by_key[row["key"]] = passage
    titles = {}
    for key, copy in highlights.find_primary_copies(store, passage_by_key).items():
        if copy.passage_key != passage_by_key[key].key:
            titles[key] = copy.title
    return titles


# --- pending drafts ---------------------------------------------------------------------


def _load_pending_drafts(
    store: Store, passages: Iterable[Passage]
) -> Mapping[str, tuple[StoredDraft, ...]]:
    """Load the pending drafts of passages, by the passage's oldest key."""
    query = f"SELECT * FROM draft WHERE key IN {JSON_VALUES} ORDER BY key, position"
    return _load_by_passage(store, passages, query, row_to_draft)


def load_made_drafts(
    store: Store, passages: Iterable[Passage]
) -> Mapping[str, tuple[StoredDraft, ...]]:
    """Load the drafts that were made of passages, by the passage's oldest key."""
    query = (
        f"SELECT * FROM made WHERE key IN {JSON_VALUES} AND dropped = ''"
        " ORDER BY key, position"
    )
    return _load_by_passage(store, passages, query, row_to_made_draft)


def _load_by_passage(
    store: Store,
    passages: Iterable[Passage],
    query: str,
    decode_row: Callable[[Row], StoredDraft],
) -> Mapping[str, tuple[StoredDraft, ...]]:
    first_keys = {key: passage.key for passage in passages for key in passage.keys}
    drafts_by_passage: dict[str, list[StoredDraft]] = {
        key: [] for key in first_keys.values()
    }
    for row in store.fetch_rows(query, to_json(list(first_keys))):
        drafts_by_passage[first_keys[row["key"]]].append(decode_row(row))
    return {key: tuple(drafts) for key, drafts in drafts_by_passage.items()}


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
    all_sentences = set(chain.from_iterable(sentence_sets))
    passages_by_name = sentences.find_deciding_passages(
        store,
        map(sentence_decisions.hash_sentence, all_sentences),
        include_all_kinds=True,
    )
    store.preload_passages(chain.from_iterable(passages_by_name.values()))
    results = []
    for (passage, _), sentence_set in zip(passages, sentence_sets, strict=True):
        deciding_keys: set[str] = set()
        for sentence in sentence_set:
            name = sentence_decisions.hash_sentence(sentence)
            deciding_keys.update(passages_by_name.get(name, ()))
        others = []
        for other in map(store.get_passage, sorted(deciding_keys)):
            if other.key != passage.key and not other.is_distinct_from(passage):
                others.append(other)
        results.append(_find_related_decisions(others, sentence_set))
    return _add_present_sentences(store, passages, results)


def _find_related_decisions(
    others: Iterable[Passage], sentences_of_passage: Set[str]
) -> RelatedDecisions:
    """Find the decisions and live cards of other passages about sentences of a passage."""
    decisions: list[SentenceDecision] = []
    live_cards: dict[str, Card] = {}
    for other in others:
        for decision in other.decisions:
            shared = tuple(filter(sentences_of_passage.__contains__, decision.sentences))
            if decision.event_id and shared:
                decisions.append(replace(decision, sentences=shared))
        last_decisions = sentence_decisions.find_last_decision_by_card(other.decisions)
        for card in other.live_cards:
            last_decision = last_decisions.get(card.guid)
            if card.is_hand_written or last_decision is None:
                continue
            if last_decision.card_sentence in sentences_of_passage:
                live_cards[card.guid] = card
    return RelatedDecisions(tuple(decisions), live_cards)


def _add_present_sentences(
    store: Store,
    passages: Sequence[tuple[Passage, Strings]],
    results: Sequence[RelatedDecisions],
) -> list[RelatedDecisions]:
    """Add the decided sentences that a passage has lost, and that another passage still has."""
    lost_sentence_sets: list[set[str]] = []
    lost_by_name: dict[str, str] = {}
    for (passage, current), related in zip(passages, results, strict=True):
        decided_sentences: set[str] = set()
        for decision in (*passage.decisions, *related.decisions):
            decided_sentences.update(decision.sentences)
        lost = decided_sentences.difference(current)
        lost_sentence_sets.append(lost)
        for sentence in lost:
            lost_by_name[sentence_decisions.hash_sentence(sentence)] = sentence
    present_names = sentences.filter_current_sentences(store, lost_by_name)
    present_sentences = {lost_by_name[name] for name in present_names}
    completed = []
    for related, lost in zip(results, lost_sentence_sets, strict=True):
        present = frozenset(lost & present_sentences)
        completed.append(replace(related, present_sentences=present))
    return completed
