"""Hashes, and the ids of cards, drafts and questions; of notes, decks and note types in Anki.

They must never change (docs/reference/keys.md).
"""

from __future__ import annotations

import base64
import hashlib

from ankiforge.model.kinds import Family
from ankiforge.model.values import Guid, HighlightKey, Strings


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
DRAFT_PREFIX = "dr"
QUESTION_PREFIX = "qu"
FOREIGN_PREFIX = "nid:"
"""Comes before Anki's id in the id of a note that is not ours."""


def is_card_id(id: str) -> bool:
    """Return whether an id is that of a card: the guid of a note of ours.

    The id of a decision may begin with the same letters: `afcdbefdbf67.5`.
    """
    return id.startswith(CARD_PREFIX) and "." not in id


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
