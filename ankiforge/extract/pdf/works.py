"""The metadata of a work: title, authors, year, DOI, arXiv id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

from ankiforge.extract.pdf.headings import PrintedLine
from ankiforge.extract.pdf.text import one_line
from ankiforge.extract.pdf.worker import Work
from ankiforge.text.identifiers import without_punctuation

ENTRIES = ("Subject", "Keywords", "doi", "DOI", "WPS-ARTICLEDOI")
"""Entries of the metadata, beside title and author, that name a DOI or an arXiv id."""

_DOI = re.compile(r"\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]{1,200}")
_CUT_DOI = re.compile(r"(\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[-._/])[\ufffe\x02]?\s*\n\s*(?=[a-z\d])")
"""A DOI that continues on the next line; half a DOI would match thousands of works."""
_ARXIV = re.compile(
    r"\barxiv(?:\.org/(?:abs|pdf)/|[.:]\s*)"
    r"(\d{4}\.\d{4,5}|[a-z][a-z-]{1,10}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)",
    re.IGNORECASE,
)
_STAMP = re.compile(
    r"arxiv:(\d{4}\.\d{4,5})(?:v\d+)\s*\[[\w.-]+\]\s*\d{1,2}\s*[a-z]{3}\s*(\d{4})", re.IGNORECASE
)
"""The stamp, with its date, that arXiv prints in the margin of papers."""
_JUNK_TITLE = re.compile(
    r"untitled\b|microsoft (?:word|powerpoint)|power ?point|\(?anonymous|slide \d|layout \d"
    r"|.*\.(?:docx?|tex|dvi|pdf|indd|rtf|ps|eps|qxd|pptx?|odt|md|html?)$|\S*$"
    r"|\S*\d\S* \d+\.\.\d+$|pii:|doi[: ]|https?:|[a-z]:\\|/\w+/|scan(?:ned)?(?: document| image)?\W*\d*$"
    r"|full page|(?:new |blank )?(?:document|presentation|page|template)\W*\d*$|page \d"
    r"|(?:insert |your |article |paper |document |the )*title(?: here| of (?:the |your )?(?:paper|article|thesis|document))?$|no title"
    r"|(?:acm|ieee|elsevier|springer|latex|word) \w*\s?(?:template|sample|manuscript|proceedings)"
    r"|elsevier editorial|author'?s? (?:copy|version|instructions)|instructions (?:for|to) authors"
    r"|print to pdf|pdfcreator|adobe |camscanner|[\W\d_]+$",
    re.IGNORECASE,
)
"""File and program names, and all titles of one word (half of all /Title values, measured)."""
_JUNK_AUTHOR = re.compile(
    r"(?:|\w+|.*@.*|(?:microsoft|windows|adobe|acrobat|latex|pdftex|tex)\b.*|admin\w*\b.*|.*\bowner"
    r"|.*\b(?:user|benutzer|utilisateur|usuario|utente)\W*\d*|.*['’]s (?:mac|i?p).*"
    r"|(?:your|the|first|author'?s?) (?:name|author).*"
    r"|(?:dell|hp|lenovo|asus|acer|toshiba|sony)(?: (?:inc\.?|pc|laptop|notebook|customer))?)$",
    re.IGNORECASE,
)


def read_work(document: PdfDocument, first_page: str, lines: Sequence[PrintedLine]) -> Work:
    """Return the metadata of the work, "" where the file has none.

    Identifiers in the metadata are `doi` and `arxiv`; those printed on the first page, which may
    cite another work, are `doi-hint` and `arxiv-hint`.
    """
    title, author, *rest = (
        one_line(document.get_metadata_value(name)) for name in ("Title", "Author", *ENTRIES)
    )
    metadata = " ".join((title, *rest))
    known = {"doi": find_doi(metadata), "arxiv": _find(_ARXIV, metadata)}
    printed = {"doi": find_doi(_CUT_DOI.sub(r"\1", first_page)), "arxiv": _find(_ARXIV, first_page)}
    hints = {f"{name}-hint": value for name, value in printed.items() if not known[name]}
    # the year of publication, never that in which the file was made
    number = (known["arxiv"] or _find(_STAMP, first_page)).rpartition("/")[2]
    century = "19" if number[:1] == "9" else "20"
    return Work(
        title=printed_title(lines) if not title or _JUNK_TITLE.match(title) else title,
        creators=tuple(name for name in _split(author) if not _JUNK_AUTHOR.match(name)),
        issued=f"{century}{number[:2]}" if number else "",
        identifiers=tuple((name, value) for name, value in (known | hints).items() if value),
    )


def _find(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def find_doi(text: str) -> str:
    """Return the first DOI in a text without the punctuation after it, "" if there is none."""
    found = _DOI.search(text)
    return without_punctuation(found[0]) if found else ""


def _split(names: str) -> list[str]:
    """Split a line of names; at commas only if no name is inverted."""
    parts = re.split(r"\s*;\s*|\s+(?:and|&)\s+", names)
    if len(parts) == 1 or any("," in part for part in parts):
        comma = [piece for part in parts for piece in re.split(r"\s*,\s*", part)]
        parts = comma if all(" " in piece for piece in comma if piece) else parts
    return [part.strip() for part in parts if part.strip()]


# --- the title as printed on the first page -------------------------------------------------

TITLE_LARGER = 1.2
"""Minimum size of a title, relative to most of the page."""
TITLE_LINES = 5
_MASTHEAD = re.compile(
    r"arxiv:|https?:|www\.|doi[: ]|issn|isbn|vol(?:ume|\.)?\s*\d|journal (?:of|for)\b|the journal\b"
    r"|(?:annual |international |european |british |american )+(?:review|journal)\b"
    r"|(?:annals|transactions|archives|trends|frontiers|advances|current opinion|proceedings)"
    r" (?:of|in|on)\b|ieee (?:trans|journal|access)|lecture notes\b|contents lists|available online"
    r"|(?:original |short |brief |full |regular )*(?:research |review )?"
    r"(?:articles?|papers?|reviews?|letters?|reports?|communications?|contributions?)$"
    r"|open access|working paper|technical report|(?:chapter|lecture|unit|part|section)\s+\w+$"
    r"|plos \w+$|bmc \w+$|nature \w+$|(?:table of )?contents$|abstract$|preprint\b|manuscript\b",
    re.IGNORECASE,
)
"""Lines as large as a title that are not one: journal names, kinds of articles, stamps."""
_ADDRESS = re.compile(r"www\.|https?:|\S@\S")


def printed_title(lines: Sequence[PrintedLine]) -> str:
    """Return the largest text of the first page that looks like a title, else ""."""
    usual = sorted(line.size for line in lines)[len(lines) // 2] if lines else 0.0
    for size in sorted({line.size for line in lines}, reverse=True):
        if size < TITLE_LARGER * usual:
            break
        for rows in _blocks(lines, size):
            text = " ".join(line.text for line in rows)
            worded = sum(letter.isalpha() for letter in text) >= 10
            sentence = text.endswith(".") or _ADDRESS.search(text)
            if worded and 2 <= len(text.split()) <= 30 and not sentence:
                return text
    return ""


def _blocks(lines: Sequence[PrintedLine], size: float) -> Iterator[list[PrintedLine]]:
    """Yield runs of lines of this size, without mastheads."""
    rows: list[PrintedLine] = []
    for line in (*lines, None):
        fits = line and 0.98 * size <= line.size <= size and not _MASTHEAD.match(line.text)
        if line and fits and len(rows) < TITLE_LINES:
            rows.append(line)
        elif rows:
            yield rows
            rows = []
