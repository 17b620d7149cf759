"""What is a sentence by itself, names its subject, and is one thing: a row for each."""

import pytest

from ankiforge.language import clauses
from ankiforge.language.lexicon import language
from ankiforge.language.tokens import tokens

ENGLISH = language("en")


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("The membrane separates two cells", True),
        ("a membrane separates two cells", True),
        ("The membrane separates two", True),
        ("membrane separates cells", False),  # three words
        ("The membrane separates two cells and", False),
        ("The membrane separates two cells:", False),
        ("The membrane separates two cells (", False),
        ("The membrane of two cells", False),
        ("Separates two cells of it", False),
        ("Cells called neurons of it", False),
        ("A cell with separated walls inside", False),
        ("Boxes wrap across the edges", False),
        ("In mice the membrane separates two", False),
    ],
)
def test_a_line_of_a_note_is_whole(text, is_whole):
    assert clauses.is_whole_line(text, ENGLISH) is is_whole


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The membrane separates cells", True),
        ("Separates the membrane", False),
        ("It separates the membrane", False),
        ("Working memory holds four chunks", True),
        ("`tar` is a program", True),
        ("Osmosis", True),
        ("Quickly the membrane", True),
    ],
)
def test_a_sentence_names_its_subject(text, names):
    assert clauses.names_subject(tokens(text, ENGLISH), ENGLISH) is names


@pytest.mark.parametrize(
    ("text", "has_verb"),
    [
        ("The membrane separates cells", True),
        ("The membrane is thin", True),
        ("A membrane that separates cells", False),
        ("A membrane that can separate cells", False),
        ("A membrane that separates cells is thin", True),
        ("Amount of memory required for an algorithm", False),
        ("The memory is required for an algorithm", True),
        ("Number of steps for running an algorithm", False),
        ("Bits needed to represent the input", False),
        ("A cell called neuron", False),
        ("The heart pumps blood", True),
        ("Caffeine blocks the receptors of adenosine", True),
        ("The organ that cleans the blood is called a kidney", True),
        ("The energy that cells spend is called chemical", True),
        ("The rule that everybody uses for running", False),
        ("Two filters of plasma", False),
    ],
)
def test_a_sentence_has_a_verb_of_its_own(text, has_verb):
    assert clauses.has_main_verb(tokens(text, ENGLISH), ENGLISH) is has_verb


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("membrane", True),
        ("the thin membrane", True),
        ("42 km", True),
        ("`tar`", True),
        ("*membrane*", True),
        ("in phases", False),
        ("both of them", False),
        ("separates cells", False),
        ("thin", False),
        ("soluble", False),
        ("quickly a membrane", False),
        ("…", False),
    ],
)
def test_a_phrase_is_one_thing(text, is_one):
    assert clauses.is_noun_phrase(tokens(text, ENGLISH), ENGLISH) is is_one


@pytest.mark.parametrize(
    ("text", "begins"),
    [("The cell", True), ("“The cell", True), ("42 cells", True), ("the cell", False)],
)
def test_a_text_begins_whole(text, begins):
    assert clauses.begins_whole(text) is begins
