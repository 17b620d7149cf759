"""What ids, kinds, passages and questions answer about themselves, row by row."""

import pytest

from ankiforge.model import (
    AdoptedNote,
    AnkiNote,
    Card,
    CardKind,
    Conflict,
    Document,
    DocumentKey,
    DocumentText,
    Draft,
    DraftingResult,
    Finding,
    Highlight,
    HighlightKind,
    LazyText,
    LocalCard,
    NoteHistory,
    Origin,
    PendingDraft,
    Problem,
    Severity,
    TextChange,
    UserNoteType,
    UserQuestion,
    UserQuestionKind,
    Verdict,
    hints,
    is_card_id,
)
from ankiforge.model.values import (
    ID_BASE,
    compute_card_id,
    compute_note_id,
    is_in_our_id_range,
)
from tests.cards import made


@pytest.mark.parametrize(
    ("id", "is_card"),
    [
        ("afwzt4zod3cvzvawywfas35hcl", True),
        ("afcdbefdbf67.5", False),  # a decision of a computer that is called so
        ("af2b3c4d5e6f7a2b", False),  # a change by a source
        ("drb69b072830f21cfe", False),
    ],
)
def test_a_card_is_known_by_its_id(id, is_card):
    assert is_card_id(id) == is_card


def test_ids_in_anki_never_change():
    assert compute_note_id("af" + "a" * 24) == 1519419621668
    assert compute_card_id("af" + "f" * 24, 0) == 1477522496022
    edges = (ID_BASE - 1, ID_BASE, ID_BASE + 2**37 - 1, ID_BASE + 2**37)
    assert [is_in_our_id_range(id) for id in edges] == [False, True, True, False]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ({"Text": "{{c1::a}}"}, "cloze"),
        ({"Front": "a", "Back": "b"}, "basic"),
        ({"Front": "a", "Back": "b", "Reverse": ""}, "basic"),
        ({"Front": "a", "Back": "b", "Reverse": "y"}, "two-way"),
    ],
)
def test_the_kind_of_a_card_follows_from_its_words(words, kind):
    assert CardKind.from_fields(words) == kind


@pytest.mark.parametrize(
    ("parts", "context"),
    [
        ({"exact": "It is."}, "It is."),
        ({"exact": "is", "sentence": "It is."}, "It is."),
        ({"exact": "It is.", "prefix": "So.", "suffix": "Or not."}, "So.|It is.|Or not."),
        ({"exact": "", "prefix": "So."}, "So."),
        (
            {"exact": "is", "sentence": "It is.", "prefix": "So. It ", "suffix": ". Or"},
            "So. |It is.| Or",
        ),
        (
            {"exact": "is", "sentence": "So it is.", "prefix": "it ", "suffix": "."},
            "So it is.",
        ),
        ({"exact": "", "sentence": "It is.", "prefix": "So."}, "So.|It is."),
    ],
)
def test_the_text_around_a_mark_has_no_empty_lines(parts, context):
    document = Document(DocumentKey("a:b/c"), "a", "", path="Notes/A.md")
    highlight = Highlight(document, "a:b", HighlightKind.HIGHLIGHT, **parts)
    assert highlight.context == context.replace("|", "\n")
    assert (document.display_name, highlight.page_or_time) == ("Notes/A.md", "")


def conflict(edited_here: bool) -> Conflict:
    return Conflict(
        "af1", "Back", "mine", "theirs", "1", "2", is_edited_in_ankiforge=edited_here
    )


HERE, SOURCE = conflict(edited_here=True), conflict(edited_here=False)


