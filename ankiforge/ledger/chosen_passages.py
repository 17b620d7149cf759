"""Passages that a chat, a model or the user on the review page chose in a document.

Each choice is recorded as an event of the kind `mark`. The reader of the document turns chosen
passages into highlights (see `KnownReadings.find_choices`), so they get keys and are recognized
when they move, like highlights that the user made in the document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ankiforge.ledger.events import USER, Event, hash_text
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables import highlights, pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import (
    Highlight,
    HighlightKey,
    Json,
    PassageChoice,
    QuoteReading,
    hints,
)
from ankiforge.text.keys import build_reading
from ankiforge.text.normalize import normalize_for_lookup

BY_CHAT = "chosen"
BY_PAGE = "page"
"""Who chose a passage: a chat or model (`BY_CHAT`), or the user on the review page (`BY_PAGE`)."""
MAX_READINGS = 3
"""How many of the latest readings are used to find a chosen passage again."""


def record_choice(
    store: Store, highlight: Highlight, container: str, place: tuple[int, int], by: str
) -> str:
    """Record that a passage was chosen, and return the event's id. Needs an open action.

    `highlight` is the passage as returned by the reader of its document, without a key.
    `place` is the page, and the offset on that page where the passage begins. `by` is
    `BY_CHAT` or `BY_PAGE`.
    """
    exact, before, after = build_reading(highlight)
    page, start = place
    document = highlight.document
    body: Json = {
        "exact": exact,
        "before": before,
        "after": after,
        "container": container,
        "place": document.path or document.key,
        "kind": by,
        "page": page,
        "start": start,
        "title": document.title,
    }
    return store.record_event("mark", document.key, USER, body).id


def find_chosen_keys(
    store: Store, chosen: Iterable[tuple[str, Highlight]], container: str, place: str
) -> list[HighlightKey | None]:
    """Look up the keys of passages chosen in a document, or None for those not found.

    If the user has since highlighted a chosen passage, the highlight's key is returned.
    `chosen` has the `mark` event id and the highlight of each passage; `place` is the path or
    key of the document.
    """
    keys_by_event_id: dict[str, HighlightKey] = {}
    keys_by_text: dict[str, HighlightKey] = {}
    for highlight in map(
        decode_highlight, highlights.load_present_in_document(store, container, place)
    ):
        keys_by_event_id[hints.find_chosen_event(highlight.hints)] = highlight.key
        keys_by_text[normalize_for_lookup(highlight.exact)] = highlight.key
    return [
        keys_by_event_id.get(id) or keys_by_text.get(normalize_for_lookup(passage.exact))
        for id, passage in chosen
    ]


def load_known_highlights(store: Store, container: str, place: str) -> list[Highlight]:
    """Load the passages of a document that needn't be chosen again.

    These are the user's highlights, and chosen passages that have a pending draft or a
    decision. Pending drafts are lost with the database, after which their passages may be
    chosen again.
    """
    known_highlights = []
    for row in highlights.load_present_in_document(store, container, place):
        highlight = decode_highlight(row)
        is_mark = not hints.find_chosen_event(highlight.hints)
        if is_mark or row["waits"] or store.get_passage(highlight.key).is_decided:
            known_highlights.append(highlight)
    return known_highlights


def load_marked_documents(store: Store) -> set[tuple[str, str]]:
    """List the documents with a highlight or chosen passage, as (source, file name) pairs."""
    rows = store.fetch_rows(
        "SELECT DISTINCT d.source, d.place FROM document d"
        " JOIN highlight h ON h.document = d.id WHERE h.state = 'present'"
    )
    return {(row["source"], row["place"].rpartition("/")[2]) for row in rows}


def unselect_passage(store: Store, event: Event) -> None:
    """Unselect the passage of an undone `mark` event, deleting its drafts.

    The document is reread in the next run.
    """
    hint = hints.make_chosen_event_hint(event.id)
    query = "SELECT key, document FROM highlight WHERE instr(body, ?)"
    for row in store.fetch_rows(query, f'"{hint}"'):
        highlights.set_unselected(store, row["key"])
        pending_drafts.delete_drafts_of_highlights(store, [row["key"]])
        query = "UPDATE document SET fingerprint = '' WHERE id = ?"
        store.execute(query, row["document"])


def load_chosen_passages(store: Store) -> dict[str, list[PassageChoice]]:
    """Load the chosen passages, grouped by the container they are in now.

    Their locations and texts are those of the latest readings.
    """
    marks = load_active_choices(store)
    readings_by_key = defaultdict(list)
    for event in store.load_events(sorted({key for _, keys in marks for key in keys})):
        if event.what in ("key", "text"):
            readings_by_key[event.key].append(event)

    chosen = defaultdict(list)
    for mark, keys in marks:
        events = [mark]
        for key in keys:
            scheme = mark.body["container"].partition(":")[0]
            for event in readings_by_key[key]:
                if event.body.get("container", "").partition(":")[0] == scheme:
                    events.append(event)
        events.sort(key=lambda event: event.order, reverse=True)
        sides = [QuoteReading(*_get_text_and_context(event)) for event in events]
        body = events[0].body
        passage = PassageChoice(
            mark.id,
            body["place"],
            tuple(dict.fromkeys(sides))[:MAX_READINGS],
            mark.body["page"],
            mark.body["start"],
            mark.at,
        )
        chosen[body["container"]].append(passage)
    return chosen


def load_active_choices(store: Store) -> list[tuple[Event, list[str]]]:
    """Load the `mark` events that haven't been undone, with the keys issued for each text."""
    query = (  # SQLite uses the index `event_subjects` because of the second condition
        "SELECT id, line FROM standing WHERE what = 'mark'"
        " AND what IN ('form', 'dialects', 'decline', 'mark')"
    )
    marks = sorted(store.iter_events(query), key=lambda event: event.order)
    if not marks:
        return []
    hashes = [hash_text(mark.body["exact"]) for mark in marks]
    keys_by_sides = defaultdict(set)
    query = (
        "SELECT id, line FROM event WHERE what = 'key'"
        f" AND words != '' AND words IN {JSON_VALUES}"
    )
    for event in store.iter_events(query, to_json(hashes)):
        keys_by_sides[_get_text_and_context(event)].add(event.key)
    return [(mark, sorted(keys_by_sides[_get_text_and_context(mark)])) for mark in marks]


def _get_text_and_context(event: Event) -> tuple[str, str, str]:
    body = event.body
    return body["exact"], body.get("before", ""), body.get("after", "")
