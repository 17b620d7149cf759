"""Passages that a note quotes from papers and books, with a link to their place.

Zotero, PDF plug-ins and readers paste them. In a paragraph or list item, the quote is in quotation
marks, or marked, or all of the text before the link to its annotation; in a block quote or callout
it is the text of that. Other text beside it is the reader's comment.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.source import QUOTES
from ankiforge.extract.markdown.tokens import Kind, Phrase, hex_colour
from ankiforge.model import Span

# --- what links point to --------------------------------------------------------------------

_ZOTERO = re.compile(
    r"zotero://(?P<what>select|open-pdf|open)/"
    r"(?:(?:library|groups/(?P<group>\d+))/)?(?:items/)?"
    r"(?:\d+_(?=[A-Z0-9]))?(?:(?P<key>[A-Z0-9]{8})|@(?P<citekey>[^/?#\s]+))"
    r"(?:/(?P<page>\d+))?/?(?:\?(?P<query>\S*))?\Z"
)
_PDF = re.compile(r"(?:\[\[)?(?P<path>[^#|]+\.pdf)#(?P<place>[^#\]]+)(?:\]\])?\Z", re.IGNORECASE)
_SCHEME = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
_ZOTLIT = re.compile(r"(?P<key>[A-Z0-9]{8})a[A-Z0-9]{8}p(?P<page>\d+)(?:g(?P<group>\d+))?\Z")
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


def _cited(target: str) -> Cited | None:
    """Return what a link cites, None if it does not point to a place in a paper."""
    if "zotero://" in target:
        target = html.unescape(target).removeprefix("[[")
    elif ".pdf#" not in target.lower():
        return None
    if found := _ZOTERO.match(target.removesuffix("]]")):
        query = parse_qs(found["query"] or "")
        library, annotation = _library(found["group"]), query.get("annotation", [""])[0]
        annotation = annotation if re.fullmatch(r"[A-Z0-9]{8}", annotation) else ""
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
    name = re.split(r"[/\\]", path)[-1].strip()
    page, colour = (place.get(key, [""])[0] for key in ("page", "color"))
    exact = bool(place.keys() & {"selection", "annotation"})
    return Cited(target, identifier=("file", name), page=page, colour=colour, exact=exact)


def _library(group: str | None) -> str:
    return f"group.{group}" if group else "user"


def opens(target: str, note: str) -> str:
    """Return an address that opens the target of a link from outside the vault, "" if none does.

    `note` is the address of the note: `obsidian://open?vault=…&file=…`.
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
_ATTRIBUTED = re.compile(
    r"(?:\s|\A)[—–―]\s?(?=[^—–―]*\d)[^—–―“”\".!?]{1,80}(?:p\.[^.!?]{1,12})?\Z"
    r"|(?<=[.!?…。”“\"»」])\s*(?:\w+\s+)?(?:highlight|underline|strikeout|annotation)\s*\Z",
    re.IGNORECASE,
)
"""Before a link: an attribution, `— Doe 2020, p. 7`, or the kind of the mark."""
_AFTER = re.compile(r"[)\]）]+")
_NEAR = 200
"""Characters before a link that are searched for its brackets and names."""
_LONG = 40
"""Characters of a link's text, above which the text is what is quoted."""


class Citation(NamedTuple):
    """Adjacent links that cite one place."""

    span: Span
    """In the plain text of the block, with the brackets around the links."""
    cited: tuple[Cited, ...]
    label: str = ""
    """The label of the page."""
    words: Span | None = None
    """The quoted text, if the link itself contains it."""
    by_annotator: bool = False
    """Whether it is the link that the Annotator plug-in puts under its quotes."""

    @property
    def is_link(self) -> bool:
        """Whether it is more than a citekey in brackets."""
        return self.by_annotator or any(one.target or one.annotation for one in self.cited)

    @property
    def exact(self) -> bool:
        """Whether it points to one passage."""
        return any(one.exact for one in self.cited)

    @property
    def annotation(self) -> str:
        """The key of the annotation in Zotero."""
        return next((one.annotation for one in self.cited if one.annotation), "")

    @property
    def page_label(self) -> str:
        """The label of the page, or its number if there is no label."""
        return self.label or next((one.page for one in self.cited if one.page), "")


