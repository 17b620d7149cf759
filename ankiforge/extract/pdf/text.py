"""The text of a page: characters with their places, joined in reading order.

Lines are joined, hyphens at line ends resolved, blocks kept apart, superscripts and subscripts kept,
and accents that TeX prints separately combined with their letters.

Boxes are in unrotated user space, like /QuadPoints and /Rect: nothing has to be corrected for
/Rotate, CropBox, the origin of MediaBox or UserUnit.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from ctypes import byref, create_string_buffer
from functools import cached_property, partial
from itertools import groupby, pairwise
from math import hypot, pi
from statistics import median
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfiumError, PdfPage, PdfTextPage

from ankiforge.model import Value
from ankiforge.text import regex

FAULTS = (PdfiumError, ValueError, TypeError, LookupError, ArithmeticError, OSError)
"""What is raised for damaged and hostile files."""

# --- clean text -----------------------------------------------------------------------------

_SWAPPED_LETTERS = {chr(ord(letter) << 8): letter for letter in "fijlt"}
_SWAPPED = regex(
    "(?<=[A-Za-z])[{0}]{{2,3}}|[{0}]{{2,3}}(?=[A-Za-z])".format("".join(_SWAPPED_LETTERS))
)
_CONTROLS = [chr(code) for code in (*range(32), *range(127, 160)) if code != 10]
_LETTERS = str.maketrans(
    dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
    | dict.fromkeys("\u00a0\u2007\u202f", " ")
    | dict.fromkeys("\u00ad\u200b\ufeff", "")
    | {sign: " " if sign.isspace() else "" for sign in _CONTROLS}
)
_SPACES = regex(r"[^\S\n]+")
_AROUND_BREAK = regex(r" ?\n[ \n]*")


def unswapped(text: str) -> str:
    """Return the text with ligatures corrected whose two bytes Ghostscript 10.0 swapped.

    It writes a\u6600\u6600airs for affairs. Such characters never stand in pairs beside Latin
    letters otherwise. The length stays the same.
    """
    return _SWAPPED.sub(lambda found: "".join(_SWAPPED_LETTERS[one] for one in found[0]), text)


def clean(text: str) -> str:
    """Return text fit for storage: no control characters or lone surrogates, NFC, single spaces.

    Line breaks stay. Ligatures become letters; NFKC would change too much ("m²").
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = unicodedata.normalize("NFC", whole.replace("\r\n", "\n").replace("\r", "\n"))
    return _SPACES.sub(" ", whole.translate(_LETTERS))


def one_line(text: str) -> str:
    """Return the clean text on one line, stripped."""
    return " ".join(clean(text).split())


def flowing(text: str) -> str:
    """Return the clean text with line breaks only between blocks; spaces at its ends stay."""
    return _AROUND_BREAK.sub("\n", clean(text))


# --- hyphens --------------------------------------------------------------------------------

_WORD = regex(r"\w+(?:[-\u2010]\w+)*")
# A word broken at a line end, which does not show how it is spelt.
_BROKEN = regex(r"(?<!\S)[^\s\x02\ufffe]*(?:[\x02\ufffe]|[\xad-](?=\s*[\r\n]))\s*\S*")
_LAST_WORD = regex(r"[\w\u2010-]+$")
_FIRST_WORD = regex(r"[\w\u2010-]+")
WORD = 60
"""Characters in a word, at most."""
# Words in the middle of a compound (state-of-the-art, end-to-end), never parts of a word.
_WITHIN = frozenset(["and", "by", "for", "in", "of", "on", "or", "the", "to"])
# compiled only when a document leaves a hyphen undecided
# Words that begin a compound more often than a longer word.
_FIRST = (
    r"(?:self|cross|well|long|short|high|low|real|mixed|large|small|full|half|open|closed|single"
    r"|double|two|three|four|five|six|eight|zero|first|second|third|higher|lower|fine|coarse|near"
    r"|state|data|time)"
)
# What follows them in longer words: high-light, short-ening, real-istic, time-table.
_ENDING = (
    r"(?:ness|less|ment|fold|teen|een$|ish|ary|ly$|ing|ed$|en|er|est$|age|i[sz]|iti?[eyu]|land|way"
    r"|light|road|over|word|base|set|table|line|house|hand|wise|coming|ton|born|mente)"
)
# Words that end a compound, after a whole word.
_SECOND = (
    r"(?:based|oriented|dependent|driven|specific|related|dimensional|aware|sized|valued|like|shaped"
    r"|free|independent|induced|mediated|level)"
)
_PREFIX = r"(?:un|in|dis|inter|over|under|co|re|mis|non|pre|de|a|be|out|up|or|as)"


