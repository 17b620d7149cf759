"""What ids, kinds, passages and questions answer about themselves, row by row."""

import pytest
from msgspec.structs import replace

from ankiforge.model import (
    AdoptedNote,
    AnkiNote,
    AnkiNoteType,
    Card,
    CardKind,
    Conflict,
    Document,
    DocumentKey,
    DocumentText,
    Draft,
    DraftingResult,
    ExportedNote,
    Finding,
    Highlight,
    HighlightKind,
    LazyText,
    LocalCard,
    NoteHistory,
    NoteIdentity,
    NoteType,
    Origin,
    PendingDraft,
    Proposal,
    Severity,
    SourceChange,
    StoredDraft,
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
from tests.cards import PLACE, made


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
    assert (document.display_name, highlight.page_or_time) == ("Notes/A.md", None)


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
    assert hints.find_anki_note_id(ids[:1]) is None
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
        ({"revised_guid": "af1", "findings": found("block")}, "blocked", "af1"),
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
        ("y.png", None),  # two are called so
        ("z.png", None),
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


# --- what is read from Anki, and values of lists ----------------------------------------


@pytest.mark.parametrize(
    ("hashes", "note_type"),
    [(("1", "2"), "cloze"), (("1", "2", "3", "4"), "basic"), ((), "basic")],
)
def test_the_number_of_hashes_shows_the_type_of_a_note(hashes, note_type):
    identity = NoteIdentity("af1", "k", "0", hashes, "")
    assert identity.note_type == note_type


@pytest.mark.parametrize(
    ("is_cloze", "our_type"), [(True, NoteType.CLOZE), (False, NoteType.BASIC)]
)
def test_a_type_of_the_user_is_like_one_of_ours(is_cloze, our_type):
    theirs = AnkiNoteType(1, "Mine", 2, is_cloze, (("Q", 5), ("A", None)), (), "")
    assert (theirs.our_type, theirs.field_names) == (our_type, ("Q", "A"))


@pytest.mark.parametrize(
    ("tags", "is_retired"),
    [
        (("ankiforge::retired",), True),
        (("Ankiforge::Retired",), True),
        (("retired",), False),
    ],
)
def test_a_retired_note_is_known_by_its_tag(tags, is_retired):
    assert AnkiNote("g", 1, 1, (), tags, "Deck", None).is_retired is is_retired


@pytest.mark.parametrize(
    ("change", "id", "words"),
    [
        (SourceChange.SOURCE_GONE, "source_gone", "is gone from the source"),
        (SourceChange.SOURCE_CHANGED, "source_changed", "says something else"),
    ],
)
def test_a_change_of_the_source_is_listed_like_a_finding(change, id, words):
    card = made(LocalCard, source_changes=(change,))
    [finding] = card.findings
    assert (finding.check, finding.severity) == (id, Severity.INFO)
    assert words in finding.message


@pytest.mark.parametrize(
    ("namespace", "keeps", "was_read"),
    [("vault:v", False, True), ("vault:v", True, False), ("", False, False)],
)
def test_a_card_knows_whether_its_passage_was_read(namespace, keeps, was_read):
    passage = replace(PLACE, namespace=namespace)
    card = made(LocalCard, passages=(passage, PLACE), keeps_last_exported_text=keeps)
    assert (card.id, card.highlight) == (card.guid, passage)
    assert card.was_read_on_this_device is was_read


@pytest.mark.parametrize("anki", ["missing", "deleted"])
def test_a_live_card_that_anki_lost_says_so(anki):
    assert made(LocalCard, anki_state=anki).state == anki


@pytest.mark.parametrize(("number", "text"), [(None, ""), (0, "0"), (12, "12")])
def test_the_number_of_a_hand_written_card_is_stored_as_text(number, text):
    draft = made(Draft, user_text_number=number, fields=(("Text", "a"),))
    assert draft.stored_text_number == text
    assert (draft.get_field("Text"), draft.get_field("Extra")) == ("a", "")
    assert draft.note_type is NoteType.CLOZE


@pytest.mark.parametrize(("confidence", "is_certain"), [(0.79, False), (0.8, True)])
def test_a_proposal_is_certain_from_a_floor_on(confidence, is_certain):
    proposal = made(Proposal, confidence=confidence)
    assert (proposal.is_certain, proposal.highlight) == (is_certain, PLACE)


def test_a_stored_draft_is_a_plain_draft_again():
    plain = made(Draft, answer="a", start=3, tags=("t",))
    values = {name: getattr(plain, name) for name in Draft.__struct_fields__}
    assert made(StoredDraft, **values).to_draft() == plain


def test_only_drafts_that_lists_show_are_visible():
    blocked = made(Draft, origin=PROPOSAL, findings=found("block"))
    shown = made(Draft)
    result = DraftingResult(PLACE, (blocked, shown))
    assert result.visible_drafts == [shown]


def test_the_last_export_of_a_note_counts():
    exports = (ExportedNote(3, note_hash="a"), ExportedNote(5, note_hash="b"))
    note = NoteHistory(exports=exports)
    assert (note.mod, note.note_hash) == (5, "b")
    assert (NoteHistory().mod, NoteHistory().note_hash) == (0, "")


def test_a_question_of_the_user_is_its_json_value_with_two_texts():
    kinds = {
        kind.value: (kind.accept_effect, kind.reject_effect) for kind in UserQuestionKind
    }
    assert UserQuestionKind("same") == "same"
    assert kinds["same"] == ("the same: the old card moves here", "two cards")
    assert kinds["duplicate"][1] == "keep both"
    assert all(all(texts) for texts in kinds.values())
