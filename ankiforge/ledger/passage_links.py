"""Link passages that are the same, or ask the user, after a run has written its highlights.

If a passage was removed and there is a copy of it, the copy takes over the key. Passages are
linked if two devices read them at the same time, or if they are in several kinds of sources, such
as a note, its PDF and the library. If a new highlight is merely similar to a removed passage, the
user is asked. The kind of source through which a passage was read is called its *route*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.draft_changes import COPY_REASON_PREFIX
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.match import (
    MIN_DISTINCTIVE_CHARS,
    DocumentHighlights,
    MatchedHighlight,
    Pairs,
    add_unpaired_candidates,
    find_similar_removed,
    iter_matches_in_document,
)
from ankiforge.ledger.readings import IngestReport, load_stored_highlight
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import highlights, sentences
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import hints
from ankiforge.text import regex

# Matches a special character of a LIKE pattern in SQL.
_LIKE_WILDCARD = regex(r"[%_\\]")


# --- copies of removed passages ---------------------------------------------------------


def transfer_keys_to_copies(
    store: Store, report: IngestReport, absent_highlights: Iterable[MatchedHighlight]
) -> None:
    """Transfer the keys of removed, decided passages to undecided passages with equal text.

    If the user copies a note or PDF and later deletes the original, the copy keeps its cards. The
    passages are added to `report` as moved.
    """
    removed_highlights = list(absent_highlights)
    # add the passages of a source that was copied elsewhere and is no longer read; both conditions
    # on the state are necessary (see `tables.highlights`)
    for row in store.fetch_rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'unselected' AND EXISTS"
        " (SELECT 1 FROM highlight o JOIN document e ON e.id = o.document"
        "  WHERE o.folded = h.folded AND o.state = 'present' AND e.place = d.place)"
    ):
        if len(store.get_keys(row["key"])) == 1:
            removed_highlights.append(load_stored_highlight(store, row))
    for mark in removed_highlights:
        if not mark.is_decided:
            continue
        copy_row = _find_undecided_copy(store, mark)
        if copy_row is not None:
            store.record_event("same", copy_row["key"], SOURCE, {"old": mark.key})
            report.moved.append((mark.key, copy_row["place"]))


def _find_undecided_copy(store: Store, mark: MatchedHighlight) -> Row | None:
    """Return the undecided highlight with the text of a removed one, the first by key, or None.

    Short texts are often equal by coincidence, so such a highlight must have been recognized as a
    copy when it was drafted.
    """
    text = mark.newest_reading.text
    copies = []
    for row in highlights.load_current_highlights_by_text(store, [text]):
        if row["key"] == mark.key or store.get_passage(row["key"]).was_ever_decided:
            continue
        is_known_copy = row["reason"].startswith(COPY_REASON_PREFIX)
        if is_known_copy or len(text) >= MIN_DISTINCTIVE_CHARS:
            copies.append(row)
    return min(copies, key=itemgetter("key"), default=None)


# --- similar passages -------------------------------------------------------------------


def record_questions_about_removed(
    store: Store,
    removed_highlights: Sequence[MatchedHighlight],
    scanned_highlights: Iterable[MatchedHighlight],
) -> None:
    """Ask whether new highlights replace the most similar removed passages with a decision.

    A highlight that only another device has read so far also counts as new, because two devices
    that read a passage before they synchronized their journals may have issued different keys.
    """
    new_highlights = []
    for mark in scanned_highlights:
        stored = mark.stored_highlight
        if stored is None or stored.state is SourceState.JOURNAL:
            new_highlights.append(mark)
    similar_pairs = find_similar_removed(removed_highlights, new_highlights)
    for mark, removed_highlight in similar_pairs.items():
        is_from_other_device = mark.stored_highlight is not None
        # compare it only with highlights that went missing in this run
        if is_from_other_device and removed_highlight.state is not SourceState.PRESENT:
            continue
        old = {"old": removed_highlight.key}
        if is_from_other_device and _is_match_in_document(removed_highlight, mark):
            store.record_event("same", mark.key, SOURCE, old)
        elif not are_sentences_still_present(store, removed_highlight.key):
            store.record_event("ask", mark.key, SOURCE, old)


def _is_match_in_document(
    removed_highlight: MatchedHighlight, mark: MatchedHighlight
) -> bool:
    """Return whether two highlights are in the same document, and would be matched in it."""
    if mark.document != removed_highlight.document:
        return False
    pairs: Pairs = {}
    document = DocumentHighlights([removed_highlight], [mark])
    add_unpaired_candidates(pairs, iter_matches_in_document(document, pairs))
    return bool(pairs)


def are_sentences_still_present(store: Store, key: str) -> bool:
    """Return whether other highlights contain all decided sentences of a removed passage.

    If the passage has live cards, only the sentences of these cards count. Only long sentences
    are recognized in other highlights.
    """
    passage = store.get_passage(key)
    names: set[str] = set()
    if passage.live_cards:
        last_decisions = sentence_decisions.find_last_decision_by_card(passage.decisions)
        for card in passage.live_cards:
            last_decision = last_decisions.get(card.guid)
            names.add(sentence_decisions.hash_card_sentence(card, last_decision))
    else:
        for decision in passage.decisions:
            if decision.is_about_user_text:
                return False
            names.update(
                sentence_decisions.hash_distinctive_sentences(decision.sentences)
            )
    if not names:
        return False
    return names == sentences.filter_current_sentences(store, names)


# --- one passage in several kinds of sources --------------------------------------------


def link_across_source_kinds(store: Store, keys: Iterable[str]) -> set[str]:
    """Link new highlights to the same passages in other kinds of sources.

    Two highlights are the same passage if a hint of one highlight is the id of the other, or if
    their documents are the same work and their texts are equal. Equal texts are paired one to one,
    in order. Highlights from the same kind of source are never linked.

    Args:
        store: The store.
        keys: The keys of the highlights that are new or were read again.

    Returns:
        The keys that now belong to a passage that was stored before.
    """
    linked_keys = set()
    for key in keys:
        row = highlights.find_highlight_row(store, key)
        if row is None or row["state"] != SourceState.PRESENT:
            continue
        if store.get_keys(key) != (key,):
            continue  # it was linked before
        other_key = _find_passage_by_hint(store, row)
        if other_key is None:
            other_key = _find_passage_of_same_work(store, row)
        if other_key is not None:
            store.record_event("same", key, SOURCE, {"old": other_key})
            linked_keys.add(key)
    return linked_keys


def _find_passage_by_hint(store: Store, row: Row) -> str | None:
    """Return the passage from another kind of source whose id is a hint of a highlight."""
    for hint in decode_highlight(row["body"]).hints:
        # escape the parts of the hint for LIKE
        scheme, name = (
            _LIKE_WILDCARD.sub(r"\\\g<0>", part) for part in hints.split_hint(hint)
        )
        query = (
            r"SELECT * FROM highlight WHERE key LIKE ? ESCAPE '\' AND state = 'present'"
        )
        for other_row in store.fetch_rows(query, f"{scheme}:%/{name}"):
            if other_row["route"] != row["route"]:
                return store.get_first_key(other_row["key"])
    return None


def _find_passage_of_same_work(store: Store, row: Row) -> str | None:
    """Return the passage with an equal text in the same work, read from another kind of source.

    Short texts may be equal by coincidence, and so may texts on different pages.
    """
    if len(row["folded"]) < MIN_DISTINCTIVE_CHARS:
        return None
    own_routes = _find_source_kinds(store, row["key"])
    own_page = decode_highlight(row["body"]).page_label
    for other_row in store.fetch_rows(
        "SELECT DISTINCT h.* FROM identifier a JOIN identifier b ON a.name = b.name"
        " JOIN highlight h ON h.document = b.document"
        " WHERE a.document = ? AND h.folded = ? AND h.state = 'present' AND h.route != ?"
        " ORDER BY h.document, h.position",
        *(row["document"], row["folded"], row["route"]),
    ):
        page = decode_highlight(other_row["body"]).page_label
        if page and own_page and page != own_page:
            continue
        if own_routes.isdisjoint(_find_source_kinds(store, other_row["key"])):
            return store.get_first_key(other_row["key"])
    return None


def _find_source_kinds(store: Store, key: str) -> set[str]:
    """Return the kinds of sources in which a passage was read.

    The result includes "" if a highlight of the passage wasn't read on this device.
    """
    keys = store.get_keys(key)
    routes = [row["route"] for row in highlights.load_highlight_rows(store, keys)]
    if len(routes) < len(keys):
        routes.append("")
    return set(routes)
