"""Numbers of a text in all notations, and quantities.

These are numbers with their scale, unit, sign and era.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

from ankiforge.language.lexicon import DATA, by_word
from ankiforge.language.words import FUNCTION, NUMBER_WORDS, ORDINALS, tokens
from ankiforge.model import Strings
from ankiforge.text import regex

# --- numbers --------------------------------------------------------------------------

_RAISED = regex("[²³¹⁰⁴-⁹₀-₉]+")
DIGITS = regex(r"\d+(?:[.,]\d+)*")
_GROUPING = regex(r"[.,](?=\d{3}(?:\D|$))")
_POWER = regex(r"(\d+)\s*\^\s*\{?\s*[-+−]?(\d+)")
_ROMAN = regex(r"\b(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})\b")
_NUMBERED = regex(
    r"(?i)\b(?P<noun>type|war|phase|stage|class|grade|part|chapter|book|volume|factor|complex"
    r"|level|category"
    r"|axiom|law|act|group|period|form)\s+(?P<numeral>(?-i:[IVXivx]))\b"
)
_LITTLE_WORD = regex(r"(?:\A|[.!?]|(?<!\w)(?:[a-z]{1,3}|[A-Z][a-z]))\s?\Z")
_NOUN_BEHIND = regex(r"\s[a-z]")
_ROMAN_SIGN = regex(r"[WIVXivx](?<=\b.)[WIVXivx]*[12]?\b")
_ROMAN_VALUE = {"I": 1, "V": 5, "X": 10}


def space_raised(text: str) -> str:
    """Return the text with a blank before super- and subscript digits, so that `10³` is not 103."""
    return _RAISED.sub(lambda match: " " + " ".join(match[0]), text)


def arabic(text: str) -> str:
    """Return the text with Roman numerals as digits: `WWII`, `type I`, but not `I` alone."""
    if not _ROMAN_SIGN.search(text):
        return text
    text = re.sub(r"\bWW(I{1,2}|[12])\b", r"World War \1", text)
    text = _NUMBERED.sub(
        lambda match: f"{match['noun']} {_roman(match['numeral'].upper())}", text
    )

    def digits(numeral: re.Match[str]) -> str:
        # `In IV estimation` and `an IV line` have an abbreviation, `type IV collagen` has none
        is_short = numeral[0] == "IV" and _NOUN_BEHIND.match(text, numeral.end())
        if is_short and _LITTLE_WORD.search(text[: numeral.start()][-5:]):
            return numeral[0]
        return str(_roman(numeral[0]))

    return _ROMAN.sub(digits, text)


def _roman(numeral: str) -> int:
    """Return the value of a Roman numeral."""
    total = 0
    values = [_ROMAN_VALUE[sign] for sign in numeral]
    for value, following in pairwise([*values, 0]):
        total += -value if value < following else value
    return total


def stated_numbers(text: str) -> dict[str, Strings]:
    """Return the numbers in digits, each with the notations that a source may use.

    `1,000` may be written as 1000, and the 10 of `10^3` as 103, because PDFs lose
    superscripts.
    """
    raised = space_raised(text)
    powers = {}
    for match in _POWER.finditer(raised):
        base, exponent = match.groups()
        powers[base] = powers[exponent] = f"{base}{exponent}"
    plain = unicodedata.normalize("NFKC", arabic(raised))
    notations = {}
    for number in DIGITS.findall(plain):
        notations[number] = _notations(number)
        if number in powers:
            notations[number] += (powers[number],)
    return notations


@lru_cache(maxsize=512)
def all_numbers(text: str) -> frozenset[str]:
    """Return all numbers of a text (digits, words, ordinals, Roman numerals) in all notations."""
    numbers = set(DIGITS.findall(unicodedata.normalize("NFKC", text)))
    plain = unicodedata.normalize("NFKC", arabic(space_raised(text)))
    for number in DIGITS.findall(plain):
        numbers.update(_notations(number))
    words = set(tokens(text))
    for word in words:
        number_word = word.removesuffix("fold")  # twentyfold
        if number_word in NUMBER_WORDS:
            numbers.add(NUMBER_WORDS[number_word])
    for number, ordinal in enumerate(ORDINALS, start=1):
        if ordinal in words:
            numbers.add(str(number))
    numbers.update(map(str, spelled_values(text)))
    return frozenset(numbers)


def _notations(number: str) -> Strings:
    """Return a number as it is, without separators of thousands, and with a decimal point."""
    ungrouped = _GROUPING.sub("", number)
    return tuple(dict.fromkeys((number, ungrouped, number.replace(",", "."))))


# --- numbers in words, and in ideographs ----------------------------------------------

_SPELLED = {word: int(value) for word, value in by_word("numbers", "spelled").items()}
_JOINS = frozenset(("and", "und", "et", "y", "e", "и"))
# The value from which a Latin word is a number also by itself: `due` and `sei` are others, too.
_SURE = 13
_LONGEST_SPELLED = 60
_LETTERS = regex(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_KANJI = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0}
_KANJI_SCALES = {"十": 10, "百": 100, "千": 1000}
_KANJI_GROUPS = {"万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "兆": 10**12}
_IN_KANJI = regex(r"[〇零一二三四五六七八九十百千万萬億亿兆]+")
# A single ideograph is a number before what it counts: `三人`, not `一番`.
_COUNTS = regex(r"[％%年月日人歳岁回個个円元世度倍割分時时]")


@lru_cache(maxsize=512)
def spelled_values(text: str) -> frozenset[int]:
    """Return the numbers that a text has in words, with any ending, and in ideographs.

    `fünfundzwanzig`, `mil seiscientos`, `тысячи шестисот`, `一六〇三年`, `三億五千万`.
    """
    if text.isascii() and not _MAY_BE_SPELLED.search(text.casefold()):
        return frozenset()
    found = set[int]()
    for match in _IN_KANJI.finditer(text):
        if len(match[0]) > 1 or _COUNTS.match(text, match.end()):
            found.add(_of_kanji(match[0]))
    parts: list[int] = []
    is_sure = False
    for word in (*_LETTERS.findall(text.casefold().replace("ё", "е")), ""):
        if word in _JOINS and parts:
            continue
        of_word = _parts_of_word(word)
        if not of_word:
            value = _combined(parts)
            if parts and (is_sure or len(parts) > 1 or value >= _SURE):
                found.add(value)
            parts = []
            is_sure = False
        parts += of_word
        is_sure = is_sure or (bool(of_word) and word[0] > "ͯ")
    return frozenset(found)


_MAY_BE_SPELLED = regex(
    "|".join(sorted((word for word in _SPELLED if word.isascii()), key=len))
)


def _parts_of_word(word: str) -> list[int]:
    """Return the numbers of which a word is made; [] if it is no number."""
    if word in _SPELLED:
        return [_SPELLED[word]]
    if len(word) > _LONGEST_SPELLED:
        return []
    # the longest part first: `sechzig` before `sechs`
    for end in range(len(word) - 1, 1, -1):
        value = _SPELLED.get(word[:end])
        if value is None:
            continue
        rest = word[end:].lstrip("-")
        for join in ("", "und", "e", "et-"):
            if rest.startswith(join) and (others := _parts_of_word(rest[len(join) :])):
                return [value, *others]
    return []


def _combined(parts: Iterable[int]) -> int:
    """Return the value of the parts of a number: 1000, 600 are 1,600; 6, 100 are 600."""
    total = current = 0
    for part in parts:
        if part >= 1000:
            total += max(current, 1) * part
            current = 0
        elif part == 100:
            current = max(current, 1) * part
        else:
            current += part
    return total + current


def _of_kanji(signs: str) -> int:
    """Return the value of a number in ideographs, by place (一六〇三) or by size (千六百三)."""
    if all(sign in _KANJI for sign in signs):
        return int("".join(str(_KANJI[sign]) for sign in signs))
    total = group = digit = 0
    for sign in signs:
        if sign in _KANJI:
            digit = digit * 10 + _KANJI[sign]
        elif sign in _KANJI_SCALES:
            group += (digit or 1) * _KANJI_SCALES[sign]
            digit = 0
        else:
            total += max(group + digit, 1) * _KANJI_GROUPS[sign]
            group = digit = 0
    return total + group + digit


# --- units ----------------------------------------------------------------------------


class Unit(NamedTuple):
    """A unit of measurement."""

    name: str
    """Its first spelling."""
    dimension: str
    """The dimension that it measures: time, length …"""
    worth: Fraction
    """Its size in the first unit of the dimension."""


_NO_UNIT = Unit("", "", Fraction(1))


def _read_units() -> Iterator[tuple[str, Unit]]:
    """Yield (spelling, unit) from `data/units.txt`; `_` in a spelling stands for a blank."""
    dimension = ""
    for line in (DATA / "units.txt").read_text("utf-8").splitlines()[1:]:
        head, colon, words = line.partition(": ")
        if colon:
            dimension = head
        else:
            words = line
        worth, *spellings = words.split()
        names = [unicodedata.normalize("NFKC", name).casefold() for name in spellings]
        unit = Unit(names[0], dimension, Fraction(worth))
        for name in names:
            yield name.replace("_", " "), unit


UNITS: dict[str, Unit] = dict(_read_units())
"""Units by spelling."""

# --- quantities -----------------------------------------------------------------------

# The number of characters of a text that are read.
_LONGEST = 8000
# The maximum number of quantities that are read.
_MOST = 150
_SCALES = {name: 10 ** int(power) for name, power in by_word("numbers", "scales").items()}
_FRACTIONS = {
    word: Fraction(value) for word, value in by_word("numbers", "fractions").items()
}


def _longest_first(names: Iterable[str]) -> str:
    """Return alternatives of a pattern, grouped by their first sign: most are ruled out by it."""
    ends: dict[str, list[str]] = {}
    for name in sorted(names, key=len, reverse=True):
        first_letter = name[0]
        ends.setdefault(first_letter, []).append(re.escape(name[1:]))
    groups = []
    for first, rest in ends.items():
        alternatives = "|".join(rest)
        groups.append(f"{re.escape(first)}(?:{alternatives})")
    return "|".join(groups)


# More would be too many for Python to read as one number.
_DIGITS = r"\d{1,999}"
# Number words that are more often something else: `once he came`, `gib acht`.
_DOUBTFUL_WORDS = frozenset(("once", "twice", "acht"))
_WORD = _longest_first(frozenset(NUMBER_WORDS) - _DOUBTFUL_WORDS)
QUANTITY = regex(
    rf"""(?x)
    (?=[-−–+±$€£\d]|\b)
    (?P<early>(?<!\w)(?:ad|a\.d\.|ce)\s?(?=\d))?
    (?:(?P<sign>(?<![\w)\]}}.,%°])[-−–+±](?=[\d.])|\bminus\s|\bmoins\s(?=\d))?
    (?P<money>[$€£](?=\d))?
    (?P<digits>{_DIGITS}(?:[., '\u00a0\u202f]\d{{3}}){{1,999}}
            (?:[.,]\d{{1,2}}(?!\d))?(?!\d)
        |{_DIGITS}(?:[.,]{_DIGITS})?)
    |\b(?P<word>{_WORD})\b)
    (?:[\s-]{{0,2}}(?P<scale>{_longest_first(_SCALES)})(?![^\W\d_]))?
    (?:[\s-]{{0,2}}(?P<unit>{_longest_first(UNITS)})(?![^\W_]|/\w))?
    (?P<late>\s?(?:b\.?\s?c\.?\s?e?\.?(?!\w)|v\.\s?chr|av\.\s?j|a\.\s?c\.
        |ad\b|a\.d\.|ce\b|n\.\s?chr))?
    """
)
RANGE = regex(
    r"\s*(?:-|–|—|to|and|or|bis|und|oder|à|et|ou|a|y|o|,)\s*(?:about |circa )?$"
)
_SQUARE = regex(r"[²³](?=\W|$)")
_GROUP_SIGN = regex(r"[ '\u00a0\u202f]")
_GROUPED = regex(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")
_MINUS_SIGNS = frozenset(("-", "−", "–", "minus", "moins"))
# The beginnings of `BC`, `v. Chr.`, `av. J.-C.`, `a. C.`, without blanks and stops.
_BEFORE_CHRIST = ("bc", "vchr", "avj", "ac")


# --- what is one, and is hidden as a whole or not at all ----------------------------

# Letters of scripts with blanks, with their marks, and raised or lowered signs.
# They have no case: to fold that of so many signs takes longer than all else of the pattern.
_LETTER = r"(?-i:[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
_GLYPH = rf"(?:{_LETTER}|(?-i:[\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0900-\u0e7f⁰-₎]))"
_ONE_NUMBER = (
    r"(?:\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,:/·^]\d+)*)"
    r"(?:st|nd|rd|th|[ºª])?"
)
_ONE_WORD = rf"{_GLYPH}+(?:[-‐‑]{_GLYPH}+)*"
_OF_WORDS = regex(_ONE_WORD)
_ONE = regex(
    rf"""(?xi)
    (?:(?:(?!\d){_LETTER}){{1,9}}\d+(?:[.,]\d+)*  # of a version, in a currency
      |(?:(?<![\w)\]%°])[-−–+±<>≤≥~≈]\s?)?(?:[$€£¥]\s?)?{_ONE_NUMBER})[⁰-₎²³¹]*(?:\s?[-−–—~±×/]\s?{_ONE_NUMBER}[⁰-₎²³¹]*)*
    (?:[\s-]?(?:{_longest_first(_SCALES)})(?:(?<=mio|mrd)\.)?(?![^\W\d_]))?
    (?:[\s-]?(?:{_longest_first(UNITS)}|[%‰€£$°])(?:/{_LETTER}+)?[CFK]?
      (?:(?<=[%‰€£$°A-Za-zµ])(?!{_LETTER})|(?![^\W_])))?
    [⁰-₎²³¹]*(?:[-‐‑]?{_GLYPH}+)*
    | {_ONE_WORD}
    """
)


@lru_cache(maxsize=16)  # each gap of a sentence asks
def inside_units(text: str) -> frozenset[int]:
    """Return the places of a text at which nothing may be cut.

    They are inside a word, a number, a range, a quantity with its unit, or before a raised sign.
    """
    # without a digit there are only words; to compile the other pattern takes as long as a check
    one = _ONE if any(map(str.isdigit, text)) else _OF_WORDS
    places = set[int]()
    for match in one.finditer(text):
        places.update(range(match.start() + 1, match.end()))
    return frozenset(places)


def is_cut(text: str, place: int) -> bool:
    """Return whether the edge of a gap at a place of a text cuts a word or number in it.

    A hyphen between two words may be such an edge: `well-{{known}}`.
    """
    at_blank = any(map(str.isspace, text[place - 1 : place + 1]))
    if at_blank and not any(map(str.isdigit, text)):
        return False  # only a number goes on behind a blank
    if place not in inside_units(text):
        return False
    before, after = text[place - 1], text[place]
    if before in "-‐‑" or after in "-‐‑":
        return before.isdigit() or after.isdigit()
    return True


def uncut(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a gap, widened to the whole numbers and quantities that it would cut."""
    if not any(map(str.isdigit, text)):
        return start, end
    for match in _ONE.finditer(text):
        first, last = match.span()
        if any(map(str.isdigit, match[0])):
            if first < start < last:
                start = first
            if first < end < last:
                end = last
    return start, end


