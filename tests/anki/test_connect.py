"""The client against AnkiConnect's rules in front of a real collection."""

import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.connect import AnkiConnect, UnsupportedActionError
from ankiforge.anki.notetypes import OUR_NOTE_TYPES, get_our_note_type
from ankiforge.anki.package import write_package
from ankiforge.errors import ServiceError
from ankiforge.model import CardKind, LocalCard, NoteType, compute_note_id
from tests.makers.anki_notes import note_for

Maker = Callable[..., LocalCard]
Serving = Callable[..., AbstractContextManager[Any]]
MOD = 1_400_000_000


@pytest.fixture
def fake(tmp_path: Path, serving: Serving, package: Path) -> Iterator[Any]:
    """An Anki that has the notes of the package."""
    with serving(tmp_path / "profile") as running:
        AnkiConnect(running.address).import_package(package)
        yield running


def test_the_importer_that_the_add_on_calls_is_still_there(
    tmp_path: Path, package: Path
) -> None:
    """AnkiConnect's `importPackage` is `AnkiPackageImporter(collection, path).run()`, a shim that
    Anki 26.9 calls deprecated.
    """
    from anki.collection import Collection
    from anki.importing import AnkiPackageImporter

    collection = Collection(str(tmp_path / "collection.anki2"))
    with closing(collection):
        for _ in range(2):
            AnkiPackageImporter(collection, str(package)).run()
            assert collection.note_count() == 2
        assert collection.card_count() == 3


@pytest.fixture
def client(fake: Any) -> AnkiConnect:
    return AnkiConnect(fake.address)


@pytest.fixture
def card(make_card: Maker) -> LocalCard:
    return make_card()


@pytest.fixture
def package(tmp_path: Path, card: LocalCard, make_card: Maker) -> Path:
    """A basic card in Reading::A and a cloze of two cards in Reading::B."""
    cloze = make_card(CardKind.CLOZE, own="ZZZZ2345", Text="{{c1::a}} {{c2::b}}")
    notes = [note_for(card, "Reading::A", MOD), note_for(cloze, "Reading::B", MOD)]
    write_package(tmp_path / "ours.apkg", notes)
    return tmp_path / "ours.apkg"


def rows(path: Path, query: str) -> set[Any]:
    """The first column of a query in a package that Anki exported."""
    with (
        zipfile.ZipFile(path) as whole,
        closing(sqlite3.connect(":memory:")) as connection,
    ):
        connection.deserialize(whole.read("collection.anki21"))
        return {row[0] for row in connection.execute(query)}


def told(call: Callable[[], object], kind: type[ServiceError] = ServiceError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return f"{caught.value.message} | {caught.value.hint}"


# --- what is ours, wherever it is -------------------------------------------------------------


def renamed(col: Any, card: LocalCard) -> None:
    for family in OUR_NOTE_TYPES:
        there = col.models.get(get_our_note_type(family).id)
        there["name"] = f"My {family.value}"
        there["flds"][-5]["name"] = "Key"
        col.models.update_dict(there)


def of_another_type(col: Any, card: LocalCard) -> None:
    theirs = col.models.copy(
        col.models.get(get_our_note_type(NoteType.BASIC).id), add=False
    )
    theirs["name"] = "Theirs"
    changed = col.models.add_dict(theirs).id
    col.db.execute(
        "update notes set mid = ? where id = ?", changed, compute_note_id(card.guid)
    )


def studied(col: Any, card: LocalCard) -> None:
    found = col.get_card(col.find_cards(f"nid:{compute_note_id(card.guid)}")[0])
    found.start_timer()
    col.sched.answerCard(found, 4)


def crammed(col: Any, card: LocalCard) -> None:
    deck = col.sched.get_or_create_filtered_deck(0)
    deck.name = 'Cram "it_*\\'
    deck.config.search_terms[0].search = "deck:Reading::A"
    col.sched.add_or_update_filtered_deck(deck)


def others(deck: str) -> Callable[[Any, LocalCard], None]:
    def add(col: Any, card: LocalCard) -> None:
        note = col.new_note(col.models.by_name("Basic"))
        note["Front"] = "af1"
        col.add_note(note, col.decks.id(deck))

    return add


def gathered(col: Any, card: LocalCard) -> None:
    col.set_deck(
        col.find_cards(f"nid:{compute_note_id(card.guid)}"), col.decks.id("Reading")
    )


def cardless(col: Any, card: LocalCard) -> None:
    col.db.execute("delete from cards where nid = ?", compute_note_id(card.guid))


# --- refusals ---------------------------------------------------------------------------------


def test_what_anki_refuses_is_told_in_its_words_and_changes_nothing(
    fake, client, tmp_path
):
    (tmp_path / "bad.apkg").write_bytes(b"no zip")
    for call, *words in (
        (lambda: client.suspend([5]), "Card was not found: 5"),
        (lambda: client.import_package(tmp_path / "none.apkg"), "none.apkg", "same folders"),
        (lambda: client.import_package(tmp_path / "bad.apkg"), "Anki refuses importPackage"),
    ):  # fmt: skip
        said = told(call)
        assert all(word in said for word in words), said
    with fake.collection() as col:
        assert col.note_count() == 2


def test_an_anki_without_an_open_profile_is_let_in_and_finds_nothing(
    fake, client, tmp_path
):
    fake.no_collection = True
    client.check_access()
    assert "no profile is open" in told(lambda: client.import_package(Path("a")))


def test_an_old_add_on_does_what_it_can(fake, client, tmp_path):
    fake.lacks = ("requestPermission", "importPackage")
    client.check_access()
    said = told(lambda: client.import_package(tmp_path), UnsupportedActionError)
    assert "Check for Updates" in said
