"""Tables of adopting: whose note of another tool is whose, and which of its fields are ours."""

import pytest
from msgspec.structs import replace

from ankiforge.features.adopt import work as adopt
from ankiforge.ledger.decision_plans import NoteTakeover
from ankiforge.model import (
    AnkiNote,
    AnkiNoteType,
    CardKind,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    PendingDraft,
    hints,
)
from tests.cards import made

PASSAGE = Highlight(
    Document(DocumentKey("d"), "v", "Hearts"),
    "v",
    HighlightKind.CARD,
    "What pumps? The heart.",
    HighlightKey("v:v/p"),
)


def note_type(*names: str, cloze: bool = False, name: str = "Theirs") -> AnkiNoteType:
    fields = tuple((name, None) for name in names)
    return AnkiNoteType(7, name, mod=0, cloze=cloze, fields=fields, templates=(), css="")


def in_anki(id: int, *fields: str) -> AnkiNote:
    return AnkiNote(Guid(f"g{id}"), id, 0, fields, (), "D", None)


def drafted(id: str, note: str, front: str, back: str = "") -> PendingDraft:
    """A draft of a line that has this note's id beside it, or none; without a back, a cloze."""
    fields = (("Front", front), ("Back", back)) if back else (("Text", front),)
    known = (hints.make_anki_note_hint(note),) if note else ()
    passage = replace(PASSAGE, hints=known)
    kind = CardKind.BASIC if back else CardKind.CLOZE
    return made(PendingDraft, kind=kind, fields=fields, id=id, passages=(passage,))


HEART, LUNG = ("What pumps?", "heart"), ("What breathes?", "lung")
UNCLEAR = "it is not a card of the note type Theirs"


@pytest.mark.parametrize(
    ("notes", "drafts", "outcome"),
    [
        ([in_anki(1, *HEART)], [drafted("d1", "1", *HEART)], {"by_id": ["d1"]}),
        ([in_anki(1, *LUNG)], [drafted("d1", "1", *HEART)], {"by_id": ["d1"], "differing": ["What breathes? / lung"]}),
        # by words, if nothing else has them
        ([in_anki(1, *HEART)], [drafted("d1", "", *HEART)], {"by_words": ["d1"]}),
        ([in_anki(1, "<b>What</b>  pumps?", "heart")], [drafted("d1", "", *HEART)], {"by_words": ["d1"]}),
        ([in_anki(1, *HEART), in_anki(2, *HEART)], [drafted("d1", "", *HEART)], {}),
        ([in_anki(1, *HEART)], [drafted("d1", "", *HEART), drafted("d2", "", *HEART)], {}),
        ([in_anki(1, *HEART)], [drafted("d1", "1", *HEART), drafted("d2", "", *HEART)], {"by_id": ["d1"]}),
        ([in_anki(1, *LUNG)], [drafted("d1", "", *HEART)], {}),
        # an id that Anki has not: by words, else it is told
        ([in_anki(1, *HEART)], [drafted("d1", "9", *HEART)], {"by_words": ["d1"]}),
        ([in_anki(1, *LUNG)], [drafted("d1", "9", *HEART)], {"not_in_anki": [""]}),
        # what is unclear holds up nothing that comes after it
        ([in_anki(1, *HEART)], [drafted("d1", "1", *HEART), drafted("d2", "1", *LUNG)], {"unclear": ["two passages have its id"] * 2}),
        ([in_anki(1, *HEART)], [drafted("d1", "1", "{{c1::heart}} pumps")], {"unclear": [UNCLEAR]}),
        (
            [in_anki(1, *HEART), in_anki(2, *LUNG)],
            [drafted("d0", "9", "What digests?", "gut"), drafted("d1", "1", "{{c1::heart}} pumps"), drafted("d2", "2", *LUNG)],
            {"by_id": ["d2"], "not_in_anki": [""], "unclear": [UNCLEAR]},
        ),
    ],
)  # fmt: skip
def test_which_note_of_another_tool_is_whose(notes, drafts, outcome):
    names = {"Front": "Front", "Back": "Back"}
    theirs = [
        adopt._ForeignNote(note, note_type("Front", "Back"), names) for note in notes
    ]
    matches = adopt.NoteMatches()
    adopt._match_drafts(matches, theirs, drafts)
    found = {"by_id": [each.id for each in matches.by_id]}
    found["by_words"] = [each.id for each in matches.by_words]
    for name in ("differing", "not_in_anki", "unclear"):
        found[name] = [row.anki for row in getattr(matches, name)]
    assert {name: listed for name, listed in found.items() if listed} == outcome


