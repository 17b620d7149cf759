"""Record the state of our notes in Anki, and the notes that were exported in packages.

A *view* is the state of our notes as read from Anki. A note that a complete view lacks counts as
deleted only if it has a *grave* (Anki's record of a deleted note) or, where graves are unknown, if
an earlier view lacked it, too. Otherwise it is missing, and the user is asked. The user is also
asked if a large part of a deck was deleted at once. The column `seen.up_to_date` shows that there
is nothing to write for a note; triggers in `schema.sql` reset it after changes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import cards, decision_recording
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.decision_changes import (
    build_event,
    find_card_sentences,
    plan_decision,
)
from ankiforge.ledger.events import (
    FOUND_KEY,
    POLICY,
    RETIRED_TAG_REASON,
    USER,
    Event,
    Wording,
    from_wording,
    get_slot,
)
from ankiforge.ledger.remarks import add_vault_name
from ankiforge.ledger.store import Row, Store, to_json
from ankiforge.ledger.tables import anki_notes, highlights
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import (
    RETIRED_TAG,
    AdoptedNote,
    AnkiNote,
    AnkiReview,
    Card,
    Conflict,
    Guid,
    Json,
    LocalCard,
    NoteId,
    ShippedNote,
    Strings,
    ViewChanges,
    compute_note_id,
    is_in_our_id_range,
)
from ankiforge.text.normalize import normalize_for_lookup

MIN_ABSENCE_SECONDS = 600.0
"""Where graves are unknown, a note counts as deleted if it is absent from two views that are at
least this many seconds apart."""
MASS_DELETION_COUNT = 10
"""The user is asked if more notes than this were deleted at once from decks that lost a large part
of their notes."""
MASS_DELETION_DIVISOR = 5
"""A deck has lost a large part of its notes if at least one in this many was deleted."""
DELETED_REASON = "deleted in Anki"
"""The reason for retiring a card whose note the user deleted in Anki."""


def record_view(
    store: Store,
    notes: Iterable[AnkiNote],
    *,
    complete: bool,
    graves: frozenset[NoteId] | None,
    reviews: Iterable[AnkiReview] = (),
) -> ViewChanges:
    """Record the state of our notes in Anki, retiring the cards whose notes were deleted.

    Args:
        store: the store.
        notes: our notes as read from Anki.
        complete: whether the whole collection was read, so that notes not in `notes` are
            absent.
        graves: the ids of deleted notes, or None if unknown, as with AnkiConnect.
        reviews: the reviews of our own cards.

    Returns:
        The changes since the previous view.
    """
    notes_by_guid = {note.guid: note for note in notes}
    now = time.time()
    with store.transaction():
        recording = _ViewRecording(store, notes_by_guid, graves, now)
        # load the passages in batches, because there may be very many
        for batch in iter_batches(notes_by_guid.values()):
            recording.load_passages(batch)
            for note in batch:
                recording.record_note(note, complete=complete)
        mass_deleted = recording.find_mass_deleted_notes(complete=complete)
        if complete:
            recording.report_revived_notes()
            recording.record_absent_notes(mass_deleted)
        recording.retire_unseen_deleted_cards(mass_deleted)
        viewed = recording.viewed
        if complete:
            viewed_at = datetime.now(UTC).isoformat(timespec="seconds")
            store.set_meta("looked", viewed_at)
            store.set_value("unknown", viewed.unknown)
            _set_unknown_documents(store, viewed.unknown)
        viewed.reviews += anki_notes.store_reviews(store, reviews)
    return viewed


class _ViewRecording:
    def __init__(
        self,
        store: Store,
        notes: Mapping[Guid, AnkiNote],
        graves: frozenset[NoteId] | None,
        now: float,
    ) -> None:
        self._store = store
        self._notes = notes
        self._graves = graves
        self._now = now
        """The current time, in seconds since 1970."""
        self._cards: dict[str, Row] = card_rows.load_all_cards(store)
        self._old_rows: dict[str, Row] = {
            row["guid"]: row for row in anki_notes.load_seen_rows(store)
        }
        """The notes as recorded by earlier views, by GUID."""
        self.viewed = ViewChanges(seen=len(notes))

    def load_passages(self, notes: Iterable[AnkiNote]) -> None:
        """Preload the passages of the notes' cards with a single query."""
        known_cards = [
            self._cards[note.guid] for note in notes if note.guid in self._cards
        ]
        self._store.preload_passages(card["passage"] for card in known_cards)

    def record_note(self, note: AnkiNote, *, complete: bool) -> None:
        """Record a note's state in Anki, and report the changes since the last view."""
        card_row = self._cards.get(note.guid)
        if card_row is None:
            self.viewed.unknown.append(note)
            return
        old_row = self._old_rows.get(note.guid)
        old_note = None
        if old_row is not None and old_row["body"]:
            old_note = anki_notes.decode_note(old_row["body"])
        if old_note is not None and not complete:
            if old_note.mod > note.mod:  # the view is an old export
                return
        passage = self._store.get_passage(card_row["passage"])
        card = passage.cards[note.guid]
        shipped_mods = [shipped.mod for shipped in card.note.shipped]
        if shipped_mods and note.mod not in shipped_mods:
            if old_note is None or _get_fields_and_tags(note) != _get_fields_and_tags(
                old_note
            ):
                self.viewed.edited.append(note.guid)
        if note.suspended and not (old_note is not None and old_note.suspended):
            self.viewed.suspended.append(note.guid)
        if self._store.device_id not in card.note.seen_by:
            self.viewed.first.append(note.guid)
            self._store.record_event("seen", passage.key, POLICY, {"guid": note.guid})

        # revive a card whose deleted note is back
        if old_row is not None and old_row["absent"] and card.why == DELETED_REASON:
            self.viewed.returned.append(note.guid)
            retirements = []
            for event in self._store.load_events(passage.keys):
                if event.what == "retire" and event.body["guid"] == note.guid:
                    retirements.append(event)
            if retirements:
                self._store.record_undo(max(retirements, key=lambda event: event.order))
        # store the note if it has changed, which resets `up_to_date`
        if old_row is None or old_row["body"] != to_json(note) or old_row["absent"]:
            anki_notes.store_note(self._store, note)

        if not (note.is_retired and card_row["live"]):
            return
        if not _is_drop_recorded(self._store, card):
            self.viewed.retired.append(note.guid)
            _retire_card(self._store, note.guid, RETIRED_TAG_REASON)

    def report_revived_notes(self) -> None:
        """Report notes that exist although Anki lists them as deleted, and store the graves.

        Importing a package restores a deleted note, but Anki keeps its grave. A note isn't
        reported if the user wanted its card back, by an undo or by accepting it again.
        """
        store = self._store
        if self._graves is None:
            return
        already_reported = store.get_value("revived", list[str]) or []
        present_despite_grave = []
        for guid, note in self._notes.items():
            if guid in self._cards and note.id in self._graves:
                present_despite_grave.append(guid)
        store.set_value("revived", present_despite_grave)
        for guid in present_despite_grave:
            if guid in already_reported:
                continue
            # a returned note counted as deleted until now, so its card wasn't wanted again
            if guid in self.viewed.returned or not _is_wanted_again(store, guid):
                self.viewed.revived.append(guid)
        anki_notes.replace_graves(
            store, {id for id in self._graves if is_in_our_id_range(id)}
        )

    def find_mass_deleted_notes(self, *, complete: bool) -> frozenset[str]:
        """Find the deleted notes in decks that lost a large share of our notes at once.

        Such a deck may have been deleted by accident, so the user is asked before the cards of
        these notes are retired.
        """
        deleted_guids = []
        for guid, card_row in self._cards.items():
            old_row = self._old_rows.get(guid)
            if guid in self._notes or not card_row["live"]:
                continue
            if old_row is None:
                is_deleted = self._was_deleted_unseen(guid)
            else:
                is_deleted = (
                    complete and not old_row["asked"] and self._is_deleted(old_row)
                )
            if is_deleted:
                deleted_guids.append(guid)
        if len(deleted_guids) <= MASS_DELETION_COUNT:
            return frozenset()

        # find the deck of each note: the current one, or the one where it was last seen
        decks = {guid: self._cards[guid]["deck"] for guid in deleted_guids}
        for guid, old_row in self._old_rows.items():
            if not old_row["absent"] or guid in decks:
                decks[guid] = anki_notes.decode_note(old_row["body"]).deck
        decks |= {guid: note.deck for guid, note in self._notes.items()}
        note_counts = Counter(decks.values())
        deleted_counts = Counter(decks[guid] for guid in deleted_guids)
        doubtful_guids = []
        for guid in deleted_guids:
            deck = decks[guid]
            if MASS_DELETION_DIVISOR * deleted_counts[deck] >= note_counts[deck]:
                doubtful_guids.append(guid)
        return frozenset(
            doubtful_guids if len(doubtful_guids) > MASS_DELETION_COUNT else ()
        )

    def record_absent_notes(self, mass_deleted: Collection[str]) -> None:
        """Record which previously seen notes have been deleted or are missing."""
        for guid, old_row in self._old_rows.items():
            card_row = self._cards.get(guid)
            if guid in self._notes or card_row is None:
                continue
            is_asked = old_row["asked"] or guid in mass_deleted
            card, _ = cards.load_card_and_passage(self._store, guid)
            never_seen = self._store.device_id not in card.note.seen_by
            if card_row["live"] and not is_asked and never_seen:
                # the user wanted the card again, perhaps on another device, so ship it again
                anki_notes.delete_note(self._store, guid)
                continue
            if card_row["live"]:
                if not is_asked and self._is_deleted(old_row):
                    self.viewed.deleted.append(Guid(guid))
                    _retire_card(self._store, guid, DELETED_REASON)
                else:
                    self.viewed.missing.append(Guid(guid))
            elif not old_row["absent"] and card.why != DELETED_REASON:
                # forget the note, because the card may be used again later
                anki_notes.delete_note(self._store, guid)
                continue
            since = old_row["absent"] or self._now
            anki_notes.set_absent(self._store, guid, since, asked=bool(is_asked))

    def _is_deleted(self, old_row: Row) -> bool:
        """Return whether an absent note was deleted rather than just missing.

        That is the case if it has a grave or, where graves are unknown, if it has been absent for
        `MIN_ABSENCE_SECONDS`.
        """
        if self._graves is not None:
            return anki_notes.decode_note(old_row["body"]).id in self._graves
        since = old_row["absent"]
        return bool(since) and self._now - since >= MIN_ABSENCE_SECONDS

    def retire_unseen_deleted_cards(self, mass_deleted: Collection[str]) -> None:
        """Retire the cards whose notes were deleted without ever being seen on this device.

        The user is asked about the notes in `mass_deleted` instead.
        """
        for guid, card_row in self._cards.items():
            if guid in self._notes or guid in self._old_rows:
                continue
            if not card_row["live"] or not self._was_deleted_unseen(guid):
                continue
            if guid in mass_deleted:
                self.viewed.missing.append(Guid(guid))
                anki_notes.set_absent(self._store, guid, self._now, asked=True)
            else:
                self.viewed.deleted.append(Guid(guid))
                _retire_card(self._store, guid, DELETED_REASON)

    def _was_deleted_unseen(self, guid: str) -> bool:
        if self._graves is None or compute_note_id(Guid(guid)) not in self._graves:
            return False
        card, _ = cards.load_card_and_passage(self._store, guid)
        return bool(card.note.seen_by) or not _is_wanted_again(self._store, Guid(guid))