def _joined(parts: Sequence[Citation]) -> Citation:
    """Return one citation of all that `parts` cite, from the first to the last."""
    return Citation(
        (parts[0].span[0], max(part.span[1] for part in parts)),
        tuple(dict.fromkeys(one for part in parts for one in part.cited)),
        next((part.label for part in parts if part.label), ""),
        next((part.words for part in parts if part.words), None),
        any(part.by_annotator for part in parts),
    )


def _label(words: str) -> str:
    found = _PAGE.search(words)
    return found["label"] if found else ""


def _links(plain: str, targets: list[tuple[Span, str]]) -> Iterator[Citation]:
    for span, target in targets:
        words = plain[slice(*span)]
        if target.startswith("[[#^") and words == "show annotation":
            yield Citation(span, (), by_annotator=True)
        elif paper := _cited(target):
            inner = _quoted(plain, *span)
            named = paper.identifier[1].rpartition(".")[0] in words
            in_file = paper.exact and paper.identifier[0] == "file"
            says = span if in_file and not named and len(words) > _LONG else None
            lone = _LONE_PAGE.match(words.strip())
            label = "" if inner or says else lone["label"] if lone else _label(words)
            yield Citation(span, (paper,), label, inner or says)
    for key in _CITEKEY.finditer(plain) if "[@" in plain else ():
        paper = Cited(identifier=("citekey", key["key"].rstrip(".,;:")))
        yield Citation(key.span(), (paper,), _label(key[0]))


def citations(block: Block) -> list[Citation]:
    """Return the citations of a block, in order, with the brackets and names around their links."""
    if not QUOTES.search(block.source) and not block.context.references:
        return []
    if block.inline is None:
        return []
    plain, targets = block.plain, block.inline.targets
    links = sorted(_links(plain, targets), key=lambda one: one.span)
    groups: list[list[Citation]] = []
    for link in links:
        end = groups[-1][-1].span[1] if groups else 0
        if groups and (link.span[0] < end or _BETWEEN.match(plain[end : link.span[0]])):
            groups[-1].append(link)
        else:
            groups.append([link])
    others = sorted(span for span, target in targets if not _cited(target))
    found: list[Citation] = []
    for one in map(_joined, groups):
        start, end = one.span
        free = found[-1].span[1] if found else 0
        # brackets, dashes and the word for a page before it
        opened = max(plain.rfind(bracket, max(free, start - _NEAR), start) for bracket in "([（")
        if opened >= 0 and not re.search(r"[)\]）“”\"»«]", plain[opened:start]):
            start = opened
        near = max(free, start - _NEAR)
        if before := _BEFORE.search(plain[near:start]):
            start = near + before.start()
        if re.search(r"[(\[（]", plain[start:end]) and (after := _AFTER.match(plain, end)):
            end = after.end()
        for first, last in others:  # links that follow, for instance to a DOI
            if first >= end and _BETWEEN.match(plain[end:first]):
                after = _AFTER.match(plain, last)
                end = after.end() if after else last
        near = max(free, start - _NEAR)
        if named := _ATTRIBUTED.search(plain[near:start]):
            start = near + named.start()
        found.append(one._replace(span=(start, end), label=one.label or _label(plain[start:end])))
    return found


Citations = dict[int, list[Citation]]
"""The citations of a note, by block index."""


def papers(cites: Citations) -> Iterator[tuple[str, str]]:
    """Yield the papers to whose passages a note links, as (`quoted-…`, value)."""
    for paper in (paper for found in cites.values() for one in found for paper in one.cited):
        scheme, value = paper.identifier
        if scheme and value:
            yield f"quoted-{scheme}", value


# --- parts of blocks ------------------------------------------------------------------------

