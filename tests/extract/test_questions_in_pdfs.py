"""Questions in the comments, replies and notes of a PDF, on their way to a card."""

import pytest

from tests.makers.pdf_writer import Mark, Page, paragraph, write_pdf

PEAT = "Peat forms where dead moss cannot rot because water keeps the air out."
ASKED = "Where does peat form?"


def cards(forge, folder, *marks):
    """The cards and drafts of a page with these marks: verdict and fields."""
    folder.mkdir()
    write_pdf(folder / "peat.pdf", [Page([paragraph(PEAT)], list(marks))])
    forge.ok("run", folder)
    return [(card["verdict"], card["fields"]) for card in forge.cards()]


def marked(comment="", **more):
    return Mark(PEAT, comment=comment, **more)


@pytest.mark.parametrize(
    "mark",
    [
        marked(ASKED),
        marked(f"— {ASKED}"),
        marked(replies=(("Reader", ASKED),)),
        marked(ASKED, replies=(("Bo", "Who asks?"), ("Bo", "A bog, is it not?"))),
        marked(f"{PEAT}\n\n{ASKED}"),
        marked(f"{PEAT.upper()} {ASKED}"),
    ],
)
def test_a_question_of_the_reader_is_accepted_with_the_marked_words(
    forge, tmp_path, mark
):
    fields = {"Front": ASKED, "Back": PEAT}
    assert cards(forge, tmp_path / "papers", mark) == [("accepted", fields)]


def test_a_frame_around_text_is_no_figure(forge, tmp_path):
    frame = Mark("dead moss", kind="Square")
    assert cards(forge, tmp_path / "papers", frame) == []
    [left] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert left["reason"].startswith("a frame around no picture and no drawing")


def test_what_somebody_else_asks_in_a_reply_is_no_card(forge, tmp_path):
    mark = marked("Interesting.", replies=(("Bo", ASKED),))
    found = cards(forge, tmp_path / "papers", mark)
    assert ASKED not in [fields.get("Front") for _, fields in found]


@pytest.mark.parametrize(
    ("comment", "fields", "because"),
    [
        (f"{ASKED} Ask Tom.", {"Front": ASKED, "Back": "Ask Tom."}, "says_more"),
        (
            f"Q: {ASKED}\nA: In a bog.",
            {"Front": ASKED, "Back": "In a bog."},
            "answer_not_in_source",
        ),
        (
            f"Important. {ASKED}",
            {"Front": ASKED, "Back": PEAT, "Extra": "Important."},
            "says_more",
        ),
    ],
)
def test_a_comment_that_says_more_waits(forge, tmp_path, comment, fields, because):
    found = cards(forge, tmp_path / "papers", marked(comment))
    assert found == [("waiting", fields)]
    [card] = forge.cards()
    assert [finding["check"] for finding in card["findings"]] == [because]


@pytest.mark.parametrize("kind", ["Text", "FreeText"])
@pytest.mark.parametrize(
    "comment",
    [
        "What is a bog? A wet place.",
        "What is a bog? -> A wet place.",
        "Q: What is a bog? A: A wet place.",
    ],
)
def test_a_note_beside_the_text_with_question_and_answer_waits(
    forge, tmp_path, kind, comment
):
    note = Mark("dead moss", kind=kind, comment=comment)
    fields = {"Front": "What is a bog?", "Back": "A wet place."}
    assert cards(forge, tmp_path / "papers", note) == [("waiting", fields)]
    [card] = forge.cards()
    assert [finding["check"] for finding in card["findings"]] == ["says_more"]
    assert forge("draft", "export", "ask.md", code=None).stdout == ""
    assert not (forge.folder / "ask.md").exists()


def test_markdown_and_maths_of_a_comment_are_shown(forge, tmp_path, anki):
    cards(forge, tmp_path / "papers", marked("Why is **$x^2$** in _peat_ `a?b`?"))
    [card] = forge.cards()
    forge.ok("accept", card["id"]) if card["verdict"] == "waiting" else None
    forge.ok("build")
    anki.load(forge.folder / "ankiforge.apkg")
    [accepted] = forge.cards()
    front = anki.note(accepted["guid"])["Front"]
    assert front == (
        r"Why is <strong>\(x^2\)</strong> in <em>peat</em> <code>a?b</code>?"
    )
