"""From a vault to the real Anki and round again: what a person counts on for years."""

import shutil
from pathlib import Path

import pytest

CELLS = """\
# Cells

What powers the cell?::The mitochondrion

Katze:::cat

The {{c1::mitochondrion}} makes most of the cell's ATP by oxidative phosphorylation.

What does a ribosome read
?
Messenger RNA
"""


@pytest.fixture
def note(vault: Path) -> Path:
    """One note with four cards: a question, a two-way pair, a phrase, a block."""
    path = vault / "Cells.md"
    path.write_text(CELLS, encoding="utf-8")
    return path


@pytest.fixture
def package(forge) -> Path:
    """Where a run without `-o` writes."""
    return forge.folder / "ankiforge.apkg"


def rewrite(note: Path, old: str, new: str) -> None:
    text = note.read_text(encoding="utf-8")
    assert old in text
    note.write_text(text.replace(old, new), encoding="utf-8")


def guid_of(forge, words: str) -> str:
    """The guid of the one card whose fields hold these words."""
    [card] = [one for one in forge.cards() if words in " ".join(one["fields"].values())]
    return card["guid"]


# --- into Anki ------------------------------------------------------------------------------


def test_what_a_vault_holds_arrives_in_anki_once(
    forge, vault, note, package, anki, notes_in
):
    rewrite(note, "# Cells\n", "---\ntags: [biology]\n---\n# Cells\n")
    rewrite(note, "Katze:::cat", "Katze:::cat #language")
    came = forge.json("run", vault)
    assert came["notes"]["written"] == came["notes"]["added"] == 4
    assert came["packages"] == [str(package)]
    first = package.read_bytes()
    assert anki.load(package) == {"new": 4}
    assert len(anki.cards(cat := guid_of(forge, "Katze"))) == 2
    assert {"biology", "language", "ankiforge::doc::cells"} <= set(anki.note(cat).tags)
    stored = anki.note(guid_of(forge, "ATP"))
    assert stored["Text"].startswith("The {{c1::mitochondrion}} makes most")
    assert stored["Source"]

    again = forge.json("run", vault)
    assert package.read_bytes() == first
    assert again["notes"]["added"] == again["notes"]["updated"] == 0
    assert anki.load(package) == {"duplicate": 4}
    forge.ok(
        "edit",
        guid := guid_of(forge, "powers"),
        "--field",
        "Back",
        "A mitochondrion (I saw)",
    )
    forge.ok("build")
    assert notes_in(package)[guid][1][1] == "A mitochondrion (I saw)"


def test_a_package_elsewhere_is_a_copy_until_a_card_changes(
    forge, vault, note, package, notes_in
):
    forge.ok("run", vault)
    copy = forge.folder / "copy.apkg"
    forge.ok("build", "-o", copy)
    assert copy.read_bytes() == package.read_bytes()

    # a package that was damaged or replaced is not copied
    whole = package.read_bytes()
    package.write_bytes(whole[:100])
    forge.ok("build", "-o", copy)
    assert copy.read_bytes() == whole
    forge.ok("build", "--force")

    guid = guid_of(forge, "powers")
    forge.ok("edit", guid, "--field", "Back", "A mitochondrion (I saw)")
    forge.ok("build", "-o", copy)
    assert notes_in(copy)[guid][1][1] == "A mitochondrion (I saw)"
    assert notes_in(package)[guid][1][1] != "A mitochondrion (I saw)"


# --- what a person decided ------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "build"])
def test_a_package_is_set_aside_once_all_its_cards_are_rejected(
    forge, vault, note, package, notes_in, command
):
    words = ("run", vault) if command == "run" else ("build",)
    forge.ok("run", vault)
    forge.ok("reject", guid_of(forge, "ATP"))
    forge.ok(*words)
    assert len(notes_in(package)) == 3
    forge.ok("reject", "--all", "--filter", "verdict:accepted")

    told = forge.ok(*words)

    previous = package.with_name("ankiforge.previous.apkg")
    assert not package.exists()
    assert len(notes_in(previous)) == 3
    assert "ankiforge.previous.apkg" in told.stdout + told.stderr
    again = forge.ok(*words)
    assert "ankiforge.previous.apkg" not in again.stdout + again.stderr
    forge.ok("undo")
    forge.ok(*words)
    assert len(notes_in(package)) == 3


