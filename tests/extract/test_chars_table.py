"""What a mark covers of the letters of a page, and where a hyphen stays: rows without a PDF."""

from types import SimpleNamespace

import pytest

from ankiforge.extract.pdf.blocks import find_block_starts
from ankiforge.extract.pdf.chars import Char, Line, PrintedChar
from ankiforge.extract.pdf.cleaning import (
    Spelling,
    has_misread_letters,
    strip_footnote_number,
)
from ankiforge.extract.pdf.margins import _find_edge_lines
from ankiforge.extract.pdf.mark_text import MarkTextFinder, build_quads, extend_to_words
from ankiforge.extract.pdf.marks import locate_mark
from ankiforge.extract.pdf.messages import PageHighlight
from ankiforge.extract.pdf.open_pdf import PdfPage
from ankiforge.extract.pdf.page_text import PageText, Segments, find_separate_accents
from ankiforge.extract.pdf.rendering import _find_mark_span

WIDE, HIGH = 6.0, 12.0


def page(*lines: str, document: str = "") -> PageText:
    """Lines of letters of one width, the first one at the top; `document` is its other text."""
    chars: list[Char] = []
    for row, line in enumerate(lines):
        bottom = 700.0 - row * HIGH
        for column, letter in enumerate(line):
            left = column * WIDE
            box = (left, bottom, left + WIDE, bottom + HIGH)
            centre = (left + WIDE / 2, bottom + HIGH / 2)
            chars.append(Char(len(chars), letter, False, *box, *centre, WIDE, HIGH))
        end = len(line) * WIDE
        for sign in "\r\n":
            box = (end, bottom, end, bottom)
            chars.append(Char(len(chars), sign, True, *box, end, bottom, 0.1, 0.1))
    return PageText(chars, Spelling([document]))


def under(text: PageText, *marked: tuple[int, float, float]) -> Segments:
    """The letters below quads, each a row and its first and last column."""
    points: list[float] = []
    for row, first, last in marked:
        left, right = first * WIDE, last * WIDE
        bottom = 700.0 - row * HIGH
        points += (left, bottom + HIGH, right, bottom + HIGH, left, bottom, right, bottom)
    return MarkTextFinder(text).find_covered_text(build_quads(points, None))


@pytest.mark.parametrize(
    ("lines", "marked", "words"),
    [
        (("the cell divides",), [(0, 4, 8)], "cell"),
        (("the cell divides",), [(0, 3, 9)], "cell"),
        (("the cell divides",), [(0, 4.7, 8)], "cell"),  # a quarter of its first letter
        (("the cell divides",), [(0, 4.8, 8)], "ell"),  # less of it
        (("the cell divides",), [(0, 4, 7.3)], "cell"),
        (("the cell divides",), [(0, 5.7, 8)], "ll"),  # no first letter of a word
        (("the cell divides",), [(0, 13, 99), (0, 0, 3)], "the des"),
        (("the cell", "divides"), [(0, 4, 8), (1, 0, 7)], "cell divides"),
        (("the cell", "divides"), [(1, 0, 7), (0, 4, 8)], "cell divides"),
        (("a cell divi-", "des here"), [(0, 7, 12), (1, 0, 3)], "divides"),
        (("a cell divi-", "des here"), [(0, 7, 11), (1, 0, 3)], "divides"),  # before the hyphen
        (("the X-", "ray tube"), [(0, 4, 6), (1, 0, 3)], "X-ray"),
        (("a well-", "Known one"), [(0, 2, 7), (1, 0, 5)], "well-Known"),
        (("記憶の", "痕跡"), [(0, 0, 3), (1, 0, 2)], "記憶の痕跡"),
        (("no words",), [(5, 0, 8)], ""),
    ],
)  # fmt: skip
def test_the_words_below_quads(lines, marked, words):
    text = page(*lines)
    assert text.join_segments(under(text, *marked)) == words


def test_a_slanted_quad_leaves_the_letters_of_the_next_one():
    slanted = (1, 712, 19, 713, 0, 699, 18, 700)
    upright = (4.7 * WIDE, 712, 8 * WIDE, 712, 4.7 * WIDE, 700, 8 * WIDE, 700)
    text = page("the cell divides")
    quads = build_quads((*slanted, *upright), None)
    assert text.join_segments(MarkTextFinder(text).find_covered_text(quads)) == "the cell"


