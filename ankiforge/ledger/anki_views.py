"""Record the state of our notes in Anki, and the notes that were exported in packages.

`anki_changes` compares what was just read from Anki with what was read before. The table
`planned` lists the notes that need no export. Triggers in `schema.sql` delete its rows when a
card, passage or note changes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.ledger import cards, decision_recording
from ankiforge.ledger.anki_changes import (
    DELETED_REASON,
    CardWithNote,
    NoteChange,
    NoteChangeKind,
    StoredAnkiNote,
    ask_about_mass_deletions,
    detect_note_changes,
)
from ankiforge.ledger.card_places import find_anki_state, load_homes
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_plans import (
    NewEvent,
    find_card_sentences,
    plan_decision,
)
from ankiforge.ledger.draft_groups import add_vault_name
from ankiforge.ledger.events import (
    FOUND_KEY,
    POLICY,
    RETIRED_TAG_REASON,
    USER,
    StoredContent,
    content_from_stored,
    get_slot,
)
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import anki_notes, highlights
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import (
    AdoptedNote,
    AnkiChanges,
    AnkiNote,
    AnkiReview,
    AnkiState,
    Card,
    Conflict,
    ExportedNote,
    Guid,
    Json,
    LocalCard,
    Note,
    NoteId,
    Strings,
    compute_note_id,
    is_in_our_id_range,
)
from ankiforge.text.normalize import normalize_for_lookup


def record_anki_state(
    store: Store,
    notes: Iterable[AnkiNote],
    *,
    complete: bool,
    graves: frozenset[NoteId] | None,
    reviews: Iterable[AnkiReview] = (),
) -> AnkiChanges:
    """Record the state of our notes in Anki, and retire the cards whose notes were deleted.

    Args:
        store: The store.
        notes: Our notes as just read from Anki.
        complete: Whether the whole collection was read. If so, a note that isn't in `notes`
            is absent.
        graves: The ids of the notes that Anki lists as deleted. None if unknown, which is the
            case with AnkiConnect.
        reviews: New entries of Anki's review log for our own cards.

    Returns:
        The changes since Anki was last read.
    """
    notes_by_guid = {note.guid: note for note in notes}
    now = time.time()
    with store.transaction():
        present_rows, absent_rows = _load_rows_of_cards(store, notes_by_guid, graves)
        known_guids = {row["guid"] for row in present_rows}
        unknown_notes = []
        for guid, note in notes_by_guid.items():
            if guid not in known_guids:
                unknown_notes.append(note)

        load = partial(_iter_cards_with_notes, store, notes_by_guid, graves)
        compare = partial(
            detect_note_changes, device_id=store.device_id, now=now, complete=complete
        )
        decks = (note.deck for note in notes_by_guid.values())
        absent = [(each, compare(each)) for each in load(absent_rows)]
        absent = ask_about_mass_deletions(absent, decks, now)
        present = ((each, compare(each)) for each in load(present_rows))
        guids = _record_changes(store, chain(present, absent))

        if complete:
            _store_complete_view(store, unknown_notes, graves)
        review_rows = map(asdict, reviews)
        review_count = store.insert("review", review_rows, verb="INSERT OR IGNORE")
    return AnkiChanges(
        note_count=len(notes_by_guid),
        first_seen=guids[NoteChangeKind.FIRST_SEEN],
        deleted=guids[NoteChangeKind.DELETED],
        returned=guids[NoteChangeKind.RETURNED],
        missing=guids[NoteChangeKind.MISSING],
        retired=guids[NoteChangeKind.RETIRED],
        notes_without_event=unknown_notes,
        edited=guids[NoteChangeKind.EDITED],
        suspended=guids[NoteChangeKind.SUSPENDED],
        reviews=review_count,
    )


class _CardRows(NamedTuple):
    """Rows of cards with what is stored of their notes, as `_iter_cards_with_notes` expects."""

    present: list[Row]
    """The cards whose notes were just read, in the order of the notes."""
    absent: list[Row]
    """The cards whose notes were seen before, or are listed as deleted, but weren't just read."""


