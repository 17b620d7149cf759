"""Ids, hashes, kinds of cards and types of notes: rows."""

import pytest

from ankiforge.model import CardKind, NoteType
from ankiforge.model.values import (
    compute_card_id,
    compute_guid,
    compute_id_from_name,
    compute_next_mod,
    hash16,
    hash_to_int,
    is_card_id,
    is_draft_id,
    is_highlight_key,
    is_question_id,
    make_highlight_id,
)

GUID = "af" + "a" * 24


@pytest.mark.parametrize(
    ("computed", "value"),
    [
        (hash16("a", "b"), "f04cdced9736a69d"),
        (hash16("a\x1fb"), "f04cdced9736a69d"),
        (hash16(""), "e3b0c44298fc1c14"),
        (hash_to_int("a", "b"), 0xF04CDCED9736A69D),
        (compute_guid("pdf:x/1", NoteType.CLOZE, "0"), "affosfbjylijxjw3lijn2jucfx"),
        (compute_guid("pdf:x/1", NoteType.BASIC, "0"), "af4g47hyhn2oq6ctnaxxad6kny"),
        (compute_id_from_name("deck", "A::B"), 1509673595682),
        (compute_id_from_name("notetype", "A::B"), 1467764695338),
        (compute_card_id(GUID, 1), 1468775845531),
        (make_highlight_id("pdf:x/1"), "hlc48d565023ed6c0e"),
    ],
)
def test_what_is_computed_never_changes(computed, value):
    assert computed == value


def test_half_a_character_of_a_damaged_file_has_a_hash():
    assert len(hash16("\ud800")) == 16


@pytest.mark.parametrize(
    ("shipped_mod", "anki_mod", "mod"),
    [(0, 0, 1519419621), (5, 0, 6), (0, 5, 6), (5, 7, 8), (7, 5, 8)],
)
def test_the_next_package_is_newer_than_all_before(shipped_mod, anki_mod, mod):
    assert compute_next_mod(GUID, shipped_mod, anki_mod) == mod


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        (GUID, is_card_id),
        ("drb69b072830f21cfe", is_draft_id),
        ("qub69b072830f21cfe", is_question_id),
        ("pdf:x/1", is_highlight_key),
        ("hlb69b072830f21cfe", None),
    ],
)
def test_an_id_shows_what_it_is_of(id, kind):
    tests = (is_card_id, is_draft_id, is_question_id, is_highlight_key)
    assert [test for test in tests if test(id)] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("note_type", "content", "required", "switches", "texts"),
    [
        (
            "basic",
            "Front Back Reverse Extra",
            "Front Back",
            "Reverse",
            "Front Back Extra",
        ),
        ("cloze", "Text Extra", "Text", "", "Text Extra"),
        ("occlusion", "Occlusion Image", "Occlusion Image", "", "Occlusion Image"),
    ],
)
def test_the_fields_of_a_note_type(note_type, content, required, switches, texts):
    of = NoteType(note_type)
    assert of.content_fields == tuple(content.split())
    assert of.required_fields == tuple(required.split())
    assert of.switch_fields == tuple(switches.split())
    assert of.text_fields == tuple(texts.split())


@pytest.mark.parametrize(
    ("kind", "note_type", "filled"),
    [
        ("cloze", "cloze", ()),
        ("basic", "basic", ()),
        ("two-way", "basic", (("Reverse", "y"),)),
        ("occlusion", "occlusion", ()),
    ],
)
def test_a_kind_of_card_has_a_note_type_and_its_switches(kind, note_type, filled):
    assert CardKind(kind).note_type == note_type
    assert CardKind(kind).filled_switch_fields == filled
