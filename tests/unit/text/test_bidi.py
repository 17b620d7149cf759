"""A name with bidirectional controls reorders nothing that stands beside it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ankiforge.text.fold import isolated

FSI, PDI, RLO = "\u2068", "\u2069", "\u202e"
SIGNS = st.text(
    st.sampled_from("ab \n\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f\u061c")
)


def test_what_holds_none_is_as_it_is() -> None:
    for text in ("", "Sleep", "مقدمة في الأحياء", "שלום, world", "a\nb"):
        assert isolated(text) == text


def test_what_is_opened_is_closed_and_what_was_not_opened_is_not() -> None:
    assert isolated(f"a{RLO}b") == f"{FSI}a{RLO}b{PDI}"
    assert isolated(f"a{PDI}{RLO}b") == f"{FSI}a{RLO}b{PDI}"
    assert isolated("a\u2067b") == f"{FSI}a\u2067b{PDI}{PDI}"
    assert isolated("a\u200f") == f"{FSI}a\u200f{PDI}"


@given(SIGNS)
def test_the_first_isolate_of_each_line_lasts_to_its_end(text: str) -> None:
    for line in isolated(text).split("\n"):
        if not set(line) - set("ab "):
            continue
        depth = 0
        for at, sign in enumerate(line):
            depth += {"\u2066": 1, "\u2067": 1, FSI: 1, PDI: -1}.get(sign, 0)
            assert depth > 0 or at == len(line) - 1
        assert depth == 0
        assert line[0] == FSI
