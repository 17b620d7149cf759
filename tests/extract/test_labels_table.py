"""Which pieces of text in a frame are labels, and which of them are one: rows without a PDF."""

import pytest

from ankiforge.extract.pdf.figure_labels import (
    Piece,
    Position,
    find_labels_in_pieces,
    parse_number,
)

FRAME = (0.0, 0.0, 400.0, 300.0)


def piece(
    text: str, start: float, base: float, size: float = 10, angle: int = 0
) -> Piece:
    """Letters of half of their size, from a place on."""
    end = start + len(text) * size / 2
    placed = Position(start, end, base - 0.2 * size, base + 0.7 * size, base, size)
    return Piece(text, placed, angle, 1.0)


def labels(*pieces: Piece) -> list[str]:
    return sorted(label.text for label in find_labels_in_pieces(list(pieces), FRAME))


FIGURE = piece("Figure 3: The leg of a", 100, 100)


@pytest.mark.parametrize("above", ["Fig. 2.", "Table 1 |", "Abb. 4:", "Рис. 5.", "図3"])
def test_a_caption_is_no_label(above):
    assert labels(piece(above, 100, 100), piece("Femur", 100, 200)) == ["Femur"]


@pytest.mark.parametrize(
    ("upper", "lower", "found"),
    [
        (piece("Patellar", 50, 100), piece("ligament", 50, 88), ["Patellar ligament"]),
        (piece("Patellar", 50, 100), piece("ligament", 53, 88), ["Patellar ligament"]),
        (piece("of the", 50, 100), piece("knee", 60, 88), ["of the knee"]),  # right edges
        (piece("of the", 50, 100), piece("knees and", 42.5, 88), ["of the knees and"]),
        (piece("of the", 50, 100), piece("knee", 67, 88), ["knee", "of the"]),
        (piece("Patellar", 50, 100), piece("ligament", 50, 86.3), ["Patellar ligament"]),
        (piece("Patellar", 50, 100), piece("ligament", 50, 86.1), ["Patellar", "ligament"]),
        (piece("Patellar", 50, 100), piece("ligament", 50, 95.1), ["Patellar", "ligament"]),
        (piece("Patellar", 50, 100), piece("ligament", 50, 89, 8.8), ["Patellar ligament"]),
        (piece("Patellar", 50, 100), piece("ligament", 50, 89, 8.6), ["Patellar", "ligament"]),
        (piece("Patel-", 50, 100), piece("lar", 50, 88), ["Patellar"]),
        (piece("Patel-", 50, 100), piece("Lar", 50, 88), ["Patel-Lar"]),
        (piece("膝蓋", 50, 100), piece("靭帯", 50, 88), ["膝蓋靭帯"]),
        (piece("Calcium", 50, 100), piece("3.5", 50, 88), ["3.5", "Calcium"]),
        (piece("1/2", 50, 100), piece("Calcium", 50, 88), ["1/2", "Calcium"]),
    ],
)  # fmt: skip
def test_lines_below_one_another_are_one_label(upper, lower, found):
    assert labels(upper, lower) == found


def axis(*values: str, step: float = 40) -> list[Piece]:
    return [piece(value, 50 + step * place, 20) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("numbers", "left"),
    [
        (axis("0", "1", "2"), []),
        (axis("3", "2", "1"), []),
        (axis("0", "1"), ["0", "1"]),  # two are no axis
        (axis("0", "1", "2", "7"), ["7"]),
        (axis("5", "0", "1", "2"), ["5"]),
        (axis("1", "10", "100"), ["1", "10", "100"]),
        (axis("4", "4", "4"), ["4", "4", "4"]),
        ([piece(value, 50, 20 + 30 * place) for place, value in enumerate("123")], []),
        (
            [piece(text, 70 - 5 * len(text), 20 + 30 * place)
             for place, text in enumerate(("0", "50", "100"))],
            [],
        ),  # upright, by their right edges
        (
            [piece(text, 70 - 2.5 * len(text), 20 + 30 * place)
             for place, text in enumerate(("0", "50", "100"))],
            [],
        ),  # by their middles
        ([piece(value, 50 + 40 * place, 20 + 4 * place) for place, value in enumerate("012")],
         ["0", "1", "2"]),
    ],
)  # fmt: skip
def test_numbers_along_an_axis_are_no_labels(numbers, left):
    assert labels(*numbers) == left


@pytest.mark.parametrize(
    ("letters", "left"),
    [
        (["a", "b", "c"], []),
        (["(A)", "B.", "C)"], []),
        (["b", "c"], ["b", "c"]),  # none is the first
        (["a", "a", "b"], ["a", "a", "b"]),
    ],
)
def test_letters_of_panels_are_no_labels(letters, left):
    pieces = [
        piece(letter, 50 + 100 * place, 200) for place, letter in enumerate(letters)
    ]
    assert labels(*pieces) == left


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("−3.5", -3.5), ("1,000", 1000), ("1,5", 1.5), ("20 %", None),
        ("20%", 20), ("$40", 40), ("1e3", 1000), ("12 000", 12000), ("a1", None), ("%", None),
    ],
)  # fmt: skip
def test_the_number_that_a_piece_is(text, value):
    assert parse_number(text) == value
