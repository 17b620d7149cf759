"""The characters of a page with their places, as PDFium finds them.

Boxes are in unrotated user space, like /QuadPoints and /Rect: nothing has to be corrected
for /Rotate, CropBox, the origin of MediaBox or UserUnit.

The text of a page: its characters joined in reading order.

Lines are joined, hyphens at line ends resolved, blocks kept apart, superscripts and
subscripts kept, and accents that TeX prints separately combined with their letters.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from ctypes import byref, create_string_buffer
from functools import partial
from itertools import chain, groupby, pairwise
from math import hypot, pi
from statistics import median
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfiumError, PdfPage, PdfTextPage

from ankiforge.extract.pdf.cleaning import (
    WORD,
    Spelling,
    first_word,
    last_word,
    unswapped,
)
from ankiforge.extract.pdf.scripts import is_misread, righted
from ankiforge.model import Span, Value
from ankiforge.text import regex

FAULTS = (PdfiumError, ValueError, TypeError, LookupError, ArithmeticError, OSError)
"""What is raised for damaged and hostile files."""

BREAKS = frozenset("\r\n")
BLANKS = frozenset("\r\n\t \x00\u00a0\u2007\u202f")
MARKERS = frozenset("\x02\ufffe\u00ad")
"""PDFium's signs for a hyphen at a line end, and the soft hyphen."""
HYPHENS = frozenset("-\u2010") | MARKERS
SAMPLE = 100
"""Characters of a page, approximately, that decide in which direction its text runs."""


class Char(NamedTuple):
    """One character; lengths in points. The box is as high as the font, not the glyph."""

    number: int
    """Its index in PDFium's list, which is close to reading order."""
    text: str
    generated: bool
    """Whether PDFium inserted it: a space or line break that is not on the page."""
    left: float
    bottom: float
    right: float
    top: float
    x: float
    """The centre."""
    y: float
    width: float
    """The advance width; never 0."""
    height: float
    """The height of the font; never 0."""


# --- reading ----------------------------------------------------------------------------


