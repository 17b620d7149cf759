"""The rows of a table as lines, for a card's title and the terminal."""

import pytest

from ankiforge.text.cloze import format_table_rows


@pytest.mark.parametrize(
    ("markdown", "rows"),
    [
        ("| Op | Cost |\n|---|:-:|\n| append | {{c1::O(1)}} |", ["Op · Cost", "append · {{c1::O(1)}}"]),
        ("Op | Cost\n--- | ---\nappend | O(1)", ["Op · Cost", "append · O(1)"]),
        ("> | Op | |\n> |---|---|\n> | pop | x |", ["Op", "pop · x"]),
        ("| no table |", []),
        ("Words.\n\nMore words.", []),
        ("a\n---\nb", []),
    ],
)  # fmt: skip
def test_a_table_is_its_cells_row_by_row(markdown, rows):
    assert format_table_rows(markdown) == rows