_OPENERS = {"”": "“„", "“": "„", "»": "«", "«": "»", "」": "「", "』": "『", "›": "‹", '"': '"'}
"""Closing quotation marks, each with those that open it."""
_CLOSERS = "".join(_OPENERS) + " "
_LEAD = re.compile(r"[\s:–—\-•·|@]+")
_GLUE = re.compile(r"\A[\s.,;:)\]–—\-·|@。，、；：）]+")
_PICTOGRAMS = re.compile(
    r"(?:[\u2190-\u2bff\u3030-\u303f\ufe0f\u200d\U0001f000-\U0001faff]|\s)+(?<![「『])"
)
_REMARK = re.compile(
    r"\s*(?:[💬📝✏🗨🗒✍]\ufe0f?\s*"
    r"|(?:my\s+|own\s+)?(?:comments?|notes?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记)\s*[:：]\s*)(?P<words>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w")


def _bare(text: str) -> str:
    """Return a comment without leading punctuation, "" if it has no words."""
    return _GLUE.sub("", text, count=1).strip() if _WORD.search(text) else ""


def _remark(text: str) -> str:
    """Return what follows a sign or word that introduces a comment, "" if there is none."""
    found = _REMARK.match(text)
    return found["words"].strip() if found else ""


def _trimmed(plain: str, start: int, end: int) -> Span | None:
    """Drop blanks at the ends and pictograms at the start; None if no words are left."""
    lead = _PICTOGRAMS.match(plain, start, end)
    start = lead.end() if lead else start
    while end > start and plain[end - 1].isspace():
        end -= 1
    return (start, end) if _WORD.search(plain, start, end) else None


def _quoted(plain: str, low: int, end: int) -> Span | None:
    """Return the text in quotation marks at the end of a span, None if there is none."""
    while end > low and plain[end - 1] in " \n.,;:!?…。，、！？":
        end -= 1
    closer = plain[end - 1] if end > low else ""
    openers, depth = _OPENERS.get(closer, ""), 1
    for at in range(end - 2, low - 1, -1) if openers else ():
        letter, before = plain[at], plain[at - 1] if at > low else " "
        # a quotation mark that is the same on both sides opens only after a blank
        starts = (before.isspace() or before in "([—–") and not plain[at + 1].isspace()
        if letter in openers and (letter != closer or starts or at == low):
            depth -= 1
        elif letter == closer:
            depth += 1
        if not depth:
            return _trimmed(plain, at + 1, end - 1)
    return None


class Quote(NamedTuple):
    """One passage, from its first to its last block."""

    parts: tuple[tuple[int, Span], ...]
    """(index, span in the plain text) of each of its blocks, without quotation marks."""
    citation: Citation
    comment: str = ""
    covers: tuple[int, ...] = ()
    """Indices of further blocks that belong to it: titles, comments, links."""

    @property
    def blocks(self) -> range:
        """The indices of its blocks."""
        return range(self.parts[0][0], self.parts[-1][0] + 1)


# --- quotes ---------------------------------------------------------------------------------

_QUOTING = re.compile(r"quote|cite|zitat|highlight|annotation|excerpt|pdf", re.IGNORECASE)
"""Types of callouts that are used for quotes."""
_ENDS = '.!?…”"»“«」。！？'


