"""Which words in a figure are its labels: captions, numbers of axes, letters of panels, lines, row by row.

A piece is written `text@x,y`, in points of a page; its letters are 10 points high and 5 wide.
"""

import pytest
from msgspec.structs import replace

from ankiforge.extract.pdf import figure_labels
from ankiforge.extract.pdf.figure_labels import Piece, Position

FRAME = (0.0, 0.0, 400.0, 300.0)


def piece(written: str, *, size: float = 10, angle: int = 0, inside: float = 1) -> Piece:
    text, _, place = written.rpartition("@")
    x, y = map(float, place.split(","))
    width = 5 * len(text)
    at = Position(x, x + width, y - 0.2 * size, y + 0.8 * size, y, size)
    return Piece(text, at, angle, inside)


def texts(pieces) -> list[str]:
    return sorted(piece.text for piece in pieces)


# --- captions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "is_one"),
    [
        ("Figure 1. A heart", True),
        ("FIGURE 12: A heart", True),
        ("Fig. 3 A heart", True),
        ("Extended Data Fig. 2 | A heart", True),
        ("Supplementary Table S4", True),
        ("Abb. 2a. Ein Herz", True),
        ("Tabelle 3 Ein Herz", True),
        ("Рис. 1. Сердце", True),
        ("图 1 心", True),
        ("Table IV. A heart", True),
        ("Figure of a heart", False),
        ("Figure It", False),
        ("Figures 1", False),
        ("a Figure 1", False),
        ("Fig", False),
    ],
)
def test_what_begins_like_a_caption_is_no_label(caption, is_one):
    pieces = [piece(f"{caption}@50,50"), piece("aorta@50,200")]
    assert told(*pieces) == (["aorta"] if is_one else sorted([caption, "aorta"]))


def test_a_caption_goes_on_in_the_lines_below_it():
    lines = [piece(f"line {n} of it@50,{150 - 12 * n}") for n in range(1, 4)]
    caption = piece("Figure 1. A heart@50,150")
    assert told(piece("apart@50,60"), *lines, caption) == ["apart"]


# --- numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("-7", -7),
        ("−7.5", -7.5),
        ("+3", 3),
        ("0,5", 0.5),
        ("1,000", 1000),
        ("1 000", 1000),
        ("1,000,000", 1e6),
        ("1\u202f000", 1000),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("50%", 50),
        ("$5", 5),
        ("10k", 10),
        ("20°", 20),
        ("", None),
        ("-", None),
        ("%", None),
        ("a1", None),
        ("1a", None),
        ("1.2.3", None),
        ("1/2", None),
    ],
)
def test_the_number_that_a_text_is(text, number):
    assert figure_labels.parse_number(text) == number


def level(*written: str) -> list[Piece]:
    """Pieces on one level, a hundred points apart; their middles are in even places."""
    pieces = []
    for place, text in enumerate(written):
        pieces.append(piece(f"{text}@{100 * place - 2.5 * len(text)},20"))
    return pieces


def upright(*written: str) -> list[Piece]:
    """Pieces above one another, with their right edges in one line."""
    pieces = []
    for place, text in enumerate(written):
        pieces.append(piece(f"{text}@{100 - 5 * len(text)},{20 + 50 * place}"))
    return pieces


@pytest.mark.parametrize(
    ("pieces", "of_axis"),
    [
        (level("0", "10", "20"), ["0", "10", "20"]),
        (level("20", "10", "0"), ["0", "10", "20"]),
        (upright("0", "10", "200"), []),
        (upright("0", "100", "200"), ["0", "100", "200"]),
        (level("0", "10"), []),  # too few
        (level("0", "10", "21"), []),
        (level("1", "1", "1"), []),
        (level("0", "x", "10"), []),
        # a run that is even, among others
        (level("7", "0", "10", "20", "30"), ["0", "10", "20", "30"]),
        (level("0", "1", "2", "50", "60", "70"), ["0", "1", "2", "50", "60", "70"]),
        (
            [*level("0", "10", "20"), piece("30@292,26")],
            ["0", "10", "20"],
        ),  # another level
        ([piece("1@0,20"), piece("2@0,20"), piece("3@0,20")], []),  # in one place
    ],
)
def test_the_numbers_of_an_axis(pieces, of_axis):
    assert texts(figure_labels.find_tick_labels(pieces)) == sorted(of_axis)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (["a", "b", "c"], ["a", "b", "c"]),
        (["(A)", "(B)"], ["(A)", "(B)"]),
        (["b)", "a)", "aorta"], ["a)", "b)"]),
        (["A."], ["A."]),
        (["b", "c"], []),
        (["a", "c"], []),
        (["a", "a", "b"], []),  # once each
        (["aorta"], []),
        ([], []),
    ],
)
def test_the_letters_of_panels(written, names):
    pieces = [piece(f"{text}@{50 * place},0") for place, text in enumerate(written)]
    assert texts(figure_labels.find_panel_letters(pieces)) == sorted(names)


