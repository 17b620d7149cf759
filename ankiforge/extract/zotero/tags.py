"""HTML cut into tags and words, in one pass over it, however broken it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

_TAG = re.compile(
    r"""<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]*+)"""
    r"""(?P<attributes>(?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>"""
)
_ATTRIBUTE = re.compile(r"""(?<![\w-])([A-Za-z][\w:-]*+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")
_UNSEEN = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE)
    for name in ("script", "style", "template", "title")
}
"""What stands in these is shown to nobody."""


@dataclass(frozen=True, slots=True)
class Tag:
    """`<name …>`, or `</name>` if it ends something."""

    name: str
    """In small letters."""
    ends: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> frozenset[str]:
        """The words of its class."""
        return frozenset(self.attributes.get("class", "").split())


def tokens(html: str) -> Iterator[Tag | str]:
    """Tags, and the words between them with entities resolved. What is no tag is words."""
    at = 0
    while (start := html.find("<", at)) >= 0:
        yield from _words(html[at:start])
        if tag := _TAG.match(html, start):
            at = tag.end()
            found = Tag(tag["name"].lower(), bool(tag["end"]), _attributes(tag["attributes"]))
            yield found
            if found.name in _UNSEEN and not found.ends:
                closed = _UNSEEN[found.name].search(html, at)
                at = closed.end() if closed else len(html)
            continue
        at = _past_comment(html, start)
        if at == start:
            yield "<"
            at += 1
    yield from _words(html[at:])


def _past_comment(html: str, start: int) -> int:
    """Where a comment or declaration ends that begins here; `start` if none does."""
    for opening, closing in (("<!--", "-->"), ("<!", ">"), ("<?", ">")):
        if html.startswith(opening, start):
            end = html.find(closing, start + len(opening))
            return end + len(closing) if end >= 0 else len(html)
    return start


def _words(text: str) -> Iterator[str]:
    if text:
        yield unescaped(text)


def unescaped(text: str) -> str:
    """With the characters that entities stand for."""
    try:
        return unescape(text)
    except (ValueError, OverflowError):  # a number of thousands of digits
        return text


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), unescaped(double or single))
    return found
