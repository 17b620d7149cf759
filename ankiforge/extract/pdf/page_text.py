"""The text of a page: its characters with their places, joined in reading order.

Boxes are in unrotated user space, like /QuadPoints and /Rect: nothing has to be corrected
for /Rotate, CropBox, the origin of MediaBox or UserUnit. Lines are joined, hyphens at line
ends resolved, blocks kept apart, superscripts and subscripts kept, and accents that TeX
prints separately combined with their letters.
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
from operator import attrgetter
from statistics import median
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfiumError, PdfPage, PdfTextPage

from ankiforge.extract.pdf.blocks import block_starts, list_items
from ankiforge.extract.pdf.chars import (
    BLANK,
    LINE,
    MARKERS,
    NOTHING,
    Char,
    FontOf,
    Line,
    PrintedChar,
)
from ankiforge.extract.pdf.cleaning import (
    CAPITAL_FOR_LIGATURE,
    SPELT_AS,
    WORD,
    Spelling,
    first_word,
    is_misread,
    last_word,
    righted,
    unswapped,
)
from ankiforge.extract.pdf.margins import line_numbers
from ankiforge.model import Span
from ankiforge.text import regex

FAULTS = (PdfiumError, ValueError, TypeError, LookupError, ArithmeticError, OSError)
"""The exceptions that damaged and hostile files raise."""

_BREAKS = frozenset("\r\n")
BLANKS = frozenset("\r\n\t \x00\u00a0\u2007\u202f")
HYPHENS = frozenset("-\u2010") | MARKERS
_SAMPLE = 100
"""Characters of a page, approximately, that decide in which direction its text runs."""


# --- reading ----------------------------------------------------------------------------


def upright_text(page: PdfPage) -> PdfTextPage:
    """Return the text of a page, turned so that most of its letters are upright.

    PDFium reads lines that run down the page from last to first. Turning the page makes
    the text, and with it every key, independent of how somebody rotated the page.
    """
    text = page.get_textpage()
    count = text.count_chars()
    quarter_turns: Counter[int] = Counter()
    for number in range(0, count, max(1, count // _SAMPLE)):
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
_TIMES = 0x21E5
"""⇥, for which Quartz takes the × of TeX's symbols."""
_PRIME = 0x30
"""The code of ′ among TeX's symbols, which is that of 0."""
_MISTAKEN = frozenset((_GRAVE_ACCENT, _TIMES, _PRIME))


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
        if (code < 32 and code not in _WHITE_SPACE) or code in _MISTAKEN:
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
_NARROW = 0.6
"""Width of ℓ, at most, relative to its height. Distiller gives it the code of the broad
Δ."""


_SIGNS_OF_TEX = {_TIMES: "×", _PRIME: "′"}


def _letter(raw: Any, number: int, code: int, width: float) -> str:
    """Return the letter that a control character shows, or one that it is taken for: ` for ℓ.

    `width` is relative to its height.
    """
    font_name = create_string_buffer(64)
    pdfium_c.FPDFText_GetFontInfo(raw, number, font_name, len(font_name), None)
    font = font_name.value
    if re.match(_ITALIC_FONT, font):
        if code == _GRAVE_ACCENT or (code == 1 and width < _NARROW):
            return "ℓ"
        if code < 32 and not font.startswith(b"RMTMI"):
            return _ITALIC[code]
    if re.match(_SYMBOL_FONT, font):
        if code in _SIGNS_OF_TEX:
            return _SIGNS_OF_TEX[code]
        if code < 32:
            return _SYMBOLS[code]
    return chr(code)


def font_of(page: PdfTextPage, char: PrintedChar) -> str:
    """Return the name of the font of a character, without the sign of its subset."""
    name = create_string_buffer(64)
    pdfium_c.FPDFText_GetFontInfo(page.raw, char.number, name, len(name), None)
    return name.value.decode("latin-1").rpartition("+")[2]


# --- visible characters -----------------------------------------------------------------

_SLACK = 0.2
"""Distance of letters printed twice, at most, relative to their width."""
CELL = 16.0
"""Side of the squares by which they are looked up, in points."""
_MOST_NEAR = 64
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
        slack = _SLACK * width
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
        if len(cell) > _MOST_NEAR:
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
            of_one_ligature = char.number - other.number <= 1 and other.left == char.left
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
_LEVEL = 0.6
"""Vertical distance of accent and letter, at most, in heights: capitals raise the
accent."""