@pytest.mark.parametrize(
    ("of", "accept", "reject"),
    [
        ({"conflicts": (SOURCE,)}, "take the source", "keep mine"),
        ({"conflicts": (HERE, SOURCE)}, "take the source", "keep mine"),
        ({"conflicts": ()}, "take the source", "keep mine"),
        ({"conflicts": (HERE,)}, "take the words from here", "keep those in Anki"),
        (
            {"conflicts": (HERE,), "repair": "m1.2"},
            "send the repair",
            "undo the whole repair",
        ),
        ({"kind": UserQuestionKind.SAME}, "the same", "two cards"),
    ],
)
def test_a_question_says_what_its_answers_do(of, accept, reject):
    question = UserQuestion(
        **{"id": "q", "kind": UserQuestionKind.CONFLICT, "text": "?", **of}
    )
    assert accept in question.accept_effect
    assert reject in question.reject_effect


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([("Front", "a"), ("Back", "b")], [("Front", "a"), ("Back", "c")], "Back b c"),
        ([("Front", "a")], [("Front", "a"), ("Extra", "e")], "Extra  e"),
        ([("Front", "a"), ("Extra", "e")], [("Front", "a")], "Extra e "),
        ([("Front", "a")], [("Front", "a")], ""),
    ],
)
def test_a_change_names_the_fields_that_differ(before, after, words):
    change = TextChange("af1", tuple(before), tuple(after))
    assert "; ".join(" ".join(each) for each in change.changed_fields) == words


@pytest.mark.parametrize(
    ("tags", "leech", "kept"),
    [
        (("Leech", "biology"), True, ("Leech",)),
        (("marked",), False, ("marked",)),
        (("leeches", "biology"), False, ()),
    ],
)
def test_ankis_own_tags_are_known_in_any_case(tags, leech, kept):
    note = AnkiNote("g", 1, 1, (), tags, "Deck", None)
    assert (note.is_leech, note.scheduler_tags) == (leech, kept)


def test_a_hint_is_found_by_its_scheme():
    ids = (
        hints.make_pdf_name_hint("n1"),
        hints.make_anki_note_hint("17"),
        hints.make_zotero_hint("A"),
    )
    assert hints.find_anki_note_id(ids) == "17"
    assert hints.find_anki_note_id(ids[:1]) == ""
    assert hints.split_hint(ids[0]) == ("nm", "n1")


@pytest.mark.parametrize(
    ("named", "place"),
    [
        (["at:3 10 20 30 40"], (3, (10, 20, 30, 40))),
        (["nm:n1", "at:0 1 2 3 4"], (0, (1, 2, 3, 4))),
        (["nm:3 10 20 30 40"], None),
        # what no version writes is passed over
        (["at:3 10 20 30", "at:", "at:3 a b c d", "at:1 2 3 4 5"], (1, (2, 3, 4, 5))),
        (["at:3 10 20 30 40 50"], None),
        ([], None),
    ],
)
def test_a_place_in_a_pdf_is_read_from_its_hint(named, place):
    assert hints.find_position(named) == place


def test_a_place_that_is_written_is_read_again_in_points():
    assert hints.find_position([hints.make_position_hint(2, (9.6, 20, 30.2, 40))]) == (
        2,
        (10, 20, 30, 40),
    )


@pytest.mark.parametrize(
    ("labels", "page", "label"),
    [((), 0, ""), (("i", "ii"), 0, "i"), (("i", "ii"), 1, "ii"), (("i", "ii"), 2, "")],
)
def test_a_page_has_its_printed_number_if_there_is_one(labels, page, label):
    document = Document(DocumentKey("d"), "v", "d")
    assert (
        DocumentText(document, ("a", "b", "c"), (), page_labels=labels).get_page_label(
            page
        )
        == label
    )


def test_a_late_text_is_computed_when_it_is_read():
    assert LazyText(lambda: "words").compute() == "words"


# --- cards ----------------------------------------------------------------------------------


def found(*severities: str) -> tuple[Finding, ...]:
    return tuple(Finding("vague", Severity(each), "is vague") for each in severities)


RULES, PROPOSAL = Origin("rules:phrase"), Origin("propose")


@pytest.mark.parametrize(
    ("of", "are"),
    [
        ({}, "clean"),
        ({"findings": found("info")}, "clean"),
        ({"findings": found("info", "warn")}, ""),
        ({"findings": found("warn", "block")}, "blocked"),
        ({"findings": found("block"), "origin": PROPOSAL}, "blocked proposed unfit"),
        ({"origin": PROPOSAL}, "clean proposed"),
        ({"origin": RULES}, "clean own"),
        ({"origin": Origin("rules:comment-qa")}, "clean own own_card"),
        ({"is_card_in_source": True}, "clean own own_card"),
        ({"user_text_number": 0}, "clean in_slot own"),
        ({"user_text_number": 1000}, "clean in_slot own"),
    ],
)
def test_a_draft_says_how_it_stands(of, are):
    draft = made(Draft, **of)
    told = {
        "clean": draft.is_clean,
        "blocked": draft.is_blocked,
        "proposed": draft.is_proposed,
        "unfit": draft.is_hidden,
        "in_slot": draft.is_hand_written,
        "own": draft.is_user_text,
        "own_card": draft.is_user_card,
    }
    assert {name for name, is_so in told.items() if is_so} == {*are.split()}


