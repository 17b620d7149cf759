"""What is not read is said, with the file and the reason."""

from pathlib import Path

import pytest

from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

BANNER = "==⚠  Switch to EXCALIDRAW VIEW in the MORE OPTIONS menu of this document. ⚠==\n"
DRAWING = "\n%%\n## Drawing\n```compressed-json\nN4Ig==x==\n```\n%%\n"


def drawing(folder: Path, name: str, words: str) -> None:
    head = "---\nexcalidraw-plugin: parsed\n---\n"
    text = f"{head}{BANNER}\n# Text Elements\n{words} ^abc\n{DRAWING}"
    (folder / f"{name}.excalidraw.md").write_text(text, encoding="utf-8")


def test_drawings_with_marks_are_counted_and_their_banner_is_no_mark(forge, tmp_path):
    vault = tmp_path / "v"
    (vault / "deep").mkdir(parents=True)
    (vault / "note.md").write_text("A cell is ==alive== here.\n")
    drawing(vault, "plain", "nothing is marked, x == y")
    assert "drawing" not in forge.ok("extract", vault).stderr
    drawing(vault, "one", "a ==marked== word")
    said = forge.ok("extract", vault).stderr
    assert "1 drawing or canvas holds ==marks== that are not read: one.excalidraw.md" in said
    for number in range(4):
        drawing(vault / "deep", f"more {number}", "two ==marked words== here")
    result = forge.ok("run", vault, "--json")
    [note] = [one for one in result.data["problems"] if "drawings" in one["what"]]
    assert note["what"].startswith("5 drawings hold ==marks== that are not read: ")
    assert note["notice"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("words", ["A cell is ==alive== here.\n", "Клетка ==жива==, и это так.\n"])
def test_utf_16_that_does_not_say_so_is_named(forge, tmp_path, encoding, words):
    vault = tmp_path / "v"
    vault.mkdir()
    (vault / "good.md").write_text("The lens ==bends== light.\n")
    (vault / "wide.md").write_bytes((words * 5).encode(encoding))
    result = forge("extract", vault, code=1)
    order = "little" if encoding.endswith("le") else "big"
    assert f"wide.md: it looks like UTF-16 ({order} endian) without a byte order" in result.stderr
    assert "bends" in result.stdout


def test_a_nul_byte_makes_no_utf_16(forge, tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "a.md").write_bytes(b"A cell \x00 is ==alive== here.\n")
    assert "alive" in forge.ok("extract", tmp_path / "v").stdout


EXPORTS = {
    "empty.csv": ("", "the file is empty"),
    "foreign.csv": ("Name,Age\nAnn,3\n", "its columns are “"),
    "broken.json": ('{"rows":[{"id":1,', "broken JSON: "),
    "deep.json": ("[" * 200_000, "broken JSON: nested too deep"),
    "other.json": ('{"a": 1}', "JSON, but without annotations of Hypothesis"),
    "empty.jsonl": ("", "the file is empty"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_cannot_be_read_says_why(forge, tmp_path, name):
    text, why = EXPORTS[name]
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / name).write_text(text)
    alone = forge("extract", folder / name, code=2).stderr
    assert why in alone
    assert name in alone
    assert f"{name}: {why}" in forge("run", folder, code=2).stderr


def test_a_foreign_file_beside_a_good_export_is_named(forge, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "good.csv").write_text("Highlight,Book Title\nA cell is alive.,Book\n")
    (folder / "foreign.csv").write_text("Name,Age\nAnn,3\n")
    result = forge.ok("extract", folder)
    assert "A cell is alive." in result.stdout
    assert "note: foreign.csv: not a Readwise export: its columns are" in result.stderr


def test_an_empty_database_of_zotero_is_empty(forge, tmp_path):
    (tmp_path / "zotero.sqlite").write_bytes(b"")
    result = forge("extract", tmp_path / "zotero.sqlite", code=1)
    assert "zotero.sqlite" in result.stderr
    assert "not a Zotero database" in result.stderr


@pytest.mark.parametrize("where", ["file", "paper"])
def test_a_library_whose_annotations_all_lie_in_the_trash_says_so(forge, tmp_path, where):
    marks = tuple(Annotation(f"ANNAAAA{n}", text=f"words {n}") for n in (2, 3))
    file = Attachment("ATTAAAA2", "a.pdf", annotations=marks, trashed=where == "file")
    work = Work("ITEMAAA2", {"title": "Paper"}, attachments=(file,), trashed=where == "paper")
    write_zotero(tmp_path / "zotero.sqlite", [Library((work,))])
    said = forge.ok("extract", tmp_path / "zotero.sqlite").stderr
    assert "all 2 annotations lie in the trash of Zotero" in said
