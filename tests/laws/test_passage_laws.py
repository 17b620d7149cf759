"""What holds for the passage of any highlight, whatever its context and the card's quote are."""

from ankiforge.review.page.source import CUT, EXACT, QUOTE, runs_of
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.model import Document, DocumentKey, Highlight, HighlightKind
from ankiforge.text.quotes import locate

WORDS = st.lists(
    st.sampled_from(["cell", "Cell", " ", "\n", "divides", ".", "–", "-", "細胞", "שלום", "e\u0301", "\u00ad", "👩\u200d🔬", "ﬁ"]),
    max_size=8,
).map("".join)  # fmt: skip
NUMBERS = st.integers(-3, 40)


@st.composite
def highlights(draw: st.DrawFn) -> Highlight:
    before, exact, after = draw(WORDS), draw(WORDS), draw(WORDS)
    whole = draw(st.sampled_from(["", before + exact + after, exact + after, before + exact]))
    kept = [draw(st.integers(0, 20)) for _ in "ab"]
    return Highlight(
        Document(DocumentKey("vault:n/a"), "n", "A"),
        "vault:n",
        HighlightKind.HIGHLIGHT,
        exact,
        prefix=before[-kept[0] :] if draw(st.booleans()) else before,
        suffix=after[: kept[1]] if draw(st.booleans()) else after,
        sentence=whole if draw(st.booleans()) else draw(WORDS),
        gaps=tuple(draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3))),
    )


@given(highlights(), WORDS)
def test_the_mark_is_shown_whole_once_and_as_it_is(highlight, quote):
    runs = runs_of(highlight, quote)
    assert "".join(run.text for run in runs if EXACT in run.marks) == highlight.exact
    marked = [at for at, run in enumerate(runs) if EXACT in run.marks]
    assert marked == list(range(marked[0], marked[-1] + 1)) if marked else not highlight.exact
    if locate(quote, highlight.exact):
        assert all(EXACT in run.marks for run in runs if QUOTE in run.marks)
    assert all(run.text for run in runs)


@given(highlights())
def test_no_word_of_the_context_is_lost(highlight):
    told = "".join(
        "".join(run.text for run in runs_of(highlight, "") if CUT not in run.marks).split()
    )
    for part in (highlight.prefix, highlight.suffix):
        assert "".join(part.split()) in told


@given(WORDS, WORDS, WORDS)
def test_a_context_that_repeats_the_sentence_is_there_once(one, two, three):
    highlight = Highlight(
        Document(DocumentKey("vault:n/a"), "n", "A"),
        "vault:n",
        HighlightKind.HIGHLIGHT,
        f"«{two}»",
        prefix=one,
        suffix=three,
        sentence=f"{one}«{two}»{three}",
    )
    shown = [run.text for run in runs_of(highlight, "") if CUT not in run.marks]
    assert "".join(shown) == highlight.sentence
