"""A file given by itself that moved: its cards follow, with the link, and nothing is doubled.

The right values of the case are those of a vault that is read as a whole: same cards, new place.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

PEAT = "What is peat?::Dead moss\n\nHow much does a bog hold?::Twenty times its weight\n"
HENS = "Which bird lays eggs?::The hen\n"
Move = Callable[[Path], Path]
"""Moves `v/a.md`, and returns the PATHs to run then."""


@pytest.fixture
def desk(forge):
    """A vault with two notes, and another vault with one."""
    for name in ("v", "w"):
        (forge.folder / name / ".obsidian").mkdir(parents=True)
    (forge.folder / "v" / "a.md").write_text(PEAT)
    (forge.folder / "v" / "b.md").write_text(HENS)
    (forge.folder / "w" / "c.md").write_text("Which mammal flies?::The bat\n")
    return forge.folder


def move_to(name: str, *changes: tuple[str, str]) -> Move:
    """Rename the note, and change its words in the same breath."""

    def move(desk: Path) -> Path:
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        note = (desk / "v" / "a.md").rename(desk / name)
        for old, new in changes:
            assert old in note.read_text()
            note.write_text(note.read_text().replace(old, new))
        return note

    return move


def facts(forge):
    """Each card's id and answer, and the name of its note."""
    return {
        card["guid"]: (card["fields"]["Back"], card["title"])
        for card in forge.cards("verdict:accepted")
    }


MOVES = {
    "renamed": (move_to("v/peat.md"), 0),
    "in a folder": (move_to("v/x/y/peat.md"), 0),
    "another vault": (move_to("w/peat.md"), 0),
    "edited": (move_to("v/peat.md", ("Dead moss", "Dead moss and sedge")), 1),
    "a line more": (move_to("v/peat.md", ("moss\n", "moss\n\nWhat is fen?::Mud\n")), 0),
}


@pytest.mark.parametrize("given", ["v/a.md", "v", "v w"])
@pytest.mark.parametrize(("move", "edited"), MOVES.values(), ids=MOVES)
def test_the_cards_of_a_note_that_moved_follow_it(forge, desk, move, edited, given):
    forge.ok("run", *(desk / path for path in given.split()))
    before = facts(forge)
    moved = move(desk)
    forge.ok("run", moved)
    after = facts(forge)
    assert before.keys() <= after.keys()
    peat = {guid for guid in before if before[guid][1] == "a"}
    assert len(peat) == 2
    assert {after[guid][1] for guid in peat} == {"peat"}
    changed = [guid for guid in before if before[guid][0] != after[guid][0]]
    assert len(changed) == edited
    assert not forge.cards("verdict:waiting")
    assert forge.json("status")["highlights"]["total"] == len(after)
    # a run of everything finds nothing else, and asks nothing
    forge.ok("run", desk / "v", desk / "w")
    assert facts(forge).items() >= after.items()
    assert not forge.cards("verdict:waiting")


def test_what_belongs_to_a_path_moves_with_it_and_the_run_says_so(forge, desk):
    forge.ok("run", desk / "v" / "a.md", "--deck", "Bogs", "--marks", "bold")
    moved = move_to("v/peat.md")(desk)
    told = forge.ok("run", moved)
    assert f"note: {desk / 'v' / 'a.md'}: it moved: its cards follow to " in told.stderr
    assert "Added" not in told.stdout
    assert "draft" not in told.stdout
    assert forge.json("status")["remembered"] == [str(moved)]
    moved.write_text(f"{PEAT}\nA fen is **wet** all the year, and it is fed by water.\n")
    forge.ok("run")
    [waiting] = forge.cards("verdict:waiting")
    assert waiting["deck"] == "Bogs"
    assert "wet" in str(waiting["fields"])


def test_a_deck_that_is_given_with_the_new_path_is_the_deck_from_now_on(forge, desk):
    forge.ok("run", desk / "v" / "a.md", "--deck", "Bogs")
    moved = move_to("v/peat.md")(desk)
    forge.ok("run", moved, "--deck", "Fens")
    moved.write_text(f"{PEAT}\nWhat is fen?::Mud\n")
    forge.ok("run")
    assert {
        card["deck"] for card in forge.cards() if card["front"] == "What is fen?"
    } == {"Fens"}


