"""Scripts whose letters a PDF may hold in another order or number than its page shows.

Arabic and Hebrew are put right by the places of their letters. In scripts of India and
South-East Asia a glyph stands for several letters, and many programs write the letters of one
twice, or none of them; PDFium then guesses where a word ends. Such words are recognised, so
that no card is made of them.

Tested by `tests/extract/test_pdfs.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.pdf.text import Char

_RIGHT_TO_LEFT = regex(
    "[\u0591-\u05f2\u0620-\u065f\u0670-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff"
    "\ufb1d-\ufefc\u200c]{2,}"
)
_NO_JOINER = "\u200c"
_SWAPPED = frozenset(("ال", "أل", "إل", "آل"))
# What no word of Arabic, Persian or Hebrew begins with, and an article before an alef.
_BACKWARDS = regex(r"(?<![^\W_])[ةىךםןףץ]\w|\b[وفبك]?ا[اأإآ]ل")
_CLUSTERED = regex("[\u0900-\u109f\u1780-\u17ff]")
# A sign that stands for no letter, behind a letter.
_DEBRIS = regex(
    "[\u0900-\u109f\u1780-\u17ff](?:[\x00-\x08\x0e-\x1f\ue000-\uf8ff]"
    "|[!-&*+0-9;<=>@(][\u0900-\u109f\u1780-\u17ff]|[#$%&*+0-9<=>@](?:\\s|$))"
)
# A number at the end of a sentence: PDFium puts the stop before it.
_STOPPED_NUMBER = regex(
    r"(?<=[\u0590-\u08ff] )([.,:;!?\u061b\u061f])(\d[\d.,/%]*)(?=\s|$)"
)
_BLANK = " \u00a0\r\n"
SMALL = 0.8
"""Height of a box around the ink of a letter, at most, in heights of its line."""
NO_GAP = 0.13
"""Gap between letters of one word, at most, in heights of their line."""
REPEATED = 8
"""Letters after a glyph among which it may come again."""


def righted(chars: list[Char], text: str) -> list[Char]:
    """Return characters with words that run from right to left in the order of reading.

    Some programs hold them as they are printed, from left to right, and turn the ligature of
    lam and alef around. `text` is theirs.
    """
    for word in _RIGHT_TO_LEFT.finditer(text):
        start, end = word.span()
        letters = chars[start:end]
        if letters[0].x < letters[-1].x:
            letters.reverse()
        for place, (first, second) in enumerate(pairwise(letters)):
            if (first.left, first.right) != (second.left, second.right):
                continue
            if first.text + second.text in _SWAPPED or second.text == _NO_JOINER:
                letters[place] = first._replace(text=second.text)
                letters[place + 1] = second._replace(text=first.text)
        for number, letter in enumerate(letters, start):
            chars[number] = letter._replace(number=number)
    for sentence_end in _STOPPED_NUMBER.finditer(text):
        start, end = sentence_end.span()
        stop, *digits = chars[start:end]
        if stop.x < digits[0].x:
            for place, char in enumerate([*digits, stop], start):
                chars[place] = char._replace(number=place)
    return chars


def is_misread(chars: Sequence[Char]) -> bool:
    """Return whether the letters of a passage are not those that its page shows."""
    text = "".join(char.text for char in chars)
    if _BACKWARDS.search(text) or _DEBRIS.search(text):
        return True
    letters = [char for char in chars if char.text not in _BLANK]
    clustered = [char for char in letters if _CLUSTERED.match(char.text)]
    if not clustered:
        return False
    height = max(char.height for char in clustered)
    for number, char in enumerate(letters):
        for other in letters[max(number - REPEATED, 0) : number]:
            if other.text == char.text and other.left <= char.x <= other.right:
                return True
    for left, right in pairwise(letters):
        if _CLUSTERED.match(left.text) and _CLUSTERED.match(right.text):
            first = left.number - chars[0].number + 1
            between = chars[first : right.number - chars[0].number]
            if _is_parted_wrongly(left, between, right, height):
                return True
    return False


def _is_parted_wrongly(
    left: Char, between: Sequence[Char], right: Char, height: float
) -> bool:
    """Return whether PDFium guesses a blank between two letters of a line, or overlooks one."""
    if abs(right.y - left.y) >= height:
        return False
    gap = right.left - left.right
    if not between:
        return gap > NO_GAP * height
    if not any(char.generated for char in between):
        return False
    return gap < NO_GAP * height or min(left.height, right.height) < SMALL * height
