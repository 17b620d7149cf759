"""Links in a note to places in papers, as Zotero and PDF plug-ins write them."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block
from ankiforge.model import Span

SIGNS = (
    "zotero://",
    r"(?i:\.pdf#)",
    r"\[@",
    r"\^[A-Z0-9]{8}a[A-Z0-9]{8}p\d",
    r"show annotation\]\]",
)
"""Regular expressions; a note without any match quotes nothing."""

# --- what links point to --------------------------------------------------------------------

_ZOTERO = re.compile(
    r"zotero://(?P<what>select|open-pdf|open)/"
    r"(?:(?:library|groups/(?P<group>\d+))/)?(?:items/)?"
    r"(?:\d+_(?=[A-Z0-9]))?(?:(?P<key>[A-Z0-9]{8})|@(?P<citekey>[^/?#\s]+))"
    r"(?:/(?P<page>\d+))?/?(?:\?(?P<query>\S*))?\Z"
)
_PDF = re.compile(r"(?:\[\[)?(?P<path>[^#|]+\.pdf)#(?P<place>[^#\]]+)(?:\]\])?\Z", re.IGNORECASE)
_SCHEME = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
_BLOCK_ID = re.compile(r"(?P<key>[A-Z0-9]{8})a[A-Z0-9]{8}p(?P<page>\d+)(?:g(?P<group>\d+))?\Z")
"""The block id that ZotLit gives to an annotation."""
_NO_ADDRESS = re.compile(r"(?:javascript|data|vbscript|file):|[/#]", re.IGNORECASE)


class Cited(NamedTuple):
    """A paper, or a place in it, that a link points to."""

    target: str = ""
    """The link as written."""
    library: str = ""
    """`user` or `group.<id>`."""
    annotation: str = ""
    """The key of the annotation in Zotero."""
    identifier: tuple[str, str] = ("", "")
    """Of the paper, with a scheme of documents: zotero, attachment, citekey, file."""
    page: str = ""
    """The number of the page, counted from 1; not its label."""
    colour: str = ""
    exact: bool = False
    """Whether it points to one passage, not just to a page or a paper."""


def cited(target: str) -> Cited | None:
    """Return what a link cites, None if it does not point to a place in a paper."""
    if "zotero://" in target:
        target = html.unescape(target).removeprefix("[[")
    elif ".pdf#" not in target.lower():
        return None
    if found := _ZOTERO.match(target.removesuffix("]]")):
        query = parse_qs(found["query"] or "")
        library, annotation = _library(found["group"]), query.get("annotation", [""])[0]
        if not re.match(r"[A-Z0-9]{8}\Z", annotation):
            annotation = ""
        identifier = ("citekey", unquote(found["citekey"])) if found["citekey"] else ("", "")
        if found["key"]:
            scheme = "zotero" if found["what"] == "select" else "attachment"
            identifier = (scheme, f"{library}/{found['key']}")
        page = query.get("page", [found["page"] or ""])[0]
        return Cited(found[0], library, annotation, identifier, page, exact=bool(annotation))
    found = _PDF.match(target)
    if found is None or _SCHEME.match(found["path"]):
        return None
    place = parse_qs(found["place"])
    if "rect" in place or not place.keys() & {"page", "selection", "annotation"}:
        return None  # a rectangle contains no text to quote
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


def opens(target: str, note: str) -> str:
    """Return an address that opens the target of a link from outside the vault, "" if none does.

    `note` is the address of the note, `obsidian://open?vault=…&file=…`; links within its vault
    become addresses of the same kind.
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
    return f"{vault}&file={quote(unquote(target).removeprefix('./'), safe='')}" if in_vault else ""


# --- citations ------------------------------------------------------------------------------

