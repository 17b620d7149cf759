"""The titles of papers, from the lines of their first pages and their metadata.

`titles.jsonl` has a paper a line: its right title, as the publisher or its author gives it; the title
in the metadata of the file; and the lines of its first page as [size, top, words, sign of a note, whether
it is bold], of which small ones are cut short. Half of them are papers whose titles were read wrongly once.
"""

import json
from pathlib import Path

import pytest

from ankiforge.extract.pdf.titles import PrintedLine, title_of
from ankiforge.text.fold import letters_of

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("titles.jsonl").read_text("utf-8").splitlines()
]
MISSED = (
    "Antioxidant Activity and Lipid-Lowering",  # a stamp of the journal in its middle
    "Binding of a fluorescence reporter",  # letters that no font explains
    "Functional Programming with Bananas",  # authors as large as the title
    "Ising on S2",  # a raised number in its middle
    "Predicate Dispatching",  # letters that are missing
    "UN-Behindertenrechtskonvention",  # a smaller line above, and a hyphen out of place
)
"""Titles that are not read, or only in part."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["title"])
def test_the_title_of_a_paper(row):
    lines = [
        PrintedLine(number, words, size, top, *note)
        for number, (size, top, words, *note) in enumerate(row["lines"])
    ]
    page = " ".join(line.text for line in lines)
    found = title_of(row["named"], lines, page)
    is_right = letters_of(found) == letters_of(row["title"])
    assert is_right != row["title"].startswith(MISSED)


@pytest.mark.parametrize(
    ("sizes", "words", "title"),
    [
        ((24, 16), ("JOURNAL OF CELLS", "THE MEMBRANE AS A LIVING FILTER"), 1),
        ((24, 16), ("REVIEW OF FILTERS", "THE MEMBRANE AS A LIVING FILTER"), 0),
    ],
)
def test_capitals_of_other_sizes_are_a_line_of_their_own(sizes, words, title):
    lines = [
        PrintedLine(number, text, size, 740 - 30 * number)
        for number, (size, text) in enumerate(
            zip((*sizes, 10), (*words, "A membrane parts two cells."), strict=True)
        )
    ]
    assert title_of("", lines, " ".join(words)) == words[title]
