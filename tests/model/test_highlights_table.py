"""What documents, highlights and what sources yield answer about themselves: rows."""

import pytest

from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    Highlight,
    HighlightKind,
    Paragraph,
    PrivateText,
    find_colour_name,
)

DOCUMENT = Document(DocumentKey("d"), "v", "T")


def highlight(namespace="vault:v", **fields):
    return Highlight(DOCUMENT, namespace, HighlightKind.HIGHLIGHT, "words", **fields)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#FFD400", "yellow"),
        ("#ff6666", "red"),
        ("#f00", "#f00"),
        ("#5fb236", "green"),
        ("#2ea8e5", "blue"),
        ("#a28ae5", "purple"),
        ("#e56eee", "magenta"),
        ("#f19837", "orange"),
        ("#ff00aa", "magenta"),
        ("#ff0008", "red"),  # the hue just below 360 is red
        ("#00ffff", "blue"),
        ("#00ff00", "green"),
        ("#aaaaaa", "gray"),
        ("#aaaac3", "gray"),
        ("#aaaac5", "blue"),
        ("#000000", "gray"),
        ("Grey", "gray"),
        ("Pink", "pink"),
        ("", ""),
        ("x#ffd400", "x#ffd400"),
        ("#ffd4000", "#ffd4000"),
    ],
)
def test_the_palette_colour_of_the_nearest_hue(colour, name):
    assert find_colour_name(colour) == name


@pytest.mark.parametrize(
    ("label", "shown"), [("", None), ("12", "p. 12"), ("xii", "p. xii"), ("1:02", "1:02")]
)
def test_a_page_or_a_time_is_shown(label, shown):
    assert highlight(page_label=label).page_or_time == shown


def test_the_private_paragraphs_of_a_text_and_the_names_among_them():
    text = DocumentText(
        DOCUMENT,
        ("ab", "cdef"),
        (
            Paragraph(0, 0, 1, is_private=True, level=1),
            Paragraph(0, 1, 2),
            Paragraph(1, 1, 3, is_private=True),
        ),
    )
    assert text.get_paragraph_text(text.paragraphs[2]) == "de"
    assert text.list_private_texts() == [
        PrivateText("a", DOCUMENT.key, is_name=True),
        PrivateText("de", DOCUMENT.key),
    ]
