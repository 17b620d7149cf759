"""The ledger as a workspace has it: its journal, its machine, sources that are lost or renamed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Forge
from tests.ledger.world import FAUST, OSMOSIS, RHINE, World

SETTINGS = "sources:\n  - obsidian: {{name: notes, path: {notes}}}\nanki: {{collection: none}}\n{more}"


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
    assert [one["verdict"] for one in desk.cards() if one["id"] == card["id"]] == [
        "rejected"
    ]


def test_a_journal_folder_that_is_not_there_stops_the_run(desk: Forge):
    elsewhere = desk.folder / "disk" / "journal"
    elsewhere.mkdir(parents=True)
    notes = desk.folder / "notes"
    desk.settings(
        SETTINGS.format(notes=notes, more=f"journal: {elsewhere}\n"), trust=True
    )
    desk.ok("run")
    shutil.rmtree(elsewhere.parent)
    result = desk("run")
    assert result.exit_code not in (0, 3)
    assert str(elsewhere) in result.stderr
    assert not elsewhere.exists()


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
