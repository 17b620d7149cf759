"""A title with bidirectional controls turns no letter outside of it."""

import re
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

FSI, PDI, RLO = "\u2068", "\u2069", "\u202e"
TITLE = f"Notes{PDI}{RLO}evil"
SHOWN = f"{FSI}Notes{RLO}evil{PDI}"
CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / f"{TITLE}.md").write_text(
        f"# Plants{RLO}\n\n## Energy\n\nThe ==mitochondrion== makes ATP in the cell.\n",
        "utf-8",
    )
    (folder / "Plain.md").write_text(
        "# Plants\n\nA ==ribosome== makes proteins for the cell.\n", "utf-8"
    )
    return folder


def citations(package: Path, folder: Path) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        (folder / "found.db").write_bytes(archive.read("collection.anki2"))
    with closing(sqlite3.connect(folder / "found.db")) as found:
        notes = [row[0].split("\x1f") for row in found.execute("SELECT flds FROM notes")]
    return [field for note in notes for field in note if "af-where" in field]


@pytest.mark.usefixtures("takes_marks")
def test_a_cards_line_of_context_is_isolated_and_others_are_as_they_were(
    forge, vault, tmp_path
):
    forge.ok("run", vault)
    evil, plain = sorted(
        citations(forge.folder / "ankiforge.apkg", tmp_path),
        key=lambda one: "Plain" in one,
    )
    where = f'<span class="af-where af-short">{SHOWN} › Energy</span>'
    assert evil.startswith(where)
    heading = f"{FSI}Plants{RLO}{PDI}"
    assert f"{SHOWN}, {heading} › Energy" in evil
    assert not CONTROLS.search(evil.replace(SHOWN, "").replace(heading, ""))
    assert not CONTROLS.search(plain)


@pytest.mark.usefixtures("takes_marks")
def test_nothing_that_is_said_at_a_terminal_holds_such_a_control(forge, vault):
    said = [forge.ok("run", vault, "--deck", f"Deck{RLO}x")]
    said += [
        forge.ok(*words.split())
        for words in ("list -v", "status", "search mitochondrion")
    ]
    said += [
        forge.ok("list", "-v", forge.cards()[0]["guid"]),
        forge("list", f"deck:{RLO}("),
    ]
    text = "".join(f"{one.stdout}{one.stderr}" for one in said)
    assert "evil" in text
    assert not CONTROLS.search(text)
    titles = {card["title"] for card in forge.cards()}
    assert titles == {TITLE, "Plain"}  # for programs it is as it is
