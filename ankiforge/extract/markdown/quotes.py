"""Passages that a note quotes from papers and books, with a link to their place.

Zotero, PDF plug-ins and readers paste such links beside what they quote. A `Citation` is what a
link cites, with the page that its text names. In a paragraph or list item, the quote is in
quotation marks, or marked, or all of the text before the link to its annotation. In a block quote
or callout, it is the text of that. Other text beside it is the reader's comment.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block, BlockKind, Blocks
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.patterns import REMARK_WORD
from ankiforge.extract.markdown.placeholders import may_quote
from ankiforge.extract.markdown.signs import Phrase, hex_colour
from ankiforge.model import Hint, Json, Pair, Span, Strings, hints
from ankiforge.text import regex

_ZOTERO = regex(
    r"""zotero://(?P<what>select|open-pdf|open)/
    (?P<library>library/|groups/(?P<group>\d+)/)?
    (?:items/)?
    (?:\d+_)?  # the number of the library, in old links
    (?:(?P<key>[A-Z0-9]{8})|@(?P<citekey>[^/?#\s]+))
    (?:/(?P<page>\d+))?/?
    (?:\?(?P<query>\S*))?\Z""",
    re.VERBOSE,
)
_ZOTERO_KEY = regex(r"[A-Z0-9]{8}")
_PDF = regex(r"(?i)(?:\[\[)?(?P<path>[^#|]+\.pdf)#(?P<place>[^#\]]+)(?:\]\])?\Z")
_SCHEME = regex(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
# Pandoc's `[see @roe2020, p. 3]`.
_CITEKEY = regex(
    r"\[[^\[\]]{0,200}?"
    r"@(?P<key>[\w][\w:.#$%&+?<>~/-]{0,100})"
    r"[^\[\]]{0,200}\]"
)
_NO_ADDRESS = regex(r"(?i)(?:javascript|data|vbscript|file):|[/#]")

_PAGE_WORD = r"(?:pages?|pp?\.|p(?=\d)|S\.|Seiten?|págs?\.|стр?\.|页|第)"
_PAGE = regex(
    rf"(?i)(?<!\w){_PAGE_WORD}[\s\u00a0]*"
    r"(?P<label>[0-9]+(?:[–-][0-9]+)?|[ivxlc]+\b|[A-Z]?\d+)"
)
_LONE_PAGE = regex(r"\s*\(?(?P<label>\d{1,5}|[ivxlc]{1,7})\)?\s*\Z")
# What may be between two links that cite one place.
_BETWEEN = regex(
    rf"(?i)[\s()\[\],;.·|—–\-:/（），、]{{0,200}}"
    rf"(?:{_PAGE_WORD}|in|from|see)?[\s(\[]{{0,200}}\Z"
)
_OPEN_BRACKET = regex(r"[(\[（]")
_SOURCE_WORD = r"(?:Source|Quelle|Fonte|Fuente|see|from):?"
# What belongs to a link that follows it; they are looked for in this order.
_BEFORE = (
    # an open bracket
    regex(r"(?i)(?:[(\[（][^()\[\]（）“”\"»«]*)\Z"),
    # signs and words that join it to the text
    regex(
        r"(?i)(?:(?:[\s(\[（—–\-·|,;，、]"
        rf"|(?<!\w)(?:{_PAGE_WORD}|{_SOURCE_WORD}))+)\Z"
    ),
    # an attribution, `— Doe 2020`, or the kind of the mark
    regex(
        r"(?i)(?:(?:\s|\A)[—–―]\s?(?=[^—–―]*\d)"
        r"[^—–―“”\".!?]{1,80}(?:p\.[^.!?]{1,12})?"
        r"|(?<=[.!?…。”“\"»」])\s*(?:\w+\s+)?"
        r"(?:highlight|underline|strikeout|annotation)\s*)\Z"
    ),
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

    @property
    def start(self) -> int:
        """Where it starts in the plain text."""
        return self.span[0]

    @property
    def end(self) -> int:
        """Where it ends in the plain text."""
        return self.span[1]

    @property
    def has_place(self) -> bool:
        """Whether it names a page or a passage, not just a paper."""
        return bool(self.exact or self.label or self.page)

    def joined(self, other: Citation) -> Citation:
        """Return one citation with the links and papers of both."""
        end = max(self.end, other.end)
        return Citation(
            span=(self.start, end),
            links=tuple(dict.fromkeys(self.links + other.links)),
            papers=tuple(dict.fromkeys(self.papers + other.papers)),
            annotation=self.annotation or other.annotation,
            page=self.page or other.page,
            label=self.label or other.label,
            colour=self.colour or other.colour,
            words=self.words or other.words,
            exact=self.exact or other.exact,
        )


Citations = dict[Block, list[Citation]]
"""The citations of a note, by block."""


def papers(citations: Citations) -> Iterator[Pair]:
    """Yield the papers to whose passages a note links, as (`quoted-…`, value)."""
    for in_block in citations.values():
        for citation in in_block:
            for scheme, value in citation.papers:
                yield (hints.quoted(scheme), value)


# --- one link -------------------------------------------------------------------------


def _cited_in_zotero(target: str, span: Span) -> Citation | None:
    """Return the citation of a `zotero://` link; None if it is not such a link."""
    address = html.unescape(target).removeprefix("[[").removesuffix("]]")
    link = _ZOTERO.match(address)
    if link is None:
        return None
    group = link["group"]
    library = f"group.{group}" if group else "user"
    if link["citekey"]:
        paper = ("citekey", unquote(link["citekey"]))
    else:
        scheme = "zotero" if link["what"] == "select" else "attachment"
        paper = (scheme, f"{library}/{link['key']}")
    query = parse_qs(link["query"] or "")
    annotation = query.get("annotation", [""])[0]
    is_annotation = _ZOTERO_KEY.fullmatch(annotation) is not None
    return Citation(
        span,
        links=(link[0],),
        papers=(paper,),
        annotation=f"{library}/{annotation}" if is_annotation else "",
        page=query.get("page", [link["page"] or ""])[0],
        exact=is_annotation,
    )


def _cited_in_pdf(target: str, span: Span) -> Citation | None:
    """Return the citation of a page, selection or annotation of a PDF by a link."""
    link = _PDF.match(target)
    if link is None or _SCHEME.match(link["path"]):
        return None
    place = parse_qs(link["place"])
    is_exact = "selection" in place or "annotation" in place
    if not is_exact and "page" not in place:
        return None
    if "rect" in place:
        return None  # a rectangle contains no text to quote
    path = link["path"]
    if not target.startswith("[["):
        path = unquote(path)
    file_name = re.split(r"[/\\]", path)[-1].strip()
    return Citation(
        span,
        links=(target,),
        papers=(("file", file_name),),
        page=place.get("page", [""])[0],
        colour=hex_colour(place.get("color", [""])[0]),
        exact=is_exact,
    )


def address_of(target: str, note_address: str) -> str:
    """Return an address that opens a link's target from outside the vault, or "".

    Args:
        target: the target, as written.
        note_address: the address of the note, `obsidian://open?vault=…&file=…`.
    """
    vault, in_vault, file = note_address.partition("&file=")
    if target.startswith("[["):
        name = target[2:-2].strip()
        if not name or not in_vault:
            return ""
        own_file = file if name.startswith("#") else ""
        return f"{vault}&file={own_file}{quote(name, safe='')}"
    if not target or _NO_ADDRESS.match(target):
        return ""
    if _SCHEME.match(target):
        return target
    if not in_vault:
        return ""
    path = unquote(target).removeprefix("./")
    return f"{vault}&file={quote(path, safe='')}"


# --- the citations of a block ---------------------------------------------------------


def citations_in(block: Block) -> list[Citation]:
    """Return the citations of a block, in order, with the brackets and attributions around them."""
    if not may_quote(block.source) and not block.context.references:
        return []
    plain = block.inline.plain
    extended = []
    previous_end = 0
    for citation in _joined_links(plain, _links_of(block)):
        extended.append(_with_brackets(plain, citation, previous_end))
        previous_end = extended[-1].end
    return extended


def _links_of(block: Block) -> Iterator[Citation]:
    """Yield the citation of each link and citekey of a block; other links have no papers."""
    plain = block.inline.plain
    for span, target in block.inline.targets:
        if "zotero://" in target:
            citation = _cited_in_zotero(target, span)
        else:
            citation = _cited_in_pdf(target, span)
        yield _with_words(plain, citation) if citation else Citation(span)
    if "[@" not in plain:
        return
    for citekey in _CITEKEY.finditer(plain):
        paper = ("citekey", citekey["key"].rstrip(".,;:"))
        label = _page_label(citekey[0])
        yield Citation(citekey.span(), papers=(paper,), label=label)


def _with_words(plain: str, citation: Citation) -> Citation:
    """Return a citation with the text of its link: the quoted words, or the label of the page."""
    text = plain[citation.start : citation.end]
    words = quoted_at_end(plain, *citation.span)
    scheme, name = citation.papers[0]
    if words is None and citation.exact and scheme == "file" and len(text) > _LONG:
        if name.rpartition(".")[0] not in text:
            words = citation.span
    if words:
        return citation._replace(words=words, label="")
    page = _LONE_PAGE.match(text)
    return citation._replace(label=page["label"] if page else _page_label(text))


def _joined_links(plain: str, links: Iterator[Citation]) -> list[Citation]:
    """Return the links to papers, joined with those beside them, as to a DOI; drop others."""
    citations: list[Citation] = []
    for link in sorted(links, key=lambda link: link.span):
        if citations:
            end = citations[-1].end
            if link.start < end or _BETWEEN.match(plain[end : link.start]):
                citations[-1] = citations[-1].joined(link)
                continue
        if link.papers:
            citations.append(link)
    return citations


def _with_brackets(plain: str, citation: Citation, previous_end: int) -> Citation:
    """Return a citation with the brackets around it and the attribution before it."""
    start, end = citation.span
    for pattern in _BEFORE:
        searched_from = max(previous_end, start - _NEAR)
        before = pattern.search(plain[searched_from:start])
        if before:
            start = searched_from + before.start()
    if _OPEN_BRACKET.search(plain, start, end):
        after = plain[end:]
        end += len(after) - len(after.lstrip(")]）"))
    label = citation.label or _page_label(plain[start:end])
    return citation._replace(span=(start, end), label=label)


def _page_label(text: str) -> str:
    """Return the label of the page that a text names, "" if it names none."""
    page = _PAGE.search(text)
    return page["label"] if page else ""


# --- quotation marks and remarks ------------------------------------------------------


_OPENERS_OF = {
    "”": "“„",
    "“": "„",
    "»": "«",
    "«": "»",
    "」": "「",
    "』": "『",
    "›": "‹",
    '"': '"',
}
"""The closing quotation marks, each with those that open it."""

_REMARK_SIGN = r"[💬📝✏🗨🗒✍]\ufe0f?\s*"
REMARK = regex(
    rf"(?is)\s*(?:{_REMARK_SIGN}|(?:my\s+|own\s+)?(?:{REMARK_WORD})\s*[:：]\s*)"
    r"(?P<words>.*)\Z"
)
"""A text that a sign or a word introduces as a comment."""

# A comment of Obsidian on one line, and what Zotero Integration writes into some.
_COMMENT = regex(r"%%(?P<words>[^%\n]+)%%")
_COMMENT_LINE = regex(r"[\s>*+-]*%%")
_DIRECTIVE = regex(r"(?i)\s*(?:(?:begin|end)\s+\w+|import date:.*)\s*\Z")
_WORD = regex(r"\w")
# Punctuation between a quote or its link and the comment after it.
_GLUE = regex(r"\A[\s.,;:)\]–—\-·|@。，、；：）]+")
# What plugins and people put before a quote: 📌, 💬, ☐, →. A sign of mathematics, as in "≤ 5 %",
# belongs to the words.
_PICTOGRAMS = regex(
    r"(?:[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\u3030\ufe0f\u200d\U0001f000-\U0001faff]|\s)+"
)
# What may follow the quotation mark that ends a text.
_ENDING = " \n.,;:!?…。，、！？"


def has_words(text: str) -> bool:
    """Return whether a text contains a letter or a digit."""
    return _WORD.search(text) is not None


def as_comment(text: str) -> str:
    """Return a text without leading punctuation, "" if it has no words."""
    return _GLUE.sub("", text, count=1).strip() if has_words(text) else ""


def trimmed_words(plain: str, start: int, end: int) -> Span | None:
    """Drop blanks at the ends and pictograms at the start; None if no words are left."""
    pictograms = _PICTOGRAMS.match(plain, start, end)
    if pictograms:
        start = pictograms.end()
    end = start + len(plain[start:end].rstrip())
    return (start, end) if (_WORD.search(plain, start, end) is not None) else None


def quoted_at_end(plain: str, start: int, end: int) -> Span | None:
    """Return the text in quotation marks at the end of a span, None if there is none."""
    end = start + len(plain[start:end].rstrip(_ENDING))
    closer = plain[end - 1] if end > start else ""
    openers = _OPENERS_OF.get(closer)
    if openers is None:
        return None
    depth = 1
    for index in range(end - 2, start - 1, -1):
        sign = plain[index]
        if sign in openers:
            depth -= 1
        elif sign == closer:
            depth += 1
        if depth == 0:
            return trimmed_words(plain, index + 1, end - 1)
    return None


# --- quotes --------------------------------------------------------------------------------

# Types of callouts that are used for quotes.
_QUOTING = regex(r"(?i)quote|cite|zitat|highlight|annotation|excerpt|pdf")
_SENTENCE_END = '.!?…”"»“«」。！？'
_CLOSING = '”"»“」』'
# Words of a text from which it is a quote, if its link leads to an annotation.
_FEWEST_WORDS = 3
# Pieces of a quote are joined by a line end in its text, and in its Markdown by this.
_BETWEEN_PIECES = "\n\n"
_HEX = regex("#.*")


class QuotePiece(NamedTuple):
    """The part of a quote in one block."""

    block: Block
    start: int
    """[start, end) in its plain text, without quotation marks."""
    end: int

    @property
    def text(self) -> str:
        """Its plain text."""
        return self.block.plain[self.start : self.end]

    @property
    def phrases(self) -> list[Phrase]:
        """The marked phrases that overlap it."""
        return [one for one in self.block.inline.phrases if self.overlaps(one.span)]

    def overlaps(self, span: Span) -> bool:
        """Return whether the citation overlaps a span of its block."""
        start, end = span
        return self.start < end and start < self.end

    def gaps(self, wanted_marks: frozenset[str]) -> list[Phrase]:
        """Return the wanted marks inside it, [] if one is all of it but quotation marks."""
        plain = self.block.plain
        marks = [one for one in outermost(self.phrases) if one.sign in wanted_marks]
        for mark in marks:
            before = plain[self.start : mark.start]
            after = plain[max(mark.end, self.start) : self.end]
            if not has_words(before + after):
                return []
        return [one for one in marks if self.start <= one.start and one.end <= self.end]


class Quote(NamedTuple):
    """One passage, from its first to its last block."""

    pieces: tuple[QuotePiece, ...]
    """Of each of its blocks, in order."""
    citation: Citation
    comment: str = ""
    covers: tuple[Block, ...] = ()
    """Further blocks that belong to it: titles, comments, links."""

    @property
    def text(self) -> str:
        """Its plain text."""
        return "\n".join([piece.text for piece in self.pieces])

    def fields(self, wanted_marks: frozenset[str], note_address: str) -> Json:
        """Return the fields of the highlight that it becomes.

        Args:
            wanted_marks: the marks that make highlights.
            note_address: opens the note in Obsidian.
        """
        markdown: list[str] = []
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        colours: list[str] = []
        length = 0
        markdown_length = 0
        for piece in self.pieces:
            colours += [one.note for one in piece.phrases if one.sign == "mark"]
            inside = piece.gaps(wanted_marks)
            text = f"```\n{piece.text}\n```"
            spans: tuple[Span, ...] = ()
            if piece.block.is_text:
                text, spans = piece.block.inline.markdown(
                    piece.start, piece.end, inside, bold="bold" not in wanted_marks
                )
            markdown.append(text)
            moved_by = length - piece.start
            gaps += [(one.start + moved_by, one.end + moved_by) for one in inside]
            for start, end in spans:
                markdown_gaps.append((start + markdown_length, end + markdown_length))
            length += len(piece.text) + len("\n")
            markdown_length += len(text) + len(_BETWEEN_PIECES)

        citation = self.citation
        colours.append(citation.colour)
        # a callout may name one: `quote|#ffd400`
        _, _, option = self.pieces[0].block.style.partition("|")
        colours += _HEX.findall(hex_colour(option.strip().lower()))
        known: tuple[Hint, ...] = ()
        if citation.annotation:
            _, _, key = citation.annotation.rpartition("/")
            known = (
                hints.zotero_annotation(key),
                hints.zotero_annotation(citation.annotation),
            )
        addresses = [address_of(link, note_address) for link in citation.links]
        return {
            "exact": self.text,
            "markdown": (_BETWEEN_PIECES.join(markdown),),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": self.comment,
            "colour": next(filter(None, colours), ""),
            "page_label": citation.label or citation.page,
            "hints": known,
            "links": tuple(filter(None, addresses)),
        }


@dataclass
class _Group:
    """The blocks of an outermost block quote, or a block outside of any."""

    blocks: list[Block]
    link: Block | None = None
    """The line below or above it that contains only its link."""

    @property
    def is_quote(self) -> bool:
        """Whether it is a block quote."""
        return bool(self.blocks[0].quotes)

    @property
    def with_link(self) -> tuple[Block, ...]:
        """Its blocks, and the line with its link."""
        return (*self.blocks, self.link) if self.link else tuple(self.blocks)


class Quotes:
    """The quotes of a note, by the block in which they start."""

    def __init__(
        self,
        note: Blocks,
        citations: Citations,
        wanted_marks: frozenset[str],
        is_card: Callable[[Block], object],
        body: str = "",
    ) -> None:
        """Find the quotes of a note.

        Args:
            note: its blocks.
            citations: its citations.
            wanted_marks: the marks that make highlights.
            is_card: returns whether a block is a card.
            body: the source of the note, with its comments.
        """
        self._note = note
        self._lines = body.split("\n") if "%%" in body else []
        self.starts: dict[Block, dict[int, Quote]] = {}
        """By block and offset in the block."""
        self.covered: set[Block] = set()
        """The blocks that belong to a quote."""
        self._pieces: dict[Block, list[QuotePiece]] = {}
        """The quoted pieces of each block."""
        self.unclear: list[Block] = []
        """Blocks in block quotes of which it is unclear which words their links are about."""
        if not citations:
            return
        self._cards = frozenset(filter(is_card, note.blocks))
        self._citations = {
            block: cited for block, cited in citations.items() if block not in self._cards
        }
        self._link_only = set(filter(self._has_only_links, self._citations))
        """The blocks without words besides those of their links."""
        for group in self._groups():
            quotes: list[Quote] = []
            if group.is_quote:
                quotes = self._in_group(group)
            if not quotes:
                for block in group.blocks:
                    in_block = self._in_block(block)
                    quotes += in_block
                    if not in_block and self._is_unclear(block):
                        self.unclear.append(block)
            for found in quotes:
                self._take(found, wanted_marks)

    def _has_only_links(self, block: Block) -> bool:
        if block.part is BlockKind.HEADING or block.inline.is_footnote:
            return False
        if any(citation.words for citation in self._citations[block]):
            return False
        texts = self._texts_between(block)
        return not any(as_comment(block.plain[start:end]) for start, end in texts)

    def _groups(self) -> Iterator[_Group]:
        """Yield the outermost block quotes, each with the line beside it that is its link."""
        groups: list[_Group] = []
        for block in self._note.blocks:
            last = groups[-1].blocks[-1] if groups else None
            if last and block.quotes and block.quotes[:1] == last.quotes[:1]:
                groups[-1].blocks.append(block)
            else:
                groups.append(_Group([block]))

        free_links = {block for block in self._link_only if not block.quotes}
        for group in groups:
            if group.is_quote and self._citations.keys().isdisjoint(group.blocks):
                above = self._note.above(group.blocks[0])
                below = self._note.below(group.blocks[-1])
                for beside in (below, above):
                    if beside in free_links:
                        free_links.remove(beside)
                        group.link = beside
                        break
            yield group

    def _is_unclear(self, block: Block) -> bool:
        """Return whether a block has a link to a passage of Zotero, but no quote.

        In a block quote, a link to any place counts.
        """
        is_in_quote = block.quotes and not block.style and block not in self._link_only
        for citation in self._citations.get(block, ()):
            if citation.annotation or (
                is_in_quote and citation.links and citation.has_place
            ):
                return True
        return False

    def _take(self, quote: Quote, wanted_marks: frozenset[str]) -> None:
        """Add a quote, unless it is a remark, or a highlight with a citekey alone."""
        first = quote.pieces[0]
        last = quote.pieces[-1]
        hidden = self._hidden_comment(first.block, (last.block, *quote.covers)[-1])
        quote = quote._replace(comment=_joined(quote.comment, hidden))
        if REMARK.match(first.block.plain[: first.start] + quote.text):
            return
        signs: set[str] = set()
        for piece in quote.pieces:
            signs.update(phrase.sign for phrase in piece.block.inline.phrases)
            if piece.block.callouts:
                signs.add("callout")
        if not quote.citation.links and not signs.isdisjoint(wanted_marks):
            return

        self.starts.setdefault(first.block, {})[first.start] = quote
        self.covered.update(self._note.up_to(first.block, last.block))
        self.covered.update(quote.covers)
        for piece in quote.pieces:
            self._pieces.setdefault(piece.block, []).append(piece)

    def _hidden_comment(self, first: Block, last: Block) -> str:
        """Return the comment that a template writes between `%%`, in a quote or right below it."""
        start, end = first.lines[0], last.lines[1]
        lines = self._lines[start:end]
        if self._lines[end : end + 1] and _COMMENT_LINE.match(self._lines[end]):
            lines.append(self._lines[end])
        comments = []
        for line in lines:
            for comment in _COMMENT.finditer(line):
                words = comment["words"]
                remark = REMARK.match(words)
                if not _DIRECTIVE.match(words):
                    comments.append(remark["words"] if remark else words.strip())
        return _joined(*comments)

    def hold(self, block: Block, span: Span) -> bool:
        """Return whether a quote overlaps a span of a block."""
        return any(piece.overlaps(span) for piece in self._pieces.get(block, ()))

    def _texts_between(self, block: Block) -> list[Span]:
        """Return the texts before, between and after the citations of a block."""
        edges = [0]
        for citation in self._citations.get(block, ()):
            edges.extend(citation.span)
        edges.append(len(block.plain))
        return list(pairwise(edges))[::2]

    # --- paragraphs and list items ----------------------------------------------------

    def _in_block(self, block: Block) -> list[Quote]:
        """Return the quotes of one block, each before its link."""
        if block.part is BlockKind.HEADING or block in self._link_only:
            return []
        linked = [one for one in self._citations.get(block, ()) if one.links]
        quotes = []
        text_start = 0
        for citation in linked:
            before = trimmed_words(block.plain, text_start, citation.start)
            text_start = citation.end
            quoted = citation.words
            if before and not quoted:
                quoted = quoted_at_end(block.plain, *before)
            if before and not quoted and self._is_quote_alone(block, before, linked):
                quoted = before
            if quoted:
                quotes.append(Quote((QuotePiece(block, *quoted),), citation))
        if len(quotes) != 1:
            return quotes
        return [self._with_comment(quotes[0], linked)]

    def _is_quote_alone(
        self, block: Block, words: Span, linked: Sequence[Citation]
    ) -> bool:
        """Return whether words without quotation marks are quoted: nothing else stands beside them.

        Their link leads to an annotation.
        """
        if len(linked) > 1 or not linked[0].annotation or block.part is BlockKind.TITLE:
            return False
        after = as_comment(block.plain[linked[0].end :])
        if _marked_spans(block) or (after and not REMARK.match(after)):
            return False
        return len(block.plain[slice(*words)].split()) >= _FEWEST_WORDS

    def _with_comment(self, quote: Quote, linked: Sequence[Citation]) -> Quote:
        """Return the only quote of a block with the reader's words about it, if it begins there.

        They are the text after it, and the items below it.
        """
        [piece] = quote.pieces
        block = piece.block
        if as_comment(block.plain[: min(piece.start, linked[0].start)]):
            return quote
        end = max(piece.end, linked[-1].end)
        after = as_comment(block.plain[end:].lstrip(_CLOSING))
        remark = REMARK.match(after)
        after = remark["words"] if remark else after
        items = self._comments_below(block) if block.items else ()
        comment = _joined(after, *(item.plain for item in items))
        return quote._replace(comment=comment, covers=items)

    def _comments_below(self, item: Block) -> tuple[Block, ...]:
        """Return the items within an item; () if any of them has marks, links, or a card."""
        items: list[Block] = []
        below = self._note.below(item)
        while below and item.items[-1] in below.items:
            if below in self._cards or below in self._citations or below.sides:
                return ()
            if not below.is_text or _marked_spans(below):
                return ()
            items.append(below)
            below = self._note.below(below)
        return tuple(items)

    # --- block quotes and callouts ----------------------------------------------------

    def _in_group(self, group: _Group) -> list[Quote]:
        """Return the quotes of one block quote, [] if its blocks are read one by one."""
        # blocks with both links and words cite the same, at their ends
        citing = []
        for block in group.blocks:
            if block in self._citations and block not in self._link_only:
                citing.append(block)
        if len({self._citations[block][0].links for block in citing}) > 1:
            return []
        for block in citing:
            places = {cited.annotation for cited in self._citations[block]}
            if len(places - {""}) > 1:
                return []
        citation = self._cited_by(group.with_link)
        if citation is None or not all(map(self._ends_a_quote, citing)):
            return []

        # a callout is one if it is used for quotes, or its link leads to a page or a passage
        style = group.blocks[0].style
        if style and not citation.has_place and not _QUOTING.search(style):
            return []
        body = [block for block in group.blocks if block.part is not BlockKind.TITLE]
        if not self._cards.isdisjoint(body):
            return []
        is_cited = not self._citations.keys().isdisjoint(group.blocks)
        pieces, comment = self._words_and_comment(body, is_cited=is_cited)
        if not pieces:
            return []
        return [Quote(_without_marks(pieces), citation, comment, group.with_link)]

    def _cited_by(self, blocks: Sequence[Block]) -> Citation | None:
        """Return the citations of some blocks joined into one; None if none names a place."""
        citations: list[Citation] = []
        for block in blocks:
            citations.extend(self._citations.get(block, ()))
        if not any(citation.links or citation.label for citation in citations):
            return None
        return reduce(Citation.joined, citations)

    def _ends_a_quote(self, block: Block) -> bool:
        """Return whether the links of a block are before or after its text."""
        citations = self._citations[block]
        if block.part is BlockKind.TITLE:
            return any(citation.exact for citation in citations)
        for citation in citations:
            if not as_comment(block.plain[citation.end :]):
                continue
            # the link is separate from the words after it if it ends a line or a sentence,
            # or is in brackets
            end = citation.end
            before = as_comment(block.plain[: citation.start])
            if not citation.exact:
                return False
            if not (
                block.plain[end : end + 1] == ":"
                or block.inline.breaks(end)
                or block.plain[citation.start] in "(（"
                or before[-1:] in tuple(_SENTENCE_END)
            ):  # it is in the words, not apart from them
                return False
        return True

    def _words_and_comment(
        self, body: Sequence[Block], *, is_cited: bool
    ) -> tuple[list[QuotePiece], str]:
        """Return the quoted pieces of a block quote, and the reader's comment.

        What follows a link, is below a rule, or begins like a remark is a comment. So is a
        quote within it that follows words whose link, as the title's, is before it.
        """
        quoting, commenting = _quoting_and_commenting(body)
        first = next((block for block in body if block not in self._link_only), None)
        if is_cited and first and first not in quoting:
            before = [block for block in body if block.number < quoting[0].number]
            if self._citations.keys().isdisjoint(body[len(before) :]):
                quoting, commenting = before, body[len(before) :]
        pieces: list[QuotePiece] = []
        comments: list[str] = []
        # whether a link or a comment followed the words
        is_quote_over = False
        for block in quoting:
            is_below_rule = block.rules > quoting[0].rules
            remark = REMARK.match(block.plain)
            link_count = len(self._citations.get(block, ()))
            for number, between in enumerate(self._texts_between(block)):
                span = trimmed_words(block.plain, *between)
                words = as_comment(block.plain[slice(*span)]) if span else ""
                if span is None or not words:
                    continue
                if pieces and (is_quote_over or remark or is_below_rule):
                    comments.append(remark["words"] if remark else words)
                    is_quote_over = True
                else:
                    pieces.append(QuotePiece(block, *span))
                    is_quote_over = number < link_count
        for block in commenting:
            if block not in self._link_only and block.part is not BlockKind.TITLE:
                comments.append(block.plain)
        return pieces, _joined(*comments)


def _quoting_and_commenting(
    body: Sequence[Block],
) -> tuple[Sequence[Block], Sequence[Block]]:
    """Return the blocks of a block quote that quote, and those that are the reader's.

    A callout within it is the reader's. A quote within it is the quote, and the blocks behind
    that are the reader's.
    """
    outer_depth = min((len(block.quotes) for block in body), default=0)
    inner = [block for block in body if len(block.quotes) > outer_depth]
    callouts = [block for block in inner if block.style != body[0].style]
    if callouts and callouts[0] is not body[0]:
        return [block for block in body if block not in callouts], callouts
    quoting = inner or body
    return quoting, [block for block in body if block.number > quoting[-1].number]


def _marked_spans(block: Block) -> list[Span]:
    """Return the outermost highlights of a block, whether wanted or not."""
    marks = [one for one in block.inline.phrases if one.sign in ("==", "mark")]
    return [phrase.span for phrase in outermost(marks)]


def _without_marks(pieces: Sequence[QuotePiece]) -> tuple[QuotePiece, ...]:
    """Return the pieces of a quote without the quotation marks around the whole."""
    first, last = pieces[0], pieces[-1]
    plain = first.block.plain
    if len(pieces) == 1:
        quoted = quoted_at_end(plain, first.start, first.end)
        if quoted and not as_comment(plain[first.start : quoted[0]]):
            return (QuotePiece(first.block, *quoted),)
    closer = last.text[-1]
    if plain[first.start] not in _OPENERS_OF.get(closer, ""):
        return tuple(pieces)
    if first is last:  # it keeps its opening mark
        return (first._replace(end=first.end - 1),)
    unquoted = last._replace(end=last.end - 1)
    return (first._replace(start=first.start + 1), *pieces[1:-1], unquoted)


def _joined(*texts: str) -> str:
    """Join the texts that are not empty, one per line."""
    return "\n".join(filter(None, texts))
