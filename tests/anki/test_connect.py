"""The client against AnkiConnect's rules in front of a real collection."""

import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.connect import AnkiConnect, UnsupportedError, export_all, ours
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.package import write_package
from ankiforge.errors import ServiceError
from ankiforge.model import Card, CardKind, Family, card_id, note_id
from samples.anki_notes import note_for

Maker = Callable[..., Card]
Serving = Callable[..., AbstractContextManager[Any]]
MOD = 1_400_000_000


@pytest.fixture
def fake(tmp_path: Path, serving: Serving) -> Iterator[Any]:
    with serving(tmp_path / "profile") as running:
        yield running


@pytest.fixture
def client(fake: Any) -> AnkiConnect:
    return AnkiConnect(fake.address)


@pytest.fixture
def card(make_card: Maker) -> Card:
    return make_card()


@pytest.fixture
def package(tmp_path: Path, card: Card, make_card: Maker) -> Path:
    """A basic card in Reading::A and a cloze of two cards in Reading::B."""
    cloze = make_card(CardKind.CLOZE, own="ZZZZ2345", Text="{{c1::a}} {{c2::b}}")
    notes = [note_for(card, "Reading::A", MOD), note_for(cloze, "Reading::B", MOD)]
    write_package(tmp_path / "ours.apkg", notes)
    return tmp_path / "ours.apkg"


def exported_notes(path: Path) -> set[int]:
    """The note ids in a package that Anki exported."""
    with zipfile.ZipFile(path) as whole:
        data = whole.read("collection.anki21")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        return {row[0] for row in connection.execute("select id from notes")}