def test_the_package_of_another_workspace_stays_where_it_is(
    forge, vault, note, package, notes_in
):
    forge.ok("run", vault)
    shutil.rmtree(forge.home)
    note.write_text("# Nothing\n\nNobody marked this.\n", encoding="utf-8")
    told = forge.ok("run", vault)
    assert len(notes_in(package)) == 4
    assert "nothing is left" not in told.stdout + told.stderr


# --- decks, tags, packages ------------------------------------------------------------------


def test_a_later_wish_takes_the_new_cards_and_neither_moves_nor_drops_another(
    forge, vault, note, notes_in
):
    came = forge.json("run", vault, "--deck", "The::First")
    assert came["packages"] == [str(package := forge.folder / "ankiforge.apkg")]
    rewrite(note, "Katze:::cat", "Katze:::cat\n\nHund:::dog")
    forge.ok("run", vault, "--deck", "Second")
    decks = {card["deck"]: card["guid"] for card in forge.cards()}
    assert decks.keys() == {"The::First", "Second"}
    assert decks["Second"] == guid_of(forge, "Hund")
    assert len(notes_in(package)) == 5


def test_a_deck_is_remembered_with_its_path(forge, vault, note):
    def write(path, front):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{front}:::of a note\n", encoding="utf-8")

    def decks():
        return {card["fields"]["Front"]: card["deck"] for card in forge.cards()}

    note.unlink()
    for name, front in (("a.md", "A"), ("Sub [1]/b.md", "B"), ("Sub [1]/c.md", "C")):
        write(vault / name, front)
    forge.ok("run", vault, "--deck", "Notes")
    forge.ok("run", vault / "Sub [1]", "--deck", "Sub")
    forge.ok("run", vault / "Sub [1]/c.md", "--deck", "One :: Two")
    for name, front in (("d.md", "D"), ("Sub [1]/e.md", "E"), ("own.md", "O")):
        write(vault / name, front)
    (vault / "own.md").write_text("---\ndeck: Own\n---\nO:::own\n", encoding="utf-8")
    with (vault / "Sub [1]/c.md").open("a", encoding="utf-8") as file:
        file.write("\nF:::another\n")
    forge.ok("run")
    expected = "A=Notes B=Notes C=Notes D=Notes E=Sub F=One::Two O=Own"
    assert (
        sorted(f"{front}={deck}" for front, deck in decks().items()) == expected.split()
    )
    assert len(list(forge.folder.glob("*.apkg"))) == 1
    assert "--deck needs the PATH" in forge("run", "--deck", "Notes", code=2).stderr


def test_a_change_of_the_deck_files_moves_no_card(forge, vault, note):
    """Anki moves no card, either."""
    forge.settings("anki: {collection: none}\n")
    (file := forge.folder / "decks" / "all.yaml").parent.mkdir()
    file.write_text('deck: "Old::{title}"\n')
    forge.ok("run", vault)
    file.write_text('deck: "New::{title}"\n')
    rewrite(note, "Katze:::cat", "Katze:::cat\n\nHund:::dog")
    forge.ok("run", vault)
    decks = {card["fields"].get("Front"): card["deck"] for card in forge.cards()}
    assert (decks["Katze"], decks["Hund"]) == ("Old::Cells", "New::Cells")


def test_build_writes_one_deck_and_those_below_it(forge, vault, note, notes_in):
    forge.ok("run", vault, "--deck", "Biology::Cells")
    (vault / "Dogs.md").write_text("---\ndeck: Bio\n---\nHund:::dog\n", encoding="utf-8")
    forge.ok("run", vault)
    forge.ok("build", "--deck", "biology", "-o", "some.apkg")

    assert len(notes_in(forge.folder / "some.apkg")) == 4
    assert guid_of(forge, "Hund") not in notes_in(forge.folder / "some.apkg")


def test_a_file_that_is_not_ours_is_replaced_only_by_force(forge, vault, note, notes_in):
    theirs = forge.folder / "theirs.apkg"
    theirs.write_bytes(b"not a package")

    refused = forge("run", vault, "-o", theirs)

    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert theirs.read_bytes() == b"not a package"
    forge.ok("run", vault, "-o", theirs, "--force")
    assert len(notes_in(theirs)) == 4


def test_a_run_of_one_path_keeps_what_its_package_held(
    forge, vault, note, package, notes_in
):
    other = vault.parent / "dogs.md"
    other.write_text("Hund:::dog\n\nKatze:::cat\n", encoding="utf-8")
    forge.ok("run", vault)
    forge.ok("run", other)
    assert len(notes_in(package)) == 5
