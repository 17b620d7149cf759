"""What holds for every note of any deck, however it is written."""

from hypothesis import given
from hypothesis import strategies as st

from ankiforge.model import Guid, SeenCard, SeenNote, SeenTemplate, SeenType
from ankiforge.reports.lint import check_notes, read_note

SIGNS = (
    *"abX1 $*_#`\\{}[]<>&;:\n",
    "{{c1::", "{{c2::", "{{c0::", "}}", "::", r"\(", r"\)", r"\[", r"\]", "[$]", "[/$]", "[latex]",
    "<b>", "</b>", "<br>", "<div>", "&nbsp;", "&lt;", "[sound:a]", "<img src=x>", "{{A}}", "af1",
    "{{#A}}", "{{/A}}", "{{^B}}", "{{type:A}}", "{{cloze:A}}", "{{hint:B}}", "{{FrontSide}}",
    "<hr id=answer>", "\ue0f0", "\ue0f1", "\ue0f2", "\ue0f3", "0",
)  # fmt: skip
HTML = st.lists(st.sampled_from(SIGNS), max_size=14).map("".join)


@given(st.lists(HTML, max_size=3), HTML, HTML, st.booleans(), st.lists(st.integers(0, 3)))
def test_no_note_and_no_template_stops_a_look(fields, question, answer, is_cloze, ordinals):
    template = SeenTemplate("Card 1", None, question, answer)
    kind = SeenType(1, "Any", 0, is_cloze, (("A", None), ("B", None)), (template,), "")
    cards = tuple(SeenCard(at, at, "Deck", 0, 0, suspended=False) for at in ordinals)
    note = SeenNote(Guid("guid"), 1, 0, 1, (), tuple(fields), cards, None)

    read = read_note(note, kind)
    linted = list(check_notes([read, read, read_note(note, None)]))

    assert len(linted) == 3
    for one, findings in linted:
        assert "\n" not in one.as_json(findings, fields=True)["front"]