@pytest.mark.parametrize(
    ("of", "state", "changes"),
    [
        ({}, "waiting", None),
        ({"findings": found("block")}, "blocked", None),
        ({"revised_guid": "af1", "findings": found("block")}, "revision", "af1"),
        ({"replaced_guid": "af2"}, "waiting", "af2"),
    ],
)
def test_a_draft_that_waits_has_a_state_in_a_word(of, state, changes):
    draft = made(PendingDraft, **of)
    assert (draft.state, draft.verdict_name, draft.target_guid) == (
        state,
        "waiting",
        changes,
    )


@pytest.mark.parametrize(
    ("verdict", "anki", "state", "told"),
    [
        (Verdict.LIVE, "none", "accepted", "accepted"),
        (Verdict.LIVE, "written", "accepted", "accepted"),
        (Verdict.LIVE, "seen", "in Anki", "accepted"),
        (Verdict.REJECTED, "seen", "rejected", "rejected"),
    ],
)
def test_a_card_has_a_state_in_a_word_or_two(verdict, anki, state, told):
    card = made(LocalCard, verdict=verdict, anki_state=anki)
    assert (card.state, card.verdict_name) == (state, told)
    assert card.is_live is (verdict is Verdict.LIVE)


PICTURES = {"a/x.png": "af-1.png", "b/y.png": "af-2.png", "c/y.png": "af-3.png"}


@pytest.mark.parametrize(
    ("of", "fields"),
    [
        ({}, "Front Back Reverse Extra"),
        ({"mapped": UserNoteType(1, "Mine", {"Front": "Q", "Back": "A"})}, "Front Back"),
        ({"adopted": AdoptedNote("g", 1, 2, {"Front": "Word"}, {})}, "Front"),
    ],
)
def test_a_card_has_the_fields_of_its_note(of, fields):
    card = made(Card, kind=CardKind.BASIC, note=NoteHistory(**of))
    assert " ".join(card.note_field_names) == fields


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/x.png", "af-1.png"),
        ("x.png", "af-1.png"),
        ("c/y.png", "af-3.png"),
        ("y.png", ""),  # two are called so
        ("z.png", ""),
    ],
)
def test_a_picture_is_known_by_its_name_if_that_is_sure(path, name):
    assert NoteHistory(pictures=PICTURES).find_picture_name(path) == name


@pytest.mark.parametrize(
    ("words", "html"),
    [
        ("a", "<b>a</b>"),  # as the source said then
        ("b", "<i>b</i>"),  # as a repair said
        ("c", None),
    ],
)
def test_words_that_a_note_had_have_the_html_that_it_had(words, html):
    adopted = AdoptedNote(
        "g",
        1,
        2,
        {"Front": "Word"},
        html={"Word": "<b>a</b>"},
        source_texts={"Front": "a"},
        repaired={"Front": ("b", "<i>b</i>")},
    )
    assert adopted.find_original_html("Front", words) == html


@pytest.mark.parametrize(
    ("of", "fate"),
    [
        ({}, ""),
        ({"reason": "too short"}, "no_card"),
        ({"reason": "skip: the note says so"}, "left_out"),
        ({"problem": Problem("m", "no answer")}, "failed"),
        (
            {"problem": Problem("m", "odd", is_reported_once=True), "reason": "odd"},
            "no_card",
        ),
    ],
)
def test_the_fate_of_a_highlight_follows_from_its_draft(of, fate):
    document = Document(DocumentKey("a:b/c"), "a", "T")
    highlight = Highlight(document, "a:b", HighlightKind.HIGHLIGHT, "words")
    assert DraftingResult(highlight, **of).status == fate
