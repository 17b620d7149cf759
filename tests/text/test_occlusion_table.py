"""The masks of a figure: as text, as in Anki, and after the figure was read again."""

import pytest

from ankiforge.model import FigureLabel
from ankiforge.text.occlusion import (
    HIDE_ALL,
    HIDE_ONE,
    MAX_CHOSEN_LABELS,
    MAX_MASKS,
    TABLE_FRAME,
    Mask,
    Masks,
    compute_overlap,
    copy_labels,
    create_masks,
    format_masks,
    get_labels_by_number,
    get_masks,
    list_labels,
    masks_from_anki,
    masks_to_anki,
    parse_masks,
    replace_masks_with_labels,
    update_masks,
)

A, B = "a" * 16, "b" * 16
SQUARE = (0.1, 0.1, 0.1, 0.1)
FIELD = f"hide all {A}\n1 .1 .1 .2 .2 Femur\n2- .5 .1 .2 .2 Tibia\n3+ .7 .7 .1 .1"


@pytest.mark.parametrize(
    ("line", "mask"),
    [
        ("1 .1 .2 .3 .4 Femur", Mask(1, 0.1, 0.2, 0.3, 0.4, "Femur")),
        ("1 .1 .2 .3 .4", Mask(1, 0.1, 0.2, 0.3, 0.4)),
        ("2+- .1 .2 .3 .4 left  tibia ", Mask(2, 0.1, 0.2, 0.3, 0.4, "left  tibia", on=False, drawn=True)),
        ("2+ .1 .2 .3 .4", Mask(2, 0.1, 0.2, 0.3, 0.4, drawn=True)),
        ("2- .1 .2 .3 .4", Mask(2, 0.1, 0.2, 0.3, 0.4, on=False)),
        # lengths are between 0 and 1, and no mask is too small to see
        ("1 -1 0 2 1", Mask(1, 0.0, 0.0, 1.0, 1.0)),
        ("1 .1 .2 .002 .002", Mask(1, 0.1, 0.2, 0.002, 0.002)),
        ("1 .1 .2 .001 .4", None),
        ("1 .1 .2 .3 0", None),
        ("1 nan .2 .3 .4", None),
        ("1 .1 .2 .3 wide Femur", None),
        # numbers are those for which Anki makes cards
        ("500 .1 .1 .1 .1", Mask(500, *SQUARE)),
        ("501 .1 .1 .1 .1", None),
        ("0 .1 .1 .1 .1", None),
        ("+1 .1 .1 .1 .1", None),
        ("1  .1 .1 .1 .1", None),
        ("words of a person", None),
    ],
)  # fmt: skip
def test_a_line_of_the_field_is_a_mask_or_left_out(line, mask):
    masks = (mask,) if mask else ()
    assert parse_masks(f"hide one {A}\n{line}") == Masks(A, HIDE_ONE, masks)


def test_no_more_masks_are_read_or_made_than_a_card_may_have():
    line = "1 .1 .1 .1 .1\n"
    assert len(parse_masks("hide all\n" + line * (MAX_MASKS + 1)).masks) == MAX_MASKS
    labels = [FigureLabel("x", *SQUARE)] * (MAX_MASKS + 1)
    assert create_masks(A, labels).masks[-1].number == MAX_MASKS


@pytest.mark.parametrize(
    ("figure_hash", "count", "is_on"),
    [
        (A, MAX_CHOSEN_LABELS, True),
        (A, MAX_CHOSEN_LABELS + 1, False),
        (TABLE_FRAME + A, 2, False),
    ],
)
def test_of_many_labels_and_of_a_table_none_is_chosen_beforehand(
    figure_hash, count, is_on
):
    masks = create_masks(figure_hash, [FigureLabel("x", *SQUARE)] * count)
    assert masks.figure == A
    assert [mask.on for mask in masks.masks] == [is_on] * count


def test_the_labels_of_a_figure_become_masks_that_are_numbered_from_1():
    labels = [FigureLabel("Femur", 0.1, 0.2, 0.3, 0.4), FigureLabel("x", *SQUARE)]
    masks = Mask(1, 0.1, 0.2, 0.3, 0.4, "Femur"), Mask(2, *SQUARE, "x")
    assert create_masks(A, labels) == Masks(A, HIDE_ALL, masks)


