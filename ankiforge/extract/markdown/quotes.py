"""Find the passages that a note quotes from papers and books, with links to their locations.

Zotero, PDF plug-ins and reading apps paste such links next to the quoted text. A `Citation`
holds the paper and location that a link cites, and the page that the link text names. In a
paragraph or list item, a quotation is either text in quotation marks, or all text before a link
to an annotation. A block quote or callout with links to one place is a quotation as a whole. What
follows on a new line or begins like a remark (`Note: …`) is the reader's comment.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.inline import MarkedPhrase, MarkKind, select_outermost
from ankiforge.extract.markdown.markup import normalize_colour
from ankiforge.extract.markdown.syntaxes import REMARK_WORD, may_contain_citations
from ankiforge.model import Hint, Json, Pair, Span, Strings, hints
from ankiforge.text import regex
from ankiforge.text.private import remove_private_tag

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
    r"\[[^\[\]]{0,200}?@(?P<key>[\w][\w:.#$%&+?<>~/-]{0,100})[^\[\]]{0,200}\]"
)
_NOT_OPENABLE = regex(r"(?i)(?:javascript|data|vbscript|file):|[/#]")

_PAGE_WORD = r"(?:pages?|pp?\.|p(?=\d)|S\.|Seiten?|págs?\.|стр?\.|页|第)"
_PAGE = regex(
    rf"(?i)(?<!\w){_PAGE_WORD}[\s\u00a0]*"
    r"(?P<label>[0-9]+(?:[–-][0-9]+)?|[ivxlc]+\b|[A-Z]?\d+)"
)
_PAGE_NUMBER_ONLY = regex(r"\s*\(?(?P<label>\d{1,5}|[ivxlc]{1,7})\)?\s*\Z")
# The text that may occur between two links that cite the same location.
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
    annotation: str | None = None
    """The key of the cited Zotero annotation, as `user/KEY` or `group.<id>/KEY`."""
    page: str | None = None
    """The cited page's number in the file, counted from 1."""
    page_label: str | None = None
    """The printed page label that the link text names."""
    colour: str | None = None
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
        """Whether the citation names a page or a passage, and not just a paper."""
        return self.cites_passage or self.page_label is not None or self.page is not None

    def merge(self, other: Citation) -> Citation:
        """Combine two adjacent citations. Where both have a value, that of `self` is used."""
        papers = self.paper_identifiers + other.paper_identifiers
        return Citation(
            span=(self.start, max(self.end, other.end)),
            links=tuple(dict.fromkeys(self.links + other.links)),
            paper_identifiers=tuple(dict.fromkeys(papers)),
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
    """Yield (scheme, identifier) for each paper cited in a note. Schemes begin with `quoted-`."""
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
    page = _get_parameter(query, "page") or link["page"]
    citation = Citation(span, (link[0],), (paper,), page=page)
    annotation = _get_parameter(query, "annotation")
    if annotation is None or not _ZOTERO_KEY.fullmatch(annotation):
        return citation
    key = f"{library}/{annotation}"
    return citation._replace(annotation=key, cites_passage=True)


def _get_parameter(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Return the first value of a parameter of a URL, or None if it isn't given."""
    values = query.get(name)
    return values[0] if values else None


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
    colour = _get_parameter(fragment, "color")
    return Citation(
        span,
        links=(target,),
        paper_identifiers=(("file", file_name),),
        page=_get_parameter(fragment, "page"),
        colour=normalize_colour(colour) if colour else None,
        cites_passage=is_exact,
    )


def to_openable_url(target: str, note_url: str) -> str:
    """Convert a link target to a URL that works outside the vault, or to "" if there is none.

    Args:
        target: The link target as written in the note.
        note_url: The URL that opens the note, `obsidian://open?vault=…&file=…`.
    """
    vault, is_in_vault, _ = note_url.partition("&file=")
    if target.startswith("[["):
        name = target[2:-2].strip()
        if not name or not is_in_vault:
            return ""
        if name.startswith("#"):  # a heading of the note itself
            return note_url + quote(name, safe="")
        return f"{vault}&file={quote(name, safe='')}"
    if not target or _NOT_OPENABLE.match(target):
        return ""
    if _URL_SCHEME.match(target):
        return target
    if not is_in_vault:
        return ""
    path = unquote(target).removeprefix("./")
    return f"{vault}&file={quote(path, safe='')}"


# --- the citations of a block ---------------------------------------------------------


def find_citations(block: Block) -> list[Citation]:
    """Find the citations in a block, in order.

    The span of a citation includes brackets around it and the author named before it.
    """
    if not may_contain_citations(block.source) and not block.context.link_labels:
        return []
    plain = block.inline_text.plain
    citations = []
    previous_end = 0
    for link in _merge_adjacent_links(block):
        citation = _include_text_around(plain, link, previous_end)
        citations.append(citation)
        previous_end = citation.end
    return citations


def _include_text_around(plain: str, link: Citation, previous_end: int) -> Citation:
    """Extend the span of a link to the text that belongs to it, and read a page label there."""
    start, end = link.span
    for pattern in _LINK_PREFIXES:
        search_start = max(previous_end, start - _MAX_PREFIX_CHARS)
        prefix = pattern.search(plain[search_start:start])
        if prefix:
            start = search_start + prefix.start()
    if _OPEN_BRACKET.search(plain, start, end):
        text_after = plain[end:]
        end += len(text_after) - len(text_after.lstrip(")]）"))
    label = link.page_label or _parse_page_label(plain[start:end])
    return link._replace(span=(start, end), page_label=label)


def _merge_adjacent_links(block: Block) -> list[Citation]:
    """Return the links to papers in a block, in order. Adjacent links become one citation.

    Other links, and citekeys without a link next to them, are dropped.
    """
    plain = block.inline_text.plain
    citations: list[Citation] = []
    for link in sorted(_iter_links_and_citekeys(block), key=attrgetter("span")):
        if citations and _are_adjacent(plain, citations[-1], link):
            citations[-1] = citations[-1].merge(link)
        elif link.paper_identifiers:
            citations.append(link)
    return [citation for citation in citations if citation.links]


def _are_adjacent(plain: str, first: Citation, second: Citation) -> bool:
    between = plain[first.end : second.start]
    return second.start < first.end or _BETWEEN_LINKS.match(between) is not None


def _iter_links_and_citekeys(block: Block) -> Iterator[Citation]:
    """Yield the links of a block, also those to other places, and then its citekeys."""
    plain = block.inline_text.plain
    for span, target in block.inline_text.link_targets:
        parse_link = _parse_zotero_link if "zotero://" in target else _parse_pdf_link
        link = parse_link(target, span)
        yield _parse_link_text(plain, link) if link else Citation(span)
    for match in _CITEKEY.finditer(plain):
        paper = ("citekey", match["key"].rstrip(".,;:"))
        label = _parse_page_label(match[0])
        yield Citation(match.span(), (), (paper,), page_label=label)


def _parse_link_text(block_text: str, citation: Citation) -> Citation:
    """Add the quoted text or the page label in the text of a link to its citation."""
    text = block_text[citation.start : citation.end]
    quoted = find_quote_at_end(block_text, *citation.span)
    if quoted is None and _is_quote_of_pdf(text, citation):
        quoted = citation.span
    if quoted:
        return citation._replace(quote_span=quoted)
    page = _PAGE_NUMBER_ONLY.match(text)
    label = page["label"] if page else _parse_page_label(text)
    return citation._replace(page_label=label)


def _is_quote_of_pdf(link_text: str, citation: Citation) -> bool:
    """Return whether the text of a link to a passage is the passage, not a name for the link."""
    scheme, file_name = citation.paper_identifiers[0]
    if not citation.cites_passage or scheme != "file":
        return False
    if len(link_text) <= _MAX_LINK_NAME_CHARS:
        return False
    return file_name.rpartition(".")[0] not in link_text


def _parse_page_label(text: str) -> str | None:
    page = _PAGE.search(text)
    return page["label"] if page else None


# --- quotation marks and remarks ------------------------------------------------------


_OPENERS_BY_CLOSER = {
    "”": '“„"',
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
    """Strip punctuation from the start of a comment, or return "" if it contains no words."""
    if not has_words(text):
        return ""
    return _LEADING_PUNCTUATION.sub("", text, count=1).strip()


def trim_quote(text: str, start: int, end: int) -> Span | None:
    """Shrink a span of `text` to exclude whitespace at both ends and emoji at its start.

    Returns None if no word remains.
    """
    pictograms = _PICTOGRAMS.match(text, start, end)
    if pictograms:
        start = pictograms.end()
    end = start + len(text[start:end].rstrip())
    return (start, end) if _WORD.search(text, start, end) else None


def find_quote_at_end(text: str, start: int, end: int) -> Span | None:
    """Return the span inside the quotation marks at the end of [start, end).

    Returns None if there is no closing quotation mark at the end, or no opening one for it.
    """
    end = start + len(text[start:end].rstrip(_TRAILING_PUNCTUATION))
    if end == start:
        return None
    closer = text[end - 1]
    openers = _OPENERS_BY_CLOSER.get(closer)
    if openers is None:
        return None
    depth = 1
    for index in range(end - 2, start - 1, -1):
        character = text[index]
        if character in openers:
            depth -= 1
        elif character == closer:
            depth += 1
        if depth == 0:
            return trim_quote(text, index + 1, end - 1)
    return None


# --- quotes --------------------------------------------------------------------------------

# The minimum number of words before a link to an annotation that count as a quote without
# quotation marks.
_MIN_QUOTE_WORDS = 3
_HEX_COLOUR = regex("#.*")
_CLOSING_MARKS = '”"»“」』'
# The maximum number of blocks below a quote that may be comments on it.
_MAX_COMMENT_BLOCKS = 20


class RenderedPart(NamedTuple):
    """The part of a quotation in one block, as a card shows it."""

    markdown: str
    gaps: Sequence[Span]
    """The spans of the marked words in the plain text of the part."""
    markdown_gaps: Sequence[Span]
    """The spans of the marked words in `markdown`."""


class QuotePart(NamedTuple):
    """The part of a quotation that is in one block."""

    block: Block
    start: int
    """[start, end) is the span in the block's plain text, without quotation marks."""
    end: int

    @property
    def text(self) -> str:
        """The plain text of this part."""
        return self.block.plain_text[self.start : self.end]

    def overlaps(self, span: Span) -> bool:
        """Return whether this part overlaps `span` in the block's plain text."""
        start, end = span
        return self.start < end and start < self.end

    def find_colours(self) -> list[str]:
        """Return the colours of the marks that overlap this part."""
        phrases = self.block.inline_text.marked_phrases
        return [each.colour for each in phrases if self.overlaps(each.span)]

    def render(self, mark_kinds: frozenset[str]) -> RenderedPart:
        """Render this part as Markdown. Marks of the given kinds become gaps."""
        phrases = self._select_cloze_phrases(mark_kinds)
        gaps = _shift([phrase.span for phrase in phrases], -self.start)
        if not self.block.can_contain_highlights:
            return RenderedPart(f"```\n{self.text}\n```", gaps, ())
        markdown, spans = self.block.inline_text.render_range(
            self.start, self.end, phrases, keep_bold=MarkKind.BOLD not in mark_kinds
        )
        return RenderedPart(markdown, gaps, spans)

    def _select_cloze_phrases(self, mark_kinds: frozenset[str]) -> list[MarkedPhrase]:
        """Select the highlighted phrases that become cloze deletions of the card.

        Returns [] if a single phrase covers all words of this part. Otherwise, the card would
        consist of nothing but a cloze deletion.
        """
        plain = self.block.plain_text
        phrases = self.block.inline_text.marked_phrases
        overlapping = [each for each in phrases if self.overlaps(each.span)]
        gaps = []
        for phrase in select_outermost(overlapping):
            if phrase.mark_kind not in mark_kinds:
                continue
            before = plain[self.start : phrase.start]
            after = plain[max(phrase.end, self.start) : self.end]
            if not has_words(before + after):
                return []
            if self.start <= phrase.start and phrase.end <= self.end:
                gaps.append(phrase)
        return gaps


def _shift(spans: Iterable[Span], offset: int) -> list[Span]:
    return [(start + offset, end + offset) for start, end in spans]


class CitedQuote(NamedTuple):
    """A passage quoted in a note, with its citation and the reader's comments."""

    pieces: tuple[QuotePart, ...]
    """The parts of the passage in order, one for each block that it covers."""
    citation: Citation
    comment: str = ""
    extra_blocks: tuple[Block, ...] = ()
    """Further blocks that belong to the quote, such as a title, comments and links."""

    @property
    def blocks(self) -> list[Block]:
        """All blocks that belong to the quote, in order."""
        blocks = {*(piece.block for piece in self.pieces), *self.extra_blocks}
        return sorted(blocks, key=attrgetter("number"))

    @property
    def begins_like_remark(self) -> bool:
        """Whether the quote begins like a remark of the reader, such as `Note: …`."""
        first = self.pieces[0]
        return REMARK_TEXT.match(first.block.plain_text[: first.end]) is not None

    @property
    def first_line(self) -> int:
        """The line in the note where the quote begins, counted from 0."""
        return self.blocks[0].lines[0]

    @property
    def end_line(self) -> int:
        """The first line below the quote, counted from 0."""
        return self.blocks[-1].lines[1]

    def add_comments(
        self, texts: Iterable[str], blocks: Iterable[Block] = ()
    ) -> CitedQuote:
        """Return a copy with further comments and their blocks. Labels like `Note:` are removed."""
        comments = [self.comment]
        for text in texts:
            remark = REMARK_TEXT.match(text)
            comments.append(remark["words"] if remark else text)
        return self._replace(
            comment="\n".join(dict.fromkeys(filter(has_words, comments))),
            extra_blocks=(*self.extra_blocks, *blocks),
        )

    def to_highlight_fields(self, mark_kinds: frozenset[str], note_url: str) -> Json:
        """Return the quotation as keyword arguments of `Highlight`.

        Args:
            mark_kinds: The kinds of highlights to read.
            note_url: The URL that opens the note in Obsidian.
        """
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        exact = ""
        markdown = ""
        for piece in self.pieces:
            if exact:
                exact += "\n"
                markdown += "\n\n"
            rendered = piece.render(mark_kinds)
            gaps += _shift(rendered.gaps, len(exact))
            markdown_gaps += _shift(rendered.markdown_gaps, len(markdown))
            exact += piece.text
            markdown += rendered.markdown
        urls = [to_openable_url(link, note_url) for link in self.citation.links]
        return {
            "exact": exact,
            "markdown": (markdown,),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": self.comment,
            "colour": next(self._iter_colours(), ""),
            "page_label": self.citation.page_label or self.citation.page or "",
            "hints": self._get_annotation_hints(),
            "links": tuple(filter(None, urls)),
        }

    def _iter_colours(self) -> Iterator[str]:
        """Yield the colours of the marks, of the link and of the callout around the quote."""
        for piece in self.pieces:
            yield from filter(None, piece.find_colours())
        if self.citation.colour:
            yield self.citation.colour
        # a callout type may contain a colour: `quote|#ffd400`
        _, _, option = self.pieces[0].block.callout_type.partition("|")
        yield from _HEX_COLOUR.findall(normalize_colour(option.strip().lower()))

    def _get_annotation_hints(self) -> tuple[Hint, ...]:
        annotation = self.citation.annotation
        if annotation is None:
            return ()
        key = annotation.rpartition("/")[2]
        return (hints.make_zotero_hint(key), hints.make_zotero_hint(annotation))


class QuoteIndex:
    """Index of the quotations in a note, by the block in which they begin."""

    def __init__(
        self,
        note: NoteBlocks,
        citations: CitationsByBlock,
        is_card: Callable[[Block], object],
    ) -> None:
        """Find the quotes in a note.

        Args:
            note: The blocks of the note.
            citations: The citations in the note, by block.
            is_card: Returns whether a block is a card.
        """
        self._note = note
        self.quotes_by_start: dict[Block, dict[int, CitedQuote]] = {}
        """Maps each block to the quotes that start in it, keyed by start offset."""
        self.covered_blocks: set[Block] = set()
        """The blocks that belong to a quote."""
        self._pieces: dict[Block, list[QuotePart]] = {}
        """Maps each block to its quoted parts."""
        if not citations:
            return
        self._cards = frozenset(filter(is_card, note.blocks))
        self._citations = {
            block: block_citations
            for block, block_citations in citations.items()
            if block not in self._cards
        }
        self._link_only_blocks = set(filter(self._has_only_links, self._citations))
        """The blocks that contain no words except in citations."""
        quotes = self._read_quotes()
        self._add_hidden_remarks(quotes)
        for cited in quotes:
            self._add_to_index(cited)

    def _add_to_index(self, cited: CitedQuote) -> None:
        first, last = cited.pieces[0], cited.pieces[-1]
        self.quotes_by_start.setdefault(first.block, {})[first.start] = cited
        self.covered_blocks.update(self._note.get_block_range(first.block, last.block))
        self.covered_blocks.update(cited.extra_blocks)
        for piece in cited.pieces:
            self._pieces.setdefault(piece.block, []).append(piece)

    def _read_quotes(self) -> list[CitedQuote]:
        """Return the quotes in the note with the comments on them.

        A quote that begins like a remark (`Note: …`) is a comment on the previous quote if both
        have the same links. Otherwise, it is no quote.
        """
        quotes: list[CitedQuote] = []
        for _, blocks in groupby(self._note.blocks, _get_group_key):
            for cited in self._find_quotes_in_group(list(blocks)):
                if not cited.begins_like_remark:
                    comments = self._find_comments(cited)
                    texts = [block.plain_text for block in comments]
                    quotes.append(cited.add_comments(texts, comments))
                elif quotes and quotes[-1].citation.links == cited.citation.links:
                    texts = [piece.text for piece in cited.pieces]
                    quotes[-1] = quotes[-1].add_comments(texts, cited.blocks)
        return quotes

    def _find_quotes_in_group(self, group: Sequence[Block]) -> list[CitedQuote]:
        """Find the quotes in a block quote, or in a block outside block quotes."""
        if group[0].quotes:
            whole = self._read_block_quote(group)
            if whole:
                return [whole]
        quotes = []
        for block in group:
            quotes += self._find_quotes_in_block(block)
        return quotes

    def _add_hidden_remarks(self, quotes: list[CitedQuote]) -> None:
        """Add comments such as `%%…%%` to the quotes beside them.

        The quote is directly below the comment, or above it without text in between.
        """
        lines = self._note.source.split("\n")
        starts = [cited.first_line for cited in quotes]
        for (start, end), text in self._note.remarks:
            below = bisect_right(starts, start)
            is_inside_or_at_end = below > 0 and start <= quotes[below - 1].end_line
            if end in starts and not is_inside_or_at_end:
                quotes[below] = quotes[below].add_comments([text])
            elif below > 0:
                between = lines[quotes[below - 1].end_line : start]
                if not has_words("".join(between)):
                    quotes[below - 1] = quotes[below - 1].add_comments([text])

    def is_in_quote(self, block: Block, span: Span) -> bool:
        """Return whether any quote overlaps `span` in the block's plain text."""
        return any(piece.overlaps(span) for piece in self._pieces.get(block, ()))

    def _has_only_links(self, block: Block) -> bool:
        if block.kind is BlockKind.HEADING or block.inline_text.is_footnote:
            return False
        if any(citation.quote_span for citation in self._citations[block]):
            return False
        texts = [
            block.plain_text[slice(*span)] for span in self._split_at_citations(block)
        ]
        return not any(map(has_words, texts))

    def _split_at_citations(self, block: Block) -> list[Span]:
        """Return the spans of text before, between and after the citations of a block.

        A citation within a sentence doesn't split it.
        """
        plain = block.plain_text
        edges = [0]
        for citation in self._citations.get(block, ()):
            before = clean_comment(plain[edges[-1] : citation.start])
            if not before or self._ends_text(block, citation):
                edges.extend(citation.span)
        edges.append(len(plain))
        return list(pairwise(edges))[::2]

    def _ends_text(self, block: Block, citation: Citation) -> bool:
        """Return whether a citation is at the end of a line, or only a remark follows."""
        after = clean_comment(block.plain_text[citation.end :])
        if not after or block.inline_text.is_line_end(citation.end):
            return True
        return _is_remark(after)

    def _find_comments(self, quote: CitedQuote) -> list[Block]:
        """Return the blocks below a quote in which the reader comments on it.

        These are the list items nested below the quote, or else the next block if it is a question
        or a remark such as `Note: …`.
        """
        first, last = quote.blocks[0], quote.blocks[-1]
        comments: list[Block] = []
        for block in self._note.blocks[last.number : last.number + _MAX_COMMENT_BLOCKS]:
            is_nested = bool(first.items) and first.items[-1] in block.items
            is_remark = not comments and _is_remark(block.plain_text)
            if not is_nested and not is_remark:
                break
            if not self._is_ordinary_text(block):
                break
            comments.append(block)
        return comments

    def _is_ordinary_text(self, block: Block) -> bool:
        """Return whether a block is neither card nor heading, without citations or highlights."""
        if block in self._citations or block in self._cards:
            return False
        return block.kind is not BlockKind.HEADING and not _has_marks(block)

    def _find_quotes_in_block(self, block: Block) -> list[CitedQuote]:
        """Find the quotes in a paragraph, list item or cell, which is read by itself."""
        if block.kind is BlockKind.HEADING or block in self._link_only_blocks:
            return []
        quotes = []
        text_start = 0
        for citation in self._citations.get(block, ()):
            span = citation.quote_span
            if span is None:
                span = self._find_quote_before(block, citation, text_start)
            if span:
                quotes.append(CitedQuote((QuotePart(block, *span),), citation))
            text_start = citation.end
        if len(quotes) == 1:
            return [self._add_comment_after(quotes[0])]
        return quotes

    def _find_quote_before(
        self, block: Block, citation: Citation, text_start: int
    ) -> Span | None:
        """Find the quote that ends at a citation, in the text from `text_start`."""
        before = trim_quote(block.plain_text, text_start, citation.start)
        if before is None:
            return None
        quoted = find_quote_at_end(block.plain_text, *before)
        if quoted is None and self._is_bare_quote(block, before):
            return before
        return quoted

    def _add_comment_after(self, quote: CitedQuote) -> CitedQuote:
        """Add the text after the only quote of a block as a comment, unless it is in a sentence."""
        [piece] = quote.pieces
        plain = piece.block.plain_text
        citations = self._citations[piece.block]
        if has_words(plain[: min(piece.start, citations[0].start)]):
            return quote
        text_after = plain[max(piece.end, citations[-1].end) :]
        return quote.add_comments([clean_comment(text_after.lstrip(_CLOSING_MARKS))])

    def _is_bare_quote(self, block: Block, span: Span) -> bool:
        """Return whether text before a block's only link is a quote without quotation marks."""
        citations = self._citations[block]
        if len(citations) > 1 or not citations[0].annotation:
            return False
        if block.kind is BlockKind.TITLE or _has_marks(block):
            return False
        words = block.plain_text[slice(*span)].split()
        return len(words) >= _MIN_QUOTE_WORDS and self._ends_text(block, citations[0])

    def _read_block_quote(self, group: Sequence[Block]) -> CitedQuote | None:
        """Read a block quote as one quotation, or return None if its links cite several places.

        `group` has all blocks of the block quote.
        """
        body = [block for block in group if block.kind is not BlockKind.TITLE]
        linked = [*group, *self._find_link_beside(group)]
        citations: list[Citation] = []
        for block in linked:
            citations += self._citations.get(block, ())
        if not body or not self._cites_one_place(citations):
            return None
        if not self._cards.isdisjoint(body):
            return None
        if REMARK_TEXT.match(body[0].plain_text):
            return None  # the quotation is in the title
        citation = reduce(Citation.merge, citations)
        # a link to a whole paper may be part of the reader's own words
        is_own_text = body[0].callout_type or not self._are_citations_at_ends(group)
        if not citation.has_location and is_own_text:
            return None
        pieces, comments = self._split_quote_and_comment(body)
        if not pieces:
            return None
        quote = CitedQuote(_strip_quotation_marks(pieces), citation)
        return quote.add_comments(comments, linked)

    def _cites_one_place(self, citations: Sequence[Citation]) -> bool:
        """Return whether the links of a block quote all cite the same place for all its text."""
        places = {each.annotation or each.links for each in citations}
        if len(places) != 1:
            return False
        # the text of a link to a passage is the quotation, whatever is around the link
        return not any(each.quote_span and each.cites_passage for each in citations)

    def _find_link_beside(self, group: Sequence[Block]) -> list[Block]:
        """Return the block with only a link below a block quote without links, or else above it."""
        if not self._citations.keys().isdisjoint(group):
            return []
        below = self._note.find_next(group[-1])
        above = self._note.find_previous(group[0])
        for block in (below, above):
            if block in self._link_only_blocks and not block.quotes:
                return [block]
        return []

    def _are_citations_at_ends(self, blocks: Iterable[Block]) -> bool:
        """Return whether every citation is at the end of a text. See `_ends_text`."""
        for block in blocks:
            for citation in self._citations.get(block, ()):
                if not self._ends_text(block, citation):
                    return False
        return True

    def _split_quote_and_comment(
        self, body: Sequence[Block]
    ) -> tuple[list[QuotePart], list[str]]:
        """Split the blocks of a block quote into quoted parts and the texts of the comments.

        Text after the link, below a rule or after `Note:` is a comment.
        """
        quoting, own_blocks = self._split_nested(body)
        pieces: list[QuotePart] = []
        comments: list[str] = []
        is_over = False
        """Whether the quotation has ended, so that further text is a comment."""
        for block in quoting:
            if block.rule_count > quoting[0].rule_count:
                is_over = True
            for number, whole_span in enumerate(self._split_at_citations(block)):
                if number > 0 and pieces:
                    is_over = True  # a link is between the texts
                span = trim_quote(block.plain_text, *whole_span)
                if span is None:
                    continue
                text = clean_comment(block.plain_text[slice(*span)])
                if not pieces:
                    pieces.append(QuotePart(block, *span))
                elif is_over or REMARK_TEXT.match(text):
                    is_over = True
                    comments.append(text)
                else:
                    pieces.append(QuotePart(block, *span))
        for block in own_blocks:
            if block not in self._link_only_blocks:
                comments.append(block.plain_text)
        return pieces, comments

    def _split_nested(
        self, body: Sequence[Block]
    ) -> tuple[Sequence[Block], Sequence[Block]]:
        """Split a block quote into the blocks with the quoted text, and those of the reader.

        In a nested block quote is the quoted text if it has the link, or if there is no text above
        it.
        """
        depth = min(len(block.quotes) for block in body)
        nested = [block for block in body if len(block.quotes) > depth]
        if not nested:
            return body, ()
        has_text_above = body[0].number < nested[0].number
        if has_text_above and self._citations.keys().isdisjoint(nested):
            return [block for block in body if block not in nested], nested
        return nested, [block for block in body if block.number > nested[-1].number]


def _get_group_key(block: Block) -> object:
    """Return a key for `groupby`: the outermost block quote around a block, or else the block."""
    return block.quotes[0] if block.quotes else block


def _has_marks(block: Block) -> bool:
    phrases = block.inline_text.marked_phrases
    marks = (MarkKind.HIGHLIGHT, MarkKind.ELEMENT)
    return any(phrase.mark_kind in marks for phrase in phrases)


def _is_remark(text: str) -> bool:
    """Return whether a text begins like a remark (`Note: …`) or ends with a question mark."""
    is_question = remove_private_tag(text).rstrip().endswith(("?", "？"))
    return is_question or REMARK_TEXT.match(text) is not None


def _strip_quotation_marks(pieces: Sequence[QuotePart]) -> tuple[QuotePart, ...]:
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        plain = first.block.plain_text
        quoted = find_quote_at_end(plain, first.start, first.end)
        if quoted and not clean_comment(plain[first.start : quoted[0]]):
            return (QuotePart(first.block, *quoted),)
    elif first.text[0] in _OPENERS_BY_CLOSER.get(last.text[-1], ""):
        first = first._replace(start=first.start + 1)
        return (first, *pieces[1:-1], last._replace(end=last.end - 1))
    return tuple(pieces)
