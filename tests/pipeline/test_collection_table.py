"""Which collection is read, what is refused, and which words of a card are those in Anki: rows."""

import sqlite3
import zipfile
from contextlib import closing
from os import utime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki.notes import format_identity
from ankiforge.anki.notetypes import get_our_note_type, hash_html
from ankiforge.anki.package import write_package
from ankiforge.config import AnkiSettings
from ankiforge.ledger import StoredContent, anki_views
from ankiforge.model import (
    AnkiChanges,
    AnkiNote,
    CardKind,
    LocalCard,
    NoteId,
    NoteType,
    compute_note_id,
)
from ankiforge.model.anki import NoteIdentity
from ankiforge.pipeline import collection
from ankiforge.pipeline.collection import BoundCollection
from ankiforge.pipeline.workspace import Workspace
from tests.anki.makers import make_card
from tests.makers.anki_notes import field_html, note_for

BASIC = get_our_note_type(NoteType.BASIC)
AUTO = AnkiSettings(collection="auto")
NOT_YOURS = "this is not the collection that has your notes, so nothing was recorded"
NONE_OF_YOURS = "Anki has none of your notes, so nothing was recorded"


@pytest.fixture
def cards(workspace: Workspace) -> list[LocalCard]:
    """The cards about the heart and about the kidney."""
    cards = {dict(card.fields).get("Back"): card for card in workspace.cards()}
    return [cards["the heart"], cards["the kidney"]]


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of Anki's profiles, where nothing else is looked for."""
    folder = tmp_path / "Anki2"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANKI_BASE", str(folder))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    return folder


