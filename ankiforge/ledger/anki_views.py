"""Record the state of our notes in Anki, and the notes that were exported in packages.

`anki_changes` compares what was just read from Anki with what was read before. The table
`planned` lists the notes that need no export. Triggers in `schema.sql` delete its rows when a
card, passage or note changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.ledger import cards, decision_recording
from ankiforge.ledger.anki_changes import (
    DELETED_REASON,
    CardWithNote,
    NoteChange,
    StoredAnkiNote,
    ask_about_mass_deletions,
    detect_note_changes,
)
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
        rows = store.fetch_rows(
            "SELECT c.guid, c.passage, s.body, s.absent, s.asked FROM card c"
            " LEFT JOIN seen s USING (guid) ORDER BY s.guid IS NULL, c.guid"
        )
        row_by_guid = {row["guid"]: row for row in rows}
        viewed = AnkiChanges(note_count=len(notes_by_guid))
        viewed.notes_without_event += [
            note for guid, note in notes_by_guid.items() if guid not in row_by_guid
        ]

        absent_rows = []
        for guid, row in row_by_guid.items():
            is_known = row["body"] is not None or compute_note_id(guid) in (graves or ())
            if is_known and guid not in notes_by_guid:
                absent_rows.append(row)
        present_rows = [
            row_by_guid[guid] for guid in notes_by_guid if guid in row_by_guid
        ]
        load = partial(_iter_cards_with_notes, store, notes_by_guid, graves)
        compare = partial(
            detect_note_changes, device_id=store.device_id, now=now, complete=complete
        )
        decks = (note.deck for note in notes_by_guid.values())
        absent = [(each, compare(each)) for each in load(absent_rows)]
        absent = ask_about_mass_deletions(absent, decks, now)
        present = ((each, compare(each)) for each in load(present_rows))
        seen_rows = []
        for viewed_card, change in chain(present, absent):
            guid = viewed_card.card.guid
            for name in change.lists:
                getattr(viewed, name).append(guid)
            _record_change(store, viewed_card, change)
            if change.new_state and change.new_state != viewed_card.stored_note:
                seen_rows.append(_build_anki_note_row(guid, change.new_state))
            elif viewed_card.stored_note and not change.new_state:
                anki_notes.delete_note(store, guid)
        store.insert("seen", seen_rows, verb="INSERT OR REPLACE")
        if complete:
            viewed_at = datetime.now(UTC).isoformat(timespec="seconds")
            store.set_meta("looked", viewed_at)
            store.set_value("unknown", viewed.notes_without_event)
            _set_unknown_documents(store, viewed.notes_without_event)
        if complete and graves is not None:
            reported = store.get_value("revived", list[str]) or []
            store.set_value("revived", viewed.revived)
            viewed.revived = [guid for guid in viewed.revived if guid not in reported]
            ids = set(filter(is_in_our_id_range, graves))
            if ids != {row["id"] for row in store.fetch_rows("SELECT id FROM grave")}:
                store.execute("DELETE FROM grave")
                store.execute_all("INSERT INTO grave VALUES (?)", [(id,) for id in ids])
        review_rows = map(asdict, reviews)
        viewed.reviews += store.insert("review", review_rows, verb="INSERT OR IGNORE")
    return viewed


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
            before = None
            if row["body"] is not None:
                old_note = anki_notes.decode_note(row["body"]) if row["body"] else None
                before = StoredAnkiNote(old_note, row["absent"], bool(row["asked"]))
            note = notes.get(guid)
            known_note = note or (before.note if before else None)
            id = known_note.id if known_note else compute_note_id(guid)
            has_grave = None if graves is None else id in graves
            needs_events = has_grave or (note and note.is_retired)
            events = store.load_events(passage.keys) if needs_events else ()
            kinds = {each.kind for each in events if each.body.get("guid") == guid}
            card = passage.cards[guid]
            yield CardWithNote(card, before, note, has_grave, frozenset(kinds))


def _record_change(
    store: Store, card_with_note: CardWithNote, change: NoteChange
) -> None:
    guid = card_with_note.card.guid
    keys = store.get_keys(card_with_note.card.key)
    if "first_seen" in change.lists:
        store.record_event("seen", keys[0], POLICY, {"guid": guid})
    if "returned" in change.lists:
        retirements = [
            event
            for event in store.load_events(keys)
            if event.kind == "retire" and event.body["guid"] == guid
        ]
        if retirements:
            store.record_undo(max(retirements, key=lambda event: event.order))
    for name, reason in (("retired", RETIRED_TAG_REASON), ("deleted", DELETED_REASON)):
        if name in change.lists:
            body = {"guid": guid, "why": reason}
            event = store.record_event("retire", keys[0], USER, body)
            decision_recording.update_pending_drafts(store, [keys[0]], event_id=event.id)


def _build_anki_note_row(guid: str, state: StoredAnkiNote) -> Json:
    note = state.note
    return {
        "guid": guid,
        "absent": state.absent_since,
        "asked": state.is_asked,
        "reviews": note.reviews if note else 0,
        "lapses": note.lapses if note else 0,
        "leech": note.is_leech if note else False,
        "retired": note.is_retired if note else False,
        "note_hash": anki_notes.hash_note(note) if note else "",
        "body": to_json(note) if note else "",
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
            for (guid, note), (card, key) in zip(batch, stored_cards, strict=True):
                previous = card.note.exports[-1] if card.note.exports else None
                new_count += previous is None and not card.note.seen_by
                revision = (note.mod, note.tags, note.note_hash)
                if previous and revision == (
                    previous.mod,
                    previous.tags,
                    previous.note_hash,
                ):
                    continue
                body: Json = {"guid": guid, "mod": note.mod, "digest": note.note_hash}
                known_texts = card.note.exported_text_by_number
                may_be_empty: Json = {
                    "tags": note.tags,
                    "hashes": note.field_hashes,
                    "type": msgspec.to_builtins(None if previous else note.mapped),
                    "numbers": {
                        number: text
                        for number, text in note.gap_text_by_number.items()
                        if known_texts.get(number) != text
                    },
                }
                body |= {name: value for name, value in may_be_empty.items() if value}
                store.record_event("shipped", key, POLICY, body)
                if not note.picture_names.items() <= card.note.pictures.items():
                    body = {"guid": guid, "names": note.picture_names}
                    store.record_event("pictures", key, POLICY, body)
    return new_count


def count_undone_in_packages(store: Store) -> int:
    """Count the undone cards that were exported and that Anki was never seen to have."""
    return int(
        store.fetch_value(
            "SELECT count(*) FROM card JOIN in_anki USING (guid)"
            " WHERE verdict = 'undone' AND anki = 'written'"
        )
    )


# --- notes unknown to the journal -------------------------------------------------------

LostNote = tuple[AnkiNote, StoredContent, str, Strings]
"""A note without any event in the journal, the note's text in Markdown, the text of its passage,
and the names of the fields that the user edited in Anki."""


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
        for note, wording, passage_text, typed_fields in notes:
            # find the passage by the key in the note, or else by its text if the text is unique
            rows = highlights.load_current_highlights_by_text(
                store, [normalize_for_lookup(passage_text)]
            )
            keys = [row["key"] for row in rows]
            if note.identity and note.identity.key in keys:
                keys = [note.identity.key]
            if len(keys) != 1:
                unmatched_notes.append(note)
                continue

            # make the card, which removes its draft
            [key] = keys
            content = content_from_stored(wording, key)
            body: Json = {
                "guid": note.guid,
                "draft": msgspec.to_builtins(wording),
                "slot": note.identity.slot if note.identity else get_slot(content),
                "deck": note.deck,
                FOUND_KEY: True,
            }
            if typed_fields:
                body["typed"] = list(typed_fields)
            event = NewEvent("accept", key, USER, body)
            snapshot = load_snapshot(store, store.get_passage(key))
            sentences = find_card_sentences(snapshot, note.guid, content)
            decision_recording.record_decision(
                store, plan_decision(snapshot, event, sentences)
            )
            store.record_event("seen", key, POLICY, {"guid": note.guid})
            if note.is_retired:
                body = {"guid": note.guid, "why": RETIRED_TAG_REASON}
                store.record_event("retire", key, USER, body)
            row = _build_anki_note_row(note.guid, StoredAnkiNote(note))
            store.insert("seen", [row], verb="INSERT OR REPLACE")
        _set_unknown_documents(store, unmatched_notes)
    return unmatched_notes


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


def sort_for_learning(store: Store, guids: Sequence[Guid]) -> list[Guid]:
    """Sort cards into the order in which Anki should introduce them.

    Documents alternate: the best card of each document comes first, then the second best of
    each, and so on. Within a document, cards without an estimated usefulness, such as
    hand-written ones, come first. The other cards follow, the most useful first. Ties are in
    reading order. The result doesn't depend on when the highlights were read.
    """
    cards_by_document: dict[tuple[str, str], list[tuple[float, int, Guid]]] = {}
    # a usefulness of 0 wasn't estimated
    for row in store.fetch_rows(
        "SELECT c.guid, max(iif(h.worth = 0, 1.0, h.worth)) AS worth, h.position,"
        " coalesce(d.source, '') AS source, coalesce(d.place, '') AS place"
        " FROM placed c LEFT JOIN alias a ON a.first = c.home"
        " LEFT JOIN highlight h ON h.key = coalesce(a.key, c.home) AND h.state = 'present'"
        f" LEFT JOIN document d ON d.id = h.document WHERE c.guid IN {JSON_VALUES} GROUP BY c.guid",
        to_json(list(guids)),
    ):
        document = row["source"], row["place"]
        worth = row["worth"] or 0.0
        ranked_card = -worth, row["position"] or 0, Guid(row["guid"])
        cards_by_document.setdefault(document, []).append(ranked_card)
    ranked = []
    for document, document_cards in cards_by_document.items():
        for rank, (worth, _, guid) in enumerate(sorted(document_cards)):
            ranked.append((rank, worth, document, guid))
    return [guid for *_, guid in sorted(ranked)]
