"""Recognise our notes in Anki, and detect edits. Frozen (docs/keys.md).

The field AnkiforgeId identifies the card, and holds a hash of each field that we shipped: the base
of a merge travels with the note. Anki,
its editor and other devices rewrite HTML without changing what it shows, so a hash is computed
from a normal form that such rewriting does not change.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable
from html.parser import HTMLParser
from operator import itemgetter

from ankiforge.model import Guid, HighlightKey, Identity

# --- AnkiforgeId ----------------------------------------------------------------------------

_IDENTITY = re.compile(
    r"af1 (af[a-z2-7]{24}) (\S+) (\S+) ([0-9a-f]{8}(?:\.[0-9a-f]{8})*) ([0-9a-f]{8})(?: |$)"
)
_TAG = re.compile(r"<(/?[a-z!])[^<>]*>", re.IGNORECASE)
_JOINING_TAG = re.compile(r"</?(?:wbr|span)\b[^<>]*>", re.IGNORECASE)


def parse_identity(field: str) -> Identity | None:
    """Parse the HTML of a field AnkiforgeId: `af1 <guid> <key> <slot> <hash.hash…> <tags>`.

    Further words are ignored. `<wbr>` and `<span>`, which `render.literal` and editors insert
    between letters, do not separate words. Other tags do.
    """
    if "af1" not in field:
        return None
    words = html.unescape(_TAG.sub(" ", _JOINING_TAG.sub("", field))).split()
    found = _IDENTITY.match(" ".join(words))
    if found is None:
        return None
    guid, key, slot, fields, tags = found.groups()
    return Identity(Guid(guid), HighlightKey(key), slot, tuple(fields.split(".")), tags)


# --- content hash ---------------------------------------------------------------------------

INVISIBLE = re.compile(r"<wbr\s*/?>|<span>(?:<wbr\s*/?>)*</span>", re.IGNORECASE)
"""What keeps signs of Anki's apart, and shows nothing."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_RENAMED_MEDIA = re.compile(r"(af-[0-9a-f]{16})-[0-9a-f]{40}(\.[a-z0-9]+)")
"""The name that Anki gives to our picture if a different file of that name exists."""
_BLANK_END = re.compile(r"\A(?:>rb<|[^\S\u00a0])+")
"""White space and `<br>` at the end of a text, reversed: that takes linear time."""


def field_hash(text: str) -> str:
    """Return a hash (8 hex digits) of a content field, equal for all spellings of the same HTML."""
    return hashlib.sha256(normal_form(text).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def tags_hash(tags: Iterable[str]) -> str:
    """Return a hash (8 hex digits) of a set of tags, without case, as Anki compares them."""
    folded = " ".join(sorted({tag.casefold() for tag in tags}))
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def normal_form(text: str) -> str:
    """Return a form of the HTML that is equal for all spellings an editor may produce."""
    writer = _NormalWriter()
    writer.feed(INVISIBLE.sub("", text))
    writer.close()
    writer.add_tag("")
    written = _RENAMED_MEDIA.sub(r"\1\2", "".join(writer.parts))
    return _BLANK_END.sub("", written[::-1])[::-1]


class _NormalWriter(HTMLParser):
    """Writes tags in one canonical spelling, and re-escapes text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        written = (
            f' {name}="{_normal_text(value or "").replace(chr(34), "&quot;")}"'
            for name, value in sorted(attrs, key=itemgetter(0))
        )
        self.add_tag(f"<{tag}{''.join(written)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.add_tag(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def add_tag(self, tag: str) -> None:
        """Append the normalised text since the last tag, then the tag."""
        self.parts += (_normal_text("".join(self.text)), tag)
        self.text.clear()


def _normal_text(text: str) -> str:
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return html.escape(_CONTROL.sub("", text), quote=False)
