"""What documents, highlights and what sources yield answer about themselves: rows."""

from dataclasses import dataclass

import pytest

from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    Highlight,
    HighlightKind,
    LazyText,
    Paragraph,
    PrivateText,
    Problem,
    find_colour_name,
    hints,
)
from ankiforge.model.sources import EmptySourceCache

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
    ("title", "path", "displayed", "meaningful"),
    [
        ("Cells", "a.pdf", "Cells", "Cells"),
        ("", "a.pdf", "a.pdf", ""),
        ("1984", "a.pdf", "1984", "1984"),
        ("12345", "a.pdf", "12345", ""),
        ("12345a", "a.pdf", "12345a", "12345a"),
    ],
)
def test_a_number_of_a_file_is_no_title(title, path, displayed, meaningful):
    document = Document(DocumentKey("d"), "v", title, path)
    assert (document.display_name, document.meaningful_title) == (displayed, meaningful)


@pytest.mark.parametrize(
    ("namespace", "kind", "has_formulas"),
    [
        ("zotero:user", "zotero", False),
        ("pdf:x", "pdf", False),
        ("vault:v", "vault", True),
        ("kindle:k", "other", True),
        ("other:k", "other", True),
        ("", "other", True),
    ],
)
def test_the_namespace_shows_the_kind_of_source(namespace, kind, has_formulas):
    assert highlight(namespace).source_kind == kind
    assert highlight(namespace).has_formulas is has_formulas


@pytest.mark.parametrize(
    ("label", "shown"), [("", None), ("12", "p. 12"), ("xii", "p. xii"), ("1:02", "1:02")]
)
def test_a_page_or_a_time_is_shown(label, shown):
    assert highlight(page_label=label).page_or_time == shown


@pytest.mark.parametrize(
    ("ids", "tool_id", "note_id"),
    [
        ((), None, None),
        ((hints.make_anki_note_hint("17"),), "17", 17),
        ((hints.make_anki_note_hint("x17"),), "x17", None),
        ((hints.make_pdf_name_hint("17"),), None, None),
    ],
)
def test_the_note_of_another_tool_is_known_by_its_number(ids, tool_id, note_id):
    mark = highlight(hints=ids)
    assert (mark.other_tool_id, mark.other_tool_note_id) == (tool_id, note_id)


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


@pytest.mark.parametrize(
    ("problem", "others", "line"),
    [
        (Problem("a.md", "it is damaged"), 0, "failed: a.md: it is damaged"),
        (
            Problem("a.md", "it is damaged", "mend it"),
            1200,
            "failed: a.md and 1,200 more: it is damaged (mend it)",
        ),
        (Problem("a.md", "it is new", is_notice=True), 0, "note: a.md: it is new"),
    ],
)
def test_a_problem_is_told_on_a_line(problem, others, line):
    assert problem.summarize(others) == line


@dataclass
class Other:
    text: str

    def compute(self):
        return self.text


def test_late_texts_are_equal_by_their_words():
    assert LazyText(lambda: "a") == LazyText(lambda: "a")
    assert LazyText(lambda: "a") != LazyText(lambda: "b")
    assert LazyText(lambda: "a") != Other("a")


def test_a_cache_that_is_always_empty_stores_nothing():
    cache = EmptySourceCache()
    cache.update({"a": b"1"}, ["b"])
    assert cache.load("a") is None
