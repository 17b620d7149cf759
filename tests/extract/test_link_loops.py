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
    result = forge("run", "--dry-run", "-v", folder, "--json", code=0)
    assert len([line for line in result.lines if "exact" in line]) == 1
    named = [line for line in result.stderr.splitlines() if "a link is not" in line]
    assert all("deep/w" in line and "it points nowhere" in line for line in named)


def test_a_loop_is_no_place_to_read_and_stops_no_other(forge, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    result = forge("run", "--dry-run", "-v", tmp_path / "loop", code=2)
    assert "a link to a missing file, or to itself" in result.stderr
    assert "name the file or folder itself" in result.stderr
    vault = tmp_path / "v"
    vault.mkdir()
    (vault / "note.md").write_text(NOTE)
    assert (
        forge(
            "run", "--dry-run", "-v", tmp_path / "loop", vault, "--json", code=1
        ).stdout.count('"exact"')
        == 1
    )


def test_a_link_out_of_a_vault_is_named_once_and_one_into_it_never(forge, tmp_path):
    vault, shared = tmp_path / "v", tmp_path / "their notes"
    for folder in (vault / "deep", shared):
        folder.mkdir(parents=True)
    (vault / "deep" / "a.md").write_text(NOTE)
    (shared / "b.md").write_text("Which gas do plants take in?::Carbon dioxide\n")
    (vault / "deep" / "other.md").write_text("Nothing yet.\n")
    (vault / "again").symlink_to(vault / "deep")
    (vault / "again.md").symlink_to("deep/a.md")
    (vault / "shared").symlink_to(shared)
    result = forge("run", vault, code=0)
    [told] = [line for line in result.stderr.splitlines() if "link" in line]
    assert told.startswith("note: shared: a link is not followed")
    assert f"ankiforge run '{shared}'" in told
    assert "link" not in forge("run", code=0).stderr
    (vault / "deep" / "a.md").write_text(NOTE.replace("ATP", "energy"))
    assert "link" not in forge("run", code=0).stderr
    assert len(forge.cards()) == 1


def test_a_bin_of_a_drive_is_not_read_and_is_nothing_to_tell(forge, tmp_path):
    vault = tmp_path / "v"
    bins = (
        "#recycle",
        "@eaDir",
        "$RECYCLE.BIN",
        "System Volume Information/x",
        "lost+found",
    )
    for name in bins:
        (vault / name).mkdir(parents=True)
        (vault / name / "deleted.md").write_text("Which owl is white?::The snowy owl\n")
        (vault / name / "deleted.pdf").write_bytes(b"%PDF-1.4")
    (vault / "a.md").write_text(NOTE)
    result = forge("run", vault, code=0)
    assert len(forge.cards()) == 1
    assert "not read" not in result.stdout + result.stderr
