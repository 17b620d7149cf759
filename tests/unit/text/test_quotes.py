import time

import pytest

from ankiforge.text.fold import locate

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
