"""What a look at the real Anki shows: live, while it is open, and by every kind of export."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.collection import (
    AnkiContents,
    open_anki_contents,
)
from ankiforge.anki.notes import render_content_fields
from ankiforge.anki.notetypes import get_our_note_type, hash_html, hash_tags
from ankiforge.anki.package import write_package
from ankiforge.anki.profiles import compute_fingerprint_text
from ankiforge.model import (
    AnkiNote,
    AnkiReadMethod,
    CardKind,
    LocalCard,
    NoteIdentity,
    NoteType,
    compute_card_id,
    compute_note_id,
)
from tests.makers.anki_notes import note_for

pytestmark = pytest.mark.core

Maker = Callable[..., LocalCard]
MOD = 1_400_000_000


@dataclass
class World:
    """One collection with three notes of ours and one of a person's, and its folder."""

    anki: Any
    backend: Any
    folder: Path
    basic: LocalCard
    two_way: LocalCard
    cloze: LocalCard

    @property
    def col(self) -> Any:
        return self.anki.col

    @property
    def live(self) -> Path:
        return Path(self.col.path)

    @property
    def cards(self) -> list[LocalCard]:
        return sorted((self.basic, self.two_way, self.cloze), key=lambda card: card.guid)

    def seen(self, card: LocalCard) -> AnkiNote:
        """The note as it is in the open collection now."""
        with open_anki_contents(self.live) as view:
            return of(view, card)

    def exported(
        self, legacy: bool = False, scheduling: bool = True, deck: str = ""
    ) -> Path:
        path = self.folder / f"export-{legacy}-{scheduling}-{deck}.apkg"
        self.backend.export(
            self.col, path, legacy=legacy, scheduling=scheduling, deck=deck
        )
        return path

    def whole(self, legacy: bool) -> Path:
        path = self.folder / f"whole-{legacy}.colpkg"
        self.col.export_collection_package(str(path), include_media=False, legacy=legacy)
        self.col.reopen()
        return path


def of(view: AnkiContents, card: LocalCard) -> AnkiNote:
    """The one note of a card."""
    (found,) = [note for note in view.iter_notes() if note.guid == card.guid]
    return found


@pytest.fixture
def world(collection: Any, backend: Any, tmp_path: Path, make_card: Maker) -> World:
    basic = make_card()
    two_way = make_card(CardKind.TWO_WAY, own="TWOWAY22", Front="le chat", Back="the cat")
    cloze = make_card(
        CardKind.CLOZE, own="CLOZE222", Text="{{c1::One}} and {{c3::three}}."
    )
    notes = [note_for(card, "Reading::Memory", MOD) for card in (basic, two_way, cloze)]
    write_package(tmp_path / "deck.apkg", notes)
    assert collection.load(tmp_path / "deck.apkg") == {"new": 3}
    own = collection.col.new_note(collection.col.models.by_name("Basic"))
    own["Front"] = "mine"
    collection.col.add_note(own, collection.col.decks.id("Mine"))
    return World(collection, backend, tmp_path, basic, two_way, cloze)


def everything(view: AnkiContents) -> tuple[Any, ...]:
    """All a view tells of notes and types, to be compared."""
    return tuple(view.iter_notes()), tuple(view.iter_reviews()), view.note_types


# --- the live collection --------------------------------------------------------------------


def test_a_fresh_import_is_seen_as_it_was_shipped(world):
    with open_anki_contents(world.live) as view:
        notes = tuple(view.iter_notes())
        assert view.kind is AnkiReadMethod.COLLECTION
        assert view.path == str(world.live)
        assert view.profile == "profile"
        assert view.is_complete
        assert view.created_at == world.col.crt
        assert tuple(view.iter_reviews()) == ()
        assert view.find_deleted_note_ids() == frozenset()
    with open_anki_contents(world.folder / "deck.apkg") as view:
        assert [(note.guid, note.mod) for note in view.iter_notes()] == [
            (n.guid, MOD) for n in notes
        ]
    assert [note.guid for note in notes] == [card.guid for card in world.cards]
    for note, card in zip(notes, world.cards, strict=True):
        assert note.id == compute_note_id(card.guid)
        assert note.mod == MOD
        assert note.type_id == get_our_note_type(card.note_type).id
        assert note.tags == ("ankiforge::doc::testenhancedlearning", "memory")
        assert note.fields == note_for(card, card.deck, MOD).fields
        hashes = tuple(map(hash_html, render_content_fields(card.kind, card.fields)))
        assert note.identity == NoteIdentity(
            card.guid,
            card.key,
            card.drafted_text_hash or card.stored_text_number,
            hashes,
            hash_tags(note.tags),
        )
        by_guid = {
            world.basic.guid: [0],
            world.two_way.guid: [0, 1],
            world.cloze.guid: [0, 2],
        }
        ordinals = by_guid[card.guid]
        assert note.ordinals == tuple(ordinals)
        assert note.cards == tuple(compute_card_id(card.guid, at) for at in ordinals)
        assert note.deck == "Reading::Memory"
        assert (note.reviews, note.lapses, note.suspended) == (0, 0, False)


