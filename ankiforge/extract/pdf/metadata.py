"""A file as it names itself: title, authors, DOI, arXiv id, lines and headings; and its id."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from html import unescape
from itertools import islice, pairwise, takewhile
from math import hypot

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDocument, PdfTextPage

from ankiforge.extract.files import AUTHOR_AND_YEAR
from ankiforge.extract.pdf.cleaning import Spelling, one_line
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
    """That of most of its letters, in points: an initial may be larger."""
    top: float
    note: str = ""
    """The number or sign of a note behind its last word, which is smaller: `Title1`."""


# PDFium puts a sign for a hyphen and the break behind it.
_LINE = regex(r"[^\n\ufffe\x02]*(?:\n|[\ufffe\x02]|$)")
SAMPLED = 9
"""Letters of a line, at most, whose sizes are compared."""


def printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page; `text` is PDFium's text of the page."""

    def char_at(offset: int) -> int:
        char: int = pdfium_c.FPDFText_GetCharIndexFromTextIndex(page.raw, offset)
        return max(char, 0)

    def size_of(char: int) -> float:
        pdfium_c.FPDFText_GetMatrix(page.raw, char, matrix)
        pdfium_c.FPDFText_GetLooseCharBox(page.raw, char, box)
        size: float = pdfium_c.FPDFText_GetFontSize(page.raw, char)
        size *= hypot(matrix.c, matrix.d) or 1.0
        height: float = box.top - box.bottom
        # a font that is drawn has any size
        if height > 0 and not 0.4 * height < size < 2.5 * height:
            size = height
        return round(size, 2)

    matrix = pdfium_c.FS_MATRIX()
    box = pdfium_c.FS_RECTF()
    lines = []
    offset = 0
    for line in _LINE.findall(text):
        words = one_line(line)
        if words:
            indent = _units(line[: len(line) - len(line.lstrip())])
            end = _units(line.rstrip())
            step = max(1, (end - indent) // SAMPLED)
            sampled = range(offset + indent, offset + end, step)
            sizes = [size_of(char_at(each)) for each in sampled]
            [(size, _)] = Counter(sizes).most_common(1)
            first = char_at(offset + indent)
            pdfium_c.FPDFText_GetLooseCharBox(page.raw, first, box)
            top = box.top
            bottom = box.bottom
            note = ""
            behind = _NOTE_BEHIND.search(words)
            if behind and size_of(char_at(offset + end - 1)) < SMALLER * size:
                if behind[0][0].isspace() or box.bottom >= bottom:  # else `CO2`
                    note = behind[0]
            lines.append(PrintedLine(first, words, size, top, note))
        offset += _units(line)
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
# What stands for a title: names of files and programs, stamps, kinds of articles, headings.
_NO_TITLE = regex(
    r"(?i)untitled\b|(?:the )?title$|microsoft word|(?:microsoft )?powerpoint|\S*\d\S* \d+\.\.\d+$"
    r"|.*\.(?:docx?|pptx?|odt|rtf|tex|dvi|eps|pdf|indd|fm|pmd|qxd|cdr)$|arxiv:|doi[: ]|pii: "
    r"|.*\b(?:on|last) page\b|note: |\*\*"  # what somebody typed on the page
    r"|(?:https?:|www\.)|(?:a )?(?:proceedings |conference )?template\b"
    r"|(?:original |research |review |clinical |case |short |brief |mini-?|full |invited )*"
    r"(?:articles?|paper|reviews?|reports?|study|communications?|research|letters?|editorial"
    r"|corrigendum|erratum|retraction|commentary|contributions?)(?: open access)?$"
    r"|open access$"
    r"|supplementa(?:ry|l) (?:information|materials?|data|files?)$|(?:nih|hhs) public access$"
    r"|(?:author|europe pmc) manuscripts?$|practice of \w+$|author\(s\): "
    r"|(?:\d{1,2}\.? |[ivx]+\.? )?(?:abstract|summary|introduction|contents|keywords?|einleitung"
    r"|zusammenfassung|inhalt\w*|r[eé]sum[eé]|resumen|introducci[oó]n|introdução|resumo)\b.?$"
    r"|(?:the )?universi\w+ (?:of|d[aeo]s?|di|zu)\b|.*\buniversit(?:y|ät)$"
)
# Kinds of articles whose letters are set apart, without blanks.
_SPACED_KIND = regex(
    r"(?i)(?:original|research|review|clinical|case|short|brief|study|technical|data)*(?:articles?"
    r"|paper|review|reports?|study|protocol|letter|communications?|note|research|editorial"
    r"|commentary|methodology|software|correction|update)(?:openaccess)?$"
)
# The name of a journal, which a volume, an issue or a year follows elsewhere on the page.
_JOURNAL = regex(
    r"(?i)(?:[\w&]+ ){0,4}journal (?:of|for)\b|.*\bjournal$|.*\b(?:www\.|vol\.? (?:no\b|\d))"
)
# Where the text of a paper begins.
_TEXT_BEGINS = regex(
    r"(?i)(?:\d{1,2}\.? )?(?:abstract|summary|introduction|keywords?|a ?b ?s ?t ?r ?a ?c ?t)\b"
)
# Names with the numbers of their institutes: `Ann Reader1, Bo Writer2`.
_AUTHORS = regex(r"[a-zà-ÿ]{2}[\d†‡*]+(?:,[\d*]+)*(?:\s*[,;|&]|$| and\b)")
_NOTE_BEHIND = regex(r"\s?[\d∗*†‡§¶]{1,2}$")
# What some journals add behind a title: [version 1; peer review: approved].
_STATE = regex(r"\s*\[(?:v\d|version \d)[^\]]*\]?$")
# The end of a sentence, or of what comes before a list.
_ENDS_OPEN = regex(r"(?:\S{5}\.|:)$")
_SIGN_BEHIND = regex(r"\s*[∗*†‡§¶]+$")
_TAG = regex(r"</?[A-Za-z][^<>]{0,60}>")
_HYPHENATED = regex(r"([\w-]*)[\ufffe\x02]\s*(\w*)")
MOSTLY = 0.8
"""Words of a title in the metadata that are printed on the first page, at least: the share."""
TITLE_LARGER = 1.2
"""Minimum size of a printed title, relative to most of the page."""
DOUBTFUL_LARGER = 1.05
"""The same of one that stands above the abstract."""
TITLE_LINES = 9
"""Lines of a printed title, at most."""
SMALL_CAPITALS = 0.75
"""Their size, at least, relative to the capitals beside them."""
TITLE_STEP = 2.2
"""From line to line of a title, at most, in sizes."""
LEAST_LETTERS = 8
"""Letters of a printed title, at least."""
MOST_WORDS = 28
"""Words of a title, at most; a longer text is the abstract, unless it says what it is."""
LONGEST_TITLE = 45
_STUDY = regex(r"(?i):|\b(?:protocol|trial|study|review|meta-analysis|report)\b")
_SENTENCE_WITHIN = regex(r"[a-z]{3}[.!?] [A-Z]")
SMALLER = 0.85
"""The size of a raised number, at most, relative to its line."""
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


# --- the title --------------------------------------------------------------------------


def title_of(
    named: str, lines: Sequence[PrintedLine], page: str, file_name: str = ""
) -> str:
    """Return the title of a work, "" if nothing tells it.

    The metadata may name a file, a template or another work: if they have a title that is not
    printed on the first page, a printed one is right. So is a name `Author - Year - Title` of
    the file, which may be cut off.

    Args:
        named: the title in the metadata.
        lines: those of the first page.
        page: the text of the first page.
        file_name: that of the file, without its ending.
    """
    on_page = for_finding(page)

    def is_printed(title: str) -> bool:
        words = title.split()
        printed = [word for word in words if for_finding(word) in on_page]
        return len(printed) >= MOSTLY * len(words)

    named = _TAG.sub("", unescape(named.replace("#_#", "&#")))
    # a single word is mostly the name of a file or program
    if len(named.split()) == 1 or _is_too_long(named):
        named = ""
    if _NO_TITLE.match(named) or _JOURNAL.match(named):
        named = ""
    if named and is_printed(named):
        return named
    printed = printed_title(lines, page)
    filed = AUTHOR_AND_YEAR.sub("", file_name)
    if filed != file_name and is_printed(filed):
        if for_finding(printed).startswith(for_finding(filed)):
            return printed  # the name is cut off
        return filed
    return printed or named


def printed_title(lines: Sequence[PrintedLine], page: str) -> str:
    """Return the largest text of the first page that looks like a title, else ""."""
    letters = sorted(line.size for line in lines for _ in line.text)
    if not letters:
        return ""
    usual = letters[len(letters) // 2]
    spelling = Spelling([page])
    blocks = list(_blocks(lines))
    above_text = set(takewhile(lambda line: not _TEXT_BEGINS.match(line.text), lines))
    if len(above_text) == len(lines):
        above_text = set()

    # the cover that JSTOR puts before an article
    block_above = {block.lines[-1]: block for block in blocks}
    for above, line in pairwise(lines):
        if line.text.startswith("Author(s): ") and above in block_above:
            return block_above[above].title(spelling)
    for block in sorted(blocks, key=lambda block: -block.size):
        if block.size < DOUBTFUL_LARGER * usual:
            break
        if block.size < TITLE_LARGER * usual and block.lines[0] not in above_text:
            continue
        if _is_title(block, spelling, lines):
            return block.title(spelling)
    return ""


class _Block:
    """Lines of about one size that follow one another."""

    def __init__(self, line: PrintedLine) -> None:
        self.lines = [line]

    @property
    def size(self) -> float:
        """The size of its largest line."""
        return max(line.size for line in self.lines)

    def goes_on_with(self, line: PrintedLine) -> bool:
        """Return whether a line is the next one of it."""
        above = self.lines[-1]
        if abs(line.size - above.size) > 0.03 * above.size:
            # in small capitals most letters of a line may be the large or the small ones
            if not (above.text.isupper() and line.text.isupper()):
                return False
            if not SMALL_CAPITALS <= line.size / above.size <= 1 / SMALL_CAPITALS:
                return False
        return -0.5 * line.size < above.top - line.top < TITLE_STEP * line.size

    def is_cut_by(self, line: PrintedLine) -> bool:
        """Return whether the text of a sentence goes on in the next line, in small letters."""
        last = self.lines[-1]
        if not 0 < last.top - line.top < TITLE_STEP * last.size:
            return False
        return line.text[:1].islower() and " " in line.text

    def title(self, spelling: Spelling) -> str:
        """Return its text, without the signs of its notes."""

        def spelt(broken: re.Match[str]) -> str:
            left, right = broken.groups()
            if len(left) > 1 and left.isupper() and right.isupper():  # `PERSPEC-` `TIVE`
                return left + right
            keeps = left and right and spelling.keeps_hyphen(left, right)
            return f"{left}-{right}" if keeps else left + right

        text = " ".join(line.text for line in self.lines)
        text = _HYPHENATED.sub(spelt, text.removesuffix(self.lines[-1].note))
        return _SIGN_BEHIND.sub("", _STATE.sub("", text)).strip()


def _blocks(lines: Iterable[PrintedLine]) -> Iterator[_Block]:
    """Yield the blocks of a page; what stands for no title ends one."""
    block: _Block | None = None
    for line in lines:
        if block and block.goes_on_with(line) and not _stands_for_none(line.text):
            block.lines.append(line)
            continue
        if block:
            yield block
        block = None if _stands_for_none(line.text) else _Block(line)
    if block:
        yield block


def _stands_for_none(text: str) -> bool:
    """Return whether a line is a stamp, an address, a kind of article, but no title."""
    return _NO_TITLE.match(text) is not None or _is_spaced_kind(text)


def _is_spaced_kind(text: str) -> bool:
    """Return whether a line is a kind of article in letters set apart: `S TUD Y P RO TOCO L`."""
    words = text.split()
    short = [word for word in words if len(word) <= 3]
    return 2 * len(short) > len(words) and _SPACED_KIND.match("".join(words)) is not None


def _is_too_long(title: str) -> bool:
    """Return whether a text has more words than a title, or a study's title, has."""
    words = len(title.split())
    if words <= MOST_WORDS:
        return False
    if words > LONGEST_TITLE or _SENTENCE_WITHIN.search(title):
        return True
    return _STUDY.search(title) is None


def _are_authors(text: str) -> bool:
    """Return whether a text has several names with the signs of their institutes."""
    return len(_AUTHORS.findall(text)) > 1 or " † " in text


def _is_title(block: _Block, spelling: Spelling, lines: Sequence[PrintedLine]) -> bool:
    """Return whether a block of large letters is a title: no sentence, journal, author."""
    title = block.title(spelling)
    if len(block.lines) > TITLE_LINES or " " not in title or _is_too_long(title):
        return False
    if sum(map(str.isalpha, title)) < LEAST_LETTERS:
        return False
    if _JOURNAL.match(title) or "@" in title or _are_authors(title):
        return False
    if _ENDS_OPEN.search(title) or (title[0].islower() and ":" not in title):
        return False
    following = lines.index(block.lines[-1]) + 1
    if any(map(block.is_cut_by, lines[following : following + 1])):
        return False
    # the name of a journal stands in a running head, too: Journal of Cells, 12 (2016)
    name = re.compile(
        re.escape(title) + r"[\s,.:|(]+(?:vol\b|(?:19|20)\d\d|\d+ ?[(:])", re.IGNORECASE
    )
    return not any(name.search(line.text) for line in lines)


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