_CITEKEY = re.compile(r"\[[^\[\]]{0,200}?@(?P<key>[\w][\w:.#$%&+?<>~/-]{0,100})[^\[\]]{0,200}\]")
_PAGE_WORD = r"(?:pages?|pp?\.|p(?=\d)|S\.|Seiten?|págs?\.|стр?\.|页|第)"
_PAGE = re.compile(
    rf"(?<!\w){_PAGE_WORD}[\s\u00a0]*(?P<label>[0-9]+(?:[–-][0-9]+)?|[ivxlc]+\b|[A-Z]?\d+)", re.I
)
_LONE_PAGE = re.compile(r"\(?(?P<label>\d{1,5}|[ivxlc]{1,7})\)?\Z")
_BETWEEN = re.compile(
    rf"[\s()\[\],;.·|—–\-:/（），、]*(?:{_PAGE_WORD}|in|from|see)?[\s(\[]*\Z", re.I
)
_BEFORE = re.compile(
    rf"(?:[\s(\[（—–\-·|,;，、]|(?<!\w){_PAGE_WORD}|(?<!\w)(?:Source|Quelle|Fonte|Fuente|see|from):?)+\Z",
    re.IGNORECASE,
)
_ATTRIBUTED = re.compile(r"(?:\s|\A)[—–―]\s?(?=[^—–―]*\d)[^—–―“”\".!?]{1,80}(?:p\.[^.!?]{1,12})?\Z")
"""An attribution, `— Doe 2020, p. 7`."""
_MARK_KIND = re.compile(
    r"(?<=[.!?…。”“\"»」])\s*(?:(?:yellow|red|green|blue|purple|magenta|orange|gr[ae]y|pink|other)\s+)?"
    r"(?:highlight|underline|strikeout|annotation)\s*\Z",
    re.IGNORECASE,
)
"""`“…” Yellow Highlight`: the kind of the annotation, written by a template."""
_AFTER = re.compile(r"[)\]）]+")
_ANNOTATOR = "show annotation"
_NEAR = 200
"""Characters before a link that are searched for its brackets and names."""
_AROUND_WORDS = {"“": "”", '"': '"', "«": "»", "„": "“", "「": "」"}


@dataclass(frozen=True, slots=True)
class Citation:
    """Adjacent links that cite one place."""

    span: Span
    """In the plain text of the block, with the brackets around the links."""
    cited: tuple[Cited, ...]
    label: str = ""
    """The label of the page."""
    words: Span | None = None
    """The quoted text, if the link itself contains it."""
    annotated: bool = False
    """Whether it is the link that the Annotator plug-in puts under its quotes."""
    ends_line: bool = False
    """Whether its line ends after it, or a colon follows."""

    @property
    def is_link(self) -> bool:
        """Whether it is more than a citekey in brackets."""
        return self.annotated or any(one.target or one.annotation for one in self.cited)

    @property
    def exact(self) -> bool:
        """Whether it points to one passage."""
        return any(one.exact for one in self.cited)

    @property
    def annotation(self) -> str:
        """The key of the annotation in Zotero."""
        return next((one.annotation for one in self.cited if one.annotation), "")

    @property
    def place(self) -> tuple[object, ...]:
        """What distinguishes the cited place from others."""
        first = next((one for one in self.cited if one.exact), None)
        return (first.target, first.annotation) if first else tuple(c.target for c in self.cited)

    @property
    def page_label(self) -> str:
        """The label of the page, or its number if there is no label."""
        return self.label or next((one.page for one in self.cited if one.page), "")

    @classmethod
    def joined(cls, parts: Sequence[Citation]) -> Citation:
        """Return one citation of all that `parts` cite, from the first to the last."""
        return cls(
            (parts[0].span[0], max(part.span[1] for part in parts)),
            tuple(dict.fromkeys(one for part in parts for one in part.cited)),
            next((part.label for part in parts if part.label), ""),
            next((part.words for part in parts if part.words), None),
            any(part.annotated for part in parts),
        )


def named_by(block: Block) -> Citation | None:
    """Return the annotation after which a plug-in named a block, None if none."""
    found = _BLOCK_ID.match(block.id)
    if found is None:
        return None
    library = _library(found["group"])
    paper = Cited(library=library, annotation=found["key"], page=found["page"], exact=True)
    return Citation((0, 0), (paper,))


