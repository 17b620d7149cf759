"""Passages without a mark in the source, which the user, a chat or a model chose in ankiforge.

Each choice is recorded as a `mark` event. The reader of the document finds the chosen text
(see `StoredDocumentLookup.find_choices`) and yields it as a highlight, which therefore gets a key
and is recognized when it moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

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
"""How many readings are used to find a chosen passage again: the latest ones, and the first."""


def record_chosen_passage(
    store: Store,
    highlight: Highlight,
    container: str,
    page_and_offset: tuple[int, int],
    chosen_by: str,
) -> str:
    """Record that a passage was chosen, and return the id of the `mark` event.

    Must be called inside an action.

    Args:
        store: The store.
        highlight: The passage as returned by the document's reader, still without a key.
        container: The container of the document.
        page_and_offset: The page, and the offset on the page at which the passage begins.
        chosen_by: `BY_CHAT` or `BY_PAGE`.
    """
    exact, before, after = build_reading(highlight)
    page, start = page_and_offset
    document = highlight.document
    body: Json = {
        "exact": exact,
        "before": before,
        "after": after,
        "container": container,
        "place": document.path or document.key,
        "kind": chosen_by,
        "page": page,
        "start": start,
        "title": document.title,
    }
    return store.record_event("mark", document.key, USER, body).id


def find_chosen_keys(
    store: Store, chosen: Iterable[tuple[str, Highlight]], container: str, path: str
) -> list[HighlightKey | None]:
    """Find the keys under which chosen passages of a document are stored.

    Args:
        store: The store.
        chosen: The id of each passage's `mark` event, and its highlight.
        container: The container of the document.
        path: The path or library key of the document.

    Returns:
        The key of each passage in the order of `chosen`, or None if it isn't found. If the user
        has highlighted the passage since, this is the key of that highlight.
    """
    keys_by_event_id: dict[str | None, HighlightKey] = {}
    keys_by_text: dict[str, HighlightKey] = {}
    for row in highlights.load_current_highlights(store, container, path):
        highlight = decode_highlight(row["body"])
        keys_by_event_id[hints.find_choice_event_id(highlight.hints)] = highlight.key
        keys_by_text[normalize_for_lookup(highlight.exact)] = highlight.key
    return [
        keys_by_event_id.get(id) or keys_by_text.get(normalize_for_lookup(passage.exact))
        for id, passage in chosen
    ]


def load_passages_not_to_choose(
    store: Store, container: str, path: str
) -> list[Highlight]:
    """Load the passages of a document that must not be chosen again.

    These are the user's own highlights, and all chosen passages with a pending draft or a
    decision. If the database was lost, its pending drafts are lost as well, so their passages
    may be chosen again.
    """
    known_highlights = []
    for row in highlights.load_current_highlights(store, container, path):
        highlight = decode_highlight(row["body"])
        is_mark = not hints.find_choice_event_id(highlight.hints)
        if is_mark or row["waits"] or store.get_passage(highlight.key).was_ever_decided:
            known_highlights.append(highlight)
    return known_highlights


def load_documents_with_highlights(store: Store) -> set[tuple[str, str]]:
    """Return the documents with highlights or chosen passages, as (source, file name) pairs."""
    rows = store.fetch_rows(
        "SELECT DISTINCT d.source, d.place FROM document d"
        " JOIN highlight h ON h.document = d.id WHERE h.state = 'present'"
    )
    return {(row["source"], row["place"].rpartition("/")[2]) for row in rows}


def unselect_passage(store: Store, event: Event) -> None:
    """Remove a chosen passage and its drafts after the user undid the choice.

    The next run rereads its document. `event` is the undone `mark` event.
    """
    hint = hints.make_choice_hint(event.id)
    query = "SELECT key, document FROM highlight WHERE instr(body, ?)"
    for row in store.fetch_rows(query, f'"{hint}"'):
        highlights.mark_unselected(store, row["key"])
        pending_drafts.delete_drafts_of_highlights(store, [row["key"]])
        query = "UPDATE document SET fingerprint = '' WHERE id = ?"
        store.execute(query, row["document"])


def load_chosen_passages(store: Store) -> dict[str, list[PassageChoice]]:
    """Load the chosen passages as last read, grouped by the container that has them now."""
    choices = load_active_choices(store)
    all_keys = {key for choice in choices for key in choice.keys}
    events_by_key = defaultdict(list)
    for event in store.load_events(sorted(all_keys)):
        if event.kind in ("key", "text"):
            events_by_key[event.key].append(event)

    passages_by_container = defaultdict(list)
    for choice in choices:
        mark = choice.mark
        events = [mark]
        for key in choice.keys:
            for event in events_by_key[key]:
                # the same text may also have been read from another kind of source
                if _get_container_scheme(event) == _get_container_scheme(mark):
                    events.append(event)
        events.sort(key=lambda event: event.order, reverse=True)
        newest_body = events[0].body
        passage = PassageChoice(
            id=mark.id,
            path=newest_body["place"],
            readings=_select_readings(events),
            page=mark.body["page"],
            start=mark.body["start"],
            created=mark.time,
        )
        passages_by_container[newest_body["container"]].append(passage)
    return passages_by_container


def _get_container_scheme(event: Event) -> str:
    """Return the kind of container in which a passage was read, such as `pdf` for `pdf:papers`."""
    container: str = event.body.get("container", "")
    scheme, _, _ = container.partition(":")
    return scheme


def _select_readings(newest_first: Iterable[Event]) -> tuple[QuoteReading, ...]:
    """Return the different readings of a passage, newest first, but at most `MAX_READINGS`.

    If there are more, those between the newest ones and the first one are left out.
    """
    readings = list(dict.fromkeys(map(_get_reading, newest_first)))
    if len(readings) <= MAX_READINGS:
        return tuple(readings)
    return (*readings[: MAX_READINGS - 1], readings[-1])


def find_missing_choices(store: Store) -> set[str]:
    """Return the ids of the choices whose passage is no longer in any document."""
    choices = load_active_choices(store)
    all_keys = {key for choice in choices for key in choice.keys}
    query = f"SELECT key FROM highlight WHERE state = 'present' AND key IN {JSON_VALUES}"
    present_keys = set(store.fetch_column(query, to_json(sorted(all_keys))))
    missing_ids = set()
    for choice in choices:
        if present_keys.isdisjoint(choice.keys):
            missing_ids.add(choice.mark.id)
    return missing_ids


class ActiveChoice(NamedTuple):
    """The choice of a passage that hasn't been undone."""

    mark: Event
    """The `mark` event that records the choice."""
    keys: list[str]
    """The keys of all highlights that had the chosen text and context when first read."""