def write_collection(
    path: Path, cards: list[LocalCard], *, age: int = 0, created: int = 0
) -> Path:
    """Write a collection with the notes of cards, or with one note that is not ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    package = path.with_suffix(".apkg")
    notes = [note_for(card, card.deck or "D", 5) for card in cards or [make_card()]]
    write_package(package, notes)
    with zipfile.ZipFile(package) as archive:
        path.write_bytes(archive.read("collection.anki2"))
    package.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("update col set crt = ?", (created,))
        if not cards:
            connection.execute("update notes set guid = 'theirs'")
        connection.commit()
    utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    return path


# --- which collection ----------------------------------------------------------------------


def test_a_package_to_which_a_workspace_is_bound_is_not_read_by_itself(
    workspace, cards, profiles
):
    package = profiles.parent / "old.apkg"
    write_package(package, [note_for(card, "D", 5) for card in cards])
    workspace.ledger.set_value("bound", BoundCollection(str(package), "", 0))
    assert collection.find_collection(AUTO, workspace.ledger) is None


def test_the_settings_name_a_collection_or_forbid_to_read_any(workspace, tmp_path):
    named = AnkiSettings(collection=str(tmp_path / "c.anki2"))
    assert (
        collection.find_collection(named, workspace.ledger)
        == (tmp_path / "c.anki2").resolve()
    )
    never = AnkiSettings(collection="none")
    assert collection.find_collection(never, workspace.ledger) is None
    assert collection.read_collection(never, workspace.ledger).state == "off"


def test_a_collection_is_read_when_it_has_changed(workspace, cards, profiles):
    ledger = workspace.ledger
    assert collection.read_collection(AUTO, ledger).state == "nowhere"
    path = write_collection(profiles / "Ada" / "collection.anki2", cards, created=7)
    first = collection.read_collection(AUTO, ledger)
    assert (first.state, first.path, first.changes.note_count) == ("taken", str(path), 2)
    assert ledger.get_value("bound", BoundCollection) == BoundCollection(
        str(path), "Ada", 7
    )
    again = collection.read_collection(AUTO, ledger)
    assert (again.state, again.path) == ("same", str(path))
    assert collection.read_collection(AUTO, ledger, bind=True).state == "taken"
    write_collection(path, cards, age=5, created=7)
    assert collection.read_collection(AUTO, ledger).state == "taken"
    path.write_text("no collection")
    for _ in range(2):  # what could not be read is tried again
        failed = collection.read_collection(AUTO, ledger)
        assert (failed.state, failed.path) == ("failed", str(path))
        assert failed.problem.location == str(path)
        assert failed.problem.message == "neither an Anki collection nor an Anki export"
        assert failed.problem.hint


# --- what is recorded of it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "profile", "created", "has_notes", "bind", "refused"),
    [
        (None, "Ada", 7, True, False, ""),
        (None, "Ada", 7, False, False, ""),
        (("Ada", 7), "Ada", 7, True, False, ""),
        (("Ada", 7), "Bob", 7, True, False, NOT_YOURS),
        (("", 7), "Bob", 7, True, False, ""),
        (("Ada", 7), "Ada", 8, True, False, NOT_YOURS),
        (("Ada", 7), "Ada", 0, True, False, ""),
        (("Ada", 0), "Ada", 8, True, False, ""),
        (("Ada", 7), "Bob", 8, True, True, ""),
        # without a note of ours, only its time of creation says that it is the same one
        (("Ada", 7), "Ada", 7, False, False, ""),
        (("Ada", 0), "Ada", 7, False, False, NONE_OF_YOURS),
        (("Ada", 7), "Ada", 0, False, False, NONE_OF_YOURS),
        (("Ada", 7), "Ada", 0, False, True, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("was_seen", [True, False])
def test_a_collection_other_than_ours_is_not_recorded(
    workspace,
    cards,
    tmp_path,
    bound,
    profile,
    created,
    has_notes,
    bind,
    refused,
    was_seen,
):
    ledger = workspace.ledger
    if was_seen:
        show_in_anki(workspace, *(note_of(card) for card in cards))
    elif refused == NONE_OF_YOURS:  # there was none
        refused = ""
    if bound:
        ledger.set_value("bound", BoundCollection("old", *bound))
    path = tmp_path / profile / "collection.anki2"
    write_collection(path, cards if has_notes else [], created=created)
    read = collection.read_collection_file(path, ledger, bind=bind)
    assert (read.state, read.path) == ("failed" if refused else "taken", str(path))
    now = ledger.get_value("bound", BoundCollection)
    if refused:
        assert (read.problem.location, read.problem.message) == (str(path), refused)
        assert "ankiforge pull --bind" in read.problem.hint
        assert now == BoundCollection("old", *bound)
    else:
        assert read.changes.note_count == (2 if has_notes else 0)
        old = BoundCollection("old", *bound) if bound else None
        is_bound = has_notes or bind
        assert now == (BoundCollection(str(path), profile, created) if is_bound else old)


# --- the words of a card in Anki -------------------------------------------------------------


def note_of(card: LocalCard, **fields: str) -> AnkiNote:
    """The note of a card in Anki, as shipped, but for `fields`."""
    html = dict(zip(BASIC.field_names, field_html(card, ()), strict=True))
    names = card.note_type.content_fields
    hashes = tuple(hash_html(html[name]) for name in names)
    identity = NoteIdentity(card.guid, card.key, card.stored_text_number, hashes, "0")
    assert hash_html(html["Front"]) in format_identity(card, hashes, ())
    return AnkiNote(
        card.guid,
        NoteId(compute_note_id(card.guid)),
        10,
        tuple({**html, **fields}.values()),
        (),
        "D",
        identity,
        ordinals=(0,),
        type_id=BASIC.id,
    )


def show_in_anki(workspace: Workspace, *notes: AnkiNote) -> AnkiChanges:
    return anki_views.record_anki_state(
        workspace.ledger, notes, complete=True, graves=frozenset()
    )


# --- notes that no event knows ---------------------------------------------------------------


def test_a_card_is_made_again_of_its_note(workspace, monkeypatch):
    given: list[Any] = []

    def recover(ledger: Any, candidates: Any, unreadable: Any) -> list[AnkiNote]:
        given.append((candidates, unreadable))
        return []

    monkeypatch.setattr(anki_views, "recover_lost_cards", recover)
    types = (BASIC, get_our_note_type(NoteType.CLOZE))
    workspace.ledger.set_value("types", types)
    card = make_card()
    two_way = make_card(CardKind.TWO_WAY)
    drafted = make_card(drafted="0123456789abcdef")
    notes = [
        note_of(card),
        note_of(card, Back="a <b>pump</b>", Extra=""),
        note_of(two_way),
        replace(
            note_of(drafted),
            identity=NoteIdentity(drafted.guid, drafted.key, "0123456789abcdef", (), "0"),
        ),
        replace(note_of(card), identity=None),
        replace(note_of(card), type_id=4),
        replace(note_of(card), fields=("a", "b")),
    ]
    assert collection.recreate_cards_of_unknown_notes(workspace.ledger, notes) == []
    [(candidates, unreadable)] = given
    exact = "prior testing produced substantially greater retention than studying."
    words = {"Front": "What helps retention?", "Back": "Testing"}
    quote = "greater retention"
    assert candidates == [
        (notes[0], StoredContent("basic", words, quote, True, "0"), exact, ()),
        (
            notes[1],
            StoredContent("basic", {**words, "Back": "a **pump**"}, quote, True, "0"),
            exact,
            ("Back",),
        ),
        (
            notes[2],
            StoredContent("two-way", {**words, "Reverse": "y"}, quote, True, "0"),
            exact,
            (),
        ),
        (notes[3], StoredContent("basic", {}, quote, False, "0"), exact, ()),
    ]
    assert unreadable == notes[4:]
