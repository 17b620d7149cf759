"""Links to papers and books: what a link cites, the page that its text names, and quotation marks.

Zotero, PDF plug-ins and readers paste such links beside what they quote.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from ankiforge.extract.markdown.blocks import Block
from ankiforge.extract.markdown.placeholders import QUOTES
from ankiforge.extract.markdown.signs import hex_colour
from ankiforge.model import Pair, Span, Strings, hints
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

    def joined(self, other: Citation) -> Citation:
        """Return one citation of all that both cite."""
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


Citations = dict[int, list[Citation]]
"""The citations of a note, by block index."""


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
    if not QUOTES.search(block.source) and not block.context.references:
        return []
    plain = block.inline.plain
    # what each link and citekey cites; other links have no papers
    links: list[Citation] = []
    for span, target in block.inline.targets:
        if "zotero://" in target:
            citation = _cited_in_zotero(target, span)
        else:
            citation = _cited_in_pdf(target, span)
        if citation is None:
            links.append(Citation(span))
            continue
        # its text is the quoted words, or the label of the page
        text = plain[slice(*span)]
        words = quoted_at_end(plain, *span)
        scheme, name = citation.papers[0]
        is_exact_in_file = citation.exact and scheme == "file"
        if words is None and is_exact_in_file and len(text) > _LONG:
            if name.rpartition(".")[0] not in text:
                words = span
        page = _LONE_PAGE.match(text)
        label = page["label"] if page else _page_label(text)
        links.append(citation._replace(words=words, label="" if words else label))
    if "[@" in plain:
        for citekey in _CITEKEY.finditer(plain):
            paper = ("citekey", citekey["key"].rstrip(".,;:"))
            label = _page_label(citekey[0])
            links.append(Citation(citekey.span(), papers=(paper,), label=label))

    # join those to papers with those beside them, as to a DOI; drop others
    citations: list[Citation] = []
    for link in sorted(links, key=lambda link: link.span):
        if citations:
            end = citations[-1].end
            if link.start < end or _BETWEEN.match(plain[end : link.start]):
                citations[-1] = citations[-1].joined(link)
                continue
        if link.papers:
            citations.append(link)

    # extend them by the brackets around them and the attributions before them
    previous_end = 0
    extended = []
    for citation in citations:
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
        extended.append(citation._replace(span=(start, end), label=label))
        previous_end = end
    return extended


def _page_label(text: str) -> str:
    """Return the label of the page that a text names, "" if it names none."""
    page = _PAGE.search(text)
    return page["label"] if page else ""


# --- quotation marks and remarks ------------------------------------------------------


OPENERS_OF = {
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
_REMARK_WORD = (
    r"comments?|notes?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记"
)
REMARK = regex(
    rf"(?is)\s*(?:{_REMARK_SIGN}|(?:my\s+|own\s+)?(?:{_REMARK_WORD})\s*[:：]\s*)"
    r"(?P<words>.*)\Z"
)
"""A text that a sign or a word introduces as a comment."""

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
    has_word = _WORD.search(plain, start, end) is not None
    return (start, end) if has_word else None


def quoted_at_end(plain: str, start: int, end: int) -> Span | None:
    """Return the text in quotation marks at the end of a span, None if there is none."""
    end = start + len(plain[start:end].rstrip(_ENDING))
    closer = plain[end - 1] if end > start else ""
    openers = OPENERS_OF.get(closer)
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