@pytest.mark.parametrize(("given", "told"), [("v/a.md v/b.md", 1), ("v/a.md v", 0)])
def test_a_run_of_everything_names_a_missing_file_unless_its_folder_is_read(
    forge, desk, given, told
):
    forge.ok("run", *(desk / path for path in given.split()))
    move_to("v/peat.md")(desk)
    assert forge.ok("run").stderr.count("if it moved: ankiforge run") == told


def test_a_copy_takes_over_when_the_original_is_deleted(forge, desk):
    forge.ok("run", desk / "v" / "a.md")
    before = facts(forge)
    shutil.copy(desk / "v" / "a.md", desk / "v" / "peat.md")
    forge.ok("run", desk / "v" / "peat.md")
    assert facts(forge) == before, "both are there"
    (desk / "v" / "a.md").unlink()
    told = forge.ok("run", desk / "v" / "peat.md")
    assert "no longer selected" not in told.stdout
    assert facts(forge) == {guid: (back, "peat") for guid, (back, _) in before.items()}
    assert forge.json("status")["remembered"] == [str(desk / "v" / "peat.md")]


def test_a_paper_that_was_renamed_among_others_keeps_its_cards(forge, tmp_path):
    passages = ("Sleep is deep at night.", "Dreams are short at dawn.")
    for name, passage in zip("ab", passages, strict=True):
        page = Page((paragraph(passage),), (mark(passage, comment="c: at"),))
        write_pdf(tmp_path / f"{name}.pdf", [page])
    forge.ok("run", tmp_path / "a.pdf", tmp_path / "b.pdf")
    before = {card["id"] for card in forge.cards()}
    assert len(before) == 2
    moved = (tmp_path / "a.pdf").rename(tmp_path / "sleep.pdf")
    assert forge.json("run", moved)["highlights"]["new"] == 0
    assert {card["id"] for card in forge.cards()} == before


def test_a_note_that_still_exists_has_not_moved(forge, desk):
    forge.ok("run", desk / "v" / "a.md", desk / "v" / "b.md", desk / "w")
    before = facts(forge)
    shutil.copy(desk / "v" / "a.md", desk / "w" / "copy.md")
    forge.ok("run", desk / "w" / "copy.md")
    assert facts(forge) == before
    assert str(desk / "v" / "a.md") in forge.json("status")["remembered"]


def test_a_deleted_note_is_no_other_note(forge, desk):
    """Half of the words, numbers of another year: nothing moves, and nothing counts as deleted."""
    (desk / "v" / "a.md").write_text("How warm was the sea in 2023?::15 degrees\n")
    forge.ok("run", desk / "v" / "a.md", desk / "v" / "b.md")
    before = facts(forge)
    (desk / "v" / "a.md").unlink()
    (desk / "v" / "n.md").write_text("How warm was the sea in 2024?::16 degrees\n")
    forge.ok("run", desk / "v" / "n.md")
    assert facts(forge).items() >= before.items()
    assert len(forge.cards()) == 3
    assert not forge.cards("finding:source_gone")


BOG = "Dead moss is what a ==bog== is made of, and it keeps for ages.\n"
FEN = "Ground water feeds a ==fen== the whole year round.\n"


@pytest.fixture
def stick(forge):
    """A folder of two notes on a memory stick, each with an accepted card."""
    notes = forge.folder / "stick" / "notes"
    notes.mkdir(parents=True)
    (notes / "bog.md").write_text(BOG)
    (notes / "fen.md").write_text(FEN)
    (forge.folder / "stick" / "photo.jpg").touch()
    forge.ok("run", notes)
    forge.ok("accept", "--all")
    return notes


