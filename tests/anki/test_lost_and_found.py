"""A ledger that was lost, or is older than the journal, and what a person had done before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Desk:
    """A workspace with one vault, and the person's own collection, open."""

    def __init__(self, forge: Any, anki: Any) -> None:
        self.forge = forge
        self.anki = anki
        self.notes = forge.folder / "notes"
        (self.notes / ".obsidian").mkdir(parents=True)
        (forge.folder / "ankiforge.yaml").write_text(
            "sources:\n  - obsidian: {name: notes, path: notes}\n", encoding="utf-8"
        )

    def write(self, name: str, text: str) -> None:
        (self.notes / name).write_text(text, encoding="utf-8")

    def run(self) -> Any:
        return self.forge.json("run")

    def load(self) -> dict[str, int]:
        loaded: dict[str, int] = self.anki.load(self.forge.folder / "ankiforge.apkg")
        return loaded

    def go(self) -> None:
        """Run, import, and let the program see it."""
        self.run()
        self.load()
        self.run()

    def lose(self, *, journal: bool = False) -> None:
        shutil.rmtree(self.forge.folder / ".ankiforge")
        if journal:
            (self.forge.folder / "journal.jsonl").unlink()

    def card(self, word: str) -> Any:
        [found] = [one for one in self.forge.cards() if word in str(one["fields"])]
        return found

    def edit(self, guid: str, **fields: str) -> None:
        self.anki.edit(guid, **fields)
        self.anki.col.db.execute("update notes set mod = mod - 60 where guid = ?", guid)


@pytest.fixture
def desk(forge: Any, backend: Any) -> Iterator[Desk]:
    with backend.opened(forge.profile) as anki:
        yield Desk(forge, anki)


def test_a_note_deleted_before_the_first_look_stays_deleted(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.answer_first_card(guid)
    desk.anki.col.remove_notes([desk.anki.note(guid).id])

    came = desk.run()

    assert (came["notes"]["written"], came["notes"]["tombstones"]) == (0, 1)


def test_one_that_was_wanted_back_is_not_taken_for_deleted_by_its_old_grave(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.anki.col.remove_notes([desk.anki.note(guid).id])
    desk.run()
    desk.forge.ok("restore", guid)
    assert desk.run()["notes"]["written"] == 1
    assert desk.run()["notes"]["written"] == 1
    assert desk.load() == {"new": 1}
    assert desk.run()["notes"]["written"] == 0


@pytest.mark.parametrize("looked", [True, False], ids=["looked between", "not looked"])
def test_a_field_emptied_in_anki_stays_empty_after_a_loss(desk: Desk, looked: bool) -> None:
    desk.write("A.md", "Ziege:::goat\n")
    desk.go()
    guid = desk.card("Ziege")["guid"]
    desk.edit(guid, Reverse="")
    if looked:
        desk.run()
    desk.lose()
    desk.write("A.md", "Ziege:::the goat\n")
    came = desk.run()
    if came["packages"]:
        desk.load()
    assert desk.anki.note(guid)["Reverse"] == ""


def test_a_rejected_card_of_two_passages_does_not_come_back(desk: Desk) -> None:
    desk.write("A.md", "Katze:::cat\n")
    desk.write("B.md", "Katze:::cat\n")
    desk.go()
    desk.forge.ok("reject", desk.card("Katze")["guid"])
    desk.go()
    desk.lose()

    came = desk.run()

    assert came["notes"]["added"] == 0
    assert {card["verdict"] for card in desk.forge.cards()} == {"rejected"}


def test_an_edited_card_of_two_passages_is_not_doubled(desk: Desk) -> None:
    desk.write("A.md", "Katze:::cat\n")
    desk.write("B.md", "Katze:::cat\n")
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.forge.ok("edit", guid, "--field", "Back", "a cat")
    desk.go()
    desk.lose()
    desk.run()
    assert [card["guid"] for card in desk.forge.cards()] == [guid]


def test_a_ledger_older_than_its_journal_catches_up(desk: Desk) -> None:
    desk.write("A.md", "What is the speed of light?::300000 km\n")
    desk.go()
    guid = desk.card("light")["guid"]
    shutil.copytree(desk.forge.folder / ".ankiforge", desk.forge.folder / "backup")
    desk.write("A.md", "What is the speed of light?::299792 km\n")
    desk.go()
    desk.write("A.md", "What is the speed of light c?::299792 km\n")
    desk.go()
    assert desk.card("light")["guid"] == guid
    desk.lose()
    (desk.forge.folder / "backup").rename(desk.forge.folder / ".ankiforge")

    came = desk.run()

    assert [card["guid"] for card in desk.forge.cards()] == [guid]
    assert came["notes"]["added"] == 0
    assert desk.anki.col.note_count() == 1


def test_sources_that_lag_behind_the_journal_make_no_new_card(desk: Desk) -> None:
    desk.write("A.md", "What is the speed of light?::300000 km\n")
    desk.go()
    guid = desk.card("light")["guid"]
    shutil.copytree(desk.forge.folder / ".ankiforge", desk.forge.folder / "backup")
    desk.write("A.md", "What is the speed of light?::299792 km\n")
    desk.go()
    desk.write("A.md", "Which figure should one remember here?::299792 km\n")
    desk.go()
    desk.lose()
    (desk.forge.folder / "backup").rename(desk.forge.folder / ".ankiforge")
    desk.write("A.md", "What is the speed of light?::300000 km\n")

    desk.run()

    assert guid in [card["guid"] for card in desk.forge.cards()]
    assert desk.anki.col.note_count() == len({c["guid"] for c in desk.forge.cards()})


def test_an_answer_that_went_away_and_came_back_keeps_its_id_after_a_loss(desk: Desk) -> None:
    sentence = "The pupil is made {} by a ring of {}.\n"
    first, second = ("==smaller==", "muscle"), ("smaller", "==muscle==")
    for words in (first, second, first):
        desk.write("A.md", sentence.format(*words))
        desk.run()
    guids = {card["guid"] for card in desk.forge.cards()}
    desk.lose()
    desk.run()
    again = {card["guid"] for card in desk.forge.cards()}
    assert again
    assert again <= guids


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The {{mitochondrion}} makes energy.", "The {{mitochondrion}} makes much energy."),
        ("What is $E$ of a mass?\n?\n$E = mc^2$", "What is $E$ of any mass?\n?\n$E = mc^2$"),
        ("What does `len` do::It counts `items`", "What does `len` do::It counts all `items`"),
    ],
    ids=["cloze", "maths", "code"],
)
def test_a_card_edited_after_all_was_lost_is_known_again(
    desk: Desk, before: str, after: str
) -> None:
    desk.write("A.md", f"{before}\n")
    desk.go()
    [guid] = [card["guid"] for card in desk.forge.cards()]
    desk.lose(journal=True)
    desk.write("A.md", f"{after}\n")
    desk.run()
    [card] = desk.forge.cards()
    assert card["guid"] == guid
    assert card["revision"]


