"""The links of a card from a PDF; no path of this computer ships unless a person wants it."""

import shutil
from pathlib import Path

import pytest

from tests.makers.papers import write_predictions

NAMED = "<span>paper é.pdf</span>"
IN_OBSIDIAN = (
    '<a href="obsidian://open?vault=My%20Vault'
    '&amp;file=papers%2Fpaper%20%C3%A9.pdf%23page%3D1">Open in Obsidian</a>'
)


@pytest.fixture
def links_of(forge, backend):
    """`links_of(folder)`: Links and Open of a card in Anki, made of a PDF in this folder."""

    def links_of(folder: Path, settings: str = "") -> tuple[str, str]:
        folder.mkdir(parents=True)
        write_predictions(folder / "paper é.pdf")
        forge.settings(f"sources: [{{pdf: {{name: it, path: .}}}}]\n{settings}")
        forge.ok("run")
        with backend.opened(forge.profile) as anki:
            anki.load(forge.folder / "ankiforge.apkg")
            [note] = [
                note
                for note in map(anki.col.get_note, anki.col.find_notes(""))
                if note["Front"] == "What is the Brier score?"
            ]
            return note["Links"], note["Open"]

    return links_of


def test_a_pdf_in_a_vault_opens_in_obsidian_at_its_page(forge, links_of, backend):
    vault = forge.folder / "My Vault"
    (vault / ".obsidian").mkdir(parents=True)
    assert links_of(vault / "papers") == (NAMED, IN_OBSIDIAN)

    # once the vault is renamed, so is it in the link
    vault.rename(forge.folder / "Vault")
    settings = "sources: [{pdf: {name: it, path: Vault}}]\n"
    forge.settings(settings)
    assert forge.json("run")["notes"]["written"] == 3
    with backend.opened(forge.profile) as anki:
        assert anki.load(forge.folder / "ankiforge.apkg") == {"updated": 3}
        notes = map(anki.col.get_note, anki.col.find_notes(""))
        assert {"vault=Vault" in note["Open"] for note in notes} == {True}
    assert forge.json("run")["notes"]["written"] == 0

    # the path of a PDF elsewhere, once it is wanted
    shutil.rmtree(forge.folder / "Vault" / ".obsidian")
    forge.settings(f"{settings}file_links: true\n")
    assert forge.json("run")["notes"]["written"] == 3


def test_a_pdf_elsewhere_is_named_and_has_no_link(forge, links_of):
    assert links_of(forge.folder / "papers") == (NAMED, "")


def test_the_path_of_a_pdf_ships_if_a_person_wants_it(forge, links_of):
    address = (forge.folder / "papers" / "paper é.pdf").as_uri()
    links = links_of(forge.folder / "papers", "file_links: true\n")
    assert links == (NAMED, f'<a href="{address}#page=1">Open the PDF</a>')
