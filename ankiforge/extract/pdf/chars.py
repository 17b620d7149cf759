"""The characters of a page with their places, as PDFium sees them.

Boxes are in unrotated user space, the space of /QuadPoints and /Rect: nothing has to be
corrected for /Rotate, CropBox, the origin of MediaBox or UserUnit.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from ctypes import byref
from math import pi
from typing import NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.spelling import unswapped

BREAKS = frozenset("\r\n")
BLANKS = frozenset("\r\n\t \x00\u00a0\u2007\u202f")
MARKERS = frozenset("\x02\ufffe\u00ad")
"""PDFium's signs for a hyphen at the end of a line, and the soft hyphen."""
HYPHENS = frozenset("-\u2010") | MARKERS
SLACK = 0.2
"""Letters printed twice lie so close, in their widths."""
CELL = 16.0
"""Side of the squares by which they are looked up, in points."""
MOST_NEAR = 64
"""So many of one sign are looked at in a square; a page has that many only to waste time."""
ASKED = 100
"""About so many letters of a page tell which way its text runs."""


class Char(NamedTuple):
    """One character; lengths in points. The box is as high as the font, not as the glyph."""

    place: int
    """Its place in PDFium's list, which is close to reading order."""
    text: str
    generated: bool
    """Not on the page: a blank or line break that PDFium put in."""
    left: float
    bottom: float
    right: float
    top: float
    x: float
    """The centre."""
    y: float
    width: float
    """Its advance; never 0."""
    height: float
    """How high the font is here; never 0."""

    @property
    def blank(self) -> bool:
        """White space, or not on the page at all."""
        return self.generated or self.text in BLANKS


def upright_text(page: PdfPage) -> PdfTextPage:
    """The text of a page, read with most of its letters upright, however the page is turned.

    PDFium reads lines that run down the page from the last to the first. So the text, and with
    it every key, is the same after somebody turned the page.
    """
    text = page.get_textpage()
    turned = _turn(text)
    if turned is None or turned == page.get_rotation():
        return text
    text.close()
    page.set_rotation(turned)
    return page.get_textpage()


def _turn(text: PdfTextPage) -> int | None:
    """The clockwise degrees that make most letters stand upright; None without letters."""
    count = text.count_chars()
    turns = Counter(
        round(-pdfium_c.FPDFText_GetCharAngle(text.raw, index) / (pi / 2)) % 4
        for index in range(0, count, max(1, count // ASKED))
    )
    return 90 * turns.most_common(1)[0][0] if turns else None


def page_chars(page: PdfTextPage) -> list[Char]:
    """All characters of a page, blanks and line breaks included."""
    raw, box = page.raw, pdfium_c.FS_RECTF()
    at = byref(box)
    code_of, box_of = pdfium_c.FPDFText_GetUnicode, pdfium_c.FPDFText_GetLooseCharBox
    chars = []
    for place in range(page.count_chars()):  # every step here is taken for each letter
        code = code_of(raw, place)
        if not box_of(raw, place, at):
            chars.append(Char(place, "\x00", True, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.1))
            continue
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        text = chr(code) if code <= 0x10FFFF else "\ufffd"
        generated = text in BLANKS and bool(pdfium_c.FPDFText_IsGenerated(raw, place))
        x, y, wide, high = (left + right) / 2, (bottom + top) / 2, right - left, top - bottom
        wide, high = wide if wide > 0.1 else 0.1, high if high > 0.1 else 0.1
        chars.append(Char(place, text, generated, left, bottom, right, top, x, y, wide, high))
    return _unswapped(chars)


def _unswapped(chars: list[Char]) -> list[Char]:
    text = "".join([char.text for char in chars])
    right = unswapped(text)
    if right == text:
        return chars
    return [char._replace(text=sign) for char, sign in zip(chars, right, strict=True)]


Cell = tuple[str, float, float]
Printed = dict[Cell, list[Char]]
"""What was printed, by its sign and the square in which it begins."""


def visible(chars: list[Char]) -> Iterator[Char]:
    """The characters one sees, each once: letters printed twice to look bold count once.

    A ligature that PDFium takes apart has several characters in one and the same box, next to
    one another: these stay.
    """
    printed: Printed = {}
    for char in chars:
        _, text, generated, left, bottom, _, _, _, _, width, _ = char
        if generated or text in BLANKS:
            continue
        sign = "-" if text in HYPHENS else text
        slack = SLACK * width if SLACK * width < CELL else CELL
        first, last = (left - slack) // CELL, (left + slack) // CELL
        low, high = (bottom - slack) // CELL, (bottom + slack) // CELL
        near = printed.get((sign, first, low), ())
        if first != last or low != high:
            cells = {(sign, x, y) for x in (first, last) for y in (low, high)}
            near = [one for cell in cells for one in printed.get(cell, ())]
        if near and any(_overprinted(one, char) for one in near):
            continue
        cell = printed.setdefault((sign, left // CELL, bottom // CELL), [])
        cell.append(char)
        if len(cell) > MOST_NEAR:
            del cell[0]
        yield char


def _overprinted(first: Char, second: Char) -> bool:
    slack = SLACK * second.width
    return (
        abs(first.left - second.left) < slack
        and abs(first.bottom - second.bottom) < slack
        and abs(first.width - second.width) < slack
        and (second.place - first.place > 1 or first.left != second.left)
    )


def is_cjk(character: str) -> bool:
    """Whether lines that break here are joined without a blank."""
    code = ord(character)
    return (
        0x3000 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF
        or 0x20000 <= code <= 0x3FFFF
    )


def is_rtl(characters: str) -> bool:
    """Whether most of these run from right to left."""
    counts = Counter(characters).items()
    rtl = sum(n for one, n in counts if unicodedata.bidirectional(one) in ("R", "AL"))
    return rtl * 2 > len(characters)
