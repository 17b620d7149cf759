"""Anki's collection as it was read: notes, cards, note types and reviews."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ankiforge.model.values import (
    CardId,
    Family,
    Fields,
    Guid,
    HighlightKey,
    NoteId,
    NoteTypeId,
    Numbers,
    Strings,
    Value,
)


class ViewKind(StrEnum):
    """The kind of data that Anki was read from."""

    COLLECTION = "collection"
    """A copy of the live `collection.anki2`."""
    COLPKG = "colpkg"
    APKG = "apkg"
    """An export that the user names; it is never complete."""
    CONNECT = "connect"
    """Exports of a running Anki, through AnkiConnect."""


class Identity(Value):
    """A decoded AnkiforgeId: by it, a person's edits are recognised."""

    guid: Guid
    key: HighlightKey
    slot: str
    fields: Strings
    """A hash of each content field, in note type order, as our package wrote it."""
    tags: str
    """A hash of our tags."""

    @property
    def family(self) -> Family:
        """The note type for which it was written."""
        if len(self.fields) == len(Family.CLOZE.content_fields):
            return Family.CLOZE
        return Family.BASIC


class ForeignNote(Value):
    """A note that is not ours, with the text that drafts are compared with."""

    id: NoteId
    mod: int
    deck: str
    """The deck of the first card; `::` separates the parts."""
    fields: Fields
    """Front and Back, or Text with its clozes, as plain text; () if there are no words."""


class SeenTemplate(Value):
    """A card template in Anki."""

    name: str
    id: int | None
    question: str
    answer: str


class SeenType(Value):
    """A note type in Anki."""

    id: NoteTypeId
    name: str
    mod: int
    """Seconds since 1970."""
    cloze: bool
    fields: tuple[tuple[str, int | None], ...]
    """(name, id) in order."""
    templates: tuple[SeenTemplate, ...]
    css: str
    origin: int = 0
    """The id that it had where it was imported from; 0 = it was made here, or is unknown."""
    stock: int = 0
    """Which of Anki's own note types it was made as, as Anki numbers them; 0 = of none."""
    field_tags: tuple[int, ...] = ()
    """Of such a type: the number by which Anki knows each field, whatever its name; -1 = none."""

    @property
    def family(self) -> Family:
        """The one of our note types that is most like it."""
        return Family.CLOZE if self.cloze else Family.BASIC

    @property
    def names(self) -> Strings:
        """The names of its fields, in order."""
        return tuple(name for name, _ in self.fields)


class SeenReview(Value):
    """One answer in the review log."""

    id: int
    """Milliseconds since 1970."""
    guid: Guid
    ease: int
    """1 (again) to 4 (easy); 0 = rescheduled by hand."""
    interval: int
    """In days, or in seconds if negative."""
    type: int
    """0 learning, 1 review, 2 relearning, 3 filtered, 4 manual, 5 rescheduled."""


RETIRED = "ankiforge::retired"
"""The tag of a note in Anki whose card was retired or rejected. Imports cannot delete notes."""


class NoteInAnki(Value):
    """A note as a view of Anki has it, with a summary of its cards."""

    guid: Guid
    id: NoteId
    mod: int
    """Seconds since 1970 if a person changed it, else the number that we shipped."""
    fields: Strings
    """All fields as HTML, in the order of its note type."""
    tags: Strings
    deck: str
    """The home deck of its first card, even while the card is in a filtered one; `::` separates
    the parts."""
    identity: Identity | None
    """The AnkiforgeId; None if no field contains one with the same guid."""
    reviews: int = 0
    lapses: int = 0
    suspended: bool = False
    """Whether all its cards are."""
    ordinals: Numbers = ()
    """The ordinals of its cards."""
    feedback: str = ""
    """The person's remark in the field Feedback, as plain text."""
    cards: tuple[CardId, ...] = ()
    """The ids of its cards."""
    type_id: NoteTypeId = 0
    taken: int = 0
    """The `mod` of the newest package that Anki was seen to have taken of it, if it has no
    AnkiforgeId; 0 = none."""

    @property
    def retired(self) -> bool:
        """Whether it has the tag of notes whose card was dropped."""
        return RETIRED in map(str.casefold, self.tags)

    @property
    def leech(self) -> bool:
        """Whether Anki tagged it as a leech."""
        return "leech" in map(str.casefold, self.tags)

    @property
    def scheduler_tags(self) -> Strings:
        """The tags `marked` and `leech`, which the import of a file would remove."""
        return tuple(tag for tag in self.tags if tag.casefold() in ("marked", "leech"))


class Viewed(msgspec.Struct):
    """The changes that a view of Anki brought."""

    seen: int = 0
    first: list[Guid] = []
    """Seen for the first time on this machine."""
    deleted: list[Guid] = []
    returned: list[Guid] = []
    missing: list[Guid] = []
    """Absent without a grave, or deleted with many others: asked."""
    retired: list[Guid] = []
    """Live here, and tagged in Anki as dropped: the journal has lost the decision."""
    revived: list[Guid] = []
    """Deleted in Anki, and brought back by a package since; each is reported once."""
    unknown: list[NoteInAnki] = []
    """Notes of ours that no event knows."""
    edited: list[Guid] = []
    """A person changed their words or tags since the last view, or since the import."""
    suspended: list[Guid] = []
    """All their cards are suspended now."""
    new_decks: list[str] = []
    renamed_decks: list[str] = []
    """Their present names."""
    reviews: int = 0
    """The number of new reviews."""