class _Finder:
    """Finds the quotes of a note; `cards` are the indices of blocks that are cards."""

    def __init__(self, blocks: Sequence[Block], cites: Citations, cards: frozenset[int]) -> None:
        self.blocks, self.cards = blocks, cards
        self.cites = {at: found for at, found in cites.items() if at not in cards}
        self.link_only = frozenset(at for at in self.cites if self._is_only_links(at))
        self.found: list[Quote] = []
        self.used: set[int] = set()
        """Blocks with only a link that belong to a quote."""

    def all(self) -> list[Quote]:
        def group(at: int) -> tuple[str, int]:  # one outermost block quote, or one block
            quotes = self.blocks[at].quotes
            return ("quote", quotes[0]) if quotes else ("block", at)

        for (kind, _), several in groupby(range(len(self.blocks)), key=group):
            members = tuple(several)
            found = self._in_group(members) if kind == "quote" else []
            for one in found or [one for at in members for one in self._in_block(at)]:
                self._keep(one)
        return self.found

    def text(self, part: tuple[int, Span]) -> str:
        return self.blocks[part[0]].plain[slice(*part[1])]

    def _keep(self, one: Quote) -> None:
        """Add a quote, or add it to the quote before as the reader's comment on it."""
        at, (start, end) = one.parts[0]
        plain, text = self.blocks[at].plain, "\n".join(map(self.text, one.parts))
        comment = _remark(plain[:start] + text)
        before = self.found[-1] if self.found else None
        if before and before.citation.annotation == one.citation.annotation != "":
            is_quoted = plain[max(0, start - 1) : start] in (
                *_OPENERS.get(plain[end : end + 1], ""),
            )
            if not comment and not is_quoted and not self._marked(at, (start, end)):
                # a second text for one annotation is the reader's, unless it repeats the paper's
                words = "\n".join(map(self.text, before.parts))
                comment = "" if text in words or words in text else text
            if comment:
                covers = (*before.covers, *one.blocks, *one.covers)
                comment = "\n".join(filter(None, (before.comment, comment, one.comment)))
                self.found[-1] = before._replace(comment=comment, covers=covers)
                return
        if not comment:
            self.found.append(one)

    def _marks(self, at: int) -> tuple[Phrase, ...]:
        inline = self.blocks[at].inline
        found = inline.phrases if inline else ()
        return outermost(one for one in found if one.sign in ("==", "mark"))

    def _marked(self, at: int, span: Span) -> Span | None:
        """Return the marked phrase at the end of a span, if it is the only one in the span."""
        inside = [p.span for p in self._marks(at) if span[0] <= p.span[0] and p.span[1] <= span[1]]
        return inside[0] if len(inside) == 1 and inside[0][1] == span[1] else None

    def _is_only_links(self, at: int) -> bool:
        """Return whether a block contains only links to a passage."""
        cites, block = self.cites[at], self.blocks[at]
        if block.part is Part.HEADING or (block.inline and block.inline.is_footnote):
            return False
        edges = [0, *(edge for one in cites for edge in one.span), len(block.plain)]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        words = any(_bare(block.plain[start:end]) for start, end in gaps)
        return not words and not any(one.words for one in cites)

    # --- paragraphs and list items ----------------------------------------------------------

    def _in_block(self, at: int, *, in_quote: bool = False) -> list[Quote]:
        """Return the quotes of one block: before each link, or after a link at its start."""
        block, plain = self.blocks[at], self.blocks[at].plain
        cites = [one for one in self.cites.get(at, ()) if one.is_link]
        if not cites or block.part is Part.HEADING:
            return []
        if at in self.link_only:
            return self._above(at) if at not in self.used else []
        found, low = [], 0
        ends = [*(one.span[0] for one in cites[1:]), len(plain)]
        for one, high in zip(cites, ends, strict=True):
            span = one.words or _trimmed(plain, low, one.span[0])
            if span and not one.words:
                rest = _bare(plain[one.span[1] :]) or block.part is Part.TITLE
                whole = len(cites) == 1 and not rest and not low and not self._marks(at)
                trusted = one.annotation and len(plain[slice(*span)].split()) > 2
                listed = in_quote and one.page_label and plain[span[1] - 1] not in ":："
                fallback = span if whole and (trusted or listed) else None
                span = _quoted(plain, *span) or self._marked(at, span) or fallback
            elif not span and (after := _trimmed(plain, one.span[1], high)):  # it begins its line
                lead = _LEAD.match(plain, *after)
                after = (lead.end() if lead else after[0], after[1])
                inside = _quoted(plain, *after)
                whole = inside is not None and inside[0] <= after[0] + 1
                span = inside if whole else self._marked(at, after)
            if span:
                found.append(Quote(((at, span),), one))
            low = one.span[1]
        start = min(found[0].parts[0][1][0], cites[0].span[0]) if found else 0
        if len(found) != 1 or _bare(plain[:start]):
            return found
        # text after a quote that begins its block is a comment, and so are the items below
        end = max(found[0].parts[0][1][1], cites[-1].span[1])
        below = self._below(at)
        words = [_bare(plain[end:].lstrip('”"»“」』')), *(self.blocks[one].plain for one in below)]
        comment = "\n".join(filter(None, words))
        return [found[0]._replace(comment=comment, covers=tuple(below))]

    def _below(self, at: int) -> list[int]:
        """Return the blocks under a list item, [] unless all of them are plain text."""
        path, inside = self.blocks[at].path, []
        for one in range(at + 1, len(self.blocks) if path else 0):
            block = self.blocks[one]
            if block.path[: len(path)] != path:
                break
            is_card = block.sides or block.card or one in self.cards
            if block.inline is None or is_card or one in self.cites or self._marks(one):
                return []
            inside.append(one)
        return inside

    def _above(self, at: int) -> list[Quote]:
        """Return the paragraph above a line of links if all of it is quoted or marked."""
        above = at - 1
        if above < 0 or above in self.cites or above in self.cards or self.blocks[at].quotes:
            return []
        block = self.blocks[above]
        if block.inline is None or block.quotes or block.part is Part.HEADING:
            return []
        whole = (0, len(block.plain))
        inside = _quoted(block.plain, *whole) or self._marked(above, whole)
        if not inside or _bare(block.plain[: inside[0]]):
            return []
        return [Quote(((above, inside),), _joined(self.cites[at]), covers=(at,))]

    # --- block quotes and callouts ----------------------------------------------------------

    def _in_group(self, members: tuple[int, ...]) -> list[Quote]:
        """Return the quotes of one block quote, [] if its blocks are to be read one by one."""
        citing = [at for at in members if at in self.cites]
        named = [one for at in members if (one := _named_by(self.blocks[at]))]
        more = []
        if not citing and not named:  # take a line below or above that contains only a link
            free = self.link_only - self.used
            near = (at for at in (members[-1] + 1, members[0] - 1) if at in free)
            more = [at for at in near if not self.blocks[at].quotes][:1]
            if not more:
                return []
        with_words = [at for at in citing if at not in self.link_only]
        if (
            len({tuple(one.cited) for at in with_words for one in self.cites[at]})
            > 1
            < len(with_words)
        ):
            return [one for at in members for one in self._in_block(at, in_quote=True)]
        cites = [one for at in (*citing, *more) for one in self.cites[at]]
        is_place = any(one.is_link or one.label for one in (*named, *cites))
        if not is_place or not all(map(self._ends_a_quote, with_words)):
            return []
        citation, style = _joined([*named, *cites]), self.blocks[members[0]].style
        if style and not (citation.exact or citation.page_label or _QUOTING.search(style)):
            return []
        self.used |= set(more)
        body = [at for at in members if self.blocks[at].part is not Part.TITLE]
        first = self.blocks[body[0]].inline if body else None
        shown = (one for one in (first.tokens if first else ()))
        shown = (one for one in shown if one.plain.strip() or one.kind is Kind.PICTURE)
        figure = next((one.kind is Kind.PICTURE for one in shown), False)
        if figure or any(at in self.cards for at in body):
            return []
        parts, comment = self._words_and_comment(body)
        if not parts:
            return []
        # without the quotation marks around the whole
        (head, (start, end)), (tail, (low, high)) = parts[0], parts[-1]
        inside = _quoted(self.blocks[head].plain, start, end) if len(parts) == 1 else None
        if inside and not _bare(self.blocks[head].plain[start : inside[0]]):
            parts = [(head, inside)]
        elif len(parts) > 1:
            closer = self.blocks[tail].plain[high - 1]
            if self.blocks[head].plain[start] in _OPENERS.get(closer, ""):
                parts[0], parts[-1] = (head, (start + 1, end)), (tail, (low, high - 1))
        covers = set(members) | set(more) - {at for at, _ in parts}
        return [Quote(tuple(parts), citation, comment, tuple(covers))]

    def _ends_a_quote(self, at: int) -> bool:
        """Return whether the links of a block stand before or after its text, not within it."""
        plain, inline = self.blocks[at].plain, self.blocks[at].inline
        if self.blocks[at].part is Part.TITLE:
            return any(one.exact for one in self.cites[at])
        for one in self.cites[at]:
            start, end = one.span
            before, after = plain[:start].rstrip(), _bare(plain[end:])
            ends_line = plain[end : end + 1] == ":" or (inline and inline.breaks(end))
            apart = plain[start] in "(（" or ends_line or (_bare(before) and before[-1] in _ENDS)
            if after and not one.by_annotator and not (one.exact and apart):
                return False
        return True

    def _words_and_comment(self, body: list[int]) -> tuple[list[tuple[int, Span]], str]:
        """Return the quoted parts of a block quote, and the reader's comment."""
        blocks = self.blocks
        deep = min((len(blocks[at].quotes) for at in body), default=0)
        inner = [at for at in body if len(blocks[at].quotes) > deep]
        notes = [at for at in inner if blocks[at].style != blocks[body[0]].style]
        if notes and notes[0] != body[0]:  # a callout within the quote is the reader's
            outer = [at for at in body if at not in notes]
        elif inner and any(at in self.link_only or at not in inner for at in body):
            notes, outer = [at for at in body if at > inner[-1]], inner  # the inner quote is it
        else:
            notes, outer = [], body
        words: list[tuple[int, Span]] = []
        said: list[str] = []
        cited = False  # whether a link stood behind the words
        for at in outer:
            plain, cites = blocks[at].plain, self.cites.get(at, [])
            edges = [0, *(edge for one in cites for edge in one.span), len(plain)]
            for number, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
                by_annotator = number < len(cites) and cites[number].by_annotator
                marks = (
                    [p.span for p in self._marks(at) if p.span[1] <= end] if by_annotator else []
                )
                span = marks[-1] if marks else _trimmed(plain, start, end)
                if span is None or not _bare(plain[slice(*span)]):
                    continue
                first = not words and self._first_lines(at, span)
                if not words:
                    words.append((at, first or span))
                    said += [_bare(plain[first[1] : span[1]].lstrip(_CLOSERS))] if first else []
                    cited = cited or bool(first)
                elif cited or _remark(plain) or blocks[at].rules > blocks[outer[0]].rules:
                    said.append(_remark(plain) or _bare(plain[slice(*span)]))
                    cited = True
                else:
                    words.append((at, span))
                cited = cited or number < len(cites)
        titled = (at for at in notes if at not in self.link_only)
        said += [blocks[at].plain for at in titled if blocks[at].part is not Part.TITLE]
        return words, "\n".join(filter(None, said))

    def _first_lines(self, at: int, span: Span) -> Span | None:
        """Return the text in quotation marks that is all of the first lines, not of the whole."""
        plain, inline = self.blocks[at].plain, self.blocks[at].inline
        for end in (*(at for at in range(*span) if inline and inline.breaks(at)), span[1]):
            inside = _quoted(plain, span[0], end)
            if inside and not _bare(plain[span[0] : inside[0]]):
                return inside
        return None


