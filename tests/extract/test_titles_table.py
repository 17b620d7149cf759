"""The titles of papers, from the lines of their first pages and their metadata.

`titles.jsonl` has a paper a line: its right title, as the publisher or its author gives it; the title
in the metadata of the file; and the lines of its first page as [size, top, words, sign of a note, whether
it is bold], of which small ones are cut short. Half of them are papers whose titles were read wrongly once.
"""

import json
from pathlib import Path

import pytest

from ankiforge.extract.pdf.titles import PrintedLine, choose_title
from ankiforge.text.normalize import fold_alphanumerics

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("titles.jsonl").read_text("utf-8").splitlines()
]
LEAST_LETTERS = 8
"""A title counts as read without its subtitle."""
LEAST_RIGHT = 104
"""Titles that are read, at least: half of them stand on first pages that were difficult."""


def test_the_titles_of_papers():
    right = 0
    for row in ROWS:
        lines = [
            PrintedLine(number, words, size, top, *note)
            for number, (size, top, words, *note) in enumerate(row["lines"])
        ]
        page = " ".join(line.text for line in lines)
        letters = fold_alphanumerics(choose_title(row["named"], lines, page) or "")
        is_read = fold_alphanumerics(row["title"]).startswith(letters)
        right += is_read and len(letters) >= LEAST_LETTERS
    assert right >= LEAST_RIGHT


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
    assert choose_title("", lines, " ".join(words)) == words[title]


BODY = [
    (
        "The cell keeps what it needs, and it gives away what it has too much of. " * 3,
        10.0,
    )
] * 8


def first_page(*rows: tuple, body=BODY) -> list[PrintedLine]:
    """Lines one below another: text, size, then perhaps the mark of a note, and whether it is bold."""
    lines = []
    top = 740.0
    for number, (text, size, *more) in enumerate((*rows, *body)):
        lines.append(PrintedLine(100 * number, text, size, top, *more))
        top -= 1.5 * size
    return lines


def title(*rows: tuple, metadata: str = "", file: str = "", body=BODY) -> str | None:
    lines = first_page(*rows, body=body)
    return choose_title(metadata, lines, " ".join(line.text for line in lines), file)


