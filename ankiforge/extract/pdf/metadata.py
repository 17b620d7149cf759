"""Read the metadata of a PDF: title, authors, DOI, arXiv id and outline.

The document id, which is part of keys, depends only on the pages' content (`compute_document_id`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import accumulate, islice

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDocument

from ankiforge.extract.cleaning import to_one_line
from ankiforge.extract.pdf.page_text import PDF_ERRORS
from ankiforge.extract.pdf.titles import PrintedLine, choose_title
from ankiforge.model import Document, DocumentKey, Pair, Strings, Value, hash16, hints
from ankiforge.text import regex
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.private import find_private_tag

# --- headings ---------------------------------------------------------------------------

_MAX_OUTLINE_ENTRIES = 5000
"""The maximum number of outline entries to read."""
MAX_OUTLINE_LEVELS = 12
"""The maximum number of outline levels to read."""
_MAX_ENTRY_CHARS = 200
"""Titles of outline entries are truncated to this length."""


_MAX_HEADING_LINES = 3

_SECTION_NUMBER = regex(r"^(?:[\dA-Z]{1,3}(?:\.\d{1,3})*\.?|[IVX]+\.)\s")
# A section number after `normalize_for_lookup`: `21` for 2.1, `iv` or `appendixa`.
_FOLDED_NUMBER = regex(r"(?:appendix|chapter)?(?:[ivx]+|[a-z]?\d*)")


class OutlineEntry(Value):
    """An entry in a PDF's outline (table of contents): a heading and its position."""

    page: int
    """The page number of the heading, from 0."""
    top: float
    """The vertical position of the heading in points, or infinity if it is unknown."""
    level: int
    title: str


def format_headings(
    outline: Sequence[OutlineEntry],
    lines: Sequence[PrintedLine],
    page: int,
    char_index: int,
    top: float,
) -> str:
    """Return the headings above a character, outermost first, joined by ` › `.

    If the title of an outline entry isn't found on its page, `entry.top` is used, which is
    unreliable on pages with several columns.

    Args:
        outline: The outline entries, in order.
        lines: The lines of the page.
        page: The page number, from 0.
        char_index: The index of the character in PDFium's list.
        top: The vertical position of the character.
    """
    open_entries: list[OutlineEntry] = []
    folded_lines = [normalize_for_lookup(line.text) for line in lines]
    for entry in outline:
        is_above = entry.page < page
        if entry.page == page:
            line_number = _find_title(folded_lines, normalize_for_lookup(entry.title))
            if line_number is None:
                is_above = entry.top >= top
            else:
                is_above = lines[line_number].start <= char_index
        if is_above:
            open_entries = [outer for outer in open_entries if outer.level < entry.level]
            open_entries.append(entry)
    return " › ".join(entry.title for entry in open_entries)


def _find_title(folded_lines: Sequence[str], title: str) -> int | None:
    """Return the number of the first line of a heading on a page, or None if it isn't found.

    A heading has whole lines, with or without a section number, or else begins a line of text. The
    lines and the title are normalized: the heading `2.1 Methods` on two lines is `21`, `methods`.
    """
    for number in range(len(folded_lines)):
        lines_from_here = folded_lines[number : number + _MAX_HEADING_LINES]
        for text in accumulate(lines_from_here):  # one line, two lines joined, and so on
            if not text.endswith(title):
                continue
            before_title = text.removesuffix(title)
            if _FOLDED_NUMBER.fullmatch(before_title):
                return number
    for number, line in enumerate(folded_lines):
        if line.startswith(title):
            return number
    return None


def is_printed_on(title: str, folded_page: str) -> bool:
    """Return whether the title of an outline entry is printed on a page.

    This is assumed if the page has no text. The section number in the title is ignored.
    `folded_page` is the text of the page, normalized by `normalize_for_lookup`.
    """
    folded_title = normalize_for_lookup(_SECTION_NUMBER.sub("", title))
    return not folded_page or folded_title in folded_page


# The index of the vertical position among the parameters of a destination, by its view mode.
_TOP_INDEX = {
    pdfium_c.PDFDEST_VIEW_XYZ: 1,
    pdfium_c.PDFDEST_VIEW_FITH: 0,
    pdfium_c.PDFDEST_VIEW_FITBH: 0,
    pdfium_c.PDFDEST_VIEW_FITR: 3,
}


def read_outline(document: PdfDocument) -> Iterator[OutlineEntry]:
    """Yield the outline entries of a document, except those without a title or a page."""
    with suppress(*PDF_ERRORS):
        for bookmark in islice(
            document.get_toc(MAX_OUTLINE_LEVELS), _MAX_OUTLINE_ENTRIES
        ):
            destination = bookmark.get_dest()
            page = destination.get_index() if destination else None
            title = to_one_line(bookmark.get_title())[:_MAX_ENTRY_CHARS]
            if page is None or page < 0 or not title:
                continue
            top = _find_top(*destination.get_view())
            yield OutlineEntry(page, top, bookmark.level, title)


def _find_top(mode: int, parameters: Sequence[float]) -> float:
    """Return the vertical position of a destination, or infinity if it is the whole page."""
    top_index = _TOP_INDEX.get(mode)
    if top_index is None or top_index >= len(parameters):
        return float("inf")
    return float(parameters[top_index])


# --- metadata ---------------------------------------------------------------------------

IDENTIFIER_ENTRIES = ("Subject", "Keywords", "doi", "DOI", "WPS-ARTICLEDOI")
"""The metadata entries, besides the title, that may contain a DOI or an arXiv id."""

