import pytest

from ankiforge.text.passages import boundaries, sentence_around, sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "See no. 5 and pp. 3 for it.",
        "Compare Fig. 3, Eq. (4) and vol. II of it.",
        "J. R. R. Tolkien and J.R.R. Tolkien and J.-P. Sartre.",
        "The U.S. Army left.",
        "Dr. Who and Prof. X met.",
        "Smith et al. (2020) say so.",
        "z. B. Hunde, d. h. Tiere.",
        "Am 3. Oktober und im 19. Jahrhundert.",
        "It works. or so they say",
        "「行く。」と言った",
        "1. First of all",
    ],
)
def test_a_full_stop_of_an_abbreviation_ends_no_sentence(text):
    assert cut(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "He said no.| She left.",
        "In 1990.| The rest.",
        "At 20 °C.| The sample.",
        "For all x.| The next.",
        "Really?!| Yes…| Go!",
        "(He went.)| “So it is.”| Yes.",
        "一番です。|次の文！|終わり",
        "यह है।| वह है।",
        "It ends here.| → So there.",
        "5 sec.| Then more.",
    ],
)
def test_other_sentences_end(text):
    assert cut(text.replace("|", "")) == [part.strip() for part in text.split("|")]


def test_boundaries_are_where_the_next_sentence_may_begin():
    assert boundaries("One. Two.") == [4]
    assert boundaries("") == boundaries("One.") == []


def test_a_span_over_two_sentences_has_both_around_it():
    text = "One here. Two here. Three here."
    assert sentence_around(text, 4, 12) == (0, 19)
    assert sentence_around(text, 10, 12) == (10, 19)


def test_many_sentences_take_time_in_proportion():
    """Each of these looked back or ahead over the whole text once."""
    for text in ("1. " * 100_000, ". → " * 100_000, "A. " * 100_000):
        assert sentences(text)