GROWTH = "The Growth of Cells"
BOLD = ("", True)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        # the largest text
        ([(GROWTH, 12.0)], GROWTH),
        ([(GROWTH, 11.9)], None),
        ([("The Life of Roots", 14.0), (GROWTH, 18.0)], GROWTH),
        # that is worded as a title
        ([("Cells", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("It is", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("It is odd", 20.0), (GROWTH, 18.0)], GROWTH),  # seven letters
        ([("Life is odd", 20.0), (GROWTH, 18.0)], "Life is odd"),
        ([("A 12 b 34 cdefg hijk 5678", 20.0), (GROWTH, 18.0)], GROWTH),  # too few letters
        ([("on the growth of cells", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("mTOR: the growth of cells", 20.0), (GROWTH, 18.0)], "mTOR: the growth of cells"),
        ([("Journal of Living Cells", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("Visit www.cells.example now", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("3. The First Results", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("Abstract", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("Original Research Article", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("a b c d e word", 20.0), (GROWTH, 18.0)], GROWTH),  # letters set apart
        ([("Ada Lovelace, Alan Turing", 20.0), (GROWTH, 18.0)], GROWTH),
        ([("Ada Lovelace", 18.0), (GROWTH, 17.2)], GROWTH),  # names count as a little smaller
        ([("Ada Lovelace", 20.0), (GROWTH, 17.5)], "Ada Lovelace"),
        ([("Cells, roots and what they need to grow", 20.0)], "Cells, roots and what they need to grow"),
        ([("Cells, Roots and What They Need to Grow", 20.0)], "Cells, Roots and What They Need to Grow"),
        ([("Cells, Roots, Leaves, Growing Things", 20.0)], "Cells, Roots, Leaves, Growing Things"),
        ([(" ".join(["Word"] * 28), 20.0)], " ".join(["Word"] * 28)),
        ([(" ".join(["Word"] * 29), 20.0)], None),
        ([(" ".join(["Trial", *["word"] * 44]), 20.0)], " ".join(["Trial", *["word"] * 44])),
        ([(" ".join(["Trial", *["word"] * 45]), 20.0)], None),
        # its lines
        ([("The Growth", 18.0), ("of Cells", 18.0)], GROWTH),
        ([("The Growth", 18.0), ("of Cells", 17.5)], GROWTH),
        ([("The Growth of", 18.0), ("Cells and Roots", 17.0)], "The Growth of"),
        ([("THE GROWTH OF", 18.0), ("CELLS AND ROOTS", 13.6)], "THE GROWTH OF CELLS AND ROOTS"),
        ([("THE GROWTH OF", 18.0), ("CELLS AND ROOTS", 13.4)], "THE GROWTH OF"),
        ([("The Growth\ufffe", 18.0), ("Cells of a Root", 18.0)], "The GrowthCells of a Root"),
        ([(f"{GROWTH}1", 18.0, "1")], GROWTH),
        ([(f"{GROWTH} ∗†", 18.0)], GROWTH),
        ([("Review", 18.0), (GROWTH, 18.0)], GROWTH),
        ([(GROWTH, 18.0), ("Abstract", 18.0)], GROWTH),
        ([("The Growth of Cells: a", 18.0), ("review", 18.0)], "The Growth of Cells: a review"),
        # a change of weight ends it, if it is small or a list of names
        ([(GROWTH, 18.0, *BOLD), ("and of Roots", 18.0)], "The Growth of Cells and of Roots"),
        ([(GROWTH, 18.0, *BOLD), ("Ada Lovelace", 18.0)], GROWTH),
        ([(GROWTH, 18.0, *BOLD), ("Ada Lovelace", 18.0, *BOLD)], "The Growth of Cells Ada Lovelace"),
        # bold, or in capitals, near the top
        ([(GROWTH, 10.0, *BOLD)], GROWTH),
        ([(GROWTH, 9.7, *BOLD)], GROWTH),
        ([(GROWTH, 9.6, *BOLD)], None),
        ([("THE GROWTH OF CELLS", 9.0)], "THE GROWTH OF CELLS"),
        ([("THE GROWTH OF CELLS", 8.9)], None),
        ([("THE GROWING CELLS", 9.0)], ""),  # three words
        ([("Ada Lovelace", 10.0, *BOLD)], None),
        ([*[(f"Line {n} of a journal", 8.0 - n % 2) for n in range(6)], (GROWTH, 10.0, *BOLD)], GROWTH),
        ([*[(f"Line {n} of a journal", 8.0 - n % 2) for n in range(7)], (GROWTH, 10.0, *BOLD)], None),
    ],
)  # fmt: skip
def test_the_title_on_a_page(rows, found):
    assert title(*rows) == (found or None)


def test_bold_type_says_nothing_on_a_bold_page():
    bold = [(text, size, *BOLD) for text, size in BODY[:4]]
    assert title((GROWTH, 10.0, *BOLD), body=[*BODY[:4], *bold]) is None
    assert title((GROWTH, 10.0, *BOLD), body=[*BODY, *bold[:3]]) == GROWTH


def test_a_line_far_below_is_no_part_of_a_title():
    def printed(gap: float) -> str | None:
        lines = first_page()
        large = [
            PrintedLine(0, GROWTH, 18.0, 790.0),
            PrintedLine(50, "and of the Roots", 18.0, 790.0 - gap),
        ]
        return choose_title("", [*large, *lines], "")

    assert printed(39.0) == f"{GROWTH} and of the Roots"
    assert printed(40.0) == GROWTH
    assert printed(-8.9) == f"{GROWTH} and of the Roots"
    assert printed(-9.1) == GROWTH


@pytest.mark.parametrize(
    ("metadata", "rows", "file", "found"),
    [
        # the metadata, if the page shows it and nothing else is clearly the title
        (GROWTH, [(GROWTH, 10.0)], "", GROWTH),
        (GROWTH, [], "", GROWTH),  # nothing says more
        (GROWTH, [("The Life of Roots", 18.0)], "", "The Life of Roots"),
        (GROWTH, [("The Life of Roots", 18.0), (GROWTH, 10.0)], "", "The Life of Roots"),
        (GROWTH, [("The Life of Roots", 18.0), (GROWTH, 14.0)], "", GROWTH),
        (GROWTH, [("The Life of Roots", 18.0), (f"{GROWTH} so", 12.0)], "", "The Life of Roots"),
        (GROWTH, [("The Life of Roots", 10.0, *BOLD), (GROWTH, 6.5)], "", GROWTH),
        (f"{GROWTH} Now", [(GROWTH, 18.0)], "", f"{GROWTH} Now"),  # four of five words
        ("The Growth &amp; Cells", [("The Growth & Cells", 18.0)], "", "The Growth & Cells"),
        # never the name of a file or a template
        ("Cells", [(GROWTH, 18.0)], "", GROWTH),
        ("Microsoft Word - cells", [(GROWTH, 18.0)], "", GROWTH),
        ("growth of cells.docx", [], "", None),
        (" ".join(["Word"] * 29), [], "", None),
        # the name of the file, if the page shows it
        ("", [(f"{GROWTH} is known", 10.0)], "Lovelace - 2020 - The Growth of Cells", GROWTH),
        ("", [("The Life of Roots", 18.0)], "Lovelace - 2020 - The Growth of Cells", "The Life of Roots"),
        ("", [(f"{GROWTH} and Roots", 18.0)], "Lovelace - 2020 - The Growth of Cells", f"{GROWTH} and Roots"),
        ("", [(f"{GROWTH} is known", 10.0)], "The Growth of Cells", None),
    ],
)  # fmt: skip
def test_the_title_of_a_work(metadata, rows, file, found):
    assert title(*rows, metadata=metadata, file=file) == found
