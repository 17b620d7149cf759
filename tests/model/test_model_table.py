"""What ids, kinds, passages and questions answer about themselves, row by row."""

import pytest

from ankiforge.model import (
    AdoptedNote,
    Card,
    CardKind,
    Conflict,
    Draft,
    DraftingResult,
    Finding,
    NoteHistory,
    NoteIdentity,
    Origin,
    Severity,
    UserNoteType,
    UserQuestion,
    UserQuestionKind,
    hints,
)
from tests.cards import PLACE, made


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


# --- cards ----------------------------------------------------------------------------------


def found(*severities: str) -> tuple[Finding, ...]:
    return tuple(Finding("vague", Severity(each), "is vague") for each in severities)


RULES, PROPOSAL = Origin("rules:phrase"), Origin("propose")


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


# --- what is read from Anki, and values of lists ----------------------------------------


@pytest.mark.parametrize(
    ("hashes", "note_type"),
    [(("1", "2"), "cloze"), (("1", "2", "3", "4"), "basic"), ((), "basic")],
)
def test_the_number_of_hashes_shows_the_type_of_a_note(hashes, note_type):
    identity = NoteIdentity("af1", "k", "0", hashes, "")
    assert identity.note_type == note_type


def test_only_drafts_that_lists_show_are_visible():
    blocked = made(Draft, origin=PROPOSAL, findings=found("block"))
    shown = made(Draft)
    result = DraftingResult(PLACE, (blocked, shown))
    assert result.visible_drafts == [shown]
