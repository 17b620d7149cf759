"""Which drafter gets a highlight, what a comment says of it, and what is no evidence."""

import pytest
from msgspec.structs import replace

from ankiforge.draft.instructions import (
    ClozeRequest,
    QuestionRequest,
    SkipRequest,
    find_drafting_skip_reason,
    find_questions,
    find_reason_not_to_send,
    is_drafted_by_rules_only,
    make_failed_result,
    parse_instruction,
)
from ankiforge.errors import BugError
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    Problem,
)

CLAUSE = "the mitochondrion makes most of the energy of a cell"
MARK = Highlight(
    Document(DocumentKey("d"), "papers", "Cells"), "pdf:d", HighlightKind.HIGHLIGHT, CLAUSE
)  # fmt: skip
NO_MODEL = "a hand-written card is not drafted again"
STRUCK = (
    "struck out, so treated as deleted; for a card, add a comment that begins with `?`"
)


def make(kind: str = "", **fields: object) -> Highlight:
    if kind:
        fields["kind"] = HighlightKind(kind)
    return replace(MARK, **fields)


@pytest.mark.parametrize(
    ("highlight", "is_for_rules", "reason"),
    [
        pytest.param(make(), False, None, id="plain"),
        pytest.param(make(comment="? why"), False, None, id="a question"),
        pytest.param(make(comment="skip"), False, "your comment says so", id="skipped"),
        pytest.param(make(skip_reason="marked by Bo"), False, "marked by Bo", id="another reader's"),
        pytest.param(make(exact="—"), False, "no text under the mark", id="no text"),
        pytest.param(make(exact="—", comment="? why\nA: so"), False, None, id="no text, but an answer"),
        pytest.param(make("card", markdown=("a", "b")), True, NO_MODEL, id="hand-written"),
        pytest.param(make("note", comment="? why\nA: so"), True, NO_MODEL, id="a note in a margin"),
        pytest.param(make("note", comment="good", exact=""), True, "a comment without marked text", id="a remark in a margin"),
        pytest.param(make("note", markdown=("some words",)), False, None, id="a note of its own"),
        pytest.param(make("strike"), False, STRUCK, id="struck out"),
        pytest.param(make("strike", comment="? why"), False, None, id="struck out, with a question"),
        pytest.param(make("strike", comment="c: energy"), False, None, id="struck out, with a cloze"),
        pytest.param(make("image", markdown=("![](a)",)), True, "a picture is not shown to a model", id="a picture"),
        pytest.param(make("image"), False, "it has no picture: its place on the page is empty, or cannot be drawn", id="a picture that is lost"),
        pytest.param(make("image", namespace="zotero:a"), False, "its picture is not in Zotero's cache: open the PDF in Zotero once", id="Zotero's"),
        pytest.param(make("ink", markdown=("![](a)",)), False, "a drawing: write its question as the comment: `? …`", id="a drawing"),
        pytest.param(make("ink", markdown=("![](a)",), comment="? why"), True, "a picture is not shown to a model", id="a drawing with a question"),
        pytest.param(make(line_syntax=WORD_AND_TRANSLATION), False, "a word with its translation is not drafted again", id="a translation"),
    ],
)  # fmt: skip
def test_who_drafts_a_highlight(highlight, is_for_rules, reason):
    assert is_drafted_by_rules_only(highlight) is is_for_rules
    not_sent = find_reason_not_to_send(highlight)
    assert (not_sent and not_sent.text) == reason
    known = (NO_MODEL, "a picture is not", "a word with")
    is_drafted = reason is None or reason.startswith(known)
    assert find_drafting_skip_reason(highlight) == (None if is_drafted else not_sent)


@pytest.mark.parametrize(
    ("heading", "note", "found"),
    [
        ("", "What is it? A cell.", [("What is it?", "A cell.")]),
        ("", "What is it?\n\nA cell.\n\nAn old one.", [("What is it?", "A cell.\n\nAn old one.")]),
        ("", "What is it? A cell.\n\nMore.", [("What is it?", "A cell.")]),
        ("", "What is it?\n\nA cell.\n\nWhy is it? So.", [("What is it?", "A cell."), ("Why is it?", "So.")]),
        ("", "What is it?\n\nWhy is it? So.", [("Why is it?", "So.")]),
        ("", "Some words.\n\nWhat is it? A cell.", [("What is it?", "A cell.")]),
        ("", "Some words.", []),
        ("What is *it*?", "A cell.", [(r"What is \*it\*?", "A cell.")]),
        ("", "\n\n".join(f"What is {n}? It {n}." for n in range(21)), [(f"What is {n}?", f"It {n}.") for n in range(20)]),
    ],
)  # fmt: skip
def test_the_questions_of_a_note(heading, note, found):
    highlight = make("note", heading=heading, markdown=(note,))
    assert find_questions(highlight) == [
        QuestionRequest(question, answer, is_whole_comment=False)
        for question, answer in found
    ]


@pytest.mark.parametrize(
    ("comment", "passage", "expected"),
    [
        ("skip: *known*", "", SkipRequest("known")),
        ("c: <p>  tag", "", ClozeRequest("<p> tag")),
        ("? What is it", CLAUSE, QuestionRequest("What is it")),
        ("What is it? A: a cell", CLAUSE, QuestionRequest("What is it?", "a cell")),
        # no passage: what follows is the answer; a passage: it is more than the question
        ("What is it? A thing that lives in water and mud.", "", QuestionRequest("What is it?", "A thing that lives in water and mud.", is_whole_comment=False)),
        ("What is made here? See the book of Smith, who was the first to say it.", CLAUSE, QuestionRequest("What is made here?", "See the book of Smith, who was the first to say it.", is_whole_comment=False)),
        # the passage itself, before or behind the question
        (f"{CLAUSE}\n\nWhat energy is it?", CLAUSE, QuestionRequest("What energy is it?")),
        (f"What does a cell need? {CLAUSE.capitalize()}.", CLAUSE, QuestionRequest("What does a cell need?")),
        # a reaction has one of: a question word, a word of the passage, three words of content
        ("wtf is he saying?", CLAUSE, None),
        ("What energy is it?", CLAUSE, QuestionRequest("What energy is it?")),
        ("Really energy?", CLAUSE, None),
        ("? Really energy?", CLAUSE, QuestionRequest("Really energy?")),
        ("nice  remark", CLAUSE, None),
    ],
)  # fmt: skip
def test_what_a_comment_asks_for(comment, passage, expected):
    assert parse_instruction(comment, passage) == expected


def test_an_unexpected_error_is_told_with_the_words_of_the_highlight():
    error = BugError("it broke", hint="report it")
    for highlight, words in (
        (make(), f"{CLAUSE}"),
        (make(exact="", comment="a\nb"), "a b"),
        (make(exact="a" * 61), f"{'a' * 59}…"),
    ):
        result = make_failed_result(highlight, error)
        assert (result.highlight, result.drafts) == (highlight, ())
        assert result.reason == "it broke"
        assert result.problem == Problem("Cells", f"“{words}”: it broke", "report it")
