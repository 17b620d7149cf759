"""The notes in Anki, as seen last, and the notes that were shipped.

What must stay true:

- A note is deleted only with a grave, or if it was absent twice; else it is missing,
  which is asked. It is asked, too, if a large part of a deck was deleted at once.
- A view that is not complete concludes nothing from what it lacks.
- `seen.up_to_date` means "nothing to write"; the triggers in `schema.sql` reset it when that
  may have changed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import cards, settling
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.decided import decided, new_event, sentences_of_card
from ankiforge.ledger.events import (
    FOUND,
    PERSON,
    POLICY,
    RETIRED_BEFORE,
    Event,
    Wording,
    slot_of,
    words_of_wording,
)
from ankiforge.ledger.remarks import in_vault
from ankiforge.ledger.store import Row, Store, encode
from ankiforge.ledger.tables import anki, highlights
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables.here import passage_here
from ankiforge.model import (
    RETIRED,
    Adopted,
    Card,
    CardHere,
    Conflict,
    Guid,
    Json,
    NoteId,
    NoteInAnki,
    SeenReview,
    Shipped,
    Strings,
    Viewed,
    may_be_ours,
    note_id,
)
from ankiforge.text.fold import for_finding

TWICE_SECONDS = 600.0
"""Without graves, a note counts as deleted if two views this far apart lack it."""
MANY = 10
"""If more notes than these were deleted at once, a person is asked about them: of each deck
of which one note in `LARGE_PART` or more was deleted."""
LARGE_PART = 5
DELETED = "deleted in Anki"


def record_view(
    store: Store,
    notes: Iterable[NoteInAnki],
    *,
    complete: bool,
    graves: frozenset[NoteId] | None,
    reviews: Iterable[SeenReview] = (),
) -> Viewed:
    """Take note of our notes in Anki.

    Args:
        store: the store.
        notes: our notes.
        complete: whether the view has the whole collection, so that what it lacks is not
            there.
        graves: the ids of deleted notes; None if Anki cannot say (AnkiConnect).
        reviews: the reviews of our notes' cards.
    """
    note_by_guid = {note.guid: note for note in notes}
    now = time.time()
    with store.transaction():
        recording = _ViewRecording(store, note_by_guid, graves, now)
        # passages are read many at a time
        for part in in_batches(note_by_guid.values()):
            recording.load(part)
            for note in part:
                recording.take_note(note, complete=complete)
        deleted_with_many = recording.deleted_with_many(complete=complete)
        if complete:
            recording.tell_of_revived()
            recording.take_absent(deleted_with_many)
        recording.take_buried(deleted_with_many)
        viewed = recording.viewed
        if complete:
            looked = datetime.now(UTC).isoformat(timespec="seconds")
            store.set_meta("looked", looked)
            store.set_value("unknown", viewed.unknown)
            _set_unknown_documents(store, viewed.unknown)
        viewed.reviews += anki.put_reviews(store, reviews)
    return viewed


class _ViewRecording:
    """One call of `record_view`: the view, the state before it, and the changes."""

    def __init__(
        self,
        store: Store,
        notes: Mapping[Guid, NoteInAnki],
        graves: frozenset[NoteId] | None,
        now: float,
    ) -> None:
        self._store = store
        self._notes = notes
        self._graves = graves
        self._now = now
        """In seconds since 1970."""
        self._cards: dict[str, Row] = card_rows.everything(store)
        self._before: dict[str, Row] = {row["guid"]: row for row in anki.seen(store)}
        """The notes as the view before has them, by guid."""
        self.viewed = Viewed(seen=len(notes))

    def load(self, notes: Iterable[NoteInAnki]) -> None:
        """Read the passages of some notes at once."""
        known = [self._cards[note.guid] for note in notes if note.guid in self._cards]
        self._store.load(card["passage"] for card in known)

    def take_note(self, note: NoteInAnki, *, complete: bool) -> None:
        """Record a note that is in Anki."""
        card = self._cards.get(note.guid)
        if card is None:
            self.viewed.unknown.append(note)
            return
        before = self._before.get(note.guid)
        seen_before = None
        if before is not None and before["body"]:
            seen_before = anki.decode_note(before["body"])
        if seen_before is not None and not complete:
            if seen_before.mod > note.mod:  # an old export
                return
        passage = self._store.passage(card["passage"])
        state = passage.cards[note.guid]
        shipped = [sent.mod for sent in state.note.shipped]
        if shipped and note.mod not in shipped:
            if seen_before is None or _text_of(note) != _text_of(seen_before):
                self.viewed.edited.append(note.guid)
        if note.suspended and not (seen_before is not None and seen_before.suspended):
            self.viewed.suspended.append(note.guid)
        if self._store.machine not in state.note.seen_by:
            self.viewed.first.append(note.guid)
            self._store.add("seen", passage.key, POLICY, {"guid": note.guid})

        # it was deleted in Anki, and is back
        if before is not None and before["absent"] and state.why == DELETED:
            self.viewed.returned.append(note.guid)
            retired = []
            for event in self._store.events(passage.keys):
                if event.what == "retire" and event.body["guid"] == note.guid:
                    retired.append(event)
            if retired:
                self._store.take_back(max(retired, key=lambda event: event.order))
        # nothing is settled about it if it is not as it was
        if before is None or before["body"] != encode(note) or before["absent"]:
            anki.put(self._store, note)

        if not (note.retired and card["live"]):
            return
        if not _knows_of_dropping(self._store, state):
            self.viewed.retired.append(note.guid)
            _retire(self._store, note.guid, RETIRED_BEFORE)

    def tell_of_revived(self) -> None:
        """Find the notes that were deleted in Anki and are there; store the graves.

        Anki keeps the grave of a note that an import brings back; an undo of the deletion
        takes it away. A card that a person wanted again (by `undo`, or by accepting it
        again) is left out, because its note was meant to come back.
        """
        store = self._store
        if self._graves is None:
            return
        already_told = store.get_value("revived", list[str]) or []
        present_despite_grave = []
        for guid, note in self._notes.items():
            if guid in self._cards and note.id in self._graves:
                present_despite_grave.append(guid)
        store.set_value("revived", present_despite_grave)
        for guid in present_despite_grave:
            # what counted as deleted until now, nobody had wanted again before
            if guid in already_told:
                continue
            if guid in self.viewed.returned or not _wanted_again(store, guid):
                self.viewed.revived.append(guid)
        anki.put_graves(store, {id for id in self._graves if may_be_ours(id)})

    def deleted_with_many(self, *, complete: bool) -> frozenset[str]:
        """Return the notes of decks that lost a large part of our notes since the last view.

        A deck may have been deleted by accident, so that is asked before they are retired.
        """
        deleted = []
        for guid, card in self._cards.items():
            before = self._before.get(guid)
            if guid in self._notes or not card["live"]:
                continue
            if before is None:
                is_deleted = self._is_buried(guid)
            else:
                is_deleted = complete and not before["asked"] and self._is_deleted(before)
            if is_deleted:
                deleted.append(guid)
        if len(deleted) <= MANY:
            return frozenset()

        # the decks where our notes are, or were
        decks = {guid: self._cards[guid]["deck"] for guid in deleted}
        for guid, before in self._before.items():
            if not before["absent"] or guid in decks:
                decks[guid] = anki.decode_note(before["body"]).deck
        decks |= {guid: note.deck for guid, note in self._notes.items()}
        notes_of_deck = Counter(decks.values())
        deleted_of_deck = Counter(decks[guid] for guid in deleted)
        doubtful = []
        for guid in deleted:
            deck = decks[guid]
            if LARGE_PART * deleted_of_deck[deck] >= notes_of_deck[deck]:
                doubtful.append(guid)
        return frozenset(doubtful if len(doubtful) > MANY else ())

    def take_absent(self, deleted_with_many: Collection[str]) -> None:
        """Record which notes that were seen before are deleted, and which are missing."""
        for guid, before in self._before.items():
            card = self._cards.get(guid)
            if guid in self._notes or card is None:
                continue
            is_asked = before["asked"] or guid in deleted_with_many
            state, _ = cards.state_of(self._store, guid)
            never_seen = self._store.machine not in state.note.seen_by
            if card["live"] and not is_asked and never_seen:
                # a person wanted it again since, perhaps elsewhere: it is shipped again
                anki.forget(self._store, guid)
                continue
            if card["live"]:
                if not is_asked and self._is_deleted(before):
                    self.viewed.deleted.append(Guid(guid))
                    _retire(self._store, guid, DELETED)
                else:
                    self.viewed.missing.append(Guid(guid))
            elif not before["absent"] and state.why != DELETED:
                # it says nothing about a card that may be in use again later
                anki.forget(self._store, guid)
                continue
            since = before["absent"] or self._now
            anki.put_absent(self._store, guid, since, asked=bool(is_asked))

    def _is_deleted(self, before: Row) -> bool:
        """Return whether an absent note has a grave; if Anki gives none, was it long absent?"""
        if self._graves is not None:
            return anki.decode_note(before["body"]).id in self._graves
        since = before["absent"]
        return bool(since) and self._now - since >= TWICE_SECONDS

    def take_buried(self, deleted_with_many: Collection[str]) -> None:
        """Retire the cards that no view has shown here, and whose notes have a grave."""
        for guid, card in self._cards.items():
            if guid in self._notes or guid in self._before:
                continue
            if not card["live"] or not self._is_buried(guid):
                continue
            if guid in deleted_with_many:
                self.viewed.missing.append(Guid(guid))
                anki.put_absent(self._store, guid, self._now, asked=True)
            else:
                self.viewed.deleted.append(Guid(guid))
                _retire(self._store, guid, DELETED)

    def _is_buried(self, guid: str) -> bool:
        """Return whether a note that was never seen has a grave, and is not wanted again."""
        if self._graves is None or note_id(Guid(guid)) not in self._graves:
            return False
        state, _ = cards.state_of(self._store, guid)
        return bool(state.note.seen_by) or not _wanted_again(self._store, Guid(guid))


def _text_of(note: NoteInAnki) -> tuple[Strings, frozenset[str]]:
    """Return the words of a note, and its tags but for those of the scheduler."""
    return note.fields, frozenset(note.tags).difference(note.scheduler_tags)


def _retire(store: Store, guid: str, reason: str) -> None:
    _, passage = cards.state_of(store, guid)
    store.add("retire", passage.key, PERSON, {"guid": guid, "why": reason})
    store.unsettle(passage.key, itself=True)


def _knows_of_dropping(store: Store, state: Card) -> bool:
    """Return whether the journal knows why a note has, or had, the tag of dropped cards.

    If it does not, the tag is all that is left of a decision: the journal is older, or
    its last line was torn.
    """
    if any(RETIRED in map(str.casefold, sent.tags) for sent in state.note.shipped):
        return True
    return any(
        event.what in ("reject", "retire") and event.body.get("guid") == state.guid
        for event in _events_of(store, state.guid)
    )


def was_deleted_unnoticed(store: Store, guid: str) -> bool:
    """Return whether the note of a card was deleted in Anki while the card was not in use."""
    # of thousands of decisions in one go, each asks
    return anki.is_buried(store, guid) and not anki.was_seen(store, guid)


def send_again(store: Store, passage_key: str, guid: str) -> None:
    """Have a note shipped again that was deleted or is missing; a person wants its card."""
    store.add("unseen", passage_key, POLICY, {"guid": guid})
    anki.forget_absent(store, guid)


def _wanted_again(store: Store, guid: Guid) -> bool:
    """Return whether a person wanted a note back that was deleted or missing."""
    for event in _events_of(store, guid):
        if event.what == "unseen" and event.body["guid"] == guid:
            return True
    return False


def _events_of(store: Store, guid: str) -> list[Event]:
    """Return all events of the passage of a card."""
    _, passage = cards.state_of(store, guid)
    return store.events(passage.keys)


# --- what a package is made of ----------------------------------------------------------


def to_plan(store: Store, settings: str) -> Iterator[tuple[CardHere, NoteInAnki | None]]:
    """Yield the cards that may have something to write, each with its note in Anki.

    A card that `record_plan` settled is left out until its passage, its note, the card,
    or what all notes are made with changes, which `settings` names; "" means "not
    settled" in the table.
    """
    body_by_guid = anki.unsettled(store, settings)
    taken = anki.taken(store)
    for card in cards.cards_of(store, card_rows.passages_of(store, body_by_guid)):
        if card.guid in body_by_guid:
            body = body_by_guid[card.guid]
            note = anki.decode_note(body) if body else None
            if note and card.guid in taken:
                note = replace(note, taken=taken[card.guid])
            yield card, note


def mapped_notes(store: Store) -> list[NoteId]:
    """Return the ids in Anki of our notes in note types that are not ours.

    Of one that was not seen yet, it is the id in the package.
    """
    ids = []
    for row in card_rows.mapped(store):
        seen = anki.decode_note(row["body"]) if row["body"] else None
        ids.append(seen.id if seen else note_id(Guid(row["guid"])))
    return ids


def places_of_deck(store: Store, deck: str) -> list[tuple[str, str]]:
    """Return the decks of cards that were made for a deck, or one below it, and are in Anki.

    Returns:
        For each, the deck that it was made for, and the one in which it is now.
    """
    places = []
    for row in card_rows.in_deck(store, deck):
        place = anki.decode_note(row["body"]).deck
        if place:
            places.append((row["deck"], place))
    return places


def record_plan(
    store: Store,
    up_to_date: Iterable[Guid],
    settings: str,
    conflicts: Iterable[Conflict],
    taken: Mapping[Guid, int],
) -> None:
    """Record the decisions of a plan on notes that are not written.

    Args:
        store: the store.
        up_to_date: the notes for which there is nothing to write with these settings.
        settings: as given to `to_plan`.
        conflicts: fields that a person and the source changed.
        taken: the `mod` of the newest package that Anki has taken, by guid, of notes
            without AnkiforgeId.
    """
    with store.transaction():
        anki.put_taken(store, taken)
        anki.set_up_to_date(store, up_to_date, settings)
        anki.put_conflicts(store, conflicts)


def record_shipped(store: Store, sent: Iterable[tuple[Guid, Shipped]]) -> int:
    """Record the notes of a package, before it replaces the old one.

    Return how many of them no package contained before.
    """
    new = 0
    with store.transaction():
        for guid, note in sent:
            state, passage = cards.state_of(store, guid)
            last = state.note.shipped[-1] if state.note.shipped else None
            new += last is None and not state.note.seen_by
            revision = (note.mod, note.tags, note.digest)
            if last and revision == (last.mod, last.tags, last.digest):
                continue
            numbers = {}
            for number, words in note.numbers.items():
                if state.note.numbers.get(number) != words:
                    numbers[number] = words
            body: Json = {"guid": guid, "mod": note.mod, "digest": note.digest}
            may_be_empty: Json = {
                "tags": note.tags,
                "hashes": note.hashes,
                "type": msgspec.to_builtins(None if last else note.mapped),
                "numbers": numbers,
            }
            body |= {name: value for name, value in may_be_empty.items() if value}
            store.add("shipped", passage.key, POLICY, body)
            if not note.pictures.items() <= state.note.pictures.items():
                body = {"guid": guid, "names": note.pictures}
                store.add("pictures", passage.key, POLICY, body)
    return new


# --- notes that no event knows ----------------------------------------------------------

LostNote = tuple[NoteInAnki, Wording, str, Strings]
"""(note, its words in Markdown, its passage, the fields that a person typed in Anki)."""


def recover_lost(
    store: Store,
    notes: Iterable[LostNote],
    unreadable: Iterable[NoteInAnki] = (),
) -> list[NoteInAnki]:
    """Take over notes that no event knows, if their passage is found word for word.

    For when both the journal and the database were lost.

    Args:
        store: the store.
        notes: the notes.
        unreadable: notes that do not say which card they are; they stay.

    Returns:
        The notes that stay: their passage was not found.
    """
    unmatched = list(unreadable)
    with store.transaction():
        for note, wording, passage, typed in notes:
            # the key of the highlight with the passage: the note's, else the only one
            rows = highlights.present_with(store, [for_finding(passage)])
            keys = [row["key"] for row in rows]
            if note.identity and note.identity.key in keys:
                keys = [note.identity.key]
            if len(keys) != 1:
                unmatched.append(note)
                continue

            # make its card, and drop its draft
            [key] = keys
            words = words_of_wording(wording, key)
            body: Json = {
                "guid": note.guid,
                "draft": msgspec.to_builtins(wording),
                "slot": note.identity.slot if note.identity else slot_of(words),
                "deck": note.deck,
                FOUND: True,
            }
            if typed:
                body["typed"] = list(typed)
            event = new_event("accept", key, PERSON, body)
            here = passage_here(store, store.passage(key))
            sentences = sentences_of_card(here, note.guid, words)
            settling.write(store, decided(here, event, sentences))
            store.add("seen", key, POLICY, {"guid": note.guid})
            if note.retired:
                body = {"guid": note.guid, "why": RETIRED_BEFORE}
                store.add("retire", key, PERSON, body)
            anki.put(store, note)
        _set_unknown_documents(store, unmatched)
    return unmatched


def _set_unknown_documents(store: Store, notes: Iterable[NoteInAnki]) -> None:
    """Store guids and documents of notes that no card here has: their new drafts wait."""
    documents: set[str] = set()
    for note in notes:
        documents.add(note.guid)
        for tag in note.tags:
            documents.add(in_vault(tag, "".join(note.fields)))
    store.set_value("strangers", sorted(documents))


def adopted_notes(store: Store) -> dict[str, Adopted]:
    """Return the notes that other tools made of our cards, by the cards' guids."""
    notes = {}
    for row in card_rows.adopted(store):
        card = store.passage(row["passage"]).cards[row["guid"]]
        if card.note.adopted:
            notes[row["guid"]] = card.note.adopted
    return notes


def unknown(store: Store) -> Iterator[NoteInAnki]:
    """Yield the notes of ours in the newest view that no event knows."""
    for note in store.get_value("unknown", list[NoteInAnki]) or []:
        if card_rows.passage_of(store, note.guid) is None:
            yield note


# --- the order of learning --------------------------------------------------------------


def in_learning_order(store: Store, guids: Sequence[Guid]) -> list[Guid]:
    """Return cards in the order in which they are to be learnt: the best first, documents mixed.

    The best card of each document comes first, then each second best. In a document, what a
    person wrote comes first, then what deserves a card most, and then what comes first. The order
    depends on what was read, and not on when.
    """
    by_document: dict[tuple[str, str], list[tuple[float, int, Guid]]] = {}
    for row in card_rows.in_sources(store, guids):
        place = row["source"], row["place"]
        worth = row["worth"] or 0.0
        card = -worth, row["position"] or 0, Guid(row["guid"])
        by_document.setdefault(place, []).append(card)
    ranked = []
    for place, cards_there in by_document.items():
        for rank, (worth, _, guid) in enumerate(sorted(cards_there)):
            ranked.append((rank, worth, place, guid))
    return [guid for *_, guid in sorted(ranked)]
