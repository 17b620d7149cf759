"""Read the characters of a page with PDFium: their text, boxes, sizes, fonts and directions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from ctypes import byref, create_string_buffer
from functools import partial
from math import atan2, degrees, hypot

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.chars import HYPHENS, SPACES, Char
from ankiforge.extract.pdf.cleaning import restore_reading_order
from ankiforge.text import regex

_SAMPLED_CHARS = 100
"""The approximate number of characters per page to sample when determining the text direction."""
_NAME_BYTES = 128
_BOLD_WEIGHTS = range(600, 1001)
"""The font weights that count as bold. Many bold fonts can only be recognized by their names."""
_BOLD_FONT = regex(
    r"(?i)bold|black|heavy|demi|[-_](?:B|Bd|BI|Medi)$|^(?:\w{6}\+)?(?:CMB|SFBX)"
)


def load_upright_text(page: PdfPage) -> PdfTextPage:
    """Rotate a page so that most letters are upright, and return its text page.

    PDFium reads vertical lines that run down the page in reverse order. Rotating the page also
    makes its text, and any keys derived from the text, independent of a rotation saved by the
    user.
    """
    text = page.get_textpage()
    letters = CharReader(text)
    count = text.count_chars()
    quarter_turns = Counter(
        round(letters.get_angle(index) / 90) % 4
        for index in range(0, count, max(1, count // _SAMPLED_CHARS))
    )
    if not quarter_turns:
        return text
    [(most_common_turns, _)] = quarter_turns.most_common(1)
    rotation = 90 * most_common_turns
    if rotation == page.get_rotation():
        return text
    text.close()
    page.set_rotation(rotation)
    return page.get_textpage()


def is_bold_font(name: str) -> bool:
    """Return whether a font is bold, judging by its name."""
    return _BOLD_FONT.search(name) is not None


class CharReader:
    """Reads the size, font and direction of characters from PDFium.

    A character is identified by its index in PDFium's list for the page.
    """

    def __init__(self, page: PdfTextPage) -> None:
        self._page = page.raw
        self._matrix = pdfium_c.FS_MATRIX()
        self._box = pdfium_c.FS_RECTF()

    def get_bottom_and_top(self, index: int) -> tuple[float, float]:
        """Return the (bottom, top) of the box of a character, which is as high as its font."""
        pdfium_c.FPDFText_GetLooseCharBox(self._page, index, self._box)
        return (self._box.bottom, self._box.top)

    def get_font_size(self, index: int, height: float) -> float:
        """Return the font size of a character as printed, in points.

        `height` is the extent of the character's box across its line. It is returned instead if the
        font size is implausible, as in damaged fonts and in fonts made of drawings (Type 3).
        """
        pdfium_c.FPDFText_GetMatrix(self._page, index, self._matrix)
        size: float = pdfium_c.FPDFText_GetFontSize(self._page, index)
        size *= hypot(self._matrix.c, self._matrix.d) or 1.0
        is_plausible = 0.4 * height < size < 2.5 * height
        if height > 0 and not is_plausible:
            return height
        return size

    def get_angle(self, index: int) -> int:
        """Return the reading direction of a character in degrees, counterclockwise.

        0 is from left to right.
        """
        pdfium_c.FPDFText_GetMatrix(self._page, index, self._matrix)
        return round(degrees(atan2(self._matrix.b, self._matrix.a))) % 360

    def get_font(self, index: int) -> str:
        """Return the font name of a character, or "" if it is unknown."""
        name = create_string_buffer(_NAME_BYTES)
        pdfium_c.FPDFText_GetFontInfo(self._page, index, name, _NAME_BYTES, None)
        return name.value.decode("latin-1").rpartition("+")[2]

    def is_bold(self, index: int) -> bool:
        """Return whether a character is bold, judging by the weight or the name of its font."""
        weight = pdfium_c.FPDFText_GetFontWeight(self._page, index)
        return weight in _BOLD_WEIGHTS or is_bold_font(self.get_font(index))


_WHITESPACE_CODES = frozenset((9, 10, 13))
"""The control characters that keep their meaning: tab, line feed and carriage return."""
_GRAVE_ACCENT_CODE = 96
_TIMES_CODE = 0x21E5
"""The code of ⇥, which Quartz writes for the × in TeX's symbol fonts."""
_PRIME_CODE = 0x30
"""The code of ′ in TeX's symbol fonts, which is the code of 0 elsewhere."""
_MISREAD_CODES = frozenset((_GRAVE_ACCENT_CODE, _TIMES_CODE, _PRIME_CODE))
_CODES_DEPENDING_ON_FONT = (frozenset(range(32)) - _WHITESPACE_CODES) | _MISREAD_CODES
_MAX_CODE = 0x10FFFF
_MIN_EXTENT = 0.1
"""The width or height of a character that has none, in points."""


