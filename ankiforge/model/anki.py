"""Values read from Anki: notes with a summary of their cards, note types and reviews.

A *view* is the content of Anki's collection, or of a part of it, as read at one time.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from ankiforge.model.values import (
    CardId,
    Fields,
    Guid,
    HighlightKey,
    NoteId,
    NoteType,
    NoteTypeId,
    Numbers,
    Strings,
    Value,
)


class AnkiReadMethod(StrEnum):
    """The ways in which our notes can be read from Anki."""

    COLLECTION = "collection"
    """A copy of the `collection.anki2` that Anki uses."""
    COLPKG = "colpkg"
    """An export of a whole collection, passed by the user."""
    APKG = "apkg"
    """An export of decks, passed by the user. It is never a complete view."""


class NoteIdentity(Value):
    """The decoded content of a note's `AnkiforgeId` field.

    It contains hashes of the fields and tags as the last package wrote them, so that the user's
    later edits in Anki can be detected.
    """

    guid: Guid
    key: HighlightKey
    slot: str
    fields: Strings
    """The hash of each content field as we wrote it, in the order of the note type."""
    tags: str
    """The hash of the tags that we wrote."""

    @property
    def note_type(self) -> NoteType:
        """The note's type, basic or cloze, which the number of field hashes reveals."""
        if len(self.fields) == len(NoteType.CLOZE.content_fields):
            return NoteType.CLOZE
        return NoteType.BASIC


class ForeignNote(Value):
    """A note in Anki that isn't ours. It is stored to find drafts that duplicate it."""

    id: NoteId
    mod: int
    deck: str
    """The deck of the note's first card, with `::` between the parts of its name."""
    fields: Fields
    """The fields Front and Back, or the field Text with its cloze deletions, as plain text. () if
    the note has no text."""


class AnkiTemplate(Value):
    """A card template of a note type in Anki, with the HTML of both sides."""

    name: str
    id: int | None
    question: str
    answer: str


class AnkiNoteType(Value):
    """A note type in Anki, which is either one of ours or one of the user's."""

    id: NoteTypeId
    name: str
    mod: int
    """When the note type was last changed, as a Unix timestamp in seconds."""
    cloze: bool
    fields: tuple[tuple[str, int | None], ...]
    """The name and id of each field, in order. The id is None if the field has none."""
    templates: tuple[AnkiTemplate, ...]
    css: str
    original_id: int = 0
    """The id of the note type in the collection that it was imported from, or 0 if it was created
    in this collection or its origin is unknown."""
    stock: int = 0
    """Anki's number for the stock note type that this type was created from, or 0 if there is none.
    """
    field_tags: tuple[int, ...] = ()
    """Anki's number for the role of each field in a stock note type, or -1 for a field without a
    role. Unlike the name, it never changes."""

    @property
    def our_type(self) -> NoteType:
        """Our own note type that is most similar: cloze for any cloze type, otherwise basic."""
        return NoteType.CLOZE if self.cloze else NoteType.BASIC

    @property
    def field_names(self) -> Strings:
        """The names of the fields, in order."""
        return tuple(name for name, _ in self.fields)


class AnkiReview(Value):
    """An entry in Anki's review log for one of our cards."""

    id: int
    """The time of the review, in milliseconds since 1970."""
    guid: Guid
    ease: int
    """The button that the user pressed, from 1 (again) to 4 (easy), or 0 for a manual rescheduling.
    """
    interval: int
    """The new interval, in days if positive and in seconds if negative."""
    type: int
    """0 for learning, 1 review, 2 relearning, 3 filtered, 4 manual and 5 rescheduled."""


RETIRED_TAG = "ankiforge::retired"
"""The tag of a note whose card was retired or rejected. It is needed because importing a package
can't delete notes."""


class AnkiNote(Value):
    """One of our notes as it was last read from Anki, with totals for its cards."""

    guid: Guid
    id: NoteId
    mod: int
    """When the user last changed the note, as a Unix timestamp in seconds, or the `mod` that we
    exported if the user hasn't changed the note since."""
    fields: Strings
    """All fields as HTML, in the order of the note type."""
    tags: Strings
    deck: str
    """The deck of the note's first card, with `::` between the parts of its name. For a card in a
    filtered deck, this is the home deck."""
    identity: NoteIdentity | None
    """The decoded AnkiforgeId, or None if no field contains one with the note's GUID."""
    reviews: int = 0
    """The number of reviews of all cards of the note."""
    lapses: int = 0
    """How often the user forgot a card in the review state."""
    suspended: bool = False
    """Whether all cards of the note are suspended."""
    ordinals: Numbers = ()
    """The ordinals of the note's cards."""
    feedback: str = ""
    """The user's remark in the field Feedback, as plain text."""
    cards: tuple[CardId, ...] = ()
    """The ids of the note's cards."""
    type_id: NoteTypeId = 0
    imported_mod: int = 0
    """The `mod` of the newest package that Anki has imported for the note, or 0 if unknown. Only
    used for a note without an AnkiforgeId."""

    @property
    def is_retired(self) -> bool:
        """Whether the note has the tag for retired and rejected cards."""
        return RETIRED_TAG in map(str.casefold, self.tags)

    @property
    def is_leech(self) -> bool:
        """Whether Anki tagged the note as a leech, i.e. the user keeps forgetting it."""
        return "leech" in map(str.casefold, self.tags)

    @property
    def scheduler_tags(self) -> Strings:
        """The note's tags `marked` and `leech`, if any. Importing a package removes them."""
        return tuple(tag for tag in self.tags if tag.casefold() in ("marked", "leech"))


class AnkiChanges(msgspec.Struct):
    """What changed in Anki between two reads of the collection, for the report of a run."""

    note_count: int = 0
    """The number of our notes in Anki."""
    first_seen: list[Guid] = []
    """Notes that were seen for the first time on this device."""
    deleted: list[Guid] = []
    """Notes that the user deleted."""
    returned: list[Guid] = []
    """Notes that were missing and have reappeared."""
    missing: list[Guid] = []
    """Notes that are missing although Anki has no record of their deletion, or that were deleted
    together with many others. The user is asked about them."""
    retired: list[Guid] = []
    """Notes with the tag for retired cards although their cards are live, because the journal has
    lost the decision."""
    notes_without_event: list[AnkiNote] = []
    """Our notes that aren't mentioned by any event in the journal."""
    edited: list[Guid] = []
    """Notes whose text or tags the user edited since the last view, or since the import."""
    suspended: list[Guid] = []
    """Notes whose cards have all been suspended since the last view."""
    reviews: int = 0
    """The number of new reviews."""

    def include_earlier(self, earlier: AnkiChanges) -> AnkiChanges:
        """Return these changes with those of an earlier read that the user hasn't been told.

        Notes that are missing or without an event are only those of the later read.
        """
        return replace(
            self,
            first_seen=[*earlier.first_seen, *self.first_seen],
            deleted=[*earlier.deleted, *self.deleted],
            returned=[*earlier.returned, *self.returned],
            retired=[*earlier.retired, *self.retired],
            edited=[*earlier.edited, *self.edited],
            suspended=[*earlier.suspended, *self.suspended],
            reviews=earlier.reviews + self.reviews,
        )
