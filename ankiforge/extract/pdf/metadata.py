"""A file as it names itself: title, authors, DOI, arXiv id, lines and headings; and its id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import islice

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDocument

from ankiforge.extract.pdf.cleaning import one_line
from ankiforge.extract.pdf.page_text import FAULTS
from ankiforge.extract.pdf.titles import PrintedLine, title_of
from ankiforge.model import Document, DocumentKey, Pair, Value, h16, hints
from ankiforge.text import regex
from ankiforge.text.fold import for_finding
from ankiforge.text.private import tag_among

# --- headings ---------------------------------------------------------------------------

_MOST_ENTRIES = 5000
"""Outline entries read, at most."""
DEEPEST = 12
"""Levels of the outline."""
_LONGEST_ENTRY = 200
"""Characters of an entry that are kept."""


class OutlineEntry(Value):
    """One entry of the outline."""

    page: int
    top: float
    level: int
    title: str


def headings_above(
    outline: Sequence[OutlineEntry],
    lines: Sequence[PrintedLine],
    page: int,
    index: int,
    top: float,
) -> str:
    """Return the headings above a character of a page with these lines, joined by ` › `.

    The text decides where an entry belongs if it contains it: columns make heights
    useless.
    """
    path: list[OutlineEntry] = []
    for entry in outline:
        is_above = entry.page < page
        if entry.page == page:
            title = for_finding(entry.title)
            is_above = entry.top >= top
            for line in lines:
                if for_finding(line.text).endswith(title):
                    is_above = line.start <= index
                    break
        if is_above:
            path = [outer for outer in path if outer.level < entry.level]
            path.append(entry)
    return " › ".join(entry.title for entry in path)


# Which number of a destination is its height on the page, by the way it is shown.
_TOP = {
    pdfium_c.PDFDEST_VIEW_XYZ: 1,
    pdfium_c.PDFDEST_VIEW_FITH: 0,
    pdfium_c.PDFDEST_VIEW_FITBH: 0,
    pdfium_c.PDFDEST_VIEW_FITR: 3,
}


def outline_of(document: PdfDocument) -> Iterator[OutlineEntry]:
    """Yield the entries of the outline."""
    with suppress(*FAULTS):
        for item in islice(document.get_toc(DEEPEST), _MOST_ENTRIES):
            target = item.get_dest()
            page = target.get_index() if target else None
            title = one_line(item.get_title())[:_LONGEST_ENTRY]
            if page is None or page < 0 or not title:
                continue
            # the height on its page to which it leads, infinity for all of it
            mode, numbers = target.get_view()
            index = _TOP.get(mode, len(numbers))
            top = float("inf")
            if index < len(numbers):
                top = float(numbers[index])
            yield OutlineEntry(page, top, item.level, title)


# --- metadata ---------------------------------------------------------------------------

ENTRIES = ("Subject", "Keywords", "doi", "DOI", "WPS-ARTICLEDOI")
"""Entries of the metadata, beside title and author, that name a DOI or an arXiv id."""

_DOI = regex(r"\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]{1,200}")
# A DOI that goes on with a number in the next line; half a DOI would match thousands of works.
_CUT_DOI = regex(
    r"(\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[-._/])[\ufffe\x02]?\s*\n\s*(?=\d{4}|[a-z]{2,6}\.\d{4})"
)
_ARXIV = regex(
    r"(?i)\barxiv(?:\.org/(?:abs|pdf)/|[.:]\s*)"
    r"(\d{4}\.\d{4,5}|[a-z][a-z-]{1,10}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)"
)
# An account of a computer, or an address, is no author; nor is a single word.
_NO_AUTHOR = regex(r"(?i)(?:microsoft|windows)\b|.*@")


def read_work(
    document: PdfDocument,
    first_page: str,
    lines: Sequence[PrintedLine],
    file_name: str,
) -> Document:
    """Return the metadata of the work, "" where the file has none.

    Identifiers in the metadata are `doi` and `arxiv`; those printed on the first page,
    which may cite another work, are `doi-hint` and `arxiv-hint`.
    """
    metadata_title = one_line(document.get_metadata_value("Title"))
    title = title_of(metadata_title, lines, first_page, file_name)

    # the authors: at commas only if no name is inverted
    author = one_line(document.get_metadata_value("Author"))
    names = re.split(r";|\s(?:and|&)\s", author)
    if len(names) == 1 or "," in author:
        pieces = re.split(r";|\s(?:and|&)\s|,", author)
        if all(" " in piece.strip() for piece in pieces if piece.strip()):
            names = pieces
    creators = []
    for name in map(str.strip, names):
        if " " in name and not _NO_AUTHOR.match(name):
            creators.append(name)

    # the identifiers: those of the metadata, then printed ones
    others = [one_line(document.get_metadata_value(name)) for name in ENTRIES]
    metadata = " ".join((metadata_title, *others))
    arxiv = _ARXIV.search(metadata)
    printed_arxiv = _ARXIV.search(first_page)
    doi = find_doi(metadata)
    printed_doi = find_doi(_CUT_DOI.sub(r"\1", first_page))
    identifiers: list[Pair] = []
    if doi:
        identifiers.append(("doi", doi))
    if arxiv:
        identifiers.append(("arxiv", arxiv[1]))
    if printed_doi and not doi:
        identifiers.append((hints.printed("doi"), printed_doi))
    if printed_arxiv and not arxiv:
        identifiers.append((hints.printed("arxiv"), printed_arxiv[1]))

    subject, keywords, *_ = others
    return Document(
        key=DocumentKey(""),
        source="",
        title=title,
        creators=tuple(creators),
        identifiers=tuple(identifiers),
        tags=tag_among((subject, *re.split(r"[,;]", keywords))),
    )


def find_doi(text: str) -> str:
    """Return the first DOI in a text without punctuation after it, "" for none."""
    match = _DOI.search(text)
    if not match:
        return ""
    from ankiforge.text.identifiers import without_punctuation

    return without_punctuation(match[0])


# --- the identity of a document, see docs/reference/keys.md ---------------------------


_LITTLE_TEXT = 200
"""Folded characters; a document with fewer is identified by what its pages draw, too."""
DEEPEST_FORM = 4
"""Levels of nested forms that are searched for pictures."""
_MOST_DRAWN = 1000
"""Objects of a page that are examined, at most."""


def document_id(folds: Sequence[str], pages: Iterable[pdfium.PdfPage | None]) -> str:
    """Return 16 hex digits made from the folded texts of the pages and their drawings."""
    if sum(map(len, folds)) >= _LITTLE_TEXT:
        return h16(*folds)
    # kind and place (in points) of each thing drawn, and digests of pictures
    drawn: list[str] = []
    for page in pages:
        if not page:
            continue
        for drawing in islice(page.get_objects(max_depth=DEEPEST_FORM), _MOST_DRAWN):
            edges = map(round, drawing.get_bounds())
            drawn.append(" ".join(map(str, (drawing.type, *edges))))
            if isinstance(drawing, pdfium.PdfImage):
                drawn.append(sha256(drawing.get_data(decode_simple=True)).hexdigest())
    return h16(*folds, *drawn)