def accented(
    chars: Sequence[PrintedChar],
) -> Iterator[tuple[PrintedChar, PrintedChar, str]]:
    """Yield (an accent, its letter, both combined).

    TeX prints an accent of its own before or after its letter; its centre is within the
    letter's width. The lines are horizontal.
    """
    taken: set[PrintedChar] = set()
    for accent in chars:
        if accent.text not in _COMBINING:
            continue
        beside = [char for char in (accent.next, accent.previous) if char]
        beside.sort(key=lambda letter: abs(letter.x - accent.x))
        for letter in beside:
            combined = "" if letter in taken else _combined(accent, letter)
            if combined:
                taken.add(letter)
                yield (accent, letter, combined)
                break


def _combined(accent: PrintedChar, letter: PrintedChar) -> str:
    """Return a letter with its accent, "" if the accent is not printed on it."""
    height = max(accent.height, letter.height)
    if not (
        abs(accent.y - letter.y) < _LEVEL * height
        and letter.left <= accent.x <= letter.right
        and letter.text.isalpha()
    ):
        return ""
    base = _DOTLESS.get(letter.text, letter.text)
    combined = unicodedata.normalize("NFC", base + _COMBINING[accent.text])
    return combined if len(combined) == 1 else ""


def _is_within_word(small: list[PrintedChar]) -> bool:
    """Return whether letters of a smaller font are part of a word, and no exponent.

    In `aⁿbⁿ` they are exponents: the letters beside `b` are small, too.
    """
    if not all(char.text.isalpha() for char in small):
        return False
    before, after = small[0].previous, small[-1].next
    if after and after.gap is NOTHING and after.text.isalpha():
        beyond = after.next
        is_base = beyond and beyond.gap is NOTHING and _is_smaller(beyond, after)
        return not is_base
    if before is None or small[0].gap is not NOTHING or before.gap is not NOTHING:
        return False
    first = before.previous
    if first is None or _is_smaller(first, before):
        return False
    return first.text.isalpha() and before.text.isalpha()


def _is_smaller(char: PrintedChar, beside: PrintedChar) -> bool:
    return char.height <= SMALLER * beside.height


# --- the text of a page ---------------------------------------------------------------