def told(call: Callable[[], object], kind: type[ServiceError] = ServiceError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return f"{caught.value.message} | {caught.value.hint}"


# --- there and back ---------------------------------------------------------------------------


def test_a_package_goes_there_and_comes_back(fake, client, package, tmp_path, card):
    client.suspend([])
    client.unsuspend([])
    assert fake.actions == [], "nothing is asked for no cards"
    client.check()
    client.import_package(package)
    assert len(client.find_notes(ours())) == 2
    assert card_id(card.guid, 0) in client.find_cards("deck:Reading::A")
    assert client.decks_of(ours()) == ("Reading::A", "Reading::B")
    got = export_all(client, tmp_path)
    assert got.decks == ("Reading",)
    assert exported_notes(got.paths[0]) == got.notes
    assert note_id(card.guid) in got.notes
    with fake.collection() as col:
        assert {row[0] for row in col.db.all("select mod from notes")} == {MOD}


def test_an_import_is_done_with_the_add_ons_options(fake, client, package, tmp_path, card):
    """Merged note types: a field the person added stops nothing (by hand it would)."""
    client.import_package(package)
    with fake.collection() as col:
        ours_there = col.models.get(note_type(Family.BASIC).id)
        col.models.add_field(ours_there, col.models.new_field("Mine"))
        col.models.update_dict(ours_there)
        mod = col.get_note(note_id(card.guid)).mod
    changed = replace(card, fields=(*card.fields[:1], ("Back", "Retrieval")))
    write_package(package, [note_for(changed, "Reading::A", mod + 1)])
    client.import_package(package)
    with fake.collection() as col:
        assert col.get_note(note_id(card.guid))["Back"] == "Retrieval"


def test_the_scheduling_comes_along(fake, client, backend, package, tmp_path, card):
    client.import_package(package)
    with fake.collection() as col:
        backend.Anki(col).answer_first_card(card.guid)
    client.export_package("Reading::A", tmp_path / "a.apkg")
    with zipfile.ZipFile(tmp_path / "a.apkg") as whole:
        data = whole.read("collection.anki21")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        assert connection.execute("select count() from revlog").fetchone() == (1,)


# --- what is ours, wherever it is -------------------------------------------------------------


def test_what_the_person_renamed_is_found(fake, client, package):
    client.import_package(package)
    with fake.collection() as col:
        for family in Family:
            there = col.models.get(note_type(family).id)
            there["name"] = f"My {family.value}"
            there["flds"][-5]["name"] = "Key"
            col.models.update_dict(there)
        assert [field["name"] for field in there["flds"]].count("AnkiforgeId") == 0
    assert len(client.find_notes(ours())) == 2


def test_a_note_that_got_another_type_is_found_by_its_field(fake, client, package, card):
    client.import_package(package)
    with fake.collection() as col:
        theirs = col.models.copy(col.models.get(note_type(Family.BASIC).id), add=False)
        theirs["name"] = "Theirs"
        changed = col.models.add_dict(theirs).id
        col.db.execute("update notes set mid = ? where id = ?", changed, note_id(card.guid))
    assert note_id(card.guid) in client.find_notes(ours())


def test_nothing_of_others_is_found(fake, client, tmp_path):
    with fake.collection() as col:
        note = col.new_note(col.models.by_name("Basic"))
        note["Front"] = "af1"
        col.add_note(note, col.decks.id("A"))
    got = export_all(client, tmp_path)
    assert (got.paths, got.notes) == ((), frozenset())
    assert "exportPackage" not in fake.actions


def test_cards_in_a_filtered_deck_are_exported_with_that(fake, client, package, tmp_path):
    client.import_package(package)
    with fake.collection() as col:
        deck = col.sched.get_or_create_filtered_deck(0)
        deck.name = 'Cram "it_*\\'
        deck.config.search_terms[0].search = "deck:Reading::A"
        col.sched.add_or_update_filtered_deck(deck)
    got = export_all(client, tmp_path)
    assert len(got.decks) == 2
    assert "Reading::B" in got.decks
    assert set().union(*map(exported_notes, got.paths)) == got.notes


def test_a_deck_of_others_is_not_dragged_along(fake, client, package, tmp_path):
    client.import_package(package)
    with fake.collection() as col:
        for number in range(4):
            note = col.new_note(col.models.by_name("Basic"))
            note["Front"] = str(number)
            col.add_note(note, col.decks.id("Reading::Others"))
    got = export_all(client, tmp_path)
    assert got.decks == ("Reading::A", "Reading::B")
    assert set().union(*map(exported_notes, got.paths)) == got.notes


@pytest.mark.parametrize("name", ['a "b"', "a_b*", "a\\b", "a (b) or c", "ä: -b"])
def test_deck_names_with_signs_of_the_search_are_exported(
    fake, client, card, make_card, tmp_path, name
):
    others = make_card(own="YYYY2345")
    notes = [note_for(card, "X::A", MOD), note_for(others, "X::B", MOD)]
    write_package(tmp_path / "ours.apkg", notes)
    client.import_package(tmp_path / "ours.apkg")
    with fake.collection() as col:
        top = col.decks.id("X")
        col.decks.rename(top, name)
        stored = col.decks.name(top)
        for number in range(5):  # `a_b*` as a pattern would take this one in
            note = col.new_note(col.models.by_name("Basic"))
            note["Front"] = str(number)
            col.add_note(note, col.decks.id("axbc"))
    got = export_all(client, tmp_path)
    assert got.decks == (stored,)
    assert exported_notes(got.paths[0]) == got.notes


def test_a_note_without_cards_leaves_the_exports_incomplete(fake, client, package, tmp_path, card):
    client.import_package(package)
    with fake.collection() as col:
        col.db.execute("delete from cards where nid = ?", note_id(card.guid))
    got = export_all(client, tmp_path)
    held = set().union(*map(exported_notes, got.paths))
    assert got.notes - held == {note_id(card.guid)}


def test_a_card_that_comes_meanwhile_leaves_the_exports_incomplete(fake, client, package, tmp_path):
    client.import_package(package)

    def add(col: Any) -> None:
        note = col.new_note(col.models.get(note_type(Family.BASIC).id))
        note["Front"], note["AnkiforgeId"] = "new", "af1 x"
        col.add_note(note, col.decks.id("Elsewhere"))

    fake.meanwhile["exportPackage"] = add
    got = export_all(client, tmp_path)
    assert len(got.notes - exported_notes(got.paths[0])) == 1


# --- suspending -------------------------------------------------------------------------------


def test_cards_are_suspended_and_back(fake, client, package):
    client.import_package(package)
    one, two, three = client.find_cards(ours())
    client.suspend([one, two])
    assert set(client.find_cards("is:suspended")) == {one, two}
    client.unsuspend([two, three, 5])
    assert client.find_cards("is:suspended") == (one,)
    with fake.collection() as col:
        assert col.db.list("select id from cards where queue = -1") == [one]


# --- refusals ---------------------------------------------------------------------------------


def test_what_anki_refuses_is_told_in_its_words_and_changes_nothing(fake, client, tmp_path):
    (tmp_path / "bad.apkg").write_bytes(b"no zip")
    for call, *words in (
        (lambda: client.find_notes('"'), "Anki refuses findNotes: Invalid search"),
        (lambda: client.suspend([5]), "Card was not found: 5"),
        (lambda: client.import_package(tmp_path / "none.apkg"), "none.apkg", "same folders"),
        (lambda: client.import_package(tmp_path / "bad.apkg"), "Anki refuses importPackage"),
        (lambda: client.export_package("Gone", tmp_path / "gone.apkg"), "did not export the deck Gone"),
    ):  # fmt: skip
        said = told(call)
        assert all(word in said for word in words), said
    with fake.collection() as col:
        assert col.note_count() == 0


def test_the_right_key_opens_everything(tmp_path, serving):
    with serving(tmp_path, key="secret", profile="User 1") as fake:
        client = AnkiConnect(fake.address, "secret")
        client.check()
        assert client.find_notes("") == ()
        assert client.active_profile() == "User 1"


def test_an_anki_without_an_open_profile_is_let_in_and_finds_nothing(fake):
    fake.no_collection = True
    client = AnkiConnect(fake.address)
    client.check()
    for call in (lambda: client.find_notes(ours()), lambda: client.import_package(Path("a"))):
        assert "no profile is open" in told(call)


def test_another_profile_is_told(tmp_path, serving, package):
    with serving(tmp_path / "mine", profile="Me") as fake:
        AnkiConnect(fake.address).import_package(package)
    with serving(tmp_path / "mine", profile="Me", wrong_profile=True) as fake:
        client = AnkiConnect(fake.address)
        assert client.active_profile() == "Somebody else"
        assert client.find_notes(ours()) == ()
    with serving(tmp_path / "mine", profile="Me") as fake:
        assert len(AnkiConnect(fake.address).find_notes(ours())) == 2


def test_an_old_add_on_does_what_it_can(tmp_path, serving):
    with serving(tmp_path, lacks=("requestPermission", "exportPackage")) as fake:
        client = AnkiConnect(fake.address)
        client.check()
        assert client.active_profile() == ""
        told(lambda: client.export_package("Default", tmp_path / "a.apkg"), UnsupportedError)
        assert not (tmp_path / "a.apkg").exists()
