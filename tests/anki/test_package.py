import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.anki.notetypes import (
    OUR_FAMILIES,
    get_our_note_type,
    get_our_occlusion_type,
)
from ankiforge.anki.package import is_our_package, write_package
from ankiforge.anki.render import load_media
from ankiforge.errors import ItemError, RefusedError
from ankiforge.model import (
    CardKind,
    LocalCard,
    Media,
    Note,
    NoteType,
    Problem,
    compute_card_id,
    compute_note_id,
)
from tests.makers.anki_notes import note_for

Maker = Callable[..., LocalCard]


def _notes(make_card: Maker, count: int = 3) -> list[Note]:
    kinds = (CardKind.CLOZE, CardKind.TWO_WAY, CardKind.BASIC)
    words = {"Text": "{{c1::a}} {{c2::b}}", "Front": "a", "Back": "b"}
    cards = (make_card(kinds[at % 3], own=f"KEY{at}", **words) for at in range(count))
    return [
        note_for(card, f"Deck::{at % 2}", 1_400_000_000) for at, card in enumerate(cards)
    ]


def _rows(package: Path, query: str, folder: Path) -> list[tuple[object, ...]]:
    with zipfile.ZipFile(package) as archive:
        database = archive.extract("collection.anki2", folder)
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(query).fetchall()


def _guids(package: Path) -> set[object]:
    with tempfile.TemporaryDirectory() as folder:
        return {row[0] for row in _rows(package, "select guid from notes", Path(folder))}


def test_a_package_holds_all_notes_under_our_ids_in_learning_order(tmp_path, make_card):
    notes = _notes(make_card, 6)
    assert write_package(tmp_path / "a.apkg", iter(notes)) == 6
    rows = _rows(tmp_path / "a.apkg", "select guid, id, mod from notes", tmp_path)
    assert {row[0]: row[1:] for row in rows} == {
        note.guid: (compute_note_id(note.guid), note.mod) for note in notes
    }
    cards = _rows(
        tmp_path / "a.apkg",
        "select n.guid, c.ord, c.id, c.due from cards c join notes n on n.id = c.nid",
        tmp_path,
    )
    assert sorted(cards) == sorted(
        (note.guid, ordinal, compute_card_id(note.guid, ordinal), due)
        for due, note in enumerate(notes, 1)
        for ordinal in note.ordinals
    )


def test_the_deck_default_has_the_id_that_it_has_in_every_collection(tmp_path, make_card):
    here, there = _notes(make_card, 2)
    notes = [replace(here, deck="Default"), replace(there, deck="Default::Cells")]
    write_package(tmp_path / "a.apkg", notes)
    [(decks,)] = _rows(tmp_path / "a.apkg", "select decks from col", tmp_path)
    names = {int(id): deck["name"] for id, deck in json.loads(decks).items()}
    rows = _rows(
        tmp_path / "a.apkg",
        "select distinct n.guid, c.did from cards c join notes n on n.id = c.nid",
        tmp_path,
    )
    assert names[1] == "Default"
    assert {guid: names[id] for guid, id in rows} == {
        here.guid: "Default",
        there.guid: "Default::Cells",
    }
    assert dict(rows)[here.guid] == 1


def test_a_package_has_the_indexes_with_which_anki_reads_it(tmp_path, make_card):
    write_package(tmp_path / "a.apkg", _notes(make_card))
    indexes = "select name from sqlite_master where type = 'index'"
    names = {name for (name,) in _rows(tmp_path / "a.apkg", indexes, tmp_path)}
    assert {"ix_notes_csum", "ix_cards_nid", "ix_cards_sched"} <= names


def test_a_package_of_ours_is_known_and_no_other_file(tmp_path, make_card):
    package, other = tmp_path / "a.apkg", tmp_path / "b.apkg"
    assert not is_our_package(package)
    write_package(package, _notes(make_card))
    assert is_our_package(package)
    with zipfile.ZipFile(package) as archive:
        database = archive.read("collection.anki2")
    for member, data in (
        ("other", b""),
        ("collection.anki2", b"none"),
        ("collection.anki2", database),
    ):
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr(member, data)
        assert not is_our_package(other)
    package.write_bytes(package.read_bytes()[:-9])
    assert not is_our_package(package)


