"""Where our fields are in a note, and what is shipped of a card: the tables of a note, row by row.

The table of a field is in `test_plan_table.py`; the same is told with the real Anki in
`test_layouts.py`, `test_mapped.py`, `test_adopt.py`, and by the stories.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki.content import CardFiles, NoteContent, build_note_content
from ankiforge.anki.layout import (
    IDENTITY_FIELD,
    NOTE_TYPE_CHANGED,
    USER_FIELDS,
    FieldLayout,
    find_field_layout,
)
from ankiforge.anki.notes import parse_source_field
from ankiforge.anki.notetypes import (
    get_our_note_type,
    hash_html,
    hash_tags,
    parse_identity,
)
from ankiforge.anki.plan import (
    CardPlan,
    ExportOptions,
    plan_card,
)
from ankiforge.anki.schedules import build_schedules
from ankiforge.model import (
    RETIRED_TAG,
    AdoptedNote,
    AnkiNote,
    AnkiNoteType,
    AnkiTemplate,
    CardKind,
    ExportedNote,
    FieldEdits,
    Guid,
    HighlightKind,
    LocalCard,
    Media,
    NoteType,
    Problem,
    UserNoteType,
    Verdict,
)
from ankiforge.model.anki import NoteIdentity
from ankiforge.model.hints import CardSchedule
from tests.anki.makers import make_card, with_note

CARD = make_card()
TWO_WAY = make_card(CardKind.TWO_WAY)
OURS = get_our_note_type(NoteType.BASIC)
FRONT_BACK = (AnkiTemplate("Card 1", None, "{{Wort}}", "{{Bedeutung}}"),)
USERS = AnkiNoteType(
    77,
    "Vokabel",
    0,
    False,
    (("Wort", 701), ("Bedeutung", 702), ("Notiz", 703)),
    FRONT_BACK,
    "",
)
MAPPED = UserNoteType(
    77, "Vokabel", {"Front": "Wort", "Back": "Bedeutung"}, {"Front": 701, "Back": 702}
)
SETTINGS = {NoteType.BASIC: MAPPED}
NO_FILES = CardFiles()
ADOPTED = AdoptedNote(
    "theirguid",
    5,
    77,
    {"Front": "Wort", "Back": "Bedeutung"},
    {"Wort": "old front", "Bedeutung": "old back", "Notiz": "a remark"},
    {"Front": "What helps retention?", "Back": "Repetition"},
)
IN_ADOPTED = with_note(CARD, adopted=ADOPTED)


def renamed(note_type: AnkiNoteType, **names: str) -> AnkiNoteType:
    """The type with other names of fields, and the same ids."""
    fields = [(names.get(name, name), id) for name, id in note_type.fields]
    return replace(note_type, fields=tuple(fields))


def without(note_type: AnkiNoteType, *names: str) -> AnkiNoteType:
    """The type without some of its fields."""
    kept = [field for field in note_type.fields if field[0] not in names]
    return replace(note_type, fields=tuple(kept))


def of_ours(card: LocalCard = CARD, files: CardFiles = NO_FILES, **more: Any) -> AnkiNote:
    """The note of a card as our package brought it; `more` is what changed since."""
    layout = find_field_layout(card, None, {}, {})
    ours = written(card, layout, files)
    identity = NoteIdentity(
        card.guid,
        card.key,
        card.drafted_text_hash or card.stored_text_number,
        tuple(
            hash_html(ours.fields.get(name, "")) for name in card.note_type.content_fields
        ),
        hash_tags(card.tags),
    )
    return note(
        card.guid,
        OURS,
        layout.fill_fields(ours.fields),
        **{"mod": 10, "tags": card.tags, "identity": identity, **more},
    )


def note(guid: str, note_type: AnkiNoteType, fields: Any, **more: Any) -> AnkiNote:
    """A note of some type, with one card."""
    usual = {"mod": 10, "tags": (), "deck": "Theirs", "identity": None, "ordinals": (0,)}
    values = {"id": 5, "type_id": note_type.id, **usual, **more}
    return AnkiNote(guid=Guid(guid), fields=tuple(fields), **values)


def written(
    card: LocalCard, layout: FieldLayout, files: CardFiles = NO_FILES
) -> NoteContent:
    """What we would write."""
    return build_note_content(card, card.tags, files, layout, lambda *_: "")


def changed(in_anki: AnkiNote, note_type: AnkiNoteType = OURS, **fields: str) -> AnkiNote:
    """The note with other fields, as a person would leave it."""
    now = [
        fields.get(name, there)
        for name, there in zip(note_type.field_names, in_anki.fields, strict=True)
    ]
    return replace(in_anki, fields=tuple(now))


# --- where our fields are -------------------------------------------------------------------

WHOLE = tuple(name for name in OURS.field_names if name not in USER_FIELDS)
LAYOUTS = [
    # name, card, in Anki, types, settings → fault, our fields that have a place
    ("new, ours", CARD, None, (), {}, "", WHOLE),
    ("there, ours", CARD, of_ours(), (OURS,), {}, "", WHOLE),
    ("there, ours, and Anki's types were not read", CARD, of_ours(), (), {}, "", WHOLE),
    ("a field that no card needs is gone", CARD, None, (without(OURS, "Extra"),), {}, "",
     tuple(name for name in WHOLE if name != "Extra")),
    ("one that cards need is gone", CARD, None, (without(OURS, "Back"),), {},
     "ankiforge Basic has no field Back any more", ()),
    ("our id is gone", CARD, None, (without(OURS, IDENTITY_FIELD),), {},
     "ankiforge Basic has no field AnkiforgeId any more", ()),
    ("renamed, ours", CARD, None, (renamed(OURS, Front="Frage"),), {}, "", WHOLE),
    ("of another type", CARD, of_ours(type_id=4), (OURS,), {}, NOTE_TYPE_CHANGED, ()),
    ("with other fields than its type", CARD, replace(of_ours(), fields=("a", "b")), (OURS,), {},
     NOTE_TYPE_CHANGED, ()),
    ("without our id in it", CARD, of_ours(identity=None), (OURS,), {}, NOTE_TYPE_CHANGED, ()),
    # a type of the user's
    ("new, theirs", CARD, None, (USERS,), SETTINGS, "", ("Front", "Back")),
    ("theirs lacks what turns the second card on", TWO_WAY, None, (USERS,), SETTINGS, "", WHOLE),
    ("theirs is gone", CARD, None, (), SETTINGS, "Anki has no note type Vokabel any more", ()),
    ("there in ours, and the settings say another one now", CARD, of_ours(), (OURS, USERS), SETTINGS,
     "", WHOLE),
    ("shipped in theirs, and the settings say ours now", with_note(CARD, mapped=MAPPED), None, (USERS,),
     {}, "", ("Front", "Back")),
    ("theirs lost a field that cards need", with_note(CARD, mapped=MAPPED), None,
     (without(USERS, "Bedeutung"),), {}, "Vokabel has no field Bedeutung any more", ()),
    # another tool's
    ("adopted", IN_ADOPTED, note("theirguid", USERS, "abc"), (USERS,), {}, "", ("Front", "Back")),
    ("adopted, the settings count for new cards only", IN_ADOPTED, note("theirguid", USERS, "abc"),
     (USERS,), {NoteType.BASIC: replace(MAPPED, id=9)}, "", ("Front", "Back")),
    ("adopted, and its type is gone", IN_ADOPTED, note("theirguid", USERS, "abc"), (), {},
     NOTE_TYPE_CHANGED, ()),
    ("adopted, and the note is gone", IN_ADOPTED, None, (USERS,), {}, "", ()),
    ("adopted, gone, and wanted back", with_note(CARD, adopted=replace(ADOPTED, is_wanted_back=True)), None,
     (USERS,), {}, "", ("Front", "Back")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("card", "in_anki", "types", "mapped", "fault", "names"),
    [row[1:] for row in LAYOUTS],
    ids=[row[0] for row in LAYOUTS],
)
def test_a_layout(card, in_anki, types, mapped, fault, names):
    layout = find_field_layout(card, in_anki, {each.id: each for each in types}, mapped)
    assert layout.hold_reason == (fault or None)
    assert set(layout.positions) == set(names)
    assert layout.anki_note == in_anki
    assert layout.guid == (ADOPTED.guid if card.note.adopted else card.guid)
    assert (layout.note_type is None) == (not names)


# --- the base -------------------------------------------------------------------------------


def hashes(**fields: str) -> dict[str, str]:
    return {name: hash_html(text) for name, text in fields.items()}


FIRST = ExportedNote(6, field_hashes=hashes(Front="old front", Back="b"))


# --- what we would write --------------------------------------------------------------------

MEDIA_NAME = "af-0000000000000000.png"
PICTURE = Media(MEDIA_NAME, "/vault/cell.png")
GONE = Problem("cell.png", "not found")
WITH_PICTURE = make_card(Front="What is it? ![](cell.png)", Back="A cell")


@pytest.mark.parametrize(
    ("card", "in_anki", "picture", "names", "missing", "unread"),
    [
        (WITH_PICTURE, False, PICTURE, {MEDIA_NAME}, False, False),
        (WITH_PICTURE, False, GONE, set(), True, True),
        # the name that Anki has stays, if it is known
        (WITH_PICTURE, True, GONE, set(), True, True),
        (with_note(WITH_PICTURE, pictures={"cell.png": "cell-0.png"}), True, GONE, {"cell-0.png"}, True, False),
        (with_note(WITH_PICTURE, pictures={"cell.png": "cell-0.png"}), False, GONE, set(), True, True),
        # a file that is not there is named without its folder
        (with_note(WITH_PICTURE, pictures={"a/cell.png": "cell-0.png"}), True, GONE, {"cell-0.png"}, True, False),
        (with_note(WITH_PICTURE, pictures={"a/cell.png": "1.png", "b/cell.png": "2.png"}), True, GONE, set(), True, True),
        (with_note(WITH_PICTURE, pictures={"a/cell.png": "1.png", "b/cell.png": "1.png"}), True, GONE, {"1.png"}, True, False),
        (with_note(WITH_PICTURE, pictures={"a/ell.png": "cell-0.png"}), True, GONE, set(), True, True),
    ],
)  # fmt: skip
def test_the_pictures_of_a_card(card, in_anki, picture, names, missing, unread):
    layout = find_field_layout(card, of_ours(card) if in_anki else None, {}, {})
    ours = written(card, layout, CardFiles({"cell.png": picture}))
    assert {media.name for media in ours.media.values()} == names
    assert ours.picture_problems == ((GONE,) if missing else ())
    assert ours.unreadable_fields == ({"Front"} if unread else set())


@pytest.mark.parametrize("old", [None, "It said: repetition helps."])
def test_a_card_has_the_passage_of_its_words_until_the_user_has_decided(old):
    card = replace(CARD, old_passage_text=old)
    ours = written(card, find_field_layout(card, None, {}, {})).fields
    assert parse_source_field(ours["Source"])[0] == (old or CARD.highlight.sentence)
    assert (
        ours["Links"]
        == written(CARD, find_field_layout(CARD, None, {}, {})).fields["Links"]
    )


# --- the table of a note --------------------------------------------------------------------

DROPPED = replace(CARD, verdict=Verdict.REJECTED)
NEXT = make_card(Front="What helps retention?", Back="Tests")
FIGURE = replace(
    WITH_PICTURE, passages=(replace(CARD.highlight, kind=HighlightKind.IMAGE),)
)
LEECH = of_ours(tags=(*CARD.tags, "leech"))
MINE = changed(of_ours(), Back="mine")


def in_conflict(card: LocalCard, shipped: LocalCard | None = None) -> LocalCard:
    """The card with a conflict about its back, last shipped with the fields of `shipped`."""
    edits = FieldEdits(pinned=("Back",), source_texts_offered={"Back": "new"})
    card = replace(card, edits=edits)
    if shipped is None:
        return card
    fields = written(shipped, find_field_layout(shipped, None, {}, {})).fields
    hashes = {
        name: hash_html(fields[name]) for name in ("Front", "Back", "Reverse", "Extra")
    }
    return with_note(card, exports=(ExportedNote(3, field_hashes=hashes),))


OTHER_FRONT = make_card(Front="What else helps retention?")


def planned(
    card: LocalCard,
    in_anki: AnkiNote | None,
    files: CardFiles = NO_FILES,
    **options: Any,
) -> CardPlan:
    """What is planned for a card whose note is in one of our types."""
    layout = find_field_layout(card, in_anki, options.get("note_types", {}), {})
    return plan_card(card, layout, written(card, layout, files), ExportOptions(**options))


def outcome(planned: CardPlan) -> str:
    """What a plan comes to, in a word."""
    if planned.note:
        return "new" if not planned.is_update else "written"
    if planned.hold_reason:
        return "held"
    for word in ("conflicts", "problems"):
        if getattr(planned, word):
            return word
    return "nothing"


PLANS = [
    # name, card, note in Anki, options → what happens
    ("new", CARD, None, {}, "new"),
    ("as shipped", CARD, of_ours(), {}, "nothing"),
    ("as shipped, and everything is packed", CARD, of_ours(), {"export_unchanged": True}, "written"),
    ("the source changed a word", NEXT, of_ours(), {}, "written"),
    ("a person changed a word", CARD, MINE, {}, "nothing"),
    ("both did", NEXT, MINE, {}, "conflicts"),
    # in our types it counts as what we wrote, and is filled again
    ("a person changed what we fill", CARD, changed(of_ours(), Source="mine"), {}, "written"),
    ("a person wrote into a field of theirs", CARD, changed(of_ours(), Spare1="mine"), {}, "nothing"),
    ("the person's tag", CARD, of_ours(tags=(*CARD.tags, "mine")), {}, "nothing"),
    ("our tag in other letters", CARD, of_ours(tags=tuple(map(str.upper, CARD.tags))), {}, "nothing"),
    ("our tag is new", replace(CARD, tags=(*CARD.tags, "added")), of_ours(), {}, "written"),
    # our id has another base now: no reason to write where the passage cannot be read
    ("another base", CARD, changed(of_ours(), AnkiforgeId="stale"), {}, "written"),
    ("another base, and the passage is elsewhere", replace(CARD, keeps_last_exported_text=True),
     changed(of_ours(), AnkiforgeId="stale"), {}, "nothing"),
    # the link that opens on this computer is no reason to write
    ("another link of this computer", CARD, changed(of_ours(), Open="other"), {}, "nothing"),
    # a card that the source changed, too, is never the new question with the old answer
    ("in conflict, as shipped", in_conflict(CARD, CARD), None, {}, "new"),
    ("in conflict, with another question", in_conflict(OTHER_FRONT, CARD), None, {}, "held"),
    ("the same, in Anki", in_conflict(OTHER_FRONT, CARD), of_ours(), {}, "held"),
    ("in conflict, never shipped", in_conflict(CARD), None, {}, "held"),
    ("in conflict, with another answer of the person's", in_conflict(NEXT, CARD), None, {}, "new"),
    ("in conflict, and rejected", replace(in_conflict(OTHER_FRONT), verdict=Verdict.REJECTED), of_ours(), {}, "written"),
    # dropped
    ("rejected, never there", DROPPED, None, {}, "nothing"),
    ("rejected", DROPPED, of_ours(), {}, "written"),
    ("rejected, and tagged so", DROPPED, of_ours(tags=(RETIRED_TAG,)), {}, "nothing"),
    ("rejected, tagged so, and of another type", DROPPED, of_ours(tags=(RETIRED_TAG,), type_id=4), {}, "nothing"),
    ("rejected, and of another type", DROPPED, of_ours(type_id=4), {}, "held"),
    ("live again, and tagged as retired", CARD, of_ours(tags=(*CARD.tags, RETIRED_TAG)), {}, "written"),
    # what a file, or a push, would break
    ("a leech, in a file", NEXT, LEECH, {}, "held"),
    ("a leech, pushed", NEXT, LEECH, {"is_push": True}, "written"),
    ("a leech that needs nothing", CARD, LEECH, {}, "nothing"),
    ("a push that would merge two types", CARD, None,
     {"is_push": True, "note_types": {4: replace(OURS, id=4, original_id=OURS.id)}}, "held"),
    ("the same, in a file", CARD, None, {"note_types": {4: replace(OURS, id=4, original_id=OURS.id)}}, "new"),
    ("a push with a type of another origin", CARD, None,
     {"is_push": True, "note_types": {4: replace(OURS, id=4, original_id=3)}}, "new"),
    ("a push with our type as it was imported", CARD, None,
     {"is_push": True, "note_types": {OURS.id: replace(OURS, original_id=OURS.id)}}, "new"),
    # what Anki takes no note of
    ("a first field without words", make_card(Front="", Back="b"), None, {}, "problems"),
    ("of which every card would go", make_card(Front="", Back="b"), of_ours(), {}, "held"),
    ("of which a person deleted the only card", NEXT, of_ours(ordinals=()), {}, "held"),
    # the picture
    ("a new card without its picture", WITH_PICTURE, None, {}, "problems"),
    ("a note without its picture", WITH_PICTURE, of_ours(), {}, "written"),
    ("a figure without its picture", FIGURE, of_ours(), {}, "problems"),
    ("a note that has the picture which is away", WITH_PICTURE,
     changed(of_ours(WITH_PICTURE), Front='What is it? <img src="x.png">'), {}, "problems"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("card", "in_anki", "options", "expected"),
    [row[1:] for row in PLANS],
    ids=[row[0] for row in PLANS],
)
def test_a_plan(card, in_anki, options, expected):
    files = CardFiles({"cell.png": GONE}) if "cell.png" in str(card.fields) else NO_FILES
    plan_now = planned(card, in_anki, files, **options)
    assert outcome(plan_now) == expected
    assert (plan_now.guid, plan_now.is_live) == (card.guid, card.is_live)
    if plan_now.note and in_anki:
        assert plan_now.note.mod > in_anki.mod  # or Anki would not take it
        assert plan_now.note.deck == in_anki.deck
    elif plan_now.note:
        assert plan_now.note.deck == card.deck


def with_link(vault: str) -> CardFiles:
    return CardFiles(
        pdf_urls=(f"obsidian://open?vault={vault}&file=Sleep",) if vault else ()
    )


def hash_links(*vaults: str) -> tuple[str, ...]:
    """The hashes of the local links of a note whose PDF is in each vault."""
    layout = find_field_layout(CARD, None, {}, {})
    contents = [written(CARD, layout, with_link(vault)) for vault in vaults]
    return tuple(content.local_links_hash or "" for content in contents)


LINKS = [
    # name, the vault in Anki's link (None: no note), those known as ours, the vault now → what happens, those known then
    ("new", None, (), "now", "new", ("now",)),
    ("new, and moved before an import", None, ("old",), "now", "new", ("now",)),
    ("new, without a link", None, (), "", "new", ()),
    ("as it is", "now", (), "now", "nothing", ("now",)),
    ("as it is, after an import", "now", ("old", "now"), "now", "nothing", ("now",)),
    ("moved", "old", ("old",), "now", "written", ("old", "now")),
    ("moved again before an import", "old", ("old", "new"), "now", "written", ("old", "new", "now")),
    ("moved again after an import", "new", ("old", "new"), "now", "written", ("old", "new", "now")),
    ("packed, not imported", "old", ("old", "now"), "now", "written", ("old", "now")),
    ("moved to where no vault is", "old", ("old",), "", "written", ()),
    ("a vault since", "", (), "now", "written", ("now",)),
    ("of another computer", "there", (), "now", "nothing", ()),
    ("of another computer, and moved here", "there", ("old",), "now", "nothing", ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("in_anki", "known", "now", "expected", "known_then"),
    [row[1:] for row in LINKS],
    ids=[row[0] for row in LINKS],
)
def test_the_link_of_a_note_follows_on_the_computer_that_wrote_it(
    in_anki, known, now, expected, known_then
):
    card = replace(CARD, local_links_hashes=hash_links(*known))
    note = None if in_anki is None else of_ours(card, with_link(in_anki))
    plan_now = planned(card, note, with_link(now))
    assert outcome(plan_now) == expected
    assert plan_now.local_links_hashes == hash_links(*known_then)
    if plan_now.note and note:
        # nothing else is written, not even in a note that the user edited
        mine = replace(note, tags=(*note.tags, "mine"))
        mine = changed(mine, Back="mine", Spare1="mine")
        plan_now = planned(card, mine, with_link(now))
        assert plan_now.note
        names = OURS.field_names
        fields = dict(zip(names, plan_now.note.fields, strict=True))
        there = dict(zip(names, mine.fields, strict=True))
        assert {name for name in fields if fields[name] != there[name]} == {"Open"}
        assert set(plan_now.note.tags) == set(mine.tags)


@pytest.mark.parametrize(
    ("known", "now", "is_same"),
    [((), "now", True), (("now",), "now", True), (("old",), "now", False), (("now", "old"), "now", False)],
)  # fmt: skip
def test_anki_takes_a_new_link_of_a_note_that_was_not_read_there(known, now, is_same):
    """Without a larger `mod`, an import would leave the note as it is."""
    digest = planned(CARD, None, with_link(now)).exported.note_hash
    card = replace(CARD, local_links_hashes=hash_links(*known))
    shipped = with_note(card, exports=(ExportedNote(7, note_hash=digest),))
    assert (planned(shipped, None, with_link(now)).note.mod == 7) == is_same
    # a rejected card's note keeps its link, whichever that is
    dropped = replace(shipped, verdict=Verdict.REJECTED)
    plan_now = planned(dropped, of_ours(CARD, with_link("there")), with_link(now))
    assert (outcome(plan_now), plan_now.local_links_hashes) == ("written", ())


def test_a_link_that_was_not_read_here_is_left_alone():
    away = replace(CARD, keeps_last_exported_text=True)
    away = replace(away, local_links_hashes=hash_links("old"))
    for vault in ("old", "there"):
        plan_now = planned(away, of_ours(away, with_link(vault)), with_link("now"))
        assert (outcome(plan_now), plan_now.local_links_hashes) == ("nothing", ())


def field(planned: CardPlan, name: str) -> str:
    assert planned.note
    return dict(zip(planned.note.type.field_names, planned.note.fields, strict=True))[
        name
    ]


def test_a_retired_note_keeps_all_of_its_fields_and_gets_the_tag():
    retired = planned(DROPPED, changed(of_ours(tags=("mine", *CARD.tags)), Back="mine"))
    assert retired.note
    assert retired.exported
    assert retired.note.fields == changed(of_ours(), Back="mine").fields
    assert set(retired.note.tags) == {"mine", *CARD.tags, RETIRED_TAG}
    assert retired.exported.gap_text_by_number == {}


KNOWN = ExportedNote(
    1, field_hashes=hashes(Front="What helps retention?", Back="Testing")
)
BEFORE = ExportedNote(
    1, field_hashes=hashes(Front="What helps retention?", Back="Quizzes")
)


def test_our_text_that_no_package_of_the_journal_had_is_exported_once_more():
    restored = planned(with_note(CARD, exports=(BEFORE,)), of_ours())
    assert restored.note
    assert restored.exported.field_hashes["Back"] == hash_html("Testing")
    assert not planned(with_note(CARD, exports=(KNOWN,)), of_ours()).note


def test_a_content_field_that_the_note_type_has_lost_keeps_its_base():
    shorter = replace(
        OURS, fields=tuple(field for field in OURS.fields if field[0] != "Extra")
    )
    fields = dict(zip(OURS.field_names, of_ours().fields, strict=True))
    base = of_ours().identity
    left = [fields[name] for name in shorter.field_names]
    in_anki = note(CARD.guid, shorter, left, identity=base, tags=CARD.tags)
    card = replace(CARD, fields=(("Front", "What helps?"), ("Back", "Testing")))
    written_note = planned(card, in_anki, note_types={OURS.id: shorter}).note
    position = shorter.field_names.index(IDENTITY_FIELD)
    identity = parse_identity(written_note.fields[position])
    extra = CARD.note_type.content_fields.index("Extra")
    assert identity.fields[extra] == base.fields[extra] != ""


def test_words_that_no_package_of_the_journal_had_stay_with_their_base():
    in_anki = changed(of_ours(), Back="kitty")
    rewritten = with_note(CARD, exports=(KNOWN,))
    known = find_field_layout(rewritten, in_anki, {}, {})
    assert known.unknown_bases == {}
    restored = replace(
        rewritten, fields=tuple({**dict(CARD.fields), "Back": "Quizzes"}.items())
    )
    before = with_note(restored, exports=(BEFORE,))  # nothing changed here since
    layout = find_field_layout(before, in_anki, {}, {})
    assert layout.unknown_bases == {"Back": hash_html("Testing")}
    kept = planned(before, in_anki)
    assert kept.keeps_unknown_text
    assert not kept.conflicts
    assert not kept.note
    full = planned(before, in_anki, export_unchanged=True)
    assert full.note
    assert full.exported
    assert full.exported.field_hashes["Back"] == hash_html("Testing")


DIGEST = planned(CARD, None).exported.note_hash  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("mod", "digest", "seen", "full", "same"),
    [
        # the mod and digest shipped last, the mod in Anki → whether the same mod is shipped
        (10, DIGEST, None, False, True),  # the same package again
        (10, "other", None, False, False),
        (10, DIGEST, 9, True, True),  # Anki has not taken it yet
        (10, DIGEST, 10, True, True),  # everything is packed again
        (10, "other", 10, True, False),
        (10, DIGEST, 11, True, False),  # a person touched it since
    ],
)
def test_the_revision_of_a_note(mod, digest, seen, full, same):
    card = with_note(CARD, exports=(ExportedNote(mod, CARD.tags, digest),))
    in_anki = of_ours(mod=seen) if seen else None
    revision = planned(card, in_anki, export_unchanged=full)
    assert revision.note
    assert (revision.note.mod == mod) == same
    assert revision.note.mod >= max(mod, seen or 0)
    assert revision.replaces_unseen_note == (in_anki is None and not same)


def test_a_first_field_that_is_not_ours_and_is_empty():
    numbered = replace(USERS, fields=(("Nr", 700), *USERS.fields))
    types = {77: numbered}
    for in_anki, expected in (
        (None, "problems"),  # Anki takes no such note; if it has it, it keeps it
        (note(CARD.guid, numbered, ("", "a", "b", "c"), mod=9), "conflicts"),
        (
            note(
                CARD.guid,
                numbered,
                ("", "What helps retention?", "Testing", "c"),
                mod=9,
                tags=CARD.tags,
            ),
            "nothing",
        ),
        (note(CARD.guid, numbered, ("", "old front", "b", "c"), mod=6), "written"),
    ):
        card = with_note(
            CARD, mapped=MAPPED, exports=(FIRST,) if expected == "written" else ()
        )
        layout = find_field_layout(card, in_anki, types, {})
        assert (
            outcome(plan_card(card, layout, written(card, layout), ExportOptions()))
            == expected
        )


def test_a_card_due_before_four_in_the_morning_is_due_on_the_day_before():
    def due(time: str) -> int:
        fsrs = CardSchedule(time, 12, 250, 20.0, 5.0, last_review="2026-02-20T12:00:00")
        return build_schedules(with_note(CARD, schedule=(fsrs,)), (0,))[0].due

    assert due("2026-03-02T02:00:00") == due("2026-03-01T23:00:00")
    assert due("2026-03-02T05:00:00") == due("2026-03-01T23:00:00") + 1
