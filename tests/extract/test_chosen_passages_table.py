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
    SkippedText,
    UnmarkedDocument,
    hints,
)
from ankiforge.text.keys import build_reading

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


def test_a_chosen_passage_is_a_highlight_with_its_place():
    [found] = add_chosen_passages([], WHOLE, [choose("Yeast makes gas")], "web:w")
    assert found == ExtractedDocument(
        DOCUMENT,
        (
            Highlight(
                DOCUMENT,
                "web:w",
                HighlightKind.HIGHLIGHT,
                "Yeast makes gas",
                suffix=f". {PAGES[0][17:]}",
                sentence="Yeast makes gas.",
                surrounding_text=PAGES[0],
                page_label="0:01",
                heading="Dough",
                uri="u1",
                tags=("a",),
                block_id="x",
                hints=(hints.make_choice_hint("e"),),
                created="2024",
            ),
        ),
        "web:w",
        (("h", 1),),
        text_hash="hash",
        private_texts=(PAGES[0][36:],),
    )


def test_a_passage_over_several_paragraphs_has_what_any_of_them_has():
    [found] = add_chosen_passages([], WHOLE, [choose("gluten. Salt slows")], "web:w")
    [mark] = found.highlights
    assert mark.exact == "gluten. Salt slows"
    assert mark.tags == ("a", "b", "no-llm")
    assert mark.skip_reason == "too old"
    assert (mark.heading, mark.page_label) == ("Dough", "0:01")


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


def test_what_is_known_of_an_unmarked_document_stays():
    unmarked = UnmarkedDocument(
        "web:w",
        "bread.html",
        "f",
        private_texts=("secret",),
        private_names=("name",),
        skipped_texts=(SkippedText("x", "page 1", "why"),),
    )
    assert add_chosen_passages([unmarked], WHOLE, [choose("Butter")], "web:w") == [
        unmarked
    ]
    [found] = add_chosen_passages([unmarked], WHOLE, [choose("Yeast")], "web:w")
    assert found.private_texts == ("secret",)
    assert found.private_names == ("name",)
    assert found.skipped_texts == unmarked.skipped_texts


def test_the_text_of_a_private_heading_is_a_private_name():
    paragraphs = (Paragraph(0, 0, 5, level=1, is_private=True), PARAGRAPHS[1])
    whole = DocumentText(DOCUMENT, PAGES, paragraphs, "web:w")
    [found] = add_chosen_passages([], whole, [choose("Rye")], "web:w")
    assert (found.private_names, found.private_texts) == (("Yeast",), (PAGES[0][36:],))


def test_a_passage_of_a_note_keeps_its_markup():
    def render(start: int, end: int) -> str:
        return PAGES[0][start:end].replace("gas", "**gas**")

    whole = DocumentText(DOCUMENT, PAGES[:1], (), "web:w", render_markdown=render)
    choices = [choose("Yeast makes gas"), choose("Salt slows")]
    [found] = add_chosen_passages([], whole, choices, "web:w")
    assert [mark.markdown for mark in found.highlights] == [
        ("Yeast makes **gas**",),
        (),
    ]
    assert [mark.block_id for mark in found.highlights] == ["0", "0"]
    assert build_reading(found.highlights[0]).exact == "Yeast makes gas"