_SIGNS = "0123456789+-\u2212\u2013n,"
RAISED = dict(zip(_SIGNS, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ,", strict=True))
_LOWERED = dict(zip(_SIGNS, "₀₁₂₃₄₅₆₇₈₉₊₋₋₋ₙ,", strict=True))
"""10⁵ must not become 105. NFKC maps both back, so that keys do not depend on it."""
SMALLER = 0.85
"""Height of superscripts and subscripts, at most, relative to their line."""
_OFF_LINE = 0.1
"""Vertical distance of such a sign from its base, at least, in heights of the base."""
LEAST_LETTERS = 6
"""Different letters in code, at least: `1984` and `2001` are of one width in any font."""
_SAME_WIDTH = 0.02
"""Difference between the widths of letters of code, at most, relative to them."""
_MOST_BLANKS = 80
"""Blanks between two letters of code, at most."""
_SKIPPED = 8
"""How many places a mark that stays on its line may skip, with a blank to show for it."""

_NO_MATHS = frozenset('#$"&@⇥✓')
"""Signs that no formula has."""
_UNNAMED = 3
"""The number of them in fonts without names, at least, that are formulas drawn by TeX."""
_LEVEL_SLACK = 0.05
"""How far the tops and bottoms of letters of one size are apart, at most, in heights."""

Segments = list[list[PrintedChar]]
"""The characters of a passage in reading order, a list per line."""

Glue = Callable[[PrintedChar, PrintedChar, Sequence[str]], str | None]
"""Takes two characters and the text before; returns the glue between them.

None drops the hyphen before it.
"""


class PageText:
    """The visible characters of a page and the text they form."""

    def __init__(
        self,
        chars: list[Char],
        spelling: Spelling,
        font_of: FontOf = lambda _: "Times",
    ) -> None:
        """Join the text of a page from all of its characters, visible or not."""
        self._spelling = spelling
        self._font_of = font_of
        self.line_numbers: set[str] = set()
        """Numbers that count the lines in a margin, and are no text."""
        numbers = list(line_numbers(chars))
        if numbers:
            chars = list(chars)
            for number in numbers:
                self.line_numbers.add(number.text)
                for digit in number.digits:
                    chars[digit.number] = digit._replace(text=" ")
        self._all = chars
        self.chars: list[PrintedChar] = []

        # what precedes each character
        within_words = []
        pieces: list[int] = []
        """The places where a piece of a row begins."""
        last: PrintedChar | None = None
        for place, visible_char in enumerate(visible(chars)):  # runs for each letter
            char = PrintedChar(visible_char, place, last)
            self.chars.append(char)
            if last:
                char.gap = NOTHING
                if char.number != last.number + 1 or last.text in MARKERS:
                    char.gap = _gap(last, char, chars, font_of)
                    if char.gap is LINE or (char.gap is BLANK and _jumps(last, char)):
                        pieces.append(place)
                if char.gap is NOTHING:
                    within_words.append((last, char))
            last = char

        # The direction of most lines, which points to their right end in scripts that are
        # read from right to left, too: its sign shows what is below a line, and what is raised.
        dx, dy = usual_step(within_words)
        from_right = is_rtl("".join([char.text for char in self.chars]))
        if from_right:
            dx, dy = -dx, -dy
        self.direction = (dx, dy)
        """The unit vector along which most lines run, written from left to right."""

        is_horizontal = abs(dx) > 0.9
        if dx > 0.9 and pieces and not from_right:
            self._put_in_rows(pieces)
        if is_horizontal:
            for accent, letter, combined in accented(self.chars):
                max(accent, letter, key=attrgetter("place")).gap = NOTHING
                accent.shown = ""
                letter.shown = combined
        if spelling.has_capitals_for_ligatures:
            self._mend_ligatures()
        self.lines = list(self._find_lines())
        if is_horizontal:
            self._raise_and_lower()

        self.list_items = list_items(self.lines)
        """The first characters of items with a letter or a number."""
        starts = block_starts(self.lines, font_of) | self.list_items

        def glue(
            left: PrintedChar, right: PrintedChar, before: Sequence[str]
        ) -> str | None:
            if right in starts:
                return "\n"
            return self._glue(left, right, before)

        self.text, self._starts = self._joined(self.chars, glue)
        for char, start in zip(self.chars, self._starts, strict=True):
            char.start = start

    def close(self) -> None:
        """Let go of the characters, which refer to one another and would stay in memory."""
        for line in self.lines:
            line.chars.clear()
        for char in self.chars:
            char.next = None

    # --- steps of the constructor

    def _put_in_rows(self, starts: Sequence[int]) -> None:
        """Move words that were drawn before or after the rest of their row to where they stand.

        An editor of PDFs draws a word that it corrected at the end of the page, and some programs
        draw a page font by font.

        Args:
            starts: where the pieces of rows begin, but the first.
        """
        edges = [0, *starts, len(self.chars)]
        pieces = [self.chars[start:end] for start, end in pairwise(edges)]
        rows: list[Segments] = []
        for piece in sorted(pieces, key=lambda piece: -piece[0].y):
            above = rows[-1][-1][0] if rows else piece[0]
            if not rows or above.y - piece[0].y > _SAME_ROW * above.height:
                rows.append([])
            rows[-1].append(piece)

        # the pieces of each row that stand beside one another, from left to right
        at_piece: dict[PrintedChar, Segments] = {}
        moved: set[PrintedChar] = set()
        for row in rows:
            row.sort(key=lambda piece: piece[0].left)
            beside: list[Segments] = []
            for piece in row:
                if not beside or not _stands_beside(beside[-1][-1], piece):
                    beside.append([])
                beside[-1].append(piece)
            for run in beside:
                places = [piece[0].place for piece in run]
                if any(unicodedata.combining(piece[0].text) for piece in run):
                    continue  # vowels and tones are drawn over their letters
                if places != sorted(places):
                    at_piece[max(run, key=len)[0]] = run
                    moved.update(piece[0] for piece in run)
        if not moved:
            return

        in_order: Segments = []
        for piece in pieces:
            if piece[0] in at_piece:
                in_order += at_piece[piece[0]]
            elif piece[0] not in moved:
                in_order.append(piece)
        self.chars = list(chain.from_iterable(in_order))
        following = {piece[0]: piece[0].previous for piece in in_order}
        last = None
        for place, char in enumerate(self.chars):
            char.place = place
            if char in following and following[char] is not last:
                char.gap = LINE
                if last and _stands_beside([last], [char]):
                    char.gap = (
                        BLANK
                        if char.left - last.right > _WORDS_APART * char.height
                        else NOTHING
                    )
            char.previous, char.next = last, None
            if last:
                last.next = char
            last = char

    def _find_lines(self) -> Iterator[Line]:
        """Yield the printed lines in order."""
        dx, dy = self.direction
        lines: Segments = []
        for char in self.chars:
            if char.gap is LINE:
                lines.append([])
            lines[-1].append(char)
        for chars in lines:
            yield Line(chars, median([dy * char.x - dx * char.y for char in chars]))

    def _mend_ligatures(self) -> None:
        """Show the letters of ligatures whose font gives them the codes of capitals."""
        letters = ""
        owners: list[PrintedChar] = []
        for char in self.chars:
            if char.gap is not NOTHING:
                letters += " "
                owners.append(char)
            letters += char.text
            owners.append(char)
        for ligature in CAPITAL_FOR_LIGATURE.finditer(letters):
            owners[ligature.start()].shown = SPELT_AS[ligature[0]]

    def _raise_and_lower(self) -> None:
        """Show digits and signs set small above or below their line as such signs."""
        for line in self.lines:
            largest = SMALLER * line.height
            if line.lowest > largest:
                continue
            # the small characters of the line that follow one another
            small: list[PrintedChar] = []
            for char in line.chars:
                if char.height <= largest:
                    small.append(char)
                elif small:
                    self._convert(small, line)
                    small = []
            if small:
                self._convert(small, line)

    def _convert(self, small: list[PrintedChar], line: Line) -> None:
        """Show small characters beside the letter that they touch raised or lowered, as printed."""
        base = small[0].previous
        if base is None or base.line is not line or small[0].gap is not NOTHING:
            base = small[-1].next
            if base is None or base.line is not line or base.gap is not NOTHING:
                return

        def side(char: PrintedChar) -> int:
            """Return 1 if a character is raised, -1 if lowered, 0 if level with its base."""
            height = (char.y - base.y) / base.height
            if abs(height) < _OFF_LINE:
                return 0
            return 1 if (height > 0) == (self.direction[0] > 0) else -1

        for where, run in groupby(small, side):
            if where == 0:
                continue
            shapes = RAISED if where > 0 else _LOWERED
            group = list(run)
            if _is_within_word(group):
                continue
            signs = [shapes.get(char.text, "") for char in group]
            # in e^(-t/S) only the minus has a superscript: convert all of them, or none
            if all(signs):
                for char, sign in zip(group, signs, strict=True):
                    char.shown = sign

    # --- joining

    def _joined(self, chars: Iterable[PrintedChar], glue: Glue) -> tuple[str, list[int]]:
        """Return the text of characters and the offset of each."""
        parts: list[str] = []
        starts: list[int] = []
        length = 0
        last: PrintedChar | None = None
        for char in chars:  # runs for each letter of a document: keep it fast
            if last and not (char.previous is last and char.gap is NOTHING):
                between = glue(last, char, parts)
                if between is None:  # drop the hyphen
                    length -= len(parts[-1])
                    parts[-1] = ""
                    between = ""
                parts.append(between)
                length += len(between)
            starts.append(length)
            parts.append(char.shown)
            length += len(char.shown)
            last = char
        return "".join(parts), starts

    def _glue(
        self, left: PrintedChar, right: PrintedChar, before: Sequence[str]
    ) -> str | None:
        """Return the glue between characters of different words or lines.

        None drops the hyphen.

        `before` is the text up to the left one, in pieces.
        """
        if right.previous is left and right.gap is BLANK:
            return " "
        if left.text in HYPHENS:
            word = last_word("".join(before[-2 * WORD :])[:-1])
            if not word:
                return " "
            return "" if self._keeps_hyphen(word, right) else None
        if CJK.match(left.text) and CJK.match(right.text):
            return ""
        return " "

    def _keeps_hyphen(self, word: str, char: PrintedChar) -> bool:
        """Return whether to keep the hyphen between a word and the one that begins with `char`."""
        letters = char.text
        following = char.next
        while following and following.gap is NOTHING and len(letters) < WORD:
            letters += following.text
            following = following.next
        word_after = first_word(letters)
        if not word_after or not word[-1].isalnum():
            return True
        return self._spelling.keeps_hyphen(word, word_after)

    # --- passages

    def quote(self, segments: Segments) -> str:
        """Return the text of a passage."""

        def glue(left: PrintedChar, right: PrintedChar, _: Sequence[str]) -> str | None:
            # some between may be missing
            if left.line is right.line and 0 < right.place - left.place <= _SKIPPED:
                return " "
            before = self.text[max(left.start - 2 * WORD, 0) : left.start] + left.shown
            if self._is_hyphen_cut_off(left, right):
                return "-" if self._keeps_hyphen(last_word(before), right) else ""
            return self._glue(left, right, [before])

        chars = list(chain.from_iterable(segments))
        text, _ = self._joined(chars, glue)
        if chars and chars[-1].text in MARKERS:
            return text[:-1]
        return text

    def is_misread(self, segments: Segments) -> bool:
        """Return whether the letters of a passage are not those that the page shows."""
        for segment in segments:
            if is_misread(self._all[segment[0].number : segment[-1].number + 1]):
                return True
        # a font for maths gives the codes of these signs to letters, if it has no table
        signs = [char for char in chain.from_iterable(segments) if char.text in _NO_MATHS]
        fonts = [self._font_of(sign) for sign in signs]
        return any(map(_MATHS_FONT.match, fonts)) or fonts.count("") >= _UNNAMED

    def _is_hyphen_cut_off(self, left: PrintedChar, right: PrintedChar) -> bool:
        """Return whether a mark stops just before the hyphen that ends the line."""
        hyphen = left.next
        if hyphen is None or hyphen is right or hyphen.gap is not NOTHING:
            return False
        if hyphen.text not in HYPHENS or not left.text.isalnum():
            return False
        return hyphen.next is None or hyphen.next.gap is LINE

    def span(self, first: PrintedChar, last: PrintedChar) -> Span:
        """Return [start, end) in `text` of the characters `first` to `last` inclusive."""
        following = last.next.start if last.next else len(self.text)
        return (first.start, min(last.start + len(last.shown), following))

    def char_at(self, offset: int) -> PrintedChar:
        """Return the last character at or before an offset of `text`."""
        return self.chars[max(bisect_right(self._starts, offset) - 1, 0)]

    def crosses_table(self, start: int, end: int) -> bool:
        """Return whether [start, end) of the text goes over cells of a table.

        They stand in one row, farther apart than words do. The blanks of a justified line are
        wide, too, but all alike.
        """
        cells = 0
        blanks: list[float] = []
        """Of the row that is read, in heights."""
        char: PrintedChar | None = self.char_at(start)
        while char and char.start < end:
            last = char.previous
            if last and last.start >= start and char.gap is not NOTHING:
                height = max(last.height, char.height)
                if abs(last.y - char.y) > _SAME_ROW * height or char.left < last.right:
                    cells += _cells(blanks)
                    blanks = []
                else:
                    blanks.append((char.left - last.right) / height)
            char = char.next
        return cells + _cells(blanks) >= _FEWEST_CELLS

    # --- code

    def code(self, segments: Segments) -> str:
        """Return marked lines of code with their breaks and indents, "" for other text.

        Code is set in letters of one width over several lines, on a page most of whose letters
        are not; where most are, it is typewritten.
        """
        chars = list(chain.from_iterable(segments))
        if self.direction[0] < 0.9 or len({char.line for char in chars}) < 2:
            return ""
        letters = {char.text for char in chars}
        if len(letters) < LEAST_LETTERS or any(map(CJK.match, letters)):
            return ""
        width = chars[0].width
        slack = _SAME_WIDTH * width
        if any(abs(char.width - width) > slack for char in chars):
            return ""
        as_wide_on_page = sum(abs(char.width - width) < slack for char in self.chars)
        if 2 * as_wide_on_page > len(self.chars):
            return ""

        # the letters with the line breaks and blanks between them
        margin = min(char.left for char in chars)
        parts: list[str] = []
        for line, of_line in groupby(chars, attrgetter("line")):
            if parts and line is not chars[0].line:
                parts.append("\n")
            edge = margin
            for char in of_line:
                blanks = round((char.left - edge) / width)
                parts.append(" " * min(max(blanks, 0), _MOST_BLANKS))
                parts.append(char.shown)
                edge = char.right
        return "".join(parts)


# --- rows ---------------------------------------------------------------------------------

_SAME_ROW = 0.25
"""Vertical distance of pieces of one row, at most, in heights."""
_FARTHEST = 0.8
"""The longest distance between two letters that stand side by side, in heights; less is a
piece that was left out, or the next column."""
_OVERLAP = 0.3
"""How far letters beside one another may overlap, in heights."""
_WORDS_APART = 0.15
"""The least distance between two words, in heights."""


_BETWEEN_CELLS = 1.2
"""The least distance between two cells of a row, in heights."""
_UNLIKE = 0.5
"""By how much the blanks of a row with cells differ, at least, in heights."""
_FEWEST_CELLS = 2
"""Such gaps in a sentence, at least: one may be a tab or a label."""


def _cells(blanks: Sequence[float]) -> int:
    """Return how many of the blanks of a row are between two cells."""
    if not blanks or max(blanks) - min(blanks) < _UNLIKE:
        return 0
    return sum(blank > _BETWEEN_CELLS for blank in blanks)


def _jumps(last: PrintedChar, char: PrintedChar) -> bool:
    """Return whether a letter does not follow the one before from left to right."""
    height = max(last.height, char.height)
    return not -_OVERLAP * height <= char.left - last.right <= _FARTHEST * height


def _stands_beside(left: Sequence[PrintedChar], right: Sequence[PrintedChar]) -> bool:
    """Return whether one piece of a row begins where another ends, in letters of one size."""
    last, char = left[-1], right[0]
    smaller, larger = sorted((last.height, char.height))
    if smaller < SMALLER * larger or abs(last.y - char.y) > _SAME_ROW * larger:
        return False
    return not _jumps(last, char)


# --- comparing characters and lines -----------------------------------------------------


def usual_step(pairs: Iterable[tuple[PrintedChar, PrintedChar]]) -> tuple[float, float]:
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


def _gap(
    left: PrintedChar, right: PrintedChar, all_chars: Sequence[Char], font_of: FontOf
) -> int:
    """Return the gap between two visible characters that are not direct neighbours."""
    if left.text in MARKERS:
        return LINE
    between = []
    for char in all_chars[left.number + 1 : right.number]:
        if char.generated or char.text in BLANKS:
            between.append(char)
    if all(char.generated for char in between) and _touch(left, right):
        # PDFium parts letters of formulas; where it parts words, their boxes may touch
        if not _are_level(left, right) or _MATHS_FONT.match(font_of(left)):
            return NOTHING
    if any(char.text in _BREAKS for char in between):
        return LINE
    height = max(left.height, right.height)
    if abs(left.y - right.y) > 0.4 * height and (left.text in HYPHENS or not between):
        return LINE
    return BLANK


_MATHS_FONT = regex(r"CM(?:MI|B?SY|EX)|LMMath|NewTXMI|RMTMI|MSBM|tx(?:ex|mia|sy)|.*Math")


def _are_level(left: PrintedChar, right: PrintedChar) -> bool:
    """Return whether two letters are of one height and on one base line."""
    slack = _LEVEL_SLACK * left.height
    return abs(left.top - right.top) < slack and abs(left.bottom - right.bottom) < slack


def _touch(left: PrintedChar, right: PrintedChar) -> bool:
    """Return whether two letters touch though PDFium separates them (at superscripts)."""
    height = max(left.height, right.height, 1.0)
    # the lines may run from right to left
    gap_to_right = abs(right.left - left.right)
    gap_to_left = abs(left.left - right.right)
    bottoms_apart = abs(left.bottom - right.bottom)
    tops_apart = abs(left.top - right.top)
    return (
        min(gap_to_right, gap_to_left) < 0.1 * height
        and abs(left.x - right.x) < 3 * height
        and bottoms_apart + tops_apart < 1.2 * height
        and abs(left.y - right.y) < 0.6 * height
    )
