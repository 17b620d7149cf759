"""Anki's collections are found where it keeps them."""

import os
from pathlib import Path

import pytest

from ankiforge.anki.profiles import find_collections


def profile(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "collection.anki2").touch()
    return path / "collection.anki2"


@pytest.mark.parametrize(
    "place",
    [
        ".local/share/Anki2",
        ".var/app/net.ankiweb.Anki/data/Anki2",
        "Library/Application Support/Anki2",
        "AppData/Roaming/Anki2",
    ],
)
def test_every_profile_on_every_platform(tmp_path, place):
    found = [profile(tmp_path / place / name) for name in ("Ada", "User 1")]
    (tmp_path / place / "addons21").mkdir()
    (tmp_path / place / "prefs21.db").touch()
    assert find_collections(tmp_path, {}) == tuple(found)


@pytest.mark.parametrize(
    ("name", "below"),
    [("ANKI_BASE", ""), ("XDG_DATA_HOME", "Anki2"), ("APPDATA", "Anki2")],
)
def test_the_environment_names_other_places(tmp_path, name, below):
    found = profile(tmp_path / "else where" / below / "User 1")
    assert find_collections(tmp_path / "home", {name: str(tmp_path / "else where")}) == (
        found,
    )
    assert find_collections(tmp_path / "gone", {name: ""}) == ()


def test_one_collection_reached_twice_is_found_once(tmp_path):
    found = profile(tmp_path / ".local/share/Anki2/User 1")
    (tmp_path / "base").symlink_to(tmp_path / ".local/share/Anki2")
    assert find_collections(tmp_path, {"ANKI_BASE": str(tmp_path / "base")}) == (found,)


def test_what_cannot_be_read_is_passed_over(tmp_path):
    base = tmp_path / ".local/share/Anki2"
    found = profile(base / "User 1")
    (base / "Odd" / "collection.anki2").mkdir(parents=True)
    (base / "Gone").symlink_to(tmp_path / "gone")
    (base / "Loop").symlink_to(base / "Loop")
    environ = {"ANKI_BASE": "a\0b", "APPDATA": os.fspath(found)}
    assert find_collections(tmp_path, environ) == (found,)
