"""`ankiforge push` against AnkiConnect's rules in front of a real collection."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ankiforge.anki.notetypes import note_type
from ankiforge.model import Family

FAKE = Path(__file__).parent.parent / "fakes" / "anki_connect.py"
NOTE = "# Cells\n\nKatze:::cat\n\nHund:::dog\n"
Serving = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="session")
def serving(backend: ModuleType) -> Serving:
    """AnkiConnect's rules in front of a real collection; needs the real Anki."""
    spec = importlib.util.spec_from_file_location("push_anki_connect", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: Serving = module.serving
    return found


class Desk:
    """A workspace with one note, and an Anki that runs."""

    def __init__(self, forge: Any, anki: Any) -> None:
        self.forge = forge
        self.anki = anki
        self.note = forge.folder / "notes" / "Cells.md"
        (self.note.parent / ".obsidian").mkdir(parents=True)
        self.note.write_text(NOTE, encoding="utf-8")
        self.settings(anki.address)

    def settings(self, address: str) -> None:
        (self.forge.folder / "ankiforge.yaml").write_text(
            "sources:\n  - obsidian: {name: notes, path: notes}\n"
            f"anki: {{collection: none, connect: '{address}'}}\n",
            encoding="utf-8",
        )

    def rewrite(self, old: str, new: str) -> None:
        self.note.write_text(self.note.read_text("utf-8").replace(old, new), encoding="utf-8")

    def push(self, *arguments: str, code: int = 0) -> Any:
        """The data of a push; the stand-in, in this very process, lets Anki print above it."""
        return json.loads(
            self.forge("push", "--json", *arguments, code=code).stdout.splitlines()[-1]
        )

    def guid(self, word: str) -> str:
        [found] = [one for one in self.forge.cards() if word in str(one["fields"])]
        return str(found["guid"])

    def sql(self, statement: str, *values: Any) -> Any:
        with self.anki.collection() as col:
            return col.db.all(statement, *values)

    def edit(self, guid: str, **fields: str) -> None:
        with self.anki.collection() as col:
            note = col.get_note(col.db.scalar("select id from notes where guid = ?", guid))
            for name, text in fields.items():
                note[name] = text
            col.update_note(note)
            col.db.execute("update notes set mod = mod - 60 where guid = ?", guid)

    def note_of(self, guid: str) -> Any:
        with self.anki.collection() as col:
            return col.get_note(col.db.scalar("select id from notes where guid = ?", guid))


@pytest.fixture
def desk(forge: Any, serving: Serving, tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path / "anki") as anki:
        yield Desk(forge, anki)


def test_cards_arrive_and_a_second_push_has_nothing_to_do(desk: Desk) -> None:
    desk.forge.ok("run")
    came = desk.push()
    assert (came["notes"]["added"], came["notes"]["updated"]) == (2, 0)
    assert desk.sql("select count(*) from notes") == [[2]]
    assert {card["anki"] for card in desk.forge.cards()} == {"seen"}

    imports = desk.anki.actions.count("importPackage")
    assert desk.push()["notes"]["written"] == 0
    assert desk.anki.actions.count("importPackage") == imports


def test_a_change_arrives_beside_an_edit_and_a_mark(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    guid = desk.guid("Katze")
    desk.edit(guid, Front="die Katze")
    with desk.anki.collection() as col:
        note = col.get_note(col.db.scalar("select id from notes where guid = ?", guid))
        note.tags.append("marked")
        col.update_note(note)
        col.db.execute("update notes set mod = mod - 60 where guid = ?", guid)
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.forge.ok("run")

    came = desk.push()

    assert (came["notes"]["updated"], came["problems"]) == (1, [])
    note = desk.note_of(guid)
    assert (note["Front"], note["Back"]) == ("die Katze", "cat (an animal)")
    assert "marked" in note.tags


def test_a_deleted_note_is_not_pushed_again(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    guid = desk.guid("Katze")
    with desk.anki.collection() as col:
        col.remove_notes([col.db.scalar("select id from notes where guid = ?", guid)])

    came = desk.push()

    assert (came["notes"]["missing"], came["notes"]["written"]) == (1, 0)
    assert desk.sql("select count(*) from notes") == [[1]]


def test_a_closed_anki_leaves_the_package_ready(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.settings("http://127.0.0.1:9")
    result = desk.forge("push", code=3)
    assert "Anki" in result.stderr
    assert (desk.forge.folder / "ankiforge.apkg").exists()


def test_another_profile_is_not_filled_with_cards(
    desk: Desk, serving: Serving, tmp_path: Path
) -> None:
    desk.forge.ok("run")
    desk.push()
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    desk.forge.ok("run")
    with serving(tmp_path / "another") as other:
        desk.settings(other.address)
        result = desk.forge("push", code=3)
        told = "Anki has a profile open, and your cards are in another one; nothing was imported"
        assert told in result.stderr
        assert "importPackage" not in other.actions
    assert (desk.forge.folder / "ankiforge.apkg").exists()


@pytest.mark.parametrize("tells", [True, False])
def test_the_open_profile_and_the_one_with_the_cards_are_named(
    forge: Any, serving: Serving, tmp_path: Path, *, tells: bool
) -> None:
    with serving(forge.profile) as anki:
        desk = Desk(forge, anki)
        settings = forge.folder / "ankiforge.yaml"
        settings.write_text(settings.read_text().replace("none", "auto"), encoding="utf-8")
        forge.ok("run")
        desk.push()
    forge.ok("run")
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    forge.ok("run")
    with serving(tmp_path / "another", profile="User 2" if tells else "") as other:
        text = settings.read_text().replace(anki.address, other.address)
        settings.write_text(text, encoding="utf-8")
        told = forge("push", code=3).stderr
    theirs = "the profile “User 2”" if tells else "another profile"
    assert f"Anki has {theirs} open, and your cards are in the profile “User 1”" in told


def test_a_field_of_his_own_holds_the_notes_of_that_type(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    guid = desk.guid("Katze")
    with desk.anki.collection() as col:
        basic = col.models.get(note_type(Family.BASIC).id)
        col.models.add_field(basic, col.models.new_field("Mine"))
        col.models.update_dict(basic)
        col.db.execute("update notes set mod = mod - 60")
    desk.edit(guid, Mine="my own")
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.forge.ok("run")

    assert desk.push()["notes"]["held"] == 1

    assert desk.note_of(guid)["Mine"] == "my own"


def test_retired_cards_are_suspended_when_asked_and_the_way_back(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    guid = desk.guid("Katze")
    desk.forge.ok("reject", guid)
    queues = "select queue from cards c join notes n on n.id = c.nid where guid = ?"

    said = desk.forge("push", "--suspend-retired", code=0)
    assert "--yes" in said.stderr
    assert desk.sql(queues, guid) == [[0], [0]]
    desk.push("--suspend-retired", "--yes")
    assert desk.sql(queues, guid) == [[-1], [-1]]
    assert desk.note_of(guid).tags.count("ankiforge::retired") == 1

    desk.forge.ok("undo")
    desk.push()
    assert desk.sql(queues, guid) == [[0], [0]]


def accounts(forge: Any, **keys: str | None) -> None:
    """Anki's own preferences: the sync key of each profile, as Anki pickles it."""
    (forge.profile / "collection.anki2").touch()
    with closing(sqlite3.connect(forge.profile.parent / "prefs21.db")) as database:
        database.execute("create table profiles (name text primary key, data blob not null)")
        rows = {name.replace("_", " "): {"searchHistory": ["syncKey?"], "syncKey": key, "x": 1}
                for name, key in keys.items()}  # fmt: skip
        rows["_global"] = {"ver": 0}
        for name, data in rows.items():
            database.execute(
                "insert into profiles values (?, ?)", (name, pickle.dumps(data, protocol=4))
            )
        database.commit()


def test_sync_goes_before_and_after(desk: Desk) -> None:
    accounts(desk.forge, User_1="abc")
    desk.forge.ok("run")
    desk.push("--sync")
    assert desk.anki.actions.count("sync") == 2
    assert desk.anki.actions.index("sync") < desk.anki.actions.index("importPackage")
    assert "abc" not in desk.forge.ok("push", "--sync", "-v").stderr


def test_sync_without_an_account_is_told_and_opens_no_dialog(desk: Desk) -> None:
    accounts(desk.forge, User_1=None)
    desk.forge.ok("run")
    done = desk.forge("push", "--sync", code=1)
    assert "not logged in" in done.stderr
    assert "press Sync and log in" in done.stderr
    assert "in Anki: 2 new notes" in done.stdout
    assert "sync" not in desk.anki.actions


def test_sync_is_asked_for_once_where_nobody_knows_of_an_account(desk: Desk) -> None:
    accounts(desk.forge, User_1=None, User_2="abc")  # and the add-on does not tell which is open
    desk.forge.ok("run")
    done = desk.forge.ok("push", "--sync")
    assert desk.anki.actions.count("sync") == 1
    assert "log in there" in done.stderr


def test_sync_that_the_add_on_refuses_for_want_of_an_account_is_told(desk: Desk) -> None:
    desk.anki.refuses["sync"] = "sync: auth not configured"
    desk.forge.ok("run")
    done = desk.forge("push", "--sync", code=1)
    assert "not logged in" in done.stderr
    assert "in Anki: 2 new notes" in done.stdout
    assert desk.anki.actions.count("sync") == 1


def test_a_failed_push_does_not_say_that_anki_has_everything(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    desk.anki.refuses["findNotes"] = "the database is locked"
    done = desk.forge("push", code=3)
    assert "has everything" not in done.stdout + done.stderr
    assert "the database is locked" in done.stderr


def test_pull_from_a_running_anki(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    desk.edit(desk.guid("Katze"), Feedback="too easy")
    said = desk.forge.ok("pull", "--connect", "--json").stdout.splitlines()[-1]
    assert json.loads(said)["view"]["feedback"] == 1


def test_a_lost_ledger_comes_back_from_a_running_anki(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.push()
    guids = {card["guid"] for card in desk.forge.cards()}
    for path in desk.forge.folder.rglob("*"):
        if path.name.startswith("ledger.db") or path.name == "journal.jsonl":
            path.unlink()

    said = desk.forge.ok("recover", "--connect", "--json").stdout.splitlines()[-1]
    assert json.loads(said)["view"]["recovered"] == 2

    desk.forge.ok("run")
    assert {card["guid"] for card in desk.forge.cards()} == guids
    assert desk.push()["notes"]["written"] == 0


def test_a_run_after_a_push_looks_into_the_file_of_that_collection(
    forge: Any, serving: Serving
) -> None:
    with serving(forge.profile) as anki:
        desk = Desk(forge, anki)
        settings = forge.folder / "ankiforge.yaml"
        settings.write_text(settings.read_text().replace("none", "auto"), encoding="utf-8")
        forge.ok("run")
        assert desk.push()["notes"]["added"] == 2
        assert forge.json("run")["problems"] == []
        desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
        forge.ok("run")
        assert desk.push()["notes"]["added"] == 1


def test_offline_asks_no_other_machine(desk: Desk) -> None:
    desk.forge.ok("run")
    desk.settings("http://192.0.2.1:8765")
    for command in (("push",), ("pull", "--connect"), ("recover", "--connect")):
        desk.forge("init", "--trust", desk.forge.folder)
        assert "--offline" in desk.forge(*command, "--offline", code=2).stderr
