"""Record which passages are the same, or ask the user, after the highlights of a run were written.

A copy takes over the key of a removed passage. Passages that two devices read at the same time, or
that several kinds of sources contain, such as a note, its PDF and the library, are linked. If a new
highlight is only similar to a removed passage, the user is asked. A *route* is the kind of source
through which a passage is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ankiforge.ledger import facts
from ankiforge.ledger.draft_changes import COPY_REASON_PREFIX
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.match import (
    MIN_DISTINCTIVE_CHARS,
    DocumentMarks,
    Mark,
    Pairs,
    add_pairs,
    find_similar_removed,
    iter_in_document,
)
from ankiforge.ledger.readings import IngestReport, load_stored_mark
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import highlights, sentences
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import hints
from ankiforge.text import regex

# Matches a special character of a LIKE pattern in SQL.
_LIKE_WILDCARD = regex(r"[%_\\]")


# --- copies of removed passages ---------------------------------------------------------


def transfer_keys(
    store: Store, report: IngestReport, absent_marks: Iterable[Mark]
) -> None:
    """Transfer the key of a removed, decided passage to an undecided one with equal text.

    This way, if a note or PDF is copied and the original is deleted before a later run, the
    copy keeps the cards. The passages are added to `report` as moved.
    """
    removed_marks = list(absent_marks)
    # add the passages of a source that was copied elsewhere and is no longer read
    for row in store.fetch_rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.state != 'present' AND h.state = 'unselected' AND EXISTS"
        " (SELECT 1 FROM highlight o JOIN document e ON e.id = o.document"
        "  WHERE o.folded = h.folded AND o.state = 'present' AND e.place = d.place)"
    ):
        if len(store.get_keys(row["key"])) == 1:
            removed_marks.append(load_stored_mark(store, row))
    for mark in removed_marks:
        text = mark.newest.text
        heirs = []
        for row in (
            highlights.load_present_by_text(store, [text]) if mark.is_decided else ()
        ):
            if row["key"] == mark.key or store.get_passage(row["key"]).is_decided:
                continue
            # short texts are often equal by coincidence
            is_copy = row["reason"].startswith(COPY_REASON_PREFIX)
            if is_copy or len(text) >= MIN_DISTINCTIVE_CHARS:
                heirs.append((row["key"], row["place"]))
        if heirs:
            heir, place = min(heirs)
            store.record_event("same", heir, SOURCE, {"old": mark.key})
            report.moved.append((mark.key, place))


# --- similar passages -------------------------------------------------------------------


def ask_about_removed(
    store: Store, removed_marks: Sequence[Mark], scanned_marks: Iterable[Mark]
) -> None:
    """Ask about decided passages that were removed, each with the most similar new highlight.

    Highlights that so far only another device has read count as new, because two devices that
    read a passage before synchronizing their journals may each have issued a key for it.
    """
    new_marks = []
    for mark in scanned_marks:
        if mark.stored_mark is None or mark.stored_mark.state == "journal":
            new_marks.append(mark)
    for mark, removed_mark in find_similar_removed(removed_marks, new_marks).items():
        # a passage of another device is compared only with what this run found missing
        if mark.stored_mark and removed_mark.state != "present":
            continue
        old = {"old": removed_mark.key}
        if mark.stored_mark and mark.document == removed_mark.document:
            pairs: Pairs = {}
            document = DocumentMarks([removed_mark], [mark])
            add_pairs(pairs, iter_in_document(document, pairs))
            if pairs:
                store.record_event("same", mark.key, SOURCE, old)
                continue
        if not is_still_present(store, removed_mark.key):
            store.record_event("ask", mark.key, SOURCE, old)


def is_still_present(store: Store, key: str) -> bool:
    """Return whether all decided sentences of a passage still occur in some highlight.

    Only long sentences are recognized elsewhere. If the passage has live cards, only the
    sentences of those cards count.
    """
    passage = store.get_passage(key)
    last_decisions = facts.find_card_decisions(passage.decisions)
    names = {
        facts.hash_card_sentence(card, last_decisions.get(card.guid))
        for card in passage.live_cards
    }
    for decision in () if passage.live_cards else passage.decisions:
        names.update(facts.hash_long_sentences(decision.sentences))
        if decision.own:
            return False
    return bool(names) and names == sentences.filter_present(store, names)


# --- one passage in several kinds of sources --------------------------------------------


def link_across_routes(store: Store, keys: Iterable[str]) -> set[str]:
    """Link new highlights to the same passages read through other kinds of sources.

    Two highlights from different routes are the same passage if one names the other's id, or
    if their documents are the same work and their texts are equal. Equal texts are paired one
    to one, in order. Highlights from the same route are never linked. `keys` are the keys of
    new and reread highlights.

    Returns:
        The keys that now belong to a previously stored passage.
    """
    linked_keys = set()
    for key in keys:
        row = highlights.load_row(store, key)
        if row is None or row["state"] != "present" or store.get_keys(key) != (key,):
            continue
        highlight = decode_highlight(row)
        other_key = ""
        for hint in highlight.hints:
            # escape the parts of the hint for LIKE
            scheme, name = (
                _LIKE_WILDCARD.sub(r"\\\g<0>", part) for part in hints.split_hint(hint)
            )
            query = r"SELECT * FROM highlight WHERE key LIKE ? ESCAPE '\' AND state = 'present'"
            for other_row in store.fetch_rows(query, f"{scheme}:%/{name}"):
                if not other_key and other_row["route"] != row["route"]:
                    other_key = store.get_first_key(other_row["key"])
        if not other_key and len(row["folded"]) >= MIN_DISTINCTIVE_CHARS:
            # find an equal text in the same work, unless it is on another page; short texts may be
            # equal by coincidence
            routes = _find_routes(store, key)
            for other_row in store.fetch_rows(
                "SELECT DISTINCT h.* FROM identifier a JOIN identifier b ON a.name = b.name"
                " JOIN highlight h ON h.document = b.document"
                " WHERE a.document = ? AND h.folded = ? AND h.state = 'present' AND h.route != ?"
                " ORDER BY h.document, h.position",
                *(row["document"], row["folded"], row["route"]),
            ):
                page = decode_highlight(other_row).page_label
                if page and highlight.page_label and page != highlight.page_label:
                    continue
                if routes.isdisjoint(_find_routes(store, other_row["key"])):
                    other_key = store.get_first_key(other_row["key"])
                    break
        if other_key:
            store.record_event("same", key, SOURCE, {"old": other_key})
            linked_keys.add(key)
    return linked_keys


def _find_routes(store: Store, key: str) -> set[str]:
    """Return the routes through which a passage was read.

    The result includes "" if one of the passage's keys wasn't read on this device.
    """
    keys = store.get_keys(key)
    routes = [row["route"] for row in highlights.load_rows(store, keys)]
    return {*routes, *([""] if len(routes) < len(keys) else [])}