def read_chars(page: PdfTextPage) -> list[Char]:
    """Read all characters of a page in reading order, including spaces and line breaks."""
    raw = page.raw
    letters = CharReader(page)
    box = pdfium_c.FS_RECTF()
    box_pointer = byref(box)
    get_code = pdfium_c.FPDFText_GetUnicode
    read_box = pdfium_c.FPDFText_GetLooseCharBox
    make_char = partial(tuple.__new__, Char)  # faster than the class
    chars: list[Char] = []
    # this loop runs for each letter of a document, so it must be fast
    for index in range(page.count_chars()):
        code = get_code(raw, index)
        if not read_box(raw, index, box_pointer):
            chars.append(_make_invisible_char(index))
            continue
        left = box.left
        bottom = box.bottom
        right = box.right
        top = box.top
        x = (left + right) / 2
        y = (bottom + top) / 2
        width = max(_MIN_EXTENT, right - left)
        height = max(_MIN_EXTENT, top - bottom)
        if code in _CODES_DEPENDING_ON_FONT:
            text = _decode_char(letters.get_font(index), code, width / height)
        elif code > _MAX_CODE:
            text = "\ufffd"
        else:
            text = chr(code)
        is_generated = False
        if text in SPACES:
            is_generated = bool(pdfium_c.FPDFText_IsGenerated(raw, index))
        chars.append(
            make_char(
                (index, text, is_generated, left, bottom, right, top, x, y, width, height)
            )
        )

    return restore_reading_order(chars, "".join([char.text for char in chars]))


def _make_invisible_char(index: int) -> Char:
    """Return a character without a box, which is treated like an inserted space."""
    return Char(index, "\x00", True, 0, 0, 0, 0, 0, 0, _MIN_EXTENT, _MIN_EXTENT)


# --- control characters that are printed as letters -------------------------------------

# The first 32 characters of TeX's two maths encodings, which fonts often don't map to Unicode.
_MATH_ITALIC = "ΓΔΘΛΞΠΣΥΦΨΩαβγδϵζηθικλμνξπρστυφχ"
_MATH_SYMBOLS = "−·×∗÷⋄±∓⊕⊖⊗⊘⊙○∘∙≍≡⊆⊇≤≥⪯⪰∼≈⊂⊃≪≫≺≻"
_ITALIC_FONT = r"(?:CMMI|NewTXMI|RMTMI)|.*Math-?Italic"
_SYMBOL_FONT = r"(?:CMB?SY|txsy)|.*Math.*-Symbol"
_MAX_ELL_ASPECT = 0.6
"""The maximum aspect ratio of an ℓ. Distiller gives ℓ the code of Δ, which is wider."""


_SYMBOL_FIXES = {_TIMES_CODE: "×", _PRIME_CODE: "′"}