def test_a_note_whose_type_is_unclear_has_the_words_of_its_first_fields():
    theirs = adopt._ForeignNote(in_anki(1, *HEART), note_type("Word", "Sound"), {})
    assert theirs.texts == adopt._render_draft(drafted("d1", "", *HEART))
    claims = [drafted("d1", "1", *HEART)]
    assert (
        theirs.explain_mismatch(claims)
        == "its note type Theirs has no single field for each side"
    )


ROW = adopt.MatchRow("a.md", "What pumps?", "What beats?")
COUNTS = [
    "      0  matched by id",
    "      1    of these, worded differently in Anki",
    "      0  matched by equal words",
    "      0  schedules",
    "      0  in Anki already, with the schedule that they have there",
    "      3  not in Anki",
    "      0  unclear",
]
ALONE = "  a.md: What pumps?"


@pytest.mark.parametrize(
    ("limit", "rows"),
    [
        (None, [ALONE, f"  a.md: {'x' * 59}…", ALONE]),
        (3, [ALONE, f"  a.md: {'x' * 59}…", ALONE]),
        (2, [ALONE, f"  a.md: {'x' * 59}…", "  … and 1 more (-v)"]),
        (0, ["  … and 3 more (-v)"]),
    ],
)
def test_what_needs_attention_is_listed_below_the_numbers(limit, rows):
    alone = replace(ROW, anki="")
    matches = adopt.NoteMatches(
        differing=[ROW], not_in_anki=[alone, replace(alone, source="x" * 99), alone]
    )
    differing = (
        ["  a.md: What pumps? → What beats?"] if limit != 0 else ["  … and 1 more (-v)"]
    )
    told = [*adopt.format_matches(matches, limit)]
    assert told == [*COUNTS, "differing:", *differing, "not in anki:", *rows]


def test_without_a_match_the_list_is_a_sentence_and_json_has_every_list():
    nothing = "no notes or schedules of another tool were found"
    assert [*adopt.format_matches(adopt.NoteMatches(), None)] == [nothing]
    taken = NoteTakeover("d1", deck="D")
    matches = adopt.NoteMatches([taken], [taken] * 2, [taken] * 3, unclear=[ROW])
    assert adopt.matches_to_json(matches) == {
        "by_id": 1,
        "by_words": 2,
        "scheduled": 3,
        "differing": [],
        "in_anki": [],
        "not_in_anki": [],
        "unclear": [{"where": "a.md", "source": "What pumps?", "anki": "What beats?"}],
    }
    assert matches.notes_to_take_over == [taken] * 6


@pytest.mark.parametrize(
    ("front", "html", "is_same"),
    [
        ("{{c1::heart}} pumps", "{{c3::heart}}  pumps", True),  # whatever the number
        ("{{c1::heart}} pumps", "{{c1::lung}} pumps", False),
        ("- a\n- {{c1::b}}", "<ul><li>a</li><li>{{c1::b}}</li></ul>", True),
    ],
)
def test_a_cloze_is_matched_by_its_words(front, html, is_same):
    theirs = adopt._ForeignNote(
        in_anki(1, html), note_type("Text", cloze=True), {"Text": "Text"}
    )
    matches = adopt.NoteMatches()
    adopt._match_drafts(matches, [theirs], [drafted("d1", "", front)])
    assert [each.id for each in matches.by_words] == (["d1"] if is_same else [])
