"""Figures: each number of a card is the source's, with the unit, sign and thing it belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.lexical.quantities import (
    UNITS,
    Quantity,
    bases,
    fractions,
    months,
    quantities,
    values,
)
from ankiforge.check.lexical.reading import asked_by_reader, authored, read
from ankiforge.check.lexical.words import NUMBER_WORDS, all_numbers, listed, stated_numbers
from ankiforge.check.rule import Rule
from ankiforge.check.source.claims import row
from ankiforge.check.source.evidence import about, said
from ankiforge.model import Draft, Finding, Severity

UNGROUNDED_NUMBER = Rule(
    "ungrounded_number",
    Severity.BLOCK,
    "a number that the source does not hold:",
    firm=True,
)
NUMBER_ALTERED = Rule(
    "number_altered",
    Severity.BLOCK,
    "the source has the number with another unit, sign or noun:",
    firm=True,
)
RULES = (UNGROUNDED_NUMBER, NUMBER_ALTERED)

_SHIELDED = re.compile(r"`[^`\n]*`|\$(?=[^\s\d])[^$\n]*\$")


def grounded(draft: Draft, context: Context) -> Iterator[Finding]:
    """Each figure stands in the passage, in digits, words or Roman; in a front also around it."""
    if authored(draft):
        return
    sides = read(draft)
    source = said(context.highlight)
    asked = "" if asked_by_reader(draft) else sides.asked
    strange = [*foreign(asked, f"{source}\n{about(context.highlight)}")]
    for wanted in sides.answers:
        strange += [*foreign(wanted, source), *_foreign_words(wanted, source)]
    if strange:
        yield UNGROUNDED_NUMBER.found(", ".join(dict.fromkeys(strange)))


def foreign(text: str, source: str) -> Iterator[str]:
    """Numbers in digits that the source has in no spelling, and months it does not name."""
    stated = stated_numbers(text)
    if stated:
        known, sizes = _known(source), values(source)
        for number, forms in stated.items():
            if not known & set(forms) and not _same_size(number, text, source):
                yield number
        for one in quantities(_bare(text)):
            scaled = (one.unit or _scaled(one)) and not one.spelled
            if scaled and abs(one.value) not in sizes and one.base not in bases(source):
                yield one.shown
    named = months(text)
    if named:
        dated = set(months(source).values()) or set(named.values())
        yield from (name for name, month in named.items() if month not in dated)


@lru_cache(maxsize=256)
def _known(source: str) -> frozenset[str]:
    return all_numbers(source)


@lru_cache(maxsize=512)
def _bare(text: str) -> str:
    return _SHIELDED.sub(" ", text)


def _scaled(one: Quantity) -> bool:
    return one.value >= 1000 and not re.search(r"\d{3}", one.shown)


def _same_size(number: str, text: str, source: str) -> bool:
    """Whether the number stands there in another spelling: 3,000,000 for 3 million."""
    sizes, sized = values(source), bases(source)
    for one in quantities(text):
        if number in one.shown and (abs(one.value) in sizes or one.base in sized):
            return True
    return any(number in parts and size in sizes for *parts, size in _ratios(text))


def _ratios(text: str) -> Iterator[tuple[str, str, Fraction]]:
    """(above, below, size) of each fraction that a text writes: 3/4, ¾."""
    plain = unicodedata.normalize("NFKC", text).replace("⁄", "/")
    for above, below in re.findall(r"(\d{1,9})\s*/\s*(\d{1,9})", plain):
        if int(below):
            yield above, below, Fraction(int(above), int(below))


def _foreign_words(answer: str, source: str) -> Iterator[str]:
    """Numbers and fractions that an answer spells out, and the source does not have."""
    for one in quantities(answer):
        if one.spelled and one.value >= 2 and abs(one.value) not in values(source):
            yield one.shown
    for word, value in fractions(answer).items():
        named = word.rstrip("s") in source.casefold()
        if not named and not values(source) & {value, value * 100}:
            yield word


# --- what a number belongs to ------------------------------------------------------------------

_BELOW = re.compile(
    r"\b(?:minus|below|negative|under|loss|lose|loses|drop|drops|fall|falls|decrease\w*|less|lower\w*"
    r"|reduc\w*|unter|moins|menos|bajo)\b",
    re.IGNORECASE,
)


def altered(draft: Draft, context: Context) -> Iterator[Finding]:
    """A number keeps its unit, its sign, its era, and the noun beside it."""
    if authored(draft):
        return
    sides = read(draft)
    source = _bare(said(context.highlight))
    texts = sides.answers if asked_by_reader(draft) else (sides.whole,)
    for text in texts:
        for one in quantities(_bare(text)):
            wrong = _wrong(one, text, source)
            if wrong:
                yield NUMBER_ALTERED.found(f"{one.shown}; there: {wrong}")
                return
        if mislaid := _mislaid(text, source):
            yield NUMBER_ALTERED.found(mislaid)
            return


def _wrong(one: Quantity, text: str, source: str) -> str:
    """How the source states the number instead, "" if it is well."""
    there = [each for each in quantities(source) if abs(each.value) == abs(one.value)]
    if not there:
        return ""
    units = {each.unit for each in there if each.unit}
    if one.unit and units and one.unit not in units:
        same_size = {(d, abs(v)) for d, v in (one.base,)} & bases(source)
        return "" if same_size else there[0].shown
    signs = {each.value < 0 for each in there}
    if one.value and (one.value < 0) not in signs and not (signs == {True} and _BELOW.search(text)):
        return there[0].shown
    eras = {each.era for each in there}
    if one.era and "" not in eras and one.era not in eras:
        return there[0].shown
    return ""


_JOINING = frozenset(listed("""and or to bis und oder à et ou a y o , - – through"""))


@lru_cache(maxsize=256)
def _labels(text: str) -> dict[tuple[str, str], frozenset[Fraction]]:
    """(noun, side) → the numbers it stands before or behind; those of a list share it."""
    line = row(text)
    numbers = {at: _number(word) for at, word in enumerate(line.words)}
    found: dict[tuple[str, str], set[Fraction]] = {}
    for side, step in (("before", -1), ("behind", 1)):
        for at, value in numbers.items():
            if value is None:
                continue
            if at + 1 < len(line.words) and line.words[at + 1] in UNITS:
                continue
            label = _label(line.words, line.stems, numbers, at, step)
            if label:
                found.setdefault((label, side), set()).add(value)
    return {key: frozenset(sizes) for key, sizes in found.items()}


def _label(
    words: tuple[str, ...],
    stems: tuple[str, ...],
    numbers: dict[int, Fraction | None],
    at: int,
    step: int,
) -> str:
    """The noun beside a number, over the other numbers of its list."""
    beside = at + step
    for _ in range(8):
        if not 0 <= beside < len(words):
            return ""
        if numbers[beside] is None and words[beside] not in _JOINING:
            return stems[beside] if stems[beside].isalpha() else ""
        beside += step
    return ""


def _number(word: str) -> Fraction | None:
    if word[:1].isdecimal() and word.replace(".", "").replace(",", "").isdecimal():
        return next((one.value for one in quantities(word)), None)
    digits = NUMBER_WORDS.get(word)
    return Fraction(digits) if digits and word not in {"one", "once", "eins", "acht"} else None


def _mislaid(text: str, source: str) -> str:
    """A noun that has another number here than there, where that number is of something else."""
    if not re.search(r"\d", text):
        return ""
    there = _labels(source)
    everything = {value for held in there.values() for value in held}
    for (label, side), held in _labels(text).items():
        known = there.get((label, side), frozenset())
        if known and not held & known and held <= everything:
            number, right = (str(min(some)) for some in (held, known))
            return f"“{label}” with {number}; there: {right}"
    return ""


CHECKS = (grounded, altered)