@pytest.mark.parametrize(
    ("middle", "height", "x", "is_underline"),
    [
        (98.1, 1.0, 5.0, True),
        (97.9, 1.0, 5.0, False),
        (105.0, 1.0, 5.0, True),  # it strikes the letter out
        (105.1, 1.0, 5.0, False),
        (100.0, 4.4, 5.0, True),
        (100.0, 4.6, 5.0, False),
        (100.0, 1.0, 0.0, True),
        (100.0, 1.0, 10.0, True),
        (100.0, 1.0, -0.1, False),
        (100.0, 1.0, 10.1, False),
    ],
)
def test_a_thin_line_under_or_through_a_letter(middle, height, x, is_underline):
    [quad] = build_quads((), (0.0, middle - height / 2, 10.0, middle + height / 2))
    char = Char(0, "a", False, x - 3, 100.0, x + 3, 110.0, x, 105.0, 6.0, 10.0)
    assert quad.is_underline_of(char) is is_underline


@pytest.mark.parametrize(
    ("lines", "marked", "words"),
    [
        (("the cell divides",), [(0, 4, 8)], "cell"),
        (("the cell divides",), [(0, 4, 14)], "cell divides"),
        (("the cell divides",), [(0, 2, 8)], "the cell"),
        (("to p", "plant"), [(0, 0, 4), (1, 0, 5)], "to p plant"),
        (("differs from", "plant to plant", "here"), [(0, 0, 12), (1, 0, 10), (2, 0, 4)],
         "differs from plant to plant here"),  # a line of a mark stops within a word
        (("a bigger model",), [(0, 9, 13)], "model"),
        (("die Honigernte",), [(0, 4, 9)], "Honig"),  # half a word, which may be meant
        (("die Honigernte",), [(0, 0, 9)], "die Honigernte"),
        (("it has 70B more",), [(0, 3, 8)], "has 70B"),
        (("記憶の痕跡と 学習",), [(0, 1, 3)], "憶の"),  # no blanks part words
        (("記憶の痕跡 学習",), [(0, 3, 7)], "痕跡 学"),
        (("well-known one",), [(0, 7, 14)], "known one"),
    ],
)  # fmt: skip
def test_a_mark_takes_whole_words(lines, marked, words):
    text = page(*lines)
    assert text.join_segments(extend_to_words(under(text, *marked))) == words


@pytest.mark.parametrize(
    ("lines", "blocks"),
    [
        (("Which one has no effort?", "a) the obstructive", "b) the central", "one", "c) none"), 4),
        (("Kinds are:", "(i) the first", "(ii) the second"), 3),
        (("The steps:", "1. Mix it.", "2. Heat it."), 3),
        (("The steps:", " 9. Mix it.", "10. Heat it."), 3),  # aligned at their text
        (("as shown in chapter", "2. Then it grows"), 1),  # no item before or after it
        (("by", "A. Smith and", "B. Jones"), 1),  # initials of names
        (("it costs 3", "a.m. and", "b.m. or so"), 1),
        (("a) one", "   b) another"), 1),  # another margin
        (("the cells that divide", "Figure 2: A cell."), 2),
        (("the cells that divide", "CHART 2: A cell."), 2),  # as a figure's labels know it
        (("the cells that divide as in", "figure 2: a cell."), 1),
        (("the cells divide.", "Fig. 2. A cell."), 2),
        (("the cells divide, as in", "Fig. 2. Then they grow."), 1),
    ],
)  # fmt: skip
def test_items_of_lists_and_captions_are_blocks(lines, blocks):
    assert page(*lines).text.count("\n") == blocks - 1


