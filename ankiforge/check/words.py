"""Words, stems, numbers and quantities of a text, as the checks compare them.

English has priority, German is supported where it is easy, and Chinese and Japanese are read by
character. These forms serve comparison only; they are never shown or stored. The word lists are files
in `data/`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from ankiforge.text import regex

# --- word lists --------------------------------------------------------------------------------


@cache
def data(name: str) -> str:
    """Return the text of `data/NAME.txt`."""
    return (Path(__file__).parent / "data" / f"{name}.txt").read_text("utf-8")


@cache
def lists(file: str, section: str) -> dict[str, tuple[str, ...]]:
    """Return the words of a `[section]` of a word list by the label of their line.

    A label is a language, or the meaning of the words; indented lines continue the one before.
    """
    found: dict[str, tuple[str, ...]] = {}
    label, body = "", data(file).partition(f"\n[{section}]\n")[2].partition("\n[")[0]
    for line in body.splitlines():
        if line.startswith("#"):
            continue
        head, colon, words = line.partition(": ")
        if colon and not line[0].isspace():
            label = head
        else:
            words = line
        found[label] = (*found.get(label, ()), *words.split())
    return found


def listed(file: str, section: str) -> frozenset[str]:
    """Return all words of a section."""
    return frozenset(word for words in lists(file, section).values() for word in words)


def by_word(file: str, section: str) -> dict[str, str]:
    """Return the label of each word of a section."""
    return {word: label for label, words in lists(file, section).items() for word in words}


def alternatives(file: str, section: str) -> str:
    """Return the words of a section as alternatives of a pattern; `_` stands for a blank."""
    return "|".join(word for words in lists(file, section).values() for word in words).replace(
        "_", " "
    )


STOP_WORDS = listed("small_words", "stop")
QUESTION_WORDS = listed("small_words", "question")
FUNCTION = STOP_WORDS | QUESTION_WORDS | listed("small_words", "function")
"""Words without meaning of their own, which are not part of a subject or object."""
NEGATIONS = listed("meaning", "negations")
NEGATORS = listed("meaning", "negators")
NUMBER_WORDS = by_word("numbers", "number_words")
"""The digits of number words."""
ORDINALS = lists("numbers", "ordinals")["en"]

# --- words -------------------------------------------------------------------------------------

# Kana and ideographs. To compile so many takes `re` a millisecond, at the first such text.
_IDEOGRAPH = "([\u3040-\u30ff\u3400-\u9fff])"
_TOKEN = regex(r"[^\W_]+(?:['’][^\W_]+)?[+#]*")
# The same for ASCII, in half the time.
_ASCII_TOKEN = regex(r"[a-z0-9]+(?:'[a-z0-9]+)?[+#]*")
TERM = regex(r"\b(?:[A-Z]{2,}\w*|[A-Za-z]+\d\w*|[A-Z]*[a-z]+[A-Z]\w*)\b")
"""Acronyms and names with digits or inner capitals."""


def tokens(text: str) -> list[str]:
    """Return words and single ideographs, casefolded, in order; `C++` and `C#` keep their signs."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return _ASCII_TOKEN.findall(plain)
    return _TOKEN.findall(re.sub(_IDEOGRAPH, r" \1 ", plain))


def content(text: str) -> list[str]:
    """Return the content words: neither stop words nor question words."""
    return [t for t in tokens(text) if t not in STOP_WORDS and t not in QUESTION_WORDS]


def stems(text: str) -> frozenset[str]:
    """Return the stems of the content words."""
    return frozenset(map(stem, content(text)))


def has_word(word: str, text: str, *, joined: tuple[bool, bool] = (False, False)) -> bool:
    """Return whether a text contains a word or phrase without letters before or after it.

    `joined` allows letters (before it, after it), as in scripts that do not separate words.
    """
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        before, behind = text[at - 1 : at] if at else "", text[end : end + 1]
        if (joined[0] or not _is_letter(before)) and (joined[1] or not _is_letter(behind)):
            return True
        at = text.find(word, at + 1)
    return False


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def holds(text: str, words: str, *, exact: bool = False) -> bool:
    """Return whether a text contains whole words, or their plural; `exact` = with the same case."""
    if words.casefold() not in text.casefold():  # faster than compiling a pattern
        return False
    flags = re.NOFLAG if exact else re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(words)}(?:e?s)?(?!\w)", text, flags) is not None


def word_count(text: str) -> int:
    """Return the number of visible words; two ideographs count as one."""
    if text.isascii():
        return len(text.split())
    rest, ideographs = re.subn(_IDEOGRAPH, " ", text)
    return len(rest.split()) + (ideographs + 1) // 2


