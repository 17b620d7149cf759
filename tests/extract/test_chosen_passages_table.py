"""Chosen passages among the marks of a document: rows."""

import pytest

from ankiforge.extract.chosen_passages import add_chosen_passages
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Paragraph,
    PassageChoice,
    Problem,
    QuoteReading,
)

PAGES = (
    "Yeast makes gas. Rye has no gluten.\nSalt slows yeast.",
    "Rye has no gluten. It is sour.",
)
DOCUMENT = Document(DocumentKey("web:w/1"), "w", "Bread", path="bread.html")
PARAGRAPHS = (
    Paragraph(0, 0, 35, "Dough", tags=("a",), block_id="x", uri="u1", page_label="0:01"),
    Paragraph(0, 36, 53, "Salt", is_private=True, skip_reason="too old", tags=("a", "b")),
    Paragraph(1, 0, 30, "Rye"),
)
WHOLE = DocumentText(
    DOCUMENT, PAGES, PARAGRAPHS, "web:w", ("i", "ii"), (("h", 1),), "hash"
)
PROBLEM = Problem("bread.html", "half of it is missing", "save it again")
NOTICE = Problem("bread.html", "no marks", is_notice=True)


def choose(text: str, page: int = 0, start: int = 0, id: str = "e") -> PassageChoice:
    return PassageChoice(
        id, "bread.html", (QuoteReading(text, "", ""),), page, start, "2024"
    )


def marked(text: str, **more) -> Highlight:
    return Highlight(DOCUMENT, "web:w", HighlightKind.HIGHLIGHT, text, **more)


def add(*choices: PassageChoice, marks: tuple[Highlight, ...] = (), whole=WHOLE):
    """Return (text, page label) of each highlight of the document with these marks and choices."""
    document = ExtractedDocument(DOCUMENT, marks, "web:w")
    [found] = add_chosen_passages([document], whole, choices, "web:w")
    return [(mark.exact, mark.page_label) for mark in found.highlights]


def test_the_reason_of_the_document_comes_first():
    whole = DocumentText(DOCUMENT, PAGES, PARAGRAPHS, "web:w", skip_reason="a template")
    [found] = add_chosen_passages([], whole, [choose("Salt slows yeast.")], "web:w")
    [mark] = found.highlights
    assert (mark.skip_reason, mark.block_id, mark.sentence) == ("a template", "0", "")


RYE = "Rye has no gluten"


@pytest.mark.parametrize(
    ("choices", "marks", "expected"),
    [
        # in the order of the document
        ([choose("It is sour", 1), choose("Yeast")], (), [("Yeast", "0:01"), ("It is sour", "ii")]),
        ([choose("Salt slows")], (marked("Yeast makes"), marked("It is sour")),
         [("Yeast makes", ""), ("Salt slows", "i"), ("It is sour", "")]),
        # of two such passages, the nearest one
        ([choose(RYE, 0, 17)], (), [(RYE, "0:01")]),
        ([choose(RYE, 1, 0)], (), [(RYE, "ii")]),
        # a page that isn't there any longer: the first one counts
        ([choose(RYE, 2, 0)], (), [(RYE, "0:01")]),
        ([choose(RYE, 9, 0)], (), [(RYE, "0:01")]),
        # chosen twice, not there, or marked
        ([choose("Yeast makes", id="1"), choose("Yeast makes gas", id="2")], (), [("Yeast makes", "0:01")]),
        ([choose("Butter")], (marked("Yeast makes"),), [("Yeast makes", "")]),
        ([choose("yeast MAKES gas")], (marked("Yeast makes gas"),), [("Yeast makes gas", "")]),
        ([choose("Yeast makes gas")], (marked("Yeast makes"),),
         [("Yeast makes", ""), ("Yeast makes gas", "0:01")]),
        # marked at another place, as the context says
        ([choose(RYE, 1)], (marked(RYE, prefix="Yeast makes gas. ", suffix=".\nSalt slows"),),
         [(RYE, ""), (RYE, "ii")]),
        ([choose(RYE, 0, 17)], (marked(RYE, prefix="Yeast makes gas. ", suffix=" at all"),), [(RYE, "")]),
        ([choose(RYE, 0, 17)], (marked(RYE, suffix=" at all"),), [(RYE, ""), (RYE, "0:01")]),
        ([choose(RYE, 0, 17)], (marked(RYE, prefix="So ", suffix=f".{PAGES[0][34:]}"),), [(RYE, "")]),
    ],
)  # fmt: skip
def test_chosen_passages_among_the_marks(choices, marks, expected):
    assert add(*choices, marks=marks) == expected


@pytest.mark.parametrize(
    ("choice", "sightings", "expected"),
    [
        ("Butter", [], []),
        ("Butter", [PROBLEM, NOTICE], [PROBLEM, NOTICE]),
        ("Yeast", [PROBLEM, NOTICE], ["Yeast", PROBLEM]),  # it has marks now
    ],
)
def test_what_else_is_said_of_the_file(choice, sightings, expected):
    found = add_chosen_passages(sightings, WHOLE, [choose(choice)], "web:w")
    texts = [
        each.highlights[0].exact if isinstance(each, ExtractedDocument) else each
        for each in found
    ]
    assert texts == expected


def test_a_document_that_has_lost_all_its_pages_keeps_its_marks():
    whole = DocumentText(DOCUMENT, (), (), "web:w")
    assert add(choose(RYE, 0), choose(RYE, 1), marks=(marked("Yeast"),), whole=whole) == [
        ("Yeast", "")
    ]


def test_the_text_of_a_private_heading_is_a_private_name():
    paragraphs = (Paragraph(0, 0, 5, level=1, is_private=True), PARAGRAPHS[1])
    whole = DocumentText(DOCUMENT, PAGES, paragraphs, "web:w")
    [found] = add_chosen_passages([], whole, [choose("Rye")], "web:w")
    assert (found.private_names, found.private_texts) == (("Yeast",), (PAGES[0][36:],))