@pytest.mark.parametrize(
    ("place", "known", "change"),
    [
        ("moor", False, "line deleted"),
        ("moor", True, "note deleted"),
        ("notes", True, "line deleted"),
        ("v/moor", False, "note deleted"),
        ("v/moor", True, "line deleted"),
    ],
)
def test_what_a_moved_folder_lost_is_named(
    forge, desk, stick, no_waiting, place, known, change
):
    before = {card["guid"] for card in forge.cards()}
    moved = desk / place
    given = desk / "v" if place == "v/moor" else moved
    if known:
        forge.ok("run", desk / "v")
    stick.rename(moved)
    if known:  # another folder is read first
        forge.ok("run", desk / "w")
    if change == "line deleted":
        (moved / "bog.md").write_text("A bog is wet.\n")
    else:
        (moved / "bog.md").unlink()
    told = forge.ok("run", given).stdout
    assert "1 not found" in told
    assert "no longer selected" not in told
    told = forge.ok("run", given).stdout
    assert re.search(r"1 card lost its passage in (moor/)?bog", told)
    [lost] = forge.cards("finding:source_gone")
    assert "Dead moss" in str(lost["fields"])
    assert str(stick) not in forge.json("status")["remembered"]
    assert "missing" not in forge.ok("run").stderr
    # put back, it is at home again
    (moved / "bog.md").write_text(BOG)
    forge.ok("run", given)
    assert not forge.cards("finding:source_gone")
    after = [card for card in forge.cards() if card["title"] in ("bog", "fen")]
    assert [{card["guid"] for card in after}, len(after)] == [before, 2]


def test_what_a_rewritten_folder_lost_is_named(forge, stick, no_waiting):
    """Two of three passages go from each note, and one note goes."""
    for name in "abc":
        lines = (f"What is {name}{n} called?::It is {name}{n} here\n" for n in range(3))
        (stick / f"{name}.md").write_text("\n".join(lines))
    forge.ok("run", stick)
    moved = stick.rename(stick.with_name("moor"))
    for name in "ab":
        text = f"What is {name}0 called?::It is {name}0 here\n\nOther words.\n"
        (moved / f"{name}.md").write_text(text)
    for name in ("c", "bog", "fen"):
        (moved / f"{name}.md").unlink()
    told = forge.ok("run", moved)
    assert "2 highlights in 2 notes (4 not found, 5 in a missing folder)" in told.stdout
    told = forge.ok("run", moved).stdout
    assert "4 cards lost their passage" in told
    assert len(forge.cards("finding:source_gone")) == 4
    assert len(forge.cards("verdict:accepted")) == 11


@pytest.mark.parametrize("mount_point", [False, True])
def test_an_edited_copy_of_an_unplugged_folder_loses_no_passage_of_the_original(
    forge, desk, stick, no_waiting, mount_point
):
    copy = desk / "copy"
    shutil.copytree(stick, copy)
    (copy / "bog.md").write_text("A bog is wet.\n")
    unplugged = stick.parent.rename(desk.parent / "away")
    if mount_point:
        stick.parent.mkdir()
    for _ in range(2):
        told = forge.ok("run", copy).stdout
        assert "not found" not in told
        assert "lost" not in told
    assert not forge.cards("finding:source_gone")
    if mount_point:
        stick.parent.rmdir()
    unplugged.rename(stick.parent)
    forge.ok("run", stick)
    assert len(forge.cards("verdict:accepted")) == 2
    assert not forge.cards("finding:source_gone")


@pytest.mark.slow
def test_the_cards_of_a_renamed_note_keep_their_schedule_in_anki(forge, desk, backend):
    with backend.opened(forge.profile) as anki:
        note = desk / "v" / "a.md"
        forge.ok("run", note)
        assert anki.load(forge.folder / "ankiforge.apkg") == {"new": 2}
        schedules = {guid: anki.answer_first_card(guid) for guid in facts(forge)}
        moved = note.rename(desk / "v" / "peatland.md")
        forge.ok("run", moved)
        moved.write_text(PEAT.replace("Dead moss", "Dead moss and sedge"))
        forge.ok("run", moved)
        assert anki.load(forge.folder / "ankiforge.apkg") == {"updated": 2}
        assert anki.col.note_count() == 2
        for guid, schedule in schedules.items():
            assert anki.schedule(guid) == schedule
            text = str(anki.note(guid).fields)
            assert "file=peatland" in text
            assert "file=a" not in text
        assert "Dead moss and sedge" in str(
            [anki.note(guid).fields for guid in schedules]
        )
        assert not forge.cards("verdict:waiting")


def test_a_run_counts_the_highlights_of_a_renamed_note(forge, desk):
    forge.ok("run", desk / "v")
    (desk / "v" / "a.md").rename(desk / "v" / "peat.md")
    assert "3 highlights (2 moved)" in forge.ok("run").stdout
    assert "3 highlights, nothing new" in forge.ok("run").stdout
