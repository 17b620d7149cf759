"""Repair text extracted from PDFs: hyphens at line ends, footnote numbers and the order of letters.

In some PDFs, letters are stored in a different order than they are displayed, or twice, or not at
all. For Arabic and Hebrew, `restore_reading_order` restores the order from the positions of the
letters. In the scripts of India and South-East Asia, a glyph can stand for several letters, so the
text can't be restored. `has_misread_letters` detects such passages, and no cards are made from
them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

from ankiforge.extract.pdf.chars import Char
from ankiforge.text import regex

# Matches a superscript number before a word, which is the number of a footnote, but not the mass
# number of an isotope (³He, ⁷⁵As).
_NOTE_NUMBER = regex(
    r"(?:[¹²³⁴⁵⁶⁷⁸⁹](?!He\b|Li\b|Be\b)|[¹²³⁴⁵⁶⁷⁸⁹][⁰¹²³⁴⁵⁶⁷⁸⁹](?=\s?[^\W\d_]{3}))\s?(?=[^\W\d_]{2})"
)


def strip_footnote_number(text: str) -> str:
    """Strip a leading footnote number, e.g. the ² in `²This style …`."""
    number = _NOTE_NUMBER.match(text)
    if not number or not text[number.end()].isupper():
        return text
    return text[number.end() :]


# --- hyphens at line ends -------------------------------------------------------------


MAX_WORD_CHARS = 60
"""The maximum number of characters to search for the first or last word of a text."""

_WORD = regex(r"\w+(?:[-\u2010]\w+)*")
# Matches a word that is hyphenated at a line end, so its usual spelling is unknown.
_BROKEN_WORD = regex(
    r"(?<!\S)[^\s\x02\ufffe]*(?:[\x02\ufffe]|[\xad-](?=\s*[\r\n]))\s*\S*"
)
_LAST_WORD = regex(r"[\w\u2010-]+$")
_FIRST_WORD = regex(r"[\w\u2010-]+")
# Words in the middle of a compound, as in state-of-the-art and end-to-end.
_INNER_WORDS = frozenset(["and", "by", "for", "in", "of", "on", "or", "the", "to"])

# The next six patterns are only compiled for hyphenated words that occur nowhere else.
# Words that begin a compound more often than they begin a longer word.
_COMPOUND_STARTS = (
    r"(?:self|cross|well|long|short|high|low|real|mixed|large|small|full|half|open|closed"
    r"|single|double|two|three|four|five|six|eight|zero|first|second|third|higher|lower"
    r"|fine|coarse|near|state|data|time)"
)
# Endings of longer words that begin with one of those words: high-light, short-ening, real-istic.
_SUFFIXES = (
    r"(?:ness|less|ment|fold|teen|een$|ish|ary|ly$|ing|ed$|en|er|est$|age|i[sz]|iti?[eyu]"
    r"|land|way|light|road)"
)
# Words that often end a compound.
_COMPOUND_ENDS = (
    r"(?:based|oriented|dependent|driven|specific|related|dimensional|aware|sized|valued"
    r"|like|shaped|free|independent|induced|mediated|level)"
)
# The parts of numbers such as twenty-first and ninety-nine.
_TENS = r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
_UNITS = r"(?:one|two|three|four|five|six|seven|eight|nine|first|second|third|\w+th)s?"
# Prefixes that are written without a hyphen.
_PREFIX = r"(?:un|in|dis|inter|over|under|cor?|re|mis|non|pre|de|a|be|out|up|or|as)"


def find_last_word(text: str) -> str | None:
    """Return the word at the end of a text, or None if the text doesn't end with a word.

    The word may contain hyphens or end with one.
    """
    word = _LAST_WORD.search(text[-MAX_WORD_CHARS:])
    if word is None:
        return None
    return word[0]


def find_first_word(text: str) -> str | None:
    """Return the word at the start of a text, or None if the text doesn't start with a word.

    The word may contain hyphens, but never ends with one.
    """
    word = _FIRST_WORD.match(text[:MAX_WORD_CHARS])
    if word is None:
        return None
    return word[0].rstrip("-\u2010") or None


class Spelling:
    """Decides whether to keep the hyphen of a word that is broken across lines.

    The decision depends on how the word is spelled elsewhere in the document. Words are counted
    on first use.
    """

    def __init__(self, pages: Sequence[str]) -> None:
        self._pages = pages

    @cached_property
    def _word_counts(self) -> Counter[str]:
        """The number of occurrences of each word.

        In compounds of three or more words, each pair of adjacent words is counted as well.
        """
        counts: Counter[str] = Counter()
        for page in self._pages:
            unbroken_text = _BROKEN_WORD.sub(" ", page).lower().replace("\u2010", "-")
            words = _WORD.findall(unbroken_text)
            counts.update(words)
            for word in words:
                parts = word.split("-")
                if len(parts) > 2:
                    for left, right in pairwise(parts):
                        counts[f"{left}-{right}"] += 1
        return counts

    def should_keep_hyphen(self, left: str | None, right: str | None) -> bool:
        """Return whether a word that is broken into `left` and `right` is spelled with a hyphen.

        `left` and `right` are the results of `find_last_word` and `find_first_word`. If no word
        is broken, because one of them is missing or ends with a hyphen, the hyphen is kept.

        If `left-right` or `leftright` occurs elsewhere in the document, as in three cases out of
        four, the more frequent spelling wins. Otherwise, the hyphen is kept before a capital or a
        digit, and in typical compounds.
        """
        if left is None or right is None or not left[-1].isalnum():
            return True
        left = left.replace("\u2010", "-")
        right = right.replace("\u2010", "-")
        # the words next to the break, which differ from `left` and `right` if these are compounds
        word_before = left.rpartition("-")[2].lower()
        word_after = right.partition("-")[0].lower()
        for start, end in ((left, right), (word_before, word_after)):
            is_hyphenated = self._is_usually_hyphenated(start, end)
            if is_hyphenated is not None:
                return is_hyphenated

        # neither spelling occurs elsewhere
        if "-" in left and self._can_end_compound(word_before, word_after):
            return True  # end-to-|end
        if "-" in right and word_after in _INNER_WORDS:
            return True  # end-|to-end
        if right[0].isupper() or right[0].isdigit():
            return True  # Anglo-|Saxon, COVID-|19
        if len(left) == 1 and left.isupper():
            return True  # X-|ray
        return _is_compound(word_before, word_after)

    def _is_usually_hyphenated(self, start: str, end: str) -> bool | None:
        """Return which spelling is more frequent elsewhere, or None if neither occurs."""
        joined_count = self._word_counts[f"{start}{end}".lower()]
        hyphenated_count = self._word_counts[f"{start}-{end}".lower()]
        if joined_count == hyphenated_count == 0:
            return None
        return hyphenated_count > joined_count

    def join_across_break(self, before: str, after: str) -> str:
        """Join the texts before and after a page break, and the word that the break divides."""
        if not before.endswith("-"):
            return f"{before} {after}"
        last_word = find_last_word(before.rstrip("-"))
        if self.should_keep_hyphen(last_word, find_first_word(after)):
            return before + after
        return before.removesuffix("-") + after

    def _can_end_compound(self, word_before: str, word_after: str) -> bool:
        """Return whether two words can be the last ones of a compound, as in `end-to-end`."""
        if word_before in _INNER_WORDS:
            return True
        return self._word_counts[word_before] > 0 and self._word_counts[word_after] > 0


def _is_compound(first: str, second: str) -> bool:
    """Return whether a hyphen usually joins two words, as in `self-made` and `twenty-one`."""
    if re.fullmatch(_TENS, first) and re.fullmatch(_UNITS, second):
        return True
    if re.fullmatch(_COMPOUND_STARTS, first):
        return len(second) > 2 and second != first and not re.match(_SUFFIXES, second)
    if re.fullmatch(_PREFIX, first):
        return False
    return re.fullmatch(_COMPOUND_ENDS, second) is not None


# --- scripts ----------------------------------------------------------------------------

_RIGHT_TO_LEFT = regex(
    "[\u0591-\u05f2\u0620-\u065f\u0670-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff"
    "\ufb1d-\ufefc\u200c]{2,}"
)
_NO_JOINER = "\u200c"
_REVERSED_LIGATURES = frozenset(("ال", "أل", "إل", "آل"))
# Matches a word that begins with a letter that can't begin an Arabic, Persian or Hebrew word, or
# with the Arabic article before an alef where that lam and alef are reversed.
_REVERSED_WORD = regex(r"(?<![^\W_])[ةىךםןףץ]\w|\b[وفبك]?ا[اأإآ]ل")
CLUSTER_LETTER = regex("[\u0900-\u109f\u1780-\u17ff]")
# Matches a letter of such a script and a character that can't follow it in correct text.
_STRAY_CHARACTER = regex(
    "[\u0900-\u109f\u1780-\u17ff](?:[\x00-\x08\x0e-\x1f\ue000-\uf8ff]"
    "|[!-&*+0-9;<=>@(][\u0900-\u109f\u1780-\u17ff]|[#$%&*+0-9<=>@](?:\\s|$))"
)
# Matches a number at the end of a sentence if PDFium put the full stop before the number.
_NUMBER_BEFORE_STOP = regex(
    r"(?<=[\u0590-\u08ff] )([.,:;!?\u061b\u061f])(\d[\d.,/%]*)(?=\s|$)"
)
_SPACES_AND_BREAKS = " \u00a0\r\n"
MAX_INK_BOX_HEIGHT = 0.8
"""The maximum height, relative to the line, of a box that only surrounds a letter's ink."""
_MAX_LETTER_GAP = 0.13
"""The maximum gap between two letters of a word, relative to the height of the line."""
REPETITION_WINDOW = 8
"""The number of preceding letters with which each letter is compared to detect duplicates."""


