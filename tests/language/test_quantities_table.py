"""Numbers in words and ideographs, and what of a text is one and is never cut: rows."""

import pytest

from ankiforge.language.quantities import (
    find_numbers,
    find_spelled_numbers,
    find_unsplittable_offsets,
    replace_roman_numerals,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("twenty-five men", {25}),
        ("one thousand six hundred", {1600}),
        ("fünfundzwanzig Jahre", {25}),
        ("tausendsechshundert", {1600}),
        ("mille six cents ans", {1600}),
        ("quatre-vingt-dix", {90}),
        ("mil seiscientos", {1600}),
        ("duecentocinquanta", {250}),
        ("duzentos e cinquenta", {250}),
        ("около тысячи шестисот", {1600}),
        ("в пяти случаях", {5}),
        ("трёхсот", {300}),
        ("vingt-et-un", {21}),
        ("centoeuno anni", {101}),
        ("einhundertundfünf", {105}),
        ("二〇％", {20}),
        ("一六〇三年", {1603}),
        ("千六百三人", {1603}),
        ("三億五千万", {350_000_000}),
        ("三人", {3}),
        # words that look like numbers
        ("一番", set()),
        ("he came once", set()),
        ("Seien wir einig", set()),
        ("a cent", {100}),
        ("ein" * 50, set()),
    ],
)
def test_the_numbers_of_a_text(text, values):
    assert find_spelled_numbers(text) == values


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("the first way", {"1"}),
        ("the third way", {"3"}),
        ("twentyfold", {"20"}),
        ("two ways", {"2"}),
        ("no way", set()),
    ],
)
def test_numbers_in_words_and_ordinals_are_numbers(text, numbers):
    assert find_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("about 1,000 men", "1,000"),
        ("about 54 300 men", "54 300"),
        ("some 5 km away", "5 km"),
        ("in 10–20 ms or less", "10–20 ms"),
        ("a share of 30 % of it", "30 %"),
        ("for $5 million a year", "$5 million"),
        ("at −5 °C it", "−5 °C"),
        ("of 3.5 kg/m³ there", "3.5 kg/m³"),
        ("of 10⁵ Pa there", "10⁵ Pa"),
        ("with H₂O it", "H₂O"),
        ("ions Na⁺ and", "Na⁺"),
        ("the 41-Jährige war", "41-Jährige"),
        ("am 5 Mio. Euro dafür", "5 Mio. Euro"),
        ("a self-made man", "self-made"),
        ("the 19th century was", "19th century"),
        ("原発性が約 70 %と多い", "70 %"),
        ("血中に5mgの", "5mg"),
        ("with V1.4 of it", "V1.4"),
        ("about HKD1.7 million more", "HKD1.7 million"),
        ("as ISO Z39.88-2004 says", "Z39.88-2004"),
        ("tutti i 100 milioni di volte", "100 milioni"),
        ("ions of H2O2 there", "H2O2"),
    ],
)
def test_nothing_of_a_unit_is_cut(text, whole):
    start = text.index(whole)
    end = start + len(whole)
    inside = find_unsplittable_offsets(text)
    assert set(range(start + 1, end)) <= inside
    assert start not in inside
    assert end not in inside


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("l'eau", 2),
        ("from 1939 to 1945", 9),
        ("at 2:30 p.m.", 7),
        ("1869年に", 4),
        ("東京", 1),
        ("5 men", 1),
        ("[12] (1989)", 1),
    ],
)
def test_a_border_beside_a_unit_cuts_nothing(text, place):
    assert place not in find_unsplittable_offsets(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("in WWII", "in World War 2"),
        ("type ii", "type ii"),
        ("XIV and IX", "14 and 9"),
        ("I said so", "I said so"),
        ("type IV collagen", "type 4 collagen"),
        ("in IV.", "in 4."),
        ("the XX century", "the 20 century"),
    ],
)
def test_roman_numerals_are_numbers(text, shown):
    assert replace_roman_numerals(text) == shown
