"""What a link in a note points to, if that is a place in a paper: in Zotero or in a PDF."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote

_ZOTERO = re.compile(
    r"zotero://(?P<what>select|open-pdf|open)/"
    r"(?:(?:library|groups/(?P<group>\d+))/)?(?:items/)?"
    r"(?:\d+_(?=[A-Z0-9]))?(?:(?P<key>[A-Z0-9]{8})|@(?P<citekey>[^/?#\s]+))"
    r"(?:/(?P<page>\d+))?/?(?:\?(?P<query>\S*))?\Z"
)
_PDF = re.compile(r"(?:\[\[)?(?P<path>[^#|]+\.pdf)#(?P<place>[^#\]]+)(?:\]\])?\Z", re.IGNORECASE)
_SCHEME = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
_KEY = re.compile(r"[A-Z0-9]{8}\Z")
_BLOCK_ID = re.compile(r"(?P<key>[A-Z0-9]{8})a[A-Z0-9]{8}p(?P<page>\d+)(?:g(?P<group>\d+))?\Z")
"""The name that ZotLit gives the block of an annotation."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A paper, or a place in it."""

    target: str = ""
    """The link as it was written."""
    library: str = ""
    """`user` or `group.<id>`."""
    annotation: str = ""
    """Its key in Zotero."""
    identifier: tuple[str, str] = ("", "")
    """Of the paper, as documents have them: zotero, attachment, citekey, file."""
    page: str = ""
    """Counted from 1; no label."""
    colour: str = ""
    exact: bool = False
    """Whether it names one passage, not just a page or a paper."""

    @property
    def hints(self) -> tuple[str, ...]:
        """The names of the annotation: its key, and its key with its library."""
        if not self.annotation:
            return ()
        return (f"zotero:{self.annotation}", f"zotero:{self.library}/{self.annotation}")


def cited(target: str) -> Cited | None:
    """What a link cites, None if it leads to no place in a paper."""
    target = html.unescape(target).removeprefix("[[") if "zotero://" in target else target
    if found := _ZOTERO.match(target.removesuffix("]]")):
        return _in_zotero(found)
    found = _PDF.match(target)
    if found is None or _SCHEME.match(found["path"]):
        return None
    return _in_file(target, found)


def cited_by_id(block_id: str) -> Cited | None:
    """The annotation after which a plug-in named a block."""
    found = _BLOCK_ID.match(block_id)
    if found is None:
        return None
    library = _library(found["group"])
    return Cited(library=library, annotation=found["key"], page=found["page"], exact=True)


def _in_zotero(found: re.Match[str]) -> Cited:
    query = parse_qs(found["query"] or "")
    library, annotation = _library(found["group"]), query.get("annotation", [""])[0]
    if not _KEY.match(annotation):
        annotation = ""
    scheme = "zotero" if found["what"] == "select" else "attachment"
    name = ("citekey", unquote(found["citekey"])) if found["citekey"] else ("", "")
    return Cited(
        target=found[0],
        library=library,
        annotation=annotation,
        identifier=(scheme, f"{library}/{found['key']}") if found["key"] else name,
        page=query.get("page", [found["page"] or ""])[0],
        exact=bool(annotation),
    )


def _in_file(target: str, found: re.Match[str]) -> Cited | None:
    """A place in a PDF beside the notes; of a mere rectangle there is nothing to quote."""
    place = parse_qs(found["place"])
    if "rect" in place or not place.keys() & {"page", "selection", "annotation"}:
        return None
    path = found["path"] if target.startswith("[[") else unquote(found["path"])
    return Cited(
        target=target,
        identifier=("file", re.split(r"[/\\]", path)[-1].strip()),
        page=place.get("page", [""])[0],
        colour=place.get("color", [""])[0],
        exact=bool(place.keys() & {"selection", "annotation"}),
    )


def _library(group: str | None) -> str:
    return f"group.{group}" if group else "user"


_NO_ADDRESS = re.compile(r"(?:javascript|data|vbscript|file):|[/#]", re.IGNORECASE)


def opens(target: str, note: str) -> str:
    """What a person follows from outside the vault, "" if there is nothing.

    `note` is the address of the note, `obsidian://open?vault=…&file=…`: links within the vault
    open in it.
    """
    vault, in_vault, file = note.partition("&file=")
    if target.startswith("[["):
        name = target[2:-2].strip()
        own = file if name.startswith("#") else ""
        return f"{vault}&file={own}{quote(name, safe='')}" if name and in_vault else ""
    if not target or _NO_ADDRESS.match(target):
        return ""
    if _SCHEME.match(target):
        return target
    if not in_vault:
        return ""
    return f"{vault}&file={quote(unquote(target).removeprefix('./'), safe='')}"