def _decode_char(font: str, code: int, aspect: float) -> str:
    """Return the character that a TeX font displays for a code.

    The code is either a control character or one that TeX fonts use for another character, such
    as the code of ` for ℓ. For other fonts, returns `chr(code)`. `aspect` is the character's
    width divided by its height.
    """
    if re.match(_ITALIC_FONT, font):
        if code == _GRAVE_ACCENT_CODE or (code == 1 and aspect < _MAX_ELL_ASPECT):
            return "ℓ"
        if code < 32 and not font.startswith("RMTMI"):
            return _MATH_ITALIC[code]
    if re.match(_SYMBOL_FONT, font):
        if code in _SYMBOL_FIXES:
            return _SYMBOL_FIXES[code]
        if code < 32:
            return _MATH_SYMBOLS[code]
    return chr(code)


# --- visible characters -----------------------------------------------------------------

_MAX_REPRINT_SHIFT = 0.2
"""The maximum distance between two copies of a character, relative to its width."""
CELL_POINTS = 16.0
"""The side length of the grid cells in which copies of a character are looked up, in points."""
_MAX_CHARS_PER_CELL = 64
"""The maximum number of identical characters per grid cell to compare with. Only malicious pages
have more.
"""


_Cell = tuple[float, float]
"""The (column, row) of a cell in a grid on the page."""
_PrintedChars = dict[tuple[str, _Cell], list[Char]]
"""The characters yielded so far, by their text and the grid cell of their lower left corner."""


def iter_visible_chars(chars: list[Char]) -> Iterator[Char]:
    """Yield the visible characters, but skip copies of a character in the same position.

    Some programs print letters twice to make them look bold. When PDFium splits a ligature, the
    resulting characters share a box as well. They are all kept, because they are consecutive.
    """
    printed: _PrintedChars = {}
    # runs for each letter of a document, and unpacking is faster than reading attributes
    for char in chars:
        _, text, generated, left, bottom, _, _, _, _, width, _ = char
        if generated or text in SPACES:
            continue
        key_text = "-" if text in HYPHENS else text
        slack = _MAX_REPRINT_SHIFT * width
        if slack > CELL_POINTS:
            slack = CELL_POINTS
        cell = (left // CELL_POINTS, bottom // CELL_POINTS)
        # the cells that a copy may be in: they nearly always are the character's own
        first_cell = ((left - slack) // CELL_POINTS, (bottom - slack) // CELL_POINTS)
        last_cell = ((left + slack) // CELL_POINTS, (bottom + slack) // CELL_POINTS)
        chars_in_cell = printed.setdefault((key_text, cell), [])
        candidates = chars_in_cell
        if first_cell != last_cell:
            candidates = _list_chars_in_cells(
                printed, key_text, (first_cell, cell, last_cell)
            )
        if candidates and _is_duplicate_char(char, candidates, slack):
            continue
        chars_in_cell.append(char)
        if len(chars_in_cell) > _MAX_CHARS_PER_CELL:
            del chars_in_cell[0]
        yield char


def _list_chars_in_cells(
    printed: _PrintedChars, text: str, corners: Sequence[_Cell]
) -> list[Char]:
    """Return the printed characters with this text in the block of cells that `corners` span.

    `corners` are the first cell, the one in the middle and the last cell.
    """
    chars: list[Char] = []
    for column in {column for column, _ in corners}:
        for row in {row for _, row in corners}:
            chars += printed.get((text, (column, row)), ())
    return chars


def _is_duplicate_char(char: Char, candidates: list[Char], slack: float) -> bool:
    """Return whether one of the `candidates` is a copy of `char` in the same position.

    All candidates must be the same character as `char`. `slack` is the maximum distance between
    copies, in points. The second f of the ligature ﬀ isn't a copy of the first one, because it
    directly follows it and begins at exactly the same place.
    """
    for other in candidates:
        is_in_same_place = (
            abs(other.left - char.left) < slack
            and abs(other.bottom - char.bottom) < slack
            and abs(other.width - char.width) < slack
        )
        if is_in_same_place:
            is_next = char.char_index - other.char_index <= 1
            is_same_ligature = is_next and other.left == char.left
            if not is_same_ligature:
                return True
    return False
