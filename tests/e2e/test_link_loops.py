"""Symbolic links that lead round in a circle: each costs one line, never the run."""

from pathlib import Path

import pytest

from samples.pdf_writer import Page, mark, paragraph, write_pdf

NOTE = "What makes ATP in a cell?::The mitochondrion\n"


def self_link(folder: Path, name: str) -> int:
    (folder / name).symlink_to(name)
    return 1


def pair(folder: Path, name: str) -> int:
    (folder / name).symlink_to(f"other-{name}")
    (folder / f"other-{name}").symlink_to(name)
    return 2


def through_a_folder(folder: Path, name: str) -> int:
    (folder / name).symlink_to(f"{name}/deeper")
    return 1


@pytest.mark.parametrize("make", [self_link, pair, through_a_folder])
@pytest.mark.parametrize("depth", ["", "one/two/three"])
def test_each_link_loop_in_a_vault_costs_one_line(forge, tmp_path, make, depth):
    vault = tmp_path / "v"
    (vault / depth).mkdir(parents=True)
    (vault / "note.md").write_text(NOTE)
    names = ("a.txt", "b.md", "c.pdf", "folder", "d.json", "ä b.png")
    count = sum(make(vault / depth, name) for name in names)
    for asked in (vault, vault / "note.md"):
        result = forge.ok("extract", asked, "--json")
        lines = [line for line in result.lines if "exact" in line]
        assert [line["exact"] for line in lines] == [NOTE.strip()]
        assert result.stderr.count("a link that leads to itself") == count
    assert len(forge.ok("run", vault).stdout)
    assert len(forge.cards()) == 1


@pytest.mark.parametrize("kind", ["markdown", "pdf", "tiddlywiki", "kindle", "readwise"])
@pytest.mark.parametrize("make", [self_link, pair])
def test_a_link_loop_in_another_folder_costs_one_line(forge, tmp_path, kind, make):
    folder = tmp_path / "f"
    (folder / "deep").mkdir(parents=True)
    if kind == "markdown":
        (folder / "a.txt").write_text("A cell is ==alive==.\n")
    elif kind == "tiddlywiki":
        (folder / "a.tid").write_text("title: a\n\nA cell is @@alive@@ and small.\n")
    elif kind == "kindle":
        entry = (
            "Book (A)\n- Your Highlight on page 1 | Added on Monday, 3 December 2012 19:51:33\n\n"
        )
        (folder / "My Clippings.txt").write_text(f"{entry}A cell is alive.\n==========\n")
    elif kind == "readwise":
        (folder / "a.csv").write_text("Highlight,Book Title\nA cell is alive.,Book\n")
    else:
        page = Page((paragraph("A cell is alive and makes more of it."),), (mark("alive"),))
        write_pdf(folder / "a.pdf", [page])
    ending = {"pdf": ".pdf", "tiddlywiki": ".tid", "readwise": ".csv"}.get(kind, ".txt")
    count = make(folder / "deep", f"loop{ending}")
    result = forge.ok("extract", folder, "--json")
    assert len([line for line in result.lines if "exact" in line]) == 1
    assert result.stderr.count("a link that leads to itself") == count


def test_a_loop_is_no_place_to_read_and_stops_no_other(forge, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    result = forge("extract", tmp_path / "loop", code=2)
    assert "a link to a missing file, or to itself" in result.stderr
    vault = tmp_path / "v"
    vault.mkdir()
    (vault / "note.md").write_text(NOTE)
    assert forge("extract", tmp_path / "loop", vault, "--json", code=1).stdout.count('"exact"') == 1


def test_init_finds_the_vault_beside_a_loop(forge):
    documents = forge.home / "Documents"
    (documents / "Notes" / ".obsidian").mkdir(parents=True)
    (documents / "Notes" / "note.md").write_text(NOTE)
    (documents / "Notes" / "deep").symlink_to("deep")
    (documents / "loop").symlink_to("loop")
    assert "Notes" in forge("init", forge.folder / "w").stderr
    assert "Traceback" not in forge("run", documents / "Notes").stderr
