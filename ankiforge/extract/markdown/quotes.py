"""Find passages that a note quotes from papers and books, with a link to their location.

Zotero, PDF plug-ins and reading apps paste such links next to the quoted text. A `Citation` holds
what a link cites and the page named by the link text. In a paragraph or list item, a quote is
either text in quotation marks, or all the text before a link to an annotation. A block quote or
callout is a quote as a whole. The rest of its text, or of the paragraph, is the reader's comment.
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

from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.forms import REMARK_WORD, may_have_citations
from ankiforge.extract.markdown.inline import select_outermost
from ankiforge.extract.markdown.markup import MarkedPhrase, normalize_colour
from ankiforge.model import Hint, Json, Pair, Span, Strings, hints
from ankiforge.text import regex

_ZOTERO_LINK = regex(
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
_PDF_LINK = regex(r"(?i)(?:\[\[)?(?P<path>[^#|]+\.pdf)#(?P<place>[^#\]]+)(?:\]\])?\Z")
_URL_SCHEME = regex(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
# A citation in the syntax of Pandoc, such as `[see @roe2020, p. 3]`.
_CITEKEY = regex(
    r"\[[^\[\]]{0,200}?"
    r"@(?P<key>[\w][\w:.#$%&+?<>~/-]{0,100})"
    r"[^\[\]]{0,200}\]"
)
_NOT_OPENABLE = regex(r"(?i)(?:javascript|data|vbscript|file):|[/#]")

_PAGE_WORD = r"(?:pages?|pp?\.|p(?=\d)|S\.|Seiten?|págs?\.|стр?\.|页|第)"
_PAGE = regex(
    rf"(?i)(?<!\w){_PAGE_WORD}[\s\u00a0]*"
    r"(?P<label>[0-9]+(?:[–-][0-9]+)?|[ivxlc]+\b|[A-Z]?\d+)"
)
_PAGE_NUMBER_ONLY = regex(r"\s*\(?(?P<label>\d{1,5}|[ivxlc]{1,7})\)?\s*\Z")
# The text that may stand between two links that cite the same location.
_BETWEEN_LINKS = regex(
    rf"(?i)[\s()\[\],;.·|—–\-:/（），、]{{0,200}}"
    rf"(?:{_PAGE_WORD}|in|from|see)?[\s(\[]{{0,200}}\Z"
)
_OPEN_BRACKET = regex(r"[(\[（]")
_SOURCE_WORD = r"(?:Source|Quelle|Fonte|Fuente|see|from):?"
# Patterns for text that belongs to the link after it, in the order they are applied.
_LINK_PREFIXES = (
    # an open bracket
    regex(r"(?i)(?:[(\[（][^()\[\]（）“”\"»«]*)\Z"),
    # punctuation and words that introduce the link
    regex(
        r"(?i)(?:(?:[\s(\[（—–\-·|,;，、]"
        rf"|(?<!\w)(?:{_PAGE_WORD}|{_SOURCE_WORD}))+)\Z"
    ),
    # an attribution, `— Doe 2020`, or the kind of annotation
    regex(
        r"(?i)(?:(?:\s|\A)[—–―]\s?(?=[^—–―]*\d)"
        r"[^—–―“”\".!?]{1,80}(?:p\.[^.!?]{1,12})?"
        r"|(?<=[.!?…。”“\"»」])\s*(?:\w+\s+)?"
        r"(?:highlight|underline|strikeout|annotation)\s*)\Z"
    ),
)
# The number of characters before a link that are searched for such text.
_MAX_PREFIX_CHARS = 200
# A link text with more characters than this is the quote, not just a name for the link.
_MAX_LINK_NAME_CHARS = 40


class Citation(NamedTuple):
    """One or more adjacent links that cite the same location in a paper or book."""

    span: Span
    """The span in the plain text of the block, including any brackets."""
    links: Strings = ()
    """The link targets as written."""
    paper_identifiers: tuple[Pair, ...] = ()
    """(scheme, value) of each cited paper. The schemes are `zotero`, `attachment`, `citekey`
    and `file`."""
    annotation: str = ""
    """The key of the cited Zotero annotation, as `user/KEY` or `group.<id>/KEY`, or ""."""
    page: str = ""
    """The cited page's number in the file, counted from 1, or ""."""
    page_label: str = ""
    """The printed page label that the link text names, or ""."""
    colour: str = ""
    quote_span: Span | None = None
    """The span of the quoted text if it is part of the link text, or None."""
    cites_passage: bool = False
    """Whether the link leads to a passage, and not just to a page or a whole paper."""

    @property
    def start(self) -> int:
        """The start offset in the block's plain text."""
        return self.span[0]

    @property
    def end(self) -> int:
        """The end offset in the block's plain text."""
        return self.span[1]

    @property
    def has_location(self) -> bool:
        """Whether the citation points to a page or passage rather than just a paper."""
        return bool(self.cites_passage or self.page_label or self.page)

    def merge(self, other: Citation) -> Citation:
        """Combine two adjacent citations, preferring values from `self` where both are set."""
        end = max(self.end, other.end)
        return Citation(
            span=(self.start, end),
            links=tuple(dict.fromkeys(self.links + other.links)),
            paper_identifiers=tuple(
                dict.fromkeys(self.paper_identifiers + other.paper_identifiers)
            ),
            annotation=self.annotation or other.annotation,
            page=self.page or other.page,
            page_label=self.page_label or other.page_label,
            colour=self.colour or other.colour,
            quote_span=self.quote_span or other.quote_span,
            cites_passage=self.cites_passage or other.cites_passage,
        )