BUILD = """
import sys
from pathlib import Path
from tests.makers.anki_notes import note_for
from ankiforge.anki.package import write_package
from ankiforge.model import CardKind
from tests.anki import makers
cards = [makers.make_card(CardKind.CLOZE, own=f"K{n}", Text="{{c1::a}} {{c2::b}}") for n in range(50)]
cards += [makers.make_card(own=f"B{n}") for n in range(50)]
write_package(Path(sys.argv[1]), [note_for(card, card.deck, 1) for card in cards])
"""


def test_two_processes_write_the_same_bytes(tmp_path):
    packages = [tmp_path / "1.apkg", tmp_path / "2.apkg"]
    for seed, package in enumerate(packages, 1):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "TZ": f"UTC+{seed}"}
        command = [sys.executable, "-c", BUILD, str(package)]
        subprocess.run(command, check=True, env=environment)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    with zipfile.ZipFile(packages[0]) as archive:
        assert {member.date_time[0] for member in archive.infolist()} == {1980}


def _refusals() -> Iterator[tuple[str, Callable[[Note], list[Note]]]]:
    yield "two notes have the guid", lambda note: [note, replace(note, deck="Other")]
    yield (
        "makes no card",
        lambda note: [replace(note, ordinals=())],
    )
    yield (
        "U.001F",
        lambda note: [replace(note, fields=("{{c1::a}}\x1f", *note.fields[1:]))],
    )
    yield "10 fields instead of 11", lambda note: [replace(note, fields=note.fields[:-1])]


@pytest.mark.parametrize(("message", "spoil"), list(_refusals()))
def test_what_would_harm_a_collection_is_refused_and_nothing_is_written(
    tmp_path, make_card, message, spoil
):
    package = tmp_path / "a.apkg"
    package.write_bytes(b"what was there")
    (note,) = _notes(make_card, 1)
    with pytest.raises(RefusedError, match=message):
        write_package(package, spoil(note))
    assert package.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [package]


def test_a_folder_that_cannot_be_written_is_an_error_with_a_hint(tmp_path, make_card):
    with pytest.raises(ItemError, match="cannot be written") as caught:
        write_package(tmp_path / "absent" / "a.apkg", _notes(make_card))
    assert caught.value.hint


def test_pictures_travel_once_each_and_a_changed_one_stops_the_package(
    tmp_path, make_card
):
    picture = tmp_path / "a.PNG"
    picture.write_bytes(b"\x89PNG bytes")
    media = load_media(picture)
    assert isinstance(media, Media)
    assert media.name == "af-73e8f5471f91478e.png"
    notes = [replace(note, media=(media,)) for note in _notes(make_card)]
    write_package(tmp_path / "a.apkg", notes)
    with zipfile.ZipFile(tmp_path / "a.apkg") as archive:
        assert archive.read("media") == b'{"0": "af-73e8f5471f91478e.png"}'
        assert archive.read("0") == b"\x89PNG bytes"
    other = tmp_path / "b.png"
    other.write_bytes(b"\x89PNG others")
    both = replace(notes[0], media=(media, load_media(other)))
    write_package(tmp_path / "b.apkg", [both])
    with zipfile.ZipFile(tmp_path / "b.apkg") as archive:
        assert sorted(json.loads(archive.read("media"))) == ["0", "1"]
    picture.write_bytes(b"others")
    with pytest.raises(ItemError, match="changed"):
        write_package(tmp_path / "a.apkg", notes)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("named.jpg", b"\x89PNG\r\n"),
        ("a.webp", b"RIFF\x10\0\0\0WEBP"),
        ("a.avif", b"\0\0\0\x20ftypavif"),
        ("a.svg", b'<?xml version="1.0"?>\n<!-- by hand -->\n<svg xmlns="x"/>'),
        ("a.mp3", b"\xff\xfb\x90"),
    ],
)
def test_a_picture_or_sound_is_told_by_its_content(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert isinstance(load_media(tmp_path / name), Media)


def test_what_is_no_picture_is_a_problem(tmp_path):
    (tmp_path / "a.exe").write_bytes(b"")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "page.JPG").write_text("<!DOCTYPE html><p>Log in <svg></svg>")
    (tmp_path / "page.svg").write_text("<!DOCTYPE html><p>Log in <svg></svg>")
    (tmp_path / "stub.mp3").write_text("version https://git-lfs.github.com/spec/v1\n")
    reasons = {
        "a.exe": "only pictures and sounds",
        "a.mp4": "videos",
        "b.png": "be read",
        "empty.png": "is no picture: it is empty",
        "page.JPG": "is no picture: its content",
        "page.svg": "is no picture: its content",
        "stub.mp3": "is no sound",
    }
    for name, said in reasons.items():
        problem = load_media(tmp_path / name)
        assert isinstance(problem, Problem)
        assert said in problem.message


