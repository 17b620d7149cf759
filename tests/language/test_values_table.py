"""The quantities, values, fractions and months of a text, as checks compare them: rows."""

from fractions import Fraction

import pytest

from ankiforge.language.quantities import (
    extend_to_whole_numbers,
    find_fractions,
    find_months,
    find_number_values,
    find_sizes,
    map_numbers_to_notations,
    parse_quantities,
    separate_superscript_digits,
    splits_word_or_number,
)


@pytest.mark.parametrize(
    ("text", "written", "value", "unit", "base_size", "era"),
    [
        ("5 kg", "5 kg", 5, "kg", ("mass", 5000), ""),
        ("5kg", "5kg", 5, "kg", ("mass", 5000), ""),
        ("of -5 °C", "-5 °c", -5, "°c", ("celsius", 5), ""),
        ("minus 5 m", "minus 5 m", -5, "m", ("length", 5), ""),
        ("moins 5 m", "moins 5 m", -5, "m", ("length", 5), ""),
        ("−5 m", "−5 m", -5, "m", ("length", 5), ""),
        ("±5 V", "±5 v", 5, "v", ("voltage", 5), ""),
        ("+5 V", "+5 v", 5, "v", ("voltage", 5), ""),
        ("a-5", "5", 5, "", None, ""),
        ("$5 million", "$5 million", 5_000_000, "$", ("money", 5_000_000), ""),
        ("5 €", "5 €", 5, "€", ("euro", 5), ""),
        ("2 km²", "2 km2", 2, "km2", ("area", 2_000_000), ""),
        ("5 mg/l", "5 mg/l", 5, "mg/l", ("concentration", 5), ""),
        ("5 km/x", "5", 5, "", None, ""),
        (
            "299 792 458 m/s",
            "299 792 458 m/s",
            299792458,
            "m/s",
            ("speed", 299792458),
            "",
        ),
        # separators of thousands and decimals
        ("1,000,000", "1,000,000", 1_000_000, "", None, ""),
        ("1.000.000,5", "1.000.000,5", Fraction("1000000.5"), "", None, ""),
        ("1,000.5", "1,000.5", Fraction("1000.5"), "", None, ""),
        ("1.5", "1.5", Fraction("1.5"), "", None, ""),
        ("1,5", "1,5", Fraction("1.5"), "", None, ""),
        ("1.000", "1.000", 1000, "", None, ""),
        ("XIV", "14", 14, "", None, ""),
        # eras
        ("44 BC", "44 bc", 44, "", None, "before"),
        ("44 b.c.e.", "44 b.c.e.", 44, "", None, "before"),
        ("44 av. J.-C.", "44 av. j", 44, "", None, "before"),
        ("44 a. C.", "44 a. c.", 44, "", None, "before"),
        ("900 K. Chromium", "900 k", 900, "k", ("kelvin", 900), ""),
        ("12 V. Chrome", "12 v", 12, "v", ("voltage", 12), ""),
        ("44 v. Chr.", "44 v. chr", 44, "", None, "before"),
        ("44 v.Chr.", "44 v.chr", 44, "", None, "before"),
        ("79 n. Chr.", "79 n. chr", 79, "", None, "after"),
        ("79 AD", "79 ad", 79, "", None, "after"),
        ("79 ce", "79 ce", 79, "", None, "after"),
        ("AD 79", "ad 79", 79, "", None, "after"),
        ("a.d. 79", "a.d. 79", 79, "", None, "after"),
        ("5 V.", "5 v", 5, "v", ("voltage", 5), ""),
    ],
)
def test_a_quantity_has_a_value_a_unit_and_an_era(
    text, written, value, unit, base_size, era
):
    [quantity] = parse_quantities(text)
    assert (quantity.text, quantity.value) == (written, value)
    assert (quantity.unit.name if quantity.unit else "") == unit
    assert (quantity.era or "") == era
    assert quantity.size == base_size
    assert text.casefold()[quantity.start :].startswith(quantity.text[:1]) or unit == ""
    assert not quantity.is_spelled


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("3-5 km", [(3, "km", 0), (5, "km", 2)]),
        ("3 to 5 km", [(3, "km", 0), (5, "km", 5)]),
        ("3, 4 and 5 km", [(3, "km", 0), (4, "km", 3), (5, "km", 9)]),
        ("3 and a 5 km", [(3, "", 0), (5, "km", 8)]),
        ("3 g to 5 km", [(3, "g", 0), (5, "km", 7)]),
        ("3 to 5 of", [(3, "", 0), (5, "", 5)]),
        ("three men, twenty km", [(3, "", 0), (20, "km", 11)]),
        ("once he came", []),
    ],
)
def test_the_numbers_of_a_range_have_one_unit(text, quantities):
    found = parse_quantities(text)
    assert [
        (each.value, each.unit.name if each.unit else "", each.start) for each in found
    ] == quantities
    assert [each.is_spelled for each in found] == [
        each.text[0].isalpha() for each in found
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3/4 or so", {3, 4, Fraction(3, 4)}),
        ("a ½", {1, 2, Fraction(1, 2)}),
        ("2⁄3", {2, 3, Fraction(2, 3)}),
        ("1/0", {0, 1}),
        ("-5 million", {5_000_000, 1_000_000}),
        ("half of 3", {3, Fraction(1, 2)}),
        ("twenty-five", {20, 5, 25}),
        ("no number", set()),
    ],
)
def test_the_values_of_a_text_with_its_fractions(text, values):
    assert find_number_values(text) == values


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("5 g and 5,000 mg", {("mass", 5)}),
        ("-5 °C", {("celsius", 5)}),
        ("3 men in 2 h", {("time", 7200)}),
        ("3 men", set()),
    ],
)
def test_sizes_are_compared_in_base_units(text, sizes):
    assert find_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "fractions"),
    [
        ("half a cell", {"half": Fraction(1, 2)}),
        ("a third of it", {"third": Fraction(1, 3)}),
        ("One quarter.", {"quarter": Fraction(1, 4)}),
        ("two thirds", {"thirds": Fraction(2, 3)}),
        ("the third of it", {}),
        ("a third way", {}),
        ("the last quarter", {}),
    ],
)
def test_a_word_is_a_fraction_beside_the_right_words(text, fractions):
    assert find_fractions(text) == fractions


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("in May 1815", {"May": 5}),
        ("since March", {"March": 3}),
        ("May 5", {"May": 5}),
        ("May, 1815", {"May": 5}),
        ("3. Mai", {"Mai": 5}),
        ("im Mai", {"Mai": 5}),
        ("5 de mayo", {"mayo": 5}),
        ("mayo de 1815", {"mayo": 5}),
        ("June 5, and in July", {"June": 6, "July": 7}),
        ("it may be", {}),
        ("the march", {}),
        ("in Mayor", {}),
        ("dismay 5", {}),
    ],
)
def test_a_month_is_beside_a_date_or_a_preposition(text, months):
    assert find_months(text) == months


