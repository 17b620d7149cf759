import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ankiforge.ledger import ingest as reading


@pytest.fixture
def anki(tmp_path: Path, backend: ModuleType) -> Iterator[Any]:
    """A fresh, empty collection of the real Anki."""
    folder = tmp_path / "profile"
    folder.mkdir()
    with backend.opened(folder) as opened:
        yield opened


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """An empty vault."""
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    return folder


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scans need not lie five seconds apart to make a highlight count as gone."""
    monkeypatch.setattr(reading, "GONE_SECONDS", 0.0)


@pytest.fixture(scope="session")
def files() -> Any:
    """Every file below some folders with the hash of its bytes."""

    def look(*folders: Path) -> dict[str, str]:
        found = (path for folder in folders for path in sorted(folder.rglob("*")))
        return {
            str(path): sha256(path.read_bytes()).hexdigest() for path in found if path.is_file()
        }

    return look


@pytest.fixture(scope="session")
def notes_in() -> Any:
    """{guid: (mod, fields, tags)} of a package, read as Anki would."""

    def look(package: Path) -> dict[str, tuple[int, list[str], str]]:
        with zipfile.ZipFile(package) as archive:
            raw = archive.read("collection.anki2")
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(raw)
            rows = database.execute("SELECT guid, mod, flds, tags FROM notes").fetchall()
        return {guid: (mod, fields.split("\x1f"), tags) for guid, mod, fields, tags in rows}

    return look
