"""The hash by which we know whether words in Anki are still ours. Frozen (docs/keys.md).

Anki, its editor and other devices rewrite HTML without changing what it shows; the normal form
is the same before and after.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Sequence
from html.parser import HTMLParser

from ankiforge.model import Family

_INVISIBLE = re.compile(r"<wbr\s*/?>", re.IGNORECASE)
_EMPTY_SPAN = re.compile(r"<span></span>", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_MAPPED_MEDIA = re.compile(r"(af-[0-9a-f]{16})-[0-9a-f]{40}(\.[a-z0-9]+)")
"""What Anki calls our picture if another of that name was there."""
_BREAK = "<br>"


def content_hash(family: Family, html_fields: Sequence[str]) -> str:
    """16 hex digits over the content fields, the first ones of the note type.

    Args:
        family: says how many fields are content.
        html_fields: the fields as HTML, in note type order; those after the content are ignored.
    """
    content = html_fields[: len(family.content_fields)]
    forms = json.dumps(
        [normal_form(text) for text in content], ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(forms.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def normal_form(text: str) -> str:
    """The same for all HTML that an editor's visit turns into one another."""
    reader = _Reader()
    reader.feed(_EMPTY_SPAN.sub("", _INVISIBLE.sub("", text)))
    reader.close()
    return _cut(_MAPPED_MEDIA.sub(r"\1\2", reader.finish()))


def _cut(text: str) -> str:
    """Without the `<br>` and the white space (but no-break spaces) at its end."""
    while True:
        end = len(text)
        while end and text[end - 1].isspace() and text[end - 1] != "\u00a0":
            end -= 1
        if not text.endswith(_BREAK, 0, end):
            return text[:end]
        text = text[: end - len(_BREAK)]


class _Reader(HTMLParser):
    """Writes what it reads: tags in one spelling, text unescaped and escaped again."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        written = (f' {name}="{_value(value)}"' for name, value in sorted(attrs, key=_by_name))
        self._write(f"<{tag}{''.join(written)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def finish(self) -> str:
        self._write("")
        return "".join(self.parts)

    def _write(self, tag: str) -> None:
        if self.text:
            self.parts.append(html.escape(_stored("".join(self.text)), quote=False))
            self.text.clear()
        self.parts.append(tag)


def _by_name(attribute: tuple[str, str | None]) -> str:
    return attribute[0]


def _value(value: str | None) -> str:
    return html.escape(_stored(value or ""), quote=False).replace('"', "&quot;")


def _stored(text: str) -> str:
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)