@pytest.mark.parametrize(
    ("written", "again"),
    [
        (FIELD, FIELD),
        ("hide one", "hide one"),
        ("hide all\n1+- 0 1 .12345 .5 a\tb", "hide all\n1+- 0 1 .1235 .5 a b"),
        ("hide all\n1 0.10 .1 .1 .1 ", "hide all\n1 .1 .1 .1 .1"),
    ],
)
def test_masks_are_written_as_they_are_read(written, again):
    assert format_masks(parse_masks(written)) == again


def test_the_labels_of_the_masks_that_are_on():
    masks = parse_masks(FIELD)
    assert list_labels(masks) == ("Femur", "(3)")
    assert get_labels_by_number(masks) == {"1": "Femur", "3": ""}
    fields = (("Header", "h"), ("Occlusion", FIELD))
    assert replace_masks_with_labels(fields) == (
        ("Header", "h"),
        ("Occlusion", "Femur · (3)"),
    )
    assert get_masks(fields) == masks
    assert get_masks({"Header": "h"}) == Masks()


def test_labels_are_copied_to_the_masks_of_their_numbers():
    masks = parse_masks("hide one\n1 .1 .1 .1 .1\n2- .2 .2 .1 .1\n9 .3 .3 .1 .1 old")
    copied = format_masks(copy_labels(masks, parse_masks(FIELD)))
    expected = f"hide one {A}\n1 .1 .1 .1 .1 Femur\n2- .2 .2 .1 .1 Tibia\n9 .3 .3 .1 .1"
    assert copied == expected


# --- as in Anki -------------------------------------------------------------------------------


@pytest.mark.parametrize("hide", [HIDE_ONE, HIDE_ALL])
def test_the_field_of_anki_has_the_same_masks(hide):
    masks = parse_masks(f"hide {hide}\n1 .1 .2 .3 .4\n2 .5 .6 .1 .2")
    assert masks.hide == hide
    assert masks_from_anki(masks_to_anki(masks)) == masks


@pytest.mark.parametrize(
    ("shapes", "masks"),
    [
        ("{{c7::image-occlusion:rect:top=.2:width=.3:height=.4}}<br>", (Mask(7, 0, 0.2, 0.3, 0.4),)),
        (
            r"{{c1::image-occlusion:rect:left=.1:top=.1:text=a\:b:width=.1:height=.1}}",
            (Mask(1, *SQUARE),),
        ),
        ("{{c2::image-occlusion:ellipse:left=.5:top=.5:rx=.1:ry=.1}}", ()),
        ("{{c1::image-occlusion:rect:left=x:top=0:width=.1:height=.1}} {{c1::other}}", ()),
    ],
)  # fmt: skip
def test_the_shapes_of_anki(shapes, masks):
    assert masks_from_anki(shapes) == Masks("", HIDE_ONE, masks)


# --- a figure that was read again ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ((0, 0, 1, 1), (0, 0, 1, 1), 1),
        ((0, 0, 0.5, 1), (0, 0, 1, 1), 0.5),
        ((0, 0, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5), 1 / 7),
        ((0, 0, 0.4, 1), (0.2, 0, 0.4, 1), 1 / 3),
        ((0, 0.2, 1, 0.4), (0, 0, 1, 0.4), 1 / 3),
        ((0, 0, 0.5, 0.5), (0.5, 0, 0.5, 0.5), 0),  # side by side
        ((0, 0.5, 0.5, 0.5), (0, 0, 0.5, 0.5), 0),
        ((0, 0, 0.1, 0.1), (0.5, 0.5, 0.1, 0.1), 0),
    ],
)
def test_how_much_two_masks_overlap(one, other, overlap):
    masks = Mask(1, *one), Mask(2, *other)
    assert compute_overlap(*masks) == pytest.approx(overlap)
    assert compute_overlap(*reversed(masks)) == pytest.approx(overlap)


