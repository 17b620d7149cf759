"""What a view of Anki says of a card's note: (there, absent, grave, many) × (live, retired, never
seen)."""

import pytest
from msgspec.structs import replace

from ankiforge.ledger.anki_changes import (
    DELETED_REASON,
    CardWithNote,
    NoteChange,
    StoredAnkiNote,
    ask_about_mass_deletions,
    detect_note_changes,
)
from ankiforge.model import (
    AnkiNote,
    Card,
    CardKind,
    ExportedNote,
    Guid,
    HighlightKey,
    NoteHistory,
    Origin,
    Verdict,
)

NOW = 10_000.0
NOTE = AnkiNote(Guid("af1"), 1, 50, ("q", "a"), (), "D", None)
OLD, EDITED = replace(NOTE, mod=40), replace(NOTE, mod=60, fields=("q", "b"))
LEECH = replace(NOTE, mod=60, tags=("leech",))
TAGGED = replace(NOTE, tags=("ankiforge::retired",))
SUSPENDED = replace(NOTE, suspended=True)
PRESENT = StoredAnkiNote(NOTE)
NEW, SINCE = StoredAnkiNote(NOTE, NOW), StoredAnkiNote(NOTE, 9_500.0)
LONG, ASKED = StoredAnkiNote(NOTE, 9_400.0), StoredAnkiNote(NOTE, 9_400.0, is_asked=True)
UNSEEN = StoredAnkiNote(None, 9_400.0, is_asked=True)

SHIPPED = NoteHistory(exports=(ExportedNote(50),), seen_by=("here",))
LIVE = Card(
    key=HighlightKey("k1"),
    kind=CardKind.BASIC,
    fields=(("Front", "q"), ("Back", "a")),
    quote="a",
    deck="D",
    origin=Origin("rules"),
    guid=Guid("af1"),
    drafted_text_hash=None,
    verdict=Verdict.LIVE,
    decided_by="person",
    accepted_at="",
    note=SHIPPED,
)
AWAY = replace(LIVE, note=replace(SHIPPED, seen_by=()))
ELSEWHERE = replace(LIVE, note=replace(SHIPPED, seen_by=("there",)))
OUR_TAG = ExportedNote(50, tags=("Ankiforge::Retired",))
RETIRING = replace(LIVE, note=replace(SHIPPED, exports=(OUR_TAG,)))
RETIRED = replace(LIVE, verdict=Verdict.RETIRED)
DELETED = replace(RETIRED, verdict_reason=DELETED_REASON)


@pytest.mark.parametrize(
    ("card", "before", "note", "grave", "events", "lists", "after"),
    [
        # there
        (LIVE, PRESENT, NOTE, False, "", "", PRESENT),
        (AWAY, None, NOTE, None, "", "first_seen", PRESENT),
        (LIVE, PRESENT, EDITED, False, "", "edited", StoredAnkiNote(EDITED)),
        (LIVE, None, EDITED, False, "", "edited", StoredAnkiNote(EDITED)),
        (LIVE, None, NOTE, False, "", "", PRESENT),
        (LIVE, PRESENT, LEECH, False, "", "", StoredAnkiNote(LEECH)),
        (LIVE, PRESENT, SUSPENDED, False, "", "suspended", StoredAnkiNote(SUSPENDED)),
        (LIVE, StoredAnkiNote(SUSPENDED), SUSPENDED, False, "", "", StoredAnkiNote(SUSPENDED)),
        (LIVE, None, TAGGED, False, "", "retired", StoredAnkiNote(TAGGED)),
        (LIVE, None, TAGGED, False, "retire", "", StoredAnkiNote(TAGGED)),
        (LIVE, None, TAGGED, False, "reject", "", StoredAnkiNote(TAGGED)),
        (RETIRING, None, TAGGED, False, "", "", StoredAnkiNote(TAGGED)),
        (RETIRED, None, TAGGED, False, "", "", StoredAnkiNote(TAGGED)),
        (DELETED, SINCE, NOTE, False, "", "returned", PRESENT),
        (DELETED, PRESENT, NOTE, False, "", "", PRESENT),
        (RETIRED, SINCE, NOTE, False, "", "", PRESENT),
        (LIVE, UNSEEN, NOTE, False, "", "", PRESENT),
        # there, with a grave
        (LIVE, PRESENT, NOTE, True, "", "", PRESENT),
        (LIVE, PRESENT, NOTE, True, "unseen", "", PRESENT),
        (DELETED, SINCE, NOTE, True, "unseen", "returned", PRESENT),
        # absent
        (LIVE, PRESENT, None, False, "", "missing", NEW),
        (LIVE, SINCE, None, False, "", "missing", SINCE),
        (LIVE, LONG, None, False, "", "missing", LONG),
        (LIVE, PRESENT, None, None, "", "missing", NEW),
        (LIVE, SINCE, None, None, "", "missing", SINCE),
        (LIVE, LONG, None, None, "", "deleted", LONG),
        (AWAY, PRESENT, None, False, "", "", None),
        (AWAY, LONG, None, None, "", "", None),
        (RETIRED, PRESENT, None, False, "", "", None),
        (RETIRED, LONG, None, False, "", "", LONG),
        (DELETED, PRESENT, None, False, "", "", NEW),
        (DELETED, LONG, None, None, "", "", LONG),
        # absent, with a grave
        (LIVE, PRESENT, None, True, "", "deleted", NEW),
        (AWAY, PRESENT, None, True, "unseen", "", None),
        (RETIRED, PRESENT, None, True, "", "", None),
        # never seen on this device
        (AWAY, None, None, True, "", "deleted", None),
        (AWAY, None, None, True, "unseen", "", None),
        (ELSEWHERE, None, None, True, "unseen", "deleted", None),
        (LIVE, None, None, False, "", "", None),
        (DELETED, None, None, True, "", "", None),
        # deleted with many others
        (LIVE, ASKED, None, True, "", "missing", ASKED),
        (LIVE, ASKED, None, None, "", "missing", ASKED),
        (AWAY, ASKED, None, True, "unseen", "missing", ASKED),
        (AWAY, UNSEEN, None, True, "", "missing", UNSEEN),
        (DELETED, UNSEEN, None, True, "", "", UNSEEN),
    ],
)  # fmt: skip
def test_a_complete_view(card, before, note, grave, events, lists, after):
    viewed = CardWithNote(card, before, note, grave, frozenset(events.split()))
    change = detect_note_changes(viewed, "here", NOW, complete=True)
    assert change == NoteChange(tuple(lists.split()), after)