class Quantity(NamedTuple):
    """A number with its unit, sign and era."""

    shown: str
    """As written, for messages."""
    value: Fraction
    """With its scale and sign."""
    unit: str = ""
    dimension: str = ""
    worth: Fraction = Fraction(1)
    era: str = ""
    """`before` or `after` for BC and AD; "" if not given."""
    at: int = 0
    """Its position in the text."""
    spelled: bool = False
    """Whether it is a word: `three`."""

    @property
    def base(self) -> tuple[str, Fraction]:
        """The dimension and size, which are equal for 5 g and 5,000 mg."""
        return self.dimension, self.value * self.worth


@lru_cache(maxsize=1024)
def quantities(text: str) -> tuple[Quantity, ...]:
    """Return the quantities in a text, in order; the unit of a range applies to both ends."""
    plain = level(text[:_LONGEST]).casefold()
    values_found = []
    ends = []
    for match in islice(QUANTITY.finditer(plain), _MOST):
        digits = match["digits"]
        if digits:
            # whatever separates thousands and decimals
            digits = _GROUP_SIGN.sub("", digits)
            grouped = _GROUPED.fullmatch(digits)
            if grouped:
                thousands_sign = grouped[1]
                digits = digits.replace(thousands_sign, "")
            whole, point, decimals = digits.replace(",", ".").rpartition(".")
            if point:
                value = Fraction(f"{whole.replace('.', '')}.{decimals}")
            else:
                value = Fraction(int(digits))  # a Fraction of a text is slow
        else:
            value = Fraction(NUMBER_WORDS[match["word"]])
        if match["scale"]:
            value *= _SCALES.get(match["scale"], 1)
        if match["sign"] and match["sign"].strip() in _MINUS_SIGNS:
            value = -value
        # the era before a year (only AD comes there) or after it
        era = ""
        if match["early"]:
            era = "after"
        elif match["late"]:
            letters = re.sub(r"[\s.]", "", match["late"])
            era = "before" if letters.startswith(_BEFORE_CHRIST) else "after"
        unit = UNITS.get(match["unit"] or match["money"] or "", _NO_UNIT)
        quantity = Quantity(
            shown=" ".join(match[0].split()),
            value=value,
            unit=unit.name,
            dimension=unit.dimension,
            worth=unit.worth,
            era=era,
            at=match.start(),
            spelled=not match["digits"],
        )
        values_found.append(quantity)
        ends.append(match.end())
    for index in range(len(values_found) - 2, -1, -1):
        quantity = values_found[index]
        following = values_found[index + 1]
        between = plain[ends[index] : following.at]
        if not quantity.unit and following.unit and RANGE.fullmatch(between):
            values_found[index] = quantity._replace(
                unit=following.unit,
                dimension=following.dimension,
                worth=following.worth,
            )
    return tuple(values_found)


