"""What a file says about itself: title, authors, DOI, arXiv id; its lines and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby, islice
from math import hypot
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDest, PdfDocument, PdfTextPage

from ankiforge.extract.pdf.chars import FAULTS
from ankiforge.extract.pdf.clean import one_line
from ankiforge.model import Document, DocumentKey, Pair, Value, hints
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
    lines = []
    offset = 0
    for line in text.split("\n"):
        words = one_line(line)
        if words:
            indent = line[: len(line) - len(line.lstrip())]
            first_letter = offset + _units(indent)
            lines.append(_printed_line(page.raw, first_letter, words))
        offset += _units(line) + 1
    return lines


def _units(text: str) -> int:
    """Return the length of a text as PDFium counts it, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _printed_line(raw: Any, offset: int, words: str) -> PrintedLine:
    """Return the line whose first letter is at an offset of PDFium's text."""
    index = max(pdfium_c.FPDFText_GetCharIndexFromTextIndex(raw, offset), 0)
    matrix = pdfium_c.FS_MATRIX()
    box = pdfium_c.FS_RECTF()
    pdfium_c.FPDFText_GetMatrix(raw, index, matrix)
    pdfium_c.FPDFText_GetLooseCharBox(raw, index, box)
    scale = hypot(matrix.c, matrix.d) or 1.0
    size = round(pdfium_c.FPDFText_GetFontSize(raw, index) * scale, 2)
    return PrintedLine(index, words, size, box.top)


# --- headings ---------------------------------------------------------------------------

MOST_ENTRIES = 5000
"""Outline entries read, at most."""
DEEPEST = 12
"""Levels of the outline."""
LONGEST_ENTRY = 200
"""Characters of an entry that are kept."""


class Entry(Value):
    """One entry of the outline."""

    page: int
    top: float
    level: int
    title: str


def headings_above(
    outline: Sequence[Entry],
    lines: Sequence[PrintedLine],
    page: int,
    index: int,
    top: float,
) -> str:
    """Return the headings above a character of a page with these lines, joined by ` › `.

    The text decides where an entry belongs if it contains it: columns make heights
    useless.
    """
    path: list[Entry] = []
    for entry in outline:
        is_above = entry.page < page
        if entry.page == page:
            start = _start_of(entry, lines)
            if start is None:
                is_above = entry.top >= top
            else:
                is_above = start <= index
        if is_above:
            path = [outer for outer in path if outer.level < entry.level]
            path.append(entry)
    return " › ".join(entry.title for entry in path)


def _start_of(entry: Entry, lines: Sequence[PrintedLine]) -> int | None:
    """Return where the line of an entry begins, None if the page does not contain it."""
    title = for_finding(entry.title)
    for line in lines:
        if for_finding(line.text).endswith(title):
            return line.start
    return None


def outline_of(document: PdfDocument) -> Iterator[Entry]:
    """Yield the entries of the outline."""
    with suppress(*FAULTS):
        for item in islice(document.get_toc(DEEPEST), MOST_ENTRIES):
            target = item.get_dest()
            page = target.get_index() if target else None
            title = one_line(item.get_title())[:LONGEST_ENTRY]
            if page is not None and page >= 0 and title:
                yield Entry(page, _top_of(target), item.level, title)


def _top_of(target: PdfDest) -> float:
    """Return the height on its page to which an entry leads, infinity for all of it."""
    mode, numbers = target.get_view()
    index = _TOP.get(mode)
    if index is None or index >= len(numbers):
        return float("inf")
    return float(numbers[index])


_TOPS = {"XYZ": 1, "FITH": 0, "FITBH": 0, "FITR": 3}
# Which number of a destination is its height on the page.
_TOP = {getattr(pdfium_c, f"PDFDEST_VIEW_{mode}"): index for mode, index in _TOPS.items()}


# --- metadata ---------------------------------------------------------------------------

ENTRIES = ("Subject", "Keywords", "doi", "DOI", "WPS-ARTICLEDOI")
"""Entries of the metadata, beside title and author, that name a DOI or an arXiv id."""