CitationsByBlock = dict[Block, list[Citation]]
"""The citations in each block that contains any."""


def iter_paper_identifiers(citations: CitationsByBlock) -> Iterator[Pair]:
    """Yield (`quoted-<scheme>`, value) for each paper that a note cites."""
    for block_citations in citations.values():
        for citation in block_citations:
            for scheme, value in citation.paper_identifiers:
                yield (hints.make_quoted_scheme(scheme), value)


# --- one link -------------------------------------------------------------------------


def _parse_zotero_link(target: str, span: Span) -> Citation | None:
    url = html.unescape(target).removeprefix("[[").removesuffix("]]")
    link = _ZOTERO_LINK.match(url)
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
        paper_identifiers=(paper,),
        annotation=f"{library}/{annotation}" if is_annotation else "",
        page=query.get("page", [link["page"] or ""])[0],
        cites_passage=is_annotation,
    )


def _parse_pdf_link(target: str, span: Span) -> Citation | None:
    """Parse a link to a page, selection or annotation in a PDF, or return None."""
    link = _PDF_LINK.match(target)
    if link is None or _URL_SCHEME.match(link["path"]):
        return None
    fragment = parse_qs(link["place"])
    is_exact = "selection" in fragment or "annotation" in fragment
    if not is_exact and "page" not in fragment:
        return None
    if "rect" in fragment:
        return None  # a rectangle has no text to quote
    path = link["path"]
    if not target.startswith("[["):
        path = unquote(path)
    file_name = re.split(r"[/\\]", path)[-1].strip()
    return Citation(
        span,
        links=(target,),
        paper_identifiers=(("file", file_name),),
        page=fragment.get("page", [""])[0],
        colour=normalize_colour(fragment.get("color", [""])[0]),
        cites_passage=is_exact,
    )


def to_openable_url(target: str, note_url: str) -> str:
    """Convert a link target to a URL that works outside the vault, or "" if there's none.

    Args:
        target: the link target as written in the note.
        note_url: the URL that opens the note, `obsidian://open?vault=…&file=…`.
    """
    vault, has_file, file = note_url.partition("&file=")
    if target.startswith("[["):
        name = target[2:-2].strip()
        if not name or not has_file:
            return ""
        own_file = file if name.startswith("#") else ""
        return f"{vault}&file={own_file}{quote(name, safe='')}"
    if not target or _NOT_OPENABLE.match(target):
        return ""
    if _URL_SCHEME.match(target):
        return target
    if not has_file:
        return ""
    path = unquote(target).removeprefix("./")
    return f"{vault}&file={quote(path, safe='')}"


