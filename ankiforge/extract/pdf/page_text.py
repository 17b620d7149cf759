"""Join the visible characters of a page into text, in reading order.

Boxes are in unrotated user space, like /QuadPoints and /Rect, so /Rotate, CropBox, UserUnit and the
origin of MediaBox can be ignored. The lines of a block are joined, and a hyphen at the end of a
line is kept if the word is spelled with a hyphen. Superscripts and subscripts are preserved, and
accents that TeX prints separately are combined with their letters.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import chain, groupby
from math import hypot
from operator import attrgetter
from statistics import median

from pypdfium2 import PdfiumError  # type: ignore[import-untyped]

from ankiforge.extract.pdf.blocks import find_block_starts, find_list_item_starts
from ankiforge.extract.pdf.chars import (
    CJK,
    HYPHEN_MARKERS,
    HYPHENS,
    LINE_GAP,
    NO_GAP,
    SPACE_GAP,
    SPACES,
    Char,
    GetFont,
    Line,
    PrintedChar,
)
from ankiforge.extract.pdf.cleaning import (
    CLUSTER_LETTER,
    MAX_WORD_CHARS,
    Spelling,
    find_first_word,
    find_last_word,
    has_misread_letters,
)
from ankiforge.extract.pdf.letters import iter_visible_chars
from ankiforge.extract.pdf.margins import find_line_numbers
from ankiforge.extract.pdf.table_cells import crosses_table
from ankiforge.model import Span, Texts
from ankiforge.text import regex

PDF_ERRORS = (PdfiumError, ValueError, TypeError, LookupError, ArithmeticError, OSError)
"""The exceptions that PDFium and pypdfium2 raise for damaged and malicious files."""

# --- scripts and accents ----------------------------------------------------------------


def is_right_to_left(characters: str) -> bool:
    """Return whether most of the characters belong to scripts that run from right to left."""
    rtl_count = 0
    for character, count in Counter(characters).items():
        if unicodedata.bidirectional(character) in ("R", "AL"):
            rtl_count += count
    return rtl_count * 2 > len(characters)


_COMBINING_MARKS = (
    "\u0301\u0300\u0308\u0302\u0303\u0304\u0306\u0307\u030a\u030b\u030c\u0327\u0328"
)
_COMBINING_BY_ACCENT = dict(zip("´`¨ˆ˜¯˘˙˚˝ˇ¸˛", _COMBINING_MARKS, strict=True))
_DOTLESS = {"ı": "i", "ȷ": "j"}
_MAX_ACCENT_DISTANCE = 0.6
"""The maximum vertical distance between an accent and its letter, relative to their height. Accents
over capitals are raised.
"""


def find_separate_accents(
    chars: Sequence[PrintedChar],
) -> Iterator[tuple[PrintedChar, PrintedChar, str]]:
    """Find accents that are printed separately, before or after their letters, as TeX does.

    The lines must be horizontal.

    Yields:
        (accent, letter, single character that combines both)
    """
    accented_letters: set[PrintedChar] = set()
    for accent in chars:
        mark = _COMBINING_BY_ACCENT.get(accent.text)
        if mark is None:
            continue
        neighbours = [char for char in (accent.next, accent.previous) if char]
        neighbours.sort(key=lambda letter: abs(letter.x - accent.x))
        for letter in neighbours:
            if letter in accented_letters or not _is_printed_over(accent, letter):
                continue
            combined = _combine(letter, mark)
            if combined is not None:
                accented_letters.add(letter)
                yield (accent, letter, combined)
                break


def _is_printed_over(accent: PrintedChar, letter: PrintedChar) -> bool:
    """Return whether an accent is printed above, on or below a letter."""
    height = max(accent.height, letter.height)
    if abs(accent.y - letter.y) >= _MAX_ACCENT_DISTANCE * height:
        return False
    return letter.left <= accent.x <= letter.right


def _combine(letter: PrintedChar, mark: str) -> str | None:
    """Return the character for a letter with a combining mark, or None if there is none."""
    base = _DOTLESS.get(letter.text, letter.text)
    combined = unicodedata.normalize("NFC", base + mark)
    if not letter.text.isalpha() or len(combined) != 1:
        return None
    return combined


def _is_within_word(small_chars: list[PrintedChar]) -> bool:
    """Return whether raised or lowered letters are part of a word, rather than an exponent.

    In `aⁿbⁿ`, the first `ⁿ` is an exponent although a letter follows, because that letter has an
    exponent, too.
    """
    if not all(char.text.isalpha() for char in small_chars):
        return False
    after = small_chars[-1].next
    if after and after.gap is NO_GAP and after.text.isalpha():
        return not _has_exponent(after)
    return small_chars[0].gap is NO_GAP and _ends_word(small_chars[0].previous)


def _has_exponent(letter: PrintedChar) -> bool:
    exponent = letter.next
    if exponent is None or exponent.gap is not NO_GAP:
        return False
    return _is_smaller(exponent, letter)


def _ends_word(char: PrintedChar | None) -> bool:
    """Return whether a character is a letter after another letter that isn't larger."""
    if char is None or char.gap is not NO_GAP or char.previous is None:
        return False
    if _is_smaller(char.previous, char):
        return False
    return char.previous.text.isalpha() and char.text.isalpha()


