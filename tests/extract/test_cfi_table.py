"""Positions in EPUBs: the element and the offset that a CFI names."""

import pytest

from ankiforge.extract.books.positions import parse_cfi

POSITIONS = {
    "/4/2/10/1:388": ("html > :nth-child(2) > :nth-child(1) > :nth-child(5)", 388),
    "/4/2[sec:12]/10/1:388": (
        "html > :nth-child(2) > :nth-child(1) > :nth-child(5)",
        388,
    ),
    "/4[a/6^]:7]/2/1:3[;s=b:9]": ("html > :nth-child(2) > :nth-child(1)", 3),
    "/4[body]/6": ("html > :nth-child(2) > :nth-child(3)", 0),
}


@pytest.mark.parametrize(("position", "found"), POSITIONS.items())
def test_what_is_in_brackets_is_no_step_and_no_offset(position, found):
    assert parse_cfi(position) == found