# --- the citations of a block ---------------------------------------------------------


def find_citations(block: Block) -> list[Citation]:
    """Find the citations in a block, in order.

    Their spans include any enclosing brackets and preceding attribution.
    """
    if not may_have_citations(block.source) and not block.context.link_labels:
        return []
    plain = block.inline.plain
    citations = []
    previous_end = 0
    for citation in _merge_adjacent_links(plain, _iter_link_citations(block)):
        citations.append(_extend_to_brackets(plain, citation, previous_end))
        previous_end = citations[-1].end
    return citations


def _iter_link_citations(block: Block) -> Iterator[Citation]:
    """Yield a citation for each link and citekey in a block.

    For links that don't lead to a paper, `paper_identifiers` is empty.
    """
    plain = block.inline.plain
    for span, target in block.inline.targets:
        if "zotero://" in target:
            citation = _parse_zotero_link(target, span)
        else:
            citation = _parse_pdf_link(target, span)
        yield _parse_link_text(plain, citation) if citation else Citation(span)
    for match in _CITEKEY.finditer(plain):
        paper = ("citekey", match["key"].rstrip(".,;:"))
        label = _parse_page_label(match[0])
        yield Citation(match.span(), paper_identifiers=(paper,), page_label=label)


def _parse_link_text(plain: str, citation: Citation) -> Citation:
    """Extract a citation's quoted text or page label from its link text."""
    text = plain[citation.start : citation.end]
    quoted = find_quote_at_end(plain, *citation.span)
    scheme, name = citation.paper_identifiers[0]
    is_long = len(text) > _MAX_LINK_NAME_CHARS
    if quoted is None and citation.cites_passage and scheme == "file" and is_long:
        if name.rpartition(".")[0] not in text:
            quoted = citation.span
    if quoted:
        return citation._replace(quote_span=quoted, page_label="")
    page = _PAGE_NUMBER_ONLY.match(text)
    return citation._replace(
        page_label=page["label"] if page else _parse_page_label(text)
    )


def _merge_adjacent_links(plain: str, links: Iterator[Citation]) -> list[Citation]:
    """Merge links to papers with the links and citekeys next to them, and drop the rest."""
    citations: list[Citation] = []
    for link in sorted(links, key=lambda link: link.span):
        if citations:
            end = citations[-1].end
            if link.start < end or _BETWEEN_LINKS.match(plain[end : link.start]):
                citations[-1] = citations[-1].merge(link)
                continue
        if link.paper_identifiers:
            citations.append(link)
    return [citation for citation in citations if citation.links]


def _extend_to_brackets(plain: str, citation: Citation, previous_end: int) -> Citation:
    """Extend a citation to cover any enclosing brackets and preceding attribution.

    It's never extended back beyond `previous_end`, where the previous citation ends.
    """
    start, end = citation.span
    for pattern in _LINK_PREFIXES:
        search_start = max(previous_end, start - _MAX_PREFIX_CHARS)
        prefix = pattern.search(plain[search_start:start])
        if prefix:
            start = search_start + prefix.start()
    if _OPEN_BRACKET.search(plain, start, end):
        text_after = plain[end:]
        end += len(text_after) - len(text_after.lstrip(")]）"))
    label = citation.page_label or _parse_page_label(plain[start:end])
    return citation._replace(span=(start, end), page_label=label)


def _parse_page_label(text: str) -> str:
    page = _PAGE.search(text)
    return page["label"] if page else ""


# --- quotation marks and remarks ------------------------------------------------------


_OPENERS_BY_CLOSER = {
    "”": "“„",
    "“": "„",
    "»": "«",
    "«": "»",
    "」": "「",
    "』": "『",
    "›": "‹",
    '"': '"',
}
"""Maps each closing quotation mark to its possible opening marks."""

_REMARK_EMOJI = r"[💬📝✏🗨🗒✍]\ufe0f?\s*"
REMARK_TEXT = regex(
    rf"(?is)\s*(?:{_REMARK_EMOJI}|(?:my\s+|own\s+)?(?:{REMARK_WORD})\s*[:：]\s*)"
    r"(?P<words>.*)\Z"
)
"""A reader's comment that begins with an emoji or a word such as `Note:`."""

