"""What is recorded of notes in Anki and in packages, and what is then planned, row by row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from ankiforge.ledger import Ledger, anki_views, cards
from ankiforge.ledger.events import RETIRED_TAG_REASON, StoredContent
from ankiforge.ledger.tables import anki_notes
from ankiforge.model import (
    AnkiChanges,
    AnkiNote,
    AnkiReview,
    Guid,
    HighlightKey,
    NoteIdentity,
    compute_note_id,
)
from tests.ledger.test_drafting_table import SENTENCES, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        desk = Desk(ledger)
        for step in (
            "n:A m:C",
            "rules A:heart C:kidneys",
            "accept heart",
            "accept kidneys",
        ):
            desk.play(step)
        yield desk


def note_of(desk: Desk, answer: str, **values: Any) -> AnkiNote:
    guid = Guid(desk.find(answer, is_card=True))
    values = {"mod": 1, "fields": (), "tags": (), "deck": "D", "identity": None, **values}
    return AnkiNote(guid, compute_note_id(guid), **values)


def read(desk: Desk, *notes: AnkiNote, complete: bool = True, **more: Any) -> AnkiChanges:
    more = {"graves": frozenset(), **more}
    return anki_views.record_anki_state(desk.ledger, notes, complete=complete, **more)


def say_changes(desk: Desk, changes: AnkiChanges) -> dict[str, object]:
    names = desk.name_items()
    told: dict[str, object] = {}
    for field in msgspec.structs.fields(AnkiChanges):
        value = getattr(changes, field.name)
        if isinstance(value, list):
            value = [names.get(getattr(each, "guid", each), "?") for each in value]
        if value:
            told[field.name] = value
    return told


@pytest.mark.parametrize(
    ("values", "is_private"),
    [
        ({}, False),
        ({"tags": ("llm",)}, False),
        ({"tags": ("no-llm",)}, True),
        ({"tags": ("No-LLM",)}, True),
        ({"tags": ("NOLLM::x",)}, True),
        ({"fields": ("The heart.", "#no-LLM")}, True),
    ],
)
def test_the_private_tag_of_a_note_in_anki_counts_also_when_it_is_deleted(
    desk, values, is_private
):
    heart, kidneys = note_of(desk, "heart", **values), note_of(desk, "kidneys")
    private = [heart.guid] if is_private else []
    read(desk, heart, kidneys)
    assert anki_notes.find_cards_tagged_private(desk.ledger) == private
    read(desk, kidneys, graves=frozenset({heart.id}))
    assert anki_notes.find_cards_tagged_private(desk.ledger) == private


def test_reads_of_anki_one_after_another(desk):
    heart, kidneys = note_of(desk, "heart"), note_of(desk, "kidneys")
    ids = frozenset({compute_note_id(heart.guid), compute_note_id(kidneys.guid)})
    stranger = replace(heart, guid=Guid("afstranger"), id=5)
    review = AnkiReview(1, heart.guid, 3, 10, 1)

    assert say_changes(desk, read(desk, heart, kidneys, stranger, reviews=[review])) == {
        "note_count": 3,
        "first_seen": ["card-heart", "card-kidneys"],
        "notes_without_event": ["?"],
        "reviews": 1,
    }
    assert say_changes(desk, read(desk, heart, kidneys, reviews=[review])) == {
        "note_count": 2
    }
    # a read of a part says nothing of the rest
    assert say_changes(desk, read(desk, heart, complete=False)) == {"note_count": 1}
    # with all deleted notes known, others are missing; one that is deleted is a decision
    assert say_changes(desk, read(desk, heart)) == {
        "note_count": 1,
        "missing": ["card-kidneys"],
    }
    assert say_changes(desk, read(desk, heart, kidneys)) == {"note_count": 2}
    deleted = read(desk, heart, graves=ids - {heart.id})
    assert say_changes(desk, deleted) == {"note_count": 1, "deleted": ["card-kidneys"]}
    assert desk.state().count("retired by person: deleted in Anki") == 1
    # a package brings it back, although Anki keeps its grave, and that is told once
    back = read(desk, heart, kidneys, graves=ids - {heart.id})
    assert say_changes(desk, back) == {
        "note_count": 2,
        "returned": ["card-kidneys"],
    }
    assert desk.state().count("live by person") == 2
    again = replace(kidneys, suspended=True, tags=("leech",), reviews=9, lapses=4)
    assert say_changes(desk, read(desk, heart, again, graves=ids - {heart.id})) == {
        "note_count": 2,
        "suspended": ["card-kidneys"],
    }
    columns = (
        "SELECT reviews, lapses, leech, retired, absent, asked FROM seen ORDER BY reviews"
    )
    assert [tuple(row) for row in desk.ledger.fetch_rows(columns)] == [
        (0, 0, 0, 0, 0.0, 0),
        (9, 4, 1, 0, 0.0, 0),
    ]
    assert desk.ledger.get_meta("looked")
    graves = [row["id"] for row in desk.ledger.fetch_rows("SELECT id FROM grave")]
    assert graves == [kidneys.id]


def test_which_cards_are_planned(desk):
    heart, kidneys = note_of(desk, "heart"), note_of(desk, "kidneys", deck="E::F")
    ledger = desk.ledger

    def planned(settings: str = "s") -> dict[str, int | None]:
        names = desk.name_items()
        found = anki_views.iter_export_candidates(ledger, settings)
        return {
            names[card.guid]: note.imported_mod if note else None for card, note in found
        }

    assert planned() == {"card-heart": None, "card-kidneys": None}
    read(desk, heart, kidneys)
    pair = (heart.guid, heart)
    links = {heart.guid: ("a", "b"), kidneys.guid: ()}
    mods = {kidneys.guid: 4}
    anki_views.record_export_plan(ledger, [], [], "s", [], {}, links)
    unchanged = dict.fromkeys(links, ())
    anki_views.record_export_plan(ledger, [pair], [], "s", [], mods, unchanged)
    candidates = anki_views.iter_export_candidates(ledger, "other")
    known = {card.guid: card.local_links_hashes for card, _ in candidates}
    assert known == links
    assert planned() == {"card-kidneys": 4}
    assert planned("other") == {"card-heart": 0, "card-kidneys": 4}
    read(desk, replace(heart, mod=2), kidneys)  # the note has changed
    assert planned() == {"card-heart": 0, "card-kidneys": 4}
    read(desk, heart, kidneys)
    desk.play("edit heart=the {{c1::heart}}")  # the card has
    assert planned() == {"card-heart": 0, "card-kidneys": 4}
    read(desk, kidneys)  # it is missing
    assert planned() == {"card-kidneys": 4}
    decks = [("", "E::F")]
    assert anki_views.load_current_decks(ledger, "") == decks
    assert anki_views.load_current_decks(ledger, "E") == []


CONTENT = StoredContent("cloze", {"Text": "The {{c1::heart}}."}, SENTENCES["A"])
NAMED = NoteIdentity(Guid("afx"), HighlightKey("vault:v/n0"), "0", (), "")


@pytest.mark.parametrize(
    ("note", "text", "typed", "expected"),
    [
        ({}, "A", (), {"slot": "HASH"}),
        ({"identity": NAMED}, "A", ("Text",), {"slot": "0", "typed": ["Text"]}),
        ({"tags": ("ankiforge::retired",)}, "A", (), {"slot": "HASH", "retired": True}),
        # two passages have its text; its key tells which
        ({}, "C", (), None),
        (
            {"identity": replace(NAMED, key=HighlightKey("vault:v/o0"))},
            "C",
            (),
            {"slot": "0"},
        ),
        ({"identity": NAMED}, "C", (), None),
        ({}, "B", (), None),
    ],
)
def test_cards_are_made_again_from_their_notes(tmp_path, note, text, typed, expected):
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        desk = Desk(ledger)
        desk.play("n:A m:C o:C")
        desk.play("rules A:heart C:kidneys")
        values = {"mod": 1, "fields": (), "tags": ("doc",), "deck": "D", "identity": None}
        lost = AnkiNote(Guid("afx"), 3, **{**values, **note})
        unreadable = replace(lost, guid=Guid("afy"))
        lost_note = anki_views.LostNote(lost, CONTENT, SENTENCES[text], typed)
        left = anki_views.recover_lost_cards(ledger, [lost_note], [unreadable])
        assert left == ([unreadable] if expected else [unreadable, lost])
        strangers = {name for each in left for name in (each.guid, *each.tags)}
        assert set(ledger.get_value("strangers", list[str]) or []) == strangers
        made = [
            event
            for event in ledger.iter_events("SELECT id, line FROM event")
            if event.body.get("guid") == "afx"
        ]
        if expected is None:
            assert made == []
            return
        accept = next(event for event in made if event.kind == "accept")
        slot = accept.body["slot"]
        body = {
            "guid": "afx", "draft": msgspec.to_builtins(CONTENT), "slot": slot, "deck": "D", "found": True,
        }  # fmt: skip
        if typed:
            body["typed"] = ["Text"]
        assert accept.body == body
        assert slot == expected["slot"] or (
            expected["slot"] == "HASH" and len(slot) == 16
        )
        retired = [event.body["why"] for event in made if event.kind == "retire"]
        assert retired == ([RETIRED_TAG_REASON] if "retired" in expected else [])
        card = cards.load_card(ledger, "afx")
        assert (card.is_live, card.note.seen_by) == (not retired, ("device",))
        assert asdict(card)["edits"].fields_typed_in_anki == typed
        assert len(ledger.fetch_rows("SELECT 1 FROM seen WHERE guid = 'afx'")) == 1
