"""Parse numbers and quantities so that cards can be compared with sources.

Numbers may be written in digits, words, Roman numerals or ideographs. A quantity is a number with
its scale (such as `million`), unit, sign and era. This module also finds the offsets where the edge
of a gap would split a word, number or quantity.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

from ankiforge.language.lexicon import DATA_DIRECTORY, read_labels_by_word
from ankiforge.language.words import (
    CONTENTLESS_WORDS,
    NUMBER_WORDS,
    ORDINALS,
    split_words,
)
from ankiforge.model import Span, Strings
from ankiforge.text import regex

# --- numbers --------------------------------------------------------------------------

_RAISED_DIGITS = regex("[²³¹⁰⁴-⁹₀-₉]+")
DIGIT_NUMBER = regex(r"\d+(?:[.,]\d+)*")
_THOUSANDS_SEPARATOR = regex(r"[.,](?=\d{3}(?:\D|$))")
_POWER = regex(r"(\d+)\s*\^\s*\{?\s*[-+−]?(\d+)")
_ROMAN = regex(r"\b(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})\b")
_NUMBERED_NOUN = regex(
    r"(?i)\b(?P<noun>type|war|phase|stage|class|grade|part|chapter|book|volume|factor|complex"
    r"|level|category"
    r"|axiom|law|act|group|period|form)\s+(?P<numeral>(?-i:[IVXivx]))\b"
)
_ROMAN_DIGITS = regex(r"[WIVXivx](?<=\b.)[WIVXivx]*[12]?\b")
_ROMAN_VALUE = {"I": 1, "V": 5, "X": 10}


def separate_superscript_digits(text: str) -> str:
    """Insert spaces before superscript and subscript digits, so that `10³` isn't read as 103."""
    return _RAISED_DIGITS.sub(lambda match: " " + " ".join(match[0]), text)


def replace_roman_numerals(text: str) -> str:
    """Replace Roman numerals with digits: `WWII` becomes `World War 2`, and `type I` `type 1`.

    A single letter is only replaced after a noun such as `type`, because `I` may be the pronoun.
    """
    if not _ROMAN_DIGITS.search(text):  # a quick test, because most texts have none
        return text
    # separate the numeral of `WWII` or `WW2`, which is replaced below like any other
    text = re.sub(r"\bWW(I{1,2}|[12])\b", r"World War \1", text)
    text = _NUMBERED_NOUN.sub(
        lambda match: f"{match['noun']} {_parse_roman(match['numeral'].upper())}", text
    )
    return _ROMAN.sub(lambda numeral: str(_parse_roman(numeral[0])), text)


def _parse_roman(numeral: str) -> int:
    total = 0
    values = [_ROMAN_VALUE[sign] for sign in numeral]
    for value, following in pairwise([*values, 0]):
        if value < following:  # as in `IV`
            total -= value
        else:
            total += value
    return total


def map_numbers_to_notations(text: str) -> dict[str, Strings]:
    """Map each number in digits to all the notations in which a source may contain it.

    For example, a source may contain 1000 for `1,000`. A PDF may contain 103 for the 10 and the 3
    of `10^3`, because superscripts get lost.
    """
    separated = separate_superscript_digits(text)
    plain = unicodedata.normalize("NFKC", replace_roman_numerals(separated))
    notations = {
        number: _list_notations(number) for number in DIGIT_NUMBER.findall(plain)
    }
    for base, exponent in dict.fromkeys(_POWER.findall(separated)):
        joined = f"{base}{exponent}"
        for number in (base, exponent):
            if number in notations:
                notations[number] += (joined,)
    return notations


@lru_cache(maxsize=512)
def find_numbers(text: str) -> frozenset[str]:
    """Return all numbers in a text as digits, each in all of its notations.

    Numbers may be written as digits, number words, ordinals or Roman numerals.
    """
    # a superscript is read both as a part of the number (103 for `10³`) and as a separate number
    joined = unicodedata.normalize("NFKC", text)
    separated = unicodedata.normalize(
        "NFKC", replace_roman_numerals(separate_superscript_digits(text))
    )
    numbers = set(DIGIT_NUMBER.findall(joined))
    for number in DIGIT_NUMBER.findall(separated):
        numbers.update(_list_notations(number))

    words = set(split_words(text))
    for word in words:
        number_word = word.removesuffix("fold")  # twentyfold
        if number_word in NUMBER_WORDS:
            numbers.add(NUMBER_WORDS[number_word])
    for value, ordinal in enumerate(ORDINALS, start=1):
        if ordinal in words:
            numbers.add(str(value))
    numbers.update(map(str, find_spelled_numbers(text)))
    return frozenset(numbers)


