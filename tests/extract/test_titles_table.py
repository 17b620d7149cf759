"""The titles of papers, from the lines of their first pages and their metadata.

`titles.jsonl` has a paper a line: its right title, as the publisher or its author gives it; the title
in the metadata of the file; and the lines of its first page as [size, top, words, sign of a note, whether
it is bold], of which small ones are cut short. Half of them are papers whose titles were read wrongly once.
"""

import json
from pathlib import Path

from ankiforge.extract.pdf.titles import PrintedLine, choose_title
from ankiforge.text.normalize import fold_alphanumerics

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("titles.jsonl").read_text("utf-8").splitlines()
]
LEAST_LETTERS = 8
"""A title counts as read without its subtitle."""
LEAST_RIGHT = 80
"""Titles that are read, at least: half of them stand on first pages that were difficult."""


def test_the_titles_of_papers():
    right = 0
    for row in ROWS:
        lines = [
            PrintedLine(number, words, size, top)
            for number, (size, top, words, *_) in enumerate(row["lines"])
        ]
        page = " ".join(line.text for line in lines)
        letters = fold_alphanumerics(choose_title(row["named"], lines, page))
        is_read = fold_alphanumerics(row["title"]).startswith(letters)
        right += is_read and len(letters) >= LEAST_LETTERS
    assert right >= LEAST_RIGHT
