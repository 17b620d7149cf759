"""Letters of a page and of its figures: which are shown, which are one word, and how they are drawn."""

import struct
import zlib
from types import SimpleNamespace

import pypdfium2.raw as pdfium_c
import pytest
from pypdfium2 import PdfiumError

from ankiforge.extract.pdf.chars import Char
from ankiforge.extract.pdf.letters import (
    _decode_char,
    is_bold_font,
    iter_visible_chars,
)
from ankiforge.extract.pdf.rendering import (
    _classify_frame,
    _compute_line_box,
    _find_words_with_boxes,
    _FrameKind,
    encode_png,
    read_page_sizes,
)
from tests.extract.test_chars_table import HIGH, WIDE, page

# --- the letters of a page -----------------------------------------------------------------------


def chars(*written: tuple) -> list[Char]:
    """Letters as (text, left, bottom, width), 10 points wide and high unless it is said."""
    made = []
    for index, (text, *place) in enumerate(written):
        left, bottom, width = (*place, *(0.0, 0.0, 10.0)[len(place) :])
        box = (left, bottom, left + width, bottom + 10.0)
        centre = (left + width / 2, bottom + 5.0)
        made.append(Char(index, text, text == "g", *box, *centre, width, 10.0))
    return made


OTHER = ("x", 90.0)


@pytest.mark.parametrize(
    ("written", "visible"),
    [
        ([("a", 0.0), ("b", 10.0)], "ab"),
        ([("a", 0.0), (" ",), ("\n",), ("\u00a0",), ("g", 20.0), ("b", 30.0)], "ab"),
        # copies of a letter, which make it look bold
        ([("a", 0.0), OTHER, ("a", 0.0)], "ax"),
        ([("a", 0.0), OTHER, ("b", 0.0)], "axb"),
        ([("a", 0.0), OTHER, ("a", 1.9)], "ax"),
        ([("a", 0.0), OTHER, ("a", 2.1)], "axa"),
        ([("a", 0.0), OTHER, ("a", 0.0, 1.9)], "ax"),
        ([("a", 0.0), OTHER, ("a", 0.0, 2.1)], "axa"),
        ([("a", 0.0), OTHER, ("a", 0.0, 0.0, 11.9)], "ax"),
        ([("a", 0.0), OTHER, ("a", 0.0, 0.0, 13.0)], "axa"),
        ([("-", 0.0), OTHER, ("\u2010", 0.0)], "-x"),
        # on both sides of a line of the grid
        ([("a", 15.5), OTHER, ("a", 16.5)], "ax"),
        ([("a", 16.5), OTHER, ("a", 15.5)], "ax"),
        ([("a", 0.0, 15.5), OTHER, ("a", 0.0, 16.5)], "ax"),
        ([("a", 15.5, 15.5), OTHER, ("a", 16.5, 16.5)], "ax"),
        (
            [("a", 8.0, 0.0, 60.0), OTHER, ("a", 8.0, 0.0, 60.0)],
            "ax",
        ),  # letters of a poster
        ([("a", 0.0, 0.0, 200.0), OTHER, ("a", 15.0, 0.0, 200.0)], "ax"),
        ([("a", 0.0, 0.0, 200.0), OTHER, ("a", 17.0, 0.0, 200.0)], "axa"),
        # letters of a ligature share a box, and follow one another
        ([("f", 0.0), ("f", 0.0), ("i", 0.0)], "ffi"),
        ([("f", 0.0), ("f", 1.0)], "f"),
    ],
)
def test_letters_that_are_printed_twice_are_read_once(written, visible):
    shown = iter_visible_chars(chars(*written))
    assert "".join(char.text for char in shown) == visible


@pytest.mark.parametrize(
    ("font", "code", "aspect", "text"),
    [
        ("CMMI10", 0x60, 0.5, "ℓ"),
        ("CMMI10", 11, 0.9, "α"),
        ("CMMI10", 1, 0.5, "ℓ"),
        ("CMMI10", 1, 0.6, "Δ"),
        ("RMTMI", 11, 0.9, "\x0b"),
        ("RMTMI", 0x60, 0.9, "ℓ"),
        ("MyMath-Italic", 0, 0.9, "Γ"),
        ("CMSY10", 0, 0.9, "−"),
        ("CMBSY7", 0x30, 0.9, "′"),
        ("CMSY10", 0x21E5, 0.9, "×"),
        ("MyMath-Symbol", 31, 0.9, "≻"),
        ("Times", 0x60, 0.5, "`"),
        ("Times", 11, 0.5, "\x0b"),
    ],
)
def test_the_signs_of_tex(font, code, aspect, text):
    assert _decode_char(font, code, aspect) == text


@pytest.mark.parametrize(
    ("font", "bold"),
    [
        ("Times-Bold", True), ("ArialBlack", True), ("X-HeavyOblique", True), ("Futura-Demi", True),
        ("Nimbus-B", True), ("ABCDEF+CMBX10", True), ("SFBX1095", True), ("Nimbus_Medi", True),
        ("Times-Roman", False), ("CMR10", False), ("NimbusB", False), ("XCMB10", False),
    ],
)  # fmt: skip
def test_which_fonts_are_bold(font, bold):
    assert is_bold_font(font) is bold