def _load_rows_of_cards(
    store: Store,
    notes_by_guid: Mapping[Guid, AnkiNote],
    graves: frozenset[NoteId] | None,
) -> _CardRows:
    """Load the rows of the cards whose notes were just read, or are missing from what was read.

    Cards whose notes were never in Anki are left out.
    """
    rows = store.fetch_rows(
        "SELECT c.guid, c.passage, s.body, s.absent, s.asked FROM card c"
        " LEFT JOIN seen s USING (guid) ORDER BY s.guid IS NULL, c.guid"
    )
    present_row_by_guid: dict[str, Row] = {}
    absent_rows = []
    for row in rows:
        guid = row["guid"]
        if guid in notes_by_guid:
            present_row_by_guid[guid] = row
            continue
        was_seen = row["body"] is not None
        has_grave = graves is not None and compute_note_id(guid) in graves
        if was_seen or has_grave:
            absent_rows.append(row)
    present_rows = []
    for guid in notes_by_guid:
        if guid in present_row_by_guid:
            present_rows.append(present_row_by_guid[guid])
    return _CardRows(present_rows, absent_rows)


def _store_complete_view(
    store: Store, unknown_notes: list[AnkiNote], graves: frozenset[NoteId] | None
) -> None:
    """Store what only a read of the whole collection shows."""
    viewed_at = datetime.now(UTC).isoformat(timespec="seconds")
    store.set_meta("looked", viewed_at)
    store.set_value("unknown", unknown_notes)
    _set_unknown_documents(store, unknown_notes)
    if graves is not None:
        _store_graves(store, graves)


def _record_changes(
    store: Store, changes: Iterable[tuple[CardWithNote, NoteChange]]
) -> dict[NoteChangeKind, list[Guid]]:
    """Record the changes of notes, and store their new state.

    Returns:
        The cards of the notes that changed, by the kind of the change.
    """
    guids_by_kind: dict[NoteChangeKind, list[Guid]] = defaultdict(list)
    seen_rows = []
    for card_with_note, change in changes:
        guid = card_with_note.card.guid
        for kind in change.kinds:
            guids_by_kind[kind].append(guid)
        _record_change(store, card_with_note, change)
        if change.new_state is None:
            if card_with_note.stored_note is not None:
                anki_notes.delete_note(store, guid)
        elif change.new_state != card_with_note.stored_note:
            seen_rows.append(_build_anki_note_row(guid, change.new_state))
    store.insert("seen", seen_rows, verb="INSERT OR REPLACE")
    return guids_by_kind


def _store_graves(store: Store, graves: frozenset[NoteId]) -> None:
    """Store which of our notes Anki lists as deleted."""
    ids = set(filter(is_in_our_id_range, graves))
    if ids != set(store.fetch_column("SELECT id FROM grave")):
        store.execute("DELETE FROM grave")
        store.execute_all("INSERT INTO grave VALUES (?)", [(id,) for id in ids])


def _iter_cards_with_notes(
    store: Store,
    notes: Mapping[Guid, AnkiNote],
    graves: frozenset[NoteId] | None,
    rows: Iterable[Row],
) -> Iterator[CardWithNote]:
    """Yield the card of each row, with its note as just read and as last stored.

    In `rows`, the column `body` is None if the card's note was never seen in Anki.
    """
    for batch in iter_batches(rows):  # in batches, because there may be very many
        store.get_passages([row["passage"] for row in batch])
        for row in batch:
            guid = row["guid"]
            passage = store.get_passage(row["passage"])
            before = _get_stored_note(row)
            note = notes.get(guid)
            has_grave = None
            if graves is not None:
                has_grave = _find_note_id(guid, note, before) in graves
            kinds = set()
            if has_grave or (note and note.is_retired):
                for event in store.load_events(passage.keys):
                    if event.body.get("guid") == guid:
                        kinds.add(event.kind)
            card = passage.cards[guid]
            yield CardWithNote(card, before, note, has_grave, frozenset(kinds))


def _find_note_id(
    guid: Guid, note: AnkiNote | None, before: StoredAnkiNote | None
) -> NoteId:
    """Return the id that a card's note has, had, or would get in Anki."""
    if note is not None:
        return note.id
    if before is not None and before.note is not None:
        return before.note.id
    return compute_note_id(guid)


