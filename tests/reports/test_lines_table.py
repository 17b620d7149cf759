"""The lines and the JSON of drafts, questions and highlights without a card, row by row."""

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.check.rules_and_text import make_finding
from ankiforge.config.deckfiles import DeckRule
from ankiforge.ledger import Ledger
from ankiforge.ledger.sentence_decisions import SentenceState
from ankiforge.model import (
    AnkiNote,
    CardKind,
    Conflict,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    PendingDraft,
    Remark,
    RemarkKind,
    Severity,
    SourceChange,
    UserQuestion,
    UserQuestionKind,
    Verdict,
)
from ankiforge.pipeline.query import find_matching_ids
from ankiforge.reports import cards
from ankiforge.text import render_bold_marks
from tests.cards import made

PAPER = Document(DocumentKey("d"), "papers", "On Memory", path="a/b/Memory.pdf")
PLACE = Highlight(
    PAPER, "pdf:papers", HighlightKind.HIGHLIGHT, "Tests help memory.", page_label="3",
    key=HighlightKey("pdf:papers/k"), uri="zotero://x", heading="Results",
)  # fmt: skip
BOTH = (("Front", "What helps?"), ("Back", "Tests"))
DRAFT = made(
    PendingDraft,
    kind=CardKind.BASIC,
    fields=BOTH,
    quote="Tests help",
    passages=(PLACE,),
    deck="Reading",
)
CARD = made(
    LocalCard,
    kind=CardKind.BASIC,
    fields=BOTH,
    quote="Tests help",
    passages=(PLACE,),
    deck="Reading",
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger(folder / "l.db", folder, "a") as ledger:
        ledger.merge_journal()
        yield ledger


def plain(line: str) -> str:
    return render_bold_marks(line, "*", "*")


# --- one line -------------------------------------------------------------------------------


GAPS = made(
    PendingDraft, fields=(("Text", "{{c1::Tests}} help."),), passages=(PLACE,),
    gaps=("{{c1::Tests}}", "{{c1::help}}"), quote="Tests help.", deck="Reading",
)  # fmt: skip


@pytest.mark.parametrize(
    ("decided", "line"),
    [((), None), ((True,), None), ((True, False), "1 of 2 facts decided")],
)
def test_the_decided_sentences_of_a_passage_are_counted(decided, line):
    facts = [SentenceState("s", is_decided) for is_decided in decided]
    assert cards.format_fact_count(facts) == line


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("What  *helps*?", "What helps?"),
        ("word " * 30, ("word " * 14).rstrip() + "…"),
        ("x" * 90, "x" * 72 + "…"),  # a script without spaces
    ],
)
def test_a_question_is_cut_between_words(question, line):
    fields = (("Front", question), ("Back", "a"))
    assert cards.format_short_question(replace(DRAFT, fields=fields)) == line


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("It beats  twice.", "It beats thrice.", ("It beats *twice.*", "It beats *thrice.*")),
        ("It beats  twice.", "It beats twice.", ()),
        ("", "It beats.", ()),
        ("It beats.", "", ()),
    ],
)  # fmt: skip
def test_the_words_that_changed_in_a_passage_are_bold(old, new, shown):
    told = cards.format_passage_change(replace(DRAFT, old_quote=old, quote=new))
    assert tuple(map(plain, told)) == shown


# --- questions ------------------------------------------------------------------------------

