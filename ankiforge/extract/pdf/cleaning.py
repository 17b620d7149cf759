"""Text of PDFs made fit for storage: ligatures, control characters, white space, hyphens, scripts.

A PDF may hold the letters of a script in another order or number than its page shows. Arabic and
Hebrew are put right by the places of their letters. In scripts of India and South-East Asia a
glyph stands for several letters, and many programs write the letters of one twice, or none of
them; PDFium then guesses where a word ends. Such words are recognised, so that no card is made of
them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from ankiforge.extract.pdf.chars import Char
from ankiforge.text import regex

_SWAPPED_LETTERS = {chr(ord(letter) << 8): letter for letter in "fijlt"}
_SWAPPED_TABLE = str.maketrans(_SWAPPED_LETTERS)
_SWAPPED_SIGNS = "".join(_SWAPPED_LETTERS)
_SWAPPED = regex(
    f"(?<=[A-Za-z])[{_SWAPPED_SIGNS}]{{2,3}}"  # after a Latin letter
    f"|[{_SWAPPED_SIGNS}]{{2,3}}(?=[A-Za-z])"  # or before one
)
_LIGATURES = {
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "st",
    "ﬆ": "st",
}
_LINE_FEED = 10
_CONTROL_CODES = (*range(32), *range(127, 160))
_CONTROLS = [chr(code) for code in _CONTROL_CODES if code != _LINE_FEED]
_LETTERS = str.maketrans(
    _LIGATURES
    | dict.fromkeys("\u00a0\u2007\u202f", " ")
    | dict.fromkeys("\u00ad\u200b\ufeff", "")
    | {control: " " if control.isspace() else "" for control in _CONTROLS}
)
_SPACES = regex(r"[^\S\n]+")
_AROUND_BREAK = regex(r" ?\n[ \n]*")


def unswapped(text: str) -> str:
    """Return the text with ligatures corrected whose two bytes Ghostscript 10.0 swapped.

    It writes a\u6600\u6600airs for affairs. Such characters never occur in pairs beside
    Latin letters otherwise. The length stays the same.
    """
    return _SWAPPED.sub(lambda run: run[0].translate(_SWAPPED_TABLE), text)


def clean(text: str) -> str:
    """Return text without control characters and surrogates, in NFC, single spaces.

    Line breaks stay. Ligatures become letters; NFKC would change too much ("m²").
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    return _SPACES.sub(" ", text.translate(_LETTERS))


def one_line(text: str) -> str:
    """Return the clean text on one line, stripped."""
    return " ".join(clean(text).split())


# A raised number before a word: of a note, if not of an isotope (³He, ⁷⁵As).
_NUMBER_OF_NOTE = regex(
    r"(?:[¹²³⁴⁵⁶⁷⁸⁹](?!He\b|Li\b|Be\b)|[¹²³⁴⁵⁶⁷⁸⁹][⁰¹²³⁴⁵⁶⁷⁸⁹](?=\s?[^\W\d_]{3}))\s?(?=[^\W\d_]{2})"
)


def without_note_number(text: str) -> str:
    """Return a passage without the number of the footnote that it begins: `²This style …`."""
    number = _NUMBER_OF_NOTE.match(text)
    if not number or not text[number.end()].isupper():
        return text
    return text[number.end() :]


def flowing(text: str) -> str:
    """Return the clean text with line breaks only between blocks.

    Spaces at its ends stay.
    """
    return _AROUND_BREAK.sub("\n", clean(text))


# --- hyphens at line ends -------------------------------------------------------------


WORD = 60
"""Characters in a word, at most."""

_WORD = regex(r"\w+(?:[-\u2010]\w+)*")
# A word broken at a line end, which does not show how it is spelt.
_BROKEN = regex(r"(?<!\S)[^\s\x02\ufffe]*(?:[\x02\ufffe]|[\xad-](?=\s*[\r\n]))\s*\S*")
_LAST_WORD = regex(r"[\w\u2010-]+$")
_FIRST_WORD = regex(r"[\w\u2010-]+")
# Words in the middle of a compound (state-of-the-art, end-to-end), never parts of a word.
_WITHIN = frozenset(["and", "by", "for", "in", "of", "on", "or", "the", "to"])

SPELT_AS = {"V": "ff", "W": "fi", "X": "fl", "Y": "ffi"}
_SPELT_WITH_CAPITALS = regex(
    r"eVect|diVer|suVer|oVer|speciWc|signiWc|deWn|identiW|conWrm|Wrst|Weld|inXuen|reXect|Xow"
    r"|diYcul|suYcien|eYcien"
)
_LEAST_WORDS = 3
"""Words that are spelt so, at least."""
CAPITAL_FOR_LIGATURE = regex(
    r"(?<=[a-z])[VWXY](?=[a-z])|\bX(?=[aiou]|ew|ex|ee)"
    r"|\bW(?=(?:rst|re|res|eld|elds|nd|nds|nal|nally|ve|gure|gures|lter|sh|t|ts|xed|ne|ner)\b)"
)

