"""What the metadata, the outline and the margins of a PDF say: rows without a PDF."""

from types import SimpleNamespace

import pypdfium2.raw as pdfium_c
import pytest
from pypdfium2 import PdfiumError

from ankiforge.extract.pdf.margins import MAX_RUNNING_LINE_CHARS, RunningHeaders
from ankiforge.extract.pdf.metadata import (
    OutlineEntry,
    compute_document_id,
    find_doi,
    format_headings,
    is_printed_on,
    read_outline,
    read_work,
)
from ankiforge.extract.pdf.titles import PrintedLine
from ankiforge.model import Document, DocumentKey, hash16

ARXIV = "2401.01234"


class Metadata:
    """A PDF that has nothing but entries of metadata."""

    def __init__(self, **entries: str) -> None:
        self._entries = entries
        self.size = (612.0, 792.0)

    def get_page_size(self, index: int) -> tuple[float, float]:
        return self.size

    def get_metadata_value(self, key: str) -> str:
        return self._entries.get(key.replace("-", "_"), "")


def work(page: str = "", **entries: str) -> Document:
    return read_work(Metadata(**entries), page, [], "file")


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("", ()),
        ("Ada Lovelace", ("Ada Lovelace",)),
        ("Ada Lovelace; Alan Turing", ("Ada Lovelace", "Alan Turing")),
        ("Ada Lovelace, Alan Turing", ("Ada Lovelace", "Alan Turing")),
        ("Ada Lovelace and Alan Turing", ("Ada Lovelace", "Alan Turing")),
        ("Ada Lovelace & Alan Turing", ("Ada Lovelace", "Alan Turing")),
        ("Ada Lovelace, Alan Turing, and Grace Hopper",
         ("Ada Lovelace", "Alan Turing", "Grace Hopper")),
        ("Ada Lovelace, Alan Turing and Grace Hopper", ("Ada Lovelace", "Alan Turing", "Grace Hopper")),
        ("Lovelace, Ada; Turing, Alan", ("Lovelace, Ada", "Turing, Alan")),
        ("Lovelace, Ada", ("Lovelace, Ada",)),
        ("ada", ()),
        ("Microsoft Office User", ()),
        ("Windows User; Ada Lovelace", ("Ada Lovelace",)),
        ("Ada Lovelace; ada b@example.org", ("Ada Lovelace",)),
        ("Alexandra Land", ("Alexandra Land",)),
    ],
)  # fmt: skip
def test_the_authors_of_an_entry(author, names):
    assert work(Author=author).creators == names


@pytest.mark.parametrize(
    ("entries", "page", "identifiers"),
    [
        ({}, "", ()),
        ({"Subject": "doi:10.1000/a.b"}, "", (("doi", "10.1000/a.b"),)),
        ({"WPS_ARTICLEDOI": "10.1000/a"}, "", (("doi", "10.1000/a"),)),
        ({"Title": "10.1000/a"}, "", (("doi", "10.1000/a"),)),
        ({}, "See 10.1000/a.", (("doi-hint", "10.1000/a"),)),
        ({"doi": "10.1000/a"}, "See 10.1000/b.", (("doi", "10.1000/a"),)),
        ({"Keywords": f"arXiv:{ARXIV}v2"}, "", (("arxiv", ARXIV),)),
        ({}, f"arXiv:{ARXIV}v2 [q-bio]", (("arxiv-hint", ARXIV),)),
        ({"Keywords": f"arXiv:{ARXIV}"}, "arXiv:2402.00001", (("arxiv", ARXIV),)),
        ({"doi": "10.1000/a"}, f"arXiv:{ARXIV}", (("doi", "10.1000/a"), ("arxiv-hint", ARXIV))),
        ({}, "https://arxiv.org/abs/math.GT/0309136", (("arxiv-hint", "math.GT/0309136"),)),
        ({}, "https://arxiv.org/pdf/2401.01234v1", (("arxiv-hint", ARXIV),)),
        ({}, "arXiv:2401.012345", ()),
        # a DOI that goes on in the next line is whole, or none
        ({}, "10.1016/j.cell.\n2020.01.002 and", (("doi-hint", "10.1016/j.cell.2020.01.002"),)),
        ({}, "10.1016/j.\ncell.2020", (("doi-hint", "10.1016/j.cell.2020"),)),
        ({}, "10.1016/j.cell\n2020.01.002", (("doi-hint", "10.1016/j.cell"),)),
    ],
)  # fmt: skip
def test_the_identifiers_of_a_work(entries, page, identifiers):
    assert work(page, **entries).identifiers == identifiers


