"""Passages that a note quotes from papers and books, with a link to their place.

Zotero, PDF plug-ins and readers paste them. In a paragraph or list item, the quote is in quotation
marks, or marked, or all of the text before the link to its annotation; in a block quote or callout
it is the text of that. Other text beside it is the reader's comment.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.signs import hex_colour
from ankiforge.extract.markdown.source import QUOTES
from ankiforge.model import Json, Pair, Span, Strings, hints
from ankiforge.text import regex

# --- links to papers ------------------------------------------------------------------------

_ZOTERO = regex(
    r"zotero://(?P<what>select|open-pdf|open)/(?P<library>library/|groups/(?P<group>\d+)/)?"
    r"(?:items/)?(?:\d+_)?(?:(?P<key>[A-Z0-9]{8})|@(?P<citekey>[^/?#\s]+))"
    r"(?:/(?P<page>\d+))?/?(?:\?(?P<query>\S*))?\Z"
)
_PDF = regex(r"(?i)(?:\[\[)?(?P<path>[^#|]+\.pdf)#(?P<place>[^#\]]+)(?:\]\])?\Z")
_SCHEME = regex(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
_CITEKEY = regex(r"\[[^\[\]]{0,200}?@(?P<key>[\w][\w:.#$%&+?<>~/-]{0,100})[^\[\]]{0,200}\]")
_NO_ADDRESS = regex(r"(?i)(?:javascript|data|vbscript|file):|[/#]")

_PAGE_WORD = r"(?:pages?|pp?\.|p(?=\d)|S\.|Seiten?|págs?\.|стр?\.|页|第)"
_PAGE = regex(
    rf"(?i)(?<!\w){_PAGE_WORD}[\s\u00a0]*(?P<label>[0-9]+(?:[–-][0-9]+)?|[ivxlc]+\b|[A-Z]?\d+)"
)
_LONE_PAGE = regex(r"\s*\(?(?P<label>\d{1,5}|[ivxlc]{1,7})\)?\s*\Z")
_BETWEEN = regex(rf"(?i)[\s()\[\],;.·|—–\-:/（），、]*(?:{_PAGE_WORD}|in|from|see)?[\s(\[]*\Z")
# Before a link: an open bracket, glue, then an attribution (`— Doe 2020`) or the mark's kind.
_BEFORE = tuple(
    regex(rf"(?i)(?:{pattern})\Z")
    for pattern in (
        r"[(\[（][^()\[\]（）“”\"»«]*",
        rf"(?:[\s(\[（—–\-·|,;，、]|(?<!\w)(?:{_PAGE_WORD}|(?:Source|Quelle|Fonte|Fuente|see|from):?))+",
        r"(?:\s|\A)[—–―]\s?(?=[^—–―]*\d)[^—–―“”\".!?]{1,80}(?:p\.[^.!?]{1,12})?"
        r"|(?<=[.!?…。”“\"»」])\s*(?:\w+\s+)?(?:highlight|underline|strikeout|annotation)\s*",
    )
)
# Characters before a link that are searched for these.
_NEAR = 200
# Characters of a link's text, above which the text is what is quoted.
_LONG = 40


class Citation(NamedTuple):
    """Adjacent links that cite one place in a paper."""

    span: Span
    """In the plain text of the block, with the brackets around the links."""
    links: Strings = ()
    """As written; none if it is only a citekey in brackets."""
    papers: tuple[Pair, ...] = ()
    """Identifiers, with a scheme of documents: zotero, attachment, citekey, file."""
    annotation: str = ""
    """In Zotero: `user/KEY` or `group.<id>/KEY`."""
    page: str = ""
    """The number of the page, counted from 1."""
    label: str = ""
    """The label of the page."""
    colour: str = ""
    words: Span | None = None
    """The quoted text, if the link itself contains it."""
    exact: bool = False
    """Whether it points to one passage, not just to a page or a paper."""

    def joined(self, other: Citation) -> Citation:
        """Return one citation of all that both cite."""
        span = (self.span[0], max(self.span[1], other.span[1]))
        links, papers = dict.fromkeys(self.links + other.links), self.papers + other.papers
        rest: Any = (mine or its for mine, its in zip(self[3:], other[3:], strict=True))
        return Citation(span, tuple(links), tuple(dict.fromkeys(papers)), *rest)


def _cited(target: str, span: Span) -> Citation | None:
    """Return what a link cites, None if it does not point to a place in a paper."""
    if "zotero://" in target:
        found = _ZOTERO.match(html.unescape(target).removeprefix("[[").removesuffix("]]"))
        if found is None:
            return None
        query, library = parse_qs(found["query"] or ""), _library(found["group"])
        scheme = "zotero" if found["what"] == "select" else "attachment"
        key = (scheme, f"{library}/{found['key']}")
        paper = ("citekey", unquote(found["citekey"])) if found["citekey"] else key
        (annotation,) = query.get("annotation", [""])[:1]
        page = query.get("page", [found["page"] or ""])[0]
        marked = f"{library}/{annotation}" if re.fullmatch(r"[A-Z0-9]{8}", annotation) else ""
        return Citation(span, (found[0],), (paper,), marked, page, exact=bool(marked))
    found = _PDF.match(target)
    place = parse_qs(found["place"]) if found else {}
    if found is None or _SCHEME.match(found["path"]) or "rect" in place:
        return None  # a rectangle contains no text to quote
    if not place.keys() & {"page", "selection", "annotation"}:
        return None
    path = found["path"] if target.startswith("[[") else unquote(found["path"])
    paper = ("file", re.split(r"[/\\]", path)[-1].strip())
    page, colour = (place.get(key, [""])[0] for key in ("page", "color"))
    exact = bool(place.keys() & {"selection", "annotation"})
    return Citation(span, (target,), (paper,), page=page, colour=hex_colour(colour), exact=exact)


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


def _links(plain: str, targets: list[tuple[Span, str]]) -> Iterator[Citation]:
    for span, target in targets:
        text = plain[slice(*span)]
        one = _cited(target, span)
        if one is None:
            yield Citation(span)
        else:
            inner, (scheme, name) = _quoted(plain, *span), one.papers[0]
            if one.exact and scheme == "file" and len(text) > _LONG:
                inner = inner or (span if name.rpartition(".")[0] not in text else None)
            page = None if inner else _LONE_PAGE.match(text) or _PAGE.search(text)
            yield one._replace(label=page["label"] if page else "", words=inner)
    for key in _CITEKEY.finditer(plain) if "[@" in plain else ():
        page = _PAGE.search(key[0])
        papers = (("citekey", key["key"].rstrip(".,;:")),)
        yield Citation(key.span(), papers=papers, label=page["label"] if page else "")


def citations(block: Block) -> list[Citation]:
    """Return the citations of a block, in order, with the brackets and names around their links."""
    if not (QUOTES.search(block.source) or block.context.references):
        return []
    plain, found = block.inline.plain, list[Citation]()
    for one in sorted(_links(plain, block.inline.targets), key=lambda one: one.span):
        end = found[-1].span[1] if found else 0
        if found and (one.span[0] < end or _BETWEEN.match(plain[end : one.span[0]])):
            found[-1] = found[-1].joined(one)  # also a link to a DOI, for instance
        elif one.papers or one.exact:
            found.append(one)
    free = 0
    for at, one in enumerate(found):
        start, end = one.span
        for pattern in _BEFORE:
            near = max(free, start - _NEAR)
            if before := pattern.search(plain[near:start]):
                start = near + before.start()
        free = end
        if re.search(r"[(\[（]", plain[start:end]):
            free += len(plain[end:]) - len(plain[end:].lstrip(")]）"))
        page = _PAGE.search(plain[start:free])
        label = one.label or (page["label"] if page else "")
        found[at] = one._replace(span=(start, free), label=label)
    return found


Citations = dict[int, list[Citation]]
"""The citations of a note, by block index."""


def papers(cites: Citations) -> Iterator[Pair]:
    """Yield the papers to whose passages a note links, as (`quoted-…`, value)."""
    for found in cites.values():
        yield from ((hints.quoted(scheme), value) for one in found for scheme, value in one.papers)


# --- texts ----------------------------------------------------------------------------------

# Closing quotation marks, each with those that open it.
_OPENERS = {"”": "“„", "“": "„", "»": "«", "«": "»", "」": "「", "』": "『", "›": "‹", '"': '"'}
_OPENING = tuple("".join(_OPENERS.values()))
_LEAD = regex(r"[\s:–—\-•·|@]+")
_GLUE = regex(r"\A[\s.,;:)\]–—\-·|@。，、；：）]+")
_PICTOGRAMS = regex(
    r"(?:[\u2190-\u2bff\u3030-\u303f\ufe0f\u200d\U0001f000-\U0001faff]|\s)+(?<![「『])"
)
# What a sign or a word introduces as a comment.
_REMARK = regex(
    r"(?is)\s*(?:[💬📝✏🗨🗒✍]\ufe0f?\s*"
    r"|(?:my\s+|own\s+)?(?:comments?|notes?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记)\s*[:：]\s*)(?P<words>.*)\Z"
)
_WORD = regex(r"\w")


def _bare(text: str) -> str:
    """Return a comment without leading punctuation, "" if it has no words."""
    return _GLUE.sub("", text, count=1).strip() if _WORD.search(text) else ""


def _trimmed(plain: str, start: int, end: int) -> Span | None:
    """Drop blanks at the ends and pictograms at the start; None if no words are left."""
    lead = _PICTOGRAMS.match(plain, start, end)
    start = lead.end() if lead else start
    end = start + len(plain[start:end].rstrip())
    return (start, end) if _WORD.search(plain, start, end) else None


def _quoted(plain: str, low: int, end: int) -> Span | None:
    """Return the text in quotation marks at the end of a span, None if there is none."""
    end = low + len(plain[low:end].rstrip(" \n.,;:!?…。，、！？"))
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


# --- quotes ---------------------------------------------------------------------------------

# Types of callouts that are used for quotes.
_QUOTING = regex(r"(?i)quote|cite|zitat|highlight|annotation|excerpt|pdf")


class Quote(NamedTuple):
    """One passage, from its first to its last block."""

    parts: tuple[tuple[int, Span], ...]
    """(index, span in the plain text) of each of its blocks, without quotation marks."""
    citation: Citation
    comment: str = ""
    covers: tuple[int, ...] = ()
    """Indices of further blocks that belong to it: titles, comments, links."""


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
        self._blocks, self._wanted, self._note = blocks, marks, note
        self.starts: dict[int, dict[int, Quote]] = {}
        """By block index and offset in the block."""
        self.covered: set[int] = set()
        """The indices of blocks that belong to a quote."""
        self._spans: dict[int, list[Span]] = {}
        if not cites:
            return
        self._cards = frozenset(filter(is_card, range(len(blocks))))
        self._cites = {at: found for at, found in cites.items() if at not in self._cards}
        self._link_only = {at for at in self._cites if self._is_only_links(at)}
        for one in self._all():
            own = [blocks[at] for at, _ in one.parts]
            marked = any(phrase.sign in marks for block in own for phrase in block.inline.phrases)
            marked = marked or ("callout" in marks and any(block.callout for block in own))
            if marked and not (one.citation.links or one.citation.exact):
                continue  # a citekey alone makes no quote of text that is a highlight anyway
            at, (start, _) = one.parts[0]
            self.starts.setdefault(at, {})[start] = one
            self.covered |= {*range(at, one.parts[-1][0] + 1), *one.covers}
            for at, span in one.parts:
                self._spans.setdefault(at, []).append(span)

    def hold(self, at: int, span: Span) -> bool:
        """Return whether a quote overlaps a span of a block."""
        return any(span[0] < end and start < span[1] for start, end in self._spans.get(at, ()))

    def _all(self) -> list[Quote]:
        def group(at: int) -> tuple[bool, int]:  # one outermost block quote, or one block
            quotes = self._blocks[at].quotes
            return (True, quotes[0]) if quotes else (False, at)

        found: list[Quote] = []
        free = {at for at in self._link_only if not self._blocks[at].quotes}
        for (in_quote, _), several in groupby(range(len(self._blocks)), key=group):
            members, quotes = list(several), list[Quote]()
            if in_quote:
                alone = self._cites.keys().isdisjoint(members)
                beside = (members[-1] + 1, members[0] - 1)
                more = [at for at in beside if alone and at in free][:1]
                free -= set(more)
                quotes = self._in_group(members, more)
            for one in quotes or [one for at in members for one in self._in_block(at)]:
                self._keep(found, one)
        return found

    def _keep(self, found: list[Quote], one: Quote) -> None:
        """Add a quote, or add its text as a comment to the quote before."""
        text, before = self._text(one), found[-1] if found else None
        at, (start, end) = one.parts[0]
        plain, annotation = self._blocks[at].plain, one.citation.annotation
        remark = _REMARK.match(plain[:start] + text)
        if before and annotation and before.citation.annotation == annotation:
            # a second text for one annotation is the reader's, unless it is set off or repeated
            is_quote = plain[:start].endswith(_OPENING) or (start, end) in self._marks(at)
            if remark or not (is_quote or text in self._text(before)):
                said = remark["words"].strip() if remark else text
                comment = "\n".join(filter(None, (before.comment, said, one.comment)))
                covers = (*before.covers, *(at for at, _ in one.parts), *one.covers)
                found[-1] = before._replace(comment=comment, covers=covers)
                return
        if not remark:
            found.append(one)

    def _text(self, one: Quote) -> str:
        return "\n".join(self._blocks[at].plain[slice(*span)] for at, span in one.parts)

    def _marks(self, at: int) -> list[Span]:
        marked = (p for p in self._blocks[at].inline.phrases if p.sign in ("==", "mark"))
        return [phrase.span for phrase in outermost(marked)]

    def _set_off(self, at: int, span: Span) -> Span | None:
        """Return the text at the end of a span that is in quotation marks, or alone marked."""
        marked = [one for one in self._marks(at) if span[0] <= one[0] and one[1] <= span[1]]
        whole = marked[0] if len(marked) == 1 and marked[0][1] == span[1] else None
        return _quoted(self._blocks[at].plain, *span) or whole

    def _between(self, at: int) -> list[Span]:
        """Return the texts before, between and behind the citations of a block."""
        edges = [edge for one in self._cites.get(at, ()) for edge in one.span]
        return list(pairwise([0, *edges, len(self._blocks[at].plain)]))[::2]

    def _is_only_links(self, at: int) -> bool:
        block = self._blocks[at]
        if block.part is Part.HEADING or block.inline.is_footnote:
            return False
        says = any(_bare(block.plain[slice(*span)]) for span in self._between(at))
        return not says and not any(one.words for one in self._cites[at])

    # --- paragraphs and list items ----------------------------------------------------------

    def _in_block(self, at: int, *, in_quote: bool = False) -> list[Quote]:
        """Return the quotes of one block: before each link, or after a link at its start."""
        block, plain, found = self._blocks[at], self._blocks[at].plain, list[Quote]()
        cites = [one for one in self._cites.get(at, ()) if one.links or one.exact]
        if not cites or block.part is Part.HEADING or at in self._link_only:
            return []
        low, ends = 0, [*(one.span[0] for one in cites[1:]), len(plain)]
        for one, high in zip(cites, ends, strict=True):
            span = one.words or _trimmed(plain, low, one.span[0])
            if span and not one.words:
                rest = _bare(plain[one.span[1] :]) or block.part is Part.TITLE
                whole = len(cites) == 1 and not rest and not low and not self._marks(at)
                trusted = one.annotation and len(plain[slice(*span)].split()) > 2
                listed = in_quote and (one.label or one.page) and plain[span[1] - 1] not in ":："
                span = self._set_off(at, span) or (span if whole and (trusted or listed) else None)
            elif not span and (after := _trimmed(plain, one.span[1], high)):  # it begins its line
                lead = _LEAD.match(plain, *after)
                after = (lead.end() if lead else after[0], after[1])
                span = self._set_off(at, after)
                span = span if span and span[0] <= after[0] + 1 else None
            if span:
                found.append(Quote(((at, span),), one))
            low = one.span[1]
        start = min(found[0].parts[0][1][0], cites[0].span[0]) if found else 0
        if len(found) != 1 or _bare(plain[:start]):
            return found
        # text after a quote that begins its block is a comment, and so are the items below
        end, below = max(found[0].parts[0][1][1], cites[-1].span[1]), self._below(at)
        said = [_bare(plain[end:].lstrip('”"»“」』')), *(self._blocks[one].plain for one in below)]
        return [found[0]._replace(comment="\n".join(filter(None, said)), covers=tuple(below))]

    def _below(self, at: int) -> list[int]:
        """Return the blocks under a list item, [] unless all of them are plain text."""
        blocks, path, inside = self._blocks, self._blocks[at].path, list[int]()
        for one in range(at + 1, len(blocks) if path else 0):
            if blocks[one].path[: len(path)] != path:
                break
            inside.append(one)
        texts = (blocks[one].is_text and not blocks[one].sides for one in inside)
        cited = any(one in self._cards or one in self._cites or self._marks(one) for one in inside)
        return inside if all(texts) and not cited else []

    # --- block quotes and callouts ----------------------------------------------------------

    def _in_group(self, members: list[int], more: list[int]) -> list[Quote]:
        """Return the quotes of one block quote, [] if its blocks are to be read one by one.

        `more` has the line beside it that contains only its link.
        """
        blocks = self._blocks
        citing = [at for at in members if at in self._cites and at not in self._link_only]
        if len(citing) > 1 and len({self._cites[at][0].links for at in citing}) > 1:
            return [one for at in members for one in self._in_block(at, in_quote=True)]
        cites = [one for at in (*members, *more) for one in self._cites.get(at, ())]
        if not all(map(self._ends_a_quote, citing)):
            return []
        if not any(one.links or one.exact or one.label for one in cites):
            return []
        citation, style = cites[0], blocks[members[0]].style
        for other in cites[1:]:
            citation = citation.joined(other)
        place = citation.exact or citation.label or citation.page
        body = [at for at in members if blocks[at].part is not Part.TITLE]
        if style and not place and not _QUOTING.search(style):
            return []
        if not self._cards.isdisjoint(body):
            return []
        parts, comment = self._words_and_comment(body)
        if not parts:
            return []
        # without the quotation marks around the whole
        (head, (start, end)), (tail, (low, high)) = parts[0], parts[-1]
        inside = _quoted(blocks[head].plain, start, end) if len(parts) == 1 else None
        if inside and not _bare(blocks[head].plain[start : inside[0]]):
            parts = [(head, inside)]
        elif blocks[head].plain[start] in _OPENERS.get(blocks[tail].plain[high - 1], ""):
            parts[0], parts[-1] = (head, (start + 1, end)), (tail, (low, high - 1))
        return [Quote(tuple(parts), citation, comment, (*members, *more))]

    def _ends_a_quote(self, at: int) -> bool:
        """Return whether the links of a block stand before or after its text, not within it."""
        plain, inline = self._blocks[at].plain, self._blocks[at].inline
        if self._blocks[at].part is Part.TITLE:
            return any(one.exact for one in self._cites[at])
        for one in self._cites[at]:
            start, end = one.span
            before = _bare(plain[:start])[-1:]
            ends_line = plain[end : end + 1] == ":" or inline.breaks(end)
            apart = ends_line or plain[start] in "(（" or (before and before in '.!?…”"»“«」。！？')
            if _bare(plain[end:]) and not (one.exact and apart):
                return False
        return True

    def _words_and_comment(self, body: list[int]) -> tuple[list[tuple[int, Span]], str]:
        """Return the quoted parts of a block quote, and the reader's comment."""
        blocks, words, said = self._blocks, list[tuple[int, Span]](), list[str]()
        deep = min((len(blocks[at].quotes) for at in body), default=0)
        inner = [at for at in body if len(blocks[at].quotes) > deep]
        notes, outer = [at for at in inner if blocks[at].style != blocks[body[0]].style], body
        if notes and notes[0] != body[0]:  # a callout within the quote is the reader's
            outer = [at for at in body if at not in notes]
        elif inner:  # the inner quote is it
            notes, outer = [at for at in body if at > inner[-1]], inner
        cited = False  # whether a link stood behind the words
        for at in outer:
            plain, cites = blocks[at].plain, self._cites.get(at, [])
            for number, (start, end) in enumerate(self._between(at)):
                span = _trimmed(plain, start, end)
                if span is None or not _bare(plain[slice(*span)]):
                    continue
                remark = _REMARK.match(plain)
                if words and (cited or remark or blocks[at].rules > blocks[outer[0]].rules):
                    said.append(remark["words"] if remark else _bare(plain[slice(*span)]))
                    cited = True
                    continue
                words.append((at, span))
                cited = number < len(cites)
        titled = (at for at in notes if at not in self._link_only)
        said += [blocks[at].plain for at in titled if blocks[at].part is not Part.TITLE]
        return words, "\n".join(filter(None, said))

    # --- as highlights ----------------------------------------------------------------------

    def fields(self, found: Quote) -> Json:
        """Return the fields of a quote's highlight."""
        markdown, gaps, markdown_gaps = list[str](), list[Span](), list[Span]()
        cited, colour, length, above = found.citation, "", 0, 0
        for at, (start, end) in found.parts:
            inline, plain = self._blocks[at].inline, self._blocks[at].plain
            text, places = f"```\n{plain[start:end]}\n```", tuple[Span, ...]()
            if self._blocks[at].is_text:
                near = [p for p in inline.phrases if start < p.span[1] and p.span[0] < end]
                colour = colour or next((p.note for p in near if p.sign == "mark" and p.note), "")
                near = [p for p in outermost(near) if p.sign in self._wanted]
                whole = any(_covers(p.span, plain, start, end) for p in near)
                within = [p for p in near if start <= p.span[0] and p.span[1] <= end and not whole]
                text, places = inline.markdown(start, end, within, bold="bold" not in self._wanted)
                gaps += [(p.span[0] + length - start, p.span[1] + length - start) for p in within]
            markdown_gaps += [(low + above, high + above) for low, high in places]
            markdown.append(text)
            length += end - start + 1
            above += len(text) + 2
        key, told = cited.annotation, self._blocks[found.parts[0][0]].style.partition("|")[2]
        told = hex_colour(told.strip().lower())  # `[!quote|#ffd400]`
        return {
            "exact": self._text(found),
            "markdown": ("\n\n".join(markdown),),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": found.comment,
            "colour": colour or cited.colour or (told if told.startswith("#") else ""),
            "page_label": cited.label or cited.page,
            "hints": tuple(
                map(hints.zotero_annotation, (key.rpartition("/")[2], key) if key else ())
            ),
            "links": tuple(filter(None, (opens(link, self._note) for link in cited.links))),
            "beside": found.covers,
        }


def _covers(phrase: Span, plain: str, start: int, end: int) -> bool:
    """Return whether all words of a quote are marked; its quotation marks need not be."""
    return not _WORD.search(plain[start : phrase[0]] + plain[max(phrase[1], start) : end])