def level(text: str) -> str:
    """Return the text in NFKC, with Roman numerals and the sign of `km²` as digits."""
    plain = _SQUARE.sub(lambda sign: "2" if sign[0] == "²" else "3", arabic(text))
    return unicodedata.normalize("NFKC", plain)


@lru_cache(maxsize=512)
def values(text: str) -> frozenset[Fraction]:
    """Return the values of all numbers in a text, including scales and fractions."""
    sizes = {abs(quantity.value) for quantity in quantities(text)}
    sizes.update(fractions(text).values())
    sizes.update(map(Fraction, spelled_values(text)))
    # fractions in digits: 3/4, ¾
    plain = unicodedata.normalize("NFKC", text)
    for numerator, denominator in re.findall(r"(\d{1,9})\s*[/⁄]\s*(\d{1,9})", plain):
        if int(denominator):
            sizes.add(Fraction(int(numerator), int(denominator)))
    return frozenset(sizes)


@lru_cache(maxsize=512)
def bases(text: str) -> frozenset[tuple[str, Fraction]]:
    """Return (dimension, size) of all numbers with a unit."""
    values_found = set()
    for quantity in quantities(text):
        dimension, size = quantity.base
        if dimension:
            values_found.add((dimension, abs(size)))
    return frozenset(values_found)


