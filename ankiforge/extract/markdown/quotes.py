"""Find the passages that a note quotes from papers and books, with links to their locations.

Zotero, PDF plug-ins and reading apps paste such links next to the quoted text. A `Citation`
holds the paper and location that a link cites, and the page that the link text names. In a
paragraph or list item, a quotation is either text in quotation marks, or all text before a link
to an annotation. A block quote or callout is a quotation as a whole. The remaining text of the
paragraph or block quote is the reader's comment.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby, pairwise, takewhile
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.inline import select_outermost
from ankiforge.extract.markdown.markup import MarkedPhrase, normalize_colour
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
        """Whether the citation names a page or a passage, and not just a paper."""
        return bool(self.cites_passage or self.page_label or self.page)

    def merge(self, other: Citation) -> Citation:
        """Combine two adjacent citations. Where both have a value, that of `self` is used."""
        pairs = zip(self, other, strict=True)
        merged = Citation._make([mine or theirs for mine, theirs in pairs])
        papers = self.paper_identifiers + other.paper_identifiers
        return merged._replace(
            span=(self.start, max(self.end, other.end)),
            links=tuple(dict.fromkeys(self.links + other.links)),
            paper_identifiers=tuple(dict.fromkeys(papers)),
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
    citation = Citation(
        span, (link[0],), (paper,), page=query.get("page", [link["page"] or ""])[0]
    )
    annotation = query.get("annotation", [""])[0]
    if not _ZOTERO_KEY.fullmatch(annotation):
        return citation
    return citation._replace(annotation=f"{library}/{annotation}", cites_passage=True)


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
    """Convert a link target to a URL that works outside the vault, or to "" if there is none.

    Args:
        target: The link target as written in the note.
        note_url: The URL that opens the note, `obsidian://open?vault=…&file=…`.
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

    The span of a citation includes brackets around it and the author named before it.
    """
    if not may_contain_citations(block.source) and not block.context.link_labels:
        return []
    plain = block.inline_text.plain
    citations = []
    previous_end = 0
    for citation in _merge_adjacent_links(block):
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
        citations.append(citation._replace(span=(start, end), page_label=label))
        previous_end = end
    return citations


def _merge_adjacent_links(block: Block) -> list[Citation]:
    """Return the links to papers in a block, in order, as citations.

    A link is merged with the links and citekeys next to it into one citation. Other links, and
    citekeys without a link next to them, are dropped.
    """
    plain = block.inline_text.plain
    links = []
    for span, target in block.inline_text.link_targets:
        parse_link = _parse_zotero_link if "zotero://" in target else _parse_pdf_link
        link = parse_link(target, span)
        links.append(_parse_link_text(plain, link) if link else Citation(span))
    for match in _CITEKEY.finditer(plain):
        paper = ("citekey", match["key"].rstrip(".,;:"))
        label = _parse_page_label(match[0])
        links.append(Citation(match.span(), (), (paper,), page_label=label))
    citations: list[Citation] = []
    for link in sorted(links, key=attrgetter("span")):
        if citations:
            end = citations[-1].end
            if link.start < end or _BETWEEN_LINKS.match(plain[end : link.start]):
                citations[-1] = citations[-1].merge(link)
                continue
        if link.paper_identifiers:
            citations.append(link)
    return [citation for citation in citations if citation.links]


def _parse_link_text(block_text: str, citation: Citation) -> Citation:
    """Add the quoted text or the page label in the text of a link to its citation."""
    text = block_text[citation.start : citation.end]
    quoted = find_quote_at_end(block_text, *citation.span)
    scheme, name = citation.paper_identifiers[0]
    if quoted is None and citation.cites_passage and scheme == "file":
        if len(text) > _MAX_LINK_NAME_CHARS and name.rpartition(".")[0] not in text:
            quoted = citation.span
    if quoted:
        return citation._replace(quote_span=quoted)
    page = _PAGE_NUMBER_ONLY.match(text)
    label = page["label"] if page else _parse_page_label(text)
    return citation._replace(page_label=label)


def _parse_page_label(text: str) -> str:
    page = _PAGE.search(text)
    return page["label"] if page else ""


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
    return _LEADING_PUNCTUATION.sub("", text, count=1).strip() if has_words(text) else ""


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
    closer = text[end - 1] if end > start else ""
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

# Words in the types of callouts that people use for quotes.
_QUOTE_CALLOUT = regex(r"(?i)quote|cite|zitat|highlight|annotation|excerpt|pdf")
_SENTENCE_END = '.!?…”"»“«」。！？'
_CLOSING_MARKS = '”"»“」』'
# The minimum number of words before a link to an annotation that count as a quote without
# quotation marks.
_MIN_QUOTE_WORDS = 3
_HEX_COLOUR = regex("#.*")
# The maximum number of blocks below a quote that may be comments on it.
_MAX_COMMENT_BLOCKS = 20


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

    def select_cloze_phrases(
        self, phrases: Iterable[MarkedPhrase], mark_kinds: frozenset[str]
    ) -> list[MarkedPhrase]:
        """Select the highlighted phrases that become cloze deletions of the card.

        Returns [] if a single phrase covers all words of this part. Otherwise, the card would
        consist of nothing but a cloze deletion.
        """
        plain = self.block.plain_text
        gaps = []
        for phrase in select_outermost(phrases):
            if phrase.mark_kind not in mark_kinds:
                continue
            before = plain[self.start : phrase.start]
            if not has_words(before + plain[max(phrase.end, self.start) : self.end]):
                return []
            if self.start <= phrase.start and phrase.end <= self.end:
                gaps.append(phrase)
        return gaps


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
    def lines(self) -> Span:
        """The range of lines in the note that the quote covers, as [first, end), counted from 0."""
        return self.blocks[0].lines[0], self.blocks[-1].lines[1]

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
        colours: list[str] = []
        exact = ""
        markdown = ""
        for piece in self.pieces:
            if exact:
                exact += "\n"
                markdown += "\n\n"
            block = piece.block
            phrases = [
                each
                for each in block.inline_text.marked_phrases
                if piece.overlaps(each.span)
            ]
            colours += [each.detail for each in phrases if each.mark_kind == "mark"]
            gap_phrases = piece.select_cloze_phrases(phrases, mark_kinds)
            text = f"```\n{piece.text}\n```"
            spans: tuple[Span, ...] = ()
            if block.can_contain_highlights:
                text, spans = block.inline_text.render_range(
                    piece.start,
                    piece.end,
                    gap_phrases,
                    keep_bold="bold" not in mark_kinds,
                )
            offset = len(exact) - piece.start
            gaps += [(gap.start + offset, gap.end + offset) for gap in gap_phrases]
            offset = len(markdown)
            markdown_gaps += [(start + offset, end + offset) for start, end in spans]
            exact += piece.text
            markdown += text

        citation = self.citation
        colours.append(citation.colour)
        # a callout type may contain a colour: `quote|#ffd400`
        _, _, option = self.pieces[0].block.callout_type.partition("|")
        colours += _HEX_COLOUR.findall(normalize_colour(option.strip().lower()))
        annotation_hints: tuple[Hint, ...] = ()
        if citation.annotation:
            keys = (citation.annotation.rpartition("/")[2], citation.annotation)
            annotation_hints = tuple(map(hints.make_zotero_hint, keys))
        urls = [to_openable_url(link, note_url) for link in citation.links]
        return {
            "exact": exact,
            "markdown": (markdown,),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": self.comment,
            "colour": next(filter(None, colours), ""),
            "page_label": citation.page_label or citation.page,
            "hints": annotation_hints,
            "links": tuple(filter(None, urls)),
        }


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
        self.unclear_blocks: list[Block] = []
        """The blocks with a link for which the quoted text is unclear."""
        if not citations:
            return
        self._cards = cards = frozenset(filter(is_card, note.blocks))
        self._citations = {
            block: block_citations
            for block, block_citations in citations.items()
            if block not in cards
        }
        self._link_only_blocks = set(filter(self._has_only_links, self._citations))
        """The blocks that contain no words except in citations."""
        free_links = {block for block in self._link_only_blocks if not block.quotes}
        all_quotes: list[CitedQuote] = []
        for _, blocks in groupby(note.blocks, _get_group_key):
            group = list(blocks)
            quotes: list[CitedQuote] = []
            if group[0].quotes:
                linked = list(group)
                if self._citations.keys().isdisjoint(group):
                    # the link may be alone in the block below or above the block quote
                    neighbours = (note.find_next(group[-1]), note.find_previous(group[0]))
                    links = [block for block in neighbours if block in free_links]
                    linked += filter(None, links[:1])
                    free_links.difference_update(linked)
                body = [block for block in group if block.kind is not BlockKind.TITLE]
                if cards.isdisjoint(body):
                    quotes = self._find_block_quote(body, linked)
            for block in () if quotes else group:
                block_quotes = self._find_quotes_in_block(block)
                quotes += block_quotes
                if not block_quotes and self._has_unclear_link(block):
                    self.unclear_blocks.append(block)
            all_quotes += quotes
        self._add_quotes(all_quotes)

    def _has_only_links(self, block: Block) -> bool:
        if block.kind is BlockKind.HEADING or block.inline_text.is_footnote:
            return False
        if any(citation.quote_span for citation in self._citations[block]):
            return False
        texts = self._split_at_citations(block)
        return not any(clean_comment(block.plain_text[start:end]) for start, end in texts)

    def _has_unclear_link(self, block: Block) -> bool:
        """Return whether it is unclear which text a link in the block quotes.

        This is the case if no quotation was found in the block, although it links to a Zotero
        annotation or, inside a block quote, to any location.
        """
        in_quote = block.quotes and not block.callout_type
        in_quote = in_quote and block not in self._link_only_blocks
        return any(
            citation.annotation or (in_quote and citation.has_location)
            for citation in self._citations.get(block, ())
        )

    def _add_quotes(self, found_quotes: Iterable[CitedQuote]) -> None:
        """Add quotes to the index, with the reader's comments on each of them.

        Comments are the blocks from `_find_comments`, and hidden comments (`%%…%%`) directly above
        a quote or after it without text in between. A quote that begins like a remark (`Note:`)
        is a comment on the previous quote if both have the same links. If not, it is unclear what
        the remark refers to.
        """
        quotes: list[CitedQuote] = []
        for cited in found_quotes:
            first = cited.pieces[0]
            if not REMARK_TEXT.match(first.block.plain_text[: first.end]):
                comment_blocks = self._find_comments(cited)
                texts = [block.plain_text for block in comment_blocks]
                quotes.append(cited.add_comments(texts, comment_blocks))
            elif quotes and quotes[-1].citation.links == cited.citation.links:
                texts = [piece.block.plain_text[: piece.end] for piece in cited.pieces]
                quotes[-1] = quotes[-1].add_comments(texts, cited.blocks)
            else:
                self.unclear_blocks.append(first.block)
        lines = self._note.source.split("\n")
        starts = [cited.lines[0] for cited in quotes]
        for (start, end), comment in self._note.comments:
            index = bisect_right(starts, start) - 1
            above_end = quotes[index].lines[1] if index >= 0 else -1
            if start > above_end and end in starts:
                index += 1
            elif index < 0 or has_words("".join(lines[above_end:start])):
                continue
            quotes[index] = quotes[index].add_comments([comment])
        for cited in quotes:
            first, last = cited.pieces[0], cited.pieces[-1]
            self.quotes_by_start.setdefault(first.block, {})[first.start] = cited
            self.covered_blocks.update(
                self._note.get_block_range(first.block, last.block)
            )
            self.covered_blocks.update(cited.extra_blocks)
            for piece in cited.pieces:
                self._pieces.setdefault(piece.block, []).append(piece)

    def _find_comments(self, quote: CitedQuote) -> list[Block]:
        """Return the blocks in which the reader comments on a quote.

        For a quote in a table, these are the questions and remarks in the same row. Otherwise,
        they are the list items nested below the quote. If there are none, the next block is a
        comment if it is a remark such as `Note: …`, or a question without another paragraph by
        the reader below it.
        """
        first, last = quote.blocks[0], quote.blocks[-1]
        if first.kind is BlockKind.CELL:
            candidates = self._note.blocks[max(0, first.number - 1 - first.column) :]
            row = takewhile(first.is_in_row_of, candidates)
            return [cell for cell in row if self._is_comment(cell)]
        following = self._note.blocks[last.number : last.number + _MAX_COMMENT_BLOCKS]
        own = list(takewhile(self._is_ordinary_text, following))
        nested = [
            block for block in own if first.items and first.items[-1] in block.items
        ]
        if nested or not own or not self._is_comment(own[0]):
            return nested
        is_alone = len(own) == 1 or own[1].kind is not BlockKind.TEXT
        return own[: is_alone or bool(REMARK_TEXT.match(own[0].plain_text))]

    def _is_ordinary_text(self, block: Block) -> bool:
        """Return whether a block is neither card nor heading, without citations or highlights."""
        return (
            block not in self._citations
            and block not in self._cards
            and block.kind is not BlockKind.HEADING
            and not any(
                each.mark_kind in ("==", "mark")
                for each in block.inline_text.marked_phrases
            )
        )

    def _is_comment(self, block: Block) -> bool:
        """Return whether a block is a question or remark by the reader.

        A table cell is also a remark if the header of its column is a word such as `Notes`.
        """
        label = block.headers[-1].plain_text if block.column and block.headers else ""
        is_remark = REMARK_TEXT.match(block.plain_text) or REMARK_TEXT.match(f"{label}:")
        return self._is_ordinary_text(block) and bool(
            is_remark or _is_question(block.plain_text)
        )

    def is_in_quote(self, block: Block, span: Span) -> bool:
        """Return whether any quote overlaps `span` in the block's plain text."""
        return any(piece.overlaps(span) for piece in self._pieces.get(block, ()))

    def _split_at_citations(self, block: Block) -> list[Span]:
        """Return the spans of text before, between and after the citations of a block."""
        edges = [0]
        for citation in self._citations.get(block, ()):
            edges.extend(citation.span)
        edges.append(len(block.plain_text))
        return list(pairwise(edges))[::2]

    # --- paragraphs and list items ----------------------------------------------------

    def _find_quotes_in_block(self, block: Block) -> list[CitedQuote]:
        if block.kind is BlockKind.HEADING or block in self._link_only_blocks:
            return []
        citations = self._citations.get(block, [])
        plain = block.plain_text
        quotes = []
        text_start = 0
        for citation in citations:
            before = trim_quote(plain, text_start, citation.start)
            text_start = citation.end
            quoted = citation.quote_span
            if before and not quoted:
                quoted = find_quote_at_end(plain, *before)
                if not quoted and citations == [citation] and citation.annotation:
                    quoted = before if self._is_bare_quote(block, before) else None
            if quoted:
                quotes.append(CitedQuote((QuotePart(block, *quoted),), citation))
        if len(quotes) != 1:
            return quotes
        # the text after the only quote is the comment, unless there are words before the quote
        [piece] = quotes[0].pieces
        if clean_comment(plain[: min(piece.start, citations[0].start)]):
            return quotes
        end = max(piece.end, citations[-1].end)
        text_after = clean_comment(plain[end:].lstrip(_CLOSING_MARKS))
        return [quotes[0].add_comments([text_after])]

    def _is_bare_quote(self, block: Block, span: Span) -> bool:
        """Return whether text before the block's only link is a quote without quotation marks.

        It isn't if the block is a title, if anything in the block is highlighted, if the text
        has too few words, or if text follows the link on the same line that is neither a remark
        nor a question.
        """
        text_after = clean_comment(block.plain_text[self._citations[block][0].end :])
        is_comment = REMARK_TEXT.match(text_after) or _is_question(text_after)
        is_comment = is_comment or block.inline_text.is_line_end(
            self._citations[block][0].end
        )
        if block.kind is BlockKind.TITLE or (text_after and not is_comment):
            return False
        if any(
            phrase.mark_kind in ("==", "mark")
            for phrase in block.inline_text.marked_phrases
        ):
            return False
        return len(block.plain_text[slice(*span)].split()) >= _MIN_QUOTE_WORDS

    # --- block quotes and callouts ----------------------------------------------------

    def _find_block_quote(
        self, body: Sequence[Block], linked: Sequence[Block]
    ) -> list[CitedQuote]:
        """Read a whole block quote as one quotation.

        Returns a list with this quotation, or [] if the block quote can't be read as one. The
        caller then searches its blocks one by one.

        Args:
            body: The blocks of the block quote, without its title.
            linked: All blocks of the block quote, and the adjacent block that has only its link.
        """
        if body and linked[0].kind is BlockKind.TITLE and self._is_comment(body[0]):
            if in_title := self._find_quotes_in_block(linked[0]):
                return [
                    in_title[0].add_comments([each.plain_text for each in body], linked)
                ]
        citations: list[Citation] = []
        citing_blocks = []
        places = set()
        annotations = set[str]()
        for block in linked:
            block_citations = self._citations.get(block, ())
            citations += block_citations
            if block_citations and block not in self._link_only_blocks:
                citing_blocks.append(block)
                places.add(block_citations[0].links)
                annotations.update(each.annotation for each in block_citations)
        # all blocks with both citations and other words must cite the same location, and
        # at their ends
        if len(places) > 1 or len(annotations - {""}) > 1 or not citations:
            return []
        # the text of a link to a passage is the quotation, whatever is around the link
        if any(each.quote_span and each.cites_passage for each in citations):
            return []
        if not all(map(self._has_links_outside_text, citing_blocks)):
            return []
        # a callout must have a type used for quotes, or a link to a page or passage
        citation = reduce(Citation.merge, citations)
        callout_type = linked[0].callout_type
        if callout_type and not _QUOTE_CALLOUT.search(callout_type):
            if not citation.has_location:
                return []
        pieces, comments = self._split_quote_and_comment(body, linked)
        if not pieces:
            return []
        quote = CitedQuote(_strip_quotation_marks(pieces), citation)
        return [quote.add_comments(comments, linked)]

    def _has_links_outside_text(self, block: Block) -> bool:
        """Return whether the links of a block cite its text, rather than being part of a sentence.

        If text follows a link, the link must lead to a passage, and must be at the end of a line,
        after the end of a sentence, before a colon or in brackets. In a callout title, a link to
        a passage is enough.
        """
        citations = self._citations[block]
        if block.kind is BlockKind.TITLE:
            return any(citation.cites_passage for citation in citations)
        for citation in citations:
            if not clean_comment(block.plain_text[citation.end :]):
                continue
            end = citation.end
            text_before = clean_comment(block.plain_text[: citation.start])
            if not citation.cites_passage:
                return False
            if not (
                block.plain_text[end : end + 1] == ":"
                or block.inline_text.is_line_end(end)
                or block.plain_text[citation.start] in "(（"
                or text_before[-1:] in tuple(_SENTENCE_END)
            ):
                return False  # the link is within a sentence
        return True

    def _split_quote_and_comment(
        self, body: Sequence[Block], linked: Sequence[Block]
    ) -> tuple[list[QuotePart], list[str]]:
        """Split a block quote into the quoted text and the reader's comments.

        Text belongs to the comments if it follows a link, is below a horizontal rule or begins
        like a remark. A nested block quote is a comment, too, if all citations are in the title or
        in the text above it. The arguments are those of `_find_block_quote`.

        Returns:
            (quoted parts, texts of the comments).
        """
        quoting_blocks, comment_blocks = _split_quoting_blocks(body)
        words = [block for block in body if block not in self._link_only_blocks]
        # unless the only link is in a block outside, which isn't in a quote
        if words and words[0] not in quoting_blocks and linked[-1].quotes:
            above = [block for block in body if block.number < quoting_blocks[0].number]
            if self._citations.keys().isdisjoint(body[len(above) :]):
                quoting_blocks, comment_blocks = above, body[len(above) :]
        pieces: list[QuotePart] = []
        comments: list[str] = []
        # whether a link or a comment has already followed the quote
        is_quote_over = False
        for block in quoting_blocks:
            is_below_rule = block.rule_count > quoting_blocks[0].rule_count
            link_count = len(self._citations.get(block, ()))
            for number, span_between in enumerate(self._split_at_citations(block)):
                span = trim_quote(block.plain_text, *span_between)
                text = clean_comment(block.plain_text[slice(*span)]) if span else ""
                if span is None or not text:
                    continue
                if pieces and (is_quote_over or REMARK_TEXT.match(text) or is_below_rule):
                    comments.append(text)
                    is_quote_over = True
                else:
                    pieces.append(QuotePart(block, *span))
                    is_quote_over = number < link_count
        for block in comment_blocks:
            if block not in self._link_only_blocks and block.kind is not BlockKind.TITLE:
                comments.append(block.plain_text)
        return pieces, comments


