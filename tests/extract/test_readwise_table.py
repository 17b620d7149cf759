"""Which rows of a table from Readwise are highlights: rows."""

import csv

import pytest

from ankiforge.extract.exports.readwise import Readwise
from ankiforge.model import ExtractedDocument
from tests.reading import opened


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # a passage twice in one file, with another note, tag, colour, time or document tag
        ([{}, {"Note": "b"}], [("x", "a"), ("x", "b")]),
        ([{}, {"Note": ""}], [("x", "a"), ("x", "")]),
        *(([{}, {name: "b"}], [("x", "a"), ("x", "a")])
          for name in ("Tags", "Color", "Highlighted at", "Date", "Document tags", "Location type", "URL")),
        # at another place, or in another book
        ([{}, {"Location": "2"}], [("x", "a"), ("x", "a")]),
        ([{}, {"Book Title": "B"}], [("x", "a"), ("x", "a")]),
        ([{}, {"Book Author": "Bo"}], [("x", "a"), ("x", "a")]),
        # a note on a whole book
        ([{"Highlight": ""}, {"Highlight": "", "Note": "b"}], [("", "a"), ("", "b")]),
        # a row that says the same
        ([{}, {}], [("x", "a")]),
        ([{}, {"Note": "b"}, {}], [("x", "a"), ("x", "b")]),
        ([{}, {"Other": "b"}], [("x", "a")]),  # in a column that is not read
    ],
)  # fmt: skip
def test_rows_of_one_table_that_differ_are_all_read(tmp_path, rows, expected):
    first = {"Highlight": "x", "Book Title": "A", "Book Author": "Al", "Note": "a", "Location": "1"}  # fmt: skip
    names = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({**first, **row} for row in rows)
    scanned = opened(Readwise.kind, tmp_path, name="n").scan()
    found = [
        (highlight.exact, highlight.comment)
        for document in scanned
        if isinstance(document, ExtractedDocument)
        for highlight in document.highlights
    ]
    assert found == expected


def test_a_note_on_a_page_of_raindrop_makes_all_its_highlights_private(tmp_path):
    header = "title,url,note,highlights"
    row = 'A,https://a.org,keep it #no-llm,"Highlight: x\nNote: y"'
    (tmp_path / "a.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    [document, *_] = opened(Readwise.kind, tmp_path, name="n").scan()
    found = {each.exact: each for each in document.highlights}
    assert found["x"].comment == "y"
    assert "no-llm" in found["x"].tags
