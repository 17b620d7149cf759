"""Symbolic links that lead round in a circle stop nothing."""

from pathlib import Path

import pytest

NOTE = "What makes ATP in a cell?::The mitochondrion\n"
TEXTS = {
    "obsidian": ("a.md", NOTE),
    "readwise": ("a.csv", "Highlight,Book Title\nA cell is alive.,Book\n"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_link_loop_stops_nothing(forge, tmp_path, kind):
    name, text = TEXTS[kind]
    folder = tmp_path / "f"
    (folder / "deep").mkdir(parents=True)
    (folder / name).write_text(text)
    loops = {"x": "x", "y": "z", "z": "y", "deep/folder": "folder", "deep/w": "w/deeper"}
    for link, target in loops.items():
        (folder / f"{link}{Path(name).suffix}").symlink_to(f"{target}{Path(name).suffix}")
    result = forge("extract", folder, "--json", code=1 if kind == "obsidian" else 0)
    assert len([line for line in result.lines if "exact" in line]) == 1
    assert result.stderr.count("a link is not followed") == (
        5 if kind == "obsidian" else 0
    )


def test_a_loop_is_no_place_to_read_and_stops_no_other(forge, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    result = forge("extract", tmp_path / "loop", code=2)
    assert "a link to a missing file, or to itself" in result.stderr
    assert "name the file or folder itself" in result.stderr
    vault = tmp_path / "v"
    vault.mkdir()
    (vault / "note.md").write_text(NOTE)
    assert (
        forge("extract", tmp_path / "loop", vault, "--json", code=1).stdout.count(
            '"exact"'
        )
        == 1
    )