def _last_word(text: str) -> str:
    """Return the word, with its inner hyphens, at the end of a text."""
    return (_LAST_WORD.search(text[-WORD:]) or ("",))[0]


class Spelling:
    """How a document spells its words, counted over all of its pages on first use."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._pages = pages

    @cached_property
    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for page in self._pages:
            words = _WORD.findall(_BROKEN.sub(" ", page).lower().replace("\u2010", "-"))
            counts.update(words)
            for word in words:
                parts = word.split("-")
                if len(parts) > 2:
                    counts.update(f"{left}-{right}" for left, right in pairwise(parts))
        return counts

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Return whether a line broken as left-, right spells `left-right`, not `leftright`.

        The rest of the document decides if it contains either form (three cases of four).
        Otherwise a capital or digit after the break keeps the hyphen, and so do words that form
        compounds.
        """
        counts, left, right = (
            self._counts,
            left.replace("\u2010", "-"),
            right.replace("\u2010", "-"),
        )
        inner, outer = left.rpartition("-")[2].lower(), right.partition("-")[0].lower()
        for one, two in ((left, right), (inner, outer)):
            joined, hyphened = counts[f"{one}{two}".lower()], counts[f"{one}-{two}".lower()]
            if joined or hyphened:
                return hyphened > joined
        if (
            ("-" in left and ((counts[inner] and counts[outer]) or inner in _WITHIN))
            or ("-" in right and outer in _WITHIN)
            or right[0].isupper()
            or right[0].isdigit()
        ):
            return True
        # compounds that English writes with a hyphen, though the document never shows it
        if re.fullmatch(_FIRST, inner):
            return len(outer) > 2 and outer != inner and not re.match(_ENDING, outer)
        known = re.fullmatch(_SECOND, outer) and not re.fullmatch(_PREFIX, inner)
        return bool(known and counts[inner])


# --- characters -----------------------------------------------------------------------------

BREAKS = frozenset("\r\n")
BLANKS = frozenset("\r\n\t \x00\u00a0\u2007\u202f")
MARKERS = frozenset("\x02\ufffe\u00ad")
"""PDFium's signs for a hyphen at a line end, and the soft hyphen."""
HYPHENS = frozenset("-\u2010") | MARKERS
SLACK = 0.2
"""Distance of letters printed twice, at most, relative to their width."""
CELL = 16.0
"""Side of the squares by which they are looked up, in points."""
MOST_NEAR = 64
"""Equal characters compared per square: a page with more exists only to waste time."""
SAMPLE = 100
"""Characters of a page, approximately, that decide in which direction its text runs."""


class Char(NamedTuple):
    """One character; lengths in points. The box is as high as the font, not the glyph."""

    place: int
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


