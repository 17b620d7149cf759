"""Passages that a chat, or a person on the page, chose in documents: the event `mark`.

The reader of the document takes them as further marks (`Known.chosen`), so that all else, from
the key to a move, is as of a mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ankiforge.ledger.events import PERSON, Event, hash_of_words
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import documents, highlights, journaled, waiting
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import Chosen, Highlight, HighlightKey, Json, Side, hints
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import side_of

CHAT = "chosen"
PAGE = "page"
"""Who chose a passage: a chat or model, or a person on the page."""
LAST_SIDES = 3
"""The number of the last readings of a chosen passage by which it is found again."""


def choose(
    store: Store, highlight: Highlight, container: str, place: tuple[int, int], by: str
) -> str:
    """Record that a passage was chosen, in an action; return the id of the event.

    Args:
        store: the store.
        highlight: the passage as its reader would have it, without a key.
        container: that of its document.
        place: its page, and where on it the passage begins.
        by: `CHAT` or `PAGE`.
    """
    exact, before, after = side_of(highlight)
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
    return store.add("mark", document.key, PERSON, body).id


def keys_of(
    store: Store, chosen: Iterable[tuple[str, Highlight]], container: str, place: str
) -> list[HighlightKey | None]:
    """Return the keys that chosen passages of a document got; None for those that are not in it.

    One whose words were marked in the meantime has the key of the mark.

    Args:
        store: the store.
        chosen: the id of each event, and its passage.
        container: that of the document.
        place: its place there.
    """
    by_id: dict[str, HighlightKey] = {}
    by_words: dict[str, HighlightKey] = {}
    for here in map(decode_highlight, highlights.in_place(store, container, place)):
        by_id[hints.chosen_in(here.hints)] = here.key
        by_words[for_finding(here.exact)] = here.key
    return [
        by_id.get(id) or by_words.get(for_finding(passage.exact))
        for id, passage in chosen
    ]


def known_in(store: Store, container: str, place: str) -> list[Highlight]:
    """Return the passages of a document that need not be chosen: marks, and those with a card.

    A draft that waited is lost with the database: a chosen passage without one may be chosen again.
    """
    known = []
    for row in highlights.in_place(store, container, place):
        highlight = decode_highlight(row)
        is_mark = not hints.chosen_in(highlight.hints)
        if is_mark or row["waits"] or store.passage(highlight.key).decided:
            known.append(highlight)
    return known


def marked_places(store: Store) -> set[tuple[str, str]]:
    """Return the documents with a mark or a chosen passage: source, and name of the file."""
    rows = highlights.documents_with_any(store)
    return {(row["source"], row["place"].rpartition("/")[2]) for row in rows}


def let_go(store: Store, event: Event) -> None:
    """Let a passage go that is chosen no longer, at once: no run has to read its document."""
    hint = hints.chosen_by(event.id)
    for row in highlights.with_part(store, f'"{hint}"'):
        highlights.unselect(store, row["key"])
        waiting.drop_of(store, [row["key"]])
        documents.read_again(store, row["document"])


def chosen_passages(store: Store) -> dict[str, list[Chosen]]:
    """Return the passages that were chosen in documents, by the container where these are now.

    What was read of a passage since says where it is, and its words.
    """
    marks = standing_marks(store)
    readings = defaultdict(list)
    for event in store.events(sorted({key for _, keys in marks for key in keys})):
        if event.what in ("key", "text"):
            readings[event.key].append(event)

    chosen = defaultdict(list)
    for mark, keys in marks:
        read = [mark]
        for key in keys:
            scheme = mark.body["container"].partition(":")[0]
            for event in readings[key]:
                if event.body.get("container", "").partition(":")[0] == scheme:
                    read.append(event)
        read.sort(key=lambda event: event.order, reverse=True)
        sides = [Side(*_triple(event)) for event in read]
        body = read[0].body
        passage = Chosen(
            mark.id,
            body["place"],
            tuple(dict.fromkeys(sides))[:LAST_SIDES],
            mark.body["page"],
            mark.body["start"],
            mark.at,
        )
        chosen[body["container"]].append(passage)
    return chosen


def standing_marks(store: Store) -> list[tuple[Event, list[str]]]:
    """Return the events by which passages are chosen, in order, each with the keys of its words."""
    marks = journaled.marks(store)
    if not marks:
        return []
    words = [hash_of_words(mark.body["exact"]) for mark in marks]
    keys = defaultdict(set)
    for issued in journaled.issuing(store, words):
        keys[_triple(issued)].add(issued.key)
    return [(mark, sorted(keys[_triple(mark)])) for mark in marks]


def _triple(event: Event) -> tuple[str, str, str]:
    body = event.body
    return body["exact"], body.get("before", ""), body.get("after", "")
