"""`ankiforge push` against AnkiConnect's rules in front of a real collection."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.anki import stories
from tests.anki.stories import Step, do

NOTE = "# Cells\n\nKatze:::cat\n\nHund:::dog\n"
Serving = Callable[..., AbstractContextManager[Any]]


class Desk(stories.Desk):
    """A workspace with one note, and an Anki that runs."""

    def __init__(self, forge: Any, server: Any, backend: ModuleType) -> None:
        self.server = server
        with server.collection() as col:
            super().__init__(forge, backend.Anki(col))
        self.write(NOTE, "Cells.md")
        self.settings(server.address)

    def settings(self, address: str, collection: str = "") -> None:
        collection = collection or self.col.path
        self.forge.settings(
            "sources:\n  - obsidian: {name: notes, path: notes}\n"
            f"anki: {{collection: {collection}, connect: '{address}'}}\n",
            trust=True,
        )

    def push(self, *arguments: str, **notes: int) -> Any:
        """The data of a push; the stand-in, in this very process, lets Anki print above it."""
        came = json.loads(
            self.forge.ok("push", "--json", *arguments).stdout.splitlines()[-1]
        )
        assert {name: came["notes"][name] for name in notes} == notes
        return came

    def pushed(self) -> None:
        self.run()
        self.push()

    def queues(self) -> list[int]:
        query = "select queue from cards c join notes n on n.id = c.nid where guid = ?"
        return list(self.col.db.list(query, self.in_anki().guid))


@pytest.fixture
def desk(
    forge: Any, serving: Serving, backend: ModuleType, tmp_path: Path
) -> Iterator[Desk]:
    with serving(tmp_path / "anki") as server:
        yield Desk(forge, server, backend)


ANIMAL = do.rewrite("Katze:::cat", "Katze:::cat (an animal)")
MOUSE = do.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")

STORIES: dict[str, tuple[Step, ...]] = {
    "a change arrives beside an edit and a mark": (
        do.pushed(), do.edit(Front="die Katze"), do.tag("marked"), ANIMAL, do.run(),
        do.push(updated=1), do.note(Front="die Katze", Back="cat (an animal)"), do.tags("marked"),
    ),
    "a note that was deleted is not pushed again": (
        do.pushed(), do.delete(), do.push(tombstones=1, missing=0, written=0), do.card(verdict="retired"),
        lambda desk: desk.col.db.scalar("select 1 / (count(*) = 1) from notes"),
    ),
    "a closed Anki leaves the package ready": (
        do.run(), do.settings("http://127.0.0.1:9"),
        do.say("push", code=3, told="! not sent; the package has them: ankiforge.apkg"),
        lambda desk: desk.package.stat(),
    ),
    "CSS and a template of a person's own stay": (
        do.pushed(),
        do.types(lambda _, basic: basic.update(css=basic["css"] + "\n.card { color: teal; }")),
        do.types(lambda _, basic: basic["tmpls"][0].update(qfmt=basic["tmpls"][0]["qfmt"] + "<hr>")),
        do.types(lambda models, basic: models.rename_field(basic, basic["flds"][1], "Answer")),
        ANIMAL, do.run(), do.push(updated=1), do.note(Answer="cat (an animal)"),
        do.types(lambda _, basic: basic["css"].index("teal")),
        do.types(lambda _, basic: basic["tmpls"][0]["qfmt"].rindex("<hr>")),
    ),
    "a field of a person's own stays beside a change of ours": (
        do.pushed(), do.types(lambda models, basic: models.add_field(basic, models.new_field("Mine"))),
        do.edit(Mine="my own"), ANIMAL, do.run(), do.push(withheld=0, updated=1),
        do.note(Back="cat (an animal)", Mine="my own"), do.our_types("ankiforge Basic"),
    ),
}  # fmt: skip


def test_a_note_that_was_deleted_before_the_first_look_does_not_come_back(desk):
    desk.run()
    desk.load()
    desk.delete()
    desk.push(tombstones=1, written=0)
    desk.card(verdict="retired")
    desk.notes_there(1)


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_a_story(desk, steps):
    for step in steps:
        step(desk)


def test_cards_arrive_and_a_second_push_has_nothing_to_do(desk):
    desk.run()
    desk.push(added=2, updated=0)
    assert desk.col.note_count() == 2
    desk.cards(anki="seen")

    imports = desk.server.actions.count("importPackage")
    desk.push(written=0)
    assert desk.server.actions.count("importPackage") == imports


def test_another_profile_is_not_filled_with_cards(desk, serving, tmp_path):
    desk.pushed()
    MOUSE(desk)
    desk.run()
    with serving(tmp_path / "another") as other:
        desk.settings(other.address)
        desk.say("push", code=3, told="Anki has the profile another open")
        assert "importPackage" not in other.actions
    assert desk.package.exists()


def test_an_open_profile_without_the_notes_is_told_and_concludes_nothing(
    forge, serving, backend
):
    with serving(forge.profile) as server:
        desk = Desk(forge, server, backend)
        desk.settings(server.address, "auto")
        desk.pushed()
    desk.run()
    MOUSE(desk)
    desk.run()
    with serving(forge.profile.with_name("User 2")) as other:
        with other.collection():  # it is there
            pass
        desk.settings(other.address, "auto")
        desk.say("push", code=3, told="not the collection that has your notes")
        assert "importPackage" not in other.actions
    assert desk.questions() == []
    desk.cards(verdict="accepted")


def test_a_deck_renamed_in_a_running_anki_gets_the_new_cards(desk):
    desk.pushed()
    desk.col.decks.rename(desk.col.decks.id("Reading"), "Lesen")
    MOUSE(desk)
    desk.run()
    desk.push(added=1)
    decks = {desk.col.decks.name(card.did) for card in desk.in_anki("Maus").cards()}
    assert decks == {"Lesen"}


def test_the_file_of_the_open_profile_is_read(forge, serving, backend):
    """Another profile has the newest collection, and neither has notes of ours."""
    with serving(forge.profile.with_name("User 2"), profile="User 2") as server:
        desk = Desk(forge, server, backend)
        desk.run()
        desk.load()
        desk.delete()
        desk.delete_of("Hund")
        forge.profile.mkdir(parents=True, exist_ok=True)
        with backend.opened(forge.profile):
            pass
        desk.settings(server.address, "auto")
        desk.push(tombstones=2, written=0)


def test_sync_goes_before_and_after(desk):
    desk.run()
    desk.push("--sync")
    assert desk.server.actions.count("sync") == 2
    assert desk.server.actions.index("sync") < desk.server.actions.index("importPackage")


def test_sync_without_an_account_is_told(desk):
    desk.server.refuses["sync"] = "sync: auth not configured"
    desk.run()
    done = desk.forge("push", "--sync", code=1)
    assert "not logged in" in done.stderr
    assert "press Sync in Anki and log in" in done.stderr
    assert "✓ Anki: 2 new notes" in done.stdout
    assert desk.server.actions.count("sync") == 1


def test_a_run_after_a_push_looks_into_the_file_of_that_collection(
    forge, serving, backend
):
    with serving(forge.profile) as server:
        desk = Desk(forge, server, backend)
        desk.settings(server.address, "auto")
        desk.run()
        desk.push(added=2)
        assert desk.run()["problems"] == []
        MOUSE(desk)
        desk.run()
        desk.push(added=1)


def test_offline_asks_no_other_machine(desk):
    desk.run()
    desk.settings("http://192.0.2.1:8765")
    desk.forge("init", "--trust", desk.forge.folder)
    assert "--offline" in desk.forge("push", "--offline", code=2).stderr
