"""The base class of all values, type aliases, keys, ids, hashes, and the kinds of cards.

Values are immutable, and their sequences are tuples. In fields that are stored as JSON, missing
text is "", and elsewhere None. Hashes and ids must never change; see `tests/keys/keys.md`.

A new kind of card needs a row in `_CARD_KINDS`, and a new note type a row in `_NOTE_TYPES`. It
also needs changes in `draft`, `anki.notes` (the HTML of the fields), `anki.notetypes` (fields,
templates and cards) and `web.card_view` (how it is displayed).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, NewType, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True):
    """Base class for immutable values that are equal if their contents are equal."""


HighlightKey = NewType("HighlightKey", str)
NO_KEY = HighlightKey("")
"""The key of a highlight for which the ledger hasn't issued a key yet."""
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
# The ids that Anki gives are the time of creation, in milliseconds since 1970.
NoteId = int
CardId = int
DeckId = int
NoteTypeId = int
DocumentId = int
"""The id of a document's row in the ledger's database. It has no meaning elsewhere."""
Json = dict[str, Any]
"""A JSON object."""
Strings = tuple[str, ...]
"""A sequence of texts, names or ids."""
Numbers = tuple[int, ...]
"""A sequence of cloze numbers (from 1) or of card ordinals (from 0)."""
Span = tuple[int, int]
"""The start and end of a part of a text, in code points; the end is exclusive."""
Pair = tuple[str, str]
"""Two texts that belong together."""
Texts = Mapping[str, str]
"""Texts by the name of a field or setting, or by an id."""
Fields = tuple[Pair, ...]
"""The name and text of each non-empty content field, in the order of the note type.

The text is Markdown, except in image occlusions, whose shapes are stored in the form that Anki
uses and parsed when the field is rendered."""


def hash16(*parts: str) -> str:
    """Join `parts` with U+001F, and return the first 16 hex digits of the SHA-256 hash."""
    return _digest(parts).hex()[:16]


def hash_to_int(*parts: str) -> int:
    """Return the hash that `hash16` returns, as an integer instead of hex digits."""
    return int.from_bytes(_digest(parts)[:8], "big")


def _digest(parts: Strings) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()


# --- ids of cards, drafts, questions and highlights --------------------------------------

CARD_PREFIX = "af"
_HASH_LENGTH = 16
DRAFT_PREFIX = "dr"
QUESTION_PREFIX = "qu"
HIGHLIGHT_PREFIX = "hl"
FOREIGN_PREFIX = "nid:"
"""The prefix of the id of a note that isn't ours. Anki's id of the note follows."""


def is_card_id(id: str) -> bool:
    """Return whether `id` is the id of a card, i.e. the GUID of one of our notes.

    Action ids (e.g. `afcdbefdbf67.5`) and event ids (hashes) may start with the same letters.
    """
    return id.startswith(CARD_PREFIX) and "." not in id and len(id) != _HASH_LENGTH


def is_draft_id(id: str) -> bool:
    """Return whether `id` is the id of a draft."""
    return id.startswith(DRAFT_PREFIX)


def is_question_id(id: str) -> bool:
    """Return whether `id` is the id of a question to the user."""
    return id.startswith(QUESTION_PREFIX)


def make_highlight_id(key: str) -> str:
    """Make the short id that lists show for a highlight instead of its long key."""
    return f"{HIGHLIGHT_PREFIX}{hash16(key)}"


def is_highlight_key(id: str) -> bool:
    """Return whether `id` is the key of a highlight."""
    return "/" in id


# --- notes, cards, decks and note types in Anki -----------------------------------------

ID_BASE = 1_400_000_000_000
"""The smallest id that we give to anything in Anki. Because Anki's own ids are timestamps in
milliseconds, ours begin in May 2014 and are never in the future."""


def compute_guid(key: HighlightKey, note_type: NoteType, slot: str) -> Guid:
    """Compute the GUID of a note. It is the same on every device.

    `key` is the oldest key of the note's passage. `slot` distinguishes the notes of one passage.
    """
    digest = _digest(("ankiforge/guid/1", key, note_type.value, slot))[:15]
    return Guid(CARD_PREFIX + base64.b32encode(digest).decode().lower())


def compute_note_id(guid: Guid) -> int:
    """Compute the id in Anki of one of our notes. It looks like a timestamp in milliseconds."""
    return ID_BASE + hash_to_int("nid", guid) % 2**37


