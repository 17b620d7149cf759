"""Find the notes that are new, edited, deleted or restored since Anki was last read.

A *view* is the state of our notes as read from Anki at one time. If the whole collection was
read and a note isn't in it, the note counts as deleted only if it has a *grave* (Anki's
record of a deletion). If graves are unknown, the note must also have been absent from an
earlier view. Otherwise the note is missing, and the user is asked about it. The user is also
asked if a large part of a deck was deleted at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from ankiforge.model import RETIRED_TAG, AnkiNote, Card, Strings, Value

MIN_ABSENCE_SECONDS = 600.0
"""Where Anki's records of deleted notes are unknown, a note counts as deleted if it is absent in
two reads of Anki that are at least this many seconds apart."""
MASS_DELETION_COUNT = 10
"""The user is asked if more notes than this were deleted at once from decks that lost a large part
of their notes."""
MASS_DELETION_DIVISOR = 5
"""A deck has lost a large part of its notes if at least one in this many was deleted."""
DELETED_REASON = "deleted in Anki"
"""The reason for retiring a card whose note the user deleted in Anki."""


class StoredAnkiNote(Value):
    """The stored state of a note, as of when Anki was last read."""

    note: AnkiNote | None = None
    """The note when last seen, or None if no view on this device has shown it."""
    absent_since: float = 0.0
    """When a view first lacked the note, in seconds since 1970, or 0 if the note is present."""
    is_asked: bool = False
    """Whether the user is asked about the note, because it was deleted along with many others."""


class CardWithNote(Value):
    """A card, its note as just read from Anki, and the stored state of that note."""

    card: Card
    stored_note: StoredAnkiNote | None = None
    """The state of the note at the last read of Anki, or None if the note was never seen there."""
    note: AnkiNote | None = None
    """The note as just read from Anki, or None if it is absent."""
    has_grave: bool | None = None
    """Whether Anki recorded the note's deletion in its table of graves, or None if that is
    unknown."""
    event_kinds: frozenset[str] = frozenset()
    """The kinds of the events about the card, which are needed only for a note that Anki recorded
    as deleted or that has the tag of retired cards."""

    @property
    def deck(self) -> str:
        """The deck in which the note was last seen. Falls back to the card's deck."""
        if self.stored_note is None or self.stored_note.note is None:
            return self.card.deck
        return self.stored_note.note.deck


class NoteChangeKind(StrEnum):
    """What happened to a note since Anki was last read."""

    EDITED = "edited"
    SUSPENDED = "suspended"
    FIRST_SEEN = "first_seen"
    """It was seen for the first time on this device."""
    RETURNED = "returned"
    """It was deleted, and is back."""
    RETIRED = "retired"
    """It has the tag of retired cards although its card is live."""
    DELETED = "deleted"
    MISSING = "missing"
    """It is gone, and the user is asked whether they deleted it."""


class NoteChange(Value):
    """How the note of a card has changed since Anki was last read."""

    kinds: tuple[NoteChangeKind, ...]
    new_state: StoredAnkiNote | None
    """The state of the note to record, or None to delete its record."""


def detect_note_changes(
    card_with_note: CardWithNote, device_id: str, now: float, *, complete: bool
) -> NoteChange:
    """Compare a card's note with its stored state, and return what has changed.

    Args:
        card_with_note: The card, with its note as just read and as last stored.
        device_id: The id of this device.
        now: The current time, in seconds since 1970.
        complete: Whether the whole collection was read. If so, a note that wasn't read is
            absent.
    """
    before, note = card_with_note.stored_note, card_with_note.note
    if note is not None:
        if not complete and _is_older_than_stored(note, before):
            return NoteChange((), before)  # the view is an old export
        kinds = _iter_changes_of_present_note(card_with_note, note, device_id)
        return NoteChange(tuple(kinds), StoredAnkiNote(note))
    if before is None:
        if _was_deleted_unseen(card_with_note):
            return NoteChange((NoteChangeKind.DELETED,), None)
        return NoteChange((), None)
    if not complete:
        return NoteChange((), before)
    return _explain_absence(card_with_note, before, device_id, now)


def _is_older_than_stored(note: AnkiNote, before: StoredAnkiNote | None) -> bool:
    if before is None or before.note is None:
        return False
    return before.note.mod > note.mod


def _iter_changes_of_present_note(
    card_with_note: CardWithNote, note: AnkiNote, device_id: str
) -> Iterator[NoteChangeKind]:
    card, before = card_with_note.card, card_with_note.stored_note
    old_note: AnkiNote | None = None
    was_absent = False
    if before is not None:
        old_note = before.note
        was_absent = before.absent_since > 0
    was_suspended = old_note is not None and old_note.suspended

    if _was_edited_in_anki(card, old_note, note):
        yield NoteChangeKind.EDITED
    if note.suspended and not was_suspended:
        yield NoteChangeKind.SUSPENDED
    if device_id not in card.note.seen_by:
        yield NoteChangeKind.FIRST_SEEN
    if was_absent and card.verdict_reason == DELETED_REASON:
        yield NoteChangeKind.RETURNED
    if note.is_retired and card.is_live and not _has_known_retirement(card_with_note):
        yield NoteChangeKind.RETIRED