def _get_stored_note(row: Row) -> StoredAnkiNote | None:
    if row["body"] is None:
        return None
    note = anki_notes.decode_note(row["body"]) if row["body"] else None
    return StoredAnkiNote(note, row["absent"], bool(row["asked"]))


def _record_change(
    store: Store, card_with_note: CardWithNote, change: NoteChange
) -> None:
    """Record the events of a note's change."""
    guid = card_with_note.card.guid
    key = store.get_first_key(card_with_note.card.key)
    for kind in change.kinds:
        match kind:
            case NoteChangeKind.FIRST_SEEN:
                store.record_event("seen", key, POLICY, {"guid": guid})
            case NoteChangeKind.RETURNED:
                _undo_last_retirement(store, key, guid)
            case NoteChangeKind.RETIRED:
                _retire(store, key, guid, RETIRED_TAG_REASON)
            case NoteChangeKind.DELETED:
                _retire(store, key, guid, DELETED_REASON)


def _undo_last_retirement(store: Store, key: str, guid: Guid) -> None:
    retirements = []
    for event in store.load_events(store.get_keys(key)):
        if event.kind == "retire" and event.body["guid"] == guid:
            retirements.append(event)
    if retirements:
        store.record_undo(max(retirements, key=attrgetter("order")))


def _retire(store: Store, key: str, guid: Guid, why: str) -> None:
    store.record_event("retire", key, USER, {"guid": guid, "why": why})
    decision_recording.update_waiting(store, [key])


_NO_NOTE: Json = {
    "reviews": 0,
    "lapses": 0,
    "leech": False,
    "retired": False,
    "note_hash": "",
    "body": "",
}


def _build_anki_note_row(guid: str, state: StoredAnkiNote) -> Json:
    row: Json = {"guid": guid, "absent": state.absent_since, "asked": state.is_asked}
    note = state.note
    if note is None:  # it was never read on this device
        return {**row, **_NO_NOTE}
    return {
        **row,
        "reviews": note.reviews,
        "lapses": note.lapses,
        "leech": note.is_leech,
        "retired": note.is_retired,
        "note_hash": anki_notes.hash_note(note),
        "body": to_json(note),
    }


def was_deleted_while_not_live(store: Store, guid: str) -> bool:
    """Return whether the note of a card was deleted in Anki while the card wasn't live.

    Such a note has a grave in Anki, but its state isn't stored.
    """
    query = "SELECT 1 FROM grave WHERE id = ? AND NOT EXISTS (SELECT 1 FROM seen WHERE guid = ?)"
    return store.fetch_first_row(query, compute_note_id(Guid(guid)), guid) is not None


def schedule_reexport(store: Store, passage_key: str, guid: str) -> None:
    """Export a deleted or missing note again in the next run, because its card was kept."""
    store.record_event("unseen", passage_key, POLICY, {"guid": guid})
    store.execute("DELETE FROM seen WHERE guid = ? AND absent", guid)


# --- planning and shipping --------------------------------------------------------------


def iter_export_candidates(
    store: Store, settings_fingerprint: str
) -> Iterator[tuple[LocalCard, AnkiNote | None]]:
    """Yield the cards whose notes may need to be exported, each with its note in Anki.

    A card is skipped if its note was recorded as up to date (`record_export_plan`), and the card,
    its passage, the note in Anki and the settings that affect notes haven't changed since.

    Yields:
        Pairs of a card and its note. The note is None if it was never seen in Anki.
    """
    rows = store.fetch_rows(
        "SELECT c.guid, s.body, coalesce(l.hashes, '') AS hashes FROM card c"
        " LEFT JOIN seen s ON s.guid = c.guid LEFT JOIN local_links l ON l.guid = c.guid"
        " LEFT JOIN planned p ON p.guid = c.guid AND p.settings = ?"
        " WHERE iif(s.guid IS NULL, c.live, s.absent = 0 AND s.note_hash IS NOT p.note_hash)",
        settings_fingerprint,
    )
    candidates = {row["guid"]: row for row in rows}
    rows = store.fetch_rows("SELECT guid, mod FROM taken")
    imported_mods = {row["guid"]: row["mod"] for row in rows}
    for card in cards.iter_cards(store, cards.find_passage_keys(store, candidates)):
        if card.guid in candidates:
            row = candidates[card.guid]
            card = replace(card, local_links_hashes=tuple(row["hashes"].split()))
            note = anki_notes.decode_note(row["body"]) if row["body"] else None
            if note and card.guid in imported_mods:
                note = replace(note, imported_mod=imported_mods[card.guid])
            yield card, note