def upright_text(page: PdfPage) -> PdfTextPage:
    """Return the text of a page, turned so that most of its letters are upright.

    PDFium reads lines that run down the page from last to first. Turning the page makes the
    text, and with it every key, independent of how somebody rotated the page.
    """
    text = page.get_textpage()
    count = text.count_chars()
    turns = Counter(
        round(-pdfium_c.FPDFText_GetCharAngle(text.raw, index) / (pi / 2)) % 4
        for index in range(0, count, max(1, count // SAMPLE))
    )
    turned = 90 * turns.most_common(1)[0][0] if turns else page.get_rotation()
    if turned == page.get_rotation():
        return text
    text.close()
    page.set_rotation(turned)
    return page.get_textpage()


def page_chars(page: PdfTextPage) -> list[Char]:
    """Return all characters of a page, including white space and line breaks."""
    raw, box = page.raw, pdfium_c.FS_RECTF()
    at = byref(box)
    code_of, box_of = pdfium_c.FPDFText_GetUnicode, pdfium_c.FPDFText_GetLooseCharBox
    chars, made = list[Char](), partial(tuple.__new__, Char)  # faster than the class
    for place in range(page.count_chars()):  # runs for each letter of a document: keep it fast
        code = code_of(raw, place)
        if not box_of(raw, place, at):
            chars.append(Char(place, "\x00", True, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.1))
            continue
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        x, y, wide, high = (left + right) / 2, (bottom + top) / 2, right - left, top - bottom
        text = chr(code) if code <= 0x10FFFF else "\ufffd"
        if (code < 32 and text not in BREAKS and code != 9) or code == 96:
            text = _letter(raw, place, code, wide / (high or 1.0))
        generated = text in BLANKS and bool(pdfium_c.FPDFText_IsGenerated(raw, place))
        wide, high = wide if wide > 0.1 else 0.1, high if high > 0.1 else 0.1
        chars.append(made((place, text, generated, left, bottom, right, top, x, y, wide, high)))
    text = "".join([char.text for char in chars])
    right_text = unswapped(text)
    if right_text != text:
        chars = [c._replace(text=sign) for c, sign in zip(chars, right_text, strict=True)]
    return chars


_ITALIC = "ΓΔΘΛΞΠΣΥΦΨΩαβγδϵζηθικλμνξπρστυφχ"
# The first characters of TeX's encodings of maths, which its fonts often do not map to Unicode.
_SYMBOLS = "−·×∗÷⋄±∓⊕⊖⊗⊘⊙○∘∙≍≡⊆⊇≤≥⪯⪰∼≈⊂⊃≪≫≺≻"
_ITALIC_FONT = rb"(?:CMMI|NewTXMI|RMTMI)|.*Math-?Italic"
_SYMBOL_FONT = rb"(?:CMB?SY|txsy)|.*Math.*-Symbol"
NARROW = 0.6
"""Width of ℓ, at most, relative to its height. Distiller gives it the code of the broad Δ."""


def _letter(raw: Any, place: int, code: int, wide: float) -> str:
    """Return what a character shows whose code is a control character, or the ` that may be ℓ."""
    font = create_string_buffer(64)
    pdfium_c.FPDFText_GetFontInfo(raw, place, font, len(font), None)
    ell = code == 96 or (code == 1 and wide < NARROW)
    if re.match(_ITALIC_FONT, font.value) and (ell or not font.value.startswith(b"RMTMI")):
        return "ℓ" if ell else _ITALIC[code]
    return _SYMBOLS[code] if code < 32 and re.match(_SYMBOL_FONT, font.value) else chr(code)


def visible(chars: list[Char]) -> Iterator[Char]:
    """Yield the visible characters; letters printed twice to look bold count once.

    A ligature that PDFium splits yields several characters in the same box that follow one
    another: all of them stay.
    """
    printed: dict[tuple[str, float, float], list[Char]] = {}  # by character and square
    for char in chars:
        _, text, generated, left, bottom, _, _, _, _, width, _ = char
        if generated or text in BLANKS:
            continue
        sign = "-" if text in HYPHENS else text
        slack = SLACK * width if SLACK * width < CELL else CELL
        first, last = (left - slack) // CELL, (left + slack) // CELL
        low, high = (bottom - slack) // CELL, (bottom + slack) // CELL
        cell = near = printed.setdefault((sign, left // CELL, bottom // CELL), [])
        if first != last or low != high:
            cells = {(sign, x, y) for x in (first, last) for y in (low, high)}
            near = [one for at in cells for one in printed.get(at, ())]
        if near and any(
            abs(one.left - left) < slack
            and abs(one.bottom - bottom) < slack
            and abs(one.width - width) < slack
            and (char.place - one.place > 1 or one.left != left)
            for one in near
        ):
            continue
        cell.append(char)
        if len(cell) > MOST_NEAR:
            del cell[0]
        yield char


CJK = regex("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
"""Text in this script is joined across lines without a space."""


def is_rtl(characters: str) -> bool:
    """Return whether most of the characters run from right to left."""
    counts = Counter(characters).items()
    rtl = sum(n for one, n in counts if unicodedata.bidirectional(one) in ("R", "AL"))
    return rtl * 2 > len(characters)


# --- accents --------------------------------------------------------------------------------

_MARKS = "\u0301\u0300\u0308\u0302\u0303\u0304\u0306\u0307\u030a\u030b\u030c\u0327\u0328"
_COMBINING = dict(zip("´`¨ˆ˜¯˘˙˚˝ˇ¸˛", _MARKS, strict=True))
_DOTLESS = {"ı": "i", "ȷ": "j"}
LEVEL = 0.6
"""Vertical distance of accent and letter, at most, in heights: capitals raise the accent."""


def accented(seen: Sequence[Char]) -> Iterator[tuple[int, int, str]]:
    """Yield (place of an accent, place of its letter, both combined), for horizontal lines.

    TeX prints an accent of its own before or after its letter; its centre is within the letter's
    width.
    """
    taken = set()
    for at, accent in enumerate(seen):
        if accent.text not in _COMBINING:
            continue
        beside = [one for one in (at + 1, at - 1) if 0 <= one < len(seen) and one not in taken]
        for place in sorted(beside, key=lambda one: abs(seen[one].x - accent.x)):
            letter = seen[place]
            level = abs(accent.y - letter.y) < LEVEL * max(accent.height, letter.height)
            if letter.left <= accent.x <= letter.right and level and letter.text.isalpha():
                base = _DOTLESS.get(letter.text, letter.text)
                whole = unicodedata.normalize("NFC", base + _COMBINING[accent.text])
                if len(whole) == 1:
                    taken.add(place)
                    yield (at, place, whole)
                    break


# --- the text of a page ---------------------------------------------------------------------

BLOCK_GAP = 1.5
"""A step down this many times the usual one begins a new block."""
WIDEST_STEP = 2.2
"""Lines with a larger step, in heights of their letters, are blocks of their own."""
BULLETS = frozenset("•‣▪◦●○■□▸►◆\uf0b7\uf0a7")
SIZE_CHANGE = 1.15
"""A line whose letters are larger or smaller by this factor begins a block, too."""
_SIGNS = "0123456789+-\u2212\u2013n,"
RAISED = dict(zip(_SIGNS, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ,", strict=True))
LOWERED = dict(zip(_SIGNS, "₀₁₂₃₄₅₆₇₈₉₊₋₋₋ₙ,", strict=True))
"""10⁵ must not become 105. NFKC maps both back, so that keys do not depend on it."""
SMALLER = 0.85
"""Height of superscripts and subscripts, at most, relative to their line."""
LEAST_LETTERS = 6
"""Different letters in code, at least: `1984` and `2001` are of one width in any font."""
MOST_BLANKS = 80
"""Blanks between two letters of code, at most."""
OFF_LINE = 0.1
"""Vertical distance of such a sign from its base, at least, in heights of the base."""


NOTHING, BLANK, LINE = range(3)
"""What lies between two consecutive visible characters."""


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

    Places within a page are indices into `seen`; `span` converts them to offsets in `text`.
    """

    def __init__(self, chars: list[Char], spelling: Spelling) -> None:
        self._chars = chars
        self._spelling = spelling
        self.seen = list(visible(chars))
        self._gaps = [LINE]
        self._gaps += [
            NOTHING
            if two.place == one.place + 1 and one.text not in MARKERS
            else self._gap(one, two)
            for one, two in pairwise(self.seen)
        ]
        pairs = zip(pairwise(self.seen), self._gaps[1:], strict=False)
        steps = usual_step([pair for pair, gap in pairs if gap is NOTHING])
        turn = -1 if is_rtl("".join(one.text for one in self.seen)) else 1
        self.direction = (turn * steps[0], turn * steps[1])
        """The unit vector along which most lines run, written from left to right."""
        across = abs(self.direction[0]) > 0.9
        # The text of each character.
        self._shown = ["-" if one.text in MARKERS else one.text for one in self.seen]
        for accent, letter, whole in accented(self.seen if across else ()):
            self._gaps[max(accent, letter)] = NOTHING
            self._shown[accent], self._shown[letter] = "", whole
        self.lines = self._lines()
        for at, sign in self._off_line(self.lines if across else ()):
            self._shown[at] = sign
        blocks = self._block_starts()
        self.text, self._starts = self._joined(
            range(len(self.seen)),
            lambda at, then, before: "\n" if then in blocks else self._glue(before, at, then),
        )

    # --- lines

    def _gap(self, left: Char, right: Char) -> int:
        """Return what lies between two characters that do not follow one another directly."""
        marker = left.text in MARKERS
        between = self._chars[left.place + 1 : right.place]
        between = [one for one in between if one.generated or one.text in BLANKS]
        touching = all(one.generated for one in between) and _touch(left, right)
        if touching and not marker:
            return NOTHING
        if marker or any(one.text in BREAKS for one in between):
            return LINE
        apart = abs(left.y - right.y) > 0.4 * max(left.height, right.height)
        return LINE if apart and (left.text in HYPHENS or not between) else BLANK

    def _lines(self) -> list[Line]:
        across, along = self.direction
        edges = [at for at, gap in enumerate(self._gaps) if gap is LINE] if self.seen else []
        lines = []
        for start, end in pairwise([*edges, len(self.seen)]):
            chars = self.seen[start:end]
            heights = sorted(one.height for one in chars)
            depth = median([along * one.x - across * one.y for one in chars])
            lines.append(Line(start, end, median(heights), heights[0], depth))
        return lines

    def _off_line(self, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
        """Yield (place, sign) for digits and signs set small above or below their line."""
        for line in lines:
            least = SMALLER * line.height
            if line.lowest > least:
                continue
            places = range(line.start, line.end)
            for small, run in groupby(places, lambda at: self.seen[at].height <= least):  # noqa: B023
                some = list(run)
                base = self._base(some, line) if small else None
                if base is None:
                    continue
                for side, together in groupby(some, partial(self._side, base)):
                    # in e^(-t/S) only the minus has a superscript: convert all of them, or none
                    group = list(together)
                    shapes = RAISED if side > 0 else LOWERED
                    signs = [shapes.get(self.seen[at].text, "") for at in group]
                    if side and all(signs):
                        yield from zip(group, signs, strict=True)

    def _base(self, places: list[int], line: Line) -> Char | None:
        """Return the character on their line that these touch, preferably before them."""
        first, after = places[0], places[-1] + 1
        if first > line.start and self._gaps[first] is NOTHING:
            return self.seen[first - 1]
        touching = after < line.end and self._gaps[after] is NOTHING
        return self.seen[after] if touching else None

    def _side(self, base: Char, at: int) -> int:
        """Return 1 if a character is raised, -1 if lowered, 0 if level with its base."""
        above = (self.seen[at].y - base.y) / base.height
        up = above if self.direction[0] > 0 else -above
        return 0 if abs(up) < OFF_LINE else (1 if up > 0 else -1)

    def _block_starts(self) -> set[int]:
        """Return the places at which lines begin that do not continue the line before."""
        steps = [two.depth - one.depth for one, two in pairwise(self.lines)]
        down = [
            step
            for step, line in zip(steps, self.lines, strict=False)
            if 0.4 * line.height < step < 4 * line.height
        ]
        usual = median(down) if down else float("inf")
        return {
            two.start
            for (one, two), step in zip(pairwise(self.lines), steps, strict=True)
            if step > BLOCK_GAP * min(usual, WIDEST_STEP * two.height)
            or (
                min(one.end - one.start, two.end - two.start) >= 3
                and not 1 / SIZE_CHANGE <= two.height / one.height <= SIZE_CHANGE
            )
            or self.seen[two.start].text in BULLETS
        }

    # --- text

    def _joined(
        self, places: Iterable[int], glue: Callable[[int, int, list[str]], str | None]
    ) -> tuple[str, list[int]]:
        """Return the text of characters and the offset of each; glue None drops a hyphen."""
        parts, starts, length, previous = list[str](), list[int](), 0, -2
        for at in places:
            if parts and not (at == previous + 1 and self._gaps[at] is NOTHING):
                between = glue(previous, at, parts)
                if between is None:
                    length -= len(parts[-1])
                    parts[-1] = ""
                parts.append(between or "")
                length += len(parts[-1])
            starts.append(length)
            parts.append(self._shown[at])
            length += len(parts[-1])
            previous = at
        return "".join(parts), starts

    def _glue(self, before: Sequence[str], at: int, then: int) -> str | None:
        """Return what joins characters of different words or lines; None: drop the hyphen."""
        left, right = self.seen[at], self.seen[then]
        if then == at + 1 and self._gaps[then] is BLANK:
            return " "
        if left.text in HYPHENS:
            word = _last_word("".join(before[-2 * WORD :])[:-1])
            return " " if not word else ("" if self._keeps_hyphen(word, then) else None)
        return "" if CJK.match(left.text) and CJK.match(right.text) else " "

    def _keeps_hyphen(self, left: str, then: int) -> bool:
        """Return whether to keep the hyphen between a word and the word that begins at `then`."""
        end = then + 1
        while end < min(len(self.seen), then + WORD) and self._gaps[end] is NOTHING:
            end += 1
        found = _FIRST_WORD.match("".join(one.text for one in self.seen[then:end])[:WORD])
        right = found[0].rstrip("-\u2010") if found else ""
        known = bool(right) and left[-1].isalnum()
        return not known or self._spelling.keeps_hyphen(left, right)

    def quote(self, segments: list[list[int]]) -> str:
        """Return the text of a passage: places in reading order, one list per printed line."""
        places = [at for segment in segments for at in segment]
        text, _ = self._joined(places, lambda at, then, _: self._between(at, then))
        return text[:-1] if places and self.seen[places[-1]].text in MARKERS else text

    def code(self, segments: list[list[int]]) -> str:
        """Return marked lines of code with their breaks and indents, "" for other text.

        Code is set in letters of one width, on a page most of whose letters are not.
        """
        places = [at for segment in segments for at in segment]
        chars = [self.seen[at] for at in places]
        if not any(self.line_ends(*pair) for pair in pairwise(places)) or self.direction[0] < 0.9:
            return ""
        if len({char.text for char in chars}) < LEAST_LETTERS or any(
            CJK.match(c.text) for c in chars
        ):
            return ""
        width = chars[0].width
        if any(abs(char.width - width) > 0.02 * width for char in chars):
            return ""
        if 2 * sum(abs(char.width - width) < 0.02 * width for char in self.seen) > len(self.seen):
            return ""
        start = min(char.left for char in chars)
        parts, edge, before = list[str](), start, places[0]
        for at, char in zip(places, chars, strict=True):
            if self.line_ends(before, at):
                parts.append("\n")
                edge = start
            blanks = min(max(round((char.left - edge) / width), 0), MOST_BLANKS)
            parts.append(" " * blanks + self._shown[at])
            edge, before = char.right, at
        return "".join(parts)

    def _between(self, at: int, then: int) -> str | None:
        """Return what joins two characters of a passage, between which some may be missing."""
        if at < then <= at + 8 and not self.line_ends(at, then):
            return " "
        start, after = self._starts[at], at + 1
        before = self.text[max(start - 2 * WORD, 0) : start] + self._shown[at]
        hyphen_cut_off = (  # the mark stops just before the hyphen that ends the line
            after < len(self.seen)
            and after != then
            and self.seen[after].text in HYPHENS
            and self._gaps[after] is NOTHING
            and (after + 1 == len(self.seen) or self._gaps[after + 1] is LINE)
            and self.seen[at].text.isalnum()
        )
        if hyphen_cut_off:
            return "-" if self._keeps_hyphen(_last_word(before), then) else ""
        return self._glue([before], at, then)

    def line_ends(self, at: int, then: int) -> bool:
        """Return whether a line ends between two places."""
        return LINE in self._gaps[at + 1 : then + 1]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return [start, end) in `text` of the characters from `first` to `last` inclusive."""
        start = self._starts[last]
        following = self._starts[last + 1] if last + 1 < len(self.seen) else len(self.text)
        return (self._starts[first], min(start + len(self._shown[last]), following))

    def place(self, offset: int) -> int:
        """Return the place of the character at an offset of `text`, or the last one before it."""
        return max(bisect_right(self._starts, offset) - 1, 0)


def usual_step(pairs: Iterable[tuple[Char, Char]]) -> tuple[float, float]:
    """Return the unit vector of the median step, which superscripts do not affect."""
    steps = list(pairs)
    across = median([two.x - one.x for one, two in steps]) if steps else 1.0
    along = median([two.y - one.y for one, two in steps]) if steps else 0.0
    length = hypot(across, along)
    return (across / length, along / length) if length > 1e-6 else (1.0, 0.0)


def _touch(left: Char, right: Char) -> bool:
    """Return whether two letters touch although PDFium separates them (at superscripts)."""
    high = max(left.height, right.height, 1.0)
    beside = min(abs(right.left - left.right), abs(left.left - right.right)) < 0.1 * high
    edges = abs(left.bottom - right.bottom) + abs(left.top - right.top)
    level = abs(left.y - right.y) < 0.6 * high and edges < 1.2 * high
    return beside and level and abs(left.x - right.x) < 3 * high
