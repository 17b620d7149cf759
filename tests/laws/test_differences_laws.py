"""What holds for the differences of any two texts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ankiforge.review.page.items import GONE, NEW, SAME, runs, tokens
from ankiforge.text.cloze import gaps, shields

PIECES = st.sampled_from(
    ["a cell", " ", "divides", "3.5", "-", "\n", "$x^2$", "$$a b$$", "`one two`", "{{c1::a b}}",
     "{{c2::$x$::hint}}", "\\*", "細胞", "e\u0301", "👩\u200d🔬", "**", "{{c1::", "}}", "$"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20)


@given(TEXTS, TEXTS)
def test_joined_they_are_either_side(old, new):
    found = runs(old, new)
    assert "".join(text for what, text in found if what != NEW) == old
    assert "".join(text for what, text in found if what != GONE) == new


@given(TEXTS)
def test_equal_texts_have_no_difference(text):
    assert runs(text, text) == (((SAME, text),) if text else ())


@given(TEXTS, TEXTS)
def test_no_two_runs_beside_one_another_say_the_same_and_none_is_empty(old, new):
    found = runs(old, new)
    assert all(text for _, text in found)
    assert all(one[0] != other[0] for one, other in pairwise(found))


@given(TEXTS, TEXTS)
def test_nothing_whole_is_torn_apart(old, new):
    whole = [(start, end) for start, end, _ in shields(old)]
    whole += [(gap.start, gap.end) for gap in gaps(old)]
    at = 0
    for what, text in runs(old, new):
        at += len(text) if what != NEW else 0
        assert not any(start < at < end for start, end in whole)


@given(TEXTS)
def test_the_pieces_are_the_text(text):
    assert "".join(tokens(text)) == text