# --- fractions and months -------------------------------------------------------------


# Words that are parts of a whole only behind `a` or `one`, and of something: `a third of it`. In
# `the third way`, `a third way` and `the last quarter` they are none.
_PARTS = frozenset(("third", "quarter"))


def fractions(text: str) -> dict[str, Fraction]:
    """Return the fractions in words: `half`, `a third`."""
    words = ["", *re.findall(r"[^\W\d_]+|[^\w\s-]", text.casefold()), ""]
    found = {}
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word not in _FRACTIONS:
            continue
        names_a_thing = after.isalpha() and after not in FUNCTION
        if word in _PARTS and (before not in ("a", "one") or names_a_thing):
            continue
        found[word] = _FRACTIONS[word]
    return found


MONTHS = {name: int(number) for name, number in by_word("numbers", "months").items()}
"""The numbers of months by their casefolded names."""
_MONTH = regex(
    r"(?i)(?<![^\W_])"
    r"(?:(?P<before>\d{1,2}\.?\s(?:de\s)?|\b(?:in|of|since|until|on|im|en|de)\s))?"
    rf"(?P<month>{'|'.join(MONTHS)})(?![^\W_])(?P<after>,?\s(?:de\s|of\s)?\d)?"
)


def months(text: str) -> dict[str, int]:
    """Return the months that a text names next to a day or year, or after `in`."""
    values_found = {}
    for match in _MONTH.finditer(text):
        if match["before"] or match["after"]:
            name = match["month"]
            values_found[name] = MONTHS[name.casefold()]
    return values_found
