"""A file as it names itself: title, authors, DOI, arXiv id, lines and headings; and its id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import groupby, islice
from math import hypot

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDocument, PdfTextPage

from ankiforge.extract.pdf.cleaning import one_line
from ankiforge.extract.pdf.text import FAULTS
from ankiforge.model import Document, DocumentKey, Pair, Value, h16, hints
from ankiforge.text import regex
from ankiforge.text.fold import for_finding
from ankiforge.text.private import doubtful_tags

# --- lines ------------------------------------------------------------------------------


class PrintedLine(Value):
    """A line of a page, and its size."""

    start: int
    """The index of its first character in PDFium's list."""
    text: str
    size: float
    """In points."""
    top: float


def printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page; `text` is PDFium's text of the page."""
    matrix = pdfium_c.FS_MATRIX()
    box = pdfium_c.FS_RECTF()
    lines = []
    offset = 0
    for line in text.split("\n"):
        words = one_line(line)
        if words:
            # the size and the place of its first letter
            indent = line[: len(line) - len(line.lstrip())]
            letter = pdfium_c.FPDFText_GetCharIndexFromTextIndex(
                page.raw, offset + _units(indent)
            )
            letter = max(letter, 0)
            pdfium_c.FPDFText_GetMatrix(page.raw, letter, matrix)
            pdfium_c.FPDFText_GetLooseCharBox(page.raw, letter, box)
            scale = hypot(matrix.c, matrix.d) or 1.0
            size = round(pdfium_c.FPDFText_GetFontSize(page.raw, letter) * scale, 2)
            lines.append(PrintedLine(letter, words, size, box.top))
        offset += _units(line) + 1
    return lines


def _units(text: str) -> int:
    """Return the length of a text as PDFium counts it, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- headings ---------------------------------------------------------------------------

MOST_ENTRIES = 5000
"""Outline entries read, at most."""
DEEPEST = 12
"""Levels of the outline."""
LONGEST_ENTRY = 200
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
        for item in islice(document.get_toc(DEEPEST), MOST_ENTRIES):
            target = item.get_dest()
            page = target.get_index() if target else None
            title = one_line(item.get_title())[:LONGEST_ENTRY]
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
# What stands for a title: names of files and programs, stamps, kinds of articles.
_NO_TITLE = regex(
    r"(?i)untitled\b|(?:the )?title$|microsoft word|(?:microsoft )?powerpoint|\S*\d\S* \d+\.\.\d+$"
    r"|.*\.(?:docx?|pptx?|odt|rtf|tex|dvi|pdf|indd)$|arxiv:|doi[: ]|https?:"
    r"|(?:original |research |review |clinical |case )*(?:article|paper|review|report|study)$"
)
_LONGEST_TITLE = 25
"""Words of a title in the metadata, at most; a longer text is the abstract."""
TITLE_LARGER = 1.2
"""Minimum size of a printed title, relative to most of the page."""
TITLE_LINES = 5
"""Lines of a printed title, at most."""
LEAST_LETTERS = 10
"""Letters of a printed title, at least."""
MOST_WORDS = 30
"""Words of a printed title, at most."""
# An account of a computer, or an address, is no author; nor is a single word.
_NO_AUTHOR = regex(r"(?i)(?:microsoft|windows)\b|.*@")


def read_work(
    document: PdfDocument,
    first_page: str,
    lines: Sequence[PrintedLine],
) -> Document:
    """Return the metadata of the work, "" where the file has none.

    Identifiers in the metadata are `doi` and `arxiv`; those printed on the first page,
    which may cite another work, are `doi-hint` and `arxiv-hint`.
    """
    # the title: a single word in the metadata is mostly the name of a file or program
    metadata_title = one_line(document.get_metadata_value("Title"))
    title = metadata_title
    word_count = len(title.split())
    if not 1 < word_count <= _LONGEST_TITLE or _NO_TITLE.match(title):
        title = printed_title(lines)

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

    keywords = one_line(document.get_metadata_value("Keywords"))
    return Document(
        key=DocumentKey(""),
        source="",
        title=title,
        creators=tuple(creators),
        identifiers=tuple(identifiers),
        tags=doubtful_tags("keyword", re.split(r"[,;]", keywords)),
    )


def find_doi(text: str) -> str:
    """Return the first DOI in a text without punctuation after it, "" for none."""
    match = _DOI.search(text)
    if not match:
        return ""
    from ankiforge.text.identifiers import without_punctuation

    return without_punctuation(match[0])


def printed_title(lines: Sequence[PrintedLine]) -> str:
    """Return the largest text of the first page that looks like a title, else ""."""
    sizes = sorted(line.size for line in lines)
    usual = sizes[len(sizes) // 2] if sizes else 0.0
    for size in sorted(set(sizes), reverse=True):
        if size < TITLE_LARGER * usual:
            break

        def fits(line: PrintedLine, size: float = size) -> bool:
            return 0.98 * size <= line.size <= size and not _NO_TITLE.match(line.text)

        # lines of about this size that follow one another
        for is_of_size, run in groupby(lines, fits):
            printed = [line.text for line in run]
            text = " ".join(printed)
            letters = sum(character.isalpha() for character in text)
            is_short = len(printed) <= TITLE_LINES and len(text.split()) <= MOST_WORDS
            is_long_enough = letters >= LEAST_LETTERS and " " in text
            if is_of_size and is_short and is_long_enough and not text.endswith("."):
                return text
    return ""


# --- the identity of a document, see docs/reference/keys.md ---------------------------


LITTLE_TEXT = 200
"""Folded characters; a document with fewer is identified by what its pages draw, too."""
DEEPEST_FORM = 4
"""Levels of nested forms that are searched for pictures."""
MOST_DRAWN = 1000
"""Objects of a page that are examined, at most."""


def document_id(folds: Sequence[str], pages: Iterable[pdfium.PdfPage | None]) -> str:
    """Return 16 hex digits made from the folded texts of the pages and their drawings."""
    if sum(map(len, folds)) >= LITTLE_TEXT:
        return h16(*folds)
    # kind and place (in points) of each thing drawn, and digests of pictures
    drawn: list[str] = []
    for page in pages:
        if not page:
            continue
        for drawing in islice(page.get_objects(max_depth=DEEPEST_FORM), MOST_DRAWN):
            edges = map(round, drawing.get_bounds())
            drawn.append(" ".join(map(str, (drawing.type, *edges))))
            if isinstance(drawing, pdfium.PdfImage):
                drawn.append(sha256(drawing.get_data(decode_simple=True)).hexdigest())
    return h16(*folds, *drawn)