def is_in_our_id_range(id: int) -> bool:
    """Return whether a note id in Anki lies in the range from which our own ids are taken."""
    return ID_BASE <= id < ID_BASE + 2**37


def compute_card_id(guid: Guid, ordinal: int) -> int:
    """Compute the id in Anki of a card of one of our notes.

    `ordinal` is the index of the card within the note, from 0.
    """
    return ID_BASE + hash_to_int("cid", guid, str(ordinal)) % 2**37


def compute_id_from_name(kind: str, name: str) -> int:
    """Compute the id in Anki of a deck or note type from its name.

    `kind` is "deck" or "notetype".
    """
    return ID_BASE + hash_to_int(kind, name) % 2**37


def compute_next_mod(guid: Guid, shipped_mod: int, anki_mod: int = 0) -> int:
    """Compute the modification time (`mod`) to give a note in its next package.

    It is higher than every earlier `mod` of the note, because Anki only imports a note whose `mod`
    is higher than in the collection.

    Args:
        guid: The GUID of the note, which determines its first `mod`.
        shipped_mod: The last exported `mod`, or 0 if the note was never exported.
        anki_mod: The `mod` of the note in Anki, or 0 if Anki does not have the note.
    """
    if not shipped_mod and not anki_mod:
        return compute_note_id(guid) // 1000
    return 1 + max(shipped_mod, anki_mod)


class CardKind(StrEnum):
    """The kinds of cards, which determine the note type and the sides that are asked."""

    CLOZE = "cloze"
    BASIC = "basic"
    TWO_WAY = "two-way"
    OCCLUSION = "occlusion"
    """A figure with hidden parts, as a note of Anki's own type Image Occlusion."""

    @classmethod
    def from_fields(cls, fields: Texts) -> CardKind:
        """Infer the kind of a card that the user wrote from its fields."""
        if "Text" in fields:
            return cls.CLOZE
        return cls.TWO_WAY if fields.get("Reverse") else cls.BASIC

    @property
    def note_type(self) -> NoteType:
        """The note type for cards of this kind."""
        return _CARD_KINDS[self].note_type

    @property
    def filled_switch_fields(self) -> Fields:
        """The switch fields that a card of this kind fills, each with its text.

        See `NoteType.switch_fields`.
        """
        return _CARD_KINDS[self].switched_on


class NoteType(StrEnum):
    """The types of our notes: two note types of our own, and Anki's Image Occlusion (`OCCLUSION`).

    A card that is asked in both directions is a basic note with a nonempty Reverse field.
    """

    BASIC = "basic"
    CLOZE = "cloze"
    OCCLUSION = "occlusion"

    @property
    def content_fields(self) -> Strings:
        """The fields that hold a card's content, in the order of the note type."""
        return _NOTE_TYPES[self].content_fields

    @property
    def required_fields(self) -> Strings:
        """The fields that must not be empty, because Anki would then generate no card."""
        return _NOTE_TYPES[self].needed_fields

    @property
    def switch_fields(self) -> Strings:
        """The fields that only serve to make Anki generate another card if they are filled."""
        return _NOTE_TYPES[self].switch_fields

    @property
    def text_fields(self) -> Strings:
        """The content fields without the switch fields."""
        return tuple(
            name for name in self.content_fields if name not in self.switch_fields
        )


class _NoteTypeRow(NamedTuple):
    content_fields: Strings
    needed_fields: Strings
    switch_fields: Strings = ()


class _CardKindRow(NamedTuple):
    note_type: NoteType
    switched_on: Fields = ()


_NOTE_TYPES = {
    NoteType.BASIC: _NoteTypeRow(
        content_fields=("Front", "Back", "Reverse", "Extra"),
        needed_fields=("Front", "Back"),
        switch_fields=("Reverse",),
    ),
    NoteType.CLOZE: _NoteTypeRow(
        content_fields=("Text", "Extra"),
        needed_fields=("Text",),
    ),
    NoteType.OCCLUSION: _NoteTypeRow(
        content_fields=("Occlusion", "Image"),
        needed_fields=("Occlusion", "Image"),
    ),
}
_CARD_KINDS = {
    CardKind.CLOZE: _CardKindRow(NoteType.CLOZE),
    CardKind.BASIC: _CardKindRow(NoteType.BASIC),
    CardKind.TWO_WAY: _CardKindRow(NoteType.BASIC, switched_on=(("Reverse", "y"),)),
    CardKind.OCCLUSION: _CardKindRow(NoteType.OCCLUSION),
}