def _get_group_key(block: Block) -> object:
    """Return a key for `groupby`: the outermost block quote around a block, or else the block."""
    return block.quotes[0] if block.quotes else block


def _split_quoting_blocks(
    body: Sequence[Block],
) -> tuple[Sequence[Block], Sequence[Block]]:
    """Split a block quote into (blocks with quoted text, blocks written by the reader).

    A nested callout of another type was written by the reader. In any other nested block quote is
    the quoted text, and the blocks below it were written by the reader. A plain block quote has
    the type of the callout around it.
    """
    outer_depth = min((len(block.quotes) for block in body), default=0)
    nested = [block for block in body if len(block.quotes) > outer_depth]
    callouts = [block for block in nested if block.callout_type != body[0].callout_type]
    if callouts:
        return [block for block in body if block not in callouts], callouts
    quoting = nested or body
    return quoting, [block for block in body if block.number > quoting[-1].number]


def _strip_quotation_marks(pieces: Sequence[QuotePart]) -> tuple[QuotePart, ...]:
    first, last = pieces[0], pieces[-1]
    plain = first.block.plain_text
    if len(pieces) == 1:
        quoted = find_quote_at_end(plain, first.start, first.end)
        if quoted and not clean_comment(plain[first.start : quoted[0]]):
            return (QuotePart(first.block, *quoted),)
    closer = last.text[-1]
    if plain[first.start] not in _OPENERS_BY_CLOSER.get(closer, ""):
        return tuple(pieces)
    if first is last:  # keep the opening mark
        return (first._replace(end=first.end - 1),)
    unquoted = last._replace(end=last.end - 1)
    return (first._replace(start=first.start + 1), *pieces[1:-1], unquoted)


def _is_question(text: str) -> bool:
    """Return whether a text ends with a question mark, ignoring the privacy tag."""
    return remove_private_tag(text).rstrip().endswith(("?", "？"))
