"""Find the title printed on the first page of a PDF.

The title is the largest text on the page that is worded like a title. If no text is larger than the
rest, it is text near the top of the page that is bold or in capitals. Subtitles are omitted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from html import unescape
from itertools import chain

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfTextPage

from ankiforge.extract.cleaning import to_one_line
from ankiforge.extract.files import AUTHOR_AND_YEAR_PREFIX
from ankiforge.extract.pdf.letters import CharReader
from ankiforge.model import Value
from ankiforge.text import regex
from ankiforge.text.normalize import fold_alphanumerics, normalize_for_lookup

# --- lines ------------------------------------------------------------------------------


class PrintedLine(Value):
    """A line of text on a page, with its letter size and weight."""

    start: int
    """The index of the first character in PDFium's list."""
    text: str
    size: float
    """The most common letter size, in points. An initial may be larger."""
    top: float
    """The vertical position of the top of the first letter, in points."""
    note: str | None = None
    """The footnote mark in smaller type at the end, such as the `1` in `Title1`."""
    is_bold: bool = False
    """Whether the first letter is bold and, unless the line ends with a footnote mark, the last."""

    @property
    def text_without_note(self) -> str:
        """The text without the footnote mark at the end."""
        if self.note is None:
            return self.text
        return self.text.removesuffix(self.note)


# PDFium replaces a hyphen and the following line break with a single character.
_LINE = regex(r"[^\n\ufffe\x02]*(?:\n|[\ufffe\x02]|$)")
_MAX_SAMPLED_LETTERS = 9
"""The approximate number of letters per line to sample when determining its size."""


