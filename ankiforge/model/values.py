"""Values and their ids: the base class, names for plain shapes, keys, hashes, kinds of cards.

Values are immutable, and sequences are tuples. Absent text is "", never None. Keys have
types of their own. Hashes and ids must never change (docs/reference/keys.md).

A new kind of card is a row of `_KINDS`, and a new note type one of `_FAMILIES`. Besides
it touches:

    draft                the drafter that proposes it
    anki.notes           the HTML of its fields (`content_html`)
    anki.notetypes       the fields and templates of a new note type, and its cards
    web.card_view        how the review page shows it
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
    """A value: it never changes, and equal ones are the same."""


HighlightKey = NewType("HighlightKey", str)
NO_KEY = HighlightKey("")
"""The key of a highlight that was not issued one yet."""
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
# The ids that Anki gives: milliseconds since 1970, when the thing was made.
NoteId = int
CardId = int
DeckId = int
NoteTypeId = int
DocumentId = int
"""The row of a document in the ledger's database; it means nothing outside of it."""
Json = dict[str, Any]
"""A JSON object."""
Strings = tuple[str, ...]
"""Texts, names or ids in their order."""
Numbers = tuple[int, ...]
"""The numbers of clozes (from 1), or the ordinals of cards (from 0)."""
Span = tuple[int, int]
"""[start, end) in code points."""
Pair = tuple[str, str]
"""Two texts that belong together."""
Texts = Mapping[str, str]
"""Texts by a name: of a field, a setting, an id."""
Fields = tuple[Pair, ...]
"""(content field name, text), in note type order, without empty fields.

The text is Markdown in every kind of card so far. A kind with a field of another sort,
such as the shapes of an image occlusion, keeps it as text too, as Anki does; the kind's
rendering reads it.
"""


def h16(*parts: str) -> str:
    """Return the first 16 hex digits of sha256 over the parts joined by U+001F."""
    return _digest(parts).hex()[:16]


def number_of(*parts: str) -> int:
    """Return the first 8 bytes of the same hash as a big-endian integer."""
    return int.from_bytes(_digest(parts)[:8], "big")


def _digest(parts: Strings) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()


# --- what a person decides on -----------------------------------------------------------

CARD_PREFIX = "af"
_HASH_LENGTH = 16
DRAFT_PREFIX = "dr"
QUESTION_PREFIX = "qu"
FOREIGN_PREFIX = "nid:"
"""Comes before Anki's id in the id of a note that is not ours."""


def is_card_id(id: str) -> bool:
    """Return whether an id is that of a card: the guid of a note of ours.

    The id of an action or an event may begin with the same letters: `afcdbefdbf67.5`, or a hash.
    """
    return id.startswith(CARD_PREFIX) and "." not in id and len(id) != _HASH_LENGTH


def is_draft_id(id: str) -> bool:
    """Return whether an id is that of a draft."""
    return id.startswith(DRAFT_PREFIX)


def is_question_id(id: str) -> bool:
    """Return whether an id is that of a question."""
    return id.startswith(QUESTION_PREFIX)


def is_highlight_key(id: str) -> bool:
    """Return whether an id is the key of a highlight."""
    return "/" in id


# --- notes, cards, decks and note types in Anki -----------------------------------------

ID_BASE = 1_400_000_000_000
"""Ids start in May 2014, so that they are in Anki's range of timestamps but never in the future."""


def guid_for(key: HighlightKey, family: Family, slot: str) -> Guid:
    """Return the guid of a note, which is the same on every machine."""
    digest = _digest(("ankiforge/guid/1", key, family.value, slot))[:15]
    return Guid(CARD_PREFIX + base64.b32encode(digest).decode().lower())


def note_id(guid: Guid) -> int:
    """Return the id of a note in Anki, in the range of milliseconds since 1970."""
    return ID_BASE + number_of("nid", guid) % 2**37


def may_be_ours(id: int) -> bool:
    """Return whether the id of a note in Anki is in the range of those that we give."""
    return ID_BASE <= id < ID_BASE + 2**37


def card_id(guid: Guid, ordinal: int) -> int:
    """Return the id in Anki of the card with this ordinal (from 0)."""
    return ID_BASE + number_of("cid", guid, str(ordinal)) % 2**37


def named_id(kind: str, name: str) -> int:
    """Return the id in Anki of a deck (`kind` = "deck") or a note type ("notetype")."""
    return ID_BASE + number_of(kind, name) % 2**37


def next_mod(guid: Guid, shipped: int, seen: int = 0) -> int:
    """Return the `mod` of a changed note, which Anki takes only above its own.

    Args:
        guid: the guid of the note, from which the first `mod` is computed.
        shipped: the one that was shipped last; 0 = none.
        seen: the one that Anki has; 0 = none.
    """
    if not shipped and not seen:
        return note_id(guid) // 1000
    return 1 + max(shipped, seen)


class CardKind(StrEnum):
    """The kind of a draft or card."""

    CLOZE = "cloze"
    BASIC = "basic"
    TWO_WAY = "two-way"
    OCCLUSION = "occlusion"
    """A figure some of whose parts are hidden: Anki's own Image Occlusion."""

    @classmethod
    def of(cls, words: Texts) -> CardKind:
        """Return the kind of a card with these fields of a person's."""
        if "Text" in words:
            return cls.CLOZE
        return cls.TWO_WAY if words.get("Reverse") else cls.BASIC

    @property
    def family(self) -> Family:
        """The note type for this kind."""
        return _KINDS[self].family

    @property
    def switched_on(self) -> Fields:
        """The switches of its note type that are on, with the text that turns them on."""
        return _KINDS[self].switched_on


class Family(StrEnum):
    """A note type: two of ours, and one of Anki's.

    A two-way card is a basic one with the field Reverse filled.
    """

    BASIC = "basic"
    CLOZE = "cloze"
    OCCLUSION = "occlusion"

    @property
    def content_fields(self) -> Strings:
        """The fields that contain the text of the card, in note type order."""
        return _FAMILIES[self].content_fields

    @property
    def needed_fields(self) -> Strings:
        """The fields without which there is no card."""
        return _FAMILIES[self].needed_fields

    @property
    def switches(self) -> Strings:
        """The fields that hold no words: their text only turns a card of the note on."""
        return _FAMILIES[self].switches

    @property
    def word_fields(self) -> Strings:
        """The fields that hold words."""
        return tuple(name for name in self.content_fields if name not in self.switches)


class _FamilyRow(NamedTuple):
    content_fields: Strings
    needed_fields: Strings
    switches: Strings = ()


class _KindRow(NamedTuple):
    family: Family
    switched_on: Fields = ()


_FAMILIES = {
    Family.BASIC: _FamilyRow(
        content_fields=("Front", "Back", "Reverse", "Extra"),
        needed_fields=("Front", "Back"),
        switches=("Reverse",),
    ),
    Family.CLOZE: _FamilyRow(
        content_fields=("Text", "Extra"),
        needed_fields=("Text",),
    ),
    Family.OCCLUSION: _FamilyRow(
        content_fields=("Occlusion", "Image"),
        needed_fields=("Occlusion", "Image"),
    ),
}
_KINDS = {
    CardKind.CLOZE: _KindRow(Family.CLOZE),
    CardKind.BASIC: _KindRow(Family.BASIC),
    CardKind.TWO_WAY: _KindRow(Family.BASIC, switched_on=(("Reverse", "y"),)),
    CardKind.OCCLUSION: _KindRow(Family.OCCLUSION),
}
