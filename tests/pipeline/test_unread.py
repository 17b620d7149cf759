"""What is there and cannot be read now stays as it was; all else goes its way."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import NullObject

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

pytestmark = pytest.mark.usefixtures("no_waiting")

CONFLICT = "<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> origin/main\n"
KEPT = "The ==mitochondrion== makes ATP in nearly every cell of an animal.\n"


def conflict_in(path: Path) -> None:
    """Make of a text the two versions that a merge leaves."""
    text = path.read_text(encoding="utf-8")
    theirs = text.replace("ATP", "most of the ATP")
    path.write_text(CONFLICT.format(ours=text, theirs=theirs), encoding="utf-8")


def evict(path: Path) -> None:
    """Leave of a file what iCloud leaves on a machine."""
    path.unlink()
    path.with_name(f".{path.name}.icloud").write_bytes(b"bplist00")


def evict_folder(path: Path) -> None:
    """Leave of the folder of a file what iCloud leaves on a machine."""
    shutil.rmtree(path.parent)
    placeholder = path.parent.with_name(f".{path.parent.name}.icloud")
    placeholder.write_bytes(b"bplist00")


def write_in_other_encoding(path: Path) -> None:
    path.write_bytes(path.read_bytes() + "\nÉté\n".encode("latin-1"))


UNREADABLE: dict[str, Callable[[Path], None]] = {
    "a conflict": conflict_in,
    "not on this computer": evict,
    "in a folder that is not on this computer": evict_folder,
    "in another encoding": write_in_other_encoding,
}


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize(
    ("spoil", "loses_database"),
    [*((spoil, False) for spoil in UNREADABLE.values()), (evict, True)],
    ids=[*UNREADABLE, "and the database is lost"],
)
def test_a_note_that_cannot_be_read_keeps_its_passages_and_others_go(
    forge, vault, spoil, loses_database
):
    unread = vault / "cells" / "kept.md"
    unread.parent.mkdir()
    unread.write_text(KEPT)
    other = vault / "other.md"
    other.write_text("Maus:::mouse\n\nReh:::deer\n")
    forge.settings(f"sources: [obsidian: {{path: {vault}}}]\n", trust=True)
    forge.ok("run")
    before = words_of(forge)
    content = unread.read_bytes()

    spoil(unread)
    other.write_text("Maus:::mouse\n")
    if loses_database:
        for path in (forge.folder / ".ankiforge").glob("ledger.db*"):
            path.unlink()
    # of the other note; a rebuilt database can't know when a passage went, but names its card
    count = "cards", "lost"
    if not loses_database:
        count = "highlights", "gone"
    gone = [run(forge)[count[0]][count[1]] for _ in range(3)]
    assert sum(gone) == 1
    assert words_of(forge) == before

    for path in vault.rglob(".*.icloud"):
        path.unlink()
    unread.parent.mkdir(exist_ok=True)
    unread.write_bytes(content.replace(b"ATP", b"the ATP"))
    assert run(forge)["highlights"]["new"] == 0
    [card] = forge.ok("list", "mitochondrion", "--json").lines
    assert "makes the ATP" in card["fields"]["Text"]
    assert card["id"] in {id for id, _ in before}


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE)
def test_a_waiting_draft_of_a_note_that_cannot_be_read_still_waits(forge, vault, spoil):
    path = vault / "cells" / "kept.md"
    path.parent.mkdir()
    path.write_text(KEPT)
    (vault / "other.md").write_text("Maus:::mouse\n")
    text = f"sources: [obsidian: {{path: {vault}}}]\naccept: {{rules: review}}\n"
    forge.settings(text, trust=True)
    forge("run")
    before = forge.ok("list", "verdict:waiting", "--json").lines
    assert len(before) == 2
    spoil(path)
    for _ in range(3):
        forge("run")
    assert forge.ok("list", "verdict:waiting", "--json").lines == before


FORMATS = {
    "a.md": KEPT,
    "a.txt": "What makes ATP in a cell?::The mitochondrion.\n",
    "My Clippings.txt": "Book (Author)\n- Your Highlight on page 3 | Location 42-43 | Added on"
    " Monday, 1 January 2024 10:00:00\n\nThe mitochondrion makes ATP.\n==========\n",
    "readwise.csv": "Highlight,Book Title,Book Author\nThe mitochondrion makes ATP in a cell.,Cells,A\n",
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_conflict_in_any_text_is_named_once_and_makes_no_card(forge, tmp_path, name):
    folder = tmp_path / "texts"
    folder.mkdir()
    path = folder / name
    path.write_text(FORMATS[name])
    conflict_in(path)
    result = forge("run", folder, "--json")
    if result.exit_code == 2:  # it was not recognised as what it would be without them
        assert "conflict" in result.stderr
        return
    problems = result.data["problems"]
    assert [one["where"] for one in problems if "conflict" in one["what"]] == [name]
    assert result.data["highlights"]["seen"] == 0
    for card in forge.ok("list", "--all", "--json").lines:
        assert "<<<" not in str(card)


@pytest.mark.parametrize(
    "text",
    [
        f"How git shows it:\n\n```\n{CONFLICT.format(ours='a', theirs='b')}```\n\n",
        f"~~~~diff\n```\n{CONFLICT.format(ours='a', theirs='b')}~~~~\n\n",
        "A heading\n=======\n\n>>>>>>> deeply quoted\n\n<<<<<<< arrows\n\n",
        "Signs `<<<<<<< ` and `=======` and `>>>>>>> ` in a line.\n\n",
    ],
    ids=["in a fence", "in a long fence", "in another order", "within a line"],
)
def test_markers_that_are_no_conflict_are_text(forge, vault, text):
    (vault / "a.md").write_text(text + KEPT)
    assert run(forge, vault)["highlights"]["new"] == 1


def test_a_fence_that_only_one_version_opens_hides_no_conflict(forge, vault):
    text = CONFLICT.format(ours="```\n", theirs="") + KEPT
    (vault / "a.md").write_text(text + "\nMore ```text```.\n")
    (vault / "b.md").write_text("Maus:::mouse\n")
    result = forge("run", vault, "--json").data
    assert result["highlights"]["new"] == 1
    assert [one["where"] for one in result["problems"]] == ["a.md"]


def test_a_text_without_its_conflict_is_read_though_size_and_time_are_as_before(
    forge, vault
):
    path = vault / "a.md"
    path.write_text(KEPT)
    forge.ok("run", vault)
    conflict_in(path)
    forge("run", vault, code=1)
    forge("run", vault, code=1)  # its fingerprint was not stored
    path.write_text(KEPT)
    assert run(forge, vault)["problems"] == []


FACTS = ("Slow wave sleep is deep.", "It comes early in the night.")


def cut_off(raw: bytes) -> bytes:
    return raw[: len(raw) * 2 // 3]


def without_second_page(raw: bytes) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(raw))
    kids = writer.root_object["/Pages"].get_object()["/Kids"]
    kids[1] = NullObject()
    writer.write(file := io.BytesIO())
    return file.getvalue()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing of it can be read": lambda raw: b"%PDF-1.7\n" + raw[200:400],
    "its second page is damaged": without_second_page,
    "its end is missing": cut_off,
    "it is empty": lambda raw: b"",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_one_pdf_that_stays_corrupt_keeps_its_passages_and_others_go(
    forge, tmp_path, damage
):
    papers = tmp_path / "papers"
    papers.mkdir()
    pages = [Page((paragraph(fact),), (mark(fact),)) for fact in FACTS]
    write_pdf(papers / "corrupt.pdf", pages, title="On Sleep")
    write_pdf(
        papers / "other.pdf", [Page((paragraph("A. B. C."),), (mark("A."), mark("B.")))]
    )
    forge.ok("run", papers)

    corrupt = papers / "corrupt.pdf"
    corrupt.write_bytes(damage(corrupt.read_bytes()))
    write_pdf(papers / "other.pdf", [Page((paragraph("A. B. C."),), (mark("A."),))])
    gone = []
    for number in range(4):
        if number == 2:  # it changes, and stays as corrupt
            corrupt.write_bytes(corrupt.read_bytes() + b"\n%")
        result = forge("run", papers, "--json").data
        gone.append(result["highlights"]["gone"])
        assert "corrupt.pdf" in [one["where"] for one in result["problems"]]
    assert sum(gone) == 1
    assert result["highlights"]["seen"] == 3


def run(forge, *arguments):
    return forge("run", *arguments, "--json").data


def words_of(forge) -> set[tuple[str, str]]:
    return {(card["id"], str(card["fields"])) for card in forge.cards()}