def load_current_decks(store: Store, deck: str) -> list[tuple[str, str]]:
    """Load the current decks of the cards that were created for a deck or its subdecks.

    Returns:
        One pair per card in Anki: the deck for which it was created, and its current deck.
    """
    deck_pairs = []
    for row in store.fetch_rows(
        "SELECT c.deck, s.body FROM card c JOIN seen s USING (guid) WHERE s.absent = 0"
        " AND (c.deck = ?1 OR substr(c.deck, 1, length(?1) + 2) = ?1 || '::')",
        deck,
    ):
        current_deck = anki_notes.decode_note(row["body"]).deck
        if current_deck:
            deck_pairs.append((row["deck"], current_deck))
    return deck_pairs


def record_export_plan(
    store: Store,
    unchanged_notes: Sequence[tuple[Guid, AnkiNote]],
    new_notes: Iterable[tuple[Guid, Note]],
    settings_fingerprint: str,
    conflicts: Iterable[Conflict],
    imported_mods: Mapping[Guid, int],
    local_links_hashes: Mapping[Guid, Strings],
) -> None:
    """Record which notes need no further export, and which fields are in conflict.

    Args:
        store: The store.
        unchanged_notes: The notes in Anki that needn't be written, each with its card's GUID.
        new_notes: The notes that are written. They are up to date once Anki has imported them.
        settings_fingerprint: The fingerprint passed to `iter_export_candidates`.
        conflicts: The fields that both the user and the source changed.
        imported_mods: For notes without the field AnkiforgeId, the modification time (`mod`) of
            the newest package that Anki has imported, keyed by GUID.
        local_links_hashes: The new `LocalCard.local_links_hashes`, keyed by GUID, or () where
            they don't change.
    """
    with store.transaction():
        query = "INSERT OR REPLACE INTO taken VALUES (?, ?)"
        store.execute_all(query, imported_mods.items())
        links = [
            (guid, " ".join(each)) for guid, each in local_links_hashes.items() if each
        ]
        store.execute_all("INSERT OR REPLACE INTO local_links VALUES (?, ?)", links)
        notes: list[tuple[Guid, AnkiNote | Note]] = [*unchanged_notes, *new_notes]
        rows = [
            (guid, settings_fingerprint, anki_notes.hash_note(note))
            for guid, note in notes
        ]
        store.execute_all("INSERT OR REPLACE INTO planned VALUES (?, ?, ?)", rows)
        anki_notes.delete_conflicts(store, (guid for guid, _ in unchanged_notes))
        store.execute_all(
            "INSERT OR REPLACE INTO conflict (guid, field, mine, source, theirs, ours)"
            " VALUES (:guid, :field, :user_text, :source,"
            " :user_version_hash, :source_version_hash)",
            map(asdict, conflicts),
        )


def record_exported_notes(
    store: Store, exported_notes: Iterable[tuple[Guid, ExportedNote]]
) -> int:
    """Record the notes of a new package. Called before the package replaces the previous one.

    Returns the number of notes that are exported for the first time.
    """
    new_count = 0
    with store.transaction():
        for batch in iter_batches(exported_notes):
            stored_cards = cards.load_cards(store, [guid for guid, _ in batch])
            for (_, note), (card, key) in zip(batch, stored_cards, strict=True):
                if not card.note.exports and not card.note.seen_by:
                    new_count += 1
                _record_exported_note(store, card, key, note)
    return new_count