@pytest.mark.parametrize(
    ("text", "notations"),
    [
        ("1,000", {"1,000": ("1,000", "1000", "1.000")}),
        ("3,5", {"3,5": ("3,5", "3.5")}),
        ("10^3", {"10": ("10", "103"), "3": ("3", "103")}),
        ("10³ m", {"10": ("10",), "3": ("3",)}),
        ("WWII in 1939", {"2": ("2",), "1939": ("1939",)}),
        ("no number", {}),
    ],
)
def test_a_number_may_stand_in_a_source_otherwise(text, notations):
    assert map_numbers_to_notations(text) == notations


@pytest.mark.parametrize(
    ("text", "apart"),
    [("10³ m", "10 ³ m"), ("H₂O", "H ₂O"), ("10¹² and x", "10 ¹ ² and x"), ("10", "10")],
)
def test_raised_digits_are_apart(text, apart):
    assert separate_superscript_digits(text) == apart


@pytest.mark.parametrize(
    ("text", "offset", "splits"),
    [
        ("cell", 0, False),
        ("cell", 2, True),
        ("cell", 4, False),
        ("well-known", 3, True),
        ("well-known", 4, False),
        ("well-known", 5, False),
        ("a b", 1, False),
        ("a b", 2, False),
        ("5 km", 1, True),
        ("5 km", 2, True),
        ("a 5 km", 1, False),
        ("5-6 km", 1, True),
        ("5-6 km", 2, True),
    ],
)
def test_a_gap_may_begin_and_end_at_a_border(text, offset, splits):
    assert splits_word_or_number(text, offset) is splits


@pytest.mark.parametrize(
    ("text", "gap", "extended"),
    [
        ("about 1,000 men", "00 men", "1,000 men"),
        ("about 1,000 men", "about 1", "about 1,000"),
        ("about 1,000 men", "1,000", "1,000"),
        ("about 1,000 men", "men", "men"),
        ("about 1,000 men and 2 cells", "el", "el"),
        ("5 km", "5", "5 km"),
        ("the cell", "el", "el"),
    ],
)
def test_a_gap_grows_to_whole_numbers(text, gap, extended):
    start = text.index(gap)
    start, end = extend_to_whole_numbers(text, start, start + len(gap))
    assert text[start:end] == extended
