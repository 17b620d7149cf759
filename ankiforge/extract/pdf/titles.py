"""Find the title printed on the first page of a PDF.

The title is the largest text on the page that is worded like a title. If no text is larger than the
rest, it is text near the top of the page that is bold or in capitals. Subtitles are omitted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from itertools import chain

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfTextPage

from ankiforge.extract.files import AUTHOR_AND_YEAR_PREFIX
from ankiforge.extract.pdf.cleaning import to_one_line
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
    note: str = ""
    """The footnote mark in smaller type at the end, such as the `1` in `Title1`, or ""."""
    is_bold: bool = False
    """Whether the first letter is bold and, unless the line ends with a footnote mark, the last."""


# PDFium replaces a hyphen and the following line break with a single character.
_LINE = regex(r"[^\n\ufffe\x02]*(?:\n|[\ufffe\x02]|$)")
_MAX_SAMPLED_LETTERS = 9
"""The approximate number of letters per line to sample when determining its size."""


def read_printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page that contain text.

    `text` is the text of the page as PDFium returns it.
    """
    letters = CharReader(page)

    def get_index(offset: int) -> int:
        index: int = pdfium_c.FPDFText_GetCharIndexFromTextIndex(page.raw, offset)
        return max(index, 0)

    def measure_size(index: int) -> float:
        bottom, top = letters.get_bottom_and_top(index)
        return round(letters.get_font_size(index, top - bottom), 2)

    lines = []
    offset = 0
    for line in _LINE.findall(text):
        line_text = to_one_line(line)
        if line_text:
            start = offset + _count_units(line[: len(line) - len(line.lstrip())])
            end = offset + _count_units(line.rstrip())
            step = max(1, (end - start) // _MAX_SAMPLED_LETTERS)
            sampled_sizes = Counter(
                measure_size(get_index(sampled)) for sampled in range(start, end, step)
            )
            [(size, _)] = sampled_sizes.most_common(1)
            first = get_index(start)
            last = get_index(end - 1)
            bottom, top = letters.get_bottom_and_top(first)
            note = ""
            note_match = _TRAILING_NOTE.search(line_text)
            if note_match and measure_size(last) < MAX_NOTE_SIZE * size:
                # a lowered number directly after a word is a subscript, as in `CO2`
                last_bottom, _ = letters.get_bottom_and_top(last)
                if note_match[0][0].isspace() or last_bottom >= bottom:
                    note = note_match[0]
            is_bold = letters.is_bold(first) and (note != "" or letters.is_bold(last))
            lines.append(PrintedLine(first, line_text, size, top, note, is_bold))
        offset += _count_units(line)
    return lines


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
    chars = "".join(words)
    min_letters = max(MIN_TITLE_LETTERS, MIN_LETTER_FRACTION * len(chars))
    short_words = [word for word in words if len(word) < 3 and word.isalpha()]
    return not (
        len(words) == 1
        or sum(map(str.isalpha, chars)) < min_letters
        or 2 * len(short_words) > len(words) > 4
        or _JOURNAL.match(text)
        or _NEVER_IN_TITLE.search(text)
        or (text[0].islower() and ":" not in text)
        or _is_too_long(text)
        or ("," in text and _is_name_list(text))
    )


def _is_name_list(text: str) -> bool:
    """Return whether a text looks like a list of people's names.

    A name may have up to four words or, if it is the only name, three. Particles such as `von`
    don't count. At most 30 % of the names may be single words.
    """
    if _NEVER_IN_NAMES.search(text):
        return False
    parts = map(str.split, _NAME_SEPARATOR.split(_NAME_PREFIX.sub("", text)))
    names = list(filter(None, parts))
    single_words = [name for name in names if len(name) == 1]
    if not names or len(single_words) > 0.3 * len(names):
        return False
    max_words = 4 if len(names) > 1 or "." in text else 3
    for name in names:
        words = set(name) - _PARTICLES
        if len(words) > max_words or any(word[0].islower() for word in words):
            return False
    return True


# --- the title --------------------------------------------------------------------------


def choose_title(
    metadata_title: str, lines: Sequence[PrintedLine], page_text: str, file_name: str = ""
) -> str:
    """Choose the title of a work, or return "" if it is unknown.

    The title in the metadata may be that of a file, a template, a series or another work. It is
    therefore only preferred if the first page shows it, and if no other text on that page is
    clearly the title. The next choices are the title in a file name of the form `Author - Year -
    Title`, which may be truncated, then the title printed on the page, then that in the metadata.

    Args:
        metadata_title: The title in the metadata, or "".
        lines: The lines of the first page.
        page_text: The text of the first page.
        file_name: The file name without its suffix.
    """
    folded_page = normalize_for_lookup(page_text)

    def is_printed_in(text: str, title: str) -> bool:
        words = title.split()
        printed_words = [word for word in words if normalize_for_lookup(word) in text]
        return len(printed_words) >= _MIN_PRINTED_WORDS * len(words)

    metadata_title = unescape(metadata_title)
    # a single word is usually the name of a file or program
    if (
        len(metadata_title.split()) == 1
        or _is_too_long(metadata_title)
        or _NOT_A_TITLE.match(metadata_title)
    ):
        metadata_title = ""
    title_finder = _TitleFinder(lines)
    title_block = next(title_finder.iter_title_candidates(), None)
    printed_title = title_block.text if title_block else ""
    if metadata_title and is_printed_in(folded_page, metadata_title):
        large_letters = ""
        for line in lines:
            if title_block and line.size >= MIN_RELATIVE_SIZE * title_block.font_size:
                large_letters += fold_alphanumerics(line.text.removesuffix(line.note))
        has_clear_title = (
            title_block
            and title_block.font_size >= _MIN_TITLE_SIZE * title_finder.usual_size
        )
        if (
            not has_clear_title
            or fold_alphanumerics(metadata_title) in large_letters
            or is_printed_in(normalize_for_lookup(printed_title), metadata_title)
        ):
            return metadata_title
    file_title = AUTHOR_AND_YEAR_PREFIX.sub("", file_name)
    if file_title != file_name and is_printed_in(folded_page, file_title):
        is_truncated = normalize_for_lookup(printed_title).startswith(
            normalize_for_lookup(file_title)
        )
        return printed_title if is_truncated else file_title
    return printed_title or metadata_title


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
        text = " ".join(line.text for line in self.lines)
        text = _HYPHEN.sub("", text.removesuffix(self.lines[-1].note))
        return _TRAILING_NOTE_SIGN.sub("", text).strip()

    @property
    def ranking_size(self) -> float:
        """The font size by which blocks are ranked. It is reduced for a possible list of names."""
        return self.font_size * (_NAMES_FACTOR if _is_name_list(self.text) else 1)

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
        tolerance = 0.03
        if above.text.isupper() and line.text.isupper():
            tolerance = 1 - _MIN_SMALL_CAPITALS_SIZE
        smaller, larger = sorted((line.size, above.size))
        if larger - smaller > tolerance * larger:
            return False
        if line.is_bold != above.is_bold:
            has_names = _is_name_list(line.text) or _is_name_list(above.text)
            if has_names or line.size < _MIN_TITLE_SIZE * usual_size:
                return False
        return -0.5 * line.size < above.top - line.top < _MAX_LINE_STEP * line.size


class _TitleFinder:
    def __init__(self, lines: Sequence[PrintedLine]) -> None:
        self._lines = lines
        sizes = sorted(line.size for line in lines for _ in line.text)
        self._letter_count = len(sizes)
        self._is_cover = len(sizes) <= _MAX_COVER_LETTERS
        quantile = 4 if self._is_cover else 2
        self.usual_size = sizes[len(sizes) // quantile] if sizes else 1.0
        """The size of most text on the page, or of the small lines on a cover page."""
        self._blocks: list[_Block] = []
        for line in lines:
            if self._blocks and self._blocks[-1].is_continued_by(line, self.usual_size):
                self._blocks[-1].lines.append(line)
            else:
                self._blocks.append(_Block(line))

    def iter_title_candidates(self) -> Iterator[_Block]:
        """Yield the blocks that look like titles, the most likely one first."""
        min_size = _MIN_COVER_TITLE_SIZE if self._is_cover else _MIN_TITLE_SIZE
        by_size = sorted(self._blocks, key=lambda block: -block.ranking_size)
        larger = (
            block for block in by_size if block.font_size >= min_size * self.usual_size
        )
        for block in chain(larger, self._find_emphasized_blocks()):
            if not _NOT_A_TITLE.match(block.text) and _is_worded_as_title(block.text):
                yield block

    def _find_emphasized_blocks(self) -> Iterator[_Block]:
        """Yield the blocks near the top of the page that are bold or in capitals.

        Bold type means nothing if much of the page is bold. Lists of names are skipped.
        """
        bold_letters = sum(len(line.text) for line in self._lines if line.is_bold)
        is_bold_significant = bold_letters < _MAX_BOLD_FRACTION * self._letter_count
        for block in self._blocks:
            text = block.text
            lines_above = [line for line in self._lines if line.top > block.lines[0].top]
            if len(lines_above) > _MAX_LINES_ABOVE or _is_name_list(text):
                continue
            if is_bold_significant and all(line.is_bold for line in block.lines):
                min_size = _MIN_BOLD_SIZE
            elif text.isupper() and text.count(" ") > 2:
                min_size = _MIN_CAPITALS_SIZE
            else:
                continue
            if block.font_size >= min_size * self.usual_size:
                yield block