CONFLICT = Conflict(Guid("af1"), "Back", "mine", "theirs", "h", "i")
ASKED = UserQuestion(
    "qu1234567890", UserQuestionKind.CONFLICT, "Which words stay?", guids=(Guid("af1"),),
    conflicts=(CONFLICT,), examples=("What  helps?", "Memory"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("conflict", "labels", "effects"),
    [
        ({}, ("mine", "source"), ("take the source's words", "keep mine")),
        ({"is_edited_in_ankiforge": True}, ("in Anki", "here"), ("take the words from here", "keep those in Anki")),
    ],
)  # fmt: skip
def test_a_question_has_its_examples_both_texts_and_the_answers(
    conflict, labels, effects
):
    question = replace(ASKED, conflicts=(replace(CONFLICT, **conflict),))
    assert (question.accept_effect, question.reject_effect) == effects
    assert [*cards.format_question(question)] == [
        "qu1234  Which words stay?",
        "          What helps?",
        "          Memory",
        "          Back:",
        f"  {labels[0]:7} mine",
        f"  {labels[1]:7} theirs",
        f"          ankiforge accept qu1234   {effects[0]}",
        f"          ankiforge reject qu1234   {effects[1]}",
    ]
    row = cards.format_question_row(question)
    assert row == "qu1234 ? Which words stay?  What helps? / Memory"
    assert cards.question_to_json(question) == {
        "id": question.id,
        "guid": None,
        "question": "conflict",
        "text": "Which words stay?",
        "decision": "change",
        "by": "",
        "certain": True,
        "verdict": "waiting",
        "accept": effects[0],
        "reject": effects[1],
        "guids": ("af1",),
        "examples": question.examples,
        "conflicts": [{"field": "Back", "mine": "mine", "source": "theirs"}],
    }


# --- all of a card --------------------------------------------------------------------------

FIELDS = [
    "deck      Reading",
    "front     What helps?",
    "back      Tests",
    "quote     Tests help",
]
SOURCE = ["source    On Memory, p. 3 › Results", "          zotero://x"]
CHANGE = ["was       Tests *helped*", "is now    Tests *help*"]
WAITS = "waits     Written by a model; you decide."
DECIDE = [
    "          ankiforge accept dr1",
    '          ankiforge edit dr1 --field Front "…"',
    "          ankiforge reject dr1",
]
OUTDATED = [
    "          ankiforge accept dr1   the card stays as it is",
    '          ankiforge edit dr1 --field Back "…"',
    "          ankiforge draft   a chat rewords it",
    "          ankiforge reject dr1   the card goes",
]
WRONG = make_finding("number_altered", "“5 kg”", severity=Severity.BLOCK)
OLD = {"old_quote": "Tests helped"}
FRESH = replace(DRAFT, fields=(("Front", "Q"), ("Back", "b")), **OLD)
REMARKS = (Remark(RemarkKind.EQUAL_CARD, "af2"), Remark(RemarkKind.FORM))
INFO = make_finding("number_altered", "“5 kg”", severity=Severity.INFO)


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        (DRAFT, ["dr1  basic  waiting", *FIELDS, *SOURCE, WAITS, *DECIDE]),
        (replace(DRAFT, **OLD), ["dr1  basic  waiting", *FIELDS, *SOURCE, *CHANGE, WAITS, *DECIDE]),
        (replace(DRAFT, findings=(WRONG,)),
         ["dr1  basic  waiting", *FIELDS, *SOURCE, "block     the source has the number with another unit, sign or era: “5 kg”",
          DECIDE[0].replace("accept", "accept --force"), *DECIDE[1:]]),
        # a remark says why a draft waits, even beside a finding
        (replace(DRAFT, findings=(WRONG,), remarks=REMARKS),
         ["dr1  basic  waiting", *FIELDS, *SOURCE, "block     the source has the number with another unit, sign or era: “5 kg”",
          "waits     The source has the number with another unit, sign or era: “5 kg”. Compare it with the passage.",
          "          you have a card with the same words: af2", DECIDE[0].replace("accept", "accept --force"), *DECIDE[1:]]),
        (replace(DRAFT, findings=(INFO,)),
         ["dr1  basic  waiting", *FIELDS, *SOURCE, "info      the source has the number with another unit, sign or era: “5 kg”", WAITS, *DECIDE]),
        (CARD, ["af1  basic  accepted  anki: none", *FIELDS, *SOURCE]),
        (replace(CARD, source_changes=(SourceChange.SOURCE_GONE,)),
         ["af1  basic  accepted  anki: none", *FIELDS, SOURCE[0].replace("source ", "last in"), SOURCE[1],
          "info      its passage is gone from the source, or is no longer marked there"]),
        (replace(CARD, revision=FRESH),
         ["af1  basic  accepted  anki: none", *FIELDS, *SOURCE, *CHANGE, "becomes   Front: Q; Back: b", *DECIDE]),
        (replace(CARD, revision=replace(FRESH, keeps_text=True)),
         ["af1  basic  accepted  anki: none", *FIELDS, *SOURCE, *CHANGE, *OUTDATED]),
        (replace(CARD, verdict=Verdict.REJECTED, verdict_reason="too easy"),
         ["af1  basic  rejected  anki: none", *FIELDS, *SOURCE, "rejected  too easy", "          ankiforge undo af1"]),
        # a heading that is the title is not repeated, and every further passage is named
        (replace(CARD, passages=(replace(PLACE, heading="On Memory", uri="", links=("file:x",)), replace(PLACE, page_label="9"))),
         ["af1  basic  accepted  anki: none", *FIELDS, "source    On Memory, p. 3", "          file:x", "also      On Memory, p. 9"]),
        (GAPS, ["dr1  cloze  waiting", FIELDS[0], "text      {{c1::Tests}} help.", "gap 1     Tests", "gap 2     help", "quote     Tests help.",
                *SOURCE, WAITS, DECIDE[0] + " --gap 1", DECIDE[1].replace("Front", "Text"), DECIDE[2]]),
    ],
)  # fmt: skip
def test_all_of_a_card_from_its_fields_to_its_commands(empty, item, lines):
    told = [*map(plain, cards.format_item_in_full(empty, item, with_commands=True))]
    assert told == lines
    short = [*map(plain, cards.format_item_in_full(empty, item))]
    assert [line for line in told if line in short] == short
    other = replace(ASKED, guids=(Guid("af2"),))
    about = replace(ASKED, guids=(Guid("af2"), item.id))
    told_more = [*map(plain, cards.format_item_in_full(empty, item, [other, about]))]
    assert told_more == [*short, *map(plain, cards.format_question(about))]


