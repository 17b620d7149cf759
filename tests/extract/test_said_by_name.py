"""What is not read is said, with the file and the reason."""

from pathlib import Path

import pytest

BANNER = "==⚠  Switch to EXCALIDRAW VIEW in the MORE OPTIONS menu of this document. ⚠==\n"
DRAWING = "\n%%\n## Drawing\n```compressed-json\nN4IgLgngDgpiBcIYA8DGBDANgSwCYCd0B3EAGhADcZ8BnbAezTMwgF4g==\n```\n%%\n"


def drawing(folder: Path, name: str, words: str) -> None:
    head = "---\nexcalidraw-plugin: parsed\n---\n"
    text = f"{head}{BANNER}\n# Text Elements\n{words} ^abc\n{DRAWING}"
    (folder / f"{name}.excalidraw.md").write_text(text, encoding="utf-8")


def test_the_banner_of_a_drawing_is_no_mark(forge, tmp_path):
    vault = tmp_path / "v"
    vault.mkdir()
    (vault / "note.md").write_text("A cell is ==alive== here.\n")
    drawing(vault, "one", "a ==marked== word")
    assert "drawing" not in forge.ok("run", "--dry-run", "-v", vault).stderr


NO_JSON = "of JSON, only exports of Hypothesis and Bookcision are read"
EXPORTS = {
    "empty.csv": ("", "the file is empty"),
    "foreign.csv": ("Name,Age\nAnn,3\n", "its columns are "),
    "deep.json": ("[" * 200_000, NO_JSON),
    "other.json": ('{"a": 1}', NO_JSON),
    "empty.json": ("", "the file is empty"),
    "page.html": (
        "<p>A page.</p>",
        "of web pages, only notebooks of a Kindle have highlights",
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_cannot_be_read_says_why(forge, tmp_path, name):
    text, why = EXPORTS[name]
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / name).write_text(text)
    alone = forge("run", "--dry-run", "-v", folder / name, code=2).stderr
    assert why in alone
    assert name in alone
    assert f"{name}: {why}" in forge("run", folder, code=2).stderr


def test_a_foreign_file_beside_a_good_export_is_named(forge, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "good.csv").write_text("Highlight,Book Title\nA cell is alive.,Book\n")
    (folder / "foreign.csv").write_text("Name,Age\nAnn,3\n")
    assert "A cell is alive." in forge.ok("run", "--dry-run", "-v", folder).stdout
    assert "note: exports: not read: 1 .csv" in forge.ok("run", folder).stderr
    result = forge("run", "--dry-run", "-v", folder / "foreign.csv", code=2)
    assert "its columns are Name,Age" in result.stderr


def test_an_empty_database_of_zotero_is_empty(forge, tmp_path):
    (tmp_path / "zotero.sqlite").write_bytes(b"")
    result = forge("run", "--dry-run", "-v", tmp_path / "zotero.sqlite", code=1)
    assert "zotero.sqlite" in result.stderr
    assert "not a Zotero database" in result.stderr