def _list_notations(number: str) -> Strings:
    """List three notations: as written, without thousands separators, and with a decimal point."""
    ungrouped = _THOUSANDS_SEPARATOR.sub("", number)
    return tuple(dict.fromkeys((number, ungrouped, number.replace(",", "."))))


# --- numbers in words and ideographs --------------------------------------------------

_SPELLED = {
    word: int(value) for word, value in read_labels_by_word("numbers", "spelled").items()
}
_CONJUNCTIONS = frozenset(("and", "und", "et", "y", "e", "и"))
# A single word in Latin letters is certainly a number if its value is at least this. For
# example, `due` and `sei` are Italian numbers, but may be other words.
_MIN_CERTAIN_VALUE = 13
_LAST_LATIN_LETTER = "\u036f"
# What may join the parts of a number word, as in `fünfundzwanzig` and `vingt-et-un`.
_JOINTS = ("", "und", "e", "et-")
_MAX_SPELLED_LENGTH = 60
_LETTERS = regex(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_KANJI = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0}
_KANJI_SCALES = {"十": 10, "百": 100, "千": 1000}
_KANJI_GROUPS = {"万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "兆": 10**12}
_IN_KANJI = regex(r"[〇零一二三四五六七八九十百千万萬億亿兆]+")
# A single ideograph is a number only if one of these follows, as in `三人` but not `一番`.
_COUNTER = regex(r"[％%年月日人歳岁回個个円元世度倍割分時时]")


@lru_cache(maxsize=512)
def find_spelled_numbers(text: str) -> frozenset[int]:
    """Return the numbers that are spelled out in words or ideographs.

    Examples are `fünfundzwanzig`, `mil seiscientos`, `一六〇三年` and `三億五千万`. Number words
    may be inflected, as in `тысячи шестисот`.
    """
    if text.isascii() and not _MAY_BE_SPELLED.search(text.casefold()):
        return frozenset()
    return frozenset((*_iter_kanji_numbers(text), *_iter_number_words(text)))


def _iter_kanji_numbers(text: str) -> Iterator[int]:
    """Yield the numbers in ideographs. A single ideograph needs a counter after it."""
    for match in _IN_KANJI.finditer(text):
        if len(match[0]) > 1 or _COUNTER.match(text, match.end()):
            yield _parse_kanji(match[0])


def _iter_number_words(text: str) -> Iterator[int]:
    """Yield the numbers in words. Adjacent number words form a single number."""
    for run in _find_number_word_runs(text.casefold().replace("ё", "е")):
        parts: list[int] = []
        for number_word in run:
            parts += _split_number_word(number_word)
        value = _combine_number_parts(parts)
        if not _may_be_another_word(run, value):
            yield value


def _find_number_word_runs(text: str) -> list[list[str]]:
    """Return the runs of number words in a text, without the conjunctions within a run.

    For example, `mil e seis de um` consists of the runs `mil seis` and `um`.
    """
    runs: list[list[str]] = []
    run: list[str] = []
    for word in _LETTERS.findall(text):
        if _split_number_word(word):
            run.append(word)
        elif run and word not in _CONJUNCTIONS:
            runs.append(run)
            run = []
    if run:
        runs.append(run)
    return runs


def _may_be_another_word(number_words: list[str], value: int) -> bool:
    """Return whether a number is one short word in Latin letters, such as the Italian `due`."""
    if len(number_words) > 1 or value >= _MIN_CERTAIN_VALUE:
        return False
    [word] = number_words
    if word not in _SPELLED:  # it is composed of several
        return False
    return word[0] <= _LAST_LATIN_LETTER


_MAY_BE_SPELLED = regex(
    "|".join(sorted((word for word in _SPELLED if word.isascii()), key=len))
)


def _split_number_word(word: str) -> list[int]:
    """Split a number word into the values of its parts, or return [] for other words.

    For example, `fünfundzwanzig` consists of 5 and 20.
    """
    if word in _SPELLED:
        return [_SPELLED[word]]
    if len(word) > _MAX_SPELLED_LENGTH:
        return []
    # try the longest part first, because a number word may begin with a shorter one
    for end in range(len(word) - 1, 1, -1):
        if word[:end] not in _SPELLED:
            continue
        rest = word[end:].lstrip("-")
        for joint in _JOINTS:
            if not rest.startswith(joint):
                continue
            other_parts = _split_number_word(rest[len(joint) :])
            if other_parts:
                return [_SPELLED[word[:end]], *other_parts]
    return []


def _combine_number_parts(parts: Iterable[int]) -> int:
    """Combine the parts of a number: 1000 and 600 become 1,600, and 6 and 100 become 600."""
    sum_of_thousands = below_thousand = 0
    for part in parts:
        if part >= 1000:
            sum_of_thousands += max(below_thousand, 1) * part
            below_thousand = 0
        elif part == 100:
            below_thousand = max(below_thousand, 1) * part
        else:
            below_thousand += part
    return sum_of_thousands + below_thousand


def _parse_kanji(signs: str) -> int:
    """Parse a number in ideographs: 1603 for `一六〇三`, and 350,000,000 for `三億五千万`.

    It is written digit by digit, or with scales: `千` multiplies the digit before it, and `万`
    everything since the previous `万` or `億`.
    """
    if all(sign in _KANJI for sign in signs):
        return int("".join(str(_KANJI[sign]) for sign in signs))
    sum_of_groups = group = digit = 0
    for sign in signs:
        if sign in _KANJI:
            digit = digit * 10 + _KANJI[sign]
        elif sign in _KANJI_SCALES:
            group += (digit or 1) * _KANJI_SCALES[sign]  # `百` alone is 100
            digit = 0
        else:
            sum_of_groups += max(group + digit, 1) * _KANJI_GROUPS[sign]
            group = digit = 0
    return sum_of_groups + group + digit


# --- units ----------------------------------------------------------------------------


class Unit(NamedTuple):
    """A unit of measurement listed in `data/units.txt`."""

    name: str
    """The first of its spellings."""
    dimension: str
    """What the unit measures, such as time or length."""
    size: Fraction
    """The size in terms of the first unit listed for the dimension."""


def _read_units() -> Iterator[tuple[str, Unit]]:
    dimension = ""
    for line in (DATA_DIRECTORY / "units.txt").read_text("utf-8").splitlines()[1:]:
        line_label, colon, words = line.partition(": ")
        if colon:
            dimension = line_label
        else:
            words = line
        size, *spellings = words.split()
        folded = [unicodedata.normalize("NFKC", name).casefold() for name in spellings]
        unit = Unit(folded[0], dimension, Fraction(size))
        for name in folded:
            yield name.replace("_", " "), unit


UNITS_BY_SPELLING: dict[str, Unit] = dict(_read_units())
"""Maps casefolded spellings to units."""

# --- quantities -----------------------------------------------------------------------

_MAX_CHARS = 8000
_MAX_QUANTITIES = 150
_SCALES = {
    name: 10 ** int(power)
    for name, power in read_labels_by_word("numbers", "scales").items()
}
_FRACTIONS = {
    word: Fraction(value)
    for word, value in read_labels_by_word("numbers", "fractions").items()
}


def _build_names_pattern(names: Iterable[str]) -> str:
    """Build a regular expression that matches any of `names`.

    The names are grouped by their first letter, so that the matcher rules out most of them quickly.
    """
    rests_by_first_letter: dict[str, list[str]] = {}
    for name in sorted(names, key=len, reverse=True):
        first_letter = name[0]
        rests_by_first_letter.setdefault(first_letter, []).append(re.escape(name[1:]))
    groups = []
    for first, rest in rests_by_first_letter.items():
        alternatives = "|".join(rest)
        groups.append(f"{re.escape(first)}(?:{alternatives})")
    return "|".join(groups)


# The number of digits is limited because Python doesn't parse longer integers.
_DIGITS = r"\d{1,999}"
# Number words that usually mean something else, as in `once he came` or `gib acht`.
_DOUBTFUL_WORDS = frozenset(("once", "twice", "acht"))
_WORD = _build_names_pattern(frozenset(NUMBER_WORDS) - _DOUBTFUL_WORDS)
_SCALE = _build_names_pattern(_SCALES)
_UNIT = _build_names_pattern(UNITS_BY_SPELLING)
QUANTITY_PATTERN = regex(
    rf"""(?x)
    (?=[-−–+±$€£\d]|\b)
    (?P<early>(?<!\w)(?:ad|a\.d\.|ce)\s?(?=\d))?
    (?:(?P<sign>(?<![\w)\]}}.,%°])[-−–+±](?=[\d.])|\bminus\s|\bmoins\s(?=\d))?
    (?P<money>[$€£](?=\d))?
    (?P<digits>{_DIGITS}(?:[., '\u00a0\u202f]\d{{3}}){{1,999}}
            (?:[.,]\d{{1,2}}(?!\d))?(?!\d)
        |{_DIGITS}(?:[.,]{_DIGITS})?)
    |\b(?P<word>{_WORD})\b)
    (?:[\s-]{{0,2}}(?P<scale>{_SCALE})(?![^\W\d_]))?
    (?:[\s-]{{0,2}}(?P<unit>{_UNIT})(?![^\W_]|/\w|\.\s?chr\b))?
    (?P<late>\s?(?:b\.?\s?c\.?\s?e?\.?(?!\w)|v\.\s?chr\b|av\.\s?j|a\.\s?c\.
        |ad\b|a\.d\.|ce\b|n\.\s?chr\b))?
    """
)
RANGE_SEPARATOR = regex(
    r"\s*(?:-|–|—|to|and|or|bis|und|oder|à|et|ou|a|y|o|,)\s*(?:about |circa )?$"
)
_SQUARE_OR_CUBE = regex(r"[²³](?=\W|$)")
_GROUP_SIGN = regex(r"[ '\u00a0\u202f]")
_GROUPED = regex(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")
_MINUS_SIGNS = frozenset(("-", "−", "–", "minus", "moins"))
# How `BC`, `v. Chr.`, `av. J.-C.` and `a. C.` begin without spaces and full stops.
_BC_ABBREVIATIONS = ("bc", "vchr", "avj", "ac")


# --- what a gap must not split --------------------------------------------------------

# The letters of scripts with spaces between words, combining marks, and super- and
# subscripts. They are case-sensitive, because ignoring case is slow for so many characters.
_LETTER = r"(?-i:[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
_GLYPH = rf"(?:{_LETTER}|(?-i:[\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0900-\u0e7f⁰-₎]))"
_SINGLE_NUMBER = (
    r"(?:\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,:/·^]\d+)*)"
    r"(?:st|nd|rd|th|[ºª])?"
)


def _build_word_patterns(
    letter: str, glyph: str
) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Compile two patterns. The first matches words, the second matches words and quantities.

    A match is what a gap must not split, such as `well-known`, `B12`, `−5.3 °C`, `3–4 million` or
    `$10/h`. `letter` and `glyph` are regular expressions that match a single character.
    """
    # such as `well-known`
    word = rf"{glyph}+(?:[-‐‑–]{glyph}+)*"
    # such as `v2.0`, `B12` or `USD5`
    letters_and_number = rf"(?:(?!\d){letter}){{1,9}}\d+(?:[.,]\d+)*"
    # such as `−5`, `≥ 2` or `$3`. After a word, as in `x-5`, the sign is a hyphen or an operator.
    sign = r"(?<![\w)\]%°])[-−–+±<>≤≥~≈]\s?"
    signed_number = rf"(?:{sign})?(?:[$€£¥]\s?)?{_SINGLE_NUMBER}"
    superscripts = "[⁰-₎²³¹]*"
    # the other numbers of a range, product or fraction, such as the `–7` of `5–7`
    other_numbers = rf"(?:\s?[-−–—~±×/]\s?{_SINGLE_NUMBER}{superscripts})*"
    # such as ` million` or ` Mio.`
    scale = rf"[\s-]?(?:{_SCALE})(?:(?<=mio|mrd)\.)?(?![^\W\d_])"
    # such as ` km/h`, `%` or ` °C`. No letter follows and, after any other sign, no digit either.
    end_of_unit = rf"(?:(?<=[%‰€£$°A-Za-zµ])(?!{letter})|(?![^\W_]))"
    unit = rf"[\s-]?(?:{_UNIT}|[%‰€£$°])(?:/{letter}+)?[CFK]?{end_of_unit}"
    # such as the `-fold` of `20-fold`
    words_after = rf"(?:[-‐‑]?{glyph}+)*"
    word_or_quantity = rf"""(?xi)
    (?:{letters_and_number} | {signed_number}) {superscripts} {other_numbers}
    (?:{scale})? (?:{unit})? {superscripts} {words_after}
    | {word}
    """
    return regex(word), regex(word_or_quantity)


_UNIT_PATTERNS = _build_word_patterns(_LETTER, _GLYPH)
# In most texts all letters are ASCII, for which the patterns are compiled three times as fast.
_ASCII_UNIT_PATTERNS = _build_word_patterns(r"[^\W_]", r"[^\W_]")


@lru_cache(maxsize=512)  # the drafts of a batch are checked after all of them are drafted
def _find_words_and_quantities(text: str) -> tuple[Span, ...]:
    """Return the spans of the words, numbers and quantities in a text."""
    word, word_or_quantity = _UNIT_PATTERNS
    if text.isascii():
        word, word_or_quantity = _ASCII_UNIT_PATTERNS
    # a text without digits contains only words, and the other pattern is slow to compile
    pattern = word
    if any(map(str.isdigit, text)):
        pattern = word_or_quantity
    return tuple([match.span() for match in pattern.finditer(text)])


@lru_cache(maxsize=16)  # called for each gap of a sentence
def find_unsplittable_offsets(text: str) -> frozenset[int]:
    """Return the offsets at which a cloze deletion must not begin or end.

    They lie within words, numbers, ranges and quantities with units, or before superscripts.
    """
    offsets = set[int]()
    for start, end in _find_words_and_quantities(text):
        offsets.update(range(start + 1, end))
    return frozenset(offsets)


def splits_word_or_number(text: str, offset: int) -> bool:
    """Return whether a cloze deletion that begins or ends at `offset` splits a word or number.

    It may begin or end at a hyphen between words, as in `well-{{known}}`, but not at one beside a
    digit, as in `COVID-{{19}}`.
    """
    if offset not in find_unsplittable_offsets(text):
        return False
    before_and_after = text[offset - 1 : offset + 1]
    if _HYPHENS.isdisjoint(before_and_after):
        return True
    return any(map(str.isdigit, before_and_after))


_HYPHENS = frozenset("-‐‑–")


def extend_to_whole_numbers(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend the span of a cloze deletion so that it doesn't split any number."""
    if not any(map(str.isdigit, text)):
        return start, end
    for first, last in _find_words_and_quantities(text):
        if any(map(str.isdigit, text[first:last])):
            if first < start < last:
                start = first
            if first < end < last:
                end = last
    return start, end


class Era(StrEnum):
    """Whether a year is before or after the beginning of the common era."""

    BC = "before"
    AD = "after"


class Size(NamedTuple):
    """How much of something there is. It is the same for 5 g and 5,000 mg."""

    dimension: str
    """What is measured, such as mass."""
    value: Fraction
    """The value in the first unit listed for the dimension."""


class Quantity(NamedTuple):
    """A number with its unit, sign and era."""

    text: str
    """The quantity as written, for messages."""
    value: Fraction
    """The number, with scale and sign applied."""
    unit: Unit | None
    era: Era | None
    """The era of a year, or None if it isn't stated."""
    start: int
    """The offset in the normalized text."""
    end: int
    is_spelled: bool
    """Whether the number is written as a word, such as `three`."""

    @property
    def size(self) -> Size | None:
        """The size without its sign, or None if the number has no unit."""
        if self.unit is None:
            return None
        return Size(self.unit.dimension, abs(self.value) * self.unit.size)


@lru_cache(maxsize=1024)
def parse_quantities(text: str) -> tuple[Quantity, ...]:
    """Parse all quantities in a text, in order.

    If only the last number of a range has a unit, the other numbers get the same unit.
    """
    plain = _SQUARE_OR_CUBE.sub(
        lambda sign: "2" if sign[0] == "²" else "3",  # `km²` becomes `km2`
        replace_roman_numerals(text[:_MAX_CHARS]),
    )
    plain = unicodedata.normalize("NFKC", plain).casefold()
    matches = islice(QUANTITY_PATTERN.finditer(plain), _MAX_QUANTITIES)
    quantities: list[Quantity] = []
    for quantity in reversed([_make_quantity(match) for match in matches]):
        if quantities:
            quantity = _take_unit_of_range(quantity, quantities[-1], plain)
        quantities.append(quantity)
    return tuple(reversed(quantities))


def _make_quantity(match: re.Match[str]) -> Quantity:
    return Quantity(
        text=" ".join(match[0].split()),
        value=_parse_value(match),
        unit=UNITS_BY_SPELLING.get(match["unit"] or match["money"]),
        era=_parse_era(match),
        start=match.start(),
        end=match.end(),
        is_spelled=match["word"] is not None,
    )


def _take_unit_of_range(quantity: Quantity, following: Quantity, text: str) -> Quantity:
    """Return a quantity with the unit of the following one, if both form a range."""
    if quantity.unit is not None:
        return quantity
    between = text[quantity.end : following.start]
    if RANGE_SEPARATOR.fullmatch(between):
        return quantity._replace(unit=following.unit)
    return quantity


def _parse_value(match: re.Match[str]) -> Fraction:
    """Return the number that `QUANTITY_PATTERN` matched, with its scale and sign applied."""
    if match["word"]:
        value = Fraction(NUMBER_WORDS[match["word"]])
    else:
        value = _parse_digits(match["digits"])
    if match["scale"]:
        value *= _SCALES[match["scale"]]
    if (match["sign"] or "").strip() in _MINUS_SIGNS:
        return -value
    return value


def _parse_digits(digits: str) -> Fraction:
    """Parse a number whose thousands and decimals may be separated by full stops or commas."""
    digits = _GROUP_SIGN.sub("", digits)
    grouped = _GROUPED.fullmatch(digits)
    if grouped:
        digits = digits.replace(grouped[1], "")
    integer_part, point, decimals = digits.replace(",", ".").rpartition(".")
    if not point:
        return Fraction(int(digits))  # `Fraction` is slow for strings
    return Fraction(f"{integer_part.replace('.', '')}.{decimals}")


def _parse_era(match: re.Match[str]) -> Era | None:
    """Return the era of a year. AD may precede or follow the year, but BC can only follow it."""
    if match["early"]:
        return Era.AD
    if not match["late"]:
        return None
    letters = re.sub(r"[\s.]", "", match["late"])
    if letters.startswith(_BC_ABBREVIATIONS):
        return Era.BC
    return Era.AD


@lru_cache(maxsize=512)
def find_number_values(text: str) -> frozenset[Fraction]:
    """Return the absolute values of all numbers and fractions in a text, without units.

    Scales such as `million` are applied.
    """
    values = {abs(quantity.value) for quantity in parse_quantities(text)}
    values.update(find_fractions(text).values())
    values.update(map(Fraction, find_spelled_numbers(text)))
    plain = unicodedata.normalize("NFKC", text)  # ¾ becomes 3⁄4
    for numerator, denominator in _FRACTION_IN_DIGITS.findall(plain):
        if int(denominator):
            values.add(Fraction(int(numerator), int(denominator)))
    return frozenset(values)


@lru_cache(maxsize=512)
def find_sizes(text: str) -> frozenset[Size]:
    """Return the `size` of each number in a text that has a unit."""
    sizes = [quantity.size for quantity in parse_quantities(text)]
    return frozenset(size for size in sizes if size is not None)


# --- fractions and months -------------------------------------------------------------

# Words that are fractions only after `a` or `one`, and not before a noun: `a third of it` is one,
# but `the third way`, `a third way` and `the last quarter` aren't.
_AMBIGUOUS_FRACTIONS = frozenset(("third", "quarter"))
_FRACTION_IN_DIGITS = regex(r"(\d{1,9})\s*[/⁄]\s*(\d{1,9})")
_WORD_OR_SIGN = regex(r"[^\W\d_]+|[^\w\s-]")


def find_fractions(text: str) -> dict[str, Fraction]:
    """Map each fraction that is written as a word, such as `half`, to its value."""
    words = ["", *_WORD_OR_SIGN.findall(text.casefold()), ""]
    results = {}
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word not in _FRACTIONS:
            continue
        if word in _AMBIGUOUS_FRACTIONS:
            if before not in ("a", "one") or _may_be_noun(after):
                continue
        results[word] = _FRACTIONS[word]
    return results


def _may_be_noun(word: str) -> bool:
    if not word.isalpha():
        return False
    return word not in CONTENTLESS_WORDS


MONTHS = {
    name: int(number) for name, number in read_labels_by_word("numbers", "months").items()
}
"""Maps the casefolded names of months to their numbers."""
_MONTH = regex(
    r"(?i)(?<![^\W_])"
    r"(?:(?P<before>\d{1,2}\.?\s(?:de\s)?|\b(?:in|of|since|until|on|im|en|de)\s))?"
    rf"(?P<month>{'|'.join(MONTHS)})(?![^\W_])(?P<after>,?\s(?:de\s|of\s)?\d)?"
)


def find_months(text: str) -> dict[str, int]:
    """Map each name of a month in a text to the number of the month.

    Because names such as `may` are ambiguous, a name only counts next to a day or year, or after a
    word such as `in`.
    """
    results = {}
    for match in _MONTH.finditer(text):
        if match["before"] or match["after"]:
            name = match["month"]
            results[name] = MONTHS[name.casefold()]
    return results