_WORD = regex(r"\w")
# The punctuation between a quote, or its link, and the comment that follows.
_LEADING_PUNCTUATION = regex(r"\A[\s.,;:)\]–—\-·|@。，、；：）]+")
# Symbols that plug-ins and people put before a quote, such as 📌, 💬, ☐ or →. They don't
# include mathematical signs, such as ≤, which are part of the quote.
_PICTOGRAMS = regex(
    r"(?:[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\u3030\ufe0f\u200d\U0001f000-\U0001faff]|\s)+"
)
# The characters that may follow a closing quotation mark.
_TRAILING_PUNCTUATION = " \n.,;:!?…。，、！？"


def has_words(text: str) -> bool:
    """Return whether the text contains at least one letter or digit."""
    return _WORD.search(text) is not None


def clean_comment(text: str) -> str:
    """Strip leading punctuation from a comment, returning "" if it contains no words."""
    return _LEADING_PUNCTUATION.sub("", text, count=1).strip() if has_words(text) else ""


def trim_quote(plain: str, start: int, end: int) -> Span | None:
    """Trim whitespace from both ends of a span, and pictograms from its start.

    Returns None if there are no words left.
    """
    pictograms = _PICTOGRAMS.match(plain, start, end)
    if pictograms:
        start = pictograms.end()
    end = start + len(plain[start:end].rstrip())
    return (start, end) if (_WORD.search(plain, start, end) is not None) else None


def find_quote_at_end(plain: str, start: int, end: int) -> Span | None:
    """Return the span inside the quotation marks at the end of [start, end).

    Returns None if the text doesn't end with a closing quotation mark.
    """
    end = start + len(plain[start:end].rstrip(_TRAILING_PUNCTUATION))
    closer = plain[end - 1] if end > start else ""
    openers = _OPENERS_BY_CLOSER.get(closer)
    if openers is None:
        return None
    depth = 1
    for index in range(end - 2, start - 1, -1):
        character = plain[index]
        if character in openers:
            depth -= 1
        elif character == closer:
            depth += 1
        if depth == 0:
            return trim_quote(plain, index + 1, end - 1)
    return None


# --- quotes --------------------------------------------------------------------------------

# Words in the types of callouts that people use for quotes.
_QUOTE_CALLOUT = regex(r"(?i)quote|cite|zitat|highlight|annotation|excerpt|pdf")
_SENTENCE_END = '.!?…”"»“«」。！？'
_CLOSING_MARKS = '”"»“」』'
# The fewest words in a quote without quotation marks before a link to an annotation.
_MIN_QUOTE_WORDS = 3
# Joins the pieces of a quote in Markdown. In plain text, a line feed joins them.
_PIECE_SEPARATOR = "\n\n"
_HEX_COLOUR = regex("#.*")


class QuotePiece(NamedTuple):
    """The portion of a quote within a single block."""

    block: Block
    start: int
    """[start, end) is the span in the block's plain text, without quotation marks."""
    end: int

    @property
    def text(self) -> str:
        """The plain text of this portion."""
        return self.block.plain[self.start : self.end]

    @property
    def phrases(self) -> list[MarkedPhrase]:
        """The block's marked phrases that overlap this portion of the quote."""
        phrases = self.block.inline.phrases
        return [phrase for phrase in phrases if self.overlaps(phrase.span)]

    def overlaps(self, span: Span) -> bool:
        """Return whether the quote overlaps `span` in the block's plain text."""
        start, end = span
        return self.start < end and start < self.end

    def find_gaps(self, wanted_marks: frozenset[str]) -> list[MarkedPhrase]:
        """Return the marks that become gaps in the cloze card.

        Returns [] if a single mark covers every word, which would leave nothing but a gap.
        """
        plain = self.block.plain
        outer_phrases = select_outermost(self.phrases)
        marks = [phrase for phrase in outer_phrases if phrase.mark_kind in wanted_marks]
        for mark in marks:
            before = plain[self.start : mark.start]
            after = plain[max(mark.end, self.start) : self.end]
            if not has_words(before + after):
                return []
        return [
            mark for mark in marks if self.start <= mark.start and mark.end <= self.end
        ]