def upright_text(page: PdfPage) -> PdfTextPage:
    """Return the text of a page, turned so that most of its letters are upright.

    PDFium reads lines that run down the page from last to first. Turning the page makes
    the text, and with it every key, independent of how somebody rotated the page.
    """
    text = page.get_textpage()
    count = text.count_chars()
    quarter_turns: Counter[int] = Counter()
    for number in range(0, count, max(1, count // SAMPLE)):
        angle = pdfium_c.FPDFText_GetCharAngle(text.raw, number)
        quarter_turns[round(-angle / (pi / 2)) % 4] += 1
    if not quarter_turns:
        return text
    [(turns, _)] = quarter_turns.most_common(1)
    rotation = 90 * turns
    if rotation == page.get_rotation():
        return text
    text.close()
    page.set_rotation(rotation)
    return page.get_textpage()


_WHITE_SPACE = frozenset((9, 10, 13))
"""The control characters that are what they say: tab, line feed, carriage return."""
_GRAVE_ACCENT = 96


def page_chars(page: PdfTextPage) -> list[Char]:
    """Return all characters of a page, including white space and line breaks."""
    raw = page.raw
    box = pdfium_c.FS_RECTF()
    box_pointer = byref(box)
    code_of = pdfium_c.FPDFText_GetUnicode
    read_box = pdfium_c.FPDFText_GetLooseCharBox
    make_char = partial(tuple.__new__, Char)  # faster than the class
    chars: list[Char] = []
    # runs for each letter of a document: keep it fast
    for number in range(page.count_chars()):
        code = code_of(raw, number)
        if not read_box(raw, number, box_pointer):  # nothing of it is visible
            chars.append(Char(number, "\x00", True, 0, 0, 0, 0, 0, 0, 0.1, 0.1))
            continue
        left = box.left
        bottom = box.bottom
        right = box.right
        top = box.top
        x = (left + right) / 2
        y = (bottom + top) / 2
        width = right - left
        height = top - bottom
        text = chr(code) if code <= 0x10FFFF else "\ufffd"
        if (code < 32 and code not in _WHITE_SPACE) or code == _GRAVE_ACCENT:
            text = _letter(raw, number, code, width / (height or 1.0))
        generated = text in BLANKS and bool(pdfium_c.FPDFText_IsGenerated(raw, number))
        width = width if width > 0.1 else 0.1
        height = height if height > 0.1 else 0.1
        fields = (number, text, generated, left, bottom, right, top, x, y, width, height)
        chars.append(make_char(fields))

    # swapped ligatures, and words from right to left
    text = "".join([char.text for char in chars])
    corrected = unswapped(text)
    if corrected != text:
        pairs = zip(chars, corrected, strict=True)
        chars = [char._replace(text=letter) for char, letter in pairs]
    return righted(chars, text)


# --- control characters that show letters -----------------------------------------------

# The first characters of TeX's encodings of maths, which its fonts often do not map to
# Unicode.
_ITALIC = "ΓΔΘΛΞΠΣΥΦΨΩαβγδϵζηθικλμνξπρστυφχ"
_SYMBOLS = "−·×∗÷⋄±∓⊕⊖⊗⊘⊙○∘∙≍≡⊆⊇≤≥⪯⪰∼≈⊂⊃≪≫≺≻"
_ITALIC_FONT = rb"(?:CMMI|NewTXMI|RMTMI)|.*Math-?Italic"
_SYMBOL_FONT = rb"(?:CMB?SY|txsy)|.*Math.*-Symbol"
NARROW = 0.6
"""Width of ℓ, at most, relative to its height. Distiller gives it the code of the broad
Δ."""


def _letter(raw: Any, number: int, code: int, width: float) -> str:
    """Return the letter that a control character shows, or a ` that may be ℓ.

    `width` is relative to its height.
    """
    font_name = create_string_buffer(64)
    pdfium_c.FPDFText_GetFontInfo(raw, number, font_name, len(font_name), None)
    font = font_name.value
    is_ell = code == _GRAVE_ACCENT or (code == 1 and width < NARROW)
    if re.match(_ITALIC_FONT, font):
        if is_ell:
            return "ℓ"
        if not font.startswith(b"RMTMI"):
            return _ITALIC[code]
    if code < 32 and re.match(_SYMBOL_FONT, font):
        return _SYMBOLS[code]
    return chr(code)


# --- visible characters -----------------------------------------------------------------

SLACK = 0.2
"""Distance of letters printed twice, at most, relative to their width."""
CELL = 16.0
"""Side of the squares by which they are looked up, in points."""
MOST_NEAR = 64
"""Equal characters compared per square: a page with more exists only to waste time."""


def visible(chars: list[Char]) -> Iterator[Char]:
    """Yield the visible characters; letters printed twice to look bold count once.

    A ligature that PDFium splits yields several characters in the same box that follow
    one another: all of them stay.
    """
    # by character and square
    printed: dict[tuple[str, float, float], list[Char]] = {}
    # runs for each letter of a document: unpacking is faster than reading the attributes
    for char in chars:
        _, text, generated, left, bottom, _, _, _, _, width, _ = char
        if generated or text in BLANKS:
            continue
        sign = "-" if text in HYPHENS else text
        slack = SLACK * width
        if slack > CELL:
            slack = CELL
        first_column = (left - slack) // CELL
        last_column = (left + slack) // CELL
        first_row = (bottom - slack) // CELL
        last_row = (bottom + slack) // CELL
        cell = printed.setdefault((sign, left // CELL, bottom // CELL), [])
        near = cell
        reaches_other_cells = first_column != last_column or first_row != last_row
        if reaches_other_cells:
            near = []
            for column in {first_column, last_column}:
                for row in {first_row, last_row}:
                    near += printed.get((sign, column, row), ())
        if near and _is_printed_already(char, near, slack):
            continue
        cell.append(char)
        if len(cell) > MOST_NEAR:
            del cell[0]
        yield char


def _is_printed_already(char: Char, near: list[Char], slack: float) -> bool:
    """Return whether one of the same characters near this one is in its place."""
    for other in near:
        if (
            abs(other.left - char.left) < slack
            and abs(other.bottom - char.bottom) < slack
            and abs(other.width - char.width) < slack
        ):
            is_next = char.number - other.number <= 1
            of_one_ligature = is_next and other.left == char.left
            if not of_one_ligature:
                return True
    return False


# --- scripts and accents ----------------------------------------------------------------

CJK = regex("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
"""Text in this script is joined across lines without a space."""


def is_rtl(characters: str) -> bool:
    """Return whether most of the characters run from right to left."""
    right_to_left = 0
    for character, count in Counter(characters).items():
        if unicodedata.bidirectional(character) in ("R", "AL"):
            right_to_left += count
    return right_to_left * 2 > len(characters)


_MARKS = "\u0301\u0300\u0308\u0302\u0303\u0304\u0306\u0307\u030a\u030b\u030c\u0327\u0328"
_COMBINING = dict(zip("´`¨ˆ˜¯˘˙˚˝ˇ¸˛", _MARKS, strict=True))
_DOTLESS = {"ı": "i", "ȷ": "j"}
LEVEL = 0.6
"""Vertical distance of accent and letter, at most, in heights: capitals raise the
accent."""


def accented(chars: Sequence[Char]) -> Iterator[tuple[int, int, str]]:
    """Yield (place of an accent, place of its letter, both combined).

    TeX prints an accent of its own before or after its letter; its centre is within the
    letter's width. Places are indices into `chars`, whose lines are horizontal.
    """
    taken: set[int] = set()
    for place, accent in enumerate(chars):
        if accent.text not in _COMBINING:
            continue
        beside = []
        for neighbour in (place + 1, place - 1):
            if 0 <= neighbour < len(chars) and neighbour not in taken:
                beside.append(neighbour)
        beside.sort(key=lambda neighbour: abs(chars[neighbour].x - accent.x))
        for neighbour in beside:
            combined = _combined(accent, chars[neighbour])
            if combined:
                taken.add(neighbour)
                yield (place, neighbour, combined)
                break


def _combined(accent: Char, letter: Char) -> str:
    """Return a letter with its accent, "" if the accent is not printed on it."""
    height = max(accent.height, letter.height)
    is_level = abs(accent.y - letter.y) < LEVEL * height
    is_above = letter.left <= accent.x <= letter.right
    if not (is_level and is_above and letter.text.isalpha()):
        return ""
    base = _DOTLESS.get(letter.text, letter.text)
    combined = unicodedata.normalize("NFC", base + _COMBINING[accent.text])
    return combined if len(combined) == 1 else ""


# === text =============================================================================

BLOCK_GAP = 1.5
"""A step down this many times the usual one begins a new block."""
WIDEST_STEP = 2.2
"""Lines with a larger step, in heights of their letters, are blocks of their own."""
BULLETS = frozenset("•‣▪◦●○■□▸►◆\uf0b7\uf0a7")
SIZE_CHANGE = 1.15
"""A line whose letters are larger or smaller by this factor begins a block, too."""
LEAST_COMPARED = 3
"""Characters of two lines, at least, whose sizes are compared."""
_SIGNS = "0123456789+-\u2212\u2013n,"
RAISED = dict(zip(_SIGNS, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ,", strict=True))
LOWERED = dict(zip(_SIGNS, "₀₁₂₃₄₅₆₇₈₉₊₋₋₋ₙ,", strict=True))
"""10⁵ must not become 105. NFKC maps both back, so that keys do not depend on it."""
SMALLER = 0.85
"""Height of superscripts and subscripts, at most, relative to their line."""
OFF_LINE = 0.1
"""Vertical distance of such a sign from its base, at least, in heights of the base."""
LEAST_LETTERS = 6
"""Different letters in code, at least: `1984` and `2001` are of one width in any font."""
SAME_WIDTH = 0.02
"""Difference between the widths of letters of code, at most, relative to them."""
MOST_BLANKS = 80
"""Blanks between two letters of code, at most."""
SKIPPED = 8
"""How many places a mark that stays on its line may skip, with a blank to show for it."""

# What is between two consecutive visible characters.
NOTHING = 0
BLANK = 1
LINE = 2

Glue = Callable[[int, int, Sequence[str]], str | None]
"""Takes the places of two characters and the text before; returns the glue between them.

None drops the hyphen before it.
"""


class Line(Value):
    """A printed line: [start, end) among the visible characters of its page."""

    start: int
    end: int
    height: float
    """The median height of its characters."""
    lowest: float
    """The least height of its characters."""
    depth: float
    """How far down the page it is, in reading direction."""


class PageText:
    """The visible characters of a page and the text they form.

    Places within a page are indices into `chars`; `span` converts them to offsets in
    `text`.
    """

    def __init__(self, chars: list[Char], spelling: Spelling) -> None:
        """Join the text of a page from all of its characters, visible or not."""
        self._spelling = spelling
        self._all = chars
        self.chars = list(visible(chars))
        self._shown = ["-" if char.text in MARKERS else char.text for char in self.chars]
        """The text of each character."""

        # what precedes each character
        self._gaps = [LINE]
        within_words = []
        for left, right in pairwise(self.chars):  # runs for each letter of a document
            gap = NOTHING
            if right.number != left.number + 1 or left.text in MARKERS:
                gap = _gap(left, right, chars)
            if gap is NOTHING:
                within_words.append((left, right))
            self._gaps.append(gap)

        # The direction of most lines, which points to their right end in scripts that are
        # read from right to left, too: its sign shows what is below a line, and what is raised.
        dx, dy = usual_step(within_words)
        if is_rtl("".join([char.text for char in self.chars])):
            dx, dy = -dx, -dy
        self.direction = (dx, dy)
        """The unit vector along which most lines run, written from left to right."""

        is_horizontal = abs(dx) > 0.9
        if is_horizontal:
            for accent, letter, combined in accented(self.chars):
                self._gaps[max(accent, letter)] = NOTHING
                self._shown[accent] = ""
                self._shown[letter] = combined
        self.lines = list(self._find_lines())
        if is_horizontal:
            self._raise_and_lower()

        block_starts = self._block_starts()

        def glue(left: int, right: int, before: Sequence[str]) -> str | None:
            if right in block_starts:
                return "\n"
            return self._glue(left, right, before)

        places = range(len(self.chars))
        self.text, self._starts = self._joined(places, glue)

    # --- steps of the constructor

    def _find_lines(self) -> Iterator[Line]:
        """Yield the printed lines in order."""
        dx, dy = self.direction
        starts = [place for place, gap in enumerate(self._gaps) if gap is LINE]
        for start, end in pairwise([*starts, len(self.chars)]):
            chars = self.chars[start:end]
            if chars:
                heights = [char.height for char in chars]
                depths = [dy * char.x - dx * char.y for char in chars]
                yield Line(start, end, median(heights), min(heights), median(depths))

    def _raise_and_lower(self) -> None:
        """Show digits and signs set small above or below their line as such signs."""
        for line in self.lines:
            largest = SMALLER * line.height
            if line.lowest > largest:
                continue
            # the small characters of the line that follow one another
            small: list[int] = []
            for place in range(line.start, line.end + 1):
                if place < line.end and self.chars[place].height <= largest:
                    small.append(place)
                elif small:
                    self._convert(small, line)
                    small = []

    def _convert(self, places: list[int], line: Line) -> None:
        """Show small characters beside the letter that they touch raised or lowered, as printed."""
        first = places[0]
        after = places[-1] + 1
        if first > line.start and self._gaps[first] is NOTHING:
            base = self.chars[first - 1]
        elif after < line.end and self._gaps[after] is NOTHING:
            base = self.chars[after]
        else:
            return

        def side(place: int) -> int:
            """Return 1 if a character is raised, -1 if lowered, 0 if level with its base."""
            height = (self.chars[place].y - base.y) / base.height
            if abs(height) < OFF_LINE:
                return 0
            return 1 if (height > 0) == (self.direction[0] > 0) else -1

        for where, run in groupby(places, side):
            if where == 0:
                continue
            shapes = RAISED if where > 0 else LOWERED
            group = list(run)
            signs = [shapes.get(self.chars[place].text, "") for place in group]
            # in e^(-t/S) only the minus has a superscript: convert all of them, or none
            if all(signs):
                for place, sign in zip(group, signs, strict=True):
                    self._shown[place] = sign

    def _block_starts(self) -> set[int]:
        """Return the places at which lines begin that do not continue the line before."""
        # the usual distance from line to line
        steps = []
        for above, line in pairwise(self.lines):
            step = line.depth - above.depth
            if 0.4 * above.height < step < 4 * above.height:
                steps.append(step)
        usual = median(steps) if steps else float("inf")

        starts = set()
        for above, line in pairwise(self.lines):
            widest = BLOCK_GAP * min(usual, WIDEST_STEP * line.height)
            is_far_down = line.depth - above.depth > widest
            begins_with_bullet = self.chars[line.start].text in BULLETS
            ratio = line.height / above.height
            shorter = min(above.end - above.start, line.end - line.start)
            is_of_other_size = not 1 / SIZE_CHANGE <= ratio <= SIZE_CHANGE
            if shorter < LEAST_COMPARED:
                is_of_other_size = False
            if is_far_down or begins_with_bullet or is_of_other_size:
                starts.add(line.start)
        return starts

    # --- joining

    def _joined(self, places: Iterable[int], glue: Glue) -> tuple[str, list[int]]:
        """Return the text of characters and the offset of each."""
        gaps = self._gaps
        shown = self._shown
        parts: list[str] = []
        starts: list[int] = []
        length = 0
        previous = -2
        for place in places:  # runs for each letter of a document: keep it fast
            follows = place == previous + 1 and gaps[place] is NOTHING
            if parts and not follows:
                between = glue(previous, place, parts)
                if between is None:  # drop the hyphen
                    length -= len(parts[-1])
                    parts[-1] = ""
                    between = ""
                parts.append(between)
                length += len(between)
            starts.append(length)
            parts.append(shown[place])
            length += len(shown[place])
            previous = place
        return "".join(parts), starts

    def _glue(self, left: int, right: int, before: Sequence[str]) -> str | None:
        """Return the glue between characters of different words or lines.

        None drops the hyphen.

        `before` is the text up to the left one, in pieces.
        """
        if right == left + 1 and self._gaps[right] is BLANK:
            return " "
        left_text = self.chars[left].text
        if left_text in HYPHENS:
            word = last_word("".join(before[-2 * WORD :])[:-1])
            if not word:
                return " "
            return "" if self._keeps_hyphen(word, right) else None
        if CJK.match(left_text) and CJK.match(self.chars[right].text):
            return ""
        return " "

    def _keeps_hyphen(self, word: str, place: int) -> bool:
        """Return whether to keep the hyphen between a word and the one at a place."""
        end = place + 1
        farthest = min(len(self.chars), place + WORD)
        while end < farthest and self._gaps[end] is NOTHING:
            end += 1
        letters = [char.text for char in self.chars[place:end]]
        following = first_word("".join(letters))
        if not following or not word[-1].isalnum():
            return True
        return self._spelling.keeps_hyphen(word, following)

    # --- passages

    def quote(self, segments: list[list[int]]) -> str:
        """Return the text of a passage: places in reading order, a list per line."""
        places = list(chain.from_iterable(segments))

        def glue(left: int, right: int, _: Sequence[str]) -> str | None:
            is_near = left < right <= left + SKIPPED  # some between may be missing
            if is_near and not self.line_ends(left, right):
                return " "
            start = self._starts[left]
            text_before = self.text[max(start - 2 * WORD, 0) : start]
            before = text_before + self._shown[left]
            if self._is_hyphen_cut_off(left, right):
                return "-" if self._keeps_hyphen(last_word(before), right) else ""
            return self._glue(left, right, [before])

        text, _ = self._joined(places, glue)
        if places and self.chars[places[-1]].text in MARKERS:
            return text[:-1]
        return text

    def is_misread(self, segments: list[list[int]]) -> bool:
        """Return whether the letters of a passage are not those that the page shows."""
        for segment in segments:
            first = self.chars[segment[0]].number
            last = self.chars[segment[-1]].number
            if is_misread(self._all[first : last + 1]):
                return True
        return False

    def _is_hyphen_cut_off(self, left: int, right: int) -> bool:
        """Return whether a mark stops just before the hyphen that ends the line."""
        hyphen = left + 1
        if hyphen == right or hyphen >= len(self.chars):
            return False
        is_hyphen = self.chars[hyphen].text in HYPHENS
        if not is_hyphen or self._gaps[hyphen] is not NOTHING:
            return False
        after = hyphen + 1
        ends_line = after == len(self.chars) or self._gaps[after] is LINE
        return ends_line and self.chars[left].text.isalnum()

    def line_ends(self, left: int, right: int) -> bool:
        """Return whether a line ends between two places."""
        return LINE in self._gaps[left + 1 : right + 1]

    def span(self, first: int, last: int) -> Span:
        """Return [start, end) in `text` of the characters `first` to `last` inclusive."""
        end = self._starts[last] + len(self._shown[last])
        is_last_of_page = last + 1 == len(self.chars)
        following = len(self.text) if is_last_of_page else self._starts[last + 1]
        return (self._starts[first], min(end, following))

    def place(self, offset: int) -> int:
        """Return the place of the last character at or before an offset of `text`."""
        return max(bisect_right(self._starts, offset) - 1, 0)

    # --- code

    def code(self, segments: list[list[int]]) -> str:
        """Return marked lines of code with their breaks and indents, "" for other text.

        Code is set in letters of one width over several lines, on a page most of whose letters
        are not; where most are, it is typewritten.
        """
        places = list(chain.from_iterable(segments))
        spans_lines = any(self.line_ends(left, right) for left, right in pairwise(places))
        if not spans_lines or self.direction[0] < 0.9:
            return ""
        chars = [self.chars[place] for place in places]
        letters = {char.text for char in chars}
        if len(letters) < LEAST_LETTERS or any(map(CJK.match, letters)):
            return ""
        width = chars[0].width
        slack = SAME_WIDTH * width
        if any(abs(char.width - width) > slack for char in chars):
            return ""
        as_wide_on_page = sum(abs(char.width - width) < slack for char in self.chars)
        if 2 * as_wide_on_page > len(self.chars):
            return ""

        # the letters with the line breaks and blanks between them
        margin = min(char.left for char in chars)
        parts: list[str] = []
        edge = margin
        previous = places[0]
        for place in places:
            char = self.chars[place]
            if self.line_ends(previous, place):
                parts.append("\n")
                edge = margin
            blanks = round((char.left - edge) / width)
            parts.append(" " * min(max(blanks, 0), MOST_BLANKS))
            parts.append(self._shown[place])
            edge = char.right
            previous = place
        return "".join(parts)


# --- comparing characters and lines -----------------------------------------------------


def usual_step(pairs: Iterable[tuple[Char, Char]]) -> tuple[float, float]:
    """Return the unit vector of the median step, which superscripts do not affect."""
    steps = list(pairs)
    if not steps:
        return (1.0, 0.0)
    dx = median([right.x - left.x for left, right in steps])
    dy = median([right.y - left.y for left, right in steps])
    length = hypot(dx, dy)
    if not length > 1e-6:
        return (1.0, 0.0)
    return (dx / length, dy / length)


def _gap(left: Char, right: Char, all_chars: Sequence[Char]) -> int:
    """Return the gap between two visible characters that are not direct neighbours."""
    if left.text in MARKERS:
        return LINE
    between = []
    for char in all_chars[left.number + 1 : right.number]:
        if char.generated or char.text in BLANKS:
            between.append(char)
    if all(char.generated for char in between) and _touch(left, right):
        return NOTHING
    if any(char.text in BREAKS for char in between):
        return LINE
    height = max(left.height, right.height)
    is_apart = abs(left.y - right.y) > 0.4 * height
    if is_apart and (left.text in HYPHENS or not between):
        return LINE
    return BLANK


def _touch(left: Char, right: Char) -> bool:
    """Return whether two letters touch though PDFium separates them (at superscripts)."""
    height = max(left.height, right.height, 1.0)
    # the lines may run from right to left
    gap_to_right = abs(right.left - left.right)
    gap_to_left = abs(left.left - right.right)
    are_beside = min(gap_to_right, gap_to_left) < 0.1 * height
    are_close = abs(left.x - right.x) < 3 * height
    bottoms_apart = abs(left.bottom - right.bottom)
    tops_apart = abs(left.top - right.top)
    are_level = bottoms_apart + tops_apart < 1.2 * height
    centres_are_level = abs(left.y - right.y) < 0.6 * height
    return are_beside and are_close and are_level and centres_are_level
