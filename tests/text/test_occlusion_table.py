"""What is read of the field of a card with masks; lines that are no masks are left out."""

import pytest

from ankiforge.text.occlusion import (
    HIDE_ALL,
    HIDE_ONE,
    masks_from_anki,
    masks_to_anki,
    parse_masks,
)


@pytest.mark.parametrize(
    ("lines", "labels"),
    [
        (["1 .1 .2 .3 .4 Femur"], ["Femur"]),
        (["1 .1 .2 .3 .4"], [""]),
        (["1 .1 .2 .3 .4 Femur", "words of a person"], ["Femur"]),
        (["words of a person", "2+- .1 .2 .3 .4 left tibia"], ["left tibia"]),
        (["1 .1 .2 .3 wide Femur"], []),
        (["0 .1 .2 .3 .4 Femur"], []),
        (["1 .1 .2 .3 0 Femur"], []),
    ],
)
def test_the_masks_of_a_field(lines, labels):
    masks = parse_masks("\n".join(["hide all", *lines])).masks
    assert [mask.label for mask in masks] == labels


@pytest.mark.parametrize("hide", [HIDE_ONE, HIDE_ALL])
def test_the_field_of_anki_has_the_same_masks(hide):
    masks = parse_masks(f"hide {hide}\n1 .1 .2 .3 .4\n2 .5 .6 .1 .2")
    assert masks.hide == hide
    assert masks_from_anki(masks_to_anki(masks)) == masks
