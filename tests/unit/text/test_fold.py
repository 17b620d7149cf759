"""Forms of a text: what counts as equal, how it is searched, and what reorders nothing beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.ledger.lists import loose
from ankiforge.ledger.search import chunks, searched
from ankiforge.text.fold import canonical, fold, isolated, same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("“Quoted” – it’s", '"quoted" - it\'s', True), ("re\u00adtention", "retention", True),
        ("two\n  lines\u00a0here", "two lines here", True), ("ﬁnal Straße", "FINAL STRASSE", True),
        ("e\u0301tude", "étude", True), ("10\u202fkm", "10 km", True), ("a−b", "a-b", True),
        ("C++", "C", False), ("x < 0", "x > 0", False), ("3.14", "314", False),
        ("can't", "cant", False), ("a b", "ab", False), ("", "a", False),
    ],
)  # fmt: skip
def test_typography_spacing_and_case_make_no_difference_every_other_sign_does(one, other, equal):
    assert same(one, other) is equal


def test_a_fold_that_would_be_empty_keeps_its_signs():
    assert fold(" ∑ → ") == "∑→"
    assert fold("C++") == fold("C") == "c"


def test_the_canonical_form_is_its_own():
    text = "“Über−all…”\u00ad \n ﬁ"
    assert canonical(canonical(text)) == canonical(text)


def test_words_are_searched_without_case_and_signs():
    assert chunks('"Spaced Repetition" Gedächtnis  wo') == (
        ("spaced repetition", False), ("gedachtnis", False), ("wo", True),
    )  # fmt: skip
    assert chunks("a - * \" ' 記憶") == (("a", False), ("記 憶", True))
    assert searched("Straße ﬁne\u00adly") == "strasse finely"
    assert searched("Søren Œuvre İstanbul μνήμη ёжик па́мять й") == (
        "soren oeuvre istanbul μνημη ежик память й"
    )
    assert searched("الذَّاكِرَة أثر שָׁלוֹם ガギ 한국 mc^2 mc²") == (
        "الذاكرة اثر שלום  ガ  ギ   한  국  mc2 mc2"
    )
    assert loose("Über, das:  Gedächtnis!") == "uber das gedachtnis"


# --- bidirectional controls -------------------------------------------------------------------

FSI, PDI, RLO = "\u2068", "\u2069", "\u202e"
SIGNS = st.text(
    st.sampled_from("ab \n\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f\u061c")
)


def test_what_holds_none_is_as_it_is():
    for text in ("", "Sleep", "مقدمة في الأحياء", "שלום, world", "a\nb"):
        assert isolated(text) == text


def test_what_is_opened_is_closed_and_what_was_not_opened_is_not():
    assert isolated(f"a{RLO}b") == f"{FSI}a{RLO}b{PDI}"
    assert isolated(f"a{PDI}{RLO}b") == f"{FSI}a{RLO}b{PDI}"
    assert isolated("a\u2067b") == f"{FSI}a\u2067b{PDI}{PDI}"
    assert isolated("a\u200f") == f"{FSI}a\u200f{PDI}"


@given(st.text(max_size=60))
def test_of_any_query_only_words_are_searched(text):
    loose(text)
    assert all(words.strip() for words, _ in chunks(text))


@given(SIGNS)
def test_the_first_isolate_of_each_line_lasts_to_its_end(text):
    for line in isolated(text).split("\n"):
        if not set(line) - set("ab "):
            continue
        depth = 0
        for at, sign in enumerate(line):
            depth += {"\u2066": 1, "\u2067": 1, FSI: 1, PDI: -1}.get(sign, 0)
            assert depth > 0 or at == len(line) - 1
        assert depth == 0
        assert line[0] == FSI