@pytest.mark.parametrize(
    ("entries", "tags"),
    [
        ({}, ()),
        ({"Subject": "no-llm"}, ("no-llm",)),
        ({"Keywords": "cells; no-llm"}, ("no-llm",)),
        ({"Keywords": "cells, no-llm,x"}, ("no-llm",)),
        ({"Title": "no-llm"}, ()),
    ],
)
def test_a_work_is_private_by_its_subject_or_keywords(entries, tags):
    assert work(**entries).tags == tags


def test_a_work_has_the_title_that_is_printed_and_no_key_yet():
    lines = [
        PrintedLine(0, "On the Growth of Cells", 20.0, 700.0),
        PrintedLine(30, "Cells grow and they divide when they have grown. " * 20, 10.0, 600.0),
    ]  # fmt: skip
    metadata = Metadata(Title="draft7.doc")
    document = read_work(metadata, "On the Growth of Cells", lines, "file")
    assert document == Document(DocumentKey(""), "", "On the Growth of Cells")
    metadata.size = (960.0, 540.0)  # slides are called as their file is
    assert not read_work(metadata, "On the Growth of Cells", lines, "file").title


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1000/182.", "10.1000/182"),
        ("(10.1000/182)", "10.1000/182"),
        ("https://doi.org/10.1000/182, and", "10.1000/182"),
        ("10.1000/1 and 10.1000/2", "10.1000/1"),
        ("110.1000/182", None),
        ("10.10/182", None),
        ("", None),
    ],
)
def test_the_first_doi_of_a_text(text, doi):
    assert find_doi(text) == doi


# --- headings --------------------------------------------------------------------------------------

OUTLINE = (
    OutlineEntry(0, 700.0, 0, "Cells"),
    OutlineEntry(1, 700.0, 1, "Walls"),
    OutlineEntry(1, 300.0, 1, "Water"),
    OutlineEntry(2, 700.0, 0, "Organs"),
)
LINES = (PrintedLine(10, "1.1 Walls", 14.0, 710.0), PrintedLine(80, "WATER", 14.0, 320.0))


def printed(*texts: str) -> list[PrintedLine]:
    """Return lines that begin at the characters 0, 100, 200, …"""
    return [PrintedLine(100 * n, text, 10.0, 0.0) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("lines", "page", "char_index", "top", "headings"),
    [
        ((), 0, 0, 700.0, "Cells"),
        ((), 0, 0, 700.1, ""),
        ((), 1, 0, 750.0, "Cells"),
        ((), 1, 0, 500.0, "Cells › Walls"),
        ((), 1, 0, 300.0, "Cells › Water"),
        ((), 2, 0, 800.0, "Cells › Water"),
        ((), 2, 0, 500.0, "Organs"),
        ((), 9, 0, 0.0, "Organs"),
        # the line with the heading says more than the entry does
        (LINES, 1, 9, 500.0, "Cells"),
        (LINES, 1, 10, 800.0, "Cells › Walls"),
        (LINES, 1, 79, 100.0, "Cells › Walls"),
        (LINES, 1, 80, 800.0, "Cells › Water"),
        # of two such lines, the first one; in a line of text, it isn't the heading
        ((*LINES, PrintedLine(200, "Water", 10.0, 100.0)), 1, 150, 800.0, "Cells › Water"),
        (printed("is full of water", "IV. Water", "x"), 1, 50, 100.0, "Cells › Walls"),
        (printed("is full of water", "IV. Water", "x"), 1, 100, 100.0, "Cells › Water"),
        (printed("unwater", "wa", "ter"), 1, 50, 100.0, "Cells › Walls"),
        # the heading has up to three lines, or begins a line of text
        (printed("x", "2.4", "Wa-", "ter", "y"), 1, 50, 100.0, "Cells › Walls"),
        (printed("x", "2.4", "Wa-", "ter", "y"), 1, 100, 100.0, "Cells › Water"),
        (printed("x", "2", "Wa", "ter"), 1, 300, 400.0, "Cells › Water"),
        (printed("x", "W", "a", "t", "er"), 1, 400, 400.0, "Cells › Walls"),
        (printed("x", "Water: is wet"), 1, 50, 100.0, "Cells › Walls"),
        (printed("x", "Water: is wet"), 1, 100, 100.0, "Cells › Water"),
        # a number is one of these
        (printed("Appendix A Water"), 1, 0, 400.0, "Cells › Water"),
        (printed("2 of Water"), 1, 0, 400.0, "Cells › Walls"),
    ],
)  # fmt: skip
def test_the_headings_above_a_place(lines, page, char_index, top, headings):
    assert format_headings(OUTLINE, lines, page, char_index, top) == headings