def test_a_pin_can_be_taken_back_though_the_source_went_on(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.edit(guid, Back="kitty")
    desk.write("A.md", "Katze::a cat\n")
    desk.run()
    desk.forge.ok("resolve", guid, "--mine")
    desk.write("A.md", "Katze::one cat\n")
    desk.run()
    desk.forge.ok("undo")
    assert desk.run()["notes"]["conflicts"] == 1


def test_a_new_gap_takes_no_number_that_a_person_uses_in_anki(desk: Desk) -> None:
    desk.write("A.md", "==Alpha== needs ==beta== always in plants.\n")
    desk.go()
    [card] = desk.forge.cards()
    text = desk.anki.note(card["guid"])["Text"]
    desk.edit(card["guid"], Text=text.replace("always", "{{c3::always}}"))
    desk.run()
    desk.write("A.md", "==Alpha== needs ==beta== always in ==plants==.\n")
    desk.run()
    [card] = desk.forge.cards()
    assert "{{c4::plants}}" in str(card["fields"]) + str(card["revision"])


def test_a_deletion_nobody_looked_at_outlives_a_lost_database(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n\nHund::dog\n")
    desk.go()
    desk.anki.col.remove_notes([desk.anki.note(desk.card("Katze")["guid"]).id])
    desk.lose()
    came = desk.run()
    assert came["notes"]["written"] == 0
    assert desk.card("Katze")["anki"] == "tombstone"


def test_a_note_of_another_type_is_held_after_all_was_lost(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.go()
    guid = desk.card("Katze")["guid"]
    note = desk.anki.note(guid)
    basic = desk.anki.col.models.by_name("Basic")
    kept = {0: 0, 1: 1, 7: None}
    desk.anki.col.models.change(desk.anki.col.models.get(note.mid), [note.id], basic, kept, None)
    desk.lose(journal=True)
    came = desk.run()
    assert (came["notes"]["written"], desk.card("Katze")["anki"]) == (0, "held")


def test_late_reviews_of_a_phone_are_read_though_newer_ones_are_known(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.anki.answer_first_card(guid)
    assert desk.forge.json("pull")["view"]["reviews"] == 1
    col = desk.anki.col
    [row] = col.db.all("select * from revlog")
    col.db.execute("insert into revlog values (?,?,?,?,?,?,?,?,?)", row[0] - 86_400_000, *row[1:])
    assert desk.forge.json("pull")["view"]["reviews"] == 1


def test_a_person_who_accepts_one_opens_a_taken_over_document_again(desk: Desk) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.go()
    desk.lose(journal=True)
    desk.write("A.md", "Katze::cat\n\nHund::dog\n")
    desk.run()
    assert desk.card("Hund")["verdict"] == "pending"
    desk.forge.ok("accept", desk.card("Hund")["guid"])
    desk.write("A.md", "Katze::cat\n\nHund::dog\n\nMaus::mouse\n")
    desk.run()
    assert desk.card("Maus")["verdict"] == "accepted"


def test_an_export_that_lay_about_does_not_undo_what_was_seen_since(
    desk: Desk, backend: Any, tmp_path: Path
) -> None:
    desk.write("A.md", "Katze::cat\n")
    desk.go()
    guid = desk.card("Katze")["guid"]
    backend.export(desk.anki.col, tmp_path / "old.apkg", legacy=False, scheduling=True)
    desk.edit(guid, Back="kitty")
    desk.run()
    desk.forge.ok("pull", "--apkg", tmp_path / "old.apkg")
    desk.write("A.md", "Katze::a cat\n")
    (desk.forge.folder / "ankiforge.yaml").write_text(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    assert desk.run()["notes"]["conflicts"] == 1
