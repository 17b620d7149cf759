"""Notes that other tools made in the real Anki are taken over with their history."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.adopt import TOOLS, fill, history, scheduled, schedules, study, texts

VAULT = "sources:\n  - obsidian: {{name: notes, path: vault, cards: [{}]}}\n"
DECKS = "sources:\n  - {}: {{name: notes, path: vault}}\n"


class World:
    """A vault and a collection of one tool."""

    def __init__(self, forge: Any, anki: Any, tool: str, count: int) -> None:
        self.forge, self.anki, self.tool, self.col = forge, anki, tool, anki.col
        self.vault = forge.folder / "vault"
        (self.vault / ".obsidian").mkdir(parents=True)
        settings = DECKS if tool in ("yanki", "ankiops") else VAULT
        forge.settings(settings.format(tool))
        self.made = list(texts(count))
        fill(self.col, tool, self.made)
        study(self.col)
        self.write()

    def write(self) -> None:
        for name, text in TOOLS[self.tool][0](self.made).items():
            path = self.vault / name
            path.parent.mkdir(exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")

    def adopt(self, *options: str) -> Any:
        return self.forge.json("adopt", "--from", self.tool, "--yes", *options)

    def ship(self) -> dict[str, int]:
        """Run, and import what there is."""
        self.forge.ok("run")
        package = self.forge.folder / "ankiforge.apkg"
        return self.anki.load(package) if package.exists() else {}

    def fields(self, at: int) -> list[str]:
        return self.col.get_note(int(self.made[at].id)).fields


@pytest.fixture
def world(forge: Any, anki: Any) -> Callable[[str], World]:
    return lambda tool, count=9: World(forge, anki, tool, count)


@pytest.mark.parametrize("tool", TOOLS)
def test_corrections_reach_the_notes_and_their_history_stays(world, tool):
    here = world(tool)
    before = history(here.col)
    vault = {path: path.read_bytes() for path in here.vault.rglob("*.md")}

    told = here.adopt()
    shipped = here.ship()

    assert (told["by_id"], told["differing"], told["not_in_sources"], told["unclear"]) == (
        9,
        [],
        [],
        [],
    )
    assert shipped == {}
    here.made[0].back = here.made[2].back = "another word"
    here.write()
    assert here.ship() == {"updated": 2}
    assert "another word" in here.fields(0)[1]
    assert "{{c1::another word}}" in here.fields(2)[0]
    assert history(here.col) == before
    assert here.ship() == {}
    assert here.forge.json("adopt", "--yes")["by_id"] == 0
    assert {p: b for p, b in vault.items() if p.read_bytes() == b} or len(vault) == 1


def test_schedules_arrive_with_the_cards(forge, anki):
    vault = forge.folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    forge.settings(VAULT.format("osr"))
    text, wanted = scheduled(12, date.today())
    (vault / "a.md").write_text(text, encoding="utf-8")

    assert forge.json("adopt", "--from", "sr", "--yes")["scheduled"] == 12
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg", with_scheduling=True)

    assert schedules(anki.col) == wanted
    forge.ok("run")
    assert not (forge.folder / "ankiforge.apkg").exists()


def test_what_was_done_is_undone(world):
    here = world("o2a")
    act = here.adopt()["undo"]
    here.made[0].back = "another word"
    here.write()
    assert here.ship() == {"updated": 1}
    [card] = [one for one in here.forge.cards() if "another word" in str(one["fields"])]

    here.forge.ok("undo", card["guid"])
    assert here.ship() == {"updated": 1}
    assert here.fields(0)[1] == "osmosis number 0"

    here.forge.ok("undo", act)
    assert [one["verdict"] for one in here.forge.cards()] == ["pending"] * 9
    said = here.forge.ok("adopt", "--yes")
    assert "9  matched by id" in said.stdout
    assert "9 taken over; to take it back: ankiforge undo " in said.stderr