def test_the_last_change_is_seen_however_anki_keeps_it_and_its_files_stay_as_they_are(
    world,
):
    def files() -> list[tuple[str, bytes, int]]:
        found = sorted(world.live.parent.glob("collection.anki2*"))
        return [(path.name, path.read_bytes(), path.stat().st_mtime_ns) for path in found]

    main, unchanged = world.live.read_bytes(), compute_fingerprint_text(world.live)
    assert compute_fingerprint_text(world.live) == unchanged
    world.anki.edit(world.basic.guid, Back="My own words")
    assert world.live.read_bytes() == main, "the change is in the log only"
    changed = compute_fingerprint_text(world.live)
    assert changed != unchanged
    before = files()
    (link := world.folder / "collection.anki2").symlink_to(world.live)
    for path in (world.live, link):
        with open_anki_contents(path) as view:
            seen, all_of_it = of(view, world.basic), everything(view)
            assert view.profile == "profile"
        assert seen.fields[1] == "My own words"
        assert seen.mod > MOD
        assert seen.identity is not None
    assert files() == before
    assert [name for name, *_ in before] == ["collection.anki2", "collection.anki2-wal"]
    assert world.col.db.scalar("select count() from notes") == 4
    for downgrade in (False, True):
        world.col.close(downgrade=downgrade)
        try:
            assert compute_fingerprint_text(world.live) != changed
            with open_anki_contents(world.live) as view:
                assert everything(view) == all_of_it
        finally:
            world.col.reopen()


# --- what a person did ----------------------------------------------------------------------


def test_tags_decks_and_suspensions_are_seen(world):
    note = world.anki.note(world.cloze.guid)
    note.tags = ["exam", "Straße::Ä", "marked"]
    world.col.update_note(note)
    one, three = note.cards()
    world.col.set_deck([three.id], world.col.decks.id("A::B::C d"))
    world.col.sched.suspend_cards([one.id])

    seen = world.seen(world.cloze)

    assert sorted(seen.tags) == ["Straße::Ä", "exam", "marked"]
    assert (seen.deck, seen.suspended) == ("Reading::Memory", False)
    world.col.sched.suspend_cards([three.id])
    world.col.set_deck([one.id], world.col.decks.id("A::B::C d"))
    seen = world.seen(world.cloze)
    assert (seen.deck, seen.suspended) == ("A::B::C d", True)


def test_answers_are_seen(world):
    world.anki.answer_first_card(world.basic.guid)
    log = world.col.db.all("select id, ease, ivl, time, type, cid from revlog")

    with open_anki_contents(world.live) as view:
        (review,) = view.iter_reviews()
        (note,) = [note for note in view.iter_notes() if log[0][5] in note.cards]
    assert review.guid == note.guid
    id, ease, interval, _, kind, *_ = log[0]
    assert (review.id, review.ease, review.interval, review.type) == (
        id,
        ease,
        interval,
        kind,
    )
    assert (note.reviews, note.suspended) == (1, False)


def test_a_card_in_a_filtered_deck_is_seen_in_its_home(world):
    world.col.sched.set_due_date([c.id for c in world.anki.cards(world.basic.guid)], "3")
    deck = world.col.sched.get_or_create_filtered_deck(0)
    deck.name = "Cram"
    deck.config.search_terms[0].search = "deck:Reading*"
    world.col.sched.add_or_update_filtered_deck(deck)
    (stored,) = world.anki.cards(world.basic.guid)
    assert stored.odid

    assert world.seen(world.basic).deck == "Reading::Memory"
    for legacy in (False, True):
        with open_anki_contents(world.exported(legacy)) as view:
            assert of(view, world.basic).deck == "Reading::Memory"


