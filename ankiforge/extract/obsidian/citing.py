"""Where the words of a block cite a paper: the links that belong together, and their page."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ankiforge.extract.obsidian.block import Block
from ankiforge.extract.obsidian.cites import Cited, cited, cited_by_id
from ankiforge.model import Span

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
"""`— Doe 2020, p. 7`."""
_KIND = re.compile(
    r"(?<=[.!?…。”“\"»」])\s*(?:(?:yellow|red|green|blue|purple|magenta|orange|gr[ae]y|pink|other)\s+)?"
    r"(?:highlight|underline|strikeout|annotation)\s*\Z",
    re.IGNORECASE,
)
"""`“…” Yellow Highlight`: what kind of mark it is, as a template tells it."""
_AFTER = re.compile(r"[)\]）]+")
_ANNOTATOR = "show annotation"


@dataclass(frozen=True, slots=True)
class Citation:
    """Links side by side that cite one place."""

    span: Span
    """In the plain text of the block, with the brackets around them."""
    cited: tuple[Cited, ...]
    label: str = ""
    """The label of the page."""
    words: Span | None = None
    """What is quoted, where the link itself says it."""
    annotated: bool = False
    """Whether it is what the Annotator plug-in puts under its quotes."""
    ends_line: bool = False
    """Whether its line ends with it, or a colon follows."""

    @property
    def is_link(self) -> bool:
        """Whether it is more than a key in brackets."""
        return self.annotated or any(one.target or one.annotation for one in self.cited)

    @property
    def exact(self) -> bool:
        """Whether it names one passage."""
        return any(one.exact for one in self.cited)

    @property
    def annotation(self) -> str:
        """The key of the annotation in Zotero."""
        return next((one.annotation for one in self.cited if one.annotation), "")

    @property
    def place(self) -> tuple[object, ...]:
        """What tells it from other places."""
        first = next((one for one in self.cited if one.exact), None)
        return (first.target, first.annotation) if first else tuple(c.target for c in self.cited)

    @property
    def page_label(self) -> str:
        """The label of the page, else its number."""
        return self.label or next((one.page for one in self.cited if one.page), "")

    @classmethod
    def joined(cls, parts: Iterable[Citation]) -> Citation:
        """All that they cite; its span means nothing."""
        parts = tuple(parts)
        return cls(
            (0, 0),
            tuple(dict.fromkeys(one for part in parts for one in part.cited)),
            next((part.label for part in parts if part.label), ""),
            annotated=any(part.annotated for part in parts),
        )


def named_by(block: Block) -> Citation | None:
    """The annotation that the id of a block names."""
    paper = cited_by_id(block.id)
    return Citation((0, 0), (paper,)) if paper else None


def citations(block: Block) -> list[Citation]:
    """The citations of a block, in order."""
    if block.inline is None:
        return []
    links = sorted(_links(block), key=lambda one: one.span)
    if not links:
        return []
    joined = [links[0]]
    for link in links[1:]:
        between = block.plain[joined[-1].span[1] : link.span[0]]
        if link.span[0] < joined[-1].span[1] or _BETWEEN.match(between):
            joined[-1] = _together(joined[-1], link)
        else:
            joined.append(link)
    targets = sorted(span for span, _ in block.inline.targets())
    papers = [link.span[0] for link in links]
    return [_whole(block, one, papers, targets) for one in joined]


def _links(block: Block) -> Iterator[Citation]:
    assert block.inline is not None
    for span, target in block.inline.targets():
        words = block.plain[slice(*span)]
        if target.startswith("[[#^") and words == _ANNOTATOR:
            yield Citation(span, (), annotated=True)
        elif paper := cited(target):
            yield _linked(span, words, paper)
    for key in _CITEKEY.finditer(block.plain) if "[@" in block.plain else ():
        paper = Cited(identifier=("citekey", key["key"].rstrip(".,;:")))
        yield Citation(key.span(), (paper,), _label(key[0]))


def _linked(span: Span, words: str, paper: Cited) -> Citation:
    """One link; one of which the words are a quote tells no page."""
    marks = {"“": "”", '"': '"', "«": "»", "„": "“", "「": "」"}
    if len(words) > 2 and marks.get(words[0]) == words[-1]:
        return Citation(span, (paper,), words=(span[0] + 1, span[1] - 1))
    name = paper.identifier[1].rpartition(".")[0]
    if paper.exact and paper.identifier[0] == "file" and name not in words and len(words) > 40:
        return Citation(span, (paper,), words=span)
    lone = _LONE_PAGE.match(words.strip())
    return Citation(span, (paper,), lone["label"] if lone else _label(words))


def _label(words: str) -> str:
    found = _PAGE.search(words)
    return found["label"] if found else ""


def _together(one: Citation, other: Citation) -> Citation:
    return replace(
        one,
        span=(one.span[0], max(one.span[1], other.span[1])),
        cited=(*one.cited, *other.cited),
        label=one.label or other.label,
        words=one.words or other.words,
    )


_NEAR = 200
"""Characters before a link in which its brackets and names are looked for."""


def _whole(block: Block, one: Citation, papers: list[int], targets: list[Span]) -> Citation:
    """With the brackets, names and pages around it, and the links that follow, to a DOI say.

    `papers` is where links to papers begin, `targets` is where all links stand.
    """
    assert block.inline is not None
    plain, (start, end) = block.plain, _bracketed(block.plain, one, papers)
    for first, last in targets[bisect_left(targets, (end, 0)) :]:
        if first in papers[bisect_left(papers, first) :][:1] or not _BETWEEN.match(
            plain[end:first]
        ):
            break
        after = _AFTER.match(plain, last)
        end = after.end() if after else last
    near = max(0, start - _NEAR)
    named = _ATTRIBUTED.search(plain[near:start]) or _KIND.search(plain[near:start])
    start = near + named.start() if named else start
    label = one.label or _label(plain[start:end])
    ends_line = plain[end : end + 1] == ":" or block.inline.breaks(end)
    return replace(one, span=(start, end), label=label, ends_line=ends_line)


def _bracketed(plain: str, one: Citation, papers: list[int]) -> Span:
    """With the brackets, dashes and the word for a page before it."""
    start, end = one.span
    near = max(0, start - _NEAR)
    opened = max(plain.rfind(bracket, near, start) for bracket in "([（")
    if opened >= 0 and not re.search(r"[)\]）“”\"»«]", plain[opened:start]):
        between = bisect_left(papers, opened) < bisect_left(papers, start)
        start = start if between else opened
    near = max(0, start - _NEAR)
    before = _BEFORE.search(plain[near:start])
    start = near + before.start() if before else start
    after = _AFTER.match(plain, end) if re.search(r"[(\[（]", plain[start:end]) else None
    return (start, after.end() if after else end)


def papers(blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    """The papers that a note links to passages of, as (`quoted-…`, value)."""
    for block in blocks:
        for one in citations(block):
            for paper in one.cited:
                scheme, value = paper.identifier
                if scheme and value:
                    yield f"quoted-{scheme}", value
