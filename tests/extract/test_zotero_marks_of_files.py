"""Marks that Zotero found in a PDF, before and after it imports them; and files that are missing."""

from pathlib import Path

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

SPACING = "Spacing improves the long-term retention of facts."
MIC = (
    "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
)
ASKED = "What does MIC stand for?"


def library(folder: Path, *marks: Annotation, name: str = "Paper.pdf") -> Path:
    folder.mkdir(exist_ok=True)
    database = folder / "zotero.sqlite"
    database.unlink(missing_ok=True)
    attachment = Attachment("ATTACH01", name, marks)
    work = Work("PAPER001", {"title": "On memory"}, attachments=(attachment,))
    write_zotero(database, [Library((work,))])
    return folder


def test_a_mark_keeps_its_card_when_zotero_imports_it_from_the_file(forge, tmp_path):
    """As Zotero's "Import Annotations" does: another key, and no mark in the file any more."""
    folder = library(
        tmp_path / "Zotero", Annotation("EXTERN22", MIC, ASKED, external=True)
    )
    forge.ok("run", folder)
    [before] = forge.cards()
    library(folder, Annotation("MINEAAA3", MIC, ASKED))
    forge.ok("run")
    [after] = forge.cards()
    assert after["guid"] == before["guid"]


def test_marks_of_other_programs_in_stored_files_are_counted_with_the_way_to_read_them(
    forge, tmp_path
):
    folder = library(tmp_path / "Zotero")
    stored = folder / "storage" / "ATTACH01"
    stored.mkdir(parents=True)
    page = Page((paragraph(MIC),), (mark(MIC, comment=ASKED),))
    write_pdf(stored / "Paper.pdf", [page])
    said = "1 stored file marked by another program"
    storage = folder / "storage"
    assert f"{said} (to read: ankiforge run {storage})" in forge.ok("run", folder).stderr
    assert said not in forge.ok("run").stderr
    forge.ok("run", storage)
    [card] = forge.cards()
    assert card["fields"]["Front"] == ASKED


def test_pdfs_beside_an_empty_database_are_read(forge, tmp_path):
    folder = tmp_path / "Zotero"
    folder.mkdir()
    (folder / "zotero.sqlite").touch()
    page = Page((paragraph(MIC),), (mark(MIC, comment=ASKED),))
    write_pdf(folder / "Paper.pdf", [page])
    forge.ok("run", folder)
    [card] = forge.cards()
    assert card["fields"]["Front"] == ASKED


def test_files_that_are_not_on_this_machine_are_told_once(forge, tmp_path):
    marks = (Annotation("MARKAAA2", SPACING), Annotation("MARKBBB3", MIC, top=200))
    folder = library(tmp_path / "Zotero", *marks)
    said = "2 marks whose files are not on this computer (Paper.pdf)"
    assert f"Zotero: not read: {said}" in forge.ok("run", folder).stderr
    assert said not in forge.ok("run").stderr
    assert f"not read   {folder}: {said}" in forge.ok("status").stdout

    stored = folder / "storage" / "ATTACH01"
    stored.mkdir(parents=True)
    write_pdf(stored / "Paper.pdf", [Page((paragraph(SPACING), paragraph(MIC)))])
    assert "not read" not in forge.ok("run").stderr
    assert "not read   " not in forge.ok("status").stdout


def test_marks_in_the_trash_are_told_once(forge, tmp_path):
    folder = library(tmp_path / "Zotero", Annotation("MARKAAA2", SPACING, trashed=True))
    said = "1 mark in Zotero's trash"
    assert f"Zotero: not read: {said}" in forge.ok("run", folder).stderr
    assert said not in forge.ok("run").stderr
    assert f"not read   {folder}: {said}" in forge.ok("status").stdout


def test_marks_of_a_trashed_paper_are_in_the_trash(forge, tmp_path):
    folder = library(tmp_path / "Zotero")
    attachment = Attachment("ATTACH01", "a.pdf", (Annotation("MARKAAA2", SPACING),))
    paper = Work(
        "PAPER001", {"title": "On memory"}, attachments=(attachment,), trashed=True
    )
    (folder / "zotero.sqlite").unlink()
    write_zotero(folder / "zotero.sqlite", [Library((paper,))])
    assert "1 mark in Zotero's trash" in forge.ok("run", folder).stderr