# The next six are compiled only when a document leaves a hyphen undecided.
# Words that begin a compound more often than a longer word.
_FIRST = (
    r"(?:self|cross|well|long|short|high|low|real|mixed|large|small|full|half|open|closed"
    r"|single|double|two|three|four|five|six|eight|zero|first|second|third|higher|lower"
    r"|fine|coarse|near|state|data|time)"
)
# What follows them in longer words: high-light, short-ening, real-istic.
_ENDING = (
    r"(?:ness|less|ment|fold|teen|een$|ish|ary|ly$|ing|ed$|en|er|est$|age|i[sz]|iti?[eyu]"
    r"|land|way|light|road)"
)
# Words that end a compound.
_SECOND = (
    r"(?:based|oriented|dependent|driven|specific|related|dimensional|aware|sized|valued"
    r"|like|shaped|free|independent|induced|mediated|level)"
)
# Twenty-first, ninety-nine.
_TENS = r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
_UNITS = r"(?:one|two|three|four|five|six|seven|eight|nine|first|second|third|\w+th)s?"
# What makes a longer word with these.
_PREFIX = r"(?:un|in|dis|inter|over|under|cor?|re|mis|non|pre|de|a|be|out|up|or|as)"


def last_word(text: str) -> str:
    """Return the word, with its inner hyphens, at the end of a text.

    "" if it ends otherwise.
    """
    word = _LAST_WORD.search(text[-WORD:])
    return word[0] if word else ""


def first_word(text: str) -> str:
    """Return the word, with its inner hyphens, at the start of a text.

    "" if it starts otherwise.
    """
    word = _FIRST_WORD.match(text[:WORD])
    return word[0].rstrip("-\u2010") if word else ""


class Spelling:
    """How a document spells its words, counted over all of its pages on first use."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._pages = pages

    @cached_property
    def _counts(self) -> Counter[str]:
        """How often each word occurs, and each pair of words within a compound."""
        counts: Counter[str] = Counter()
        for page in self._pages:
            unbroken = _BROKEN.sub(" ", page).lower().replace("\u2010", "-")
            words = _WORD.findall(unbroken)
            counts.update(words)
            for word in words:
                parts = word.split("-")
                if len(parts) > 2:
                    for left, right in pairwise(parts):
                        counts[f"{left}-{right}"] += 1
        return counts

    @cached_property
    def has_capitals_for_ligatures(self) -> bool:
        """Whether the fonts of the document give the codes of capitals to their ligatures."""
        words: set[str] = set()
        for page in self._pages:
            words.update(_SPELT_WITH_CAPITALS.findall(page))
        return len(words) >= _LEAST_WORDS

    def mended(self, text: str) -> str:
        """Return the text with the ligatures that it spells as capitals: `eVect`, `Wrst`.

        Fonts of Springer's journals of about 2005 to 2012 do so.
        """
        if not self.has_capitals_for_ligatures:
            return text
        return CAPITAL_FOR_LIGATURE.sub(lambda sign: SPELT_AS[sign[0]], text)

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Return whether left-, right at a line end is `left-right`, not `leftright`.

        The rest of the document decides if it contains either form (three cases of four).
        Otherwise a capital or digit after the break keeps the hyphen, and so do words
        that form compounds.
        """
        left = left.replace("\u2010", "-")
        right = right.replace("\u2010", "-")
        # the words next to the break, of compounds that have more hyphens
        inner = left.rpartition("-")[2].lower()
        outer = right.partition("-")[0].lower()
        for before, after in ((left, right), (inner, outer)):
            joined = self._counts[f"{before}{after}".lower()]
            hyphened = self._counts[f"{before}-{after}".lower()]
            if joined or hyphened:
                return hyphened > joined
        # at one of several hyphens of a compound
        if "-" in left and (
            inner in _WITHIN or (self._counts[inner] and self._counts[outer])
        ):
            return True
        if "-" in right and outer in _WITHIN:
            return True
        if right[0].isupper() or right[0].isdigit():
            return True
        if len(left) == 1 and left.isupper():  # X-ray, T-cell
            return True
        return _is_compound(inner, outer)


def _is_compound(first: str, second: str) -> bool:
    """Return whether English hyphenates two words, though the document never does."""
    if re.fullmatch(_TENS, first) and re.fullmatch(_UNITS, second):
        return True
    if re.fullmatch(_FIRST, first):
        return len(second) > 2 and second != first and not re.match(_ENDING, second)
    if re.fullmatch(_PREFIX, first):
        return False
    return re.fullmatch(_SECOND, second) is not None


# --- scripts ----------------------------------------------------------------------------

_RIGHT_TO_LEFT = regex(
    "[\u0591-\u05f2\u0620-\u065f\u0670-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff"
    "\ufb1d-\ufefc\u200c]{2,}"
)
_NO_JOINER = "\u200c"
_TURNED_AROUND = frozenset(("ال", "أل", "إل", "آل"))
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
_NO_GAP = 0.13
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
            if first.text + second.text in _TURNED_AROUND or second.text == _NO_JOINER:
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
        return gap > _NO_GAP * height
    if not any(char.generated for char in between):
        return False
    return gap < _NO_GAP * height or min(left.height, right.height) < SMALL * height