def test_a_long_field_costs_no_more_than_its_length(tmp_path, make_card):
    card = make_card(CardKind.CLOZE, Text="{{c1::x}} " + "a<b " * 100_000)
    write_package(tmp_path / "a.apkg", [note_for(card, "D", 1)])  # minutes in genanki
    assert _guids(tmp_path / "a.apkg") == {card.guid}


# --- ids ------------------------------------------------------------------------------------


def test_notes_whose_ids_clash_are_all_kept_with_their_cards(
    tmp_path, make_card, monkeypatch
):
    monkeypatch.setattr(
        "ankiforge.anki.package.compute_note_id", lambda guid: 1_400_000_000_000
    )
    monkeypatch.setattr(
        "ankiforge.anki.package.compute_card_id", lambda guid, ordinal: 1_400_000_000_000
    )
    notes = _notes(make_card, 6)
    write_package(tmp_path / "a.apkg", notes)
    write_package(tmp_path / "b.apkg", sorted(notes, key=lambda note: note.guid))
    query = "select n.guid, n.id, c.ord, c.id from cards c join notes n on n.id = c.nid order by 4"
    rows = _rows(tmp_path / "a.apkg", query, tmp_path)
    assert rows == _rows(tmp_path / "b.apkg", query, tmp_path)
    assert [row[0] for row in rows] == sorted(str(row[0]) for row in rows)
    assert len(rows) == sum(len(note.ordinals) for note in notes)


# --- note types -----------------------------------------------------------------------------

FROZEN = {
    NoteType.BASIC: (1407267147717, 1407267147801, 13, 1407267147901, 2),
    NoteType.CLOZE: (1505806687503, 1505806687601, 11, 1505806687701, 1),
}


@pytest.mark.parametrize("family", OUR_FAMILIES)
def test_the_ids_of_note_types_fields_and_templates_never_change(family):
    kind = get_our_note_type(family)
    number, first_field, fields, first_template, templates = FROZEN[family]
    assert kind.id == number
    assert [id for _, id in kind.fields] == list(range(first_field, first_field + fields))
    assert [template.id for template in kind.templates] == list(
        range(first_template, first_template + templates)
    )
    assert kind.field_names[: len(family.content_fields)] == family.content_fields


def test_of_a_figure_anki_keeps_the_fields_without_which_there_is_no_card(
    tmp_path, make_card
):
    [basic] = _notes(make_card, 1)
    kind = get_our_occlusion_type()
    figure = replace(basic, type=kind, fields=("x",) * len(kind.fields), ordinals=(0,))
    write_package(tmp_path / "a.apkg", [figure])
    [(models,)] = _rows(tmp_path / "a.apkg", "select models from col", tmp_path)
    [written] = json.loads(str(models)).values()
    assert [field["tag"] for field in written["flds"]] == [0, 1, 2, 3, 4]
    assert [field.get("preventDeletion") for field in written["flds"]] == [
        *[True] * 4,
        False,
    ]


def test_templates_hold_no_script_and_load_nothing():
    sides = [
        side
        for f in OUR_FAMILIES
        for t in get_our_note_type(f).templates
        for side in (t.question, t.answer)
    ]
    active = re.compile(
        r"<script|<link|<iframe|javascript:|https?:|@import|url\(|\son\w+\s*=", re.I
    )
    assert not any(
        active.search(text) for text in (*sides, get_our_note_type(NoteType.BASIC).css)
    )