# --- stems -------------------------------------------------------------------------------------

# (signs that a word must contain, pattern, replacement)
_SPELLING = (
    (("our",), regex(r"(?<=[a-z]{3})our(?=$|s$|al$|ed$|ing$)"), "or"),
    (("ogue",), regex(r"(?<=[a-z]{2})ogue(?=s?$)"), "og"),
    (("re",), regex(r"(?<=[a-z][bcdfghjklmnpqtvw])re(?=s?$)"), "er"),
    (("ae", "oe"), regex(r"ae|oe"), "e"),
    (
        ("is", "ys"),
        regex(r"(?<=[a-z]{3})[iy]s(?=e$|ed$|es$|ing$|ation$|ations$|er$|ers$)"),
        "iz",
    ),
)
_ENDINGS = tuple(
    (ending, instead.strip("-"))
    for instead, endings in (
        ("iz", "izations ization izing izers izer ized izes ize"),
        ("at", "ations ation ating ated ates ate"),
        ("y", "ies ied"),
        ("ss", "sses"),
        ("", "ings ing edly ed es s al"),
    )
    for ending in endings.split()
)
_KEEP_S = ("ss", "us", "is", "ias")
_MIN_STEM = 3
_IRREGULAR = by_word("numbers", "irregular")


@lru_cache(maxsize=65536)
def stem(token: str) -> str:
    """Return a token without its inflection and in one spelling: `centre` is `center`."""
    token = _IRREGULAR.get(token, token)
    if len(token) <= _MIN_STEM or not token.isalpha():
        return token
    word = token
    for signs, pattern, spelling in _SPELLING:
        if any(sign in word for sign in signs):
            word = pattern.sub(spelling, word)
    if not word.endswith(_KEEP_S):
        for ending, instead in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
                word = word[: -len(ending)] + instead
                break
    word = word.removesuffix("e")
    doubled = len(word) > _MIN_STEM and word[-1] == word[-2] and word[-1] not in "aeios"
    return word[:-1] if doubled else word


# --- forms and spellings -------------------------------------------------------------------------


# --- opposites and synonyms ------------------------------------------------------------------------

Words = frozenset[str]


@cache  # read only when a card has to be compared: a run with one edit is mostly start
def opposed(*, stemmed: bool = True) -> dict[str, Words]:
    """Return each word of `data/opposites.txt` with those of the other side.

    `stemmed`: the base forms, all as stems; else the forms of sentences, as they are and as stems.
    """
    other: dict[str, Words] = {}
    base, _, forms = data("opposites").partition("\n--\n")
    ranks = (f"{one} / {' '.join(w for w in ORDINALS if w != one)}" for one in ORDINALS)
    for line in (*base.splitlines()[1:], *ranks) if stemmed else forms.splitlines():
        sides = [
            frozenset((*map(stem, side.split()), *(() if stemmed else side.split())))
            for side in line.split("/")
        ]
        for at, mine in enumerate(sides):
            for word in mine:
                theirs = (side for place, side in enumerate(sides) if place != at)
                other[word] = other.get(word, frozenset()).union(*theirs)
    return other


# `in` and `out`: where they stand says little of what is meant.
_PLACES = listed("meaning", "prepositions")


@lru_cache(maxsize=4096)
def contrary(word: str) -> Words:
    """Return the words and stems that say the opposite of a word."""
    names = {word, stem(word)} - _PLACES
    tables = (opposed(stemmed=False), opposed())
    return frozenset().union(*(one.get(name, ()) for one in tables for name in names)) - _PLACES


@cache
def synonyms() -> dict[str, Words]:
    """Return each stem of `data/synonyms.txt` with its group."""
    found: dict[str, Words] = {}
    for line in data("synonyms").splitlines()[1:]:
        group = frozenset(map(stem, line.split()))
        found.update((word, found.get(word, frozenset()) | group) for word in group)
    return found


# --- numbers -----------------------------------------------------------------------------------

_RAISED = regex("[²³¹⁰⁴-⁹₀-₉]+")
DIGITS = regex(r"\d+(?:[.,]\d+)*")
_GROUPING = regex(r"[.,](?=\d{3}(?:\D|$))")
_POWER = regex(r"(\d+)\s*\^\s*\{?\s*[-+−]?(\d+)")
_ROMAN = regex(r"\b(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})\b")
_NUMBERED = regex(
    r"(?i)\b(type|war|phase|stage|class|grade|part|chapter|book|volume|factor|complex|level|category"
    r"|axiom|law|act|group|period|form)\s+((?-i:[IVXivx]))\b"
)
_ROMAN_SIGN = regex(r"\b[WIVXivx]+[12]?\b")
_ROMAN_VALUE = {"I": 1, "V": 5, "X": 10}


