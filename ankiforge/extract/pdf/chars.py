"""The characters of a page with their places, as PDFium finds them.

Boxes are in unrotated user space, like /QuadPoints and /Rect: nothing has to be corrected
for /Rotate, CropBox, the origin of MediaBox or UserUnit.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from ctypes import byref, create_string_buffer
from functools import partial
from math import pi
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfiumError, PdfPage, PdfTextPage

from ankiforge.extract.pdf.cleaning import unswapped
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

    # swapped ligatures
    text = "".join([char.text for char in chars])
    corrected = unswapped(text)
    if corrected == text:
        return chars
    pairs = zip(chars, corrected, strict=True)
    return [char._replace(text=letter) for char, letter in pairs]


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
