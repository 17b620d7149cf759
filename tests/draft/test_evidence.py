"""The evidence of a card is found in its passage, whatever a model says it is."""

import pytest
from msgspec.structs import replace

from ankiforge.draft.reply import Evidence, find_evidence
from ankiforge.model import Document, DocumentKey, Highlight, HighlightKind

MARK = "Sugars are carbohydrates. Their monomers are called monosaccharides, of one ring each."
PARAGRAPH = f"Cells store energy. {MARK} Starch has thousands of rings."
PASSAGE = Highlight(
    document=Document(DocumentKey("d"), "papers", "Cells"),
    namespace="pdf:d",
    kind=HighlightKind.HIGHLIGHT,
    exact=MARK,
    surrounding_text=PARAGRAPH,
)
SECOND = "Their monomers are called monosaccharides, of one ring each."


@pytest.mark.parametrize(
    ("quote", "answers", "found", "start"),
    [
        ("", ["Monosaccharides"], SECOND, 26),
        ("", ["monosaccharides."], SECOND, 26),
        ("a model's own words", ["monosaccharides"], "a model's own words", 0),
        ("", ["carbohydrates", "monosaccharides"], MARK, 0),
        ("called monosaccharides", ["monosaccharides"], SECOND, 45),
        ("“called  monosaccharides”", ["one ring"], SECOND, 45),
        ("", ["thousands of rings"], "Starch has thousands of rings.", 0),
        ("Starch has thousands", ["thousands"], "Starch has thousands of rings.", 0),
        ("Sugars are carbohydrates", ["one ring"], MARK, 0),
        ("Cells store energy", ["thousands of rings"], PARAGRAPH, 0),
        ("Starch has thousands", ["store energy"], PARAGRAPH, 0),
        ("", ["polymers"], "", 0),
        ("a model's own words", ["polymers"], "a model's own words", 0),
        ("", [], "", 0),
        # one letter can make another word
        ("Sugars are carbohydrases", ["one ring"], "Sugars are carbohydrases", 0),
    ],
)
def test_a_card_rests_on_the_sentence_that_has_its_answer(quote, answers, found, start):
    assert find_evidence(quote, answers, PASSAGE) == Evidence(found, start)


def test_the_sentence_of_a_mark_comes_before_what_is_around_it():
    sentence = "Their monomers have one ring."
    highlight = replace(
        PASSAGE,
        exact="monomers",
        sentence=sentence,
        surrounding_text=f"Glucose has one ring. {sentence}",
        suffix=" have one ring. Glucose has one ring.",
    )
    assert find_evidence("one ring", ["ring"], highlight) == Evidence(sentence)
    assert (
        find_evidence("Glucose has one", ["ring"], highlight).text
        == highlight.surrounding_text[:21]
    )