def read_printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page that contain text.

    `text` is the text of the page as PDFium returns it.
    """
    reader = _LineReader(page)
    lines = []
    offset = 0
    for line in _LINE.findall(text):
        if to_one_line(line):
            lines.append(reader.read_line(line, offset))
        offset += _count_units(line)
    return lines


class _LineReader:
    """Measures the letters of lines on a page."""

    def __init__(self, page: PdfTextPage) -> None:
        self._page = page
        self._letters = CharReader(page)

    def read_line(self, line: str, offset: int) -> PrintedLine:
        """Read a line, which begins at an offset in the text of the page.

        Offsets count UTF-16 code units, as PDFium does.
        """
        text = to_one_line(line)
        indentation = line[: len(line) - len(line.lstrip())]
        start = offset + _count_units(indentation)
        end = offset + _count_units(line.rstrip())
        first = self._get_index(start)
        last = self._get_index(end - 1)
        size = self._measure_usual_size(start, end)
        note = self._find_note(text, first, last, size)
        is_bold = self._letters.is_bold(first)
        if note is None:  # otherwise, the last letter is the note
            is_bold = is_bold and self._letters.is_bold(last)
        _, top = self._letters.get_bottom_and_top(first)
        return PrintedLine(first, text, size, top, note, is_bold)

    def _get_index(self, offset: int) -> int:
        """Return the index in PDFium's list of the character at an offset in the text."""
        index: int = pdfium_c.FPDFText_GetCharIndexFromTextIndex(self._page.raw, offset)
        return max(index, 0)

    def _measure_size(self, index: int) -> float:
        bottom, top = self._letters.get_bottom_and_top(index)
        return round(self._letters.get_font_size(index, top - bottom), 2)

    def _measure_usual_size(self, start: int, end: int) -> float:
        """Return the most common size of the letters from one offset to another."""
        step = max(1, (end - start) // _MAX_SAMPLED_LETTERS)
        sizes: Counter[float] = Counter()
        for offset in range(start, end, step):
            sizes[self._measure_size(self._get_index(offset))] += 1
        [(size, _)] = sizes.most_common(1)
        return size

    def _find_note(self, text: str, first: int, last: int, size: float) -> str | None:
        """Return the footnote mark at the end of a line, or None if there is none.

        A lowered number directly after a word is a subscript, as in `CO2`.
        """
        note = _TRAILING_NOTE.search(text)
        if note is None or self._measure_size(last) >= MAX_NOTE_SIZE * size:
            return None
        line_bottom, _ = self._letters.get_bottom_and_top(first)
        note_bottom, _ = self._letters.get_bottom_and_top(last)
        is_lowered = note_bottom < line_bottom
        if is_lowered and not note[0][0].isspace():
            return None
        return note[0]


def _count_units(text: str) -> int:
    """Count the UTF-16 code units in a text, because PDFium's offsets are based on them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- what isn't a title -------------------------------------------------------------------

# Matches text that may be found instead of a title: names of files and programs, stamps, types of
# articles, headings.
_NOT_A_TITLE = regex(
    r"(?i)untitled\b|microsoft word|(?:microsoft )?powerpoint|(?:the )?title$"
    r"|(?:no|kein) (?:slide|folien) ?tit(?:le|el)$|(?:slide|folie|presentation)s? ?\d*$"
    r"|.*\.(?:docx?|pptx?|odt|rtf|tex|dvi|eps|pdf|indd|fm|pmd|qxd|cdr)$|arxiv:|doi[: ]"
    r"|(?:https?:|www\.)"
    r"|(?:original |research |review |clinical |case |short |brief |full |invited )*"
    r"(?:articles?|paper|reviews?|reports?|communications?|letters?|editorial)$|open access$"
    r"|(?:\d{1,2}\.? |[ivx]+\.? )?(?:abstract|summary|introduction|contents|keywords?"
    r"|einleitung|zusammenfassung|inhalt\w*|r[eé]sum[eé]|resumen)\b.?$"
)
# Matches the name of a journal, as in the banner at the top of a page.
_JOURNAL = regex(
    r"(?i)(?:[\w&]+ ){0,4}journal (?:of|for)\b|.*\bjournal$|.*\bvol\.? (?:no\b|\d)"
)
_TRAILING_NOTE = regex(r"\s?[\d∗*†‡§¶]{1,2}$")
_TRAILING_NOTE_SIGN = regex(r"\s*[∗*†‡§¶]+$")
_HYPHEN = regex(r"[\ufffe\x02]\s*")
_MIN_PRINTED_WORDS = 0.8
"""The minimum fraction of a title's words that must occur on the first page."""
_MIN_TITLE_SIZE = 1.2
"""The minimum size of a title, relative to most text on the page."""
_MIN_COVER_TITLE_SIZE = 1.05
"""The minimum size of a title on a cover page, relative to the small lines of the cover."""
_SIZE_TOLERANCE = 0.03
"""The maximum difference in size between two lines of a title, relative to the larger one."""
_MIN_SMALL_CAPITALS_SIZE = 0.75
"""The minimum size of small capitals, relative to full capitals."""
_MAX_LINE_STEP = 2.2
"""The maximum distance between two lines of a title, relative to their size."""
MIN_TITLE_LETTERS = 8
"""The minimum number of letters in a printed title."""
MIN_LETTER_FRACTION = 0.7
"""The minimum fraction of letters in a title. If there are fewer, the font probably maps letters to
symbols.
"""
_MAX_SHORT_WORDS = 4
"""The number of words up to which most of them may have only one or two letters."""
_MAX_WORDS = 28
"""The maximum number of words in a title. A longer text is probably an abstract."""
_MAX_STUDY_WORDS = 45
"""The maximum number of words in the title of a study, which may be longer than others."""
_STUDY = regex(r"(?i):|\b(?:protocol|trial|study|review|meta-analysis|report)\b")
MAX_NOTE_SIZE = 0.85
"""The maximum size of a footnote mark, relative to its line."""
_NAMES_FACTOR = 0.95
"""Scales the size of a possible list of names, because authors may be printed as large as the
title.
"""
_MAX_LINES_ABOVE = 6
"""The maximum number of lines above a title that is only bold or in capitals."""
_MAX_COVER_LETTERS = 700
"""The maximum number of characters on a cover page, where all lines may be large."""
_MIN_BOLD_SIZE = 0.97
"""The minimum size of a bold title, relative to most text on the page."""
_MIN_CAPITALS_SIZE = 0.9
"""The minimum size of a title in capitals, relative to most text on the page."""
_MAX_BOLD_FRACTION = 0.4
"""The maximum fraction of bold text on a page where bold type indicates a title."""
MIN_RELATIVE_SIZE = 0.7
"""The minimum size of the lines in which to look for the metadata title, relative to the printed
title.
"""
_MAX_SINGLE_WORD_NAMES = 0.3
"""The maximum fraction of names in a list that are single words."""
_MAX_WORDS_OF_NAME = 4
_MAX_WORDS_OF_SINGLE_NAME = 3
# Lower-case words that are parts of names.
_PARTICLES = frozenset(
    "von van de der den del della di da do dos du la le el bin ter zu ul al e y".split()
)
# Matches a separator in a list of names.
_NAME_SEPARATOR = regex(r"(?i)[,;/|&∗*†‡§¶\d]+|\s(?:and|und|et)\s")
# Matches parts of a URL, an email address or a numbered heading.
_NEVER_IN_TITLE = regex(r"@|https?:|www\.|^\d{1,2}(?:\.\d+)*\.? [^\W\d_]")
_NEVER_IN_NAMES = regex(r"[?!:„“”\"«»–—]")
_NAME_PREFIX = regex(r"(?i)^(?:by|von|de|par|di|por|dr\.?|prof\.?)\s")


def _is_too_long(title: str) -> bool:
    max_words = _MAX_STUDY_WORDS if _STUDY.search(title) else _MAX_WORDS
    return len(title.split()) > max_words


def _is_worded_as_title(text: str) -> bool:
    """Return whether a text is worded like a title.

    It must have more than one word, consist mostly of letters, and not be too long. The name of a
    journal, a URL, a numbered heading and a list of names are no titles.
    """
    words = text.split()
    if len(words) == 1 or _is_too_long(text):
        return False
    if not _is_mostly_letters("".join(words)):
        return False
    if len(words) > _MAX_SHORT_WORDS and _are_mostly_short(words):
        return False
    if text[0].islower() and ":" not in text:
        return False
    if _JOURNAL.match(text) or _NEVER_IN_TITLE.search(text):
        return False
    # two words without a comma may be names as well as a title
    has_comma = "," in text
    return not (has_comma and _is_name_list(text))


def _is_mostly_letters(chars: str) -> bool:
    letter_count = sum(map(str.isalpha, chars))
    return letter_count >= max(MIN_TITLE_LETTERS, MIN_LETTER_FRACTION * len(chars))


def _are_mostly_short(words: Sequence[str]) -> bool:
    short_count = sum(len(word) < 3 and word.isalpha() for word in words)
    return 2 * short_count > len(words)


def _is_name_list(text: str) -> bool:
    """Return whether a text looks like a list of people's names.

    Particles such as `von` don't count as words of a name.
    """
    if _NEVER_IN_NAMES.search(text):
        return False
    parts = _NAME_SEPARATOR.split(_NAME_PREFIX.sub("", text))
    names = list(filter(None, map(str.split, parts)))
    if not names:
        return False
    word_counts = list(map(len, names))
    if word_counts.count(1) > _MAX_SINGLE_WORD_NAMES * len(names):
        return False
    max_words = _MAX_WORDS_OF_NAME
    if len(names) == 1 and "." not in text:  # a full stop abbreviates a name
        max_words = _MAX_WORDS_OF_SINGLE_NAME
    return all(_is_name(name, max_words) for name in names)


def _is_name(words: Sequence[str], max_words: int) -> bool:
    """Return whether words could be a name: a few words that aren't in lower case."""
    main_words = set(words) - _PARTICLES
    if len(main_words) > max_words:
        return False
    return not any(word[0].islower() for word in main_words)


# --- the title --------------------------------------------------------------------------


def choose_title(
    metadata_title: str | None,
    lines: Sequence[PrintedLine],
    page_text: str,
    file_name: str | None = None,
) -> str | None:
    """Choose the title of a work, or return None if it is unknown.

    The title in the metadata may be that of a file, a template, a series or another work. It is
    therefore only preferred if the first page shows it, and if no other text on that page is
    clearly the title. The next choices are the title in a file name of the form `Author - Year -
    Title`, which may be truncated, then the title printed on the page, then that in the metadata.

    Args:
        metadata_title: The title in the metadata, if any.
        lines: The lines of the first page.
        page_text: The text of the first page.
        file_name: The file name without its suffix, if known.
    """
    folded_page = normalize_for_lookup(page_text)
    page = _FirstPage(lines)
    printed_title = page.find_title()
    known_title = _clean_metadata_title(metadata_title)
    if known_title is not None and _is_printed_in(folded_page, known_title):
        if printed_title is None or not page.contradicts(known_title, printed_title):
            return known_title
    file_title = _find_title_in_file_name(file_name)
    if file_title is not None and _is_printed_in(folded_page, file_title):
        if printed_title is not None and printed_title.starts_with(file_title):
            return printed_title.text
        return file_title
    if printed_title is not None:
        return printed_title.text
    return known_title


def _clean_metadata_title(title: str | None) -> str | None:
    """Return the title in the metadata as text, or None if it is no title.

    A single word is usually the name of a file or program.
    """
    if title is None:
        return None
    title = unescape(title)
    if len(title.split()) < 2 or _is_too_long(title) or _NOT_A_TITLE.match(title):
        return None
    return title


def _find_title_in_file_name(file_name: str | None) -> str | None:
    """Return the title in a file name of the form `Author - Year - Title`, or None."""
    if file_name is None:
        return None
    prefix = AUTHOR_AND_YEAR_PREFIX.match(file_name)
    if prefix is None:
        return None
    return file_name[prefix.end() :]


def _is_printed_in(folded_text: str, title: str) -> bool:
    """Return whether most words of a title occur in a text, which is folded for comparison."""
    words = title.split()
    printed_count = sum(normalize_for_lookup(word) in folded_text for word in words)
    return printed_count >= _MIN_PRINTED_WORDS * len(words)


class _Block:
    def __init__(self, line: PrintedLine) -> None:
        self.lines = [line]

    @property
    def font_size(self) -> float:
        """The font size of the largest line."""
        return max(line.size for line in self.lines)

    @property
    def text(self) -> str:
        """The text of the block, without trailing footnote marks."""
        *first_lines, last_line = self.lines
        texts = [*(line.text for line in first_lines), last_line.text_without_note]
        text = _HYPHEN.sub("", " ".join(texts))
        return _TRAILING_NOTE_SIGN.sub("", text).strip()

    @property
    def ranking_size(self) -> float:
        """The font size by which blocks are ranked. It is reduced for a possible list of names."""
        if _is_name_list(self.text):
            return _NAMES_FACTOR * self.font_size
        return self.font_size

    def starts_with(self, title: str) -> bool:
        """Return whether the text begins with a title, which a file name may have cut off."""
        folded_text = normalize_for_lookup(self.text)
        return folded_text.startswith(normalize_for_lookup(title))

    def is_continued_by(self, line: PrintedLine, usual_size: float) -> bool:
        """Return whether `line` belongs to the block: it closely follows, and has a similar size.

        A change between bold and regular type starts a new block if the line is small, or if
        either line is a list of names. Lines in capitals may differ more in size, because most
        letters of a line in small capitals may be either large or small.
        """
        above = self.lines[-1]
        if _NOT_A_TITLE.match(above.text):
            return False
        if _NOT_A_TITLE.match(line.text) and not line.text[0].islower():
            return False
        if not _are_similarly_large(line, above):
            return False
        if line.is_bold != above.is_bold:
            is_large = line.size >= _MIN_TITLE_SIZE * usual_size
            if not is_large or _is_name_list(line.text) or _is_name_list(above.text):
                return False
        step = above.top - line.top
        return -0.5 * line.size < step < _MAX_LINE_STEP * line.size


def _are_similarly_large(line: PrintedLine, above: PrintedLine) -> bool:
    tolerance = _SIZE_TOLERANCE
    if above.text.isupper() and line.text.isupper():
        tolerance = 1 - _MIN_SMALL_CAPITALS_SIZE
    smaller, larger = sorted((line.size, above.size))
    return larger - smaller <= tolerance * larger


class _FirstPage:
    """The blocks of the first page, of which one may be the title."""

    def __init__(self, lines: Sequence[PrintedLine]) -> None:
        self._lines = lines
        self._letter_count = sum(len(line.text) for line in lines)
        self._is_cover = self._letter_count <= _MAX_COVER_LETTERS
        self._usual_size = self._find_usual_size()
        self._blocks: list[_Block] = []
        for line in lines:
            if self._blocks and self._blocks[-1].is_continued_by(line, self._usual_size):
                self._blocks[-1].lines.append(line)
            else:
                self._blocks.append(_Block(line))

    def _find_usual_size(self) -> float:
        """Return the size of most text on the page, or of the small lines on a cover page.

        It is the median of the sizes of all letters, or the lower quartile on a cover page.
        """
        sizes: list[float] = []
        for line in self._lines:
            sizes += [line.size] * len(line.text)
        if not sizes:
            return 1.0
        sizes.sort()
        if self._is_cover:
            return sizes[len(sizes) // 4]
        return sizes[len(sizes) // 2]

    def find_title(self) -> _Block | None:
        """Return the largest or else first emphasized block that looks like a title, or None."""
        for block in chain(self._find_large_blocks(), self._find_emphasized_blocks()):
            if not _NOT_A_TITLE.match(block.text) and _is_worded_as_title(block.text):
                return block
        return None

    def contradicts(self, title: str, printed_title: _Block) -> bool:
        """Return whether the page clearly has another title than `title`."""
        if printed_title.font_size < _MIN_TITLE_SIZE * self._usual_size:
            return False
        large_letters = ""
        for line in self._lines:
            if line.size >= MIN_RELATIVE_SIZE * printed_title.font_size:
                large_letters += fold_alphanumerics(line.text_without_note)
        if fold_alphanumerics(title) in large_letters:
            return False
        return not _is_printed_in(normalize_for_lookup(printed_title.text), title)

    def _find_large_blocks(self) -> list[_Block]:
        """Return the blocks that are larger than most text on the page, the largest one first."""
        min_size = _MIN_COVER_TITLE_SIZE if self._is_cover else _MIN_TITLE_SIZE
        large = [
            block
            for block in self._blocks
            if block.font_size >= min_size * self._usual_size
        ]
        return sorted(large, key=lambda block: -block.ranking_size)

    def _find_emphasized_blocks(self) -> Iterator[_Block]:
        """Yield the blocks near the top of the page that are bold or in capitals.

        Bold type means nothing if much of the page is bold. Lists of names are skipped.
        """
        for block in self._blocks:
            if self._count_lines_above(block) > _MAX_LINES_ABOVE:
                continue
            if _is_name_list(block.text):
                continue
            min_size = self._find_min_emphasized_size(block)
            if min_size is not None and block.font_size >= min_size * self._usual_size:
                yield block

    def _find_min_emphasized_size(self, block: _Block) -> float | None:
        """Return the size from which a block is emphasized, or None if it isn't at any size."""
        if self._is_bold_significant and all(line.is_bold for line in block.lines):
            return _MIN_BOLD_SIZE
        if block.text.isupper() and block.text.count(" ") > 2:
            return _MIN_CAPITALS_SIZE
        return None

    @cached_property
    def _is_bold_significant(self) -> bool:
        bold_letters = sum(len(line.text) for line in self._lines if line.is_bold)
        return bold_letters < _MAX_BOLD_FRACTION * self._letter_count

    def _count_lines_above(self, block: _Block) -> int:
        return sum(line.top > block.lines[0].top for line in self._lines)