@pytest.mark.parametrize(
    ("before", "note", "lists", "after"),
    [
        (PRESENT, OLD, "", PRESENT),  # an old export
        (PRESENT, EDITED, "edited", StoredAnkiNote(EDITED)),
        (None, OLD, "edited", StoredAnkiNote(OLD)),
        (PRESENT, None, "", PRESENT),
        (LONG, None, "", LONG),
        (None, None, "deleted", None),
    ],
)
def test_a_view_of_some_notes(before, note, lists, after):
    change = detect_note_changes(
        CardWithNote(LIVE, before, note, True), "here", NOW, complete=False
    )
    assert change == NoteChange(tuple(lists.split()), after)


@pytest.mark.parametrize(
    ("deleted", "unseen", "left", "asked"),
    [
        (10, 0, 0, 0),
        (11, 0, 0, 11),
        (0, 11, 0, 11),
        (6, 5, 44, 11),
        (6, 5, 45, 0),
        (11, 0, 45, 0),
    ],
)
def test_many_deletions_of_a_deck_are_a_question(deleted, unseen, left, asked):
    was_present = CardWithNote(LIVE, PRESENT), NoteChange(("deleted",), NEW)
    was_unseen = CardWithNote(AWAY), NoteChange(("deleted",), None)
    is_missing = CardWithNote(LIVE, LONG), NoteChange(("missing",), LONG)
    changes = [*[was_present] * deleted, *[was_unseen] * unseen, is_missing]
    result = ask_about_mass_deletions(changes, ["D"] * left + ["E"] * 99, NOW)
    after = [change.new_state for _, change in result[:-1]]
    if not asked:
        assert result == changes
    else:
        assert (
            after
            == [StoredAnkiNote(NOTE, NOW, True)] * deleted
            + [StoredAnkiNote(None, NOW, True)] * unseen
        )
        assert {change.kinds for _, change in result} == {("missing",)}


def test_a_deletion_in_a_deck_that_lost_few_notes_is_no_question():
    was_present = CardWithNote(LIVE, PRESENT), NoteChange(("deleted",), NEW)
    elsewhere = replace(PRESENT, note=replace(NOTE, deck="E"))
    in_other_deck = CardWithNote(LIVE, elsewhere), NoteChange(("deleted",), NEW)
    changes = [*[was_present] * 11, in_other_deck]
    *asked, other = ask_about_mass_deletions(changes, ["E"] * 99, NOW)
    assert {change.kinds for _, change in asked} == {("missing",)}
    assert other == in_other_deck