@pytest.mark.parametrize(
    ("title", "page", "is_printed"),
    [
        ("Walls", "cells walls water", True),
        ("2.1 Walls", "cells walls water", True),
        ("IV. Walls", "cells walls water", True),
        ("A. Walls", "cells walls water", True),
        ("Roots", "cells walls water", False),
        ("2.1 Walls", "", True),
    ],
)
def test_an_entry_of_the_outline_is_a_heading_if_its_page_shows_it(
    title, page, is_printed
):
    assert is_printed_on(title, page) is is_printed


# --- running headers and footers -----------------------------------------------------------------

LONG = "x" * MAX_RUNNING_LINE_CHARS


def pages(*edges: str) -> list[str]:
    """Pages with a first and a last line, as `first|last`, and three lines of their own."""
    return [
        edge.replace("|", f"\n{letter} one\n{letter} two\n{letter} three\n")
        for edge, letter in zip(edges, "abcdefghij", strict=False)
    ]


@pytest.mark.parametrize(
    ("texts", "page", "body"),
    [
        # lines that recur, whatever their numbers are
        (pages("Cells 1|p. 7", "Cells 2|p. 8"), 0, "a one\na two\na three"),
        (pages("Cells 1|p. 7", "CELLS 2|p. 8"), 1, "b one\nb two\nb three"),
        (pages("Cells|foot", "Roots|other"), 0, "Cells\na one\na two\na three\nfoot"),
        (pages(*["Cells|foot"] * 3, *["Roots|other"] * 7), 0, "a one\na two\na three"),
        (pages(*["Cells|foot"] * 2, *["Roots|other"] * 8), 0,
         "Cells\na one\na two\na three\nfoot"),
        (pages("foot|a", "b|foot"), 0, "foot\na one\na two\na three\na"),
        # page numbers, if there are several pages
        (pages("12|end", "Cells|close"), 0, "a one\na two\na three\nend"),
        (pages("- xii -|end", "Cells|close"), 0, "a one\na two\na three\nend"),
        (pages("Page 12 of 30|end", "Cells|close"), 0, "a one\na two\na three\nend"),
        (pages("12|end"), 0, "12\na one\na two\na three\nend"),
        (pages("Chapter 12|end", "Cells|close"), 0, "Chapter 12\na one\na two\na three\nend"),
        # no line that is too long, and nothing of a page that isn't there
        (pages(f"{LONG}|end", f"{LONG}|close"), 0, "a one\na two\na three\nend"),
        (pages(f"{LONG}x|end", f"{LONG}x|close"), 0, f"{LONG}x\na one\na two\na three\nend"),
        (pages("Cells|end"), 1, None),
    ],
)  # fmt: skip
def test_the_body_of_a_page(texts, page, body):
    text = texts[page] if page < len(texts) else "Cells\nabc"
    start, end = RunningHeaders(texts).find_body_span(page, text)
    assert text[start:end].strip() == (text if body is None else body)