def _was_edited_in_anki(card: Card, old_note: AnkiNote | None, note: AnkiNote) -> bool:
    """Return whether a note has other text or tags than before, and not those of an export."""
    exports = card.note.exports
    if not exports or note.mod in [export.mod for export in exports]:
        return False
    return old_note is None or _get_text_and_tags(note) != _get_text_and_tags(old_note)


def _get_text_and_tags(note: AnkiNote) -> tuple[Strings, frozenset[str]]:
    return note.fields, frozenset(note.tags).difference(note.scheduler_tags)


def _has_known_retirement(card_with_note: CardWithNote) -> bool:
    """Return whether the journal explains why a note has the tag of retired cards.

    If not, the decision was lost: an older journal was restored, or a line was cut off.
    """
    if not card_with_note.event_kinds.isdisjoint(("reject", "retire")):
        return True
    return any(
        RETIRED_TAG in map(str.casefold, export.tags)
        for export in card_with_note.card.note.exports
    )


def _was_deleted_unseen(card_with_note: CardWithNote) -> bool:
    """Return whether a note was deleted in Anki before its state was stored here."""
    card = card_with_note.card
    if not card.is_live or not card_with_note.has_grave:
        return False
    was_wanted_again = "unseen" in card_with_note.event_kinds
    return bool(card.note.seen_by) or not was_wanted_again


def _explain_absence(
    card_with_note: CardWithNote, before: StoredAnkiNote, device_id: str, now: float
) -> NoteChange:
    """Find out why a note that was in Anki isn't there any more.

    The note of a live card counts as deleted if the collection has a grave for it, and as missing
    if it has none. If that is unknown, the note counts as deleted after `MIN_ABSENCE_SECONDS`.
    """
    card = card_with_note.card
    after = StoredAnkiNote(before.note, before.absent_since or now, before.is_asked)
    if not card.is_live:
        if before.absent_since > 0 or card.verdict_reason == DELETED_REASON:
            return NoteChange((), after)
        return NoteChange((), None)  # forget the note, because the card may be used again
    if before.is_asked:
        return NoteChange((NoteChangeKind.MISSING,), after)
    if device_id not in card.note.seen_by:
        # the user wanted the card again, perhaps on another device, so ship it again
        return NoteChange((), None)
    is_deleted = card_with_note.has_grave
    if is_deleted is None:
        is_deleted = now - after.absent_since >= MIN_ABSENCE_SECONDS
    if is_deleted:
        return NoteChange((NoteChangeKind.DELETED,), after)
    return NoteChange((NoteChangeKind.MISSING,), after)


def ask_about_mass_deletions(
    changes: Sequence[tuple[CardWithNote, NoteChange]],
    present_decks: Iterable[str],
    now: float,
) -> list[tuple[CardWithNote, NoteChange]]:
    """Ask about deleted notes instead of retiring their cards if much of a deck was deleted.

    The user may have deleted such a deck by accident.

    Args:
        changes: The cards whose notes are absent, with the change of each note.
        present_decks: The deck of each note that Anki still has.
        now: The current time, in seconds since 1970.

    Returns:
        The changes in the same order. If more than `MASS_DELETION_COUNT` notes are affected,
        they are listed as missing and marked `is_asked` instead of listed as deleted. Otherwise
        all changes are returned as they are.
    """
    note_counts = Counter(present_decks)
    deleted_counts = Counter[str]()
    for viewed, change in changes:
        stored_note = viewed.stored_note
        if NoteChangeKind.DELETED in change.kinds:
            deleted_counts[viewed.deck] += 1
            note_counts[viewed.deck] += 1
        elif stored_note and not stored_note.absent_since:
            note_counts[viewed.deck] += 1
    reduced_decks = set()
    for deck, deleted_count in deleted_counts.items():
        if MASS_DELETION_DIVISOR * deleted_count >= note_counts[deck]:
            reduced_decks.add(deck)
    question_count = sum(deleted_counts[deck] for deck in reduced_decks)
    if question_count <= MASS_DELETION_COUNT:
        return [*changes]
    asked_changes = []
    for viewed, change in changes:
        if viewed.deck in reduced_decks and NoteChangeKind.DELETED in change.kinds:
            change = _ask_about_deletion(change, now)
        asked_changes.append((viewed, change))
    return asked_changes


def _ask_about_deletion(change: NoteChange, now: float) -> NoteChange:
    after = change.new_state or StoredAnkiNote(absent_since=now)
    asked_note = StoredAnkiNote(after.note, after.absent_since, is_asked=True)
    return NoteChange((NoteChangeKind.MISSING,), asked_note)
