"""The ledger as a workspace has it: its journal, its machine, sources that are lost or renamed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Forge
from tests.unit.ledger.world import FAUST, OSMOSIS, RHINE, World

SETTINGS = (
    "sources:\n  - obsidian: {{name: notes, path: {notes}}}\nanki: {{collection: none}}\n{more}"
)


@pytest.fixture
def desk(forge: Forge) -> Forge:
    notes = forge.folder / "notes"
    (notes / ".obsidian").mkdir(parents=True)
    (notes / "a.md").write_text(f"{OSMOSIS}\n\n{RHINE}\n")
    forge.settings(SETTINGS.format(notes=notes, more=""), trust=True)
    forge.ok("run")
    return forge


def journals(desk: Forge) -> list[Path]:
    return sorted((desk.folder / "journal").glob("*.jsonl"))


def test_the_journal_is_private_and_git_unites_it(desk: Forge):
    [file] = journals(desk)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    desk.ok("init")
    attributes = [path.read_text() for path in desk.folder.rglob(".gitattributes")]
    assert any("*.jsonl merge=union" in text for text in attributes)


def test_a_torn_line_is_told_by_the_next_run(desk: Forge):
    [file] = journals(desk)
    file.write_bytes(file.read_bytes() + b'{"n": 5, "mach\n')
    result = desk.ok("run")
    assert "1 line" in result.stderr
    assert "journal" in result.stderr


def test_a_copied_workspace_is_another_machine(desk: Forge, forge_in, tmp_path: Path):
    other = forge_in(tmp_path / "other")
    shutil.copytree(desk.folder, other.folder, dirs_exist_ok=True)
    other.ok("init", "--trust", other.folder)
    other.ok("run")
    card = next(card for card in other.cards() if "Rhine" in json.dumps(card))
    other.ok("reject", card["id"])
    assert len(journals(other)) == 2
    shutil.copy(next(path for path in journals(other) if path.name != journals(desk)[0].name), journals(desk)[0].parent)  # fmt: skip
    desk.ok("run")
    assert [one["verdict"] for one in desk.cards() if one["id"] == card["id"]] == ["rejected"]


def test_a_journal_folder_that_is_not_there_stops_the_run(desk: Forge):
    elsewhere = desk.folder / "disk" / "journal"
    elsewhere.mkdir(parents=True)
    notes = desk.folder / "notes"
    desk.settings(SETTINGS.format(notes=notes, more=f"journal: {elsewhere}\n"), trust=True)
    desk.ok("run")
    shutil.rmtree(elsewhere.parent)
    result = desk("run")
    assert result.exit_code not in (0, 3)
    assert str(elsewhere) in result.stderr
    assert not elsewhere.exists()


def test_an_emptied_source_is_asked_about(world: World):
    for number in range(12):
        world.note(f"{number}.md", f"What is number {number} called? :: it is {number}", FAUST)
    world.run()
    for number in range(4, 12):
        world.delete(f"{number}.md")
    for _ in range(3):
        assert world.run().report.doubtful == ["vault:v"]
    assert all(card.remarks == () for card in world["a"].cards())
    world["a"].accept(world.question("emptied").id)
    for _ in range(3):
        world.run()
    assert not world["a"].questions()
    assert sum(card.remarks == ("source gone",) for card in world["a"].cards()) == 8


def test_a_source_under_another_name_keeps_its_cards(world: World):
    world.note("a.md", OSMOSIS, RHINE, FAUST)
    world.in_use = frozenset(["v"])
    world.run()
    before = world.live()
    world.in_use = frozenset(["w"])
    for _ in range(2):
        world.run(source="w")
        assert world.live() == before
        assert not world.waiting()
    world.note("a.md", OSMOSIS, RHINE.replace("1230", "1233"), FAUST)
    world.run(source="w")
    assert {*world.live()} == {*before}
    assert "1233" in " ".join(world.words())


def test_a_note_that_is_being_written_goes_into_the_journal_when_it_is_left_alone(world: World):
    world.note("a.md", RHINE)
    world.in_progress = True
    world.run(ship=False)
    assert not world.file("a").exists() or b"1230" not in world.file("a").read_bytes()
    assert not world.live()
    world.in_progress = False
    world.run()
    assert world.words() == ["How long is the Rhine? / 1230 km"]
    world.in_progress = True
    world.note("a.md", RHINE.replace("1230", "12"))
    world.run()
    assert world.words() == ["How long is the Rhine? / 1230 km"]
    world.in_progress = False
    world.note("a.md", RHINE.replace("1230", "1233"))
    world.run()
    assert world.words() == ["How long is the Rhine? / 1233 km"]
