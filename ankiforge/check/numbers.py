"""Check of the numbers, fractions and months of a card against its source."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import about, asked_by_reader, read, source_text
from ankiforge.language.quantities import (
    DIGITS,
    Quantity,
    all_numbers,
    bases,
    fractions,
    months,
    quantities,
    stated_numbers,
    values,
)
from ankiforge.model import Card, Finding
from ankiforge.text.shields import without_formulas

# `one` and `two` are often no numbers: both threads are two threads.
_LEAST_WORD = 3


@needs(Needs.COMPARISON)
def numbers(draft: Card, context: Context) -> Iterator[Finding]:
    """Find numbers that the source does not have, or has with another unit, sign or era."""
    reading = read(draft)
    source = source_text(context.highlight)
    foreign: list[str] = []
    if not asked_by_reader(draft):
        source_and_title = f"{source}\n{about(context.highlight)}"
        foreign += _foreign(reading.asked, source_and_title)
    for answer in reading.answers:
        foreign += _foreign(answer, source)
    if foreign:
        yield make_finding("ungrounded_number", ", ".join(dict.fromkeys(foreign)))
        return
    plain_source = without_formulas(source)
    for text in reading.answers if asked_by_reader(draft) else (reading.whole,):
        for quantity in quantities(without_formulas(text)):
            stated = _stated_otherwise(quantity, plain_source)
            if stated:
                yield make_finding("number_altered", f"{quantity.shown}; there: {stated}")
                return


# --- numbers that the source lacks ----------------------------------------------------


def _foreign(text: str, source: str) -> Iterator[str]:
    """Yield the numbers and months of a text that the source has in no notation."""
    source_digits = set(DIGITS.findall(source)) if source.isascii() else set()
    for number, notations in stated_numbers(text).items():
        if not source_digits.isdisjoint(notations):  # fast, and sufficient for most
            continue
        if not all_numbers(source).isdisjoint(notations):
            continue
        # 3,000,000 for 3 million
        of_number = [each for each in quantities(text) if number in each.shown]
        if not any(_has_size(source, quantity) for quantity in of_number):
            yield number
    for quantity in quantities(text):
        # what says more than its digits, and can be compared by its size
        says_more = quantity.unit != ""
        if quantity.spelled:
            says_more = quantity.value >= _LEAST_WORD
        if says_more and not _has_size(source, quantity):
            yield quantity.shown
    for word, value in fractions(text).items():
        has_word = word.rstrip("s") in source.casefold()
        if not has_word and values(source).isdisjoint((value, value * 100)):
            yield word
    # months, if the source names only others
    source_months = set(months(source).values())
    for name, month in months(text).items():
        if source_months and month not in source_months:
            yield name


def _has_size(source: str, quantity: Quantity) -> bool:
    """Return whether a source has a number of this size, in any notation and with any sign."""
    return abs(quantity.value) in values(source) or quantity.base in bases(source)


# --- numbers with another unit, sign or era -------------------------------------------


def _stated_otherwise(quantity: Quantity, source: str) -> str:
    """Return how the source states a number; "" if the card agrees."""
    if not (quantity.unit or quantity.era or quantity.value < 0):
        return ""
    size = abs(quantity.value)
    same_size = [stated for stated in quantities(source) if abs(stated.value) == size]
    if not same_size:
        return ""
    first = same_size[0].shown
    units = {stated.unit for stated in same_size} - {""}
    if quantity.unit and units and quantity.unit not in units:
        # the same in another unit: 5 g and 5,000 mg
        dimension, base = quantity.base
        return "" if (dimension, abs(base)) in bases(source) else first
    is_negative_there = any(stated.value < 0 for stated in same_size)
    if quantity.value < 0 and not is_negative_there:
        return first
    eras = {stated.era for stated in same_size}
    if quantity.era and "" not in eras and quantity.era not in eras:
        return first
    return ""
