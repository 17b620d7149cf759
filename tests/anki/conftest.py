from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ankiforge.anki.package import write_package
from ankiforge.model import CardKind, LocalCard
from tests.anki.stories import Desk
from tests.makers.anki_notes import note_for


@pytest.fixture
def collection(tmp_path: Path, backend: ModuleType) -> Iterator[Any]:
    """A fresh, empty collection."""
    folder = tmp_path / "profile"
    folder.mkdir()
    with backend.opened(folder) as anki:
        yield anki


@pytest.fixture
def anki(forge: Any, backend: Any) -> Iterator[Any]:
    """The person's own collection, open in Anki while the program looks at it."""
    with backend.opened(forge.profile) as opened:
        yield opened


@pytest.fixture
def desk(forge: Any, anki: Any) -> Desk:
    """A workspace that reads one vault, and the person's collection."""
    forge.settings("sources:\n  - obsidian: {name: notes, path: notes}\n")
    return Desk(forge, anki)


@pytest.fixture(scope="session")
def sync_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Anki's own sync server."""
    from tests.anki.devices import server

    with server(tmp_path_factory.mktemp("sync") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def viewer(
    tmp_path_factory: pytest.TempPathFactory,
    backend: ModuleType,
    make_card: Callable[..., LocalCard],
) -> Iterator[Any]:
    """A collection that knows both note types, to look at cards in; tests add nothing to it."""
    folder = tmp_path_factory.mktemp("viewer")
    cards = (make_card(), make_card(CardKind.CLOZE, Text="{{c1::a}}"))
    write_package(folder / "both.apkg", [note_for(card, "Viewer", 1) for card in cards])
    with backend.opened(folder) as anki:
        anki.load(folder / "both.apkg")
        yield anki