@pytest.mark.parametrize(
    ("above", "below", "fonts", "is_heading"),
    [
        ("A heading", "the text of it goes on", "Roman-Bold Roman", True),
        ("A heading", "the text of it goes on", "Sans Roman", True),  # it ends early
        ("A heading of a text ..", "the text of it goes on", "SFBX1095 Roman", True),  # bold
        ("A heading of a text ..", "the text of it goes on", "Sans Roman", False),
        ("A heading of the tex", "the text of it goes on", "Sans Roman", False),  # by a tenth
        ("A heading of the t", "the text of it goes on", "Sans Roman", True),
        ("A heading", "the text of it goes on", "Roman Roman", False),
        ("a heading", "the text of it goes on", "Roman-Bold Roman", False),
        ("A head", "the text of it goes on", "Roman-Bold Roman", False),  # five letters
        ("A heads", "the text of it goes on", "Roman-Bold Roman", True),
        ("A heading", "of it.", "Roman-Bold Roman", False),
    ],
)  # fmt: skip
def test_a_line_in_another_font_is_a_heading_if_it_is_bold_or_ends_early(
    above, below, fonts, is_heading
):
    text = page("Before it there is some text", above, below)
    lines = []
    fonts_of = {}
    for row, font in enumerate(("Roman", *fonts.split())):
        bottom = 700.0 - row * HIGH
        chars = [char for char in text.chars if char.bottom == bottom]
        for char in chars:
            fonts_of[char.char_index] = font
        lines.append(Line(chars, row * HIGH))
    starts = find_block_starts(lines, fonts_of.__getitem__)
    assert (lines[2].chars[0] in starts) is is_heading


TEXT = ("The cell", "divides in", "two halves", "of one", "size.")


def numbered(first: int, step: int = 1, lines: tuple[str, ...] = TEXT) -> list[str]:
    """Lines with their numbers in the left margin, every `step`th has one."""
    numbers = range(first, first + len(lines))
    return [
        f"{number if number % step == 0 else '':>4}  {line}"
        for number, line in zip(numbers, lines, strict=True)
    ]


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (numbered(1), "The cell divides in two halves of one size."),
        (numbered(8), "The cell divides in two halves of one size."),
        (numbered(101), "The cell divides in two halves of one size."),
        (["A running head", *numbered(101)], "The cell divides in two halves of one size."),
        ([f"{line:<12}{8 + row:>3}" for row, line in enumerate(TEXT)],
         "The cell divides in two halves of one size."),  # in the right margin
        (numbered(1, 5, TEXT * 5), "The cell divides in two halves of one size."),
        (numbered(1, lines=TEXT[:4]), "1 The cell 2 divides in 3 two halves 4 of one"),
        ([*TEXT, *numbered(1990)], "1991 divides in"),  # a table within a text
        ([f"{year:>4}  a line" for year in (4, 19, 3, 77, 5)], "19 a line"),
        # numbers of points, each of which has two lines
        ([f"{n // 2 + 1 if n % 2 == 0 and n < 9 else '':>4}  line" for n in range(12)], "1 line line 2 line"),
    ],
)  # fmt: skip
def test_numbers_that_count_lines_in_a_margin_are_no_text(lines, shown):
    text = " ".join(page(*lines).text.split())
    assert shown in text


@pytest.mark.parametrize(
    ("left", "right", "document", "keeps"),
    [
        ("re", "call", "", False),
        ("co", "operate", "they co-operate", True),
        ("co", "operate", "they cooperate, co-operate and cooperate", False),
        ("self", "government", "", True),
        ("high", "light", "", False),
        ("X", "ray", "", True),
        ("twenty", "first", "", True),
        ("twenty", "something", "", False),
        ("1990", "2000", "", True),
        ("anti", "German", "", True),
        ("state-of", "the-art", "", True),
    ],
)
def test_where_a_hyphen_at_a_line_end_stays(left, right, document, keeps):
    assert Spelling([document]).should_keep_hyphen(left, right) is keeps


@pytest.mark.parametrize(
    ("above", "below", "shown"),
    [
        ("the high-", "light here", "the highlight here"),
        ("the cells (in-", ") here", "the cells (in-) here"),
        ("the pre-", "“war” years", "the pre-“war” years"),
    ],
)
def test_a_hyphen_stays_before_a_sign(above, below, shown):
    assert page(above, below).text == shown