def restore_reading_order(chars: list[Char], text: str) -> list[Char]:
    """Put the letters of right-to-left words into reading order. Modifies and returns `chars`.

    Some PDF writers store such words from left to right, as displayed, and some swap the letters
    of the lam-alef ligature. If a sentence ends with a number, PDFium puts the full stop before
    the number, so the full stop is moved back to the end.

    Args:
        chars: The characters of a page.
        text: The text of `chars`, with exactly one character for each of them.
    """
    for word in _RIGHT_TO_LEFT.finditer(text):
        start, end = word.span()
        letters = chars[start:end]
        if letters[0].x < letters[-1].x:
            letters.reverse()
        _put_at(chars, start, _swap_reversed_pairs(letters))
    for sentence_end in _NUMBER_BEFORE_STOP.finditer(text):
        start, end = sentence_end.span()
        stop, *digits = chars[start:end]
        if stop.x < digits[0].x:
            _put_at(chars, start, [*digits, stop])
    return chars


def _put_at(chars: list[Char], start: int, moved: Iterable[Char]) -> None:
    """Overwrite the characters from `start` with `moved`, and number these anew."""
    for char_index, char in enumerate(moved, start):
        chars[char_index] = char._replace(char_index=char_index)


def _swap_reversed_pairs(letters: Sequence[Char]) -> list[Char]:
    """Return letters with the halves of each reversed ligature swapped. Boxes stay in place."""
    swapped = list(letters)
    for index, (first, second) in enumerate(pairwise(letters)):
        if _is_reversed_pair(first, second):
            swapped[index] = first._replace(text=second.text)
            swapped[index + 1] = second._replace(text=first.text)
    return swapped