def _record_exported_note(store: Store, card: Card, key: str, note: ExportedNote) -> None:
    """Record a note of a new package, unless it is the same as in the previous one."""
    previous = card.note.exports[-1] if card.note.exports else None
    if previous is not None and _get_revision(previous) == _get_revision(note):
        return
    body: Json = {"guid": card.guid, "mod": note.mod, "digest": note.note_hash}
    if note.tags:
        body["tags"] = note.tags
    if note.field_hashes:
        body["hashes"] = note.field_hashes
    if previous is None and note.mapped is not None:
        body["type"] = msgspec.to_builtins(note.mapped)
    new_texts = {}
    for number, text in note.gap_text_by_number.items():
        if card.note.exported_text_by_number.get(number) != text:
            new_texts[number] = text
    if new_texts:
        body["numbers"] = new_texts
    store.record_event("shipped", key, POLICY, body)
    if not note.picture_names.items() <= card.note.pictures.items():
        body = {"guid": card.guid, "names": note.picture_names}
        store.record_event("pictures", key, POLICY, body)


def _get_revision(note: ExportedNote) -> tuple[int, Strings, str]:
    return note.mod, note.tags, note.note_hash


def count_undone_in_packages(store: Store) -> int:
    """Count the undone cards that were exported and that Anki was never seen to have."""
    rows = store.fetch_rows(
        "SELECT c.live, c.why, c.shipped, s.absent"
        " FROM card c LEFT JOIN seen s USING (guid) WHERE c.verdict = 'undone'"
    )
    return [find_anki_state(row) for row in rows].count(AnkiState.WRITTEN)


# --- notes unknown to the journal -------------------------------------------------------


class LostNote(NamedTuple):
    """One of our notes in Anki that no event in the journal mentions."""

    note: AnkiNote
    content: StoredContent
    """The text of the note."""
    passage_text: str
    """The text of the passage that the note shows as its source."""
    typed_fields: Strings
    """The names of the fields that the user edited in Anki."""


def recover_lost_cards(
    store: Store, notes: Iterable[LostNote], unreadable: Iterable[AnkiNote] = ()
) -> list[AnkiNote]:
    """Recreate cards from our notes in Anki after both the journal and the database were lost.

    A card is recreated if its passage is still in a source. The passage is found by the key in
    the note, or else by its text if no other highlight has the same text.

    Args:
        store: The store.
        notes: The notes whose text and passage are known.
        unreadable: The notes whose card can't be identified.

    Returns:
        The unreadable notes, and the notes whose passage wasn't found.
    """
    unmatched_notes = list(unreadable)
    with store.transaction():
        for lost_note in notes:
            key = _find_passage_of_note(store, lost_note.note, lost_note.passage_text)
            if key is None:
                unmatched_notes.append(lost_note.note)
            else:
                _recover_lost_card(store, lost_note, key)
        _set_unknown_documents(store, unmatched_notes)
    return unmatched_notes


def _find_passage_of_note(store: Store, note: AnkiNote, passage_text: str) -> str | None:
    """Find the highlight of a note by the key in the note, or else by its text if it is unique."""
    rows = highlights.load_current_highlights_by_text(
        store, [normalize_for_lookup(passage_text)]
    )
    keys = [row["key"] for row in rows]
    if note.identity and note.identity.key in keys:
        return note.identity.key
    return keys[0] if len(keys) == 1 else None


def _recover_lost_card(store: Store, lost_note: LostNote, key: str) -> None:
    """Make a card from a note, which settles the card's draft."""
    note = lost_note.note
    content = content_from_stored(lost_note.content, key)
    body: Json = {
        "guid": note.guid,
        "draft": msgspec.to_builtins(lost_note.content),
        "slot": note.identity.slot if note.identity else get_slot(content),
        "deck": note.deck,
        FOUND_KEY: True,
    }
    if lost_note.typed_fields:
        body["typed"] = list(lost_note.typed_fields)
    event = NewEvent("accept", key, USER, body)
    snapshot = load_snapshot(store, store.get_passage(key))
    sentences = find_card_sentences(snapshot, note.guid, content)
    decision_recording.record_decision(store, plan_decision(snapshot, event, sentences))
    store.record_event("seen", key, POLICY, {"guid": note.guid})
    if note.is_retired:
        body = {"guid": note.guid, "why": RETIRED_TAG_REASON}
        store.record_event("retire", key, USER, body)
    row = _build_anki_note_row(note.guid, StoredAnkiNote(note))
    store.insert("seen", [row], verb="INSERT OR REPLACE")


