"""Pictures beside the ledger: names of one shape only, whole files only."""

import os
from pathlib import Path

import pytest

from ankiforge.ledger.highlights import Pictures, is_cut
from ankiforge.model import Picture

NAME = "cut/0123456789abcdef.png"


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_picture_is_kept_under_its_name_and_the_newer_one_takes_its_place(tmp_path):
    kept = Pictures(tmp_path / "pictures")
    assert kept.keep([Picture(NAME, b"old")]) == ()
    assert kept.keep([Picture(NAME, b"new")]) == ()
    assert files(tmp_path) == {f"pictures/{NAME}": b"new"}


def test_a_picture_that_is_there_is_not_written_again(tmp_path):
    kept = Pictures(tmp_path)
    kept.keep([Picture(NAME, b"same")])
    os.utime(tmp_path / NAME, ns=(1, 1))
    kept.keep([Picture(NAME, b"same")])
    assert (tmp_path / NAME).stat().st_mtime_ns == 1


@pytest.mark.parametrize(
    "name",
    [
        "0123456789abcdef.png",
        "cut/0123456789abcde.png",
        "cut/0123456789ABCDEF.png",
        "cut/0123456789abcdef.svg",
        "cut/../0123456789abcdef.png",
        "/cut/0123456789abcdef.png",
        "../cut/0123456789abcdef.png",
        "cut/0123456789abcdef.png\n",
        "cut/٠١٢٣456789abcdef.png",
    ],
)
def test_no_other_name_is_ever_written(tmp_path, name):
    Pictures(tmp_path / "pictures").keep([Picture(name, b"x")])
    assert (is_cut(name), files(tmp_path)) == (False, {})


def test_a_read_only_one_writes_nothing(tmp_path):
    assert Pictures(tmp_path, read_only=True).keep([Picture(NAME, b"x")]) == ()
    assert files(tmp_path) == {}


def test_what_cannot_be_kept_is_a_problem_and_leaves_nothing_behind(tmp_path):
    (tmp_path / NAME).mkdir(parents=True)
    other = "cut/fedcba9876543210.png"
    [problem] = Pictures(tmp_path).keep([Picture(NAME, b"x"), Picture(other, b"y")])
    assert "cannot be kept" in problem.what
    assert files(tmp_path) == {other: b"y"}
