"""What holds for every note of any deck, however it is written."""

from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.cards import cloze_numbers
from ankiforge.model import Guid, SeenCard, SeenNote, SeenTemplate, SeenType
from ankiforge.reports.lint import Linter, as_json, cloze_markdown, read_note
from ankiforge.text import cloze

SIGNS = (
    *"abX1 $*_#`\\{}[]<>&;:\n",
    "{{c1::", "{{c2::", "{{c0::", "}}", "::", r"\(", r"\)", r"\[", r"\]", "[$]", "[/$]", "[latex]",
    "<b>", "</b>", "<br>", "<div>", "&nbsp;", "&lt;", "[sound:a]", "<img src=x>", "{{A}}", "af1",
    "{{#A}}", "{{/A}}", "{{^B}}", "{{type:A}}", "{{cloze:A}}", "{{hint:B}}", "{{FrontSide}}",
    "<hr id=answer>", "\ue0f0", "\ue0f1", "\ue0f2", "\ue0f3", "0",
)  # fmt: skip
HTML = st.lists(st.sampled_from(SIGNS), max_size=14).map("".join)
WORDS = st.text("abcdefgh ", min_size=1, max_size=8).filter(str.strip)


@given(st.lists(HTML, max_size=3), HTML, HTML, st.booleans(), st.lists(st.integers(0, 3)))
def test_no_note_and_no_template_stops_a_look(fields, question, answer, is_cloze, ordinals):
    template = SeenTemplate("Card 1", None, question, answer)
    kind = SeenType(1, "Any", 0, is_cloze, (("A", None), ("B", None)), (template,), "")
    cards = tuple(SeenCard(at, at, "Deck", 0, 0, suspended=False) for at in ordinals)
    note = SeenNote(Guid("guid"), 1, 0, 1, (), tuple(fields), cards, None)

    read = read_note(note, kind)
    linted = list(Linter().notes([read, read, read_note(note, None)]))

    assert len(linted) == 3
    for one in linted:
        assert "\n" not in as_json(one)["front"]


@given(st.lists(st.tuples(WORDS, st.integers(1, 9), WORDS), min_size=1, max_size=4), WORDS)
def test_a_cloze_text_hides_what_anki_hides(gaps, after):
    html = "".join(f"{before}{{{{c{n}::{hidden}}}}}" for before, n, hidden in gaps) + after

    written = cloze_markdown(html)

    assert cloze.numbers(written) == cloze_numbers(html)
    assert [gap.answer.strip() for gap in cloze.gaps(written)] == [h.strip() for _, _, h in gaps]
