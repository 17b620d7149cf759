"""The lines of a page with their sizes, and the title that a first page prints.

A title is larger than the text, or bold and above it; what else is large (a journal's banner, a
kind of article, authors, a sentence) is told by its words and by where else they stand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from ctypes import c_int, create_string_buffer
from functools import cached_property
from html import unescape
from itertools import chain, pairwise, takewhile
from math import hypot

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfTextPage

from ankiforge.extract.files import AUTHOR_AND_YEAR
from ankiforge.extract.pdf.cleaning import Spelling, one_line
from ankiforge.language.detection import language_of
from ankiforge.model import Value
from ankiforge.text import regex
from ankiforge.text.fold import for_finding, letters_of

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
    is_bold: bool = False
    """Whether its first and its last letter are bold."""


# PDFium puts a sign for a hyphen and the break behind it.
_LINE = regex(r"[^\n\ufffe\x02]*(?:\n|[\ufffe\x02]|$)")
_SAMPLED = 9
"""Letters of a line, at most, whose sizes are compared."""
BOLD = range(600, 1001)
"""The weights of bold fonts; many say it in their names only."""
_BOLD_NAME = regex(
    r"(?i)bold|black|heavy|demi|[-_](?:B|Bd|BI|Medi)$|^(?:\w{6}\+)?(?:CM|SF)BX"
)
_NAME_BYTES = 128


class _Letters:
    """The letters of a page, asked for their sizes and fonts by their places in PDFium's list."""

    def __init__(self, page: PdfTextPage) -> None:
        self._page = page.raw
        self._matrix = pdfium_c.FS_MATRIX()
        self._box = pdfium_c.FS_RECTF()

    def at(self, offset: int) -> int:
        """Return the place of the letter at an offset of the text."""
        place: int = pdfium_c.FPDFText_GetCharIndexFromTextIndex(self._page, offset)
        return max(place, 0)

    def edges(self, place: int) -> tuple[float, float]:
        """Return the bottom and the top of a letter."""
        pdfium_c.FPDFText_GetLooseCharBox(self._page, place, self._box)
        return (self._box.bottom, self._box.top)

    def size(self, place: int) -> float:
        """Return the size of a letter in points."""
        pdfium_c.FPDFText_GetMatrix(self._page, place, self._matrix)
        bottom, top = self.edges(place)
        size: float = pdfium_c.FPDFText_GetFontSize(self._page, place)
        size *= hypot(self._matrix.c, self._matrix.d) or 1.0
        height = top - bottom
        # a font that is drawn has any size
        if height > 0 and not 0.4 * height < size < 2.5 * height:
            size = height
        return round(size, 2)

    def is_bold(self, place: int) -> bool:
        """Return whether a letter is bold."""
        if pdfium_c.FPDFText_GetFontWeight(self._page, place) in BOLD:
            return True
        name = create_string_buffer(_NAME_BYTES)
        pdfium_c.FPDFText_GetFontInfo(self._page, place, name, _NAME_BYTES, c_int())
        return _BOLD_NAME.search(name.value.decode("utf-8", "replace")) is not None


def printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page; `text` is PDFium's text of the page."""
    letters = _Letters(page)
    lines = []
    offset = 0
    for line in _LINE.findall(text):
        words = one_line(line)
        if words:
            start = offset + _units(line[: len(line) - len(line.lstrip())])
            end = offset + _units(line.rstrip())
            sampled = range(start, end, max(1, (end - start) // _SAMPLED))
            [(size, _)] = Counter(
                letters.size(letters.at(each)) for each in sampled
            ).most_common(1)
            first = letters.at(start)
            last = letters.at(end - 1)
            bottom, top = letters.edges(first)
            note = ""
            behind = _NOTE_BEHIND.search(words)
            if behind and letters.size(last) < SMALLER * size:
                if (
                    behind[0][0].isspace() or letters.edges(last)[0] >= bottom
                ):  # else `CO2`
                    note = behind[0]
            is_bold = letters.is_bold(first) and (note != "" or letters.is_bold(last))
            lines.append(PrintedLine(first, words, size, top, note, is_bold))
        offset += _units(line)
    return lines


def _units(text: str) -> int:
    """Return the length of a text as PDFium counts it, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- what is no title --------------------------------------------------------------------

# What stands for a title: names of files and programs, stamps, kinds of articles, headings.
_NO_TITLE = regex(
    r"(?i)untitled\b|(?:the )?title$|microsoft word|(?:microsoft )?powerpoint"
    r"|(?:no|kein) (?:slide|folien) ?tit(?:le|el)$"
    r"|(?:slide|folie|diapositiv[ae]|dia|presentation|präsentation|présentation)s? ?\d*$"
    r"|\S*\d\S* \d+\.\.\d+$"
    r"|.*\.(?:docx?|pptx?|odt|rtf|tex|dvi|eps|pdf|indd|fm|pmd|qxd|cdr)$|arxiv:|doi[: ]|pii: "
    r"|.*\b(?:on|last) page\b|note: |\*\*"  # what somebody typed on the page
    r"|(?:https?:|www\.)|(?:a )?(?:proceedings |conference )?template(?:$| for\b)"
    r"|(?:original |research |review |clinical |case |short |brief |mini-?|full |invited )*"
    r"(?:articles?|paper|reviews?|reports?|study|communications?|research|letters?|editorial"
    r"|corrigendum|erratum|retraction|commentary|contributions?)(?: open access)?$"
    r"|open access$"
    r"|supplementa(?:ry|l) (?:information|materials?|data|files?)$|(?:nih|hhs) public access$"
    r"|(?:author|europe pmc) manuscripts?$|practice of \w+$|author\(s\): "
    r"|(?:\d{1,2}\.? |[ivx]+\.? )?(?:abstract|summary|introduction|contents|keywords?|einleitung"
    r"|zusammenfassung|inhalt\w*|r[eé]sum[eé]|resumen|introducci[oó]n|introdução|resumo)\b.?$"
    r"|(?:the )?universi\w+ (?:of|d[aeo]s?|di|zu)\b|.*\buniversit(?:y|ät)$"
    r"|(?:forum|special|thematic) section$|(?:discussion|working) papers?\b"
    r"|(?:international |online )?edition\b"
    r"|(?:\S+ ){1,3}(?:institute?|inc\.?|ltd\.?|gmbh|association)$"
)
# The number of a series, a date, a letter of a logo: if they do not go on with a title.
_ALONE = regex(
    r"(?i)(?:\S+ ){0,6}(?:no|nr|heft|vol|number)\.? ?\d[\d /-]*$"
    r"|(?:[^\W\d]+\.?,? )?(?:19|20)\d\d$|.$"
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
_NOTE_BEHIND = regex(r"\s?[\d∗*†‡§¶]{1,2}$")
# What some journals add behind a title: [version 1; peer review: approved].
_STATE = regex(r"\s*\[(?:v\d|version \d)[^\]]*\]?$")
_SIGN_BEHIND = regex(r"\s*[∗*†‡§¶]+$")
_TAG = regex(r"</?[A-Za-z][^<>]{0,60}>")
_HYPHENATED = regex(r"([\w-]*)[\ufffe\x02]\s*(\w*)")
_MOSTLY = 0.8
"""Words of a title in the metadata that are printed on the first page, at least: the share."""
_TITLE_LARGER = 1.2
"""Minimum size of a printed title, relative to most of the page."""
_FAR_SMALLER = 2.5
"""How much larger than a title another line may be: that of a logo."""
_DOUBTFUL_LARGER = 1.05
"""The same of one that stands above the abstract."""
_SMALL_CAPITALS = 0.75
"""Their size, at least, relative to the capitals beside them."""
_TITLE_STEP = 2.2
"""From line to line of a title, at most, in sizes."""
LEAST_LETTERS = 8
"""Letters of a printed title, at least."""
LETTERS = 0.7
"""The same as a share: a font may give its letters as signs."""
_MOST_WORDS = 28
"""Words of a title, at most; a longer text is the abstract, unless it says what it is."""
_LONGEST_TITLE = 45
_STUDY = regex(r"(?i):|\b(?:protocol|trial|study|review|meta-analysis|report)\b")
SMALLER = 0.85
"""The size of a raised number, at most, relative to its line."""
_LIKE_NAMES = 0.95
"""What letters of words that may be names count for, as authors may be as large as a title."""
_HEAD_LINES = 6
"""Lines that stand higher than a bold title, at most."""
_COVER = 700
"""Letters of a page that is no more than a cover, at most: all of its lines are set as titles."""
_BOLD_SIZE = 0.97
"""The size of a bold title, at least, relative to most of the page."""
_CAPITALS_SIZE = 0.9
"""The same of one in capitals."""
_MOSTLY_BOLD = 0.4
"""The share of bold letters from which they say nothing."""
NEARLY = 0.7
"""The size of a title that the metadata name, at least, relative to the one printed largest."""
_SUBTITLE_LARGER = 1.15
"""The size of a subtitle, at least, relative to most of the page, if no authors follow it."""
_SUBTITLE_STEP = 3
"""From a title to its subtitle, at most, in sizes of the title."""
_SUBTITLE_LINES = 4
_SMALL_WORDS = 0.2
"""The share of words with small letters in a subtitle, at least; authors have fewer."""
_CHAPTER = regex(r"(?i)(?:chapter|kapitel|cap[ií]tulo|chapitre) \d{1,3}[.:]? (?=.{8})")
# Words of names that are written small, and what stands between two names.
_PARTICLES = frozenset(
    "von van de der den del della di da do dos du la le el bin ter zu ul al e y".split()
)
_BETWEEN_NAMES = regex(r"(?i)[,;/|&∗*†‡§¶\d]+|\s(?:and|und|et)\s")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
# Addresses, and numbered headings.
_NO_WORDS_OF_TITLE = regex(r"@|https?:|www\.|^\d{1,2}(?:\.\d+)*\.? [^\W\d_]")
_NO_NAMES = regex(r"[?!:„“”\"«»–—]")
_TITLE_BEFORE_NAME = regex(r"(?i)^(?:by|von|de|par|di|por|dr\.?|prof\.?)\s")
# What stands below a title, and is no part of it: institutes, dates, series, editors.
_NO_SUBTITLE = regex(
    r"(?i).*(?:@|universi|institut(?:e|es|o|s|um)?\b|departmen|school|college|facult|fakult|laborator"
    r"|hospital|\bcent(?:er|re)\b|\b(?:no|nr|vol)\.? ?\d|\b(?:received|accepted|published"
    r"|revised|submitted|presented|version|draft|appear|edited|working paper|discussion paper"
    r"|technical report|teacher|teaching|lecturer|dept)\b|doi:|https?:|\b[a-z] ?,|[´¨˜`ˆ]|,$)"
    r"|by\b|von\b|issn\b|doi\b|\d"
)


def _stands_for_none(text: str) -> bool:
    """Return whether a line is a stamp, an address, a kind of article, but no title."""
    if _NO_TITLE.match(text):
        return True
    # in letters set apart: `S TUD Y P RO TOCO L`
    return _SPACED_KIND.match("".join(text.split())) is not None


def _is_too_long(title: str) -> bool:
    """Return whether a text has more words than a title, or a study's title, has."""
    most = _LONGEST_TITLE if _STUDY.search(title) else _MOST_WORDS
    return len(title.split()) > most


def _is_worded_as_title(text: str) -> bool:
    """Return whether the words of a text may be a title, if it is large enough."""
    words = text.split()
    if len(words) == 1 or not _are_words(words):
        return False
    if _JOURNAL.match(text) or _NO_WORDS_OF_TITLE.search(text):
        return False
    if text[0].islower() and ":" not in text:
        return False
    if _is_too_long(text):  # most words of a long one have capitals, or it is a sentence
        if 2 * sum(word[0].isupper() for word in words) < len(words):
            return False
    return not ("," in text and _are_names(text))


def _are_words(words: Sequence[str]) -> bool:
    """Return whether these are words: enough letters, which are not set apart."""
    letters = "".join(words)
    if sum(map(str.isalpha, letters)) < max(LEAST_LETTERS, LETTERS * len(letters)):
        return False
    short = [word for word in words if len(word) < 3 and word.isalpha()]
    return not 2 * len(short) > len(words) > 4


def _are_names(text: str) -> bool:
    """Return whether a text is names of persons, two to four words each beside particles."""
    if _NO_NAMES.search(text):
        return False
    names = []
    for name in _BETWEEN_NAMES.split(_TITLE_BEFORE_NAME.sub("", text)):
        if name.strip():
            names.append(name.split())
    singles = [name for name in names if len(name) == 1]
    if not names or len(singles) > 0.3 * len(names):
        return False
    longest = max(len(set(name) - _PARTICLES) for name in names)
    most = 4 if len(names) > 1 or "." in text else 3
    return longest <= most and not any(map(_is_small, chain.from_iterable(names)))


def _is_small(word: str) -> bool:
    """Return whether a word begins with a small letter, as no part of a name does."""
    return word[0].islower() and word not in _PARTICLES


def _is_subtitle(text: str) -> bool:
    """Return whether the words below a title belong to it: no names, institutes or dates."""
    if _NO_SUBTITLE.match(text) or _JOURNAL.match(text):
        return False
    words = text.split()
    if len(words) < 3 or _is_too_long(text) or text.endswith("."):
        return False
    return sum(map(_is_small, words)) > _SMALL_WORDS * len(words)


# --- the title --------------------------------------------------------------------------


def title_of(
    named: str, lines: Sequence[PrintedLine], page: str, file_name: str = ""
) -> str:
    """Return the title of a work, "" if nothing tells it.

    The metadata may name a file, a template, a series or another work: they are right if the
    first page prints their title larger than its text. Otherwise a printed one is. So is a name
    `Author - Year - Title` of the file, which may be cut off.

    Args:
        named: the title in the metadata.
        lines: those of the first page.
        page: the text of the first page.
        file_name: that of the file, without its ending.
    """
    on_page = for_finding(page)

    def is_in(text: str, title: str) -> bool:
        words = title.split()
        printed = [word for word in words if for_finding(word) in text]
        return len(printed) >= _MOSTLY * len(words)

    named = _TAG.sub("", unescape(named.replace("#_#", "&#")))
    # a single word is mostly the name of a file or program
    if len(named.split()) == 1 or _is_too_long(named):
        named = ""
    if _NO_TITLE.match(named) or _JOURNAL.match(named):
        named = ""
    first_page = FirstPage(lines, page)
    printed = first_page.title()
    if named and is_in(on_page, named):
        if first_page.sets_off(named) or not first_page.is_sure:
            return named
        if is_in(for_finding(printed), named):
            # the author spelt a formula or a ligature that the page does not; or no umlauts
            letters = letters_of(printed).translate(_UMLAUTS)
            return printed if letters == letters_of(named) else named
    filed = AUTHOR_AND_YEAR.sub("", file_name)
    if filed != file_name and is_in(on_page, filed):
        if for_finding(printed).startswith(for_finding(filed)):
            return printed  # the name is cut off
        return filed
    return printed or named


class _Block:
    """Lines of about one size that follow one another."""

    def __init__(self, lines: list[PrintedLine]) -> None:
        self.lines = lines

    @property
    def size(self) -> float:
        """The size of its largest line."""
        return max(line.size for line in self.lines)

    @property
    def is_bold(self) -> bool:
        """Whether all of its lines are bold."""
        return all(line.is_bold for line in self.lines)

    def goes_on_with(self, line: PrintedLine) -> bool:
        """Return whether a line is the next one of it."""
        above = self.lines[-1]
        if abs(line.size - above.size) > 0.03 * above.size:
            # in small capitals most letters of a line may be the large or the small ones
            if not (above.text.isupper() and line.text.isupper()):
                return False
            if not _SMALL_CAPITALS <= line.size / above.size <= 1 / _SMALL_CAPITALS:
                return False
        return -0.5 * line.size < above.top - line.top < _TITLE_STEP * line.size

    def is_cut_by(self, line: PrintedLine) -> bool:
        """Return whether the text of a sentence goes on in the next line, in small letters."""
        last = self.lines[-1]
        if not 0 < last.top - line.top < _TITLE_STEP * last.size:
            return False
        if _are_names(line.text):  # by Ann Reader
            return False
        return line.text[:1].islower() and " " in line.text

    def title(self, spelling: Spelling) -> str:
        """Return its text, without the signs of its notes."""

        def spelt(broken: re.Match[str]) -> str:
            left, right = broken.groups()
            keeps = left and right and spelling.keeps_hyphen(left, right)
            return f"{left}-{right}" if keeps else left + right

        text = " ".join(line.text for line in self.lines)
        text = _HYPHENATED.sub(spelt, text.removesuffix(self.lines[-1].note))
        text = _CHAPTER.sub("", _STATE.sub("", text), count=1)
        return _SIGN_BEHIND.sub("", text).strip()


class FirstPage:
    """The lines of a first page, and the title that they suggest."""

    def __init__(self, lines: Sequence[PrintedLine], text: str) -> None:
        self._lines = lines
        self._text = text
        self._spelling = Spelling([text])

    @cached_property
    def _is_cover(self) -> bool:
        """Whether the page has little text, all of which may be set as a title."""
        return sum(len(line.text) for line in self._lines) <= _COVER

    @cached_property
    def _usual(self) -> float:
        """The size of most of the text, or of the small lines of a cover."""
        sizes = sorted(line.size for line in self._lines for _ in line.text)
        if not sizes:
            return 1.0
        return sizes[len(sizes) // (4 if self._is_cover else 2)]

    @cached_property
    def _blocks(self) -> list[_Block]:
        """Its blocks; a line of no title ends one."""
        blocks: list[_Block] = []
        is_open = False
        for line in self._lines:
            goes_on = is_open and self._go_together(blocks[-1], line)
            if goes_on and line.text[0].islower():
                blocks[-1].lines.append(line)
                continue
            is_open = not _stands_for_none(line.text)
            if is_open and goes_on:
                blocks[-1].lines.append(line)
                continue
            is_open = is_open and not _ALONE.match(line.text)
            if is_open:
                blocks.append(_Block([line]))
        return blocks

    def _go_together(self, block: _Block, line: PrintedLine) -> bool:
        """Return whether a line goes on with a block; bold letters part small ones and names."""
        above = block.lines[-1]
        are_names = _are_names(line.text) or _are_names(above.text)
        if are_names or line.size < _TITLE_LARGER * self._usual:
            if line.is_bold != above.is_bold:
                return False
        return block.goes_on_with(line)

    @cached_property
    def _shows_bold(self) -> bool:
        """Whether bold letters say something, as most are not."""
        bold = sum(len(line.text) for line in self._lines if line.is_bold)
        return bold < _MOSTLY_BOLD * sum(len(line.text) for line in self._lines)

    def sets_off(self, title: str) -> bool:
        """Return whether a title stands in letters as those of a title, not in the text only."""
        printed = self._title_block
        least = NEARLY * printed.size if printed else 0.0
        if not self._is_cover:
            least = max(least, _DOUBTFUL_LARGER * self._usual)
            least = min(least, _TITLE_LARGER * self._usual)
        large = ""
        for line in self._lines:
            if line.size >= least:
                large += letters_of(line.text.removesuffix(line.note))
        return letters_of(title) in large

    @property
    def is_sure(self) -> bool:
        """Whether a title is much larger than the text."""
        block = self._title_block
        return block is not None and block.size >= _TITLE_LARGER * self._usual

    def title(self) -> str:
        """Return the text that looks most like a title, with its subtitle, else ""."""
        block = self._title_block
        return self._with_subtitle(block) if block else ""

    @cached_property
    def _title_block(self) -> _Block | None:
        """The block that looks most like a title."""
        # the cover that JSTOR puts before an article
        block_above = {block.lines[-1]: block for block in self._blocks}
        for above, line in pairwise(self._lines):
            if line.text.startswith("Author(s): ") and above in block_above:
                return block_above[above]
        for block in (*self._larger_blocks(), *self._marked_blocks()):
            if self._is_title(block):
                return block
        return None

    def _larger_blocks(self) -> Iterator[_Block]:
        """Yield the blocks that are larger than the text, the largest first."""
        above_text = set(
            takewhile(lambda line: not _TEXT_BEGINS.match(line.text), self._lines)
        )
        if len(above_text) == len(self._lines) and not self._is_cover:
            above_text = set()

        def rank(block: _Block) -> float:
            return block.size * (_LIKE_NAMES if _are_names(self._text_of(block)) else 1)

        largest = max([line.size for line in self._lines if " " in line.text], default=0)
        for block in sorted(self._blocks, key=rank, reverse=True):
            if block.size < max(_DOUBTFUL_LARGER * self._usual, largest / _FAR_SMALLER):
                continue
            if block.size >= _TITLE_LARGER * self._usual or block.lines[0] in above_text:
                yield block

    def _marked_blocks(self) -> Iterator[_Block]:
        """Yield the blocks at the head of the page that are bold, or in capitals."""
        for block in self._blocks:
            higher = [line for line in self._lines if line.top > block.lines[0].top]
            if len(higher) > _HEAD_LINES:
                continue
            least = _BOLD_SIZE if block.is_bold and self._shows_bold else _CAPITALS_SIZE
            text = self._text_of(block)
            if least is _CAPITALS_SIZE and not (text.isupper() and text.count(" ") > 2):
                continue
            if block.size >= least * self._usual and not _are_names(text):
                yield block

    def _text_of(self, block: _Block) -> str:
        """Return the text of a block, with its hyphens as the page spells its words."""
        return block.title(self._spelling)

    def _is_title(self, block: _Block) -> bool:
        """Return whether a block of large letters is a title: no sentence, journal, author."""
        title = self._text_of(block)
        if not _is_worded_as_title(title):
            return False
        following = self._lines.index(block.lines[-1]) + 1
        if any(map(block.is_cut_by, self._lines[following : following + 1])):
            return False
        return not self._is_journal(title)

    def _is_journal(self, title: str) -> bool:
        """Return whether a title is that of a journal: running heads have it, too.

        Such as `Journal of Cells, 12 (2016)` and `Journal of Cells (ISSN 1438-5627)`.
        """
        name = re.compile(
            re.escape(title) + r"[\s,.:|(]+(?:vol\b|(?:19|20)\d\d|\d+ ?[(:])",
            re.IGNORECASE,
        )
        beginning = letters_of(title)[:20]
        for line in self._lines:
            if name.search(line.text):
                return True
            if "ISSN" in line.text and beginning in letters_of(line.text):
                return True
        return False

    def _with_subtitle(self, block: _Block) -> str:
        """Return the text of a title, and of the smaller one that stands below it."""
        title = self._text_of(block)
        below, beyond = self._below(block)
        subtitle = self._text_of(_Block(below)) if below else ""
        if not _is_subtitle(subtitle):
            return title
        languages = {language_of(title), language_of(subtitle)} - {""}
        if len(languages) > 1:  # the title in another language
            return title
        is_small = below[0].size < _SUBTITLE_LARGER * self._usual
        if is_small and not (beyond and _are_names(beyond[0].text)):
            return title
        blank = " " if title[-1] in "?!.:–-" else ": "
        return f"{title}{blank}{subtitle}"

    def _below(self, block: _Block) -> tuple[list[PrintedLine], list[PrintedLine]]:
        """Return the lines that may be the subtitle of a block, and those below them."""
        following = self._blocks[self._blocks.index(block) + 1 :][:2]
        if not following or following[0].size > block.size:
            return [], []
        lines = following[0].lines
        if not 0 < block.lines[-1].top - lines[0].top < _SUBTITLE_STEP * block.size:
            return [], []

        # it ends where names begin, if not with its block
        below = lines[:1]
        for line in lines[1:]:
            if _are_names(line.text) and not _is_small(below[-1].text.split()[-1]):
                break
            below.append(line)
        if len(below) > _SUBTITLE_LINES:
            return [], []
        return below, lines[len(below) :] or [
            line for next_block in following[1:] for line in next_block.lines
        ]
