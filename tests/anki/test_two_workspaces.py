"""Two workspaces over one collection, whose vaults have notes of the same titles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RETIRED = "ankiforge::retired"
BOOK = "Who wrote the Book of Sand in Spanish?::Borges\n"
LAKES = "What is the deepest lake of Africa?::Tanganyika\n\nWhich lake is the saltiest?::Gaet'ale\n"
TIDES = "What does the moon do to the tides?::It raises them twice a day.\n"


class Space:
    """A workspace and its vault."""

    def __init__(self, forge: Any, anki: Any, source: str, vault: str) -> None:
        self.forge, self.anki = forge, anki
        self.vault = forge.folder / vault
        (self.vault / ".obsidian").mkdir(parents=True)
        forge.settings(
            f"sources:\n  - obsidian: {{name: {source}, path: {vault}}}\n"
            f"anki: {{collection: '{Path(anki.col.path)}'}}\n"
        )

    def write(self, text: str, name: str = "Index.md") -> None:
        (self.vault / name).write_text(text, encoding="utf-8")

    def ship(self) -> Any:
        """Run, import, and look."""
        came = self.forge.json("run")
        if came["packages"]:
            self.anki.load(self.forge.folder / "ankiforge.apkg")
            self.anki.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")
        self.forge.json("run")
        return came

    def cards(self) -> dict[str, str]:
        return {one["fields"]["Back"]: one["verdict"] for one in self.forge.cards()}


@pytest.fixture(params=["notes", "other"])
def spaces(
    request: Any, tmp_path: Path, forge: Any, forge_in: Any, backend: Any
) -> Iterator[tuple[Space, Space]]:
    """The sources have the same name, or another one."""
    with backend.opened(forge.profile) as anki:
        first = Space(forge, anki, "notes", "Work")
        first.write(f"{LAKES}\n{BOOK}")
        first.ship()
        yield first, Space(forge_in(tmp_path / "second"), anki, request.param, "Home")


def test_a_lost_workspace_holds_back_what_may_have_been_rejected(spaces):
    _, second = spaces
    second.write(f"{TIDES}\nWhich metal melts in the hand?::gallium\n")
    second.ship()
    [metal] = [one["guid"] for one in second.forge.cards() if "metal" in str(one["fields"])]
    second.forge.ok("reject", metal)
    second.ship()
    second.anki.col.remove_notes([second.anki.note(metal).id])
    second.anki.col.db.execute("delete from graves")
    for path in [*second.forge.folder.glob(".ankiforge/*"), second.forge.folder / "journal.jsonl"]:
        if path.is_file():
            path.unlink()

    assert second.ship()["waiting"] == {"recovered": 1}


def test_a_rejection_in_one_workspace_is_not_taken_back_by_the_other(spaces):
    first, second = spaces
    second.write(BOOK)
    second.ship()
    [book] = [one["guid"] for one in second.forge.cards()]
    first.forge.ok("reject", book)
    first.ship()

    assert second.ship()["notes"]["written"] == 0
    assert RETIRED in first.anki.note(book).tags
    first.forge.ok("undo")
    first.ship()
    assert RETIRED not in first.anki.note(book).tags