_DOI = regex(r"\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]{1,200}")
# A DOI that continues on the next line; half a DOI would match thousands of works.
_CUT_DOI = regex(
    r"(\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[-._/])"
    r"[\ufffe\x02]?\s*\n\s*(?=[a-z\d])"
)
_ARXIV = regex(
    r"(?i)\barxiv(?:\.org/(?:abs|pdf)/|[.:]\s*)"
    r"(\d{4}\.\d{4,5}|[a-z][a-z-]{1,10}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)"
)
# File and program names, and what stands for a title.
_JUNK_TITLE = (
    r"untitled\b|microsoft (?:word|powerpoint)|power ?point|\(?anonymous"
    r"|slide \d|layout \d"
    r"|.*\.(?:docx?|tex|dvi|pdf|indd|rtf|ps|eps|qxd|pptx?|odt|md|html?)$|$"
    r"|\S*\d\S* \d+\.\.\d+$|pii:|doi[: ]|https?:|[a-z]:\\|/\w+/"
    r"|scan(?:ned)?(?: document| image)?\W*\d*$"
    r"|full page|(?:new |blank )?(?:document|presentation|page|template)\W*\d*$|page \d"
    r"|(?:insert |your |article |paper |document |the )*title"
    r"(?: here| of (?:the |your )?(?:paper|article|thesis|document))?$|no title"
    r"|(?:acm|ieee|elsevier|springer|latex|word) \w*\s?"
    r"(?:template|sample|manuscript|proceedings)"
    r"|elsevier editorial|author'?s? (?:copy|version|instructions)"
    r"|instructions (?:for|to) authors"
    r"|print to pdf|pdfcreator|adobe |camscanner|[\W\d_]+$"
)
_LONGEST_TITLE = 25
"""Words; a longer text is the abstract."""
_JUNK_AUTHOR = (
    r"(?:|\w+|.*@.*|(?:microsoft|windows|adobe|acrobat|latex|pdftex|tex)\b.*"
    r"|admin\w*\b.*|.*\bowner"
    r"|.*\b(?:user|benutzer|utilisateur|usuario|utente)\W*\d*|.*['’]s (?:mac|i?p).*"
    r"|(?:your|the|first|author'?s?) (?:name|author).*"
    r"|(?:dell|hp|lenovo|asus|acer|toshiba|sony)"
    r"(?: (?:inc\.?|pc|laptop|notebook|customer))?)$"
)


def read_work(
    document: PdfDocument,
    first_page: str,
    lines: Sequence[PrintedLine],
) -> Document:
    """Return the metadata of the work, "" where the file has none.

    Identifiers in the metadata are `doi` and `arxiv`; those printed on the first page,
    which may cite another work, are `doi-hint` and `arxiv-hint`.
    """
    metadata_title = one_line(document.get_metadata_value("Title"))
    author = one_line(document.get_metadata_value("Author"))
    keywords = one_line(document.get_metadata_value("Keywords"))
    others = [one_line(document.get_metadata_value(name)) for name in ENTRIES]
    return Document(
        key=DocumentKey(""),
        source="",
        title=_title(metadata_title, lines),
        creators=tuple(_creators(author)),
        identifiers=tuple(_identifiers(" ".join((metadata_title, *others)), first_page)),
        tags=doubtful_tags("keyword", re.split(r"[,;]", keywords)),
    )


def _creators(author: str) -> Iterator[str]:
    """Yield the names in a line, without those of programs, computers and roles."""
    for name in _split(author):
        if not re.match(_JUNK_AUTHOR, name, re.IGNORECASE):
            yield name


def _identifiers(metadata: str, first_page: str) -> Iterator[Pair]:
    """Yield the identifiers of a work: those of its metadata, then printed ones."""
    doi = find_doi(metadata)
    arxiv = _find(_ARXIV, metadata)
    printed_doi = find_doi(_CUT_DOI.sub(r"\1", first_page))
    printed_arxiv = _find(_ARXIV, first_page)
    if doi:
        yield ("doi", doi)
    if arxiv:
        yield ("arxiv", arxiv)
    if printed_doi and not doi:
        yield (hints.printed("doi"), printed_doi)
    if printed_arxiv and not arxiv:
        yield (hints.printed("arxiv"), printed_arxiv)


