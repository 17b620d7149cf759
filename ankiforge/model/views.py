"""What one look at Anki shows: notes of ours, their cards and reviews, the note types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ankiforge.model.words import Family, Fields, Guid, HighlightKey


class ViewKind(StrEnum):
    """By which way Anki was looked at."""

    COLLECTION = "collection"
    """A copy of the live `collection.anki2`."""
    COLPKG = "colpkg"
    APKG = "apkg"
    """An export given by hand: never complete."""
    CONNECT = "connect"
    """Exports of a running Anki, by AnkiConnect."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a collection counts days: `due` of a card in review is a number of them."""

    created: int
    """When it was made, seconds since 1970; day 0."""
    rollover: int = 4
    """The hour at which a day begins, local time."""
    west: int | None = None
    """Minutes west of UTC where it was made; None = as on this machine."""


@dataclass(frozen=True, slots=True)
class Identity:
    """AnkiforgeId, taken apart: `af1 <guid> <family> <slot> <key> <content> [mod]`."""

    guid: Guid
    family: Family
    slot: int
    key: HighlightKey
    content: str
    """Hash of *our* content fields as they were shipped, before any merge."""
    mod: int = 0
    """The number of the revision, where it is not the first; 0 = not said."""


@dataclass(frozen=True, slots=True)
class SeenCard:
    """One card as Anki schedules it."""

    id: int
    ordinal: int
    deck: str
    """Its home deck, also while it is in a filtered one; `::` between the parts."""
    queue: int
    """-3 and -2 buried, -1 suspended, 0 new, 1 learning, 2 review, 3 day learning, 4 preview."""
    type: int
    """0 new, 1 learning, 2 review, 3 relearning."""
    due: int
    interval: int
    """Days; negative: seconds."""
    factor: int
    """Ease in per mille; 0 while it is learnt under FSRS."""
    reps: int
    lapses: int
    flag: int
    """0 to 7."""
    stability: float | None = None
    """Of FSRS, days."""
    difficulty: float | None = None
    """Of FSRS, 1 to 10."""
    decay: float | None = None
    """Of the forgetting curve of FSRS, where the collection names it."""

    @property
    def suspended(self) -> bool:
        """Whether a person (or a leech) took it out of study."""
        return self.queue == -1


@dataclass(frozen=True, slots=True)
class SeenNote:
    """One note whose guid is of our making."""

    guid: Guid
    id: int
    mod: int
    """Seconds since 1970 if a person changed it, else the number we shipped."""
    type_id: int
    """Of its note type; ours only if it stands in `anki.notetypes`."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """All fields as HTML, in the order of the note type in Anki."""
    cards: tuple[SeenCard, ...]
    identity: Identity | None
    """None if no field holds an AnkiforgeId that names this very guid."""


@dataclass(frozen=True, slots=True)
class ForeignNote:
    """A note that is not ours, as far as drafts are compared with it."""

    id: int
    mod: int
    deck: str
    """Of its first card; `::` between the parts."""
    fields: Fields
    """Front and Back, or Text with its clozes, as plain text; () if there are no words."""


@dataclass(frozen=True, slots=True)
class SeenTemplate:
    """A card template as it stands in Anki."""

    name: str
    id: int | None
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class SeenType:
    """A note type as it stands in Anki."""

    id: int
    name: str
    mod: int
    """Seconds since 1970."""
    cloze: bool
    fields: tuple[tuple[str, int | None], ...]
    """(name, id) in order."""
    templates: tuple[SeenTemplate, ...]
    css: str


@dataclass(frozen=True, slots=True)
class SeenReview:
    """One answer in the review log."""

    id: int
    """Milliseconds since 1970."""
    guid: Guid
    ordinal: int
    ease: int
    """1 again to 4 easy; 0 = set by hand."""
    interval: int
    """Days; negative: seconds."""
    last_interval: int
    factor: int
    duration: int
    """Milliseconds."""
    type: int
    """0 learning, 1 review, 2 relearning, 3 filtered, 4 manual, 5 rescheduled."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A note seen in Anki, its fields in the order of our note type."""

    family: Family
    fields: tuple[str, ...]
    """All of ours, as HTML."""
    feedback: str
    """What a person wrote there, as plain text."""
    exact: bool
    """Whether the note type has our fields and templates and no others."""


class View(Protocol):
    """One look at Anki, open: read while it is, never kept."""

    @property
    def kind(self) -> ViewKind:
        """By which way."""
        ...

    @property
    def path(self) -> str:
        """The collection or export that was read; of a running Anki its address."""
        ...

    @property
    def profile(self) -> str:
        """The profile's name, "" if it cannot be told."""
        ...

    @property
    def complete(self) -> bool:
        """Whether what is absent here is absent in Anki."""
        ...

    @property
    def taken_at(self) -> float:
        """When the copy was taken, seconds since 1970."""
        ...

    @property
    def created(self) -> int:
        """When the collection was made (`col.crt`), seconds; 0 in an export of some decks."""
        ...

    @property
    def calendar(self) -> Calendar:
        """How it counts days."""
        ...

    @property
    def newest_review(self) -> int:
        """The highest id of the whole review log, 0 if it is empty."""
        ...

    @property
    def types(self) -> tuple[SeenType, ...]:
        """The note types with an id of ours, and those that notes of ours have."""
        ...

    def notes(self) -> Iterator[SeenNote]:
        """Every note with a guid of our making, ascending by guid."""
        ...

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """The review log of these notes' cards, from ids above `after`, ascending."""
        ...

    def review_ids(self, until: int) -> Iterator[int]:
        """The ids of these up to `until`, in any order; one may come twice."""
        ...

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        """(card id, answer) of cards that are no more: the log keeps them. Without guid and ordinal."""
        ...

    def graves(self) -> frozenset[int]:
        """Ids of notes that were deleted since the last full sync."""
        ...

    def note_ids(self) -> frozenset[int] | None:
        """Of all notes, ours or not; None if it shows only a part of the collection."""
        ...

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """The ids of all notes that are not ours, and those whose mod is not as in `known`.

        None if it shows only a part of the collection.
        """
        ...

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        """Which of these card ids the review log holds."""
        ...