def space_raised(text: str) -> str:
    """Return the text with a blank before super- and subscript digits, so that `10³` is not 103."""
    return _RAISED.sub(lambda match: " " + " ".join(match[0]), text)


def arabic(text: str) -> str:
    """Return the text with Roman numerals as digits: `WWII`, `type I`, but not `I` alone."""
    if not _ROMAN_SIGN.search(text):
        return text
    text = re.sub(r"\bWW(I{1,2}|[12])\b", r"World War \1", text)
    text = _NUMBERED.sub(lambda match: f"{match[1]} {_roman(match[2].upper())}", text)
    return _ROMAN.sub(lambda match: str(_roman(match[0])), text)


def _roman(numeral: str) -> int:
    worths = [_ROMAN_VALUE[sign] for sign in numeral]
    return sum(-worth if worth < after else worth for worth, after in pairwise([*worths, 0]))


def stated_numbers(text: str) -> dict[str, tuple[str, ...]]:
    """Return the numbers in digits, each with the notations that a source may use.

    `1,000` may be written as 1000, and the 10 of `10^3` as 103, because PDFs lose superscripts.
    """
    raised = space_raised(text)
    joined = {
        n: "".join(match.groups()) for match in _POWER.finditer(raised) for n in match.groups()
    }
    plain = unicodedata.normalize("NFKC", arabic(raised))
    return {
        number: (*_spellings(number), *((joined[number],) if number in joined else ()))
        for number in DIGITS.findall(plain)
    }


@lru_cache(maxsize=512)
def all_numbers(text: str) -> frozenset[str]:
    """Return all numbers of a text (digits, words, ordinals, Roman numerals) in all notations."""
    plain = unicodedata.normalize("NFKC", arabic(space_raised(text)))
    found = {form for number in DIGITS.findall(plain) for form in _spellings(number)}
    found |= set(DIGITS.findall(unicodedata.normalize("NFKC", text)))
    words = set(tokens(text))
    found |= {NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS}
    found |= {str(at) for at, word in enumerate(ORDINALS, start=1) if word in words}
    return frozenset(found)


def _spellings(number: str) -> tuple[str, ...]:
    ungrouped = _GROUPING.sub("", number)
    return tuple(dict.fromkeys((number, ungrouped, number.replace(",", "."))))


# --- quantities: numbers with their scale, unit, sign and era -------------------------------------

# The number of characters of a text that are read.
_LONGEST = 8000
# The maximum number of quantities that are read.
_MOST = 150

Unit = tuple[str, str, Fraction]


def _units() -> Iterator[tuple[str, Unit]]:
    dimension = ""
    for line in data("units").splitlines()[1:]:
        head, colon, units = line.partition(": ")
        dimension = head if colon else dimension
        worth, *spelled = (units if colon else line).split()
        names = [unicodedata.normalize("NFKC", name).casefold() for name in spelled]
        for name in names:
            yield name.replace("_", " "), (names[0], dimension, Fraction(worth))


UNITS: dict[str, Unit] = dict(_units())
"""(unit, dimension, factor to the first unit of the dimension) by spelling."""
_NO_UNIT: Unit = ("", "", Fraction(1))
_SCALES = {name: 10 ** int(power) for name, power in by_word("numbers", "scales").items()}
_FRACTIONS = {word: Fraction(value) for word, value in by_word("numbers", "fractions").items()}


