"""What is told of a card that fails, and which repairs and edits of it are taken, row by row."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ankiforge.check.rules_and_text import make_finding
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.errors import RefusedError
from ankiforge.features.repair import work
from ankiforge.features.repair.failing import CardHistory, FailingCard, FirstAnswer
from ankiforge.features.repair.reading import ParsedNote
from ankiforge.features.repair.repairs import CardToRepair
from ankiforge.features.repair.report import failing_note_to_json, format_failing_note
from ankiforge.features.repair.work import FailingNote, read_acceptable_repairs
from ankiforge.ledger import Ledger
from ankiforge.model import (
    AnkiNote,
    AnkiNoteType,
    AnkiTemplate,
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    UserNoteType,
)

SIDES = {"Front": "Which three?", "Back": "a, b, c"}
ANSWERS = (FirstAnswer(-9, 1, 2, True), FirstAnswer(-3, 3, 2, True))
HISTORY = CardHistory(11, 7, ANSWERS, 5, 131.0, lapses=4)
NOTE = ParsedNote(
    "g7",
    7,
    "Bones::Arm",
    "Theirs",
    (("Word", "<b>Which</b> three?"), ("Meaning", "a, b, c"), ("More", "")),
    CardContent(HighlightKey(""), CardKind.BASIC, tuple(SIDES.items()), Origin("x")),
    {"Front": "Word", "Back": "Meaning"},
)
TYPE = UserNoteType(1, "Theirs", NOTE.field_names, {})
FAILS = FailingNote(NOTE, "g7", CardToRepair(SIDES), HISTORY, ("leech",), note_type=TYPE)
OURS = replace(FAILS, guid="afm677me3iafihcy5dxsfk46pm", note_type=None)
MARK = Highlight(
    Document(DocumentKey("d"), "s", "d"), "s", HighlightKind.HIGHLIGHT, "Two bones."
)
WRONG = make_finding("malformed", "no gap")


@pytest.mark.parametrize(
    ("changed", "is_own", "is_changeable"),
    [
        ({}, False, True),
        ({"note_type": None}, False, False),
        ({"guid": OURS.guid}, True, True),
        ({"guid": OURS.guid, "note_type": None}, True, True),
    ],
)
def test_a_note_can_be_changed_if_it_is_ours_or_each_side_is_a_field(
    changed, is_own, is_changeable
):
    note = replace(FAILS, **changed)
    assert (note.is_own_card, note.is_changeable) == (is_own, is_changeable)


HEAD = ["7  Bones::Arm", "  front: Which three?", "  back: a, b, c"]
TOLD = [f"  {HISTORY.summary} | 5 answers, 2 min", "  leech"]


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, [*HEAD, *TOLD]),
        ({"reasons": ("leech", "tagged marked")}, [*HEAD, *TOLD, "  tagged marked"]),
        ({"card": CardToRepair({"Text": "{{c1::a\n}} **b** " + "x" * 400})},
         [HEAD[0], f"  text: a b {'x' * 295}…", *TOLD]),
        # the first side alone of the card that it is mixed up with
        ({"card": CardToRepair(SIDES, confused_fields={"Front": "Which **two**?", "Back": "a"}), "similar_note": replace(NOTE, note_id=8)},
         [*HEAD, *TOLD, "  mixed up with: Which two?"]),
        ({"passage": "There are a, b, c.", "quote": "a, b, c"}, [*HEAD, *TOLD, "  “There are »a, b, c«.”"]),
    ],
)  # fmt: skip
def test_a_card_that_fails_is_told_in_lines(changed, lines):
    assert [*format_failing_note(replace(FAILS, **changed))] == lines


OF_FAILS = {
    "nid": 7,
    "guid": "g7",
    "deck": "Bones::Arm",
    "notetype": "Theirs",
    "card": None,
    "fields": SIDES,
    "why": ["leech"],
    "history": HISTORY.summary,
    "answers": 5,
    "seconds": 131,
    "lapses": 4,
    "findings": (),
    "near": None,
    "passage": "",
    "quote": "",
}


@pytest.mark.parametrize(
    ("changed", "data"),
    [
        ({}, {}),
        ({"guid": OURS.guid}, {"card": OURS.guid}),
        ({"passage": "There are a, b, c.", "quote": "a, b, c"}, {"passage": "There are a, b, c.", "quote": "a, b, c"}),
        ({"similar_note": replace(NOTE, note_id=8), "card": CardToRepair(SIDES, confused_fields={"Front": "Which two?"})},
         {"near": {"nid": 8, "fields": {"Front": "Which two?"}}}),
        ({"history": replace(HISTORY, total_seconds=130.6, lapses=9, answer_count=6)}, {"seconds": 131, "lapses": 9, "answers": 6}),
    ],
)  # fmt: skip
def test_a_card_that_fails_is_json_with_every_number(changed, data):
    assert failing_note_to_json(replace(FAILS, **changed)) == {**OF_FAILS, **data}


def test_the_findings_of_a_card_that_fails_are_json():
    [finding] = failing_note_to_json(replace(FAILS, findings=(WRONG,)))["findings"]
    assert (finding["check"], finding["message"]) == ("malformed", WRONG.message)


HERS = replace(NOTE, key=HighlightKey("k"))


@pytest.mark.parametrize(
    ("changed", "is_private"),
    [
        ({}, False),
        ({"note": replace(NOTE, has_private_tag=True)}, True),
        ({"similar_note": NOTE}, False),
        ({"similar_note": replace(NOTE, has_private_tag=True)}, True),
        # of a passage that is private, whatever the cards say
        ({"note": HERS}, True),
        ({"similar_note": HERS}, True),
        ({"similar_note": replace(NOTE, key=HighlightKey("other"))}, False),
        ({"passage": "Anna #no-llm"}, True),
    ],
)
def test_a_card_that_fails_stays_here_if_it_or_the_similar_one_is_private(
    changed, is_private
):
    tagged = replace(MARK, comment="#no-llm")
    privacy = PrivacyFilter((), lambda key: [tagged if key == HERS.key else MARK])
    assert replace(FAILS, **changed).has_private_text(privacy) is is_private


# --- repairs --------------------------------------------------------------------------------

PASSAGE = "There are three bones in the arm: a, b, c. The longest one is a, with 36 cm."


@pytest.mark.parametrize(
    ("front", "back", "passage", "is_taken"),
    [
        ("Which bones?", "a, b, c", "", True),
        ("Which 3 bones?", "a, b, c", "", True),  # so many are listed
        ("Which 4 bones?", "a, b, c", "", False),
        ("How long is a?", "36 cm", "", False),
        ("How long is a?", "36 cm", PASSAGE, True),
        ("How long is a?", "63 cm", PASSAGE, False),
    ],
)
def test_a_repair_says_only_what_the_card_or_its_passage_says(
    front, back, passage, is_taken
):
    failing = replace(FAILS, passage=passage)
    reply = f'{{"front": "{front}", "back": "{back}"}}'
    taken = read_acceptable_repairs(failing, reply)
    expected = [{"Front": front, "Back": back}] if is_taken else []
    assert [repair.fields for repair in taken] == expected


SET = "the answer is a set: 3 things, more than 2"
ALONE = "does not stand alone: “What is it”"


@pytest.mark.parametrize(
    ("new", "warnings"),
    [
        ("[]", (SET,)),
        ('[{"front": "How long is a?", "back": "36 cm"}]', (SET,)),
        # what a new card says is checked, too, and each warning is said once
        ('[{"front": "What is it?", "back": "36 cm"}, {"front": "What is it?", "back": "a"}]', (SET, ALONE, "has several right answers: “What is it?”")),
        ('[{"front": "How long is a?", "back": "63 cm"}]', None),
    ],
)  # fmt: skip
def test_a_repair_with_a_doubtful_card_has_a_warning_and_with_a_false_one_goes(
    new, warnings
):
    reply = f'{{"front": "Which bones?", "back": "a, b, c", "new": {new}}}'
    taken = read_acceptable_repairs(replace(FAILS, passage=PASSAGE), reply)
    assert [repair.warnings for repair in taken] == ([warnings] if warnings else [])


# --- edits ----------------------------------------------------------------------------------

SOUND = replace(NOTE, fields=(("Word", "Which three? [sound:a.mp3]"), *NOTE.fields[1:]))
CLOZE = replace(NOTE, fields=(("Body", "{{c1::a}} b"),), field_names={"Text": "Body"})
EXTRA = replace(NOTE, field_names={**NOTE.field_names, "Extra": "More"})


@pytest.mark.parametrize(
    ("note", "old", "new", "changed"),
    [
        (NOTE, SIDES, SIDES, {}),
        (NOTE, SIDES, {**SIDES, "Back": "*a*"}, {"Back": ("*a*", "<em>a</em>")}),
        (NOTE, SIDES, {"Front": "Which?", "Back": "a"}, {"Front": ("Which?", "Which?"), "Back": ("a", "a")}),
        (NOTE, SIDES, {**SIDES, "Reverse": "x"}, {}),
        # what stands below the answer has a field, or goes below the answer
        (EXTRA, SIDES, {**SIDES, "Extra": "more"}, {"Extra": ("more", "more")}),
        (EXTRA, {**SIDES, "Extra": "more"}, {**SIDES, "Extra": "more"}, {}),
        (NOTE, SIDES, {**SIDES, "Extra": "*more*"}, {"Back": ("a, b, c\n\n---\n\n*more*", "a, b, c<hr><small><em>more</em></small>")}),
        (NOTE, SIDES, {**SIDES, "Back": "a", "Extra": "more"}, {"Back": ("a\n\n---\n\nmore", "a<hr><small>more</small>")}),
        (CLOZE, {"Text": "{{c1::a}} b"}, {"Text": "{{c1::a}} *c*"}, {"Text": ("{{c1::a}} *c*", "{{c1::a}} <em>c</em>")}),
        # a picture or a sound stays if nothing changes
        (SOUND, SIDES, {**SIDES, "Back": "a"}, {"Back": ("a", "a")}),
        (SOUND, SIDES, {**SIDES, "Front": "Which?"}, "its Front has a picture or a sound, which would be lost: change it in Anki"),
        (NOTE, {**SIDES, "Back": "a ![](x.png)"}, {**SIDES, "Back": "a"}, "its Back has a picture or a sound, which would be lost: change it in Anki"),
        (CLOZE, {"Text": "{{c1::a}} b"}, {"Text": "{{c1::a}} b", "Extra": "more"}, "its note type has no field for the text below: change it in Anki"),
    ],
)  # fmt: skip
def test_only_what_changed_is_written_into_the_fields_of_a_note(note, old, new, changed):
    failing = replace(FAILS, note=note, card=CardToRepair(old))
    if isinstance(changed, dict):
        assert work._render_changes(failing, new) == changed
        return
    with pytest.raises(RefusedError) as raised:
        work._render_changes(failing, new)
    assert raised.value.message == changed
    assert raised.value.hint == "in Anki's browser, search nid:7"


# --- the entries of the list ----------------------------------------------------------------

WORDS = AnkiNoteType(
    3, "Words", 0, False, (("Word", 11), ("Meaning", 12), ("More", 13)),
    (AnkiTemplate("There", None, "{{Word}}", "{{FrontSide}}<hr id=answer>{{Meaning}}<br>{{More}}"),), "",
)  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger(folder / "l.db", folder, "a") as ledger:
        ledger.merge_journal()
        yield ledger


def in_anki(question: str, deck: str = "Bones::Arm", **more: object) -> AnkiNote:
    note = AnkiNote(
        Guid("g7"), 7, 0, (question, "the humerus", ""), (), deck, None, ordinals=(0,), type_id=3
    )  # fmt: skip
    return replace(note, **more)


def entries(empty: Ledger, *notes: AnkiNote, **more: object) -> list[FailingNote]:
    """Return what is listed if a card of note 7 fails, and every note was forgotten twice."""
    types = (replace(WORDS, **more),)
    view = SimpleNamespace(note_types=types, iter_notes=lambda: iter(notes))
    builder = work._FailingNoteBuilder(empty, view)
    histories = [replace(HISTORY, note_id=note.id, lapses=2) for note in notes]
    return [*builder.iter_failing_notes([FailingCard(HISTORY, ("leech",))], histories)]


@pytest.mark.parametrize(
    ("deck", "topic"), [("Bones::Arm", "Arm"), ("Bones", ""), ("A::B::C", "C")]
)
def test_a_failing_note_is_listed_with_its_card_and_its_fields(empty, deck, topic):
    [entry] = entries(empty, in_anki("<b>Which</b> bone?", deck))
    sides = (("Front", "**Which** bone?"), ("Back", "the humerus"))
    names = {"Front": "Word", "Back": "Meaning"}
    fields = (("Word", "<b>Which</b> bone?"), ("Meaning", "the humerus"), ("More", ""))
    content = CardContent(HighlightKey(""), CardKind.BASIC, sides, Origin("person"))
    assert entry == FailingNote(
        ParsedNote("g7", 7, deck, "Words", fields, content, names),
        "g7",
        CardToRepair(dict(sides), topic),
        HISTORY,
        ("leech",),
        note_type=UserNoteType(3, "Words", names, {"Front": 11, "Back": 12}),
    )


def test_a_field_without_an_id_has_none_and_a_side_of_several_fields_is_no_field(empty):
    fields = (("Word", 11), ("Meaning", None), ("More", 13))
    [entry] = entries(empty, in_anki("Which bone?"), fields=fields)
    assert entry.note_type.field_ids == {"Front": 11}
    template = replace(WORDS.templates[0], question="{{Word}} {{More}}")
    note = in_anki("Which bone?", fields=("Which bone", "the humerus", "is it?"))
    [entry] = entries(empty, note, templates=(template,))
    assert (entry.note_type, entry.is_changeable) == (None, False)
    assert entry.card.fields["Front"].split() == ["Which", "bone", "is", "it?"]


def test_what_the_checks_find_is_a_reason_too(empty):
    [entry] = entries(
        empty, in_anki("Which bone?", fields=("Which bone?", "a caf\ufffd", ""))
    )
    assert entry.reasons == ("leech", *(finding.message for finding in entry.findings))
    assert [finding.check for finding in entry.findings] == ["damaged_text"]


@pytest.mark.parametrize(
    ("other", "similar"),
    [
        ("Which bone is above the elbow?", 8),
        ("Which bone is above the elbow, again?", 8),
        ("Who was Ada Lovelace?", None),
    ],
)
def test_a_card_is_mixed_up_with_one_that_asks_nearly_the_same(empty, other, similar):
    note = in_anki("Which bone is above the elbow?")
    second = in_anki(other, guid=Guid("g8"), id=8)
    [entry] = entries(empty, note, second)
    sides = {"Front": other, "Back": "the humerus"} if similar else {}
    assert entry.card.confused_fields == sides
    assert (entry.similar_note.note_id if entry.similar_note else None) == similar


@pytest.mark.parametrize(
    "note",
    [
        in_anki("Which bone?", type_id=99),  # of a type that is gone
        in_anki("Which bone?", id=99),
        in_anki("Which bone?", guid=OURS.guid),  # of another computer
    ],
)
def test_what_cannot_be_read_or_is_of_another_computer_is_not_listed(empty, note):
    assert entries(empty, note) == []