def _get_fields_and_tags(note: AnkiNote) -> tuple[Strings, frozenset[str]]:
    return note.fields, frozenset(note.tags).difference(note.scheduler_tags)


def _retire_card(store: Store, guid: str, reason: str) -> None:
    _, passage = cards.load_card_and_passage(store, guid)
    body = {"guid": guid, "why": reason}
    event = store.record_event("retire", passage.key, USER, body)
    decision_recording.update_pending_drafts(store, [passage.key], event_id=event.id)


def _is_drop_recorded(store: Store, card: Card) -> bool:
    """Return whether the journal explains why a note has the tag of retired cards.

    If not, the decision was lost, because an older journal was restored or a line was cut
    off.
    """
    if any(
        RETIRED_TAG in map(str.casefold, shipped.tags) for shipped in card.note.shipped
    ):
        return True
    return any(
        event.what in ("reject", "retire") and event.body.get("guid") == card.guid
        for event in _load_passage_events(store, card.guid)
    )


def was_deleted_unnoticed(store: Store, guid: str) -> bool:
    """Return whether a card's note was deleted in Anki while the card wasn't live."""
    # must be fast, because it is called for each of thousands of decisions
    return anki_notes.is_deleted(store, guid) and not anki_notes.is_note_known(
        store, guid
    )


