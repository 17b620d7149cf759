from __future__ import annotations

import pytest

from ankiforge.text.fold import canonical, fold, same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("“Quoted” – it’s", '"quoted" - it\'s'),
        ("re\u00adtention", "retention"),
        ("two\n  lines\u00a0here", "two lines here"),
        ("ﬁnal Straße", "FINAL STRASSE"),
        ("e\u0301tude", "étude"),
        ("10\u202fkm", "10 km"),
        ("a−b", "a-b"),
    ],
)
def test_typography_spacing_and_case_make_no_difference(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C++", "C"),
        ("x < 0", "x > 0"),
        ("3.14", "314"),
        ("can't", "cant"),
        ("a b", "ab"),
        ("", "a"),
    ],
)
def test_every_other_sign_does(one: str, other: str) -> None:
    assert not same(one, other)


def test_a_fold_that_would_be_empty_keeps_its_signs() -> None:
    assert fold(" ∑ → ") == "∑→"
    assert fold("C++") == fold("C") == "c"


def test_the_canonical_form_is_its_own() -> None:
    text = "“Über−all…”\u00ad \n ﬁ"
    assert canonical(canonical(text)) == canonical(text)
