"""What a note says of itself: its AnkiforgeId, read back from a field."""

from __future__ import annotations

import html
import re

from ankiforge.model import Family, Guid, HighlightKey, Identity

_GUID = re.compile(r"af[a-z2-7]{24}")
_TAG = re.compile(r"<(/?[a-z!])[^<>]*>", re.IGNORECASE)
_JOINING = re.compile(r"</?(?:wbr|span)\b[^<>]*>", re.IGNORECASE)
_SLOT = re.compile(r"[1-9][0-9]{0,8}")
_MOD = re.compile(r"[1-9][0-9]{0,17}")
_CONTENT = re.compile(r"[0-9a-f]{16}")


def is_guid(text: str) -> bool:
    """Whether a guid is of our making, by its looks."""
    return _GUID.fullmatch(text) is not None


def parse_identity(field: str) -> Identity | None:
    """The identity a field's HTML holds: `af1 <guid> <family> <slot> <key> <content>`.

    What an editor or `escape.literal` put between the letters is undone; further words are
    ignored. None for every other text.
    """
    if "af1" not in field:
        return None
    words = _words(field)
    if len(words) < 6 or words[0] != "af1":
        return None
    _, guid, family, slot, key, content = words[:6]
    whole = is_guid(guid) and _SLOT.fullmatch(slot) and _CONTENT.fullmatch(content)
    if not whole or family not in list(Family):
        return None
    more = words[6] if len(words) > 6 else ""
    mod = int(more) if _MOD.fullmatch(more) else 0
    return Identity(Guid(guid), Family(family), int(slot), HighlightKey(key), content, mod)


def _words(field: str) -> list[str]:
    """Without tags: those of lines and paragraphs part words, `<wbr>` and `<span>` do not."""
    return html.unescape(_TAG.sub(" ", _JOINING.sub("", field))).split()