def schedule_export_again(store: Store, passage_key: str, guid: str) -> None:
    """Schedule a deleted or missing note for re-export, because the user wants it back."""
    store.record_event("unseen", passage_key, POLICY, {"guid": guid})
    anki_notes.delete_absent_note(store, guid)


def _is_wanted_again(store: Store, guid: Guid) -> bool:
    for event in _load_passage_events(store, guid):
        if event.what == "unseen" and event.body["guid"] == guid:
            return True
    return False


def _load_passage_events(store: Store, guid: str) -> list[Event]:
    _, passage = cards.load_card_and_passage(store, guid)
    return store.load_events(passage.keys)


# --- planning and shipping --------------------------------------------------------------


def iter_cards_to_plan(
    store: Store, settings: str
) -> Iterator[tuple[LocalCard, AnkiNote | None]]:
    """Yield the cards whose notes may need to be written, each with its note in Anki.

    Cards that `record_plan` recorded as up to date are skipped until the card, its passage,
    its note or the settings change. `settings` is a nonempty fingerprint of the settings that
    affect notes.

    Yields:
        Each card, with its note or None if the note hasn't been seen.
    """
    bodies_by_guid = anki_notes.load_notes_to_plan(store, settings)
    imported_mods = anki_notes.load_imported_mods(store)
    for card in cards.iter_cards(
        store, card_rows.find_passage_keys(store, bodies_by_guid)
    ):
        if card.guid in bodies_by_guid:
            body = bodies_by_guid[card.guid]
            note = anki_notes.decode_note(body) if body else None
            if note and card.guid in imported_mods:
                note = replace(note, taken=imported_mods[card.guid])
            yield card, note


