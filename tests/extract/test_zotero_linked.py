"""A Zotero database that came with a workspace opens no file outside before a person confirms it."""

import json
from pathlib import Path

import pytest

from tests.makers.pdf_writer import Page, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

MARKED = "keep it out"
BEFORE = "A bacterium can destroy the drug or "
FIGURE = json.dumps({"pageIndex": 0, "rects": [[72, 600, 300, 700]]})


def paper(path: Path, more: str = "The rest is known.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_pdf(path, [Page((paragraph(f"{BEFORE}{MARKED}. {more}"),), ())])
    return path


def database(folder: Path, *paths: str) -> None:
    """A Zotero database with a file at each path; each file has a mark and a framed figure."""
    folder.mkdir(parents=True, exist_ok=True)
    works = []
    for number, path in enumerate(paths):
        marks = (
            Annotation(f"MARKAA0{number}", MARKED),
            Annotation(f"MARKBB0{number}", kind="image", position=FIGURE),
        )
        file = Attachment(f"ATTACH0{number}", "paper.pdf", marks, path)
        works.append(
            Work(f"PAPER00{number}", {"title": f"Paper {number}"}, attachments=(file,))
        )
    write_zotero(folder / "zotero.sqlite", [Library(tuple(works))])


def words_before(forge) -> list[str]:
    result = forge("run", "--dry-run", "-v", "--json")
    found = [one for one in result.lines if "exact" in one]
    assert len(found) >= 2
    return [one["prefix"] for one in found if one["exact"] == MARKED]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return paper(tmp_path / "private" / "secret.pdf", "The secret is Zanzibar.")


@pytest.fixture
def shipped(forge):
    """A workspace with a Zotero database in it; `more` are further settings of the source."""

    def shipped_(more: str = "") -> Path:
        source = f"{{zotero: {{name: z, path: zotero{more}}}}}"
        forge.settings(f"sources: [{source}]\nanki: {{collection: none}}\n")
        return forge.folder / "zotero"

    return shipped_


def test_a_linked_file_outside_is_listed_and_not_opened(forge, shipped, secret):
    data = shipped()
    database(
        data,
        str(secret),
        f"{data}/storage/../../../private/secret.pdf",
        "storage:paper.pdf",
    )
    paper(data / "storage" / "ATTACH02" / "paper.pdf")
    assert words_before(forge) == ["", "", BEFORE]
    told = forge("run")
    assert told.exit_code == 0
    assert f"linked files in {secret.parent} were not opened (1)" in told.stderr
    assert f"linked: [{secret.parent}]" in told.stderr
    assert (
        len(list(forge.folder.rglob("pictures/*"))) == 1
    )  # no picture of the page of another
    assert "Zanzibar" not in forge.ok("list", "--all", "--json").stdout
    assert "were not opened" not in forge("run").stderr, "it was said once"
    assert "were not opened" in forge("run", "-v").stderr


def test_a_link_in_the_data_folder_that_leads_out_is_not_followed(forge, shipped, secret):
    data = shipped()
    database(data, "storage:paper.pdf")
    inside = data / "storage" / "ATTACH00" / "paper.pdf"
    inside.parent.mkdir(parents=True)
    inside.symlink_to(secret)
    assert words_before(forge) == [""]
    assert "were not opened" in forge("run").stderr


def test_a_database_that_is_a_link_leading_out_is_not_read(forge, shipped, tmp_path):
    data = shipped()
    database(tmp_path / "own", "storage:paper.pdf")
    data.mkdir()
    (data / "zotero.sqlite").symlink_to(tmp_path / "own" / "zotero.sqlite")
    result = forge("run", code=1)
    assert "a link that points outside the workspace" in result.stderr


def test_linked_files_are_read_in_the_folders_that_the_settings_name(
    forge, shipped, secret
):
    database(shipped(f", linked: [{secret.parent}]"), str(secret))
    assert words_before(forge) == [BEFORE]
    assert "were not opened" not in forge("run").stderr


def test_a_file_linked_inside_the_workspace_is_read(forge, shipped):
    data = shipped()
    database(data, str(paper(forge.folder / "papers" / "a.pdf")))
    assert words_before(forge) == [BEFORE]


def test_a_data_folder_that_a_person_named_keeps_its_linked_files(
    forge, secret, tmp_path
):
    database(tmp_path / "Zotero", str(secret))
    source = f"{{zotero: {{name: z, path: {tmp_path / 'Zotero'}}}}}"
    forge.settings(f"sources: [{source}]\nanki: {{collection: none}}\n", trust=True)
    assert words_before(forge) == [BEFORE]


def test_a_data_folder_named_on_the_command_line_keeps_its_linked_files(
    forge, secret, tmp_path
):
    database(tmp_path / "Zotero", str(secret))
    result = forge.ok("run", "--dry-run", "-v", tmp_path / "Zotero", "--json")
    assert BEFORE in result.stdout


def test_the_own_zotero_in_a_workspace_keeps_its_linked_files(forge, shipped, secret):
    data = shipped()
    database(data, str(secret), "attachments:secret.pdf")
    profile = forge.home / ".zotero" / "zotero" / "abcd.default" / "prefs.js"
    profile.parent.mkdir(parents=True)
    told = {"dataDir": str(data), "baseAttachmentPath": str(secret.parent)}
    lines = [
        f'user_pref("extensions.zotero.{name}", "{one}");' for name, one in told.items()
    ]
    profile.write_text("\n".join(lines) + "\n")
    assert words_before(forge) == [BEFORE, BEFORE]


def test_doctor_opens_no_database_that_is_a_link_leading_out(forge, shipped, tmp_path):
    data = shipped()
    database(tmp_path / "own", "storage:paper.pdf")
    data.mkdir()
    (data / "zotero.sqlite").symlink_to(tmp_path / "own" / "zotero.sqlite")
    told = forge("doctor", code=1)
    assert "a link that points outside the workspace" in told.stdout + told.stderr


def test_a_card_whose_figure_the_page_corrects_is_the_same_card(forge, shipped):
    folder = shipped()
    folder.mkdir(parents=True)
    question = Annotation(
        "MARKAA00", "A dose of 5 \u00d7 105 units kills.", comment="Which dose kills?"
    )
    file = Attachment("ATTACH00", "paper.pdf", (question,))
    work = Work("PAPER000", {"title": "Doses"}, attachments=(file,))
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    forge("run", "--yes")
    (before,) = [each for each in forge("list", "--all", "--json").lines if "id" in each]
    path = folder / "storage/ATTACH00/paper.pdf"
    path.parent.mkdir(parents=True)
    text = "It begins. A dose of 5 \u00d7 10^{5} units kills. It ends."
    write_pdf(path, [Page((paragraph(text),), ())])
    forge("run", "--yes")
    (after,) = [each for each in forge("list", "--all", "--json").lines if "id" in each]
    assert after["id"] == before["id"]
    assert "5 \u00d7 105 units" in json.dumps(before, ensure_ascii=False)
    assert "5 \u00d7 10\u2075 units" in json.dumps(after, ensure_ascii=False)
