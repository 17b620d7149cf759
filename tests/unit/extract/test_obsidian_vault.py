"""Which notes of a vault are read, and whether the scan was whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ankiforge import extract
from ankiforge.model import Extracted, Problem, Scan

MARKED = "A ==mark== here.\n"


def vault(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MARKED, "utf-8")
    return folder


def scan(root: Path, *only: Path, **settings: Any) -> tuple[list[str], list[Problem], Scan]:
    """(paths of the notes, problems, the scan)."""
    module = extract.module("obsidian")
    source = module.open_source("n", root, module.Settings(path="", **settings), only)
    *rest, last = source.scan()
    assert isinstance(last, Scan)
    paths = [sighting.document.path for sighting in rest if isinstance(sighting, Extracted)]
    return paths, [sighting for sighting in rest if isinstance(sighting, Problem)], last


def test_notes_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    paths, problems, last = scan(vault(tmp_path, "b.md", "a/z.md", "a.md", "C.md", "x.txt"))
    assert paths == ["C.md", "a.md", "a/z.md", "b.md"]
    assert (problems, last) == ([], Scan("n", "vault:n", complete=True))


def test_paths_are_nfc(tmp_path: Path) -> None:
    assert scan(vault(tmp_path, "a\u0308.md"))[0] == ["\u00e4.md"]


def test_two_names_that_look_the_same_are_one_note_and_a_word_about_it(tmp_path: Path) -> None:
    vault(tmp_path, "a\u0308.md", "\u00e4.md")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system takes them for one name")
    paths, problems, _ = scan(tmp_path)
    assert paths == ["\u00e4.md"]
    assert ["\u00e4.md" in problem.where for problem in problems] == [True]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"exclude": ("Templates/",)}, ["a.md", "b/c.md"]),
        ({"exclude": ("b/Templates/",)}, ["Templates/t.md", "a.md", "b/c.md"]),
        ({"exclude": ("**/t.md",)}, ["a.md", "b/c.md"]),
        ({"exclude": ("?.md",)}, []),
        ({"include": ("b/**",)}, ["b/Templates/t.md", "b/c.md"]),
        ({"include": ("b/*.md",)}, ["b/c.md"]),
        ({"include": ("b",)}, ["b/Templates/t.md", "b/c.md"]),
        ({"include": ()}, []),
    ],
)
def test_patterns_choose_notes(tmp_path: Path, settings: Any, kept: list[str]) -> None:
    root = vault(tmp_path, "a.md", "b/c.md", "b/Templates/t.md", "Templates/t.md")
    assert scan(root, **settings)[0] == kept


def test_dot_folders_and_what_editors_leave_are_left_out(tmp_path: Path) -> None:
    root = vault(
        tmp_path, ".obsidian/a.md", ".trash/a.md", ".stversions/a.md", "a.md~", ".#a.md", "~$a.md",
        "a.md.tmp", "draw.excalidraw.md", "kept.md",
    )  # fmt: skip
    paths, (drawing,), _ = scan(root)
    assert paths == ["kept.md"]
    assert drawing.notice
    assert drawing.what == (
        "1 Excalidraw drawing holds ==marks== that are not read: draw.excalidraw.md"
    )


@pytest.mark.parametrize(
    "name",
    [
        "a.sync-conflict-20260101-120000-ABCDEFG.md",
        "a (conflicted copy 2026-01-01).md",
        "a (Ada's conflicted copy 2026-01-01).md",
        "a.Conflict (1).md",
    ],
)
def test_a_conflict_copy_is_a_problem_and_not_read(tmp_path: Path, name: str) -> None:
    paths, (problem,), last = scan(vault(tmp_path, "a.md", name))
    assert (paths, problem.where, last.complete) == (["a.md"], name, True)


def test_a_note_that_icloud_took_away_makes_the_scan_partial(tmp_path: Path) -> None:
    _, (problem,), last = scan(vault(tmp_path, "a.md", "b/.gone.md.icloud"))
    assert (problem.where, last.complete) == ("b/gone.md", False)


def test_links_are_told_of_and_not_followed(tmp_path: Path) -> None:
    root = vault(tmp_path / "vault", "a.md")
    (root / "loop").symlink_to(root)
    (root / "b.md").symlink_to(root / "a.md")
    (root / "x.png").symlink_to(root / "a.md")
    paths, problems, last = scan(root)
    assert (paths, [one.where for one in problems]) == (["a.md"], ["b.md", "loop"])
    assert all("exclude" in one.hint for one in problems)
    assert last.complete
    assert scan(root, exclude=("loop/", "b.md"))[1] == []


def test_only_some_paths_make_the_scan_partial(tmp_path: Path) -> None:
    root = vault(tmp_path / "vault", "a.md", "b/c.md", "Templates/t.md")
    one = scan(root, root / "Templates" / "t.md", exclude=("Templates/",))
    assert (one[0], one[2].complete) == (["Templates/t.md"], False)
    folder = scan(root, root / "b")
    assert (folder[0], folder[2].complete) == (["b/c.md"], False)
    lost = scan(root, root / "none.md", vault(tmp_path, "outside.md") / "outside.md")
    assert (lost[0], len(lost[1])) == ([], 2)


def test_a_missing_vault_is_a_problem_and_a_partial_scan(tmp_path: Path) -> None:
    paths, (problem,), last = scan(tmp_path / "Gone")
    assert (paths, problem.where, last.complete) == ([], "Gone", False)


def test_an_empty_vault_is_complete_one_without_a_readable_note_is_not(tmp_path: Path) -> None:
    assert scan(tmp_path)[2].complete
    (tmp_path / "a.md").write_bytes(b"\xff\xe9==x==")
    assert not scan(tmp_path)[2].complete


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_note_may_say_how_it_is_encoded(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.md").write_bytes(MARKED.encode(encoding))
    assert scan(tmp_path)[0] == ["a.md"]


def test_a_note_that_is_not_utf_8_is_a_problem_and_the_others_go_on(tmp_path: Path) -> None:
    vault(tmp_path, "b.md")
    (tmp_path / "a.md").write_bytes(b"Caf\xe9 ==x==")
    paths, (problem,), last = scan(tmp_path)
    assert (paths, last.complete) == (["b.md"], True)
    assert (problem.where, problem.what) == ("a.md", "not UTF-8: byte 3 is 0xe9")
    assert "UTF-8" in problem.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_what_may_not_be_read_makes_the_scan_partial(tmp_path: Path) -> None:
    vault(tmp_path, "a.md", "b/c.md")
    (tmp_path / "b").chmod(0)
    paths, (problem,), last = scan(tmp_path)
    (tmp_path / "b").chmod(0o700)
    assert (paths, problem.where, last.complete) == (["a.md"], "b/", False)


def test_a_note_without_highlights_is_not_yielded(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Nothing is marked: `a::b`.\n")
    assert scan(tmp_path)[0] == []