class Quote(NamedTuple):
    """A passage quoted in a note, with its citation and the reader's comment."""

    pieces: tuple[QuotePiece, ...]
    """The parts of the passage in order, one for each block that it covers."""
    citation: Citation
    comment: str = ""
    extra_blocks: tuple[Block, ...] = ()
    """Further blocks that belong to the quote, such as a title, comments and links."""

    @property
    def text(self) -> str:
        """The plain text of the quote, with one line per block."""
        return "\n".join([piece.text for piece in self.pieces])

    def to_highlight_fields(self, wanted_marks: frozenset[str], note_url: str) -> Json:
        """Convert the quote to keyword arguments for a `Highlight`.

        Args:
            wanted_marks: the kinds of marks to read.
            note_url: the URL that opens the note in Obsidian.
        """
        markdown: list[str] = []
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        colours: list[str] = []
        length = 0
        markdown_length = 0
        for piece in self.pieces:
            colours += [
                phrase.detail for phrase in piece.phrases if phrase.mark_kind == "mark"
            ]
            gap_phrases = piece.find_gaps(wanted_marks)
            text = f"```\n{piece.text}\n```"
            spans: tuple[Span, ...] = ()
            if piece.block.is_text:
                text, spans = piece.block.inline.render_range(
                    piece.start, piece.end, gap_phrases, bold="bold" not in wanted_marks
                )
            markdown.append(text)
            offset = length - piece.start
            gaps += [(gap.start + offset, gap.end + offset) for gap in gap_phrases]
            for start, end in spans:
                markdown_gaps.append((start + markdown_length, end + markdown_length))
            length += len(piece.text) + len("\n")
            markdown_length += len(text) + len(_PIECE_SEPARATOR)

        citation = self.citation
        colours.append(citation.colour)
        # a callout type may contain a colour: `quote|#ffd400`
        _, _, option = self.pieces[0].block.callout_type.partition("|")
        colours += _HEX_COLOUR.findall(normalize_colour(option.strip().lower()))
        annotation_hints: tuple[Hint, ...] = ()
        if citation.annotation:
            _, _, key = citation.annotation.rpartition("/")
            annotation_hints = (
                hints.make_zotero_hint(key),
                hints.make_zotero_hint(citation.annotation),
            )
        urls = [to_openable_url(link, note_url) for link in citation.links]
        return {
            "exact": self.text,
            "markdown": (_PIECE_SEPARATOR.join(markdown),),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": self.comment,
            "colour": next(filter(None, colours), ""),
            "page_label": citation.page_label or citation.page,
            "hints": annotation_hints,
            "links": tuple(filter(None, urls)),
        }


@dataclass
class _BlockGroup:
    """All blocks of an outermost block quote, or a single block that isn't in one."""

    blocks: list[Block]
    link: Block | None = None
    """The block above or below that contains nothing but a link for this group."""

    @property
    def is_block_quote(self) -> bool:
        return bool(self.blocks[0].quotes)

    @property
    def all_blocks(self) -> tuple[Block, ...]:
        return (*self.blocks, self.link) if self.link else tuple(self.blocks)