def test_a_deleted_note_leaves_a_grave_and_its_reviews(world):
    world.col.remove_notes([compute_note_id(world.basic.guid)])
    world.col.undo()
    with open_anki_contents(world.live) as view:
        assert view.find_deleted_note_ids() == frozenset()
        assert of(view, world.basic).cards
    world.col.decks.select(world.col.decks.id("Reading::Memory"))
    world.anki.answer_first_card(world.basic.guid)
    (reviewed,) = world.col.db.list("select cid from revlog")
    (guid,) = [
        card.guid
        for card in world.cards
        for at in range(3)
        if compute_card_id(card.guid, at) == reviewed
    ]
    world.col.remove_notes([compute_note_id(guid)])
    with open_anki_contents(world.live) as view:
        assert guid not in [note.guid for note in view.iter_notes()]
        assert view.find_deleted_note_ids() == {compute_note_id(guid)}
        assert tuple(view.iter_reviews()) == ()


def test_an_identity_of_another_note_is_none(world):
    other = world.anki.note(world.two_way.guid)["AnkiforgeId"]
    world.anki.edit(world.basic.guid, AnkiforgeId=other)
    assert world.seen(world.basic).identity is None
    assert world.seen(world.two_way).identity is not None


# --- note types -----------------------------------------------------------------------------


def test_our_note_types_are_seen_by_each_way_as_they_are_and_as_a_person_changed_them(
    world,
):
    models = world.col.models
    kind = world.anki.note_type(NoteType.BASIC)
    kind["name"] = "Mein Typ"
    kind["css"] += "\n.mine {}"
    models.rename_field(kind, kind["flds"][0], "Frage")
    models.add_field(kind, models.new_field("Mine"))
    models.reposition_field(kind, kind["flds"][-1], 1)
    template = models.new_template("Third")
    template["qfmt"], template["afmt"] = "{{Mine}}?", "{{Back}}!"
    models.add_template(kind, template)
    models.update_dict(kind)
    ids = [field["id"] for field in world.anki.note_type(NoteType.BASIC)["flds"]]
    theirs, ours = get_our_note_type(NoteType.BASIC), get_our_note_type(NoteType.CLOZE)
    paths = (world.live, world.exported(legacy=False), world.exported(legacy=True))

    for path in (*paths, world.whole(legacy=False), world.whole(legacy=True)):
        with open_anki_contents(path) as view:
            basic, cloze = view.note_types
            assert of(view, world.basic).fields[1] == ""
        assert (basic.id, basic.name, basic.cloze) == (theirs.id, "Mein Typ", False)
        assert basic.css == f"{theirs.css}\n.mine {{}}"
        assert [name for name, _ in basic.fields[:3]] == ["Frage", "Mine", "Back"]
        assert [number for _, number in basic.fields] == ids
        assert basic.fields[0][1] == theirs.fields[0][1]
        renamed = [
            side.replace("Front}}", "Frage}}")
            for one in theirs.templates
            for side in (one.question, one.answer)
        ]
        shown = [side for one in basic.templates for side in (one.question, one.answer)]
        assert shown == [*renamed, "{{Mine}}?", "{{Back}}!"]
        assert [t.name for t in basic.templates] == [
            *(t.name for t in theirs.templates),
            "Third",
        ]
        assert (cloze.id, cloze.name, cloze.css, cloze.cloze) == (
            ours.id, ours.name, ours.css, True,
        )  # fmt: skip
        assert (cloze.fields, cloze.templates) == (ours.fields, ours.templates)


# --- exports --------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
def test_an_export_shows_what_the_collection_does_if_it_has_the_scheduling(world, legacy):
    world.col.set_config("fsrs", True)
    world.anki.answer_first_card(world.basic.guid)
    world.anki.edit(world.basic.guid, Back="My own words")
    with open_anki_contents(world.live) as view:
        expected = everything(view)
    for path, kind, created in (
        (world.exported(legacy), AnkiReadMethod.APKG, 0),
        (world.whole(legacy), AnkiReadMethod.COLPKG, world.col.crt),
    ):
        with open_anki_contents(path) as view:
            assert everything(view) == expected
            assert (view.kind, view.is_complete) == (kind, kind is AnkiReadMethod.COLPKG)
            assert (view.created_at, view.path, view.profile) == (created, str(path), "")
    with open_anki_contents(world.exported(legacy, scheduling=False)) as view:
        notes = tuple(view.iter_notes())
        assert [note.guid for note in notes] == [card.guid for card in world.cards]
        assert {note.reviews for note in notes} == {0}
        assert tuple(view.iter_reviews()) == ()