def load_mapped_note_ids(store: Store) -> list[NoteId]:
    """List the ids of our notes that use one of the user's own note types.

    For a note that hasn't been seen in Anki yet, this is its id in the package.
    """
    ids = []
    for row in card_rows.load_mapped_cards(store):
        seen_note = anki_notes.decode_note(row["body"]) if row["body"] else None
        ids.append(seen_note.id if seen_note else compute_note_id(Guid(row["guid"])))
    return ids


def load_current_decks(store: Store, deck: str) -> list[tuple[str, str]]:
    """Look up where the user keeps the cards that were created for a deck or its subdecks.

    Returns:
        A pair for each such card in Anki: (the deck it was created for, its current deck).
    """
    deck_pairs = []
    for row in card_rows.load_deck_cards(store, deck):
        current_deck = anki_notes.decode_note(row["body"]).deck
        if current_deck:
            deck_pairs.append((row["deck"], current_deck))
    return deck_pairs


def record_plan(
    store: Store,
    up_to_date: Iterable[Guid],
    settings: str,
    conflicts: Iterable[Conflict],
    taken: Mapping[Guid, int],
) -> None:
    """Record the result of planning an export, except for the notes that are written.

    Args:
        store: the store.
        up_to_date: the GUIDs of the notes with nothing to write.
        settings: the fingerprint passed to `iter_cards_to_plan`.
        conflicts: the fields that both the user and the source changed.
        taken: for notes without the field AnkiforgeId, the `mod` (modification time) of the newest
            package that Anki has imported, by GUID.
    """
    with store.transaction():
        anki_notes.store_imported_mods(store, taken)
        anki_notes.set_up_to_date(store, up_to_date, settings)
        anki_notes.store_conflicts(store, conflicts)


def record_exported_notes(
    store: Store, exported_notes: Iterable[tuple[Guid, ShippedNote]]
) -> int:
    """Record the notes of a new package, before the package replaces the previous one.

    Returns how many of the notes were exported for the first time.
    """
    new_count = 0
    with store.transaction():
        for guid, note in exported_notes:
            card, passage = cards.load_card_and_passage(store, guid)
            previous = card.note.shipped[-1] if card.note.shipped else None
            new_count += previous is None and not card.note.seen_by
            revision = (note.mod, note.tags, note.digest)
            if previous and revision == (previous.mod, previous.tags, previous.digest):
                continue
            numbers = {}
            for number, words in note.numbers.items():
                if card.note.numbers.get(number) != words:
                    numbers[number] = words
            body: Json = {"guid": guid, "mod": note.mod, "digest": note.digest}
            may_be_empty: Json = {
                "tags": note.tags,
                "hashes": note.hashes,
                "type": msgspec.to_builtins(None if previous else note.mapped),
                "numbers": numbers,
            }
            body |= {name: value for name, value in may_be_empty.items() if value}
            store.record_event("shipped", passage.key, POLICY, body)
            if not note.pictures.items() <= card.note.pictures.items():
                body = {"guid": guid, "names": note.pictures}
                store.record_event("pictures", passage.key, POLICY, body)
    return new_count


