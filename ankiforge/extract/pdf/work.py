"""What a file says about the work in it: title, authors, year, DOI, arXiv id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from pypdf import PdfReader
from pypdf.generic import StreamObject

from ankiforge.extract.pdf.faults import FAULTS
from ankiforge.extract.pdf.firstpage import printed_authors, printed_title
from ankiforge.extract.pdf.headings import PrintedLine
from ankiforge.extract.pdf.protocol import Work
from ankiforge.extract.pdf.spelling import one_line

LARGEST_XMP = 1_000_000
"""Bytes; what is longer is not read."""

_DOI = re.compile(r"\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]{1,200}")
_CUT_DOI = re.compile(r"(\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[-._/])[\ufffe\x02]?\s*\n\s*(?=[a-z\d])")
"""A DOI that goes on in the next line; half of one would name thousands of works."""
_ARXIV = re.compile(
    r"\barxiv(?:\.org/(?:abs|pdf)/|[.:]\s*)"
    r"(\d{4}\.\d{4,5}|[a-z][a-z-]{1,10}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)",
    re.IGNORECASE,
)
_STAMP = re.compile(
    r"arxiv:(\d{4}\.\d{4,5})(?:v\d+)\s*\[[\w.-]+\]\s*\d{1,2}\s*[a-z]{3}\s*(\d{4})", re.IGNORECASE
)
"""What arXiv prints in the margin of what it gives out, with the day."""
_YEAR = re.compile(r"\b(1[5-9]\d\d|20\d\d)\b")
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
"""Names of files and programs, and all titles of one word (half of /Title is such, measured)."""
_JUNK_AUTHOR = re.compile(
    r"(?:|\w+|.*@.*|(?:microsoft|windows|adobe|acrobat|latex|pdftex|tex)\b.*|admin\w*\b.*|.*\bowner"
    r"|.*\b(?:user|benutzer|utilisateur|usuario|utente)\W*\d*|.*['’]s (?:mac|i?p).*"
    r"|(?:your|the|first|author'?s?) (?:name|author).*"
    r"|(?:dell|hp|lenovo|asus|acer|toshiba|sony)(?: (?:inc\.?|pc|laptop|notebook|customer))?)$",
    re.IGNORECASE,
)

Words = list[tuple[str, str]]
"""(name of the entry without its namespace, words), in order."""


def read_work(reader: PdfReader, first_page: str, lines: list[PrintedLine]) -> Work:
    """What is known of the work; "" where the file does not say it.

    Identifiers found in the metadata are `doi` and `arxiv`; those that merely stand on the first
    page, where another work may be cited, are `doi-hint` and `arxiv-hint`.
    """
    xmp, info = list(_xmp(reader)), list(_info(reader))
    said = " ".join(words for _, words in (*xmp, *info))
    sure = {"doi": find_doi(said), "arxiv": _find(_ARXIV, said)}
    seen = {"doi": find_doi(_CUT_DOI.sub(r"\1", first_page)), "arxiv": _find(_ARXIV, first_page)}
    hints = {f"{name}-hint": value for name, value in seen.items() if not sure[name]}
    return Work(
        title=_title([*_named(xmp, "title"), *_named(info, "title")], lines),
        creators=_creators(_named(xmp, "creator"), _named(info, "author"))
        or printed_authors(lines),
        issued=_issued(xmp, sure["arxiv"] or _find(_STAMP, first_page)),
        identifiers=tuple((name, value) for name, value in (sure | hints).items() if value),
    )


def _find(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def find_doi(text: str) -> str:
    """The first DOI of a text, without the punctuation that follows it."""
    found = _DOI.search(text)
    doi = found[0] if found else ""
    while doi and (doi[-1] in ".,;:-_(" or (doi[-1] == ")" and doi.count(")") > doi.count("("))):
        doi = doi[:-1]
    return doi.lower()


def _named(words: Words, name: str) -> list[str]:
    return [value for key, value in words if key == name]


def _info(reader: PdfReader) -> Iterator[tuple[str, str]]:
    try:
        entries = dict(reader.metadata or {})
    except FAULTS:
        return
    for key, value in entries.items():
        if isinstance(value, str) and key not in ("/Producer", "/Creator"):
            yield key.strip("/").lower(), one_line(value)


def _xmp(reader: PdfReader) -> Iterator[tuple[str, str]]:
    """The entries of the XMP packet; lists give one each, attributes count like elements."""
    try:
        stream = reader.root_object["/Metadata"].get_object()
        packet = stream.get_data() if isinstance(stream, StreamObject) else b""
        tree = ElementTree.fromstring(packet if len(packet) <= LARGEST_XMP else b"")
    except (*FAULTS, ElementTree.ParseError):
        return
    for description in tree.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"):
        yield from ((_local(key), one_line(value)) for key, value in description.attrib.items())
        for entry in description:
            for words in entry.itertext():
                if words.strip():
                    yield _local(entry.tag), one_line(words)


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()


def _title(said: list[str], lines: list[PrintedLine]) -> str:
    good = (title for title in said if not _JUNK_TITLE.match(title))
    return next(good, "") or printed_title(lines)


def _creators(listed: list[str], author: list[str]) -> tuple[str, ...]:
    names = listed if len(listed) > 1 else _split((listed or author or [""])[0])
    return tuple(name for name in names if not _JUNK_AUTHOR.match(name))


def _split(names: str) -> list[str]:
    """The single names of a line; commas part them only where no name is turned round."""
    parts = re.split(r"\s*;\s*|\s+(?:and|&)\s+", names)
    if len(parts) == 1 or any("," in part for part in parts):
        comma = [piece for part in parts for piece in re.split(r"\s*,\s*", part)]
        parts = comma if all(" " in piece for piece in comma if piece) else parts
    return [part.strip() for part in parts if part.strip()]


def _issued(xmp: Words, arxiv: str) -> str:
    """The year of publication; never the day on which the file was made."""
    for name in ("publicationdate", "coverdate", "date"):
        for value in _named(xmp, name):
            if found := _YEAR.search(value):
                return found[1]
    number = arxiv.rpartition("/")[2]
    return f"{'19' if number[:1] == '9' else '20'}{number[:2]}" if number else ""
