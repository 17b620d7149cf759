"""Links to where a highlight stands, in words; what is no address of a kind we know is text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ankiforge.anki.render import address
from ankiforge.model import Highlight

_PROGRAMS = {"zotero": "Open in Zotero", "obsidian": "Open in Obsidian"}
_SITES = ("http", "https")
_LONGEST = 60
"""Characters of an address that are shown."""
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ARXIV = re.compile(r"(?:\d{4}\.\d{4,5}|[a-z.-]+/\d{7})(?:v\d+)?", re.IGNORECASE)


class Link(NamedTuple):
    """Where to go."""

    label: str
    address: str
    """"" = nowhere: it is only shown."""


def links_of(highlight: Highlight) -> tuple[Link, ...]:
    """The source at the mark first, then the work; each address once."""
    document = highlight.document
    told = (highlight.uri or document.uri, *highlight.links, *_identified(highlight))
    links = {uri: _link(uri) for uri in told if uri.strip()}
    return tuple({link.address or link.label: link for link in links.values()}.values())


def _identified(highlight: Highlight) -> Iterator[str]:
    """The addresses that the work's identifiers make."""
    for scheme, value in highlight.document.identifiers:
        if scheme == "doi" and _DOI.fullmatch(value):
            yield f"https://doi.org/{value}"
        elif scheme == "arxiv" and _ARXIV.fullmatch(value):
            yield f"https://arxiv.org/abs/{value}"
        elif scheme == "url":
            yield value


def _link(uri: str) -> Link:
    """A link that says where it leads; other schemes than these open nothing."""
    known = address(uri)
    scheme = known.partition(":")[0].lower()
    if scheme in _PROGRAMS:
        return Link(_PROGRAMS[scheme], known)
    return Link(_site(known), known) if scheme in _SITES else Link(_short(uri.strip()), "")


def _site(uri: str) -> str:
    """Host and path; never a name that only looks like the host (`user@`)."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return _short(uri)
    host = (parts.netloc.rpartition("@")[2]).removeprefix("www.")
    return _short(unquote(host + parts.path.rstrip("/")))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