def _set_unknown_documents(store: Store, notes: Iterable[AnkiNote]) -> None:
    """Store the GUIDs and document tags of notes that have no card.

    The policy then doesn't accept new drafts for these notes or from these documents.
    """
    documents: set[str] = set()
    for note in notes:
        documents.add(note.guid)
        for tag in note.tags:
            documents.add(add_vault_name(tag, "".join(note.fields)))
    store.set_value("strangers", sorted(documents))


def load_adopted_notes(store: Store) -> dict[str, AdoptedNote]:
    """Load the notes of other tools that our cards have taken over, keyed by card GUID."""
    notes = {}
    for row in store.fetch_rows("SELECT guid, passage FROM card WHERE adopted != ''"):
        card = store.get_passage(row["passage"]).cards[row["guid"]]
        if card.note.adopted:
            notes[row["guid"]] = card.note.adopted
    return notes


def iter_notes_without_card(store: Store) -> Iterator[AnkiNote]:
    """Yield the notes that have no card in the journal, as of the last complete read of Anki."""
    for note in store.get_value("unknown", list[AnkiNote]) or []:
        if cards.find_passage_key(store, note.guid) is None:
            yield note


# --- learning order ---------------------------------------------------------------------


class _LearningPlace(NamedTuple):
    """What determines when Anki should introduce a card."""

    guid: Guid
    document: tuple[str, str]
    """The source and the path of the document, or two empty texts for a card without a passage."""
    usefulness: float
    position: int
    """The position of the highlight in its document."""


def sort_for_learning(store: Store, guids: Sequence[Guid]) -> list[Guid]:
    """Sort cards into the order in which Anki should introduce them.

    Documents alternate: the best card of each document comes first, then the second best of
    each, and so on. Within a document, cards without an estimated usefulness, such as
    hand-written ones, come first. The other cards follow, the most useful first. Ties are in
    reading order. The result doesn't depend on when the highlights were read.
    """
    places_by_document: dict[tuple[str, str], list[_LearningPlace]] = defaultdict(list)
    for place in _load_learning_places(store, guids).values():
        places_by_document[place.document].append(place)
    ranked = []
    for document, places in places_by_document.items():
        places.sort(key=lambda place: (-place.usefulness, place.position, place.guid))
        for rank, place in enumerate(places):
            ranked.append((rank, -place.usefulness, document, place.guid))
    return [guid for *_, guid in sorted(ranked)]


def _load_learning_places(
    store: Store, guids: Sequence[Guid]
) -> dict[Guid, _LearningPlace]:
    """Load the place of each card. If its passage has several highlights, the best one counts."""
    homes = load_homes(store, guids)
    rows = store.fetch_rows(
        "SELECT h.key, h.worth, h.position, d.source, d.place"
        " FROM highlight h JOIN document d ON d.id = h.document"
        f" WHERE h.state = 'present' AND h.key IN {JSON_VALUES}",
        to_json(store.get_all_keys(homes.values())),
    )
    row_by_key = {row["key"]: row for row in rows}
    places: dict[Guid, _LearningPlace] = {}
    for guid in map(Guid, homes):
        keys = store.get_keys(homes[guid])
        present_rows = [row_by_key[key] for key in keys if key in row_by_key]
        best_row = max(present_rows, key=_get_usefulness, default=None)
        if best_row is None:  # its passage is in no source
            places[guid] = _LearningPlace(guid, ("", ""), 0.0, 0)
            continue
        document = best_row["source"], best_row["place"]
        usefulness = _get_usefulness(best_row)
        places[guid] = _LearningPlace(guid, document, usefulness, best_row["position"])
    return places


def _get_usefulness(highlight_row: Row) -> float:
    """Return how useful a card of a highlight is, or 1 if that wasn't estimated."""
    return highlight_row["worth"] or 1.0
