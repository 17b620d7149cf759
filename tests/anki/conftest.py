from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ankiforge.anki.package import write_package
from ankiforge.model import Card, CardKind
from samples.anki_notes import note_for

HERE = Path(__file__).parent
MAKERS = HERE.parent / "unit" / "anki" / "makers.py"


def _module(path: Path, name: str = "") -> ModuleType:
    name = name or f"anki_tests_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


_module(HERE / "scenarios" / "__init__.py", "anki_scenarios")
_module(HERE / "stories.py", "anki_stories")
"""Known by name, because tables are read while tests are collected."""


@pytest.fixture(scope="session")
def make_card() -> Callable[..., Card]:
    """An accepted card of one highlight in a paper."""
    made: Callable[..., Card] = _module(MAKERS).make_card
    return made


@pytest.fixture(scope="session")
def backend() -> ModuleType:
    """The module `backend.py`; needs the real Anki."""
    if importlib.util.find_spec("anki") is None and not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.skip("the anki wheel is not installed")
    return _module(HERE / "backend.py")


@pytest.fixture
def collection(tmp_path: Path, backend: ModuleType) -> Iterator[Any]:
    """A fresh, empty collection."""
    folder = tmp_path / "profile"
    folder.mkdir()
    with backend.opened(folder) as anki:
        yield anki


@pytest.fixture(scope="session")
def sync_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Anki's own sync server."""
    from anki_scenarios.devices import server

    with server(tmp_path_factory.mktemp("sync") / "server") as running:
        yield running


@pytest.fixture
def syncing(tmp_path: Path, backend: ModuleType, sync_server: Any) -> Iterator[Any]:
    """The laptop and the phone of one person, synced once with Anki's own server."""
    from anki_scenarios.devices import devices

    with devices(sync_server, tmp_path, backend, "laptop", "phone") as made:
        yield made


@pytest.fixture(scope="module")
def viewer(
    tmp_path_factory: pytest.TempPathFactory,
    backend: ModuleType,
    make_card: Callable[..., Card],
) -> Iterator[Any]:
    """A collection that knows both note types, to look at cards in; tests add nothing to it."""
    folder = tmp_path_factory.mktemp("viewer")
    cards = (make_card(), make_card(CardKind.CLOZE, Text="{{c1::a}}"))
    write_package(folder / "both.apkg", [note_for(card, "Viewer", 1) for card in cards])
    with backend.opened(folder) as anki:
        anki.load(folder / "both.apkg")
        yield anki