@pytest.mark.parametrize(
    ("x", "y", "is_inside"),
    [(10, 10, True), (3, 10, True), (17, 10, True), (3, 3, False), (17, 17, False)],
)
def test_a_slanted_quad_holds_what_lies_between_its_sides(x, y, is_inside):
    [slanted] = build_quads((10, 20, 0, 10, 10, 0, 20, 10), None)
    char = Char(0, "a", False, x, y, x, y, x, y, 1, 1)
    assert slanted.contains(char) is is_inside


@pytest.mark.parametrize(
    ("font", "height", "words"),
    [
        ("Times-Roman", HIGH, "of jumping"),  # the font says that its letters are wider
        ("CMMI10", HIGH, "ofjumping"),  # an overhang in a formula
        ("Times-Roman", 0.6 * HIGH, "ofjumping"),  # raised, or lowered
    ],
)
def test_letters_that_touch_are_of_one_word_in_formulas(font, height, words):
    chars = page("ofjumping")._all_chars[:-2]
    chars[2:] = [
        char._replace(
            char_index=char.char_index + 1, height=height, top=char.bottom + height
        )
        for char in chars[2:]
    ]
    blank = chars[1]._replace(char_index=2, text=" ", is_generated=True)
    text = PageText([*chars[:2], blank, *chars[2:]], Spelling([""]), lambda _: font)
    assert text.text == words


@pytest.mark.parametrize(
    ("line", "font", "is_misread"),
    [
        ("takes $(#2) memory", "NewTXMI", True),  # O(N2), by a font without a table
        ("in ⇥(N)", "txmiaX", True),  # Θ
        ("takes 5 $ & more", "Times-Roman", False),
        ("f(x) = 3(a + b)!", "CMMI10", False),
        ("!#$%&' =? A", "", True),  # a formula that TeX drew
        ("a & b", "", False),
    ],
)
def test_signs_that_no_formula_has_show_a_font_without_a_table(line, font, is_misread):
    text = PageText(page(line)._all_chars, Spelling([""]), lambda _: font)
    assert text.has_misread_letters([text.chars]) is is_misread


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("²This style is called algebraic.", "This style is called algebraic."),
        ("⁴To illustrate it", "To illustrate it"),
        ("¹² See below.", "See below."),
        ("¹⁴C dates the wood.", "¹⁴C dates the wood."),
        ("³He is rare.", "³He is rare."),
        ("⁶⁰Co decays.", "⁶⁰Co decays."),
        ("²nd of May", "²nd of May"),
        ("10⁵ cells", "10⁵ cells"),
    ],
)
def test_the_number_of_a_footnote_is_no_part_of_it(text, words):
    assert strip_footnote_number(text) == words


def beside(first: str, second: str, gap: float, rise: float = 0.0) -> list[Char]:
    """Two characters on a line, the second one so far behind the first, and so much higher."""
    width = height = 10.0
    chars = []
    for number, (sign, left, low) in enumerate(
        ((first, 0.0, 0.0), (second, width + gap, rise))
    ):
        box = (left, low, left + width, low + height)
        centre = (left + width / 2, low + height / 2)
        chars.append(Char(number, sign, False, *box, *centre, width, height))
    return chars


@pytest.mark.parametrize(
    ("first", "second", "gap", "rise", "misread"),
    [
        ("\u0915", "\u0916", 0.0, 0.0, False),
        ("\u0915", "\u0916", 1.2, 0.0, False),
        ("\u0915", "\u0916", 1.4, 0.0, True),  # PDFium overlooks a blank
        ("\u0915", "\u0916", 1.4, 10.0, False),  # of another line
        ("a", "b", 1.4, 0.0, False),
        ("\u0915", "\u0915", -8.0, 0.0, True),  # one letter on itself
        ("\u0915", "\u0916", -8.0, 0.0, False),
    ],
)
def test_letters_of_indian_scripts_that_stand_apart_in_a_word_are_misread(
    first, second, gap, rise, misread
):
    assert has_misread_letters(beside(first, second, gap, rise)) is misread


@pytest.mark.parametrize(
    ("text", "misread"),
    [
        ("\u0643\u062a\u0627\u0628", False),
        ("\u0629\u0645\u0644\u0643", True),  # no word begins so
        ("\u0915$", True),  # a sign that stands for no letter
        ("a$", False),
    ],
)
def test_letters_in_the_order_of_print_are_misread(text, misread):
    chars = [beside(sign, "", 0.0)[0] for sign in text]
    assert has_misread_letters(chars) is misread


