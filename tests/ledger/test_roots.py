"""A folder that is moved or renamed keeps its cards."""

import shutil
from pathlib import Path

import pytest

NOTE = "First?::one\n\nSecond?::two\n\nThe ==third== thing is long enough to stand alone here.\n"


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "one" / "notes"
    folder.mkdir(parents=True)
    (folder / "a.md").write_text(NOTE)
    return folder


def guids(forge) -> list[str]:
    return sorted(card["guid"] for card in forge.cards())


@pytest.mark.usefixtures("takes_marks")
def test_another_vault_does_not_take_the_name_of_one_that_is_not_there(
    forge, vault, tmp_path
):
    forge.ok("run", vault)
    before = guids(forge)
    vault.rename(tmp_path / "unmounted")
    other = tmp_path / "two" / "notes"
    other.mkdir(parents=True)
    (other / "b.md").write_text("Third?::three\n")
    forge.ok("run", other)
    assert set(before) < set(guids(forge))
    (tmp_path / "unmounted").rename(vault)
    assert forge.json("run")["highlights"]["seen"] == 4
    assert not forge.cards("finding:source_gone")


def test_a_pdf_read_again_from_another_folder_is_the_same_document(forge, tmp_path):
    from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

    words = (
        "The receiver operating characteristic (ROC) plots two rates against one another."
    )
    first, second = tmp_path / "x" / "paper.pdf", tmp_path / "y" / "copy.pdf"
    for path in (first, second):
        path.parent.mkdir()
    write_pdf(
        first,
        [Page([paragraph(words)], [mark(words, comment="c: two rates")])],
        title="Curves",
    )
    shutil.copy(first, second)
    forge.ok("run", first)
    before = guids(forge)
    assert before
    forge.ok("run", second)
    assert guids(forge) == before
    first.unlink()
    forge.ok("run", second.parent)
    assert guids(forge) == before


def test_a_configured_folder_within_keeps_its_settings(forge, tmp_path):
    notes = tmp_path / "notes"
    (notes / "sub").mkdir(parents=True)
    (notes / "sub" / "x.md").write_text("The **root** of all.\n", "utf-8")
    (notes / "z.md").write_text("What is a stem?::Between.\n", "utf-8")
    settings = (
        f"sources:\n- obsidian: {{name: s, path: {notes / 'sub'}, marks: [bold]}}\n"
    )
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    forge.ok("run")
    forge.ok("run", notes)
    found = {
        line["source"]
        for line in forge.ok("run", "--dry-run", "-v", notes, "--json").lines
    }
    assert found == {"s", "notes"}
    assert len(forge.cards()) == 2
