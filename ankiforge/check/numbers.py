"""Check that the numbers of a card are in its source, with the same unit, sign and era."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ankiforge.check.rules_and_text import (
    CheckContext,
    get_answer_source_text,
    get_subject_text,
    is_word_meaning_card,
    make_finding,
    parse_draft,
)
from ankiforge.language.quantities import (
    DIGIT_NUMBER,
    Quantity,
    find_fractions,
    find_months,
    find_number_values,
    find_numbers,
    find_sizes,
    map_numbers_to_notations,
    parse_quantities,
)
from ankiforge.model import CardContent, Finding, Strings
from ankiforge.text.citations import AMBIGUOUS_RAISED_NUMBER
from ankiforge.text.normalize import blank_out_code_and_urls

# Smaller spelled-out numbers aren't compared, because `one` and `two` often don't state a
# number: “two threads” may be “both threads” in the source.
_MIN_SPELLED_NUMBER = 3


def check_numbers(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report numbers that aren't in the source, or else the first that is stated differently."""
    unknown_numbers = list(_find_unknown_numbers(draft, context))
    if unknown_numbers:
        numbers = ", ".join(dict.fromkeys(unknown_numbers))
        yield make_finding("ungrounded_number", numbers)
        return
    source = get_answer_source_text(context.highlight)
    source_without_code = blank_out_code_and_urls(source)
    for quantity in _list_claimed_quantities(draft):
        conflict = _find_conflicting_number(quantity, source_without_code)
        if conflict is None:
            continue
        # the card may have a formula of the source without its dollar signs, which is no conflict
        if _find_conflicting_number(quantity, source) is None:
            continue
        yield make_finding("number_altered", f"{quantity.text}; there: {conflict}")
        return
    ambiguous = _find_ambiguous_number(draft, source)
    if ambiguous is not None:
        yield make_finding("ambiguous_number", ambiguous)


def _list_claimed_quantities(draft: CardContent) -> list[Quantity]:
    """Return the quantities of a card. If the user asked the question, only those of the answer."""
    reading = parse_draft(draft)
    texts: Strings = (reading.full_text,)
    if draft.origin.is_from_comment:
        texts = reading.answers
    quantities: list[Quantity] = []
    for text in texts:
        quantities += parse_quantities(blank_out_code_and_urls(text))
    return quantities


def _find_ambiguous_number(draft: CardContent, source: str) -> str | None:
    """Return a number on a drafted card that the source has with a power or a citation."""
    if draft.origin.is_from_comment:
        return None
    numbers = set(DIGIT_NUMBER.findall(parse_draft(draft).full_text))
    for number in AMBIGUOUS_RAISED_NUMBER.finditer(source):
        if number[1] in numbers:
            return number[0]
    return None


# --- numbers that the source lacks ----------------------------------------------------


def _find_unknown_numbers(draft: CardContent, context: CheckContext) -> Iterator[str]:
    """Yield the numbers, fractions and months of a card that its source lacks, as written.

    The numbers of a question may be in a title. They aren't compared if the user asked it.
    """
    reading = parse_draft(draft)
    source = get_answer_source_text(context.highlight)
    source_and_title = f"{source}\n{get_subject_text(context.highlight)}"
    if not draft.origin.is_from_comment:
        yield from _find_numbers_missing_in(source_and_title, reading.question)
    if is_word_meaning_card(draft, context.highlight):
        source = source_and_title
    for answer in reading.answers:
        yield from _find_numbers_missing_in(source, answer)


def _find_numbers_missing_in(source: str, text: str) -> Iterator[str]:
    yield from _find_missing_digits(source, text)
    for quantity in parse_quantities(text):
        if not _is_comparable(quantity):
            continue
        if not _contains_equal_quantity(source, quantity):
            yield quantity.text
    for word, value in find_fractions(text).items():
        if not _contains_fraction(source, word, value):
            yield word
    yield from _find_missing_months(source, text)


def _contains_fraction(source: str, word: str, value: Fraction) -> bool:
    """Return whether a source has a fraction, as the same word, as a number or in percent."""
    if word.rstrip("s") in source.casefold():
        return True
    return not find_number_values(source).isdisjoint((value, value * 100))


def _find_missing_digits(source: str, text: str) -> Iterator[str]:
    """Yield the numbers in digits that the source has in no notation."""
    source_digits = frozenset[str]()
    if source.isascii():  # a fast test that decides most cases
        source_digits = frozenset(DIGIT_NUMBER.findall(source))
    for number, notations in map_numbers_to_notations(text).items():
        if not source_digits.isdisjoint(notations):
            continue
        if not find_numbers(source).isdisjoint(notations):
            continue
        if not _is_in_equal_quantity(number, text, source):
            yield number


def _is_in_equal_quantity(number: str, text: str, source: str) -> bool:
    """Return whether a number is in a quantity that the source writes differently.

    The source may write the `3 million` of a text as `3,000,000`.
    """
    for quantity in parse_quantities(text):
        if number not in quantity.text:
            continue
        if _contains_equal_quantity(source, quantity):
            return True
    return False


def _is_comparable(quantity: Quantity) -> bool:
    """Return whether a quantity, which may be written in other digits, is compared by its size."""
    if quantity.is_spelled:
        return quantity.value >= _MIN_SPELLED_NUMBER
    return quantity.unit is not None


def _contains_equal_quantity(source: str, quantity: Quantity) -> bool:
    if abs(quantity.value) in find_number_values(source):
        return True
    return quantity.size in find_sizes(source)


def _find_missing_months(source: str, text: str) -> Iterator[str]:
    """Yield the months in a text that aren't in its source, unless the source names no month."""
    months = find_months(text)
    if not months:
        return
    source_months = set(find_months(source).values())
    if not source_months:
        return
    for name, month in months.items():
        if month not in source_months:
            yield name


# --- numbers with another unit, sign or era -------------------------------------------


def _find_conflicting_number(quantity: Quantity, source: str) -> str | None:
    """Return the number as the source has it, if its unit, sign or era differs there.

    A number that is equal to one of the source's numbers, or missing there, is no conflict.
    """
    value = abs(quantity.value)
    stated = [each for each in parse_quantities(source) if abs(each.value) == value]
    if not stated:
        return None
    if _has_other_unit(quantity, stated):
        # the source may have the same size in this unit, such as 5 g beside 5,000 mg
        if quantity.size in find_sizes(source):
            return None
        return stated[0].text
    if _has_other_sign(quantity, stated):
        return stated[0].text
    if _has_other_era(quantity, stated):
        return stated[0].text
    return None


def _has_other_unit(quantity: Quantity, stated: list[Quantity]) -> bool:
    """Return whether some of the source's numbers have a unit, and none has the same."""
    if quantity.unit is None:
        return False
    source_units = {each.unit for each in stated} - {None}
    if not source_units:
        return False
    return quantity.unit not in source_units


def _has_other_sign(quantity: Quantity, stated: list[Quantity]) -> bool:
    return all((each.value < 0) != (quantity.value < 0) for each in stated)


def _has_other_era(quantity: Quantity, stated: list[Quantity]) -> bool:
    """Return whether each of the source's numbers has an era, and none has the same."""
    if quantity.era is None:
        return False
    source_eras = {each.era for each in stated}
    return source_eras.isdisjoint((None, quantity.era))