def _named_by(block: Block) -> Citation | None:
    """Return the annotation after which ZotLit named a block, None if none."""
    found = _ZOTLIT.match(block.id)
    if found is None:
        return None
    library = _library(found["group"])
    paper = Cited(library=library, annotation=found["key"], page=found["page"], exact=True)
    return Citation((0, 0), (paper,))


# --- quotes as highlights -------------------------------------------------------------------

_COLOURS = frozenset(
    "yellow red green blue purple magenta orange gray grey pink cyan teal violet brown".split()  # noqa: SIM905
)


class Quotes:
    """The quotes of a note, by the block in which they start."""

    def __init__(
        self,
        blocks: Sequence[Block],
        cites: Citations,
        marks: frozenset[str],
        is_card: Callable[[int], object],
        note: str,
    ) -> None:
        """`is_card` returns whether the block at an index is a card; `note` is the address."""
        self._blocks, self._marks, self._note = blocks, marks, note
        self.starts: dict[int, dict[int, Quote]] = {}
        """By block index and offset in the block."""
        self.covered: set[int] = set()
        """The indices of blocks that belong to a quote."""
        self._spans: dict[int, list[Span]] = {}
        if not cites and not any(block.id and _named_by(block) for block in blocks):
            return
        cards = frozenset(filter(is_card, range(len(blocks))))
        for one in _Finder(blocks, cites, cards).all():
            own = [blocks[at] for at in one.blocks]
            if not one.citation.is_link:
                # a citekey alone makes no quote of text that is a highlight anyway
                phrases = (p for block in own if block.inline for p in block.inline.phrases)
                if any(phrase.sign in marks for phrase in phrases):
                    continue
                if "callout" in marks and any(block.callout >= 0 for block in own):
                    continue
            at, (start, _) = one.parts[0]
            self.starts.setdefault(at, {})[start] = one
            self.covered |= {*one.blocks, *one.covers}
            for at, span in one.parts:
                self._spans.setdefault(at, []).append(span)

    def hold(self, at: int, span: Span) -> bool:
        """Return whether a quote overlaps a span of a block."""
        return any(span[0] < end and start < span[1] for start, end in self._spans.get(at, ()))

    def fields(self, found: Quote) -> dict[str, Any]:
        """Return the fields of a quote's highlight."""
        words: list[str] = []
        markdown: list[str] = []
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        colour, length, above = "", 0, 0
        for at, (start, end) in found.parts:
            inline, plain = self._blocks[at].inline, self._blocks[at].plain
            text, places = f"```\n{plain[start:end]}\n```", tuple[Span, ...]()
            inside = tuple[Phrase, ...]()
            if inline is not None:
                near = [p for p in inline.phrases if start < p.span[1] and p.span[0] < end]
                colour = colour or next((p.note for p in near if p.sign == "mark" and p.note), "")
                inside = outermost(p for p in near if p.sign in self._marks)
                whole = any(_covers(p.span, plain, start, end) for p in inside)
                within = (p for p in inside if start <= p.span[0] and p.span[1] <= end)
                inside = () if whole else tuple(within)
                bold = "bold" not in self._marks
                text, places = inline.markdown(start, end, inside, bold=bold)
            gaps += [(p.span[0] + length - start, p.span[1] + length - start) for p in inside]
            markdown_gaps += [(low + above, high + above) for low, high in places]
            words.append(plain[start:end])
            markdown.append(text)
            length += end - start + 1
            above += len(text) + 2
        cited = found.citation.cited
        key = next((one for one in cited if one.annotation), None)
        style, _, told = self._blocks[found.parts[0][0]].style.partition("|")
        named = (
            _as_colour(one) for one in (told, style.rpartition("-")[2], *(c.colour for c in cited))
        )
        hints = (
            (f"zotero:{key.annotation}", f"zotero:{key.library}/{key.annotation}") if key else ()
        )
        return {
            "exact": "\n".join(words),
            "markdown": ("\n\n".join(markdown),),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": found.comment,
            "colour": colour or next(filter(None, named), ""),
            "page_label": found.citation.page_label,
            "hints": hints,
            "links": tuple(
                dict.fromkeys(filter(None, (opens(c.target, self._note) for c in cited)))
            ),
        }


def _as_colour(word: str) -> str:
    """Return a colour as `#rrggbb` or a name, "" if it is neither."""
    word = hex_colour(word.strip().lower())
    return word if word.startswith("#") or word in _COLOURS else ""


def _covers(phrase: Span, plain: str, start: int, end: int) -> bool:
    """Return whether all words of a quote are marked; its quotation marks need not be."""
    return not _WORD.search(plain[start : phrase[0]] + plain[max(phrase[1], start) : end])