class NoteQuotes:
    """Finds the quotes in a note and indexes them by the block they start in."""

    def __init__(
        self,
        note: NoteBlocks,
        citations: CitationsByBlock,
        is_card: Callable[[Block], object],
    ) -> None:
        """Find the quotes in a note.

        Args:
            note: the blocks of the note.
            citations: the citations in the note, by block.
            is_card: returns whether a block is a card.
        """
        self._note = note
        self.quotes_by_start: dict[Block, dict[int, Quote]] = {}
        """Maps each block in which quotes start to these quotes, by start offset."""
        self.covered_blocks: set[Block] = set()
        """The blocks that belong to a quote."""
        self._pieces: dict[Block, list[QuotePiece]] = {}
        """Maps each block to the pieces of it that are quoted."""
        self.unclear_blocks: list[Block] = []
        """The blocks with a link for which the quoted text is unclear."""
        if not citations:
            return
        self._cards = frozenset(filter(is_card, note.blocks))
        self._citations = {
            block: block_citations
            for block, block_citations in citations.items()
            if block not in self._cards
        }
        self._link_only_blocks = set(filter(self._has_only_links, self._citations))
        """The blocks that contain citations and no other words."""
        for group in self._iter_groups():
            quotes: list[Quote] = []
            if group.is_block_quote:
                quotes = self._find_quotes_in_group(group)
            if not quotes:
                for block in group.blocks:
                    block_quotes = self._find_quotes_in_block(block)
                    quotes += block_quotes
                    if not block_quotes and self._has_unclear_link(block):
                        self.unclear_blocks.append(block)
            for new_quote in quotes:
                self._add_quote(new_quote)

    def _has_only_links(self, block: Block) -> bool:
        if block.kind is BlockKind.HEADING or block.inline.is_footnote:
            return False
        if any(citation.quote_span for citation in self._citations[block]):
            return False
        texts = self._split_at_citations(block)
        return not any(clean_comment(block.plain[start:end]) for start, end in texts)

    def _iter_groups(self) -> Iterator[_BlockGroup]:
        """Group the note's blocks by outermost block quote and yield the groups.

        A block quote without citations is grouped with an adjacent block that contains only a
        link, if any.
        """
        groups: list[_BlockGroup] = []
        for block in self._note.blocks:
            last = groups[-1].blocks[-1] if groups else None
            if last and block.quotes and block.quotes[:1] == last.quotes[:1]:
                groups[-1].blocks.append(block)
            else:
                groups.append(_BlockGroup([block]))

        free_links = {block for block in self._link_only_blocks if not block.quotes}
        for group in groups:
            if group.is_block_quote and self._citations.keys().isdisjoint(group.blocks):
                above = self._note.find_previous(group.blocks[0])
                below = self._note.find_next(group.blocks[-1])
                for neighbour in (below, above):
                    if neighbour in free_links:
                        free_links.remove(neighbour)
                        group.link = neighbour
                        break
            yield group

    def _has_unclear_link(self, block: Block) -> bool:
        """Return whether it's unclear which text a link in the block quotes.

        This is the case for links to Zotero annotations and, in block quotes, for links to any
        location. The block is one in which no quote was found.
        """
        is_in_quote = (
            block.quotes
            and not block.callout_type
            and block not in self._link_only_blocks
        )
        for citation in self._citations.get(block, ()):
            if citation.annotation or (is_in_quote and citation.has_location):
                return True
        return False

    def _add_quote(self, quote: Quote) -> None:
        """Add a quote, unless it's the reader's own remark."""
        first = quote.pieces[0]
        last = quote.pieces[-1]
        if REMARK_TEXT.match(first.block.plain[: first.start] + quote.text):
            return
        self.quotes_by_start.setdefault(first.block, {})[first.start] = quote
        self.covered_blocks.update(self._note.get_block_range(first.block, last.block))
        self.covered_blocks.update(quote.extra_blocks)
        for piece in quote.pieces:
            self._pieces.setdefault(piece.block, []).append(piece)

    def is_in_quote(self, block: Block, span: Span) -> bool:
        """Return whether any quote overlaps `span` in the block's plain text."""
        return any(piece.overlaps(span) for piece in self._pieces.get(block, ()))

    def _split_at_citations(self, block: Block) -> list[Span]:
        """Return the spans of a block's text before, between and after its citations."""
        edges = [0]
        for citation in self._citations.get(block, ()):
            edges.extend(citation.span)
        edges.append(len(block.plain))
        return list(pairwise(edges))[::2]

    # --- paragraphs and list items ----------------------------------------------------

    def _find_quotes_in_block(self, block: Block) -> list[Quote]:
        if block.kind is BlockKind.HEADING or block in self._link_only_blocks:
            return []
        citations = self._citations.get(block, ())
        quotes = []
        text_start = 0
        for citation in citations:
            before = trim_quote(block.plain, text_start, citation.start)
            text_start = citation.end
            quoted = citation.quote_span
            if before and not quoted:
                quoted = find_quote_at_end(block.plain, *before)
            if (
                before
                and not quoted
                and self._is_quote_without_marks(block, before, citations)
            ):
                quoted = before
            if quoted:
                quotes.append(Quote((QuotePiece(block, *quoted),), citation))
        if len(quotes) != 1:
            return quotes
        return [self._add_comment(quotes[0], citations)]

    def _is_quote_without_marks(
        self, block: Block, span: Span, citations: Sequence[Citation]
    ) -> bool:
        """Return whether text without quotation marks is a quote.

        It is if the block's only link leads to an annotation, any text after the link is a
        remark, and nothing in the block is marked.
        """
        only_citation = citations[0]
        if len(citations) > 1 or not only_citation.annotation:
            return False
        if block.kind is BlockKind.TITLE:
            return False
        text_after = clean_comment(block.plain[only_citation.end :])
        if _find_highlight_spans(block) or (
            text_after and not REMARK_TEXT.match(text_after)
        ):
            return False
        return len(block.plain[slice(*span)].split()) >= _MIN_QUOTE_WORDS

    def _add_comment(self, quote: Quote, citations: Sequence[Citation]) -> Quote:
        """Add the reader's comment to the only quote in a block.

        The comment is the text after the quote. If there are other words before the quote,
        there's no comment.
        """
        [piece] = quote.pieces
        block = piece.block
        if clean_comment(block.plain[: min(piece.start, citations[0].start)]):
            return quote
        end = max(piece.end, citations[-1].end)
        text_after = clean_comment(block.plain[end:].lstrip(_CLOSING_MARKS))
        remark = REMARK_TEXT.match(text_after)
        return quote._replace(comment=remark["words"] if remark else text_after)

    # --- block quotes and callouts ----------------------------------------------------

    def _find_quotes_in_group(self, group: _BlockGroup) -> list[Quote]:
        """Read a whole block quote as a single quote.

        Returns [] if that isn't possible, so its blocks have to be searched one by one.
        """
        # all blocks with both citations and other words must cite the same location, and
        # at their ends
        citing_blocks = []
        for block in group.blocks:
            if block in self._citations and block not in self._link_only_blocks:
                citing_blocks.append(block)
        if len({self._citations[block][0].links for block in citing_blocks}) > 1:
            return []
        for block in citing_blocks:
            annotations = {citation.annotation for citation in self._citations[block]}
            if len(annotations - {""}) > 1:
                return []
        citation = self._merge_citations(group.all_blocks)
        if citation is None or not all(map(self._has_links_outside_text, citing_blocks)):
            return []

        # a callout must have a type used for quotes, or a link to a page or passage
        callout_type = group.blocks[0].callout_type
        if (
            callout_type
            and not citation.has_location
            and not _QUOTE_CALLOUT.search(callout_type)
        ):
            return []
        body = [block for block in group.blocks if block.kind is not BlockKind.TITLE]
        if not self._cards.isdisjoint(body):
            return []
        is_cited = not self._citations.keys().isdisjoint(group.blocks)
        pieces, comment = self._split_quote_and_comment(body, is_cited=is_cited)
        if not pieces:
            return []
        stripped = _strip_quotation_marks(pieces)
        return [Quote(stripped, citation, comment, group.all_blocks)]

    def _merge_citations(self, blocks: Sequence[Block]) -> Citation | None:
        citations: list[Citation] = []
        for block in blocks:
            citations.extend(self._citations.get(block, ()))
        return reduce(Citation.merge, citations) if citations else None

    def _has_links_outside_text(self, block: Block) -> bool:
        """Return whether a block's links cite its text rather than being part of a sentence.

        Text may only follow a link to a passage, and only if the link ends a line, follows the
        end of a sentence, precedes a colon or is in brackets.
        """
        citations = self._citations[block]
        if block.kind is BlockKind.TITLE:
            return any(citation.cites_passage for citation in citations)
        for citation in citations:
            if not clean_comment(block.plain[citation.end :]):
                continue
            end = citation.end
            text_before = clean_comment(block.plain[: citation.start])
            if not citation.cites_passage:
                return False
            if not (
                block.plain[end : end + 1] == ":"
                or block.inline.is_line_end(end)
                or block.plain[citation.start] in "(（"
                or text_before[-1:] in tuple(_SENTENCE_END)
            ):
                return False  # the link is within a sentence
        return True

    def _split_quote_and_comment(
        self, body: Sequence[Block], *, is_cited: bool
    ) -> tuple[list[QuotePiece], str]:
        """Split a block quote into the quoted text and the reader's comment.

        Any text that follows a link, is below a rule, or starts like a remark is a comment. If
        the only citations are in the title or in the text above a nested quote, the nested
        quote is also a comment.

        Args:
            body: the blocks of the block quote, without its title.
            is_cited: whether the block quote, including its title, contains a citation.
        """
        quoting_blocks, comment_blocks = _split_quoting_blocks(body)
        first = next(
            (block for block in body if block not in self._link_only_blocks), None
        )
        if is_cited and first and first not in quoting_blocks:
            above = [block for block in body if block.number < quoting_blocks[0].number]
            if self._citations.keys().isdisjoint(body[len(above) :]):
                quoting_blocks, comment_blocks = above, body[len(above) :]
        pieces: list[QuotePiece] = []
        comments: list[str] = []
        # whether a link or a comment has already followed the quote
        is_quote_over = False
        for block in quoting_blocks:
            is_below_rule = block.rule_count > quoting_blocks[0].rule_count
            remark = REMARK_TEXT.match(block.plain)
            link_count = len(self._citations.get(block, ()))
            for number, span_between in enumerate(self._split_at_citations(block)):
                span = trim_quote(block.plain, *span_between)
                text = clean_comment(block.plain[slice(*span)]) if span else ""
                if span is None or not text:
                    continue
                if pieces and (is_quote_over or remark or is_below_rule):
                    comments.append(remark["words"] if remark else text)
                    is_quote_over = True
                else:
                    pieces.append(QuotePiece(block, *span))
                    is_quote_over = number < link_count
        for block in comment_blocks:
            if block not in self._link_only_blocks and block.kind is not BlockKind.TITLE:
                comments.append(block.plain)
        return pieces, _join_lines(*comments)