# --- notes unknown to the journal -------------------------------------------------------

LostNote = tuple[AnkiNote, Wording, str, Strings]
"""A note that no event explains, its text in Markdown, the text of its passage, and the names of
the fields that the user edited in Anki."""


def recover_lost_cards(
    store: Store,
    notes: Iterable[LostNote],
    unreadable: Iterable[AnkiNote] = (),
) -> list[AnkiNote]:
    """Recreate cards from our notes in Anki after losing both the journal and the database.

    A card is recreated if exactly one existing highlight has the text of its passage.
    `unreadable` has notes that don't show which card they belong to.

    Returns:
        The unreadable notes, and those whose passage wasn't found.
    """
    unmatched_notes = list(unreadable)
    with store.transaction():
        for note, wording, passage_text, typed_fields in notes:
            # find the passage by the key in the note, or else by its text if the text is unique
            rows = highlights.load_present_by_text(
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
            content = from_wording(wording, key)
            body: Json = {
                "guid": note.guid,
                "draft": msgspec.to_builtins(wording),
                "slot": note.identity.slot if note.identity else get_slot(content),
                "deck": note.deck,
                FOUND_KEY: True,
            }
            if typed_fields:
                body["typed"] = list(typed_fields)
            event = build_event("accept", key, USER, body)
            snapshot = load_snapshot(store, store.get_passage(key))
            sentences = find_card_sentences(snapshot, note.guid, content)
            decision_recording.record_decision(
                store, plan_decision(snapshot, event, sentences)
            )
            store.record_event("seen", key, POLICY, {"guid": note.guid})
            if note.is_retired:
                body = {"guid": note.guid, "why": RETIRED_TAG_REASON}
                store.record_event("retire", key, USER, body)
            anki_notes.store_note(store, note)
        _set_unknown_documents(store, unmatched_notes)
    return unmatched_notes


def _set_unknown_documents(store: Store, notes: Iterable[AnkiNote]) -> None:
    """Store the GUIDs and document tags of notes that have no card.

    New drafts for these notes, or from these documents, then need review.
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
    for row in card_rows.load_adopted_cards(store):
        card = store.get_passage(row["passage"]).cards[row["guid"]]
        if card.note.adopted:
            notes[row["guid"]] = card.note.adopted
    return notes


def iter_unknown_notes(store: Store) -> Iterator[AnkiNote]:
    """Yield our notes in the last complete view that have no card in the journal."""
    for note in store.get_value("unknown", list[AnkiNote]) or []:
        if card_rows.find_passage_key(store, note.guid) is None:
            yield note


# --- learning order ---------------------------------------------------------------------


def sort_for_learning(store: Store, guids: Sequence[Guid]) -> list[Guid]:
    """Sort cards into learning order: the best first, alternating between documents.

    The best card of each document comes first, then the second best of each, and so on.
    Within a document, cards without an estimated usefulness (e.g. hand-written ones) come
    first, then the most useful; ties are in reading order. The order doesn't depend on when
    anything was read.
    """
    cards_by_document: dict[tuple[str, str], list[tuple[float, int, Guid]]] = {}
    for row in card_rows.load_home_positions(store, guids):
        document = row["source"], row["place"]
        worth = row["worth"] or 0.0
        ranked_card = -worth, row["position"] or 0, Guid(row["guid"])
        cards_by_document.setdefault(document, []).append(ranked_card)
    ranked = []
    for document, document_cards in cards_by_document.items():
        for rank, (worth, _, guid) in enumerate(sorted(document_cards)):
            ranked.append((rank, worth, document, guid))
    return [guid for *_, guid in sorted(ranked)]