def _longest_first(names: frozenset[str] | dict[str, Unit] | dict[str, int]) -> str:
    """Return alternatives of a pattern, grouped by their first sign: most are ruled out by it."""
    ends: dict[str, list[str]] = {}
    for name in sorted(names, key=len, reverse=True):
        ends.setdefault(name[0], []).append(re.escape(name[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in ends.items())


# More would be too many for Python to read as one number.
_DIGITS = r"\d{1,999}"
QUANTITY = regex(
    rf"""(?x)
    (?=[-−–+±$€£\d]|\b)
    (?P<early>(?<!\w)(?:ad|a\.d\.|ce)\s?(?=\d))?
    (?:(?P<sign>(?<![\w)\]}}.,%°])[-−–+±](?=[\d.])|\bminus\s|\bmoins\s(?=\d))?
    (?P<money>[$€£](?=\d))?
    (?P<digits>{_DIGITS}(?:[., '\u00a0\u202f]\d{{3}}){{1,999}}(?:[.,]\d{{1,2}}(?!\d))?(?!\d)
        |{_DIGITS}(?:[.,]{_DIGITS})?)
    |\b(?P<word>{_longest_first(frozenset(NUMBER_WORDS) - {"once", "twice", "acht"})})\b)
    (?:[\s-]{{0,2}}(?P<scale>{_longest_first(_SCALES)})(?![^\W\d_]))?
    (?:[\s-]{{0,2}}(?P<unit>{_longest_first(UNITS)})(?![^\W_]|/\w))?
    (?P<late>\s?(?:b\.?\s?c\.?\s?e?\.?(?!\w)|v\.\s?chr|av\.\s?j|a\.\s?c\.|ad\b|a\.d\.|ce\b|n\.\s?chr))?
    """
)
RANGE = regex(r"\s*(?:-|–|—|to|and|or|bis|und|oder|à|et|ou|a|y|o|,)\s*(?:about |circa )?$")
_SQUARE = regex(r"[²³](?=\W|$)")
_GROUP_SIGN = regex(r"[ '\u00a0\u202f]")
_GROUPED = regex(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")


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
    found = []
    ends = []
    for match in islice(QUANTITY.finditer(plain), _MOST):
        found.append(quantity_of(match))
        ends.append(match.end())
    for at in range(len(found) - 2, -1, -1):
        here, after = found[at], found[at + 1]
        if not here.unit and after.unit and RANGE.fullmatch(plain[ends[at] : after.at]):
            found[at] = here._replace(unit=after.unit, dimension=after.dimension, worth=after.worth)
    return tuple(found)


def level(text: str) -> str:
    """Return the text in NFKC, with Roman numerals and the sign of `km²` as digits."""
    plain = _SQUARE.sub(lambda found: {"²": "2", "³": "3"}[found[0]], arabic(text))
    return unicodedata.normalize("NFKC", plain)


def quantity_of(match: re.Match[str]) -> Quantity:
    """Return the quantity for a match of `QUANTITY` in a casefolded text."""
    if digits := match["digits"]:
        digits = _GROUP_SIGN.sub("", digits)
        if grouped := _GROUPED.fullmatch(digits):
            digits = digits.replace(grouped[1], "")
        whole, point, part = digits.replace(",", ".").rpartition(".")
        # a Fraction of a text is slow
        value = Fraction(f"{whole.replace('.', '')}.{part}" if point else int(digits))
    else:
        value = Fraction(NUMBER_WORDS[match["word"]])
    if match["scale"]:
        value *= _SCALES.get(match["scale"], 1)
    if (match["sign"] or "").strip() in {"-", "−", "–", "minus", "moins"}:
        value = -value
    unit = UNITS.get(match["unit"] or match["money"] or "", _NO_UNIT)
    late = re.sub(r"[\s.]", "", match["late"]) if match["late"] else ""
    before = not match["early"] and late.startswith(("bc", "vchr", "avj", "ac"))
    era = "before" if before else "after" if match["early"] or late else ""
    shown = " ".join(match[0].split())
    return Quantity(shown, value, *unit, era, match.start(), not match["digits"])


@lru_cache(maxsize=512)
def values(text: str) -> frozenset[Fraction]:
    """Return the values of all numbers in a text, including scales and fractions."""
    ratios = (size for _, _, size in written_fractions(text))
    sizes = (abs(one.value) for one in quantities(text))
    return frozenset((*sizes, *ratios, *fractions(text).values()))


@lru_cache(maxsize=512)
def bases(text: str) -> frozenset[tuple[str, Fraction]]:
    """Return (dimension, size) of all numbers with a unit."""
    return frozenset((d, abs(v)) for d, v in (one.base for one in quantities(text)) if d)


def fractions(text: str) -> dict[str, Fraction]:
    """Return the fractions in words: `half`, `a third`."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return {word: _FRACTIONS[word] for word in words if word in _FRACTIONS}


def written_fractions(text: str) -> list[tuple[str, str, Fraction]]:
    """Return (numerator, denominator, value) of the fractions in digits: 3/4, ¾."""
    plain = unicodedata.normalize("NFKC", text)
    found = re.findall(r"(\d{1,9})\s*[/⁄]\s*(\d{1,9})", plain)
    return [(a, b, Fraction(int(a), int(b))) for a, b in found if int(b)]


_MONTHS = {name: int(at) for name, at in by_word("numbers", "months").items()}
_MONTH = regex(
    rf"(?i)(?<![^\W_])(?:(?P<before>\d{{1,2}}\.?\s(?:de\s)?|\b(?:in|of|since|until|on|im|en|de)\s))?"
    rf"(?P<month>{'|'.join(_MONTHS)})(?![^\W_])(?P<after>,?\s(?:de\s|of\s)?\d)?"
)


def months(text: str) -> dict[str, int]:
    """Return the months that a text names next to a day or year, or after `in`."""
    return {
        match["month"]: _MONTHS[match["month"].casefold()]
        for match in _MONTH.finditer(text)
        if match["before"] or match["after"]
    }


# --- the normal form: without typography, case, accents, TeX and number words ---------------------

_GROUP = r"\{([^{}]*)\}"
_TEX = tuple(
    (regex(pattern), instead)
    for pattern, instead in (
        (rf"\\(?:mathrm|text|mathbf|mathit|mathcal|operatorname|textrm)\s*{_GROUP}", r"\1"),
        (rf"\\[dt]?frac\s*{_GROUP}\s*{_GROUP}", r"(\1)/(\2)"),
        (rf"\\sqrt\s*{_GROUP}", r"√(\1)"),
        (r"\\(?:left|right|displaystyle|quad|[,;:! ])", " "),
        (r"\\(?:[lr]?Vert|\|)", "‖"),
        (r"\\(?:[lr]?vert|mid)\b", "|"),
        (r"\\(?:cdot|times)\b", "·"),
        (r"\\leq?\b", "≤"),
        (r"\\geq?\b", "≥"),
        (r"\\neq?\b", "≠"),
    )
)
_COMMAND = regex(r"\\([A-Za-z]+)")
GREEK = by_word("numbers", "greek")


def without_tex(text: str) -> str:
    r"""Return formulae as plain text: `\frac{a}{b}` becomes `(a)/(b)`."""
    if "\\" not in text:
        return text
    for _ in range(3):  # groups within groups
        for pattern, instead in _TEX:
            text = pattern.sub(instead, text)
    return _COMMAND.sub(lambda match: GREEK.get(match[1], match[1]), text)


_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-"}
    | {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"}
)
_HYPHENATED = regex(r"(?<=\w)-\s*\n\s*(?=\w)|\u00ad")
_COMPOUND = regex(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])")
_BRACKETS = regex(r"[{}^_()\[\]]")
_OPERATOR = regex(r"\s*([=+*/|<>≤≥≠·‖-])\s*")
_SIGN = regex(r"[-{}^_()\[\]=+*/|<>≤≥≠·‖,]")
_COUNTED = by_word("numbers", "normal_number_words") | NUMBER_WORDS
for _word in ("one", "once", "eins", "acht"):  # they may mean something else: `one`, an article
    _COUNTED.pop(_word)
_THOUSANDS = regex(r"(?<=\d),(?=\d{3}(?!\d))")
# 299 792 458; two groups alone are ambiguous: `in 120 200 died`.
_SPACED_DIGITS = regex(r"(?<![\d.,])[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3}){2,}(?![\d.,])")
# (0, 0), which is two numbers.
_TUPLE = regex(r"[(\[]-?\d+(?:\s?,\s?-?\d+)+[)\]]")
_TENS_AND_ONES = regex(
    r"(?i)\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
    r"(one|two|three|four|five|six|seven|eight|nine)\b"
)


@lru_cache(maxsize=1024)
def normal(text: str) -> str:
    """Return plain text without typography, case, accents, TeX and number words."""
    text = arabic(text)
    if "-" in text or "\u00ad" in text:
        text = _HYPHENATED.sub("", text)
    text = without_tex(text)
    if not text.isascii():
        text = without_accents(space_raised(text.translate(_TYPOGRAPHY))).translate(_TYPOGRAPHY)
    text = text.casefold()
    if " " in text and DIGITS.search(text):
        text = _SPACED_DIGITS.sub(lambda match: "".join(match[0].split()), text)
    if _SIGN.search(text):
        text = _TUPLE.sub(lambda match: match[0].replace(",", " "), text)
        text = tens_and_ones(text)
        text = _BRACKETS.sub(" ", _THOUSANDS.sub("", _COMPOUND.sub("", text)))
        text = _OPERATOR.sub(r"\1", text)
    words = [word.rstrip("?!.,;:\"'…").lstrip("\"'¿¡") for word in text.split()]
    return " ".join([_COUNTED.get(word, word) for word in words if word])


def tens_and_ones(text: str) -> str:
    """Return the text with numbers such as `thirty-one` in digits."""
    return _TENS_AND_ONES.sub(
        lambda match: str(sum(int(NUMBER_WORDS[part.casefold()]) for part in match.groups())), text
    )


def without_accents(text: str) -> str:
    """Return the text in NFKD without combining marks."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))