def _is_script_sized(char: PrintedChar) -> bool:
    return char.height <= MAX_SCRIPT_HEIGHT * char.line.height


def _is_smaller(char: PrintedChar, neighbour: PrintedChar) -> bool:
    return char.height <= MAX_SCRIPT_HEIGHT * neighbour.height


# --- the text of a page ---------------------------------------------------------------

_SCRIPT_CHARS = "0123456789+-\u2212\u2013n,"
SUPERSCRIPTS = dict(zip(_SCRIPT_CHARS, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ,", strict=True))
_SUBSCRIPTS = dict(zip(_SCRIPT_CHARS, "₀₁₂₃₄₅₆₇₈₉₊₋₋₋ₙ,", strict=True))
"""The subscript for each character. Scripts are converted so that 10⁵ doesn't become 105. NFKC
reverses both mappings, so keys aren't affected.
"""


class _Level(Enum):
    """The vertical position of a small character, compared with the one that it belongs to."""

    SAME = auto()
    RAISED = auto()
    LOWERED = auto()


_SCRIPTS: Mapping[_Level, Texts] = {
    _Level.RAISED: SUPERSCRIPTS,
    _Level.LOWERED: _SUBSCRIPTS,
}
MAX_SCRIPT_HEIGHT = 0.85
"""The maximum height of a superscript or subscript, relative to its line."""
_MIN_SHIFT = 0.1
"""The minimum vertical distance of a superscript or subscript from its base, relative to the height
of the base.
"""
_MIN_HORIZONTAL_STEP = 0.9
"""The minimum horizontal part of the direction of lines that count as horizontal."""
_MAX_SKIPPED_CHARS = 8
"""The maximum number of characters within a line that a mark may skip. They become a space."""

_NEVER_IN_FORMULAS = frozenset('#$"&@⇥✓')
"""Characters that never occur in formulas."""
_MIN_UNNAMED_SIGNS = 3
"""The minimum number of such characters in nameless fonts to treat them as misread letters of a
formula.
"""
_MIN_LINE_STEP = 0.4
"""The minimum vertical distance between the characters of two lines, relative to their height."""
_MAX_LEVEL_DIFFERENCE = 0.05
"""The maximum difference between the tops, and between the bottoms, of two letters at the same
level, relative to their height.
"""

Segments = list[list[PrintedChar]]
"""The characters of a passage in reading order, as one list per uninterrupted part of a line."""

ChooseSeparator = Callable[[PrintedChar, PrintedChar, Sequence[str]], str | None]
"""Function that takes two characters and the preceding pieces of text, and returns the text to
insert between the characters.

It returns None to drop the hyphen at the end of the preceding text and insert nothing.
"""


class PageText:
    """The visible characters of a page and the text they form."""

    def __init__(
        self,
        chars: list[Char],
        spelling: Spelling,
        get_font: GetFont = lambda _: "Times",
    ) -> None:
        """Build the text of a page.

        Args:
            chars: All characters of the page, including invisible ones.
            spelling: Decides which hyphens to keep at line ends.
            get_font: Returns the font name of a character.
        """
        self._spelling = spelling
        self._get_font = get_font
        self._all_chars = _blank_out_line_numbers(chars)
        self.chars = _link_visible_chars(self._all_chars, get_font)
        self.direction = self._measure_direction()
        """The direction of most lines as a unit vector, pointing from left to right.

        It does so even in right-to-left scripts, because its sign distinguishes above and below.
        """
        is_horizontal = abs(self.direction[0]) > _MIN_HORIZONTAL_STEP
        # accents change the gaps that divide characters into lines, and scripts need the lines
        if is_horizontal:
            self._combine_accents()
        self.lines = self._build_lines()
        if is_horizontal:
            self._convert_small_chars()
        self.list_items = find_list_item_starts(self.lines)
        """The first character of each list item labelled with a letter or number."""
        self._block_starts = find_block_starts(self.lines, get_font) | self.list_items
        # only now, because accents and scripts change the printed text of characters
        self.text, self._starts = self._join_chars(
            self.chars, self._choose_block_separator
        )
        for char, start in zip(self.chars, self._starts, strict=True):
            char.text_offset = start

    def close(self) -> None:
        """Break the reference cycles between characters, so that their memory is freed at once."""
        for line in self.lines:
            line.chars.clear()
        for char in self.chars:
            char.next = None

    # --- steps of the constructor

    def _measure_direction(self) -> tuple[float, float]:
        adjacent_pairs = [
            (char.previous, char)
            for char in self.chars
            if char.previous and char.gap is NO_GAP
        ]
        dx, dy = measure_text_direction(adjacent_pairs)
        if is_right_to_left("".join([char.text for char in self.chars])):
            return -dx, -dy
        return dx, dy

    def _combine_accents(self) -> None:
        """Combine accents that are printed separately with their letters."""
        for accent, letter, combined in find_separate_accents(self.chars):
            second = max(accent, letter, key=attrgetter("visible_index"))
            second.gap = NO_GAP
            accent.printed_text = ""
            letter.printed_text = combined

    def _build_lines(self) -> list[Line]:
        lines_of_chars: Segments = []
        for char in self.chars:
            if char.gap is LINE_GAP:
                lines_of_chars.append([])
            lines_of_chars[-1].append(char)
        dx, dy = self.direction
        lines = []
        for chars in lines_of_chars:
            depth = median([dy * char.x - dx * char.y for char in chars])
            lines.append(Line(chars, depth))
        return lines

    def _convert_small_chars(self) -> None:
        """Convert each run of small characters to superscripts or subscripts, where it is one."""
        for line in self.lines:
            if line.min_height <= MAX_SCRIPT_HEIGHT * line.height:
                for is_small, run in groupby(line.chars, _is_script_sized):
                    if is_small:
                        self._convert_scripts(list(run), line)

    def _convert_scripts(self, small_chars: list[PrintedChar], line: Line) -> None:
        """Convert the raised and lowered characters in a run of small ones to Unicode scripts.

        Does nothing unless the run touches a larger character on the same line.
        """
        base = _find_base(small_chars, line)
        if base is None:
            return
        for level, run in groupby(small_chars, lambda char: self._find_level(char, base)):
            if level is _Level.SAME:
                continue
            script = _SCRIPTS[level]
            group = list(run)
            # convert all of them or none, because in e^(-t/S) Unicode could only raise the minus
            has_all_shapes = all(char.text in script for char in group)
            if has_all_shapes and not _is_within_word(group):
                for char in group:
                    char.printed_text = script[char.text]

    def _find_level(self, char: PrintedChar, base: PrintedChar) -> _Level:
        """Return whether a small character is raised or lowered, compared with its base."""
        shift = (char.y - base.y) / base.height
        if abs(shift) < _MIN_SHIFT:
            return _Level.SAME
        is_upside_down = self.direction[0] < 0
        if is_upside_down:
            shift = -shift
        return _Level.RAISED if shift > 0 else _Level.LOWERED

    # --- joining

    def _join_chars(
        self, chars: Iterable[PrintedChar], choose_separator: ChooseSeparator
    ) -> tuple[str, list[int]]:
        """Join characters into text, and return (text, offset of each character in it)."""
        parts: list[str] = []
        starts: list[int] = []
        length = 0
        previous: PrintedChar | None = None
        for char in chars:  # runs for each letter of a document, so it must be fast
            if previous and not (char.previous is previous and char.gap is NO_GAP):
                separator = choose_separator(previous, char, parts)
                if separator is None:  # drop the hyphen
                    length -= len(parts[-1])
                    del parts[-1]
                else:
                    length += len(separator)
                    parts.append(separator)
            starts.append(length)
            parts.append(char.printed_text)
            length += len(char.printed_text)
            previous = char
        return "".join(parts), starts

    def _choose_block_separator(
        self, left: PrintedChar, right: PrintedChar, pieces: Sequence[str]
    ) -> str | None:
        """Return the text to insert between two words, lines or blocks of the page."""
        if right in self._block_starts:
            return "\n"
        return self._choose_separator(left, right, pieces)

    def _choose_separator(
        self, left: PrintedChar, right: PrintedChar, pieces: Sequence[str]
    ) -> str | None:
        """Return the text to insert between two words or lines.

        Returns None if `left` is a hyphen that should be dropped. `pieces` are the strings that
        make up the text up to and including `left`.
        """
        if right.previous is left and right.gap is SPACE_GAP:
            return " "
        if CJK.match(left.text) and CJK.match(right.text):
            return ""
        if left.text not in HYPHENS:
            return " "
        word = find_last_word("".join(pieces[-2 * MAX_WORD_CHARS :])[:-1])
        if word is None:  # it is a dash, or the start of a list item
            return " "
        if self._spelling.should_keep_hyphen(word, _read_word(right)):
            return ""
        return None

    # --- passages

    def join_segments(self, segments: Segments) -> str:
        """Join the characters of a passage into text."""
        chars = list(chain.from_iterable(segments))
        text, _ = self._join_chars(chars, self._choose_segment_separator)
        if chars and chars[-1].text in HYPHEN_MARKERS:
            return text[:-1]
        return text

    def _choose_segment_separator(
        self, left: PrintedChar, right: PrintedChar, _: Sequence[str]
    ) -> str | None:
        """Return the text to insert between two characters of a passage, which may skip others.

        At a line end, as in `exam-` and `ple`, the passage may have the hyphen as its character
        `left`, or skip it. A hyphen that it skips is inserted if the word is spelled with it.
        """
        skipped = right.visible_index - left.visible_index
        if left.line is right.line and 0 < skipped <= _MAX_SKIPPED_CHARS:
            return " "
        word_start = max(left.text_offset - 2 * MAX_WORD_CHARS, 0)
        text_before = self.text[word_start : left.text_offset] + left.printed_text
        if not _is_hyphen_left_out(left, right):
            return self._choose_separator(left, right, [text_before])
        word = find_last_word(text_before)
        if self._spelling.should_keep_hyphen(word, _read_word(right)):
            return "-"
        return ""

    def has_misread_letters(self, segments: Segments) -> bool:
        """Return whether the letters stored for a passage seem to differ from those displayed."""
        for segment in segments:
            start, end = segment[0].char_index, segment[-1].char_index + 1
            if has_misread_letters(self._all_chars[start:end]):
                return True
        # a maths font without a Unicode table uses the codes of these signs for other letters
        fonts = [
            self._get_font(char.char_index)
            for char in chain.from_iterable(segments)
            if char.text in _NEVER_IN_FORMULAS
        ]
        return any(map(_MATHS_FONT.match, fonts)) or fonts.count("") >= _MIN_UNNAMED_SIGNS

    def has_misread_lines(self, start: int, lines: Iterable[str]) -> bool:
        """Return whether the stored text of any line seems to differ from the displayed text.

        The first of the `lines` begins at offset `start`. Only scripts in which a glyph can stand
        for several letters are checked.
        """
        for line in lines:
            end = start + len(line)
            if CLUSTER_LETTER.search(line):
                # a segment is checked from its first to its last character
                segment = [self.find_char_at(start), self.find_char_at(end - 1)]
                if self.has_misread_letters([segment]):
                    return True
            start = end + 1
        return False

    def crosses_table(self, start: int, end: int) -> bool:
        """Return whether the text from `start` to `end` spans several cells of a table."""
        first = self.find_char_at(start)
        last = self.find_char_at(end - 1)
        return crosses_table(self.chars[first.visible_index : last.visible_index + 1])

    def get_char_span(self, first: PrintedChar, last: PrintedChar) -> Span:
        """Return the span in `text` from the character `first` to `last`, including both."""
        end = last.text_offset + len(last.printed_text)
        next_start = last.next.text_offset if last.next else len(self.text)
        return (first.text_offset, min(end, next_start))

    def find_char_at(self, offset: int) -> PrintedChar:
        """Return the character that is at `offset` in `text`, or else the last one before it."""
        return self.chars[max(bisect_right(self._starts, offset) - 1, 0)]


def _find_base(small_chars: list[PrintedChar], line: Line) -> PrintedChar | None:
    """Return the character on the line that directly precedes or else follows small ones."""
    before = small_chars[0].previous
    if before and before.line is line and small_chars[0].gap is NO_GAP:
        return before
    after = small_chars[-1].next
    if after and after.line is line and after.gap is NO_GAP:
        return after
    return None


# --- comparing characters and lines -----------------------------------------------------


def _blank_out_line_numbers(chars: list[Char]) -> list[Char]:
    """Replace the digits of line numbers in the margin by spaces."""
    blanked = list(chars)
    for number in find_line_numbers(chars):
        for digit in number.digits:
            blanked[digit.char_index] = digit._replace(text=" ")
    return blanked


def _link_visible_chars(chars: list[Char], get_font: GetFont) -> list[PrintedChar]:
    """Return the visible characters, each with the gap before it."""
    visible_chars: list[PrintedChar] = []
    previous: PrintedChar | None = None
    # runs for each letter of a document, so it must be fast
    for index, visible_char in enumerate(iter_visible_chars(chars)):
        char = PrintedChar(visible_char, index, previous)
        if previous:
            is_adjacent = char.char_index == previous.char_index + 1
            if is_adjacent and previous.text not in HYPHEN_MARKERS:
                char.gap = NO_GAP
            else:
                char.gap = _classify_gap(previous, char, chars, get_font)
        visible_chars.append(char)
        previous = char
    return visible_chars


def _read_word(first: PrintedChar) -> str | None:
    """Return the word that begins with a character, or None if it is no letter or digit."""
    letters = first.text
    char = first.next
    while char and char.gap is NO_GAP and len(letters) < MAX_WORD_CHARS:
        letters += char.text
        char = char.next
    return find_first_word(letters)


def _is_hyphen_left_out(left: PrintedChar, right: PrintedChar) -> bool:
    """Return whether the hyphen of a broken word, at the end of a line, is missing in a passage.

    `left` and `right` are consecutive characters of the passage.
    """
    hyphen = left.next
    if hyphen is None or hyphen is right or not left.text.isalnum():
        return False
    if hyphen.text not in HYPHENS or hyphen.gap is not NO_GAP:
        return False
    return hyphen.next is None or hyphen.next.gap is LINE_GAP


def measure_text_direction(
    pairs: Iterable[tuple[PrintedChar, PrintedChar]],
) -> tuple[float, float]:
    """Measure the direction of text from pairs of adjacent characters, as a unit vector.

    It is the direction of the median offset between the two characters of a pair, so that a few
    superscripts don't affect it. Without any pairs, it is (1, 0).
    """
    steps = list(pairs)
    if not steps:
        return (1.0, 0.0)
    dx = median([right.x - left.x for left, right in steps])
    dy = median([right.y - left.y for left, right in steps])
    length = hypot(dx, dy)
    if length <= 1e-6:
        return (1.0, 0.0)
    return (dx / length, dy / length)


def _classify_gap(
    left: PrintedChar, right: PrintedChar, all_chars: Sequence[Char], get_font: GetFont
) -> int:
    """Return the gap between two consecutive visible characters: none, a space or a line break.

    A space that PDFium inserted doesn't count if the characters touch and are part of a formula, in
    which one of them is raised or lowered, or the font is a maths font.
    """
    if left.text in HYPHEN_MARKERS:
        return LINE_GAP
    chars_between = all_chars[left.char_index + 1 : right.char_index]
    blanks = [char for char in chars_between if char.is_generated or char.text in SPACES]
    if all(blank.is_generated for blank in blanks):
        if _is_touching(left, right) and _is_formula(left, right, get_font):
            return NO_GAP
    if any(blank.text in ("\r", "\n") for blank in blanks):
        return LINE_GAP
    if blanks and left.text not in HYPHENS:
        return SPACE_GAP
    # after a hyphen or without a space, the position decides
    line_step = _MIN_LINE_STEP * max(left.height, right.height)
    if abs(left.y - right.y) > line_step:
        return LINE_GAP
    return SPACE_GAP


def _is_formula(left: PrintedChar, right: PrintedChar, get_font: GetFont) -> bool:
    """Return whether two characters are in a formula, between whose letters PDFium inserts spaces.

    In other text, two words may touch.
    """
    shift = max(abs(left.top - right.top), abs(left.bottom - right.bottom))
    if shift >= _MAX_LEVEL_DIFFERENCE * left.height:
        return True
    return _MATHS_FONT.match(get_font(left.char_index)) is not None


_MATHS_FONT = regex(r"CM(?:MI|B?SY|EX)|LMMath|NewTXMI|RMTMI|MSBM|tx(?:ex|mia|sy)|.*Math")


def _is_touching(left: PrintedChar, right: PrintedChar) -> bool:
    """Return whether two characters nearly touch each other, and are about on the same line."""
    height = max(left.height, right.height, 1.0)
    if abs(left.x - right.x) >= 3 * height or abs(left.y - right.y) >= 0.6 * height:
        return False
    # lines may run from right to left
    gap_to_right = abs(right.left - left.right)
    gap_to_left = abs(left.left - right.right)
    return min(gap_to_right, gap_to_left) < 0.1 * height