def _is_reversed_pair(first: Char, second: Char) -> bool:
    """Return whether two letters are the halves of a ligature, stored in the wrong order."""
    if (first.left, first.right) != (second.left, second.right):
        return False
    if second.text == _NO_JOINER:
        return True
    return first.text + second.text in _REVERSED_LIGATURES


def has_misread_letters(chars: Sequence[Char]) -> bool:
    """Return whether the letters stored for a passage seem to differ from those displayed."""
    text = "".join(char.text for char in chars)
    if _REVERSED_WORD.search(text) or _STRAY_CHARACTER.search(text):
        return True
    letters = [char for char in chars if char.text not in _SPACES_AND_BREAKS]
    cluster_heights = [char.height for char in letters if CLUSTER_LETTER.match(char.text)]
    if not cluster_heights:
        return False
    if _has_repeated_letter(letters):
        return True
    return _has_misplaced_space(chars, letters, max(cluster_heights))


def _has_repeated_letter(letters: Sequence[Char]) -> bool:
    """Return whether a letter is stored twice within a few letters, in about the same place."""
    for index, char in enumerate(letters):
        for other in letters[max(index - REPETITION_WINDOW, 0) : index]:
            if other.text == char.text and other.left <= char.x <= other.right:
                return True
    return False


def _has_misplaced_space(
    chars: Sequence[Char], letters: Sequence[Char], height: float
) -> bool:
    """Return whether there is a gap without a space, or a space without a gap, on a line.

    `letters` are the `chars` that aren't spaces, and `height` is that of the highest letter.
    """
    first_index = chars[0].char_index
    for left, right in pairwise(letters):
        if not CLUSTER_LETTER.match(left.text) or not CLUSTER_LETTER.match(right.text):
            continue
        if abs(right.y - left.y) >= height:  # on another line
            continue
        has_gap = (right.left - left.right) / height > _MAX_LETTER_GAP
        chars_between = chars[
            left.char_index + 1 - first_index : right.char_index - first_index
        ]
        if not chars_between and has_gap:
            return True
        if any(char.is_generated for char in chars_between):
            has_ink_box = min(left.height, right.height) < MAX_INK_BOX_HEIGHT * height
            if has_ink_box or not has_gap:
                return True
    return False