def _split_quoting_blocks(
    body: Sequence[Block],
) -> tuple[Sequence[Block], Sequence[Block]]:
    """Split a block quote into quoted blocks and blocks written by the reader.

    Nested callouts are the reader's. Where a block quote is nested in another, the inner
    one is the quote and the blocks below it are the reader's.
    """
    outer_depth = min((len(block.quotes) for block in body), default=0)
    nested = [block for block in body if len(block.quotes) > outer_depth]
    callouts = [block for block in nested if block.callout_type != body[0].callout_type]
    if callouts and callouts[0] is not body[0]:
        return [block for block in body if block not in callouts], callouts
    quoting = nested or body
    return quoting, [block for block in body if block.number > quoting[-1].number]


def _find_highlight_spans(block: Block) -> list[Span]:
    """Return the spans of the outermost `==` and `<mark>` marks, ignoring the settings."""
    marks = [
        phrase for phrase in block.inline.phrases if phrase.mark_kind in ("==", "mark")
    ]
    return [phrase.span for phrase in select_outermost(marks)]


def _strip_quotation_marks(pieces: Sequence[QuotePiece]) -> tuple[QuotePiece, ...]:
    first, last = pieces[0], pieces[-1]
    plain = first.block.plain
    if len(pieces) == 1:
        quoted = find_quote_at_end(plain, first.start, first.end)
        if quoted and not clean_comment(plain[first.start : quoted[0]]):
            return (QuotePiece(first.block, *quoted),)
    closer = last.text[-1]
    if plain[first.start] not in _OPENERS_BY_CLOSER.get(closer, ""):
        return tuple(pieces)
    if first is last:  # keep the opening mark
        return (first._replace(end=first.end - 1),)
    unquoted = last._replace(end=last.end - 1)
    return (first._replace(start=first.start + 1), *pieces[1:-1], unquoted)


def _join_lines(*texts: str) -> str:
    return "\n".join(filter(None, texts))