# --- JSON -----------------------------------------------------------------------------------

SHARED = {
    "highlight": "pdf:papers/k",
    "front": "What helps?",
    "back": "Tests",
    "title": "On Memory",
    "kind": "basic",
    "fields": dict(BOTH),
    "quote": "Tests help",
    "findings": (),
    "deck": "Reading",
    "tags": ("ankiforge::doc::on-memory",),
    "gaps": (),
    "figure": None,
    "html": {"Front": "What helps?", "Back": "Tests", "Reverse": "", "Extra": ""},
    "also": [],
    "document": "d",
    "heading": "Results",
    "origin": {"drafter": "llm", "model": "", "prompt": ""},
}
OF_DRAFT = {
    "id": "dr1",
    "state": "waiting",
    "waits": "Written by a model; you decide.",
    "by": "model",
    "certain": True,
    "decision": None,
    "verdict": "waiting",
    "guid": None,
    "anki": "none",
    "changes": None,
    "old_quote": "",
    "keeps_text": False,
    "replaces": None,
    "change": None,
    "reason": "",
    "accepted_by": "",
    "seen": None,
}
OF_CARD = {
    **OF_DRAFT,
    "id": "af1",
    "state": "accepted",
    "waits": "",
    "verdict": "accepted",
    "guid": "af1",
    "accepted_by": "person",
}


