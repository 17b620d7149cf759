"""A note that a person deletes in Anki: no package brings it back, or else it is told."""

import shutil
from pathlib import Path

import pytest

from ankiforge.pipeline import sources as reading
from tests.anki.stories import Desk, do

LOST = [
    pytest.param(False, id=""),
    pytest.param(True, id="and the database is lost", marks=pytest.mark.slow),
]
TWO = "Katze:::cat\n\nHund:::dog\n"


def told(desk: Desk) -> str:
    """What a run says, beside its data."""
    return str(desk.forge.ok("run").stderr)


def test_what_is_deleted_while_the_sources_are_read_is_not_in_the_package(
    desk, monkeypatch: pytest.MonkeyPatch
):
    desk.write(TWO)
    desk.go()
    desk.write(TWO.replace("cat", "a cat"))
    ingest = reading.ingest_sources

    def read(*args, **options):
        desk.delete()
        return ingest(*args, **options)

    monkeypatch.setattr(reading, "ingest_sources", read)
    desk.run(written=0, tombstones=1)
    assert desk.card()["verdict"] == "retired"
    assert desk.card("Hund")["verdict"] == "accepted"


def test_what_a_package_brings_back_is_not_sent_twice(desk, backend, tmp_path: Path):
    desk.write(TWO)
    desk.go()
    desk.write(TWO.replace("cat", "a cat"))
    desk.run(written=1)
    desk.delete()
    desk.load(new=1)
    assert "deleted" not in told(desk)
    backend.export(desk.col, tmp_path / "export.apkg")
    desk.forge.ok("pull", tmp_path / "export.apkg")
    desk.settle()
    assert "deleted" not in told(desk)
    desk.forge.ok("reject", desk.guid()[:10])
    desk.run(written=1)
    desk.load(updated=1)
    desk.tags("ankiforge::retired")
    assert "deleted" not in told(desk)
    assert desk.forge.ok("status", "--json").data["cards"]["left_in_anki"] == 1
    command = "list anki:seen -verdict:accepted"
    assert f"1 undone or rejected, still in Anki: ankiforge {command}" in (
        desk.forge.ok("status").stdout
    )
    assert len(desk.forge.ok(*command.split(), "--json").lines) == 1


def test_a_deletion_that_was_undone_here_or_there_is_not_told(desk):
    for undo in (do.undo(), do.say("undo", "CARD")):
        desk.write(TWO)
        desk.go()
        desk.delete()
        desk.run()
        undo(desk)
        desk.ship()
        assert "back by an import" not in told(desk)
        desk.notes_there(2)


def test_what_another_computer_made_and_a_person_deleted_stays_deleted(
    desk, forge_in, tmp_path: Path
):
    other = forge_in(tmp_path / "other")
    for each in (desk.forge, other):
        each.settings(f"sources: [{{obsidian: {{path: {desk.notes}}}}}]\n", trust=True)
    desk.write(TWO)
    other.ok("run")
    desk.anki.load(other.folder / "ankiforge.apkg")
    deleted = desk.col.find_notes("Katze")
    desk.col.remove_notes(deleted)
    (desk.notes / "A.md").rename(desk.forge.folder / "away.md")
    desk.run()  # sees the collection, and knows no card of it
    shutil.copytree(
        other.folder / "journal", desk.forge.folder / "journal", dirs_exist_ok=True
    )
    (desk.forge.folder / "away.md").rename(desk.notes / "A.md")
    desk.run(written=0, tombstones=1)
    assert desk.card()["verdict"] == "retired"


def test_what_a_person_wants_again_on_one_computer_is_not_retired_by_another(
    desk, forge_in, tmp_path: Path
):
    other = forge_in(tmp_path / "other")
    for each in (desk.forge, other):
        source = f"sources: [{{obsidian: {{name: notes, path: {desk.notes}}}}}]"
        each.settings(f"{source}\nanki: {{collection: {desk.col.path}}}\n", trust=True)

    def share(giver, taker):
        journals = (each.folder / "journal" for each in (giver, taker))
        shutil.copytree(*journals, dirs_exist_ok=True)

    desk.write(TWO)
    desk.go()
    share(desk.forge, other)
    other.ok("run")  # it has seen both notes
    desk.delete()
    desk.run(tombstones=1)
    desk.say("undo", "CARD")
    share(desk.forge, other)
    other.ok("run")
    assert [card["verdict"] for card in other.cards()] == ["accepted", "accepted"]


# --- a deck is deleted ----------------------------------------------------------------------

WORDS = (
    "Katze Hund Maus Pferd Vogel Fisch Biene Schaf Ziege Ente Gans Huhn Esel Bär Wolf"
).split()


@pytest.fixture
def deck(desk: Desk) -> Desk:
    """Fifteen notes in one deck, all of them seen in Anki."""
    desk.write(
        "\n\n".join(f"Was ist {word}?::animal {n}" for n, word in enumerate(WORDS))
    )
    desk.go()
    desk.notes_there(15)
    return desk


def delete(desk: Desk, words: list[str]) -> None:
    desk.col.remove_notes([desk.in_anki(word).id for word in words])


def remove_deck(desk: Desk) -> None:
    desk.col.decks.remove([desk.in_anki().cards()[0].did])


@pytest.mark.parametrize("lost", LOST)
def test_a_deck_that_is_deleted_is_one_question_and_what_is_confirmed_stays_deleted(
    deck, lost
):
    remove_deck(deck)
    if lost:
        deck.lose()
    for _ in range(2):
        deck.run(written=0, tombstones=0)
        deck.cards(verdict="accepted")
        [question] = deck.questions("absent")
        assert question["text"] == (
            "15 notes were deleted in Anki at once. Did you delete them?"
        )
    deck.say("accept", "--all")
    deck.cards(verdict="accepted")
    deck.answered("absent", "accept")
    for _ in range(2):
        deck.run(written=0)
        deck.cards(verdict="retired")
        assert not deck.questions()


@pytest.mark.parametrize("lost", LOST)
def test_a_deck_that_was_deleted_by_accident_comes_back(deck, lost):
    remove_deck(deck)
    if lost:
        deck.lose()
    deck.run(written=0)
    deck.answered("absent", "reject")
    deck.run(written=15)
    deck.run(written=15)
    deck.load(new=15)
    said = told(deck)
    assert "deleted" not in said
    deck.cards(verdict="accepted", anki="seen")
    delete(deck, WORDS[:2])
    deck.run(tombstones=2)
    assert deck.card("Katze")["verdict"] == "retired"


def test_a_deletion_that_is_undone_answers_the_question(deck):
    remove_deck(deck)
    deck.run(written=0)
    assert deck.questions("absent")
    deck.undo()
    deck.run(written=0)
    assert not deck.questions()
    deck.cards(verdict="accepted", anki="seen")