def citations(block: Block) -> list[Citation]:
    """Return the citations of a block, in order."""
    if block.inline is None or not (block.inline.links or "[@" in block.plain):
        return []
    targets = block.inline.targets
    links = sorted(_links(block.plain, targets), key=lambda one: one.span)
    joined: list[Citation] = []
    for link in links:
        last = joined[-1] if joined else None
        if last is None or not (
            link.span[0] < last.span[1] or _BETWEEN.match(block.plain[last.span[1] : link.span[0]])
        ):
            joined.append(link)
        else:
            joined[-1] = replace(Citation.joined((last, link)), annotated=last.annotated)
    papers = [link.span[0] for link in links]
    stand = sorted(span for span, _ in targets) if joined else []
    return [_extended(block, one, papers, stand) for one in joined]


def _links(plain: str, targets: list[tuple[Span, str]]) -> Iterator[Citation]:
    for span, target in targets:
        words = plain[slice(*span)]
        if target.startswith("[[#^") and words == _ANNOTATOR:
            yield Citation(span, (), annotated=True)
        elif paper := cited(target):
            name = paper.identifier[1].rpartition(".")[0]
            in_file = paper.exact and paper.identifier[0] == "file"
            if len(words) > 2 and _AROUND_WORDS.get(words[0]) == words[-1]:
                yield Citation(span, (paper,), words=(span[0] + 1, span[1] - 1))
            elif in_file and name not in words and len(words) > 40:
                yield Citation(span, (paper,), words=span)
            else:
                lone = _LONE_PAGE.match(words.strip())
                yield Citation(span, (paper,), lone["label"] if lone else _label(words))
    for key in _CITEKEY.finditer(plain) if "[@" in plain else ():
        paper = Cited(identifier=("citekey", key["key"].rstrip(".,;:")))
        yield Citation(key.span(), (paper,), _label(key[0]))


def _label(words: str) -> str:
    found = _PAGE.search(words)
    return found["label"] if found else ""


def _extended(block: Block, one: Citation, papers: list[int], targets: list[Span]) -> Citation:
    """Return a citation extended by the brackets, names, pages and links that belong to it.

    `papers` holds the starts of the links to papers, `targets` the spans of all links.
    """
    assert block.inline is not None
    plain, (start, end) = block.plain, one.span
    # brackets, dashes and the word for a page before it
    opened = max(plain.rfind(bracket, max(0, start - _NEAR), start) for bracket in "([（")
    if opened >= 0 and not re.search(r"[)\]）“”\"»«]", plain[opened:start]):
        between = bisect_left(papers, opened) < bisect_left(papers, start)
        start = start if between else opened
    if before := _BEFORE.search(plain[max(0, start - _NEAR) : start]):
        start = max(0, start - _NEAR) + before.start()
    if re.search(r"[(\[（]", plain[start:end]) and (after := _AFTER.match(plain, end)):
        end = after.end()
    # links that follow, for instance to a DOI
    for first, last in targets[bisect_left(targets, (end, 0)) :]:
        if first in papers[bisect_left(papers, first) :][:1] or not _BETWEEN.match(
            plain[end:first]
        ):
            break
        after = _AFTER.match(plain, last)
        end = after.end() if after else last
    near = max(0, start - _NEAR)
    named = _ATTRIBUTED.search(plain[near:start]) or _MARK_KIND.search(plain[near:start])
    start = near + named.start() if named else start
    label = one.label or _label(plain[start:end])
    ends_line = plain[end : end + 1] == ":" or block.inline.breaks(end)
    return replace(one, span=(start, end), label=label, ends_line=ends_line)


Citations = dict[int, list[Citation]]
"""The citations of a note, by block index."""


def find_citations(blocks: Sequence[Block]) -> Citations:
    """Return the citations of a note."""
    return {at: found for at, block in enumerate(blocks) if (found := citations(block))}


def papers(cites: Citations) -> Iterator[tuple[str, str]]:
    """Yield the papers to whose passages a note links, as (`quoted-…`, value)."""
    for paper in (paper for found in cites.values() for one in found for paper in one.cited):
        scheme, value = paper.identifier
        if scheme and value:
            yield f"quoted-{scheme}", value
