import time

import pytest

from ankiforge.text.quotes import ASK, SAME, locate, similarity

SOURCE = "He said: “Spacing im\u00adproves re\u00adtention — of\n  facts”, e\u0301tudes and ﬁgures."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ('"spacing improves retention', "“Spacing im\u00adproves re\u00adtention"),
        ("retention - of facts", "re\u00adtention — of\n  facts"),
        ("études", "e\u0301tudes"),
        ("figures", "ﬁgures"),
        ("He said:", "He said:"),
    ],
)
def test_a_quote_is_found_under_other_typography_at_its_very_place(quote, found):
    span = locate(quote, SOURCE)
    assert span is not None
    assert SOURCE[slice(*span)] == found


@pytest.mark.parametrize("quote", ["", "  ", "massing", "spacing proves", "said He", "(facts)"])
def test_what_does_not_stand_there_is_not_found(quote):
    assert locate(quote, SOURCE) is None


def test_the_first_of_several_places_is_told():
    assert locate("ab", "xx ab yy ab") == (3, 5)


def test_a_long_source_is_searched_in_no_time():
    source = "word and other words, " * 20_000
    start = time.process_time()
    assert locate("not in it", source) is None
    assert locate("other words, word", source)
    assert time.process_time() - start < 5


# --- the same passage, edited ---------------------------------------------------------------


def alike(one: str, other: str) -> float:
    return similarity(one, "before it. ", " After it.", other, "before it. ", " After it.")


def test_a_corrected_word_is_the_same_passage():
    one = "The mitochondria is the powerhouse of the cell."
    assert alike(one, one) == pytest.approx(100)
    assert alike(one, one.replace("mitochondria is", "mitochondrion is")) >= SAME


def test_other_words_are_another_passage():
    one = "The mitochondria is the powerhouse of the cell."
    assert alike(one, "Chlorophyll absorbs light of most wavelengths.") < ASK


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It was signed in 1957 by six states.", "It was signed in 1958 by six states."),
        ("Cells can divide without a nucleus.", "Cells cannot divide without a nucleus."),
        ("The dose is 1.5 mg a day for adults.", "The dose is 15 mg a day for adults."),
        ("Das ist erlaubt und üblich.", "Das ist nicht erlaubt und üblich."),
    ],
)
def test_a_changed_number_or_negation_is_never_the_same(one, other):
    assert alike(one, other) == 0