UPDATES = {
    "the same figure": (
        f"{B}\n1 .1 .1 .2 .2 A\n2+ .5 .5 .1 .1", "1 .9 .9 .1 .1 B", {},
        ["1 .1 .1 .2 .2 A", "2+ .5 .5 .1 .1"], True,
    ),
    "a label that moved": (f"{A}\n3 .1 .1 .2 .2 A", "1 .6 .6 .2 .2 a", {}, ["3 .6 .6 .2 .2 a"], True),
    "another label at its place": (f"{A}\n3 .1 .1 .2 .2 A", "1 .1 .1 .2 .2 B", {}, ["3 .1 .1 .2 .2 B"], True),
    "at half of its place": (f"{A}\n3 .1 .1 .2 .2 A", "1 .1 .1 .1 .2 B", {}, ["3 .1 .1 .1 .2 B"], True),
    "at less of its place": (f"{A}\n3 .1 .1 .2 .2 A", "1 .1 .1 .09 .2 B", {}, ["4 .1 .1 .09 .2 B"], False),
    "a label goes before a place": (
        f"{A}\n1 .1 .1 .2 .2 A\n2 .1 .5 .2 .2 B", "1 .1 .5 .2 .2 A\n2 .1 .1 .2 .2 C", {},
        ["1 .1 .5 .2 .2 A", "3 .1 .1 .2 .2 C"], True,
    ),
    "of two with a label, the one at the place": (
        f"{A}\n1 .1 .1 .2 .2 A\n2 .5 .5 .2 .2 A", "1 .5 .52 .2 .2 A", {}, ["2 .5 .52 .2 .2 A"], True,
    ),
    "of two places, the one that overlaps more": (
        f"{A}\n1 .1 .1 .2 .2\n2 .14 .1 .2 .2", "1 .15 .1 .2 .2 X", {}, ["2 .15 .1 .2 .2 X"], True,
    ),
    "one that is off stays off": (f"{A}\n1- .1 .1 .2 .2 A", "1 .1 .1 .2 .2 A", {}, ["1- .1 .1 .2 .2 A"], True),
    "a label that had a number in Anki": (
        f"{A}\n1 .1 .1 .2 .2 A", "1 .1 .1 .2 .2 A\n2 .6 .6 .2 .2 B", {"1": "A", "7": "b"},
        ["1 .1 .1 .2 .2 A", "7 .6 .6 .2 .2 B"], True,
    ),
    "whose number is taken": (
        f"{A}\n7 .1 .1 .2 .2 A", "1 .1 .1 .2 .2 A\n2 .6 .6 .2 .2 B", {"7": "B"},
        ["7 .1 .1 .2 .2 A", "8 .6 .6 .2 .2 B"], True,
    ),
    "a new number is above all of Anki": (
        f"{A}\n1 .1 .1 .2 .2 A", "1 .6 .6 .2 .2 C\n2 .8 .1 .1 .1 D", {"9": "B"},
        ["10 .6 .6 .2 .2 C", "11 .8 .1 .1 .1 D"], False,
    ),
    "half of the labels": (
        f"{A}\n1 .1 .1 .2 .2 A\n2 .5 .5 .2 .2 B", "1 .1 .1 .2 .2 A", {}, ["1 .1 .1 .2 .2 A"], True,
    ),
    "a third of the labels": (
        f"{A}\n1 .1 .1 .2 .2 A\n2 .5 .5 .2 .2 B\n3 .8 .8 .2 .2 C", "1 .1 .1 .2 .2 A", {},
        ["1 .1 .1 .2 .2 A"], False,
    ),
    "a mask that the user drew stays, but may be wrong": (
        f"{A}\n1 .1 .1 .2 .2 A\n2+ .5 .5 .2 .2 mine", "1 .1 .1 .2 .2 A", {},
        ["1 .1 .1 .2 .2 A", "2+ .5 .5 .2 .2 mine"], False,
    ),
    "a drawn one that is off": (
        f"{A}\n1 .1 .1 .2 .2 A\n2+- .5 .5 .2 .2 mine", "1 .1 .1 .2 .2 A", {},
        ["1 .1 .1 .2 .2 A", "2+- .5 .5 .2 .2 mine"], True,
    ),
    "a drawn one whose label was read": (
        f"{A}\n1+ .5 .5 .2 .2 mine", "1 .5 .5 .2 .2 mine", {}, ["1 .5 .5 .2 .2 mine"], False,
    ),
    "no labels any more": (f"{A}\n1 .1 .1 .2 .2 A", "", {}, [], False),
    "no masks before": (A, "1 .1 .1 .2 .2 A", {}, ["1 .1 .1 .2 .2 A"], True),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "read", "exported", "masks", "is_certain"),
    UPDATES.values(),
    ids=list(UPDATES),
)
def test_the_masks_of_a_figure_that_was_read_again(
    old, read, exported, masks, is_certain
):
    old_masks = parse_masks(f"hide one {old}")
    update = update_masks(old_masks, parse_masks(f"hide all {B}\n{read}"), exported)
    assert format_masks(update.masks).split("\n") == [f"hide one {B}", *masks]
    assert update.is_certain is is_certain