def test_a_page_of_nothing_but_its_header_has_an_empty_body():
    start, end = RunningHeaders(["Cells", "Cells"]).find_body_span(0, "  Cells ")
    assert (start, end) == (7, 8)
    start, end = RunningHeaders(["a\nb", "a\nb"]).find_body_span(0, "a b")
    assert (start, end) == (1, 2)


# --- the outline and the id ------------------------------------------------------------------------


class Outline:
    """A PDF with bookmarks, each (title, page, view mode, parameters) on a level of its own."""

    def __init__(self, *bookmarks: tuple) -> None:
        self._bookmarks = bookmarks

    def get_toc(self, max_depth: int):
        for level, (title, page, *view) in enumerate(self._bookmarks):
            destination = SimpleNamespace(
                get_index=lambda page=page: page, get_view=lambda view=view: view
            )
            yield SimpleNamespace(
                level=level,
                get_title=lambda title=title: title,
                get_dest=lambda page=page, made=destination: made if page != "" else None,
            )
        raise PdfiumError("the rest is damaged")


XYZ, FIT = pdfium_c.PDFDEST_VIEW_XYZ, pdfium_c.PDFDEST_VIEW_FIT
FITH, FITR = pdfium_c.PDFDEST_VIEW_FITH, pdfium_c.PDFDEST_VIEW_FITR


@pytest.mark.parametrize(
    ("bookmark", "entry"),
    [
        (("Walls", 1, XYZ, [10, 700, 1]), OutlineEntry(1, 700.0, 0, "Walls")),
        (("Walls", 0, FITH, [650]), OutlineEntry(0, 650.0, 0, "Walls")),
        (("Walls", 0, FITR, [1, 2, 3, 600]), OutlineEntry(0, 600.0, 0, "Walls")),
        (("Walls", 0, FIT, []), OutlineEntry(0, float("inf"), 0, "Walls")),
        (("Walls", 0, XYZ, []), OutlineEntry(0, float("inf"), 0, "Walls")),
        ((" Cell\nwalls ", 0, FIT, []), OutlineEntry(0, float("inf"), 0, "Cell walls")),
        (("x" * 201, 0, FIT, []), OutlineEntry(0, float("inf"), 0, "x" * 200)),
        (("Walls", "", FIT, []), None),
        (("Walls", None, FIT, []), None),
        (("Walls", -1, FIT, []), None),
        ((" ", 0, FIT, []), None),
    ],
)
def test_an_entry_of_the_outline(bookmark, entry):
    after = OutlineEntry(5, float("inf"), 1, "After")
    found = list(read_outline(Outline(bookmark, ("After", 5, FIT, []))))
    assert found == ([entry, after] if entry else [after])


def draw(*objects: tuple) -> SimpleNamespace:
    drawn = [
        SimpleNamespace(type=kind, get_bounds=lambda bounds=bounds: bounds)
        for kind, *bounds in objects
    ]
    return SimpleNamespace(get_objects=lambda max_depth: iter(drawn))


def test_a_document_with_enough_text_is_known_by_it_alone():
    long_text, short_text = "a" * 200, "a" * 199
    line, lower_line = draw((1, 0.0, 0.4, 9.6, 10.0)), draw((1, 0.0, 1.0, 9.6, 10.0))
    assert compute_document_id([long_text], [line]) == hash16(long_text)
    assert compute_document_id([short_text[:99], short_text[99:]], [None]) == hash16(
        short_text[:99], short_text[99:]
    )
    known = hash16(short_text, "1 0 0 10 10")
    assert compute_document_id([short_text], [None, line]) == known
    moved = draw((1, 0.1, 0.3, 9.7, 10.2))  # by less than a point
    assert compute_document_id([short_text], [moved]) == known
    for other in (draw((2, 0.0, 0.4, 9.6, 10.0)), lower_line, draw()):
        assert compute_document_id([short_text], [other]) != known
