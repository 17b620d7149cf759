"""Find the notes that are new, edited, deleted or restored since Anki was last read.

A *view* is the state of our notes as read from Anki at one time. If the whole collection was
read and a note isn't in it, the note counts as deleted only if it has a *grave* (Anki's
record of a deletion). If graves are unknown, the note must also have been absent from an
earlier view. Otherwise the note is missing, and the user is asked about it. The user is also
asked if a large part of a deck was deleted at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

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
        return (
            self.stored_note.note.deck
            if self.stored_note and self.stored_note.note
            else self.card.deck
        )


class NoteChange(Value):
    """How the note of a card has changed since Anki was last read."""

    lists: Strings
    """The names of the lists in `AnkiChanges` that the card belongs in."""
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
    card, before, note = (
        card_with_note.card,
        card_with_note.stored_note,
        card_with_note.note,
    )
    never_seen = device_id not in card.note.seen_by
    is_wanted_again = "unseen" in card_with_note.event_kinds
    old_note = before.note if before else None
    absent_since = before.absent_since if before else 0.0
    if note is not None:
        if old_note and old_note.mod > note.mod and not complete:
            return NoteChange((), before)  # the view is an old export
        shipped = card.note.exports
        is_changed = not old_note or _get_fields_and_tags(note) != _get_fields_and_tags(
            old_note
        )
        is_back = absent_since > 0 and card.verdict_reason == DELETED_REASON
        is_drop_explained = card_with_note.event_kinds & {"reject", "retire"} or any(
            RETIRED_TAG in map(str.casefold, each.tags) for each in shipped
        )
        is_in_list = {
            "edited": shipped
            and is_changed
            and note.mod not in [each.mod for each in shipped],
            "suspended": note.suspended and not (old_note and old_note.suspended),
            "first_seen": never_seen,
            "returned": is_back,
            # the decision was lost if an older journal was restored or a line was cut off
            "retired": note.is_retired and card.is_live and not is_drop_explained,
        }
        lists = tuple(name for name, is_in in is_in_list.items() if is_in)
        return NoteChange(lists, StoredAnkiNote(note))
    if before is None:
        is_known = card.note.seen_by or not is_wanted_again
        is_deleted = card.is_live and card_with_note.has_grave and is_known
        return NoteChange(("deleted",) if is_deleted else (), None)
    if not complete:
        return NoteChange((), before)
    after = StoredAnkiNote(old_note, absent_since or now, before.is_asked)
    if not card.is_live:
        # forget the note of a card that may be used again later
        is_kept = absent_since > 0 or card.verdict_reason == DELETED_REASON
        return NoteChange((), after if is_kept else None)
    if never_seen and not before.is_asked:
        # the user wanted the card again, perhaps on another device, so ship it again
        return NoteChange((), None)
    is_deleted = card_with_note.has_grave
    if is_deleted is None:
        is_deleted = now - after.absent_since >= MIN_ABSENCE_SECONDS
    is_missing = before.is_asked or not is_deleted
    return NoteChange(("missing",) if is_missing else ("deleted",), after)


def _get_fields_and_tags(note: AnkiNote) -> tuple[Strings, frozenset[str]]:
    return note.fields, frozenset(note.tags).difference(note.scheduler_tags)


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
        is_deleted = "deleted" in change.lists
        deleted_counts[viewed.deck] += is_deleted
        was_present = viewed.stored_note and not viewed.stored_note.absent_since
        note_counts[viewed.deck] += bool(is_deleted or was_present)
    asked_changes = []
    question_count = 0
    for viewed, change in changes:
        fraction = MASS_DELETION_DIVISOR * deleted_counts[viewed.deck]
        if "deleted" in change.lists and fraction >= note_counts[viewed.deck]:
            question_count += 1
            after = change.new_state or StoredAnkiNote(absent_since=now)
            asked_note = StoredAnkiNote(after.note, after.absent_since, is_asked=True)
            change = NoteChange(("missing",), asked_note)
        asked_changes.append((viewed, change))
    return asked_changes if question_count > MASS_DELETION_COUNT else [*changes]
