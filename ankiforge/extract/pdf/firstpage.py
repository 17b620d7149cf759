"""What the first page of a paper says about it: its title and authors, by how they are printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from ankiforge.extract.pdf.headings import PrintedLine

LARGER = 1.2
"""Letters of a title are so many times as large as most of the page."""
ROWS = 5
"""Lines that a title has at most."""
BELOW = 40
"""Lines below the title in which authors, their places and the abstract are looked for."""

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
"""What is printed as large as a title, and is none: names of journals, kinds of articles, stamps."""
_ADDRESS = re.compile(r"www\.|https?:|\S@\S")

_ABSTRACT = re.compile(r"(?:abstract|summary|zusammenfassung|résumé)\b", re.IGNORECASE)
_PLACE = re.compile(
    r"universi|institut|departe?ment|school|college|laborator|\blabs?\b|research|academy|hospital"
    r"|faculty|center|centre|corporation|\binc\b|\bgmbh\b|google|deepmind|openai|microsoft|@",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2}")
"""Raised signs stand in lines of their own, for PDFium."""
_BY = re.compile(r"(?:by|von|par)\s+(?=\w[\w.]+\s\w)", re.IGNORECASE)
_LETTER = re.compile(r"(?<=\s)[a-z](?=\s*(?:[,;*∗†]|$))")
_SIGNS = re.compile(r"[\d*∗†‡§¶‖#$+⁰¹²³⁴-⁺ᵃ-ᶻ]+(?:\s*,\s*[\d*∗†‡§¶‖⁰¹²³⁴-⁺]+)*")
"""Calls of footnotes and affiliations."""
_BETWEEN = re.compile(r"\s*[,;·•]\s*(?:and\s+|&\s*)?|\s+(?:and|und|et|&)\s+")
_PARTICLES_WORDS = "van de der den von la le di da del du bin ibn al el ten zu y"
_PARTICLES = frozenset(_PARTICLES_WORDS.split())
_NEVER_WORDS = (
    "my your a an the of on in for to and with from by at is new case study studies report review"
    " draft version edition abstract introduction editor editors university department"
)
_NEVER = frozenset(_NEVER_WORDS.split())


def printed_title(lines: Sequence[PrintedLine]) -> str:
    """The largest letters of the first page that look like a title; else ""."""
    return " ".join(line.text for line in _title_lines(lines))


def printed_authors(lines: Sequence[PrintedLine]) -> tuple[str, ...]:
    """The names below the title of a paper; none rather than what may be none."""
    title = _title_lines(lines)
    start = lines.index(title[-1]) + 1 if title else len(lines)
    worded = [line for line in lines[start : start + BELOW] if _WORD.search(line.text)]
    below = list(takewhile(_is_above_text, worded))
    named = [list(_names(line.text)) for line in below]
    first = list(takewhile(bool, named))
    paper = len(below) < len(worded)
    placed = any(_PLACE.search(line.text) for line in below[len(first) :])
    if not (paper or placed) or any(named[len(first) :]):
        return ()
    return tuple(name for names in first for name in names)


def _is_above_text(line: PrintedLine) -> bool:
    return not _ABSTRACT.match(line.text)


def _title_lines(lines: Sequence[PrintedLine]) -> list[PrintedLine]:
    usual = sorted(line.size for line in lines)[len(lines) // 2] if lines else 0.0
    for size in sorted({line.size for line in lines}, reverse=True):
        if size < LARGER * usual:
            break
        for rows in _blocks(lines, size):
            if _is_title(" ".join(line.text for line in rows)):
                return rows
    return []


def _blocks(lines: Sequence[PrintedLine], size: float) -> Iterator[list[PrintedLine]]:
    """Lines of this size that follow one another, mastheads left out."""
    rows: list[PrintedLine] = []
    for line in (*lines, None):
        fits = line and 0.98 * size <= line.size <= size and not _MASTHEAD.match(line.text)
        if line and fits and len(rows) < ROWS:
            rows.append(line)
        elif rows:
            yield rows
            rows = []


def _is_title(text: str) -> bool:
    worded = sum(letter.isalpha() for letter in text) >= 10
    sentence = text.endswith(".") or _ADDRESS.search(text)
    return worded and 2 <= len(text.split()) <= 30 and not sentence


def _names(line: str) -> Iterator[str]:
    """The names of a line of authors; nothing if any part of it is no name."""
    bare = _SIGNS.sub(" , ", _LETTER.sub("", _BY.sub("", line, 1)))
    parts = [" ".join(part.split()) for part in _BETWEEN.split(f" {bare} ")]
    names = [part for part in parts if part]
    if all(map(_is_name, names)):
        yield from names


def _is_name(text: str) -> bool:
    words = text.split()
    real = [word for word in words if word not in _PARTICLES]
    if not (2 <= len(real) <= 4 and len(words) <= 6) or _PLACE.search(text):
        return False
    if any(word.casefold().strip(".") in _NEVER for word in words if len(word) > 1):
        return False
    initials = sum(len(word.strip(".")) == 1 for word in real)
    return len(real) - initials <= 3 and all(map(_is_part_of_name, real))


def _is_part_of_name(word: str) -> bool:
    plain = re.sub(r"[.'’\-]", "", word)
    return plain.isalpha() and word[0].isupper() and (len(plain) == 1 or not plain.isupper())