# --- pictures ----------------------------------------------------------------------------------------

TEXT = pdfium_c.FPDF_PAGEOBJ_TEXT
IMAGE = pdfium_c.FPDF_PAGEOBJ_IMAGE
PATH = pdfium_c.FPDF_PAGEOBJ_PATH
FRAME = (0.0, 0.0, 100.0, 100.0)
RULE = (PATH, (10.0, 50.0, 90.0, 52.9))
BAR = (PATH, (50.0, 10.0, 52.9, 90.0))


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [
        ([], _FrameKind.TEXT),
        ([(TEXT, (10.0, 10.0, 20.0, 20.0))], _FrameKind.TEXT),
        ([(IMAGE, (10.0, 10.0, 20.0, 20.0))], _FrameKind.DRAWING),
        ([(IMAGE, (90.0, 90.0, 120.0, 120.0))], _FrameKind.DRAWING),
        ([(IMAGE, (110.0, 10.0, 120.0, 20.0))], _FrameKind.TEXT),
        ([(IMAGE, (10.0, 110.0, 20.0, 120.0))], _FrameKind.TEXT),
        ([(IMAGE, (10.0, -20.0, 20.0, -1.0))], _FrameKind.TEXT),
        # a shape, or three lines
        ([(PATH, (10.0, 10.0, 13.0, 13.0))], _FrameKind.DRAWING),
        ([RULE], _FrameKind.TEXT),
        ([RULE, BAR], _FrameKind.TEXT),
        ([RULE, BAR, RULE], _FrameKind.TABLE),
        ([(PATH, (-5.0, -5.0, 105.0, 105.0))], _FrameKind.TEXT),  # the background
        ([(PATH, (-5.0, 10.0, 105.0, 90.0))], _FrameKind.DRAWING),
        ([(TEXT, FRAME), RULE, (IMAGE, (10.0, 10.0, 20.0, 20.0))], _FrameKind.DRAWING),
    ],
)
def test_what_a_frame_contains(drawn, kind):
    objects = [
        SimpleNamespace(type=of_type, get_bounds=lambda bounds=bounds: bounds)
        for of_type, bounds in drawn
    ]
    page = SimpleNamespace(get_objects=lambda max_depth: iter(objects))
    assert _classify_frame(page, FRAME) is kind


@pytest.mark.parametrize(
    ("pixels", "grey", "colour", "rows"),
    [
        (bytes(range(12)), False, 2, b"\0" + bytes(range(6)) + b"\0" + bytes(range(6, 12))),
        (bytes(range(4)), True, 0, b"\0\0\1\0\2\3"),
    ],
)  # fmt: skip
def test_the_format_of_a_picture(pixels, grey, colour, rows):
    data = encode_png(2, 2, pixels, grey=grey)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = {}
    data = data[8:]
    while data:
        length = struct.unpack(">I", data[:4])[0]
        name, body = data[4:8], data[8 : 8 + length]
        assert struct.unpack(">I", data[8 + length : 12 + length])[0] == zlib.crc32(
            name + body
        )
        chunks[name] = body
        data = data[12 + length :]
    assert chunks[b"IHDR"] == struct.pack(">IIBBBBB", 2, 2, 8, colour, 0, 0, 0)
    assert zlib.decompress(chunks[b"IDAT"]) == rows
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]


def test_the_box_of_a_line_is_not_as_high_as_its_highest_sign():
    def sign(left: float, bottom: float, height: float):
        return SimpleNamespace(
            left=left,
            bottom=bottom,
            right=left + 5,
            top=bottom + height,
            height=height,
        )

    letters = [sign(5, 0, 10), sign(10, 1, 10), sign(0, -20, 14)]
    assert _compute_line_box(letters) == (0, 0, 15, 11)
    assert _compute_line_box([*letters[:2], sign(0, -1, 13)]) == (0, -1, 15, 12)


def test_the_words_of_a_line_have_their_boxes():
    text = page("a cell", "divides")
    found = [_find_words_with_boxes(text, line) for line in text.lines]
    assert found == [
        [
            ("a", (0.0, 700.0, WIDE, 700.0 + HIGH)),
            ("cell", (2 * WIDE, 700.0, 6 * WIDE, 700.0 + HIGH)),
        ],
        [("divides", (0.0, 700.0 - HIGH, 7 * WIDE, 700.0))],
    ]


class Pages:
    """A PDF whose pages have labels and sizes; a size of None is that of a damaged page."""

    def __init__(self, *pages: tuple) -> None:
        self._pages = pages

    def __len__(self) -> int:
        return len(self._pages)

    def get_page_label(self, number: int) -> str:
        return self._pages[number][0]

    def get_page_size(self, number: int) -> tuple[float, float]:
        size = self._pages[number][1]
        if size is None:
            raise PdfiumError("damaged")
        return size


def test_the_sizes_and_labels_of_pages():
    pages = Pages(("i", (300, 400)), ("", (300, 400)), (" a\n1 ", None), ("", (0, 9)))
    assert read_page_sizes(pages).pages == (
        (300, 400, "i"),
        (300, 400, "2"),
        (612.0, 792.0, "a 1"),
        (612.0, 792.0, "4"),
    )
