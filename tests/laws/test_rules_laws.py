"""Laws of the offline rules."""

from hypothesis import given
from hypothesis import strategies as st

from ankiforge.draft import rules
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    DraftingInstructions,
    DraftingTask,
    Highlight,
    HighlightForm,
    HighlightKey,
    HighlightKind,
)
from tests.examples import examples

PIECES = (
    "A relay is a switch that converts a current into a movement of its parts.",
    "**Grammar** refers to the set of rules that are used to speak a language.",
    "The Hubble Space Telescope was launched in 1990.",
    "A relay", "Grammar", "NASA", "The Hubble Space Telescope", "**Grammar**", "*a script*", "~~not~~",
    "is a switch that converts a current into a movement", "refers to the set of all rules of speech",
    "was launched", "in 1990", "1,200", "16%", "(1936)", "is called the corona", ", called **opiates**,",
    "while", "et al.", "- ", "1. ", "which", "\n", ".", ". ", ":", "’", "\\", "{{", "}}", "`x`", "$x$", "é",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map(" ".join)
KINDS = st.sets(st.sampled_from(list(CardKind))).map(tuple)
WANTS = st.sampled_from(["card", "definition", "question"])
DOCUMENT = Document(DocumentKey("vault:notes/0"), "notes", "Deep learning")


def passage(
    written: str, form: HighlightForm, gaps: tuple[tuple[int, int], ...]
) -> Highlight:
    return Highlight(
        DOCUMENT, "vault:notes", HighlightKind.HIGHLIGHT, written, HighlightKey("vault:notes/a"),
        form=form, gaps=gaps, markdown=(written,), markdown_gaps=gaps,
    )  # fmt: skip


@examples(60)
@given(
    written=TEXTS, form=st.sampled_from(list(HighlightForm)), kinds=KINDS, wants=WANTS, data=st.data(),
)  # fmt: skip
def test_every_passage_is_answered_with_what_is_wanted_and_from_its_words(
    written, form, kinds, wants, data
):
    ends = sorted(data.draw(st.sets(st.integers(0, len(written)), max_size=4)))
    gaps = tuple(zip(ends[::2], ends[1::2], strict=False))
    task = DraftingTask(
        DOCUMENT,
        (passage(written, form, gaps),),
        instructions=DraftingInstructions(kinds, wants),
    )
    [result] = rules.draft_task(task)

    assert bool(result.drafts) != bool(result.reason)
    for draft in result.drafts:
        assert draft.quote in written
        assert not kinds or draft.kind in kinds
        assert wants != "question" or draft.kind is not CardKind.CLOZE
