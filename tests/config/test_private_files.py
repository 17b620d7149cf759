"""What the program keeps is its owner's alone, whatever the umask; the person's files are let be."""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.extract.test_pdf_pictures import ASKED, area, paper

pytestmark = pytest.mark.skipif(os.name == "nt", reason="rights of another kind")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def rights(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))[2:]


def open_ones(folder: Path) -> dict[str, str]:
    """All below a folder, itself included, that is not its owner's alone."""
    found = {
        path: "700" if path.is_dir() else "600" for path in (folder, *folder.rglob("*"))
    }
    return {str(one): rights(one) for one, usual in found.items() if rights(one) != usual}


def vault(forge: Any) -> Path:
    folder = forge.folder / "notes"
    folder.mkdir(exist_ok=True)
    (folder / "a.md").write_text(
        "Sleep has ==four stages== in a night.\n\nWhat is two?::2\n"
    )
    return folder


def used(forge: Any) -> None:
    """A workspace in which everything was done that leaves a file."""
    vault(forge)
    paper(forge.folder / "papers", area(ASKED))
    time.sleep(
        0.2
    )  # what was written a moment ago is not cached: its next change might not show
    forge.ok("init", ".")
    forge.settings(
        "sources:\n- obsidian: {name: n, path: notes}\n- pdf: {name: p, path: papers}\n"
        "anki: {collection: none}\n"
    )
    forge.ok("init", "--trust")
    forge("run")
    forge("run")
    forge.ok("search", "sleep")
    forge.ok("reject", forge.cards()[0]["guid"])
    forge("build")
    forge("doctor")


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_workspace_is_private_and_its_settings_and_packages_are_as_the_umask_says(
    forge, mask
):
    with umask(mask):
        used(forge)
        usual = forge.folder / "usual"
        usual.write_text("")
    names = {path.name for path in (forge.folder / ".ankiforge").rglob("*")}
    assert {"ledger.db", "memory.db", "publishing.lock", "pictures"} <= names, names
    assert open_ones(forge.folder / ".ankiforge") == {}
    assert open_ones(forge.folder / "journal") == {}
    assert rights(forge.folder / "ankiforge.yaml") == rights(usual)
    assert rights(forge.folder / "decks") == oct(0o777 & ~mask)[2:]


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_default_workspace_is_private(forge, mask):
    with umask(mask):
        forge.ok("run", vault(forge))
        forge.ok("run", vault(forge))
    assert rights(forge.home) == "700"
    assert open_ones(forge.home / ".ankiforge") == {}
    assert open_ones(forge.home / "journal") == {}
    with umask(mask):
        forge.ok("init", "w")  # takes it over
    assert open_ones(forge.folder / "w/.ankiforge") == {}
    assert open_ones(forge.folder / "w/journal") == {}


def laid_open(*paths: Path) -> None:
    for path in paths:
        path.chmod(0o777 if path.is_dir() else 0o666)


@pytest.mark.usefixtures("takes_marks")
def test_what_lies_open_is_closed_by_the_next_command(forge):
    used(forge)
    own, journal = forge.folder / ".ankiforge", forge.folder / "journal"
    theirs = [forge.folder / name for name in ("ankiforge.yaml", "notes/a.md", "decks")]
    for command in (("run",), ("run", "--dry-run"), ("list",), ("status",)):
        laid_open(own, *own.rglob("*"), journal, *journal.iterdir(), *theirs)
        forge(*command)
        assert (rights(own), rights(journal)) == ("700", "700"), command
        assert [rights(path) for path in theirs] == ["666", "666", "777"]


@pytest.mark.usefixtures("takes_marks")
def test_what_a_link_leads_to_is_let_be(forge):
    used(forge)
    elsewhere = forge.folder.parent / "elsewhere"
    shutil.move(forge.folder / ".ankiforge", elsewhere)
    (elsewhere / "mine.txt").write_text("mine")
    (forge.folder / ".ankiforge").symlink_to(elsewhere)
    laid_open(elsewhere, elsewhere / "mine.txt")
    forge("run")
    assert (rights(elsewhere), rights(elsewhere / "mine.txt")) == ("777", "666")
    (forge.folder / ".ankiforge").unlink()
    shutil.move(elsewhere, forge.folder / ".ankiforge")
    other = forge.folder.parent / "other"
    other.mkdir()
    (other / "b.txt").write_text("b")
    laid_open(other, other / "b.txt", forge.folder / ".ankiforge")
    (forge.folder / ".ankiforge/out").symlink_to(other)
    forge("run")
    assert (rights(other), rights(other / "b.txt")) == ("777", "666")


@pytest.mark.usefixtures("takes_marks")
def test_where_rights_cannot_be_changed_nothing_fails(forge, monkeypatch):
    used(forge)
    laid_open(forge.folder / ".ankiforge")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "chmod", refused)
        patch.setattr(Path, "chmod", refused)
        (forge.folder / "notes/b.md").write_text("What is three?::3\n")
        forge.ok("run")
