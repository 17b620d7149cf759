"""Find the links in a note that cite papers and books.

Zotero, PDF plug-ins and reading apps paste such links next to the text that they quote. A
`Citation` holds the paper and location that a link cites, and the page that the link text names.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block
from ankiforge.extract.markdown.markup import normalize_colour
from ankiforge.extract.markdown.quotation_marks import find_quote_at_end
from ankiforge.extract.markdown.syntaxes import may_contain_citations
from ankiforge.model import Pair, Span, Strings, hints
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
    """Parse a link to an item or annotation in Zotero, or return None.

    For example, `zotero://open-pdf/library/items/ABCD2345?page=3&annotation=EFGH6789` cites the
    annotation `user/EFGH6789` of the attachment `user/ABCD2345`.
    """
    url = html.unescape(target).removeprefix("[[").removesuffix("]]")
    link = _ZOTERO_LINK.match(url)
    if link is None:
        return None
    library = "user"
    if link["group"]:
        library = f"group.{link['group']}"
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
    """Parse a link to a page, selection or annotation in a PDF, or return None.

    Examples are `[[paper.pdf#page=3&selection=1,2,3,4]]` and `paper.pdf#page=3`.
    """
    link = _PDF_LINK.match(target)
    if link is None or _URL_SCHEME.match(link["path"]):
        return None
    place = parse_qs(link["place"])
    if "rect" in place:
        return None  # a rectangle has no text to quote
    cites_passage = "selection" in place or "annotation" in place
    if not cites_passage and "page" not in place:
        return None
    path = link["path"]
    is_wiki_link = target.startswith("[[")
    if not is_wiki_link:
        path = unquote(path)
    file_name = re.split(r"[/\\]", path)[-1].strip()
    citation = Citation(
        span,
        links=(target,),
        paper_identifiers=(("file", file_name),),
        page=_get_parameter(place, "page"),
        cites_passage=cites_passage,
    )
    colour = _get_parameter(place, "color")
    if colour is None:
        return citation
    return citation._replace(colour=normalize_colour(colour))


def to_openable_url(target: str, note_url: str) -> str:
    """Convert a link target to a URL that works outside the vault, or to "" if there is none.

    Args:
        target: The link target as written in the note.
        note_url: The URL that opens the note, `obsidian://open?vault=…&file=…`, or "" if the note
            isn't in a vault.
    """
    if target.startswith("[["):
        name = target[2:-2].strip()
        if not name:
            return ""
        if name.startswith("#") and "&file=" in note_url:  # a heading of the note itself
            return note_url + quote(name, safe="")
        return _build_file_url(name, note_url)
    if not target or _NOT_OPENABLE.match(target):
        return ""
    if _URL_SCHEME.match(target):
        return target
    return _build_file_url(unquote(target).removeprefix("./"), note_url)


def _build_file_url(path: str, note_url: str) -> str:
    """Build the URL that opens a file in the vault of a note, or return "" without a vault."""
    vault_url, is_in_vault, _ = note_url.partition("&file=")
    if not is_in_vault:
        return ""
    return f"{vault_url}&file={quote(path, safe='')}"


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
    if second.start < first.end:
        return True
    return _BETWEEN_LINKS.match(plain[first.end : second.start]) is not None


def _iter_links_and_citekeys(block: Block) -> Iterator[Citation]:
    """Yield the links of a block, also those to other places, and then its citekeys."""
    plain = block.inline_text.plain
    for span, target in block.inline_text.link_targets:
        link = _parse_link(target, span)
        if link is None:
            yield Citation(span)
        else:
            yield _parse_link_text(plain, link)
    for match in _CITEKEY.finditer(plain):
        paper = ("citekey", match["key"].rstrip(".,;:"))
        label = _parse_page_label(match[0])
        yield Citation(match.span(), (), (paper,), page_label=label)


def _parse_link(target: str, span: Span) -> Citation | None:
    """Parse a link to a paper, or return None for any other link."""
    if "zotero://" in target:
        return _parse_zotero_link(target, span)
    return _parse_pdf_link(target, span)


def _parse_link_text(block_text: str, citation: Citation) -> Citation:
    """Add the quoted text or the page label in the text of a link to its citation."""
    text = block_text[citation.start : citation.end]
    quoted = find_quote_at_end(block_text, *citation.span)
    if quoted:
        return citation._replace(quote_span=quoted)
    if _is_quote_of_pdf(text, citation):
        return citation._replace(quote_span=citation.span)
    page = _PAGE_NUMBER_ONLY.match(text)
    if page:
        return citation._replace(page_label=page["label"])
    return citation._replace(page_label=_parse_page_label(text))


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