# --- shapes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("angle", "box"),
    [
        (0, (10, 18, 35, 28)),
        (90, (-28, 10, -18, 35)),
        (180, (-35, -28, -10, -18)),
        (270, (18, -35, 28, -10)),
    ],
)
def test_the_box_of_a_piece(angle, box):
    assert piece("aorta@10,20", angle=angle).box == box


@pytest.mark.parametrize(
    ("angle", "ends"), [(0, (1, 5)), (90, (2, 9)), (180, (-5, -1)), (270, (-9, -2))]
)
def test_where_a_box_begins_and_ends_in_a_direction(angle, ends):
    assert (
        figure_labels.project_box((1, 2, 5, 9), figure_labels.READING_DIRECTIONS[angle])
        == ends
    )


# --- labels --------------------------------------------------------------------------------


def told(*pieces: Piece) -> list[str]:
    found = figure_labels.find_labels_in_pieces(list(pieces), FRAME)
    return sorted(label.text for label in found)


UP = piece("left heart@100,100")


@pytest.mark.parametrize(
    ("below", "goes_on"),
    [
        (piece("chamber@100,90"), True),
        (piece("chamber@100,86.2"), True),
        (piece("chamber@100,86.1"), False),
        (piece("chamber@100,95"), True),
        (piece("chamber@100,95.1"), False),
        (piece("chamber@100,90", size=11.5), True),
        (piece("chamber@100,90", size=11.6), False),
        # an edge, or the middle, in one line
        (piece("chamber@115,90"), True),
        (piece("chamber@107.5,90"), True),
        (piece("chamber@103.9,90"), True),
        (piece("chamber@120,90"), False),
        # numbers are labels of their own
        (piece("12@100,90"), False),
        (piece("1/2@100,90"), False),
        (piece("chamber@100,90", angle=90), False),
    ],
)
def test_a_label_goes_on_in_the_line_below_it(below, goes_on):
    expected = ["left heart chamber"] if goes_on else sorted(["left heart", below.text])
    assert told(UP, below) == expected


@pytest.mark.parametrize(
    ("lines", "label"),
    [
        (("left cham-", "ber"), "left chamber"),
        (("left heart-", "Lung"), "left heart-Lung"),
        (("left", "chamber"), "left chamber"),
        (("心脏的", "左边"), "心脏的左边"),
        (("心脏的", "left"), "心脏的 left"),
    ],
)
def test_the_lines_of_a_label_are_joined(lines, label):
    pieces = [piece(f"{text}@100,{100 - 10 * n}") for n, text in enumerate(lines)]
    assert figure_labels._join_lines(pieces) == label


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], []),
        ([piece("aorta@10,10")], ["aorta"]),
        ([piece("—@10,10"), piece("aorta@10,100")], ["aorta"]),
        ([piece("aorta@10,10", inside=0.5), piece("vein@10,100", inside=0.4)], ["aorta"]),
        ([piece("a@10,200"), piece("b@200,200"), piece("aorta@10,10")], ["aorta"]),
        ([*level("0", "10", "20"), piece("time@10,5")], ["time"]),
        ([piece(f"{'word ' * 20}@10,10".replace(" @", "@"))], ["word " * 19 + "word"]),
        ([piece(f"{'word ' * 21}@10,10".replace(" @", "@")), piece("vein@10,100")], ["vein"]),
        ([piece(f"{'心' * 62}@10,10")], ["心" * 62]),
        ([piece(f"{'心' * 63}@10,10"), piece("vein@10,100")], ["vein"]),
    ],
)  # fmt: skip
def test_the_labels_of_a_figure(pieces, expected):
    assert told(*pieces) == expected


def test_a_mask_is_a_little_larger_than_its_letters_and_within_the_frame():
    [inner] = figure_labels.find_labels_in_pieces([piece("aorta@100,100")], FRAME)
    assert inner.box == pytest.approx((99.5, 97.6, 125.5, 108.4))
    [low] = figure_labels.find_labels_in_pieces([piece("aorta@0,2")], FRAME)
    assert low.box == pytest.approx((0, 0, 25.5, 10.4))
    [high] = figure_labels.find_labels_in_pieces([piece("aorta@375,292")], FRAME)
    assert high.box == pytest.approx((374.5, 289.6, 400, 300))


def test_a_page_of_words_is_no_figure():
    small = [piece(f"x{n}@{20 * (n % 20)},{12 * (n // 20)}", size=1) for n in range(201)]
    assert len(told(*small[:200])) == 200
    assert told(*small) == []
    # what takes more than six tenths of the frame
    wide = piece("word@0,100", size=200)
    wide = replace(wide, position=wide.position._replace(end=300))
    assert told(wide) == ["word"]
    taller = replace(wide, position=wide.position._replace(high=300))
    assert told(taller) == []