@pytest.mark.parametrize(
    ("accent", "letter", "rise", "aside", "shown"),
    [
        ("\u00a8", "o", 3.0, 0.0, "\u00f6"),
        (
            "\u00b4",
            "\u0131",
            3.0,
            0.0,
            "\u00ed",
        ),  # TeX prints it above an i without a dot
        ("\u00a8", "o", 6.1, 0.0, ""),  # above another line
        ("\u00a8", "o", 3.0, 5.1, ""),  # beside it
        ("\u00a8", "1", 3.0, 0.0, ""),
        ("\u00a8", "q", 3.0, 0.0, ""),  # there is no such letter
    ],
)
def test_an_accent_above_its_letter_is_a_part_of_it(accent, letter, rise, aside, shown):
    first, second = beside(accent, letter, -10.0 + aside, -rise)
    above = PrintedChar(first, 0, None)
    below = PrintedChar(second, 1, above)
    found = [combined for _, _, combined in find_separate_accents([above, below])]
    assert found == ([shown] if shown else [])


# --- where the words of a mark stand ---------------------------------------------------------

TWICE = page("the cell divides", "the cell, too", "and grows")
SECOND = (0.0, 688.0, 99.0, 700.0)
"""A box around the second line."""


@pytest.mark.parametrize(
    ("text", "words", "box", "found"),
    [
        (TWICE, "cell divides", None, ["cell divides"]),
        (TWICE, "CELL  DIVIDES", None, ["cell divides"]),
        (TWICE, "cell", None, ["cell"]),
        (TWICE, "cell", SECOND, ["cell"]),
        (TWICE, "cell,", SECOND, ["cell,"]),
        (TWICE, "(cell)", None, ["cell"]),  # signs that the page doesn't have there
        (page("a → b"), "→", None, ["→"]),
        (TWICE, "→", None, []),
        (TWICE, "", None, []),
        # the beginning, of twelve letters at least
        (page("mitochondria, x"), "mitochondria chloroplasts", None, ["mitochondria"]),
        (page("mitochondri, x"), "mitochondri chloroplasts", None, []),
        (page("cell"), "cells", None, []),
    ],
)  # fmt: skip
def test_where_the_words_of_a_mark_stand(text, words, box, found):
    span = _find_mark_span(text, PageHighlight(words, box))
    assert [text.text[slice(*span)] for _ in found] == found if span else not found


def test_of_several_places_it_is_the_one_in_the_box_else_the_first():
    starts = [
        _find_mark_span(TWICE, PageHighlight("cell", box))[0] for box in (None, SECOND)
    ]
    assert starts == [4, TWICE.text.index("cell,")]


# --- running heads and feet ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "top", "bottom"),
    [
        ("", "", ""),
        ("a", "a", ""),  # a line alone is at the top
        ("a b", "a", "b"),
        ("a b c d", "a", "d"),  # hardly any text
        ("a b c d e", "a b", "e d"),
        ("a - b c d - e", "a b", "e d"),  # lines without words are none
    ],
)
def test_the_lines_at_the_edges_of_a_page(lines, top, bottom):
    text = "\n".join(line.replace("-", "  ") for line in lines.split())
    edges = list(_find_edge_lines(text))
    assert [edge.text for edge in edges if edge.at_top] == top.split()
    assert [edge.text for edge in edges if not edge.at_top] == bottom.split()


def test_a_long_line_is_no_running_head():
    edges = [edge.text for edge in _find_edge_lines(f"{'a' * 150}\n{'b' * 151}")]
    assert edges == ["a" * 150]


@pytest.mark.parametrize(
    ("left", "top", "letter"), [(0, 712, "t"), (24, 694, "g"), (90, 690, "n")]
)
def test_a_note_belongs_to_the_letter_beside_its_upper_left_corner(left, top, letter):
    read = PdfPage(0, page("the cell divides", "and grows again"), (0, 0))
    note = SimpleNamespace(is_text_mark=False, top_left=(left, top))
    located = locate_mark(read, note)
    assert located.first_char.text == letter
    assert located.covered is None