@pytest.mark.parametrize(
    ("item", "data"),
    [
        (DRAFT, OF_DRAFT),
        (replace(DRAFT, revised_guid=Guid("af9"), old_quote="Tests helped"), {**OF_DRAFT, "changes": "af9", "old_quote": "Tests helped"}),
        (replace(DRAFT, replaced_guid=Guid("af9"), keeps_text=True), {**OF_DRAFT, "replaces": "af9", "keeps_text": True}),
        (CARD, OF_CARD),
        (replace(CARD, anki_state="written"), {**OF_CARD, "anki": "written"}),
        (replace(CARD, anki_state="seen"), {**OF_CARD, "anki": "seen", "state": "in Anki"}),
        (replace(CARD, verdict=Verdict.REJECTED, verdict_reason="too easy"),
         {**OF_CARD, "verdict": "rejected", "state": "rejected", "reason": "too easy", "accepted_by": ""}),
        (replace(CARD, revision=replace(DRAFT, old_quote="Tests helped", keeps_text=True)),
         {**OF_CARD, "change": {"id": "dr1", "quote": "Tests help", "old_quote": "Tests helped", "keeps_text": True, "fields": dict(BOTH)}}),
        (replace(CARD, passages=(PLACE, replace(PLACE, key=HighlightKey("k2")))), {**OF_CARD, "also": ["k2"]}),
    ],
)  # fmt: skip
def test_each_stage_of_a_card_is_json_with_the_same_fields(empty, item, data):
    assert cards.list_row_to_json(empty, item, (DeckRule(),)) == {**SHARED, **data}


# --- highlights -----------------------------------------------------------------------------


# --- a card that Anki has, and one with a copy ----------------------------------------------

IN_ANKI = AnkiNote(
    Guid("af1"), 9, 7, ("q", "a"), ("x", "Leech"), "Bones", None, reviews=12, lapses=3
)

SEEN = "INSERT INTO seen (guid, absent, body) VALUES (?, 0, ?)"


def studied(opened, note: AnkiNote, card: LocalCard = CARD) -> list[str]:
    """Return the lines of a card with what was read of its note in Anki."""
    body = msgspec.json.encode(note).decode()
    ledger = opened.ledger
    with ledger.transaction():
        ledger.execute(SEEN, note.guid, body)
    try:
        return [*cards.format_item_in_full(ledger, card)][7:]
    finally:
        with ledger.transaction():
            ledger.execute("DELETE FROM seen WHERE guid = ?", note.guid)


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, ["studied   Bones · 12 reviews · 3 lapses"]),
        ({"reviews": 1, "lapses": 1}, ["studied   Bones · 1 review · 1 lapse"]),
        ({"deck": "", "lapses": 0}, ["studied   12 reviews"]),
        ({"suspended": True, "feedback": "too long"}, ["studied   Bones · 12 reviews · 3 lapses · suspended", "remark    too long"]),
    ],
)  # fmt: skip
def test_a_card_that_anki_has_says_how_it_was_studied(opened, changed, lines):
    assert studied(opened, replace(IN_ANKI, **changed)) == lines


@pytest.mark.parametrize(
    ("duplicate", "lines"), [("", 0), ("nid:7", 0), ("nowhere", 0), ("here", 1)]
)
def test_a_finding_about_a_copy_names_the_copy(opened, duplicate, lines):
    [guid] = find_matching_ids(opened.ledger, "ribosome")
    finding = replace(WRONG, duplicate=guid if duplicate == "here" else duplicate)
    told = cards.format_item_in_full(opened.ledger, replace(DRAFT, findings=(finding,)))
    copy = f"          {guid[:10]}  What is a ribosome?"
    assert [*told].count(copy) == lines


def test_the_masks_of_a_figure_are_json():
    fields = (("Occlusion", "hide one\n1 .1 .2 .3 .4 Femur"), ("Image", "x"))
    figure = replace(CARD, kind=CardKind.OCCLUSION, fields=fields)
    data = cards.list_row_to_json(None, figure, (DeckRule(),))["figure"]
    assert (data["hide"], [mask["label"] for mask in data["masks"]]) == ("one", ["Femur"])
