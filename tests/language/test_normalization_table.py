"""Texts that are the same to the checks, however they are typed: rows."""

import pytest

from ankiforge.language.normalization import normalize_words


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("the cell’s wall", "the cell's wall"),
        ("the cell‘s wall", "the cell's wall"),
        ("a 5” pipe", 'a 5" pipe'),
        ("a “5“x3 pipe", 'a "5"x3 pipe'),
        ("x − 1", "x - 1"),
        ("pages 3–5", "pages 3-5"),
        ("pages 3—5", "pages 3-5"),
        ("x‐1", "x-1"),
        ("x‑1", "x-1"),
        ("Œdema", "oedema"),
        ("æther", "aether"),
    ],
)
def test_a_sign_of_typography_is_the_plain_one(typed, plain):
    assert normalize_words(typed) == normalize_words(plain)
    assert normalize_words(typed).isascii()
