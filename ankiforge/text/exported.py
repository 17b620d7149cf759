"""The mark of a Markdown file that an export wrote: no source reads its own echo."""

from __future__ import annotations

import re

from ankiforge.model import h16

MARK = "ankiforge-export"
"""The key in the head of the file."""
_HEAD = re.compile(r"\A\ufeff?---\r?\n(?P<head>.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_LINE = re.compile(
    rf"^{MARK}:[ \t]*[\"']?(?P<digest>[0-9a-f]{{16}}) (?P<key>[^\"'\r\n]+?)[\"']?[ \t]*\r?$", re.M
)
LONGEST = 64_000
"""Characters of a head that is read."""


def is_export(text: str) -> bool:
    """Whether an export wrote this file, changed since or not."""
    return MARK in text[:LONGEST] and _found(text) is not None


def exported(text: str) -> tuple[str, bool] | None:
    """(key of the document, whether the file is as it was written); None if it is no export."""
    found = _found(text)
    if found is None:
        return None
    return found["key"], digest_of(text) == found["digest"]


def digest_of(text: str) -> str:
    """Of all of a file but the line with its mark; whatever its line ends are."""
    return h16(_LINE.sub("", text.replace("\r\n", "\n").removeprefix("\ufeff"), count=1))


def mark_of(digest: str, key: str) -> str:
    """The line with the mark."""
    return f'{MARK}: "{digest} {key}"'


def _found(text: str) -> re.Match[str] | None:
    head = _HEAD.match(text[:LONGEST])
    return _LINE.search(head["head"]) if head else None