_DOI = regex(r"\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]{1,200}")
# Matches a DOI that continues on the next line. Half of a DOI would match thousands of works.
_BROKEN_DOI = regex(
    r"(\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[-._/])[\ufffe\x02]?\s*\n\s*(?=\d{4}|[a-z]{2,6}\.\d{4})"
)
_ARXIV = regex(
    r"(?i)\barxiv(?:\.org/(?:abs|pdf)/|[.:]\s*)"
    r"(\d{4}\.\d{4,5}|[a-z][a-z-]{1,10}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)"
)
# Names of computer accounts, and email addresses, which aren't authors.
_NOT_AN_AUTHOR = regex(r"(?i)(?:microsoft|windows)\b|.*@")


def _split_authors(entry: str) -> Strings:
    """Split the author entry of a PDF into names.

    Single words, names of user accounts and email addresses are left out. Commas only separate
    names if no name is written as `Surname, First name`.
    """
    names = _split_at(r";|\s(?:and|&)\s", entry)
    if len(names) == 1 or "," in entry:
        names_at_commas = _split_at(r";|\s(?:and|&)\s|,", entry)
        # in `Mayr, Ernst`, the parts are single words
        have_several_words = all(" " in name for name in names_at_commas if name)
        if have_several_words:
            names = names_at_commas
    authors = []
    for name in names:
        if " " in name and not _NOT_AN_AUTHOR.match(name):
            authors.append(name)
    return tuple(authors)


def _split_at(separator: str, text: str) -> list[str]:
    """Split a text, and strip its parts, of which some may be empty."""
    return [part.strip() for part in re.split(separator, text)]


def read_work(
    document: PdfDocument,
    first_page: str,
    lines: Sequence[PrintedLine],
    file_name: str,
) -> Document:
    """Read the title, authors, identifiers and tags of the work in a PDF.

    Identifiers from the metadata get the schemes `doi` and `arxiv`. Identifiers that are only
    printed on the first page may belong to a cited work, so they get the schemes `doi-hint` and
    `arxiv-hint`. The document's key is left empty, and so is the title of slides.

    Args:
        document: The open PDF.
        first_page: The text of the first page.
        lines: The lines of the first page.
        file_name: The file name without its suffix.
    """
    metadata_title = to_one_line(document.get_metadata_value("Title"))
    title = None
    if not _has_slides(document):
        title = choose_title(metadata_title or None, lines, first_page, file_name)
    entries = {
        name: to_one_line(document.get_metadata_value(name))
        for name in IDENTIFIER_ENTRIES
    }
    metadata = " ".join((metadata_title, *entries.values()))
    keywords = re.split(r"[,;]", entries["Keywords"])
    return Document(
        key=DocumentKey(""),
        source="",
        title=title or "",
        creators=_split_authors(to_one_line(document.get_metadata_value("Author"))),
        identifiers=tuple(_iter_identifiers(metadata, first_page)),
        tags=find_private_tag((entries["Subject"], *keywords)),
    )


def _has_slides(document: PdfDocument) -> bool:
    """Return whether a document consists of slides, which are wider than high.

    They keep the name of their file, because the largest line of a deck is often the name of the
    course or the lecturer.
    """
    width, height = document.get_page_size(0)
    return bool(width > height)


def _iter_identifiers(metadata: str, first_page: str) -> Iterator[Pair]:
    """Yield the identifiers in the metadata, then those that are only printed."""
    doi = find_doi(metadata)
    arxiv_id = _find_arxiv_id(metadata)
    if doi is not None:
        yield "doi", doi
    if arxiv_id is not None:
        yield "arxiv", arxiv_id
    printed_doi = find_doi(_BROKEN_DOI.sub(r"\1", first_page))
    if doi is None and printed_doi is not None:
        yield hints.make_printed_scheme("doi"), printed_doi
    printed_arxiv_id = _find_arxiv_id(first_page)
    if arxiv_id is None and printed_arxiv_id is not None:
        yield hints.make_printed_scheme("arxiv"), printed_arxiv_id


def find_doi(text: str) -> str | None:
    """Return the first DOI in a text, without trailing punctuation, or None."""
    match = _DOI.search(text)
    if match is None:
        return None
    from ankiforge.text.identifiers import normalize_doi

    return normalize_doi(match[0]) or None


def _find_arxiv_id(text: str) -> str | None:
    match = _ARXIV.search(text)
    return None if match is None else match[1]


# --- the identity of a document, see tests/keys/keys.md ---------------------------


_MIN_IDENTIFYING_CHARS = 200
"""The minimum length of the normalized text to identify a document by its text alone."""
MAX_FORM_LEVELS = 4
"""The maximum depth of nested form XObjects to search for drawn objects."""
_MAX_DRAWN_OBJECTS = 1000
"""The maximum number of objects per page to include in the document id."""


def compute_document_id(
    folded_texts: Sequence[str], pages: Iterable[pdfium.PdfPage | None]
) -> str:
    """Compute the id of a document, a hash of the text of all pages in 16 hex digits.

    If there is little text, as in a scan, the objects drawn on the pages are hashed as well.
    """
    if sum(map(len, folded_texts)) >= _MIN_IDENTIFYING_CHARS:
        return hash16(*folded_texts)
    return hash16(*folded_texts, *_iter_drawn_parts(pages))


def _iter_drawn_parts(pages: Iterable[pdfium.PdfPage | None]) -> Iterator[str]:
    """Yield the type and position of each object that is drawn, and a hash of each picture."""
    for page in pages:
        if page is None:
            continue
        page_objects = page.get_objects(max_depth=MAX_FORM_LEVELS)
        for page_object in islice(page_objects, _MAX_DRAWN_OBJECTS):
            left, bottom, right, top = map(round, page_object.get_bounds())
            yield f"{page_object.type} {left} {bottom} {right} {top}"
            if isinstance(page_object, pdfium.PdfImage):
                image = page_object.get_data(decode_simple=True)
                yield sha256(image).hexdigest()
