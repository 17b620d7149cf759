"""How a card and its document are named in one line, as rows."""

from itertools import islice

import pytest

from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
)
from ankiforge.reports.cards import (
    format_list_row,
    format_list_row_in_full,
    format_short_question,
    format_title,
)


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("", "On Memory"),
        ("12", "On Memory, p. 12"),
        ("xii", "On Memory, p. xii"),
    ],
)
def test_a_document_is_named_with_the_page_if_there_is_one(page, line):
    document = Document(DocumentKey("a:b/c"), "a", title="On Memory")
    highlight = Highlight(
        document, "a:b", HighlightKind.HIGHLIGHT, exact="words", page_label=page
    )
    assert format_title(highlight) == line


LONG = "The isolation of arriving ships for forty days, before anybody may go ashore, is called"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"Front": "What helps?", "Back": "tests"}, "What helps?"),
        ({"Text": "{{c1::Tests}} help."}, "[Tests] help."),
        (
            {"Text": r"{{c1::$\alpha$}} bounds **type I** errors, $1 - \beta$."},
            r"[$\alpha$] bounds type I errors, $1 - \beta$.",
        ),
        ({"Front": f"{LONG} how?"}, f"{LONG[:71]}…"),
        # of a long cloze, the part that has its first gap
        (
            {"Text": f"{LONG} {{{{c1::quarantine}}}}."},
            "…go ashore, is called [quarantine].",
        ),
        ({"Text": f"{{{{c1::Quarantine}}}}: {LONG}"}, f"[Quarantine]: {LONG[:57]}…"),
        ({"Occlusion": "hide all", "Image": "x"}, "(no label)"),
        ({"Occlusion": "hide all\n1 .1 .2 .3 .4 Femur", "Image": "x"}, "Femur"),
    ],
)
def test_a_question_fits_a_line_with_its_first_gap(fields, line):
    assert format_short_question(tuple(fields.items())) == line


def test_a_figure_names_its_labels(make_card):
    masks = "hide all\n1 .1 .2 .3 .4 Femur\n2 .5 .5 .1 .1"
    card = make_card(CardKind.OCCLUSION, Occlusion=masks, Image="x")
    text = [
        line.split(maxsplit=1) for line in islice(format_list_row_in_full(None, card), 6)
    ]
    assert ["hides", "all labels"] in text
    assert text[-2:] == [["1", "Femur"], ["2", "(drawn)"]]
    assert format_list_row(card).partition("\t")[0] == "✓ Femur · (2)"
