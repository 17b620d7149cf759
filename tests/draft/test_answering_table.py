"""Which sentences of an answer stand: a quote that is found, and nothing that is from elsewhere."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.draft.answering import answer_in, checked

PASSAGES = {
    "a1": "The mitochondrion makes most of the ATP of a cell. It has a genome of its own.",
    "b2": "In 1885 Ebbinghaus learnt 2,300 syllables, and forgot half of them within an hour.",
    "c3": "Die Ersparnis misst, was blieb. Im Alter nimmt sie ab.",
    "d4": "Plate tectonics explains why the Atlantic widens by two centimetres a year.",
}
QUESTION = "What makes energy, and what did Ebbinghaus learn of CO2?"
ATP = "makes most of the ATP of a cell"
YEAR = "Ebbinghaus learnt 2,300 syllables"
KEPT = [
    ("Mitochondria make the ATP.", "a1", ATP),
    (
        "Most ATP of a cell is made there.",
        "a1",
        "The mitochondrion makes **most** of the ATP",
    ),
    ("It has its own genome.", "a1", "It has … a genome of its own"),
    ("Ebbinghaus learnt 2300 syllables.", "b2", YEAR),
    (
        "In 1885 he lost one half within an hour.",
        "b2",
        "forgot half of them within an hour",
    ),
    ("It says nothing of CO2.", "a1", ATP),
    ("Was blieb, misst die Ersparnis.", "c3", "Die Ersparnis misst, was blieb"),
    ("What remained is measured by the savings.", "c3", "Die Ersparnis misst, was blieb"),
    (
        "The Atlantic widens by 2 cm a year.",
        "d4",
        "the Atlantic widens by two centimetres",
    ),
]
# Planted lies, and sentences without a quote.
DROPPED = [
    ("Mitochondria make 90 % of the ATP.", "a1", ATP),
    ("Thirty mitochondria make the ATP.", "a1", ATP),
    ("Mitochondria make the GTP.", "a1", ATP),
    ("As Margulis found, mitochondria make the ATP.", "a1", ATP),
    ("Mitochondria make ATP by mTOR.", "a1", ATP),
    ("In 1886 Ebbinghaus learnt syllables.", "b2", YEAR),
    ("Ebbinghaus learnt them with Wundt.", "b2", YEAR),
    (
        "The Pacific widens by two centimetres, like the Atlantic.",
        "a1",
        "Atlantic widens by two",
    ),
    ("Der Atlantik wird um drei Zentimeter breiter.", "d4", "the Atlantic widens by two"),
    (
        "Wegener explained why the Atlantic and Iceland move.",
        "d4",
        "the Atlantic widens by two",
    ),
    ("Plants make it, too.", "a1", "chloroplasts make the ATP of plants"),
    ("It is so.", "a1", "of a"),
    ("It is so.", "e5", ATP),
    ("It is so.", "", ATP),
    ("", "a1", ATP),
    ("It is so.", "a1", ""),
]


@pytest.mark.parametrize(("says", "label", "quote"), KEPT)
def test_a_sentence_over_a_quote_is_shown_with_the_words_of_the_passage(
    says, label, quote
):
    given = {"says": says, "passage": label, "quote": quote}
    [sentence] = checked([given], QUESTION, PASSAGES)
    assert sentence.dropped == ""
    assert sentence.quote in PASSAGES[label]


@pytest.mark.parametrize(("says", "label", "quote"), DROPPED)
def test_a_sentence_without_a_quote_or_with_a_lie_is_dropped(says, label, quote):
    given = {"says": says, "passage": label, "quote": quote}
    [sentence] = checked([given], QUESTION, PASSAGES)
    assert sentence.dropped


SLICE = st.builds(
    lambda text, start, size: text[start : start + size],
    st.sampled_from([*PASSAGES.values()]),
    st.integers(0, 60),
    st.integers(0, 60),
)
GIVEN = st.fixed_dictionaries(
    {
        "says": st.text(min_size=1, max_size=30),
        "passage": st.sampled_from([*PASSAGES, "e5", ""]),
        "quote": st.one_of(SLICE, SLICE.map(str.upper), st.text(max_size=40)),
    }
)


@given(st.lists(GIVEN, max_size=6))
def test_no_sentence_is_shown_whose_quote_is_not_in_its_passage(answer):
    for sentence in checked(answer, QUESTION, PASSAGES):
        if not sentence.dropped:
            assert sentence.quote
            assert sentence.quote in PASSAGES[sentence.passage]


ONE = {"says": "It is so.", "passage": "a1", "quote": ATP}


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        (json.dumps({"answer": [ONE]}), 1),
        (f"Here:\n```json\n{json.dumps({'answer': [ONE]}, indent=1)}\n```", 1),
        (f"<think>{{}}</think>{json.dumps({'answer': [ONE, ONE]})}", 2),
        (json.dumps({"answer": [ONE] * 9}), 4),
        (json.dumps({"answer": []}), 0),
        (json.dumps({"answer": [None, 3, "x", [ONE]]}), 0),
        (json.dumps({"answer": ONE}), 0),
        ("I do not know.", 0),
        ("", 0),
        (json.dumps({"answer": [{"says": 3, "passage": ["a1"], "quote": None}]}), 1),
    ],
)
def test_any_reply_gives_at_most_four_sentences(reply, count):
    assert len(checked(answer_in(reply), QUESTION, PASSAGES)) == count
