"""Logseq's properties: a line `id:: 64f0…` says something of its block, not in it."""

from __future__ import annotations

import re

_PROPERTY = re.compile(r"[ \t]*([A-Za-z][\w.?/-]*)::(?:[ \t].*)?$", re.ASCII)
_KNOWN_WORDS = (
    "id collapsed tags alias title type public icon filters template heading"
    " exclude-from-graph-view created-at updated-at file-path custom-id"
)
_KNOWN = frozenset(_KNOWN_WORDS.split())
_FAMILIES = ("card-", "hl-", "ls-", "logseq.", "query-", "template-", "background-")
"""`card-last-interval`, `hl-page`, `logseq.order-list-type` and their like."""


def without_properties(paragraph: str) -> tuple[str, str]:
    """(the paragraph without its properties, the lines that are some).

    A line is one if its key is one of Logseq's own; at the top, so are the lines of any key
    that stand together with such a line.
    """
    if "::" not in paragraph:
        return paragraph, ""
    lines = paragraph.split("\n")
    keys = [_key(line) for line in lines]
    top = next((at for at, key in enumerate(keys) if not key), len(keys))
    all_of_top = any(map(_is_known, keys[:top]))
    gone = [_is_known(key) or (at < top and all_of_top) for at, key in enumerate(keys)]
    kept = [line for line, is_gone in zip(lines, gone, strict=True) if not is_gone]
    cut = [line for line, is_gone in zip(lines, gone, strict=True) if is_gone]
    return "\n".join(kept), "\n".join(cut)


def _key(line: str) -> str:
    found = _PROPERTY.match(line)
    return found[1] if found else ""


def _is_known(key: str) -> bool:
    return key in _KNOWN or key.startswith(_FAMILIES)