def load_active_choices(store: Store) -> list[ActiveChoice]:
    """Load the choices that haven't been undone, oldest first."""
    # the second condition follows from the first, but it is the one of the index `event_subjects`,
    # which SQLite doesn't use otherwise
    query = (
        "SELECT id, line FROM standing WHERE what = 'mark'"
        " AND what IN ('form', 'dialects', 'decline', 'mark')"
    )
    marks = sorted(store.iter_events(query), key=lambda event: event.order)
    if not marks:
        return []
    hashes = [hash_text(mark.body["exact"]) for mark in marks]
    keys_by_reading = defaultdict(set)
    # `words` is the hash of the text; the condition on "" is again that of an index
    query = (
        "SELECT id, line FROM event WHERE what = 'key'"
        f" AND words != '' AND words IN {JSON_VALUES}"
    )
    for event in store.iter_events(query, to_json(hashes)):
        keys_by_reading[_get_reading(event)].add(event.key)
    choices = []
    for mark in marks:
        keys = sorted(keys_by_reading[_get_reading(mark)])
        choices.append(ActiveChoice(mark, keys))
    return choices


def _get_reading(event: Event) -> QuoteReading:
    """Return the text and context in a `mark`, `key` or `text` event."""
    body = event.body
    return QuoteReading(body["exact"], body.get("before", ""), body.get("after", ""))
