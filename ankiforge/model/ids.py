"""Hashes and ids: frozen for ever, see docs/keys.md."""

from __future__ import annotations

import base64
import hashlib

from ankiforge.model.words import Family, Fields, Guid, HighlightKey


def h16(*parts: str) -> str:
    """The first 16 hex digits of sha256 over the parts joined by U+001F."""
    return _digest(parts).hex()[:16]


def number_of(*parts: str) -> int:
    """The first 8 bytes, big-endian, of the same hash."""
    return int.from_bytes(_digest(parts)[:8], "big")


def _digest(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()


ID_BASE = 1_400_000_000_000
"""Ids start in May 2014: in Anki's range of timestamps, and never in the future."""


def guid_for(key: HighlightKey, family: Family, slot: int) -> Guid:
    """The identity of a note, the same on every machine and for ever."""
    digest = _digest(("ankiforge/guid/1", key, family.value, str(slot)))[:15]
    return Guid("af" + base64.b32encode(digest).decode().lower())


MADE_FROM = 100_000_000
"""Slots from here on are of cards that were made by hand; what a drafter draws counts from 1."""
_MADE = 800_000_000


def made_slot(fields: Fields) -> int:
    """The slot of a card made by hand: its words name it.

    So two machines that do not know of one another never give one slot to two such cards.
    """
    return MADE_FROM + number_of("made", *sides_of(fields)) % _MADE


def sides_of(fields: Fields) -> tuple[str, ...]:
    """What is asked and answered, blanks aside."""
    words = {name: " ".join(text.split()) for name, text in fields}
    return tuple(words.get(name, "") for name in ("Text", "Front", "Back"))


def note_id(guid: Guid) -> int:
    """Anki's id of a note, in the range of milliseconds since 1970."""
    return ID_BASE + number_of("nid", guid) % 2**37


def card_id(guid: Guid, ordinal: int) -> int:
    """Anki's id of the card with this ordinal (from 0)."""
    return ID_BASE + number_of("cid", guid, str(ordinal)) % 2**37


def named_id(what: str, name: str) -> int:
    """Anki's id of a deck (`what` = "deck") or a note type ("notetype")."""
    return ID_BASE + number_of(what, name) % 2**37