def _title(metadata_title: str, lines: Sequence[PrintedLine]) -> str:
    """Return the title of a work, "" if neither its metadata nor its first page has one.

    A single word in the metadata is mostly the name of a file or program.
    """
    words = len(metadata_title.split())
    is_junk = re.match(_JUNK_TITLE, metadata_title, re.IGNORECASE)
    if not is_junk and 1 < words <= _LONGEST_TITLE:
        return metadata_title
    return printed_title(lines)


def _find(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""


def find_doi(text: str) -> str:
    """Return the first DOI in a text without punctuation after it, "" for none."""
    match = _DOI.search(text)
    if not match:
        return ""
    from ankiforge.text.identifiers import without_punctuation

    return without_punctuation(match[0])


def _split(names: str) -> list[str]:
    """Split a line of names; at commas only if no name is inverted."""
    parts = re.split(r"\s*;\s*|\s+(?:and|&)\s+", names)
    if len(parts) == 1 or any("," in part for part in parts):
        pieces: list[str] = []
        for part in parts:
            pieces += re.split(r"\s*,\s*", part)
        are_whole_names = all(" " in piece for piece in pieces if piece)
        if are_whole_names:
            parts = pieces
    return [part.strip() for part in parts if part.strip()]


# --- the title as printed on the first page ---------------------------------------------

TITLE_LARGER = 1.2
"""Minimum size of a title, relative to most of the page."""
TITLE_LINES = 5
"""Lines of a title, at most."""
LEAST_LETTERS = 10
"""Letters of a title, at least."""
MOST_WORDS = 30
"""Words of a title, at most."""
# Lines as large as a title that are not one: journal names, kinds of articles, stamps.
_MASTHEAD = (
    r"arxiv:|https?:|www\.|doi[: ]|issn|isbn|vol(?:ume|\.)?\s*\d"
    r"|journal (?:of|for)\b|the journal\b"
    r"|(?:annual |international |european |british |american )+(?:review|journal)\b"
    r"|(?:annals|transactions|archives|trends|frontiers|advances|current opinion"
    r"|proceedings) (?:of|in|on)\b|ieee (?:trans|journal|access)|lecture notes\b"
    r"|contents lists|available online"
    r"|(?:original |short |brief |full |regular )*(?:research |review )?"
    r"(?:articles?|papers?|reviews?|letters?|reports?|communications?|contributions?)$"
    r"|open access|working paper|technical report"
    r"|(?:chapter|lecture|unit|part|section)\s+\w+$"
    r"|plos \w+$|bmc \w+$|nature \w+$"
    r"|(?:table of )?contents$|abstract$|preprint\b|manuscript\b"
)


def printed_title(lines: Sequence[PrintedLine]) -> str:
    """Return the largest text of the first page that looks like a title, else ""."""
    sizes = sorted(line.size for line in lines)
    usual = sizes[len(sizes) // 2] if sizes else 0.0
    for size in sorted(set(sizes), reverse=True):
        if size < TITLE_LARGER * usual:
            break
        for printed in _runs_of_size(lines, size):
            text = " ".join(line.text for line in printed)
            if len(printed) <= TITLE_LINES and _looks_like_title(text):
                return text
    return ""


def _runs_of_size(
    lines: Sequence[PrintedLine],
    size: float,
) -> Iterator[list[PrintedLine]]:
    """Yield the lines of about this size that follow one another, but for mastheads."""

    def fits(line: PrintedLine) -> bool:
        is_of_size = 0.98 * size <= line.size <= size
        return is_of_size and not re.match(_MASTHEAD, line.text, re.IGNORECASE)

    for is_title, run in groupby(lines, fits):
        if is_title:
            yield list(run)


def _looks_like_title(text: str) -> bool:
    """Return whether a text has the length and the words of a title."""
    if text.endswith("."):
        return False
    letters = sum(character.isalpha() for character in text)
    word_count = len(text.split())
    return letters >= LEAST_LETTERS and 2 <= word_count <= MOST_WORDS
