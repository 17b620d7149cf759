"""Notes as packages ship them and as Anki shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ankiforge.model.ids import h16, note_id
from ankiforge.model.views import SeenCard
from ankiforge.model.words import Fields, Guid

FRESH_SECONDS = 2
"""A note changed this shortly before a view was taken may change again within the same second."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One revision of a note, as a package holds it."""

    guid: Guid
    rev: int
    """From 1; 0 = not recorded yet."""
    mod: int
    fields: Fields
    """Markdown, as decided."""
    html: tuple[str, ...]
    """All fields in note type order, as in the package; () if only the journal knows the revision."""
    tags: tuple[str, ...]
    """Our tags; `package_tags` also has those that a person added in Anki."""
    deck: str
    digest: str = ""
    first: bool = False
    """Whether no package held the note before."""
    ours: tuple[str, ...] = ()
    """Our content fields before a person's changes were merged in; () = as in `html`."""
    package_tags: tuple[str, ...] | None = None
    """The tags in the package; None = `tags`."""
    content: str = ""
    """The hash of our content fields: the sixth word of AnkiforgeId."""
    seen: bool = False
    """Whether a view has shown this revision in Anki."""
    written_at: str = ""
    """ISO text in UTC."""

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags as the package has them."""
        return self.tags if self.package_tags is None else self.package_tags

    @property
    def known(self) -> bool:
        """Whether the text of the revision is on record."""
        return bool(self.html)


def digest_of(fields: Fields, tags: Sequence[str]) -> str:
    """Return a hash of content and tags: what the journal keeps of a revision's text."""
    return h16(*(part for field in fields for part in field), "\x1e", *tags)


def next_mod(guid: Guid, last: Shipment | None, seen_mod: int = 0) -> int:
    """Return the `mod` of a changed note: no clock, never below what was shipped.

    The first revision takes the second of the note's id; each change is one above the last
    revision and what was seen in Anki, so that an edit nobody has seen is newer (docs/why.md).
    """
    return note_id(guid) // 1000 if last is None else 1 + max(last.mod, seen_mod)


@dataclass(frozen=True, slots=True)
class Seen:
    """A note as the newest view that had it showed it."""

    guid: Guid
    mod: int
    type_id: int
    """0 if its note type is not one of ours."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """In the order of our note type."""
    content: str
    """The content hash in its AnkiforgeId: which of our revisions it was made from."""
    deck: str
    cards: tuple[SeenCard, ...]
    own: tuple[str, ...]
    """All fields in the order of the type in Anki, where that has others than ours; else ()."""
    taken_at: float
    """When the view was taken, seconds since 1970."""
    named: int = 0
    """The mod in its AnkiforgeId; 0 = none."""

    @property
    def scheduler_tags(self) -> tuple[str, ...]:
        """`marked` and `leech`, which the import of a file would remove."""
        return tuple(tag for tag in self.tags if tag.casefold() in ("marked", "leech"))


@dataclass(slots=True)
class ViewSummary:
    """What recording a view changed in the ledger."""

    refused: str = ""
    """Why nothing of the view was recorded; "" if it was."""
    hint: str = ""
    seen: int = 0
    """Notes of ours in the view."""
    first: int = 0
    """Of these, notes never seen before."""
    back: int = 0
    """Missing or deleted notes that are there again."""
    missing: int = 0
    """All notes that are missing now, until a person confirms or another view decides."""
    deleted: int = 0
    """Notes newly recognised as deleted in Anki."""
    held_back: bool = False
    """Whether too many notes are missing at once for a deletion to be likely."""
    reviews: int = 0
    feedback: int = 0
    recovered: int = 0
    """Cards taken over from Anki because the ledger did not have them."""
    bound: bool = False
    """Whether the ledger was bound to this collection now."""
